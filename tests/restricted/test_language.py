"""The language of a snippet: what ordinary Python does, it does, and gives the same value."""

from __future__ import annotations

from typing import Any

import pytest
from tests.restricted.plain import run_plainly, written

from ringfence.restricted import evaluate

SNIPPETS: dict[str, str] = {
    "arithmetic": "[7 // 2, -7 % 3, 2 ** 10, 7 / 2, 1 << 5, 255 >> 2, 6 & 3, 6 | 3, 6 ^ 3, ~5, -(-3), +4, divmod(17, 5)]",
    "floats": "[0.1 + 0.2, 1e300 * 10, 3.0 // 2, 2 ** -1, round(2.5), round(2.675, 2), abs(-1.5), 1.5 % 1]",
    "complex": "[(1 + 2j) * (3 - 1j), abs(3 + 4j), (1j) ** 2, complex('1+2j').real]",
    "big integers": "x = 3 ** 500\n[x % 1000007, x // 7 ** 100, (x + 1) * x - x * x == x, x.bit_length(), pow(3, 1000, 97)]",
    "texts": "s = 'Hello, World'\n[s.lower(), s[::-1], s[1:5], s.replace('l', 'L'), s.split(', '), s.find('W'), s.center(20, '*'), s * 2]",
    "text methods": "s = ' a-b_c '\n[s.strip().title(), s.partition('-'), s.rpartition('_'), s.zfill(10), s.upper().isupper(), s.encode()]",
    "joining": "[', '.join(map(str, [1, 2, 3])), ''.join(reversed('abc')), '-'.join({'a': 1, 'b': 2})]",
    "percent formatting": "['%5.2f|%-5s|%03d|%x|%r' % (3.14159, 'ab', 7, 255, 'q'), '%(a)s' % {'a': 1}, '%s' % [1, 2], b'%d' % 5]",
    "format": "['{:>8}|{:<8}|{:^8}'.format('a', 'b', 'c'), '{0}{1}{0}'.format(1, 2), '{a[0]} {b.real}'.format(a=[5], b=3)]",
    "format map": "'{x}-{y!r:>6}'.format_map({'x': 1, 'y': 'z'})",
    "f-strings": "x, w = 3.14159, 10\nn = 'é'\n[f'{x:.2f}', f'{x:{w}.3f}', f'{n!r}', f'{n!a}', f'{x=}', f'{[1, 2]}', f'{{}}', f'{w:#x} {w:,}']",
    "bytes": "b = b'abc'\n[b[0], b[1:], b.hex(), bytes([1, 2]), bytearray(b) + b'd', b.decode(), b'a' in b, list(b)]",
    "lists": "x = [3, 1, 2]\nx.append(0)\nx.extend([9, 8])\nx.insert(1, 7)\nx.sort()\nx.reverse()\ny = x.pop()\nx.remove(9)\n[x, y, x.index(7), x.count(1), x[1:3], x + [1], x * 2, [*x, *x]]",
    "slices": "x = list(range(10))\nx[2:4] = ['a', 'b', 'c']\ndel x[0:2]\nx[::3] = [0] * len(x[::3])\n[x, x[-3:], x[::-2]]",
    "slice assignment from a generator": "x = [1, 2, 3]\nx[1:1] = (i * 10 for i in range(3))\nx",
    "dicts": "d = {'a': 1, **{'b': 2}}\nd['c'] = 3\nd.update(e=5)\nd |= {'f': 6}\ndel d['a']\n[d, d.get('z', 0), d.pop('b'), d.setdefault('g', []), sorted(d), list(d.items()), 'c' in d, d | {'x': 1}]",
    "sets": "a, b = {1, 2, 3}, {2, 3, 4}\na.add(9)\n[a | b, a & b, a - b, a ^ b, a.issubset(b), sorted(a.union([7])), frozenset(a) == a, 2 in a]",
    "tuples": "t = (1, 'a', (2, 3))\na, b, (c, d) = t\n[t[0], t.index('a'), a, b, c, d, t + (1,), t * 2, hash((1, 2)) == hash((1, 2))]",
    "unpacking": "a, *b, c = range(6)\n(x, y), z = [1, 2], 3\n[first, *rest] = 'abc'\n[a, b, c, x, y, z, first, rest]",
    "chained assignment": "a = b = [1]\na.append(2)\n[a, b, a is b]",
    "swap": "a, b = 1, 2\na, b = b, a\n[a, b]",
    "augmented names": "x = 5\nx += 2; x -= 1; x *= 3; x /= 2; x //= 1; x **= 2; x %= 50\ny = 6\ny <<= 2; y >>= 1; y |= 1; y &= 7; y ^= 2\ns = 'a'\ns += 'b'; s *= 3\nl = [1]\nm = l\nl += (2,)\n[x, y, s, l, m is l]",
    "augmented items": "d = {'a': [1], 'n': 1}\nd['a'] += [2]\nd['n'] += 1\nd['n'] *= 10\nk = [0]\nk[0] -= 5\nk[0] **= 2\n[d, k]",
    "augmented attributes": "class A:\n    n = 1\na = A()\na.n += 1\na.n *= 10\na.l = [1]\na.l += [2]\n[a.n, A.n, a.l]",
    "augmented order": "log = []\ndef f(x):\n    log.append(x)\n    return {0: [1]}\ndef g(x):\n    log.append(x)\n    return 0\nf('a')[g('b')] += [log.append('c') or 2]\nlog",
    "comparisons": "[1 < 2 < 3, 1 == 1.0, 'a' < 'b', [1, 2] < [1, 3], 3 in [1, 2, 3], 'x' not in 'abc', None is None, 1 != 2, {1} <= {1, 2}, (1, 2) == (1, 2)]",
    "boolean": "[0 or 'x', 1 and 'y', not 3, '' or None or [] or 0, 1 if [] else 2, True + True]",
    "conditions": "def f(x):\n    if x > 10:\n        return 'big'\n    elif x > 5:\n        return 'mid'\n    else:\n        return 'small'\n[f(3), f(7), f(20)]",
    "for and else": "out = []\nfor i in range(5):\n    if i == 3: continue\n    out.append(i)\nelse:\n    out.append('done')\nfor j in range(5):\n    if j == 2: break\nelse:\n    out.append('never')\n[out, i, j]",
    "while and else": "i = 0\nout = []\nwhile i < 5:\n    i += 1\n    if i == 2: continue\n    out.append(i)\nelse:\n    out.append('else')\nwhile True:\n    i -= 1\n    if i < 2: break\nelse:\n    out.append('never')\n[out, i]",
    "nested loops": "[(i, j) for i in range(4) if i % 2 for j in range(i) if j]",
    "loop over dict items": "out = []\nfor n, (k, v) in enumerate({'a': 1, 'b': 2}.items()):\n    out.append((n, k, v))\nout",
    "loop with a star": "[(a, b) for a, *b in [(1, 2, 3), 'xyz']]",
    "loop target attribute": "class A: pass\na = A()\nfor a.x in range(3): pass\nd = {}\nfor d['k'] in 'ab': pass\n[a.x, d]",
    "functions": "def f(a, b=2, *args, c, d=4, **kw):\n    'doc'\n    return (a, b, args, c, d, kw)\n[f(1, c=3), f(1, 2, 3, 4, c=5, e=6), f(*[1, 2], **{'c': 3}), f.__name__, f.__doc__]",
    "positional only": "def f(a, /, b, *, c): return a + b + c\nf(1, b=2, c=3)",
    "closures": "def counter():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    return inc\nc = counter()\n[c(), c(), c()]",
    "globals": "n = 0\ndef inc():\n    global n\n    n += 1\ninc(); inc()\nn",
    "lambdas": "f = lambda x, y=2: x * y\n[f(3), (lambda *a: sum(a))(1, 2, 3), sorted([3, 1, 2], key=lambda v: -v)]",
    "recursion": "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(15)",
    "default argument": "def f(x, acc=[]):\n    acc.append(x)\n    return acc\n[f(1), f(2)]",
    "decorators": "def twice(f):\n    def inner(*a, **k):\n        return f(*a, **k) * 2\n    return inner\n@twice\ndef g(x): return x + 1\ng(3)",
    "decorator with arguments": "def times(n):\n    def deco(f):\n        return lambda *a: f(*a) * n\n    return deco\n@times(3)\n@times(2)\ndef f(x): return x\nf(5)",
    "generators": "def g(n):\n    for i in range(n):\n        got = yield i\n        if got: yield got\nit = g(5)\n[next(it), it.send('x'), list(it), list(i * i for i in range(3))]",
    "yield from": "def a():\n    r = yield from b()\n    yield r\ndef b():\n    yield 1\n    return 'ret'\nlist(a())",
    "generator close": "log = []\ndef g():\n    try:\n        yield 1\n        yield 2\n    finally:\n        log.append('closed')\nit = g()\nnext(it)\nit.close()\nlog",
    "generator throw": "def g():\n    while True:\n        try:\n            yield 1\n        except ValueError as e:\n            yield str(e)\nit = g()\nnext(it)\nit.throw(ValueError('v'))",
    "comprehensions": "[[x * y for x in range(3) if x for y in (1, 2)], {k: v for k, v in zip('ab', [1, 2])}, {c for c in 'aab'}, sum(x for x in range(10))]",
    "nested comprehension": "m = [[1, 2], [3, 4]]\n[[row[i] for row in m] for i in range(2)]",
    "walrus": "data = [1, 2, 3]\n[n for x in data if (n := x * 2) > 2], (y := 10), y",
    "classes": "class P:\n    kind = 'p'\n    def __init__(self, x):\n        self.x = x\n        self._y = x * 2\n    @property\n    def y(self): return self._y\n    @y.setter\n    def y(self, v): self._y = v\n    @staticmethod\n    def s(a): return a\n    @classmethod\n    def c(cls, a): return cls(a)\n    def __repr__(self): return f'P({self.x})'\np = P.c(3)\np.y = 9\n[p.y, P.s(1), repr(p), str([p]), p.kind, isinstance(p, P), P.__name__, type(p) is P, p.__class__ is P]",
    "inheritance": "class A:\n    def __init__(self, n): self.n = n\n    def hi(self): return f'A{self.n}'\nclass B(A):\n    def __init__(self, n, m):\n        super().__init__(n)\n        self.m = m\n    def hi(self): return super().hi() + f'B{self.m}'\nclass C(B): pass\n[C(1, 2).hi(), issubclass(C, A), isinstance(C(1, 2), (int, A)), A.hi(B(3, 4))]",
    "multiple inheritance": "class A:\n    def f(self): return ['A']\nclass B(A):\n    def f(self): return ['B'] + super().f()\nclass C(A):\n    def f(self): return ['C'] + super().f()\nclass D(B, C):\n    def f(self): return ['D'] + super().f()\nD().f()",
    "operators of a class": "class V:\n    def __init__(self, x): self.x = x\n    def __add__(self, o): return V(self.x + o.x)\n    def __radd__(self, o): return V(self.x + o)\n    def __mul__(self, k): return V(self.x * k)\n    def __eq__(self, o): return isinstance(o, V) and self.x == o.x\n    def __hash__(self): return hash(self.x)\n    def __lt__(self, o): return self.x < o.x\n    def __neg__(self): return V(-self.x)\n    def __iadd__(self, o):\n        self.x += o.x\n        return self\n    def __getitem__(self, i): return self.x * i\n    def __len__(self): return 3\n    def __contains__(self, i): return i == self.x\n    def __call__(self, a): return self.x + a\n    def __bool__(self): return self.x > 0\n    def __matmul__(self, o): return self.x * o.x\na, b = V(1), V(2)\na += b\n[(a + b).x, (5 + b).x, (a * 3).x, a == V(3), a < b, (-a).x, a[4], len(a), 3 in a, a(10), bool(V(0)), a @ b, len({a, V(3)}), max(a, b).x, sorted([b, a])[0].x, sum([a, b]).x]",
    "iterators of a class": "class Count:\n    def __init__(self, n): self.n = n\n    def __iter__(self): return self\n    def __next__(self):\n        if self.n == 0: raise StopIteration\n        self.n -= 1\n        return self.n\n[list(Count(3)), sum(Count(4)), [x for x in Count(2)], dict(zip(Count(2), 'ab')), 2 in Count(5), *Count(2)]",
    "private names": "class A:\n    __secret = 7\n    def get(self): return self.__secret\n    def put(self, v): self.__secret = v\na = A()\na.put(8)\n[a.get(), A().get()]",
    "slots": "class A:\n    __slots__ = ('x',)\na = A()\na.x = 1\ntry:\n    a.y = 2\nexcept AttributeError:\n    r = 'no'\n[a.x, r]",
    "class body code": "class A:\n    xs = [i * 2 for i in range(3)]\n    total = 0\n    for x in xs: total += x\n[A.xs, A.total]",
    "class attributes by name": "class A:\n    x = 1\na = A()\nsetattr(a, 'y', 2)\n[getattr(a, 'x'), getattr(a, 'z', 'none'), hasattr(a, 'y'), hasattr(a, 'q'), [delattr(a, 'y'), hasattr(a, 'y')]]",
    "exceptions": "out = []\ntry:\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n        out.append(str(e))\n        raise ValueError('v') from e\n    else:\n        out.append('else')\n    finally:\n        out.append('finally')\nexcept (KeyError, ValueError) as e:\n    out.append(repr(e))\n    out.append(e.args)\nout",
    "own exceptions": "class E(Exception):\n    def __init__(self, code):\n        super().__init__(f'code {code}')\n        self.code = code\ntry:\n    raise E(5)\nexcept E as e:\n    r = (str(e), e.code, isinstance(e, Exception))\nr",
    "bare except": "try:\n    [][1]\nexcept:\n    r = 'caught'\nr",
    "finally and return": "def f():\n    try:\n        return 1\n    finally:\n        return 2\ndef g():\n    for i in range(3):\n        try:\n            continue\n        finally:\n            pass\n    return i\n[f(), g()]",
    "reraise": "def f():\n    try:\n        {}['k']\n    except KeyError:\n        raise\ntry:\n    f()\nexcept KeyError as e:\n    r = repr(e)\nr",
    "assert": "try:\n    assert 1 > 2, 'wrong'\nexcept AssertionError as e:\n    r = str(e)\nr",
    "with": "log = []\nclass C:\n    def __enter__(self):\n        log.append('in')\n        return (1, 2)\n    def __exit__(self, *a):\n        log.append(a[0] is None)\n        return True\nwith C() as (a, b), C():\n    log.append(a + b)\nwith C():\n    1 / 0\nlog",
    "match": "def f(x):\n    match x:\n        case 0: return 'zero'\n        case int() | float(): return 'number'\n        case str(s) if len(s) > 3: return 'long'\n        case 'a' | 'b': return 'ab'\n        case [1, *rest]: return rest\n        case {'k': v, **more}: return (v, more)\n        case (a, b): return a + b\n        case None: return 'none'\n        case _: return 'other'\n[f(v) for v in (0, 5, 2.5, 'hello', 'a', [1, 2, 3], {'k': 1, 'z': 2}, (3, 4), None, set())]",
    "match classes": "class P:\n    __match_args__ = ('x', 'y')\n    def __init__(self, x, y): self.x, self.y = x, y\nclass K:\n    RED = 'red'\ndef f(p):\n    match p:\n        case P(0, y=0): return 'origin'\n        case P(x, y): return (x, y)\n        case K.RED: return 'r'\n[f(P(0, 0)), f(P(1, 2)), f('red'), f(3)]",
    "annotations": "from __future__ import annotations\nx: int = 5\ny: Undefined\ndef f(a: Missing, b: 'str' = 's') -> Nowhere: return a\nclass A:\n    z: int = 3\n    w: str\n[x, f(1), A.z]",
    "types": "[type(1) is int, type('a') == str, type([]).__name__, isinstance(True, int), isinstance(1, (str, int)), isinstance(1, int | str), int('12'), float('1.5'), str(12), list('ab'), bool([]), int('ff', 16), type(1)('7')]",
    "types as values": "d = {int: 'i', str: 's'}\n[d[type(3)], d[type('')], list(map(int, ['1', '2'])), list(map(str, [1, 2])), [t(5) for t in (int, float, str)], sorted(['b', 'A'], key=str.lower), list(map(str.upper, 'ab'))]",
    "methods as values": "s = 'a,b'\nf = s.split\ng = ', '.join\nd = {'a': 3, 'b': 1}\n[f(','), g(['x', 'y']), sorted(d, key=d.get), list(map(d.get, 'ab')), dict.fromkeys('ab', 0), int.from_bytes(b'ab', 'big'), str.maketrans('a', 'b'), 'aa'.translate(str.maketrans('a', 'b'))]",
    "built-ins": "[abs(-3), all([1, 1]), any([0, 1]), bin(5), chr(97), hex(255), len('abc'), max(3, 1), min([4, 2]), oct(8), ord('a'), pow(2, 5), round(3.7), sorted('cab'), sum([1, 2], 10), list(zip([1, 2], 'ab')), list(map(lambda a, b: a + b, [1, 2], [3, 4])), list(filter(None, [0, 1])), list(enumerate('ab', 1)), list(reversed([1, 2])), max([], default=7), callable(len), repr('a'), ascii('é'), format(3.14159, '.2f'), max('bb', 'a', key=len), sum([[1], [2]], []), list(range(10, 0, -3)), next(iter([5])), next(iter([]), 'd'), slice is not None if False else 1]",
    "iter with a sentinel": "it = iter([1, 2, 3, 0, 4])\nlist(iter(lambda: next(it), 0))",
    "print": "print('a', 1, [2], sep='-', end='!\\n')\nprint()\nprint('x')",
    "global result": "result = {'a': [1, 2]}\nprint('done')",
    "name": "r = []\nif __name__ == '__main__':\n    r.append('main')\nr",
    "delete": "a = 1\ndel a\ntry:\n    a\nexcept NameError:\n    r = 'gone'\nr",
    "del items": "d = {'a': 1, 'b': 2}\nl = [1, 2, 3]\ndel d['a'], l[0]\n[d, l]",
    "string iteration": "[c.upper() for c in 'abc' if c != 'b']",
    "sorting": "people = [('b', 2), ('a', 2), ('c', 1)]\n[sorted(people, key=lambda p: (-p[1], p[0])), sorted(people, reverse=True), min(people, key=lambda p: p[1])]",
    "shadowed built-ins": "list = [1]\nstr = 'abc'\ndef sum(x): return 'mine'\nlen = lambda x: 99\n[list, str, sum([1]), len('a')]",
    "shadowed in a function": "def f(list, int=3):\n    return list, int\n[f(1), list('ab'), int('3')]",
    "own methods named like built-in ones": "class Q:\n    def get(self, *a, k=1): return ('get', a, k)\n    def add(self, x): return self\n    def join(self): return 'j'\n    def update(self): return 'u'\n    count = 5\nq = Q()\nq.count += 1\n[q.get(1, k=2), q.add(1).join(), q.update(), q.count, [m() for m in [q.join]]]",
    "conditional import": "try:\n    import numpy_missing_module\nexcept ImportError:\n    numpy_missing_module = None\nnumpy_missing_module",
    "sum of floats": "sum([0.1] * 10), sum(x * 0.1 for x in range(10))",
    "negative steps": "'abcdef'[4:1:-1], list(range(5))[::-1]",
    "ellipsis and constants": "[..., None, True, 10_000, 0x1F, 0b11, 1e3, 'a' 'b', b'x' b'y', r'\\n'] [1:]",
    "semicolons and comments": "a = 1; b = 2  # comment\n(a + b,)",
    "docstring": "'''module'''\ndef f():\n    '''only a docstring'''\nf(), f.__doc__",
    "deep but honest": "x = 0\nfor a in range(3):\n    for b in range(3):\n        if a != b:\n            try:\n                x += a // b\n            except ZeroDivisionError:\n                x -= 1\nx",
    "dict views": "d = {'a': 1, 'b': 2}\n[sorted(d.keys() & {'a'}), sorted(d.keys() | {'z'}), list(d.values()), len(d.items()), ('a', 1) in d.items(), max(d, key=d.get)]",
    "dict from pairs": "[dict([('a', 1), ['b', 2]]), dict(a=1), dict({'x': 1}, y=2), dict(zip('ab', range(2))), {**dict(q=1)}]",
    "set operations by methods": "s = {1, 2}\ns.update([3], (4,))\ns.discard(9)\ns.intersection_update({2, 3, 4})\n[s, s.isdisjoint([7]), s.symmetric_difference([2, 9]), s.difference([2]), s.pop() in (2, 3, 4)]",
    "copying": "a = [1, [2]]\nb = a.copy()\nc = a[:]\nb.append(3)\nb[1].append(9)\n[a, b, c, {'k': 1}.copy(), {1}.copy()]",
    "exception details": "try:\n    int('x')\nexcept ValueError as e:\n    r = str(e)\ntry:\n    [].pop()\nexcept IndexError as e:\n    r += str(e)\ntry:\n    'a' + 1\nexcept TypeError as e:\n    r += str(e)\nr",
    "string comparisons in loops": "words = 'the quick the lazy the end'.split()\ncounts = {}\nfor w in words:\n    counts[w] = counts.get(w, 0) + 1\nsorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))",
    "matrix": "def mul(a, b):\n    return [[sum(a[i][k] * b[k][j] for k in range(len(b))) for j in range(len(b[0]))] for i in range(len(a))]\nmul([[1, 2], [3, 4]], [[5, 6], [7, 8]])",
    "sieve": "n = 50\ns = [True] * (n + 1)\ns[0] = s[1] = False\nfor i in range(2, int(n ** 0.5) + 1):\n    if s[i]:\n        for j in range(i * i, n + 1, i):\n            s[j] = False\n[i for i, p in enumerate(s) if p]",
    "memo": "memo = {}\ndef f(n):\n    if n in memo: return memo[n]\n    memo[n] = 1 if n < 2 else f(n - 1) + f(n - 2)\n    return memo[n]\nf(80)",
    "string building": "s = ''\nfor i in range(5):\n    s += str(i) + ','\ns.rstrip(',')",
    "global statement in nested function": "total = 0\ndef outer():\n    def inner():\n        global total\n        total += 5\n    inner()\nouter()\ntotal",
    "updating from a mapping": "class M:\n    def keys(self): return ['ab']\n    def __getitem__(self, k): return 7\nd = {}\nd |= M()\ne = dict(M())\n[d, e, {**M()}]",
    "a list added to itself": "from collections import deque\nd = deque([1, 2])\nd += d\nd.extend(d)\nl = [1]\nl += l\nl.extend(l)\n[list(d), l]",
    "deleting slices of an own class": "r = []\nclass A:\n    def __delitem__(self, k): r.append((k.start, k.stop))\na = A()\ndel a[1:2]\nr",
    "a list while it is sorted": "l, r = [3, 1, 2], []\nl.sort(key=lambda x: r.append(len(l)) or x)\ntry:\n    l.sort(key=lambda x: l.append(1) or x)\nexcept ValueError as e:\n    r.append(str(e))\n[l, r]",
    "types of types": "class A: pass\n[type(A) is type, type(int) is type, isinstance(int, type), isinstance(A, type), str.upper == str.upper]",
    "slices handed on": "class S:\n    def __init__(self, x): self.x = x\n    def __getitem__(self, k): return self.x[k]\ns = S([1, 2, 3, 4])\n[s[1:3], s[::2], s[0], S('abcd')[1:]]",
    "a mapping that is none": "r = []\nfor f in (lambda: {**[('a', 1)]}, lambda: dict(**[('a', 1)])):\n    try: f()\n    except TypeError: r.append('no')\nr",
    "range membership": "[5 in range(10 ** 9), -1 in range(10 ** 9), range(10 ** 9).index(7), range(5).count(2)]",
    "hasattr of built-ins": "[hasattr([], 'append'), hasattr([], '__iter__'), hasattr(1, 'nope'), hasattr('', 'join')]",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_gives_what_python_gives(name: str) -> None:
    """The value and what is printed are those of plain Python."""
    expected, printed = run_plainly(SNIPPETS[name])
    got = evaluate(SNIPPETS[name])
    assert written(got.value) == written(expected)
    assert got.stdout == printed


@pytest.mark.parametrize(
    ("source", "inputs", "value"),
    [
        ("a + b", {"a": 1, "b": 2}, 3),
        ("[r['n'] for r in rows if r['n'] > 1]", {"rows": [{"n": 1}, {"n": 2}]}, [2]),
        ("result = x", {"x": (1, [2])}, (1, [2])),
        ("x.append(3)\nx", {"x": [1]}, [1, 3]),
        ("'no value here'\nprint(1)", {}, None),
        ("", {}, None),
    ],
)
def test_inputs_are_names_and_a_value_comes_back(source: str, inputs: dict[str, Any], value: object) -> None:
    """Inputs stand under their names; the value is the last expression's or, where that is None, that of `result`."""
    assert evaluate(source, inputs).value == value
