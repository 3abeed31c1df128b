"""Pre-train, fine-tune, use and honestly compare GPT and BERT on your own text.

    import twinlm
    gpt = twinlm.load("runs/demo/gpt")
    print(twinlm.generate(gpt, "The capital of France"))

Names are imported on first use, so that `import twinlm` takes no time.
"""

import importlib
from typing import TYPE_CHECKING

from twinlm.version import __version__

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.comparison.run import Run, open_run
    from twinlm.data.labels.examples import Example
    from twinlm.data.probes.gaps_from_text import make_cloze
    from twinlm.data.probes.minimal_pairs import MinimalPair, read_pairs
    from twinlm.data.probes.pairs_from_text import make_pairs
    from twinlm.data.probes.passages import draw_passages
    from twinlm.errors import UserError
    from twinlm.evaluate.cloze import readable_items, score_cloze
    from twinlm.evaluate.minimal_pairs import readable_pairs, score_pairs
    from twinlm.evaluate.quality import language_quality
    from twinlm.evidence.results import Results
    from twinlm.notebook.jobs import compare, finetune, pretrain
    from twinlm.notebook.results import Compared, Tuned
    from twinlm.runtimes.engine import load
    from twinlm.settings import Settings
    from twinlm.settings.presets import resolve
    from twinlm.system.log import Silent
    from twinlm.system.stopping import Stop
    from twinlm.use.ask import answer, choose, classify, similarity, tag
    from twinlm.use.beams import beam_search
    from twinlm.use.embed import cosines, embed, features
    from twinlm.use.fill import fill, fill_batch, fill_together
    from twinlm.use.generate import Continuation, generate, generate_batch
    from twinlm.use.next_sentence import next_sentence, next_sentence_batch
    from twinlm.use.predict import predict
    from twinlm.use.rank import rank, rank_batch
    from twinlm.use.sampling import Sampling
    from twinlm.use.score import score, score_batch
    from twinlm.use.surprise import surprise

__all__ = [
    "Compared",
    "Continuation",
    "Example",
    "MinimalPair",
    "Results",
    "Run",
    "Sampling",
    "Settings",
    "Silent",
    "Stop",
    "Trained",
    "Tuned",
    "UserError",
    "__version__",
    "answer",
    "beam_search",
    "choose",
    "classify",
    "compare",
    "cosines",
    "draw_passages",
    "embed",
    "features",
    "fill",
    "fill_batch",
    "fill_together",
    "finetune",
    "generate",
    "generate_batch",
    "language_quality",
    "load",
    "make_cloze",
    "make_pairs",
    "next_sentence",
    "next_sentence_batch",
    "open_run",
    "predict",
    "pretrain",
    "rank",
    "rank_batch",
    "read_pairs",
    "readable_items",
    "readable_pairs",
    "resolve",
    "score",
    "score_batch",
    "score_cloze",
    "score_pairs",
    "similarity",
    "surprise",
    "tag",
]

_NAMES = {
    "twinlm.checkpoint": "Trained",
    "twinlm.comparison.run": "Run open_run",
    "twinlm.data.labels.examples": "Example",
    "twinlm.data.probes.gaps_from_text": "make_cloze",
    "twinlm.data.probes.minimal_pairs": "MinimalPair read_pairs",
    "twinlm.data.probes.pairs_from_text": "make_pairs",
    "twinlm.data.probes.passages": "draw_passages",
    "twinlm.errors": "UserError",
    "twinlm.evaluate.cloze": "readable_items score_cloze",
    "twinlm.evaluate.minimal_pairs": "readable_pairs score_pairs",
    "twinlm.evaluate.quality": "language_quality",
    "twinlm.evidence.results": "Results",
    "twinlm.notebook.jobs": "compare finetune pretrain",
    "twinlm.notebook.results": "Compared Tuned",
    "twinlm.runtimes.engine": "load",
    "twinlm.settings": "Settings",
    "twinlm.settings.presets": "resolve",
    "twinlm.system.log": "Silent",
    "twinlm.system.stopping": "Stop",
    "twinlm.use.ask": "answer choose classify similarity tag",
    "twinlm.use.beams": "beam_search",
    "twinlm.use.embed": "cosines embed features",
    "twinlm.use.fill": "fill fill_batch fill_together",
    "twinlm.use.generate": "Continuation generate generate_batch",
    "twinlm.use.next_sentence": "next_sentence next_sentence_batch",
    "twinlm.use.predict": "predict",
    "twinlm.use.rank": "rank rank_batch",
    "twinlm.use.sampling": "Sampling",
    "twinlm.use.score": "score score_batch",
    "twinlm.use.surprise": "surprise",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a public name."""
    if name not in _MODULES:
        raise AttributeError(f"module 'twinlm' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
