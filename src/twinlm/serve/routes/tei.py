"""Routes of text-embeddings-inference, and the one address that Hugging Face's inference clients post to."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from twinlm.serve import work
from twinlm.serve.answers import as_json
from twinlm.serve.limits import RefusalError
from twinlm.serve.routes.openai import check_width
from twinlm.serve.routes.parts import ERRORS, ModelQuery, ServedModels, StrictRoute, ask, listed
from twinlm.serve.schemas import tei
from twinlm.serve.served import Models, Served
from twinlm.use.embed import defaults_of
from twinlm.use.fill import MASK
from twinlm.version import __version__

ROUTER = APIRouter(tags=["text-embeddings-inference"], route_class=StrictRoute, responses=ERRORS)


@ROUTER.post("/embed", response_model=list[list[float]])
async def embed(served: ServedModels, request: tei.EmbedRequest, name: ModelQuery = None) -> Response:
    """Turn texts into vectors."""
    chosen, texts = served.find(request.model or name, "embed"), listed(request.inputs)
    check_width(chosen, request.dimensions)
    vectors = await _vectors(
        chosen,
        texts,
        normalize=request.normalize,
        prompt=request.prompt_name,
        is_cut=bool(request.truncate),
    )
    return as_json(vectors)


@ROUTER.post("/embed_all", response_model=list[list[list[float]]])
async def embed_all(served: ServedModels, request: tei.EmbedAllRequest, name: ModelQuery = None) -> Response:
    """Turn each token of texts into a vector."""
    chosen, texts = served.find(request.model or name, "embed"), listed(request.inputs)
    sizes = [chosen.tokens([text]) for text in texts]
    chosen.check_answer(sum(min(size, chosen.longest) for size in sizes) * chosen.width)
    return as_json(await ask(chosen, work.states, texts, sizes, is_cut=bool(request.truncate)))


@ROUTER.post("/predict", response_model=list[tei.Prediction] | list[list[tei.Prediction]])
async def predict(served: ServedModels, request: tei.PredictRequest, name: ModelQuery = None) -> Response:
    """Classify texts or pairs with a fine-tuned model, the most probable class first."""
    chosen = served.find(request.model or name, "classify")
    inputs = request.inputs
    is_one = isinstance(inputs, str) or isinstance(inputs[0], str)
    rows: list[Any] = [listed(inputs)] if is_one else list(inputs)  # type: ignore[arg-type]
    found = await _predictions(chosen, rows)
    return as_json(found[0] if is_one else found)


@ROUTER.post("/rerank", response_model=list[tei.Rank], response_model_exclude_none=True)
async def rerank(served: ServedModels, request: tei.RerankRequest, name: ModelQuery = None) -> Response:
    """Order texts by how well they fit a query: by a model of pairs, or by the cosine of vectors.

    A model that was fine-tuned for similarity is taken if there is one; its scores have the unit of its
    training. Otherwise scores are cosines.
    """
    chosen, query, texts = _reranker(served, request.model or name), request.query, request.texts
    if "rate pairs" in chosen.abilities:
        pairs = [(query, text) for text in texts]
        scores = await ask(chosen, work.rated, pairs, [chosen.tokens(pair) for pair in pairs])
    else:
        scores = await _cosines(chosen, query, texts)
    order = sorted(range(len(texts)), key=lambda index: -scores[index])
    return as_json(
        [
            {
                "index": index,
                "score": scores[index],
                **({"text": texts[index]} if request.return_text else {}),
            }
            for index in order
        ]
    )


@ROUTER.post("/similarity", response_model=list[float])
async def similarity(
    served: ServedModels, request: tei.SimilarityRequest, name: ModelQuery = None
) -> Response:
    """Compare a sentence with others by the cosine of their vectors."""
    chosen = served.find(request.model or name, "embed")
    return as_json(await _cosines(chosen, request.inputs.source_sentence, request.inputs.sentences))


@ROUTER.post("/tokenize", response_model=list[list[tei.SimpleToken]])
async def tokenize(served: ServedModels, request: tei.TokenizeRequest, name: ModelQuery = None) -> Response:
    """Cut texts into tokens."""
    chosen, texts = _any(served, request.model or name), listed(request.inputs)
    chosen.check_answer(8 * sum(len(text.encode()) for text in texts))
    sizes = [chosen.tokens([text]) for text in texts]
    return as_json(await ask(chosen, work.tokenized, texts, sizes, is_enclosed=request.add_special_tokens))


@ROUTER.post("/decode", response_model=list[str])
async def decode(served: ServedModels, request: tei.DecodeRequest, name: ModelQuery = None) -> Response:
    """Turn tokens into text."""
    chosen = _any(served, request.model or name)
    rows = [request.ids] if isinstance(request.ids[0], int) else request.ids
    sizes = [len(row) for row in rows]
    keeps = not request.skip_special_tokens
    return as_json(await ask(chosen, work.decoded, rows, sizes, keep_special=keeps))


@ROUTER.get("/info", response_model=tei.Info)
async def info(served: ServedModels, name: ModelQuery = None) -> Response:
    """Describe a model and what the server takes; by default the first model."""
    chosen = _any(served, name)
    trained, limits = chosen.trained, chosen.engine.limits
    labels = trained.task.labels if trained.task else ()
    by_id = {str(number): label for number, label in enumerate(labels)}
    by_label = {label: number for number, label in enumerate(labels)}
    kind: dict[str, Any] = {"embedding": {"pooling": defaults_of(trained).pooling}}
    if trained.task is not None:
        kind = {"classifier": {"id2label": by_id, "label2id": by_label}}
    facts = {
        "model_id": chosen.name,
        "model_sha": None,
        "model_dtype": "float32",
        "model_type": kind,
        "max_concurrent_requests": limits.requests,
        "max_input_length": chosen.longest,
        "max_batch_tokens": chosen.engine.batch_tokens,
        "max_client_batch_size": 2048,
        "auto_truncate": False,
        "version": __version__,
    }
    return as_json(facts)


@ROUTER.post("/")
async def hub(served: ServedModels, request: tei.HubRequest, name: ModelQuery = None) -> Response:
    """Answer a client of Hugging Face's inference API.

    A fine-tuned model classifies, a BERT fills in text with [MASK], and any other model embeds. A source
    sentence with others is compared with them.
    """
    inputs, given = request.inputs, request.parameters or tei.HubParameters()
    if isinstance(inputs, tei.SimilarityInputs):
        chosen = served.find(request.model or name, "embed")
        return as_json(await _cosines(chosen, inputs.source_sentence, inputs.sentences))
    texts, named = listed(inputs), request.model or name
    if MASK in texts[0] and (not named or "fill gaps" in served.named(named).abilities):
        return as_json(await _masks(served.find(named, "fill gaps"), inputs, given.top_k or 5))
    if named and "classify" in served.named(named).abilities:
        found = await _predictions(served.named(named), [[text] for text in texts])
        return as_json([row[: given.top_k] for row in found])
    vectors = await _vectors(
        served.find(named, "embed"),
        texts,
        normalize=request.normalize if given.normalize is None else given.normalize,
        prompt=None,
        is_cut=bool(request.truncate or given.truncate),
    )
    return as_json(vectors[0] if isinstance(inputs, str) else vectors)


async def _vectors(served: Served, texts: list[str], **how: Any) -> list[list[float]]:
    served.check_answer(len(texts) * served.width)
    sizes = [served.tokens([text]) for text in texts]
    return [vector for vector, _ in await ask(served, work.embedded, texts, sizes, **how)]


async def _cosines(served: Served, query: str, texts: list[str]) -> list[float]:
    size = served.tokens([query]) + sum(served.tokens([text]) for text in texts)
    cosines: list[float] = (await ask(served, work.compared, [(query, texts)], [size]))[0]
    return cosines


async def _predictions(served: Served, rows: list[list[str]]) -> list[list[dict[str, Any]]]:
    found = await ask(served, work.classified, rows, [served.tokens(row) for row in rows])
    return [[{"label": label, "score": score} for label, score in row.items()] for row in found]


async def _masks(served: Served, inputs: str | list[str], top_k: int) -> Any:
    texts = listed(inputs)
    if odd := next((text for text in texts if text.count(MASK) != 1), None):
        raise RefusalError(400, f"write one {MASK} a text, not {odd.count(MASK)}: /fill takes several")
    found = await ask(served, work.filled, texts, [served.tokens([text]) for text in texts], top_k=top_k)
    rows = [
        [
            {
                "score": guess.probability,
                "token": guess.token,
                "token_str": guess.text,
                "sequence": text.replace(MASK, guess.text.strip()),
            }
            for guess in masks[0]
        ]
        for text, masks in zip(texts, found, strict=True)
    ]
    return rows[0] if isinstance(inputs, str) else rows


def _any(served: Models, name: str | None) -> Served:
    return served.named(name) if name else served.all[0]


def _reranker(served: Models, name: str | None) -> Served:
    candidates = [served.named(name)] if name else served.all
    for ability in ("rate pairs", "embed"):
        if found := next((each for each in candidates if ability in each.abilities), None):
            return found
    return served.find(name, "embed")
