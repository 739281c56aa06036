"""How the end of a job is awaited, by a thread or in an event loop, and the outcome that it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.call import Outcome, Output
from ringfence.errors import SnippetFailed
from ringfence.policy.model import Tier
from ringfence.sandbox import endings
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from ringfence.sandbox.jobs import End, Job
    from ringfence.sandbox.pools import Pool

_DIRECT = Verdict(Decision.ALLOW, "run directly, not through a guard", rule="sandbox", check="sandbox")
_LONG_TO_READ = 1 << 16


def wait(job: Job, pool: Pool | None) -> End:
    """Return the end of a job. Whoever is interrupted while waiting ends it."""
    try:
        return endings.read(job.wait())
    except BaseException:
        if pool is not None:
            pool.cancel(job)
        raise


async def wait_in_loop(job: Job, pool: Pool | None) -> End:
    """As `wait`, in an event loop: a cancelled task ends its job."""
    import asyncio  # noqa: PLC0415 - who is here has it

    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()

    def arrive() -> None:
        if not arrived.done():
            arrived.set_result(None)

    job.when_done(lambda: loop.call_soon_threadsafe(arrive))
    try:
        await arrived
    except asyncio.CancelledError:
        if pool is not None:
            pool.cancel(job)
        raise
    end = job.wait()
    if len(end.answer) > _LONG_TO_READ:
        return await asyncio.to_thread(endings.read, end)
    return endings.read(end)


def outcome_of(call_id: str, end: End) -> Outcome:
    """Return the outcome that an end comes to, of a run that no guard stood before."""
    output = Output(end.stdout, end.stderr, end.code, tuple(end.files), end.files)
    error = SnippetFailed(end.kind, end.text, end.stderr, end.line, end.stdout) if end.kind else None
    return Outcome(
        call_id, "", _DIRECT, executed=end.ran, value=end.value, reason=end.reason, detail=end.detail, error=error,
        tier=Tier.SANDBOX if end.ran else "", layers=end.layers, usage=end.usage if end.ran else None, output=output,
    )  # fmt: skip
