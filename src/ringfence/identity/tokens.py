"""Tokens: what a JWT (RFC 7519) must be to be believed, and what is remembered of one that was.

Whether it was revoked stands in the store, which `facade.py` asks. The one idea: issuer, algorithm and key come from the policy and from what this
process keeps; a token's own header can only pick among them (RFC 8725). A token that was verified costs a look-up afterwards, by its digest.
"""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.errors import TokenRefused
from ringfence.identity.delegation import Grant
from ringfence.identity.keys import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.identity.authority import LoginSession
    from ringfence.identity.keys import Keys
    from ringfence.identity.keysets import KeySet
    from ringfence.policy.model import IdentityPolicy, IdentityProvider

MOST_CHARACTERS = 8192
"""The largest token: what most servers take as a whole header."""
_MOST_KEPT = 10_000
_LONGEST_NAME = 128
_MOST_GROUPS = 500
_PART = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = frozenset(("alg", "kid", "typ", "x5t", "x5t#S256", "cty"))
_REQUIRED = ("exp", "aud", "iss", "sub")


class TokenFacts(NamedTuple):
    """What a verified token says.

    Attributes:
        id: the claim `jti`, with the provider's name in front where it is an outside one; empty where it has none.
        user: the user's id, likewise.
        issued, expires: in seconds since the epoch; issued is None where it does not say.
        provider: its name; empty: issued here.
        key: the id of the key that signed it.
        grant: what it is narrowed to.
        groups: what the provider says about the user, to be mapped to roles.
        parent: the session that it was delegated from.

    """

    id: str
    user: str
    issued: float | None
    expires: float
    provider: str = ""
    key: str = ""
    grant: Grant = Grant()
    groups: tuple[str, ...] = ()
    parent: str | None = None


class Seen:
    """A token that was verified.

    Arguments:
        facts: what it says.
        until: when it has to be verified again, in seconds since the epoch.

    Attributes:
        sessions: those that it has begun, by address.
        change: the store's, when it was last asked about it; -1: never.

    """

    __slots__ = ("change", "facts", "sessions", "until")

    def __init__(self, facts: TokenFacts, until: float) -> None:
        self.facts = facts
        self.until = until
        self.change = -1
        self.sessions: dict[str, LoginSession] = {}


class Tokens:
    """Verifies tokens, and remembers them.

    Arguments:
        keys: those that sign here.
        settings: the policy's section, at any moment.
        key_sets: those of the providers, by name, at any moment.

    Attributes:
        seen: what is remembered, by the digest of the token.

    """

    def __init__(
        self, keys: Keys, settings: Callable[[], IdentityPolicy], key_sets: Callable[[], Mapping[str, KeySet]]
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._key_sets = key_sets
        self.seen: dict[bytes, Seen] = {}

    def verify(self, token: str, now: float) -> Seen:
        """Return what a token says: a look-up where it was verified before.

        Arguments:
            token: as it came.
            now: seconds since the epoch.

        Raises:
            TokenRefused: it is malformed, expired, of another issuer or audience, or not signed by a key of its issuer.
            KeySetUnavailable: the keys of its issuer cannot be had.

        """
        try:
            digest = sha256(token.encode()).digest()
        except (AttributeError, UnicodeEncodeError):
            raise TokenRefused("it is no text of a token") from None
        seen = self.seen.get(digest)
        if seen is not None and now < seen.until:
            return seen
        self.seen.pop(digest, None)
        seen = self._verified(token, now)
        if len(self.seen) >= _MOST_KEPT:
            self.seen.clear()
        self.seen[digest] = seen
        return seen

    def forget(self, token_id: str | None = None) -> None:
        """Verify a token anew when it comes again; all of them where none is named."""
        if token_id is None:
            self.seen.clear()
            return
        for digest, seen in list(self.seen.items()):
            if seen.facts.id == token_id:
                self.seen.pop(digest, None)

    def _verified(self, token: str, now: float) -> Seen:
        header, claims = parts(token)
        settings = self._settings()
        issuer = claims.get("iss")
        if issuer == settings.issuer:
            return self._own(token, header, now)
        for name, key_set in self._key_sets().items():
            if key_set.provider.issuer == issuer:
                return self._outside(token, header, name, key_set, now)
        raise TokenRefused("it is from an issuer that the policy does not name")

    def _own(self, token: str, header: Mapping[str, Any], now: float) -> Seen:
        settings = self._settings()
        key_id = header.get("kid")
        if header["alg"] != ALGORITHM or not isinstance(key_id, str):
            raise TokenRefused(f"it is not signed with {ALGORITHM} by a key that it names")
        key = self._keys.public(key_id)
        if key is None:
            raise TokenRefused("it is signed by a key that is not in use any longer")
        claims = _decoded(token, key, ALGORITHM, settings.issuer, settings.audience, ("jti", "iat"))
        expires, issued = _times(claims, now, 0.0, settings.leeway_seconds)
        parent = claims.get("parent")
        if parent is not None and not isinstance(parent, str):
            raise TokenRefused("its claim parent is no text")
        facts = TokenFacts(
            _name(claims, "jti"),
            _name(claims, "sub"),
            issued,
            expires,
            key=key_id,
            grant=Grant(_names(claims, "roles"), _names(claims, "tools")),
            parent=parent,
        )
        return Seen(facts, expires)

    def _outside(self, token: str, header: Mapping[str, Any], name: str, key_set: KeySet, now: float) -> Seen:
        settings, provider = self._settings(), key_set.provider
        algorithm, key_id = header["alg"], header.get("kid")
        if algorithm not in provider.algorithms:
            raise TokenRefused(f"it is signed with another algorithm than {', '.join(provider.algorithms)}")
        key = key_set.key(key_id, algorithm, now)
        if key is None:
            raise TokenRefused(f"it is signed by a key that {name} does not name")
        required = (provider.user_claim, *(("jti",) if provider.once else ()))
        claims = _decoded(token, key, algorithm, provider.issuer, provider.audience, required)
        expires, issued = _times(claims, now, settings.leeway_seconds, settings.leeway_seconds)
        token_id = _name(claims, "jti") if "jti" in claims else ""
        facts = TokenFacts(
            f"{name}:{token_id}" if token_id else "",
            f"{name}:{_name(claims, provider.user_claim)}",
            issued,
            expires,
            name,
            key_id or "",
            groups=_groups(claims, provider),
        )
        return Seen(
            facts, min(expires, now + settings.key_set_seconds)
        )  # a key that is withdrawn stops counting


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token, not verified, and only of one whose header is plain.

    Raises:
        TokenRefused: it is too large, malformed, not signed, or its header says where keys are.

    """
    if len(token) > MOST_CHARACTERS:
        raise TokenRefused(f"it is larger than {MOST_CHARACTERS:,} characters")
    pieces = token.split(".")
    if len(pieces) != 3 or not all(map(_PART.fullmatch, pieces)):  # noqa: PLR2004 - header, claims, signature
        raise TokenRefused("it is no signed JWT")
    header, claims = _object(pieces[0]), _object(pieces[1])
    strange = sorted(set(header) - _HEADER)
    if strange:
        raise TokenRefused(f"its header has {strange[0][:40]!r}, which nothing here goes by")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise TokenRefused("it is not signed")
    if key_id is not None and not (isinstance(key_id, str) and len(key_id) <= _LONGEST_NAME):
        raise TokenRefused("its key's id is no short text")
    return header, claims


def _object(piece: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4))
        found = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise TokenRefused("it is no signed JWT") from None
    if not isinstance(found, dict):
        raise TokenRefused("it is no signed JWT")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose names come once each: of two, one reader would take the first and another the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _decoded(
    token: str, key: Any, algorithm: str, issuer: str, audience: str, required: tuple[str, ...]
) -> dict[str, Any]:
    """Return the claims of a token whose signature, issuer and audience are right. Times are not looked at: our clock is not PyJWT's."""
    import jwt  # noqa: PLC0415 - loads a library

    options: Any = {
        "require": [*_REQUIRED, *required],
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
    }
    try:
        return jwt.decode(token, key, [algorithm], options, audience=audience, issuer=issuer)
    except jwt.InvalidSignatureError:
        raise TokenRefused("its signature is wrong") from None
    except jwt.InvalidAudienceError:
        raise TokenRefused("it is for another audience") from None
    except jwt.MissingRequiredClaimError as error:
        raise TokenRefused(f"it has no claim {error.claim}") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenRefused("its claims are not as they should be") from None


def _times(claims: Mapping[str, Any], now: float, late: float, early: float) -> tuple[float, float | None]:
    """Return when a token expires and when it was issued; `late` and `early` say how far its issuer's clock may be off."""
    expires, begins, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None or now >= expires + late:
        raise TokenRefused("it has expired")
    if any(moment is not None and moment > now + early for moment in (begins, issued)):
        raise TokenRefused("it is from the future")
    return expires + late, issued


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not isfinite(value) or abs(value) > 1e12:  # noqa: PLR2004 - 30 000 years
        raise TokenRefused(f"its claim {name} is no time")
    return float(value)


def _name(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise TokenRefused(f"its claim {name} is no short text")
    return value


def _names(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TokenRefused(f"its claim {name} is no list of names")
    return tuple(value)


def _groups(claims: Mapping[str, Any], provider: IdentityProvider) -> tuple[str, ...]:
    """Return those groups of a provider's user that the policy maps to roles; all others mean nothing."""
    value = claims.get(provider.roles_claim, [])
    listed = value if isinstance(value, list) else [value]
    if len(listed) > _MOST_GROUPS:
        raise TokenRefused(f"its claim {provider.roles_claim} is too long")
    return tuple(each for each in listed if isinstance(each, str) and each in provider.roles)
