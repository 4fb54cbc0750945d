"""`python -m spec_kitty_telemetry` and the script `spec-kitty-telemetry`: the same commands without the host."""

from __future__ import annotations


def main() -> None:
    """Run the command group with the arguments of this process.

    What a command imports stays to its end.  Looking for garbage in it, while it comes and once more at the end, takes
    a short command a tenth of its time, so it is not looked at.
    """
    import gc

    gc.set_threshold(50_000)
    if _printed_statusline():
        return
    from spec_kitty_telemetry.cli import group

    try:
        group.main(prog_name="spec-kitty-telemetry")
    finally:
        gc.freeze()


def _printed_statusline() -> bool:
    """Print the status line if that was asked for, where it can be without importing anything large; tell whether."""
    import sys

    if sys.argv[1:] != ["statusline"]:
        return False
    from spec_kitty_telemetry.decisions import statusline

    folder = statusline.folder_of(statusline.told_by_agent())
    line = statusline.kept_line(folder)
    if line is None:
        from spec_kitty_telemetry.cli.commands.statusline import new_line  # only where something has changed

        line = new_line(folder)
    sys.stdout.buffer.write(f"{line}\n".encode())
    return True


if __name__ == "__main__":
    main()
