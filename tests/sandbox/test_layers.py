"""What each layer's probe finds here, and what the machine as a whole gives to a profile."""

# ruff: noqa: PTH103, PTH106, PTH110, PTH112, PTH115, PTH208 - folders are named by texts here, as in the package

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ringfence import Profile
from ringfence.sandbox.doctor import CANARIES, diagnose
from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.machine import BASELINE, Machine, this_machine
from ringfence.scanning.decision import SecurityLevel

if sys.platform != "linux":
    pytest.skip("the layers are Linux's", allow_module_level=True)

from ringfence.sandbox.layers import cgroup, landlock, namespaces, privileges, rlimits, seccomp

if TYPE_CHECKING:
    from types import ModuleType

SRC = Path(__file__).parents[2] / "src"
ALL = (rlimits, privileges, landlock, seccomp, namespaces, cgroup)
NEW, OLD, NONE = Fact(True, 7, "version 7", ""), Fact(True, 3, "version 3", ""), Fact(False, 0, "it is off", "Turn it on.")  # fmt: skip


def machine(**layers: Fact) -> Machine:
    """Return a machine where every layer is there but for these."""
    names = (*BASELINE, "namespaces", "cgroup")
    return Machine("linux", {name: layers.get(name, NEW) for name in names})


@pytest.mark.parametrize("layer", ALL, ids=lambda layer: layer.__name__.rpartition(".")[2])
def test_a_probe_tells_whether_its_layer_is_there_and_what_to_do(layer: ModuleType) -> None:
    """Each layer has the same two functions; its fact has a sentence, and advice where it is not there. Twice gives the same."""
    fact = layer.probe()
    assert callable(layer.apply)
    assert fact.detail
    assert fact.available == (fact.version > 0)
    assert fact.available or fact.advice
    assert layer.probe() == fact


def test_a_probe_changes_nothing_in_its_own_process() -> None:
    """Neither ids, capabilities, limits, namespaces nor the number of descriptors differ afterwards, and no group or child is left."""

    def seen() -> object:
        status = Path("/proc/self/status").read_text("ascii")
        kept = [line for line in status.splitlines() if re.match(r"(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)", line)]  # fmt: skip
        limits = [resource.getrlimit(each) for each in range(16)]
        spaces = [os.readlink(f"/proc/self/ns/{each}") for each in ("mnt", "net", "user", "pid", "ipc", "uts")]  # fmt: skip
        return kept, limits, spaces, len(os.listdir("/proc/self/fd"))

    before = seen()
    for layer in ALL:
        layer.probe()
    assert seen() == before
    found = cgroup.probe()
    if found.available:
        for folder in cgroup.find().folders.values():
            assert not [each for each in os.listdir(folder) if each == f"{cgroup.PREFIX}{os.getpid()}-probe"]


@pytest.mark.sandbox
def test_this_machine_has_the_layers_that_its_kernel_shows() -> None:
    """What the probes say agrees with what the kernel lists elsewhere."""
    facts = this_machine().facts
    assert list(facts) == ["rlimits", "privileges", "landlock", "seccomp", "namespaces", "cgroup"]
    modules = Path("/sys/kernel/security/lsm")
    if modules.exists():
        assert facts["landlock"].available == ("landlock" in modules.read_text().split(","))
    assert facts["seccomp"].available == ("errno" in Path("/proc/sys/kernel/seccomp/actions_avail").read_text().split())  # fmt: skip
    assert facts["privileges"].version == (2 if os.geteuid() == 0 else 1)
    assert facts["landlock"].version == landlock.version()


@pytest.mark.parametrize("name", BASELINE)
def test_without_a_layer_of_the_baseline_nothing_runs(name: str) -> None:
    """At every security level the sentence names the layer, why it is not there, and what to do."""
    for level in SecurityLevel:
        lacking = machine(**{name: NONE}).lacking(Profile(security_level=level))
        assert lacking == f"the layer {name} is missing: it is off. Turn it on"


def test_what_a_profile_needs_beyond_the_baseline_is_named() -> None:
    """Several processes need scoped signals or namespaces; paranoid needs both, and for several processes control groups."""
    plain, many = Profile(), Profile(processes=2)
    paranoid = replace(plain, security_level=SecurityLevel.PARANOID)
    many_paranoid = replace(many, security_level=SecurityLevel.PARANOID)
    granted = Profile(subprocesses=True, commands=("ls",))
    least = machine(landlock=OLD, namespaces=NONE, cgroup=NONE)
    assert least.lacking(plain) == ""
    assert "signals would leave the sandbox" in least.lacking(many)
    assert "signals would leave the sandbox" in least.lacking(granted)
    assert machine(landlock=OLD, cgroup=NONE).lacking(many) == ""
    assert machine(namespaces=NONE, cgroup=NONE).lacking(many) == ""
    assert "paranoid: the layer namespaces is missing" in machine(namespaces=NONE).lacking(paranoid)
    assert "paranoid needs Landlock version 6" in machine(landlock=OLD).lacking(paranoid)
    assert machine(cgroup=NONE).lacking(paranoid) == ""
    assert "several processes: the layer cgroup is missing" in machine(cgroup=NONE).lacking(many_paranoid)


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_another_system_has_no_sandbox(system: str) -> None:
    """It is told by name, with what to do instead."""
    assert Machine(system, {}).lacking(Profile()) == (
        f"the sandbox needs Linux: {system} has neither Landlock nor seccomp. Run it in a Linux container or VM"
    )


@pytest.mark.sandbox
@pytest.mark.parametrize("level", [SecurityLevel.MEDIUM, SecurityLevel.PARANOID])
def test_the_doctor_proves_what_the_probes_say(level: SecurityLevel) -> None:
    """Every canary is stopped in a real run, or the level is not to be had and the diagnosis says why."""
    found = diagnose(level)
    if found.lacking:
        assert level is SecurityLevel.PARANOID
        assert not found.sound
        return
    assert [proof for proof in found.proofs if not proof.held] == []
    assert {proof.canary for proof in found.proofs} >= set(CANARIES)
    assert bool(found.network.engine) == any(proof.canary.layer == "network" for proof in found.proofs)
    assert found.sound


APPLY = """
import os, resource
from ringfence.sandbox.layers import privileges, rlimits
rlimits.apply_fixed()
rlimits.apply(memory=1 << 30, cpu=3, file_size=4096, open_files=9)
privileges.drop_bounding_set()
privileges.apply(%s)
privileges.end_with_parent(os.getppid())
status = open("/proc/self/status").read().splitlines()
shown = {line.split(":")[0]: line.split()[1:] for line in status if line.startswith(("Uid", "Gid", "Groups", "Cap"))}
names = ("AS", "CPU", "FSIZE", "NOFILE", "CORE", "MEMLOCK", "STACK")
print([shown, {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names}])
"""


@pytest.mark.sandbox
def test_limits_and_privileges_are_what_the_kernel_then_shows() -> None:
    """A process that applied both layers has no capability, no group, the limits, and an id of its own where it may choose one."""
    user = "123456" if os.geteuid() == 0 else "None"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(SRC)!r})\n" + APPLY % user],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    import ast

    shown, limits = ast.literal_eval(done.stdout)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert shown[name] == ["0000000000000000"], name
    if os.geteuid() == 0:
        assert shown["CapBnd"] == ["0000000000000000"]
        assert shown["Uid"] == shown["Gid"] == ["123456"] * 4
        assert shown["Groups"] == []
    assert limits["AS"] == (1 << 30, 1 << 30)
    assert (limits["CPU"], limits["FSIZE"], limits["NOFILE"]) == ((3, 4), (4096, 4096), (9, 9))
    assert (limits["CORE"], limits["MEMLOCK"]) == ((0, 0), (0, 0))
    assert limits["STACK"][1] <= 8 << 20


@pytest.mark.sandbox
def test_a_control_group_counts_and_goes() -> None:
    """A group holds its limits, tells nothing about memory that was not used up, and is gone when it is removed."""
    if not cgroup.probe().available:
        pytest.skip("no control group is delegated here")
    where = cgroup.find()
    name = f"{cgroup.PREFIX}{os.getpid()}-test"
    group = cgroup.Group(where, name, 64 << 20, 8)
    try:
        for folder in where.folders.values():
            assert os.path.isdir(f"{folder}/{name}")
        assert Path(f"{where.folders['pids']}/{name}/pids.max").read_text().strip() == "8"
        assert not group.ran_out()
        group.limit(32 << 20, 4)
        assert Path(f"{where.folders['pids']}/{name}/pids.max").read_text().strip() == "4"
        assert all(each.endswith("/cgroup.procs") and not each.startswith("/") for each in group.entrances)
    finally:
        group.remove()
    for folder in where.folders.values():
        assert not os.path.exists(f"{folder}/{name}")


@pytest.mark.sandbox
def test_groups_of_hosts_that_are_gone_are_swept() -> None:
    """The next start removes them, and leaves those of processes that live."""
    if not cgroup.probe().available:
        pytest.skip("no control group is delegated here")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    where = cgroup.find()
    stale, live = f"{cgroup.PREFIX}{gone.pid}-x", f"{cgroup.PREFIX}{os.getpid()}-x"
    for folder in where.folders.values():
        for name in (stale, live):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
    try:
        cgroup.sweep()
        for folder in where.folders.values():
            assert not os.path.exists(f"{folder}/{stale}")
            assert os.path.exists(f"{folder}/{live}")
    finally:
        for folder in where.folders.values():
            os.rmdir(f"{folder}/{live}")


def test_the_table_of_calls_knows_this_machine() -> None:
    """Both architectures that there is a filter for are known by the names that the kernel gives them."""
    from ringfence.sandbox.syscalls import ARCHITECTURES

    assert set(ARCHITECTURES) == {"x86_64", "aarch64"}
    assert seccomp.probe().available == (platform.machine() in ARCHITECTURES)
