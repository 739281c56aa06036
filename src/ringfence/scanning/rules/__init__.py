"""The built-in rules, one module for each subject, gathered in the order in which `ringfence rules list` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.rules import (
    database_changes,
    database_injections,
    database_reach,
    discloses,
    evaluates,
    introspects,
    javascript,
    network_addresses,
    network_sends,
    path_climbs,
    path_deletes,
    path_permits,
    path_reads,
    path_writes,
    runs,
    system,
    weaknesses,
)

if TYPE_CHECKING:
    from ringfence.scanning.rule import Rule

BUILT_IN: tuple[Rule, ...] = (
    *path_reads.RULES,
    *path_writes.RULES,
    *path_deletes.RULES,
    *path_climbs.RULES,
    *path_permits.RULES,
    *network_addresses.RULES,
    *network_sends.RULES,
    *runs.RULES,
    *evaluates.RULES,
    *introspects.RULES,
    *discloses.RULES,
    *weaknesses.RULES,
    *system.RULES,
    *javascript.RULES,
    *database_changes.RULES,
    *database_reach.RULES,
    *database_injections.RULES,
)
