"""OpenAI's routes: /v1/models, /v1/completions and /v1/embeddings."""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import msgspec
import numpy as np
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from twinlm.errors import UserError
from twinlm.serve import work
from twinlm.serve.answers import as_json, as_refusal, failure
from twinlm.serve.completions import WRITE, Step, Wanted, Written, logprobs
from twinlm.serve.limits import RefusalError
from twinlm.serve.routes.parts import OPENAI_ERRORS, ServedModels, StrictRoute, ask, listed
from twinlm.serve.schemas import openai
from twinlm.serve.served import Served
from twinlm.use.generate import Prompt
from twinlm.use.sampling import Sampling
from twinlm.use.spelling import starts_in_text, token_starts
from twinlm.use.surprise import Expected

ROUTER = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=StrictRoute, responses=OPENAI_ERRORS)
_MOST_TEXTS = 256
_SEED_BITS = 63


@ROUTER.get("/models", response_model=openai.ModelList)
async def models(served: ServedModels) -> Response:
    """List the served models."""
    return as_json({"object": "list", "data": [_card(each) for each in served.all]})


@ROUTER.get("/models/{name:path}", response_model=openai.ModelCard)
async def model(served: ServedModels, name: str) -> Response:
    """Describe one served model."""
    return as_json(_card(served.named(name)))


@ROUTER.post("/embeddings", response_model=openai.Embeddings)
async def embeddings(served: ServedModels, request: openai.EmbeddingRequest) -> Response:
    """Turn texts into vectors."""
    chosen, texts = served.find(request.model, "embed"), listed(request.input)
    check_width(chosen, request.dimensions)
    chosen.check_answer(len(texts) * chosen.width)
    sizes = [chosen.tokens([text]) for text in texts]
    vectors: list[work.Vector] = await ask(
        chosen, work.embedded, texts, sizes, normalize=None, prompt=None, is_cut=request.truncate
    )
    is_base64 = request.encoding_format == "base64"
    rows = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if is_base64 else vector}
        for index, (vector, _) in enumerate(vectors)
    ]
    count = sum(size for _, size in vectors)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return as_json({"object": "list", "data": rows, "model": chosen.name, "usage": usage})


@ROUTER.post(
    "/completions",
    response_model=openai.Completion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def completions(served: ServedModels, request: openai.CompletionRequest) -> Response:
    """Continue prompts with a GPT."""
    if request.best_of not in (None, request.n):
        raise RefusalError(400, f"best_of must equal n, and n is {request.n}: leave it out")
    asked = _Asked(served.find(request.model, "continue texts"), request)
    if request.stream:
        # An error must come before the first line of the stream, which says that all is well.
        chunks = aiter(asked.chunks())
        first = await anext(chunks)
        return StreamingResponse(_events(first, chunks), media_type="text/event-stream")
    choices, usage = await asked.whole()
    return as_json({**asked.head, "choices": choices, "usage": usage})


class _Asked:
    """A request for completions, and the parts of its answer.

    Lists of tokens are made in threads: many take longer than other requests should wait.
    """

    def __init__(self, served: Served, request: openai.CompletionRequest) -> None:
        self._served = served
        self._request = request
        self._prompts = _prompts(request.prompt)
        self._n = request.n or 1
        self._new = 16 if request.max_tokens is None else request.max_tokens
        if len(self._prompts) * self._n > _MOST_TEXTS:
            message = f"prompts times n are {len(self._prompts) * self._n:,}, more than {_MOST_TEXTS}"
            raise RefusalError(400, f"{message}: send several requests")
        served.check_answer(sum(self._sizes()) * (2 + (request.logprobs or 0)))
        number = f"cmpl-{secrets.token_hex(12)}"
        self.head = {"id": number, "object": "text_completion", "created": int(time.time())}
        self.head |= {"model": served.name}

    async def whole(self) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """Return all choices at once, and the numbers of tokens."""
        read = await self._read_prompts()
        written: list[Written] = [Written("", [], [], "length")] * (len(self._prompts) * self._n)
        if self._new:
            written = await self._served.engine.answers(WRITE, self._wanted(), self._sizes())
        choices = await asyncio.to_thread(self._choices, read, written)
        return choices, self._usage(read, sum(len(text.tokens) for text in written))

    def _choices(self, read: "list[_Opening]", written: list[Written]) -> list[dict[str, Any]]:
        choices = []
        for index, text in enumerate(written):
            opening = read[index // self._n]
            lists = self._logprobs(opening, text.tokens, len(opening.text))
            choices.append(_choice(index, opening.text + text.text, lists, text.finish_reason))
        return choices

    async def chunks(self) -> AsyncIterator[dict[str, Any]]:
        """Yield parts of the choices as they come."""
        read = await self._read_prompts()
        count, total = len(self._prompts) * self._n, 0
        places = [len(opening.text) for opening in read for _ in range(self._n)]
        told: list[list[tuple[int, Expected | None]]] = [[] for _ in range(count)]
        if self._request.echo or not self._new:
            for index in range(count):
                opening = read[index // self._n]
                reason = None if self._new else "length"
                lists = self._logprobs(opening, [], len(opening.text))
                yield {**self.head, "choices": [_choice(index, opening.text, lists, reason)]}
        pieces = self._served.engine.pieces(WRITE, self._wanted(), self._sizes()) if self._new else _none()
        async for index, step in pieces:
            lists = None
            if self._request.logprobs is not None:
                before = len(told[index])
                told[index] += step.tokens
                whole = self._logprobs(read[index // self._n], told[index], places[index], is_echo=False)
                lists = {name: values[before:] for name, values in (whole or {}).items()}
            total += len(step.tokens)
            yield {**self.head, "choices": [_choice(index, step.text, lists, step.finish_reason)]}
        if self._request.stream_options and self._request.stream_options.include_usage:
            yield {**self.head, "choices": [], "usage": self._usage(read, total)}

    async def _read_prompts(self) -> "list[_Opening]":
        """Return what comes before the new tokens, with its log-probabilities if they are asked for."""
        sizes, top_k = [self._size(prompt) for prompt in self._prompts], self._request.logprobs
        if self._request.echo and top_k is not None:
            found = await ask(self._served, work.expected, self._prompts, sizes, top_k=top_k)
        else:
            rows = await ask(self._served, work.prompted, self._prompts, sizes, is_continued=self._new > 0)
            found = [[(token, None) for token in row] for row in rows]
        return await asyncio.to_thread(self._openings, found)

    def _openings(self, found: list[list[tuple[int, Expected | None]]]) -> "list[_Opening]":
        return [
            _Opening(self._served, prompt, tokens, is_echoed=bool(self._request.echo))
            for prompt, tokens in zip(self._prompts, found, strict=True)
        ]

    def _wanted(self) -> list[Wanted]:
        request = self._request
        stop = request.stop or []
        seed = secrets.randbits(_SEED_BITS) if request.seed is None else request.seed
        sampling = Sampling(
            temperature=1.0 if request.temperature is None else request.temperature,
            top_p=1.0 if request.top_p is None else request.top_p,
            top_k=request.top_k,
            min_p=request.min_p,
            repetition_penalty=request.repetition_penalty,
        )
        stops = (stop,) if isinstance(stop, str) else tuple(stop)
        return [
            Wanted(prompt, sample, self._new, sampling, stops, seed, request.logprobs)
            for prompt, sample in product(self._prompts, range(self._n))
        ]

    def _size(self, prompt: Prompt) -> int:
        return self._served.tokens([prompt]) if isinstance(prompt, str) else len(prompt)

    def _sizes(self) -> list[int]:
        most = self._served.longest
        return [min(self._size(prompt) + self._new, most) for prompt in self._prompts for _ in range(self._n)]

    def _logprobs(
        self,
        opening: "_Opening",
        tokens: list[tuple[int, Expected | None]],
        place: int,
        *,
        is_echo: bool = True,
    ) -> dict[str, list[Any]] | None:
        top_k = self._request.logprobs
        if top_k is None:
            return None
        old = [token for token, _ in opening.read]
        starts = token_starts(self._served.trained.tokenizer, [*old, *(token for token, _ in tokens)])
        new = [place + start - starts[len(old)] for start in starts[len(old) : -1]]
        if is_echo and self._request.echo:
            tokens, new = [*opening.shown, *tokens], [*opening.starts, *new]
        return logprobs(self._served.token_name, tokens, new, top_k)

    def _usage(self, read: "list[_Opening]", new: int) -> dict[str, int]:
        old = sum(len(opening.shown) for opening in read)
        return {"prompt_tokens": old, "completion_tokens": new, "total_tokens": old + new}


class _Opening:
    """A prompt as it was read.

    `shown` are its own tokens, without the one for the start of a text, and `starts` their places in the
    prompt. `text` is what the answer begins with: the prompt if it is echoed.
    """

    def __init__(
        self, served: Served, prompt: Prompt, tokens: list[tuple[int, Expected | None]], *, is_echoed: bool
    ) -> None:
        tokenizer = served.trained.tokenizer
        self.read = tokens
        if isinstance(prompt, str):
            ((ids, offsets),) = tokenizer.encode_with_offsets([prompt])
            # OpenAI's form has no figure for a first token; /score has one, given the start of a text.
            own = tokens[len(tokens) - len(ids) :]
            self.shown = [(own[0][0], None), *own[1:]] if own else []
            self.starts = starts_in_text(offsets)
            self.text = prompt if is_echoed else ""
        else:
            self.shown = tokens
            self.starts = token_starts(tokenizer, prompt)[:-1]
            self.text = tokenizer.decode(prompt) if is_echoed else ""


async def _events(first: dict[str, Any], chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """Yield server-sent events."""
    yield _event(first)
    try:
        async for chunk in chunks:
            yield _event(chunk)
    except (RefusalError, UserError) as error:
        refusal = as_refusal(error) if isinstance(error, UserError) else error
        yield _event(failure("/v1/", refusal.status, refusal.message, refusal.code))
    yield b"data: [DONE]\n\n"


async def _none() -> AsyncIterator[tuple[int, Step]]:
    for _ in ():
        yield _


def check_width(served: Served, dimensions: int | None) -> None:
    """Refuse another number of dimensions than the model's."""
    if dimensions not in (None, served.width):
        raise RefusalError(400, f"{served.name} has vectors of {served.width} numbers, not of {dimensions}")


def _prompts(given: str | list[Any]) -> list[Prompt]:
    if isinstance(given, str):
        return [given]
    return [given] if isinstance(given[0], int) else given


def _choice(
    index: int, text: str, lists: dict[str, list[Any]] | None, finish_reason: str | None
) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": lists, "finish_reason": finish_reason}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _base64(vector: list[float]) -> str:
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def _card(served: Served) -> dict[str, Any]:
    return {"id": served.name, "object": "model", "created": served.created_s, "owned_by": "twinlm"}
