"""How well a tokenizer fits texts: unknown tokens, tokens a word, bytes a token."""

from collections.abc import Sequence

from twinlm.doctor.checks.findings import Checked, Finding
from twinlm.tokenizer import Tokenizer

UNKNOWN_SHARE = 0.01  # share of unknown tokens from which it is a warning
MOST_TOKENS_A_WORD = 2.5  # from which it is a warning; English with its own 4,096 tokens needs about 1.5


def check_tokens(where: str, tokenizer: Tokenizer, texts: Sequence[str], *, origin: str = "") -> Checked:
    """Check how well a tokenizer, which comes from `origin`, fits some of the texts of `where`."""
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
        message = f"{unknown_share:.1%} of the tokens are unknown to the {tokenizer.algorithm} tokenizer"
        why = "models see the same [UNK] for all of them, and bits per byte can't be computed"
        hint = 'set tokenizer.algorithm = "byte-bpe", which can write everything'
        findings.append(Finding("warning", where, message, why, hint))
    if tokens / words >= MOST_TOKENS_A_WORD:
        message = f"words take {tokens / words:.1f} tokens on average of the {tokenizer.algorithm} tokenizer"
        why = "fewer words fit into a sequence, and BERT guesses pieces of words from their other pieces"
        hint = (
            "raise tokenizer.vocab_size, or use another text or tokenizer: it does not fit this one "
            "(languages without spaces between words have long words here, too, and are fine)"
        )
        findings.append(Finding("warning", where, message, why, hint))
    return Checked(facts, tuple(findings))
