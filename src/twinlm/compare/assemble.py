"""Everything a finished run left in its folder, put together as one `Results` record."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twinlm import families
from twinlm.compare.plan.pretrainings import Pretraining
from twinlm.compare.stages import answers as scoring
from twinlm.compare.stages import curves, selection, serving
from twinlm.compare.stages.diagnosis import diagnosed
from twinlm.compare.stages.language_results import quality_result
from twinlm.compare.stages.learned import language_results
from twinlm.compare.stages.own_records import read_spent
from twinlm.evidence import multiple_testing
from twinlm.evidence.answers import TaskAnswers
from twinlm.evidence.json_records import read_as
from twinlm.evidence.quality_records import QualityResult
from twinlm.evidence.results import ArmCost, Cost, Results, TaskResult
from twinlm.evidence.scores import scored
from twinlm.report import caveats, language_sentences, verdict
from twinlm.system import storage
from twinlm.train import pretrain

if TYPE_CHECKING:
    from twinlm.compare.run import Run

MATCHED_BY = {
    "tokens": "tokens",
    "targets": "predicted tokens",
    "flops": "FLOPs",
    "seconds": "seconds",
    "money": "money",
    "steps": "steps",
    "passes": "passes",
}
_READ = ("files", "documents")  # counts of what was read, not of what was left out


def results(run: "Run", answers: Sequence[TaskAnswers]) -> Results:
    """Return what a run found; all its stages must be done.

    Args:
        run: of a comparison.
        answers: what its arms said, task by task.
    """
    tasks = verdict.with_verdicts(multiple_testing.adjusted([scored(of_task) for of_task in answers]))
    language = language_results(run)
    quality, doctor = quality_result(run), diagnosed(run)
    costs = [_cost(run, pretraining) for pretraining in run.bodies.compared.values()]
    matched_by = MATCHED_BY[run.settings.budget.match]
    prepared = run.prepared
    labels = {name: family.label for name, family in families.FAMILIES.items()}
    return Results(
        title=run.settings.title,
        verdict=_verdict(tasks, quality),
        caveats=caveats.caveats(
            tasks,
            costs,
            matched_by,
            families=labels,
            unknown_shares=_unknown_shares(run),
            starts={kind: start for kind in labels if (start := run.kind(kind).pretrain.start)},
            lost_steps={
                item.label: _lost_steps(_spent(run, name)) for name, item in run.bodies.compared.items()
            },
            lost_tuning_steps={name: _lost_tuning_steps(run, name) for name in prepared.tasks},
            pretraining_seeds=len(run.bodies.seeds),
            doctor=doctor,
            remarks=[text for result in language for text in result.remarks],
        ),
        families=labels,
        matched_by=matched_by,
        pretraining_seeds=len(run.bodies.seeds),
        tasks=tasks,
        curves=curves.score_curves(run),
        ledger=[selection.ledger(run, arm, task) for task in run.prepared.tasks for arm in run.arms],
        language=language,
        quality=quality,
        costs=costs,
        cost_cards=_cost_cards(run),
        price_per_hour=run.settings.budget.price_per_hour or None,
        doctor=doctor,
        data=_data_facts(run),
        removed=_removed(run),
        attribution=list(prepared.attribution),
        settings_toml=run.settings_toml,
        environment=read_as(dict[str, str], run.folder / "environment.json"),
        fingerprints=_fingerprints(run),
        command=run.command,
    )


def _verdict(tasks: list[TaskResult], quality: QualityResult) -> list[str]:
    """Return what tasks say, then what pairs say; that there are no tasks only if there are no pairs."""
    said = language_sentences.sentences(quality)
    return [*(verdict.sentences(tasks) if tasks or not said else []), *said]


def _cost_cards(run: "Run") -> dict[str, list[ArmCost]]:
    budget_s = run.settings.compare.timing_seconds
    if not budget_s:
        return {}
    tasks = run.prepared.tasks
    return {name: serving.cost_card(run, task, budget_s=budget_s) for name, task in tasks.items()}


def _spent(run: "Run", name: str) -> list[dict[str, Any]]:
    """Return what each pre-training seed took."""
    folders = [run.bodies.folder(name, seed) for seed in run.bodies.seeds]
    return [read_spent(folder / pretrain.RESULT) for folder in folders]


def _lost_steps(spent: Sequence[dict[str, Any]]) -> int:
    return sum(row.get("lost_steps", 0) for row in spent)  # older runs did not count them


def _lost_tuning_steps(run: "Run", task: str) -> dict[str, int]:
    """Return the updates that were left out of the fine-tunings on a task that count, by label."""
    chosen = {arm.label: selection.chosen(run, arm, task) for arm in run.arms}
    return {label: _lost_steps([*map(run.trials.spent, trials)]) for label, trials in chosen.items()}


def _cost(run: "Run", pretraining: Pretraining) -> Cost:
    name, bodies = pretraining.name, run.bodies
    plan = bodies.plan(name)
    rows = _spent(run, name)
    spent = {
        what: sum(row[what] for row in rows) / len(rows) for what in ("tokens", "targets", "flops", "seconds")
    }
    return Cost(
        name=name,
        label=pretraining.label,
        family=pretraining.family,
        parameters=plan.parameters,
        non_embedding_parameters=plan.non_embedding_parameters,
        steps=rows[0]["step"],
        tokens=round(spent["tokens"]),
        targets=round(spent["targets"]),
        flops=spent["flops"],
        seconds=spent["seconds"],
        planned_seconds=plan.seconds,
        tokens_per_second=spent["tokens"] / max(1e-9, spent["seconds"]),
        peak_memory_bytes=max(row["peak_memory_bytes"] for row in rows),
        corpus_passes=spent["tokens"] / run.stores(pretraining.family)["train"].token_count,
        model_bytes=(bodies.folder(name) / "model" / "model.safetensors").stat().st_size,
    )


def _data_facts(run: "Run") -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {}
    for name, task in run.prepared.tasks.items():
        for baseline in scoring.baselines(run, task):
            for what, value in baseline["settings"].items():
                facts[f"{name}: {baseline['label']}, {what}"] = value
    for kind in families.FAMILIES:
        tokenizer = run.tokenizer(kind)
        facts[f"tokenizer of {families.family(kind).label}"] = (
            f"{tokenizer.algorithm}, {tokenizer.vocab_size:,} tokens"
        )
        for name, store in run.stores(kind).items():
            facts[f"{name}: documents of one sentence (in no pair)"] = store.single_sentence_count
            facts[f"{name}: documents"] = store.document_count
            facts[f"{name}: bytes of text"] = store.text_bytes
            facts[f"{name}: tokens for {families.family(kind).label}"] = store.token_count
    return facts


def _unknown_shares(run: "Run") -> dict[str, float]:
    """Return for each kind the share of tokens that its tokenizer could not spell."""
    stores = {kind: run.stores(kind).values() for kind in families.FAMILIES}
    return {
        kind: sum(store.unknown_count for store in parts) / sum(store.token_count for store in parts)
        for kind, parts in stores.items()
    }


def _removed(run: "Run") -> dict[str, int]:
    """Return what was left out, cut or could not be spelled, and how often; only what occurred."""
    counts = dict(run.prepared.counts)
    for kind, family in families.FAMILIES.items():
        stores = run.stores(kind).values()
        counts[f"unknown tokens for {family.label}"] = sum(store.unknown_count for store in stores)
        counts[f"documents without a token for {family.label}"] = sum(store.empty_count for store in stores)
    for arm in run.arms:
        for task in run.prepared.tasks:
            first = selection.chosen(run, arm, task)[0]
            for what, number in run.trials.spent(first)["counts"].items():
                counts[f"{task}, {arm.label}, training: {what}"] = number
    return {name: count for name, count in counts.items() if count and name not in _READ}


def _fingerprints(run: "Run") -> dict[str, str]:
    prints = {"text": run.prepared.fingerprint}
    prints |= {f"tokenizer of {kind}": run.tokenizer(kind).fingerprint for kind in families.FAMILIES}
    models = {
        f"weights of {name}" + ("" if len(run.bodies.seeds) == 1 else f", seed {seed}"): run.bodies.folder(
            name, seed
        )
        / "model"
        for name in run.bodies.compared
        for seed in run.bodies.seeds
    }
    models |= {f"weights of {arm.name}": arm.folder for arm in run.arms if arm.folder is not None}
    return prints | {what: storage.file_sha256(model / "model.safetensors") for what, model in models.items()}
