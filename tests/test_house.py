"""The layout of the package: which folder may import which.

The list of folders is the list of layers: a folder imports from the folders above it in `LAYERS`, never from a sibling
in the same row and never from the root.  Imports for type checkers and inside functions count like any other.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import spec_kitty_telemetry

PACKAGE = Path(spec_kitty_telemetry.__file__).parent
NAME = PACKAGE.name
MOST_LINES = 300

# `sync` stands beside `reports`: it moves lines of logs and has no need to know what they mean.
LAYERS = (
    {"errors", "version"},
    {"model"},
    {"project"},
    {"log", "pricing"},
    {"hooks"},
    {"agents", "recording", "reports", "sync"},
    {"decisions", "exports", "importing"},
    {"bridges"},
    {"cli"},
    {"__main__"},
)
LAYER = {folder: number for number, folders in enumerate(LAYERS) for folder in folders}

Modules = dict[str, str]
"""Dotted name of each module → its source."""


def the_package() -> Modules:
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path.read_text(
            encoding="utf-8"
        )
        for path in PACKAGE.rglob("*.py")
    }


def imports(modules: Modules) -> list[tuple[str, str, int]]:
    """Every import of one module by another: (importer, imported, line)."""
    found = []
    for module, source in modules.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}:{node.lineno} imports relatively"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                imported = name
                while imported and imported not in modules:
                    imported = imported.rpartition(".")[0]
                if imported and imported != module:
                    found.append((module, imported, node.lineno))
    return found


def folder(module: str) -> str:
    return module.removeprefix(NAME).removeprefix(".").partition(".")[0]


def wrong_imports(modules: Modules) -> list[str]:
    """Imports of the root, of a sibling folder, or of a folder further up."""
    return [
        f"{module}:{line} imports {imported}"
        for module, imported, line in imports(modules)
        if module != NAME
        and folder(module) != folder(imported)
        and (not folder(imported) or LAYER[folder(imported)] >= LAYER[folder(module)])
    ]


def circle(modules: Modules) -> list[str]:
    """Modules that import each other in a circle, if there are any; a package's own `__init__` counts."""
    graph: dict[str, set[str]] = {}
    for module, imported, _ in imports(modules):
        if module != NAME:
            graph.setdefault(module, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        members: list[str] = error.args[1]
        return members
    return []


def large_modules(modules: Modules) -> list[str]:
    return [module for module, source in modules.items() if len(source.splitlines()) > MOST_LINES]


def test_the_root_holds_folders_and_nothing_else() -> None:
    entries = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert entries - {"__init__", "__pycache__"} == set(LAYER)


def test_imports_go_down_and_never_to_a_sibling_or_to_the_root() -> None:
    assert wrong_imports(the_package()) == []


def test_no_modules_import_each_other_in_a_circle_not_even_for_types() -> None:
    assert circle(the_package()) == []


def test_no_module_has_more_than_300_lines() -> None:
    assert large_modules(the_package()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model.timespans", "from spec_kitty_telemetry import Hooks"),
        ("project.locate", "def f() -> None:\n    from spec_kitty_telemetry.hooks import manager"),
        ("log.reader", "from spec_kitty_telemetry.pricing import book"),
        ("agents.common.tokens", "import spec_kitty_telemetry.recording.compose"),
        ("hooks.specs", "if TYPE_CHECKING:\n    from spec_kitty_telemetry.agents.codex import output"),
        ("bridges.startup", "from spec_kitty_telemetry.cli import group"),
    ],
)
def test_a_planted_import_is_found(module: str, line: str) -> None:
    modules = the_package()
    name = f"{NAME}.{module}"
    modules[name] += f"\n{line}\n"
    assert [found.partition(":")[0] for found in wrong_imports(modules)] == [name]


@pytest.mark.parametrize(
    "line",
    [
        "from spec_kitty_telemetry.reports import totals",
        "def f() -> None:\n    from spec_kitty_telemetry.reports.totals import Totals",
        "if TYPE_CHECKING:\n    from spec_kitty_telemetry.reports.totals import Totals",
    ],
)
def test_a_planted_circle_is_found(line: str) -> None:
    modules = the_package()
    modules[f"{NAME}.reports.costing"] += f"\n{line}\n"
    assert {f"{NAME}.reports.costing", f"{NAME}.reports.totals"} <= set(circle(modules))


def test_a_planted_large_module_is_found() -> None:
    modules = the_package() | {f"{NAME}.reports.large": "x = 1\n" * (MOST_LINES + 1)}
    assert large_modules(modules) == [f"{NAME}.reports.large"]
