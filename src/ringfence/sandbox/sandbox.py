"""`Sandbox`: untrusted code in a process of its own, under every protection that the machine gives, for direct use.

It opens pools and makes jobs; `requests.py` says what a worker is told, `waiting.py` how its end is awaited. The one idea: `run` and `arun` submit
the same job and only wait differently.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from ringfence.errors import SandboxClosed, SandboxUnavailable
from ringfence.policy.model import JavaScriptEngine, Profile
from ringfence.sandbox import requests
from ringfence.sandbox.jobs import Job
from ringfence.sandbox.machine import this_machine
from ringfence.sandbox.requests import target_of
from ringfence.sandbox.session import Session
from ringfence.sandbox.setups import Target, limits, refuse_unfit, setup
from ringfence.sandbox.waiting import outcome_of, wait, wait_in_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from ringfence.call import Outcome
    from ringfence.sandbox.egress import EgressProxy
    from ringfence.sandbox.pools import Pool


class Sandbox:
    """A place for untrusted code, Python or JavaScript. Each run gets a process of its own, which is gone when it has ended.

    Arguments:
        profile: what runs may use, and how many there may be; `Profile()` by default.

    Raises:
        PolicyError: a field of the profile is not what it must be.
        SandboxUnavailable: this machine lacks a layer that the profile needs, or a path or command of it is not there.

    """

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = Profile() if profile is None else profile
        refuse_unfit(self.profile)
        lacks = this_machine().lacking(self.profile)
        if lacks:
            raise SandboxUnavailable(lacks)
        self._limits = limits(self.profile)
        self._pools: dict[tuple[str, Target | None], Opened] = {}
        self._lock = threading.Lock()
        self._jobs: dict[Job, Pool] = {}
        self._sessions: WeakSet[Session] = WeakSet()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def start(self, language: str = "python") -> None:
        """Have workers ready before the first run. Errors as for `run`."""
        self._pool(language, None).start()

    def run(
        self,
        code: str,
        language: str = "python",
        inputs: Mapping[str, object] | None = None,
        files: Mapping[str, bytes] | None = None,
        *,
        user: str = "",
    ) -> Outcome:
        """Run a snippet and return what became of it.

        Arguments:
            code: the source.
            language: `python` or `javascript`.
            inputs: plain data by name; the code finds them as variables, as `inputs`, and in `input/input.json`.
            files: contents by plain file name; the code finds them in `input/`.
            user: whose run it is; users who wait for workers take turns.

        Raises:
            SandboxClosed: the sandbox has been closed.
            SandboxBusy: more runs wait than the profile's `queue`.
            SandboxUnavailable: what the profile needs is not there.
            TypeError, ValueError: an argument is not what it must be.

        """
        return self._wait(*self._submit(code, language, inputs, files, user))

    async def arun(
        self,
        code: str,
        language: str = "python",
        inputs: Mapping[str, object] | None = None,
        files: Mapping[str, bytes] | None = None,
        *,
        user: str = "",
    ) -> Outcome:
        """As `run`, in an event loop. A cancelled task ends the run."""
        return await self._await(*self._submit(code, language, inputs, files, user))

    def call(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> Outcome:
        """Call an importable function in the sandbox, by reference, and return what became of it.

        Its module is loaded in a process without secrets before the cage closes; arguments and result are plain data.

        Arguments:
            function: a function of a module that can be imported.
            args, kwargs: its arguments.

        Raises:
            TypeError: the function cannot be found by its name.
            SandboxBusy, SandboxClosed, SandboxUnavailable: as for `run`.

        """
        return self._wait(*self._submit_call(function, args, kwargs, ""))

    def call_for(
        self, user: str, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Outcome:
        """As `call`, for a user: users who wait for workers take turns."""
        return self._wait(*self._submit_call(function, args, kwargs, user))

    async def acall_for(
        self, user: str, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
    ) -> Outcome:
        """As `call_for`, in an event loop."""
        return await self._await(*self._submit_call(function, args, kwargs, user))

    async def acall(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> Outcome:
        """As `call`, in an event loop."""
        return await self._await(*self._submit_call(function, args, kwargs, ""))

    def session(
        self,
        language: str = "python",
        *,
        cpu_seconds: float | None = None,
        wall_seconds: float = 3600,
        memory_mb: int | None = None,
        user: str = "",
    ) -> Session:
        """Return a session, in which what a run defines is there for the next one, as at a prompt. Close it, or use it in a `with` block.

        Arguments:
            language: `python` or `javascript`.
            cpu_seconds: CPU time of all its runs together; the profile's by default.
            wall_seconds: how long it may live, with its pauses. Each run by itself has the profile's time.
            memory_mb: what its process may hold; the profile's by default.
            user: whose it is.

        Raises:
            SandboxClosed, SandboxUnavailable: as for `run`.

        """
        if language == "javascript" and self.profile.javascript == JavaScriptEngine.NODE:
            raise SandboxUnavailable(
                "Node keeps no session here", "Leave `javascript` at quickjs for sessions."
            )
        given = replace(
            self.profile,
            cpu_seconds=self.profile.cpu_seconds if cpu_seconds is None else cpu_seconds,
            memory_mb=self.profile.memory_mb if memory_mb is None else memory_mb,
            wall_seconds=self._limits.wall_seconds,
        )
        session = Session(self._pool(language, None), given, language, wall_seconds, user)
        self._sessions.add(session)
        return session

    def close(self) -> None:
        """End all runs, and leave nothing behind. A second time does nothing."""
        with self._lock:
            self._closed = True
            pools, self._pools = self._pools, {}
        for job, pool in reversed(
            list(self._jobs.items())
        ):  # those that wait first, or they would take the others' places
            pool.cancel(job, "the sandbox was closed")
        for session in list(self._sessions):
            session.close()
        for opened in pools.values():
            opened.close()

    async def aclose(self) -> None:
        """As `close`, in an event loop."""
        import asyncio  # noqa: PLC0415 - who is here has it

        await asyncio.to_thread(self.close)

    # Jobs

    def _submit(
        self,
        code: str,
        language: str,
        inputs: Mapping[str, object] | None,
        files: Mapping[str, bytes] | None,
        user: str,
    ) -> tuple[Job, Pool] | tuple[Job, None]:
        refused = requests.refusal(code, language, self.profile)
        if refused is not None:
            return requests.ended(refused), None
        request = requests.snippet(code, inputs or {}, files or {}, self.profile)
        return self._queue(request, self._pool(language, None), user, has_inputs=bool(inputs))

    def _submit_call(
        self, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object], user: str
    ) -> tuple[Job, Pool]:
        target = target_of(function)
        request = requests.call(target, args, kwargs, self.profile)
        return self._queue(request, self._pool("python", target), user)

    def _queue(self, request: bytes, pool: Pool, user: str, *, has_inputs: bool = False) -> tuple[Job, Pool]:
        deadline = time.monotonic() + self._limits.wall_seconds
        job = Job(secrets.token_hex(8), user, request, self._limits, deadline)
        job.has_inputs = has_inputs
        pool.submit(job)
        self._jobs[job] = pool
        job.when_done(lambda: self._jobs.pop(job, None))
        return job, pool

    def _pool(self, language: str, target: Target | None) -> Pool:
        with self._lock:
            if self._closed:
                raise SandboxClosed
            opened = self._pools.get((language, target))
            if opened is None or opened.stale:
                opened = self._pools[language, target] = Opened(self.profile, language, target)
            return opened.pool

    # Waiting

    def _wait(self, job: Job, pool: Pool | None) -> Outcome:
        return outcome_of(job.id, wait(job, pool))

    async def _await(self, job: Job, pool: Pool | None) -> Outcome:
        return outcome_of(job.id, await wait_in_loop(job, pool))


class Opened:
    """A pool that is open for one sandbox, with its way out where it has one.

    Arguments:
        profile: what runs may use.
        language: python or javascript.
        target: the function that they call; None: snippets.

    Raises:
        SandboxUnavailable: something that the profile needs is not there.

    """

    def __init__(self, profile: Profile, language: str, target: Target | None) -> None:
        from ringfence.sandbox.lines import Size  # noqa: PLC0415 - Linux only
        from ringfence.sandbox.supervisor import supervisor  # noqa: PLC0415 - likewise

        size = Size(profile.waiting, profile.running, profile.queue)
        proxy = _way_out(profile)
        try:
            self._supervisor = supervisor()
            made = setup(profile, language, this_machine(), target)
            ways_out = [profile.hosts, profile.ports] if profile.network else []
            self.pool = self._supervisor.open_pool(made, size, repr(ways_out))
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox could not be made: {error.strerror}") from error
        if proxy is not None:
            self.pool.serve_network(proxy)

    @property
    def stale(self) -> bool:
        """Whether it belongs to the process that this one was forked from."""
        from ringfence.sandbox.supervisor import supervisor  # noqa: PLC0415 - as above

        return supervisor() is not self._supervisor

    def close(self) -> None:
        """Close it."""
        if not self.stale:
            self._supervisor.close_pool(self.pool)


def _way_out(profile: Profile) -> EgressProxy | None:
    """Return the proxy that a profile's network grants make.

    Raises:
        SandboxUnavailable: a host of it cannot be understood.

    """
    if not profile.network:
        return None
    from ringfence.sandbox.egress import EgressProxy  # noqa: PLC0415 - few profiles grant the network

    try:
        return EgressProxy(profile.hosts, profile.ports)
    except ValueError as error:
        raise SandboxUnavailable(
            f"the profile's network grants: {error}", "Correct `hosts` and `ports`."
        ) from error
