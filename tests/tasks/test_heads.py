"""The one linear layer on top of either model."""

import pytest
import torch

from twinlm.batch import Reading
from twinlm.tasks.heads import SequenceHead


def test_scores_are_a_linear_map_of_the_summary_and_the_loss_their_cross_entropy() -> None:
    torch.manual_seed(0)
    head = SequenceHead(width=8, classes=3, dropout=0.5).eval()
    reading = Reading(torch.zeros(2, 5, 8), torch.randn(2, 8))
    scores_BC = head(reading)
    torch.testing.assert_close(scores_BC, reading.summary_BD @ head.score.weight.T + head.score.bias)
    by_hand = -(scores_BC[0].log_softmax(0)[2] + scores_BC[1].log_softmax(0)[0]) / 2
    torch.testing.assert_close(head.loss(scores_BC, torch.tensor([2, 0])), by_hand)


def test_the_loss_is_in_float32_whatever_the_scores_are_in() -> None:
    head = SequenceHead(width=8, classes=3, dropout=0.0)
    scores_BC = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.bfloat16)
    assert head.loss(scores_BC, torch.tensor([1])).dtype == torch.float32


def test_dropout_falls_on_the_summary_in_training_only() -> None:
    torch.manual_seed(0)
    head = SequenceHead(width=64, classes=2, dropout=0.5)
    reading = Reading(torch.zeros(1, 1, 64), torch.ones(1, 64))
    assert not torch.equal(head.train()(reading), head.train()(reading))
    assert torch.equal(head.eval()(reading), head.eval()(reading))


@pytest.mark.parametrize("classes", [2, 7])
def test_there_is_one_score_a_class(classes: int) -> None:
    head = SequenceHead(width=8, classes=classes, dropout=0.0)
    assert head(Reading(torch.zeros(3, 5, 8), torch.zeros(3, 8))).shape == (3, classes)
