"""The example package under `examples/plugin` is what it says: installed, loaded, heard, asked and listed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec_kitty_telemetry.project.layout import Project

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "examples" / "plugin"
PAGE = ROOT / "docs" / "writing-a-plugin.md"
FEATURE = "043-telemetry-foundation"

pytestmark = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the examples are not part of the wheel")

HOST = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from spec_kitty_telemetry import Hooks, Invocation, InvocationResult

root = Path(sys.argv[1])
hooks = Hooks.load(root)
run = Invocation(project_root=root, feature=sys.argv[2], wp_id="WP01", agent="house-agent", role="implementer")
hooks.before_invocation(run)
hooks.after_invocation(run, InvocationResult(success=True, exit_code=0, stdout=sys.stdin.read()))
"""
SAID = 'Thinking…\n{"model": "house-large", "prompt_tokens": 1200, "cached_tokens": 1000, "completion_tokens": 80}\n'


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    command = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(folder), str(PACKAGE)]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *command], check=True)
    return folder


class Received:
    """A collector: it keeps what it is sent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []


@pytest.fixture
def collector() -> Iterator[Received]:
    received = Received("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}/records"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def run(installed: Path, *command: str, said: str = "", **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        input=said,
        env={**os.environ, "PYTHONPATH": str(installed), "PYTHONUTF8": "1", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def report(installed: Path, project: Project, *words: str) -> Any:
    return json.loads(run(installed, "-m", "spec_kitty_telemetry", *words, "--json", "--project", str(project.root)))


def test_its_extractor_its_price_and_its_forwarder_all_take_part(
    installed: Path, project: Project, collector: Received
) -> None:
    run(installed, "-c", HOST, str(project.root), FEATURE, said=SAID, EXAMPLE_COLLECTOR_URL=collector.url)

    (line,) = project.log_path(FEATURE).read_bytes().splitlines()
    assert collector.bodies == [line]  # sent before the host ended
    payload = json.loads(line)["payload"]
    used = ("model", "input_tokens", "cache_read_tokens", "output_tokens", "usage_source")
    assert [payload[name] for name in used] == ["house-large", 1200, 1000, 80, "agent-output"]
    (row,) = report(installed, project, "report")["rows"]
    # 200 × $0.80 + 1,000 × $0.08 + 80 × $2.40 = $160 + $80 + $192 a million
    assert row["estimated_cost_usd"] == 0.000432
    # Before the contract began nobody knows the price.
    assert json.loads(run(installed, "-c", PRICE_BEFORE)) is None


PRICE_BEFORE = """
import json
from datetime import UTC, datetime
from spec_kitty_telemetry import Hooks
print(json.dumps(Hooks.load(None).find_price("house-large", None, datetime(2026, 9, 30, tzinfo=UTC))))
"""


def test_a_run_that_was_cut_off_is_recorded_with_its_usage_unknown(installed: Path, project: Project) -> None:
    run(installed, "-c", HOST, str(project.root), FEATURE, said='Thinking…\n{"model": "hou')
    payload = json.loads(project.log_path(FEATURE).read_bytes())["payload"]
    assert [payload[name] for name in ("model", "input_tokens", "output_tokens", "outcome")] == [
        None, None, None, "succeeded",
    ]  # fmt: skip


def test_a_collector_that_is_down_costs_the_host_nothing_but_the_copy(installed: Path, project: Project) -> None:
    run(installed, "-c", HOST, str(project.root), FEATURE, said=SAID, EXAMPLE_COLLECTOR_URL="http://127.0.0.1:9/x")
    assert len(project.log_path(FEATURE).read_bytes().splitlines()) == 1


def test_doctor_lists_its_plugins_with_their_hooks(installed: Path, project: Project) -> None:
    plugins = {each["name"]: each for each in report(installed, project, "doctor")["plugins"]}
    found = {name: each["hooks"] for name, each in plugins.items() if name.startswith("example-")}
    assert found == {
        "example-collector": ["event_recorded"],
        "example-contract-prices": ["find_price"],
        "example-house-agent": ["extract_usage"],
    }
    assert "example-telemetry-plugin 1.0" in plugins["example-collector"]["package"]


def test_the_page_shows_the_code_of_the_package() -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    blocks += [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    files = [path.read_text(encoding="utf-8") for path in (*PACKAGE.rglob("*.py"), PACKAGE / "pyproject.toml")] + [HOST]
    assert len(blocks) >= 4
    for block in blocks:
        assert any(block in text for text in files), block
