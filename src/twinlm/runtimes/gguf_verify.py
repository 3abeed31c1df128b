"""Checks that llama.cpp, through xllamacpp (extra [gguf]), sees the model of an exported GGUF file."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import torch
from tokenizers import Regex, pre_tokenizers

from twinlm.checkpoint import Trained
from twinlm.hf.hub import library
from twinlm.hf.verification import NASTY_TEXTS, TokenDifference, Verification
from twinlm.runtimes.gguf_files import INSTALL, MODEL
from twinlm.tokenizer.pipeline import LONGEST_WORD, PRE_TOKENS
from twinlm.use.embed import embed

TOLERANCE = 2e-3  # llama.cpp looks GELU up in a table of float16
_GPT2_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_WAIT_S = 60
_SURE = 1e4


def verify_gguf(
    folder: Path,
    trained: Trained,
    *,
    texts: Sequence[str] = NASTY_TEXTS,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Return whether llama.cpp gives our tokens, and our scores of next tokens or our vectors.

    Texts that it splits into other words than we do are left out; `gguf_files.notes_on` tells of them.
    """
    tools = library("xllamacpp", "to verify", INSTALL)
    is_decoder = trained.family.is_generative
    server = _server(tools, folder / MODEL, trained)
    alike = [text for text in texts if _is_split_alike(trained, text)]
    rows = [trained.enclose(trained.tokenizer.encode(text)) for text in alike]
    differences = []
    for text, ours in zip(alike, rows, strict=True):
        theirs = _asked(server, "/tokenize", content=text, add_special=True, parse_special=False)["tokens"]
        if theirs != ours:
            differences.append(TokenDifference((text,), ours, theirs))
    sizes: Any = trained.model.config
    largest: dict[str, float] = {}
    numbers: dict[str, float] = {}
    for text, row in zip(alike, rows, strict=True):
        if not differences and len(row) < sizes.max_length:
            name, ours_, theirs_ = (_next_tokens if is_decoder else _vector)(server, trained, text, row)
            largest[name] = max(largest.get(name, 0.0), float(abs(ours_ - theirs_).max()))
            numbers[name] = max(numbers.get(name, 0.0), float(abs(ours_).max()))
    tool = f"llama.cpp (xllamacpp {version('xllamacpp')})"
    return Verification(tool, len(alike), differences, largest, tolerance, numbers, [])


def _server(tools: Any, path: Path, trained: Trained) -> Any:
    sizes: Any = trained.model.config
    params = tools.CommonParams()
    params.model.path = str(path.resolve())
    params.n_ctx, params.n_gpu_layers, params.warmup, params.verbosity = sizes.max_length, 0, False, 0
    if trained.family.is_generative:
        # By default keys and values are cached in float16.
        params.cache_type_k = params.cache_type_v = tools.ggml_type.GGML_TYPE_F32
    else:
        params.embedding = True
    return tools.Server(params)


def _asked(server: Any, route: str, **body: Any) -> Any:
    request = Request(
        server.listening_address + route, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=_WAIT_S) as response:  # our own server, on this machine
        return json.load(response)


@torch.no_grad()
def _next_tokens(server: Any, trained: Trained, text: str, row: Sequence[int]) -> tuple[str, Any, Any]:
    """Return the log-probabilities of all next tokens, ours and theirs."""
    model: Any = trained.model
    ours_V = model.next_token_logits(model(torch.tensor([row])))[0, -1].log_softmax(-1).numpy()
    # Scores come only with a token that is shown: no end of the text, no part of a character. They are those
    # before this token is favoured.
    shown = trained.tokenizer.encode("a")[0]
    done = _asked(
        server,
        "/completion",
        prompt=list(row),
        n_predict=1,
        n_probs=len(ours_V),
        temperature=0,
        cache_prompt=False,
        logit_bias=[[shown, _SURE]],
    )
    said = {each["id"]: each["logprob"] for each in done["completion_probabilities"][0]["top_logprobs"]}
    tokens = sorted(said)
    return "log-probabilities", ours_V[tokens], np.array([said[token] for token in tokens])


def _vector(server: Any, trained: Trained, text: str, row: Sequence[int]) -> tuple[str, Any, Any]:
    """Return the vector of a text at length 1, ours and theirs."""
    theirs = _asked(server, "/v1/embeddings", input=list(row))["data"][0]["embedding"]
    return "vectors", embed(trained, [text], prompt="", normalize=True)[0], np.array(theirs)


def _is_split_alike(trained: Trained, text: str) -> bool:
    """Tell whether llama.cpp splits a text into the words that our tokenizer splits it into."""
    if trained.tokenizer.algorithm == "wordpiece":
        return all(len(word) <= LONGEST_WORD for word in text.split())
    if trained.tokenizer.algorithm != "byte-bpe":
        return True
    ours, theirs = (
        [word for word, _ in pre_tokenizers.Split(Regex(rule), "isolated").pre_tokenize_str(text)]
        for rule in (PRE_TOKENS, _GPT2_WORDS)
    )
    return ours == theirs
