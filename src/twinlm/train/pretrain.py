"""Pre-training of either kind on a token store, into a model folder. Next: start.py and phases.py."""

from pathlib import Path
from typing import Any

from twinlm import checkpoint, rng
from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.data.sequences.examples import Examples
from twinlm.data.tokens.store import TokenStore
from twinlm.families import Family
from twinlm.settings import KindSettings
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.system.records import to_json
from twinlm.system.stopping import Stop
from twinlm.tokenizer import Tokenizer
from twinlm.train.job import BEST, Job
from twinlm.train.loop import evaluate, train
from twinlm.train.optimizer import build_optimizer, learning_rate
from twinlm.train.phases import Phase, phased_batches
from twinlm.train.ranks import ALONE, Ranks
from twinlm.train.resuming import averaging
from twinlm.train.start import first_model

RESULT = "pretraining.json"


def pretrain(
    family: Family,
    settings: KindSettings,
    *,
    steps: int,
    train_store: TokenStore,
    valid_store: TokenStore,
    tokenizer: Tokenizer,
    seed: int,
    precision: str,
    folder: Path,
    progress: Progress,
    stop: Stop,
    title: str,
    ranks: Ranks = ALONE,
) -> Trained:
    """Pre-train a model, or continue where it was stopped, and publish it as `folder/model`.

    `seed` decides weights, order, masks, pairs and dropout. After a StoppedError the same call resumes.
    """
    if (folder / RESULT).is_file():
        return checkpoint.load_model(folder / "model")
    options, mean_over = settings.pretrain, averaging(folder)
    model, before = first_model(family, settings, tokenizer, seed, progress, is_old=mean_over != "step")
    if ranks.is_sharded:
        from twinlm.train.sharding import shard

        shard(model, ranks)  # before the optimizer is built, which then holds rows only
    held_out = family.examples(valid_store, options, tokenizer, seed)
    size = min(options.batch_sequences, options.validation_sequences)
    validation = [held_out.batch(first, size) for first in range(0, options.validation_sequences, size)]

    job: Job = pretraining_job(
        family,
        settings,
        model,
        name=title,
        batches=phased_batches(
            options,
            steps,
            lambda phase: phase_examples(family, phase, train_store, tokenizer, seed),
            mean_over,
        ),
        learning_rate=learning_rate(options.optimizer, steps),
        validate=lambda: evaluate(job, validation),
        steps=steps,
        seed=seed,
        precision=precision,
        folder=folder,
        averaging=mean_over,
    )
    spent = to_json(train(job, progress=progress, stop=stop, ranks=ranks))
    # A kind without sentence heads learns no sentence task, whatever its settings name.
    learned = {"sentence_task": options.sentence_task} if family.pretraining_heads else {}
    history = {**before, "pretraining": {**spent, **learned}}
    if ranks.is_sharded:
        from twinlm.train.sharding import whole_model

        model = whole_model(model, folder / BEST)
    trained = Trained(family=family, model=model.cpu().eval(), tokenizer=tokenizer, history=history)
    if ranks.leads:
        checkpoint.save_model(folder / "model", trained)
        storage.write_json(folder / RESULT, spent)  # last: its presence means that the model is complete
    return trained


def pretraining_job(
    family: Family,
    settings: KindSettings,
    model: Any,
    *,
    steps: int,
    seed: int,
    precision: str,
    **others: Any,
) -> Job:
    """Return the training run of a model; `others` are the fields of `Job` that settings do not decide."""
    options = settings.pretrain

    def flops(batch: Batch, targets: int) -> float:
        count, length = batch.tokens_BL.shape
        return family.training_flops(model.config, sequences=count, length=length, targets=targets)

    return Job(
        module=model,
        objective=family.objective(options),
        optimizer=build_optimizer(model, options.optimizer, precision),
        precision=precision,
        flops=flops,
        steps=steps,
        validate_every=max(1, steps // options.validations),
        checkpoint_every=options.checkpoint_every_steps,
        clip_norm=options.optimizer.clip_norm,
        non_finite=options.optimizer.non_finite,
        seed=rng.torch_seed(seed, family.name),
        **others,
    )


def phase_examples(
    family: Family, phase: Phase, store: TokenStore, tokenizer: Tokenizer, seed: int
) -> Examples:
    """Return the examples of a phase."""
    make = family.causal_examples if phase.is_causal else family.examples
    return make(store, phase.settings, tokenizer, seed)
