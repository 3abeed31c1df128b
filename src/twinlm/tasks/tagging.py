"""A tag for each word (Devlin et al. 2018, 5.3): read from one of the word's tokens, without a CRF.

    words            Ada          moved  to
    tokens   [CLS]   A    ##da    moved  to   [SEP]
    labels     -    B-PER   -      O     O      -

BERT's tag is read from a word's first token, as in the paper. A left-to-right state has not seen what comes
after it, so GPT's is read from the last one, which has seen the whole word and all words before it; words
after it stay unseen. What is longer than the input is read in pieces of whole words, so that no word loses
its tag.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from twinlm.batch import IGNORE, TaggedBatch
from twinlm.data.examples import Example
from twinlm.data.forms import TAGGING
from twinlm.data.packing import pad, pad_packed, room
from twinlm.tasks.entities import f1_by_type, of_tags
from twinlm.tasks.floors import tagging_floors
from twinlm.tasks.heads import TokenHead
from twinlm.tasks.kind import Answer, Input, Reader, Scores, TaskConfig, TaskKind

PIECES = "sentences read in pieces"
CUT_WORDS = "words cut to the longest input"


@dataclass(frozen=True, slots=True)
class TaggingInput(Input):
    """Some words of a sentence; the target holds a label for each token."""

    places: tuple[int, ...]
    """For each word the place of the token that its tag is read from."""


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[TaggingInput]:
    """Return the inputs of the examples, in order: one for each sentence, more for a long one."""
    numbers = {tag: number for number, tag in enumerate(config.labels)}
    encoded = reader.tokenizer.encode_words([example.texts for example in examples])
    free = room(config.max_length, 1)
    found = []
    for number, (example, words) in enumerate(zip(examples, encoded, strict=True)):
        golds = iter(example.gold or [""] * len(words))
        pieces = list(_pieces(words, free))
        counts[PIECES] += len(pieces) > 1
        counts[CUT_WORDS] += sum(len(word) > free for word in words)
        for piece in pieces:
            tokens = [token for word in piece for token in word]
            packed = reader.pack([tokens], reader.tokenizer.specials)
            places = _places(piece, packed.starts[0], is_last=reader.labels_last_piece)
            labels = [IGNORE] * len(packed.tokens)
            for word, place in zip(piece, places, strict=True):
                tag = next(golds)
                if word:
                    labels[place] = numbers.get(tag, IGNORE)
            found.append(TaggingInput(number, (packed,), labels, places))
    return found


def collate(inputs: Sequence[TaggingInput], pad_id: int, length: int = 0) -> TaggedBatch:
    """Return a batch of sentences."""
    batch = pad_packed([given.sequences[0] for given in inputs], pad_id, length)
    labels_BL: torch.Tensor = pad([given.target for given in inputs], IGNORE, length).tokens_BL
    return TaggedBatch(
        tokens_BL=batch.tokens_BL, segments_BL=batch.segments_BL, real_BL=batch.real_BL, labels_BL=labels_BL
    )


def answers(
    examples: Sequence[Example], inputs: Sequence[TaggingInput], scores: Sequence[Scores], config: TaskConfig
) -> list[Answer]:
    """Return a tag for each word of each example."""
    tags: list[list[str]] = [[] for _ in examples]
    for given, scores_LC in zip(inputs, scores, strict=True):
        best_M = scores_LC[list(given.places)].argmax(-1)
        tags[given.example] += [config.labels[number] for number in best_M]
    return [{"predicted": found} for found in tags]


def _pieces(words: Sequence[Sequence[int]], free: int) -> Iterator[list[Sequence[int]]]:
    """Yield the words in runs that have at most `free` tokens; a longer word is cut."""
    piece: list[Sequence[int]] = []
    used = 0
    for word in words:
        kept = word[:free]
        if used + len(kept) > free:
            yield piece
            piece, used = [], 0
        piece.append(kept)
        used += len(kept)
    yield piece


def _places(words: Sequence[Sequence[int]], begin: int, *, is_last: bool) -> tuple[int, ...]:
    """Return where each word's tag is read; for a word without a token, at the token before it."""
    places = []
    for word in words:
        end = begin + len(word)
        places.append(end - 1 if is_last or not word else begin)
        begin = end
    return tuple(places)


KIND = TaskKind(
    name="tagging",
    form=TAGGING,
    head=TokenHead,
    outputs=lambda config: len(config.labels),
    inputs=inputs,
    collate=collate,
    answers=answers,
    measure=of_tags,
    by_class=f1_by_type,
    floors=tagging_floors,
)
