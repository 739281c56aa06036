"""Rules about deleting, overwriting and opening whole trees.

The one idea: a file or folder that the source names may go; everything in the system, in a home or above the working folder may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Area, Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import python, shell
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator


_ANY_TREE = (
    f"/{HOLE}",
    f"/{HOLE}/",
    f"/{HOLE}/[*]",
    f"[a-z]:?{HOLE}",
    f"[a-z]:?{HOLE}?",
    f"/home/{HOLE}/{HOLE}",
    f"/home/[*]/{HOLE}",
    f"/[*][*]/{HOLE}",
    f"/home/[*][*]/{HOLE}",
    f"/users/[*][*]/{HOLE}",
    f"/root/[*][*]/{HOLE}",
    f"~/[*][*]/{HOLE}",
    f"[a-z]:?[*][*]?{HOLE}",
)
"""Any of the folders below the root, or in any home; the whole of them where the hole stands for nothing."""
_ANY_OF_HOME = (f"~/{HOLE}", f"~/{HOLE}/", f"~/{HOLE}/[*]", f"/root/{HOLE}")
_WINDOWS_DRIVES = (
    "del* /s*[a-z]:[\\/]",
    "del* /s*[a-z]:[\\/][*]*",
    "r*d* /s*[a-z]:[\\/]",
    "format [a-z]:*",
)
"""Commands of Windows that empty a drive."""
_COPIES = (
    "cp",
    "rsync",
    "scp",
    "mv",
    "install",
    "tar",
    "unzip",
    "*copytree",
    "*.cp*",
    "*.move",
    "*.extractall",
)


def _deletes() -> Iterator[Rule]:
    """Return the rules about deleting trees."""
    yield Rule(
        id="path-delete-everything",
        title="Deletes a whole system or home",
        family=Family.FILES,
        level=ThreatLevel.CRITICAL,
        description="{name} deletes {value} with everything in it.",
        when=(
            When(Kind.DELETE, areas=(Area.ROOT, Area.SYSTEM, Area.KERNEL), traits=(Trait.RECURSIVE,)),
            When(Kind.DELETE, areas=(Area.ROOT,), values=("*[*]*",)),
            When(Kind.DELETE, values=_ANY_TREE, traits=(Trait.RECURSIVE,)),
            When(Kind.PERMIT, areas=(Area.ROOT, Area.SYSTEM, Area.KERNEL), traits=(Trait.RECURSIVE,)),
            When(Kind.RUN, values=_WINDOWS_DRIVES),
        ),
        found=(
            *shell(
                "rm -rf /",
                "rm -rf ~",
                "rm -rf /usr/*",
                "rm -rf /usr/lib/*",
                "rm -fr -- '/home/x/'",
                "chmod -R 777 /etc",
            ),
            *python(
                "import shutil\nshutil.rmtree('/home')",
                "import os\nos.system('del /f /s /q C:\\\\*')",
                "import os, shutil\nfor n in os.listdir('/'):\n    shutil.rmtree('/' + n)",
            ),
        ),
        ignored=(
            *shell(
                "rm -rf /workspace/*",
                "rm -rf build",
                "rm -rf /tmp/x",
                "rm -rf ./usr",
                "rm -rf /var/lib/app/cache",
                "rm -rf ~/project/build",
            ),
            *python("import shutil\nshutil.rmtree('out')"),
        ),
        tags=("CWE-73", "T1485", "ASI02"),
        hint="Delete the files that the task names, one by one.",
        exceptions=(
            RuleException("caches are made anew", values=("/var/cache/*", "/var/lib/apt/lists*")),
            RuleException(
                "one folder far down; path-change-system says it",
                values=("/*/*/*[!*/]*",),
                areas=(Area.SYSTEM,),
            ),
        ),
    )
    yield Rule(
        id="path-overwrite-everything",
        title="Overwrites a whole system or home",
        family=Family.FILES,
        level=ThreatLevel.CRITICAL,
        description="{name} overwrites {value}, everything in a system or home, as ransomware does.",
        when=(
            When(Kind.WRITE, areas=(Area.ROOT,), values=("*[*]*",)),
            When(Kind.WRITE, values=(*_ANY_TREE, *_ANY_OF_HOME), traits=(Trait.RECURSIVE,)),
        ),
        found=(
            *shell("for f in /home/*/*; do echo x > $f; done", "for f in ~/*; do tr a-y b-z < x > $f; done"),
            *python(
                "import os\nfor r, _, fs in os.walk('/home'):\n    for f in fs:\n        open(os.path.join(r, f), 'wb').write(lock(r))"
            ),
        ),
        ignored=(
            *python("import pathlib\nfor p in pathlib.Path('out').rglob('*'):\n    p.write_bytes(b'')"),
            *shell("for f in out/*; do echo x > $f; done", "cp -r x ~"),
        ),
        tags=("CWE-73", "T1485", "T1486"),
        hint="Write the files that the task names, one by one.",
        exceptions=(RuleException("a copy leaves what is there", names=_COPIES),),
    )
    yield Rule(
        id="path-delete-any-of-home",
        title="Deletes any folder of a home",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} deletes {value} with everything in it: any folder of the home, or all of it where the name is empty.",
        when=(When(Kind.DELETE, values=_ANY_OF_HOME, traits=(Trait.RECURSIVE,)),),
        found=(
            *shell('rm -rf "$HOME/$1"'),
            *python(
                "import os, shutil\nfor n in os.listdir(os.path.expanduser('~')):\n    shutil.rmtree(os.path.expanduser('~/') + n)"
            ),
        ),
        ignored=(*shell('rm -rf "$HOME/.cache/x/$1"', 'rm "$HOME/$1"', 'rm -rf "out/$1"'),),
        tags=("CWE-73", "T1485"),
        hint="Name the folder to delete.",
    )
    yield Rule(
        id="path-delete-upwards",
        title="Deletes a tree outside of the working folder",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} deletes {value} with everything in it, which lies above the working folder.",
        when=(
            When(
                Kind.DELETE,
                areas=(Area.TRAVERSAL,),
                traits=(Trait.RECURSIVE,),
                values=("*..", "*../", "*../[*]"),
            ),
            When(
                Kind.DELETE,
                traits=(Trait.RECURSIVE,),
                values=(f"{HOLE}*/..", f"{HOLE}*/../", f"{HOLE}*/../[*]"),
            ),
        ),
        found=shell("rm -rf ..", "rm -rf ../*", "rm -rf ../../", 'rm -rf "$1/.."'),
        ignored=shell("rm -rf ../build", "rm -rf ./a/..b", "rm -rf build/*"),
        tags=("CWE-22", "T1485"),
        hint="Delete within the working folder.",
    )
    yield Rule(
        id="path-delete-unknown",
        title="Deletes a tree that cannot be told",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} deletes {value} with everything in it; what that is decides itself when it runs.",
        when=(When(Kind.DELETE, traits=(Trait.RECURSIVE, Trait.UNRESOLVED)),),
        found=shell('rm -rf "$1"', 'rm -rf "$(cat list)/x"'),
        ignored=shell('rm "$1"', "rm -rf build"),
        tags=("CWE-73", "T1485"),
        hint="Name the folder to delete.",
    )


RULES: tuple[Rule, ...] = tuple(_deletes())
