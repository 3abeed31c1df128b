"""Entities in tags against seqeval, the CoNLL script in Python."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval import metrics as theirs
from seqeval.metrics.sequence_labeling import get_entities

from twinlm.tasks import entities as ours

TAGS = ["O", *(f"{place}-{kind}" for place in "BIES" for kind in ("PER", "LOC"))]
SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
)


def columns(sentences) -> list[list[list[str]]]:
    return [[[pair[side] for pair in row] for row in sentences] for side in (0, 1)]


@given(st.lists(st.sampled_from(TAGS), min_size=1, max_size=12))
def test_entities_are_those_of_seqeval(tags):
    assert ours.entities(tags) == {(first, last + 1, kind) for kind, first, last in get_entities(tags)}


@given(SENTENCES)
def test_f1_precision_and_recall_are_those_of_seqeval(sentences):
    golds, predicted = columns(sentences)
    if not ours.has_entities(golds):
        assert all(tag == "O" for row in golds for tag in row)
        return
    found = ours.of_tags(golds, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found.figures == pytest.approx(
            {
                "entity F1": theirs.f1_score(golds, predicted),
                "precision": theirs.precision_score(golds, predicted),
                "recall": theirs.recall_score(golds, predicted),
                "word accuracy": theirs.accuracy_score(golds, predicted),
            }
        )
        report = theirs.classification_report(golds, predicted, output_dict=True, zero_division=0)
    kinds = {kind for row in golds for kind, _, _ in get_entities(row)}
    wanted = {kind: report[kind]["f1-score"] for kind in kinds}
    assert ours.f1_by_type(golds, predicted) == pytest.approx(wanted)


@given(SENTENCES)
def test_the_values_are_those_of_leaving_each_sentence_out_slowly(sentences):
    golds, predicted = columns([[("B-PER", "B-PER"), ("O", "O")], *sentences])
    found, count = ours.of_tags(golds, predicted), len(golds)
    left_out_E = np.array(
        [
            f1_by_sets(golds[:place] + golds[place + 1 :], predicted[:place] + predicted[place + 1 :])
            for place in range(count)
        ]
    )
    pseudo_E = count * found.main - (count - 1) * left_out_E
    assert found.values_E == pytest.approx(pseudo_E - pseudo_E.mean() + found.main, abs=1e-9)
    assert found.values_E.mean() == pytest.approx(found.main)
    assert found.main == pytest.approx(f1_by_sets(golds, predicted))


def f1_by_sets(golds, predicted) -> float:
    """The definition: 2 * found rightly / (there + found)."""
    gold, given = (
        {(number, *item) for number, row in enumerate(rows) for item in get_entities(row)}
        for rows in (golds, predicted)
    )
    return 2 * len(gold & given) / max(1, len(gold) + len(given))


def test_tags_of_no_entities_are_measured_by_words():
    golds, predicted = [["DET", "NOUN"], ["VERB", "DET", "NOUN"]], [["DET", "VERB"], ["VERB", "DET", "NOUN"]]
    found = ours.of_tags(golds, predicted)
    assert found.figures == pytest.approx({"word accuracy": 4 / 5, "macro F1": (1 + 2 / 3 + 2 / 3) / 3})
    # Without the first sentence 3 of 3 words are right, without the second 1 of 2.
    assert found.values_E == pytest.approx(0.8 + np.array([0.75 - 1, 0.75 - 0.5]))
    assert ours.f1_by_type(golds, predicted) == pytest.approx({"DET": 1, "NOUN": 2 / 3, "VERB": 2 / 3})


@pytest.mark.parametrize(
    ("rows", "has"),
    [
        ([["O", "B-PER"]], True),
        ([["B-PER"], ["I-PER"]], True),
        ([["O"], ["S-X-Y"]], True),
        ([["O"], ["O", "O"]], False),
        ([["O", "NOUN"]], False),
        ([["O", "B-"]], False),
        ([["O", "L-PER", "U-PER"]], True),
    ],
)
def test_tags_speak_of_entities_if_all_of_them_are_o_or_have_a_place_and_a_type(rows, has):
    assert ours.has_entities(rows) is has


@given(SENTENCES)
def test_bilou_is_measured_as_the_same_entities_in_bies(sentences):
    golds, predicted = columns([[("S-PER", "S-PER"), ("O", "O")], *sentences])
    letters = str.maketrans("ES", "LU")
    bilou = [
        [[tag[0].translate(letters) + tag[1:] for tag in row] for row in rows] for rows in (golds, predicted)
    ]
    assert ours.of_tags(*bilou).figures == ours.of_tags(golds, predicted).figures
    assert ours.f1_by_type(*bilou) == ours.f1_by_type(golds, predicted)


def test_a_predicted_tag_of_no_entity_counts_as_o():
    found = ours.of_tags([["B-PER", "O"]], [["B-PER", "NOUN"]])
    assert (found.main, found.figures["word accuracy"]) == (1, 0.5)
