"""What is sound in a policy and probably not meant: rules that can never speak, that another one makes idle, that say two things, that nothing uses.

Nothing here stops a policy: `sound.py` does that. Names of tools and arguments that are not there stand in `lint_names.py`. The one idea: whether
an argument rule can hold is tried with its own tests on the values that it names, so that a remark is never wrong about what the gate would do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ringfence.policy.arguments import EVERY, SOME, Around, rule_tests
from ringfence.policy.facts import end_of_day, hours_of
from ringfence.policy.match import fits, is_pattern
from ringfence.policy.model import Condition, Decision, ValueType
from ringfence.policy.sound import is_any_name
from ringfence.policy.walk import argument_rules_of, conditions_of, heads, inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ringfence.policy.compile import CompiledPolicy
    from ringfence.policy.document import Place
    from ringfence.policy.model import ArgumentRule, CallRule, Policy
    from ringfence.policy.walk import Found

    Lineages = Mapping[str, frozenset[str]]

_STRENGTH = {Decision.ALLOW: 0, Decision.ASK: 1, Decision.DENY: 2}
_TEXT, _NUMBER, _SIZED = (
    {ValueType.TEXT},
    {ValueType.NUMBER, ValueType.INTEGER},
    {ValueType.TEXT, ValueType.LIST, ValueType.MAPPING},
)
_KINDS = {
    "matches": _TEXT, "pattern": _TEXT, "within": _TEXT, "hosts": _TEXT, "sql": _TEXT, "min": _NUMBER, "max": _NUMBER,
    "min_length": _SIZED, "max_length": _SIZED,
}  # fmt: skip
"""Of what kind a value must be to pass a test."""


class Remark(NamedTuple):
    """One thing that is probably not meant.

    Attributes:
        place: where it stands.
        kind: `never`, `shadowed`, `contradiction`, `unknown`, `expired`, `unused`, `broad` or `items`.
        message: what it is.
        hint: what to do.

    """

    place: Place
    kind: str
    message: str
    hint: str


def lint(compiled: CompiledPolicy, now: float) -> list[Remark]:
    """Return what is probably not meant in a policy.

    Arguments:
        compiled: the policy.
        now: the time, in seconds since the epoch.

    """
    policy, lineages = compiled.policy, compiled.lineages
    return [
        *_impossible_arguments(policy, Around(policy.lists, compiled.folder)),
        *(remark for found in conditions_of(policy) for remark in _in_condition(found)),
        *_in_rules(policy, now),
        *_between_rules(policy, lineages),
        *_in_roles(policy, lineages),
        *_unused(policy),
    ]


# What can never hold


def _impossible_arguments(policy: Policy, around: Around) -> Iterator[Remark]:
    for place, rule in argument_rules_of(policy):
        if _impossible(rule, around):
            what = (
                f"so {place[1]} can never be called"
                if place[0] == "tools"
                else "so the condition can never hold"
            )
            yield Remark(
                place, "never", f"no value can be all of this, {what}", "Correct it, or take a part out."
            )


def _impossible(rule: ArgumentRule, around: Around) -> bool:
    """Return whether no value passes a rule: none of those that it names, or of no kind at all."""
    named = rule.one_of if rule.equals is None else (rule.equals,)
    if named is None and rule.in_list is not None:
        named = around.lists[rule.in_list]
    if named is not None:
        tests = rule_tests("", {"a": rule}, around)
        return not any(all(test.test(value) for test in tests) for value in named)
    wanted = [kinds for key, kinds in _KINDS.items() if getattr(rule, key) is not None]
    if rule.type is not None:
        wanted.append({rule.type, ValueType.INTEGER} if rule.type is ValueType.NUMBER else {rule.type})
    return bool(wanted) and not set.intersection(*map(set, wanted))


def _in_condition(found: Found) -> Iterator[Remark]:
    """Return why a condition can never hold."""
    place, condition, _ = found
    if condition.hours is not None:
        start, end = hours_of(condition.hours)
        if start == end:
            yield _never((*place, "hours"), "no moment lies between the two")
    for index, tool in enumerate(condition.not_after):
        if any(_narrower(needed, tool) for needed in condition.after):
            yield _never((*place, "not_after", index), f"{tool!r} stands in `after` too")
    for index, inner in enumerate(condition.none):
        if inner in condition.all or _asks_for(condition, inner):
            yield _never((*place, "none", index), "the same must hold as well")


def _asks_for(condition: Condition, inner: Condition) -> bool:
    """Return whether a condition asks itself, field by field, for all that another one asks for."""
    own = replace(condition, none=())
    named = {name: rule for name, rule in inner.arguments.items() if own.arguments.get(name) == rule}
    rest = replace(inner, arguments={}) if named == dict(inner.arguments) else inner
    return replace(own, arguments={}) == rest or (
        rest == Condition() or (rest == Condition(condition=own.condition) and own.condition is not None)
    )


def _never(place: Place, why: str) -> Remark:
    return Remark(place, "never", f"this can never hold: {why}", "Correct it, or take it out.")


# Rules by themselves


def _in_rules(policy: Policy, now: float) -> Iterator[Remark]:
    for name, rule in policy.rules.items():
        place = ("rules", name)
        if rule.unless is not None and rule.when == rule.unless:
            yield _never((*place, "unless"), "it is the same as `when`, so the rule never speaks")
        if rule.unsafe_any:
            yield _broad((*place, "unsafe_any"), f"the rule {name!r} may allow every tool")
        yield from _items(name, rule)
        for index, exception in enumerate(rule.exceptions):
            if end_of_day(exception.until) <= now:
                message = f"the exception of {exception.owner} ended with {exception.until}, and the rule speaks again"
                hint = "Take it out, or ask its owner for a new day."
                yield Remark((*place, "exceptions", index, "until"), "expired", message, hint)


def _items(name: str, rule: CallRule) -> Iterator[Remark]:
    """Return where the items of a list are asked about in the direction that one other item gets around."""
    for head, silences in heads(name, rule):
        for place, condition, excludes in inside(head):
            restricts = (rule.decision != Decision.ALLOW) != (silences != excludes)
            wrong, better = (EVERY, SOME) if restricts else (SOME, EVERY)
            for argument in condition.arguments:
                if wrong in argument:
                    which = "every item fits" if restricts else "only one item fits"
                    message = f"it counts where {which}, so a single other item gets around the rule"
                    if not restricts:
                        message = "it counts where a single item fits, whatever the others are"
                    yield Remark(
                        (*place, "arguments", argument),
                        "items",
                        message,
                        f"Write {argument.replace(wrong, better)}, if that is meant.",
                    )


# What another rule makes idle


def _between_rules(policy: Policy, lineages: Lineages) -> Iterator[Remark]:
    names = list(policy.rules)
    for index, name in enumerate(names):
        others = ((other, number < index) for number, other in enumerate(names) if other != name)
        remarks = (_beside(name, other, policy.rules, lineages, first=first) for other, first in others)
        yield from [remark for remark in remarks if remark is not None][:1]


def _beside(
    name: str, other: str, rules: Mapping[str, CallRule], lineages: Lineages, *, first: bool
) -> Remark | None:
    """Return what one rule makes of another; `first` where it stands before it."""
    place, rule, above = ("rules", name), rules[name], rules[other]
    alike = _about(rule) == _about(above)
    if alike and first and rule.decision == above.decision:
        return Remark(place, "shadowed", f"it says the same as the rule {other!r}", "Keep one of them.")
    if alike and first:
        message = f"the rule {other!r} says {above.decision} about the very same calls"
        return Remark(place, "contradiction", message, "Keep the one that is meant.")
    stronger = _STRENGTH[above.decision] > _STRENGTH[rule.decision]
    if not alike and stronger and _always(above) and _covers(above, rule.tools, rule.roles, lineages):
        message = f"the rule {other!r} says {above.decision} about all of these calls"
        return Remark(place, "shadowed", message, "Take it out, or narrow the other one.")
    return None


def _about(rule: CallRule) -> tuple[object, ...]:
    return (frozenset(rule.tools), frozenset(rule.roles), rule.when, rule.unless, rule.exceptions)


def _always(rule: CallRule) -> bool:
    return rule.when is None and rule.unless is None and not rule.exceptions


def _covers(above: CallRule, tools: Iterable[str], roles: Iterable[str], lineages: Lineages) -> bool:
    """Return whether a rule speaks about all calls of these tools by callers with one of these roles; no tools or roles are all."""
    tools, roles = tuple(tools), tuple(roles)
    all_tools = not above.tools or (
        bool(tools) and all(any(_narrower(tool, pattern) for pattern in above.tools) for tool in tools)
    )
    wanted = frozenset(above.roles)
    held = bool(roles) and all(not wanted.isdisjoint(lineages.get(role, frozenset({role}))) for role in roles)
    return all_tools and (not wanted or held)


def _narrower(name: str, pattern: str) -> bool:
    """Return whether all that fits a name or pattern certainly fits another pattern."""
    if name == pattern or is_any_name(pattern):
        return True
    literal = pattern.removesuffix("*")
    if pattern.endswith("*") and not is_pattern(literal):
        return name.startswith(literal)
    return not is_pattern(name) and fits(name, pattern)


def _in_roles(policy: Policy, lineages: Lineages) -> Iterator[Remark]:
    for name, role in policy.roles.items():
        for key in ("allow", "ask"):
            for index, pattern in enumerate(getattr(role, key)):
                yield from _in_pattern(policy, lineages, (name, key, index, pattern))


def _in_pattern(policy: Policy, lineages: Lineages, given: tuple[str, str, int, str]) -> Iterator[Remark]:
    name, key, index, pattern = given
    place = ("roles", name, key, index)
    if any(_narrower(pattern, denied) for denied in policy.roles[name].deny):
        hint = "Take one of the two out."
        yield Remark(place, "shadowed", f"{pattern!r} is forbidden to the same role", hint)
        return
    for other, rule in policy.rules.items():
        if rule.decision == Decision.DENY and _always(rule) and _covers(rule, [pattern], [name], lineages):
            message = f"the rule {other!r} denies all that fits {pattern!r} to this role"
            yield Remark(place, "shadowed", message, "Take it out, or narrow the rule.")
            return
    if key == "allow" and is_any_name(pattern):
        yield _broad(place, f"the role {name!r} may call every tool")


def _broad(place: Place, what: str) -> Remark:
    return Remark(place, "broad", f"{what}, those that come later included", "List the tools that it needs.")


# What nothing uses


def _unused(policy: Policy) -> Iterator[Remark]:
    lists = {
        name
        for _, rule in argument_rules_of(policy)
        for name in (rule.in_list, rule.not_in_list)
        if name is not None
    }
    conditions = {found.condition.condition for found in conditions_of(policy)}
    for section, known, used in (
        ("lists", policy.lists, lists),
        ("conditions", policy.conditions, conditions),
    ):
        for name in known:
            if name not in used:
                yield Remark((section, name), "unused", "nothing refers to it", "Take it out, or use it.")
