"""The page at /: the twin page, which asks this server's own routes (docs/page.md)."""

import html
from collections.abc import Sequence
from pathlib import Path

from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.page.models import PageModel
from twinlm.page.page import Remote, Twins, page
from twinlm.page.run import TITLE, as_reader, is_run, missing_kinds, twins_of_run
from twinlm.serve.served import Models, Served
from twinlm.use.load import find_model

_LIST = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>twinlm</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
td, th {{ text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }}</style>
<h1>twinlm</h1>
<p>The routes, with forms to try them, are at <a href="docs">/docs</a>; their schema is at
<a href="openapi.json">/openapi.json</a>.</p>
<table><tr><th>Model<th>Kind<th>Can<th>Parameters<th>Reads</tr>
{rows}
</table></html>
"""


def first_page(models: Models, folders: Sequence[Path]) -> str:
    """Return the page at /: the twins of a run directory, or else the first model of each kind.

    Without any model that can read a text word by word, it is a list of the models.
    """
    by_folder = {each.folder.resolve(): each for each in models.all}

    def read(folder: Path) -> Trained | None:
        found = by_folder.get(find_model(folder).resolve())
        return found.trained if found else None

    try:
        twins = twins_of_run(folders[0], read=read) if is_run(folders) else _twins(models)
    except ModelError:  # a run of fine-tuned models alone, or a BERT that lost its head for masked tokens
        twins = _twins(models)
    if not twins.models:
        return _LIST.format(rows="\n".join(map(_row, models.all)))
    by_model = {id(each.trained): each for each in models.all}
    shown = {each.name: by_model[id(each.trained)] for each in twins.models}
    most = min(each.engine.limits.answer_numbers for each in shown.values())
    names = {name: each.name for name, each in shown.items()}
    return page(twins, server=Remote(names=names, most_weights=most))


def _twins(models: Models) -> Twins:
    readers: dict[str, PageModel] = {}
    for each in models.all:
        family = each.trained.family
        if each.trained.task is None and family.template not in readers and "score" in each.abilities:
            readers[family.template] = as_reader(family.name, each.trained)
    return Twins(title=TITLE, models=list(readers.values()), notes=missing_kinds(readers.values()))


def _row(served: Served) -> str:
    about = served.describe()
    cells = [
        about["name"],
        about["kind"],
        ", ".join(about["abilities"]),
        f"{about['parameters']:,}",
        f"{about['max_length']:,} tokens",
    ]
    return "<tr><td>" + "<td>".join(html.escape(cell) for cell in cells)
