"""Two policies side by side: which of some calls they decide differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringfence.trying.change import Change, change
from ringfence.trying.history import Sessions, made_up_session, succeed
from ringfence.trying.judging import Asked
from ringfence.trying.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.session import Session
    from ringfence.trying.cases import Case
    from ringfence.trying.judging import Trial
    from ringfence.trying.recorded import RecordedEnd
    from ringfence.trying.samples import Sample
    from ringfence.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Question:
    """A call that two policies are asked about, at its place in a session.

    Attributes:
        asked: the call.
        history: the tools that ran, and were refused, in the session before it.
        name: what it is called in reports: a case's name, or a recorded call's id; empty for a made-up one.

    """

    asked: Asked
    history: Session
    name: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One call under two policies.

    Attributes:
        question: the call.
        old: what the old policy says; None where that is not known.
        new: what the new policy says; None where that is not known.

    """

    question: Question
    old: Verdict | None
    new: Verdict | None

    @property
    def change(self) -> Change:
        """How the new policy differs from the old one here."""
        if self.old is None:
            return Change.UNKNOWN
        return change(self.old.decision, None if self.new is None else self.new.decision)


def differences(old: Trial, new: Trial, questions: Iterable[Question]) -> Iterator[Difference]:
    """Yield what two policies say about each call, whether or not they differ.

    Arguments:
        old: the one policy.
        new: the other policy.
        questions: the calls.

    """
    for question in questions:
        asked, history = question.asked, question.history
        yield Difference(question, old.decide(asked, history), new.decide(asked, history))


def from_samples(calls: Iterable[Sample]) -> Iterator[Question]:
    """Yield made-up calls, each after the one that its sample names."""
    for sample in calls:
        session = made_up_session(sample.asked.principal)
        if sample.after:
            succeed(session, sample.after, sample.asked.at)
        yield Question(sample.asked, session)


def from_record(records: Iterable[Recorded | RecordedEnd]) -> Iterator[Question]:
    """Yield recorded calls, each at its place in its session. Use one before taking the next: the session goes on."""
    sessions = Sessions()
    for record in records:
        if isinstance(record, Recorded):
            yield Question(record.asked, sessions.of(record), record.call)
        sessions.note(record)


def from_cases(cases: Iterable[Case], trial: Trial, at: float) -> Iterator[Question]:
    """Yield the calls of cases, each after its earlier ones.

    Arguments:
        cases: the cases.
        trial: the policy whose `users` tells the roles of a caller without any.
        at: the time of a case without one, in seconds since the epoch.

    Raises:
        UnknownName: the policy does not name a user of whom a case gives no roles.

    """
    from ringfence.call import Principal  # noqa: PLC0415 - only here

    for case in cases:
        caller = case.caller
        roles = trial.roles_of(caller.user) if caller.roles is None else caller.roles
        principal = Principal(caller.user, roles, caller.address)
        session = made_up_session(principal)
        moment = at if case.at is None else case.at
        for earlier in case.after:
            succeed(session, earlier.tool, moment)
        yield Question(Asked(case.call.tool, case.call.arguments, principal, moment), session, case.name)
