"""From frames to stacks: the images of one series that share a plane, a matrix and a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from ...errors import NoDataReadError
from .frames import Frame
from .kin import Kin
from .vendor.values import numbers

__all__ = ['Stack', 'stacks', 'without_a_place']

DIRECTION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine between images of one stack (0.06 degrees)."""

_SPACING_TOLERANCE = 1e-4
"""Largest difference of pixel spacings, mm."""


class _Image(Protocol):
    """What is grouped: an image, or several of one file."""

    @property
    def name(self) -> str: ...

    @property
    def instance_number(self) -> int: ...


Image = TypeVar('Image', bound=_Image)


@dataclass(slots=True)
class Stack(Generic[Image]):
    """Images that may form one array.

    Parameters
    ----------
    kin : Kin
        Of its first image.
    number : int or None
        Number of the stack among those of its series; None when it is the only one.
    frames : list of Frame, or of what was grouped
    divided : dict of str to str
        Option to value that chooses this part of a series that the user had divided.
    """

    kin: Kin
    number: int | None
    frames: list[Image] = field(default_factory=list)
    divided: dict[str, str] = field(default_factory=dict)

    @property
    def series_uid(self) -> str:
        """Series Instance UID, '' without."""
        return self.kin.identity[2]

    @property
    def choice(self) -> dict[str, Any]:
        """Options that choose this stack among those of its series."""
        number: dict[str, Any] = {} if self.number is None else {'input_stack': self.number}
        return {**self.divided, **number}


def stacks(
    images: Sequence[Image],
    kin: Callable[[Image], Kin],
    options: Mapping[str, Any],
    *,
    join_stacks: bool = False,
) -> list[Stack[Image]]:
    """Group images by series, then by frame of reference, orientation, matrix and pixel spacing.

    Options: `input_serinsuid`, `input_echo`, `input_acquisition` and `input_stack` choose;
    `split_acquisitions` and `split_echo_numbers` divide; `ignore_series_uid` joins;
    `dir_cosine_tolerance` is the largest difference of a direction cosine. Stacks that the header
    numbers (Stack ID) are apart, unless `join_stacks`: they are to be an axis.

    Parameters
    ----------
    images : sequence of Frame, or of what stands for several that are alike
    kin : function
        Tells of an image what decides which stack it is of.
    options : mapping
    join_stacks : bool

    Raises
    ------
    NoDataReadError
        When nothing is left of what the user chose.
    """
    chosen = _chosen([(image, kin(image)) for image in images], options)
    tolerance = float(options.get('dir_cosine_tolerance', DIRECTION_TOLERANCE))
    series: dict[tuple[str, ...], list[Stack[Image]]] = {}
    known: dict[Kin, Stack[Image]] = {}
    for image, own in sorted(chosen, key=lambda pair: (pair[0].instance_number, pair[0].name)):
        stack = known.get(own)
        if stack is None:
            divided = _divided(own, options)
            whole = own.identity[:2] if options.get('ignore_series_uid') else own.identity
            found = series.setdefault((*whole, *divided.values()), [])
            stack = next((s for s in found if _belongs(own, s.kin, tolerance, join_stacks)), None)
            if stack is None:
                stack = Stack(own, None, [], divided)
                found.append(stack)
            known[own] = stack
        stack.frames.append(image)
    result: list[Stack[Image]] = []
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


def _chosen(
    images: Sequence[tuple[Image, Kin]], options: Mapping[str, Any]
) -> Sequence[tuple[Image, Kin]]:
    """Return the images that the user's filters choose."""
    chosen = images
    for option, keyword, value in _CHOICES:
        wanted = options.get(option)
        if wanted is None:
            continue
        there = sorted({str(value(kin)) for _, kin in chosen})
        chosen = [(image, kin) for image, kin in chosen if _same(value(kin), wanted)]
        if not chosen:
            raise NoDataReadError(f'no image has {option}={wanted}; {keyword} is one of {", ".join(there)}')
    return chosen


_CHOICES: Sequence[tuple[str, str, Callable[[Kin], str | None]]] = (
    ('input_serinsuid', 'SeriesInstanceUID', lambda kin: kin.identity[2]),
    ('input_echo', 'EchoNumbers', lambda kin: kin.echo),
    ('input_acquisition', 'AcquisitionNumber', lambda kin: kin.acquisition),
)
"""Options that choose images, and what they choose by."""


def _same(value: str | None, wanted: Any) -> bool:
    return str(value) == str(wanted) or (numbers(value)[:1] == numbers(wanted)[:1] != [])


def _divided(kin: Kin, options: Mapping[str, Any]) -> dict[str, str]:
    """Return which part of its series an image is of, where the user divides series."""
    return {
        choice: value or ''
        for option, choice, value in (
            ('split_acquisitions', 'input_acquisition', kin.acquisition),
            ('split_echo_numbers', 'input_echo', kin.echo),
        )
        if options.get(option)
    }


def _belongs(kin: Kin, other: Kin, tolerance: float, join_stacks: bool) -> bool:
    """Return whether images share space, plane and matrix."""
    return (
        kin.size == other.size
        and kin.space[:2] == other.space[:2]
        and (join_stacks or kin.space[2] == other.space[2])
        and kin.placed == other.placed
        and kin.run == other.run
        and _near(kin.orientation, other.orientation, tolerance)
        and _near(kin.spacing, other.spacing, _SPACING_TOLERANCE)
    )


def _near(a: Sequence[float] | None, b: Sequence[float] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))


def without_a_place(found: Sequence[Stack[Frame]]) -> tuple[Stack[Frame], str] | None:
    """Return a stack of images without the position that others like them have, and what is told of it."""
    for stack in found:
        own = stack.kin
        if own.placed or own.run:
            continue
        sop_class = stack.frames[0].dataset.get('SOPClassUID')
        alike = [
            other
            for other in found
            if other.series_uid == stack.series_uid and other.kin.placed and other.kin.size == own.size
            and _near(other.kin.spacing, own.spacing, _SPACING_TOLERANCE)
            and str(other.frames[0].dataset.get('SOPClassUID')) == str(sop_class)
        ]  # fmt: skip
        if alike:
            names = ', '.join(f.name for f in stack.frames[:3])
            more = f' and {len(stack.frames) - 3} more' if len(stack.frames) > 3 else ''
            return stack, (
                f'{names}{more}: no Image Position (Patient), and {len(alike[0].frames)} other images of the '
                'series have one'
            )
    return None
