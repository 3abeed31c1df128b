"""A comparison such as the demo's, made up, but with the real statistics: all that a report shows."""

from types import SimpleNamespace

import numpy as np
from scipy import stats

from twinlm.comparison.stages.language_results import ALL_PAIRS, cloze_result, phenomenon
from twinlm.comparison.stages.records import GapChoices
from twinlm.evaluate.timings import ServingCost, Timing, spread
from twinlm.evidence import intervals, multiple_testing
from twinlm.evidence.outcomes import Outcomes
from twinlm.evidence.records import (
    Crossing,
    FigureGroup,
    Interval,
    Ledger,
    PairsResult,
    QualityFigure,
    QualityResult,
    RateTried,
    ScoreCurve,
    ScorePoint,
)
from twinlm.evidence.results import (
    ArmCost,
    ArmScore,
    Cost,
    Curve,
    CurvePoint,
    DoctorFinding,
    DoctorResult,
    LanguageResult,
    Results,
    TaskResult,
)
from twinlm.evidence.scores import failed_seeds, pairs_to_compare
from twinlm.report import caveats, verdict
from twinlm.rng import stream
from twinlm.tasks import metrics
from twinlm.tasks.kind import Metric

TOPICS = [
    "Arts",
    "Biology and health sciences",
    "Everyday life",
    "Geography",
    "History",
    "Mathematics",
    "People",
    "Philosophy and religion",
    "Physical sciences",
    "Society and social sciences",
    "Technology",
]
ARMS = [
    ("gpt", "GPT", "gpt", True),
    ("bert", "BERT", "bert", True),
    ("gpt-scratch", "GPT without pre-training", "gpt", False),
    ("bert-scratch", "BERT without pre-training", "bert", False),
    ("tfidf-logistic-regression", "TF-IDF + logistic regression", "", False),
    ("majority", "most frequent class", "", False),
]
CONTINUATIONS = [
    {
        "prompt": "The piano is a keyboard instrument that",
        "continuation": " was used in the 18th century by <script>alert('x')</script> composers & players. It"
        " is the most common of the instruments, and the strings of the first of them were made of gut.",
        "original": " produces sound when its keys are depressed, activating an action mechanism.",
    },
    {
        "prompt": "Copenhagen is the capital and most",
        "continuation": " populous city of the country, with a population of 1.2 million people.",
        "original": " populous city of Denmark, with a population of 1.4 million in the urban area.",
    },
]
FILLS = [
    {
        "masked": "The piano is a [MASK] instrument that produces [MASK] when its keys are pressed.",
        "filled": "The piano is a [musical] instrument that produces [sound] when its keys are pressed.",
        "original": "The piano is a keyboard instrument that produces sound when its keys are pressed.",
    },
    {
        "masked": "Copenhagen is the [MASK] and most populous city of <b>[MASK]</b>.",
        "filled": "Copenhagen is the [largest] and most populous city of <b>[Denmark]</b>.",
        "original": "Copenhagen is the capital and most populous city of <b>Denmark</b>.",
    },
]
FAMILIES = {"gpt": "GPT", "bert": "BERT"}


def build():
    topic = _task("topic", TOPICS, examples=1461, skills=[0.755, 0.793, 0.61, 0.58, 0.772, 0.18])
    tone = _task(
        "tone <script>alert(1)</script>",
        ["positive", "negative"],
        examples=240,
        skills=[0.71, 0.72, 0.66, 0.64, 0.74, 0.52],
        failed_seed=2,
    )
    topic, tone = verdict.with_verdicts(multiple_testing.adjusted([topic, tone]))
    costs = [_cost("gpt", 1.0, 1.0), _cost("bert", 0.86, 0.15)]
    return Results(
        title="GPT and BERT on 10,033 articles",
        verdict=verdict.sentences([topic, tone]),
        caveats=caveats.caveats(
            [topic, tone],
            costs,
            "tokens",
            families=FAMILIES,
            unknown_shares={},
            starts={},
            lost_steps={},
            lost_tuning_steps={},
        ),
        families=FAMILIES,
        matched_by="tokens",
        pretraining_seeds=1,
        tasks=[topic, tone],
        curves=_score_curves(),
        ledger=_ledger(),
        language=_language(),
        quality=_quality(),
        costs=costs,
        cost_cards={topic.name: _cost_card(), tone.name: _cost_card()},
        price_per_hour=0.4,
        data={
            "documents": 10033,
            "training documents": 7023,
            "bytes of training text": 5_812_344,
            "share of real next sentences": 0.503,
            "tokenizer": "byte-level BPE, 8,000 tokens, shared",
        },
        doctor=DoctorResult(
            findings=[
                DoctorFinding(
                    level="problem",
                    where="task topic",
                    message="12 of 90 <b>test</b> texts stand in the corpus",
                    why="both models have read what they are tested on",
                    hint="take these texts out",
                ),
                DoctorFinding(level="warning", where="GPT", message="the text is small", why="", hint=""),
            ],
            notes=3,
        ),
        removed={"exact duplicates": 12, "empty documents": 3, "texts cut to 128 tokens": 208},
        attribution=["Wikipedia summaries, CC BY-SA 3.0, from https://en.wikipedia.org/"],
        settings_toml='title = "GPT and BERT <on> my text"\nseed = 0\n\n[budget]\nmatch = "tokens"\n',
        environment={
            "twinlm": "0.1.0",
            "Python": "3.12.4",
            "PyTorch": "2.13.0+cpu",
            "processor": "a processor with 2 cores",
            "threads": "2",
            "precision": "bfloat16 products, float32 sums",
        },
        fingerprints={"text": "3f" * 32, "tokenizer": "a0" * 32, "weights of gpt": "9c" * 32},
        command="twinlm compare demo.toml --out runs/demo",
    )


def _cost_card():
    """Of the four models; the twin without pre-training was not measured again."""
    serving = {"gpt": _serving(1.13), "bert": _serving(1.0)}
    return [
        ArmCost(
            arm=arm,
            label=label,
            pretraining_s=171.3 if is_pretrained else 0.0,
            pretraining_flops=1.21e14 if is_pretrained else 0.0,
            fine_tuning_s=30.2,
            fine_tuning_flops=1.9e12,
            fine_tuning_peak_bytes=1_324_000_000,
            serving=serving[family],
        )
        for arm, label, family, is_pretrained in ARMS
        if family
    ]


def _serving(factor):
    chance = stream(7, "serving")
    timings = []
    for batch, requests in ((1, 64), (32, 4)):
        rounds_s = (factor * batch**0.8 * requests * 1e-3 * (1 + 0.02 * chance.random(9))).tolist()
        each_s = [second / requests for second in rounds_s]
        timings.append(
            Timing(batch=batch, requests=requests, request_s=spread(each_s, 5, 95), rounds_s=rounds_s)
        )
    return ServingCost(
        timings=timings,
        flops=3.28e7,
        sequences=1.0,
        tokens=35.8,
        weight_bytes=3_752_000,
        peak_memory_bytes=360_000_000,
        others_share=0.021,
        threads=2,
        precision="float32",
        device="cpu",
    )


def _task(name, classes, *, examples, skills, failed_seed=None):
    random = stream(5, "example", name)
    shares_C = np.linspace(2.2, 0.6, len(classes)) / np.linspace(2.2, 0.6, len(classes)).sum()
    true_E = random.choice(len(classes), examples, p=shares_C)
    hard_E = random.normal(size=examples)
    correct, scores = {}, []
    for (arm, label, family, is_pretrained), skill in zip(ARMS, skills, strict=True):
        seeds = [1, 2, 3] if family else [0]
        predicted = {}
        for seed in seeds:
            ease_E = 0.9 * hard_E + random.normal(size=examples) * 0.44
            is_right_E = ease_E < np.quantile(ease_E, skill + random.normal() * 0.004 * bool(family))
            wrong_E = (true_E + random.geometric(0.5, examples)) % len(classes)
            predicted[seed] = np.where(is_right_E, true_E, wrong_E)
            if arm == "majority" or (arm == "bert-scratch" and seed == failed_seed):
                predicted[seed] = np.zeros(examples, int)
        correct[arm] = np.stack([predicted[seed] == true_E for seed in seeds])
        tables = [metrics.confusion(true_E, predicted[seed], len(classes)) for seed in seeds]
        scores.append(
            ArmScore(
                arm=arm,
                label=label,
                family=family,
                is_pretrained=is_pretrained,
                is_imported=False,
                score=intervals.mean_interval(correct[arm]),
                figures={
                    "accuracy": float(correct[arm].mean()),
                    "macro F1": float(np.mean([metrics.macro_f1(table) for table in tables])),
                },
                score_by_seed={str(s): float(correct[arm][i].mean()) for i, s in enumerate(seeds)}
                if family
                else {},
                f1_by_class=dict(zip(classes, metrics.f1_by_class(sum(tables)).tolist(), strict=True)),
                confusion=sum(tables).tolist(),
                failed_seeds=failed_seeds(
                    [*map(str, seeds)],
                    [row_E.tolist() for row_E in predicted.values()],
                    Metric(metrics.of_classes),
                )
                if family
                else [],
                seconds=91.4 if family else 7.9,
                chosen_epochs=dict.fromkeys(map(str, seeds), 3) if family else {},
            )
        )
    comparisons = [
        intervals.compare(first, correct[first], second, correct[second])
        for first, second in pairs_to_compare(scores)
    ]
    return TaskResult(
        name=name,
        kind="classification",
        metric="accuracy",
        classes=classes,
        train_examples=5 * examples,
        valid_examples=examples,
        test_examples=examples,
        scores=scores,
        comparisons=comparisons,
        verdict="",
    )


def _score_curves():
    labels = {arm: label for arm, label, _, _ in ARMS}
    curves = {
        "gpt": (0.31, 0.52, 0.755),
        "bert": (0.25, 0.55, 0.793),
        "tfidf-logistic-regression": (0.3, 0.6, 0.772),
    }
    points = [
        ScorePoint(
            arm=arm,
            label=labels[arm],
            x=x,
            tokens=6e6 * (arm in FAMILIES),
            score=Interval(estimate=y, low=y - 0.04, high=y + 0.04),
        )
        for arm, values in curves.items()
        for x, y in zip((30, 100, 300), values, strict=True)
    ]
    crossing = Crossing(first="gpt", second="bert", at=Interval(estimate=75.0, low=41.0, high=160.0))
    return [
        ScoreCurve(
            task="topic",
            metric="accuracy",
            axis="labels",
            points=points,
            crossing=crossing,
            verdict="GPT is ahead below about 75 and BERT above (labels). No model is shown to beat TF-IDF + "
            "logistic regression with up to 300 labels.",
        )
    ]


def _ledger():
    tried = [
        RateTried(learning_rate=rate, trials=3, failed=failed, validation=value, flops=1.1e12, seconds=30.0)
        for rate, failed, value in [(3e-4, 0, 0.71), (1e-3, 0, 0.75), (1e-2, 3, None)]
    ]
    return [
        Ledger(arm=arm, label=label, task="topic", tried=tried, kept=1e-3) for arm, label in FAMILIES.items()
    ]


def _language():
    return [
        LanguageResult(
            name="gpt",
            label="GPT",
            family="gpt",
            measure="bits per byte, left to right",
            validation=1.482,
            test=1.497,
            others={"perplexity per token": 61.2},
            floors={"unigrams": 2.31, "bigrams": 1.74},
            curves=[
                _curve("training", "bits per byte", 2.9, 1.45, 90),
                _curve("validation", "bits per byte", 2.7, 1.48, 12),
            ],
            remarks=[],
            samples=CONTINUATIONS,
        ),
        LanguageResult(
            name="bert",
            label="BERT",
            family="bert",
            measure="nats per masked token, both sides seen",
            validation=3.114,
            test=3.127,
            others={"accuracy of next sentence prediction": 0.871},
            floors={"unigrams": 6.92, "bigrams": 4.83},
            curves=[
                _curve("training", "nats per masked token", 7.9, 3.0, 90),
                _curve("validation", "nats per masked token", 7.2, 3.114, 12),
            ],
            remarks=[],
            samples=FILLS,
        ),
    ]


def _quality():
    """Figures in two groups, and pairs of two phenomena on one of which GPT is ahead."""
    random = stream(8, "quality")
    shares = {"gpt": 0.8, "bert": 0.6}
    rights = {name: random.random((1, 400)) < share for name, share in shares.items()}
    kinds = {"word_order": range(200), "name_swap": range(200, 400)}
    return QualityResult(
        groups=[
            FigureGroup(
                comparable="bits per byte, left to right, sample 1a2b",
                unit="bits per byte",
                figures=[
                    _figure("gpt", 2.74),
                    _figure("bert", 4.07, "off its training", 1.33),
                ],
            ),
            FigureGroup(
                comparable="pseudo-surprise, sample 1a2b, tokenizer 3c4d",
                unit="nats per word",
                figures=[_figure("bert", 5.2)],
            ),
        ],
        pairs=[
            PairsResult(
                name="own text",
                methods={"gpt": "likelihood", "bert": "pseudo-likelihood-l2r"},
                overall=phenomenon(ALL_PAIRS, FAMILIES, rights, range(400)),
                macro=shares,
                phenomena=[phenomenon(name, FAMILIES, rights, places) for name, places in kinds.items()],
            )
        ],
        cloze=cloze_result(
            FAMILIES,
            {kind: [SimpleNamespace(gaps=_looks(kind, shares[kind] - 0.2))] for kind in FAMILIES},
        ),
        notes=["own text: number_swap: 0 of 200 pairs could be made of 12 documents"],
    )


def _looks(kind, share):
    random = stream(9, "gaps", kind)
    sees = {"gpt": ("the whole text", "the text up to the word"), "bert": ("both sides", "among all others")}
    return [
        GapChoices(sees=way, method="likelihood", right=(random.random(150) < share).tolist())
        for way in sees[kind]
    ]


def _figure(kind, value, caveat="", difference=None):
    return QualityFigure(
        pretraining=kind,
        label=FAMILIES[kind],
        value=value,
        standard_error=0.07,
        passages=43,
        value_by_seed={"0": value},
        difference=difference and Interval(estimate=difference, low=difference - 0.1, high=difference + 0.1),
        caveat=caveat,
    )


def _curve(name, unit, high, low, count):
    random = stream(6, "curve", name, unit)
    points = []
    for place in range(1, count + 1):
        share = place / count
        noise = random.normal() * 0.02 * (high - low) if name == "training" else 0.0
        value = low + (high - low) * np.exp(-5 * share) + noise
        points.append(
            CurvePoint(
                step=int(730 * share), tokens=int(6e6 * share), flops=1.2e14 * share, value=float(value)
            )
        )
    return Curve(name=name, unit=unit, points=points)


def _cost(family, share, target_share):
    return Cost(
        name=family,
        label=FAMILIES[family],
        family=family,
        parameters=5_214_208 if family == "gpt" else 5_342_336,
        non_embedding_parameters=3_159_040,
        steps=730,
        tokens=6_000_512,
        targets=int(6_000_512 * target_share),
        flops=1.21e14 * share,
        seconds=171.3 / share,
        planned_seconds=160.0 / share,
        tokens_per_second=6_000_512 / 171.3 * share,
        peak_memory_bytes=1_412_300_800,
        corpus_passes=3.87,
        model_bytes=20_881_244,
    )


def draw_pair(
    random,
    *,
    seeds,
    examples,
    seed_deviations,
    effect=0.0,
    accuracy=0.75,
    pretrainings=1,
    pretraining_deviations=(0, 0),
    common=0.75,
    own=0.45,
):
    """Two arms whose examples are hard in common and apart, and whose models differ in skill; probit scale.

    Without an effect both have the same expected accuracy.
    """
    rows = pretrainings * seeds
    common_E = random.normal(size=examples) * common
    arms = []
    for sign, deviation, above in zip((0.5, -0.5), seed_deviations, pretraining_deviations, strict=True):
        skill_R1 = random.normal(size=(rows, 1)) * deviation
        if above:
            skill_R1 = skill_R1 + np.repeat(random.normal(size=(pretrainings, 1)) * above, seeds, axis=0)
        own_E = random.normal(size=examples) * own
        noise_RE = random.normal(size=(rows, examples)) * (1 - common**2 - own**2) ** 0.5
        threshold = stats.norm.ppf(accuracy) * (1 + deviation**2 + above**2) ** 0.5 + sign * effect
        arms.append(Outcomes(common_E + own_E + noise_RE + skill_R1 < threshold, pretrainings))
    return arms


def _draw_answer_f1(random, *, seeds, examples, effect):
    """F1 of answers: right, wrong, or in part."""
    common_E = random.normal(size=examples)
    arms = []
    for sign in (0.5, -0.5):
        skill_S1 = sign * effect + random.normal(size=(seeds, 1)) * 0.05
        own_SE = random.normal(size=examples) * 0.5 + random.normal(size=(seeds, examples)) * 0.5
        ease_SE = 0.3 + skill_S1 + own_SE - common_E
        arms.append(np.where(ease_SE > 0.4, 1.0, np.where(ease_SE < -0.4, 0.0, ease_SE / 0.8 + 0.5)))
    return arms, 0.0


def _draw_entity_f1(random, *, seeds, examples, effect):
    """Pseudo-values of entities found, in sentences of none, one or several."""
    there_E = random.poisson(1.2, examples)
    hard_E = random.normal(size=examples)
    arms = []
    for sign in (0.5, -0.5):
        rows = []
        for skill in sign * effect + random.normal(size=seeds) * 0.05:
            chance_E = stats.norm.cdf(0.8 + skill - 0.6 * hard_E)
            hits_E = random.binomial(there_E, chance_E)
            found_E = hits_E + random.poisson(0.4 * (1 - chance_E) * (1 + there_E))
            rows.append(metrics.of_ratio("F1", 2 * hits_E, there_E + found_E).values_E)
        arms.append(np.stack(rows))
    return arms, 0.0


def _draw_spearman(random, *, seeds, examples, effect):
    """Pseudo-values of Spearman's correlation, with ties as in scores that people gave."""
    gold_E = random.integers(0, 6, examples).astype(float)
    common_E = random.normal(size=examples)
    arms = []
    for sign in (0.5, -0.5):
        rows = []
        for skill in sign * effect + random.normal(size=seeds) * 0.05:
            noise_E = common_E + random.normal(size=examples)
            predicted_E = gold_E * np.exp(skill) + 1.2 * noise_E
            rows.append(metrics.of_numbers(gold_E.tolist(), predicted_E.tolist()).values_E)
        arms.append(np.stack(rows))
    return arms, -1.0


# Effects are such that the better arm leads by 5 to 10 points.
SIMULATED_FIGURES = {
    "answer F1": (_draw_answer_f1, 300, 0.35),
    "entity F1": (_draw_entity_f1, 300, 0.5),
    "Spearman": (_draw_spearman, 80, 0.6),
}
