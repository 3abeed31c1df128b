"""How well a tokenizer spells texts: unknown tokens, tokens a word, bytes a token."""

from collections.abc import Sequence

from twinlm.doctor.checks.findings import Checked, Finding
from twinlm.tokenizer import Tokenizer

UNKNOWN_SHARE = 0.01
"""Of the tokens, from which on it is a warning."""
MOST_TOKENS_A_WORD = 2.5
"""English text with 4,096 tokens of its own needs about 1.5."""


def check_tokens(where: str, tokenizer: Tokenizer, texts: Sequence[str], *, origin: str = "") -> Checked:
    """Say how well a tokenizer spells texts.

    Args:
        where: what the texts are of.
        tokenizer: the tokenizer.
        texts: some of them.
        origin: where the tokenizer is from.
    """
    encoded = tokenizer.encode_batch(texts)
    tokens = sum(map(len, encoded))
    words = sum(len(text.split()) for text in texts)
    text_bytes = sum(len(text.encode()) for text in texts)
    if not (tokens and words):
        return Checked({"tokens": tokens})
    unknown_share = sum(map(tokenizer.count_unknown, encoded)) / tokens
    facts = {
        "tokenizer": tokenizer.algorithm,
        "vocabulary": tokenizer.vocab_size,
        **({"from": origin} if origin else {}),
        "tokens": tokens,
        "unknown tokens": round(unknown_share, 6),
        "tokens a word": round(tokens / words, 4),
        "bytes a token": round(text_bytes / tokens, 4),
    }
    findings = []
    if unknown_share >= UNKNOWN_SHARE:
        findings.append(
            Finding(
                level="warning",
                where=where,
                message=f"{unknown_share:.1%} of the tokens are unknown to the {tokenizer.algorithm} "
                "tokenizer",
                why="models see one and the same [UNK] for all of them; bits per byte can't be told from "
                "that",
                hint='set tokenizer.algorithm = "byte-bpe", which spells everything',
            )
        )
    if tokens / words >= MOST_TOKENS_A_WORD:
        findings.append(
            Finding(
                level="warning",
                where=where,
                message=f"words take {tokens / words:.1f} tokens on average of the {tokenizer.algorithm} "
                "tokenizer",
                why="fewer words fit into a sequence, and BERT guesses pieces of words from their other "
                "pieces",
                hint="raise tokenizer.vocab_size, or take another text or tokenizer: it does not fit this "
                "one "
                "(languages without spaces between words are long here, too, and fine)",
            )
        )
    return Checked(facts, tuple(findings))
