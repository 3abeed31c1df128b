"""The data doctor's checks of the models' input: tokens, lengths, pairs, and text enough for a size."""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from twinlm.data.text.sentences import split_sentences
from twinlm.data.tokens.store import TokenStore
from twinlm.data.tokens.writing import write_store
from twinlm.doctor.checks.findings import Parts
from twinlm.doctor.checks.lengths import check_lengths
from twinlm.doctor.checks.reading import CorpusSample
from twinlm.doctor.checks.size import Plan, check_size
from twinlm.doctor.checks.tokens import check_tokens
from twinlm.doctor.tasks import ReadTask
from twinlm.errors import DataError
from twinlm.families import FAMILIES, Family
from twinlm.prepare.prepare import tokenizer_name
from twinlm.settings import KindSettings, Settings, TokenizerSettings, build, presets
from twinlm.system import storage
from twinlm.system.log import Progress
from twinlm.tasks.table import task_kind
from twinlm.tokenizer import Tokenizer, train_tokenizer
from twinlm.train.costs import count_parameters, step_costs
from twinlm.train.start import load_start

MOST_TOKENIZED_BYTES = 4 << 20  # text of the sample by which lengths, pairs and tokens are judged
MOST_LEARNED_BYTES = 8 << 20  # text that a tokenizer is trained on if the run has none yet


@dataclasses.dataclass
class Laboratory:
    """Tokenizers (of the run directory, else trained on the sample, else on the tasks) and token stores."""

    settings: Settings
    folder: Path
    scratch: Path
    sample: CorpusSample
    tasks: Sequence[ReadTask]
    progress: Progress
    origins: dict[str, str] = dataclasses.field(default_factory=dict)

    @cached_property
    def texts(self) -> list[str]:
        """Training texts of the sample."""
        return [document.text for document in self.sample.of("train")]

    @cached_property
    def _task_texts(self) -> list[str]:
        return [
            text
            for read in self.tasks
            if "train" in read.sets
            for example in read.sets["train"].examples
            for text in task_kind(read.settings.kind).form.documents(example)
        ]

    @cached_property
    def tokenizers(self) -> dict[str, Tokenizer]:
        """The tokenizer of each kind of model; none if there is no text."""
        if not (self.texts or self._task_texts):
            return {}
        by_algorithm: dict[str, Tokenizer] = {}
        for kind in FAMILIES:
            algorithm = tokenizer_name(self.settings, kind)
            if algorithm not in by_algorithm:
                by_algorithm[algorithm] = self._tokenizer(kind, algorithm)
        return {kind: by_algorithm[tokenizer_name(self.settings, kind)] for kind in FAMILIES}

    def kind(self, name: str) -> KindSettings:
        """Return the settings of one kind."""
        settings: KindSettings = getattr(self.settings, name)
        return settings

    @property
    def judged(self) -> list[str]:
        """Texts by which lengths, pairs and tokens are judged."""
        return _first(self.texts, MOST_TOKENIZED_BYTES)

    def store(self, kind: str) -> TokenStore:
        """Return the tokens of those texts."""
        folder = self.scratch / tokenizer_name(self.settings, kind)
        if not storage.is_published(folder):
            texts, tokenizer = self.judged, self.tokenizers[kind]
            write_store(folder, texts, tokenizer, split_sentences, total=len(texts), progress=self.progress)
        return TokenStore(folder)

    def _tokenizer(self, kind: str, algorithm: Any) -> Tokenizer:
        if self.kind(kind).pretrain.start:
            self.origins[algorithm] = self.kind(kind).pretrain.start
            return load_start(self.kind(kind)).tokenizer
        folder, wanted = self.folder / "tokenizers" / algorithm, build.plain(self.settings.tokenizer)
        if storage.is_published(folder / "files"):
            inputs = storage.read_json(folder / "inputs.json")
            # A tokenizer of other settings would not be the one that the run trains.
            before = {**build.plain(TokenizerSettings()), **inputs.get("tokenizer", {})}
            if before == {**wanted, "algorithm": algorithm}:
                self.origins[algorithm] = str(folder / "files")
                return Tokenizer.from_folder(folder / "files")
        texts = _first(self.texts or self._task_texts, MOST_LEARNED_BYTES)
        size_bytes = sum(len(text.encode()) for text in texts)
        of = "the text" if self.texts else "the tasks, as there is no text,"
        self.origins[algorithm] = f"trained now on {size_bytes / 1e6:,.1f} MB of {of}: the run has none yet"
        return train_tokenizer(
            texts,
            algorithm=algorithm,
            vocab_size=self.settings.tokenizer.vocab_size,
            lowercase=self.settings.tokenizer.lowercase,
            strip_accents=self.settings.tokenizer.strip_accents,
            progress=self.progress,
        )


def check_models(laboratory: Laboratory, training_bytes: float) -> Iterator[Parts]:
    """Check how the text, of which `training_bytes` are for training, fits tokenizers, lengths and sizes."""
    if not laboratory.texts:
        return
    seen = set()
    for name, family in FAMILIES.items():
        tokenizer, algorithm = laboratory.tokenizers[name], tokenizer_name(laboratory.settings, name)
        if algorithm not in seen:
            seen.add(algorithm)
            origin = laboratory.origins[algorithm]
            checked = check_tokens("corpus", tokenizer, laboratory.judged, origin=origin)
            yield ("tokenizers", algorithm), checked
        if not family.is_generative:
            pretrain, seed = laboratory.kind(name).pretrain, laboratory.settings.seed
            lengths = check_lengths(laboratory.store(name), pretrain, label=family.label, seed=seed)
            yield ("corpus", "lengths"), lengths
        yield ("models", family.label), check_size(_plan(laboratory, family, training_bytes))


def _plan(laboratory: Laboratory, family: Family, training_bytes: float) -> Plan:
    kind = laboratory.kind(family.name)
    store, tokenizer = laboratory.store(family.name), laboratory.tokenizers[family.name]
    corpus_tokens = training_bytes * store.token_count / store.text_bytes
    parameters, non_embedding = count_parameters(family, kind.model, tokenizer.vocab_size)
    models = {name: dataclasses.replace(kind.model, **size["model"]) for name, size in presets.SIZES.items()}
    sizes = {name: count_parameters(family, model, tokenizer.vocab_size)[0] for name, model in models.items()}
    return Plan(
        label=family.label,
        parameters=parameters,
        non_embedding_parameters=non_embedding,
        corpus_tokens=corpus_tokens,
        budget_tokens=_budget_tokens(laboratory, family, corpus_tokens),
        size_parameters=sizes,
    )


def _budget_tokens(laboratory: Laboratory, family: Family, corpus_tokens: float) -> float | None:
    """Return the tokens that the budget reads; None for seconds, and where no pairs can be made."""
    budget, kind = laboratory.settings.budget, laboratory.kind(family.name)
    tokenizer, store = laboratory.tokenizers[family.name], laboratory.store(family.name)
    if budget.match == "seconds":
        return None
    try:
        costs = step_costs(family, kind, store, tokenizer, laboratory.settings.seed)
    except DataError:  # `check_lengths` reports it
        return None
    per_step = {**costs, "passes": costs["tokens"] / corpus_tokens}
    return budget.amount / per_step[budget.match] * costs["tokens"]


def _first(texts: Sequence[str], most_bytes: int) -> list[str]:
    ends = accumulate(len(text.encode()) for text in texts)
    return [text for text, before in zip(texts, chain([0], ends), strict=False) if before < most_bytes]
