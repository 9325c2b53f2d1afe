"""From frames to stacks: the images of one series that share a plane, a matrix and a space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import NoDataReadError
from ...geometry import FloatArray
from .frames import Frame
from .packed import remembered
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Stack', 'stacks', 'without_a_place']

DIRECTION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine between images of one stack (0.06 degrees)."""


@dataclass(slots=True)
class Stack:
    """Frames that may form one array.

    Parameters
    ----------
    series_uid : str
    number : int or None
        Number of the stack among those of its series; None when it is the only one.
    frames : list of Frame
    divided : dict of str to str
        Option to value that chooses this part of a series that the user had divided.
    """

    series_uid: str
    number: int | None
    frames: list[Frame] = field(default_factory=list)
    divided: dict[str, str] = field(default_factory=dict)

    @property
    def choice(self) -> dict[str, Any]:
        """Options that choose this stack among those of its series."""
        number: dict[str, Any] = {} if self.number is None else {'input_stack': self.number}
        return {**self.divided, **number}


def stacks(
    frames: Sequence[Frame], options: Mapping[str, Any], *, join_stacks: bool = False
) -> list[Stack]:
    """Group frames by series, then by frame of reference, orientation, matrix and pixel spacing.

    Options: `input_serinsuid`, `input_echo`, `input_acquisition` and `input_stack` choose;
    `split_acquisitions` and `split_echo_numbers` divide; `ignore_series_uid` joins;
    `dir_cosine_tolerance` is the largest difference of a direction cosine. Stacks that the header
    numbers (Stack ID) are apart, unless `join_stacks`: they are to be an axis.

    Raises
    ------
    NoDataReadError
        When nothing is left of what the user chose.
    """
    chosen = _chosen(frames, options)
    tolerance = float(options.get('dir_cosine_tolerance', DIRECTION_TOLERANCE))
    series: dict[tuple[str, ...], list[Stack]] = {}
    for frame in sorted(chosen, key=lambda f: (f.instance_number, f.name)):
        found = series.setdefault(_series_key(frame, options), [])
        for stack in found:
            if _belongs(frame, stack.frames[0], tolerance, join_stacks):
                stack.frames.append(frame)
                break
        else:
            uid = str(frame.dataset.get('SeriesInstanceUID', ''))
            found.append(Stack(uid, None, [frame], _divided(frame, options)))
    result: list[Stack] = []
    for found in series.values():
        if len(found) > 1:
            for number, stack in enumerate(found):
                stack.number = number
        result += found
    wanted = options.get('input_stack')
    if wanted is not None:
        result = [s for s in result if s.number == int(wanted) or (s.number is None and int(wanted) == 0)]
        if not result:
            raise NoDataReadError(f'no series has a stack number {wanted} (input_stack)')
    return result


def _chosen(frames: Sequence[Frame], options: Mapping[str, Any]) -> list[Frame]:
    """Return the frames that the user's filters choose."""
    chosen = list(frames)
    for option, keyword in (
        ('input_serinsuid', 'SeriesInstanceUID'),
        ('input_echo', 'EchoNumbers'),
        ('input_acquisition', 'AcquisitionNumber'),
    ):
        wanted = options.get(option)
        if wanted is None:
            continue
        there = sorted({str(f.dataset.get(keyword)) for f in chosen})
        chosen = [f for f in chosen if _same(f.dataset.get(keyword), wanted)]
        if not chosen:
            raise NoDataReadError(f'no image has {option}={wanted}; {keyword} is one of {", ".join(there)}')
    return chosen


def _same(value: Any, wanted: Any) -> bool:
    return str(value) == str(wanted) or (numbers(value)[:1] == numbers(wanted)[:1] != [])


def _series_key(frame: Frame, options: Mapping[str, Any]) -> tuple[str, ...]:
    series = remembered(_identity, frame.dataset)
    if options.get('ignore_series_uid'):
        series = series[:2]
    return (*series, *_divided(frame, options).values())


def _identity(dataset: Dataset) -> tuple[str, ...]:
    keywords = ('PatientID', 'StudyInstanceUID', 'SeriesInstanceUID')
    return tuple(str(dataset.get(keyword, '')) for keyword in keywords)


def _divided(frame: Frame, options: Mapping[str, Any]) -> dict[str, str]:
    """Return which part of its series a frame is of, where the user divides series."""
    return {
        choice: '' if frame.dataset.get(keyword) is None else str(frame.dataset.get(keyword))
        for option, choice, keyword in (
            ('split_acquisitions', 'input_acquisition', 'AcquisitionNumber'),
            ('split_echo_numbers', 'input_echo', 'EchoNumbers'),
        )
        if options.get(option)
    }


def _belongs(frame: Frame, other: Frame, tolerance: float, join_stacks: bool) -> bool:
    """Return whether two frames share space, plane and matrix."""
    a, b = remembered(_space, frame.dataset), remembered(_space, other.dataset)
    return (
        frame.size == other.size
        and a[:2] == b[:2]
        and (join_stacks or a[2] == b[2])
        and (frame.position is None) == (other.position is None)
        and _run(frame) == _run(other)
        and _close(frame.orientation, other.orientation, tolerance)
        and _close(frame.spacing, other.spacing, 1e-4)
    )


def without_a_place(found: Sequence[Stack]) -> tuple[Stack, str] | None:
    """Return a stack of images without the position that others like them have, and what is told of it."""
    for stack in found:
        one = stack.frames[0]
        if one.position is not None or hasattr(one.dataset, 'frame_seconds'):
            continue
        alike = [
            other
            for other in found
            if other.series_uid == stack.series_uid and other.frames[0].position is not None
            and other.frames[0].size == one.size and _close(other.frames[0].spacing, one.spacing, 1e-4)
            and str(other.frames[0].dataset.get('SOPClassUID')) == str(one.dataset.get('SOPClassUID'))
        ]  # fmt: skip
        if alike:
            names = ', '.join(f.name for f in stack.frames[:3])
            more = f' and {len(stack.frames) - 3} more' if len(stack.frames) > 3 else ''
            return stack, (
                f'{names}{more}: no Image Position (Patient), and {len(alike[0].frames)} other images of the '
                'series have one'
            )
    return None


def _run(frame: Frame) -> str:
    """Return the file of a cine without a place: each has a clock of its own."""
    return frame.name if frame.position is None and hasattr(frame.dataset, 'frame_seconds') else ''


def _space(dataset: Dataset) -> tuple[Any, ...]:
    return dataset.get('FrameOfReferenceUID'), dataset.get('SamplesPerPixel', 1), dataset.get('StackID')


def _close(a: FloatArray | None, b: FloatArray | None, tolerance: float) -> bool:
    if a is None or b is None or a is b:
        return a is b
    return bool(np.max(np.abs(a - b)) <= tolerance)
