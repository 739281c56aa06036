"""What this machine gives to the sandbox, and the proof: canaries that try in a real child what each layer must stop.

A fact from a probe says that a layer can be had; only a canary says that it bites. The one idea: a canary is hostile code that reports whether it got
through, run like any other code, so what is proven is the whole way and not a part of it.
"""

from __future__ import annotations

import select
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import SandboxError
from ringfence.policy.model import Profile
from ringfence.sandbox.machine import this_machine
from ringfence.sandbox.networks import network
from ringfence.scanning.decision import SecurityLevel
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.sandbox import Sandbox
    from ringfence.sandbox.machine import Machine
    from ringfence.sandbox.networks import Network

_MEMORY_MB = 64
_CANARY = Profile(cpu_seconds=0.5, wall_seconds=10, memory_mb=_MEMORY_MB, waiting=1)
_TRY = """
def attempt():
{body}
try:
    attempt()
    got = "through"
except OSError as error:
    got = "refused"
got
"""


class Canary(NamedTuple):
    """Hostile code, and what must become of it.

    Attributes:
        layer: the layer whose proof it is.
        what: what it tries, in words.
        body: Python that returns where it got through; indented by four.
        reason: the reason with which the run itself must end; None: it reports by itself that it was refused.

    """

    layer: str
    what: str
    body: str
    reason: Reason | None = None


CANARIES = (
    Canary("landlock", "list the root folder's secrets", "    open('/etc/passwd').read()"),
    Canary("landlock", "write outside of the working folder", "    open('../planted', 'w')"),
    Canary("seccomp", "open a socket", "    import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"),
    Canary("seccomp", "make memory without an address", "    import os; os.memfd_create('x')"),
    Canary("seccomp", "start a process", "    import os\n    if os.fork() == 0: os._exit(0)"),
    Canary("privileges", "become root", "    import os; os.setuid(0 if os.getuid() else 1)"),
    Canary(
        "rlimits", f"take more than {_MEMORY_MB} MB", f"    bytearray({_MEMORY_MB * 4} << 20)", Reason.MEMORY
    ),
    Canary("rlimits", "compute for ever", "    while True: pass", Reason.CPU),
)
_PAST_THE_PROXY = Canary(
    "network",
    "connect past the proxy under a grant",
    "    import socket\n    with socket.socket() as it:\n        it.settimeout(2)\n        it.connect(('127.0.0.1', port))",
)
_GRANTED_PORT = 9
"""The port that the canary's grant names: another one than that at which it is listened for."""
_HEARD_SECONDS = 0.05
_VIEW = Canary("namespaces", "see what the host has installed", "    import os; os.stat('/etc/passwd')")


class Proof(NamedTuple):
    """What a canary met.

    Attributes:
        canary: which.
        held: whether it was stopped as it must be.
        detail: what happened.

    """

    canary: Canary
    held: bool
    detail: str


class Diagnosis(NamedTuple):
    """What is to be said about this machine.

    Attributes:
        machine: its layers.
        network: what it gives to network grants.
        lacking: what is missing for the security level that was asked for; empty where nothing is.
        proofs: what the canaries met; empty where nothing can run.
        failed: why nothing ran although nothing lacks; empty otherwise.

    """

    machine: Machine
    network: Network
    lacking: str
    proofs: tuple[Proof, ...]
    failed: str

    @property
    def sound(self) -> bool:
        """Whether the level can be met, and every canary was stopped."""
        return not (self.lacking or self.failed) and all(proof.held for proof in self.proofs)


def diagnose(level: SecurityLevel = SecurityLevel.MEDIUM) -> Diagnosis:
    """Return what this machine gives, proven by running canaries at a security level."""
    machine, profile = this_machine(), replace(_CANARY, security_level=level)
    lacking = machine.lacking(profile)
    way_out = network(machine)
    if lacking:
        return Diagnosis(machine, way_out, lacking, (), "")
    from ringfence.sandbox import Sandbox  # noqa: PLC0415 - where the machine has nothing, it is not needed

    try:
        with Sandbox(profile) as box:
            proofs = [*_proofs(box, machine), *(_network_proofs(profile) if way_out.engine else ())]
            return Diagnosis(machine, way_out, "", tuple(proofs), "")
    except SandboxError as error:
        return Diagnosis(machine, way_out, "", (), error.message)


def _proofs(box: Sandbox, machine: Machine) -> Iterator[Proof]:
    for canary in (*CANARIES, *((_VIEW,) if machine.has("namespaces") else ())):
        outcome = box.run(_TRY.format(body=canary.body))
        if canary.reason is not None:
            held = outcome.reason is canary.reason
        else:
            held = outcome.success and outcome.value == "refused"
        detail = outcome.detail or f"it was {outcome.value}"
        yield Proof(canary, held, detail if outcome.executed else f"nothing ran: {detail}")


def _network_proofs(profile: Profile) -> Iterator[Proof]:
    """Prove a network grant by who listens: the canary is believed when it says that it got through, and not when it says that it did not."""
    from ringfence.sandbox import Sandbox  # noqa: PLC0415 - as above

    granted = replace(profile, network=True, hosts=("127.0.0.1",), ports=(_GRANTED_PORT,))
    with socket.socket() as listener, Sandbox(granted) as box:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        outcome = box.run(_TRY.format(body=_PAST_THE_PROXY.body), inputs={"port": listener.getsockname()[1]})
        arrived = bool(select.select([listener], [], [], _HEARD_SECONDS)[0])
    held = outcome.success and outcome.value == "refused" and not arrived
    detail = "it arrived" if arrived else outcome.detail or f"it was {outcome.value}"
    yield Proof(_PAST_THE_PROXY, held, detail if outcome.executed else f"nothing ran: {detail}")
