"""Answers to tasks of all kinds, made up by chance, and run folders that hold them: nothing is trained."""

import hashlib
from pathlib import Path

import numpy as np
from msgspec import structs

from twinlm.evidence import multiple_testing
from twinlm.evidence.answers import (
    ArmAnswers,
    FrozenAnswers,
    TaskAnswers,
    baseline_answers,
    facts,
    index_name,
    index_of,
)
from twinlm.evidence.details import find_details
from twinlm.evidence.records import QualityResult
from twinlm.evidence.results import Cost, LanguageResult, Results
from twinlm.evidence.scores import scored
from twinlm.report import verdict
from twinlm.report.report import write_report
from twinlm.rng import stream
from twinlm.system import storage
from twinlm.system.log import Silent
from twinlm.system.records import Number, Whole, to_json

FAMILIES = {"gpt": "GPT", "bert": "BERT"}
ARMS = {
    "gpt": ("GPT", "gpt", True),
    "bert": ("BERT", "bert", True),
    "old": ("old (imported BERT)", "bert", True),
    "gpt-scratch": ("GPT without pre-training", "gpt", False),
}
CLASSES = {"classification": ["cat", "dog", "fox"], "tagging": ["B-PER", "I-PER", "O"]}
KINDS = ("classification", "similarity", "choice", "tagging", "span_qa")
PROBED = ("classification", "similarity", "tagging")
SECRET = "Zanzibar"
"""Stands in every text."""
SKILLS = {"gpt": 0.7, "bert": 0.8, "old": 0.75, "gpt-scratch": 0.5}


def answers(
    kind: str, name: str = "", *, examples: int = 40, models: int = 3, groups: int = 1, arms=tuple(ARMS)
) -> TaskAnswers:
    """Return made-up answers to a task; the imported arm has been pre-trained once."""
    chance = stream(7, "made", kind, examples)
    rows = [MAKERS[kind](chance) for _ in range(examples)]
    golds, texts = (
        [gold for gold, _ in rows],
        [(f"{SECRET} {number} {text}", *more) for number, (_, (text, *more)) in enumerate(rows)],
    )
    if kind == "tagging":
        texts = [(f"{SECRET}", *text[1:]) for text in texts]
    ids = [f"test-{number + 1}" for number in range(examples)]
    characters = [sum(map(len, text)) for text in texts]
    made = []
    for arm in arms:
        label, family, is_pretrained = ARMS[arm]
        own = 1 if arm == "old" else groups
        count = models // groups * own
        each = count // own
        seeds = [f"{row // each}, {row % each + 1}" if own > 1 else str(row + 1) for row in range(count)]
        of_arm = stream(8, arm, kind)
        said = [
            [
                {"id": i, "gold": gold, "characters": c, **say(kind, of_arm, gold, text, SKILLS[arm])}
                for i, gold, text, c in zip(ids, golds, texts, characters, strict=True)
            ]
            for _ in seeds
        ]
        made.append(
            ArmAnswers(
                arm=arm,
                label=label,
                family=family,
                is_pretrained=is_pretrained,
                is_imported=arm == "old",
                groups=own,
                seeds=seeds,
                said=said,
                seconds=1.5 * count,
                chosen_epochs=dict.fromkeys(seeds, 2),
            )
        )
    floor = [
        say(kind, stream(9, kind), gold, text, 0.3)["predicted"]
        for gold, text in zip(golds, texts, strict=True)
    ]
    made.append(baseline_answers("floor", "a floor", floor, 0.1))
    return TaskAnswers(
        name=name or kind,
        kind=kind,
        classes=CLASSES.get(kind, []),
        train_examples=100,
        valid_examples=20,
        ids=ids,
        golds=golds,
        characters=characters,
        texts=texts,
        arms=made,
        frozen=_frozen(kind, made) if kind in PROBED else [],
    )


def _frozen(kind: str, arms: list[ArmAnswers]) -> list[FrozenAnswers]:
    """Return the answers of linear models on the states of each pre-trained arm, one a pre-training."""
    bodies = []
    for arm in (arm for arm in arms if arm.is_pretrained):
        own = {**facts(arm, ArmAnswers), "label": f"{arm.label}, frozen", "chosen_epochs": {}}
        each = len(arm.said) // arm.groups
        own |= {"said": arm.said[::each], "seeds": [str(number) for number in range(arm.groups)]}
        bodies.append(FrozenAnswers(**own, arms=[arm.arm]))
    return bodies


def say(kind: str, chance, gold, text, skill: float) -> dict:
    """Return what a model of some skill says."""
    return SAYERS[kind](chance, gold, text, skill)


def write_run(folder: Path, tasks: list[TaskAnswers], *, has_details: bool = True) -> Results:
    """Write the folder of a finished run with these answers, and return its results."""
    for task in tasks:
        place = folder / "tasks" / task.name
        prints = {"task": digest(f"examples of {task.name}")}
        floors = [arm for arm in task.arms if not arm.family]
        storage.write_json(
            place / "baselines" / "predictions.json",
            [
                {
                    "name": a.arm,
                    "label": a.label,
                    "seconds": a.seconds,
                    "settings": {},
                    "predictions": a.predicted[0],
                }
                for a in floors
            ],
        )
        storage.write_json(place / "baselines" / "inputs.json", prints)
        folders, frozen = {}, {}
        for inner, record, arms in (
            (folders, "fine-tuning.json", [arm for arm in task.arms if arm.family]),
            (frozen, "probe.json", task.frozen),
        ):
            for arm in arms:
                parent = f"tasks/{task.name}/" + "baselines/frozen/" * (inner is frozen) + arm.arm
                inner[arm.arm] = [f"{parent}/seed-{seed}" for seed in arm.seeds]
                start = digest(f"weights of {arm.arm}") if arm.is_pretrained else ""
                for name, rows in zip(inner[arm.arm], arm.said, strict=True):
                    data = b"".join(line(row) for row in rows)
                    storage.write_file(folder / name / "predictions.jsonl", data)
                    seconds = arm.seconds / len(arm.seeds)
                    storage.write_json(folder / name / record, {"seconds": seconds})
                    origin = {"start": start, "tokenizer": digest("tokenizer"), **prints}
                    storage.write_json(folder / name / "inputs.json", origin)
        storage.write_json(folder / index_name(task.name), to_json(index_of(task, folders, frozen)))
    results = results_of(tasks)
    storage.write_file(folder / "settings.toml", results.settings_toml.encode())
    storage.write_json(folder / "environment.json", results.environment)
    write_report(results, folder, find_details(tasks, Silent()) if has_details else None)
    return results


def results_of(tasks: list[TaskAnswers]) -> Results:
    """Return the results of a run with these answers."""
    scores = verdict.with_verdicts(multiple_testing.adjusted([scored(task) for task in tasks]))
    language = [
        LanguageResult(
            name=name,
            label=label,
            family=name,
            measure=f"a measure of {label}",
            validation=1.5,
            test=1.6,
            others={},
            floors={"unigrams": 2.3, "bigrams": 1.7},
            curves=[],
            remarks=[],
            samples=[{"prompt": f"A {SECRET}", "continuation": " it is", "original": f" {SECRET} was"}],
        )
        for name, label in FAMILIES.items()
    ]
    numbers = {
        field.name: 1 if field.type is Whole else 1.0
        for field in structs.fields(Cost)
        if field.type in (Whole, Number)
    }
    return Results(
        title="Made-up answers",
        verdict=verdict.sentences(scores),
        caveats=[],
        families=FAMILIES,
        matched_by="tokens",
        pretraining_seeds=1,
        tasks=scores,
        curves=[],
        ledger=[],
        language=language,
        quality=QualityResult(groups=[], pairs=[], cloze=None, notes=[]),
        costs=[Cost(name=n, label=label, family=n, **numbers) for n, label in FAMILIES.items()],
        cost_cards={},
        price_per_hour=None,
        doctor=None,
        data={"documents": 3},
        removed={},
        attribution=[],
        settings_toml='title = "Made-up answers"\n',
        environment={"twinlm": "0.1.0"},
        fingerprints={
            "tokenizer": digest("tokenizer"),
            **{f"weights of {arm}": digest(f"weights of {arm}") for arm in ("gpt", "bert", "old")},
        },
        command="twinlm compare my.toml",
    )


def digest(text: str) -> str:
    """Return a SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def line(row: dict) -> bytes:
    """Return a line of a predictions file."""
    return storage.json_bytes(row).replace(b"\n ", b" ").replace(b"\n", b"") + b"\n"


def _class(chance):
    return str(chance.choice(CLASSES["classification"])), (
        "a text of some <b>length</b> " * chance.integers(1, 4),
    )


def _number(chance):
    return round(float(chance.uniform(0, 5)), 2), ("one text", "another")


def _place(chance):
    return int(chance.integers(0, 3)), ("it goes on", "so", "thus", "else")


def _tags(chance):
    words = int(chance.integers(2, 7))
    gold = ["O"] * words
    if chance.random() < 0.8:
        gold[int(chance.integers(0, words))] = "B-PER"
    return gold, tuple(f"word{place}" for place in range(words))


def _span(chance):
    context = f"{SECRET} is what was asked for, in a long text. " * 3
    gold = [] if chance.random() < 0.2 else [{"text": "was asked", "start": context.index("was asked")}]
    return gold, ("What?", context)


def _say_class(chance, gold, text, skill, names=("cat", "dog", "fox")):
    scores = chance.normal(size=len(names))
    scores[names.index(gold)] += 4 * (skill - 0.3)
    chances = np.exp(scores) / np.exp(scores).sum()
    return {"predicted": names[int(chances.argmax())], "probabilities": [round(float(c), 6) for c in chances]}


def _say_number(chance, gold, text, skill):
    return {"predicted": float(gold + chance.normal() * 4 * (1 - skill))}


def _say_place(chance, gold, text, skill):
    return _say_class(chance, gold, text, skill, names=(0, 1, 2))


def _say_tags(chance, gold, text, skill):
    words = [_say_class(chance, tag, text, skill + 0.2, names=("B-PER", "I-PER", "O")) for tag in gold]
    named = [dict(zip(("B-PER", "I-PER", "O"), word["probabilities"], strict=True)) for word in words]
    return {"predicted": [word["predicted"] for word in words], "probabilities": named}


def _say_span(chance, gold, text, skill):
    right = gold[0]["text"] if gold else ""
    return {"predicted": right if chance.random() < skill else str(chance.choice(["", "asked for", "long"]))}


MAKERS = {
    "classification": _class,
    "similarity": _number,
    "choice": _place,
    "tagging": _tags,
    "span_qa": _span,
}
SAYERS = {
    "classification": _say_class,
    "similarity": _say_number,
    "choice": _say_place,
    "tagging": _say_tags,
    "span_qa": _say_span,
}
