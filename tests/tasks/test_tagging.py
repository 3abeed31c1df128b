"""Tags of words: read from one token of each, and no word without one, however long the sentence."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinlm.batch import IGNORE
from twinlm.data.labels.examples import Example
from twinlm.tasks.tagging import KIND, PIECES, decisions

LABELS = ("B-PER", "I-PER", "O")
WORDS = st.sampled_from(["Ada", "moved", "café", "🙂", "unbelievable", ".", "1,234", "naïvely", "to"])
SENTENCES = st.lists(
    st.lists(st.tuples(WORDS, st.sampled_from(LABELS)), min_size=1, max_size=14), min_size=1, max_size=3
)


def examples(sentences) -> list[Example]:
    return [
        Example(f"test-{number}", tuple(word for word, _ in row), [tag for _, tag in row])
        for number, row in enumerate(sentences)
    ]


def perfect(inputs) -> list[np.ndarray]:
    """Scores that say exactly what the targets say, and nonsense elsewhere."""
    scores = []
    for read in inputs:
        scores_LC = np.zeros((len(read.target), len(LABELS)), np.float32)
        for place, label in enumerate(read.target):
            scores_LC[place, label if label != IGNORE else 1] = 5
        scores.append(scores_LC)
    return scores


def test_a_words_tag_stands_at_its_first_token_or_its_last(reader, config_for, enclosed):
    row = [("Ada", "B-PER"), ("unbelievable", "O"), ("moved", "O")]
    config = config_for("tagging", labels=LABELS)
    (read,) = KIND.inputs(examples([row]), reader, config, Counter())
    (words,) = reader.tokenizer.encode_words([[word for word, _ in row]])
    assert len(words[1]) > 1
    assert read.sequences[0].tokens == enclosed(reader, [token for word in words for token in word])
    wanted = [IGNORE]
    for word, (_, tag) in zip(words, row, strict=True):
        marked = [IGNORE] * len(word)
        marked[-1 if reader.labels_last_piece else 0] = LABELS.index(tag)
        wanted += marked
    assert read.target == [*wanted, IGNORE]


@given(SENTENCES, st.integers(8, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_word_loses_its_tag_and_every_input_fits(reader, config_for, sentences, max_length):
    counts: Counter[str] = Counter()
    rows = examples(sentences)
    config = config_for("tagging", labels=LABELS, max_length=max_length)
    inputs = KIND.inputs(rows, reader, config, counts)
    assert all(read.length <= max_length for read in inputs)
    assert [read.example for read in inputs] == sorted(read.example for read in inputs)
    read_of = Counter(read.example for read in inputs)
    assert counts[PIECES] == sum(pieces > 1 for pieces in read_of.values())
    found = KIND.answers(rows, inputs, perfect(inputs), config)
    assert [answer["predicted"] for answer in found] == [row.gold for row in rows]
    labelled = sum(label != IGNORE for read in inputs for label in read.target)
    assert labelled == sum(len(row.texts) for row in rows)


def test_words_stay_whole_where_a_sentence_is_read_in_pieces(reader, config_for):
    words = ["Ada", "moved", "café", "unbelievable"] * 4
    config = config_for("tagging", labels=LABELS, max_length=24)
    row = Example("test-1", tuple(words), ["O"] * len(words))
    inputs = KIND.inputs([row], reader, config, Counter())
    (encoded,) = reader.tokenizer.encode_words([words])
    special = set(reader.tokenizer.specials.ids)
    read = [[token for token in given.sequences[0].tokens if token not in special] for given in inputs]
    assert [token for piece in read for token in piece] == [token for word in encoded for token in word]
    ends = np.cumsum([len(word) for word in encoded]).tolist()
    assert len(read) > 1
    assert set(np.cumsum([len(piece) for piece in read]).tolist()) <= set(ends)


def test_a_word_longer_than_the_input_is_cut_and_tagged(reader, config_for):
    row = Example("test-1", ("a", "unbelievable" * 9, "b"), ["O", "B-PER", "I-PER"])
    config = config_for("tagging", labels=LABELS, max_length=10)
    inputs = KIND.inputs([row], reader, config, Counter())
    (answer,) = KIND.answers([row], inputs, perfect(inputs), config)
    assert answer["predicted"] == row.gold


def test_a_word_without_a_token_has_a_tag_and_teaches_none(reader, config_for):
    words = ["\u200b", "Ada", "\u200b"]
    (encoded,) = reader.tokenizer.encode_words([words])
    config = config_for("tagging", labels=LABELS)
    row = Example("test-1", tuple(words), ["B-PER", "B-PER", "B-PER"])
    inputs = KIND.inputs([row], reader, config, Counter())
    (answer,) = KIND.answers([row], inputs, perfect(inputs), config)
    assert len(answer["predicted"]) == 3
    assert sum(label != IGNORE for label in inputs[0].target) == sum(map(bool, encoded))


def test_an_unknown_tag_and_an_unlabelled_sentence_teach_nothing(reader, config_for):
    config = config_for("tagging", labels=LABELS)
    rows = [Example("test-1", ("Ada", "ran"), ["B-ORG", "O"]), Example("test-2", ("Ada",), None)]
    inputs = KIND.inputs(rows, reader, config, Counter())
    taught = [[label for label in read.target if label != IGNORE] for read in inputs]
    assert taught == [[LABELS.index("O")], []]


def test_a_batch_pads_with_what_counts_for_nothing(reader, config_for):
    config = config_for("tagging", labels=LABELS)
    rows = examples([[("Ada", "O")], [("Ada", "B-PER"), ("moved", "O"), ("to", "O")]])
    inputs = KIND.inputs(rows, reader, config, Counter())
    batch = KIND.collate(inputs, reader.tokenizer.specials.pad)
    assert batch.labels_BL.shape == batch.tokens_BL.shape
    assert (batch.labels_BL[~batch.real_BL] == IGNORE).all()
    assert [len(read.target) for read in inputs] == batch.real_BL.sum(1).tolist()


@pytest.mark.parametrize("places", [slice(None), slice(0, 1)])
def test_the_answer_is_the_best_tag_of_each_word(reader, config_for, places):
    config = config_for("tagging", labels=LABELS)
    row = examples([[("Ada", "B-PER"), ("moved", "O"), ("to", "O")][places]])
    inputs = KIND.inputs(row, reader, config, Counter())
    scores_LC = np.random.default_rng(0).normal(size=(inputs[0].length, 3)).astype(np.float32)
    (answer,) = KIND.answers(row, inputs, [scores_LC], config)
    wanted = [LABELS[int(scores_LC[place].argmax())] for place in inputs[0].places]
    assert answer["predicted"] == wanted


@pytest.mark.parametrize(
    ("scheme", "gold", "said", "rights", "groups"),
    [
        (
            "entities",
            ["U-LOC", "O", "B-PER", "L-PER", "0"],
            ["B-LOC", "O", "B-PER", "E-PER", "O"],
            [True] * 5,
            ["B-LOC", "O", "B-PER", "I-PER", "O"],
        ),
        ("entities", ["O", "B-PER", "I-PER"], ["O", "I-PER", "B-PER"], [True, True, False], None),
        ("runs", ["PER", "0", "PER"], ["PER", "O", "PER"], [True] * 3, ["B-PER", "O", "B-PER"]),
        ("words", ["B-LOC", "NOUN"], ["S-LOC", "NOUN"], [False, True], ["B-LOC", "NOUN"]),
        ("", ["U-LOC", "O"], ["B-LOC", "O"], [False, True], ["U-LOC", "O"]),  # of an earlier version
    ],
)
def test_a_tag_is_right_if_it_means_what_the_true_one_means(scheme, gold, said, rights, groups):
    """In calibration, disagreement and examples as in entity F1 and word accuracy."""
    chances = [{tag: 0.75} for tag in said]
    (row,) = decisions([gold], [{"predicted": said, "probabilities": chances}], scheme)
    assert [one.is_right for one in row] == rights
    assert [(one.gold, one.answer, one.confidence) for one in row] == [
        (a, b, 0.75) for a, b in zip(gold, said, strict=True)
    ]
    assert groups is None or [one.group for one in row] == groups
    if scheme:
        measured = KIND.measure([gold], [said], scheme)
        assert measured.figures["word accuracy"] == pytest.approx(sum(rights) / len(rights))
