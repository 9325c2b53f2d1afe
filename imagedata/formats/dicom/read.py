"""Reading DICOM: files to datasets, to frames, to stacks, to sorted grids, to arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from ...axis import Axis, VariableAxis
from ...conversion import converted
from ...errors import (
    CannotSort,
    DataTypeError,
    ImagedataError,
    ImagedataWarning,
    NoDataReadError,
)
from ...geometry import UNIFORM_TOLERANCE, Geometry
from ...header import Edit, Header, Identity, Images, SeriesData, new_uid
from ...notices import warn_user
from ..contract import ReadRequest, ReadResult, Source
from ..mapping import in_words, mode_of
from . import segmentation
from .criteria import b_vector
from .dicomdir import expanded
from .frames import Frame, by_place, by_slice_location, frames_of
from .gaps import filled, uneven
from .group import Stack, stacks, without_a_place
from .kin import kin_of
from .mapped import mapped_pixels
from .multiframe import FRAME_COUNTERS
from .pixels import assemble
from .records import DatasetRecords
from .scaling import rescaled, zero_slopes
from .scan import Instance, scan
from .sort import Grid, missing_policy, sort_images
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['read']

PLACE_TOLERANCE = 1e-2
"""Largest distance, in mm along the normal, of images that are at one slice position."""

_DAY = 86400.0

_UPTAKE = (Edit('Units', 'GML'), Edit('SUVType', 'BW'))
"""What values are with `suv='bw'` (PS3.3 C.8.9.1): as activities, they would be converted once more."""


def read(sources: Sequence[Source], request: ReadRequest) -> ReadResult:
    """Read the DICOM series among `sources`; what is not a DICOM image is left."""
    options = request.options
    skip = bool(options.get('skip_broken_series'))
    headers_only = bool(options.get('headers_only'))
    missing_policy(options)
    _own_tolerance(options)
    sources, notes = expanded(sources, skip_broken=skip)
    mmap = bool(options.get('mmap')) and not headers_only
    files = {source.name: source for source in sources} if mmap else None
    scanned = scan(sources, headers_only=headers_only or mmap, skip_broken=skip)
    notes += scanned.notes
    frames: list[Frame] = []
    for instance in scanned.instances:
        try:
            frames += frames_of(instance)
        except ImagedataError as error:
            if not skip:
                raise
            notes.append(f'left out: {error}')
    series: list[SeriesData] = []
    by_stack = bool({'stack', 'StackID'} & set(request.order.split(',')))
    found = stacks(frames, lambda f: kin_of(f, options), options, join_stacks=by_stack) if frames else []
    stray = None if 'input_stack' in options else without_a_place(found)
    if stray is not None:
        if not skip:
            others = [s.number for s in found if s.series_uid == stray[0].series_uid and s is not stray[0]]
            raise CannotSort(
                f'{stray[1]}: replace what is damaged, read the others alone with input_stack={others[0]}, '
                'or leave it out with skip_broken_series=True'
            )
        found.remove(stray[0])
        notes.append(f'left out: {stray[1]}')
    for stack in found:
        try:
            series.append(_read_stack(stack, request.order, options, headers_only, files))
        except ImagedataError as error:
            if not skip:
                if len(found) > 1:
                    error.args = (f'{error}\n{_listed(stack, found)}',)
                raise
            notes.append(f'left out: series {stack.series_uid}: {error}')
    if notes and not series and not scanned.left:
        shown = '; '.join(notes[:3]) + (f' (and {len(notes) - 3} more)' if len(notes) > 3 else '')
        raise NoDataReadError(f'nothing is left to read: {shown}')
    # What was left out is known when all series are read; each of them tells it.
    series = [replace(s, header=replace(s.header, report=(*s.header.report, *notes))) for s in series]
    series, kept = _with_others(series, scanned.others)
    return ReadResult(series, [(source, why) for source, why in scanned.left if source.name not in kept])


def _listed(broken: Stack[Frame], found: Sequence[Stack[Frame]]) -> str:
    """Return in words that a stack is one of several, and how to choose another."""
    lines = []
    for stack in found:
        first = stack.frames[0].dataset
        size = ' x '.join(map(str, (len(stack.frames), *stack.frames[0].size)))
        choices = ''.join(f', {name}={value}' for name, value in stack.choice.items() if value != '')
        mark = '  <- this one' if stack is broken else ''
        lines.append(
            f'  {stack.series_uid} number {first.get("SeriesNumber")}, '
            f'{str(first.get("SeriesDescription") or "no description")!r}, {size}{choices}{mark}'
        )
    return (
        f'It is one of {len(found)} series: choose another with input_serinsuid=<UID> (where they share it: '
        'input_stack=, input_acquisition= or input_echo=), or leave it out with skip_broken_series=True:\n'
        + '\n'.join(lines)
    )


def _with_others(
    series: Sequence[SeriesData], others: Sequence[Instance]
) -> tuple[list[SeriesData], set[str]]:
    """Return series with the objects without pixels of their study, and the files of these."""
    result, kept = [], set()
    for data in series:
        study = data.header.attribute('studyInstanceUID')
        own = [o for o in others if str(o.dataset.get('StudyInstanceUID', '')) == str(study)]
        kept |= {o.name for o in own}
        lines = [f'kept in header.datasets: {o.name} ({o.dataset.get("Modality", "no image")})' for o in own]
        header = replace(
            data.header,
            datasets=tuple(o.dataset for o in own),
            report=(*data.header.report, *lines),
        )
        result.append(replace(data, header=header))
    return result, kept


def _read_stack(
    stack: Stack[Frame],
    order: str,
    options: Mapping[str, Any],
    headers_only: bool,
    mapped: Mapping[str, Source] | None = None,
) -> SeriesData:
    """Sort one stack, read its pixels, or map those of files, and say what is known of it."""
    scaled = rescaled(stack.frames, options)
    cells, placed = _cells(stack, options)
    if order == 'auto' and not placed and _is_guesswork(cells):
        order = 'InstanceNumber'
    try:
        grid, fill = _sorted(cells, order, options)
        geometry, grid = _geometry(grid, placed, options)
    except CannotSort as error:
        error.args = (f'{error}{_close_places(cells, placed)}{_several_acquisitions(cells, options)}',)
        raise
    rows, columns = geometry.shape[1:]
    shape = (*grid.frames.shape, rows, columns)
    if headers_only:
        array: np.ndarray[Any, Any] = np.empty((), dtype=object)
    elif mapped is not None:
        array = mapped_pixels(grid.frames, mapped, options)
        grid.notes.append(in_words(mode_of(options)))
    else:
        array = assemble(list(grid.frames.flat), shape, options.get('dtype'), fill)
        if options.get('dtype') is not None:
            array = converted(array, np.dtype(options['dtype']), DataTypeError)
    files = len(stack.frames)
    report = (
        f'series {stack.series_uid}: {files} images, {geometry.shape[0]} slices, shape {shape}',
        *grid.notes,
        *scaled,
        *zero_slopes(stack.frames, options),
    )
    header = replace(_header(stack, grid, geometry, report), edits=_UPTAKE if options.get('suv') else ())
    if array.ndim > len(header.dims):
        array = array[0]
    return SeriesData(array, header, Identity(stack.series_uid or new_uid(), values_changed=bool(scaled)))


def _sorted(
    cells: Sequence[list[Frame]], order: str, options: Mapping[str, Any]
) -> tuple[Grid, float | None]:
    """Return sorted images, and the value of holes where it is known."""
    first = cells[0][0]
    if segmentation.is_segmentation(first):
        if not segmentation.is_label_map(first):
            return segmentation.segments(cells, order, options), 0.0
        grid = sort_images(cells, 'auto' if order in segmentation.ORDERS else order, options)
        grid.notes.extend(segmentation.label_notes([first]))
        return grid, None
    grid = sort_images(cells, order, options)
    if options.get('correct_acq') and 'time' in grid.names:
        times = grid.tags['time']
        for index in np.ndindex(times.shape[:-1]):
            known = [t for t in times[index] if t is not None]
            for number in range(times.shape[-1]):
                times[(*index, number)] = min(known, default=None)
        grid.notes.append('correct_acq: each volume has the time of its earliest slice')
    return grid, None


def _cells(stack: Stack[Frame], options: Mapping[str, Any]) -> tuple[list[list[Frame]], bool]:
    """Return the frames of each slice, and whether slices are places in the patient."""
    first = stack.frames[0]
    placed = first.position is not None and first.orientation is not None
    by_location = bool(options.get('sort_on_slice_location'))
    if not placed:
        return by_slice_location(stack.frames) if by_location else _unplaced(stack.frames), False
    own = _own_tolerance(options)
    tolerance = _place_tolerance(first) if own is None else own
    cells = by_slice_location(stack.frames) if by_location else by_place(stack.frames, tolerance)
    for cell in cells:
        for frame in cell[1:]:
            if frame.position is cell[0].position:
                continue
            apart = float(np.linalg.norm(frame.position - cell[0].position))  # type: ignore[operator]
            if apart > max(10 * tolerance, 0.1):
                raise CannotSort(
                    f'{cell[0].name} and {frame.name} '
                    + (
                        f'have one Slice Location and lie {apart:.3f} mm apart: sort on positions, without '
                        'sort_on_slice_location'
                        if by_location
                        else f'lie in one plane {apart:.3f} mm apart: they are not images of one volume; '
                        'read them apart'
                    )
                )
    return cells, True


def _close_places(cells: Sequence[Sequence[Frame]], placed: bool) -> str:
    """Return the advice to take places as one that are much closer than others, '' where none are."""
    gaps = np.diff(sorted(cell[0].location for cell in cells)) if placed else np.empty(0)
    small = gaps[gaps < 0.1 * gaps.max()] if gaps.size else gaps
    if not small.size and gaps.size:
        # Volumes that follow a moving patient: as many places lie close together at each slice.
        far = np.flatnonzero(gaps > 0.5 * gaps.max())
        together = np.diff([-1, *far, len(gaps)])
        small = gaps[gaps <= 0.5 * gaps.max()] if len(set(together.tolist())) == 1 else small
    if not small.size:
        return ''
    tolerance = float(f'{1.5 * small.max():.2g}')
    return (
        f'\nSome slice positions are only {small.min():.3g} to {small.max():.3g} mm apart: '
        f'slice_tolerance={tolerance:g} takes them as one'
    )


def _own_tolerance(options: Mapping[str, Any]) -> float | None:
    """Return how far images of one slice may lie apart, mm, as the user says; None where he does not.

    Raises
    ------
    CannotSort
    """
    given = options.get('slice_tolerance')
    if given is None:
        return None
    try:
        tolerance = float(given)
    except (TypeError, ValueError):
        tolerance = np.nan
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise CannotSort(f'slice_tolerance={given!r} is no distance: give a number of mm')
    return tolerance


def _place_tolerance(frame: Frame) -> float:
    """Return how far images of one slice may lie apart, mm: less in a micrometre's stack.

    What headers tell of distances is a limit here, and no spacing.
    """
    spacing = numbers(frame.dataset.get('SpacingBetweenSlices'))
    thickness = numbers(frame.dataset.get('SliceThickness'))
    known = [abs(spacing[0]) / 4] if spacing and spacing[0] else []
    known += [abs(thickness[0]) / 20] if thickness and thickness[0] else []
    return min([PLACE_TOLERANCE, *known[:1]])


def _several_acquisitions(cells: Sequence[Sequence[Frame]], options: Mapping[str, Any]) -> str:
    """Return the advice to read acquisitions apart, '' where there are none, or as many as images."""
    found = [[numbers(f.dataset.get('AcquisitionNumber'))[:1] for f in cell] for cell in cells]
    numbered = {number[0] for cell in found for number in cell if number}
    if len(numbered) < 2 or 'input_acquisition' in options or all(len({*map(tuple, c)}) < 2 for c in found):
        return ''
    return (
        f'\nThe images are of {len(numbered)} acquisitions ({min(numbered):g} to {max(numbered):g}): '
        'input_acquisition=<number> reads one of them, split_acquisitions=True each by itself'
    )


_VOLUMES = ('CT', 'MR', 'NM', 'PT')
"""Modalities whose frames without a place or a time are slices of a volume."""


def _is_guesswork(cells: Sequence[Sequence[Frame]]) -> bool:
    """Return whether nothing tells slices from times: images of a volume without a place."""
    first = cells[0][0].dataset
    several = len(cells) == 1 and len({frame.name for frame in cells[0]}) > 1
    if any(keyword in first for keyword in FRAME_COUNTERS):
        return False
    return several and str(first.get('Modality')) in _VOLUMES and not hasattr(first, 'frame_seconds')


def _unplaced(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Return the slices of images whose headers tell no place.

    Headers may number them within a stack. The frames of one file of a volume are its slices,
    in their order. Other images are pictures at one place.
    """
    numbers_in_stack = [numbers(f.dataset.get('InStackPositionNumber')) for f in frames]
    if all(numbers_in_stack):
        slices: dict[float, list[Frame]] = {}
        for found, frame in sorted(zip(numbers_in_stack, frames, strict=True), key=lambda pair: pair[0]):
            slices.setdefault(found[0], []).append(frame)
        return list(slices.values())
    if segmentation.is_segmentation(frames[0]):
        return segmentation.cells_without_place(frames)
    one_file = len(frames) > 1 and len({f.name for f in frames}) == 1
    first = frames[0].dataset
    counted = [numbers(f.dataset.get('SliceVector')) for f in frames] if one_file else []
    if counted and all(counted):
        return [
            [f for f, number in zip(frames, counted, strict=True) if number[0] == wanted]
            for wanted in sorted({number[0] for number in counted})
        ]
    if any(keyword in first for keyword in FRAME_COUNTERS):
        return [list(frames)]
    if one_file and str(first.get('Modality')) in _VOLUMES and not hasattr(first, 'frame_seconds'):
        return [[frame] for frame in sorted(frames, key=lambda f: f.index)]
    return [list(frames)]


def _geometry(grid: Grid, placed: bool, options: Mapping[str, Any]) -> tuple[Geometry, Grid]:
    """Return the geometry of a grid, and the grid, with slices filled in where the user wants that."""
    columns = grid.frames.reshape(-1, grid.frames.shape[-1]).T
    frames = [next(f for f in column if f is not None) for column in columns]
    first = frames[0]
    dataset = first.dataset
    spacing = first.spacing if first.spacing is not None else np.ones(2)
    shape = (len(frames), *first.size)
    frame_of_reference = str(dataset.get('FrameOfReferenceUID') or '') or _own_space(dataset)
    if not placed:
        grid.notes.append('the headers tell no position: voxel sizes alone are known')
        unit = Geometry.unit(shape).with_spacing([_single_slice_spacing(first), *spacing])
        return replace(unit, assumed=True, frame_of_reference=frame_of_reference), grid
    places = np.array([f.position for f in frames])
    assert first.orientation is not None
    geometry = Geometry.from_slices(
        places, first.orientation, spacing, shape,
        slice_spacing=_single_slice_spacing(first), frame_of_reference=frame_of_reference,
        tolerance=max(UNIFORM_TOLERANCE, _own_tolerance(options) or 0.0),
    )  # fmt: skip
    if first.spacing is None:
        told = f'{first.name} has no Pixel Spacing: 1 mm is assumed, and places are not known'
        grid.notes.append(told)
        warn_user(told, ImagedataWarning)
        geometry = replace(geometry, assumed=True)
    if 'ImagePositionVolume' in dataset:
        grid.notes.append('positions are those in the ultrasound volume, not in the patient')
        geometry = replace(geometry, assumed=True)
    if segmentation.is_segmentation(first):
        holes = segmentation.empty_slices(np.diff(geometry.slice_locations), first)
        return filled(geometry, grid, holes) if holes else (geometry, grid)
    if geometry.is_uniform:
        return geometry, grid
    return uneven(geometry, grid, frames, options)


def _own_space(dataset: Dataset) -> str:
    """Return the frame of reference of a series that names none: the same whenever it is read."""
    series = str(dataset.get('SeriesInstanceUID') or '')
    return f'2.25.{uuid5(NAMESPACE_OID, series).int}' if series else new_uid()


def _single_slice_spacing(frame: Frame) -> float:
    """Return the slice distance that a header tells; 1 mm without.

    For a single slice, or without places. Else `Geometry.from_slices` measures it.
    """
    for keyword in ('SpacingBetweenSlices', 'SliceThickness'):
        found = numbers(frame.dataset.get(keyword))
        if found and abs(found[0]) > 0:
            return abs(found[0])
    return 1.0


def _header(stack: Stack[Frame], grid: Grid, geometry: Geometry, report: tuple[str, ...]) -> Header:
    """Return the header of a sorted stack."""
    present = [f for f in grid.frames.flat if f is not None]
    number = {id(frame): i for i, frame in enumerate(present)}
    ids = np.array([-1 if f is None else number[id(f)] for f in grid.frames.flat], dtype=np.intp)
    tags = {name: _as_arrays(name, _from_midnight(name, values)) for name, values in grid.tags.items()}
    names = grid.names
    tags |= _directions(grid)
    images = Images((*names, 'slice'), ids.reshape(grid.frames.shape),
                    DatasetRecords([f.dataset for f in present]), tags)  # fmt: skip
    tag_axes = {name: _axis(name, tags[name], i) for i, name in enumerate(names)}
    # One image is a plain picture: rows and columns; its slice stays known to the geometry.
    dims = ('row', 'column') if ids.size == 1 and not names else (*names, 'slice', 'row', 'column')
    attributes: dict[str, Any] = {'input_format': 'dicom'}
    attributes.update(stack.choice)
    return Header(
        dims=dims,
        geometry=geometry,
        tag_axes=tag_axes,
        images=images,
        attributes=attributes,
        report=report,
    )


def _directions(grid: Grid) -> dict[str, np.ndarray[Any, Any]]:
    """Return the gradient direction of each image of a series sorted on b, {} without any."""
    if 'b' not in grid.names or 'bvector' in grid.names:
        return {}
    found = np.empty(grid.frames.shape, dtype=object)
    for index in np.ndindex(grid.frames.shape):
        frame: Any = grid.frames[index]
        found[index] = () if frame is None else tuple(float(v) for v in b_vector(frame.dataset))
    return {'bvector': found} if any(len(v) for v in found.flat) else {}


def _from_midnight(name: str, values: Any) -> Any:
    """Return times as seconds since the midnight before the first of them; others as they are."""
    if name != 'time':
        return values
    days = {v[0] for v in values.flat if isinstance(v, tuple)}
    # Where a date is missing in some headers, none of them counts.
    first = min(days) if days and 0 not in days else None
    if first is None and days:
        seconds = np.unique([v[1] for v in values.flat if isinstance(v, tuple)])
        if len(seconds) > 1 and np.diff(seconds).max() > _DAY / 2:
            warn_user(
                'the acquisition times leave out more than half a day, and the headers have no dates: '
                'the series may pass midnight, and its times be in the wrong order',
                ImagedataWarning,
            )
    moved = np.full(values.shape, None, dtype=object)
    for index in np.ndindex(values.shape):
        value: Any = values[index]
        if isinstance(value, tuple):
            day, second = value
            value = second if first is None else round((day - first) * _DAY + second, 6)
        moved[index] = value
    return moved


def _as_arrays(name: str, values: Any) -> Any:
    """Return gradient directions as arrays, empty where there is none; others as they are."""
    if name != 'bvector':
        return values
    arrays = np.full(values.shape, None, dtype=object)
    for index in np.ndindex(values.shape):
        if values[index] is not None:
            found = values[index]
            arrays[index] = np.array(found, dtype=float) if isinstance(found, tuple) else found
    return arrays


def _axis(name: str, values: np.ndarray[Any, Any], at: int) -> Axis:
    """Return a tag axis: the values of the first slice, of the first image along other axes."""
    moved = np.moveaxis(values, at, 0).reshape(values.shape[at], -1)
    column = []
    for row in moved:
        known = [v for v in row if v is not None]
        column.append(row[0] if row[0] is not None else known[0] if known else None)
    return VariableAxis(name, column)
