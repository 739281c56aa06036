"""The fixture of the sandbox's attack tests: each of them runs on every kind of host, and none leaves anything behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.attacks.cages import HOSTS, Host, nothing_left

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hosts:
    """The hosts of one test session, each started when it is first asked for."""

    def __init__(self) -> None:
        self._started: dict[str, Host] = {}

    def get(self, kind: str) -> Host:
        """Return the host of a kind; one that has ended is started anew."""
        host = self._started.get(kind)
        if host is None or host._process.poll() is not None:
            host = self._started[kind] = Host(kind)
        return host

    @property
    def started(self) -> list[Host]:
        """Those that run."""
        return [host for host in self._started.values() if host._process.poll() is None]

    def close(self) -> None:
        """End them all."""
        while self._started:
            self._started.popitem()[1].close()


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    """Give the hosts of this session, and end them with it."""
    if sys.platform != "linux":
        pytest.skip("needs Linux with Landlock and seccomp")
    hosts = Hosts()
    yield hosts
    hosts.close()


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest, hosts: Hosts) -> Iterator[Host]:
    """Give a host of each kind in turn; one that did not answer in time is not used again. Whoever is not root has the hosts without privileges alone, and they run as the own user."""
    kind: str = request.param
    if kind.startswith("root") and sys.platform == "linux" and os.geteuid() != 0:
        pytest.skip("needs root")
    host = hosts.get(kind)
    yield host
    if host.unanswered:
        host.kill()


@pytest.fixture(scope="module")
def leaves_nothing(hosts: Hosts) -> Iterator[None]:
    """Make sure, after a module's tests, that no host has a process or file left of all that ran there."""
    yield
    for host in hosts.started:
        nothing_left(host)


class Outside:
    """A folder of the host's, with a secret in it, that hostile code is after.

    Arguments:
        user: whose it is.

    """

    def __init__(self, user: int) -> None:
        self.path = Path(os.path.realpath(tempfile.mkdtemp(prefix="attacked-", dir="/tmp")))
        self._user = user
        self.path.chmod(0o755)
        self.own(self.path)
        self.secret = self.write("secret.txt", SECRET)

    def own(self, path: Path) -> None:
        """Give something to the host's user."""
        if os.geteuid() == 0:
            os.chown(path, self._user, self._user, follow_symlinks=False)

    def write(self, name: str, content: str) -> Path:
        """Write a file, and return its path."""
        path = self.path / name
        path.write_text(content)
        path.chmod(0o666)  # but for the sandbox, anybody could
        self.own(path)
        return path

    def folder(self, name: str) -> Path:
        """Make a folder, and return its path."""
        path = self.path / name
        path.mkdir()
        path.chmod(0o777)
        self.own(path)
        return path

    def seen(self, below: str = ".") -> dict[str, tuple[object, ...]]:
        """Return all that can be changed of what lies below a path: content, kind and mode, owner, links, time, attributes."""
        top = self.path / below
        return {str(path.relative_to(self.path)): _facts(path) for path in [top, *sorted(top.rglob("*"))]}


SECRET = "the secret of the host"


def _facts(path: Path) -> tuple[object, ...]:
    facts = path.lstat()
    content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
    attributes = sorted(os.listxattr(path, follow_symlinks=False)) if sys.platform == "linux" else []
    return (
        content,
        facts.st_mode,
        facts.st_uid,
        facts.st_gid,
        facts.st_nlink,
        facts.st_mtime_ns,
        facts.st_size,
        tuple(attributes),
    )


@pytest.fixture
def outside(host: Host) -> Iterator[Outside]:
    """Give a folder outside of every sandbox, of the user that the host runs as, and remove it."""
    outside = Outside(host.user)
    yield outside
    shutil.rmtree(outside.path, ignore_errors=True)


@pytest.fixture
def sentinel(host: Host) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process of the host's user that does nothing, and end it."""
    user = host.user if os.geteuid() == 0 else None
    process = subprocess.Popen(["/bin/sleep", "120"], user=user, cwd="/")
    yield process
    process.kill()
    process.wait()
