"""Cedar policies as one more judge of each call: what Cedar does not permit is denied, what it permits is left to the other rules.

A policy names the plugin (`plugins: [cedar]`) and the environment names the files, or a program hands a `CedarPlugin` to its guard. Without
cedarpy the import raises `AdapterUnavailable`, which names the command that installs it.
"""

from ringfence_cedar.judge import CedarPlugin

__all__ = ["CedarPlugin"]


def __getattr__(name: str) -> object:
    """Return `plugin`, which the entry point names: it is made anew whenever a policy comes into force, so that changed files count."""
    if name == "plugin":
        return CedarPlugin.from_environment()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
