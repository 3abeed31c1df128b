"""How well a tokenizer fits texts: unknown tokens, tokens a word, bytes a token, words read alike."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from twinlm.doctor.checks.findings import Checked, Finding
from twinlm.tokenizer import Tokenizer

UNKNOWN_SHARE = 0.01  # share of unknown tokens from which it is a warning
MOST_TOKENS_A_WORD = 2.5  # from which it is a warning; English with its own 4,096 tokens needs about 1.5

LOST_SHARE = 0.01  # of the words, read alike by one tokenizer and not by the other: from it, a warning


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
        message = (
            f"{100 * unknown_share:.1f} % of the tokens are unknown to the {tokenizer.algorithm} tokenizer"
        )
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


def check_told_apart(where: str, tokenizers: Mapping[str, Tokenizer], texts: Sequence[str]) -> Checked:
    """Compare how many different words each model's tokenizer reads like another, by the model's name."""
    words = list(dict.fromkeys(word for text in texts for word in text.split()))
    alike = {label: _read_alike(tokenizer, words) for label, tokenizer in tokenizers.items()}
    facts = {"different words": len(words)}
    numbers = {label: sum(map(len, groups.values())) for label, groups in alike.items()}
    facts |= {f"read like another word by {label}": number for label, number in numbers.items()}
    (few, fewest), *_, (many, most) = sorted(numbers.items(), key=lambda each: each[1])
    if not words or (most - fewest) / len(words) < LOST_SHARE:
        return Checked(facts)
    known = set(map(frozenset, alike[few].values()))
    lost = {tokens: group for tokens, group in alike[many].items() if frozenset(group) not in known}
    unknown = [group for tokens, group in lost.items() if tokenizers[many].count_unknown(tokens)]
    folded = [group for group in lost.values() if group not in unknown]
    is_unknown = sum(map(len, unknown)) > sum(map(len, folded))
    example = (unknown if is_unknown else folded)[0]
    message = (
        f"{many} reads {most:,} of {len(words):,} different words like another one ({example[0]!r} like "
        f"{example[1]!r}), {few} only {fewest:,}"
    )
    why = "one model can't see what the other sees, so their scores compare tokenizers, too"
    hint = 'set tokenizer.sharing = "shared"'
    if is_unknown:
        hint += f", or add text with their characters, which {many}'s vocabulary lacks, to corpus.train"
    elif tokenizers[many].pipeline.strip_accents:
        hint = 'set tokenizer.strip_accents = "never", or tokenizer.sharing = "shared"'
    return Checked(facts, (Finding("warning", where, message, why, hint),))


def _read_alike(tokenizer: Tokenizer, words: Sequence[str]) -> dict[tuple[int, ...], list[str]]:
    """Return the words with the same tokens by these, where they are two and more."""
    groups: dict[tuple[int, ...], list[str]] = defaultdict(list)
    # After a space, as within a text.
    for word, tokens in zip(words, tokenizer.encode_batch([f" {word}" for word in words]), strict=True):
        groups[tuple(tokens)].append(word)
    return {tokens: group for tokens, group in groups.items() if len(group) > 1}
