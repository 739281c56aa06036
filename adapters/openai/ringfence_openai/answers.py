"""What the model reads: the text for an outcome, be it a value, a refusal or the tool's own exception.

The one idea: every call is answered with something that the model can act on, of bounded size, and only a broken guard raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import PydanticSerializationError, to_json

from ringfence import Reason

if TYPE_CHECKING:
    from ringfence import Outcome

_MOST_OF_ERROR = 500


def answer_text(outcome: Outcome, most_characters: int) -> str:
    """Return the text for the model.

    Arguments:
        outcome: what became of a call.
        most_characters: how much of a value is handed on; the rest is cut, and the text says so.

    Raises:
        GuardBroken: the gate failed, so there is no answer and the agent should stop.

    """
    if outcome.broken:
        outcome.unwrap()
    if outcome.success:
        return _well_formed(_cut(value_text(outcome.value), most_characters))
    if outcome.reason is Reason.CRASHED and outcome.error is not None:
        return _well_formed(f"{outcome.tool} failed: {_told(outcome.error)}")
    return _well_formed(outcome.refusal())


def value_text(value: object) -> str:
    """Return text as it is and everything else as JSON: models and dataclasses as objects, dates in ISO 8601, bytes in base64,
    and as its own `str()` what JSON has no form for.
    """  # noqa: D205 - one sentence that does not fit a line
    if isinstance(value, str):
        return value
    try:
        return to_json(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings").decode()
    except PydanticSerializationError as error:  # a circle, lone surrogates, a value whose own code raises
        return f"a {type(value).__name__} that cannot be written as JSON ({str(error)[:_MOST_OF_ERROR]})"


def _told(error: BaseException) -> str:
    """Return an exception's class and message, as a traceback's last line has them."""
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the code of the tool's own exception; the answer must not fail with it
        return kind
    return f"{kind}: {_cut(message, _MOST_OF_ERROR)}" if message else kind


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[cut: {most} of {len(text)} characters]"


def _well_formed(text: str) -> str:
    """Return the text without lone surrogates, which no request can carry."""
    return text.encode("utf-8", "replace").decode()
