"""`twinlm data`: tokenize text too large for one machine or one day, in parts."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Encoding, Json, TextField
from twinlm.cli.running import interruptible
from twinlm.cli.tables import print_counts, print_json
from twinlm.errors import ResourceError, UsageError
from twinlm.settings import CorpusSettings, build
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.data.tokens.store import TokenStore

_Text = Annotated[
    list[str], Parameter(help='Files, folders, patterns, or "hf:name", as corpus.train takes them.')
]


def pack(
    texts: _Text,
    /,
    *,
    tokenizer: Annotated[Path, Parameter(help="Folder of a tokenizer or a model.")],
    out: Annotated[Path, Parameter(help="Folder of the store.")],
    part: Annotated[str, Parameter(help='Write only this part, such as "3/64"; default: all, joined.')] = "",
    held_out: Annotated[
        list[str] | None,
        Parameter(name="--held-out", help="Validation and test texts; equal documents are left out."),
    ] = None,
    processes: Annotated[int, Parameter(help="Number of parts to write at once, and then join.")] = 1,
    text_field: TextField = "text",
    encoding: Encoding = "utf-8",
    is_json: Json = False,
) -> None:
    """Tokenize texts and write them as a part of a store.

    Of equal documents the first is kept, also across parts. Memory does not grow
    with the text.
    """
    number, parts = numbered(part)
    if processes != 1:
        if part or processes < 1:
            message = f"--processes {processes} is not allowed" + (f" with --part {part}" if part else "")
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
    store: Annotated[Path, Parameter(help="Folder of the store, whose parts are all written.")],
    /,
    *,
    is_json: Json = False,
) -> None:
    """Check all parts of a store, and write the index that joins them."""
    with interruptible(), progress_on():
        from twinlm.data.tokens.packed import join_parts, parts_of

        parts_of(store)  # raises if there is no store: the lock would create its folder
        with storage.lock(store):
            joined = join_parts(store)
    _show({}, joined, is_json=is_json)


def pack_at_once(options: list[str], processes: int) -> None:
    """Run `twinlm data pack` for all parts at once, each in its own process that prints its errors."""
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
            raise ResourceError(message, hint="see above; the same command resumes")


def numbered(part: str) -> tuple[int, int]:
    """Return number and count of a part such as "3/64"; 1 and 1 if none is named."""
    numbers = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", part or "1/1")  # a part's name has five digits
    if numbers and 1 <= int(numbers[1]) <= int(numbers[2]):
        return int(numbers[1]), int(numbers[2])
    raise UsageError(f"--part {part!r} is not a part", hint="write --part 3/64, from 1/64 to 64/64")


def _write(
    given: CorpusSettings, tokenizer: Path, out: Path, number: int, parts: int, progress: Progress
) -> dict[str, Any]:
    """Write one part of a store of the training texts without the held-out texts; return its record."""
    from twinlm.data.text.corpus import corpus_fingerprint, read_documents
    from twinlm.data.text.splits import text_hash
    from twinlm.data.tokens import packed
    from twinlm.system.records import to_json
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
        done = to_json(packed.read_done(folder))
    return {"part": str(folder), "is_new": is_new, **done, "read": +read_counts}


def _tokenizer_folder(folder: Path) -> Path:
    """Return the folder itself if it is a tokenizer's, or the one of ours below it."""
    candidates = [folder, folder / "files", folder / "model"]
    return next((path for path in candidates if (path / "tokenizer.json").is_file()), folder)


def _show(record: dict[str, Any], store: "TokenStore | None", *, is_json: bool) -> None:
    if store is not None:
        names = ("token_count", "text_bytes", "unknown_count", "empty_count", "document_count")
        record["store"] = {"folder": str(store.folder), **{name: getattr(store, name) for name in names}}
    if is_json:
        print_json(build.plain(record))
        return
    print_counts(record.get("read", {}))
    if "part" in record:
        counts = ", ".join(f"{number:,} {name}" for name, number in record["counts"].items())
        print(f"{record['part']}: {counts}" + ("" if record["is_new"] else " (written before)"))
    if store is not None:
        sizes = f"{store.document_count:,} documents, {store.token_count:,} tokens"
        print(f"{store.folder}: {sizes}, all checked")


_HELP = """Tokenize large texts in parts.

Use it when the text is too large for one machine or one day; twinlm compare
tokenizes smaller texts by itself.

Examples:
  twinlm data pack wiki/ --tokenizer runs/my/gpt/model --out packed
  twinlm data pack wiki/ --tokenizer runs/my/gpt/model --out packed --processes 8
  twinlm data pack wiki/ --tokenizer runs/my/gpt/model --out packed --part 3/64
  twinlm data pack wiki/ --held-out valid.txt --tokenizer tok --out packed
  twinlm data join packed
Next:
  twinlm compare my.toml --corpus.train packed --corpus.valid valid.txt

Parts are independent: run 1/64 to 64/64 in any order, on any machines that see
the texts and STORE, then join. A stopped part resumes after its last whole shard
(256 million characters) when repeated. Each part reads all texts, which is fast
compared to tokenizing but not free, and keeps a hash of each of its documents:
use no more parts than your cores, machines or memory require.

Train on the store with --corpus.train STORE, --corpus.valid and --corpus.test.
"""
COMMAND = Command("data", _HELP, parts=(Command("pack", pack), Command("join", join)))
