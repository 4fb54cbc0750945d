"""One file, one reading: whoever looks at a settings file says the same about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

REFUSED = {
    "fsync: off\nfsync: off\n": "line 2: found the key 'fsync' a second time, expected each key once; remove one",
    "fsync: &x off\n": "line 1: found an anchor or alias, expected plain YAML; write the value out",
    "pricing: &p {models: {}}\n": "line 1: found an anchor or alias",
    "fsync: !!bool off\n": "line 1: found the tag",
    "pricing: {models: {m: {input: 1, output: -1}}}\n": "output: found '-1', expected dollars per million tokens",
    "colour: red\n": "found the unknown key 'colour', expected one of budgets, ",
    "fsync: maybe\n": "fsync: found 'maybe', expected on or off",
    "fsync: off\n---\nfsync: on\n": "found a second document",
    "fsync: \xff\n": "found byte 7 that is not UTF-8",
    "[" * 20: "found deeper nesting, expected at most 12 levels",
    "#" * 1024 * 1024 + "\n": "found more than 1 MiB, expected at most 1 MiB of YAML",
}
USED = {
    "a long comment": "fsync: off  #" + "x" * 300_000 + "\n",
    "nothing": "",
    "comments alone": "# nothing is set\n",
    "an empty section": "pricing:\n",
    "prices and settings": "transcripts: off\npricing: {models: {m: {input: 1, output: 2}}}\n",
}
COMMANDS = (["report"], ["lifecycle"], ["doctor"], ["prices", "lint"])


def outcome(project: Project, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> tuple[int, str]:
    monkeypatch.chdir(project.root)
    result = CliRunner().invoke(group, command)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("text", REFUSED, ids=list(REFUSED.values()))
def test_every_command_refuses_the_same_settings_file_for_the_same_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str, command: list[str]
) -> None:
    project.settings_path.write_bytes(text.encode("latin-1"))
    code, output = outcome(project, monkeypatch, command)
    assert code == 1
    assert REFUSED[text] in output


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("text", USED.values(), ids=USED)
def test_every_command_takes_the_same_settings_file(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str, command: list[str]
) -> None:
    project.settings_path.write_text(text, encoding="utf-8")
    code, output = outcome(project, monkeypatch, command)
    assert code == 0, output


def test_a_settings_file_that_is_a_folder_is_said_and_not_waited_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.settings_path.mkdir()
    for command in (["report"], ["doctor"]):
        code, output = outcome(project, monkeypatch, command)
        assert (code, "found a folder, a pipe or a device, expected a file; move it away" in output) == (1, True), (
            output
        )


def test_what_doctor_says_is_in_force_is_what_the_file_states(project: Project) -> None:
    project.settings_path.write_text("transcripts: off\ntime_zone: Europe/Vienna\n", encoding="utf-8")
    result = CliRunner().invoke(group, ["doctor", "--json", "--project", str(project.root)])
    settings = json.loads(result.stdout)["settings"]
    assert (settings["transcripts"], settings["time_zone"]) == (False, "Europe/Vienna")
