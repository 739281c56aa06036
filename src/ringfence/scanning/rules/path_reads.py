"""Rules about reading and listing files, by the areas that the path belongs to.

The one idea: reading is bad where what is read is secret or tells of the machine and its users; a program's own files, wherever it
keeps them, are no rule's business but the grants'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Area, Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import path, python, shell
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_STORES = (
    "*shadow*", "*opasswd*", "*sam", "*ntds*", "*lsass*", "*system32?config*", "*login data*", "*logins.json", "*key[34].db",
    "*signons.sqlite", "*cookies.sqlite", "*keychain*", "*keyrings*", "*kwalletd*", "*wallet*", "*.bitcoin*", "*.ethereum*",
    "*.electrum*", "*.kdbx", "*.password-store*", "*/proc/*/environ", "*/proc/kcore", "/dev/*mem",
)  # fmt: skip
"""Stores that hold other people's or other programs' secrets, so that no honest program reads them, whatever it is granted."""

_PROJECT_SETTINGS = (
    "*.vscode/settings.json", "*.vscode/tasks.json", "*.vscode/launch.json", "*.idea/workspace.xml", "*.claude/settings.json",
    "*.claude/settings.local.json", "*.cursor/mcp.json", "*.gemini/settings.json", "*.codex/config.toml", "*.mcp.json",
    "*sitecustomize.py", "*usercustomize.py", "*.husky/_", ".envrc",
)  # fmt: skip

_SOURCED = RuleException("a shell that reads it in does what it would do at its start", names=("source", "."))

_PUBLIC = RuleException("every program may read it", areas=(Area.PUBLIC,))


def _reads() -> Iterator[Rule]:
    """Return the rules about reading."""
    yield Rule(
        id="path-read-secret-store",
        title="Reads a store of secrets",
        family=Family.CREDENTIALS,
        level=ThreatLevel.CRITICAL,
        description="{name} reads {value}, which holds password hashes, saved logins, wallets or another process's secrets.",
        when=(When(Kind.READ, areas=(Area.CREDENTIALS,), values=_STORES),),
        found=path(
            "/etc/shadow", "~/.config/google-chrome/Default/Login Data", r"C:\Windows\System32\config\SAM"
        ),
        ignored=path("data/shadow_map.csv", "docs/sam.txt", "~/.ssh/id_rsa"),
        tags=("CWE-522", "T1003.008", "T1555.003", "ASI03"),
        hint="Leave password stores alone; ask for the one secret that the task needs to be passed in.",
    )
    yield Rule(
        id="path-read-credentials",
        title="Reads credentials",
        family=Family.CREDENTIALS,
        level=ThreatLevel.HIGH,
        description="{name} reads {value}, where keys, tokens or accounts are kept.",
        when=(When(Kind.READ, areas=(Area.CREDENTIALS,)),),
        found=path(
            "~/.ssh/id_rsa",
            "/etc/passwd",
            "$HOME/.aws/credentials",
            "../../.env",
            "/home/x/.docker/config.json",
        ),
        ignored=path(
            "~/.ssh/id_rsa.pub",
            "passwd_notes.txt",
            ".env.example",
            "aws/credentials.md",
            "models/weights.pth",
        ),
        tags=("CWE-522", "T1552.001", "T1552.004", "ASI03"),
        hint="Do not read key or token files; have the secret passed in by whoever runs this.",
        exceptions=(RuleException("path-read-secret-store says it", values=_STORES),),
    )
    yield Rule(
        id="path-read-history",
        title="Reads private history",
        family=Family.CREDENTIALS,
        level=ThreatLevel.HIGH,
        description="{name} reads {value}, which records what a person typed, visited or wrote.",
        when=(When(Kind.READ, areas=(Area.HISTORY,)),),
        found=path("~/.bash_history", "/home/x/.mozilla/firefox/places.sqlite", "/var/mail/alice"),
        ignored=path("history.csv", "data/chat_history.json", "docs/mail.md"),
        tags=("CWE-359", "T1552.003", "T1217", "ASI03"),
        hint="Do not read shell histories, browser profiles or mail.",
    )
    yield Rule(
        id="path-read-startup",
        title="Reads a start-up file",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} reads {value}, which a shell or service runs at its start and which often holds secrets.",
        when=(When(Kind.READ, areas=(Area.STARTUP,)),),
        found=path("/root/.profile", "~/.bashrc", "/home/x/.config/autostart/a.desktop"),
        ignored=(*path("profile.json", ".vscode/settings.json", ".git/config"), *shell("source ~/.bashrc")),
        tags=("CWE-538", "T1083", "T1552.001"),
        hint="Do not read start-up files of a person or the system.",
        exceptions=(
            _SOURCED,
            RuleException("settings of a project, which hold no secret", values=_PROJECT_SETTINGS),
            RuleException("version control's own settings", areas=(Area.VCS,)),
            RuleException(
                "path-read-credentials or path-read-system says it", areas=(Area.CREDENTIALS, Area.SYSTEM)
            ),
        ),
    )
    yield Rule(
        id="path-read-system",
        title="Reads a file of the system",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} reads {value}, which tells of the system, its hardware or its processes.",
        when=(When(Kind.READ, areas=(Area.SYSTEM, Area.KERNEL, Area.DEVICE)),),
        found=path(
            "/etc/ssh/sshd_config", "/proc/cpuinfo", "/usr/../etc/group", "/dev/sda", "/sys/kernel/notes"
        ),
        ignored=(
            *path(
                "/etc/hosts",
                "/proc/loadavg",
                "/proc/stat",
                "/usr/share/fonts/a.ttf",
                "/dev/null",
                "etc/config.yaml",
                "usr/x.txt",
            ),
            *shell("source /etc/profile"),
        ),
        tags=("CWE-552", "T1082", "T1083"),
        hint="Read the files that the task names; files of the system are none of its business.",
        exceptions=(
            _PUBLIC,
            _SOURCED,
            RuleException(
                "path-read-credentials or path-read-history says it", areas=(Area.CREDENTIALS, Area.HISTORY)
            ),
        ),
    )
    yield Rule(
        id="path-read-logs",
        title="Reads a log of the system",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} reads {value}, which records logins and what services did.",
        when=(When(Kind.READ, areas=(Area.LOGS,), without=(Trait.UNRESOLVED,)),),
        found=path("/var/log/wtmp", "/var/log/../log/auth.log"),
        ignored=path("logs/app.log", "var/log.txt", "/srv/app/log/access.log"),
        tags=("CWE-532", "T1654"),
        hint="Read the application's own logs from the working folder.",
    )
    yield Rule(
        id="path-read-some-log",
        title="Reads logs whose names cannot be told",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} reads {value}, some of the system's logs.",
        when=(When(Kind.READ, areas=(Area.LOGS,), traits=(Trait.UNRESOLVED,)),),
        found=python(
            "import os\nfor f in os.listdir('/var/log'):\n    open(os.path.join('/var/log', f)).read()",
            "def f(name):\n    return open('/var/log/' + name).read()",
        ),
        ignored=python(
            "open('/var/log/wtmp').read()", "def f(name):\n    return open('logs/' + name).read()"
        ),
        tags=("CWE-532", "T1654"),
        hint="Copy the logs to be analysed to the working folder first.",
    )


def _lists() -> Iterator[Rule]:
    """Return the rule about looking around."""
    yield Rule(
        id="path-list-sensitive",
        title="Looks around in a sensitive folder",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} learns what is in {value}.",
        when=(
            When(
                Kind.LIST,
                areas=(
                    Area.SYSTEM,
                    Area.KERNEL,
                    Area.DEVICE,
                    Area.LOGS,
                    Area.CREDENTIALS,
                    Area.HISTORY,
                    Area.ROOT,
                ),
            ),
        ),
        found=(
            *python("import os\nos.listdir('/etc/ssl')", "import glob\nglob.glob('/proc/*')"),
            *shell("ls ~/.ssh"),
        ),
        ignored=(*python("import os\nos.listdir('etc')"), *shell("ls /usr/share/fonts", "ls data")),
        tags=("CWE-548", "T1083"),
        hint="List the folders that the task names.",
        exceptions=(_PUBLIC,),
    )


RULES: tuple[Rule, ...] = (*_reads(), *_lists())
