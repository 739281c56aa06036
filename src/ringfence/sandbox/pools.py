"""A pool: one zygote, the workers that it forked and that wait, and the jobs that run, wait or end.

Everything in here happens under one lock, in the loop's thread or in that of whoever submits. The one idea: a job that was taken ends in
exactly one way, whatever dies in between: worker, zygote, or the pool itself.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ringfence.errors import SandboxBusy, SandboxClosed, SandboxUnavailable
from ringfence.sandbox import endings, folders, watching
from ringfence.sandbox.jobs import End
from ringfence.sandbox.lines import Line
from ringfence.sandbox.places import KEEPERS, Places
from ringfence.sandbox.slots import Pulled, Slot, State, Stream
from ringfence.sandbox.ways_out import WayOut
from ringfence.sandbox.zygotes import Zygote
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ringfence.sandbox.egress import EgressProxy
    from ringfence.sandbox.jobs import Job, Kept
    from ringfence.sandbox.lines import Size
    from ringfence.sandbox.loop import Loop, Timer

_GRACE_SECONDS = 0.3
"""How long a run that was asked to end (SIGTERM) may take before it is ended (SIGKILL)."""
_STUCK_SECONDS = 5.0
_START_SECONDS, _END_SECONDS = 60.0, 2.0
_IDLE_SECONDS = 60.0
"""How long processes stand ready that nobody asks for."""
_MOST_DEATHS = 5
"""How many zygotes in a row may end before one of their workers was ready."""
_FORK_AT_ONCE = 32
_LITTLE = 0.01
_GROUP_SLACK = 8 << 20


Housekeepers = tuple["Callable[[Callable[[], object]], object]", "Callable[[Callable[[], object]], object]"]


class Pool:
    """The workers of one setup.

    Arguments:
        setup: what its zygote is to be.
        size: how large it may be.
        loop: who watches it.
        folder: an empty folder of its own.
        numbers: of slots; no two slots of a process share one, for user ids follow from it.
        housekeepers: do what may take long: the first empties folders, the second looks into those of runs that somebody waits for.

    """

    def __init__(
        self,
        setup: Mapping[str, Any],
        size: Size,
        loop: Loop,
        folder: str,
        housekeepers: Housekeepers,
        numbers: Iterator[int],
    ) -> None:
        self._setup = {**setup, "base": f"{folder}/slots", "root": f"{folder}/root"}
        self._size = size
        self._loop = loop
        self._folder = folder
        self._later, self._soon = housekeepers
        self._lock = threading.RLock()
        self._watcher = watching.Watcher(
            loop, self._soon, self._end, counts_memory=not (setup["many"] or setup["own_processes"])
        )
        self._line = Line()
        self._places = Places(self._setup, numbers)
        self._taken: set[Slot] = set()
        self._waiting: deque[Slot] = deque()
        self._zygote: Zygote | None = None
        self._alone = bool(setup["paranoid"])
        self._kept = bool(setup["many"]) or bool(setup["own_processes"])
        self._closed = False
        self._refilling = self._watched = False
        self._crowded_until = 0.0
        self._deaths = 0
        self._used = time.monotonic()
        self._way_out = WayOut(setup)
        os.mkdir(folder, 0o711)
        os.mkdir(f"{folder}/slots", 0o711)
        os.mkdir(f"{folder}/root", 0o711)

    # What callers do

    def start(self) -> None:
        """Start the zygote, so that workers wait when the first job comes. Errors as for `submit`."""
        with self._lock:
            self._start_zygote()

    def submit(self, job: Job) -> None:
        """Take a job. It will end.

        Raises:
            SandboxClosed: the pool has been closed.
            SandboxBusy: too many wait.
            SandboxUnavailable: the zygote cannot be started.

        """
        with self._lock:
            if self._closed:
                raise SandboxClosed
            self._used = time.monotonic()
            if self._waiting and not self._line and self._has_room:
                self._give(self._waiting.popleft(), job)
                return
            if len(self._line) >= self._size.queue:
                raise SandboxBusy(len(self._line))
            self._start_zygote()
            self._line.push(job)
            job.timer = self._loop.at(job.deadline, lambda: self._overdue(job))
            self._refill()

    def resume(self, job: Job) -> None:
        """Run a further job of a session in the worker that was kept for it.

        Raises:
            SandboxClosed: the worker has ended.
            SandboxBusy: it runs the job before this one.

        """
        with self._lock:
            slot = job.kept.slot if job.kept is not None else None
            if slot is not None and slot.state is State.RUNNING and slot.reason is None:
                raise SandboxBusy
            if slot is None or slot.state is not State.KEPT:
                why = job.kept.ended if job.kept is not None else ""
                why = why or (slot.reason[1] if slot is not None and slot.reason else "")
                raise SandboxClosed(f"the session has ended{f': {why}' if why else ''}")
            slot.used = endings.usage_so_far(slot)
            self._give(slot, job)

    def release(self, kept: Kept, why: str) -> None:
        """End the worker that was kept for a session, and what it runs."""
        with self._lock:
            slot = kept.slot
            kept.ended = kept.ended or why
            if slot is not None:
                self._end(slot, slot.job, Reason.CANCELLED, why, signal.SIGKILL)

    def at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back at a moment of `time.monotonic`."""
        return self._loop.at(when, callback)

    def cancel(self, job: Job, why: str = "it was cancelled") -> None:
        """End a job that nobody waits for any more."""
        with self._lock:
            if self._line.remove(job):
                job.finish(End(Reason.CANCELLED, f"{why} before it ran", ran=False))
                return
            for slot in self._places.slots.values():
                if slot.job is job:
                    self._end(slot, job, Reason.CANCELLED, why, signal.SIGKILL)

    def close(self) -> None:
        """End everything. Jobs that run or wait end as cancelled. It returns when nothing of the pool is left."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._drop_all(Reason.CANCELLED, "the sandbox was closed")
            while (job := self._line.pop()) is not None:
                job.finish(End(Reason.CANCELLED, "the sandbox was closed before it ran", ran=False))
        self._way_out.close()
        removed = threading.Event()
        self._later(lambda: _remove_folder(self._folder, removed))
        removed.wait()

    def forget(self) -> None:
        """Let go of everything without ending it, as a forked child must: it all belongs to the parent."""
        self._closed = True
        for slot in self._places.slots.values():
            slot.close()
            if slot.zygote is not None:
                slot.zygote.forget()
        if self._zygote is not None:
            self._zygote.forget()
        self._way_out.forget()

    def serve_network(self, proxy: EgressProxy) -> None:
        """Let a proxy be the way out, if there is none yet; else close it. It is closed with the pool."""
        with self._lock:
            self._way_out.serve(proxy)

    def counts(self) -> Counter[str]:
        """Return how many workers are in which state, and how many jobs wait (`queued`)."""
        with self._lock:
            return Counter(
                {
                    "queued": len(self._line),
                    **Counter(slot.state.value for slot in self._places.slots.values()),
                }
            )

    # Zygotes: one for all workers or, where none may share its parent, one for each

    def _start_zygote(self) -> None:
        if self._alone:
            self._refill()
        elif self._zygote is None:
            self._zygote = self._open_zygote()

    def _look_at_use(self) -> None:
        """End everything that stands ready where nobody has asked for a while; it comes again with the next job."""
        with self._lock:
            busy = any(slot.state not in (State.FREE, State.WAITING) for slot in self._places.slots.values())
            if busy or self._line or time.monotonic() - self._used < _IDLE_SECONDS:
                self._loop.at(time.monotonic() + _IDLE_SECONDS, self._look_at_use)
            else:
                self._drop_all(Reason.CANCELLED, "")
                self._watched = False

    def _open_zygote(self) -> Zygote:
        if not self._watched:
            self._watched = True
            self._loop.at(time.monotonic() + _IDLE_SECONDS, self._look_at_use)
        zygote = Zygote(self._setup, self._folder)
        self._loop.watch(zygote.control.fileno(), lambda: self._hear(zygote))
        self._loop.at(time.monotonic() + _START_SECONDS, lambda: self._expect_ready(zygote))
        return zygote

    def _expect_ready(self, zygote: Zygote) -> None:
        with self._lock:
            if self._is_ours(zygote) and not zygote.ready:
                self._fail_start(f"it was not ready after {_START_SECONDS:g} s", zygote)

    def _is_ours(self, zygote: Zygote) -> bool:
        return zygote is self._zygote or (zygote.slot is not None and zygote.slot.zygote is zygote)

    def _hear(self, zygote: Zygote) -> None:
        with self._lock:
            if not self._is_ours(zygote):
                return
            for message, fds in zygote.hear():
                if "ready" in message:
                    self._ready(zygote, message, fds)
                elif "failed" in message and "gone" not in message:
                    self._fail_start(message["failed"], zygote)
                elif "gone" in message:
                    self._gone(self._places.slots[message["gone"]], message)
                elif "forked" in message:
                    self._places.slots[message["forked"]].pid = message["pid"]
                else:
                    self._zygote_died(zygote)
                if not self._is_ours(zygote):
                    return

    def _ready(self, zygote: Zygote, message: dict[str, Any], fds: list[int]) -> None:
        zygote.ready, zygote.layers, zygote.engine = True, tuple(message["ready"]), message["engine"]
        self._way_out.listen(fds)
        if zygote.slot is not None:
            zygote.fork(zygote.slot)
        else:
            self._refill()

    def _zygote_died(self, zygote: Zygote) -> None:
        """Let every run in flight end as crashed, and start another zygote for those that wait."""
        if not zygote.ready:
            self._fail_start(zygote.said() or "it ended before it was ready", zygote)
            return
        said = zygote.said()
        self._drop_zygote(zygote, Reason.CRASHED, "the process that it was forked from has ended")
        self._deaths += 1
        if self._deaths >= _MOST_DEATHS:
            self._deaths = 0
            self._fail_start(said or "the process that workers are forked from ends again and again")
        else:
            self._restart()

    def _fail_start(self, why: str, zygote: Zygote | None = None) -> None:
        """Let everything that waits end: what the zygote needs is not there."""
        last = why.strip().splitlines()[-1] if why.strip() else why
        if zygote is not None:
            self._drop_zygote(zygote, Reason.UNAVAILABLE, last)
        while (job := self._line.pop()) is not None:
            job.finish(End(Reason.UNAVAILABLE, f"the sandbox could not be made: {last}", ran=False))

    def _restart(self) -> None:
        if not self._line or self._closed:
            return
        try:
            self._start_zygote()
        except SandboxUnavailable as error:
            self._fail_start(error.message)

    def _drop_all(self, reason: Reason, why: str) -> None:
        found = [self._zygote, *(slot.zygote for slot in self._places.slots.values())]
        for zygote in found:
            if zygote is not None:
                self._drop_zygote(zygote, reason, why)

    def _drop_zygote(self, zygote: Zygote, reason: Reason, why: str, *, politely: bool = True) -> None:
        """End a zygote and every worker with it; their jobs end with a reason, or with the one that they were being ended for."""
        self._loop.unwatch(zygote.control.fileno())
        zygote.end(_END_SECONDS if politely else 0)
        if zygote is self._zygote:
            self._zygote = None
            dropped = list(self._places.slots.values())
        else:
            dropped = [zygote.slot] if zygote.slot is not None else []
        for slot in dropped:
            self._drop_slot(slot, reason, why, zygote.layers)

    def _drop_slot(self, slot: Slot, reason: Reason, why: str, layers: tuple[str, ...]) -> None:
        if slot.is_open:
            slot.drain()
        slot.let_go(why)
        if slot.job is not None:
            told, detail = slot.reason or (reason, why)
            slot.job.finish(endings.without_worker(slot, told, detail, layers))
        self._unwatch(slot)
        for timer in slot.timers:
            timer.cancel()
        slot.zygote = None
        self._taken.discard(slot)
        self._places.give_up(slot)
        with suppress(ValueError):
            self._waiting.remove(slot)
        slot.close()
        self._later(lambda: _remove_folder(slot.folder))
        if slot.group is not None:
            self._later(slot.group.remove)

    # Workers

    def _refill(self) -> None:
        """Fork what is wanted: a worker for each job that waits, and those that are kept ready."""
        zygote = self._zygote
        shared = zygote is not None and zygote.ready
        if self._closed or not (shared or self._alone) or time.monotonic() < self._crowded_until:
            return
        starting = sum(slot.state is State.STARTING for slot in self._places.slots.values())
        room = max(self._size.running - len(self._taken), 0)
        wanted = min(len(self._line), room) + self._size.waiting - starting - len(self._waiting)
        for _ in range(min(wanted, _FORK_AT_ONCE - starting)):
            if not self._fork_one():
                return

    def _fork_one(self) -> bool:
        """Have a worker forked; return False where there are no means to, now."""
        try:
            slot = self._places.take()
        except (OSError, SandboxUnavailable) as error:
            self._crowd(f"no more worker can be had: {_said(error)}")
            return False
        try:
            slot.open()
            self._watch(slot)
            if self._alone:
                slot.zygote = self._open_zygote()
                slot.zygote.slot = slot
        except (OSError, SandboxUnavailable) as error:
            self._put_back(slot)
            self._crowd(f"no more worker can be had: {_said(error)}")
            return False
        slot.state = State.STARTING
        slot.started = time.monotonic()
        if self._alone:
            return True
        if self._zygote is None or not self._zygote.fork(slot, hurry=bool(self._line)):
            self._put_back(slot)
            return False
        return True

    def _put_back(self, slot: Slot) -> None:
        self._unwatch(slot)
        slot.rinse()
        self._places.free.append(slot)

    def _watch(self, slot: Slot) -> None:
        self._loop.watch(slot.channel.fileno(), lambda: self._speak(slot))
        for stream in (slot.stdout, slot.stderr):
            self._loop.watch(stream.fd, partial(self._drain, slot, stream))

    def _unwatch(self, slot: Slot) -> None:
        """Stop watching a slot whose descriptors are closed right after."""
        self._way_out.leave(slot.number)
        if slot.is_open:
            for fd in (slot.channel.fileno(), slot.stdout.fd, slot.stderr.fd):
                self._loop.drop(fd)

    def _crowd(self, why: str) -> None:
        """Wait a little where descriptors or processes are short; where nothing runs that could free some, let a job end."""
        if not any(slot.state is not State.FREE for slot in self._places.slots.values()):
            job = self._line.pop()
            if job is not None:
                job.finish(End(Reason.UNAVAILABLE, why, ran=False))
        self._crowded_until = time.monotonic() + _LITTLE
        self._loop.at(self._crowded_until + _LITTLE / 10, self._refill_locked)

    def _refill_locked(self) -> None:
        with self._lock:
            self._refilling = False
            self._refill()

    def _refill_soon(self) -> None:
        if not self._refilling:
            self._refilling = True
            self._loop.soon(self._refill_locked)

    def _speak(self, slot: Slot) -> None:
        """Hear a worker."""
        with self._lock:
            if not slot.is_open:
                return
            pulled = slot.pull()
            listener = slot.take_listener()
            if listener >= 0:
                self._way_out.answer(slot.number, listener)
            if pulled is not Pulled.HELD:  # what is left to hear of it, its zygote tells
                self._loop.unwatch(slot.channel.fileno())
            if slot.state is State.STARTING:
                if slot.is_ready():
                    self._settle(slot)
            elif slot.state in (State.RUNNING, State.ENDING):
                if pulled is Pulled.SPOILED:
                    self._spoiled(slot)
                elif slot.answer is not None:
                    self._answered(slot)

    def _spoiled(self, slot: Slot) -> None:
        self._end(
            slot, slot.job, Reason.CRASHED, "it answered with something that is no answer", signal.SIGKILL
        )

    def _drain(self, slot: Slot, stream: Stream) -> None:
        """Take what a run prints as it comes: a full pipe would stop it. What a worker says while it starts is read when it fails."""
        with self._lock:
            if slot.is_open and slot.state is not State.STARTING:
                stream.drain()
                if stream.ended:
                    self._loop.unwatch(stream.fd)

    def _settle(self, slot: Slot) -> None:
        """Give a ready worker the next job, or let it wait."""
        self._deaths = 0
        slot.state = State.WAITING
        self._waiting.append(slot)
        self._serve()

    @property
    def _has_room(self) -> bool:
        """Whether one more run may go."""
        return len(self._taken) < self._size.running

    def _serve(self) -> None:
        """Give the jobs that wait to the workers that wait."""
        while self._waiting and self._has_room:
            job = self._line.pop()
            if job is None:
                return
            self._give(self._waiting.popleft(), job)

    def _give(self, slot: Slot, job: Job) -> None:
        """Give a job to a waiting worker. Where that fails, it ends here, and so does the worker."""
        self._taken.add(slot)
        try:
            self._begin(slot, job)
        except Exception as error:  # noqa: BLE001 - a job that was taken from the line must end
            slot.job, slot.state = None, State.ENDING
            job.finish(End(Reason.UNAVAILABLE, f"the run could not be begun: {error}", ran=False))
            self._signal(slot, signal.SIGKILL)
            self._expect_gone(slot)

    def _begin(self, slot: Slot, job: Job) -> None:
        if slot.group is not None:
            slot.group.limit(job.limits.memory + _GROUP_SLACK, job.limits.processes + KEEPERS)
        slot.start(job)
        if job.kept is not None:
            job.kept.slot = slot
            slot.kept = job.kept
        if not slot.push():
            self._loop.watch_writing(slot.channel.fileno(), lambda: self._push(slot))
        self._watcher.begin(slot, job)
        if job.timer is not None:
            job.timer.cancel()
        if len(self._waiting) * 2 < self._size.waiting or self._line:
            self._refill_soon()

    def _push(self, slot: Slot) -> None:
        with self._lock:
            if slot.is_open and slot.push():
                self._loop.unwatch_writing(slot.channel.fileno())

    def _overdue(self, job: Job) -> None:
        with self._lock:
            if self._line.remove(job):
                job.finish(
                    End(
                        Reason.TIMEOUT, f"it waited for a worker for {job.limits.wall_seconds:g} s", ran=False
                    )
                )

    # Ends

    def _end(self, slot: Slot, job: Job | None, reason: Reason, detail: str, which: int) -> None:
        """End a run, or a kept worker (no job), for a reason: politely first where `which` is SIGTERM, and for certain."""
        with self._lock:
            if slot.job is not job or slot.state not in (State.RUNNING, State.KEPT):
                return
            slot.state, slot.reason = State.ENDING, (reason, detail)
            self._signal(slot, which)
            if which != signal.SIGKILL:
                slot.timers.append(self._loop.at(time.monotonic() + _GRACE_SECONDS, lambda: self._kill(slot)))
            self._expect_gone(slot)

    def _expect_gone(self, slot: Slot) -> None:
        slot.timers.append(self._loop.at(time.monotonic() + _STUCK_SECONDS, lambda: self._unstick(slot)))

    def _kill(self, slot: Slot) -> None:
        with self._lock:
            if slot.state is State.ENDING:
                self._signal(slot, signal.SIGKILL)

    def _zygote_of(self, slot: Slot) -> Zygote | None:
        return self._zygote if slot.zygote is None else slot.zygote

    def _signal(self, slot: Slot, which: int) -> None:
        zygote = self._zygote_of(slot)
        if zygote is not None:
            zygote.signal(slot, which)

    def _unstick(self, slot: Slot) -> None:
        """End a zygote that does not end its worker: it is stopped or stuck, and its workers end with it."""
        with self._lock:
            zygote = self._zygote_of(slot)
            if slot.state is State.ENDING and self._places.holds(slot) and zygote is not None:
                why = "the process that it was forked from did not answer"
                self._drop_zygote(zygote, Reason.CRASHED, why, politely=False)
                self._restart()

    def _answered(self, slot: Slot) -> None:
        """Take the answer of a run, end its worker, and let the job end: at once where nothing has to be collected."""
        slot.drain()
        job, zygote = slot.job, self._zygote_of(slot)
        if job is None or zygote is None:
            return
        end = _told(lambda: endings.answered(slot, zygote.layers))
        slot.answer = None
        if job.kept is not None and slot.reason is None:
            self._keep(slot, job, end)
            return
        slot.state = State.ENDING
        if self._kept or endings.left_files(slot):
            slot.ended = end
        else:
            slot.job = None
            job.finish(end)  # before the worker is ended: whoever waits need not wait for that
        zygote.signal(slot, signal.SIGKILL)
        self._expect_gone(slot)

    def _keep(self, slot: Slot, job: Job, end: End) -> None:
        """Let a job of a session end, and keep its worker for the next one."""
        for timer in slot.timers:
            timer.cancel()
        slot.timers, slot.job, slot.state = [], None, State.KEPT
        self._watcher.keep(slot, job)
        if endings.left_files(slot):
            self._soon(lambda: job.finish(_with_files(slot, job, end)))
        else:
            job.finish(end)

    def _gone(self, slot: Slot, message: dict[str, Any]) -> None:
        """Take note that a worker has ended: its job ends where it has not, its folder is emptied, its slot is free."""
        job, zygote, state = slot.job, self._zygote_of(slot), slot.state
        layers = zygote.layers if zygote is not None else ()
        if state is State.STARTING:
            self._not_started(slot, message)
        elif state is State.WAITING:
            self._waiting.remove(slot)
        slot.drain()
        slot.let_go(slot.reason[1] if slot.reason else endings.told(slot, message))
        self._taken.discard(slot)
        ended, slot.ended = slot.ended, None
        end = _told(lambda: endings.completed(slot, ended, message, layers)) if job is not None else None
        for timer in slot.timers:
            timer.cancel()
        if job is not None and end is not None and endings.left_files(slot):
            self._soon(lambda: self._collect(slot, job, end))
            return
        if job is not None and end is not None:
            job.finish(end)
        self._recycle(slot)
        self._serve()

    def _not_started(self, slot: Slot, message: dict[str, Any]) -> None:
        """Where a worker cannot enter its cage, let a job end that waits: the next one would meet the same."""
        why = message.get("failed") or slot.stderr_tail() or "a worker ended before it was ready"
        if "failed" in message:
            self._crowd(why)
            return
        job = self._line.pop()
        if job is not None:
            job.finish(End(Reason.UNAVAILABLE, f"no worker could be made: {why}", ran=False))
        self._crowded_until = time.monotonic() + _LITTLE
        self._loop.at(self._crowded_until + _LITTLE, self._refill_locked)

    def _collect(self, slot: Slot, job: Job, end: End) -> None:
        job.finish(_with_files(slot, job, end))
        with self._lock:
            self._recycle(slot)
            self._serve()

    def _recycle(self, slot: Slot) -> None:
        if not self._places.holds(slot):
            return
        if self._alone and slot.zygote is not None:
            self._drop_zygote(slot.zygote, Reason.CRASHED, "")
            self._refill_soon()
            return
        self._unwatch(slot)
        slot.rinse()
        if self._places.is_clean(slot):
            self._free_slot(slot)
        else:
            slot.state = State.ENDING
            self._later(lambda: self._clean(slot))

    def _clean(self, slot: Slot) -> None:
        cleaned = self._places.clean(slot)
        with self._lock:
            if cleaned and self._places.holds(slot):
                self._free_slot(slot)
            elif not cleaned:
                self._places.give_up(slot)
                self._refill_soon()

    def _free_slot(self, slot: Slot) -> None:
        slot.state = State.FREE
        self._places.free.append(slot)
        if self._line or len(self._waiting) < self._size.waiting:
            self._refill_soon()


def _said(error: OSError | SandboxUnavailable) -> str:
    return str(error.strerror) if isinstance(error, OSError) else error.message


def _told(tell: Callable[[], End]) -> End:
    """Return an end, whatever happens while it is told: a run without one would be waited for for ever."""
    try:
        return tell()
    except Exception as error:  # noqa: BLE001 - see above
        return endings.untold(error)


def _with_files(slot: Slot, job: Job, end: End) -> End:
    """Return an end with what lies in `output/`; as a failure where that is not what it may be."""
    try:
        return end._replace(files=folders.collect(slot.folder, job.limits.file_size))
    except folders.Spoiled as spoiled:
        reason, why = Reason.FILES, str(spoiled)
    except Exception as error:  # noqa: BLE001 - the run must end, whatever it is
        reason, why = Reason.UNAVAILABLE, f"the output could not be read: {error}"
    return end._replace(reason=reason, detail=why, value=None, answer=b"") if end.reason is None else end


def _remove_folder(folder: str, removed: threading.Event | None = None) -> None:
    try:
        folders.empty(folder)
        os.rmdir(folder)
    except OSError:  # the base folder goes as a whole later, or at the next start
        pass
    finally:
        if removed is not None:
            removed.set()
