"""README.md of an exported model: its model card on the Hub."""

import json
from typing import Any

from twinlm.checkpoint import Trained, missing_parts
from twinlm.hf.layout import Head

_SHOWN_CHARACTERS = 4000
_NEXT_SENTENCE = ("ForPreTraining", "ForNextSentencePrediction")  # ends of classes' names
_PIPELINES = {
    "classification": "text-classification",
    "similarity": "text-classification",
    "choice": "multiple-choice",
    "tagging": "token-classification",
    "span_qa": "question-answering",
}


def model_card(trained: Trained, architecture: str, head: Head | None) -> str:
    """Return the model card: YAML for the Hub, then what the model is and how it was made."""
    sizes: Any = trained.model.config
    licence = trained.history.get("licence")
    front = {
        "library_name": "transformers",
        "tags": ["twinlm", trained.family.name],
        **({"pipeline_tag": _PIPELINES[trained.task.kind]} if trained.task and head else {}),
        **({"license": licence} if licence else {}),
    }
    # JSON is YAML too, and quotes correctly.
    yaml = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    load = "from_pretrained(FOLDER)"
    paragraphs = [
        "\n".join(["---", *yaml, "---"]),
        f"# {trained.family.label} ({architecture})",
        f"{sizes.layers} layers, width {sizes.width}, {sizes.vocab_size:,} tokens, inputs of at most "
        f"{sizes.max_length:,} tokens. Written by twinlm.",
        f"```python\nfrom transformers import AutoTokenizer, {architecture}\n\n"
        f"tokenizer = AutoTokenizer.{load}\nmodel = {architecture}.{load}\n```",
        *_notes(trained, architecture, head),
    ]
    if trained.history:
        history = json.dumps(trained.history, indent=1, ensure_ascii=False, default=str)
        paragraphs += ["## How it was made", f"```json\n{history[:_SHOWN_CHARACTERS]}\n```"]
    return "\n\n".join(paragraphs) + "\n"


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
    attribution = trained.history.get("attribution")
    return [*notes, str(attribution)] if attribution else notes
