"""It installs by every way that the pages name, and works then: wheel, sdist, editable, README's command, pipx, uv."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("install"),
    pytest.mark.skipif(sys.platform == "win32", reason="the README's commands are for a POSIX shell"),
]

ROOT = Path(__file__).parent.parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".tox", ".venv*", "venv", "dist", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the project in a folder of their own."""
    folder = tmp_path_factory.mktemp("clone") / "spec-kitty-telemetry"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    return folder


@pytest.fixture(scope="module")
def readme_run(clone: Path) -> subprocess.CompletedProcess[str]:
    """README's first command, to the letter, in the clone."""
    command = (clone / "README.md").read_text(encoding="utf-8").split("```sh\n")[1].split("\n```")[0]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return run(["bash", "-c", command], clone, PATH=path, COLUMNS="160")


@pytest.fixture(scope="module")
def dist(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What would be published."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "--directory", str(folder)], clone)
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


def run(command: Iterable[str | Path], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPEC_KITTY", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**kept, "SPEC_KITTY_ENABLE_SAAS_SYNC": "0", "SPEC_KITTY_HOME": str(folder / "home"), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def check_that_it_works(programs: Path, folder: Path) -> None:
    """Play the demo through the host, report, and look at what `doctor` finds, far from the source tree."""
    host, own = programs / "spec-kitty", programs / "spec-kitty-telemetry"
    project = folder / "shop"
    demo = run([host, "telemetry", "demo", "--folder", project], folder).stdout
    assert "Played 8 agent runs" in demo
    report = json.loads(run([host, "agent", "telemetry", "report", "--json", "--project", project], folder).stdout)
    # Codex's three reviews, at $1.75, $0.175 (cached) and $14 a million:
    # 16,500 × 1.75 + 71,900 × 0.175 + 3,250 × 14 = 86,957.5; twice 13,900 × 1.75 + 50,200 × 0.175 + 1,480 × 14 = 53,830
    assert report["total"]["event_count"] == 8
    assert report["total"]["estimated_cost_usd"] == 0.1946175
    if own.exists():  # pipx and uv put only the host's own programs on the PATH
        assert (
            run([own, "report", "--json", "--project", project], folder).stdout == json.dumps(report, indent=2) + "\n"
        )
    doctor = json.loads(run([host, "telemetry", "doctor", "--json", "--project", project], folder).stdout)
    states = {each["host"]: each["state"] for each in doctor["bridges"]}
    assert states["spec-kitty-cli"] == "active"
    assert "telemetry" in run([host, "--help"], folder).stdout


def test_the_readme_command_installs_plays_and_reports(readme_run: subprocess.CompletedProcess[str]) -> None:
    assert "Played 8 agent runs" in readme_run.stdout
    assert "043-telemetry-foundation" in readme_run.stdout
    assert "≥~$39.64" in readme_run.stdout


def test_the_wheel_holds_all_that_is_needed_and_nothing_else(dist: dict[str, Path], clone: Path) -> None:
    with zipfile.ZipFile(dist["wheel"]) as wheel:
        names = set(wheel.namelist())
        start = wheel.read("spec_kitty_telemetry.pth").decode()
    assert {"spec_kitty_telemetry.pth", "spec_kitty_telemetry.start", "spec_kitty_telemetry/py.typed"} <= names
    assert start.count("\n") == 1
    assert start.startswith("import ")
    tables = {f"spec_kitty_telemetry/pricing/tables/{path.name}" for path in (clone / "pricing").glob("*.yaml")}
    assert len(tables) > 10
    assert tables | {"spec_kitty_telemetry/pricing/tables/compiled.json"} <= names
    code = {path.relative_to(clone).as_posix() for path in (clone / "spec_kitty_telemetry").rglob("*.py")}
    assert code <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "spec_kitty_telemetry", "spec_kitty_telemetry.pth", "spec_kitty_telemetry.start",
    }  # fmt: skip
    licences = {name.rpartition("/")[2] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}


@pytest.mark.parametrize("source", ["wheel", "sdist", "editable"])
def test_it_works_when_it_is_installed_from(
    source: str, readme_run: subprocess.CompletedProcess[str], clone: Path, dist: dict[str, Path], tmp_path: Path
) -> None:
    programs = clone / ".venv" / "bin"  # README's command made it, with all that this needs
    what = ["--editable", str(clone)] if source == "editable" else [str(dist[source])]
    run([programs / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", *what], tmp_path)
    check_that_it_works(programs, tmp_path)
    where = run([programs / "python", "-c", "import spec_kitty_telemetry as it; print(it.__file__)"], tmp_path).stdout
    assert (str(clone / "spec_kitty_telemetry") in where) == (source == "editable")


def test_uninstalling_takes_the_start_up_files_along(
    readme_run: subprocess.CompletedProcess[str], clone: Path, dist: dict[str, Path], tmp_path: Path
) -> None:
    python = clone / ".venv" / "bin" / "python"
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", dist["wheel"]], tmp_path)
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).stdout.strip())
    assert (site / "spec_kitty_telemetry.pth").exists()
    run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "spec-kitty-telemetry"], tmp_path)
    assert [path.name for path in site.glob("spec_kitty_telemetry*")] == []
    run([python, "-c", "pass"], tmp_path)


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pipx and uv, in an environment of their own."""
    folder = tmp_path_factory.mktemp("installers")
    venv.create(folder, with_pip=True)
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "pipx", "uv"], folder)
    return folder / "bin"


def test_pipx_injects_it_into_the_hosts_environment(installers: Path, dist: dict[str, Path], tmp_path: Path) -> None:
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    run([installers / "pipx", "install", "spec-kitty-cli"], tmp_path, **places)
    run([installers / "pipx", "inject", "spec-kitty-cli", dist["wheel"]], tmp_path, **places)
    check_that_it_works(tmp_path / "bin", tmp_path)


def test_uv_installs_the_host_with_it(installers: Path, dist: dict[str, Path], tmp_path: Path) -> None:
    places = {
        "UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "UV_CACHE_DIR": str(tmp_path / "cache"), **certificates(),
    }  # fmt: skip
    run([installers / "uv", "tool", "install", "spec-kitty-cli", "--with", dist["wheel"]], tmp_path, **places)
    check_that_it_works(tmp_path / "bin", tmp_path)


def certificates() -> dict[str, str]:
    """Let uv trust whom pip was told to trust."""
    return {"SSL_CERT_FILE": os.environ["PIP_CERT"]} if "PIP_CERT" in os.environ else {}
