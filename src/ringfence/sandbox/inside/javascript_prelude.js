// What stands inside the JavaScript engine before a snippet comes: the console, the inputs, and the way out for values and errors.
// One idea: the host receives text that is made here, and nothing else. So what is used after a snippet could run is taken now, into
// constants that it cannot reach; a hostile getter, trap or `toString` runs in here and garbles its own snippet's answer at most.
// Names start with `$`, by which `javascript.py` leaves these functions out of tracebacks. `$out` and `$err` are the host's functions
// and are taken off the global object before any snippet runs.
(function $prelude() {
  "use strict";
  const MOST_DEPTH = 90; // a frame from the worker to the host may nest 100 levels, and its envelope has some
  const MOST_KIND = 100;
  const MOST_TEXT = 10000;
  const MOST_VALUE = 16777216; // characters of a value as JSON, where a part that is shared counts each time
  const MOST_OUTPUT = 262144; // of one call of the console
  const SHOWN_DEPTH = 4;
  const SHOWN_ITEMS = 100;

  const $global = globalThis;
  const { $out, $err } = $global;
  delete $global.$out;
  delete $global.$err;

  const $call = Function.prototype.call.bind(Function.prototype.call);
  const $BigInt = BigInt;
  const $Bytes = Uint8Array;
  const $Error = Error;
  const $Promise = Promise;
  const $RangeError = RangeError;
  const $TypeError = TypeError;
  const { parse: $parse, stringify: $stringify } = JSON;
  const { isArray: $isArray } = Array;
  const { defineProperty: $define, getOwnPropertyDescriptor: $descriptor, getPrototypeOf: $prototypeOf, is: $is, keys: $keys } = Object;
  const $plain = Object.prototype;
  const $list = Array.prototype;
  const $getter = (owner, name) => $descriptor(owner, name).get;
  const { slice: $slice, toWellFormed: $wellFormed } = String.prototype;
  const $typed = $prototypeOf(Uint8Array.prototype);
  const $typedName = $getter($typed, Symbol.toStringTag);
  const $typedLength = $getter($typed, "length");
  const $bufferLength = $getter(ArrayBuffer.prototype, "byteLength");
  const $regexSource = $getter(RegExp.prototype, "source");
  const { exec: $exec, toString: $regexText } = RegExp.prototype;
  const { getTime: $time, toISOString: $isoText } = Date.prototype;
  const { forEach: $eachOfMap } = Map.prototype;
  const { forEach: $eachOfSet } = Set.prototype;
  const { toString: $functionText, [Symbol.hasInstance]: $hasInstance } = Function.prototype;
  const { toString: $symbolText } = Symbol.prototype;
  const { valueOf: $number } = Number.prototype;
  const { valueOf: $string } = String.prototype;
  const { valueOf: $boolean } = Boolean.prototype;
  const { valueOf: $bigint } = BigInt.prototype;
  const $simpleName = /^[A-Za-z_$][\w$]*$/;

  const $isInstance = (value, kind) => $call($hasInstance, kind, value);
  const $isName = (text) => $call($exec, $simpleName, text) !== null;
  const $cut = (text, most) => (text.length > most ? `${$call($slice, text, 0, most)}…` : text);
  // Half of a surrogate pair is no text to the host; it is replaced by U+FFFD.
  const $quote = (text) => $stringify($call($wellFormed, text));
  const $quoteCut = (text, most) => $quote($cut(text, most));

  function $isKind(probe, value) {
    try {
      $call(probe, value, () => {});
      return true;
    } catch {
      return false;
    }
  }

  // What kind of built-in an object is, told by what it holds inside: another kind's method throws, whatever the snippet pretends.
  function $kindOf(value) {
    const prototype = $prototypeOf(value);
    if (prototype === $plain || prototype === $list || prototype === null) return "";
    if ($call($typedName, value) !== undefined) return "typed";
    if ($isInstance(value, $Error)) return "error";
    if ($isInstance(value, $Promise)) return "promise";
    if ($isKind($time, value)) return "date";
    if ($isKind($eachOfMap, value)) return "map";
    if ($isKind($eachOfSet, value)) return "set";
    if ($isKind($regexSource, value)) return "regex";
    if ($isKind($bufferLength, value)) return "buffer";
    if ($isKind($number, value)) return "number";
    if ($isKind($string, value)) return "string";
    if ($isKind($boolean, value)) return "boolean";
    if ($isKind($bigint, value)) return "bigint";
    return "";
  }

  const $unboxers = { __proto__: null, number: $number, string: $string, boolean: $boolean, bigint: $bigint };

  // ---- values, as JSON text (with NaN, Infinity and integers of any size, which the host's reader takes)

  let $left = 0;

  function $spend(text) {
    $left -= text.length + 1;
    if ($left < 0) throw new $RangeError(`the value is larger than ${MOST_VALUE} characters of JSON`);
    return text;
  }

  function $encode(value, path) {
    return typeof value === "object" && value !== null ? $encodeObject(value, $within(value, path)) : $spend($encodePrimitive(value));
  }

  function $encodePrimitive(value) {
    switch (typeof value) {
      case "undefined":
        return "null";
      case "boolean":
      case "number":
      case "bigint":
        return `${value}`;
      case "string":
        return $quote(value);
      case "function":
        return $quote($call($functionText, value));
      case "symbol":
        return $quote($call($symbolText, value));
      default:
        return "null";
    }
  }

  function $within(value, path) {
    const depth = path === null ? 1 : path.depth + 1;
    if (depth > MOST_DEPTH) throw new $RangeError(`the value nests deeper than ${MOST_DEPTH} levels`);
    for (let each = path; each !== null; each = each.up) {
      if (each.value === value) throw new $TypeError("the value contains itself");
    }
    return { value, depth, up: path };
  }

  function $encodeObject(value, path) {
    $spend("");
    const kind = $kindOf(value);
    if (kind in $unboxers) return $encode($call($unboxers[kind], value), path);
    switch (kind) {
      case "date":
        return $is($call($time, value), NaN) ? "null" : $quote($call($isoText, value));
      case "map":
        return $encodeMap(value, path);
      case "set":
        return $encodeSet(value, path);
      case "typed":
        return $encodeList(value, $call($typedLength, value), path);
      case "buffer":
        return $encodeList(new $Bytes(value), $call($bufferLength, value), path);
      case "regex":
        return $quote($call($regexText, value));
      case "promise":
        return '"[object Promise]"';
      case "error":
        return `{"name":${$quote($kindName(value))},"message":${$quote($read(value, "message"))}}`;
    }
    const toJSON = value.toJSON;
    if (typeof toJSON === "function") return $encode($call(toJSON, value, ""), path);
    return $isArray(value) ? $encodeList(value, value.length, path) : $encodeRecord(value, path);
  }

  function $encodeList(list, length, path) {
    let text = "";
    for (let i = 0; i < length; i++) text += (i ? "," : "") + $encode(list[i], path);
    return `[${text}]`;
  }

  function $encodeRecord(record, path) {
    const names = $keys(record);
    let text = "";
    for (let i = 0; i < names.length; i++) text += `${i ? "," : ""}${$spend($quote(names[i]))}:${$encode(record[names[i]], path)}`;
    return `{${text}}`;
  }

  // A record where every key is a text, otherwise a list of pairs.
  function $encodeMap(map, path) {
    let record = "";
    let pairs = "";
    let named = true;
    $call($eachOfMap, map, (value, key) => {
      const comma = pairs ? "," : "";
      const encoded = $encode(value, path);
      named = named && typeof key === "string";
      if (named) record += `${comma}${$spend($quote(key))}:${encoded}`;
      pairs += `${comma}[${$encode(key, path)},${encoded}]`;
    });
    return named ? `{${record}}` : `[${pairs}]`;
  }

  function $encodeSet(set, path) {
    let text = "";
    $call($eachOfSet, set, (value) => {
      text += (text ? "," : "") + $encode(value, path);
    });
    return `[${text}]`;
  }

  // ---- errors

  function $read(value, name) {
    try {
      const found = value[name];
      return typeof found === "string" ? found : "";
    } catch {
      return "";
    }
  }

  function $kindName(error) {
    const name = $read(error, "name") || "Error";
    if (name !== "Error") return name;
    try {
      return $read(error.constructor, "name") || name; // a class that extends Error and sets no name
    } catch {
      return name;
    }
  }

  function $failure(reason) {
    let kind = "Error";
    let text = "";
    let stack = "";
    if (typeof reason === "object" && reason !== null && $isInstance(reason, $Error)) {
      kind = $kindName(reason);
      text = $read(reason, "message");
      stack = $read(reason, "stack");
    } else {
      text = $shown(reason);
    }
    return `{"kind":${$quote($call($slice, kind, 0, MOST_KIND))},"text":${$quoteCut(text, MOST_TEXT)},"stack":${$quoteCut(stack, MOST_TEXT)}}`;
  }

  // ---- what a person sees: primitives as Node prints them, objects much as one would write them; no getter is called

  function $shown(value) {
    if (typeof value === "string") return value;
    try {
      return $show(value, null);
    } catch {
      return "[object that cannot be shown]";
    }
  }

  function $show(value, path) {
    switch (typeof value) {
      case "string":
        return $quoteCut(value, MOST_TEXT);
      case "number":
        return $is(value, -0) ? "-0" : `${value}`;
      case "bigint":
        return `${value}n`;
      case "symbol":
        return $call($symbolText, value);
      case "function":
        return $showFunction(value);
      case "object":
        return value === null ? "null" : $showObject(value, path);
      default:
        return `${value}`;
    }
  }

  function $showFunction(value) {
    const name = $ownText(value, "name");
    const kind = $call($slice, $call($functionText, value), 0, 5) === "class" ? "class" : "Function";
    return name ? `[${kind}: ${name}]` : `[${kind} (anonymous)]`;
  }

  function $ownText(value, name) {
    const found = $descriptor(value, name);
    return found !== undefined && typeof found.value === "string" ? found.value : "";
  }

  function $showObject(value, path) {
    for (let each = path; each !== null; each = each.up) if (each.value === value) return "[Circular]";
    const kind = $kindOf(value);
    if (kind in $unboxers) return `[${$show($call($unboxers[kind], value), path)}]`;
    const inside = { value, up: path, depth: path === null ? 1 : path.depth + 1 };
    switch (kind) {
      case "date":
        return $is($call($time, value), NaN) ? "Invalid Date" : $call($isoText, value);
      case "regex":
        return $call($regexText, value);
      case "promise":
        return "Promise {}";
      case "error":
        return $showError(value);
    }
    if (inside.depth > SHOWN_DEPTH) return $isArray(value) ? "[Array]" : "[Object]";
    switch (kind) {
      case "map":
        return $showMap(value, inside);
      case "set":
        return $showSet(value, inside);
      case "typed":
        return `${$call($typedName, value)} ${$showList(value, $call($typedLength, value), inside)}`;
      case "buffer":
        return `ArrayBuffer ${$showList(new $Bytes(value), $call($bufferLength, value), inside)}`;
    }
    return $isArray(value) ? $showList(value, $descriptor(value, "length").value, inside) : $showRecord(value, inside);
  }

  function $showError(error) {
    const stack = $ownText(error, "stack");
    const message = $ownText(error, "message");
    return `${$kindName(error)}${message ? `: ${message}` : ""}${stack ? `\n${stack}` : ""}`;
  }

  const $more = (length) => (length > SHOWN_ITEMS ? `, … ${length - SHOWN_ITEMS} more` : "");
  const $spaced = (open, text, close) => (text ? `${open} ${text} ${close}` : `${open}${close}`);

  function $showProperty(owner, name, path) {
    const found = $descriptor(owner, name);
    if (found === undefined) return "<empty>";
    return "value" in found ? $show(found.value, path) : "[Getter]";
  }

  function $showList(list, length, path) {
    let text = "";
    for (let i = 0; i < length && i < SHOWN_ITEMS; i++) text += (i ? ", " : "") + $showProperty(list, i, path);
    return $spaced("[", text + $more(length), "]");
  }

  function $showRecord(record, path) {
    const names = $keys(record);
    let text = "";
    for (let i = 0; i < names.length && i < SHOWN_ITEMS; i++) {
      const name = $isName(names[i]) ? names[i] : $quote(names[i]);
      text += `${i ? ", " : ""}${name}: ${$showProperty(record, names[i], path)}`;
    }
    return $makerName(record) + $spaced("{", text + $more(names.length), "}");
  }

  function $makerName(record) {
    const prototype = $prototypeOf(record);
    if (prototype === $plain) return "";
    if (prototype === null) return "[Object: null prototype] ";
    const maker = $descriptor(prototype, "constructor");
    const name = maker !== undefined && typeof maker.value === "function" ? $ownText(maker.value, "name") : "";
    return name && name !== "Object" ? `${name} ` : "";
  }

  function $showMap(map, path) {
    let text = "";
    let count = 0;
    $call($eachOfMap, map, (value, key) => {
      if (count++ < SHOWN_ITEMS) text += `${text ? ", " : ""}${$show(key, path)} => ${$show(value, path)}`;
    });
    return `Map(${count}) ${$spaced("{", text + $more(count), "}")}`;
  }

  function $showSet(set, path) {
    let text = "";
    let count = 0;
    $call($eachOfSet, set, (value) => {
      if (count++ < SHOWN_ITEMS) text += (text ? ", " : "") + $show(value, path);
    });
    return `Set(${count}) ${$spaced("{", text + $more(count), "}")}`;
  }

  // ---- the console

  function $numeric(value) {
    if (typeof value === "bigint") return `${value}n`;
    return typeof value === "object" || typeof value === "symbol" || typeof value === "function" ? "NaN" : $show(+value, null);
  }

  function $whole(value) {
    if (typeof value !== "number" && typeof value !== "string") return $numeric(value);
    const number = +value;
    return $is(number, NaN) ? "NaN" : $show(number - (number % 1), null);
  }

  function $fill(letter, value) {
    switch (letter) {
      case "s":
        return $shown(value);
      case "d":
      case "f":
        return $numeric(value);
      case "i":
        return $whole(value);
      case "c":
        return "";
      default:
        return typeof value === "string" ? $quote(value) : $shown(value);
    }
  }

  const $letters = { __proto__: null, s: 1, d: 1, f: 1, i: 1, c: 1, j: 1, o: 1, O: 1 };

  function $line(args) {
    if (args.length === 0) return "\n";
    let text = "";
    let next = 1;
    const first = args[0];
    if (typeof first === "string" && args.length > 1) {
      for (let i = 0; i < first.length; i++) {
        const letter = first[i] === "%" && i + 1 < first.length ? first[i + 1] : "";
        if (letter === "%") text += "%";
        else if (letter in $letters && next < args.length) text += $fill(letter, args[next++]);
        else {
          text += first[i];
          continue;
        }
        i++;
      }
    } else {
      text = $shown(first);
    }
    for (; next < args.length; next++) text += ` ${$shown(args[next])}`;
    return `${$call($wellFormed, $cut(text, MOST_OUTPUT))}\n`;
  }

  const $methods = {
    log(...args) {
      $out($line(args));
    },
    error(...args) {
      $err($line(args));
    },
  };
  const console = {};
  for (const name of ["log", "info", "debug", "dir"]) console[name] = $methods.log;
  for (const name of ["error", "warn", "trace"]) console[name] = $methods.error;
  $define($global, "console", { value: console, writable: true, enumerable: false, configurable: true });

  // ---- chance: the engine seeds its own when it is made, before the fork, so that every worker would draw the same numbers

  let [a, b, c, d] = [0, 0, 0, 1];

  function $draw() { // sfc32, public domain
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  const { random } = {
    random() {
      return (($draw() >>> 5) * 67108864 + ($draw() >>> 6)) / 9007199254740992;
    },
  };
  $define(Math, "random", { value: random, writable: true, enumerable: false, configurable: true });

  // ---- what the host calls

  const $put = (owner, name, value) => $define(owner, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });

  // Takes {seeds, inputs, exceptions}; the last are the numbers that JSON cannot carry to here: [path, kind, text].
  function $start(text) {
    const { seeds, inputs, exceptions: list } = $parse(text);
    if (seeds !== null) $seed(seeds);
    $put($global, "result", undefined);
    for (let i = 0; i < list.length; i++) {
      const path = list[i][0];
      let owner = inputs;
      for (let j = 0; j < path.length - 1; j++) owner = owner[path[j]];
      $put(owner, path[path.length - 1], list[i][1] === "integer" ? $BigInt(list[i][2]) : +list[i][2]);
    }
    $put($global, "inputs", inputs);
    const names = $keys(inputs);
    for (let i = 0; i < names.length; i++) if ($isName(names[i])) $put($global, names[i], inputs[names[i]]);
  }

  function $seed(seeds) {
    a = seeds[0] | 0;
    b = seeds[1] | 0;
    c = seeds[2] | 0;
    d = 1;
    for (let i = 0; i < 12; i++) $draw();
  }

  let $state = "pending";
  let $reached;

  function $globalResult() {
    try {
      return typeof result === "undefined" ? undefined : result;
    } catch {
      return undefined; // declared, and never reached
    }
  }

  async function $watch(promise) {
    $state = "pending";
    try {
      $reached = await (await promise).value;
      if ($reached === undefined) $reached = await $globalResult();
      $state = "value";
    } catch (error) {
      $reached = error;
      $state = "error";
    }
  }

  function $outcome() {
    const reached = $reached;
    $reached = undefined;
    if ($state === "pending") return '{"pending":true}';
    if ($state === "error") return $failure(reached);
    $left = MOST_VALUE;
    try {
      return `{"value":${$encode(reached, null)},"shown":${$quoteCut($shown(reached), MOST_TEXT)}}`;
    } catch (error) {
      return $failure(error);
    }
  }

  return { start: $start, watch: $watch, outcome: $outcome };
})();
