"""Whether the tools that a folder was written for see in it what we see: the same tokens, the same numbers.

transformers and sentence-transformers are imported here alone, when they are asked for: extra [hf].
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import pad
from twinlm.errors import UsageError
from twinlm.hf.outputs import outputs
from twinlm.hf.templates import enclosed
from twinlm.system.storage import read_json
from twinlm.use.embed import Pooling, embed

TOLERANCE = 1e-4
NASTY_TEXTS = (
    "The cat sat on the mat.",
    "  two  spaces\tand\n\nlines ",
    "Café naïve Ünïcödé, déjà vu",
    "你好世界 🙂👩‍👩‍👧 e\u0301 \u200b\u00ad",
    "don't 'll \"quoted\" 3.1415926535 (x_1) <b>&amp;</b>",
    "[CLS] [MASK] [SEP] <start> <extract> <|endoftext|>",
    "a" * 200,
)
"""White space, accents, other scripts, marks, digits, the names of special tokens, and a long word."""


@dataclass(frozen=True, slots=True)
class TokenDifference:
    """A text that the other tool cuts in another way."""

    texts: tuple[str, ...]
    """One, or a pair."""
    ours: list[int]
    """Our tokens."""
    theirs: list[int]
    """The other tool's."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out of a comparison with another tool."""

    tool: str
    """Its name and version."""
    inputs: int
    """Texts and pairs that were compared."""
    token_differences: list[TokenDifference]
    """Those that gave other tokens."""
    largest_differences: dict[str, float]
    """By what the models give, such as logits: the largest absolute difference."""
    tolerance: float
    """What is allowed, as a share of the largest number, which counts as 1 at least."""
    largest_numbers: dict[str, float]
    """By the same names: the largest absolute number of ours."""
    key_problems: list[str]
    """Weights that the other tool missed or could not use."""

    @property
    def is_equal(self) -> bool:
        """Whether the other tool sees the same model."""
        return not self.problems()

    def problems(self) -> list[str]:
        """Return all that differs, a sentence each."""
        found = [
            f"{difference.texts!r:.80} gives {difference.theirs[:12]}, but here {difference.ours[:12]}"
            for difference in self.token_differences
        ]
        for name, difference in self.largest_differences.items():
            allowed = self.tolerance * max(1, self.largest_numbers[name])
            if not difference <= allowed:
                found.append(f"{name} differ by up to {difference:.2g}, more than {allowed:.2g}")
        return found + self.key_problems


def verify_folder(
    folder: Path, trained: Trained, *, texts: Sequence[str] = NASTY_TEXTS, tolerance: float = TOLERANCE
) -> Verification:
    """Return whether transformers gives our tokens for texts and pairs, and computes what we compute.

    Args:
        folder: from `export.to_hf_files`.
        trained: the model that was exported.
        texts: each is compared alone and as a pair with the next one.
        tolerance: see `Verification`.

    Raises:
        UsageError: transformers is not installed.
    """
    library = _library("transformers")
    about = read_json(folder / "config.json")
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    architecture = about["architectures"][0]
    theirs, loaded = getattr(library, architecture).from_pretrained(folder, output_loading_info=True)
    groups = [*((text,) for text in texts), *zip(texts, [*texts[1:], texts[0]], strict=True)]
    has_head = trained.task is not None
    rows = [enclosed(trained, group, has_head=has_head) for group in groups]
    largest, numbers = _compared(trained, theirs.eval(), architecture, rows)
    problems = [
        f"{kind.replace('_', ' ')}: {', '.join(sorted(map(str, loaded[kind]))[:5])}"
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if loaded[kind]
    ]
    tool = f"transformers {library.__version__}"
    differences = _token_differences(trained, tokenizer, groups, has_head=has_head)
    return Verification(tool, len(rows), differences, largest, tolerance, numbers, problems)


@torch.no_grad()
def verify_sentence_transformers(
    folder: Path,
    trained: Trained,
    *,
    pooling: Pooling,
    texts: Sequence[str] = NASTY_TEXTS,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Return whether sentence-transformers gives the vectors of `embed`; see `verify_folder`.

    Raises:
        UsageError: sentence-transformers is not installed.
    """
    library = _library("sentence_transformers")
    theirs = library.SentenceTransformer(str(folder), device="cpu").eval()
    ours_BD = torch.from_numpy(embed(trained, texts, pooling=pooling))
    longest, vectors = theirs.max_seq_length, []
    for text in texts:
        given = theirs.tokenizer(
            text, split_special_tokens=True, truncation=True, max_length=longest, return_tensors="pt"
        )
        vectors.append(theirs(dict(given))["sentence_embedding"][0])
    theirs_BD = torch.stack(vectors)
    differences = _token_differences(trained, theirs.tokenizer, [(text,) for text in texts], has_head=False)
    largest = {"vectors": float((ours_BD - theirs_BD).abs().max())}
    numbers = {"vectors": float(ours_BD.abs().max())}
    tool = f"sentence-transformers {library.__version__}"
    return Verification(tool, len(texts), differences, largest, tolerance, numbers, [])


def _token_differences(
    trained: Trained, tokenizer: Any, groups: Sequence[tuple[str, ...]], *, has_head: bool
) -> list[TokenDifference]:
    """Return the texts and pairs that another tool cuts in another way."""
    differences = []
    for group in groups:
        ours, _ = enclosed(trained, group, has_head=has_head)
        # Names of special tokens in a text are text here.
        theirs = tokenizer(*group, split_special_tokens=True)["input_ids"]
        if theirs != ours:
            differences.append(TokenDifference(group, ours, theirs))
    return differences


@torch.no_grad()
def _compared(
    trained: Trained, theirs: Any, architecture: str, rows: Sequence[tuple[list[int], list[int]]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return for each output the largest difference and the largest number, at real tokens."""
    sizes: Any = trained.model.config
    batch = _batch(rows, sizes.max_length, trained.tokenizer.specials.pad)
    given = {"input_ids": batch.tokens_BL, "attention_mask": batch.real_BL.long()}
    if not trained.family.is_generative:
        given["token_type_ids"] = batch.segments_BL
    if trained.task and trained.task.kind == "choice":  # all rows are choices of one question there
        given = {name: value[None] for name, value in given.items()}
    out = theirs(**given)
    largest: dict[str, float] = {}
    numbers: dict[str, float] = {}
    for name, ours in outputs(trained, architecture, batch).items():
        # What has one row for each token counts at real ones only.
        chosen = batch.real_BL if ours.shape[:2] == batch.real_BL.shape else slice(None)
        largest[name] = float((ours[chosen] - out[name][chosen]).abs().max())
        numbers[name] = float(ours[chosen].abs().max())
    return largest, numbers


def _batch(rows: Sequence[tuple[list[int], list[int]]], longest: int, pad_id: int) -> Batch:
    batch = pad([tokens[:longest] for tokens, _ in rows], pad_id)
    kinds = pad([kinds[:longest] for _, kinds in rows], 0)
    return Batch(tokens_BL=batch.tokens_BL, segments_BL=kinds.tokens_BL, real_BL=batch.real_BL)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.replace("_", "-")
        message = f"{package} is not installed, which is needed to verify"
        raise UsageError(message, hint="pip install 'twinlm[hf]'") from error
