"""Paths: which areas one belongs to in whatever spelling, where it really leads, and whether it stays within some folders."""

from ringfence.scanning.paths.analyser import path_effects
from ringfence.scanning.paths.files import contains, may_reach, resolve
from ringfence.scanning.paths.places import path_areas

__all__ = ["contains", "may_reach", "path_areas", "path_effects", "resolve"]
