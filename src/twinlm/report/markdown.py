"""A report as Markdown: the page's words and tables, without its plots."""

import re
from collections.abc import Iterator, Sequence

from twinlm.report import document as blocks
from twinlm.report.markup import cleaned


def markdown(document: blocks.Document) -> str:
    """Return the report's text, in the order of the page."""
    parts = [f"# {_escape(document.title)}"]
    parts += [f"[{blocks.TRY}]({document.models})"] if document.models else []
    for section in document.sections:
        parts += [f"## {_escape(section.title)}", *blocks_as_markdown(section.blocks)]
    return "\n\n".join(parts) + "\n"


def blocks_as_markdown(content: Sequence[blocks.Block]) -> Iterator[str]:
    """Yield the text of blocks, paragraph by paragraph."""
    for block in content:
        yield from _block(block)


def _block(block: blocks.Block) -> Iterator[str]:
    match block:
        case blocks.Heading():
            yield f"{'#' * block.level} {_escape(block.text)}"
        case blocks.Text():
            yield _escape(block.text)
        case blocks.Items():
            yield _items(map(_escape, block.items))
        case blocks.Table():
            yield _table(block)
        case blocks.Plot():
            if block.instead:
                yield _table(block.instead)
        case blocks.Code():
            yield _code(block)
        case blocks.Passages():
            yield _items(map(_passage, block.passages))
        case blocks.Columns():
            for column in block.columns:
                yield from blocks_as_markdown(column)
        case blocks.Fold() | blocks.Box():
            yield f"**{_escape(block.title)}**"
            yield from blocks_as_markdown(block.blocks)


def _table(table: blocks.Table) -> str:
    rule = ["---" if column in table.is_text else "---:" for column in range(len(table.header))]
    header, *rows = ([_escape(cell) for cell in row] for row in [table.header, *table.rows])
    lines = [f"| {' | '.join(row)} |" for row in [header, rule, *rows]]
    return "\n".join([_escape(table.caption), "", *lines])


def _passage(passage: blocks.Passage) -> str:
    lines = " / ".join("".join(map(_span, line)) for line in passage.lines)
    return f"{lines} - {_escape(passage.note)}" if passage.note else lines


def _span(span: blocks.Span) -> str:
    """Return a marked stretch in bold; Markdown wants the spaces outside."""
    inner = span.text.strip()
    was = f" (was: {_escape(span.original)})" if span.style == "wrong" else ""
    if not span.style or not inner:
        return _escape(span.text) + was
    before, after = span.text.split(inner, 1)
    return f"{_escape(before)}**{_escape(inner)}**{_escape(after)}{was}"


def _items(texts: Iterator[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _escape(text: str) -> str:
    """Keep a text from being read as Markdown or HTML, on one line."""
    text = re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", cleaned(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def _code(code: blocks.Code) -> str:
    """Return code in a fence longer than any in its text."""
    longest = max((len(run) for run in re.findall("`+", code.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{code.language}\n{cleaned(code.text).rstrip()}\n{fence}"
