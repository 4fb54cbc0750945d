"""`python -m spec_kitty_telemetry.pricing` rebuilds `compiled.json` from the YAML of the shipped tables."""

from __future__ import annotations

from spec_kitty_telemetry.pricing.table import COMPILED_NAME, compile_tables, tables_folder

if __name__ == "__main__":
    (tables_folder() / COMPILED_NAME).write_bytes(compile_tables(tables_folder()))
