"""From a text to the addresses that a client may take it for: scheme, who logs in, hosts, port.

Nothing here knows which hosts are special (`places.py`). The one idea: browsers, `curl` and Python part a URL differently where it is
written oddly (backslashes, several `@`, white space), so every host that one of them would reach is returned.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

from ringfence.scanning.effects import HOLE


class Url(NamedTuple):
    """An address taken apart.

    Arguments:
        scheme: in lower case; empty where none is written.
        user: what stands before the `@`; empty where there is none.
        hosts: every host that a client would take it for, plain and in lower case; usually one.
        port: the port that is written, as text; empty where there is none.
        path: what follows the host.
        hidden: the spelling hides the host: encoded, in other scripts' digits, or read differently by different clients.

    """

    scheme: str
    user: str
    hosts: tuple[str, ...]
    port: str
    path: str
    hidden: bool


HOSTLESS = frozenset(
    {"data", "javascript", "mailto", "about", "blob", "tel", "urn", "view-source", "vbscript"}
)
SOCKETS = frozenset({"unix", "http+unix", "npipe", "http+npipe"})
"""Schemes of sockets in the file system: what stands for the host is a path."""
_SPECIAL = frozenset({"http", "https", "ws", "wss", "ftp"})
"""Schemes after which browsers take backslashes for slashes and do without the two slashes (WHATWG URL)."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,63}):(?=(//)?)")
_BREAKS = re.compile(r"[\t\r\n]")
_END = re.compile(r"[/?#]")
_DISPUTED = re.compile(r"[?#]@")
"""Directly after the host: some clients take what follows for the host (CVE-2016-8624)."""
_LONGEST_HOST = 1024
_INVISIBLE = "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}"
_PLAINER = str.maketrans({
    **dict.fromkeys(_INVISIBLE),
    "\N{IDEOGRAPHIC FULL STOP}": ".",
    "\N{HALFWIDTH IDEOGRAPHIC FULL STOP}": ".",
})  # fmt: skip


def parsed(text: str) -> Url:
    """Return an address taken apart. It may be a URL, `host:port`, or a host; whatever is wrong with it, something comes back."""
    plain = _BREAKS.sub("", text.strip("".join(map(chr, range(33)))))
    broken = _BREAKS.search(text.strip()) is not None
    scheme, rest = _scheme(plain)
    if scheme in HOSTLESS:
        return Url(scheme, "", (), "", rest, broken)
    rest = _after_slashes(scheme, rest)
    readings = dict.fromkeys(
        [_END.split(rest, maxsplit=1)[0], _END.split(rest.replace("\\", "/"), maxsplit=1)[0]]
    )
    authorities = [_authority(reading[:_LONGEST_HOST]) for reading in readings]
    hosts = tuple(dict.fromkeys(host for _, host, _, _ in authorities))
    user, _, port, odd = authorities[0]
    path = rest[len(next(iter(readings))) :]
    return Url(
        scheme, user, hosts, port, path, broken or odd or len(hosts) > 1 or _DISPUTED.match(path) is not None
    )


def _scheme(text: str) -> tuple[str, str]:
    """Return the scheme and what follows its colon. `localhost:80` has none."""
    found = _SCHEME.match(text)
    if not found:
        return "", text
    scheme = found[1].lower()
    if found[2] or scheme in HOSTLESS or scheme in _SPECIAL or scheme == "file":
        return scheme, text[found.end() :]
    return "", text


def _after_slashes(scheme: str, rest: str) -> str:
    """Return what follows the slashes before the host; after some schemes clients take any number of either kind, also none."""
    if scheme in _SPECIAL or not scheme:
        return rest.lstrip("/\\")
    return rest.removeprefix("//")


def _authority(text: str) -> tuple[str, str, str, bool]:
    """Return user, host, port, and whether the host is written to hide."""
    user, _, place = text.rpartition("@")
    host, port = _split(place)
    plain = _plain_host(host)
    return user, plain, port, plain != host.lower() and not _is_international(host)


def _split(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    if place.count(":") > 1:  # an IPv6 address without brackets
        return place, ""
    host, _, port = place.partition(":")
    return host, port


def _plain_host(host: str) -> str:
    """Return a host as a resolver gets it: decoded, compatibility characters folded, in lower case."""
    if "%" in host and ":" not in host:
        host = unquote(host, errors="replace")
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host.translate(_PLAINER)).translate(_PLAINER)
    return host.casefold().strip() if HOLE not in host else host.lower()


def _is_international(host: str) -> bool:
    """Return whether a host is a name in another script as people write it, rather than an ASCII name in disguise."""
    return "%" not in host and not _plain_host(host).isascii()
