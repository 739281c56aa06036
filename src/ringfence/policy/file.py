"""Policy files: read within bounds, understood, checked. YAML, JSON (which is YAML) and TOML.

`read_yaml.py` and `read_toml.py` know the formats, `shape.py` what belongs into a policy, `compile.py` whether its names hang
together. The one idea: a file is hostile until it has become a `Policy`, so it is opened, sized and decoded with care, and every
fault is a `PolicyFileError` that names its place.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn

from ringfence.errors import PolicyError, PolicyFileError, RoleCycle, UnknownName, UnusableValue, nearest
from ringfence.policy.document import MOST_BYTES, dotted, printable
from ringfence.policy.shape import shape

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ringfence.policy.compile import CompiledPolicy
    from ringfence.policy.document import Document, Place
    from ringfence.policy.model import Policy
    from ringfence.tool import Tool

Format = Literal["yaml", "toml"]

_FORMATS: dict[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".json": "yaml", ".toml": "toml"}
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(
    os, "O_NOCTTY", 0
)  # opening a FIFO or a terminal must not block
_MOST_NAMES = 12
_AS_IT_IS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """What a check of a policy file found.

    Attributes:
        compiled: the policy, ready to decide; None where there are faults.
        faults: all faults of the file's shape, in its order; where there are none, the first name that nothing defines or
            the first circle of roles.
        remarks: what can be used and is probably not meant, with its line, in the file's order.

    """

    compiled: CompiledPolicy | None
    faults: tuple[PolicyError, ...] = ()
    remarks: tuple[PlacedRemark, ...] = ()


class PlacedRemark(NamedTuple):
    """Something in a policy file that is probably not meant.

    Attributes:
        file: the file.
        line: where it stands, from 1; None where the file as a whole is meant.
        key: the dotted key.
        kind, message, hint: as in `lint.Remark`.

    """

    file: str
    line: int | None
    key: str
    kind: str
    message: str
    hint: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}. {self.hint}"


def load_policy(path: str | Path) -> Policy:
    """Return the policy that a file holds. Whether the names in it are known is found by `compile_policy`.

    Arguments:
        path: a file that ends in .yaml, .yml, .json or .toml, of at most 1 MiB.

    Raises:
        PolicyFileError: the file cannot be read or is no policy. The first fault is raised, the others are its notes.

    """
    text = read_text(path)
    return parse_policy(text, file=str(path), format=_format(path))


def parse_policy(text: str, *, file: str, format: Format) -> Policy:  # noqa: A002 - the word people use for it
    """Return the policy that a text holds.

    Arguments:
        text: the text, of at most 1 MiB characters.
        file: the name for messages.
        format: `yaml` (JSON is YAML) or `toml`.

    Raises:
        PolicyFileError: the text is no policy. The first fault is raised, the others are its notes.

    """
    document, policy = _parse(text, file, format)
    if policy is None:
        _raise_all(_in_order(document))
    return policy


def load_sound_policy(path: str | Path) -> Policy:
    """Return the policy that a file holds, all names in it known. Arguments as for `load_policy`.

    Raises:
        PolicyFileError: the file cannot be read, is no policy, or names a role or profile that nothing defines.

    """
    check = check_policy_file(path)
    if check.compiled is None:
        _raise_all(check.faults)
    return check.compiled.policy


def check_policy_file(
    path: str | Path,
    tools: Sequence[Tool] = (),
    now: float | None = None,
    plugins: Callable[[], Collection[str]] | None = None,
) -> PolicyCheck:
    """Return all that is wrong with a policy file, names that nothing defines included, and what is probably not meant.

    Arguments:
        path: as for `load_policy`.
        tools: the tools that there are, so that names of tools and arguments can be checked; empty: only what looks misspelt.
        now: the time, in seconds since the epoch; None: that of the system.
        plugins: returns the names of the plugins that are installed; asked where the policy names one. None: they are not known.

    Raises:
        PolicyFileError: the file cannot be read at all (missing, forbidden, no regular file, too large, of unknown kind).

    """
    from ringfence.policy.compile import compile_policy  # noqa: PLC0415 - reading alone does not need it
    from ringfence.policy.lint import lint  # noqa: PLC0415 - likewise
    from ringfence.policy.lint_names import lint_names, lint_plugins  # noqa: PLC0415 - likewise

    text, format_ = read_text(path), _format(path)
    try:
        document, policy = _parse(text, str(path), format_)
    except PolicyFileError as error:
        return PolicyCheck(None, (error,))
    if policy is None:
        return PolicyCheck(None, _in_order(document))
    try:
        compiled = compile_policy(policy, Path(path).resolve().parent)
    except PolicyError as error:
        return PolicyCheck(None, (_placed(document, error),))
    found = [*lint(compiled, time.time() if now is None else now), *lint_names(policy, tools)]
    if policy.plugins and plugins is not None:
        found += lint_plugins(policy, plugins())
    remarks = [
        PlacedRemark(str(path), document.line(each.place), dotted(each.place), *each[1:]) for each in found
    ]
    return PolicyCheck(
        compiled, remarks=tuple(sorted(remarks, key=lambda remark: (remark.line or 0, remark.key)))
    )


def _raise_all(faults: Sequence[PolicyError]) -> NoReturn:
    """Raise the first fault, with the others as its notes."""
    for other in faults[1:]:
        faults[0].add_note(f"Another fault: {other}")
    raise faults[0]


def _parse(text: str, file: str, format_: Format) -> tuple[Document, Policy | None]:
    if len(text) > MOST_BYTES:
        raise PolicyFileError(file, expected="at most 1 MiB", got=f"{len(text):,} characters")
    if "\0" in text:
        raise PolicyFileError(
            file, line=_line_at(text, text.index("\0")), expected="text", got="a NUL, as in a binary file"
        )
    if format_ == "toml":
        from ringfence.policy.read_toml import read_toml as read  # noqa: PLC0415 - one of the two is enough
    else:
        from ringfence.policy.read_yaml import read_yaml as read  # noqa: PLC0415 - likewise
    document = read(text, file)
    return document, shape(document)


def _in_order(document: Document) -> tuple[PolicyFileError, ...]:
    return tuple(sorted(document.faults, key=lambda fault: fault.line or 0))


def _format(path: str | Path) -> Format:
    ending = Path(path).suffix.casefold()
    if ending not in _FORMATS:
        got = f"the ending {printable(ending)}" if ending else "a name without an ending"
        raise PolicyFileError(
            path,
            expected=f"a name that ends in {', '.join(_FORMATS)}",
            got=got,
            nearest=nearest(ending, _FORMATS),
        )
    return _FORMATS[ending]


def read_text(path: str | Path) -> str:
    """Return the text of a hostile file. Its kind and size are known before the first byte is read.

    Raises:
        PolicyFileError: it is missing, no regular file, larger than 1 MiB, or no UTF-8.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_WAITING | _AS_IT_IS)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        content = _content(descriptor, path)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)
    return _decoded(content, path)


def _content(descriptor: int, path: str | Path) -> bytes:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "a pipe, device or socket"
        raise PolicyFileError(path, expected="a regular file", got=kind)
    if found.st_size > MOST_BYTES:
        raise PolicyFileError(path, expected="at most 1 MiB", got=f"{found.st_size:,} bytes")
    content = bytearray()
    while part := os.read(descriptor, MOST_BYTES + 1 - len(content)):
        content += part
    if len(content) > MOST_BYTES:  # it grew meanwhile, or its size was not known
        raise PolicyFileError(path, expected="at most 1 MiB", got="more")
    return bytes(content)


def _decoded(content: bytes, path: str | Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{content[error.start]:02x}, as in a binary file or another encoding"
        raise PolicyFileError(path, line=line, expected="UTF-8 text", got=got) from error


def _unreadable(path: str | Path, error: OSError | ValueError) -> PolicyFileError:
    if isinstance(error, FileNotFoundError):
        return PolicyFileError(
            path, expected="a file", got="nothing of that name", nearest=_neighbour(Path(path))
        )
    got = error.strerror if isinstance(error, OSError) and error.strerror else "a name that no file can have"
    return PolicyFileError(path, expected="a readable file", got=printable(got.lower()))


def _neighbour(path: Path) -> str | None:
    """Return the policy file in the same folder that a person most likely meant."""
    try:
        return nearest(path.name, [entry.name for entry in path.parent.iterdir() if entry.suffix in _FORMATS])
    except OSError:
        return None


def _placed(document: Document, error: PolicyError) -> PolicyError:
    """Return a fault of meaning with its place in the file; as it is where it has none."""
    if isinstance(error, UnknownName):
        place = _place_of(document, error.where, error.name)
        names = f" ({', '.join(error.known)})" if len(error.known) <= _MOST_NAMES else ""
        got = f"'{printable(error.name)}'"
        fault = document.fault(place, f"a known {error.kind}{names}", got, nearest=error.nearest)
    elif isinstance(error, RoleCycle):
        places = [_place_of(document, f"roles.{role}.inherits") for role in error.path]
        circle = printable(" -> ".join(error.path), 400)
        fault = document.fault(
            max(places, key=len), "roles that do not inherit each other in a circle", circle
        )
    elif isinstance(error, UnusableValue):
        place = _place_of(document, error.where)
        fault = document.fault(place, "a value that can be used", printable(error.what, 400))
    else:
        return error
    fault.__cause__ = error
    return fault


def _place_of(document: Document, where: str, name: object = None) -> Place:
    """Return the place that a dotted key means, or that of an item of this name in the list there; else the nearest around."""
    found: Place = ()
    for place, value in document.places():
        key = dotted(place)
        if key == where and isinstance(value, list) and name in value:
            return (*place, value.index(name))
        if (key == where or where.startswith(f"{key}.")) and len(place) > len(found):
            found = place
    return found


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
