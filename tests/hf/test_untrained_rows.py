"""An imported model says what its source says, whatever special tokens were added to its vocabulary."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.errors import DataError, UsageError
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import read_folder
from twinlm.hf.verify import verify_folder
from twinlm.objectives.fine_tuning import fine_tuning
from twinlm.settings import FinetuneSettings, KindSettings, ModelSettings
from twinlm.tasks.table import task_kind
from twinlm.train.start import started_model
from twinlm.train.transfer import with_head
from twinlm.use.beams import beam_search
from twinlm.use.fill import fill
from twinlm.use.generate import generate
from twinlm.use.rank import rank
from twinlm.use.sampling import Sampling
from twinlm.use.score import score

TEXT = "The big dog sat on the red mat."
GREEDY = Sampling(temperature=0)


def shifted(theirs: Any, folder: Path, by: float) -> Any:
    """Move all logits of a GPT by one number, so that its softmax stays the same; write the folder anew."""
    body = theirs.transformer
    embedding = body.wte if hasattr(body, "wte") else body.tokens_embed
    norm = body.ln_f if hasattr(body, "ln_f") else body.h[-1].ln_2
    with torch.no_grad():
        embedding.weight[:, 0] = 1
        norm.weight[0] = 0
        norm.bias[0] = by
    theirs.save_pretrained(folder)
    return theirs


@torch.no_grad()
def their_likelihoods(theirs: Any, tokens: list[int]) -> list[float]:
    """Return log P(token | tokens before it) of all tokens but the first."""
    chances_LV = theirs(torch.tensor([tokens])).logits[0].log_softmax(-1)
    return [float(chances_LV[index - 1, token]) for index, token in enumerate(tokens) if index]


@pytest.mark.parametrize(("by", "empty_rows"), [(0.0, 0), (-38.0, 0), (-38.0, 7), (40.0, 3)])
def test_a_gpt2_is_as_likely_and_writes_as_its_source(
    by: float, empty_rows: int, gpt2: Any, tmp_path: Path
) -> None:
    theirs, folder = gpt2("GPT2LMHeadModel", empty_rows=empty_rows)
    shifted(theirs, folder, by)
    save_model(tmp_path / "ours", read_folder(folder))
    ours = load_model(tmp_path / "ours")
    tokens = [0, *AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]]
    wanted = their_likelihoods(theirs, tokens)
    assert [part for _, part in score(ours, TEXT).tokens] == pytest.approx(wanted, abs=1e-5)
    ranked = rank(ours, "The big dog", ["sat on the red mat.", "ran."], part="candidate").candidates
    count = len(ours.tokenizer.encode("The big dog"))
    assert any(one.log_likelihood == pytest.approx(sum(wanted[count:]), abs=1e-5) for one in ranked)
    prompt = AutoTokenizer.from_pretrained(folder)("The dog")["input_ids"]
    for beams in (1, 3):
        written = theirs.generate(
            torch.tensor([[0, *prompt]]), max_new_tokens=6, do_sample=False, num_beams=beams, pad_token_id=0
        )[0, 1 + len(prompt) :].tolist()
        found = beam_search(ours, "The dog", beams=beams, max_tokens=6)[0].tokens
        assert found == written[: len(found)]
    assert (
        generate(ours, "The dog", max_tokens=6, sampling=GREEDY)
        == beam_search(ours, "The dog", beams=1, max_tokens=6)[0].text
    )


@pytest.mark.parametrize(("by", "empty_rows"), [(-38.0, 0), (-38.0, 7)])
def test_an_exported_gpt2_is_its_source(by: float, empty_rows: int, gpt2: Any, tmp_path: Path) -> None:
    theirs, folder = gpt2("GPT2LMHeadModel", empty_rows=empty_rows)
    shifted(theirs, folder, by)
    ours = read_folder(folder)
    write_folder(tmp_path / "out", to_hf_files(ours))
    assert verify_folder(tmp_path / "out", ours).problems() == []
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokens_BL = torch.tensor([AutoTokenizer.from_pretrained(tmp_path / "out")(TEXT)["input_ids"]])
    assert again.config.vocab_size == theirs.config.vocab_size
    assert tokens_BL[0].tolist() == [0, *AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]]
    with torch.no_grad():
        torch.testing.assert_close(again(tokens_BL).logits, theirs(tokens_BL).logits, atol=1e-5, rtol=0)
    assert len(AutoTokenizer.from_pretrained(tmp_path / "out")) == len(AutoTokenizer.from_pretrained(folder))
    back = read_folder(tmp_path / "out")
    assert score(back, TEXT).log_likelihood == pytest.approx(score(ours, TEXT).log_likelihood, abs=1e-5)


def first_losses(trained: Trained) -> dict[str, float]:
    examples = [Example("1", (TEXT, "A red cat."), "no"), Example("2", ("The dog.", "The mat sat."), "yes")]
    task = LabelledTask(
        name="t", kind="classification", classes=["no", "yes"], train=examples, valid=examples, test=examples
    )
    settings = FinetuneSettings(auxiliary_weight=0.5, dropout=0)
    tuned, inputs = with_head(trained, task, settings, seed=1, counts=Counter())
    assert tuned.tuned is not None
    assert tuned.task is not None
    batch = task_kind("classification").batch(inputs, tuned.task, trained.tokenizer.specials.pad)
    with torch.no_grad():
        return fine_tuning(trained.family.auxiliary(0.5))(tuned.tuned.eval(), batch).values()


def test_fine_tuning_starts_from_what_the_source_knows(gpt2: Any) -> None:
    theirs, folder = gpt2("GPT2LMHeadModel")
    losses = []
    for by in (0.0, -38.0):
        shifted(theirs, folder, by)
        trained = read_folder(folder)
        losses.append(first_losses(trained)["causal_lm"])
        specials, embedding_VD = trained.tokenizer.specials, trained.model.token_embedding.weight
        assert trained.model.config.unscored == (specials.pad,)
        assert torch.allclose(embedding_VD[specials.extract], embedding_VD[: specials.delimiter].mean(0))
    assert losses[1] == pytest.approx(losses[0], abs=1e-3)
    # Again, as from a model that was fine-tuned before.
    assert first_losses(trained)["causal_lm"] == pytest.approx(losses[1], abs=1e-5)


def test_a_gpt1_without_a_start_reads_and_writes_without_one(gpt1: Any, tmp_path: Path) -> None:
    theirs, folder = gpt1
    shifted(theirs, folder, -38.0)
    ours = read_folder(folder)
    tokens = AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]
    assert [part for _, part in score(ours, TEXT).tokens] == pytest.approx(
        [0, *their_likelihoods(theirs, tokens)], abs=1e-5
    )
    prompt = AutoTokenizer.from_pretrained(folder)("the dog")["input_ids"]
    written = theirs.generate(torch.tensor([prompt]), max_new_tokens=6, do_sample=False, pad_token_id=0)
    (beam,) = beam_search(ours, "the dog", beams=1, max_tokens=6)
    assert beam.tokens == written[0, len(prompt) :].tolist()
    with pytest.raises(DataError, match="without a token for the start of a text"):
        generate(ours, "")
    candidates = ["the red", "."]  # the first token of each has no score
    for prompt in ("", "{} cat"):
        with pytest.raises(DataError, match="can't score a first token"):
            rank(ours, prompt, candidates, part="candidate")
    with pytest.raises(UsageError, match="as pmi needs"):
        rank(ours, "the dog", candidates, normalize="pmi")
    assert len(rank(ours, "the dog", candidates).candidates) == 2
    assert len(rank(ours, "{} the cat sat", candidates).candidates) == 2
    write_folder(tmp_path / "out", to_hf_files(ours))
    assert verify_folder(tmp_path / "out", ours).problems() == []
    assert AutoTokenizer.from_pretrained(tmp_path / "out")(TEXT)["input_ids"] == tokens


def test_positions_may_grow_and_what_pre_training_shows_joins_the_softmax(gpt2: Any, gpt1: Any) -> None:
    for theirs, folder in (gpt2("GPT2LMHeadModel"), gpt1):
        start = read_folder(shifted(theirs, folder, -38.0) and folder)
        model, _ = started_model(start, KindSettings(model=ModelSettings(max_length=160)), 1)
        grown = replace(start, model=model)
        specials = start.tokenizer.specials
        assert model.config.unscored == tuple(sorted((specials.delimiter, specials.extract, specials.pad)))
        wanted = score(start, TEXT).log_likelihood
        if specials.start in start.model.config.unscored:
            assert (
                model.next_token_logits(model.embed(torch.tensor([[3]]), first_position=0)).isfinite().any()
            )
        else:
            assert score(grown, TEXT).log_likelihood == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("empty_rows", [0, 3])
def test_a_bert_that_lacks_its_padding_guesses_as_its_source(
    empty_rows: int, bert: Any, tmp_path: Path
) -> None:
    theirs, folder = bert("BertForMaskedLM", "[PAD]", empty_rows=empty_rows)
    with torch.no_grad():
        theirs.cls.predictions.bias -= 38
    theirs.save_pretrained(folder)
    ours = read_folder(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    size = len(tokenizer)
    row = tokenizer("the [MASK] sat on the mat.")["input_ids"]
    assert ours.model.config.unscored == (size,)
    with torch.no_grad():
        wanted_V = theirs(torch.tensor([row])).logits[0, 2].softmax(-1)
    guesses = fill(ours, "the [MASK] sat on the mat.", top_k=size)[0]
    found = {guess.text: guess.probability for guess in guesses}
    for number, token in enumerate(tokenizer.convert_ids_to_tokens(range(size))):
        assert found.get(token.removeprefix("##"), 0) == pytest.approx(float(wanted_V[number]), abs=1e-5)
    write_folder(tmp_path / "out", to_hf_files(ours))
    assert verify_folder(tmp_path / "out", ours).problems() == []
    again = AutoModelForMaskedLM.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        chances_V = again(torch.tensor([row])).logits[0, 2].softmax(-1)
    torch.testing.assert_close(chances_V[:size], wanted_V[:size], atol=1e-5, rtol=0)


def test_models_of_ours_are_stored_as_before(ours: Any, tmp_path: Path) -> None:
    save_model(tmp_path / "gpt", ours("gpt"))
    assert '"unscored"' not in (tmp_path / "gpt" / "config.json").read_text()
