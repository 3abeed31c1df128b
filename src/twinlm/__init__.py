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
    from twinlm.compare.opening import open_run
    from twinlm.compare.results import Results
    from twinlm.compare.run import Run
    from twinlm.data.examples import Example
    from twinlm.errors import UserError
    from twinlm.log import Silent
    from twinlm.presets import resolve
    from twinlm.settings import Settings
    from twinlm.stopping import Stop
    from twinlm.use.ask import answer, choose, similarity, tag
    from twinlm.use.classify import classify
    from twinlm.use.fill import fill
    from twinlm.use.generate import Continuation, generate
    from twinlm.use.load import load
    from twinlm.use.predict import predict
    from twinlm.use.sampling import Sampling
    from twinlm.use.score import score

__version__ = "0.1.0"

__all__ = [
    "Continuation",
    "Example",
    "Results",
    "Run",
    "Sampling",
    "Settings",
    "Silent",
    "Stop",
    "Trained",
    "UserError",
    "__version__",
    "answer",
    "choose",
    "classify",
    "fill",
    "generate",
    "load",
    "open_run",
    "predict",
    "resolve",
    "score",
    "similarity",
    "tag",
]

_PLACES = {
    "Continuation": "twinlm.use.generate",
    "Example": "twinlm.data.examples",
    "Results": "twinlm.compare.results",
    "Run": "twinlm.compare.run",
    "Sampling": "twinlm.use.sampling",
    "Settings": "twinlm.settings",
    "Silent": "twinlm.log",
    "Stop": "twinlm.stopping",
    "Trained": "twinlm.checkpoint",
    "UserError": "twinlm.errors",
    "answer": "twinlm.use.ask",
    "choose": "twinlm.use.ask",
    "classify": "twinlm.use.classify",
    "fill": "twinlm.use.fill",
    "generate": "twinlm.use.generate",
    "load": "twinlm.use.load",
    "open_run": "twinlm.compare.opening",
    "predict": "twinlm.use.predict",
    "resolve": "twinlm.presets",
    "score": "twinlm.use.score",
    "similarity": "twinlm.use.ask",
    "tag": "twinlm.use.ask",
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
