"""Commands that use a model, on tiny ones with first weights: what they print, and how they refuse."""

import json

import pytest
from safetensors.numpy import load_file

from twinlm.families import FAMILIES
from twinlm.settings import presets

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the old house.", "She drinks tea with milk."]


def lines(answer) -> list:
    assert (answer.code, answer.err) == (0, "")
    return [json.loads(line) for line in answer.out.splitlines()]


@pytest.mark.parametrize("kind", presets.KINDS)
def test_vectors_are_printed_as_json_lines(cli, feed, models, kind):
    feed("\n".join(SENTENCES).encode())
    records = lines(cli("embed", models / kind, "-"))
    assert [record["text"] for record in records] == SENTENCES
    assert all(len(record["embedding"]) == 16 for record in records)
    by_token = lines(cli("embed", models / kind, "tea", "--tokens", "--layers", "1,2"))[0]
    assert len(by_token["tokens"]) == len(by_token["states"])
    assert all(len(state) == 32 for state in by_token["states"])


def test_vectors_are_written_to_a_file(cli, models, tmp_path):
    answer = cli("embed", models / "bert", *SENTENCES, "--out", "a/v.safetensors", "--layers", "last2")
    assert (answer.code, answer.out) == (0, "a/v.safetensors: 3 texts\n")
    assert load_file(tmp_path / "a" / "v.safetensors")["embeddings"].shape == (3, 32)
    named = cli("embed", models / "gpt", *SENTENCES, "--tokens", "--out", "t.safetensors", "--json")
    assert named.json == {"file": "t.safetensors", "texts": 3}
    tensors = load_file(tmp_path / "t.safetensors")
    assert set(tensors) == {f"{number}.{what}" for number in range(3) for what in ("tokens", "states")}
    assert len(tensors["2.tokens"]) == len(tensors["2.states"])


def test_the_texts_most_like_another_come_first(cli, models):
    answer = cli("embed", models / "bert", *SENTENCES, "--query", SENTENCES[1], "--top-k", "2")
    assert answer.out.splitlines()[0] == f" 1.000  {SENTENCES[1]}"
    assert len(answer.out.splitlines()) == 2
    assert lines(cli("embed", models / "bert", *SENTENCES, "--query", "tea", "--json"))[0]["cosine"] <= 1


def test_texts_that_were_cut_are_counted_aloud(cli, models):
    answer = cli("embed", models / "bert", "cat " * 50, "tea")
    assert (answer.code, answer.err) == (0, "cut 1 of 2 texts to 32 tokens\n")


def test_each_prompt_of_a_batch_gets_what_it_gets_alone(cli, feed, models):
    options = ["--max-tokens", "6", "--seed", "3"]
    alone = [cli("generate", models / "gpt", prompt, *options).out for prompt in SENTENCES]
    feed("\n".join(SENTENCES).encode())
    records = lines(cli("generate", models / "gpt", "-", "--batch", "--json", *options))
    assert [record["prompt"] + record["text"] + "\n" for record in records] == alone
    assert cli("generate", models / "gpt", *SENTENCES, *options).out == "\n".join(alone)


def test_several_samples_and_beams_are_shown_in_order(cli, models):
    asked = ["generate", models / "gpt", "The red", "--max-tokens", "4", "--json", "--n", "3"]
    samples = lines(cli(*asked))
    assert [record["sample"] for record in samples] == [0, 1, 2]
    assert samples[0]["temperature"] == 0.8
    (single,) = lines(cli(*asked[:-2]))
    assert single["text"] == samples[0]["text"]
    found = lines(cli(*asked, "--beams", "5", "--length-penalty", "0"))
    assert [record["place"] for record in found] == [0, 1, 2]
    assert found[0]["score"] >= found[1]["score"] >= found[2]["score"]
    assert (found[0]["beams"], found[0]["stopping"]) == (5, "likely")


@pytest.mark.parametrize("kind", presets.KINDS)
def test_texts_are_scored_by_a_method_that_is_named(cli, feed, models, kind):
    feed("\n".join(SENTENCES).encode())
    records = lines(cli("score", models / kind, "-", "--json"))
    assert [record["text"] for record in records] == SENTENCES
    assert {record["method"] for record in records} == {next(iter(FAMILIES[kind].likelihoods))}
    shown = cli("score", models / "bert", *SENTENCES, "--method", "pseudo-likelihood-l2r").out
    assert len(shown.splitlines()) == 3


@pytest.mark.parametrize("kind", presets.KINDS)
def test_candidates_are_ranked(cli, feed, models, kind):
    asked = ["rank", models / kind, "The red {} sat."]
    feed(b"cat\ndog\ntea\n")
    (record,) = lines(cli(*asked, "-", "--json"))
    scores = [candidate["score"] for candidate in record["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert record["part"] == ("rest" if kind == "gpt" else "candidate")
    shown = [line.split() for line in cli(*asked, "cat", "dog", "tea").out.splitlines()]
    assert [word for _, word in shown] == [candidate["candidate"] for candidate in record["candidates"]]


def test_lines_of_masks_are_filled(cli, feed, models):
    texts = ["The [MASK] cat sat.", "[MASK] [MASK]"]
    feed("\n".join(texts).encode())
    records = lines(cli("fill", models / "bert", "-", "--json", "--top-k", "2"))
    assert [[len(mask) for mask in record["masks"]] for record in records] == [[2], [2, 2]]
    together = lines(cli("fill", models / "bert", *texts, "--together", "--json"))
    assert [len(record["guesses"]) for record in together] == [1, 2]
    shown = cli("fill", models / "bert", *texts, "--together").out
    assert shown.splitlines() == [record["filled"] for record in together]


def test_a_text_that_follows_gets_a_probability(cli, feed, models):
    feed("\t".join(SENTENCES[:2]).encode())
    (record,) = lines(cli("follows", models / "bert", "-", "--json"))
    assert [record["first"], record["second"]] == SENTENCES[:2]
    shown = cli("follows", models / "bert", *SENTENCES[:2]).out
    assert shown == f"{record['probability']:.3f}  {SENTENCES[0]}  |  {SENTENCES[1]}\n"
    feed(b"one\ttwo\nthree\n")
    wrong = cli("follows", models / "bert")
    assert (wrong.code, "but found 1: 'three'" in wrong.err) == (3, True)


MISTAKES = {
    "fill": [
        (["bert", ""], 3, "the text has no [MASK]"),
        (["bert", "x [MASK]", "y", "--together"], 3, "the text has no [MASK]: 'y'"),
        (["gpt", "[MASK]"], 4, "use generate"),
        (["gpt", "[MASK]", "--together"], 4, "use generate"),
        (["bert", "[MASK]", "--top-k", "0"], 2, "at least 1, not 0"),
        (["bert", "[MASK] " * 50], 3, "the model reads at most 30"),
        (["nowhere", "x"], 4, "there is no such folder"),
        (["bert", "\udcff"], 3, "not UTF-8"),
    ],
    "follows": [
        (["gpt", "x", "y"], 4, "a GPT cannot tell whether a text follows another"),
        (["bert", "x"], 2, "give two texts, not 1"),
        (["bert", "x", ""], 3, "the second text is empty"),
        (["bert", "x", "cat " * 50], 3, "at most 29 are read"),
        (["nowhere", "x", "y"], 4, "there is no such folder"),
        (["bert", "\udcff", "x"], 3, "not UTF-8"),
    ],
    "score": [
        (["bert", ""], 3, "nothing to score in ''"),
        (["gpt", "cat " * 50], 3, "at most 31 can be scored"),
        (["gpt", "x", "--method", "pseudo-likelihood"], 2, "a GPT can't be scored by"),
        (["nowhere", "x"], 4, "there is no such folder"),
        (["bert", "\udcff"], 3, "not UTF-8"),
    ],
    "rank": [
        (["gpt", "x", "y"], 2, "cannot rank 1 candidates"),
        (["gpt", "x", "y", ""], 3, "a candidate is empty"),
        (["gpt", "{} {}", "a", "b"], 3, "the prompt has 2 gaps"),
        (["bert", "x", "a", "cat " * 50], 3, "at most 30 can be scored"),
        (["bert", "x", "a", "b", "--method", "likelihood"], 2, "a BERT can't be scored by"),
        (["bert", "x", "a", "b", "--normalize", "most"], 2, "--normalize"),
        (["nowhere", "x", "a", "b"], 4, "there is no such folder"),
        (["bert", "\udcff", "a", "b"], 3, "not UTF-8"),
    ],
    "generate": [
        (["nowhere", "x"], 4, "there is no such folder"),
        (["bert", "x"], 4, "use fill"),
        (["bert", "x", "y"], 4, "use fill"),
        (["bert", "x", "--beams", "2"], 4, "use fill"),
        (["gpt", "cat " * 50], 3, "but the model reads 32"),
        (["gpt", "x", "cat " * 50], 3, "but the model reads 32"),
        (["gpt", "x", "cat " * 50, "--beams", "2"], 3, "but the model reads 32"),
        (["gpt", "x", "--temperature", "nan"], 2, "temperature must be from 0 to 100, not nan"),
        (["gpt", "x", "--n", "0"], 2, "n must be at least 1, not 0"),
        (["gpt", "x", "--max-tokens", "0"], 2, "max_tokens must be at least 1"),
        (["gpt", "x", "--beams", "0"], 2, "beams must be from 1 to 1,000, not 0"),
        (["gpt", "x", "--beams", "2", "--n", "3"], 2, "n must be from 1 to the number of beams, 2, not 3"),
        (["gpt", "x", "--beams", "2", "--length-penalty", "nan"], 2, "length_penalty"),
        (["gpt", "x", "--beams", "2", "--top-k", "3", "--stop", "a"], 2, "leave out --top-k, --stop"),
        (["gpt", "x", "--stopping", "full"], 2, "need --beams"),
        (["gpt", "x", "--stop", ""], 2, "stop string is empty"),
        (["gpt", "\udcff"], 3, "not UTF-8"),
    ],
    "embed": [
        (["bert", ""], 3, "text 1 of 1 is empty"),
        (["nowhere", "x"], 4, "there is no such folder"),
        (["gpt", "x", "--pooling", "cls"], 2, "its first state is the same for every text"),
        (["bert", "x", "--pooling", "max"], 2, "pooling"),
        (["bert", "x", "--tokens", "--pooling", "mean"], 2, "leave out --pooling"),
        (["bert", "x", "--tokens", "--normalize"], 2, "leave out --pooling, --normalize and --prompt"),
        (["bert", "x", "--layers", "many"], 2, "--layers can't be 'many'"),
        (["bert", "x", "--layers", "7"], 2, "there is no layer 7: the model has 2"),
        (["bert", "x", "--out", "v.npy"], 2, "must end in .safetensors"),
        (["bert", "x", "--out", "v.safetensors", "--query", "y"], 2, "leave out --out and --tokens"),
        (["bert", "x", "--query", "y", "--top-k", "0"], 2, "at least 1, not 0"),
        (["bert", "x", "--query", ""], 3, "the query is empty"),
        (["bert", "\udcff"], 3, "not UTF-8"),
    ],
}


@pytest.mark.parametrize(
    ("name", "arguments", "code", "said"),
    [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes],
)
def test_a_mistake_is_answered_in_one_line(cli, models, name, arguments, code, said):
    answer = cli(name, models / arguments[0], *arguments[1:])
    assert said in answer.err
    assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1)


@pytest.mark.parametrize("kind", presets.KINDS)
def test_a_dash_among_texts_and_options_is_a_text(cli, feed, models, kind):
    feed(b"other\n")
    ranked = cli("rank", models / kind, "-", "a", "-", "--json").json
    assert ranked["prompt"] == "-"
    assert {candidate["candidate"] for candidate in ranked["candidates"]} == {"a", "-"}
    assert [record["text"] for record in lines(cli("score", models / kind, "-", "a", "--json"))] == ["-", "a"]


def test_a_dash_may_be_the_value_of_an_option(cli, models):
    record = cli("generate", models / "gpt", "The", "--max-tokens", "2", "--stop", "-", "--json").json
    assert record["stop"] == ["-"]
    found = cli("embed", models / "bert", "a cat", "--query", "-", "--json")
    assert (found.code, found.err) == (0, "")


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_not_utf_8_on_standard_input_is_refused(cli, feed, models, name):
    feed(b"one\n\xff\n")
    prompt = ["x"] if name == "rank" else []
    batch = ["--batch"] if name == "generate" else []
    answer = cli(name, models / "bert", *prompt, "-", *batch)
    assert (answer.code, answer.out, answer.err.count("\n")) == (3, "", 1)
    assert "standard input:2: byte 4 (0xff) is not UTF-8" in answer.err


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "MODEL", "x.csv"],
        ["embed", "MODEL", "A river."],
        ["pairs", "MODEL", "pairs.csv"],
    ],
)
def test_an_out_that_can_not_be_written_is_refused_before_the_work(
    cli, models, tmp_path, monkeypatch, command
):
    monkeypatch.setattr("twinlm.use.load.load", lambda *given: pytest.fail("the model was loaded"))
    for name in ("x.csv", "pairs.csv"):
        (tmp_path / name).write_text("a,b\n")
    (tmp_path / "folder.safetensors").mkdir()
    command = [str(models / "gpt") if word == "MODEL" else word for word in command]
    for out in ("x.csv/out.safetensors", "folder.safetensors"):
        answer = cli(*command, "--out", out)
        assert answer.code == 5, answer.err
        assert answer.err.startswith(f"error: {out}"), answer.err
