"""Rules about which addresses are connected to.

Using the network is no finding, it is a capability. The one idea: an address is bad where it reaches what only this machine or its
network can reach, or where its spelling or scheme hides where it leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Area, Kind, Language
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import python, shell, url
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENGINES = (
    "docker.sock", "docker%2esock", "dockerd.sock", "dockershim.sock", "buildkitd.sock", "containerd.sock", "containerd%2esock", "crio.sock",
    "podman.sock", "docker_engine",
)  # fmt: skip
_CONTAINERS = tuple(
    f"{before}*{name}*"
    for before in ("/", "unix:", "http+unix:", "npipe:", "http+npipe:", HOLE)
    for name in _ENGINES
)
"""The sockets by which whoever reaches them has the machine start containers with any rights."""
_CONTAINER_OPTIONS = tuple(
    f"{option}*{name}*" for option in ("*--unix-socket[ =]", "*unix*:/") for name in _ENGINES
)
_TALKERS = ("curl", "socat", "websocat")
_MINING = ("stratum:*", "stratum+*:*", "stratum[12]+*:*")

_METADATA = RuleException("network-metadata says it", areas=(Area.METADATA,))

_SCHEMES = (
    "file",
    "gopher",
    "dict",
    "tftp",
    "netdoc",
    "jar",
    "phar",
    "expect",
    "php",
    "javascript",
    "vbscript",
    "view-source",
    "http+unix",
)


def _addresses() -> Iterator[Rule]:
    """Return the rules about where an address leads."""
    yield Rule(
        id="network-metadata",
        title="Asks a cloud's metadata service",
        family=Family.CREDENTIALS,
        level=ThreatLevel.CRITICAL,
        description="{name} reaches {value}, where a cloud hands out the machine's own credentials.",
        when=(When(Kind.CONNECT, areas=(Area.METADATA,)), When(Kind.BRIDGE, areas=(Area.METADATA,))),
        found=url(
            "http://169.254.169.254/latest/meta-data/iam/", "http://2852039166/", "http://[::ffff:a9fe:a9fe]/", "metadata.google.internal:80"
        ),
        ignored=url("https://example.org/latest/meta-data/", "https://169.254.169.254.example.org/", "http://10.0.0.1/"),
        tags=("CWE-918", "T1552.005", "ASI03"),
        hint="Do not ask the metadata service; have the credential passed in by whoever runs this.",
    )  # fmt: skip
    yield Rule(
        id="network-obscured",
        title="Hides an address",
        family=Family.OBFUSCATION,
        level=ThreatLevel.HIGH,
        description="{name} reaches {value}, which is written so that its host cannot be seen.",
        when=tuple(When(kind, areas=(Area.OBSCURED,)) for kind in (Kind.CONNECT, Kind.BRIDGE)),
        found=url(
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::ffff:127.0.0.1]/",
            "http://example.com@192.0.2.7/",
            "10.0.0.1.nip.io",
        ),
        ignored=url(
            "http://127.0.0.1/",
            "https://john.doe:pw@example.org/",
            "http://[2001:4860:4860::8888]/",
            "https://1.1.1.1",
        ),
        tags=("CWE-918", "CWE-180", "T1027"),
        hint="Write the host plainly.",
        exceptions=(_METADATA,),
    )
    yield Rule(
        id="network-link-local",
        title="Reaches a link-local address",
        family=Family.NETWORK,
        level=ThreatLevel.HIGH,
        description="{name} reaches {value}, where only the machine's own host and its neighbours answer.",
        when=(When(Kind.CONNECT, areas=(Area.LINK_LOCAL,)),),
        found=url("http://169.254.1.1/", "[fe80::1%eth0]:80"),
        ignored=url("http://169.253.1.1/", "https://example.org/169.254.1.1"),
        tags=("CWE-918",),
        hint="Use a public address.",
        exceptions=(_METADATA,),
    )
    yield Rule(
        id="network-internal",
        title="Reaches into a private network",
        family=Family.NETWORK,
        level=ThreatLevel.MEDIUM,
        description="{name} reaches {value}, which is in a private network.",
        when=(When(Kind.CONNECT, areas=(Area.INTERNAL,)),),
        found=url(
            "http://10.0.0.5:8080/",
            "http://intranet/",
            "printer.local",
            "http://[fd12::1]/",
            "http://100.64.0.1",
        ),
        ignored=url("http://11.0.0.5:8080/", "https://example.org", "https://local.example.org"),
        tags=("CWE-918", "T1046"),
        hint="Use a public address, or have the host granted.",
        exceptions=(_METADATA,),
    )
    yield Rule(
        id="network-loopback",
        title="Reaches this machine",
        family=Family.NETWORK,
        level=ThreatLevel.LOW,
        description="{name} reaches {value}, a service of this machine.",
        when=(When(Kind.CONNECT, areas=(Area.LOOPBACK,)),),
        found=url("http://localhost:8000/", "127.0.0.1:5432", "http://[::1]/", "http://0.0.0.0/"),
        ignored=url("https://localhost.example.org/", "http://128.0.0.1/"),
        tags=("CWE-918",),
    )
    yield Rule(
        id="network-scheme",
        title="Uses a scheme that reaches past the network",
        family=Family.NETWORK,
        level=ThreatLevel.HIGH,
        description="{name} uses {value}, whose scheme reads files, runs code or speaks raw to other services.",
        when=(
            When(Kind.CONNECT, values=tuple(f"{scheme}:*" for scheme in _SCHEMES)),
            When(Kind.CONNECT, values=("unix:*", "npipe:*"), languages=(Language.URL,)),
        ),
        found=url(
            "file:///etc/hostname",
            "gopher://127.0.0.1:6379/_INFO",
            "dict://example.org:11211/stats",
            "javascript:alert(1)",
        ),
        ignored=url(
            "https://example.org/file:/x",
            "ftp://example.org/x",
            "wss://example.org/",
            "dictionary.example.org:80",
        ),
        tags=("CWE-918", "CWE-939"),
        hint="Use https.",
        exceptions=(RuleException("network-container says it", values=_CONTAINERS),),
    )
    yield Rule(
        id="network-onion",
        title="Reaches a hidden service",
        family=Family.NETWORK,
        level=ThreatLevel.HIGH,
        description="{name} reaches {value}, a hidden service.",
        when=(When(Kind.CONNECT, areas=(Area.ONION,)),),
        found=url("http://expyuzz4wqqyqhjn.onion/", "https://expyuzz4wqqyqhjn.onion.ly/x"),
        ignored=url("https://onion.example.org/", "https://example.org/x.onion"),
        tags=("T1090.003",),
        hint="Use a public address.",
    )


def _services() -> Iterator[Rule]:
    """Return the rules about what answers at an address."""
    yield Rule(
        id="network-container",
        title="Talks to the machine's container engine",
        family=Family.PRIVILEGE,
        level=ThreatLevel.CRITICAL,
        description="{name} reaches {value}, by which a container can take over the machine that it runs on.",
        when=(
            When(Kind.CONNECT, values=_CONTAINERS),
            When(Kind.CONNECT, areas=(Area.LOOPBACK, Area.INTERNAL), values=("*:2375", "*:2375/*")),
            When(Kind.RUN, names=_TALKERS, values=_CONTAINER_OPTIONS),
        ),
        found=(
            *url("http+unix://%2Fvar%2Frun%2Fdocker.sock/containers/json", "unix:///run/containerd/containerd.sock", "http://127.0.0.1:2375/info"),
            *python("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('/var/run/docker.sock')"),
            *shell("curl --unix-socket /var/run/docker.sock http://localhost/info"),
        ),
        ignored=(
            *url("https://example.org/docs/docker.sock", "http://127.0.0.1:23750/"),
            *python("import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('/tmp/app.sock')"),
            *shell("curl -o docker.sock.md https://example.org/docker.sock.md"),
        ),
        tags=("CWE-250", "T1611", "T1610"),
        hint="Leave containers to whoever runs the machine.",
    )  # fmt: skip
    yield Rule(
        id="network-mining",
        title="Joins a mining pool",
        family=Family.RESOURCES,
        level=ThreatLevel.HIGH,
        description="{name} reaches {value} with the protocol of mining pools, which lets others use this machine.",
        when=(
            When(Kind.CONNECT, values=_MINING),
            When(Kind.RUN, values=("* -o stratum+*", "*[ =]-o=stratum+*", "*--url[ =]stratum+*", "* -[pP] stratum[+12]*")),
        ),
        found=(*url("stratum+tcp://pool.example.org:3333", "stratum+ssl://pool.example.org:443"), *shell("./x -o stratum+tcp://pool.example.org:3333 -u w")),
        ignored=(*url("https://example.org/stratum+tcp://x", "stratum.example.org:80"), *shell("grep stratum+tcp:// notes.txt")),
        tags=("CWE-400", "T1496"),
        hint="Do not mine.",
    )  # fmt: skip


RULES: tuple[Rule, ...] = (*_addresses(), *_services())
