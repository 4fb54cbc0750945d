"""Notes of the host's own commands: which verb, for which mission and work package, from which agent's session.

One line a command under `.kittify/runtime/telemetry/host-notes/`, a file a month, kept 90 days.  No prompt, no reason
and no note of anybody gets into one: only names are taken.

This runs in every process of the host, so it imports nothing that Python has not loaded by itself; a line takes well
under a millisecond.  What cannot be written is not.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN_VARIABLE = "SPEC_KITTY_TELEMETRY_RUN"
"""Holds the invocation id of the run that a process belongs to."""
FOLDER = ("host-notes",)
KEPT_DAYS = 90
SUFFIX = ".jsonl"

_RUNTIME = (".kittify", "runtime", "telemetry")
_VERBS = frozenset({
    "accept", "analyze", "create", "create-feature", "finalize-tasks", "implement", "merge", "move-task", "next",
    "plan", "record-analysis", "research", "review", "session-start", "session-stop", "setup-plan", "specify", "tasks",
})  # fmt: skip
_GROUPS = frozenset({"action", "feature", "mission", "tasks", "workflow"})
_OPTIONS = {"--mission": "mission", "--feature": "mission", "--agent": "agent", "--to": "lane"}
_SESSIONS = {
    "CLAUDE_CODE_SESSION_ID": "claude-code",
    "CODEX_THREAD_ID": "codex",
    "CODEX_SESSION_ID": "codex",
    "COPILOT_AGENT_SESSION_ID": "copilot",
    "GEMINI_SESSION_ID": "gemini",
    "QWEN_SESSION_ID": "qwen",
    "OPENCODE_SESSION_ID": "opencode",
}
"""Variables by which agents tell their shells which session they run in → the agent."""
_MOST_BYTES = 8 * 1024 * 1024
_LONGEST_NAME = 160


def leave(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    session: tuple[str, str] | None = None,
    folder: str | None = None,
) -> None:
    """Note the host's command with these arguments, if it is one that says what somebody works on; never raises.

    `session` is the agent and its session, `folder` the one that it works in, where they are known better than by this
    process.
    """
    try:
        said = _said(arguments)
        if said is None:
            return
        working_dir = folder or os.getcwd()  # noqa: PTH109 - pathlib is slower
        notes = _folder(working_dir)
        if notes is not None:
            _append(notes, {**said, "cwd": working_dir, **_session(environment, session or session_of(environment))})
    except Exception:  # noqa: BLE001 - whatever is wrong, the host goes on
        return


def session_of(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the agent and the session that a process runs in, as its environment says."""
    for variable, agent in _SESSIONS.items():
        if value := environment.get(variable, "").strip():
            return agent, value[:_LONGEST_NAME]
    return None


def _said(arguments: Sequence[str]) -> dict[str, str] | None:
    words = list(arguments)
    if words[:1] == ["agent"]:  # spec-kitty agent <group> <verb>
        if not set(words[1:2]) <= _GROUPS:
            return None
        del words[:2]
    if not words or words[0] not in _VERBS:
        return None
    said = {"verb": words[0]}
    skip = False
    for place, word in enumerate(words[1:], start=1):
        name, has_value, value = word.partition("=")
        if skip:
            skip = False
        elif name in _OPTIONS:
            skip = not has_value
            chosen = value if has_value else "".join(words[place + 1 : place + 2])
            if _is_name(chosen):
                said[_OPTIONS[name]] = chosen
        elif _is_work_package(word):
            said.setdefault("wp_id", word.upper())
        elif place == 1 and words[0] in {"create", "create-feature"} and _is_name(word):
            said.setdefault("mission", word)
    return said


def _is_name(word: str) -> bool:
    """Tell whether `word` is a name and not somebody's text."""
    return 0 < len(word) <= _LONGEST_NAME and all(each.isalnum() or each in "._:@/+-" for each in word)


def _is_work_package(word: str) -> bool:
    return word[:2].upper() == "WP" and word[2:].isdecimal() and len(word) <= len("WP0000")


def _session(environment: Mapping[str, str], session: tuple[str, str] | None) -> dict[str, str]:
    found = {}
    if session:
        found["session_agent"], found["session_id"] = session
    for name, variable in (("call_id", "CODEX_TOOL_CALL_ID"), ("run_id", RUN_VARIABLE)):
        value = environment.get(variable, "").strip()
        if value and _is_name(value):
            found[name] = value
    return found


def _folder(folder: str) -> str | None:
    """Return the folder of the notes of the project around `folder`: that of its primary checkout."""
    while True:
        if os.path.isdir(f"{folder}/.kittify"):  # noqa: PTH112 - as above
            break
        above = os.path.dirname(folder)  # noqa: PTH120 - as above
        if above == folder:
            return None
        folder = above
    runtime = _primary(folder)
    for name in (*_RUNTIME, *FOLDER):
        runtime = f"{runtime}/{name}"
        if os.path.islink(runtime):  # noqa: PTH114 - as above
            return None
    return runtime


def _primary(folder: str) -> str:
    """Return the checkout that a git worktree belongs to, as its `.git` file says (gitrepository-layout(5))."""
    try:
        git_dir = os.path.join(folder, _small_text(f"{folder}/.git").removeprefix("gitdir:").strip())  # noqa: PTH118
        pointer = os.path.join(git_dir, _small_text(f"{git_dir}/gitdir"))  # noqa: PTH118 - as above
        is_named_in_turn = os.path.samefile(pointer, f"{folder}/.git")  # noqa: PTH121 - as above
    except (OSError, ValueError):  # a folder: the primary checkout itself
        return folder
    primary, is_worktree, _ = git_dir.replace("\\", "/").rpartition("/.git/worktrees/")
    is_project = os.path.isdir(f"{primary}/.kittify")  # noqa: PTH112 - as above
    return primary if is_worktree and is_named_in_turn and is_project else folder


def _small_text(path: str) -> str:
    """Return what one of git's files says; nothing is waited for, as a pipe in its place would make us."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        return os.read(descriptor, 4096).decode().strip()
    finally:
        os.close(descriptor)


def _append(folder: str, said: Mapping[str, str]) -> None:
    import json  # the host has loaded it

    now = time.time()
    clock = time.gmtime(now)
    line = json.dumps({"at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', clock)}.{int(now % 1 * 1000):03}Z", **said})
    path = f"{folder}/{time.strftime('%Y-%m', clock)}{SUFFIX}"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        _make(folder)
        descriptor = os.open(path, flags, 0o600)
    try:
        if os.fstat(descriptor).st_size < _MOST_BYTES:
            os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)


def _make(folder: str) -> None:
    """Make the folder, which happens once."""
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import make_runtime_folder

    make_runtime_folder(Path(folder), Path(folder).parents[len(FOLDER) - 1])
