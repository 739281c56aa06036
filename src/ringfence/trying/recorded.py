"""Calls as a log has them: `recorded_calls` turns intents and refusals into `Recorded`, in the log's order.

The one idea: what the policy of that time said is told from all opinions in the record, so an approval, a full queue or a missing
tier, which came after it, are not taken for the policy's word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringfence.audit.query import Filter, field, select
from ringfence.call import Principal
from ringfence.policy.code import CHECK as CODE
from ringfence.session import IDENTITY
from ringfence.trying.judging import Asked
from ringfence.trying.masking import masked_names
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.audit.store import Source

_ORDER = (Decision.ALLOW, Decision.ASK, Decision.DENY)
_UNASKED = ("signature", "unknown-tool", "clock-failed")
"""Rules of refusals before any policy was asked."""
_SILENT = ("nobody-spoke", "execute-tool", "unknown-role")
"""Rules of denials that no rule of a policy asked for: it had just not been written yet."""
_PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call as the log has it.

    Attributes:
        seq: the number of its record.
        call: its id.
        session: the id of its session.
        asked: tool, arguments, caller, time.
        decision: what the policy of that time said.
        rule: by which rule.
        rules: all rules that spoke.
        ran: whether the tool ran, or a person let it.
        observed: whether it ran only because the policy was in observe mode.
        scanned: whether what the scanner found in an argument with code spoke against it.
        judged: whether a policy was asked at all; not where the arguments did not fit or the tool was unknown.

    """

    seq: int
    call: str
    session: str
    asked: Asked
    decision: Decision
    rule: str
    rules: tuple[str, ...]
    ran: bool
    observed: bool
    scanned: bool
    judged: bool

    @property
    def decorated(self) -> bool:
        """Whether a requirement of the tool's decorator spoke, which no policy file tells."""
        return any(rule.startswith("@") for rule in self.rules)

    @property
    def wanted(self) -> bool:
        """Whether it ran and no rule was against it: it was allowed, approved, or only not yet written down."""
        return self.ran and (self.decision is not Decision.DENY or self.rule in _SILENT)


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """What became of a call that began, as far as a session's history tells.

    Attributes:
        call: its id.
        session: the id of its session.
        tool: the tool's name.
        executed: whether it ran; a call can be given up before.
        succeeded: whether it gave a value.

    """

    call: str
    session: str
    tool: str
    executed: bool
    succeeded: bool


def recorded_calls(
    source: Source, progress: Callable[[int], None] | None = None
) -> Iterator[Recorded | RecordedEnd]:
    """Yield the calls of a log, and their ends, in order. Records that are no sound intent, refusal or outcome are passed over.

    Arguments:
        source: the log, which is not verified here.
        progress: called with the number of records read so far, now and then.

    Raises:
        RecordError: the log cannot be read any further.

    """
    for count, record in enumerate(select(source, Filter()), 1):
        if progress is not None and count % _PROGRESS_EVERY == 0:
            progress(count)
        if record.get("kind") in ("intent", "refusal") and (found := _recorded(record)) is not None:
            yield found
        elif record.get("kind") == "outcome":
            yield _ended(record)


def _ended(record: dict[str, Any]) -> RecordedEnd:
    call, session, tool = (str(record.get(name, "")) for name in ("call", "session", "tool"))
    return RecordedEnd(call, session, tool, record.get("executed") is True, record.get("success") is True)


def _recorded(record: dict[str, Any]) -> Recorded | None:
    arguments, at, tool = record.get("arguments"), record.get("at"), record.get("tool")
    verdict = record.get("verdict")
    if not (type(arguments) is dict and type(tool) is str and type(verdict) is dict):
        return None
    if type(at) not in (int, float):
        return None
    listed, seq = record.get("verdicts"), record.get("seq")
    opinions = [each for each in (listed if type(listed) is list else [verdict]) if type(each) is dict]
    # Whether a session still stood, and what had been delegated to it, is no policy's word.
    said = [each for each in opinions if each.get("check") != IDENTITY] or opinions
    strictest = max(said, key=lambda each: _ORDER.index(_decision(each)), default=verdict)
    asked = Asked(tool, arguments, principal_of(record), float(at), masked_names(arguments))  # type: ignore[arg-type]
    rules = tuple(str(each.get("rule", "")) for each in said)
    return Recorded(
        seq=seq if type(seq) is int else 0,
        call=str(record.get("call", "")),
        session=str(record.get("session", "")),
        asked=asked,
        decision=_decision(strictest),
        rule=str(strictest.get("rule", "")),
        rules=rules,
        ran=record["kind"] == "intent",
        observed=record.get("observed") is True,
        scanned=any(each.get("check") == CODE and _decision(each) is not Decision.ALLOW for each in said),
        judged=not any(rule in _UNASKED for rule in rules),
    )


def _decision(verdict: dict[str, Any]) -> Decision:
    found = verdict.get("decision")
    return Decision(found) if found in _ORDER else Decision.DENY


def principal_of(record: dict[str, Any]) -> Principal:
    """Return the caller of a record; nobody where it names none."""
    roles = field(record, "caller", "roles")
    return Principal(
        str(field(record, "caller", "user") or ""),
        tuple(map(str, roles)) if type(roles) is list else (),
        str(field(record, "caller", "address") or ""),
    )
