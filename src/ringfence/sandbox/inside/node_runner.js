// Runs one snippet in a Node of its own, inside a cage that holds it already; Node's permissions are a second fence, no cage.
// One idea: the order comes in on one descriptor and one answer leaves on another, both JSON; stdout and stderr stay the snippet's.
// Started as: node FLAGS node_runner.js, with {source, inputs, token, most} on descriptor 3 and the answer expected on 4, as `frames.py` has it:
// length, token, JSON. The snippet runs in this realm and could write an answer of its own: the host takes the frame as hostile, as every other.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");

const ORDER = 3;
const ANSWER = 4;
const MOST_TEXT = 10000;
const REASONS = { ERR_ACCESS_DENIED: "policy", EACCES: "policy", EPERM: "policy", EROFS: "policy", EFBIG: "files", ENOSPC: "files", EMFILE: "files", EAGAIN: "processes" };
const { stringify } = JSON;

// An object with a key "$" would be taken for one of the marks that frames.py decodes, so it goes as pairs. JSON has no NaN: null.
function plain(_key, value) {
  switch (typeof value) {
    case "bigint":
      return mark({ $: ["int", value < 0n ? "-0x" + (-value).toString(16) : "0x" + value.toString(16)] });
    case "function":
    case "symbol":
      return String(value);
    case "object":
      if (value instanceof Map || value instanceof Set) return [...value];
      if (value !== null && Object.hasOwn(value, "$") && !marks.has(value)) return mark({ $: ["dict", Object.entries(value)] });
  }
  return value;
}

const marks = new WeakSet();

function mark(value) {
  marks.add(value);
  return value;
}

function failure(error) {
  const isError = error instanceof Error || Object.prototype.toString.call(error) === "[object Error]";
  const [kind, text, stack] = isError ? [error.name, error.message, error.stack] : ["Error", String(error), ""];
  const traceback = String(stack).split("\n").filter((each) => !/node_runner\.js|node:(internal|vm)/.test(each)).join("\n");
  const name = String(kind).slice(0, 100);
  const line = /snippet\.js:(\d+)/.exec(traceback);
  process.stderr.write(`${(traceback || String(text)).slice(0, MOST_TEXT)}\n`);
  const where = line ? ` in line ${line[1]}` : "";
  return { failed: REASONS[error?.code] ?? "crashed", detail: `the code raised ${name}${where}`, kind: name, text: String(text).slice(0, MOST_TEXT), line: line ? Number(line[1]) : 0, code: 1 };
}

async function run({ source, inputs }) {
  Object.assign(globalThis, inputs, { inputs });
  // A script has no `await` of its own; the value is that of its last expression, and a promise is waited for.
  const reached = await new vm.Script(source, { filename: "snippet.js" }).runInThisContext();
  const value = reached === undefined ? await globalThis.result : reached;
  return stringify({ value: value === undefined ? null : value, code: 0 }, plain);
}

function answer(text) {
  let body = Buffer.from(text);
  if (body.length > order.most) {
    body = Buffer.from(stringify({ failed: "output", detail: `the value is larger than ${order.most} bytes`, code: 0 }));
  }
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  fs.writeFileSync(ANSWER, Buffer.concat([head, Buffer.from(order.token, "hex"), body])); // which, other than writeSync, writes all of it
  process.removeAllListeners("exit");
  process.exit(0); // timers and rejections that nobody waits for end here
}

const pending = { failed: "crashed", detail: "a promise is still pending and nothing is left to do", kind: "Error", text: "", code: 1 };
const order = JSON.parse(fs.readFileSync(ORDER, "utf8"));
fs.closeSync(ORDER);
process.once("beforeExit", () => answer(stringify(pending)));
process.once("exit", (code) => answer(stringify({ failed: "crashed", detail: `it ended with the code ${code}`, code: code & 255 })));
run(order).then(answer, (error) => answer(stringify(failure(error))));
