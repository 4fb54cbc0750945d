"""`python -m spec_kitty_telemetry` and the script `spec-kitty-telemetry`: the same commands without the host."""

from __future__ import annotations


def main() -> None:
    """Run the command group with the arguments of this process.

    What a command imports stays to its end.  Looking for garbage in it, while it comes and once more at the end, takes
    a short command a tenth of its time, so it is not looked at.
    """
    import gc

    gc.set_threshold(50_000)
    from spec_kitty_telemetry.cli import group

    try:
        group.main(prog_name="spec-kitty-telemetry")
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
