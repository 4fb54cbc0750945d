"""The page of `report --format html`: self-contained, honest about what is unknown, inert whatever names it shows."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from builders import FEATURE, record
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project


class Tags(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(project: Project, *words: str) -> str:
    target = project.root / "costs.html"
    command = ["report", "--project", str(project.root), "--output", str(target), "--tz", "UTC", *words]
    result = CliRunner().invoke(group, command)
    assert result.exit_code == 0, result.output
    return target.read_text(encoding="utf-8")


def test_a_page_fetches_and_runs_nothing(project: Project) -> None:
    record(project, cost_usd=Decimal(1))
    page = page_of(project)
    tags = Tags(page).found
    assert "default-src 'none'" in page
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(tag for tag, _ in tags)
    assert not any(name in {"src", "href"} or name.startswith("on") for _, attributes in tags for name in attributes)


def test_names_are_inert(project: Project) -> None:
    record(project, model="m" * 32, cost_usd=Decimal(1))
    path = project.log_path(FEATURE)
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e'
    path.write_bytes(path.read_bytes().replace(b'"' + b"m" * 32 + b'"', json.dumps(hostile).encode()))
    page = page_of(project, "--by", "model")
    assert "&lt;script&gt;" in page
    assert {"script", "img"}.isdisjoint(tag for tag, _ in Tags(page).found)
    assert "\u202e" not in page


def test_what_is_not_known_is_hatched_and_has_no_amount(project: Project) -> None:
    record(project, model="known", cost_usd=Decimal(4), timestamp="2026-02-01T12:00:00Z")
    record(project, model="nobody-knows", input_tokens=5, output_tokens=5, timestamp="2026-02-03T12:00:00Z")
    page = page_of(project, "--by", "model")
    # The second of February has no run and so nothing is drawn; the third is hatched.
    assert re.findall(r"<title>(.*?)</title>", page)[1:] == ["2026-02-01 known: $4.0000",
                                                             "2026-02-03 nobody-knows: unknown"]  # fmt: skip
    assert re.search(r'height="12.0" class="unknown"><title>2026-02-03', page)
    assert "≥$4.0000" in page
    assert "$0.0000:" not in page


def test_ninety_days_of_ten_models_stay_below_150_kilobytes(project: Project) -> None:
    for number in range(900):
        day = f"2026-{number // 10 // 28 + 1:02}-{number // 10 % 28 + 1:02}"
        record(project, model=f"claude-example-model-{number % 10}", cost_usd=Decimal(1), timestamp=f"{day}T12:00:00Z")
    page = page_of(project, "--by", "model")
    assert page.count("<title>") == 901
    assert len(page.encode()) <= 150_000


def test_an_empty_project_has_a_page_that_says_so(project: Project) -> None:
    assert "Nothing recorded yet" in page_of(project)
