"""The keys that tokens are signed with here: Ed25519 (RFC 8032), kept in the store, and replaced by `rotate`.

Keys of outside providers are in `keysets.py`. The one idea: a key that was replaced loses its private half at once, and keeps the public one for
as long as a token that it signed may still come.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from ringfence.identity.store import Store
    from ringfence.state.database import Transaction

ALGORITHM = "EdDSA"
_ADD = "INSERT INTO keys (id, algorithm, public_key, private_key, created) VALUES (?, ?, ?, ?, ?)"
_NEWEST = "SELECT id, private_key FROM keys WHERE retired IS NULL AND private_key IS NOT NULL ORDER BY created DESC, id LIMIT 1"
_UNUSED = """DELETE FROM keys WHERE retired IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.key_id = keys.id AND t.expires > ?)"""


class KeyFacts(NamedTuple):
    """What may be shown of a key.

    Attributes:
        id: the header `kid` of the tokens that it signed.
        created, retired: when, in seconds since the epoch; None: it signs.

    """

    id: str
    created: float
    retired: float | None


class Keys:
    """The signing keys of one store.

    Arguments:
        store: where they are.

    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._public: dict[str, Ed25519PublicKey] = {}

    def signer(self, transaction: Transaction, now: float) -> tuple[str, Ed25519PrivateKey]:
        """Return the key that signs now, with its id; a new one where there is none yet."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - loads a library

        rows = transaction.execute(_NEWEST)
        if not rows:
            return self._make(transaction, now)
        return rows[0][0], cast("Ed25519PrivateKey", load_pem_private_key(rows[0][1].encode(), None))

    def public(self, key_id: str) -> Ed25519PublicKey | None:
        """Return the public half of a key by its id; None where there is no such key."""
        found = self._public.get(key_id)
        if found is not None:
            return found
        with self._store.read() as transaction:
            rows = transaction.execute("SELECT public_key FROM keys WHERE id = ?", (key_id,))
        if not rows:
            return None
        from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - likewise

        found = self._public[key_id] = cast("Ed25519PublicKey", load_pem_public_key(rows[0][0].encode()))
        return found

    def rotate(self, transaction: Transaction, now: float, *, revoke: bool = False) -> str:
        """Make a new key, take the private half from all others, and return the new one's id.

        Arguments:
            transaction: to do it in.
            now: seconds since the epoch.
            revoke: whether nothing that the others signed holds any longer.

        """
        self.forget()
        transaction.execute("UPDATE keys SET private_key = NULL, retired = ? WHERE retired IS NULL", (now,))
        if revoke:
            transaction.execute(
                "UPDATE tokens SET revoked = ? WHERE revoked IS NULL AND key_id IN (SELECT id FROM keys)",
                (now,),
            )
            transaction.execute("DELETE FROM keys")
        transaction.execute(_UNUSED, (now,))
        return self._make(transaction, now)[0]

    def forget(self) -> None:
        """Read keys anew when they are next needed."""
        self._public = {}

    def listed(self) -> list[KeyFacts]:
        """Return all keys, newest first."""
        with self._store.read() as transaction:
            return [
                KeyFacts(*row)
                for row in transaction.execute(
                    "SELECT id, created, retired FROM keys ORDER BY created DESC, id"
                )
            ]

    def _make(self, transaction: Transaction, now: float) -> tuple[str, Ed25519PrivateKey]:
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - likewise
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - likewise

        key, key_id = Ed25519PrivateKey.generate(), secrets.token_hex(8)
        private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
        public = (
            key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
        )
        transaction.execute(_ADD, (key_id, ALGORITHM, public, private, now))
        return key_id, key
