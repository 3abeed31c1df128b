"""Checks that the tools an exported folder is for see the same model: the same tokens, the same numbers.

transformers and sentence-transformers (extra [hf]) are imported only here, when they are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from twinlm.batch import Batch, Reading
from twinlm.checkpoint import Trained, missing_parts
from twinlm.data.sequences.packing import Packed, pad_packed
from twinlm.hf.configuration import layout_of
from twinlm.hf.heads import head_of, head_to
from twinlm.hf.hub import library
from twinlm.hf.tokenizing import dropped_tokens, enclosed
from twinlm.system.storage import read_json
from twinlm.tasks.tagging import LEADING_BLANK
from twinlm.use.embed import Pooling, embed
from twinlm.use.fill import masked_row

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
MASKED_TEXTS = ("The [MASK] sat on the mat.", "[MASK] big dog", "an [MASK] [MASK], of")
NEXT_SENTENCES = (("The cat sat.", " It was red."), ("Café", " don't"))
# For each class, its outputs and the method of our model that gives each; the states themselves without one.
_BERT_METHODS = {
    "BertForPreTraining": {
        "prediction_logits": "masked_token_logits",
        "seq_relationship_logits": "next_sentence_logits",
    },
    "BertForMaskedLM": {"logits": "masked_token_logits"},
    "BertForNextSentencePrediction": {"logits": "next_sentence_logits"},
    "BertModel": {"last_hidden_state": "", "pooler_output": "pooled"},
}
_METHODS = {
    **_BERT_METHODS,
    **{f"Megatron{name}": methods for name, methods in _BERT_METHODS.items()},
    "GPT2LMHeadModel": {"logits": "next_token_logits"},
    "GPT2Model": {"last_hidden_state": ""},
    "OpenAIGPTLMHeadModel": {"logits": "next_token_logits"},
    "OpenAIGPTModel": {"last_hidden_state": ""},
}
_INSTALL = "pip install 'twinlm[hf]'"


@dataclass(frozen=True, slots=True)
class TokenDifference:
    """A text that the other tool cuts in another way."""

    texts: tuple[str, ...]
    """One text, or a pair."""
    ours: list[int]
    """Our tokens."""
    theirs: list[int]
    """Tokens of the other tool."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a comparison with another tool."""

    tool: str
    """Name and version of the tool."""
    inputs: int
    """Number of texts and pairs compared."""
    token_differences: list[TokenDifference]
    """Inputs that gave other tokens."""
    largest_differences: dict[str, float]
    """Largest absolute difference by output, such as "logits"."""
    tolerance: float
    """Allowed difference, as a share of the largest number, which counts as at least 1."""
    largest_numbers: dict[str, float]
    """Largest absolute number of ours by output."""
    key_problems: list[str]
    """Weights that the other tool missed or could not use."""

    @property
    def is_equal(self) -> bool:
        """Whether the other tool sees the same model."""
        return not self.problems()

    def problems(self) -> list[str]:
        """Return all differences, a sentence each."""
        problems = [
            f"{difference.texts!r:.80} gives {difference.theirs[:12]}, but here {difference.ours[:12]}"
            for difference in self.token_differences
        ]
        for name, difference in self.largest_differences.items():
            allowed = self.tolerance * max(1, self.largest_numbers[name])
            if not difference <= allowed:  # true of NaN as well
                problems.append(f"{name} differ by up to {difference:.2g}, more than {allowed:.2g}")
        return problems + self.key_problems


def verify_folder(
    folder: Path, trained: Trained, *, texts: Sequence[str] = NASTY_TEXTS, tolerance: float = TOLERANCE
) -> Verification:
    """Return whether transformers gives our tokens and computes what we compute, in the ways people use it.

    A tagger gets words; other models get each text alone and as a pair with the next one, and by what they
    are for, masks beside blanks and next sentences. All are padded to one batch by their tokenizer.
    """
    transformers = library("transformers", "to verify", _INSTALL)
    architecture = read_json(folder / "config.json")["architectures"][0]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs, loaded = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    if not tokenizer.pad_token:  # then people pad with any token, such as GPT-2's <|endoftext|>
        tokenizer.pad_token = tokenizer.bos_token or tokenizer.convert_ids_to_tokens(0)
    calls = _calls(trained, architecture, texts)
    rows, differences = _token_differences(tokenizer, calls)
    largest: dict[str, float] = {}
    numbers: dict[str, float] = {}
    if not differences:  # otherwise their numbers are of other inputs
        longest = trained.task.max_length if trained.task else tokenizer.model_max_length
        cut = [{name: values[:longest] for name, values in row.items()} for row in rows]
        inputs = tokenizer.pad(cut, return_tensors="pt")
        packed = [call.packed for call in calls]
        largest, numbers = _compared(trained, theirs.eval(), architecture, packed, inputs)
    problems = [
        f"{state.replace('_', ' ')}: {', '.join(sorted(map(str, loaded[state]))[:5])}"
        for state in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if loaded[state]
    ]
    tool = f"transformers {transformers.__version__}"
    return Verification(tool, len(rows), differences, largest, tolerance, numbers, problems)


@dataclass(frozen=True, slots=True)
class _Call:
    texts: tuple[Any, ...]
    options: dict[str, Any]
    packed: Packed  # our input for the same texts


def _calls(trained: Trained, architecture: str, texts: Sequence[str]) -> list[_Call]:
    """Return the ways in which people give texts to a model of this class."""
    tokenizer, specials, sizes = (
        trained.tokenizer,
        trained.tokenizer.specials,
        cast(Any, trained.model.config),
    )
    has_head = trained.task is not None
    is_text = {"split_special_tokens": True}  # names of special tokens in a text are text here
    if trained.task and trained.task.kind == "tagging":
        has_blank = bool(trained.task.constants.get(LEADING_BLANK))
        rows = [text.split() for text in texts]
        encoded = tokenizer.encode_words(rows, has_leading_blank=has_blank)
        return [
            _Call(
                (words,),
                {**is_text, "is_split_into_words": True},
                trained.family.pack([list(chain.from_iterable(tokens))], specials),
            )
            for words, tokens in zip(rows, encoded, strict=True)
        ]
    groups = [*((text,) for text in texts), *zip(texts, [*texts[1:], texts[0]], strict=True)]
    calls = [_Call(group, is_text, enclosed(trained, group, has_head=has_head)) for group in groups]
    outputs = _METHODS.get(architecture, {}).values()
    if "masked_token_logits" in outputs and specials.mask not in sizes.unscored:
        calls += [_Call((text,), {}, _of_mask(trained, text)) for text in MASKED_TEXTS]
    if "next_sentence_logits" in outputs:  # the space before the second text is its first word's
        for first, second in NEXT_SENTENCES:
            packed = trained.family.pack(tokenizer.encode_batch([first, second]), specials)
            calls.append(_Call((first, second), {}, packed))
    return calls


def _of_mask(trained: Trained, text: str) -> Packed:
    tokens = masked_row(trained, text)
    return Packed(tokens, [0] * len(tokens), (1,), 0)


def verify_sentence_transformers(
    folder: Path,
    trained: Trained,
    *,
    pooling: Pooling | None = None,
    texts: Sequence[str] = NASTY_TEXTS,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Return whether sentence-transformers' `encode` gives the vectors of `embed`, all texts at once."""
    tools = library("sentence_transformers", "to verify", _INSTALL)
    theirs = tools.SentenceTransformer(str(folder), device="cpu").eval()
    calls = [
        _Call((text,), {"split_special_tokens": True}, enclosed(trained, (text,), has_head=False))
        for text in texts
    ]
    differences = _token_differences(theirs.tokenizer, calls)[1]
    # There is no way to tell `encode` that names of special tokens in a text are text.
    plain = [text for text in texts if not any(name in text for name in theirs.tokenizer.all_special_tokens)]
    ours_BD, theirs_BD = embed(trained, plain, pooling=pooling), theirs.encode(plain)
    largest = {"vectors": float(abs(ours_BD - theirs_BD).max())}
    numbers = {"vectors": float(abs(ours_BD).max())}
    tool = f"sentence-transformers {tools.__version__}"
    return Verification(tool, len(texts), differences, largest, tolerance, numbers, [])


def _token_differences(tokenizer: Any, calls: Sequence[_Call]) -> tuple[list[Any], list[TokenDifference]]:
    """Return the other tool's rows, and those that differ from ours."""
    rows = [tokenizer(*call.texts, **call.options) for call in calls]
    pairs = [(call, row["input_ids"]) for call, row in zip(calls, rows, strict=True)]
    return rows, [
        TokenDifference(tuple(map(str, call.texts)), call.packed.tokens, tokens)
        for call, tokens in pairs
        if tokens != call.packed.tokens
    ]


@torch.no_grad()
def _compared(
    trained: Trained, theirs: Any, architecture: str, rows: Sequence[Packed], inputs: Mapping[str, Tensor]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return for each output the largest difference and the largest number, at real tokens.

    `inputs` are the same rows as the other tool's tokenizer pads them.
    """
    sizes: Any = trained.model.config
    dropped = dropped_tokens(trained, has_head=architecture not in _METHODS)
    batch = pad_packed(rows, trained.tokenizer.specials.pad)
    length = inputs["input_ids"].shape[1]
    batch = replace(batch, **{f.name: getattr(batch, f.name)[:, :length] for f in fields(batch)})
    is_real_BL = inputs["attention_mask"].bool()
    if trained.task and trained.task.kind == "choice":  # there, all rows are choices of one question
        inputs = {name: value[None] for name, value in inputs.items()}
    out = theirs(**inputs)
    largest: dict[str, float] = {}
    numbers: dict[str, float] = {}
    scored = [number for number in range(sizes.vocab_size) if number not in sizes.unscored]
    for name, ours in _outputs(trained, architecture, batch).items():
        # Outputs with a row for each token count at real ones only; untrained tokens do not count.
        is_by_token = ours.shape[:2] == batch.real_BL.shape
        mine = ours[batch.real_BL] if is_by_token else ours
        other = out[name][is_real_BL] if is_by_token else out[name]
        if architecture in _METHODS and mine.shape[-1] == sizes.vocab_size:
            mine, other = mine[..., scored], other if dropped else other[..., scored]
        largest[name] = float((mine - other).abs().max())
        numbers[name] = float(mine.abs().max())
    return largest, numbers


def _outputs(trained: Trained, architecture: str, batch: Batch) -> dict[str, Tensor]:
    reading: Reading = trained.model.read(batch)  # type: ignore[operator]
    if architecture not in _METHODS:
        return _head_outputs(trained, reading)
    outputs = {}
    for name, method in _METHODS[architecture].items():
        if method != "pooled" or "pooler" not in missing_parts(trained):
            hidden_BLD = reading.hidden_BLD
            outputs[name] = getattr(trained.model, method)(hidden_BLD) if method else hidden_BLD
    return outputs


def _head_outputs(trained: Trained, reading: Reading) -> dict[str, Tensor]:
    """Return the scores of a head; a similarity is in the unit of its scores, as it is written."""
    assert trained.task is not None
    head = head_of(layout_of(trained.family.name, trained.model.config), trained.task)
    tensors = head_to(head, trained)
    weight, bias = tensors[f"{head.linear}.weight"], tensors.get(f"{head.linear}.bias")
    if trained.task.kind in ("tagging", "span_qa"):
        scores_BLC = F.linear(reading.hidden_BLD, weight, bias)
        if trained.task.kind == "tagging":
            return {"logits": scores_BLC}
        return {"start_logits": scores_BLC[..., 0], "end_logits": scores_BLC[..., 1]}
    scores_BC = F.linear(reading.summary_BD, weight, bias)
    return {"logits": scores_BC.T if trained.task.kind == "choice" else scores_BC}
