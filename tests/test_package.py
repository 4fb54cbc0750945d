"""What holds the parts together: the public names, who names the hosts, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import spec_kitty_telemetry

PACKAGE = Path(spec_kitty_telemetry.__file__).parent


def modules() -> dict[str, ast.Module]:
    files = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def imports(tree: ast.AST) -> list[tuple[int, str]]:
    """Every import that is not for type checkers alone, with its line."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        found += imports(node)
    return found


def test_only_the_bridges_name_the_hosts_and_only_the_store_their_events() -> None:
    wrong = []
    for name, tree in modules().items():
        for line, imported in imports(tree):
            top = imported.split(".")[0]
            allowed = {
                "specify_cli": "bridges/",
                "spec_kitty_orchestrator": "bridges/",
                "spec_kitty_events": "log/event_store.py",
            }
            if top in allowed and not name.startswith(allowed[top]):
                wrong.append(f"{name}:{line} imports {imported}")
    assert wrong == []


def imported_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_imports_nothing_else() -> None:
    more = imported_by("import spec_kitty_telemetry") - imported_by("pass")
    assert more - {"__future__"} == {"spec_kitty_telemetry"}


def test_recording_imports_neither_the_host_nor_what_only_reports_need(tmp_path: Path) -> None:
    (tmp_path / "kitty-specs" / "001-x").mkdir(parents=True)
    program = (
        "from pathlib import Path\nfrom spec_kitty_telemetry import Hooks, Invocation, InvocationResult\n"
        f"root = Path({str(tmp_path)!r})\nhooks = Hooks.load(root)\n"
        "run = Invocation(project_root=root, feature='001-x', agent='a', role='r')\n"
        "hooks.before_invocation(run)\nhooks.after_invocation(run, InvocationResult(success=True))"
    )
    loaded = imported_by(program)
    assert (tmp_path / "kitty-specs" / "001-x" / "execution.events.jsonl").exists()
    assert loaded.isdisjoint({"specify_cli", "spec_kitty_orchestrator", "spec_kitty_events", "click", "tabulate"})


def test_a_report_imports_neither_the_host_nor_what_only_recording_needs(tmp_path: Path) -> None:
    (tmp_path / "kitty-specs").mkdir()
    program = (
        "from spec_kitty_telemetry.cli import group\n"
        f"group.main(['report', '--project', {str(tmp_path)!r}], standalone_mode=False)"
    )
    loaded = imported_by(program)
    forbidden = {
        "specify_cli",
        "spec_kitty_events",
        "pluggy",
        "pydantic",
        "yaml",
        "filelock",
        "ulid",
        "wrapt",
        "zoneinfo",
    }
    assert loaded.isdisjoint(forbidden)


def test_all_public_names_are_importable_and_listed() -> None:
    assert spec_kitty_telemetry.__all__ == sorted(spec_kitty_telemetry.__all__)
    for name in spec_kitty_telemetry.__all__:
        assert getattr(spec_kitty_telemetry, name) is not None
    with pytest.raises(AttributeError, match="module 'spec_kitty_telemetry' has no attribute 'nonsense'"):
        _ = spec_kitty_telemetry.nonsense


def test_the_installed_entry_points_are_the_promised_ones() -> None:
    distribution = metadata.distribution("spec-kitty-telemetry")
    found = {(each.group, each.name): each.value for each in distribution.entry_points}
    assert found == {
        ("spec_kitty", "telemetry"): "spec_kitty_telemetry.recording.recorder:Recorder",
        ("spec_kitty.commands", "telemetry"): "spec_kitty_telemetry.cli:group",
        ("console_scripts", "spec-kitty-telemetry"): "spec_kitty_telemetry.__main__:main",
    }


def test_dependencies_have_floors_and_no_ceilings() -> None:
    for requirement in metadata.requires("spec-kitty-telemetry") or []:
        if "extra ==" not in requirement:
            assert ">=" in requirement
            assert "<" not in requirement.split(";")[0]
