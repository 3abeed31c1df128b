"""Models from Hugging Face's folders and to them, from the command line."""

from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from twinlm.checkpoint import Trained, load_model, save_model
from twinlm.families import FAMILIES
from twinlm.settings import presets
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

GPT, BERT = presets.KINDS
TEXTS = ["The red cat sat on the mat.", "A big dog ran to the old house."] * 4


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of each kind, with random weights."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = train_tokenizer(
        TEXTS, algorithm="byte-bpe", vocab_size=300, lowercase=False, progress=Silent()
    )
    torch.manual_seed(0)
    for kind, family in FAMILIES.items():
        sizes = {"width": 24, "layers": 2, "heads": 4, "feed_forward": 96, "max_length": 32}
        model = family.model(family.config(vocab_size=tokenizer.vocab_size, **sizes))
        save_model(folder / kind, Trained(family=family, model=model.eval(), tokenizer=tokenizer))
    return folder


@pytest.mark.parametrize("kind", presets.KINDS)
def test_a_model_goes_there_and_back(cli, models, kind):
    done = cli("export", models / kind, "--out", "theirs", "--verify", "--json")
    assert done.code == 0
    assert done.json["verified"]["is_equal"] is True
    done = cli("import", "theirs", "--out", "ours", "--json")
    assert done.code == 0
    assert (done.json["kind"], done.json["missing"], done.json["source"]) == (kind, [], "theirs")
    before, after = load_model(models / kind), load_model(Path("ours"))
    assert before.tokenizer.fingerprint == after.tokenizer.fingerprint
    wanted = before.model.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in after.model.state_dict().items())


def test_people_are_told_what_was_verified(cli, models):
    done = cli("export", models / GPT, "--out", "theirs", "--verify")
    assert done.out.startswith("theirs: written for hf\n  equal in transformers ")
    assert "largest differences: logits " in done.out


@pytest.mark.parametrize(("kind", "pooling"), [(BERT, "cls"), (GPT, "last")])
def test_vectors_are_exported_and_verified(cli, models, kind, pooling):
    done = cli(
        *("export", models / kind, "--to", "sentence-transformers", "--pooling", pooling),
        *("--out", "vectors", "--verify", "--json"),
    )
    assert done.code == 0
    assert done.json["verified"]["is_equal"] is True
    assert Path("vectors/1_Pooling/config.json").is_file()


def test_the_first_state_of_a_causal_model_is_no_vector(cli, models):
    done = cli("export", models / GPT, "--to", "sentence-transformers", "--pooling", "cls", "--out", "x")
    assert done.code == 2
    assert "its first state is the same for every text; pool by mean or last" in done.err
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--pooling", "mean"], "--pooling is for sentence-transformers and onnx"),
        (["--int8"], "--int8 is for onnx; add --to onnx"),
        (["--to", "onnx", "--max-shard-bytes", "9"], "--max-shard-bytes is for hf and sentence-transformers"),
        (["--max-shard-bytes", "0"], "--max-shard-bytes must be at least 1, not 0"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(cli, models, given, said):
    done = cli("export", models / GPT, "--out", "x", *given)
    assert (done.code, said in done.err, Path("x").exists()) == (2, True, False)


def test_a_model_is_written_for_onnx_runtime(cli, models):
    done = cli("export", models / BERT, "--to", "onnx", "--int8", "--out", "onnx", "--verify")
    assert done.code == 0
    assert done.out.startswith("onnx: written for onnx\n  equal in ONNX Runtime ")
    assert "not exact by design: logits in int8 " in done.out
    assert {path.name for path in Path("onnx/onnx").iterdir()} == {"model.onnx", "model_quantized.onnx"}


def test_what_llama_cpp_can_not_compute_is_refused_with_a_way_out(cli, models):
    done = cli("export", models / GPT, "--to", "gguf", "--out", "x")
    assert done.code == 4
    assert done.err.count("\n") == 1
    assert "normalizes before each layer, but this GPT does so after it; use --to onnx, or " in done.err
    done = cli("export", models / BERT, "--to", "gguf", "--out", "x")
    assert "cuts a BERT's text by WordPiece, in lower case and without accents" in done.err
    assert not Path("x").exists()


def test_an_adapter_is_to_be_merged_first(cli):
    Path("adapter").mkdir()
    Path("adapter/adapter_config.json").write_text("{}")
    for arguments in (["export", "adapter"], ["import", "./adapter"]):
        done = cli(*arguments, "--out", "x")
        assert (done.code, done.err.count("\n")) == (4, 1)
        assert "an adapter of peft's, not a whole model; merge it into its model first" in done.err


def test_the_card_names_the_licence_of_the_text(cli, models):
    assert cli("export", models / GPT, "--out", "mine", "--licence", "cc0-1.0").code == 0
    assert 'license: "cc0-1.0"' in Path("mine/README.md").read_text()
    assert cli("export", models / GPT, "--out", "unknown").code == 0
    assert (
        "The licence of the text that it learned from is not known" in Path("unknown/README.md").read_text()
    )


def test_a_difference_is_an_error_that_says_what_differs(cli, models, monkeypatch):
    def broken(folder, files):
        for name, contents in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(contents)
        place = folder / "model.safetensors"
        tensors = load_file(place)
        tensors["transformer.h.0.ln_1.bias"] += 1
        save_file(tensors, place, {"format": "pt"})

    monkeypatch.setattr("twinlm.hf.export.write_folder", broken)
    done = cli("export", models / GPT, "--out", "theirs", "--verify")
    assert done.code == 4
    assert "sees a different model: logits differ by up to" in done.err


def test_what_a_source_lacks_is_said_and_refused_in_use(cli, models):
    assert cli("export", models / BERT, "--out", "theirs").code == 0
    transformers.AutoModel.from_pretrained("theirs").save_pretrained("bare")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        Path("bare", name).write_bytes(Path("theirs", name).read_bytes())
    done = cli("import", "bare", "--out", "ours")
    assert "parts that the source lacks, to be trained before use: masked_token_head" in done.out
    done = cli("fill", "ours", "The [MASK] cat")
    assert done.code == 4
    assert "was imported from bare without a masked token head" in done.err
    assert cli("score", "ours", "The red cat").code == 4
    done = cli("follows", "ours", "The red cat sat.", "It slept.")
    assert done.code == 4
    assert "without a next sentence head" in done.err


def test_a_place_that_is_taken_is_left_alone(cli, models):
    Path("taken").mkdir()
    Path("taken/precious.txt").write_text("mine")
    for arguments in (["export", models / GPT], ["import", models / GPT]):
        done = cli(*arguments, "--out", "taken")
        assert done.code == 2
        assert "something exists at this path already" in done.err
    assert Path("taken/precious.txt").read_text() == "mine"


def test_our_own_folder_needs_no_import(cli, models):
    done = cli("import", models / GPT, "--out", "again")
    assert done.code == 4
    assert "this is already a twinlm model" in done.err


def test_a_folder_of_theirs_is_not_loaded_but_imported(cli, models):
    assert cli("export", models / GPT, "--out", "theirs").code == 0
    done = cli("generate", "theirs", "The")
    assert done.code == 4
    assert "twinlm import" in done.err


def test_a_model_that_is_neither_here_nor_on_the_hub_is_an_error_in_one_line(cli):
    done = cli("import", "nobody/nothing", "--out", "ours")
    assert done.code == 4
    assert done.err.count("\n") == 1
    assert "there is no folder 'nobody/nothing', and the Hub can't provide it" in done.err
    done = cli("import", "./nothing", "--out", "ours")
    assert done.err == "error: ./nothing: there is no such folder\n"


def test_the_help_says_what_is_read(cli):
    assert "bert, gpt2 and openai-gpt" in cli("import", "--help").out
    assert cli("import", ".", "--out", "x", "--json").json["exit_code"] == 4


def test_vectors_of_an_imported_sentence_encoder_are_the_exported_ones(cli, models):
    export = ("export", models / BERT, "--to", "sentence-transformers", "--pooling", "cls", "--out", "theirs")
    assert cli(*export).code == 0
    done = cli("import", "theirs", "--out", "ours")
    assert "embed does as the source: cls pooling, at most 32 tokens" in done.out
    wanted = cli("embed", models / BERT, "A big dog", "--pooling", "cls").json["embedding"]
    assert cli("embed", "ours", "A big dog").json["embedding"] == pytest.approx(wanted, abs=1e-6)
    done = cli("embed", "ours", "A big dog", "--prompt", "query")
    assert (done.code, "the model has no prompt 'query'; it has none" in done.err) == (2, True)
