"""Checks that ONNX Runtime (extra [onnx]) computes with an exported folder what our model computes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer as Engine
from torch.nn import functional as F

from twinlm.batch import Batch
from twinlm.checkpoint import Trained
from twinlm.hf.calls import calls_for, outputs_of, token_differences
from twinlm.hf.export import form_of
from twinlm.hf.hub import library
from twinlm.hf.verification import NASTY_TEXTS, TOLERANCE, Verification
from twinlm.runtimes.onnx_files import INSTALL, MODEL, QUANTIZED
from twinlm.use.embed import POOLINGS, Pooling, defaults_of

BATCHES, LENGTHS = (1, 5), (1, 7)  # and the longest input
_FIRST_PART = 0.4  # of a text is read before the rest, which then finds it in the cache
_SHARES = (1.0, 0.4, 0.2, 0.7, 1.0)  # of each row that is real
Outputs = dict[str, NDArray[np.float32]]


def verify_onnx(
    folder: Path, trained: Trained, *, pooling: Pooling | None = None, tolerance: float = TOLERANCE
) -> Verification:
    """Return whether ONNX Runtime gives our tokens and numbers: 1 and 5 texts of 1, 7 and the most tokens.

    Rows of a batch are padded, a decoder's on both sides; its texts are read whole, and in two parts with
    the cache between them. The int8 copy, if there is one, is compared too, but may differ.
    """
    runtime = library("onnxruntime", "to verify", INSTALL)
    session = runtime.InferenceSession(str(folder / MODEL))
    architecture = form_of(trained, is_bare=pooling is not None).architecture
    calls = calls_for(trained, architecture, NASTY_TEXTS)
    engine = _Engine(folder / "tokenizer.json")
    differences = token_differences(engine, calls)[1]
    largest: dict[str, float] = {}
    numbers: dict[str, float] = {}
    approximate: dict[str, float] = {}
    for batch in _batches(trained):
        wanted = _ours(trained, architecture, batch, pooling)
        for found in _theirs(session, trained, batch):
            for name, ours in wanted.items():
                largest[name] = max(largest.get(name, 0.0), _difference(ours, found[name]))
                numbers[name] = max(numbers.get(name, 0.0), float(abs(ours).max()))
        if (folder / QUANTIZED).exists():
            found = next(_theirs(runtime.InferenceSession(str(folder / QUANTIZED)), trained, batch))
            for name, ours in wanted.items():
                key = f"{name} in int8"
                approximate[key] = max(approximate.get(key, 0.0), _difference(ours, found[name]))
    tool = f"ONNX Runtime {runtime.__version__}"
    return Verification(tool, len(calls), differences, largest, tolerance, numbers, [], approximate)


class _Engine:
    """The exported tokenizer.json as tools without transformers use it, called as transformers' is."""

    def __init__(self, file: Path) -> None:
        self._engine = Engine.from_file(str(file))

    def __call__(
        self, *texts: Any, split_special_tokens: bool = False, is_split_into_words: bool = False
    ) -> dict[str, list[int]]:
        self._engine.encode_special_tokens = split_special_tokens
        first, second = (*texts, None)[:2]
        row = self._engine.encode(first, second, is_pretokenized=is_split_into_words)
        return {"input_ids": row.ids}


def _batches(trained: Trained) -> Iterator[Batch]:
    sizes: Any = trained.model.config
    longest = trained.task.max_length if trained.task else sizes.max_length
    for rows in BATCHES:
        for length in (*LENGTHS, longest):
            tokens_BL = torch.arange(rows * length).reshape(rows, length) * 7 % trained.tokenizer.vocab_size
            real_B = torch.tensor([max(1, round(share * length)) for share in _SHARES[:rows]])
            real_BL = torch.arange(length) < real_B[:, None]
            segments_BL = (torch.arange(length) >= length // 2) & real_BL
            segments_BL = segments_BL.long().clamp(max=getattr(sizes, "segments", 1) - 1)
            yield Batch(tokens_BL=_allowed(trained, tokens_BL), segments_BL=segments_BL, real_BL=real_BL)


def _allowed(trained: Trained, tokens_BL: torch.Tensor) -> torch.Tensor:
    """Return tokens that the exported model has too."""
    unscored = torch.tensor(cast(Any, trained.model.config).unscored, dtype=torch.long)
    return torch.where(torch.isin(tokens_BL, unscored), 1, tokens_BL)


@torch.no_grad()
def _ours(trained: Trained, architecture: str, batch: Batch, pooling: Pooling | None) -> Outputs:
    """Return what our model gives under the names of the exported outputs, of real tokens only."""
    if pooling:
        states_BLD = cast(Any, trained.model).read(batch).hidden_BLD
        vectors_BD = POOLINGS[pooling](states_BLD, batch.real_BL)
        if defaults_of(trained).normalize:
            vectors_BD = F.normalize(vectors_BD)
        outputs = {"last_hidden_state": states_BLD, "sentence_embedding": vectors_BD}
    else:
        renamed = {"prediction_logits": "logits"}
        if architecture.endswith("ForNextSentencePrediction"):
            renamed = {"logits": "seq_relationship_logits"}
        given = outputs_of(trained, architecture, batch)
        outputs = {renamed.get(name, name): output for name, output in given.items()}
    real_BL = batch.real_BL.numpy()
    return {name: _real(trained, name, output.numpy(), real_BL) for name, output in outputs.items()}


def _theirs(session: Any, trained: Trained, batch: Batch) -> Iterator[Outputs]:
    """Yield what ONNX Runtime gives for a batch: padded on the right, and a decoder's in other ways too."""
    tokens_BL, real_BL = batch.tokens_BL.numpy(), batch.real_BL.numpy()
    segments_BL = batch.segments_BL.numpy()
    length = real_BL.shape[1]
    yield _run(session, trained, tokens_BL, real_BL, segments_BL, begin=0)
    if trained.family.is_generative:
        shifts_B1 = length - real_BL.sum(1, keepdims=True)
        moved_BL = (np.arange(length) - shifts_B1) % length  # padding goes to the left
        left = (np.take_along_axis(values, moved_BL, 1) for values in (tokens_BL, real_BL, segments_BL))
        tokens_BL, real_BL, segments_BL = left
        yield _run(session, trained, tokens_BL, real_BL, segments_BL, begin=0)
        if any(given.name.startswith("past") for given in session.get_inputs()) and length > 1:
            begin = max(1, int(_FIRST_PART * length))
            yield _run(session, trained, tokens_BL, real_BL, segments_BL, begin=begin)


def _run(
    session: Any,
    trained: Trained,
    tokens_BL: NDArray[np.int64],
    real_BL: NDArray[np.bool_],
    segments_BL: NDArray[np.int64],
    *,
    begin: int,
) -> Outputs:
    """Return the outputs for real tokens; those before `begin` are read first, into the cache."""
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    cache = {
        given.name: np.zeros((len(tokens_BL), given.shape[1], 0, given.shape[3]), np.float32)
        for given in inputs
        if given.name.startswith("past")
    }
    parts = []
    for first, end in ((0, begin), (begin, tokens_BL.shape[1])) if begin else ((0, tokens_BL.shape[1]),):
        given = {
            "input_ids": tokens_BL[:, first:end],
            "attention_mask": real_BL[:, :end].astype(np.int64),
            "token_type_ids": segments_BL[:, first:end],
        }
        if trained.task and trained.task.kind == "choice":  # all rows are choices of one question
            given = {name: values[None] for name, values in given.items()}
        named = {each.name: given[each.name] for each in inputs if each.name in given}
        parts.append(dict(zip(outputs, session.run(None, named | cache), strict=True)))
        cache = {name: parts[-1][name.replace("past_key_values", "present")] for name in cache}
    names = [name for name in outputs if not name.startswith("present")]
    whole = {
        name: np.concatenate([part[name] for part in parts], 1) if begin else parts[0][name] for name in names
    }
    return {name: _real(trained, name, values, real_BL) for name, values in whole.items()}


def _real(
    trained: Trained, name: str, values: NDArray[np.float32], real_BL: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the values that count: of real tokens, and of tokens that a text may contain."""
    sizes: Any = trained.model.config
    if values.ndim == 3 or name in ("start_logits", "end_logits"):
        values = values[real_BL]
    if not trained.task and name == "logits" and values.shape[-1] == sizes.vocab_size:
        values = values[..., [number for number in range(sizes.vocab_size) if number not in sizes.unscored]]
    return values


def _difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    return float(abs(ours - theirs).max())
