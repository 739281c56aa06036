"""The peers that our benchmarks run beside us, each behind the same small shape.

A `Peer` builds a callable without arguments that makes one decision for one scenario, the same for all: user `ana` with
the role `power_user` calls the middle one of N tools with `{"order": "A-17", "amount": 20}`, where that tool's rule
demands the role and `amount <= 100`, and the other rules are about other tools. What lives here is how to call each peer
correctly and at its best; how to time it is in `measure.py`. The one idea to know: a peer is verified when it is built
(it allows that call and refuses what it can express), so that no benchmark measures one that is broken. Requests are
built ahead, as are policies: only the decision is timed, which favours the peers.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

LIMIT = 100
"""The highest `amount` that a rule allows."""

UNKNOWN_TOOL = "tool_none"
"""A tool that no rule allows."""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call as every peer is asked about it."""

    tool: str
    user: str = "ana"
    role: str = "power_user"
    amount: int = 20

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the tool call."""
        return {"order": "A-17", "amount": self.amount}


Decision = Callable[[], object]
"""Makes one decision when called; what it returns is truthy exactly when the call is allowed."""

Decider = Callable[[Call], Decision]
"""Binds a call to a peer whose rules are loaded."""

REFUSALS: dict[str, dict[str, Any]] = {
    "amount": {"amount": 500},
    "role": {"user": "bob", "role": "guest"},
    "tool": {"tool": UNKNOWN_TOOL},
}
"""What a peer must refuse: name of the demand -> how such a call differs from the one that is allowed."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer by name: how it is loaded with rules, and which demands of the scenario it can express."""

    name: str
    distribution: str | None
    prepare: Callable[[int], Decider]
    refuses: tuple[str, ...] = ("amount", "role", "tool")

    @property
    def version(self) -> str | None:
        """The installed version, or None where the peer is not installed."""
        if self.distribution is None:
            return sqlite3.sqlite_version
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

    def build(self, rules: int) -> Decision:
        """Load `rules` rules, verify them, and return the decision to be timed, which ends in ALLOW.

        Raises ImportError where the peer is not installed, and RuntimeError where it decides wrongly.
        """
        decide = self.prepare(rules)
        allowed = Call(tools(rules)[rules // 2])
        self._verify(decide(allowed), "the scenario's call", expected=True)
        for demand in self.refuses:
            refused = replace(allowed, **REFUSALS[demand])
            self._verify(decide(refused), f"a call with another {demand} ({refused})", expected=False)
        return decide(allowed)

    def _verify(self, decision: Decision, what: str, *, expected: bool) -> None:
        if bool(decision()) is not expected:
            wanted, got = ("allow", "refused") if expected else ("refuse", "allowed")
            raise RuntimeError(
                f"peer {self.name} {self.version} should {wanted} {what} and {got} it: "
                f"its adapter in bench/peers.py does not fit this version"
            )


def tools(rules: int) -> list[str]:
    """Name the tools that the rules are about, one for each rule."""
    return [f"tool_{number:04d}" for number in range(rules)]


def build_peers(rules: int, names: Iterable[str] | None = None) -> dict[str, Decision | None]:
    """Build the named peers (all of them by default) with `rules` rules; one that is not installed is None.

    Raises KeyError for a name that is no peer's, and RuntimeError as `Peer.build` does.
    """
    return {name: _build_or_none(PEERS[name], rules) for name in (PEERS if names is None else names)}


def _build_or_none(peer: Peer, rules: int) -> Decision | None:
    try:
        return peer.build(rules)
    except ImportError:
        return None


def import_statements() -> dict[str, str]:
    """Peer's name -> the line with which its users import it, to be timed in a fresh interpreter."""
    return {
        "agt_evaluator": "from agent_os.policies import PolicyEvaluator",
        "agt_govern": "from agentmesh.governance import govern",
        "agt_stateless_kernel": "from agent_os.stateless import StatelessKernel",
        "casbin": "import casbin",
        "cedarpy": "import cedarpy",
        "pluggy": "import pluggy",
    }


def _load(module: str) -> ModuleType:
    # By name, so that types check the same with and without the peers; AGT 5.0 warns that its own packages are old.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module(module)


CASBIN_MODEL = """
[request_definition]
r = sub, obj, act, amount
[policy_definition]
p = sub, obj, act, limit
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.obj == p.obj && r.act == p.act && g(r.sub, p.sub) && r.amount <= int(p.limit)
"""
# The tool is compared first: with `g` first, as casbin's examples have it, a decision among 1000 rules takes twice as long.


def _casbin(rules: int) -> Decider:
    """RBAC with a condition on the amount; casbin keeps policy values as text, so the matcher converts the limit."""
    casbin = _load("casbin")
    return _casbin_decider(casbin.Enforcer(casbin.Enforcer.new_model(text=CASBIN_MODEL)), rules)


def _casbin_fast(rules: int) -> Decider:
    """Do the same behind casbin's index over (obj, act), which has to have two keys and is not safe between threads."""
    model = _load("casbin.model").FastModel([1, 2])
    model.load_model_from_text(CASBIN_MODEL)
    return _casbin_decider(_load("casbin").FastEnforcer(model, cache_key_order=[1, 2]), rules)


def _casbin_decider(enforcer: Any, rules: int) -> Decider:
    enforcer.add_function("int", int)
    enforcer.add_policies([["power_user", tool, "call", str(LIMIT)] for tool in tools(rules)])
    enforcer.add_role_for_user("ana", "power_user")
    return lambda call: lambda: enforcer.enforce(call.user, call.tool, "call", call.amount)


def _cedarpy(rules: int) -> Decider:
    """Policies and entities as parsed handles, and entity ids as dictionaries, which skips their parser.

    The role is tested under `when`, after the tool: in the scope a decision among 1000 rules takes a third longer.
    """
    cedarpy = _load("cedarpy")
    policies = cedarpy.PolicySet.from_str("\n".join(_cedar_policy(tool) for tool in tools(rules)))
    power_user = {"type": "Role", "id": "power_user"}
    entities = cedarpy.Entities.from_json_str(
        json.dumps(
            [
                {"uid": {"type": "User", "id": "ana"}, "attrs": {}, "parents": [power_user]},
                {"uid": power_user, "attrs": {}, "parents": []},
            ]
        )
    )

    def decide(call: Call) -> Decision:
        request = _cedar_request(call)
        return lambda: cedarpy.is_authorized(request, policies, entities).allowed

    return decide


def _cedar_policy(tool: str) -> str:
    return (
        f'permit(principal, action == Action::"{tool}", resource) '
        f'when {{ principal in Role::"power_user" && context.amount <= {LIMIT} }};'
    )


def _cedar_request(call: Call) -> dict[str, Any]:
    return {
        "principal": {"type": "User", "id": call.user},
        "action": {"type": "Action", "id": call.tool},
        "resource": {"type": "Tool", "id": call.tool},
        "context": call.arguments,
    }


def _agt_evaluator(rules: int) -> Decider:
    """`PolicyEvaluator.evaluate` with one document of N rules and its default, deny.

    A rule has one condition on one field, no conjunction. So that one rule still says role, tool and amount, the caller
    names the field after all three; the context also says who calls what, since AGT copies it into its audit entry.
    """
    agt = _load("agent_os.policies")
    document = agt.PolicyDocument(name="bench", rules=[_agt_rule(agt, tool) for tool in tools(rules)])
    evaluator = agt.PolicyEvaluator([document])

    def decide(call: Call) -> Decision:
        context = {"agent_id": call.user, "role": call.role, "tool_name": call.tool, **call.arguments}
        context[f"{call.role}/{call.tool}/amount"] = call.amount
        return lambda: evaluator.evaluate(context).allowed

    return decide


def _agt_rule(agt: ModuleType, tool: str) -> Any:
    condition = agt.PolicyCondition(field=f"power_user/{tool}/amount", operator="lte", value=LIMIT)
    return agt.PolicyRule(name=tool, condition=condition, action="allow")


def _agt_govern(rules: int) -> Decider:
    """Wrap a function with `govern()`: policy, AGT's hash chain in memory and the function's own call.

    The engine evaluates every rule's text on each call, matched or not. The chain grows with each call and is never
    written, so long runs take memory and, with its tree's depth, time.
    """
    governance = _load("agentmesh.governance")
    rule = _load("agentmesh.governance.policy").PolicyRule
    policy = governance.Policy(
        name="bench",
        rules=[rule(name=tool, condition=_agt_expression(tool), action="allow") for tool in tools(rules)],
    )
    governed = governance.govern(_do_nothing, policy=policy, agent_id="ana", on_deny=_refused)
    return lambda call: lambda: governed(action=call.tool, role=call.role, **call.arguments)


def _agt_expression(tool: str) -> str:
    return f"action.type == '{tool}' and role.value == 'power_user' and amount.value <= {LIMIT}"


def _do_nothing(**_arguments: object) -> bool:
    return True


def _refused(_decision: object) -> bool:
    return False


def _agt_stateless_kernel(rules: int) -> Decider:
    """`StatelessKernel.execute` with a policy of N blocked tools; it runs no tool and keeps no record.

    It cannot express the scenario: its policies block tools and patterns in the arguments' text, know no roles, no
    comparison and no default deny (their `constraints` are not read by anything). It is asynchronous but without stored
    state never suspends, so its coroutine is driven by hand, which spares it an event loop's 7 µs.
    """
    return _kernel_decider(_load("agent_os.stateless"), rules, _drive)


def _agt_stateless_kernel_loop(rules: int) -> Decider:
    """Run the same kernel as its users do, in an event loop of asyncio that stays open."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return _kernel_decider(_load("agent_os.stateless"), rules, loop.run_until_complete)


def _kernel_decider(stateless: ModuleType, rules: int, drive: Callable[[Any], Any]) -> Decider:
    ours = tools(rules)[rules // 2]
    blocked = [tool for tool in [*tools(rules), UNKNOWN_TOOL] if tool != ours]
    kernel = stateless.StatelessKernel(policies={"power_user": {"blocked_actions": blocked}})

    def decide(call: Call) -> Decision:
        context = stateless.ExecutionContext(agent_id=call.user, policies=[call.role])
        arguments = call.arguments
        return lambda: drive(kernel.execute(call.tool, arguments, context)).success

    return decide


def _drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError("a peer's coroutine waited for something: it has to be run in an event loop")


def _structured_tool(_rules: int) -> Decider:
    """LangChain's bare `StructuredTool.invoke` of a function that does nothing: no rule, it is what a guard adds to."""

    def pay(order: str, amount: int) -> str:
        """Pay an order."""
        return f"{order}: {amount}"

    tool = _load("langchain_core.tools").StructuredTool.from_function(pay)

    def decide(call: Call) -> Decision:
        arguments = call.arguments
        return lambda: tool.invoke(arguments)

    return decide


def _sqlite_autocommit(_rules: int) -> Decider:
    """One INSERT of a record of 400 bytes, committed by itself (WAL, synchronous=NORMAL): no rule, the plainest log."""
    folder = Path(tempfile.mkdtemp(prefix="ringfence-bench-"))
    database = sqlite3.connect(folder / "audit.db", isolation_level=None)
    atexit.register(_discard, database, folder)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE audit (id INTEGER PRIMARY KEY, record TEXT NOT NULL)")

    def decide(call: Call) -> Decision:
        row = (json.dumps({"user": call.user, "tool": call.tool, **call.arguments}).ljust(400),)
        return lambda: database.execute("INSERT INTO audit (record) VALUES (?)", row)

    return decide


def _discard(database: sqlite3.Connection, folder: Path) -> None:
    database.close()
    shutil.rmtree(folder, ignore_errors=True)


AGT = "agent-governance-toolkit-core"

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("casbin", "pycasbin", _casbin),
        Peer("casbin_fast", "pycasbin", _casbin_fast),
        Peer("cedarpy", "cedarpy", _cedarpy),
        Peer("agt_evaluator", AGT, _agt_evaluator),
        Peer("agt_govern", AGT, _agt_govern),
        Peer("agt_stateless_kernel", AGT, _agt_stateless_kernel, refuses=("tool",)),
        Peer("agt_stateless_kernel_loop", AGT, _agt_stateless_kernel_loop, refuses=("tool",)),
        Peer("structured_tool", "langchain-core", _structured_tool, refuses=()),
        Peer("sqlite_autocommit", None, _sqlite_autocommit, refuses=()),
    )
}
"""Every peer by its name, the key under which benchmarks report it."""
