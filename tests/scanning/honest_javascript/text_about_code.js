const re = /(\w+)\.constructor/g; const text = "x.constructor.constructor('return process')()"; // eval(x) and rm -rf /
console.log(text.match(re)); const help = `Run: require('child_process').exec('rm -rf /')`;
