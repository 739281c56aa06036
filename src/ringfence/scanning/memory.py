"""The reports of the sources that were scanned last, bounded in number and in characters."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.scanning.findings import ScanReport
    from ringfence.scanning.ruleset import RuleSet

    Key = tuple[str, object, str, int, int]

MOST_REPORTS = 256
MOST_CHARACTERS = 4_000_000


class Memory:
    """Reports by source, language, dialect, the identity of the rules, and the size limit."""

    def __init__(self) -> None:
        self._reports: OrderedDict[Key, tuple[ScanReport, RuleSet]] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    def get(self, key: Key) -> ScanReport | None:
        """Return the report under a key, None where there is none."""
        found = self._reports.get(key)
        return None if found is None else found[0]

    def put(self, key: Key, report: ScanReport, rules: RuleSet) -> None:
        """Keep a report, and with it its rules: while a key holds their identity, nothing else may get it."""
        size = len(key[0])
        if size > MOST_CHARACTERS:
            return
        with self._lock:
            if key in self._reports:
                return
            self._reports[key] = (report, rules)
            self._characters += size
            while len(self._reports) > MOST_REPORTS or self._characters > MOST_CHARACTERS:
                old, _ = self._reports.popitem(last=False)
                self._characters -= len(old[0])
