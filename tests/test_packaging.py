"""The places that must agree about adapters: folders, extras, entry points, packages of the wheel, paths of the tools."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOL = PYPROJECT["project"], PYPROJECT["tool"]
ADAPTERS = sorted(path.name for path in (ROOT / "adapters").iterdir() if any(path.glob("*/__init__.py")))

PLUGINS = ["cedar"]
"""The folders that hold no bridge to a framework but a plugin that takes part in deciding: the policy names it."""
EXTRAS = ["javascript", "jsonschema", "postgres"]
"""The extras that bring what the core itself can use."""


def test_a_folder_of_adapters_holds_one_package_named_after_it() -> None:
    """`adapters/<name>/` holds the package `ringfence_<name>` and no other module, so that putting it on the path shows no other name."""
    assert ADAPTERS
    for name in ADAPTERS:
        inside = {
            path.name
            for path in (ROOT / "adapters" / name).iterdir()
            if not path.name.startswith((".", "__"))
        }
        assert {entry for entry in inside if not entry.endswith(".md")} == {f"ringfence_{name}"}


def test_each_adapter_has_an_entry_point() -> None:
    """The entry points of `ringfence.adapters` are the folders, and each leads to its package; those of `ringfence` are the plugins."""
    bridges = [name for name in ADAPTERS if name not in PLUGINS]
    assert PROJECT["entry-points"]["ringfence.adapters"] == {name: f"ringfence_{name}" for name in bridges}
    assert PROJECT["entry-points"]["ringfence"] == {name: f"ringfence_{name}:plugin" for name in PLUGINS}


def test_each_adapter_has_an_extra_and_dev_has_them_all() -> None:
    """`pip install 'ringfence[<name>]'` brings the adapter's framework, and `dev` brings every one."""
    extras = PROJECT["optional-dependencies"]
    assert set(ADAPTERS) <= set(extras)
    (own,) = [text for text in extras["dev"] if text.startswith("ringfence[")]
    assert sorted(re.findall(r"\w+", own)[1:]) == sorted([*ADAPTERS, *EXTRAS])


def test_the_wheel_holds_the_core_and_the_adapters() -> None:
    """The packages of the wheel are the core's and each adapter's, and nothing else."""
    packages = TOOL["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(packages) == sorted(
        ["src/ringfence", *(f"adapters/{name}/ringfence_{name}" for name in ADAPTERS)]
    )


@pytest.mark.parametrize(
    "paths",
    [TOOL["hatch"]["build"]["dev-mode-dirs"], TOOL["mypy"]["mypy_path"], TOOL["ruff"]["src"]],
    ids=["hatch", "mypy", "ruff"],
)
def test_the_tools_look_where_the_packages_are(paths: list[str]) -> None:
    """An editable install, mypy and ruff see the same folders, and never `adapters/` itself."""
    assert sorted(set(paths) - {".", "recipes"}) == sorted(
        ["src", *(f"adapters/{name}" for name in ADAPTERS)]
    )


def test_a_dependency_of_the_core_is_none_of_an_adapter() -> None:
    """No framework comes with the bare distribution."""
    frameworks = {
        re.split(r"[^\w-]", text)[0] for name in ADAPTERS for text in PROJECT["optional-dependencies"][name]
    }
    assert not frameworks & {re.split(r"[^\w-]", text)[0] for text in PROJECT["dependencies"]}


def test_an_installed_adapter_is_found_by_name_without_being_imported() -> None:
    """The installed entry points are those of the project, and each names a package that is there."""
    installed = {entry.name: entry.value for entry in entry_points(group="ringfence.adapters")}
    assert installed == PROJECT["entry-points"]["ringfence.adapters"]
    assert all(find_spec(package) is not None for package in installed.values())


def test_the_folder_of_adapters_is_not_on_the_path() -> None:
    """With `adapters/` on the path `import langchain` would find our folder: it is not, here and in a new interpreter."""
    code = "import sys; print(*sys.path, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=30
    )
    for path in (*sys.path, *done.stdout.splitlines()):
        assert Path(path).resolve() != ROOT / "adapters"
    for name in ADAPTERS:
        spec = find_spec(name)
        if name in PLUGINS:
            assert spec is None  # its library has another name than the folder
            continue
        assert spec is not None
        assert spec.origin is not None
        assert not Path(spec.origin).is_relative_to(ROOT / "adapters")


def test_the_package_says_that_it_is_typed() -> None:
    """The core and each adapter carry the marker that lets type checkers read their annotations."""
    for package in TOOL["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / package / "py.typed").is_file()


def test_pytest_imports_tests_by_their_path() -> None:
    """`--import-mode=importlib` keeps the folders of tests off the path, and warnings stay errors."""
    options = TOOL["pytest"]["ini_options"]
    assert "--import-mode=importlib" in options["addopts"]
    assert options["filterwarnings"][0] == "error"
