"""What the evidence of a comparison does not support: said beside every verdict."""

from collections.abc import Mapping, Sequence

from twinlm.evidence.records import DoctorResult
from twinlm.evidence.results import ArmScore, Comparison, Cost, TaskResult
from twinlm.report.numbers import duration, listed, percent, signed_percent, times, title

_FEW_EXAMPLES = 300
_FEW_SEEDS = 3
_SMALL_PARAMETERS = 50e6
_MOST_UNKNOWN = 0.01
_PLAN_ERROR = 0.2
_TIMED = ("seconds", "money")


def caveats(
    tasks: Sequence[TaskResult],
    costs: Sequence[Cost],
    matched_by: str,
    *,
    families: Mapping[str, str],
    unknown_shares: Mapping[str, float],
    starts: Mapping[str, str],
    lost_steps: Mapping[str, int],
    lost_tuning_steps: Mapping[str, Mapping[str, int]],
    pretraining_seeds: int = 1,
    doctor: DoctorResult | None = None,
    remarks: Sequence[str] = (),
) -> list[str]:
    """Return what the evidence does not support, for these results.

    Args:
        tasks: what was found for each task.
        costs: of each pre-training, those of the families among them.
        matched_by: as `Results.matched_by`.
        families: as `Results.families`.
        unknown_shares: share of the tokens that each family's tokenizer could not spell.
        starts: the model that a family's pre-training went on from, of those that did.
        lost_steps: updates of each pre-training, by its label, that were left out, as a loss was not finite.
        lost_tuning_steps: the same of fine-tunings, by task and the arm's label.
        pretraining_seeds: as `Results.pretraining_seeds`.
        doctor: as `Results.doctor`.
        remarks: on pre-trainings that fell short.
    """
    found = [
        f"The data doctor found a problem, {item.where}: {item.message}. Figures may mean less than they say."
        for item in (doctor.findings if doctor else [])
        if item.level == "problem"
    ]
    found += remarks
    if pretraining_seeds == 1:
        found.append(
            "Each model was pre-trained once. Another pre-training seed would move the scores, and no "
            "interval here contains that."
        )
    found += [
        f"{families[name]} went on from {start}, which had learned before, from other text and with a "
        "budget of its own: what both were given here is not all that it has."
        for name, start in starts.items()
    ]
    found += [
        f"{label} was pre-trained without {count:,} of its updates, as a loss or gradient was not finite: it "
        "had less than its budget."
        for label, count in lost_steps.items()
        if count
    ]
    found += [
        f"{title(task)}: {label} was fine-tuned without {count:,} of its updates, all seeds together, as a "
        "loss or gradient was not finite: it had fewer steps than the others."
        for task, arms in lost_tuning_steps.items()
        for label, count in arms.items()
        if count
    ]
    found += _import_caveats(tasks)
    found += [text for task in tasks for text in _task_caveats(task)]
    found += _claim_caveats([item for task in tasks for item in task.comparisons])
    found += _cost_caveats([cost for cost in costs if cost.name in families], matched_by, families)
    found += _plan_caveats(costs, matched_by)
    found += [
        f"{percent(share)} of the tokens are unknown to {families[name]}'s tokenizer, which hides text from "
        "the model: raise tokenizer.vocab_size, or take byte-level BPE, which spells everything."
        for name, share in unknown_shares.items()
        if share > _MOST_UNKNOWN
    ]
    if len(costs) > 1:
        found.append(
            "The losses of pre-training are not comparable between the families: one predicts each token "
            "from those before it, the other hidden tokens from both sides."
        )
    return found


def _import_caveats(tasks: Sequence[TaskResult]) -> list[str]:
    """Say of models from elsewhere that nothing was matched for them."""
    labels = list(dict.fromkeys(score.label for task in tasks for score in task.scores if score.is_imported))
    return [
        f"{label} was pre-trained elsewhere, on other data and with another budget; it may have seen the "
        "test texts. Its lead or lag says nothing about its kind of model."
        for label in labels
    ]


def _claim_caveats(comparisons: Sequence[Comparison]) -> list[str]:
    """Say how many claims there are, and for which number their p values are adjusted."""
    most = max((item.claims for item in comparisons), default=1)
    if len(comparisons) < 2:
        return []
    made = f"{len(comparisons)} comparisons were made"
    if most == 1:
        return [
            f"{made}, each with a chance of at most 5 % to see a difference where there is none; they are "
            "not corrected for their number."
        ]
    return [
        f"{made}. Where the same is asked on several tasks (up to {most}), its p values are adjusted for "
        "them (Holm): the chance to see a difference on any of them where there is none is at most 5 %. "
        "They are not adjusted for how many such questions there are."
    ]


def _task_caveats(task: TaskResult) -> list[str]:
    found = []
    seeds = max((len(score.score_by_seed) for score in task.scores), default=0)
    if seeds == 1:
        found.append(
            f"{title(task.name)}: with one fine-tuning seed, the intervals hold the chance of the test "
            "examples only, not that of training."
        )
    elif seeds < _FEW_SEEDS:
        found.append(
            f"{title(task.name)}: {seeds} fine-tuning seeds show little of how much training varies."
        )
    if task.test_examples < _FEW_EXAMPLES:
        found.append(f"{title(task.name)}: {task.test_examples} test examples show only large differences.")
    if failed := [f"{score.label} with {_failed(score)}" for score in task.scores if score.failed_seeds]:
        found.append(
            f"{title(task.name)}: some models failed, that is give one answer to every example: "
            f"{'; '.join(failed)}. This counts in their means."
        )
    return found


def _failed(score: ArmScore) -> str:
    if len(score.failed_seeds) == len(score.score_by_seed) > 1:
        return "every seed"
    return f"seed {listed(score.failed_seeds)}"


def _cost_caveats(costs: Sequence[Cost], matched_by: str, families: Mapping[str, str]) -> list[str]:
    found = []
    if costs and max(cost.parameters for cost in costs) < _SMALL_PARAMETERS:
        millions = listed([f"{cost.parameters / 1e6:.1f}" for cost in costs])
        tokens = listed([f"{cost.tokens / 1e6:.1f}" for cost in costs])
        found.append(
            f"The models are small ({millions} million parameters) and read little ({tokens} million "
            "tokens). Those of the papers have about 110 million and read billions: what holds here "
            "need not hold there."
        )
    if len(costs) == 2:
        first, second = costs
        axes = [
            ("tokens", "tokens", first.tokens, second.tokens),
            ("FLOPs", "floating point operations", first.flops, second.flops),
            ("seconds", "seconds", first.seconds, second.seconds),
            ("targets", "predictions to learn from", first.targets, second.targets),
        ]
        uneven: dict[str, list[str]] = {}
        for axis, name, a, b in axes:
            if axis != matched_by and min(a, b) > 0 and max(a, b) / min(a, b) >= 1.1:
                label = families[(first if a > b else second).family]
                uneven.setdefault(label, []).append(f"{times(max(a, b) / min(a, b))} times as many {name}")
        if uneven:
            more = "; ".join(f"{label} took {listed(parts)}" for label, parts in uneven.items())
            found.append(f"The budgets are equal in {matched_by} only: {more}.")
    return found


def _plan_caveats(costs: Sequence[Cost], matched_by: str) -> list[str]:
    """Say where the time that was planned was not the time that was taken."""
    wrong = [cost for cost in costs if abs(cost.plan_error) > _PLAN_ERROR]
    if not wrong:
        return []
    named = listed(
        [
            f"{duration(cost.planned_seconds)} for {cost.label}, which took {duration(cost.seconds)} "
            f"({signed_percent(cost.plan_error)})"
            for cost in wrong
        ]
    )
    follows = "tokens and operations are as planned, but the times of this run are not to be relied on."
    if matched_by in _TIMED:
        follows = f"as it fixed the steps, the models did not get the same {matched_by}."
    return [
        f"The plan was wrong about the time of training by more than {percent(_PLAN_ERROR)}: it said "
        f"{named}. Other work on the machine, during the plan or during training, does that: {follows}"
    ]
