"""Models of version 0.1.0: how they are recognized, and what was wrong with them."""

from collections.abc import Mapping
from typing import Any

from twinlm.families import Family
from twinlm.tasks.kind import TaskConfig
from twinlm.tasks.tagging import LEADING_BLANK
from twinlm.tokenizer import Tokenizer

_MOST_ROWS = 1_000_000


def rows_of_import(history: Mapping[str, Any]) -> tuple[int, int]:
    """Return the number of last rows that version 0.1.0 drew at random in importing a model, and of those it
    dropped, which had no token; a ValueError if they can't be. Only later versions note an "embedding".
    """
    about = history.get("import")
    if about is None or "embedding" in about:
        return 0, 0
    drawn, dropped = about.get("drawn_rows", 0), about.get("unused_rows", 0)
    if any(type(rows) is not int or not 0 <= rows <= _MOST_ROWS for rows in (drawn, dropped)):
        raise ValueError(f"drawn_rows is {drawn!r:.40} and unused_rows {dropped!r:.40}")
    return drawn, dropped


def is_trained(history: Mapping[str, Any]) -> bool:
    """Tell whether a model was trained here, also if it was imported."""
    return not history.keys().isdisjoint(("pretraining", "fine-tuning"))


def flaws(
    family: Family, tokenizer: Tokenizer, task: TaskConfig | None, history: Mapping[str, Any]
) -> list[str]:
    """Return what version 0.1.0 did to a model that can't be mended."""
    drawn, dropped = rows_of_import(history)
    lines = []
    if dropped:
        lines.append(
            f"version 0.1.0 imported this model and dropped {dropped:,} vocabulary rows without a token: its "
            "likelihoods are not the source's; import it again"
        )
    # Of fine-tunings only GPT's has a softmax over tokens.
    if drawn and ("pretraining" in history or ("fine-tuning" in history and family.is_generative)):
        lines.append(
            f"version 0.1.0 trained this model beside {drawn} random vocabulary rows: its scores are not "
            "comparable; import the source and train again"
        )
    is_of_bytes = task is not None and task.kind == "tagging" and tokenizer.pipeline.is_of_bytes
    if task and is_of_bytes and "fine-tuning" in history and LEADING_BLANK not in task.constants:
        lines.append(
            "version 0.1.0 fine-tuned this tagger, which reads the first word without a blank: its scores "
            "are not comparable; fine-tune again"
        )
    return lines
