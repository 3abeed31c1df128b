"""The training loop: what a step does, what is logged and kept, and what happens when losses go wrong."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from twinlm.errors import DivergedError, ModelError, StoppedError
from twinlm.families import FAMILIES
from twinlm.objectives import Loss
from twinlm.system import storage
from twinlm.system.log import EVENTS, Silent
from twinlm.system.stopping import Stop
from twinlm.train.loop import evaluate, timed_steps, train


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(job: Any) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in job.module.parameters()]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_learns_and_the_best_validation_is_kept(name: str, tiny: Any, tmp_path: Path) -> None:
    job = tiny.build(name, tmp_path, steps=40)
    spent = tiny.run(job)
    lines = records(tmp_path)
    losses = [line["loss"] for line in lines if "loss" in line]
    validations = {line["step"]: line["valid_loss"] for line in lines if "valid_loss" in line}
    assert len(losses) == 40
    assert sum(losses[-10:]) < sum(losses[:10]) - 1  # of about 43
    assert list(validations) == list(range(5, 41, 5))
    assert spent["best"] == min(validations.values()) == validations[spent["best_step"]]
    assert job.validate()["valid_loss"] == pytest.approx(spent["best"], abs=1e-6)


def test_what_was_spent_is_counted(tiny: Any, tmp_path: Path) -> None:
    job = tiny.build("gpt", tmp_path, batches=lambda step: [tiny.batch(2 * step), tiny.batch(2 * step + 1)])
    spent = train(job, progress=Silent(), stop=Stop())
    batches = [tiny.batch(number) for number in range(24)]
    real = [int(given.real_BL.sum()) for given in batches]
    assert spent.step == 12
    assert spent.tokens == sum(real)
    assert spent.targets == sum(real) - 24 * 8  # all but the first of each sequence
    assert spent.flops == pytest.approx(
        sum(job.flops(given, count - 8) for given, count in zip(batches, real, strict=True))
    )
    assert spent.seconds > 0
    assert spent.peak_memory_bytes > 2**20


def test_the_weights_of_the_best_validation_come_back_not_the_last(tiny: Any, tmp_path: Path) -> None:
    seen = []
    scores = iter([3.0, 1.0, 2.0])

    def validate() -> dict[str, float]:
        seen.append(weights(job))
        return {"valid_wrong": next(scores), "valid_other": -len(seen)}

    job = tiny.build("gpt", tmp_path, validate=validate)
    spent = tiny.run(job)
    assert (spent["best"], spent["best_step"]) == (1.0, 10)
    assert all(map(torch.equal, weights(job), seen[1]))
    assert not all(map(torch.equal, weights(job), seen[2]))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("scores", "step"), [("11111", 10), ("21121", 10), ("31122", 6), ("21222", 4)])
def test_of_equally_good_validations_the_last_and_most_trained_counts(
    scores: str, step: int, name: str, tiny: Any, tmp_path: Path
) -> None:
    seen, given = [], iter(scores)

    def validate() -> dict[str, float]:
        seen.append(weights(job))
        return {"valid_error": float(next(given))}

    job = tiny.build(name, tmp_path, steps=10, validate_every=2, validate=validate)
    spent = tiny.run(job)
    assert (spent["best"], spent["best_step"]) == (1.0, step)
    assert all(map(torch.equal, weights(job), seen[step // 2 - 1]))


@pytest.mark.parametrize("is_gone", [False, True])
def test_best_weights_that_changed_on_disk_are_refused(is_gone: bool, tiny: Any, tmp_path: Path) -> None:
    tiny.run(tiny.build("gpt", tmp_path))
    best = tmp_path / "best.safetensors"
    contents = bytearray(best.read_bytes())
    contents[-1] ^= 1
    best.write_bytes(contents)
    if is_gone:
        best.unlink()
    with pytest.raises(ModelError, match="missing or damaged") as caught:
        tiny.run(tiny.build("gpt", tmp_path))
    assert caught.value.file == str(best)


def test_each_step_has_the_learning_rate_of_its_number(tiny: Any, tmp_path: Path) -> None:
    job = tiny.build("gpt", tmp_path, steps=4)
    seen = []
    job.optimizer.register_step_pre_hook(
        lambda optimizer, *_: seen.append([g["lr"] for g in optimizer.param_groups])
    )
    tiny.run(job)
    assert seen == [[job.learning_rate(step)] * 2 for step in range(4)]


@pytest.mark.parametrize("name", FAMILIES)
def test_four_micro_batches_of_8_train_like_one_batch_of_32(name: str, tiny: Any, tmp_path: Path) -> None:
    """Equal up to rounding when each holds equally many targets, as full windows do."""

    def even(step: int) -> Any:
        given = tiny.batch(step, count=32)
        originals_BL = torch.full_like(given.originals_BL, -100)
        originals_BL[:, 1:3] = given.tokens_BL[:, 1:3]
        return replace(given, real_BL=torch.ones_like(given.real_BL), originals_BL=originals_BL)

    def parts(given: Any) -> list[Any]:
        names = ("tokens_BL", "segments_BL", "real_BL", "originals_BL", "is_random_B")
        return [
            replace(given, **{field: getattr(given, field)[first : first + 8] for field in names})
            for first in range(0, 32, 8)
        ]

    whole = tiny.build(name, tmp_path / "whole", steps=3, dropout=0.0, batches=lambda step: [even(step)])
    split = tiny.build(name, tmp_path / "split", steps=3, dropout=0.0, batches=lambda step: parts(even(step)))
    spent = [tiny.run(job) for job in (whole, split)]
    for first, second in zip(weights(whole), weights(split), strict=True):
        torch.testing.assert_close(first, second, atol=1e-6, rtol=1e-5)
    assert spent[0]["targets"] == spent[1]["targets"]
    for first, second in zip(records(whole.folder), records(split.folder), strict=True):
        assert first == pytest.approx(second, abs=1e-6)


def test_the_newest_two_checkpoints_are_kept(tiny: Any, tmp_path: Path) -> None:
    tiny.run(tiny.build("gpt", tmp_path))
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step-000000009", "step-000000012"]


def test_gradients_are_cut_to_the_longest_allowed(tiny: Any, tmp_path: Path) -> None:
    job = tiny.build("gpt", tmp_path, steps=2, clip_norm=1e-3)
    lengths = []
    job.optimizer.register_step_pre_hook(
        lambda *_: lengths.append(sum(float((w.grad**2).sum()) for w in job.module.parameters()) ** 0.5)
    )
    tiny.run(job)
    assert lengths == pytest.approx([1e-3, 1e-3], rel=1e-3)


def test_the_global_generator_neither_matters_nor_changes(tiny: Any, tmp_path: Path) -> None:
    outcomes = []
    for number in range(2):
        torch.manual_seed(number)
        before = torch.random.get_rng_state()
        job = tiny.build("bert", tmp_path / str(number))
        torch.random.set_rng_state(before)
        outcomes.append(tiny.outcome(job, tiny.run(job)))
        assert torch.equal(before, torch.random.get_rng_state())
    assert outcomes[0] == outcomes[1]


def test_another_seed_gives_other_dropout(tiny: Any, tmp_path: Path) -> None:
    jobs = [tiny.build("gpt", tmp_path / str(seed), steps=2, seed=seed) for seed in (1, 2)]
    for job in jobs:
        tiny.run(job)
    assert not all(map(torch.equal, weights(jobs[0]), weights(jobs[1])))


def test_every_micro_batch_of_every_step_has_dropout_of_its_own(tiny: Any, tmp_path: Path) -> None:
    seeds = []

    def objective(model: Any, given: Any, step: Any = None) -> Loss:
        seeds.append(torch.initial_seed())
        return tiny.OBJECTIVES["gpt"](model, given, step)

    changes = {"batches": lambda step: [tiny.batch(step)] * 2, "validate": lambda: {"valid_loss": 0.0}}
    tiny.run(tiny.build("gpt", tmp_path, steps=3, objective=objective, **changes))
    assert len(set(seeds)) == len(seeds) == 6


def test_bfloat16_trains_weights_that_stay_in_float32(tiny: Any, tmp_path: Path) -> None:
    jobs = [
        tiny.build("bert", tmp_path / precision, precision=precision) for precision in ("float32", "bfloat16")
    ]
    losses = []
    for job in jobs:
        tiny.run(job)
        losses.append(records(job.folder)[0]["loss"])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert all(weight.dtype == torch.float32 for weight in jobs[1].module.parameters())


class Spoiled:
    """An objective that goes wrong at one step, in its value or in its gradient alone."""

    def __init__(self, objective: Any, step: int, how: str) -> None:
        self.objective, self.step, self.how, self.count = objective, step, how, 0

    def __call__(self, model: Any, batch: Any, step: Any = None) -> Loss:
        loss = self.objective(model, batch, step)
        if model.training:
            self.count += 1
        if not model.training or self.count != self.step:
            return loss
        if self.how == "gradient":
            tiny_D = model.token_embedding.weight[0] * 0
            return replace(
                loss, total=loss.total + (tiny_D.abs().sqrt()).sum()
            )  # 0, with a slope of infinity
        if self.how == "value":
            return replace(loss, total=loss.total + float("inf"))  # whose gradient is as ever
        return replace(loss, total=loss.total * float(self.how))


@pytest.mark.parametrize("how", ["nan", "inf", "value", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_before_the_update(
    how: str, tiny: Any, tmp_path: Path
) -> None:
    whole = tiny.build("gpt", tmp_path / "whole")
    wanted = tiny.outcome(whole, tiny.run(whole))
    job = tiny.build("gpt", tmp_path / "spoiled", objective=Spoiled(tiny.OBJECTIVES["gpt"], 8, how))
    before = []
    job.optimizer.register_step_post_hook(lambda *_: before.append(weights(job)))
    with pytest.raises(DivergedError, match="step 8 has a loss of") as error:
        tiny.run(job)
    assert error.value.exit_code == 6
    assert len(before) == 7
    assert all(map(torch.equal, before[-1], weights(job)))
    assert records(job.folder)[-1]["step"] == 7
    for checkpoint in (job.folder / "checkpoints").iterdir():
        storage.verify_folder(checkpoint)
    # Whoever mends the cause goes on from the last checkpoint, as if nothing had been.
    mended = tiny.build("gpt", job.folder)
    assert tiny.outcome(mended, tiny.run(mended)) == wanted


def spoiled(tiny: Any, folder: Path, steps: set[int], **changes: Any) -> Any:
    """Return a job whose loss is not finite at some steps, counted from 1, whenever they are taken."""
    now = [0]

    def batches(step: int) -> list[Any]:
        now[0] = step + 1
        return [tiny.batch(step)]

    def objective(model: Any, batch: Any, step: Any = None) -> Loss:
        loss: Loss = tiny.OBJECTIVES["gpt"](model, batch, step)
        is_wrong = model.training and now[0] in steps
        return replace(loss, total=loss.total * math.nan) if is_wrong else loss

    return tiny.build("gpt", folder, batches=batches, objective=objective, **changes)


class Weights(Silent):
    """Keeps the weights after each step."""

    def __init__(self, job: Any) -> None:
        self.job, self.after, self.said = job, list[list[torch.Tensor]](), list[str]()

    def advance(self, done: int, **shown: float | str) -> None:
        self.after.append(weights(self.job))

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.mark.parametrize(("policy", "lost", "like"), [("skip", 1, 7), ("roll_back", 2, 6)])
def test_a_step_that_is_not_finite_is_left_out_and_counted(
    policy: str, lost: int, like: int, tiny: Any, tmp_path: Path
) -> None:
    """A roll back goes to step 6, the last one with a regular checkpoint."""
    job = spoiled(tiny, tmp_path, {8}, non_finite=policy)
    seen = Weights(job)
    spent = tiny.run(job, progress=seen)
    assert (spent["step"], spent["non_finite_steps"], spent["lost_steps"]) == (12, 1, lost)
    assert all(map(torch.equal, seen.after[7], seen.after[like - 1]))
    assert not all(map(torch.equal, seen.after[8], seen.after[7]))
    assert all(math.isfinite(line.get("loss", 0)) for line in records(tmp_path))
    assert [line["lost"] for line in records(tmp_path) if line["step"] == 8] == [lost]
    (said,) = seen.said
    assert said == f"gpt: step 8 has a loss of nan and a gradient of norm nan: {lost} of 8 updates left out"
    (event,) = [json.loads(line) for line in (tmp_path / EVENTS).read_text().splitlines()]
    assert (event["event"], event["step"], event["lost"]) == ("not finite", 8, lost)


@pytest.mark.parametrize("policy", ["skip", "roll_back"])
@pytest.mark.parametrize("wrong", [{1}, {8}, {12}])
def test_left_out_steps_are_the_same_in_a_run_that_was_stopped(
    wrong: set[int], policy: str, tiny: Any, tmp_path: Path
) -> None:
    straight = spoiled(tiny, tmp_path / "straight", wrong, non_finite=policy)
    wanted = tiny.outcome(straight, tiny.run(straight))
    for step in (1, 4, 5, 7, 8, 9, 10):
        job = spoiled(tiny, tmp_path / "stopped", wrong, non_finite=policy)
        stop = Stop()

        def batches(number: int, job: Any = job, stop: Stop = stop, last: int = step) -> Any:
            stop.asked = stop.asked or number + 1 == last
            return job.batches(number)

        with pytest.raises(StoppedError):
            tiny.run(replace(job, batches=batches), stop)
    job = spoiled(tiny, tmp_path / "stopped", wrong, non_finite=policy)
    assert tiny.outcome(job, tiny.run(job)) == wanted


@pytest.mark.parametrize(
    ("policy", "wrong", "said"),
    [
        ("skip", {3, 5}, "step 5 has .*, and so had 1 before"),
        ("roll_back", {2, 4, 6, 8}, "step 8 has .*, and so had 3 before"),
    ],
)
def test_too_many_steps_that_are_not_finite_stop_the_run(
    policy: str, wrong: set[int], said: str, tiny: Any, tmp_path: Path
) -> None:
    with pytest.raises(DivergedError, match=said):
        tiny.run(spoiled(tiny, tmp_path, wrong, non_finite=policy))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_validation_that_is_not_finite_is_no_best_one(value: float, tiny: Any, tmp_path: Path) -> None:
    job = tiny.build("gpt", tmp_path, validate=lambda: {"valid_loss": value})
    with pytest.raises(DivergedError, match="step 5 valid_loss is"):
        tiny.run(job)
    assert not (tmp_path / "best.safetensors").exists()


def test_checkpoints_of_another_model_are_refused(tiny: Any, tmp_path: Path) -> None:
    tiny.run(tiny.build("gpt", tmp_path))
    with pytest.raises(ModelError, match=r"missing|unknown"):
        tiny.run(tiny.build("bert", tmp_path))


@pytest.mark.parametrize("name", FAMILIES)
def test_evaluation_is_the_mean_over_targets_and_leaves_no_trace(
    name: str, tiny: Any, tmp_path: Path
) -> None:
    job = tiny.build(name, tmp_path)
    batches = [tiny.batch(number, count=count) for number, count in enumerate((3, 9))]
    job.module.train()
    before = weights(job)
    found = evaluate(job, batches)
    assert job.module.training
    assert all(map(torch.equal, before, weights(job)))
    assert all(weight.grad is None for weight in job.module.parameters())
    job.module.eval()
    losses = [job.objective(job.module, given) for given in batches]
    counts = [given.counts() for given in batches]
    parts = {"causal_lm": "next_tokens", "masked_lm": "masked"}  # others are means over rows
    for part in losses[0].parts:
        targets = [each[parts.get(part, "rows")] for each in counts]
        values = [loss.parts[part].item() for loss in losses]
        assert found[f"valid_{part}"] == pytest.approx(np.average(values, weights=targets), abs=1e-6)
    in_loss = [f"valid_{part}" for part in losses[0].parts if not part.endswith("accuracy")]
    assert found["valid_loss"] == pytest.approx(sum(found[part] for part in in_loss), abs=1e-6)
    assert set(found) == {"valid_loss", *(f"valid_{part}" for part in losses[0].parts)}


def test_the_steps_that_are_timed_are_those_of_training_and_write_nothing(tiny: Any, tmp_path: Path) -> None:
    trained, timed = tiny.build("bert", tmp_path / "a", steps=6), tiny.build("bert", tmp_path / "b", steps=6)
    tiny.run(replace(trained, validate=lambda: {"valid_loss": 0.0}, validate_every=6))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    times_s = timed_steps(timed, least=1, enough_s=1e9)
    assert len(times_s) == 6 and min(times_s) > 0
    assert all(torch.equal(a, b) for a, b in zip(weights(trained), weights(timed), strict=True))
    assert torch.equal(before, torch.get_rng_state())
    assert not (tmp_path / "b").exists()


def test_few_steps_are_timed_where_they_take_long(tiny: Any, tmp_path: Path) -> None:
    assert len(timed_steps(tiny.build("gpt", tmp_path), least=4, enough_s=0)) == 4
