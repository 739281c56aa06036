"""`@secure_tool`: every kind and form of function under every decision, and what a guarded function still looks like."""

from __future__ import annotations

import asyncio
import functools
import inspect
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from pydantic import TypeAdapter, ValidationError, validate_call

from ringfence import (
    ApprovalRefused,
    ArgumentRule,
    ArgumentsInvalid,
    CallDenied,
    Guard,
    GuardBroken,
    Kind,
    Permission,
    Role,
    Tier,
    ToolExists,
    ToolRule,
    UnknownName,
    Verdict,
    secure_tool,
)
from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.conftest import MakeGuard

    from ringfence import ToolCall

    Runs = list[object]
    Tools = dict[str, Callable[..., Any]]
    Secure = Callable[..., Callable[[Any], Any]]

ROLES = {
    "clerk": Role(inherits=("user",), allow=("refund*",)),
    "banned": Role(inherits=("clerk",), deny=("refund*",)),
    "careful": Role(inherits=("user",), ask=("refund*",)),
    "silent": Role(inherits=("user",)),
}


class Crash:
    """A plugin that breaks the guard."""

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> Verdict | None:
        """Raise."""
        raise ZeroDivisionError


class Approver:
    """A person who always gives the same answer."""

    def __init__(self, *, answer: bool) -> None:
        self.answer = answer

    @hookimpl
    def ringfence_approve_call(self, call: ToolCall) -> bool:
        """Answer."""
        return self.answer


def sync_tools(secure: Secure, runs: Runs) -> Tools:
    """Make guarded plain functions and methods."""

    @secure(name="refund_function")
    def function(order: str, amount: float = 5.0) -> list[object]:
        runs.append(None)
        return [order, amount]

    class Shop:
        @secure(name="refund_method")
        def method(self, order: str, amount: float = 5.0) -> list[object]:
            runs.append(self)
            return [order, amount]

        @secure(name="refund_static")
        @staticmethod
        def static(order: str, amount: float = 5.0) -> list[object]:
            runs.append(None)
            return [order, amount]

        @secure(name="refund_class")
        @classmethod
        def made(cls, order: str, amount: float = 5.0) -> list[object]:
            runs.append(cls)
            return [order, amount]

    return forms(function, Shop)


def async_tools(secure: Secure, runs: Runs) -> Tools:
    """Make guarded async functions and methods."""

    @secure(name="refund_function")
    async def function(order: str, amount: float = 5.0) -> list[object]:
        runs.append(None)
        return [order, amount]

    class Shop:
        @secure(name="refund_method")
        async def method(self, order: str, amount: float = 5.0) -> list[object]:
            runs.append(self)
            return [order, amount]

        @secure(name="refund_static")
        @staticmethod
        async def static(order: str, amount: float = 5.0) -> list[object]:
            runs.append(None)
            return [order, amount]

        @secure(name="refund_class")
        @classmethod
        async def made(cls, order: str, amount: float = 5.0) -> list[object]:
            runs.append(cls)
            return [order, amount]

    return forms(function, Shop)


def generator_tools(secure: Secure, runs: Runs) -> Tools:
    """Make guarded generator functions and methods."""

    @secure(name="refund_function")
    def function(order: str, amount: float = 5.0) -> Iterator[object]:
        runs.append(None)
        yield order
        yield amount

    class Shop:
        @secure(name="refund_method")
        def method(self, order: str, amount: float = 5.0) -> Iterator[object]:
            runs.append(self)
            yield order
            yield amount

        @secure(name="refund_static")
        @staticmethod
        def static(order: str, amount: float = 5.0) -> Iterator[object]:
            runs.append(None)
            yield order
            yield amount

        @secure(name="refund_class")
        @classmethod
        def made(cls, order: str, amount: float = 5.0) -> Iterator[object]:
            runs.append(cls)
            yield order
            yield amount

    return forms(function, Shop)


def async_generator_tools(secure: Secure, runs: Runs) -> Tools:
    """Make guarded async generator functions and methods."""

    @secure(name="refund_function")
    async def function(order: str, amount: float = 5.0) -> AsyncIterator[object]:
        runs.append(None)
        yield order
        yield amount

    class Shop:
        @secure(name="refund_method")
        async def method(self, order: str, amount: float = 5.0) -> AsyncIterator[object]:
            runs.append(self)
            yield order
            yield amount

        @secure(name="refund_static")
        @staticmethod
        async def static(order: str, amount: float = 5.0) -> AsyncIterator[object]:
            runs.append(None)
            yield order
            yield amount

        @secure(name="refund_class")
        @classmethod
        async def made(cls, order: str, amount: float = 5.0) -> AsyncIterator[object]:
            runs.append(cls)
            yield order
            yield amount

    return forms(function, Shop)


def forms(function: Callable[..., Any], shop: Any) -> Tools:
    """Return each form of a tool as something that is called with its arguments only."""
    return {"function": function, "method": shop().method, "static": shop.static, "class": shop.made}


MAKERS = {
    Kind.SYNC: sync_tools,
    Kind.ASYNC: async_tools,
    Kind.GENERATOR: generator_tools,
    Kind.ASYNC_GENERATOR: async_generator_tools,
}
FORMS = ["function", "method", "static", "class"]
KINDS = pytest.mark.parametrize("kind", Kind, ids=[kind.name.lower() for kind in Kind])


def consume(kind: Kind, call: Callable[[], Any]) -> object:
    """Call a tool of any kind and return its value, or the list of its items."""

    async def wait() -> object:
        return await call()

    async def collect() -> list[object]:
        return [item async for item in call()]

    if kind.asynchronous:
        return asyncio.run(wait() if kind is Kind.ASYNC else collect())
    return list(call()) if kind is Kind.GENERATOR else call()


ALLOWED: dict[str, tuple[list[str], dict[str, object]]] = {
    "allow": (["clerk"], {}),
    "ask, approved": (["careful"], {"anna": Approver(answer=True)}),
}
DENIED: dict[str, tuple[list[str] | None, dict[str, object], tuple[object, ...], type[Exception], str]] = {
    "deny": (["banned"], {}, ("A",), CallDenied, r"rule roles\.banned\.deny"),
    "nobody spoke": (["silent"], {}, ("A",), CallDenied, r"rule nobody-spoke"),
    "ask": (["careful"], {}, ("A",), ApprovalRefused, "nobody answered"),
    "ask, refused": (
        ["careful"],
        {"anna": Approver(answer=False)},
        ("A",),
        ApprovalRefused,
        "refused through anna",
    ),
    "guard broken": (["clerk"], {"crash": Crash()}, ("A",), GuardBroken, "crash failed.*ZeroDivisionError"),
    "arguments that do not fit": (["clerk"], {}, (), ArgumentsInvalid, "missing argument 'order'"),
    "unknown role": (["clrek"], {}, ("A",), CallDenied, "role 'clrek' that the policy does not define"),
    "nobody acting": (None, {}, ("A",), CallDenied, "lacks the permission execute_tool"),
}


@KINDS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scenario", ALLOWED)
def test_an_allowed_call_runs_once(make_guard: MakeGuard, kind: Kind, form: str, scenario: str) -> None:
    """An allowed call enters the body once, on the right object, and hands its value or items on."""
    roles, plugins = ALLOWED[scenario]
    runs: Runs = []
    guard = make_guard(roles=ROLES, plugins=plugins)
    tool = MAKERS[kind](functools.partial(secure_tool, guard=guard), runs)[form]
    with guard.acting_as("ana", roles=roles):
        assert consume(kind, lambda: tool("A", amount=20)) == ["A", 20]
    assert runs == [getattr(tool, "__self__", None)]


@KINDS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scenario", DENIED)
def test_denied_means_zero_executions(make_guard: MakeGuard, kind: Kind, form: str, scenario: str) -> None:
    """A call that is denied, for whatever reason, raises where it is made and never enters the body."""
    roles, plugins, args, error, message = DENIED[scenario]
    runs: Runs = []
    guard = make_guard(roles=ROLES, plugins=plugins)
    tool = MAKERS[kind](functools.partial(secure_tool, guard=guard), runs)[form]
    acting = nullcontext() if roles is None else guard.acting_as("ana", roles=roles)
    with acting, pytest.raises(error, match=message) as caught:
        consume(kind, lambda: tool(*args))
    assert runs == []
    assert type(caught.value) is error
    assert caught.value.call_id  # type: ignore[attr-defined]  # every error of the table has it


@pytest.mark.parametrize("kind", [Kind.GENERATOR, Kind.ASYNC_GENERATOR])
def test_a_generator_is_denied_when_it_is_made(make_guard: MakeGuard, kind: Kind) -> None:
    """The denial comes with the call, not with the first item: nobody can forget to look."""
    guard = make_guard(roles=ROLES)
    tool = MAKERS[kind](functools.partial(secure_tool, guard=guard), [])["function"]
    with pytest.raises(CallDenied, match="execute_tool"):
        tool("A")


@KINDS
def test_static_and_class_methods_may_be_written_outermost(make_guard: MakeGuard, kind: Kind) -> None:
    """`@staticmethod` and `@classmethod` guard alike above and below `@secure_tool`."""
    guard = make_guard(roles=ROLES)
    runs: list[object] = []

    class Shop:
        @staticmethod
        @secure_tool(name="refund_static", guard=guard)
        def static(order: str) -> str:
            return order

        @classmethod
        @secure_tool(name="refund_class", guard=guard)
        def made(cls, order: str) -> tuple[type, str]:
            runs.append(cls)
            return cls, order

    with pytest.raises(CallDenied, match="execute_tool"):
        Shop.made("A")
    assert runs == []
    with guard.acting_as("ana", roles=["clerk"]):
        assert (Shop.static("A"), Shop().static("A")) == ("A", "A")
        assert Shop.made("A") == (Shop, "A")


# What the decorator asks for


def test_a_decorator_without_parentheses_guards_too(make_guard: MakeGuard) -> None:
    """`@secure_tool` alone makes the default guard decide; with none configured the call does not run."""
    runs: Runs = []

    @secure_tool
    def refund_bare(order: str) -> None:
        runs.append(order)

    with pytest.raises(Exception, match=r"no guard is configured.*RINGFENCE_POLICY"):
        refund_bare("A")
    assert runs == []


@pytest.mark.parametrize(
    ("asked", "role", "allowed"),
    [
        ({"role": "power_user"}, "power_user", True),
        ({"role": "power_user"}, "admin", True),
        ({"role": "power_user"}, "user", False),
        ({"permissions": ["file_write"]}, "power_user", True),
        ({"permissions": [Permission.FILE_WRITE]}, "user", False),
        ({"permissions": ["file_read", "system_modify"]}, "power_user", False),
        ({"role": "user", "permissions": ["file_write"]}, "user", False),
        ({"role": "guest"}, "guest", False),
        ({}, "admin", False),
    ],
)
def test_role_and_permissions_must_all_be_there(
    make_guard: MakeGuard, asked: dict[str, Any], role: str, *, allowed: bool
) -> None:
    """A caller has the role, itself or inherited, and all permissions, and a tool that asks for nothing is not open."""
    guard = make_guard()

    @secure_tool(guard=guard, **asked)
    def pay() -> str:
        return "paid"

    with guard.acting_as("ana", roles=[role]):
        assert guard.run("pay").success is allowed
        assert guard.decide("pay").allowed is allowed


def test_the_tier_that_is_asked_for_is_not_loosened(make_guard: MakeGuard) -> None:
    """A tool for the sandbox does not run inline where the sandbox cannot import it: it is denied, and says why."""
    guard = make_guard(tools={"pay": ToolRule(tier=Tier.INLINE)})

    @secure_tool(role="user", tier="sandbox", guard=guard)
    def pay() -> str:
        return "paid"

    with (
        guard.acting_as("ana", roles=["admin"]),
        pytest.raises(CallDenied, match="a sandbox cannot import it"),
    ):
        pay()


def test_misspelt_permissions_and_tiers_stop_the_decoration(make_guard: MakeGuard) -> None:
    """What the decorator cannot understand is an error when the module is loaded, not a tool without protection."""
    with pytest.raises(UnknownName, match=r"unknown permission 'file_raed'.*'file_read'"):
        secure_tool(permissions=["file_raed"], guard=make_guard())(lambda: None)
    with pytest.raises(UnknownName, match="unknown tier 'sandbux'"):
        secure_tool(tier="sandbux", guard=make_guard())(lambda: None)


def test_one_decorator_for_many_tools_asks_the_same_of_each(make_guard: MakeGuard) -> None:
    """Permissions given as any iterable count for the second function as they did for the first."""
    needs_admin = secure_tool(permissions=iter(["system_modify"]), guard=make_guard())

    @needs_admin
    def first() -> None: ...

    @needs_admin
    def second() -> None: ...

    for tool in (first, second):
        assert tool.__ringfence_tool__.permissions == (Permission.SYSTEM_MODIFY,)  # type: ignore[attr-defined]


def test_a_name_means_one_function(make_guard: MakeGuard) -> None:
    """A second function under a name that is taken is refused, and the error says whose it is."""
    guard = make_guard()

    @secure_tool(name="refund", guard=guard)
    def one() -> None: ...

    with pytest.raises(ToolExists, match=r"'refund' already belongs to .*one"):

        @secure_tool(name="refund", guard=guard)
        def two() -> None: ...


def test_a_closure_does_not_take_another_closures_name(make_guard: MakeGuard) -> None:
    """Functions made by one factory are written at one place and are still different tools: a name is not taken over in silence."""
    guard = make_guard()

    def make(amount: int, role: str) -> Callable[[], int]:
        @secure_tool(name="refund", role=role, guard=guard)
        def refund() -> int:
            return amount

        return refund

    make(1, "admin")
    with pytest.raises(ToolExists, match="'refund' already belongs"):
        make(1_000_000, "user")
    with guard.acting_as("ana", roles=["user"]):
        assert guard.run("refund").denied


def test_registering_the_bare_function_again_does_not_loosen_it(make_guard: MakeGuard) -> None:
    """What a decorator asked for is not lost when the function inside is registered under the same name once more."""
    guard = make_guard(roles=ROLES)

    def refund() -> str:
        return "paid"

    secure_tool(role="admin", guard=guard)(refund)
    with suppress(ToolExists):
        guard.register(refund)
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("refund").denied


# What a guarded function still looks like


def describe(
    order: str, /, amount: float = 5.0, *notes: str, urgent: bool = False, **extra: int
) -> list[str]:
    """Refund an order.

    With a second paragraph.
    """
    return [order]


def test_a_guarded_function_looks_like_the_function(make_guard: MakeGuard) -> None:
    """Name, module, signature, docstring, annotations and type hints are those of the function inside."""
    guarded = secure_tool(guard=make_guard())(describe)
    assert inspect.signature(guarded) == inspect.signature(describe)
    assert get_type_hints(guarded) == get_type_hints(describe)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(guarded, name) == getattr(describe, name)
    assert inspect.getdoc(guarded) == inspect.getdoc(describe)


@KINDS
@pytest.mark.parametrize("form", FORMS)
def test_a_guarded_async_function_is_still_one(make_guard: MakeGuard, kind: Kind, form: str) -> None:
    """Frameworks ask `iscoroutinefunction` to know whether to await: the answer is the function's own."""
    tool = MAKERS[kind](functools.partial(secure_tool, guard=make_guard()), [])[form]
    assert inspect.iscoroutinefunction(tool) is (kind is Kind.ASYNC)
    assert list(inspect.signature(tool).parameters) == ["order", "amount"]


def test_langchain_reads_a_guarded_function(make_guard: MakeGuard) -> None:
    """`@tool` above `@secure_tool` finds name, description and schema, and its calls go through the gate."""
    from langchain_core.tools import tool

    guard = make_guard()
    runs: list[object] = []

    @tool(parse_docstring=True)
    @secure_tool(role="user", guard=guard)
    def refund(order: str, amount: float = 5.0) -> str:
        """Refund an order.

        Args:
            order: the order's number.
            amount: how much, in euros.

        """
        runs.append(order)
        return f"{order}: {amount}"

    assert (refund.name, refund.description) == ("refund", "Refund an order.")
    assert refund.args["order"]["description"] == "the order's number."
    assert refund.args["amount"]["type"] == "number"
    with pytest.raises(CallDenied, match="execute_tool"):
        refund.invoke({"order": "A"})
    assert runs == []
    with guard.acting_as("ana", roles=["user"]):
        assert refund.invoke({"order": "A", "amount": "7"}) == "A: 7.0"


async def test_langchain_reads_a_guarded_async_function(make_guard: MakeGuard) -> None:
    """An async tool stays one: `ainvoke` awaits it through the gate."""
    from langchain_core.tools import tool

    guard = make_guard()

    @tool
    @secure_tool(role="user", guard=guard)
    async def refund(order: str) -> str:
        """Refund an order."""
        return order

    with pytest.raises(CallDenied, match="execute_tool"):
        await refund.ainvoke({"order": "A"})
    with guard.acting_as("ana", roles=["user"]):
        assert await refund.ainvoke({"order": "A"}) == "A"


def test_pydantic_reads_a_guarded_function(make_guard: MakeGuard) -> None:
    """`validate_call` and `TypeAdapter` find the annotations, and what they validate goes through the gate."""
    guard = make_guard()

    @secure_tool(role="user", guard=guard)
    def refund(order: str, amount: float = 5.0) -> str:
        return f"{order}: {amount}"

    checked = validate_call(refund)
    with pytest.raises(CallDenied, match="execute_tool"):
        checked("A")
    with guard.acting_as("ana", roles=["user"]):
        assert checked("A", amount="7") == "A: 7.0"  # type: ignore[arg-type]  # pydantic converts it
        with pytest.raises(ValidationError, match="amount"):
            checked("A", amount="seven")  # type: ignore[arg-type]
    schema = TypeAdapter(refund).json_schema()  # type: ignore[arg-type]  # functions are no types
    assert schema["required"] == ["order"]
    assert schema["properties"]["amount"]["type"] == "number"


# One call, whatever its form


class Spy:
    """A plugin that keeps the arguments which policy saw."""

    def __init__(self) -> None:
        self.seen: list[dict[str, object]] = []

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> None:
        """Keep the arguments."""
        self.seen.append(dict(call.arguments))


@KINDS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("amount", "allowed"), [(20, False), (5.0, True)])
def test_every_form_of_a_call_is_judged_alike(
    make_guard: MakeGuard, kind: Kind, form: str, amount: float, *, allowed: bool
) -> None:
    """Positional, keyword and default forms of one call bind to the same arguments and get the same verdict."""
    spy = Spy()
    runs: Runs = []
    rule = ToolRule(arguments={"amount": ArgumentRule(max=10)})
    guard = make_guard(roles=ROLES, tools={"refund*": rule}, plugins={"spy": spy})
    tool = MAKERS[kind](functools.partial(secure_tool, guard=guard), runs)[form]
    calls: list[Callable[[], Any]] = [
        lambda: tool("A", amount),
        lambda: tool("A", amount=amount),
        lambda: tool(order="A", amount=amount),
        lambda: tool(amount=amount, order="A"),
    ]
    calls += [lambda: tool("A"), lambda: tool(order="A")] if allowed else []
    with guard.acting_as("ana", roles=["clerk"]):
        for call in calls:
            if allowed:
                assert consume(kind, call) == ["A", amount]
            else:
                with pytest.raises(CallDenied, match=r"rule tools\.refund\*\.arguments\.amount\.max"):
                    consume(kind, call)
    assert spy.seen == [{"order": "A", "amount": amount}] * len(calls)
    assert len(runs) == (len(calls) if allowed else 0)


def test_a_rule_cannot_be_dodged_through_extra_keywords(make_guard: MakeGuard) -> None:
    """An argument hidden in `**extra` is not the argument that the rule asks for, so the rule is broken."""
    guard = make_guard(roles=ROLES, tools={"refund": ToolRule(arguments={"amount": ArgumentRule(max=10)})})

    @secure_tool(guard=guard)
    def refund(order: str, **extra: object) -> object:
        return extra

    with guard.acting_as("ana", roles=["clerk"]), pytest.raises(CallDenied, match="amount"):
        refund("A", amount=1)


def test_a_name_in_the_arguments_is_never_the_tools(make_guard: MakeGuard) -> None:
    """Arguments called `tool`, `name`, `args` or `self` are arguments: the registration alone says which tool it is."""
    guard = make_guard(roles={"clerk": Role(inherits=("user",), allow=("echo",))})

    @secure_tool(guard=guard)
    def echo(tool: str, name: str, args: str, kwargs: str, self: str, body: str) -> tuple[str, ...]:
        return tool, name, args, kwargs, self, body

    @secure_tool(guard=guard)
    def drop(tool: str) -> str:
        return tool

    with guard.acting_as("ana", roles=["clerk"]):
        six = dict.fromkeys(["tool", "name", "args", "kwargs", "self", "body"], "echo")
        assert echo(**six) == ("echo",) * 6
        with pytest.raises(CallDenied, match=r"^drop:"):
            drop(tool="echo")


def test_a_method_called_without_its_object_does_not_run(make_guard: MakeGuard) -> None:
    """A method on the class, without an object, is a mistake that is named."""
    guard = make_guard(roles=ROLES)

    class Shop:
        @secure_tool(name="refund", guard=guard)
        def refund(self) -> str:
            return "ran"

    with guard.acting_as("ana", roles=["clerk"]), pytest.raises(TypeError, match="call it on its object"):
        Shop.refund()  # type: ignore[call-arg]


def test_a_tools_own_exception_comes_out_unchanged(make_guard: MakeGuard) -> None:
    """What the body raises is what the caller catches, the very same object."""
    guard, mine = make_guard(roles=ROLES), KeyError("mine")

    @secure_tool(guard=guard)
    def refund() -> None:
        raise mine

    with guard.acting_as("ana", roles=["clerk"]), pytest.raises(KeyError, match="mine") as caught:
        refund()
    assert caught.value is mine


def test_a_callable_object_and_a_partial_can_be_guarded(make_guard: MakeGuard) -> None:
    """Whatever can be called with a readable signature can be a tool."""
    guard = make_guard(roles=ROLES)

    class Refund:
        def __call__(self, order: str) -> str:
            return order

    whole = secure_tool(name="refund", guard=guard)(Refund())
    part = secure_tool(name="refund_a", guard=guard)(functools.partial(Refund(), "A"))
    with pytest.raises(CallDenied, match="execute_tool"):
        whole("A")
    with guard.acting_as("ana", roles=["clerk"]):
        assert (whole("B"), part()) == ("B", "A")


def test_the_guard_of_a_tool_is_its_own(make_guard: MakeGuard) -> None:
    """Two guards over one function decide each for itself."""
    open_guard, shut = make_guard(roles=ROLES), make_guard()

    def refund() -> str:
        return "paid"

    easy = secure_tool(guard=open_guard)(refund)
    hard = secure_tool(guard=shut)(refund)
    with open_guard.acting_as("ana", roles=["clerk"]):
        assert easy() == "paid"
        with pytest.raises(CallDenied, match="role 'clerk' that the policy does not define"):
            hard()


def test_a_guarded_function_brings_its_registration(make_guard: MakeGuard) -> None:
    """Registering a guarded function registers what the decorator asked for, with another guard too."""
    one, other = make_guard(), make_guard()

    @secure_tool(role="admin", guard=one)
    def refund() -> None: ...

    assert other.register(refund) is one.tools["refund"]
    assert other.tools["refund"].role == "admin"
    assert isinstance(one, Guard)
