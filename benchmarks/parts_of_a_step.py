"""What our choices in a training step are worth, each against the plain way, in turns in one run.

    python benchmarks/parts_of_a_step.py [--rounds 9]

- attention: scaled_dot_product_attention against explicit softmax(QK^T)V, with attention dropout as in
  training, causal (GPT) and with a padding mask (BERT), at several lengths;
- the vocabulary loss in pieces against F.cross_entropy on whole logits.
"""

import argparse
import time

import numpy as np
import torch
from torch.nn import functional as F

from twinlm.core.vocabulary_loss import vocabulary_loss


def explicit_attention(query_BHLK, key_BHLK, value_BHLK, *, attn_mask=None, is_causal=False, dropout_p=0.0):
    """Write attention out."""
    scores_BHLM = query_BHLK @ key_BHLK.transpose(-1, -2) / query_BHLK.shape[-1] ** 0.5
    if is_causal:
        length = query_BHLK.shape[-2]
        attn_mask = torch.ones(length, length, dtype=torch.bool).tril()
    if attn_mask is not None:
        scores_BHLM = scores_BHLM.masked_fill(~attn_mask, float("-inf"))
    return F.dropout(scores_BHLM.softmax(-1), dropout_p) @ value_BHLK


def attention_pairs(length):
    """Yield a name, our way and the plain way."""
    for name, causal in [("causal", True), ("padded", False)]:
        parts = [torch.randn(32, 4, length, 32, requires_grad=True) for _ in range(3)]
        mask = (
            None if causal else (torch.arange(length) < length - 8)[None, None, None, :].expand(32, 1, 1, -1)
        )

        def run(attend, parts=parts, mask=mask, causal=causal):
            attend(*parts, attn_mask=mask, is_causal=causal, dropout_p=0.1).sum().backward()

        yield (
            f"attention, {name}, length {length}",
            lambda run=run: run(F.scaled_dot_product_attention),
            lambda run=run: run(explicit_attention),
        )


def loss_pair(positions, width, vocabulary):
    """Return a name, our way and the plain way."""
    hidden_ND = torch.randn(positions, width, requires_grad=True)
    weight_VD = (0.02 * torch.randn(vocabulary, width)).requires_grad_()
    targets_N = torch.randint(vocabulary, (positions,))
    weights_N = torch.full((positions,), 1 / positions)
    return (
        f"vocabulary loss, N {positions}, D {width}, V {vocabulary}",
        lambda: vocabulary_loss(hidden_ND, weight_VD, targets_N, weights_N).backward(),
        lambda: F.cross_entropy(F.linear(hidden_ND, weight_VD), targets_N).backward(),
    )


def compare(name, ours, plain, rounds, precision):
    """Print the ratio plain / ours."""
    ratios = []
    for _ in range(rounds + 1):
        times = []
        for step in (ours, plain):
            began = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                step()
            times.append(time.perf_counter() - began)
        ratios.append(times[1] / times[0])
    low, middle, high = np.quantile(ratios[1:], [0.25, 0.5, 0.75])
    print(f"{precision:9} {name:45} plain / ours {middle:.2f} ({low:.2f} to {high:.2f})")


def main():
    """Measure all parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    pairs = [pair for length in (64, 128, 256, 512) for pair in attention_pairs(length)]
    pairs += [loss_pair(4096, 128, 8192), loss_pair(600, 128, 8192), loss_pair(4096, 256, 30000)]
    for precision in ("float32", "bfloat16"):
        for name, ours, plain in pairs:
            compare(name, ours, plain, options.rounds, precision)


if __name__ == "__main__":
    main()
