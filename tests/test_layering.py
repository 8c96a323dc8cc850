"""Arrows between the package's parts point one way (docs/architecture.md)."""

from __future__ import annotations

import ast
import pathlib
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "tb_activations"
PARTS = {"capture", "encode", "plugin"}


def imports_of(path: pathlib.Path) -> set[str]:
    """Full names of all modules a file imports, wherever in it; `from a import b` gives a and a.b."""
    module = ("tb_activations", *path.relative_to(PACKAGE).with_suffix("").parts)
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(module[: len(module) - node.level]) if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names.update([origin, *(f"{origin}.{alias.name}" for alias in node.names)])
    return names


def own(names: set[str]) -> set[str]:
    """The parts of tb_activations among them: `tb_activations.encode.atlas` is encode."""
    return {name.split(".")[1] for name in names if name.startswith("tb_activations.")}


def files(part: str) -> list[pathlib.Path]:
    return sorted((PACKAGE / part).rglob("*.py"))


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_parts_never_import_one_another(part):
    for path in files(part):
        assert not own(imports_of(path)) & (PARTS - {part}), path


def test_the_plugin_imports_only_the_data_contract():
    for path in files("plugin"):
        assert own(imports_of(path)) <= {"schema", "plugin"}, path


def test_the_data_contract_imports_only_numpy_and_the_standard_library():
    top = {name.split(".")[0] for name in imports_of(PACKAGE / "schema.py")}
    assert top - {"numpy", ""} <= sys.stdlib_module_names


def test_the_viewers_half_imports_no_framework():
    for path in [*files("plugin"), PACKAGE / "schema.py"]:
        top = {name.split(".")[0] for name in imports_of(path)}
        assert not top & {"tensorflow", "keras", "torch", "jax"}, path
