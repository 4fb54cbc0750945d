"""Finding the project, its features, its identity and its settings."""

from __future__ import annotations

import os
import subprocess
from itertools import product
from pathlib import Path

import pytest

from spec_kitty_telemetry import emit_execution_event
from spec_kitty_telemetry.errors import ProjectError, SettingsError
from spec_kitty_telemetry.project.files import is_within
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.project.locate import find_project, project_of_feature_dir
from spec_kitty_telemetry.project.settings import Settings


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_project_is_found_from_any_folder_inside_it(project: Project) -> None:
    deep = project.root / "src" / "deep"
    deep.mkdir(parents=True)
    assert find_project(deep) == project


def test_outside_a_project_the_error_says_what_was_looked_for_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ProjectError, match=r"found no folder with 'kitty-specs/' .* or make one with 'spec-kitty init'"
    ):
        find_project(tmp_path)


def test_a_deleted_current_folder_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def deleted(*_: object) -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "cwd", deleted)
    with pytest.raises(ProjectError, match="the current folder was deleted; change into your project"):
        find_project()


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_folder_that_cannot_be_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match=r"no project can be looked for around '.*': ") as caught:
        find_project(Path(name))
    assert len(str(caught.value)) < 300


def test_a_wrong_time_zone_names_the_file_that_it_stands_in(project: Project) -> None:
    project.settings_path.write_text("time_zone: Mars/Base\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"telemetry\.yaml, time_zone: found the time zone 'Mars/Base'") as caught:
        project.zone()
    assert str(project.settings_path) in str(caught.value)
    project.settings_path.unlink()
    user = Path(os.environ["SPEC_KITTY_TELEMETRY_CONFIG_DIR"]) / "telemetry.yaml"
    user.parent.mkdir(parents=True)
    user.write_text("time_zone: Mars/Base\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="time_zone: found the time zone 'Mars/Base'") as caught:
        project.zone()
    assert str(user) in str(caught.value)


def test_the_hosts_own_folder_in_the_home_is_no_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".kittify").mkdir()
    (tmp_path / ".kittify" / "config.yaml").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with pytest.raises(ProjectError, match="no spec-kitty project around"):
        find_project(tmp_path / "somewhere")


def test_from_a_worktree_the_primary_checkout_is_the_project(project: Project) -> None:
    (project.root / "kitty-specs" / "043-telemetry-foundation" / "spec.md").write_text("x", encoding="utf-8")
    git(project.root, "init", "-q")
    git(project.root, "add", ".")
    git(project.root, "commit", "-qm", "one")
    inside, outside = project.root / ".worktrees" / "lane-a", project.root.parent / "elsewhere"
    for folder, branch in ((inside, "a"), (outside, "b")):
        git(project.root, "worktree", "add", "-q", str(folder), "-b", branch)
        assert find_project(folder / "kitty-specs") == project
        copy = folder / "kitty-specs" / "043-telemetry-foundation"
        assert project_of_feature_dir(copy) == (project, project.feature_dir("043-telemetry-foundation"))


def test_a_project_in_a_sub_folder_of_a_worktree_is_mirrored_in_the_primary_checkout(tmp_path: Path) -> None:
    shop = tmp_path / "mono" / "apps" / "shop"
    (shop / "kitty-specs").mkdir(parents=True)
    (shop / "kitty-specs" / "readme").write_text("x", encoding="utf-8")
    git(tmp_path / "mono", "init", "-q")
    git(tmp_path / "mono", "add", ".")
    git(tmp_path / "mono", "commit", "-qm", "one")
    git(tmp_path / "mono", "worktree", "add", "-q", str(tmp_path / "tree"))
    assert find_project(tmp_path / "tree" / "apps" / "shop" / "kitty-specs").root == shop.resolve()


@pytest.mark.parametrize("text", ["gitdir: /nowhere/at/all", "nonsense", "gitdir:", "\x00" * 9000])
def test_a_strange_git_file_leaves_the_folder_its_own_project(project: Project, text: str) -> None:
    (project.root / ".git").write_text(text, encoding="utf-8")
    assert find_project(project.root) == project


@pytest.mark.parametrize("slug", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "a" * 129, "a\nb", "é"])
def test_a_feature_name_that_is_not_one_plain_component_is_refused(project: Project, slug: str) -> None:
    with pytest.raises(ProjectError, match="cannot be a feature's name; expected letters, digits"):
        project.log_path(slug)


@pytest.mark.skipif(os.name == "nt", reason="making symlinks needs a privilege on Windows")
def test_a_feature_folder_that_leads_out_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    (project.specs_dir / "066-away").symlink_to(tmp_path)
    with pytest.raises(ProjectError, match=r"066-away leads out of the project .*; replace the link by a real folder|"):
        project.feature_dir("066-away")


def test_identity_comes_from_the_projects_own_configuration(project: Project) -> None:
    identity = project.identity()
    assert identity.project_uuid == "2e2f4b0c-9d0f-4d58-8a2e-0b6f7d0a1c11"
    assert (identity.project_slug, identity.node_id) == ("shop", "b805cd5cee74")
    assert identity.build_id == "b524fffa-7033-5e51-b1e2-842c78420f66"


@pytest.mark.parametrize("config", ["", "project: 7", "project: {uuid: not-a-uuid}", "]["])
def test_what_the_configuration_does_not_say_is_derived_and_stays_the_same(project: Project, config: str) -> None:
    (project.root / ".kittify" / "config.yaml").write_text(config, encoding="utf-8")
    first, second = project.identity(), Project(project.root).identity()
    assert first == second
    assert first.project_slug == "shop"
    assert len(first.project_uuid) == 36
    assert len(first.node_id) == 12


def test_a_project_setting_wins_over_the_users_and_the_environment_over_both(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = Path(os.environ["SPEC_KITTY_TELEMETRY_CONFIG_DIR"])
    user.mkdir(parents=True)
    monkeypatch.delenv("SPEC_KITTY_TELEMETRY_FSYNC")
    (user / "telemetry.yaml").write_text("fsync: off\ntime_zone: Europe/Vienna\n", encoding="utf-8")
    assert project.settings() == Settings(fsync=False, time_zone="Europe/Vienna")
    project.settings_path.write_text("fsync: on\n", encoding="utf-8")
    assert project.settings() == Settings(fsync=True, time_zone="Europe/Vienna")
    monkeypatch.setenv("SPEC_KITTY_TELEMETRY_FSYNC", "no")
    assert project.settings().fsync is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour: red", "found the unknown key 'colour', expected one of budgets, "),
        ("fsync: maybe", "fsync: found 'maybe', expected on or off"),
        ("- fsync", "found a list, expected a mapping"),
        ("fsync: off\nfsync: off", "line 2: found the key 'fsync' a second time, expected each key once"),
        ("fsync: &x off", "line 1: found an anchor or alias, expected plain YAML; write the value out"),
        ("fsync: !!bool off", "line 1: found the tag .*, expected plain YAML without tags"),
        ("fsync: [", "found .*, expected valid YAML"),
        ("#" + "x" * 1024 * 1024, "found more than 1 MiB, expected at most 1 MiB"),
    ],
)
def test_a_settings_file_that_cannot_be_used_says_what_is_wrong(project: Project, text: str, message: str) -> None:
    project.settings_path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        project.settings()


@pytest.mark.parametrize(
    "config",
    [
        "project: {slug: &name shop-2, node_id: 12}\nproject: {slug: shop-2, node_id: 12}\n",
        "project: {slug: !!str shop-2, node_id: 1e3}\nold: !!python/object/apply:os.system ['true']\n",
    ],
)
def test_spec_kittys_own_file_may_have_what_ours_may_not_and_no_tag_is_obeyed(project: Project, config: str) -> None:
    (project.root / ".kittify" / "config.yaml").write_text(config, encoding="utf-8")
    assert project.identity().project_slug == "shop-2"
    assert project.identity().node_id in {"12", "1e3"}


def test_the_runtime_folder_and_the_log_keep_out_of_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "kitty-specs" / "001-x").mkdir(parents=True)
    assert emit_execution_event(tmp_path / "kitty-specs" / "001-x", "001-x", "WP01", "a", "r")
    assert (tmp_path / ".kittify" / "runtime" / "telemetry").is_dir()
    status = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert status.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_a_path_is_within_a_folder_where_its_links_lead_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    for name, target in (("la", "a"), ("loop", "loop"), ("a/out", "../out"), ("a/up", ".."), ("a/nowhere", "x/y")):
        (tmp_path / name).symlink_to(target)
    names = ["", "a", "ab", "la", "loop", "a/b", "a/out", "a/up", "a/nowhere", "..", "a/..", "a/b/..", "la/b"]
    monkeypatch.chdir(tmp_path)
    absolute = [tmp_path / name for name in names] + [Path("/"), Path(f"/{tmp_path}"), Path("//")]
    places = [*absolute, *map(Path, names)]
    for path, root in product([*places, *(place / "a" / "x" for place in places)], places):
        by_definition = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
        assert is_within(path, root) is by_definition, (path, root)


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_a_link_that_leads_nowhere_hides_no_feature(project: Project) -> None:
    (project.specs_dir / "loop").symlink_to("loop")
    (project.specs_dir / "043-good").mkdir()
    assert "043-good" in project.features()
    assert "loop" not in project.features()
