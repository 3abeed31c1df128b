"""What pre-training taught each model, as `LanguageResult` records: figures, learning curves, samples, and
the floors that counting reaches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from twinlm import families
from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages.samples import read_samples, samples
from twinlm.errors import as_model_error
from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN, bits_per_byte
from twinlm.evidence.results import Curve, CurvePoint, LanguageResult
from twinlm.report.training_remarks import remarks
from twinlm.system import storage
from twinlm.system.log import MetricsLog
from twinlm.tasks.judging import is_number

if TYPE_CHECKING:
    from twinlm.compare.run import Run

_CURVE_POINTS = 200


def language_results(run: "Run") -> list[LanguageResult]:
    """Return what each pre-training of a run taught; its curves and samples are those of the first seed."""
    return [_language(run, pretraining) for pretraining in run.bodies.compared.values()]


def remarks_on(run: "Run", name: str, seeds: Sequence[int]) -> list[str]:
    """Return what is wrong with the finished pre-trainings of a model, in plain words."""
    pretraining = run.bodies.pretraining(name)
    validations = {str(seed): _curves(run, pretraining, seed)[1] for seed in seeds}
    return remarks(pretraining.label, validations, run.bodies.floors(pretraining.family))


def _language(run: "Run", pretraining: Pretraining) -> LanguageResult:
    name, measured = pretraining.name, run.bodies.language(pretraining.name)
    floors = run.bodies.floors(pretraining.family)
    path = run.bodies.folder(name) / "samples.json"
    if not path.is_file():
        held_out = run.stores(pretraining.family)["test"]
        storage.write_json(path, samples(run.bodies.trained(name), held_out, seed=run.settings.seed))
    return LanguageResult(
        name=name,
        label=pretraining.label,
        family=pretraining.family,
        measure=measured["test"].unit,
        validation=measured["valid"].value,
        test=measured["test"].value,
        others=measured["test"].others,
        floors={"unigrams": floors.unigram, "bigrams": floors.bigram},
        curves=[
            replace(curve, points=_thinned(curve.points))
            for curve in _curves(run, pretraining, run.settings.seed)
        ],
        remarks=remarks_on(run, name, run.bodies.seeds),
        samples=read_samples(path),
    )


def _curves(run: "Run", pretraining: Pretraining, seed: int) -> list[Curve]:
    """Return the training and the validation curve, in the unit of the kind's measure."""
    name, unit, factor = "masked_lm", NATS_PER_MASKED_TOKEN, 1.0
    if families.family(pretraining.family).is_generative:
        store = run.stores(pretraining.family)["train"]
        name, unit, factor = "causal_lm", BITS_PER_BYTE, bits_per_byte(store.token_count, store)
    path = run.bodies.folder(pretraining.name, seed) / "metrics.jsonl"
    records, curves = MetricsLog(path).read(), []
    for title, key in [("training", name), ("validation", f"valid_{name}")]:
        with as_model_error(path):
            points = [_point(record, key, factor) for record in records if key in record]
        curves.append(Curve(name=title, unit=unit, points=points))
    return curves


def _point(record: Mapping[str, Any], key: str, factor: float) -> CurvePoint:
    step, tokens, flops, value = (record[name] for name in ("step", "tokens", "flops", key))
    if not all(map(is_number, (step, tokens, flops, value))):
        raise ValueError(f"a point of the curve is {step}, {tokens}, {flops}, {value}")
    return CurvePoint(step=step, tokens=int(tokens), flops=float(flops), value=factor * value)


def _thinned(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Return at most `_CURVE_POINTS` points, each the mean of its neighbours' values."""
    if len(points) <= _CURVE_POINTS:
        return list(points)
    thin = []
    for group in np.array_split(np.arange(len(points)), _CURVE_POINTS):
        value = float(np.mean([points[number].value for number in group]))
        thin.append(replace(points[group[-1]], value=value))
    return thin
