"""A report as one page: no other file, no script, nothing from the network.

All text passes through `tag`, which escapes it.
"""

from collections.abc import Sequence
from pathlib import Path

from twinlm.report import document as blocks
from twinlm.report.markup import Markup, joined, tag

STYLE = Path(__file__).parent / "report.css"
_HEAD = Markup("""<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
""")


def page(document: blocks.Document) -> str:
    """Return the page; the same document gives the same page."""
    style = Markup(f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>")
    first, *others = document.sections
    links = [tag("a", section.title, href=f"#{section.anchor}") for section in others]
    links += [tag("a", blocks.TRY, href=document.models)] if document.models else []
    header = tag("header", tag("p", document.kicker, class_="kicker"), tag("h1", document.title))
    nav = tag("nav", joined(links, "\n"), aria_label="Sections")
    main = tag("main", header, _section(first), nav, *map(_section, others))
    head = tag("head", _HEAD, tag("title", document.title), style)
    body = tag("body", main, tag("footer", tag("p", document.footer)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _section(section: blocks.Section) -> Markup:
    return tag("section", tag("h2", section.title), *_blocks(section.blocks), id=section.anchor)


def _blocks(content: Sequence[blocks.Block]) -> list[Markup]:
    return [joined(["\n", _block(block)]) for block in content]


def _block(block: blocks.Block) -> Markup:
    match block:
        case blocks.Heading():
            element = tag(f"h{block.level}", block.text)
        case blocks.Text():
            element = tag("p", block.text, class_=block.style or None)
        case blocks.Items():
            element = tag("ul", *(tag("li", item) for item in block.items))
        case blocks.Table():
            element = _table(block)
        case blocks.Plot():
            element = tag("figure", tag("figcaption", block.caption), block.picture)
        case blocks.Code():
            element = tag("pre", tag("code", block.text), tabindex=0)
        case blocks.Passages():
            element = tag("ul", *map(_passage, block.passages), class_=f"samples shade-{block.family}")
        case blocks.Columns():
            element = tag("div", *(tag("div", *_blocks(column)) for column in block.columns), class_="pair")
        case blocks.Fold():
            inside = [tag("summary", block.title), *_blocks(block.blocks)]
            element = tag("details", *inside, class_=f"shade-{block.family}")
        case blocks.Box():
            element = tag("div", tag("h3", block.title), *_blocks(block.blocks), class_="box")
    return element


def _table(table: blocks.Table) -> Markup:
    header = [
        tag("th", name, scope="col", class_=_column(table, column)) if name else tag("td")
        for column, name in enumerate(table.header)
    ]
    rows = [
        tag("tr", tag("th", row[0], scope="row", class_="text"), *_cells(table, number, row))
        for number, row in enumerate(table.rows)
    ]
    inside = tag(
        "table",
        tag("thead", tag("tr", *header)),
        tag("tbody", joined(rows, "\n")),
        class_="confusion" if table.shades else table.style or None,
    )
    # Wide tables scroll, also by keyboard.
    scroll = tag("div", inside, class_="scroll", tabindex=0, role="region", aria_label=table.caption)
    return tag("figure", tag("figcaption", table.caption), scroll, class_="table")


def _cells(table: blocks.Table, number: int, row: Sequence[str]) -> list[Markup]:
    if table.shades:
        return [
            tag("td", cell, class_="right" if column == number else None, style=f"--share:{shade}")
            for column, (cell, shade) in enumerate(zip(row[1:], table.shades[number], strict=True))
        ]
    return [tag("td", cell, class_=_column(table, column)) for column, cell in enumerate(row[1:], 1)]


def _column(table: blocks.Table, column: int) -> str | None:
    return "text" if column in table.is_text else None


def _passage(passage: blocks.Passage) -> Markup:
    lines = [tag("div", *map(_span, line)) for line in passage.lines]
    note = [tag("span", passage.note, class_="original")] if passage.note else []
    return tag("li", *lines, *note)


def _span(span: blocks.Span) -> Markup:
    marked = {
        "": joined([span.text]),
        "written": tag("ins", span.text),
        "right": tag("mark", span.text, class_="right"),
    }.get(span.style, tag("mark", span.text))
    was = tag("span", f"(was: {span.original})", class_="was")
    return joined([marked, " ", was]) if span.style == "wrong" else marked
