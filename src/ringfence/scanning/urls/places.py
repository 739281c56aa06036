"""`url_areas()`: which areas an address belongs to: this machine, the network around it, a cloud's metadata, a drop, the public.

The one idea: what counts is where a connection would end up, so names that resolve to an address by design (`127.0.0.1.nip.io`) and
addresses within others are judged by that address.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from ringfence.scanning.effects import HOLE, Area
from ringfence.scanning.urls.numbers import Number, read_number
from ringfence.scanning.urls.parsing import SOCKETS, Url, parsed

Areas = frozenset[Area]
NOTHING: Areas = frozenset()
_OBSCURED = frozenset({Area.OBSCURED})
_PUBLIC = frozenset({Area.PUBLIC})
_LONGEST = 8192
_LONGEST_NAME = 256

_METADATA_NAMES = frozenset(
    {
        "metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal",
        "metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net", "api.metadata.cloud.ibm.com",
    }
)  # fmt: skip
_METADATA_NUMBERS = frozenset(
    {
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.250", "169.254.42.42", "169.254.0.23",
        "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fe80::a9fe:a9fe",
    }
)  # fmt: skip
"""AWS, ECS, EKS, Rancher, Scaleway, Tencent, Alibaba, Azure, Oracle, AWS and EKS over IPv6, Google over IPv6, OpenStack over IPv6."""
_METADATA_PATH = re.compile(
    r"/+(?:latest/(?:meta-data|user-data|dynamic|api/token)|computeMetadata/|metadata/(?:instance|identity)|opc/v[12]/)",
    re.IGNORECASE,
)
_LOOPBACK_NAMES = (
    "localhost",
    "localhost.localdomain",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
)
_INTERNAL_ENDINGS = (
    ".local",
    ".internal",
    ".intranet",
    ".corp",
    ".lan",
    ".home",
    ".home.arpa",
    ".localdomain",
    ".private",
    ".test",
    ".svc",
    ".svc.cluster.local",
)
_SHARED = IPv4Network("100.64.0.0/10")

_EMBEDDING = re.compile(
    r"(?:^|.*[.-])(?:(\d{1,3}(?:[.-]\d{1,3}){3})|([0-9a-f]{8}))\.(?:nip\.io|sslip\.io|xip\.io|traefik\.me|backname\.io)$"
)
_BINS = (
    # Webhook and request bins, and servers that record out-of-band contacts: they show every request to whoever made up the address
    "webhook.site", "requestbin.com", "requestbin.net", "pipedream.net", "hookbin.com", "beeceptor.com", "requestcatcher.com",
    "webhookrelay.com", "request.bin", "postb.in", "canarytokens.com", "interact.sh", "oast.fun", "oast.live", "oast.me", "oast.online",
    "oast.pro", "oast.site", "burpcollaborator.net", "oastify.com", "dnslog.cn", "ceye.io", "requestrepo.com", "typedwebhook.tools",
)  # fmt: skip
_DROPS = (
    *_BINS,
    # Pastes
    "pastebin.com", "paste.ee", "hastebin.com", "ghostbin.com", "dpaste.com", "dpaste.org", "termbin.com", "ix.io", "sprunge.us",
    "rentry.co", "0bin.net", "privatebin.net", "paste.rs", "controlc.com", "justpaste.it", "telegra.ph",
    # Files without an account
    "transfer.sh", "file.io", "0x0.st", "catbox.moe", "anonfiles.com", "gofile.io", "bashupload.com", "temp.sh", "oshi.at", "uguu.se",
    "tmpfiles.org", "filebin.net", "ufile.io", "wormhole.app",
    # Tunnels into a private machine
    "ngrok.io", "ngrok.app", "ngrok-free.app", "ngrok.dev", "ngrok-free.dev", "trycloudflare.com", "loca.lt", "localtunnel.me",
    "serveo.net", "lhr.life", "localhost.run", "pagekite.me", "bore.pub", "telebit.io", "pinggy.link", "portmap.io",
)  # fmt: skip
_DROP_PATHS = (("cdn.discordapp.com", re.compile(r"/+attachments/", re.IGNORECASE)),)
_MESSENGERS = (
    ("api.telegram.org", re.compile(r"/+(?:file/)?bot", re.IGNORECASE)),
    ("discord.com", re.compile(r"/+api/(?:v\d+/)?webhooks/", re.IGNORECASE)),
    ("discordapp.com", re.compile(r"/+api/(?:v\d+/)?webhooks/", re.IGNORECASE)),
    ("hooks.slack.com", re.compile(r"/+(?:services|workflows|triggers)/", re.IGNORECASE)),
)
_LADEN_PATH = re.compile(rf"[^?#]*[?#].*{HOLE}|/[0-9a-f-]{{2,}}/.*{HOLE}", re.IGNORECASE | re.DOTALL)
"""Something unknown in the query, or beyond the token by which a bin is told from others."""
_HIDDEN_SERVICES = re.compile(
    r".*\.(?:onion|i2p)(?:\.(?:ly|to|ws|pet|cab|city|direct|lu|sh|link|foundation))?$"
)
_HOST_LIKE = re.compile(
    r"(?:[\w-]+\.)+(?:com|net|org|io|gov|edu|mil|int|dev|app|ai|co|uk|de|fr|eu|us|info|biz|me|cn|ru|jp|in)(?::.*)?$",
    re.IGNORECASE,
)


def url_areas(url: str) -> Areas:
    """Return the areas that a URL, `host:port` or host belongs to, in any spelling; a `HOLE` in it stands for an unknown part."""
    return _remembered(url[:_LONGEST])


@lru_cache(maxsize=4096)
def _remembered(text: str) -> Areas:
    url = parsed(text)
    if url.scheme in SOCKETS or _is_file(text):
        return NOTHING
    areas = NOTHING.union(*(_host_areas(host) | _by_path(host, url) for host in url.hosts))
    deceives = url.hidden or (url.scheme in {"", "http", "https", "ws", "wss", "ftp"} and _is_bait(url.user))
    return areas | _OBSCURED if deceives else areas


def _is_file(text: str) -> bool:
    """Return whether an address is the path of a socket; two slashes would begin a host."""
    return text.startswith("/") and text[1:2] not in {"/", "\\"}


def _is_bait(user: str) -> bool:
    """Return whether what stands before the `@` poses as the host."""
    return _HOST_LIKE.match(user[:256]) is not None or read_number(user.partition(":")[0].lower()) is not None


def _host_areas(host: str) -> Areas:
    number = read_number(host)
    if number is not None:
        return _number_areas(number)
    name = host.removesuffix(".")
    if not name or name == HOLE:
        return NOTHING
    return _name_areas(name) | (_OBSCURED if host != name and name == "localhost" else NOTHING)


def _number_areas(number: Number) -> Areas:
    areas = _address_areas(number.address)
    return areas | _OBSCURED if number.odd else areas


def _address_areas(address: IPv4Address | IPv6Address) -> Areas:
    if str(address) in _METADATA_NUMBERS:
        return frozenset({Area.METADATA, Area.LINK_LOCAL if address.is_link_local else Area.INTERNAL})
    if address.is_loopback or address.is_unspecified or str(address).startswith("0."):
        return frozenset({Area.LOOPBACK})
    if address.is_link_local:
        return frozenset({Area.LINK_LOCAL})
    if (
        not address.is_global
        or address.is_multicast
        or (isinstance(address, IPv4Address) and address in _SHARED)
    ):
        return frozenset({Area.INTERNAL})
    return _PUBLIC


def _name_areas(name: str) -> Areas:
    if name in _METADATA_NAMES:
        return frozenset({Area.METADATA, Area.INTERNAL})
    if _is_or_below(name, _LOOPBACK_NAMES):
        return frozenset({Area.LOOPBACK})
    if name.endswith(_INTERNAL_ENDINGS) or ("." not in name and HOLE not in name):
        return frozenset({Area.INTERNAL})
    embedded = _EMBEDDING.match(name[-_LONGEST_NAME:])
    return _embedded_areas(embedded) if embedded else _public_areas(name)


def _embedded_areas(found: re.Match[str]) -> Areas:
    dotted, hexadecimal = found.groups()
    number = read_number(dotted.replace("-", ".") if dotted else f"0x{hexadecimal}")
    areas = NOTHING if number is None else _address_areas(number.address)
    return areas | _OBSCURED if areas and areas != _PUBLIC else _PUBLIC


def _public_areas(name: str) -> Areas:
    if name.startswith(HOLE) and "." not in name:
        return NOTHING
    if _HIDDEN_SERVICES.match(name[-_LONGEST_NAME:]):
        return _PUBLIC | {Area.ONION}
    return _PUBLIC | {Area.DROP} if _is_or_below(name, _DROPS) else _PUBLIC


def _is_or_below(name: str, domains: tuple[str, ...]) -> bool:
    """Return whether a name is one of some domains or lies below one."""
    labels = name[-_LONGEST_NAME:].split(".")
    return any(".".join(labels[start:]) in domains for start in range(max(0, len(labels) - 4), len(labels)))


def _by_path(host: str, url: Url) -> Areas:
    """Return the areas that only host and path together tell."""
    if (not host or HOLE in host) and _METADATA_PATH.match(url.path):
        return frozenset({Area.METADATA})
    if (
        HOLE in host + url.path
        and _is_or_below(host, _BINS)
        and (HOLE in host or _LADEN_PATH.match(url.path))
    ):
        return frozenset({Area.LADEN})
    if any(host == service and pattern.match(url.path) for service, pattern in _MESSENGERS):
        return frozenset({Area.MESSENGER})
    if any(host == service and pattern.match(url.path) for service, pattern in _DROP_PATHS):
        return frozenset({Area.DROP})
    return NOTHING
