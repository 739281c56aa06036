"""A small assembler for the classic BPF programs that seccomp runs: rules in, bytes out.

What is allowed stands in `layers/seccomp.py`. The one idea: a rule is a tree whose every leaf ends the program, so pieces can be put
one after the other without labels, and no path falls through to the next rule.
"""

from __future__ import annotations

import struct

_LD, _JEQ, _JGE, _AND, _JA, _RET = 0x20, 0x15, 0x35, 0x54, 0x05, 0x06
_ALLOW, _ERRNO, _KILL, _NOTIFY = 0x7FFF0000, 0x00050000, 0x80000000, 0x7FC00000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_SHORT_JUMP = 255
_X32 = 0x40000000
_ALL_BITS = 0xFFFFFFFF
SELF = 0x5E1F5E1F
"""A value that stands for the process's own id until the program is installed: `own_process` puts it in."""

Instruction = tuple[int, int, int, int]


class Rule:
    """What becomes of a call. Made by the functions below."""

    __slots__ = ("code",)

    def __init__(self, code: list[Instruction]) -> None:
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.code == other.code

    def __hash__(self) -> int:
        return hash(tuple(self.code))


def _ends(value: int) -> Rule:
    return Rule([(_RET, 0, 0, value)])


ALLOW = _ends(_ALLOW)
KILL = _ends(_KILL)
NOTIFY = _ends(_NOTIFY)


def errno(code: int) -> Rule:
    """Return the rule that answers with an error; 0: that nothing was done, and no error."""
    return _ends(_ERRNO | code)


def when(argument: int, values: tuple[int, ...], then: Rule, otherwise: Rule, mask: int = _ALL_BITS) -> Rule:
    """Return a rule that looks at the lower 32 bits of an argument.

    Arguments:
        argument: which, from 0.
        values: the values that `then` is for.
        then, otherwise: the two rules.
        mask: the bits that count.

    """
    code: list[Instruction] = [(_LD, 0, 0, _ARGUMENTS_AT + 8 * argument)]
    if mask != _ALL_BITS:
        code.append((_AND, 0, 0, mask))
    for i, value in enumerate(values):
        code.append((_JEQ, len(values) - 1 - i + len(otherwise.code), 0, value & 0xFFFFFFFF))
    return Rule(code + otherwise.code + then.code)


def when_high(argument: int, values: tuple[int, ...], then: Rule, otherwise: Rule) -> Rule:
    """Return a rule that looks at the upper 32 bits of an argument. Arguments as for `when`."""
    code: list[Instruction] = [(_LD, 0, 0, _ARGUMENTS_AT + 8 * argument + 4)]
    for i, value in enumerate(values):
        code.append((_JEQ, len(values) - 1 - i + len(otherwise.code), 0, value & _ALL_BITS))
    return Rule(code + otherwise.code + then.code)


def when_zero(argument: int, then: Rule, otherwise: Rule) -> Rule:
    """Return a rule that looks whether all 64 bits of an argument are zero: a pointer to nothing."""
    at = _ARGUMENTS_AT + 8 * argument
    rest = len(then.code)
    head: list[Instruction] = [
        (_LD, 0, 0, at),
        (_JEQ, 0, rest + 2, 0),
        (_LD, 0, 0, at + 4),
        (_JEQ, 0, rest, 0),
    ]
    return Rule(head + then.code + otherwise.code)


def program(rules: dict[int, Rule], unknown: Rule, architecture: int) -> bytes:
    """Return the program that answers each call by its number.

    Arguments:
        rules: by number.
        unknown: for every other number.
        architecture: the number of the only architecture that calls may come from; others end the process.

    """
    starts, kinds = _ranges(rules, unknown)
    head: list[Instruction] = [
        (_LD, 0, 0, _ARCH_AT), (_JEQ, 1, 0, architecture), *KILL.code,
        (_LD, 0, 0, _NUMBER_AT), (_JGE, 0, 1, _X32), *errno(38).code,
    ]  # fmt: skip
    return b"".join(struct.pack("=HBBI", *each) for each in head + _search(starts, kinds))


def _ranges(rules: dict[int, Rule], unknown: Rule) -> tuple[list[int], list[Rule]]:
    """Return where in the line of numbers another rule begins, and which."""
    starts, kinds = [0], [rules.get(0, unknown)]
    for number in range(1, max(rules) + 2):
        rule = rules.get(number, unknown)
        if rule != kinds[-1]:
            starts.append(number)
            kinds.append(rule)
    return starts, kinds


def _search(starts: list[int], kinds: list[Rule]) -> list[Instruction]:
    """Return a binary search over the ranges: a filter runs at every call, so it is kept to eight comparisons."""
    if len(kinds) == 1:
        return kinds[0].code
    middle = len(kinds) // 2
    left, right = _search(starts[:middle], kinds[:middle]), _search(starts[middle:], kinds[middle:])
    if len(left) <= _SHORT_JUMP:
        return [(_JGE, len(left), 0, starts[middle]), *left, *right]
    return [(_JGE, 0, 1, starts[middle]), (_JA, 0, 0, len(left)), *left, *right]


def own_process(code: bytes) -> list[int]:
    """Return where in a program the process's own id has to be put, as offsets in bytes."""
    return [at + 4 for at in range(0, len(code), 8) if code[at + 4 : at + 8] == struct.pack("=I", SELF)]


def run(code: bytes, number: int, arguments: tuple[int, ...], architecture: int) -> int:
    """Return what a program answers to a call, as the kernel would: for tests, and for `ringfence doctor`."""
    words = struct.pack("=iIQ6Q", number, architecture, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    at, value = 0, 0
    while True:
        kind, yes, no, k = struct.unpack_from("=HBBI", code, at * 8)
        at += 1
        if kind == _RET:
            return int(k)
        if kind == _LD:
            value = struct.unpack_from("=I", words, k)[0]
        elif kind == _AND:
            value &= k
        elif kind == _JA:
            at += k
        else:
            at += yes if (value == k if kind == _JEQ else value >= k) else no
