"""What a pickle would import, read from its opcodes without loading it."""

from __future__ import annotations

from collections import deque

_MOST_OPCODES = 20_000
_TEXT = frozenset(
    ["SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"]
)


def imported_by(data: bytes) -> tuple[str, ...]:
    """Return the dotted names that a pickle would import; none where it is no pickle.

    Arguments:
        data: the pickle's bytes. They are read and never loaded.

    """
    import pickletools  # noqa: PLC0415 - loads pickle, and few sources hold one

    found: list[str] = []
    texts: deque[str] = deque(maxlen=2)
    memory: dict[int, str] = {}
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            name = opcode.name
            if name in ("GLOBAL", "INST"):
                found.append(str(argument).replace(" ", "."))
            elif name == "STACK_GLOBAL":
                found.append(".".join(texts))
            elif name in _TEXT:
                texts.append(str(argument))
            elif name == "MEMOIZE" and texts:
                memory[len(memory)] = texts[-1]
            elif name in ("BINPUT", "LONG_BINPUT", "PUT") and texts:
                memory[int(str(argument))] = texts[-1]
            elif name in ("BINGET", "LONG_BINGET", "GET"):
                texts.append(memory.get(int(str(argument)), ""))
            if number > _MOST_OPCODES:
                break
    except Exception:  # noqa: BLE001 - what hostile bytes make the reader raise is of no interest; what was read so far counts
        return tuple(found)
    return tuple(found)
