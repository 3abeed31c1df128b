"""`twinlm cost` on tiny models: one, several beside one another, as JSON, with prices; and refusals."""

import json
from pathlib import Path

import pytest

from twinlm.checkpoint import Trained, save_model
from twinlm.cli.look.cost import as_text, short_names
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.objectives.fine_tuning import FineTuned
from twinlm.report.document import Table
from twinlm.settings import ModelSettings
from twinlm.system.log import Silent
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.table import TASKS
from twinlm.tasks.tagging import LEADING_BLANK
from twinlm.tokenizer import train_tokenizer

TEXTS = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]
HISTORY = {
    "pretraining": {"seconds": 100.0, "flops": 2e13},
    "fine-tuning": {"seconds": 3600.0, "flops": 3e12, "peak_memory_bytes": 5e8},
}


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder with gpt and bert for topics, gpt-tags for tags, and gpt-raw, which was not fine-tuned."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = train_tokenizer(
        TEXTS * 3, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    for name, kind in (("gpt", "classification"), ("bert", "classification"), ("gpt-tags", "tagging")):
        family = FAMILIES[name.split("-")[0]]
        sizes = ModelSettings(layers=1, width=16, heads=2, max_length=32, dropout=0)
        model = family.model(family.configure(sizes, tokenizer.vocab_size))
        initialize(model, seed=1, is_truncated=family.is_truncated)
        task = TaskConfig(
            kind=kind,
            labels=("cat", "dog"),
            max_length=24,
            dropout=0.0,
            constants={"texts": 1.0, LEADING_BLANK: 1.0},
        )
        head = TASKS[kind].build_head(task, 16)
        initialize(head, seed=2, is_truncated=False)
        made = Trained(family=family, model=model, tokenizer=tokenizer, history=HISTORY)
        save_model(folder / "gpt-raw", made)
        tuned = FineTuned(model, head).eval()
        save_model(
            folder / name,
            Trained(family=family, model=model, tokenizer=tokenizer, task=task, tuned=tuned, history=HISTORY),
        )
    return folder


@pytest.fixture
def topics(tmp_path, monkeypatch):
    """Leave the threads as they are: other tests run beside this one."""
    monkeypatch.setattr("twinlm.system.hardware.use_threads", lambda threads: threads or 1)
    (tmp_path / "topics.csv").write_text("\n".join(["text", *TEXTS]))
    return tmp_path / "topics.csv"


def quick(monkeypatch):
    monkeypatch.setattr("twinlm.evaluate.serving.peak_memory_bytes", lambda *given, **options: 3_000_000)


def test_one_model_is_measured_with_the_memory_of_its_own_process(cli, models, topics):
    outcome = cli("cost", models / "gpt", "--task", topics, "--seconds", "0.05", "--json")
    assert outcome.code == 0
    (cost,) = outcome.json
    assert cost["pretraining_s"] == 100 and cost["fine_tuning_flops"] == 3e12
    assert cost["serving"]["peak_memory_bytes"] > 50e6
    assert [timing["batch"] for timing in cost["serving"]["timings"]] == [1, 32]
    assert cost["times_the_first"]["1"] == {"median": 1, "low": 1, "high": 1}
    assert "timing " in outcome.err


def test_models_stand_side_by_side_with_prices(cli, models, topics, monkeypatch):
    quick(monkeypatch)
    given = ["--task", topics, "--seconds", "0.05", "--price-per-hour", "2", "--threads", "1"]
    outcome = cli("cost", models / "gpt", models / "bert", *given)
    assert outcome.code == 0
    making, answering = outcome.out.strip().split("\n\n")
    assert making.splitlines()[1].split() == ["gpt", "bert"]
    assert "fine-tuning on its task: price" in making and "2.00" in making
    assert "What predictions on topics.csv cost" in answering
    header, *rows = answering.splitlines()[1:]
    assert header.split() == ["gpt", "bert"]
    assert {row.split("  ")[0] for row in rows} >= {
        "peak memory",
        "a request, alone",
        "times the first's, alone",
    }


def test_tags_are_timed_too(cli, models, tmp_path, topics, monkeypatch):
    quick(monkeypatch)
    (tmp_path / "tags.jsonl").write_text(json.dumps({"tokens": ["A", "dog"]}) + "\n")
    outcome = cli("cost", models / "gpt-tags", "--task", "tags.jsonl", "--seconds", "0.02", "--json")
    assert (outcome.code, len(outcome.json)) == (0, 1)


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ([], 2, "no model was given"),
        (["gpt", "gpt"], 2, "a model was given twice"),
        (["nowhere"], 4, "there is no such folder"),
        (["gpt-raw"], 4, "only pre-trained"),
        (["gpt", "gpt-tags"], 4, "fine-tuned for tagging, not for classification"),
        (["gpt", "--seconds", "0"], 2, "--seconds must be above 0"),
        (["gpt", "--seconds", "nan"], 2, "--seconds must be above 0"),
        (["gpt", "--threads", "-1"], 2, "--threads must be 0 or more"),
        (["gpt", "--price-per-hour", "-2"], 2, "--price-per-hour must be above 0"),
        (["gpt", "--text-field", "words"], 3, "no column 'words'"),
    ],
)
def test_what_can_not_be_measured_is_refused(given, code, said, cli, models, topics):
    names = [
        models / word if not word.startswith("-") and (models / word).exists() else word for word in given
    ]
    outcome = cli("cost", *names, "--task", topics)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err


def test_names_are_what_tells_the_folders_apart():
    of = [
        Path(f"runs/a/tasks/topic/{arm}/seed-{seed}") for arm, seed in (("gpt", 1), ("bert", 1), ("bert", 2))
    ]
    assert short_names(of) == ["gpt/seed-1", "bert/seed-1", "bert/seed-2"]
    assert short_names(of[:2]) == ["gpt", "bert"]
    assert short_names(of[:1]) == ["runs/a/tasks/topic/gpt/seed-1"]
    assert short_names([Path("a"), Path("b/c")]) == ["a", "b/c"]


def test_a_table_is_aligned():
    table = Table(caption="Costs.", header=["", "GPT"], rows=[["time", "1 s"], ["memory", "20 MB"]])
    assert as_text(table) == "Costs.\n          GPT\ntime      1 s\nmemory  20 MB"
