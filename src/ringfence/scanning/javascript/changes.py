"""What a write to a member of something changes: a prototype that all share, a function of the language, a module's loader.

Told from names alone. The one idea: adding to a prototype is bad manners, replacing what is there takes over whoever calls it.
"""

from __future__ import annotations

from ringfence.scanning.javascript.modules import CLASSES, GLOBAL_OBJECT, words

_ROOTS = CLASSES | {"Reflect", "JSON"}

_LOADING = frozenset({"_load", "_compile", "require"})
_OWN: dict[str, frozenset[str]] = {
    "Object": words(
        "create defineProperty defineProperties getPrototypeOf setPrototypeOf "
        "getOwnPropertyDescriptor freeze keys entries values assign getOwnPropertyNames"
    ),
    "Function.prototype": words("call apply bind toString constructor __proto__"),
    "Array.prototype": words(
        "push pop shift unshift map forEach filter reduce reduceRight join slice splice concat "
        "indexOf includes some every find sort reverse keys values entries toString constructor "
        "__proto__"
    ),
    "String.prototype": words(
        "split replace slice substring indexOf includes startsWith endsWith match charAt charCodeAt "
        "toString constructor"
    ),
    "Promise.prototype": words("then catch finally constructor"),
    "WeakMap.prototype": words("get set has delete"),
    "Map.prototype": words("get set has delete forEach"),
    "Set.prototype": words("add has delete forEach"),
    "RegExp.prototype": words("exec test toString"),
    "Error.prototype": words("toString name message constructor"),
    "Reflect": words(
        "get set apply construct has ownKeys defineProperty getPrototypeOf getOwnPropertyDescriptor"
    ),
    "JSON": words("parse stringify"),
    "Array": words("from isArray of"),
}
"""Members that the language provides, and whose replacement changes what other code does."""


def change_of(path: str, name: str) -> str:
    """Return what a write to a member of a path changes.

    Arguments:
        path: the thing whose member is written.
        name: the member.

    Returns:
        `prototype=`, `prototype+`, `builtin=`, `Module=` or `require.cache=`; empty for what is nobody else's business.

    """
    if (
        path == "Object.prototype"
        or _is_foreign_prototype(path)
        or (name == "__proto__" and is_built_in(path))
    ):
        return "prototype="
    if name in _OWN.get(path, ()):
        return "prototype=" if path == "Function.prototype" else "builtin="
    if _is_replaced(path, name):
        return "builtin="
    if path.startswith("Module.") or (path in ("Module", "module") and name in _LOADING):
        return "Module="
    if path == "require.cache":
        return "require.cache="
    return "prototype+" if path.endswith(".prototype") and is_built_in(path) else ""


def _is_foreign_prototype(path: str) -> bool:
    """Return whether a path is the prototype of something that nothing else is known of."""
    return path.startswith(("?.__proto__", "?.constructor.prototype")) and not path.endswith(")")


def _is_replaced(path: str, name: str) -> bool:
    """Return whether a class, a symbol's function, or a member of a function of the language is written."""
    head, _, last = path.rpartition(".")
    return (
        (path == GLOBAL_OBJECT and name in _ROOTS and name != "Promise")
        or (name.startswith("Symbol.") and is_built_in(path))
        or (".Symbol." in path and path.partition(".")[0] in CLASSES)
        or last in _OWN.get(head, ())
    )


def is_telling(path: str) -> bool:
    """Return whether a path says enough where it is only one of several things that a value may be."""
    return path == GLOBAL_OBJECT or is_built_in(path) or path.startswith(("Module", "require."))


def is_built_in(path: str) -> bool:
    """Return whether a path is a class or namespace of the language, or the prototype of one."""
    return path in _ROOTS or (path.endswith(".prototype") and path.removesuffix(".prototype") in CLASSES)
