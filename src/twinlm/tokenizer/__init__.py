"""From text to tokens and back: byte-level BPE and WordPiece, trained on the user's own text."""

from twinlm.tokenizer.pipeline import SPECIAL_TOKENS, Algorithm, SpecialIds, Template
from twinlm.tokenizer.tokenizer import Tokenizer
from twinlm.tokenizer.training import train_tokenizer

__all__ = ["SPECIAL_TOKENS", "Algorithm", "SpecialIds", "Template", "Tokenizer", "train_tokenizer"]
