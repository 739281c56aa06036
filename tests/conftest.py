"""Fixtures for the whole suite: guards with a record in memory, closed again when their test ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from ringfence import Audit, Guard, Policy, StoreKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.clock import Clock

AUDIT = Audit(store=StoreKind.MEMORY)
"""The record of every guard that is not about records."""


class MakeGuard(Protocol):
    """What the fixture `make_guard` gives: sections of a policy in, a guard out."""

    def __call__(
        self, *, plugins: dict[str, object] | None = None, clock: Clock | None = None, **sections: object
    ) -> Guard:
        """Return a guard over `Policy(**sections)`."""


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
