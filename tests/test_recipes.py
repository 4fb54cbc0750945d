"""The recipes of `docs/contributing.md` do what they say: each is applied to a copy of the package and run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "contributing.md"
COPIED = ("spec_kitty_telemetry", "pricing", "examples/project", "tests/data/agent-samples", "tests/usage")
WANTED = [
    "An agent", "A format of reports", "A column of reports", "A dimension of reports", "A filter",
    "A provider of models", "A command", "A field of the record",
]  # fmt: skip

pytestmark = [
    pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not part of the wheel"),
    pytest.mark.skipif(os.name == "nt", reason="the recipes' commands are those of a POSIX shell"),
]


class Block(NamedTuple):
    """A code block of a recipe."""

    path: str | None
    """The file that it is about; `None` for commands."""
    language: str
    text: str


def recipes() -> dict[str, list[Block]]:
    text = PAGE.read_text(encoding="utf-8").split("\n## Recipes\n")[1].split("\n## ")[0] if PAGE.is_file() else ""
    titles = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    return {title: blocks(body) for title, body in zip(titles[::2], titles[1::2], strict=True)}


def blocks(body: str) -> list[Block]:
    found = []
    path: str | None = None
    for said, language, text in re.findall(r"(.*?)^```(\w+)\n(.*?)^```$", body, flags=re.MULTILINE | re.DOTALL):
        if named := re.findall(r"^(?:New file|In) `([^`]+)`:$", said, flags=re.MULTILINE):
            path = named[-1]
        found.append(Block(None if language == "console" else path, language, text))
    return found


def environment_of(copy: Path) -> dict[str, str]:
    """The environment in which the copy is run: its lines are not measured, since they are not the package's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")} | {"PYTHONPATH": str(copy)}


def changed(source: str, diff: str) -> str:
    """Apply a diff without line numbers, whose lines must stand in `source` exactly once."""
    lines = diff.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    assert source.count(before) == 1, f"found {source.count(before)} times, expected once:\n{before}"
    return source.replace(before, after)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def apply(recipe: list[Block], copy: Path) -> None:
    for block in recipe:
        if block.path is None:
            continue
        path = copy / block.path
        if block.language == "diff":
            path.write_text(changed(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
        else:
            assert not path.exists(), f"{block.path} is there already"
            path.write_text(block.text, encoding="utf-8")


def run(command: str, copy: Path) -> str:
    """Return what a command prints in the example project, with blanks as single ones."""
    words = shlex.split(command)
    assert words[0] == "spec-kitty-telemetry"
    environment = {**environment_of(copy), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "spec_kitty_telemetry", *words[1:]],
        cwd=copy / "examples" / "project", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return " ".join(done.stdout.split())


def test_there_is_a_recipe_for_everything_that_can_be_added() -> None:
    assert list(recipes()) == WANTED


@pytest.mark.parametrize("title", WANTED)
def test_a_recipe_as_it_stands_does_what_it_says(title: str, copy: Path) -> None:
    recipe = recipes()[title]
    apply(recipe, copy)
    commands = 0
    for block in recipe:
        printed = ""
        for line in block.text.splitlines() if block.language == "console" else ():
            if line.startswith("$ "):
                printed = run(line.removeprefix("$ "), copy)
                commands += 1
            else:
                assert " ".join(line.split()) in printed, f"expected {line!r} in:\n{printed}"
    assert commands


def test_a_copy_without_the_recipes_does_none_of_it(copy: Path) -> None:
    """What the recipes' commands show is due to the recipes."""
    refused = "Error: (Invalid value for|found the (dimension|column)|No such option)"
    for option in ("--format=tsv", "--by=source", "--sort=dearness", "--provider=x"):
        with pytest.raises(AssertionError, match=refused):
            run(f"spec-kitty-telemetry report {option}", copy)
    with pytest.raises(AssertionError, match="No such command 'count'"):
        run("spec-kitty-telemetry count", copy)


def test_an_agent_without_a_sample_fails_a_test(copy: Path) -> None:
    recipe = recipes()["An agent"]
    apply(recipe, copy)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/usage/test_samples.py"]
    done = subprocess.run(
        [*command, "-k", "every_agent_has_a_sample"],
        cwd=copy, env=environment_of(copy), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "agents without a sample of what they print in tests/data/agent-samples: ['nova']" in done.stdout
