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
from twinlm.batch import IGNORE, LabelledBatch, MaskedBatch, SpanBatch, TaggedBatch
from twinlm.families import FAMILIES, Family
from twinlm.objectives.causal_lm import auxiliary_causal_lm, causal_lm
from twinlm.objectives.fine_tuning import Auxiliary, FineTuned, fine_tuning
from twinlm.objectives.masked_lm import masked_lm, masked_lm_and_next_sentence
from twinlm.tasks.heads import ChoiceHead, NumberHead, SequenceHead, SpanHead, TokenHead

PACKAGE = str(Path(twinlm.__file__).parent)

# No two sizes are alike, so that a wrong order can't pass by chance. N is any number of positions: the
# masked ones, the real ones, or a piece of them. T are the L - 1 with a next token, in what GPT predicts.
SIZES = {"B": 3, "L": 7, "M": 7, "V": 61, "D": 20, "H": 4, "K": 5, "F": 83, "C": 9, "1": 1, "2": 2}
SIZES |= {"N": None, "T": 6, "G": 2}
SUFFIX = re.compile(r"_([A-Z1-9]+)$")
MODEL = {"vocab_size": 61, "max_length": 16, "width": 20, "layers": 2, "heads": 4, "feed_forward": 83}

Names = set[tuple[str, str]]


def watch(run: Callable[[], object], **others: int) -> tuple[Names, list[str]]:
    """Run something; return the names of tensors seen in the package, and the wrong ones among them."""
    seen: Names = set()
    wrong: list[str] = []
    sizes_of = SIZES | others

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        where = f"{Path(frame.f_code.co_filename).relative_to(PACKAGE)}:{frame.f_code.co_name}"
        for name, value in frame.f_locals.items():
            suffix = SUFFIX.search(name)
            if isinstance(value, Tensor) and suffix:
                seen.add((where, name))
                wanted = [sizes_of[letter] for letter in suffix[1]]
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
    return batch(LabelledBatch, owners_B=torch.tensor([0, 0, 1]), labels_G=torch.tensor([0, 8]))


def spans() -> SpanBatch:
    allowed_BL = torch.ones((3, 7), dtype=torch.bool)
    return batch(SpanBatch, allowed_BL=allowed_BL, spans_B2=torch.tensor([[1, 2], [2, 2], [0, 0]]))


def tuning(
    family: Family,
    objective: Callable[..., Any],
    kind: type = SequenceHead,
    outputs: int = 9,
    given: Callable[[], Any] = labelled,
) -> None:
    model = family.model(family.config(**MODEL)).train()
    head = kind(width=20, outputs=outputs, dropout=0.1, has_bias=True).train()
    objective(FineTuned(model, head), given()).total.backward()


def pretraining(family: Family, objective: Callable[..., Any], given: Any) -> None:
    objective(family.model(family.config(**MODEL)).train(), given).total.backward()


RUNS = {
    "causal": lambda: pretraining(FAMILIES["gpt"], causal_lm, labelled()),
    "masked": lambda: pretraining(FAMILIES["bert"], masked_lm, masked()),
    "pairs": lambda: pretraining(FAMILIES["bert"], masked_lm_and_next_sentence, masked()),
    "tuning with L1": lambda: tuning(FAMILIES["gpt"], fine_tuning(Auxiliary(0.5, auxiliary_causal_lm))),
    "tuning": lambda: tuning(FAMILIES["bert"], fine_tuning(None)),
    "numbers": lambda: tuning(
        FAMILIES["gpt"],
        fine_tuning(None),
        NumberHead,
        1,
        lambda: batch(LabelledBatch, owners_B=torch.tensor([0, 0, 1]), labels_G=torch.tensor([0.5, 2.0])),
    ),
    "tags": lambda: tuning(
        FAMILIES["bert"],
        fine_tuning(None),
        TokenHead,
        9,
        lambda: batch(TaggedBatch, labels_BL=torch.full((3, 7), 8)),
    ),
    "spans": lambda: tuning(FAMILIES["bert"], fine_tuning(None), SpanHead, 2, spans),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_name_of_a_tensor_says_its_shape(name: str) -> None:
    seen, wrong = watch(RUNS[name])
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert len(seen) > 20, "the tracer saw too little to prove anything"


def test_the_choices_are_named_by_their_shapes() -> None:
    given = lambda: batch(  # noqa: E731 - like the runs above
        LabelledBatch, owners_B=torch.tensor([0, 0, 1]), labels_G=torch.tensor([1, 0])
    )
    _, wrong = watch(lambda: tuning(FAMILIES["gpt"], fine_tuning(None), ChoiceHead, 1, given), C=2)
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_a_wrong_name_is_found() -> None:
    def run() -> None:
        model = FAMILIES["gpt"].model(FAMILIES["gpt"].config(**MODEL))
        model.next_token_logits(torch.zeros(3, 20))  # (B, D), where the name says (B, L, D)

    _, wrong = watch(run)
    assert wrong
