"""What one record looks like: a JSON object with sorted keys, compact, in UTF-8, written by hand because speed counts here.

Who commits it, and when, is not known here. The one idea: the guard's thread only gathers frozen objects in an `Entry`; the
text is made when the group is committed, and what repeats from call to call (caller, verdict) is written once.
"""

from __future__ import annotations

import json
from functools import lru_cache
from json.encoder import encode_basestring
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ringfence.audit.chain import FORMAT, Chain, Link, Tip
from ringfence.audit.redact import type_name, well_formed
from ringfence.call import NO_OUTPUT, Outcome
from ringfence.policy.model import Tier
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ringfence.audit.redact import Redactor
    from ringfence.call import Output, Principal, ToolCall, Usage
    from ringfence.events import SecurityEvent
    from ringfence.verdict import Verdict

Entry = tuple[Any, ...]
"""What waits to be committed: the name of a method of `Encoder`, then its arguments."""

KINDS = ("intent", "refusal", "outcome", "event")
_NAME_CHARACTERS = 200
_MOST_CACHED = 512
_SIZED = frozenset((str, bytes, bytearray, list, tuple, dict, set, frozenset))
_USAGE = (
    "cpu_system_seconds", "cpu_user_seconds", "peak_memory_bytes", "processes", "read_bytes", "wall_seconds", "written_bytes",
)  # fmt: skip
_used = attrgetter(*_USAGE)
_FIELDS = Outcome._fields
_EXECUTED, _REASON, _USAGE_AT = (_FIELDS.index(name) for name in ("executed", "reason", "usage"))
_PLAIN_MIDDLE = (None, "", None, False, Tier.INLINE, ())
"""The fields from `reason` to `layers` of an inline call that returned a value."""
_ONLY_WALL = (None,) * (len(_USAGE) - 1)


class Ended(NamedTuple):
    """What the record keeps of an `Outcome`: all but the value, which may be large, secret or changed later."""

    executed: bool
    reason: str | None
    detail: str
    error: str
    observed: bool
    tier: str
    layers: tuple[str, ...]
    usage: Usage | None
    result: str
    size: int | None
    output: Output
    verdict: Verdict


def ended(outcome: Outcome) -> Ended:
    """Take from an outcome what the record keeps."""
    value = outcome.value
    error = outcome.error
    return Ended(
        outcome.executed,
        outcome.reason,
        outcome.detail,
        "" if error is None else type_name(error),
        outcome.observed,
        outcome.tier,
        outcome.layers,
        outcome.usage,
        type_name(value) if outcome.executed and outcome.reason is None else "",
        len(cast("str", value)) if type(value) in _SIZED else None,
        outcome.output,
        outcome.verdict,
    )


def _is_plain(outcome: Outcome) -> bool:
    """Return whether an outcome holds a value, a time and nothing else that is recorded."""
    return (
        outcome[_EXECUTED] is True
        and outcome[_REASON:_USAGE_AT] == _PLAIN_MIDDLE
        and outcome.usage is not None
        and outcome.usage[1:] == _ONLY_WALL
        and outcome.output is NO_OUTPUT
        and outcome.verdict.decision is Decision.ALLOW
    )


def parse(record: bytes) -> dict[str, Any]:
    """Return the fields of a record.

    Raises:
        ValueError: it is no JSON object.

    """
    try:
        fields = json.loads(record)
    except RecursionError as error:
        msg = "nested too deeply"
        raise ValueError(msg) from error
    if type(fields) is not dict:
        msg = "not an object"
        raise ValueError(msg)
    return fields


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Return the one way to write these fields. A lone surrogate is written as its JSON escape.

    Raises:
        ValueError: they hold a number that JSON has not.

    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _string(value: object) -> str:
    if not issubclass(type(value), str):
        return encode_basestring(f"<{type_name(value)}>")
    text = cast("str", value)
    return encode_basestring(
        text if len(text) <= _NAME_CHARACTERS else f"{text[:_NAME_CHARACTERS]}…<{len(text)} characters>"
    )


def _often(value: object) -> str:
    """Write a text that stands in many records: the policy's version, a session, a tool's name, a type."""
    return _remembered(value) if type(value) is str else _string(value)


_remembered = lru_cache(maxsize=1024)(_string)


def _strings(values: Iterable[object]) -> str:
    return f"[{','.join([_string(value) for value in values])}]"


def _number(value: object) -> str:
    if type(value) is float:
        return float.__repr__(value) if isfinite(value) else "null"
    return int.__repr__(value) if type(value) is int else "null"


def _optional(key: str, written: str) -> str:
    return f'"{key}":{written},'


class Encoder:
    """Writes entries as chained records.

    Arguments:
        chain: what signs them.
        redactor: what masks arguments and texts.

    """

    def __init__(self, chain: Chain, redactor: Redactor) -> None:
        self._chain = chain
        self._redactor = redactor
        self._callers: dict[int, tuple[Principal, str]] = {}
        self._verdicts: dict[int, tuple[Verdict, str]] = {}
        self._short_verdicts: dict[int, tuple[Verdict, str]] = {}

    def links(self, tip: Tip, entries: Sequence[Entry]) -> list[Link]:
        """Return the entries as links that continue from a tip."""
        _, seq, mac = tip
        log = f'"log":{encode_basestring(tip.log)}'
        links = []
        for entry in entries:
            seq += 1
            text = self._written(log, seq, entry)
            try:
                data = text.encode()
            except UnicodeEncodeError:  # lone surrogates
                data = well_formed(text).encode("utf-8", "backslashreplace")
                text = data.decode()
            mac = self._chain.mac(mac + data)
            links.append(Link(seq, text, mac))
        return links

    def _written(self, log: str, seq: int, entry: Entry) -> str:
        """Return an entry as a record, or a record that says it could not be written: one that raised would hold up all others."""
        try:
            text: str = getattr(self, entry[0])(log, seq, *entry[1:])
        except Exception as error:  # noqa: BLE001 - a plugin's values may do anything
            call = _string(getattr(entry[1], "id", ""))
            kind, name = _string(entry[0]), _string(type_name(error))
            return f'{{"call":{call},"error":{name},"format":{FORMAT},"kind":{kind},{log},"seq":{seq},"unwritable":true}}'
        return text

    def intent(
        self,
        log: str,
        seq: int,
        call: ToolCall,
        arguments: str | None,
        verdict: Verdict,
        verdicts: Sequence[Verdict],
        policy: str,
        observed: bool,  # noqa: FBT001 - an entry is a plain tuple
    ) -> str:
        """Write that a call is about to run."""
        flag = '"observed":true,' if observed else ""
        return (
            f'{{{self._asked(call, arguments)},"format":{FORMAT},"kind":"intent",{log},{flag}"policy":{_often(policy)},'
            f'"seq":{seq},"session":{_often(call.session)},"tool":{_often(call.tool.name)},{self._judged(verdict, verdicts)}}}'
        )

    def refusal(
        self,
        log: str,
        seq: int,
        call: ToolCall,
        arguments: str | None,
        verdict: Verdict,
        verdicts: Sequence[Verdict],
        policy: str,
        end: Ended,
    ) -> str:
        """Write that a call did not run."""
        detail = _optional("detail", self._redactor.sentence(end.detail)) if end.detail else ""
        error = _optional("error", _string(end.error)) if end.error else ""
        reason = _optional("reason", _string(end.reason)) if end.reason is not None else ""
        return (
            f'{{{self._asked(call, arguments)},{detail}{error}"format":{FORMAT},"kind":"refusal",{log},"policy":{_often(policy)},'
            f'{reason}"seq":{seq},"session":{_often(call.session)},"tool":{_often(call.tool.name)},'
            f"{self._judged(verdict, verdicts)}}}"
        )

    def outcome(
        self, log: str, seq: int, call: ToolCall, at: float, policy: str, what: Outcome | Ended
    ) -> str:
        """Write what became of a call that ran."""
        if type(what) is not Ended and _is_plain(cast("Outcome", what)):
            return self._plain_outcome(log, seq, call, at, policy, cast("Outcome", what))
        end = what if type(what) is Ended else ended(cast("Outcome", what))
        return (
            f'{{"at":{_number(at)},"call":{_string(call.id)},"caller":{self._caller(call.principal)},{self._failure(end)}'
            f'"executed":{"true" if end.executed else "false"},{_optional("files", _strings(end.output.files)) if end.output.files else ""}'
            f'"format":{FORMAT},"kind":"outcome",{_optional("layers", _strings(end.layers)) if end.layers else ""}{log},'
            f'{_optional("observed", "true") if end.observed else ""}"policy":{_often(policy)},{self._result(end)}"seq":{seq},'
            f'"session":{_often(call.session)},{self._printed(end)}"success":{"true" if end.reason is None else "false"},'
            f'{_optional("tier", _often(end.tier)) if end.tier else ""}"tool":{_often(call.tool.name)}'
            f"{self._usage(end.usage)}{self._overruled(end)}}}"
        )

    def _plain_outcome(
        self, log: str, seq: int, call: ToolCall, at: float, policy: str, outcome: Outcome
    ) -> str:
        """Write what nearly every call becomes, a value and a time, in one step; `outcome` would write the same text."""
        value = outcome.value
        size = f'"size":{len(cast("str", value))},' if type(value) in _SIZED else ""
        seconds = cast("Usage", outcome.usage).wall_seconds
        return (
            f'{{"at":{_number(at)},"call":{_string(call.id)},"caller":{self._caller(call.principal)},"executed":true,'
            f'"format":{FORMAT},"kind":"outcome",{log},"policy":{_often(policy)},"result":{{{size}"type":{_often(type_name(value))}}},'
            f'"seq":{seq},"session":{_often(call.session)},"success":true,"tier":"inline","tool":{_often(call.tool.name)},'
            f'"usage":{{"wall_seconds":{_number(seconds)}}}}}'
        )

    def event(self, log: str, seq: int, event: SecurityEvent, facts: str) -> str:
        """Write that something worth knowing happened."""
        caller = f'{{"address":{_string(event.address)},"user":{_string(event.user)}}}'
        return (
            f'{{"actions":{_strings(event.actions)},"at":{_number(event.at)},"blocked":{"true" if event.blocked else "false"},'
            f'"call":{_string(event.call_id)},"caller":{caller},"description":{self._redactor.sentence(event.description)},'
            f'"detector":{_string(event.detector)},"event":{_string(event.kind)},"facts":{facts},"format":{FORMAT},'
            f'"id":{_string(event.id)},"kind":"event","level":{_string(str(event.level))},{log},"seq":{seq},'
            f'"session":{_string(event.session)},"tool":{_string(event.tool)}}}'
        )

    def _asked(self, call: ToolCall, arguments: str | None) -> str:
        written = self._redactor.write(dict(call.arguments)) if arguments is None else arguments
        return (
            f'"arguments":{written},"at":{_number(call.at)},"call":{_string(call.id)},'
            f'"caller":{self._caller(call.principal)}'
        )

    def _judged(self, verdict: Verdict, verdicts: Sequence[Verdict]) -> str:
        written = f'"verdict":{self._verdict(verdict)}'
        if len(verdicts) == 1 and verdicts[0] is verdict:
            return written
        return f'{written},"verdicts":[{",".join([self._short_verdict(each) for each in verdicts])}]'

    def _caller(self, principal: Principal) -> str:
        found = self._callers.get(id(principal))
        if found is None or found[0] is not principal:
            roles = f',"roles":{_strings(principal.roles)}' if principal.roles else ""
            written = f'{{"address":{_string(principal.address)}{roles},"user":{_string(principal.user)}}}'
            found = _remember(self._callers, principal, written)
        return found[1]

    def _verdict(self, verdict: Verdict) -> str:
        found = self._verdicts.get(id(verdict))
        if found is None or found[0] is not verdict:
            found = _remember(self._verdicts, verdict, self._write_verdict(verdict))
        return found[1]

    def _short_verdict(self, verdict: Verdict) -> str:
        found = self._short_verdicts.get(id(verdict))
        if found is None or found[0] is not verdict:
            decision = _string(verdict.decision)
            written = (
                f'{{"check":{_string(verdict.check)},"decision":{decision},"rule":{_string(verdict.rule)}}}'
            )
            found = _remember(self._short_verdicts, verdict, written)
        return found[1]

    def _write_verdict(self, verdict: Verdict) -> str:
        allowed = verdict.decision is Decision.ALLOW
        return (
            f'{{"check":{_string(verdict.check)},"decision":{_string(verdict.decision)},'
            f"{_optional('hint', self._redactor.sentence(verdict.hint)) if verdict.hint else ''}"
            f'"message":{self._redactor.sentence(verdict.message)},'
            f"{'' if allowed else _optional('reason', _string(verdict.reason))}"
            f'{_optional("retry", "true") if verdict.retry else ""}"rule":{_string(verdict.rule)}}}'
        )

    def _failure(self, end: Ended) -> str:
        if end.reason is None and not end.error:
            return ""
        error = _optional("error", _string(end.error)) if end.error else ""
        return f"{_optional('detail', self._redactor.sentence(end.detail))}{error}"

    @staticmethod
    def _result(end: Ended) -> str:
        reason = _optional("reason", _string(end.reason)) if end.reason is not None else ""
        result = ""
        if end.result:
            size = f'"size":{end.size},' if end.size is not None else ""
            result = f'"result":{{{size}"type":{_often(end.result)}}},'
        code = "" if end.output.return_code is None else f'"return_code":{_number(end.output.return_code)},'
        return f"{reason}{result}{code}"

    @staticmethod
    def _printed(end: Ended) -> str:
        stdout, stderr = end.output.stdout, end.output.stderr
        if not (stdout or stderr):
            return ""
        return f'"stderr_characters":{len(stderr)},"stdout_characters":{len(stdout)},'

    @staticmethod
    def _usage(usage: Usage | None) -> str:
        if usage is None:
            return ""
        if usage[1:] == _ONLY_WALL:
            return f',"usage":{{"wall_seconds":{_number(usage.wall_seconds)}}}'
        values = zip(_USAGE, _used(usage), strict=True)
        used = [f'"{name}":{_number(value)}' for name, value in values if value is not None]
        return f',"usage":{{{",".join(used)}}}'

    def _overruled(self, end: Ended) -> str:
        return "" if end.verdict.decision is Decision.ALLOW else f',"verdict":{self._verdict(end.verdict)}'


def _remember(cache: dict[int, tuple[Any, str]], value: object, written: str) -> tuple[Any, str]:
    if len(cache) >= _MOST_CACHED:
        cache.clear()
    found = cache[id(value)] = (value, written)  # the value is kept, so its id cannot be given to another one
    return found
