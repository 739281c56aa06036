"""A first policy from the tools of a module: exactly those, the risky ones asked, each choice with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ringfence import Guard
from ringfence.errors import ToolError
from ringfence.policy.file import check_policy_file
from ringfence.policy.model import Audit, Policy, StoreKind
from ringfence.tool import make_tool
from ringfence.trying.modules import tools_of
from ringfence.trying.starter import from_tools, risk

if TYPE_CHECKING:
    from pathlib import Path

MODULE = '''
from typing import Literal
from ringfence import Guard, Policy, Audit, StoreKind, secure_tool

guard = Guard(Policy(audit=Audit(store=StoreKind.MEMORY)))

@secure_tool(guard=guard)
def search_orders(text: str, most: int = 10) -> list:
    """Find orders: by their text.

    More about it.
    """

@secure_tool(guard=guard, role="power_user", permissions=["network_access"])
def refund(order: str, amount: float, currency: Literal["EUR", "USD"], fast: bool = False) -> None:
    """Pay money back."""

@secure_tool(guard=guard, code={"query": "sql"})
def report(query: str) -> list:
    """Look into the database."""

def _hidden() -> None: ...
def helper() -> None: ...
'''


def write(folder: Path, text: str) -> str:
    """Write a module; return what to name it by."""
    path = folder / "tools_under_test.py"
    path.write_text(text)
    return str(path)


def test_a_module_gives_its_registered_tools(tmp_path: Path) -> None:
    """Decorated functions are tools; where there are some, other functions are none."""
    assert [tool.name for tool in tools_of(write(tmp_path, MODULE))] == ["refund", "report", "search_orders"]


def test_a_module_without_decorators_gives_its_public_functions(tmp_path: Path) -> None:
    """A person who starts has plain functions: those of the module itself, without what it imports."""
    text = "from json import dumps\ndef _hidden(): ...\ndef send(text: str): ...\ndef look(): ...\n"
    assert [tool.name for tool in tools_of(write(tmp_path, text))] == ["look", "send"]


def test_a_module_gives_its_langchain_tools(tmp_path: Path) -> None:
    """What LangChain's decorator made of a function is a tool, under the name that the model sees."""
    text = (
        "from langchain_core.tools import tool\n"
        '@tool("send")\ndef send_it(text: str) -> str:\n    """Send."""\n    return text\n'
        '@tool\nasync def look(text: str) -> str:\n    """Look."""\n    return text\n'
        "def helper(): ...\n"
    )
    found = tools_of(write(tmp_path, text))
    assert [(tool.name, tool.signature and tool.signature.names) for tool in found] == [
        ("look", ("text",)),
        ("send", ("text",)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "has no tools"),
        ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError"),
        ("raise RuntimeError('no database')", "cannot be imported: RuntimeError: no database"),
    ],
)
def test_a_module_without_tools_is_an_error_that_says_what_to_do(
    tmp_path: Path, text: str, message: str
) -> None:
    """What cannot be imported or has nothing says so, in a sentence."""
    with pytest.raises(ToolError, match=message):
        tools_of(write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("send_mail", "its name says that it may send"),
        ("deleteFile", "its name says that it may delete"),
        ("HTTPPost", "its name says that it may post"),
        ("get_order", ""),
        ("list_sent_mails", ""),
        ("sender", ""),
    ],
)
def test_names_tell_what_is_risky(name: str, why: str) -> None:
    """The words of a name count, however it is written; one that begins with looking only looks."""
    assert risk(make_tool(lambda: None, name=name)) == why


def test_the_policy_allows_exactly_the_tools(tmp_path: Path) -> None:
    """It is sound, allows what looks harmless, asks about the rest, and knows the values of a Literal."""
    tools = tools_of(write(tmp_path, MODULE))
    text = from_tools(tools, "my.tools")
    path = tmp_path / "first.yaml"
    path.write_text(text)
    found = check_policy_file(path)
    assert found.compiled is not None, found.faults
    policy = found.compiled.policy
    agent = policy.roles["agent"]
    assert (agent.allow, agent.ask, agent.inherits) == (
        ("search_orders",),
        ("refund", "report"),
        ("power_user",),
    )
    assert set(agent.permissions) == {"execute_tool", "network_access"}
    assert policy.tools["refund"].arguments["currency"].one_of == ("EUR", "USD")
    types = {name: rule.type for name, rule in policy.tools["refund"].arguments.items()}
    assert types == {"order": "text", "amount": "number", "currency": None, "fast": "boolean"}
    assert policy.tools["search_orders"].description == "Find orders: by their text."
    for reason in (
        "# its name says that it may refund",
        "# it takes code: query (sql)",
        "amount: {type: number}  # bound it with min and max",
    ):
        assert reason in text


def test_the_policy_works_in_a_guard(tmp_path: Path) -> None:
    """The role `agent` may call what is allowed; nobody may call anything else."""
    tools = tools_of(write(tmp_path, "def look(): return 1\ndef send(): return 2\n"))
    path = tmp_path / "first.yaml"
    path.write_text(from_tools(tools, "m") + "audit: {store: memory}\n")
    with Guard.from_file(path) as guard:
        for tool in tools:
            guard.register(tool)
        with guard.acting_as("ana", ["agent"]):
            assert guard.decide("look").decision == "allow"
            assert guard.decide("send").decision == "ask"
        with guard.acting_as("ben", ["user"]):
            assert guard.decide("look").decision == "deny"


def test_an_argument_that_may_be_nothing_gets_no_rule(tmp_path: Path) -> None:
    """A default of None, said in the annotation or not, would be refused by a type: calls that leave it out stay possible."""
    text = "def look(text: str = None, most: int | None = None, words: list[str] = [], extra: dict[str, int] = {}): ..."
    (tool,) = tools_of(write(tmp_path, text))
    path = tmp_path / "first.yaml"
    path.write_text(from_tools([tool], "m") + "audit: {store: memory}\n")
    with Guard.from_file(path) as guard:
        guard.register(tool)
        with guard.acting_as("ana", ["agent"]):
            assert guard.decide("look").decision == "allow"
            assert guard.decide("look", {"extra": 1}).rule == "tools.look.arguments.extra.type"


def test_names_that_no_policy_can_hold_are_left_out(tmp_path: Path) -> None:
    """A tool that cannot be named is told of in a comment."""
    tools = [make_tool(lambda: None, name=name) for name in ("a,b", "x*", "no")]
    path = tmp_path / "first.yaml"
    path.write_text(from_tools(tools, "odd\nnames"))
    found = check_policy_file(path)
    assert found.compiled is not None, found.faults
    assert found.compiled.policy.roles["agent"].allow == ("x[*]", "no")
    assert "# left out, for its name: a,b" in path.read_text()


def test_a_guard_in_the_module_gives_its_tools() -> None:
    """What a guard has registered counts, whoever wrote the function."""
    import sys
    from types import ModuleType

    module = ModuleType("module_with_a_guard")
    with Guard(Policy(audit=Audit(store=StoreKind.MEMORY))) as guard:
        guard.register(len, name="measure")
        module.guard = guard  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module
        try:
            assert [tool.name for tool in tools_of(module.__name__)] == ["measure"]
        finally:
            del sys.modules[module.__name__]
