"""What this machine gives: each layer's fact, found once, and what a profile's security level lacks of it.

The one idea: nothing is assumed from a version number; a layer is there when its own probe has used it.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.decision import SecurityLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.policy.model import Profile
    from ringfence.sandbox.layers.fact import Fact

BASELINE = ("rlimits", "privileges", "landlock", "seccomp")
"""The layers without which nothing runs, at any security level."""
_OLDEST_SCOPING = 6


class Machine(NamedTuple):
    """The layers of this machine.

    Attributes:
        system: the name of the operating system.
        facts: each layer's fact, by its name, in the order in which they are applied.

    """

    system: str
    facts: Mapping[str, Fact]

    def has(self, layer: str) -> bool:
        """Return whether a layer can be had."""
        return layer in self.facts and self.facts[layer].available

    def lacking(self, profile: Profile) -> str:
        """Return a sentence that names what a profile needs and this machine does not give; empty where nothing lacks."""
        if self.system != "linux":
            return f"the sandbox needs Linux: {self.system} has neither Landlock nor seccomp. Run it in a Linux container or VM"
        for layer in BASELINE:
            if not self.has(layer):
                return _lack(layer, self.facts[layer])
        if profile.security_level is SecurityLevel.PARANOID:
            return self._lacking_for_paranoid(profile)
        scoped = self.facts["landlock"].version >= _OLDEST_SCOPING or self.has("namespaces")
        if (profile.subprocesses or profile.processes > 1) and not scoped:
            return "more than one process needs Landlock version 6 (Linux 6.12), or namespaces: signals would leave the sandbox"
        return ""

    def _lacking_for_paranoid(self, profile: Profile) -> str:
        if not self.has("namespaces"):
            return f"the security level paranoid: {_lack('namespaces', self.facts['namespaces'])}"
        if self.facts["landlock"].version < _OLDEST_SCOPING:
            return "the security level paranoid needs Landlock version 6 (Linux 6.12), which scopes signals"
        if (profile.subprocesses or profile.processes > 1) and not self.has("cgroup"):
            return (
                f"the security level paranoid with several processes: {_lack('cgroup', self.facts['cgroup'])}"
            )
        return ""


def _lack(layer: str, fact: Fact) -> str:
    return f"the layer {layer} is missing: {fact.detail}. {fact.advice}".rstrip(". ")


@cache
def this_machine() -> Machine:
    """Return what this machine gives. It is probed once per process."""
    if sys.platform != "linux":
        return Machine(sys.platform, {})
    from ringfence.sandbox.layers import cgroup, landlock, namespaces, privileges, rlimits, seccomp  # noqa: PLC0415 - Linux only

    layers = (rlimits, privileges, landlock, seccomp, namespaces, cgroup)
    return Machine("linux", {layer.__name__.rpartition(".")[2]: layer.probe() for layer in layers})


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=this_machine.cache_clear)
