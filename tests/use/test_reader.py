"""Scores with kept keys and values are those of reading everything anew, step by step."""

import numpy as np
import pytest
import torch

from twinlm.checkpoint import Trained
from twinlm.use.reader import Reader

TEXTS = ["The red cat sat on the mat.", "tea", "A big dog ran to the old house", "The"]


def tokens_of(trained: Trained) -> list[list[int]]:
    return [
        trained.family.enclose(trained.tokenizer.encode(text), trained.tokenizer.specials) for text in TEXTS
    ]


def anew(trained: Trained, tokens: list[int]) -> np.ndarray:
    with torch.inference_mode():
        return trained.model.next_token_logits(trained.model(torch.tensor([tokens])))[0, -1].double().numpy()


@pytest.mark.parametrize("first", [1, 4])
def test_each_step_gives_the_scores_of_reading_everything_anew(gpt, first):
    tokens, reader = tokens_of(gpt)[0], Reader(gpt)
    pieces = [tokens[:first], *([token] for token in tokens[first:])]
    seen: list[int] = []
    for piece in pieces:
        seen += piece
        np.testing.assert_allclose(reader.read([piece])[0], anew(gpt, seen), atol=1e-5)


def test_a_prompt_can_be_read_in_pieces(gpt):
    tokens, reader = tokens_of(gpt)[0], Reader(gpt)
    reader.read([tokens[:3]])
    np.testing.assert_allclose(reader.read([tokens[3:]])[0], anew(gpt, tokens), atol=1e-5)


def test_texts_of_different_lengths_go_on_and_leave_without_touching_the_others(gpt):
    texts, reader = tokens_of(gpt), Reader(gpt)
    numbers = list(range(len(texts)))
    unread = [list(text) for text in texts]
    chance = np.random.default_rng(0)
    for leaves in (None, 2, 0, None, None, 1):
        for number, scores_V in zip(numbers, reader.read(unread), strict=True):
            np.testing.assert_allclose(scores_V, anew(gpt, texts[number]), atol=1e-5)
        if leaves is not None:
            kept = [row for row, number in enumerate(numbers) if number != leaves][::-1]
            reader.keep(kept)
            numbers = [numbers[row] for row in kept]
        unread = [[int(chance.integers(8, 300))] for _ in numbers]
        for number, new in zip(numbers, unread, strict=True):
            texts[number] += new
    assert reader._padding_B is None  # only one is left: nothing is padded any more


def test_a_text_can_go_on_in_several_ways(gpt):
    texts, reader = tokens_of(gpt), Reader(gpt)
    reader.read(texts)
    reader.keep([1, 1, 3])
    found = reader.read([[9], [10], [11]])
    for scores_V, tokens in zip(found, ([*texts[1], 9], [*texts[1], 10], [*texts[3], 11]), strict=True):
        np.testing.assert_allclose(scores_V, anew(gpt, tokens), atol=1e-5)
