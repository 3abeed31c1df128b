"""The ways in which people use an exported folder, each against our own answer to the same texts.

`verify.py` compares tokens and tensors; what stands between those and an answer (pipelines, activations,
padding, places in the text, declared special tokens) is compared here.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from twinlm.checkpoint import Trained
from twinlm.hf.calls import MASKED_TEXTS
from twinlm.hf.hub import library
from twinlm.hf.tokenizing import dropped_tokens
from twinlm.hf.usage import reads_pairs
from twinlm.tasks.tagging import LEADING_BLANK
from twinlm.use.ask import classify, similarity, tag
from twinlm.use.fill import MASK, fill

INSTALL = "pip install 'twinlm[hf]'"
SCRIPTS = ("The cat", "Café", "мир!", "你好 🙂")  # short, as some models read 24 tokens only
_GUESSES = 5
_NEW_TOKENS = 3
_ROLES = {"encoder": ("cls", "sep", "mask", "pad"), "decoder": ("bos", "eos", "pad")}
_ALL_ROLES = ("bos", "eos", "cls", "sep", "mask", "pad")
_OURS = {"bos": "start", "eos": "start"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A folder as the other tool loaded it."""

    folder: Path
    """The folder."""
    tools: Any
    """transformers."""
    tokenizer: Any
    """Their tokenizer."""
    model: Any
    """Their model."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Our numbers and theirs, from one way in."""

    name: str
    """What they are."""
    ours: NDArray[Any]
    """Ours."""
    theirs: NDArray[Any]
    """Theirs, of the same shape."""


@contextmanager
def quietly(tools: Any) -> Iterator[None]:
    """Keep transformers' progress bars, reports and warnings off the terminal."""
    log = tools.utils.logging
    verbosity, has_bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.set_verbosity(verbosity)
        if has_bars:
            log.enable_progress_bar()


def answers(trained: Trained, exported: Exported, outputs: Sequence[str]) -> list[Answers]:
    """Return our answers and theirs for each way in that a model has; `outputs` are our methods' names."""
    if trained.task:
        ways = _OF_TASKS.get(trained.task.kind)
        return ways(trained, exported) if ways else []
    found = []
    sizes: Any = trained.model.config
    if "masked_token_logits" in outputs and trained.tokenizer.specials.mask not in sizes.unscored:
        found.append(_filled(trained, exported))
    if "next_token_logits" in outputs:
        found.append(_generated(trained, exported))
    return found


def role_problems(trained: Trained, tokenizer: Any) -> list[str]:
    """Return which special tokens their tokenizer takes for another role, a sentence each."""
    dropped = dropped_tokens(trained, has_head=trained.task is not None)
    problems = []
    for role in _ALL_ROLES:
        ours = getattr(trained.tokenizer.specials, _OURS.get(role, role))
        is_used = role in _ROLES[trained.family.template] and ours >= 0 and ours not in dropped
        theirs = getattr(tokenizer, f"{role}_token_id")
        if theirs != (ours if is_used else None):
            problems.append(f"{role}_token is {theirs}, but {ours if is_used else 'none'} here")
    return problems


def place_problems(trained: Trained, tokenizer: Any) -> list[str]:
    """Return texts in which their tokens are elsewhere than ours, a sentence each."""
    has_blank = bool(trained.task and trained.task.constants.get(LEADING_BLANK))
    added = int(
        has_blank and trained.tokenizer.pipeline.is_of_bytes
    )  # the blank that their tokenizer puts there
    ours = trained.tokenizer.encode_with_offsets([" " * added + text for text in SCRIPTS])
    problems = []
    for text, (_, places) in zip(SCRIPTS, ours, strict=True):
        here = [(max(0, begin - added), max(0, end - added)) for begin, end in places]
        row = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        if [tuple(pair) for pair in row["offset_mapping"]] != here:
            problems.append(
                f"the tokens of {text!r} are at {row['offset_mapping']}, but here at {here}"[:300]
            )
    return problems


def _filled(trained: Trained, exported: Exported) -> Answers:
    """fill-mask: the best guesses for each mask."""
    model = exported.tools.AutoModelForMaskedLM.from_pretrained(exported.folder)
    sizes, known = cast(Any, trained.model.config), trained.tokenizer.vocab_size
    count = _GUESSES + sizes.vocab_size - known  # an imported model may have rows without a token
    pipe = exported.tools.pipeline("fill-mask", model=model, tokenizer=exported.tokenizer, top_k=count)
    ours, theirs = [], []
    for text in MASKED_TEXTS:
        guesses = pipe(text.replace(MASK, exported.tokenizer.mask_token))
        for mask in [guesses] if text.count(MASK) == 1 else guesses:
            theirs += [row["score"] for row in mask if row["token"] < known][:_GUESSES]
        ours += [guess.probability for mask in fill(trained, text, _GUESSES) for guess in mask]
    return Answers("fill-mask", np.array(ours), np.array(theirs))


@torch.no_grad()
def _generated(trained: Trained, exported: Exported) -> Answers:
    """generate: scores of next tokens, of several texts padded on the left where their class can do that."""
    tokenizer, sizes = exported.tokenizer, cast(Any, trained.model.config)
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    texts = [*SCRIPTS[:2], "A"]
    is_alone = exported.model.config.model_type == "openai-gpt"  # its positions count the padding
    groups = [[text] for text in texts] if is_alone else [texts]
    scored = [number for number in range(sizes.vocab_size) if number not in sizes.unscored]
    columns = slice(None) if dropped_tokens(trained, has_head=False) else scored
    ours, theirs = [], []
    for group in groups:
        inputs = tokenizer(group, padding=True, return_tensors="pt")
        out = exported.model.generate(
            **inputs,
            max_new_tokens=_NEW_TOKENS,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        for row, (tokens, mask) in enumerate(zip(out.sequences, inputs["attention_mask"], strict=True)):
            text = [*inputs["input_ids"][row][mask.bool()].tolist(), *tokens[len(mask) :].tolist()]
            model: Any = trained.model
            logits_LV = model.next_token_logits(model(torch.tensor([text])))[0]
            for step, logits_BV in enumerate(out.logits):
                # After its end, a text is continued by padding.
                if tokenizer.eos_token_id not in tokens[len(mask) :][:step].tolist():
                    ours.append(logits_LV[int(mask.sum()) - 1 + step, scored].numpy())
                    theirs.append(logits_BV[row, columns].numpy())
    tokenizer.padding_side = side
    return Answers("generate", np.stack(ours), np.stack(theirs))


def _classified(trained: Trained, exported: Exported) -> list[Answers]:
    """text-classification: the probability of each class."""
    pipe = exported.tools.pipeline(
        "text-classification", model=exported.model, tokenizer=exported.tokenizer, top_k=None
    )
    texts: list[Any] = list(zip(SCRIPTS, SCRIPTS[::-1], strict=True)) if reads_pairs(trained) else [*SCRIPTS]
    given = [
        text if isinstance(text, str) else dict(zip(("text", "text_pair"), text, strict=True))
        for text in texts
    ]
    assert trained.task is not None
    labels, theirs = trained.task.labels, []
    for row in pipe(given):
        chances = {each["label"]: each["score"] for each in row}
        theirs.append([chances[label] for label in labels])
    ours = [[row[label] for label in labels] for row in classify(trained, texts)]
    return [Answers("text-classification", np.array(ours), np.array(theirs))]


def _similar(trained: Trained, exported: Exported) -> list[Answers]:
    """CrossEncoder: the score of a pair; a left-to-right model's is the sum over both orders."""
    cross = library("sentence_transformers", "to verify", INSTALL).CrossEncoder
    pairs = list(zip(SCRIPTS, SCRIPTS[::-1], strict=True))
    model = cross(str(exported.folder), device="cpu")
    theirs = model.predict(pairs)
    if trained.family.reads_both_orders:
        assert trained.task is not None
        theirs = theirs + model.predict([pair[::-1] for pair in pairs]) + trained.task.constants["mean"]
    return [Answers("CrossEncoder", np.array(similarity(trained, pairs)), theirs)]


@torch.no_grad()
def _tagged(trained: Trained, exported: Exported) -> list[Answers]:
    """token-classification, with words and with the same words as a text: the number of each word's tag."""
    pipe = exported.tools.pipeline("token-classification", model=exported.model, tokenizer=exported.tokenizer)
    assert trained.task is not None
    labels, found = list(trained.task.labels), []
    rows = [text.split() for text in SCRIPTS]
    for name, options in (("words", {"is_split_into_words": True}), ("text", {})):
        ours, theirs = [], []
        for words in rows:
            given = exported.tokenizer(words, is_split_into_words=True, return_tensors="pt")
            numbers, places = given.word_ids(), {}
            for place, word in enumerate(numbers):
                if word is not None and (trained.family.labels_last_piece or word not in places):
                    places[word] = place
            said = pipe([words] if options else " ".join(words), ignore_labels=[], **options)
            by_place = {row["index"]: row for row in (said[0] if options else said)}
            theirs += [1 + labels.index(by_place[place]["entity"]) for place in places.values()]
            ours += [1 + labels.index(label) for label in tag(trained, [words])[0]]
        found.append(Answers(f"token-classification of {name}", np.array(ours), np.array(theirs)))
    return found


_OF_TASKS = {"classification": _classified, "similarity": _similar, "tagging": _tagged}
