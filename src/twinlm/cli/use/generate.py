"""`twinlm generate`: continue texts with a GPT."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from twinlm.cli.command import Command
from twinlm.cli.options import Json, Model, flag
from twinlm.cli.tables import print_json
from twinlm.cli.texts import argument_or_input, arguments_or_lines
from twinlm.errors import UsageError

if TYPE_CHECKING:
    from twinlm.checkpoint import Trained
    from twinlm.use.sampling import Sampling


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingOptions:
    """`use.sampling.Sampling`, as options."""

    temperature: float = 0.8
    """Below 1 prefers likely tokens; 0 always takes the best."""
    top_k: int = 40
    """Draw from this many best tokens only; 0 for all."""
    top_p: float = 1.0
    """Draw from the fewest best tokens that together have this probability."""
    min_p: float = 0.0
    """Drop tokens less likely than this times the best one's probability."""
    repetition_penalty: float = 1.0
    """Above 1 makes earlier tokens less likely."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class BeamOptions:
    """Options of `use.beams.beam_search`."""

    beams: int | None = None
    """Search for the likeliest text with this many beams, without drawing."""
    length_penalty: float = 1.0
    """With --beams: above 0 prefers longer texts, below 0 shorter ones."""
    stopping: Literal["full", "likely", "never"] = "likely"
    """With --beams: stop once enough texts ended, none is likely better, or none can be."""


def command(
    model: Model,
    /,
    *prompts: Annotated[str, Parameter(help="Texts to continue; default, or -: standard input.")],
    max_tokens: Annotated[int, Parameter(help="Most new tokens.")] = 64,
    sampling: SamplingOptions = SamplingOptions(),
    stop: Annotated[tuple[str, ...], Parameter(help="End before this string; may be repeated.")] = (),
    seed: Annotated[int, Parameter(help="The same seed gives the same text.")] = 0,
    n: Annotated[int, Parameter(help="Number of texts for each prompt.")] = 1,
    beams: BeamOptions = BeamOptions(),
    is_batch: Annotated[bool, flag("--batch", "Each line of standard input is a prompt.")] = False,
    is_json: Json = False,
) -> None:
    """Continue texts with a GPT.

    Use it to see what a GPT has learned. A single text is shown as it is written,
    after its prompt. Several are shown once they are done, with empty lines
    between; --json shows one object each.

    Examples:
      twinlm generate runs/demo/gpt "The river"
      twinlm generate runs/demo/gpt "The river" --temperature 0
      twinlm generate runs/demo/gpt "" --max-tokens 100 --seed 7
      twinlm generate runs/demo/gpt "The river" --top-p 0.9 --stop "." --stop "!"
      twinlm generate runs/demo/gpt "The river" --beams 4
      echo "The river" | twinlm generate runs/demo/gpt - --json
      twinlm generate runs/demo/gpt - --batch --n 3 < prompts.txt
    Next:
      twinlm score runs/demo/gpt "The river flows." "The river eats."
    """
    if is_batch or len(prompts) > 1:
        prompts = tuple(arguments_or_lines(prompts))
    else:
        prompts = (argument_or_input(prompts[0] if prompts else None),)
    from twinlm.use.load import load
    from twinlm.use.sampling import Sampling

    drawing = Sampling(**asdict(sampling))
    options: dict[str, Any] = {"max_tokens": max_tokens, **asdict(drawing), "stop": list(stop), "seed": seed}
    if beams.beams is None and beams != BeamOptions():
        raise UsageError("--length-penalty and --stopping need --beams")
    if beams.beams is not None:
        _check_nothing_is_drawn(drawing, stop, seed)
        options = {"max_tokens": max_tokens, **asdict(beams)}
        records = _searched(load(model), prompts, n, options)
    elif len(prompts) == n == 1:
        records = _streamed(load(model), prompts[0], drawing, options, is_shown=not is_json)
    else:
        records = _drawn(load(model), prompts, n, drawing, options)
    is_shown_already = len(prompts) == n == 1 and beams.beams is None
    for number, record in enumerate(records):
        if is_json:
            print_json({**record, **options})
        elif not is_shown_already:
            print("\n" * (number > 0) + record["prompt"] + record["text"])


def _check_nothing_is_drawn(sampling: "Sampling", stop: Sequence[str], seed: int) -> None:
    from twinlm.use.sampling import DEFAULT_SAMPLING

    defaults = asdict(DEFAULT_SAMPLING)
    useless = [name for name, value in asdict(sampling).items() if value != defaults[name]]
    useless += ["stop"] * bool(stop) + ["seed"] * bool(seed)
    if useless:
        names = ", ".join("--" + name.replace("_", "-") for name in useless)
        raise UsageError(f"--beams draws nothing and runs to the end: leave out {names}")


def _streamed(
    trained: "Trained", prompt: str, sampling: "Sampling", options: Mapping[str, Any], *, is_shown: bool
) -> Iterator[dict[str, Any]]:
    """Write one text, and print it as it comes if `is_shown`."""
    from twinlm.use.generate import MAX_LENGTH, Continuation

    rest = {name: options[name] for name in ("max_tokens", "stop", "seed")}
    continuation = Continuation(trained, prompt, sampling=sampling, **rest)
    pieces = []
    if is_shown:
        print(prompt, end="", flush=True)
    for piece in continuation:
        pieces.append(piece)
        if is_shown:
            print(piece, end="", flush=True)
    if is_shown:
        print()
        if continuation.stopped_by == MAX_LENGTH:
            count = len(continuation.tokens)
            print(f"stopped after {count:,} tokens: the model's maximum", file=sys.stderr)
    about = {"tokens": len(continuation.tokens), "stopped_by": continuation.stopped_by}
    yield {"prompt": prompt, "text": "".join(pieces), **about}


def _drawn(
    trained: "Trained", prompts: Sequence[str], n: int, sampling: "Sampling", options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    from twinlm.use.generate import generate_batch

    rest = {name: options[name] for name in ("max_tokens", "stop", "seed")}
    written = generate_batch(trained, prompts, n=n, sampling=sampling, **rest)
    for prompt, texts in zip(prompts, written, strict=True):
        for sample, text in enumerate(texts):
            about = {"sample": sample, "tokens": len(text.tokens), "stopped_by": text.stopped_by}
            yield {"prompt": prompt, "text": text.text, **about}


def _searched(
    trained: "Trained", prompts: Sequence[str], n: int, options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    from twinlm.use.beams import beam_search
    from twinlm.use.generate import read_prompt

    for prompt in prompts:
        read_prompt(trained, prompt, options["max_tokens"])  # raises before the first text is shown
    for prompt in prompts:
        for rank, beam in enumerate(beam_search(trained, prompt, n=n, **options)):
            about = {"place": rank, "tokens": len(beam.tokens), "is_ended": beam.is_ended}
            yield {"prompt": prompt, "text": beam.text, "score": beam.score, **about}


COMMAND = Command("generate", command)
