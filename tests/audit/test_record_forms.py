"""The short way to write an ordinary outcome and the long way write the same record."""

from __future__ import annotations

import json
import time
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.helpers import ALLOWED, ANA, DENIED

from ringfence import Outcome, Tier, Usage
from ringfence.audit.chain import Chain, genesis
from ringfence.audit.record import Encoder, canonical, ended
from ringfence.audit.redact import Redactor
from ringfence.call import NO_OUTPUT, Output, ToolCall
from ringfence.tool import Tool

CALL = ToolCall("0" * 16, Tool("refund"), MappingProxyType({}), ANA, "5e55", time.time())
CHAIN = Chain(b"k" * 32)
ENCODER = Encoder(CHAIN, Redactor((), digest=CHAIN.digest))
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just(())
USAGES = st.none() | st.builds(
    Usage, st.floats(0, 1e9), st.none() | st.floats(0, 1e6), st.none() | st.floats(0, 1e6)
)


@given(
    st.builds(
        Outcome,
        st.just(CALL.id),
        st.just("refund"),
        st.sampled_from([ALLOWED, DENIED]),
        st.booleans(),
        VALUES,
        observed=st.booleans(),
        tier=st.sampled_from(["", Tier.INLINE, Tier.SANDBOX]),
        layers=st.sampled_from([(), ("seccomp",)]),
        usage=USAGES,
        output=st.sampled_from([NO_OUTPUT, Output("printed")]),
    )
)
def test_an_outcome_is_written_the_same_at_once_and_later(outcome: Outcome) -> None:
    """What waits as an outcome and what was taken from it at once give the same canonical text."""
    log = f'"log":"{genesis("a").log}"'
    later = ENCODER.outcome(log, 7, CALL, 1.5, "p1", outcome)
    at_once = ENCODER.outcome(log, 7, CALL, 1.5, "p1", ended(outcome))
    assert later == at_once
    assert canonical(json.loads(later)).decode() == later


@pytest.mark.parametrize("kind", ["intent", "outcome"])
def test_a_call_of_wrong_types_does_not_stop_the_line(kind: str) -> None:
    """A record that cannot be written would keep all later ones waiting, so anything can be written."""
    odd = CALL._replace(id=7, session=["a"])  # type: ignore[arg-type]
    log = '"log":"a"'
    text = (
        ENCODER.intent(log, 1, odd, "{}", ALLOWED, [ALLOWED], "p1", False)
        if kind == "intent"
        else ENCODER.outcome(
            log,
            1,
            odd,
            1.5,
            "p1",
            Outcome("", "refund", ALLOWED, True, "x", tier=Tier.INLINE, usage=Usage(1.0)),
        )
    )
    assert json.loads(text)["session"] == "<list>"
