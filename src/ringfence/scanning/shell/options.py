"""Arguments of programs, taken apart as GNU programs do: `-xvf file`, `-ofile`, `--output=file`, `--`.

What an option means is the catalogue's to say. The one idea: only which options take a value must be known to tell operands from values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ringfence.scanning.shell.values import Value


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set, for tables of names."""
    return frozenset(text.split())


class Options(NamedTuple):
    """The options that were given with their values, in order, and the operands."""

    given: tuple[tuple[str, Value | None], ...]
    operands: tuple[Value, ...]

    def has(self, *names: str) -> bool:
        """Return whether any of these options was given."""
        return any(name in names for name, _ in self.given)

    def values(self, *names: str) -> list[Value]:
        """Return the values of these options."""
        return [value for name, value in self.given if name in names and value is not None]


def parse(args: Sequence[Value], valued: Collection[str] = (), *, early: bool = False) -> Options:
    """Take arguments apart.

    Arguments:
        args: the arguments.
        valued: the options that take a value, with their hyphens.
        early: whether the first operand ends the options, as for programs that start others.

    """
    given: list[tuple[str, Value | None]] = []
    operands: list[Value] = []
    waiting = list(reversed(args))
    while waiting:
        each = waiting.pop()
        text = each.text
        if text == "--":
            operands += reversed(waiting)
            break
        if not text.startswith("-") or text == "-":
            operands.append(each)
            if early:
                operands += reversed(waiting)
                break
        elif text.startswith("--") or text in valued:
            given.append(_long(each, waiting, valued))
        else:
            given += _short(each, waiting, valued)
    return Options(tuple(given), tuple(operands))


def _long(each: Value, waiting: list[Value], valued: Collection[str]) -> tuple[str, Value | None]:
    name, equals, text = each.text.partition("=")
    if equals:
        return name, each._replace(text=text)
    return name, waiting.pop() if name in valued and waiting else None


def _short(each: Value, waiting: list[Value], valued: Collection[str]) -> Iterable[tuple[str, Value | None]]:
    for number, letter in enumerate(each.text[1:], 2):
        name = f"-{letter}"
        if name not in valued:
            yield name, None
            continue
        rest = each.text[number:]
        if rest:
            yield name, each._replace(text=rest.removeprefix("="))
        else:
            yield name, waiting.pop() if waiting else None
        return
