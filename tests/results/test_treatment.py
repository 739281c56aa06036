"""What is done with what was found: whole values, texts in pieces, and tokens that stand for a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.results import Inspector, Kind, TextStream, Treatment, inspect, mask

KEY = "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"
MASKING = Inspector({Kind.SECRET: Treatment.MASK, Kind.PERSONAL: Treatment.FLAG, Kind.HIDDEN: Treatment.MASK})


def test_a_value_is_copied_only_where_it_changes() -> None:
    """What is clean stays the same object, at every depth; what is not is replaced in a copy, and the tool's own value stays as it was."""
    clean = {"a": [1, ("x", None)], "b": "text"}
    assert MASKING.treat(clean).value is clean
    inner = ["fine"]
    dirty = {"a": inner, "b": [f"key {KEY}"], "c": (1, 2.5, b"bytes", None)}
    treated = MASKING.treat(dirty)
    assert treated.value == {"a": ["fine"], "b": ["key [github-token masked]"], "c": (1, 2.5, b"bytes", None)}
    assert treated.value["a"] is inner
    assert dirty["b"] == [f"key {KEY}"]
    assert [found.rule for found in treated.sightings] == ["github-token"]


def test_a_mapping_names_its_values() -> None:
    """A value is secret by its key, as it would be in JSON text; two keys that are masked alike stay two."""
    assert MASKING.treat({"password": "p4zt9QwLr7vN", "user": "p4zt9QwLr7vN"}).value == {
        "password": "[assigned-secret masked]",
        "user": "p4zt9QwLr7vN",
    }
    other = KEY[:-6] + "0mLq18"
    assert MASKING.treat({KEY: 1, other: 2}).value == {
        "[github-token masked]": 1,
        "[github-token masked]'": 2,
    }


def test_what_is_flagged_stays() -> None:
    """It is told, and nothing changes."""
    treated = MASKING.treat("write to ana@acme.io")
    assert treated.value == "write to ana@acme.io"
    assert [(found.kind, found.rule) for found in treated.sightings] == [(Kind.PERSONAL, "mail-address")]
    assert treated.withheld == ()


def test_what_is_withheld_is_told() -> None:
    """The caller keeps the value back."""
    treated = Inspector({Kind.SECRET: Treatment.WITHHOLD}).treat([f"key {KEY}"])
    assert [found.rule for found in treated.withheld] == ["github-token"]


def test_a_kind_that_is_off_is_not_looked_for() -> None:
    """Nor one that is not named."""
    assert Inspector({Kind.SECRET: Treatment.OFF}).treat(KEY).sightings == ()
    assert Inspector({}).treat(KEY).value == KEY


def test_too_much_text_is_cut_with_a_marker() -> None:
    """The limit is for all texts of a value together; what was cut is counted."""
    treated = Inspector({}, most_characters=10).treat(["12345", "67890abc", "rest"])
    assert treated.value == ["12345", "67890\n[3 characters cut]", "\n[4 characters cut]"]
    assert treated.cut == 7


def test_a_value_that_nests_too_deep_cannot_be_looked_through() -> None:
    """It is no value to hand on."""
    value: object = "x"
    for _ in range(40):
        value = [value]
    with pytest.raises(ValueError, match="nests deeper than 32 levels"):
        MASKING.treat(value)


def test_a_token_stands_for_a_text() -> None:
    """Whoever keeps the texts gives the tokens."""
    kept: dict[str, str] = {}

    def token_for(rule: str, text: str) -> str:
        token = f"<{rule}:{len(kept)}>"
        kept[token] = text
        return token

    inspector = Inspector({Kind.PERSONAL: Treatment.TOKENISE}, token_for=token_for)
    assert inspector.treat("ana@acme.io and bo@acme.io").value == "<mail-address:0> and <mail-address:1>"
    assert kept == {"<mail-address:0>": "ana@acme.io", "<mail-address:1>": "bo@acme.io"}


def in_pieces(text: str, borders: list[int]) -> str:
    """Return what comes out of a stream that is fed a text in pieces."""
    stream = TextStream(MASKING)
    cuts = sorted({min(each, len(text)) for each in borders})
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return "".join([*map(stream.feed, pieces), stream.finish()])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([f"key {KEY} ", "password = p4zt9QwLr7vN;", "plain words, many of them. " * 30, "ana@acme.io ", "pass\u200bword ", "x" * 700 + " ", "\n"]), max_size=12), st.lists(st.integers(0, 6000), max_size=20))  # fmt: skip
def test_pieces_give_what_the_whole_gives(parts: list[str], borders: list[int]) -> None:
    """Wherever a text is cut, what comes out in the end is what the whole text would have given."""
    text = "".join(parts)
    assert in_pieces(text, borders) == MASKING.text(text)[0]


def test_a_private_key_in_pieces_is_held_until_its_end() -> None:
    """It is longer than what is held back otherwise."""
    body = "\n".join(f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7{n:012d}" for n in range(60))
    text = f"before\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\nafter"
    assert inspect(text, (Kind.SECRET,))
    out = in_pieces(text, list(range(0, len(text), 100)))
    assert "MIIEvQ" not in out
    assert out.startswith("before")
    assert out.endswith("after")


def test_a_stream_hands_on_as_it_goes() -> None:
    """A long clean text comes out with a short delay, not only at the end."""
    stream = TextStream(MASKING)
    out = [stream.feed("words and words. " * 20) for _ in range(20)]
    assert sum(map(len, out)) > 4000


def test_mask_is_for_secrets() -> None:
    """The short way."""
    assert mask(f"a {KEY} b") == "a [github-token masked] b"
