"""The sandbox tier: the argument that a tool declares as Python or JavaScript, or the tool's own function, runs in a process that the kernel holds.

What the cage is and how it is fed stands in `ringfence.sandbox`; here a call becomes a run, and its end an outcome. The one idea: a function crosses
by name and its arguments as plain data, so nothing of this process goes along.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ringfence.call import Outcome
from ringfence.errors import PolicyError, SandboxBusy, SandboxError, SandboxUnavailable
from ringfence.hookspecs import hookimpl
from ringfence.policy.model import Tier
from ringfence.refusals import busy, do_not_fit, unavailable
from ringfence.tool import is_bare_method

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.call import ToolCall
    from ringfence.hookspecs import AddRunner
    from ringfence.policy.model import Profile
    from ringfence.runners.base import AsyncBody, Body
    from ringfence.sandbox import Sandbox
    from ringfence.verdict import Verdict

_MOST_SANDBOXES = 256


class SandboxRunner:
    """Runs calls in sandboxes, one for each profile. Their processes come with the first call, and go when there is none for a while."""

    tier = Tier.SANDBOX

    def __init__(self) -> None:
        self._sandboxes: dict[Profile, Sandbox] = {}
        self._lock = threading.Lock()

    def missing(self, profile: Profile) -> str:
        """Return what this machine lacks to hold code as the profile demands; empty where nothing lacks."""
        from ringfence.sandbox.machine import this_machine  # noqa: PLC0415 - few programs use the tier

        return this_machine().lacking(profile)

    def run(self, call: ToolCall, verdict: Verdict, profile: Profile, body: Body) -> Outcome:  # noqa: ARG002 - nothing runs here
        """Run the call; whatever ends it is kept in the outcome."""
        try:
            box = self._sandbox(profile)
            program, arguments = _program(call)
            if program is None:
                args, kwargs = _as_called(call)
                done = box.call_for(call.principal.user, _function(call), args, kwargs)
            else:
                done = box.run(program[0], program[1], arguments, user=call.principal.user)
        except (SandboxError, PolicyError, TypeError, ValueError) as error:
            return _not_run(call, error)
        return done._replace(call_id=call.id, tool=call.tool.name, verdict=verdict)

    async def arun(self, call: ToolCall, verdict: Verdict, profile: Profile, body: AsyncBody) -> Outcome:  # noqa: ARG002
        """As `run`, in an event loop, which goes on. A cancelled task ends the run."""
        try:
            box = self._sandbox(profile)
            program, arguments = _program(call)
            if program is None:
                args, kwargs = _as_called(call)
                done = await box.acall_for(call.principal.user, _function(call), args, kwargs)
            else:
                done = await box.arun(program[0], program[1], arguments, user=call.principal.user)
        except (SandboxError, PolicyError, TypeError, ValueError) as error:
            return _not_run(call, error)
        return done._replace(call_id=call.id, tool=call.tool.name, verdict=verdict)

    def _sandbox(self, profile: Profile) -> Sandbox:
        from ringfence.sandbox import Sandbox  # noqa: PLC0415 - as above

        with self._lock:
            found = self._sandboxes.get(profile)
            if found is None:
                if (
                    len(self._sandboxes) >= _MOST_SANDBOXES
                ):  # their pools are empty, or end with their last run
                    self._sandboxes.clear()
                found = self._sandboxes[profile] = Sandbox(profile)
            return found


def _program(call: ToolCall) -> tuple[tuple[str, str] | None, Mapping[str, object]]:
    """Return the source and language of a call that brings its own code, with the other arguments; None where its function runs."""
    found = call.tool.program
    if found is None:
        return None, call.arguments
    name, language = found
    source = call.arguments.get(name)
    if type(source) is not str:
        raise TypeError(f"argument {name!r} is no text")
    return (source, str(language)), {key: value for key, value in call.arguments.items() if key != name}


def _function(call: ToolCall) -> Callable[..., object]:
    """Return the function of a tool, which a sandbox must be able to import.

    Raises:
        SandboxUnavailable: it cannot. That is no fault of whoever calls it.

    """
    from ringfence.sandbox.requests import target_of  # noqa: PLC0415 - as above

    name = call.tool.name
    if call.tool.function is None:
        raise SandboxUnavailable(f"{name} has no function here, so a sandbox cannot import it")
    if is_bare_method(call.tool):
        raise SandboxUnavailable(f"{name} is a method, and its object cannot cross into a sandbox")
    try:
        target_of(call.tool.function)
    except TypeError as error:
        raise SandboxUnavailable(str(error)) from error
    return call.tool.function


def _as_called(call: ToolCall) -> tuple[tuple[object, ...], dict[str, object]]:
    """Return the bound arguments as positional and keyword arguments of the function."""
    if call.tool.signature is None:
        return (), dict(call.arguments)
    return call.tool.signature.call(_given, call.arguments)  # type: ignore[return-value]  # what `_given` returns


def _given(*args: object, **kwargs: object) -> tuple[tuple[object, ...], dict[str, object]]:
    return args, kwargs


def _not_run(call: ToolCall, error: Exception) -> Outcome:
    """Return the outcome of a call of which nothing ran."""
    if isinstance(error, SandboxBusy):
        verdict = busy(error)
    elif isinstance(error, (SandboxError, PolicyError)):
        verdict = unavailable(error.message)
    else:
        verdict = do_not_fit(str(error))
    return Outcome(
        call.id, call.tool.name, verdict, reason=verdict.reason, detail=verdict.message, error=error
    )


@hookimpl
def ringfence_add_runners(add: AddRunner) -> None:
    """Add the sandbox runner."""
    add(SandboxRunner())
