"""What crosses between host and cage: every plain value comes out as it went in, and nothing that a cage sends makes anything else."""

from __future__ import annotations

import json
import math
import re
from collections import OrderedDict
from datetime import date
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.sandbox import frames

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = (
    type(None), bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict,
)  # fmt: skip
SURROGATES = st.text(st.characters(codec=None), max_size=20)
HUGE = st.integers(-(2**13_000), 2**13_000)

keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SURROGATES | st.binary(max_size=9) | st.complex_numbers() | st.just("$"),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
values = st.recursive(
    keys | HUGE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.just("$"), inner, max_size=4)
    ),
    max_leaves=20,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["$", "a"]), inner, max_size=2)
        | st.tuples(
            st.sampled_from(["bytes", "dict", "complex", "tuple", "set", "frozenset", "list", "int", ""])
            | inner,
            inner,
        ).map(lambda pair: {"$": list(pair)})
        | st.lists(st.lists(inner, min_size=2, max_size=2), max_size=3).map(
            lambda rows: {"$": ["dict", rows]}
        )
    ),
    max_leaves=12,
)


def written(value: Any) -> str:
    """Return a value written out, types, signs and NaN included, with sets and nothing else sorted."""
    kind = type(value)
    if kind in (set, frozenset):
        return f"{kind.__name__}({', '.join(sorted(map(written, value)))})"
    if kind in (list, tuple):
        return f"{kind.__name__}({', '.join(map(written, value))})"
    if kind is dict:
        return f"dict({', '.join(f'{written(key)}: {written(each)}' for key, each in value.items())})"
    if kind is int:
        return f"int({value:x})"
    return f"{kind.__name__}({value!r})"


def only_plain(value: Any) -> bool:
    """Return whether nothing but the closed list of types is in a value."""
    if type(value) not in PLAIN:
        return False
    if type(value) is dict:
        return all(only_plain(key) and only_plain(each) for key, each in value.items())
    return type(value) not in (list, tuple, set, frozenset) or all(map(only_plain, value))


@given(values)
def test_what_goes_in_comes_out(value: object) -> None:
    """A plain value, however nested and with whatever keys, is the same after its way, types and NaN and surrogates included."""
    text = frames.encode(value)
    assert written(frames.decode(text)) == written(value)
    assert written(frames.decode(text.encode("utf-8", "surrogatepass"))) == written(value)


@pytest.mark.parametrize(
    "value",
    [
        {"$": 1}, {"$": ["bytes", "a"]}, {"$": {"$": ["$", "$"]}}, {None: 1}, {True: 1, 0: 2}, {("a", (1,)): 2}, {frozenset((1,)): {2}}, {b"$": "$"},
        {math.nan: math.nan}, -0.0, math.inf, -math.inf, complex(math.nan, -0.0), "\ud800", {"\udfff": "\0"}, b"\0\xff", (), [], {}, set(), frozenset(), "", {"": ""},
    ],
)  # fmt: skip
def test_special_values_come_out_as_they_are(value: object) -> None:
    """The mark itself as a key or content, odd keys, signed zeros, NaN, halves of surrogate pairs, and empty containers cross."""
    assert written(frames.decode(frames.encode(value))) == written(value)


def test_integers_cross_as_far_as_python_writes_them() -> None:
    """Up to 4,300 decimal digits they cross; longer ones are refused by that number, and never make another error."""
    for value in (10**4200, -(10**4200), 2**13_900):
        assert frames.decode(frames.encode({"n": [value]})) == {"n": [value]}
    for value in (10**4300, 10**5000, -(2**40_000)):
        with pytest.raises(frames.NotPlain, match="it holds an integer of more than 4,300 digits"):
            frames.encode({"n": [value]})
    for text in ("1" * 5000, '{"$":["tuple",[' + "9" * 10_000 + "]]}"):
        with pytest.raises(frames.NotPlain, match="it "):
            frames.decode(text)


class Colour(IntEnum):
    """A subclass of a plain type."""

    RED = 1


class Point(NamedTuple):
    """Another one."""

    x: int


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "builtins.object"), (Colour.RED, "Colour"), (Point(1), "Point"), (OrderedDict(a=1), "collections.OrderedDict"), (date(2026, 1, 1), "datetime.date"),
        (bytearray(b"a"), "builtins.bytearray"), (range(3), "builtins.range"), (print, "builtin_function_or_method"), (int, "builtins.type"), ([{"a": (object(),)}], "builtins.object"),
        ({object(): 1}, "builtins.object"),
    ],
)  # fmt: skip
def test_what_is_no_plain_data_is_refused_by_the_name_of_its_class(value: object, named: str) -> None:
    """An object of any other class, a subclass of a plain one too, does not cross, wherever it lies."""
    with pytest.raises(frames.NotPlain, match=rf"it holds a .*{re.escape(named)}, which is no plain data"):
        frames.encode(value)


def test_no_method_of_a_foreign_class_runs_when_it_is_encoded() -> None:
    """A class that lies about what it is, is told by its type alone."""

    class Liar(dict[str, object]):
        __class__ = dict  # type: ignore[assignment]  # the lie

        def items(self) -> Any:
            raise AssertionError("it ran")

        __iter__ = __len__ = __repr__ = __str__ = items

    with pytest.raises(frames.NotPlain, match="Liar, which is no plain data"):
        frames.encode(Liar())


WRAPPED: dict[str, Callable[[Any], Any]] = {
    "list": lambda inner: [inner],
    "tuple": lambda inner: (inner,),
    "frozenset": lambda inner: frozenset((inner,)),
    "dict": lambda inner: {"a": inner},
    "marked": lambda inner: {"$": inner},
    "key": lambda inner: {(1,): inner},
}


def nested(kind: str, depth: int) -> Any:
    """Return an empty container within so many others, all of a kind."""
    value: Any = ()
    for _ in range(depth):
        value = WRAPPED[kind](value)
    return value


@pytest.mark.parametrize("kind", ["list", "tuple", "frozenset", "dict", "marked", "key"])
def test_depth_is_bounded_alike_for_every_kind(kind: str) -> None:
    """What nests to the limit crosses, and what nests deeper is refused, and neither exhausts the stack."""
    deepest = next(depth for depth in range(300) if not crosses(nested(kind, depth + 1)))
    assert deepest in range(frames.MOST_DEPTH - 2, frames.MOST_DEPTH + 1)
    assert written(frames.decode(frames.encode(nested(kind, deepest)))) == written(nested(kind, deepest))
    for depth in (deepest + 1, 5000):
        with pytest.raises(frames.NotPlain, match="it nests deeper than 100 levels"):
            frames.encode(nested(kind, depth) if kind != "frozenset" else nested("list", depth))


def crosses(value: object) -> bool:
    """Return whether a value can be encoded."""
    try:
        frames.encode(value)
    except frames.NotPlain:
        return False
    return True


def test_a_value_that_holds_itself_is_refused() -> None:
    """A cycle nests without end."""
    value: list[object] = []
    value.append(value)
    with pytest.raises(frames.NotPlain, match="nests deeper"):
        frames.encode(value)


@pytest.mark.parametrize("head", ["[", '{"a":', '{"$":["tuple",[', '{"$":["dict",[[1,'])
@pytest.mark.parametrize("depth", [250, 3000, 200_000])
def test_a_frame_that_nests_too_deep_is_refused(head: str, depth: int) -> None:
    """Whatever a cage nests, in JSON's own brackets or in marks, the host's stack holds."""
    tail = {"[": "]", '{"a":': "1}", '{"$":["tuple",[': "]]}", '{"$":["dict",[[1,': "1]]]}"}[head]
    closed = head * depth + ("1" if head == '{"a":' else "") + tail.replace("1", "", 1) * depth
    for text in (head * depth, closed):
        with pytest.raises(frames.NotPlain, match=r"it nests too deep|it is no value"):
            frames.decode(text)


def decodes(text: str | bytes) -> None:
    """Decode, and make sure that it gives plain data or says that there is none."""
    try:
        assert only_plain(frames.decode(text))
    except frames.NotPlain as refused:
        assert str(refused).startswith("it ")  # noqa: PT017 - either end is right


@given(st.text() | st.binary() | st.text().map(lambda text: f'{{"$":{text}}}'))
def test_any_text_and_bytes_give_plain_data_or_are_refused(text: str | bytes) -> None:
    """No text and no bytes make the host raise anything but `NotPlain`."""
    decodes(text)


@given(json_values)
def test_what_is_no_encoding_is_refused_and_nothing_else_is_raised(value: object) -> None:
    """Marks with any name and content, unhashable keys, numbers that overflow: plain data comes out, or `NotPlain`."""
    decodes(json.dumps(value))


@given(values, st.data())
def test_a_damaged_encoding_gives_plain_data_or_is_refused(value: object, data: st.DataObject) -> None:
    """Bytes changed, taken out or put in anywhere never make anything else."""
    text = bytearray(frames.encode(value).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = at + data.draw(st.integers(0, 2))
        text[at:end] = data.draw(st.binary(max_size=2) | st.sampled_from([b"$", b'"', b"[", b"]", b"{", b"}", b"1e999"]))  # fmt: skip
    decodes(bytes(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"$":["os.system",["ls"]]}', '{"$":["object",[]]}', '{"$":["list",[]]}', '{"$":["tuple",{}]}', '{"$":["tuple",[]],"a":1}', '{"$":["tuple"]}', '{"$":"tuple"}', '{"$":null}',
        '{"$":["bytes","\\u0100"]}', '{"$":["bytes",[1]]}', '{"$":["set",[[]]]}', '{"$":["dict",[[[],1]]]}', '{"$":["dict",[[1]]]}', '{"$":["dict",[1]]}', '{"$":["complex",[1]]}',
        '{"$":["complex",[1,2,3]]}', '{"$":["complex",[[],1]]}', '{"$":["complex",["1","2"]]}', '{"$":["complex",[1' + "0" * 400 + ",0]]}", '{"$":[["tuple"],[]]}', "", "nul", "1 2", "'a'", "[1,]", "\ufeff1",
    ],
)  # fmt: skip
def test_a_mark_that_means_nothing_is_refused(text: str) -> None:
    """Only what `encode` writes is understood."""
    with pytest.raises(frames.NotPlain, match="it "):
        frames.decode(text)
