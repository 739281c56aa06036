"""itertools, functools, operator: the values of the library, and every item that goes through them is counted."""

from __future__ import annotations

import itertools

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.restricted import evaluate

ITERTOOLS = [
    "[list(itertools.chain([1], 'ab', ())), list(itertools.chain.from_iterable([[1], (2, 3)])), list(itertools.islice(itertools.count(5, 2), 3)), list(itertools.islice('abcdef', 1, None, 2)), list(itertools.islice(itertools.cycle('ab'), 5))]",
    "[list(itertools.repeat(1, 3)), list(itertools.repeat('x', times=2)), list(map(pow, [2, 3], itertools.repeat(2)))]",
    "[list(itertools.accumulate([1, 2, 3])), list(itertools.accumulate([1, 2, 3], lambda a, b: a * b, initial=5)), list(itertools.accumulate(['a', 'b'])), list(itertools.accumulate([], initial=None))]",
    "[list(itertools.compress('abcd', [1, 0, 1, 0])), list(itertools.dropwhile(lambda x: x < 3, [1, 3, 2])), list(itertools.takewhile(lambda x: x < 3, [1, 3, 2])), list(itertools.filterfalse(None, [0, 1])), list(itertools.filterfalse(bool, [0, 1]))]",
    "[[(k, list(g)) for k, g in itertools.groupby('aabca')], [(k, list(g)) for k, g in itertools.groupby([1, 3, 2, 4], key=lambda x: x % 2)], list(itertools.groupby([]))]",
    "[list(itertools.pairwise('abc')), list(itertools.starmap(pow, [(2, 3), [3, 2]])), list(itertools.zip_longest('abc', [1], fillvalue='-')), list(itertools.zip_longest())]",
    "[list(itertools.product('ab', [1, 2])), list(itertools.product([0, 1], repeat=3)), list(itertools.product()), list(itertools.product('a', []))]",
    "[list(itertools.permutations('abc', 2)), list(itertools.permutations([1, 2, 3])), list(itertools.combinations('abc', 2)), list(itertools.combinations_with_replacement('ab', 2)), list(itertools.combinations('a', 5))]",
    "a, b = itertools.tee([1, 2, 3])\n[next(a), list(b), list(a), len(itertools.tee('a', 3)), itertools.tee([], 0)]",
    "it = itertools.count(1.5, 0.5)\n[next(it), next(it), repr(itertools.count(3))]",
    "itertools.combinations('abc', -1)",
    "itertools.islice('abc', -1)",
    "itertools.product('a', repeat=-1)",
    "list(itertools.chain([1], [2]))",
    "itertools.no_such_name",
]
FUNCTOOLS = [
    "[functools.reduce(lambda a, b: a + b, [1, 2, 3]), functools.reduce(lambda a, b: a * b, [], 7), functools.reduce(max, [3, 9, 2])]",
    "functools.reduce(lambda a, b: a, [])",
    "[functools.partial(pow, 2)(5), functools.partial(int, base=2)('101'), list(map(functools.partial(max, 3), [1, 5])), functools.partial(functools.partial(pow, 2), 3)()]",
    "calls = []\n@functools.lru_cache(maxsize=2)\ndef f(x):\n    calls.append(x)\n    return x * 2\n[f(1), f(1), f(2), f(3), f(1), calls, tuple(f.cache_info()), f.cache_parameters(), f.__name__, f.cache_clear(), tuple(f.cache_info())]",
    "@functools.lru_cache\ndef f(x, y=1): return (x, y)\n[f(1), f(1.0), f(x=1), f(1, y=2), tuple(f.cache_info())]",
    "@functools.lru_cache(typed=True)\ndef f(x): return x\n[f(1), f(1.0), tuple(f.cache_info())]",
    "@functools.cache\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n[fib(100), tuple(fib.cache_info())]",
    "@functools.cache\ndef f(x): return x\nf([1])",
    "class A:\n    @functools.lru_cache\n    def m(self, x): return x + 1\n    @functools.cached_property\n    def v(self):\n        self.n = getattr(self, 'n', 0) + 1\n        return self.n\na = A()\nb = [a.m(1), a.v, a.v, a.n]\na.v = 9\n[b, a.v]",
    "def d(f):\n    @functools.wraps(f)\n    def inner(*a):\n        'inner'\n        return f(*a) + 1\n    return inner\n@d\ndef g(x):\n    'doc'\n    return x\n[g(1), g.__name__, g.__doc__, g.__qualname__]",
    "@functools.total_ordering\nclass V:\n    def __init__(self, x): self.x = x\n    def __eq__(self, o): return self.x == o.x\n    def __lt__(self, o): return self.x < o.x\n[V(1) <= V(1), V(2) > V(1), V(1) >= V(2), max([V(1), V(3)], key=lambda v: v.x).x]",
    "[sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: b - a)), max('ab', key=functools.cmp_to_key(lambda a, b: (a > b) - (a < b)))]",
    "@functools.total_ordering\nclass V: pass",
]  # fmt: skip
OPERATOR = [
    "[operator.add(1, 2), operator.sub(1, 2), operator.mul('a', 3), operator.truediv(1, 2), operator.floordiv(7, 2), operator.mod(7, 3), operator.pow(2, 5), operator.neg(1), operator.not_(0), operator.and_(6, 3), operator.or_(6, 3), operator.xor(6, 3), operator.lshift(1, 3), operator.rshift(8, 1), operator.invert(5), operator.abs(-3), operator.index(True)]",
    "[operator.lt(1, 2), operator.le(2, 2), operator.eq('a', 'b'), operator.ne(1, 2), operator.ge(1, 2), operator.gt(1, 2), operator.is_(None, None), operator.truth([]), operator.contains([1], 1), operator.countOf('abca', 'a'), operator.indexOf('abc', 'b'), operator.concat([1], [2])]",
    "d = {'a': 1}\noperator.setitem(d, 'b', 2)\noperator.delitem(d, 'a')\n[d, operator.getitem(d, 'b'), operator.length_hint([1, 2]), operator.iadd([1], (2,))]",
    "[operator.itemgetter(1)([5, 6]), operator.itemgetter('a', 'b')({'a': 1, 'b': 2}), operator.itemgetter((1, 2))({(1, 2): 3}), sorted([(1, 'b'), (2, 'a')], key=operator.itemgetter(1))]",
    "class P:\n    def __init__(self, x): self.x = x\np = P(P(3))\n[operator.attrgetter('x.x')(p), operator.attrgetter('real', 'imag')(2), operator.methodcaller('split', ',')('a,b'), operator.methodcaller('upper')('x'), list(map(operator.methodcaller('__len__'), []))]",
    "f = operator.add\n[f(1, 2), list(map(operator.mul, [1, 2], [3, 4]))]",
    "operator.itemgetter('z')({})",
    "operator.attrgetter('nope')(1)",
    "operator.attrgetter(1)",
    "operator.concat(1, 2)",
    "operator.indexOf('a', 'z')",
]


@pytest.mark.parametrize(
    ("module", "expression"),
    [(module, expression) for module, some in (("itertools", ITERTOOLS), ("functools", FUNCTOOLS), ("operator", OPERATOR)) for expression in some],
)  # fmt: skip
def test_iterating_is_the_library_s(module: str, expression: str) -> None:
    """The same values in the same order, or the same exception."""
    check_same(module, expression)


@pytest.mark.skipif(not hasattr(itertools, "batched"), reason="since Python 3.12")
def test_batched_is_the_library_s() -> None:
    """Where the library has it."""
    check_same("itertools", "[list(itertools.batched('abcde', 2)), list(itertools.batched([], 3))]")


TREES = "a = b = ()\nfor _ in range(60): a, b = (a, a), (b, b)\n"


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("list(count())", "steps|time|memory"),
        ("next(filterfalse(bool, cycle([1])))", "steps|time"),
        ("next(dropwhile(bool, repeat(1)))", "steps|time"),
        ("next(compress(repeat(1), repeat(0)))", "steps|time"),
        ("next(chain.from_iterable(repeat(())))", "steps|time"),
        ("next(islice(count(), 10**15, None))", "steps|time"),
        ("list(starmap(max, [count()]))", "steps|time|memory"),
        ("next(starmap(lambda *a: 1, [count()]))", "steps|time|memory"),
        ("list(zip_longest(cycle('a'), [1]))", "steps|time|memory"),
        ("max(cycle([1]))", "steps|time"),
        ("sum(repeat(1))", "steps|time|memory"),
        ("1.5 in cycle([1])", "steps|time"),
        ("tee(repeat(1))[0] and all(tee(repeat(1))[0])", "steps|time|memory"),
        ("tee([1], 10**9)", "memory"),
        ("list(product(count()))", "steps|time|memory"),
        ("product([1], repeat=10**9)", "memory"),
        ("next(product(*[[1]] * 5000))", "memory"),
        ("combinations([1], 10**9)", "memory"),
        ("combinations_with_replacement([1], 10**9)", "memory"),
        ("permutations([1], 10**9)", "memory"),
        ("permutations(range(5000))", "memory"),
        ("for x in combinations(range(2000), 1000): pass", "steps|time"),
        ("for x in permutations(range(12)): pass", "steps|time"),
        (f"{TREES}str(repeat(a))\nlist(groupby([a, b]))", "steps|time"),
        (f"{TREES}list(groupby([1, 2], key=lambda x: a if x == 1 else b))", "steps|time"),
        (f"{TREES}repr(repeat(a, 2))\nnext(accumulate(repeat(10**19000)))\nfor x in accumulate(repeat(a)): pass", "steps|time|memory"),
        ("for x in accumulate(repeat('ab'), lambda a, b: a + a): pass", "memory"),
        ("for x in accumulate(repeat(10**9000), operator.mul): pass", "memory"),
        ("functools.reduce(operator.mul, repeat(10))", "memory|steps|time"),
        ("functools.reduce(lambda a, b: 1, count())", "steps|time"),
        ("functools.reduce(operator.concat, repeat('ab' * 1000))", "memory|steps|time"),
        (f"{TREES}@functools.cache\ndef f(x): return 1\nf(a)", "steps|time"),
        (f"{TREES}@functools.cache\ndef f(*, x): return 1\nf(x=a)", "steps|time"),
        ("@functools.cache\ndef f(x): return 'x' * 1000 + str(x)\nfor i in count(): f(i)", "steps|time|memory"),
        (f"{TREES}operator.eq(a, b)", "steps|time"),
        (f"{TREES}operator.lt(a, b)", "steps|time"),
        (f"{TREES}operator.contains([a], b)", "steps|time"),
        (f"{TREES}operator.countOf([a], b)", "steps|time"),
        (f"{TREES}operator.indexOf([a], b)", "steps|time"),
        (f"{TREES}operator.getitem({{}}, a)", "steps|time"),
        (f"{TREES}operator.itemgetter(a)({{}})", "steps|time"),
        (f"{TREES}operator.itemgetter(1, a)({{1: 2}})", "steps|time"),
        ("operator.countOf(count(), 'x')", "steps|time"),
        ("operator.contains(count(1), 0)", "steps|time"),
        ("operator.pow(10, 10**9)", "memory"),
        ("operator.mul('x', 10**10)", "memory"),
        ("operator.lshift(1, 10**9)", "memory"),
        ("operator.mod('%1000000000d', 1)", "offer"),
        ("operator.methodcaller('ljust', 10**10)('a')", "memory"),
        ("operator.attrgetter('__class__.__base__')(1)", "offer"),
        ("operator.attrgetter('gi_frame')(x for x in [])", "offer"),
        ("operator.methodcaller('__reduce__')(1)", "offer"),
        ("operator.methodcaller('__subclasses__')(int)", "offer"),
        ("functools.update_wrapper(functools.reduce, len)", "offer"),
        ("functools.wraps(len)(int)", "offer"),
        ("functools.total_ordering(int)", "offer"),
        ("functools.singledispatch", "offer"),
        ("functools.RLock", "offer"),
        ("functools.reduce.x = 1", "offer"),
    ],
)  # fmt: skip
def test_iterating_without_end_is_stopped(source: str, limit: str) -> None:
    """Iterators that never give anything, widths that nobody can hold, values that take exponential time to compare."""
    names = "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse groupby islice permutations product repeat starmap tee zip_longest"
    head = f"import functools, operator\nfrom itertools import {', '.join(names.split())}\n"
    check_stopped(head + source, limit)


def test_a_repeated_value_is_not_shown() -> None:
    """Python's own would show it, however large: this one shows that it repeats."""
    assert evaluate(
        "import itertools\nx = ()\nfor _ in range(60): x = (x, x)\n'compress' in str(itertools.repeat(x))"
    ).value
