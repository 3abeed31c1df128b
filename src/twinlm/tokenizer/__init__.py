"""From text to tokens and back, trained on the user's text or taken from a foreign model."""

from twinlm.tokenizer.foreign import read_foreign
from twinlm.tokenizer.pipeline import Algorithm, Pipeline
from twinlm.tokenizer.specials import ABSENT, SPECIAL_TOKENS, SpecialIds, Template
from twinlm.tokenizer.tokenizer import Tokenizer
from twinlm.tokenizer.training import train_tokenizer

__all__ = [
    "ABSENT",
    "SPECIAL_TOKENS",
    "Algorithm",
    "Pipeline",
    "SpecialIds",
    "Template",
    "Tokenizer",
    "read_foreign",
    "train_tokenizer",
]
