"""Everything that a finished run left in its folder, put together as one `Results` record."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from twinlm import families
from twinlm.comparison.stages.baselines import Baselines
from twinlm.comparison.stages.curves import Curves, MeasuredCurve
from twinlm.comparison.stages.diagnosis import Diagnosis
from twinlm.comparison.stages.finetuning import FinetuningStage
from twinlm.comparison.stages.language import Language
from twinlm.comparison.stages.language_results import quality_result
from twinlm.comparison.stages.learned import language_result
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.stages.probes import Probes
from twinlm.comparison.stages.selection import Selection
from twinlm.comparison.stages.serving import Serving
from twinlm.comparison.workspace import Workspace
from twinlm.data.tokens.store import TokenStore
from twinlm.evidence import multiple_testing
from twinlm.evidence.answers import TaskAnswers
from twinlm.evidence.records import QualityResult, ScoreCurve
from twinlm.evidence.results import Cost, DoctorResult, LanguageResult, Results, TaskResult
from twinlm.evidence.scores import scored
from twinlm.report import caveats, language_section, verdict
from twinlm.report.curves_section import baseline_sentence, crossing_sentence, failures_sentence
from twinlm.system import storage
from twinlm.system.records import read_record

_AXES = {"targets": "predicted tokens", "flops": "FLOPs"}  # names for people where they differ
_NO_QUALITY = QualityResult(groups=[], pairs=[], cloze=None, notes=[])
_READ = ("files", "documents")  # counts of what was read, not of what was left out


def results(
    workspace: Workspace,
    answers: Sequence[TaskAnswers],
    *,
    command: str,
    diagnosis: Diagnosis,
    baselines: Baselines,
    pretraining: PretrainingStage,
    language: Language,
    finetuning: FinetuningStage,
    selection: Selection,
    probes: Probes,
    curves: Curves,
    serving: Serving,
) -> Results:
    """Return the results of a run, whose stages must be done, from the answers to its tasks."""
    settings, prepared = workspace.settings, workspace.prepared
    labels = {name: family.label for name, family in families.FAMILIES.items()}
    tasks = verdict.with_verdicts(multiple_testing.adjusted([scored(of_task) for of_task in answers]))
    learned = [language_result(pretraining, name, language.readers) for name in pretraining.compared]
    attempt, cost_cards = workspace.attempt, serving.cost_cards()
    quality = attempt("language without labels", lambda: quality_result(language)) or _NO_QUALITY
    doctor = attempt("findings of the data doctor", diagnosis.result)
    costs = [pretraining.cost(name) for name in pretraining.compared]
    limits = _limits(workspace, pretraining, selection, tasks, costs, learned, doctor)
    return Results(
        title=settings.title,
        verdict=_verdict(tasks, quality),
        families=labels,
        matched_by=_matched_by(workspace),
        pretraining_seeds=len(pretraining.seeds),
        tasks=tasks,
        curves=attempt("curves", lambda: [_with_verdict(line, labels) for line in curves.measured()]) or [],
        ledger=[selection.ledger(arm, task) for task in prepared.tasks for arm in workspace.arms],
        language=learned,
        quality=quality,
        costs=costs,
        cost_cards=cost_cards,
        price_per_hour=settings.budget.price_per_hour or None,
        doctor=doctor,
        data=_data_facts(workspace, baselines, probes, tasks),
        removed=_removed(workspace, finetuning, selection),
        attribution=list(prepared.attribution),
        settings_toml=workspace.settings_toml,
        environment=read_record(dict[str, str], workspace.folder / "environment.json"),
        fingerprints=_fingerprints(workspace, pretraining.weights),
        command=command,
        caveats=limits + workspace.left_out_lines,  # after all parts that may fail
    )


def _limits(
    workspace: Workspace,
    pretraining: PretrainingStage,
    selection: Selection,
    tasks: Sequence[TaskResult],
    costs: Sequence[Cost],
    learned: Sequence[LanguageResult],
    doctor: DoctorResult | None,
) -> list[str]:
    labels = {name: family.label for name, family in families.FAMILIES.items()}
    kinds = {name: getattr(workspace.settings, name) for name in labels}
    return caveats.caveats(
        tasks,
        costs,
        _matched_by(workspace),
        families=labels,
        unknown_shares={kind: _unknown_share(workspace.stores(kind).values()) for kind in labels},
        starts={name: kind.pretrain.start for name, kind in kinds.items() if kind.pretrain.start},
        lost_steps=pretraining.lost_steps,
        lost_tuning_steps={task: selection.lost_steps(task) for task in workspace.prepared.tasks},
        pretraining_seeds=len(pretraining.seeds),
        doctor=doctor,
        remarks=[text for result in learned for text in result.remarks],
        tunings={arm.name: arm.settings.finetune for arm in workspace.arms},
    )


def _matched_by(workspace: Workspace) -> str:
    match = workspace.settings.budget.match
    return _AXES.get(match, match)


def _verdict(tasks: list[TaskResult], quality: QualityResult) -> list[str]:
    """Return what tasks say, then what pairs say; that there are no tasks only if there are no pairs."""
    said = language_section.sentences(quality)
    return [*(verdict.sentences(tasks) if tasks or not said else []), *said]


def _with_verdict(measured: MeasuredCurve, labels: Mapping[str, str]) -> ScoreCurve:
    failed, at, values = measured.failed, measured.positions, measured.outcomes
    sentences = [crossing_sentence(measured.curve, labels)]
    if measured.baseline:
        line = measured.baseline
        sentences.append(
            baseline_sentence(
                line.label, line.outcomes, at, labels, values, least=measured.least, failed=failed
            )
        )
    sentences += filter(None, [failures_sentence(measured.curve, at, labels, values, failed)])
    return replace(measured.curve, verdict=" ".join(sentences))


def _data_facts(
    workspace: Workspace, baselines: Baselines, probes: Probes, results: Sequence[TaskResult]
) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {}
    for name, task in workspace.prepared.tasks.items():
        for baseline in baselines.fitted(task):
            for setting, value in baseline.settings.items():
                facts[f"{name}: {baseline.label}, {setting}"] = value
    for result in results:
        for score in result.frozen:
            for seed in score.score_by_seed:
                fitted = probes.record(score.arm, result.name, int(seed))
                of_seed = f", pre-training seed {seed}" * (len(score.score_by_seed) > 1)
                for fact, value in {**fitted.settings, **fitted.notes}.items():
                    facts[f"{result.name}: {score.label}{of_seed}, {fact}"] = value
    for kind, family in families.FAMILIES.items():
        tokenizer = workspace.tokenizer(kind)
        facts[f"tokenizer of {family.label}"] = f"{tokenizer.algorithm}, {tokenizer.vocab_size:,} tokens"
        for name, store in workspace.stores(kind).items():
            facts[f"{name}: documents of one sentence (in no pair)"] = store.single_sentence_count
            facts[f"{name}: documents"] = store.document_count
            facts[f"{name}: bytes of text"] = store.text_bytes
            facts[f"{name}: tokens for {family.label}"] = store.token_count
    return facts


def _unknown_share(stores: Collection[TokenStore]) -> float:
    return sum(store.unknown_count for store in stores) / sum(store.token_count for store in stores)


def _removed(workspace: Workspace, finetuning: FinetuningStage, selection: Selection) -> dict[str, int]:
    counts = dict(workspace.prepared.counts)
    for kind, family in families.FAMILIES.items():
        stores = workspace.stores(kind).values()
        counts[f"unknown tokens for {family.label}"] = sum(store.unknown_count for store in stores)
        counts[f"documents without a token for {family.label}"] = sum(store.empty_count for store in stores)
    for arm in workspace.arms:
        for task in workspace.prepared.tasks:
            first = selection.chosen(arm, task)[0]
            for reason, number in finetuning.spent(first).counts.items():
                counts[f"{task}, {arm.label}, training: {reason}"] = number
    return {name: count for name, count in counts.items() if count and name not in _READ}


def _fingerprints(workspace: Workspace, weights: Mapping[str, Path]) -> dict[str, str]:
    prints = {"text": workspace.prepared.fingerprint}
    prints |= {f"tokenizer of {kind}": workspace.tokenizer(kind).fingerprint for kind in families.FAMILIES}
    imported = {arm.name: arm.folder for arm in workspace.arms if arm.folder is not None}
    for name, model in {**weights, **imported}.items():
        prints[f"weights of {name}"] = storage.file_sha256(model / "model.safetensors")
    return prints
