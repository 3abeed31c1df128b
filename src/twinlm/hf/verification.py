"""What a comparison with another tool found, and the texts that every comparison gives to both."""

from dataclasses import dataclass, field

TOLERANCE = 1e-4
NASTY_TEXTS = (
    "The cat sat on the mat.",
    "  two  spaces\tand\n\nlines ",
    "Café naïve Ünïcödé, déjà vu",
    "Привет, мир! नमस्ते दुनिया",
    "你好世界 🙂👩‍👩‍👧 e\u0301 \u200b\u00ad",
    "don't 'll \"quoted\" 3.1415926535 (x_1) <b>&amp;</b>",
    "[CLS] [MASK] [SEP] <start> <extract> <|endoftext|>",
    "a" * 200,
)


@dataclass(frozen=True, slots=True)
class TokenDifference:
    """A text that the other tool cuts in another way."""

    texts: tuple[str, ...]
    """One text, or a pair."""
    ours: list[int]
    """Our tokens."""
    theirs: list[int]
    """Tokens of the other tool."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a comparison with another tool."""

    tool: str
    """Name and version of the tool."""
    inputs: int
    """Number of texts and pairs compared."""
    token_differences: list[TokenDifference]
    """Inputs that gave other tokens."""
    largest_differences: dict[str, float]
    """Largest absolute difference by output, such as "logits"."""
    tolerance: float
    """Allowed difference, as a share of the largest number, which counts as at least 1."""
    largest_numbers: dict[str, float]
    """Largest absolute number of ours by output."""
    key_problems: list[str]
    """Weights that the other tool missed or could not use; special tokens and places that it gets wrong."""
    approximate: dict[str, float] = field(default_factory=dict)
    """Differences by output of what is approximate by design, such as "logits in int8"; they may be large."""

    @property
    def is_equal(self) -> bool:
        """Whether the other tool sees the same model."""
        return not self.problems()

    def problems(self) -> list[str]:
        """Return all differences, a sentence each."""
        problems = [
            f"{difference.texts!r:.80} gives {difference.theirs[:12]}, but here {difference.ours[:12]}"
            for difference in self.token_differences
        ]
        for name, difference in self.largest_differences.items():
            allowed = self.tolerance * max(1, self.largest_numbers[name])
            if not difference <= allowed:  # true of NaN as well
                problems.append(f"{name} differ by up to {difference:.2g}, more than {allowed:.2g}")
        return problems + self.key_problems
