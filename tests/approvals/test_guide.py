"""The examples of docs/approvals.md: they run, and the answer that they sign is one that the gate takes."""

from __future__ import annotations

import json
import re
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from ringfence.approvals.webhook import Webhook
from ringfence.errors import ApprovalFailed
from ringfence.policy.file import parse_policy

GUIDE = (Path(__file__).parents[2] / "docs" / "approvals.md").read_text(encoding="utf-8")
FIRST, ANSWER = re.findall(r"^```python\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
SECRET = b"0123456789abcdef0123456789abcdef"


def test_the_program_of_the_guide_runs() -> None:
    """It holds what it asserts."""
    assert FIRST.count("assert ") == 3
    exec(compile(FIRST, "docs/approvals.md", "exec"), {"__name__": "example"})


def test_the_answer_of_the_guide_is_one() -> None:
    """Signed by the example, understood by the gate; with another secret it is not."""
    scope: dict[str, Any] = {}
    exec(compile(ANSWER, "docs/approvals.md", "exec"), scope)
    headers, body = scope["answer"](SECRET, {"id": "1" * 16}, "approve", "ben")
    message = Message()
    for name, value in headers.items():
        message[name] = value
    Webhook("http://localhost/", SECRET)._refuse_unsigned(message, body)  # type: ignore[arg-type]  # what HTTP headers are
    with pytest.raises(ApprovalFailed, match="not signed with the shared secret"):
        Webhook("http://localhost/", SECRET[::-1])._refuse_unsigned(message, body)  # type: ignore[arg-type]  # likewise
    assert json.loads(body) == {"id": "1" * 16, "decision": "approve", "by": "ben"}


def test_the_policy_of_the_guide_is_one() -> None:
    """And names what the text says that it names."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, flags=re.MULTILINE | re.DOTALL)
    policy = parse_policy(text, file="docs/approvals.md", format="yaml")
    assert policy.tools["refund"].four_eyes
    assert policy.users["os:ben"].roles == ("supervisor",)


def test_the_limits_of_the_policy_guide_are_some() -> None:
    """The example in docs/policy.md, which has no place for a second whole policy."""
    text = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```text\n(limits:\n.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    limits = parse_policy(example, file="docs/policy.md", format="yaml").limits
    assert (limits["payments"].calls, limits["reports"].concurrent) == (20, 2)
