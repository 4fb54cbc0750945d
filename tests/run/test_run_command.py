"""`telemetry run -- COMMAND`: the command cannot tell the difference, and its run is recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from spec_kitty_telemetry import emit_execution_event, query_execution_events
from spec_kitty_telemetry.cli.bounded_buffer import BoundedBuffer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spec_kitty_telemetry.model.payload import ExecutionPayload
    from spec_kitty_telemetry.project.layout import Project

FEATURE = "043-telemetry-foundation"
posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")


def command(project: Project, *words: str, more: tuple[str, ...] = ()) -> list[str]:
    place = ["--project", str(project.root), "--feature", FEATURE, "--wp", "WP01", *more]
    return [sys.executable, "-m", "spec_kitty_telemetry", "run", *place, "--", *words]


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", code


def recorded(project: Project) -> ExecutionPayload:
    (event,) = query_execution_events(project.feature_dir(FEATURE))
    return event.payload


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_output_and_exit_code_are_the_commands_own_and_usage_is_recorded(
    project: Project, sample: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "out.json").write_text(sample("claude.json"), encoding="utf-8")
    code = f"import sys; print(open({str(tmp_path / 'out.json')!r}).read(), end=''); sys.stderr.write('w'); sys.exit(3)"
    done = subprocess.run(
        command(project, *python(code), more=("--agent", "claude-code", "--attempt", "2", "--tag", "team=blue")),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, sample("claude.json"), "w")
    payload = recorded(project)
    assert (payload.input_tokens, payload.output_tokens, payload.outcome) == (50512, 1100, "failed")
    assert (payload.wp_id, payload.attempt, payload.exit_code, payload.tags) == ("WP01", 2, 3, {"team": "blue"})


def test_standard_input_goes_straight_to_the_command(project: Project) -> None:
    done = subprocess.run(
        command(project, *python("print(input()[::-1])")), input="prompt\n", capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["tpmorp"]


def test_bytes_are_passed_through_untouched_and_live(project: Project) -> None:
    code = "import sys, time\nsys.stdout.buffer.write(b'\\xff\\x00\\x1b[31m\\r\\n'); sys.stdout.flush(); time.sleep(30)"
    process = subprocess.Popen(command(project, *python(code)), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(9) == b"\xff\x00\x1b[31m\r\n"[:9]  # arrives although the command still runs
    process.kill()
    process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere pipes join what waits in them")
@pytest.mark.parametrize("stream", [1, 2])
def test_each_small_write_comes_out_as_it_was_made(project: Project, stream: int) -> None:
    sizes = [1, 5, 4096, 2, 3000, 3000, 4095, 1, 1, 17] * 6
    code = f"import os\nfor size in {sizes}: os.write({stream}, bytes([size % 251]) * size)"
    ours, theirs = os.pipe2(os.O_DIRECT)
    process = subprocess.Popen(command(project, *python(code)), **{("stdout", "stderr")[stream - 1]: theirs})  # type: ignore[call-overload]
    os.close(theirs)
    blocks = list(iter(lambda: os.read(ours, 65536), b""))
    os.close(ours)
    assert process.wait() == 0
    assert blocks == [bytes([size % 251]) * size for size in sizes]


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_that_is_killed_ends_us_the_same_way(project: Project, number: signal.Signals) -> None:
    code = f"import os; os.kill(os.getpid(), {int(number)})"
    done = subprocess.run(command(project, *python(code)), check=False)
    assert done.returncode == -number
    assert (recorded(project).outcome, recorded(project).exit_code) == ("killed", -number)


@posix
def test_a_signal_sent_to_us_is_handed_on_and_the_run_is_recorded(project: Project) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen(command(project, *python(code)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(30) == 7
    assert recorded(project).exit_code == 7


def test_a_program_that_does_not_exist_is_recorded_and_said_in_one_sentence(project: Project) -> None:
    done = subprocess.run(command(project, "no-such-agent"), capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr == "Error: no-such-agent cannot be started: no such file or directory\n"
    assert recorded(project).error == "exit code 127: cannot be started, no such file or directory"


def test_an_unknown_feature_is_an_error_before_anything_runs(project: Project, tmp_path: Path) -> None:
    words = command(project, *python(f"open({str(tmp_path / 'ran')!r}, 'w')"), more=("--feature", "099"))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "found no feature '099'" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_slow_reader_gets_all_of_the_output(project: Project) -> None:
    code = "import sys; sys.stdout.write('x' * 199_999 + '\\n')"  # more than both pipes hold
    with subprocess.Popen(command(project, *python(code)), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        time.sleep(2)  # the command has ended long ago
        assert len(process.stdout.read()) >= 200_000
        assert process.wait(30) == 0


@posix
def test_a_reader_that_goes_away_ends_the_command_as_without_us(project: Project) -> None:
    with subprocess.Popen(command(project, "yes"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(30) == -signal.SIGPIPE
    assert recorded(project).exit_code == -signal.SIGPIPE


@posix
def test_children_that_hold_the_output_open_are_not_waited_for(project: Project) -> None:
    started = time.monotonic()
    words = command(project, "sh", "-c", "sleep 60 & echo $!")
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    assert time.monotonic() - started < 30
    os.kill(int(done.stdout), signal.SIGKILL)
    assert recorded(project).outcome == "succeeded"


@posix
def test_a_signal_ends_the_wait_for_a_slow_reader(project: Project, tmp_path: Path) -> None:
    pid_path = tmp_path / "pid"
    code = f"import os, sys; sys.stdout.write('x' * 190_000)\nopen({str(pid_path)!r}, 'w').write(f'{{os.getpid()}}.')"
    with subprocess.Popen(command(project, *python(code)), stdout=subprocess.PIPE) as process:
        wait_until(lambda: pid_path.exists() and pid_path.read_text().endswith("."))
        wait_until(lambda: not is_there(int(pid_path.read_text()[:-1])))
        time.sleep(0.2)  # until it has taken that in
        process.terminate()
        assert process.wait(30) == 0  # the command's own status
    assert recorded(project).exit_code == 0


@pytest.mark.parametrize("wrong", ["--rol", "-x"])
def test_a_mistyped_option_is_not_taken_for_the_command(project: Project, wrong: str) -> None:
    words = command(project, "true")
    place = words.index("--")
    words[place:place] = [wrong, "reviewer"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"No such option '{wrong}'" in done.stderr or f"No such option: {wrong}" in done.stderr
    assert query_execution_events(project.feature_dir(FEATURE)) == []


@posix
def test_a_deleted_current_folder_is_no_hindrance_where_the_project_is_named(project: Project, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = ["sh", "-c", 'rmdir ../gone && exec "$@"', "sh", *command(project, "true")]
    done = subprocess.run(words, cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert recorded(project).outcome == "succeeded"


@posix
def test_200_megabytes_pass_through_in_bounded_memory(project: Project) -> None:
    code = "import sys\nb = b'x' * 999_999 + b'\\n'\nfor _ in range(200): sys.stdout.buffer.write(b)"
    measured = (
        "import resource, subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "n = 0\n"
        "while block := p.stdout.read(1 << 16): n += len(block)\n"
        "p.wait(); print(n, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, *command(project, *python(code))], capture_output=True, text=True, check=True
    )
    passed, peak_mib = map(int, done.stdout.split())
    assert passed == 200_000_000
    # 32 MiB are kept, once as bytes and once as text, beside about 50 MiB of Python and libraries
    assert peak_mib < 180


@posix
def test_in_a_terminal_the_command_sees_a_terminal_and_colours_stay(project: Project) -> None:
    import pty

    code = "import sys; print(sys.stdout.isatty(), sys.stderr.isatty(), '\\x1b[32mgreen\\x1b[0m')"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command(project, *python(code)))
    output = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:
            break
        if not block:
            break
        output += block
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert output == b"True True \x1b[32mgreen\x1b[0m\r\n"
    assert recorded(project).outcome == "succeeded"


@posix
def test_ctrl_c_reaches_the_command_once_and_the_run_is_recorded(project: Project) -> None:
    import pty

    code = (
        "import signal, sys, time\nseen = []\nsignal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        "print('ready', flush=True)\n"
        "until = time.monotonic() + 30\nwhile not seen and time.monotonic() < until: time.sleep(0.1)\n"
        "time.sleep(0.5)\n"  # for a second one
        "print('interrupted', len(seen)); sys.exit(130)"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command(project, *python(code)))
    output = b""
    while b"ready" not in output:
        output += os.read(terminal, 4096)
    time.sleep(0.2)
    os.write(terminal, b"\x03")
    while not output.endswith(b"\n") or b"interrupted" not in output:  # one line may come in parts
        output += os.read(terminal, 4096)
    assert b"interrupted 1" in output
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    os.close(terminal)
    assert recorded(project).exit_code == 130


def test_the_first_and_the_last_part_of_a_stream_are_kept() -> None:
    kept = BoundedBuffer(head_bytes=4, tail_bytes=6)
    for block in (b"abc", b"def", b"ghi", b"jkl", b"mno"):
        kept.add(block)
    text = kept.text()
    assert text.startswith("abcd\n")
    assert text.endswith("ghijklmno"[-6:])
    assert len(text) <= 4 + 1 + 6 + 3


def warned(project: Project, *words: str) -> str:
    done = subprocess.run(command(project, *words), capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0
    return done.stderr


def test_a_budget_that_is_close_or_over_is_said_after_the_command_and_stops_nothing(project: Project) -> None:
    folder = project.feature_dir(FEATURE)
    emit_execution_event(folder, FEATURE, "WP01", "claude-code", "implementer", cost_usd=Decimal(9))
    assert warned(project, *python("pass")) == ""
    project.settings_path.write_text(
        "budgets: [{per: feature, limit_usd: 10}, {limit_usd: 5, name: all}, {agent: codex, limit_usd: 1},"
        " {feature: other, limit_usd: 1}, {limit_usd: 100}]\n",
        encoding="utf-8",
    )
    assert warned(project, *python("pass")).splitlines() == [
        f"Budget feature {FEATURE}: ≥$9.00 of $10.00 spent (≥90%).",
        "Budget all: ≥$9.00 spent, over the limit of $5.00.",
    ]


def test_budgets_that_cannot_be_read_do_not_disturb_the_command(project: Project) -> None:
    project.settings_path.write_text("budgets: [{limit_usd: -1}]\n", encoding="utf-8")
    assert warned(project, *python("pass")) == ""


def test_a_stream_of_single_bytes_is_kept_in_no_more_memory_than_one_of_blocks() -> None:
    kept = BoundedBuffer(head_bytes=10, tail_bytes=200_000)
    tracemalloc.start()
    for _ in range(300_000):
        kept.add(b"x")
    used_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used_bytes < 600_000
    assert 200_000 <= len(kept.text()) < 200_000 + 2 * 65536
