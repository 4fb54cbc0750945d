"""Sessions of Claude Code as it writes them (2.1.332): only the lines and members that matter."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NINE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class ClaudeSession:
    """One session file, written turn by turn."""

    def __init__(self, session_id: str, folder: Path, begins: datetime = NINE) -> None:
        self.session_id = session_id
        self._begins = begins
        self._folder = folder
        self._seconds = 0
        store = Path.home() / ".claude" / "projects" / "-shop"
        store.mkdir(parents=True, exist_ok=True)
        self.path = store / f"{session_id}.jsonl"

    def types(self, text: str) -> None:
        """Let the user say something."""
        message = {"role": "user", "content": text}
        self._write("user", message=message, origin={"kind": "human"}, promptSource="typed")

    def answers(self) -> None:
        """Let the model answer: 1,100 tokens in (1,000 of them from the cache), 10 out."""
        self._answer([{"type": "text", "text": "done"}])

    def runs(self, command: str) -> None:
        """Let the model run a command in the shell."""
        call = f"call_{self.session_id}_{self._seconds}"
        self._answer([{"type": "tool_use", "id": call, "name": "Bash", "input": {"command": command}}])
        content = [{"type": "tool_result", "tool_use_id": call, "content": "ok"}]
        self._write("user", message={"role": "user", "content": content})

    def _answer(self, content: list[dict[str, Any]]) -> None:
        number = f"{self.session_id}_{self._seconds}"
        usage = {"input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 10}
        message: dict[str, Any] = {"id": f"msg_{number}", "model": "claude-sonnet-4-6", "role": "assistant"}
        message |= {"usage": usage, "content": content}
        self._write("assistant", message=message, requestId=f"req_{number}")

    def _write(self, kind: str, **more: Any) -> None:
        moment = self._begins + timedelta(seconds=self._seconds)
        at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._seconds += 2
        line = {
            "type": kind, "timestamp": at, "cwd": str(self._folder), "sessionId": self.session_id,
            "uuid": f"{self.session_id}-{self._seconds}", "version": "2.1.332", **more,
        }  # fmt: skip
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
