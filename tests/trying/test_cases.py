"""Case files: what they may hold, and that each fault is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.errors import PolicyFileError
from ringfence.trying.cases import _CASE_KEYS, _FILE_KEYS, Call, Caller, load_cases
from ringfence.verdict import Decision, Reason

WHOLE = """
policy: rules/ringfence.yaml
tools: my.tools
as: {user: ana, roles: [analyst], address: 10.0.0.1}
cases:
  - name: a refund
    call: {tool: refund, arguments: {order: A-17, amount: 20, fast: true}}
    at: 2026-01-31T12:00:00+01:00
    after: [read_order, {tool: login, arguments: {user: ana}}]
    expect: deny
    rule: tools.refund.*
    reason: policy
  - name: as somebody else
    as: {user: ben}
    call: refund
    at: "2026-01-31"
    expect: ask
"""


def write(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    """Write a case file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_case_file_is_read_in_full(tmp_path: Path) -> None:
    """Every key has its place in what comes of it; the policy is found from the case file's folder."""
    found = load_cases(write(tmp_path, WHOLE))
    first, second = found.cases
    assert (found.policy, found.tools) == (tmp_path / "rules" / "ringfence.yaml", "my.tools")
    assert first.call == Call("refund", {"order": "A-17", "amount": 20, "fast": True})
    assert first.caller == Caller("ana", ("analyst",), "10.0.0.1")
    assert first.at == 1769857200.0
    assert first.after == (Call("read_order", {}), Call("login", {"user": "ana"}))
    assert (first.expect, first.rule, first.reason, first.line) == (
        Decision.DENY, "tools.refund.*", Reason.POLICY, 6,
    )  # fmt: skip
    assert second.caller == Caller("ben", None, "10.0.0.1")
    assert (second.at, second.expect, second.reason) == (1769817600.0, Decision.ASK, None)


def test_the_guides_example_is_one(tmp_path: Path) -> None:
    """The case file in the guide is read without a fault, and shows every key."""
    guide = (Path(__file__).parents[2] / "docs" / "trying.md").read_text(encoding="utf-8")
    text = guide.split("```yaml\n")[1].split("```")[0]
    found = load_cases(write(tmp_path, text))
    assert [case.expect.value for case in found.cases] == ["allow", "deny", "ask"]
    for key in (*_FILE_KEYS, *_CASE_KEYS):
        assert f"| `{key}` |" in guide


def test_json_is_a_case_file_too(tmp_path: Path) -> None:
    """JSON is YAML; a module of tools that is a file is found from the case file's folder."""
    text = '{"tools": "tools.py", "cases": [{"name": "n", "call": {"tool": "t"}, "expect": "allow"}]}'
    found = load_cases(write(tmp_path, text, "cases.json"))
    assert found.tools == str(tmp_path / "tools.py")
    assert found.policy is None
    assert found.cases[0].caller == Caller("", ())


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("cases: []", 1, "cases: expected at least one case, got none"),
        ("case: []", 1, "case: expected one of the keys policy, tools, as, cases, got the unknown key 'case'"),
        ("cases:\n  - name: x\n    call: t\n", 2, "cases[0]: expected the key expect, got none"),
        ("cases:\n  - {name: x, call: t, expect: alow}", 2, "expected one of allow, ask, deny, got the text 'alow'"),
        ("cases:\n  - {name: x, call: t, expect: deny, reason: polcy}", 2, "cases[0].reason: expected one of policy"),
        ("cases:\n  - {name: x, call: t, expct: deny}", 2, "got the unknown key 'expct'. Did you mean 'expect'?"),
        ("cases:\n  - {name: x, call: {tol: t}, expect: deny}", 2, "cases[0].call: expected the key tool, got none"),
        ("cases:\n  - {name: x, call: {tool: t, arguments: [1]}, expect: deny}", 2, "a mapping from names to values"),
        ("cases:\n  - {name: x, call: t, expect: deny, at: noon}", 2, "cases[0].at: expected a moment such as"),
        ("cases:\n  - {name: x, call: t, expect: deny, after: t}", 2, "cases[0].after: expected a list"),
        ("cases:\n  - {name: x, call: t, expect: deny, as: {roles: a}}", 2, "as.roles: expected a list"),
        ("cases:\n  - {name: x, call: t, expect: deny}\n  - {name: x, call: t, expect: deny}", 3, "(first on line 2)"),
        ("cases:\n  - {name: x, call: {tool: t, arguments: {a: no}}, expect: deny}", 2, "a value in quotes, got no, "),
        ("cases:\n  - {name: !!str x, call: t, expect: deny}", 2, "the YAML tag"),
        ("cases:\n  - &a {name: x, call: t, expect: deny}\n  - <<: *a\n", 3, "the YAML merge key"),
        ("cases:\n  - {name: , call: t, expect: deny}", 2, "cases[0].name: expected text, got nothing"),
    ],
)  # fmt: skip
def test_each_fault_has_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    """A fault names file, line and key, what was expected and what came."""
    path = write(tmp_path, text)
    with pytest.raises(PolicyFileError) as caught:
        load_cases(path)
    told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert message in told
    assert f"{path}:{line}:" in told


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cases.toml", b"cases = []", "expected a name that ends in .yaml, .yml, .json, got cases.toml"),
        ("cases.yaml", b"\0", "expected text, got a NUL"),
        ("cases.yaml", b"\xff", "expected UTF-8 text"),
        ("cases.yaml", b"#" * (1 << 20) + b"\n\n", "expected at most 1 MiB"),
        ("cases.yaml", b"[" * 100, "expected at most 20 levels"),
    ],
)
def test_a_hostile_file_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Size, depth, encoding and kind are bounded as for a policy."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PolicyFileError, match=message.replace(".", r"\.")):
        load_cases(path)


def test_a_list_is_no_case_file(tmp_path: Path) -> None:
    """What is wrong with the file as a whole has no line, and is told once."""
    path = write(tmp_path, "- a")
    with pytest.raises(PolicyFileError) as caught:
        load_cases(path)
    assert str(caught.value) == f"{path}: expected a mapping with cases, got a list"
    assert not hasattr(caught.value, "__notes__")


def assert_cases_or_fault(path: Path) -> None:
    """Check that a file holds cases, or that its fault names it."""
    try:
        assert load_cases(path).cases
    except PolicyFileError as error:
        fault = str(error)
    else:
        return
    assert fault.startswith(str(path))


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_content_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: str | bytes) -> None:
    """Whatever a file holds, it is cases or a fault with a place."""
    path = tmp_path_factory.mktemp("cases") / "cases.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    assert_cases_or_fault(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("name", "call", "as", "at", "after", "expect", "tool", "arguments", "cases", "user", "roles")
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_shape_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    """Known keys in wrong places and of wrong kinds are faults and nothing else."""
    import json

    path = tmp_path_factory.mktemp("cases") / "cases.json"
    path.write_text(json.dumps({"cases": [value]}))
    assert_cases_or_fault(path)
