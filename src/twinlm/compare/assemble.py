"""Everything a finished run left in its folder, put together as one `Results` record."""

from typing import TYPE_CHECKING

import numpy as np

from twinlm import families, storage
from twinlm.compare import scoring, verdict
from twinlm.compare.results import Cost, Curve, CurvePoint, LanguageResult, Results
from twinlm.compare.samples import samples
from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN, bits_per_byte
from twinlm.log import MetricsLog
from twinlm.train import finetune, pretrain

if TYPE_CHECKING:
    from twinlm.compare.run import Run

MATCHED_BY = {
    "tokens": "tokens",
    "flops": "FLOPs",
    "seconds": "seconds",
    "steps": "steps",
    "passes": "passes",
}
_CURVE_POINTS = 200
_READ = ("files", "documents")  # counts of what was read, not of what was left out


def results(run: "Run") -> Results:
    """Return what a run found; all its stages must be done."""
    tasks = [scoring.task_result(run, task) for task in run.prepared.tasks.values()]
    language = [_language(run, kind) for kind in families.FAMILIES]
    costs = [_cost(run, kind) for kind in families.FAMILIES]
    matched_by = MATCHED_BY[run.settings.budget.match]
    prepared = run.prepared
    labels = {name: family.label for name, family in families.FAMILIES.items()}
    return Results(
        title=run.settings.title,
        verdict=verdict.sentences(tasks),
        caveats=verdict.caveats(
            tasks,
            costs,
            matched_by,
            families=labels,
            unknown_shares=_unknown_shares(run),
            starts={kind: start for kind in labels if (start := run.kind(kind).pretrain.start)},
        ),
        families=labels,
        matched_by=matched_by,
        tasks=tasks,
        language=language,
        costs=costs,
        data=_data_facts(run),
        removed=_removed(run),
        attribution=list(prepared.attribution),
        settings_toml=run.settings_toml,
        environment=storage.read_json(run.folder / "environment.json"),
        fingerprints=_fingerprints(run),
        command=run.command,
    )


def _language(run: "Run", kind: str) -> LanguageResult:
    family, measured = families.family(kind), run.language(kind)
    path = run.folder / kind / "samples.json"
    if not path.is_file():
        shown = samples(run.pretrained(kind), run.stores(kind)["test"], seed=run.settings.seed)
        storage.write_json(path, shown)
    return LanguageResult(
        family=kind,
        measure=measured["test"].unit,
        validation=measured["valid"].value,
        test=measured["test"].value,
        others=measured["test"].others,
        curves=_curves(run, kind, is_generative=family.is_generative),
        samples=storage.read_json(path),
    )


def _curves(run: "Run", kind: str, *, is_generative: bool) -> list[Curve]:
    """Return the training and validation curves, in the unit of the kind's measure."""
    store = run.stores(kind)["train"]
    name, unit, factor = "masked_lm", NATS_PER_MASKED_TOKEN, 1.0
    if is_generative:
        name, unit, factor = "causal_lm", BITS_PER_BYTE, bits_per_byte(store.token_count, store)
    records = MetricsLog(run.folder / kind / "metrics.jsonl").read()
    curves = []
    for title, key in [("training", name), ("validation", f"valid_{name}")]:
        points = [
            CurvePoint(
                step=int(record["step"]),
                tokens=int(record["tokens"]),
                flops=float(record["flops"]),
                value=factor * float(record[key]),
            )
            for record in records
            if key in record
        ]
        curves.append(Curve(name=title, unit=unit, points=_thinned(points)))
    return curves


def _thinned(points: list[CurvePoint]) -> list[CurvePoint]:
    """Return at most `_CURVE_POINTS` points, each the mean of its neighbours' values."""
    if len(points) <= _CURVE_POINTS:
        return points
    thin = []
    for group in np.array_split(np.arange(len(points)), _CURVE_POINTS):
        last = points[group[-1]]
        value = float(np.mean([points[number].value for number in group]))
        thin.append(CurvePoint(step=last.step, tokens=last.tokens, flops=last.flops, value=value))
    return thin


def _cost(run: "Run", kind: str) -> Cost:
    plan, spent = run.plans[kind], storage.read_json(run.folder / kind / pretrain.RESULT)
    return Cost(
        family=kind,
        parameters=plan.parameters,
        non_embedding_parameters=plan.non_embedding_parameters,
        steps=spent["step"],
        tokens=spent["tokens"],
        targets=spent["targets"],
        flops=spent["flops"],
        seconds=spent["seconds"],
        tokens_per_second=spent["tokens"] / max(1e-9, spent["seconds"]),
        peak_memory_bytes=spent["peak_memory_bytes"],
        corpus_passes=spent["tokens"] / run.stores(kind)["train"].token_count,
        model_bytes=(run.folder / kind / "model" / "model.safetensors").stat().st_size,
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
            folder = run.arm_folder(arm, task, run.settings.compare.seeds[0])
            for what, number in storage.read_json(folder / finetune.RESULT)["counts"].items():
                counts[f"{task}, {arm.label}, training: {what}"] = number
    return {name: count for name, count in counts.items() if count and name not in _READ}


def _fingerprints(run: "Run") -> dict[str, str]:
    prints = {"text": run.prepared.fingerprint}
    for kind in families.FAMILIES:
        prints[f"tokenizer of {kind}"] = run.tokenizer(kind).fingerprint
        prints[f"weights of {kind}"] = storage.file_sha256(run.folder / kind / "model" / "model.safetensors")
    for arm in run.arms:
        if arm.folder is not None:
            prints[f"weights of {arm.name}"] = storage.file_sha256(arm.folder / "model.safetensors")
    return prints
