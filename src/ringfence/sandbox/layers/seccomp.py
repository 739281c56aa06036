"""The filter: which system calls the caged process may make, with which arguments. Installed last, and for good.

What it cannot see (paths, addresses behind pointers) belongs to Landlock and the namespaces. The one idea: what is not listed does not
exist (ENOSYS, so that libraries fall back), what is known to be hostile is refused with the error that its callers handle, and only
a call from a foreign architecture ends the process.
"""

from __future__ import annotations

import ctypes
import errno as codes
import os

from ringfence.sandbox.bpf import (
    ALLOW,
    KILL,
    NOTIFY,
    SELF,
    Rule,
    errno,
    own_process,
    program,
    when,
    when_high,
    when_zero,
)
from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.syscalls import ARCHITECTURES, MACHINE, Prepared, meaning, numbers, prctl, syscall

_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_SECCOMP = 21
_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_NEW_LISTENER = 1 << 3
_RET_ERRNO = 0x00050000

_PLAIN = """
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3 fsync fdatasync ftruncate
copy_file_range fadvise64 readahead sync_file_range poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl
epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime pipe pipe2 stat lstat
fstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd chdir fchdir rmdir
unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat umask munmap mprotect madvise brk mincore msync membarrier
getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid setpgid setsid exit exit_group wait4 waitid
sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min getpriority getrlimit setrlimit
getrusage times clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time setitimer getitimer alarm timer_create timer_settime
timer_gettime timer_getoverrun timer_delete rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause
restart_syscall futex set_robust_list get_robust_list set_tid_address rseq arch_prctl getrandom uname sysinfo getcpu getsockopt recvfrom recvmsg
shutdown getsockname getpeername get_mempolicy
"""
_MODES = {"creat": 1, "mkdir": 1, "mkdirat": 2}
"""Which argument is the mode of what is made."""
_CHANGED_MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}
_OPENING = {"open": 1, "openat": 2}
"""Which argument is the flags; the mode follows."""
_NOTHING_DONE = "utime utimes futimesat utimensat"
"""Mode and times: Landlock does not cover them, honest code sets them on its own files, and nobody reads them after the run."""
_NO_ATTRIBUTES = "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr"
_REFUSED = """
chown fchown lchown fchownat mknod mknodat memfd_create memfd_secret shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd
msgrcv msgctl mq_open mq_unlink keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register userfaultfd perf_event_open bpf
ptrace process_vm_readv process_vm_writev process_madvise kcmp modify_ldt mount umount2 pivot_root chroot setns unshare open_tree
move_mount fsopen fsconfig fsmount fspick mount_setattr pidfd_send_signal pidfd_getfd open_by_handle_at name_to_handle_at init_module
finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff settimeofday clock_settime clock_adjtime adjtimex quotactl
quotactl_fd seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self setuid setgid setreuid setregid setresuid setresgid
setgroups setfsuid setfsgid capset sched_setaffinity sched_setparam sched_setscheduler sched_setattr setpriority ioprio_set rt_sigqueueinfo
rt_tgsigqueueinfo sethostname setdomainname syslog acct vhangup iopl ioperm mlock mlock2 mlockall fanotify_init fanotify_mark sendmmsg recvmmsg
vmsplice lookup_dcookie move_pages migrate_pages mbind set_mempolicy sync syncfs socket bind listen accept accept4 connect execve execveat
signalfd signalfd4
"""
_EPERM, _EACCES, _EAGAIN = errno(codes.EPERM), errno(codes.EACCES), errno(codes.EAGAIN)
_ENOMEM = errno(codes.ENOMEM)
_ENOSYS, _NOTHING = errno(codes.ENOSYS), errno(0)
_ENOTTY, _ENOTSUP = errno(codes.ENOTTY), errno(codes.EOPNOTSUPP)

_NEW_NAMESPACES = 0x7E020080
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_KIND = 1, 0xF
_IPPROTO_TCP = 6
_MSG_FASTOPEN = 0x20000000
_BUFFER_OPTIONS = (
    7,
    8,
    32,
    33,
)  # SO_SNDBUF, SO_RCVBUF and their FORCE forms: each socket could hold megabytes
_SOL_IP, _SOL_IPV6 = 0, 41
_HARMLESS_IP_OPTIONS = (
    1,
    2,
    26,
    67,
)  # IP_TOS, IP_TTL, IPV6_V6ONLY, IPV6_TCLASS; others choose ports and addresses
_SOL_SOCKET, _TCP_FASTOPEN_CONNECT, _TCP_FASTOPEN, _TCP_ULP, _TCP_REPAIR = 1, 30, 23, 31, 19
_FILE_COMMANDS = (0, 1, 2, 3, 4, 5, 36, 1030, 1032, 1034)
"""F_DUPFD to F_GETLK, F_OFD_GETLK, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_GET_SEALS. Not: owners and signals, leases, pipe sizes."""
_RECORD_LOCKS = (6, 7, 37, 38)
"""F_SETLK, F_SETLKW and their open-file forms. Each lock takes memory that nothing counts (*measured*: 285,000 locks, 55 MB), and the files
are the run's own: it is told that it has the lock."""
_MREMAP_FIXED = 2
_SET_IDS = 0o6000
_MAKES = 0o100  # O_CREAT
_UNNAMED = 0o20000000
"""The bit of O_TMPFILE that is its own: a file without a name is counted by nobody."""
_DEVICE_COMMANDS = (
    0x5401,
    0x5413,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_PROCESS_OPTIONS = (
    3,
    16,
    21,
    23,
    39,
    0x53564D41,
)  # PR_GET_DUMPABLE, _NAME, _SECCOMP, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS, PR_SET_VMA
_PR_SET_NAME = 15
_QUERY_PERSONALITY = 0xFFFFFFFF
_THREAD_FLAGS = 0x00010000  # CLONE_THREAD


def rules(
    *,
    network: str = "off",
    many: bool = False,
    threads: bool = False,
    execute: bool = False,
    scoped: bool = False,
    own_files: bool = False,
    truncate: bool = True,
    window: tuple[int, ...] = (),
) -> dict[str, Rule]:
    """Return the rule of each system call by its name.

    Arguments:
        network: `off`; `namespace`: TCP within a network namespace of its own; `notify`: TCP, where each connect is asked about.
        many: whether it may have more than one process.
        threads: whether it may have threads even if it may not have processes.
        execute: whether it may execute programs; which, is Landlock's.
        scoped: whether signals end at the cage anyhow, by Landlock or a process namespace.
        own_files: whether it sees no file but its own and read-only ones, so that modes and times are its own business.
        truncate: whether Landlock covers `truncate`.
        window: the upper halves of the addresses at which memory may be asked for; empty: any. Pages spread over the whole address space
            take two pages of tables each, which no limit of a single process counts (*measured*: 98 MB under one of 48 MB).

    """
    table = dict.fromkeys(_PLAIN.split(), ALLOW)
    kept = ALLOW if own_files else _NOTHING
    table |= dict.fromkeys(_NOTHING_DONE.split(), kept)
    table |= {name: _plain_mode(at, kept) for name, at in _CHANGED_MODES.items()}
    table |= {name: _plain_mode(at, ALLOW) for name, at in _MODES.items()}
    table |= {name: _opening(at) for name, at in _OPENING.items()}
    table |= dict.fromkeys(_NO_ATTRIBUTES.split(), _ENOTSUP)
    table |= dict.fromkeys(_REFUSED.split(), _EPERM)
    own = ALLOW if scoped else when(0, (SELF,), ALLOW, _EPERM)
    table |= {
        "truncate": ALLOW if truncate else _EPERM,
        "fcntl": when(1, _FILE_COMMANDS, ALLOW, when(1, _RECORD_LOCKS, _NOTHING, _EPERM)),
        "mmap": ALLOW if not window else when_zero(0, ALLOW, when_high(0, window, ALLOW, _ENOMEM)),
        "mremap": when(3, (0,), ALLOW, _ENOMEM if window else ALLOW, _MREMAP_FIXED),
        "ioctl": when(1, _DEVICE_COMMANDS, ALLOW, _ENOTTY),
        "prctl": when(0, _PROCESS_OPTIONS, ALLOW, when(0, (_PR_SET_NAME,), _NOTHING, _EPERM)),
        "prlimit64": when(0, (0, SELF), ALLOW, _EPERM),
        "flock": _NOTHING,  # a lock on a granted file would stop whoever uses it outside
        "fallocate": _ENOTSUP,  # it can reserve beyond every limit at once; libraries write instead
        "personality": when(0, (_QUERY_PERSONALITY,), ALLOW, _EPERM),
        "kill": own,
        "tgkill": own,
        "tkill": own,
        "clone3": _ENOSYS,
        "clone": _cloning(many=many, threads=threads),
        "fork": ALLOW if many else _EAGAIN,
        "vfork": ALLOW if many else _EAGAIN,
        "socketpair": when(0, (_AF_UNIX,), when(1, (_SOCK_STREAM,), ALLOW, _EACCES, _SOCK_KIND), _EACCES),
        "sendto": when_zero(4, when(3, (0,), ALLOW, _EACCES, _MSG_FASTOPEN), _EACCES),
        "sendmsg": when(2, (0,), ALLOW, _EACCES, _MSG_FASTOPEN),
        "setsockopt": _EPERM,
        "socket": _EACCES,
        "connect": _EACCES,
    }
    if execute:
        table["execve"] = ALLOW
    if network != "off":
        table |= _networking(NOTIFY if network == "notify" else ALLOW)
    return table


def _plain_mode(argument: int, then: Rule) -> Rule:
    """Return the rule that refuses modes which would give a file's owner's rights to whoever executes it."""
    return when(argument, (0,), then, _EPERM, _SET_IDS)


def _opening(flags: int) -> Rule:
    making = when(flags, (0,), _plain_mode(flags + 1, ALLOW), _ENOTSUP, _UNNAMED)
    return when(flags, (0,), ALLOW, making, _UNNAMED | _MAKES)


def _cloning(*, many: bool, threads: bool) -> Rule:
    if many:
        return when(0, (0,), ALLOW, _EPERM, _NEW_NAMESPACES)
    if threads:
        one = when(0, (_THREAD_FLAGS,), ALLOW, _EAGAIN, _THREAD_FLAGS)
        return when(0, (0,), one, _EPERM, _NEW_NAMESPACES)
    return _EAGAIN


def _networking(connect: Rule) -> dict[str, Rule]:
    stream = when(1, (_SOCK_STREAM,), when(2, (0, _IPPROTO_TCP), ALLOW, _EACCES), _EACCES, _SOCK_KIND)
    hidden = (_TCP_FASTOPEN_CONNECT, _TCP_FASTOPEN, _TCP_ULP, _TCP_REPAIR)
    own = when(2, _BUFFER_OPTIONS, _NOTHING, ALLOW)
    tcp = when(2, hidden, _EPERM, ALLOW)
    rest = when(1, (_SOL_IP, _SOL_IPV6), when(2, _HARMLESS_IP_OPTIONS, ALLOW, _EPERM), _EPERM)
    return {
        "socket": when(0, (_AF_INET, _AF_INET6), stream, _EACCES),
        "setsockopt": when(1, (_SOL_SOCKET,), own, when(1, (_IPPROTO_TCP,), tcp, rest)),
        "connect": connect,
    }


class Filter:
    """A program ready to be installed: made once, before the fork, and installed in each process.

    Arguments:
        table: the rule of each call by its name.
        unknown: for every other call.

    """

    def __init__(self, table: dict[str, Rule], unknown: Rule = _ENOSYS) -> None:
        number = numbers()
        by_number = {number[name]: rule for name, rule in table.items() if name in number}
        code = program(by_number, unknown, ARCHITECTURES[MACHINE])
        self.code = code
        self._own = own_process(code)
        self._bytes = bytearray(code)
        held = (ctypes.c_char * len(code)).from_buffer(self._bytes)
        self._count = len(code) // 8
        head = self._count.to_bytes(8, "little") + ctypes.addressof(held).to_bytes(8, "little")
        self._head = ctypes.create_string_buffer(head, 16)
        self._put = Prepared("seccomp", _SET_MODE_FILTER, 0, ctypes.addressof(self._head))
        self._put_listening = Prepared(
            "seccomp", _SET_MODE_FILTER, _NEW_LISTENER, ctypes.addressof(self._head)
        )

    def install(self, *, listener: bool = False) -> int:
        """Install the program for this process and those it starts.

        Arguments:
            listener: whether to return a descriptor on which calls under the rule NOTIFY are asked about.

        Raises:
            OSError: it could not be installed.

        """
        own = os.getpid().to_bytes(4, "little")
        for at in self._own:
            self._bytes[at : at + 4] = own
        return self._put_listening() if listener else self._put()


def apply(program: Filter, *, listener: bool = False) -> int:
    """Install a filter. `no_new_privs` must be set. Arguments and errors as for `Filter.install`."""
    return program.install(listener=listener)


def forbid_new_privileges() -> None:
    """Set `no_new_privs`: no set-uid program gives rights any more, and a filter may be installed without any."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def probe() -> Fact:
    """Tell whether filters can be installed here."""
    if MACHINE not in ARCHITECTURES:
        return Fact(False, 0, f"there is no table of system calls for {MACHINE}", "Run on x86_64 or aarch64.")
    action = ctypes.create_string_buffer(_RET_ERRNO.to_bytes(4, "little"), 4)
    try:
        syscall("seccomp", _GET_ACTION_AVAIL, 0, ctypes.addressof(action))
    except OSError as error:
        why = f"seccomp: {meaning(error.errno or 0)}"
        return Fact(
            False,
            0,
            why,
            "Use a kernel with CONFIG_SECCOMP_FILTER, and a container profile that allows seccomp.",
        )
    return Fact(True, 2, "filters by system call and argument", "")


__all__ = ["ALLOW", "KILL", "Filter", "apply", "forbid_new_privileges", "probe", "rules"]
