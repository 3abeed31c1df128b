"""What pre-training taught each model: losses on held-out text, learning curves and samples.

In a sample, a decoder continues held-out text, and an encoder fills words taken out of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from twinlm import rng
from twinlm.checkpoint import Trained
from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages.pretraining import PretrainingStage
from twinlm.compare.workspace import Workspace
from twinlm.data.tokens.store import TokenStore
from twinlm.errors import as_model_error
from twinlm.evidence.results import CurvePoint, LanguageResult
from twinlm.system import storage
from twinlm.system.records import read_record
from twinlm.use.fill import fill
from twinlm.use.generate import generate

SAMPLES = 4
_PROMPT_TOKENS = 12
_NEW_TOKENS = 48
_MASKED_SHARE = 0.15
_LONGEST_SENTENCE = 60
_FIELDS = ({"prompt", "continuation", "original"}, {"masked", "filled", "original"})
_CURVE_POINTS = 200


def language_result(
    workspace: Workspace, stage: PretrainingStage, pretraining: Pretraining
) -> LanguageResult:
    """Return what a pre-training taught; curves and samples are those of the first seed."""
    name, family = pretraining.name, pretraining.family
    held_out, counted = stage.language(name), stage.counting_loss(family)
    path = stage.folder(name) / "samples.json"
    if not path.is_file():
        store = workspace.stores(family)["test"]
        storage.write_json(path, samples(stage.trained(name), store, seed=workspace.settings.seed))
    return LanguageResult(
        name=name,
        label=pretraining.label,
        family=family,
        measure=held_out.test.unit,
        validation=held_out.valid.value,
        test=held_out.test.value,
        others=held_out.test.others,
        floors={"unigrams": counted.unigram, "bigrams": counted.bigram},
        curves=[replace(curve, points=_thinned(curve.points)) for curve in stage.curves(name)],
        remarks=stage.remarks(name, stage.seeds),
        samples=read_samples(path),
    )


def _thinned(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    if len(points) <= _CURVE_POINTS:
        return list(points)
    thin = []
    for group in np.array_split(np.arange(len(points)), _CURVE_POINTS):
        value = float(np.mean([points[number].value for number in group]))
        thin.append(replace(points[group[-1]], value=value))
    return thin


def read_samples(path: Path) -> list[dict[str, str]]:
    """Return stored samples; a ModelError if the file holds something else."""
    stored = read_record(list[dict[str, str]], path)
    with as_model_error(path):
        for sample in stored:
            if sample.keys() not in _FIELDS:
                raise KeyError(", ".join(sample))
    return stored


def samples(trained: Trained, store: TokenStore, *, seed: int) -> list[dict[str, str]]:
    """Return a few samples on held-out documents drawn by `seed`, as `LanguageResult` holds them."""
    chance = rng.stream(seed, "samples")
    documents = chance.permutation(store.document_count)[: SAMPLES * 10].tolist()
    show = _continue if trained.family.is_generative else _fill
    shown: list[dict[str, str]] = []
    for number in documents:
        sample = show(trained, store, number, chance)
        if sample and len(shown) < SAMPLES:
            shown.append(sample)
    return shown


def _continue(trained: Trained, store: TokenStore, number: int, chance: Any) -> dict[str, str] | None:
    tokens = store.document(number).tolist()
    if len(tokens) < _PROMPT_TOKENS + _NEW_TOKENS // 2:
        return None
    decode = trained.tokenizer.decode
    # No half word at the end: the model couldn't know where the tokenizer cut it.
    prompt = decode(tokens[:_PROMPT_TOKENS]).rsplit(" ", 1)[0]
    chosen = int(chance.integers(2**31))
    continuation = generate(trained, prompt, max_tokens=_NEW_TOKENS, seed=chosen)
    original = decode(tokens[: _PROMPT_TOKENS + _NEW_TOKENS])[len(prompt) :]
    return {"prompt": prompt, "continuation": continuation, "original": original}


def _fill(trained: Trained, store: TokenStore, number: int, chance: Any) -> dict[str, str] | None:
    text = trained.tokenizer.decode(store.sentence(int(store.documents_E[number])).tolist()).strip()
    words = text.split(" ")
    if not 8 <= len(words) <= _LONGEST_SENTENCE:
        return None
    count = max(1, round(_MASKED_SHARE * len(words)))
    # Inner words of letters only, so that a mask stands for a word and not for its comma.
    candidates = [index for index, word in enumerate(words) if index and word.isalpha()]
    chosen = sorted(chance.permutation(candidates)[:count].tolist())
    if not chosen:
        return None
    masked = " ".join("[MASK]" if index in chosen else word for index, word in enumerate(words))
    best = iter([guesses[0].text.strip() for guesses in fill(trained, masked, top_k=1)])
    filled = " ".join(f"[{next(best)}]" if index in chosen else word for index, word in enumerate(words))
    return {"masked": masked, "filled": filled, "original": text}
