"""Honest work in the sandbox gives what plain CPython gives: the standard library module by module, files, and real programs.

The rows of the corpus are not run outside of a sandbox, as its README asks: their yardstick is a new interpreter, started within one. All rows that
qualify: `python -m tests.sandbox.test_real_work`.
"""

from __future__ import annotations

import ast
import json
import os
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from ringfence import Profile
from ringfence.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox
CORPORA = Path(os.environ.get("CORPORA", Path(__file__).parents[2].parent / "shared" / "eval"))
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the checkout")

PLAIN = """
import ast, contextlib, io, sys, types
tree = ast.parse(sys.stdin.read())
last = tree.body[-1] if tree.body else None
if isinstance(last, ast.Expr):
    tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_value", ast.Store())], last.value), last)
main = sys.modules["__main__"] = types.ModuleType("__main__")
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    exec(compile(ast.fix_missing_locations(tree), "<snippet>", "exec", dont_inherit=True), main.__dict__)
print([printed.getvalue(), main.__dict__.get("_value")])
"""
"""A program that runs a snippet in plain CPython, and prints what it printed, and its value."""

MODULES = {
    "json": "import json\nprint(json.dumps({'b': [1, 2.5, None], 'a': 'é'}, sort_keys=True, indent=2))\njson.loads('[1, {\"x\": 1e3}]')",
    "re": "import re\nre.findall(r'(\\w)(\\d+)', 'a1 b22 c'), re.sub('(?P<x>a+)', r'<\\g<x>>', 'baab'), re.split(', *', 'a,  b')",
    "math": "import math\nmath.sqrt(2), math.factorial(30), math.gcd(12, 18), math.isclose(0.1 + 0.2, 0.3), math.comb(50, 7), math.fsum([0.1] * 10)",
    "random": "import random\nr = random.Random(7)\n[r.random(), r.randint(1, 99), r.sample(range(99), 3), r.gauss(0, 1)]",
    "datetime": "import datetime as dt\nd = dt.datetime(2026, 2, 28, 12, tzinfo=dt.timezone.utc) + dt.timedelta(days=1)\nd.isoformat(), d.strftime('%A %d %B %Y'), dt.date.fromisoformat('2024-02-29').toordinal()",
    "collections": "import collections as c\nP = c.namedtuple('P', 'x y')\nP(1, 2)._asdict(), c.Counter('abca').most_common(1), list(c.deque([1, 2, 3], 2)), dict(c.ChainMap({'a': 1}, {'b': 2})), list(c.OrderedDict(a=1))",
    "itertools": "import itertools as i\nlist(i.permutations('abc', 2))[:3], list(i.accumulate([1, 2, 3])), [list(g) for _, g in i.groupby('aab')], list(i.islice(i.count(3), 2)), list(i.pairwise('abc'))",
    "functools": "import functools as f\n@f.cache\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(80), f.reduce(lambda a, b: a * b, range(1, 6)), f.partial(int, base=2)('101')",
    "statistics": "import statistics as s\ns.mean([1, 2, 6]), s.median([3, 1, 2]), s.pstdev([1, 2, 3]), s.mode('aab'), s.quantiles(range(10))",
    "decimal": "from decimal import Decimal, getcontext\ngetcontext().prec = 50\nstr(Decimal(2).sqrt()), str(Decimal('0.1') + Decimal('0.2'))",
    "fractions": "from fractions import Fraction\nstr(Fraction(1, 3) + Fraction('0.5')), Fraction(0.125).as_integer_ratio()",
    "csv": "import csv\nwith open('a.csv', 'w', newline='') as f: csv.writer(f).writerows([['a', 'b, c'], [1, '\"x\"']])\nwith open('a.csv', newline='') as f: rows = list(csv.DictReader(f))\nrows",
    "sqlite3": "import sqlite3\nwith sqlite3.connect('a.db') as db:\n    db.execute('create table t (a integer primary key, b text)')\n    db.executemany('insert into t (b) values (?)', [('x',), ('y',)])\nwith sqlite3.connect('a.db') as db: rows = db.execute('select * from t order by a desc').fetchall()\nmemory = sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()\nrows, memory",
    "hashlib": "import hashlib\nhashlib.sha256(b'a').hexdigest(), hashlib.md5(b'a', usedforsecurity=False).hexdigest(), hashlib.blake2b(b'a').hexdigest()[:9], hashlib.pbkdf2_hmac('sha256', b'p', b's', 1000).hex(), hashlib.scrypt(b'p', salt=b's', n=2, r=8, p=1).hex()[:9]",
    "hmac": "import hmac\nhmac.new(b'k', b'm', 'sha256').hexdigest(), hmac.compare_digest(b'a', b'a')",
    "base64": "import base64\nbase64.b64encode(b'\\xff\\0'), base64.b85decode(base64.b85encode(b'abc')), base64.b32encode(b'a')",
    "zlib": "import zlib\nzlib.decompress(zlib.compress(b'a' * 9999)) == b'a' * 9999, zlib.crc32(b'a')",
    "gzip": "import gzip\nwith gzip.open('a.gz', 'wt') as f: f.write('text' * 99)\ngzip.open('a.gz', 'rt').read() == 'text' * 99, gzip.decompress(gzip.compress(b'b'))",
    "bz2": "import bz2\nwith bz2.open('a.bz2', 'wb') as f: f.write(b'a' * 99)\nbz2.open('a.bz2').read() == b'a' * 99",
    "lzma": "import lzma\nlzma.decompress(lzma.compress(b'a' * 999, preset=1)) == b'a' * 999",
    "zipfile": "import zipfile\nwith zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n    z.writestr('x/y.txt', 'text' * 99)\n    z.writestr('b', b'')\nwith zipfile.ZipFile('a.zip') as z:\n    z.extractall('out')\n    names = z.namelist()\nnames, open('out/x/y.txt').read() == 'text' * 99, z.testzip() is None if z.fp else None",
    "tarfile": "import tarfile, os\nos.makedirs('d/e')\nopen('d/e/f', 'w').write('x')\nwith tarfile.open('a.tar.gz', 'w:gz') as t: t.add('d')\nwith tarfile.open('a.tar.gz') as t:\n    names = sorted(t.getnames())\n    t.extractall('out', filter='data')\nnames, open('out/d/e/f').read()",
    "tempfile": "import tempfile, os\nwith tempfile.TemporaryDirectory() as d:\n    open(os.path.join(d, 'a'), 'w').write('x')\n    inside = os.listdir(d)\nwith tempfile.NamedTemporaryFile('w+') as f:\n    f.write('abc')\n    f.seek(0)\n    read = f.read()\nwith tempfile.TemporaryFile() as f: f.write(b'1')\nwith tempfile.SpooledTemporaryFile() as f: f.write(b'1')\nfd, name = tempfile.mkstemp()\nos.close(fd)\nos.unlink(name)\ninside, read, os.path.exists(d), os.path.exists(name)",
    "pathlib": "from pathlib import Path\np = Path('a/b')\np.mkdir(parents=True)\n(p / 'c.txt').write_text('é', encoding='utf-8')\n(p / 'c.txt').rename(p / 'd.txt')\n(p / 'l').symlink_to('d.txt')\nsorted(str(x) for x in Path('.').rglob('*.txt')), (p / 'l').read_text(encoding='utf-8'), p.joinpath('d.txt').stat().st_size, p.exists(), Path('x.tar.gz').suffixes",
    "shutil": "import shutil, os\nos.makedirs('s/t')\nopen('s/t/a', 'wb').write(b'x' * 300_000)\nshutil.copy('s/t/a', 'c')\nshutil.copy2('s/t/a', 'c2')\nshutil.copytree('s', 'k')\nshutil.move('k', 'm')\nname = os.path.basename(shutil.make_archive('arch', 'zip', 's'))\nshutil.unpack_archive('arch.zip', 'un')\nshutil.make_archive('arch', 'gztar', 's')\nshutil.rmtree('m')\nos.path.getsize('c'), os.path.getsize('c2'), os.path.getsize('un/t/a'), name, os.path.exists('m'), shutil.disk_usage('.').total > 0",
    "io": "import io\ns = io.StringIO('a\\nb')\nb = io.BytesIO()\nw = io.TextIOWrapper(b, encoding='utf-16-le')\nw.write('é')\nw.flush()\ns.readlines(), b.getvalue()",
    "string": "import string\nstring.Template('$a b').substitute(a=1), string.ascii_lowercase, string.capwords('a bc'), string.Formatter().format('{0:>5}', 3)",
    "textwrap": "import textwrap\ntextwrap.fill('the quick brown fox ' * 3, 20), textwrap.dedent('  a\\n   b'), textwrap.shorten('hello world', 8)",
    "difflib": "import difflib\nprint('\\n'.join(difflib.unified_diff(['a', 'b'], ['a', 'c'], lineterm='')))\ndifflib.get_close_matches('appel', ['ape', 'apple']), difflib.SequenceMatcher(None, 'abcd', 'bcde').ratio()",
    "unicodedata": "import unicodedata as u\nu.name('é'), u.normalize('NFD', 'é'), u.category('1'), u.lookup('SNOWMAN')",
    "urllib.parse": "import urllib.parse as p\np.urlencode({'a': 'b c', 'd': 'é'}), tuple(p.urlsplit('https://u@h:8/p?q#f')), p.urljoin('http://a/b/c', '../d'), p.quote('a/é'), p.parse_qs('a=1&a=2')",
    "html": "import html\nfrom html.parser import HTMLParser\nseen = []\nclass P(HTMLParser):\n    def handle_starttag(self, tag, attrs): seen.append((tag, attrs))\nP().feed('<p><a href=\"x\">y</a>')\nhtml.escape('<a&b>'), html.unescape('&eacute;'), seen",
    "xml.etree": "import xml.etree.ElementTree as E\nroot = E.fromstring('<a x=\"1\"><b>t</b><b/></a>')\nE.SubElement(root, 'c').text = 'é'\nE.ElementTree(root).write('a.xml', encoding='utf-8')\n[b.text for b in root.iter('b')], root.get('x'), E.tostring(E.parse('a.xml').getroot(), 'unicode')",
    "xml.dom": "from xml.dom import minidom\nimport xml.sax\nminidom.parseString('<a><b/></a>').documentElement.toprettyxml()",
    "logging": "import logging, sys\nlogging.basicConfig(stream=sys.stdout, level=logging.INFO, format='%(levelname)s %(name)s %(message)s', force=True)\nlogging.getLogger('x').info('hi %s', 1)\nlogging.getLogger('x').debug('no')\nlogging.getLevelName(30)",
    "argparse": "import argparse\np = argparse.ArgumentParser(prog='x')\np.add_argument('n', type=int)\np.add_argument('--v', action='store_true')\nprint(p.format_help())\nvars(p.parse_args(['3', '--v']))",
    "dataclasses": "from dataclasses import dataclass, field, asdict, replace\n@dataclass(order=True, frozen=True)\nclass A:\n    x: int\n    y: list = field(default_factory=list, compare=False)\nasdict(replace(A(1), x=2)), A(1) < A(2), repr(A(1)), hash(A(1)) == hash(A(1))",
    "enum": "import enum\nclass C(enum.Flag):\n    R = enum.auto()\n    G = enum.auto()\nclass S(enum.StrEnum):\n    A = enum.auto()\n(C.R | C.G).value, S.A.upper(), [c.name for c in C], repr(C.R)",
    "typing": "import typing as t\nclass D(t.TypedDict):\n    a: int\nT = t.TypeVar('T')\nclass G(t.Generic[T]):\n    x: t.Optional[T] = None\nt.get_type_hints(D)['a'].__name__, str(t.Union[int, str]), G[int]().x, t.get_args(dict[str, int])[0].__name__",
    "contextlib": "import contextlib, io\n@contextlib.contextmanager\ndef c():\n    print('in')\n    yield 5\n    print('out')\nwith c() as x, contextlib.suppress(KeyError), contextlib.ExitStack() as s:\n    s.callback(print, 'bye')\n    {}[1]\nx",
    "asyncio": "import asyncio\nasync def one(n):\n    await asyncio.sleep(0.01 * (3 - n))\n    print(n)\n    return n * n\nasync def main():\n    q = asyncio.Queue()\n    await q.put(1)\n    async with asyncio.timeout(5):\n        found = await asyncio.gather(*(one(i) for i in range(3)))\n    try:\n        await asyncio.wait_for(asyncio.sleep(9), 0.01)\n    except TimeoutError:\n        found.append('late')\n    return found, await q.get()\nasyncio.run(main())",
    "queue": "import queue\nq = queue.PriorityQueue()\nfor n in (3, 1, 2): q.put(n)\n[q.get() for _ in range(3)], q.empty()",
    "heapq": "import heapq\nh = [5, 1, 4]\nheapq.heapify(h)\nheapq.heappush(h, 0)\nheapq.nsmallest(2, h), heapq.nlargest(1, h), list(heapq.merge([1, 3], [2]))",
    "bisect": "import bisect\na = [1, 3]\nbisect.insort(a, 2)\na, bisect.bisect_left(a, 3)",
    "array": "import array\na = array.array('i', [1, 2])\na.append(3)\na.tobytes(), a.tolist()",
    "struct": "import struct\nstruct.pack('<IhB', 1, -2, 3), struct.unpack('>d', struct.pack('>d', 1.5)), struct.calcsize('=qi')",
    "copy": "import copy\na = [[1], {'x': (2, [3])}]\nb = copy.deepcopy(a)\nb[1]['x'][1].append(4)\na, b, copy.copy(a)[0] is a[0]",
    "pprint": "import pprint\npprint.pprint({'a': list(range(40)), 'b': {'c': 'd' * 60}}, width=40)\npprint.pformat((1, 2))",
    "uuid": "import uuid\nstr(uuid.uuid5(uuid.NAMESPACE_DNS, 'a')), uuid.uuid4().version, str(uuid.UUID(int=5)), uuid.uuid1().version",
    "secrets": "import secrets\nlen(secrets.token_hex(8)), secrets.choice('aaa'), 0 <= secrets.randbelow(5) < 5, secrets.compare_digest('a', 'a')",
    "time": "import time\nstart = time.perf_counter()\ntime.sleep(0.01)\ntime.perf_counter() > start, time.strftime('%Y', time.gmtime(0)), time.time() > 1e9, time.monotonic_ns() > 0, time.mktime(time.localtime(0)), time.tzname",
    "calendar": "import calendar\nprint(calendar.month(2026, 2))\ncalendar.isleap(2024), calendar.monthrange(2026, 2)[1]",
    "zoneinfo": "import zoneinfo, datetime as dt\ndt.datetime(2026, 7, 1, 12, tzinfo=dt.timezone.utc).astimezone(zoneinfo.ZoneInfo('Europe/Berlin')).isoformat(), len(zoneinfo.available_timezones()) > 300",
    "locale": "import locale\nlocale.format_string('%d', 1234), locale.getlocale()[1] in ('UTF-8', 'utf-8', None), locale.atof('1.5')",
    "configparser": "import configparser\nc = configparser.ConfigParser()\nc.read_string('[a]\\nx = 1\\ny = %(x)s2\\n')\nwith open('a.ini', 'w') as f: c.write(f)\nc2 = configparser.ConfigParser()\nc2.read('a.ini')\nc2.getint('a', 'x'), c2['a']['y'], c2.sections()",
    "tomllib": "import tomllib\nopen('a.toml', 'w').write('[a]\\nb = [1, 2.5, \"x\"]')\ntomllib.load(open('a.toml', 'rb'))",
    "pickle": "import pickle\nclass A:\n    def __init__(self): self.x = [1, {2}]\npickle.dump(A(), open('a.pickle', 'wb'))\npickle.load(open('a.pickle', 'rb')).x, pickle.loads(pickle.dumps((1, b'2', None)))",
    "os": "import os\nos.makedirs('a/b', exist_ok=True)\nopen('a/b/c', 'w').write('x')\nos.replace('a/b/c', 'a/d')\nos.environ['NEW'] = '1'\nos.chmod('a/d', 0o600)\nos.utime('a/d')\nsorted((r, sorted(d), sorted(f)) for r, d, f in os.walk('a')), os.path.splitext('x.tar.gz'), os.stat('a/d').st_size, os.getenv('NEW'), os.linesep, os.cpu_count() > 0, os.access('a/d', os.R_OK)",
    "sys": "import sys\nprint(sys.version_info[:2], file=sys.stdout)\nprint('no', file=sys.stderr)\nsys.getrecursionlimit() > 500, sys.maxsize, sys.byteorder, sys.getsizeof([]) > 0, 'json' in sys.builtin_module_names, sys.platform",
    "glob": "import glob, fnmatch\nfor n in ('a.txt', 'b.txt', 'c.md'): open(n, 'w').close()\nsorted(glob.glob('*.txt')), fnmatch.filter(['a', 'b'], '[a]')",
    "operator": "import operator as o\nsorted([{'a': 2}, {'a': 1}], key=o.itemgetter('a')), o.attrgetter('real')(5), o.methodcaller('upper')('a')",
    "inspect": "import inspect\ndef f(a, b=1, *c, d): 'doc'\nstr(inspect.signature(f)), inspect.getdoc(f), inspect.isfunction(f)",
    "traceback": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    text = traceback.format_exc()\ntext.splitlines()[-1], len(traceback.extract_stack()) > 0",
    "warnings": "import warnings\nwith warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always')\n    warnings.warn('careful')\nstr(w[0].message)",
    "abc": "import abc\nclass A(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ...\ntry:\n    A()\nexcept TypeError as e:\n    got = 'abstract' in str(e)\ngot",
    "weakref": "import weakref, gc\nclass A: pass\na = A()\nr = weakref.ref(a)\nalive = r() is a\ndel a\ngc.collect()\nalive, r() is None",
    "numbers": "import numbers, cmath\nisinstance(1, numbers.Integral), cmath.sqrt(-1)",
    "ast": "import ast\nast.dump(ast.parse('1 + x', mode='eval'))[:20], ast.literal_eval('[1, (2,)]'), ast.unparse(ast.parse('a=1'))",
    "doctest": "import doctest\ndef double(n):\n    '''\n    >>> double(2)\n    4\n    '''\n    return 2 * n\ntuple(doctest.testmod())",
    "unittest": "import unittest, io\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(1, 1)\nresult = unittest.TextTestRunner(stream=io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))\nresult.testsRun, result.wasSuccessful()",
    "mmap": "import mmap\nwith open('m', 'w+b') as f:\n    f.write(b'x' * 4096)\n    f.flush()\n    with mmap.mmap(f.fileno(), 0) as m:\n        m[:2] = b'ab'\n        m.flush()\nopen('m', 'rb').read(3)",
    "email": "import email.message, email\nm = email.message.EmailMessage()\nm['Subject'] = 'é'\nm.set_content('text')\nemail.message_from_string(m.as_string())['Subject']",
    "ctypes": "import ctypes\nclass P(ctypes.Structure):\n    _fields_ = [('x', ctypes.c_int), ('y', ctypes.c_double)]\nctypes.sizeof(P), P(1, 2.5).y, ctypes.CDLL(None).abs(-3)",
    "signal": "import signal, time\ncaught = []\nsignal.signal(signal.SIGALRM, lambda *a: caught.append(a[0]))\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(0.1)\n[int(each) for each in caught]",
    "atexit": "import atexit\natexit.register(print, 'bye') if False else None\n1",
    "colorsys": "import colorsys, binascii, quopri, ipaddress, mimetypes\ncolorsys.rgb_to_hsv(1, 0, 0), binascii.hexlify(b'a'), str(ipaddress.ip_network('10.0.0.0/30')[1]), mimetypes.guess_type('a.html')[0]",
    "codecs": "import codecs\ncodecs.encode('abc', 'rot13'), 'é'.encode('cp1252'), b'\\x80'.decode('shift_jis', 'replace'), codecs.lookup('utf8').name",
    "shelve": "import shelve\nwith shelve.open('s') as s: s['a'] = [1]\nwith shelve.open('s') as s: found = dict(s)\nfound",
    "fileinput": "import fileinput, linecache, filecmp\nopen('a', 'w').write('1\\n2\\n')\nopen('b', 'w').write('1\\n2\\n')\n[line.strip() for line in fileinput.input(['a'])], linecache.getline('a', 2), filecmp.cmp('a', 'b', shallow=False)",
    "select": "import select, os, selectors, socket\nr, w = os.pipe()\nos.write(w, b'1')\na, b = socket.socketpair()\na.sendall(b'hi')\nwith selectors.DefaultSelector() as s:\n    s.register(b, selectors.EVENT_READ)\n    ready = len(s.select(1))\nselect.select([r], [], [], 1)[0] == [r], ready, b.recv(2)",
    "fcntl": "import fcntl\nwith open('lock', 'w') as f:\n    fcntl.flock(f, fcntl.LOCK_EX)\n    fcntl.lockf(f, fcntl.LOCK_EX)\n    fcntl.flock(f, fcntl.LOCK_UN)\n'locked'",
}  # fmt: skip

WITH_PROCESSES = {
    "threading": "import threading\nseen, lock = [], threading.Lock()\ndef work(n):\n    with lock: seen.append(n * n)\nthreads = [threading.Thread(target=work, args=(n,)) for n in range(5)]\nfor t in threads: t.start()\nfor t in threads: t.join(5)\nsorted(seen), threading.Event().wait(0.01)",
    "concurrent.futures": "from concurrent.futures import ThreadPoolExecutor, as_completed\nwith ThreadPoolExecutor(3) as pool: found = list(pool.map(lambda n: n + 1, range(9)))\nfound",
    "asyncio.to_thread": "import asyncio, time\nasync def main(): return await asyncio.gather(asyncio.to_thread(time.sleep, 0.01), asyncio.to_thread(len, 'abc'))\nasyncio.run(main())",
    "os.fork": "import os\nr, w = os.pipe()\npid = os.fork()\nif pid == 0:\n    os.write(w, b'child')\n    os._exit(3)\n_, status = os.waitpid(pid, 0)\nos.read(r, 9), os.waitstatus_to_exitcode(status)",
    "queue between threads": "import queue, threading\nq = queue.Queue(2)\nthreading.Thread(target=lambda: [q.put(n) for n in range(6)]).start()\n[q.get(timeout=5) for _ in range(6)]",
}  # fmt: skip


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Give a sandbox with the default profile."""
    with Sandbox(Profile(wall_seconds=30)) as box:
        yield box


def plainly(source: str, folder: Path) -> tuple[str, object]:
    """Return what plain CPython prints for a snippet of ours, and its value."""
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-c", PLAIN], input=source, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False,
        env={"LANG": "C.UTF-8", "TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed, value = ast.literal_eval(done.stdout)
    return printed, value


@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_the_standard_library_works_as_in_plain_python(
    box: Sandbox, tmp_path: Path, name: str
) -> None:
    """It can be imported, and a small real use of it prints and gives the same."""
    outcome = box.run(MODULES[name])
    assert outcome.success, (outcome.detail, outcome.output.stderr)
    assert (outcome.output.stdout, outcome.value) == plainly(MODULES[name], tmp_path)


@pytest.mark.parametrize("name", WITH_PROCESSES)
def test_threads_and_processes_work_where_they_are_granted(tmp_path: Path, name: str) -> None:
    """With `processes` above one, what needs several of them gives what plain Python gives."""
    with Sandbox(Profile(processes=8)) as box:
        outcome = box.run(WITH_PROCESSES[name])
    assert outcome.success, (outcome.detail, outcome.output.stderr)
    assert (outcome.output.stdout, outcome.value) == plainly(WITH_PROCESSES[name], tmp_path)


def test_programs_work_where_they_are_granted() -> None:
    """Pipes, input, exit codes and the working folder are as anywhere."""
    source = (
        "import subprocess\nopen('a.txt', 'w').write('b\\na\\n')\none = subprocess.run(['sort', 'a.txt'], capture_output=True, text=True, check=True).stdout\n"
        "two = subprocess.run('sort | head -n 1', shell=True, input='z\\ny\\n', capture_output=True, text=True).stdout\n"
        "three = subprocess.run(['ls', 'nonesuch'], capture_output=True).returncode\nwith subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p: four = p.communicate(b'x' * 200_000)[0] == b'x' * 200_000\n"
        "one, two, three, four"
    )
    profile = Profile(subprocesses=True, commands=("sort", "head", "ls", "cat", "sh"), processes=8)
    with Sandbox(profile) as box:
        outcome = box.run(source)
    assert outcome.value == ("a\nb\n", "y\n", 2, True), (outcome.detail, outcome.output.stderr)


def test_an_archive_goes_the_whole_way(box: Sandbox) -> None:
    """A zip is given, unpacked, changed, packed again, and handed out."""
    import io
    import zipfile

    given = io.BytesIO()
    with zipfile.ZipFile(given, "w") as packed:
        packed.writestr("data/a.csv", "x,y\n1,2\n3,4\n")
    source = (
        "import csv, json, shutil, zipfile\nwith zipfile.ZipFile('input/in.zip') as z: z.extractall('tmp')\nrows = list(csv.DictReader(open('tmp/data/a.csv')))\n"
        "json.dump(rows, open('tmp/data/a.json', 'w'))\nshutil.make_archive('output/result', 'zip', 'tmp')\nsum(int(r['y']) for r in rows)"
    )
    outcome = box.run(source, files={"in.zip": given.getvalue()})
    assert outcome.value == 6, outcome.output.stderr
    with zipfile.ZipFile(io.BytesIO(outcome.output.contents["result.zip"])) as packed:
        assert json.loads(packed.read("data/a.json")) == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]


def test_what_is_registered_for_the_end_is_done(box: Sandbox) -> None:
    """`atexit` functions run, and their output is kept, as at the end of an interpreter."""
    assert box.run("import atexit\natexit.register(print, 'bye')\nprint('hi')").output.stdout == "hi\nbye\n"


# Real programs: rows of the corpus, all of them within sandboxes

ASK = "\nimport doctest as _doctest\nprint(tuple(_doctest.testmod(report=False)))\n"
"""Put behind each row that has examples in its docstrings, so that they run too."""
DRIVER = """
import subprocess, time
found = []
for code in codes:
    with open("row.py", "w", encoding="utf-8", errors="surrogatepass") as file: file.write(code)
    try:
        done = subprocess.run([PYTHON, "-I", "-S", "-B", "-X", "utf8", "row.py"], capture_output=True, timeout=1.5, stdin=subprocess.DEVNULL)
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        found.append((done.returncode, done.stdout.decode("utf-8", "replace"), last[0] if last else ""))
    except subprocess.TimeoutExpired:
        found.append((-1, "", "timeout"))
found
"""
PYTHON = os.path.realpath(sys.executable)


def rows() -> list[dict[str, Any]]:
    """Return the rows that only compute and need nothing but the standard library."""
    text = (CORPORA / "benign_python.jsonl").read_text("utf-8")
    return [
        row for row in map(json.loads, text.splitlines()) if not row["caps"] and _is_standard(row["code"])
    ]


def _is_standard(code: str) -> bool:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else str(node.module).partition(".")[0])
    return names <= sys.stdlib_module_names - {"this", "antigravity", "turtle", "tkinter", "threading", "multiprocessing", "concurrent", "_thread"}  # fmt: skip


def by_new_interpreters(codes: list[str]) -> list[tuple[int, str, str]]:
    """Return exit code, output and last line of stderr of each program, each run by an interpreter of its own, within a sandbox."""
    found: list[tuple[int, str, str]] = []
    profile = Profile(subprocesses=True, commands=(PYTHON,), processes=4, cpu_seconds=300, wall_seconds=400, output_bytes=50 << 20, source_bytes=50 << 20)  # fmt: skip
    with Sandbox(profile) as box:
        for at in range(0, len(codes), 25):
            outcome = box.run(DRIVER, inputs={"codes": codes[at : at + 25], "PYTHON": PYTHON})
            assert outcome.success, (outcome.detail, outcome.output.stderr)
            found += cast("list[tuple[int, str, str]]", outcome.value)
    return found


def _comparable(end: tuple[int, str, str]) -> str:
    """Return an end without what differs by itself: addresses, where the program's file lies, and guesses at what was meant, which 3.11 makes only at its end."""
    return re.sub(
        r"""0x[0-9a-f]{6,}|File "[^"]*", line [?\d]+|[.] Did you mean: '\w+'[?]""",
        "",
        repr((end[0], end[1], end[2] if end[0] else "")),
    )


def in_this_sandbox(codes: list[str]) -> list[tuple[int, str, str]]:
    """As `by_new_interpreters`, each program as a run of its own."""
    with Sandbox(Profile(cpu_seconds=3, wall_seconds=5)) as box, ThreadPoolExecutor(2) as threads:
        outputs = [outcome.output for outcome in threads.map(box.run, codes)]
    return [
        (each.return_code or 0, each.stdout, (each.stderr.strip().splitlines() or [""])[-1])
        for each in outputs
    ]


def compare(sample: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """Run rows both ways. Return how many are always the same by themselves, and of those the ids that differ."""
    codes = [row["code"] + (ASK if ">>> " in row["code"] else "") for row in sample]
    with ThreadPoolExecutor(2) as threads:
        halves = threads.map(by_new_interpreters, [codes[::2], codes[1::2]])
        plain: list[tuple[int, str, str]] = [(0, "", "")] * len(codes)
        plain[::2], plain[1::2] = halves
    finished = [at for at, each in enumerate(plain) if each[0] >= 0]
    caged = dict(zip(finished, in_this_sandbox([codes[at] for at in finished]), strict=True))
    unlike = [at for at in finished if _comparable(plain[at]) != _comparable(caged[at])]
    again = by_new_interpreters([codes[at] for at in unlike])
    differing = [
        at for at, each in zip(unlike, again, strict=True) if _comparable(each) == _comparable(plain[at])
    ]
    fickle = len(unlike) - len(differing)
    return len(finished) - fickle, [
        f"{sample[at]['id']}: {caged[at]}, plainly {plain[at]}" for at in differing
    ]


@needs_corpora
def test_real_programs_print_what_a_new_interpreter_prints() -> None:
    """Of 150 programs that only compute, with the examples in their docstrings, every one whose output is always the same prints it here too."""
    sample = random.Random(2026).sample(rows(), 150)
    compared, differing = compare(sample)
    assert compared > 120
    assert differing == []


if __name__ == "__main__":
    number, others = compare(rows())
    print(f"{number} programs compared, {len(others)} differ", *others, sep="\n")
    sys.exit(bool(others))
