"""Time both engines of `twinlm.load` in alternation on the same texts, one thread each: answers as asked for.

python benchmarks/onnx_runtime.py
"""

import copy
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

import twinlm
from twinlm.checkpoint import Trained
from twinlm.core.initialize import initialize
from twinlm.families import FAMILIES
from twinlm.runtimes.engine import compute_with_onnx
from twinlm.system.log import Silent
from twinlm.tokenizer import train_tokenizer

ROUNDS = 7
SIZES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "small": (4, 512, 8)}
TEXT = "The red cat sat on the mat of the old house and drank its milk. "


def build(kind: str, layers: int, width: int, heads: int) -> Trained:
    """Return an untrained model with 8,192 tokens."""
    family = FAMILIES[kind]
    tokenizer = train_tokenizer(
        [TEXT] * 8, algorithm="byte-bpe", vocab_size=400, lowercase=False, progress=Silent()
    )
    sizes = {"width": width, "layers": layers, "heads": heads, "feed_forward": 4 * width, "norm": "pre"}
    model = family.model(family.config(vocab_size=8192, max_length=256, **sizes))
    initialize(model, seed=1, is_truncated=family.is_truncated)
    history = {"pretraining": {"sentence_task": "next_sentence"}}
    return Trained(family=family, model=model.eval(), tokenizer=tokenizer, history=history)


def compare(name: str, ask: Callable[[Trained], object], trained: Trained) -> None:
    """Print the median times of both engines, measured in alternation after a warm-up."""
    fast = copy.deepcopy(trained)
    compute_with_onnx(fast)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for model, spent in zip((trained, fast), times, strict=True):
            begin = time.perf_counter()
            ask(model)
            if number:
                spent.append(time.perf_counter() - begin)
    torch_s, onnx_s = map(median, times)
    print(f"{name:<40}{torch_s * 1e3:>10.2f} ms{onnx_s * 1e3:>10.2f} ms{torch_s / onnx_s:>8.2f} times")


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"{'':<40}{'PyTorch':>13}{'ONNX Runtime':>13}")
    options: dict[str, Any] = {"max_tokens": 64, "seed": 0}
    for name, sizes in SIZES.items():
        bert, gpt = build("bert", *sizes), build("gpt", *sizes)
        compare(f"BERT {name}: embed one text", lambda model: twinlm.embed(model, [TEXT]), bert)
        compare(f"BERT {name}: embed 32 texts", lambda model: twinlm.embed(model, [TEXT * 3] * 32), bert)
        masked = TEXT.replace("cat", "[MASK]")
        compare(f"BERT {name}: fill one text", lambda model, m=masked: twinlm.fill(model, m), bert)
        compare(f"GPT {name}: generate 64 tokens", lambda model: twinlm.generate(model, TEXT, **options), gpt)
        compare(
            f"GPT {name}: 8 texts of 64 tokens",
            lambda model: twinlm.generate_batch(model, [TEXT] * 8, **options),
            gpt,
        )
