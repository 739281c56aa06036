"""Names of tools and arguments in a policy that nothing has: found where the tools are known, and guessed at where they are not.

The one idea: without the tools a name that stands alone may still be right, so only one that is a letter or two from another is worth a remark.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from ringfence.errors import nearest
from ringfence.policy.arguments import path_of
from ringfence.policy.lint import Remark
from ringfence.policy.match import fits, is_pattern
from ringfence.policy.walk import Found, conditions_of, heads, inside

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ringfence.policy.document import Place
    from ringfence.policy.model import Policy
    from ringfence.tool import Tool


def lint_names(policy: Policy, tools: Sequence[Tool]) -> list[Remark]:
    """Return the names in a policy that nothing has.

    Arguments:
        policy: the policy, sound.
        tools: the tools that there are; empty: they are not known.

    """
    if not tools:
        return list(_misspelt(policy))
    known = [tool.name for tool in tools]
    named = [*_named_at_home(policy), *_named_in_rules(policy), *_named_in_limits(policy)]
    found = [_no_such_tool(place, name, known) for place, name in named if not _fits_any(known, name)]
    arguments = dict.fromkeys(_unknown_arguments(policy, tools))  # a named condition may be met on many ways
    return [*found, *arguments]


def lint_plugins(policy: Policy, installed: Collection[str]) -> Iterator[Remark]:
    """Return the plugins that a policy names and that are not installed here. They are not loaded: that would run their code.

    Arguments:
        policy: the policy, sound.
        installed: the names of those that there are.

    """
    for index, name in enumerate(policy.plugins):
        if name not in installed:
            close = nearest(name, installed)
            hint = (
                f"Did you mean {close!r}?"
                if close
                else "Install it, or take it out: no guard starts without."
            )
            yield Remark(("plugins", index), "unknown", f"no plugin {name!r} is installed here", hint)


def _fits_any(names: Iterable[str], pattern: str) -> bool:
    return any(fits(name, pattern) for name in names)


def _named_at_home(policy: Policy) -> Iterator[tuple[Place, str]]:
    """Return the tools that `tools` and the roles name."""
    for name in policy.tools:
        yield ("tools", name), name
    for role, rights in policy.roles.items():
        for key in ("allow", "ask", "deny"):
            for index, name in enumerate(getattr(rights, key)):
                yield ("roles", role, key, index), name


def _named_in_limits(policy: Policy) -> Iterator[tuple[Place, str]]:
    """Return the tools that limits name."""
    for limit_name, limit in policy.limits.items():
        for index, name in enumerate(limit.tools):
            yield ("limits", limit_name, "tools", index), name


def _named_in_rules(policy: Policy) -> Iterator[tuple[Place, str]]:
    """Return the tools that rules and conditions name."""
    for rule_name, rule in policy.rules.items():
        for index, name in enumerate(rule.tools):
            yield ("rules", rule_name, "tools", index), name
    for found in conditions_of(policy):
        for key in ("after", "not_after"):
            for index, name in enumerate(getattr(found.condition, key)):
                yield (*found.place, key, index), name


def _no_such_tool(place: Place, pattern: str, known: Sequence[str]) -> Remark:
    close = nearest(pattern, known)
    what = f"no tool fits {pattern!r}" if is_pattern(pattern) else f"there is no tool {pattern!r}"
    hint = f"Did you mean {close!r}?" if close else "Correct the name, or take it out."
    return Remark(place, "unknown", what, hint)


def _misspelt(policy: Policy) -> Iterator[Remark]:
    """Return the names in rules that stand nowhere else in the policy, next to one that does."""
    home = list(dict.fromkeys(name for _, name in _named_at_home(policy)))
    plain = [name for name in home if not is_pattern(name)]
    for place, name in (*_named_in_rules(policy), *_named_in_limits(policy)):
        if is_pattern(name) or any(fits(name, pattern) for pattern in home):
            continue
        close = next((other for other in plain if _is_slip(name, other)), None)
        if close is not None:
            yield Remark(
                place, "unknown", f"nothing else in the policy names {name!r}", f"Did you mean {close!r}?"
            )


def _is_slip(name: str, meant: str) -> bool:
    """Return whether one name is another with a letter or two wrong. Names that differ in their numbers are two names."""
    if abs(len(name) - len(meant)) > 1 or [*filter(str.isdigit, name)] != [*filter(str.isdigit, meant)]:
        return False
    return (
        sorted(name) == sorted(meant) or SequenceMatcher(None, name, meant).ratio() >= 0.8  # noqa: PLR2004 - one letter in five
    )


def _unknown_arguments(policy: Policy, tools: Sequence[Tool]) -> Iterator[Remark]:
    for name, tool in policy.tools.items():
        meant = [each for each in tools if fits(each.name, name)]
        yield from _no_such_argument(("tools", name, "arguments"), tool.arguments, meant)
    for name, limit in policy.limits.items():
        if limit.budget is not None:
            meant = [each for each in tools if not limit.tools or _fits_any_pattern(each.name, limit.tools)]
            place: Place = ("limits", name, "budget")
            for remark in _no_such_argument(place, [limit.budget.argument], meant):
                yield remark._replace(place=(*place, "argument"))
    for name, rule in policy.rules.items():
        meant = [each for each in tools if not rule.tools or _fits_any_pattern(each.name, rule.tools)]
        for head, _ in heads(name, rule):
            for found in _followed(policy, head):
                yield from _no_such_argument((*found.place, "arguments"), found.condition.arguments, meant)


def _fits_any_pattern(name: str, patterns: Iterable[str]) -> bool:
    return any(fits(name, pattern) for pattern in patterns)


def _followed(policy: Policy, head: Found) -> Iterator[Found]:
    """Return a condition and all that stand in it, names followed, each name once."""
    waiting, seen = [head], set()
    while waiting:
        for found in inside(waiting.pop()):
            yield found
            name = found.condition.condition
            if name is not None and name not in seen:
                seen.add(name)
                waiting.append(Found(("conditions", name), policy.conditions[name]))


def _no_such_argument(place: Place, arguments: Iterable[str], tools: Sequence[Tool]) -> Iterator[Remark]:
    """Return the arguments that none of some tools has; one without a signature of its own may have any."""
    known: set[str] = set()
    for tool in tools:
        parameters = getattr(tool.signature, "parameters", None)  # a framework's signature has none
        if parameters is None:
            return
        known |= parameters
    for argument in arguments if tools else ():
        first = (path_of(argument) or (argument,))[0]
        if argument not in known and first not in known:
            close = nearest(first, known)
            hint = f"Did you mean {close!r}?" if close else f"They have {', '.join(sorted(known)) or 'none'}."
            what = f"none of the tools that are meant has an argument {first!r}"
            yield Remark((*place, argument), "unknown", what, hint)
