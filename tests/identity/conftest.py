"""Fixtures of identity: a clock to turn, and a guard over each kind of store in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.identity.helpers import PASSWORD, KeyServer, Turned, guard_on, key_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence import Guard


@pytest.fixture
def time() -> Turned:
    """Give a clock to turn."""
    return Turned()


@pytest.fixture
def guard(state_url: str, time: Turned) -> Iterator[Guard]:
    """Give a guard with the users ana (clerk) and boss (chief), over each kind of store."""
    with guard_on(state_url, time) as made:
        made.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        made.identity.add_user("boss", password=PASSWORD, roles=["chief"])
        yield made


@pytest.fixture
def quick(time: Turned) -> Iterator[Guard]:
    """Give the same over a store in memory only."""
    with guard_on("memory:", time) as made:
        made.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        made.identity.add_user("boss", password=PASSWORD, roles=["chief"])
        yield made


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    """Give a server of a provider's keys."""
    with key_server() as server:
        yield server
