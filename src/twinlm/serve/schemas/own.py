"""Bodies of our own routes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twinlm.serve.schemas.parts import (
    Answer,
    Choices,
    OfModel,
    Pairs,
    Request,
    Text,
    TextOrNone,
    Texts,
    TokenId,
    TopK,
)

Words = Annotated[list[Text], Field(fail_fast=True, min_length=1, max_length=4096)]
Positions = Annotated[
    list[Annotated[int, Field(ge=0, le=1 << 16)]], Field(fail_fast=True, max_length=1 << 16)
]
Sentences = Annotated[list[Words], Field(fail_fast=True, min_length=1, max_length=2048)]


class FillRequest(OfModel):
    """Fill each [MASK] of texts with a BERT."""

    texts: Texts
    top_k: TopK = 5
    together: bool = Field(False, description="Fill all masks of a text so that they fit each other.")


class Guess(Answer):
    """A token that may stand at a mask."""

    text: str
    probability: float
    token: int


class FilledText(Answer):
    """The guesses for each mask of a text; filled in together, its text and one guess for each."""

    text: str | None
    masks: list[list[Guess]]


class Fills(Answer):
    """Guesses, text by text."""

    model: str
    texts: list[FilledText]


class FollowsRequest(OfModel):
    """Ask a BERT whether the second text of each pair follows the first."""

    pairs: Pairs


class Follows(Answer):
    """P(second follows first), pair by pair."""

    model: str
    probabilities: list[float]


class ScoreRequest(OfModel):
    """Score how likely a model finds texts."""

    texts: Texts
    method: Literal["likelihood", "pseudo-likelihood", "pseudo-likelihood-l2r", "chain-rule"] | None = None


class ScoredToken(Answer):
    """A token and its part of the sum, in nats."""

    text: str
    log_likelihood: float


class ScoredText(Answer):
    """A text's likelihood, in nats: sum over its tokens, and mean."""

    log_likelihood: float
    mean: float
    tokens: list[ScoredToken]


class Scores(Answer):
    """Likelihoods, text by text; those of different methods must not be compared."""

    model: str
    method: str
    texts: list[ScoredText]


class RankRequest(OfModel):
    """Order candidates, which replace {} in a prompt or follow it, by how likely they are."""

    prompt: TextOrNone
    candidates: Choices
    normalize: Literal["sum", "mean", "bytes", "pmi"] = "mean"
    part: Literal["candidate", "rest"] | None = None
    method: Literal["likelihood", "pseudo-likelihood", "pseudo-likelihood-l2r", "chain-rule"] | None = None


class RankedCandidate(Answer):
    """A candidate and its score; higher is likelier."""

    candidate: str
    score: float
    log_likelihood: float
    tokens: int


class Ranks(Answer):
    """Candidates, best first."""

    model: str
    method: str
    part: str
    candidates: list[RankedCandidate]


class TagRequest(OfModel):
    """Tag each word of sentences, which are lists of words."""

    sentences: Sentences


class Tags(Answer):
    """Tags, sentence by sentence."""

    model: str
    tags: list[list[str]]


class Question(Request):
    """A question and the text that has its answer."""

    question: Text
    context: Text


class AnswerRequest(OfModel):
    """Find the answers to questions in texts."""

    questions: Annotated[list[Question], Field(fail_fast=True, min_length=1, max_length=2048)]


class SpanAnswer(Answer):
    """A part of the context, empty if it has no answer; `start` counts code points."""

    predicted: str
    start: int | None
    best: str
    no_answer_margin: float


class Answers(Answer):
    """Answers, question by question."""

    model: str
    answers: list[SpanAnswer]


class ChooseRequest(OfModel):
    """Choose among texts."""

    text: Text
    choices: Choices
    question: TextOrNone = ""


class Choice(Answer):
    """The number of the most probable choice, and the probabilities of all in their order."""

    model: str
    predicted: int
    probabilities: list[float]


class SurpriseRequest(OfModel):
    """Ask how surprised a model is by the tokens of a text; see docs/page.md."""

    text: TextOrNone | None = Field(None, description="Either this or ids.")
    ids: Annotated[list[TokenId], Field(fail_fast=True, max_length=1 << 16)] | None = None
    masked: Positions = Field([], description="Tokens that a BERT must not see.")
    positions: Positions | None = Field(None, description="Tokens to ask for; by default all.")
    top: int = Field(8, ge=0, le=64, description="Number of candidates at each position.")
    next: bool = Field(False, description="Also the candidates after the last token, of a GPT.")
    attention: bool = Field(False, description="Also all attention weights.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.text is None) == (self.ids is None):
            raise ValueError("give either text or ids")
        return self


class AttentionWeights(Answer):
    """Tokens that were read, with special ones, and the weights: layers x heads x L x L."""

    ids: list[int]
    weights: list[list[list[list[float]]]]


Candidates = list[tuple[int, float]]


class Surprises(Answer):
    """Figures of each position: -log2 P of its token, its rank, and the best tokens there with their P."""

    model: str
    ids: list[int]
    cut: int
    positions: list[int]
    bits: list[float | None]
    ranks: list[int | None]
    top: list[Candidates]
    next: Candidates | None
    attention: AttentionWeights | None
