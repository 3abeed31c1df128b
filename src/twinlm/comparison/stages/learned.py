"""What pre-training taught each model: losses on held-out text, learning curves and samples.

In a sample, a decoder continues held-out text, and an encoder fills words taken out of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from twinlm import families, rng
from twinlm.checkpoint import Trained
from twinlm.comparison.plan.pretrainings import Pretraining
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.workspace import Workspace
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import DataError, as_model_error
from twinlm.evidence.results import CurvePoint, LanguageResult
from twinlm.system import storage
from twinlm.system.records import read_record
from twinlm.tokenizer import Tokenizer
from twinlm.use.fill import MASK, fill, masked_tokens
from twinlm.use.generate import generate

SAMPLES = 4
_PROMPT_TOKENS = 12
_NEW_TOKENS = 48
_MASKED_SHARE = 0.15
_FEWEST_WORDS, _MOST_WORDS = 8, 60
_LONGEST_WORD = 12  # mean length above which a text has no blanks between its words
_CUT = "\ufffd"  # decoded from bytes that are not a whole character
_FIELDS = ({"prompt", "continuation", "original"}, {"masked", "filled", "original"})
_CURVE_POINTS = 200

Readers = Sequence[tuple[Tokenizer, int]]  # tokenizer of each kind, and the most tokens of a text


class Question(NamedTuple):
    """What a model is asked for a sample."""

    shown: str  # prompt, or text with masks
    original: str  # how the text continues, or the text without masks
    seed: int  # of the continuation


def language_result(stage: PretrainingStage, name: str, readers: Readers) -> LanguageResult:
    """Return what a pre-training taught; curves and samples are those of the first seed."""
    pretraining = stage.pretraining(name)
    workspace, family = stage.workspace, pretraining.family
    held_out, counted = stage.language(name), stage.counting_loss(family)

    def samples() -> list[dict[str, str]]:
        path = stage.folder(name) / "samples.json"
        if not path.is_file():
            questions = questions_of(workspace, pretraining, readers)
            storage.write_json(path, asked(stage.trained(name), questions))
        return read_samples(path)

    return LanguageResult(
        name=name,
        label=pretraining.label,
        family=family,
        measure=held_out.test.unit,
        validation=held_out.valid.value,
        test=held_out.test.value,
        others=held_out.test.others,
        floors={"unigrams": counted.unigram, "bigrams": counted.bigram},
        curves=[replace(curve, points=_thinned(curve.points)) for curve in stage.curves(name)],
        remarks=stage.remarks(name, stage.seeds),
        samples=workspace.attempt(f"samples of {pretraining.label}", samples) or [],
    )


def _thinned(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    if len(points) <= _CURVE_POINTS:
        return list(points)
    thin = []
    for group in np.array_split(np.arange(len(points)), _CURVE_POINTS):
        value = float(np.mean([points[number].value for number in group]))
        thin.append(replace(points[group[-1]], value=value))
    return thin


def read_samples(path: Path) -> list[dict[str, str]]:
    """Return stored samples; a ModelError if the file holds something else."""
    stored = read_record(list[dict[str, str]], path)
    with as_model_error(path):
        for sample in stored:
            if sample.keys() not in _FIELDS:
                raise KeyError(", ".join(sample))
    return stored


def questions_of(workspace: Workspace, pretraining: Pretraining, readers: Readers) -> list[Question]:
    """Return the questions for a pre-training's samples; a DataError if its test text has none."""
    family = families.family(pretraining.family)
    store, tokenizer = workspace.stores(family.name)["test"], workspace.tokenizer(family.name)
    seed = workspace.settings.seed
    questions = draw(store, tokenizer, readers, is_generative=family.is_generative, seed=seed)
    if not questions:
        message = f"no held-out text drawn has words to ask for and fits into {_most(readers):,} tokens"
        raise DataError(message, hint="give longer documents, or raise model.max_length")
    return questions


def draw(
    store: TokenStore, tokenizer: Tokenizer, readers: Readers, *, is_generative: bool, seed: int
) -> list[Question]:
    """Return a few questions on held-out text: prompts for a decoder, gaps in texts that all can read."""
    question = _prompt if is_generative else _gaps
    for words in (_FEWEST_WORDS, 2):  # shorter texts only where no other is to be had
        chance = rng.stream(seed, "samples")
        documents = chance.permutation(store.document_count)[: SAMPLES * 10].tolist()
        drawn = [question(store, tokenizer, number, readers, chance, words) for number in documents]
        if questions := [each for each in drawn if each][:SAMPLES]:
            return questions
    return []


def asked(trained: Trained, questions: Sequence[Question]) -> list[dict[str, str]]:
    """Return a model's answers, as `LanguageResult` holds them."""
    if trained.family.is_generative:
        return [
            {
                "prompt": prompt,
                "continuation": generate(trained, prompt, max_tokens=_NEW_TOKENS, seed=seed),
                "original": original,
            }
            for prompt, original, seed in questions
        ]
    samples = []
    for masked, original, _ in questions:
        first, *others = masked.split(MASK)
        best = [guesses[0].text.strip() for guesses in fill(trained, masked, top_k=1)]
        filled = first + "".join(f"[{word}]{text}" for word, text in zip(best, others, strict=True))
        samples.append({"masked": masked, "filled": filled, "original": original})
    return samples


def _prompt(
    store: TokenStore, tokenizer: Tokenizer, number: int, readers: Readers, chance: Any, fewest_words: int
) -> Question | None:
    tokens, most = store.document(number).tolist(), _most(readers)
    first = min(_PROMPT_TOKENS, most // 2)
    new = min(_NEW_TOKENS, most - first)
    if fewest_words < _FEWEST_WORDS:
        first = min(first, len(tokens) // 2)
    elif len(tokens) < first + new // 2:
        return None
    # No half character and no half word at the end: the model couldn't know where the tokenizer cut it.
    begin = tokenizer.decode(tokens[:first]).rstrip(_CUT)
    words = begin.rsplit(" ", 1)[0]
    prompt = words if words.strip() else begin
    seed = int(chance.integers(2**31))
    original = tokenizer.decode(tokens[: first + new])[len(prompt) :].rstrip(_CUT)
    return Question(prompt, original, seed) if _fits(prompt, [(tokenizer, most)], room=1) else None


def _gaps(
    store: TokenStore, tokenizer: Tokenizer, number: int, readers: Readers, chance: Any, fewest_words: int
) -> Question | None:
    text = tokenizer.decode(store.sentence(int(store.documents_E[number])).tolist()).strip()
    words, blank = text.split(" "), " "
    if len(text) > _LONGEST_WORD * len(words) and not text.isascii():
        words, blank = list(text), ""
    if fewest_words < _FEWEST_WORDS:
        words = words[:_MOST_WORDS]
        # Where a mask cuts what was one token, the text gets longer by a few.
        while len(words) > 1 and not _fits(blank.join(words), readers, room=len(words) // 4):
            words.pop()
    if not fewest_words <= len(words) <= _MOST_WORDS or MASK in text:
        return None
    count = max(1, round(_MASKED_SHARE * len(words)))
    # Inner words of letters only, so that a mask stands for a word and not for its comma.
    is_word = str.isalpha if blank else _is_letter
    candidates = [index for index, word in enumerate(words) if index and is_word(word)]
    chosen = sorted(chance.permutation(candidates)[:count].tolist())
    if not blank:  # of two masks side by side a reader could not tell what belongs to which
        chosen = [index for index in chosen if index - 1 not in chosen]
    original = blank.join(words)
    masked = blank.join(MASK if index in chosen else word for index, word in enumerate(words))
    can_read = _fits(original, readers) and len(masked_tokens(tokenizer, masked)) <= _most(readers)
    return Question(masked, original, 0) if chosen and can_read else None


def _is_letter(character: str) -> bool:
    return character.isalpha() and not character.isascii()


def _most(readers: Readers) -> int:
    return min(most for _, most in readers)


def _fits(text: str, readers: Readers, *, room: int = 0) -> bool:
    return all(len(tokenizer.encode(text)) + room <= most for tokenizer, most in readers)
