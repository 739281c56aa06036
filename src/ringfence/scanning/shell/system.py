"""Programs that act on the machine itself: processes, services, accounts, schedules, devices, kernel modules, safeguards.

The one idea: each says what it changes in the words of `effects.py`, so that rules need not know how a program is called with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell.options import parse, word_set
from ringfence.scanning.shell.values import EMPTY, Value, Values, unknown
from ringfence.scanning.shell.wrappers import wrapper

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


def facts(m: Machine, call: Call) -> Values:
    """Follow programs that tell something about the machine or its users."""
    m.emit(Kind.ENVIRONMENT, call.name)
    return unknown({Origin.ENVIRONMENT})


_ADMINS = word_set("sudo wheel root admin docker lxd disk shadow adm sudoers kvm libvirt 0")


_ACCOUNT_VALUED = word_set("-G -g -u -s -d -p -c -e --groups --gid --uid --shell --home")
_CHANGES_ACCOUNTS = word_set(
    "passwd chpasswd visudo vipw chsh usermod userdel deluser groupmod groupdel chage"
)


def accounts(m: Machine, call: Call) -> Values:
    """Follow programs that make users, change passwords, or put users into groups."""
    options = parse(call.args, _ACCOUNT_VALUED)
    named = [each.text for each in options.operands]
    groups = {
        name for value in options.values("-G", "--groups", "-g", "--gid") for name in value.text.split(",")
    }
    if call.name in {"gpasswd", "adduser", "addgroup", "usermod"}:
        groups |= set(named[1:] if call.name == "adduser" else named)
    as_root = any(value.text == "0" for value in options.values("-u", "--uid"))
    if groups & _ADMINS or as_root:
        m.emit(Kind.PRIVILEGE, f"{call.name} admin", " ".join(call.texts), (Trait.OTHERS,))
    if call.name in {"useradd", "adduser", "newusers", "groupadd"}:
        m.emit(Kind.PERSIST, call.name, " ".join(named))
    elif call.name in _CHANGES_ACCOUNTS and not {"-S", "--status"} & set(call.texts):
        m.emit(Kind.PRIVILEGE, call.name, " ".join(call.texts), (Trait.OTHERS,))
    return EMPTY


def mount(m: Machine, call: Call) -> Values:
    """Follow `mount`: without operands it only lists."""
    options = parse(call.args, {"-t", "-o", "-L", "-U", "--options", "--types", "-O"})
    words = [each.text for each in options.operands]
    if not words and not options.has("-a", "--all"):
        return unknown()
    how = " ".join(value.text for value in options.values("-o", "--options"))
    device = bool(words) and words[0].startswith("/dev/") and not words[0].startswith("/dev/loop")
    strong = (
        device or "remount" in how or "bind" in how or options.has("--bind", "--rbind", "-B", "-R", "--move")
    )
    m.emit(Kind.PRIVILEGE, "mount", " ".join(call.texts), (Trait.FORCE,) if strong else ())
    for each in options.operands[1:]:
        m.touch(Kind.WRITE, "mount", each)
    return EMPTY


def format_device(m: Machine, call: Call) -> Values:
    """Follow `mkfs`, `fdisk`, `parted`, `wipefs` and others that put an end to what a device holds."""
    if {"-l", "--list", "-n", "--no-act", "print"} & set(call.texts):
        return unknown()
    for each in parse(call.args, word_set("-t -L -U -b -m -n -o -N")).operands:
        if each.text.startswith(("/dev/", HOLE)) or "." in each.text:
            m.touch(Kind.DELETE, call.name, each, (Trait.EVERYTHING,))
    return EMPTY


def kernel(m: Machine, call: Call) -> Values:
    """Follow programs that change the kernel: modules, settings, another kernel."""
    texts = call.texts
    if call.name == "modprobe" and {"-n", "-D", "--show-depends", "-c"} & set(texts):
        return unknown()
    if call.name == "sysctl":
        changed = [text for text in texts if "=" in text]
        if changed or {"-p", "--system", "--load"} & set(texts):
            m.emit(Kind.PRIVILEGE, "sysctl", " ".join(changed or texts))
        return unknown()
    m.emit(Kind.PRIVILEGE, call.name, " ".join(texts), (Trait.FORCE,))
    return EMPTY


def capabilities(m: Machine, call: Call) -> Values:
    """Follow `setcap`: a program gets rights of its own."""
    operands = [each for each in call.args if not each.text.startswith("-")]
    if operands:
        m.emit(Kind.PRIVILEGE, "setcap", " ".join(call.texts), (Trait.SETUID,))
    for each in operands[1:]:
        m.touch(Kind.PERMIT, "setcap", each, (Trait.SETUID,))
    return EMPTY


def namespaces(m: Machine, call: Call) -> Values:
    """Follow `nsenter`, `chroot`, `unshare`, `capsh`: into other processes' surroundings, or around the own limits."""
    texts = call.texts
    target = " ".join(texts[:6])
    if call.name == "nsenter" and not {"-h", "--help"} & set(texts):
        m.emit(Kind.PRIVILEGE, "nsenter", target, (Trait.FORCE,))
    elif call.name == "chroot":
        m.emit(Kind.PRIVILEGE, "chroot", target)
    elif call.name == "capsh" and any(text in {"--gid=0", "--uid=0", "--"} for text in texts):
        m.emit(Kind.PRIVILEGE, "capsh", target)
    elif call.name == "unshare":
        m.emit(Kind.PRIVILEGE, "unshare", target)
    return wrapper(m, call)


_FIREWALL_OFF = re.compile(
    r"(?:^|\s)(?:-F|--flush|-X|--delete-chain|flush|disable|reset|stop|off|-P\s+\w+\s+ACCEPT|--policy\s+\w+\s+ACCEPT|-D|--delete)(?:\s|$)"
)


def firewall(m: Machine, call: Call) -> Values:
    """Follow `iptables`, `nft`, `ufw`, `firewall-cmd`, `setenforce`, `auditctl`: safeguards that are switched off or changed."""
    text = " ".join(call.texts)
    off = (
        bool(_FIREWALL_OFF.search(text))
        if call.name not in {"setenforce", "auditctl", "aa-disable", "aa-teardown"}
        else True
    )
    if call.name == "setenforce":
        off = call.texts[:1] in (["0"], ["Permissive"], ["permissive"])
    elif call.name == "auditctl":
        off = bool({"-D", "-d", "-W"} & set(call.texts)) or "-e 0" in text
    if off:
        m.emit(Kind.DISABLE, call.name, text)
    elif call.texts and call.texts[0] not in {
        "-L",
        "-S",
        "-nL",
        "-vnL",
        "list",
        "status",
        "--list-all",
        "-l",
        "-s",
    }:
        m.emit(Kind.PRIVILEGE, call.name, text)
    return unknown()


def journal(m: Machine, call: Call) -> Values:
    """Follow `journalctl` and `dmesg`: reading is one thing, emptying another."""
    text = " ".join(call.texts)
    if (
        "--vacuum" in text
        or "--rotate" in text
        or (call.name == "dmesg" and re.search(r"-[a-zA-Z]*[cC]\b|--clear", text))
    ):
        m.emit(Kind.DISABLE, "log", f"{call.name} {text}")
    return unknown({Origin.SYSTEM})


def capture(m: Machine, call: Call) -> Values:
    """Follow programs that take the screen, the keyboard, the clipboard, a camera or a microphone."""
    writes = call.name in {"xclip", "xsel", "wl-copy"} and not {"-o", "-out", "--output"} & set(call.texts)
    if not writes:
        m.emit(Kind.CAPTURE, call.name, _DEVICES.get(call.name, "screen"))
    options = parse(call.args, {"-f", "-d", "-r", "-i"})
    for each in (
        options.operands
        if call.name in {"scrot", "screencapture", "arecord", "fswebcam", "gnome-screenshot", "import"}
        else ()
    ):
        m.touch(Kind.WRITE, call.name, each)
    return unknown({Origin.USER})


_DEVICES = {
    "xclip": "clipboard", "xsel": "clipboard", "pbpaste": "clipboard", "wl-paste": "clipboard", "arecord": "microphone",
    "fswebcam": "camera", "imagesnap": "camera", "logkeys": "keyboard", "xinput": "keyboard", "xev": "keyboard", "showkey": "keyboard",
}  # fmt: skip


def for_evaluation(m: Machine, call: Call) -> Values:
    """Follow programs that print settings of this shell, made for `eval` and nothing to fear; some also start a command."""
    start = next(
        (number for number, text in enumerate(call.texts) if text in {"exec", "run", "x"}), len(call.args)
    )
    rest = parse(call.args[start + 1 :], {"-n", "-p", "--name", "--prefix"}, early=True).operands
    return m.call(rest, call.streams) if rest else EMPTY


def quoted_arguments(_m: Machine, _call: Call) -> Values:
    """Follow `getopt`: it prints the arguments that it was given, sorted and quoted, for `eval set -- "$(getopt ...)"`."""
    return (Value('"$@"'),)


def remote_shell_tools(m: Machine, call: Call) -> Values:
    """Follow tunnels: a connection from outside to this machine."""
    m.emit(Kind.BRIDGE, call.name, " ".join(call.texts))
    return unknown({Origin.NETWORK})


def terminal(m: Machine, call: Call) -> Values:
    """Follow `tmux` and `screen -dm`: a command in a session that goes on."""
    texts = call.texts
    commands = [each for each in call.args if " " in each.text or "|" in each.text]
    for each in commands[-1:]:
        m.evaluate((each,), call.name, quiet=True)
    if not commands and len(texts) > 1 and call.name == "screen":
        return wrapper(m, call)
    return EMPTY
