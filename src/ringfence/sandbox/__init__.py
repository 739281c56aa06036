"""The sandbox tier: untrusted code in processes that the kernel holds. `Sandbox` is the way in.

`machine` tells what there is, `setups` what a profile needs, `pools` who runs when; `slots` and `zygotes` are the host's ends of the processes,
`inside/` is the other side and `layers/` what holds it. Names are loaded when they are first asked for: a zygote loads parts of this package,
and must stay small.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not typing's, which a zygote would have to load
if TYPE_CHECKING:
    from ringfence.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name == "Sandbox":
        from ringfence.sandbox.sandbox import Sandbox  # noqa: PLC0415 - see above

        return Sandbox
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
