"""What a session is given when it begins, and what it may at one moment: plain values, and how they are kept.

Nothing here reads the store. The one idea: what was given stays as it was given, and what is left of it is worked out anew at each look.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from ringfence.call import Principal
from ringfence.identity.delegation import Grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.policy.model import IdentityPolicy, Role


class Settings(NamedTuple):
    """What sessions depend on and the policy says: swapped as one when it is reloaded.

    Attributes:
        identity: the policy's section.
        roles: all roles by name; empty where they are not known.

    """

    identity: IdentityPolicy
    roles: Mapping[str, Role]


class Granted(NamedTuple):
    """What a session is given when it begins, besides its user.

    Attributes:
        grant: what it is narrowed to.
        provider: whose user it is; empty: one of ours.
        groups: what the provider says about the user, to be mapped to roles.
        parent: the session that it is delegated from.
        token: the token that it begins with.

    """

    grant: Grant = Grant()
    provider: str = ""
    groups: tuple[str, ...] = ()
    parent: str | None = None
    token: str | None = None

    def written(self) -> str:
        """Return it as it is kept."""
        roles, tools = self.grant
        return json.dumps({"roles": roles, "tools": tools, "provider": self.provider, "groups": self.groups})


PLAIN = Granted()
"""Nothing narrowed, and one of our own users."""


class Standing(NamedTuple):
    """What a session may, as the store said when it last changed.

    Attributes:
        principal: the caller, with the roles that are left.
        ended: why it is over; empty: it is not.
        failure: why nobody knows.
        expires: when it ends at the latest, in seconds since the epoch.
        locked_until: until when its user is locked.
        last_used: when it was last used, as other processes know.
        parents_used: when the parent used least lately was last used; None: it has none.
        tools: for each step that narrows them, the tools that are left.
        widest: the roles before anything was narrowed; None: nothing was.

    """

    principal: Principal
    ended: str = ""
    failure: Exception | None = None
    expires: float = 0.0
    locked_until: float = 0.0
    last_used: float = 0.0
    parents_used: float | None = None
    tools: tuple[tuple[str, ...], ...] = ()
    widest: tuple[str, ...] | None = None


def read_granted(text: str) -> Granted:
    """Return what was kept by `Granted.written`."""
    kept = json.loads(text)
    roles, tools = (None if kept[key] is None else tuple(kept[key]) for key in ("roles", "tools"))
    return Granted(Grant(roles, tools), kept["provider"], tuple(kept["groups"]))


def principal_with(before: Principal, roles: tuple[str, ...]) -> Principal:
    """Return the same principal where nothing is new, for what others keep about it stays good then."""
    return before if before.roles == roles else Principal(before.user, roles, before.address)
