"""The gate judges what a tool's function gets, whatever the tool's schema makes of what the model wrote: at every way in."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.tools import InjectedState
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools import Tool as SingleInputTool
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from ringfence import CallDenied, CodeRule, Reason, Role, ToolRule, secure_tool
from ringfence.hookspecs import hookimpl
from ringfence.scanning import Language
from ringfence_langchain import RingfenceCallback, RingfenceMiddleware, secure_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MakeGuard

    from ringfence import Guard, Outcome, ToolCall

EVIL = "DROP TABLE users"
HONEST = "SELECT name FROM users"


class Alias(BaseModel):
    query: str = Field(default="SELECT 1", alias="q")


class Choices(BaseModel):
    query: str = Field(default="SELECT 1", validation_alias=AliasChoices("sql", "q"))


class Before(BaseModel):
    query: str

    @field_validator("query", mode="before")
    @classmethod
    def strip(cls, value: Any) -> Any:
        return str(value).removeprefix("-- ")


class After(Before):
    @field_validator("query")
    @classmethod
    def reverse(cls, value: str) -> str:
        return value[::-1]


class Whole(BaseModel):
    query: str = "SELECT 1"

    @model_validator(mode="before")
    @classmethod
    def pick(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"query": data.get("other", "SELECT 1")}


class Stateful(BaseModel):
    """An alias beside an argument that the framework injects, and that is not there when a callback is told."""

    model_config = ConfigDict(extra="forbid")
    query: str = Field(default="SELECT 1", alias="q")
    state: Annotated[dict[str, Any], InjectedState]


class Mixing(Stateful):
    """Makes the query of what is injected, which nobody can tell before."""

    @model_validator(mode="after")
    def mix(self) -> Mixing:
        self.query = self.state["query"]
        return self


class Asking(BaseModel):
    """Decides by the mere truth of what is injected."""

    state: Annotated[dict[str, Any], InjectedState]
    query: str

    @field_validator("query")
    @classmethod
    def swap(cls, value: str, info: Any) -> str:
        return "SELECT 1" if not info.data["state"] else value


class Sorting(Asking):
    """Decides by the type of what is injected."""

    @field_validator("query")
    @classmethod
    def swap(cls, value: str, info: Any) -> str:
        return value if isinstance(info.data["state"], dict) else "SELECT 1"


class Fetching(Asking):
    """Decides by what it finds in what is injected, and shrugs where there is nothing."""

    @field_validator("query")
    @classmethod
    def swap(cls, value: str, info: Any) -> str:
        return value if getattr(info.data["state"], "keys", None) else "SELECT 1"


class Clashing(BaseModel):
    """Takes the query from a name that LangChain hides from callbacks, because another argument is injected there."""

    query: str = Field(default="SELECT 1", validation_alias=AliasChoices("q", "state"))
    state: Annotated[dict[str, Any], InjectedState] = {}


class Filtered(BaseModel):
    """As above, by a name that LangChain always hides."""

    query: str = Field(default="SELECT 1", alias="callbacks")


class Popping(BaseModel):
    """Changes what it validates, so that validating the same object twice gives two results."""

    query: Any

    @field_validator("query", mode="before")
    @classmethod
    def pop(cls, value: Any) -> Any:
        return value.pop(0)


class Nothing(BaseModel):
    pass


class Scripted(FakeMessagesListChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


class Watcher:
    def __init__(self) -> None:
        self.seen: list[dict[str, object]] = []
        self.outcomes: list[Outcome] = []

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall, outcome: Outcome) -> None:
        self.seen.append(dict(call.arguments))
        self.outcomes.append(outcome)


ran: list[object] = []


def database(query: str = "SELECT 2", **others: object) -> str:
    """Ask the database."""
    ran.append(query)
    return "rows"


def made(schema: Any) -> BaseTool:
    return StructuredTool.from_function(database, args_schema=schema)


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def guard(make_guard: MakeGuard, watcher: Watcher) -> Iterator[Guard]:
    """Give a guard under which an analyst may ask the database in SQL that the scanner admits."""
    ran.clear()
    guard = make_guard(
        plugins={"watcher": watcher},
        roles={"analyst": Role(inherits=("power_user",), allow=("*",))},
        tools={"database": ToolRule(code={"query": CodeRule(Language.SQL)})},
    )
    with guard.acting_as("ana", ["analyst"]):
        yield guard


def by_callback(guard: Guard, tool: BaseTool, arguments: Any) -> None:
    tool.invoke(arguments, {"callbacks": [RingfenceCallback(guard, tools=[tool])]})


def by_copy(guard: Guard, tool: BaseTool, arguments: Any) -> None:
    secure_tools([tool], guard)[0].invoke(arguments)


def by_both(guard: Guard, tool: BaseTool, arguments: Any) -> None:
    by_callback(guard, secure_tools([tool], guard)[0], arguments)


def by_agent(guard: Guard, tool: BaseTool, arguments: Any) -> None:
    """Let a model call the tool. A refusal is a message there, so it is raised again for the tests."""
    call = {"name": tool.name, "args": arguments, "id": "c1", "type": "tool_call"}
    model = Scripted(responses=[AIMessage("", tool_calls=[call]), AIMessage("done")])
    agent: Any = create_agent(model, [tool], middleware=[RingfenceMiddleware(guard)])
    answer = agent.invoke({"messages": [("user", "go")]})["messages"][-2]
    if answer.status == "error":
        raise CallDenied("database", _verdict_of(guard), "c1")


def _verdict_of(guard: Guard) -> Any:
    return guard.admit("no such tool", {}).verdict


EVERY_WAY = pytest.mark.parametrize("way", [by_callback, by_copy, by_both, by_agent])


@EVERY_WAY
@pytest.mark.parametrize(
    ("schema", "evil", "honest"),
    [
        (Alias, {"q": EVIL}, {"q": HONEST}),
        (Choices, {"q": EVIL}, {"q": HONEST}),
        (Choices, {"sql": EVIL, "q": HONEST}, {"sql": HONEST, "q": EVIL}),
        (Before, {"query": f"-- {EVIL}"}, {"query": f"-- {HONEST}"}),
        (After, {"query": f"-- {EVIL[::-1]}"}, {"query": f"-- {HONEST[::-1]}"}),
        (Whole, {"other": EVIL}, {"other": HONEST}),
        (Popping, {"query": [EVIL, HONEST]}, {"query": [HONEST, EVIL]}),
        (made(Before).args, {"query": EVIL}, {"query": HONEST}),
    ],
    ids=["alias", "choices", "first choice", "before", "after", "model", "mutable", "json schema"],
)
def test_what_the_function_gets_is_scanned(
    guard: Guard,
    watcher: Watcher,
    way: Callable[..., None],
    schema: Any,
    evil: dict[str, Any],
    honest: dict[str, Any],
) -> None:
    """The evil text is denied and does not run, the honest one runs, and the record has what ran."""
    if isinstance(schema, dict):
        schema = {"type": "object", "title": "database", "properties": schema}
    with pytest.raises(CallDenied):
        way(guard, made(schema), deepcopy(evil))
    assert (ran, watcher.outcomes[0].reason) == ([], Reason.SCAN)
    way(guard, made(schema), deepcopy(honest))
    assert ran == [HONEST]
    assert watcher.seen[-1] == {"query": HONEST}


@EVERY_WAY
def test_defaults_are_scanned_as_the_function_gets_them(
    guard: Guard, watcher: Watcher, way: Callable[..., None]
) -> None:
    """The schema's default comes before the function's; under a schema without fields the function has its own."""
    for schema in (Alias, Nothing):
        way(guard, made(schema), {})
        assert watcher.seen[-1] == {"query": ran[-1]}
    assert ran == ["SELECT 1", "SELECT 2"]


@pytest.mark.parametrize("way", [by_callback, by_copy])
def test_a_bare_text_reaches_the_function_unvalidated_and_is_judged_so(
    guard: Guard, watcher: Watcher, way: Callable[..., None]
) -> None:
    """LangChain validates a bare text and then passes the text itself, not what the validators made of it."""
    with pytest.raises(CallDenied):
        way(guard, made(After), EVIL)
    assert ran == []
    way(guard, made(After), HONEST)
    assert (ran, watcher.seen[-1]) == ([HONEST], {"query": HONEST})


@pytest.mark.parametrize("way", [by_callback, by_copy])
def test_the_one_argument_of_a_single_input_tool_is_judged(guard: Guard, way: Callable[..., None]) -> None:
    """It reaches the function by position, under whatever name the model gave it."""
    single = SingleInputTool("database", database, "Ask the database.")
    for arguments in ({"anything": EVIL}, EVIL):
        with pytest.raises(CallDenied):
            way(guard, single, arguments)
    assert ran == []
    for arguments in ({"anything": HONEST}, HONEST):
        way(guard, single, arguments)
    assert ran == [HONEST, HONEST]


def test_a_decorator_s_declaration_holds_behind_an_alias(guard: Guard) -> None:
    """As a policy's does."""

    @secure_tool(guard=guard, code={"query": "sql"})
    def ask(query: str) -> str:
        """Ask."""
        ran.append(query)
        return "rows"

    tool = StructuredTool.from_function(ask, args_schema=Alias)
    for way in (by_callback, by_copy):
        with pytest.raises(CallDenied):
            way(guard, tool, {"q": EVIL})
        assert ran == []
        way(guard, tool, {"q": HONEST})
        assert ran.pop() == HONEST


def test_an_injected_argument_is_no_hindrance(guard: Guard, watcher: Watcher) -> None:
    """LangChain does not tell callbacks what it injects; the rest is validated without it."""
    tool = made(Stateful)
    with pytest.raises(CallDenied):
        by_callback(guard, tool, {"q": EVIL, "state": {}})
    assert (ran, watcher.outcomes[0].reason) == ([], Reason.SCAN)
    by_callback(guard, tool, {"q": HONEST, "state": {}})
    assert (ran, watcher.seen[-1]) == ([HONEST], {"query": HONEST})


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (Mixing, {"q": HONEST, "state": {"query": EVIL}}),
        (Asking, {"query": HONEST, "state": {}}),
        (Sorting, {"query": EVIL, "state": {}}),
        (Fetching, {"query": EVIL, "state": {}}),
        (Clashing, {"state": EVIL}),
        (Filtered, {"callbacks": EVIL}),
    ],
)
def test_what_cannot_be_told_is_refused(
    guard: Guard, watcher: Watcher, schema: Any, arguments: dict[str, Any]
) -> None:
    """Where the function's argument hangs on what LangChain hides from callbacks, the call does not run."""
    with pytest.raises(CallDenied, match="do not fit: what the tool will get hangs on"):
        by_callback(guard, made(schema), arguments)
    assert (ran, watcher.outcomes[0].reason) == ([], Reason.ARGUMENTS)


class Own(BaseTool):
    """A class without a schema of its own: LangChain makes one to show the model, and does not validate by it."""

    name: str = "database"
    description: str = "Ask the database."

    def _run(self, query: str = "SELECT 2") -> str:
        return database(query)


def test_without_a_schema_the_function_gets_what_the_model_wrote(guard: Guard, watcher: Watcher) -> None:
    """So that is judged."""
    for way in (by_callback, by_copy):
        with pytest.raises(CallDenied):
            way(guard, Own(), {"query": EVIL})
        assert ran == []
        way(guard, Own(), {"query": HONEST})
        assert (ran.pop(), watcher.seen[-1]) == (HONEST, {"query": HONEST})


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Pydantic 1 does not run there")
@pytest.mark.filterwarnings("ignore")
def test_a_schema_of_pydantic_1_is_read_as_langchain_reads_it(guard: Guard) -> None:
    """Aliases included. With injected arguments it is refused: nothing can stand in for them there."""
    v1 = pytest.importorskip("pydantic.v1")
    space = {
        "__module__": __name__,
        "__annotations__": {"query": str},
        "query": v1.Field("SELECT 1", alias="q"),
    }
    schema = type(v1.BaseModel)("Old", (v1.BaseModel,), space)
    with pytest.raises(CallDenied):
        by_callback(guard, made(schema), {"q": EVIL})
    assert ran == []
    by_callback(guard, made(schema), {"q": HONEST})
    assert ran == [HONEST]
    space["__annotations__"] = {"query": str, "state": Annotated[dict[str, Any], InjectedState]}
    with pytest.raises(CallDenied, match="hangs on"):
        by_callback(
            guard, made(type(v1.BaseModel)("Old", (v1.BaseModel,), space)), {"q": HONEST, "state": {}}
        )
    assert ran == [HONEST]
