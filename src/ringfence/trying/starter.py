"""A first policy with least privilege, from the tools of a module: `from_tools`. What comes from a log stands in `replay.py`.

The one idea: the file allows exactly the tools that are there, by name, and asks a person about those whose name or declaration says
that they change something; every choice has its reason beside it, for the person who goes on.
"""

from __future__ import annotations

import re
from inspect import signature
from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

from ringfence.policy.document import is_secret
from ringfence.policy.model import Permission, Tier, ValueType
from ringfence.trying.writing import comment, exact, is_writable, listed, scalar, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ringfence.tool import Tool

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
RISKY = frozenset(
    """
    add alter apply approve archive ban book buy call cancel change charge close commit configure create deactivate delete deploy disable
    drop edit email enable erase eval exec execute export forward grant import insert install invite kill kick mail make merge modify move
    order overwrite patch pay post publish purchase push put reboot refund reject release rename replace reply reset restart restore
    revoke rm run schedule sell send set share shell shutdown start stop store submit subscribe sync terminate transfer trigger truncate
    uninstall unsubscribe update upgrade upload wipe withdraw write
    """.split()  # noqa: SIM905 - words to read, not to look at in quotes
)
"""Words in a tool's name that say that it changes, sends, pays or runs something."""
_READING = frozenset(
    (
        "check",
        "count",
        "describe",
        "fetch",
        "find",
        "get",
        "list",
        "lookup",
        "query",
        "read",
        "search",
        "show",
        "view",
    )
)
"""First words of a name that say that a tool only looks, whatever it looks at."""
_POWERS = (
    Permission.FILE_WRITE,
    Permission.NETWORK_ACCESS,
    Permission.SYSTEM_MODIFY,
    Permission.ADMIN_ACCESS,
)
_SIMPLE = (str, int, bool)
_TYPES: dict[object, ValueType] = {
    str: ValueType.TEXT,
    int: ValueType.INTEGER,
    float: ValueType.NUMBER,
    bool: ValueType.BOOLEAN,
    dict: ValueType.MAPPING,
}
"""What annotations say. A list may come as a tuple, so of lists nothing is said."""
_BOUNDS = {
    ValueType.TEXT: "bound it with one_of, matches or max_length",
    ValueType.INTEGER: "bound it with min and max",
    ValueType.NUMBER: "bound it with min and max",
}
_HEAD = """\
# A first policy, from the tools of {source}. Whatever it does not allow is denied.
# Go on from here: `ringfence policy check` finds faults, `ringfence policy test` tries cases, `ringfence explain` says why.
version: 1

roles:
  agent:                            # give it to whoever calls: guard.acting_as(user="ana", roles=["agent"])
    permissions: {permissions}
"""


def risk(tool: Tool) -> str:
    """Return in a few words why a person should be asked before a tool runs; empty where nothing says so."""
    words = [word.lower() for word in _WORDS.findall(tool.name)]
    looks = bool(words) and words[0] in _READING
    verb = next((word for word in words if word in RISKY and not looks), None)
    if verb is not None:
        return f"its name says that it may {verb}"
    if tool.code:
        names = ", ".join(f"{argument} ({rule.language})" for argument, rule in tool.code)
        return f"it takes code: {names}"
    powers = [str(permission) for permission in tool.permissions if permission in _POWERS]
    if powers:
        return f"it needs {', '.join(powers)}"
    return "it runs code" if tool.tier is not Tier.INLINE else ""


def from_tools(tools: Sequence[Tool], source: str) -> str:
    """Return a policy in YAML that lets one role, `agent`, call exactly these tools.

    Arguments:
        tools: the tools.
        source: where they come from, for the comment on top.

    """
    named = [tool for tool in tools if is_writable(tool.name)]
    needed = {permission for tool in named for permission in tool.permissions} | {Permission.EXECUTE_TOOL}
    permissions = [str(each) for each in Permission if each in needed]
    lines = [_HEAD.format(source=comment(source)[2:], permissions=listed(permissions)).rstrip("\n")]
    roles = sorted({tool.role for tool in named if tool.role is not None})
    if roles:
        lines.append(f"    inherits: {listed(roles)}        # the decorators of some tools ask for it")
    lines += _pattern_list("allow", [(tool.name, "") for tool in named if not risk(tool)])
    lines += _pattern_list("ask", [(tool.name, risk(tool)) for tool in named if risk(tool)])
    lines += [f"  {comment(f'left out, for its name: {tool.name}')}" for tool in tools if tool not in named]
    lines += ["", "tools:                              # what the arguments of each must be"]
    for tool in named:
        lines += _tool(tool)
    return "\n".join(lines) + "\n"


def _pattern_list(key: str, names: Iterable[tuple[str, str]]) -> Iterator[str]:
    names = list(names)
    if names:
        yield f"    {key}:"
    for name, why in names:
        yield f"      - {word(exact(name))}" + (f"  {comment(why)}" if why else "")


def _tool(tool: Tool) -> Iterator[str]:
    said = tool.description.partition("\n")[0].strip()
    yield f"  {word(exact(tool.name))}:"
    yield f"    description: {scalar(said if said and said.isprintable() else tool.name)}"
    hints = list(_hints(tool))
    rules = [line for rule, line in hints if rule]
    if rules:
        yield "    arguments:"
        yield from (f"      {line}" for line in rules)
    yield from (f"    {comment(line)}" for rule, line in hints if not rule)


def _hints(tool: Tool) -> Iterator[tuple[bool, str]]:
    """Return for each argument a rule, or what a person could write, and whether it is a rule."""
    declared = dict(tool.code)
    for name, annotation in _annotations(tool).items():
        values = get_args(annotation) if get_origin(annotation) is Literal else ()
        kind = _TYPES.get(get_origin(annotation) or annotation)
        if name in declared:
            yield False, f"{name}: scanned as {declared[name].language} before it runs"
        elif not is_writable(name):
            yield False, f"{name}: no rule, its name cannot stand in a policy"
        elif values and all(type(value) in _SIMPLE for value in values):
            yield True, f"{word(name)}: {{one_of: {listed(values)}}}  # as its annotation says"
        elif kind is not None:
            told = (
                "as its annotation says"
                if is_secret((name,))
                else _BOUNDS.get(kind, "as its annotation says")
            )
            yield True, f"{word(name)}: {{type: {kind}}}  {comment(told)}"


def _annotations(tool: Tool) -> dict[str, object]:
    """Return the annotations of a tool's parameters but those whose default is None; none where they cannot be resolved."""
    if tool.function is None or tool.signature is None:
        return {}
    try:
        found = get_type_hints(tool.function)
    except Exception:  # noqa: BLE001 - names that only type checkers import, and whatever else an annotation does
        return {}
    parameters = signature(tool.function).parameters
    return {
        name: annotation
        for name, annotation in found.items()
        if name in tool.signature.names and parameters[name].default is not None
    }
