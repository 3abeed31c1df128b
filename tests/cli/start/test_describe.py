import json

import pytest

from twinlm.settings import recipes


def test_without_a_name_all_recipes_are_listed(cli):
    shown = cli("describe")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()] == recipes.names()
    assert list(cli("describe", "--json").json) == recipes.names()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gpt1-paper", "GPT: 116,534,784 parameters\n"),
        ("bert-base-paper", "109,482,240 without the pre-training heads\n"),
        ("bert-large-paper", "335,141,888 without the pre-training heads\n"),
    ],
)
def test_a_recipe_is_shown_with_sources_departures_and_sizes(cli, name, count):
    shown = cli("describe", name)
    assert (shown.code, shown.err) == (0, "")
    assert count in shown.out
    assert "\nDepartures from the paper:\n- " in shown.out
    rows = [line.split(maxsplit=2) for line in shown.out.splitlines() if line.startswith(("gpt.", "bert."))]
    assert len(rows) > 30
    assert all(len(row) == 3 for row in rows)


def test_json_has_every_value_with_its_source(cli):
    found = cli("describe", "bert-base-paper", "--json").json
    values = {row["name"]: row for row in found["values"]}
    assert values["bert.pretrain.optimizer.warmup_steps"] == {
        "name": "bert.pretrain.optimizer.warmup_steps",
        "value": 10_000,
        "source": "BERT A.2",
    }
    assert not [name for name in values if name.startswith("gpt.")]
    assert "bert.finetune.auxiliary_weight" not in values  # of the other kind only
    (model,) = found["models"]
    assert model["phases"] == [
        {"share": 0.9, "length": 128, "tokens_per_step": 32_768},
        {"share": 0.1, "length": 512, "tokens_per_step": 131_072},
    ]
    assert json.dumps(found["deviations"]).count("released code") > 2


def test_options_over_a_recipe_are_named_as_the_source(cli):
    found = cli("describe", "gpt1-paper", "--gpt.model.layers", "6", "--json").json
    values = {row["name"]: row for row in found["values"]}
    assert (values["gpt.model.layers"]["value"], values["gpt.model.layers"]["source"]) == (
        6,
        "option --gpt.model.layers",
    )
    assert found["models"][0]["parameters"] < 116_534_784


def test_own_settings_are_described_by_line_size_and_default(cli, tmp_path):
    (tmp_path / "my.toml").write_text('size = "mini"\n[pretrain]\nlength = 64\n')
    values = {row["name"]: row for row in cli("describe", "my.toml", "--json").json["values"]}
    assert values["size"] == {"name": "size", "value": "mini", "source": "line 1"}
    assert values["bert.pretrain.length"]["source"] == "line 3"
    assert values["gpt.model.width"]["source"] == "size mini"
    assert values["gpt.pretrain.optimizer.schedule"]["source"] == "default of gpt"
    assert values["gpt.pretrain.optimizer.beta1"]["source"] == "default"


def test_a_wrong_name_is_answered_with_the_nearest_recipe(cli):
    answer = cli("describe", "gpt1-papr")
    assert answer.code == 2
    assert "did you mean 'gpt1-paper'?" in answer.err


def test_other_commands_take_a_recipe_by_its_name(cli):
    shown = cli("config", "show", "pair-tiny", "--json").json
    assert shown["title"] == "GPT and BERT of size tiny"
    answer = cli("plan", "pair-tiny", "--threads", "1")
    assert (answer.code, answer.out) == (2, "")
    assert "there is no text to pre-train on" in answer.err


def test_what_a_model_to_go_on_from_decides_is_said_to_be_its_own(cli, tmp_path):
    sizes = {"layers": 3, "width": 240, "heads": 4, "feed_forward": 960, "max_length": 64, "dropout": 0.0}
    (tmp_path / "old").mkdir()
    about = {"family": "bert", "sizes": {**sizes, "vocab_size": 1000}}
    (tmp_path / "old" / "config.json").write_text(json.dumps(about))
    (tmp_path / "my.toml").write_text("bert.pretrain.start = 'old'\n")
    found = cli("describe", "my.toml", "--json").json
    values = {row["name"]: row for row in found["values"]}
    assert values["bert.model.width"]["source"] == values["bert.pretrain.length"]["source"] == "of old"
    assert values["bert.pretrain.optimizer.learning_rate"]["source"] == "size mini"
    (model,) = found["models"]
    embeddings, heads = (1000 + 64 + 2 + 2) * 240, 2 * 240 * 241 + 2 * 240 + 1000 + 2 * 241
    assert model["parameters"] == model["layer_parameters"] + embeddings + heads
