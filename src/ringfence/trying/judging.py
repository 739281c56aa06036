"""One policy that is asked about calls which nobody makes: `Trial`.

It is a guard over the policy, plugins included, with a clock that is set for each call and sessions whose history is given. It is never
asked to run or admit anything. The one idea: the guard judges, not this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from ringfence.call import ToolCall
from ringfence.clock import Clock
from ringfence.errors import UnknownName
from ringfence.guard import Guard
from ringfence.policy.compile import compile_policy
from ringfence.policy.model import Approvals, Audit, Mode, StoreKind
from ringfence.session import acting_in
from ringfence.tool import Tool
from ringfence.trying.masking import RecordedArguments, ValueMasked
from ringfence.verdict import Decision, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ringfence.call import Principal
    from ringfence.explain import Explanation
    from ringfence.policy.model import Policy
    from ringfence.session import Session

_NOTHING_MASKED: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that a policy is asked about, with its arguments as the tool would get them.

    Arguments:
        tool: the tool's name.
        arguments: by name.
        principal: who calls.
        at: when, in seconds since the epoch.
        masked: names of arguments whose values are not known; None: not even the names are.

    """

    tool: str
    arguments: Mapping[str, object]
    principal: Principal
    at: float
    masked: frozenset[str] | None = _NOTHING_MASKED


class Trial:
    """A policy that is asked, and never in the way.

    Arguments:
        policy: the policy. What it says counts, whether or not its mode is `observe`.
        folder: where its relative paths start; None: the current folder.
        tools: registered tools, with what their decorators ask for. Any other name is judged as a tool without requirements.
        plugins: as for `Guard`.

    Raises:
        PolicyError: the policy is unsound.
        PluginError: a plugin that it names cannot take part.
        ToolExists: two of the tools have one name.

    Attributes:
        policy: the policy, ready to decide.

    """

    def __init__(
        self,
        policy: Policy,
        folder: str | Path | None = None,
        *,
        tools: Iterable[Tool] = (),
        plugins: Mapping[str, object] | None = None,
    ) -> None:
        self._now = 0.0
        # Both clocks are one, so that no setting of it is a jump.
        clock = Clock(lambda: self._now, lambda: self._now)
        asked = replace(policy, mode=Mode.ENFORCE, audit=Audit(store=StoreKind.MEMORY), approvals=Approvals())
        self._guard = Guard(asked, plugins=plugins, folder=folder, clock=clock)
        for tool in tools:
            self._guard.register(tool)
        self._strangers: dict[str, Tool] = {}
        self.policy = compile_policy(policy, folder)

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The registered tools by name."""
        return self._guard.tools

    def tool(self, name: str) -> Tool:
        """Return the registered tool of this name, or one without requirements."""
        known = self.tools.get(name)
        if known is None and (known := self._strangers.get(name)) is None:
            known = self._strangers[name] = Tool(name)
        return known

    def roles_of(self, user: str) -> tuple[str, ...]:
        """Return the roles that the policy gives a user.

        Raises:
            UnknownName: it does not name the user.

        """
        users = self.policy.policy.users
        if user not in users:
            raise UnknownName("user", user, users)
        return users[user].roles

    def explain(self, tool: str, arguments: Mapping[str, object], session: Session, at: float) -> Explanation:
        """Return every rule that speaks about a call, with its arguments bound to the tool's signature as when it is made.

        Arguments:
            tool: the tool's name.
            arguments: by name, as the caller gives them.
            session: who calls, and what the session has done so far.
            at: when, in seconds since the epoch.

        """
        self._now = at
        with acting_in(session):
            return self._guard.explain(self.tool(tool), arguments)

    def decide(self, asked: Asked, session: Session) -> Verdict | None:
        """Return the verdict on a call; None where it hangs on a value that is not known.

        A denial that reads no such value stands whatever the value was: nothing overrules it but a gate that broke.
        """
        self._now = asked.at
        if asked.masked is None or asked.masked:
            return self._decide_masked(asked, session)
        return combine(self._guard.judge(self._call(asked, session, asked.arguments), session)[0])

    def _decide_masked(self, asked: Asked, session: Session) -> Verdict | None:
        arguments = RecordedArguments(asked.arguments, asked.masked)
        said, failures = self._guard.judge(self._call(asked, session, arguments), session)
        if not arguments.reads:
            return combine(said)
        known = [verdict for verdict in said if not verdict.broken]
        unknown = sum(isinstance(failure.__cause__, ValueMasked) for failure in failures)
        denied = combine(known) if known else None
        # A plugin that caught the failure answered by it, so nobody knows which of the opinions is real.
        certain = unknown == arguments.reads and denied is not None and denied.decision is Decision.DENY
        return denied if certain else None

    def _call(self, asked: Asked, session: Session, arguments: Mapping[str, object]) -> ToolCall:
        return ToolCall(
            "",
            self.tool(asked.tool),
            MappingProxyType(arguments),
            asked.principal,
            session.id,
            asked.at,
        )
