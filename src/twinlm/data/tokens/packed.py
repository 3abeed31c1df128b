"""Large token stores: numbered parts that any machine can write alone, each in shards, joined by an index.

    STORE/part-00003-of-00064/inputs.json     what the part is made from
                              0001/, 0002/    shards: whole stores of about 256 million characters
                              done.json       how many shards it has
    STORE/index/                              where all sentences and documents lie, the shards, the tokenizer

A part that was killed goes on behind its last whole shard. Documents are dealt out to parts by the hash of
their text, so equal texts meet in one part and none is kept twice. Memory depends on neither text nor parts,
but for a hash of each document of the part. Also the corpus of a run is written so, as one part, if it is
larger than a shard. `TokenStore` reads the joined folder as if it were one store.
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
from twinlm.data.tokens.store import INDEX, JOINED_FORMAT, TokenStore, store_facts, write_store
from twinlm.errors import DataError, ModelError, UsageError, as_model_error
from twinlm.system import storage
from twinlm.system.log import Progress, Silent
from twinlm.tokenizer import Tokenizer

SHARD_CHARACTERS = 1 << 28
"""Of the documents of a shard, at least; the last one is shorter. What a kill can cost."""
_INPUTS, _DONE = "inputs.json", "done.json"
_MOST_PARTS = 100_000
"""There are fewer: a part's name has five digits."""


def part_name(part: int, parts: int) -> str:
    """Return the name of a part's folder, from 1."""
    return f"part-{part:05d}-of-{parts:05d}"


def of_part(
    texts: Iterable[str], part: int, parts: int, *, held_out: AbstractSet[bytes], counts: dict[str, int]
) -> Iterator[str]:
    """Yield the texts that belong to a part, the first of equal ones, but none that is held out.

    Adds to `counts`: "documents", "duplicate documents", "held-out documents", of this part.
    """
    seen: set[bytes] = set()
    for name in ("documents", "duplicate documents", "held-out documents"):
        counts.setdefault(name, 0)
    for text in texts:
        digest = text_hash(text)
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
    """Write a part, or go on with it; return whether there was anything left to do.

    Args:
        folder: `part_name` in the store's folder.
        texts: of this part alone, always in the same order; gone through from the start in each call.
        tokenizer: cuts them.
        inputs: what else the part is made from; parts of one store have the same, but for their number.
        counts: what was read, noted once all texts were gone through.
        progress: told of each shard.

    Raises:
        DataError: the part has no text.
        UsageError: the part was begun with other inputs.
    """
    wanted = {**inputs, "tokenizer": tokenizer.fingerprint, "shard_characters": SHARD_CHARACTERS}
    if (folder / _INPUTS).is_file():
        before = storage.read_json(folder / _INPUTS)
        with as_model_error(folder / _INPUTS):
            different = [name for name, value in wanted.items() if before.get(name) != value]
        if different:
            message = f"this part was begun with another {different[0].replace('_', ' ')}"
            raise UsageError(message, file=folder, hint="choose another --out, or delete this folder")
    else:
        storage.write_json(folder / _INPUTS, wanted)
    if (folder / _DONE).is_file():
        return False
    shards = _whole_shards(folder)
    gone_through = sum(facts["documents"] + facts["empty_documents"] for facts in map(store_facts, shards))
    waiting, number = islice(iter(texts), gone_through, None), len(shards)
    for first in waiting:
        number += 1
        shard = folder / f"{number:04d}"
        some = _until_full(chain([first], waiting))
        store = write_store(shard, some, tokenizer, split_sentences, total=0, progress=Silent())
        progress.say(f"{shard}: {store.document_count:,} documents, {store.token_count:,} tokens")
    if not number:
        raise DataError("there is no text for this part", file=folder, hint="take fewer parts")
    storage.publish_folder(folder / "tokenizer", tokenizer.to_files())
    storage.write_json(folder / _DONE, {"shards": number, "counts": dict(counts)})
    return True


def parts_of(folder: Path) -> list[Path]:
    """Return the parts of a store that were begun, in their order.

    Raises:
        ModelError: there are none.
    """
    found = sorted(path for path in folder.glob("part-*-of-*") if (path / _INPUTS).is_file())
    if not found:
        hint = "write them first: twinlm data pack TEXT --tokenizer FOLDER --out STORE --part 1/8"
        raise ModelError("there are no parts of a store here", file=folder, hint=hint)
    return found


def join_parts(folder: Path) -> TokenStore:
    """Join the parts of a store and open it; every byte of them is checked first.

    Raises:
        ModelError: a part is missing, not whole, damaged, or was made from other inputs than the first.
    """
    found = parts_of(folder)
    inputs = [storage.read_json(path / _INPUTS) for path in found]
    with as_model_error(folder):
        _check_parts(folder, found, inputs)
    shards: list[Path] = []
    for path in found:
        shards += _whole_shards(path)
    described = [store_facts(shard) for shard in shards]
    facts = {
        "format": JOINED_FORMAT,
        "dtype": described[0]["dtype"],
        "tokenizer": described[0]["tokenizer"],
        "inputs": {name: value for name, value in inputs[0].items() if name != "part"},
        "shards": [
            {
                "folder": str(shard.relative_to(folder)),
                "tokens": one["tokens"],
                "manifest": storage.file_sha256(shard / storage.MANIFEST),
            }
            for shard, one in zip(shards, described, strict=True)
        ],
    }
    summed = ("documents", "sentences", "tokens", "text_bytes", "unknown", "empty_documents")
    facts |= {name: sum(one[name] for one in described) for name in summed}
    files: dict[str, bytes | Iterable[bytes]] = {
        "sentences.bin": _sentences(shards),
        "documents.bin": _documents(shards),
        "store.json": storage.json_bytes(facts),
    }
    tokenizer = found[0] / "tokenizer"
    files |= {
        f"tokenizer/{path.name}": path.read_bytes()
        for path in sorted(tokenizer.iterdir())
        if path.name != storage.MANIFEST
    }
    storage.publish_folder(folder / INDEX, files)
    return TokenStore(folder, verify=True)


def _check_parts(folder: Path, found: list[Path], inputs: list[dict[str, Any]]) -> None:
    parts = inputs[0].get("parts", 0)
    if type(parts) is not int or parts >= _MOST_PARTS:
        raise ModelError(f"there can't be {parts!r} parts", file=found[0] / _INPUTS)
    wanted = [folder / part_name(part, parts) for part in range(1, parts + 1)]
    for path, given in zip(found, inputs, strict=True):
        different = [name for name in inputs[0] if name != "part" and given.get(name) != inputs[0][name]]
        if path not in wanted or different:
            what = different[0].replace("_", " ") if different else "name"
            message = f"this part does not belong to the others: it has another {what} than {found[0].name}"
            raise ModelError(message, file=path, hint="delete it, or pack it again as the others were")
    for path in wanted:
        if not (path / _DONE).is_file():
            is_begun = path in found
            message = f"this part is {'not whole' if is_begun else 'missing'}"
            number = path.name.split("-")[1].lstrip("0")
            hint = f"run: twinlm data pack ... --out {folder} --part {number}/{parts}"
            raise ModelError(message, file=path, hint=hint)
        with as_model_error(path / _DONE):
            noted, whole = storage.read_json(path / _DONE)["shards"], len(_whole_shards(path))
        if noted != whole:
            raise ModelError(f"this part has {whole} whole shards, but {noted} were written", file=path)


def _whole_shards(folder: Path) -> list[Path]:
    """Return the shards of a part, up to the first that is not there."""
    shards: list[Path] = []
    while storage.is_published(shard := folder / f"{len(shards) + 1:04d}"):
        shards.append(shard)
    return shards


def _until_full(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts until a shard is full."""
    characters = 0
    for text in texts:
        yield text
        characters += len(text)
        if characters >= SHARD_CHARACTERS:
            return


def _sentences(shards: Iterable[Path]) -> Iterator[bytes]:
    """Yield the sentences' places in all tokens, shard by shard."""
    begin = 0
    for shard in shards:
        store = TokenStore(shard)
        yield (np.asarray(store.sentences_S2) + begin).tobytes()
        begin += store.token_count


def _documents(shards: Iterable[Path]) -> Iterator[bytes]:
    """Yield the documents' first sentences among all, shard by shard, and the number of sentences."""
    begin = np.int64(0)
    for shard in shards:
        store = TokenStore(shard)
        yield (store.documents_E[:-1] + begin).tobytes()
        begin += store.documents_E[-1]
    yield begin.tobytes()
