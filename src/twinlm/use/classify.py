"""Give each text one of the classes that a model was fine-tuned for."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm import hardware
from twinlm.checkpoint import Trained
from twinlm.data.packing import pad
from twinlm.errors import ModelError


def classify(trained: Trained, texts: Sequence[str]) -> list[dict[str, float]]:
    """Return P(class | text) for each text, by class, the most probable first.

    Raises:
        ModelError: the model was not fine-tuned.
    """
    rows = class_probabilities(trained, texts).tolist()
    classes = trained.classifier.classes if trained.classifier else ()
    return [dict(sorted(zip(classes, row, strict=True), key=lambda pair: -pair[1])) for row in rows]


def class_probabilities(trained: Trained, texts: Sequence[str], batch_size: int = 64) -> NDArray[np.float32]:
    """Return P(class | text) for each text, (B, C), in float32 whatever the model was trained in.

    Raises:
        ModelError: the model was not fine-tuned.
    """
    if trained.tuned is None or trained.classifier is None:
        hint = "fine-tune it first: twinlm finetune"
        raise ModelError("this model was pre-trained only and knows no classes", hint=hint)
    where = hardware.device()
    tuned = trained.tuned.to(where)
    was_training = tuned.training
    tuned.eval()
    rows, _ = packed_rows(trained, texts, trained.classifier.max_length)
    by_length = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    probabilities_BC = np.zeros((len(rows), len(trained.classifier.classes)), np.float32)
    with torch.inference_mode():
        for first in range(0, len(rows), batch_size):
            chosen = by_length[first : first + batch_size]
            batch = pad([rows[number] for number in chosen], trained.tokenizer.specials.pad)
            probabilities_BC[chosen] = tuned(batch.to(where)).float().softmax(-1).cpu().numpy()
    tuned.train(was_training)
    return probabilities_BC


def packed_rows(trained: Trained, texts: Sequence[str], max_length: int) -> tuple[list[list[int]], int]:
    """Return each text as the model's input, and how many texts had to be cut."""
    pack, specials = trained.family.pack, trained.tokenizer.specials
    encoded = trained.tokenizer.encode_batch(list(texts))
    rows = [pack(tokens, specials, max_length) for tokens in encoded]
    return rows, sum(len(tokens) > max_length - 2 for tokens in encoded)
