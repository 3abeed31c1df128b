"""What our choices in a training step are worth, two ways in turns in one run: time of the second / first.

    python benchmarks/parts_of_a_step.py [--rounds 9]

- attention: PyTorch's fused kernel against softmax(QK^T)V written out, with and without attention dropout,
  causal (GPT) and with a padding mask (BERT), at several lengths; `core/attention.py` takes the faster one;
- the vocabulary loss in pieces against F.cross_entropy on whole logits;
- a GPT's loss and gradients without dropout and with 0.1, its masks drawn by row, and by PyTorch.
"""

import argparse
import contextlib
import itertools
import time

import numpy as np
import torch
from torch.nn import functional as F

from twinlm.batch import Batch
from twinlm.core import masks
from twinlm.core.attention import explicit_attention, fused_attention
from twinlm.core.dropout import drawing
from twinlm.core.vocabulary_loss import vocabulary_loss
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import causal_lm


def attention_pairs(length, dtype):
    """Yield a name, the fused kernel and the written out way, for 16 sequences, 2 heads of 64."""
    for is_causal, dropout in itertools.product([True, False], [0.0, 0.1]):
        parts = [torch.randn(16, 2, length, 64, dtype=dtype, requires_grad=True) for _ in range(3)]
        real_BL = (torch.arange(length) < length - 8).expand(16, -1)
        mask = masks.causal() if is_causal else masks.bidirectional(real_BL)

        def run(attend, parts=parts, mask=mask, dropout=dropout):
            attend(*parts, mask, dropout).sum().backward()

        yield (
            f"attention, {'causal' if is_causal else 'padded'}, length {length}, dropout {dropout}",
            lambda run=run: run(fused_attention),
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


def dropout_pairs(layers, width, sequences, length):
    """Yield a name, the loss and gradients without dropout, and with it: masks by row, then PyTorch's."""
    sizes = {"layers": layers, "width": width, "heads": width // 64, "feed_forward": 4 * width}
    plain, dropping = (
        GPT(GPTConfig(vocab_size=8192, max_length=length, dropout=dropout, **sizes)).train()
        for dropout in (0.0, 0.1)
    )
    tokens_BL = torch.randint(8192, (sequences, length))
    batch = Batch(tokens_BL=tokens_BL, segments_BL=0 * tokens_BL, real_BL=tokens_BL >= 0)

    def run(model, by_row=False):
        block = drawing(1, first_row=0, longest=length) if by_row else contextlib.nullcontext()
        with block:
            loss = causal_lm(model, batch)
        loss.total.backward()

    for by_row, whose in [(True, "by row"), (False, "PyTorch's")]:
        yield (
            f"dropout 0.1 {whose}, {layers} x {width}, {sequences} x {length}",
            lambda: run(plain),
            lambda by_row=by_row: run(dropping, by_row),
        )


def compare(name, ours, plain, rounds, precision):
    """Print the ratio second / first."""
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
    print(f"{precision:9} {name:50} second / first {middle:.2f} ({low:.2f} to {high:.2f})")


def main():
    """Measure all parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for precision in ("float32", "bfloat16"):
        dtype = getattr(torch, precision)
        pairs = [pair for length in (64, 128, 256, 512) for pair in attention_pairs(length, dtype)]
        pairs += [loss_pair(4096, 128, 8192), loss_pair(640, 128, 8192), loss_pair(4096, 256, 30000)]
        pairs += [*dropout_pairs(2, 128, 32, 128), *dropout_pairs(6, 384, 16, 256)]
        for name, ours, plain in pairs:
            compare(name, ours, plain, options.rounds, precision)


if __name__ == "__main__":
    main()
