"""Messages about bytes that are not of the expected encoding, with a guess at what they are."""

from twinlm.errors import DataError

_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_BINARIES = {
    b"\x1f\x8b": ("a gzip file", ".gz"),
    b"\xfd7zXZ\x00": ("an xz file", ".xz"),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", ".zst"),
    b"BZh91AY&SY": ("a bzip2 file", ".bz2"),
    b"PAR1": ("a Parquet file", ".parquet"),
    b"PK\x03\x04": ("a zip archive", ""),
    b"%PDF-": ("a PDF file", ""),
}
_HEAD_BYTES = 4096
_SHOWN_BYTES = 4


def check_head(head: bytes, *, file: str, section: str) -> None:
    """Raise a `DataError` if a file that should be UTF-8 begins like UTF-16, UTF-32 or a binary format."""
    for magic, (format_name, ending) in _BINARIES.items():
        if head.startswith(magic):
            hint = f"add the ending {ending} to its name" if ending else "extract its text first"
            raise DataError(f"this is {format_name}, not text", file=file, hint=hint)
    # UTF-16 without a byte order mark would pass as UTF-8 full of NUL characters.
    encoding = guess_wide(head[:_HEAD_BYTES])
    if encoding:
        message = f"this is {encoding.upper()} text, not UTF-8: it begins with the bytes {head[:8].hex(' ')}"
        raise DataError(message, file=file, hint=_ways_out(encoding, section, is_sure=True))


def guess_wide(head: bytes) -> str:
    """Return "utf-16", "utf-16-le", "utf-32" ... if the bytes look like it, else an empty string."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    pairs = len(head) // 2
    if pairs < 4:
        return ""
    even, odd = head[0 : 2 * pairs : 2].count(0) / pairs, head[1 : 2 * pairs : 2].count(0) / pairs
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    if even > 0.4 and odd < 0.05:
        return "utf-16-be"
    if odd > 0.8 and even > 0.4:
        return "utf-32-le" if head[0] else "utf-32-be"
    return ""


def describe_undecodable(data: bytes, start: int, *, encoding: str, section: str) -> tuple[str, str]:
    """Return what is wrong at `data[start]`, and a hint; `section` is that of `lines.Decoding`."""
    before = data[max(0, start - 20) : start].decode("utf-8", "ignore")
    shown = data[start : start + _SHOWN_BYTES].hex(" ")
    message = f"the bytes {shown} are not {encoding.upper()}" + (f" (after {before!r})" if before else "")
    guess = _guess_narrow(data[max(0, start - 200) : start + 200])
    return message, _ways_out(guess, section, is_sure=False)


def _guess_narrow(sample: bytes) -> str:
    high = [byte for byte in sample if byte >= 0x80]
    if len(high) > len(sample) * 0.3:
        return ""  # this is not mostly ASCII
    if all(byte >= 0xA0 for byte in high):
        return "iso-8859-1"
    return "cp1252" if not set(high) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else ""


def _ways_out(guess: str, section: str, *, is_sure: bool) -> str:
    convert = f"convert the file to UTF-8 (iconv -f {guess or 'ENCODING'} -t utf-8)"
    if not guess:
        looks = 'find out what it is (perhaps "cp1251", "gb18030" or "shift_jis") and '
    else:
        looks = "" if is_sure else f"it may be {guess}: "
    if not section:
        return f"{looks}{convert}"
    setting = f'set {section}.encoding = "{guess}"' if guess else f"set {section}.encoding"
    damaged = "" if is_sure else f', or if it is damaged UTF-8 set {section}.errors = "replace" or "skip"'
    return f"{looks}{setting}, or {convert}{damaged}"
