"""The assembler of the filter, against a plain evaluation of the rules; the real rules, call by call; and the numbers, against the kernel's headers."""

from __future__ import annotations

import errno as codes
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.sandbox import bpf
from ringfence.sandbox.bpf import ALLOW, KILL, NOTIFY, SELF, Rule, errno, when, when_zero
from ringfence.sandbox.layers import seccomp
from ringfence.sandbox.syscalls import ARCHITECTURES, numbers

ALLOWED, KILLED, ASKED = 0x7FFF0000, 0x80000000, 0x7FC00000
X32 = 0x40000000
I386 = 0x40000003
INTEL, ARM = ARCHITECTURES["x86_64"], ARCHITECTURES["aarch64"]
NO_SUCH_CALL = 0x50000 | codes.ENOSYS

ends = st.sampled_from([("end", ALLOWED), ("end", KILLED), ("end", ASKED)]) | st.integers(0, 200).map(
    lambda code: ("end", 0x50000 | code)
)
words = st.sampled_from([0, 1, 2, 0x7E020080, 0x10000, 0xFFFFFFFF]) | st.integers(0, 2**32 - 1)
longs = st.sampled_from([0, 1, 1 << 32, (1 << 32) + 2, 2**64 - 1]) | st.integers(0, 2**64 - 1) | words
trees: st.SearchStrategy[Any] = st.recursive(
    ends,
    lambda inner: (
        st.tuples(st.just("when"), st.integers(0, 5), st.lists(words, min_size=1, max_size=9).map(tuple), inner, inner, words)
        | st.tuples(st.just("zero"), st.integers(0, 5), inner, inner)
    ),
    max_leaves=8,
)  # fmt: skip


def made(tree: Any) -> Rule:
    """Return the rule of a tree."""
    if tree[0] == "when":
        _, argument, values, then, otherwise, mask = tree
        return when(argument, values, made(then), made(otherwise), mask)
    if tree[0] == "zero":
        _, argument, then, otherwise = tree
        return when_zero(argument, made(then), made(otherwise))
    return {ALLOWED: ALLOW, KILLED: KILL, ASKED: NOTIFY}.get(tree[1]) or errno(tree[1] & 0xFFFF)


def evaluated(tree: Any, arguments: tuple[int, ...]) -> int:
    """Return what a tree says about arguments, by its plain meaning."""
    if tree[0] == "when":
        _, argument, values, then, otherwise, mask = tree
        return evaluated(then if arguments[argument] & 0xFFFFFFFF & mask in values else otherwise, arguments)
    if tree[0] == "zero":
        _, argument, then, otherwise = tree
        return evaluated(then if arguments[argument] == 0 else otherwise, arguments)
    return int(tree[1])


@settings(max_examples=60)
@given(
    st.dictionaries(st.integers(0, 460), trees, min_size=1, max_size=12),
    ends,
    st.sampled_from([INTEL, ARM]),
    st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 500), st.tuples(*[longs] * 6)),
        min_size=1,
        max_size=20,
    ),
)
def test_a_program_answers_as_its_rules_say(
    table: dict[int, Any], unknown: Any, architecture: int, calls: list[tuple[int, tuple[int, ...]]]
) -> None:
    """For every number and all arguments, the assembled program and a plain reading of the rules agree, on both architectures."""
    code = bpf.program({number: made(tree) for number, tree in table.items()}, made(unknown), architecture)
    for number, arguments in calls + [(each, calls[0][1]) for each in table]:
        expected = (
            NO_SUCH_CALL if number & 0xFFFFFFFF >= X32 else evaluated(table.get(number, unknown), arguments)
        )
        assert bpf.run(code, number, arguments, architecture) == expected
        for foreign in {INTEL, ARM, I386, 0} - {architecture}:
            assert bpf.run(code, number, arguments, foreign) == KILLED


@settings(max_examples=15)
@given(st.lists(ends, min_size=400, max_size=461), st.integers(0, 500))
def test_a_table_that_is_longer_than_a_short_jump_is_answered_alike(rows: list[Any], number: int) -> None:
    """Where the two halves of the search lie farther apart than one instruction can jump, another one jumps."""
    code = bpf.program({at: made(each) for at, each in enumerate(rows)}, ALLOW, INTEL)
    assert bpf.run(code, number, (), INTEL) == (rows[number][1] if number < len(rows) else ALLOWED)


@given(st.integers(1, 2**22), st.integers(0, 2**32 - 1))
def test_the_own_process_id_is_put_where_it_belongs(pid: int, other: int) -> None:
    """A rule about `SELF` speaks of the id that is put in, and of no other process."""
    code = bytearray(
        bpf.program({1: when(0, (SELF,), ALLOW, errno(1)), 2: when(0, (0, SELF), ALLOW, KILL)}, KILL, INTEL)
    )
    places = bpf.own_process(bytes(code))
    assert len(places) == 2
    for at in places:
        code[at : at + 4] = pid.to_bytes(4, "little")
    assert bpf.run(bytes(code), 1, (pid,), INTEL) == ALLOWED
    assert bpf.run(bytes(code), 1, (other,), INTEL) == (ALLOWED if other == pid else 0x50001)
    assert bpf.run(bytes(code), 2, (0,), INTEL) == ALLOWED


def answer(name: str, arguments: tuple[int, ...] = (), machine: str = "x86_64", **profile: Any) -> int | str:
    """Return what the filter of a profile answers to a call: `allow`, `ask`, `kill`, or the error's number."""
    number = numbers(machine)
    rules = {number[each]: rule for each, rule in seccomp.rules(**profile).items() if each in number}
    code = bytearray(bpf.program(rules, errno(codes.ENOSYS), ARCHITECTURES[machine]))
    for at in bpf.own_process(bytes(code)):
        code[at : at + 4] = (4321).to_bytes(4, "little")
    said = bpf.run(bytes(code), number[name], arguments, ARCHITECTURES[machine])
    return {ALLOWED: "allow", KILLED: "kill", ASKED: "ask"}.get(said, said & 0xFFFF)


PLAIN: dict[str, Any] = {}
MANY = {"many": True, "scoped": True}
THREADS = {"threads": True}
NET = {"network": "namespace"}
EXECUTE = {"execute": True, "many": True, "scoped": True}
EPERM, EACCES, EAGAIN, ENOSYS = codes.EPERM, codes.EACCES, codes.EAGAIN, codes.ENOSYS
NEWUSER, THREAD, PROCESS = 0x10000000, 0x3D0F00, 0x01200011

DECISIONS: list[tuple[str, tuple[int, ...], dict[str, Any], int | str]] = [
    ("read", (), PLAIN, "allow"), ("write", (), PLAIN, "allow"), ("openat", (), PLAIN, "allow"), ("mmap", (), PLAIN, "allow"), ("futex", (), PLAIN, "allow"),
    ("getrandom", (), PLAIN, "allow"), ("exit_group", (), PLAIN, "allow"), ("rt_sigreturn", (), PLAIN, "allow"), ("clock_nanosleep", (), PLAIN, "allow"),
    ("openat2", (), PLAIN, ENOSYS), ("clone3", (), MANY, ENOSYS), ("pidfd_open", (), PLAIN, ENOSYS), ("inotify_init1", (), PLAIN, ENOSYS),
    # processes and threads
    ("clone", (PROCESS,), PLAIN, EAGAIN), ("clone", (THREAD,), PLAIN, EAGAIN), ("clone", (NEWUSER,), PLAIN, EAGAIN), ("fork", (), PLAIN, EAGAIN), ("vfork", (), PLAIN, EAGAIN),
    ("clone", (PROCESS,), MANY, "allow"), ("clone", (THREAD,), MANY, "allow"), ("clone", (NEWUSER | 17,), MANY, EPERM), ("clone", (0x20000,), MANY, EPERM), ("fork", (), MANY, "allow"),
    ("clone", (0x80,), MANY, EPERM), ("clone", (0x02000000,), MANY, EPERM), ("clone", (0x40000000,), MANY, EPERM), ("clone", ((1 << 32) | PROCESS,), MANY, "allow"),
    ("clone", (THREAD,), THREADS, "allow"), ("clone", (PROCESS,), THREADS, EAGAIN), ("clone", (THREAD | NEWUSER,), THREADS, EPERM),
    ("execve", (), PLAIN, EPERM), ("execve", (), MANY, EPERM), ("execve", (), EXECUTE, "allow"), ("execveat", (), EXECUTE, EPERM), ("memfd_create", (), EXECUTE, EPERM),
    # signals
    ("kill", (4321,), PLAIN, "allow"), ("kill", (4322,), PLAIN, EPERM), ("kill", (2**64 - 1,), PLAIN, EPERM), ("kill", (0,), PLAIN, EPERM), ("tgkill", (4321,), PLAIN, "allow"),
    ("tkill", (1,), PLAIN, EPERM), ("kill", (4322,), MANY, "allow"), ("rt_sigqueueinfo", (4321,), MANY, EPERM), ("pidfd_send_signal", (), MANY, EPERM),
    # network
    ("socket", (2, 1, 0), PLAIN, EACCES), ("socket", (1, 1, 0), PLAIN, EACCES), ("connect", (), PLAIN, EACCES), ("bind", (), NET, EPERM), ("listen", (), NET, EPERM), ("accept4", (), NET, EPERM),
    ("socket", (2, 1, 0), NET, "allow"), ("socket", (10, 1 | 0x80800, 6), NET, "allow"), ("socket", (2, 2, 0), NET, EACCES), ("socket", (2, 3, 0), NET, EACCES), ("socket", (2, 1, 132), NET, EACCES),
    ("socket", (1, 1, 0), NET, EACCES), ("socket", (16, 3, 0), NET, EACCES), ("socket", (17, 3, 0), NET, EACCES), ("socket", (40, 1, 0), NET, EACCES), ("socket", (38, 5, 0), NET, EACCES),
    ("connect", (), NET, "allow"), ("connect", (), {"network": "notify"}, "ask"), ("socketpair", (2, 1), PLAIN, EACCES), ("socketpair", (1, 2), PLAIN, EACCES),
    ("sendto", (3, 0, 0, 0, 0, 0), PLAIN, "allow"), ("sendto", (3, 0, 0, 0, 99, 16), NET, EACCES), ("sendto", (3, 0, 0, 0, 1 << 40, 16), NET, EACCES), ("sendto", (3, 0, 0, 0x20000000, 0, 0), NET, EACCES),
    ("sendmsg", (3, 9, 0x20000000), NET, EACCES), ("sendmmsg", (), NET, EPERM), ("setsockopt", (3, 1, 9), PLAIN, EPERM), ("setsockopt", (3, 1, 9), NET, "allow"), ("setsockopt", (3, 1, 8), NET, 0),
    ("setsockopt", (3, 6, 30), NET, EPERM), ("setsockopt", (3, 6, 1), NET, "allow"), ("setsockopt", (3, 6, 31), NET, EPERM), ("setsockopt", (3, 263, 1), NET, EPERM),
    # arguments that count
    ("ioctl", (0, 0x5401), PLAIN, "allow"), ("ioctl", (0, 0x5412), PLAIN, codes.ENOTTY), ("ioctl", (0, (1 << 32) | 0x5412), PLAIN, codes.ENOTTY), ("ioctl", (0, 0x541C), PLAIN, codes.ENOTTY),
    ("fcntl", (0, 1), PLAIN, "allow"), ("fcntl", (0, 8), PLAIN, EPERM), ("fcntl", (0, 1024), PLAIN, EPERM), ("fcntl", (0, 1026), PLAIN, EPERM), ("fcntl", (0, 1031), PLAIN, EPERM),
    ("prctl", (16,), PLAIN, "allow"), ("prctl", (15,), PLAIN, 0), ("prctl", (1,), PLAIN, EPERM), ("prctl", (4,), PLAIN, EPERM), ("prctl", (22,), PLAIN, EPERM), ("prctl", (36,), PLAIN, EPERM),
    ("prctl", (0x59616D61,), PLAIN, EPERM), ("prlimit64", (0,), PLAIN, "allow"), ("prlimit64", (4321,), PLAIN, "allow"), ("prlimit64", (1,), PLAIN, EPERM),
    ("personality", (0xFFFFFFFF,), PLAIN, "allow"), ("personality", (0x40000,), PLAIN, EPERM),
    # what nobody may
    *((name, (), profile, EPERM) for profile in (PLAIN, MANY, NET, EXECUTE) for name in (
        "ptrace", "bpf", "io_uring_setup", "userfaultfd", "perf_event_open", "keyctl", "add_key", "request_key", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "process_vm_readv",
        "process_vm_writev", "kcmp", "seccomp", "setuid", "setresuid", "capset", "mknodat", "shmget", "msgget", "semget", "mq_open", "swapon", "reboot", "init_module", "kexec_load", "open_by_handle_at",
        "fanotify_init", "pidfd_getfd", "sched_setaffinity", "setpriority", "memfd_create", "mlock", "acct", "quotactl", "syslog", "fchownat",
    )),
    # what only has to look as if done
    ("fchmodat", (), PLAIN, 0), ("utimensat", (), PLAIN, 0), ("fchmod", (), {"own_files": True}, "allow"), ("fsetxattr", (), PLAIN, codes.EOPNOTSUPP),
    ("truncate", (), PLAIN, "allow"), ("truncate", (), {"truncate": False}, EPERM),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "profile", "expected"),
    DECISIONS,
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_the_filter_decides_each_call_as_the_table_says(
    name: str, arguments: tuple[int, ...], profile: dict[str, Any], expected: int | str
) -> None:
    """A call is allowed, refused with the error that its callers handle, or not there at all, on both architectures."""
    for machine in ARCHITECTURES:
        if name in numbers(machine):
            assert answer(name, arguments, machine, **profile) == expected, machine


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
@pytest.mark.parametrize("profile", [PLAIN, MANY, NET, EXECUTE])
def test_every_number_that_is_not_listed_does_not_exist(machine: str, profile: dict[str, Any]) -> None:
    """From 0 to 1,200, what no rule names answers ENOSYS, and so does every number of the x32 kind."""
    number = numbers(machine)
    rules = {number[name]: rule for name, rule in seccomp.rules(**profile).items() if name in number}
    code = bpf.program(rules, errno(codes.ENOSYS), ARCHITECTURES[machine])
    for each in range(1200):
        if each not in rules:
            assert bpf.run(code, each, (), ARCHITECTURES[machine]) == NO_SUCH_CALL
        assert bpf.run(code, X32 | each, (), ARCHITECTURES[machine]) == NO_SUCH_CALL


def test_every_rule_has_a_number_on_some_architecture() -> None:
    """A name that is misspelt would silently be no rule at all."""
    known = set().union(*(numbers(machine) for machine in ARCHITECTURES))
    for profile in (PLAIN, MANY, NET, EXECUTE):
        assert set(seccomp.rules(**profile)) <= known


HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def of_header(path: Path) -> dict[str, int]:
    """Return the numbers that a kernel header defines, aliases resolved."""
    lines: list[tuple[str, str]] = re.findall(r"#define\s+(__NR\w+)\s+(\w+)", path.read_text("utf-8"))
    found = dict(lines)
    resolved = {name: found.get(value, value) for name, value in found.items()}
    return {
        name.removeprefix("__NR_"): int(value)
        for name, value in resolved.items()
        if value.isdigit() and name.startswith("__NR_")
    }


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
def test_the_numbers_are_those_of_the_kernel(machine: str) -> None:
    """Each number of the table is what the kernel's own header says, as far as the header knows the call."""
    path = next((Path(each) for each in HEADERS[machine] if Path(each).exists()), None)
    if path is None:
        pytest.skip(f"no kernel header for {machine} is installed")
    theirs, ours = of_header(path), numbers(machine)
    assert {name: number for name, number in ours.items() if theirs.get(name, number) != number} == {}
    unknown = set(ours) - set(theirs)
    assert unknown <= {"memfd_secret", "fchmodat2", "quotactl_fd", "map_shadow_stack", "futex_waitv"}
    assert len(set(ours.values())) == len(ours)
