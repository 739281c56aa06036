"""What a snippet may use up: `Budget`, the limits of one evaluation."""

from __future__ import annotations

from dataclasses import dataclass

INTEGER_BITS = 1 << 16
"""The largest integer that an operation may make, in bits: 19,728 digits. Dividing two of that size takes about a millisecond."""


@dataclass(frozen=True)
class Budget:
    """The limits of one evaluation. The first one that is reached ends it.

    Attributes:
        steps: passes of loops and comprehensions, calls of the snippet's own functions, and work inside of built-in operations
            in units of about 50 ns. The same snippet with the same inputs takes the same steps on every machine.
        wall_seconds: elapsed time; it is looked at every few hundred steps.
        memory_mb: how much the process may grow, in MB (2**20 bytes). What a single operation would make is counted before it is made.
            A list that grows item by item is moved now and then, and for that moment takes twice its size.
        output_bytes: how much of what is printed is kept, in bytes of UTF-8; the rest is counted and cut.
        recursion_depth: calls within calls. Python's own limit, which the whole process shares, may come first.
        result_bytes: the largest value that may be handed back, in bytes as JSON would roughly take.
        source_bytes: the largest source, in bytes of UTF-8.

    """

    steps: int = 10_000_000
    wall_seconds: float = 5.0
    memory_mb: int = 64
    output_bytes: int = 1024 * 1024
    recursion_depth: int = 1000
    result_bytes: int = 1024 * 1024
    source_bytes: int = 100 * 1024

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"Budget.{name}: expected a number above 0, got {value!r}")
