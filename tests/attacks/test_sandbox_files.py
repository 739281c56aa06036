"""Attacks on files (FS01 to FS27) in the sandbox tier, by code that really runs, on every kind of host.

Each proves from the outside that what was attacked is as it was. Cannot happen on this tier:

- FS25: nothing is layered over a folder and merged back. What a run leaves is read by the host, as bytes, from `output/` alone.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.attacks.cages import RAW, grants, nothing_left
from tests.attacks.conftest import SECRET

if TYPE_CHECKING:
    from tests.attacks.cages import Ended, Host
    from tests.attacks.conftest import Outside

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("leaves_nothing")]
REFUSED = {
    "EPERM",
    "EACCES",
    "ENOENT",
    "ENOSYS",
    "EROFS",
    "EXDEV",
    "EOPNOTSUPP",
    "ENOTSUP",
    "EBADF",
    "ENOTDIR",
    "ELOOP",
    "EINVAL",
    "ENOTTY",
}


def through(ended: Ended) -> list[tuple[int, Any]]:
    """Return those answers of `tried` and `raw`, a run's value, that are no refusal, each with its place."""
    answers = ended.value
    assert isinstance(answers, list), ended
    assert answers
    return [(at, each) for at, each in enumerate(answers) if each not in REFUSED]


@pytest.mark.parametrize("level", ["medium", "paranoid"])
def test_fs01_read_outside_the_grant(host: Host, outside: Outside, level: str) -> None:
    """A file that was not granted cannot be read by any spelling of its path, and the outcome says policy; paranoid runs nothing where it cannot hold."""
    before = outside.seen()
    name = str(outside.secret)
    ways = [
        f"open({name!r}).read()",
        f"open('../' * 40 + {name[1:]!r}).read()",
        f"open('tmp/../../../../../../..{name}').read()",
        f"import os; os.chdir('/tmp'); open({name[5:]!r}).read()",
        f"import os; os.chdir('/'); open('.' + {name!r}).read()",
        f"import os; os.listdir({str(outside.path)!r})",
        f"import os; os.read(os.open({name!r}, os.O_RDONLY | os.O_NOATIME), 99)",
        f"import io; io.open_code({name!r}).read()",
        "import os; os.listdir('/root')",
        "import os; os.listdir('..')",
        f"import mmap, os; mmap.mmap(os.open({name!r}, os.O_RDWR), 0)[:]",
        f"import sqlite3; sqlite3.connect('file:{name}?mode=ro', uri=True).execute('select * from a')",
    ]
    for way in ways:
        ended = host.run(way, security_level=level)
        assert not ended.success, way
        assert SECRET not in repr(ended), way
        if level == "paranoid" and not host.namespaces:
            assert (ended.executed, ended.reason) == (False, "unavailable"), way
        elif "sqlite" not in way:  # which tells by an error of its own
            assert ended.reason == "policy", (way, ended)
    assert outside.seen() == before


def test_fs01_descriptors_that_only_name_lead_nowhere(host: Host, outside: Outside) -> None:
    """A descriptor opened with O_PATH, or a copy made by the kernel, gives no content of a file that was not granted."""
    code = (
        RAW
        + f"""
name = {str(outside.secret)!r}
def by_path_descriptor():
    fd = os.open(name, os.O_PATH)
    return os.read(fd, 99).decode()
def by_folder_descriptor():
    return open(os.open("secret.txt", os.O_RDONLY, dir_fd=os.open(os.path.dirname(name), os.O_PATH))).read()
def reopened():
    fd = os.open(name, os.O_PATH)
    return [tried(lambda path=path: open(path).read()) for path in (f"/proc/self/fd/{{fd}}", f"/dev/fd/{{fd}}")]
def listed():
    return os.listdir(os.open(os.path.dirname(name), os.O_PATH))
def copied():
    return os.copy_file_range(os.open(name, os.O_PATH), os.open("tmp/copy", os.O_RDWR | os.O_CREAT), 99)
def executed():
    return raw(322, 281, os.open(name, os.O_PATH), b"", 0, 0, 0x1000)
found = [tried(each) for each in (by_path_descriptor, by_folder_descriptor, reopened, listed, copied, executed)]
[each for one in found for each in (one if type(one) is list else [one])]
"""
    )
    ended = host.run(code)
    assert ended.success
    assert through(ended) == []
    assert SECRET not in repr(ended)


def test_fs02_symlink_in_workdir(host: Host, outside: Outside) -> None:
    """A link that a run plants leads the run nowhere, and the host follows none when it collects."""
    before = outside.seen()
    ended = host.run(f"import os\nos.symlink({str(outside.secret)!r}, 'tmp/link')\nopen('tmp/link').read()")
    assert (ended.success, ended.reason) == (False, "policy")
    for plant in (
        f"import os\nos.symlink({str(outside.secret)!r}, 'output/link')",
        f"import os\nos.symlink({str(outside.path)!r}, 'output/folder')",
        f"import os\nos.rmdir('output')\nos.symlink({str(outside.path)!r}, 'output')",
        f"import os\nos.symlink({str(outside.path)!r}, 'way')\nos.rename('output', 'old')\nos.rename('way', 'output')",
        "import os\nos.symlink('/', 'output/root')",
        "import os\nos.symlink('loop', 'output/loop')",
    ):
        ended = host.run(plant)
        assert SECRET not in repr(ended), plant
        assert (ended.success, ended.reason, ended.files) == (False, "files", {}), (plant, ended)
    assert (
        host.run("import os\nsorted(os.listdir('.')), os.listdir('output')").value
        == "(['input', 'output', 'tmp'], [])"
    )
    assert outside.seen() == before


def test_fs03_hard_link_to_an_outside_file(host: Host, outside: Outside) -> None:
    """No hard link to a file outside can be made, granted for reading or not, and the host collects no file of two names."""
    before = outside.seen()
    code = (
        RAW
        + f"""
name = {str(outside.secret)!r}
def by_descriptor():
    return raw(265, 37, os.open(name, os.O_PATH), b"", -100, b"tmp/d", 0x1000) or open("tmp/d").read()
[tried(os.link, name, "tmp/a") or open("tmp/a").read(), tried(os.link, name, "output/b"),
 raw(86, -1, name.encode(), b"tmp/c"), raw(265, 37, -100, name.encode(), -100, b"tmp/e", 0x400), tried(by_descriptor)]
"""
    )
    for more in (grants(), grants(read_only=[str(outside.path)])):
        ended = host.run(code, **more)
        assert through(ended) == []
        assert ended.files == {}
    ended = host.run("import os\nopen('tmp/a', 'w').write('x')\nos.link('tmp/a', 'output/a')")
    assert (ended.reason, ended.files) == ("files", {})
    assert outside.seen() == before


def test_fs04_openat_with_any_directory_descriptor(host: Host, outside: Outside) -> None:
    """No descriptor that a run starts with is a folder, and none that it receives opens more than its grants."""
    code = (
        RAW
        + f"""
import socket, stat
name = {str(outside.secret)!r}
folders = [fd for fd in range(4096) if type(found := tried(lambda: stat.S_ISDIR(os.fstat(fd).st_mode))) is str and found == "True"]
ways = [tried(lambda: os.open(name[1:], os.O_RDONLY, dir_fd=fd)) for fd in range(1024)]
ways += [tried(lambda: os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)) for fd in range(1024)]
ways += [tried(os.fchdir, fd) for fd in range(1024)]
def received():
    one, other = socket.socketpair()
    root = os.open("/", os.O_PATH)
    socket.send_fds(one, [b"x"], [root])
    fd = socket.recv_fds(other, 1, 1)[1][0]
    return open(os.open(name[1:], os.O_RDONLY, dir_fd=fd)).read()
(folders, sorted(set(map(str, ways))), tried(received))
"""
    )
    ended = host.run(code)
    assert ended.success, ended
    assert SECRET not in ended.value
    assert ended.value in ("([], ['EBADF', 'ENOTDIR'], 'EACCES')", "([], ['EBADF', 'ENOTDIR'], 'ENOENT')")


def test_fs05_magic_links_of_procfs(host: Host, outside: Outside) -> None:
    """What procfs would lead to, under any of its names, is not there."""
    code = (
        RAW
        + f"""
name = {str(outside.secret)!r}
places = ["self/root", "self/cwd/../../../../..", "thread-self/root", f"{{os.getpid()}}/root", "1/root", f"{{os.getppid()}}/root", "1/cwd"]
paths = [f"/proc/{{place}}{{name}}" for place in places]
paths += [f"/proc/self/fd/{{fd}}" for fd in (3, 256)] + ["/dev/fd/3"]
paths += ["/proc/self/exe", "/proc/self/maps", "/proc/self/mem", "/proc/self/environ", "/proc/self/mountinfo", "/proc/self/map_files",
          "/proc/1/ns/mnt", "/proc/version", "/proc/kcore", "/proc/kallsyms", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
          "/proc", "/sys", "/sys/fs/cgroup", "/dev/mem", "/dev/kmsg", "/dev/shm", "/run", "/var/run/docker.sock"]
[tried(os.open, path, os.O_RDONLY) for path in paths]
"""
    )
    ended = host.run(code)
    assert through(ended) == []
    ended = host.run("open('/proc/self/root/etc/passwd').read()")
    assert (ended.success, ended.reason) == (False, "policy")


def test_fs06_procfs_of_the_parent(host: Host) -> None:
    """Memory, environment, maps and descriptors of the processes above a run stay closed to it."""
    code = (
        RAW
        + f"""
above = [{host.pid}, {os.getpid()}, 1, os.getppid(), *range(max(os.getppid() - 3, 1), os.getppid() + 4)]
above = [pid for pid in above if pid != os.getpid()]
[tried(os.open, f"/proc/{{pid}}/{{name}}", flags) for pid in above
 for name, flags in (("environ", os.O_RDONLY), ("mem", os.O_RDWR), ("maps", os.O_RDONLY), ("fd", os.O_RDONLY), ("fd/0", os.O_RDONLY),
                     ("cmdline", os.O_RDONLY), ("oom_score_adj", os.O_RDWR), ("attr/current", os.O_RDWR))]
"""
    )
    for more in (grants(), grants(processes=4)):
        assert through(host.run(code, **more)) == []


def test_fs07_openat2(host: Host, outside: Outside) -> None:
    """`openat2` is not there, with or without flags that tell how to resolve, so that libraries fall back to what is looked at."""
    code = (
        RAW
        + f"""
import struct
how = lambda resolve: struct.pack("QQQ", os.O_RDONLY, 0, resolve)
[raw(437, 437, -100, {str(outside.secret)!r}.encode(), how(resolve), 24) for resolve in (0, 1, 2, 4, 8, 0x10, 0x20, 0x3F)]
"""
    )
    assert set(host.run(code).value) == {"ENOSYS"}


def test_fs08_replace_protected_symlink_by_real_directory(host: Host, outside: Outside) -> None:
    """A forbidden link within a granted folder stays the link that it is: nobody puts a folder of the same name in its place."""
    project, real = outside.folder("project"), outside.folder("hooks")
    outside.write("project/code.py", "1")
    (project / ".hooks").symlink_to(real)
    code = (
        RAW
        + f"""
os.chdir({str(project)!r})
first = [tried(os.unlink, ".hooks"), tried(os.rename, ".hooks", ".old")]
tried(os.mkdir, ".hooks"), tried(open, ".hooks/pre-commit", "w")
first + [tried(open, {str(real / "planted")!r}, "w")]
"""
    )
    ended = host.run(code, read_write=[str(project)], forbidden=[str(project / ".hooks")])
    if ended.executed:
        assert through(ended) == []
    assert (project / ".hooks").is_symlink()
    assert list(real.iterdir()) == []


def test_fs09_create_a_protected_file_that_does_not_exist_yet(host: Host, outside: Outside) -> None:
    """What is forbidden cannot be created either: not by opening, linking, renaming or making a folder of that name. What lies beside it can be written."""
    project, inner = outside.folder("project"), outside.folder("project/inner")
    beside = outside.write("project/beside.txt", "old")
    code = (
        RAW
        + f"""
os.chdir({str(project)!r})
open("tmp-" * 0 + "beside.txt", "w").write("new")
open("inner/mine", "w").write("x")
os.mkdir("inner/made")
found = [tried(open, name, "w") for name in ("conftest.py", "./conftest.py", "inner/../conftest.py", {str(project / "conftest.py")!r})]
found += [tried(os.rename, "inner/mine", "conftest.py"), tried(os.rename, "inner/made", ".git"), tried(os.link, "inner/mine", "conftest.py"),
          tried(os.symlink, "inner/mine", "conftest.py"), tried(os.mkdir, ".git"), tried(os.mknod, "conftest.py"),
          tried(os.rename, "inner", ".git"), raw(316, 276, -100, b"inner/made", -100, b".git", 2)]
found
"""
    )
    profile = grants(
        read_write=[str(project)], forbidden=[str(project / "conftest.py"), str(project / ".git")]
    )
    ended = host.run(code, **profile)
    assert through(ended) == []
    assert beside.read_text() == "new"
    assert (inner / "mine").exists()
    assert sorted(path.name for path in project.iterdir()) == ["beside.txt", "inner"]


def test_fs10_change_a_read_only_file(host: Host, outside: Outside) -> None:
    """What is granted for reading can be read, and by no call be shortened, punched, overwritten or mapped for writing."""
    before = outside.seen()
    code = (
        RAW
        + f"""
import fcntl, mmap
name = {str(outside.secret)!r}
reading = os.open(name, os.O_RDONLY)
def mapped():
    mmap.mmap(reading, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0:1] = b"X"
def mapped_then_opened():
    found = mmap.mmap(reading, 0, mmap.MAP_SHARED, mmap.PROT_READ)
    address = ctypes.addressof(ctypes.c_char.from_buffer_copy(found)) & ~4095
    return raw(10, 226, address, 4096, 3) and "EPERM"
open("tmp/own", "w").write("mine")
own = os.open("tmp/own", os.O_RDWR)
flags = [os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_TRUNC, os.O_RDWR, os.O_WRONLY, os.O_APPEND | os.O_WRONLY, os.O_CREAT | os.O_WRONLY, 3 | os.O_TRUNC]
neither = os.open(name, 3) if type(tried(os.open, name, 3)) is int else reading
found = [tried(os.open, name, each) for each in flags]
found += [tried(os.truncate, name, 0), tried(os.ftruncate, reading, 0), raw(285, 47, reading, 3, 0, 4), raw(285, 47, reading, 0, 0, 99)]
found += [tried(os.copy_file_range, own, reading, 4), tried(os.sendfile, reading, own, 0, 4), tried(os.pwrite, reading, b"X", 0), tried(os.write, neither, b"X"), tried(os.ftruncate, neither, 0)]
found += [tried(mapped), tried(os.unlink, name), tried(os.rename, name, name + "2"), tried(os.rmdir, os.path.dirname(name)),
          tried(os.replace, "tmp/own", name), tried(os.mkdir, name + "d"), tried(fcntl.fcntl, reading, fcntl.F_SETLEASE, fcntl.F_WRLCK)]
tried(mapped_then_opened)
"""
    )
    ended = host.run(code + "[open(name).read(), *found]", read_only=[str(outside.path)])
    assert ended.value[0] == SECRET, ended
    assert through(ended._replace(value=ended.value[1:])) == []
    assert outside.seen() == before
    ended = host.run(f"open({str(outside.secret)!r}, 'w')", read_only=[str(outside.path)])
    assert (ended.success, ended.reason) == (False, "policy")


@pytest.mark.parametrize("granted", [True, False])
def test_fs11_modes_owners_times_and_attributes(host: Host, outside: Outside, granted: bool) -> None:
    """Mode, owner, times and attributes of what is not granted for writing stay as they are, by path and by descriptor, though Landlock has no say in these."""
    link = outside.path / "link"
    link.symlink_to("secret.txt")
    outside.own(link)
    before = outside.seen()
    code = (
        RAW
        + f"""
import struct
name = {str(outside.secret)!r}
folder, link = os.path.dirname(name), os.path.join(os.path.dirname(name), "link")
fds = [fd for fd in (tried(os.open, path, flags) for path in (name, folder) for flags in (os.O_RDONLY, os.O_PATH)) if type(fd) is int]
times = struct.pack("4q", 1, 1, 1, 1)
for path in (name, folder, link):
    raw(90, -1, path.encode(), 0); raw(268, 53, -100, path.encode(), 0o777); raw(452, 452, -100, path.encode(), 0o6777, 0x100)
    raw(92, -1, path.encode(), 65534, 65534); raw(94, -1, path.encode(), 65534, 65534); raw(260, 54, -100, path.encode(), 65534, 65534, 0x100)
    raw(132, -1, path.encode(), bytes(16)); raw(235, -1, path.encode(), times); raw(261, -1, -100, path.encode(), times)
    raw(280, 88, -100, path.encode(), times, 0); raw(280, 88, -100, path.encode(), None, 0x100)
    raw(188, 5, path.encode(), b"user.planted", b"x", 1, 0); raw(189, 6, path.encode(), b"user.planted", b"x", 1, 0)
    raw(197, 14, path.encode(), b"user.planted"); raw(463, 463, -100, path.encode(), 0, b"user.planted", bytes(16), 16)
for fd in fds:
    raw(91, 52, fd, 0); raw(93, 55, fd, 65534, 65534); raw(280, 88, fd, None, times, 0); raw(190, 7, fd, b"user.planted", b"x", 1, 0)
    raw(452, 452, fd, b"", 0, 0x1000); raw(260, 54, fd, b"", 65534, 65534, 0x1000); raw(280, 88, fd, b"", times, 0x1000)
    raw(16, 29, fd, 0x40086602, struct.pack("q", 0x10)); raw(469, 469, fd, b"", bytes(64), 24, 0x1000)
"done"
"""
    )
    ended = host.run(code, **(grants(read_only=[str(outside.path)]) if granted else grants()))
    assert ended.value == "done", ended
    assert outside.seen() == before


def test_fs12_move_and_link_across_the_grant(host: Host, outside: Outside) -> None:
    """Nothing is moved or linked into or out of a folder that is granted for reading, or that is not granted, not even by exchange."""
    kept, work = outside.folder("kept"), outside.folder("work")
    outside.write("kept/file", "kept")
    outside.folder("kept/inner")
    outside.write("work/mine", "mine")
    before = outside.seen("kept"), outside.seen("secret.txt")
    code = (
        RAW
        + f"""
kept, work, top = {str(kept)!r}, {str(work)!r}, {str(outside.path)!r}
os.mkdir("tmp/made"); open("tmp/own", "w").close()
pairs = [(f"{{kept}}/file", f"{{work}}/stolen"), (f"{{work}}/mine", f"{{kept}}/planted"), (f"{{work}}/mine", f"{{kept}}/file"),
         (f"{{kept}}/inner", f"{{work}}/inner"), ("tmp/made", f"{{kept}}/made"), ("tmp/own", f"{{kept}}/file"), (f"{{kept}}/file", "tmp/stolen"),
         (f"{{top}}/secret.txt", "tmp/stolen"), (f"{{top}}/secret.txt", f"{{work}}/stolen"), (f"{{work}}/mine", f"{{top}}/planted"), (work, f"{{kept}}/work"), (kept, f"{{work}}/kept")]
found = [tried(how, *pair) for pair in pairs for how in (os.rename, os.link)]
found += [raw(316, 276, -100, one.encode(), -100, other.encode(), flag) for one, other in pairs for flag in (1, 2)]
[each for each in found if each not in ("EEXIST", "ENOTEMPTY")]
"""
    )
    ended = host.run(code, read_only=[str(kept)], read_write=[str(work)])
    assert through(ended) == []
    assert (outside.seen("kept"), outside.seen("secret.txt")) == before
    assert sorted(path.name for path in work.iterdir()) == ["mine"]


def test_fs13_special_files_are_not_made(host: Host, outside: Outside) -> None:
    """Devices, pipes and sockets with a name cannot be made; the host would not read one either."""
    code = (
        RAW
        + """
import socket, stat
[tried(os.mkfifo, "output/pipe"), tried(os.mknod, "output/null", stat.S_IFCHR | 0o666, os.makedev(1, 3)), tried(os.mknod, "tmp/disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)),
 tried(os.mknod, "tmp/socket", stat.S_IFSOCK | 0o666), tried(lambda: socket.socket(socket.AF_UNIX).bind("output/socket")), tried(os.mknod, "output/pipe2", stat.S_IFIFO)]
"""
    )
    for more in (grants(), grants(read_write=[str(outside.path)])):
        ended = host.run(code, **more)
        assert through(ended) == []
        assert ended.files == {}
    ended = host.run("import os\nos.mkfifo('output/pipe')")
    assert (ended.success, ended.reason) == (False, "policy")


def test_fs13_no_file_that_gives_its_owner_s_rights(host: Host, outside: Outside) -> None:
    """No file with the set-user-id or set-group-id bit appears in a folder of the host: whoever starts it would be the host's user."""
    work = outside.folder("work")
    code = (
        RAW
        + f"""
os.chdir({str(work)!r})
os.umask(0)
ways = [lambda: os.open("opened", os.O_CREAT | os.O_WRONLY, 0o6755), lambda: raw(85, -1, b"created", 0o6755),
        lambda: raw(2, -1, b"old", os.O_CREAT | os.O_WRONLY, 0o6755), lambda: os.chmod("plain", 0o6755), lambda: os.fchmod(plain, 0o6755),
        lambda: raw(452, 452, -100, b"plain", 0o6755, 0), lambda: raw(268, 53, -100, b"plain", 0o6755), lambda: os.mkdir("folder", 0o7777), lambda: os.mknod("node", 0o106755)]
plain = os.open("plain", os.O_CREAT | os.O_RDWR, 0o755)
os.write(plain, b"#!/bin/sh\\nid\\n")
[tried(way) for way in ways]
"""
    )
    host.run(code, read_write=[str(work)])
    bits = {
        path.name: oct(path.lstat().st_mode)
        for path in work.iterdir()
        if path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID)
    }
    assert bits == {}


def test_fs14_mounts_and_other_roots(host: Host, outside: Outside) -> None:
    """Nothing is mounted, bound, moved or overlaid, no root is changed, and no namespace is made or entered to do so."""
    code = (
        RAW
        + f"""
there, own = {str(outside.path)!r}.encode(), os.getcwd().encode()
found = [raw(165, 40, there, own, b"", 4096, None), raw(165, 40, b"tmpfs", own, b"tmpfs", 0, None), raw(165, 40, b"proc", own, b"proc", 0, None),
         raw(165, 40, b"o", own, b"overlay", 0, b"lowerdir=/"), raw(165, 40, None, b"/", None, 4096 | 32, None), raw(166, 39, b"/", 2), raw(155, 41, b".", b"."),
         raw(161, 51, own), raw(161, 51, b".."), raw(430, 430, b"tmpfs", 0), raw(428, 428, -100, b"/", 1), raw(467, 467, -100, b"/", 1, None, 0), raw(429, 429, 0, b"", -100, own, 4),
         raw(431, 431, 0, 0, None, None, 0), raw(432, 432, 0, 0, 0), raw(433, 433, -100, b"/", 0), raw(442, 442, -100, b"/", 0, bytes(32), 32),
         raw(457, 457, bytes(64), bytes(64), 64, 0), raw(458, 458, bytes(64), bytes(64), 8, 0), raw(308, 268, 0, 0), raw(304, 265, -100, bytes(128), 0), raw(303, 264, -100, there, bytes(128), bytes(8), 0)]
found += [raw(272, 97, flag) for flag in (0x20000, 0x10000000, 0x10020000, 0x40000000, 0x02000000, 0x200)]
found
"""
    )
    for more in (grants(), grants(processes=4)):
        ended = host.run(code, **more)
        assert through(ended) == []
    ended = host.run("import os\nos.chroot('.')")
    assert (ended.success, ended.reason) == (False, "policy")


def test_fs15_shared_memory_seen_by_a_sibling(host: Host) -> None:
    """Two runs at once share no file, no memory and no folder: neither by place nor by the other's path."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    writer = (
        RAW
        + f"""
import time
open("tmp/{mark}", "w").write("x"); os.chmod(".", 0o777); os.chmod("tmp", 0o777); os.chmod("tmp/{mark}", 0o666)
found = [tried(open, f"{{place}}/{mark}", "w") for place in ("/dev/shm", "/run/shm", "/tmp", "/var/tmp", "/run/lock", "/run/user/0", "/dev/mqueue", "..", "../..")]
found += [raw(29, 194, 4242, 4096, 0o1666), raw(68, 186, 4242, 0o1666), raw(64, 190, 4242, 1, 0o1666), raw(240, 180, b"{mark}", 0o102, 0o666, None),
          raw(319, 279, b"{mark}", 0), raw(447, 447, 0), raw(248, 217, b"user", b"{mark}", b"x", 1, -5)]
time.sleep(0.4)
found
"""
    )
    reader = (
        RAW
        + f"""
import time
time.sleep(0.1)
found = [tried(os.listdir, f"../{{number}}") for number in range(12) if f"/{{number}}" != os.getcwd()[-len(str(number)) - 1:]]
found += [tried(open, f"../{{number}}/tmp/{mark}") for number in range(12)]
found + [raw(29, 194, 4242, 4096, 0), raw(68, 186, 4242, 0), raw(240, 180, b"{mark}", 2, 0, None)]
"""
    )
    for ended in host.runs([writer, reader], waiting=2):
        assert ended.success, ended
        assert through(ended) == []
    assert [place for place in ("/dev/shm", "/tmp", "/var/tmp") if Path(place, mark).exists()] == []


def test_fs16_writable_folder_on_the_import_path(host: Host, outside: Outside) -> None:
    """A sandbox that could write where this interpreter imports from is not made, by whatever path it was granted, and runs nothing."""
    own = host.own()
    link = outside.path / "link"
    link.symlink_to(own["prefixes"][0])
    inner = next(path for path in own["path"] if path.endswith("site-packages"))
    for path in [
        *own["prefixes"],
        *(each for each in own["path"] if Path(each).is_dir()),
        "/",
        str(link),
        inner + "/../site-packages",
        inner + "/pip",
        "//" + inner,
    ]:
        ended = host.run("open('/planted', 'w')", read_write=[path])
        assert (ended.executed, ended.reason, ended.error) == (False, "unavailable", "SandboxUnavailable"), (
            path
        )


def test_fs17_planting_what_tools_start_by_themselves(host: Host, outside: Outside) -> None:
    """A run plants no start-up file: its own home ends with it, and nobody else's can be written."""
    before = outside.seen()
    own = host.own()
    inner = next(path for path in own["path"] if path.endswith("site-packages"))
    places = [f"{outside.path}/.bashrc", f"{outside.path}/.git/hooks/pre-commit", f"{outside.path}/.vscode/tasks.json", f"{outside.path}/conftest.py", f"{outside.path}/.npmrc",
              f"{inner}/planted.pth", f"{inner}/sitecustomize.py", f"{own['prefixes'][1]}/lib/python3.11/sitecustomize.py", "/etc/profile.d/planted.sh", "/etc/ld.so.preload", "/etc/cron.d/planted",
              "/root/.bashrc", "/root/.profile", "/root/.ssh/authorized_keys", "/var/spool/cron/crontabs/root", "/etc/pip.conf"]  # fmt: skip
    code = (
        RAW
        + f"[tried(open, place, 'a') for place in {places!r}] + [tried(os.mkdir, {str(outside.path / '.git')!r})]"
    )
    for more in (grants(), grants(read_only=[str(outside.path)])):
        ended = host.run(code, **more)
        assert through(ended) == []
    ended = host.run(
        "import os\nhome = os.path.expanduser('~')\nopen(home + '/.bashrc', 'w').write('x')\nos.makedirs(home + '/.local/lib')\nhome == os.getcwd()"
    )
    assert ended.value is True
    assert host.run("import os\nsorted(os.listdir(os.path.expanduser('~')))").value == [
        "input",
        "output",
        "tmp",
    ]
    assert outside.seen() == before
    assert not [
        place
        for place in places
        if place.endswith(("planted.pth", "planted.sh", "cron.d/planted", "sitecustomize.py", "preload"))
        and Path(place).exists()
    ]


def test_fs18_artifacts_that_climb_link_or_swell(host: Host, outside: Outside) -> None:
    """What is collected has names below `output/` only, and a hole counts as if it were written: larger than granted is refused as a whole."""
    ended = host.run(
        "import os\nfor name in ('..a', '...', 'a\\\\b', 'line\\nbreak', '-rf', 'C:', '~', '%2e%2e', os.fsdecode(b'\\xff')): open('output/' + name, 'w').write('x')"
    )
    assert ended.success, ended
    assert all(name not in ("", ".", "..") and "/" not in name for name in ended.files)
    assert len(ended.files) == 9
    for code in (
        "for i in range(3): open(f'output/{i}', 'wb').truncate(1 << 19)",
        "import os\nos.makedirs('output/a/b')\nfor i in range(3): open(f'output/a/b/{i}', 'wb').truncate(1 << 19)",
        f"import os\nos.symlink('../../../../../..{outside.secret}', 'output/entry')",
        "for i in range(1005): open(f'output/{i}', 'w')",
        "import os\nfor i in range(1005): os.mkdir(f'output/{i}')",
    ):
        ended = host.run(code, file_size_mb=1)
        assert (ended.success, ended.reason, ended.files) == (False, "files", {}), (code, ended)


def test_fs19_artifact_swapped_while_it_is_collected(host: Host, outside: Outside) -> None:
    """Nobody is left to swap a file for a link while the host collects: the whole tree of a run has ended by then, also what detached itself."""
    before = outside.seen()
    code = f"""
import os, time
open("output/a", "w").write("plain")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            os.symlink({str(outside.secret)!r}, "tmp/link"); os.rename("tmp/link", "output/a")
            open("tmp/file", "w").write("plain"); os.rename("tmp/file", "output/a")
    os._exit(0)
time.sleep(0.02)
"done"
"""
    for _ in range(8):
        ended = host.run(code, processes=4)
        assert SECRET not in repr(ended)
        assert ended.files == {"a": "plain"} or ended.reason == "files" or ended.files == {"a": ""}, ended
    assert outside.seen() == before
    nothing_left(host)


def test_fs20_many_small_files(host: Host) -> None:
    """A run that makes files without end is ended for it, and the next one finds an empty folder."""
    code = "import itertools, os\nfor i in itertools.count(): os.close(os.open(f'tmp/{i}', os.O_CREAT)) if i % 9 else os.mkdir(f'tmp/{i}')"
    ended = host.run(code, cpu_seconds=20)
    assert (ended.success, ended.reason) == (False, "files"), ended
    assert host.run("import os\nos.listdir('tmp')", cpu_seconds=20).value == []


def test_fs21_one_large_file(host: Host) -> None:
    """No file grows over what is granted, neither written nor as a hole, and many that do not are counted together."""
    for code in (
        "with open('tmp/a', 'wb') as file:\n    for i in range(99): file.write(bytes(1 << 16)); file.flush()",
        "open('tmp/a', 'wb').truncate(1 << 40)",
        "import os\nos.posix_fallocate(os.open('tmp/a', os.O_CREAT | os.O_RDWR), 0, 1 << 22)",
        "import os\nos.pwrite(os.open('tmp/a', os.O_CREAT | os.O_RDWR), b'x', 1 << 40)",
        "import time\nfor i in range(9): open(f'tmp/{i}', 'wb').write(bytes(1 << 19))\ntime.sleep(5)",
        "import os, time\nfor i in range(9):\n    fd = os.open(f'tmp/{i}', os.O_CREAT | os.O_RDWR)\n    os.posix_fallocate(fd, 0, 1 << 19)\ntime.sleep(5)",
    ):
        ended = host.run(code, file_size_mb=1, wall_seconds=10)
        assert (ended.success, ended.reason) == (False, "files"), (code, ended)


def test_fs21_large_files_deep_down(host: Host) -> None:
    """What lies so deep that no path reaches it is counted like anything else."""
    down = "import os, time\nos.chdir('tmp')\nfor i in range(60):\n    os.mkdir('d' * 100)\n    os.chdir('d' * 100)\n"
    for code in (
        "for i in range(12): open(str(i), 'wb').write(bytes(1 << 20))\n",
        "for i in range(11000): os.mkdir(str(i))\n",
    ):
        ended = host.run(down + code + "time.sleep(4)", file_size_mb=1, wall_seconds=8)
        assert (ended.success, ended.reason) == (False, "files"), ended


OUT_OF_SIGHT = {
    "in a closed folder": "os.mkdir('tmp/a')\nfiles = [open(f'tmp/a/{i}', 'wb') for i in range(12)]\nos.chmod('tmp/a', 0)",
    "unlinked": "files = [open(f'tmp/{i}', 'wb') for i in range(12)]\nfor i in range(12): os.unlink(f'tmp/{i}')",
    "without a name": "files = [os.fdopen(os.open('tmp', os.O_TMPFILE | os.O_RDWR), 'wb') for i in range(12)]",
}


@pytest.mark.parametrize("what", OUT_OF_SIGHT)
def test_fs21_large_files_out_of_sight(host: Host, what: str) -> None:
    """What lies in a folder that its owner closed to everybody, or has no name any more, is counted like anything else, or cannot be had.

    Where the host is not root it cannot see what a run holds open without a name: that is bounded by descriptors times the size of a file.
    """
    code = f"import os, time\n{OUT_OF_SIGHT[what]}\nfor file in files: file.write(bytes(1 << 20)); file.flush()\ntime.sleep(3)"
    ended = host.run(code, file_size_mb=1, wall_seconds=8)
    if what == "without a name" and not ended.success and "Operation not supported" in ended.stderr:
        return
    if what != "unlinked" or host.kind.startswith("root"):
        assert (ended.success, ended.reason) == (False, "files"), ended


@pytest.mark.parametrize("place", ["tmp", "output"])
def test_fs22_tree_thousands_deep(host: Host, place: str) -> None:
    """A tree of thousands of levels is cleaned up without a path that long, wherever it lies, and nothing of it is left to the next run."""
    code = f"import os\nos.chdir({place!r})\nfor i in range(1050):\n    os.mkdir('d' * 40)\n    os.chdir('d' * 40)\nopen('bottom', 'w').close()"
    ended = host.run(code)
    assert ended.reason in (None, "files"), ended
    assert host.run("import os\n[os.listdir('tmp'), os.listdir('output')]").value == [[], []]
    nothing_left(host)


UNREADABLE = {
    "folders made without a mode": "import os\nos.mkdir('tmp/a', 0)\nos.mkdir('tmp/b')\nos.mkdir('tmp/b/c', 0)\nos.close(os.open('tmp/d', os.O_CREAT, 0))",
    "folders closed behind oneself": "import os\nfor name in ('tmp/a', 'tmp/a/b', 'tmp/a/b/c'): os.mkdir(name)\nfor name in ('tmp/a/b/c', 'tmp/a/b', 'tmp/a', 'tmp'): os.chmod(name, 0)",
    "the working folder": "import os\nos.chmod('.', 0)",
    "the folder of the output": "import os\nos.chmod('output', 0)",
    "a mask that takes all": "import os\nos.umask(0o777)\nos.makedirs('tmp/a')\nopen('tmp/b', 'w')",
    "all parts replaced": "import os\nfor name in ('input', 'output', 'tmp'): os.rmdir(name); os.mkdir(name, 0)",
    "parts that are files": "import os\nfor name in ('input', 'output', 'tmp'): os.rmdir(name); open(name, 'w').close()",
    "no parts": "import os\nfor name in ('input', 'output', 'tmp'): os.rmdir(name)\nos.rmdir('.') if False else None",
    "a folder that only can be written": "import os\nos.chmod('tmp', 0o200)\nos.chmod('.', 0o300)",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_fs23_files_left_unreadable(host: Host, what: str) -> None:
    """Modes that a run leaves hinder neither the cleaning nor the runs that follow, however often, and the folders are gone at the end."""
    host.close_sandboxes()
    for _ in range(4):
        host.run(UNREADABLE[what], waiting=1, running=2, wall_seconds=10)
    honest = "import os\nopen('tmp/a', 'w').write('x')\nopen('output/a', 'w').write('x')\n[oct(os.stat(name).st_mode) for name in ('.', 'input', 'output', 'tmp')]"
    for _ in range(3):
        ended = host.run(honest, waiting=1, running=2, wall_seconds=10)
        assert (ended.value, ended.files) == (["0o40700"] * 4, {"a": "x"}), ended
    nothing_left(host)


def test_fs23_output_that_cannot_be_read(host: Host) -> None:
    """A file in `output/` that nobody may read is collected, or the run ends for its files: never with half of it, silently."""
    for code in (
        "import os\nos.close(os.open('output/a', os.O_CREAT | os.O_WRONLY, 0))",
        "import os\nos.mkdir('output/a', 0)\n1",
        "import os\nos.chmod('output', 0)\n1",
    ):
        ended = host.run(code)
        assert ended.reason in (None, "files"), (code, ended)
        if "output/a'" in code and "open" in code:
            assert ended.reason == "files" or ended.files == {"a": ""}, ended


def test_fs24_nothing_is_left_for_the_next_run(host: Host) -> None:
    """A run finds neither files, modules, variables, environment, mask nor folder of the one before it in the same place."""
    leave = """
import builtins, json, os, sys
for place in ("input", "output", "tmp", "."): open(f"{place}/left", "w").write("x")
builtins.planted = json.planted = 1; json.loads = None; os.environ["PLANTED"] = "1"; os.umask(0); os.chdir("tmp"); sys.path.insert(0, os.getcwd())
left = 1
"""
    look = """
import builtins, json, os, sys
found = [sorted(os.listdir(".")), *(os.listdir(place) for place in ("input", "output", "tmp"))]
found + [hasattr(builtins, "planted"), hasattr(json, "planted"), json.loads is None, "PLANTED" in os.environ, "left" in globals(), os.umask(0)]
"""
    for _ in range(4):
        host.run(leave, waiting=1, running=1)
        ended = host.run(look, waiting=1, running=1)
        assert ended.value == [
            ["input", "output", "tmp"],
            [],
            [],
            [],
            False,
            False,
            False,
            False,
            False,
            0o22,
        ], ended
        assert ended.files == {}


SHARED = {
    "channel without waiting": "fcntl.fcntl(channel, fcntl.F_SETFL, os.O_NONBLOCK)",
    "channel without waiting, asynchronous": "fcntl.fcntl(channel, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)",
    "channel shut down": "socket.socket(fileno=channel).shutdown(socket.SHUT_RDWR)",
    "channel shut down for writing": "socket.socket(fileno=channel).shutdown(socket.SHUT_WR)",
    "channel shut down for reading": "socket.socket(fileno=channel).shutdown(socket.SHUT_RD)",
    "channel closed": "os.close(channel)",
    "stdout without waiting": "fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK)",
    "stdout in packets": "fcntl.fcntl(1, fcntl.F_SETFL, os.O_DIRECT)",
    "stdin without waiting": "fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)",
    "all locked": "[fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB) for fd in (0, 1, 2)]",
    "bytes left in every pipe": "[os.write(fd, b'x' * 4000) for fd in (1, 2, channel)]",
    "descriptors in flight": "[socket.send_fds(socket.socket(fileno=os.dup(channel)), [b'x'], [0, 1, 2]) for _ in range(20)]",
}
FIND_CHANNEL = """
import fcntl, os, socket, stat, sys
def is_open(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
channel = next(filter(is_open, range(3, 4096)))
"""


@pytest.mark.parametrize("what", SHARED)
def test_fs24_what_runs_share_of_their_descriptors_stays_as_it_was(host: Host, what: str) -> None:
    """Runs in one place have the channel and the streams in common. What one does to them neither reaches the next nor keeps the host busy."""
    print_much = "import sys\nfor i in range(200): print('x' * 4000)\n'fine'"
    profile: dict[str, Any] = {"waiting": 1, "running": 1, "wall_seconds": 3, "output_bytes": 1 << 20}
    host.close_sandboxes()
    assert host.run(print_much, **profile).value == "fine"
    for _ in range(2):
        host.run(FIND_CHANNEL + SHARED[what], **profile)
    used, began = host.own()["cpu_seconds"], time.monotonic()
    for _ in range(4):
        ended = host.run(print_much, **profile)
        assert (ended.value, ended.reason, len(ended.stdout)) == ("fine", None, 200 * 4001), ended._replace(
            stdout=""
        )
    time.sleep(0.3)
    assert time.monotonic() - began < 20
    assert host.own()["cpu_seconds"] - used < 0.25


def test_fs26_other_spellings_of_a_forbidden_path(host: Host, outside: Outside) -> None:
    """What is forbidden stays closed under each spelling that leads to it; a name in other letters is another file."""
    work = outside.folder("Straße")
    closed = outside.folder("Straße/Geheim\u00e9")
    outside.write("Straße/Geheim\u00e9/file", SECRET)
    outside.write("Straße/open", "open")
    code = (
        RAW
        + f"""
import unicodedata
work, closed = {str(work)!r}, {str(closed)!r}
spelled = [closed, closed + "/.", closed + "//", work + "/./" + os.path.basename(closed), work + "/open/../" + os.path.basename(closed), closed.upper(), closed.lower(), closed.swapcase(),
           closed.casefold(), *(unicodedata.normalize(form, closed) for form in ("NFC", "NFD", "NFKC", "NFKD")), closed + "\\u200b", closed + " ", closed.replace("/", "//")]
[tried(lambda: open(f"{{path}}/file").read()) for path in spelled] + [tried(open, f"{{path}}/file", "w") for path in spelled]
"""
    )
    before = outside.seen()
    for grant in ("read_only", "read_write"):
        ended = host.run(code, forbidden=[str(closed)], **grants(**{grant: [str(work)]}))
        assert through(ended) == []
        assert (
            host.run(
                f"open({str(work / 'open')!r}).read()",
                forbidden=[str(closed)],
                **grants(**{grant: [str(work)]}),
            ).value
            == "open"
        )
    assert outside.seen() == before


@pytest.mark.parametrize("grant", ["read_only", "read_write"])
@pytest.mark.parametrize("kind", ["link", "dangling", "file", "below a file", "link to the grant"])
def test_fs27_forbidden_path_of_another_kind(host: Host, outside: Outside, kind: str, grant: str) -> None:
    """A forbidden path holds also where it is a link, leads nowhere, or is a file where a folder was meant: nothing opens, and nothing changes."""
    work = outside.folder("work")
    outside.folder("work/real")
    inner = outside.write("work/real/inner", SECRET)
    outside.write("work/plain", "plain")
    closed: Path = work / "closed"
    if kind == "link":
        closed.symlink_to("real")
    elif kind == "dangling":
        closed.symlink_to("nowhere")
    elif kind in ("file", "below a file"):
        outside.write("work/closed", SECRET)
    else:
        closed.symlink_to(work)
    before = outside.seen("work")
    code = (
        RAW
        + f"""
os.chdir({str(work)!r}) if tried(os.chdir, {str(work)!r}) == "None" else None
[tried(lambda: open(name).read()) for name in ("closed", "closed/inner", "real/inner", "closed/real/inner")] + [tried(open, name, "w") for name in ("closed", "nowhere", "closed/x")] + [tried(os.unlink, "closed")]
"""
    )
    forbidden = str(closed / "below") if kind == "below a file" else str(closed)
    ended = host.run(code, forbidden=[forbidden], **grants(**{grant: [str(work)]}))
    if ended.executed and kind in ("link", "link to the grant"):
        assert SECRET not in repr(ended), ended
    if ended.executed and kind == "file":
        assert through(ended._replace(value=[*ended.value[:2], *ended.value[4:]])) == []
    if not (kind == "below a file" and grant == "read_write"):
        assert outside.seen("work") == before
    assert inner.read_text() == SECRET
