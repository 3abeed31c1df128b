"""What the numbers say, in plain words, and what they don't say.

A winner is named only where `statistics.compare` names one. There is no winner over all uses: tasks are
judged one by one, and what pre-training measures in one family is never set against another's.
"""

from collections.abc import Mapping, Sequence

from twinlm.compare.pair_sentences import doubt, ends, of_two
from twinlm.compare.readable import figure, listed, percent, points, times
from twinlm.compare.results import ArmScore, Comparison, Cost, TaskResult

_FEW_EXAMPLES = 300
_FEW_SEEDS = 3
_SMALL_PARAMETERS = 50e6
_MOST_UNKNOWN = 0.01


def pairs_to_compare(scores: Sequence[ArmScore]) -> list[tuple[str, str]]:
    """Return which arms to compare, as (first, second), in the order in which `TaskResult` holds them.

    First the pre-trained arms with one another, the better one first, so that its lead is a positive number;
    those made here, under equal budgets, before all pairs with an imported one. Then each that was
    pre-trained here against its twin without pre-training, then each against the baseline that did best.
    """
    pretrained = [score for score in scores if score.is_pretrained]
    ranked = sorted(pretrained, key=lambda score: -score.score.estimate)
    meetings = [(a, b) for place, a in enumerate(ranked) for b in ranked[place + 1 :]]
    meetings.sort(key=lambda meeting: any(score.is_imported for score in meeting))
    pairs = [(a.arm, b.arm) for a, b in meetings]
    for score in pretrained:
        twins = [twin for twin in scores if twin.family == score.family and not twin.is_pretrained]
        pairs += [(score.arm, twin.arm) for twin in twins if not score.is_imported]
    baselines = [score for score in scores if not score.family]
    if baselines:
        best = max(baselines, key=lambda score: score.score.estimate)
        pairs += [(score.arm, best.arm) for score in pretrained]
    return pairs


def task_verdict(
    name: str, scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str
) -> str:
    """Return the verdict on one task: which model does better, and whether a baseline does as well."""
    parts = (_pair_sentences, _baseline_sentences)
    sentences = [text for part in parts for text in part(scores, comparisons, metric)]
    return f"{_title(name)}: " + " ".join(sentences)


def sentences(tasks: Sequence[TaskResult]) -> list[str]:
    """Return the answer to the whole comparison, most important first, one sentence or two an item."""
    found = []
    for part in (_pair_sentences, _baseline_sentences, _worth_sentences):
        for task in tasks:
            said = part(task.scores, task.comparisons, task.metric)
            found += [f"{_title(task.name)}: {text}" for text in said]
    return found or ["No labelled task was given: there is nothing to compare the models on."]


def caveats(
    tasks: Sequence[TaskResult],
    costs: Sequence[Cost],
    matched_by: str,
    *,
    families: Mapping[str, str],
    unknown_shares: Mapping[str, float],
    starts: Mapping[str, str],
    pretraining_seeds: int = 1,
) -> list[str]:
    """Return what the evidence does not support, for these results.

    Args:
        tasks: what was found for each task.
        costs: of pre-training each family.
        matched_by: as `Results.matched_by`.
        families: as `Results.families`.
        unknown_shares: share of the tokens that each family's tokenizer could not spell.
        starts: the model that a family's pre-training went on from, of those that did.
        pretraining_seeds: as `Results.pretraining_seeds`.
    """
    found = []
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
    found += _import_caveats(tasks)
    found += [text for task in tasks for text in _task_caveats(task)]
    found += _claim_caveats([item for task in tasks for item in task.comparisons])
    found += _cost_caveats(costs, matched_by, families)
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


def _pair_sentences(scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str) -> list[str]:
    """Say for each two pre-trained arms which one is better, if that can be said."""
    arms = {score.arm: score for score in scores}
    found = []
    for comparison in comparisons:
        first, second = arms[comparison.first], arms[comparison.second]
        if first.is_pretrained and second.is_pretrained:
            found += of_two(comparison, first, second, metric)
    return found


def _worth_sentences(scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str) -> list[str]:
    """Say what pre-training was worth to each family."""
    arms = {score.arm: score for score in scores}
    shown, not_shown = [], []
    for comparison in comparisons:
        first, second = arms[comparison.first], arms[comparison.second]
        if first.family == second.family and first.is_pretrained and not second.is_pretrained:
            gain = points(comparison.difference.estimate, signed=True)
            if comparison.winner:
                shown.append(f"{gain} points ({ends(comparison)}) to {first.label}")
            else:
                not_shown.append(f"{first.label} ({gain}; {doubt(comparison)})")
    found = [f"Pre-training was worth {listed(shown)}."] if shown else []
    return found + ([f"No effect of pre-training is shown for {listed(not_shown)}."] if not_shown else [])


def _baseline_sentences(
    scores: Sequence[ArmScore], comparisons: Sequence[Comparison], metric: str
) -> list[str]:
    """Say plainly which models beat the best baseline, and that none does if none does."""
    arms = {score.arm: score for score in scores}
    against = [comparison for comparison in comparisons if not arms[comparison.second].family]
    if not against:
        return []
    baseline = arms[against[0].second]
    phrases = []
    for comparison in against:
        label, by = arms[comparison.first].label, points(abs(comparison.difference.estimate))
        if comparison.winner == comparison.first:
            phrases.append(f"{label} is ahead of it by {by} points ({ends(comparison)})")
        elif comparison.winner:
            phrases.append(f"{label} is behind it by {by} points ({ends(comparison, positive=True)})")
        else:
            signed = points(comparison.difference.estimate, signed=True)
            phrases.append(f"{label} cannot be told from it ({signed}; {doubt(comparison)})")
    winners = [arms[item.first].label for item in against if item.winner == item.first]
    losers = [arms[item.first].label for item in against if item.winner != item.first]
    which = f"{baseline.label}, which {_reach(baseline.score.estimate, metric)}"
    if not winners:
        head = f"Neither {listed(losers, 'nor')} beats" if len(losers) == 2 else f"{losers[0]} does not beat"
        head = f"None of {listed(losers)} beats" if len(losers) > 2 else head
    elif losers:
        beats, does = "beats" if len(winners) == 1 else "beat", "does" if len(losers) == 1 else "do"
        head = f"{listed(winners)} {beats}, and {listed(losers)} {does} not beat,"
    else:
        head = f"{listed(winners)} beats" if len(winners) == 1 else f"{listed(winners)} beat"
        head = f"Both {head}" if len(winners) == 2 else head
    return [f"{head} {which}: {listed(phrases)}."]


def _reach(share: float, metric: str) -> str:
    if metric == "accuracy":
        return f"is right on {percent(share)} of the test examples"
    return f"reaches a{'n' * (metric[0] in 'aeiou')} {metric} of {figure(share, metric)}"


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
            f"{_title(task.name)}: with one fine-tuning seed, the intervals hold the chance of the test "
            "examples only, not that of training."
        )
    elif seeds < _FEW_SEEDS:
        found.append(
            f"{_title(task.name)}: {seeds} fine-tuning seeds show little of how much training varies."
        )
    if task.test_examples < _FEW_EXAMPLES:
        found.append(f"{_title(task.name)}: {task.test_examples} test examples show only large differences.")
    for score in task.scores:
        if score.failed_seeds:
            named = listed(score.failed_seeds)
            found.append(
                f"{_title(task.name)}: {score.label} failed with seed {named} (one answer to every example); "
                "the failure counts in its mean."
            )
    return found


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


def _title(name: str) -> str:
    """A name with a capital, unless its author chose capitals."""
    return name[:1].upper() + name[1:] if name.islower() else name
