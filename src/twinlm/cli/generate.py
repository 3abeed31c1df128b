"""`twinlm generate`: let a GPT continue a text."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from twinlm.cli.options import Json
from twinlm.cli.texts import argument_or_input

NAME = "generate"
EXAMPLES = """Examples:
  twinlm generate runs/demo/gpt "The river"
  twinlm generate runs/demo/gpt "The river" --temperature 0
  twinlm generate runs/demo/gpt "" --max-tokens 100 --seed 7
  twinlm generate runs/demo/gpt "The river" --top-p 0.9 --stop "." --stop "!"
  echo "The river" | twinlm generate runs/demo/gpt - --json
"""

Model = Annotated[Path, Parameter(help="A model's folder, such as runs/demo/gpt.")]


def command(
    model: Model,
    prompt: Annotated[
        str | None, Parameter(help="The text to continue; standard input if not given, or -.")
    ] = None,
    /,
    *,
    max_tokens: Annotated[int, Parameter(help="Stop after so many new tokens.")] = 64,
    temperature: Annotated[
        float, Parameter(help="Below 1 sticks to likely words, 0 always takes the best.")
    ] = 0.8,
    top_k: Annotated[int, Parameter(help="Draw from so many best tokens only; 0 for all.")] = 40,
    top_p: Annotated[
        float, Parameter(help="Draw from the fewest best tokens that have this probability together.")
    ] = 1.0,
    min_p: Annotated[
        float, Parameter(help="Leave out tokens less likely than this times the best one's probability.")
    ] = 0.0,
    repetition_penalty: Annotated[
        float, Parameter(help="Above 1 makes tokens that were there before less likely.")
    ] = 1.0,
    stop: Annotated[
        tuple[str, ...], Parameter(help="End before this string; may be given several times.")
    ] = (),
    seed: Annotated[int, Parameter(help="The same seed gives the same text.")] = 0,
    is_json: Json = False,
) -> None:
    """Let a GPT continue a text.

    The text is shown as it is written, after the prompt.
    """
    text = argument_or_input(prompt)
    from twinlm.use.generate import MAX_LENGTH, Continuation
    from twinlm.use.load import load
    from twinlm.use.sampling import Sampling

    sampling = Sampling(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
    )
    options = {"max_tokens": max_tokens, **asdict(sampling), "stop": list(stop), "seed": seed}
    continuation = Continuation(
        load(model), text, max_tokens=max_tokens, sampling=sampling, stop=stop, seed=seed
    )
    if is_json:
        written = "".join(continuation)
        about = {"tokens": len(continuation.tokens), "stopped_by": continuation.stopped_by}
        print(json.dumps({"prompt": text, "text": written, **about, **options}, ensure_ascii=False))
        return
    print(text, end="", flush=True)
    for piece in continuation:
        print(piece, end="", flush=True)
    print()
    if continuation.stopped_by == MAX_LENGTH:
        print(f"stopped after {len(continuation.tokens):,} tokens: the model holds no more", file=sys.stderr)
