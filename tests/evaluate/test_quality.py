"""Figures of language: by hand, with standard errors, and never two in one column that differ in kind."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twinlm.data.probes.passages import Sample
from twinlm.errors import UsageError
from twinlm.evaluate.quality import (
    NO_PROBABILITY,
    OFF_TRAINING,
    columns,
    difference,
    language_quality,
    ratio,
    standard_error,
    windows,
)
from twinlm.use.score import score

SAMPLE = Sample(("The red cat sat.", "She drinks tea with café milk.", "A big dog ran to the old house."), 3)


def by_method(trained, **options):
    return {figure.method: figure for figure in language_quality(trained, SAMPLE, **options)}


def test_each_figure_is_a_sum_of_scores_over_a_size(gpt, bert):
    sizes = {
        "likelihood": sum(len(text.encode()) for text in SAMPLE.texts) * math.log(2),
        "chain-rule": sum(len(text.encode()) for text in SAMPLE.texts) * math.log(2),
        "pseudo-likelihood": sum(len(bert.tokenizer.encode(text)) for text in SAMPLE.texts),
        "pseudo-likelihood-l2r": sum(len(text.replace(".", " .").split()) for text in SAMPLE.texts),
    }
    for trained in (gpt, bert):
        figures = by_method(trained)
        assert list(figures) == list(trained.family.likelihoods)
        for method, figure in figures.items():
            nats = -sum(score(trained, text, method=method).log_likelihood for text in SAMPLE.texts)
            assert figure.value == pytest.approx(nats / sizes[method], rel=1e-5)
            assert figure.values_E.mean() == pytest.approx(figure.value)
            assert figure.standard_error > 0


def test_the_chain_rule_by_hand(bert):
    ids, nats = bert.tokenizer.specials, 0.0
    for text in SAMPLE.texts:
        tokens = bert.tokenizer.encode(text)
        for place, token in enumerate(tokens):
            row = torch.tensor([[ids.cls, *tokens[:place], ids.mask, ids.sep]])
            with torch.inference_mode():
                hidden = bert.model(row, torch.zeros_like(row), torch.ones_like(row).bool())
                chances_V = bert.model.masked_token_logits(hidden)[0, place + 1].softmax(-1)
            assert float(chances_V.sum()) == pytest.approx(1, abs=1e-5)
            nats -= math.log(float(chances_V[token]))
    assert by_method(bert)["chain-rule"].value == pytest.approx(
        nats / math.log(2) / SAMPLE.text_bytes, rel=1e-4
    )


def test_only_probabilities_of_one_text_share_a_column(gpt, bert):
    figures = {"GPT": language_quality(gpt, SAMPLE), "BERT": language_quality(bert, SAMPLE)}
    groups = columns(figures)
    shared = [group for group in groups.values() if len(group) > 1]
    assert len(groups) == 3
    assert [{model: figure.method for model, figure in group.items()} for group in shared] == [
        {"GPT": "likelihood", "BERT": "chain-rule"}
    ]
    assert {figure.unit for figure in shared[0].values()} == {"bits per byte"}
    caveats = {figure.method: figure.caveat for of_model in figures.values() for figure in of_model}
    assert caveats["likelihood"] == ""
    assert caveats["chain-rule"] == OFF_TRAINING
    assert caveats["pseudo-likelihood"] == caveats["pseudo-likelihood-l2r"] == NO_PROBABILITY


def test_what_can_not_be_compared_is_refused(gpt, bert):
    of_gpt, of_bert = by_method(gpt), by_method(bert)
    found = difference(of_gpt["likelihood"], of_bert["chain-rule"])
    assert found.estimate == pytest.approx(of_gpt["likelihood"].value - of_bert["chain-rule"].value)
    assert found.standard_error > 0
    for method in ("pseudo-likelihood", "pseudo-likelihood-l2r"):
        with pytest.raises(UsageError, match="can't be compared with pseudo-surprise"):
            difference(of_gpt["likelihood"], of_bert[method])
    (other,) = language_quality(gpt, Sample(SAMPLE.texts[:2], 2))
    with pytest.raises(UsageError, match="sample"):
        difference(of_gpt["likelihood"], other)
    (shorter,) = language_quality(gpt, SAMPLE, window_tokens=4)
    with pytest.raises(UsageError, match="read in windows of 4 tokens"):
        difference(of_gpt["likelihood"], shorter)


def test_a_tokenizer_that_loses_something_compares_with_itself_only(gpt, make):
    lossy, other = make("gpt", "wordpiece"), make("bert", "wordpiece")
    (figure,) = language_quality(lossy, SAMPLE)
    assert "its tokenizer can't give back" in figure.caveat
    with pytest.raises(UsageError, match="tokenizer"):
        difference(figure, by_method(gpt)["likelihood"])
    assert difference(figure, by_method(other)["chain-rule"])


@given(st.integers(1, 40), st.integers(1, 12))
def test_windows_score_each_token_once_after_what_fits(length, window):
    tokens = list(range(length))
    found = windows(tokens, [token // 2 for token in tokens], window)
    assert [token for stretch in found for token in stretch.tokens] == tokens
    for stretch in found:
        assert len(stretch.before) + len(stretch.tokens) <= window
        assert [*stretch.before, *stretch.tokens] == tokens[stretch.tokens[0] - len(stretch.before) :][
            : len(stretch.before) + len(stretch.tokens)
        ]
        assert list(stretch.words) == [token // 2 for token in stretch.tokens]
        assert stretch.tokens[0] == 0 or len(stretch.before) >= min(stretch.tokens[0], window // 2)


def test_the_standard_error_is_what_repeated_samples_show():
    chance = np.random.default_rng(0)
    figures, errors = [], []
    for _ in range(400):
        sizes = chance.integers(50, 400, 40).astype(float)
        figure, values_E = ratio(sizes * chance.normal(2, 0.5, 40), sizes)
        figures.append(figure)
        errors.append(standard_error(values_E))
    assert np.mean(errors) == pytest.approx(np.std(figures), rel=0.1)
