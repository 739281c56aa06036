"""The variables of the environment: those that hold a folder everywhere, and those of which only the origin is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin
from ringfence.scanning.python.values import UNKNOWN, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDERS: Mapping[str, str] = {
    "HOME": "~", "USERPROFILE": "~", "HOMEPATH": "~", "APPDATA": "~/AppData/Roaming", "LOCALAPPDATA": "~/AppData/Local",
    "TMPDIR": "/tmp", "TEMP": "/tmp", "TMP": "/tmp",  # noqa: S108 - what they hold elsewhere, no file is made there
    "SYSTEMROOT": "C:\\Windows", "WINDIR": "C:\\Windows", "PROGRAMFILES": "C:\\Program Files", "PROGRAMDATA": "C:\\ProgramData",
}  # fmt: skip
_FROM_ENVIRONMENT = frozenset({Origin.ENVIRONMENT})


def variable(name: object) -> Value:
    """Return what an environment variable holds: a folder where its name says so."""
    const = _FOLDERS.get(name.upper(), UNKNOWN) if isinstance(name, str) else UNKNOWN
    return Value(const, "" if const is not UNKNOWN else "os.environ[]", _FROM_ENVIRONMENT)
