"""Files of many frames: a classic header for each of them.

Enhanced objects (PS3.3 C.7.6.16) keep what frames share and what they do not in functional
groups. The elements of these groups are lifted to the top level, where classic objects have
them; elements that enhanced objects renamed get their classic name as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydicom.dataelem import RawDataElement

from ...errors import CannotSort, CorruptFileError
from ...geometry import slice_normal
from .frameheaders import frame_headers
from .frames import Frame, Pixels, floats, frame_from, vector
from .groups import elements_of_item, frame_groups
from .items import WHOLE, Items
from .lengths import PER_FRAME, TooShort, Unusual
from .packed import PackedHeader
from .records import as_ds, put, shallow_copy
from .scan import Instance
from .vendor._private import numbers

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from .checked import CheckedDataset

__all__ = ['FRAME_COUNTERS', 'frames']

_SHARED = 'SharedFunctionalGroupsSequence'
_PER_FRAME = 'PerFrameFunctionalGroupsSequence'

_CLASSIC_NAMES = (
    ('EffectiveEchoTime', 'EchoTime'),
    ('TemporalPositionIndex', 'TemporalPositionIdentifier'),
    ('FrameAcquisitionNumber', 'AcquisitionNumber'),
    ('FrameType', 'ImageType'),
    ('NominalCardiacTriggerDelayTime', 'TriggerTime'),
    ('FrameAcquisitionDateTime', 'AcquisitionDateTime'),
    # Ultrasound: places in the volume, not in the patient (PS3.3 C.8.24.2).
    ('ImagePositionVolume', 'ImagePositionPatient'),
    ('ImageOrientationVolume', 'ImageOrientationPatient'),
    ('VolumeFrameOfReferenceUID', 'FrameOfReferenceUID'),
)
"""Element of a functional group, and the classic element of the same meaning."""


def frames(instance: Instance, pixels: Pixels) -> list[Frame]:
    """Return the frames of a file of many.

    Raises
    ------
    CannotSort
        When they are tiles of a slide (microscopy, and segmentations of it).
    """
    dataset = instance.dataset
    _check_tiles(instance, pixels.count)
    number = int((floats(instance.name, dataset, 'InstanceNumber') or [1])[0])
    first = max(number - 1, 0) * pixels.count + 1
    make = _enhanced if _PER_FRAME in dataset else _plain
    return [
        frame_from(instance.name, header, pixels, index)
        for index, header in enumerate(make(instance, pixels.count, first))
    ]


def _check_tiles(instance: Instance, count: int) -> None:
    """Raise for frames that are parts of one larger image (PS3.3 C.8.12.4, Total Pixel Matrix)."""
    name, dataset = instance.name, instance.dataset
    whole = [floats(name, dataset, f'TotalPixelMatrix{side}') for side in ('Rows', 'Columns')]
    tile = [floats(name, dataset, side) for side in ('Rows', 'Columns')]
    if all(whole) and any(w[0] > t[0] for w, t in zip(whole, tile, strict=True)):
        raise CannotSort(
            f'{name} holds {count} tiles of {tile[0][0]:.0f} x {tile[1][0]:.0f} pixels of a slide of '
            f'{whole[0][0]:.0f} x {whole[1][0]:.0f}, which are not put together here: read it with a program '
            'for whole slide images, or leave it out with skip_broken_series=True'
        )


# --- enhanced objects --------------------------------------------------------------------------


def _enhanced(instance: Instance, count: int, first: int) -> Sequence[Dataset]:
    """Return a classic header for each frame of an enhanced object, numbered from the first on."""
    dataset = instance.dataset
    base = _base(dataset)
    seconds = _frame_seconds(instance, count)
    if isinstance(dataset, PackedHeader) and seconds is None:
        try:
            return _alike(instance, dataset, base, count, first)
        except (Unusual, TooShort):
            pass  # each by itself
    groups = frame_groups(dataset)
    _check_count(instance, count, len(groups))
    headers = []
    for index, group in enumerate(groups):
        header = _classic_header(base, group, first + index)
        if seconds is not None and 'ImagePositionPatient' not in header:
            header.frame_seconds = seconds[index]
        headers.append(header)
    return headers


def _base(dataset: CheckedDataset) -> CheckedDataset:
    """Return what all frames have."""
    # What is parsed here is not to be kept with the header of the file.
    base: Any = shallow_copy(dataset.fresh() if isinstance(dataset, PackedHeader) else dataset)
    shared = dataset.get(_SHARED)
    if shared:
        _lift(shared[0], base)
    for keyword in (_SHARED, _PER_FRAME, 'NumberOfFrames', 'DimensionIndexSequence'):
        if keyword in base:
            del base[keyword]
    return cast('CheckedDataset', base)


def _alike(
    instance: Instance, dataset: PackedHeader, base: CheckedDataset, count: int, first: int
) -> Sequence[Dataset]:
    """Return headers that are alike but for a few values.

    Raises
    ------
    Unusual, TooShort
        When they are not.
    """
    raw: Any = dataset.get_item(PER_FRAME)
    items = instance.frames
    if not items and isinstance(raw, RawDataElement) and raw.VR == 'SQ':
        data = raw.value or b''
        items = Items().of(data).all(data)
    if not items:
        raise Unusual('functional groups')
    _check_count(instance, count, len(items))

    def whole(item: bytes) -> CheckedDataset:
        return _classic_header(base, elements_of_item(dataset, item), first)

    return frame_headers(base, items, first, whole, _add_classic_names)


def _check_count(instance: Instance, announced: int, described: int) -> None:
    if announced != described:
        raise CorruptFileError(
            f'{instance.name} announces {announced} frames and describes {described}: its header is damaged'
        )


def _classic_header(base: CheckedDataset, group: Iterable[DataElement], number: int) -> CheckedDataset:
    """Return the header of one frame."""
    header: Any = shallow_copy(base)
    _lift(group, header)
    _add_classic_names(header)
    put(header, 'InstanceNumber', number)
    return cast('CheckedDataset', header)


def _lift(group: Iterable[DataElement], header: Dataset) -> None:
    """Put the elements of functional groups at the top level of a header."""
    elements = header._dict
    for element in group:
        if _LIFTED not in vars(element):
            vars(element)[_LIFTED] = list(_lifted(element))  # frames share elements
        for tag, inner, overrules in vars(element)[_LIFTED]:
            if overrules or tag not in elements:
                elements[tag] = inner


_LIFTED = 'imagedata_lifted'
"""Attribute of an element: what of it stands at the top level."""


def _lifted(element: DataElement) -> Iterator[tuple[BaseTag, DataElement, bool]]:
    """Yield tags and elements for the top level, and whether they overrule those that are there."""
    if element.VR != 'SQ':
        yield element.tag, element, False
    elif element.tag in WHOLE:
        yield element.tag, element, True
    elif element.value:
        for inner in element.value[0]:
            # What a vendor repeats in a private group does not overrule the standard one.
            yield inner.tag, inner, not element.tag.is_private


def _add_classic_names(header: Dataset) -> None:
    """Give elements that enhanced objects renamed their classic names as well."""
    for enhanced, classic in _CLASSIC_NAMES:
        if enhanced in header:
            put(header, classic, header[enhanced].value)
    times = header.get('InversionTimes')
    if times is not None and 'InversionTime' not in header:
        put(header, 'InversionTime', numbers(times)[0] if numbers(times) else None)
    moment = str(header.get('AcquisitionDateTime') or '')
    if len(moment) >= 14:
        put(header, 'AcquisitionDate', moment[:8])
        put(header, 'AcquisitionTime', moment[8:].split('+')[0].split('-')[0])
    directions = header.get('DiffusionGradientDirectionSequence')
    if directions:
        put(header, 'DiffusionGradientOrientation', directions[0].get('DiffusionGradientOrientation'))


# --- other multi-frame objects -----------------------------------------------------------------


FRAME_COUNTERS = (
    'EnergyWindowVector', 'DetectorVector', 'PhaseVector', 'RotationVector', 'RRIntervalVector',
    'TimeSlotVector', 'SliceVector', 'AngularViewVector', 'TimeSliceVector',
)  # fmt: skip
"""What the frames of nuclear medicine count (PS3.3 C.8.4.8): a value for each frame."""


def _plain(instance: Instance, count: int, first: int) -> Iterator[Dataset]:
    """Yield a header for each frame of an object without functional groups, numbered from the first on."""
    dataset = instance.dataset
    place = _dose_places(instance, count) or _tomographic_places(instance, count)
    seconds = _frame_seconds(instance, count)
    counted = {k: floats(instance.name, dataset, k) for k in FRAME_COUNTERS}
    counted = {k: values for k, values in counted.items() if len(values) == count}
    for index in range(count):
        header = shallow_copy(dataset)
        if place is not None:
            place(header, index)
        for keyword, values in counted.items():
            put(header, keyword, int(values[index]))
        if seconds is not None:
            header.frame_seconds = seconds[index]  # no element: for sorting only
        for keyword in ('NumberOfFrames', 'FrameTime', 'FrameTimeVector', 'FrameIncrementPointer'):
            if keyword in header:
                del header[keyword]
        put(header, 'InstanceNumber', first + index)
        yield header


_Place = Callable[[Any, int], None]


def _stepped(
    origin: np.ndarray[Any, Any], orientation: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]
) -> _Place:
    """Return a function that writes the place of frame `index`, offset along the normal, to a header."""
    normal = slice_normal(orientation)

    def place(header: Any, index: int) -> None:
        put(header, 'ImageOrientationPatient', [as_ds(v) for v in orientation])
        put(header, 'ImagePositionPatient', [as_ds(v) for v in origin + offsets[index] * normal])

    return place


def _dose_places(instance: Instance, count: int) -> _Place | None:
    """Return the places of the planes of an RT Dose (PS3.3 C.8.8.3, Grid Frame Offset Vector).

    Raises
    ------
    CorruptFileError
        When planes of a dose have no offsets, or another number of them.
    """
    offsets = floats(instance.name, instance.dataset, 'GridFrameOffsetVector')
    if len(offsets) != count:
        if count > 1 and str(instance.dataset.get('Modality')) == 'RTDOSE':
            raise CorruptFileError(
                f'{instance.name} has {count} planes of a dose and {len(offsets)} offsets of planes (Grid '
                'Frame Offset Vector): where they lie is not known; export the dose anew'
            )
        return None
    origin = vector(instance.name, instance.dataset, 'ImagePositionPatient', 3)
    orientation = vector(instance.name, instance.dataset, 'ImageOrientationPatient', 6)
    if origin is None or orientation is None:
        return None
    # A first offset that is not 0 is a patient coordinate, z: the planes are relative to it then, and
    # those of a grid whose normal points to the feet lie against it.
    steps = np.array(offsets) - offsets[0]
    if offsets[0] != 0 and slice_normal(orientation)[2] < -0.5:
        steps = -steps
    return _stepped(origin, orientation, steps)


def _tomographic_places(instance: Instance, count: int) -> _Place | None:
    """Return the places of reconstructed NM slices (PS3.3 C.8.4.15; Slice Vector)."""
    dataset = instance.dataset
    slices = floats(instance.name, dataset, 'SliceVector')
    spacing = floats(instance.name, dataset, 'SpacingBetweenSlices')
    detectors = dataset.get('DetectorInformationSequence')
    if len(slices) != count or not spacing or not detectors:
        return None
    origin = vector(instance.name, detectors[0], 'ImagePositionPatient', 3)
    orientation = vector(instance.name, detectors[0], 'ImageOrientationPatient', 6)
    if origin is None or orientation is None:
        return None
    return _stepped(origin, orientation, (np.array(slices) - 1) * spacing[0])


def _frame_seconds(instance: Instance, count: int) -> list[float] | None:
    """Return the time of each frame of a cine, in s, from Frame Time or Frame Time Vector (ms)."""
    vector_ms = floats(instance.name, instance.dataset, 'FrameTimeVector')
    if len(vector_ms) == count:
        return [float(t) / 1000 for t in np.cumsum(vector_ms)]
    step = floats(instance.name, instance.dataset, 'FrameTime')
    return [i * step[0] / 1000 for i in range(count)] if step and step[0] > 0 else None
