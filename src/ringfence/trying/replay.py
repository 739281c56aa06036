"""A first policy from a log: `from_log` allows exactly what was observed, and nothing that was denied.

The one idea: rights are given to roles as callers had them, and where several roles of a caller would do, to the one that gives the
fewest other callers something that they never did.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

from ringfence.audit.query import Filter, field, select
from ringfence.policy.model import BUILT_IN_ROLES
from ringfence.trying.observed import is_list, observe
from ringfence.trying.recorded import principal_of, recorded_calls
from ringfence.trying.writing import comment, exact, is_writable, listed, scalar, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.audit.store import Source
    from ringfence.trying.observed import Observation, SeenArgument, SeenTool

Roles = tuple[str, ...]
_MOST_USERS = 100
_DEFAULT_SECONDS = 30.0
_MOST_SECONDS = 7 * 86400.0
_HEAD = """\
# A first policy, from {calls:,} calls that a log holds{span}. Whatever it does not allow is denied.
# {refused:,} calls that were denied were left out. What was seen is no more than that: look at each line before you rely on it.
# Go on from here: `ringfence policy check` finds faults, `ringfence policy simulate` replays a log against it.
version: 1
"""


def from_log(source: Source, progress: Callable[[int], None] | None = None) -> str:
    """Return a policy in YAML that allows what a log shows: tools by role, and arguments within what was seen.

    Arguments:
        source: the log, which is not verified here.
        progress: called with the number of records read so far, now and then.

    Raises:
        RecordError: the log cannot be read.

    """
    seen = observe(recorded_calls(source, progress))
    span = "" if seen.first is None or seen.last is None else f", {_day(seen.first)} to {_day(seen.last)}"
    head = _HEAD.format(calls=seen.calls, span=span, refused=seen.refused).rstrip("\n")
    lines = [head, "", *_roles(seen, _loads(source)), *_tools(seen), *_users(seen)]
    return "\n".join(lines) + "\n"


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "an unknown day"


def _loads(source: Source) -> dict[Roles, tuple[int, float]]:
    """Return for each set of roles the most calls that one user had running, and the longest run in seconds."""
    running: dict[str, set[str]] = {}
    found: dict[Roles, tuple[int, float]] = {}
    for record in select(source, Filter()):
        call, caller = str(record.get("call")), principal_of(record)
        user, roles = caller.user, caller.roles
        most, longest = found.get(roles, (1, 0.0))
        if record.get("kind") == "intent":
            running.setdefault(user, set()).add(call)
            found[roles] = max(most, len(running[user])), longest
        elif record.get("kind") == "outcome":
            running.get(user, set()).discard(call)
            seconds = field(record, "usage", "wall_seconds")
            sound = isinstance(seconds, float) and 0 <= seconds < _MOST_SECONDS
            found[roles] = most, max(longest, seconds if sound else 0.0)
    return found


def role_for(tool: str, roles: Roles, seen: Observation) -> str:
    """Return the role of a caller that is to be given a tool: the one that gives it to the fewest callers who never called it.

    Arguments:
        tool: the tool's name.
        roles: the caller's roles, at least one.
        seen: what the log shows.

    """

    def others(role: str) -> int:
        return sum(role in other and tool not in tools for other, tools in seen.granted.items())

    return min(roles, key=others)


class _Grants:
    """Which role gets which tools, and for which it is to ask or is denied."""

    def __init__(self, seen: Observation) -> None:
        self.stranger = _free_name("observed", seen)
        self.tools: dict[str, dict[str, int]] = {}
        self.ask: set[tuple[str, str]] = set()
        self.deny: dict[str, list[str]] = {}
        self.open: list[tuple[Roles, str]] = []
        for roles, tools in seen.granted.items():
            for role in roles or (self.stranger,):
                self.tools.setdefault(role, {})
            for tool, calls in tools.items():
                role = role_for(tool, roles, seen) if roles else self.stranger
                given = self.tools[role]
                given[tool] = given.get(tool, 0) + calls
                if (roles, tool) in seen.asked:
                    self.ask.add((role, tool))
        for roles, tool in seen.denied:
            self._keep_denied(roles, tool, seen)

    def _keep_denied(self, roles: Roles, tool: str, seen: Observation) -> None:
        """Forbid a tool to callers who were only ever denied it, where what others got would give it to them."""
        if not any(tool in self.tools.get(role, ()) for role in _lineage(roles)):
            return
        holders = {role for other, tools in seen.granted.items() if tool in tools for role in other}
        own = next((role for role in roles if role not in holders), None)
        if own is None:
            self.open.append((roles, tool))
        else:
            self.tools.setdefault(own, {})
            self.deny.setdefault(own, []).append(tool)


def _lineage(roles: Roles) -> list[str]:
    """Return these roles, and what built-in ones among them inherit."""
    found = list(roles)
    for role in found:
        found += BUILT_IN_ROLES[role].inherits if role in BUILT_IN_ROLES else ()
    return found


def _free_name(name: str, seen: Observation) -> str:
    taken = {role for roles in seen.granted for role in roles}
    while name in taken:
        name += "_"
    return name


def _roles(seen: Observation, loads: dict[Roles, tuple[int, float]]) -> Iterator[str]:
    grants = _Grants(seen)
    yield "roles:" if grants.tools else "roles: {}"
    for role, tools in grants.tools.items():
        if not is_writable(role):
            yield f"  {comment(f'left out, for its name: the role {role}')}"
            continue
        held = [load for roles, load in loads.items() if role in (roles or (grants.stranger,))]
        yield from _role(role, tools, grants, held)
    for roles, tool in grants.open:
        told = f"the log denies {tool} to {', '.join(roles)}, whose roles others have who may call it: it is allowed here"
        yield f"  {comment(told)}"


def _role(role: str, tools: dict[str, int], grants: _Grants, held: list[tuple[int, float]]) -> Iterator[str]:
    built_in = BUILT_IN_ROLES.get(role)
    yield f"  {word(role)}:"
    if built_in is not None:
        yield f"    inherits: {listed(built_in.inherits)}"
        yield f"    permissions: {listed(map(str, built_in.permissions))}  # as built in: take away what it does not need"
    else:
        yield f"    permissions: {listed(['execute_tool'] if tools else [])}"
    runs = max((load[0] for load in held), default=1)
    seconds = max((load[1] for load in held), default=0.0)
    if built_in is not None or runs > 1:
        most = max(runs, (built_in.concurrent_runs or 1) if built_in is not None else 1)
        yield f"    concurrent_runs: {most}  {comment(f'{runs} at once were seen')}"
    if built_in is not None or seconds > _DEFAULT_SECONDS:
        most_seconds = max(ceil(2 * seconds), ceil(built_in.seconds or 0) if built_in is not None else 0)
        yield f"    seconds: {most_seconds}  {comment(f'{seconds:.1f} were seen')}"
    for key in ("allow", "ask"):
        wanted = [tool for tool in tools if ((role, tool) in grants.ask) == (key == "ask")]
        yield from _names(key, wanted, tools)
    yield from _names("deny", grants.deny.get(role, []), {})


def _names(key: str, tools: list[str], calls: dict[str, int]) -> Iterator[str]:
    if tools:
        yield f"    {key}:"
    for tool in sorted(tools):
        if not is_writable(exact(tool)):
            yield f"      {comment(f'left out, for its name: {tool}')}"
            continue
        told = (
            f"{calls[tool]:,} calls" if tool in calls else "others may, and these callers were always denied"
        )
        yield f"      - {word(exact(tool))}  {comment(told)}"


def _tools(seen: Observation) -> Iterator[str]:
    yield ""
    ruled = [(name, list(_arguments(tool))) for name, tool in sorted(seen.tools.items())]
    ruled = [(name, lines) for name, lines in ruled if lines and is_writable(exact(name))]
    yield "tools:                              # arguments within what was seen" if ruled else "tools: {}"
    for name, lines in ruled:
        yield f"  {word(exact(name))}:"
        if any(not line.startswith("#") for line in lines):
            yield "    arguments:"
            yield from (f"      {line}" for line in lines)
        else:
            yield f"    description: {scalar('no rule for its arguments, see below')}"
            yield from (f"    {line}" for line in lines)


def _arguments(tool: SeenTool) -> Iterator[str]:
    if tool.cut:
        yield comment("the record of some calls lacks arguments, so there is no rule for any")
        return
    for name, seen in sorted(tool.arguments.items()):
        why = _no_rule(name, seen, tool)
        yield comment(f"{name}: no rule, {why}") if why else f"{word(name)}: {_rule(seen)}"


def _no_rule(name: str, seen: SeenArgument, tool: SeenTool) -> str:
    """Return why no rule comes from what was seen of an argument; empty where one does."""
    if not is_writable(name):
        return "its name cannot stand in a policy"
    if seen.hidden:
        return "the record masks or cuts some of its values"
    if seen.count < tool.calls:
        return "some calls did without it, and a rule would deny those"
    sized = seen.kinds <= {str, list, dict}
    if not (sized or seen.kinds == {bool} or seen.kinds <= {int, float}):
        return f"its values are of several kinds ({', '.join(sorted(_KINDS.get(kind, 'other') for kind in seen.kinds))})"
    return ""


_KINDS = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    list: "list",
    dict: "mapping",
    type(None): "nothing",
}


def _rule(seen: SeenArgument) -> str:
    times = f"seen {seen.count:,} times"
    if is_list(seen) and seen.values is not None:
        return (
            f"{{one_of: {listed(sorted(seen.values.values(), key=str))}}}  {comment(f'all values, {times}')}"
        )
    if seen.least is not None and seen.most is not None:
        bounds = f"{{min: {scalar(seen.least)}, max: {scalar(seen.most)}}}"
        return f"{bounds}  {comment(f'smallest and largest, {times}')}"
    kind = "type: text, " if seen.kinds == {str} else ""
    return f"{{{kind}max_length: {seen.longest}}}  {comment(f'the longest, {times}')}"


def _users(seen: Observation) -> Iterator[str]:
    named = {user: roles for user, roles in seen.users.items() if is_writable(user)}
    if not named:
        return
    yield ""
    if len(named) > _MOST_USERS:
        yield comment(f"{len(named):,} users were seen: give them their roles where they log in")
        return
    stranger = _free_name("observed", seen)
    yield "users:                              # as they called; take this section out where roles come with the log-in"
    for user, roles in sorted(named.items()):
        given = [role for role in roles or (stranger,) if is_writable(role)]
        yield f"  {word(user)}: {{roles: {listed(given)}}}"
