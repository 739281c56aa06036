"""What the record does not hold is known as such: nothing that was masked or cut is taken for what the call had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringfence.audit.redact import Redactor
from ringfence.trying.masking import RecordedArguments, ValueMasked, masked_names

if TYPE_CHECKING:
    from collections.abc import Callable

REDACTOR = Redactor(("*card*",), digest=lambda data: bytes(32))


def recorded(arguments: dict[str, object]) -> dict[str, object]:
    """Return arguments as the record has them."""
    return cast("dict[str, object]", json.loads(REDACTOR.write(arguments)))


def plain(value: object) -> object:
    """Return a value as JSON would hold it: tuples and sets as lists."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def as_text(value: object) -> str:
    """Return a value as text that tells 1 from 1.0 and from True. The record sorts the keys of mappings."""
    return json.dumps(value, sort_keys=True)


SECRETS = st.sampled_from(
    ("sk-abcdefgh12345678", "password=hunter22", "https://u:p4ss@host/", "x" * 401, "<masked>", "a" * 5000)
)
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**70) | st.floats() | st.text(max_size=20) | st.binary(max_size=9) | SECRETS  # fmt: skip
KEYS = st.text(max_size=6) | st.sampled_from(("token", "pin", "card", "k" * 130)) | st.integers()
VALUES = st.recursive(
    SCALARS | st.just(object()),
    lambda inner: (
        st.lists(inner, max_size=60) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner, inner)
    ),
    max_leaves=70,
)
NAMES = st.sampled_from(("amount", "password", "creditCard", "sk-abcdefgh12345678", "é", "n" * 130))


@given(st.dictionaries(NAMES | st.text(max_size=6), VALUES, max_size=4))
@example({str(number): number for number in range(60)})
@example({"sorted": {"b": 1, "a": 1}})
@example({"deep": [[[[[[[1]]]]]]]})
@example({"big": {"a": 2**64}})
@example({"a": {1: "x"}})
def test_what_counts_as_known_is_what_the_call_had(arguments: dict[str, object]) -> None:
    """Whatever the arguments: each that is not reported as masked stands in the record exactly as it was."""
    written = recorded(arguments)
    masked = masked_names(written)
    if masked is None:
        return
    assert set(written) == set(arguments) or any(not name.isprintable() for name in arguments)
    for name in set(written) - masked:
        known = plain(arguments[name])
        assert (written[name], as_text(written[name])) == (known, as_text(known))


def test_reading_a_masked_argument_fails_and_is_counted() -> None:
    """Known values are there, masked ones fail however they are asked for."""
    arguments = RecordedArguments({"amount": 5, "password": "<masked>"}, frozenset(("password",)))
    assert (arguments["amount"], arguments.get("other"), len(arguments)) == (5, None, 2)
    assert "password" in arguments
    assert arguments.reads == 0
    reads: list[Callable[[], object]] = [
        lambda: arguments["password"],
        lambda: arguments.get("password"),
        lambda: dict(arguments),
        lambda: list(arguments.values()),
    ]
    for read in reads:
        with pytest.raises(ValueMasked, match="does not hold this argument"):
            read()
    assert arguments.reads == 4


def test_where_not_even_names_are_known_nothing_can_be_read() -> None:
    """Also the absence of an argument is unknown then."""
    arguments = RecordedArguments({"amount": 5}, None)
    reads: list[Callable[[], object]] = [
        lambda: arguments.get("other"),
        lambda: "other" in arguments,
        lambda: len(arguments),
        lambda: list(arguments),
    ]
    for read in reads:
        with pytest.raises(ValueMasked, match="does not hold this argument"):
            read()
