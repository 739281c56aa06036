"""The places of one pool's workers: slots with their folders, user ids and control groups, made when they are needed and used again.

Who runs in them and when, the pool knows, under whose lock all of this is called. The one idea: a place is given to the next worker only when its
folder is as it was made; one that cannot be emptied is given up.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ringfence.sandbox import folders, watching
from ringfence.sandbox.layers import cgroup
from ringfence.sandbox.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEEPERS = 3
"""How many processes a control group holds besides the run's: the keeper, an init, and for a moment what they fork."""


class Places:
    """The slots of one pool.

    Arguments:
        setup: what the pool's zygotes are; it says where folders lie and whose they are.
        numbers: of slots; no two slots of a process share one, for user ids follow from it.

    Attributes:
        slots: all of them by number.
        free: those that no worker has.

    """

    def __init__(self, setup: Mapping[str, Any], numbers: Iterator[int]) -> None:
        self._setup = setup
        self._numbers = numbers
        self.slots: dict[int, Slot] = {}
        self.free: deque[Slot] = deque()

    def take(self) -> Slot:
        """Return a free slot, or a new one.

        Raises:
            OSError: there is no room for another.

        """
        return self.free.popleft() if self.free else self._make()

    def _make(self) -> Slot:
        number = next(self._numbers)
        folder = f"{self._setup['base']}/{number}"
        folders.make(folder, self._user(number))
        slot = Slot(number, folder)
        if self._setup["groups"]:
            name = f"{cgroup.PREFIX}{os.getpid()}-{number}"
            slot.group = cgroup.Group(cgroup.find(), name, watching.INTERPRETER, KEEPERS)
        self.slots[number] = slot
        return slot

    def _user(self, number: int) -> int | None:
        first = self._setup["first_user"]
        return None if first is None else first + number % self._setup["users"]

    def holds(self, slot: Slot) -> bool:
        """Return whether a slot is still one of these."""
        return self.slots.get(slot.number) is slot

    def give_up(self, slot: Slot) -> None:
        """Have a slot be none of these any more."""
        self.slots.pop(slot.number, None)
        with suppress(ValueError):
            self.free.remove(slot)

    def is_clean(self, slot: Slot) -> bool:
        """Return whether a slot's folder is as it was made, but for inputs, which are removed here."""
        if slot.had_inputs:
            folders.tidy(slot.folder)
        return folders.is_clean(slot.folder)

    def clean(self, slot: Slot) -> bool:
        """Empty a slot's folder and make it anew, which may take long; return whether it could be. It needs no lock."""
        try:
            folders.empty(slot.folder)
            folders.make(slot.folder, self._user(slot.number))
        except OSError:
            return False
        return True
