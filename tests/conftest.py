"""Fixtures for the whole suite: guards with a record in memory, closed again when their test ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings
from tests import postgres_server

from ringfence import Audit, Guard, Policy, StoreKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ringfence.clock import Clock

settings.register_profile("ringfence", deadline=None)  # a timing fails no test
settings.load_profile("ringfence")

AUDIT = Audit(store=StoreKind.MEMORY)
"""The record of every guard that is not about records."""


class MakeGuard(Protocol):
    """What the fixture `make_guard` gives: sections of a policy in, a guard out."""

    def __call__(
        self, *, plugins: dict[str, object] | None = None, clock: Clock | None = None, **sections: object
    ) -> Guard:
        """Return a guard over `Policy(**sections)`."""


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """Give the address of a PostgreSQL server of this run's own."""
    if postgres_server.binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres_server.running() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server_url: str) -> str:
    """Give the address of an empty database."""
    import psycopg

    with psycopg.connect(postgres_server_url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres_server_url


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty store, of each kind in turn."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'state.db'}"


@pytest.fixture
def make_guard() -> Iterator[MakeGuard]:
    """Give a function that makes guards, and close them all in the end."""
    made: list[Guard] = []

    def make(
        *, plugins: dict[str, object] | None = None, clock: Clock | None = None, **sections: object
    ) -> Guard:
        policy = Policy(**{"audit": AUDIT, **sections})  # type: ignore[arg-type]  # the sections of any test
        made.append(Guard(policy, plugins=plugins, clock=clock))
        return made[-1]

    yield make
    for guard in made:
        guard.close()
