"""THE table of Hugging Face's model types that can be read and written."""

from twinlm.errors import ModelError
from twinlm.hf import bert, gpt, gpt2
from twinlm.hf.layout import Layout

LAYOUTS: dict[str, Layout] = {part.LAYOUT.model_type: part.LAYOUT for part in (bert, gpt, gpt2)}


def layout_of(family: str, sizes: object) -> Layout:
    """Return the model type of a model of ours.

    Args:
        family: name of its kind.
        sizes: its configuration.

    Raises:
        ModelError: Hugging Face has no class that computes what it does.
    """
    for layout in LAYOUTS.values():
        fixed = layout.fixed.items()
        if layout.family == family and all(getattr(sizes, name) == value for name, value in fixed):
            return layout
    message = "no class of Hugging Face's reads a GPT from both sides"
    raise ModelError(message, hint="export a model that was fine-tuned with both_sides = false")
