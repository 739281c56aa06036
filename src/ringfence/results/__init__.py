"""What came back: secrets, personal data, hidden characters, instructions and active content in a tool's result, found and treated."""

from ringfence.results.inspection import inspect
from ringfence.results.sighting import Kind, Sighting
from ringfence.results.stream import TextStream
from ringfence.results.treatment import Inspector, Treated, Treatment, mask

__all__ = ["Inspector", "Kind", "Sighting", "TextStream", "Treated", "Treatment", "inspect", "mask"]
