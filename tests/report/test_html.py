"""Whatever a block holds, both writers show it and neither lets it be markup."""

import re

import pytest

from twinlm.report import report
from twinlm.report.document import (
    Box,
    Code,
    Columns,
    Document,
    Fold,
    Heading,
    Items,
    Passage,
    Passages,
    Plot,
    Section,
    Span,
    Table,
    Text,
    table_of,
)
from twinlm.report.html import page
from twinlm.report.markdown import markdown
from twinlm.report.markup import tag
from twinlm.report.report import MARKDOWN, PAGE, report_files

EVIL = "<script>alert('x')</script> | *a* & \"b\""
TABLE = Table(caption=EVIL, header=["", EVIL], rows=[[EVIL, EVIL]])
BLOCKS = [
    Heading(EVIL, 4),
    Text(EVIL, "headline"),
    Items([EVIL]),
    TABLE,
    Table(caption="c", header=["", "1"], rows=[["1 a", EVIL]], shades=[[40]]),
    Plot(EVIL, tag("svg", tag("title", EVIL)), instead=TABLE),
    Passages(1, [Passage([[Span(EVIL), Span(EVIL, "wrong", EVIL), Span(EVIL, "written")]], EVIL)]),
    Columns([[Text(EVIL)], [Text(EVIL)]]),
    Fold(EVIL, [Text(EVIL)], 1),
    Box(EVIL, [Text(EVIL)]),
]


def _document(*blocks):
    sections = [Section(anchor=name, title=EVIL, blocks=list(blocks)) for name in ("first", "second")]
    return Document(title=EVIL, kicker=EVIL, sections=sections, footer=EVIL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: type(block).__name__)
def test_no_text_of_a_block_becomes_markup(block):
    html, text = page(_document(block)), markdown(_document(block))
    assert "<script" not in html and "<script" not in text
    assert html.count("&lt;script&gt;") > page(_document()).count("&lt;script&gt;")
    assert "&lt;script&gt;" in text and not re.search(r"(?<!\\)\*a\\?\*", text.replace("**", ""))


def test_code_is_kept_as_it_is_in_markdown_and_escaped_on_the_page():
    code = Code(f"{EVIL}\n```", "sh")
    assert f"````sh\n{EVIL}\n```\n````" in markdown(_document(code))
    assert "<script" not in page(_document(code))


def test_links_come_after_the_first_section_and_lead_to_the_others():
    html = page(_document())
    assert html.index('id="first"') < html.index("<nav") < html.index('id="second"')
    assert 'href="#second"' in html and 'href="#first"' not in html


def test_cells_of_a_confusion_are_shaded_and_the_right_ones_marked():
    table = Table(caption="c", header=["", "1", "2"], rows=[["1 a", "9", "1"]], shades=[[90, 10]])
    html = page(_document(table))
    assert '<td class="right" style="--share:90">9</td><td style="--share:10">1</td>' in html


def test_a_table_has_a_cell_for_each_item_and_column():
    table = table_of("c", [1, 2], [("", str), ("double", lambda item: str(2 * item))])
    assert (table.header, table.rows) == (["", "double"], [["1", "2"], ["2", "4"]])


def test_a_new_section_is_a_function_and_a_line_in_the_list(monkeypatch, example_results):
    def section(results, details):
        return Section(anchor="new", title="New & old", blocks=[Text(results.title)])

    monkeypatch.setattr(report, "_SECTIONS", (*report._SECTIONS, section))
    files = report_files(example_results)
    assert b'<section id="new"><h2>New &amp; old</h2>' in files[PAGE] and b'href="#new"' in files[PAGE]
    assert b"## New &amp; old" in files[MARKDOWN]
