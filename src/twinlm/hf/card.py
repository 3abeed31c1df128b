"""README.md of an exported model: what the Hub and people read first."""

import json
from typing import Any

from twinlm.checkpoint import Trained, missing_parts

_SHOWN_BYTES = 4000


def model_card(trained: Trained, architecture: str) -> str:
    """Return the model card: YAML for the Hub, then what the model is and how it came to be."""
    sizes: Any = trained.model.config
    about = trained.history
    licence, attribution = about.get("licence"), about.get("attribution")
    label = trained.family.label
    front = {
        "library_name": "transformers",
        "tags": ["twinlm", trained.family.name],
        **({"license": licence} if licence else {}),
    }
    lines = [
        "---",
        # JSON is YAML too, and knows how to quote.
        *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()),
        "---",
        "",
        f"# {label} ({architecture})",
        "",
        f"{sizes.layers} layers, {sizes.width} wide, {sizes.vocab_size:,} tokens, "
        f"inputs of at most {sizes.max_length} tokens. Written by twinlm.",
        "",
        "```python",
        f"from transformers import AutoTokenizer, {architecture}",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("this folder")',
        f'model = {architecture}.from_pretrained("this folder")',
        "```",
        "",
    ]
    lines += [f"This model has no {part.replace('_', ' ')}." for part in missing_parts(trained)]
    lines += [str(attribution), ""] if attribution else []
    if about:
        history = json.dumps(about, indent=1, ensure_ascii=False, default=str)[:_SHOWN_BYTES]
        lines += ["## How it came to be", "", "```json", history, "```", ""]
    return "\n".join(lines)
