"""A PostgreSQL server of the tests' own: made in a new folder, on a free loopback port, as a user without privileges, and stopped at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def binaries() -> Path | None:
    """Return the folder of the newest server's programs; None where none is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _user() -> dict[str, Any]:
    """Return whom the server runs as: it refuses root."""
    if os.getuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running() -> Iterator[str]:
    """Start a server, give the address of its empty database, and stop it at the end."""
    found = binaries()
    assert found is not None, "PostgreSQL is not installed"
    user = _user()
    with tempfile.TemporaryDirectory(prefix="ringfence-postgres-") as name:
        folder = Path(name)
        if user:
            os.chown(folder, user["user"], user["group"])
        data, port = folder / "data", _free_port()
        quiet: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "cwd": "/",
            "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        }
        subprocess.run(
            [found / "initdb", "-D", data, "-U", "ringfence", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            **quiet,
            **user,
        )
        server = subprocess.Popen(
            [found / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off", "-c", "max_connections=50"], **quiet, **user
        )  # fmt: skip
        try:
            _wait_until_it_answers(port, server)
            yield f"postgresql://ringfence@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://ringfence@127.0.0.1:{port}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)
        else:
            return
