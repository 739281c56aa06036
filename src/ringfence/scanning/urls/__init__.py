"""URLs and addresses: which areas one belongs to in whatever spelling, its host and port, and whether a list of hosts covers it."""

from ringfence.scanning.urls.analyser import url_effects
from ringfence.scanning.urls.grants import host_of, port_of, within
from ringfence.scanning.urls.places import url_areas

__all__ = ["host_of", "port_of", "url_areas", "url_effects", "within"]
