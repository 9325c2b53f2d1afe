"""Frames of one object: nuclear medicine, ultrasound clips, RT Dose, Secondary Capture (PS3.3 C.7.6.6).

The object is the first image with the pixels of all, and with what frames count or lie at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import LossWarning, WriteNotImplemented
from ...notices import warn_user
from . import objects
from .attributes import clone
from .elements import elements_of, merge
from .encode import ds_text
from .multiframe import FRAME_COUNTERS
from .place import TOLERANCE
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from .compose import Composer

__all__ = ['bundled']

_COUNTS = {
    'EnergyWindowVector': 'NumberOfEnergyWindows', 'DetectorVector': 'NumberOfDetectors',
    'PhaseVector': 'NumberOfPhases', 'RotationVector': 'NumberOfRotations',
    'RRIntervalVector': 'NumberOfRRIntervals', 'TimeSlotVector': 'NumberOfTimeSlots',
    'SliceVector': 'NumberOfSlices', 'TimeSliceVector': 'NumberOfTimeSlices',
}  # fmt: skip
"""Counter of frames, and the element that says how far it counts (PS3.3 C.8.4.8)."""


def bundled(series: Composer) -> Dataset:
    """Return the dataset of all images of a series, without pixels."""
    count = len(series.indices)
    first = series.image(0)
    values: dict[str, Any] = {'InstanceNumber': '1', 'NumberOfFrames': str(count)}
    if series.sop_class == objects.DOSE:
        values |= _dose(series)
    elif series.sop_class == objects.NM:
        values |= _nuclear(series, first)
    elif series.sop_class in objects.CAPTURES:
        values |= _capture(series, first)
    else:
        values |= _clip(series)
    values |= _sources(series, first)
    elements = {tag: first.get_item(tag) for tag in first.keys()}  # noqa: SIM118 (stay unparsed)
    if series.sop_class in objects.CAPTURES:
        elements = {tag: elements[tag] for tag in _shared(series, first)}
    merge(elements, elements_of(values))
    return clone(first, elements)


def _sources(series: Composer, first: Dataset) -> dict[str, Any]:
    """Return all objects that the frames come from, each once."""
    found: dict[str, Any] = {}
    referred: dict[str, Any] = {}
    for number in range(len(series.indices)) if 'SourceImageSequence' in first else ():
        image = first if number == 0 else series.image(number)
        for item in image.get('SourceImageSequence') or []:
            found.setdefault(str(item.ReferencedSOPInstanceUID), item)
        for item in image.get('ReferencedSeriesSequence') or []:
            uids = [str(i.ReferencedSOPInstanceUID) for i in item.ReferencedInstanceSequence]
            referred.setdefault(f'{item.SeriesInstanceUID} {uids}', item)
    sequences = {'SourceImageSequence': found, 'ReferencedSeriesSequence': referred}
    return {k: [clone(i, dict(i.items())) for i in v.values()] for k, v in sequences.items() if v}


def _dose(series: Composer) -> dict[str, Any]:
    """Return the places of the planes, and what a dose with negative values is (PS3.3 C.8.8.3)."""
    assert series.placement is not None
    values: dict[str, Any] = {
        **series.placement.first,
        'FrameIncrementPointer': [0x3004000C],
        'GridFrameOffsetVector': series.placement.offsets,
        'SliceLocation': None,
    }
    if series.encoding.bits[2] and series.source(0) is not None:
        warn_user(
            'doses below 0 are signed, which DICOM allows for differences of doses alone: '
            'Dose Type is ERROR in what is written. Clip them at 0 where they are none',
            LossWarning,
        )
        values['DoseType'] = 'ERROR'
    return values


def _nuclear(series: Composer, first: Dataset) -> dict[str, Any]:
    """Return what the frames count, and the place of the first one (PS3.3 C.8.4.8, C.8.4.11)."""
    values: dict[str, Any] = {}
    for keyword in FRAME_COUNTERS:
        counted = _counted(series, keyword)
        if counted is None:
            continue
        values[keyword] = counted
        if keyword in _COUNTS and (keyword == 'SliceVector' or _COUNTS[keyword] not in first):
            values[_COUNTS[keyword]] = max(counted)
    values['FrameIncrementPointer'] = [_tag(keyword) for keyword in FRAME_COUNTERS if keyword in values]
    if series.placement is not None:
        values |= {'ImagePositionPatient': None, 'ImageOrientationPatient': None, 'SliceLocation': None}
        values['DetectorInformationSequence'] = _detectors(first, series.placement.first)
        # Its sign tells on which side of the first slice the others lie (PS3.3 C.8.4.15).
        distance, given = series.placement.signed_distance, numbers(first.get('SpacingBetweenSlices'))
        if distance is not None and not (given and abs(given[0] - distance) <= TOLERANCE):
            values['SpacingBetweenSlices'] = ds_text(distance)
    return values


_IN_GROUPS = (
    'ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SliceThickness',
    'SpacingBetweenSlices', 'SliceLocation',
)  # fmt: skip
"""What stands in functional groups, and not beside them (PS3.3 C.7.6.16.2)."""


def _capture(series: Composer, first: Dataset) -> dict[str, Any]:
    """Return the place of each frame, in functional groups; pages where there is none (PS3.3 C.8.6).

    Raises
    ------
    WriteNotImplemented
        For axes beside slices.
    """
    if series.tags:
        raise WriteNotImplemented(
            f'a multi-frame Secondary Capture holds slices, and not the axes {", ".join(series.tags)}: write '
            'a folder of DICOM files, or pick along them first'
        )
    count = len(series.indices)
    values: dict[str, Any] = {}
    if not series.encoding.is_color:
        values['PresentationLUTShape'] = 'IDENTITY'
    if series.placement is None:
        if count > 1:
            values['PageNumberVector'] = list(range(1, count + 1))
            values['FrameIncrementPointer'] = [_tag('PageNumberVector')]
        return values
    values |= dict.fromkeys(_IN_GROUPS)
    if count > 1:
        values['FrameIncrementPointer'] = [_tag('PerFrameFunctionalGroupsSequence')]
    values['SharedFunctionalGroupsSequence'] = [
        _groups(
            PlaneOrientationSequence=_kept(first, 'ImageOrientationPatient'),
            PixelMeasuresSequence=_kept(first, 'PixelSpacing', 'SliceThickness', 'SpacingBetweenSlices'),
        )
    ]
    values['PerFrameFunctionalGroupsSequence'] = [
        _groups(PlanePositionSequence=_kept(series.image(number), 'ImagePositionPatient'))
        for number in range(count)
    ]
    return values


def _shared(series: Composer, first: Dataset) -> list[BaseTag]:
    """Return the tags of what all images have alike, and of what tells the object from others."""
    own = _tag('SOPInstanceUID')
    tags = list(first.keys())
    for number in range(1, len(series.indices)):
        image = series.image(number)
        tags = [tag for tag in tags if tag == own or (tag in image and image[tag] == first[tag])]
    return tags


def _kept(image: Dataset, *keywords: str) -> dict[str, Any]:
    return {keyword: image[keyword].value for keyword in keywords if keyword in image}


def _groups(**groups: dict[str, Any]) -> Dataset:
    """Return functional groups, each a sequence of one item."""
    from pydicom.dataset import Dataset

    made = Dataset()
    for keyword, values in groups.items():
        item = Dataset()
        for name, value in values.items():
            setattr(item, name, value)
        setattr(made, keyword, [item])
    return made


def _counted(series: Composer, keyword: str) -> list[int] | None:
    """Return what each frame has in one counter: its slice, the value of its axis, its source's."""
    axes = {objects.NM_AXES[name]: name for name in series.tags}
    if keyword in axes:
        return [int(value) for value in series.tags[axes[keyword]]]
    sources = [series.source(number) for number in range(len(series.indices))]
    if keyword == 'SliceVector':
        several = series.counts[-1] > 1 or not axes
        return [index[-1] + 1 for index in series.indices] if several else None
    values = [None if source is None else source.get(keyword) for source in sources]
    return None if any(value is None for value in values) else [int(v) for v in values]  # type: ignore[arg-type]


def _detectors(first: Dataset, place: dict[str, Any]) -> list[Dataset]:
    from pydicom.dataset import Dataset

    given = first.get('DetectorInformationSequence') or [Dataset()]
    items = [clone(item, dict(item.items())) for item in given]
    for keyword, value in place.items():
        setattr(items[0], keyword, value)
    return items


def _clip(series: Composer) -> dict[str, Any]:
    """Return the times of the frames, ms from the first one (PS3.3 C.7.6.5)."""
    times = np.asarray(series.tags['time'], dtype=float) * 1000
    steps = np.diff(times)
    if len(times) and abs(times[0]) > 1e-6:
        warn_user(
            f'the times of the frames start at {times[0] / 1000:g} s, and ultrasound clips count from their '
            'first frame: it is written as 0 s',
            LossWarning,
        )
    if len(steps) and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6):
        return {
            'FrameTime': ds_text(round(float(steps.mean()), 9)),
            'FrameTimeVector': None,
            'FrameIncrementPointer': [_tag('FrameTime')],
        }
    return {
        'FrameTime': None,
        'FrameTimeVector': [ds_text(round(float(v), 9)) for v in (0.0, *steps)],
        'FrameIncrementPointer': [_tag('FrameTimeVector')],
    }


def _tag(keyword: str) -> int:
    """Return the tag of a keyword as a number."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    assert tag is not None
    return int(tag)
