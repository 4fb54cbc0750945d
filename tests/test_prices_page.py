"""`docs/prices.md` is true: its examples are loaded, what it says of them is looked up, its commands are run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.pricing import PriceBook, dollars_per_million
from spec_kitty_telemetry.pricing.overrides import AGENT_KEYS, PRICING_KEYS, PROVIDER_KEYS

if TYPE_CHECKING:
    from spec_kitty_telemetry.project.layout import Project

PAGE = (Path(__file__).parent.parent / "docs" / "prices.md").read_text(encoding="utf-8")
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n((?:- [^\n]*\n)+)", PAGE, re.DOTALL)
CLAIM = re.compile(r"- (agent )?`(.+?)`(?: at `(.+?)`)?: (?:no price|(.+) in, (.+) out)")
COMMANDS = re.findall(r"^\$ spec-kitty telemetry (.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("text", "claims"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_gives_the_prices_that_the_page_says(tmp_path: Path, text: str, claims: str) -> None:
    settings = tmp_path / "telemetry.yaml"
    settings.write_text(text, encoding="utf-8")
    book = PriceBook.load(None, settings)
    for claim in claims.splitlines():
        match = CLAIM.fullmatch(claim)
        assert match, claim
        agent, name, provider, input_rate, output_rate = match.groups()
        price = book.find(None, None, AT, name) if agent else book.find(name, provider, AT)
        found = price and (dollars_per_million(price.input), dollars_per_million(price.output))
        assert found == (input_rate and (Decimal(input_rate), Decimal(output_rate))), claim
    assert book.overrides_in_use, "no report would name the file"


def test_every_key_has_an_example() -> None:
    shown = "".join(text for text, _ in EXAMPLES)
    assert len(EXAMPLES) == PAGE.count("```yaml") == 10
    for key in (*PRICING_KEYS, *PROVIDER_KEYS, *AGENT_KEYS, "alias_of", "aliases", "free", "unpriced", "above", "from"):
        assert re.search(rf"\b{key}:", shown), key


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_runs(project: Project, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    result = CliRunner().invoke(group, command.split())
    assert result.exit_code == 0, result.output
