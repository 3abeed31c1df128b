"""Our own routes: what no other server offers, and what the page needs."""

import asyncio
from dataclasses import fields
from typing import Any, cast

from fastapi import APIRouter
from starlette.responses import Response

from twinlm.serve import work
from twinlm.serve.answers import as_json
from twinlm.serve.routes.parts import ERRORS, ServedModels, StrictRoute, ask
from twinlm.serve.schemas import own
from twinlm.serve.served import Served
from twinlm.use.fill import Filled, Guess
from twinlm.use.score import Score
from twinlm.use.surprise import Surprise

ROUTER = APIRouter(tags=["twinlm"], route_class=StrictRoute, responses=ERRORS)


@ROUTER.post("/fill", response_model=own.Fills)
async def fill(served: ServedModels, request: own.FillRequest) -> Response:
    """Fill each [MASK] of texts with a BERT."""
    chosen, texts = served.find(request.model, "fill gaps"), request.texts
    sizes = [chosen.tokens([text]) for text in texts]
    rows: list[dict[str, Any]]
    if request.together:
        # One pass for each mask.
        sizes = [size * max(1, text.count("[MASK]")) for size, text in zip(sizes, texts, strict=True)]
        filled: list[Filled] = await ask(chosen, work.filled_together, texts, sizes)
        rows = [{"text": each.text, "masks": [[_guess(guess)] for guess in each.guesses]} for each in filled]
    else:
        found = await ask(chosen, work.filled, texts, sizes, top_k=request.top_k)
        rows = [{"text": None, "masks": [list(map(_guess, mask)) for mask in masks]} for masks in found]
    return as_json({"model": chosen.name, "texts": rows})


@ROUTER.post("/follows", response_model=own.Follows)
async def follows(served: ServedModels, request: own.FollowsRequest) -> Response:
    """Ask a BERT whether the second text of each pair follows the first."""
    chosen = served.find(request.model, "tell what follows")
    sizes = [chosen.tokens(pair) for pair in request.pairs]
    chances = await ask(chosen, work.followed, [tuple(pair) for pair in request.pairs], sizes)
    return as_json({"model": chosen.name, "probabilities": chances})


@ROUTER.post("/score", response_model=own.Scores)
async def score(served: ServedModels, request: own.ScoreRequest) -> Response:
    """Score how likely a model finds texts."""
    chosen = served.find(request.model, "score")
    sizes = [_scored_tokens(chosen, text) for text in request.texts]
    scores: list[Score] = await ask(chosen, work.scored, request.texts, sizes, method=request.method)
    rows = [
        {
            "log_likelihood": each.log_likelihood,
            "mean": each.mean,
            "tokens": [{"text": text, "log_likelihood": value} for text, value in each.tokens],
        }
        for each in scores
    ]
    return as_json({"model": chosen.name, "method": scores[0].method, "texts": rows})


@ROUTER.post("/rank", response_model=own.Ranks)
async def rank(served: ServedModels, request: own.RankRequest) -> Response:
    """Order candidates, which replace {} in a prompt or follow it, by how likely they are."""
    chosen = served.find(request.model, "score")
    size = sum(_scored_tokens(chosen, request.prompt + text) for text in request.candidates)
    how = {"normalize": request.normalize, "part": request.part, "method": request.method}
    question = (request.prompt, tuple(request.candidates))
    ranking = (await ask(chosen, work.ranked, [question], [size], **how))[0]
    candidates = [each._asdict() for each in ranking.candidates]
    about = {"model": chosen.name, "method": ranking.method, "part": ranking.part}
    return as_json({**about, "candidates": candidates})


@ROUTER.post("/tag", response_model=own.Tags)
async def tag(served: ServedModels, request: own.TagRequest) -> Response:
    """Tag each word of sentences with a fine-tuned model."""
    chosen, rows = served.find(request.model, "tag"), request.sentences
    tags = await ask(chosen, work.tagged, rows, [chosen.tokens(row) for row in rows])
    return as_json({"model": chosen.name, "tags": tags})


@ROUTER.post("/answer", response_model=own.Answers)
async def answer(served: ServedModels, request: own.AnswerRequest) -> Response:
    """Find the answers to questions in texts with a fine-tuned model."""
    chosen = served.find(request.model, "answer questions")
    rows = [(each.question, each.context) for each in request.questions]
    # A long context is read in windows that overlap by half.
    sizes = [2 * len("".join(row).encode()) + chosen.longest for row in rows]
    return as_json({"model": chosen.name, "answers": await ask(chosen, work.answered, rows, sizes)})


@ROUTER.post("/choose", response_model=own.Choice)
async def choose(served: ServedModels, request: own.ChooseRequest) -> Response:
    """Choose among texts with a fine-tuned model."""
    chosen = served.find(request.model, "choose")
    question = (request.text, tuple(request.choices), request.question)
    size = sum(chosen.tokens([request.text, request.question, text]) for text in request.choices)
    chances: list[float] = (await ask(chosen, work.chosen, [question], [size]))[0]
    best = chances.index(max(chances))
    return as_json({"model": chosen.name, "predicted": best, "probabilities": chances})


@ROUTER.post("/surprise", response_model=own.Surprises)
async def surprise(served: ServedModels, request: own.SurpriseRequest) -> Response:
    """Ask how surprised a model is by the tokens of a text, and what it expected instead."""
    chosen = served.find(request.model, "score")
    given = request.text if request.text is not None else request.ids or []
    count = chosen.tokens([given]) if isinstance(given, str) else min(len(given) + 2, chosen.longest)
    read, sizes = min(count, chosen.longest), cast(Any, chosen.trained.model.config)
    asked = read if request.positions is None else min(len(request.positions), read)
    weights = request.attention * sizes.layers * sizes.heads * read * read
    chosen.check_answer(asked * (2 + 2 * request.top) + weights)
    # An encoder reads the text once for each position.
    passes = (1 if chosen.trained.family.is_generative else asked) + request.attention
    question = {
        "text": given,
        "masked": request.masked,
        "positions": request.positions,
        "top_k": request.top,
        "with_next": request.next,
        "with_attention": request.attention,
    }
    found: Surprise = (await ask(chosen, work.surprised, [question], [count + read * passes]))[0]
    # In a thread: lists of many tokens take longer than others should wait.
    answer = {"model": chosen.name, **{each.name: getattr(found, each.name) for each in fields(found)}}
    return await asyncio.to_thread(as_json, answer)


def _scored_tokens(served: Served, text: str) -> int:
    """Return the most tokens that are read to score a text: an encoder reads it once for each token."""
    size = served.tokens([text])
    return size if served.trained.family.is_generative else size * size


def _guess(guess: Guess) -> dict[str, Any]:
    return {"text": guess.text, "probability": guess.probability, "token": guess.token}
