"""The page as one HTML file: facts as JSON, weights as text, and our own JavaScript, style and words.

All that users gave stands in one block of JSON, escaped so that no text can end it. The scripts put it into
the page as text only. Next: `models.py`, what the page holds of a model.
"""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinlm.errors import ModelError
from twinlm.page.models import PageModel, check_of, model_facts, packed, tokenizer_facts, weights_of
from twinlm.report.html import STYLE
from twinlm.report.markup import Markup, tag
from twinlm.version import __version__

LARGEST_BYTES = 64 * 2**20
"""Greatest size of a page: what a telephone still opens."""
_WEB = Path(__file__).parent / "web"
# The first three answer questions, in a worker; the others show them.
_ENGINE = ("tokenizer.js", "model.js", "engine.js")
_VIEWS = (
    "words.js",
    "client.js",
    "text.js",
    "reading.js",
    "attention.js",
    "writing.js",
    "tasks.js",
    "tour.js",
)
_SCRIPTS = (*_VIEWS, "page.js")
LANGUAGES = ("en", "de")
"""Languages of the interface: each is a file `web/words.LANGUAGE.json`."""
_BYTES_PER_WEIGHT = 2 * 0.85 * 4 / 3  # 16 bits, packed, as base64
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; worker-src blob:; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; connect-src {}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Twins:
    """What a page shows."""

    title: str
    """Title of the page: that of the comparison, if there was one."""
    models: Sequence[PageModel]
    """Pre-trained models, at most one of each kind, then fine-tuned ones."""
    tasks: Sequence[Mapping[str, Any]] = ()
    """Facts of each task: its name, and the names of its models."""
    verdict: Sequence[str] = ()
    """Verdict of the comparison, in sentences."""
    disagreements: Sequence[Mapping[str, Any]] = ()
    """Where two models differ on the test set, task by task."""
    examples: Sequence[str] = ()
    """Texts to begin with."""
    notes: Sequence[str] = ()
    """Remarks, such as which task is not shown and why."""
    attribution: Sequence[str] = ()
    """Sources and licences of the text that the models learned from."""
    report: str = ""
    """Link to the comparison's report; "" for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """A server that computes what the page shows; see docs/page.md."""

    url: str = ""
    """Base URL, "" for the page's own."""
    names: Mapping[str, str]
    """Name of each model at the server."""
    most_weights: int
    """Most attention weights that it sends for one text."""


def page(twins: Twins, *, server: Remote | None = None) -> str:
    """Return the page as HTML.

    Args:
        twins: what it shows.
        server: what computes; None for a page that holds its weights and computes by itself.

    Raises:
        ModelError: the weights are too many for a page, or too large for 16 bits.
    """
    if server is None:
        _check_size(twins)
    tokenizers = {model.trained.tokenizer.fingerprint: model.trained.tokenizer for model in twins.models}
    keys = {fingerprint: f"t{number}" for number, fingerprint in enumerate(tokenizers)}
    facts = [model_facts(model, keys[model.trained.tokenizer.fingerprint]) for model in twins.models]
    weights: dict[str, str] = {}
    if server is None:
        arrays = {model.name: weights_of(model) for model in twins.models}
        for model, about in zip(twins.models, facts, strict=True):
            base = arrays.get(model.base)
            about["index"], weights[model.name] = packed(arrays[model.name], base, model.name)
            about["check"] = check_of(model.trained)
    data = {
        "version": __version__,
        "title": twins.title,
        "models": facts,
        "tokenizers": {keys[name]: tokenizer_facts(tokenizer) for name, tokenizer in tokenizers.items()},
        "tasks": list(twins.tasks),
        "verdict": list(twins.verdict),
        "disagreements": list(twins.disagreements),
        "examples": list(twins.examples),
        "notes": list(twins.notes),
        "attribution": list(twins.attribution),
        "report": twins.report,
        "served": dict(server.names) if server else {},
        "mostWeights": server.most_weights if server else None,
        "weightBytes": {name: len(text) for name, text in weights.items()},
        "words": {language: json.loads(_read(f"words.{language}.json")) for language in LANGUAGES},
    }
    return _document(twins.title, data, weights, server)


def _check_size(twins: Twins) -> None:
    counts = {
        model.label: sum(
            weight.numel() for weight in (model.trained.tuned or model.trained.model).parameters()
        )
        for model in twins.models
    }
    size = sum(counts.values()) * _BYTES_PER_WEIGHT
    if size > LARGEST_BYTES:
        message = (
            f"the page would have about {size / 2**20:,.0f} MiB for {sum(counts.values()):,} weights of "
            f"{len(counts)} models, more than the {LARGEST_BYTES // 2**20} MiB that a browser opens well"
        )
        raise ModelError(message, hint="twinlm serve shows the same page for models of any size")


def _document(title: str, data: Mapping[str, Any], weights: Mapping[str, str], server: Remote | None) -> str:
    url = server.url if server else None
    policy = _POLICY.format("'none'" if url is None else f"'self' {url}".strip())
    head = tag(
        "head",
        Markup(
            '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        ),
        Markup('<meta name="color-scheme" content="light dark">\n'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">\n'),
        Markup('<link rel="icon" href="data:,">\n'),
        tag("title", title),
        Markup(f"<style>\n{STYLE.read_text(encoding='utf-8')}{_read('page.css')}</style>"),
    )
    blocks = [_block("data", "application/json", json_text(data))]
    blocks += [_block(f"weights-{name}", "text/plain", text) for name, text in weights.items()]
    scripts = [Markup(f'<script class="engine">{_script(name)}</script>\n') for name in _ENGINE]
    scripts += [Markup(f"<script>{_script(name)}</script>\n") for name in _SCRIPTS]
    body = tag("body", Markup(_read("page.html")), *blocks, *scripts, data_server=url)
    return f"<!doctype html>\n{tag('html', head, body, lang=LANGUAGES[0])}\n"


def json_text(value: object) -> str:
    """Return JSON that may stand in a script element: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _block(name: str, kind: str, text: str) -> Markup:
    """Return data as an element that a browser neither shows nor runs."""
    assert "<" not in text, "it could end the element"
    return Markup(f'<script type="{kind}" id="{html.escape(name)}">{text}</script>\n')


def _script(name: str) -> str:
    text = _read(name)
    assert "</" not in text.replace("</w>", ""), f"{name} could end its element"
    return text


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")
