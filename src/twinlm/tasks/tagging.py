"""Tagging: a tag for each word, read from one of its tokens, without a CRF (Devlin et al. 2018, 5.3).

    words            Ada          moved  to
    tokens   [CLS]   A    ##da    moved  to   [SEP]
    labels     -    B-PER   -      O     O      -

BERT's tag is read from a word's first token, as in the paper. A left-to-right model sees nothing after a
token, so GPT's tag is read from the word's last token, which has seen the whole word and all before. Longer
sentences are read in pieces of whole words, so no word loses its tag.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import torch

from twinlm.batch import IGNORE, TaggedBatch
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import TAGGING
from twinlm.data.labels.tags import ENTITIES, RUNS, WORDS
from twinlm.data.sequences.packing import pad, pad_packed, room
from twinlm.tasks.baselines import tagging_baselines
from twinlm.tasks.entities import (
    entity_places,
    f1_by_tag,
    f1_by_type,
    has_entities,
    inside,
    of_entities,
    of_words,
    placed,
)
from twinlm.tasks.heads import TokenHead
from twinlm.tasks.judging import Decision, Judging, Passage, Said, is_chance
from twinlm.tasks.kind import Answer, Input, Metric, Reader, Scores, TaskConfig, TaskKind, softmax

PIECES = "sentences read in pieces"
CUT_WORDS = "words cut to the longest input"
LEADING_BLANK = "leading_blank"
"""Constant: whether a blank precedes the first word too, as other tools' tokenizers put it before each."""
_READ = {ENTITIES: placed, RUNS: inside}
"""How the tags of a scheme are read as places in entities."""
LEAST_CHANCE = 0.005
"""Least probability of a stored tag: most words have one or two that count."""
_SHOWN_WORDS = 12


@dataclass(frozen=True, slots=True)
class TaggingInput(Input):
    """Some words of a sentence; the target holds a label for each token."""

    places: tuple[int, ...]
    """For each word the position of the token that its tag is read from."""


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[TaggingInput]:
    """Return the inputs of the examples, in order: one for each sentence, more for a long one."""
    numbers = {tag: number for number, tag in enumerate(config.labels)}
    encoded = reader.tokenizer.encode_words(
        [example.texts for example in examples], has_leading_blank=bool(config.constants.get(LEADING_BLANK))
    )
    free = room(config.max_length, 1)
    pieces_read = []
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
            for word, position in zip(piece, places, strict=True):
                tag = next(golds)
                if word:
                    labels[position] = numbers.get(tag, IGNORE)
            pieces_read.append(TaggingInput(number, (packed,), labels, places))
    return pieces_read


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
    """Return a tag for each word of each example, and P(tag) of all but improbable tags."""
    tags: list[list[str]] = [[] for _ in examples]
    chances: list[list[dict[str, float]]] = [[] for _ in examples]
    for given, scores_LC in zip(inputs, scores, strict=True):
        for chances_C in softmax(scores_LC[list(given.places)]):
            best = config.labels[int(chances_C.argmax())]
            counting = np.flatnonzero(chances_C >= min(LEAST_CHANCE, chances_C.max()))
            tags[given.example].append(best)
            chances[given.example].append(
                {config.labels[number]: round(float(chances_C[number]), 4) for number in counting}
            )
    return [
        {"predicted": row, "probabilities": of_words} for row, of_words in zip(tags, chances, strict=True)
    ]


def _pieces(words: Sequence[Sequence[int]], free: int) -> Iterator[list[Sequence[int]]]:
    """Yield runs of words with at most `free` tokens; a longer word is cut."""
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
    """Return the position where each word's tag is read; for a word without tokens, the token before it."""
    places = []
    for word in words:
        end = begin + len(word)
        places.append(end - 1 if is_last or not word else begin)
        begin = end
    return tuple(places)


def decisions(golds: Sequence[Sequence[str]], rows: Sequence[Said], scheme: str) -> list[list[Decision]]:
    """Return the decisions on each sentence: the tag of each word.

    A tag is right if it means what the true one means in the scheme: U-LOC is B-LOC for one word.
    """
    read = _READ.get(scheme)  # earlier versions kept no scheme, and compared the spelling
    by_example = []
    for gold, said in zip(golds, rows, strict=True):
        tags = said["predicted"]
        chances = said.get("probabilities", [{}] * len(gold))
        wanted, found = (entity_places(row, read) if read else row for row in (gold, tags))
        words = zip(gold, tags, wanted, found, chances, strict=True)
        by_example.append(
            [
                Decision(true, tag, is_right := meant == said_is, float(is_right), of_tag.get(tag), meant)
                for true, tag, meant, said_is, of_tag in words
            ]
        )
    return by_example


def combined(rows: Sequence[Sequence[Said]], classes: Sequence[str]) -> list[list[str]]:
    """Return for each word the tag with the highest mean probability over models."""
    return [
        [_likeliest(of_word) for of_word in zip(*sentence, strict=True)]
        for sentence in zip(*([said["probabilities"] for said in row] for row in rows), strict=True)
    ]


def is_sound(gold: Any, said: Said, classes: Sequence[str]) -> bool:
    """Tell whether both have a tag for each word, and the probabilities belong to tags."""
    tags, chances = said["predicted"], said.get("probabilities")
    if not all(isinstance(row, list) and row for row in (gold, tags)) or len(gold) != len(tags):
        return False
    are_tags = all(isinstance(tag, str) and tag for tag in (*gold, *tags))
    return are_tags and (chances is None or _are_chances(chances, tags))


def passage(words: Sequence[str], place: int, gold: Any, scheme: str = "") -> Passage:
    """Return some words before a word, the word itself, and some words after it."""
    before, after = words[max(0, place - _SHOWN_WORDS) : place], words[place + 1 : place + 1 + _SHOWN_WORDS]
    head = ["\N{HORIZONTAL ELLIPSIS}"] * (place > _SHOWN_WORDS)
    tail = ["\N{HORIZONTAL ELLIPSIS}"] * (place + 1 + _SHOWN_WORDS < len(words))
    return Passage([" ".join([*head, *before]), words[place], " ".join([*after, *tail])], focus=1)


def _likeliest(models: Sequence[dict[str, float]]) -> str:
    """Return the tag of a word with the highest sum over models; of equal ones the first in the alphabet."""
    sums: dict[str, float] = defaultdict(float)
    for tag, chance in chain.from_iterable(chances.items() for chances in models):
        sums[tag] += chance
    return min(sums, key=lambda tag: (-sums[tag], tag))


def _are_chances(chances: Any, tags: Sequence[str]) -> bool:
    return (
        isinstance(chances, list)
        and len(chances) == len(tags)
        and all(
            isinstance(of_word, dict) and tag in of_word for tag, of_word in zip(tags, chances, strict=True)
        )
        and all(is_chance(chance) for of_word in chances for chance in of_word.values())
    )


KIND = TaskKind(
    name="tagging",
    form=TAGGING,
    head=TokenHead,
    outputs=lambda config: len(config.labels),
    inputs=inputs,
    collate=collate,
    answers=answers,
    learn=lambda examples: {LEADING_BLANK: 1.0},
    metrics={
        ENTITIES: Metric(
            partial(of_entities, read=_READ[ENTITIES]),
            partial(f1_by_type, read=_READ[ENTITIES]),
            "most words with a tag other than O have one of an entity (B-, I-, E-, S-, L-, U-, M-)",
            partial(entity_places, read=_READ[ENTITIES]),
        ),
        RUNS: Metric(
            partial(of_entities, read=_READ[RUNS]),
            partial(f1_by_type, read=_READ[RUNS]),
            "most words are O and most tags have no B- or I-, so words in a row with one tag are an entity",
            partial(entity_places, read=_READ[RUNS]),
        ),
        WORDS: Metric(of_words, f1_by_tag, "its tags mark no entities: each word has a tag of its own"),
    },
    scheme_before=lambda golds: ENTITIES if has_entities(golds) else WORDS,
    baselines=tagging_baselines,
    probe="classes",
    judging=Judging(
        right="the word's tag means the same as the true one",
        decisions=decisions,
        unit="word",
        combined=combined,
        is_sound=is_sound,
        passage=passage,
    ),
)
