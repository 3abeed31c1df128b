"""Training a tokenizer: the same text gives the same bytes, with any number of threads."""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import Any, Literal

from tokenizers import Tokenizer as Engine
from tokenizers import pre_tokenizers, trainers

from twinlm.errors import UsageError
from twinlm.system.log import Progress
from twinlm.tokenizer.pipeline import Trainable, build_engine, describe, own_pipeline, trainable_engine
from twinlm.tokenizer.specials import SPECIAL_TOKENS, SpecialIds
from twinlm.tokenizer.tokenizer import Tokenizer

StripAccents = Literal["auto", "always", "never"]
MOST_CHARACTERS = 1000
"""Most distinct characters that WordPiece keeps, by frequency; words with others become [UNK]."""
# The library needs dozens of bytes for each character of a text that it is cutting, so it gets pieces.
_PIECE_CHARACTERS = 1 << 14
# Between a word and the white space behind it, where no pre-token of any pipeline extends across.
_PIECE_END = re.compile(r"(?<=\S)\s")
# The marks of Latin, Greek and Cyrillic letters; each other script has marks of its own.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u2de0-\u2dff\ufe20-\ufe2f]"
)
# Marks that choose the look of an emoji or of a Chinese character: letters have none.
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_OTHER_MARKS = 0.01
_POLL_S = 0.05


def train_tokenizer(
    texts: Collection[str],
    *,
    algorithm: Trainable,
    vocab_size: int,
    lowercase: bool,
    strip_accents: StripAccents = "auto",
    progress: Progress,
    share: float = 1.0,
) -> Tokenizer:
    """Return a tokenizer trained on texts. Memory grows only with their distinct words.

    Args:
        texts: training texts, read once or twice.
        algorithm: "byte-bpe" (can spell every text, and restores it exactly) or "wordpiece".
        vocab_size: V, special tokens included. A small text may give fewer: see the result's `vocab_size`.
        lowercase: fold case before anything else.
        strip_accents: drop accents and other marks in WordPiece; "auto" does so with `lowercase`, unless more
            than 1 % of the marks that would go are of other scripts than Latin, Greek and Cyrillic.
        progress: shows each pass over the texts, and a vocabulary that stays smaller.
        share: part of the texts to read, above 0 to 1, in evenly spaced pieces.
    """
    counts: Counter[str] = Counter()
    if algorithm == "wordpiece":
        for piece in _pieces(texts, share, f"counting characters for a {algorithm} tokenizer", progress):
            counts.update(piece)
    strips = strip_accents == "always" or (strip_accents == "auto" and lowercase and _are_accents(counts))
    pipeline = own_pipeline(algorithm, lowercase=lowercase, strip_accents=strips)
    engine = trainable_engine(pipeline)
    is_bpe = algorithm == "byte-bpe"
    alphabet = pre_tokenizers.ByteLevel.alphabet() if is_bpe else _characters(counts, engine)
    # The trainer breaks ties by id, and gives ids to unknown characters in the order of a hash map. So it is
    # told all characters, and their forms inside a word.
    inside = [] if is_bpe else [f"##{character}" for character in alphabet]
    known = [*SPECIAL_TOKENS, *inside]
    least = len(known) + len(alphabet)
    if vocab_size < least:
        message = f"vocab_size={vocab_size} is smaller than the {least} special tokens and characters"
        raise UsageError(message, hint=f"set tokenizer.vocab_size to {least} or more")
    options: dict[str, Any] = {
        "vocab_size": vocab_size,
        "special_tokens": known,
        "initial_alphabet": sorted(alphabet),
        "limit_alphabet": len(alphabet),
        "show_progress": False,
    }
    trainer = trainers.BpeTrainer(**options) if is_bpe else trainers.WordPieceTrainer(**options)
    words = _pieces(texts, share, f"training a {algorithm} tokenizer", progress)
    _stoppable(lambda: engine.train_from_iterator(words, trainer))
    model = describe(engine)["model"]
    if len(model["vocab"]) < vocab_size:
        progress.say(f"the text gives a vocabulary of {len(model['vocab']):,} tokens, not {vocab_size:,}")
    merges = [(left, right) for left, right in model.get("merges", [])]
    return Tokenizer(build_engine(pipeline, model["vocab"], merges, SPECIAL_TOKENS), pipeline, SpecialIds())


def _pieces(texts: Collection[str], share: float, task: str, progress: Progress) -> Iterator[str]:
    """Yield evenly spaced pieces of texts, and show the progress."""
    numbers = count(1)
    progress.start(task, len(texts), "documents")
    for done, text in enumerate(texts, start=1):
        for piece in _cut(text):
            number = next(numbers)
            if int(number * share) > int((number - 1) * share):
                yield piece
        progress.advance(done)
    progress.finish()


def _cut(text: str) -> Iterator[str]:
    """Yield a text in pieces that end before white space, or at twice the length if there is none."""
    begin = 0
    while len(text) - begin > 2 * _PIECE_CHARACTERS:
        middle, last = begin + _PIECE_CHARACTERS, begin + 2 * _PIECE_CHARACTERS
        space = _PIECE_END.search(text, middle, last)
        end = space.start() if space else last
        yield text[begin:end]
        begin = end
    yield text[begin:]


def _stoppable(work: Callable[[], None]) -> None:
    """Work in a thread of its own, since the library handles no signal before it is done."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # raised in the waiting thread below
            failures.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL_S)
    for failure in failures:
        raise failure


def _are_accents(counts: Counter[str]) -> bool:
    """Tell whether nearly all marks on characters are accents, not vowel signs or tones of other scripts."""
    marks: Counter[str] = Counter()
    for character, times in counts.items():
        for part in unicodedata.normalize("NFD", character):
            marks[part] += times * (unicodedata.category(part) == "Mn" and not _SELECTORS.match(part))
    others = sum(times for mark, times in marks.items() if not _ACCENTS.match(mark))
    return others <= _OTHER_MARKS * marks.total()


def _characters(raw: Counter[str], engine: Engine) -> list[str]:
    """Return the most frequent characters after normalization, in the order of their codes."""
    counts: Counter[str] = Counter()
    for character, number in raw.items():  # normalization is done character by character
        for normal in engine.normalizer.normalize_str(character):
            counts[normal] += number
    frequent = sorted(counts, key=lambda character: (-counts[character], character))
    return sorted(character for character in frequent[:MOST_CHARACTERS] if not character.isspace())
