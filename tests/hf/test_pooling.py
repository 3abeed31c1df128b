"""How a sentence-transformers folder makes vectors is read, kept, used by `embed` and written again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from twinlm.checkpoint import load_model, save_model
from twinlm.errors import ModelError, UsageError
from twinlm.hf.export import write_folder
from twinlm.hf.reading import read_folder
from twinlm.hf.sentence_transformers import to_sentence_transformers_files
from twinlm.hf.verify import verify_sentence_transformers
from twinlm.use.embed import cosines, embed

TEXTS = ["The red cat sat on the mat.", "A big dog", "the " * 30, "sat"]
PROMPTS = {"query": "the big ", "document": "a mat . "}


@pytest.fixture(scope="module")
def written() -> dict[str, dict[str, bytes]]:
    """The files of each folder that was made, by its options."""
    return {}


@pytest.fixture
def sentences(bert: Any, tmp_path: Path, written: dict[str, dict[str, bytes]]) -> Callable[..., Path]:
    """Return a function that makes a folder of sentence-transformers."""

    def make(mode: str = "cls", *, is_normalized: bool = False, length: int = 12, **options: Any) -> Path:
        folder, key = tmp_path / "sentences", str((mode, is_normalized, length, options))
        if key not in written:
            _, body = bert("BertModel")
            transformer = Transformer(str(body), max_seq_length=length)
            modules = [transformer, Pooling(24, pooling_mode=mode), *([Normalize()] if is_normalized else [])]
            SentenceTransformer(modules=modules, device="cpu", **options).save(str(folder))
            paths = [path for path in folder.rglob("*") if path.is_file()]
            written[key] = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
        for name, contents in written[key].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(contents)
        return folder

    return make


def loaded(folder: Path) -> Any:
    return SentenceTransformer(str(folder), device="cpu")


def assert_equal(found: Any, wanted: Any) -> None:
    torch.testing.assert_close(torch.tensor(found), torch.tensor(wanted), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "cls"},
        {"mode": "mean", "is_normalized": True},
        {"mode": "lasttoken", "length": 32},
        {"mode": "mean", "prompts": PROMPTS, "default_prompt_name": "document"},
    ],
    ids=str,
)
def test_embed_does_as_the_source_and_so_does_its_export(
    options: dict[str, Any], sentences: Any, tmp_path: Path
) -> None:
    folder = sentences(**options)
    theirs = loaded(folder)
    save_model(tmp_path / "ours", read_folder(folder))
    ours = load_model(tmp_path / "ours")
    assert ours.history["import"]["not_understood"] == []
    assert_equal(embed(ours, TEXTS), theirs.encode(TEXTS))
    write_folder(tmp_path / "out", to_sentence_transformers_files(ours))
    assert verify_sentence_transformers(tmp_path / "out", ours).problems() == []
    again = loaded(tmp_path / "out")
    assert_equal(again.encode(TEXTS), theirs.encode(TEXTS))
    assert (again.prompts, again.default_prompt_name) == (theirs.prompts, theirs.default_prompt_name)
    assert_equal(embed(read_folder(tmp_path / "out"), TEXTS), theirs.encode(TEXTS))


def test_prompts_are_chosen_by_name_and_queries_get_theirs(sentences: Any) -> None:
    folder = sentences("mean", prompts=PROMPTS, default_prompt_name="query")
    theirs = loaded(folder)
    ours = read_folder(folder)
    for name in PROMPTS:
        assert_equal(embed(ours, TEXTS, prompt=name), theirs.encode(TEXTS, prompt_name=name))
    assert_equal(embed(ours, TEXTS, prompt=""), theirs.encode(TEXTS, prompt=""))
    wanted = theirs.similarity(theirs.encode_query("big dog"), theirs.encode_document(TEXTS))[0]
    assert_equal(cosines(ours, "big dog", TEXTS), wanted.tolist())
    with pytest.raises(UsageError, match="no prompt 'title'; it has document, query"):
        embed(ours, TEXTS, prompt="title")


@pytest.mark.parametrize(("kind", "pooling"), [("bert", "cls"), ("bert", "mean"), ("gpt", "last")])
def test_our_own_export_is_read_again(kind: str, pooling: Any, ours: Any, tmp_path: Path) -> None:
    trained = ours(kind)
    write_folder(tmp_path / "out", to_sentence_transformers_files(trained, pooling=pooling))
    again = read_folder(tmp_path / "out")
    assert again.history["import"]["not_understood"] == []
    assert_equal(embed(again, TEXTS), embed(trained, TEXTS, pooling=pooling))


def test_old_keys_of_pooling_and_length_are_read(sentences: Any) -> None:
    folder = sentences("mean")
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {"word_embedding_dimension": 24, "pooling_mode_cls_token": True, "pooling_mode_lasttoken": False}
        )
    )
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 7, "do_lower_case": false}')
    ours = read_folder(folder)
    assert ours.history["import"]["embedding"]["pooling"] == "cls"
    assert ours.history["import"]["embedding"]["max_length"] == 7
    assert_equal(embed(ours, TEXTS), loaded(folder).encode(TEXTS))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"1_Pooling/config.json": {"pooling_mode": "max"}}, "pooling by max"),
        ({"1_Pooling/config.json": {"pooling_mode": ["mean", "cls"]}}, "pooling by mean and cls"),
        (
            {"1_Pooling/config.json": {"pooling_mode": "mean", "include_prompt": False}},
            "1_Pooling (include_prompt)",
        ),
        (
            {"modules.json": [{"type": "x.Transformer", "path": ""}, {"type": "x.Dense", "path": "2_Dense"}]},
            "2_Dense (Dense)",
        ),
        ({"config_sentence_transformers.json": {"truncate_dim": 8}}, "(truncate_dim)"),
        ({"adapter_config.json": {}}, "an adapter"),
        ({"generation_config.json": {"temperature": 0.5}}, "generation_config.json (temperature)"),
    ],
    ids=str,
)
def test_whatever_is_not_understood_is_named(changes: dict[str, Any], named: str, sentences: Any) -> None:
    folder = sentences()
    for name, contents in changes.items():
        (folder / name).write_text(json.dumps(contents))
    assert named in " | ".join(read_folder(folder).history["import"]["not_understood"])


def test_a_tokenizer_that_puts_nothing_around_texts_is_named(sentences: Any) -> None:
    folder = sentences()
    place = folder / "tokenizer.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"post_processor": None}))
    assert "no special tokens around texts" in read_folder(folder).history["import"]["not_understood"][0]


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("modules.json", {}, "a list of at most 20 modules"),
        ("modules.json", [{"type": "x.Pooling", "path": "../elsewhere"}], "is not a module"),
        ("modules.json", [{"type": "x.Pooling", "path": "9_Pooling"}], "the file is missing"),
        ("sentence_bert_config.json", {"max_seq_length": "long"}, "max_seq_length must be a whole number"),
        ("config_sentence_transformers.json", {"prompts": {"query": 1}}, "each name a text"),
        ("config_sentence_transformers.json", {"default_prompt_name": "x"}, "none of the prompts"),
    ],
    ids=str,
)
def test_damaged_files_are_refused(name: str, contents: Any, message: str, sentences: Any) -> None:
    folder = sentences()
    (folder / name).write_text(json.dumps(contents))
    with pytest.raises(ModelError, match=message):
        read_folder(folder)
