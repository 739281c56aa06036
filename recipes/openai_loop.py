"""A bare loop over the `openai` SDK whose tools stand behind one policy: Chat Completions, and the Responses API streamed.

The client is the real SDK; it talks to a local server in which a script plays the model, so this runs without a network and
without a key. The tools are real: files in a temporary folder and an SQLite database. Run it with `python recipes/openai_loop.py`.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from openai import OpenAI
from rich.console import Console
from support.openai_server import ScriptedServer, Turn
from support.report import Row, Witness, report

from ringfence import Guard
from ringfence.audit import verify
from ringfence.audit.keys import load_key
from ringfence.hookspecs import hookimpl
from ringfence_openai import collect, run_tool_calls, tool_definitions

if TYPE_CHECKING:
    from ringfence import ToolCall

POLICY = Path(__file__).with_name("openai_loop.yaml")

# What the model answers to each user, turn by turn: a turn may call several tools at once.
SCRIPT = {
    "Show me what Kim has spent.": [
        Turn(calls=(("find_expenses", '{"employee": "kim"}'),)),
        Turn("You may not see that."),
    ],
    "Pay what Kim is owed.": [
        Turn(calls=(("find_expenses", '{"employee": "kim"}'), ("read_receipt", '{"name": "taxi.txt"}'))),
        Turn(calls=(("pay_expense", '{"number": 1, "amount": "38.5'),)),  # no JSON: the text was cut
        Turn(calls=(("pay_expense", '{"number": 1, "amount": "38.50"}'), ("pay_expense", '{"number": 2, "amount": 900}'))),
        Turn(calls=(("write_report", '{"name": "kim.txt", "text": "paid"}'), ("pay_all", "{}"))),
        Turn("I paid the taxi; the laptop needs your manager."),
    ],
    "Settle the rest, and close the year.": [
        Turn("Let me see. ", (("transfer_money", '{"to": "kim", "amount": 900}'), ("transfer_money", '{"to": "me", "amount": 900}'))),
        Turn(calls=(("write_report", '{"name": "kim.txt", "text": "laptop paid"}'), ("close_year", "{}"))),
        Turn("Kim has the money. The books stay open."),
    ],
}  # fmt: skip
EXPECTED: list[Row] = [
    ("gil", "find_expenses", "denied"),
    ("bo", "find_expenses", "allowed"),
    ("bo", "read_receipt", "allowed"),
    ("bo", "pay_expense", "denied"),
    ("bo", "pay_expense", "allowed"),
    ("bo", "pay_expense", "denied"),
    ("bo", "write_report", "denied"),
    ("bo", "pay_all", "denied"),
    ("ana", "transfer_money", "asked, approved"),
    ("ana", "transfer_money", "asked, refused"),
    ("ana", "write_report", "allowed"),
    ("ana", "close_year", "denied"),
]


def chat(client: OpenAI, guard: Guard, text: str) -> str:
    """Let the model work through Chat Completions until it calls no more tools."""
    messages: list[Any] = [{"role": "user", "content": text}]
    tools: Any = tool_definitions(guard)
    while True:
        completion = client.chat.completions.create(model="scripted", messages=messages, tools=tools)
        message = completion.choices[0].message
        answers = run_tool_calls(guard, completion)
        if not answers:
            return message.content or ""
        messages += [message, *answers]


def respond(client: OpenAI, guard: Guard, text: str, console: Console) -> None:
    """Let the model work through the Responses API, and print what it says while it comes."""
    items: list[Any] = [{"role": "user", "content": text}]
    tools: Any = tool_definitions(guard, api="responses")
    while True:
        with collect(
            client.responses.create(model="scripted", input=items, tools=tools, stream=True)
        ) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    console.print(event.delta, end="", style="cyan")
        answers = run_tool_calls(guard, stream.output)
        if not answers:
            console.print()
            return
        items += [*stream.output, *answers]


def register_tools(guard: Guard, folder: Path) -> None:
    """Register the tools: plain functions. Nothing in them knows of the policy."""

    def find_expenses(employee: str) -> list[dict[str, Any]]:
        """List what an employee has spent."""
        with closing(sqlite3.connect(folder / "books.db")) as books:
            rows = books.execute("SELECT number, what, owed FROM expenses WHERE employee = ?", [employee])
            return [{"number": number, "what": what, "owed": owed} for number, what, owed in rows]

    def pay_expense(number: int, amount: float) -> str:
        """Pay an expense, or a part of it."""
        with closing(sqlite3.connect(folder / "books.db")) as books, books:
            books.execute("UPDATE expenses SET owed = owed - ? WHERE number = ?", [amount, number])
        return f"paid {amount:.2f}"

    def transfer_money(to: str, amount: float) -> str:
        """Send money to somebody's account."""
        with closing(sqlite3.connect(folder / "books.db")) as books, books:
            books.execute("INSERT INTO transfers VALUES (?, ?)", [to, amount])
        return f"sent {amount:.2f} to {to}"

    def close_year() -> str:
        """Close the books."""
        (folder / "closed.txt").write_text("The year is closed.")
        return "closed"

    def read_receipt(name: str) -> str:
        """Read a receipt."""
        return (folder / Path(name).name).read_text()

    def write_report(name: str, text: str) -> str:
        """Write a report."""
        (folder / Path(name).name).write_text(text)
        return f"wrote {name}"

    for function in (find_expenses, pay_expense, transfer_money, close_year, read_receipt, write_report):
        guard.register(function)


class Treasurer:
    """A plugin that answers for a person. A real one would be asked in a chat or on a page."""

    @hookimpl
    def ringfence_approve_call(self, call: ToolCall) -> bool:
        """Let money go to Kim and to nobody else."""
        return call.arguments["to"] == "kim"


def open_books(folder: Path) -> None:
    """Make the database and the receipt."""
    (folder / "taxi.txt").write_text("Taxi to the station, 38.50")
    with closing(sqlite3.connect(folder / "books.db")) as books, books:
        books.execute("CREATE TABLE expenses (number INTEGER, employee TEXT, what TEXT, owed REAL)")
        books.execute("INSERT INTO expenses VALUES (1, 'kim', 'taxi', 38.5), (2, 'kim', 'laptop', 900)")
        books.execute("CREATE TABLE transfers (account TEXT, amount REAL)")


def balance(folder: Path) -> list[tuple[Any, ...]]:
    """Return what the tools have left in the database: what is owed, then what was sent."""
    with closing(sqlite3.connect(folder / "books.db")) as books:
        owed, sent = "SELECT what, owed FROM expenses", "SELECT account, amount FROM transfers"
        return [*books.execute(owed), *books.execute(sent)]


def main() -> int:
    """Run the script, print the table, verify the log; return 0 where all is as it must be."""
    console, witness = Console(), Witness()
    plugins = {"witness": witness, "treasurer": Treasurer()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        open_books(folder)
        policy = shutil.copy(POLICY, folder)  # the log is written beside the policy, and goes with the folder
        with (
            Guard.from_file(policy, plugins=plugins) as guard,
            ScriptedServer(SCRIPT) as server,
            OpenAI(base_url=server.base_url, api_key="none") as client,
        ):
            register_tools(guard, folder)
            first, second, third = SCRIPT
            with guard.acting_as("gil"):
                console.print(chat(client, guard, first), style="cyan")
            with guard.acting_as("bo"):
                console.print(chat(client, guard, second), style="cyan")
            with guard.acting_as("ana"):
                respond(client, guard, third, console)
        as_expected = report(witness, EXPECTED, console)
        as_expected &= balance(folder) == [("taxi", 0.0), ("laptop", 900.0), ("kim", 900.0)]
        checked = verify(folder / "audit.db", load_key(None, folder / "audit.db"))
    console.print(f"The log holds {checked.records} records and is {'intact' if checked.ok else 'DAMAGED'}.")
    if not as_expected:
        console.print("[red]Something went otherwise than expected.[/]")
    return 0 if as_expected and checked.ok else 1


if __name__ == "__main__":
    sys.exit(main())
