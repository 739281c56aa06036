"""Attacks on the time between a check and what it was for (TO01 to TO08) in the sandbox tier, on every kind of host.

Cannot happen on this tier:

- TO02 by a thread, after a notification: no call is decided by reading what its pointers lead to. The filter sees registers, and paths are Landlock's and
  the mount namespace's, in the kernel. What can be tried, a process that rewrites the path while another one opens it, is tested.
- TO04: names are not resolved inside; that the proxy dials the address that it checked is tested with it (tests/sandbox/test_egress.py).
- TO08: a `Profile` is frozen, and a sandbox keeps the one that it was made with. What a run may do was settled before it began.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.attacks.cages import RAW
from tests.attacks.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attacks.cages import Host
    from tests.attacks.conftest import Outside

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("leaves_nothing")]


@contextlib.contextmanager
def flipping(path: Path, target: Path) -> Iterator[None]:
    """Let a folder and a link to another one take turns under one name, as fast as possible."""
    aside, link = path.with_name(path.name + ".aside"), path.with_name(path.name + ".link")
    over = threading.Event()

    def flip() -> None:
        while not over.is_set():
            path.rename(aside)
            link.symlink_to(target)
            link.rename(path)
            path.unlink()
            aside.rename(path)

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def end_zygotes(host: Host) -> None:
    """End the sandboxes' processes of a host, as where memory ran out: the next run has them started again."""
    for process in psutil.Process(host.pid).children():
        process.kill()
    psutil.wait_procs(psutil.Process(host.pid).children(), timeout=2)


@pytest.mark.parametrize("grant", ["read_only", "read_write"])
def test_to01_granted_folder_swapped_for_a_link(host: Host, outside: Outside, grant: str) -> None:
    """A granted folder that is swapped for a link after it was resolved leads nowhere else, also when the processes have to be started again."""
    work, closed = outside.folder("work"), outside.folder("closed")
    outside.write("work/file", "granted")
    outside.write("closed/file", SECRET)
    profile: dict[str, Any] = {grant: [str(work)], "forbidden": []}
    code = f"open({str(work / 'file')!r}).read()"
    levels = ("medium", "paranoid") if host.namespaces else ("medium",)
    for level in levels:
        assert host.run(code, security_level=level, **profile).value == "granted"
    work.rename(outside.path / "moved")
    work.symlink_to(closed)
    before = outside.seen("closed")
    for level in levels:
        for _ in range(2):
            ended = host.run(code, security_level=level, **profile)
            assert SECRET not in repr(ended), level
            host.run(f"open({str(work / 'planted')!r}, 'w')", security_level=level, **profile)
            end_zygotes(host)
    assert outside.seen("closed") == before


def test_to01_a_run_swaps_what_another_profile_grants(host: Host, outside: Outside) -> None:
    """A run that may write a folder cannot have another grant lead out of it by a link that it puts there."""
    work, data = outside.folder("work"), outside.folder("work/data")
    closed = outside.folder("closed")
    outside.write("closed/file", SECRET)
    outside.write("work/data/file", "granted")
    profile: dict[str, Any] = {"read_write": [str(work)], "read_only": [str(data)]}
    swap = (
        RAW
        + f"[tried(os.rename, {str(data)!r}, {str(work / 'old')!r}), tried(os.symlink, {str(closed)!r}, {str(data)!r})]"
    )
    host.run(swap, **profile)
    host.close_sandboxes()
    for level in ("medium", "paranoid"):
        ended = host.run(f"open({str(data / 'file')!r}).read()", security_level=level, **profile)
        assert SECRET not in repr(ended), (level, os.path.realpath(data))


def test_to02_path_rewritten_while_it_is_opened(host: Host, outside: Outside) -> None:
    """A path that another process rewrites while it is opened opens nothing but what was granted: nobody reads it twice."""
    code = (
        RAW
        + f"""
import mmap, time
shared = mmap.mmap(-1, 4096)
open("tmp/own", "w").write("own")
own, other = os.path.abspath("tmp/own").encode(), {str(outside.secret)!r}.encode()
address = ctypes.addressof(ctypes.c_char.from_buffer(shared))
end = time.monotonic() + 0.7
if os.fork() == 0:
    while time.monotonic() < end:
        for _ in range(200):
            shared[: len(own) + 1] = own + b"\\0"
            shared[: len(other) + 1] = other + b"\\0"
    os._exit(0)
seen, tries = set(), 0
while time.monotonic() < end:
    for flags in (os.O_RDONLY, os.O_RDWR):
        tries += 1
        fd = raw(257, 56, -100, address, flags, 0)
        if type(fd) is int:
            seen.add(os.read(fd, 99)); os.close(fd)
[sorted(map(bytes.decode, seen)), tries > 100]
"""
    )
    before = outside.seen()
    ended = host.run(code, processes=4)
    assert ended.value in ([["own"], True], [[], True]), ended
    assert outside.seen() == before


def test_to03_source_and_inputs_changed_before_they_run(host: Host) -> None:
    """Code and files go to a run as values of the call: a run before it, in the same place, changes neither."""
    plant = "import os\nfor name in ('input/data.txt', 'input/input.json', 'snippet.py', '__main__.py', 'json.py', 'os.py', 'input/planted.py'):\n    open(name, 'w').write('planted')\nos.chmod('input', 0o500)"
    for _ in range(3):
        host.run(plant, waiting=1, running=1)
        ended = host.run(
            "import json, os\n[open('input/data.txt').read(), sorted(os.listdir('.')), sorted(os.listdir('input')), value]",
            files={"data.txt": "own"},
            inputs={"value": "own"},
            waiting=1,
            running=1,
        )
        assert ended.value[0] == "own", ended
        assert ended.value[1] == ["input", "output", "tmp"]
        assert "planted.py" not in ended.value[2]
        assert ended.value[3] == "own"


def test_to05_granted_folder_flips_while_processes_start(host: Host, outside: Outside) -> None:
    """While a granted folder and a link to a closed one take turns, each start opens the folder or nothing: what was resolved once is not resolved again."""
    work, closed = outside.folder("work"), outside.folder("closed")
    outside.write("work/file", "granted")
    outside.write("closed/file", SECRET)
    profile: dict[str, Any] = {
        "read_only": [str(work)],
        "waiting": 1,
        "wall_seconds": 5,
        "security_level": "paranoid" if host.namespaces else "medium",
    }
    code = (
        RAW
        + f"[tried(lambda: open({str(work / 'file')!r}).read()), tried(lambda: open({str(closed / 'file')!r}).read())]"
    )
    assert host.run(code, **profile).value[0] == "granted"
    with flipping(work, closed):
        for _ in range(8):
            ended = host.run(code, **profile)
            assert SECRET not in repr(ended), ended
            if not host.namespaces:
                end_zygotes(host)
    assert work.is_dir()


def test_to06_waiting_workers_are_caged_already(host: Host) -> None:
    """A worker that waits for its run is held by filter, ids and limits before it has heard of any: there is no start-up in which code could slip out."""
    host.close_sandboxes()
    ready = RAW + "raw(157, 167, 21, 0, 0, 0, 0)"
    assert host.run(ready, waiting=4).value == 2
    time.sleep(0.3)
    zygote = psutil.Process(host.pid).children()[0]
    workers = zygote.children()
    assert len(workers) >= 4
    own = Path(f"/proc/{zygote.pid}/status").read_text()
    for worker in workers:
        facts = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines()
            if ":\t" in line
        )
        assert (
            facts["Seccomp"],
            facts["NoNewPrivs"],
            int(facts["CapEff"], 16),
            int(facts["CapPrm"], 16),
            int(facts["CapInh"], 16),
        ) == ("2", "1", 0, 0, 0)
        assert facts["Groups"].split() == [] or host.kind.startswith("nobody")
        assert int(facts["Seccomp_filters"]) > int(
            dict(line.split(":\t", 1) for line in own.splitlines())["Seccomp_filters"]
        )
        if os.geteuid() == 0:
            assert sorted(int(each.name) for each in Path(f"/proc/{worker.pid}/fd").iterdir())[:3] == [
                0,
                1,
                2,
            ]
            assert len(list(Path(f"/proc/{worker.pid}/fd").iterdir())) == 4


@pytest.mark.parametrize(
    "plant",
    [
        "os.symlink({target!r}, 'input/data.txt')",
        "os.rmdir('input'); os.symlink({folder!r}, 'input')",
        "os.link('tmp/x', 'input/data.txt')",
        "os.mkdir('input/data.txt')",
    ],
)
def test_to07_link_planted_where_the_next_input_is_written(host: Host, outside: Outside, plant: str) -> None:
    """A run cannot plant what the files of the next run would be written through: nothing outside changes, and the next run gets its own files."""
    target = outside.write("data.txt", "of the host")
    code = "import os\nopen('tmp/x', 'w').close()\n" + plant.format(
        target=str(target), folder=str(outside.path)
    )
    before = outside.seen()
    for _ in range(3):
        host.run(code, waiting=1, running=1)
        ended = host.run("open('input/data.txt').read()", files={"data.txt": "own"}, waiting=1, running=1)
        assert ended.value == "own", ended
    assert outside.seen() == before


def test_to07_link_planted_within_a_grant(host: Host, outside: Outside) -> None:
    """Nor where the link would lead into a folder that is granted for writing."""
    work = outside.folder("work")
    target = outside.write("work/data.txt", "of the host")
    profile: dict[str, Any] = {"read_write": [str(work)], "waiting": 1, "running": 1}
    for _ in range(3):
        host.run(f"import os\nos.symlink({str(target)!r}, 'input/data.txt')", **profile)
        ended = host.run("open('input/data.txt').read()", files={"data.txt": "own"}, **profile)
        assert ended.value == "own", ended
    assert target.read_text() == "of the host"
