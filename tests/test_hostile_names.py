"""Names in a record come from anywhere: in no format do they mean more than the letters that they are made of."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import cmarkgfm
import pytest
from builders import FEATURE, new_project, record
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from spec_kitty_telemetry.cli import group
from spec_kitty_telemetry.cli.render.report_csv import cell
from spec_kitty_telemetry.cli.render.report_markdown import text as markdown_text
from spec_kitty_telemetry.pricing import PriceBook

if TYPE_CHECKING:
    from pathlib import Path

    from spec_kitty_telemetry.project.layout import Project

MARKUP = (
    "a | b", "\\|", "\\\\|", "[x](http://e.example)", "![x](http://e.example/p.png)", "<img src=http://e.example>",
    "<script>alert(1)</script>", "<!-- x", "&lt;b&gt;", "&#42;", "http://e.example", "https://e.example/a_b_c",
    "ftp://e.example", "www.e.example", "mailto:a@e.example", "xmpp:a@e.example", "a@e.example", "<http://e.example>",
    "<a@e.example>", "*a*", "_a_", "__a__", "~~a~~", "~a~", "`a`", "``", "# a", "#12", "- a", "+ a", "* a", "1. a",
    "1) a", "> a", "---", "===", "***", "[ ] a", "[x]: http://e.example", "    a",
    "a  ", "a\\", "[^1]", "$a$", ":tada:",
)  # fmt: skip
ELEMENTS_OF_A_TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
BEFORE = ["", " ", "\t", "\r", "\n", "\r\n", "a;", "a; ", "a\t;", "a,", "a|", ";;", "\ufeff", "\u00a0"]
"""What can stand before the sign that begins a formula."""
INVISIBLE = [
    *(chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0), 0xAD, 0x034F, 0x061C, 0x115F, 0x180E)),
    *(chr(code) for code in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0x3164, 0xFEFF)),
    *(chr(code) for code in (0xFFF9, 0xE0001, 0xE0041, 0xFFA0, 0x2800)),
]  # fmt: skip


class Html(HTMLParser):
    """What a renderer made: its elements, and the text of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.cells: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def rendered(name: str) -> Html:
    rows = f"| {markdown_text(name)} | 1 |\n| :-- | --: |\n| {markdown_text(name)} | 2 |\n"
    return Html(cmarkgfm.github_flavored_markdown_to_html(rows))


@pytest.mark.parametrize("name", MARKUP)
def test_a_name_in_a_markdown_table_is_shown_as_it_is(name: str) -> None:
    html = rendered(name)
    assert html.elements <= ELEMENTS_OF_A_TABLE
    assert [each.strip() for each in html.cells] == [name.strip(), "1", name.strip(), "2"]


@given(st.lists(st.sampled_from([*MARKUP, *"|\\`*_{}[]<>()#+-.!~@:/&\"' \t\n0a"]), min_size=1, max_size=6).map("".join))
def test_nothing_that_is_put_together_of_markup_is_markup(name: str) -> None:
    html = rendered(name)
    assert html.elements <= ELEMENTS_OF_A_TABLE
    assert len(html.cells) == 4


@pytest.mark.parametrize("name", MARKUP)
def test_a_name_in_a_note_is_no_markup_either(name: str) -> None:
    html = Html(cmarkgfm.github_flavored_markdown_to_html(f"- {markdown_text(name)}\n  - {markdown_text(name)}\n"))
    assert html.elements <= {"ul", "li"}


@pytest.mark.parametrize("name", ["@octocat", "by @octocat", "(@octocat)", "@org/team", "see #12", "#12"])
def test_a_name_notifies_nobody_and_refers_to_no_issue(name: str) -> None:
    """GitHub looks for these in the text that the renderer leaves; a comment between the signs ends that."""
    text = re.sub(r"<!--.*?-->", "\0", cmarkgfm.github_flavored_markdown_to_html(markdown_text(name)))
    assert not re.search(r"@\w|#\d", text)
    assert re.sub(r"<[^>]*>|\0", "", text).strip() == name


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_of_csv_begins_a_formula_however_a_spreadsheet_cuts_it(sign: str, before: str, separator: str) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([cell(f"{before}{sign}1+1"), cell("b")])
    for quotes in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        for row in csv.reader(io.StringIO(text.getvalue()), delimiter=separator, quoting=quotes):
            for each in row:
                assert not each.lstrip('" \u00a0').startswith(sign), (each, row)


def with_name_in_every_field(project: Project, hostile: str) -> None:
    """Put `hostile` where a record has names; it is written into the log, as somebody else's program might."""
    mark = "m" * 12
    record(
        project, FEATURE, "WP01", agent=f"a{mark}", role=f"r{mark}", model=f"x{mark}", run_id=f"u{mark}",
        input_tokens=5, output_tokens=5, error=f"e{mark}", success=False, tags={"team": f"t{mark}"},
    )  # fmt: skip
    path = project.log_path(FEATURE)
    path.write_bytes(path.read_bytes().replace(mark.encode(), json.dumps(hostile)[1:-1].encode()))


@pytest.mark.parametrize(
    "command",
    [
        *(["report", "--by", by] for by in ("agent", "role", "model", "run", "tag:team")),
        *(["report", "--by", "agent,model", "--format", name] for name in ("json", "csv", "markdown")),
        *(["export", name] for name in ("csv", "jsonl", "focus")),
        *(["lifecycle"], ["lifecycle", "--json"], ["events", "--all"], ["events", "--json"], ["status"], ["doctor"]),
        *(["status", "--json"], ["forecast"], ["check"], ["report", "--agent", "\u202ex"]),
    ],
    ids=" ".join,
)
def test_nothing_that_cannot_be_seen_is_printed(project: Project, command: list[str]) -> None:
    with_name_in_every_field(project, "".join(INVISIBLE))
    done = CliRunner().invoke(group, [*command, "--project", str(project.root)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    found = {each for each in done.stdout + done.stderr if each != "\n" and each in INVISIBLE}
    assert found == set()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_written_again_keeps_its_mode(project: Project, tmp_path: Path, mode: int) -> None:
    record(project, input_tokens=1, output_tokens=1)
    for number, command in enumerate((["report"], ["report", "--format", "csv"], ["export", "csv"])):
        target = tmp_path / f"out-{number}"
        target.write_text("before")
        target.chmod(mode)
        done = CliRunner().invoke(group, [*command, "--output", str(target), "--project", str(project.root)])
        assert done.exit_code == 0, done.output
        assert (stat.S_IMODE(target.stat().st_mode), target.read_text() != "before") == (mode, True)


def calls_to_load(path: Path) -> int:
    """How many functions are called to read the prices of a settings file: what takes long wherever it runs."""
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    PriceBook.load(None, user_config=path)
    sys.setprofile(counted)
    try:
        PriceBook.load(None, user_config=path)
    finally:
        sys.setprofile(None)
    return count


def test_twice_as_many_aliases_take_twice_as_long_to_read(tmp_path: Path) -> None:
    counts = []
    for number in (300, 600):
        path = tmp_path / f"{number}.yaml"
        aliases = "".join(f"    a{each}: {{alias_of: a{each // 50}}}\n" for each in range(1, number))
        path.write_text(f"pricing:\n  models:\n    a0: {{input: 1, output: 2}}\n{aliases}", encoding="utf-8")
        counts.append(calls_to_load(path))
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("")
    base = calls_to_load(nothing)
    assert (counts[1] - base) / (counts[0] - base) < 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become another user")
def test_a_folder_above_of_another_user_is_not_taken_for_the_project(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    project = new_project(shared)
    mine = shared / "mine"
    mine.mkdir()
    for path in (shared, *shared.rglob("*")):
        os.chown(path, 65534, 65534)
    os.chown(mine, 0, 0)
    code = (
        "import os, sys; from pathlib import Path; import spec_kitty_telemetry.project.locate as locate\n"
        "from spec_kitty_telemetry.errors import ProjectError\n"
        f"os.setgroups([]); os.chdir({str(mine)!r}); os.setgid(54321); os.setuid(54321)\n"
        "try: print(locate.find_project().root)\n"
        "except ProjectError as error: print(error)\n"
    )
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == 0 and not stat.S_IMODE(path.stat().st_mode) & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IXOTH)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        f"{project.specs_dir} belongs to another user, so {mine} is not taken to be in the project {shared}. Name that "
        "with --project if you trust it."
    )
