"""Many whole numbers in little room: exact while they are few, rounded by less than half a percent when they are many.

What a distribution holds depends on the numbers alone, never on their order or on how they were split up: distributions
of parts merge into the distribution of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

MOST_EXACT = 1024
"""How many different numbers are kept as they are. With more, all are rounded to ``ROUNDED_BITS`` binary digits."""

ROUNDED_BITS = 8
LARGEST_ERROR = 1 / 2**ROUNDED_BITS
"""The largest relative error of a rounded number."""


@dataclass(slots=True)
class Distribution:
    """How often each number (0 or more) occurred. Only percentiles may be rounded; all else is exact."""

    count: int = 0
    total: int = 0
    least: int = 0
    most: int = 0
    exact: bool = True
    _counts: dict[int, int] = field(default_factory=dict)

    def add(self, number: int, times: int = 1) -> None:
        """Take a number in; a negative one counts as 0."""
        number = max(0, number)
        self.least = min(self.least, number) if self.count else number
        self.most = max(self.most, number)
        self.count += times
        self.total += number * times
        self._put(number, times)

    def merge(self, other: Distribution) -> None:
        """Take in all that another one holds."""
        if not other.count:
            return
        self.least = min(self.least, other.least) if self.count else other.least
        self.most = max(self.most, other.most)
        self.count += other.count
        self.total += other.total
        if not other.exact:
            self._round_all()
        for number, times in other._counts.items():
            self._put(number, times)

    @property
    def mean(self) -> float:
        """The mean, 0 of nothing."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, part: float) -> int:
        """The nearest-rank percentile, 0 of nothing.

        >>> numbers = Distribution()
        >>> for number in (4, 1, 3, 2):
        ...     numbers.add(number)
        >>> numbers.percentile(0.5), numbers.percentile(0.95)
        (2, 4)
        """
        rank = max(1, -(-round(part * 100) * self.count // 100))
        for number, times in self:
            rank -= times
            if rank <= 0:
                return min(max(number, self.least), self.most)
        return 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Each number with how often it occurred, the smallest first."""
        return iter(sorted(self._counts.items()))

    def _put(self, number: int, times: int) -> None:
        kept = number if self.exact else rounded(number)
        self._counts[kept] = self._counts.get(kept, 0) + times
        if self.exact and len(self._counts) > MOST_EXACT:
            self._round_all()

    def _round_all(self) -> None:
        if not self.exact:
            return
        self.exact = False
        counts, self._counts = self._counts, {}
        for number, times in counts.items():
            self._put(number, times)


def rounded(number: int) -> int:
    """A number to ``ROUNDED_BITS`` binary digits, in the middle of those that are rounded alike.

    >>> rounded(255), rounded(1_000_000), rounded(rounded(1_000_000))
    (255, 1001472, 1001472)
    """
    shift = max(0, number.bit_length() - ROUNDED_BITS)
    return (number >> shift << shift) + (1 << shift >> 1)
