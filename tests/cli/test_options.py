import pytest

from twinlm.cli.options import default_folder, read_settings, stem, task_rows
from twinlm.errors import UsageError
from twinlm.settings import presets


def test_options_win_over_the_file(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("seed = 1\n[budget]\namount = 5\n")
    settings = read_settings(path, {"seed": "2", "pretrain/optimizer/learning-rate": "3e-4"}, is_demo=False)
    assert (settings.seed, settings.budget.amount) == (2, 5)
    assert (
        settings.gpt.pretrain.optimizer.learning_rate
        == settings.bert.pretrain.optimizer.learning_rate
        == 3e-4
    )


def test_tasks_can_be_given_as_files(tmp_path):
    settings = read_settings(
        None,
        {"task/text-field": "body", "task/max_train_examples": "50"},
        is_demo=False,
        tasks=["data/reviews.csv", "b.jsonl.xz"],
    )
    assert [(task.name, task.train) for task in settings.task] == [
        ("reviews", "data/reviews.csv"),
        ("b", "b.jsonl.xz"),
    ]
    assert all((task.text_field, task.max_train_examples) == ("body", 50) for task in settings.task)


def test_one_task_can_be_given_by_its_settings():
    (task,) = read_settings(None, {"task/train": "a.csv", "task/name": "stars"}, is_demo=False).task
    assert (task.name, task.train) == ("stars", "a.csv")
    assert task_rows([], {}) == []


def test_the_demos_task_can_be_made_smaller():
    assert read_settings(None, {"task/max_train_examples": "9"}, is_demo=True).task[0].max_train_examples == 9


def test_wrong_task_settings_are_refused():
    with pytest.raises(UsageError, match=r"max_train_examples must be a whole number, not 'many'"):
        read_settings(None, {"task/max_train_examples": "many"}, is_demo=False)
    with pytest.raises(UsageError, match=r"'trian' is not a setting; did you mean 'train'\?"):
        read_settings(None, {"task/trian": "a.csv"}, is_demo=False)


def test_tasks_are_not_given_in_two_places(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('[[task]]\ntrain = "a.csv"\n')
    with pytest.raises(UsageError, match="both in the file and as options"):
        read_settings(path, {}, is_demo=False, tasks=["b.csv"])


def test_the_run_folder_is_named_after_file_corpus_or_demo(tmp_path):
    settings = read_settings(None, {"corpus/train": "texts/my.book.txt.xz"}, is_demo=False)
    assert str(default_folder(tmp_path / "my.toml", settings, is_demo=False)) == "runs/my"
    assert str(default_folder(None, settings, is_demo=False)) == "runs/my"
    assert str(default_folder(None, settings, is_demo=True)) == "runs/demo"
    assert str(default_folder(None, presets.resolve(None, {}), is_demo=False)) == "runs/run"
    assert [stem(name) for name in ("a/b.txt.xz", "hf:org/name", "texts/*.txt")] == ["b", "name", "run"]
