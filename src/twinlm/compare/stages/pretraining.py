"""The pre-trained models of a run, each with its plan, its weights for every pre-training seed, its language.

The first seed's lie in RUN/NAME, those of further seeds in RUN/NAME/seed-N.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from twinlm import checkpoint, families
from twinlm.compare.plan.budgets import plan_pretraining
from twinlm.compare.plan.pretrainings import Pretraining, pretrainings, smaller_pretrainings
from twinlm.compare.plan.same_size import check_match
from twinlm.compare.stages.learned import remarks_on
from twinlm.errors import UsageError, as_model_error
from twinlm.evaluate.language import Measured, bits_per_byte, measure
from twinlm.evaluate.ngrams import CountingLoss, counting_loss
from twinlm.evidence.json_records import read_as
from twinlm.prepare import stage
from twinlm.settings import build
from twinlm.system import storage
from twinlm.train.costs import PretrainPlan
from twinlm.train.phases import micro_batch_count
from twinlm.train.pretrain import RESULT, pretrain
from twinlm.train.start import start_fingerprint

if TYPE_CHECKING:
    from twinlm.compare.run import Run


class Bodies:
    """What is pre-trained in a run; each is done once and found again."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.compared = pretrainings(run.settings)
        self.smaller = smaller_pretrainings(run.settings)
        self._floors: dict[str, CountingLoss] = {}

    @property
    def seeds(self) -> list[int]:
        """The pre-training seeds."""
        first = self.run.settings.seed
        return list(range(first, first + self.run.settings.compare.pretrainings))

    @cached_property
    def plans(self) -> dict[str, PretrainPlan]:
        """What each budget buys, by name; the two kinds must be of one size."""
        plans = {name: self.plan(name) for name in self.compared}
        vocab_sizes = {name: self.run.tokenizer(name).vocab_size for name in families.FAMILIES}
        check_match([plans[name] for name in families.FAMILIES], self.run.settings, vocab_sizes)
        return plans

    def pretraining(self, name: str) -> Pretraining:
        """Return a pre-training by name.

        Raises:
            UsageError: there is none of that name.
        """
        known = {**self.compared, **self.smaller}
        if name not in known:
            raise UsageError(f"there is no pre-training {name!r}", hint=build.closest(name, known))
        return known[name]

    def plan(self, name: str) -> PretrainPlan:
        """Return what one budget buys; nothing is asked of the others."""
        run, pretraining = self.run, self.pretraining(name)
        part = (run.stores(pretraining.family)["train"], run.tokenizer(pretraining.family))
        return plan_pretraining(
            run.folder / "plan" / name, pretraining, run.settings, part, precision=run.precision
        )

    def folder(self, name: str, seed: int | None = None) -> Path:
        """Return where the model of a pre-training seed lies; of the first one if it is None."""
        folder = self.run.folder / name
        return folder if seed in (None, self.run.settings.seed) else folder / f"seed-{seed}"

    def trained(self, name: str, seed: int | None = None) -> checkpoint.Trained:
        """Pre-train a model, go on with it, or load it; say it once if a new one fell short."""
        run, pretraining = self.run, self.pretraining(name)
        settings = pretraining.settings
        run.ranks.share(micro_batch_count(settings.pretrain))  # refused before anything is done
        steps = self.plan(name).steps
        seed = run.settings.seed if seed is None else seed
        stores, tokenizer = run.stores(pretraining.family), run.tokenizer(pretraining.family)
        inputs = {
            "corpus": run.prepared.fingerprint,
            "tokenizer": tokenizer.fingerprint,
            "model": settings.model,
            "pretrain": settings.pretrain,
            "steps": steps,
            "seed": seed,
            "precision": run.precision,
            "start": start_fingerprint(settings),
            **run.settings.processes.numerics,
        }
        folder = self.folder(name, seed)
        stage.enter(folder, inputs)
        is_new = not (folder / RESULT).is_file()
        if is_new:
            run.ranks.call({"what": "pretrain", "name": name, "seed": seed})
        trained = pretrain(
            families.family(pretraining.family),
            settings,
            steps=steps,
            train_store=stores["train"],
            valid_store=stores["valid"],
            tokenizer=tokenizer,
            seed=seed,
            precision=run.precision,
            folder=folder,
            progress=run.progress,
            stop=run.stop,
            title=self._title(pretraining, seed),
            ranks=run.ranks,
        )
        if is_new and run.ranks.leads:
            for remark in remarks_on(run, name, [seed]):
                run.progress.say(remark)
        return trained

    def language(self, name: str, seed: int | None = None) -> dict[str, Measured]:
        """Measure a pre-trained model on validation and test text."""
        path, run, pretraining = self.folder(name, seed) / "language.json", self.run, self.pretraining(name)
        if not path.is_file():
            trained, stores = self.trained(name, seed), run.stores(pretraining.family)
            options, draws = pretraining.settings.pretrain, run.settings.seed
            found = {part: measure(trained, stores[part], options, seed=draws) for part in ("valid", "test")}
            storage.write_json(path, {part: build.plain(value) for part, value in found.items()})
        read: dict[str, Measured] = read_as(dict[str, Measured], path)
        with as_model_error(path):
            return {part: read[part] for part in ("valid", "test")}

    def floors(self, kind: str) -> CountingLoss:
        """Return what counting reaches on validation text, in the unit of a kind's losses."""
        if kind not in self._floors:
            stores, tokenizer = self.run.stores(kind), self.run.tokenizer(kind)
            is_left_to_right = families.family(kind).is_generative
            found = counting_loss(
                stores["train"],
                stores["valid"],
                tokenizer.vocab_size,
                left_out=() if is_left_to_right else tokenizer.specials.ids,
            )
            scale = bits_per_byte(stores["train"].token_count, stores["train"]) if is_left_to_right else 1.0
            self._floors[kind] = CountingLoss(unigram=scale * found.unigram, bigram=scale * found.bigram)
        return self._floors[kind]

    def _title(self, pretraining: Pretraining, seed: int) -> str:
        again = "" if len(self.seeds) == 1 else f", seed {seed}"
        return f"pre-training {pretraining.label}{again}"
