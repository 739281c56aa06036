"""Every condition and argument rule of a policy, each with its place: for whoever looks at all of them, such as the lints and the policy's version."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.policy.document import Place
    from ringfence.policy.model import ArgumentRule, CallRule, Condition, Policy


class Found(NamedTuple):
    """A condition in its place.

    Attributes:
        place: where it stands.
        condition: the condition.
        excludes: whether it stands under an odd number of `none`, so that what it fits is left out.

    """

    place: Place
    condition: Condition
    excludes: bool = False


def inside(found: Found) -> Iterator[Found]:
    """Return a condition and all that stand in it, names not followed, in the file's order."""
    yield found
    place, condition, excludes = found
    for key, inner in (("all", condition.all), ("any", condition.any), ("none", condition.none)):
        for index, each in enumerate(inner):
            yield from inside(Found((*place, key, index), each, excludes != (key == "none")))


def heads(name: str, rule: CallRule) -> Iterator[tuple[Found, bool]]:
    """Return the conditions of a rule, each with whether the rule is silent where it holds."""
    place = ("rules", name)
    if rule.when is not None:
        yield Found((*place, "when"), rule.when), False
    if rule.unless is not None:
        yield Found((*place, "unless"), rule.unless), True
    for index, exception in enumerate(rule.exceptions):
        yield Found((*place, "exceptions", index, "when"), exception.when), True


def conditions_of(policy: Policy) -> Iterator[Found]:
    """Return every condition of a policy, those that stand in others too."""
    for name, condition in policy.conditions.items():
        yield from inside(Found(("conditions", name), condition))
    for name, rule in policy.rules.items():
        for head, _ in heads(name, rule):
            yield from inside(head)


def argument_rules_of(policy: Policy) -> Iterator[tuple[Place, ArgumentRule]]:
    """Return every argument rule of a policy, of its tools and of its conditions."""
    for name, tool in policy.tools.items():
        yield from _placed(("tools", name, "arguments"), tool.arguments.items())
    for found in conditions_of(policy):
        yield from _placed((*found.place, "arguments"), found.condition.arguments.items())


def _placed(place: Place, rules: Iterable[tuple[str, ArgumentRule]]) -> Iterator[tuple[Place, ArgumentRule]]:
    for argument, rule in rules:
        yield (*place, argument), rule
