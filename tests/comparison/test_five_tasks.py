"""One whole tiny comparison with every kind of task at once, and a model of an earlier run beside."""

import json
import random
from html.parser import HTMLParser
from pathlib import Path

import pytest

from twinlm.comparison.run import Run
from twinlm.evidence.results import Results
from twinlm.system.log import Silent
from twinlm.system.stopping import Stop
from twinlm.use.load import load

SETTINGS = """
pretrain.validations = 2
compare.seeds = [1, 2]
compare.untrained = false
"""
TASKS = """
[[imported]]
name = "earlier"
folder = "first/gpt"
epochs = 1
[[task]]
name = "entails"
train = "pairs.csv"
text_b_field = "text_b"
[[task]]
name = "alike"
kind = "similarity"
train = "alike.csv"
[[task]]
name = "endings"
kind = "choice"
text_b_field = "ask"
id_field = "key"
max_test_examples = 5
train = "endings.jsonl"
[[task]]
name = "names"
kind = "tagging"
train = "names.conll"
[[task]]
name = "questions"
kind = "span_qa"
train = "questions.jsonl"
"""
METRICS = {
    "entails": "accuracy",
    "alike": "Spearman's correlation",
    "endings": "accuracy",
    "names": "entity F1",
    "questions": "answer F1",
}
OTHERS = ["macro F1", "MCC", "Pearson's correlation", "precision", "recall", "exact match"]
ROWS = 60
# Web text holds characters that end a line for some readers only.
CONTEXT = "The {} met Ada\u2028in the house. The {} ran."


def write_tasks(folder: Path) -> None:
    chance = random.Random(3)

    def word() -> str:
        return chance.choice(["cat", "dog", "horse", "bird", "soup", "cake"])

    rows = [(f"The {word()} {number}", f"A {word()}", number % 2) for number in range(ROWS)]
    pairs = [f"{a},{b},{'yes' if label else 'no'}" for a, b, label in rows]
    (folder / "pairs.csv").write_text("\n".join(["text,text_b,label", *pairs]))
    alike = [f"{a},{b},{label + len(b) / 9}" for a, b, label in rows]
    (folder / "alike.csv").write_text("\n".join(["text,text_b,score", *alike]))
    endings = [
        {
            "text": a,
            "ask": "What then?",
            "key": f"own-{number}",
            "choices": [b, word(), "it ran"][: 2 + number % 2],
            "label": number % 2,
        }
        for number, (a, b, _) in enumerate(rows)
    ]
    start = ["", "So\tO\n"]
    odd = {7: "0"}  # instead of O; it changes no figure
    names = [
        f"{start[number % 2]}The\tO\n{word()}\tO\nmet\t{odd.get(number, 'O')}\nAda\tB-PER\n{number}\tI-PER\n"
        for number in range(ROWS)
    ]
    (folder / "names.conll").write_text("\n".join(names))
    questions = []
    for number in range(ROWS):
        context = CONTEXT.format(word(), number)
        answers = [{"text": "Ada\u2028in", "answer_start": context.index("Ada")}] if number % 3 else []
        questions.append({"question": "Who was met?", "context": context, "answers": answers})
    for name, records in (("endings", endings), ("questions", questions)):
        lines = [json.dumps(record) for record in records]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))


def open_run(tiny, folder: Path, name: str, settings: str) -> Run:
    (folder / f"{name}.toml").write_text(settings)
    resolved = tiny(folder / f"{name}.toml")
    return Run(folder / name, resolved, is_demo=False, progress=Silent(), stop=Stop())


def compare(tiny, folder: Path, name: str, settings: str) -> Results:
    with open_run(tiny, folder, name, settings) as run:
        return run.compare()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_project, tiny):
    """A folder with a run, and a second one over five tasks, in which the first one's GPT takes part."""
    place = tmp_path_factory.mktemp("five")
    write_project(place, 80)
    write_tasks(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with open_run(tiny, place, "first", SETTINGS) as run:
            run.pretraining.trained("gpt")
        compare(tiny, place, "second", SETTINGS + TASKS)
    return place


@pytest.fixture(scope="module")
def results(folder) -> dict:
    return json.loads((folder / "second" / "results.json").read_text())


def test_every_task_is_judged_by_its_own_figure(results):
    assert {task["name"]: task["metric"] for task in results["tasks"]} == METRICS
    for task in results["tasks"]:
        arms = [score["arm"] for score in task["scores"] if score["family"]]
        assert arms == ["gpt", "bert", "earlier"]
        assert len(task["scores"]) > len(arms)  # and what is to beat
        for score in task["scores"]:
            interval, (main, value) = score["score"], next(iter(score["figures"].items()))
            assert main == METRICS[task["name"]]
            assert interval["estimate"] == pytest.approx(value)
            assert (-1 if task["name"] == "alike" else 0) <= interval["low"] <= value <= interval["high"] <= 1
            if score["family"]:
                assert set(score["score_by_seed"]) == {"1", "2"}
        pairs = {(pair["first"], pair["second"]) for pair in task["comparisons"]}
        assert len(pairs) == len(task["comparisons"]) == 3 + 3  # each two models, each against a floor


class Words(HTMLParser):
    """The words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_report_names_each_figure_and_warns_of_the_imported_model(name, folder):
    text = (folder / "second" / name).read_text(encoding="utf-8")
    if name.endswith("html"):
        page = Words()
        page.feed(text)
        text = page.text
    for figure in (*METRICS.values(), *OTHERS):
        assert figure.lower() in text.lower(), figure
    for task in METRICS:
        assert task.capitalize() in text
    assert "earlier (GPT of another run) was pre-trained elsewhere, with data and a budget of its own" in text
    assert "Measured by entity F1, because most words with a tag other than O" in text
    assert "the tag '0', which marks no entity and counts as O (first: names.conll, line" in text
    assert "nan" not in text.lower().split()


def test_the_imported_model_is_the_earlier_runs(folder, results):
    prints = results["fingerprints"]
    assert prints["weights of earlier"] == prints["weights of gpt"]  # the same text, seed and settings
    for task in results["tasks"]:
        imported = next(score for score in task["scores"] if score["arm"] == "earlier")
        assert imported["is_imported"] and imported["is_pretrained"]


def test_a_frozen_probe_of_each_body_stands_beside_each_task_that_has_one(folder, results):
    frozen = {task["name"]: [body["label"] for body in task["frozen"]] for task in results["tasks"]}
    bodies = ["GPT, frozen", "BERT, frozen", "earlier (GPT of another run), frozen"]
    assert frozen == {"entails": bodies, "alike": bodies, "names": bodies, "endings": [], "questions": []}
    page = (folder / "second" / "report.md").read_text(encoding="utf-8")
    for task in results["tasks"]:
        for body in task["frozen"]:
            assert [gap["arm"] for gap in body["gaps"]] == [body["arm"]]
            assert list(body["score_by_seed"]) == ["0"] and body["seconds"] > 0
            assert f"{task['name']}: {body['label']}, C" in results["data"]
        # The earlier run's model is the same body.
        gpt, earlier = (
            folder / "second" / "tasks" / task["name"] / "baselines" / "frozen" / arm / "predictions.jsonl"
            for arm in ("gpt", "earlier")
        )
        assert not task["frozen"] or gpt.read_bytes() == earlier.read_bytes()
    assert page.count("BERT against BERT, frozen") == 3


def test_a_frozen_probe_that_was_killed_is_fitted_again_and_others_are_found(folder, tiny, monkeypatch):
    monkeypatch.chdir(folder)
    place = folder / "second" / "tasks" / "names" / "baselines" / "frozen" / "bert"
    before = (place / "predictions.jsonl").read_bytes()
    (place / "probe.json").unlink()
    with open_run(tiny, folder, "second", SETTINGS + TASKS) as run:
        fitted = []
        monkeypatch.setattr(run.progress, "say", fitted.append)
        bodies = run.probes.answers(run.workspace.task("names"))
    assert [body.arm for body in bodies] == ["gpt", "bert", "earlier"]
    assert fitted == ["fitting a linear model on the frozen states of BERT, on names"]
    assert (place / "predictions.jsonl").read_bytes() == before


def test_every_answer_of_every_model_is_left_in_a_file(folder):
    for task in METRICS:
        for arm in ("gpt", "bert", "earlier"):
            for seed in (1, 2):
                path = folder / "second" / "tasks" / task / arm / f"seed-{seed}" / "predictions.jsonl"
                rows = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
                assert rows and all({"id", "gold", "predicted"} <= row.keys() for row in rows)
                if task == "endings":
                    ids = [(row["data_id"], row["id"]) for row in rows]
                    assert ids == [(f"own-{int(name.split('-')[1]) - 1}", name) for _, name in ids]
                    assert len(ids) == 5  # max_test_examples


def test_a_model_keeps_what_its_task_was(folder):
    trained = load(folder / "second" / "tasks" / "endings" / "gpt" / "seed-1")
    assert trained.task.scheme == "question"
    assert trained.task.fields == {"text_b": "ask", "id": "key"}
    assert load(folder / "second" / "tasks" / "names" / "bert" / "seed-1").task.scheme == "entities"


def test_a_fine_tuning_notes_a_meaning_that_earlier_versions_did_not_know(folder):
    noted = {
        task: json.loads((folder / "second" / "tasks" / task / "gpt" / "seed-1" / "inputs.json").read_bytes())
        for task in ("entails", "endings")
    }
    assert noted["endings"]["scheme"] == "question"
    assert "scheme" not in noted["entails"]  # so that runs of earlier versions resume


def test_what_each_test_set_can_show_is_said_of_the_figure_it_is_judged_by(
    folder, results, tiny, monkeypatch
):
    monkeypatch.chdir(folder)
    with open_run(tiny, folder, "second", SETTINGS + TASKS) as run:
        prospects = run.forecast.prospects()
    assert {row.task: row.metric for row in prospects} == METRICS
    for row, task in zip(prospects, results["tasks"], strict=True):
        best = max(
            (one for one in task["scores"] if not one["family"]), key=lambda one: one["score"]["estimate"]
        )
        between_kinds = task["comparisons"][0]
        assert row.baseline == best["label"]
        assert {between_kinds["first"], between_kinds["second"]} == {"gpt", "bert"}
        assert (row.examples, row.seeds, row.claims) == (
            between_kinds["examples"],
            between_kinds["seeds"],
            between_kinds["claims"],
        )


def test_a_finished_comparison_is_found_again_with_the_same_numbers(folder, results, tiny, monkeypatch):
    monkeypatch.chdir(folder)
    again = compare(tiny, folder, "second", SETTINGS + TASKS)
    for task, before in zip(again.tasks, results["tasks"], strict=True):
        assert [score.score.estimate for score in task.scores] == [
            pytest.approx(score["score"]["estimate"]) for score in before["scores"]
        ]
