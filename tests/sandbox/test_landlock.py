"""Landlock's numbers, against another library's; which versions know what; and a ruleset that bites, in a process of its own."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringfence.sandbox.layers import landlock

landlockpy = pytest.importorskip("landlockpy", reason="the flags are checked against the package landlockpy")
SRC = Path(__file__).parents[2] / "src"
FILES = (
    "EXECUTE", "WRITE_FILE", "READ_FILE", "READ_DIR", "REMOVE_DIR", "REMOVE_FILE", "MAKE_CHAR", "MAKE_DIR", "MAKE_REG", "MAKE_SOCK", "MAKE_FIFO", "MAKE_BLOCK",
    "MAKE_SYM", "REFER", "TRUNCATE", "IOCTL_DEV",
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_right_on_files_has_the_number_that_others_give_it(name: str) -> None:
    """Each flag is what an independent table says."""
    assert getattr(landlock, name) == int(landlockpy.AccessFS[name])


def test_network_rights_and_scopes_have_the_numbers_that_others_give_them() -> None:
    """The same for TCP and for scopes."""
    assert int(landlockpy.AccessNet.BIND_TCP) == landlock.BIND_TCP
    assert int(landlockpy.AccessNet.CONNECT_TCP) == landlock.CONNECT_TCP
    assert int(landlockpy.Scope.ABSTRACT_UNIX_SOCKET) == landlock.SCOPE_ABSTRACT_UNIX
    assert int(landlockpy.Scope.SIGNAL) == landlock.SCOPE_SIGNAL


@pytest.mark.parametrize("abi", range(1, 9))
def test_a_version_knows_what_others_say_that_it_knows(abi: int) -> None:
    """A ruleset asks for every right that the kernel's version has, and for none that it has not."""
    assert landlock.handled(abi) == (
        int(landlockpy.fs_for_abi(abi)),
        int(landlockpy.net_for_abi(abi)),
        int(landlockpy.scope_for_abi(abi)),
    )


@pytest.mark.parametrize("abi", [9, 10, 11, 50])
def test_a_version_of_the_future_is_used_as_the_last_one_known(abi: int) -> None:
    """What later versions add concerns sockets, which the filter refuses."""
    assert landlock.handled(abi) == landlock.handled(8)
    added = landlockpy.fs_for_abi(abi) & ~landlockpy.fs_for_abi(8)
    assert added in (landlockpy.AccessFS.NONE, landlockpy.AccessFS.RESOLVE_UNIX)


def test_what_a_version_covers_is_told_apart() -> None:
    """`truncate` since 3, signals since 6."""
    assert [landlock.covers_truncate(abi) for abi in range(1, 8)] == [False, False, True, True, True, True, True]  # fmt: skip
    assert [landlock.scopes_signals(abi) for abi in range(1, 8)] == [False] * 5 + [True, True]


def test_a_grant_to_write_gives_no_devices_pipes_and_sockets() -> None:
    """Neither does it give the right to execute."""
    for name in ("MAKE_CHAR", "MAKE_BLOCK", "MAKE_SOCK", "MAKE_FIFO", "EXECUTE", "IOCTL_DEV"):
        assert not landlock.WRITE & getattr(landlock, name), name
    assert landlock.WRITE & landlock.READ == landlock.READ


def in_child(code: str, *arguments: str) -> object:
    """Return what a program prints, as a value."""
    start = f"import sys; sys.path.insert(0, {str(SRC)!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", start + code, *arguments], capture_output=True, text=True, timeout=30, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


@pytest.mark.sandbox
def test_the_version_is_the_one_that_others_find() -> None:
    """Both ask the kernel."""
    assert landlock.version() == landlockpy.abi_version()


ENTER = """
import os
from ringfence.sandbox.layers import landlock, seccomp
readable, writable = sys.argv[1:3]
def tried(function):
    try:
        function()
    except OSError as error:
        return error.errno
    return 0
seccomp.forbid_new_privileges()
ruleset = landlock.Ruleset()
for path, rights in ((readable, landlock.READ), (writable, landlock.WRITE)):
    at = os.open(path, os.O_PATH)
    ruleset.grant(at, rights)
    os.close(at)
landlock.apply(ruleset)
ruleset.close()
print({
    "read": tried(lambda: open(readable).read()), "write a readable": tried(lambda: open(readable, "a")), "list above": tried(lambda: os.listdir(os.path.dirname(readable))),
    "write": tried(lambda: open(writable + "/a", "w").write("b")), "mkdir": tried(lambda: os.mkdir(writable + "/c")), "rename": tried(lambda: os.rename(writable + "/a", writable + "/c/a")),
    "fifo": tried(lambda: os.mkfifo(writable + "/f")), "host": tried(lambda: open("/etc/hostname")), "link out": tried(lambda: os.link(readable, writable + "/l")),
    "truncate": tried(lambda: os.truncate(readable, 0)),
})
"""


@pytest.mark.sandbox
def test_a_ruleset_leaves_what_was_granted_and_nothing_else(tmp_path: Path) -> None:
    """Reading where reading was granted, writing where writing was, and EACCES for the rest."""
    (tmp_path / "read").write_text("text")
    (tmp_path / "write").mkdir()
    answers = in_child(ENTER, str(tmp_path / "read"), str(tmp_path / "write"))
    assert isinstance(answers, dict)
    allowed = {name for name, code in answers.items() if code == 0}
    assert allowed == {"read", "write", "mkdir", "rename"}
    assert {code for name, code in answers.items() if name not in allowed} <= {errno.EACCES, errno.EXDEV}
    assert (tmp_path / "read").read_text() == "text"


@pytest.mark.sandbox
def test_rights_that_a_plain_file_cannot_have_are_left_out(tmp_path: Path) -> None:
    """Granting a file as if it were a folder is no error, and grants the file."""
    path = tmp_path / "file"
    path.write_text("a")
    ruleset = landlock.Ruleset()
    at = os.open(path, os.O_PATH)
    try:
        ruleset.grant(at, landlock.WRITE | landlock.EXECUTE)
    finally:
        os.close(at)
        ruleset.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(ruleset.fd)
