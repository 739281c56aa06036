"""What a snippet can reach: everything in its names and in the views of modules, walked by the attributes that it may read natively.

The names of attributes decide what is read without a guard, so the set of objects behind them must be closed: no module, frame, code,
lock, file or metaclass is in it, no container of the host that could be changed, and no class that is not there on purpose.
"""

from __future__ import annotations

import builtins
import collections
import io
import threading
import types
from typing import TYPE_CHECKING, Any

import pytest

from ringfence.restricted import DEFAULT_MODULES, Budget, shallow
from ringfence.restricted.compiled import compile_snippet
from ringfence.restricted.meter import Stopped
from ringfence.restricted.names import BUILT_IN_TYPES, GUARDED_ATTRIBUTES, REFUSED_ATTRIBUTES, is_special
from ringfence.restricted.objects import Kind, SnippetType, View
from ringfence.restricted.run import CONSTANTS, GUARDS, Run, needs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FORBIDDEN: tuple[type, ...] = (
    types.ModuleType,
    types.FrameType,
    types.CodeType,
    types.TracebackType,
    types.MappingProxyType,
    io.IOBase,
    type(threading.Lock()),
    type(threading.RLock()),
    Run,
)
CLASSES = frozenset(
    (
        object,
        shallow.property,
        shallow.classmethod,
        shallow.staticmethod,
        super,
        bool,
        complex,
        float,
        enumerate,
        zip,
        map,
        filter,
        reversed,
    )
)
"""Classes that a snippet holds as they are: what they make is bounded."""
DEPTH = 6
MADE = {
    "random": "[random.Random(1), random.getstate()]",
    "re": "[re.compile('(?P<a>a)'), re.match('(?P<a>a)', 'a'), re.finditer('a', 'a'), re.I | re.M]",
    "json": "[json.loads('[1, {}]'), json.JSONDecodeError('m', 'd', 0)]",
    "decimal": "[decimal.Decimal(1), decimal.getcontext(), decimal.localcontext(), decimal.InvalidOperation(), decimal.Decimal(1).as_tuple(), decimal.getcontext().flags]",
    "fractions": "[fractions.Fraction(1, 2)]",
    "datetime": "[datetime.datetime.now(), datetime.date.today(), datetime.timedelta(1), datetime.UTC, datetime.time(1), datetime.date.today().isocalendar()]",
    "hashlib": "[hashlib.sha256(b''), hashlib.blake2b(b''), hashlib.new('md5')]",
    "uuid": "[uuid.uuid4()]",
    "collections": "[collections.Counter('a'), collections.deque(), collections.OrderedDict(a=1).items(), collections.defaultdict(list), collections.namedtuple('P', 'a')(1), collections.namedtuple('P', 'a')]",
    "itertools": "[itertools.count(), itertools.chain([]), itertools.cycle([1]), itertools.repeat(1), itertools.tee([])[0], itertools.groupby([1]), itertools.islice([], 1), itertools.product([1]), itertools.combinations([], 1), itertools.permutations([], 1), itertools.starmap(max, []), itertools.zip_longest([]), itertools.accumulate([]), itertools.pairwise([]), itertools.compress([], []), itertools.takewhile(bool, []), itertools.dropwhile(bool, []), itertools.filterfalse(bool, []), next(itertools.groupby([1]))]",
    "functools": "[functools.partial(max), functools.lru_cache(max), functools.lru_cache(max).cache_info(), functools.cmp_to_key(max), functools.cmp_to_key(max)(1), functools.cached_property(max), functools.wraps(max)]",
    "operator": "[operator.itemgetter(1), operator.itemgetter((1, 2)), operator.attrgetter('a'), operator.methodcaller('a')]",
    "heapq": "[heapq.merge([1])]",
    "typing": "[typing.List[int], typing.NewType('A', int)]",
    "abc": "[abc.ABC()]",
    "dataclasses": "[dataclasses.field(), dataclasses.MISSING]",
    "math": "[math.floor(1.5)]",
    "statistics": "[statistics.linear_regression([1, 2], [1, 2]), statistics.StatisticsError()]",
    "": "[type(1), type(print), type(type(1)), int | str, iter([]), {}.items(), 'a'.join, str.upper, range(3), (x for x in []), lambda: 1, ValueError('x'), [].append, (1).real]",
}  # fmt: skip
"""Values that a snippet makes with each module: those of the types that its functions return."""


@pytest.fixture
def run() -> Iterator[Run]:
    """One evaluation, with every module."""
    evaluation = Run(Budget(wall_seconds=50), frozenset(DEFAULT_MODULES), 1)
    evaluation.meter.begin(None)
    yield evaluation
    evaluation.close()


def execute(run: Run, source: str) -> list[Any]:
    """Return the list that a snippet makes."""
    compiled = compile_snippet(source, 100_000)
    namespace = run.open_namespace(compiled.needs, {})
    exec(compiled.code, namespace)
    made: list[Any] = namespace["result"]
    return made


def readable(value: Any) -> Iterator[tuple[str, Any]]:
    """Return what a snippet may read from a value without a guard, and what it iterates over."""
    for name in () if isinstance(value, View) else dir(value):
        if not is_special(name) and name not in REFUSED_ATTRIBUTES and name not in GUARDED_ATTRIBUTES:
            try:
                yield f".{name}", getattr(value, name)
            except (Stopped, AttributeError, ValueError, TypeError):
                continue
    if type(value) is View:
        yield from ((f".{name}", found) for name, found in view_attributes(value))
    if isinstance(value, list | tuple):
        yield from ((f"[{i}]", item) for i, item in enumerate(value[:10]))
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in list(value.items())[:50])


def view_attributes(view: View) -> Iterator[tuple[str, Any]]:
    """Return what a view of a type gives."""
    real: type = object.__getattribute__(view, "__real__")
    for name in dir(real):
        if not is_special(name) and name not in REFUSED_ATTRIBUTES:
            try:
                yield name, getattr(view, name)
            except Stopped:
                object.__getattribute__(view, "__run__").meter.over = None
            except AttributeError:
                continue


def walk(value: Any, path: str, seen: dict[int, Any], depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    """Return everything behind a value, each once, with a way to it."""
    if id(value) in seen or isinstance(value, int | float | str | bytes | complex):
        return
    seen[id(value)] = value  # kept, so that no other object gets its id
    yield path, value
    if depth:
        for name, found in readable(value):
            yield from walk(found, path + name, seen, depth - 1)


def fault(value: Any) -> str:
    """Return what is wrong with a value in the reach of a snippet."""
    if isinstance(value, FORBIDDEN):
        return f"a {type(value).__name__}"
    if isinstance(value, type):
        known = value in CLASSES or issubclass(value, BaseException) or type(value) is SnippetType
        return "" if known and value is not type else f"the class {value.__name__}"
    return ""


def roots(run: Run) -> Iterator[tuple[str, Any]]:
    """Return what a snippet starts from: the names, the modules, and values made with them."""
    spelled = [
        name
        for name in (*GUARDS, *CONSTANTS, *BUILT_IN_TYPES)
        if name.isidentifier() and not is_special(name)
    ]
    known = run.open_namespace(needs_of(spelled), {})["__builtins__"]
    yield from ((name, known[name]) for name in spelled)
    for name in sorted(DEFAULT_MODULES):
        yield name, run.import_module(name, name)


def test_every_object_in_reach_is_harmless(run: Run) -> None:
    """Nothing behind the names and modules is a module, frame, code, lock or file, nor a class of the host."""
    seen: dict[int, Any] = {}
    found = [
        f"{way}: {fault(value)}"
        for name, root in roots(run)
        for way, value in walk(root, name, seen)
        if fault(value)
    ]
    assert found == []
    assert len(seen) > 1000


@pytest.mark.parametrize("module", MADE, ids=lambda name: name or "built in")
def test_every_value_that_a_module_makes_is_harmless(module: str, run: Run) -> None:
    """The same for what its functions return."""
    if module and module not in DEFAULT_MODULES:
        pytest.skip("this module is not offered")
    values = execute(run, f"{f'import {module}' if module else ''}\nresult = {MADE[module]}")
    seen: dict[int, Any] = {}
    found = [
        f"{way}: {fault(value)}"
        for value in values
        for way, value in walk(value, type(value).__name__, seen)
        if fault(value)
    ]
    assert found == []


def containers_of_the_host() -> dict[int, str]:
    """Return the lists, dicts and sets that modules and classes of the host hold, by id."""
    import sys

    held: dict[int, str] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in (*sys.stdlib_module_names, "ringfence"):
            continue  # of tests and frameworks nothing is offered
        for key, value in list(getattr(module, "__dict__", {}).items()):
            owners = [(key, value)]
            if issubclass(type(value), type):
                owners += [(f"{key}.{inner}", found) for inner, found in list(vars(value).items())]
            for where, found in owners:
                if type(found) in (
                    list,
                    dict,
                    set,
                    bytearray,
                    collections.OrderedDict,
                    collections.defaultdict,
                    collections.deque,
                ):
                    held[id(found)] = f"{name}.{where}"
    return held


def test_no_container_of_the_host_is_in_reach(run: Run) -> None:
    """A list, dict or set that a module or class of the host holds could be changed by a snippet for everybody."""
    held = containers_of_the_host()
    seen: dict[int, Any] = {}
    for name, root in roots(run):
        for _ in walk(root, name, seen):
            pass
    for module, source in MADE.items():
        if module in DEFAULT_MODULES:
            for value in execute(run, f"import {module}\nresult = {source}"):
                for _ in walk(value, module, seen):
                    pass
    assert [held[key] for key in seen if key in held] == []


def test_every_module_can_be_imported_and_says_its_name(run: Run) -> None:
    """The views are what the library's modules are called, and no attribute of one can be set."""
    for name in sorted(DEFAULT_MODULES):
        view = run.import_module(name, name)
        assert view.__name__ == name
        assert view.__doc__ == builtins.__import__(name, fromlist=["x"]).__doc__
        with pytest.raises(Stopped, match="cannot be set"):
            run.own(view)
        run.meter.over = None


def test_views_offer_only_names_that_the_library_has(run: Run) -> None:
    """A name that the library has not cannot be told from one that it has: none is added."""
    for name in sorted(DEFAULT_MODULES):
        library = builtins.__import__(name, fromlist=["x"])
        view = run.import_module(name, name)
        offered = {key for key in (*vars(view), *dir(type(view))) if not is_special(key)}
        assert sorted(key for key in offered if not hasattr(library, key)) == [], name


def test_a_kind_is_no_class(run: Run) -> None:
    """The type of an object that no view is made for has a name, and nothing else."""
    kind = run.do_type(iter([]))
    assert isinstance(kind, Kind)
    assert [name for name in dir(kind) if not is_special(name)] == []
