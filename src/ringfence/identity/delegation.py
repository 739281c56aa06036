"""How authority is narrowed: fewer roles, fewer tools. The time is that of the session.

Nothing here reads a store or a token. The one idea: what is left is worked out from what the parent has at this moment, each time anew, so a
sub-agent can never have what its parent does not have, whatever it was promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import DelegationTooWide
from ringfence.policy.match import fits
from ringfence.policy.roles import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ringfence.policy.model import Role

MOST_GENERATIONS = 8
"""How often what was delegated can be delegated on."""


class Grant(NamedTuple):
    """What one step narrows to.

    Attributes:
        roles: the only roles. None: those of the parent.
        tools: the only tools, by name or pattern. None: those of the parent.

    """

    roles: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None


def narrowed(
    roles: tuple[str, ...], wanted: Sequence[str] | None, known: Mapping[str, Role]
) -> tuple[str, ...]:
    """Return which of the wanted roles somebody with these roles can give on.

    A role can be given on by whoever has it, and by whoever has one that inherits it and whose limits are not smaller: a role's own limits take
    the place of those that it inherits, so `analyst` with 60 seconds cannot make a `user` with 180.
    """
    if wanted is None:
        return roles
    return tuple(dict.fromkeys(role for role in wanted if _gives(roles, role, known)))


def _gives(roles: tuple[str, ...], role: str, known: Mapping[str, Role]) -> bool:
    if role in roles:
        return True
    if role not in known:
        return False
    own = flatten([name for name in roles if name in known], known)
    less = flatten([role], known)
    return role in own.roles and all(
        small <= large
        for small, large in (
            (less.concurrent_runs, own.concurrent_runs),
            (less.seconds, own.seconds),
            (less.memory_mb, own.memory_mb),
        )
    )


def refuse_wider(roles: tuple[str, ...], wanted: Sequence[str] | None, known: Mapping[str, Role]) -> None:
    """Check that somebody with these roles can give on the wanted ones.

    Raises:
        DelegationTooWide: one of them cannot be given on.

    """
    left = narrowed(roles, wanted, known)
    for role in wanted or ():
        if role not in left:
            held = ", ".join(roles) or "none"
            raise DelegationTooWide(
                f"the role {role[:80]!r} cannot be given on by somebody with the roles {held}"
            )


def permits(grants: Iterable[tuple[str, ...]], tool: str) -> bool:
    """Return whether a tool is among those of each step."""
    return all(any(fits(tool, pattern) for pattern in tools) for tools in grants)


def listed(names: Iterable[str] | None, what: str) -> tuple[str, ...] | None:
    """Return names as they are kept.

    Raises:
        TypeError: it is one text, whose characters would be taken for names, or holds something else than text.

    """
    if names is None:
        return None
    if isinstance(names, str):
        raise TypeError(f"{what} is a list of names, not the text {names!r}: write {what}=[{names!r}]")
    found = tuple(names)
    if not all(isinstance(name, str) for name in found):
        raise TypeError(f"{what} is a list of names")
    return found
