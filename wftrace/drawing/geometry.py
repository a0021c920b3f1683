"""Places and paths: what a layout returns, and the few sums that are done with them."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its centre and its size, with the radius of its corners; y grows downwards."""

    x: float
    y: float
    width: float
    height: float
    radius: float = 0.0

    @property
    def left(self) -> float:
        """The x of its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The y of its upper side."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.y + self.height / 2

    def holds(self, point: Point) -> bool:
        """Whether a point lies inside, the round corners taken into account."""
        across = abs(point[0] - self.x) - self.width / 2
        down = abs(point[1] - self.y) - self.height / 2
        if across > 0 or down > 0:
            return False
        if across + self.radius > 0 and down + self.radius > 0:
            return hypot(across + self.radius, down + self.radius) <= self.radius
        return True


@dataclass(frozen=True, slots=True)
class Path:
    """A chain of cubic Bézier curves from the source (``points[0]``), and the point of the arrow beyond its end."""

    points: tuple[Point, ...]
    tip: Point

    def moved(self, right: float, down: float) -> Path:
        """The same path elsewhere."""
        points = ((round(x + right, 2), round(y + down, 2)) for x, y in (*self.points, self.tip))
        *path, tip = points
        return Path(tuple(path), tip)


def unit(start: Point, end: Point) -> Point:
    """The direction from one point to another, of length 1; down when they are the same."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    if length < 1e-6:
        return (0.0, 1.0)
    return ((end[0] - start[0]) / length, (end[1] - start[1]) / length)


def along(point: Point, direction: Point, length: float) -> Point:
    """The point ``length`` further in a direction."""
    return (point[0] + direction[0] * length, point[1] + direction[1] * length)


def reach(point: Point, direction: Point, box: Box) -> float:
    """How far to go from a point outside until the round corner of a box is met; 0 when it never is."""
    for half_steps in range(int(box.radius * 2) + 3):
        if box.holds(along(point, direction, half_steps / 2)):
            return half_steps / 2
    return 0.0
