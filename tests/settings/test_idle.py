"""A setting that changes nothing beside the others is refused, whether it is an option or in a file."""

from pathlib import Path

import pytest
import tomli_w

from twinlm.cli import settings_table
from twinlm.errors import UsageError
from twinlm.settings import build, presets, recipes
from twinlm.settings.idle import _RULES as RULES
from twinlm.settings.idle import ONLY
from twinlm.settings.presets import resolve
from twinlm.system import storage

# What a setting does nothing beside; then what it does something beside, "" where that does not exist.
CASES = [
    ("corpus.valid_share = 0.2", 'corpus.train = ["a.txt"]\ncorpus.valid = ["v.txt"]', "corpus.valid = []"),
    ("corpus.test_share = 0.2", 'corpus.test = ["t.txt"]', 'corpus.valid = ["v.txt"]'),
    ('corpus.text_field = "x"', 'corpus.train = ["a.txt", "b/*.txt.gz"]', 'corpus.train = ["a.txt", "b"]'),
    ("corpus.max_bad_share = 0.1", 'corpus.train = ["a.txt"]', 'corpus.train = ["hf:a"]'),
    ('corpus.encoding = "latin-1"', 'corpus.train = ["a.parquet", "hf:b"]', 'corpus.train = ["a.txt"]'),
    ('corpus.errors = "skip"', 'corpus.train = ["hf:b"]', 'corpus.train = ["folder"]'),
    ("task.valid_share = 0.2", "task.valid = 'v.csv'\ntask.test = 't.csv'", "task.valid = 'v.csv'"),
    ("task.choices_field = 'c'", "task.kind = 'similarity'", "task.kind = 'choice'"),
    ("task.text_b_field = 'b'", "task.kind = 'tagging'", "task.kind = 'classification'"),
    ("task.text_field = 'b'", "task.kind = 'tagging'\ntask.train = 'a.conll.gz'", "task.train = 'a.csv'"),
    ("task.id_field = 'b'", "task.kind = 'tagging'\ntask.train = 'a.conllu'", "task.kind = 'tagging'"),
    ("tokenizer.algorithm = 'wordpiece'", "tokenizer.sharing = 'own'", "tokenizer.sharing = 'shared'"),
    ("tokenizer.vocab_size = 300", "gpt.pretrain.start = 'gpt'\nbert.pretrain.start = 'bert'", ""),
    ("tokenizer.sharing = 'own'", "gpt.pretrain.start = 'gpt'\nbert.pretrain.start = 'bert'", ""),
    ("tokenizer.lowercase = true", "gpt.pretrain.start = 'gpt'\nbert.pretrain.start = 'bert'", ""),
    ("tokenizer.max_train_characters = 9", "gpt.pretrain.start = 'gpt'\nbert.pretrain.start = 'bert'", ""),
    (
        "tokenizer.strip_accents = 'always'",
        "tokenizer.sharing = 'own'\nbert.pretrain.start = 'bert'",
        "tokenizer.sharing = 'own'\ngpt.pretrain.start = 'gpt'",
    ),
    ("quality.most_pairs = 3", "", "quality.pairs = ['a.csv']"),
    ("imported.learning_rate = 2e-5", "compare.learning_rates = [1e-5, 1e-4]", "compare.seeds = [1]"),
    ("arm.budget_share = 0.5", "arm.pretrained = false", "arm.pretrained = true"),
    ("arm.pretrain.length = 32", "arm.pretrained = false", "arm.pretrained = true"),
    ("arm.pretrain.optimizer.beta1 = 0.8", "arm.pretrained = false", "arm.pretrained = true"),
    ("arm.finetune.auxiliary_weight = 0.1", "", ""),
    ("gpt.pretrain.first_objective = 'causal'", "", "gpt.pretrain.both_sides_share = 0.5"),
    ("pretrain.first_share = 0.5", "", "pretrain.first_length = 32"),
    ("bert.pretrain.first_share = 0.5", "", "pretrain.first_objective = 'causal'"),
    ("pretrain.grown_positions = 'drawn'", "bert.pretrain.start = 'bert'", "#grown"),
    ("gpt.pretrain.mask_share = 0.4", "", "gpt.pretrain.both_sides_share = 0.5"),
    ("gpt.pretrain.mask_unit = 'span'", "", "pretrain.both_sides_share = 0.5"),
    ("gpt.pretrain.max_predictions = 9", "", "pretrain.both_sides_share = 0.5"),
    ("gpt.pretrain.random_tokens = 'all'", "", "pretrain.both_sides_share = 0.5"),
    ("pretrain.short_share = 0.3", "bert.pretrain.sentence_task = 'none'", ""),
    ("bert.pretrain.short_share = 0.3", "pretrain.sentence_task = 'none'", "pretrain.pairs = 'google'"),
    ("bert.pretrain.both_sides_share = 0.5", "", ""),
    ("gpt.pretrain.sentence_task = 'none'", "", ""),
    ("pretrain.optimizer.warmup_share = 0.3", "pretrain.optimizer.warmup_steps = 9", "gpt.model.layers = 1"),
    (
        "finetune.optimizer.warmup_share = 0.3",
        "finetune.optimizer.warmup_steps = 9",
        "gpt.finetune.optimizer.warmup_steps = 9",
    ),
    ("compare.probes = false", "task.kind = 'choice'", "task.kind = 'tagging'"),
    ("finetune.stride = 8", "task.train = 'a.csv'", "task.kind = 'span_qa'"),
    ("finetune.head_start = 'probe'", "task.kind = 'choice'", "task.kind = 'tagging'"),
    ("bert.finetune.summary = 'mean'", "task.kind = 'tagging'", "task.kind = 'choice'"),
    (
        "model.first_positions = 'normal'",
        "gpt.pretrain.start = 'gpt'\nbert.pretrain.start = 'bert'",
        "#grown",
    ),
]
_RATES, _TASK = "compare.learning_rates = [1e-5, 1e-4]", "task.kind = 'tagging'"
# The same of a comparison, which leaves more unused; other commands do use it, so that it stays in the file.
COMPARED = [
    ("finetune.optimizer.learning_rate = 3e-5", f"{_RATES}\n{_TASK}", _TASK),
    ("gpt.finetune.optimizer.learning_rate = 3e-5", f"{_RATES}\n{_TASK}", _TASK),
    ("arm.finetune.optimizer.learning_rate = 3e-5", f"{_RATES}\n{_TASK}", _TASK),
]
WITHOUT_TASK = {
    "finetune.epochs": "2",
    "compare.seeds": "[1]",
    "compare.learning_rates": "[1e-3]",
    "compare.label_counts": "[30]",
    "compare.untrained": "false",
    "compare.probes": "false",
    "compare.timing_seconds": "2",
}


@pytest.fixture
def starts(tmp_path, monkeypatch) -> None:
    """Folders "gpt" and "bert" of models to continue from, with the usual sizes."""
    monkeypatch.chdir(tmp_path)
    for kind in presets.KINDS:
        sizes = {**build.plain(getattr(resolve(None, {}), kind).model), "vocab_size": 300}
        sizes["feed_forward"] = 4 * sizes["width"]
        storage.write_json(tmp_path / kind / "config.json", {"family": kind, "sizes": sizes})


def written(lines: str) -> str:
    """Return a settings file; "task.", "arm." and "imported." are the first [[task]], ...."""
    rows = {
        name: [line.removeprefix(f"{name}.") for line in lines.split("\n") if line.startswith(f"{name}.")]
        for name in ("task", "arm", "imported")
    }
    plain = [line for line in lines.split("\n") if not line.startswith(("task.", "arm.", "imported."))]
    rows["arm"] += ['kind = "bert"'] if rows["arm"] else []
    return "\n".join([*plain, *(f"[[{name}]]\n" + "\n".join(own) for name, own in rows.items() if own)])


IN_FILES = [(*case, False) for case in CASES] + [(*case, True) for case in COMPARED]


@pytest.mark.parametrize(
    ("setting", "beside", "useful", "is_compared"), IN_FILES, ids=[case[0] for case in IN_FILES]
)
def test_a_setting_without_effect_is_refused_in_a_file(starts, setting, beside, useful, is_compared):
    Path("my.toml").write_text(text := written(f"{setting}\n{beside}"))
    with pytest.raises(UsageError) as error:
        resolve("my.toml", {}, is_compared=is_compared)
    if is_compared:
        resolve("my.toml", {})
    name, value = setting.split(" = ")
    key = name.rpartition(".")[2]
    (line,) = [number for number, row in enumerate(text.split("\n"), 1) if f"{key} = {value}" in row]
    assert (error.value.file, error.value.line) == ("my.toml", line)
    assert f"{key} would change nothing: " in str(error.value)
    assert str(error.value).endswith("leave it out")
    if useful == "#grown":
        useful = "bert.pretrain.start = 'bert'\nbert.model.max_length = 256"
        useful += "" if key == "grown_positions" else "\npretrain.grown_positions = 'drawn'"
    if useful:
        Path("my.toml").write_text(written(f"{setting}\n{useful}"))
        resolve("my.toml", {}, is_compared=is_compared)


OPTIONS = [case[:2] for case in CASES if not case[0].startswith(("task.", "arm.", "imported."))]


@pytest.mark.parametrize(("setting", "beside"), OPTIONS, ids=[case[0] for case in OPTIONS])
def test_a_setting_without_effect_is_refused_as_an_option(starts, setting, beside):
    """Rows of a list are no options here; tests/cli gives those of tasks."""
    name, value = setting.split(" = ")
    Path("my.toml").write_text(written(beside))
    for given in (value.strip("'\""), str(usual(name))):  # also the value that it has anyway
        with pytest.raises(UsageError, match=rf"^--{name}: .* would change nothing: .*; leave it out$"):
            resolve("my.toml", {name: given})


@pytest.mark.parametrize("name", WITHOUT_TASK)
def test_an_option_for_tasks_is_refused_where_a_comparison_has_none(tmp_path, name):
    with pytest.raises(UsageError, match=f"^--{name}: .* would change nothing: there is no task"):
        resolve(None, {name: WITHOUT_TASK[name]}, is_compared=True)
    table, _, key = name.partition(".")
    (tmp_path / "my.toml").write_text(f"[{table}]\n{key} = {WITHOUT_TASK[name]}")
    resolve(tmp_path / "my.toml", {}, is_compared=True)


def usual(name: str) -> object:
    """Return the default of a setting, as an option."""
    kind, _, rest = name.partition(".")
    rows = {row.name: row for row in settings_table.rows()}
    value = rows[rest if kind in presets.KINDS else name].defaults[0]
    return str(value).lower() if isinstance(value, bool) else value


def test_every_rule_is_tried():
    tried = {tuple(case[0].split(" = ")[0].split(".")[-2:]) for case in (*CASES, *COMPARED)}
    tried |= {tuple(name.split(".")) for name in WITHOUT_TASK}
    anything = {"pretrain": "length", "finetune": "epochs"}
    for rule in RULES:
        names = [anything[rule.table]] if rule.names == "*" else rule.names.split()
        assert all((rule.table, name) in tried for name in names), rule


def test_a_setting_that_matters_to_one_of_several_models_is_fine(starts):
    """[pretrain] sets both kinds and the arms; one of them that uses a setting is enough."""
    for text in (
        "[pretrain]\nmask_share = 0.4\nstatic_masks = 3",
        "[finetune]\nauxiliary_weight = 0.1",
        "[pretrain]\nfirst_share = 0.3\n[[arm]]\nkind = 'gpt'\npretrain = {first_length = 32}",
        "[bert.pretrain]\nshort_share = 0.3\nsentence_task = 'none'\n"
        "[[arm]]\nkind = 'bert'\npretrain = {sentence_task = 'next_sentence'}",
        "tokenizer = {vocab_size = 300}\n[gpt.pretrain]\nstart = 'gpt'",
    ):
        Path("my.toml").write_text(text)
        resolve("my.toml", {})


def test_what_nobody_gave_and_what_claims_nothing_is_fine(starts):
    """Presets, recipes that a file starts from, default values in a file, and files that hold everything."""
    base = {"pretrain": {"first_share": 0.3}, "quality": {"most_pairs": 3}}
    resolve(None, {}, base=base)
    Path("my.toml").write_text("[pretrain]\nfirst_share = 0.9\nmask_share = 0.15\nlength = 64")
    resolve("my.toml", {})
    Path("my.toml").write_text('recipe = "bert-base-paper"\n[bert.finetune.optimizer]\nwarmup_steps = 9')
    run = resolve("my.toml", {"bert.pretrain.first_length": "0"})
    assert run.bert.pretrain.first_length == 0
    Path("all.toml").write_text(tomli_w.dumps(build.plain(resolve(None, {}, base=base))))
    assert resolve("all.toml", {}) == resolve(None, {}, base=base)
    for name in recipes.names():
        resolve(name, {})


@pytest.mark.parametrize(
    ("table", "name", "value", "why"),
    [
        ("pretrain", "mask_share", 0.3, "GPT masks tokens only with both_sides_share above 0"),
        ("pretrain", "first_share", 0.5, "there is no first phase"),
        ("finetune", "stride", 64, 'no task has kind = "span_qa"'),
    ],
)
def test_a_changed_setting_without_effect_in_a_file_of_all_settings_is_named(
    tmp_path, monkeypatch, table, name, value, why
):
    """Such a file is no mistake, as `config show` wrote it; a setting changed in it may be one."""
    monkeypatch.chdir(tmp_path)
    everything = build.plain(resolve(None, {}, base={"task": [{"train": "a.csv"}]}))
    Path("all.toml").write_text(tomli_w.dumps(everything))
    lines: list[str] = []
    resolve("all.toml", {}, say=lines.append)
    assert lines == []
    everything["gpt"][table][name] = value
    Path("all.toml").write_text(text := tomli_w.dumps(everything))
    resolve("all.toml", {"seed": "3"}, say=lines.append)
    at = text[: text.index(f"{name} = {value}")].count("\n") + 1
    (line,) = lines
    assert line.startswith(
        f"note: all.toml has settings without effect: line {at}, {table}.{name} would change nothing: "
    )
    assert why in line


def test_tasks_of_the_command_line_may_use_what_a_file_without_tasks_sets(starts):
    Path("my.toml").write_text("[finetune]\nstride = 8")
    resolve("my.toml", {}, base={"task": [{"train": "a.csv"}]})


def test_the_settings_of_one_kind_say_so():
    for row in settings_table.rows():
        only = row.meaning.partition(" only.")[0].lower()
        assert ONLY.get(row.name, "") == (only if only in presets.KINDS else "")


def test_an_option_may_change_what_a_setting_of_the_file_stands_beside(starts):
    """Both ways: the file need not be edited for one command."""
    Path("my.toml").write_text("[quality]\nmost_pairs = 2\npairs = ['a.csv']\n[pretrain]\nlength = 64")
    resolve("my.toml", {"quality.pairs": "[]", "model.max_length": "64", "finetune.max_length": "64"})
    Path("my.toml").write_text("[pretrain]\nfirst_share = 0.5")
    resolve("my.toml", {"pretrain.first_length": "32"})
    with pytest.raises(UsageError, match="first_share would change nothing"):
        resolve("my.toml", {"seed": "3"})
