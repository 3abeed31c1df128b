"""Folders that transformers wrote give models of ours with equal logits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from twinlm.errors import ModelError
from twinlm.hf.reading import Imported, read_model
from twinlm.system.foreign_folder import Folder

V = 61
Saved = Callable[..., tuple[Any, Path]]
GPTS = ["GPT2LMHeadModel", "GPT2Model", "OpenAIGPTLMHeadModel", "OpenAIGPTModel"]
BERTS = ["BertForPreTraining", "BertForMaskedLM", "BertModel", "BertForNextSentencePrediction"]
TOKENS_BL = torch.arange(2 * 11).reshape(2, 11) * 7 % V
REAL_BL = torch.arange(11) < torch.tensor([[11], [6]])
SEGMENTS_BL = ((torch.arange(11) >= torch.tensor([[5], [3]])) & REAL_BL).long()


def read(folder: Path, known: int = V, appended: int = 0) -> Imported:
    return read_model(Folder(folder), known, added=appended)


def change_config(folder: Path, **changes: Any) -> None:
    place = folder / "config.json"
    about = json.loads(place.read_text()) | changes
    place.write_text(json.dumps({key: value for key, value in about.items() if value != "gone"}))


def change_tensors(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor | None]]) -> None:
    """Write a folder's tensors anew; those that became None are left out."""
    place = folder / "model.safetensors"
    tensors = change(load_file(place))
    kept = {name: tensor.contiguous().clone() for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, place)


def assert_gpt_equal(ours: Any, theirs: Any) -> None:
    out = theirs(TOKENS_BL, attention_mask=REAL_BL.long())
    hidden_BLD = ours(TOKENS_BL)
    found, wanted = (
        (ours.next_token_logits(hidden_BLD), out.logits)
        if "logits" in out
        else (hidden_BLD, out.last_hidden_state)
    )
    torch.testing.assert_close(found[REAL_BL], wanted[REAL_BL], atol=1e-5, rtol=1e-5)


def assert_bert_equal(ours: Any, theirs: Any, missing: list[str]) -> None:
    out = theirs(TOKENS_BL, attention_mask=REAL_BL.long(), token_type_ids=SEGMENTS_BL)
    hidden_BLD = ours(TOKENS_BL, SEGMENTS_BL, REAL_BL)
    compared = 0
    for key, found in [
        ("last_hidden_state", hidden_BLD),
        ("prediction_logits", ours.masked_token_logits(hidden_BLD)),
        ("seq_relationship_logits", ours.next_sentence_logits(hidden_BLD)),
        ("pooler_output", ours.pooled(hidden_BLD)),
        (
            "logits",
            ours.next_sentence_logits(hidden_BLD)
            if "masked_token_head" in missing
            else ours.masked_token_logits(hidden_BLD),
        ),
    ]:
        if key in out:
            wanted = out[key]
            compared += 1
            real = REAL_BL if found.dim() == 3 else slice(None)
            torch.testing.assert_close(found[real], wanted[real], atol=1e-5, rtol=1e-5)
    assert compared


@pytest.mark.parametrize("architecture", GPTS)
@torch.no_grad()
def test_a_gpt_has_equal_logits(architecture: str, saved: Saved) -> None:
    theirs, folder = saved(architecture)
    found = read(folder)
    assert (found.family.name, found.facts["missing"]) == ("gpt", [])
    assert_gpt_equal(found.model, theirs)


@pytest.mark.parametrize(
    ("architecture", "missing"),
    [
        ("BertForPreTraining", []),
        ("BertForMaskedLM", ["pooler", "next_sentence_head"]),
        ("BertModel", ["masked_token_head", "next_sentence_head"]),
        ("BertForNextSentencePrediction", ["masked_token_head"]),
        ("MegatronBertForPreTraining", []),
        ("MegatronBertForMaskedLM", ["pooler", "next_sentence_head"]),
    ],
)
@torch.no_grad()
def test_a_bert_has_equal_logits_and_says_what_it_lacks(
    architecture: str, missing: list[str], saved: Saved
) -> None:
    theirs, folder = saved(architecture)
    found = read(folder)
    assert (found.family.name, found.facts["missing"]) == ("bert", missing)
    assert found.facts["architecture"] == architecture
    assert_bert_equal(found.model, theirs, missing)


@pytest.mark.parametrize("architecture", ["GPT2LMHeadModel", "OpenAIGPTLMHeadModel", "BertForPreTraining"])
@torch.no_grad()
def test_shards_are_read_through_their_index(architecture: str, saved: Saved) -> None:
    theirs, folder = saved(architecture, options={"max_shard_size": "20KB"})
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    model = read(folder).model
    if architecture == "BertForPreTraining":
        assert_bert_equal(model, theirs, [])
    else:
        assert_gpt_equal(model, theirs)


@pytest.mark.parametrize(
    ("architecture", "more"),
    [
        ("BertForMaskedLM", {"hidden_act": "gelu_new"}),
        ("BertForMaskedLM", {"hidden_act": "gelu_pytorch_tanh"}),
        ("BertForMaskedLM", {"type_vocab_size": 4}),
        ("BertForMaskedLM", {"layer_norm_eps": 1e-3}),
        ("GPT2LMHeadModel", {"activation_function": "gelu_pytorch_tanh"}),
        ("GPT2LMHeadModel", {"n_inner": 31}),
        ("GPT2LMHeadModel", {"layer_norm_epsilon": 1e-3}),
        ("GPT2LMHeadModel", {"reorder_and_upcast_attn": True}),
    ],
    ids=str,
)
@torch.no_grad()
def test_what_a_configuration_chooses_is_computed(
    architecture: str, more: dict[str, Any], saved: Saved
) -> None:
    theirs, folder = saved(architecture, **more)
    found = read(folder)
    if found.family.name == "gpt":
        assert_gpt_equal(found.model, theirs)
    else:
        assert_bert_equal(found.model, theirs, found.facts["missing"])


@pytest.mark.parametrize(("dtype", "word"), [(torch.float16, "F16"), (torch.bfloat16, "BF16")])
@torch.no_grad()
def test_half_precision_becomes_float32(dtype: torch.dtype, word: str, saved: Saved) -> None:
    theirs, folder = saved("GPT2LMHeadModel")
    theirs.to(dtype).save_pretrained(folder)
    found = read(folder)
    assert found.facts["dtypes"] == [word]
    assert {weight.dtype for weight in found.model.parameters()} == {torch.float32}
    assert_gpt_equal(found.model, theirs.float())


@pytest.mark.parametrize("architecture", ["BertForPreTraining", "GPT2LMHeadModel"])
@torch.no_grad()
def test_old_names_buffers_and_tied_copies_are_understood(architecture: str, saved: Saved) -> None:
    """As the first releases have them: bert-base-uncased's gains, gpt2's masks, no prefix, tied copies."""
    theirs, folder = saved(architecture)

    def age(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        old = {}
        for name, tensor in tensors.items():
            bare = name.removeprefix("transformer.").removeprefix("bert.")
            bare = bare.replace("LayerNorm.weight", "LayerNorm.gamma")
            old[bare.replace("LayerNorm.bias", "LayerNorm.beta")] = tensor
        if architecture == "GPT2LMHeadModel":
            more = {
                "h.0.attn.bias": torch.ones(1, 1, 16, 16, dtype=torch.uint8),
                "h.0.attn.masked_bias": torch.tensor(-1e4),
                "lm_head.weight": old["wte.weight"].clone(),
            }
        else:
            more = {
                "embeddings.position_ids": torch.arange(16)[None],
                "cls.predictions.decoder.weight": old["embeddings.word_embeddings.weight"].clone(),
                "cls.predictions.decoder.bias": old["cls.predictions.bias"].clone(),
            }
        return old | more

    change_tensors(folder, age)
    found = read(folder)
    assert found.facts["ignored_tensors"] == []
    if found.family.name == "gpt":
        assert_gpt_equal(found.model, theirs)
    else:
        assert_bert_equal(found.model, theirs, [])


@torch.no_grad()
def test_an_embedding_that_lies_in_its_tied_copy_alone_is_found(saved: Saved) -> None:
    theirs, folder = saved("GPT2LMHeadModel")
    change_tensors(
        folder,
        lambda tensors: (
            tensors | {"lm_head.weight": tensors["transformer.wte.weight"], "transformer.wte.weight": None}
        ),
    )
    assert_gpt_equal(read(folder).model, theirs)


def test_untied_output_weights_are_refused(saved: Saved) -> None:
    _, folder = saved("GPT2LMHeadModel")
    change_tensors(folder, lambda tensors: tensors | {"lm_head.weight": torch.zeros(V, 24)})
    with pytest.raises(ModelError, match=r"lm_head.weight and transformer.wte.weight must be equal"):
        read(folder)


def test_rows_without_a_token_come_last_and_new_tokens_start_from_the_mean(saved: Saved) -> None:
    theirs, folder = saved("BertForPreTraining")
    found = read(folder, known=57, appended=3)
    embedding_VD, bias_V = found.model.token_embedding.weight, found.model.masked_token_head.bias_V
    for ours, wanted in [
        (embedding_VD, theirs.bert.embeddings.word_embeddings.weight),
        (bias_V, theirs.cls.predictions.bias),
    ]:
        assert len(ours) == V + 3
        assert torch.equal(ours[:57], wanted[:57])
        assert torch.equal(ours[60:], wanted[57:])
        assert all(torch.equal(row, wanted[:57].mean(0)) for row in ours[57:60])
    assert found.model.config.unscored == (57, 58, 59)
    assert (found.facts["unused_rows"], found.facts["drawn_rows"]) == (4, 3)


def test_more_tokens_than_rows_are_refused(saved: Saved) -> None:
    _, folder = saved("BertModel")
    with pytest.raises(ModelError, match="vocab_size is 61, but the tokenizer has 62 tokens"):
        read(folder, known=62)


def test_missing_parts_are_drawn_small_for_training(saved: Saved) -> None:
    _, folder = saved("BertModel")
    model = read(folder).model
    assert 0 < model.masked_token_head.transform.weight.abs().max() <= 0.04
    assert model.masked_token_head.norm.weight.tolist() == [1] * 24
    assert not model.masked_token_head.bias_V.any()
    assert all(weight.requires_grad and not weight.is_meta for weight in model.parameters())


def test_a_head_that_we_do_not_have_is_listed(saved: Saved) -> None:
    _, folder = saved("BertModel")
    change_tensors(folder, lambda tensors: tensors | {"qa_outputs.weight": torch.zeros(2, 24)})
    assert read(folder).facts["ignored_tensors"] == ["qa_outputs.weight"]


def test_keys_that_nobody_knows_are_listed(saved: Saved) -> None:
    _, folder = saved("BertModel")
    change_config(folder, colour="blue")
    assert read(folder).facts["ignored_keys"] == ["colour"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings.LayerNorm.weight": None}, "1 tensor is missing: bert.embeddings.LayerNorm.weight"),
        ({"pooler.dense.bias": None}, "1 tensor is missing: bert.pooler.dense.bias"),
        ({"crf.transitions": torch.zeros(2)}, "1 tensor is unknown to a bert model: crf.transitions"),
        ({"embeddings.LayerNorm.gamma": torch.ones(24)}, "are the same tensor"),
        ({"pooler.dense.bias": torch.ones(25)}, r"has shape \(25,\), but config.json asks for \(24,\)"),
        ({"pooler.dense.bias": torch.full((24,), torch.nan)}, "pooler.dense.bias .* not finite"),
        ({"pooler.dense.bias": torch.full((24,), torch.inf)}, "pooler.dense.bias .* not finite"),
        ({"pooler.dense.bias": torch.ones(24, dtype=torch.int32)}, "pooler.dense.bias has type I32"),
    ],
)
def test_wrong_tensors_are_named(changes: dict[str, Tensor | None], message: str, saved: Saved) -> None:
    _, folder = saved("BertModel")
    change_tensors(folder, lambda tensors: tensors | changes)
    with pytest.raises(ModelError, match=message):
        read(folder)
