"""From what pre-trained models said without labels to figures, accuracies and comparisons of the kinds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from twinlm import families
from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages.language import OWN_TEXT, Language, PairSet
from twinlm.data.probes.gaps_from_text import DISTRACTORS
from twinlm.data.probes.minimal_pairs import by_phenomenon
from twinlm.evaluate.quality import standard_error
from twinlm.evidence import intervals, multiple_testing
from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes
from twinlm.evidence.records import (
    ClozeResult,
    ClozeView,
    FigureGroup,
    PairAccuracy,
    PairsResult,
    Phenomenon,
    QualityFigure,
    QualityResult,
)

ALL_PAIRS = "all pairs"
"""Names the phenomenon that is all of a set."""
ALL_GAPS = "all gaps"
"""Names what is asked with gaps."""


def quality_result(language: Language) -> QualityResult:
    """Return what the models know without labels, asking those of every pre-training seed."""
    compared, seeds = language.pretraining.compared, language.pretraining.seeds
    said = {name: [language.measured(name, seed) for seed in seeds] for name in compared}
    sets = [_pairs(compared, said, pairs) for pairs in language.sets]
    gaps = [cloze_result(compared, said)] if language.gaps else []
    overall = [result.overall for result in sets] + [result.overall for result in gaps]
    corrected = multiple_testing.corrected([result.comparison for result in overall])
    adjusted = [replace(result, comparison=item) for result, item in zip(overall, corrected, strict=True)]
    return QualityResult(
        groups=_groups(compared, seeds, said),
        pairs=[replace(result, overall=of_set) for result, of_set in zip(sets, adjusted, strict=False)],
        cloze=replace(gaps[0], overall=adjusted[-1]) if gaps else None,
        notes=language.notes,
    )


def _groups(
    compared: Mapping[str, Pretraining], seeds: Sequence[int], said: Mapping[str, Sequence[Any]]
) -> list[FigureGroup]:
    """Return the figures by the group in which they may be compared, across models."""
    groups: dict[tuple[str, str], list[tuple[Pretraining, Sequence[Any]]]] = {}
    for name, pretraining in compared.items():
        for of_seeds in zip(*(row["figures"] for row in said[name]), strict=True):
            key = (of_seeds[0]["comparable"], of_seeds[0]["unit"])
            groups.setdefault(key, []).append((pretraining, of_seeds))
    return [
        FigureGroup(
            comparable=comparable,
            unit=unit,
            figures=[
                figure(pretraining, seeds, of_seeds, rows[0][1] if index else None)
                for index, (pretraining, of_seeds) in enumerate(rows)
            ],
        )
        for (comparable, unit), rows in groups.items()
    ]


def figure(
    pretraining: Pretraining, seeds: Sequence[int], of_seeds: Sequence[Any], first: Sequence[Any] | None
) -> QualityFigure:
    """Return one figure of a pre-training.

    Args:
        pretraining: what was measured.
        seeds: its pre-training seeds.
        of_seeds: the fields of the `Figure` of each of them.
        first: the same of the one that is to be subtracted, of the same group; None for none.
    """
    values_PE = _by_passage(of_seeds)
    values_P = np.array([row["value"] for row in of_seeds])
    over_seeds = standard_error(values_P) if len(values_P) > 1 else 0.0
    return QualityFigure(
        pretraining=pretraining.name,
        label=pretraining.label,
        value=float(values_P.mean()),
        standard_error=float(np.hypot(standard_error(values_PE.mean(axis=0)), over_seeds)),
        passages=values_PE.shape[1],
        value_by_seed={str(seed): row["value"] for seed, row in zip(seeds, of_seeds, strict=True)},
        difference=None
        if first is None
        else intervals.unbounded_difference(_outcomes(values_PE), _outcomes(_by_passage(first))),
        caveat=of_seeds[0]["caveat"],
    )


def _by_passage(of_seeds: Sequence[Any]) -> Numbers:
    """Return what each passage adds to a figure, by pre-training seed."""
    return np.array([row["values_E"] for row in of_seeds], np.float64)


def _outcomes(values_PE: Matrix) -> Outcomes:
    """Return what models say, each of a pre-training of its own."""
    return Outcomes(values_PE, groups=len(values_PE))


def _pairs(
    compared: Mapping[str, Pretraining], said: Mapping[str, Sequence[Any]], given: PairSet
) -> PairsResult:
    rights = rights_of({name: [row["pairs"][given.name]["right"] for row in said[name]] for name in compared})
    labels = {name: pretraining.label for name, pretraining in compared.items()}
    places = by_phenomenon(given.pairs)
    phenomena = [phenomenon(name, labels, rights, numbers) for name, numbers in places.items()]
    comparisons = multiple_testing.corrected([found.comparison for found in phenomena])
    return PairsResult(
        name=given.name,
        methods={name: said[name][0]["pairs"][given.name]["method"] for name in compared},
        overall=phenomenon(ALL_PAIRS, labels, rights, range(len(given.pairs))),
        macro={
            name: float(np.mean([found.scores[number].accuracy.estimate for found in phenomena]))
            for number, name in enumerate(compared)
        },
        phenomena=[
            replace(found, comparison=comparison)
            for found, comparison in zip(phenomena, comparisons, strict=True)
        ],
    )


def cloze_result(
    compared: Mapping[str, Pretraining], said: Mapping[str, Sequence[Mapping[str, Any]]]
) -> ClozeResult:
    """Return what models chose for gaps.

    Args:
        compared: the pre-trainings by name.
        said: for each of them what `Language.measured` gives, seed by seed.
    """
    labels = {name: pretraining.label for name, pretraining in compared.items()}
    places = range(len(said[next(iter(compared))][0]["cloze"]))
    looks = [{name: [row["cloze"][place] for row in said[name]] for name in compared} for place in places]
    rights = [
        rights_of({name: [row["right"] for row in rows] for name, rows in look.items()}) for look in looks
    ]
    views = [_views(labels, look, of_look) for look, of_look in zip(looks, rights, strict=True)]
    gaps = len(looks[0][next(iter(compared))][0]["right"])
    return ClozeResult(
        name=OWN_TEXT,
        chance=1 / (1 + DISTRACTORS),
        overall=phenomenon(ALL_GAPS, labels, rights[0], range(gaps)),
        whole=views[0],
        others=[view for of_look in views[1:] for view in of_look],
    )


def _views(
    labels: Mapping[str, str], look: Mapping[str, Sequence[Mapping[str, Any]]], rights: Mapping[str, Matrix]
) -> list[ClozeView]:
    """Return what models chose by the ways of one rank, each kind's way apart."""
    ways = {(rows[0]["sees"], rows[0]["method"]): None for rows in look.values()}
    return [
        ClozeView(
            sees=sees,
            method=method,
            scores=_scores(labels, {name: rights[name] for name in look if look[name][0]["sees"] == sees}),
        )
        for sees, method in ways
    ]


def rights_of(given: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Matrix]:
    """Return what pairs add to each model's accuracy, seeds by pairs: truth values if no model has a tie."""
    numbers = {name: np.array(rows, dtype=np.float64) for name, rows in given.items()}
    has_ties = any(not np.isin(values_PE, (0, 1)).all() for values_PE in numbers.values())
    found: dict[str, Matrix] = {}
    for name, values_PE in numbers.items():
        found[name] = values_PE if has_ties else values_PE == 1
    return found


def phenomenon(
    name: str, labels: Mapping[str, str], rights: Mapping[str, Matrix], places: Sequence[int]
) -> Phenomenon:
    """Return how all models do on some of the pairs, and the two kinds against each other.

    Args:
        name: of what these pairs test.
        labels: for people, of each pre-training.
        rights: of each pre-training, seeds by pairs.
        places: which pairs.
    """
    chosen = {key: values_PE[:, list(places)] for key, values_PE in rights.items()}
    first, second, *_ = families.FAMILIES
    return Phenomenon(
        name=name,
        pairs=len(places),
        scores=_scores(labels, chosen),
        comparison=intervals.compare(first, _outcomes(chosen[first]), second, _outcomes(chosen[second])),
    )


def _scores(labels: Mapping[str, str], rights: Mapping[str, Matrix]) -> list[PairAccuracy]:
    return [
        PairAccuracy(
            pretraining=key, label=labels[key], accuracy=intervals.mean_interval(_outcomes(values_PE))
        )
        for key, values_PE in rights.items()
    ]
