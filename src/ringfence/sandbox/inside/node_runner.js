// Runs one snippet in a Node of its own, inside a cage that holds it already; Node's permissions are a second fence, no cage.
// One idea: the order comes in on one descriptor and one answer leaves on another, both JSON; stdout and stderr stay the snippet's.
// Started as: node FLAGS node_runner.js, with {source, inputs} on descriptor 3 and the answer expected on 4. The snippet runs in this
// realm and could write an answer of its own: the reader must take the frame as hostile, as every other.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");

const ORDER = 3;
const ANSWER = 4;
const MOST_TEXT = 10000;
const { stringify } = JSON;

// Node keeps numbers that JSON lacks out of the answer, as null; a BigInt leaves as its text.
function plain(_key, value) {
  switch (typeof value) {
    case "bigint":
    case "function":
    case "symbol":
      return String(value);
    default:
      return value instanceof Map ? [...value] : value instanceof Set ? [...value] : value;
  }
}

function failure(error) {
  const isError = error instanceof Error || Object.prototype.toString.call(error) === "[object Error]";
  const [kind, text, traceback] = isError ? [error.name, error.message, error.stack] : ["Error", String(error), ""];
  return { kind: String(kind).slice(0, 100), text: String(text).slice(0, MOST_TEXT), traceback: String(traceback).slice(0, MOST_TEXT) };
}

async function run({ source, inputs }) {
  Object.assign(globalThis, inputs, { inputs });
  // A script has no `await` of its own; the value is that of its last expression, and a promise is waited for.
  const reached = await new vm.Script(source, { filename: "snippet.js" }).runInThisContext();
  const value = reached === undefined ? await globalThis.result : reached;
  return stringify({ value: value === undefined ? null : value }, plain);
}

function answer(text) {
  fs.writeFileSync(ANSWER, text); // which, other than writeSync, writes all of it
  process.exit(0); // timers and rejections that nobody waits for end here
}

const order = JSON.parse(fs.readFileSync(ORDER, "utf8"));
fs.closeSync(ORDER);
process.once("beforeExit", () => answer(stringify({ kind: "Error", text: "a promise is still pending and nothing is left to do", traceback: "" })));
run(order).then(answer, (error) => answer(stringify(failure(error))));
