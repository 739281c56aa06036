"""A planted act is found under every combination of renaming, aliasing, splitting, encoding and wrapping: what it means stays the same."""

from __future__ import annotations

import base64
import codecs
import keyword
import zlib
from textwrap import indent

from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.scanning import Capability, scan
from ringfence.threat import ThreatLevel

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: (
        not keyword.iskeyword(name)
        and name not in ("os", "base64", "codecs", "zlib", "open", "print", "str", "bytes", "chr", "map")
    )
)


@st.composite
def spelled(draw: st.DrawFn, text: str, depth: int = 2) -> str:
    """Return an expression of a text: literal, split, reversed, encoded, formatted, and combinations of these."""
    if depth == 0 or len(text) < 2:
        return repr(text)
    way = draw(
        st.sampled_from(
            [
                "literal",
                "split",
                "reversed",
                "chr",
                "hex",
                "base64",
                "zlib",
                "rot13",
                "format",
                "percent",
                "join",
                "xor",
                "slice",
            ]
        )
    )
    cut = draw(st.integers(1, len(text) - 1))
    left, right = draw(spelled(text[:cut], depth - 1)), draw(spelled(text[cut:], depth - 1))
    key = draw(st.integers(1, 31))
    forms = {
        "literal": repr(text),
        "split": f"({left} + {right})",
        "reversed": f"{text[::-1]!r}[::-1]",
        "chr": f"''.join(map(chr, {[ord(c) for c in text]}))",
        "hex": f"bytes.fromhex({text.encode().hex()!r}).decode()",
        "base64": f"base64.b64decode({base64.b64encode(text.encode())!r}).decode()",
        "zlib": f"zlib.decompress({zlib.compress(text.encode())!r}).decode()",
        "rot13": f"codecs.decode({codecs.encode(text, 'rot13')!r}, 'rot13')",
        "format": f"'{{}}{{}}'.format({left}, {right})",
        "percent": f"('%s%s' % ({left}, {right}))",
        "join": f"''.join([{left}, {right}])",
        "xor": f"''.join(chr(c ^ {key}) for c in {[ord(c) ^ key for c in text]})",
        "slice": f"{('ab' + text + 'cd')!r}[2:-2]",
    }
    return forms[way]


@st.composite
def reached(draw: st.DrawFn) -> tuple[str, str]:
    """Return a preparation and an expression that stands for `os.system`."""
    alias = draw(NAMES)
    name, module = draw(spelled("system")), draw(spelled("os"))
    return draw(
        st.sampled_from(
            [
                ("import os", "os.system"),
                (f"import os as {alias}", f"{alias}.system"),
                (f"from os import system as {alias}", alias),
                ("import os", f"getattr(os, {name})"),
                ("import os", f"os.__dict__[{name}]"),
                ("import os", f"vars(os)[{name}]"),
                ("", f"__import__({module}).system"),
                ("import importlib", f"getattr(importlib.import_module({module}), {name})"),
                ("import sys, os", f"sys.modules[{module}].system"),
                (f"import os\n{alias} = os.system", alias),
                (f"import os\n{alias} = [print, os.system]", f"{alias}[1]"),
                (f"import os\n{alias} = {{'x': os.system}}", f"{alias}['x']"),
                (f"import os\n{alias} = os\n", f"{alias}.system"),
                ("import random", "random._os.system"),
                ("import functools, os", "functools.partial(os.system)"),
                ("import os", "(lambda: os.system)()"),
            ]
        )
    )


@st.composite
def wrapped(draw: st.DrawFn, statement: str, depth: int = 2) -> str:
    """Return a statement inside functions, classes, branches and loops."""
    if depth == 0:
        return statement
    inner = draw(wrapped(statement, depth - 1))
    name = draw(NAMES) + "_w"
    body = indent(inner, "    ")
    forms = [
        inner,
        f"def {name}():\n{body}\n{name}()",
        f"class {name.title()}X:\n    def {name}(self):\n{indent(body, '    ')}",
        f"if 1:\n{body}",
        f"try:\n{body}\nexcept Exception:\n    pass",
        f"for _ in [0]:\n{body}",
        f"while True:\n{body}\n    break",
        f"with open('x') as {name}:\n{body}",
        f"async def {name}():\n{body}",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def planted_command(draw: st.DrawFn) -> str:
    """Return a source that runs `id`, one way or another."""
    preparation, function = draw(reached())
    command = draw(spelled("id -un"))
    variable = draw(NAMES)
    how = draw(st.sampled_from(["direct", "variable", "parameter", "growing"]))
    call = {
        "direct": f"{function}({command})",
        "variable": f"{variable}_ = {command}\n{function}({variable}_)",
        "parameter": f"def run_{variable}(text):\n    {function}(text)\nrun_{variable}({command})",
        "growing": f"{variable}_ = ''\n{variable}_ += 'id'\n{variable}_ += ' -un'\n{function}({variable}_)",
    }[how]
    return f"import base64, codecs, zlib\n{preparation}\n" + draw(wrapped(call))


@given(planted_command())
@settings(max_examples=200, deadline=None)
def test_a_planted_command_is_found(source: str) -> None:
    """The command is told with its program, whatever the spelling."""
    compile(source, "planted", "exec")
    report = scan(source, "python")
    assert report.problem is None, report.problem
    assert Capability.SUBPROCESS in report.capabilities
    assert "id" in report.facts.commands, source


@given(spelled("/etc/shadow", 3), NAMES, st.data())
@settings(max_examples=150, deadline=None)
def test_a_planted_path_is_found(path: str, name: str, data: st.DataObject) -> None:
    """Reading the password file is blocked, whatever the spelling of its path."""
    call = data.draw(
        st.sampled_from(
            [
                f"open({path})",
                f"{name}_ = {path}\nopen({name}_).read()",
                f"from pathlib import Path as {name}P\n{name}P({path}).read_text()",
            ]
        )
    )
    source = "import base64, codecs, zlib\n" + data.draw(wrapped(call))
    compile(source, "planted", "exec")
    report = scan(source, "python")
    assert report.problem is None, report.problem
    assert report.level >= ThreatLevel.HIGH, source


@given(
    spelled("import os\nos.system('id')", 2),
    st.sampled_from(
        [
            "exec({})",
            "eval(compile({}, 'x', 'exec'))",
            "run = exec\nrun({})",
            "getattr(__builtins__, 'ex' + 'ec')({})",
        ]
    ),
    st.data(),
)
@settings(max_examples=100, deadline=None)
def test_code_in_a_text_is_looked_into(text: str, form: str, data: st.DataObject) -> None:
    """What a text does that is run as code is told, whatever the spelling of the text."""
    source = "import base64, codecs, zlib\n" + data.draw(wrapped(form.format(text)))
    report = scan(source, "python")
    assert report.problem is None, report.problem
    assert Capability.SUBPROCESS in report.capabilities, source
    assert report.level >= ThreatLevel.HIGH
