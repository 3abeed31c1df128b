"""From the same weights our BERT has the logits, losses and gradients of BertForPreTraining."""

import pytest
import torch
from transformers import BertConfig, BertForPreTraining

from twinlm.batch import IGNORE, MaskedBatch
from twinlm.core import vocabulary_loss
from twinlm.core.count import parameter_count
from twinlm.hf.bert import BERT as LAYOUT
from twinlm.hf.layout import from_hf, to_hf
from twinlm.models.bert import BERT, BERTConfig
from twinlm.objectives.masked_lm import masked_lm, masked_lm_and_next_sentence

V, LAYERS = 61, 3
# Their state dict repeats two tied tensors under a second name.
TIED = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}


def pair(dropout: float = 0.0, *, is_tanh: bool = False) -> tuple[BERT, BertForPreTraining]:
    theirs = BertForPreTraining(
        BertConfig(
            vocab_size=V,
            hidden_size=24,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            intermediate_size=96,
            max_position_embeddings=16,
            initializer_range=0.2,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            hidden_act="gelu_new" if is_tanh else "gelu",
            pad_token_id=None,  # else the gradient of that row is left out
        )
    )
    with torch.no_grad():  # biases of 0 and gains of 1 would hide a mistake
        for weight in theirs.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    ours = BERT(
        BERTConfig(
            vocab_size=V,
            max_length=16,
            width=24,
            layers=LAYERS,
            heads=4,
            feed_forward=96,
            dropout=dropout,
            activation="gelu_tanh" if is_tanh else "gelu",
        )
    )
    ours.load_state_dict(from_hf(LAYOUT.table, LAYERS, theirs.state_dict()))
    return ours, theirs


def batch() -> MaskedBatch:
    tokens_BL = torch.randint(V, (3, 11))
    lengths_B1 = torch.tensor([[11], [8], [5]])
    real_BL = torch.arange(11) < lengths_B1
    segments_BL = ((torch.arange(11) >= torch.tensor([[6], [4], [2]])) & real_BL).long()
    originals_BL = torch.full_like(tokens_BL, IGNORE)
    for row, column in [(0, 1), (0, 4), (0, 9), (1, 7), (2, 2)]:
        originals_BL[row, column] = (tokens_BL[row, column] + 1) % V
    return MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=segments_BL,
        real_BL=real_BL,
        originals_BL=originals_BL,
        is_random_B=torch.tensor([0, 1, 1]),
    )


def inputs(given: MaskedBatch) -> dict[str, torch.Tensor]:
    return {
        "input_ids": given.tokens_BL,
        "token_type_ids": given.segments_BL,
        "attention_mask": given.real_BL.long(),
    }


@torch.no_grad()
def test_states_and_logits_in_evaluation_mode_with_padding() -> None:
    ours, theirs = (model.eval() for model in pair(dropout=0.1))
    given = batch()
    out = theirs(**inputs(given), output_hidden_states=True)
    hidden_BLD = ours(given.tokens_BL, given.segments_BL, given.real_BL)
    for found, wanted in [
        (hidden_BLD[given.real_BL], out.hidden_states[-1][given.real_BL]),
        (ours.masked_token_logits(hidden_BLD)[given.real_BL], out.prediction_logits[given.real_BL]),
        (ours.next_sentence_logits(hidden_BLD), out.seq_relationship_logits),
        (ours.read(given).summary_BD, theirs.bert(**inputs(given)).pooler_output),
    ]:
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("rows", "is_tanh"), [(1, False), (3, False), (1000, False), (1000, True)])
def test_loss_and_gradients_in_training_mode(
    rows: int, is_tanh: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hugging Face scores all positions at once; ours goes through the objective, masked positions only."""
    monkeypatch.setattr(vocabulary_loss, "_LOGITS_AT_ONCE", {"cpu": rows * V})
    ours, theirs = (model.train() for model in pair(is_tanh=is_tanh))
    given = batch()
    labels = {"labels": given.originals_BL, "next_sentence_label": given.is_random_B}
    wanted = theirs(**inputs(given), **labels).loss
    loss = masked_lm_and_next_sentence(ours, given)
    torch.testing.assert_close(loss.total, wanted, atol=1e-5, rtol=1e-5)
    assert loss.targets == 5
    loss.total.backward()
    wanted.backward()
    found = to_hf(LAYOUT.table, LAYERS, {name: weight.grad for name, weight in ours.named_parameters()})
    gradients = {name: weight.grad for name, weight in theirs.named_parameters()}
    assert found.keys() == gradients.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, gradients[name], atol=1e-5, rtol=1e-4, msg=name)


def test_masked_tokens_alone_have_hugging_faces_loss_without_pairs() -> None:
    ours, theirs = (model.train() for model in pair())
    given = batch()
    logits_BLV = theirs(**inputs(given)).prediction_logits
    wanted = torch.nn.functional.cross_entropy(logits_BLV.flatten(0, 1), given.originals_BL.flatten())
    torch.testing.assert_close(masked_lm(ours, given).total, wanted, atol=1e-5, rtol=1e-5)


def test_the_table_of_names_goes_both_ways() -> None:
    ours, theirs = pair()
    state = {name: tensor for name, tensor in theirs.state_dict().items() if name not in TIED}
    back = to_hf(LAYOUT.table, LAYERS, ours.state_dict())
    assert back.keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in back.items())
    again = from_hf(LAYOUT.table, LAYERS, back)
    assert again.keys() == ours.state_dict().keys()
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in again.items())


@pytest.mark.parametrize(
    ("sizes", "without_heads", "in_all"),
    [
        ({}, 109_482_240, 110_106_428),
        ({"width": 1024, "layers": 24, "heads": 16, "feed_forward": 4096}, 335_141_888, 336_226_108),
    ],
    ids=["base", "large"],
)
def test_the_papers_sizes_have_the_papers_number_of_weights(
    sizes: dict[str, int], without_heads: int, in_all: int
) -> None:
    with torch.device("meta"):
        model = BERT(BERTConfig(**sizes))
    heads = parameter_count(model.masked_token_head) + parameter_count(model.next_sentence_head)
    assert parameter_count(model) - heads == without_heads
    assert parameter_count(model) == in_all
