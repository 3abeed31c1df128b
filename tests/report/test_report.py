import re
from html.parser import HTMLParser

import pytest
from msgspec import structs

from twinlm.evidence.results import Results
from twinlm.report import cost_section
from twinlm.report import tasks_section as report_tables
from twinlm.report.document import Span
from twinlm.report.pretraining_section import between, passage
from twinlm.report.report import MARKDOWN, PAGE, report_files, write_report
from twinlm.system.records import read_record

VOID = {"meta", "link", "br", "circle", "line", "polygon", "polyline"}


def render_html(results):
    return report_files(results)[PAGE].decode()


def render_markdown(results):
    return report_files(results)[MARKDOWN].decode()


class _Page(HTMLParser):
    """The page's tags, attributes and text; every tag must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.tags, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


@pytest.fixture(scope="module")
def page(example_results):
    return render_html(example_results)


@pytest.fixture(scope="module")
def markdown(example_results):
    return render_markdown(example_results)


def test_the_page_needs_nothing_but_itself(page):
    parsed = _Page(page)
    for _, name, value in parsed.attributes:
        if name in ("src", "href", "action", "data", "poster", "srcset"):
            assert value.startswith("#") or value == "data:,"
        assert not name.startswith("on")
    assert not {"script", "iframe", "object", "embed", "img"} & set(parsed.tags)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    assert "url(" not in style and "@import" not in style and "http" not in style
    assert len(page.encode()) < 1_000_000


def test_text_from_outside_is_shown_and_never_run(page):
    assert "<script" not in page and "<b>" not in page
    text = "".join(_Page(page).text)
    assert "tone <script>alert(1)</script>" in text
    assert "<script>alert('x')</script> composers & players" in text
    assert 'title = "GPT and BERT <on> my text"' in text


def test_links_inside_the_page_lead_somewhere(page):
    attributes = _Page(page).attributes
    names = {value for _, name, value in attributes if name == "id"}
    assert {value[1:] for tag, name, value in attributes if tag == "a" and name == "href"} <= names


def test_the_verdict_comes_before_everything_else(page, markdown):
    for text in (page, markdown):
        places = [
            text.index(word) for word in ("Wins against", "What this does not", "Macro F1", "bits per byte")
        ]
        assert places == sorted(places)


def test_the_two_families_values_never_share_a_table_or_a_plot(page, markdown):
    for figure in re.findall(r"<figure.*?</figure>", page, re.DOTALL):
        assert not ("bits per byte" in figure and "nats per masked token" in figure)
    for block in markdown.split("\n\n"):
        assert not ("bits per byte" in block and "nats per masked token" in block)


def test_the_page_shows_every_part(page, example_results):
    text = re.sub(r"\s+", " ", " ".join(_Page(page).text))
    for word in [*example_results.tasks[0].classes, *example_results.caveats, *example_results.attribution]:
        assert word in text
    for word in [
        "Cannot tell",
        "musical",
        "was: keyboard",
        "peak memory",
        "1.41",
        "twinlm compare demo.toml",
        "3f3f",
    ]:
        assert word in text
    assert page.count("<svg") == 2 * 3 + 2 + 2 * 2 + len(example_results.curves)


def test_the_page_follows_the_readers_light_and_paper(page):
    assert "prefers-color-scheme: dark" in page and "@media print" in page and 'name="viewport"' in page


def test_the_report_is_the_same_each_time(example_results, page, markdown):
    assert render_html(example_results) == page
    assert render_markdown(example_results) == markdown


def test_markdown_tables_are_whole(markdown):
    tables = re.findall(r"(?:^\|.*\|\n)+", markdown + "\n", re.MULTILINE)
    assert len(tables) > 15
    for table in tables:
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
        assert len({len(row) for row in rows}) == 1
        assert all(re.fullmatch(r" -+:? ", cell) for cell in rows[1])


def test_markdown_keeps_foreign_text_from_being_markup(markdown):
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in prose and "&lt;script&gt;" in prose


def test_tables_have_a_cell_for_each_column(example_results):
    task = example_results.tasks[0]
    tables = [
        report_tables.scores(task),
        report_tables.comparisons(task),
        report_tables.f1(task),
        report_tables.confusion(task, task.scores[0]),
        cost_section.costs(example_results),
        report_tables.fine_tuning(example_results),
        cost_section.making(example_results.cost_cards, 0.4),
        cost_section.answering(task.name, example_results.cost_cards[task.name], 0.4),
    ]
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)


def test_what_was_planned_stands_beside_what_was_taken(example_results):
    rows = {row[0]: row[1:] for row in cost_section.costs(example_results).rows}
    minus, narrow = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"
    assert rows["error of the plan"] == [f"{minus}7{narrow}%"] * 2
    assert [*rows].index("error of the plan") == [*rows].index("training time, planned") + 1


def test_differences_are_shown_with_all_that_speaks_for_them(example_results):
    table = report_tables.comparisons(example_results.tasks[0])
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    item = example_results.tasks[0].comparisons[0]
    first = rows[0]
    assert first["Difference"].startswith("+") and "\N{NO-BREAK SPACE}to" in first["BCa, examples"]
    assert float(first["Holm p"].lstrip("<\N{NO-BREAK SPACE}")) == pytest.approx(item.p_adjusted, abs=0.005)
    assert first["Effect"] == f"h {item.effect.size:+.2f}"
    found = item.effect
    assert first["Only one right"] == (
        f"{found.only_first:.0f} : {found.only_second:.0f} ({found.odds_ratio:.2f})"
    )
    assert first["Examples \N{MULTIPLICATION SIGN} seeds"] == "1,461 \N{MULTIPLICATION SIGN} 3"
    assert first["Variance"].startswith("examples ") and "fine-tuning" in first["Variance"]
    assert "pre-training" not in first["Variance"] and "With one pre-training" in table.caption


def test_several_pre_trainings_and_other_figures_are_shown_as_such(example_results):
    task = example_results.tasks[0]
    item = task.comparisons[0]
    effect = structs.replace(item.effect, name="d_z", size=-0.5, only_first=None)
    nested = structs.replace(item, pretraining_seeds=3, effect=effect)
    table = report_tables.comparisons(structs.replace(task, comparisons=[nested]))
    (row,) = [dict(zip(table.header, cells, strict=True)) for cells in table.rows]
    times = "\N{MULTIPLICATION SIGN}"
    assert row[f"Examples {times} seeds"] == f"1,461 {times} 3 {times} 3"
    assert (row["Effect"], row["Only one right"]) == ("d_z \N{MINUS SIGN}0.50", "\N{EN DASH}")
    assert "pre-training" in row["Variance"] and "With one pre-training" not in table.caption


def test_a_report_without_tasks_samples_or_removals_is_made(example_results):
    language = [structs.replace(item, samples=[], curves=[]) for item in example_results.language]
    bare = structs.replace(
        example_results,
        tasks=[],
        caveats=[],
        language=language,
        removed={},
        attribution=[],
        fingerprints={},
        cost_cards={},
    )
    assert _Page(render_html(bare)).tags
    assert "## Costs" in render_markdown(bare)


def test_writing_makes_three_files_and_the_records_come_back(example_results, tmp_path):
    paths = write_report(example_results, tmp_path / "run")
    assert [path.name for path in paths] == ["report.html", "report.md", "results.json"]
    assert read_record(Results, paths[2]) == example_results
    assert paths[0].read_text() == render_html(example_results)


def test_fills_are_found_between_the_words_that_were_left(example_results):
    (spans,) = passage(example_results.language[1].samples[1]).lines
    assert [span for span in spans if span.style] == [
        Span("largest", "wrong", "capital"),
        Span("Denmark", "right", "Denmark"),
    ]
    text = "".join(span.text for span in spans)
    assert text == "Copenhagen is the largest and most populous city of <b>Denmark</b>."


def test_a_continuation_is_one_written_piece(example_results):
    shown = passage(example_results.language[0].samples[0])
    assert [span.style for span in shown.lines[0]] == ["", "written"]
    assert shown.note.startswith("In the original:  produces")


def test_neighbouring_masks_and_masks_at_the_ends_are_found():
    assert between(["", " ", " b", ""], "[x] [y] b[z]") == ["[x]", "[y]", "[z]"]


def test_a_fill_that_does_not_fit_is_shown_as_it_is():
    sample = {"masked": "a [MASK] c", "filled": "quite another text", "original": "a b c"}
    assert passage(sample).lines == [[Span("quite another text")]]
    assert between(["a", "b"], "ac") is None
