import pytest

from twinlm.data.labels.examples import Example
from twinlm.doctor.checks.labels import alike_names, check_labels


def examples_of(golds, split="train"):
    return [
        Example(f"{split}.csv row {row}", (f"text {split} {row}",), gold) for row, gold in enumerate(golds, 1)
    ]


def messages(checked):
    return [finding.message for finding in checked.findings]


def test_a_good_task_has_nothing_to_say():
    sets = {"train": examples_of(["a", "b"] * 20), "test": examples_of(["a", "b"] * 5, "test")}
    checked = check_labels("task t", sets)
    assert checked.findings == ()
    assert checked.facts["labels in train"] == {"a": 20, "b": 20}
    assert checked.facts["examples"] == {"train": 40, "test": 10}
    assert checked.facts["words an example"]["most"] == 3


@pytest.mark.parametrize(
    ("train", "test", "wanted"),
    [
        (["a", "b"] * 10 + ["c"] * 9, ["a", "b", "c"], "fewer than 10 training labels of 'c' (9)"),
        (["a", "b"] * 20, ["a", "a"], "test has no example of 'b'"),
        (["a", "b"] * 20, ["a", "b", "x"], "train has no example of 'x'"),
        (["a"] * 95 + ["b"] * 5 + ["b"] * 5, ["a", "b"], "90.5 % of the labels of train are 'a'"),
        (["yes", "Yes"] * 20, ["yes", "Yes"], "'Yes' (21), 'yes' (21) may be one and the same"),
    ],
)
def test_planted_faults_of_classes_are_found(train, test, wanted):
    checked = check_labels("task t", {"train": examples_of(train), "test": examples_of(test, "test")})
    assert wanted in messages(checked)
    assert {finding.level for finding in checked.findings} == {"warning"}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "A ", "b"], [("a", "A ")]),
        (
            ["sci_tech", "Sci-Tech", "sci tech", "SciTech", "sport"],
            [("sci_tech", "Sci-Tech", "sci tech", "SciTech")],
        ),
        (["1", "1.0", "01", "2"], [("1", "1.0", "01")]),
        (["good.", "good"], [("good.", "good")]),
        (["--", "__", "+"], []),
        (["nan", "inf", "a"], []),
    ],
)
def test_names_that_may_be_one(names, wanted):
    assert alike_names(names) == wanted


def test_tags_are_counted_each():
    examples = [Example(f"t row {row}", ("a", f"b{row}"), ["N", "V" if row else "X"]) for row in range(30)]
    checked = check_labels("task t", {"train": examples})
    assert checked.facts["tags in train"] == {"N": 30, "V": 29, "X": 1}
    assert messages(checked) == ["fewer than 10 training tags of 'X' (1)"]


@pytest.mark.parametrize("stray", ["0", "o", "odd"])
@pytest.mark.parametrize("place", ["train", "test"])
def test_a_stray_tag_is_no_class_that_a_split_lacks_or_has_too_rarely(stray, place):
    sets = {
        split: [Example(f"{split} row {row}", ("a", str(row), split), ["B-X", "O", "O"]) for row in range(30)]
        for split in ("train", "test")
    }
    sets[place].append(Example("row 30", ("b", place, "c"), ["B-X", stray, "O"]))
    checked = check_labels("task t", sets)
    assert checked.findings == ()
    assert checked.facts[f"tags in {place}"][stray] == 1


def test_most_words_may_be_outside_of_entities():
    examples = [
        Example(f"t row {row}", (*"abcdefghijklm", str(row)), [*"OOOOOOOOOOOOO", "B-X"]) for row in range(30)
    ]
    assert check_labels("task t", {"train": examples}).findings == ()


def test_scores_far_from_the_others_and_of_another_scale_are_found():
    train = [float(row % 6) for row in range(60)] + [-999.0]
    test = [2.0, 4.0, 100.0]
    checked = check_labels("task t", {"train": examples_of(train), "test": examples_of(test, "test")})
    assert messages(checked) == [
        "1 scores of train are far from the others (half are from 1 to 4): -999",
        "1 scores of test are far from the others (half are from 1 to 4): 100",
        "1 scores of test are outside the range of train: 100",
    ]
    assert checked.facts["scores in test"] == {"least": 2.0, "median": 4.0, "most": 100.0, "different": 3}


def test_good_scores_are_fine():
    train = [float(row % 6) for row in range(60)]
    assert (
        check_labels(
            "task t", {"train": examples_of(train), "test": examples_of([0.0, 5.0], "test")}
        ).findings
        == ()
    )


def test_the_right_choice_always_at_one_place_is_a_warning():
    (finding,) = check_labels("task t", {"train": examples_of([0] * 30)}).findings
    assert finding.message == "in 100.0 % of the examples of train choice 0 is the right one"
    checked = check_labels("task t", {"train": examples_of([0, 1] * 30)})
    assert checked.findings == ()
    assert checked.facts["right choices in train"] == {"0": 30, "1": 30}


def test_questions_without_an_answer_are_a_share():
    golds = [[{"text": "x", "start": 0}], []]
    assert check_labels("task t", {"train": examples_of(golds)}).facts["share without an answer"] == {
        "train": 0.5
    }


def test_one_text_with_two_answers_is_found_within_and_across_splits():
    sets = {"train": examples_of(["a", "b"] * 20), "test": examples_of(["a", "b"], "test")}
    sets["train"][1] = Example("train.csv row 2", ("TEXT  train 1",), "b")
    sets["test"][0] = Example("test.csv row 1", ("text train 4",), "a")
    (finding,) = check_labels("task t", sets).findings
    assert finding.level == "warning"
    assert finding.message == "2 of 40 different texts have different answers (5.00 %)"
    assert finding.examples == (
        '\'text train 1\': "a" (train.csv row 1), "b" (train.csv row 2)',
        '\'text train 4\': "b" (train.csv row 4), "a" (test.csv row 1)',
    )
