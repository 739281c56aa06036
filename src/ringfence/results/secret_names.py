"""Which names say that what they are given to is secret: `api_key`, `clientSecret`, `DB_PASSWORD`, and not `key_id`, `tokenType`, `monkey`.

The one idea: a name is words, and the last of them says what the thing is.
"""

from __future__ import annotations

import re
from functools import lru_cache

NAMES = ("key", "token", "secret", "passw", "pwd", "passphrase", "cred", "bearer", "cookie", "auth")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset((
    "key", "keys", "token", "tokens", "secret", "secrets", "password", "passwords", "passwd", "passwort", "passphrase", "pwd", "credential", "credentials", "creds",
    "cred", "bearer", "cookie", "auth", "authorization", "pat",
))  # fmt: skip
_QUALIFIES = frozenset((
    "value", "prod", "production", "dev", "development", "staging", "stage", "test", "live", "master", "primary", "secondary", "string", "base64", "hex", "old", "new",
    "current", "default", "admin", "root", "user",
))  # fmt: skip
"""Words that may follow the one that says what it is."""
_BEFORE = (
    "api", "access", "auth", "secret", "private", "client", "app", "application", "bearer", "refresh", "session", "master", "user", "db", "database", "root", "admin",
    "service", "account", "signing", "encryption", "encrypt", "consumer", "oauth", "web", "site", "license", "licence", "personal", "deploy", "bot", "server", "shared",
    "security", "ssh", "pass", "id", "jwt", "sas", "storage", "product",
)  # fmt: skip
_JOINED = re.compile(rf"(?:{'|'.join(_BEFORE)})*(?:key|token|secret|password|passwd|pwd|passphrase)")
"""Words written as one, as in `apikey` and `accesstoken`."""
_OPEN = frozenset((
    "public", "pub", "foreign", "primary", "partition", "sort", "cache", "row", "idempotency", "sequence", "natural", "schema", "bucket", "object", "lookup", "index",
    "idx", "hot", "press", "license",
))  # fmt: skip
"""What makes a key no secret one."""
_EPHEMERAL = frozenset(("csrf", "xsrf", "nonce"))
"""What stands in every page that a browser gets."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name, in lower case: `apiKey`, `API_KEY` and `api-key` have the same two."""
    return tuple(word.lower() for word in _WORD.findall(name[-120:]))


def names_secret(words: tuple[str, ...]) -> bool:
    """Return whether the words of a name say that its value is secret."""
    while words and (words[-1] in _QUALIFIES or words[-1].isdigit()):
        words = words[:-1]
    if (
        not words
        or not _EPHEMERAL.isdisjoint(words)
        or (len(words) > 1 and words[-1].startswith("key") and words[-2] in _OPEN)
        or "public" in words[-3:]
    ):
        return False
    return words[-1] in _SECRET or _JOINED.fullmatch(words[-1]) is not None
