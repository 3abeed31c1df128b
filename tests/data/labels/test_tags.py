"""What tags mean, from all of a task's splits."""

from collections import Counter

import pytest

from twinlm.data.labels import tags
from twinlm.data.labels.forms import SIMILARITY, TAGGING
from twinlm.data.labels.labelled import read_labelled
from twinlm.data.labels.task import build_task

PERSON = [["B-PER", "O", "O"]]


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        (PERSON, tags.ENTITIES),
        ([["I-PER", "I-PER", "O"]], tags.ENTITIES),
        ([["U-PER", "O"], ["B-ORG", "L-ORG"]], tags.ENTITIES),
        ([["B", "I", "O"]], tags.ENTITIES),
        ([["I", "I", "O"]], tags.ENTITIES),
        ([["B-PER", "I-PER", "0", "O"]], tags.ENTITIES),
        ([["B-PER", "I-PER", "0", "0", "0", "0"]], tags.ENTITIES),
        ([["B-ORG", *["M-ORG"] * 9, "E-ORG", *["O"] * 20]], tags.ENTITIES),
        ([["0", "1", "0", "0"]], tags.WORDS),
        ([["PER", "PER", "O", "O", "O"]], tags.RUNS),
        ([["PER", "0", "O", "O", "O"]], tags.RUNS),
        ([["DET", "NOUN"]], tags.WORDS),
        ([["DET", "NOUN", "O"]], tags.WORDS),  # "O" is a pronoun in some sets of parts of speech
        ([["S", "V", "N", "O", "O"]], tags.WORDS),
    ],
)
def test_most_words_say_what_tags_mean(rows, scheme):
    assert tags.scheme_of(rows) == scheme


@pytest.mark.parametrize(
    ("rows", "alike"),
    [
        ([["B_PER", "I_PER", "O", "O"]], ["B_PER", "I_PER"]),
        ([["PER-B", "PER-I", "O", "O", "O"]], ["PER-B", "PER-I"]),
        ([["b-per", "i-per", "o", "o"]], ["b-per", "i-per"]),
        ([["PER", "PER", "O", "O", "O"]], []),
        ([["DET", "NOUN", "SYM"]], []),
        (PERSON, []),
    ],
)
def test_tags_that_nearly_mark_entities_are_named(rows, alike):
    assert tags.lookalikes(tags.scheme_of(rows), sorted(set(rows[0]))) == alike


def conll(folder, name, rows):
    blocks = ["\n".join(f"{word}{number} {tag}" for word, tag in row) for number, row in enumerate(rows)]
    (folder / name).write_text("\n\n".join(blocks) + "\n")
    return read_labelled(folder / name, form=TAGGING, split=name.split(".")[0], counts=Counter())


def task_of(folder, valid, test):
    counts = Counter()
    rows = [[("Ada", "B-PER"), ("runs", "O")]] * 3
    train = conll(folder, "train.conll", rows)
    parts = [conll(folder, f"{name}.conll", rows) for name, rows in (("valid", valid), ("test", test))]
    task = build_task(
        "names", train, *parts, kind="tagging", form=TAGGING, valid_share=0.1, seed=0, counts=counts
    )
    return task, +counts


PLAIN = [[("Bob", "B-PER"), ("sits", "O")]]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_stray_tag_in_one_split_is_named_with_file_and_line_and_changes_no_figure(tmp_path, split):
    stray = [[("We", "O"), ("eat", "O")], [("Eve", "B-PER"), ("eats", "0"), ("it", "0")]]
    task, counts = task_of(tmp_path, **{"valid": PLAIN, "test": PLAIN, split: stray})
    assert task.scheme == tags.ENTITIES
    (message,) = [name for name in counts if "'0'" in name]
    assert message.endswith(f"(first: {tmp_path / split}.conll, line 5)") and counts[message] == 2


def test_validation_without_an_entity_is_counted(tmp_path):
    task, counts = task_of(tmp_path, valid=[[("we", "O"), ("go", "O")]], test=PLAIN)
    assert task.scheme == tags.ENTITIES
    assert (
        counts["validation examples that cannot choose an epoch: none has an entity, so every F1 is 0"] == 1
    )


def test_validation_of_one_score_is_counted(tmp_path):
    def pairs(split, *scores):
        rows = [f"{split} {number},other {number},{score}" for number, score in enumerate(scores)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,text_b,score", *rows]))
        return read_labelled(tmp_path / f"{split}.csv", form=SIMILARITY, split=split, counts=Counter())

    counts = Counter()
    sets = [pairs("train", 1, 2, 3), pairs("valid", 3, 3), pairs("test", 1, 2)]
    build_task("alike", *sets, kind="similarity", form=SIMILARITY, valid_share=0.1, seed=0, counts=counts)
    (message,) = +counts
    assert message.startswith("validation examples that cannot choose an epoch: all have the score 3.0")


def test_words_whose_tags_nearly_mark_entities_are_counted(tmp_path):
    sets = [
        conll(tmp_path, f"{split}.conll", [[(split, "B_PER"), ("runs", "o")]] * 2)
        for split in ("train", "valid", "test")
    ]
    counts = Counter()
    build_task("names", *sets, kind="tagging", form=TAGGING, valid_share=0.1, seed=0, counts=counts)
    ((what, number),) = (+counts).items()
    assert number == 6 and "looks like one of an entity but is not: 'B_PER' (for the F1 of entities" in what
