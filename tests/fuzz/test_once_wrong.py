"""Inputs that once ended in a traceback, a hang or a page of a message: all are refused now."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from twinlm.errors import UserError
from twinlm.system import storage

Change = Callable[[Path], Any]


def text(data: bytes) -> Change:
    return lambda path: path.write_bytes(data)


def replaced(old: bytes, new: bytes) -> Change:
    def change(path: Path) -> None:
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 1))

    return change


def value(*keys: Any, to: Any) -> Change:
    """Put another value into a JSON file."""

    def change(path: Path) -> None:
        made = place = json.loads(path.read_bytes())
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to
        path.write_bytes((json.dumps(made, indent=1) + "\n").encode())

    return change


def without(key: str) -> Change:
    def change(path: Path) -> None:
        made = json.loads(path.read_bytes())
        del made[key]
        path.write_bytes(storage.json_bytes(made))

    return change


def number(kind: str, place: int, to: int) -> Change:
    """Put another number into a file of numbers."""

    def change(path: Path) -> None:
        values = np.frombuffer(path.read_bytes(), kind).copy()
        values[place] = to
        path.write_bytes(values.tobytes())

    return change


TREE, STATE = b".".join([b"model", *[b"a"] * 40]), "run/checkpoints/step-000000002/state.json"
LONG = "x" * 3000
# What it is: the parser, the file, what is done to it, and what the message says.
ONCE_WRONG: dict[str, tuple[str, str, Change, str]] = {
    # Merging a table with itself doubled the work at each level: this took years.
    "tables 40 deep": ("settings file", "my.toml", text(TREE + b" = 1\n"), "is not a setting"),
    "tables 100 deep": ("settings file", "my.toml", text(TREE + b".a" * 60 + b" = 1\n"), "nested too deeply"),
    "an option 5,000 letters long": (
        *("options of the command line", "options.txt", text(b"a" * 5000 + b"\t1\n")),
        "is neither an option nor a setting",
    ),
    "a part of 5,000 digits": (
        *("words of the command line", "words.txt", text(b"--part 1/" + b"9" * 5000), "--part .1/9+"),
    ),
    "an added token whose id is infinite": (
        *("foreign tokenizer.json, GPT", "files/tokenizer.json"),
        *(replaced(b'"id": 1,', b'"id": 1e400,'), "1e400 is too large"),
    ),
    "a long dtype in a header": (
        *("own model, GPT", "files/model.safetensors"),
        *(lambda path: header(path, LONG), "is not a complete safetensors file.*xxx"),
    ),
    "a long value in a configuration": (
        *("own model, GPT", "files/config.json", value("sizes", "norm_eps", to=[LONG]), "norm_eps can't be"),
    ),
    "a manifest with a number that is infinite": (
        *(
            "own model, BERT",
            "files/manifest.json",
            replaced(b'"size": ', b'"size": 1e400, "x": '),
            "not JSON",
        ),
    ),
    "a manifest with a long format": (
        *("own model, BERT", "files/manifest.json", value("format", to=LONG), "the manifest has format xxx"),
    ),
    "a manifest that names a file of 300 letters": (
        *("own model, BERT", "files/manifest.json", value("files", "a" * 300, to={"size": 1, "sha256": ""})),
        "not a manifest of twinlm's",
    ),
    "a manifest that names a file of 200 letters of two bytes": (
        *("own model, BERT", "files/manifest.json", value("files", "é" * 200, to={"size": 1, "sha256": ""})),
        "manifest",
    ),
    "a family that is a long list": (
        *("model to go on from", "files/config.json", value("family", to=list(range(999)))),
        "is a model of the kind",
    ),
    "a width that is null": (
        *("foreign model, GPT", "files/config.json", value("n_embd", to=None), "n_embd"),
    ),
    "a document beyond all sentences": (
        *("token store", "files/documents.bin", number("<i8", 1, 2**50), "not made of its sentences"),
    ),
    "a sentence beyond all tokens": (
        *("token store", "files/sentences.bin", number("<i8", -1, 2**50), "not made of its tokens"),
    ),
    "a sentence that ends before it begins": (
        *("token store", "files/sentences.bin", number("<i8", 1, -3), "not made of its tokens"),
    ),
    "a token that the vocabulary has not": (
        *("token store", "files/tokens.bin", number("<u2", 5, 777), "a token has the id 777"),
    ),
    "a part that does not say its shards": (
        *(
            "parts of a token store",
            "part-00001-of-00002/done.json",
            text(b"{}"),
            "missing.*shards",
        ),
    ),
    "more parts than there can be": (
        *("parts of a token store", "part-00001-of-00002/inputs.json", value("parts", to=10**30)),
        "there can't be 1000",
    ),
    "a state without its step": ("training checkpoint", STATE, without("step"), "not what was written.*step"),
    "a state of another step": ("training checkpoint", STATE, value("step", to=7), "it is of step 7"),
    "a state whose format is a text": ("training checkpoint", STATE, value("format", to="1"), "not what was"),
    "a state that is a number": ("training checkpoint", STATE, text(b"3\n"), "not what was written"),
    "a mark without a hash": ("training checkpoint", STATE, value("metrics", to={"bytes": 1}), "sha256"),
    "a mark of half a byte": (
        "training checkpoint",
        STATE,
        value("metrics", "bytes", to=0.5),
        "metrics.bytes: expected `int`, got `float`",
    ),
    "tokens that are a text": (
        "training checkpoint",
        STATE,
        value("tokens", to="12"),
        "tokens: expected `int`, got `str`: '12'",
    ),
    "predictions that are no JSON": (
        "finished run",
        "run/tasks/*/bert/*/seed-1/pred*.jsonl",
        text(b"{"),
        "not JSON",
    ),
    "predictions of other examples": (
        *("finished run", "run/tasks/*/bert/*/seed-1/predictions.jsonl", text(b'{"id": "x"}\n')),
        "not the test examples",
    ),
    "details of fewer pairs in one place than in another": (
        *("finished run", "run/details.json", value("tasks", 0, "together", to=[])),
        "details.json: this is not what was written",
    ),
    "a fine-tuning without its best step": (
        *("finished run", "run/tasks/*/bert/*/seed-1/fine-tuning.json", without("best_step")),
        "missing field `best_step`",
    ),
    "seconds beyond all numbers": (
        *("training checkpoint", STATE, value("seconds", to=10**400)),
        "seconds: number out of range",
    ),
    "a plan without steps": (
        "finished run",
        "run/plan/gpt/plan.json",
        without("steps"),
        "missing field `steps`",
    ),
    "a plan of another shape": (
        "finished run",
        "run/plan/gpt/plan.json",
        text(b"[]"),
        "expected `object`, got `array`",
    ),
    "language that is no table": (
        "finished run",
        "run/gpt/language.json",
        text(b'{"test": true}'),
        "expected `object`, got `bool`",
    ),
    "language of validation text alone": (
        *("finished run", "run/gpt/language.json", without("test"), "missing field `test`"),
    ),
    "a sample that is a number": (
        "finished run",
        "run/gpt/samples.json",
        text(b"[1]"),
        "expected `object`, got `int`",
    ),
    "a sample without its prompt": (
        "finished run",
        "run/gpt/samples.json",
        text(b'[{"a": ""}]'),
        "not what was",
    ),
    "a training that took no steps": (
        "finished run",
        "run/gpt/pretraining.json",
        value("step", to=0),
        "step is 0",
    ),
    "a point of a curve that is no number": (
        *(
            "finished run",
            "run/bert/metrics.jsonl",
            replaced(b'"flops": ', b'"flops": NaN, "x": '),
            "a point",
        ),
    ),
    "a fine-tuning of more seconds than there are": (
        *(
            "finished run",
            "run/tasks/topic/gpt/rate-0.001/seed-1/fine-tuning.json",
            value("flops", to=10**120),
        ),
        "expected `float` <=",
    ),
    "answers to fewer pairs": (
        *("finished run", "run/gpt/quality/quality.json", value("figures", 0, "values_E", to=[1.0])),
        "expected 2 values for a figure, found 1",
    ),
    "baselines without a label": (
        *("finished run", "run/tasks/topic/baselines/predictions.json", value(0, "label", to=None)),
        "expected `str`",
    ),
    "a diagnosis that finds a text": (
        *("finished run", "run/data-doctor/diagnosis.json", value("findings", to=["x"]), "expected `object`"),
    ),
    "an environment that is a list": (
        "finished run",
        "run/environment.json",
        text(b"[]"),
        "expected `object`, got `array`",
    ),
    "half a character in the records": (
        *(
            "finished run",
            "run/gpt/samples.json",
            replaced(b'"original": "', b'"original": "\\ud800'),
            "not JSON",
        ),
    ),
    "a classifier that does not say how many texts it reads": (
        *("own model, classifier", "**/config.json", value("task", "constants", to={})),
        "needs the constant texts",
    ),
    "a report of samples without a text": (
        *("report of a run", "run/results.json", value("language", 0, "samples", to=[{}])),
        "not what was written",
    ),
}


def header(path: Path, dtype: str) -> None:
    """Give each tensor of a safetensors file another type."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    about = data[8 : 8 + length].replace(b'"F32"', json.dumps(dtype).encode())
    path.write_bytes(len(about).to_bytes(8, "little") + about + data[8 + length :])


@pytest.mark.parametrize("name", ONCE_WRONG)
def test_what_was_once_wrong_is_refused(
    name: str, valid: Callable[[str, Path], Any], bench: ModuleType, tmp_path: Path
) -> None:
    which, file, change, words = ONCE_WRONG[name]
    parser = valid(which, tmp_path)
    (place,) = tmp_path.glob(file)
    change(place)
    bench.seal(tmp_path, tmp_path.rglob(storage.MANIFEST) if place.name != storage.MANIFEST else ())
    with pytest.raises(UserError, match=f"(?s){words}") as caught:
        parser.read(tmp_path)
    assert caught.value.exit_code in parser.codes
    assert len(str(caught.value)) < bench.LONGEST_MESSAGE
