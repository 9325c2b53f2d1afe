"""Outlines of regions while they are drawn: points, ellipses, copies, undo. No matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..roi import Ellipse, Outline, ellipse_points
from .model import Panel

__all__ = ['Drawing']

Point = tuple[float, float]


@dataclass(eq=False)
class Drawing:
    """The outlines on one panel, and the one that is being drawn.

    Parameters
    ----------
    panel : Panel
    follow : bool
        Whether outlines belong to tags as well as to slices; one that was drawn then holds until the
        next one on its slice.
    single : bool
        Whether, with `follow`, an outline ends those on other slices as well.
    outlines : mapping, optional
        To start with: of slice, or (tag, slice), to an outline.
    """

    panel: Panel
    follow: bool = False
    outlines: Mapping[Any, Outline] = field(default_factory=dict)
    single: bool = False
    mode: str = 'polygon'

    def __post_init__(self) -> None:
        self.outlines = dict(self.outlines)
        self.points: list[Point] = []
        self.copied: Outline | None = None
        self._start: Point | None = None
        self._held: int | None = None
        self._before: list[tuple[dict[Any, Outline], list[Point]]] = []

    @property
    def key(self) -> Any:
        """What an outline drawn now is filed under: slice, or (tag, slice)."""
        if not self.follow:
            return self.panel.slice
        tag = self.panel.tag
        return (tag[0] if len(tag) == 1 else tag, self.panel.slice)

    def current(self) -> Outline | None:
        """Return the outline that holds for the image that is shown."""
        if not self.follow:
            return self.outlines.get(self.panel.slice)
        # Of the outlines on this slice, the last one at or before this tag.
        now = self.panel.tag
        placed = {_place_of(key, len(now)): outline for key, outline in self.outlines.items()}
        before = {place: outline for place, outline in placed.items() if place[0] <= now}
        if self.single and before:
            last = max(tag for tag, _ in before)
            return before.get((last, self.panel.slice))
        tags = [tag for tag, s in before if s == self.panel.slice]
        return before[max(tags), self.panel.slice] if tags else None

    def line(self) -> NDArray[np.float64]:
        """Return the points to draw: of the open line, else of the outline that holds, closed."""
        if self.points:
            return np.array(self.points, dtype=float)
        outline = self.current()
        if outline is None or not len(outline):
            return np.empty((0, 2))
        points = ellipse_points(outline) if isinstance(outline, Ellipse) else np.array(outline, dtype=float)
        return np.concatenate([points, points[:1]])

    # --- mouse ---------------------------------------------------------------------------------------

    def press(self, point: Point, reach: float, double: bool = False) -> bool:
        """Take a press of the button; return whether an outline was completed.

        Parameters
        ----------
        point : (x, y)
        reach : float
            How near a point has to be to be meant, in pixels.
        double : bool
            Whether it is the second click of a double one: it closes the line.
        """
        if self.mode == 'ellipse':
            self._start = point
            return False
        if self.points:
            if len(self.points) >= 3 and (double or _near(point, self.points[0], reach)):
                return self.close()
            if not double:
                self._remember()
                self.points.append(point)
            return False
        outline = self.current()
        if outline and not isinstance(outline, Ellipse):
            apart = [np.hypot(x - point[0], y - point[1]) for x, y in outline]
            if min(apart) <= reach:
                self._remember()
                self._held = int(np.argmin(apart))
                return False
        self._remember()
        self.points = [point]
        return False

    def drag(self, point: Point) -> None:
        """Take a move with the button down: the ellipse grows, or the corner that is held moves."""
        if self.mode == 'ellipse' and self._start is not None:
            (x0, y0), (x1, y1) = self._start, point
            self.points = []
            shape = Ellipse((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2, abs(y1 - y0) / 2)
            corners = ellipse_points(shape)
            self.points = [(float(x), float(y)) for x, y in (*corners, corners[0])]
        elif self._held is not None:
            moved = [(float(x), float(y)) for x, y in self.current() or ()]  # type: ignore[misc]
            moved[self._held] = point
            self._put(moved)

    def release(self, point: Point) -> bool:
        """Take the release of the button; return whether an outline was completed or changed."""
        if self.mode == 'ellipse' and self._start is not None:
            (x0, y0), (x1, y1) = self._start, point
            self._start, self.points = None, []
            if x0 == x1 or y0 == y1:
                return False
            self._remember()
            self._put(Ellipse((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2, abs(y1 - y0) / 2))
            return True
        held, self._held = self._held, None
        return held is not None

    # --- keys ----------------------------------------------------------------------------------------

    def close(self) -> bool:
        """Close the open line, if it has three points or more."""
        if len(self.points) < 3:
            return False
        self._remember()
        self._put(list(self.points))
        self.points = []
        return True

    def toggle_mode(self) -> None:
        """Draw ellipses instead of polygons, or the other way round."""
        self.points, self._start, self._held = [], None, None
        self.mode = 'ellipse' if self.mode == 'polygon' else 'polygon'

    def cancel(self) -> None:
        """Drop the open line."""
        self.points, self._start, self._held = [], None, None

    def delete(self) -> bool:
        """Take away the outline that was drawn on this image; one that holds from before ends here."""
        if self.key not in self.outlines:
            if not self.current():
                return False
            self._remember()
            self._put([])
            return True
        self._remember()
        self.outlines = {k: o for k, o in self.outlines.items() if k != self.key}
        return True

    def copy(self) -> None:
        """Keep the outline that holds here, to paste it elsewhere."""
        self.copied = self.current() or self.copied

    def paste(self) -> bool:
        """Put the outline that was copied on this image."""
        if self.copied is None:
            return False
        self._remember()
        self._put(self.copied)
        return True

    def undo(self) -> bool:
        """Take back the last change; return whether there was one."""
        if not self._before:
            return False
        self.outlines, self.points = self._before.pop()
        return True

    def _put(self, outline: Outline) -> None:
        self.outlines = {**self.outlines, self.key: outline}

    def _remember(self) -> None:
        self._before.append((dict(self.outlines), list(self.points)))


def _place_of(key: Any, tags: int) -> tuple[tuple[int, ...], int]:
    """Return tag and slice of a key of outlines, where there are so many tag axes."""
    if not isinstance(key, tuple):
        return (0,) * tags, int(key)
    return (tuple(key[0]) if isinstance(key[0], tuple) else (int(key[0]),)), int(key[1])


def _near(a: Point, b: Point, reach: float) -> bool:
    return float(np.hypot(a[0] - b[0], a[1] - b[1])) <= reach
