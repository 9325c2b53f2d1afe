"""Giving values the header of other images: `template=` and `geometry=`.

A template says whose and what the values are: patient, study, frame of reference, acquisition.
Each image of the result is described by the template's image at its own slice and tag: the
nearest slice position, and the same index along tag axes of equal length, else the nearest
tag value. A geometry says where the voxels are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .axis import SPATIAL, Axis, VariableAxis
from .errors import ImagedataWarning, TemplateMismatchError
from .geometry import POSITION_TOLERANCE, Geometry, apply_affine
from .header import ATTRIBUTES, Header, Images
from .notices import warn_user

__all__ = ['apply_geometry', 'apply_template', 'warn_of_another_patient']

_IDENTITY = ('seriesInstanceUID', 'input_format', 'input_sort', 'windowCenter', 'windowWidth')


def apply_geometry(header: Header, source: Header) -> Header:
    """Return `header` with the geometry of `source`.

    Raises
    ------
    TemplateMismatchError
        When the numbers of slices, rows and columns differ, or `source` has no geometry.
    """
    if source.geometry is None:
        raise TemplateMismatchError('the Series given as geometry has none itself')
    mine = _grid_shape(header, 'geometry')
    if mine != source.geometry.shape:
        raise TemplateMismatchError(
            f'geometry of {_counts(source.geometry.shape)} does not fit data of {_counts(mine)}: '
            'give a Series with the same grid, or crop or resample one of them first'
        )
    return header.with_geometry(source.geometry)


def apply_template(header: Header, template: Header) -> Header:
    """Return `header` described by the images of `template`.

    Raises
    ------
    TemplateMismatchError
        When the data have no geometry of their own and their grid is not the template's, or
        when they lie outside the volume of the template.
    """
    geometry = _placed(header, template)
    header = _adopt_tags(replace(header, geometry=geometry), template)
    images = None
    if template.images is not None:
        images = _matched(header, template)
        header = _with_own_values(header, template, images)
    attributes = {k: v for k, v in header.attributes.items() if k not in ATTRIBUTES}
    given = {k: v for k, v in template.attributes.items() if k not in _IDENTITY}
    return replace(header, images=images, attributes={**attributes, **given}, edits=template.edits)


def warn_of_another_patient(template: Header, place: Header) -> None:
    """Warn where a template is of another patient than what says where the values are.

    Parameters
    ----------
    template : Header
    place : Header
        Of the Series given as geometry, else of the data.
    """
    ours, theirs = _patient(template), _patient(place)
    if any(a and b and a != b for a, b in zip(ours, theirs, strict=True)):
        warn_user(
            f'the template, {_called(template)}, is of another patient than the geometry or data, '
            f'{_called(place)}: the result is of the patient of the template. Give images of one patient',
            ImagedataWarning,
        )


def _patient(header: Header) -> tuple[str, str]:
    """Return identifier and birth date: names are spelt in many ways."""
    return tuple(str(header.attribute(n) or '').strip() for n in ('patientID', 'patientBirthDate'))  # type: ignore[return-value]


def _called(header: Header) -> str:
    """Return a name without patient data."""
    return f'series {header.element("SeriesInstanceUID") or "without a UID"}'


def _grid_shape(header: Header, what: str) -> tuple[int, int, int]:
    if header.geometry is None:
        raise TemplateMismatchError(
            f'{what}= needs data with at least two dimensions, rows and columns; these are {header.dims}'
        )
    return header.geometry.shape


def _counts(shape: Sequence[int]) -> str:
    return f'{shape[0]} slices, {shape[1]} rows, {shape[2]} columns'


def _placed(header: Header, template: Header) -> Geometry | None:
    """Return the geometry of the data in the template's frame of reference."""
    mine, theirs = header.geometry, template.geometry
    if mine is None or theirs is None:
        return mine
    if mine.assumed:
        if mine.shape != theirs.shape:
            raise TemplateMismatchError(
                f'a template of {_counts(theirs.shape)} does not fit data of {_counts(mine.shape)} '
                'that say nothing of their own place: give geometry= as well, or a template that fits'
            )
        return theirs
    mine = replace(mine, frame_of_reference=theirs.frame_of_reference)
    gap = _distance_apart(mine, theirs)
    if gap > 0:
        raise TemplateMismatchError(
            f'the data lie outside the template, {gap:.4g} mm from its nearest slice: '
            'they are not of the same place; give geometry= to say where the data are'
        )
    return _uneven_again(mine, theirs)


def _uneven_again(mine: Geometry, theirs: Geometry) -> Geometry:
    """Return the template's grid for the even one that a file made of it, else the data's own.

    Most formats place slices evenly: an uneven stack comes back with its matrix, and no positions.
    """
    if mine.positions is not None or theirs.is_uniform or mine.shape != theirs.shape:
        return mine
    ends = np.array(list(np.ndindex(2, 2, 2))) * (np.array(mine.shape) - 1)
    apart = apply_affine(mine.affine, ends) - apply_affine(theirs.affine, ends)
    if np.abs(apart).max() > POSITION_TOLERANCE:
        return mine
    warn_user(
        f'the data are a grid of {mine.shape[0]} even slices, and those of the template, of the same '
        'matrix, are not even: they are taken for these. Give geometry= where the data were resampled',
        ImagedataWarning,
    )
    return theirs


def _distance_apart(mine: Geometry, theirs: Geometry) -> float:
    """Return how far the bounding box of one grid is from that of the other, in mm, in LPS."""
    boxes = []
    for grid in (mine, theirs):
        ends = np.array([[s, r, c] for s in (0, 1) for r in (0, 1) for c in (0, 1)])
        corners = grid.to_world(ends * (np.array(grid.shape) - 1))
        margin = float(grid.spacing.max())
        boxes.append((corners.min(axis=0) - margin, corners.max(axis=0) + margin))
    gaps = np.maximum(boxes[0][0] - boxes[1][1], boxes[1][0] - boxes[0][1])
    return float(np.linalg.norm(np.maximum(gaps, 0)))


def _adopt_tags(header: Header, template: Header) -> Header:
    """Return the header with the template's tag names and values where they fit the data's."""
    mine, theirs = header.tag_dims, template.tag_dims
    if len(mine) != len(theirs):
        # Axes are told apart by name alone then.
        mine = theirs = tuple(name for name in mine if name in theirs)
    renames: dict[str, str] = {}
    axes: dict[str, Axis] = dict(header.tag_axes)
    for own, other in zip(mine, theirs, strict=True):
        axis = axes.pop(own)
        fits = len(axis) == len(template.tag_axes[other])
        unnamed = own == 'none' or own.startswith('unknown')
        if own == other or (unnamed and fits):
            renames[own] = other
            axes[other] = template.tag_axes[other] if fits else _on_clock(axis, template.tag_axes[other])
        else:
            axes[own] = axis
    return replace(header, dims=tuple(renames.get(d, d) for d in header.dims), tag_axes=axes)


def _on_clock(axis: Axis, clock: Axis) -> Axis:
    """Return times that count from the first volume as times of the template's clock.

    NIfTI and plain arrays count times from their first volume; DICOM from midnight. Where the
    two do not meet, the first of them is taken for the template's first.
    """
    if axis.name not in ('time', 'triggertime') or not len(axis) or not len(clock):
        return axis
    try:
        mine, theirs = np.asarray(axis.values, dtype=float), np.asarray(clock.values, dtype=float)
    except (TypeError, ValueError):
        return axis
    if mine.max() >= theirs.min() and mine.min() <= theirs.max():
        return axis
    warn_user(
        f'the {len(axis)} times of the data start at {mine[0]:g} s and those of the template at '
        f'{theirs[0]:g} s: the first is taken for the first. Assign axes where that is wrong',
        ImagedataWarning,
    )
    return VariableAxis(axis.name, (mine - mine[0] + theirs[0]).tolist())


def _with_own_values(header: Header, template: Header, images: Images) -> Header:
    """Return the header with adopted tag axes valued as the first slice of its own images."""
    adopted = [id(axis) for axis in template.tag_axes.values()]
    axes = dict(header.tag_axes)
    for name, axis in header.tag_axes.items():
        if id(axis) not in adopted or name not in images.tags:
            continue
        at = images.dims.index(name)
        first = np.moveaxis(images.tags[name], at, 0).reshape(len(axis), -1)[:, 0]
        if all(value is not None for value in first):
            axes[name] = VariableAxis(name, first.tolist())
    return replace(header, tag_axes=axes)


def _matched(header: Header, template: Header) -> Images:
    """Return the template's images, one for each (tag..., slice) of the data."""
    images = template.images
    assert images is not None
    slices = _nearest_slices(header.geometry, template.geometry, images)
    picked = images.take('slice', slices)
    dims = header.tag_dims
    for name in images.dims[:-1]:
        own = name if name in dims else _counterpart(name, header, template)
        if own is None:
            picked = picked.take(name, range(1))
        else:
            picked = picked.take(name, _nearest_tags(header.tag_axes[own], template, name, images))
            picked = picked.renamed({name: own}) if own != name else picked
    return _expanded(replace(picked, own=False), header)


def _counterpart(name: str, header: Header, template: Header) -> str | None:
    """Return the data's tag axis that stands for the template's, by position, if names differ."""
    if name not in template.tag_dims:
        return None
    at = template.tag_dims.index(name)
    if at < len(header.tag_dims) and header.tag_dims[at] not in template.tag_dims:
        own = header.tag_dims[at]
        return own if len(header.tag_axes[own]) == len(template.tag_axes[name]) else None
    return None


def _nearest_slices(mine: Geometry | None, theirs: Geometry | None, images: Images) -> list[int]:
    """Return, for each slice of the data, the template's slice nearest to its centre."""
    count = images.ids.shape[images.dims.index('slice')]
    if mine is None:
        return [0]
    if theirs is None or not count:
        return [min(i, count - 1) for i in range(mine.shape[0])]
    middle = (np.array(mine.shape[1:]) - 1) / 2
    index = np.column_stack([np.arange(mine.shape[0]), np.tile(middle, (mine.shape[0], 1))])
    along = mine.to_world(index) @ theirs.normal
    return [int(np.argmin(np.abs(theirs.slice_locations - a))) for a in along]


def _nearest_tags(axis: Axis, template: Header, name: str, images: Images) -> list[int]:
    """Return, for each value of the data's axis, the template's index of the nearest value."""
    count = images.ids.shape[images.dims.index(name)]
    values = template.tag_axes[name].values if name in template.tag_axes else []
    if len(axis) == count or len(values) != count:
        return [min(i, count - 1) for i in range(len(axis))]
    try:
        theirs, mine = np.asarray(values, dtype=float), np.asarray(axis.values, dtype=float)
    except (TypeError, ValueError):
        return [min(i, count - 1) for i in range(len(axis))]
    return [int(np.argmin(np.abs(theirs - v))) for v in mine]


def _expanded(images: Images, header: Header) -> Images:
    """Return the images with the data's tag dimensions, in its order, each of its full length."""
    ids: NDArray[Any] = images.ids
    tags = dict(images.tags)
    dims = list(images.dims)
    for name in header.tag_dims:
        if name not in dims:
            n = len(header.tag_axes[name])
            ids = np.repeat(ids[np.newaxis], n, axis=0)
            tags = {k: np.repeat(v[np.newaxis], n, axis=0) for k, v in tags.items()}
            dims.insert(0, name)
    extra = [d for d in dims if d not in header.tag_dims and d not in SPATIAL]
    order = [dims.index(d) for d in (*extra, *header.tag_dims, 'slice')]
    keep = {k: np.transpose(v, order) for k, v in tags.items() if k in header.tag_dims or k in extra}
    names = (*extra, *header.tag_dims, 'slice')
    return Images(names, np.transpose(ids, order), images.records, keep, images.own)
