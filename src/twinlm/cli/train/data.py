"""`twinlm data`: text too large for one machine or one day into tokens, in parts."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from twinlm.cli.options import Json, interruptible
from twinlm.cli.progress import progress_on
from twinlm.errors import ResourceError, UsageError
from twinlm.settings import CorpusSettings
from twinlm.settings import build as config
from twinlm.system import storage
from twinlm.system.log import Progress

if TYPE_CHECKING:
    from twinlm.data.tokens.store import TokenStore

EXAMPLES = """Examples:
  twinlm data pack wiki/ --tokenizer runs/my/gpt/model --out packed
  twinlm data pack wiki/ --tokenizer runs/my/gpt/model --out packed --processes 8
  twinlm data pack wiki/ --tokenizer runs/my/gpt/model --out packed --part 3/64
  twinlm data pack wiki/ --held-out valid.txt --held-out test.txt --tokenizer tok --out packed
  twinlm data join packed

Parts are independent: run 1/64 to 64/64 on any machines that see the texts and
STORE, in any order, then join. A part that was stopped goes on behind its last
whole shard (256 million characters) when the command is given again. Each part
reads all texts, which is fast beside cutting them into tokens but not free, and
keeps a hash of each of its documents: take no more parts than you have cores or
machines for, or than memory asks for.

Train on it with --corpus.train STORE, --corpus.valid and --corpus.test.
"""
_Text = Annotated[
    list[str], Parameter(help='Files, folders, patterns, or "hf:name", as corpus.train takes them.')
]


def build(*, sort_key: int) -> App:
    """Return the command with its two parts."""
    app = App(
        name="data",
        help="Turn large texts into tokens, in parts, on one machine or on many.",
        help_epilogue=EXAMPLES,
        sort_key=sort_key,
    )
    app.command(pack, help_epilogue=EXAMPLES)
    app.command(join, help_epilogue=EXAMPLES)
    return app


def pack(
    texts: _Text,
    /,
    *,
    tokenizer: Annotated[Path, Parameter(help="A tokenizer's folder, or a model's.")],
    out: Annotated[Path, Parameter(help="The store's folder.")],
    part: Annotated[
        str, Parameter(help='Write this part alone, such as "3/64"; all of it, and join, if not given.')
    ] = "",
    held_out: Annotated[
        list[str] | None,
        Parameter(
            name="--held-out", help="Texts to validate and test on; documents equal to theirs are left out."
        ),
    ] = None,
    processes: Annotated[
        int, Parameter(help="Write so many parts at once, each in a process of its own, and join them.")
    ] = 1,
    text_field: Annotated[str, Parameter(help="Where the text stands in .jsonl and .parquet rows.")] = "text",
    encoding: Annotated[str, Parameter(help="Of .txt and .jsonl files.")] = "utf-8",
    is_json: Json = False,
) -> None:
    """Cut texts into tokens and write them as a part of a store.

    Of equal documents the first is kept, also across parts. Memory does not grow
    with the text.
    """
    number, parts = numbered(part)
    if processes != 1:
        if part or processes < 1:
            message = f"--processes {processes} can't be" + (f" together with --part {part}" if part else "")
            raise UsageError(message, hint="give --processes 8 for eight parts at once, or one --part 3/8")
        options = [*texts, *(word for path in held_out or () for word in ("--held-out", path))]
        options += ["--tokenizer", str(tokenizer), "--out", str(out), "--text-field", text_field]
        pack_at_once([*options, "--encoding", encoding], processes)
        join(out, is_json=is_json)
        return
    train, valid = tuple(texts), tuple(held_out or ())
    given = CorpusSettings(train=train, valid=valid, text_field=text_field, encoding=encoding)
    with interruptible(), progress_on() as progress:
        record = _write(given, tokenizer, out, number, parts, progress)
        from twinlm.data.tokens.packed import join_parts

        store = None if part else join_parts(out)
    _show(record, store, is_json=is_json)


def join(
    store: Annotated[Path, Parameter(help="The store's folder, whose parts are all written.")],
    /,
    *,
    is_json: Json = False,
) -> None:
    """Check all parts of a store, and write the index that joins them."""
    with interruptible(), progress_on():
        from twinlm.data.tokens.packed import join_parts, parts_of

        parts_of(store)  # else the lock would make a folder where there is none
        with storage.lock(store):
            joined = join_parts(store)
    _show({}, joined, is_json=is_json)


def pack_at_once(options: list[str], processes: int) -> None:
    """Run `twinlm data pack` for each of so many parts, all at once.

    Raises:
        ResourceError: one of them failed; it has said why.
    """
    command = [sys.executable, "-m", "twinlm", "data", "pack", *options, "--part"]
    alone = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    children = [
        subprocess.Popen([*command, f"{part}/{processes}"], stdout=subprocess.DEVNULL, env=alone)
        for part in range(1, processes + 1)
    ]
    with interruptible():
        try:
            codes = [child.wait() for child in children]
        finally:
            for child in children:
                child.terminate()
                child.wait()
    for part, code in enumerate(codes, start=1):
        if code:
            message = f"part {part}/{processes} ended with exit code {code}"
            raise ResourceError(message, hint="see above; the same command goes on with what is there")


def numbered(part: str) -> tuple[int, int]:
    """Return number and count of "3/64"; of nothing, 1 of 1.

    Raises:
        UsageError: it is neither.
    """
    found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", part or "1/1")  # a part's name has five digits
    if found and 1 <= int(found[1]) <= int(found[2]):
        return int(found[1]), int(found[2])
    raise UsageError(f"--part {part!r} is no part", hint="write --part 3/64, from 1/64 to 64/64")


def _write(
    given: CorpusSettings, tokenizer: Path, out: Path, number: int, parts: int, progress: Progress
) -> dict[str, Any]:
    """Write one part of a store of the training texts, without the validation texts; return what was done."""
    from twinlm.data.text.corpus import corpus_fingerprint, read_documents
    from twinlm.data.text.splits import text_hash
    from twinlm.data.tokens import packed
    from twinlm.tokenizer import Tokenizer

    def read(paths: Sequence[str], counts: Counter[str]) -> Iterator[str]:
        documents = read_documents(paths, text_field=given.text_field, encoding=given.encoding, counts=counts)
        return (document.text for document in documents)

    read_counts, counts = Counter[str](), Counter[str]()
    left_out = frozenset(map(text_hash, read(given.valid, Counter()))) if given.valid else frozenset()
    inputs = {
        "part": number,
        "parts": parts,
        "texts": corpus_fingerprint(given.train, text_field=given.text_field),
        "text_field": given.text_field,
        "encoding": given.encoding,
        "held_out": packed.held_out_fingerprints(given.valid, text_field=given.text_field),
    }
    folder = out / packed.part_name(number, parts)
    with storage.lock(folder):
        is_new = packed.write_part(
            folder,
            packed.of_part(read(given.train, read_counts), number, parts, held_out=left_out, counts=counts),
            Tokenizer.from_folder(_tokenizer_folder(tokenizer)),
            inputs=inputs,
            counts=counts,
            progress=progress,
        )
        done = storage.read_json(folder / "done.json")
    return {"part": str(folder), "is_new": is_new, **done, "read": +read_counts}


def _tokenizer_folder(folder: Path) -> Path:
    """Return where the tokenizer of a folder lies: in it, or in a folder of ours below it."""
    places = [folder, folder / "files", folder / "model"]
    return next((place for place in places if (place / "tokenizer.json").is_file()), folder)


def _show(record: dict[str, Any], store: "TokenStore | None", *, is_json: bool) -> None:
    if store is not None:
        names = ("token_count", "text_bytes", "unknown_count", "empty_count", "document_count")
        record["store"] = {"folder": str(store.folder), **{name: getattr(store, name) for name in names}}
    if is_json:
        print(json.dumps(config.plain(record)))
        return
    if "part" in record:
        said = ", ".join(f"{number:,} {name}" for name, number in record["counts"].items())
        print(f"{record['part']}: {said}" + ("" if record["is_new"] else " (written before)"))
    if store is not None:
        print(
            f"{store.folder}: {store.document_count:,} documents, {store.token_count:,} tokens, all checked"
        )
