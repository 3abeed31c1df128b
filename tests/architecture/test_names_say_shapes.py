"""Every tensor whose name ends in dimensions has them, all through both models and the objectives."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor

import twinlm
from twinlm.batch import IGNORE, LabelledBatch, MaskedBatch
from twinlm.families import FAMILIES, Family
from twinlm.objectives.causal_lm import auxiliary_causal_lm, causal_lm
from twinlm.objectives.fine_tuning import Auxiliary, FineTuned, fine_tuning
from twinlm.objectives.masked_lm import masked_lm, masked_lm_and_next_sentence
from twinlm.tasks.heads import SequenceHead

PACKAGE = str(Path(twinlm.__file__).parent)

# No two sizes are alike, so that a wrong order can't pass by chance. N is any number of positions: the
# masked ones, the real ones, or a piece of them. T are the L - 1 with a next token, in what GPT predicts.
SIZES = {"B": 3, "L": 7, "M": 7, "V": 61, "D": 20, "H": 4, "K": 5, "F": 83, "C": 9, "1": 1, "2": 2}
SIZES |= {"N": None, "T": 6}
SUFFIX = re.compile(r"_([A-Z1-9]+)$")
MODEL = {"vocab_size": 61, "max_length": 16, "width": 20, "layers": 2, "heads": 4, "feed_forward": 83}

Names = set[tuple[str, str]]


def watch(run: Callable[[], object]) -> tuple[Names, list[str]]:
    """Run something; return the names of tensors seen in the package, and the wrong ones among them."""
    seen: Names = set()
    wrong: list[str] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        where = f"{Path(frame.f_code.co_filename).relative_to(PACKAGE)}:{frame.f_code.co_name}"
        for name, value in frame.f_locals.items():
            suffix = SUFFIX.search(name)
            if isinstance(value, Tensor) and suffix:
                seen.add((where, name))
                wanted = [SIZES[letter] for letter in suffix[1]]
                sizes = list(value.shape)
                if len(sizes) != len(wanted) or any(
                    w not in (None, s) for w, s in zip(wanted, sizes, strict=True)
                ):
                    wrong.append(f"{where}: {name} has shape {sizes}")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return seen, wrong


def batch(kind: type, **more: Tensor) -> Any:
    tokens_BL = torch.randint(8, 61, (3, 7))
    real_BL = torch.arange(7) < torch.tensor([[7], [5], [4]])
    return kind(tokens_BL=tokens_BL, segments_BL=torch.zeros_like(tokens_BL), real_BL=real_BL, **more)


def masked() -> MaskedBatch:
    originals_BL = torch.full((3, 7), IGNORE)
    originals_BL[:, 1:3] = 9
    return batch(MaskedBatch, originals_BL=originals_BL, is_random_B=torch.tensor([0, 1, 1]))


def labelled() -> LabelledBatch:
    return batch(LabelledBatch, labels_B=torch.tensor([0, 8, 2]))


def tuning(family: Family, objective: Callable[..., Any]) -> None:
    model = family.model(family.config(**MODEL)).train()
    head = SequenceHead(width=20, classes=9, dropout=0.1).train()
    objective(FineTuned(model, head), labelled()).total.backward()


def pretraining(family: Family, objective: Callable[..., Any], given: Any) -> None:
    objective(family.model(family.config(**MODEL)).train(), given).total.backward()


RUNS = {
    "causal": lambda: pretraining(FAMILIES["gpt"], causal_lm, labelled()),
    "masked": lambda: pretraining(FAMILIES["bert"], masked_lm, masked()),
    "pairs": lambda: pretraining(FAMILIES["bert"], masked_lm_and_next_sentence, masked()),
    "tuning with L1": lambda: tuning(FAMILIES["gpt"], fine_tuning(Auxiliary(0.5, auxiliary_causal_lm))),
    "tuning": lambda: tuning(FAMILIES["bert"], fine_tuning(None)),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_name_of_a_tensor_says_its_shape(name: str) -> None:
    seen, wrong = watch(RUNS[name])
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert len(seen) > 20, "the tracer saw too little to prove anything"


def test_a_wrong_name_is_found() -> None:
    def run() -> None:
        model = FAMILIES["gpt"].model(FAMILIES["gpt"].config(**MODEL))
        model.next_token_logits(torch.zeros(3, 20))  # (B, D), where the name says (B, L, D)

    _, wrong = watch(run)
    assert wrong
