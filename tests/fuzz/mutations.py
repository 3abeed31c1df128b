"""Changes valid files into hostile ones: any bytes, lines, numbers, and JSON values at any depth.

All is drawn from the `random.Random` that is given, so a number makes the same input anywhere.
"""

import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any

LARGEST_BYTES = 1 << 16
"""Of an input, mostly: longer ones are cut."""

TEXTS = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\r\n\r\n",
        "\0",
        "\ufeff",
        "\u2028",
        "\x85",
        "\x1c",
        "\u202e",
        "\U0001f600",
    ),
    *("e\u0301", "'", '"', '""', ",", ";", "|", "\\", "#", "%s", "{}", "..", "../", "/dev/zero", "~", "*"),
    *(
        "nan",
        "NaN",
        "Infinity",
        "-1",
        "1e400",
        "0x10",
        "1_0",
        "true",
        "null",
        "None",
        "\u0665",
        "[MASK]",
        "</s>",
    ),
    *("../../etc/passwd", "C:\\x", "a" * 300, "\u00e9" * 200, "__class__", "hf:x", "<script>", "B-", "I-X"),
)
NUMBERS = (0, 1, -1, 2, 7, 255, 65_536, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400)
REALS = (0.0, -0.0, 0.5, -1.5, 1e-320, 1e308, 1e400, -1e400, float("nan"), 1e-9, 3.0)
_PIECES = (
    *(text.encode() for text in TEXTS),
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f", b"\xff\xfe", b"\xfe\xff\0a", b"\x80", b"\0" * 40),
    *(b"\\ud800", b'"\\udc00"', b"1e400", b"-Infinity", b"9" * 5000, b"[" * 3000, b'{"a":' * 1500, b"]" * 99),
    *(
        b'"',
        b'"""',
        b"'''",
        b"\n\n\n",
        b"\r",
        b"\n\r",
        b"=" * 30,
        b"a.b.c=1\n",
        b"[[x]]\n",
        b"{",
        b"}",
        b"<<",
    ),
    *(b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"(\xb5/\xfd", b"PAR1", b"PK\3\4", b"\x80\4\x95", b"#version"),
)
_WORDS = (
    b"1e400",
    b"-1",
    b"9223372036854775808",
    b"NaN",
    b"0",
    b"99999999999",
    b"-0.0",
    b"1.5",
    b"2",
    b"1e9",
)


def mutate(data: bytes, chance: Random, *, is_json: bool = False) -> bytes:
    """Return other bytes: one to four changes, of the JSON value or its lines if `is_json`."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        change = mutate_json if is_json and chance.random() < 0.7 else chance.choice(_CHANGES)
        data = change(data, chance)
    return data[: LARGEST_BYTES if chance.random() < 0.99 else 8 * LARGEST_BYTES]


def mutate_safetensors(data: bytes, chance: Random) -> bytes:
    """Return other bytes; half of the time of the header alone, whose length is made right again."""
    if len(data) < 8 or chance.random() < 0.4:
        return mutate(data, chance)
    length = struct.unpack("<Q", data[:8])[0]
    header = mutate(data[8 : 8 + length], chance, is_json=True)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def mutate_json(data: bytes, chance: Random) -> bytes:
    """Return a JSON text, or one of its lines, with one value replaced, dropped, renamed, twice or nested."""
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    for whole in ("line", "file"):
        text = lines[place] if whole == "line" else data
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict | list):
            continue
        changed = _dump(_changed(value, chance), chance, is_whole=whole == "file")
        return b"\n".join([*lines[:place], changed, *lines[place + 1 :]]) if whole == "line" else changed
    return chance.choice(_CHANGES)(data, chance)


def hostile(chance: Random, before: Any = None, depth: int = 0) -> Any:
    """Return a value that is seldom right."""
    kind = chance.randrange(9)
    if kind == 0:
        return chance.choice((None, True, False, [], {}, [[]], {"": {}}, [None], {"a": None}))
    if kind == 1:
        return chance.choice(REALS)
    if kind in (2, 3):
        return chance.choice(NUMBERS)
    if kind == 4:
        return chance.choice(TEXTS)
    if kind == 5 and depth < 2:
        return [hostile(chance, before, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 6 and isinstance(before, int | float) and abs(before) < 2**1000:
        return chance.choice((before + 1, before - 1, -before, float(before), str(before), before * 10**6))
    if kind == 6 and isinstance(before, str):
        return chance.choice(
            (before + "x", before[:-1], before.upper(), before * 3, before + "\ud800", [before])
        )
    if kind == 7:
        return [before] if chance.random() < 0.5 else {"a": before}
    return chance.choice((json.loads("[" * 90 + "]" * 90), "x" * 3000, list(range(300)), "\ud800", "\0"))


def _changed(value: Any, chance: Random) -> Any:
    """Return a value with one place anywhere in it changed."""
    places = _places(value)
    holder, key = chance.choice(places) if places else (None, None)
    if holder is None or chance.random() < 0.03:
        return hostile(chance, value)
    before, kind = holder[key], chance.randrange(8)
    if kind < 4:
        holder[key] = hostile(chance, before)
    elif kind == 4:
        del holder[key]
    elif kind == 5:
        other, name = chance.choice(places)
        holder[key] = other[name] if not _holds(other[name], holder) else None
    elif isinstance(holder, dict):
        holder[chance.choice((f"{key}x", str(key).upper(), chance.choice(TEXTS)))] = before
        if kind == 6:
            del holder[key]
    else:
        holder.insert(key, before)
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return (list or object, key) of each value inside another one."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in _places(value[key])]


def _holds(value: Any, other: Any) -> bool:
    return value is other or any(holder[key] is other for holder, key in _places(value))


def _dump(value: Any, chance: Random, *, is_whole: bool) -> bytes:
    """Return the JSON text, mostly as the package writes it."""
    is_ascii = chance.random() < 0.1
    text = json.dumps(value, indent=1 if is_whole else None, ensure_ascii=is_ascii)
    if chance.random() < 0.03:
        text = text.replace('": ', '": 1, "', 1)
    return (text + "\n" * is_whole).encode("utf-8", "surrogatepass")


def _flip(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8)) if data else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _drop(data: bytes, chance: Random) -> bytes:
    begin, end = _stretch(data, chance)
    return data[:begin] + data[end:]


def _splice(data: bytes, chance: Random) -> bytes:
    begin, end = _stretch(data, chance)
    place = chance.randrange(len(data) + 1)
    return data[:place] + data[begin:end] + data[place:]


def _repeat(data: bytes, chance: Random) -> bytes:
    begin, end = _stretch(data, chance)
    return (
        data[:end]
        + data[begin:end] * min(chance.choice((1, 10, 300)), 30_000 // (end - begin + 1))
        + data[end:]
    )


def _insert(data: bytes, chance: Random) -> bytes:
    place = chance.choice((0, len(data), chance.randrange(len(data) + 1)))
    return data[:place] + chance.choice(_PIECES) + data[place:]


def _swap_lines(data: bytes, chance: Random) -> bytes:
    lines = data.split(b"\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _drop_line(data: bytes, chance: Random) -> bytes:
    lines = data.split(b"\n")
    del lines[chance.randrange(len(lines))]
    return b"\n".join(lines)


def _double_line(data: bytes, chance: Random) -> bytes:
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    return b"\n".join([*lines[:place], lines[place], *lines[place:]])


def _other_number(data: bytes, chance: Random) -> bytes:
    """Put another number in the place of one."""
    begin = chance.randrange(len(data) + 1)
    while begin < len(data) and not data[begin : begin + 1].isdigit():
        begin += 1
    end = begin
    while data[end : end + 1].isdigit():
        end += 1
    return data[:begin] + chance.choice(_WORDS) + data[end:]


def _other_ends(data: bytes, chance: Random) -> bytes:
    return data.replace(b"\n", chance.choice((b"\r\n", b"\r", "\u2028".encode(), b"\n\n", b"")))


def _other_encoding(data: bytes, chance: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "latin-1", "utf-32", "utf-8-sig")), "replace")


def _other_byte(data: bytes, chance: Random) -> bytes:
    """Put another byte in the place of all of one kind, such as every comma."""
    wanted = chance.choice((b",", b'"', b"\t", b" ", b":", b"[", b"{", b"e", b"0", b"="))
    return data.replace(wanted, chance.choice((b"", b'"', b"\t", b"\0", b";", b"\xff", b"]", b"}", b"\n")))


def _stretch(data: bytes, chance: Random) -> tuple[int, int]:
    begin = chance.randrange(len(data) + 1)
    return begin, min(len(data), begin + chance.choice((1, 2, 8, 60, 400)))


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _cut, _drop, _splice, _repeat, _insert, _insert, _swap_lines, _drop_line, _double_line),
    *(_other_number, _other_number, _other_ends, _other_encoding, _other_byte),
)
