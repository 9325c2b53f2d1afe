"""Regions of interest: outlines to masks and back, and what the voxels within them tell.

An outline is a list of points (x, y) = (column, row) in pixels, whole numbers being the centres
of pixels, or an `Ellipse`. A pixel is in when its centre is. A centre that lies exactly on the
line belongs to the side of higher rows and columns, so that neighbouring outlines share no pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import AxisError, BadShapeGiven

if TYPE_CHECKING:
    from .series import Series

__all__ = ['Ellipse', 'Outline', 'TimeCourse', 'ellipse_mask', 'ellipse_points', 'grid_from_roi',
           'mask_outline', 'outline_mask', 'polygon_mask', 'timecourse', 'vertices_from_grid']


class Ellipse(NamedTuple):
    """An ellipse: centre, half axes in pixels, and the angle of the first of them in degrees.

    The angle counts from the direction of growing columns to that of growing rows.
    """

    x: float
    y: float
    half_width: float
    half_height: float
    angle: float = 0.0


Outline: TypeAlias = 'Ellipse | Sequence[tuple[float, float]]'


# --- outlines to masks ------------------------------------------------------------------------------


def polygon_mask(points: ArrayLike, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels have their centre in a polygon.

    Parameters
    ----------
    points : (n, 2) array_like
        x, y of the corners; the last is joined to the first. Where the polygon covers itself twice
        is outside (even-odd rule).
    shape : (rows, columns)

    Raises
    ------
    ValueError
        When there are fewer than three points, or points that are not finite.

    Examples
    --------
    >>> polygon_mask([(0.5, 0.5), (2.5, 0.5), (2.5, 1.5), (0.5, 1.5)], (3, 4)).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    corners = np.asarray(points, dtype=float)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError(
            f'a polygon is three or more finite points (x, y), got {np.asarray(points).tolist()}'
        )
    rows, columns = shape
    # Each edge switches, in the rows that it crosses, everything to its right.
    switch = np.zeros((rows, columns + 1), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 > y1:
            # There and back, an edge is computed the same way: it undoes itself.
            x0, y0, x1, y1 = x1, y1, x0, y0
        crossed = np.arange(*np.clip(np.ceil([y0, y1]), 0, rows).astype(int))
        if not crossed.size:
            continue
        x = x0 + (crossed - y0) * ((x1 - x0) / (y1 - y0))
        first = np.clip(np.ceil(x), 0, columns).astype(int)
        switch[crossed, first] ^= True
    return np.logical_xor.accumulate(switch, axis=1)[:, :columns]


def ellipse_mask(ellipse: Ellipse, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels have their centre in an ellipse, its line included.

    Raises
    ------
    ValueError
        When a half axis is not above 0.
    """
    x, y, a, b, angle = (float(v) for v in ellipse)
    if not (a > 0 and b > 0 and np.isfinite([x, y, a, b, angle]).all()):
        raise ValueError(f'an ellipse has half axes above 0, got {ellipse}')
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    dy, dx = np.ogrid[: shape[0], : shape[1]]
    dy, dx = dy - y, dx - x
    return np.asarray(((dx * cosine + dy * sine) / a) ** 2 + ((dy * cosine - dx * sine) / b) ** 2 <= 1)


def ellipse_points(ellipse: Ellipse, count: int = 64) -> NDArray[np.float64]:
    """Return points (x, y) on an ellipse: (count, 2)."""
    x, y, a, b, angle = ellipse
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    u, v = a * np.cos(turn), b * np.sin(turn)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.column_stack([x + u * cosine - v * sine, y + u * sine + v * cosine])


def outline_mask(outline: Outline, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels have their centre in an outline."""
    if isinstance(outline, Ellipse):
        return ellipse_mask(outline, shape)
    return polygon_mask(outline, shape)


def grid_from_roi(im: Series, vertices: Mapping[Any, Outline], single: bool = False) -> Any:
    """Return the mask of outlines.

    Parameters
    ----------
    im : Series
        The images that they were drawn on.
    vertices : mapping
        Of slice, or of (tag, slice), to an outline. An outline at a tag holds from there until the
        next one on its slice, or until an empty one, which ends it; before the first one, nothing is
        in. With several tag axes, the tag is a tuple.
    single : bool
        One slice for each tag: an outline ends those on other slices.

    Returns
    -------
    Series of uint8
        1 within, 0 outside; of the images' geometry. (slice, row, column), or (tag..., slice, row,
        column) when the keys have tags; (row, column) for a single image.

    Raises
    ------
    ValueError
        When there is no outline.
    AxisError
        When an outline is on a slice or tag that is not there.
    """
    if not vertices:
        raise ValueError('there is no outline: draw a region first')
    frames = _canonical_frames(im)
    tags, (slices, rows, columns) = frames.shape[:-3], frames.shape[-3:]
    follow = any(isinstance(key, tuple) for key in vertices)
    drawn: dict[int, dict[int, Outline]] = {}
    for key, outline in vertices.items():
        tag, s = key if isinstance(key, tuple) else ((0,) * len(tags), key)
        number = _flat_tag(tag, tags)
        if int(s) != s or not 0 <= s < slices:
            raise AxisError(f'there is no slice {s}: the Series has {slices}')
        drawn.setdefault(number, {})[int(s)] = outline
    count = int(np.prod(tags)) if follow else 1
    mask = np.zeros((count, slices, rows, columns), dtype=np.uint8)
    current: dict[int, NDArray[np.bool_]] = {}
    for t in range(count):
        new = {
            s: outline_mask(o, (rows, columns)) if len(o) else np.zeros((rows, columns), bool)
            for s, o in drawn.get(t, {}).items()
        }
        current = new if single and new and follow else {**current, **new}
        for s, inside in current.items():
            mask[t, s] = inside
    return _mask_series(im, mask.reshape(*tags, *mask.shape[1:]) if follow else mask[0], follow)


def _flat_tag(tag: Any, tags: tuple[int, ...]) -> int:
    index = tuple(int(t) for t in tag) if isinstance(tag, tuple) else (int(tag),)
    index = index if tags else ()
    if len(index) != len(tags) or any(not 0 <= i < n for i, n in zip(index, tags, strict=True)):
        raise AxisError(f'there is no image at tag {tag!r}: the tag axes have lengths {tags}')
    return int(np.ravel_multi_index(index, tags)) if tags else 0


def _canonical_frames(im: Series) -> NDArray[Any]:
    """Return the values as (tags..., slice, row, column)."""
    dims = im.header.dims
    for name in ('row', 'column'):
        if name not in dims:
            raise AxisError(f'there is no axis {name!r}: the axes are {", ".join(dims) or "none"}')
    spatial = [d for d in ('slice', 'row', 'column') if d in dims]
    order = [dims.index(d) for d in dims if d not in spatial] + [dims.index(d) for d in spatial]
    values = np.asarray(im).transpose(order)
    return values if 'slice' in dims else values[..., np.newaxis, :, :]


def _mask_series(im: Series, mask: NDArray[np.uint8], follow: bool) -> Any:
    """Return a mask as a Series at the places of `im`, without its tag axes unless it follows them."""
    from dataclasses import replace

    from .header import Identity

    header = im.header
    tags = header.tag_dims
    if 'slice' not in header.dims:
        mask = mask[..., 0, :, :]
    spatial = tuple(d for d in ('slice', 'row', 'column') if d in header.dims)
    if follow:
        header = replace(header, dims=(*tags, *spatial))
    else:
        header = header.reduced(tags)
        header = replace(header, dims=spatial)
    # The window and its colours are those of the images; a mask has 0 and 1, and 1 is white.
    header = header.with_attributes(
        windowCenter=None, windowWidth=None, colormap=None, colormap_norm=None, colormap_label=None,
        photometricInterpretation='MONOCHROME2',
    )  # fmt: skip
    return im._attached(mask, header, Identity(values_changed=True))


# --- masks to outlines ---------------------------------------------------------------------------------


def mask_outline(mask: ArrayLike) -> list[tuple[float, float]]:
    """Return a polygon whose mask is the given one.

    Several parts, and holes, are joined to one line, there and back: `polygon_mask` gives the same
    pixels again.

    Parameters
    ----------
    mask : (rows, columns) array_like
    """
    from contourpy import LineType, contour_generator

    inside = np.pad(_inside(np.asarray(mask)).astype(float), 1)
    lines = contour_generator(z=inside, line_type=LineType.Separate).lines(0.5)
    points: list[tuple[float, float]] = []
    for line in lines:
        ring = _without_straight_points(np.asarray(line)[:-1] - 1)
        corners = [(float(x), float(y)) for x, y in ring]
        points += [*corners, corners[0]] if len(lines) > 1 else corners
    if len(lines) > 1:
        # Back through the first corner of each part: every joining line is passed twice.
        starts = [(float(x), float(y)) for x, y in (np.asarray(line)[0] - 1 for line in lines)]
        points += starts[-2::-1]
    return points


def _without_straight_points(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a closed line without points that lie straight between their neighbours."""
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    keep = np.abs(turns) > 1e-9
    keep[0] = True
    return ring[keep]


def vertices_from_grid(im: Series, grid: Any, align: bool = True) -> dict[Any, Outline]:
    """Return the outlines of a mask, as `grid_from_roi` takes them; see `Series.vertices_from_grid`."""
    if align and hasattr(grid, 'header') and _placed(im) and _placed(grid) and not im.same_geometry(grid):
        grid = grid.align(im, interpolation='nearest')
    mask = _canonical_frames(grid) if hasattr(grid, 'header') else np.asarray(grid)
    mask = mask[np.newaxis] if mask.ndim == 2 else mask
    wanted = _canonical_frames(im).shape
    if mask.shape[-3:] != wanted[-3:]:
        raise BadShapeGiven(f'a mask of shape {mask.shape[-3:]} does not fit images of {wanted[-3:]}')
    mask = _inside(mask)
    found: dict[Any, Outline] = {}
    holds: set[int] = set()
    for index in np.ndindex(mask.shape[:-2]):
        *tags, s = index
        key = s if not tags else (tags[0] if len(tags) == 1 else tuple(tags), s)
        if mask[index].any():
            found[key] = mask_outline(mask[index])
            holds.add(s)
        elif s in holds:
            # What was there at the tag before is not there any more.
            found[key] = []
            holds.remove(s)
    return found


def _inside(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a mask is neither 0 nor NaN."""
    inside: NDArray[np.bool_] = mask != 0
    return inside & ~np.isnan(mask) if mask.dtype.kind in 'fc' else inside


def _placed(series: Any) -> bool:
    geometry = series.header.geometry
    return geometry is not None and not geometry.assumed


# --- what the voxels tell ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimeCourse:
    """Statistics of the voxels in a region, for each image of the tag axis.

    Parameters
    ----------
    name, unit : str
        Of the tag axis ('time', 's'); `unit` may be empty.
    tags : (n,) ndarray
        Values along it; times count from the first image.
    mean, std, median, minimum, maximum : (n,) ndarray
        Over the voxels that are in and finite; NaN where there is none. `std` divides by the number of
        voxels.
    count : (n,) ndarray of int
        How many voxels that are.
    """

    name: str
    unit: str
    tags: NDArray[Any]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    median: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    count: NDArray[np.int64]

    def to_csv(self, path: str | PathLike[str]) -> None:
        """Write a table with a line for each tag value; numbers in full precision.

        Raises
        ------
        WriteError
            When the file cannot be written; an old one is untouched.
        """
        import csv
        import io

        from .whole_file import write_whole

        text = io.StringIO()
        table = csv.writer(text, lineterminator='\n')
        head = f'{self.name} [{self.unit}]' if self.unit else self.name
        table.writerow([head, 'mean', 'std', 'median', 'minimum', 'maximum', 'voxels'])
        columns = (self.tags, self.mean, self.std, self.median, self.minimum, self.maximum, self.count)
        table.writerows(zip(*(column.tolist() for column in columns), strict=True))
        write_whole(path, text.getvalue().encode())

    def plot(self, ax: Any = None) -> Any:
        """Draw the mean and its standard deviation; return the axes of matplotlib."""
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots()[1]
        (line,) = ax.plot(self.tags, self.mean, marker='.')
        ax.fill_between(
            self.tags, self.mean - self.std, self.mean + self.std, color=line.get_color(), alpha=0.2, lw=0
        )
        ax.set_xlabel(f'{self.name} [{self.unit}]' if self.unit else self.name)
        ax.set_ylabel('mean ± std')
        return ax


def timecourse(im: Series, mask: Any) -> TimeCourse:
    """Return statistics of a region along the tag axis; see `Series.timecourse`."""
    tags = im.header.tag_dims
    if len(tags) > 1:
        raise AxisError(
            f'a course runs along one tag axis, the Series has {", ".join(tags)}: pick with isel()'
        )
    frames = _canonical_frames(im)
    frames = frames if tags else frames[np.newaxis]
    inside = _fitting_mask(im, mask, frames.shape)
    rows = []
    for values, within in zip(frames, inside, strict=True):
        rows.append(_statistics(values[within]))
    mean, std, median, minimum, maximum, count = (np.array(column) for column in zip(*rows, strict=True))
    name = tags[0] if tags else 'number'
    values, unit = np.arange(len(frames)), ''
    if tags:
        axis = im._axis_named(name)
        values, unit = np.asarray(axis.values), axis.unit or ''
        if name in ('time', 'triggertime'):
            values = im.timeline
    return TimeCourse(name, unit, values, mean, std, median, minimum, maximum, count)


def _fitting_mask(im: Series, mask: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask as (tags, slice, row, column), moved to the images' places where it has its own."""
    if hasattr(mask, 'header'):
        if _placed(im) and _placed(mask) and not im.same_geometry(mask):
            mask = mask.align(im, interpolation='nearest')
        values = _canonical_frames(mask)
    else:
        values = np.asarray(mask)
        values = values[np.newaxis] if values.ndim == 2 else values
    values = values if values.ndim == 4 else values[np.newaxis]
    if values.shape[1:] != shape[1:] or values.shape[0] not in (1, shape[0]):
        raise BadShapeGiven(f'a mask of shape {np.shape(mask)} does not fit images of shape {im.shape}')
    return np.broadcast_to(_inside(values), shape)


def _statistics(values: NDArray[Any]) -> tuple[float, float, float, float, float, int]:
    """Return mean, standard deviation, median, least, greatest and number of the finite values."""
    from .colour import visible

    finite = visible(values).astype(float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return (np.nan,) * 5 + (0,)
    return (
        float(finite.mean()), float(finite.std()), float(np.median(finite)),
        float(finite.min()), float(finite.max()), int(finite.size),
    )  # fmt: skip
