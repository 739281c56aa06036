"""Rules about paths that lead out of the working folder.

The one idea: a step or two upwards is how projects reach their own files; many of them, or hidden ones, are how an attack reaches
anyone else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Area, Kind
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import path
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator


def _climbs() -> Iterator[Rule]:
    """Return the rules about paths that lead out of the working folder."""
    kinds = (Kind.READ, Kind.WRITE, Kind.DELETE, Kind.PERMIT)
    yield Rule(
        id="path-climb-far",
        title="Climbs far out of the working folder, or hides it",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} goes to {value}, which leads far out of the working folder or hides where it leads.",
        when=tuple(When(kind, areas=(Area.FAR, Area.OBSCURED)) for kind in kinds),
        found=path(
            "../../../home/x/notes.txt",
            "../../../../../notes.txt",
            "..%2f..%2fetc/issue",
            "%2e%2e/x",
            "a/../../../../etc/x",
            "....//....//x",
        ),
        ignored=path(
            "../data/x.csv",
            "../../../configs/base.yaml",
            "a/b/c/../../../x",
            "100%.txt",
            "d\N{LATIN SMALL LETTER E WITH ACUTE}j/x",
        ),
        tags=("CWE-22", "CWE-23", "CWE-180"),
        hint="Write the path plainly, and stay in the working folder.",
    )
    yield Rule(
        id="path-climb",
        title="Climbs out of the working folder",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} goes to {value}, which leads out of the working folder.",
        when=tuple(When(kind, areas=(Area.TRAVERSAL,)) for kind in kinds),
        found=path("../data/x.csv", "a/../../x"),
        ignored=path("data/x.csv", "a/../x", "..x/y", "x.."),
        tags=("CWE-22",),
        hint="Stay in the working folder.",
        exceptions=(RuleException("path-climb-far says it", areas=(Area.FAR, Area.OBSCURED)),),
    )


RULES: tuple[Rule, ...] = tuple(_climbs())
