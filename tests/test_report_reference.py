"""A second report, slow and obvious, that must agree with the real one to the last digit on projects of random shape.

It reads whole files with `json`, keeps everything in dicts and lists, and adds money as `Decimal`.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry import cost_summary, query_project_events
from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.render.explanation import explained
from spec_kitty_telemetry.pricing import PriceBook
from spec_kitty_telemetry.project.layout import Project
from spec_kitty_telemetry.reports.build import ReportContext, cost_of
from spec_kitty_telemetry.reports.search import Search
from spec_kitty_telemetry.reports.summary import cost_report

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from spec_kitty_telemetry.reports.costing import CostMode

MODES: tuple[CostMode, ...] = ("auto", "reported", "calculated")
MILLION = 1_000_000
RATES = {
    "house-1": {"input": "2", "output": "10", "cache_read": "0.5", "cache_write_5m": "3", "cache_write_1h": "4"},
    "house-2": {"input": "0.7", "output": "3.3", "cache_read": "0.07", "cache_write_5m": "0.9", "cache_write_1h": "1"},
}
COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
FEATURES = ("043-first", "044-second", "145-third")
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
BROKEN = (
    b'{"event_id": "01K', b"[]", b"7", b"\xff\xfe{}", b'{"event_type": "ExecutionEvent"}',
    b'{"event_type": "ExecutionEvent", "event_id": "%s", "payload": {"input_tokens": -1}}' % (b"0" * 26),
)  # fmt: skip
PASSED_OVER = (b"", b"   ", b'{"event_type": "WPCreated", "payload": 7}')


# What a project holds ----------------------------------------------------------------------------------------------

tokens = st.none() | st.just(0) | st.integers(0, 10**7)
money = st.none() | st.decimals(0, 500, places=9).map(lambda amount: amount.normalize())


@st.composite
def counts(draw: st.DrawFn) -> dict[str, int | None]:
    """Return token counts, nearly always of parts that fit into their whole."""
    reads, writes, reasoning = draw(tokens), draw(tokens), draw(tokens)
    whole, answer = draw(tokens), draw(tokens)
    if whole is not None and draw(st.integers(0, 9)):
        whole += (reads or 0) + (writes or 0)
    if answer is not None and draw(st.integers(0, 9)):
        answer += reasoning or 0
    return dict(zip(COUNTS, (whole, reads, writes, answer, reasoning), strict=True)) | {
        "cache_write_1h_tokens": None if writes is None else draw(st.none() | st.integers(0, writes))
    }


models = st.sampled_from(["house-1", "house-2", "nobody-knows"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Return one line's object."""
    moment = datetime(2026, draw(st.sampled_from([3, 10])), 24, tzinfo=UTC) + timedelta(
        minutes=draw(st.integers(0, 14 * 1440))
    )
    offset = timedelta(minutes=draw(st.sampled_from([0, 0, 330, -600])))
    payload: dict[str, Any] = {
        "version": 2,
        "agent": draw(st.sampled_from([None, "claude-code", "codex", "Cline"])),
        "role": draw(st.sampled_from([None, "implementer", "reviewer"])),
        "wp_id": draw(st.sampled_from([None, "N/A", "WP01", "WP02"])),
        "model": draw(st.none() | models),
        "cost_usd": draw(money),
        "duration_ms": draw(tokens),
        "success": draw(st.sampled_from([None, True, False])),
        "outcome": draw(st.sampled_from([None, "succeeded", "failed", "killed", "timed_out", "rejected", "odd"])),
        "attempt": draw(st.none() | st.integers(1, 3)),
        "run_id": draw(st.sampled_from([None, "r1", "r2"])),
        "provider": draw(st.sampled_from([None, "house"])),
        "tags": draw(st.dictionaries(st.sampled_from(["team", "x"]), st.sampled_from(["red", "blue"]), max_size=2)),
        **draw(counts()),
    }
    names = draw(st.lists(models, max_size=3, unique=True))
    parts: list[dict[str, Any]] = [
        {"model": name, "cost_usd": draw(money), "provider": None, **draw(counts())} for name in names
    ]
    if parts and payload["cost_usd"] is not None:
        payload["cost_usd"] += sum((part["cost_usd"] or Decimal(0) for part in parts), Decimal(0))
    return {
        "event_id": f"{draw(st.integers(0, 60)):026}",
        "event_type": "ExecutionEvent",
        "node_id": "n",
        "lamport_clock": draw(st.integers(0, 99)),
        "timestamp": (moment + offset).replace(tzinfo=None).isoformat() + f"{'-' if offset < timedelta(0) else '+'}"
        f"{abs(offset) // timedelta(hours=1):02}:{abs(offset) // timedelta(minutes=1) % 60:02}",
        "payload": {**payload, "models": parts},
    }


lines = st.lists(st.one_of(records(), records(), records(), st.sampled_from(BROKEN + PASSED_OVER)), max_size=12)
projects = st.fixed_dictionaries(dict.fromkeys(FEATURES, lines))

dimensions = st.lists(
    st.sampled_from(
        ["feature", "wp", "role", "agent", "model", "provider", "outcome", "attempt", "run", "day", "week", "month",
         "tag:team"]
    ), min_size=1, max_size=3, unique=True,
)  # fmt: skip


def maybe(*values: str) -> st.SearchStrategy[str | None]:
    """Return one of `values`, and more often none."""
    return st.sampled_from([None, None, *values])


any_questions: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "by": dimensions,
        "cost": st.sampled_from(["auto", "auto", "reported", "calculated"]),
        "tz": st.sampled_from(ZONES),
        "feature": maybe("43", "044-second", "04*", "*"),
        "wp": maybe("WP01", "none", "wp*"),
        "role": maybe("implementer", "none"),
        "agent": maybe("c*", "codex"),
        "model": maybe("house-*", "none", "nobody-knows"),
        "outcome": maybe("failed", "rejected", "none"),
        "since": maybe("2026-03-29", "2026-10-24"),
        "until": maybe("2026-04-04", "2026-10-31", "2026-10"),
    }
)


def can_match(question: dict[str, Any]) -> bool:
    """Tell whether the span is not the wrong way round, which the command refuses."""
    return not (question["since"] and question["until"] and question["since"] > question["until"])


questions = any_questions.filter(can_match)


def write(root: Path, logs: dict[str, list[Any]]) -> Project:
    (root / ".kittify").mkdir(exist_ok=True)
    (root / ".kittify" / "telemetry.yaml").write_text(json.dumps({"pricing": {"models": RATES}}), encoding="utf-8")
    for feature, wanted in logs.items():
        folder = root / "kitty-specs" / feature
        folder.mkdir(parents=True, exist_ok=True)
        texts = [
            each if isinstance(each, bytes) else json.dumps({**each, "aggregate_id": feature}, default=str).encode()
            for each in wanted
        ]
        for place, each in enumerate(texts):  # money is a number on disk, which `default=str` made a text
            texts[place] = b"".join(_unquoted(each))
        (folder / "execution.events.jsonl").write_bytes(b"\n".join(texts))
    return Project(root)


def _unquoted(line: bytes) -> list[bytes]:
    first, *others = line.split(b'"cost_usd": "')
    return [first, *(b'"cost_usd": ' + other.replace(b'"', b"", 1) for other in others)]


# The second report -------------------------------------------------------------------------------------------------


def read(project: Project, pattern: str | None) -> tuple[list[dict[str, Any]], int]:
    """Return all good records of the features that `pattern` names, each once, and how many lines were bad."""
    found: dict[str, dict[str, Any]] = {}
    bad = 0
    for feature in FEATURES:
        if not (pattern in {None, feature, str(int(feature[:3]))} or fnmatch(feature, pattern or "")):
            continue
        text = (project.specs_dir / feature / "execution.events.jsonl").read_bytes()
        for line in text.split(b"\n"):
            if line in PASSED_OVER:
                continue
            if line in BROKEN:
                bad += 1
                continue
            record = json.loads(line, parse_float=Decimal)
            found.setdefault(record["event_id"], record)
    for record in found.values():
        payload = record["payload"]
        if payload["wp_id"] == "N/A":
            payload["wp_id"] = None
        if payload["outcome"] is None and payload["success"] is not None:
            payload["outcome"] = "succeeded" if payload["success"] else "failed"
    return list(found.values()), bad


def matches(value: str | None, pattern: str) -> bool:
    return pattern == "none" if value is None else fnmatch(value.lower(), pattern.lower())


def is_wanted(record: dict[str, Any], question: dict[str, Any]) -> bool:
    payload, zone = record["payload"], ZoneInfo(question["tz"])
    names = [part["model"] for part in payload["models"]] or [payload["model"]]
    tests = [
        question["wp"] is None or matches(payload["wp_id"], question["wp"]),
        question["role"] is None or matches(payload["role"], question["role"]),
        question["agent"] is None or matches(payload["agent"], question["agent"]),
        question["outcome"] is None or matches(payload["outcome"], question["outcome"]),
        question["model"] is None or any(matches(name, question["model"]) for name in names),
    ]
    moment = datetime.fromisoformat(record["timestamp"])
    if question["since"]:
        tests.append(moment >= datetime.fromisoformat(question["since"]).replace(tzinfo=zone).astimezone(UTC))
    if question["until"]:
        last = "2026-10-31" if question["until"] == "2026-10" else question["until"]
        after = (datetime.fromisoformat(last) + timedelta(days=1)).replace(tzinfo=zone)
        tests.append(moment < after.astimezone(UTC))
    return all(tests)


OTHER_GAPS = (
    *("uncertain_event_count", "base_rate_event_count", "incomplete_event_count"),
    *("unpriced_search_event_count", "dearer_rate_event_count", "cheaper_rate_event_count"),
)
BLANK = {"reported": None, "estimated": None, "unpriced": False, "no_usage": False, "partial": False}
UNPRICED = {**BLANK, "unpriced": True}
NO_USAGE = {**BLANK, "no_usage": True}


def says_anything(said: dict[str, Any]) -> bool:
    return any(said[name] is not None for name in (*COUNTS, "cache_write_1h_tokens"))


def estimate(said: dict[str, Any], unknown: dict[Any, list[int]]) -> dict[str, Any]:
    """Return what these tokens cost at list prices."""
    if not says_anything(said):
        return NO_USAGE
    if said["input_tokens"] == said["output_tokens"] == 0 and not any(
        said[name] for name in (*COUNTS, "cache_write_1h_tokens")
    ):
        return {**BLANK, "estimated": Decimal(0)}  # nothing costs nothing, whatever the model
    if said["model"] not in RATES:
        seen = unknown.setdefault(said["model"], [0, 0, 0])
        seen[0] += 1
        seen[1] += said["input_tokens"] or 0
        seen[2] += said["output_tokens"] or 0
        return UNPRICED
    rates = {name: Decimal(rate) / MILLION for name, rate in RATES[said["model"]].items()}
    read, reasoning, hour = (
        said["cache_read_tokens"] or 0,
        said["reasoning_tokens"] or 0,
        said["cache_write_1h_tokens"] or 0,
    )
    written = hour if said["cache_write_tokens"] is None else said["cache_write_tokens"]
    whole = read + written if said["input_tokens"] is None else said["input_tokens"]
    answer = reasoning if said["output_tokens"] is None else said["output_tokens"]
    if read + written > whole or hour > written or reasoning > answer:
        return UNPRICED
    cost = (
        (whole - read - written) * rates["input"]
        + read * rates["cache_read"]
        + (written - hour) * rates["cache_write_5m"]
        + hour * rates["cache_write_1h"]
        + answer * rates["output"]
    )
    return {**BLANK, "estimated": cost, "partial": said["input_tokens"] is None or said["output_tokens"] is None}


def whole_cost(payload: dict[str, Any]) -> Any:
    """Return what a run says that it cost: as a whole, else all of its models."""
    parts = [part["cost_usd"] for part in payload["models"]]
    if payload["cost_usd"] is not None or not parts or None in parts:
        return payload["cost_usd"]
    return sum(parts)


def shares_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what of a reported cost each model has: its own figure, or what one model without a figure leaves."""
    own = [part["cost_usd"] for part in payload["models"]]
    rest = whole_cost(payload) - sum(cost for cost in own if cost is not None)
    if own.count(None) == 1 and rest >= 0:
        own[own.index(None)] = rest
    elif None not in own and rest <= Decimal("0.000001"):  # what floats leave goes to the dearest model
        own[own.index(max(own))] += rest
    elif rest < 0 or None not in own:
        own = [None] * len(own)
    return [UNPRICED if cost is None else {**BLANK, "reported": cost} for cost in own]


def charged(record: dict[str, Any], mode: str, unknown: dict[Any, list[int]]) -> list[dict[str, Any]]:
    """Return what the whole record cost, and then what each of its models' parts did."""
    payload = record["payload"]
    parts = payload["models"]
    if whole_cost(payload) is not None and mode != "calculated":
        return [{**BLANK, "reported": whole_cost(payload)}, *(shares_of(payload) if parts else [])]
    counted = any(says_anything(part) for part in parts)
    is_mixed = mode != "calculated" and any(part["cost_usd"] is not None for part in parts)
    if not is_mixed and not counted and not says_anything(payload):
        return [NO_USAGE] * (1 + len(parts))
    if mode == "reported" and not is_mixed:
        return [UNPRICED] * (1 + len(parts))
    if not counted and not is_mixed:
        return [estimate(payload, unknown), *[UNPRICED] * len(parts)]
    found = [
        {**BLANK, "reported": part["cost_usd"]}
        if is_mixed and part["cost_usd"] is not None
        else UNPRICED
        if mode == "reported"
        else estimate(part, unknown)
        for part in parts
    ]
    said = {name: sum(part[name] or 0 for part in parts) for name in ("input_tokens", "output_tokens")}
    is_partial = any(each["partial"] or each["no_usage"] for each in found)
    is_less = any(said[name] < (payload[name] or 0) for name in said)
    whole = {**together(found), "no_usage": False, "partial": is_partial or is_less}
    return [whole, *found]


def together(charges: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the charge of several parts of one run."""
    return {
        "reported": total([each["reported"] for each in charges]),
        "estimated": total([each["estimated"] for each in charges]),
        "unpriced": any(each["unpriced"] for each in charges),
        "no_usage": all(each["no_usage"] for each in charges),
        "partial": any(each["partial"] for each in charges),
    }


def group_of(record: dict[str, Any], part: dict[str, Any] | None, by: list[str], zone: ZoneInfo) -> tuple[Any, ...]:
    payload = record["payload"]
    day = datetime.fromisoformat(record["timestamp"]).astimezone(zone).date()
    year, week, _ = day.isocalendar()
    values = {
        "feature": record["aggregate_id"],
        "wp": payload["wp_id"],
        "role": payload["role"],
        "agent": payload["agent"],
        "model": part["model"] if part else payload["model"],
        "provider": (part and part["provider"]) or payload["provider"],
        "outcome": payload["outcome"],
        "attempt": payload["attempt"],
        "run": payload["run_id"],
        "day": str(day),
        "week": f"{year}-W{week:02}",
        "month": str(day)[:7],
        "tag:team": payload["tags"].get("team"),
    }
    return tuple(values[name] for name in by)


def total(numbers: list[Any]) -> Any:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def row(entries: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Return the numbers of one row from (payload, token counts, charge) of each of its records."""

    def outcomes(*wanted: str) -> int:
        return sum(payload["outcome"] in wanted for payload, _, _ in entries)

    reported = total([charge["reported"] for _, _, charge in entries])
    estimated = total([charge["estimated"] for _, _, charge in entries])
    gaps = {name: sum(charge[name] for _, _, charge in entries) for name in ("unpriced", "no_usage", "partial")}
    return {
        "event_count": len(entries),
        "succeeded_event_count": outcomes("succeeded"),
        "failed_event_count": outcomes("failed", "killed", "timed_out"),
        "rejected_event_count": outcomes("rejected"),
        "total_input_tokens": total([said["input_tokens"] for _, said, _ in entries]),
        "cache_read_tokens": total([said["cache_read_tokens"] for _, said, _ in entries]),
        "cache_write_tokens": total([said["cache_write_tokens"] for _, said, _ in entries]),
        "total_output_tokens": total([said["output_tokens"] for _, said, _ in entries]),
        "reasoning_tokens": total([said["reasoning_tokens"] for _, said, _ in entries]),
        "total_cost_usd": total([reported, estimated]),
        "reported_cost_usd": reported,
        "estimated_cost_usd": estimated,
        "cost_is_estimated": estimated is not None,
        "cost_is_floor": any(gaps.values()),
        "unpriced_event_count": gaps["unpriced"],
        "no_usage_event_count": gaps["no_usage"],
        "partial_usage_event_count": gaps["partial"],
        "duration_ms": total([payload["duration_ms"] for payload, _, _ in entries]),
    }


def with_share(numbers: dict[str, Any], whole: Decimal | None) -> dict[str, Any]:
    part = numbers["total_cost_usd"]
    return {**numbers, "share_of_total_cost": None if part is None or not whole else round(part / whole, 6)}


def with_features_apart(groups: dict[tuple[Any, ...], Any]) -> dict[tuple[Any, ...], Any]:
    """Return groups, whose feature comes first, with it only where there are several."""
    several = len({key[0] for key in groups}) > 1
    return groups if several else {key[1:]: groups[key] for key in groups}


def empty_spans(groups: dict[tuple[Any, ...], Any], by: list[str]) -> set[tuple[str]]:
    """Return the days, weeks or months without records between the first and the last that have some."""
    if not groups or by not in (["day"], ["week"], ["month"]):
        return set()

    def name(day: date) -> str:
        year, week, _ = day.isocalendar()
        return {"day": str(day), "week": f"{year}-W{week:02}", "month": str(day)[:7]}[by[0]]

    every = [date(2025, 12, 1) + timedelta(days=number) for number in range(500)]
    known = [place for place, day in enumerate(every) if (name(day),) in groups]
    return {(name(day),) for day in every[min(known) : max(known) + 1]} - groups.keys()


def expected(project: Project, question: dict[str, Any]) -> dict[str, Any]:
    every, bad = read(project, question["feature"])
    zone, by = ZoneInfo(question["tz"]), question["by"]
    by = ["feature", *by] if "wp" in by and "feature" not in by else by
    unknown: dict[Any, list[int]] = {}
    groups: dict[tuple[Any, ...], list[Any]] = {}
    whole = []
    for record in every:
        if not is_wanted(record, question):
            continue
        payload = record["payload"]
        first, *others = charged(record, question["cost"], unknown)

        def entry(members: list[Any]) -> tuple[Any, Any, Any]:
            """A run with some of its parts; with all of them it is the run itself."""
            if len(members) == len(payload["models"]):  # noqa: B023 - used in this turn of the loop alone
                return (payload, payload, first)  # noqa: B023
            said = {name: total([part[name] for part, _ in members]) for name in COUNTS}
            return (payload, said, together([its for _, its in members]))  # noqa: B023

        pattern = question["model"]
        parts = [
            (part, its)
            for part, its in zip(payload["models"], others, strict=True)
            if pattern is None or matches(part["model"], pattern)
        ]
        splits = bool({"model", "provider"} & set(question["by"]))
        if parts and (splits or pattern):
            whole.append(entry(parts))
            keys: dict[tuple[Any, ...], list[Any]] = {}
            for part, its in parts:
                keys.setdefault(group_of(record, part if splits else None, by, zone), []).append((part, its))
            for key, members in keys.items():  # a run counts once in each row
                groups.setdefault(key, []).append(entry(members))
        else:
            whole.append((payload, payload, first))
            groups.setdefault(group_of(record, None, by, zone), []).append((payload, payload, first))
    groups = groups if by == question["by"] else with_features_apart(groups)
    groups = groups | {key: [] for key in empty_spans(groups, by)}
    sums = row(whole)
    cost = sums["total_cost_usd"]
    return {
        "rows": {key: with_share(row(entries), cost) for key, entries in groups.items()},
        # A line that is no record may have been one, so nobody knows that the sum is whole.
        "total": with_share({**sums, "cost_is_floor": sums["cost_is_floor"] or bad > 0}, cost),
        "unknown_models": {
            model: tuple(numbers)
            for model, numbers in unknown.items()
            if question["model"] is None or matches(model, question["model"])
        },
        "skipped_line_count": bad,
    }


def reported(project: Project, question: dict[str, Any]) -> dict[str, Any]:
    words = ["report", "--project", str(project.root), "--json", "--by", ",".join(question["by"])]
    for name in ("cost", "tz", "feature", "wp", "role", "agent", "model", "outcome", "since", "until"):
        words += [f"--{name}", question[name]] if question[name] else []
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout, parse_float=Decimal)
    rows = {tuple(each.pop("group").values()): each for each in document["rows"]}
    assert len(rows) == len(document["rows"])
    for each in rows.values():
        del each["group_key"]
        each.pop("recorded_models", None)
    for each in (*rows.values(), document["total"]):  # no record here is in doubt, and no price here has tiers
        assert [each.pop(name) for name in OTHER_GAPS] == [0] * len(OTHER_GAPS)
        assert each.pop("cost_is_in_doubt") is False
        assert each.pop("known_cost_usd") == (each["total_cost_usd"] or 0)
        assert each.pop("cost_is_known") is not each["cost_is_floor"]
    return {
        "rows": rows,
        "total": document["total"],
        "unknown_models": {
            model: tuple(
                sum(each[name] for each in document["unknown_models"] if each["model"] == model)
                for name in ("event_count", "input_tokens", "output_tokens")
            )
            for model in {each["model"] for each in document["unknown_models"]}
        },
        "skipped_line_count": document["skipped_line_count"],
    }


@given(logs=projects, asked=st.lists(questions, min_size=3, max_size=3))
def test_the_report_agrees_with_the_obvious_one(
    tmp_path_factory: pytest.TempPathFactory, logs: dict[str, list[Any]], asked: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "shop"
    folder.mkdir(exist_ok=True)
    project = write(folder, logs)
    with localcontext(prec=60):
        for question in asked:
            assert reported(project, question) == expected(project, question)


# Another way to ask ------------------------------------------------------------------------------------------------


@given(record=records())
def test_explaining_a_record_says_what_a_report_counts(
    tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]
) -> None:
    """Every digit of `prices explain` comes from `explained`; the report of one record has one total."""
    project = write(tmp_path_factory.mktemp("explained"), {FEATURES[0]: [record]})
    (event,) = query_project_events(project.root)
    book = PriceBook.load(project.root)
    reports = {mode: cost_report([event], ("wp",), book.find, cost=mode).total for mode in MODES}

    told = explained(event, book.find)

    by_python = cost_summary([event], "wp", project=project.root)
    assert [row.total_cost_usd for row in by_python] == [reports["auto"].total_cost_usd]
    assert cost_of(ReportContext(Search(project)), event) == reports["auto"]
    assert told["calculated_cost_usd"] == reports["calculated"].total_cost_usd
    assert told["cost_in_reports_usd"] == reports["auto"].total_cost_usd
    if (counts := told["counts_in_reports"]) in {"reported", "calculated"}:
        assert told[f"{counts}_cost_usd"] == reports["auto"].total_cost_usd
    if reports["reported"].total_cost_usd is not None:
        assert told["reported_cost_usd"] == reports["reported"].total_cost_usd
    known = [part["calculated_cost_usd"] for part in told["parts"] if part["calculated_cost_usd"] is not None]
    assert (sum(known) if known else None) == told["calculated_cost_usd"]
    for part in told["parts"]:
        if part["lines"]:
            assert sum(line["cost_usd"] for line in part["lines"]) == part["calculated_cost_usd"]
    if told["calculated_cost_usd"] is not None:
        assert told["calculated_cost_is_floor"] == reports["calculated"].is_lower_bound
