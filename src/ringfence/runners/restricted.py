"""The restricted tier: the argument that a tool declares as Python is run in this process, within the profile's budget.

The tool's own function is not called: the snippet is what runs, and the other arguments are its inputs. For trusted, low-risk snippets;
code that nobody vouches for belongs in the sandbox, and a profile whose security level is high or above never runs here.
"""

from __future__ import annotations

from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from ringfence.call import Outcome, Output, Usage
from ringfence.errors import SnippetFailed, SnippetRefused, SnippetStopped
from ringfence.hookspecs import hookimpl
from ringfence.policy.model import Profile, SecurityLevel, Tier
from ringfence.policy.profiles import wall_seconds
from ringfence.refusals import do_not_fit, snippet_refused
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.hookspecs import AddRunner
    from ringfence.restricted import Budget, Evaluation
    from ringfence.runners.base import AsyncBody, Body
    from ringfence.verdict import Verdict

_HIGH = (SecurityLevel.HIGH, SecurityLevel.PARANOID)
_REASONS = {
    "steps": Reason.CPU,
    "time": Reason.TIMEOUT,
    "memory": Reason.MEMORY,
    "recursion": Reason.MEMORY,
    "result": Reason.OUTPUT,
    "offer": Reason.POLICY,
}
_MOST_BUDGETS = 256


class RestrictedRunner:
    """Runs the snippet of a call in the caller's thread."""

    tier = Tier.RESTRICTED

    def __init__(self) -> None:
        self._budgets: dict[int, tuple[Profile, Budget]] = {}

    def missing(self, profile: Profile) -> str:
        """Return why a profile's security level never runs here; empty for low and medium."""
        if profile.security_level in _HIGH:
            return (
                f"at security level {profile.security_level} nothing runs in the restricted tier, which is for trusted, "
                "low-risk snippets: untrusted code belongs in the tier sandbox"
            )
        return ""

    def run(self, call: ToolCall, verdict: Verdict, profile: Profile, body: Body) -> Outcome:  # noqa: ARG002 - the snippet is the body
        """Run the snippet; whatever ends it is kept in the outcome."""
        from ringfence.restricted import evaluate  # noqa: PLC0415 - loads RestrictedPython

        inputs = dict(call.arguments)
        name = call.tool.snippet or ""
        source: Any = inputs.pop(name, None)
        start, cpu = perf_counter(), thread_time()
        ended = _Ended(call, verdict)
        try:
            evaluation = evaluate(source, inputs, self._budget(profile), modules=_modules(profile))
        except SnippetRefused as error:
            return ended.unfit(snippet_refused(name, error), error)
        except SnippetStopped as error:
            used = Usage(perf_counter() - start, thread_time() - cpu)
            return ended.without_value(_REASONS[error.limit], error.message, error, used, error.stdout)
        except SnippetFailed as error:
            used = Usage(perf_counter() - start, thread_time() - cpu)
            detail = f"the snippet raised {error.kind} in line {error.line}"
            return ended.without_value(Reason.CRASHED, detail, error, used, error.stdout)
        except (TypeError, ValueError) as error:  # of the inputs: the snippet's own end in the three above
            return ended.unfit(do_not_fit(str(error)), error)
        return ended.with_value(evaluation, Usage(evaluation.seconds, thread_time() - cpu))

    async def arun(self, call: ToolCall, verdict: Verdict, profile: Profile, body: AsyncBody) -> Outcome:  # noqa: ARG002
        """As `run`, in a thread, so that the event loop goes on."""
        import asyncio  # noqa: PLC0415 - who is here has it

        return await asyncio.to_thread(self.run, call, verdict, profile, _nothing)

    def _budget(self, profile: Profile) -> Budget:
        found = self._budgets.get(id(profile))
        if found is None:
            if len(self._budgets) >= _MOST_BUDGETS:
                self._budgets.clear()
            found = self._budgets[id(profile)] = (profile, _budget(profile))
        return found[1]


def _nothing() -> None:
    """Do what a snippet's tool does by itself."""


def _budget(profile: Profile) -> Budget:
    from ringfence.restricted import Budget  # noqa: PLC0415 - as in run

    return Budget(
        steps=profile.steps,
        wall_seconds=min(profile.cpu_seconds, wall_seconds(profile)),
        memory_mb=profile.memory_mb,
        output_bytes=profile.output_bytes,
        result_bytes=profile.output_bytes,
        source_bytes=profile.source_bytes,
    )


def _modules(profile: Profile) -> frozenset[str]:
    from ringfence.restricted import DEFAULT_MODULES  # noqa: PLC0415 - as in run

    return DEFAULT_MODULES if profile.modules is None else frozenset(profile.modules)


class _Ended:
    """Makes the outcome of one call."""

    def __init__(self, call: ToolCall, verdict: Verdict) -> None:
        self._call = call
        self._verdict = verdict

    def with_value(self, evaluation: Evaluation, usage: Usage) -> Outcome:
        cut = f"\n[{evaluation.stdout_cut:,} bytes more]" if evaluation.stdout_cut else ""
        output = Output(evaluation.stdout + cut)
        return Outcome(
            self._call.id, self._call.tool.name, self._verdict, executed=True, value=evaluation.value,
            tier=Tier.RESTRICTED, usage=usage, output=output,
        )  # fmt: skip

    def without_value(
        self, reason: Reason, detail: str, error: Exception, usage: Usage, stdout: str
    ) -> Outcome:
        return Outcome(
            self._call.id, self._call.tool.name, self._verdict, executed=True, reason=reason, detail=detail, error=error,
            tier=Tier.RESTRICTED, usage=usage, output=Output(stdout),
        )  # fmt: skip

    def unfit(self, verdict: Verdict, error: Exception) -> Outcome:
        """Return the outcome of a call of which nothing ran."""
        return Outcome(
            self._call.id,
            self._call.tool.name,
            verdict,
            reason=verdict.reason,
            detail=verdict.message,
            error=error,
        )


@hookimpl
def ringfence_add_runners(add: AddRunner) -> None:
    """Add the restricted runner."""
    add(RestrictedRunner())
