"""The README's code runs as it stands, its commands exist, and its numbers and outputs are those of a run."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = [
    (README[: match.start()].count("\n") + 1, match["language"], match["code"])
    for match in re.finditer(r"^```(?P<language>\w+)\n(?P<code>.*?)^```", README, re.DOTALL | re.MULTILINE)
]
WAYS_IN = [
    (line, code) for line, language, code in BLOCKS if language == "python" and "find_orders" not in code
]
SCANNED = next(code for _, language, code in BLOCKS if language == "python" and "find_orders" in code)
POLICY = next(code for _, language, code in BLOCKS if language == "yaml")

# What an application has before it gets to the README: tools, a model, a client.
BEFORE = '''
import sys
sys.path.insert(0, {recipes!r})

def search_orders(order: str) -> str:
    """Find an order."""
    return f"{{order}}: 20 paid"

def refund(order: str, amount: float) -> str:
    """Pay money back for an order."""
    return f"{{amount}} paid back for {{order}}"
'''
MODEL = """
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage

class Model(FakeMessagesListChatModel):
    def bind_tools(self, tools, **kwargs):
        return self

CALLS = [{"name": "refund", "args": {"order": "A-17", "amount": amount}, "id": str(amount)} for amount in (20, 5000)]
model = Model(responses=[AIMessage("", tool_calls=CALLS), AIMessage("done")])
"""
CLIENT = """
from openai import OpenAI
from support.openai_server import ScriptedServer, Turn

CALLS = tuple(("refund", '{"order": "A-17", "amount": %d}' % amount) for amount in (20, 5000))
server = ScriptedServer({"Refund A-17.": [Turn(calls=CALLS), Turn("done")]}).__enter__()
client = OpenAI(base_url=server.base_url, api_key="none")
"""
AFTER = {
    "configure": "assert outcome.value == '20 paid back for A-17', outcome",
    "create_agent": "print([message.content for message in answer['messages'] if message.type == 'tool'])",
    "openai": "print([answer['content'] for answer in messages if isinstance(answer, dict) and answer['role'] == 'tool'])",
}


def program(code: str) -> str:
    """Return a README block with what stands before and after it in an application."""
    key = next(key for key in AFTER if key in code)
    before = BEFORE.format(recipes=str(ROOT / "recipes")) + {"create_agent": MODEL, "openai": CLIENT}.get(
        key, ""
    )
    return f"{before}\n{code}\n{AFTER[key]}\n"


@pytest.mark.parametrize(("line", "code"), WAYS_IN, ids=[f"README.md:{line}" for line, _ in WAYS_IN])
def test_the_readmes_code_runs_and_does_what_it_says(tmp_path: Path, line: int, code: str) -> None:
    """Each way in allows the small refund and denies the large one, by the rule of the README's own policy."""
    (tmp_path / "ringfence.yaml").write_text(POLICY)
    done = subprocess.run(
        [sys.executable, "-c", program(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, f"README.md:{line}: {done.stderr}"
    assert re.search(r"20(\.0)? paid back for A-17", done.stdout)
    assert "tools.refund.arguments.amount.max" in done.stdout


def test_the_readme_shows_three_ways_in() -> None:
    """There is a block for the decorator, the middleware and the loop."""
    assert len(WAYS_IN) == len(AFTER) == 3


def test_the_readmes_scanned_tool_denies_what_it_says(tmp_path: Path) -> None:
    """The query runs, the one that drops a table does not and is answered with what to change."""
    (tmp_path / "ringfence.yaml").write_text(POLICY)
    done = subprocess.run(
        [sys.executable, "-c", SCANNED],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "did SELECT total" in done.stdout
    assert "Leave tables as they are" in done.stdout
    assert "did SELECT 1" not in done.stdout


@pytest.mark.parametrize("guide", ["scanning.md", "restricted.md", "identity.md", "results.md"])
def test_a_guide_shows_real_answers(guide: str) -> None:
    """The sessions in it print what they say."""
    run = doctest.testfile(str(ROOT / "docs" / guide), module_relative=False, encoding="utf-8")
    assert run.attempted
    assert not run.failed


GUIDE = (ROOT / "docs/sandbox.md").read_text(encoding="utf-8")


@pytest.mark.sandbox
@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))
def test_the_sandbox_guides_examples_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example does what its assertions say."""
    monkeypatch.chdir(tmp_path)
    exec(block, {"__name__": "example"})


def test_the_readmes_policy_is_sound(tmp_path: Path) -> None:
    """`ringfence policy check` finds nothing wrong with it."""
    (tmp_path / "ringfence.yaml").write_text(POLICY)
    command = [sys.executable, "-m", "ringfence", "policy", "check", str(tmp_path / "ringfence.yaml")]
    assert subprocess.run(command, capture_output=True, timeout=50, check=False).returncode == 0


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^\$ make (\w+)", README, re.MULTILINE))))
def test_the_readmes_make_targets_exist(command: str) -> None:
    """What a newcomer types is in the Makefile."""
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([\w/.]+)\)", README))))
def test_the_readmes_links_lead_somewhere(target: str) -> None:
    """Every page that it points to is in the repository."""
    assert (ROOT / target).exists()


def test_the_readmes_demo_output_is_a_real_one() -> None:
    """The table between the markers is what the recipe prints."""
    shown = re.search(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", README, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, "recipes/langchain_agent.py"],
        cwd=ROOT,
        env={"COLUMNS": "110", "PATH": "", "PYTHONWARNINGS": "ignore", "LANG": "C.UTF-8", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert [line.rstrip() for line in done.stdout.splitlines()] == shown[1].splitlines()
