"""Numbers as people read them: 1.2 M, 3.4e12, 12 min, 3.1 points."""

from collections.abc import Callable
from functools import partial

from twinlm.evaluate.timings import Spread
from twinlm.evidence.records import Interval

MINUS = "\N{MINUS SIGN}"
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_SPACE = "\N{NO-BREAK SPACE}"
_WHOLE_THOUSAND = 999.5
_SHARES = ("accuracy", "word accuracy", "exact match", "right where there is none", "")
INTERVAL = f"95{_NARROW}%{_SPACE}interval"


def points(share: float, *, signed: bool = False) -> str:
    """Return a difference of shares in points: 0.031 is "3.1", or "+3.1" when signed."""
    text = f"{100 * share:+.1f}" if signed else f"{100 * share:.1f}"
    if float(text) == 0:
        text = "0.0"
    return text.replace("-", MINUS)


def percent(share: float) -> str:
    """Return a share as "78.6 %"."""
    return f"{points(share)}{_NARROW}%"


def whole_percent(share: float) -> str:
    """Return a share as "80 %"."""
    return f"{100 * share:.0f}{_NARROW}%"


def signed_percent(share: float) -> str:
    """Return a relative error as "+37 %", "0 %" or "3.2 times": no percentage is above 100."""
    if share > 1:
        return f"{times(1 + share)}{_SPACE}times"
    text = f"{100 * share:+.0f}"
    return f"{'0' if float(text) == 0 else text}{_NARROW}%".replace("-", MINUS)


def is_share(metric: str) -> bool:
    """Tell whether a figure is a share of examples or words, given in percent; F1 and MCC are not."""
    return metric in _SHARES


def figure(value: float, metric: str) -> str:
    """Return a share as "72.7 %", and other figures as "0.842": each in one unit everywhere."""
    return percent(value) if is_share(metric) else decimals(value)


def bare(value: float, metric: str, *, signed: bool = False) -> str:
    """Return a figure, or a difference of two, without its unit: "72.7" for a share, "0.842" for others."""
    return (points if is_share(metric) else decimals)(value, signed=signed)


def difference(value: float, metric: str, *, signed: bool = False) -> str:
    """Return a difference of two figures with its unit: "3.1 points" for a share, "0.031" for others."""
    return bare(value, metric, signed=signed) + " points" * is_share(metric)


def ends(interval: Interval, metric: str) -> str:
    """Return the ends of a figure's interval, or of a difference's: "1.2 to 5.0" or "0.012 to 0.050"."""
    return low_to_high(interval, partial(bare, metric=metric))


def figure_with_interval(interval: Interval, metric: str) -> str:
    """Return a figure and its interval: "78.6 % (76.1 to 81.0)" or "0.786 (0.761 to 0.810)"."""
    return f"{figure(interval.estimate, metric)} ({ends(interval, metric)})"


def decimals(value: float, *, signed: bool = False) -> str:
    """Return a figure with three decimals: "0.871"."""
    text = f"{value:{'+' if signed else ''}.3f}"
    return ("0.000" if float(text) == 0 else text).replace("-", MINUS)


def low_to_high(interval: Interval | Spread, show: Callable[[float], str] = points) -> str:
    """Return the ends of an interval: "1.2 to 5.0"."""
    return f"{show(interval.low)}{_SPACE}to{_SPACE}{show(interval.high)}"


def with_interval(
    interval: Interval, show: Callable[[float], str] = percent, show_end: Callable[[float], str] = points
) -> str:
    """Return an estimate and its interval: "78.6 % (76.1 to 81.0)"."""
    return f"{show(interval.estimate)} ({low_to_high(interval, show_end)})"


def p_value(value: float) -> str:
    """Return "p = 0.03", with one digit that counts, or "p < 0.001"."""
    bare = bare_p(value)
    return f"p{_SPACE}{bare}" if bare.startswith("<") else f"p{_SPACE}={_SPACE}{bare}"


def bare_p(value: float) -> str:
    """Return the same without "p =": "0.03" or "< 0.001"."""
    return f"<{_SPACE}0.001" if value < 0.001 else f"{value:.{3 if value < 0.01 else 2}f}"


def whole(number: float) -> str:
    """Return a whole number with its thousands apart: "1,461"."""
    return f"{round(number):,}".replace("-", MINUS)


def amount(number: float) -> str:
    """Return a count with three digits that count: "1.21 M" for 1,214,000; below 10,000 all digits."""
    return whole(number) if abs(number) < 10_000 else _scaled(number, ("T", "G", "M", "k"))


def size(size_bytes: float) -> str:
    """Return a size in decimal units: "41.5 MB"."""
    if size_bytes < _WHOLE_THOUSAND:
        return f"{round(size_bytes)}{_NARROW}bytes"
    return _scaled(size_bytes, ("TB", "GB", "MB", "kB"))


def _scaled(number: float, units: tuple[str, str, str, str]) -> str:
    limits = (1e12, 1e9, 1e6, 1e3)
    # 999,600 would round to "1000 k": it is 1.00 M.
    scale, unit = next(row for row in zip(limits, units, strict=True) if abs(number) >= 0.9995 * row[0])
    return f"{_three_digits(number / scale)}{_NARROW}{unit}"


def duration(seconds: float) -> str:
    """Return a time: "0.31 s", "42 s", "3 min 20 s", "2 h 05 min"."""
    if seconds < 10:
        return f"{seconds:.2g}{_NARROW}s"
    if round(seconds) < 60:
        return f"{round(seconds)}{_NARROW}s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}{_NARROW}min {rest:02d}{_NARROW}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}{_NARROW}h {minutes:02d}{_NARROW}min"


def moment(seconds: float) -> str:
    """Return a time with three digits that count: "0.97 ms", "6.46 s"; from a minute on as `duration`."""
    if round(seconds) >= 60:
        return duration(seconds)
    number, unit = (seconds, "s") if seconds >= 0.9995 else (1000 * seconds, "ms")
    return f"{_three_digits(number)}{_NARROW}{unit}"


def price(value: float) -> str:
    """Return an amount of money, in any currency: "12.50"; below 1 with two digits that count: "0.0031"."""
    return f"{value:,.2f}" if value >= 0.995 else f"{value:.2g}"


def scientific(number: float) -> str:
    """Return "3.4e12", as it is typed, or all digits below 10,000."""
    if abs(number) < 10_000:
        return whole(number)
    digits, power = f"{number:.1e}".split("e")
    return f"{digits}e{int(power)}"


def times(factor: float) -> str:
    """Return a factor with two digits that count: "1.4", "12"."""
    return f"{factor:.1f}" if factor < 10 else whole(factor)


def listed(items: list[str], word: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return f" {word} ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def counted(number: int, noun: str) -> str:
    """Return "1 seed", "3 seeds"."""
    return f"{whole(number)} {noun}" + ("" if number == 1 else "s")


def title(name: str) -> str:
    """Return a name with a capital, unless its author chose capitals."""
    return name[:1].upper() + name[1:] if name.islower() else name


def capital(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def _three_digits(number: float) -> str:
    return f"{number:.{2 if abs(number) < 9.995 else 1 if abs(number) < 99.95 else 0}f}"
