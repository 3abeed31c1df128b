"""A training step of ours against transformers' model of the same sizes, weights' shapes and batch, in turns.

    python benchmarks/training_step.py [--rounds 7] [--precision bfloat16]

Prints, for each kind and size, the median step of both and the ratio theirs / ours with its quartiles. Both
sides run the forward pass with their own loss, the backward pass and no optimizer. 15 % are masked.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from transformers import BertConfig, BertForPreTraining, OpenAIGPTConfig, OpenAIGPTLMHeadModel

from twinlm.batch import IGNORE, Batch, MaskedBatch
from twinlm.core.initialize import initialize
from twinlm.models.bert import BERT, BERTConfig
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence

SIZES = {"tiny": (2, 128, 2), "mini": (4, 256, 4), "small": (4, 512, 8)}
VOCABULARY, LENGTH, SEQUENCES = 8192, 128, 32


def pair_gpt(layers, width, heads):
    """Return our step and theirs."""
    tokens_BL = torch.randint(8, VOCABULARY, (SEQUENCES, LENGTH))
    batch = Batch(
        tokens_BL=tokens_BL,
        segments_BL=torch.zeros_like(tokens_BL),
        real_BL=torch.ones_like(tokens_BL).bool(),
    )
    sizes = {"vocab_size": VOCABULARY, "max_length": LENGTH, "layers": layers, "width": width, "heads": heads}
    ours = GPT(GPTConfig(feed_forward=4 * width, **sizes)).train()
    initialize(ours, seed=0, is_truncated=False)
    config = OpenAIGPTConfig(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=width, n_layer=layers, n_head=heads
    )
    theirs = OpenAIGPTLMHeadModel(config).train()
    return (
        lambda: causal_lm(ours, batch).total.backward(),
        lambda: theirs(tokens_BL, labels=tokens_BL).loss.backward(),
    )


def pair_bert(layers, width, heads):
    """Return our step and theirs."""
    tokens_BL = torch.randint(8, VOCABULARY, (SEQUENCES, LENGTH))
    chosen_BL = torch.rand(tokens_BL.shape) < 0.15
    originals_BL = torch.where(chosen_BL, tokens_BL, IGNORE)
    segments_BL = (torch.arange(LENGTH) > LENGTH // 2).long().expand(SEQUENCES, -1)
    real_BL = torch.arange(LENGTH) < torch.randint(LENGTH // 2, LENGTH + 1, (SEQUENCES, 1))
    is_random_B = torch.randint(2, (SEQUENCES,))
    batch = MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=segments_BL,
        real_BL=real_BL,
        originals_BL=originals_BL,
        is_random_B=is_random_B,
    )
    sizes = {"vocab_size": VOCABULARY, "max_length": LENGTH, "layers": layers, "width": width, "heads": heads}
    ours = BERT(BERTConfig(feed_forward=4 * width, **sizes)).train()
    initialize(ours, seed=0, is_truncated=True)
    config = BertConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=LENGTH,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
    )
    theirs = BertForPreTraining(config).train()
    return (
        lambda: masked_lm_and_next_sentence(ours, batch).total.backward(),
        lambda: theirs(
            tokens_BL,
            token_type_ids=segments_BL,
            attention_mask=real_BL.long(),
            labels=originals_BL,
            next_sentence_label=is_random_B,
        ).loss.backward(),
    )


def seconds_of(step, precision):
    """Return the time of one step."""
    began = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        step()
    return time.perf_counter() - began


def main():
    """Measure all pairs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float32"])
    options = parser.parse_args()
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.precision}")
    for name, sizes in SIZES.items():
        for kind, make in [("gpt", pair_gpt), ("bert", pair_bert)]:
            ours, theirs = make(*sizes)
            seconds_of(ours, options.precision), seconds_of(theirs, options.precision)
            times = [
                (seconds_of(ours, options.precision), seconds_of(theirs, options.precision))
                for _ in range(options.rounds)
            ]
            low, middle, high = np.quantile([their / our for our, their in times], [0.25, 0.5, 0.75])
            our_s, their_s = (statistics.median(column) for column in zip(*times, strict=True))
            print(
                f"{name:6} {kind:5} ours {1e3 * our_s:7.0f} ms   transformers {1e3 * their_s:7.0f} ms   "
                f"ratio {middle:.2f} ({low:.2f} to {high:.2f})"
            )


if __name__ == "__main__":
    main()
