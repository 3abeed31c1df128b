"""From the answers without labels to figures, accuracies and comparisons of the two kinds."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from twinlm import families
from twinlm.comparison.plan.pretrainings import Pretraining
from twinlm.comparison.stages.language import OWN_TEXT, Language, PairSet
from twinlm.comparison.stages.records import Choices, FigureValues, GapChoices, LanguageAnswers
from twinlm.data.probes.gaps_from_text import DISTRACTORS
from twinlm.data.probes.minimal_pairs import by_phenomenon
from twinlm.evaluate.quality import standard_error
from twinlm.evidence import intervals, multiple_testing, records
from twinlm.evidence.outcomes import Matrix, Numbers, Outcomes

ALL_PAIRS = "all pairs"  # name of the phenomenon that is all pairs of a set
ALL_GAPS = "all gaps"  # name of the phenomenon that is all gaps
BySeed = Mapping[str, Sequence[LanguageAnswers]]  # answers of each pre-training, seed by seed


def quality_result(language: Language) -> records.QualityResult:
    """Return what the models know without labels, asking those of every pre-training seed."""
    compared, seeds = language.pretraining.compared, language.pretraining.seeds
    labels = {name: pretraining.label for name, pretraining in compared.items()}
    answers = {name: [language.measured(name, seed) for seed in seeds] for name in compared}
    sets = [_pairs(labels, answers, pairs) for pairs in language.sets]
    gaps = [cloze_result(labels, answers)] if language.gaps else []
    overall = [result.overall for result in sets] + [result.overall for result in gaps]
    corrected = multiple_testing.corrected([result.comparison for result in overall])
    adjusted = [replace(result, comparison=item) for result, item in zip(overall, corrected, strict=True)]
    return records.QualityResult(
        groups=_groups(compared, seeds, answers),
        pairs=[replace(result, overall=of_set) for result, of_set in zip(sets, adjusted, strict=False)],
        cloze=replace(gaps[0], overall=adjusted[-1]) if gaps else None,
        notes=language.notes,
    )


def _groups(
    compared: Mapping[str, Pretraining], seeds: Sequence[int], answers: BySeed
) -> list[records.FigureGroup]:
    groups: dict[tuple[str, str], list[tuple[Pretraining, Sequence[FigureValues]]]] = {}
    for name, pretraining in compared.items():
        for of_seeds in zip(*(row.figures for row in answers[name]), strict=True):
            key = (of_seeds[0].comparable, of_seeds[0].unit)
            groups.setdefault(key, []).append((pretraining, of_seeds))
    return [
        records.FigureGroup(
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
    pretraining: Pretraining,
    seeds: Sequence[int],
    of_seeds: Sequence[FigureValues],
    first: Sequence[FigureValues] | None,
) -> records.QualityFigure:
    """Return one figure of a pre-training, with its difference from `first`, that of another, unless None."""
    values_PE = _by_passage(of_seeds)
    values_P = np.array([row.value for row in of_seeds])
    over_seeds = standard_error(values_P) if len(values_P) > 1 else 0.0
    return records.QualityFigure(
        pretraining=pretraining.name,
        label=pretraining.label,
        value=float(values_P.mean()),
        standard_error=float(np.hypot(standard_error(values_PE.mean(axis=0)), over_seeds)),
        passages=values_PE.shape[1],
        value_by_seed={str(seed): row.value for seed, row in zip(seeds, of_seeds, strict=True)},
        difference=None
        if first is None
        else intervals.unbounded_difference(_outcomes(values_PE), _outcomes(_by_passage(first))),
        caveat=of_seeds[0].caveat,
    )


def _by_passage(of_seeds: Sequence[FigureValues]) -> Numbers:
    return np.array([row.values_E for row in of_seeds], np.float64)


def _outcomes(values_PE: Matrix) -> Outcomes:
    """Return outcomes of models that are each of a pre-training of its own."""
    return Outcomes(values_PE, groups=len(values_PE))


def _pairs(labels: Mapping[str, str], answers: BySeed, pairs: PairSet) -> records.PairsResult:
    choices = {name: [row.pairs[pairs.name] for row in answers[name]] for name in labels}
    rights = rights_of(choices)
    by_name = by_phenomenon(pairs.pairs)
    phenomena = [phenomenon(name, labels, rights, indices) for name, indices in by_name.items()]
    comparisons = multiple_testing.corrected([result.comparison for result in phenomena])
    return records.PairsResult(
        name=pairs.name,
        methods={name: of_seeds[0].method for name, of_seeds in choices.items()},
        overall=phenomenon(ALL_PAIRS, labels, rights, range(len(pairs.pairs))),
        macro={
            name: float(np.mean([result.scores[index].accuracy.estimate for result in phenomena]))
            for index, name in enumerate(labels)
        },
        phenomena=[
            replace(result, comparison=comparison)
            for result, comparison in zip(phenomena, comparisons, strict=True)
        ],
    )


def cloze_result(labels: Mapping[str, str], answers: BySeed) -> records.ClozeResult:
    """Return the words that models chose for gaps."""
    ranks = range(len(next(iter(answers.values()))[0].gaps))
    choices = [{name: [row.gaps[rank] for row in answers[name]] for name in labels} for rank in ranks]
    rights = [rights_of(of_rank) for of_rank in choices]
    views = [_views(labels, *of_rank) for of_rank in zip(choices, rights, strict=True)]
    gaps = rights[0][next(iter(labels))].shape[1]
    return records.ClozeResult(
        name=OWN_TEXT,
        chance=1 / (1 + DISTRACTORS),
        overall=phenomenon(ALL_GAPS, labels, rights[0], range(gaps)),
        whole=views[0],
        others=[view for of_rank in views[1:] for view in of_rank],
    )


def _views(
    labels: Mapping[str, str], choices: Mapping[str, Sequence[GapChoices]], rights: Mapping[str, Matrix]
) -> list[records.ClozeView]:
    """Return the choices by the ways of one rank, each kind's way apart."""
    ways = {(rows[0].sees, rows[0].method): None for rows in choices.values()}
    kinds = {
        sees: {name: rights[name] for name, rows in choices.items() if rows[0].sees == sees}
        for sees, _ in ways
    }
    return [
        records.ClozeView(sees=sees, method=method, scores=_scores(labels, kinds[sees]))
        for sees, method in ways
    ]


def rights_of(choices: Mapping[str, Sequence[Choices]]) -> dict[str, Matrix]:
    """Return what pairs add to each model's accuracy, seeds by pairs: truth values if no model has a tie."""
    rights: dict[str, Matrix] = {
        name: np.array([row.right for row in rows], dtype=np.float64) for name, rows in choices.items()
    }
    if any(not np.isin(values_PE, (0, 1)).all() for values_PE in rights.values()):
        return rights
    return {name: values_PE == 1 for name, values_PE in rights.items()}


def phenomenon(
    name: str, labels: Mapping[str, str], rights: Mapping[str, Matrix], indices: Sequence[int]
) -> records.Phenomenon:
    """Return how all models do on the pairs of these indices, and the two kinds against each other."""
    chosen = {key: values_PE[:, list(indices)] for key, values_PE in rights.items()}
    first, second, *_ = families.FAMILIES
    return records.Phenomenon(
        name=name,
        pairs=len(indices),
        scores=_scores(labels, chosen),
        comparison=intervals.compare(first, _outcomes(chosen[first]), second, _outcomes(chosen[second])),
    )


def _scores(labels: Mapping[str, str], rights: Mapping[str, Matrix]) -> list[records.PairAccuracy]:
    return [
        records.PairAccuracy(
            pretraining=key, label=labels[key], accuracy=intervals.mean_interval(_outcomes(values_PE))
        )
        for key, values_PE in rights.items()
    ]
