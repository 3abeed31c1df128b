"""Generation and sentence vectors of ours against transformers and sentence-transformers, in turns.

    python benchmarks/inference.py [--layers 6] [--width 384] [--rounds 7] [--out runs/inference]

Trains a GPT and a BERT of this size for a few steps on the demo's text (kept in the folder for next time),
exports both, and measures greedy generation of 128 tokens after prompts of 35 with a cache, 1 and 8 texts at
a time, and vectors of 1,500 sentences of mixed length. Prints our speed and the ratio theirs / ours in time,
with quartiles: above 1, ours is faster. All of it in float32; both must give equal texts, and vectors equal
to 1e-4.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForCausalLM

import twinlm
from twinlm.prepare.demo import load_demo

PROMPT, NEW, TEXTS = 35, 128, 1500
GREEDY = twinlm.Sampling(temperature=0)


def models(folder, layers, width):
    """Train and export both models, unless they are there; return the exported folders."""
    if not (folder / "vectors").exists():
        shutil.rmtree(folder, ignore_errors=True)
        sizes = {"layers": layers, "width": width, "heads": width // 64, "max_length": 256}
        options = [text for name, value in sizes.items() for text in (f"--model.{name}", str(value))]
        options += ["--budget.match", "steps", "--budget.amount", "20", "--demo", "--out", folder / "run"]
        run("pretrain", "gpt", *options, "--gpt.model.norm", "pre")  # the layers of GPT-2
        run("pretrain", "bert", *options, "--bert.model.norm", "post")  # those of the paper
        run("export", folder / "run" / "gpt", "--out", folder / "causal")
        run("export", folder / "run" / "bert", "--to", "sentence-transformers", "--out", folder / "vectors")
    return folder / "causal", folder / "vectors"


def run(*arguments):
    """Run a command of twinlm."""
    subprocess.run([sys.executable, "-m", "twinlm", *map(str, arguments)], check=True, capture_output=True)


def in_turns(ours, theirs, rounds):
    """Return our seconds, and the ratio theirs / ours, of each round after the first."""
    seconds = []
    for _ in range(rounds + 1):
        row = []
        for side in (ours, theirs):
            began = time.perf_counter()
            side()
            row.append(time.perf_counter() - began)
        seconds.append(row)
    times = np.array(seconds[1:])
    return np.median(times[:, 0]), np.quantile(times[:, 1] / times[:, 0], [0.25, 0.5, 0.75])


def show(name, speed, unit, quartiles):
    """Print a row."""
    low, middle, high = quartiles
    print(
        f"{name:44} ours {speed:8,.0f} {unit:10} theirs / ours {middle:.2f} ({low:.2f} to {high:.2f})",
        flush=True,
    )


def generation(folder, exported, texts, rounds):
    """Measure greedy generation, 1 and 8 texts at a time."""
    trained = twinlm.load(folder)
    model = AutoModelForCausalLM.from_pretrained(exported)
    model.generation_config.eos_token_id = None
    documents = [trained.tokenizer.encode(text)[:PROMPT] for text in texts]
    tokens = [document for document in documents if len(document) == PROMPT][:8]
    for batch in (1, 8):
        prompts = [trained.tokenizer.decode(document) for document in tokens[:batch]]
        lengths = [len(trained.tokenizer.encode(prompt)) for prompt in prompts]
        assert lengths == [PROMPT] * batch, lengths
        tokens_BL = torch.tensor([trained.enclose(document) for document in tokens[:batch]])
        mask_BL = torch.ones_like(tokens_BL)
        written = {}

        def ours(prompts=prompts, written=written):
            written["ours"] = twinlm.generate_batch(trained, prompts, max_tokens=NEW, sampling=GREEDY)

        def theirs(tokens_BL=tokens_BL, mask_BL=mask_BL, written=written):
            with torch.inference_mode():
                written["theirs"] = model.generate(
                    tokens_BL, attention_mask=mask_BL, max_new_tokens=NEW, do_sample=False, pad_token_id=0
                )

        seconds, quartiles = in_turns(ours, theirs, rounds)
        our_tokens = [text[0].tokens for text in written["ours"]]
        assert [len(text) for text in our_tokens] == [NEW] * batch, "a text ended early"
        assert our_tokens == written["theirs"][:, PROMPT + 1 :].tolist(), "the texts differ"
        show(
            f"greedy generation, {batch} at a time; transformers",
            batch * NEW / seconds,
            "tokens/s",
            quartiles,
        )


def vectors(folder, exported, texts, rounds):
    """Measure vectors of texts of mixed length."""
    trained, model = twinlm.load(folder), SentenceTransformer(str(exported), device="cpu")
    sizes = np.random.default_rng(0).integers(4, 80, TEXTS)
    texts = [
        " ".join(text.split()[:size])
        for text, size in zip(texts * (TEXTS // len(texts) + 1), sizes, strict=False)
    ]
    made = {}

    def ours():
        made["ours"] = twinlm.embed(trained, texts)

    def theirs():
        made["theirs"] = model.encode(texts, show_progress_bar=False)

    seconds, quartiles = in_turns(ours, theirs, rounds)
    np.testing.assert_allclose(made["ours"], made["theirs"], atol=1e-4)
    show("vectors of mixed length; sentence-transformers", TEXTS / seconds, "texts/s", quartiles)


def main():
    """Make the models and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("runs/inference"))
    options = parser.parse_args()
    causal, sentences = models(options.out, options.layers, options.width)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {options.layers} x {options.width}")
    gpt, bert = options.out / "run" / "gpt", options.out / "run" / "bert"
    texts = [document.text for document in load_demo().documents.test]
    generation(gpt, causal, texts, options.rounds)
    vectors(bert, sentences, texts, options.rounds)


if __name__ == "__main__":
    main()
