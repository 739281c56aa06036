"""What warns when protection is weakened. Turn the warning into an error with Python's own warning filters."""

from __future__ import annotations

import warnings


class UnsafeWarning(UserWarning):
    """A setting that weakens the gate is on."""


def warn_observing() -> None:
    """Say that policy denials do not stop anything."""
    _warn("the policy is in observe mode: calls that it denies are recorded, and run all the same", 5)


def warn_any_tool(rule: str) -> None:
    """Say that a rule allows calls of every tool."""
    _warn(f"the rule {rule!r} of the policy may allow every tool, those that come later included", 5)


def warn_no_record() -> None:
    """Say that nothing is recorded."""
    _warn("the policy sets audit.store to none: no call is recorded")


def _warn(text: str, stacklevel: int = 4) -> None:
    warnings.warn(text, UnsafeWarning, stacklevel=stacklevel)
