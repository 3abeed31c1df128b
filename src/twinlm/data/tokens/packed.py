"""Large token stores: numbered parts that any machine can write alone, each in shards, joined by an index.

    STORE/part-00003-of-00064/inputs.json     what the part is made from
                              0001/, 0002/    shards: complete stores of about 256 million characters
                              done.json       number of shards
    STORE/index/                              bounds of all sentences and documents, the shards, the tokenizer

A killed part resumes after its last complete shard. Documents go to parts by the hash of their text, so equal
texts meet in one part and only the first is kept. Memory depends on neither text nor parts, except for a
hash per document of the part. A run's corpus larger than a shard is written this way too, as one part.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from twinlm.data.text.corpus import corpus_fingerprint
from twinlm.data.text.sentences import split_sentences
from twinlm.data.text.splits import text_hash
from twinlm.data.tokens.store import COUNTS, INDEX, JoinedFacts, Shard, TokenStore, store_facts
from twinlm.data.tokens.writing import write_store
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.system import storage
from twinlm.system.log import Progress, Silent
from twinlm.system.records import Record, Whole, read_record, to_json
from twinlm.tokenizer import Tokenizer

SHARD_CHARACTERS = 1 << 28
"""Fewest characters of a shard, except the last. A kill costs at most this much work."""
_INPUTS, _DONE = "inputs.json", "done.json"
_MOST_PARTS = 100_000  # a part's name has five digits


class Done(Record):
    """The done.json of a complete part."""

    shards: Whole
    """Number of shards."""
    counts: dict[str, Whole]
    """Counts of the documents that were read."""


def part_name(part: int, parts: int) -> str:
    """Return the folder name of a part, numbered from 1."""
    return f"part-{part:05d}-of-{parts:05d}"


def of_part(
    texts: Iterable[str], part: int, parts: int, *, held_out: AbstractSet[bytes], counts: dict[str, int]
) -> Iterator[str]:
    """Yield the texts of a part, without duplicates and held-out texts, and count them."""
    seen: set[bytes] = set()
    for name in ("documents", "duplicate documents", "held-out documents"):
        counts.setdefault(name, 0)
    for text in texts:
        digest = text_hash(text)
        # Equal texts have equal hashes: they meet in one part, whichever machine reads them.
        if int.from_bytes(digest[:8], "little") % parts != part - 1:
            continue
        if digest in held_out:
            counts["held-out documents"] += 1
        elif digest in seen:
            counts["duplicate documents"] += 1
        else:
            seen.add(digest)
            counts["documents"] += 1
            yield text


def held_out_fingerprints(paths: Sequence[str], *, text_field: str = "text") -> list[str]:
    """Return a SHA-256 of the texts of each path that a store was packed without."""
    return sorted(corpus_fingerprint([path], text_field=text_field) for path in paths)


def write_part(
    folder: Path,
    texts: Iterable[str],
    tokenizer: Tokenizer,
    *,
    inputs: Mapping[str, Any],
    counts: Mapping[str, int],
    progress: Progress,
) -> bool:
    """Write a part, or resume it; return whether anything was left to do.

    `texts` come in the same order each time, from the first one on; `inputs` is what else the part is made
    from, equal in all parts but for the part's number. `counts` are written once all texts were read.
    """
    wanted = {**inputs, "tokenizer": tokenizer.fingerprint, "shard_characters": SHARD_CHARACTERS}
    if (folder / _INPUTS).is_file():
        before = read_record(dict[str, Any], folder / _INPUTS)
        different = [name for name, value in wanted.items() if before.get(name) != value]
        if different:
            message = f"this part was started with another {different[0].replace('_', ' ')}"
            raise UsageError(message, file=folder, hint="choose another --out, or delete this folder")
    else:
        storage.write_json(folder / _INPUTS, wanted)
    if (folder / _DONE).is_file():
        return False
    shards = _complete_shards(folder)
    read_before = sum(facts.documents + facts.empty_documents for facts in map(store_facts, shards))
    # Those of complete shards are skipped.
    remaining, number = islice(iter(texts), read_before, None), len(shards)
    for first in remaining:
        number += 1
        shard = folder / f"{number:04d}"
        shard_texts = _until_full(chain([first], remaining))
        store = write_store(shard, shard_texts, tokenizer, split_sentences, total=0, progress=Silent())
        progress.say(f"{shard}: {store.document_count:,} documents, {store.token_count:,} tokens")
    if not number:
        raise DataError("there is no text for this part", file=folder, hint="use fewer parts")
    storage.publish_folder(folder / "tokenizer", tokenizer.to_files())
    storage.write_json(folder / _DONE, to_json(Done(shards=number, counts=dict(counts))))
    return True


def read_done(folder: Path) -> Done:
    """Return what a complete part says of itself."""
    return read_record(Done, folder / _DONE)


def parts_of(folder: Path) -> list[Path]:
    """Return the parts of a store that were started, in order; a `ModelError` if there are none."""
    parts = sorted(path for path in folder.glob("part-*-of-*") if (path / _INPUTS).is_file())
    if not parts:
        hint = "write them first: twinlm data pack TEXT --tokenizer FOLDER --out STORE --part 1/8"
        raise ModelError("there are no parts of a store here", file=folder, hint=hint)
    return parts


def join_parts(folder: Path) -> TokenStore:
    """Join the parts of a store and open it, if all are there, sound, and made from the same inputs."""
    parts = parts_of(folder)
    inputs = [read_record(dict[str, Any], path / _INPUTS) for path in parts]
    _check_parts(folder, parts, inputs)
    shards = [shard for path in parts for shard in _complete_shards(path)]
    shard_facts = [store_facts(shard) for shard in shards]
    facts = JoinedFacts(
        dtype=shard_facts[0].dtype,
        tokenizer=shard_facts[0].tokenizer,
        inputs={name: value for name, value in inputs[0].items() if name != "part"},
        shards=[
            Shard(
                folder=str(shard.relative_to(folder)),
                tokens=one.tokens,
                manifest=storage.file_sha256(shard / storage.MANIFEST),
            )
            for shard, one in zip(shards, shard_facts, strict=True)
        ],
        **{name: sum(getattr(one, name) for one in shard_facts) for name in COUNTS},
    )
    files: dict[str, bytes | Iterable[bytes]] = {
        "sentences.bin": _sentences(shards),
        "documents.bin": _documents(shards),
        "store.json": storage.json_bytes(to_json(facts)),
    }
    files |= {
        f"tokenizer/{path.name}": path.read_bytes()
        for path in sorted((parts[0] / "tokenizer").iterdir())
        if path.name != storage.MANIFEST
    }
    storage.publish_folder(folder / INDEX, files)
    return TokenStore(folder, verify=True)


def _check_parts(folder: Path, parts: list[Path], inputs: list[dict[str, Any]]) -> None:
    count = inputs[0].get("parts", 0)
    if type(count) is not int or count >= _MOST_PARTS:
        raise ModelError(f"there can't be {count!r} parts", file=parts[0] / _INPUTS)
    wanted = [folder / part_name(part, count) for part in range(1, count + 1)]
    for path, its_inputs in zip(parts, inputs, strict=True):
        different = [name for name in inputs[0] if name != "part" and its_inputs.get(name) != inputs[0][name]]
        if path not in wanted or different:
            name = different[0].replace("_", " ") if different else "name"
            message = f"this part does not belong to the others: it has another {name} than {parts[0].name}"
            raise ModelError(message, file=path, hint="delete it, or pack it again like the others")
    for path in wanted:
        if not (path / _DONE).is_file():
            message = f"this part is {'incomplete' if path in parts else 'missing'}"
            number = path.name.split("-")[1].lstrip("0")
            hint = f"run: twinlm data pack ... --out {folder} --part {number}/{count}"
            raise ModelError(message, file=path, hint=hint)
        written, complete = read_done(path).shards, len(_complete_shards(path))
        if written != complete:
            message = f"this part has {complete} complete shards, but {written} were written"
            raise ModelError(message, file=path)


def _complete_shards(folder: Path) -> list[Path]:
    shards: list[Path] = []
    while storage.is_published(shard := folder / f"{len(shards) + 1:04d}"):
        shards.append(shard)
    return shards


def _until_full(texts: Iterable[str]) -> Iterator[str]:
    characters = 0
    for text in texts:
        yield text
        characters += len(text)
        if characters >= SHARD_CHARACTERS:
            return


def _sentences(shards: Iterable[Path]) -> Iterator[bytes]:
    begin = 0
    for shard in shards:
        store = TokenStore(shard)
        yield (np.asarray(store.sentences_S2) + begin).tobytes()
        begin += store.token_count


def _documents(shards: Iterable[Path]) -> Iterator[bytes]:
    begin = np.int64(0)
    for shard in shards:
        store = TokenStore(shard)
        yield (store.documents_E[:-1] + begin).tobytes()
        begin += store.documents_E[-1]
    yield begin.tobytes()
