"""Language quality without labels: passages, pairs and gaps. Next: comparison/stages/language_results.py."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec import UNSET

from twinlm import families
from twinlm.checkpoint import Trained
from twinlm.comparison.stages.pretraining import PretrainingStage
from twinlm.comparison.stages.records import HINT, Choices, FigureValues, GapChoices, LanguageAnswers
from twinlm.comparison.workspace import Workspace
from twinlm.data.probes.gaps_from_text import ClozeItem, make_cloze
from twinlm.data.probes.minimal_pairs import MinimalPair, read_pairs, sample_pairs
from twinlm.data.probes.pairs_from_text import make_pairs
from twinlm.data.probes.passages import Sample, draw_passages
from twinlm.errors import DataError, ModelError, UsageError
from twinlm.evaluate.cloze import fitting_items, score_cloze
from twinlm.evaluate.minimal_pairs import fitting_pairs, score_pairs
from twinlm.evaluate.quality import Figure, language_quality
from twinlm.prepare import stage
from twinlm.settings import build
from twinlm.system import storage
from twinlm.system.records import read_record, to_json
from twinlm.tokenizer import Tokenizer

OWN_TEXT = "own text"  # name of the minimal pairs that are made from the run's test text
FOUND = "quality.json"
T = TypeVar("T")


class PairSet(NamedTuple):
    """Minimal pairs that every model of the run can read."""

    name: str  # name of the file without its endings, or `OWN_TEXT`
    pairs: tuple[MinimalPair, ...]  # pairs, at least one


@dataclass
class Language:
    """The questions without labels; each model is asked once, and its answers are found again."""

    workspace: Workspace
    pretraining: PretrainingStage
    notes: list[str] = field(default_factory=list)  # sentences on what could not be made or read

    @cached_property
    def window(self) -> int:
        """Number of tokens that every pre-trained model can read."""
        sizes = []
        for pretraining in self.pretraining.compared.values():
            specials = self.workspace.tokenizer(pretraining.family).specials
            enclosed = families.family(pretraining.family).enclose([], specials)
            sizes.append(pretraining.settings.model.max_length - len(enclosed))
        return min(sizes)

    @cached_property
    def sample(self) -> Sample | None:
        """Passages of test text; None if none are wanted, or the text is too short for two."""
        most_bytes = self.workspace.settings.quality.sample_bytes
        if not most_bytes:
            return None
        try:
            return draw_passages(self._held_out, seed=self.workspace.settings.seed, most_bytes=most_bytes)
        except DataError as error:
            self.notes.append(f"no figures of test text: {error.message}")
            return None

    @cached_property
    def sets(self) -> list[PairSet]:
        """Minimal pairs that every model can read whole; a DataError or UsageError for a file of no use."""
        options, seed = self.workspace.settings.quality, self.workspace.settings.seed
        by_name: dict[str, tuple[MinimalPair, ...]] = {}
        if options.own_pairs:
            made = make_pairs(
                self._held_out, count=options.own_pairs, seed=seed, progress=self.workspace.progress
            )
            by_name[OWN_TEXT] = made.pairs
            self.notes += [f"{OWN_TEXT}: {note}" for note in made.notes]
        for path in map(Path, options.pairs):
            name = path.name.split(".")[0]
            if name in by_name:
                raise UsageError(f"two sets of pairs have the name {name!r}", hint="rename one of the files")
            counts: Counter[str] = Counter()
            by_name[name] = sample_pairs(read_pairs(path, counts=counts), options.most_pairs, seed=seed)
            self.notes += [f"{name}: {number:,} {reason}" for reason, number in (+counts).items()]
        readable = [PairSet(name, self._readable(name, pairs)) for name, pairs in by_name.items()]
        return [pairs for pairs in readable if pairs.pairs]

    @cached_property
    def gaps(self) -> tuple[ClozeItem, ...]:
        """Gaps in the test text, without those that a model can't read whole; none if none are wanted."""
        count, seed = self.workspace.settings.quality.own_cloze, self.workspace.settings.seed
        if not count:
            return ()
        texts = [document.text for document in self.workspace.prepared.documents.train]
        tokenizers = [tokenizer for tokenizer, _ in self.readers]
        made = make_cloze(
            self._held_out, texts, tokenizers, count=count, seed=seed, progress=self.workspace.progress
        )
        kept = fitting_items(self.readers, made.items)
        self.notes += [f"{OWN_TEXT}: {note}" for note in made.notes]
        self._note_left_out(OWN_TEXT, len(made.items) - len(kept), len(made.items), "gaps")
        return kept

    def prepare(self) -> None:
        """Read and make the questions, so that an error in them shows before training."""
        _ = self.sample  # a test text without passages is refused
        for pairs in self.sets:
            self.workspace.progress.say(f"minimal pairs of {pairs.name}: {len(pairs.pairs):,}")
        if self.gaps:
            self.workspace.progress.say(f"gaps in {OWN_TEXT}: {len(self.gaps):,}")

    def measured(self, name: str, seed: int | None = None) -> LanguageAnswers:
        """Ask the model of a pre-training seed once; None stands for the first seed."""
        folder = self.pretraining.folder(name, seed)
        path = folder / "quality" / FOUND
        trained = None if path.is_file() else self.pretraining.trained(name, seed)
        weights = storage.file_sha256(folder / "model" / "model.safetensors")
        stage.enter(path.parent, {"weights": weights, **self._asked})
        if trained is not None:
            storage.write_json(path, to_json(self._ask(trained, self.sample, self.sets, self.gaps)))
        answers = read_record(LanguageAnswers, path)
        self._check(answers, path)
        return answers

    def rehearsed(self, trained: Trained) -> LanguageAnswers:
        """Ask a model the shortest and the longest of the questions, to see that it can answer."""
        sample = self.sample and Sample(_extremes(self.sample.texts, len), self.sample.documents)
        sets = [
            PairSet(pairs.name, _extremes(pairs.pairs, lambda pair: len(pair.good))) for pairs in self.sets
        ]
        return self._ask(trained, sample, sets, _extremes(self.gaps, lambda item: len(item.texts[0])))

    @property
    def _held_out(self) -> list[str]:
        return [document.text for document in self.workspace.prepared.documents.test]

    @cached_property
    def _asked(self) -> dict[str, Any]:
        return {
            "window": self.window,
            "sample": self.sample.fingerprint if self.sample else None,
            "pairs": {pairs.name: stage.fingerprint(build.plain(pairs.pairs)) for pairs in self.sets},
            **({"cloze": stage.fingerprint(build.plain(self.gaps))} if self.gaps else {}),
        }

    @cached_property
    def readers(self) -> list[tuple[Tokenizer, int]]:
        """Tokenizer of each kind, with the number of tokens that every model can read."""
        return [(self.workspace.tokenizer(kind), self.window) for kind in families.FAMILIES]

    def _readable(self, name: str, pairs: tuple[MinimalPair, ...]) -> tuple[MinimalPair, ...]:
        kept = fitting_pairs(self.readers, pairs)
        self._note_left_out(name, len(pairs) - len(kept), len(pairs), "pairs")
        return kept

    def _note_left_out(self, name: str, number: int, of_all: int, unit: str) -> None:
        if number:
            self.notes.append(
                f"{name}: left out {number:,} of {of_all:,} {unit} that a model can't read whole"
            )

    def _ask(
        self, trained: Trained, sample: Sample | None, sets: Sequence[PairSet], items: Sequence[ClozeItem]
    ) -> LanguageAnswers:
        progress = self.workspace.progress
        figures: list[Figure] = []
        if sample:
            figures = language_quality(trained, sample, window_tokens=self.window, progress=progress)
        scores = {pairs.name: score_pairs(trained, pairs.pairs, progress=progress) for pairs in sets}
        views = score_cloze(trained, items, progress=progress) if items else []
        values = [{**build.plain(figure), "values_E": figure.values_E.tolist()} for figure in figures]
        gaps = [GapChoices(sees=view.sees, method=view.method, right=view.right_E.tolist()) for view in views]
        pairs = {
            name: Choices(method=chosen.method, right=chosen.right_E.tolist())
            for name, chosen in scores.items()
        }
        return LanguageAnswers(
            figures=[FigureValues(**row) for row in values], pairs=pairs, cloze=gaps or UNSET
        )

    def _check(self, answers: LanguageAnswers, path: Path) -> None:
        passages = len(self.sample.texts) if self.sample else 0
        counts = [(passages, len(figure.values_E)) for figure in answers.figures]
        counts += [(len(self.gaps), len(view.right)) for view in answers.gaps]
        names = {pairs.name for pairs in self.sets}
        if answers.pairs.keys() != names or bool(answers.gaps) != bool(self.gaps):
            raise ModelError("these are answers to other questions", file=path, hint=HINT)
        counts += [(len(pairs.pairs), len(answers.pairs[pairs.name].right)) for pairs in self.sets]
        for expected, found in counts:
            if found != expected:
                message = f"expected {expected:,} values for a figure, found {found:,}"
                raise ModelError(message, file=path, hint=HINT)


def _extremes(items: Sequence[T], size: Callable[[T], int]) -> tuple[T, ...]:
    ordered = sorted(items, key=size)
    return (*ordered[:1], *ordered[1:][-1:])
