"""The store that workers share: what a transaction promises, in SQLite, in PostgreSQL and in memory, and every way in which a store can be unusable."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from ringfence.errors import StateCorrupt, StateUnavailable, StateVersion
from ringfence.state.database import migrate, open_database
from ringfence.state.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from ringfence.state.database import Database

ADD = "INSERT INTO uses (id, limit_key, at, amount) VALUES (?, ?, ?, ?)"
COUNT = "SELECT count(*) FROM uses WHERE limit_key = ?"


def add(database: Database, name: str, key: str = "k") -> None:
    """Add one row."""
    with database.transaction("test") as transaction:
        transaction.execute(ADD, (name, key, 1.5, 1.0))


def count(database: Database, key: str = "k") -> int:
    """Count the rows."""
    with database.transaction() as transaction:
        return int(transaction.execute(COUNT, (key,))[0][0])


def add_and_fail(database: Database) -> None:
    """Add a row in a transaction that does not come to its end."""
    with database.transaction("test") as transaction:
        transaction.execute(ADD, ("b", "k", 2.0, 1.0))
        raise ZeroDivisionError


def test_a_transaction_is_kept_or_undone_as_a_whole(state_url: str) -> None:
    """Committed at the end of the block, and gone where the block raises."""
    with open_database(state_url) as database:
        add(database, "a")
        with pytest.raises(ZeroDivisionError):
            add_and_fail(database)
        assert count(database) == 1
        with database.transaction() as transaction:
            assert transaction.execute("SELECT id, at FROM uses") == [("a", 1.5)]


def test_no_transaction_falls_between_reading_and_writing(state_url: str) -> None:
    """Eight threads that each count and then add up to a limit of 20 never pass it."""
    database = open_database(state_url)

    def work(number: int) -> None:
        for turn in range(10):
            with database.transaction("test") as transaction:
                if transaction.execute(COUNT, ("k",))[0][0] < 20:
                    transaction.execute(ADD, (f"{number}-{turn}", "k", 0.0, 1.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 20
    database.close()


_WORKER = """
import sys
from ringfence.state.database import open_database
with open_database(sys.argv[1]) as database:
    for turn in range(50):
        with database.transaction("test") as transaction:
            if transaction.execute("SELECT count(*) FROM uses WHERE limit_key = 'k'")[0][0] < 60:
                transaction.execute("INSERT INTO uses (id, limit_key, at, amount) VALUES (?, 'k', 0, 1)", (f"{sys.argv[2]}-{turn}",))
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_processes_share_a_store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Four processes open an empty store at one moment, count in it, and never pass the limit."""
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else f"sqlite:{tmp_path / 'state.db'}"
    started = [subprocess.Popen([sys.executable, "-c", _WORKER, url, str(number)]) for number in range(4)]
    assert [each.wait(50) for each in started] == [0, 0, 0, 0]
    with open_database(url) as database:
        assert count(database) == 60


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_forked_child_uses_the_store_and_leaves_the_parents_connection_alone(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """It opens a connection of its own; the parent's goes on."""
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else f"sqlite:{tmp_path / 'state.db'}"
    program = (
        "import os, sys\nfrom ringfence.state.database import open_database\n"
        "database = open_database(sys.argv[1])\n"
        "def add(name):\n    with database.transaction('test') as transaction:\n"
        "        transaction.execute(\"INSERT INTO uses (id, limit_key, at, amount) VALUES (?, 'k', 0, 1)\", (name,))\n"
        "add('before')\nchild = os.fork()\nif child == 0:\n    add('child')\n    database.close()\n    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\nadd('after')\ndatabase.close()\n"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True, timeout=50)
    with open_database(url) as database:
        assert count(database) == 3


def test_a_store_is_brought_up_to_date_once(state_url: str) -> None:
    """Opening it anew changes nothing, and keeps what is in it."""
    with open_database(state_url) as database:
        add(database, "a")
        assert migrate(database) == len(MIGRATIONS)
        assert count(database) == 1


def test_a_store_from_a_newer_version_is_left_alone(state_url: str) -> None:
    """The message says which version, and nothing is changed."""
    database = open_database(state_url)
    with database.transaction("schema") as transaction:
        transaction.execute("UPDATE ringfence_schema SET version = 99")
    with pytest.raises(
        StateVersion, match=r"has version 99, and this Ringfence knows up to \d+\. Install the newer"
    ):
        migrate(database)
    database.close()


def test_a_closed_store_opens_again(state_url: str) -> None:
    """A transaction after `close` works."""
    database = open_database(state_url)
    add(database, "a")
    database.close()
    assert count(database) == 1
    database.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://root:hunter2@host/x", r"the shared state in mysql:\.\.\. cannot be used: expected an address that begins with memory:"),
        ("sqlite:", r"expected an address"),
        ("", r"expected an address"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_understood(url: str, message: str) -> None:
    """It is refused without its password."""
    with pytest.raises(StateUnavailable, match=message) as raised:
        open_database(url)
    assert "hunter2" not in str(raised.value)


def test_a_file_that_cannot_be_made(tmp_path: Path) -> None:
    """The hint says what to do."""
    with pytest.raises(StateUnavailable, match=r"no such file or directory\. Make the folder"):
        open_database(f"sqlite:{tmp_path / 'none' / 'state.db'}")


def test_a_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """Password hashes and keys lie in it."""
    open_database("sqlite:state.db", tmp_path).close()
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"no database, but a text that is long enough to be looked at as one" * 20,
        b"SQLite format 3\x00" + b"\xff" * 2000,
    ],
)
def test_a_damaged_file_is_told(content: bytes, tmp_path: Path) -> None:
    """It is neither repaired nor written over."""
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StateCorrupt, match=r"is damaged: .*Restore it from a copy"):
        open_database(f"sqlite:{path}")
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Its tables stay as they were."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE TABLE orders (id TEXT)")
    shop.close()
    with pytest.raises(StateCorrupt, match="a database of something else"):
        open_database(f"sqlite:{path}")


def test_a_store_that_lost_a_table_is_damaged(state_url: str) -> None:
    """It is told so, by the table's name."""
    database = open_database(state_url)
    with database.transaction("test") as transaction:
        transaction.execute("DROP TABLE uses")
    with pytest.raises(StateCorrupt, match="uses"):
        count(database)
    database.close()


def test_a_file_that_is_locked_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told after a while, and works once the other process has ended."""
    monkeypatch.setattr("ringfence.state.sqlite._BUSY_SECONDS", 0.1)
    path = tmp_path / "state.db"
    with open_database(f"sqlite:{path}") as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateUnavailable, match=r"locked\. Another process holds it"):
            add(database, "a")
        other.execute("ROLLBACK")
        other.close()
        add(database, "a")


@pytest.mark.unprivileged
@pytest.mark.skipif(
    not hasattr(os, "setuid") or os.getuid() != 0,
    reason="needs root, to be somebody else afterwards (setuid)",
)
def test_a_read_only_file_is_told(tmp_path: Path) -> None:
    """A user who may only read it learns what to change."""
    path = tmp_path / "state.db"
    open_database(f"sqlite:{path}").close()
    for each in (*tmp_path.parents, tmp_path):
        if each.stat().st_uid == 0 and "pytest" in str(each):
            each.chmod(0o755)
    path.chmod(0o644)
    program = (
        "import os, sys\nfrom ringfence.state.database import open_database\nfrom ringfence.errors import StateUnavailable\nimport ringfence.state.sqlite\n"
        "os.setuid(65534)\ntry:\n    open_database('sqlite:' + sys.argv[1])\nexcept StateUnavailable as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=50, check=True
    )
    assert "readonly database. Make the file and its folder writable" in done.stdout


@pytest.mark.postgres
def test_a_server_that_does_not_answer(postgres_url: str) -> None:
    """A closed port is told without the password in the address."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://ringfence:hunter2@127.0.0.1:{taken.getsockname()[1]}/postgres"
        with pytest.raises(
            StateUnavailable, match=r"in postgresql://ringfence@127.0.0.1:\d+/postgres cannot be used"
        ) as raised:
            open_database(url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.postgres
def test_a_connection_that_was_lost_is_made_anew(postgres_url: str) -> None:
    """As after a restart of the server."""
    import psycopg

    with open_database(postgres_url) as database:
        add(database, "a")
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ringfence'"
            )
        add(database, "b")
        assert count(database) == 2


@pytest.mark.postgres
def test_a_lock_that_is_held_for_too_long(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told so; the one that holds it goes on."""
    monkeypatch.setattr("ringfence.state.postgres._OPTIONS", "-c lock_timeout=200ms")
    with (
        open_database(postgres_url) as one,
        open_database(postgres_url) as two,
        one.transaction("test"),
        pytest.raises(StateUnavailable, match="locked for too long"),
    ):
        add(two, "a")
