"""From report to objections: what each security level stops, what a grant covers, and what the answer tells to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.scanning import Capability, Family, Finding, Language, Need, Problem, ScanReport, scan
from ringfence.scanning.decision import SecurityLevel, objections
from ringfence.scanning.effects import HOLE
from ringfence.scanning.grants import Grants
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = list(SecurityLevel)
FROM_MEDIUM = LEVELS[1:]
FROM_HIGH = LEVELS[2:]
READ, WRITE, NETWORK, SUBPROCESS = (
    Capability.FILE_READ,
    Capability.FILE_WRITE,
    Capability.NETWORK,
    Capability.SUBPROCESS,
)
ALL = frozenset(Capability)


def needing(
    capability: Capability, value: str, name: str = "f", language: Language = Language.PYTHON
) -> ScanReport:
    """Return the report of a source that needs one thing."""
    need = Need(capability, name, value, 3, 4)
    return ScanReport(language, capabilities=frozenset({capability}), needs=(need,))


def found(level: ThreatLevel, rule: str = "some-rule", line: int = 1) -> Finding:
    """Return a finding of a level."""
    return Finding(rule, "Does harm", Family.FILES, level, None, "It does harm.", line, 0, hint="Do no harm.")


def rules(report: ScanReport, grants: Grants, level: str = "medium") -> list[str]:
    """Return the rules of the objections to a report."""
    return [objection.rule for objection in objections(report, grants, level)]


# What could not be understood


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("kind", ["unparsed", "too-large", "too-deep", "too-long"])
def test_a_source_that_cannot_be_understood_is_objected_to_at_every_level(kind: str, level: str) -> None:
    """Nothing is granted to what nobody understands, under a rule of its own, with what to change."""
    report = ScanReport(Language.PYTHON, problem=Problem(kind, "It is beyond us.", 7, 2))
    (only,) = objections(report, Grants.unlimited(ALL), level)
    assert (only.rule, only.reason, only.line, only.column) == (f"scan-{kind}", "It is beyond us.", 7, 2)
    assert only.level is ThreatLevel.CRITICAL
    assert only.hint.endswith(".")


# Findings


@pytest.mark.parametrize(
    ("level", "least"),
    [
        ("low", ThreatLevel.CRITICAL),
        ("medium", ThreatLevel.HIGH),
        ("high", ThreatLevel.HIGH),
        ("paranoid", ThreatLevel.HIGH),
    ],
)
@pytest.mark.parametrize("bad", ThreatLevel)
def test_findings_count_from_a_level_on(level: str, least: ThreatLevel, bad: ThreatLevel) -> None:
    """`low` stops critical findings only, every other level high ones too; the rest informs. Grants do not help."""
    report = ScanReport(Language.PYTHON, findings=(found(bad),))
    stopped = objections(report, Grants.unlimited(ALL), level)
    assert [objection.finding for objection in stopped] == [found(bad)] * (bad >= least)


def test_an_objection_to_a_finding_says_what_the_rule_says() -> None:
    """Rule, title, sentence, place and hint are the finding's."""
    report = ScanReport(Language.PYTHON, findings=(found(ThreatLevel.HIGH, line=9),))
    (only,) = objections(report, Grants(), "medium")
    assert (only.rule, only.title, only.reason) == ("some-rule", "Does harm", "It does harm.")
    assert (only.line, only.hint, only.need) == (9, "Do no harm.", None)


def test_the_worst_comes_first() -> None:
    """Objections are sorted by level, then by place, findings and needs together."""
    report = ScanReport(
        Language.PYTHON,
        findings=(found(ThreatLevel.CRITICAL, "worst", 9), found(ThreatLevel.HIGH, "bad", 1)),
        needs=(
            Need(NETWORK, "get", "https://a.example", 2, 0),
            Need(WRITE, "open", "/etc/x", 1, 0),
        ),
    )
    grants = Grants(frozenset({WRITE}), forbidden=("/etc",))
    assert rules(report, grants) == ["worst", "bad", "file_write:forbidden", "capability:network"]


# Capabilities


@pytest.mark.parametrize("capability", Capability)
@pytest.mark.parametrize("level", LEVELS)
def test_a_capability_that_is_not_granted(capability: Capability, level: str) -> None:
    """`low` asks for none, `medium` for network and subprocesses, `high` and `paranoid` for all."""
    asked = {
        "low": frozenset[Capability](),
        "medium": frozenset({NETWORK, SUBPROCESS}),
    }.get(level, ALL)
    expected = [f"capability:{capability}"] if capability in asked else []
    assert rules(needing(capability, "x"), Grants(), level) == expected
    assert rules(needing(capability, "x"), Grants.unlimited(ALL - {capability}), level) == expected
    assert rules(needing(capability, "x"), Grants.unlimited({capability}), level) == []


@pytest.mark.parametrize("capability", [READ, WRITE])
def test_files_outside_the_working_folder_need_the_capability_at_medium(capability: Capability) -> None:
    """The working folder is a source's own; everything else, and every file from `high` on, needs the capability."""
    assert rules(needing(capability, "data/a.csv"), Grants()) == []
    assert rules(needing(capability, "/srv/a.csv"), Grants()) == [f"capability:{capability}"]
    assert rules(needing(capability, "data/a.csv"), Grants(), "high") == [f"capability:{capability}"]


def test_one_capability_is_objected_to_once() -> None:
    """Ten requests without the network are one thing to change, and the first of them is named."""
    needs = tuple(Need(NETWORK, "get", f"https://{n}.example", n, 0) for n in range(1, 11))
    (only,) = objections(ScanReport(Language.PYTHON, needs=needs), Grants(), "medium")
    assert (only.rule, only.line, only.need) == ("capability:network", 1, needs[0])
    assert only.hint == "Do not use the network."


def test_the_reason_shows_unprintable_values_harmlessly() -> None:
    """A value comes from a hostile source: nothing of it moves a cursor, and it is cut."""
    (only,) = objections(needing(NETWORK, "http://\x1b[2J" + "a" * 500), Grants(), "medium")
    assert only.reason.isprintable()
    assert len(only.reason) < 300


# Paths


@pytest.mark.parametrize("capability", [READ, WRITE])
@pytest.mark.parametrize("path", ["data.csv", "./out/a.csv", "a/../b", ".", "Ordner/Käse.txt"])
def test_paths_in_the_working_folder_need_the_capability_only(capability: Capability, path: str) -> None:
    """A relative path that does not climb is inside, at every level."""
    for level in LEVELS:
        assert rules(needing(capability, path), Grants(frozenset({capability})), level) == []


@pytest.mark.parametrize("capability", [READ, WRITE])
@pytest.mark.parametrize(
    "path", ["/srv/a", "../a", "a/../../b", "~/notes", "$HOME/notes", "C:\\Users\\a", "/tmp/x", "/", "//host/share"]
)  # fmt: skip
def test_paths_outside_need_a_grant(capability: Capability, path: str) -> None:
    """Absolute paths, home, drives, and what climbs out: `medium` and above ask for a granted path."""
    grants = Grants(frozenset({capability}))
    for level in FROM_MEDIUM:
        (only,) = objections(needing(capability, path), grants, level)
        assert only.rule == f"{capability}:path"
        assert "relative path" in only.hint
    assert rules(needing(capability, path), grants, "low") == []


@pytest.mark.parametrize(
    ("path", "reads", "writes"),
    [
        ("/srv/in/a.csv", True, False),
        ("/srv/in", True, False),
        ("/srv/in/../in/b", True, False),
        ("/srv/in/../other/b", False, False),
        ("/srv/inside", False, False),
        ("/srv/out/b", True, True),
        ("/srv", False, False),
        ("/srv/in/%2e%2e/x", False, False),
        ("/srv/in/..\\..\\x", False, False),
    ],
)
def test_a_granted_folder_covers_what_lies_in_it(path: str, reads: bool, writes: bool) -> None:
    """Component by component: a name that only begins alike is another folder. What may be written may be read."""
    grants = Grants(frozenset({READ, WRITE}), read=("/srv/in",), write=("/srv/out/",))
    assert (rules(needing(READ, path), grants) == []) is reads
    assert (rules(needing(WRITE, path), grants) == []) is writes


def test_a_forbidden_path_wins_over_a_granted_one() -> None:
    """Everything may be read but one folder: in any spelling it stays closed, and the hint names it."""
    grants = Grants(frozenset({READ}), read=("/",), forbidden=("/etc", "/srv/secret"))
    for path in ("/etc/hosts", "/etc", "/srv/../etc/x", "/srv/secret/key", "/srv//secret"):
        (only,) = objections(needing(READ, path), grants, "medium")
        assert (only.rule, only.level) == ("file_read:forbidden", ThreatLevel.HIGH)
        assert only.hint == "Stay away from /etc, /srv/secret."
    assert rules(needing(READ, "/srv/secrets"), grants) == []


@pytest.mark.parametrize(
    "path", [f"/{HOLE}", f"/srv/{HOLE}/key", "/srv/*/key", "/e?c/hosts", "../../etc/x", "/srv%2fsecret"]
)
def test_a_path_that_might_be_forbidden_is(path: str, tmp_path: Path) -> None:
    """What a hole, a wildcard or another reading of a path could reach stays closed; what cannot reach it does not."""
    grants = Grants(frozenset({READ}), read=("/",), forbidden=("/etc", "/srv/secret"))
    assert rules(needing(READ, path), grants) == ["file_read:forbidden"]
    for fine in (f"/data/{HOLE}", f"in/{HOLE}.csv", "in/*.csv", f"/srv/public/{HOLE}"):
        assert rules(needing(READ, fine), grants) == []
    known = grants._replace(working_folder=str(tmp_path))
    assert rules(needing(READ, "../x"), known) == []


def test_links_out_of_a_granted_folder_are_followed(tmp_path: Path) -> None:
    """A link within a granted folder that leads elsewhere grants nothing elsewhere; one to a forbidden place is forbidden."""
    granted, other = tmp_path / "granted", tmp_path / "other"
    granted.mkdir()
    other.mkdir()
    (granted / "link").symlink_to(other)
    (granted / "file").write_text("x")
    grants = Grants(frozenset({READ}), read=(str(granted),))
    assert rules(needing(READ, str(granted / "file")), grants) == []
    assert rules(needing(READ, str(granted / "link" / "x")), grants) == ["file_read:path"]
    everything = Grants(frozenset({READ}), read=("/",), forbidden=(str(other),))
    assert rules(needing(READ, str(granted / "link" / "x")), everything) == ["file_read:forbidden"]


def test_a_known_working_folder_counts_as_inside(tmp_path: Path) -> None:
    """Where it is known, absolute paths in it are inside, and a link in it that leads out is not."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to("/srv")
    grants = Grants(frozenset({READ, WRITE}), working_folder=str(tmp_path / "work"))
    assert rules(needing(WRITE, str(tmp_path / "work" / "a")), grants) == []
    assert rules(needing(WRITE, "a/b"), grants) == []
    assert rules(needing(READ, "link/x"), grants) == ["file_read:path"]
    assert rules(needing(READ, "../x"), grants) == ["file_read:path"]
    assert rules(needing(READ, str(tmp_path)), grants) == ["file_read:path"]
    wider = grants._replace(read=(str(tmp_path),))
    assert rules(needing(READ, "../x"), wider) == []
    assert rules(needing(READ, "$HOME/../x"), wider) == ["file_read:path"]


@pytest.mark.parametrize("path", [HOLE, f"{HOLE}/x", ""])
def test_a_path_that_cannot_be_told(path: str) -> None:
    """`medium` lets it be, `high` wants it told unless every path is granted."""
    some = Grants(frozenset({WRITE}), write=("/srv",))
    assert rules(needing(WRITE, path), some) == []
    for level in FROM_HIGH:
        (only,) = objections(needing(WRITE, path), some, level)
        assert (only.rule, only.title) == ("file_write:path", "writes a path that cannot be told")
        assert only.hint.startswith("Write it out plainly. ")
        assert rules(needing(WRITE, path), Grants.unlimited({WRITE}), level) == []


def test_a_path_that_is_told_in_part_is_judged_by_its_beginning() -> None:
    """The folder before the unknown part decides; what climbs after it is in doubt."""
    grants = Grants(frozenset({READ}), read=("/srv/in",))
    assert rules(needing(READ, f"/srv/in/{HOLE}.csv"), grants) == []
    assert rules(needing(READ, f"/srv/in/{HOLE}/../../x"), grants) == ["file_read:path"]
    assert rules(needing(READ, f"/srv/{HOLE}/x"), grants) == ["file_read:path"]
    assert rules(needing(READ, f"out/{HOLE}"), grants) == []
    assert rules(needing(READ, f"out/{HOLE}"), grants, "high") == ["file_read:path"]
    assert rules(needing(READ, f"/etc/{HOLE}"), grants._replace(forbidden=("/etc",))) == [
        "file_read:forbidden"
    ]


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/urandom", "/dev/fd/3"])
def test_devices_that_keep_nothing_need_nothing(path: str) -> None:
    """`2> /dev/null` is no file access at any level."""
    for level in LEVELS:
        assert rules(needing(READ, path), Grants(), level) == []
        assert rules(needing(WRITE, path), Grants(), level) == []


def test_other_devices_are_paths_like_any_other() -> None:
    """A disk is no such device."""
    assert rules(needing(WRITE, "/dev/sda"), Grants(frozenset({WRITE}))) == ["file_write:path"]


def test_what_every_program_reads_is_read_with_the_capability_alone() -> None:
    """Time zones and fonts are public: reading needs the capability, writing a grant, and a forbidden folder stays closed."""
    grants = Grants(frozenset({READ, WRITE}))
    assert rules(needing(READ, "/usr/share/zoneinfo/UTC"), grants) == []
    assert rules(needing(WRITE, "/usr/share/zoneinfo/UTC"), grants) == ["file_write:path"]
    closed = grants._replace(forbidden=("/usr",))
    assert rules(needing(READ, "/usr/share/zoneinfo/UTC"), closed) == ["file_read:forbidden"]
    assert rules(needing(READ, "/usr/share/zoneinfo/../../../root/.ssh/id_rsa"), grants) == ["file_read:path"]


# Addresses

WEB = Grants(frozenset({NETWORK}), hosts=("api.example", "*.shop.example"), ports=(443, 8443))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://api.example/v1", []),
        ("https://API.example./v1", []),
        ("https://eu.shop.example:8443/", []),
        ("api.example:443", []),
        ("api.example", []),
        ("https://shop.example/", ["network:host"]),
        ("https://evil.example/api.example", ["network:host"]),
        ("https://api.example@evil.example/", ["network:host"]),
        ("https://api.example.evil.example/", ["network:host"]),
        ("https://evil.example?api.example", ["network:host"]),
        ("https://evil.example\\@api.example/", ["network:host"]),
        ("http://api.example/", ["network:port"]),
        ("https://api.example:8000/", ["network:port"]),
        ("ssh://api.example", ["network:port"]),
        ("http://169.254.169.254/latest", ["network:host"]),
        ("[::1]:443", ["network:host"]),
    ],
)
def test_hosts_and_ports_are_those_that_are_granted(address: str, expected: list[str]) -> None:
    """A host is granted by name or pattern, a port by number, the scheme's own where none is written."""
    assert rules(needing(NETWORK, address), WEB) == expected


def test_the_hint_names_the_granted_hosts() -> None:
    """The model reads which hosts it may use; where there are many, the first of them."""
    (only,) = objections(needing(NETWORK, "https://evil.example"), WEB, "medium")
    assert only.hint == "Use the granted hosts api.example, *.shop.example."
    many = WEB._replace(hosts=tuple(f"h{n}.example" for n in range(20)))
    (only,) = objections(needing(NETWORK, "https://evil.example"), many, "medium")
    assert only.hint.endswith("h7.example and 12 more.")
    (only,) = objections(needing(NETWORK, "https://evil.example"), WEB._replace(hosts=()), "medium")
    assert only.hint == "No host is granted: do without."


@pytest.mark.parametrize("address", ["", HOLE, f"https://{HOLE}/x", f"https://{HOLE}.example"])
def test_a_host_that_cannot_be_told(address: str) -> None:
    """`medium` lets it be, `high` wants it told unless every host is granted."""
    assert rules(needing(NETWORK, address), WEB) == []
    for level in FROM_HIGH:
        assert rules(needing(NETWORK, address), WEB, level) == ["network:host"]
        assert rules(needing(NETWORK, address), Grants.unlimited({NETWORK}), level) == []


def test_a_port_that_cannot_be_told() -> None:
    """`high` wants it told where only some ports are granted."""
    assert rules(needing(NETWORK, "api.example"), WEB, "high") == ["network:port"]
    assert rules(needing(NETWORK, "api.example"), WEB._replace(ports=None), "high") == []


# Programs

GIT = Grants(frozenset({SUBPROCESS}), commands=("git", "python3*"))


@pytest.mark.parametrize(
    ("name", "command", "language", "allowed"),
    [
        ("git", "git status", Language.SHELL, True),
        ("/usr/bin/git", "/usr/bin/git status", Language.SHELL, True),
        ("rm", "rm git", Language.SHELL, False),
        ("python3.11", "python3.11 x.py", Language.SHELL, True),
        ("subprocess.run", "git status", Language.PYTHON, True),
        ("subprocess.run", "/usr/local/bin/git status", Language.PYTHON, True),
        ("subprocess.run", "/opt/git/bin/git status", Language.PYTHON, False),
        ("git", "./git status", Language.SHELL, False),
        ("git", "/tmp/git status", Language.SHELL, False),
        ("git --version; id # a.b", "'git --version; id # a.b'", Language.SHELL, False),
        ("os.system", "rm -rf git", Language.PYTHON, False),
        ("child_process.exec", "gitt", Language.JAVASCRIPT, False),
        ("os.fork", "", Language.PYTHON, False),
    ],
)
def test_programs_are_those_that_are_granted(
    name: str, command: str, language: Language, allowed: bool
) -> None:
    """A name stands for the system's program, whether a shell names it or a function starts it, and for no other file of that name."""
    expected = [] if allowed else ["subprocess:command"]
    assert rules(needing(SUBPROCESS, command, name, language), GIT) == expected


@pytest.mark.parametrize("command", [HOLE, f"{HOLE} status"])
def test_a_program_that_cannot_be_told(command: str) -> None:
    """`medium` lets it be, `high` wants it told unless every program is granted."""
    report = needing(SUBPROCESS, command, "subprocess.run")
    assert rules(report, GIT) == []
    for level in FROM_HIGH:
        assert rules(report, GIT, level) == ["subprocess:command"]
        assert rules(report, Grants.unlimited({SUBPROCESS}), level) == []


# Real sources


def test_a_source_is_judged_by_what_it_does() -> None:
    """From text to objections, worst first, each at its line."""
    source = """
        import subprocess, requests
        with open("out/report.csv", "w") as file:
            file.write(requests.get("https://api.example/rows").text)
        subprocess.run(["git", "add", "out"])
    """
    report = scan("\n".join(line[8:] for line in source.splitlines()))
    granted = Grants(
        frozenset({WRITE, NETWORK, SUBPROCESS}), hosts=("api.example",), ports=(443,), commands=("git",)
    )
    assert rules(report, granted) == []
    assert rules(report, granted, "high") == []
    assert rules(report, Grants()) == ["capability:network", "capability:subprocess"]
    assert [each.line for each in objections(report, Grants(), "medium")] == [4, 5]
    assert rules(report, granted._replace(commands=("ls",))) == ["subprocess:command"]


# Properties

NEEDS = st.builds(
    Need,
    st.sampled_from(Capability),
    st.sampled_from(["f", "os.f", "rm", ""]) | st.text(max_size=5),
    st.sampled_from(["a", "/etc/x", "../x", "https://a.example", "a.example:80", HOLE, "[", "~"]) | st.text(),
    st.integers(1, 9),
    st.integers(0, 9),
)
REPORTS = st.builds(
    ScanReport,
    st.sampled_from(Language),
    st.lists(st.builds(found, st.sampled_from(ThreatLevel)), max_size=3).map(tuple),
    st.just(frozenset[Capability]()),
    st.lists(NEEDS, max_size=4).map(tuple),
    problem=st.none(),
)
NAMES = st.lists(st.sampled_from(["/", "/etc", "/srv", "*", "a*", "a.example", "rm"]), max_size=2).map(tuple)
GRANTS = st.builds(
    Grants,
    st.frozensets(st.sampled_from(Capability)),
    *[NAMES] * 4,
    st.none() | st.lists(st.sampled_from([80, 443])).map(tuple),
    NAMES,
    working_folder=st.sampled_from(["", "/srv"]),
)


@given(REPORTS, GRANTS)
def test_a_stricter_level_objects_to_no_less(report: ScanReport, grants: Grants) -> None:
    """Whatever the report and the grants: what a level stops, every stricter one stops."""
    stopped = [bool(objections(report, grants, level)) for level in LEVELS]
    assert stopped == sorted(stopped)


@given(REPORTS, GRANTS, st.sampled_from(SecurityLevel))
def test_more_grants_object_to_no_more(report: ScanReport, grants: Grants, level: SecurityLevel) -> None:
    """Where some grants let a source run, all capabilities without limit do, and nothing at all is no better than some."""
    if not objections(report, grants, level):
        assert not objections(report, Grants.unlimited(ALL), level)
    if not objections(report, Grants(working_folder=grants.working_folder), level):
        assert not objections(report, grants._replace(forbidden=()), level)


@given(REPORTS, GRANTS, st.sampled_from(SecurityLevel))
def test_objections_are_sorted_and_whole(report: ScanReport, grants: Grants, level: SecurityLevel) -> None:
    """Each names a rule, says a sentence and what to change, and rests on a finding or a need of the report."""
    said = objections(report, grants, level)
    assert list(said) == sorted(said, key=lambda each: (-each.level, each.line, each.column))
    for objection in said:
        assert objection.rule
        assert objection.title
        assert objection.reason.endswith(".")
        assert objection.hint.endswith(".")
        assert objection.finding in report.findings or objection.need in report.needs
