"""Python sources: what they would do, worked out over the syntax tree. `python_effects` is the analyser."""

from ringfence.scanning.python.analyser import python_effects

__all__ = ["python_effects"]
