"""`twinlm embed`: turn texts into vectors."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model, check_used, flag
from twinlm.cli.tables import print_json, print_record
from twinlm.cli.texts import arguments_or_lines
from twinlm.errors import UsageError
from twinlm.system import storage
from twinlm.system.progress import progress_on

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.system.log import Progress

_QUIET_S = 2.0
_TOP_K = 10


def command(
    model: Model,
    /,
    *texts: Annotated[str, Parameter(help="Texts; default, or -: lines of standard input.")],
    pooling: Annotated[
        Literal["mean", "cls", "last"] | None,
        Parameter(help="Mean of all tokens' states, [CLS] (BERT) or last token (GPT)."),
    ] = None,
    layers: Annotated[str, Parameter(help="last, last4, or numbers such as 1,2, side by side.")] = "last",
    is_normalized: Annotated[
        bool | None, Parameter(name="--normalize", show_default=False, help="Scale vectors to length 1.")
    ] = None,
    prompt: Annotated[
        str | None, Parameter(help="Name of a prompt of the model, to put in front of each text.")
    ] = None,
    is_by_token: Annotated[bool, flag("--tokens", "One vector for each token, not each text.")] = False,
    out: Annotated[Path | None, Parameter(help="Write a .safetensors file.")] = None,
    query: Annotated[
        str | None, Parameter(help="Show the texts most similar to this one, with cosines.")
    ] = None,
    top_k: Annotated[int, Parameter(help="With --query: number of texts to show.")] = _TOP_K,
    is_json: Json = False,
) -> None:
    """Turn texts into vectors.

    Use it for search, clustering, or as features of another model. Without --out,
    it prints one JSON object for each text. A file holds "embeddings", one row for
    each text, or with --tokens "0.tokens" and "0.states" for the first text, and so
    on. The special tokens around a text count in its mean, as in
    sentence-transformers. Texts that are too long are cut. --pooling (default: mean),
    --normalize (default: no) and --prompt (default: none) are the source's for a
    model that was imported from a sentence-transformers folder.

    Examples:
      twinlm embed runs/demo/bert "A river in France." "A lake in Peru."
      twinlm embed runs/demo/bert - --out vectors.safetensors < lines.txt
      twinlm embed runs/demo/gpt - --pooling last --normalize < lines.txt
      twinlm embed runs/demo/bert - --tokens --layers last2 --out f.safetensors
      twinlm embed runs/demo/bert - --query "Where is it?" --top-k 3 < lines.txt
    Next:
      twinlm export runs/demo/bert --to sentence-transformers --out vectors
    """
    numbers = parse_layers(layers)
    _check(
        out,
        query,
        top_k,
        is_by_token=is_by_token,
        is_of_text=(pooling, is_normalized, prompt) != (None, None, None),
    )
    if query is not None and prompt is not None:
        hint = "--query takes the model's prompts named query and document"
        raise UsageError("--prompt is not for --query", hint=hint)
    lines = arguments_or_lines(texts)
    from twinlm.use.load import load

    trained = load(model)
    with progress_on(quiet_s=_QUIET_S) as progress:
        if query is not None:
            from twinlm.use.embed import cosines

            similar = cosines(trained, query, lines, pooling=pooling, layers=numbers, progress=progress)
            _show_similar(lines, similar, top_k, is_json=is_json)
            return
        if is_by_token:
            tensors, records = _by_token(trained, lines, numbers, progress)
        else:
            from twinlm.use.embed import embed

            options: dict[str, Any] = {"pooling": pooling, "normalize": is_normalized, "prompt": prompt}
            vectors_NE = embed(trained, lines, layers=numbers, progress=progress, **options)
            tensors = {"embeddings": vectors_NE}
            records = [{"embedding": vector_E.tolist()} for vector_E in vectors_NE]
    if out is None:
        for text, record in zip(lines, records, strict=True):
            print_json({"text": text, **record})
        return
    _write(out, tensors)
    print_record({"file": str(out), "texts": len(lines)}, f"{out}: {len(lines):,} texts", is_json=is_json)


def parse_layers(text: str) -> tuple[int, ...]:
    """Return the numbers of layers written as "last", "last4" or "0,-1"."""
    if last := re.fullmatch(r"last([1-9]\d{0,3})?", text):
        return tuple(range(-int(last[1] or 1), 0))
    if re.fullmatch(r"-?\d{1,4}(,-?\d{1,4})*", text):
        return tuple(int(number) for number in text.split(","))
    raise UsageError(f"--layers can't be {text!r}", hint="give last, last4, or numbers such as 1,2")


def _check(out: Path | None, query: str | None, top_k: int, *, is_by_token: bool, is_of_text: bool) -> None:
    check_used("--top-k", top_k != _TOP_K, is_used=query is not None, by="--query")
    if out is not None and out.suffix != ".safetensors":
        raise UsageError("the file must end in .safetensors", file=out)
    if query is not None and (out is not None or is_by_token):
        raise UsageError("--query shows texts: leave out --out and --tokens")
    if is_by_token and is_of_text:
        raise UsageError("--tokens gives unchanged states: leave out --pooling, --normalize and --prompt")
    if top_k < 1:
        raise UsageError(f"--top-k must be at least 1, not {top_k}")
    if out is not None:
        storage.require_writable(out)


def _show_similar(texts: Sequence[str], cosines: Sequence[float], top_k: int, *, is_json: bool) -> None:
    for cosine, text in sorted(zip(cosines, texts, strict=True), key=lambda pair: -pair[0])[:top_k]:
        print_record({"text": text, "cosine": cosine}, f"{cosine:6.3f}  {text}", is_json=is_json)


def _by_token(
    trained: "Trained", texts: Sequence[str], layers: Sequence[int], progress: "Progress"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return features as arrays by name, and as JSON."""
    import numpy as np

    from twinlm.use.embed import features

    tensors: dict[str, Any] = {}
    records = []
    for number, (tokens, states_LE) in enumerate(features(trained, texts, layers=layers, progress=progress)):
        tensors |= {f"{number}.tokens": np.array(tokens), f"{number}.states": states_LE}
        shown = [trained.tokenizer.display(token) for token in tokens]
        records.append({"tokens": shown, "states": states_LE.tolist()})
    return tensors, records


def _write(path: Path, arrays: Mapping[str, Any]) -> None:
    import torch

    from twinlm.tensor_files import tensor_bytes

    storage.write_file(path, tensor_bytes({name: torch.from_numpy(array) for name, array in arrays.items()}))


COMMAND = Command("embed", command)
