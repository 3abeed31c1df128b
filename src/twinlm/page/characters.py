"""Classes of characters as the tokenizers library sees them, for tokenizers with BERT's words.

Its tables are those of an old version of Unicode, and a browser's are those of a new one. So the page holds
the library's own, found by showing it every character.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache

from tokenizers import normalizers, pre_tokenizers

# No version of Unicode had a mark, sign or control character among these; private ones are always dropped.
_NEVER = ("Cn", "Co", "Cs", "Lo")


@cache
def character_classes() -> dict[str, list[int]]:
    """Return the characters that count as accents, that cleaning drops, and that are punctuation.

    Each class is a list of first and last codes of its ranges, one after the other.
    """
    options = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    bare = normalizers.BertNormalizer(**{**options, "strip_accents": True})
    cleaned = normalizers.BertNormalizer(**{**options, "clean_text": True})
    words = pre_tokenizers.BertPreTokenizer()
    every = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in _NEVER]
    return {
        "marks": _ranges(code for code in every if not bare.normalize_str(chr(code))),
        "dropped": _ranges(code for code in every if not cleaned.normalize_str(chr(code))),
        "punctuation": _ranges(code for code in every if len(words.pre_tokenize_str(f"a{chr(code)}b")) == 3),
    }


def _ranges(codes: Iterable[int]) -> list[int]:
    ranges: list[int] = []
    for code in codes:
        if ranges and ranges[-1] == code - 1:
            ranges[-1] = code
        else:
            ranges += [code, code]
    return ranges
