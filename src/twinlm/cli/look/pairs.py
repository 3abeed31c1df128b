"""`twinlm pairs`: how often models prefer the right one of two texts, by what is wrong with the other."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.progress import progress_on
from twinlm.cli.use.score import Method
from twinlm.errors import DataError, UsageError
from twinlm.system import storage

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.data.probes.gaps_from_text import ClozeItem
    from twinlm.data.probes.minimal_pairs import MinimalPair
    from twinlm.evaluate.cloze import ClozeScores
    from twinlm.evaluate.minimal_pairs import PairScores
    from twinlm.system.log import Progress
    from twinlm.tasks.metrics import Rights, Values

NAME = "pairs"
EXAMPLES = """Examples:
  twinlm pairs runs/demo/gpt blimp.jsonl
  twinlm pairs runs/demo/gpt runs/demo/bert pairs.csv --json
  twinlm pairs runs/demo/bert blimp.jsonl --phenomenon-field UID --most 50
  twinlm pairs runs/demo/gpt --from-text held-out.txt
  twinlm pairs runs/demo/bert --from-text held-out.txt --training-text text.txt
  twinlm pairs runs/demo/gpt --from-text held-out.txt --out scores.jsonl
"""
_QUIET_S = 2.0
_ALL, _MEAN = "all pairs", "mean of the phenomena"
_TABLES = (".jsonl", ".csv", ".tsv")


class _Given(NamedTuple):
    pairs: "tuple[MinimalPair, ...]"
    items: "tuple[ClozeItem, ...]"
    notes: list[str]


def command(
    *paths: Annotated[
        Path,
        Parameter(help="Models' folders, then a .jsonl, .csv or .tsv of pairs with the fields good and bad."),
    ],
    from_text: Annotated[
        tuple[str, ...], Parameter(help="Make the pairs of this held-out text; may be given several times.")
    ] = (),
    training_text: Annotated[
        tuple[str, ...], Parameter(help="With --from-text: what the model learned from, to make gaps too.")
    ] = (),
    most: Annotated[int, Parameter(help="At most so many pairs of each phenomenon, drawn by --seed.")] = 200,
    method: Method = None,
    phenomenon_field: Annotated[
        str, Parameter(help="The field that says what is tested, such as UID of BLiMP.")
    ] = "",
    text_field: Annotated[str, Parameter(help="As corpus.text_field, of .jsonl and .parquet text.")] = "text",
    encoding: Annotated[str, Parameter(help="Of the files.")] = "utf-8",
    seed: Annotated[int, Parameter(help="The same seed gives the same pairs, whatever the model.")] = 0,
    out: Annotated[Path | None, Parameter(help="Write each pair's scores here, as JSON lines.")] = None,
    is_json: Json = False,
) -> None:
    """Say how often models find the right one of two texts likelier.

    The pairs come from a file (BLiMP's own files, too), or are made of held-out
    text without any labels: words, numbers, names or sentences change places.
    With --training-text, words are taken out as well, to choose among five.

    A GPT goes by likelihood, a BERT by pseudo-likelihood with the rest of each
    word hidden; a tie counts half. Accuracies of both kinds may be compared on
    the same pairs; the scores themselves may not. Several models get the same
    pairs: those that all can read whole.
    """
    models, file = _models_and_file(paths)
    if (file is None) == (not from_text):
        raise UsageError("the pairs come either from a file or from --from-text", hint="give one of them")
    if file is not None and training_text:
        raise UsageError("--training-text goes with --from-text")
    if most < 1:
        raise UsageError(f"--most must be at least 1, not {most}")
    from twinlm.use.load import load

    loaded = {str(model): load(model) for model in models}
    readers = list(loaded.values())
    with progress_on(quiet_s=_QUIET_S) as progress:
        if file is not None:
            given = _from_file(file, phenomenon_field, encoding, most, seed)
        else:
            reading = {"text_field": text_field, "encoding": encoding}
            given = _from_text(readers, from_text, training_text, most, seed, reading, progress)
        given = _readable(readers, given)
        if not given.pairs:
            raise DataError("there is no pair to score: " + "; ".join(given.notes))
        scores = {name: _scored(trained, given, method, progress) for name, trained in loaded.items()}
    for note in given.notes:
        print(note, file=sys.stderr)
    if out is not None:
        rows = [row for name in loaded for row in _rows(name, *scores[name])]
        storage.write_file(out, "".join(f"{row}\n" for row in rows).encode())
        print(f"{out}: {len(given.pairs):,} pairs", file=sys.stderr)
    found = {name: _figures(*of_model) for name, of_model in scores.items()}
    if is_json:
        print(json.dumps({"models": found, "notes": given.notes}, ensure_ascii=False))
    else:
        _show(found)


def _models_and_file(paths: tuple[Path, ...]) -> tuple[list[Path], Path | None]:
    """Tell the models' folders from the file of pairs, which is the last path if it is named as one."""
    is_file = bool(paths) and not paths[-1].is_dir() and bool(set(paths[-1].suffixes) & set(_TABLES))
    models = list(paths[:-1] if is_file else paths)
    if not models:
        raise UsageError("no model is given", hint="give one or more model folders")
    return models, paths[-1] if is_file else None


def _from_file(file: Path, phenomenon_field: str, encoding: str, most: int, seed: int) -> _Given:
    from twinlm.data.probes.minimal_pairs import read_pairs, sample_pairs

    counts: Counter[str] = Counter()
    pairs = read_pairs(file, phenomenon_field=phenomenon_field, encoding=encoding, counts=counts)
    taken = sample_pairs(pairs, most, seed=seed)
    notes = [f"{number:,} {what}" for what, number in (+counts).items()]
    if len(taken) < len(pairs):
        notes.append(f"took {len(taken):,} of {len(pairs):,} pairs, at most {most:,} of each phenomenon")
    return _Given(taken, (), notes)


def _from_text(
    models: "list[Trained]",
    held_out: tuple[str, ...],
    training: tuple[str, ...],
    most: int,
    seed: int,
    reading: dict[str, Any],
    progress: "Progress",
) -> _Given:
    from twinlm.data.probes.gaps_from_text import make_cloze
    from twinlm.data.probes.pairs_from_text import make_pairs
    from twinlm.data.text.corpus import read_documents

    documents = [document.text for document in read_documents(held_out, **reading, counts=Counter())]
    pairs, notes = make_pairs(documents, count=most, seed=seed, progress=progress)
    if not training:
        return _Given(pairs, (), list(notes))
    texts = (document.text for document in read_documents(training, **reading, counts=Counter()))
    tokenizers = [trained.tokenizer for trained in models]
    items, more = make_cloze(documents, texts, tokenizers, count=most, seed=seed, progress=progress)
    return _Given(pairs, items, [*notes, *more])


def _readable(models: "list[Trained]", given: _Given) -> _Given:
    """Leave out what a model can't read whole, and say so."""
    from twinlm.evaluate.cloze import readable_items
    from twinlm.evaluate.minimal_pairs import readable_pairs

    pairs, items = readable_pairs(models, given.pairs), readable_items(models, given.items)
    left_out = {"pairs": len(given.pairs) - len(pairs), "cloze items": len(given.items) - len(items)}
    notes = [
        f"left out {number:,} {what} that {_who(models)} can't read whole"
        for what, number in left_out.items()
        if number
    ]
    return _Given(pairs, items, [*given.notes, *notes])


def _who(models: "list[Trained]") -> str:
    return "the model" if len(models) == 1 else "one of the models"


def _scored(
    trained: "Trained", given: _Given, method: str | None, progress: "Progress"
) -> "tuple[PairScores, list[ClozeScores]]":
    from twinlm.evaluate.cloze import score_cloze
    from twinlm.evaluate.minimal_pairs import score_pairs

    scores = score_pairs(trained, given.pairs, method=method, progress=progress)
    return scores, score_cloze(trained, given.items, progress=progress) if given.items else []


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

    found = mean_interval(right_E[None])
    return {"examples": len(right_E), "accuracy": found.estimate, "low": found.low, "high": found.high}


def _rows(model: str, scores: "PairScores", cloze: "list[ClozeScores]") -> list[str]:
    """Return a JSON object for each pair, then for each gap and way to look at it."""
    columns = (scores.pairs, scores.good_E.tolist(), scores.bad_E.tolist(), scores.right_E.tolist())
    rows: list[dict[str, Any]] = [
        {"model": model, **_as_dict(pair), "good_score": good, "bad_score": bad, "right": float(right)}
        for pair, good, bad, right in zip(*columns, strict=True)
    ]
    for view in cloze:
        of_items = zip(view.items, view.scores_EC.tolist(), view.right_E.tolist(), strict=True)
        rows += [
            {
                "model": model,
                "id": item.id,
                "sees": view.sees,
                "before": item.before,
                "after": item.after,
                "choices": item.choices,
                "scores": found,
                "right": float(right),
            }
            for item, found, right in of_items
        ]
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _as_dict(pair: "MinimalPair") -> dict[str, str]:
    return {"id": pair.id, "phenomenon": pair.phenomenon, "good": pair.good, "bad": pair.bad}


def _show(found: dict[str, dict[str, Any]]) -> None:
    """Print a row for each phenomenon, and in it each model's accuracy; then a row for each look at gaps."""
    first = next(iter(found.values()))
    names = [*first["phenomena"], _ALL, _MEAN]
    wide = max(map(len, names))
    for number, (model, figures) in enumerate(found.items(), 1):
        print(f"{number}: {model}, by {figures['method']}")
    numbers = "".join(f"{number:>22}" for number in range(1, len(found) + 1))
    print(f"{'right %, 95 % interval':{wide}}   pairs{numbers}")
    for name in names:
        rows = [{**figures["phenomena"], _ALL: figures["micro"]}.get(name) for figures in found.values()]
        count = f"{rows[0]['examples']:6,}" if rows[0] else " " * 6
        cells = [
            _cell(row) if row else f"{100 * figures['macro']:.1f}"
            for row, figures in zip(rows, found.values(), strict=True)
        ]
        print(f"{name:{wide}}  {count}" + "".join(f"{cell:>22}" for cell in cells))
    for number, figures in enumerate(found.values(), 1):
        for view in figures["cloze"]:
            gaps = f"{view['examples']:,} gaps, chance {100 * view['chance']:.0f}"
            print(f"{number}: {_cell(view)}  {gaps}, seeing {view['sees']}")


def _cell(row: dict[str, float]) -> str:
    return f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
