"""Parts that all requests share. Lists stop at their first error: a hostile one has half a million."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# A longer text would be cut into tokens for a second, in which nothing else is answered.
LONGEST_TEXT = 1 << 16
Text = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
TextOrNone = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Texts = Annotated[list[Text], Field(fail_fast=True, min_length=1, max_length=2048)]
TokenId = Annotated[int, Field(ge=0, le=1 << 24)]
TokenIds = Annotated[list[TokenId], Field(fail_fast=True, min_length=1, max_length=1 << 16)]
TokenRows = Annotated[list[TokenIds], Field(fail_fast=True, min_length=1, max_length=2048)]
Pair = Annotated[list[Text], Field(fail_fast=True, min_length=2, max_length=2)]
Pairs = Annotated[list[Pair], Field(fail_fast=True, min_length=1, max_length=2048)]
Choices = Annotated[list[Text], Field(fail_fast=True, min_length=2, max_length=256)]
TopK = Annotated[int, Field(ge=1, le=100)]
Name = Annotated[str, StringConstraints(max_length=1000)]


class Request(BaseModel):
    """Body of a request."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())


class OfModel(Request):
    """Body of a request that may name a model."""

    model: Name | None = Field(None, description="Name of a model; by default the first that can do it.")


class Answer(BaseModel):
    """Body of an answer."""

    model_config = ConfigDict(protected_namespaces=())
