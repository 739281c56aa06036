"""What warns when protection is weakened. Turn the warning into an error with Python's own warning filters."""

from __future__ import annotations

import warnings


class UnsafeWarning(UserWarning):
    """A setting that weakens the gate is on."""


def warn_observing() -> None:
    """Say that policy denials do not stop anything."""
    _warn("the policy is in observe mode: calls that it denies are recorded, and run all the same")


def warn_no_record() -> None:
    """Say that nothing is recorded."""
    _warn("the policy sets audit.store to none: no call is recorded")


def _warn(text: str) -> None:
    warnings.warn(text, UnsafeWarning, stacklevel=4)
