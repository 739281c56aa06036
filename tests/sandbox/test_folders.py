"""Working folders with hostile trees in them: what they point to stays as it was, and in the end nothing is left, however deep or odd it is."""

# ruff: noqa: PTH101, PTH102, PTH103, PTH106, PTH108, PTH110, PTH114, PTH116, PTH123, PTH208, PTH211 - folders are named by texts here, as in the package

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if sys.platform != "linux":
    pytest.skip("the folders are walked as on Linux", allow_module_level=True)

from ringfence.sandbox import folders

if TYPE_CHECKING:
    from collections.abc import Iterator

SRC = Path(__file__).parents[2] / "src"
MB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[str]:
    """Give a new working folder, and leave nothing in it that pytest could not remove."""
    path = str(tmp_path / "work")
    folders.make(path, None)
    yield path
    folders.empty(path)


def sow_deep(at: str, depth: int, name: str = "d") -> None:
    """Make a folder within a folder within a folder, far beyond the longest path."""
    fd = os.open(at, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("leaf", os.O_CREAT, dir_fd=fd))
    os.close(fd)


def emptied(folder: str) -> list[str]:
    """Empty a working folder, make it anew, and return what is in it; within a bounded time and with no descriptor left open."""
    before, began = len(os.listdir("/proc/self/fd")), time.monotonic()
    folders.empty(folder)
    assert os.listdir(folder) == []
    folders.make(folder, None)
    assert folders.is_clean(folder)
    assert time.monotonic() - began < 40
    assert len(os.listdir("/proc/self/fd")) == before
    return sorted(os.listdir(folder))


def test_a_working_folder_is_made_for_its_owner_alone(folder: str) -> None:
    """It has its three parts, nothing in them, and nobody else may enter."""
    assert sorted(os.listdir(folder)) == ["input", "output", "tmp"]
    for path in (folder, *(f"{folder}/{part}" for part in folders.PARTS)):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
        assert os.stat(path).st_uid == os.geteuid()
    assert folders.is_clean(folder)
    folders.make(folder, None)
    assert folders.is_clean(folder)


def test_a_working_folder_belongs_to_the_user_of_its_worker(tmp_path: Path) -> None:
    """Where the host may choose, the whole folder is the worker's."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folders.make(str(tmp_path / "w"), 123456)
    for path in (tmp_path / "w", *((tmp_path / "w").iterdir())):
        assert (path.stat().st_uid, path.stat().st_gid) == (123456, 123456)


@pytest.mark.parametrize(
    "left",
    [
        "mkdir:x", "file:x", "file:input/x", "file:output/.x", "link:tmp/x", "rmdir:tmp", "swap:tmp", "link:.ringfence", "mode:tmp", "mode:", "fifo:tmp/f",
    ],
)  # fmt: skip
def test_whatever_was_left_makes_a_folder_unclean(folder: str, left: str) -> None:
    """A file or link anywhere, a part that is gone, was replaced or has another mode: such a folder is not given to the next run."""
    kind, _, name = left.partition(":")
    path = f"{folder}/{name}"
    if kind == "mkdir":
        os.mkdir(path)
    elif kind == "file":
        Path(path).touch()
    elif kind == "link":
        os.symlink("/etc", path)
    elif kind == "rmdir":
        os.rmdir(path)
    elif kind == "swap":
        os.rmdir(path)
        os.symlink("output", path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.chmod(path, 0o777)
    assert not folders.is_clean(folder)
    emptied(folder)


def test_a_folder_that_is_5000_deep_is_counted_and_emptied(folder: str) -> None:
    """Neither the longest path nor the stack is a limit, and counting ends."""
    sow_deep(f"{folder}/tmp", 5000)
    began = time.monotonic()
    assert folders.measure(folder, 10_000).entries >= 1
    assert time.monotonic() - began < 20
    emptied(folder)


def test_what_lies_deep_is_not_overlooked_by_the_count(folder: str) -> None:
    """A tree that is deeper than is followed counts as too much, never as nothing."""
    sow_deep(f"{folder}/tmp", 1500, "d" * 100)
    assert folders.measure(folder, 10_000).entries > 1000


def test_folders_without_any_mode_are_emptied(folder: str) -> None:
    """Modes that forbid their own owner to look keep nothing from being removed, also at the top and in a user's hands."""
    os.makedirs(f"{folder}/tmp/a/b/c")
    Path(f"{folder}/tmp/a/b/c/file").touch()
    for path in (f"{folder}/tmp/a/b/c/file", f"{folder}/tmp/a/b/c", f"{folder}/tmp/a/b", f"{folder}/tmp/a", f"{folder}/tmp", folder):  # fmt: skip
        os.chmod(path, 0)
    emptied(folder)


UNPRIVILEGED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ringfence.sandbox import folders
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
os.chdir(sys.argv[2])
folders.make("w", None)
os.makedirs("w/tmp/a/b/c")
open("w/tmp/a/b/c/file", "w").close()
for path in ("w/tmp/a/b/c/file", "w/tmp/a/b/c", "w/tmp/a/b", "w/tmp/a", "w/tmp", "w/output", "w"):
    os.chmod(path, 0)
folders.empty("w")
folders.make("w", None)
print(folders.is_clean("w"))
"""


@pytest.mark.unprivileged
def test_a_host_without_rights_empties_folders_without_modes(tmp_path: Path) -> None:
    """Where modes do bind the host, it gives itself what it needs first."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become nobody")
    with tempfile.TemporaryDirectory(dir="/tmp") as shared:
        os.chmod(shared, 0o777)
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, str(SRC), shared], capture_output=True, text=True, timeout=30, check=False
        )  # fmt: skip
    if "Permission denied" in done.stderr and "import" in done.stderr:
        pytest.skip("nobody cannot read the sources")
    assert done.stdout == "True\n", done.stderr


def test_odd_names_are_emptied_and_collected(folder: str) -> None:
    """Newlines, invalid UTF-8, leading dashes and dots, the sandbox's own prefix, and the longest name there is."""
    names = [b"a\nb", b"\xff\xfe", b"-rf", b".ringfence", b"ringfence-x", b"...", b" ", b"x" * 255, b"lock", b"\x1b[31m", "é".encode()]  # fmt: skip
    for part in (b"output", b"tmp"):
        for name in names:
            Path(os.fsdecode(folder.encode() + b"/" + part + b"/" + name)).write_bytes(name)
    found = folders.collect(folder, MB)
    assert len(found) == len(names)
    assert {name.decode("utf-8", "backslashreplace"): name for name in names} == found
    emptied(folder)


def test_files_whose_names_look_alike_once_decoded_are_all_handed_out(folder: str) -> None:
    """Two names that differ in bytes which are no UTF-8 are two files, or are refused; neither takes the place of the other."""
    for byte in (b"\xfe", b"\xff"):
        Path(os.fsdecode(folder.encode() + b"/output/" + byte)).write_bytes(byte)
    try:
        found = folders.collect(folder, MB)
    except folders.Spoiled:
        return
    assert sorted(found.values()) == [b"\xfe", b"\xff"]


def test_links_to_what_lies_outside_are_removed_and_never_followed(folder: str, tmp_path: Path) -> None:
    """Their targets stay as they were, in content, mode and time; collecting refuses them."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    os.chmod(outside, 0o750)
    before = outside.stat(), (outside / "precious").stat()
    for name, target in (("folder", outside), ("file", outside / "precious"), ("broken", "/nowhere"), ("loop", "loop"), ("up", "../../outside")):  # fmt: skip
        os.symlink(target, f"{folder}/output/{name}")
        os.symlink(target, f"{folder}/tmp/{name}")
    assert folders.measure(folder, 1000).entries == 13
    with pytest.raises(folders.Spoiled, match="'broken' in output/ is no plain file"):
        folders.collect(folder, MB)
    emptied(folder)
    assert (outside.stat(), (outside / "precious").stat()) == before
    assert (outside / "precious").read_text() == "kept"


def test_a_part_that_is_a_link_is_not_followed(folder: str, tmp_path: Path) -> None:
    """`output/`, `input/` or `tmp/` replaced by a link to somewhere else gives nothing of it, and harms nothing there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    (outside / "input.json").write_text("theirs")
    for part in folders.PARTS:
        os.rmdir(f"{folder}/{part}")
        os.symlink(outside, f"{folder}/{part}")
    with pytest.raises(folders.Spoiled, match="the output could not be read"):
        folders.collect(folder, MB)
    folders.tidy(folder)
    assert folders.measure(folder, 100).entries == 3
    emptied(folder)
    assert {path.name for path in outside.iterdir()} >= {"secret", "input.json"}


def test_hard_links_are_refused_and_removed(folder: str) -> None:
    """A file with two names may be anybody's: it is not handed out."""
    Path(f"{folder}/tmp/a").write_text("a")
    os.link(f"{folder}/tmp/a", f"{folder}/output/a")
    with pytest.raises(folders.Spoiled, match="'a' in output/ is no plain file of one name"):
        folders.collect(folder, MB)
    emptied(folder)


def test_pipes_sockets_and_devices_are_refused_at_once_and_removed(folder: str) -> None:
    """Opening one of them waits for nobody."""
    os.mkfifo(f"{folder}/output/fifo")
    with pytest.raises(folders.Spoiled, match="'fifo' in output/ is no plain file"):
        folders.collect(folder, MB)
    os.unlink(f"{folder}/output/fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(f"{folder}/output")
        try:
            bound.bind("s")
        finally:
            os.chdir("/")
        with pytest.raises(folders.Spoiled, match="'s' in output/ is no plain file"):
            folders.collect(folder, MB)
    if os.geteuid() == 0:
        os.unlink(f"{folder}/output/s")
        os.mknod(f"{folder}/output/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        with pytest.raises(folders.Spoiled, match="'null' in output/ is no plain file"):
            folders.collect(folder, MB)
    emptied(folder)


def test_a_hole_of_a_terabyte_costs_nothing_and_is_refused(folder: str) -> None:
    """It takes no room on the disk, so it is not counted there; handed out it would, so it is refused before it is read."""
    with open(f"{folder}/output/big", "wb") as file:
        file.truncate(1 << 40)
    assert folders.measure(folder, 100).bytes < MB
    began = time.monotonic()
    with pytest.raises(folders.Spoiled, match="larger than the 104,857,600 bytes"):
        folders.collect(folder, 100 * MB)
    assert time.monotonic() - began < 20
    emptied(folder)


def test_twenty_thousand_files_are_counted_to_the_limit_and_removed(folder: str) -> None:
    """Counting ends at the limit, collecting says that they are too many, and emptying leaves none."""
    for part in ("output", "tmp/x"):
        os.makedirs(f"{folder}/{part}", exist_ok=True)
        for number in range(10_000):
            os.close(os.open(f"{folder}/{part}/{number}", os.O_CREAT | os.O_WRONLY))
    assert 10_000 < folders.measure(folder, 10_000).entries < 10_100
    with pytest.raises(folders.Spoiled, match="more than 1000 files lie in output/"):
        folders.collect(folder, MB)
    emptied(folder)


def test_many_folders_in_output_are_refused(folder: str) -> None:
    """Neither a thousand folders nor a deep nest of them is walked to its end."""
    for number in range(1100):
        os.mkdir(f"{folder}/output/{number}")
    with pytest.raises(
        folders.Spoiled, match="output/ holds more than 1000 folders, or nests deeper than 32"
    ):
        folders.collect(folder, MB)
    emptied(folder)
    sow_deep(f"{folder}/output", 40)
    with pytest.raises(folders.Spoiled, match="or nests deeper than 32"):
        folders.collect(folder, MB)
    emptied(folder)


def test_files_are_collected_by_their_paths_up_to_the_limit(folder: str) -> None:
    """Contents come by path, in folders too; all of them together may be as large as one file."""
    os.makedirs(f"{folder}/output/a/b")
    Path(f"{folder}/output/a/b/c.txt").write_bytes(b"1" * 600)
    Path(f"{folder}/output/empty").touch()
    assert folders.collect(folder, 600) == {"a/b/c.txt": b"1" * 600, "empty": b""}
    Path(f"{folder}/output/d").write_bytes(b"2" * 600)
    assert len(folders.collect(folder, 1200)) == 3
    with pytest.raises(folders.Spoiled, match="larger than the 599 bytes that are left of the limit"):
        folders.collect(folder, 1199)


HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ringfence.sandbox.folders import Base
base = Base()
print(base.path, flush=True)
time.sleep(60)
"""


def started(temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Return a process that holds a base folder, and that folder."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(SRC)], env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert holder.stdout is not None
    return holder, Path(holder.stdout.readline().strip())


def ended(holder: subprocess.Popen[str]) -> None:
    """End it as an out-of-memory killer would."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert holder.stdout is not None
    holder.stdout.close()


def test_what_a_killed_host_left_is_swept_and_a_living_one_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start removes the folders whose host is gone, with all that is in them, and no others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed, stale = started(tmp_path)
    living, kept = started(tmp_path)
    try:
        assert {stale.parent, kept.parent} == {tmp_path}
        folders.make(str(stale / "0"), None)
        sow_deep(str(stale / "0" / "tmp"), 100)
        ended(killed)
        bystanders = [tmp_path / "ringfence-mine", tmp_path / "other"]
        for path in bystanders:
            path.mkdir()
            (path / "file").touch()
        os.symlink(tmp_path / "other", tmp_path / "ringfence-link")
        (tmp_path / "ringfence-file").touch()
        assert folders.sweep() == 1
        assert not stale.exists()
        assert kept.exists()
        assert all((path / "file").exists() for path in bystanders)
        assert os.path.islink(tmp_path / "ringfence-link")
        assert (tmp_path / "ringfence-file").exists()
        assert folders.sweep() == 0
    finally:
        ended(living)
        killed.kill()
    assert folders.sweep() == 1


def test_a_lock_that_is_a_link_sweeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of ours by name alone, whose lock leads elsewhere, is left as it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "victim").touch()
    fake = tmp_path / "ringfence-fake"
    fake.mkdir()
    os.symlink(tmp_path / "victim", fake / "lock")
    assert folders.sweep() == 0
    assert fake.exists()


def test_a_base_folder_is_entered_by_others_but_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers of other ids reach their own folder through it, and it goes when it is closed; a forked child lets go of it only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    base = folders.Base()
    assert stat.S_IMODE(os.stat(base.path).st_mode) == 0o711
    assert Path(base.path).name.startswith(folders.PREFIX)
    other = folders.Base()
    other.forget()
    assert os.path.exists(other.path)
    base.close()
    assert not os.path.exists(base.path)
    assert folders.sweep() == 1
