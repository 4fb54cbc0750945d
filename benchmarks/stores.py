"""What reading the session stores of Claude Code and Codex costs: for the first time, again, and after one file grew.

    python benchmarks/stores.py [--sessions N] [--shape usual|sparse|dense] [--home HOME] [--peers FOLDER]

Whole processes, in turns, CPU seconds (user and system) and the greatest memory.  A reading keeps an index and the sums
of each session, as an import keeps its records, so that of what did not change nothing is added up again.  A store is
made in a temporary folder, or an existing HOME is read.  `usual`: most lines are small, half of them have numbers;
`sparse`: large attachments between them; `dense`: every line has numbers and a long text.  The sums are compared with
what was written.  FOLDER (such as `node_modules/.bin`) holds the programs of peers: ccusage, tokscale, codeburn.
"""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

PEERS = {
    "ccusage": ("daily", "--json", "--offline"),
    "tokscale": ("--json",),
    "codeburn": ("export", "-f", "json", "-o", os.devnull),
}
ROUNDS = 3
START = datetime(2026, 9, 1, tzinfo=UTC)
WORDS = ("file", "function", "value", "error", "import", "class", "test", "module", "string", "update", "read")


class Cost(NamedTuple):
    """What one process cost."""

    cpu_seconds: float
    peak_mib: float
    output: str


class Shape(NamedTuple):
    """How much text stands in a session's lines."""

    answer: int
    result: int
    attachments: int


SHAPES = {"usual": Shape(500, 1500, 0), "sparse": Shape(400, 800, 40), "dense": Shape(6000, 0, 0)}


class Generator:
    """Writes sessions of both agents with the members that their programs write, and knows what is in them."""

    def __init__(self, home: Path, shape: Shape) -> None:
        self._home = home
        self._shape = shape
        self._random = random.Random(7)
        self._blob = " ".join(self._random.choice(WORDS) for _ in range(200_000))
        self.truth: Counter[str] = Counter()

    def _text(self, size: int) -> str:
        start = self._random.randrange(len(self._blob) - size - 1)
        return self._blob[start : start + size]

    def _id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def claude(self, requests: int) -> None:
        session, folder, at = self._id(), "/home/dev/shop", START + timedelta(hours=self._random.uniform(0, 1500))
        about = {"cwd": folder, "sessionId": session, "version": "2.1.332", "gitBranch": "main"}
        lines: list[object] = [
            {"attachment": {"content": self._text(60_000)}, "type": "attachment", "timestamp": written(at), **about}
            for _ in range(self._shape.attachments)
        ]
        for _ in range(requests):
            at += timedelta(seconds=self._random.uniform(2, 20))
            read, output = self._random.randrange(10_000, 150_000), self._random.randrange(20, 900)
            usage = {
                "input_tokens": 9,
                "cache_creation_input_tokens": 50,
                "cache_read_input_tokens": read,
                "output_tokens": output,
                "service_tier": "standard",
                "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 50},
            }
            self.truth.update(requests=1, input_tokens=read + 59, output_tokens=output)
            message = {"id": f"msg_{self._id()}", "role": "assistant", "model": "claude-sonnet-4-6", "usage": usage}
            for _ in range(2):  # one line for each block of the response
                content = [{"type": "text", "text": self._text(self._shape.answer)}]
                line = {"message": {**message, "content": content}, "type": "assistant", "timestamp": written(at)}
                lines.append({"parentUuid": self._id(), "isSidechain": False, **line, **about})
            if self._shape.result:
                result = {"tool_use_id": "toolu_1", "type": "tool_result", "content": self._text(self._shape.result)}
                said = {"role": "user", "content": [result]}
                lines.append({"parentUuid": None, "type": "user", "message": said, "timestamp": written(at), **about})
        self._write(self._home / ".claude/projects/-home-dev-shop" / f"{session}.jsonl", lines)

    def codex(self, requests: int) -> None:
        thread, at = self._id(), START + timedelta(hours=self._random.uniform(0, 1500))
        whole = output_sum = 0
        lines = [event(at, "session_meta", id=thread, cwd="/home/dev/shop", cli_version="0.142.4")]
        lines.append(event(at, "turn_context", cwd="/home/dev/shop", model="gpt-5.1-codex"))
        for _ in range(requests):
            at += timedelta(seconds=self._random.uniform(2, 20))
            used, output = self._random.randrange(10_000, 150_000), self._random.randrange(20, 900)
            whole, output_sum = whole + used, output_sum + output
            self.truth.update(requests=1, input_tokens=used, output_tokens=output)
            called = self._text(300)
            lines.append(event(at, "response_item", type="reasoning", encrypted_content=self._text(self._shape.answer)))
            lines.append(event(at, "response_item", type="function_call", arguments=called, call_id="c"))
            if self._shape.result:
                result = self._text(self._shape.result)
                lines.append(event(at, "response_item", type="function_call_output", call_id="c", output=result))
            last = {"input_tokens": used, "cached_input_tokens": used - 9, "output_tokens": output}
            total = {"input_tokens": whole, "cached_input_tokens": 0, "output_tokens": output_sum}
            info = {"total_token_usage": total, "last_token_usage": last}
            lines.append(event(at, "event_msg", type="token_count", info=info))
        day = self._home / ".codex/sessions" / at.strftime("%Y/%m/%d")
        self._write(day / f"rollout-{at:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl", lines)

    def _write(self, path: Path, lines: list[object]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")


def written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(at: datetime, kind: str, **payload: object) -> object:
    return {"timestamp": written(at), "type": kind, "payload": payload}


def read(home: Path, state: Path) -> None:
    """Add up all sessions; of those that stayed the same since the last time, take what was added up then."""
    from spec_kitty_telemetry.agents.common.context import AgentContext
    from spec_kitty_telemetry.agents.common.store import Request
    from spec_kitty_telemetry.agents.common.store_index import StoreIndex
    from spec_kitty_telemetry.agents.stores import read_sessions

    sums = state / "sums.json"
    before = json.loads(sums.read_text(encoding="utf-8")) if sums.exists() else {}
    known: dict[str, tuple[str, list[int]]] = {}

    def is_new(outline: object) -> bool:
        session, now = str(getattr(outline, "session_id", "")), str(getattr(outline, "state", ""))
        same = before.get(session)
        known[session] = (now, same[1] if same and same[0] == now else [0, 0, 0])
        return not (same and same[0] == now)

    with StoreIndex(state / "index.db") as index:
        for session in read_sessions(AgentContext(home, {}), index, agents=("claude-code", "codex"), wanted=is_new):
            entries = [entry for thread in session.threads for entry in thread.entries if isinstance(entry, Request)]
            found = [len(entries), sum(one.input_tokens or 0 for one in entries)]
            known[session.session_id] = (
                known[session.session_id][0],
                [*found, sum(one.output_tokens or 0 for one in entries)],
            )
    sums.write_text(json.dumps(known), encoding="utf-8")
    whole = [sum(numbers) for numbers in zip(*(numbers for _, numbers in known.values()), strict=True)]
    print(json.dumps(dict(zip(("requests", "input_tokens", "output_tokens"), whole, strict=True))))


def measured(command: list[str], home: Path) -> Cost:
    """Run a process to its end; not on Windows, which does not say what a process used."""
    environment = os.environ | {"HOME": str(home), "TZ": "UTC"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output)


def grow(home: Path) -> None:
    """Write the last line of one session once more: the file is another, and what is in it is not."""
    path = max((home / ".claude/projects").rglob("*.jsonl"), key=lambda one: one.stat().st_size)
    last = path.read_text(encoding="utf-8").splitlines()[-1]
    with path.open("a", encoding="utf-8") as file:
        file.write(last + "\n")


def main() -> None:
    if sys.argv[1:2] == ["--read"]:
        read(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=300)
    parser.add_argument("--shape", choices=SHAPES, default="usual")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--peers", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder) / "home"
        truth: Counter[str] = Counter()
        if options.home is None:
            generator = Generator(home, SHAPES[options.shape])
            for number in range(options.sessions):
                (generator.codex if number % 3 == 2 else generator.claude)(100)
            truth = generator.truth
        run(home, Path(folder), truth, options.peers)


def run(home: Path, folder: Path, truth: Counter[str], peers: Path | None) -> None:
    from importlib import metadata  # what a reading does without is not imported by it

    from tabulate import tabulate

    files = [path for root in (".claude", ".codex") for path in (home / root).rglob("*.jsonl")]
    size = sum(path.stat().st_size for path in files)
    print(
        f"{len(files):,} files, {size / 2**20:,.0f} MiB; Python {platform.python_version()}, "
        f"msgspec {metadata.version('msgspec')}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    )
    costs: dict[str, list[Cost]] = {}
    ours = [sys.executable, __file__, "--read", str(home)]
    for number in range(ROUNDS):
        state = folder / f"state-{number}"
        state.mkdir()
        for name in ("cold", "unchanged", "one file grew"):
            if name == "one file grew":
                grow(home)
            cost = measured([*ours, str(state)], home)
            if truth and json.loads(cost.output) != dict(truth):
                sys.exit(f"{name}: read {cost.output.strip()}, expected {dict(truth)}")
            costs.setdefault(name, []).append(cost)
        for peer, arguments in PEERS.items() if peers else ():
            program = peers / peer if peers else Path()
            if program.exists():
                costs.setdefault(peer, []).append(measured([str(program), *arguments], home))
    base = min(cost.cpu_seconds for cost in costs["ccusage"]) if "ccusage" in costs else None
    rows = []
    for name, found in costs.items():
        least = min(cost.cpu_seconds for cost in found)
        ratio = f"{least / base:.3f}" if base else "–"
        rows.append((name, f"{least:.2f}", ratio, f"{max(cost.peak_mib for cost in found):.0f}"))
    print(tabulate(rows, headers=["", "CPU s (least)", "÷ ccusage", "peak, MiB"], tablefmt="github"))


if __name__ == "__main__":
    main()
