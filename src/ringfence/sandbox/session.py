"""`Session`: one process that is kept between runs, as behind a prompt. Same cage, a budget of its own, an explicit end."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, Self

from ringfence.errors import SandboxClosed
from ringfence.sandbox import requests
from ringfence.sandbox.jobs import Job, Kept
from ringfence.sandbox.setups import limits
from ringfence.sandbox.waiting import outcome_of, wait, wait_in_loop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.call import Outcome
    from ringfence.policy.model import Profile
    from ringfence.sandbox.pools import Pool


class Session:
    """Runs that share their state. A run that fails leaves it as it is; one that is ended for a limit ends the session. Made by `Sandbox.session`.

    Arguments:
        pool: whose worker is kept.
        profile: what the session may use.
        language: python or javascript.
        seconds: how long it may live.
        user: whose it is.

    """

    def __init__(self, pool: Pool, profile: Profile, language: str, seconds: float, user: str) -> None:
        self._pool = pool
        self._profile = profile
        self._limits = limits(profile)
        self._language = language
        self._ends = time.monotonic() + seconds
        self._user = user
        self._kept = Kept()
        self._begun = False
        self._lock = threading.Lock()
        self._timer = pool.at(self._ends, lambda: pool.release(self._kept, f"it was open for {seconds:g} s"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()

    @property
    def ended(self) -> str:
        """Why it has ended; empty while it has not."""
        return self._kept.ended

    def run(
        self, code: str, inputs: Mapping[str, object] | None = None, files: Mapping[str, bytes] | None = None
    ) -> Outcome:
        """Run a snippet where the last one left off. One runs at a time; a second thread waits.

        Raises:
            SandboxClosed: the session has ended; `ended` tells why.
            SandboxBusy, TypeError, ValueError: as for `Sandbox.run`.

        """
        with self._lock:
            job, pool = self._submit(code, inputs or {}, files or {})
            return outcome_of(job.id, wait(job, pool))

    async def arun(
        self, code: str, inputs: Mapping[str, object] | None = None, files: Mapping[str, bytes] | None = None
    ) -> Outcome:
        """As `run`, in an event loop.

        Raises:
            SandboxBusy: another run of the session goes on.
            SandboxClosed, TypeError, ValueError: as for `run`.

        """
        job, pool = self._submit(code, inputs or {}, files or {})
        return outcome_of(job.id, await wait_in_loop(job, pool))

    def _submit(
        self, code: str, inputs: Mapping[str, object], files: Mapping[str, bytes]
    ) -> tuple[Job, Pool | None]:
        refused = requests.refusal(code, self._language, self._profile)
        if refused is not None:
            return requests.ended(refused), None
        request = requests.snippet(code, inputs, files, self._profile, session=True)
        deadline = min(time.monotonic() + self._limits.wall_seconds, self._ends)
        job = Job(secrets.token_hex(8), self._user, request, self._limits, deadline, self._kept)
        if self._kept.ended:
            raise SandboxClosed(f"the session has ended: {self._kept.ended}")
        submit = self._pool.resume if self._begun else self._pool.submit
        submit(job)
        self._begun = True  # once it was taken: who was refused a place may ask again
        return job, self._pool

    def close(self) -> None:
        """End its process, and whatever runs in it."""
        self._timer.cancel()
        self._pool.release(self._kept, "it was closed")
