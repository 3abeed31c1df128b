"""Checks that the tools an exported folder is for see the same model: the same tokens, the same numbers.

transformers and sentence-transformers (extra [hf]) are imported only here, when they are asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from twinlm.checkpoint import Trained
from twinlm.data.sequences.packing import Packed, pad_packed
from twinlm.hf.calls import METHODS, Call, calls_for, outputs_of, token_differences
from twinlm.hf.entry_points import (
    INSTALL,
    Exported,
    answers,
    place_problems,
    quietly,
    role_problems,
)
from twinlm.hf.hub import library
from twinlm.hf.tokenizing import dropped_tokens, enclosed
from twinlm.hf.verification import NASTY_TEXTS, TOLERANCE, Verification
from twinlm.system.storage import read_json
from twinlm.use.embed import Pooling, embed


def verify_folder(
    folder: Path, trained: Trained, *, texts: Sequence[str] = NASTY_TEXTS, tolerance: float = TOLERANCE
) -> Verification:
    """Return whether transformers gives our tokens and computes what we compute, in the ways people use it.

    A tagger gets words; other models get each text alone and as a pair with the next one, and by what they
    are for, masks beside blanks and next sentences. All are padded to one batch by their tokenizer.
    """
    tools = library("transformers", "to verify", INSTALL)
    with quietly(tools):
        return _verified(tools, folder, trained, texts, tolerance)


def _verified(
    tools: Any, folder: Path, trained: Trained, texts: Sequence[str], tolerance: float
) -> Verification:
    architecture = read_json(folder / "config.json")["architectures"][0]
    tokenizer = tools.AutoTokenizer.from_pretrained(folder)
    theirs, loaded = getattr(tools, architecture).from_pretrained(folder, output_loading_info=True)
    problems = [
        f"{state.replace('_', ' ')}: {', '.join(sorted(map(str, loaded[state]))[:5])}"
        for state in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if loaded[state]
    ]
    problems += [*role_problems(trained, tokenizer), *place_problems(trained, tokenizer)]
    if not tokenizer.pad_token:  # then people pad with any token, such as GPT-2's <|endoftext|>
        tokenizer.pad_token = tokenizer.bos_token or tokenizer.convert_ids_to_tokens(0)
    calls = calls_for(trained, architecture, texts)
    rows, differences = token_differences(tokenizer, calls)
    largest: dict[str, float] = {}
    numbers: dict[str, float] = {}
    if not differences:  # otherwise their numbers are of other inputs
        longest = trained.task.max_length if trained.task else tokenizer.model_max_length
        cut = [{name: values[:longest] for name, values in row.items()} for row in rows]
        inputs = tokenizer.pad(cut, return_tensors="pt")
        packed = [call.packed for call in calls]
        largest, numbers = _compared(trained, theirs.eval(), architecture, packed, inputs)
        outputs = list(METHODS.get(architecture, {}).values())
        for way in answers(trained, Exported(folder, tools, tokenizer, theirs), outputs):
            largest[way.name] = float(abs(way.ours - way.theirs).max())
            numbers[way.name] = float(abs(way.ours).max())
    tool = f"transformers {tools.__version__}"
    return Verification(tool, len(rows), differences, largest, tolerance, numbers, problems)


def verify_sentence_transformers(
    folder: Path,
    trained: Trained,
    *,
    pooling: Pooling | None = None,
    texts: Sequence[str] = NASTY_TEXTS,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Return whether sentence-transformers' `encode` gives the vectors of `embed`, all texts at once."""
    tools = library("sentence_transformers", "to verify", INSTALL)
    with quietly(library("transformers", "to verify", INSTALL)):
        return _verified_vectors(tools, folder, trained, pooling, texts, tolerance)


def _verified_vectors(
    tools: Any,
    folder: Path,
    trained: Trained,
    pooling: Pooling | None,
    texts: Sequence[str],
    tolerance: float,
) -> Verification:
    theirs = tools.SentenceTransformer(str(folder), device="cpu").eval()
    calls = [
        Call((text,), {"split_special_tokens": True}, enclosed(trained, (text,), has_head=False))
        for text in texts
    ]
    differences = token_differences(theirs.tokenizer, calls)[1]
    # There is no way to tell `encode` that names of special tokens in a text are text.
    plain = [text for text in texts if not any(name in text for name in theirs.tokenizer.all_special_tokens)]
    ours_BD, theirs_BD = embed(trained, plain, pooling=pooling), theirs.encode(plain)
    largest = {"vectors": float(abs(ours_BD - theirs_BD).max())}
    numbers = {"vectors": float(abs(ours_BD).max())}
    tool = f"sentence-transformers {tools.__version__}"
    return Verification(tool, len(texts), differences, largest, tolerance, numbers, [])


@torch.no_grad()
def _compared(
    trained: Trained, theirs: Any, architecture: str, rows: Sequence[Packed], inputs: Mapping[str, Tensor]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return for each output the largest difference and the largest number, at real tokens.

    `inputs` are the same rows as the other tool's tokenizer pads them.
    """
    sizes: Any = trained.model.config
    dropped = dropped_tokens(trained, has_head=architecture not in METHODS)
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
    for name, ours in outputs_of(trained, architecture, batch).items():
        # Outputs with a row for each token count at real ones only; untrained tokens do not count.
        is_by_token = ours.shape[:2] == batch.real_BL.shape
        mine = ours[batch.real_BL] if is_by_token else ours
        other = out[name][is_real_BL] if is_by_token else out[name]
        if architecture in METHODS and mine.shape[-1] == sizes.vocab_size:
            mine, other = mine[..., scored], other if dropped else other[..., scored]
        largest[name] = float((mine - other).abs().max())
        numbers[name] = float(mine.abs().max())
    return largest, numbers
