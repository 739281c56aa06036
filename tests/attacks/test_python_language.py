"""Attacks on the language of the restricted tier, one test for each case of the catalogue: refused when compiled, or contained.

Cases that cannot happen in this tier are at the end, each with why.
"""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from tests.attacks.contained import attack

from ringfence.errors import SnippetFailed, SnippetRefused, SnippetStopped
from ringfence.restricted import Budget, evaluate


def refused(source: str, words: str) -> None:
    """Check that a snippet is refused before anything of it runs."""
    with pytest.raises(SnippetRefused) as caught:
        evaluate(source)
    assert words in str(caught.value)


def stopped(source: str, words: str = "", **kwargs: Any) -> None:
    """Check that a snippet is stopped when it comes to what is not offered, whatever its handlers catch."""
    wrapped = (
        "try:\n"
        + "".join(f"    {line}\n" for line in source.splitlines())
        + "except BaseException: pass\n'went on'"
    )
    for text in (source, wrapped):
        with pytest.raises(SnippetStopped) as caught:
            evaluate(text, **kwargs)
        assert caught.value.limit == "offer"
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "().__class__.__base__.__subclasses__()",
        "''.__class__.__mro__[1].__subclasses__()",
        "[].__class__.mro()",
        "type(()).__bases__",
        "{}.__class__.__bases__[0]",
        "(lambda: 0).__globals__",
        "(lambda: 0).__code__",
        "(lambda: 0).__closure__",
        "print.__self__",
        "len.__self__",
        "''.join.__self__",
        "object.__subclasses__()",
        "object.__reduce_ex__",
        "int.__getattribute__",
        "x.__init__.__globals__",
        "__builtins__",
        "__import__('os')",
        "__loader__",
        "__spec__",
        "__build_class__",
    ],
)
def test_py01_a_walk_from_a_literal_is_refused(source: str) -> None:
    """Attributes and names of Python's own that lead out are refused by name, before anything runs."""
    with pytest.raises((SnippetRefused, SnippetStopped), match=r"not offered"):
        evaluate(source, {"x": 1})


@pytest.mark.parametrize(
    "name",
    [
        "'__base__'",
        "'__sub' + 'classes__'",
        "'_' * 2 + 'globals__'",
        "chr(95) * 2 + 'mro__'",
        "'m' + 'ro'",
        "'gi_frame'",
    ],
)
@pytest.mark.parametrize(
    "call", ["getattr(value, {})", "getattr(value, {}, None)", "list(map(getattr, [value], [{}]))"]
)
def test_py02_a_computed_name_is_stopped(name: str, call: str) -> None:
    """`getattr` looks at the name when it runs, and what it refuses cannot be caught."""
    stopped(f"value = int\n{call.format(name)}", "not offered")


def test_py02_setattr_and_delattr_are_guarded() -> None:
    """Special attributes cannot be set by a computed name, nor any attribute of the host's objects."""
    stopped("class A: pass\nsetattr(A, '__del' + '__', print)", "cannot be set")
    stopped("setattr(len, 'x', 1)", "cannot be set")
    stopped("setattr(int, 'x', 1)", "cannot be set")


@pytest.mark.parametrize(
    "source",
    [
        "'{0.__class__}'.format(1)",
        "'{0.__class__.__base__}'.format(1)",
        "'{a.__init__.__globals__}'.format(a=ValueError())",
        "'{0[0].__class__.__mro__}'.format([1])",
        "'{0:{0.__class__.__mro__}}'.format(1)",
        "f'{1:{(1).__class__.__base__}}'",
    ],
)
def test_py03_format_fields_reach_no_attributes(source: str) -> None:
    """A replacement field reads attributes through the guard: what leads out stops the snippet, and shows nothing."""
    try:
        value = evaluate(source).value
    except (SnippetStopped, SnippetRefused) as error:
        assert "not offered" in str(error)  # noqa: PT017 - one of two ends
    else:
        assert value == "<class 'int'>"


def test_py04_format_map_takes_no_hostile_mapping() -> None:
    """A mapping of the snippet's own class is asked like any object; what a field reads of its values is guarded."""
    source = "class M:\n    def __getitem__(self, k): return M\n'{x.__subclasses__}'.format_map(M())"
    stopped(source, "not offered")


@pytest.mark.parametrize(
    "source",
    [
        "str.format('{0.__class__.__base__}', 1)",
        "f = str.format\nf('{0.__class__.__base__}', 1)",
        "type('').format('{0.__class__.__base__}', 1)",
        "getattr(str, 'format')('{0.__class__.__base__}', 1)",
        "getattr('{0.__class__.__base__}', 'format')(1)",
        "list(map(str.format, ['{0.__class__.__base__}'], [1]))",
        "list(map('{0.__class__.__base__}'.format, [1]))",
        "str.format_map('{a.__class__.__base__}', {'a': 1})",
    ],
)
def test_py05_format_is_guarded_however_it_is_fetched(source: str) -> None:
    """`format` from the type, through `getattr`, as a bound method or handed to `map` is the guarded one."""
    stopped(source, "not offered")


def test_py06_string_formatter_is_not_offered() -> None:
    """The module `string` has no Formatter and no field helpers in a snippet, by whatever way (CVE-2026-76825 of RestrictedPython)."""
    for name in ("Formatter", "_string", "formatter_field_name_split", "Template"):
        for source in (
            f"import string\nstring.{name}",
            f"from string import {name}",
            f"import string\ngetattr(string, {name!r})",
        ):
            with pytest.raises(
                (SnippetFailed, SnippetStopped), match=r"not offered|no attribute|cannot import"
            ):
                evaluate(source)


def test_py07_nested_format_specifications_are_code_like_any_other() -> None:
    """An attribute chain within a specification is refused; a width within one is bounded."""
    refused("f'{1:{().__class__.__bases__}}'", "not offered")
    stopped("w = 10 ** 9\nf'{1:{w}}'", "width")
    stopped("'{:{}}'.format(1, 10 ** 9)", "width")


@pytest.mark.skipif(sys.version_info < (3, 14), reason="template strings came with Python 3.14")
def test_py08_template_strings_are_refused() -> None:
    """A t-string would carry live objects."""
    refused("t'{x}'", "TemplateStr is not offered")


@pytest.mark.parametrize(
    "name",
    ["gi_frame", "gi_code", "gi_yieldfrom", "gi_running", "cr_frame", "cr_await", "ag_frame", "ag_code"],
)
def test_py09_py10_generators_and_coroutines_show_no_frames(name: str) -> None:
    """Their attributes are refused by name (CVE-2023-37271 of RestrictedPython), within the generator itself too."""
    refused(f"(x for x in [1]).{name}", "not offered")
    refused(f"def g():\n    yield it.{name}.f_back\nit = g()\nnext(it)", "not offered")
    stopped(f"getattr((x for x in [1]), '{name}')", "not offered")


def test_py10_async_is_refused() -> None:
    """There is no coroutine to begin with."""
    for source in ("async def f(): pass", "async def f():\n    await x", "[x async for x in y]"):
        refused(source, "not offered")


def test_py11_tracebacks_are_out_of_reach() -> None:
    """Neither the attribute nor the method that sets it is offered."""
    for name in ("__traceback__", "with_traceback", "__context__", "__cause__", "tb_frame", "tb_next"):
        refused(f"try:\n    1 / 0\nexcept Exception as e:\n    e.{name}", "not offered")


def test_py12_exceptions_carry_no_live_objects() -> None:
    """`obj` of an AttributeError is guarded (CVE-2024-47532 of RestrictedPython); names and paths of the others are text."""
    source = "try:\n    {}\nexcept (AttributeError, NameError, ImportError) as e:\n    r = getattr(e, {!r}, 'none')\nr"
    for statement in ("print.nope", "int.nope", "(1).nope"):
        stopped(source.format(statement, "obj"), "obj of a AttributeError is not offered")
    assert evaluate(source.format("import os", "path")).value is None
    assert evaluate(source.format("nope", "name")).value == "nope"


def test_py13_a_host_functions_error_brings_nothing_along() -> None:
    """What a granted function raises becomes a new exception with a sentence of ours, and without context."""
    secret = object()

    def broken() -> None:
        raise KeyError(secret)

    source = "try:\n    broken()\nexcept Exception as e:\n    r = [type(e).__name__, str(e), e.args]\nr"
    expected = "broken() failed with KeyError"
    assert evaluate(source, functions={"broken": broken}).value == ["RuntimeError", expected, (expected,)]
    refused("try:\n    broken()\nexcept Exception as e:\n    e.__context__", "not offered")


BINDINGS = {
    "assignment": "{} = None",
    "walrus": "({} := None)",
    "for": "for {} in [1]: pass",
    "comprehension": "[0 for {} in [1]]",
    "function": "def {}(): pass",
    "parameter": "def f({}): pass",
    "positional only": "def f({}, /): pass",
    "keyword only": "def f(*, {}): pass",
    "star": "def f(*{}): pass",
    "two stars": "def f(**{}): pass",
    "lambda": "lambda {}: 0",
    "positional only in a lambda": "lambda {}, /: 0",
    "class": "class {}: pass",
    "import as": "import math as {}",
    "from import as": "from math import pi as {}",
    "except as": "try: pass\nexcept Exception as {}: pass",
    "with as": "with x as {}: pass",
    "match capture": "match 1:\n    case {}: pass",
    "match star": "match 1:\n    case [*{}]: pass",
    "match rest": "match 1:\n    case {{**{}}}: pass",
    "match as": "match 1:\n    case 1 as {}: pass",
    "global": "def f():\n    global {}",
    "del": "del {}",
    "augmented": "{} += 1",
    "annotated": "{}: int = 1",
    "keyword": "dict({}=1)",
}


@pytest.mark.parametrize("how", BINDINGS)
@pytest.mark.parametrize(
    "name", ["__builtins__", "__import__", "__build_class__", "__class__", "__globals__"]
)
def test_py14_no_binding_form_takes_a_name_of_pythons_own(how: str, name: str) -> None:
    """Every way to bind a name refuses those of Python's own; parameters that stand before a `/` too, which once shadowed guards."""
    refused(BINDINGS[how].format(name), "Python's own")


@pytest.mark.parametrize("how", BINDINGS)
def test_py14_the_names_of_older_guards_mean_nothing(how: str) -> None:
    """`_getattr_` and its kin are plain names here: ours cannot be spelled."""
    for name in (
        "_getattr_",
        "_getitem_",
        "_write_",
        "_getiter_",
        "_print_",
        "_inplacevar_",
        "_unpack_sequence_",
    ):
        if how in ("assignment", "function", "class"):
            value = evaluate(
                BINDINGS[how].format(name) + "\nclass A:\n    x = [1]\nA.x[0] += 1\nA.x[0]"
            ).value
            assert value == 2


def test_py15_a_class_body_defines_no_hooks() -> None:
    """Metaclasses, hooks of class creation, finalisers and replaced look-ups are refused."""
    for name in (
        "__del__",
        "__getattribute__",
        "__init_subclass__",
        "__class_getitem__",
        "__subclasshook__",
        "__index__",
        "__length_hint__",
        "__instancecheck__",
        "__reduce__",
    ):
        refused(f"class A:\n    def {name}(self): pass", name)
        refused(f"class A:\n    {name} = print", "Python's own")
    refused("class A(metaclass=type): pass", "no metaclass")
    refused("class A(x=1): pass", "no keywords")
    refused("class A:\n    __match_args__ = ('__class__',)", "plain attributes")
    refused("class A:\n    __slots__ = ('__dict__',)", "plain attributes")
    refused("class A:\n    for __match_args__ in [('__class__',)]: pass", "Python's own")
    refused("class A:\n    x = __builtins__", "not offered")
    stopped("class A(type(len)): pass", "derives from")
    stopped("class A(int): pass", "derives from")
    stopped("type('A', (), {'__del__': print})", "not offered")


def test_py16_a_decorator_is_a_call_like_any_other() -> None:
    """Whatever a decorator names is guarded as where it is called."""
    stopped(
        "def g(f): return getattr(f, '__globals__')\n@g\ndef f(): pass",
        "not offered",
    )
    with pytest.raises(SnippetFailed, match="TypeError"):
        evaluate("@list\ndef f(): pass")
    refused("@exec\ndef f(): pass", "exec is not offered")


def test_py17_augmented_assignment_and_del_are_guarded() -> None:
    """Neither changes an attribute of the host's objects; in place, an iterable is metered."""
    for target in ("len", "int", "print", "[]", "ValueError"):
        stopped(f"{target}.x = 1", "cannot be set")
        stopped(f"{target}.x += 1" if target != "[]" else "[].x = 1", "cannot be set")
        stopped(f"del {target}.x", "cannot be set")
    assert attack("x = []\nx += iter(int, 1)").limit in ("time", "memory", "steps")
    assert attack("class A: pass\na = A()\na.x = []\na.x += iter(int, 1)").limit in (
        "time",
        "memory",
        "steps",
    )
    assert attack("d = {0: []}\nd[0] += iter(int, 1)").limit in ("time", "memory", "steps")


ENDLESS = "iter(int, 1)"
CONSUMERS = [
    "sorted({})", "list({})", "tuple({})", "set({})", "frozenset({})", "sum({})", "min({})", "max({})", "all(map(lambda x: 1, {}))",
    "any({})", "dict(zip({}, {}))", "''.join({})", "[*{}]", "print(*{})", "a, *b = {}", "5 in {}", "bytes({})", "bytearray({})",
    "list(zip({}, {}))", "list(map(abs, {}))", "list(filter(None, {}))", "list(enumerate({}))", "[].extend({})", "x = [1]\nx[:] = {}",
    "{{1}}.update({})", "{{1}}.union({})", "{{1}}.isdisjoint({})", "{{}}.update(zip({}, {}))", "dict.fromkeys({})", "for x in {}: pass",
    "[x for x in {}]", "{{x for x in {}}}", "def g():\n    yield from {}\nlist(g())", "max({}, key=abs)", "str.join('', {})",
    "for a, *b in [{}]: pass", "[0 for *a, in [{}]]", "list(reversed(list({})))", "next(filter(None, {}))", "not_there in {}".replace("not_there", "None"),
]  # fmt: skip


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_py18_iteration_inside_of_c_is_metered(consumer: str) -> None:
    """An endless iterator ends the evaluation, whichever function consumes it: they get it wrapped in the meter."""
    ended = attack(consumer.replace("{}", ENDLESS).replace("{{", "{").replace("}}", "}"))
    assert ended.limit in ("steps", "time", "memory")


def test_py18_a_hostile_iterator_is_charged_by_its_own_calls() -> None:
    """`__next__` of the snippet's own class takes steps, in `zip` as in `min`."""
    source = "class I:\n    def __iter__(self): return self\n    def __next__(self): return 1\n"
    for consumer in (
        "min(I())",
        "sorted(I())",
        "list(zip(I(), I()))",
        "sum(I())",
        "a, *b = I()",
        "set(I())",
        "3 in I()",
    ):
        assert attack(source + consumer).limit in ("steps", "time", "memory")


def test_py19_a_lazy_import_is_no_statement_here() -> None:
    """Where Python has no such syntax it is an error of syntax; where it has, the field is looked at."""
    with pytest.raises(SnippetRefused):
        evaluate("lazy import os")


@pytest.mark.parametrize(
    "statement",
    [
        "import json.codecs", "from json import codecs", "from random import _os", "import random\nrandom._os", "from dataclasses import sys",
        "import collections\ncollections._sys", "from collections import _sys", "import re\nre._compiler", "from re import enum",
        "import statistics\nstatistics.random", "import uuid\nuuid.os", "import base64\nbase64.struct", "import textwrap\ntextwrap.re",
        "import string\nstring._re", "import datetime\ndatetime.sys", "from functools import recursive_repr", "import decimal\ndecimal._sys",
    ],
)  # fmt: skip
def test_py20_submodules_and_what_modules_import_are_not_offered(statement: str) -> None:
    """A view has the names that it lists, and no others."""
    with pytest.raises((SnippetFailed, SnippetStopped), match=r"not offered|no attribute|cannot import"):
        evaluate(statement)


@pytest.mark.parametrize(
    "name",
    ["__loader__", "__spec__", "__dict__", "__file__", "__path__", "__builtins__", "__cached__", "__run__"],
)
def test_py21_module_attributes_of_pythons_own_are_refused(name: str) -> None:
    """Read as an attribute, they are refused; by `getattr`, they stop the snippet; imported by name, they are refused."""
    with pytest.raises((SnippetRefused, SnippetStopped), match="not offered"):
        evaluate(f"import math\nmath.{name}")
    stopped(f"import math\ngetattr(math, {name!r})", "not offered")
    with pytest.raises((SnippetRefused, SnippetFailed), match=r"cannot be imported|not offered"):
        evaluate(f"from math import {name}")


@pytest.mark.parametrize(
    "module",
    [
        "os",
        "sys",
        "subprocess",
        "ctypes",
        "_ctypes",
        "cffi",
        "mmap",
        "gc",
        "inspect",
        "types",
        "code",
        "pdb",
        "pickle",
        "marshal",
        "builtins",
        "importlib",
        "socket",
        "threading",
        "asyncio",
        "shutil",
        "io",
        "tempfile",
        "signal",
        "faulthandler",
        "resource",
        "multiprocessing",
        "traceback",
        "weakref",
        "posix",
        "_thread",
        "nt",
        "queue",
        "warnings",
        "doctest",
        "atexit",
        "codecs",
        "runpy",
        "pkgutil",
        "site",
        "ast",
        "dis",
        "linecache",
        "tokenize",
    ],
)
def test_py22_modules_that_are_not_listed_are_not_there(module: str) -> None:
    """An import of anything else raises ModuleNotFoundError, which a snippet may catch like a missing library."""
    for statement in (f"import {module}", f"from {module} import x", f"import {module} as y"):
        with pytest.raises(SnippetFailed, match=f"the module '{module}' is not offered"):
            evaluate(statement)


def test_py23_imports_through_functions_globals_are_refused() -> None:
    """Neither `__globals__` nor `__builtins__` of any function is in reach."""
    for holder in ("print", "len", "(lambda: 0)", "abs", "sorted"):
        with pytest.raises((SnippetRefused, SnippetStopped), match="not offered"):
            evaluate(f"{holder}.__globals__['__builtins__']")
        stopped(f"getattr({holder}, '__glo' + 'bals__')", "not offered")


def test_py24_granted_functions_show_nothing_of_themselves() -> None:
    """A host function is behind a bound method: no attribute of it is in reach, and none can be set."""

    def outer() -> Any:
        key = "secret"

        def tool(x: int) -> int:
            return x + len(key)

        tool.state = []  # type: ignore[attr-defined]
        return tool

    granted = {"tool": outer()}
    assert evaluate("tool(1)", functions=granted).value == 7
    for name in (
        "__globals__",
        "__closure__",
        "__self__",
        "__wrapped__",
        "__func__",
        "__code__",
        "__defaults__",
        "__kwdefaults__",
    ):
        with pytest.raises((SnippetRefused, SnippetStopped), match="not offered"):
            evaluate(f"tool.{name}", functions=granted)
        stopped(f"getattr(tool, {name!r})", "not offered", functions=granted)
    with pytest.raises(SnippetFailed, match="AttributeError"):
        evaluate("tool.state", functions=granted)
    stopped("tool.state = 1", "cannot be set", functions=granted)


HOSTILE_CLASS = """
class H:
    def __init__(self, log): self.log = log
    def __repr__(self): self.log(1); return 'r'
    def __eq__(self, o): self.log(1); return True
    def __hash__(self): self.log(1); return 1
    def __len__(self): self.log(1); return 1
    def __iter__(self): self.log(1); return iter([])
    def __str__(self): self.log(1); return 's'
    def __bool__(self): self.log(1); return True
    def __getattr__(self, name): self.log(1); return lambda *a: 1
"""


@pytest.mark.parametrize(
    "result",
    [
        "h",
        "[h]",
        "{'k': h}",
        "{1: [h]}",
        "(h,)",
        "{h}",
        "H",
        "[print]",
        "lambda: 0",
        "(x for x in [h])",
        "iter([h])",
        "map(str, [h])",
    ],
)
def test_py25_a_result_runs_nothing_on_its_way_out(result: str) -> None:
    """What is no plain value is refused by its exact type, and none of its methods is called."""
    calls: list[int] = []
    source = f"{HOSTILE_CLASS}h = H(log)\nstart()\n{result}"
    with pytest.raises(SnippetStopped, match="no plain value") as caught:
        evaluate(source, functions={"log": calls.append, "start": calls.clear})
    assert caught.value.limit == "result"
    assert len(calls) <= (1 if "{h}" in result else 0)  # the set itself asks for a hash


def test_py25_an_exception_shows_only_text() -> None:
    """The message of the snippet's own exception is worked out within the budget; the error keeps no object of it."""
    source = "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E()"
    ended = attack(source)
    assert isinstance(ended.error, SnippetFailed)
    assert ended.error.text == "(it could not be shown)"
    assert ended.error.__context__ is None
    assert ended.error.__cause__ is None


def test_py26_nothing_shared_can_be_changed() -> None:
    """Modules, types, exceptions and functions take no attributes; what one run does, the next does not see."""
    for target in ("math", "math.sqrt", "ValueError", "int", "str", "len", "print", "object", "isinstance"):
        stopped(f"import math\n{target}.pi = 3", "cannot be set")
    evaluate(
        "import math\nglobal_thing = 1\nmath = 5\nint = str\nclass ValueError(Exception): pass\nprint = 1"
    )
    assert evaluate("import math\n[int('3'), math.pi, 'global_thing' in dir_() if False else 0]").value == [
        3,
        math.pi,
        0,
    ]
    with pytest.raises(SnippetFailed, match="NameError"):
        evaluate("global_thing")
    with pytest.raises(SnippetFailed, match="AttributeError"):
        evaluate("def f(): pass\nf.calls = 1\ndef g(): pass\ng.calls")


def test_py27_inputs_and_arguments_are_copies() -> None:
    """A list that is handed in, or to a granted function, stays what it was on the other side."""
    rows = [[1], {"k": [2]}]
    assert evaluate("rows[0].append(9)\nrows[1]['k'] = 0\nrows", {"rows": rows}).value == [[1, 9], {"k": 0}]
    assert rows == [[1], {"k": [2]}]
    kept: list[Any] = []

    def keep(x: Any, into: list[Any] = kept) -> list[Any]:
        into.append(x)
        return into

    evaluate("x = [1]\ngot = keep(x)\nx.append(2)\ngot.append(3)", functions={"keep": keep})
    assert kept == [[1]]


def test_py28_identities_are_not_offered() -> None:
    """There is no `id`, so no address and no object of an earlier run can be recognised by it."""
    with pytest.raises(SnippetFailed, match="name 'id' is not defined"):
        evaluate("id(1)")


@pytest.mark.parametrize(
    "source",
    ["(" * 5000 + ")" * 5000, "[" * 150 + "]" * 150, "-" * 100_000 + "1", "x" + ".a" * 30_000, "not " * 50_000 + "1", "f(" * 90 + ")" * 90,
     "x" + "[0]" * 30_000, "lambda: " * 20_000 + "1", "1" + "+1" * 30_000, "if 1:\n" + "".join(" " * i + "if 1:\n" for i in range(1, 99)) + " " * 99 + "pass",
     "a" * 90_000, "'" + "\\x00" * 20_000 + "'", "\0", "# \ud800", "\n" * 90_000, ";" , "x = (\n" * 1000],
)  # fmt: skip
def test_py29_deep_or_odd_sources_are_an_error_not_a_crash(source: str) -> None:
    """The parser's limits, and those of the compiler, end in a refusal or an ordinary error."""
    attack(source, inputs={"x": 1})


@pytest.mark.parametrize(
    "source",
    ["9" * 99_000, "int('9' * 10 ** 6)", "2 ** 10 ** 9", "10 ** 10 ** 10", "1 << 10 ** 9", "x = 10\nwhile True: x = x * x", "x = 7 ** 20000\npow(x, x, x + 1)",
     "x = 3 ** 40000\nfor i in range(10 ** 6): x % (x >> 20000)", "(3 ** 40000) ** 2 ** 20", "x = 2 ** 65000\nwhile True: x = x | (x << 1)", "round(5, -10 ** 9)",
     "f = 1 / 3\n(10 ** 10000) % 7 ** 9999999", "x = 1\nx <<= 10 ** 12", "int.from_bytes(b'a' * 10 ** 7, 'big') ** 2", "(1).to_bytes(10 ** 10, 'big')", "'%d' % (7 ** 60000)",
     "x = 2\nfor i in range(100): x **= 2", "x = 2\nfor i in range(100): x *= x", "divmod(3 ** 10 ** 8, 7)", "sum([2 ** 65535] * 10 ** 6) if 0 else 5 ** 5 ** 9"],
)  # fmt: skip
def test_py30_integers_are_bounded(source: str) -> None:
    """Literals, texts, powers, shifts and products of more than 65,536 bits are refused or end the evaluation."""
    ended = attack(source)
    assert ended.error is not None
    assert ended.limit in ("memory", "time", "steps", "offer") or isinstance(
        ended.error, SnippetRefused | SnippetFailed
    )


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "'a' * 40 + 'b'"),
        ("(a|aa)+$", "'a' * 60 + 'b'"),
        ("(.*)*x", "'a' * 5000"),
        ("(a?){30}a{30}", "'a' * 30"),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "'a' * 60"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        "re.match(p, t)",
        "re.search(p, t)",
        "re.findall(p, t)",
        "re.sub(p, '', t)",
        "re.split(p, t)",
        "re.compile(p).fullmatch(t)",
    ],
)
def test_py31_a_catastrophic_pattern_ends_with_the_time(pattern: str, text: str, call: str) -> None:
    """Matching is bounded by the time that is left, whatever the pattern."""
    attack(f"import re\np = {pattern!r}\nt = {text}\n{call}\n0")


@pytest.mark.parametrize("name", ["compile", "exec", "eval", "breakpoint", "globals", "locals", "vars"])
def test_py32_no_function_makes_code(name: str) -> None:
    """They are refused where they are named at all; a name of the snippet's own is its own."""
    refused(f"{name}('1')", f"{name} is not offered")
    refused(f"f = {name}", f"{name} is not offered")
    assert evaluate(f"def {name}(x): return x\n{name}(5)").value == 5


def test_py33_hooks_of_the_interpreter_are_out_of_reach() -> None:
    """There is no `sys`, so none of its hooks; nothing is set after a run that was not before."""
    before = sys.gettrace(), sys.getprofile(), sys.getrecursionlimit()
    for statement in (
        "import sys\nsys.settrace(print)",
        "import faulthandler",
        "import threading\nthreading.settrace(print)",
    ):
        with pytest.raises(SnippetFailed, match="not offered"):
            evaluate(statement)
    assert before == (sys.gettrace(), sys.getprofile(), sys.getrecursionlimit())


LOOPS = {
    "bare except": "while True:\n    try:\n        while True: pass\n    except: pass",
    "BaseException": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "finally": "def f():\n    try:\n        while True: pass\n    finally:\n        while True: pass\nf()",
    "return in finally": "def f():\n    while True:\n        try:\n            while True: pass\n        finally:\n            return f()\nf()",
    "continue in finally": "while True:\n    try:\n        while True: pass\n    finally:\n        continue",
    "break in finally": "for i in range(10 ** 9):\n    while True:\n        try:\n            while True: pass\n        finally:\n            break",
    "exit of a context": "class C:\n    def __enter__(self): return self\n    def __exit__(self, *a): return True\nwhile True:\n    with C():\n        while True: pass",
    "generator": "def g():\n    while True:\n        try:\n            yield 1\n            while True: pass\n        except BaseException: pass\nfor x in g(): pass",
    "generator finally": "def g():\n    try:\n        yield 1\n    finally:\n        while True: pass\nfor x in g(): break\ndel x\nwhile True: pass",
    "throw": "def g():\n    while True:\n        try: yield\n        except BaseException: pass\nit = g()\nnext(it)\nwhile True: it.throw(ValueError)",
    "sort key": "def k(x):\n    try:\n        while True: pass\n    except BaseException: return 1\nwhile True: sorted([1, 2], key=k)",
    "comparison": "class A:\n    def __eq__(self, o):\n        try:\n            while True: pass\n        except BaseException: return False\nwhile True: A() in [1, 2, 3]",
    "hash": "class A:\n    def __hash__(self):\n        try:\n            while True: pass\n        except BaseException: return 1\nwhile True: {A()}",
    "getattr": "class A:\n    def __getattr__(self, n):\n        try:\n            while True: pass\n        except BaseException: raise AttributeError\nwhile True: getattr(A(), 'x', 1)",
    "hasattr": "class A:\n    @property\n    def x(self):\n        while True: pass\nwhile True:\n    try: hasattr(A(), 'x')\n    except BaseException: pass",
    "own exception class": "class E(BaseException): pass\nwhile True:\n    try:\n        while True: pass\n    except E: pass\n    except BaseException: raise E from None",
    "exception in the type of a handler": "def t():\n    while True: pass\n    return ValueError\ntry:\n    1 / 0\nexcept t(): pass",
    "nested handlers": "def f(n):\n    try:\n        while True: pass\n    except BaseException:\n        f(n + 1)\n    finally:\n        f(n + 1)\nf(0)",
    "recursion in a handler": "def f():\n    try: f()\n    except RecursionError: f()\nf()",
    "recursion in finally": "def f():\n    try: f()\n    finally: f()\nf()",
}


@pytest.mark.parametrize("how", LOOPS)
@pytest.mark.parametrize("steps", [20_000, 10**9])
def test_py34_the_end_of_the_budget_cannot_be_swallowed(how: str, steps: int) -> None:
    """Neither a handler nor `finally`, a generator, a context manager or a special method outlives the steps or the time."""
    ended = attack(LOOPS[how], Budget(steps=steps, wall_seconds=0.7, memory_mb=24))
    assert isinstance(ended.error, SnippetStopped)
    assert ended.limit in ("steps", "time", "recursion", "memory")


def test_py34_interrupts_of_the_host_pass_through() -> None:
    """What the host sends to end the program is no snippet's to catch."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate("try:\n    f()\nexcept:\n    pass\n'went on'", functions={"f": interrupt})


def test_py35_no_thread_outlives_a_run() -> None:
    """There is nothing to start one with; the helper counts threads after every attack."""
    before = threading.active_count()
    for module in ("threading", "_thread", "concurrent.futures", "multiprocessing", "asyncio"):
        with pytest.raises(SnippetFailed, match="not offered"):
            evaluate(f"import {module}")
    assert threading.active_count() == before


def test_py36_signal_handlers_stay() -> None:
    """There is no `signal`."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SnippetFailed, match="not offered"):
        evaluate("import signal\nsignal.signal(15, print)")
    assert signal.getsignal(signal.SIGTERM) is before


def test_py36_the_hosts_random_state_stays() -> None:
    """A snippet that seeds its `random` seeds its own."""
    before = random.getstate()
    evaluate("import random\nrandom.seed(1)\nrandom.random()")
    assert random.getstate() == before


DEEP = {
    "map": "it = iter([1])\nfor i in range(60000): it = map(abs, it)\nlist(it)",
    "zip": "it = iter([1])\nfor i in range(60000): it = zip(it)\nlist(it)",
    "filter": "it = iter([1])\nfor i in range(60000): it = filter(None, it)\nlist(it)",
    "enumerate": "it = iter([1])\nfor i in range(60000): it = enumerate(it)\nlist(it)",
    "chain": "from itertools import chain\nit = iter([1])\nfor i in range(60000): it = chain(it)\nlist(it)",
    "islice": "from itertools import islice\nit = iter([1])\nfor i in range(60000): it = islice(it, 1)\nlist(it)",
    "dropped": "it = iter([1])\nfor i in range(90000): it = map(abs, it)\nit = 1",
    "generators": "it = iter([1])\nfor i in range(60000): it = (x for x in it)\nlist(it)",
    "hash": "t = ()\nfor i in range(600000): t = (t,)\nhash(t)",
    "key": "t = ()\nfor i in range(600000): t = (t,)\n{t: 1}",
    "item": "t = ()\nfor i in range(600000): t = (t,)\nd = {}\nd[t] = 1",
    "set": "t = ()\nfor i in range(600000): t = (t,)\ns = set()\ns.add(t)",
    "comparison": "a = b = []\nfor i in range(200000): a, b = [a], [b]\na == b",
    "text": "a = []\nfor i in range(200000): a = [a]\nstr(a)",
    "match": "a = []\nfor i in range(200000): a = [a]\nmatch a:\n    case 1: pass",
    "exceptions": "e = None\nfor i in range(50000):\n    try: raise ValueError(e) from e\n    except ValueError as x: e = x\nraise e",
    "partial": "from functools import partial\np = len\nfor i in range(60000): p = partial(p)\np([])",
    "dict": "d = {}\nfor i in range(200000): d = {0: d}\nrepr(d)",
    "deque": "from collections import deque\nx = None\nfor i in range(150000): x = deque([x])\nx = None",
    "deque by append": "from collections import deque\nx = None\nfor i in range(150000):\n    d = deque()\n    d.append(x)\n    x = d\nx = d = None",
    "copied deque": "from collections import deque\nx = None\nfor i in range(150000): x = (deque([x]) + deque()).copy()\nx = None",
    "defaultdict": "from collections import defaultdict\nx = None\nfor i in range(100000): x = defaultdict(None, {0: x})\nx = None",
    "property": "x = None\nfor i in range(150000): x = property(x)\nx = None",
    "setter": "x = property(None)\nfor i in range(150000): x = x.setter(x)\nx = None",
    "staticmethod": "x = None\nfor i in range(150000): x = staticmethod(x)\nx = None",
    "classmethod": "x = None\nfor i in range(150000): x = classmethod(x)\nx = None",
    "slice": "class A:\n    def __getitem__(self, k): return k\na, x = A(), None\nfor i in range(150000): x = a[x:]\nx = None",
    "slice in a tuple": "class A:\n    def __getitem__(self, k): return k[0]\na, x = A(), None\nfor i in range(150000): x = a[x:, 0]\nx = None",
    "map by function": "x = len\nfor i in range(150000): x = map(x, [])\nx = None",
    "repeat": "from itertools import repeat\nx = None\nfor i in range(150000): x = repeat(x)\nx = None",
    "accumulate": "from itertools import accumulate\nx = None\nfor i in range(150000): x = accumulate([], initial=x)\nx = None",
    "fill value": "from itertools import zip_longest\nx = None\nfor i in range(150000): x = zip_longest([], fillvalue=x)\nx = None",
    "sentinel": "x = None\nfor i in range(150000): x = iter(len, x)\nx = None",
    "cmp_to_key": "from functools import cmp_to_key\nk = cmp_to_key(lambda a, b: 0)\nx = None\nfor i in range(150000): x = k(x)\nx = None",
    "takewhile": "from itertools import takewhile\nx = len\nfor i in range(150000): x = takewhile(x, [])\nx = None",
    "cycle": "from itertools import cycle\nx = iter([1])\nfor i in range(90000): x = cycle(x)\nnext(x)",
    "tee": "from itertools import tee\nx = iter([1])\nfor i in range(60000): x = tee(x)[0]\nnext(x)",
    "groupby": "from itertools import groupby\nx = iter([1])\nfor i in range(60000): x = groupby(x)\nnext(x)",
    "reversed": "x = [1]\nfor i in range(150000): x = reversed([x])\nx = None",
    "closures": "def f(x): return lambda: x\nx = None\nfor i in range(100000): x = f(x)\nx = None",
    "instances": "class A: pass\nx = None\nfor i in range(100000):\n    a = A()\n    a.x = x\n    x = a\nx = a = None",
    "methods": "class A:\n    def m(self): pass\nx = None\nfor i in range(80000):\n    a = A()\n    a.x = x\n    x = a.m\nx = a = None",
    "generator functions": "def g(x): yield x\nx = None\nfor i in range(100000): x = g(x)\nx = None",
    "started generators": "def g(x):\n    c = (y for y in x)\n    yield 1\nx = iter([1])\nfor i in range(60000):\n    x = g(x)\n    next(x)\nx = None",
    "named tuples": "from collections import namedtuple\nP = namedtuple('P', 'a')\nx = None\nfor i in range(150000): x = P(x)\nx = None",
    "bound guards": "x = 'a'.join\nfor i in range(100000): x = [x].index\nx = None",
    "super": "class A: pass\nx = None\nfor i in range(80000):\n    a = A()\n    a.x = x\n    x = super(A, a)\nx = a = None",
    "exception groups of causes": "x = None\nfor i in range(50000):\n    e = ValueError()\n    try: raise e from x\n    except ValueError as y: x = y\nx = e = None",
    "filter by a type": "from itertools import count\nlist(filter(list, [count()]))",
}
RUN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from ringfence.errors import SnippetError
from ringfence.restricted import Budget, evaluate
try:
    evaluate(sys.argv[1], budget=Budget(wall_seconds=3))
except SnippetError as error:
    print(type(error).__name__)
print("alive")
"""


@pytest.mark.parametrize("how", DEEP)
def test_py37_what_overruns_the_stack_in_c_does_not_get_there(how: str) -> None:
    """Iterators within iterators, and hashes of deep tuples, would end the process; each of them is stopped, in a process of its own."""
    command = [sys.executable, "-c", RUN, DEEP[how]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.endswith("alive\n")


# PY37 (a bug of CPython that crashes the process) cannot be contained in the process: that is what the sandbox tier is for, and what
# docs/restricted.md says. What is known to reach such bugs is refused or bounded: code objects, deep recursion in C
# (comparisons and representations of nested values are weighed first), `ctypes`, and arguments of C functions that take sizes.
