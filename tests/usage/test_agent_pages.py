"""Every agent has a sample of what it prints, and a page that says what its numbers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec_kitty_telemetry.agents import NAMES
from tests.usage.conftest import SAMPLES

PAGES = Path(__file__).parent.parent.parent / "docs" / "agents"
AGENTS = [names[0] for names in NAMES.values()]
HEADINGS = ["## Where its data are", "## Which number means what", "## What is unknown"]


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_has_a_page_with_all_its_parts(agent: str) -> None:
    text = (PAGES / f"{agent}.md").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert "\nVersions tried: " in text
    assert f"]({agent}.md)" in (PAGES / "README.md").read_text(encoding="utf-8")


def test_every_page_is_of_an_agent() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*AGENTS, "README"}


@pytest.mark.parametrize("names", NAMES.values(), ids=AGENTS)
def test_every_agent_has_a_sample(names: tuple[str, ...]) -> None:
    samples = [path.name for path in SAMPLES.rglob("*") if path.is_file()]
    assert any(sample.startswith(names) for sample in samples)
