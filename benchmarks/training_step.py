"""A training step of ours against transformers' and nanoGPT's model of the same sizes and batch, in turns.

    python benchmarks/training_step.py [--nanogpt FOLDER] [--rounds 7] [--sizes 2x128 6x384 12x768]
        [--dropouts 0 0.1] [--compiled] [--precision float32]

Prints, for each size and peer, our median step in tokens a second, and the ratio theirs / ours in time
with its quartiles: above 1, ours is faster. A step is forward pass, the model's own loss, backward pass,
clipping at 1, and a fused AdamW. BERT predicts 15 % of the tokens, and next sentences. FOLDER is a clone of
github.com/karpathy/nanoGPT. With `--compiled`, peers run under torch.compile.
"""

import argparse
import importlib.util
import time

import numpy as np
import torch
from transformers import BertConfig, BertForPreTraining, GPT2Config, GPT2LMHeadModel

from twinlm import rng
from twinlm.batch import IGNORE, Batch, MaskedBatch
from twinlm.core.dropout import drawing
from twinlm.core.initialize import initialize
from twinlm.models.bert import BERT, BERTConfig
from twinlm.models.gpt import GPT, GPTConfig
from twinlm.objectives.causal_lm import causal_lm
from twinlm.objectives.masked_lm import masked_lm_and_next_sentence
from twinlm.settings import OptimizerSettings
from twinlm.train.optimizer import build_optimizer

# layers x width: heads, sequences, length
SIZES = {"2x128": (2, 32, 128), "6x384": (6, 16, 256), "12x768": (12, 4, 512)}
VOCABULARY = 8192
MASKED = 0.15


class Side:
    """A model with its optimizer, whose `step` is a whole training step."""

    def __init__(self, model, loss, precision, optimizer=None):
        """Take a model, and a function without arguments that returns its loss."""
        self._model, self._loss, self._precision = model, loss, precision
        self._optimizer = optimizer or torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step(self):
        """Take a step, and return its seconds."""
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self._precision == "bfloat16"):
            loss = self._loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return time.perf_counter() - began


def ours_of(model, objective, batch, length, precision):
    """Return our side: the optimizer and the dropout masks of a training run."""
    initialize(model.train(), seed=0, is_truncated=False)
    steps = iter(range(10**9))

    def loss():
        with drawing(rng.torch_seed(0, "dropout", next(steps)), first_row=0, longest=length):
            return objective(model, batch).total

    return Side(model, loss, precision, build_optimizer(model, OptimizerSettings()))


def gpt_sides(layers, width, heads, sequences, length, *, dropout, options):
    """Return our GPT, and its peers by name."""
    tokens_BL = torch.randint(8, VOCABULARY, (sequences, length))
    batch = Batch(tokens_BL=tokens_BL, segments_BL=0 * tokens_BL, real_BL=tokens_BL >= 0)
    sizes = {"vocab_size": VOCABULARY, "max_length": length, "layers": layers, "width": width, "heads": heads}
    model = GPT(GPTConfig(feed_forward=4 * width, dropout=dropout, norm="pre", **sizes))
    ours = ours_of(model, causal_lm, batch, length, options.precision)
    rates = {"resid_pdrop": dropout, "embd_pdrop": dropout, "attn_pdrop": dropout}
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=length, n_embd=width, n_layer=layers, n_head=heads, **rates
    )
    theirs = {"transformers": GPT2LMHeadModel(config).train()}
    losses = {"transformers": lambda model: model(tokens_BL, labels=tokens_BL).loss}
    if options.nanogpt:
        specification = importlib.util.spec_from_file_location("nanogpt", f"{options.nanogpt}/model.py")
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        config = module.GPTConfig(length, VOCABULARY, layers, heads, width, dropout, bias=True)
        theirs["nanoGPT"] = module.GPT(config).train()
        targets_BL = tokens_BL.roll(-1, 1)
        losses["nanoGPT"] = lambda model: model(tokens_BL, targets_BL)[1]
    return ours, peers_of(theirs, losses, options)


def bert_sides(layers, width, heads, sequences, length, *, dropout, options):
    """Return our BERT, and its peer by name."""
    tokens_BL = torch.randint(8, VOCABULARY, (sequences, length))
    originals_BL = torch.where(torch.rand(tokens_BL.shape) < MASKED, tokens_BL, IGNORE)
    segments_BL = (torch.arange(length) > length // 2).long().expand(sequences, -1)
    real_BL = torch.arange(length) < torch.randint(length // 2, length + 1, (sequences, 1))
    originals_BL = torch.where(real_BL, originals_BL, IGNORE)
    is_random_B = torch.randint(2, (sequences,))
    batch = MaskedBatch(
        tokens_BL=tokens_BL,
        segments_BL=segments_BL,
        real_BL=real_BL,
        originals_BL=originals_BL,
        is_random_B=is_random_B,
    )
    sizes = {"vocab_size": VOCABULARY, "max_length": length, "layers": layers, "width": width, "heads": heads}
    model = BERT(BERTConfig(feed_forward=4 * width, dropout=dropout, **sizes))
    ours = ours_of(model, masked_lm_and_next_sentence, batch, length, options.precision)
    config = BertConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=length,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    given = {
        "token_type_ids": segments_BL,
        "attention_mask": real_BL.long(),
        "labels": originals_BL,
        "next_sentence_label": is_random_B,
    }
    theirs = {"transformers": BertForPreTraining(config).train()}
    return ours, peers_of(theirs, {"transformers": lambda model: model(tokens_BL, **given).loss}, options)


def peers_of(models, losses, options):
    """Return the peers' sides by name."""
    sides = {}
    for name, model in models.items():
        called = torch.compile(model) if options.compiled else model
        label = f"{name}, compiled" if options.compiled else name
        sides[label] = Side(model, lambda name=name, called=called: losses[name](called), options.precision)
    return sides


def main():
    """Measure all sides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nanogpt")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--dropouts", nargs="+", type=float, default=[0.0, 0.1])
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--precision", default="float32", choices=["bfloat16", "float32"])
    options = parser.parse_args()
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.precision}")
    for size in options.sizes:
        (layers, width), (heads, sequences, length) = map(int, size.split("x")), SIZES[size]
        for dropout in options.dropouts:
            for kind, sides_of in (("gpt", gpt_sides), ("bert", bert_sides)):
                shape = (layers, width, heads, sequences, length)
                ours, peers = sides_of(*shape, dropout=dropout, options=options)
                for side in (ours, *peers.values()):
                    side.step(), side.step()  # kernels are made in the first steps
                rows = [[side.step() for side in (ours, *peers.values())] for _ in range(options.rounds)]
                times = np.array(rows)
                speed = sequences * length / np.median(times[:, 0])
                for number, name in enumerate(peers, start=1):
                    low, middle, high = np.quantile(times[:, number] / times[:, 0], [0.25, 0.5, 0.75])
                    print(
                        f"{kind:4} {size:6} dropout {dropout:<3} ours {speed:7,.0f} tokens/s   "
                        f"{name:22} theirs / ours {middle:.2f} ({low:.2f} to {high:.2f})",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
