"""The analyser of the language `url`: a source that is one address, such as the argument of a tool that fetches pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from ringfence.scanning.effects import Effect, Kind, Language, Unscannable
from ringfence.scanning.urls.parsing import HOSTLESS, SOCKETS, Url, parsed

if TYPE_CHECKING:
    from ringfence.scanning.effects import Budget

_LONGEST = 8192
_NAME = "url"


def url_effects(source: str, budget: Budget, dialect: str = "") -> tuple[Effect, ...]:  # noqa: ARG001 - addresses have no dialects
    """Return what an address would have a tool do: connect to it, read the file of a `file:` URL, run a `javascript:` URL.

    Arguments:
        source: a URL, `host:port` or a host.
        budget: what may still be spent.
        dialect: unused.

    Raises:
        Unscannable: it is empty, too long, names no host, or holds characters that no honest address holds.

    """
    budget.spend(len(source))
    _refuse_nonsense(source)
    url = parsed(source)
    effect = Effect(Kind.CONNECT, _NAME, source, end_line=1, end_column=len(source))
    if url.scheme == "file":
        return effect, effect._replace(kind=Kind.READ)
    if url.scheme == "javascript":
        code = unquote(url.path, errors="replace")
        return effect, effect._replace(kind=Kind.EVALUATE, value=code, nested=(Language.JAVASCRIPT, code))
    _refuse_hostless(url)
    return (effect,)


def _refuse_nonsense(source: str) -> None:
    if not source.strip():
        raise Unscannable("unparsed", "the address is empty: name a URL or host")
    if len(source) > _LONGEST:
        raise Unscannable("unparsed", f"the address is longer than {_LONGEST:,} characters: shorten it")
    if any(ord(c) < 32 or ord(c) == 127 for c in source):  # noqa: PLR2004 - control characters
        raise Unscannable("unparsed", "the address holds control characters: write it without")


def _refuse_hostless(url: Url) -> None:
    if url.scheme not in HOSTLESS | SOCKETS and not all(_is_host(host) for host in url.hosts):
        raise Unscannable(
            "unparsed", "the address names no host: write a URL such as https://example.org/page"
        )


def _is_host(host: str) -> bool:
    """Return whether a text can be a host: not empty, no white space, no character that ends a host or parts it."""
    return bool(host) and not any(c.isspace() or c in "<>^`{|}\"'()*,;!$&=\\" for c in host)
