"""Which module may import which: read from the sources with `ast`, so that an arrow upwards fails before it works by chance."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import ringfence

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_LIBRARY = {*sys.stdlib_module_names, "annotationlib"}  # the latter since Python 3.14
ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
PACKAGE = SRC / "ringfence"
ADAPTERS = ROOT / "adapters"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("verdict", "unsafe", "threat", "policy.match", "quiet"),
    ("errors", "events"),
    ("restricted",),
    ("policy.document",),
    ("policy.read_yaml",),
    ("scanning",),
    ("policy.model", "refusals"),
    ("call", "tool"),
    ("policy", "session", "state", "clock", "hookspecs", "registry", "results"),
    ("sandbox", "identity"),
    ("runners", "checks", "audit"),
    ("deadline", "plugins", "approvals"),
    ("asking", "explain"),
    ("in_force",),
    ("admission", "incoming", "limiting"),
    ("recording",),
    ("gate",),
    ("streams", "bodies"),
    ("guard",),
    ("trying",),
    ("default",),
    ("decorator",),
    ("",),
    ("cli",),
    ("__main__",),
)
"""Rooms from the lowest to the highest; "" is the package's own `__init__`. A module imports from lower rooms and from its own room,
never from a neighbour in the same layer and never from above, inside functions neither. What only types need does not count."""

OPTIONAL = {
    "policy.schemas": {"jsonschema_rs"},
    "sandbox.inside.javascript": {"quickjs_rs", "wasmtime"},
    "state.postgres": {"psycopg"},
}
"""What a module loads that an extra brings, and says how to install where it is missing."""

IMPORTED_AS = {"argon2_cffi": "argon2", "pyjwt": "jwt", "pyyaml": "yaml"}
"""Distributions whose package has another name."""

HEAVY = (
    "RestrictedPython",
    "argon2",
    "jsonschema_rs",
    "asyncio",
    "concurrent.futures",
    "cryptography",
    "importlib.metadata",
    "jwt",
    "logging",
    "multiprocessing",
    "pluggy",
    "psutil",
    "pydantic",
    "regex",
    "rich",
    "sqlglot",
    "sqlite3",
    "subprocess",
    "tomllib",
    "tree_sitter",
    "typer",
    "yaml",
)
"""What `import ringfence` must not pull in."""


class Import(NamedTuple):
    """One imported module, and the name that was taken from it, if one was."""

    module: str
    name: str
    line: int


def imports(path: Path, *, typing: bool = False, late: bool = True) -> Iterator[Import]:
    """Return the imports of a file, those inside functions too unless they are not wanted, and those for types where they are."""

    def visit(node: ast.AST) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test) and not typing:
                for other in child.orelse:
                    yield from visit(other)
            elif isinstance(child, ast.Import):
                yield from (Import(alias.name, "", child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: a relative import hides where it goes"
                yield from (Import(child.module or "", alias.name, child.lineno) for alias in child.names)
            elif late or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from visit(child)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")))


def module_name(path: Path) -> str:
    """Return a file's module below `ringfence`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def place(module: str) -> tuple[int, str]:
    """Return the layer and room of a module below `ringfence`."""
    found = [
        (len(room), layer, room)
        for layer, rooms in enumerate(LAYERS)
        for room in rooms
        if module == room or (room and module.startswith(f"{room}."))
    ]
    assert found, f"the module {module!r} has no place in LAYERS"
    _, layer, room = max(found)
    return layer, room


def inner_imports(path: Path, *, late: bool = True) -> Iterator[tuple[str, int]]:
    """Return the modules of ours that a file imports, below `ringfence`, with their lines."""
    for found in imports(path, late=late):
        if found.module == "ringfence" or found.module.startswith("ringfence."):
            below = found.module.removeprefix("ringfence").removeprefix(".")
            deeper = f"{below}.{found.name}".strip(".")
            yield (deeper if deeper in MODULES else below), found.line


@pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "ringfence")
def test_no_arrow_points_up(module: str) -> None:
    """A module imports only from rooms below its own, and from its own."""
    layer, room = place(module)
    for target, line in inner_imports(MODULES[module]):
        below, other = place(target)
        assert below < layer or other == room, f"{module}:{line} ({room}) imports {target} ({other})"


def test_every_room_is_there() -> None:
    """The order names no room that was torn down."""
    rooms = {place(module)[1] for module in MODULES}
    assert sorted(room for layer in LAYERS for room in layer if room not in rooms) == []


def test_no_two_modules_import_each_other() -> None:
    """Inside a room there is no circle either: imports at the head of modules form a tree."""
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle of imports: {' -> '.join((*path, module))}"
        if module not in done:
            for target, _ in inner_imports(MODULES[module], late=False):
                if target != module:
                    walk(target, (*path, module))
            done.add(module)

    for module in MODULES:
        walk(module, ())


def third_party(path: Path) -> set[str]:
    """Return the top-level packages that a file imports and that are neither ours nor the standard library's."""
    roots = {found.module.partition(".")[0] for found in imports(path, typing=True)}
    return roots - STANDARD_LIBRARY - {"ringfence", ""}


@pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "ringfence")
def test_the_core_imports_only_its_dependencies(module: str) -> None:
    """No framework in `src/`, not for types either: only what the distribution itself depends on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[^\w-]", text)[0].lower().replace("-", "_") for text in project["dependencies"]}
    imported = {name.lower() for name in third_party(MODULES[module]) - OPTIONAL.get(module, set())}
    assert imported <= {IMPORTED_AS.get(name, name) for name in named} | {"pydantic_core"}  # pydantic's own


ADAPTER_FILES = sorted(ADAPTERS.rglob("*.py"))


def public_names(module: str) -> set[str]:
    """Return the names that a public module of ours offers."""
    return set(getattr(importlib.import_module(module), "__all__", ()))


@pytest.mark.parametrize("path", ADAPTER_FILES, ids=lambda path: path.relative_to(ADAPTERS).as_posix())
def test_an_adapter_uses_only_public_names(path: Path) -> None:
    """An adapter is what a third party could have written: it imports from `__all__` of the three public modules, and nothing else of ours."""
    own = path.relative_to(ADAPTERS).parts[1]
    for found in imports(path, typing=True):
        root = found.module.partition(".")[0]
        assert not (root.startswith("ringfence_") and root != own), f"line {found.line}: another adapter"
        if root == "ringfence":
            assert found.module in ("ringfence", "ringfence.errors", "ringfence.hookspecs"), (
                f"line {found.line}"
            )
            assert found.name in public_names(found.module), f"line {found.line}: {found.name}"


def asserts(path: Path) -> Iterator[ast.Assert]:
    """Return the assert statements of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assert):
            yield node


@pytest.mark.parametrize("path", ADAPTER_FILES, ids=lambda path: path.relative_to(ADAPTERS).as_posix())
def test_an_adapter_asserts_nothing(path: Path) -> None:
    """`python -O` removes asserts, and what an adapter gets comes from a framework."""
    assert [node.lineno for node in asserts(path)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "ringfence")
def test_the_core_asserts_only_to_narrow_types(module: str) -> None:
    """An assert in the package says `is not None` or `isinstance` for the type checker, and no more."""
    for node in asserts(MODULES[module]):
        test = node.test
        narrows = isinstance(test, ast.Call) and ast.unparse(test.func) == "isinstance"
        narrows = narrows or (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot))
        assert narrows, f"line {node.lineno}"


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a new interpreter has loaded after a statement, besides those it had before."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, check=True, text=True, timeout=30
    )
    return set(done.stdout.split())


def test_importing_the_package_is_light() -> None:
    """`import ringfence` loads nothing, and a guard no event loop, parser, database, command line or framework."""
    assert {name for name in loaded_by("import ringfence") if name.startswith("ringfence.")} == set()
    loaded = loaded_by("from ringfence import Guard, secure_tool")
    assert "ringfence.guard" in loaded
    assert [name for name in HEAVY if name in loaded] == []
    roots = {name.partition(".")[0] for name in loaded}
    assert sorted(roots - STANDARD_LIBRARY - {"ringfence"}) == []


@pytest.mark.parametrize(
    "statement", ["import ringfence.errors", "import ringfence.policy.model", "import ringfence.verdict"]
)
def test_a_small_part_is_no_heavier_than_the_whole(statement: str) -> None:
    """Importing one public module loads nothing that a guard does not load anyway."""
    assert loaded_by(statement) <= loaded_by("from ringfence import Guard, secure_tool")


def test_every_public_name_has_its_home() -> None:
    """What type checkers read and what is loaded at run time are the same names from the same modules."""
    homes = {
        found.name: found.module
        for found in imports(PACKAGE / "__init__.py", typing=True)
        if found.module.startswith("ringfence.")
    }
    assert homes == {name: f"ringfence.{module}" for name, module in ringfence._HOME_OF.items()}
    assert sorted(homes) == ringfence.__all__ == dir(ringfence)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """As in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Gard'"):
        ringfence.Gard  # noqa: B018 # type: ignore[attr-defined]
