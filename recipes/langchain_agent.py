"""A LangChain agent whose tools stand behind one policy: who may do what, what a person decides, and a record that proves it.

The agent is `create_agent`'s own; only the model is scripted, so this runs without a network and without a key. The tools are real:
files in a temporary folder, an SQLite database, an HTTP server on this machine. Run it with `python recipes/langchain_agent.py`.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage
from rich.console import Console
from support.report import Witness, report
from support.shop import messages, open_shop

from ringfence import Guard
from ringfence.audit import verify
from ringfence.audit.keys import load_key
from ringfence.hookspecs import hookimpl
from ringfence_langchain import RingfenceMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ringfence import ToolCall

POLICY = Path(__file__).with_name("langchain_agent.yaml")

# What the model will ask for, as whom, and what must become of it.
SCRIPT: dict[str, list[tuple[str, dict[str, object], str]]] = {
    "gil": [
        ("find_order", {"order": "A-17"}, "denied"),
    ],
    "ana": [
        ("find_order", {"order": "A-17"}, "allowed"),
        ("read_file", {"name": "notes.txt"}, "allowed"),
        ("read_file", {"name": "shop.db"}, "denied"),
        ("write_file", {"name": "notes.txt", "text": "mine"}, "denied"),
        ("post_message", {"channel": "team", "text": "A-17 is late"}, "asked, approved"),
        ("post_message", {"channel": "public", "text": "A-17 is late"}, "asked, refused"),
    ],
    "pia": [
        ("refund", {"order": "A-17", "amount": 20}, "allowed"),
        ("refund", {"order": "A-17", "amount": 5000}, "denied"),
        ("fetch_page", {"path": "/stock"}, "allowed"),
        ("write_file", {"name": "notes.txt", "text": "refunded A-17"}, "allowed"),
        ("delete_file", {"name": "notes.txt"}, "denied"),
        ("format_disk", {}, "denied"),
    ],
}


def make_tools(folder: Path, url: str) -> list[Callable[..., str]]:
    """Return the agent's tools: plain functions. Nothing in them knows of the policy."""

    def find_order(order: str) -> str:
        """Say what was paid for an order."""
        with closing(sqlite3.connect(folder / "shop.db")) as shop:
            return str(shop.execute("SELECT id, paid FROM orders WHERE id = ?", [order]).fetchone())

    def refund(order: str, amount: float) -> str:
        """Pay money back."""
        with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
            shop.execute("UPDATE orders SET paid = paid - ? WHERE id = ?", [amount, order])
        return f"refunded {amount:g} of {order}"

    def read_file(name: str) -> str:
        """Read a file."""
        return (folder / name).read_text()

    def write_file(name: str, text: str) -> str:
        """Write a file."""
        (folder / name).write_text(text)
        return f"wrote {name}"

    def delete_file(name: str) -> str:
        """Delete a file."""
        (folder / name).unlink()
        return f"deleted {name}"

    def fetch_page(path: str) -> str:
        """Fetch a page of the shop's own server."""
        with urlopen(url + path) as page:  # noqa: S310 - the address is this program's own, and starts with http
            return str(page.read().decode())

    def post_message(channel: str, text: str) -> str:
        """Post a message to a channel of the shop's own server."""
        with urlopen(f"{url}/{channel}", data=text.encode()) as page:  # noqa: S310
            return str(page.read().decode())

    return [find_order, refund, read_file, write_file, delete_file, fetch_page, post_message]


class Desk:
    """A plugin that answers for a person. A real one would be asked in a chat or on a page."""

    @hookimpl
    def ringfence_approve_call(self, call: ToolCall) -> bool:
        """Let messages to the team pass, and no others."""
        return call.arguments["channel"] == "team"


class ScriptedModel(FakeMessagesListChatModel):
    """Stands in for a chat model: it says what the script says, one message after the other."""

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:  # noqa: ARG002 - the script has chosen already
        """Take the tools that a real model would choose from."""
        return self


def run_agent(guard: Guard, tools: Sequence[Callable[..., str]], user: str) -> None:
    """Let the agent do one user's part of the script. This is all that an application has to write."""
    calls = [
        {"name": name, "args": args, "id": f"call-{n}"} for n, (name, args, _) in enumerate(SCRIPT[user])
    ]
    model = ScriptedModel(
        responses=[*(AIMessage("", tool_calls=[call]) for call in calls), AIMessage("done")]
    )
    agent: Any = create_agent(model, tools, middleware=[RingfenceMiddleware(guard)])
    with guard.acting_as(user):
        agent.invoke({"messages": [("user", "Please take care of order A-17.")]})


def main() -> int:
    """Run the script, print the table, verify the log; return 0 where all is as it must be."""
    console, witness = Console(), Witness()
    plugins = {"witness": witness, "desk": Desk()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        policy = shutil.copy(POLICY, folder)  # the log is written beside the policy, and goes with the folder
        with open_shop(folder) as url, Guard.from_file(policy, plugins=plugins) as guard:
            tools = make_tools(folder, url)
            for user in SCRIPT:
                run_agent(guard, tools, user)
        expected = [(user, tool, decision) for user, calls in SCRIPT.items() for tool, _, decision in calls]
        as_expected = report(witness, expected, console)
        as_expected &= (folder / "notes.txt").exists() and messages(folder) == ["A-17 is late"]
        checked = verify(folder / "audit.db", load_key(None, folder / "audit.db"))
    console.print(f"The log holds {checked.records} records and is {'intact' if checked.ok else 'DAMAGED'}.")
    if not as_expected:
        console.print("[red]Something went otherwise than the script says.[/]")
    return 0 if as_expected and checked.ok else 1


if __name__ == "__main__":
    sys.exit(main())
