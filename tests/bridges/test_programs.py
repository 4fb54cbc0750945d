"""The start-up file and the commands in spec-kitty: small stand-ins for the host, run as real programs.

The stand-ins are found before the real hosts, because `PYTHONPATH` comes before site-packages.  A `sitecustomize`
makes the folder with our start-up file a site folder; where the package is installed it is run a second time, which
must make no difference.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import spec_kitty_telemetry
from spec_kitty_telemetry.bridges import startup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACKAGE = Path(spec_kitty_telemetry.__file__).parent
STARTUP_FILE = next(
    # In a wheel it stands beside the package, in the source tree inside it.
    file
    for folder in (PACKAGE.parent, PACKAGE / "bridges")
    if (file := folder / "spec_kitty_telemetry.pth").exists()
)

SPECIFY_CLI = """
import sys
import typer

def _build_app():
    print("built the app", file=sys.stderr)
    app = typer.Typer(name="spec-kitty")
    agent = typer.Typer(name="agent", help="For agents.")
    agent.command(name="status")(lambda: print("agent status"))
    agent.command(name="check")(lambda: print("agent check"))
    app.command(name="status")(lambda: print("status"))
    app.add_typer(agent, name="agent")
    return app

def main():
    _build_app()()
"""
MANIFEST: dict[str, Any] = {"commands": {"status": {}, "agent": {"commands": {"status": {}, "check": {}}}}}


@dataclass
class Hosts:
    """A folder of stand-in hosts and their programs."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def write_specify_cli(self, text: str = SPECIFY_CLI, manifest: Mapping[str, Any] | None = MANIFEST) -> None:
        self.write("specify_cli/__init__.py", text)
        self.write("specify_cli/__main__.py", "from specify_cli import main\nmain()\n")
        self.write("specify_cli/cli/commands/__init__.py", "")
        manifest_file = self.write("specify_cli/_completion_manifest.json", json.dumps(manifest))
        if manifest is None:
            manifest_file.unlink()

    def program(self, name: str, text: str = "import sys\nfrom specify_cli import main\nsys.exit(main())\n") -> str:
        return str(self.write(f"programs/{name}", text))

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def spec_kitty(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.python(self.program("spec-kitty"), *arguments, **environment)


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    site_folder = tmp_path / "site"
    site_folder.mkdir()
    shutil.copy(STARTUP_FILE, site_folder)
    hosts = Hosts(tmp_path / "hosts")
    hosts.write("sitecustomize.py", f"import site\nsite.addsitedir({str(site_folder)!r})\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPEC_KITTY", "PYTHON", "_"))}
    hosts.environment = {**kept, "PYTHONPATH": _path((str(hosts.folder), str(PACKAGE.parent))), "COLUMNS": "100"}
    hosts.write_specify_cli()
    return hosts


def _path(folders: Sequence[str]) -> str:
    return os.pathsep.join(folders)


OURS = "import json, sys; print(json.dumps([m for m in sys.modules if m.startswith(('spec_kitty_', 'wrapt'))]))"


def test_unrelated_program_imports_nothing_of_ours(hosts: Hosts) -> None:
    done = hosts.python("-c", OURS)
    assert (json.loads(done.stdout), done.stderr) == ([], "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", OURS, "spec-kitty"),
        ("-c", OURS, "-m", "specify_cli"),
        ("-m", "ours", "specify_cli", "spec-kitty"),
        ("ours.py", "spec-kitty"),
        ("spec-kitty/manage.py",),
        ("-X", "utf8", "-W", "ignore", "ours.py", "-m", "specify_cli"),
    ],
    ids=" ".join,
)
def test_program_that_only_mentions_a_host_imports_nothing_of_ours(hosts: Hosts, arguments: tuple[str, ...]) -> None:
    hosts.write("ours.py", OURS)
    hosts.write("spec-kitty/manage.py", OURS)
    done = hosts.python(*arguments)
    assert (json.loads(done.stdout), done.stderr) == ([], "")


@pytest.mark.parametrize("name", ["spec-kitty-helper", "spec-kitty.py", "specify_cli.py"])
def test_program_whose_name_is_like_a_hosts_gets_no_bridge(hosts: Hosts, name: str) -> None:
    done = hosts.python(hosts.program(name, OURS))
    assert "wrapt" not in json.loads(done.stdout)


@pytest.mark.parametrize("name", ["spec-kitty", "spec-kitty-orchestrator", "Spec-Kitty.exe", "spec-kitty-script.py"])
def test_a_hosts_console_script_gets_its_bridge(hosts: Hosts, name: str) -> None:
    done = hosts.python("-X", "utf8", hosts.program(name, OURS), "status")
    assert "wrapt" in json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("spelling", [("-m", "specify_cli"), ("-mspecify_cli",), ("-W", "ignore", "-m", "specify_cli")])
def test_a_host_run_as_a_module_gets_its_bridge(hosts: Hosts, spelling: tuple[str, ...]) -> None:
    done = hosts.python(*spelling, "--help")
    assert "telemetry" in done.stdout, done.stderr


def test_switch_keeps_every_bridge_away(hosts: Hosts) -> None:
    for off in ("off", "OFF", "0", "false", "no", " disabled "):
        done = hosts.spec_kitty("--help", SPEC_KITTY_TELEMETRY=off)
        assert "status" in done.stdout
        assert "telemetry" not in done.stdout


def test_isolated_interpreters_work_with_and_without_the_bridge(hosts: Hosts) -> None:
    program = hosts.program("spec-kitty", OURS)
    for flag in ("-I", "-S", "-E"):
        done = hosts.python(flag, program)
        assert (done.returncode, done.stderr) == (0, "")


def test_half_uninstalled_package_makes_no_noise(tmp_path: Path) -> None:
    shutil.copy(STARTUP_FILE, tmp_path)
    (tmp_path / "spec_kitty_telemetry" / "__pycache__").mkdir(parents=True)
    code = (
        "import site, sys; sys.argv = ['spec-kitty']; sys.orig_argv = ['python', 'spec-kitty']; "
        f"site.addsitedir({str(tmp_path)!r}); print('host')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],  # without site-packages the package is really missing
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("host\n", "")


@pytest.mark.parametrize(
    ("arguments", "original"),
    [
        ([], []),
        ([""], []),
        ([""], ["python"]),
        (["spec-kitty"], []),
        (["spec-kitty", "a", "b"], ["embedder"]),
        (["-m"], ["python"]),
        (["-c", "spec-kitty"], ["python", "-c", "spec-kitty", "spec-kitty"]),
        (["/home/me/spec-kitty/manage.py"], ["python", "/home/me/spec-kitty/manage.py"]),
        (["-m", "specify_cli"], ["python", "-m", "pytest", "specify_cli"]),
    ],
)
def test_odd_command_lines_are_no_host(arguments: list[str], original: list[str]) -> None:
    assert not startup.is_host(arguments, original)


def test_the_startup_file_is_one_line_that_runs_no_strings() -> None:
    text = STARTUP_FILE.read_text(encoding="ascii")
    assert text.count("\n") == 1
    assert text.startswith("import ")
    for word in ("exec", "eval", "compile", "base64", "subprocess"):
        assert word not in text


def test_the_two_startup_files_lead_to_the_same_function() -> None:
    (line,) = STARTUP_FILE.with_suffix(".start").read_text(encoding="ascii").splitlines()
    module, function = line.split(":")
    assert module == startup.__name__
    assert getattr(startup, function) is startup.start
    assert f'__import__("{module}")' in STARTUP_FILE.read_text()


def test_startup_imports_nothing_before_it_knows_where_it_is() -> None:
    code = (
        "import sys; before = set(sys.modules); from spec_kitty_telemetry.bridges.startup import start; start(); "
        "print(sorted(set(sys.modules) - before - {'__future__'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(startup.__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.replace("'", '"')) == [
        "spec_kitty_telemetry",
        "spec_kitty_telemetry.bridges",
        "spec_kitty_telemetry.bridges.startup",
    ]


def test_a_bridge_that_cannot_be_installed_does_not_fail_the_hosts_import(hosts: Hosts) -> None:
    hosts.write("wrapt/__init__.py", "raise RuntimeError('broken')")
    done = hosts.spec_kitty("status")
    assert (done.returncode, done.stdout) == (0, "status\n")
    assert "broken" not in done.stderr


CLOSED = """
import types
class Closed(types.ModuleType):
    def __setattr__(self, name, value):
        raise TypeError(f"{name} is closed")
sys.modules[__name__].__class__ = Closed
"""


def test_failure_while_a_bridge_is_installed_is_kept_for_doctor(hosts: Hosts) -> None:
    hosts.write_specify_cli(SPECIFY_CLI + CLOSED)
    program = "import specify_cli; from spec_kitty_telemetry.bridges import startup; print(startup.failures)"
    done = hosts.python(hosts.program("spec-kitty", program))
    assert (done.stdout, done.stderr) == ("{'specify_cli': 'TypeError: main is closed'}\n", "")


BUILT = "built the app"
OWN_COMMAND = SPECIFY_CLI.replace(
    "    return app", '    app.command(name="telemetry")(lambda: print("the host\'s own"))\n    return app'
)
OWN_MANIFEST = {"commands": {**MANIFEST["commands"], "telemetry": {}}}


@pytest.mark.parametrize("place", [("telemetry",), ("agent", "telemetry")])
def test_command_is_answered_before_the_app_is_built(hosts: Hosts, place: tuple[str, ...]) -> None:
    done = hosts.spec_kitty(*place, "report", "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: spec-kitty {' '.join(place)} report" in done.stdout
    assert BUILT not in done.stderr


@pytest.mark.parametrize("place", [("telemetry",), ("agent", "telemetry")])
def test_wrong_usage_exits_with_2_and_clicks_own_message(hosts: Hosts, place: tuple[str, ...]) -> None:
    done = hosts.spec_kitty(*place, "report", "--no-such-option")
    assert done.returncode == 2
    assert "No such option" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", [(), ("agent",)])
def test_help_of_the_host_lists_the_command(hosts: Hosts, group: tuple[str, ...]) -> None:
    done = hosts.spec_kitty(*group, "--help")
    assert "telemetry" in done.stdout
    assert "status" in done.stdout


@pytest.mark.parametrize("manifest", [{}, {"commands": []}, {"commands": {"agent": {}}}])
def test_command_in_the_app_works_where_the_early_answer_does_not_apply(
    hosts: Hosts, manifest: dict[str, Any] | None
) -> None:
    hosts.write_specify_cli(manifest=manifest)
    place = ("agent", "telemetry") if manifest == {"commands": {"agent": {}}} else ("telemetry",)
    done = hosts.spec_kitty(*place, "report", "--help")
    assert f"Usage: spec-kitty {' '.join(place)} report" in done.stdout, done.stderr
    assert BUILT in done.stderr
    assert hosts.spec_kitty(*place, "report", "--no-such-option").returncode == 2
    assert f"Usage: spec-kitty {' '.join(place)} [OPTIONS] COMMAND" in hosts.spec_kitty(*place, "--help").stdout


def test_a_host_from_before_the_list_of_commands_is_answered_early_too(hosts: Hosts) -> None:
    hosts.write_specify_cli(manifest=None)
    done = hosts.spec_kitty("telemetry", "report", "--help")
    assert "Usage: spec-kitty telemetry report" in done.stdout
    assert BUILT not in done.stderr
    assert "telemetry" in hosts.spec_kitty("--help").stdout


def test_other_commands_of_the_host_are_left_alone(hosts: Hosts) -> None:
    assert hosts.spec_kitty("status").stdout == "status\n"
    assert hosts.spec_kitty("agent", "check").stdout == "agent check\n"
    assert hosts.spec_kitty("no-such-command").returncode == 2


@pytest.mark.parametrize("words", [("merge",), ("consolidate",), ("agent", "mission", "merge")])
def test_after_a_merge_a_clone_that_wants_it_syncs_in_the_background(hosts: Hosts, words: tuple[str, ...]) -> None:
    hosts.write_specify_cli("def _build_app():\n    pass\n\ndef main():\n    raise SystemExit(3)\n")
    folder = hosts.folder
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "kitty-specs" / "001-x").mkdir(parents=True)
    emit = ("emit", "--feature", "001", "--agent", "a", "--role", "planner")
    hosts.python("-m", "spec_kitty_telemetry", *emit)
    assert hosts.spec_kitty(*words).returncode == 3
    assert not _has_branch(folder)
    hosts.python("-m", "spec_kitty_telemetry", "sync", "--auto", "on")
    assert hosts.spec_kitty("status", *words).returncode == 3
    assert not _has_branch(folder)
    done = hosts.spec_kitty(*words)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    deadline = time.monotonic() + 60
    while not _has_branch(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _has_branch(folder)


def _has_branch(folder: Path) -> bool:
    return (folder / ".git" / "refs" / "heads" / "kitty" / "telemetry").exists()


def test_hosts_own_command_of_that_name_is_not_taken(hosts: Hosts) -> None:
    hosts.write_specify_cli(OWN_COMMAND, OWN_MANIFEST)
    assert hosts.spec_kitty("telemetry").stdout == "the host's own\n"
    assert hosts.spec_kitty("--help").stdout.count("telemetry") == 1


def test_host_that_loads_the_entry_points_itself_is_left_to_do_it(hosts: Hosts) -> None:
    loads = OWN_COMMAND.replace("    return app", "    # entry_points(group='spec_kitty.commands')\n    return app")
    hosts.write_specify_cli(loads)
    assert hosts.spec_kitty("telemetry").stdout == "the host's own\n"
    assert hosts.spec_kitty("agent", "--help").stdout.count("telemetry") == 0


@pytest.mark.parametrize(("marker", "count"), [("True", 0), ("False", 1)])
def test_host_that_says_who_registers_the_commands_is_believed(hosts: Hosts, marker: str, count: int) -> None:
    hosts.write_specify_cli(f"SPEC_KITTY_COMMANDS = {marker}\n{SPECIFY_CLI}\n# spec_kitty.commands")
    assert hosts.spec_kitty("--help").stdout.count("telemetry") == count


@pytest.mark.parametrize("missing", ["main", "_build_app"])
def test_host_of_an_unknown_shape_works_as_if_we_were_not_there(hosts: Hosts, missing: str) -> None:
    renamed = SPECIFY_CLI.replace(missing, f"other{missing}")
    hosts.write_specify_cli(renamed)
    start = f"import specify_cli\nspecify_cli.{'othermain' if missing == 'main' else 'main'}()\n"
    done = hosts.python(hosts.program("spec-kitty", start), "--help")
    assert done.returncode == 0
    assert "telemetry" not in done.stdout
    assert "Traceback" not in done.stderr


def test_app_of_an_unknown_shape_is_returned_as_it_is(hosts: Hosts) -> None:
    hosts.write_specify_cli(
        "def _build_app():\n    return lambda: print('no Typer')\ndef main():\n    _build_app()()\n"
    )
    done = hosts.spec_kitty("status")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no Typer\n", "")


def test_completion_is_left_to_the_host(hosts: Hosts) -> None:
    done = hosts.spec_kitty("telemetry", "--help", _SPEC_KITTY_COMPLETE="complete_bash")
    assert BUILT in done.stderr
