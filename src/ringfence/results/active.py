"""Active content: what does something when a result is shown, or carries data out when a client fetches it: images, links, frames, scripts.

A model that repeats a markdown image makes the reader's client fetch its address, with whatever the address holds. An address that holds nothing
but a name is a picture; one with a query or a long random part can carry data.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.results.randomness import entropy, wordiness
from ringfence.results.screen import Pattern, Screen
from ringfence.results.sighting import Kind, Sighting
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_IMAGE = r"!\[[^\]]{0,300}\]\(\s{0,3}<?(?:https?:)?//[^\s)>]{1,2000}"
_LINK = r"\[[^\]]{1,300}\]\(\s{0,3}<?https?://[^\s)>]{1,2000}"
_TAG = r"<(?i:script|iframe|object|embed|base|meta|link|form|svg|math)(?:[\s/][^>]{0,2000})?>|<(?i:img|video|audio|source|input|body)\s[^>]{0,2000}>"
_SCHEME = r"(?i:javascript|vbscript):[^\s\"'<>)]{1,500}|(?i:data:text/html|data:image/svg\+xml|data:application/xhtml)[^\s\"'<>)]{0,500}"
SCREEN = Screen((r"\]\(", r"<[A-Za-z]", r"(?i:javascript|vbscript|data):"))
_image, _link, _tag, _scheme = (Pattern(pattern) for pattern in (_IMAGE, _LINK, _TAG, _SCHEME))
_HANDLER = re.compile(
    r"(?i)\son[a-z]{3,20}\s*=|\ssrc\s*=\s*[\"']?\s*(?:https?:)?//|\ssrcset\s*=|\saction\s*=|\shttp-equiv\s*="
)
_QUIET = frozenset(("img", "video", "audio", "source", "input", "body", "svg", "math", "meta"))
"""Elements that only show something, unless they have a handler or an address elsewhere."""
_SHORT_QUERY, _LONG_PART, _RANDOM, _WORDS = 12, 24, 3.5, 0.6


def find(text: str) -> list[Sighting]:
    """Return the active content in a text, in order."""
    if not SCREEN.hits(text):
        return []
    return sorted(
        [*_images(text), *_links(text), *_tags(text), *_schemes(text)], key=lambda found: found.start
    )


def _images(text: str) -> Iterator[Sighting]:
    for match in _image.finditer(text):
        carries = _can_carry(match[0])
        level = ThreatLevel.HIGH if carries else ThreatLevel.LOW
        what = "an image whose address can carry data out" if carries else "an image from elsewhere"
        yield Sighting(Kind.ACTIVE, "markdown-image", level, match.start(), _closed(text, match.end()), what)


def _links(text: str) -> Iterator[Sighting]:
    for match in _link.finditer(text):
        if text[match.start() - 1 : match.start()] != "!" and _can_carry(match[0]):
            yield Sighting(
                Kind.ACTIVE,
                "markdown-link",
                ThreatLevel.MEDIUM,
                match.start(),
                _closed(text, match.end()),
                "a link whose address can carry data out",
            )


def _closed(text: str, end: int) -> int:
    return text.find(")", end) + 1 or end


def _can_carry(markdown: str) -> bool:
    """Return whether an address holds more than names: a query, a template's hole, or a part that looks like data."""
    address = markdown.rpartition("](")[2]
    _, _, rest = address.partition("//")
    path, _, query = rest.partition("?")
    if len(query) >= _SHORT_QUERY or "{" in address or "%7B" in address:
        return True
    parts = re.split(r"[/.]", path)
    return any(
        len(part) >= _LONG_PART and entropy(part) >= _RANDOM and wordiness(part) < _WORDS for part in parts
    )


def _tags(text: str) -> Iterator[Sighting]:
    for match in _tag.finditer(text):
        name = match[0][1:].split(None, 1)[0].partition("/")[0].rstrip(">").lower()
        if name not in _QUIET or _HANDLER.search(match[0].replace("/", " ")):
            what = f"an HTML element that acts when it is shown ({name})"
            yield Sighting(Kind.ACTIVE, "html", ThreatLevel.MEDIUM, *match.span(), what)


def _schemes(text: str) -> Iterator[Sighting]:
    for match in _scheme.finditer(text):
        yield Sighting(
            Kind.ACTIVE, "script-address", ThreatLevel.MEDIUM, *match.span(), "an address that runs a script"
        )
