"""Programs about processes: what ends them, lists them, starts them with the machine or later.

The one idea: ending or scheduling something that the script did not start changes the machine for others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell.options import parse, word_set
from ringfence.scanning.shell.values import EMPTY, Value, Values, origins_of, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


def kill(m: Machine, call: Call) -> Values:
    """Follow `kill`: which processes get a signal. Signal 0 only asks, and `-l` only lists."""
    args = list(call.args)
    if args and args[0].text in {"-s", "--signal", "-n"}:
        signal, args = args[1].text if len(args) > 1 else "", args[2:]
    elif (
        args
        and re.fullmatch(r"-[A-Za-z0-9]+", args[0].text)
        and (len(args) > 1 or args[0].text in {"-l", "-L"})
    ):
        signal, args = args[0].text[1:], args[1:]
    else:
        signal = ""
    if signal in {"0", "l", "L"}:
        return EMPTY
    for each in args:
        if each.text != "--":
            m.emit(Kind.KILL, "kill", each.text, _of_process(each), each.origins)
    return EMPTY


def _of_process(process: Value) -> list[Trait]:
    if process.text in {"-1", "1"}:
        return [Trait.EVERYTHING, Trait.OTHERS]
    return [Trait.OTHERS] if Origin.PROCESSES in process.origins else []


def kill_by_name(m: Machine, call: Call) -> Values:
    """Follow `pkill`, `killall`, `fuser -k`, `xkill`, `skill`: processes that somebody else started."""
    if call.name == "fuser" and not any(re.fullmatch(r"-[a-z]*k[a-z]*|--kill", text) for text in call.texts):
        return unknown({Origin.PROCESSES})
    signal = any(text in {"-0", "-l", "-L"} for text in call.texts)
    if not signal:
        named = [text for text in call.texts if not text.startswith("-")]
        everything = (
            call.name == "killall5" or named in (["."], [".*"]) or (not named and call.name == "pkill")
        )
        m.emit(
            Kind.KILL, call.name, " ".join(named), [Trait.OTHERS] + ([Trait.EVERYTHING] if everything else [])
        )
    return EMPTY


def processes(m: Machine, call: Call) -> Values:
    """Follow programs that list processes."""
    m.emit(Kind.ENVIRONMENT, call.name)
    return unknown({Origin.PROCESSES})


def power(m: Machine, call: Call) -> Values:
    """Follow `shutdown`, `reboot` and `init 0`: the end of every process."""
    if call.name in {"init", "telinit"} and not ({"0", "6", "1"} & set(call.texts)):
        return EMPTY
    if "-c" not in call.texts and "--help" not in call.texts:
        m.emit(Kind.KILL, call.name, " ".join(call.texts), (Trait.OTHERS, Trait.EVERYTHING))
    return EMPTY


_GUARDS = re.compile(
    r"(?:auditd|apparmor|firewalld|ufw|iptables|nftables|fail2ban|rsyslog|syslog(?:-ng)?|systemd-journald|falco\w*|clamav\S*|selinux|"
    r"osqueryd?|wazuh\S*|ossec\S*|crowdstrike\S*|falcon-sensor|sysmon|aide|tripwire|chkrootkit|snort|suricata)(?:\.service)?$"
)

_STARTS_LATER = word_set(
    "enable reenable link preset edit set-default add-wants add-requires import-environment"
)


def services(m: Machine, call: Call) -> Values:
    """Follow `systemctl`, `service`, `rc-service`: services that start at boot, that stop, safeguards that go."""
    words = [each.text for each in parse(call.args, {"-H", "-M", "-t", "-p", "-n", "-o"}).operands]
    if call.name in {"service", "rc-service"} or (len(words) > 1 and words[0].startswith("/etc/init.d")):
        words = [*words[1:2], *words[:1]]
    if not words:
        return unknown()
    action, names = words[0], words[1:]
    if action in {"stop", "disable", "mask", "kill"} and any(_GUARDS.match(name) for name in names):
        m.emit(Kind.DISABLE, "service", " ".join(names))
    elif action in {"stop", "kill"}:
        m.emit(Kind.KILL, call.name, " ".join(names), (Trait.OTHERS,))
    if action in _STARTS_LATER:
        m.emit(Kind.PERSIST, f"{call.name} {action}", " ".join(names))
    if action in {"poweroff", "reboot", "halt", "rescue", "emergency", "kexec", "isolate"}:
        m.emit(Kind.KILL, call.name, action, (Trait.OTHERS, Trait.EVERYTHING))
    return unknown()


def boot_services(m: Machine, call: Call) -> Values:
    """Follow `update-rc.d`, `chkconfig`, `rc-update`, `launchctl`: what starts at boot or login."""
    words = set(call.texts)
    starts = {"defaults", "enable", "on", "add", "load", "bootstrap", "submit", "kickstart", "--add"}
    if words & starts:
        m.emit(Kind.PERSIST, call.name, " ".join(call.texts))
    return EMPTY


def crontab(m: Machine, call: Call) -> Values:
    """Follow `crontab`: to list is no change, everything else is."""
    options = parse(call.args, {"-u"})
    if options.has("-l") and not options.operands:
        return unknown({Origin.USER})
    for each in options.operands:
        if each.text != "-":
            m.content(each, "crontab")
    m.emit(Kind.PERSIST, "crontab", " ".join(call.texts), origins=origins_of(call.stdin))
    return EMPTY


def at(m: Machine, call: Call) -> Values:
    """Follow `at` and `batch`: a script that runs later."""
    options = parse(call.args, {"-f", "-q", "-t", "-c", "-d", "-r"})
    if options.has("-l", "-c", "-d", "-r", "-V"):
        return unknown()
    m.emit(Kind.PERSIST, call.name, " ".join(each.text for each in options.operands))
    scripts = [*call.stdin, *(value for each in options.values("-f") for value in m.content(each, call.name))]
    return m.evaluate(tuple(scripts), call.name, quiet=True)


def endless(m: Machine, call: Call) -> Values:
    """Follow `yes`: output without end, which fills what it is written to."""
    kept = [path for path, _ in call.streams.files if path != "/dev/null"]
    m.emit(Kind.RESOURCE, "fill" if kept else "yes", " ".join(kept), (Trait.EVERYTHING,) if kept else ())
    return unknown()


def load(m: Machine, call: Call) -> Values:
    """Follow `stress` and others whose point is to use up the machine."""
    m.emit(Kind.RESOURCE, "stress", " ".join(call.texts))
    return EMPTY


def pidof(m: Machine, call: Call) -> Values:
    """Follow programs that print the numbers of processes."""
    m.emit(Kind.ENVIRONMENT, call.name)
    return (Value(HOLE, frozenset({Origin.PROCESSES})),)
