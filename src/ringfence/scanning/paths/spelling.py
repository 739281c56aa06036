"""One path, many spellings: `readings()` turns a text into the plain paths that a system or a lenient program may take it for.

Nothing here asks a file system, and nothing knows which paths are sensitive (`places.py`). The one idea: what a text means depends on
who reads it (POSIX, Windows, a program that decodes percent signs first), so every plausible reading is returned and each is judged.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote

from ringfence.scanning.effects import HOLE

HOME = "~"
ROOT = "/"
HERE = ""
DEVICE = "//."


class Plain(NamedTuple):
    """A path without spelling: where it starts, and the names on the way.

    Arguments:
        start: `/` for the root, `~` for the user's home, `c:` for a Windows drive, `//` for a network share, `//.` for a Windows device, empty
            for the working folder, `HOLE` where it starts somewhere unknown.
        parts: the names, in lower case (paths are judged as on a case-insensitive file system), without `.` and `..`.
        climbs: how many `..` lead out of a start that is the working folder or unknown.
        hidden: this reading comes out only after decoding, so whoever looks at the text does not see it.

    """

    start: str
    parts: tuple[str, ...]
    climbs: int = 0
    hidden: bool = False


_DECODINGS = 3
_VARIABLE = re.compile(
    r"\$\{(\w{1,64})\}|\$env:(\w{1,64})|\$(\w{1,64})|%(\w{1,64})%|\$\{env:(\w{1,64})\}", re.IGNORECASE
)
_VARIABLES = {
    "home": HOME,
    "userprofile": HOME,
    "homepath": HOME,
    "appdata": f"{HOME}/AppData/Roaming",
    "localappdata": f"{HOME}/AppData/Local",
    "xdg_config_home": f"{HOME}/.config",
    "xdg_data_home": f"{HOME}/.local/share",
    "programdata": "C:/ProgramData",
    "allusersprofile": "C:/ProgramData",
    "programfiles": "C:/Program Files",
    "systemroot": "C:/Windows",
    "windir": "C:/Windows",
    "systemdrive": "C:",
    "tmpdir": "/tmp",  # noqa: S108 - a name to recognise, nothing is created there
    "temp": "/tmp",  # noqa: S108 - likewise
    "tmp": "/tmp",  # noqa: S108 - likewise
    "pwd": ".",
}
"""What well-known variables at the start of a path stand for; any other is unknown."""
_USER = re.compile(r"~[\w.-]*")
_FILE_URL = re.compile(r"file:(?://(?:localhost|127\.0\.0\.1)?(?=[/\\]))?", re.IGNORECASE)
_DEVICE_PREFIX = re.compile(r"(?:\\\\|//)[?.](?:\\|/)(?:UNC(?:\\|/))?", re.IGNORECASE)
_WINDOWS_DEVICE = re.compile(
    r"[\\/]{2}[?.][\\/](?:(?:physicaldrive|harddisk|cdrom|tape|scsi|globalroot|volume\{)[^\\/]{0,64}.*|[a-z]:)",
    re.IGNORECASE,
)
"""A disk itself, beneath its file system."""
_DRIVE = re.compile(r"[A-Za-z]:")
_MOUNTED_DRIVE = re.compile(
    r"/(?:mnt/|cygdrive/)?([A-Za-z])/(?=windows(?:/|$)|users(?:/|$)|program)", re.IGNORECASE
)
_SHARED_DRIVE = re.compile(r"//[^/]{1,255}/([A-Za-z])\$(?=/|$)")

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}|%u[0-9A-Fa-f]{4}", re.IGNORECASE)
_UNICODE_ESCAPE = re.compile(r"%u([0-9A-Fa-f]{4})", re.IGNORECASE)
_OVERLONG = (  # UTF-8 that spells an ASCII character in more bytes than it needs; strict decoders refuse it, lenient ones do not
    (re.compile(r"%c0%(?:ae|2e)|%e0%80%ae|%f0%80%80%ae", re.IGNORECASE), "."),
    (re.compile(r"%c0%(?:af|2f)|%e0%80%af|%f0%80%80%af", re.IGNORECASE), "/"),
    (re.compile(r"%c1%9c|%c0%5c", re.IGNORECASE), r"\\"),
)
_LOOKALIKES = str.maketrans({
    "\N{DIVISION SLASH}": "/",
    "\N{FRACTION SLASH}": "/",
    "\N{BIG SOLIDUS}": "/",
    "\N{BOX DRAWINGS LIGHT DIAGONAL UPPER RIGHT TO LOWER LEFT}": "/",
    "\N{SET MINUS}": "\\",
    "\N{REVERSE SOLIDUS OPERATOR}": "\\",
    "\N{BIG REVERSE SOLIDUS}": "\\",
    "\N{IDEOGRAPHIC FULL STOP}": ".",
    "\N{ONE DOT LEADER}": ".",
})  # fmt: skip
_FILTER_BYPASS = re.compile(r"(?<!\.)\.{4,}+(?=[/\\]{2})|\.\.;(?=[/\\]|$)")
_STREAM = re.compile(r"(?<=[^:]):[^:/]*(?::\$[A-Za-z_]+)?$")


def readings(text: str) -> list[Plain]:
    """Return the paths that a text may be taken for: as POSIX reads it, as Windows does, and after decoding, each only if it differs."""
    posix = _plain(text)
    found = [posix]
    windows = _plain(text.replace("\\", "/"), windows=True) if _looks_windows(text) else posix
    if windows != posix:
        found.append(windows)
    decoded = _decoded(text)
    if decoded != text:
        hidden = _plain(decoded.replace("\\", "/"), windows=True)
        if hidden not in found:
            found.append(hidden._replace(hidden=True))
    return found


def _looks_windows(text: str) -> bool:
    return (
        "\\" in text
        or _DRIVE.match(text) is not None
        or text.startswith("//")
        or "%" in text[:1]
        or ":" in text
    )


def _decoded(text: str) -> str:
    """Return what lenient programs make of a text: percent signs, Unicode spellings, invisible characters, an end at NUL."""
    for _ in range(_DECODINGS):
        if not _ENCODED.search(text):
            break
        for pattern, plain in _OVERLONG:
            text = pattern.sub(plain, text)
        text = unquote(_UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text), errors="replace")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_LOOKALIKES)).translate(_LOOKALIKES)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return _FILTER_BYPASS.sub("..", text.split("\0", 1)[0])


def _plain(text: str, *, windows: bool = False) -> Plain:
    start, rest = _start(text, windows=windows)
    names = [_windows_name(name) for name in rest.split("/")] if windows else rest.split("/")
    return _through_proc(_collapsed(start, names))


def _start(text: str, *, windows: bool) -> tuple[str, str]:
    """Return where a path starts, and the rest of it."""
    text = _FILE_URL.sub("", text, count=1) if text[:5].lower() == "file:" else text
    text = _expanded(text)
    return _windows_start(text) if windows else _posix_start(text)


def _windows_start(text: str) -> tuple[str, str]:
    if _WINDOWS_DEVICE.fullmatch(text):
        return DEVICE, text[4:]
    text = _without_windows_prefix(text)
    if _DRIVE.match(text):
        return text[:2].lower(), text[2:]
    return ("//", text[2:]) if text.startswith("//") else _posix_start(text)


def _posix_start(text: str) -> tuple[str, str]:
    mounted = _MOUNTED_DRIVE.match(text)
    if mounted:
        return f"{mounted[1].lower()}:", text[mounted.end() :]
    if text.startswith("/"):
        return ROOT, text[1:]
    if text.startswith(HOLE):
        return HOLE, text[1:] if text[1:2] in {"/", ""} else text
    return _home_or_here(text)


def _home_or_here(text: str) -> tuple[str, str]:
    user = _USER.match(text)
    after = text[user.end() : user.end() + 1] if user else ""
    if not user or after not in {"", "/"} or (after == "" and "." in user[0]):
        return HERE, text
    if len(user[0]) == 1:
        return HOME, text[1:]
    if user[0] in {"~+", "~-"}:
        return HOLE, text[2:]
    return (ROOT, f"root{text[5:]}") if user[0] == "~root" else (ROOT, f"home/{text[1:]}")


def _expanded(text: str) -> str:
    """Return the text with a variable at its start replaced by what that stands for."""
    found = _VARIABLE.match(text)
    if not found:
        return text
    name = next(group for group in found.groups() if group)
    return _VARIABLES.get(name.lower(), HOLE) + text[found.end() :]


def _without_windows_prefix(text: str) -> str:
    r"""Return a path without `\\?\` and the like, with the administrative share of a drive (`\\host\c$`) as that drive."""
    prefix = _DEVICE_PREFIX.match(text)
    if prefix:
        text = ("//" if "unc" in prefix[0].lower() else "") + text[prefix.end() :]
    shared = _SHARED_DRIVE.match(text)
    return f"{shared[1]}:{text[shared.end() :]}" if shared else text


def _windows_name(name: str) -> str:
    """Return a name as Windows opens it: without alternate data stream, without dots and spaces at the end."""
    if name in {"", ".", ".."}:
        return name
    name = _STREAM.sub("", name) if ":" in name else name
    bare = name.rstrip(". ")
    return bare or ("." if name.strip() in {"", "."} else name.strip())


def _collapsed(start: str, names: list[str]) -> Plain:
    parts: list[str] = []
    climbs = 0
    for name in names:
        if name in {"", "."}:
            continue
        if name != "..":
            parts.append(name)
        elif parts:
            parts.pop()
        elif start == HOME:  # a home folder is taken to be /home/NAME
            start, parts = ROOT, ["home"]
        elif start in {HERE, HOLE}:
            climbs += 1
    return Plain(start, tuple(part.casefold() for part in parts), climbs)


def _through_proc(path: Plain) -> Plain:
    """Return where the magic links `/proc/PID/root` and `/proc/PID/cwd` lead."""
    if path.start != ROOT or len(path.parts) < 3 or path.parts[0] != "proc":  # noqa: PLR2004 - proc, process, link
        return path
    if path.parts[2] == "root":
        return path._replace(parts=path.parts[3:])
    if path.parts[2] == "cwd":
        return path._replace(start=HERE if path.parts[1] == "self" else HOLE, parts=path.parts[3:])
    return path
