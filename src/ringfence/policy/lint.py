"""What is sound in a policy and probably not meant: rules that can never speak, that another one makes idle, that say two things, that name nothing.

Nothing here stops a policy: `sound.py` does that. The one idea: whether a rule can hold is tried with the rule's own tests on the values that it names,
so that a remark is never wrong about what the gate would do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import nearest
from ringfence.policy.arguments import Around, path_of, rule_tests
from ringfence.policy.conditions import hours_of
from ringfence.policy.match import fits, is_pattern
from ringfence.policy.model import Speech, ValueType
from ringfence.policy.rules import end_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ringfence.policy.compile import CompiledPolicy
    from ringfence.policy.document import Place
    from ringfence.policy.model import ArgumentRule, CallRule, Condition, Policy
    from ringfence.tool import Tool

_STRENGTH = {Speech.ALLOW: 0, Speech.ASK: 1, Speech.DENY: 2}
_TEXT, _NUMBER, _SIZED = (
    {ValueType.TEXT},
    {ValueType.NUMBER, ValueType.INTEGER},
    {ValueType.TEXT, ValueType.LIST, ValueType.MAPPING},
)
_KINDS = {
    "matches": _TEXT, "pattern": _TEXT, "within": _TEXT, "hosts": _TEXT, "min": _NUMBER, "max": _NUMBER, "min_length": _SIZED, "max_length": _SIZED,
}  # fmt: skip
"""Of what kind a value must be to pass a test."""


class Remark(NamedTuple):
    """One thing that is probably not meant.

    Attributes:
        place: where it stands.
        kind: `never`, `shadowed`, `contradiction`, `unknown`, `expired`, `unused` or `broad`.
        message: what it is.
        hint: what to do.

    """

    place: Place
    kind: str
    message: str
    hint: str


def lint(compiled: CompiledPolicy, now: float, tools: Sequence[Tool] = ()) -> list[Remark]:
    """Return what is probably not meant in a policy.

    Arguments:
        compiled: the policy.
        now: the time, in seconds since the epoch.
        tools: the tools that there are; empty: nothing is said about names of tools and arguments.

    """
    policy = compiled.policy
    around = Around(policy.lists, compiled.folder)
    remarks = [*_in_tools(policy, around), *_in_conditions(policy, around), *_in_rules(policy, around, now)]
    remarks += [*_between_rules(policy), *_in_roles(policy), *_unused(policy)]
    return remarks + (list(_unknown(policy, tools)) if tools else [])


# What can never hold


def _in_tools(policy: Policy, around: Around) -> Iterator[Remark]:
    for name, tool in policy.tools.items():
        for argument, rule in tool.arguments.items():
            place = ("tools", name, "arguments", argument)
            if _impossible(rule, around):
                yield Remark(
                    place,
                    "never",
                    f"no value can be all of this, so {name} can never be called",
                    "Correct it, or take one of them out.",
                )


def _impossible(rule: ArgumentRule, around: Around) -> bool:
    """Return whether no value passes a rule."""
    tests = rule_tests("", {"a": rule}, around)
    named: Sequence[object] | None = None
    if rule.equals is not None:
        named = (rule.equals,)
    elif rule.one_of is not None:
        named = rule.one_of
    elif rule.in_list is not None:
        named = around.lists[rule.in_list]
    if named is not None:
        return not any(all(test.test(value) for test in tests) for value in named)
    wanted = [kinds for key, kinds in _KINDS.items() if getattr(rule, key) is not None]
    if rule.type is not None:
        wanted.append({rule.type, ValueType.INTEGER} if rule.type is ValueType.NUMBER else {rule.type})
    return bool(wanted) and not set.intersection(*map(set, wanted))


def _in_conditions(policy: Policy, around: Around) -> Iterator[Remark]:
    for name, condition in policy.conditions.items():
        yield from _of_condition(("conditions", name), condition, around)


def _of_condition(place: Place, condition: Condition, around: Around) -> Iterator[Remark]:
    """Return why a condition, or one in it, can never hold."""
    for argument, rule in condition.arguments.items():
        if _impossible(rule, around):
            yield _never((*place, "arguments", argument), "no value can be all of this")
    if condition.hours is not None:
        start, end = hours_of("", condition.hours)
        if start == end:
            yield _never((*place, "hours"), f"{condition.hours} holds no moment")
    both = sorted(set(condition.after) & set(condition.not_after))
    if both:
        yield _never((*place, "not_after"), f"{both[0]} stands in `after` too")
    for index, inner in enumerate(condition.none):
        if inner in condition.all or _includes(condition, inner):
            yield _never((*place, "none", index), "the same must hold as well")
    for key, conditions in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
        for index, inner in enumerate(conditions):
            yield from _of_condition((*place, key, index), inner, around)


def _includes(condition: Condition, inner: Condition) -> bool:
    """Return whether a condition asks itself for all that another one asks for."""
    if (
        inner.condition is not None
        and inner.condition == condition.condition
        and replace(inner, condition=None) == type(inner)()
    ):
        return True
    return (
        bool(inner.arguments)
        and inner == type(inner)(arguments=dict(inner.arguments))
        and all(condition.arguments.get(name) == rule for name, rule in inner.arguments.items())
    )


def _never(place: Place, why: str) -> Remark:
    return Remark(place, "never", f"this can never hold: {why}", "Correct it, or take it out.")


def _in_rules(policy: Policy, around: Around, now: float) -> Iterator[Remark]:
    for name, rule in policy.rules.items():
        place = ("rules", name)
        for key, condition in (("when", rule.when), ("unless", rule.unless)):
            if condition is not None:
                yield from _of_condition((*place, key), condition, around)
        if rule.when is not None and rule.when == rule.unless:
            yield _never((*place, "unless"), "it is the same as `when`, so the rule never speaks")
        for index, exception in enumerate(rule.exceptions):
            here = (*place, "exceptions", index)
            yield from _of_condition((*here, "when"), exception.when, around)
            if end_of("", exception) <= now:
                message = f"the exception of {exception.owner} ended with {exception.until}, and the rule speaks again"
                yield Remark(
                    (*here, "until"), "expired", message, "Take it out, or ask its owner for a new day."
                )


# What another rule makes idle


def _between_rules(policy: Policy) -> Iterator[Remark]:
    names = list(policy.rules)
    for index, name in enumerate(names):
        rule = policy.rules[name]
        for other in (*names[:index], *names[index + 1 :]):
            remark = _beside(name, rule, other, policy.rules[other], first=names.index(other) < index)
            if remark is not None:
                yield remark
                break


def _beside(name: str, rule: CallRule, other: str, above: CallRule, *, first: bool) -> Remark | None:
    place = ("rules", name)
    alike = (rule.tools, rule.roles, rule.when, rule.unless, rule.exceptions) == (
        above.tools,
        above.roles,
        above.when,
        above.unless,
        above.exceptions,
    )
    if alike and rule.decision == above.decision and first:
        return Remark(place, "shadowed", f"it says the same as the rule {other!r}", "Keep one of them.")
    if alike and rule.decision != above.decision and first:
        return Remark(
            place,
            "contradiction",
            f"the rule {other!r} says {above.decision} about the same calls",
            "Keep the one that is meant.",
        )
    always = above.when is None and above.unless is None and not above.exceptions
    if always and not alike and _STRENGTH[above.decision] > _STRENGTH[rule.decision] and _covers(above, rule):
        return Remark(
            place,
            "shadowed",
            f"the rule {other!r} says {above.decision} about all of these calls",
            "Take it out, or narrow the other one.",
        )
    return None


def _covers(above: CallRule, rule: CallRule) -> bool:
    """Return whether every call that a rule can speak about is one that another speaks about."""
    tools = not above.tools or (
        bool(rule.tools)
        and all(any(_within(tool, pattern) for pattern in above.tools) for tool in rule.tools)
    )
    return tools and (not above.roles or (bool(rule.roles) and set(rule.roles) <= set(above.roles)))


def _within(name: str, pattern: str) -> bool:
    return pattern in (name, "*") or (not is_pattern(name) and fits(name, pattern))


def _in_roles(policy: Policy) -> Iterator[Remark]:
    for name, role in policy.roles.items():
        for index, pattern in enumerate(role.allow):
            place = ("roles", name, "allow", index)
            if any(_within(pattern, denied) for denied in role.deny):
                yield Remark(
                    place,
                    "shadowed",
                    f"{pattern!r} is forbidden to the same role",
                    "Take one of the two out.",
                )
            elif not pattern.strip("*?"):
                yield Remark(
                    place,
                    "broad",
                    f"the role {name!r} may call every tool, also those that come later",
                    "List the tools that it needs.",
                )


# What nothing uses, and what is not there


def _unused(policy: Policy) -> Iterator[Remark]:
    lists: set[str] = set()
    conditions: set[str] = set()
    for _, rule in _argument_rules(policy):
        lists |= {name for name in (rule.in_list, rule.not_in_list) if name is not None}
    for _, condition in _conditions(policy):
        if condition.condition is not None:
            conditions.add(condition.condition)
    for section, known, used in (
        ("lists", policy.lists, lists),
        ("conditions", policy.conditions, conditions),
    ):
        for name in known:
            if name not in used:
                yield Remark((section, name), "unused", "nothing refers to it", "Take it out, or use it.")


def _conditions(policy: Policy) -> Iterator[tuple[Place, Condition]]:
    """Return every condition of a policy with its place, those inside others too."""
    waiting: list[tuple[Place, Condition]] = [
        (("conditions", name), each) for name, each in policy.conditions.items()
    ]
    for name, rule in policy.rules.items():
        waiting += [
            (("rules", name, key), each)
            for key, each in (("when", rule.when), ("unless", rule.unless))
            if each is not None
        ]
        waiting += [
            (("rules", name, "exceptions", index, "when"), each.when)
            for index, each in enumerate(rule.exceptions)
        ]
    while waiting:
        place, condition = waiting.pop()
        yield place, condition
        for key, inner in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
            waiting += [((*place, key, index), each) for index, each in enumerate(inner)]


def _argument_rules(policy: Policy) -> Iterator[tuple[Place, ArgumentRule]]:
    for name, tool in policy.tools.items():
        for argument, rule in tool.arguments.items():
            yield ("tools", name, "arguments", argument), rule
    for place, condition in _conditions(policy):
        for argument, rule in condition.arguments.items():
            yield (*place, "arguments", argument), rule


def _unknown(policy: Policy, tools: Sequence[Tool]) -> Iterator[Remark]:
    known = {tool.name: tool for tool in tools}
    named: list[tuple[Place, str]] = [(("tools", name), name) for name in policy.tools]
    for role, rights in policy.roles.items():
        for key in ("allow", "ask", "deny"):
            named += [(("roles", role, key, index), each) for index, each in enumerate(getattr(rights, key))]
    for name, rule in policy.rules.items():
        named += [(("rules", name, "tools", index), each) for index, each in enumerate(rule.tools)]
    for place, condition in _conditions(policy):
        for key in ("after", "not_after"):
            named += [((*place, key, index), each) for index, each in enumerate(getattr(condition, key))]
    yield from _no_such_tool(named, known)
    for name, tool in policy.tools.items():
        yield from _no_such_argument(
            ("tools", name, "arguments"), tool.arguments, [each for each in tools if fits(each.name, name)]
        )
    for name, rule in policy.rules.items():
        meant = [
            each
            for each in tools
            if not rule.tools or any(fits(each.name, pattern) for pattern in rule.tools)
        ]
        for key, given in (("when", rule.when), ("unless", rule.unless)):
            if given is not None:
                yield from _no_such_argument(("rules", name, key, "arguments"), given.arguments, meant)


def _no_such_tool(named: Iterable[tuple[Place, str]], known: Mapping[str, Tool]) -> Iterator[Remark]:
    for place, pattern in named:
        if not any(fits(name, pattern) for name in known):
            close = nearest(pattern, known)
            what = f"no tool fits {pattern!r}" if is_pattern(pattern) else f"there is no tool {pattern!r}"
            yield Remark(
                place,
                "unknown",
                what,
                f"Did you mean {close!r}?" if close else "Correct the name, or take it out.",
            )


def _no_such_argument(place: Place, arguments: Iterable[str], tools: Sequence[Tool]) -> Iterator[Remark]:
    """Return the arguments that none of some tools has; a tool without a signature, or one that takes any, may have it."""
    takes: list[Callable[[str], bool]] = [_takes(tool) for tool in tools]
    for argument in arguments if tools else ():
        first = (path_of(argument) or (argument,))[0]
        if not any(each(argument) or each(first) for each in takes):
            names = sorted(
                {name for tool in tools if tool.signature is not None for name in tool.signature.names}
            )
            close = nearest(first, names)
            yield Remark(
                (*place, argument),
                "unknown",
                f"none of these tools has an argument {argument!r}",
                f"Did you mean {close!r}?" if close else f"They have {', '.join(names) or 'none'}.",
            )


def _takes(tool: Tool) -> Callable[[str], bool]:
    signature = tool.signature
    return lambda name: signature is None or signature.takes(name)
