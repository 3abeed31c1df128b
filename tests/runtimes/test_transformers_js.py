"""transformers.js under node says what our models say (`make interop`; it needs node and the module)."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from tests.made_models import random_model
from twinlm.hf.export import write_folder
from twinlm.runtimes.onnx_files import to_onnx_files
from twinlm.use.embed import embed
from twinlm.use.fill import fill

PROMPTS = ["The red cat", "Café", "мир!", "你好 🙂"]
MASKED = ["The [MASK] sat on the mat.", "a big [MASK]"]


@pytest.mark.node
def test_texts_guesses_and_vectors_are_equal(tmp_path: Path) -> None:
    torch.manual_seed(0)
    gpt, bert = random_model("gpt", norm="pre"), random_model("bert")
    write_folder(tmp_path / "gpt", to_onnx_files(gpt))
    write_folder(tmp_path / "bert", to_onnx_files(bert))
    module = Path(os.environ["TRANSFORMERS_JS"]).resolve()
    script = Path(__file__).with_name("transformers_js.mjs")
    given = json.dumps({"prompts": PROMPTS, "masked": MASKED, "texts": PROMPTS})
    done = subprocess.run(
        ["node", str(script), str(module), str(tmp_path), given], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    specials = gpt.tokenizer.specials
    for prompt, ids, written in zip(PROMPTS, said["ids"], said["written"], strict=True):
        tokens = [specials.start, *gpt.tokenizer.encode(prompt)]
        assert ids == tokens
        assert written == greedy(gpt, tokens)
    for text, guesses in zip(MASKED, said["guesses"], strict=True):
        wanted = [guess.probability for guess in fill(bert, text, 3)[0]]
        assert [score for _, score in guesses] == pytest.approx(wanted, abs=1e-5)
    torch.testing.assert_close(
        torch.tensor(said["vectors"]), torch.tensor(embed(bert, PROMPTS)), atol=1e-4, rtol=0
    )


@torch.no_grad()
def greedy(gpt, tokens: list[int]) -> str:
    """Return a text with its eight likeliest next tokens, as its tokenizer spells them."""
    tokens = list(tokens)
    for _ in range(8):
        best = int(gpt.model.next_token_logits(gpt.model(torch.tensor([tokens])))[0, -1].argmax())
        tokens.append(best)
        if best == gpt.tokenizer.specials.start:
            break
    return gpt.tokenizer.decode(tokens)
