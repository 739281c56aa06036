"""Lines with marks under a place: tabs, wide characters, escapes, lines without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.cli.excerpt import Place, excerpt, lines_of
from ringfence.cli.terminal import Paint, width
from ringfence.scanning import Language

PLAIN = Paint(on=False)


def marked(line: str, place: Place, room: int = 100) -> tuple[str, str]:
    """Return how one line is shown, and the marks under it, both without their frame."""
    *_, text, marks = excerpt(place, {place.line: line}, room, PLAIN, "high")
    return text.partition("| ")[2], marks.partition("| ")[2]


@pytest.mark.parametrize(
    ("line", "place", "text", "marks"),
    [
        ("abc def", Place(1, 4, 1, 7), "abc def", "    ^^^"),
        ("abc def", Place(1, 4), "abc def", "    ^"),
        ("\tx = f()", Place(1, 5, 1, 8), "    x = f()", "        ^^^"),
        ("a\tf()", Place(1, 2, 1, 5), "a   f()", "    ^^^"),
        ("'日本', f()", Place(1, 6, 1, 9), "'日本', f()", "        ^^^"),
        ("e\u0301 = f()", Place(1, 5, 1, 8), "e\u0301 = f()", "    ^^^"),
        ("'\x1b[1m', f()", Place(1, 8, 1, 11), r"'\x1b[1m', f()", "           ^^^"),
        ("f(", Place(1, 0, 3, 1), "f(", "^^"),
        ("f", Place(1, 1), "f", " ^"),
        ("f", Place(1, 99), "f", " ^"),
        ("", Place(1, 0), "", "^"),
    ],
)
def test_the_marks_stand_under_the_place(line: str, place: Place, text: str, marks: str) -> None:
    """However a character is shown, the marks begin and end where it does."""
    assert marked(line, place) == (text, marks)


def test_the_line_before_is_shown_unless_it_is_empty() -> None:
    """It gives the place its context."""
    assert excerpt(Place(10, 0), {9: "a", 10: "b"}, 80, PLAIN, "high") == ["  9 | a", " 10 | b", "    | ^"]
    assert excerpt(Place(10, 0), {9: " ", 10: "b"}, 80, PLAIN, "high") == [" 10 | b", "    | ^"]
    assert excerpt(Place(10, 0), {}, 80, PLAIN, "high") == []


def test_a_long_line_is_cut_around_the_place() -> None:
    """Of a line of any length, what is around the place is shown, within the room."""
    text, marks = marked("a" * 5000 + "HERE" + "b" * 5000, Place(1, 5000, 1, 5004), room=60)
    assert text.startswith("…a")
    assert text.endswith("b…")
    assert text[marks.index("^") : marks.rindex("^") + 1] == "HERE"


@given(st.text(max_size=300), st.integers(0, 320), st.integers(0, 320), st.integers(40, 120))
def test_no_line_breaks_the_frame(line: str, start: int, end: int, room: int) -> None:
    """Any line fits the room, shows nothing that acts, and has at least one mark."""
    text, marks = marked(line, Place(1, start, 1, end), room)
    assert text.isprintable()
    assert sum(map(width, text)) + len(" 1 | ") <= room
    assert "^" in marks
    assert len(marks) + len(" 1 | ") <= room + 1


def test_lines_are_counted_as_the_language_counts_them() -> None:
    """A lone carriage return ends a line in Python alone."""
    assert lines_of("a\rb\r\nc\n", Language.PYTHON) == ["a", "b", "c", ""]
    assert lines_of("a\rb\r\nc\n", Language.SHELL) == ["a\rb", "c", ""]
