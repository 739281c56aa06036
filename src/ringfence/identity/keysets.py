"""The public keys of outside identity providers (JWKS, RFC 7517), from a file or an https URL, kept for a while and read anew when they change.

The one idea: whatever a provider sends is hostile until it is a public key of a kind that is named here, and a key set that cannot be had ends in a
denial, at the latest after the old one has become stale. Where keys are is said by the policy alone, never by a token.
"""

from __future__ import annotations

import json
import os
import stat
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.errors import KeySetUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ringfence.identity.reports import Reports
    from ringfence.policy.model import IdentityPolicy, IdentityProvider

MOST_BYTES, MOST_KEYS, LEAST_RSA_BITS = 256 * 1024, 100, 2048
"""NIST SP 800-131A: an RSA key below 2048 bits signs nothing."""
_FETCH_SECONDS = 5.0
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_KINDS = {"EdDSA": "OKP", "ES": "EC", "PS": "RSA", "RS": "RSA"}
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class PublicKey(NamedTuple):
    """One key of a set.

    Attributes:
        key: as cryptography has it.
        algorithms: the algorithms that it may verify.

    """

    key: Any
    algorithms: tuple[str, ...]


class Kept(NamedTuple):
    """A key set, and when it was read."""

    keys: Mapping[str, PublicKey]
    read: float


class KeySet:
    """The keys of one provider.

    Arguments:
        name: the provider's name in the policy.
        provider: where they are, and what they may be.
        settings: for how long they are kept.
        folder: where a relative file starts.
        reports: where changes and failures are reported.

    """

    def __init__(
        self,
        name: str,
        provider: IdentityProvider,
        settings: IdentityPolicy,
        folder: Path,
        reports: Reports,
    ) -> None:
        self.name = name
        self.provider = provider
        self._settings = settings
        self._folder = folder
        self._reports = reports
        self._kept: Kept | None = None
        self._tried: float | None = None
        self._failure = ""
        self._reading = threading.Lock()

    def key(self, key_id: str | None, algorithm: str, now: float) -> Any:
        """Return the key with an id, for an algorithm; None where the set holds none that fits.

        Arguments:
            key_id: the header `kid`; None: the set must hold one key only.
            algorithm: the header `alg`, which the policy names.
            now: seconds since the epoch.

        Raises:
            KeySetUnavailable: the set cannot be read, and an old one is not there or stale.

        """
        found = _pick(self._current(now), key_id, algorithm)
        if found is None:
            found = _pick(self._current(now, unknown=True), key_id, algorithm)
        return found

    def _current(self, now: float, *, unknown: bool = False) -> Mapping[str, PublicKey]:
        kept = self._kept
        fresh = kept is not None and 0 <= now - kept.read < self._settings.key_set_seconds
        if not fresh or unknown:
            self._read_again(kept, now)
            kept = self._kept
        most = self._settings.key_set_seconds + self._settings.stale_seconds
        if kept is None or now - kept.read >= most:
            raise KeySetUnavailable(self.name, self._failure or "it could not be read yet")
        return kept.keys

    def _read_again(self, seen: Kept | None, now: float) -> None:
        """Read the set, unless that was tried a moment ago; others wait for the one who does."""
        if not self._reading.acquire(
            timeout=2 * _FETCH_SECONDS
        ):  # as in a child that was forked while its parent read
            self._failure = "another thread reads it for too long"
            return
        try:
            recently = self._tried is not None and 0 <= now - self._tried < self._settings.refetch_seconds
            if self._kept is seen and not recently:
                self._tried = now
                self._read(now)
        finally:
            self._reading.release()

    def _read(self, now: float) -> None:
        try:
            keys = understood(self._text(), self.provider.algorithms)
        except (OSError, ValueError, RecursionError) as error:
            self._failure = str(error) or type(error).__name__
            text = f"the key set of {self.name} cannot be read: {self._failure}"
            self._reports.note("key-set-unavailable", text, provider=self.name)
            return
        before, self._kept = self._kept, Kept(keys, now)
        if before is not None and before.keys.keys() != keys.keys():
            self._reports.note("key-set-changed", f"the key set of {self.name} changed", provider=self.name)

    def _text(self) -> bytes:
        where = self.provider.keys
        if "://" in where:
            return _fetched(where)
        return _file(self._folder / where)


def _pick(keys: Mapping[str, PublicKey], key_id: str | None, algorithm: str) -> Any:
    if key_id is None and len(keys) == 1:
        (key_id,) = keys
    only = keys.get(key_id or "")
    return only.key if only is not None and algorithm in only.algorithms else None


def understood(text: bytes, algorithms: tuple[str, ...]) -> dict[str, PublicKey]:
    """Return the keys of a set by their ids: those that can verify one of the algorithms. All others are left out.

    Raises:
        ValueError: it is no key set, holds too many keys, or one id twice.

    """
    document = json.loads(text)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it is no JSON object with a list of keys")  # noqa: TRY004 - as for the others
    if len(entries) > MOST_KEYS:
        raise ValueError(f"it holds more than {MOST_KEYS} keys")
    found: dict[str, PublicKey] = {}
    for entry in entries:
        key = _public_key(entry, algorithms) if isinstance(entry, dict) else None
        if key is None:
            continue
        key_id = entry.get("kid", "")
        if not isinstance(key_id, str) or key_id in found:
            raise ValueError("it holds two keys with one id, or an id that is no text")
        found[key_id] = key
    if not found:
        raise ValueError(f"it holds no key for {', '.join(algorithms)}")
    return found


def _public_key(entry: Mapping[str, Any], algorithms: tuple[str, ...]) -> PublicKey | None:
    """Return an entry as a key; None where it is of another kind, too weak, for something else, or not public."""
    suited = tuple(str(each) for each in algorithms if _suits(entry, str(each)))
    if not suited or any(name in entry for name in _PRIVATE) or entry.get("use", "sig") != "sig":
        return None
    operations = entry.get("key_ops")
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - loads a library
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - likewise
    from jwt import PyJWK  # noqa: PLC0415 - likewise
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - likewise

    try:
        key = PyJWK(dict(entry), suited[0]).key
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        return None
    if entry["kty"] == "OKP" and not isinstance(key, Ed25519PublicKey):
        return None
    return PublicKey(key, suited)


def _suits(entry: Mapping[str, Any], algorithm: str) -> bool:
    kind = _KINDS.get(algorithm) or _KINDS[algorithm[:2]]
    curve = _CURVES.get(algorithm)
    return (
        entry.get("kty") == kind
        and entry.get("alg", algorithm) == algorithm
        and (curve is None or entry.get("crv") == curve)
    )


def _file(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no ordinary file")
        return _bounded(file.read(MOST_BYTES + 1))


def _bounded(text: bytes) -> bytes:
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 1024} KiB")
    return text


def _fetched(url: str) -> bytes:
    """Return what is at a URL, within a few seconds in all, however slowly it comes."""
    answer: list[bytes | BaseException] = []

    def fetch() -> None:
        try:
            answer.append(_fetch(url))
        except BaseException as error:  # noqa: BLE001 - told to the one who waits
            answer.append(error)

    thread = threading.Thread(target=fetch, name="ringfence-key-set", daemon=True)
    thread.start()
    thread.join(_FETCH_SECONDS)
    if not answer:
        raise ValueError(f"it did not come within {_FETCH_SECONDS:g} seconds")
    if isinstance(answer[0], BaseException):
        raise OSError(_said(answer[0])) from answer[0]
    return answer[0]


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _fetch(url: str) -> bytes:
    from urllib import request  # noqa: PLC0415 - loads a library
    from urllib.error import HTTPError  # noqa: PLC0415 - likewise

    class NoRedirect(request.HTTPRedirectHandler):
        """Where the keys are is said by the policy, not by whoever answers."""

        def redirect_request(self, *_: Any) -> None:
            """Follow nothing."""

    handlers: list[request.BaseHandler] = [NoRedirect()]
    if url.startswith("http:"):
        handlers.append(request.ProxyHandler({}))  # this very machine is not asked through another one
    opener = request.build_opener(*handlers)
    asked = request.Request(url, headers={"Accept": "application/json", "User-Agent": "ringfence"})  # noqa: S310 - https, or this machine, by the policy
    try:
        with opener.open(asked, timeout=_FETCH_SECONDS) as response:
            return _bounded(response.read(MOST_BYTES + 1))
    except HTTPError as error:
        error.close()
        raise
