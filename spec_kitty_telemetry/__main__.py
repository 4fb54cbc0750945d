"""`python -m spec_kitty_telemetry` and the script `spec-kitty-telemetry`: the same commands without the host."""

from __future__ import annotations


def main() -> None:
    """Run the command group with the arguments of this process."""
    from spec_kitty_telemetry.cli import group

    group.main(prog_name="spec-kitty-telemetry")


if __name__ == "__main__":
    main()
