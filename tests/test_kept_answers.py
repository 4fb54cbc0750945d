"""A report again is answered from what the last one kept: exactly what reading everything gives, or everything is read.

The property at the end tries histories of edits.  Others show that what is kept is used at all: they change it on disk
and see the change in the report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from builders import new_project
from builders import new_record as event
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.log.superseding import supersede, void
from spec_kitty_telemetry.model.payload import ModelPart
from spec_kitty_telemetry.model.record import encode
from spec_kitty_telemetry.reports.answers import FOLDER
from spec_kitty_telemetry.reports.build import ReportContext, build_report
from spec_kitty_telemetry.reports.filters import EventFilter
from spec_kitty_telemetry.reports.id_lists import IdList, holds_any
from spec_kitty_telemetry.reports.log_stamps import look_at
from spec_kitty_telemetry.reports.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.log.reader import ScanReport
    from spec_kitty_telemetry.model.record import ExecutionEvent
    from spec_kitty_telemetry.pricing import OverrideUse
    from spec_kitty_telemetry.project.layout import Project
    from spec_kitty_telemetry.reports.costing import CostMode
    from spec_kitty_telemetry.reports.summary import CostReport

FEATURES = ("043-first", "044-second")
EVERYTHING = 2**60
_STEP_S = 0.03
"""A log that was written within this time is not kept: what is written next may show the same time."""


class Found(NamedTuple):
    """All that a report says."""

    report: CostReport
    reading: ScanReport
    overrides: tuple[OverrideUse, ...]


def ask(
    project: Project,
    by: str = "model",
    *,
    keeps: bool = True,
    zone: ZoneInfo | None = None,
    cost: CostMode = "auto",
    **filters: Any,
) -> Found:
    """Return a report; without `keeps` one that reads everything."""
    search = Search(project, EventFilter(**filters))
    context = ReportContext(search, cost=cost, zone=zone)
    context.keeps_from_bytes = 0 if keeps else EVERYTHING
    report = build_report(context, by)
    return Found(report, search.report, context.book.overrides_in_use)


def write(project: Project, *events: ExecutionEvent, feature: str = FEATURES[0]) -> Path:
    """Append records to a log and let the clock go on."""
    path = project.log_path(feature)
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.writelines(map(encode, events))
    time.sleep(_STEP_S)
    return path


def answers(project: Project) -> list[Path]:
    return sorted((project.runtime_dir / FOLDER).glob("*.json"))


def count_one_more(project: Project) -> None:
    """Change what is kept: a row has a run more than the log."""
    (path,) = answers(project)
    answer = json.loads(path.read_bytes())
    runs = answer["groups"][0][1]
    place = next(number for number, value in enumerate(runs) if value)  # `events`, by name the first that is not 0
    answer["groups"][0][1][place] += 1
    path.write_text(json.dumps(answer))


def priced(number: int, **facts: Any) -> ExecutionEvent:
    usual: dict[str, Any] = {"model": "claude-opus-4-6", "input_tokens": 10, "output_tokens": 1}
    return event(number, **(usual | facts))


# It is used ------------------------------------------------------------------------------------------------------


def test_the_same_question_again_is_answered_from_what_was_kept(project: Project) -> None:
    write(project, priced(1), priced(2))
    assert ask(project).report.total.event_count == 2
    count_one_more(project)
    assert ask(project).report != ask(project, keeps=False).report


def test_only_what_was_appended_is_read(project: Project) -> None:
    write(project, priced(1, cost_usd=Decimal(1)))
    ask(project)
    write(project, priced(2, cost_usd=Decimal(2)))
    count_one_more(project)
    assert ask(project).report != ask(project, keeps=False).report
    (path,) = answers(project)
    path.unlink()
    assert ask(project).report.total.total_cost_usd == Decimal(3)


def test_what_is_kept_is_extended_by_each_report(project: Project) -> None:
    write(project, priced(1))
    ask(project)
    for number in (2, 3, 4):
        write(project, priced(number))
        assert ask(project) == ask(project, keeps=False)
    (path,) = answers(project)
    assert sorted(json.loads(path.read_bytes())["later_ids"]) == [f"{number:026}" for number in (2, 3, 4)]
    assert len(list(path.parent.glob("*.ids"))) == 1


def test_a_feature_that_is_new_is_read_beside_what_was_kept(project: Project) -> None:
    write(project, priced(1))
    ask(project)
    write(project, priced(2), feature=FEATURES[1])
    count_one_more(project)
    found = ask(project, by="feature", keeps=False).report
    assert [row.event_count for row in found.rows] == [1, 1]
    assert ask(project).report != ask(project, keeps=False).report


def test_other_questions_have_answers_of_their_own(project: Project) -> None:
    write(project, priced(1), priced(2, role="reviewer"))
    for question in ({"by": "model"}, {"by": "role"}, {"roles": ("reviewer",)}, {"cost": "reported"}) * 2:
        assert ask(project, **question) == ask(project, keeps=False, **question)
    assert len(answers(project)) == 4
    assert len(list((project.runtime_dir / FOLDER).glob("*.ids"))) == 1


# Where it must not be used ----------------------------------------------------------------------------------------


def stands_twice(project: Project) -> None:
    write(project, priced(1, cost_usd=Decimal(7)))


def stands_twice_in_another_feature(project: Project) -> None:
    write(project, priced(1, cost_usd=Decimal(7)), feature=FEATURES[1])


def is_taken_back(project: Project) -> None:
    write(project, void(priced(1), f"{71:026}", "counted by mistake"))


def is_superseded(project: Project) -> None:
    write(project, supersede(priced(1, cost_usd=Decimal(9)), f"{72:026}", f"{1:026}", 2))


def supersedes_what_was_superseded(project: Project) -> None:
    write(project, supersede(priced(4, cost_usd=Decimal(9)), f"{73:026}", f"{4:026}", 5))


def is_the_first_record_of_one_that_was_superseded(project: Project) -> None:
    write(project, priced(4))


def was_edited_in_place(project: Project) -> None:
    path = project.log_path(FEATURES[0])
    path.write_bytes(path.read_bytes().replace(b'"role":"implementer"', b'"role":"implementex"'))


def was_edited_and_its_time_put_back(project: Project) -> None:
    path = project.log_path(FEATURES[0])
    status = path.stat()
    was_edited_in_place(project)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def was_cut_off(project: Project) -> None:
    path = project.log_path(FEATURES[0])
    os.truncate(path, path.stat().st_size - 20)


def was_replaced(project: Project) -> None:
    path = project.log_path(FEATURES[0])
    other = path.with_name("other")
    other.write_bytes(b"".join(encode(priced(number)) for number in range(40, 50)))
    other.replace(path)


def was_merged(project: Project) -> None:
    path = project.log_path(FEATURES[0])
    lines = path.read_bytes().splitlines(keepends=True)
    other = path.with_name("other")
    other.write_bytes(b"".join([*lines[:1], encode(priced(60)), *lines[1:], encode(priced(61))]))
    other.replace(path)


def goes_on_with_its_last_line(project: Project) -> None:
    path = project.log_path(FEATURES[0])
    with path.open("ab") as file:
        file.write(b'{"torn": ')
    time.sleep(_STEP_S)
    ask(project)
    with path.open("ab") as file:
        file.write(b"}\n")


def is_gone(project: Project) -> None:
    project.log_path(FEATURES[0]).unlink()


def has_other_prices(project: Project) -> None:
    text = "pricing: {models: {claude-opus-4-6: {input: '9', output: '9'}}}"
    (project.root / ".kittify" / "telemetry.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "happens",
    [
        stands_twice, stands_twice_in_another_feature, is_taken_back, is_superseded, supersedes_what_was_superseded,
        is_the_first_record_of_one_that_was_superseded, was_edited_in_place, was_edited_and_its_time_put_back,
        was_cut_off, was_replaced, was_merged, goes_on_with_its_last_line, is_gone, has_other_prices,
    ],
)  # fmt: skip
def test_what_changes_what_was_read_is_seen(project: Project, happens: Callable[[Project], None]) -> None:
    write(project, priced(1), priced(2), supersede(priced(4), f"{5:026}", f"{4:026}", 3), priced(3))
    write(project, priced(30), feature=FEATURES[1])
    for by in ("model", "role"):
        ask(project, by)
    happens(project)
    for by in ("model", "role"):
        assert ask(project, by) == ask(project, by, keeps=False)


def test_an_override_that_gave_a_price_is_named_again(project: Project) -> None:
    has_other_prices(project)
    write(project, priced(1))
    first, again = ask(project), ask(project)
    assert first == again == ask(project, keeps=False)
    assert [use.models for use in again.overrides] == [("claude-opus-4-6",)]


def test_broken_lines_are_named_with_their_numbers_again(project: Project) -> None:
    path = write(project, priced(1))
    with path.open("ab") as file:
        file.write(b"{\n" + encode(priced(2)) + b"[]\n")
    time.sleep(_STEP_S)
    ask(project)
    write(project, priced(3))
    with path.open("ab") as file:
        file.write(b"\xff\n")
    found = ask(project).reading
    assert [each.line for each in found.skipped] == [2, 4, 6]
    assert found == ask(project, keeps=False).reading


@pytest.mark.parametrize("spoiled", [b"", b"{", b"[]", b'{"logs": 7}', b"\xff" * 100])
def test_what_is_broken_on_disk_is_made_again(project: Project, spoiled: bytes) -> None:
    write(project, priced(1))
    expected = ask(project)
    for path in (project.runtime_dir / FOLDER).iterdir():
        path.write_bytes(spoiled)
    assert ask(project) == expected
    write(project, priced(2))
    assert ask(project) == ask(project, keeps=False)


@pytest.mark.parametrize(
    ("where", "what"),
    [("split_runs", [1]), ("groups", [[["a", "b"], [], [], []]]), ("groups", [[["a"], [1, 2], [], []]]),
     ("unknown", [["m", None, [1]]]), ("groups", [[[], [], [], []]])],
)  # fmt: skip
def test_an_answer_with_a_number_too_few_or_too_many_is_made_again(project: Project, where: str, what: object) -> None:
    write(project, priced(1))
    expected = ask(project)
    (path,) = answers(project)
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {where: what}))
    assert ask(project) == expected


def test_where_the_ids_are_lost_nothing_that_was_appended_is_taken_for_new(project: Project) -> None:
    write(project, priced(1))
    ask(project)
    for path in (project.runtime_dir / FOLDER).glob("*.ids"):
        path.unlink()
    write(project, priced(1), priced(2))
    assert ask(project) == ask(project, keeps=False)


def test_a_folder_that_leads_out_of_the_project_is_neither_read_nor_written(project: Project, tmp_path: Path) -> None:
    write(project, priced(1))
    outside = tmp_path / "outside"
    outside.mkdir()
    project.runtime_folder()
    (project.runtime_dir / FOLDER).symlink_to(outside, target_is_directory=True)
    assert ask(project) == ask(project) == ask(project, keeps=False)
    assert list(outside.iterdir()) == []


def test_small_logs_are_read_and_nothing_is_kept(project: Project) -> None:
    write(project, priced(1))
    build_report(ReportContext(Search(project)), "model")
    assert not (project.runtime_dir / FOLDER).exists()


def test_a_log_that_was_written_just_now_is_not_kept(project: Project) -> None:
    path = write(project, priced(1))
    now = look_at(path)
    assert now is not None
    latest_ns = max(now.stamp.file.mtime_ns, now.stamp.changed_ns)
    assert not now.stamp.is_settled(latest_ns)
    assert not now.stamp.is_settled(latest_ns - 10**12)  # a clock that was set back
    assert now.stamp.is_settled(latest_ns + 10**12)


def test_several_processes_may_keep_and_use_answers_at_once(project: Project) -> None:
    write(project, *(priced(number, tags={"note": "x" * 900}) for number in range(1500)))
    command = [sys.executable, "-m", "spec_kitty_telemetry", "report", "--by", "model", "--json"]

    def run(_: int) -> bytes:
        return subprocess.run([*command, "--project", project.root], capture_output=True, check=True).stdout

    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(run, range(8)))
    assert len(set(outputs)) == 1
    assert json.loads(outputs[0])["total"]["event_count"] == 1500
    assert len(answers(project)) == 1
    assert not [path for path in (project.runtime_dir / FOLDER).iterdir() if path.name.startswith(".")]


# Ids ------------------------------------------------------------------------------------------------------------

texts = st.text(st.sampled_from("01Zé\n"), min_size=0, max_size=40) | st.integers(0, 99).map("{:026}".format)


@given(ids=st.sets(texts), wanted=st.sets(texts, max_size=3))
def test_a_list_of_ids_holds_what_was_put_into_it(
    tmp_path_factory: pytest.TempPathFactory, ids: set[str], wanted: set[str]
) -> None:
    path = tmp_path_factory.mktemp("ids") / "list"
    path.write_bytes(IdList.of(ids).encoded)
    wanted.discard("")
    assert holds_any(path, wanted) == bool(ids & wanted)
    assert all(holds_any(path, [each]) for each in ids if each)


# Any history ----------------------------------------------------------------------------------------------------

ids = st.integers(0, 30)
AT = datetime(2026, 10, 24, 20, tzinfo=UTC)


def parts(number: int) -> list[ModelPart]:
    return [
        ModelPart(model="claude-opus-4-6", input_tokens=number, output_tokens=1),
        ModelPart(model="nobody-knows", input_tokens=7, output_tokens=number),
    ]


@st.composite
def records(draw: st.DrawFn) -> ExecutionEvent:
    number = draw(ids)
    found = event(
        number,
        at=AT + timedelta(hours=draw(st.integers(0, 40))),
        input_tokens=draw(st.none() | st.integers(0, 10**6)),
        output_tokens=draw(st.none() | st.integers(0, 10**6)),
        cost_usd=draw(st.none() | st.decimals(0, 10**9, places=9)),
        model=draw(st.sampled_from([None, "claude-opus-4-6", "gpt-5.5", "nobody-knows"])),
        models=draw(st.just([]) | st.integers(0, 99).map(parts)),
        role=draw(st.sampled_from([None, "implementer", "reviewer"])),
        attempt=draw(st.none() | st.integers(1, 2)),
        tags=draw(st.dictionaries(st.just("team"), st.sampled_from(["red", "blue"]))),
    )
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return void(found, f"{draw(ids) + 100:026}", "by mistake")
    if kind == 1:
        return supersede(found, f"{draw(ids) + 100:026}", f"{draw(ids):026}", draw(st.integers(0, 3)))
    return found


lines = st.lists(records().map(encode) | st.sampled_from([b"{\n", b"\xff\n", b"\n", b'{"event_type": "Other"}\n']),
                 min_size=1, max_size=4)  # fmt: skip


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def truncate(path: Path, text: bytes) -> None:
    os.truncate(path, path.stat().st_size * len(text) % (path.stat().st_size + 1))


def merge(path: Path, text: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    other = path.with_name("merged")
    other.write_bytes(b"".join([*lines[: len(lines) // 2], text, *lines[len(lines) // 2 :]]))
    other.replace(path)


def replace(path: Path, text: bytes) -> None:
    path.unlink()
    path.write_bytes(text)


def touch(path: Path, text: bytes) -> None:
    moment = [0, time.time() + 10**6, time.time()][len(text) % 3]
    os.utime(path, (moment, moment))


def tear(path: Path, text: bytes) -> None:
    append(path, text[:-5])


def nothing(_path: Path, _text: bytes) -> None:
    """As most of the time."""


edits = st.tuples(
    st.sampled_from([append, append, append, append, truncate, merge, replace, touch, tear, nothing]),
    st.sampled_from(FEATURES),
    lines.map(b"".join),
)
asked: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "by": st.sampled_from(["model", "feature", "wp,role,model", "day", "attempt", "tag:team", "provider,day"]),
        "cost": st.sampled_from(["auto", "calculated"]),
        "zone": st.sampled_from([None, ZoneInfo("Europe/Vienna")]),
        "roles": st.sampled_from([(), ("reviewer",)]),
        "models": st.sampled_from([(), ("claude*",)]),
        "since": st.sampled_from([None, AT + timedelta(hours=9)]),
    }
)
spoilers = st.sampled_from(["keep", "keep", "keep", "delete ids", "delete answers", "cut off"])


def spoil(project: Project, how: str) -> None:
    for path in list((project.runtime_dir / FOLDER).glob("*")):
        if how == "cut off":
            os.truncate(path, path.stat().st_size // 2)
        elif how == f"delete {'ids' if path.suffix == '.ids' else 'answers'}":
            path.unlink()


@given(
    st.fixed_dictionaries(dict.fromkeys(FEATURES, lines.map(b"".join))),
    st.lists(asked, min_size=1, max_size=2),
    st.lists(st.tuples(edits, spoilers), min_size=1, max_size=4),
)
def test_whatever_happens_to_logs_and_answers_a_report_is_that_of_reading_everything(
    tmp_path_factory: pytest.TempPathFactory,
    logs: dict[str, bytes],
    questions: list[dict[str, Any]],
    history: list[tuple[tuple[Callable[[Path, bytes], None], str, bytes], str]],
) -> None:
    project = new_project(tmp_path_factory.mktemp("history") / "shop", *FEATURES)
    for feature, text in logs.items():
        project.log_path(feature).write_bytes(text)
    time.sleep(_STEP_S)
    for question in questions:
        ask(project, **question)
    for (edit, feature, text), how in history:
        spoil(project, how)
        edit(project.log_path(feature), text)
        for question in questions:
            assert ask(project, **question) == ask(project, keeps=False, **question)
        time.sleep(_STEP_S)
        for question in questions:
            assert ask(project, **question) == ask(project, keeps=False, **question)
