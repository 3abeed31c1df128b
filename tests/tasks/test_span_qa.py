"""Answers in a context: its windows, gold answers found again, and when there is none."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import example as also
from hypothesis import strategies as st

from twinlm.data.labels.examples import Example
from twinlm.tasks.answer_metrics import of_answers
from twinlm.tasks.kind import Reader
from twinlm.tasks.span_qa import CUT_QUESTIONS, KIND, LOST

QUESTION = "Who drinks tea"
WORDS = st.lists(
    st.sampled_from(
        ["Ada", "café", "🙂", "👩‍🔬", "naïve", "e\u0301te\u0301", "tea", "1,234", "(the", "mat)."]
    ),
    min_size=1,
    max_size=40,
)
FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def example(context: str, *answers: str, question: str = QUESTION) -> Example:
    gold = [{"text": answer, "start": context.index(answer)} for answer in answers]
    return Example("test-1", (question, context), gold)


def perfect(inputs) -> list[np.ndarray]:
    """Scores that say exactly what the targets say."""
    scores = []
    for read in inputs:
        scores_L2 = np.full((read.length, 2), -10, np.float32)
        scores_L2[read.target[0], 0] = scores_L2[read.target[1], 1] = 10
        scores.append(scores_L2)
    return scores


def slow_is_best(windows: list[range], count: int) -> list[list[bool]]:
    """BERT's rule, token by token: the most on the poorer side, and a hundredth of the window."""
    best = []
    for token in range(count):
        shown = {
            number: min(token - window.start, window.stop - 1 - token) + 0.01 * len(window)
            for number, window in enumerate(windows)
            if token in window
        }
        best.append(max(shown, key=lambda number: (shown[number], -number)))
    return [[best[token] == number for token in window] for number, window in enumerate(windows)]


def test_a_question_is_read_before_its_context(reader, config_for, enclosed):
    row = example("Ada drinks tea", "Ada")
    (read,) = KIND.inputs([row], reader, config_for("span_qa"), Counter())
    question, context = (reader.tokenizer.encode(text) for text in row.texts)
    assert read.sequences[0].tokens == enclosed(reader, question, context)
    assert read.first == len(question) + 2
    assert len(read.offsets) == len(context) == len(read.is_best)
    first, last = (at - read.first for at in read.target)
    assert row.texts[1][read.offsets[first][0] : read.offsets[last][1]] == "Ada"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\r\n\r\n", "\n\r"], ids=repr)
@pytest.mark.parametrize("answer", ["London", "milk", "drinks{end}tea", "The"])
def test_an_answer_begins_where_the_given_context_has_it_whatever_its_line_ends(
    reader, config_for, answer, end
):
    answer = answer.format(end=end)
    context = end.join(["The red cat", "moved to London", "🙂 drinks", "tea", "with milk", ""])
    row, config = example(context, answer), config_for("span_qa")
    inputs = KIND.inputs([row], reader, config, Counter())
    (found,) = KIND.answers([row], inputs, perfect(inputs), config)
    assert (found["predicted"], found["start"]) == (answer, context.index(answer))
    read = KIND.form.as_read(row)
    (plain,) = KIND.inputs([read], reader, config, Counter())
    assert (plain.sequences, plain.target) == (inputs[0].sequences, inputs[0].target)


@given(st.integers(1, 400), st.integers(30, 300), st.integers(1, 300))
@settings(FIXTURES, max_examples=25)
def test_every_token_is_in_a_window_and_is_best_in_one_as_a_slow_version_says(
    reader, config_for, words, max_length, stride
):
    # Numbered words, so that a window says where it stands.
    context = " ".join(f"{number}" for number in range(1000, 1000 + words))
    config = config_for("span_qa", max_length=max_length, stride=stride)
    inputs = KIND.inputs([example(context)], reader, config, Counter())
    tokens, offsets = reader.tokenizer.encode_with_offsets([context])[0]
    windows, at = [], {offset: place for place, offset in reversed(list(enumerate(offsets)))}
    for read in inputs:
        begin = at[read.offsets[0]]
        while tuple(offsets[begin : begin + len(read.offsets)]) != read.offsets:
            begin += 1
        windows.append(range(begin, begin + len(read.offsets)))
        assert read.length <= max_length
        held = read.sequences[0].tokens[read.first : read.first + len(read.offsets)]
        assert held == tokens[begin : begin + len(read.offsets)]
    assert set().union(*windows) == set(range(len(tokens)))
    size = max(map(len, windows))
    for one, other in pairwise(windows):
        assert other.start - one.start == min(stride, size // 2)
    assert [list(read.is_best) for read in inputs] == slow_is_best(windows, len(tokens))


def test_the_last_token_of_a_long_context_can_begin_an_answer(reader, config_for):
    """Where the last window holds one token more than the one before, far fewer in all, it still shows it."""
    config = config_for("span_qa", max_length=320, stride=150)
    question = len(reader.tokenizer.encode(QUESTION))
    context = "a" + " a" * (320 - 3 - question)
    row = example(context)
    row = replace(row, gold=[{"text": "a", "start": len(context) - 1}])
    inputs = KIND.inputs([row], reader, config, Counter())
    assert len(inputs) == 2
    assert sum(sum(read.is_best) for read in inputs) == len(reader.tokenizer.encode(context))
    (answer,) = KIND.answers([row], inputs, perfect(inputs), config)
    assert (answer["predicted"], answer["start"]) == ("a", len(context) - 1)


@given(WORDS, st.data())
@FIXTURES
def test_a_gold_answer_is_found_again_as_the_same_text(reader, config_for, words, data):
    begin = data.draw(st.integers(0, len(words) - 1))
    count = data.draw(st.integers(1, 2))
    before, answer = " ".join(words[:begin]), " ".join(words[begin : begin + count])
    start = len(before) + (begin > 0)
    context = " ".join(words)
    row = Example("test-1", (QUESTION, context), [{"text": answer, "start": start}])
    config = config_for("span_qa", max_length=data.draw(st.integers(120, 200)), stride=20)
    counts: Counter[str] = Counter()
    inputs = KIND.inputs([row], reader, config, counts)
    (found,) = KIND.answers([row], inputs, perfect(inputs), config)
    assert (found["predicted"], found["start"], counts[LOST]) == (answer, start, 0)


def test_an_answer_that_no_window_holds_is_counted(reader, config_for):
    counts: Counter[str] = Counter()
    context = "tea milk " * 30
    config = config_for("span_qa", max_length=24, stride=4)
    inputs = KIND.inputs([example(context, context.strip()), example("a b", "a")], reader, config, counts)
    assert counts[LOST] == 1
    assert all(read.target == [read.sequences[0].summary] * 2 for read in inputs[:-1])


def test_long_questions_are_cut_and_counted(reader, config_for):
    counts: Counter[str] = Counter()
    rows = [example("Ada drinks tea", "Ada", question="who " * 40), example("Ada", "Ada")]
    inputs = KIND.inputs(rows, reader, config_for("span_qa", max_length=32), counts)
    assert counts[CUT_QUESTIONS] == 1
    assert inputs[0].first == 2 + 14
    assert all(read.length <= 32 for read in inputs)


def test_a_batch_allows_answers_in_the_context_and_at_the_summary_only(reader, config_for):
    rows = [example("Ada drinks tea with milk", "tea"), example("Ada")]
    inputs = KIND.inputs(rows, reader, config_for("span_qa"), Counter())
    batch = KIND.collate(inputs, reader.tokenizer.specials.pad)
    for row, read in enumerate(inputs):
        context = range(read.first, read.first + len(read.offsets))
        wanted = sorted({*context, read.sequences[0].summary})
        assert batch.allowed_BL[row].nonzero()[:, 0].tolist() == wanted
    assert batch.spans_B2.tolist() == [read.target for read in inputs]
    assert batch.spans_B2[1].tolist() == [inputs[1].sequences[0].summary] * 2


def slow_best(inputs, scores, context: str) -> tuple[float, str]:
    """All spans of all windows, one by one."""
    best = (-np.inf, "")
    for read, scores_L2 in zip(inputs, scores, strict=True):
        for first, (begin, _) in enumerate(read.offsets):
            for last in range(first, min(first + 30, len(read.offsets))):
                size = float(scores_L2[read.first + first, 0]) + float(scores_L2[read.first + last, 1])
                text = context[begin : read.offsets[last][1]]
                if read.is_best[first] and size > best[0] and text:
                    best = (size, text)
    return best


@given(st.integers(0, 2**31), st.integers(1, 60))
@also(seed=1527, words=2)  # the best span of any tokens is a space
@settings(FIXTURES, max_examples=20)
def test_the_best_answer_is_that_of_all_spans(reader, config_for, seed, words):
    random = np.random.default_rng(seed)
    context = " ".join(random.choice(["Ada", "tea", "café", "mat."], words))
    config = config_for("span_qa", max_length=48, stride=11, constants={"threshold": 0.0})
    rows = [example(context)]
    inputs = KIND.inputs(rows, reader, config, Counter())
    scores = [random.normal(size=(read.length + 3, 2)).astype(np.float32) for read in inputs]
    (found,) = KIND.answers(rows, inputs, scores, config)
    size, text = slow_best(inputs, scores, context)
    none = min(
        float(scores_L2[read.sequences[0].summary].sum())
        for read, scores_L2 in zip(inputs, scores, strict=True)
    )
    assert found["best"] == text
    assert found["no_answer_margin"] == pytest.approx(none - size, abs=1e-5)
    is_answered = none - size <= 0
    assert found["predicted"] == (text if is_answered else "")
    assert (found["start"] is None) != is_answered
    (always,) = KIND.answers(rows, inputs, scores, replace(config, constants={}))
    assert always["predicted"] == text


def test_a_threshold_is_learned_only_where_some_questions_have_no_answer():
    assert KIND.learn([example("a b", "a")]) == {}
    assert KIND.learn([example("a b", "a"), example("a b")]) == {"threshold": 0.0}


def with_margins(reader: Reader, config, cases):
    """Questions to which the best answer is "cat", and "no answer" leads by a margin."""
    golds = {"right": ["cat"], "partly": ["red cat"], "wrong": ["dog"], "none": []}
    rows = [example("red cat dog", *golds[case]) for case, _ in cases]
    inputs = KIND.inputs(rows, reader, config, Counter())
    scores = []
    for read, (_, margin) in zip(inputs, cases, strict=True):
        scores_L2 = np.full((read.length, 2), -99, np.float32)
        inside = [place for place, (begin, end) in enumerate(read.offsets) if begin >= 4 and end <= 7]
        scores_L2[read.first + inside[0], 0] = scores_L2[read.first + inside[-1], 1] = 0
        scores_L2[read.sequences[0].summary] = margin / 2
        scores.append(scores_L2)
    return rows, inputs, scores


@given(
    st.lists(
        st.tuples(st.sampled_from(["right", "partly", "wrong", "none"]), st.integers(-3, 3)),
        min_size=1,
        max_size=9,
    )
)
@FIXTURES
def test_the_threshold_is_as_good_as_the_best_of_all(reader, config_for, cases):
    config = config_for("span_qa", constants={"threshold": 0.0})
    rows, inputs, scores = with_margins(reader, config, cases)

    def f1(threshold: float) -> float:
        found = KIND.answers(rows, inputs, scores, replace(config, constants={"threshold": threshold}))
        return of_answers([row.gold for row in rows], [answer["predicted"] for answer in found]).main

    tuned = KIND.tune(rows, inputs, scores, config)["threshold"]
    assert f1(tuned) == pytest.approx(max(f1(threshold) for threshold in (-4, *range(-3, 4))))


def test_the_threshold_keeps_away_from_the_margins_that_it_parts(reader, config_for):
    """What is measured a rounding error away from a margin must get the same answer."""
    config = config_for("span_qa", constants={"threshold": 0.0})
    given_cases = with_margins(reader, config, [("right", -2), ("right", 1), ("none", 3)])
    assert KIND.tune(*given_cases, config) == {"threshold": 2.0}


def test_without_unanswerable_questions_there_is_no_threshold_to_tune(reader, config_for):
    config = config_for("span_qa")
    assert KIND.tune(*with_margins(reader, config, [("right", 1)]), config) == {}


def test_a_context_without_a_token_has_no_answer_and_a_finite_margin(reader, config_for):
    config = config_for("span_qa", constants={"threshold": 0.0})
    rows = [Example("test-1", (QUESTION, "\u200b"), None)]
    inputs = KIND.inputs(rows, reader, config, Counter())
    scores = [np.zeros((read.length, 2), np.float32) for read in inputs]
    (found,) = KIND.answers(rows, inputs, scores, config)
    assert np.isfinite(found["no_answer_margin"])
    if not inputs[0].offsets:
        assert (found["predicted"], found["start"]) == ("", None)
