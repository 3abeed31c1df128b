"""Training text that `twinlm data pack` has tokenized already."""

from collections import Counter
from pathlib import Path

from twinlm.data.text.documents import read_held_out
from twinlm.data.text.splits import Splits
from twinlm.data.tokens.packed import held_out_fingerprints
from twinlm.data.tokens.store import INDEX, TokenStore, check_ids, is_joined, joined_facts
from twinlm.errors import UsageError, as_model_error
from twinlm.settings import CorpusSettings
from twinlm.system import storage
from twinlm.tokenizer import Tokenizer


def packed_store(corpus: CorpusSettings) -> Path | None:
    """Return the packed store that `corpus.train` names, or None; it must not name other texts too."""
    folders = [Path(path) for path in corpus.train if is_joined(Path(path))]
    if folders and len(corpus.train) > 1:
        raise UsageError("a packed store is the whole training text", hint="name it alone in corpus.train")
    return folders[0] if folders else None


def read_beside(
    store: Path, corpus: CorpusSettings, held_out: frozenset[bytes], counts: Counter[str]
) -> tuple[Splits, str]:
    """Return validation and test texts, which must not be in the store, and a fingerprint of all texts."""
    if not (corpus.valid and corpus.test):
        message = "a packed training text can't be split"
        raise UsageError(message, file=store, hint="set corpus.valid and corpus.test to texts of their own")
    held_out_files = [*corpus.valid, *corpus.test]
    wanted = held_out_fingerprints(held_out_files, text_field=corpus.text_field)
    facts = joined_facts(store)
    with as_model_error(store / INDEX / "store.json"):
        held_out_before = set(facts.inputs["held_out"])
    if not set(wanted) <= held_out_before:
        options = " ".join(f"--held-out {path}" for path in held_out_files)
        message = "corpus.valid and corpus.test were not held out when this was packed"
        raise UsageError(message, file=store, hint=f"pack it with {options}")
    counts["documents"] += TokenStore(store).document_count
    manifest = storage.file_sha256(store / INDEX / storage.MANIFEST)
    return read_held_out(corpus, held_out=held_out, counts=counts), manifest


def packed_tokenizer(store: Path, algorithm: str) -> Tokenizer:
    """Return the tokenizer that a store was packed with; a `UsageError` if it is not of the `algorithm`."""
    tokenizer = Tokenizer.from_folder(store / INDEX / "tokenizer")
    if tokenizer.algorithm != algorithm:
        message = f"this was packed with a {tokenizer.algorithm} tokenizer, but the run asks for {algorithm}"
        hint = f'set tokenizer.sharing = "shared" and tokenizer.algorithm = "{tokenizer.algorithm}"'
        raise UsageError(message, file=store, hint=hint)
    return tokenizer


def open_packed(store: Path, tokenizer: Tokenizer) -> TokenStore:
    """Open a packed store, check every byte, and that it was packed with this tokenizer."""
    opened = TokenStore(store, verify=True)
    if opened.tokenizer != tokenizer.fingerprint:
        message = "this was packed with another tokenizer than that of the start model"
        raise UsageError(message, file=store, hint="pack it with --tokenizer of that model")
    check_ids(opened.tokens_T, tokenizer.vocab_size, store)
    return opened
