"""Bodies of the routes of text-embeddings-inference, and of Hugging Face's inference clients."""

from typing import Annotated, Any, Literal

from pydantic import Field

from twinlm.serve.schemas.parts import Answer, Name, OfModel, Request, Text, Texts, TokenIds, TokenRows, TopK

Row = Annotated[list[Text], Field(fail_fast=True, min_length=1, max_length=2)]
Rows = Annotated[list[Row], Field(fail_fast=True, min_length=1, max_length=2048)]


class EmbedRequest(OfModel):
    """Turn texts into vectors."""

    inputs: Text | Texts
    normalize: bool | None = Field(True, description="Scale each vector to length 1.")
    truncate: bool | None = Field(False, description="Cut texts that are too long, instead of refusing them.")
    truncation_direction: Literal["right", "Right"] = "right"
    prompt_name: Name | None = None
    dimensions: int | None = Field(None, ge=1, le=1 << 20, description="Must equal the model's width.")


class EmbedAllRequest(OfModel):
    """Turn each token of texts into a vector."""

    inputs: Text | Texts
    truncate: bool | None = False
    truncation_direction: Literal["right", "Right"] = "right"
    prompt_name: None = None


class PredictRequest(OfModel):
    """Classify: a text, a pair of texts (two texts in a list), or a list of such lists."""

    inputs: Text | Row | Rows
    truncate: bool | None = Field(True, description="Texts that are too long are cut.")
    raw_scores: Literal[False] = False
    truncation_direction: Literal["right", "Right"] = "right"


class RerankRequest(OfModel):
    """Order texts by how well they fit a query."""

    query: Text
    texts: Texts
    raw_scores: Literal[False] = False
    return_text: bool = False
    truncate: bool | None = Field(True, description="Texts that are too long are cut.")
    truncation_direction: Literal["right", "Right"] = "right"


class SimilarityInputs(Request):
    """A sentence and those that it is compared with."""

    source_sentence: Text
    sentences: Texts


class SimilarityRequest(OfModel):
    """Compare a sentence with others by the cosine of their vectors."""

    inputs: SimilarityInputs
    parameters: Annotated[dict[str, Any], Field(max_length=0)] | None = None


class TokenizeRequest(OfModel):
    """Cut texts into tokens."""

    inputs: Text | Texts
    add_special_tokens: bool = True
    prompt_name: None = None


class DecodeRequest(OfModel):
    """Turn tokens into text."""

    ids: TokenIds | TokenRows
    skip_special_tokens: bool = True


class HubParameters(Request):
    """Parameters of Hugging Face's inference clients."""

    top_k: TopK | None = None
    targets: None = None
    function_to_apply: Literal["softmax", "none"] | None = None
    normalize: bool | None = None
    truncate: bool | None = None


class HubRequest(OfModel):
    """A request of Hugging Face's inference clients; what it asks depends on the model and the input."""

    inputs: Text | Texts | SimilarityInputs
    parameters: HubParameters | None = None
    normalize: bool | None = None
    truncate: bool | None = None


class Prediction(Answer):
    """A class and its probability."""

    label: str
    score: float


class Rank(Answer):
    """A text's place: its number in the request, and its score."""

    index: int
    score: float
    text: str | None = None


class SimpleToken(Answer):
    """A token and where it stands in the text."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Info(Answer):
    """A model and what the server takes."""

    model_id: str
    model_sha: str | None
    model_dtype: str
    model_type: dict[str, Any]
    max_concurrent_requests: int
    max_input_length: int
    max_batch_tokens: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str


class Failure(Answer):
    """An error, as text-embeddings-inference writes it."""

    error: str
    error_type: str
