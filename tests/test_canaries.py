"""Nothing private gets into a file or onto a screen, whatever part of a run it stands in.

The secrets are made here from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import json
import random
import string
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.hooks.specs import hookimpl
from spec_kitty_telemetry.model.invocation import Invocation, InvocationResult
from spec_kitty_telemetry.recording import apart

if TYPE_CHECKING:
    from spec_kitty_telemetry.hooks.manager import Hooks
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
RANDOM = random.Random(13)
STARTS = (
    "sk-" + "ant-api03-", "sk-" + "proj-", "gh" + "p_", "glp" + "at-", "xo" + "xb-", "AK" + "IA", "AI" + "za",
    "np" + "m_", "hv" + "s.", "py" + "pi-", "password=", "Authorization: Bearer ", "https://me:", "token: ", "API_KEY=",
    "", "Cookie: a=", "?sig=", "--api-key ", '{"client_secret":"',
)  # fmt: skip
SECRETS = [
    start + "".join(RANDOM.choices(string.ascii_letters + string.digits, k=32)) for start in STARTS for _ in range(5)
]
PROMPTS = [
    f"Implement our unreleased engine {number} for ACME: def secret_algorithm_{number}(x): return x"
    for number in range(20)
]
CANARIES = [*SECRETS, *PROMPTS]


class Leaky:
    """A plugin that raises what it was given."""

    @hookimpl
    def after_invocation(self, result: InvocationResult) -> None:
        raise RuntimeError(result.stdout[:2000])


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini", "aider", "unheard-of"])
def test_no_canary_is_in_any_file_or_printed(
    hooks: Hooks, project: Project, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks.register(Leaky(), "leaky")
    for canary in CANARIES:
        monkeypatch.setenv("SOME_VARIABLE", canary)
        said = json.dumps({"type": "result", "is_error": True, "result": canary, "errors": [canary]})
        run = Invocation(project_root=project.root, feature=FEATURE, agent=agent, role="implementer")
        hooks.before_invocation(run)
        hooks.after_invocation(
            run,
            InvocationResult(success=False, exit_code=1, stdout=f"{said}\n{canary}", stderr=canary, errors=(canary,)),
        )
    assert hooks.settle(30)
    assert apart.settle(30)
    written = "".join(
        path.read_text(encoding="utf-8", errors="replace") for path in project.root.rglob("*") if path.is_file()
    )
    screens = [
        CliRunner().invoke(group, [*words, "--project", str(project.root)]).output
        for words in (["report"], ["events", "--limit", "0"], ["events", "--json", "--limit", "0"])
    ]
    assert f'"agent":"{agent}"' in written
    for canary in CANARIES:
        assert canary[-24:] not in written
        assert not any(canary[-24:] in screen for screen in screens)
