"""transformers loads what we write: equal tokens and logits, no weight missing and none left over."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoTokenizer

from tests.made_models import run_card
from twinlm.checkpoint import Trained
from twinlm.errors import ModelError, UsageError
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import read_folder, read_model
from twinlm.system.foreign_folder import Folder
from twinlm.use.fill import masked_row

NASTY = [
    "",
    " ",
    "Tea  with\tcafé\n\nmilk.",
    "Éé 你好 🙂 '\"\\ don't x9999999999",
    "\u200b\u0301A\u00ad",
    "a" * 120,
]
KINDS: list[tuple[str, dict[str, Any], str]] = [
    ("bert", {}, "BertForPreTraining"),
    (
        "bert",
        {"activation": "gelu_tanh", "segments": 3, "feed_forward": 40, "norm_eps": 1e-6},
        "BertForPreTraining",
    ),
    ("bert", {"norm": "pre", "feed_forward": 40}, "MegatronBertForPreTraining"),
    ("gpt", {}, "OpenAIGPTLMHeadModel"),
    ("gpt", {"norm": "pre", "feed_forward": 40}, "GPT2LMHeadModel"),
]


def load(folder: Path, architecture: str) -> Any:
    """Return the model as transformers loads it, with nothing missing and nothing left over."""
    model, info = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model.eval()


def export(trained: Trained, folder: Path, **options: Any) -> Path:
    write_folder(folder, to_hf_files(trained, **options))
    return folder


@torch.no_grad()
def assert_equal(trained: Trained, theirs: Any) -> None:
    tokens_BL = torch.arange(2 * 11).reshape(2, 11) * 7 % trained.tokenizer.vocab_size
    real_BL = torch.arange(11) < torch.tensor([[11], [6]])
    segments_BL = ((torch.arange(11) >= 5) & real_BL).long()
    model: Any = trained.model
    if trained.family.name == "gpt":
        out = theirs(tokens_BL, attention_mask=real_BL.long())
        pairs = [(model.next_token_logits(model(tokens_BL)), out.logits)]
    else:
        out = theirs(tokens_BL, attention_mask=real_BL.long(), token_type_ids=segments_BL)
        hidden_BLD = model(tokens_BL, segments_BL, real_BL)
        pairs = [
            (model.masked_token_logits(hidden_BLD), out.prediction_logits),
            (model.next_sentence_logits(hidden_BLD)[:, None], out.seq_relationship_logits[:, None]),
        ]
    for found, wanted in pairs:
        chosen = real_BL if found.shape[1] == 11 else slice(None)
        torch.testing.assert_close(found[chosen], wanted[chosen], atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "sizes", "architecture"), KINDS, ids=str)
def test_transformers_has_equal_logits(
    kind: str, sizes: dict[str, Any], architecture: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind, **sizes)
    assert_equal(trained, load(export(trained, tmp_path / "out"), architecture))
    run_card(tmp_path / "out")


@pytest.mark.parametrize(("kind", "sizes", "architecture"), KINDS, ids=str)
def test_what_is_written_is_read_again(
    kind: str, sizes: dict[str, Any], architecture: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind, **sizes)
    again = read_model(Folder(export(trained, tmp_path / "out")), trained.tokenizer.vocab_size)
    assert again.model.config == trained.model.config
    assert again.facts["architecture"] == architecture
    assert again.facts["ignored_keys"] == []
    wanted = trained.model.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in again.model.state_dict().items())


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
@pytest.mark.parametrize("kind", ["bert", "gpt"])
def test_transformers_cuts_texts_and_pairs_into_the_same_tokens(
    kind: str, algorithm: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours(kind, algorithm)
    theirs = AutoTokenizer.from_pretrained(export(trained, tmp_path / "out"))
    specials, encode = trained.tokenizer.specials, trained.tokenizer.encode
    for text in [*NASTY, "A [MASK] <start> literal"]:
        first, second = encode(text), encode("The old house")
        single, pair = (
            theirs(*texts, split_special_tokens=True)["input_ids"]
            for texts in [(text,), (text, "The old house")]
        )
        if kind == "bert":
            assert single == [specials.cls, *first, specials.sep]
            assert pair == [specials.cls, *first, specials.sep, *second, specials.sep]
        else:
            assert single == [specials.start, *first]
            assert pair == [specials.start, *first, specials.delimiter, *second]


@pytest.mark.parametrize("text", ["The [MASK] sat.", "[MASK] sat on", "tea [MASK] [MASK]", "the[MASK]sat"])
@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_a_mask_takes_the_blank_before_it(
    text: str, algorithm: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours("bert", algorithm)
    theirs = AutoTokenizer.from_pretrained(export(trained, tmp_path / "out"))
    assert theirs(text)["input_ids"] == masked_row(trained, text)
    again = read_folder(tmp_path / "out").tokenizer
    assert again.fingerprint == trained.tokenizer.fingerprint


def test_large_weights_are_written_in_shards_with_an_index(
    ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours("gpt", norm="pre")
    folder = export(trained, tmp_path / "out", max_shard_bytes=20_000)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shards = sorted(folder.glob("model-*-of-*.safetensors"))
    assert len(shards) > 3
    assert {path.name for path in shards} == set(index["weight_map"].values())
    assert index["metadata"]["total_size"] == 4 * sum(weight.numel() for weight in trained.model.parameters())
    assert_equal(trained, load(folder, "GPT2LMHeadModel"))
    again = read_model(Folder(folder), trained.tokenizer.vocab_size).model.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in trained.model.state_dict().items())


def test_transformers_generates_what_we_would(ours: Callable[..., Trained], tmp_path: Path) -> None:
    trained = ours("gpt", norm="pre")
    theirs = load(export(trained, tmp_path / "out"), "GPT2LMHeadModel")
    prompt_BL = torch.tensor([[trained.tokenizer.specials.start, 40, 41]])
    written = theirs.generate(prompt_BL, max_new_tokens=8, do_sample=False)[0, 3:].tolist()
    model: Any = trained.model
    tokens = prompt_BL[0].tolist()
    with torch.no_grad():
        while len(tokens) < 3 + len(written):
            tokens.append(int(model.next_token_logits(model(torch.tensor([tokens])))[0, -1].argmax()))
    assert written == tokens[3:]


@pytest.mark.parametrize(
    ("missing", "architecture"),
    [
        (["masked_token_head", "next_sentence_head"], "BertModel"),
        (["pooler", "next_sentence_head"], "BertForMaskedLM"),
        (["masked_token_head"], "BertForNextSentencePrediction"),
    ],
)
def test_noise_is_not_written(
    missing: list[str], architecture: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = ours("bert", history={"import": {"missing": missing}})
    folder = export(trained, tmp_path / "out")
    load(folder, architecture)
    assert json.loads((folder / "config.json").read_text())["architectures"] == [architecture]
    run_card(folder)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_the_length_of_a_gpt_has_its_old_name_too(norm: str, ours: Callable[..., Trained]) -> None:
    config = json.loads(to_hf_files(ours("gpt", norm=norm))["config.json"])
    assert config["n_ctx"] == config["n_positions"] == 32


def test_sizes_that_a_model_type_lacks_are_refused(ours: Callable[..., Trained]) -> None:
    with pytest.raises(ModelError, match="four times 24, but this one has 40"):
        to_hf_files(ours("gpt", feed_forward=40))


def test_the_card_says_licence_and_where_the_text_is_from(
    ours: Callable[..., Trained], tmp_path: Path
) -> None:
    history = {"licence": "cc-by-sa-4.0", "attribution": "Text: Wikipedia.", "pretraining": {"step": 3}}
    card = to_hf_files(ours("gpt", history=history))["README.md"].decode()
    assert card.startswith('---\nlibrary_name: "transformers"\n')
    assert 'license: "cc-by-sa-4.0"' in card
    assert "Text: Wikipedia." in card
    assert '"step": 3' in card


def test_nothing_is_ever_replaced(ours: Callable[..., Trained], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(ours("gpt"), tmp_path / "out")
    with pytest.raises(UsageError, match="something exists at this path already"):
        export(ours("gpt"), tmp_path / "out")
    assert not list(tmp_path.rglob("manifest.json"))


@pytest.mark.parametrize(
    ("task", "architecture"), [("none", "BertForMaskedLM"), ("next_sentence", "BertForPreTraining")]
)
def test_heads_that_pre_training_left_untrained_are_not_written(
    task: str, architecture: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = replace(ours("bert"), history={"pretraining": {"sentence_task": task}})
    folder = export(trained, tmp_path / "out")
    assert json.loads((folder / "config.json").read_text())["architectures"] == [architecture]
    load(folder, architecture)
    card = (folder / "README.md").read_text()
    assert ("This model has no next sentence head." in card) == (task == "none")


def test_a_gpt_that_reads_both_sides_is_refused(ours: Callable[..., Trained], tmp_path: Path) -> None:
    trained = ours("gpt")
    trained.model.config = replace(trained.model.config, both_sides=True)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no class of Hugging Face's reads a GPT from both sides"):
        to_hf_files(trained)
