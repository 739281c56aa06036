"""Rules about what only JavaScript has: ways from an object to the function that makes functions, and changes to what all objects share.

Running programs, evaluating text, files and addresses are the same in every language and stand with the other rules.
"""

from __future__ import annotations

from ringfence.scanning.effects import Kind, Language, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Example, Rule, When
from ringfence.threat import ThreatLevel

_ONLY = (Language.JAVASCRIPT,)


def _asks(*names: str) -> tuple[When, ...]:
    return (When(Kind.INTROSPECT, names=names, languages=_ONLY),)


def _js(*sources: str) -> tuple[Example, ...]:
    return tuple(Example(Language.JAVASCRIPT, source) for source in sources)


RULES: tuple[Rule, ...] = (
    Rule(
        id="javascript-constructor-chain",
        title="Constructor of a constructor",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{name} leads from any object to Function, which turns text into code outside what the code was given.",
        when=_asks("constructor.constructor", "Function.constructor"),
        found=_js(
            "this.constructor.constructor('return process')()",
            "const F = err['const' + 'ructor']; F.constructor('return this')()",
            "try { x() } catch ({constructor: c}) { c.constructor('return process')() }",
            "(x => x).constructor('return process')()",
            "Object.getOwnPropertyDescriptor(f, 'constructor').value('return process')()",
        ),
        ignored=_js(
            "class A { name() { return this.constructor.name } }",
            "const copy = x => x.constructor === Array ? x.slice() : new x.constructor(x)",
            "Sub.prototype.constructor = Sub",
            "// x.constructor.constructor\nconst text = 'x.constructor.constructor'",
        ),
        tags=("CWE-693", "CWE-94", "ASI05"),
        hint="Call what you need by its name; do not reach it through an object's constructor.",
    ),
    Rule(
        id="javascript-prototype-change",
        title="Change of a shared prototype",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{value} is set on a prototype that all objects of a program share, also those of the program around the code.",
        when=_asks("prototype=", "JSON.__proto__"),
        found=_js(
            "Object.prototype.isAdmin = true",
            "a.__proto__.polluted = 1",
            "Object.defineProperty(Object.prototype, 'get', {get() { return 1 }})",
            "Function.prototype.__proto__ = null",
            'merge({}, JSON.parse(\'{"__proto__": {"admin": true}}\'))',
        ),
        ignored=_js(
            "if (!Object.prototype.has) { Object.prototype.has = function () {} }",
            "Object.prototype.hasOwnProperty.call(a, 'b')",
            "Dog.prototype.bark = function () {}; Dog.prototype.__proto__ = Animal.prototype",
            "const empty = {__proto__: null}",
        ),
        tags=("CWE-1321",),
        hint="Put the value on an object of your own, or use a Map.",
    ),
    Rule(
        id="javascript-prototype-extension",
        title="Addition to a prototype of the language",
        family=Family.PRACTICE,
        level=ThreatLevel.LOW,
        description="{value} is added to a prototype that other code uses too.",
        when=_asks("prototype+"),
        found=_js(
            "Array.prototype.last = function () { return this[0] }", "String.prototype.shout = function () {}"
        ),
        ignored=_js(
            "if (!Array.prototype.at) { Array.prototype.at = function () {} }",
            "class List {}\nList.prototype.last = function () {}",
        ),
        tags=("CWE-1321",),
    ),
    Rule(
        id="javascript-builtin-replaced",
        title="Replacement of what the language provides",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{value} is replaced, so that other code that calls it runs this code instead and hands over what it holds.",
        when=_asks("builtin="),
        found=_js(
            "WeakMap.prototype.set = function (k) { leaked = k }",
            "Object.defineProperty = () => {}",
            "Array = function () { throw 1 }",
            "Object.__defineGetter__(Symbol.hasInstance, () => () => true)",
            "global.Error = {prepareStackTrace: (_, c) => c}",
        ),
        ignored=_js(
            "Function.prototype.bind = Function.prototype.bind || function () {}",
            "Array.prototype.flat ??= function () {}",
            "Math.random = () => 0.5; Date.now = () => 0",
            "const Map = require('immutable').Map; const copy = Object.create(null)",
        ),
        tags=("CWE-1321", "CWE-693"),
        hint="Write a function of your own under a name of its own.",
    ),
    Rule(
        id="javascript-accessor-lookup",
        title="Accessor taken out of an object",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{name} hands out the accessor of a property, `__proto__` included, which then works on any object.",
        when=_asks("Object.__lookupGetter__", "Object.__lookupSetter__"),
        found=_js(
            "const g = ({}).__lookupGetter__; Buffer.apply.apply(g, [Buffer, ['__proto__']])",
            "x['__lookup' + 'Setter__']('__proto__')",
        ),
        ignored=_js(
            "const names = ['__lookupGetter__']", "const {get} = Object.getOwnPropertyDescriptor(o, 'size')"
        ),
        tags=("CWE-693",),
        hint="Read the property itself.",
    ),
    Rule(
        id="javascript-accessor-definition",
        title="Accessor defined the old way",
        family=Family.PRACTICE,
        level=ThreatLevel.LOW,
        description="{name} is obsolete and also works on objects that are not the code's own.",
        when=_asks("Object.__defineGetter__", "Object.__defineSetter__"),
        found=_js("o.__defineGetter__('size', () => 1)", "o.__defineSetter__('size', x => {})"),
        ignored=_js(
            "Object.defineProperty(o, 'size', {get() { return 1 }})", "const o = {get size() { return 1 }}"
        ),
        tags=("CWE-477",),
    ),
    Rule(
        id="javascript-stack-frames",
        title="Objects and functions taken from the stack",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{name} hands out what the callers of the code hold.",
        when=_asks("CallSite.getThis", "CallSite.getFunction", "Function.caller"),
        found=_js(
            "Error.prepareStackTrace = (_, c) => c.map(c => c.getThis()); new Error().stack",
            "function f() { return arguments.callee.caller }",
            "function f() { return f.caller.arguments[0] }",
        ),
        ignored=_js(
            "Error.captureStackTrace(this, MyError)",
            "const caller = phone.caller; log(call.caller)",
            "Error.prepareStackTrace = (_, frames) => frames[0].getFileName()",
        ),
        tags=("CWE-693",),
        hint="Pass what the function needs as an argument.",
    ),
    Rule(
        id="javascript-stack-hook",
        title="Hook into stack traces",
        family=Family.INTROSPECTION,
        level=ThreatLevel.MEDIUM,
        description="Error.prepareStackTrace is called with the frames of every error of the program.",
        when=_asks("Error.prepareStackTrace"),
        found=_js("Error.prepareStackTrace = (_, frames) => frames", "Error['prepare' + 'StackTrace'] = f"),
        ignored=_js("Error.stackTraceLimit = 50", "console.log(new Error('x').stack)"),
        tags=("CWE-693",),
    ),
    Rule(
        id="javascript-broken-error",
        title="Error that makes the engine fail",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="A symbol as the {value} of an error makes the engine throw an error of its own realm, a way out of a sandbox.",
        when=_asks("Error.name=Symbol"),
        found=_js(
            "const e = new Error(); e.name = Symbol(); e.stack",
            "const s = Symbol('x'); async function f() { const e = Error(); e['na' + 'me'] = s; return e.stack }",
        ),
        ignored=_js("const e = new Error(); e.name = 'NotFound'", "const id = Symbol('name'); o[id] = 1"),
        tags=("CWE-693",),
        hint="Name an error with a text.",
    ),
    Rule(
        id="javascript-species",
        title="Object given a constructor of its own making",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="An object's constructor is replaced by one with Symbol.species, so that the engine hands it what it makes next.",
        when=_asks("constructor=species"),
        found=_js(
            "p.constructor = {[Symbol.species]: class { constructor(run) { run(x => x, e => leak(e)) } }}",
            "const fake = {get [Symbol.species]() { return F }}; p['constructor'] = fake",
        ),
        ignored=_js(
            "class List extends Array { static get [Symbol.species]() { return Array } }",
            "Sub.prototype.constructor = Sub",
        ),
        tags=("CWE-693",),
        hint="Use a subclass.",
    ),
    Rule(
        id="javascript-proxy-throw",
        title="Proxy that throws a function",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="A trap of a proxy throws a function: whoever called it is handed code, or hands out a function of its own.",
        when=_asks("Proxy.throw"),
        found=_js(
            "new Proxy({}, {getPrototypeOf() { throw x => x }})",
            "const traps = {has() { throw Buffer.from }}; new Proxy({}, traps)",
        ),
        ignored=_js(
            "new Proxy({}, {set() { throw new TypeError('read only') }})",
            "new Proxy({}, {get(t, k) { if (!(k in t)) throw Error(k); return t[k] }})",
        ),
        tags=("CWE-693",),
        hint="Throw an Error.",
    ),
    Rule(
        id="javascript-main-module",
        title="Modules reached through the main module",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{name} loads any module, past the `require` that the code was given.",
        when=_asks(
            "process.mainModule.require", "process.mainModule.constructor", "process.mainModule.children"
        ),
        found=_js(
            "process.mainModule.require('fs')",
            "const p = process; p['main' + 'Module'].constructor._load('child_process')",
        ),
        ignored=_js("if (require.main === module) main()", "console.log(process.mainModule.filename)"),
        tags=("CWE-693",),
        hint="Use `require` or `import`.",
    ),
    Rule(
        id="javascript-process-returned",
        title="Process fetched by a function made of text",
        family=Family.INTROSPECTION,
        level=ThreatLevel.HIGH,
        description="{name}: a function made of text runs outside every scope and hands out the process of the program around.",
        when=_asks("Function.process"),
        found=_js(
            "Function('return process')().exit()",
            "Reflect.construct(Function, ['return ' + 'this.process'])()",
        ),
        ignored=_js(
            "const root = Function('return this')()", "const load = new Function('s', 'return import(s)')"
        ),
        tags=("CWE-693", "CWE-94", "ASI05"),
        hint="Use `process` itself.",
    ),
    Rule(
        id="javascript-module-loader",
        title="Module loader used or changed from within",
        family=Family.INTROSPECTION,
        level=ThreatLevel.MEDIUM,
        description="{name} changes what other code is given when it loads a module, or loads one past the usual way.",
        when=_asks("Module._load", "Module=", "require.cache=", "require.extensions"),
        found=_js(
            "require('module')._load = function (name) { return {} }",
            "require.cache[require.resolve('fs')] = fake",
            "module.constructor._load('fs')",
        ),
        ignored=_js("module.exports = {load() {}}", "const cache = {}; cache.fs = 1"),
        tags=("CWE-693", "T1574"),
    ),
    Rule(
        id="javascript-internal-binding",
        title="Internals of the runtime",
        family=Family.NATIVE,
        level=ThreatLevel.HIGH,
        description="{name} reaches the runtime's internals ({value}), past every check that its modules make.",
        when=(
            When(
                Kind.NATIVE,
                names=(
                    "process.binding",
                    "process._linkedBinding",
                    "process.internalBinding",
                    "internalBinding",
                ),
                languages=_ONLY,
            ),
        ),
        found=_js("process.binding('spawn_sync')", "const p = globalThis.process; p['bind' + 'ing']('fs')"),
        ignored=_js("element.binding('x')", "const f = g.bind(process)"),
        tags=("CWE-693", "T1106"),
        hint="Use the public modules: `fs`, `child_process`.",
    ),
    Rule(
        id="javascript-wasm-exception",
        title="Exceptions of the host caught in WebAssembly",
        family=Family.NATIVE,
        level=ThreatLevel.HIGH,
        description="{name} lets WebAssembly catch JavaScript's exceptions before a sandbox can wrap them.",
        when=_asks("WebAssembly.JSTag"),
        found=_js("load({js: {tag: WebAssembly.JSTag}})", "const W = WebAssembly; W['JS' + 'Tag']"),
        ignored=_js("WebAssembly.validate(bytes)", "const tag = 'JSTag'"),
        tags=("CWE-693",),
        hint="Catch exceptions in JavaScript.",
    ),
    Rule(
        id="javascript-suppressed-error",
        title="Error taken out of another one",
        family=Family.INTROSPECTION,
        level=ThreatLevel.LOW,
        description="The suppressed error may be one of the engine's own.",
        when=_asks("SuppressedError.suppressed"),
        found=_js("try { ds.dispose() } catch (e) { use(e.suppressed) }", "e['suppressed']"),
        ignored=_js("const suppressed = []; suppressed.push(1)", "throw new Error('suppressed')"),
        tags=("CWE-693",),
    ),
    Rule(
        id="javascript-inspect-hook",
        title="Function called when somebody prints the object",
        family=Family.INTROSPECTION,
        level=ThreatLevel.LOW,
        description="A custom inspection function is run, and handed helpers, by whatever prints the object.",
        when=(When(Kind.INTROSPECT, names=("Symbol.for",), languages=_ONLY),),
        found=_js(
            "o[Symbol.for('nodejs.util.inspect.custom')] = (d, o, inspect) => inspect",
            "const s = Symbol.for('nodejs.util.' + 'inspect.custom')",
        ),
        ignored=_js("const s = Symbol.for('app.id')", "console.log(require('util').inspect(o))"),
        tags=("CWE-693",),
    ),
    Rule(
        id="javascript-timer-text",
        title="Timer with text",
        family=Family.INJECTION,
        level=ThreatLevel.MEDIUM,
        description="{name} runs a text as code: {value}.",
        when=(When(Kind.EVALUATE, names=("setTimeout", "setInterval", "setImmediate"), languages=_ONLY),),
        found=_js("setTimeout('tick()', 100)", "const code = 'tick' + '()'; window.setInterval(code, 10)"),
        ignored=_js("setTimeout(() => tick(), 100)", "setTimeout(tick, 100, 'text')"),
        tags=("CWE-95",),
        hint="Give the timer a function.",
    ),
    Rule(
        id="javascript-hidden-name",
        title="Dangerous function called by a name put together",
        family=Family.OBFUSCATION,
        level=ThreatLevel.HIGH,
        description="{name} is reached by a name that is put together from parts, which nobody does but to hide it.",
        when=(
            When(
                Kind.RUN,
                names=("child_process*",),
                traits=(Trait.CALCULATED,),
                languages=_ONLY,
            ),
            When(
                Kind.EVALUATE,
                names=("eval", "*Function", "vm.*"),
                traits=(Trait.CALCULATED,),
                languages=_ONLY,
            ),
        ),
        found=_js(
            "require('child_' + 'process').execSync('ls')",
            "globalThis['ev' + 'al']('1 + 1')",
            "const n = ['Function', 'x']; new globalThis[n[0].split('').join('')]('return 1')",
            "const cp = require('child_process'); cp[atob('ZXhlYw==')]('ls')",
        ),
        ignored=_js(
            "const cp = require('child_process'); cp[sync ? 'execSync' : 'exec']('ls')",
            "require('./plugins/' + name).run('ls')",
            "handlers['on' + event](data)",
        ),
        tags=("CWE-506", "T1027", "ASI05"),
        hint="Write the name out.",
    ),
    Rule(
        id="javascript-hidden-global",
        title="Global function called by a name that cannot be told",
        family=Family.OBFUSCATION,
        level=ThreatLevel.MEDIUM,
        description="Any global function may be called here, eval among them.",
        when=_asks("globalThis.…"),
        found=_js("function f(n, x) { return globalThis[n.map(g)](x) }", "window[names.pop()]('x')"),
        ignored=_js("globalThis.setTimeout(f, 1)", "const table = {a() {}}; table[name]()"),
        tags=("CWE-470",),
    ),
    Rule(
        id="javascript-signs-only",
        title="Code that cannot be read",
        family=Family.OBFUSCATION,
        level=ThreatLevel.HIGH,
        description="The source holds code made of a few signs, or of characters that nobody can see.",
        when=(When(Kind.OBFUSCATE, names=("signs only", "invisible characters"), languages=_ONLY),),
        found=_js("[" + "][(![]+[])[+[]]+(![]+[])[+!+[]]" * 12 + "]", "run(`" + "\ufe00\ufe01" * 8 + "`)"),
        ignored=_js(
            "const grid = [[], [], [[]]]", "const family = '\U0001f468\u200d\U0001f469\u200d\U0001f467'"
        ),
        tags=("CWE-506", "T1027"),
        hint="Write the code out.",
    ),
    Rule(
        id="javascript-evaluate",
        title="Text run as code",
        family=Family.INJECTION,
        level=ThreatLevel.MEDIUM,
        description="{name} runs a text as code: {value}.",
        when=(
            When(
                Kind.EVALUATE,
                names=("eval", "*Function", "vm.*", "import", "Worker", "execScript"),
                languages=_ONLY,
            ),
        ),
        found=_js(
            "eval(expression)", "new Function('a', 'return a + 1')", "require('vm').runInNewContext(code)"
        ),
        ignored=_js(
            "JSON.parse(text)", "const f = new Map(); f.get('eval')", "function evaluate(x) { return x }"
        ),
        tags=("CWE-95", "ASI05"),
        hint="Write the code itself, or parse data with JSON.parse.",
    ),
    Rule(
        id="javascript-preload",
        title="Variable that makes every program load code",
        family=Family.PERSISTENCE,
        level=ThreatLevel.HIGH,
        description="{name} is set to {value}: programs that are started later load that code.",
        when=(When(Kind.NATIVE, names=("NODE_OPTIONS",), languages=_ONLY),),
        found=_js(
            "process.env.NODE_OPTIONS = '--require /tmp/x.js'",
            "const e = process.env; e['NODE_' + 'OPTIONS'] = `--import ${file}`",
        ),
        ignored=_js(
            "process.env.NODE_OPTIONS = '--max-old-space-size=4096'", "process.env.NODE_ENV = 'test'"
        ),
        tags=("CWE-426", "T1574.006"),
        hint="Give the option to the one program that needs it.",
    ),
)
