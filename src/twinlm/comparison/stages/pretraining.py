"""Pre-training, in RUN/NAME for the first seed, or RUN/NAME/seed-N. Next: finetuning.py."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from twinlm import checkpoint, families
from twinlm.comparison.plan.budgets import check_match, plan_pretraining, planned_from
from twinlm.comparison.plan.pretrainings import Pretraining, pretrainings, smaller_pretrainings
from twinlm.comparison.stages.records import HeldOut
from twinlm.comparison.workspace import Workspace
from twinlm.errors import UsageError, as_model_error
from twinlm.evaluate.language import BITS_PER_BYTE, NATS_PER_MASKED_TOKEN, bits_per_byte, measure
from twinlm.evaluate.ngrams import CountingLoss, counting_loss
from twinlm.evidence.results import Cost, Curve, CurvePoint
from twinlm.prepare import stage
from twinlm.report.pretraining_section import remarks
from twinlm.settings import build
from twinlm.system import hardware, storage
from twinlm.system.log import MetricsLog
from twinlm.system.records import read_record, to_json
from twinlm.tasks.judging import is_number
from twinlm.train.costs import PretrainPlan
from twinlm.train.phases import micro_batch_count
from twinlm.train.pretrain import RESULT, pretrain
from twinlm.train.records import Spent, read_result
from twinlm.train.start import start_fingerprint


class PretrainingStage:
    """The pre-training runs of a comparison; each is done once and found again."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.compared = pretrainings(workspace.settings)
        self.smaller = smaller_pretrainings(workspace.settings)
        self._counting_losses: dict[str, CountingLoss] = {}

    @property
    def seeds(self) -> list[int]:
        """Pre-training seeds, the run's own first."""
        first = self.workspace.settings.seed
        return list(range(first, first + self.workspace.settings.compare.pretrainings))

    @cached_property
    def plans(self) -> dict[str, PretrainPlan]:
        """Plans by name; the two kinds must be of equal size."""
        plans = {name: self.plan(name) for name in self.compared}
        vocab_sizes = {name: self.workspace.tokenizer(name).vocab_size for name in families.FAMILIES}
        check_match([plans[name] for name in families.FAMILIES], self.workspace.settings, vocab_sizes)
        return plans

    def pretraining(self, name: str) -> Pretraining:
        """Return a pre-training by name; a UsageError if there is none."""
        known = {**self.compared, **self.smaller}
        if name not in known:
            raise UsageError(f"there is no pre-training {name!r}", hint=build.closest(name, known))
        return known[name]

    def plan(self, name: str) -> PretrainPlan:
        """Return the plan of one pre-training without planning the others."""
        workspace, pretraining, has_started = self.workspace, self.pretraining(name), self.check(name)
        since = hardware.clocks()
        plan = plan_pretraining(
            workspace.folder / "plan" / name,
            pretraining,
            workspace.settings,
            (workspace.stores(pretraining.family)["train"], workspace.tokenizer(pretraining.family)),
            precision=workspace.precision,
            has_started=has_started,
        )
        if advice := hardware.slowed_by(busy := hardware.other_work(since)):
            workspace.progress.say(f"note: other work keeps {busy:.1f} processors busy; {advice}")
        return plan

    def check(self, name: str) -> bool:
        """Refuse, before any text is read, settings other than those that a pre-training was started with.

        Return whether it was started, with any seed.
        """
        workspace, pretraining = self.workspace, self.pretraining(name)
        settings = planned_from(pretraining, workspace.settings)
        own = {"model": settings["model"], "pretrain": settings["pretrain"], "precision": workspace.precision}
        folders = {seed: self.folder(name, seed) for seed in self.seeds}
        for seed, folder in folders.items():
            stage.check(folder, {**own, "seed": seed})
        has_started = any(map(stage.has_started, folders.values()))
        if has_started:
            stage.check(workspace.folder / "plan" / name, settings)
        return has_started

    def folder(self, name: str, seed: int | None = None) -> Path:
        """Return the folder of a pre-training seed; None stands for the first seed."""
        folder = self.workspace.folder / name
        return folder if seed in (None, self.workspace.settings.seed) else folder / f"seed-{seed}"

    def trained(self, name: str, seed: int | None = None) -> checkpoint.Trained:
        """Pre-train a model, resume its pre-training, or load it; say what a new one lacks."""
        workspace, pretraining = self.workspace, self.pretraining(name)
        settings = pretraining.settings
        # Raises here, before anything is written, if the processes can't share a batch.
        workspace.ranks.share(micro_batch_count(settings.pretrain))
        steps = self.plan(name).steps
        seed = workspace.settings.seed if seed is None else seed
        stores, tokenizer = workspace.stores(pretraining.family), workspace.tokenizer(pretraining.family)
        inputs = {
            "corpus": workspace.prepared.fingerprint,
            "tokenizer": tokenizer.fingerprint,
            "model": settings.model,
            "pretrain": settings.pretrain,
            "steps": steps,
            "seed": seed,
            "precision": workspace.precision,
            "start": start_fingerprint(settings),
            **workspace.settings.processes.numerics,
        }
        folder = self.folder(name, seed)
        stage.enter(folder, inputs)
        is_new = not (folder / RESULT).is_file()
        if is_new:
            workspace.ranks.call({"what": "pretrain", "name": name, "seed": seed})
        trained = pretrain(
            families.family(pretraining.family),
            settings,
            steps=steps,
            train_store=stores["train"],
            valid_store=stores["valid"],
            tokenizer=tokenizer,
            seed=seed,
            precision=workspace.precision,
            folder=folder,
            progress=workspace.countdown.counted(folder, workspace.progress),
            stop=workspace.stop,
            title=f"pre-training {pretraining.label}" + (f", seed {seed}" if len(self.seeds) > 1 else ""),
            ranks=workspace.ranks,
        )
        if is_new and workspace.ranks.leads:
            # Said at once, and not only in the report: whoever watches may stop before the fine-tuning.
            for remark in self.remarks(name, [seed]):
                workspace.progress.say(remark)
        return trained

    def language(self, name: str, seed: int | None = None) -> HeldOut:
        """Return a pre-trained model's loss on validation and test text."""
        path, pretraining = self.folder(name, seed) / "language.json", self.pretraining(name)
        if not path.is_file():
            trained, stores = self.trained(name, seed), self.workspace.stores(pretraining.family)
            options, draws = pretraining.settings.pretrain, self.workspace.settings.seed
            valid, test = (measure(trained, stores[part], options, seed=draws) for part in ("valid", "test"))
            storage.write_json(path, to_json(HeldOut(valid=valid, test=test)))
        return read_record(HeldOut, path)

    def curves(self, name: str, seed: int | None = None) -> list[Curve]:
        """Return the training and the validation curve in the unit of the kind's loss."""
        pretraining = self.pretraining(name)
        metric, unit, factor = "masked_lm", NATS_PER_MASKED_TOKEN, 1.0
        if families.family(pretraining.family).is_generative:
            store = self.workspace.stores(pretraining.family)["train"]
            metric, unit, factor = "causal_lm", BITS_PER_BYTE, bits_per_byte(store.token_count, store)
        path = self.folder(name, seed) / "metrics.jsonl"
        records, curves = MetricsLog(path).read(), []
        for title, key in [("training", metric), ("validation", f"valid_{metric}")]:
            with as_model_error(path):
                points = [_point(record, key, factor) for record in records if key in record]
            curves.append(Curve(name=title, unit=unit, points=points))
        return curves

    def counting_loss(self, kind: str) -> CountingLoss:
        """Return the losses of n-gram counting on validation text, in the unit of a kind's loss."""
        if kind not in self._counting_losses:
            stores, tokenizer = self.workspace.stores(kind), self.workspace.tokenizer(kind)
            is_generative = families.family(kind).is_generative
            left_out = () if is_generative else tokenizer.specials.ids
            nats = counting_loss(stores["train"], stores["valid"], tokenizer.vocab_size, left_out=left_out)
            scale = bits_per_byte(stores["train"].token_count, stores["train"]) if is_generative else 1.0
            scaled = CountingLoss(unigram=scale * nats.unigram, bigram=scale * nats.bigram)
            self._counting_losses[kind] = scaled
        return self._counting_losses[kind]

    def spent(self, name: str) -> list[Spent]:
        """Return what each seed of a finished pre-training cost."""
        return [read_result(Spent, self.folder(name, seed) / RESULT) for seed in self.seeds]

    @property
    def lost_steps(self) -> dict[str, int]:
        """Number of updates left out of the compared pre-trainings, over all seeds, by label."""
        return {
            pretraining.label: sum(row.lost_steps for row in self.spent(name))
            for name, pretraining in self.compared.items()
        }

    def cost(self, name: str) -> Cost:
        """Return what a finished pre-training cost, as the mean over its seeds."""
        pretraining, plan, rows = self.pretraining(name), self.plan(name), self.spent(name)
        means = {
            quantity: sum(getattr(row, quantity) for row in rows) / len(rows)
            for quantity in ("tokens", "targets", "flops", "seconds")
        }
        train_tokens = self.workspace.stores(pretraining.family)["train"].token_count
        return Cost(
            name=name,
            label=pretraining.label,
            family=pretraining.family,
            parameters=plan.parameters,
            non_embedding_parameters=plan.non_embedding_parameters,
            steps=rows[0].step,
            tokens=round(means["tokens"]),
            targets=round(means["targets"]),
            flops=means["flops"],
            seconds=means["seconds"],
            planned_seconds=plan.seconds,
            tokens_per_second=means["tokens"] / max(1e-9, means["seconds"]),
            peak_memory_bytes=max(row.peak_memory_bytes for row in rows),
            corpus_passes=means["tokens"] / train_tokens,
            model_bytes=(self.folder(name) / "model" / "model.safetensors").stat().st_size,
        )

    @property
    def weights(self) -> dict[str, Path]:
        """Model folders of all compared pre-trainings by name, with the seed where there are several."""
        return {
            name if len(self.seeds) == 1 else f"{name}, seed {seed}": self.folder(name, seed) / "model"
            for name in self.compared
            for seed in self.seeds
        }

    def remarks(self, name: str, seeds: list[int]) -> list[str]:
        """Return what is wrong with finished pre-training runs, as sentences; empty if nothing is."""
        pretraining = self.pretraining(name)
        validations = {str(seed): self.curves(name, seed)[1] for seed in seeds}
        counting = self.counting_loss(pretraining.family)
        return remarks(pretraining.label, validations, counting, pretraining.settings.pretrain)


def _point(record: Mapping[str, Any], key: str, factor: float) -> CurvePoint:
    step, tokens, flops, value = (record[name] for name in ("step", "tokens", "flops", key))
    if not all(map(is_number, (step, tokens, flops, value))):
        raise ValueError(f"a point of the curve is {step}, {tokens}, {flops}, {value}")
    return CurvePoint(step=step, tokens=int(tokens), flops=float(flops), value=factor * value)
