const wasm = await WebAssembly.instantiateStreaming(fetch('module.wasm'), {}); wasm.instance.exports.run();
