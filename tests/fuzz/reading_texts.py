"""Settings, text, labels and what stands on standard input: valid files of each, and what reads them."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import tomli_w

from twinlm.cli.main import run
from twinlm.cli.options import read_settings, task_rows
from twinlm.cli.texts import argument_or_input, arguments_or_lines, paired
from twinlm.cli.train.data import numbered
from twinlm.cli.use.embed import parse_layers
from twinlm.data.labels.labelled import read_labelled
from twinlm.data.probes.minimal_pairs import read_pairs
from twinlm.data.text.corpus import corpus_fingerprint, read_documents
from twinlm.doctor.examine import examine
from twinlm.doctor.material import of_files
from twinlm.settings import Settings, build, presets, recipes
from twinlm.system.log import Silent
from twinlm.tasks.table import TASKS

SENTENCES = ["The red cat sat on the mat.", "A big dog ran to the café.", "She drinks tea, with \u4f60 milk!"]
TEXT = "\n\n".join("\n".join(SENTENCES[number % 3 :] + SENTENCES[: number % 3]) for number in range(6)) + "\n"
ROWS = "".join(json.dumps({"text": text, "n": 1}, ensure_ascii=False) + "\n" for text in SENTENCES * 2)
SETTINGS = """\
size = "tiny"
title = "fuzz"
[corpus]
train = ["text.txt"]
[[task]]
name = "topic"
train = "labels.csv"
[model]
layers = 2
width = 64
heads = 2
[pretrain]
length = 32
[pretrain.optimizer]
learning_rate = 2e-3
schedule = "cosine"
[bert.pretrain]
mask_share = 0.4
[[arm]]
name = "wide"
kind = "bert"
model.width = 128
[budget]
match = "flops"
amount = 1e12
[compare]
seeds = [1, 2, 3]
"""
OVERRIDES = """\
pretrain.length\t64
gpt.model.width\t128
budget.amount\t1e12
compare.seeds\t1,2,3
corpus.train\ta.txt, b.txt
task.name\ttopic
tokenizer.lowercase\ttrue
finetune.optimizer.learning-rate\t3e-4
"""
CONLL = "-DOCSTART- O\n\nAnn B-PER\nLee I-PER\nleft O\n. O\n\nIn O\nOslo B-LOC\n"
CONLLU = """\
# sent_id = 1
1\tAnn\tAnn\tPROPN\tNNP\t_\t2\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\tRB\t_\t2\tadvmod\t_\tSpaceAfter=No

"""
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": "Ada Lovelace wrote the first program.",
                    "qas": [
                        {"id": "1", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]},
                        {"id": "2", "question": "Why?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}
QUESTION = {"context": "Ada wrote it.", "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}


def _lines(*rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# For each kind of task, files that hold the same few examples.
LABELLED: dict[str, dict[str, str]] = {
    "classification": {
        "a.csv": 'text,label\n"one, ""two""",yes\nthree,no\n"four\nfive",yes\n',
        "a.tsv": "text\tlabel\none two\tyes\nthree\tno\n",
        "a.jsonl": _lines(
            {"text": "one", "label": "a"}, {"text": "two", "label": 1}, {"text": "é", "label": True}
        ),
    },
    "similarity": {
        "a.csv": "text,text_b,score\none,two,1.5\nthree,four,0\n",
        "a.tsv": "text\ttext_b\tscore\none\ttwo\t1.5\nthree\tfour\t-2e-1\n",
        "a.jsonl": _lines(
            {"text": "a", "text_b": "b", "score": 2}, {"text": "c", "text_b": "d", "score": 0.5}
        ),
    },
    "choice": {
        "a.csv": "text,choice_1,choice_2,label\none,a,b,0\ntwo,c,d,1\n",
        "a.tsv": "text\tchoice_1\tchoice_2\tlabel\none\ta\tb\t0\ntwo\tc\td\t1\n",
        "a.jsonl": _lines(
            {"text": "a", "choices": ["b", "c"], "label": 1}, {"text": "d", "choices": ["e", "f"], "label": 0}
        ),
    },
    "tagging": {
        "a.jsonl": _lines(
            {"tokens": ["Ann", "left"], "tags": ["B-PER", "O"]}, {"tokens": ["é"], "tags": ["O"]}
        ),
        "a.conll": CONLL,
        "a.conllu": CONLLU,
    },
    "span_qa": {
        "a.jsonl": _lines(QUESTION, {**QUESTION, "answers": {"text": ["wrote"], "answer_start": [4]}}),
        "a.json": json.dumps(SQUAD, indent=1),
    },
}
PAIRS = {
    "a.jsonl": _lines(
        {"sentence_good": "a b", "sentence_bad": "b a", "UID": "x"},
        {"sentence_good": "c", "sentence_bad": "d"},
    ),
    "a.csv": "good,bad,phenomenon\nShe runs,She run,agreement\nI am,I is,agreement\n",
    "a.tsv": "good\tbad\nShe runs\tShe run\n",
}
DOCTOR = """\
threads = 1
corpus.train = "text.txt"
model = {layers = 1, width = 16, heads = 2, max_length = 32}
pretrain.length = 32
finetune.max_length = 32
tokenizer.vocab_size = 300
task = [{name = "topic", train = "labels.csv"}]
"""


def _write(name: str, data: str | bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def _zstd(data: bytes) -> bytes:
    import zstandard

    packed: bytes = zstandard.compress(data)
    return packed


def _parquet(folder: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"text": SENTENCES * 3, "n": list(range(9))})
    pyarrow.parquet.write_table(table, folder / "a.parquet")


def _corpus(name: str, **options: Any) -> Callable[[Path], Any]:
    def read(folder: Path) -> None:
        paths, counts = [str(folder / name)], Counter[str]()
        list(read_documents(paths, **options, counts=counts))
        corpus_fingerprint(paths)

    return read


def _settings(folder: Path) -> None:
    presets.resolve(folder / "my.toml", {})
    recipes.read_notes(folder / "my.toml")


def _overrides(folder: Path) -> None:
    """Give each line as an option, as the system hands over what is not UTF-8."""
    text = os.fsdecode((folder / "options.txt").read_bytes()).replace("\0", "")
    pairs = (line.partition("\t") for line in text.split("\n")[:100] if line)
    read_settings(None, {name: value for name, _, value in pairs}, is_demo=False)


def _words(folder: Path) -> None:
    """Read each line as what people write after --layers, --part and --task."""
    for line in os.fsdecode((folder / "words.txt").read_bytes()).replace("\0", "").split("\n")[:20]:
        option, _, word = line.partition(" ")
        {"--layers": parse_layers, "--part": numbered}.get(option, lambda word: task_rows([word], {}))(word)


def _command(folder: Path) -> None:
    """Give each line as an argument of commands that only show."""
    before = Path.cwd()
    os.chdir(folder)  # where the traceback of a bug is left
    try:
        _shown(folder)
    finally:
        os.chdir(before)


def _shown(folder: Path) -> None:
    words = os.fsdecode((folder / "arguments.txt").read_bytes()).replace("\0", "").split("\n")[:30]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        for command in (["config", "show"], ["config", "list"], ["describe"]):
            if (code := run([*command, *words])) not in (0, 2):
                raise SystemExit(f"exit code {code}: {said.getvalue()[:300]}")


def _standard_input(folder: Path) -> None:
    data = (folder / "input.txt").read_bytes()
    for read in (argument_or_input, arguments_or_lines):
        stream = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False)
        with mock.patch.object(sys, "stdin", stream), mock.patch.object(sys, "stderr", io.StringIO()):
            texts: Any = read(None) if read is argument_or_input else read([])
    paired(texts, is_lines=True)


def _labelled(kind: str, name: str) -> Callable[[Path], Any]:
    form = TASKS[kind].form
    return lambda folder: read_labelled(folder / name, form=form, counts=Counter())


def _doctor_files(folder: Path) -> None:
    (folder / "text.txt").write_text(TEXT)
    rows = [f'"{SENTENCES[number % 3]} {number}",{"ab"[number % 2]}' for number in range(12)]
    (folder / "labels.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    (folder / "my.toml").write_text(DOCTOR)


def _doctor(folder: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)
    try:
        settings, silent = presets.resolve(Path("my.toml"), {}), Silent()
        examine(of_files(settings, silent), folder=folder, scratch=folder / "scratch", progress=silent)
    finally:
        os.chdir(before)


_ALL = tomli_w.dumps({name: value for name, value in build.plain(Settings()).items() if name != "arm"})
_LATIN = TEXT.replace("\u4f60", "x").encode("cp1252")
_WIDE = TEXT.encode("utf-16-le")
_PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": _zstd}

PARSERS: dict[str, dict[str, Any]] = {
    "settings file": {"write": _write("my.toml", SETTINGS), "read": _settings, "codes": (2,), "weight": 2},
    "settings file with every setting": {"write": _write("my.toml", _ALL), "read": _settings, "codes": (2,)},
    "options of the command line": {
        "write": _write("options.txt", OVERRIDES), "read": _overrides, "codes": (2,),
    },
    "words of the command line": {
        "write": _write("words.txt", "--layers last4\n--layers 0,-1\n--part 3/64\n--task a/b.csv\n"),
        "read": _words,
        "codes": (2,),
    },
    "arguments of commands": {
        "write": _write("arguments.txt", "bert-tiny\n--pretrain.length\n64\n--json"),
        "read": _command,
        "codes": (),
        "weight": 0.2,
        "is_writing": True,
    },
    "standard input": {"write": _write("input.txt", "a\tb\nc\td\n"), "read": _standard_input, "codes": (3,)},
    "text, strict": {"write": _write("a.txt", TEXT), "read": _corpus("a.txt"), "codes": (3,)},
    "text, replace": {
        "write": _write("a.txt", TEXT), "read": _corpus("a.txt", errors="replace"), "codes": (3,),
    },
    "text, cp1252, skip": {
        "write": _write("a.txt", _LATIN),
        "read": _corpus("a.txt", encoding="cp1252", errors="skip"),
        "codes": (3,),
    },
    "text, utf-16-le": {
        "write": _write("a.txt", _WIDE), "read": _corpus("a.txt", encoding="utf-16-le"), "codes": (3,),
    },
    "text, .jsonl": {
        "write": _write("a.jsonl", ROWS), "read": _corpus("a.jsonl", max_bad_share=0.5), "codes": (3,),
    },
    "text, .parquet": {"write": _parquet, "read": _corpus("a.parquet"), "codes": (3,)},
    **{
        f"text, .{ending}": {
            "write": _write(f"a.txt.{ending}", pack(TEXT.encode())),
            "read": _corpus(f"a.txt.{ending}"),
            "codes": (3,),
        }
        for ending, pack in _PACKED.items()
    },
    **{
        f"labels, {kind}, {name[1:]}": {
            "write": _write(name, data), "read": _labelled(kind, name), "codes": (3,),
        }
        for kind, files in LABELLED.items()
        for name, data in files.items()
    },
    **{
        f"minimal pairs, {name[1:]}": {
            "write": _write(name, data),
            "read": lambda folder, name=name: read_pairs(folder / name),
            "codes": (3,),
        }
        for name, data in PAIRS.items()
    },
    "data doctor": {
        "write": _doctor_files, "read": _doctor, "codes": (2, 3, 5), "weight": 0.02, "is_writing": True,
    },
}  # fmt: skip
"""By name, what `bench.Parser` is made of."""
