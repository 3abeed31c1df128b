"""Surprises add up to scores, and candidates are those of the other functions."""

import math

import pytest
import torch

import twinlm
from twinlm.errors import DataError, UsageError
from twinlm.use.generate import longest_text
from twinlm.use.spelling import starts_in_text, token_name, token_starts

TEXT = "The red cat sat on the café."


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_surprises_add_up_to_the_score_in_bits(name, request):
    model = request.getfixturevalue(name)
    found, scored = twinlm.surprise(model, TEXT), twinlm.score(model, TEXT)
    assert sum(found.bits) == pytest.approx(-scored.log_likelihood / math.log(2), abs=1e-4)
    assert [model.tokenizer.display(each) for each in found.ids] == [text for text, _ in scored.tokens]
    for token, bits, rank, best in zip(found.ids, found.bits, found.ranks, found.top, strict=True):
        assert dict(best).get(token, 2**-bits) == pytest.approx(2**-bits, abs=1e-6)
        assert (rank <= len(best)) == (token in dict(best))


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_ids_and_parts_have_the_figures_of_the_whole_text(name, request):
    model = request.getfixturevalue(name)
    whole = twinlm.surprise(model, TEXT, top_k=3)
    part = twinlm.surprise(model, whole.ids, positions=[3, 0, 10**6], top_k=3)
    assert part.positions == [3, 0]
    assert part.bits == pytest.approx([whole.bits[3], whole.bits[0]], abs=1e-4)
    assert [[token for token, _ in best] for best in part.top] == [
        [token for token, _ in whole.top[place]] for place in (3, 0)
    ]
    empty = twinlm.surprise(model, [], with_next=True, with_attention=True)
    assert (empty.ids, empty.bits) == ([], [])
    assert (empty.next is None) == (name == "bert")  # a GPT still has its <start>


def test_candidates_of_masked_places_are_those_of_fill(bert):
    tokens = bert.tokenizer.encode(TEXT)
    found = twinlm.surprise(bert, tokens, masked=[1, 2], positions=[1, 2], top_k=3)
    row = list(tokens)
    row[1] = row[2] = bert.tokenizer.specials.mask
    rows_BL = torch.tensor([bert.enclose(row)])
    with torch.inference_mode():
        hidden_BLD = bert.model(
            rows_BL, torch.zeros_like(rows_BL), torch.ones_like(rows_BL, dtype=torch.bool)
        )
        chances_LV = bert.model.masked_token_logits(hidden_BLD)[0].softmax(-1)
    for best, place in zip(found.top, (2, 3), strict=True):
        assert [chance for _, chance in best] == pytest.approx(
            chances_LV[place].topk(3)[0].tolist(), abs=1e-5
        )


def test_the_next_token_is_that_of_greedy_text(gpt):
    found = twinlm.surprise(gpt, TEXT, positions=[], with_next=True)
    greedy = twinlm.generate_batch(gpt, [TEXT], max_tokens=1, sampling=twinlm.Sampling(temperature=0))[0][0]
    assert found.bits == [] and found.next[0][0] == greedy.tokens[0]


@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_attention_is_what_the_model_computes_with(name, request):
    """Weights times values, through the output layer, are what the fast attention returns."""
    model = request.getfixturevalue(name)
    given = {}
    attention = model.model.blocks[0].attention
    hook = attention.register_forward_hook(lambda _, inputs, output: given.update(x=inputs[0], out=output))
    found = twinlm.surprise(model, TEXT, positions=[], with_attention=True)
    hook.remove()
    weights_HLL = torch.tensor(found.attention.weights[0])
    assert weights_HLL.sum(-1).allclose(torch.ones(weights_HLL.shape[:2]), atol=1e-5)
    with torch.inference_mode():
        value_HLK = (
            attention.query_key_value(given["x"])[0].chunk(3, -1)[2].unflatten(-1, (attention.heads, -1))
        )
        gathered_LD = (weights_HLL @ value_HLK.transpose(0, 1)).transpose(0, 1).flatten(1)
        assert attention.output(gathered_LD).allclose(given["out"][0], atol=1e-5)


def test_a_long_text_loses_its_end_and_a_wrong_argument_is_named(gpt):
    found = twinlm.surprise(gpt, "cat " * 100)
    assert len(found.ids) == longest_text(gpt) - 1
    assert len(found.ids) + found.cut == len(gpt.tokenizer.encode("cat " * 100))
    with pytest.raises(UsageError, match="top_k must be at least 0"):
        twinlm.surprise(gpt, "a", top_k=-1)
    for odd in (10**6, -1):
        with pytest.raises(DataError, match=f"there is no token {odd}"):
            twinlm.surprise(gpt, [odd])


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
@pytest.mark.parametrize("text", [TEXT, "猫 sat 🐈 on", "a\nb", " two  spaces"])
def test_tokens_begin_where_the_text_before_them_ends(learned, algorithm, text):
    tokenizer = learned("gpt", algorithm).tokenizer
    tokens = tokenizer.encode(text)
    starts = token_starts(tokenizer, tokens)
    for count in range(len(tokens) + 1):
        whole = tokenizer.decode(tokens[:count])
        if "\ufffd" not in whole:
            assert starts[count] == len(whole)
    assert starts == sorted(starts)
    ((_, offsets),) = tokenizer.encode_with_offsets([text])
    places = starts_in_text(offsets)
    assert places[0] == 0
    if algorithm == "byte-bpe":
        assert places == starts[:-1]


def test_bytes_that_are_no_text_have_names_of_their_own(gpt):
    tokens = gpt.tokenizer.encode("猫")
    names = [token_name(gpt.tokenizer, token) for token in tokens]
    assert names == [rf"bytes:\x{byte:02x}" for byte in "猫".encode()]
    assert token_name(gpt.tokenizer, gpt.tokenizer.encode("The")[0]) == "The"


def test_ids_are_continued_as_they_are(gpt):
    tokens = [gpt.tokenizer.specials.start, *gpt.tokenizer.encode("The red")]
    assert twinlm.generate(gpt, tokens, max_tokens=5, seed=1) == twinlm.generate(
        gpt, "The red", max_tokens=5, seed=1
    )
    assert twinlm.generate(gpt, tokens[1:], max_tokens=5)  # without <start>
    for wrong, message in (([], "no token"), ([10**6], "no token 1000000"), ([-1], "no token -1")):
        with pytest.raises((UsageError, DataError), match=message):
            twinlm.generate(gpt, wrong)
    with pytest.raises(UsageError, match=r"prompt\[0\] must be a whole number"):
        twinlm.generate(gpt, ["a"])


@pytest.mark.parametrize("algorithm", ["byte-bpe", "wordpiece"])
def test_no_two_tokens_have_one_name(learned, algorithm):
    tokenizer = learned("gpt", algorithm).tokenizer
    names = [token_name(tokenizer, token) for token in range(tokenizer.vocab_size)]
    assert len({*names}) == len(names)
