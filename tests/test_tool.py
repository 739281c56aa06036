"""Registrations: how arguments are bound, how kinds and receivers are recognised."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import Kind, Permission, Signature, Tier, Tool, UnknownName
from ringfence.tool import is_method, make_tool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

NAMES = ["self", "cls", "args", "kwargs", "function", "bound", "receiver", "order", "amount", "note"]


@st.composite
def functions(draw: st.DrawFn) -> Callable[..., dict[str, object]]:
    """Make a real function with any mix of parameters, which returns what its parameters got."""
    names = draw(st.permutations(NAMES))
    counts = [draw(st.integers(0, most)) for most in (2, 2, 1, 2, 1)]
    take = iter(names)
    only, plain, more, named, extra = ([next(take) for _ in range(count)] for count in counts)
    defaults = draw(st.integers(0, len(only) + len(plain)))
    positional = [
        f"{name}='default of {name}'" if place >= len(only) + len(plain) - defaults else name
        for place, name in enumerate(only + plain)
    ]
    parts = positional[: len(only)] + (["/"] if only else []) + positional[len(only) :]
    parts += [f"*{more[0]}"] if more else ["*"] if named else []
    parts += [f"{name}='default of {name}'" if draw(st.booleans()) else name for name in named]
    parts += [f"**{extra[0]}"] if extra else []
    scope: dict[str, Any] = {}
    exec(f"def tool({', '.join(parts)}): return dict(locals())", scope)
    made: Callable[..., dict[str, object]] = scope["tool"]
    return made


ARGS = st.lists(st.integers(), max_size=6)
KWARGS = st.dictionaries(st.sampled_from([*NAMES, "unheard-of"]), st.integers(), max_size=5)


@given(functions(), ARGS, KWARGS)
def test_binding_is_what_python_does(
    function: Callable[..., dict[str, object]], args: list[int], kwargs: dict[str, int]
) -> None:
    """A call binds exactly when Python accepts it, to exactly what the function would see."""
    try:
        seen = function(*args, **kwargs)
    except TypeError:
        with pytest.raises(TypeError, match=r"argument"):
            Signature(function).bind(args, kwargs)
    else:
        assert Signature(function).bind(args, kwargs) == seen


@given(functions(), ARGS, KWARGS)
def test_binding_is_what_inspect_does(
    function: Callable[..., dict[str, object]], args: list[int], kwargs: dict[str, int]
) -> None:
    """`inspect.Signature.bind` with its defaults applied gives the same binding, wherever it accepts the call."""
    try:
        expected = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return
    expected.apply_defaults()
    assert Signature(function).bind(args, kwargs) == expected.arguments


@given(functions(), ARGS, KWARGS)
def test_a_bound_call_passes_exactly_what_was_bound(
    function: Callable[..., dict[str, object]], args: list[int], kwargs: dict[str, int]
) -> None:
    """What policy saw is what the function gets: nothing more, nothing less, nothing moved."""
    signature = Signature(function)
    try:
        bound = signature.bind(args, kwargs)
    except TypeError:
        return
    before = dict(bound)
    assert signature.call(function, bound) == bound == before


@given(functions(), ARGS, KWARGS)
def test_a_receiver_is_passed_on_and_is_no_argument(
    function: Callable[..., dict[str, object]], args: list[int], kwargs: dict[str, int]
) -> None:
    """The object that a method is called on reaches the function first, and the binding does not hold it."""

    def method(this: object, /, *args: object, **kwargs: object) -> tuple[object, dict[str, object]]:
        return this, function(*args, **kwargs)

    inner = inspect.signature(function)
    leading = inspect.Parameter("this", inspect.Parameter.POSITIONAL_ONLY)
    method.__signature__ = inner.replace(parameters=[leading, *inner.parameters.values()])  # type: ignore[attr-defined]
    signature = Signature(method, receiver=True)
    try:
        bound = signature.bind(args, kwargs)
    except TypeError:
        return
    assert "this" not in bound
    receiver = object()
    assert signature.call(method, bound, receiver) == (receiver, bound)


@given(functions(), ARGS)
def test_every_form_of_a_call_binds_alike(
    function: Callable[..., dict[str, object]], args: list[int]
) -> None:
    """Positional arguments given by name, and defaults given outright, are the same call."""
    signature = Signature(function)
    try:
        bound = signature.bind(args, {})
    except TypeError:
        return
    kinds = {p.name: p.kind for p in inspect.signature(function).parameters.values()}
    if set(kinds.values()) <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}:
        assert signature.bind((), bound) == bound


def order(order: str, amount: float = 5.0, *, note: str = "") -> None:
    """Order something."""


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, r"missing argument 'order'"),
        (("A", 1, 2), {}, r"3 positional arguments came, at most 2 fit"),
        (("A",), {"order": "B"}, r"argument 'order' came twice"),
        (("A",), {"amuont": 2}, r"unexpected argument 'amuont'; did you mean 'amount'\?"),
        ((), {"order": "A", "zzz": 2}, r"unexpected argument 'zzz'; it takes order, amount, note"),
        ((), {1: "A"}, r"unexpected argument '1'"),
    ],
)
def test_what_does_not_fit_is_named(
    args: tuple[object, ...], kwargs: dict[str, object], message: str
) -> None:
    """The error names the parameter that is wrong, and the one that was probably meant."""
    with pytest.raises(TypeError, match=message):
        Signature(order).bind(args, kwargs)


def test_the_error_holds_no_value_and_only_the_beginning_of_a_name() -> None:
    """Values may be secrets and names may be of any length, so neither goes into a message as it came."""
    with pytest.raises(TypeError, match="unexpected argument") as caught:
        Signature(order).bind((), {"n" * 10_000: "hunter2"})
    assert len(str(caught.value)) < 200
    assert "hunter2" not in str(caught.value)


def test_names_of_keywords_must_be_text() -> None:
    """`**kwargs` takes any name but only names: a number is refused when it is bound, not by the call that follows."""
    with pytest.raises(TypeError, match="argument"):
        Signature(lambda **extra: extra).bind((), {1: "A"})  # type: ignore[dict-item]


def test_an_unreadable_signature_is_a_type_error() -> None:
    """A built-in function that does not tell its parameters cannot be a tool, and the error says what to do."""
    with pytest.raises(TypeError, match=r"no readable signature.*wrap it in a function"):
        Signature(max)


def readable(function: Callable[..., object]) -> bool:
    """Return whether Python can tell a function's parameters."""
    try:
        inspect.signature(function)
    except ValueError:
        return False
    return True


def test_an_unreadable_method_is_a_type_error_too() -> None:
    """A built-in method without a readable signature gets the same answer as a function."""
    unreadable = next(found for found in vars(dict).values() if callable(found) and not readable(found))
    with pytest.raises(TypeError, match="no readable signature"):
        make_tool(unreadable, name="built-in")


# Kinds


async def coroutine() -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


class AsyncCallable:
    async def __call__(self) -> None: ...


class GeneratorCallable:
    def __call__(self) -> Iterator[int]:
        yield 1


class AsyncGeneratorCallable:
    async def __call__(self) -> AsyncIterator[int]:
        yield 1


class Desk:
    def __call__(self) -> None: ...

    async def method(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (order, Kind.SYNC),
        (coroutine, Kind.ASYNC),
        (generator, Kind.GENERATOR),
        (async_generator, Kind.ASYNC_GENERATOR),
        (functools.partial(order, "A"), Kind.SYNC),
        (functools.partial(coroutine), Kind.ASYNC),
        (functools.partial(generator), Kind.GENERATOR),
        (functools.partial(async_generator), Kind.ASYNC_GENERATOR),
        (functools.partial(functools.partial(coroutine)), Kind.ASYNC),
        (Desk(), Kind.SYNC),
        (AsyncCallable(), Kind.ASYNC),
        (GeneratorCallable(), Kind.GENERATOR),
        (AsyncGeneratorCallable(), Kind.ASYNC_GENERATOR),
        (functools.partial(AsyncCallable()), Kind.ASYNC),
        (Desk().method, Kind.ASYNC),
        (print, Kind.SYNC),
    ],
)
def test_the_kind_shows_through_wrappings(function: Callable[..., object], kind: Kind) -> None:
    """Partials, callable objects and bound methods are of the kind of the function inside."""
    assert Kind.of(function) is kind
    assert kind.asynchronous == (kind in (Kind.ASYNC, Kind.ASYNC_GENERATOR))


# Receivers


class Shop:
    """A class with a method of each sort."""

    def method(self, order: str) -> str:
        """Return the order."""
        return order

    @classmethod
    def made(cls, order: str) -> str:
        """Return the order."""
        return order

    @staticmethod
    def static(order: str) -> str:
        """Return the order."""
        return order

    def maker(self) -> Callable[[str], str]:
        """Return a function written inside a method."""

        def nested(self: str) -> str:
            return self

        return nested


def test_a_function_from_a_class_body_has_a_receiver() -> None:
    """Methods and class methods take their object first; static methods, bound methods and functions do not."""
    assert is_method(Shop.method)
    assert is_method(vars(Shop)["made"].__func__)
    assert not is_method(Shop.static)
    assert not is_method(Shop().method)
    assert not is_method(Shop.made)
    assert not is_method(order)


def test_a_nested_function_has_no_receiver() -> None:
    """A function inside a function or method is none, whatever its first parameter is called."""

    def local(self: str) -> str:
        return self

    assert not is_method(local)
    assert not is_method(Shop().maker())


def test_a_method_of_a_local_class_has_a_receiver() -> None:
    """A class inside a function is a class like any other."""

    class Local:
        def method(self) -> None: ...

    assert is_method(Local.method)
    assert make_tool(Local.method).signature is not None
    assert make_tool(Local.method).signature.bind((), {}) == {}  # type: ignore[union-attr]


# Registrations


def test_a_registration_reads_the_function() -> None:
    """Name and description come from the function, permissions and tier may be given as text."""
    tool = make_tool(order, permissions=["file_read"], tier="sandbox", role="user", profile="small")
    assert (tool.name, tool.description, tool.kind) == ("order", "Order something.", Kind.SYNC)
    assert (tool.permissions, tool.tier) == ((Permission.FILE_READ,), Tier.SANDBOX)
    assert (tool.role, tool.profile) == ("user", "small")
    assert tool.origin == f"{order.__module__}.order"


def test_a_callable_object_is_called_by_its_class() -> None:
    """What has no name of its own is registered under the name of its class."""
    assert make_tool(Desk()).name == "Desk"
    assert make_tool(functools.partial(order, "A")).name == "partial"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"permissions": ["file_raed"]}, r"tool 'order': unknown permission 'file_raed'.*'file_read'"),
        ({"tier": "sandbux"}, r"tool 'order': unknown tier 'sandbux'.*'sandbox'"),
        ({"permissions": "file_read"}, r"unknown permission 'f'"),
    ],
)
def test_unknown_permissions_and_tiers_are_named(wrong: dict[str, Any], message: str) -> None:
    """A misspelt permission or tier stops the registration and names the nearest one that exists."""
    with pytest.raises(UnknownName, match=message):
        make_tool(order, **wrong)


def test_two_registrations_are_never_equal() -> None:
    """A registration is itself and nothing else, so it can be a key without its fields being compared."""
    assert Tool("order") != Tool("order")
    assert len({Tool("order"), Tool("order")}) == 2
