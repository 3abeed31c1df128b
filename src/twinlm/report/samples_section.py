"""The samples in pieces, so that what a model wrote can be marked beside what stood there."""

from dataclasses import dataclass

MASK = "[MASK]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A stretch of a sample's text."""

    text: str
    """The piece."""
    is_written: bool
    """True where the model wrote it, False where it was given."""
    original: str = ""
    """What stood there in the held-out text, for a written piece."""

    @property
    def is_right(self) -> bool:
        """Whether the model wrote what stood there."""
        return self.is_written and self.text == self.original


def pieces(sample: dict[str, str]) -> list[Piece]:
    """Return a sample of `LanguageResult.samples` in pieces."""
    if "prompt" in sample:
        written = Piece(text=sample["continuation"], is_written=True, original=sample["original"])
        return [Piece(text=sample["prompt"], is_written=False), written]
    given = sample["masked"].split(MASK)
    fills, originals = between(given, sample["filled"]), between(given, sample["original"])
    if fills is None or originals is None:
        return [Piece(text=sample["filled"], is_written=False)]
    found = [Piece(text=given[0], is_written=False)]
    for fill, original, text in zip(fills, originals, given[1:], strict=True):
        word = fill.removeprefix("[").removesuffix("]")
        found += [
            Piece(text=word, is_written=True, original=original),
            Piece(text=text, is_written=False),
        ]
    return [piece for piece in found if piece.text or piece.is_written]


def between(given: list[str], text: str) -> list[str] | None:
    """Return what stands in `text` between the given pieces, or None if they aren't all in it, in order."""
    if not text.startswith(given[0]):
        return None
    gaps, start = [], len(given[0])
    for place, piece in enumerate(given[1:], 2):
        end = text.find(piece, start) if place < len(given) else len(text) - len(piece)
        if end < start or not text.startswith(piece, end):
            return None
        gaps.append(text[start:end])
        start = end + len(piece)
    return gaps
