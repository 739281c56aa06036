"""System calls that Python has no function for, through ctypes, and the numbers that the filter is built from.

Nothing here decides anything. The one idea: the table is the only place that knows an architecture, so a name stands for a call everywhere else.
Numbers are those of Linux's own tables: `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`.
"""

from __future__ import annotations

import ctypes
import errno
import os

MACHINE = os.uname().machine
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The architectures that there is a table of, with the number that a filter sees (`AUDIT_ARCH_*`)."""

_TABLE = """\
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69, pwritev 296 70
preadv2 327 286, pwritev2 328 287, lseek 8 62, close 3 57, close_range 436 436, dup 32 23, dup2 33 -
dup3 292 24, fcntl 72 25, flock 73 32, fsync 74 82, fdatasync 75 83, ftruncate 77 46, truncate 76 45
fallocate 285 47, sendfile 40 71, copy_file_range 326 285, splice 275 76, tee 276 77, fadvise64 221 223
readahead 187 213, sync_file_range 277 84, poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72
epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22
epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19, timerfd_create 283 85, timerfd_settime 286 86
timerfd_gettime 287 87, signalfd 282 -, signalfd4 289 74, pipe 22 -, pipe2 293 59, open 2 -, openat 257 56
creat 85 -, stat 4 -, lstat 6 -, fstat 5 80, newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44
access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78, getdents 78 -
getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir 81 50, mkdir 83 -, mkdirat 258 34, rmdir 84 -
unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38, renameat2 316 276, link 86 -, linkat 265 37
symlink 88 -, symlinkat 266 36, umask 95 166, mmap 9 222, munmap 11 215, mremap 25 216, mprotect 10 226
madvise 28 233, brk 12 214, mincore 27 232, msync 26 227, membarrier 324 283, getpid 39 172, getppid 110 173
gettid 186 178, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148
getresgid 120 150, getgroups 115 158, getpgid 121 155, getpgrp 111 -, getsid 124 156, setpgid 109 154
setsid 112 157, exit 60 93, exit_group 231 94, wait4 61 260, waitid 247 95, sched_yield 24 124
sched_getaffinity 204 123, sched_getparam 143 121, sched_getscheduler 145 120, sched_get_priority_max 146 125
sched_get_priority_min 147 126, getpriority 140 141, getrlimit 97 163, setrlimit 160 164, prlimit64 302 261
getrusage 98 165, times 100 153, clock_gettime 228 113, clock_getres 229 114, clock_nanosleep 230 115
nanosleep 35 101, gettimeofday 96 169, time 201 -, setitimer 38 103, getitimer 36 102, alarm 37 -
timer_create 222 107, timer_settime 223 110, timer_gettime 224 108, timer_getoverrun 225 109
timer_delete 226 111, rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136
rt_sigtimedwait 128 137, rt_sigsuspend 130 133, sigaltstack 131 132, pause 34 -, restart_syscall 219 128
futex 202 98, set_robust_list 273 99, get_robust_list 274 100, set_tid_address 218 96, rseq 334 293
arch_prctl 158 -, getrandom 318 278, uname 63 160, sysinfo 99 179, getcpu 309 168, socketpair 53 199
getsockopt 55 209, setsockopt 54 208, sendto 44 206, recvfrom 45 207, sendmsg 46 211, recvmsg 47 212
shutdown 48 210, getsockname 51 204, getpeername 52 205, connect 42 203, socket 41 198, bind 49 200
listen 50 201, accept 43 202, accept4 288 242, sendmmsg 307 269, recvmmsg 299 243, kill 62 129, tgkill 234 131
tkill 200 130, prctl 157 167, ioctl 16 29, clone 56 220, clone3 435 435, fork 57 -, vfork 58 -, execve 59 221
execveat 322 281, chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55
lchown 94 -, fchownat 260 54, utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88, setxattr 188 5
lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, getxattr 191 8
lgetxattr 192 9, fgetxattr 193 10, listxattr 194 11, llistxattr 195 12, flistxattr 196 13, mknod 133 -
mknodat 259 33, memfd_create 319 279, memfd_secret 447 447, shmget 29 194, shmat 30 196, shmctl 31 195
shmdt 67 197, semget 64 190, semop 65 193, semctl 66 191, semtimedop 220 192, msgget 68 186, msgsnd 69 189
msgrcv 70 188, msgctl 71 187, mq_open 240 180, mq_unlink 241 181, keyctl 250 219, add_key 248 217
request_key 249 218, io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427
userfaultfd 323 282, perf_event_open 298 241, bpf 321 280, ptrace 101 117, process_vm_readv 310 270
process_vm_writev 311 271, process_madvise 440 440, kcmp 312 272, personality 135 92, modify_ldt 154 -
mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, setns 308 268, unshare 272 97
open_tree 428 428, move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433
mount_setattr 442 442, pidfd_open 434 434, pidfd_send_signal 424 424, pidfd_getfd 438 438
open_by_handle_at 304 265, name_to_handle_at 303 264, init_module 175 105, finit_module 313 273
delete_module 176 106, kexec_load 246 104, kexec_file_load 320 294, reboot 169 142, swapon 167 224
swapoff 168 225, settimeofday 164 170, clock_settime 227 112, clock_adjtime 305 266, adjtimex 159 171
quotactl 179 60, quotactl_fd 443 443, seccomp 317 277, landlock_create_ruleset 444 444
landlock_add_rule 445 445, landlock_restrict_self 446 446, setuid 105 146, setgid 106 144, setreuid 113 145
setregid 114 143, setresuid 117 147, setresgid 119 149, setgroups 116 159, setfsuid 122 151, setfsgid 123 152
capset 126 91, capget 125 90, sched_setaffinity 203 122, sched_setparam 142 118, sched_setscheduler 144 119
sched_setattr 314 274, setpriority 141 140, ioprio_set 251 30, rt_sigqueueinfo 129 138
rt_tgsigqueueinfo 297 240, sethostname 170 161, setdomainname 171 162, syslog 103 116, acct 163 89
vhangup 153 58, iopl 172 -, ioperm 173 -, mlock 149 228, mlock2 325 284, mlockall 151 230, munlock 150 229
munlockall 152 231, fanotify_init 300 262, fanotify_mark 301 263, inotify_init1 294 26
inotify_add_watch 254 27, inotify_rm_watch 255 28, vmsplice 278 75, openat2 437 437, sync 162 81
syncfs 306 267, lookup_dcookie 212 18, move_pages 279 239, migrate_pages 256 238, mbind 237 235
set_mempolicy 238 237, get_mempolicy 239 236
"""
_COLUMN = {"x86_64": 1, "aarch64": 2}


def numbers(machine: str = MACHINE) -> dict[str, int]:
    """Return the numbers of the named system calls on an architecture; those that it does not have are left out."""
    column = _COLUMN[machine]
    rows = [row.split() for line in _TABLE.splitlines() for row in line.split(", ")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


NUMBER = numbers() if MACHINE in _COLUMN else {}
_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
if _libc is not None:
    _libc.syscall.restype = ctypes.c_long
    _libc.prctl.restype = ctypes.c_int


def syscall(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Make a system call and return what it returned.

    Raises:
        OSError: it failed; the call's name is its file name.

    """
    number = NUMBER.get(name)
    if number is None or _libc is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name)
    result: int = _libc.syscall(ctypes.c_long(number), *map(_word, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
    return result


class Prepared:
    """A system call with its arguments, made before a fork so that making it after the fork touches few pages.

    Arguments:
        name: of the call.
        arguments: as for `syscall`; addresses must stay valid.

    """

    __slots__ = ("_call", "_name", "_words")

    def __init__(self, name: str, *arguments: int) -> None:
        if _libc is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name)
        self._name = name
        self._call = _libc.syscall
        self._words = (ctypes.c_long(NUMBER[name]), *map(_word, arguments))

    def __call__(self) -> int:
        """Make the call and return what it returned.

        Raises:
            OSError: it failed.

        """
        result: int = self._call(*self._words)
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), self._name)
        return result

    def succeeds(self) -> bool:
        """Make the call and return whether it succeeded."""
        return bool(self._call(*self._words) >= 0)


def _word(argument: object) -> object:
    return ctypes.c_ulong(argument & 0xFFFFFFFFFFFFFFFF) if isinstance(argument, int) else argument


def prctl(option: int, *arguments: int) -> int:
    """Call `prctl`.

    Raises:
        OSError: it failed.

    """
    return syscall("prctl", option, *(*arguments, 0, 0, 0, 0)[:4])


def meaning(code: int) -> str:
    """Return what it means that a call of a protection layer fails with this error: the three ways tell different stories."""
    return {
        errno.ENOSYS: "the kernel was built without it",
        errno.EOPNOTSUPP: "it was turned off when the machine started",
        errno.EPERM: "a container's profile or the kernel's settings forbid it",
    }.get(code, os.strerror(code))
