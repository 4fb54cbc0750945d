"""The verdicts of `check`: a table, JSON, Markdown for a comment, a job summary with annotations, and JUnit XML."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from spec_kitty_telemetry.cli.output import json_money, on_screen
from spec_kitty_telemetry.cli.render import report_markdown, tables, terminal, wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spec_kitty_telemetry.decisions.verdict import State, Unknown, Verdict

JSON_VERSION = 1
COMMENT_TAG = "<!-- spec-kitty-telemetry check -->"
"""The first line of the Markdown: whoever comments on a pull request finds their comment again by it."""
MOST_ANNOTATIONS = 10
"""GitHub shows no more of a kind for one step."""
MOST_SUMMARY_BYTES = 1024 * 1024
"""GitHub refuses a job summary that is larger."""
_HEADINGS = ["budget", "limit", "spent", "left", "used", "verdict"]
_ORDER = ("over", "cannot tell", "warning", "within")
_SIGNS = {"over": "❌", "cannot tell": "❔", "warning": "⚠️", "within": "✅"}


class Outcome(NamedTuple):
    """What a check found."""

    verdicts: Sequence[Verdict]
    exit_code: int
    unknown: Unknown
    missions: Sequence[str] | None
    """The missions that were looked at; `None`: all."""
    changed_since: str | None
    """The branch or commit since which they changed, where that was asked for."""

    @property
    def worst(self) -> State:
        """The worst of all verdicts."""
        states = {each.state for each in self.verdicts}
        return next((state for state in _ORDER if state in states), "within")


def spent(verdict: Verdict) -> str:
    """Return what was spent, with the marks of a report."""
    row = verdict.spent
    if row.total_cost_usd is None:
        return "unknown" if row.event_count else "$0.00"
    marks = wording.cost_marks(is_floor=row.is_lower_bound, is_estimated=bool(row.estimated_cost_usd))
    return wording.money(row.total_cost_usd, marks, places=2)


def sentence(verdict: Verdict) -> str:
    """Return one verdict in words."""
    limit = wording.money(verdict.budget.limit_usd, places=2)
    name = wording.shown(verdict.name)
    if verdict.state == "over":
        return f"{name}: {spent(verdict)} spent, over the limit of {limit}."
    if verdict.state == "cannot tell":
        reason = _unknown_runs(verdict)
        return f"{name}: {spent(verdict)} of {limit} is known to be spent, but {reason}; nobody can tell."
    if verdict.state == "warning":
        return f"{name}: {spent(verdict)} of {limit} spent ({_used(verdict)})."
    return f"{name}: {spent(verdict)} of {limit} spent."


def _unknown_runs(verdict: Verdict) -> str:
    count = verdict.unknown_run_count
    if not count:
        return "some records could not be read, or are not in a log yet"
    return f"{wording.plural(count, 'run')} cost{'s' if count == 1 else ''} more than is known"


def headline(outcome: Outcome) -> str:
    """Return the answer of the whole check in one sentence."""
    where = f" since {wording.shown(outcome.changed_since)}" if outcome.changed_since else ""
    if outcome.missions is not None and not outcome.missions:
        return f"No mission changed{where}, so nothing was spent."
    about = f" for {', '.join(map(wording.shown, outcome.missions))}" if outcome.missions else ""
    answers = {
        "over": "Over budget",
        "cannot tell": "Cannot tell whether the budget is kept",
        "warning": "Within budget, but close to a limit",
        "within": "Within budget",
    }
    return f"{answers[outcome.worst]}{about}."


def table_lines(outcome: Outcome) -> list[str]:
    """Return the check for a person: the answer, a table, and what is not known."""
    if not outcome.verdicts:
        return [headline(outcome)]
    rows = [_cells(each) for each in outcome.verdicts]
    numbers = list(zip(_HEADINGS[1:], *(row[1:] for row in rows), strict=True))
    name_width = max(12, terminal.width() - tables.width_of(numbers) - 2)
    rows = [[wording.cut(row[0], name_width), *row[1:]] for row in rows]
    body = tables.coloured(tables.table(_HEADINGS, rows, 1).splitlines())
    return [headline(outcome), "", *body, *_notes(outcome)]


def _cells(each: Verdict) -> list[str]:
    sign = "-" if each.left_usd < 0 else on_screen("≤") if each.spent.is_lower_bound else ""
    left = wording.money(abs(each.left_usd), sign, places=2)
    limit = wording.money(each.budget.limit_usd, places=2)
    return [wording.shown(each.name), limit, spent(each), left, _used(each), each.state]


def _used(each: Verdict) -> str:
    if each.part is None:
        return wording.UNKNOWN
    return wording.cost_marks(is_floor=each.spent.is_lower_bound, is_estimated=False) + f"{each.part:.0%}"


def _notes(outcome: Outcome) -> list[str]:
    unknown = [each for each in outcome.verdicts if each.state == "cannot tell"]
    found = [f"{wording.shown(each.name)}: {_unknown_runs(each)}." for each in unknown]
    if unknown and outcome.unknown == "warn":
        found.append("This does not fail the check; --unknown fail makes it exit with 4.")
    return ["", *found] if found else []


def markdown(outcome: Outcome) -> str:
    """Return the check for a comment on a pull request; its first line is a hidden tag."""
    head = [COMMENT_TAG, f"**{report_markdown.text(headline(outcome))}**"]
    if not outcome.verdicts:
        return "\n".join([*head, ""])
    rows = [
        [report_markdown.text(name), *cells, f"{_SIGNS[each.state]} {each.state}"]
        for each in outcome.verdicts
        for name, *cells, _ in (_cells(each),)
    ]
    notes = [f"- {report_markdown.text(line)}" for line in _notes(outcome) if line]
    return "\n".join([*head, "", *report_markdown.table(_HEADINGS, rows, 1), "", *notes]).rstrip() + "\n"


def workflow_commands(outcome: Outcome) -> list[str]:
    """Return GitHub's workflow commands: an error for each limit that was passed, a warning for each that is near."""
    kinds = {"over": "error", "warning": "warning", "cannot tell": "error" if outcome.unknown == "fail" else "warning"}
    left = {"error": MOST_ANNOTATIONS, "warning": MOST_ANNOTATIONS}
    found = []
    for each in outcome.verdicts:
        kind = kinds.get(each.state)
        if kind and left[kind]:
            left[kind] -= 1
            found.append(f"::{kind} title={_property('AI agent budget')}::{_data(sentence(each))}")
    return found


def summary(outcome: Outcome) -> bytes:
    """Return the job summary for GitHub, cut at a line where it is larger than GitHub takes."""
    text = (markdown(outcome) + "\n").encode()
    if len(text) <= MOST_SUMMARY_BYTES:
        return text
    note = b"\n\nMore budgets were checked than fit here; the log of this step has all.\n"
    return text[: text.rindex(b"\n", 0, MOST_SUMMARY_BYTES - len(note))] + note


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def junit(outcome: Outcome) -> str:
    """Return JUnit XML: a test case a budget, a failure for each that fails the check."""
    import xml.etree.ElementTree as ET  # only this format needs it

    fails = {"over", "cannot tell"} if outcome.unknown == "fail" else {"over"}
    failed = sum(each.state in fails for each in outcome.verdicts)
    suite = ET.Element("testsuite", name="AI agent budgets", tests=str(len(outcome.verdicts)), failures=str(failed))
    for each in outcome.verdicts:
        case = ET.SubElement(suite, "testcase", classname="budget", name=wording.shown(each.name))
        if each.state in fails:
            ET.SubElement(case, "failure", type=each.state, message=sentence(each))
        else:
            ET.SubElement(case, "system-out").text = sentence(each)
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode")


def document(outcome: Outcome) -> dict[str, Any]:
    """Return the check as a JSON object."""
    return {
        "version": JSON_VERSION,
        "state": outcome.worst,
        "exit_code": outcome.exit_code,
        "unknown": outcome.unknown,
        "missions": None if outcome.missions is None else list(outcome.missions),
        "changed_since": outcome.changed_since,
        "verdicts": [_verdict(each) for each in outcome.verdicts],
    }


def _verdict(each: Verdict) -> dict[str, Any]:
    row = each.spent
    known = row.total_cost_usd if row.event_count else Decimal(0)
    return {
        "name": each.name,
        "file": each.budget.file,
        "conditions": {condition.dimension: list(condition.patterns) for condition in each.budget.conditions},
        "per": each.budget.per,
        "whose": each.whose,
        "state": each.state,
        "limit_usd": json_money(each.budget.limit_usd),
        "warn_at": json_money(each.budget.warn_at),
        "spent_usd": json_money(known),
        "left_usd": json_money(each.left_usd),
        "cost_is_estimated": bool(row.estimated_cost_usd),
        "cost_is_floor": row.is_lower_bound,
        "event_count": row.event_count,
        "unknown_run_count": each.unknown_run_count,
        "words": sentence(each),
    }
