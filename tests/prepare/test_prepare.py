"""From the files that settings name to splits and tasks: nothing of a test set is ever trained on."""

from pathlib import Path

import pytest

from twinlm.errors import DataError, UsageError
from twinlm.families import FAMILIES
from twinlm.prepare.prepare import Prepared, prepare_demo, prepare_files, prepare_tasks
from twinlm.settings import presets
from twinlm.train.transfer import head_config

CORPUS = {"corpus.train": "text.txt", "corpus.valid_share": "0.2", "corpus.test_share": "0.2"}


@pytest.fixture
def project(tmp_path: Path, write_project, monkeypatch) -> Path:
    write_project(tmp_path, 60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepare(task: str = "", **overrides: str) -> Prepared:
    file = Path("run.toml")
    file.write_text(task)
    settings = presets.resolve(file, {**CORPUS, **overrides})
    return prepare_files(settings, prepare_tasks(settings))


def test_texts_and_labels_are_read_and_split(project: Path) -> None:
    prepared = prepare('[[task]]\nname = "topic"\ntrain = "labels.csv"')
    documents, task = prepared.documents, prepared.tasks["topic"]
    parts = [
        {document.text for document in part} for part in (documents.train, documents.valid, documents.test)
    ]
    assert sum(map(len, parts)) == 60 == len(set.union(*parts))
    assert all(6 <= len(part) <= 18 for part in parts[1:])
    assert len(task.train) + len(task.valid) + len(task.test) == 60
    assert tuple(task.classes) == ("animals", "food")


def test_texts_of_a_tasks_test_set_are_not_pre_trained_on(project: Path) -> None:
    texts = (project / "text.txt").read_text().split("\n\n")
    (project / "test.csv").write_text("text,label\n" + "".join(f'"{text}",food\n' for text in texts[:7]))
    prepared = prepare('[[task]]\ntrain = "labels.csv"\ntest = "test.csv"')
    left = {document.text for document in prepared.documents.train}
    assert not left & set(texts[:7])
    assert sum(prepared.counts.values()) >= 7


def test_the_labels_may_have_an_encoding_of_their_own(project: Path) -> None:
    lines = ["text,label"] + [f"café number {n},{'hot' if n % 2 else 'cold'}" for n in range(40)]
    (project / "old.csv").write_bytes("\n".join(lines).encode("cp1252"))
    with pytest.raises(DataError, match=r"old\.csv:2.*task\.encoding = "):
        prepare('[[task]]\ntrain = "old.csv"')
    prepared = prepare('[[task]]\ntrain = "old.csv"\nencoding = "cp1252"')
    assert prepared.tasks["task"].train[0].texts[0].startswith("café")
    prepared = prepare('[[task]]\ntrain = "old.csv"\nerrors = "replace"')
    assert prepared.tasks["task"].train[0].texts[0].startswith("caf\ufffd")


@pytest.mark.parametrize(
    ("task", "overrides", "said"),
    [
        ("", {"corpus.train": ""}, "there is no text to pre-train on"),
        ('[[task]]\ntrain = "labels.csv"\n' * 2, {}, "two tasks have the name 'task'"),
        ("[[task]]\nname = 'x'", {}, "task 'x' has no file to train on"),
    ],
)
def test_settings_without_what_is_needed_say_so(
    project: Path, task: str, overrides: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(task, **overrides)


@pytest.mark.parametrize(
    ("kind", "train", "test", "said"),
    [
        ("tagging", "Ada B-PER\nruns{n} O", "we O\nrun{n} O", "none has an entity, so every F1 is 0"),
        ("tagging", "Ada PER\nruns{n} O\n. O", "we O\nrun{n} O", "none has an entity, so every F1 is 0"),
        ("similarity", "{n},a,{n}", "{n},b,3", "all have the score 3.0"),
    ],
)
def test_a_test_that_measures_nothing_is_refused_before_any_training(
    project: Path, kind: str, train: str, test: str, said: str
) -> None:
    ending, head, between = (
        (".conll", "", "\n\n") if kind == "tagging" else (".csv", "text,text_b,score\n", "\n")
    )
    for name, row in (("train", train), ("test", test)):
        rows = [row.format(n=number) for number in range(9)]
        (project / f"{name}{ending}").write_text(head + between.join(rows))
    with pytest.raises(DataError, match=f"task 'task' can't be measured on its 9 test examples: {said}"):
        prepare(f'[[task]]\nkind = "{kind}"\ntrain = "train{ending}"\ntest = "test{ending}"')


def test_the_demos_articles_are_on_one_side_of_the_split_only() -> None:
    prepared = prepare_demo(presets.resolve(None, {}, base=presets.DEMO))
    task, documents = prepared.tasks["topic"], prepared.documents
    held_out = {document.text for document in (*documents.valid, *documents.test)}
    assert not held_out & {document.text for document in documents.train}
    assert len(task.train) == presets.DEMO["task"][0]["max_train_examples"]
    assert not {example.texts[0] for example in task.train} & {example.texts[0] for example in task.test}
    assert prepared.attribution


def test_the_labels_of_a_tasks_files_are_read_alike(tmp_path: Path, monkeypatch) -> None:
    """Alone, the "0" of the test file would be the text of its second choice."""
    monkeypatch.chdir(tmp_path)
    head = "text,choice_1,choice_2,label\n"
    Path("train.csv").write_text(head + "".join(f"q{n},a{n},b{n},{n % 2}\n" for n in range(40)))
    Path("test.csv").write_text(head + "q,1,0,0\n")
    task = '[[task]]\nname = "sums"\nkind = "choice"\ntrain = "train.csv"\ntest = "test.csv"\n'
    Path("settings.toml").write_text(task)
    settings = presets.resolve(Path("settings.toml"), {})
    task = prepare_tasks(settings).tasks["sums"]
    assert [example.gold for example in task.test] == [0]
    config = head_config(FAMILIES["bert"], task, settings.bert.finetune, most_length=64)
    assert config.reading == task.reading == "number"
