"""Tokens as text for other programs: where each begins, and a name that no other token has.

A token of byte-level BPE may be a part of a character.
"""

import codecs
from collections.abc import Sequence
from functools import cache

from twinlm.tokenizer import Tokenizer

_BROKEN = "\ufffd"  # decoded from bytes that are not a whole character


def token_name(tokenizer: Tokenizer, token: int) -> str:
    r"""Return a token's text; for bytes that are no text, "bytes:\xe2\x82", as OpenAI's API writes them.

    WordPiece's "##s" and "s" keep their spellings, which tell them apart.
    """
    if not tokenizer.pipeline.is_of_bytes:
        return tokenizer.token(token) if tokenizer.algorithm == "wordpiece" else tokenizer.display(token)
    shown = tokenizer.display(token)
    if _BROKEN not in shown:
        return shown
    return "bytes:" + "".join(f"\\x{byte:02x}" for byte in _token_bytes(tokenizer, token))


def token_starts(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[int]:
    """Return where each token begins in the decoded text, in characters, and as the last one its length.

    The parts of a character all begin where the character does.
    """
    if not tokenizer.pipeline.is_of_bytes:
        return [len(tokenizer.decode(tokens[:count])) for count in range(len(tokens) + 1)]
    decoder, starts = codecs.getincrementaldecoder("utf-8")("replace"), [0]
    for token in tokens:
        starts.append(starts[-1] + len(decoder.decode(_token_bytes(tokenizer, token))))
    starts[-1] += len(decoder.decode(b"", final=True))
    return starts


def starts_in_text(offsets: Sequence[tuple[int, int]]) -> list[int]:
    """Return where each token begins in the text it was cut from, with the white space in front of it.

    `offsets` are those of `Tokenizer.encode_with_offsets`.
    """
    ends = [0, *(end for _, end in offsets)]
    return [min(before, begin) for before, (begin, _) in zip(ends, offsets, strict=False)]


def _token_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    specials = tokenizer.specials
    if token in specials.ids:  # decoding leaves special tokens out, except the unknown one
        return tokenizer.token(token).encode() if token == specials.unknown else b""
    spelled, byte_of = tokenizer.token(token), _byte_of_letter()
    return bytes(byte_of[letter] for letter in spelled) if {*spelled} <= byte_of.keys() else spelled.encode()


@cache
def _byte_of_letter() -> dict[str, int]:
    """Return the byte that each letter of byte-level BPE stands for (Radford et al. 2019, 2.2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(256 + number): byte for number, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | letters
