"""How quantities are written for people: durations and counts, once for every output."""

from __future__ import annotations

_SPACE = "\u00a0"


def format_ms(ms: float) -> str:
    """A duration in the unit that a reader would choose, with a no-break space before the unit.

    >>> [format_ms(ms).replace("\\xa0", " ") for ms in (0, 0.004, 0.34, 9.96, 21.3, 999.7)]
    ['0 ms', '4 µs', '0.3 ms', '10 ms', '21 ms', '1.0 s']
    >>> [format_ms(ms).replace("\\xa0", " ") for ms in (1234, 59_990, 185_000, 7_260_000, 180_000_000)]
    ['1.2 s', '1 min', '3 min 5 s', '2 h 1 min', '2 d 2 h']
    """
    number, unit = split_ms(ms)
    return f"{number}{_SPACE}{unit}" if unit else number


def split_ms(ms: float) -> tuple[str, str]:
    """The number and the unit of ``format_ms``; a duration of two units is all number.

    >>> split_ms(21.3)
    ('21', 'ms')
    """
    if ms < 0:
        number, unit = split_ms(-ms)
        return f"−{number}", unit
    if ms == 0:
        return "0", "ms"
    if ms < 0.05:
        return f"{max(1, round(ms * 1000))}", "µs"
    if ms < 9.95:
        return f"{ms:.1f}", "ms"
    if ms < 999.5:
        return f"{ms:.0f}", "ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f}", "s"
    return _two_units(round(ms / 1000)), ""


def count_of(number: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> count_of(1, "retry", "retries"), count_of(2, "retry", "retries"), count_of(3, "step")
    ('1 retry', '2 retries', '3 steps')
    """
    word = noun if number == 1 else plural or noun + "s"
    return f"{format_count(number)} {word}"


def format_count(number: int) -> str:
    """A whole number in groups of three digits.

    >>> format_count(1234567).replace("\\xa0", " "), format_count(999)
    ('1 234 567', '999')
    """
    return f"{number:,}".replace(",", _SPACE)


def _two_units(seconds: int) -> str:
    sizes = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
    for size, unit, lesser_size, lesser in sizes:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            part = rest // lesser_size
            return f"{whole}{_SPACE}{unit} {part}{_SPACE}{lesser}" if part else f"{whole}{_SPACE}{unit}"
    return f"{seconds}{_SPACE}s"
