"""The public face of the sandbox: what goes in and comes out, every reason told apart, every field of a profile held, and many callers at once."""

# ruff: noqa: PTH110, PTH119, PTH120, PTH208 - folders are named by texts here, as in the package

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence import Profile, Reason
from ringfence.errors import RunFailed, SandboxBusy, SandboxClosed, SandboxUnavailable, SnippetFailed
from ringfence.policy.model import Tier
from ringfence.sandbox import Sandbox
from ringfence.sandbox.supervisor import supervisor
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.call import Outcome

pytestmark = pytest.mark.sandbox
SRC = Path(__file__).parents[2] / "src"
MB = 1 << 20


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Give a sandbox with the default profile, shared by the stories that need no other."""
    with Sandbox() as box:
        yield box
    assert list(supervisor().loop.errors) == []


def told(code: str, language: str = "python", /, inputs: dict[str, object] | None = None, **fields: Any) -> Outcome:  # fmt: skip
    """Run a snippet in a sandbox of its own with these fields of the profile."""
    with Sandbox(Profile(**fields)) as box:
        return box.run(code, language, inputs)


def by_host(program: str, folder: Path, *arguments: str, **settings: str) -> Any:
    """Run a program that uses the sandbox in a process of its own, and return the last line that it prints, as a value."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SRC)!r})\n{program}", *arguments], cwd="/", capture_output=True, text=True, timeout=50,
        env={**os.environ, "TMPDIR": str(folder), **settings}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


def until(condition: Any, seconds: float = 5) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def workers_with(word: str) -> list[int]:
    """Return the descendants of this process whose current folder holds a file of that name."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            if os.path.exists(f"/proc/{each.pid}/cwd/{word}"):
                found.append(each.pid)
        except OSError:
            continue
    return found


# What goes in and comes out


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 1", 2), ("x = 5\nx * 2", 10), ("result = 7", 7), ("result = 7\nNone", 7), ("result = 7\n8", 8), ("x = 1", None), ("", None), ("# nothing", None), ("pass", None), ("None", None),
        ("[1, (2, {3}), {'a': b'4', (5,): None}]", [1, (2, {3}), {"a": b"4", (5,): None}]), ("1.5, 2j, True, 'é\\ud800'", (1.5, 2j, True, "é\ud800")), ("frozenset('a')", frozenset("a")),
        ("10 ** 5000 % 7", 10**5000 % 7), ("if True:\n    3", None), ("def f():\n    return 4\nf()", 4), ("'$', {'$': 1}", ("$", {"$": 1})), ("__name__", "__main__"),
    ],
)  # fmt: skip
def test_the_value_of_a_run_is_its_last_expression_or_result(
    box: Sandbox, source: str, value: object
) -> None:
    """A plain value comes out as it is, types included."""
    outcome = box.run(source)
    assert outcome.success, outcome.detail
    assert outcome.value == value
    assert type(outcome.value) is type(value)


_LINES = [
    "x = 3", "x", "x + 1", "(x,", ")", "[", "x]", "if x:", "    x", "else:", "'a'", "s = '''", "'''", "y = x + \\", "# \\", "", "@f", "def f(x): return x", "f(x)", "-1",
    "for x in [1, 2]: pass", "x; x + 2", "x = 1; x", "try:", "finally:", "  # deep", "lambda: 0", "*[x], 2", "match = x", "match (x)", "x if x else", "\f7", "x.", "1\r2", "return x",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(_LINES), max_size=6).map("\n".join))
def test_the_last_expression_is_what_python_takes_for_it(box: Sandbox, source: str) -> None:
    """However lines follow each other: the same value, and the same error in the same line, as by Python's own tree."""
    space: dict[str, Any] = {"__name__": "__main__"}
    expected, failed = None, ("", 0)
    try:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<snippet>", "exec"), space)  # lines of this test's own
        if last is not None:
            expected = eval(compile(ast.Expression(last.value), "<snippet>", "eval"), space)  # type: ignore[attr-defined]
    except SyntaxError as error:
        failed = ("SyntaxError", error.lineno or 0)
    except Exception as error:  # noqa: BLE001 - what the lines raise
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        failed = (type(error).__name__, traceback.tb_lineno if traceback is not None else 0)
    outcome = box.run(source)
    if failed[0]:
        assert isinstance(outcome.error, SnippetFailed)
        kind, line = failed
        kinds = ("SyntaxError", "IndentationError") if kind == "SyntaxError" else (kind,)
        assert any(f"raised {each} in line {line}" in outcome.detail for each in kinds), (
            outcome.detail,
            failed,
        )
    elif callable(expected):
        assert str(outcome.value).startswith("<function")
    else:
        assert (outcome.success, outcome.value) == (True, expected), outcome.detail


def test_an_integer_that_python_does_not_write_does_not_come_out(box: Sandbox) -> None:
    """Up to 4,300 digits it does; a longer one is refused by that number, in and out, and can be computed with all the same."""
    assert box.run("10 ** 4200").value == 10**4200
    outcome = box.run("10 ** 5000")
    assert outcome.reason is Reason.OUTPUT
    assert "an integer of more than 4,300 digits" in outcome.detail
    assert box.run("hex(10 ** 5000)[:5]").value == "0x31e"
    with pytest.raises(
        TypeError, match="the inputs must be plain data: it holds an integer of more than 4,300"
    ):
        box.run("1", inputs={"n": 10**5000})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("range(3)", "range(0, 3)"), ("import collections\ncollections.Counter('aab')", "Counter({'a': 2, 'b': 1})"), ("[object]", "[<class 'object'>]"), ("import datetime\ndatetime.date(2026, 1, 2)", "datetime.date(2026, 1, 2)"),
        ("from fractions import Fraction\n{'a': Fraction(1, 3)}", "{'a': Fraction(1, 3)}"), ("class A:\n    def __repr__(self):\n        return 'me'\nA()", "me"), ("a = []\na.append(a)\na", "[[...]]"),
        ("bytearray(b'a')", "bytearray(b'a')"),
    ],
)  # fmt: skip
def test_a_value_that_is_no_plain_data_comes_out_as_its_text(box: Sandbox, source: str, text: str) -> None:
    """It is what a person would see at a prompt."""
    assert box.run(source).value == text


def test_inputs_are_variables_a_mapping_and_a_file(box: Sandbox) -> None:
    """A run finds its inputs under their names, all of them in `inputs`, and as JSON in `input/input.json`, and the next run finds none of them."""
    given = {"x": 1, "text": "é", "deep": {"a": [1, None, 2.5]}}
    outcome = box.run("import json\nx, text, inputs, json.load(open('input/input.json'))", inputs=given)
    assert outcome.value == (1, "é", given, given)
    assert box.run("inputs, 'x' in globals(), __import__('os').listdir('input')").value == ({}, False, [])


def test_inputs_that_json_has_no_form_for_are_variables_all_the_same(box: Sandbox) -> None:
    """Bytes, tuples, sets and odd keys cross as they are; the file holds them as JSON can."""
    given = {"a": b"\xff", "b": (1,), "c": {1}, "d": {(1,): 2}, "e": 10**4000, "f": "\ud800"}
    outcome = box.run("dict(inputs), open('input/input.json').read(1)", inputs=given)
    assert outcome.value == (given, "{"), outcome.detail
    assert box.run("a", inputs={"a": 1}).value == 1


@pytest.mark.parametrize("name", ["a b", "", "1", "class", "é", "__name__", "inputs", "print"])
def test_an_input_of_any_name_harms_nothing(box: Sandbox, name: str) -> None:
    """What is no name of a variable is in `inputs` at least."""
    if name == "inputs":
        assert box.run("inputs", inputs={name: 5}).value in (5, {"inputs": 5})
    else:
        assert box.run(f"inputs[{name!r}]", inputs={name: 5}).value == 5


def test_files_go_in_and_come_out_as_bytes(box: Sandbox) -> None:
    """What was given lies in `input/`, what is left in `output/` is in the outcome by its path, and the folder is clean for the next run."""
    content = bytes(range(256)) * 400
    source = "import os\ndata = open('input/a b.bin', 'rb').read()\nos.makedirs('output/sub')\nopen('output/sub/b', 'wb').write(data[::-1])\nopen('c', 'w').write('x')\nsorted(os.listdir('input'))"
    outcome = box.run(source, files={"a b.bin": content, "x.csv": b""})
    assert outcome.value == ["a b.bin", "x.csv"]
    assert outcome.output.files == ("sub/b",)
    assert outcome.output.contents == {"sub/b": content[::-1]}
    for _ in range(4):
        assert box.run("import os\n[os.listdir(each) for each in ('.', 'input', 'output', 'tmp')]").value in [
            [sorted_parts, [], [], []] for sorted_parts in _orders(["input", "output", "tmp"])
        ]


def _orders(names: list[str]) -> list[list[str]]:
    import itertools

    return [list(each) for each in itertools.permutations(names)]


@pytest.mark.parametrize("name", ["../a", "/a", "a/b", "", ".", "..", ".hidden", "a\nb", "a\0", "input.json", "é" * 200, "x" * 300])  # fmt: skip
def test_a_file_with_another_than_a_plain_name_is_refused(box: Sandbox, name: str) -> None:
    """It is a mistake of the caller's, and nothing runs."""
    with pytest.raises(ValueError, match="expected a plain file name, got"):
        box.run("1", files={name: b""})


def test_what_is_no_plain_argument_is_refused_by_name(box: Sandbox) -> None:
    """Code that is no text, an unknown language, an input that cannot cross, a file that is no bytes."""
    with pytest.raises(TypeError, match="expected code as text, got a bytes"):
        box.run(b"1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected one of python, javascript, got 'ruby'"):
        box.run("1", "ruby")
    with pytest.raises(TypeError, match=r"the inputs must be plain data: it holds a builtins\.object"):
        box.run("1", inputs={"x": [object()]})
    with pytest.raises(TypeError, match="expected bytes for the file 'a', got a str"):
        box.run("1", files={"a": "b"})  # type: ignore[dict-item]


def test_what_is_printed_is_kept_in_order_and_cut_at_the_limit() -> None:
    """Both streams are kept by themselves, and what goes beyond the limit is counted; the run itself goes on."""
    with Sandbox(Profile(output_bytes=1000)) as box:
        outcome = box.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('é')\n5")
        assert (outcome.value, outcome.output.stdout, outcome.output.stderr) == (5, "out\né\n", "err\n")
        for stream in ("stdout", "stderr"):
            outcome = box.run(f"import sys\nfor i in range(50): sys.{stream}.write('x' * 1000)\n6")
            assert outcome.value == 6
            assert getattr(outcome.output, stream) == "x" * 1000 + "\n[49,000 bytes more]"
        outcome = box.run("import os\nos.write(1, b'\\xff\\n')\nos.system('ls')")
        assert outcome.output.stdout == "\ufffd\n"


def test_a_flood_of_output_costs_the_host_no_more_than_its_limit(box: Sandbox) -> None:
    """Two hundred megabytes are read and thrown away."""
    before = psutil.Process().memory_info().rss
    outcome = box.run("import os\nfor i in range(200): os.write(1, b'y' * (1 << 20))\n'done'")
    assert outcome.value == "done"
    assert outcome.output.stdout.endswith("[208,666,624 bytes more]")
    assert psutil.Process().memory_info().rss - before < 30 * MB


def test_an_outcome_says_everything_about_its_run(box: Sandbox) -> None:
    """Tier, layers, verdict, usage and ids are there, and each run has an id of its own."""
    one, two = box.run("1"), box.run("1 / 0")
    assert re.fullmatch("[0-9a-f]{16}", one.call_id)
    assert one.call_id != two.call_id
    assert (one.executed, one.success, one.denied, one.broken, one.tier) == (
        True,
        True,
        False,
        False,
        Tier.SANDBOX,
    )
    assert one.verdict.decision is Decision.ALLOW
    assert {"rlimits", "privileges", "landlock", "seccomp"} <= set(one.layers)
    assert one.layers == two.layers
    assert one.output.return_code == 0
    assert one.unwrap() == 1
    assert (two.reason, two.output.return_code) == (Reason.CRASHED, 1)
    with pytest.raises(
        SnippetFailed, match="the snippet raised ZeroDivisionError in line 1: division by zero"
    ) as caught:
        two.unwrap()
    assert (caught.value.kind, caught.value.line) == ("ZeroDivisionError", 1)
    assert 'File "<snippet>", line 1' in two.output.stderr
    assert "ringfence" not in two.output.stderr


def test_the_environment_is_made_from_nothing(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run finds these names and no others, none of the host's, and its home is its own folder."""
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    environment = cast("dict[str, str]", box.run("import os\ndict(os.environ)").value)
    folder = environment["HOME"]
    assert box.run("import os\nos.getcwd() == os.environ['HOME']").value is True
    assert set(environment) == {
        "HOME", "LANG", "LOGNAME", "MKL_NUM_THREADS", "MPLCONFIGDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "USER",
    }  # fmt: skip
    assert environment["TMPDIR"] == f"{folder}/tmp"
    assert os.path.basename(os.path.dirname(folder)) == "slots"
    assert "s3cret" not in str(box.run("import os\nopen('/proc/self/environ').read()"))


def test_a_program_has_no_arguments(box: Sandbox) -> None:
    """Those with which the sandbox's own process was started are none of a run's: a program that looks for some finds none."""
    argv, started = cast("tuple[list[str], list[str]]", box.run("import sys\nsys.argv, sys.orig_argv").value)
    assert len(argv) == 1
    assert str(SRC) not in str(argv + started)
    assert box.run("import argparse\nvars(argparse.ArgumentParser().parse_args())").value == {}


def test_chance_differs_from_run_to_run(box: Sandbox) -> None:
    """Processes forked from one share no seed."""
    source = "import random, os, uuid, tempfile, secrets\nrandom.random(), os.urandom(4), str(uuid.uuid4()), hash('a'), os.path.basename(tempfile.mktemp())"
    seen = [box.run(source).value for _ in range(6)]
    for index in (0, 1, 2, 4):
        assert len({each[index] for each in seen}) == 6, index  # type: ignore[index]


# Every reason, told apart

REASONS: list[tuple[str, str, dict[str, Any], Reason, str, int | None]] = [
    ("a file of the host's", "open('/etc/passwd')", {}, Reason.POLICY, "the code raised (FileNotFound|Permission)Error in line 1", 1),
    ("a file that is not there", "open('/etc/nonesuch')", {}, Reason.POLICY, "only what was granted is there", 1),
    ("the root", "import os\nos.listdir('/')", {}, Reason.POLICY, "Permission denied", 1),
    ("above", "open('../x', 'w')", {}, Reason.POLICY, "Permission denied|only what was granted|Read-only", 1),
    ("a socket", "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)", {}, Reason.POLICY, "Permission denied", 1),
    ("a name", "import socket\nsocket.getaddrinfo('example.org', 80)", {}, Reason.POLICY, "names are not resolved in here", 1),
    ("sleep", "import time\ntime.sleep(30)", {"wall_seconds": 0.2}, Reason.TIMEOUT, "it took longer than 0.2 s", 1),
    ("a stubborn sleep", "import time\nwhile True:\n    try:\n        time.sleep(30)\n    except BaseException: pass", {"wall_seconds": 0.2}, Reason.TIMEOUT, "longer than 0.2 s", -9),
    ("no signals", "import signal, time\nsignal.pthread_sigmask(0, range(1, 65))\ntime.sleep(30)", {"wall_seconds": 0.2}, Reason.TIMEOUT, "longer than 0.2 s", -9),
    ("compute", "while True: pass", {"cpu_seconds": 0.2}, Reason.CPU, "it used more than 0.2 s of CPU time", 1),
    ("compute in C", "sum(range(10 ** 12))", {"cpu_seconds": 0.3}, Reason.CPU, "it used more than 0.3 s of CPU time", None),
    ("compute in many", "import os\nfor _ in range(2):\n    if os.fork() == 0: break\nwhile True: pass", {"cpu_seconds": 0.4, "processes": 4}, Reason.CPU, "more than 0.4 s of CPU", None),
    ("memory", "bytearray(1 << 30)", {"memory_mb": 64}, Reason.MEMORY, "the code raised MemoryError in line 1: no more memory is granted", 1),
    ("memory bit by bit", "a = []\nwhile True: a.append(bytearray(1 << 20))", {"memory_mb": 48}, Reason.MEMORY, "MemoryError in line 2", 1),
    ("memory of many", "import os, time\nfor _ in range(3): os.fork()\na = bytearray(b'x') * (30 << 20)\ntime.sleep(3)", {"memory_mb": 100, "processes": 16}, Reason.MEMORY, "", None),
    ("a large value", "'x' * 5000", {"output_bytes": 1000}, Reason.OUTPUT, "the value is larger than 1,000 bytes", None),
    ("one big file", "open('a', 'wb').write(b'x' * (2 << 20))", {"file_size_mb": 1}, Reason.FILES, "File too large", 1),
    ("one big file, in C", "import os, signal\nos.truncate('a', 0) if 0 else open('a', 'w').truncate(9 << 20)", {"file_size_mb": 1}, Reason.FILES, "File too large", 1),
    ("several files", "import time\nfor i in range(9): open(str(i), 'wb').write(b'x' * 999_999)\ntime.sleep(9)", {"file_size_mb": 1}, Reason.FILES, "its folder holds more than 2 MB", -9),
    ("many files", "import time\nfor i in range(10_100): open(f'tmp/{i}', 'w').close()\ntime.sleep(20)", {"wall_seconds": 30}, Reason.FILES, "its folder holds more than 10,000 files", None),
    ("a large artifact", "for i in range(3): open(f'output/{i}', 'wb').write(b'x' * 500_000)", {"file_size_mb": 1}, Reason.FILES, "the files in output/ are larger than", None),
    ("a link as an artifact", "import os\nos.symlink('/etc/passwd', 'output/a')", {}, Reason.FILES, "'a' in output/ is no plain file", None),
    ("descriptors", "a = [open('input') if 0 else open('x', 'w') for _ in range(50)]", {"open_files": 20}, Reason.FILES, "Too many open files", 1),
    ("a process", "import os\nos.fork()", {}, Reason.PROCESSES, "no more processes or threads are granted", 1),
    ("a thread", "import threading\nthreading.Thread(target=print).start()", {}, Reason.PROCESSES, "no more threads are granted", 1),
    ("many threads", "import threading, time\nfor _ in range(9): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", {"processes": 4}, Reason.PROCESSES, "", None),
    ("an error", "\n\n1 / 0", {}, Reason.CRASHED, "the code raised ZeroDivisionError in line 3", 1),
    ("a syntax error", "x = 1\ndef f(:", {}, Reason.CRASHED, "the code raised SyntaxError in line 2", 1),
    ("no module", "import yaml", {}, Reason.CRASHED, "the code raised ModuleNotFoundError in line 1", 1),
    ("recursion", "def f(): f()\nf()", {}, Reason.CRASHED, "the code raised RecursionError in line 1", 1),
    ("an own missing file", "open('input/none')", {}, Reason.CRASHED, "the code raised FileNotFoundError in line 1", 1),
    ("exit 0 at once", "import os\nos._exit(0)", {}, Reason.CRASHED, "it ended without a result", 0),
    ("exit 7 at once", "import os\nos._exit(7)", {}, Reason.CRASHED, "it ended with the code 7", 7),
    ("exit 3", "import sys\nsys.exit(3)", {}, Reason.CRASHED, "it ended with the code 3", 3),
    ("exit 256", "import sys\nsys.exit(256 + 4)", {}, Reason.CRASHED, "it ended with the code 4", 4),
    ("exit with a text", "import sys\nsys.exit('bye')", {}, Reason.CRASHED, "it ended with the code 1", 1),
    ("SIGSEGV", "import os\nos.kill(os.getpid(), 11)", {}, Reason.CRASHED, "it was ended by SIGSEGV", -11),
    ("SIGKILL", "import os\nos.kill(os.getpid(), 9)", {}, Reason.CRASHED, "it was ended by SIGKILL", -9),
    ("abort", "import os\nos.abort()", {}, Reason.CRASHED, "it was ended by SIGABRT", -6),
    ("a wild pointer", "import ctypes\nctypes.string_at(0)", {}, Reason.CRASHED, "it was ended by SIGSEGV", -11),
    ("no such module to load", "1", {"preload": ("no_such_module",)}, Reason.UNAVAILABLE, "the sandbox could not be made: ModuleNotFoundError: No module named 'no_such_module'", None),
    ("a large source", "#" * 2000, {"source_bytes": 1000}, Reason.POLICY, "the source has 2,000 bytes, and may have 1,000", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "fields", "reason", "detail", "code"),
    [pytest.param(*each[1:], id=each[0]) for each in REASONS],
)
def test_each_way_to_end_has_its_reason(
    source: str, fields: dict[str, Any], reason: Reason, detail: str, code: int | None
) -> None:
    """The reason, the sentence and the exit code tell what happened, and the sandbox takes the next run."""
    with Sandbox(Profile(**{"wall_seconds": 8, **fields})) as box:
        began = time.monotonic()
        outcome = box.run(source)
        took = time.monotonic() - began
        assert (outcome.reason, outcome.success, outcome.value) == (reason, False, None), outcome
        assert re.search(detail, outcome.detail), outcome.detail
        if code is not None:
            assert outcome.output.return_code == code
        assert took < (6 if "files" not in outcome.detail else 25)
        ran = reason is not Reason.UNAVAILABLE and "source has" not in outcome.detail
        assert (outcome.executed, outcome.tier) == (ran, Tier.SANDBOX if ran else "")
        assert (outcome.usage is not None) == ran
        if outcome.executed and outcome.error is None:
            with pytest.raises(RunFailed, match=re.escape(outcome.detail)):
                outcome.unwrap()
        if reason is not Reason.UNAVAILABLE:
            assert box.run("'next'").value == "next"


def test_exiting_with_success_is_success(box: Sandbox) -> None:
    """`sys.exit()` at the end of a program is no failure."""
    for source in ("import sys\nsys.exit()", "import sys\nsys.exit(0)", "raise SystemExit"):
        outcome = box.run(source)
        assert (outcome.success, outcome.value, outcome.output.return_code) == (True, None, 0)


def test_what_was_printed_before_the_end_is_kept(box: Sandbox) -> None:
    """However a run ends, its output so far is there, for what was flushed."""
    for end in ("1 / 0", "import os; os._exit(1)", "import os; os.kill(os.getpid(), 9)"):
        assert box.run(f"print('so far', flush=True)\n{end}").output.stdout == "so far\n"
    outcome = told("print('so far', flush=True)\nimport time\ntime.sleep(9)", wall_seconds=0.2)
    assert (outcome.reason, outcome.output.stdout) == (Reason.TIMEOUT, "so far\n")


def test_a_run_that_is_asked_to_end_may_tidy_up() -> None:
    """Before it is killed, a run that took too long gets a moment for its `finally`, and no more than a moment."""
    source = (
        "import time\ntry:\n    time.sleep(30)\nfinally:\n    print('tidied', flush=True)\n    time.sleep(30)"
    )
    began = time.monotonic()
    outcome = told(source, wall_seconds=0.2)
    assert (outcome.reason, outcome.output.stdout) == (Reason.TIMEOUT, "tidied\n")
    assert time.monotonic() - began < 20


def test_closing_ends_what_runs_and_what_waits() -> None:
    """Every run ends as cancelled, those that wait have not run, and a closed sandbox takes none."""
    box = Sandbox(Profile(running=1, waiting=1))
    box.start()
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(box.run, "import time\ntime.sleep(30)") for _ in range(4)]
        time.sleep(0.3)
        box.close()
        ends = [run.result(5) for run in runs]
    assert {end.reason for end in ends} == {Reason.CANCELLED}
    assert sorted(end.executed for end in ends) == [False] * 3 + [True]
    assert {end.detail for end in ends if not end.executed} == {"the sandbox was closed before it ran"}
    box.close()
    with pytest.raises(SandboxClosed, match="the sandbox is closed"):
        box.run("1")
    with pytest.raises(SandboxClosed, match="the sandbox is closed"):
        box.session()


# Usage


def test_usage_is_what_the_code_itself_measures(box: Sandbox) -> None:
    """CPU time, elapsed time and memory agree with what the run's own process finds."""
    source = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass\ntime.process_time()"
    outcome = box.run(source)
    assert outcome.usage is not None
    used = (outcome.usage.cpu_user_seconds or 0) + (outcome.usage.cpu_system_seconds or 0)
    assert 0.38 <= used <= 0.6
    assert outcome.usage.wall_seconds >= 0.38
    outcome = box.run("import time\ntime.sleep(0.3)")
    assert outcome.usage is not None
    assert 0.3 <= outcome.usage.wall_seconds < 2
    assert (outcome.usage.cpu_user_seconds or 0) + (outcome.usage.cpu_system_seconds or 0) < 0.1
    outcome = box.run(
        "import resource\na = bytearray(b'x') * (100 << 20)\nresource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024"
    )
    assert outcome.usage is not None
    assert isinstance(outcome.value, int)
    assert abs((outcome.usage.peak_memory_bytes or 0) - outcome.value) < 16 * MB
    assert 100 * MB < (outcome.usage.peak_memory_bytes or 0) < 140 * MB
    assert outcome.usage.processes == 1


def test_usage_of_a_tree_counts_all_of_it() -> None:
    """With several processes, memory is that of all of them, and so is CPU time."""
    source = "import os, time\nfor _ in range(2):\n    if os.fork() == 0:\n        a = bytearray(b'x') * (40 << 20)\n        end = time.process_time() + 0.2\n        while time.process_time() < end: pass\n        time.sleep(0.2)\n        os._exit(0)\nos.wait(); os.wait()\n5"
    outcome = told(source, processes=4, memory_mb=256)
    assert outcome.value == 5, outcome
    assert outcome.usage is not None
    assert 70 * MB < (outcome.usage.peak_memory_bytes or 0) < 140 * MB
    assert outcome.usage.processes == 3
    assert 0.35 < (outcome.usage.cpu_user_seconds or 0) + (outcome.usage.cpu_system_seconds or 0) < 1


# Functions


def test_a_function_of_a_module_is_called_by_reference(box: Sandbox) -> None:
    """Arguments and result are plain data; it runs in the sandbox and not here."""
    outcome = box.call(statistics.mean, [1, 2, 6])
    assert (outcome.value, outcome.tier) == (3, Tier.SANDBOX)
    assert box.call(json.dumps, {"a": (1, 2)}, indent=None, sort_keys=True).value == '{"a": [1, 2]}'
    assert box.call(os.getpid).value != os.getpid()
    failed = box.call(json.loads, "{")
    assert (failed.reason, isinstance(failed.error, SnippetFailed)) == (Reason.CRASHED, True)
    assert box.call(os.listdir, "/etc").reason is Reason.POLICY


async def test_a_function_is_called_in_an_event_loop(box: Sandbox) -> None:
    """`acall` gives the same."""
    assert (await box.acall(statistics.mean, [1, 2, 6])).value == 3
    assert (await box.acall(asyncio.sleep, 0.01, "slept")).value == "slept"


def test_what_has_no_name_in_a_module_cannot_be_called(box: Sandbox) -> None:
    """A lambda, a local function, and another object than the one under its name."""
    with pytest.raises(TypeError, match="<lambda> has no name in a module, so a sandbox cannot import it"):
        box.call(lambda: 1)

    def local() -> int:
        return 1

    with pytest.raises(TypeError, match="local has no name in a module"):
        box.call(local)
    with pytest.raises(TypeError, match="the inputs must be plain data"):
        box.call(len, object())


# The profile


def test_reading_is_granted_by_path(tmp_path: Path) -> None:
    """A folder and a file that are granted can be read with all below, not written, and their neighbours are not there."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a").write_text("granted")
    (tmp_path / "file").write_text("alone")
    (tmp_path / "secret").write_text("secret")
    with Sandbox(Profile(read_only=(str(tmp_path / "in"), str(tmp_path / "file")))) as box:
        assert box.run(f"open({str(tmp_path / 'in/deep/a')!r}).read()").value == "granted"
        assert box.run(f"open({str(tmp_path / 'file')!r}).read()").value == "alone"
        for attempt in (f"open({str(tmp_path / 'in/deep/a')!r}, 'w')", f"open({str(tmp_path / 'in/new')!r}, 'w')", f"open({str(tmp_path / 'secret')!r})", f"__import__('os').listdir({str(tmp_path)!r})"):  # fmt: skip
            assert box.run(attempt).reason is Reason.POLICY, attempt
    assert (tmp_path / "in" / "deep" / "a").read_text() == "granted"


def test_writing_is_granted_by_path(tmp_path: Path) -> None:
    """What is written into a granted folder is there afterwards; links and files are made, devices and pipes are not."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "old").write_text("old")
    with Sandbox(Profile(read_write=(str(folder),))) as box:
        source = f"import os\nos.chdir({str(folder)!r})\nopen('new', 'w').write(open('old').read() + '!')\nos.mkdir('d')\nos.rename('old', 'd/old')\nsorted(os.listdir('.'))"
        outcome = box.run(source)
        assert outcome.value == ["d", "new"], outcome
        assert not box.run(f"import os\nos.mkfifo({str(folder / 'f')!r})").success
        assert box.run(f"open({str(tmp_path / 'x')!r}, 'w')").reason is Reason.POLICY
    assert (folder / "new").read_text() == "old!"
    assert (folder / "d" / "old").read_text() == "old"
    assert not (folder / "f").exists()


def granting(grant: str, path: str, *forbidden: str) -> Profile:
    """Return a profile with one grant, to read or to write, and paths that stay closed."""
    fields: dict[str, Any] = {grant: (path,), "forbidden": forbidden}
    return Profile(**fields)


def test_what_is_forbidden_stays_closed_whatever_is_granted(tmp_path: Path) -> None:
    """A forbidden path wins over both grants: as the grant itself, inside a granted folder, one made later, and one that a link leads to."""
    folder = tmp_path / "granted"
    (folder / "open").mkdir(parents=True)
    (folder / "closed").mkdir()
    (folder / "open" / "a").write_text("a")
    (folder / "closed" / "b").write_text("secret b")
    (folder / "link").symlink_to("closed")
    (folder / "open" / "way").symlink_to("../closed/b")
    (tmp_path / "alias").symlink_to("granted/closed")
    later = folder / "later"
    for grant in ("read_only", "read_write"):
        for forbidden in (str(folder / "closed"), str(tmp_path / "alias")):
            profile = granting(grant, str(folder), forbidden, str(later))
            with Sandbox(profile) as box:
                assert box.run(f"open({str(folder / 'open/a')!r}).read()").value == "a"
                later.write_text("secret later")
                for path in ("closed/b", "link/b", "open/way", "later", "open/../closed/b"):
                    outcome = box.run(f"open({str(folder / path)!r}).read()")
                    assert outcome.reason is Reason.POLICY, (grant, path, outcome)
                assert not box.run(f"open({str(folder / 'closed/new')!r}, 'w')").success
                later.unlink()
    assert not (folder / "closed" / "new").exists()
    for grant in ("read_only", "read_write"):
        profile = granting(grant, str(folder / "closed"), str(folder))
        with Sandbox(profile) as box:
            assert box.run(f"open({str(folder / 'closed/b')!r})").reason is Reason.POLICY


def test_a_forbidden_path_that_does_not_exist_yet_cannot_be_made(tmp_path: Path) -> None:
    """A run with write access around it does not make it, or does so without anything outside."""
    folder = tmp_path / "granted"
    folder.mkdir()
    forbidden = folder / ".git"
    with Sandbox(Profile(read_write=(str(folder),), forbidden=(str(forbidden),))) as box:
        outcome = box.run(
            f"import os\nos.makedirs({str(forbidden / 'hooks')!r})\nopen({str(forbidden / 'hooks/post')!r}, 'w').write('x')"
        )
        assert not outcome.success
    assert not forbidden.exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"read_only": ("data",)}, "the path 'data' of the profile is relative"), ({"read_write": ("./x",)}, "the path './x' of the profile is relative"), ({"forbidden": ("x",)}, "the path 'x' of the profile is relative"),
        ({"read_write": (sys.prefix,)}, "read_write grants .*, where this interpreter imports from"), ({"read_write": (os.path.dirname(os.__file__),)}, "where this interpreter imports from"),
        ({"read_write": ("/",)}, "where this interpreter imports from"), ({"read_write": (str(SRC / "ringfence" / "sandbox"),)}, "where this interpreter imports from"),
        ({"subprocesses": True, "commands": ("no-such-command",)}, "the command 'no-such-command' of the profile is not there"), ({"subprocesses": True, "commands": ("bin/x",)}, "the path 'bin/x' of the profile is relative"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_met_is_refused_with_the_reason(
    fields: dict[str, Any], message: str
) -> None:
    """A relative path, write access to what this interpreter imports, and a command that is not there are errors before anything runs."""
    with pytest.raises(SandboxUnavailable, match=message), Sandbox(Profile(**fields)) as box:
        box.run("1")


ASK = "import subprocess\nsubprocess.run({}, capture_output=True, text=True).stdout"


def test_commands_are_granted_by_name_path_and_pattern(tmp_path: Path) -> None:
    """Only what is named can be started; a script needs its interpreter, which comes along."""
    script = tmp_path / "hello"
    script.write_text("#!/bin/sh\necho hello $1\n")
    script.chmod(0o755)
    with Sandbox(Profile(subprocesses=True, commands=("echo",))) as box:
        assert box.run(ASK.format(["echo", "a"])).value == "a\n"
        for refused in (
            ["cat", "/etc/hostname"],
            ["/bin/sh", "-c", "echo b"],
            [sys.executable, "-c", "print(1)"],
        ):
            outcome = box.run(ASK.format(refused))
            assert not outcome.success, refused
            assert outcome.reason is Reason.POLICY, (refused, outcome.detail)
    with Sandbox(Profile(subprocesses=True, commands=("sha256su[m]", "ba*64"))) as box:
        assert str(box.run(ASK.format(["sha256sum", "/dev/null"])).value).startswith("e3b0c442")
        assert box.run("import subprocess\nsubprocess.run(['base64'], input=b'a', capture_output=True).stdout").value == b"YQ==\n"  # fmt: skip
    with Sandbox(Profile(subprocesses=True, commands=(str(script),))) as box:
        assert box.run(ASK.format([str(script), "you"])).value == "hello you\n"
    with Sandbox(Profile(subprocesses=True)) as box:
        assert not box.run(ASK.format(["echo", "a"])).success
    with Sandbox(Profile(commands=("echo",))) as box:
        assert box.run(ASK.format(["echo", "a"])).reason is Reason.PROCESSES


def test_a_program_that_was_written_is_not_started() -> None:
    """Neither the working folder nor a granted one may hold programs."""
    source = "import os, shutil, subprocess\nopen('x', 'w').write('#!/bin/sh\\necho hi')\nos.chmod('x', 0o755)\nsubprocess.run(['./x'])"
    outcome = told(source, subprocesses=True, commands=("sh",))
    assert outcome.reason is Reason.POLICY, outcome


def test_what_a_run_started_ends_with_it() -> None:
    """A child that detached itself and ignores signals is gone when the outcome is there."""
    source = "import os, time\nopen('orphan', 'w').close()\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        import signal; signal.signal(15, signal.SIG_IGN)\n        time.sleep(60)\n    os._exit(0)\ntime.sleep(0.1)\n'left'"
    with Sandbox(Profile(processes=6)) as box:
        assert box.run(source).value == "left"
        assert until(lambda: workers_with("orphan") == [], 2)


def test_modules_that_were_loaded_before_are_there_at_once() -> None:
    """What is preloaded is imported already; without it, packages beside Ringfence cannot be imported."""
    with Sandbox(Profile(preload=("json.tool",))) as box:
        assert box.run("import sys\n'json.tool' in sys.modules").value is True
    with Sandbox() as box:
        assert box.run("import sys\n'json.tool' in sys.modules").value is False
        for name in ("yaml", "psutil", "pluggy", "numpy", "pydantic", "pytest"):
            assert (box.run(f"import {name}").error is not None) is True, name
            assert "ModuleNotFoundError" in box.run(f"import {name}").detail


def test_a_large_package_that_was_loaded_before_costs_a_run_nothing() -> None:
    """Numpy is ready, works, and its chance differs from run to run."""
    pytest.importorskip("numpy")
    with Sandbox(Profile(preload=("numpy",))) as box:
        source = "import numpy\nfloat(numpy.linalg.norm(numpy.arange(5))), float(numpy.random.rand()), float(numpy.random.default_rng().random())"
        values = [box.run(source).value for _ in range(4)]
        assert {round(value[0], 6) for value in values} == {5.477226}  # type: ignore[index]
        assert len({value[1] for value in values}) == len({value[2] for value in values}) == 4  # type: ignore[index]
        assert box.run("import sys\n'numpy.linalg' in sys.modules").value is True


# Many callers


def test_many_threads_may_run_at_once(box: Sandbox) -> None:
    """Each gets the answer to its own question."""

    def ask(number: int) -> bool:
        outcome = box.run("print(n)\nopen('output/n', 'w').write(str(n))\nn * n", inputs={"n": number})
        return (outcome.value, outcome.output.stdout, outcome.output.contents) == (number * number, f"{number}\n", {"n": str(number).encode()})  # fmt: skip

    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(ask, range(240))) == [True] * 240


def test_several_event_loops_in_several_threads_share_a_sandbox(box: Sandbox) -> None:
    """Ends are handed to the loop that waits for them."""

    async def all_of(start: int) -> list[object]:
        outcomes = await asyncio.gather(*(box.arun("n + 1", inputs={"n": start + i}) for i in range(20)))
        return [outcome.value for outcome in outcomes]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda start: asyncio.run(all_of(start)), range(0, 400, 100)))
    assert found == [[start + i + 1 for i in range(20)] for start in range(0, 400, 100)]


async def test_a_cancelled_task_ends_its_run_and_its_process() -> None:
    """Nothing runs on for a caller who has gone, and the sandbox goes on."""
    async with Sandbox(Profile()) as box:
        task = asyncio.create_task(box.arun("import time\nopen('cancel-me', 'w').close()\ntime.sleep(60)"))
        assert await asyncio.to_thread(until, lambda: len(workers_with("cancel-me")) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert until(lambda: workers_with("cancel-me") == [], 2)
        assert (await box.arun("1")).value == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await box.arun("import time\ntime.sleep(60)")


INTERRUPTED = """
import os, signal, threading, time, psutil
from ringfence.sandbox import Sandbox
box = Sandbox()
box.start()
def interrupt():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    box.run("import time; time.sleep(60)")
    got = "nothing"
except KeyboardInterrupt:
    got = "interrupted"
time.sleep(0.3)
counts = [pool.counts() for pool in [opened.pool for opened in box._pools.values()]]
next = box.run("1").value
box.close()
print([got, counts[0]["running"] + counts[0]["ending"], next, len(psutil.Process().children(recursive=True)), os.listdir(os.environ["TMPDIR"] + "/" + os.listdir(os.environ["TMPDIR"])[0])])
"""


def test_an_interrupt_while_a_run_is_awaited_ends_the_run(tmp_path: Path) -> None:
    """Ctrl-C reaches the caller, the run's process ends, the sandbox goes on, and nothing is left once it is closed."""
    assert by_host(INTERRUPTED, tmp_path) == ["interrupted", 0, 1, 0, ["lock"]]
    assert os.listdir(tmp_path) == []


def test_more_than_the_queue_holds_is_refused() -> None:
    """The caller is told how many wait; those end all the same."""
    with Sandbox(Profile(running=1, waiting=1, queue=2)) as box, ThreadPoolExecutor(8) as threads:
        box.start()
        assert box.run("1").success
        busy = threads.submit(box.run, "import time\ntime.sleep(0.8)")
        time.sleep(0.2)
        waiting = [threads.submit(box.run, "2") for _ in range(2)]
        time.sleep(0.1)
        with pytest.raises(
            SandboxBusy, match="2 runs are waiting for this sandbox, and no more may"
        ) as caught:
            box.run("3")
        assert caught.value.waiting == 2
        assert busy.result().success
        assert [each.result().value for each in waiting] == [2, 2]
        assert box.run("3").value == 3


def test_the_time_that_a_run_may_take_counts_from_its_submission() -> None:
    """A run that waits longer than it may take ends without having run."""
    with Sandbox(Profile(running=1, waiting=0, wall_seconds=0.6)) as box, ThreadPoolExecutor(3) as threads:
        assert box.run("1").success
        hogs = [threads.submit(box.run, "import time\nwhile True: time.sleep(1)") for _ in range(2)]
        time.sleep(0.1)
        began = time.monotonic()
        late = box.run("1")
        took = time.monotonic() - began
        ends = [hog.result() for hog in hogs]
    assert 0.4 < took < 2
    assert {end.reason for end in [*ends, late]} <= {Reason.TIMEOUT, None}
    unrun = [end for end in [*ends, late] if not end.executed]
    assert unrun
    assert {end.detail for end in unrun} == {"it waited for a worker for 0.6 s"}


def test_users_take_turns() -> None:
    """Who floods the sandbox waits behind the flood; another user's run comes among the first."""
    order: list[str] = []
    with Sandbox(Profile(running=1, waiting=1)) as box, ThreadPoolExecutor(41) as threads:

        def ask(user: str) -> None:
            assert box.run("import time\ntime.sleep(0.02)", user=user).success
            order.append(user)

        box.run("1")
        flood = [threads.submit(ask, "flood") for _ in range(40)]
        time.sleep(0.15)
        ask("other")
        at = order.index("other")
        for each in flood:
            each.result()
    assert at < 25
    assert len(order) == 41
    assert len(order) - at > 12


# Processes of the host

FORKED = """
import os, sys, json
from ringfence.sandbox import Sandbox
box = Sandbox()
assert box.run("1").value == 1
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    try:
        own = Sandbox()
        said = [own.run("2").value, box.run("3").value]
        own.close()
    except BaseException as error:
        said = [repr(error)]
    os.write(writing, json.dumps(said).encode())
    os._exit(0) if len(sys.argv) > 1 else sys.exit(0)
os.waitpid(pid, 0)
said = json.loads(os.read(reading, 1000))
after = [box.run("4").value for _ in range(5)]
kept = [pool.pool.counts()["waiting"] for pool in box._pools.values()]
box.close()
print([said, after, os.listdir(os.environ["TMPDIR"])])
"""


@pytest.mark.parametrize("way", ["at once", ""])
def test_a_forked_host_and_its_parent_do_not_disturb_each_other(tmp_path: Path, way: str) -> None:
    """A child opens its own sandbox, and may use the one that it was given; its end, at once or in order, leaves the parent's as it is."""
    said, after, left = by_host(FORKED, tmp_path, *([way] if way else []))
    assert said == [2, 3]
    assert after == [4] * 5
    assert len(left) <= 2  # the parent's, which goes at its end, and the child's, if it ended at once
    if not way:
        assert os.listdir(tmp_path) == []


NOT_CLOSED = """
import os, psutil
from ringfence.sandbox import Sandbox
box = Sandbox()
box.run("1")
session = box.session()
session.run("2")
print([each.pid for each in psutil.Process().children(recursive=True)])
"""


def test_the_end_of_the_interpreter_leaves_nothing(tmp_path: Path) -> None:
    """Who forgets to close leaves neither process nor folder."""
    pids = by_host(NOT_CLOSED, tmp_path)
    assert len(pids) >= 2
    assert until(lambda: not any(alive(pid) for pid in pids), 2)
    assert os.listdir(tmp_path) == []


def alive(pid: int) -> bool:
    """Return whether a process runs; a dead one that nobody collected yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


IDLE = """
import time, psutil
from ringfence.sandbox import Sandbox, pools
pools._IDLE_SECONDS = 0.3
box = Sandbox()
assert box.run("1").value == 1
busy = len(psutil.Process().children(recursive=True))
time.sleep(1.5)
idle = len(psutil.Process().children(recursive=True))
again = box.run("2").value
with box.session() as session:
    session.run("x = 3")
    time.sleep(1)
    kept = session.run("x").value
print([busy > 0, idle, again, kept])
"""


def test_what_nobody_asks_for_ends_and_comes_again(tmp_path: Path) -> None:
    """After a while without runs no process stands ready; the next run gets one, and a session keeps its own."""
    assert by_host(IDLE, tmp_path) == [True, 0, 2, 3]


def test_two_sandboxes_of_one_profile_share_what_stands_ready() -> None:
    """Closing one leaves the other as it is."""
    profile = Profile(wall_seconds=47)
    with Sandbox(profile) as one:
        one.run("1")
        before = len(psutil.Process().children())
        with Sandbox(replace(profile)) as two:
            assert two.run("2").value == 2
            assert len(psutil.Process().children()) == before
        assert one.run("3").value == 3


def test_starting_beforehand_has_workers_ready() -> None:
    """`start` has the first run find what every further one finds."""
    with Sandbox(Profile(wall_seconds=46)) as box:
        box.start()
        pool = next(iter(box._pools.values())).pool
        assert until(lambda: pool.counts()["waiting"] == 2)
        assert box.run("1").value == 1


def test_javascript_runs_under_the_same_roof() -> None:
    """The other language has inputs, output, values and reasons alike."""
    pytest.importorskip("quickjs_rs")
    with Sandbox(Profile(wall_seconds=3)) as box:
        outcome = box.run("console.log(inputs.x); x * 2", "javascript", {"x": 21})
        assert (outcome.value, outcome.output.stdout) == (42, "21\n"), outcome
        failed = box.run("throw new TypeError('no')", "javascript")
        assert failed.reason is Reason.CRASHED
        with pytest.raises(SnippetFailed, match="the snippet raised TypeError"):
            failed.unwrap()
    assert told("while (true) {}", "javascript", cpu_seconds=0.3).reason is Reason.CPU


def test_closing_ends_only_its_own_runs() -> None:
    """Sandboxes of one profile share processes, and still each one's close ends its own runs and sessions, and nobody else's."""
    with Sandbox(Profile(wall_seconds=20)) as other, ThreadPoolExecutor(2) as threads:
        own = Sandbox(Profile(wall_seconds=20))
        session = own.session()
        assert session.run("x = 1").success
        ours = threads.submit(own.run, "import time\nopen('close-me', 'w').close()\ntime.sleep(15)")
        theirs = threads.submit(other.run, "import time\ntime.sleep(1.5)\n'theirs'")
        assert until(lambda: len(workers_with("close-me")) == 1)
        own.close()
        try:
            assert ours.result(3).reason is Reason.CANCELLED
            assert theirs.result(10).value == "theirs"
            with pytest.raises(SandboxClosed, match="the session has ended"):
                session.run("x")
        finally:
            session.close()
