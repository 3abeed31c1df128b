"""Beam search against transformers' on the same weights, and against looking at every possible text."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from transformers import GenerationConfig, OpenAIGPTLMHeadModel

from twinlm.errors import DataError, ModelError, UsageError
from twinlm.use.beams import beam_search, search
from twinlm.use.generate import generate
from twinlm.use.reader import Reader
from twinlm.use.sampling import Sampling

STOPPING = {"full": True, "likely": False, "never": "never"}


@pytest.fixture(scope="module")
def theirs(gpt, in_transformers):
    return in_transformers(gpt, OpenAIGPTLMHeadModel)


@pytest.mark.parametrize("prompt", ["The red cat", "", "She drinks tea with", "x"])
@pytest.mark.parametrize(
    ("beams", "n", "length_penalty", "stopping", "max_tokens"),
    [
        (1, 1, 1.0, "likely", 8),
        (3, 3, 1.0, "likely", 6),
        (4, 4, 0.0, "never", 12),
        (4, 2, 2.0, "never", 9),
        (5, 5, -1.0, "likely", 12),
        (5, 5, 0.7, "full", 20),
        (8, 8, 1.5, "full", 3),
        (3, 3, -0.5, "never", 20),
    ],
)
def test_tokens_and_scores_are_those_of_transformers(
    gpt, theirs, prompt, beams, n, length_penalty, stopping, max_tokens
):
    specials = gpt.tokenizer.specials
    given = torch.tensor([[specials.start, *gpt.tokenizer.encode(prompt)]])
    wanted = theirs.generate(
        given,
        generation_config=GenerationConfig(
            num_beams=beams,
            num_return_sequences=n,
            length_penalty=length_penalty,
            early_stopping=STOPPING[stopping],
            max_new_tokens=max_tokens,
            do_sample=False,
            use_cache=False,  # transformers' GPT-1 has none
            eos_token_id=specials.start,
            pad_token_id=specials.pad,
            suppress_tokens=[number for number in specials.ids if number != specials.start],
            return_dict_in_generate=True,
            output_scores=True,
        ),
    )
    found = beam_search(
        gpt,
        prompt,
        beams=beams,
        n=n,
        length_penalty=length_penalty,
        stopping=stopping,
        max_tokens=max_tokens,
    )
    scores = wanted.sequences_scores.tolist() if beams > 1 else [beam.score for beam in found]
    rows = wanted.sequences[:, given.shape[1] :].tolist()
    ends = [row.index(specials.start) if specials.start in row else len(row) for row in rows]
    assert [beam.tokens for beam in found] == [row[:end] for row, end in zip(rows, ends, strict=True)]
    assert [beam.is_ended for beam in found] == [specials.start in row for row in rows]
    np.testing.assert_allclose([beam.score for beam in found], scores, rtol=1e-4, atol=1e-5)


class Table:
    """A language of three tokens, whose scores depend on all that was written; 0 ends a text."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.texts: list[tuple[int, ...]] = [()]

    def scores(self, text: Sequence[int]) -> np.ndarray:
        return np.random.default_rng([self.seed, *text]).normal(size=3) * 2

    def read(self, rows: Sequence[Sequence[int]]) -> np.ndarray:
        self.texts = [(*text, *row) for text, row in zip(self.texts, rows, strict=True)]
        return np.stack([self.scores(text) for text in self.texts])

    def keep(self, rows: Sequence[int]) -> None:
        self.texts = [self.texts[row] for row in rows]


def every_text(table: Table, prompt: Sequence[int], most: int, length_penalty: float) -> list:
    """Return (score, tokens) of all texts that end or have `most` tokens, the best first."""
    found = []
    for length in range(1, most + 1):
        for tokens in itertools.product(range(3), repeat=length):
            if 0 in tokens[:-1] or (tokens[-1] != 0 and length < most):
                continue
            total = sum(
                log_softmax(table.scores([*prompt, *tokens[:place]]))[token]
                for place, token in enumerate(tokens)
            )
            found.append((total / length**length_penalty, tokens))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -1.0])
def test_enough_beams_find_what_looking_at_every_text_finds(seed, length_penalty):
    options = {"length_penalty": length_penalty, "most": 4, "end": 0, "never": []}
    found = search(Table(seed), [1, 2], beams=40, stopping="never", **options)
    wanted = every_text(Table(seed), [1, 2], 4, length_penalty)
    assert [hypothesis.tokens for hypothesis in found] == [tokens for _, tokens in wanted]
    scores = [hypothesis.score(length_penalty) for hypothesis in found]
    np.testing.assert_allclose(scores, [score for score, _ in wanted])


@pytest.mark.parametrize("seed", range(20))
def test_stopping_early_loses_no_better_text_where_that_is_certain(seed):
    """Without a length penalty a sum only falls: what goes on and is worse by now stays worse."""
    options = {"beams": 3, "length_penalty": 0.0, "most": 9, "end": 0, "never": []}
    found = search(Table(seed), [1], stopping="never", **options)
    late = search(Table(seed), [1], stopping="likely", **options)
    assert found == late
    full = search(Table(seed), [1], stopping="full", **options)
    assert full[0].log_likelihood <= found[0].log_likelihood


def test_one_beam_always_takes_the_best_token(gpt):
    (found,) = beam_search(gpt, "The red cat", beams=1, max_tokens=9)
    assert found.text == generate(gpt, "The red cat", max_tokens=9, sampling=Sampling(temperature=0))


def test_the_score_is_the_likelihood_of_the_text(gpt):
    specials = gpt.tokenizer.specials
    prompt = [specials.start, *gpt.tokenizer.encode("The red")]
    for found in beam_search(gpt, "The red", beams=6, n=6, max_tokens=20, length_penalty=0.0):
        tokens = [*found.tokens, *([specials.start] if found.is_ended else [])]
        total = 0.0
        for place, token in enumerate(tokens):
            total += log_softmax(Reader(gpt).read([[*prompt, *tokens[:place]]])[0])[token]
        assert found.score == pytest.approx(total, abs=1e-4)
        assert not set(found.tokens) & set(specials.ids)


def test_a_text_never_gets_longer_than_the_model(gpt):
    prompt = "The red cat sat on the mat. " * 3
    room = gpt.model.config.max_length - 1 - len(gpt.tokenizer.encode(prompt))
    found = beam_search(gpt, prompt, beams=3, n=3, max_tokens=1000, length_penalty=5.0, stopping="never")
    assert max(len(beam.tokens) for beam in found) == room


@pytest.mark.parametrize(
    "options",
    [{"beams": 0}, {"n": 0}, {"n": 5}, {"length_penalty": math.nan}, {"max_tokens": 0}, {"beams": 10**6}],
)
def test_options_out_of_range_are_refused_by_name(gpt, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        beam_search(gpt, "The", **options)


def test_other_models_and_long_prompts_are_refused(gpt, bert):
    with pytest.raises(ModelError, match="use fill"):
        beam_search(bert, "The")
    with pytest.raises(DataError, match="but the model reads 32"):
        beam_search(gpt, "The red cat. " * 30)
