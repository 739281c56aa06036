"""Asks a web service: one signed request, one signed answer.

The service says yes, no, or "wait", and then somebody decides in the queue. The one idea: what is asked and what is answered are signed with
one secret, each with a word of its own before it, so that neither can be made up, sent again for another call, or taken for the other.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from ringfence.approvals.request import ApprovalAnswer
from ringfence.errors import ApprovalFailed, PolicyError

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from pathlib import Path

    from ringfence.approvals.request import ApprovalRequest

TIMESTAMP, SIGNATURE = "Ringfence-Timestamp", "Ringfence-Signature"
SECRET_VARIABLE = "RINGFENCE_WEBHOOK_SECRET"  # noqa: S105 - its name
_SHORTEST_SECRET = 32
_MOST_BYTES = 64 * 1024
_SKEW_SECONDS = 300
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def sign(secret: bytes, word: str, timestamp: str, body: bytes) -> str:
    """Return the signature of what is asked (`word` is "request") or answered ("answer"): `sha256=` and HMAC-SHA256 in hexadecimal.

    Arguments:
        secret: the shared secret.
        word: which of the two it is.
        timestamp: what stands in the header Ringfence-Timestamp: whole seconds since the epoch.
        body: the bytes of the body.

    """
    import hmac  # noqa: PLC0415 - as hashlib: only a policy with a webhook pays for it

    return "sha256=" + hmac.digest(secret, f"{word}.{timestamp}.".encode() + body, "sha256").hex()


def load_secret(file: Path | None) -> bytes:
    """Return the secret from a file, or from RINGFENCE_WEBHOOK_SECRET.

    Raises:
        PolicyError: there is none, or it is too short.

    """
    if file is None:
        source, secret = SECRET_VARIABLE, os.environ.get(SECRET_VARIABLE, "").strip().encode()
    else:
        source = str(file)
        try:
            secret = file.read_bytes().strip()
        except OSError as error:
            raise PolicyError(f"approvals.secret_file: {source} cannot be read: {error.strerror}") from error
    if len(secret) < _SHORTEST_SECRET:
        raise PolicyError(
            f"approvals: the webhook's secret from {source} has fewer than {_SHORTEST_SECRET} bytes",
            "Make one with: python -c 'import secrets; print(secrets.token_hex(32))'.",
        )
    return secret


class Webhook:
    """One web service.

    Arguments:
        url: its address.
        secret: what both sides sign with.

    """

    def __init__(self, url: str, secret: bytes) -> None:
        self._url = url
        self._secret = secret

    def ask(self, request: ApprovalRequest, seconds: float) -> ApprovalAnswer | None:
        """Return the service's answer; None where it says that somebody will decide in the queue.

        Raises:
            ApprovalFailed: it cannot be reached, answers too late, with a redirection or an error, or with what is not its signed answer.

        """
        body = json.dumps(_facts(request)).encode()
        headers, answered = self._post(body, max(0.1, seconds))
        self._refuse_unsigned(headers, answered)
        return _understood(request, answered)

    def _post(self, body: bytes, seconds: float) -> tuple[HTTPMessage, bytes]:
        from http.client import HTTPException  # noqa: PLC0415 - loads the network's libraries
        from urllib.error import HTTPError  # noqa: PLC0415 - likewise
        from urllib.request import Request  # noqa: PLC0415 - likewise

        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: sign(self._secret, "request", timestamp, body),
        }
        asked = Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310 - https or this machine: policy/sound.py
        try:
            with _opener(self._url).open(asked, timeout=seconds) as response:
                answered: bytes = response.read(_MOST_BYTES + 1)
                return response.headers, answered
        except HTTPError as error:
            with error:
                raise ApprovalFailed(f"the webhook answered with status {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise ApprovalFailed(f"the webhook cannot be asked: {type(error).__name__}") from error

    def _refuse_unsigned(self, headers: HTTPMessage, body: bytes) -> None:
        import hmac  # noqa: PLC0415 - as in `sign`

        timestamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if len(body) > _MOST_BYTES:
            raise ApprovalFailed("the webhook's answer is too large")
        expected = sign(self._secret, "answer", timestamp, body)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise ApprovalFailed("the webhook's answer is not signed with the shared secret")
        if (
            not timestamp.isascii()
            or not timestamp.isdigit()
            or abs(time.time() - int(timestamp[:20])) > _SKEW_SECONDS
        ):
            raise ApprovalFailed("the webhook's answer is too old, or the clocks differ")


def _opener(url: str) -> Any:
    """Return what sends a request: it follows no redirection, and takes no way around to this machine itself."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - as in `_post`
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener  # noqa: PLC0415 - likewise

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    here = urlsplit(url).hostname in _LOOPBACK
    return build_opener(Stay, *([ProxyHandler({})] if here else []))


def _facts(request: ApprovalRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "call_id": request.call_id,
        "tool": request.tool,
        "arguments": request.arguments,
        "digest": request.digest,
        "policy": request.policy,
        "user": request.user,
        "roles": list(request.roles),
        "session": request.session,
        "asked": request.asked,
        "expires": request.expires,
        "rule": request.rule,
        "message": request.message,
        "four_eyes": request.four_eyes,
    }


def _understood(request: ApprovalRequest, body: bytes) -> ApprovalAnswer | None:
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApprovalFailed("the webhook's answer is no JSON") from error
    if not isinstance(answer, dict) or answer.get("id") != request.id:
        raise ApprovalFailed("the webhook's answer is about another request")
    decision, by, comment = answer.get("decision"), answer.get("by", ""), answer.get("comment", "")
    if decision not in ("approve", "deny", "wait") or not isinstance(by, str) or not isinstance(comment, str):
        raise ApprovalFailed('the webhook\'s answer has no "decision" of approve, deny or wait')
    return None if decision == "wait" else ApprovalAnswer(decision == "approve", by, comment)
