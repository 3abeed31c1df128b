"""Bodies of OpenAI's routes."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from twinlm.serve.schemas.parts import (
    Answer,
    Name,
    OfModel,
    Request,
    Text,
    TextOrNone,
    Texts,
    TokenIds,
    TokenRows,
)

Prompts = Annotated[list[TextOrNone], Field(fail_fast=True, min_length=1, max_length=256)]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Penalty = Annotated[float, Field(ge=0, le=0)]


class StreamOptions(Request):
    """Options of a stream."""

    include_usage: bool = False
    include_obfuscation: bool = False


class CompletionRequest(OfModel):
    """Continue prompts with a GPT; token ids are read as they are, a text after the token for its start."""

    prompt: TextOrNone | Prompts | TokenIds | TokenRows
    max_tokens: int | None = Field(16, ge=0, le=1 << 16)
    temperature: float | None = Field(1.0, ge=0, le=2)
    top_p: float | None = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, le=1 << 24, description="Number of best tokens to draw from; 0 for all.")
    min_p: float = Field(0.0, ge=0, le=1, description="Least probability, as a multiple of the best one's.")
    repetition_penalty: float = Field(1.0, gt=0, le=100)
    n: int | None = Field(1, ge=1, le=64)
    best_of: int | None = Field(None, ge=1, le=64, description="Must equal n.")
    stop: Stop | Annotated[list[Stop], Field(fail_fast=True, max_length=16)] | None = None
    seed: int | None = Field(
        None, ge=-(1 << 63), lt=1 << 63, description="The same seed gives the same text."
    )
    logprobs: int | None = Field(None, ge=0, le=20, description="Number of alternatives for each token.")
    echo: bool | None = False
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    presence_penalty: Penalty | None = 0.0
    frequency_penalty: Penalty | None = 0.0
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    suffix: None = None
    user: Name | None = None


class EmbeddingRequest(OfModel):
    """Turn texts into vectors."""

    input: Text | Texts
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = Field(None, ge=1, le=1 << 20, description="Must equal the model's width.")
    truncate: bool = Field(False, description="Cut texts that are too long, instead of refusing them.")
    user: Name | None = None

    @field_validator("input", mode="before")
    @classmethod
    def _refuse_ids(cls, value: Any) -> Any:
        """Refuse token ids: clients that send them used another model's tokenizer."""
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, int | list):
            raise ValueError(
                "token ids are not taken here, as clients make them with OpenAI's tokenizer: send text"
            )
        return value


class ModelCard(Answer):
    """A served model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "twinlm"


class ModelList(Answer):
    """All served models."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class LogProbs(Answer):
    """Log-probabilities of tokens, in nats; null where a model can say nothing, and -9999 for log 0."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int] = Field(description="Where tokens begin in the returned text, in code points.")


class CompletionChoice(Answer):
    """One text."""

    index: int
    text: str
    logprobs: LogProbs | None
    finish_reason: Literal["stop", "length"] | None


class CompletionUsage(Answer):
    """Numbers of tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Answer):
    """Continuations, prompt by prompt."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | None = None


class EmbeddingRow(Answer):
    """A text's vector: numbers, or little-endian 32-bit numbers in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Answer):
    """Numbers of tokens."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Answer):
    """Vectors, in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[EmbeddingRow]
    model: str
    usage: EmbeddingUsage


class Problem(Answer):
    """What was wrong with a request."""

    message: str
    type: str
    param: str | None
    code: str | None


class Failure(Answer):
    """An error, as OpenAI's API writes it."""

    error: Problem
