"""Finds, loads and validates plugins, and flattens their hooks into `Hooks`: for each hook a tuple of (plugin name, function).

pluggy registers and validates; it never calls a hook here. Called through pluggy, a later plugin could overrule a denial, a
wrapper could turn one into an answer of its own, and an exception would end the call without naming its plugin. The one idea:
which plugins take part is written in the policy, and one that cannot take part stops the guard from starting.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import pluggy

from ringfence import hookspecs
from ringfence.checks import access, arguments, code, identity, rules
from ringfence.errors import PluginInvalid, PluginUnavailable, nearest
from ringfence.runners import inline, restricted, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "ringfence"
BUILT_IN: tuple[tuple[str, object], ...] = (
    ("identity", identity),
    ("access", access),
    ("arguments", arguments),
    ("rules", rules),
    ("code", code),
    ("inline", inline),
    ("restricted", restricted),
    ("sandbox", sandbox),
)
"""The plugins that always take part, in order."""

Hook = tuple[str, "Callable[..., object]"]
_PREFIX = "ringfence_"


class Hooks(NamedTuple):
    """Every implementation of every hook, in order, as (plugin name, function taking all of the hook's arguments).

    Attributes:
        trusted: the names of the plugins that are part of Ringfence and therefore asked without a deadline.

    """

    judge_call: tuple[Hook, ...]
    approve_call: tuple[Hook, ...]
    add_runners: tuple[Hook, ...]
    judge_result: tuple[Hook, ...]
    observe_call: tuple[Hook, ...]
    record_event: tuple[Hook, ...]
    trusted: frozenset[str]


def load_hooks(named: Sequence[str], given: Mapping[str, object]) -> Hooks:
    """Return the hooks of the built-in plugins, then of those the policy names, then of those given as objects.

    Arguments:
        named: entry-point names, in order.
        given: plugins as objects (a module, or an instance with hook methods), by name.

    Raises:
        PluginUnavailable: one is not installed, its name is taken twice, or it fails to import.
        PluginInvalid: a hook of one does not match its specification, or it has none at all.

    """
    plugins = [*BUILT_IN, *((name, _load(name)) for name in named), *given.items()]
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for name, plugin in plugins:
        _register(manager, name, plugin)
    order = [name for name, _ in plugins]
    return Hooks(
        judge_call=_flatten(manager, "judge_call", order),
        approve_call=_flatten(manager, "approve_call", order),
        add_runners=_flatten(manager, "add_runners", order),
        judge_result=_flatten(manager, "judge_result", order),
        observe_call=_flatten(manager, "observe_call", order),
        record_event=_flatten(manager, "record_event", order),
        trusted=frozenset(name for name, _ in BUILT_IN),
    )


def _load(name: str) -> object:
    found = installed()
    if name not in found:
        close = nearest(name, found)
        hint = (
            f"Did you mean {close!r}?"
            if close
            else f"Install it, or remove it from `plugins`. Found: {', '.join(found) or 'none'}."
        )
        raise PluginUnavailable(
            name,
            f"is named in the policy, but no entry point of the group {ENTRY_POINTS!r} has that name",
            hint,
        )
    try:
        return found[name].load()
    except Exception as error:
        kind = type(error).__name__
        raise PluginUnavailable(
            name, f"failed to import: {kind}: {error}", "Repair it, or remove it from `plugins`."
        ) from error


def installed() -> dict[str, EntryPoint]:
    """Return the plugins that installed packages offer, by name.

    Raises:
        PluginUnavailable: two packages offer different ones under one name.

    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - scanning the installed packages costs milliseconds; most policies name no plugin

    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        if found.setdefault(entry.name, entry).value != entry.value:
            both = f"{found[entry.name].value} and {entry.value}"
            raise PluginUnavailable(
                entry.name, f"is offered twice, as {both}", "Uninstall one of the two packages."
            )
    return found


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    if isinstance(plugin, type):
        raise PluginInvalid(
            name, f"is the class {plugin.__name__}, not an object", "Give an instance of it, or a module."
        )
    if not name:
        raise PluginInvalid(name, "has no name", "Give it one.")
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginInvalid(
            name, f"does not match the hook specifications: {error}", "See ringfence.hookspecs."
        ) from error
    except ValueError as error:
        raise PluginUnavailable(
            name, "is there twice, under this name or another", "Name each plugin once."
        ) from error
    implemented = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    forgotten = [
        text
        for text in dir(plugin)
        if text.startswith(_PREFIX) and text not in implemented and _is_function(plugin, text)
    ]
    unspecified = [caller.name for caller in manager.get_hookcallers(plugin) or () if not caller.has_spec()]
    if forgotten:
        raise PluginInvalid(
            name,
            f"has {', '.join(forgotten)} without @hookimpl",
            "Write it above; names that begin so are for hooks only.",
        )
    if unspecified:
        raise PluginInvalid(
            name, f"implements {', '.join(unspecified)}, which is no hook", "See ringfence.hookspecs."
        )
    if not implemented:
        raise PluginInvalid(
            name, "implements no hook", "Write @hookimpl above functions named as in ringfence.hookspecs."
        )


def _is_function(plugin: object, name: str) -> bool:
    found = getattr(plugin, name)
    return callable(found) and not isinstance(found, ModuleType)


def _flatten(manager: pluggy.PluginManager, hook: str, order: Sequence[str]) -> tuple[Hook, ...]:
    caller = getattr(manager.hook, _PREFIX + hook)
    implementations = sorted(caller.get_hookimpls(), key=lambda found: order.index(found.plugin_name))
    return tuple((found.plugin_name, _positional(found, caller.spec.argnames)) for found in implementations)


def _positional(implementation: pluggy.HookImpl, argnames: Sequence[str]) -> Callable[..., object]:
    """Return the implementation as a function of all of the hook's arguments, in the specification's order."""
    if implementation.wrapper or implementation.hookwrapper:
        raise PluginInvalid(
            implementation.plugin_name,
            f"wraps the hook {implementation.function.__name__!r}",
            "A wrapper could change another plugin's answer: implement the hook without wrapper=True.",
        )
    if tuple(implementation.argnames) == tuple(argnames):
        return implementation.function
    places = [argnames.index(name) for name in implementation.argnames]
    function = implementation.function
    return lambda *args: function(*[args[place] for place in places])
