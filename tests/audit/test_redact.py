"""What of arguments reaches the record: no secret, nothing unbounded, and no code of theirs runs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.audit.chain import authenticator
from ringfence.audit.record import canonical, parse
from ringfence.audit.redact import Redactor, mask_shapes

REDACTOR = Redactor(("x-*", "Iban"), digest=authenticator(b"k"))


def written(value: object) -> Any:
    """Return what the record holds of a value."""
    return json.loads(REDACTOR.write(value))


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWD", "user_password", "passphrase", "pwd", "secret", "client_secret", "token", "access_tokens", "apiKey",
        "api-key", "API_KEY", "Authorization", "auth", "cookie", "Set-Cookie", "private_key", "credentials", "session_id", "pin", "otp",
        "jwt", "ssh_key", "connection_string", "X-Internal", "iban", "card_number", "cvv",
    ],
)  # fmt: skip
def test_values_under_secret_names_are_masked_at_any_depth(name: str) -> None:
    """Names tell secrets, whatever their spelling and wherever they stand; further names come from the policy."""
    assert written({name: "hunter2"}) == {name: "<masked>"}
    assert written({"headers": [{name: ["hunter2"]}]}) == {"headers": [{name: "<masked>"}]}


@pytest.mark.parametrize(
    "name",
    [
        "order",
        "author",
        "max_tokens",
        "prompt_tokens",
        "passenger",
        "compass",
        "pinned",
        "tokenizer",
        "keyword",
    ],
)
def test_ordinary_names_are_not(name: str) -> None:
    """Names that only resemble secret ones keep their values."""
    assert written({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("use sk-proj-abcdefghijklmnop1234 please", "use <masked> please"),
        ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "key <masked>"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "<masked>"),
        ("AKIAIOSFODNN7EXAMPLE", "<masked>"),
        ("AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "<masked>"),
        ("xoxb-123456789012-abcdefghij", "<masked>"),
        ("glpat-abcdefghijklmnopqrst", "<masked>"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_123", "<masked>"),
        ("Authorization: Bearer abc.def.ghi", "<masked>"),
        ("header Basic dXNlcjpwYXNz!", "header <masked>!"),
        ("postgres://admin:hunter2@db:5432/orders", "postgres://<masked>@db:5432/orders"),
        ("https://x.org/?q=1&api_key=abcdef&page=2", "https://x.org/?q=1&<masked>&page=2"),
        ("mysql --password hunter2 orders", "mysql <masked> orders"),
        ("curl -H 'Cookie: sid=abc' x", "curl -H '<masked>' x"),
        ("the password is hunter2, sorry", "the <masked>, sorry"),
        ("the secret of a good token economy", "the secret of a good token economy"),
        ("DB_PASSWORD=hunter2 make", "<masked> make"),
        ('{"password": "hun ter2", "user": "ana"}', '{"<masked>, "user": "ana"}'),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "<masked>\nrest"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz", "<masked>"),
        (
            "please refund order A-17 for the customer in Rome",
            "please refund order A-17 for the customer in Rome",
        ),
        ("a basic question: who is the bearer", "a basic question: who is the bearer"),
    ],
)
def test_texts_that_look_like_secrets_are_masked(text: str, kept: str) -> None:
    """Shapes tell secrets under any name."""
    assert written({"text": text}) == {"text": kept}


class Hostile:
    """A value whose every method acts."""

    __hash__ = object.__hash__

    def _act(self, *_: object) -> Any:
        raise RuntimeError("code of the value ran")

    __repr__ = __str__ = __iter__ = __len__ = __eq__ = __bool__ = __getattr__ = __format__ = __bytes__ = _act

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Act when it is asked for its class."""
        return self._act()


class Meta(type):
    """A class of classes that acts when asked for a name."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("code of the class ran")


class Odd(metaclass=Meta):
    """A class that answers no question."""


class Text(str):
    """A text with a method of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("code of the value ran")


class Mapping(dict[str, object]):
    """A mapping with a method of its own."""

    def items(self) -> Any:
        """Act."""
        raise RuntimeError("code of the value ran")


def test_no_code_of_a_value_runs() -> None:
    """Of anything that is no plain built-in value the record has the type's name."""
    value = {"a": Hostile(), "b": [Hostile(), Odd()], "c": Text("x"), "d": Mapping(), Hostile(): 1}
    assert written(value) == {
        "a": "<Hostile>",
        "b": ["<Hostile>", "<Odd>"],
        "c": "<Text>",
        "d": "<Mapping>",
        "<Hostile>": 1,
    }
    assert written(Mapping(x=1)) == "<Mapping>"


def test_sizes_are_bounded() -> None:
    """Long texts, wide and deep containers and huge numbers become short, and say how much is gone."""
    text = written({"x": "ä " * 5000})["x"]
    assert len(text) < 500
    assert "<10000 characters, digest " in text
    assert written({"x": list(range(1000))})["x"][-1] == "<950 more>"
    assert "<950 more>" in written({f"k{n}": n for n in range(1000)})
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert "<list of 1>" in json.dumps(written({"x": deep}))
    assert written({"x": 10**5000})["x"] == "<int of 16610 bits>"
    assert written({"x": 2**70})["x"] == hex(2**70)
    assert written({"x": b"\x00" * 9})["x"].startswith("<9 bytes, digest ")
    wide = {f"k{n}": ["y" * 300] * 50 for n in range(50)}
    assert len(REDACTOR.write(wide)) < 40_000


def test_a_value_that_holds_itself_ends() -> None:
    """A circle is cut like anything deep."""
    circle: dict[str, Any] = {}
    circle["self"] = circle
    assert "<dict of 1>" in json.dumps(written(circle))


def test_a_secret_at_the_cut_does_not_show_in_part() -> None:
    """A text is masked before it is cut."""
    text = "x" * 390 + " sk-abcdefghijklmnopqrstuvwxyz0123456789 " + "y" * 1000
    assert "sk-abc" not in written({"x": text})["x"]


def test_hostile_texts_are_masked_in_linear_time() -> None:
    """No text makes the patterns run for long."""
    for text in (
        "://" * 2000,
        "eyJ" * 1500,
        "-----BEGIN " * 400,
        "password" * 600,
        "sk-" * 1500,
        "a-" * 2000 + "token",
        "Bearer " * 700,
    ):
        started = time.process_time()
        mask_shapes(text[:4096])
        assert time.process_time() - started < 0.5, text[:20]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=50)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner)
    ),
    max_leaves=30,
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # the first text of any characters takes a second
@given(st.dictionaries(st.text(st.characters(exclude_categories=())), VALUES))
def test_what_is_written_is_canonical_json(value: dict[str, object]) -> None:
    """Any arguments become JSON text that reads back and writes out as the same bytes."""
    text = REDACTOR.write(value).encode("utf-8", "backslashreplace")
    assert canonical(parse(text)) == text
