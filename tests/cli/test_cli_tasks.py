"""Commands that use fine-tuned models, on tiny ones with first weights: what they print, how they refuse."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.report.document import NOTHING
from twinlm.report.numbers import figure
from twinlm.settings import ModelSettings
from twinlm.system.log import Silent
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import TASKS
from twinlm.tokenizer import train_tokenizer
from twinlm.use.ask import answer, choose, similarity, tag

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]
CONSTANTS = {
    "classification": {"texts": 1.0},
    "similarity": {"mean": 2.0, "deviation": 0.5},
    "span_qa": {"threshold": 0.0},
    "pairs": {"texts": 2.0},
}


@pytest.fixture(scope="session")
def tuned(tmp_path_factory):
    """A folder with a model for each kind of task, such as gpt-tagging, and bert-pairs; and gpt, untuned."""
    folder = tmp_path_factory.mktemp("tuned")
    tokenizer = train_tokenizer(
        SENTENCES * 3, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    for name, family in FAMILIES.items():
        sizes = ModelSettings(layers=1, width=16, heads=2, max_length=32, dropout=0)
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated)
        for kind in (*TASKS, "pairs"):
            task = TaskConfig(
                kind=kind if kind in TASKS else "classification",
                labels=("cat", "dog"),
                max_length=24,
                dropout=0.0,
                constants=CONSTANTS.get(kind, {}),
            )
            head = TASKS[task.kind].build_head(task, 16)
            initialize(head, seed=2, is_truncated=False, deviation=0.5)
            made = Trained(
                family=family,
                model=model,
                tokenizer=tokenizer,
                task=task,
                tuned=FineTuned(model, head).eval(),
            )
            save_model(folder / f"{name}-{kind}", made)
    save_model(folder / "gpt", Trained(family=FAMILIES["gpt"], model=model_of(folder), tokenizer=tokenizer))
    return folder


def model_of(folder: Path):
    return load_model(folder / "gpt-tagging").model


def lines(outcome) -> list:
    assert (outcome.code, outcome.err) == (0, "")
    return [json.loads(line) for line in outcome.out.splitlines()]


@pytest.mark.parametrize("name", FAMILIES)
def test_each_word_is_printed_with_its_tag_and_a_blank_line_after_each_sentence(name, cli, feed, tuned):
    folder = tuned / f"{name}-tagging"
    words = [sentence.split() for sentence in SENTENCES]
    wanted = tag(load_model(folder), words)
    feed("\n".join(SENTENCES).encode())
    records = lines(cli("tag", folder, "-", "--json"))
    assert records == [{"tokens": row, "tags": tags} for row, tags in zip(words, wanted, strict=True)]
    shown = cli("tag", folder, *SENTENCES)
    blocks = shown.out.split("\n\n")
    assert (shown.code, blocks[-1]) == (0, "")
    assert [[line.split("\t") for line in block.split("\n")] for block in blocks[:-1]] == [
        [list(pair) for pair in zip(row, tags, strict=True)] for row, tags in zip(words, wanted, strict=True)
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_pairs_are_printed_with_their_number(name, cli, feed, tuned):
    folder = tuned / f"{name}-similarity"
    pairs = [(SENTENCES[0], SENTENCES[1]), (SENTENCES[1], SENTENCES[2])]
    wanted = similarity(load_model(folder), pairs)
    feed("\n".join("\t".join(pair) for pair in pairs).encode())
    records = lines(cli("similarity", folder, "-", "--json"))
    assert [(record["text"], record["text_b"]) for record in records] == pairs
    assert [record["score"] for record in records] == pytest.approx(wanted)
    shown = cli("similarity", folder, *pairs[0], *pairs[1]).out
    assert shown == "".join(f"{score:.3f}\t{a}\t{b}\n" for score, (a, b) in zip(wanted, pairs, strict=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_choices_are_printed_best_first(name, cli, tuned):
    folder, choices = tuned / f"{name}-choice", ["cat", "dog ran", "tea"]
    chances = choose(load_model(folder), "The red", choices)
    (record,) = lines(cli("choose", folder, "The red", *choices, "--json"))
    assert record["probabilities"] == chances
    assert record["predicted"] == max(range(3), key=chances.__getitem__)
    shown = [line.split("\t") for line in cli("choose", folder, "The red", *choices).out.splitlines()]
    ordered = sorted(zip(chances, choices, strict=True), key=lambda pair: -pair[0])
    assert shown == [[f"{chance:.3f}", choice] for chance, choice in ordered]


def test_of_equally_probable_choices_the_first_is_shown_first_and_predicted(cli, tuned, monkeypatch):
    monkeypatch.setattr("twinlm.use.ask.choose", lambda *texts, question: [0.25, 0.375, 0.375])
    asked = ["choose", tuned / "gpt-choice", "The", "c", "a", "b"]
    assert cli(*asked).out == "0.375\ta\n0.375\tb\n0.250\tc\n"
    assert cli(*asked, "--json").json["predicted"] == 1


@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_is_printed_or_an_empty_line(name, cli, feed, tuned):
    folder = tuned / f"{name}-span_qa"
    wanted = answer(load_model(folder), "Who ran?", SENTENCES[1])
    feed(SENTENCES[1].encode())
    assert cli("answer", folder, "Who ran?", "-").out == wanted["predicted"] + "\n"
    (record,) = lines(cli("answer", folder, "Who ran?", SENTENCES[1], "--json"))
    assert record == {"question": "Who ran?", **wanted}


def test_pairs_to_classify_are_two_arguments_or_a_line_with_a_tab(cli, feed, tuned):
    feed(b"one\ttwo\nthree\tfour\n")
    by_line = cli("classify", tuned / "bert-pairs", "-")
    assert by_line.out == cli("classify", tuned / "bert-pairs", "one", "two", "three", "four").out
    assert [line.split("\t")[2:] for line in by_line.out.splitlines()] == [["one", "two"], ["three", "four"]]


FILES = {
    "classification": ("x.csv", "text,label\nThe red cat,cat\nA big dog,dog\nThe dog,cat\n"),
    "similarity": ("x.csv", "text,text_b,score\ncat,dog,1\ncat,cat,3.5\ntea,milk,2\n"),
    "choice": ("x.jsonl", '{"text": "The", "choices": ["cat", "dog"], "label": 1}\n' * 3),
    "tagging": ("x.conll", "Ada\tcat\nran\tdog\n\nTea\tcat\n"),
    "span_qa": (
        "x.jsonl",
        '{"question": "Who?", "context": "A dog", "answers": [{"text": "dog", "answer_start": 2}]}\n'
        '{"question": "Where?", "context": "A dog\u2028ran", "answers": []}\n',
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("kind", TASKS)
def test_a_file_of_every_kind_is_answered_and_measured(kind, name, cli, tuned, tmp_path):
    file, text = FILES[kind]
    (tmp_path / file).write_text(text, encoding="utf-8")
    folder = tuned / f"{name}-{kind}"
    answered = cli("predict", folder, file, "--out", "a/answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a/answers.jsonl").read_bytes().split(b"\n")[:-1]]
    assert (answered.code, answered.out) == (0, "")
    assert f"a/answers.jsonl: {len(rows)} answers\n" in answered.err
    assert len(rows) == {"tagging": 2, "span_qa": 2}.get(kind, 3)
    assert [row["id"] for row in rows] == [f"x-{number}" for number in range(1, len(rows) + 1)]
    assert all("predicted" in row and "gold" not in row for row in rows)
    printed = cli("predict", folder, file)
    assert [json.loads(line) for line in printed.out.split("\n")[:-1]] == rows
    figures = cli("predict", folder, file, "--labelled", "--json").json
    assert figures.pop("examples") == len(rows)
    shown = dict(line.split("\t") for line in cli("predict", folder, file, "--labelled").out.splitlines())
    assert shown == {
        **{key: NOTHING if value is None else figure(value, key) for key, value in figures.items()},
        "examples": str(len(rows)),
    }
    labelled = cli("predict", folder, file, "--labelled", "--out", "b.jsonl")
    assert labelled.code == 0
    golds = [json.loads(line)["gold"] for line in (tmp_path / "b.jsonl").read_bytes().split(b"\n")[:-1]]
    predicted = [row["predicted"] for row in rows]
    measured = TASKS[kind].measure(golds, predicted)
    defined = {key: value for key, value in measured.figures.items() if key not in measured.undefined}
    assert defined == pytest.approx({key: value for key, value in figures.items() if value is not None})


def test_pairs_are_predicted_if_the_second_column_is_named(cli, tuned, tmp_path):
    (tmp_path / "x.csv").write_text("text,other\ncat,dog\n")
    assert len(lines_of(cli("predict", tuned / "gpt-pairs", "x.csv", "--text-b-field", "other"))) == 1


def lines_of(outcome) -> list[str]:
    assert outcome.code == 0
    return outcome.out.splitlines()


def test_a_dash_among_texts_is_a_text(cli, feed, tuned):
    feed(b"from elsewhere\n")
    outcome = cli("choose", tuned / "gpt-choice", "-", "door.", "river.", "--json")
    assert (asked := outcome.json)["text"] == "-"
    assert 'note: "-" is a text here, not standard input' in outcome.err
    assert len(asked["probabilities"]) == 2
    (record,) = lines(cli("choose", tuned / "bert-choice", "The", "-", "river.", "--json"))
    assert len(record["probabilities"]) == 2
    assert cli("answer", tuned / "bert-span_qa", "-", "A dog ran.", "--json").json["question"] == "-"
    classes = cli("classify", tuned / "gpt-classification", "-", "a cat").out.splitlines()
    assert [line.split("\t")[2] for line in classes] == ["-", "a cat"]
    words = cli("tag", tuned / "bert-tagging", "a - b", "-").out.split("\n\n")
    assert [block.split("\t")[0] for block in words[:2]] == ["a", "-"]
    (pair,) = lines(cli("similarity", tuned / "bert-similarity", "cat", "-", "--json"))
    assert pair["text_b"] == "-"


def test_two_dashes_end_the_options(cli, tuned):
    (record,) = lines(cli("classify", tuned / "gpt-classification", "--json", "--", "--json"))
    assert record["text"] == "--json"


@pytest.mark.parametrize("file", ["-", "/dev/stdin"])
@pytest.mark.parametrize("kind", ["classification", "tagging"])
def test_a_file_of_examples_is_not_standard_input(file, kind, cli, feed, tuned):
    feed(b"text\nThe red cat\n")
    refused = cli("predict", tuned / f"gpt-{kind}", file)
    assert (refused.code, refused.out) == (3, "")
    assert f"{file}: expected a file, not standard input; save it as a file" in refused.err


MISTAKES = {
    "classify": [
        (["gpt-classification", ""], 3, "item 1 has an empty text"),
        (["gpt-pairs", "a"], 3, "texts come in pairs here, but found 1"),
        (["gpt-tagging", "a"], 4, "fine-tuned for tagging, not for classification"),
        (["gpt", "a"], 4, "fine-tune it first"),
        (["nowhere", "a"], 4, "there is no such folder"),
        (["gpt-classification", "\udcff"], 3, "not UTF-8"),
    ],
    "tag": [
        (["gpt-tagging", ""], 3, "item 1 has an empty text"),
        (["gpt-tagging", "a", " \t"], 3, "item 2 has an empty text"),
        (["gpt-choice", "a"], 4, "fine-tuned for choice, not for tagging"),
        (["gpt", "a"], 4, "fine-tune it first"),
        (["nowhere", "a"], 4, "there is no such folder"),
        (["gpt-tagging", "\udcff"], 3, "not UTF-8"),
    ],
    "similarity": [
        (["gpt-similarity", "a"], 3, "texts come in pairs here, but found 1"),
        (["gpt-similarity", "a", "b", "c"], 3, "texts come in pairs here, but found 1: 'c'"),
        (["gpt-similarity", "a", ""], 3, "item 1 has an empty text"),
        (["gpt-span_qa", "a", "b"], 4, "fine-tuned for span_qa, not for similarity"),
        (["gpt", "a", "b"], 4, "fine-tune it first"),
        (["nowhere", "a", "b"], 4, "there is no such folder"),
        (["gpt-similarity", "a", "\udcff"], 3, "not UTF-8"),
    ],
    "choose": [
        (["gpt-choice", "a"], 3, "choose among at least 2 choices, not 0"),
        (["gpt-choice", "a", "b"], 3, "choose among at least 2 choices, not 1"),
        (["gpt-choice", "a", "b", ""], 3, "item 1 has an empty text"),
        (["gpt-choice", "", "b", "c"], 3, "item 1 has an empty text"),
        (["gpt-tagging", "a", "b", "c"], 4, "fine-tuned for tagging, not for choice"),
        (["gpt", "a", "b", "c"], 4, "fine-tune it first"),
        (["nowhere", "a", "b", "c"], 4, "there is no such folder"),
        (["gpt-choice", "\udcff", "b", "c"], 3, "not UTF-8"),
        (["gpt-choice", "a", "b", "\udcff"], 3, "not UTF-8"),
    ],
    "answer": [
        (["gpt-span_qa", "", "a"], 3, "item 1 has an empty text"),
        (["gpt-span_qa", "a", " "], 3, "item 1 has an empty text"),
        (["gpt-similarity", "a", "b"], 4, "fine-tuned for similarity, not for span_qa"),
        (["gpt", "a", "b"], 4, "fine-tune it first"),
        (["nowhere", "a", "b"], 4, "there is no such folder"),
        (["gpt-span_qa", "\udcff", "b"], 3, "not UTF-8"),
        (["gpt-span_qa", "a", "\udcff"], 3, "not UTF-8"),
    ],
    "predict": [
        (["gpt-tagging", "nowhere.conll"], 3, "nowhere.conll"),
        (["gpt-tagging", "given.csv"], 3, "'.csv' does not say what the file holds"),
        (["gpt-classification", "given.csv", "--labelled"], 3, "the header has no column 'label'"),
        (["gpt-classification", "given.csv", "--label-field", "x", "--labelled"], 3, "no column 'x'"),
        (["gpt-classification", "empty.csv"], 3, "the file has no rows"),
        (["gpt-classification", "given.csv", "--encoding", "klingon"], 2, "klingon"),
        (["gpt-pairs", "given.csv"], 2, "this model classifies 2 texts at once, not 1"),
        (["gpt-similarity", "given.csv"], 3, "the header has no column 'text_b'"),
        (["gpt-span_qa", "given.jsonl", "--labelled"], 3, "no field 'question'"),
        (["gpt-choice", "given.jsonl", "--labelled"], 3, "0 choices in 'choices'"),
        (["gpt", "given.csv"], 4, "fine-tune it first"),
        (["nowhere", "given.csv"], 4, "there is no such folder"),
    ],
}


@pytest.mark.parametrize(
    ("name", "arguments", "code", "said"),
    [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes],
)
def test_a_mistake_is_answered_in_one_line(cli, tuned, tmp_path, name, arguments, code, said):
    (tmp_path / "given.csv").write_text("text\nThe red cat\n")
    (tmp_path / "empty.csv").write_text("text\n")
    (tmp_path / "given.jsonl").write_text('{"text": "cat"}\n')
    outcome = cli(name, tuned / arguments[0], *arguments[1:])
    assert said in outcome.err
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.count("\n") == 1


def test_without_answers_nothing_can_be_measured(cli, tuned, tmp_path):
    (tmp_path / "x.jsonl").write_text('{"tokens": ["Ada", "ran"]}\n')
    refused = cli("predict", tuned / "bert-tagging", "x.jsonl", "--labelled")
    assert (refused.code, refused.out) == (3, "")
    assert "'tags'" in refused.err
    assert cli("predict", tuned / "bert-tagging", "x.jsonl").code == 0


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("kind", "file", "text", "unknown"),
    [
        ("classification", "x.csv", "text,label\nThe red cat,animal\nA big dog,river\n", "'animal', 'river'"),
        ("classification", "x.csv", "text,label\nThe red cat,cat\nA big dog,Dog\n", "'Dog'"),
        ("classification", "x.csv", "text,label\nThe red cat,1\nA big dog,0\n", "'0', '1'"),
        ("tagging", "x.conll", "Ada\tB-PER\nran\tO\n", "'B-PER', 'O'"),
    ],
)
def test_labels_the_model_does_not_know_are_refused_with_both_sets(
    name, kind, file, text, unknown, cli, tuned, tmp_path
):
    (tmp_path / file).write_text(text)
    refused = cli("predict", tuned / f"{name}-{kind}", file, "--labelled", "--out", "a.jsonl")
    assert (refused.code, refused.out) == (3, "")
    assert f"a label that the model does not know: {unknown} (the first is x-" in refused.err
    assert "the model knows 'cat', 'dog')" in refused.err
    assert not (tmp_path / "a.jsonl").exists()
    assert cli("predict", tuned / f"{name}-{kind}", file).code == 0


def test_a_rare_tag_that_training_lacked_is_counted(cli, tuned, tmp_path):
    (tmp_path / "x.conll").write_text("Ada\tcat\n\nran\tbird\n")
    measured = cli("predict", tuned / "bert-tagging", "x.conll", "--labelled")
    assert measured.code == 0
    said = "1 words in 1 of 2 examples have tags that the model does not know, and count as errors: 'bird'"
    assert f"{said} (the first is x-2; the model knows 'cat', 'dog')" in measured.err


@pytest.fixture(scope="module")
def entity_tagger(tuned, tmp_path_factory):
    """A tagger of places and people in BIO."""
    folder = tmp_path_factory.mktemp("tagger") / "bert"
    model = load_model(tuned / "bert-tagging")
    task = replace(model.task, labels=("B-LOC", "B-PER", "O"), scheme="entities")
    head = TASKS["tagging"].build_head(task, 16)
    initialize(head, seed=2, is_truncated=False, deviation=0.5)
    whole = FineTuned(model.model, head).eval()
    save_model(folder, replace(model, task=task, tuned=whole))
    return folder


@pytest.mark.parametrize(
    ("text", "said", "code"),
    [
        (
            "Ada\tU-LOC\n\nran\tB-LOC\n\nit\tO\n",
            "tags that the model spells otherwise, read as its own: 'U-LOC'",
            0,
        ),
        ("Ada\tB-LOC\nran\tL-LOC\n", "tags that the model spells otherwise, read as its own: 'L-LOC'", 0),
        (
            "Ada\tB-LOC\n\nran\tB-GENE\nit\tI-GENE\n",
            "2 words in 1 of 2 examples have tags that the model does not know, and count as errors: "
            "'B-GENE', 'I-GENE' (the first is x-2; the model knows 'B-LOC', 'B-PER', 'O')",
            0,
        ),
        (
            "Ada\tB-GENE\nran\tO\n",
            "1 of 1 examples have a label that the model does not know: 'B-GENE' (the first is x-1; the "
            "model knows 'B-LOC', 'B-PER', 'O')",
            3,
        ),
        ("Ada\tB-LOC\nran\t0\n", "tags that mark nothing and count as O: '0'", 0),
        ("Ada\tB_LOC\nran\tO\n", "have a label that the model does not know: 'B_LOC'", 3),
    ],
)
def test_a_tag_counts_as_unknown_by_what_it_marks(text, said, code, cli, entity_tagger, tmp_path):
    (tmp_path / "x.conll").write_text(text)
    measured = cli("predict", entity_tagger, "x.conll", "--labelled")
    assert measured.code == code
    assert said in measured.err
    assert ("count as errors:" in measured.err) == ("GENE" in said and code == 0)


def test_one_pair_has_no_correlation_and_no_warning(cli, tuned, tmp_path):
    (tmp_path / "x.csv").write_text("text,text_b,score\ncat,dog,1\n")
    figures = cli("predict", tuned / "gpt-similarity", "x.csv", "--labelled", "--json").json
    assert figures == {"examples": 1, "Spearman's correlation": None, "Pearson's correlation": None}
    shown = cli("predict", tuned / "gpt-similarity", "x.csv", "--labelled").out
    assert "Spearman's correlation\t\N{EN DASH}\n" in shown


def test_macro_f1_says_over_which_classes_it_is_the_mean(cli, tuned, tmp_path):
    (tmp_path / "x.csv").write_text("text,label\nThe red cat,cat\nA dog,cat\n")
    measured = cli("predict", tuned / "bert-classification", "x.csv", "--labelled")
    assert "macro F1 is the mean over the classes that the examples have: 1 of the model's 2" in measured.err
    (tmp_path / "x.csv").write_text("text,label\nThe red cat,cat\nA dog,dog\n")
    assert "macro F1" not in cli("predict", tuned / "bert-classification", "x.csv", "--labelled").err


OPTIONS = [
    "--task.name",
    "topic",
    "--finetune.max_length",
    "24",
    "--finetune.batch_examples",
    "8",
    "--out",
    "run",
]


@pytest.fixture
def labels(tmp_path, write_project) -> Path:
    """A file of labels; no text to pre-train on."""
    write_project(tmp_path, 60)
    (tmp_path / "text.txt").unlink()
    return tmp_path / "labels.csv"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_models_folder_is_fine_tuned_without_any_text_to_pre_train_on(name, cli, tuned, labels):
    # A fine-tuned model gets a new head; what it was fine-tuned for before is gone.
    asked = ["finetune", tuned / f"{name}-tagging", "--task.train", labels, *OPTIONS, "--epochs", "2"]
    outcome = cli(*asked, "--learning-rate", "1e-3", "--json")
    assert outcome.code == 0
    folder = Path("run/tasks/topic") / f"{name}-tagging" / "seed-1"
    result = outcome.json
    assert (result["model"], result["task"], result["seed"]) == (str(folder / "model"), "topic", 1)
    assert list(result["validation"]) == ["accuracy", "macro F1", "MCC"]
    model = load_model(folder / "model")
    assert model.task is not None
    assert (model.family.name, model.task.kind, model.task.labels) == (
        name,
        "classification",
        ("animals", "food"),
    )
    assert len(cli("classify", folder, "The cat likes the dog.").out.split("\t")) == 3
    again = cli(*asked, "--learning-rate", "1e-3")
    assert (again.code, again.out.split(":")[0]) == (0, str(folder / "model"))
    other = cli(*asked, "--learning-rate", "2e-3")
    assert (other.code, "learning_rate was 0.001, now 0.002" in other.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "there is no arm"),
        (["gpt-tagging", "--epochs", "0"], 2, "--epochs must be at least 1, not 0"),
        (["gpt-tagging", "--learning-rate", "2"], 2, "--learning-rate must be above 0 and at most 1, not 2"),
        (["gpt-tagging", "--task", "tone"], 2, "there is no task 'tone'"),
        (["gpt-tagging", "--task.kind", "tagging"], 3, "'.csv' does not say what the file holds"),
        (["gpt-tagging", "--task.kind", "similarity"], 3, "the header has no column 'text_b'"),
        (["gpt-tagging", "--task.train", "gone.csv"], 3, "gone.csv"),
        (["."], 4, "this is not a model folder"),
    ],
)
def test_a_model_that_cannot_be_fine_tuned_so_is_refused_in_one_line(
    cli, tuned, labels, arguments, code, said
):
    given = ["--task.train", labels] if "--task.train" not in arguments else []
    outcome = cli("finetune", tuned / arguments[0], *given, *OPTIONS, *arguments[1:])
    assert said in outcome.err.splitlines()[-1]
    assert (outcome.code, outcome.out) == (code, "")
    assert "Traceback" not in outcome.err


def test_fine_tuning_tells_the_test_figure_and_what_was_left_out(cli, tuned, labels):
    rows = labels.read_text().splitlines()
    labels.write_text("\n".join([*rows[:20], "", *rows[20:41], ""]))
    Path("test.csv").write_text("\n".join([rows[0], *rows[41:], ""]))
    options = ["8" if option == "24" else option for option in OPTIONS]
    asked = ["finetune", tuned / "bert-tagging", "--task.train", labels, "--task.test", "test.csv", *options]
    done = cli(*asked, "--epochs", "1", "--json")
    assert done.code == 0, done.err
    (figure,) = done.json["test"].values()
    assert list(done.json["test"]) == ["accuracy"]
    assert 0 <= figure["low"] <= figure["estimate"] <= figure["high"] <= 1
    folder = Path(done.json["model"]).parent
    predicted = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert figure["estimate"] == sum(row["gold"] == row["predicted"] for row in predicted) / len(predicted)
    assert "blank lines: 1" in done.err
    assert re.search(r"^training: texts cut to the longest input: \d+$", done.err, re.MULTILINE)
    shown = cli(*asked, "--epochs", "1").out
    assert re.search(rf", test accuracy {100 * figure['estimate']:.1f}.% \(\d+\.\d.to.\d+\.\d\)$", shown)


@pytest.mark.parametrize("name", FAMILIES)
def test_predict_tells_what_it_read_differently_and_cut(name, cli, tuned, tmp_path):
    (tmp_path / "x.csv").write_text(f"text,text_b,score\ncat,dog,1\n\n{'cat ' * 60},dog,2\n")
    said = cli("predict", tuned / f"{name}-similarity", "x.csv")
    assert said.code == 0
    assert re.search(r"^texts cut to the longest input: \d+$", said.err, re.MULTILINE)
    assert "blank lines: 1" in said.err


@pytest.mark.parametrize("options", [["--label-field", "label"], ["--choices-field", "x", "--labelled"]])
def test_a_column_that_is_not_read_is_refused(cli, tuned, tmp_path, options):
    (tmp_path / "x.csv").write_text("text,label\nThe cat.,a\n")
    refused = cli("predict", tuned / "bert-classification", "x.csv", *options)
    assert (refused.code, f"{options[0]} would change nothing" in refused.err) == (2, True)


def renamed(tuned, name, folder, **more):
    """A model that was trained on files with other names of fields, or in another scheme."""
    trained = load_model(tuned / name)
    save_model(folder, replace(trained, task=replace(trained.task, **more)))
    return folder


@pytest.mark.parametrize("name", FAMILIES)
def test_predict_remembers_the_fields_of_training_and_names_the_classes(name, cli, tuned, tmp_path):
    fields = {"text": "review", "text_b": "reply", "label": "stars", "id": "key"}
    model = renamed(tuned, f"{name}-pairs", tmp_path / "model", fields=fields)
    (tmp_path / "x.csv").write_text("key,review,reply,stars\nk7,a cat,a dog,cat\nk8,a mat,tea,dog\n")
    rows = [json.loads(line) for line in lines_of(cli("predict", model, "x.csv"))]
    assert [row["data_id"] for row in rows] == ["k7", "k8"]
    for row in rows:
        assert set(row["probabilities"]) == {"cat", "dog"}
        assert row["predicted"] == max(row["probabilities"], key=row["probabilities"].__getitem__)
    assert cli("predict", model, "x.csv", "--labelled", "--json").json["examples"] == 2
    (tmp_path / "y.csv").write_text("text,text_b\na cat,a dog\n")
    refused = cli("predict", model, "y.csv")
    assert refused.code == 2 or refused.code == 3
    assert "the header has no column 'review'" in refused.err
    others = ["--text-field", "text", "--text-b-field", "text_b"]
    (row,) = [json.loads(line) for line in lines_of(cli("predict", model, "y.csv", *others))]
    assert "data_id" not in row
    assert "no column 'uid'" in cli("predict", model, "y.csv", *others, "--id-field", "uid").err


def test_predict_writes_squads_own_form(cli, tuned, tmp_path):
    question = {"id": "56be", "question": "Who ran?", "answers": []}
    paragraphs = [{"context": "A big dog ran.", "qas": [question, {**question, "id": "56bf"}]}]
    (tmp_path / "dev.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    model = tuned / "bert-span_qa"
    answers = [json.loads(line) for line in lines_of(cli("predict", model, "dev.json"))]
    assert [row["data_id"] for row in answers] == ["56be", "56bf"]
    wanted = {row["data_id"]: row["predicted"] for row in answers}
    assert json.loads(cli("predict", model, "dev.json", "--squad").out) == wanted
    assert cli("predict", model, "dev.json", "--squad", "--out", "out.json").code == 0
    assert json.loads((tmp_path / "out.json").read_text()) == wanted
    refused = cli("predict", tuned / "gpt-tagging", "x.conll", "--squad")
    assert "--squad is for models of span_qa, and this one was fine-tuned for tagging" in refused.err
    (tmp_path / "x.jsonl").write_text(FILES["span_qa"][1])
    assert "x-1 has none" in cli("predict", model, "x.jsonl", "--squad").err


@pytest.mark.parametrize("name", FAMILIES)
def test_a_choice_with_a_question(name, cli, tuned, tmp_path):
    model = renamed(tuned, f"{name}-choice", tmp_path / "model", scheme="question", fields={"text_b": "ask"})
    (tmp_path / "x.csv").write_text("text,ask,choice_1,choice_2,label\nA dog ran.,Who?,dog,cat,0\n")
    (row,) = [json.loads(line) for line in lines_of(cli("predict", model, "x.csv"))]
    asked = cli("choose", model, "A dog ran.", "dog", "cat", "--question", "Who?", "--json").json
    assert row["probabilities"] == pytest.approx(asked["probabilities"], abs=1e-6)
    assert "this model chooses with a question" in cli("choose", model, "A dog ran.", "dog", "cat").err
    without = tuned / f"{name}-choice"
    assert "without a question" in cli("choose", without, "A", "dog", "cat", "--question", "Who?").err


@pytest.mark.parametrize(
    ("model", "file", "text", "said"),
    [
        ("gpt-similarity", "x.csv", "text,text_b,score\na,b,3\nc,d,3\n", "all have the score 3.0"),
        ("bert-similarity", "x.csv", "text,text_b,score\na,b,3\n", "all have the score 3.0"),
        ("names", "x.conll", "we O\nrun O\n", "none has an entity"),
    ],
)
def test_a_file_that_measures_nothing_says_so(model, file, text, said, cli, tuned, tmp_path):
    renamed(tuned, "bert-tagging", tuned / "names", scheme="entities", labels=("B-PER", "O"))
    (tmp_path / file).write_text(text)
    measured = cli("predict", tuned / model, file, "--labelled")
    assert measured.code == 0
    assert "no model can be measured on these" in measured.err and said in measured.err


@pytest.mark.parametrize("scheme", ["entities", ""], ids=["", "of an earlier version"])
def test_the_figure_is_that_of_the_models_tags_whatever_one_file_has(scheme, cli, tuned, tmp_path):
    model = renamed(tuned, "gpt-tagging", tmp_path / "model", scheme=scheme, labels=("B-PER", "O"))
    (tmp_path / "x.conll").write_text("Ada B-PER\nran O\nhome 0\n")
    figures = cli("predict", model, "x.conll", "--labelled", "--json").json
    assert list(figures)[:2] == ["examples", "entity F1"]


def of_training(tuned: Path, folder: Path, name: str, **settled: object) -> Path:
    """Write a model of `tuned` whose task says how training read its labels; return its folder."""
    trained = load_model(tuned / name)
    save_model(folder / name, replace(trained, task=replace(trained.task, **settled)))
    return folder / name


@pytest.mark.parametrize("name", FAMILIES)
def test_labels_of_choices_are_read_as_in_training(name, cli, tuned, tmp_path):
    rows = [{"text": "She", "choices": ["1", "0", "2"], "label": label} for label in ("0", "1")]
    Path("x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for reading, golds in (("number", [0, 1]), ("text", [1, 0])):
        model = of_training(tuned, tmp_path / reading, f"{name}-choice", reading=reading)
        assert cli("predict", model, "x.jsonl", "--labelled", "--out", "a.jsonl").code == 0
        assert [json.loads(line)["gold"] for line in Path("a.jsonl").read_text().splitlines()] == golds
    Path("y.jsonl").write_text(json.dumps({"text": "She", "choices": ["a", "b"], "label": "b"}) + "\n")
    refused = cli("predict", tmp_path / "number" / f"{name}-choice", "y.jsonl", "--labelled")
    assert refused.code == 3
    assert "y.jsonl:1: the field 'label' is 'b', but the labels of training are numbers from 0 to 1" in (
        refused.err
    )


def test_whole_numbers_as_classes_are_read_as_in_training(cli, tuned, tmp_path):
    Path("x.csv").write_text("text,label\nThe cat,1.0\nA dog,0.0\n")  # by themselves, these are as written
    name = "bert-classification"
    whole = of_training(tuned, tmp_path / "whole", name, reading="whole", labels=("0", "1"))
    assert cli("predict", whole, "x.csv", "--labelled", "--json").json["examples"] == 2
    written = of_training(tuned, tmp_path / "written", name, reading="as written", labels=("0.0", "1.0"))
    assert cli("predict", written, "x.csv", "--labelled").code == 0
    Path("y.csv").write_text("text,label\nThe cat,1\nA dog,0\n")
    refused = cli("predict", written, "y.csv", "--labelled")
    assert refused.code == 3 and "'0', '1'" in refused.err and "'0.0', '1.0'" in refused.err
