"""README.md of an exported model: its model card on the Hub. The code that it shows is in `usage.py`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinlm.checkpoint import Trained, missing_parts
from twinlm.hf.layout import Head

CARD = "README.md"
_SHOWN_CHARACTERS = 4000
_NEXT_SENTENCE = ("ForPreTraining", "ForNextSentencePrediction")  # ends of classes' names


@dataclass(frozen=True, slots=True)
class Usage:
    """How people use an exported model."""

    library: str
    """Name of the tool on the Hub, its `library_name`."""
    pipeline: str
    """Task on the Hub, its `pipeline_tag`."""
    code: str
    """Python that runs in the folder."""
    notes: Sequence[str] = ()
    """What one must know for right results, a sentence each."""


def model_card(trained: Trained, architecture: str, head: Head | None, usage: Usage) -> str:
    """Return the model card: YAML for the Hub, then what the model is and how it was made."""
    sizes: Any = trained.model.config
    licence = trained.history.get("licence")
    front = {
        "library_name": usage.library,
        "tags": ["twinlm", trained.family.name],
        "pipeline_tag": usage.pipeline,
        **({"license": licence} if licence else {}),
    }
    # JSON is YAML too, and quotes correctly.
    yaml = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    paragraphs = [
        "\n".join(["---", *yaml, "---"]),
        f"# {trained.family.label} ({architecture})",
        f"{sizes.layers} layers, width {sizes.width}, {sizes.vocab_size:,} tokens, inputs of at most "
        f"{sizes.max_length:,} tokens. Written by twinlm.",
        f"Run this in the folder of the model, or put its name on the Hub in place of `.`:\n\n"
        f"```python\n{usage.code.strip()}\n```",
        *usage.notes,
        *_notes(trained, architecture, head),
    ]
    if trained.history:
        history = json.dumps(trained.history, indent=1, ensure_ascii=False, default=str)
        paragraphs += ["## How it was made", f"```json\n{history[:_SHOWN_CHARACTERS]}\n```"]
    return "\n\n".join(paragraphs) + "\n"


def with_evidence(files: Mapping[str, bytes], words: str, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return an export's files with what a comparison found: words for the card, and pictures they show."""
    shown = {name: picture for name, picture in pictures.items() if picture}
    return {**files, **shown, CARD: files[CARD] + f"\n{words}\n".encode()}


def _notes(trained: Trained, architecture: str, head: Head | None) -> list[str]:
    notes = [f"This model has no {part.replace('_', ' ')}." for part in missing_parts(trained)]
    if trained.task and head and trained.task.kind == "similarity" and not head.is_biased:
        notes.append(
            "It reads from left to right, so neither order of two texts is fair to both: the score of a pair "
            "is the sum of what the model gives for the two orders, plus "
            f"{trained.task.constants['mean']:g}."
        )
    if architecture.endswith(_NEXT_SENTENCE) and trained.tokenizer.pipeline.is_of_bytes:
        notes.append(
            "For next sentences, the second text begins with a space, which belongs to its first word."
        )
    licence = trained.history.get("licence")
    notes.append(
        f"Licence of the text that it learned from: {licence}."
        if licence
        else "The licence of the text that it learned from is not known; ask who trained it."
    )
    attribution = trained.history.get("attribution")
    return [*notes, str(attribution)] if attribution else notes
