"""Which of two engines holds a network grant: a network namespace, the first choice, or seccomp notifications where there is none.

Both lead to the same proxy and nowhere else. The one idea: what either needs is looked for before a run is taken, and what lacks is named.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ringfence.sandbox.machine import Machine

_SYS_PTRACE = 19
_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
_DESCENDANTS, _ADMINISTRATORS = 1, 2
"""Who may look into a process, by Yama: from 2 on nobody without the capability, from 3 on nobody at all."""


class Network(NamedTuple):
    """What a machine gives to network grants.

    Attributes:
        engine: `namespace`, `notify`, or empty where there is none.
        detail: a sentence about it: how it works, or what lacks.
        shown: whether runs must let processes of their own user look into them, since this process could not otherwise.

    """

    engine: str
    detail: str
    shown: bool = False


def network(machine: Machine) -> Network:
    """Return what a machine gives to network grants."""
    if machine.system != "linux":
        return Network("", "network grants need Linux")
    from ringfence.sandbox import notifications  # noqa: PLC0415 - Linux only
    from ringfence.sandbox.layers import landlock  # noqa: PLC0415 - likewise

    if machine.has("namespaces") and machine.facts["landlock"].version >= landlock.NETWORK_SINCE:
        return Network("namespace", "a network namespace with nothing in it but the way to the proxy")
    fact = notifications.probe()
    if not fact.available:
        return Network(
            "",
            f"network grants need a network namespace with Landlock version 4 (Linux 6.7), or {fact.detail}",
        )
    traces = _traces()
    scope = _yama()
    if scope > (_ADMINISTRATORS if traces else _DESCENDANTS):
        why = (
            f"kernel.yama.ptrace_scope is {scope}, so this process may not read what a run's connect asks for"
        )
        return Network(
            "", f"network grants need a network namespace, which this machine does not give, and {why}"
        )
    return Network(
        "notify", "seccomp notifications: this process is asked about each connect, and makes it", not traces
    )


def _traces() -> bool:
    from ringfence.sandbox.layers import privileges  # noqa: PLC0415 - Linux only

    return privileges.has(_SYS_PTRACE)


def _yama() -> int:
    with suppress(OSError, ValueError):
        return int(_YAMA.read_text("ascii"))
    return 0
