"""What pre-training taught each model: losses on held-out text, learning curves and samples."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages.pretraining import PretrainingStage
from twinlm.compare.stages.samples import read_samples, samples
from twinlm.compare.workspace import Workspace
from twinlm.evidence.results import CurvePoint, LanguageResult
from twinlm.system import storage

_CURVE_POINTS = 200


def language_results(workspace: Workspace, stage: PretrainingStage) -> list[LanguageResult]:
    """Return what each pre-training taught; curves and samples are those of the first seed."""
    return [_language(workspace, stage, pretraining) for pretraining in stage.compared.values()]


def _language(workspace: Workspace, stage: PretrainingStage, pretraining: Pretraining) -> LanguageResult:
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
        remarks=[],
        samples=read_samples(path),
    )


def _thinned(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Return at most `_CURVE_POINTS` points, each the mean of its neighbours' values."""
    if len(points) <= _CURVE_POINTS:
        return list(points)
    thin = []
    for group in np.array_split(np.arange(len(points)), _CURVE_POINTS):
        value = float(np.mean([points[number].value for number in group]))
        thin.append(replace(points[group[-1]], value=value))
    return thin
