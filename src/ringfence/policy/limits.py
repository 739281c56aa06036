"""Which limits count a call of one tool by a caller with these roles, and under which key each does. Counting is done in `state/limits.py`.

The one idea: what a limit counts apart (user, role, tool, session) makes its key, written so that no two different things share one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ringfence.policy.match import fits
from ringfence.policy.model import Per

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.policy.model import Limit
    from ringfence.policy.roles import Rights


class FittingLimit(NamedTuple):
    """A limit that counts the calls of a tool by callers with certain roles.

    Attributes:
        name: its name in the policy.
        limit: what the policy says.
        roles: the roles that it counts a call for, where it counts roles apart; else one empty text.

    """

    name: str
    limit: Limit
    roles: tuple[str, ...]

    def keys(self, user: str, tool: str, session: str) -> tuple[str, ...]:
        """Return under which keys a call counts: one, or one for each role."""
        values = {Per.USER: user, Per.TOOL: tool, Per.SESSION: session}
        return tuple(
            json.dumps(
                [self.name, *([each.value, values.get(each, role)] for each in sorted(set(self.limit.per)))]
            )
            for role in self.roles
        )


def limits_of_both(
    some: tuple[FittingLimit, ...], others: tuple[FittingLimit, ...]
) -> tuple[FittingLimit, ...]:
    """Return the limits that count a call for one set of roles or another, each once and with the roles of both."""
    found = {fitting.name: fitting for fitting in some}
    for fitting in others:
        known = found.get(fitting.name)
        roles = fitting.roles if known is None else (*dict.fromkeys((*known.roles, *fitting.roles)),)
        found[fitting.name] = fitting._replace(roles=roles)
    return tuple(found.values())


def fitting_limits(
    limits: Mapping[str, Limit], tool: str, roles: tuple[str, ...], rights: Rights
) -> tuple[FittingLimit, ...]:
    """Return the limits that count a call.

    Arguments:
        limits: the policy's, by name.
        tool: the tool's name.
        roles: the caller's own.
        rights: what they and all that they inherit may do.

    """
    found = []
    for name, limit in limits.items():
        if limit.tools and not any(fits(tool, pattern) for pattern in limit.tools):
            continue
        counted = (
            [role for role in limit.roles if role in rights.roles] if limit.roles else [*dict.fromkeys(roles)]
        )
        if limit.roles and not counted:
            continue
        found.append(FittingLimit(name, limit, tuple(counted) or ("",) if Per.ROLE in limit.per else ("",)))
    return tuple(found)
