"""Fine-tuning of either kind on a labelled task: all weights are trained (Radford et al. 2018, 3.2;
Devlin et al. 2018, 3.2), and those of the last of the best epochs are kept.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from twinlm import checkpoint, rng
from twinlm.batch import Batch, LazyBatches
from twinlm.checkpoint import Trained
from twinlm.data.labels.examples import Example
from twinlm.data.labels.task import LabelledTask
from twinlm.data.sequences import order
from twinlm.objectives.fine_tuning import fine_tuning
from twinlm.settings import FinetuneSettings
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.system.records import to_json
from twinlm.system.stopping import Stop
from twinlm.tasks.kind import TaskConfig, TaskKind
from twinlm.train.job import BEST, CHECKPOINTS, Job
from twinlm.train.loop import train
from twinlm.train.optimizer import build_optimizer, learning_rate
from twinlm.train.probe import start_from_probe
from twinlm.train.ranks import ALONE, Ranks
from twinlm.train.records import TuningSpent
from twinlm.train.resuming import averaging
from twinlm.train.transfer import with_head
from twinlm.use.predict import input_scores, task_of

RESULT = "fine-tuning.json"
_BATCHES_SORTED_TOGETHER = 8


def finetune(
    trained: Trained,
    task: LabelledTask,
    settings: FinetuneSettings,
    *,
    seed: int,
    precision: str,
    folder: Path,
    progress: Progress,
    stop: Stop,
    title: str,
    least_inputs: int = 0,
    ranks: Ranks = ALONE,
) -> Trained:
    """Fine-tune a model, or continue where it was stopped, and publish it as `folder/model`.

    The weights of `trained` are changed in place. With fewer inputs than `least_inputs`, training takes as
    many steps as that many inputs would. A StoppedError means that the same call resumes.
    """
    if (folder / RESULT).is_file():
        if ranks.leads:
            tidy(folder)  # the run may have been killed before it did
        return checkpoint.load_model(folder / "model")
    counts: Counter[str] = Counter()
    averaged = averaging(folder)
    is_old = averaged == "micro-batch"
    result, inputs = with_head(trained, task, settings, seed=seed, counts=counts, is_old=is_old)
    is_probed = settings.head_start == "probe" and start_from_probe(result, inputs, ranks)
    task_type, config = task_of(result)
    validation = _Validation(result, task_type, config, task.valid)
    job = finetuning_job(
        result,
        inputs,
        settings,
        name=title,
        validate=validation.figures,
        steps=steps_of(settings, max(len(inputs), least_inputs)),
        seed=seed,
        precision=precision,
        folder=folder,
        averaging=averaged,
        validates_first=is_probed,  # where training helps nothing, the probe itself is kept
    )
    spent = train(job, progress=progress, stop=stop, ranks=ranks)
    job.module.cpu().eval()
    if not ranks.leads:
        return result
    constants, outcome = validation.outcome()
    spent = to_json(TuningSpent(**to_json(spent), counts=dict(+counts), **outcome))
    published = replace(
        result, task=replace(config, constants=constants), history={**trained.history, "fine-tuning": spent}
    )
    checkpoint.save_model(folder / "model", published)
    storage.write_json(folder / RESULT, spent)  # last: its presence means that the model is complete
    tidy(folder)
    return published


def tidy(folder: Path) -> None:
    """Remove the files that are needed only until the result is published."""
    storage.remove(folder / CHECKPOINTS)
    storage.remove(folder / BEST)


def steps_of(settings: FinetuneSettings, inputs: int) -> int:
    """Return the number of steps of a fine-tuning on a number of inputs."""
    return max(1, round(settings.epochs * inputs / settings.batch_examples))


class _Validation:
    def __init__(
        self, trained: Trained, task_type: TaskKind, config: TaskConfig, examples: Sequence[Example]
    ) -> None:
        self._trained, self._task_type, self._config, self._examples = trained, task_type, config, examples
        reader = trained.family.reader(trained.tokenizer)
        self._inputs = task_type.inputs(examples, reader, config, Counter())

    def figures(self) -> dict[str, float]:
        """Return 1 minus the main figure, so that lower is better, then all figures."""
        figures = self.outcome()[1]["validation"]
        main = next(iter(figures.values()))
        return {"valid_error": 1 - main, **{f"valid_{name}": value for name, value in figures.items()}}

    def outcome(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Return the task's constants, tuned on these examples, and the fields of `TuningSpent` with them."""
        scores = input_scores(self._trained, self._inputs)
        constants = self._task_type.tune(self._examples, self._inputs, scores, self._config)
        tuned = replace(self._config, constants=constants)
        answers = self._task_type.answers(self._examples, self._inputs, scores, tuned)
        predicted = [answer["predicted"] for answer in answers]
        golds = [example.gold for example in self._examples]
        metric = self._task_type.metric(golds, self._config.scheme)
        figures = metric.measure(golds, predicted).figures
        return constants, {"validation": figures, "one_answer": metric.is_one_answer(predicted)}


def finetuning_job(
    result: Trained,
    inputs: Sequence[Any],
    settings: FinetuneSettings,
    *,
    validate: Callable[[], dict[str, float]],
    steps: int,
    seed: int,
    precision: str,
    **others: Any,
) -> Job:
    """Return the training run of a model under its new head; `others` are further fields of `Job`."""
    assert result.tuned is not None
    task_type, config = task_of(result)
    auxiliary = result.family.auxiliary(settings.auxiliary_weight)
    lengths = [one.length for one in inputs]

    def batches(step: int) -> Sequence[Batch]:
        chosen = inputs_of_step(step, lengths, settings.batch_examples, seed)
        size = settings.micro_batch_examples or settings.batch_examples
        parts = [chosen[first : first + size] for first in range(0, len(chosen), size)]
        pad = result.tokenizer.specials.pad
        return LazyBatches(
            lambda part: task_type.batch([inputs[number] for number in parts[part]], config, pad), len(parts)
        )

    def flops(batch: Batch, targets: int) -> float:
        count, length = batch.tokens_BL.shape
        predicted = int(batch.real_BL[:, 1:].sum()) if auxiliary else 0
        sizes: Any = result.model.config
        return result.family.training_flops(sizes, sequences=count, length=length, targets=predicted)

    return Job(
        module=result.tuned,
        objective=fine_tuning(auxiliary),
        batches=batches,
        optimizer=build_optimizer(result.tuned, settings.optimizer, precision),
        precision=precision,
        learning_rate=learning_rate(settings.optimizer, steps),
        validate=validate,
        flops=flops,
        steps=steps,
        validate_every=max(1, steps // settings.epochs),
        checkpoint_every=max(1, steps // settings.epochs),
        clip_norm=settings.optimizer.clip_norm,
        non_finite=settings.optimizer.non_finite,
        seed=rng.torch_seed(seed, "fine-tuning"),
        **others,
    )


def inputs_of_step(step: int, lengths: Sequence[int], size: int, seed: int) -> list[int]:
    """Return the numbers of a step's inputs, in an endless shuffled order; every input comes once a pass."""
    # Some batches' worth of inputs is sorted by length and cut into batches, and these are shuffled: inputs
    # of similar length share a batch, so there is less padding.
    group, index = divmod(step, _BATCHES_SORTED_TOGETHER)
    count = size * _BATCHES_SORTED_TOGETHER
    numbers: list[int] = order.passes(group * count, count, len(lengths), seed, "examples").tolist()
    numbers.sort(key=lambda number: lengths[number])
    turn = int(rng.stream(seed, "batches", group).permutation(_BATCHES_SORTED_TOGETHER)[index])
    return numbers[turn * size : (turn + 1) * size]
