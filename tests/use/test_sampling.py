"""What is drawn from: against transformers' own processors of scores."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from twinlm.errors import UsageError
from twinlm.use.sampling import Sampling, candidates, choose

V = 23


@given(
    seed=st.integers(0, 10**6),
    sampling=st.builds(
        Sampling,
        temperature=st.floats(0.2, 4),
        top_k=st.integers(1, V),
        top_p=st.floats(0.05, 0.99),
        min_p=st.floats(0, 0.9),
        repetition_penalty=st.floats(0.5, 3),
    ),
    seen=st.lists(st.integers(0, V - 1), min_size=1, max_size=9),
)
def test_the_distribution_is_that_of_transformers(seed: int, sampling: Sampling, seen: list[int]) -> None:
    logits_V = np.random.default_rng(seed).normal(size=V) * 3
    theirs = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty),
            TemperatureLogitsWarper(sampling.temperature),
            TopKLogitsWarper(sampling.top_k),
            TopPLogitsWarper(sampling.top_p),
            MinPLogitsWarper(sampling.min_p),
        ]
    )
    wanted_V = theirs(torch.tensor([seen]), torch.from_numpy(logits_V)[None])[0].softmax(-1).numpy()
    tokens_K, weights_K = candidates(logits_V, seen, sampling)
    found_V = np.zeros(V)
    found_V[tokens_K] = weights_K / weights_K.sum()
    np.testing.assert_allclose(found_V, wanted_V, atol=1e-9)


def test_choosing_follows_the_probabilities_of_the_best() -> None:
    logits_V = np.log(np.array([0.1, 0.5, 0.15, 0.25]))
    chance = np.random.Generator(np.random.Philox(1))
    two = Sampling(temperature=1, top_k=2)
    drawn = [choose(logits_V, [], two, chance) for _ in range(3000)]
    assert set(drawn) == {1, 3}
    assert np.mean(np.array(drawn) == 1) == pytest.approx(2 / 3, abs=0.03)  # three standard errors


def test_at_temperature_0_the_best_is_taken_after_the_penalty() -> None:
    logits_V, chance = np.array([1.0, 2.0, 1.5]), np.random.default_rng(0)
    assert choose(logits_V, [1], Sampling(temperature=0), chance) == 1
    assert choose(logits_V, [1, 1], Sampling(temperature=0, repetition_penalty=1.5), chance) == 2
    assert choose(-logits_V, [0], Sampling(temperature=0, repetition_penalty=2.5), chance) == 2


@pytest.mark.parametrize(
    "option",
    [
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"min_p": float("nan")},
        {"repetition_penalty": 0.0},
    ],
)
def test_options_out_of_range_are_refused_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(option))):
        Sampling(**option)


@pytest.mark.parametrize("how", [{"temperature": 1e-308}, {"repetition_penalty": 1e-308}, {"top_p": 1e-308}])
def test_extreme_options_draw_a_token_that_is_among_the_best(how: dict[str, float]) -> None:
    logits_V = np.arange(V, dtype=float) - 5
    logits_V[0] = -np.inf
    token = choose(logits_V, [0, V - 1], Sampling(top_k=0, **how), np.random.default_rng(1))
    assert token == V - 1
