"""Rules about the rights to files, wherever these are.

The one idea: rights are bad where they make anyone stronger than before, whatever the file holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import python, shell
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator


def _permits() -> Iterator[Rule]:
    """Return the rules about permissions."""
    yield Rule(
        id="path-permit-setuid",
        title="Lets a file run with its owner's rights",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} makes {value} run with the rights of its owner, whoever starts it.",
        when=(When(Kind.PERMIT, traits=(Trait.SETUID,)),),
        found=(*shell("chmod u+s tool", "chmod 4755 tool"), *python("import os\nos.chmod('tool', 0o4755)")),
        ignored=(*shell("chmod 755 tool", "chmod u+x tool"), *python("import os\nos.chmod('tool', 0o755)")),
        tags=("CWE-250", "T1548.001"),
        hint="Leave out the set-user-ID and set-group-ID bits.",
    )
    yield Rule(
        id="path-permit-everyone",
        title="Lets everyone change a file",
        family=Family.PRIVILEGE,
        level=ThreatLevel.MEDIUM,
        description="{name} lets every user of the machine change {value}.",
        when=(When(Kind.PERMIT, traits=(Trait.OPEN_TO_ALL,)),),
        found=(*shell("chmod 777 out", "chmod a+w out"), *python("import os\nos.chmod('out', 0o666)")),
        ignored=(*shell("chmod 644 out", "chmod g+w out"), *python("import os\nos.chmod('out', 0o600)")),
        tags=("CWE-732", "T1222.002"),
        hint="Give rights to the owner or group only.",
    )


RULES: tuple[Rule, ...] = tuple(_permits())
