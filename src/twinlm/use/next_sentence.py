"""Next sentence prediction: whether one text follows another (Devlin et al. 2018, 3.1, Task 2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from twinlm.checkpoint import Trained, require_part
from twinlm.data.sequences.packing import Packed, by_length, pad_packed, room
from twinlm.errors import DataError, ModelError
from twinlm.system import hardware
from twinlm.system.arguments import checked

_TASK = "next_sentence"


@checked
def next_sentence(trained: Trained, first: str, second: str) -> float:
    """Return P(`second` follows `first`), from 0 to 1; see `next_sentence_batch`."""
    return next_sentence_batch(trained, [(first, second)])[0]


@checked
def next_sentence_batch(trained: Trained, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return P(second follows first) for each pair of texts, independent of the other pairs.

    Half of the pairs in pre-training were true, so 0.5 means not knowing.

    Raises:
        ModelError: the model did not learn next sentence prediction.
        DataError: a text is empty, or the two of a pair are too long together.
    """
    check_learned(trained)
    packed = [_pack(trained, first, second) for first, second in pairs]
    model: Any = trained.model.to(hardware.device()).eval()
    chances = [0.0] * len(pairs)
    for group in by_length([len(pair.tokens) for pair in packed]):
        batch = pad_packed([packed[number] for number in group], trained.tokenizer.specials.pad)
        batch = batch.to(hardware.device())
        with torch.inference_mode():
            logits_B2 = model.next_sentence_logits(model.read(batch).hidden_BLD)
            of_group = logits_B2.float().softmax(-1)[:, 0].tolist()
        for number, chance in zip(group, of_group, strict=True):
            chances[number] = chance
    return chances


def check_learned(trained: Trained) -> None:
    """Raise a ModelError if a model did not learn next sentence prediction."""
    label = trained.family.label
    if trained.family.is_generative:
        message = f"a {label} cannot tell whether a text follows another: it never learned it"
        raise ModelError(message, hint="use rank: it orders texts by how likely they come next")
    pretraining: Mapping[str, Any] = trained.history.get("pretraining", {})
    task = pretraining.get("sentence_task", _TASK)
    if task != _TASK:
        message = f"this {label} was pre-trained with sentence_task = {task!r}: it never learned this"
        raise ModelError(message, hint=f"use one that was pre-trained with {_TASK!r}")
    for part in ("pooler", "next_sentence_head"):
        require_part(trained, part)


def _pack(trained: Trained, first: str, second: str) -> Packed:
    """Return [CLS] A [SEP] B [SEP]."""
    tokenizer, sizes = trained.tokenizer, trained.model.config
    # In pre-training, white space belongs to the sentence after it, so the second text starts with some.
    texts = [tokenizer.encode(first.rstrip()), tokenizer.encode(" " + second.strip())]
    for name, text, tokens in zip(("first", "second"), (first, second), texts, strict=True):
        if not text.strip() or not tokens:
            raise DataError(f"the {name} text is empty: {text!r}")
    most = room(sizes.max_length, len(texts))  # type: ignore[union-attr, arg-type]
    if sum(map(len, texts)) > most:
        message = f"the two texts have {sum(map(len, texts)):,} tokens, but at most {most:,} are read"
        raise DataError(message, hint="shorten them")
    return trained.family.pack(texts, tokenizer.specials)
