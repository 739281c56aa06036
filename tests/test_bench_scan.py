"""The scanner's benchmarks run on a folder that the test makes and print what they promise; no share and no timing is judged here."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import naive, scan_once
from bench.corpus import read
from bench.judging import groups, judge, wilson
from bench.scan_sources import LARGEST, SNIPPET, hostile, ordinary, standard_library
from bench.tables import SCAN_METHOD, _section

from ringfence.scanning import Language, scan

ROOT = Path(__file__).parents[1]
FIELDS = {
    "file",
    "expected",
    "category",
    "capability",
    "rows",
    "detected",
    "blocked",
    "rate",
    "low",
    "high",
    "naive",
    "bandit",
}
FIGURE = {"id", "what", "unit", "ours", "min", "max", "limit", "peers", "ratio", "floor", "goal", "status"}  # fmt: skip

ATTACK = {
    "id": "a-1",
    "language": "python",
    "expected": "block",
    "category": "run",
    "code": "import os\nos.system('rm -rf /')\n",
}
HONEST = {"id": "h-1", "language": "python", "expected": "allow", "category": "sum", "caps": [], "code": "print(sum([1, 2]))\n"}  # fmt: skip


def write(folder: Path, name: str, *rows: object) -> Path:
    """Write a file of rows, texts as they stand, and return its folder."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark as a command."""
    command = [sys.executable, "-m", "bench.scan", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def test_prints_one_object_with_a_group_for_each_part(tmp_path: Path) -> None:
    """Each file and expected class has a group of all its rows, one for each category and one for each capability."""
    write(
        tmp_path,
        "python.jsonl",
        ATTACK,
        HONEST,
        HONEST | {"id": "h-2", "category": "read", "caps": ["net", "fs"]},
    )
    write(tmp_path, "shell.jsonl", {"language": "bash", "expected": "policy", "code": "ls"})
    done = run(str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["benchmark"] == "scan"
    assert all(set(group) >= FIELDS for group in result["groups"])
    named = [(g["file"], g["expected"], g["category"], g["capability"], g["rows"]) for g in result["groups"]]
    assert named == [
        ("python.jsonl", "block", None, None, 1),
        ("python.jsonl", "block", "run", None, 1),
        ("python.jsonl", "allow", None, None, 2),
        ("python.jsonl", "allow", "read", None, 1),
        ("python.jsonl", "allow", "sum", None, 1),
        ("python.jsonl", "allow", None, "fs+net", 1),
        ("python.jsonl", "allow", None, "pure", 1),
        ("shell.jsonl", "policy", None, None, 1),
        ("shell.jsonl", "policy", "", None, 1),
    ]
    for group in result["groups"]:
        assert group["rate"] == group["blocked"] / group["rows"]
        assert 0 <= group["low"] <= group["rate"] <= group["high"] <= 1
    assert result["groups"][-1]["bandit"] is None, "bandit reads no shell"
    assert "| python.jsonl | allow |" in _section(result)
    assert SCAN_METHOD in _section(result)


def test_lists_the_rows_that_went_the_wrong_way(tmp_path: Path) -> None:
    """`--misses` names a row to be blocked that is not, with what was found; without it nothing is named."""
    write(tmp_path, "rows.jsonl", HONEST | {"id": "hidden", "expected": "block"}, HONEST)
    result = json.loads(run(str(tmp_path), "--json", "--misses").stdout)
    assert [(miss["id"], miss["expected"]) for miss in result["misses"]] == [("hidden", "block")]
    assert "misses" not in json.loads(run(str(tmp_path), "--json").stdout)
    table = run(str(tmp_path), "--misses").stdout
    assert "rows.jsonl block hidden: nothing found" in table


def test_a_line_that_cannot_be_read_is_named_and_all_others_are_measured(tmp_path: Path) -> None:
    """Bad lines end in exit code 2 with file and line; a blank line is none, and one without code is left out with a note."""
    write(
        tmp_path,
        "rows.jsonl",
        HONEST,
        "{",
        "",
        "[1]",
        HONEST | {"expected": "perhaps"},
        HONEST | {"code": 3},
        HONEST | {"caps": "fs"},
        {"id": "tool", "name": "send"},
        HONEST | {"language": "text"},
        HONEST | {"id": "h-2", "unknown": 1},
    )
    done = run(str(tmp_path), "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 2
    assert result["groups"][0]["rows"] == 2
    assert [line.split(":")[1] for line in result["bad"]] == ["2", "4", "5", "6", "7"]
    assert "rows.jsonl:5: expected is 'perhaps', not one of block, policy, allow, flag, any" in done.stderr
    assert result["skipped"] == {"rows.jsonl": {"no code": 1, "language text": 1}}


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch], ids=["empty", "a file"])
def test_a_folder_without_rows_is_an_error(tmp_path: Path, make: Any) -> None:
    """A folder that holds no JSONL file, or is none, ends in exit code 2 and a sentence."""
    make(tmp_path / "corpus")
    done = run(str(tmp_path / "corpus"))
    assert done.returncode == 2
    assert done.stderr.startswith("bench.scan: ")
    assert "Traceback" not in done.stderr


def test_what_is_expected_decides_what_is_granted(tmp_path: Path) -> None:
    """The same plain read is let through with its needs granted or everything, and blocked under default deny."""
    code = "print(open('/srv/prices.csv').read())\n"
    rows = [
        HONEST | {"expected": expected, "code": code, "caps": ["fs"]}
        for expected in ("allow", "block", "policy")
    ]
    corpus = read(write(tmp_path, "rows.jsonl", *rows, HONEST | {"code": code, "caps": []}))
    assert [judge(row, None).blocked for row in corpus.rows] == [False, False, True, False]
    assert [judge(row, None).missed for row in corpus.rows] == [False, True, False, False]
    assert [judge(row, None).named for row in corpus.rows] == [False, False, True, True]


def test_peers_judge_the_same_rows(tmp_path: Path) -> None:
    """Beside ours stand the regular expressions, any and critical only, and bandit where it was asked."""
    row = read(write(tmp_path, "rows.jsonl", ATTACK)).rows[0]
    (group, *_) = groups([judge(row, lambda _: 1), judge(row, lambda _: 0), judge(row, None)])
    assert (group.naive, group.naive_critical, group.bandit) == (1, 1, 0.5)
    assert naive.matches("import subprocess")
    assert not naive.critical("import subprocess")
    assert naive.count("print(1)") == 0


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0, 0.27754), (10, 10, 0.72246, 1), (5, 10, 0.23659, 0.76341), (81, 263, 0.25528, 0.36621)],
)
def test_the_interval_is_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    """The interval agrees with published values (Newcombe 1998, table I, method 3, has the last)."""
    assert wilson(successes, trials) == pytest.approx((low, high), abs=2e-4)


@pytest.mark.timeout(180)
def test_the_speed_benchmark_prints_one_object_with_every_row() -> None:
    """Every figure has all keys and a status out of four; peers that are not there are null."""
    command = [sys.executable, "-m", "bench.scan_speed", "--json", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=True)
    result = json.loads(done.stdout)
    assert result["benchmark"] == "scan_speed"
    assert {figure["id"] for figure in result["figures"]} == {
        "E1",
        "E1c",
        "E2",
        "E3",
        "E-time",
        "E-memory",
        "E-hostile",
    }
    for figure in result["figures"]:
        assert set(figure) == FIGURE
        assert figure["status"] in {"goal", "floor", "below", "unmeasured"}
    assert "hostile inputs" in _section(result)


def test_the_timed_sources_are_what_they_say() -> None:
    """The snippet has 35 lines and runs in every version; the library's modules are real code; honest text is understood."""
    assert SNIPPET.count("\n") == 35
    ast.parse(SNIPPET.replace("@", "20"))
    texts = standard_library()
    assert 1e6 < sum(map(len, texts)) <= 1.5e6
    assert max(map(len, texts)) <= LARGEST
    for language in Language:
        size = 1000 if language in (Language.PATH, Language.URL) else 4000
        assert scan(ordinary(language, size), language).problem is None


@pytest.mark.parametrize("language", Language)
def test_hostile_input_is_no_larger_than_what_is_taken(language: Language) -> None:
    """What is made to hurt is refused for what it is and never for its mere size."""
    for name, source in hostile(language).items():
        assert 0 < len(source.encode(errors="surrogatepass")) <= LARGEST, name


def test_one_scan_runs_in_a_process_of_its_own() -> None:
    """Time, memory and outcome of one source come back from its process, and a name that does not exist counts as a crash."""
    once = scan_once.run(Language.PYTHON, "1000")
    assert once.outcome == scan_once.ANSWER
    assert once.milliseconds is not None
    assert scan_once.run(Language.PYTHON, "no such input").outcome.startswith("crashed: KeyError")
