"""Entities in tags against seqeval, the CoNLL script in Python."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval import metrics as theirs
from seqeval.metrics.sequence_labeling import get_entities

from twinlm.data.labels.tags import ENTITIES, RUNS, WORDS
from twinlm.tasks import entities as ours
from twinlm.tasks.table import TASKS

KIND = TASKS["tagging"]

TAGS = ["O", *(f"{place}-{kind}" for place in "BIES" for kind in ("PER", "LOC"))]
SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
)


def columns(sentences) -> list[list[list[str]]]:
    return [[[pair[side] for pair in row] for row in sentences] for side in (0, 1)]


def in_bio(rows):
    """Return rows of tags as BIO, by seqeval's entities."""
    written = []
    for row in rows:
        tags = ["O"] * len(row)
        for kind, first, last in get_entities(row):
            tags[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first)]
        written.append(tags)
    return written


@pytest.mark.parametrize(
    ("gold", "said", "right"),
    [
        ("U-LOC O B-PER L-PER", "B-LOC O B-PER I-PER", 4),  # BILOU by a model of BIO
        ("B-LOC O B-PER I-PER", "S-LOC O B-PER E-PER", 4),  # and BIO by one of BIOES
        ("B-PER M-PER E-PER O", "B-PER I-PER L-PER O", 4),
        ("I-PER I-PER O O", "B-PER I-PER 0 O", 4),  # of CoNLL-2003 as first published; a stray tag
        ("B-PER B-PER O O", "B-PER I-PER O O", 3),
        ("U-LOC O O O", "U-PER O B-LOC O", 2),
    ],
)
def test_word_accuracy_beside_entity_f1_compares_what_tags_mean(gold, said, right):
    found = KIND.measure([gold.split()], [said.split()], ENTITIES)
    assert found.figures["word accuracy"] == right / 4
    assert (found.main == 1) is (right == 4)


@given(st.lists(st.sampled_from(TAGS), min_size=1, max_size=12))
def test_entities_are_those_of_seqeval(tags):
    assert ours.entities(tags) == {(first, last + 1, kind) for kind, first, last in get_entities(tags)}


@given(SENTENCES)
def test_f1_precision_and_recall_are_those_of_seqeval(sentences):
    golds, predicted = columns(sentences)
    found = KIND.measure(golds, predicted, ENTITIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found.figures == pytest.approx(
            {
                "entity F1": theirs.f1_score(golds, predicted),
                "precision": theirs.precision_score(golds, predicted),
                "recall": theirs.recall_score(golds, predicted),
                "word accuracy": theirs.accuracy_score(*map(in_bio, (golds, predicted))),
            }
        )
        report = theirs.classification_report(golds, predicted, output_dict=True, zero_division=0)
    kinds = {kind for row in golds for kind, _, _ in get_entities(row)}
    wanted = {kind: report[kind]["f1-score"] for kind in kinds}
    assert KIND.metrics[ENTITIES].by_class(golds, predicted) == pytest.approx(wanted)


@given(SENTENCES)
def test_the_values_are_those_of_leaving_each_sentence_out_slowly(sentences):
    golds, predicted = columns([[("B-PER", "B-PER"), ("O", "O")], *sentences])
    found, count = KIND.measure(golds, predicted, ENTITIES), len(golds)
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
    found = KIND.measure(golds, predicted, WORDS)
    assert found.figures == pytest.approx({"word accuracy": 4 / 5, "macro F1": (1 + 2 / 3 + 2 / 3) / 3})
    # Without the first sentence 3 of 3 words are right, without the second 1 of 2.
    assert found.values_E == pytest.approx(0.8 + np.array([0.75 - 1, 0.75 - 0.5]))
    assert KIND.metrics[WORDS].by_class(golds, predicted) == pytest.approx(
        {"DET": 1, "NOUN": 2 / 3, "VERB": 2 / 3}
    )


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
def test_for_earlier_versions_tags_meant_entities_if_all_were_o_or_had_a_place_and_a_type(rows, has):
    assert ours.has_entities(rows) is has


@pytest.mark.parametrize(("bioes", "theirs"), [("ES", "LU"), ("I", "M")], ids=["BILOU", "BMES"])
@given(SENTENCES)
def test_other_letters_mark_the_same_entities(bioes, theirs, sentences):
    golds, predicted = columns([[("S-PER", "S-PER"), ("O", "O")], *sentences])
    letters = str.maketrans(bioes, theirs)
    spelled = [
        [[tag[0].translate(letters) + tag[1:] for tag in row] for row in rows] for rows in (golds, predicted)
    ]
    assert KIND.measure(*spelled, ENTITIES).figures == KIND.measure(golds, predicted, ENTITIES).figures
    by_class = KIND.metrics[ENTITIES].by_class
    assert by_class(*spelled) == by_class(golds, predicted)


@given(SENTENCES)
def test_runs_of_one_tag_are_the_entities_of_inside_tags(sentences):
    golds, predicted = columns(
        [[(a[2:] or "O", b[2:] or "O") for a, b in sentence] for sentence in sentences]
    )
    inside = [
        [[f"I-{tag}" if tag != "O" else tag for tag in row] for row in rows] for rows in (golds, predicted)
    ]
    found, wanted = KIND.measure(golds, predicted, RUNS), KIND.measure(*inside, ENTITIES)
    assert found.figures == wanted.figures and (found.values_E == wanted.values_E).all()
    assert KIND.metrics[RUNS].by_class(golds, predicted) == KIND.metrics[ENTITIES].by_class(*inside)


@pytest.mark.parametrize("scheme", [ENTITIES, RUNS])
@pytest.mark.parametrize("side", [0, 1], ids=["gold", "predicted"])
def test_a_stray_tag_counts_as_o_and_leaves_the_figure(scheme, side):
    tag = {ENTITIES: "B-PER", RUNS: "PER"}[scheme]
    rows = [[[tag, "O", "O"]], [[tag, "O", "O"]]]
    rows[side][0][1] = "0"
    found = KIND.measure(*rows, scheme)
    assert (next(iter(found.figures)), found.main) == ("entity F1", 1)
    assert found.figures["word accuracy"] == 1


def test_a_few_prefixes_among_tags_without_keep_their_types():
    golds = [["PER", "PER", "O", "B-PER", "I-PER", "B-LOC", "M-LOC", "E-LOC", "O", "S", "S"]]
    by_class = KIND.metrics[RUNS].by_class(golds, [["PER", "PER", *["O"] * 7, "S", "S"]])
    assert by_class == {"LOC": 0, "PER": pytest.approx(2 / 3), "S": 1}  # a letter alone is a type


def test_tags_without_a_type_are_entities_of_one_type():
    golds, predicted = [["B", "I", "O", "B"]], [["B", "I", "O", "O"]]
    assert KIND.measure(golds, predicted, ENTITIES).main == pytest.approx(2 / 3)
    assert KIND.metrics[ENTITIES].by_class(golds, predicted) == {"entity": pytest.approx(2 / 3)}


def test_a_split_without_an_entity_keeps_the_figure_of_the_task():
    found = KIND.measure([["O", "O"]], [["O", "B-PER"]], ENTITIES)
    assert (next(iter(found.figures)), found.main) == ("entity F1", 0)


def test_answers_of_earlier_versions_are_measured_as_they_were():
    assert next(iter(KIND.measure([["B-PER", "0"]], [["B-PER", "O"]]).figures)) == "word accuracy"
    assert next(iter(KIND.measure([["B-PER", "O"]], [["B-PER", "NOUN"]]).figures)) == "entity F1"
