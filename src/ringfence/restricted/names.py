"""Which names a snippet may spell: the reviewed lists, with no logic beyond looking them up.

The one idea: nothing that a snippet reaches needs a guard on every attribute, because the objects in its reach are a closed set
(`tests/restricted/test_reach.py` walks it). So attributes are sorted by name, once, when the snippet is compiled: most are plain,
some name a method whose cost or memory must be metered, some lead to frames, code or classes and are refused.
"""

from __future__ import annotations

from RestrictedPython.transformer import INSPECT_ATTRIBUTES

REFUSED_ATTRIBUTES = INSPECT_ATTRIBUTES | {
    "ag_running",
    "ag_suspended",
    "co_consts",
    "co_names",
    "cr_running",
    "cr_suspended",
    "f_lasti",
    "f_lineno",
    "f_trace_lines",
    "f_trace_opcodes",
    "gi_running",
    "gi_suspended",
    "_make",
    "is_safe",
    "mro",
    "register",
    "tb_lasti",
    "tb_lineno",
    "with_traceback",
}
"""Public attributes that lead from a value to a frame, to code, or to a class's bases, or that change a class for everybody."""

SPECIAL_METHODS = frozenset(
    f"__{name}__"
    for name in [
        "abs",
        "add",
        "and",
        "bool",
        "bytes",
        "call",
        "ceil",
        "complex",
        "contains",
        "delete",
        "delitem",
        "divmod",
        "enter",
        "eq",
        "exit",
        "float",
        "floor",
        "floordiv",
        "format",
        "ge",
        "get",
        "getattr",
        "getitem",
        "gt",
        "hash",
        "iadd",
        "iand",
        "ifloordiv",
        "ilshift",
        "imatmul",
        "imod",
        "imul",
        "init",
        "int",
        "invert",
        "ior",
        "ipow",
        "irshift",
        "isub",
        "iter",
        "itruediv",
        "ixor",
        "le",
        "len",
        "lshift",
        "lt",
        "matmul",
        "missing",
        "mod",
        "mul",
        "ne",
        "neg",
        "new",
        "next",
        "or",
        "pos",
        "post_init",
        "pow",
        "radd",
        "rand",
        "rdivmod",
        "repr",
        "reversed",
        "rfloordiv",
        "rlshift",
        "rmatmul",
        "rmod",
        "rmul",
        "ror",
        "round",
        "rpow",
        "rrshift",
        "rshift",
        "rsub",
        "rtruediv",
        "rxor",
        "set",
        "setitem",
        "str",
        "sub",
        "truediv",
        "trunc",
        "xor",
    ]
)
"""Special methods that a class may define. Left out on purpose: `__del__`, which would run after the snippet has ended,
`__index__` and `__length_hint__`, by which an object says a number to C code that no guard has seen,
`__getattribute__`, and the hooks by which a class changes what classes are."""

CLASS_NAMES = frozenset(("__slots__", "__match_args__", "__doc__"))
"""Special names that a class body may bind besides methods."""

SPECIAL_ATTRIBUTES = SPECIAL_METHODS | {
    "__name__",
    "__qualname__",
    "__doc__",
    "__class__",
    "__dict__",
    "__module__",
}
"""Special attributes that may be read; what each gives is decided when it is read."""

METADATA_NAMES = frozenset(
    f"__{name}__"
    for name in [
        "all",
        "author",
        "copyright",
        "credits",
        "date",
        "email",
        "license",
        "maintainer",
        "status",
        "version",
    ]
)
"""Special names that mean nothing to Python and that authors write at the top of a program."""

WRITABLE_SPECIALS = frozenset(("__name__", "__qualname__"))
"""Special attributes of a snippet's own functions and classes that it may set."""

GUARDED_METHODS = frozenset(
    [
        "add",
        "as_integer_ratio",
        "capitalize",
        "casefold",
        "center",
        "copy",
        "count",
        "decode",
        "difference",
        "difference_update",
        "discard",
        "elements",
        "encode",
        "expandtabs",
        "extend",
        "extendleft",
        "format",
        "format_map",
        "from_bytes",
        "fromhex",
        "fromkeys",
        "get",
        "hex",
        "index",
        "insert",
        "intersection",
        "intersection_update",
        "isdisjoint",
        "issubset",
        "issuperset",
        "join",
        "from_decimal",
        "limit_denominator",
        "move_to_end",
        "ljust",
        "lower",
        "lstrip",
        "most_common",
        "partition",
        "pop",
        "remove",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rjust",
        "rotate",
        "rpartition",
        "rsplit",
        "rstrip",
        "setdefault",
        "sort",
        "split",
        "splitlines",
        "strftime",
        "strip",
        "strptime",
        "subtract",
        "swapcase",
        "symmetric_difference",
        "symmetric_difference_update",
        "title",
        "to_bytes",
        "total",
        "translate",
        "union",
        "update",
        "upper",
        "zfill",
    ]
)
"""Methods of built-in types that copy, grow, compare or consume: each goes through a guard of the same name."""

GUARDED_ATTRIBUTES = GUARDED_METHODS | {"_field_defaults", "mapping", "obj"}
"""Attributes that are read through the guard for attributes. `obj` is what an AttributeError keeps of the object it is about, `mapping`
what a view of a dict keeps of it, `_field_defaults` a dict that belongs to a class of named tuples."""

REFUSED_CALLS = frozenset(("breakpoint", "compile", "eval", "exec", "globals", "locals", "vars"))
"""Built-in functions that make code or show namespaces: spelled at all, unless the snippet binds the name, they are refused."""

EXCEPTIONS = frozenset(
    [
        "ArithmeticError",
        "AssertionError",
        "AttributeError",
        "BaseException",
        "BufferError",
        "BytesWarning",
        "DeprecationWarning",
        "EOFError",
        "EnvironmentError",
        "Exception",
        "FloatingPointError",
        "FutureWarning",
        "IOError",
        "ImportError",
        "ImportWarning",
        "IndentationError",
        "IndexError",
        "KeyError",
        "LookupError",
        "MemoryError",
        "ModuleNotFoundError",
        "NameError",
        "NotImplementedError",
        "OSError",
        "OverflowError",
        "PendingDeprecationWarning",
        "PermissionError",
        "RecursionError",
        "ReferenceError",
        "RuntimeError",
        "RuntimeWarning",
        "StopIteration",
        "SyntaxError",
        "SyntaxWarning",
        "TimeoutError",
        "TypeError",
        "UnboundLocalError",
        "UnicodeDecodeError",
        "UnicodeEncodeError",
        "UnicodeError",
        "UnicodeTranslateError",
        "UnicodeWarning",
        "UserWarning",
        "ValueError",
        "Warning",
        "ZeroDivisionError",
        "FileNotFoundError",
        "FileExistsError",
        "IsADirectoryError",
        "NotADirectoryError",
        "ConnectionError",
        "InterruptedError",
        "StopAsyncIteration",
    ]
)
"""Exceptions by name. Left out: those that end a program or a generator (SystemExit, KeyboardInterrupt, GeneratorExit) and groups."""

BUILT_IN_TYPES = frozenset(
    [
        "bool",
        "bytearray",
        "bytes",
        "complex",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "range",
        "set",
        "str",
        "tuple",
    ]
)
"""Types that a snippet may name: what it gets is a view that makes values within the budget."""


def is_special(name: str) -> bool:
    """Return whether a name is one of Python's own: two underscores on both sides."""
    return name.startswith("__") and name.endswith("__") and len(name) > 4  # noqa: PLR2004 - four underscores


def attribute_fault(name: str) -> str:
    """Return why an attribute of this name may not be read; empty where it may."""
    if name in REFUSED_ATTRIBUTES or (is_special(name) and name not in SPECIAL_ATTRIBUTES):
        return f"the attribute {name!r} is not offered: it leads out of the snippet"
    return ""
