"""How a JSONL log is laid out on disk, and how its lines are found from either end.

A line is `{"mac":"<64 hexadecimal digits>","record":<canonical record>}` and a newline. The one idea: what stands behind the last
newline is no record but the rest of a write that was cut short.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ringfence.audit.store import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 1 << 20
"""No record comes near a MiB: a longer line is no line of a log."""
_BLOCK = 1 << 16
_BEFORE_MAC = b'{"mac":"'
_BEFORE_RECORD = b'","record":'
_AFTER = b"}"
_MAC_DIGITS = 64
_RECORD_AT = len(_BEFORE_MAC) + _MAC_DIGITS + len(_BEFORE_RECORD)


class LineInvalid(ValueError):
    """A line that no log would have."""


def line_of(record: str, mac: bytes) -> str:
    """Return a record as a line, newline included."""
    return f'{{"mac":"{mac.hex()}","record":{record}}}\n'


def split(line: bytes, seq: int) -> Stored:
    """Return what a line without its newline holds.

    Arguments:
        line: the line.
        seq: the number that its place in the log gives it.

    Raises:
        LineInvalid: it has another shape.

    """
    fits = (
        line.startswith(_BEFORE_MAC)
        and line.endswith(_AFTER)
        and line[_RECORD_AT - len(_BEFORE_RECORD) : _RECORD_AT] == _BEFORE_RECORD
    )
    digits = line[len(_BEFORE_MAC) : len(_BEFORE_MAC) + _MAC_DIGITS]
    if not fits or digits.strip(b"0123456789abcdef"):
        msg = "not a line of a log"
        raise LineInvalid(msg)
    return Stored(seq, line[_RECORD_AT:-1], bytes.fromhex(digits.decode("ascii")))


def read_at(descriptor: int, start: int, size: int) -> bytes:
    """Return the bytes from `start` on; fewer than `size` where the file ends."""
    os.lseek(descriptor, start, os.SEEK_SET)
    parts = []
    while size > 0 and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def whole_size(descriptor: int, size: int) -> int:
    """Return where the last whole line ends, in bytes from the start.

    Arguments:
        descriptor: the open log.
        size: how much of it to look at.

    Raises:
        LineInvalid: there is no newline in the last MiB.

    """
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        found = read_at(descriptor, start, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
        if size - end > LONGEST_LINE:
            msg = "no line ends in its last MiB"
            raise LineInvalid(msg)
    return 0


def forwards(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    """Yield whole lines between two places, without their newlines.

    Raises:
        LineInvalid: one is longer than a MiB.

    """
    rest = b""
    while start < end:
        block = read_at(descriptor, start, min(_BLOCK, end - start))
        if not block:
            return  # it was cut while it was read
        start += len(block)
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            msg = "a line is longer than a MiB"
            raise LineInvalid(msg)


def backwards(descriptor: int, end: int) -> Iterator[bytes]:
    """Yield whole lines from the last one to the first.

    Arguments:
        descriptor: the open log.
        end: where the last whole line ends, as `whole_size` returns it.

    Raises:
        LineInvalid: one is longer than a MiB.

    """
    rest = b""
    end = max(0, end - 1)  # without the newline that ends the last line
    while end > 0:
        start = max(0, end - _BLOCK)
        rest, *whole = (read_at(descriptor, start, end - start) + rest).split(b"\n")
        yield from reversed(whole)
        end = start
        if len(rest) > LONGEST_LINE:
            msg = "a line is longer than a MiB"
            raise LineInvalid(msg)
    if rest:
        yield rest
