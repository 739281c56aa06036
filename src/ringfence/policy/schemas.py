"""The JSON Schemas that a policy's argument rules name: which they are, and what is in them, for the policy's version."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.policy.model import ArgumentRule, Condition, Policy

_MOST_NESTED = 16


def schemas_of(policy: Policy, folder: str | Path | None) -> list[tuple[str, str]]:
    """Return each file that a policy names as a JSON Schema, with its content; one that cannot be read is empty, and refused elsewhere."""
    names = sorted({rule.schema for rule in _argument_rules(policy) if rule.schema is not None})
    found = []
    for name in names:
        content = ""
        with suppress(OSError, ValueError):
            content = (Path(folder or ".") / os.path.expanduser(name)).read_text(encoding="utf-8")  # noqa: PTH111 - pathlib raises for users that do not exist
        found.append((name, content))
    return found


def _argument_rules(policy: Policy) -> Iterator[ArgumentRule]:
    for tool in policy.tools.values():
        yield from tool.arguments.values()
    for rule in policy.rules.values():
        given = [rule.when, rule.unless, *(exception.when for exception in rule.exceptions)]
        yield from _of_conditions([each for each in given if each is not None], 0)
    yield from _of_conditions(policy.conditions.values(), 0)


def _of_conditions(conditions: Iterable[Condition], depth: int) -> Iterator[ArgumentRule]:
    for condition in conditions if depth <= _MOST_NESTED else ():
        yield from condition.arguments.values()
        yield from _of_conditions((*condition.all, *condition.any, *condition.none), depth + 1)
