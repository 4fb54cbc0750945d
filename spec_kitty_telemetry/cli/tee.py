"""Running a command so that it cannot tell the difference, while keeping a bounded copy of what it prints.

Standard input is the command's own.  Where our output is a terminal the command gets one too (a pseudo-terminal, POSIX
only), so that colours and progress bars stay; both its streams then share it, and their order is kept.  Elsewhere it
gets pipes.  Bytes go through as they come, on Linux each write as it was made: whoever shares our output with others
relies on small ones being neither cut nor joined.

Keys such as Ctrl-C reach the command directly, because it stays in the terminal's foreground group; signals that are
sent to us alone are handed on.  Where nobody reads our output any more, its stream is closed, so that the command is
told as it would be without us.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from typing import TYPE_CHECKING, Any

from spec_kitty_telemetry.cli.bounded_buffer import BoundedBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_BLOCK_BYTES = 64 * 1024
_PIPE_BYTES = 512 * 1024
"""A write takes a page of it, however small."""
_HANDED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_FROM_KEYS = ("SIGINT", "SIGQUIT")
_LINGER_S = 1.0
"""How long output is still waited for after the command ended: its children may hold the streams open for ever."""
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How the command ended, and what is kept of its output."""

    exit_code: int
    """Negative: the number of the signal that ended it."""
    stdout: str
    stderr: str
    duration_seconds: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> CommandResult:
    """Run `command` to its end, in `environment` (by default this process's own).

    :raises OSError: it cannot be started.
    """
    started = time.monotonic()
    with _streams() as streams:
        process = subprocess.Popen(  # noqa: S603 - the user's own
            list(command), stdout=streams.stdout, stderr=streams.stderr, env=environment
        )
        hurry = threading.Event()
        with _signals(process, streams.follow_size, hurry):
            readers = streams.start(process)
            exit_code = process.wait()
            duration = time.monotonic() - started
            _finish(readers, hurry)
            for reader in readers:
                reader.close()
    return CommandResult(exit_code, streams.kept_stdout.text(), streams.kept_stderr.text(), duration)


def end_as(exit_code: int) -> int:
    """Return the exit code for us, or end by the same signal that ended the command."""
    if exit_code >= 0 or os.name != "posix":
        return exit_code
    number = -exit_code
    with suppress(OSError, ValueError):
        if number not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        sys.stdout.flush()
        os.kill(os.getpid(), number)
    return 128 + number


class _Streams:
    """Where the command writes, and who reads that."""

    def __init__(self) -> None:
        self.kept_stdout, self.kept_stderr = BoundedBuffer(), BoundedBuffer()
        self.stdout: int = subprocess.PIPE
        self.stderr: int = subprocess.PIPE
        self.terminal: tuple[int, int] | None = None
        self.pipes: list[tuple[FileIO, int]] = []

    def follow_size(self, *_: object) -> None:
        """Make the command's terminal as large as the real one, which has just changed."""
        if self.terminal is not None:
            _same_size(self.terminal[0])

    def start(self, process: subprocess.Popen[bytes]) -> list[_Reader]:
        if self.terminal is not None:
            ours, theirs = self.terminal
            os.close(theirs)
            self.terminal = (ours, -1)
            readers = [_Reader(ours, 1, self.kept_stdout, self._close_terminal)]
        elif self.pipes:
            for _, theirs in self.pipes:
                os.close(theirs)
            (out, _), (err, _) = self.pipes
            self.pipes = []
            readers = [
                _Reader(out.fileno(), 1, self.kept_stdout, out.close),
                _Reader(err.fileno(), 2, self.kept_stderr, err.close),
            ]
        else:
            assert process.stdout is not None  # noqa: S101 - both are pipes
            assert process.stderr is not None  # noqa: S101
            readers = [
                _Reader(process.stdout.fileno(), 1, self.kept_stdout, process.stdout.close),
                _Reader(process.stderr.fileno(), 2, self.kept_stderr, process.stderr.close),
            ]
        for reader in readers:
            reader.start()
        return readers

    def _close_terminal(self) -> None:
        if self.terminal is not None:
            ours, self.terminal = self.terminal[0], None
            os.close(ours)


class _Reader(threading.Thread):
    """Hands every byte of one stream on at once and keeps it."""

    def __init__(self, source: int, target: int, kept: BoundedBuffer, hang_up: Callable[[], None]) -> None:
        """Read from `source` and write to `target`; `hang_up` closes the source, also twice."""
        super().__init__(name="telemetry-output", daemon=True)
        self._source, self._target = source, target
        self._kept = kept
        self._hang_up = hang_up
        self.is_writing = False

    def run(self) -> None:
        """Go on until the stream ends, or until nobody reads ours."""
        while block := self._block():
            self.is_writing = True
            self._kept.add(block)
            if not _written(self._target, block):
                self._hang_up()
                return
            self.is_writing = False

    def close(self) -> None:
        """Close the source, unless a child of the command still writes to it and this still hands that on."""
        if not self.is_alive():
            self._hang_up()

    def _block(self) -> bytes:
        try:
            return os.read(self._source, _BLOCK_BYTES)
        except OSError:  # a pseudo-terminal whose other end is closed
            return b""


@contextmanager
def _streams() -> Iterator[_Streams]:
    streams = _Streams()
    if os.name == "posix" and os.isatty(1):
        streams.terminal = _open_terminal()
        streams.stdout = streams.stderr = streams.terminal[1]
        if not os.isatty(2):
            streams.stderr = 2  # it goes to a file: that stays the command's own business
    elif sys.platform == "linux":
        streams.pipes = [_packet_pipe(), _packet_pipe()]
        streams.stdout, streams.stderr = (theirs for _, theirs in streams.pipes)
    try:
        yield streams
    finally:
        for descriptor in streams.terminal or ():
            with suppress(OSError):
                os.close(descriptor)
        for ours, theirs in streams.pipes:  # the command could not be started
            ours.close()
            os.close(theirs)


def _packet_pipe() -> tuple[FileIO, int]:
    """Return both ends of a pipe from which each write is read as it was made (`O_DIRECT` in pipe(2), Linux)."""
    import fcntl

    try:
        ours, theirs = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)
    except OSError:  # a system that is like Linux but for this
        ours, theirs = os.pipe2(os.O_CLOEXEC)
    with suppress(OSError):  # the user has many pipes: the usual 16 writes may wait in it
        fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return FileIO(ours, "rb"), theirs


def _open_terminal() -> tuple[int, int]:
    """Return our and the command's end of a pseudo-terminal that changes no byte and is as large as the real one."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    attributes: list[Any] = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # the real terminal makes CR LF of a line's end, once is enough
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    _same_size(ours)
    return ours, theirs


def _same_size(descriptor: int) -> None:
    import fcntl
    import termios

    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8))


def _finish(readers: list[_Reader], hurry: threading.Event) -> None:
    """Wait until all is handed on: for a slow reader of ours without limit, for more to come only so long."""
    patience_s = _LINGER_S
    while patience_s > 0 and not hurry.is_set() and (going := [each for each in readers if each.is_alive()]):
        going[0].join(_STEP_S)
        if not any(each.is_writing for each in going):
            patience_s -= _STEP_S


def _written(target: int, block: bytes) -> bool:
    """Write `block` whole; tell whether anybody still reads it."""
    view = memoryview(block)
    try:
        while view:
            try:
                view = view[os.write(target, view) :]
            except BlockingIOError:  # somebody who shares our output made it non-blocking
                select.select([], [target], [])
    except OSError:
        return False
    return True


@contextmanager
def _signals(
    process: subprocess.Popen[bytes], resized: Callable[[int, Any], None], hurry: threading.Event
) -> Iterator[None]:
    """Leave keys to the command and hand on what is sent to us alone; once it has ended, they mean us: `hurry`."""

    def hand_on(number: int, _frame: object) -> None:
        if process.returncode is not None:
            hurry.set()
        with suppress(OSError):
            process.send_signal(number)

    def ignore(_number: int, _frame: object) -> None:
        if process.returncode is not None:
            hurry.set()  # before that, the command has got it from the terminal

    keys = ignore if _has_terminal() else hand_on
    handlers: dict[str, Callable[[int, Any], None]] = dict.fromkeys(_HANDED_ON, hand_on) | dict.fromkeys(
        _FROM_KEYS, keys
    )
    handlers["SIGWINCH"] = resized
    before = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _has_terminal() -> bool:
    """Tell whether keys are typed at us: then the terminal sends their signals to the command as well."""
    if os.name != "posix":
        return True  # a Windows console sends Ctrl-C to all of its processes
    try:
        descriptor = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    finally:
        os.close(descriptor)
