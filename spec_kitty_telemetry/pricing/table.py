"""Price tables on disk: the YAML that people edit and the compiled form that a report reads.

`python -m spec_kitty_telemetry.pricing` rebuilds `compiled.json`.  It carries a digest of every YAML file, so an
edited file is read itself and counts at once, and a report that finds nothing edited never parses YAML.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from spec_kitty_telemetry.pricing.rows import Compiled, Table

COMPILED_VERSION = 2
COMPILED_NAME = "compiled.json"
NOT_TABLES = frozenset({"divergences.yaml"})


def tables_folder() -> Path:
    """Return the folder of the shipped tables: in the package once installed, beside it in a checkout."""
    here = Path(__file__).parent
    installed = here / "tables"
    return installed if installed.is_dir() else here.parent.parent / "pricing"


def load_tables(folder: Path | None = None) -> tuple[Table, ...]:
    """Return every table of `folder` (by default the shipped ones), parsing only the YAML that was edited."""
    folder = folder or tables_folder()
    compiled = _read_compiled(folder / COMPILED_NAME)
    by_file = {table.file: table for table in compiled.tables} if compiled else {}
    digests = compiled.digests if compiled else {}
    tables = []
    for path in yaml_files(folder):
        table = by_file.get(path.name)
        if table is None or digests.get(path.name) != digest(path):
            table = _parsed(path)
        tables.append(table)
    if not tables:
        from spec_kitty_telemetry.project.strict_yaml import Place, Said  # only for a message

        raise Place(str(folder)).refuse(Said("no price tables"), "the shipped YAML files", "install the package again")
    return tuple(tables)


def compile_tables(folder: Path) -> bytes:
    """Return the content of `compiled.json` for the YAML of `folder`: one model a line, so that diffs stay readable."""
    tables = [_parsed(path) for path in yaml_files(folder)]
    digests = {path.name: digest(path) for path in yaml_files(folder)}
    head = msgspec.json.encode({"version": COMPILED_VERSION, "digests": digests})
    return head[:-1] + b',"tables":[\n' + b",\n".join(map(_table_lines, tables)) + b"\n]}\n"


def yaml_files(folder: Path) -> list[Path]:
    """Return the tables of `folder` in order of their names."""
    return sorted(path for path in folder.glob("*.yaml") if path.name not in NOT_TABLES)


def digest(path: Path) -> str:
    """Return length and CRC-32 of a file's content, the same whether git wrote its lines with carriage returns or not.

    It only has to notice that somebody edited the file; a cryptographic digest would cost more than reading it.
    """
    content = path.read_bytes().replace(b"\r\n", b"\n")
    return f"{len(content)}-{zlib.crc32(content):08x}"


def _parsed(path: Path) -> Table:
    from spec_kitty_telemetry.pricing.checking import read_table  # only where a file differs from what was compiled

    return read_table(path)


def _table_lines(table: Table) -> bytes:
    head = msgspec.json.encode(msgspec.structs.replace(table, models=()))
    models = b",\n".join(msgspec.json.encode(model) for model in table.models)
    return head[:-1] + b',"models":[\n' + models + b"]}"


def _read_compiled(path: Path) -> Compiled | None:
    """Return the compiled tables, or `None` where they are missing or of another version: then the YAML is read."""
    try:
        compiled = msgspec.json.decode(path.read_bytes(), type=Compiled)
    except (OSError, msgspec.DecodeError):
        return None
    return compiled if compiled.version == COMPILED_VERSION else None
