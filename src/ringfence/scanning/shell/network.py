"""Programs that use the network: `curl`, `wget`, `nc`, `socat`, `scp`, `rsync`, name look-ups, package managers, `git`.

The one idea: each of them gives a connection, with what it sends and where that comes from, and with where it puts what it receives.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Origin, Trait
from ringfence.scanning.shell.files import inside
from ringfence.scanning.shell.http import FROM_HERE, RECEIVED
from ringfence.scanning.shell.options import parse, word_set
from ringfence.scanning.shell.remote import ran_here
from ringfence.scanning.shell.values import EMPTY, NO_ORIGINS, Value, Values, origins_of, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


_NC_VALUED = word_set(
    "-e -c -p -w -q -s -i -X -x -I -O -T -V -g -G -m -o --exec --sh-exec --lua-exec --proxy --wait"
)


def netcat(m: Machine, call: Call) -> Values:
    """Follow `nc`, `ncat`, `telnet`: a connection whose other end is a stream."""
    valued = _NC_VALUED if call.name != "telnet" else frozenset({"-l", "-e", "-b"})
    options = parse(call.args, valued)
    words = [each.text for each in options.operands]
    address = ":".join(words[:2])
    listens = options.has("-l", "--listen") and call.name != "telnet"
    for value in (
        options.values("-e", "-c", "--exec", "--sh-exec", "--lua-exec") if call.name != "telnet" else ()
    ):
        m.emit(Kind.BRIDGE, call.name, address)
        m.evaluate((value,), call.name, quiet=True)
    if listens:
        port = "".join(value.text for value in options.values("-p")) or (words[-1] if words else "")
        m.emit(Kind.LISTEN, call.name, f"0.0.0.0:{port}")
    else:
        given = call.streams.stdin is not None
        m.emit(
            Kind.CONNECT,
            call.name,
            address,
            (Trait.SENDS,) if given else (),
            origins_of(call.stdin) | origins_of(options.operands),
        )
    m.roles.append(("network", address))
    return RECEIVED


_SOCAT_ADDRESS = re.compile(
    r"(?:tcp|udp|openssl|ssl|sctp|socks\w*|proxy)[46]?(?:-connect|-datagram|-sendto)?:(.*)", re.IGNORECASE
)
_SOCAT_RUNS = re.compile(r"(?:exec|system|shell):(.*)", re.IGNORECASE | re.DOTALL)


def socat(m: Machine, call: Call) -> Values:
    """Follow `socat`: two ends that are joined."""
    ends = [each.text for each in parse(call.args, {"-T", "-t", "-b", "-lf"}).operands]
    address, runs = "", ""
    for end in ends:
        listening = re.match(r"(?:tcp|udp|openssl|sctp)[46]?-(?:l|listen|recv\w*):(\d*)", end, re.IGNORECASE)
        outgoing = _SOCAT_ADDRESS.match(end)
        if listening:
            address = f"0.0.0.0:{listening[1]}"
            m.emit(Kind.LISTEN, "socat", address)
        elif outgoing:
            address = outgoing[1].partition(",")[0]
            m.emit(
                Kind.CONNECT,
                "socat",
                address,
                (Trait.SENDS,) if call.streams.stdin else (),
                origins_of(call.stdin),
            )
        elif found := _SOCAT_RUNS.match(end):
            runs = re.split(r"""(?<!\\),(?=[a-z-]+(?:=|,|$))""", found[1])[0].strip("'\"")
    if runs:
        if address:
            m.emit(Kind.BRIDGE, "socat", address)
        m.evaluate((Value(runs),), "socat", quiet=True)
    m.roles.append(("network", address))
    return RECEIVED


REMOTE = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//)|(?:rsync|scp|sftp)://|\[[0-9A-Fa-f:]+\]:")


_SCP_VALUED = word_set("-P -i -F -c -l -o -S -J -D -X -B -b -R -s")
_RSYNC_VALUED = word_set(
    "-e --rsh --exclude --include --exclude-from --include-from --files-from --password-file --rsync-path --bwlimit --log-file -f"
    " --filter -B --block-size --backup-dir --suffix -T --temp-dir --chmod --chown --port --timeout --max-size --min-size -M"
)


def transfer(m: Machine, call: Call) -> Values:
    """Follow `scp`, `rsync`, `sftp`: files between here and elsewhere."""
    options = parse(call.args, _RSYNC_VALUED if call.name == "rsync" else _SCP_VALUED)
    ran_here(m, options)
    for value in options.values("-e", "--rsh", "-S", "--rsync-path"):
        m.evaluate((value,), call.name, quiet=True)
    operands = list(options.operands)
    target = operands.pop() if len(operands) > 1 or call.name == "sftp" else None
    sent = NO_ORIGINS
    for each in operands:
        if REMOTE.match(each.text):
            m.emit(Kind.CONNECT, call.name, remote_address(each.text))
        else:
            sent |= origins_of(m.content(each, call.name))
    if target is not None and REMOTE.match(target.text):
        m.emit(Kind.CONNECT, call.name, remote_address(target.text), (Trait.SENDS,) if operands else (), sent)
    elif target is not None:
        for each in operands:
            where = m.touch(Kind.WRITE, call.name, inside(target, each))
            m.keep(where, RECEIVED if REMOTE.match(each.text) else unknown(sent))
    deletes = any(name.startswith("--delete") for name, _ in options.given)
    if deletes and target is not None and not REMOTE.match(target.text):
        m.touch(Kind.DELETE, "rsync", target, (Trait.RECURSIVE,))
    return EMPTY


def remote_address(text: str) -> str:
    """Return the address that `host:path` stands for."""
    return text if "://" in text else f"ssh://{text.replace(':', '/', 1)}"


_HOST_TABLES = (["hosts"], ["ahosts"], ["ahostsv4"], ["ahostsv6"])
_LOOKUP_VALUED = word_set("-c -i -W -w -s -t -p -I -b -q -m -n -f -k -x -y -T -F -z -P -r -R")


def lookup(m: Machine, call: Call) -> Values:
    """Follow `ping`, `dig`, `nslookup` and the like: names and addresses that others learn of."""
    options = parse(call.args, _LOOKUP_VALUED - ({"-f"} if call.name == "ping" else set()))
    operands = [each for each in options.operands if not each.text.startswith("+")]
    if call.name == "getent":
        operands = operands[1:] if call.texts[:1] in _HOST_TABLES else []
    for each in operands[: 1 if call.name in {"nslookup", "host"} else None]:
        if call.name == "dig" and each.text.upper() in _RECORDS:
            continue
        carried = each.origins & (FROM_HERE | {Origin.ENVIRONMENT})
        m.emit(Kind.CONNECT, call.name, each.text.lstrip("@"), (Trait.SENDS,) if carried else (), carried)
    return RECEIVED


_RECORDS = frozenset({"A", "AAAA", "MX", "TXT", "NS", "CNAME", "ANY", "SOA", "PTR", "SRV", "CAA"})


def mail(m: Machine, call: Call) -> Values:
    """Follow `mail`, `sendmail`, `mutt`: what is sent to whom."""
    options = parse(call.args, word_set("-s -a -A -r -c -b -S -f -F"))
    sent = origins_of(call.stdin)
    for each in options.values("-a", "-A"):
        sent |= origins_of(m.content(each, call.name))
    for each in options.operands:
        m.emit(Kind.CONNECT, call.name, f"mailto:{each.text}", (Trait.SENDS,), sent)
    return EMPTY


def ftp(m: Machine, call: Call) -> Values:
    """Follow `ftp`, `lftp`, `tftp`, `smbclient`: a host, and commands in an option or on the standard input."""
    options = parse(call.args, word_set("-e -c -u -U -P -m"))
    scripts = [value.text for value in options.values("-e", "-c")] + [value.text for value in call.stdin]
    sent = NO_ORIGINS
    for path in re.findall(r"(?:^|[;\n])\s*(?:m?put|send|upload)\s+(\S+)", "\n".join(scripts)):
        sent |= origins_of(m.content(Value(path), call.name))
    host = options.operands[0].text if options.operands else ""
    m.emit(Kind.CONNECT, call.name, host, (Trait.SENDS,) if sent else (), sent)
    return RECEIVED
