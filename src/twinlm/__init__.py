"""Pre-train, fine-tune, use and honestly compare GPT and BERT on your own text."""

__version__ = "0.1.0"
