import pytest
import torch
from torch.nn import functional as F

from twinlm.objectives import likelihood
from twinlm.objectives.likelihood import log_likelihood_at


@pytest.mark.parametrize("at_once", [1, 4, 256])
def test_pieces_give_what_all_logits_at_once_give(at_once, monkeypatch):
    monkeypatch.setattr(likelihood, "_POSITIONS_AT_ONCE", at_once)
    torch.manual_seed(0)
    hidden_ND, weight_VD, targets_N = torch.randn(9, 5), torch.randn(17, 5), torch.randint(17, (9,))
    sizes = []

    def score(hidden_1ND):
        sizes.append(hidden_1ND.shape[1])
        return F.linear(hidden_1ND, weight_VD)

    wanted = -F.cross_entropy(hidden_ND @ weight_VD.T, targets_N, reduction="none")
    assert log_likelihood_at(hidden_ND, targets_N, score) == pytest.approx(wanted.tolist(), abs=1e-5)
    assert max(sizes) <= at_once
