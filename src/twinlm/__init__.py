"""Pre-train, fine-tune, use and honestly compare GPT and BERT on your own text.

    import twinlm
    gpt = twinlm.load("runs/demo/gpt")
    print(twinlm.generate(gpt, "The capital of France"))

Names are imported when they are first asked for, so that `import twinlm` takes no time.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.compare.results import Results
    from twinlm.compare.run import Run, open_run
    from twinlm.errors import UserError
    from twinlm.log import Silent
    from twinlm.presets import resolve
    from twinlm.settings import Settings
    from twinlm.stopping import Stop
    from twinlm.use.beams import beam_search
    from twinlm.use.classify import classify
    from twinlm.use.embed import embed, features, similarities
    from twinlm.use.fill import fill, fill_batch, fill_together
    from twinlm.use.generate import Continuation, generate, generate_batch
    from twinlm.use.load import load
    from twinlm.use.next_sentence import next_sentence, next_sentence_batch
    from twinlm.use.rank import rank, rank_batch
    from twinlm.use.sampling import Sampling
    from twinlm.use.score import score, score_batch

__version__ = "0.1.0"

__all__ = [
    "Continuation",
    "Results",
    "Run",
    "Sampling",
    "Settings",
    "Silent",
    "Stop",
    "Trained",
    "UserError",
    "__version__",
    "beam_search",
    "classify",
    "embed",
    "features",
    "fill",
    "fill_batch",
    "fill_together",
    "generate",
    "generate_batch",
    "load",
    "next_sentence",
    "next_sentence_batch",
    "open_run",
    "rank",
    "rank_batch",
    "resolve",
    "score",
    "score_batch",
    "similarities",
]

_PLACES = {
    "Continuation": "twinlm.use.generate",
    "Results": "twinlm.compare.results",
    "Run": "twinlm.compare.run",
    "Sampling": "twinlm.use.sampling",
    "Settings": "twinlm.settings",
    "Silent": "twinlm.log",
    "Stop": "twinlm.stopping",
    "Trained": "twinlm.checkpoint",
    "UserError": "twinlm.errors",
    "beam_search": "twinlm.use.beams",
    "classify": "twinlm.use.classify",
    "embed": "twinlm.use.embed",
    "features": "twinlm.use.embed",
    "fill": "twinlm.use.fill",
    "fill_batch": "twinlm.use.fill",
    "fill_together": "twinlm.use.fill",
    "generate": "twinlm.use.generate",
    "generate_batch": "twinlm.use.generate",
    "load": "twinlm.use.load",
    "next_sentence": "twinlm.use.next_sentence",
    "next_sentence_batch": "twinlm.use.next_sentence",
    "open_run": "twinlm.compare.run",
    "rank": "twinlm.use.rank",
    "rank_batch": "twinlm.use.rank",
    "resolve": "twinlm.presets",
    "score": "twinlm.use.score",
    "score_batch": "twinlm.use.score",
    "similarities": "twinlm.use.embed",
}


def __getattr__(name: str) -> object:
    """Import a public name."""
    if name not in _PLACES:
        raise AttributeError(f"module 'twinlm' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
