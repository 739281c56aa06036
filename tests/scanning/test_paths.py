"""Paths: which areas they belong to in whatever spelling, where they lead, and whether that is within some folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.scanning import Area, scan
from ringfence.scanning.effects import HOLE
from ringfence.scanning.paths import contains, may_reach, path_areas, resolve
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from pathlib import Path

PASSWORDS = frozenset({Area.CREDENTIALS, Area.SYSTEM, Area.OUTSIDE})


@pytest.mark.parametrize(
    "spelling",
    [
        "/etc/passwd",
        "//etc//./passwd",
        "/usr/../etc/passwd",
        "/usr/share/fonts/../../../etc/passwd",
        "/ETC/Passwd",
        "file:///etc/passwd",
        "FILE://localhost/etc/passwd",
        "/private/etc/passwd",
        "/e?c/passwd",
        "/etc/pass*",
        "~/../../etc/passwd",
        "/proc/self/root/etc/passwd",
        "/proc/1/root/etc/passwd",
        "/etc\\passwd",
    ],
)
def test_one_place_has_many_spellings(spelling: str) -> None:
    """A path belongs to the areas of the place it leads to, however it is written."""
    assert path_areas(spelling) == PASSWORDS


@pytest.mark.parametrize(
    "spelling",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "%252e%252e%252fetc",
        "%c0%ae%c0%ae/x",
        "%u002e%u002e/x",
        "\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}\N{FULLWIDTH SOLIDUS}x",
        "..\N{DIVISION SLASH}x",
        "....//....//etc/passwd",
        "x/..;/..;/y",
        "/etc/passwd\0.png",
        "%2fetc%2fshadow",
    ],
)
def test_a_hidden_climb_or_place_is_obscured(spelling: str) -> None:
    """What only decoding brings out counts as hidden, besides what it is."""
    assert Area.OBSCURED in path_areas(spelling)


@pytest.mark.parametrize(
    ("path", "areas"),
    [
        ("data.csv", set()),
        ("a/../b", set()),
        ("..x/y..", set()),
        ("100%/x", set()),
        ("/dev/null", set()),
        ("/dev/fd/3", set()),
        ("/proc/self/cwd/x", set()),
        (HOLE, set()),
        (f"{HOLE}/x", set()),
        ("", set()),
        ("../data/x.csv", {Area.TRAVERSAL, Area.OUTSIDE}),
        (f"../../{HOLE}", {Area.TRAVERSAL, Area.OUTSIDE}),
        ("../lib/x.py", {Area.TRAVERSAL, Area.OUTSIDE}),
        ("../../../x", {Area.TRAVERSAL, Area.OUTSIDE}),
        ("../../../../lib/x.py", {Area.TRAVERSAL, Area.OUTSIDE}),
        ("../../../../../x", {Area.TRAVERSAL, Area.OUTSIDE, Area.FAR}),
        ("../../../home/x", {Area.TRAVERSAL, Area.OUTSIDE, Area.FAR, Area.HOME}),
        ("../../../etc/x", {Area.TRAVERSAL, Area.OUTSIDE, Area.FAR, Area.SYSTEM}),
        ("..\\..\\..\\Windows\\x", {Area.TRAVERSAL, Area.OUTSIDE, Area.FAR, Area.SYSTEM}),
        (f"{HOLE}/../../../x", {Area.OUTSIDE}),
        (f"{HOLE}/../../etc/passwd", {Area.OUTSIDE, Area.CREDENTIALS}),
        ("../etc/passwd", {Area.TRAVERSAL, Area.OUTSIDE, Area.CREDENTIALS}),
        ("/tmp/x", {Area.TEMPORARY, Area.OUTSIDE}),
        ("/dev/shm/x", {Area.TEMPORARY, Area.OUTSIDE}),
        ("/workspace/*", {Area.OUTSIDE}),
        ("/", {Area.ROOT, Area.OUTSIDE}),
        ("/home/*", {Area.ROOT, Area.OUTSIDE, Area.HOME}),
        ("/home/*/**", {Area.ROOT, Area.OUTSIDE, Area.HOME}),
        ("~/**", {Area.ROOT, Area.OUTSIDE, Area.HOME}),
        ("/*", {Area.ROOT, Area.OUTSIDE}),
        ("/**", {Area.ROOT, Area.OUTSIDE, Area.SYSTEM}),
        ("/*/issue", {Area.OUTSIDE, Area.DEVICE, Area.KERNEL, Area.SYSTEM, Area.HOME, Area.ROOT}),
        ("~", {Area.ROOT, Area.OUTSIDE, Area.HOME}),
        ("/home/x/notes", {Area.OUTSIDE, Area.HOME}),
        (f"/etc/{HOLE}", {Area.SYSTEM, Area.OUTSIDE}),
        ("/etc/hosts", {Area.SYSTEM, Area.OUTSIDE, Area.PUBLIC}),
        ("/proc/cpuinfo", {Area.KERNEL, Area.OUTSIDE}),
        ("/proc/loadavg", {Area.KERNEL, Area.OUTSIDE, Area.PUBLIC}),
        (f"/proc/{HOLE}/environ", {Area.KERNEL, Area.OUTSIDE, Area.CREDENTIALS}),
        ("/var/log/wtmp", {Area.LOGS, Area.OUTSIDE}),
        ("/proc/stat", {Area.KERNEL, Area.OUTSIDE, Area.PUBLIC}),
        ("/proc/net/dev", {Area.KERNEL, Area.OUTSIDE, Area.PUBLIC}),
        ("/sys/fs/cgroup/memory.max", {Area.KERNEL, Area.OUTSIDE, Area.PUBLIC}),
        ("/var/run/secrets/x", {Area.SYSTEM, Area.OUTSIDE, Area.CREDENTIALS}),
        ("/dev/sda", {Area.DEVICE, Area.OUTSIDE}),
        ("/dev/mapper/x", {Area.DEVICE, Area.OUTSIDE}),
        ("/dev", {Area.OUTSIDE, Area.ROOT}),
        ("/dev/*", {Area.DEVICE, Area.OUTSIDE, Area.ROOT}),
        ("/dev/ttyUSB*", {Area.OUTSIDE}),
        ("/dev/pty??", {Area.OUTSIDE}),
        ("/dev/pts/3", {Area.OUTSIDE}),
        ("/dev/tty", set()),
        ("\\\\.\\PhysicalDrive0", {Area.DEVICE, Area.OUTSIDE}),
        (f"\\\\.\\PhysicalDrive{HOLE}", {Area.DEVICE, Area.OUTSIDE}),
        ("\\\\.\\C:", {Area.DEVICE, Area.OUTSIDE}),
        ("\\\\.\\C:\\x", {Area.OUTSIDE}),
        ("$HOME/.aws/credentials", {Area.HOME, Area.OUTSIDE, Area.CREDENTIALS}),
        ("%USERPROFILE%\\.ssh\\id_rsa", {Area.HOME, Area.OUTSIDE, Area.CREDENTIALS}),
        ("~bob/.bash_history", {Area.HOME, Area.OUTSIDE, Area.HISTORY}),
        ("/root/.profile", {Area.HOME, Area.OUTSIDE, Area.STARTUP}),
        (f"{HOLE}/.ssh/id_rsa", {Area.CREDENTIALS}),
        ("~/.ssh/id_rsa.pub", {Area.HOME, Area.OUTSIDE}),
        (".env.example", set()),
        ("private.pem", set()),
        ("/srv/tls/private.pem", {Area.OUTSIDE, Area.CREDENTIALS}),
        ("/srv/tls/cert.pem", {Area.OUTSIDE}),
        ("model.pth", set()),
        (".git/hooks/pre-commit", {Area.VCS, Area.STARTUP}),
        ("C:\\Windows\\System32\\config\\SAM", {Area.SYSTEM, Area.OUTSIDE, Area.CREDENTIALS}),
        ("\\\\?\\C:\\Windows\\x", {Area.SYSTEM, Area.OUTSIDE}),
        ("\\\\host\\c$\\Windows\\x", {Area.SYSTEM, Area.OUTSIDE}),
        ("/mnt/c/Windows/x", {Area.SYSTEM, Area.OUTSIDE}),
        ("C:\\SomeDir", {Area.OUTSIDE}),
    ],
)
def test_areas(path: str, areas: set[Area]) -> None:
    """A path belongs to exactly the areas of the place that it leads to."""
    assert path_areas(path) == areas


@pytest.mark.parametrize(
    ("path", "area"),
    [
        (f"~/.ssh/{HOLE}", Area.CREDENTIALS),
        ("/home/*/.ssh/id_*", Area.CREDENTIALS),
        ("/root/.ssh/*", Area.CREDENTIALS),
        (f"/home/{HOLE}/.ssh/{HOLE}", Area.CREDENTIALS),
        ("~/.gnupg/**", Area.CREDENTIALS),
        (f"/proc/{HOLE}/environ", Area.CREDENTIALS),
        (f"~/AppData/Roaming/{HOLE}/Local Storage/leveldb", Area.CREDENTIALS),
        ("%APPDATA%\\discordcanary\\Local Storage\\leveldb", Area.CREDENTIALS),
        (f"~/AppData/Local/Google/Chrome/User Data/{HOLE}/Login Data", Area.CREDENTIALS),
        ("%APPDATA%\\..\\Local\\Google\\Chrome\\User Data", Area.HISTORY),
        (f"~/AppData/Local/{HOLE}/User Data/Default", Area.HISTORY),
        ("~/AppData/Roaming/Opera Software/Opera Stable", Area.HISTORY),
        (f"{HOLE}/.config/google-chrome/{HOLE}/Cookies", Area.HISTORY),
    ],
)
def test_what_is_not_known_below_a_sensitive_folder_stays_sensitive(path: str, area: Area) -> None:
    """Holes and wildcards around a sensitive name take nothing away from it."""
    assert area in path_areas(path)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "../../../../home/x/y",
        "~/.bashrc",
        "/var/log/wtmp",
        "/usr/x",
        "~/.bash_history",
        ".env",
        "/etc/../etc/group",
    ],
)
def test_reading_it_is_bad(path: str) -> None:
    """A path that a tool must not read is found by a rule that blocks."""
    assert scan(path, "path").level >= ThreatLevel.HIGH


@pytest.mark.parametrize(
    "path",
    [
        "x.csv",
        "../x.csv",
        "../../../configs/base.yaml",
        "/tmp/x",
        "/home/x/y.csv",
        "/etc/hosts",
        "/content/x",
        "C:\\Data\\x",
        "/dev/null",
        "/dev/ttyUSB0",
        "/proc/self/status",
    ],
)
def test_reading_it_is_fine(path: str) -> None:
    """A path that honest programs read is found by none that does."""
    assert scan(path, "path").level < ThreatLevel.HIGH


@pytest.mark.parametrize("path", ["", " ", "a\0b", "a\nb", "x" * 5000])
def test_no_path_at_all_is_refused(path: str) -> None:
    """A text that no system takes for a path is a problem of its own."""
    report = scan(path, "path")
    assert report.problem is not None
    assert report.problem.kind == "unparsed"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """A path that leads through a symbolic link to a sensitive place is judged by that place, and says so."""
    link = tmp_path / "notes"
    link.symlink_to("/etc/shadow")
    found = scan(str(link), "path").findings
    assert found[0].rule == "path-read-secret-store"
    assert found[0].evidence == (f"{link} -> /etc/shadow",)


def test_within_folders(tmp_path: Path) -> None:
    """A path is within a folder only where that is certain, with links followed and names compared as a whole."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to("/etc")
    folder = [str(tmp_path / "in")]
    assert contains(folder, f"{tmp_path}/in/x")
    assert contains(folder, f"{tmp_path}/in/{HOLE}.csv")
    assert contains(folder, f"{tmp_path}/in")
    for path in (
        "inside/x",
        "in/../x",
        "in/out/hosts",
        f"in/{HOLE}/../x",
        f"in{HOLE}/x",
        "in/%2e%2e/x",
        "in/..\\x",
    ):
        assert not contains(folder, f"{tmp_path}/{path}"), path
    assert not contains(folder, HOLE)
    assert not contains([], "x")


def test_closed_folders(tmp_path: Path) -> None:
    """A path may reach a closed folder wherever that is not certain to be otherwise."""
    (tmp_path / "link").symlink_to(tmp_path / "closed")
    closed = [str(tmp_path / "closed")]
    for path in (
        "closed",
        "closed/x",
        f"{HOLE}/x",
        "x/..%2fclosed",
        "CLOSED/x",
        "link/x",
        "clo*/x",
        f"clo{HOLE}",
    ):
        assert may_reach(closed, f"{tmp_path}/{path}"), path
    assert may_reach(closed, HOLE)
    for path in ("closed2", "x/y", f"x/{HOLE}"):
        assert not may_reach(closed, f"{tmp_path}/{path}"), path


def test_resolving_needs_one_place() -> None:
    """A path with a hole, without text, or with two readings has no one place."""
    assert resolve("/tmp/../dev/null") == "/dev/null"
    for path in ("", HOLE, "a\0", "a%2fb", "a\\b", "~nobody-of-that-name/x"):
        assert resolve(path) is None


NAMES = st.sampled_from(["a", "b.csv", "data", "..", ".", "", "x y", HOLE, "*", "%2e", "~", "C:", "\\"])


@given(st.lists(NAMES).map("/".join))
def test_anything_has_areas(path: str) -> None:
    """Whatever the text is, areas come back, and a path that starts at the root is outside unless it is a device."""
    areas = path_areas(path)
    assert areas <= set(Area)
    if path.startswith("/") and not path.startswith("/dev"):
        assert Area.OUTSIDE in areas


@given(st.text())
def test_any_text_is_answered(path: str) -> None:
    """No text makes the functions about paths raise."""
    path_areas(path)
    contains(["/tmp"], path)
    may_reach(["/tmp"], path)


@given(st.lists(st.sampled_from(["/.", "//", "/x/..", "/usr/../."])).map("".join))
def test_detours_change_nothing(detour: str) -> None:
    """Detours before a sensitive place leave its areas as they are."""
    assert path_areas(f"{detour}/etc/passwd") == PASSWORDS


@pytest.mark.parametrize(
    "unit", ["../", "%25", "%2e", ".", "\\", "*", "x:", "..;/", "\N{FULLWIDTH FULL STOP}"]
)
def test_long_texts_take_linear_time(unit: str) -> None:
    """A path of 100,000 characters is answered at once, whatever it repeats (each test has a time limit)."""
    path_areas(unit * (100_000 // len(unit)))


@pytest.mark.parametrize(
    ("source", "rule", "level"),
    [
        ("rm -rf /*", "path-delete-everything", ThreatLevel.CRITICAL),
        ('rm -rf "/$1"', "path-delete-everything", ThreatLevel.CRITICAL),
        ("rm -rf /home/*/*", "path-delete-everything", ThreatLevel.CRITICAL),
        ('rm -rf "$HOME/$1"', "path-delete-any-of-home", ThreatLevel.HIGH),
        ('rm -rf "$1/.."', "path-delete-upwards", ThreatLevel.HIGH),
        ("for f in /home/*/*; do echo x > $f; done", "path-overwrite-everything", ThreatLevel.CRITICAL),
        ("tar -C / -xf x.tar", "path-write-root", ThreatLevel.HIGH),
        (": > /var/log/syslog", "path-change-system", ThreatLevel.HIGH),
        ("rm /var/log/syslog", "path-change-system", ThreatLevel.HIGH),
        ("echo x >> /var/log/x.log", "path-write-log", ThreatLevel.MEDIUM),
        ("mkdir /var/log/x", "path-write-log", ThreatLevel.MEDIUM),
        ('rm -rf "$HOME/.cache/x/$1"', "path-delete-unknown", ThreatLevel.MEDIUM),
    ],
)
def test_changes_weigh_by_what_they_reach(source: str, rule: str, level: ThreatLevel) -> None:
    """Losing a system, a home or a log is worse than adding to a log or clearing a cache."""
    report = scan(source, "shell")
    assert rule in {finding.rule for finding in report.findings}
    assert report.level is level


@pytest.mark.parametrize("folder", ["/dev", "/proc", "/usr", "/tmp", "/"])
def test_making_a_folder_that_every_system_has_changes_nothing(folder: str) -> None:
    """`os.makedirs` of a top-level folder does nothing, so it blocks nothing; a file in one of these does."""
    assert scan(f"import os\nos.makedirs({folder!r}, exist_ok=True)").level < ThreatLevel.HIGH
    if folder in {"/dev", "/proc", "/usr"}:
        assert scan(f"import os\nos.makedirs('{folder}/x')").level >= ThreatLevel.HIGH
