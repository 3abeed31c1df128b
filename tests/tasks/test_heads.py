"""The one linear layer on top of either model, held against slow plain versions."""

import pytest
import torch
from torch import Tensor, nn

from twinlm.batch import IGNORE, LabelledBatch, Reading, SpanBatch, TaggedBatch
from twinlm.tasks.heads import ChoiceHead, NumberHead, SequenceHead, SpanHead, TokenHead

WIDTH = 8
HEADS = [SequenceHead, NumberHead, ChoiceHead, TokenHead, SpanHead]


def head_of(kind: type, outputs: int, *, dropout: float = 0.0, has_bias: bool = True) -> nn.Module:
    torch.manual_seed(0)
    return kind(width=WIDTH, outputs=outputs, dropout=dropout, has_bias=has_bias)


def reading(sequences: int, length: int = 5) -> Reading:
    torch.manual_seed(1)
    return Reading(torch.randn(sequences, length, WIDTH), torch.randn(sequences, WIDTH))


def common(sequences: int, length: int = 5) -> dict[str, Tensor]:
    tokens_BL = torch.zeros(sequences, length, dtype=torch.int64)
    return {"tokens_BL": tokens_BL, "segments_BL": tokens_BL, "real_BL": tokens_BL == 0}


def labelled(owners: list[int], labels: list) -> LabelledBatch:
    return LabelledBatch(**common(len(owners)), owners_B=torch.tensor(owners), labels_G=torch.tensor(labels))


def spans(allowed: list[list[int]], targets: list[list[int]]) -> SpanBatch:
    allowed_BL = torch.tensor(allowed).bool()
    return SpanBatch(**common(*allowed_BL.shape), allowed_BL=allowed_BL, spans_B2=torch.tensor(targets))


def batch_for(kind: type, sequences: int = 2, length: int = 5):
    if kind is TokenHead:
        labels_BL = torch.zeros(sequences, length, dtype=torch.int64)
        return TaggedBatch(**common(sequences, length), labels_BL=labels_BL)
    if kind is SpanHead:
        return spans([[1] * length] * sequences, [[0, 1]] * sequences)
    return labelled(list(range(sequences)), [0.5 if kind is NumberHead else 0] * sequences)


def test_class_scores_are_a_linear_map_of_the_summary_and_the_loss_their_cross_entropy():
    head, given, batch = head_of(SequenceHead, 3), reading(2), labelled([0, 1], [2, 0])
    scores_GC = head(given, batch)
    torch.testing.assert_close(scores_GC, given.summary_BD @ head.score.weight.T + head.score.bias)
    by_hand = -(scores_GC[0].log_softmax(0)[2] + scores_GC[1].log_softmax(0)[0]) / 2
    torch.testing.assert_close(head.loss(scores_GC, batch), by_hand)


def test_a_number_is_read_from_the_sum_of_a_decisions_states_and_its_loss_is_the_mean_square():
    head, given, batch = head_of(NumberHead, 1), reading(5), labelled([0, 0, 1, 2, 2], [0.5, -1.0, 2.0])
    states = given.summary_BD
    summed = [states[0] + states[1], states[2], states[3] + states[4]]
    wanted_G = torch.stack([state @ head.score.weight[0] + head.score.bias[0] for state in summed])
    found_G = head(given, batch)
    torch.testing.assert_close(found_G, wanted_G)
    by_hand = ((wanted_G[0] - 0.5) ** 2 + (wanted_G[1] + 1) ** 2 + (wanted_G[2] - 2) ** 2) / 3
    torch.testing.assert_close(head.loss(found_G, batch), by_hand)


def test_a_number_does_not_depend_on_the_order_of_the_two_readings():
    head, given, batch = head_of(NumberHead, 1), reading(2), labelled([0, 0], [0.5])
    turned = Reading(given.hidden_BLD.flip(0), given.summary_BD.flip(0))
    torch.testing.assert_close(head(given, batch), head(turned, batch), atol=0, rtol=0)


def test_the_softmax_of_choices_runs_within_each_decision_however_many_choices_it_has():
    head, given = head_of(ChoiceHead, 1), reading(9)
    batch = labelled([0, 0, 1, 1, 1, 1, 2, 2, 2], [1, 3, 0])
    scores_GC = head(given, batch)
    assert scores_GC.shape == (3, 4)
    nats = []
    for number, (begin, end) in enumerate([(0, 2), (2, 6), (6, 9)]):
        plain_C = given.summary_BD[begin:end] @ head.score.weight[0] + head.score.bias[0]
        torch.testing.assert_close(scores_GC[number].softmax(0)[: end - begin], plain_C.softmax(0))
        assert scores_GC[number, end - begin :].tolist() == [-torch.inf] * (4 - end + begin)
        nats.append(-plain_C.log_softmax(0)[batch.labels_G[number]])
    loss = head.loss(scores_GC, batch)
    torch.testing.assert_close(loss, torch.stack(nats).mean())
    loss.backward()
    assert torch.isfinite(head.score.weight.grad).all()


def test_the_choices_of_a_decision_share_one_dropout_mask_and_decisions_do_not():
    head = head_of(ChoiceHead, 1, dropout=0.5).train()
    state_D = reading(1).summary_BD[0]
    given = Reading(torch.zeros(6, 1, WIDTH), state_D.repeat(6, 1))
    batch = labelled([0, 0, 0, 1, 1, 1], [0, 0])
    scores_GC = head(given, batch)
    assert torch.equal(scores_GC[:, :1].expand(2, 3), scores_GC)
    drawn = {head(given, batch)[row, 0].item() for _ in range(20) for row in range(2)}
    assert len(drawn) > 20
    head.eval()
    assert torch.equal(head(given, batch), head(given, batch))


def test_dropped_choices_keep_their_expected_score():
    head, given, batch = head_of(ChoiceHead, 1, dropout=0.3), reading(2), labelled([0, 0], [0])
    wanted_GC = head.eval()(given, batch)
    head.train()
    found_GC = torch.stack([head(given, batch) for _ in range(4000)]).mean(0)
    torch.testing.assert_close(found_GC, wanted_GC, atol=0.06, rtol=0)


def test_tokens_without_a_label_count_for_nothing():
    head, given = head_of(TokenHead, 4), reading(2)
    labels_BL = torch.tensor([[IGNORE, 3, IGNORE, 0, IGNORE], [IGNORE] * 4 + [1]])
    batch = TaggedBatch(**common(2), labels_BL=labels_BL)
    scores_BLC = head(given, batch)
    torch.testing.assert_close(scores_BLC, given.hidden_BLD @ head.score.weight.T + head.score.bias)
    places = [(0, 1, 3), (0, 3, 0), (1, 4, 1)]
    by_hand = -sum(scores_BLC[row, place].log_softmax(0)[label] for row, place, label in places) / 3
    torch.testing.assert_close(head.loss(scores_BLC, batch), by_hand)


def test_a_batch_without_any_label_has_no_loss():
    head, batch = head_of(TokenHead, 4), TaggedBatch(**common(2), labels_BL=torch.full((2, 5), IGNORE))
    loss = head.loss(head(reading(2), batch), batch)
    loss.backward()
    assert loss.item() == 0
    assert not head.score.weight.grad.any()


def test_an_answer_never_begins_or_ends_where_it_may_not():
    head, given = head_of(SpanHead, 2), reading(2)
    batch = spans([[1, 0, 1, 1, 0], [0, 0, 1, 1, 1]], [[2, 3], [4, 4]])
    scores_BL2 = head(given, batch)
    assert (scores_BL2.softmax(1)[~batch.allowed_BL] == 0).all()
    nats = []
    for row, (first, last) in enumerate(batch.spans_B2.tolist()):
        places = batch.allowed_BL[row].nonzero()[:, 0].tolist()
        for side, target in enumerate((first, last)):
            plain_M = given.hidden_BLD[row, places] @ head.score.weight[side] + head.score.bias[side]
            torch.testing.assert_close(scores_BL2[row, places, side], plain_M)
            nats.append(-plain_M.log_softmax(0)[places.index(target)])
    loss = head.loss(scores_BL2, batch)
    torch.testing.assert_close(loss, torch.stack(nats).mean())
    loss.backward()
    assert torch.isfinite(head.score.weight.grad).all()


@pytest.mark.parametrize("kind", HEADS)
def test_the_loss_is_in_float32_whatever_the_scores_are_in(kind):
    head, batch = head_of(kind, 2), batch_for(kind)
    scores = head(reading(2), batch)
    found = head.loss(scores.bfloat16() if kind is not SpanHead else scores, batch)
    assert found.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert head.loss(head(reading(2), batch), batch).dtype == torch.float32


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("has_bias", [True, False])
def test_a_head_is_one_linear_layer_with_a_bias_or_without(kind, has_bias):
    head = head_of(kind, 3, has_bias=has_bias)
    shapes = {name: tuple(weight.shape) for name, weight in head.named_parameters()}
    assert shapes == {"score.weight": (3, WIDTH), **({"score.bias": (3,)} if has_bias else {})}
    with torch.no_grad():
        for weight in head.parameters():
            weight.fill_(1.0)
    nothing = Reading(torch.zeros(2, 5, WIDTH), torch.zeros(2, WIDTH))
    assert (head(nothing, batch_for(kind)) == float(has_bias)).all()


@pytest.mark.parametrize("kind", HEADS)
def test_dropout_falls_on_the_states_in_training_only(kind):
    head, batch = head_of(kind, 2, dropout=0.5), batch_for(kind)
    ones = Reading(torch.ones(2, 5, WIDTH), torch.ones(2, WIDTH))
    assert not torch.equal(head.train()(ones, batch), head.train()(ones, batch))
    assert torch.equal(head.eval()(ones, batch), head.eval()(ones, batch))
