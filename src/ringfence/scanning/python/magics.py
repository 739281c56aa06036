"""IPython's own lines in a notebook's code: `!command`, `%magic`, `%%bash`. They are rewritten into the calls that IPython makes of them."""

from __future__ import annotations

import re

_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script\s+(?:ba|z|da)?sh|system|sx|!)\b[^\n]*\n")
_CELL = re.compile(r"\s*%%(\w+)([^\n]*)\n")
_LINE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<target>[\w, \t]+=[ \t]*)?(?P<mark>!!?|%)(?P<text>(?:[^\n]*\\\n)*[^\n]*)$",
    re.MULTILINE,
)
_TIMING = re.compile(r"(?:-[nrp]\s*\d+\s+|-[a-zA-Z]+\s+)+")
"""Options of `%timeit` and `%prun`, before the statement."""


def without_magics(source: str) -> str | None:
    """Return a source with its magic lines written as calls; None where it has none."""
    shell = _SHELL_CELL.match(source)
    if shell is not None:
        return f"get_ipython().system({source[shell.end() :]!r})"
    cell = _CELL.match(source)
    head = ""
    if cell is not None and cell[1] in _OTHER_LANGUAGES:
        return f"get_ipython().run_cell_magic({cell[1]!r}, {cell[2].strip()!r}, {source[cell.end() :]!r})"
    if cell is not None:  # %%time and its like run the rest as Python
        head, source = "\n", source[cell.end() :]
    changed = head + _LINE.sub(_call, source)
    return changed if head or changed != source else None


_OTHER_LANGUAGES = frozenset(
    {"perl", "ruby", "javascript", "js", "html", "script", "svg", "latex", "R", "sql"}
)
_NAME = re.compile(r"\{([A-Za-z_][\w.]*)\}|\$([A-Za-z_]\w*)")


def _interpolated(text: str) -> str:
    """Return the expression of a command whose `{name}` and `$name` IPython replaces by variables."""
    parts = _NAME.split(text)
    if len(parts) == 1:
        return repr(text)
    names = [a or b for a, b in zip(parts[1::3], parts[2::3], strict=True)]
    pieces = [repr(parts[0])]
    for name, rest in zip(names, parts[3::3], strict=True):
        pieces += [f"str({name})", repr(rest)]
    return " + ".join(pieces)


def _call(found: re.Match[str]) -> str:
    target, text = found["target"] or "", found["text"].replace("\\\n", " ").strip()
    if found["mark"] == "%":
        name, _, rest = text.partition(" ")
        if name in ("pip", "conda", "mamba", "uv"):
            call = f"get_ipython().system({text!r})"
        elif name in ("sx", "system", "sc"):
            call = f"get_ipython().system({rest!r})"
        elif name in ("time", "timeit", "prun") and rest:
            call = _TIMING.sub("", rest, count=1) if rest.startswith("-") else rest
        else:
            call = f"get_ipython().run_line_magic({name!r}, {rest!r})"
    else:
        call = f"get_ipython().{'getoutput' if target else 'system'}({_interpolated(text)})"
    continued = "\n" * found["text"].count("\n")  # so that what follows keeps its line
    return f"{found['indent']}{target}{call}{continued}"
