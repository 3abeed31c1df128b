"""`twinlm pairs`: how often a model prefers the right one of two texts, by what is wrong with the other."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from twinlm import storage
from twinlm.cli.generate import Model
from twinlm.cli.options import Json
from twinlm.cli.progress import progress_on
from twinlm.cli.score import Method
from twinlm.errors import DataError, UsageError

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.data.minimal_pairs import MinimalPair
    from twinlm.data.own_cloze import ClozeItem
    from twinlm.evaluate.cloze import ClozeScores
    from twinlm.evaluate.minimal_pairs import PairScores
    from twinlm.log import Progress
    from twinlm.tasks.metrics import Rights, Values

NAME = "pairs"
EXAMPLES = """Examples:
  twinlm pairs runs/demo/gpt blimp.jsonl
  twinlm pairs runs/demo/bert pairs.csv --json
  twinlm pairs runs/demo/bert blimp.jsonl --phenomenon-field UID --most 50
  twinlm pairs runs/demo/gpt --from-text held-out.txt
  twinlm pairs runs/demo/bert --from-text held-out.txt --training-text text.txt
  twinlm pairs runs/demo/gpt --from-text held-out.txt --out scores.jsonl
"""
_QUIET_S = 2.0


class _Given(NamedTuple):
    pairs: "tuple[MinimalPair, ...]"
    items: "tuple[ClozeItem, ...]"
    notes: list[str]


def command(
    model: Model,
    file: Annotated[
        Path | None, Parameter(help="Pairs, as .jsonl, .csv or .tsv with the fields good and bad.")
    ] = None,
    /,
    *,
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
    """Say how often a model finds the right one of two texts likelier.

    The pairs come from a file (BLiMP's own files, too), or are made of held-out
    text without any labels: words, numbers, names or sentences change places.
    With --training-text, words are taken out as well, to choose among five.

    A GPT goes by likelihood, a BERT by pseudo-likelihood with the rest of each
    word hidden; a tie counts half. Accuracies of both kinds may be compared on
    the same pairs; the scores themselves may not.
    """
    if (file is None) == (not from_text):
        raise UsageError("the pairs come either from a file or from --from-text", hint="give one of them")
    if file is not None and training_text:
        raise UsageError("--training-text goes with --from-text")
    if most < 1:
        raise UsageError(f"--most must be at least 1, not {most}")
    from twinlm.use.load import load

    trained = load(model)
    with progress_on(quiet_s=_QUIET_S) as progress:
        if file is not None:
            given = _from_file(file, phenomenon_field, encoding, most, seed)
        else:
            reading = {"text_field": text_field, "encoding": encoding}
            given = _from_text(trained, from_text, training_text, most, seed, reading, progress)
        given = _readable(trained, given)
        if not given.pairs:
            raise DataError("there is no pair to score: " + "; ".join(given.notes))
        from twinlm.evaluate.cloze import score_cloze
        from twinlm.evaluate.minimal_pairs import score_pairs

        scores = score_pairs(trained, given.pairs, method=method, progress=progress)
        cloze = score_cloze(trained, given.items, progress=progress) if given.items else []
    for note in given.notes:
        print(note, file=sys.stderr)
    if out is not None:
        storage.write_file(out, "".join(f"{row}\n" for row in _rows(scores, cloze)).encode())
        print(f"{out}: {len(scores.pairs):,} pairs", file=sys.stderr)
    found = _figures(scores, cloze)
    if is_json:
        print(json.dumps({"model": str(model), **found, "notes": given.notes}, ensure_ascii=False))
    else:
        _show(found)


def _from_file(file: Path, phenomenon_field: str, encoding: str, most: int, seed: int) -> _Given:
    from twinlm.data.minimal_pairs import read_pairs, sample_pairs

    counts: Counter[str] = Counter()
    pairs = read_pairs(file, phenomenon_field=phenomenon_field, encoding=encoding, counts=counts)
    taken = sample_pairs(pairs, most, seed=seed)
    notes = [f"{number:,} {what}" for what, number in (+counts).items()]
    if len(taken) < len(pairs):
        notes.append(f"took {len(taken):,} of {len(pairs):,} pairs, at most {most:,} of each phenomenon")
    return _Given(taken, (), notes)


def _from_text(
    trained: "Trained",
    held_out: tuple[str, ...],
    training: tuple[str, ...],
    most: int,
    seed: int,
    reading: dict[str, Any],
    progress: "Progress",
) -> _Given:
    from twinlm.data.corpus import read_documents
    from twinlm.data.own_cloze import make_cloze
    from twinlm.data.own_pairs import make_pairs

    documents = [document.text for document in read_documents(held_out, **reading, counts=Counter())]
    pairs, notes = make_pairs(documents, count=most, seed=seed, progress=progress)
    if not training:
        return _Given(pairs, (), list(notes))
    texts = (document.text for document in read_documents(training, **reading, counts=Counter()))
    items, more = make_cloze(documents, texts, [trained.tokenizer], count=most, seed=seed, progress=progress)
    return _Given(pairs, items, [*notes, *more])


def _readable(trained: "Trained", given: _Given) -> _Given:
    """Leave out what the model can't read whole, and say so."""
    from twinlm.evaluate.cloze import readable_items
    from twinlm.evaluate.minimal_pairs import readable_pairs

    pairs, items = readable_pairs([trained], given.pairs), readable_items([trained], given.items)
    left_out = {"pairs": len(given.pairs) - len(pairs), "cloze items": len(given.items) - len(items)}
    notes = [
        f"left out {number:,} {what} that the model can't read whole"
        for what, number in left_out.items()
        if number
    ]
    return _Given(pairs, items, [*given.notes, *notes])


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
    from twinlm.compare.statistics import mean_interval

    found = mean_interval(right_E[None])
    return {"examples": len(right_E), "accuracy": found.estimate, "low": found.low, "high": found.high}


def _rows(scores: "PairScores", cloze: "list[ClozeScores]") -> list[str]:
    """Return a JSON object for each pair, then for each gap and way to look at it."""
    columns = (scores.pairs, scores.good_E.tolist(), scores.bad_E.tolist(), scores.right_E.tolist())
    rows: list[dict[str, Any]] = [
        {**_as_dict(pair), "good_score": good, "bad_score": bad, "right": float(right)}
        for pair, good, bad, right in zip(*columns, strict=True)
    ]
    for view in cloze:
        of_items = zip(view.items, view.scores_EC.tolist(), view.right_E.tolist(), strict=True)
        rows += [
            {
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


def _show(found: dict[str, Any]) -> None:
    rows = [*found["phenomena"].items(), ("all pairs", found["micro"])]
    rows += [(f"cloze: {view['sees']}", view) for view in found["cloze"]]
    wide = max(len(name) for name, _ in rows)
    print(f"{'accuracy by ' + found['method']:{wide}}   pairs  right %  95 % interval")
    for name, row in rows:
        interval = f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
        chance = f"  chance {100 * row['chance']:.0f}" if "chance" in row else ""
        print(f"{name:{wide}}  {row['examples']:6,}  {100 * row['accuracy']:7.1f}  {interval}{chance}")
    print(f"{'mean of the phenomena':{wide}}          {100 * found['macro']:7.1f}")
