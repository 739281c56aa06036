"""The shell: what a script or a command line would do, told from its text."""

from ringfence.scanning.shell.analyser import shell_effects

__all__ = ["shell_effects"]
