"""Programs that run commands somewhere else: `ssh`, and `docker` and its relatives.

The one idea: what runs there is followed as if it ran here, and how much of this machine a container gets is said besides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Origin, Trait
from ringfence.scanning.shell.options import Options, parse, word_set
from ringfence.scanning.shell.values import (
    EMPTY,
    Values,
    joined,
    origins_of,
    unknown,
)

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


_SSH_VALUED = word_set("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w -B")


def ssh(m: Machine, call: Call) -> Values:
    """Follow `ssh`: a connection, and a script that runs at its other end."""
    options = parse(call.args, _SSH_VALUED, early=True)
    ran_here(m, options)
    if not options.operands:
        return EMPTY
    host, command = options.operands[0], options.operands[1:]
    sent = origins_of(call.stdin) | origins_of(command)
    m.emit(
        Kind.CONNECT,
        "ssh",
        f"ssh://{host.text}",
        (Trait.SENDS,) if call.streams.stdin or command else (),
        sent,
    )
    m.roles.append(("network", host.text))
    for value in options.values("-R"):
        m.emit(Kind.BRIDGE, "ssh -R", f"{host.text} {value.text}")
    if command:
        m.apart(lambda: m.evaluate(joined([(each,) for each in command], " "), "ssh", quiet=True))
    return unknown({Origin.NETWORK})


def ran_here(m: Machine, options: Options) -> None:
    """Follow the options of `ssh` and its relatives that start a command on this machine."""
    for value in options.values("-o"):
        name, _, command = value.text.replace("=", " ", 1).strip().partition(" ")
        if name.lower() in {"proxycommand", "localcommand", "knownhostscommand"}:
            m.evaluate((value._replace(text=command.strip()),), "ssh -o", quiet=True)


_CONTAINER_VALUED = word_set(
    "-v --volume -e --env -p --publish --name -w --workdir -u --user --network --net --entrypoint "
    "--mount -m --memory --cpus -h --hostname --cap-add --cap-drop --security-opt --device --pid "
    "--ipc --userns --env-file --add-host -l --label --restart --gpus --platform --rm-rf "
    "--shm-size --ulimit --volumes-from -c --container -n --namespace --context -H --host "
    "--log-driver --cgroupns --uts"
)

_ESCAPES = frozenset(
    {"--privileged", "--pid=host", "--ipc=host", "--userns=host", "--uts=host", "--cgroupns=host"}
)

_STRONG = word_set("ALL SYS_ADMIN SYS_PTRACE SYS_MODULE DAC_READ_SEARCH CAP_SYS_ADMIN SYS_RAWIO CAP_ALL")

_OWN_PLACES = re.compile(
    r"(?:/(?:etc|root|proc|sys|dev|boot|var/lib/docker|usr|bin|home|var)?/?|.*docker\.sock)$"
)


def container(m: Machine, call: Call) -> Values:
    """Follow `docker`, `podman`, `kubectl`: how much of the machine a container gets, and what runs in it."""
    options = parse(call.args, _CONTAINER_VALUED | {"-f"}, early=True)
    words = [*options.operands]
    command = words.pop(0).text if words else ""
    if command in {"container", "compose"} and words:
        command = words.pop(0).text
    if command not in {"run", "exec", "create", "debug"}:
        return unknown()
    options = parse(words, _CONTAINER_VALUED, early=True)
    _note_escape(m, call, options)
    line = [each for each in options.operands[1:] if each.text != "--"]
    entry = options.values("--entrypoint")
    if entry:
        line = [*entry, *line]
    if line and not line[0].text.startswith("-"):
        m.apart(lambda: m.call(line, call.streams))
    return unknown()


def _note_escape(m: Machine, call: Call, options: Options) -> None:
    found = [name if value is None else f"{name}={value.text}" for name, value in options.given]
    reasons = [each for each in found if each in _ESCAPES]
    reasons += [value.text for value in options.values("--cap-add") if value.text.upper() in _STRONG]
    reasons += [
        value.text
        for value in options.values("-v", "--volume")
        if _OWN_PLACES.match(value.text.partition(":")[0])
    ]
    for value in options.values("--mount"):
        source = re.search(r"(?:^|,)(?:source|src)=([^,]*)", value.text)
        if source and _OWN_PLACES.match(source[1]):
            reasons.append(source[1])
    for reason in reasons[:1]:
        m.emit(Kind.PRIVILEGE, f"{call.name} escape", reason)
