"""Question answering: the part of a context that answers, or none (Devlin et al. 2018, 4.2 and 4.3).

    BERT   [CLS] question [SEP] context [SEP]
             ^ "no answer here"
    GPT    <start> question <delimiter> context <extract>
                                                    ^ "no answer here"

A long context is read in windows, `stride` tokens apart; for a token in several windows, the window with most
context on both sides counts. A state of GPT has read only the question and the context up to its token: it
must foresee an answer without reading on. Only the state at <extract> has read all.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from twinlm.batch import SpanBatch
from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import SPAN_QA
from twinlm.data.sequences.packing import pad_packed, room
from twinlm.data.text.rows import given_places, with_line_feeds
from twinlm.tasks.answer_metrics import best_f1, gold_texts, is_exact, normalized, of_answers
from twinlm.tasks.baselines import span_baselines
from twinlm.tasks.heads import SpanHead
from twinlm.tasks.judging import Decision, Judging, Passage, Said, around, cut
from twinlm.tasks.kind import Answer, Input, Metric, Reader, Scores, TaskConfig, TaskKind

LONGEST_QUESTION, LONGEST_ANSWER = 64, 30  # tokens, as in BERT's released code
THRESHOLD = "threshold"  # key of the margin above which "no answer" wins; without it there always is one
_NONE = "(no answer)"
_NO_SPAN = -1e9  # score of an answer in a context without tokens; JSON has no infinity
LOST = "training answers that lie in no window as a whole"
CUT_QUESTIONS = "questions cut to 64 tokens, or to half of the input"


@dataclass(frozen=True, slots=True)
class SpanInput(Input):
    """One window of a context after its question; the target is the answer's first and last token."""

    first: int
    """Position of the window's first token in the sequence."""
    offsets: tuple[tuple[int, int], ...]
    """For each token of the window, its characters in the given context: first and last + 1."""
    is_best: tuple[bool, ...]
    """For each token, whether no other window shows more context around it."""


def learn(examples: Sequence[Example]) -> dict[str, float]:
    """Return a threshold of 0 if some questions have no answer."""
    return {} if all(example.gold for example in examples) else {THRESHOLD: 0.0}


def inputs(
    examples: Sequence[Example], reader: Reader, config: TaskConfig, counts: Counter[str]
) -> list[SpanInput]:
    """Return the windows of all examples, in order."""
    questions = reader.tokenizer.encode_batch([example.texts[0] for example in examples])
    contexts = _encoded([example.texts[1] for example in examples], reader)
    most = min(LONGEST_QUESTION, room(config.max_length, 2) // 2)
    found = []
    for number, (example, (tokens, offsets)) in enumerate(zip(examples, contexts, strict=True)):
        question = questions[number][:most]
        counts[CUT_QUESTIONS] += len(questions[number]) > most
        span = _answer_span(example, offsets)
        windows = _windows(len(tokens), room(config.max_length, 2) - len(question), config.stride)
        best_T = _best_windows(windows, len(tokens))
        has_it = False
        for window, (begin, end) in enumerate(windows):
            packed = reader.pack([question, tokens[begin:end]], reader.tokenizer.specials)
            first = packed.starts[1]
            is_inside = span is not None and begin <= span[0] and span[1] < end
            target = [first + at - begin for at in span] if span and is_inside else [packed.summary] * 2
            is_best = tuple((best_T[begin:end] == window).tolist())
            found.append(SpanInput(number, (packed,), target, first, tuple(offsets[begin:end]), is_best))
            has_it |= is_inside
        counts[LOST] += bool(example.gold) and not has_it
    return found


def _encoded(contexts: Sequence[str], reader: Reader) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
    """Yield each context's tokens, read with line feeds as in training text, and their places in it."""
    encoded = reader.tokenizer.encode_with_offsets([with_line_feeds(context) for context in contexts])
    for context, (tokens, offsets) in zip(contexts, encoded, strict=True):
        places = given_places(context)
        yield tokens, [(places[begin], places[end]) for begin, end in offsets]


def collate(inputs: Sequence[SpanInput], pad_id: int, length: int = 0) -> SpanBatch:
    """Return a batch of windows."""
    batch = pad_packed([given.sequences[0] for given in inputs], pad_id, length)
    allowed_BL = torch.zeros_like(batch.real_BL)
    for row, given in enumerate(inputs):
        allowed_BL[row, given.first : given.first + len(given.offsets)] = True
        allowed_BL[row, given.sequences[0].summary] = True
    return SpanBatch(
        tokens_BL=batch.tokens_BL,
        segments_BL=batch.segments_BL,
        real_BL=batch.real_BL,
        allowed_BL=allowed_BL,
        spans_B2=torch.tensor([given.target for given in inputs]),
    )


def answers(
    examples: Sequence[Example], inputs: Sequence[SpanInput], scores: Sequence[Scores], config: TaskConfig
) -> list[Answer]:
    """Return the best answer to each question, where it begins, and the lead of "no answer"."""
    threshold = config.constants.get(THRESHOLD, np.inf)
    found = []
    for span, margin, text in _best_answers(examples, inputs, scores):
        is_answered = margin <= threshold and bool(text)
        answer = {"predicted": text if is_answered else "", "start": span[0] if is_answered else None}
        found.append({**answer, "best": text, "no_answer_margin": round(margin, 6)})
    return found


def tune(
    examples: Sequence[Example], inputs: Sequence[SpanInput], scores: Sequence[Scores], config: TaskConfig
) -> dict[str, float]:
    """Return the threshold with the best F1 on these examples (Devlin et al. 2018, 4.3)."""
    if THRESHOLD not in config.constants:
        return dict(config.constants)
    best = _best_answers(examples, inputs, scores)
    margins = np.array([margin for _, margin, _ in best])
    golds = [gold_texts(example.gold) for example in examples]
    gains = np.array(
        [best_f1(gold, text) - best_f1(gold, "") for gold, (_, _, text) in zip(golds, best, strict=True)]
    )
    # A threshold between the k-th smallest margin and the next answers k questions. It lies midway, because a
    # margin measured again may differ in its last digits. No threshold separates equal margins.
    by_margin = margins.argsort(kind="stable")
    totals = np.append(0.0, gains[by_margin].cumsum())
    ordered = np.concatenate([[margins.min() - 2], margins[by_margin], [margins.max() + 2]])
    totals[np.diff(ordered) == 0] = -np.inf
    return {THRESHOLD: float((ordered[:-1] + ordered[1:])[totals.argmax()] / 2)}


def _answer_span(example: Example, offsets: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return first and last token of the first gold answer; None if there is none, or no token in it."""
    if not example.gold:
        return None
    begin, end = example.gold[0]["start"], example.gold[0]["start"] + len(example.gold[0]["text"])
    inside = [index for index, (left, right) in enumerate(offsets) if left < end and right > begin]
    return (inside[0], inside[-1]) if inside else None


def _windows(count: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Return first and last + 1 of each window over `count` tokens; neighbours overlap by at least half."""
    stride = min(stride, max(1, size // 2))
    begins = range(0, max(1, count - size + stride), stride)
    return [(begin, min(count, begin + size)) for begin in begins]


def _best_windows(windows: Sequence[tuple[int, int]], count: int) -> npt.NDArray[np.int64]:
    """Return for each token the number of the window with most context on its shorter side."""
    begins_W1, ends_W1 = np.array(windows).T[:, :, None]
    tokens_T = np.arange(count)
    poorer_WT = np.minimum(tokens_T - begins_W1, ends_W1 - 1 - tokens_T)
    shown_WT = np.where(poorer_WT >= 0, poorer_WT + 0.01 * (ends_W1 - begins_W1), -1.0)
    best_T: npt.NDArray[np.int64] = shown_WT.argmax(0)
    return best_T


def _best_answers(
    examples: Sequence[Example], inputs: Sequence[SpanInput], scores: Sequence[Scores]
) -> list[tuple[tuple[int, int], float, str]]:
    """Return for each example its best span in characters, its no-answer margin, and its text."""
    pairs = zip(inputs, scores, strict=True)
    found = []
    for number, windows in groupby(pairs, key=lambda pair: pair[0].example):
        best, none = (_NO_SPAN, (0, 0)), np.inf
        for given, scores_L2 in windows:
            best = max(best, _best_span(given, scores_L2), key=lambda pair: pair[0])
            none = min(none, float(scores_L2[given.sequences[0].summary].sum()))
        begin, end = best[1]
        found.append((best[1], float(none - best[0]), examples[number].texts[1][begin:end]))
    return found


def _best_span(given: SpanInput, scores_L2: Scores) -> tuple[float, tuple[int, int]]:
    """Return the score of the best span of a window, and its characters, at least one: a space has none."""
    scores_M2 = scores_L2[given.first : given.first + len(given.offsets)].astype(np.float64)
    starts_M = np.where(given.is_best, scores_M2[:, 0], -np.inf)
    begins_M, ends_M = np.array(given.offsets).reshape(-1, 2).T
    best, span = -np.inf, (0, 0)
    for longer in range(min(LONGEST_ANSWER, len(starts_M))):
        sums = starts_M[: len(starts_M) - longer] + scores_M2[longer:, 1]
        sums[ends_M[longer:] <= begins_M[: len(sums)]] = -np.inf
        start = int(sums.argmax())
        if sums[start] > best:
            best = float(sums[start])
            span = (given.offsets[start][0], given.offsets[start + longer][1])
    return best, span


def decisions(golds: Sequence[Any], rows: Sequence[Said], scheme: str) -> list[list[Decision]]:
    """Return the decision on each question: its answer."""
    found = []
    for gold, said in zip(golds, rows, strict=True):
        right, given = gold_texts(gold), said["predicted"]
        name = " / ".join(dict.fromkeys(right)) or _NONE
        found.append([Decision(name, given or _NONE, is_exact(right, given), best_f1(right, given))])
    return found


def is_sound(gold: Any, said: Said, classes: Sequence[str]) -> bool:
    """Tell whether the gold answer is a list of answers and the model's a text."""
    is_gold = isinstance(gold, list) and all(
        isinstance(answer, dict)
        and isinstance(answer.get("text"), str)
        and isinstance(answer.get("start"), int)
        for answer in gold
    )
    return is_gold and isinstance(said["predicted"], str)


def passage(texts: Sequence[str], place: int, gold: Any, scheme: str = "") -> Passage:
    """Return the question, and the context around the first gold answer."""
    begin, length = (gold[0]["start"], len(gold[0]["text"])) if gold else (0, 0)
    return Passage([cut(texts[0]), around(texts[1], begin, begin + length)])


KIND = TaskKind(
    name="span_qa",
    form=SPAN_QA,
    head=SpanHead,
    outputs=lambda config: 2,
    learn=learn,
    inputs=inputs,
    collate=collate,
    answers=answers,
    tune=tune,
    metrics={"": Metric(of_answers, meant=normalized)},
    baselines=span_baselines,
    judging=Judging(
        right="the answer has the words of a right one",
        decisions=decisions,
        is_sound=is_sound,
        passage=passage,
        has_texts=True,
        why_not_combined="Its answers are parts of a text, which have no mean.",
        why_not_sure="Its answers are scored by where they begin and end, not by a probability of the whole.",
    ),
)
