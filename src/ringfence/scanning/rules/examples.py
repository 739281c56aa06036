"""Short ways to write the examples that the built-in rules carry."""

from __future__ import annotations

from ringfence.scanning.effects import Language
from ringfence.scanning.rule import Example

SQL = (Language.SQL,)
"""The languages of a rule that speaks about statements only."""


def path(*paths: str) -> tuple[Example, ...]:
    """Return each path as an example."""
    return tuple(Example(Language.PATH, each) for each in paths)


def url(*urls: str) -> tuple[Example, ...]:
    """Return each address as an example."""
    return tuple(Example(Language.URL, each) for each in urls)


def python(*sources: str) -> tuple[Example, ...]:
    """Return each Python source as an example."""
    return tuple(Example(Language.PYTHON, source) for source in sources)


def shell(*sources: str) -> tuple[Example, ...]:
    """Return each command as an example."""
    return tuple(Example(Language.SHELL, source) for source in sources)


def sql(*sources: str) -> tuple[Example, ...]:
    """Return each statement as an example."""
    return tuple(Example(Language.SQL, source) for source in sources)
