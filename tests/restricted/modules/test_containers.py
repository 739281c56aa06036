"""collections, heapq, bisect, copy, typing, abc, dataclasses: the values of the library, of types that belong to the host."""

from __future__ import annotations

import collections.abc

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.errors import SnippetFailed
from ringfence.restricted import evaluate

COLLECTIONS = [
    "c = collections.Counter('abcab')\nc.update('a')\nc.subtract({'b': 1})\n[dict(c), c['z'], c.most_common(1), sorted(c.elements()), repr(c), c.total(), c + c, c - collections.Counter('a'), c & c, c | c, +c, type(c) is collections.Counter, isinstance(c, dict), c.copy() == c]",
    "[collections.Counter(a=1, b=2), collections.Counter({'x': 3}), collections.Counter(), collections.Counter([1, 1]), collections.Counter('a', b=2), collections.Counter(a=1.5) + collections.Counter(a=1)]",
    "d = collections.defaultdict(list)\nd['a'].append(1)\ne = collections.defaultdict(int, {'x': 1}, y=2)\ne['z'] += 5\n[d, e, repr(e), d.default_factory(), 'q' in d, collections.defaultdict(lambda: 7)['k'], d.get('n')]",
    "o = collections.OrderedDict([('a', 1), ('b', 2)])\no.move_to_end('a')\n[list(o), o.popitem(last=False), repr(o), o == {'a': 1}, collections.OrderedDict(x=1)]",
    "d = collections.deque([1, 2, 3], maxlen=3)\nd.append(4)\nd.appendleft(0)\nd.rotate(1)\nd.extend([7])\n[list(d), d.maxlen, d.pop(), d.popleft(), repr(d), len(d), d[0], collections.deque('ab') + collections.deque('c'), d.count(3)]",
    "P = collections.namedtuple('P', 'x y', defaults=[5])\np = P(1)\nx, y = p\n[p.x, p.y, x, y, p._replace(x=9), p._asdict(), P._fields, P._field_defaults, repr(p), p == (1, 5), isinstance(p, P), isinstance(p, tuple), type(p) is P, P.__name__, p + (1,), p.index(5), hash(p) == hash((1, 5))]",
    "P = collections.namedtuple('P', ['a', 'b'])\ndef f(v):\n    match v:\n        case P(a, b=2): return a\n[f(P(1, 2)), f(P(1, 3)), P(*'xy'), P(b=1, a=2), sorted([P(2, 1), P(1, 2)])]",
    "collections.namedtuple('P', 'a, class, a', rename=True)._fields",
    "collections.namedtuple('P', 'a a')", "collections.namedtuple('P', 'class')", "collections.namedtuple('1', 'a')", "collections.namedtuple('P', 'a b')(1)", "collections.namedtuple('P', '_a')",
    "collections.Counter(3)", "collections.Counter(1, 2)", "collections.deque(maxlen=-1)", "collections.defaultdict(3)", "collections.deque().pop()", "collections.OrderedDict(1)",
    "dict(collections.OrderedDict.fromkeys('ab', 0))",
    "from collections import abc\nfrom collections.abc import Mapping, Iterable\n[isinstance({}, Mapping), isinstance([], abc.Sequence), isinstance((x for x in []), abc.Iterator), isinstance(3, Iterable), isinstance(len, abc.Callable), isinstance((), abc.Hashable), issubclass(dict, abc.MutableMapping), isinstance('', (abc.Set, abc.Sized)), abc.Mapping is Mapping]",
    "import collections.abc\nclass A:\n    def __iter__(self): return iter([])\n    def __len__(self): return 0\n[isinstance(A(), collections.abc.Iterable), isinstance(A(), collections.abc.Sized), isinstance(A(), collections.abc.Mapping)]",
    "x = collections.Counter()\nx[1] += 1\nx['a'] += 2\nsum(x.values())",
]  # fmt: skip
HEAPQ = [
    "h = []\nfor x in [5, 1, 4, 1, 5, 9, 2, 6]: heapq.heappush(h, x)\na = list(h)\n[a, [heapq.heappop(h) for _ in range(8)]]",
    "h = [5, 3, 8, 1, 9, 2]\nheapq.heapify(h)\n[list(h), heapq.heapreplace(h, 7), list(h), heapq.heappushpop(h, 0), heapq.heappushpop(h, 6), list(h)]",
    "[heapq.nlargest(2, [1, 5, 3]), heapq.nsmallest(2, [1, 5, 3]), heapq.nlargest(9, [1]), heapq.nsmallest(-1, [1]), heapq.nlargest(2, ['a', 'bbb', 'cc'], key=len), heapq.nlargest(2, [(1, 'a'), (1, 'b')], key=lambda t: t[0])]",
    "[list(heapq.merge([1, 4], [2, 3], [])), list(heapq.merge(['a'], ['bb', 'c'], key=len)), list(heapq.merge([4, 1], [3], reverse=True))]",
    "h = [(2, 'b'), (1, 'z'), (1, 'a')]\nheapq.heapify(h)\n[heapq.heappop(h) for _ in range(3)]",
    "class T:\n    def __init__(self, p): self.p = p\n    def __lt__(self, o): return self.p < o.p\nh = []\nfor p in (3, 1, 2): heapq.heappush(h, T(p))\n[heapq.heappop(h).p for _ in range(3)]",
    "import random\nr = random.Random(3)\nh = []\nout = []\nfor _ in range(300):\n    if h and r.random() < 0.4: out.append(heapq.heappop(h))\n    elif h and r.random() < 0.1: out.append(heapq.heapreplace(h, r.randrange(50)))\n    else: heapq.heappush(h, r.randrange(50))\n[out, h]",
    "heapq.heappop([])", "heapq.heapreplace([], 1)", "heapq.heappush((), 1)", "heapq.heapify([1, 'a'])",
]  # fmt: skip
BISECT = [
    "x = [1, 3, 3, 5]\n[bisect.bisect(x, 3), bisect.bisect_left(x, 3), bisect.bisect_right(x, 3, 0, 2), bisect.bisect(x, 9), bisect.bisect_left(['a', 'bb'], 2, key=len)]",
    "x = [1, 3]\nbisect.insort(x, 2)\nbisect.insort_left(x, 3)\nbisect.insort_right(x, 0)\ny = ['a', 'ccc']\nbisect.insort(y, 'bb', key=len)\n[x, y]",
    "bisect.bisect([1], 'a')",
    "bisect.bisect([1], 1, -1)",
]
COPY = [
    "a = [1, [2]]\nb = copy.copy(a)\nc = copy.deepcopy(a)\na[1].append(3)\n[b, c, b is a, copy.copy((1, 2)), copy.deepcopy({'k': {1, 2}})]",
    "class A:\n    def __init__(self): self.v = [1]\na = A()\na.me = a\nb, c = copy.copy(a), copy.deepcopy(a)\na.v.append(2)\n[b.v, c.v, b is a, c.me is c, b.me is a, type(c) is A]",
    "x = []\nx.append(x)\ny = copy.deepcopy(x)\n[y[0] is y, y is x]",
    "s = [1]\nx = [s, s, {'a': s}, (s, 5)]\ny = copy.deepcopy(x)\ny[0].append(2)\n[x, y, y[0] is y[1], y[2]['a'] is y[0], copy.deepcopy((1, (2,)))]",
    "from collections import deque, defaultdict, OrderedDict, Counter, namedtuple\nP = namedtuple('P', 'a b')\nd = defaultdict(list, {'a': [1]})\ny = copy.deepcopy([deque([1], 3), d, OrderedDict(a=[1]), Counter('aab'), P([1], 2), bytearray(b'x'), frozenset([1])])\ny[1]['z'].append(1)\n[repr(y), y[0].maxlen, d, y[4].a]",
    "class A:\n    __slots__ = ('x', '_y')\na = A()\na.x = [1]\na._y = 2\nb = copy.deepcopy(a)\nb.x.append(2)\n[a.x, b.x, b._y, copy.copy(a).x is a.x]",
    "class E(Exception): pass\ne = E(1, 2)\nf = copy.copy(e)\n[f.args, type(f) is E]",
    "f = lambda: 1\n[copy.copy(f) is f, copy.deepcopy(f) is f, copy.copy(int) is int, copy.deepcopy(None), copy.copy('a')]",
]  # fmt: skip
TYPED = [
    "from typing import Any, Callable, Dict, Generic, List, Optional, TypeVar, Union, cast, TYPE_CHECKING, NewType, Protocol, Literal\nT = TypeVar('T')\ndef f(x: List[int], y: Optional[Dict[str, Any]] = None) -> Union[int, str]: return x[0]\nclass G(Generic[T]):\n    v: T\n    def __init__(self, v): self.v = v\nclass P(Protocol):\n    def m(self) -> int: ...\nU = NewType('U', int)\nAlias = Callable[[int], str] | None\n[f([1]), cast(int, 'a'), TYPE_CHECKING, G(5).v, U(3), f.__name__]",
    "from typing import final, runtime_checkable\n@final\nclass A: pass\nA().__class__ is A",
    "from abc import ABC, abstractmethod\nclass S(ABC):\n    @abstractmethod\n    def area(self): ...\n    def twice(self): return self.area() * 2\nclass Q(S):\n    def area(self): return 3\n[Q().twice(), isinstance(Q(), S), issubclass(Q, ABC)]",
    "from abc import ABC, abstractmethod\nclass S(ABC):\n    @property\n    @abstractmethod\n    def p(self): ...\n    @abstractmethod\n    def q(self): ...\nclass H(S):\n    p = 1\nH()",
    "import abc\nclass S(abc.ABC):\n    @classmethod\n    @abc.abstractmethod\n    def make(cls): ...\nclass M(S):\n    @classmethod\n    def make(cls): return cls()\nout = [type(M.make()) is M]\ntry:\n    S()\nexcept TypeError as e:\n    out.append(str(e))\nout",
    "from abc import ABCMeta, abstractmethod\nclass S(metaclass=ABCMeta):\n    @abstractmethod\n    def f(self): ...\nclass T(S):\n    def f(self): return 2\nout = [T().f()]\ntry:\n    S()\nexcept TypeError as e:\n    out.append(str(e))\nout",
    "import abc\nclass B:\n    def g(self): return 1\nclass S(B, metaclass=abc.ABCMeta):\n    __slots__ = ()\n[S().g(), isinstance(S(), abc.ABC)]",
    "from abc import abstractmethod\nclass A:\n    @abstractmethod\n    def f(self): return 1\nA().f()",
]  # fmt: skip
RECORDS = [
    "@D\nclass A:\n    x: int\n    y: list = F(default_factory=list)\n    k: ClassVar[int] = 3\n    z: str = 'q'\na = A(1)\na.y.append(5)\n[repr(a), A(1).y, a == A(1, [5]), a != A(2), A.k, A(1, z='w').z, a.__class__ is A]",
    "@D(order=True)\nclass A:\n    a: int\n    b: str = ''\n[sorted([A(2), A(1, 'z'), A(1, 'b')]) == [A(1, 'b'), A(1, 'z'), A(2)], A(1) < A(2), A(1) >= A(1), A(1) == 5, max(A(3), A(4)).a]",
    "@D(frozen=True)\nclass A:\n    x: int\na = A(1)\nout = [hash(a) == hash(A(1)), {a: 2}[A(1)], len({a, A(1)})]\ntry:\n    a.x = 2\nexcept dataclasses.FrozenInstanceError as e:\n    out.append(str(e))\ntry:\n    del a.x\nexcept AttributeError as e:\n    out.append(str(e))\nout",
    "@D\nclass A:\n    x: int\nhash(A(1))",
    "@D(unsafe_hash=True)\nclass A:\n    x: int\n    y: int = F(default=2, hash=False)\n[hash(A(1)) == hash(A(1, 5)), A(1) == A(1, 5)]",
    "@D\nclass A:\n    x: int\n    y: int = F(init=False, default=7)\n    z: int = F(default=1, repr=False, compare=False)\n    def __post_init__(self): self.w = self.x * 2\n[repr(A(2)), A(2).w, A(2, 3) == A(2, 4), A(1).y]",
    "@D\nclass A:\n    x: int\n@D\nclass B(A):\n    y: int = 2\n    x: str = 'o'\n[repr(B()), repr(B('p', 5)), isinstance(B(), A), [f.name for f in dataclasses.fields(B)]]",
    "@D(kw_only=True)\nclass A:\n    x: int\n    y: int = 1\n[A(x=3).x, repr(A(x=1, y=2))]",
    "@D\nclass A:\n    x: int\n    _: dataclasses.KW_ONLY\n    y: int = 2\n    z: int = F(kw_only=False, default=1)\n[repr(A(1, 5, y=9))]",
    "@D\nclass A:\n    x: int\n    n: 'A' = None\na = A(1)\na.n = a\nrepr(a)",
    "@D\nclass A:\n    x: int\n    n: list = F(default_factory=list)\na = A(1, [A(2), {'k': (A(3),)}])\n[dataclasses.asdict(a), dataclasses.astuple(a), dataclasses.replace(A(1), x=5).x, dataclasses.is_dataclass(a), dataclasses.is_dataclass(A), dataclasses.is_dataclass(3), dataclasses.asdict(A(1), dict_factory=lambda p: sorted(p))]",
    "@D\nclass A:\n    x: int\ndef f(v):\n    match v:\n        case A(x): return x\n[f(A(4)), f(3)]",
    "@D\nclass A:\n    x: int\n    def __repr__(self): return 'mine'\n    def __eq__(self, o): return True\n[repr(A(1)), A(1) == A(2)]",
    "@D(repr=False, eq=False)\nclass A:\n    x: int\n[A(1) == A(1), 'A object' in repr(A(1))]",
    "@D\nclass A:\n    self: int\n    fill: int = 1\n    absent: int = 2\n[repr(A(5)), repr(A(1, 2, 3))]",
    "@D\nclass A:\n    x: int\nA()", "@D\nclass A:\n    x: int\nA(1, 2)", "@D\nclass A:\n    x: int\nA(y=1)",
    "@D\nclass A:\n    x: int = 1\n    y: int", "@D\nclass A:\n    x: list = []", "@D\nclass A:\n    x = F()", "@D(order=True, eq=False)\nclass A:\n    x: int",
    "@D(order=True)\nclass A:\n    x: int\n    def __lt__(self, o): return 1",
    "@D(frozen=True)\nclass A:\n    x: int\n@D\nclass B(A):\n    y: int", "F(default=1, default_factory=list)",
    "@D\nclass A:\n    x: int\ndataclasses.replace(A(1), z=2)", "dataclasses.asdict(3)", "dataclasses.fields(3)",
    "@D\nclass A:\n    x: int = F(default=3)\nf = dataclasses.fields(A)[0]\n[f.name, f.default, f.init, f.repr, A.x, f.default_factory is dataclasses.MISSING]",
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "expression"),
    [
        (module, expression)
        for module, some in (("collections", COLLECTIONS), ("heapq", HEAPQ), ("bisect", BISECT), ("copy", COPY), ("typing", TYPED))
        for expression in some
    ],
)  # fmt: skip
def test_containers_are_the_library_s(module: str, expression: str) -> None:
    """The same values, or the same exception."""
    check_same(module, expression)


@pytest.mark.parametrize("expression", RECORDS)
def test_a_dataclass_is_the_library_s(expression: str) -> None:
    """What the library's class does, this one does."""
    head = "from dataclasses import dataclass as D, field as F\nfrom typing import ClassVar\n"
    check_same("dataclasses", head + expression)


TREES = "a = b = ()\nfor _ in range(60): a, b = (a, a), (b, b)\n"


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("collections.Counter(itertools.repeat(1))", "steps|time"),
        ("collections.deque(itertools.count())", "steps|time|memory"),
        ("collections.OrderedDict(itertools.repeat((1, 2)))", "steps|time"),
        ("collections.defaultdict(int, itertools.repeat((1, 2)))", "steps|time"),
        (f"{TREES}collections.Counter([a, b])", "steps|time"),
        (f"{TREES}collections.OrderedDict([(a, 1)])", "steps|time"),
        (f"{TREES}collections.OrderedDict().move_to_end(a)", "steps|time"),
        (f"{TREES}x, y = collections.OrderedDict(k=a), collections.OrderedDict(k=b)\nx.items() == y.items()", "steps|time"),
        (f"{TREES}repr(collections.OrderedDict(k=a).items())", "steps|time|memory"),
        (f"{TREES}repr(collections.deque([a]))", "steps|time|memory"),
        (f"{TREES}collections.deque([a]).index(b)", "steps|time"),
        ("c = collections.Counter(a='xy')\nwhile True: c.update(c)", "offer|memory"),
        ("c = collections.Counter(a=(1,))\nwhile True: c.update(c)", "offer|memory"),
        ("c = collections.Counter()\nwhile True: c.update(a='x' * 100000)", "offer|memory"),
        ("from fractions import Fraction as F\nc = collections.Counter({i: F(1, 10**9000 + i) for i in range(3000)})\nc.total()", "offer|steps"),
        ("from fractions import Fraction as F\nc, d = collections.Counter(a=F(1, 3)), collections.Counter(a=F(1, 5))\nwhile True: c, d = c + d, c + c", "offer"),
        ("collections.namedtuple('P', ['a' + str(i) for i in range(1000)])", "offer"),
        ("collections.namedtuple('P', 'a ' * 100000)", "offer"),
        ("collections.namedtuple('P', ['a' * 100])", "offer"),
        ("collections.namedtuple('P', itertools.repeat('a'))", "steps|time|memory"),
        ("collections.namedtuple('P', 'a', defaults=itertools.count())", "steps|time|memory"),
        ("i = 0\nwhile True:\n    i += 1\n    collections.namedtuple('P', 'a b c')", "steps|time|memory"),
        ("getattr(collections.namedtuple('P', 'a'), '_make')", "offer"),
        ("collections.ChainMap({})", "offer"),
        ("collections.UserDict", "offer"),
        ("collections._sys", "offer"),
        ("collections.Counter.x = 1", "offer"),
        ("collections.Counter.update = 1", "offer"),
        ("import collections.abc\ngetattr(collections.abc.Mapping, 'register')(int)", "offer"),
        ("import collections.abc\ncollections.abc.Mapping()", "offer"),
        ("class A(collections.OrderedDict): pass", "offer"),
        (f"{TREES}h = [a]\nheapq.heappush(h, b)", "steps|time"),
        (f"{TREES}heapq.heapify([a, b])", "steps|time"),
        (f"{TREES}h = [0, a, b, 3]\nheapq.heappop(h)", "steps|time"),
        (f"{TREES}heapq.heappushpop([a], b)", "steps|time"),
        (f"{TREES}heapq.heapreplace([0, a, b], 1)", "steps|time"),
        (f"{TREES}heapq.nlargest(1, [a, b])", "steps|time"),
        (f"{TREES}heapq.nsmallest(1, [1, 2], key=lambda x: a if x == 1 else b)", "steps|time"),
        (f"{TREES}list(heapq.merge([a], [b]))", "steps|time"),
        (f"{TREES}list(heapq.merge([1], [2], key=lambda x: a if x == 1 else b))", "steps|time"),
        ("next(heapq.merge(*[[1]] * 5000))", "offer"),
        ("heapq.nlargest(1, itertools.count())", "steps|time|memory"),
        ("h = list(range(100000))\nwhile True: heapq.heapify(h)", "steps|time"),
        ("h = list(range(100000))\nwhile True: heapq.nsmallest(1, h)", "steps|time"),
        (f"{TREES}bisect.bisect([a], b)", "steps|time"),
        (f"{TREES}bisect.insort([a], b)", "steps|time"),
        ("class L:\n    def __len__(self): return 10**15\n    def __getitem__(self, i): return i\nwhile True: bisect.bisect(L(), 5)", "steps|time"),
        (f"{TREES}x = [a, a]\nwhile True: copy.deepcopy([{{a: 1}}])", "steps|time"),
        ("x = [[] for _ in range(20000)]\nwhile True: copy.deepcopy(x)", "steps|time|memory"),
        ("x = [0] * 1000000\nwhile True: copy.copy(x)", "steps|time|memory"),
        ("x = None\nfor _ in range(200): x = [x]\nwhile True: copy.deepcopy(x)", "steps|time|recursion"),
        ("copy.copy(x for x in [])", "offer"),
        ("copy.deepcopy(copy)", "offer"),
        ("copy.deepcopy([1], {})", "offer"),
        ("@dataclass\nclass A:\n    x: object\na = A(1)\nfor _ in range(60): a = A((a, a))\na == copy.deepcopy(a)", "steps|time"),
        ("@dataclass\nclass A:\n    x: object\na = A(1)\nfor _ in range(60): a = A((a, a))\nrepr(a)", "steps|time|memory"),
        ("@dataclass(frozen=True)\nclass A:\n    x: object\na = A(1)\nfor _ in range(60): a = A((a, a))\nhash(a)", "steps|time"),
        ("@dataclass\nclass A:\n    x: object\na = A(1)\nfor _ in range(60): a = A((a, a))\ndataclasses.asdict(a)", "steps|time|memory"),
        (f"{TREES}@dataclass\nclass A:\n    x: object\nA(a) == A(b)", "steps|time"),
        ("while True:\n    @dataclass\n    class A:\n        x: int", "steps|time|memory"),
        ("dataclass(int)", "offer"),
        ("@dataclass(slots=True)\nclass A:\n    x: int", "offer"),
        ("dataclasses.field(metadata={'a': 1})", "offer"),
        ("dataclasses.make_dataclass('A', ['x'])", "offer"),
        ("@dataclass\nclass A:\n    x: dataclasses.InitVar[int]", "offer"),
        ("import typing\ntyping.NamedTuple", "offer"),
        ("import typing\ntyping.get_type_hints(1)", "offer"),
        ("import typing\nisinstance(1, typing.Mapping)", "offer"),
        ("import typing\ntyping.sys", "offer"),
        ("import abc\nabc.abstractmethod(len)", "offer"),
    ],
)  # fmt: skip
def test_containers_without_end_are_stopped(source: str, limit: str) -> None:
    """What is hashed, compared, copied and shown is paid for, and the host's types cannot be changed."""
    head = (
        "import bisect, collections, copy, dataclasses, heapq, itertools\nfrom dataclasses import dataclass\n"
    )
    check_stopped(head + source, limit)


def test_classes_of_the_host_are_unchanged() -> None:
    """A snippet that uses all of them leaves no attribute, no registration and no class behind."""
    kinds = (
        collections.Counter,
        collections.OrderedDict,
        collections.deque,
        collections.abc.Mapping,
        int,
        Exception,
    )
    before = [dict(vars(kind)) for kind in kinds]
    evaluate(
        "import collections, copy, abc\nfrom dataclasses import dataclass\n@dataclass\nclass A(abc.ABC):\n    x: int\n"
        "isinstance(A(1), collections.abc.Mapping)\ncopy.deepcopy(A(1)).x"
    )
    assert [dict(vars(kind)) for kind in kinds] == before


def test_the_next_evaluation_has_classes_of_its_own() -> None:
    """What a snippet sets on `ABC`, which is its own class, is gone afterwards."""
    assert evaluate("import abc\nabc.ABC.mark = 1\nabc.ABC.mark").value == 1
    with pytest.raises(SnippetFailed, match="no attribute 'mark'"):
        evaluate("import abc\nabc.ABC.mark")
