"""What makes a log tamper-evident: each record's MAC covers the one before it, and a signed head says where the log ends.

No store, no file and no record's content is known here. The one idea: MAC = HMAC-SHA256(key, MAC of the record before + bytes of
this one), so whoever has no key can neither change, remove, insert nor reorder a record; what he could do unseen is cut
the end off, and that is what the head is for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 1
KEY_BYTES = 32
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Tip(NamedTuple):
    """Where a log ends: its id, the number of its last record (0: none yet) and that record's MAC."""

    log: str
    seq: int
    mac: bytes


class Link(NamedTuple):
    """One record in the chain: its number, its canonical text and its MAC."""

    seq: int
    record: str
    mac: bytes


class Head(NamedTuple):
    """What a signed head says: at this time, the log ended at this tip."""

    tip: Tip
    at: float


class HeadInvalid(ValueError):
    """A head that is not one, or that nobody with the key has signed."""


class OtherKey(HeadInvalid):
    """A head that another key signed."""


def authenticator(key: bytes) -> Callable[[bytes], bytes]:
    """Return HMAC-SHA256 (RFC 2104) under a key of at most 64 bytes, with both pads hashed once: half the cost of `hmac.digest`."""
    padded = key.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(padded.translate(_INNER))
    outer = hashlib.sha256(padded.translate(_OUTER))

    def mac(data: bytes) -> bytes:
        first = inner.copy()
        first.update(data)
        second = outer.copy()
        second.update(first.digest())
        return second.digest()

    return mac


def new_log_id() -> str:
    """Return sixteen random hexadecimal digits."""
    return secrets.token_hex(8)


def genesis(log: str) -> Tip:
    """Return the tip of a log without records: what its first record chains from is bound to its id."""
    return Tip(
        log, 0, hashlib.sha256(b"ringfence audit log " + log.encode("utf-8", "backslashreplace")).digest()
    )


class Chain:
    """Chains records and signs heads with one key. Each use has a key of its own, derived from it.

    Arguments:
        key: at least 32 bytes.

    Attributes:
        fingerprint: sixteen hexadecimal digits that tell keys apart and nothing about the key.
        mac: the MAC of (MAC of the record before + bytes of the record).
        digest: a keyed digest for what is recorded by its digest only, so that short values cannot be guessed from it.

    """

    __slots__ = ("_sign", "digest", "fingerprint", "mac")

    def __init__(self, key: bytes) -> None:
        def derived(purpose: bytes) -> bytes:
            return hmac.digest(key, b"ringfence audit " + purpose, "sha256")

        self.fingerprint = derived(b"fingerprint").hex()[:16]
        self.mac = authenticator(derived(b"chain"))
        self.digest = authenticator(derived(b"digest"))
        self._sign = authenticator(derived(b"head"))

    def sign(self, tip: Tip, at: float) -> str:
        """Return the signed head of a log that ends here at this time (seconds since the epoch), as canonical JSON."""
        body = (
            f'{{"at":{at!r},"format":{FORMAT},"key":"{self.fingerprint}","log":{encode_basestring_ascii(tip.log)},'
            f'"mac":"{tip.mac.hex()}","seq":{tip.seq}'
        )
        return f'{body},"signature":"{self._sign(body.encode()).hex()}"}}'

    def read_head(self, text: bytes) -> Head:
        """Return what a signed head says.

        Arguments:
            text: what `sign` returned.

        Raises:
            OtherKey: it was signed with another key.
            HeadInvalid: it is no head, or its signature is wrong.

        """
        try:
            fields = json.loads(text)
            head = Head(Tip(fields["log"], fields["seq"], bytes.fromhex(fields["mac"])), fields["at"])
            if fields["key"] != self.fingerprint:
                msg = f"another key signed it (fingerprint {str(fields['key'])[:16]!r}, ours is {self.fingerprint!r})"
                raise OtherKey(msg)
            genuine = hmac.compare_digest(self.sign(*head).encode(), text)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            if isinstance(error, OtherKey):
                raise
            msg = "it is not a signed head"
            raise HeadInvalid(msg) from error
        if not genuine:
            msg = "its signature is wrong: it was forged or changed"
            raise HeadInvalid(msg)
        return head
