"""What became of the calls of a recipe: `Witness` sees all of them, `report` prints them as a table and compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from ringfence import Outcome, ToolCall, Verdict

Row = tuple[str, str, str]
"""A user, a tool and the decision."""


class Witness:
    """A plugin that keeps a list of all calls, those that were denied among them."""

    def __init__(self) -> None:
        self.seen: list[tuple[ToolCall, Outcome]] = []

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall, outcome: Outcome) -> None:
        """Keep what became of a call."""
        self.seen.append((call, outcome))


def decision(verdict: Verdict) -> str:
    """Return a verdict in a recipe's words."""
    if verdict.check == "approval":
        return "asked, approved" if verdict.allowed else "asked, refused"
    return "allowed" if verdict.allowed else "denied"


def report(witness: Witness, expected: Iterable[Row], console: Console) -> bool:
    """Print what became of each call, and return whether it is what was expected."""
    table = Table("user", "tool", "arguments", "decision", "why", title="What the policy made of it")
    for call, outcome in witness.seen:
        told = decision(outcome.verdict)
        colour = {"allowed": "green", "denied": "red"}.get(told, "yellow")
        arguments = escape(", ".join(f"{name}={value!r}" for name, value in call.arguments.items()))
        table.add_row(
            call.principal.user,
            call.tool.name,
            arguments,
            f"[{colour}]{told}[/]",
            escape(outcome.verdict.message),
        )
    console.print(table)
    return [(call.principal.user, call.tool.name, decision(o.verdict)) for call, o in witness.seen] == list(
        expected
    )
