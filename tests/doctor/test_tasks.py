import json
from pathlib import Path

import pytest

from twinlm.data.labels.examples import Example
from twinlm.data.labels.forms import CLASSIFICATION, SIMILARITY, SPAN_QA, TAGGING
from twinlm.doctor.tasks import (
    check_order,
    check_task,
    check_task_splits,
    check_task_tokens,
    held_out_texts,
    read_task,
)
from twinlm.settings import TaskSettings, presets
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

ROWS = [
    f"text number {number} is about {'food' if number % 2 else 'pets'},{number % 2}" for number in range(60)
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, rows, header="text,label"):
    Path(name).write_text("\n".join([header, *rows]) + "\n")


def findings_of(given):
    return [
        finding for _, checked in check_task(read_task(given, 0), Silent()) for finding in checked.findings
    ]


def test_a_good_task_has_nothing_to_say():
    write("a.csv", [f"words of {number * 7919 % 1000},{number % 2}" for number in range(60)])
    given = TaskSettings(name="t", train="a.csv")
    read = read_task(given, 0)
    assert read.task is not None
    assert findings_of(given) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*ROWS, ",1"], "a.csv:62: the field 'text' is empty"),
        ([row.rpartition(",")[0] + ",1" for row in ROWS], "all 48 training examples have the label '1'"),
        (["one text,1"], "example is left"),
    ],
)
def test_what_a_run_would_stop_at_is_a_problem(rows, words):
    write("a.csv", rows)
    problem = findings_of(TaskSettings(name="t", train="a.csv"))[0]
    assert (problem.level, problem.where, problem.why) == ("problem", "task t", "the run would stop here")
    assert words in problem.message


def test_a_test_split_that_measures_nothing_is_a_problem():
    write("a.csv", [f"{number},a,{number}" for number in range(60)], "text,text_b,score")
    write("b.csv", [f"{number},b,3" for number in range(60)], "text,text_b,score")
    problem = findings_of(TaskSettings(name="t", kind="similarity", train="a.csv", test="b.csv"))[0]
    assert (problem.level, problem.why) == ("problem", "the run would stop here")
    assert "can't be measured on its 60 test examples: all have the score 3.0" in problem.message


def test_a_task_without_a_file_is_a_problem():
    (problem,) = findings_of(TaskSettings(name="t"))
    assert problem.message == "there is no file to train on"


def test_bytes_of_another_encoding_are_counted_and_the_labels_still_looked_at():
    write("a.csv", ROWS)
    Path("a.csv").write_bytes(Path("a.csv").read_bytes() + b"caf\xe9 here,Food\n")
    findings = findings_of(TaskSettings(name="t", train="a.csv"))
    assert findings[0].message == "1 lines hold bytes that are not UTF-8"
    assert any("fewer than 10 training labels of 'Food' (1)" in finding.message for finding in findings)


def test_a_label_that_training_lacks_is_a_problem():
    write("a.csv", ROWS)
    write("b.csv", ["something new,2"])
    problem = findings_of(TaskSettings(name="t", train="a.csv", test="b.csv"))[0]
    assert problem.level == "problem"
    assert "has a label that no training example has: '2'" in problem.message


def test_held_out_texts_are_those_of_the_run_or_of_the_files_if_there_is_no_run():
    write("a.csv", ROWS)
    write("b.csv", ["The same. ,0", "the  SAME.,0", "Other.,2"])
    good = read_task(TaskSettings(name="t", train="a.csv"), 0)
    assert good.task is not None
    held_out = {target.text for target in held_out_texts(good)}
    assert held_out == {example.texts[0] for example in (*good.task.valid, *good.task.test)}
    bad = read_task(TaskSettings(name="t", train="a.csv", test="b.csv"), 0)
    assert [target.source for target in held_out_texts(bad)] == ["b.csv row 2", "b.csv row 3"]


def test_inputs_that_are_cut_are_counted_as_fine_tuning_makes_them():
    words = ["word " * (40 if number % 4 == 0 else 5) for number in range(80)]
    write("a.csv", [f"{some}{number},{number % 2}" for number, some in enumerate(words)])
    settings = presets.resolve(
        None, {"finetune.max_length": "16"}, base={"task": [{"name": "t", "train": "a.csv"}]}
    )
    read = read_task(settings.task[0], 0)
    tokenizer = train_tokenizer(
        ["word " * 50], algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    parts = list(check_task_tokens(read, {"gpt": tokenizer, "bert": tokenizer}, settings))
    assert [path for path, _ in parts] == [
        ("tasks", "t", "tokens", "byte-bpe"),
        ("tasks", "t", "inputs", "GPT"),
        ("tasks", "t", "inputs", "BERT"),
    ]
    facts = parts[1][1].facts
    cut = facts["counted"]["texts cut to the longest input"]
    assert (facts["longest allowed"], facts["tokens"]["most"]) == (16, 16)
    (finding,) = parts[1][1].findings
    share = cut / facts["examples"]
    assert share == pytest.approx(0.25, abs=0.1)
    assert (
        finding.message == f"{100 * share:.1f} % of the inputs of GPT are longer than 16 tokens and are cut"
    )


@pytest.mark.parametrize("kind", ["similarity", "choice"])
def test_the_share_of_cut_inputs_counts_sequences(kind):
    """An example of two orders, or of three choices, is several inputs: 100 % are cut, never 200."""
    text = "word " * 40
    rows = {
        "similarity": [{"text": f"{n} {text}", "text_b": f"{n}", "score": n % 5} for n in range(40)],
        "choice": [{"text": f"{n} {text}", "choices": ["a", "b", "c"], "label": n % 3} for n in range(40)],
    }[kind]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = {"task": [{"name": "t", "train": "a.jsonl", "kind": kind}]}
    settings = presets.resolve(None, {"finetune.max_length": "16"}, base=base)
    tokenizer = train_tokenizer(
        ["word " * 50], algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    read = read_task(settings.task[0], 0)
    for path, checked in check_task_tokens(read, {"gpt": tokenizer, "bert": tokenizer}, settings):
        if "inputs" in path:
            assert checked.findings[0].message.startswith(f"100.0 % of the inputs of {path[-1]}")


def test_without_a_tokenizer_or_a_usable_task_nothing_is_made():
    write("a.csv", ROWS)
    settings = presets.resolve(None, {}, base={"task": [{"name": "t", "train": "a.csv"}]})
    assert list(check_task_tokens(read_task(settings.task[0], 0), {}, settings)) == []


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
        "2 of 3 different texts of test are also in train (66.7 %), 1 of them with"
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


@pytest.mark.parametrize(("answer", "other"), [("Ada", 0), ("Ben", 1)])
def test_the_line_ends_of_a_context_do_not_hide_another_answer(answer, other):
    def row(number, end, name):
        context = f"Number {number}.{end}Ada and Ben."
        answers = [{"text": name, "answer_start": context.index(name)}]
        return json.dumps({"question": "Who?", "context": context, "answers": answers})

    Path("a.jsonl").write_text("\n".join(row(number, "\n", "Ada") for number in range(40)))
    Path("b.jsonl").write_text(row(3, "\r\n", answer))
    given = TaskSettings(name="t", kind="span_qa", train="a.jsonl", test="b.jsonl")
    message = next(f.message for f in findings_of(given) if "are also in" in f.message)
    assert f"1 of 1 different texts of test are also in train (100.0 %), {other} of them" in message


def test_different_texts_are_fine():
    sets = {"train": examples_of("train", ("One.", "a")), "test": examples_of("test", ("Two.", "a"))}
    assert check_task_splits("task t", sets, CLASSIFICATION, Silent()).findings == ()


def test_pairs_in_another_order_across_splits_are_found_at_any_length():
    sets = {
        "train": examples_of("train", ("a", "b", "x"), ("c", "d", "y"), ("e", "e", "y")),
        "test": examples_of("test", ("B", "a", "x"), ("c", "d", "y"), ("f", "c", "x")),
    }
    checked = check_order("task t", sets, CLASSIFICATION)
    assert checked.facts == {"test examples that stand in train in another order": 1}
    (finding,) = checked.findings
    assert finding.message == "1 of 3 different texts of test are also in train in another order (33.3 %)"
    assert finding.examples == ("test.csv row 1 is train.csv row 1 'B a'",)


def test_pairs_in_another_order_are_found_in_what_the_run_splits_off():
    rows = [f"left {n},right {n},{n % 2}\nright {n},left {n},{n % 2}" for n in range(40)]
    Path("pairs.csv").write_text("text,text_b,label\n" + "\n".join(rows) + "\n")
    settings = TaskSettings(name="t", train="pairs.csv", text_b_field="text_b")
    parts = dict(check_task(read_task(settings, 1), Silent()))
    assert sum(parts["order",].facts.values()) > 5
    assert "in another order" in parts["order",].findings[0].message


def test_words_in_another_order_and_questions_on_one_context_are_no_such_pairs():
    tagged = {
        "train": examples_of("train", ("dogs", "bite", ["O", "O"])),
        "test": examples_of("test", ("bite", "dogs", ["O", "O"])),
    }
    assert check_order("task t", tagged, TAGGING).findings == ()
    asked = {
        "train": examples_of("train", ("Who?", "A context.", [])),
        "test": examples_of("test", ("What?", "A context.", [])),
    }
    assert check_order("task t", asked, SPAN_QA).findings == ()


def test_joined_texts_that_are_equal_are_no_common_texts():
    sets = {
        "train": examples_of("train", ("New York 3", "is big", "x")),
        "test": examples_of("test", ("New", "York 3 is big", "y")),
    }
    assert (
        check_task_splits("task t", sets, CLASSIFICATION, Silent()).facts["test texts that stand in train"]
        == 0
    )
