"""THE table of Hugging Face's model types that can be read and written."""

from twinlm.hf import bert, gpt, gpt2
from twinlm.hf.layout import Layout

LAYOUTS: dict[str, Layout] = {part.LAYOUT.model_type: part.LAYOUT for part in (bert, gpt, gpt2)}


def layout_of(family: str, sizes: object) -> Layout:
    """Return the model type of a model of ours.

    Args:
        family: name of its kind.
        sizes: its configuration.
    """
    return next(
        layout
        for layout in LAYOUTS.values()
        if layout.family == family
        and all(getattr(sizes, name) == value for name, value in layout.fixed.items())
    )
