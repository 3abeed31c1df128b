"""Who sees whom: no GPT state depends on a later token, every BERT state on every real one."""

import pytest
import torch

from twinlm.batch import Batch
from twinlm.core.attention import KeyValueCache
from twinlm.models.bert import BERT, BERTConfig
from twinlm.models.gpt import GPT, GPTConfig

SIZES = {"vocab_size": 61, "max_length": 16, "width": 24, "layers": 3, "heads": 4, "feed_forward": 48}
L = 9


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def sharp(model: torch.nn.Module) -> torch.nn.Module:
    """Spread the weights, so that every dependence is far above rounding."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model.eval()


def gpt(norm: str = "post") -> GPT:
    return sharp(GPT(GPTConfig(**SIZES, norm=norm)))


def bert() -> BERT:
    return sharp(BERT(BERTConfig(**SIZES)))


def read_bert(model: BERT, tokens_BL: torch.Tensor, real_BL: torch.Tensor | None = None) -> torch.Tensor:
    real_BL = torch.ones_like(tokens_BL, dtype=torch.bool) if real_BL is None else real_BL
    return model(tokens_BL, torch.zeros_like(tokens_BL), real_BL)


def changed_at(tokens_BL: torch.Tensor, place: int) -> torch.Tensor:
    changed_BL = tokens_BL.clone()
    changed_BL[:, place] = (changed_BL[:, place] + 1) % 61
    return changed_BL


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("place", range(L))
@torch.no_grad()
def test_a_token_changes_gpts_logits_from_its_place_on_and_never_before(place: int, norm: str) -> None:
    model, tokens_BL = gpt(norm), torch.randint(61, (2, L))
    before_BLV = model.next_token_logits(model(tokens_BL))
    after_BLV = model.next_token_logits(model(changed_at(tokens_BL, place)))
    assert torch.equal(before_BLV[:, :place], after_BLV[:, :place])
    assert ((before_BLV - after_BLV).abs().amax(-1)[:, place:] > 1e-4).all()


@pytest.mark.parametrize("place", range(L))
@torch.no_grad()
def test_a_token_changes_berts_logits_everywhere(place: int) -> None:
    model, tokens_BL = bert(), torch.randint(61, (2, L))
    before_BLV = model.masked_token_logits(read_bert(model, tokens_BL))
    after_BLV = model.masked_token_logits(read_bert(model, changed_at(tokens_BL, place)))
    assert ((before_BLV - after_BLV).abs().amax(-1) > 1e-4).all()


def test_no_gradient_flows_from_gpts_states_to_later_tokens() -> None:
    model, tokens_BL = gpt(), torch.arange(L)[None]
    model(tokens_BL)[0, 4].sum().backward()
    assert model.position_embedding.weight.grad is not None
    reached = model.position_embedding.weight.grad.abs().sum(1) > 0
    assert reached.tolist() == [True] * 5 + [False] * 11


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("length", [1, 4])
@torch.no_grad()
def test_a_cache_gives_the_states_of_reading_all_at_once(length: int, norm: str) -> None:
    model, tokens_BL = gpt(norm), torch.randint(61, (2, L))
    caches = [KeyValueCache() for _ in range(SIZES["layers"])]
    parts = [model.step(tokens_BL[:, :length], caches, first_position=0)]
    for place in range(length, L):
        parts.append(model.step(tokens_BL[:, place : place + 1], caches, first_position=place))
    torch.testing.assert_close(torch.cat(parts, 1), model(tokens_BL), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pieces", [(3, 2, 4), (1, 8), (2, 1, 1, 5)])
@torch.no_grad()
def test_a_cache_takes_several_tokens_at_once(pieces: tuple[int, ...]) -> None:
    model, tokens_BL = gpt(), torch.randint(61, (2, L))
    caches = [KeyValueCache() for _ in range(SIZES["layers"])]
    parts, seen = [], 0
    for piece_BL in tokens_BL.split(pieces, dim=1):
        parts.append(model.step(piece_BL, caches, first_position=seen))
        seen += piece_BL.shape[1]
    torch.testing.assert_close(torch.cat(parts, 1), model(tokens_BL), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_to_the_left_changes_no_state_with_a_cache() -> None:
    model, tokens_BL, padding_B = gpt(), torch.randint(61, (3, L)), torch.tensor([0, 4, 2])
    caches = [KeyValueCache() for _ in range(SIZES["layers"])]
    parts, seen = [], 0
    for piece_BL in tokens_BL.split((5, 1, 2, 1), dim=1):
        parts.append(model.step(piece_BL, caches, first_position=seen, padding_B=padding_B))
        seen += piece_BL.shape[1]
    found_BLD = torch.cat(parts, 1)
    for row, padding in enumerate(padding_B.tolist()):
        alone_BLD = model(tokens_BL[row : row + 1, padding:])
        torch.testing.assert_close(found_BLD[row : row + 1, padding:], alone_BLD, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_gpts_states_do_not_depend_on_padding_to_the_right() -> None:
    model, tokens_BL = gpt(), torch.randint(61, (2, L))
    longer_BL = torch.cat([tokens_BL, torch.zeros_like(tokens_BL[:, :3])], dim=1)
    torch.testing.assert_close(model(longer_BL)[:, :L], model(tokens_BL), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("padding", [0, 17])
@torch.no_grad()
def test_berts_real_states_do_not_depend_on_padding(padding: int) -> None:
    model, tokens_BL = bert(), torch.randint(61, (2, L))
    longer_BL = torch.cat([tokens_BL, torch.full_like(tokens_BL[:, :3], padding)], dim=1)
    real_BL = torch.arange(L + 3).expand(2, -1) < L
    found_BLD = read_bert(model, longer_BL, real_BL)[:, :L]
    torch.testing.assert_close(found_BLD, read_bert(model, tokens_BL), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_gpts_summary_is_the_state_of_the_last_real_token() -> None:
    model, tokens_BL = gpt(), torch.randint(61, (3, L))
    real_BL = torch.arange(L) < torch.tensor([[L], [5], [1]])
    reading = model.read(Batch(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=real_BL))
    for row, last in enumerate([L - 1, 4, 0]):
        alone_BLD = model(tokens_BL[row : row + 1, : last + 1])
        torch.testing.assert_close(reading.summary_BD[row], alone_BLD[0, -1], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_berts_summary_is_the_pooled_state_of_the_first_token() -> None:
    model, tokens_BL = bert(), torch.randint(61, (2, L))
    segments_BL, real_BL = torch.zeros_like(tokens_BL), torch.ones_like(tokens_BL, dtype=torch.bool)
    reading = model.read(Batch(tokens_BL=tokens_BL, segments_BL=segments_BL, real_BL=real_BL))
    wanted_BD = torch.tanh(reading.hidden_BLD[:, 0] @ model.pooler.weight.T + model.pooler.bias)
    torch.testing.assert_close(reading.summary_BD, wanted_BD)


@torch.no_grad()
def test_bert_tells_the_two_segments_apart() -> None:
    model, tokens_BL = bert(), torch.randint(61, (1, L))
    real_BL = torch.ones_like(tokens_BL, dtype=torch.bool)
    one, two = (model(tokens_BL, torch.full_like(tokens_BL, segment), real_BL) for segment in (0, 1))
    assert not torch.allclose(one, two, atol=1e-3)


@pytest.mark.parametrize("model", [gpt, bert])
def test_a_sequence_longer_than_the_model_is_refused_with_both_lengths(model: type) -> None:
    tokens_BL = torch.zeros(1, 17, dtype=torch.long)
    batch = Batch(tokens_BL=tokens_BL, segments_BL=tokens_BL, real_BL=tokens_BL == 0)
    with pytest.raises(ValueError, match="17 tokens is longer than max_length=16"):
        model().read(batch)
