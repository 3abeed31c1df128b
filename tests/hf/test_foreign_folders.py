"""Whole folders as transformers writes them, tokenizer and all, are imported and used."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from twinlm.checkpoint import load_model, save_model
from twinlm.errors import ModelError
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import read_folder
from twinlm.hf.verify import verify_folder
from twinlm.use.generate import Continuation
from twinlm.use.sampling import Sampling


def test_a_gpt2_reads_and_writes_as_in_transformers(gpt2: Any, tmp_path: Path) -> None:
    theirs, folder = gpt2("GPT2LMHeadModel")
    ours = read_folder(folder)
    specials, size = ours.tokenizer.specials, theirs.config.vocab_size
    assert specials.start == 0
    assert sorted([specials.delimiter, specials.extract, specials.pad]) == [size, size + 1, size + 2]
    assert (ours.history["import"]["drawn_rows"], ours.model.config.vocab_size) == (3, size + 3)
    tokens = PreTrainedTokenizerFast.from_pretrained(folder)(" The dog sat")["input_ids"]
    assert ours.tokenizer.encode(" The dog sat") == tokens
    written = theirs.generate(
        torch.tensor([[0, *tokens]]), max_new_tokens=9, do_sample=False, pad_token_id=0
    )[0, 1 + len(tokens) :]
    continuation = Continuation(ours, " The dog sat", max_tokens=9, sampling=Sampling(temperature=0), seed=0)
    list(continuation)  # reads on to its end
    assert continuation.tokens == written.tolist()


def test_it_is_kept_and_exported_with_its_new_tokens(gpt2: Any, tmp_path: Path) -> None:
    _, folder = gpt2("GPT2LMHeadModel")
    ours = read_folder(folder)
    save_model(tmp_path / "ours", ours)
    again = load_model(tmp_path / "ours")
    assert again.tokenizer.fingerprint == ours.tokenizer.fingerprint
    write_folder(tmp_path / "theirs", to_hf_files(again))
    assert verify_folder(tmp_path / "theirs", again).problems() == []


def test_a_head_that_read_bare_texts_is_refused_and_its_body_is_not(gpt2: Any) -> None:
    _, folder = gpt2("GPT2ForSequenceClassification", num_labels=3)
    with pytest.raises(ModelError, match=r"this head reads bare texts.*import it without its head"):
        read_folder(folder)
    assert read_folder(folder, is_headless=True).task is None


def test_the_licence_of_nobody_is_made_up(gpt2: Any) -> None:
    _, folder = gpt2("GPT2LMHeadModel")
    assert "license" not in to_hf_files(read_folder(folder))["README.md"].decode()
