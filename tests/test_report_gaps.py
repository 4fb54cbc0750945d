"""What a report could not read or cannot say is said in it, and the total is marked as a floor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from builders import record
from click.testing import CliRunner, Result
from msgspec.structs import replace

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.model.payload import ModelPart
from spec_kitty_telemetry.model.record import ExecutionEvent, encode, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project


def run(project: Project, *words: str) -> Result:
    return CliRunner().invoke(group, [words[0], "--project", str(project.root), *words[1:]])


def rewrite(path: Path, change: Callable[[ExecutionEvent], ExecutionEvent]) -> None:
    path.write_bytes(b"".join(encode(change(parse(line))) for line in path.read_bytes().splitlines()))


def with_parts(path: Path, *parts: ModelPart) -> None:
    """Let the one record of a log say what each model used."""
    rewrite(path, lambda event: replace(event, payload=replace(event.payload, models=list(parts))))


def a_folder(project: Project, feature: str) -> None:
    project.log_path(feature).mkdir(parents=True)


def a_way_out(project: Project, feature: str) -> None:
    (project.root.parent / "elsewhere").mkdir()
    project.specs_dir.joinpath(feature).symlink_to(project.root.parent / "elsewhere")
    (project.root.parent / "elsewhere" / "execution.events.jsonl").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (a_folder, "is not a regular file; move it away"),
        (a_way_out, "leads out of the project"),
    ],
)
def test_a_log_that_cannot_be_read_is_named_and_the_others_are_reported(
    project: Project, spoil: Callable[[Project, str], None], reason: str
) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    spoil(project, "044-bad")

    text = run(project, "report")
    document = json.loads(run(project, "report", "--json").stdout)

    assert text.exit_code == 0
    assert "Whole logs that could not be read, so the total is a floor (≥):" in text.stdout
    assert reason in text.stdout
    (unread,) = document["unread_logs"]
    assert reason in unread["reason"]
    assert [row["cost_is_floor"] for row in document["rows"]] == [False]
    assert document["total"]["cost_is_floor"]


def test_that_no_log_can_be_read_is_an_error(project: Project) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    a_folder(project, "044-bad")
    a_folder(project, "045-bad")
    one, two = run(project, "report", "--feature", "44"), run(project, "report", "--feature", "04[45]*")
    assert (one.exit_code, two.exit_code) == (1, 1)
    assert one.stderr.rstrip().endswith("is not a regular file; move it away")
    assert two.stderr.rstrip().endswith(
        "044-bad/execution.events.jsonl is not a regular file; move it away (and 1 more)"
    )


ENTER = """
import os, sys
if os.geteuid() == 0:
    import ctypes
    for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root enters everywhere
        if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP: the next program has them no more
            sys.exit("prctl: this root may not give up its rights")
os.execv(sys.executable, [sys.executable, "-m", "spec_kitty_telemetry", "report", "--project", sys.argv[1]])
"""
"""A report as by a user who may enter no closed folder; sources: capabilities(7), linux/prctl.h, linux/capability.h."""


@pytest.mark.skipif(
    sys.platform == "win32" or (sys.platform != "linux" and os.geteuid() == 0),
    reason="permissions of POSIX, and of a root who can give up its rights",
)
def test_a_feature_whose_folder_may_not_be_entered_is_named_and_not_passed_over(project: Project) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    closed = record(project, "044-closed", cost_usd=Decimal(100)).parent
    closed.chmod(0)
    try:
        done = subprocess.run([sys.executable, "-c", ENTER, project.root], capture_output=True, text=True, check=False)
    finally:
        closed.chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    assert "044-closed/execution.events.jsonl cannot be read: permission denied" in done.stdout
    assert "$2.0000" in done.stdout


def test_events_and_lifecycle_go_on_without_a_log_that_cannot_be_read(project: Project) -> None:
    record(project, "043-good", cost_usd=Decimal(2))
    a_way_out(project, "044-bad")

    events, lifecycle = run(project, "events"), run(project, "lifecycle")

    assert (events.exit_code, lifecycle.exit_code) == (0, 0)
    assert "043-good" in events.stdout
    assert "Left out: " in events.stderr
    assert "leads out of the project" in events.stderr
    assert "leads out of the project" in lifecycle.stdout


def test_a_line_that_could_not_be_read_makes_the_total_a_floor_but_no_row(project: Project) -> None:
    path = record(project, "043-good", cost_usd=Decimal(2))
    path.write_bytes(path.read_bytes() + b"{torn\n")

    record(project, "044-more", cost_usd=Decimal(1))

    text = run(project, "report").stdout

    assert "1 line could not be read, so the total is a floor (≥):" in text
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith(("043", "044", "total"))}
    assert "≥$3.0000" in rows["total"]
    assert ["≥" in rows[name] for name in ("043-good", "044-more")] == [False, False]


def test_rows_that_count_a_run_twice_say_so(project: Project) -> None:
    path = record(project, "043-good", cost_usd=Decimal(3))
    with_parts(path, ModelPart(model="a", cost_usd=Decimal(1)), ModelPart(model="b", cost_usd=Decimal(2)))
    record(project, "043-good", cost_usd=Decimal(4), model="b")

    by_model = run(project, "report", "--by", "model").stdout
    document = json.loads(run(project, "report", "--by", "model", "--json").stdout)

    assert "A run counts in the row of each model that it used: 1 run more in the rows than in the total." in by_model
    assert document["repeated_event_count"] == 1
    assert sum(row["event_count"] for row in document["rows"]) == 3
    assert document["total"]["event_count"] == 2
    assert "A run counts" not in run(project, "report").stdout


def test_counts_that_cannot_all_be_true_are_named_as_the_reason_for_a_missing_cost(project: Project) -> None:
    path = record(project, "043-good", model="claude-opus-4-6", input_tokens=10, output_tokens=1)
    rewrite(path, lambda event: parse(encode(event).replace(b'"cache_read_tokens":null', b'"cache_read_tokens":99')))

    text = run(project, "report").stdout

    assert "1 run said counts that cannot all be true, so they have no cost; 'prices explain ID' shows them." in text
    assert "unknown" in text


def test_a_renamed_feature_is_reported_under_its_new_name(project: Project) -> None:
    record(project, "043-old-name", cost_usd=Decimal(2))
    project.feature_dir("043-old-name").rename(project.feature_dir("043-new-name"))
    (project.feature_dir("043-new-name") / "status.events.jsonl").write_text(
        json.dumps({"wp_id": "WP01", "from_lane": "for_review", "to_lane": "done", "at": "2199-01-01T00:00:00+00:00"})
    )

    report = json.loads(run(project, "report", "--json").stdout)
    lifecycle = json.loads(run(project, "lifecycle", "--json").stdout)

    assert [row["group_key"] for row in report["rows"]] == ["043-new-name"]
    (package,) = lifecycle["work_packages"]
    assert (package["feature"], package["lane"], package["total"]["event_count"]) == ("043-new-name", "done", 1)


def test_runs_whose_counts_or_rates_are_in_doubt_are_counted_below_the_table(project: Project) -> None:
    from msgspec.structs import replace

    path = record(project, "043-good", model="gpt-5.5", input_tokens=400_000, output_tokens=1)
    record(project, "043-good", model="gpt-5.5", input_tokens=1_000, output_tokens=1)
    rewrite(path, lambda event: replace(event, payload=replace(event.payload, uncertain="the output was cut off")))

    text = run(project, "report").stdout

    assert "2 runs may be off in their counts; 'events --json' says why under 'uncertain'." in text
    assert "1 run may have reached long-context prices; base rates were taken, so the total is a floor (≥)." in text
    assert '"uncertain":"the output was cut off"' in run(project, "events", "--json").stdout


def test_a_note_counts_runs_and_not_the_parts_of_a_run(project: Project) -> None:
    path = record(project, "043-good", input_tokens=20, output_tokens=2)
    impossible: dict[str, Any] = {"input_tokens": 10, "cache_read_tokens": 99, "output_tokens": 1}
    parts = [ModelPart(model="zz", input_tokens=10, output_tokens=1)] * 2
    with_parts(path, *parts, *[ModelPart(model="claude-opus-4-6", **impossible)] * 2)

    text = run(project, "report").stdout

    assert "1 run said counts that cannot all be true" in text
    assert "zz: 1 run, 20 tokens in, 2 out" in text


def test_a_contradiction_of_a_model_that_was_not_asked_for_is_not_told(project: Project) -> None:
    path = record(project, "043-good", input_tokens=20, output_tokens=2)
    good = ModelPart(model="gpt-5.5", input_tokens=10, output_tokens=1)
    with_parts(path, good, ModelPart(model="zz", input_tokens=10, cache_read_tokens=99, output_tokens=1))
    asked = run(project, "report", "--model", "gpt-5.5").stdout
    assert "cannot all be true" not in asked
    assert "≥" not in asked


def test_output_that_the_models_do_not_account_for_makes_a_cost_a_floor(project: Project) -> None:
    path = record(project, "043-good", input_tokens=100, output_tokens=1_000_000)
    with_parts(path, ModelPart(model="claude-opus-4-6", input_tokens=100, output_tokens=10))
    total = json.loads(run(project, "report", "--json").stdout)["total"]
    # 100 × $5 and 10 × $25 a million
    assert (total["estimated_cost_usd"], total["cost_is_floor"], total["partial_usage_event_count"]) == (
        0.00075,
        True,
        1,
    )


def test_a_run_whose_models_all_say_their_cost_says_its_own(project: Project) -> None:
    path = record(project, "043-good", input_tokens=2, output_tokens=2)
    with_parts(path, ModelPart(model="a", cost_usd=Decimal(1)), ModelPart(model="b", cost_usd=Decimal(2)))
    total = json.loads(run(project, "report", "--json").stdout)["total"]
    assert (total["reported_cost_usd"], total["unpriced_event_count"]) == (3, 0)


def test_a_share_of_a_cost_is_never_below_nothing(project: Project) -> None:
    path = record(project, "043-good", cost_usd=Decimal("0.3"), model="a")
    with_parts(path, ModelPart(model="a", cost_usd=Decimal(0)), ModelPart(model="b", cost_usd=Decimal("0.3000005")))
    rows = json.loads(run(project, "report", "--by", "model", "--json").stdout)["rows"]
    assert {row["group_key"]: row["reported_cost_usd"] for row in rows} == {"a": 0, "b": 0.3}


def test_a_number_that_no_program_can_hold_spoils_its_line_alone(project: Project) -> None:
    path = record(project, "043-good", cost_usd=Decimal(2))
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"version":2', b'"version":2,"zzz":1e9999999999999999999999') + good)
    for words in (("events",), ("events", "--json"), ("report",)):
        result = run(project, *words)
        assert result.exit_code == 0, result.output
        assert result.exception is None


def test_prices_of_a_plugin_are_named_below_the_table(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    site = project.root.parent / "site"
    info = site / "contract-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "contract.py").write_text(
        "from spec_kitty_telemetry import Price, hookimpl\n@hookimpl\ndef find_price(model):\n"
        "    return Price.per_million(model=model, input='1', output='2', origin='the contract')\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: contract\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spec_kitty]\ncontract = contract\n")
    monkeypatch.syspath_prepend(str(site))
    record(project, "043-good", model="house-1", input_tokens=1_000_000, output_tokens=0)

    text, document = run(project, "report").stdout, json.loads(run(project, "report", "--json").stdout)

    assert "Prices of house-1 are a plugin's: the contract" in text
    assert document["prices"]["plugins"] == [{"origin": "the contract", "models": ["house-1"]}]
    assert document["total"]["estimated_cost_usd"] == 1
    shown = CliRunner().invoke(group, ["prices", "show", "house-1", "--project", str(project.root)])
    assert "plugins are not asked here" in shown.stderr


@pytest.mark.parametrize("part", ["reasoning_tokens", "cache_write_1h_tokens"])
def test_tokens_that_are_part_of_nothing_are_not_free(project: Project, part: str) -> None:
    path = record(project, "043-good", model="claude-sonnet-4-6", input_tokens=0, output_tokens=0)
    rewrite(path, lambda event: replace(event, payload=replace(event.payload, **{part: 500})))
    text = run(project, "report").stdout
    assert "1 run said counts that cannot all be true, so they have no cost" in text
    assert "$0.0000" not in text
    rewrite(path, lambda event: replace(event, payload=replace(event.payload, input_tokens=None, output_tokens=None)))
    assert "≥~$0.0" in run(project, "report").stdout  # 500 at $15 or $6 a million
