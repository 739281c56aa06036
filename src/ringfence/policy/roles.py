"""Roles flattened: what a set of roles may do, with everything they inherit.

The one idea: rights add up over a user's roles and what those inherit, and a forbidden tool stays forbidden because `deny` patterns
add up too. Of limits the largest of the user's roles counts; a role's own takes the place of what it inherits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ringfence.errors import RoleCycle, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ringfence.policy.model import Permission, Role

N = TypeVar("N", int, float)
DEFAULT_RUNS, DEFAULT_SECONDS, DEFAULT_MEMORY_MB = 1, 30.0, 128
"""The limits of a role that sets and inherits none: those of a guest."""


class Rights(NamedTuple):
    """What a set of roles may do.

    Attributes:
        roles: the roles and all that they inherit, nearest first.
        permissions: the union of theirs.
        allow, ask, deny: pairs of a role and one of its patterns.
        concurrent_runs, seconds, memory_mb: the largest of the roles' limits.

    """

    roles: tuple[str, ...]
    permissions: frozenset[Permission]
    allow: tuple[tuple[str, str], ...]
    ask: tuple[tuple[str, str], ...]
    deny: tuple[tuple[str, str], ...]
    concurrent_runs: int
    seconds: float
    memory_mb: int


def lineage(names: Iterable[str], roles: Mapping[str, Role]) -> tuple[str, ...]:
    """Return these roles and all that they inherit, each once, nearest first.

    Raises:
        UnknownName: a role, or one that it inherits, is not defined.

    """
    found: dict[str, None] = {}
    waiting = [(name, "") for name in names]
    while waiting:
        name, where = waiting.pop(0)
        if name in found:
            continue
        if name not in roles:
            raise UnknownName("role", name, roles, where)
        found[name] = None
        waiting += [(parent, f"roles.{name}.inherits") for parent in roles[name].inherits]
    return tuple(found)


def flatten(names: Sequence[str], roles: Mapping[str, Role]) -> Rights:
    """Return what these roles may do together.

    Raises:
        UnknownName: a role, or one that it inherits, is not defined.

    """
    closure = lineage(names, roles)
    members = [(name, roles[name]) for name in closure]
    return Rights(
        roles=closure,
        permissions=frozenset(permission for _, role in members for permission in role.permissions),
        allow=tuple((name, pattern) for name, role in members for pattern in role.allow),
        ask=tuple((name, pattern) for name, role in members for pattern in role.ask),
        deny=tuple((name, pattern) for name, role in members for pattern in role.deny),
        concurrent_runs=_largest(names, roles, lambda role: role.concurrent_runs, DEFAULT_RUNS),
        seconds=_largest(names, roles, lambda role: role.seconds, DEFAULT_SECONDS),
        memory_mb=_largest(names, roles, lambda role: role.memory_mb, DEFAULT_MEMORY_MB),
    )


def _largest(
    names: Iterable[str], roles: Mapping[str, Role], limit: Callable[[Role], N | None], default: N
) -> N:
    """Return the largest limit of several roles: a role's own where it sets one, else the largest that it inherits."""
    return max((max(_limits(name, roles, limit), default=default) for name in names), default=default)


def _limits(name: str, roles: Mapping[str, Role], limit: Callable[[Role], N | None]) -> list[N]:
    found: list[N] = []
    seen = {name}
    waiting = [name]
    while waiting:
        role = roles[waiting.pop()]
        own = limit(role)
        if own is not None:
            found.append(own)
            continue
        waiting += [parent for parent in role.inherits if parent not in seen]
        seen.update(role.inherits)
    return found


def refuse_cycles(roles: Mapping[str, Role]) -> None:
    """Check that no role inherits itself, over any number of steps.

    Raises:
        RoleCycle: one does; the error holds the whole circle.

    """
    done: set[str] = set()
    for start in roles:
        path = [start]
        branches = [iter(roles[start].inherits)]
        while path:
            parent = next(branches[-1], None)
            if parent is None:
                done.add(path.pop())
                branches.pop()
            elif parent in path:
                raise RoleCycle([*path[path.index(parent) :], parent])
            elif parent in roles and parent not in done:
                path.append(parent)
                branches.append(iter(roles[parent].inherits))
