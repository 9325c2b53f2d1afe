"""What a viewer shows: series, slice, tag, window, overlay, links. No drawing, no events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..attributes import finite_range
from ..colour import clip_range, fuse, make_norm, moved_norm, to_rgb, unpacked, visible, window_bounds
from ..errors import DataTypeError, EmptyImageError
from ..fusion import frames_of, on_grid, overlay_colours, overlay_range, shown_map, shown_norm
from ..geometry import FloatArray, Geometry

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['Panel', 'Scene', 'edge_letters', 'keep_window', 'pretty_tag_value', 'pretty_window_level']

_LETTERS = (('R', 'L'), ('A', 'P'), ('I', 'S'))
_SLANTED = 0.2
"""A direction is called oblique when it leans more than this cosine (11.5 degrees) to another axis."""

_SAMPLE = 1 << 20


def direction_letters(direction: FloatArray) -> str:
    """Return where in the patient a direction leads: up to three letters, the strongest first.

    Examples
    --------
    >>> direction_letters(np.array([1.0, 0, 0])), direction_letters(np.array([0, -0.8, 0.6]))
    ('L', 'AS')
    """
    order = np.argsort(-np.abs(direction), kind='stable')
    named = [int(i) for i in order if abs(direction[i]) > _SLANTED]
    return ''.join(_LETTERS[i][int(direction[i] > 0)] for i in named)


def edge_letters(geometry: Geometry | None) -> dict[str, str]:
    """Return the letters at the four edges of a slice; none where the place is not known.

    Parameters
    ----------
    geometry : Geometry or None

    Returns
    -------
    dict of str
        'left', 'right', 'top' and 'bottom' to letters such as 'L' or 'PL'.
    """
    if geometry is None or geometry.assumed:
        return {}
    across, down = geometry.directions[:, 2], geometry.directions[:, 1]
    return {
        'left': direction_letters(-across), 'right': direction_letters(across),
        'top': direction_letters(-down), 'bottom': direction_letters(down),
    }  # fmt: skip


@dataclass(eq=False)
class Panel:
    """One series as it is shown.

    Parameters
    ----------
    series : Series
        Images: grey or colour, complex ones as their magnitude.
    colormap, norm
        As of `Series.to_rgb`; those of the series, or of its header, when not given.
    window, level : float, optional
        Those of the series when not given.
    overlay : Series, optional
        A mask or map, laid on by its place.

    Raises
    ------
    EmptyImageError
        When there is no voxel.
    AxisError
        When there are no rows and columns.
    DataTypeError
        When values cannot be shown.
    ValueError
        When the window is no finite number above 0, or the level not finite.
    """

    series: Series
    colormap: Any = None
    norm: Any = None
    window: float | None = None
    level: float | None = None
    overlay: Series | None = None
    maskmap: Any = 'magma'
    alpha: float = 0.7
    show_overlay: bool = True
    slice: int = field(init=False)
    tag: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.series.dtype == object:
            raise DataTypeError('there are no pixels to show: the series was read with headers_only')
        self.frames = frames_of(self.series)
        if not self.frames.size:
            raise EmptyImageError(f'there is nothing to show in a Series of shape {self.series.shape}')
        self.color = bool(self.series.color)
        if not self.color:
            visible(self.frames[(0,) * (self.frames.ndim - 2)])
        self.colormap = shown_map(self.series, self.colormap)
        own_window = self.window is not None or self.level is not None
        self._set_window()
        if self.norm is None:
            self.norm = 'linear' if own_window else shown_norm(self.series)
        self._limits: tuple[float, float] | None = None
        limits = (None, None) if isinstance(self.norm, str) else (self.norm.vmin, self.norm.vmax)
        if limits[0] is not None and limits[1] is not None:
            # It shows what it is made for until the window is changed.
            self.window, self.level = limits[1] - limits[0], (limits[0] + limits[1]) / 2
            self._limits = self.bounds
        self.slice = self.frames.shape[-3] // 2
        self.tag = (0,) * len(self.tags)
        self._overlay: NDArray[Any] | None = None
        if self.overlay is not None:
            fill = 0 if self.overlay.dtype.kind == 'b' else np.nan
            self._overlay = on_grid(self.series, self.overlay, fill)
            self._overlay_range = overlay_range(self.overlay.view(np.ndarray))

    def _set_window(self) -> None:
        if self.window is not None and not 0 < self.window < np.inf:
            raise ValueError(f'a window is a width above 0, got window={self.window!r}')
        if self.level is not None and not np.isfinite(self.level):
            raise ValueError(f'a level is a finite number, got level={self.level!r}')
        if self.window is None or self.level is None:
            # Only now: without a window in its header, the whole series is looked at.
            level, window = (127.5, 255.0) if self.color else self._default_window()
            self.window = window if self.window is None else self.window
            self.level = level if self.level is None else self.level
        self.window, self.level = float(self.window), float(self.level)

    def _default_window(self) -> tuple[float, float]:
        if self.series.dtype.kind == 'b':
            return 0.5, 1.0
        return self.series._window()

    # --- what is shown -----------------------------------------------------------------------------

    @property
    def tags(self) -> tuple[int, ...]:
        """Lengths of the tag axes."""
        return self.frames.shape[:-3]

    @property
    def slices(self) -> int:
        """Number of slices."""
        return int(self.frames.shape[-3])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.frames.shape[-2], self.frames.shape[-1]

    @property
    def geometry(self) -> Geometry | None:
        """Where the voxels are; None when that is not known."""
        found = self.series.header.geometry
        return None if found is None or found.assumed else found

    @property
    def aspect(self) -> float:
        """Height of a pixel as a multiple of its width."""
        found = self.series.header.geometry
        if found is None:
            return 1.0
        _, row, column = found.spacing
        return float(row / column) if row > 0 and column > 0 else 1.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value that are told apart."""
        assert self.window is not None
        assert self.level is not None
        return window_bounds(self.window, self.level)

    def frame(self) -> NDArray[Any]:
        """Return the image that is shown: (rows, columns)."""
        image: NDArray[Any] = self.frames[(*self.tag, self.slice)]
        return image

    def rgb(self) -> NDArray[np.uint8]:
        """Return the image that is shown in its colours, overlay included: (rows, columns, 3)."""
        image = self.frame()
        colours = unpacked(image) if self.color else to_rgb(image, self.colormap, self.normaliser())
        if self._overlay is None or not self.show_overlay:
            return colours
        values = self._overlay_frame()
        laid_on, where = overlay_colours(values, self.maskmap, self._overlay_range, 0.0)
        if self._overlay_range is None:
            where = values != 0
        # Blended, because what is added to white is not seen.
        return fuse(colours, laid_on, self.alpha, True, where)

    def overlay_frames(self) -> tuple[NDArray[Any], tuple[float, float] | None] | None:
        """Return the overlay at the voxels of the series, (tags..., slice, row, column), and its limits.

        Limits are None for a mask, all of it where there is no overlay; tags are left out where it is the
        same for all.
        """
        return None if self._overlay is None else (self._overlay, self._overlay_range)

    def _overlay_frame(self) -> NDArray[Any]:
        assert self._overlay is not None
        values: NDArray[Any] = self._overlay[(*self.tag, self.slice)[-(self._overlay.ndim - 2) :]]
        return values

    def normaliser(self) -> Any:
        """Return what takes values to 0..1."""
        if self._limits is None or self._limits == self.bounds:
            return make_norm(self.norm, *self.bounds)
        return moved_norm(self.norm, *self.bounds)

    def value(self, row: int, column: int) -> Any:
        """Return the value of a voxel of the image that is shown; None outside of it."""
        rows, columns = self.shape
        if not (0 <= row < rows and 0 <= column < columns):
            return None
        return self.frame()[row, column]

    def place(self, row: float, column: float) -> FloatArray | None:
        """Return x, y, z in mm of a point of the image that is shown; None when it is not known."""
        geometry = self.geometry
        return None if geometry is None else geometry.to_world([self.slice, row, column])

    # --- moving -----------------------------------------------------------------------------------------

    def to_slice(self, index: int) -> bool:
        """Show a slice, or the last one in that direction; return whether it is another one."""
        before, self.slice = self.slice, int(np.clip(index, 0, self.slices - 1))
        return self.slice != before

    def to_tag(self, index: int, axis: int = 0) -> bool:
        """Show an index along a tag axis, or the last one in that direction."""
        if axis >= len(self.tags):
            return False
        before, new = self.tag, list(self.tag)
        new[axis] = int(np.clip(index, 0, self.tags[axis] - 1))
        self.tag = tuple(new)
        return self.tag != before

    def window_by_histogram(self, probs: tuple[float, float] = (0.01, 0.999)) -> None:
        """Set window and level to hold all but the extreme values of the image that is shown."""
        if not self.color:
            self.window, self.level = self.histogram_window(probs)

    def histogram_window(self, probs: tuple[float, float] = (0.01, 0.999)) -> tuple[float, float]:
        """Return window and level that hold all but the extreme values of the image that is shown."""
        image = self.frame()
        low, high = clip_range(image[:: max(1, image.size // _SAMPLE)], probs)
        if low == high:
            # Nearly all is background: what is not is to be seen.
            low, high = finite_range(image)
        return min(high - low, float(np.finfo(float).max)) or 1.0, low / 2 + high / 2

    def section_of(self, other: Panel) -> NDArray[np.float64] | None:
        """Return where the slice that another panel shows cuts this one's.

        Returns
        -------
        (2, 2) ndarray or None
            Ends of the line, (x, y) in pixels of this panel; None where they do not meet, or are not
            in the same frame of reference.
        """
        mine, theirs = self.geometry, other.geometry
        if mine is None or theirs is None or not _comparable(mine, theirs):
            return None
        rows, columns = other.shape
        # To the outer edges of its pixels.
        top, left, bottom, right = -0.5, -0.5, rows - 0.5, columns - 0.5
        corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
        index = mine.to_index(theirs.to_world([(other.slice, *corner) for corner in corners]))
        height = index[:, 0] - self.slice
        ends = []
        for i, j in zip(range(4), (1, 2, 3, 0), strict=True):
            if (height[i] > 0) != (height[j] > 0):
                part = height[i] / (height[i] - height[j])
                ends.append(index[i] + part * (index[j] - index[i]))
        return np.array(ends)[:, [2, 1]] if len(ends) == 2 else None

    # --- texts ------------------------------------------------------------------------------------------

    def corner_texts(self) -> dict[str, str]:
        """Return the texts of the four corners: patient, study, position, window."""
        header = self.series.header

        def told(*names: str) -> str:
            return ' '.join(str(v) for v in (header.attribute(n) for n in names) if v not in (None, ''))

        number = header.attribute('seriesNumber')
        series = f'#{number} {told("seriesDescription")}' if number is not None else told('seriesDescription')
        when = f'{_pretty_date(told("seriesDate"))} {_pretty_time(told("seriesTime"))}'.strip()
        study = [when, told('modality', 'protocolName')]
        return {
            'upper_left': _lines(told('patientName'), told('patientID'), series),
            'upper_right': _lines(*study),
            'lower_left': self.position_text(),
            'lower_right': '' if self.color else pretty_window_level(self),
        }

    def position_text(self) -> str:
        """Return slice and tag in words."""
        lines = []
        for i, name in enumerate(self.series.header.tag_dims):
            lines.append(f'{name} {self.tag[i] + 1}/{self.tags[i]}: {self._tag_text(name, self.tag[i])}')
        if self.slices > 1:
            lines.append(f'slice {self.slice}  ({self.slice + 1}/{self.slices})')
        geometry = self.geometry
        if geometry is not None:
            # Adding 0 makes 0 of -0.
            lines.append(f'{round(geometry.slice_locations[self.slice], 1) + 0.0:.1f} mm')
        return '\n'.join(lines)

    def _tag_text(self, name: str, index: int) -> str:
        axis = self.series._axis_named(name)
        value = axis.values[index]
        if name in ('time', 'triggertime') and isinstance(value, (int, float)):
            value -= axis.values[0]
        text = f'{value:.6g}' if isinstance(value, (int, float, np.number)) else str(value)
        return f'{text} {axis.unit}' if axis.unit else text

    def readout(self, x: float, y: float) -> str:
        """Return voxel, place and value under a point, in words."""
        return self.readouts(x, y)[0]

    def readouts(self, x: float, y: float) -> tuple[str, ...]:
        """Return voxel, place and value under a point; then the same in fewer and fewer words."""
        row, column = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
        value = self.value(row, column)
        if value is None:
            return ('',)
        voxel, told = f'[{self.slice}, {row}, {column}]', f'= {_value_text(value)}'
        if self._overlay is not None and self.show_overlay:
            told += f' | {_value_text(self._overlay_frame()[row, column])}'
        place = self.place(row, column)
        if place is None:
            return f'{voxel} {told}', told
        where = 'z {:.1f} y {:.1f} x {:.1f} mm'.format(*(np.round(place[::-1], 1) + 0.0))
        return f'{voxel} {where} {told}', f'{voxel} {told}', told


def _lines(*texts: str) -> str:
    return '\n'.join(t for t in texts if t)


def _pretty_date(text: str) -> str:
    return f'{text[:4]}-{text[4:6]}-{text[6:8]}' if len(text) == 8 and text.isdigit() else text


def _pretty_time(text: str) -> str:
    return f'{text[:2]}:{text[2:4]}:{text[4:6]}' if text[:6].isdigit() and len(text) >= 6 else text


def _value_text(value: Any) -> str:
    if isinstance(value, np.void):
        return '(' + ', '.join(str(v) for v in value.tolist()) + ')'
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return f'{value:.6g}' if not isinstance(value, (int, np.integer)) else str(int(value))


def pretty_window_level(panel: Panel) -> str:
    """Return window and level as text."""
    return f'W {panel.window:.5g}  L {panel.level:.5g}'


def pretty_tag_value(panel: Panel) -> str:
    """Return the tag values that are shown as text."""
    names = panel.series.header.tag_dims
    return ', '.join(f'{n} {panel._tag_text(n, t)}' for n, t in zip(names, panel.tag, strict=True))


def _comparable(a: Geometry, b: Geometry) -> bool:
    frames = {a.frame_of_reference, b.frame_of_reference} - {None}
    return len(frames) < 2


@dataclass(eq=False)
class Scene:
    """Several panels, shown on pages of so many at once; one of them is active.

    Parameters
    ----------
    panels : sequence of Panel
    viewports : int
        How many are seen at once.
    link : bool
        Whether all panels follow the active one: to the slice through the same place, where
        frames of reference agree, else to the same index where neither has a place; and to the same
        tag index. Windows change together as long as they are the same.
    """

    panels: Sequence[Panel]
    viewports: int = 1
    link: bool = False
    first: int = 0
    active: int = 0

    @property
    def shown(self) -> Sequence[Panel]:
        """The panels that are seen."""
        return self.panels[self.first : self.first + self.viewports]

    @property
    def panel(self) -> Panel:
        """The active panel."""
        return self.panels[self.active]

    def activate(self, index: int) -> None:
        """Make a panel the active one."""
        self.active = int(np.clip(index, 0, len(self.panels) - 1))

    def scroll(self, step: int) -> bool:
        """Move so many panels on, as far as there are more; return whether others are seen now."""
        last = max(0, len(self.panels) - self.viewports)
        before, self.first = self.first, int(np.clip(self.first + step, 0, last))
        self.active += self.first - before
        return self.first != before

    def step_slice(self, step: int) -> list[Panel]:
        """Move the active panel by slices, and linked ones with it; return those that changed."""
        return self.go_to_slice(self.panel.slice + step)

    def go_to_slice(self, index: int) -> list[Panel]:
        """Show a slice in the active panel, and the same place in linked ones."""
        changed = [self.panel] if self.panel.to_slice(index) else []
        if self.link and changed:
            changed += [p for p in self.panels if p is not self.panel and self._follow_slice(p)]
        return changed

    def step_tag(self, step: int, axis: int = 0) -> list[Panel]:
        """Move the active panel along a tag axis, and linked ones with it."""
        if axis >= len(self.panel.tags):
            return []
        index = self.panel.tag[axis] + step
        moved = [self.panel] if self.panel.to_tag(index, axis) else []
        if self.link and moved:
            now = self.panel.tag[axis]
            moved += [p for p in self.panels if p is not self.panel and p.to_tag(now, axis)]
        return moved

    def set_window(self, panel: Panel, window: float, level: float) -> list[Panel]:
        """Give a panel another window, and linked ones that have the same; return those that changed."""
        before = (panel.window, panel.level)
        changed = [p for p in self.panels if p is panel or (self.link and (p.window, p.level) == before)]
        for one in changed:
            if not one.color:
                one.window, one.level = window, level
        return changed

    def _follow_slice(self, panel: Panel) -> bool:
        leader, theirs = self.panel.geometry, panel.geometry
        if leader is None and theirs is None:
            return panel.to_slice(self.panel.slice)
        if leader is None or theirs is None or not _comparable(leader, theirs):
            return False
        rows, columns = self.panel.shape
        centre = leader.to_world([self.panel.slice, (rows - 1) / 2, (columns - 1) / 2])
        return panel.to_slice(int(np.floor(theirs.to_index(centre)[0] + 0.5)))


def keep_window(series: Series, panel: Panel) -> None:
    """Keep the window of a panel in its series."""
    if not panel.color:
        series.header = series.header.with_attributes(windowCenter=panel.level, windowWidth=panel.window)
