"""Attacks on the kernel's surface from the sandbox tier, one or more tests for each case of the catalogue; and hosts that lack a protection, on which nothing may run.

Cases that cannot happen in this tier are at the end, each with why.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from tests.attacks.cages import HOSTS, Ended, Host
from tests.attacks.hostile import CAGES, PRELUDE, REFUSALS, Cage, assert_unavailable, descendants, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attacks.conftest import Hosts

NO = REFUSALS | {"EAGAIN", "ENOTTY"}
MACHINE_CODE = """
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def machine(code):
    at = libc.mmap(None, 4096, 7, 0x22, -1, 0)
    ctypes.memmove(at, code, len(code))
    return ctypes.CFUNCTYPE(ctypes.c_long)(at)
"""
on_x86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="only x86_64 has these ways in")


@pytest.fixture(params=CAGES, ids="-".join)
def cage(request: pytest.FixtureRequest, hosts: Hosts) -> Cage:
    """Give every kind of host, with each security level that it can give."""
    kind, level = request.param
    return Cage(hosts.get(kind), level)


@pytest.fixture
def lacking() -> Iterator[Lacking]:
    """Give a function that starts hosts which lack something, and end them all."""
    made: list[Host] = []

    def start(kind: str, **more: Any) -> Host:
        if kind.startswith("root") and os.geteuid() != 0:
            pytest.skip("needs root")
        made.append(Host(kind, more))
        return made[-1]

    yield start
    for host in made:
        host.close()


class Lacking(Protocol):
    """The type of the fixture `lacking`."""

    def __call__(self, kind: str, **more: Any) -> Host:
        """Start a host."""


@on_x86
@pytest.mark.parametrize(
    "code",
    [
        b"\xb8\x14\x00\x00\x00\xcd\x80\xc3",  # mov eax, 20 (getpid); int 0x80
        b"\xb8\x66\x01\x00\x00\xcd\x80\xc3",  # mov eax, 358 (i386's execveat)
        b"\xb8\x14\x00\x00\x00\x0f\x34\xc3",  # sysenter
    ],
    ids=["getpid", "execveat", "sysenter"],
)
def test_ks01_foreign_entry(cage: Cage, code: bytes) -> None:
    """A call through the entry of another architecture ends the process, whatever it asks for."""
    ended = cage.run(MACHINE_CODE + f"machine({code!r})()")
    assert ended.reason == "crashed", ended
    assert ended.value is None
    assert cage.run("1").value == 1


@on_x86
def test_ks01_x32_numbers(cage: Cage) -> None:
    """Numbers of the x32 table do not exist, with and without bits above them."""
    code = """
for number in (41, 42, 59, 56, 101, 165, 319, 321, 512, 520, 545, 547):
    said.append(call(0x40000000 | number, 0, 2, 1, 0))
    said.append(call(0xFFFFFFFF40000000 | number, 0, 2, 1, 0))
for number in (41, 319, 321):
    said.append(call(1 << 32 | number, 0, 2, 1, 0))
said
"""
    ended = cage.run(code)
    assert ended.success, ended
    assert set(ended.value) <= NO


def test_ks02_new_namespaces(cage: Cage) -> None:
    """No namespace of any kind can be made, by unshare, clone or clone3, nor anything mounted after it."""
    kinds = "(0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x10020000)"
    code = f"""
def child(flags):
    pid = call(56, 220, flags | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return pid
for kind in {kinds}:
    said.append(call(272, 97, kind))
    said.append(child(kind))
    arguments = ctypes.create_string_buffer(struct.pack("=11Q", kind, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)
    pid = call(435, 435, ctypes.addressof(arguments), 88)
    if pid == 0:
        os._exit(0)
    said.append(pid)
text = ctypes.create_string_buffer(b"tmpfs")
said += [call(165, 40, text, ctypes.create_string_buffer(b"tmp"), text, 0, 0), call(166, 39, ctypes.create_string_buffer(b"/"), 2)]
said += [call(155, 41, ctypes.create_string_buffer(b"."), ctypes.create_string_buffer(b".")), call(161, 51, ctypes.create_string_buffer(b"tmp"))]
said += [call(430, 430, text, 0), call(428, 428, -100, ctypes.create_string_buffer(b"tmp"), 1), call(433, 433, -100, text, 0), call(442, 442, -100, text, 0, 0, 0)]
said
"""
    for processes in (1, 8):
        if processes > 1 and cage.level == "paranoid" and cage.host.kind == "nobody":
            continue  # it has no control group, so several processes are refused there
        ended = cage.run(code, processes=processes)
        assert ended.success, ended
        assert set(ended.value) <= NO, ended.value


HOSTILE = {
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "kcmp": (312, 272), "modify_ldt": (154, -1), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "memfd_secret": (447, 447), "memfd_create": (319, 279),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "acct": (163, 89), "syslog": (103, 116), "vhangup": (153, 58), "iopl": (172, -1),
    "ioperm": (173, -1), "sethostname": (170, 161), "setdomainname": (171, 162), "fanotify_init": (300, 262), "move_pages": (279, 239),
    "migrate_pages": (256, 238), "mbind": (237, 235), "set_mempolicy": (238, 237), "lookup_dcookie": (212, 18), "uselib": (134, -1),
    "_sysctl": (156, -1), "nfsservctl": (180, 42), "create_module": (174, -1), "query_module": (178, -1), "vmsplice": (278, 75),
    "mlockall": (151, 230), "setns": (308, 268), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    "setpriority": (141, 140), "capset": (126, 91), "setuid": (105, 146), "setgid": (106, 144), "setgroups": (116, 159),
    "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458), "lsm_set_self_attr": (460, 460), "mseal": (462, 462),
    "map_shadow_stack": (453, 453), "futex_wake": (454, 454), "cachestat": (451, 451), "set_mempolicy_home_node": (450, 450), "process_mrelease": (448, 448),
    "epoll_pwait2 of nothing": (999, 999), "inotify_init1": (294, 26), "mq_open": (240, 180), "semget": (64, 190), "msgget": (68, 186), "shmget": (29, 194),
    "open_tree_attr": (467, 467), "file_setattr": (469, 469), "setxattrat": (463, 463), "remap_file_pages": (216, 234), "tee to oneself": (999, 999),
    "signalfd4": (289, 74), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sendmmsg": (307, 269), "execveat": (322, 281),
}  # fmt: skip


def test_ks03_hostile_calls(cage: Cage) -> None:
    """Calls that honest code does not need are refused before the kernel looks at their arguments."""
    ended = cage.run(
        "{name: call(*numbers, 1, 1, 0, 0, 0, 0) for name, numbers in calls.items() if numbers[not X86] >= 0}",
        {"calls": HOSTILE},
    )
    assert ended.success, ended
    assert {name: told for name, told in ended.value.items() if told not in NO} == {}


def test_ks03_personality(cage: Cage) -> None:
    """No personality is taken: not one without address randomisation, nor that of another system."""
    code = """
for wanted in (0x0040000, 0x0400000, 0x0008, 0x0100000, 0x4000000, 0x100000000 | 0x0040000):
    said.append(call(135, 92, wanted))
(said, call(135, 92, 0xFFFFFFFF))
"""
    ended = cage.run(code)
    assert ended.value == "(['EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM', 'EPERM'], 0)", ended


def test_ks03_devices(cage: Cage) -> None:
    """No device is there that the kernel's doors stand on."""
    code = """
for path in ("/dev/userfaultfd", "/dev/kvm", "/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/net/tun", "/dev/loop-control", "/dev/vda", "/dev/tty",
             "/dev/ptmx", "/dev/vsock", "/dev/uinput", "/sys/kernel/debug", "/sys/fs/bpf", "/proc/sysrq-trigger", "/proc/kcore", "/proc/sys/kernel/core_pattern"):
    for flags in (os.O_RDONLY, os.O_RDWR):
        said.append(attempt(os.open, path, flags))
said
"""
    ended = cage.run(code)
    assert set(ended.value) <= {"EACCES", "EPERM", "ENOENT", "EROFS", "EISDIR"}, ended


def test_ks03_prctl(cage: Cage) -> None:
    """Of what a process may set about itself, nothing that matters can be set."""
    code = """
allowed = (3, 16, 21, 23, 39, 0x53564D41)
for option in [*range(1, 80), 0x59616D61]:
    if option not in allowed and option != 15:
        told = call(157, 167, option, 1, 0, 0, 0)
        if told != "EPERM":
            said.append((option, told))
(said, call(157, 167, 15, ctypes.create_string_buffer(b"kthreadd")), call(157, 167, 3), call(157, 167, 39))
"""
    ended = cage.run(code)
    assert ended.value == "([], 0, 0, 1)", ended


def test_ks04_namespaces_of_others(cage: Cage) -> None:
    """No namespace of another process can be opened, named or entered."""
    code = """
for kind in ("user", "net", "mnt", "pid", "ipc", "uts", "cgroup"):
    own = attempt(os.open, f"/proc/self/ns/{kind}", os.O_RDONLY)  # Landlock does not cover these, where there is a /proc
    said.append(own if not own.isdigit() else call(308, 268, int(own), 0))
    said.append(own if not own.isdigit() else call(16, 29, int(own), 0xB701, 0))
    said.append(own if not own.isdigit() else call(16, 29, int(own), 0xB702, 0))
for pid in ("1", str(os.getppid())):
    for kind in ("user", "net", "mnt", "pid", "ipc", "uts", "cgroup"):
        said.append(attempt(os.open, f"/proc/{pid}/ns/{kind}", os.O_RDONLY))
fd = os.open(".", os.O_RDONLY)
for request in (0xB701, 0xB702, 0xB703, 0xB704, 0xB705, 0x8008B707, 0xFF0B, 0xFF01):
    said.append(call(16, 29, fd, request, 0))
said += [call(308, 268, fd, 0), call(308, 268, call(434, 434, os.getpid(), 0) if isinstance(call(434, 434, os.getpid(), 0), int) else fd, 0x10000000)]
handle = ctypes.create_string_buffer(struct.pack("=Ii", 24, 0xF1), 200)
said += [call(304, 265, -10003, handle, 0), call(303, 264, -100, ctypes.create_string_buffer(b"tmp"), handle, handle, 0)]
said
"""
    ended = cage.run(code)
    assert ended.success, ended
    assert set(ended.value) <= NO | {"ENOENT"}, ended.value


def test_ks05_another_filter(cage: Cage) -> None:
    """No second filter, listener or mode can be installed, and what the first one refuses stays refused."""
    code = """
rules = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000), 8)
head = ctypes.create_string_buffer(struct.pack("=H6xQ", 1, ctypes.addressof(rules)), 16)
for operation, flags in ((1, 0), (1, 1), (1, 8), (1, 2), (0, 0), (2, 0), (3, 0)):
    said.append(call(317, 277, operation, flags, head))
said += [call(157, 167, 22, 2, head), call(157, 167, 22, 1, 0), call(157, 167, 38, 0, 0, 0, 0), call(157, 167, 4, 1)]
said += [call(41, 198, 2, 1, 0), call(272, 97, 0x10000000), call(101, 117, 0x4200, os.getpid(), 0, 0x200000)]
(said, call(157, 167, 21), call(157, 167, 39))
"""
    ended = cage.run(code)
    assert ended.success, ended
    told, _, rest = ended.value.rpartition("]")
    assert rest == ", 2, 1)"
    assert set(told.strip("([").replace("'", "").split(", ")) <= NO


def test_ks06_more_rulesets(cage: Cage) -> None:
    """A run can neither stack a ruleset nor ask about them."""
    code = """
attributes = ctypes.create_string_buffer(struct.pack("=Q", 0x1FFF), 24)
for _ in range(20):
    said += [call(444, 444, attributes, 8, 0), call(444, 444, 0, 0, 1), call(445, 445, 3, 1, 0, 0), call(446, 446, 3, 0)]
said
"""
    assert set(cage.run(code).value) <= NO


@pytest.mark.parametrize("kind", HOSTS)
def test_ks06_the_limit_of_rulesets(kind: str, lacking: Lacking) -> None:
    """On a host that is itself under fifteen rulesets a run gets the last; under sixteen there is none left, so nothing runs."""
    assert lacking(kind, landlock_layers=15).run("1 + 1").value == 2
    assert_unavailable(lacking(kind, landlock_layers=16).run("open('output/ran', 'w')\nprint('ran')"))


def test_ks07_machine_code_of_ones_own(cage: Cage) -> None:
    """Native code made at run time may run, and can no more than Python: its calls meet the same filter."""
    code = (
        MACHINE_CODE
        + """
# socket(2, 1, 0), then its result
x86 = b"\\xbf\\x02\\x00\\x00\\x00\\xbe\\x01\\x00\\x00\\x00\\x31\\xd2\\xb8\\x29\\x00\\x00\\x00\\x0f\\x05\\xc3"
arm = struct.pack("<6I", 0xD2800040, 0xD2800021, 0xD2800002, 0xD28018C8, 0xD4000001, 0xD65F03C0)
machine(x86 if X86 else arm)()
"""
    )
    assert cage.run(code).value == -errno.EACCES


@on_x86
def test_ks08_counters(cage: Cage) -> None:
    """Performance counters can be neither opened nor read, and no run chooses its processor."""
    code = """
attributes = ctypes.create_string_buffer(struct.pack("=IIQ", 0, 112, 0), 112)
said += [call(298, 241, attributes, 0, -1, -1, 0), call(298, 241, attributes, -1, 0, -1, 0), call(203, 122, 0, 8, struct.pack("=Q", 1))]
said += [attempt(os.open, path, os.O_RDONLY) for path in ("/dev/cpu/0/msr", "/sys/devices/system/cpu", "/proc/stat", "/proc/interrupts", "/proc/schedstat")]
said
"""
    ended = cage.run(code)
    assert set(ended.value) <= NO | {"ENOENT"}, ended
    ended = cage.run(MACHINE_CODE + "machine(b'\\x31\\xc9\\x0f\\x33\\xc3')()")  # rdpmc
    assert ended.reason == "crashed", ended


MISSING: dict[str, tuple[list[list[Any]], tuple[str, ...]]] = {
    "Landlock not built": (
        [["landlock_create_ruleset", errno.ENOSYS, None, None]],
        ("landlock", "built without"),
    ),
    "Landlock off at boot": (
        [["landlock_create_ruleset", errno.EOPNOTSUPP, None, None]],
        ("landlock", "turned off"),
    ),
    "Landlock forbidden": ([["landlock_create_ruleset", errno.EPERM, None, None]], ("landlock", "profile")),
    "Landlock that can be asked about only": ([["landlock_restrict_self", errno.EPERM, None, None]], ()),
    "Landlock without rules": ([["landlock_add_rule", errno.EINVAL, None, None]], ()),
    "seccomp not built": ([["seccomp", errno.ENOSYS, None, None]], ("seccomp", "built without")),
    "seccomp without filters": ([["seccomp", errno.EINVAL, 0, 1]], ()),
    "seccomp forbidden": ([["seccomp", errno.EPERM, None, None]], ("seccomp",)),
    "capset forbidden": ([["capset", errno.EPERM, None, None]], ("capset",)),
    "Landlock that does nothing": ([["landlock_restrict_self", 0, None, None]], ()),
    "seccomp that does nothing": ([["seccomp", 0, 0, 1]], ()),
}
"""What a host lacks, and the words with which it says so; the last ones claim success and do nothing."""


@pytest.mark.parametrize("what", MISSING)
@pytest.mark.parametrize("kind", HOSTS)
def test_ks09_a_missing_protection(kind: str, what: str, lacking: Lacking) -> None:
    """Where a layer is missing, is refused, or only claims to be there, nothing is run and the refusal names it."""
    denied, words = MISSING[what]
    host = lacking(kind, denied=denied)
    for _ in range(2):
        ended = host.run("open('output/ran', 'w')\nprint('ran')", wall_seconds=3)
        assert_unavailable(ended, *words)
        assert ended.files == {}


@pytest.mark.parametrize("kind", HOSTS)
def test_ks09_capabilities_that_are_not_dropped(kind: str, lacking: Lacking) -> None:
    """Where dropping capabilities only claims to succeed, no run has any: it has none left, or does not start."""
    host = lacking(kind, denied=[["capset", 0, None, None]])
    thread, ended = _started(host, "import time\ntime.sleep(0.4)\n1")
    held = [
        int(line.split()[1], 16)
        for pid in _runs(host)
        for line in read(f"/proc/{pid}/status").splitlines()
        if line.startswith("CapEff:")
    ]
    thread.join()
    assert held == [0] * len(held) or ended[0].reason == "unavailable", (held, ended)


def test_ks09_a_setting_that_needs_more(lacking: Lacking) -> None:
    """Without namespaces the default level runs with what is left and lists it, network grants too, and what needs them is refused."""
    host = lacking("nobody", denied=[["unshare", errno.EPERM, None, None]])
    ended = host.run("1 + 1")
    assert ended.value == 2
    assert "namespaces" not in ended.layers
    assert {"landlock", "seccomp"} <= set(ended.layers)
    assert_unavailable(host.run("1", security_level="paranoid"), "namespaces")
    assert host.run("1", network=True, hosts=("127.0.0.1",), ports=(80,)).value == 1


NO_NAMESPACES = ["unshare", errno.EPERM, None, None]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["seccomp", errno.EINVAL, 0, 3], ("notifications", "5.0")),
        (["seccomp", errno.EBUSY, 1, 8], ("notifications", "container")),
        (["seccomp", errno.EPERM, 1, 8], ("notifications", "forbid")),
        (["ioctl", errno.EINVAL, 1, 0x40182103], ("notifications", "5.9")),
        (["pread64", errno.EPERM, 2, 16], ("host's answer", "Bad address")),
    ],
    ids=["none", "taken", "forbidden", "no handing over", "no looking"],
)
def test_ks09_no_engine_for_the_network(
    lacking: Lacking, missing: list[object], words: tuple[str, ...]
) -> None:
    """Where neither engine can be had, network grants are refused and the reason is named; other runs go on."""
    host = lacking("nobody", denied=[NO_NAMESPACES, missing])
    grant: dict[str, Any] = {"network": True, "hosts": ("127.0.0.1",), "ports": (80,), "wall_seconds": 2}
    assert_unavailable(host.run("1", **grant), *words)
    assert host.run("1 + 1").value == 2


def _started(host: Host, code: str, **profile: Any) -> tuple[threading.Thread, list[Ended]]:
    """Start a run and return while it is on."""
    ended: list[Ended] = []
    host.run("1", **profile)
    thread = threading.Thread(target=lambda: ended.append(host.run(PRELUDE + code, **profile)))
    thread.start()
    time.sleep(0.2)
    return thread, ended


def _runs(host: Host) -> list[int]:
    """Return the processes of a host below its zygotes that a filter and no new privileges hold: runs, and workers that wait for one."""
    zygotes: set[int] = set()
    for thread in Path(f"/proc/{host.pid}/task").iterdir():
        zygotes |= {int(pid) for pid in read(f"{thread}/children").split()}
    found = []
    for pid in set(descendants(host.pid)) - zygotes:
        text = read(f"/proc/{pid}/status")
        if "Seccomp:\t2" in text and "NoNewPrivs:\t1" in text and "Seccomp_filters:\t0" not in text:
            found.append(pid)
    return found


CONTROL_GROUPS = """
import time
for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/proc/self/root/sys/fs/cgroup"):
    for name in ("cgroup.procs", "tasks", "release_agent", "notify_on_release", "memory.max", "memory.limit_in_bytes", "cgroup.subtree_control"):
        said.append(attempt(os.open, f"{top}/{name}", os.O_WRONLY))
    said.append(attempt(os.mkdir, f"{top}/escape"))
    said.append(attempt(os.listdir, top))
said.append(attempt(os.open, "/proc/self/cgroup", os.O_RDONLY))
time.sleep(0.4)
said
"""


@pytest.mark.parametrize("processes", [1, 8])
def test_ks10_control_groups(host: Host, processes: int) -> None:
    """A run cannot see, make, enter or change a control group, and stays in the one that it was put into."""
    if os.geteuid() != 0:
        pytest.skip("needs root to look")
    thread, ended = _started(host, CONTROL_GROUPS, processes=processes)
    groups = {pid: read(f"/proc/{pid}/cgroup") for pid in _runs(host)}
    time.sleep(0.15)
    for pid, group in groups.items():
        assert read(f"/proc/{pid}/cgroup") in (group, ""), pid
    thread.join()
    assert ended[0].success, ended
    assert set(ended[0].value) <= {"EACCES", "EPERM", "ENOENT", "EROFS"}, ended
    if "cgroup" in ended[0].layers:
        assert any("ringfence-" in group for group in groups.values())


def test_ks10_no_group_is_left(host: Host) -> None:
    """The groups of runs are gone when the sandbox is closed."""
    host.run("import os\nos.fork()\n1", processes=4)
    host.close_sandboxes()
    left: list[str] = []
    for top, folders, _ in os.walk("/sys/fs/cgroup"):
        left += [f"{top}/{each}" for each in folders if each.startswith(f"ringfence-{host.pid}-")]
    assert left == []


def test_the_kernel_says_nothing_about_itself(cage: Cage) -> None:
    """Addresses, logs, symbols and settings of the kernel are not there to be read."""
    code = """
for path in ("/proc/kallsyms", "/proc/modules", "/proc/config.gz", "/proc/iomem", "/proc/sys/kernel/randomize_va_space", "/proc/self/maps", "/proc/self/auxv",
             "/proc/1/environ", "/proc/self/mem", "/proc/keys", "/proc/timer_list", "/sys/kernel/notes", "/sys/kernel/vmcoreinfo", "/boot"):
    said.append(attempt(os.open, path, os.O_RDONLY))
said
"""
    assert set(cage.run(code).value) <= {"EACCES", "EPERM", "ENOENT"}


def test_every_call_by_its_number(cage: Cage) -> None:
    """No number that the kernel may know today or tomorrow does more than it is known for: what is not listed does not exist.

    335 and 336 are left out: uretprobe and uprobe, which the kernel answers with SIGILL unless its own trampolines call them, past any filter.
    """
    code = """
unknown = {}
for number in [*range(337 if X86 else 295, 424), *range(463, 900), 1 << 16, (1 << 30) - 1]:
    told = call(number, number, 1, 1, 0, 0, 0, 0)
    if told != "ENOSYS":
        unknown[str(number)] = told
unknown
"""
    ended = cage.run(code)
    assert ended.success, ended
    assert {number: told for number, told in ended.value.items() if told not in NO} == {}


def test_nothing_is_left_behind(host: Host) -> None:
    """After all of these, no process and no file is left of any run."""
    host.close_sandboxes()
    with contextlib.suppress(ChildProcessError):
        assert descendants(host.pid) == []
    assert host.left() == []


# KS03, vm86: x86_64 has no such call. KS07: no policy of this tier forbids executable mappings; native code is held as Python is, which is what its test shows.
# KS08, time itself: a run may read clocks (rdtsc too, which no filter can refuse), so what siblings do to caches and timing can be measured by code of that quality;
# what the tier takes away is counters, affinity and shared memory.
# KS09, unshare that claims success and does nothing: not tried as root, where the probe would mount over this machine's own root.
