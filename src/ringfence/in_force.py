"""What decides at one moment: a policy, its plugins and its runners, made together and swapped as one.

pluggy and the compiler come in here, on purpose not with `import ringfence`: a program that only decorates its tools needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.approvals.approver import Approver
from ringfence.asking import Asking
from ringfence.errors import PluginError, PluginInvalid, PluginRaised
from ringfence.plugins import load_hooks
from ringfence.policy.compile import CompiledPolicy, compile_policy
from ringfence.policy.model import Mode, Tier
from ringfence.policy.rules import CHECK as RULES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ringfence.approvals.approver import Desk
    from ringfence.policy.model import Policy
    from ringfence.policy.tallies import Tallies
    from ringfence.runners.base import Runner


class InForce(NamedTuple):
    """A policy, its plugins and its runners: swapped as one when a policy is reloaded."""

    policy: CompiledPolicy
    asking: Asking
    runners: Mapping[str, Runner]
    observing: bool


def bring_into_force(
    policy: Policy,
    plugins: Mapping[str, object],
    desk: Desk,
    folder: str | Path | None = None,
    tallies: Tallies | None = None,
) -> InForce:
    """Return a policy made ready to decide, with its plugins loaded and its runners known.

    Arguments:
        policy: the policy.
        plugins: further plugins as objects, by name.
        desk: what the guard has for asking people.
        folder: where relative paths of the policy start; None: the current folder.
        tallies: what the policy before it has counted of users; None: nothing.

    Raises:
        PolicyError: the policy is unsound.
        PluginError: a plugin cannot take part, or brings a second runner for a tier; that of the sandbox may be replaced, once.

    """
    compiled = compile_policy(policy, folder, tallies)
    hooks = load_hooks(policy.plugins, plugins)
    if not compiled.has_rules:  # nearly every policy: its calls do not pay for what it does not have
        hooks = hooks._replace(judge_call=tuple(hook for hook in hooks.judge_call if hook[0] != RULES))
    runners: dict[str, Runner] = {}
    owners: dict[str, str] = {}
    for name, hook in hooks.add_runners:

        def add(runner: Runner, name: str = name) -> None:
            replaces = (
                runner.tier == Tier.SANDBOX
                and owners.get(runner.tier) == "sandbox"
                and name not in owners.values()
            )
            if runner.tier in runners and not replaces:
                raise PluginInvalid(
                    name, f"adds a second runner for the tier {runner.tier}", "Keep one of them."
                )
            runners[str(runner.tier)], owners[str(runner.tier)] = runner, name

        try:
            hook(add)
        except PluginError:
            raise
        except Exception as error:
            kind = type(error).__name__
            raise PluginRaised(
                name,
                f"raised {kind} while it added its runners",
                "Its own exception is the cause of this one.",
            ) from error
    return InForce(
        compiled,
        Asking(hooks, policy.plugin_seconds, policy.approval_seconds, Approver(compiled, desk)),
        runners,
        policy.mode is Mode.OBSERVE,
    )
