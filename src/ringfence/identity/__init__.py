"""Who is calling: accounts, passwords, tokens, and the sessions that come of them.

`Identity` is the way in; a guard has one as `guard.identity`. What a role may do stands in the policy and not here.
"""

from __future__ import annotations

from ringfence.identity.authority import LoginSession
from ringfence.identity.facade import Identity
from ringfence.identity.passwords import Passwords
from ringfence.identity.tokens import TokenFacts
from ringfence.identity.users import Account

__all__ = ["Account", "Identity", "LoginSession", "Passwords", "TokenFacts"]
