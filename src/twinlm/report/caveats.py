"""What the evidence of a comparison does not support: written beside every verdict."""

from collections.abc import Mapping, Sequence

from twinlm.evidence.records import Comparison
from twinlm.evidence.results import ArmScore, Cost, DoctorResult, TaskResult
from twinlm.report.numbers import (
    counted,
    difference,
    duration,
    figure,
    listed,
    percent,
    signed_percent,
    times,
    title,
    whole_percent,
)
from twinlm.report.two_arms import lead
from twinlm.settings import FinetuneSettings

_FEW_EXAMPLES = 300
_FEW_SEEDS = 3
_SMALL_PARAMETERS = 50e6
_MOST_UNKNOWN = 0.01
_PLAN_ERROR = 0.2
_TIMED = ("seconds", "money")
_UNEVEN = 1.1
_ONE_PRETRAINING = (
    "Each model was pre-trained once. The intervals do not include the variation between pre-training seeds."
)
WORSE_TUNED = "Fine-tuning fell short"
"""Beginning of the sentence that says that a linear model on frozen states is better."""
_INCOMPARABLE = (
    "Pre-training losses are not comparable between the families: one predicts each token from those before "
    "it, the other predicts hidden tokens from both sides."
)


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
    tunings: Mapping[str, FinetuneSettings] = {},
) -> list[str]:
    """Return what the evidence does not support, given results and what happened in training.

    `unknown_shares` are those of the tokens that a family's tokenizer cannot spell, `starts` the models whose
    pre-training a family continued, `lost_steps` numbers of skipped updates by label (in fine-tuning by task
    and label), `remarks` sentences on pre-trainings that fell short, `tunings` the settings of each arm.
    """
    problems = [item for item in (doctor.findings if doctor else []) if item.level == "problem"]
    return [
        *(
            f"The data doctor found a problem, {item.where}: {item.message}. Scores may mean less than they "
            "say."
            for item in problems
        ),
        *remarks,
        *(text for task in tasks for text in _behind_frozen(task, tunings)),
        *[_ONE_PRETRAINING] * (pretraining_seeds == 1),
        *(
            f"{families[name]} continued the pre-training of {start}, which had learned from other text with "
            "its own budget. The matched budget covers only part of its training."
            for name, start in starts.items()
        ),
        *_skipped(lost_steps, lost_tuning_steps),
        *_import_caveats(tasks),
        *(text for task in tasks for text in _task_caveats(task)),
        *_claim_caveats([item for task in tasks for item in task.comparisons]),
        *_cost_caveats([cost for cost in costs if cost.name in families], matched_by, families),
        *_plan_caveats(costs, matched_by),
        *(
            f"{percent(share)} of the tokens are unknown to {families[name]}'s tokenizer, so the model never "
            "sees that text: raise tokenizer.vocab_size, or use byte-level BPE, which can spell everything."
            for name, share in unknown_shares.items()
            if share > _MOST_UNKNOWN
        ),
        *[_INCOMPARABLE] * (len(costs) > 1),
    ]


def _behind_frozen(task: TaskResult, tunings: Mapping[str, FinetuneSettings]) -> list[str]:
    """Say which arms are behind a linear model on the states that they started from, and what may help."""
    labels = {score.arm: score.label for score in task.scores}
    sentences = []
    for body in task.frozen:
        # A figure of 0 / 0 counts as 0 in a difference, which then shows nothing.
        behind = [gap for gap in body.gaps if gap.difference.high < 0 and body.has_figure(task.metric)]
        for gap in behind:
            by = lead(gap.difference, task.metric, counted(task.test_examples, "test example"))
            sentences.append(
                f"{WORSE_TUNED} on {task.name}: {labels[gap.arm]} is {by} behind a linear model on its own "
                f"frozen states ({figure(body.score.estimate, task.metric)})"
                + (f"; try {_remedy(task, tunings[gap.arm])}." if gap.arm in tunings else ".")
            )
    return sentences


def _remedy(task: TaskResult, tuning: FinetuneSettings) -> str:
    """Return what a fine-tuning has not tried yet."""
    lacking = ['finetune.head_start = "probe"'] * (tuning.head_start != "probe")
    lacking += ['finetune.summary = "mean"'] * (tuning.summary != "mean" and task.kind != "tagging")
    strong = ' (recipe = "strong" sets both)' * (len(lacking) > 1)
    first = " with ".join(lacking) + strong if lacking else "another finetune.optimizer.learning_rate"
    return f"{first}, or more than {counted(tuning.epochs, 'epoch')}"


def _skipped(lost_steps: Mapping[str, int], lost_tuning_steps: Mapping[str, Mapping[str, int]]) -> list[str]:
    before = [
        f"{label} skipped {count:,} updates in pre-training because a loss or gradient was not finite: it "
        "got less than its budget."
        for label, count in lost_steps.items()
        if count
    ]
    return before + [
        f"{title(task)}: {label} skipped {count:,} updates in fine-tuning, over all seeds, because a loss or "
        "gradient was not finite: it had fewer steps than the others."
        for task, arms in lost_tuning_steps.items()
        for label, count in arms.items()
        if count
    ]


def _import_caveats(tasks: Sequence[TaskResult]) -> list[str]:
    """Say of imported models that nothing was matched for them."""
    labels = dict.fromkeys(score.label for task in tasks for score in task.scores if score.is_imported)
    return [
        f"{label} was pre-trained elsewhere, with data and a budget of its own, and may have seen the "
        "test texts. Its lead or lag says nothing about its kind of model."
        for label in labels
    ]


def _claim_caveats(comparisons: Sequence[Comparison]) -> list[str]:
    """Say how many claims there are, and for which number their p values are adjusted."""
    most = max((item.claims for item in comparisons), default=1)
    if len(comparisons) < 2:
        return []
    head = f"{len(comparisons)} comparisons were made"
    if most == 1:
        return [
            f"{head}, each with a chance of at most 5 % to find a difference where there is none. They are "
            "not corrected for their number."
        ]
    return [
        f"{head}. Where several tasks ask the same question (up to {most}), its p values are adjusted for "
        "them (Holm): the chance to find a difference on any of them where there is none is at most 5 %. "
        "They are not adjusted for the number of such questions."
    ]


def _task_caveats(task: TaskResult) -> list[str]:
    texts = []
    draws, noun = _draws(task)
    if draws == 1:
        texts.append("with one fine-tuning seed, the intervals do not include the variation between seeds.")
    elif draws < _FEW_SEEDS:
        texts.append(f"{draws} {noun}s show little of how much training varies.")
    if task.test_examples < _FEW_EXAMPLES:
        # The widest one: arms that give the same answers have a narrow interval.
        widths = [item.difference.high - item.difference.low for item in task.comparisons]
        most = (
            f": differences of up to {difference(max(widths) / 2, task.metric)} can be chance"
            if widths
            else ""
        )
        texts.append(f"{task.test_examples} test examples are few{most}.")
    if failed := [f"{score.label} with {_failed(score)}" for score in task.scores if score.failed_seeds]:
        texts.append(
            f"some models failed, that is, they give one answer to every example: {'; '.join(failed)}. "
            "Their scores count in the means."
        )
    return [f"{title(task.name)}: {text}" for text in texts]


def _draws(task: TaskResult) -> tuple[int, str]:
    """Return the most independent trainings of an arm, and what they are: seeds are "1", or "0/1" below 0."""
    runs = max((list(score.score_by_seed) for score in task.scores), key=len, default=[])
    pretrainings = {run.partition("/")[0] for run in runs if "/" in run}
    return (len(pretrainings), "pre-training") if pretrainings else (len(runs), "fine-tuning seed")


def _failed(score: ArmScore) -> str:
    if len(score.failed_seeds) == len(score.score_by_seed) > 1:
        return "every seed"
    return f"seed {listed(score.failed_seeds)}"


def _cost_caveats(costs: Sequence[Cost], matched_by: str, families: Mapping[str, str]) -> list[str]:
    texts = []
    if costs and max(cost.parameters for cost in costs) < _SMALL_PARAMETERS:
        parameters, tokens = (
            _in_one_unit([getattr(cost, name) for cost in costs]) for name in ("parameters", "tokens")
        )
        texts.append(
            f"The models are small ({parameters} parameters) and read little ({tokens} tokens). Those of the "
            "papers have about 110 million parameters and read billions of tokens: these results need not "
            "hold there."
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
            if axis != matched_by and min(a, b) > 0 and max(a, b) / min(a, b) >= _UNEVEN:
                label = families[(first if a > b else second).family]
                uneven.setdefault(label, []).append(f"{times(max(a, b) / min(a, b))} times as many {name}")
        more = "; ".join(f"{label} used {listed(parts)}" for label, parts in uneven.items())
        texts += [f"The budgets are equal in {matched_by} only: {more}."] * bool(uneven)
    return texts


def _in_one_unit(numbers: Sequence[float]) -> str:
    """Return "5.0 and 5.2 million", or in thousands where the smallest is below a million."""
    units = ((1e6, " million", 1), (1e3, " thousand", 1), (1, "", 0))
    size, unit, digits = next(row for row in units if min(numbers) >= row[0] or row[0] == 1)
    return listed([f"{number / size:,.{digits}f}" for number in numbers]) + unit


def _plan_caveats(costs: Sequence[Cost], matched_by: str) -> list[str]:
    """Say where training did not take the planned time."""
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
    follows = "tokens and operations are as planned, but do not rely on the times of this run."
    if matched_by in _TIMED:
        follows = f"as the plan fixed the steps, the models did not get the same {matched_by}."
    return [
        f"The planned training time was wrong by more than {whole_percent(_PLAN_ERROR)}: {named}. Other work "
        f"on the machine, during planning or training, causes this: {follows}"
    ]
