"""Runs cases against a policy: `run_cases` gives a `CaseResult` for each, `unreached` the rules that no case made speak."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringfence.call import Principal
from ringfence.errors import UnknownName
from ringfence.policy.match import fits
from ringfence.trying.history import made_up_session, succeed
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.explain import Explanation
    from ringfence.policy.model import Policy
    from ringfence.trying.cases import Case
    from ringfence.trying.judging import Trial


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case.

    Attributes:
        case: the case.
        found: what the policy says and why; None where it could not be asked.
        faults: what differs from what was expected, in words; empty where the case holds.
        seconds: how long it took.

    """

    case: Case
    found: Explanation | None
    faults: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the case holds."""
        return not self.faults

    @property
    def got(self) -> str:
        """The decision that came, or `error` where the policy could not be asked."""
        return "error" if self.found is None else self.found.verdict.decision.value


def run_cases(cases: Iterable[Case], trial: Trial) -> Iterator[CaseResult]:
    """Yield what becomes of each case under a policy. Each has a session of its own.

    Arguments:
        cases: the cases.
        trial: the policy.

    """
    for case in cases:
        start = time.perf_counter()
        try:
            found = _asked(case, trial)
            faults = tuple(_faults(case, found))
        except UnknownName as error:
            found, faults = None, (str(error),)
        yield CaseResult(case, found, faults, time.perf_counter() - start)


def _asked(case: Case, trial: Trial) -> Explanation:
    caller = case.caller
    roles = trial.roles_of(caller.user) if caller.roles is None else caller.roles
    session = made_up_session(Principal(caller.user, roles, caller.address))
    at = time.time() if case.at is None else case.at
    for earlier in case.after:
        succeed(session, earlier.tool, at)
    return trial.explain(case.call.tool, case.call.arguments, session, at)


def _faults(case: Case, found: Explanation) -> Iterator[str]:
    verdict = found.verdict
    if verdict.decision is not case.expect:
        yield f"expected {case.expect}, got {verdict.decision}"
    if case.rule and not fits(verdict.rule, case.rule):
        yield f"expected the rule {case.rule}, got {verdict.rule or 'none'}"
    if case.reason is not None and (verdict.decision is Decision.ALLOW or verdict.reason is not case.reason):
        got = "none" if verdict.decision is Decision.ALLOW else verdict.reason
        yield f"expected the reason {case.reason}, got {got}"


def rule_ids(policy: Policy) -> list[str]:
    """Return the ids of the rules that a policy file holds, in its order, as verdicts name them."""
    found: dict[str, None] = {}
    for name, role in policy.roles.items():
        for kind in ("deny", "ask", "allow"):
            if getattr(role, kind):
                found[f"roles.{name}.{kind}"] = None
    found |= dict.fromkeys(f"rules.{name}" for name in policy.rules)
    for name, rule in policy.tools.items():
        for kind in ("role", "permissions", "ask"):
            if getattr(rule, kind):
                found[f"tools.{name}.{kind}"] = None
        for argument, tests in rule.arguments.items():
            for kind in vars(tests):
                if getattr(tests, kind) is not None:
                    found[f"tools.{name}.arguments.{argument}.{kind}"] = None
    return list(found)


def unreached(policy: Policy, results: Iterable[CaseResult]) -> list[str]:
    """Return the rules of a policy that no case made speak. What the scanner and plugins say is not among them."""
    spoke = {said.rule for result in results if result.found is not None for said in result.found.statements}
    return [rule for rule in rule_ids(policy) if rule not in spoke]
