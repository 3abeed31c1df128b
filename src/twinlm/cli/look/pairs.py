"""`twinlm pairs`: how often models prefer the right one of two texts, by what is wrong with the other."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Encoding, Json, Method, TextField, check_used
from twinlm.cli.tables import aligned, print_counts, print_json
from twinlm.errors import DataError, UsageError
from twinlm.system import storage
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.data.probes.gaps_from_text import ClozeItem
    from twinlm.data.probes.minimal_pairs import MinimalPair
    from twinlm.evaluate.cloze import ClozeScores
    from twinlm.evaluate.minimal_pairs import PairScores
    from twinlm.system.log import Progress
    from twinlm.tasks.metrics import Rights, Values

_QUIET_S = 2.0
_TABLES = {".jsonl", ".json", ".csv", ".tsv"}


class _Probes(NamedTuple):
    pairs: "tuple[MinimalPair, ...]"
    items: "tuple[ClozeItem, ...]"
    notes: list[str]


def command(
    *paths: Annotated[
        Path,
        Parameter(
            help="Model folders, then a .jsonl, .json, .csv or .tsv of pairs with fields good and bad."
        ),
    ],
    from_text: Annotated[
        tuple[str, ...], Parameter(help="Make the pairs from this held-out text; may be repeated.")
    ] = (),
    training_text: Annotated[
        tuple[str, ...], Parameter(help="With --from-text: the training text, to make gaps too.")
    ] = (),
    most: Annotated[int, Parameter(help="Most pairs of each phenomenon, drawn with --seed.")] = 200,
    method: Method = None,
    phenomenon_field: Annotated[
        str, Parameter(help="Field that names what is tested, such as UID in BLiMP.")
    ] = "",
    text_field: TextField = "text",
    encoding: Encoding = "utf-8",
    seed: Annotated[int, Parameter(help="The same seed draws the same pairs for any model.")] = 0,
    out: Annotated[Path | None, Parameter(help="Write the scores of each pair here, as JSON lines.")] = None,
    is_json: Json = False,
) -> None:
    """Test how often models prefer the right one of two texts.

    Use it to learn what a model knows of the language, without labels. The pairs
    come from a file (BLiMP's own files too), or are made from held-out text: words,
    numbers, names or sentences change places. With --training-text, words are also
    removed, to be chosen among five.

    A GPT decides by likelihood, a BERT by pseudo-likelihood with the rest of each
    word hidden; a tie counts half. Accuracies of both can be compared on the same
    pairs; the scores themselves cannot. Several models get the same pairs: those
    that all of them can read whole.

    Examples:
      twinlm pairs runs/demo/gpt blimp.jsonl
      twinlm pairs runs/demo/gpt runs/demo/bert pairs.csv --json
      twinlm pairs runs/demo/bert blimp.jsonl --phenomenon-field UID --most 50
      twinlm pairs runs/demo/gpt --from-text held-out.txt --out scores.jsonl
      twinlm pairs runs/demo/bert --from-text held-out.txt --training-text text.txt
    Next:
      twinlm quality runs/demo/gpt runs/demo/bert --text held-out.txt
    """
    models, file = _models_and_file(paths)
    if (file is None) == (not from_text):
        raise UsageError("the pairs come either from a file or from --from-text", hint="give one of them")
    if file is not None and training_text:
        raise UsageError("--training-text goes with --from-text")
    check_used("--phenomenon-field", phenomenon_field, is_used=file is not None, by="a file of pairs")
    check_used("--text-field", text_field != "text", is_used=file is None, by="--from-text")
    if most < 1:
        raise UsageError(f"--most must be at least 1, not {most}")
    if out is not None:
        storage.require_writable(out)
    from twinlm.use.load import load

    loaded = {str(model): load(model) for model in models}
    with progress_on(quiet_s=_QUIET_S) as progress:
        if file is not None:
            probes = _from_file(file, phenomenon_field, encoding, most, seed)
        else:
            reading = {"text_field": text_field, "encoding": encoding}
            probes = _from_text([*loaded.values()], from_text, training_text, most, seed, reading, progress)
        probes = _readable([*loaded.values()], probes)
        if not probes.pairs:
            raise DataError("there is no pair to score: " + "; ".join(probes.notes))
        scores = {name: _scored(trained, probes, method, progress) for name, trained in loaded.items()}
    for note in probes.notes:
        print(note, file=sys.stderr)
    if out is not None:
        rows = [row for name in loaded for row in _rows(name, *scores[name])]
        storage.write_file(out, storage.json_lines(rows))
        print(f"{out}: {len(probes.pairs):,} pairs", file=sys.stderr)
    figures = {name: _figures(*of_model) for name, of_model in scores.items()}
    if is_json:
        print_json({"models": figures, "notes": probes.notes})
    else:
        _show(figures)


def _models_and_file(paths: tuple[Path, ...]) -> tuple[list[Path], Path | None]:
    """Split the paths into model folders and the file of pairs: the last path, if named like a file."""
    is_file = bool(paths) and not paths[-1].is_dir() and bool(_TABLES.intersection(paths[-1].suffixes))
    models = list(paths[:-1] if is_file else paths)
    if not models:
        raise UsageError("no model was given", hint="give one or more model folders")
    return models, paths[-1] if is_file else None


def _from_file(file: Path, phenomenon_field: str, encoding: str, most: int, seed: int) -> _Probes:
    from twinlm.data.probes.minimal_pairs import read_pairs, sample_pairs

    counts: Counter[str] = Counter()
    pairs = read_pairs(file, phenomenon_field=phenomenon_field, encoding=encoding, counts=counts)
    sample = sample_pairs(pairs, most, seed=seed)
    notes = [f"{number:,} {reason}" for reason, number in (+counts).items()]
    if len(sample) < len(pairs):
        notes.append(f"took {len(sample):,} of {len(pairs):,} pairs, at most {most:,} of each phenomenon")
    return _Probes(sample, (), notes)


def _from_text(
    models: "list[Trained]",
    held_out: tuple[str, ...],
    training: tuple[str, ...],
    most: int,
    seed: int,
    reading: dict[str, Any],
    progress: "Progress",
) -> _Probes:
    from twinlm.data.probes.gaps_from_text import make_cloze
    from twinlm.data.probes.pairs_from_text import make_pairs
    from twinlm.data.text.corpus import read_documents

    counts: Counter[str] = Counter()
    documents = [document.text for document in read_documents(held_out, **reading, counts=counts)]
    pairs, notes = make_pairs(documents, count=most, seed=seed, progress=progress)
    print_counts(counts)
    if not training:
        return _Probes(pairs, (), list(notes))
    texts = (document.text for document in read_documents(training, **reading, counts=Counter()))
    tokenizers = [trained.tokenizer for trained in models]
    items, more = make_cloze(documents, texts, tokenizers, count=most, seed=seed, progress=progress)
    return _Probes(pairs, items, [*notes, *more])


def _readable(models: "list[Trained]", probes: _Probes) -> _Probes:
    """Leave out what a model can't read whole, with a note."""
    from twinlm.evaluate.cloze import readable_items
    from twinlm.evaluate.minimal_pairs import readable_pairs

    pairs, items = readable_pairs(models, probes.pairs), readable_items(models, probes.items)
    left_out = {"pairs": len(probes.pairs) - len(pairs), "cloze items": len(probes.items) - len(items)}
    reader = "the model" if len(models) == 1 else "one of the models"
    notes = [
        f"left out {number:,} {unit} that {reader} can't read whole"
        for unit, number in left_out.items()
        if number
    ]
    return _Probes(pairs, items, [*probes.notes, *notes])


def _scored(
    trained: "Trained", probes: _Probes, method: str | None, progress: "Progress"
) -> "tuple[PairScores, list[ClozeScores]]":
    from twinlm.evaluate.cloze import score_cloze
    from twinlm.evaluate.minimal_pairs import score_pairs

    scores = score_pairs(trained, probes.pairs, method=method, progress=progress)
    return scores, score_cloze(trained, probes.items, progress=progress) if probes.items else []


def _figures(scores: "PairScores", cloze: "list[ClozeScores]") -> dict[str, Any]:
    by_phenomenon = scores.rights_by_phenomenon().items()
    of_cloze = [
        {"sees": view.sees, "method": view.method, "chance": view.chance, **_accuracy(view.right_E)}
        for view in cloze
    ]
    return {
        "method": scores.method,
        "micro": _accuracy(scores.right_E),
        "macro": scores.macro,
        "phenomena": {name: _accuracy(values_N) for name, values_N in by_phenomenon},
        "cloze": of_cloze,
    }


def _accuracy(right_E: "Values | Rights") -> dict[str, float]:
    from twinlm.evidence.intervals import mean_interval

    mean = mean_interval(right_E[None])
    return {"examples": len(right_E), "accuracy": mean.estimate, "low": mean.low, "high": mean.high}


def _rows(model: str, scores: "PairScores", cloze: "list[ClozeScores]") -> list[dict[str, Any]]:
    """Return a record for each pair, then for each gap and view of it."""
    columns = (scores.pairs, scores.good_E.tolist(), scores.bad_E.tolist(), scores.right_E.tolist())
    names = ("model", "id", "phenomenon", "good", "bad", "good_score", "bad_score", "right")
    values: list[tuple[Any, ...]] = [
        (model, pair.id, pair.phenomenon, pair.good, pair.bad, good, bad, float(right))
        for pair, good, bad, right in zip(*columns, strict=True)
    ]
    rows = [dict(zip(names, row, strict=True)) for row in values]
    names = ("model", "id", "sees", "before", "after", "choices", "scores", "right")
    for view in cloze:
        of_items = zip(view.items, view.scores_EC.tolist(), view.right_E.tolist(), strict=True)
        values = [
            (model, item.id, view.sees, item.before, item.after, item.choices, choice_scores, float(right))
            for item, choice_scores, right in of_items
        ]
        rows += [dict(zip(names, row, strict=True)) for row in values]
    return rows


def _show(by_model: dict[str, dict[str, Any]]) -> None:
    """Print each model's accuracy, a row for each phenomenon; then a row for each view of the gaps."""
    for number, (model, figures) in enumerate(by_model.items(), 1):
        print(f"{number}: {model}, by {figures['method']}")
    models = list(by_model.values())
    rows = [["right %, 95 % interval", "pairs", *map(str, range(1, len(models) + 1))]]
    by_row = [(name, [figures["phenomena"][name] for figures in models]) for name in models[0]["phenomena"]]
    for name, accuracies in [*by_row, ("all pairs", [figures["micro"] for figures in models])]:
        rows.append([name, f"{accuracies[0]['examples']:,}", *map(_cell, accuracies)])
    rows.append(["mean of the phenomena", "", *(f"{100 * figures['macro']:.1f}" for figures in models)])
    print(aligned(rows))
    for number, figures in enumerate(models, 1):
        for view in figures["cloze"]:
            gaps = f"{view['examples']:,} gaps, chance {100 * view['chance']:.0f}"
            print(f"{number}: {_cell(view)}  {gaps}, seeing {view['sees']}")


def _cell(row: dict[str, float]) -> str:
    return f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


COMMAND = Command("pairs", command)
