"""Rules about changing files, by the areas that the path belongs to.

The one idea: writing is bad where others rely on what is written: the system, its accounts, its logs, whatever runs by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Area, Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.paths.catalogue import WHOLE
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import python, shell
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHANGED = (Kind.WRITE, Kind.DELETE, Kind.PERMIT)

_ACCOUNTS = ("*etc*passwd*", "*shadow*", "*sudoers*", "*opasswd*", "*system32?config*", "*pam.d*")

_MAKERS = ("mkdir", "mkdir*", "*.mkdir*", "*.makedirs")
_TOPS = tuple(f"/{name}{slash}" for name in ("", *sorted(WHOLE)) for slash in ("", "/"))
_MAKES_NOTHING = RuleException("making a folder that is there changes nothing", names=_MAKERS, values=_TOPS)
_UNPACKERS = ("tar", "bsdtar", "unzip", "7z", "7za", "cpio", "*.extractall", "*.extract", "*unpack_archive")
_FOR_ALL = tuple(
    f"/{name}{slash}"
    for name in ("home", "media", "mnt", "opt", "srv", "users", "volumes")
    for slash in ("", "/")
)
"""Top-level folders that are there to have something put into them."""
_OWN_SETTINGS = tuple(
    f"{here}{name}"
    for here in ("", "./")
    for name in (
        ".env",
        ".env.local",
        ".env.production",
        ".env.development",
        ".env.test",
        ".npmrc",
        ".envrc",
        ".yarnrc.yml",
    )
)
"""Exact, since a wildcard would also let a path pass that begins like one of these and climbs out."""


def _changes(*areas: Area, traits: tuple[Trait, ...] = (), values: tuple[str, ...] = ()) -> tuple[When, ...]:
    return tuple(When(kind, areas=areas, traits=traits, values=values) for kind in _CHANGED)


def _writes() -> Iterator[Rule]:
    """Return the rules about writing and changing."""
    yield Rule(
        id="path-change-accounts",
        title="Changes the system's accounts",
        family=Family.PRIVILEGE,
        level=ThreatLevel.CRITICAL,
        description="{name} changes {value}, which says who may log in and with what rights.",
        when=_changes(Area.SYSTEM, values=_ACCOUNTS),
        found=(
            *shell("echo 'x::0:0::/:/bin/sh' >> /etc/passwd", "rm /etc/shadow"),
            *python("open('/etc/sudoers.d/x', 'w')"),
        ),
        ignored=(*shell("echo a >> etc/notes"), *python("open('passwd.txt', 'w')")),
        tags=("CWE-269", "T1098", "T1136.001", "T1548.003"),
        hint="Leave accounts and rights to an administrator.",
    )
    yield Rule(
        id="path-change-credentials",
        title="Changes credentials",
        family=Family.CREDENTIALS,
        level=ThreatLevel.HIGH,
        description="{name} changes {value}, where keys, tokens or accounts are kept.",
        when=_changes(Area.CREDENTIALS, Area.HISTORY),
        found=(
            *shell("cp key ~/.ssh/id_rsa", "rm ~/.bash_history"),
            *python("open('/root/.aws/credentials', 'w')"),
        ),
        ignored=(
            *shell("echo PORT=80 > .env"),
            *python("open('private_key.pem', 'wb')", "open('history.csv', 'w')"),
        ),
        tags=("CWE-522", "T1098.004", "T1070.003"),
        hint="Do not write or delete key files, token files or histories.",
        exceptions=(
            RuleException("path-change-accounts says it", values=_ACCOUNTS, areas=(Area.SYSTEM,)),
            RuleException("settings of the project itself", values=_OWN_SETTINGS),
        ),
    )
    yield Rule(
        id="path-change-kernel",
        title="Changes the running system or a device",
        family=Family.PRIVILEGE,
        level=ThreatLevel.CRITICAL,
        description="{name} changes {value}, which reaches the kernel or a disk directly.",
        when=_changes(Area.KERNEL, Area.DEVICE),
        found=(
            *shell("echo c > /proc/sysrq-trigger", "echo x > /dev/sda"),
            *python("open('/sys/kernel/uevent_helper', 'w')"),
        ),
        ignored=(
            *shell(
                "echo x > /dev/null", "echo x > /dev/stderr", "echo x > /dev/shm/x", "echo x > /dev/ttyUSB0"
            ),
            *python("open('dev/x', 'w')", "import os\nos.makedirs('/dev', exist_ok=True)"),
        ),
        tags=("CWE-732", "T1561", "T1611"),
        hint="Write to ordinary files in the working folder.",
        exceptions=(_MAKES_NOTHING,),
    )
    yield Rule(
        id="path-change-system",
        title="Changes a file of the system",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} changes {value}, which belongs to the system.",
        when=(
            *_changes(Area.SYSTEM),
            When(Kind.PERMIT, areas=(Area.ROOT,)),
            When(Kind.WRITE, areas=(Area.LOGS,), without=(Trait.APPEND,)),
            When(Kind.DELETE, areas=(Area.LOGS,)),
            When(Kind.PERMIT, areas=(Area.LOGS,)),
        ),
        found=(
            *shell(
                "cp x /usr/local/bin/x",
                "rm /etc/issue",
                "echo '0.0.0.0 a.example' >> /etc/hosts",
                "rm /var/log/wtmp",
            ),
            *python("open('/usr/x.py', 'w')", "import os\nos.chmod('/etc/crontab', 0o666)"),
        ),
        ignored=(
            *shell("cp x usr/x", "rm ./etc/issue"),
            *python(
                "open('/tmp/x', 'w')",
                "open('/srv/app/x.log', 'w')",
                "import logging\nlogging.FileHandler('/var/log/x.log')",
                "import os\nos.makedirs('/var/log/x')",
                "import os\nos.makedirs('/usr', exist_ok=True)",
            ),
        ),
        tags=("CWE-552", "T1565.001", "T1070.002"),
        hint="Write to the working folder or a temporary one.",
        exceptions=(
            _MAKES_NOTHING,
            RuleException("path-write-log says it", names=_MAKERS, areas=(Area.LOGS,)),
            RuleException("path-change-accounts says it", values=_ACCOUNTS, areas=(Area.SYSTEM,)),
        ),
    )
    yield Rule(
        id="path-write-log",
        title="Adds to the system's logs",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} adds {value} to where the system and its services keep their logs.",
        when=(
            When(Kind.WRITE, areas=(Area.LOGS,), traits=(Trait.APPEND,)),
            When(Kind.WRITE, areas=(Area.LOGS,), names=_MAKERS),
        ),
        found=(
            *shell("echo started >> /var/log/x.log", "mkdir -p /var/log/x"),
            *python("import logging\nlogging.FileHandler('/var/log/x.log')"),
        ),
        ignored=(*shell("echo started >> logs/x.log"), *python("open('/var/log/x.log', 'w')")),
        tags=("CWE-117", "T1565.001"),
        hint="Log to the working folder, or to standard error.",
    )
    yield Rule(
        id="path-write-root",
        title="Unpacks over the root of the file system",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} unpacks an archive into {value}, over whatever of the system has the names that it holds.",
        when=(When(Kind.WRITE, areas=(Area.ROOT,), names=_UNPACKERS),),
        found=(
            *shell("tar -C / -xf x.tar", "unzip x.zip -d /"),
            *python("import tarfile\ntarfile.open('x.tar').extractall('/')"),
        ),
        ignored=(
            *shell("tar -C /opt -xf x.tar", "unzip x.zip -d ~", "mv x /"),
            *python("import tarfile\ntarfile.open('x.tar').extractall('/data')"),
        ),
        tags=("CWE-22", "CWE-73", "T1565.001"),
        hint="Unpack into a folder of its own.",
        exceptions=(
            RuleException("a home, or a folder for anything", areas=(Area.HOME,)),
            RuleException("a home, or a folder for anything", values=_FOR_ALL),
            RuleException(
                "path-change-system or path-change-kernel says it",
                areas=(Area.SYSTEM, Area.KERNEL, Area.DEVICE),
            ),
        ),
    )
    yield Rule(
        id="path-change-startup",
        title="Changes what runs at a start",
        family=Family.PERSISTENCE,
        level=ThreatLevel.HIGH,
        description="{name} changes {value}, which a shell, service, interpreter, editor or git runs at its start.",
        when=_changes(Area.STARTUP),
        found=(
            *shell(
                "echo 'alias ls=x' >> ~/.bashrc",
                "cp hook .git/hooks/pre-commit",
                "cp x ~/.ssh/authorized_keys",
            ),
            *python("open('/root/.profile', 'a')", "open('.vscode/tasks.json', 'w')"),
        ),
        ignored=(
            *shell("echo x >> bashrc.txt", "cp x hooks/pre-commit"),
            *python("open('model.pth', 'wb')"),
        ),
        tags=("CWE-506", "T1546.004", "T1037", "T1053.003", "T1098.004"),
        hint="Do not write files that something runs later by itself.",
    )
    yield Rule(
        id="path-change-vcs",
        title="Changes version control's own files",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} changes {value}, where version control keeps its history.",
        when=_changes(Area.VCS),
        found=(*shell("rm -rf .git", "rm .git/index"), *python("open('.git/HEAD', 'w')")),
        ignored=(*shell("rm -rf git"), *python("open('.gitignore', 'w')")),
        tags=("CWE-552", "T1565.001"),
        hint="Use git's commands instead of writing into its folder.",
    )


RULES: tuple[Rule, ...] = tuple(_writes())
