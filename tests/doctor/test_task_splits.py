from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CLASSIFICATION, SIMILARITY, SPAN_QA
from twinlm.doctor.task_splits import check_task_splits
from twinlm.system.log import Silent


def examples_of(split, *pairs):
    return [Example(f"{split}.csv row {row}", (*texts,), gold) for row, (*texts, gold) in enumerate(pairs, 1)]


def test_texts_in_two_files_are_found_with_the_same_answer_or_another():
    sets = {
        "train": examples_of("train", ("One.", "a"), ("Two.", "b"), ("two.", "b"), ("Three.", "a")),
        "test": examples_of("test", ("Two.", "a"), ("ONE.", "a"), ("Four.", "b")),
    }
    checked = check_task_splits("task t", sets, CLASSIFICATION, Silent())
    assert checked.facts["train examples with a text of another"] == 1
    assert checked.facts["test texts that stand in train"] == 2
    (finding,) = checked.findings
    assert finding.level == "warning"
    assert finding.message.startswith(
        "2 of 3 different texts of test also stand in train (66.7%), 1 of them with"
    )
    assert finding.examples[0] == "test.csv row 1 is train.csv row 2 'Two.'"
    assert finding.hint.endswith("the run takes them out of train")


def test_near_copies_across_files_are_found():
    long = "a film about a man who lost his dog in the snow and found another one"
    sets = {
        "train": examples_of(
            "train", (f"{long} there", "a"), ("Nothing alike here at all, you see, my dear.", "b")
        ),
        "test": examples_of("test", (long, "a")),
    }
    checked = check_task_splits("task t", sets, CLASSIFICATION, Silent())
    (finding,) = checked.findings
    assert "1 of 3 texts are near duplicates of others across splits" in finding.message
    assert finding.examples[0].startswith("train.csv row 1 is ")


def test_a_pair_in_the_other_order_is_the_same_pair():
    sets = {
        "train": examples_of("train", ("a b", "c d", 1.0)),
        "test": examples_of("test", ("c d", "a b", 1.0)),
    }
    assert (
        check_task_splits("task t", sets, SIMILARITY, Silent()).facts["test texts that stand in train"] == 1
    )


def test_another_question_on_the_same_context_is_no_other_answer():
    sets = {
        "train": examples_of("train", ("Who?", "A context.", [{"text": "A", "start": 0}])),
        "test": examples_of("test", ("What?", "A context.", [{"text": "context", "start": 2}])),
    }
    (finding,) = check_task_splits("task t", sets, SPAN_QA, Silent()).findings
    assert "0 of them with another answer" in finding.message


def test_different_texts_are_fine():
    sets = {"train": examples_of("train", ("One.", "a")), "test": examples_of("test", ("Two.", "a"))}
    assert check_task_splits("task t", sets, CLASSIFICATION, Silent()).findings == ()
