"""Stands in for the model APIs of coding agents while one command runs: `stand_in_api.py PLAN -- COMMAND...`.

To be started in a network namespace of its own: it brings up loopback, serves there, runs the command and writes down
how it ended.  Every answer has numbers of its own, so that a sum tells which requests are in it.  PLAN is a JSON file:

    {"steps": ["tool", "text"], "tool": {"name": "Read", "arguments": {…}}, "port": 4010,
     "served_before": 0, "ask": false, "folder": "where served.jsonl and ended.json are written", "usage": {}}

A request that offers the plan's tool is one of the agent's main loop and takes the next step; after the last step,
and for requests without the tool (titles, summaries), the answer is a text. Steps: `tool` asks for the tool, `text`
ends the turn, `spawn` and `spawn-with-history` ask Codex for a sub-agent and `wait` for waiting until that is done,
`run …` asks for the shell command that follows (the plan's `shell` names the tool and its argument), `error` refuses
this and all further requests of the main loop, `hang` never answers; the command is then killed, with
all it started, or (`"ask": true`) asked to end and, if it goes on, robbed of its children. What was answered goes to
`served.jsonl`, a line a request; `served_before` says at which number to go on; `usage` is added to what Anthropic's
answers say of each request; `longest_s` is how long the command may take.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]

HANG_S = 1.0
"""How long the command is left waiting before it is killed; it may write its own files meanwhile."""
GRACE_S = 3.0
"""How long a command that was asked to end may take."""
LONGEST_S = 60.0
ERROR_STATUS = 400
ERROR_TEXT = "the stand-in refuses this request"
MARKER = "all is done"
CHILD_PROMPT = "You are the sub-agent: say hello."
_THREAD = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def numbers_of(request: int) -> Json:
    """Return what request number `request` (from 1) is said to have used; no two sets of requests have one sum."""
    step = 2**request
    return {
        "uncached": 1_000 + step,
        "cache_read": 20_000 + 3 * step,
        "cache_write_5m": 300 + 5 * step,
        "cache_write_1h": 400 + 7 * step,
        "output": 200 + 11 * step,
        "reasoning": 20 + step,
    }


class Plan:
    """What the stand-in does, and what it did."""

    def __init__(self, path: Path) -> None:
        """Read the plan."""
        self.facts: Json = json.loads(path.read_text(encoding="utf-8"))
        self.folder = Path(self.facts["folder"])
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._steps = list(self.facts["steps"])
        self._count = int(self.facts.get("served_before", 0))

    def next(self, tools: set[str], *, is_child: bool = False) -> tuple[int, str, bool]:
        """Return the number of this request, what to answer, and whether it belongs to the main loop."""
        with self._lock:
            self._count += 1
            main = self.facts["tool"]["name"] in tools and not is_child
            step = self._steps[0] if main and self._steps else "text"
            if main and step != "error":  # agents ask again
                del self._steps[:1]
            return self._count, step, main

    def note(self, name: str, facts: Json) -> None:
        """Append one line to a file."""
        with self._lock, (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")

    def end_command(self) -> None:
        """Kill the command, or do to it what hosts do: ask it to end, and use force when it does not."""
        if self.process is None:
            return
        if not self.facts.get("ask"):
            os.killpg(self.process.pid, signal.SIGKILL)
            return
        self.process.terminate()
        time.sleep(GRACE_S)
        if self.process.poll() is None:
            for process in descendants(self.process.pid):
                os.kill(process, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    """Return the processes that `process` started, and those that they started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [each for child in children for each in (int(child), *descendants(int(child)))]


def tool_names(body: Json) -> set[str]:
    """Return the names of all tools that a request offers, in whichever API's words."""
    names = set()
    for tool in body.get("tools") or []:
        declared = tool.get("functionDeclarations") or [tool.get("function") or tool]
        names |= {str(each.get("name") or each.get("type")) for each in declared}
    return names


def _is_child(body: Json) -> bool:
    """Whether a request is of the sub-agent that `spawn` asked for."""
    said = body.get("input")
    asked = [each for each in said if each.get("role") == "user"] if isinstance(said, list) else []
    return CHILD_PROMPT in json.dumps(asked)


class Handler(BaseHTTPRequestHandler):
    """Speaks Anthropic's messages, OpenAI's responses and chat completions, and Gemini's generateContent."""

    protocol_version = "HTTP/1.1"
    plan: Plan

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer questions about models with an empty list."""
        self._send_json({"data": [], "models": []})

    def do_POST(self) -> None:
        """Answer a request for a model."""
        raw = self._body()
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        path = self.path.partition("?")[0]
        if path.endswith(("/count_tokens", ":countTokens")):
            self._send_json({"input_tokens": 10, "totalTokens": 10})
            return
        answer = next((each for ending, each in self._apis() if ending in path), None)
        if answer is None:
            self._send_json({"error": {"message": "not served here"}}, status=404)
            return
        self._serve(answer, path, body)

    def _apis(self) -> list[tuple[str, Any]]:
        return [
            ("/v1/messages", self._messages),
            ("/responses", self._responses),
            ("/chat/completions", self._chat),
            ("enerateContent", self._generate),
        ]

    def _serve(self, answer: Any, path: str, body: Json) -> None:
        names = tool_names(body)
        is_child = _is_child(body)
        number, step, main = self.plan.next(names, is_child=is_child)
        named = path.rpartition("/models/")[2].partition(":")[0] if "/models/" in path else None
        facts: Json = {"number": number, "answer": step, "main": main, "child": is_child, "path": path}
        facts |= {"model": body.get("model") or named, "tools": sorted(names)}
        if step == "hang":
            self.plan.note("served.jsonl", facts)
            time.sleep(HANG_S)
            self.plan.end_command()
            time.sleep(LONGEST_S)
        elif step == "error":
            self.plan.note("served.jsonl", facts)
            error = {"type": "invalid_request_error", "message": ERROR_TEXT, "code": ERROR_STATUS, "status": "INVALID"}
            self._send_json({"type": "error", "error": error}, status=ERROR_STATUS)
        else:
            counts = numbers_of(number)
            served = answer(body, facts["model"], counts, number, self._call(step, body))
            self.plan.note("served.jsonl", {**facts, **served})

    def _call(self, step: str, body: Json) -> tuple[str, Json] | None:
        if step in {"spawn", "spawn-with-history"}:
            return "spawn_agent", {"message": CHILD_PROMPT, "fork_context": step != "spawn"}
        if step == "wait":
            return "wait_agent", {"targets": _THREAD.findall(body["input"][-1]["output"])}
        word, _, command = step.partition(" ")
        if word == "run":
            shell = self.plan.facts["shell"]
            return shell["name"], {shell["argument"]: command}
        return (self.plan.facts["tool"]["name"], self.plan.facts["tool"]["arguments"]) if step == "tool" else None

    def _messages(self, body: Json, model: str, counts: Json, number: int, call: tuple[str, Json] | None) -> Json:
        write = counts["cache_write_5m"] + counts["cache_write_1h"]
        used = {
            "input_tokens": counts["uncached"],
            "cache_read_input_tokens": counts["cache_read"],
            "cache_creation_input_tokens": write,
            "cache_creation": {
                "ephemeral_5m_input_tokens": counts["cache_write_5m"],
                "ephemeral_1h_input_tokens": counts["cache_write_1h"],
            },
            "output_tokens": counts["output"],
            "output_tokens_details": {"thinking_tokens": counts["reasoning"]},
            "service_tier": "standard",
            **self.plan.facts.get("usage", {}),
        }
        block: Json = {"type": "text", "text": MARKER}
        if call:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": call[0], "input": call[1]}
        stop = "tool_use" if call else "end_turn"
        message: Json = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": {**used, "output_tokens": 1}}
        if body.get("stream"):
            empty = {**block, "input": {}} if call else {**block, "text": ""}
            delta: Json = {"type": "text_delta", "text": MARKER}
            if call:
                delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
            self._send_events(
                {"type": "message_start", "message": message},
                {"type": "content_block_start", "index": 0, "content_block": empty},
                {"type": "content_block_delta", "index": 0, "delta": delta},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": used},
                {"type": "message_stop"},
            )
        else:
            self._send_json({**message, "content": [block], "stop_reason": stop, "usage": used})
        return {
            "input_tokens": counts["uncached"] + counts["cache_read"] + write,
            "cache_read_tokens": counts["cache_read"],
            "cache_write_tokens": write,
            "cache_write_1h_tokens": counts["cache_write_1h"],
            "output_tokens": counts["output"],
            "reasoning_tokens": counts["reasoning"],
        }

    def _responses(self, _body: Json, model: str, counts: Json, number: int, call: tuple[str, Json] | None) -> Json:
        total = counts["uncached"] + counts["cache_read"] + counts["cache_write_5m"]
        used = {
            "input_tokens": total,
            "input_tokens_details": {
                "cached_tokens": counts["cache_read"],
                "cache_write_tokens": counts["cache_write_5m"],
            },
            "output_tokens": counts["output"],
            "output_tokens_details": {"reasoning_tokens": counts["reasoning"]},
            "total_tokens": total + counts["output"],
        }
        item: Json = {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": "completed"}
        item["content"] = [{"type": "output_text", "text": MARKER, "annotations": []}]
        if call:
            item = {"id": f"fc_{number}", "type": "function_call", "call_id": f"call_{number}", "status": "completed"}
            item |= {"name": call[0], "arguments": json.dumps(call[1])}
            item |= {"namespace": "multi_agent_v1"} if call[0].endswith("_agent") else {}
        response: Json = {"id": f"resp_{number}", "object": "response", "created_at": 1, "status": "completed"}
        response |= {"model": model, "output": [item], "usage": used}
        begun = {**response, "status": "in_progress", "output": [], "usage": None}
        self._send_events(
            {"type": "response.created", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        )
        return {
            "input_tokens": total,
            "cache_read_tokens": counts["cache_read"],
            "cache_write_tokens": counts["cache_write_5m"],
            "output_tokens": counts["output"],
            "reasoning_tokens": counts["reasoning"],
        }

    def _chat(self, body: Json, model: str, counts: Json, number: int, call: tuple[str, Json] | None) -> Json:
        prompt = counts["uncached"] + counts["cache_read"]
        used = {
            "prompt_tokens": prompt,
            "completion_tokens": counts["output"],
            "total_tokens": prompt + counts["output"],
            "prompt_tokens_details": {"cached_tokens": counts["cache_read"]},
            "completion_tokens_details": {"reasoning_tokens": counts["reasoning"]},
        }
        message: Json = {"role": "assistant", "content": MARKER}
        if call:
            function = {"name": call[0], "arguments": json.dumps(call[1])}
            message = {"role": "assistant", "content": None}
            message["tool_calls"] = [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]
        stop = "tool_calls" if call else "stop"
        head = {"id": f"chat_{number}", "created": 1, "model": model}
        if body.get("stream"):
            chunk = {**head, "object": "chat.completion.chunk"}
            self._send_events(
                {**chunk, "choices": [{"index": 0, "delta": message, "finish_reason": None}]},
                {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]},
                {**chunk, "choices": [], "usage": used},
                "[DONE]",
            )
        else:
            choice = {"index": 0, "message": message, "finish_reason": stop}
            self._send_json({**head, "object": "chat.completion", "choices": [choice], "usage": used})
        return {
            "input_tokens": prompt,
            "cache_read_tokens": counts["cache_read"],
            "output_tokens": counts["output"],
            "reasoning_tokens": counts["reasoning"],
        }

    def _generate(self, _body: Json, model: str, counts: Json, _number: int, call: tuple[str, Json] | None) -> Json:
        prompt = counts["uncached"] + counts["cache_read"]
        used = {
            "promptTokenCount": prompt,
            "cachedContentTokenCount": counts["cache_read"],
            "candidatesTokenCount": counts["output"] - counts["reasoning"],
            "thoughtsTokenCount": counts["reasoning"],
            "totalTokenCount": prompt + counts["output"],
        }
        part: Json = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": MARKER}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        answer = {"candidates": [candidate], "usageMetadata": used, "modelVersion": model}
        if "stream" in self.path:
            self._send_events(answer)
        else:
            self._send_json(answer)
        return {
            "input_tokens": prompt,
            "cache_read_tokens": counts["cache_read"],
            "output_tokens": counts["output"],
            "reasoning_tokens": counts["reasoning"],
        }

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send_json(self, document: Json, status: int = 200) -> None:
        self._send(json.dumps(document).encode(), "application/json", status)

    def _send_events(self, *events: Json | str) -> None:
        lines = []
        for event in events:
            if isinstance(event, dict) and "type" in event:
                lines.append(f"event: {event['type']}\n")
            lines.append(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n")
        self._send("".join(lines).encode(), "text/event-stream", 200)

    def _send(self, data: bytes, kind: str, status: int) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def bring_up_loopback() -> None:
    """Do what `ip link set lo up` does (SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, 0x8913, struct.pack("16sh22x", b"lo", 0))
        (flags,) = struct.unpack_from("h", answer, 16)
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", flags | 1))


def main(plan_file: str, separator: str, *command: str) -> int:
    """Serve while the command runs."""
    assert separator == "--"
    bring_up_loopback()
    plan = Handler.plan = Plan(Path(plan_file))
    server = ThreadingHTTPServer(("127.0.0.1", plan.facts["port"]), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    begun = time.monotonic()
    plan.process = subprocess.Popen(command, start_new_session=True)
    stopped = False
    try:
        exit_code = plan.process.wait(timeout=plan.facts.get("longest_s", LONGEST_S))
    except subprocess.TimeoutExpired:
        stopped = True
        os.killpg(plan.process.pid, signal.SIGKILL)
        exit_code = plan.process.wait()
    plan.note("ended.json", {"exit_code": exit_code, "seconds": time.monotonic() - begun, "stopped": stopped})
    with suppress(ProcessLookupError):
        os.killpg(plan.process.pid, signal.SIGKILL)  # helpers that outlive it
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
