"""Heads of tasks: read from folders of transformers, and written so that transformers reads them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.made_models import HEADS, run_card, with_head
from twinlm.batch import LabelledBatch, SpanBatch, TaggedBatch
from twinlm.checkpoint import Trained
from twinlm.errors import ModelError
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import Imported, read_folder, read_model
from twinlm.hf.verify import verify_folder
from twinlm.objectives.fine_tuning import fine_tuning
from twinlm.system.foreign_folder import Folder
from twinlm.use.ask import classify, similarity, tag
from twinlm.use.next_sentence import next_sentence

V = 61
Saved = Callable[..., tuple[Any, Path]]
# Their class, options, our kind of task, and how many labels.
THEIRS: list[tuple[str, dict[str, Any], str]] = [
    ("BertForSequenceClassification", {"num_labels": 3}, "classification"),
    ("BertForSequenceClassification", {"num_labels": 1}, "similarity"),
    ("BertForMultipleChoice", {}, "choice"),
    ("BertForTokenClassification", {"num_labels": 5}, "tagging"),
    ("BertForQuestionAnswering", {}, "span_qa"),
    ("MegatronBertForSequenceClassification", {"num_labels": 3}, "classification"),
    ("MegatronBertForTokenClassification", {"num_labels": 5}, "tagging"),
    ("GPT2ForSequenceClassification", {"num_labels": 3}, "classification"),
    ("GPT2ForSequenceClassification", {"num_labels": 1}, "similarity"),
    ("GPT2ForTokenClassification", {"num_labels": 5}, "tagging"),
    ("GPT2ForQuestionAnswering", {}, "span_qa"),
    ("OpenAIGPTForSequenceClassification", {"num_labels": 4}, "classification"),
    ("OpenAIGPTForSequenceClassification", {"num_labels": 1}, "similarity"),
]
NO_DROPOUT = {
    "bert": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "megatron-bert": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    "gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "classifier_dropout": 0.0},
    "openai-gpt": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
}
TOKENS_BL = 1 + torch.arange(4 * 11).reshape(4, 11) * 7 % (V - 1)
REAL_BL = torch.arange(11) < torch.tensor([[11], [6], [9], [8]])
TOKENS_BL = TOKENS_BL * REAL_BL  # token 0 is padding
SEGMENTS_BL = ((torch.arange(11) >= torch.tensor([[5], [3], [4], [4]])) & REAL_BL).long()


def read(folder: Path) -> Imported:
    return read_model(Folder(folder), V)


def batch_for(kind: str, real_BL: Tensor = REAL_BL) -> Any:
    """Return the batch of a kind of task and the arguments of their model's `forward` for its labels."""
    common = {"tokens_BL": TOKENS_BL, "segments_BL": SEGMENTS_BL, "real_BL": real_BL}
    owners_B = torch.arange(4)
    if kind == "classification":
        labels_B = torch.tensor([0, 2, 1, 2])
        return LabelledBatch(**common, owners_B=owners_B, labels_G=labels_B), {"labels": labels_B}
    if kind == "similarity":
        numbers_B = torch.tensor([0.1, -1.0, 2.0, 0.5])
        return LabelledBatch(**common, owners_B=owners_B, labels_G=numbers_B), {"labels": numbers_B}
    if kind == "choice":
        places_G = torch.tensor([1, 0])
        return LabelledBatch(**common, owners_B=owners_B // 2, labels_G=places_G), {"labels": places_G}
    if kind == "tagging":
        labels_BL = torch.where(REAL_BL, TOKENS_BL % 5, -100)
        return TaggedBatch(**common, labels_BL=labels_BL), {"labels": labels_BL}
    spans_B2 = torch.tensor([[1, 4], [0, 0], [2, 8], [3, 3]])
    batch = SpanBatch(**common, allowed_BL=torch.ones_like(REAL_BL), spans_B2=spans_B2)
    return batch, {"start_positions": spans_B2[:, 0], "end_positions": spans_B2[:, 1]}


def run(theirs: Any, kind: str, labels: dict[str, Tensor], real_BL: Tensor = REAL_BL) -> Any:
    given = {"input_ids": TOKENS_BL, "attention_mask": real_BL.long()}
    if theirs.config.model_type.endswith("bert"):
        given["token_type_ids"] = SEGMENTS_BL
    if kind == "choice":
        given = {name: tensor.reshape(2, 2, 11) for name, tensor in given.items()}
    return theirs(**given, **labels)


@pytest.mark.parametrize(("architecture", "more", "kind"), THEIRS, ids=str)
@torch.no_grad()
def test_scores_are_those_of_transformers(
    architecture: str, more: dict[str, Any], kind: str, saved: Saved
) -> None:
    theirs, folder = saved(architecture, **more)
    found = read(folder)
    assert found.task is not None and found.tuned is not None
    assert found.task.kind == kind
    batch, _ = batch_for(kind)
    scores, out = found.tuned(batch), run(theirs, kind, {})
    if kind == "span_qa":
        wanted = torch.stack([out.start_logits, out.end_logits], -1)
    else:
        wanted = out.logits[:, 0] if kind == "similarity" else out.logits
    real = REAL_BL if kind in ("tagging", "span_qa") else slice(None)
    torch.testing.assert_close(scores[real], wanted[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("architecture", "more", "kind"), THEIRS, ids=str)
def test_losses_and_gradients_in_training_mode_are_those_of_transformers(
    architecture: str, more: dict[str, Any], kind: str, saved: Saved
) -> None:
    model_type = getattr(transformers, architecture).config_class.model_type
    theirs, folder = saved(architecture, **more, **NO_DROPOUT[model_type])
    found = read(folder)
    assert found.tuned is not None
    # Their softmax for spans runs over padding as well, whose states nothing defines: so there is none.
    real_BL = torch.ones_like(REAL_BL) if kind == "span_qa" else REAL_BL
    batch, labels = batch_for(kind, real_BL)
    wanted = run(theirs.train(), kind, labels, real_BL).loss
    loss = fine_tuning(None)(found.tuned.train(), batch).total
    torch.testing.assert_close(loss, wanted, atol=1e-5, rtol=1e-5)
    loss.backward()
    wanted.backward()
    head = {name: weight.grad for name, weight in found.tuned.head.named_parameters()}
    layer = next(
        part for name, part in theirs.named_children() if name in ("classifier", "score", "qa_outputs")
    )
    for name, weight in layer.named_parameters():
        torch.testing.assert_close(head[f"score.{name}"], weight.grad, atol=1e-5, rtol=1e-4)
    body: Any = found.model
    positions = body.position_embedding.weight.grad
    theirs_positions = {
        "bert": lambda: theirs.bert.embeddings.position_embeddings,
        "megatron-bert": lambda: theirs.bert.embeddings.position_embeddings,
        "gpt2": lambda: theirs.transformer.wpe,
        "openai-gpt": lambda: theirs.transformer.positions_embed,
    }[model_type]().weight.grad
    torch.testing.assert_close(positions, theirs_positions, atol=1e-5, rtol=1e-4)


def test_a_score_without_its_activation_is_found(ours: Callable[..., Trained], tmp_path: Path) -> None:
    trained = with_head(ours("bert"), "similarity", has_bias=True)
    files = to_hf_files(trained)
    config = json.loads(files["config.json"])
    del config["sentence_transformers"]
    write_folder(tmp_path / "out", {**files, "config.json": json.dumps(config).encode()})
    problems = verify_folder(tmp_path / "out", trained).problems()
    assert [problem.split()[0] for problem in problems] == ["CrossEncoder"]


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
@pytest.mark.parametrize(("family", "sizes", "kind"), HEADS, ids=str)
def test_transformers_reads_what_we_write(
    family: str,
    sizes: dict[str, Any],
    kind: str,
    algorithm: str,
    ours: Callable[..., Trained],
    tmp_path: Path,
) -> None:
    trained = with_head(ours(family, algorithm, **sizes), kind, has_bias=family == "bert")
    write_folder(tmp_path / "out", to_hf_files(trained))
    found = verify_folder(tmp_path / "out", trained)
    assert found.problems() == []
    assert all(number > 0.1 for number in found.largest_numbers.values())
    ways = {
        "classification": ["text-classification"],
        "similarity": ["CrossEncoder"],
        "tagging": ["token-classification of words", "token-classification of text"],
    }
    assert [name for name in found.largest_numbers if "-" in name or name == "CrossEncoder"] == ways.get(
        kind, []
    )
    if algorithm == "byte-bpe":  # the code of the cards is the same
        run_card(tmp_path / "out")


@pytest.mark.parametrize(("family", "sizes", "kind"), HEADS, ids=str)
def test_we_read_what_we_write(
    family: str, sizes: dict[str, Any], kind: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = with_head(ours(family, **sizes), kind, has_bias=family == "bert")
    write_folder(tmp_path / "out", to_hf_files(trained))
    again = read_folder(tmp_path / "out")
    assert again.task is not None and trained.task is not None
    assert (again.task.kind, again.task.labels) == (kind, trained.task.labels)
    assert (again.task.max_length, again.task.stride, again.task.dropout) == (24, 9, 0.25)
    assert again.tokenizer.fingerprint == trained.tokenizer.fingerprint
    batch, _ = batch_for(kind)
    with torch.no_grad():
        assert trained.tuned is not None and again.tuned is not None
        wanted, found = trained.tuned(batch), again.tuned(batch)
    if kind == "similarity":
        pairs = [("A red cat.", "She drinks."), ("x", "The old house")]
        assert similarity(again, pairs) == pytest.approx(similarity(trained, pairs), abs=1e-4)
    else:
        assert torch.equal(found, wanted)
        assert again.task.constants == trained.task.constants


def test_the_pipeline_of_transformers_gives_our_classes(ours: Callable[..., Trained], tmp_path: Path) -> None:
    texts = ["The red cat sat.", "Tea with milk"]
    for family, sizes in [("bert", {}), ("gpt", {"norm": "pre"}), ("gpt", {})]:
        trained = with_head(ours(family, **sizes), "classification", has_bias=family == "bert")
        place = tmp_path / f"{family}{len(sizes)}"
        write_folder(place, to_hf_files(trained))
        pipeline = transformers.pipeline("text-classification", str(place), top_k=None, device="cpu")
        for answer, chances in zip(pipeline(texts), classify(trained, texts), strict=True):
            found = {row["label"]: row["score"] for row in answer}
            assert found == pytest.approx(chances, abs=1e-4)


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
@pytest.mark.parametrize(("family", "sizes"), [("bert", {}), ("gpt", {"norm": "pre"})])
def test_transformers_tags_words_as_we_do(
    family: str, sizes: Any, algorithm: str, ours: Callable[..., Trained], tmp_path: Path
) -> None:
    """In the usual way: words, all sentences in one batch, each tag read at a word's first or last token."""
    trained = with_head(ours(family, algorithm, **sizes), "tagging", has_bias=True)
    write_folder(tmp_path / "out", to_hf_files(trained))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    theirs = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "out").eval()
    sentences = [["The", "red", "cat", "sat", "."], ["tea"], ["A", "big", "house"]]
    batch = tokenizer(sentences, is_split_into_words=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        best_BL = theirs(**batch).logits.argmax(-1)
    for number, words in enumerate(sentences):
        places: dict[int, int] = {}
        for place, word in enumerate(batch.word_ids(number)):
            if word is not None and (family == "gpt" or word not in places):
                places[word] = place
        tags = [theirs.config.id2label[int(best_BL[number, place])] for place in places.values()]
        assert tags == tag(trained, [words])[0]


def test_a_tagger_whose_first_word_had_no_blank_is_named(
    ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = with_head(ours("bert"), "tagging", has_bias=True)
    assert trained.task is not None
    trained = replace(trained, task=replace(trained.task, constants={}))
    write_folder(tmp_path / "out", to_hf_files(trained))
    (problem, *_) = verify_folder(tmp_path / "out", trained).problems()
    assert problem.startswith("(\"['The', 'cat'")
    assert read_folder(tmp_path / "out").tokenizer.fingerprint == trained.tokenizer.fingerprint


def test_labels_are_those_of_the_folder(saved: Saved) -> None:
    names = {0: "bad", 1: "good"}
    _, folder = saved("BertForSequenceClassification", id2label=names, label2id={"bad": 0, "good": 1})
    task = read(folder).task
    assert task is not None
    assert task.labels == ("bad", "good")
    assert task.constants == {"texts": 1.0}


@pytest.mark.parametrize("architecture", ["BertForSequenceClassification", "BertForTokenClassification"])
def test_labels_that_are_whole_numbers_are_read_as_texts(architecture: str, saved: Saved) -> None:
    _, folder = saved(architecture, num_labels=3)
    place = folder / "config.json"
    changes = {"id2label": {"0": 0, "1": -1, "2": "two"}, "label2id": {"0": 0, "-1": 1, "two": 2}}
    place.write_text(json.dumps(json.loads(place.read_text()) | changes))
    task = read(folder).task
    assert task is not None
    assert task.labels == ("0", "-1", "two")


def test_a_model_of_one_segment_reads_pairs_in_it(bert: Any, tmp_path: Path) -> None:
    pair = ("The red cat", "sat on the mat")
    for kind, architecture in [
        ("classification", "BertForSequenceClassification"),
        ("next sentence", "BertForNextSentencePrediction"),
    ]:
        theirs, folder = bert(architecture, type_vocab_size=1)
        trained = read_folder(folder, texts=2)
        tokens = transformers.AutoTokenizer.from_pretrained(folder)(
            "the red cat [SEP] sat on the mat", return_tensors="pt"
        )
        with torch.no_grad():
            wanted = theirs(tokens["input_ids"], token_type_ids=torch.zeros_like(tokens["input_ids"]))
        chances = wanted.logits.softmax(-1)[0].tolist()
        if kind == "classification":
            by_label = {f"LABEL_{number}": chance for number, chance in enumerate(chances)}
            assert classify(trained, [pair])[0] == pytest.approx(by_label, abs=1e-5)
        else:
            assert next_sentence(trained, *pair) == pytest.approx(chances[0], abs=1e-5)
        write_folder(tmp_path / kind, to_hf_files(trained))
        assert verify_folder(tmp_path / kind, trained).problems() == []
        again = transformers.AutoTokenizer.from_pretrained(tmp_path / kind)(*pair)
        assert not any(again["token_type_ids"])


def test_a_model_of_one_segment_is_fine_tuned_on_pairs(ours: Callable[..., Trained]) -> None:
    trained = with_head(ours("bert", segments=1), "classification", has_bias=True)
    batch, _ = batch_for("classification")
    assert trained.tuned is not None
    loss = fine_tuning(None)(trained.tuned.train(), batch).total
    loss.backward()
    assert loss.isfinite()


def test_a_head_can_be_left_out(saved: Saved) -> None:
    _, folder = saved("BertForSequenceClassification")
    found = read_model(Folder(folder), V, is_headless=True)
    assert found.task is None and found.tuned is None
    assert found.facts["ignored_tensors"] == ["classifier.bias", "classifier.weight"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem_type": "multi_label_classification"}, "multi_label_classification' is not supported"),
        ({"problem_type": "regression"}, "is not supported"),
        ({"id2label": {"0": "a", "1": "a"}}, "a text of its own"),
        ({"id2label": {"0": "a", "2": "b"}}, "keys 0, 1, 2"),
        ({"id2label": {"0": "a", "1": None}}, "a text of its own"),
        ({"id2label": {"0": "a", "1": True}}, "a text of its own"),
        ({"id2label": {"0": "1", "1": 1}}, "a text of its own"),
        ({"id2label": ["a", "b"]}, "keys 0, 1, 2"),
        ({"id2label": {}}, "keys 0, 1, 2"),
        (
            {"id2label": {"0": "a", "1": "b", "2": "c"}},
            r"shape \(2,\), but config.json asks for \(3,\)",
        ),
        ({"id2label": None, "num_labels": -1}, "num_labels"),
        ({"twinlm": []}, "not what twinlm writes"),
        ({"twinlm": {"evil": 1}}, "not what twinlm writes"),
        ({"twinlm": {"constants": {"evil": 1.0}}}, "not what twinlm writes"),
        ({"twinlm": {"constants": {"mean": "1"}}}, "not what twinlm writes"),
        ({"twinlm": {"max_length": 2**40}}, "not what twinlm writes"),
        ({"twinlm": {"reading": "aloud"}}, "not what twinlm writes"),
        ({"twinlm": {"scheme": "entities"}}, "labels of classification have no meaning 'entities'"),
    ],
    ids=str,
)
def test_what_is_said_of_a_head_is_checked(changes: dict[str, Any], message: str, saved: Saved) -> None:
    _, folder = saved("BertForSequenceClassification")
    place = folder / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | changes))
    with pytest.raises(ModelError, match=message):
        read(folder)


def test_a_head_without_the_pooler_that_it_reads_is_refused(saved: Saved) -> None:
    _, folder = saved("BertForSequenceClassification")
    place = folder / "model.safetensors"
    save_file({name: tensor for name, tensor in load_file(place).items() if "pooler" not in name}, place)
    with pytest.raises(ModelError, match="BertForSequenceClassification needs the pooler"):
        read(folder)


def test_a_pooler_that_fine_tuning_made_is_written(ours: Callable[..., Trained], tmp_path: Path) -> None:
    body = ours("bert", history={"import": {"missing": ["pooler", "next_sentence_head"]}})
    trained = with_head(body, "classification", has_bias=True)
    write_folder(tmp_path / "out", to_hf_files(trained))
    assert verify_folder(tmp_path / "out", trained).problems() == []


def test_the_card_says_how_a_left_to_right_model_scores_a_pair(ours: Callable[..., Trained]) -> None:
    card = to_hf_files(with_head(ours("gpt"), "similarity", has_bias=False))["README.md"].decode()
    assert 'pipeline_tag: "text-classification"' in card
    assert "the sum of what the model gives for the two orders, plus 2.5." in card
    bert = to_hf_files(with_head(ours("bert"), "similarity", has_bias=True))["README.md"].decode()
    assert "two orders" not in bert


@torch.no_grad()
def test_scores_of_both_orders_in_transformers_add_up_to_ours(
    ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = with_head(ours("gpt", norm="pre"), "similarity", has_bias=False)
    write_folder(tmp_path / "out", to_hf_files(trained))
    theirs = transformers.GPT2ForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    pair = ("A red cat", "She drinks tea")
    orders = [theirs(**tokenizer(*texts, return_tensors="pt")).logits for texts in (pair, pair[::-1])]
    assert similarity(trained, [pair]) == pytest.approx([float(sum(orders)) + 2.5], abs=1e-4)


def test_what_transformers_has_no_class_for_is_refused(ours: Callable[..., Trained]) -> None:
    for sizes, kind in [({}, "tagging"), ({}, "span_qa"), ({}, "choice"), ({"norm": "pre"}, "choice")]:
        trained = with_head(ours("gpt", **sizes), kind, has_bias=False)
        with pytest.raises(ModelError, match=f"transformers has no class for {kind}"):
            to_hf_files(trained)


def test_a_bias_that_has_no_place_is_refused(ours: Callable[..., Trained]) -> None:
    with pytest.raises(ModelError, match="GPT2ForSequenceClassification has no place for one"):
        to_hf_files(with_head(ours("gpt", norm="pre"), "classification", has_bias=True))


@pytest.mark.parametrize(
    ("kind", "settled"),
    [
        ("choice", {"scheme": "question", "reading": "number"}),
        ("tagging", {"scheme": "words"}),
        ("classification", {"reading": "whole"}),
    ],
)
def test_how_labels_are_read_comes_back(
    kind: str, settled: dict[str, str], ours: Callable[..., Trained], tmp_path: Path
) -> None:
    trained = with_head(ours("bert"), kind, has_bias=True)
    assert trained.task is not None
    trained = replace(trained, task=replace(trained.task, **settled))
    write_folder(tmp_path / "out", to_hf_files(trained))
    back = read_folder(tmp_path / "out").task
    assert back is not None and {name: getattr(back, name) for name in settled} == settled
