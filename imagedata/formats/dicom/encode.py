"""From array values to stored integers, with the slope and intercept that lead back to them.

Four ways, the first that fits the whole series: as the source images stored them; whole numbers
as they are; whole numbers shifted by an intercept; a straight line over 16 or 32 bits, whose
greatest error is measured. No value ever wraps around.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import WriteNotImplemented

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Allowed', 'Encoding', 'Rescale', 'StoredAs', 'ds_text', 'encode']

_LEVELS = 65534
"""Steps of a series scaled to 16 bits: 0 to 65534. The last level, 65535, is left for padding."""

_EXACT = 2**53
"""Whole numbers up to this one are exact in float64, which readers rescale in."""

_DS_LENGTH = 16


def ds_text(value: float) -> str:
    """Return a number as a Decimal String: 16 characters at most, as exact as they allow.

    Fixed-point and exponential notation, with and without what their grammar (PS3.5 6.2) lets
    one leave out, hold different numbers of digits: that which holds most is taken.

    Examples
    --------
    >>> ds_text(-0.70710678118654752)
    '-.70710678118655'
    >>> ds_text(3.0)
    '3'
    """
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    text = repr(number)
    if len(text) <= _DS_LENGTH:
        return text
    for digits in range(15, 7, -1):
        found = [t for t in _texts(number, digits) if len(t) <= _DS_LENGTH]
        if found and math.isfinite(float(found[0])):
            return found[0]
    return ds_text(number * (1 - 1e-9))  # the greatest floats, which rounding takes beyond float64


def _texts(number: float, digits: int) -> Iterator[str]:
    """Yield texts of a number to some significant digits, the plainest first."""
    sign = '-' if number < 0 else ''
    mantissa, exponent = f'{abs(number):.{digits - 1}e}'.split('e')
    figures, power = mantissa.replace('.', ''), int(exponent)
    if 0 <= power < digits - 1:
        yield f'{sign}{figures[: power + 1]}.{figures[power + 1 :]}'
    elif -8 < power < 0:
        yield f'{sign}0.{"0" * (-power - 1)}{figures}'
        yield f'{sign}.{"0" * (-power - 1)}{figures}'
    yield f'{sign}{mantissa}e{power}'
    yield f'{sign}{figures}e{power - digits + 1}'


@dataclass(frozen=True, slots=True)
class Rescale:
    """Slope and intercept as they are written: what the texts say is what is computed with."""

    slope_text: str = '1'
    intercept_text: str = '0'

    @property
    def slope(self) -> float:
        """Value of one step."""
        return float(self.slope_text)

    @property
    def intercept(self) -> float:
        """Value of stored 0."""
        return float(self.intercept_text)

    @property
    def is_identity(self) -> bool:
        """Whether values are stored as they are."""
        return self.slope == 1 and self.intercept == 0


@dataclass(frozen=True, slots=True)
class StoredAs:
    """How a source image stored its values.

    Parameters
    ----------
    slope, intercept : float
    allocated, stored : int
        Bits Allocated and Bits Stored.
    signed : bool
        Pixel Representation.
    """

    slope: float = 1.0
    intercept: float = 0.0
    allocated: int = 16
    stored: int = 16
    signed: bool = False

    @classmethod
    def of(cls, dataset: Dataset) -> StoredAs | None:
        """Return how the image of a header was stored, None when the header does not tell."""
        try:
            slope = float(dataset.get('RescaleSlope') or dataset.get('DoseGridScaling') or 1.0) or 1.0
            intercept = float(dataset.get('RescaleIntercept') or 0.0)
            allocated = int(dataset.get('BitsAllocated') or 16)
            stored = int(dataset.get('BitsStored') or allocated)
            signed = bool(int(dataset.get('PixelRepresentation') or 0))
            samples = int(dataset.get('SamplesPerPixel') or 1)
        except (TypeError, ValueError):
            return None
        if samples != 1 or not (math.isfinite(slope) and math.isfinite(intercept)):
            return None
        return cls(slope, intercept, allocated, stored, signed)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an object allows its stored values to be.

    Parameters
    ----------
    narrow : bool
        8 bits allocated, for values that come in bytes.
    narrow_first : bool
        8 bits for all values that they hold (US, PS3.3 C.8.5.6.1).
    wide : bool
        32 bits allocated, for whole numbers that need them.
    fine : bool
        32 bits also for the levels of values that must be scaled.
    intercept : bool
        An intercept other than 0.
    signed : bool
        Values below 0.
    """

    narrow: bool = False
    narrow_first: bool = False
    wide: bool = False
    fine: bool = False
    intercept: bool = True
    signed: bool = True


@dataclass(frozen=True, slots=True)
class _Format:
    """An integer range: unsigned or signed, of some bits."""

    allocated: int
    stored: int
    signed: bool

    @property
    def low(self) -> int:
        return -(1 << (self.stored - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.stored - self.signed)) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(f'<{"i" if self.signed else "u"}{self.allocated // 8}')

    def holds(self, low: int, high: int) -> bool:
        return self.low <= low and high <= self.high

    def spare(self, low: int, high: int) -> int | None:
        """Return a value that none of `low` to `high` uses."""
        if low > self.low:
            return self.low
        return self.high if high < self.high else None


_U16 = _Format(16, 16, False)
_I16 = _Format(16, 16, True)
_U8 = _Format(8, 8, False)
_U32 = _Format(32, 32, False)
_I32 = _Format(32, 32, True)


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the values of a series are.

    Parameters
    ----------
    lows, highs : list
        Least and greatest finite value of each image; 0 where there is none.
    whole : bool
        Whether all finite values are whole numbers.
    gaps : int
        How many values are not finite.
    """

    lows: list[Any]
    highs: list[Any]
    whole: bool
    gaps: int

    @property
    def low(self) -> Any:
        return min(self.lows)

    @property
    def high(self) -> Any:
        return max(self.highs)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a series is stored.

    Parameters
    ----------
    images : (n, rows, columns) ndarray
        The values.
    layout : object
        Bits and sign; None for RGB.
    rescales : list of Rescale
        One an image.
    from_source : bool
        Whether the rescale of each image, and the bits, are those of its source.
    padding : int, optional
        Stored value that stands for values that are not finite.
    gaps : int
        How many those are.
    error : float
        Greatest absolute difference of a value and what will be read; 0 where exact.
    """

    images: NDArray[Any]
    layout: _Format | None
    rescales: list[Rescale]
    from_source: bool = False
    padding: int | None = None
    gaps: int = 0
    error: float = 0.0
    same_bits: bool = False
    extremes: tuple[float, float] = field(default=(0.0, 1.0))

    @property
    def is_color(self) -> bool:
        """Whether the voxels are RGB."""
        return self.layout is None

    @property
    def bits(self) -> tuple[int, int, int]:
        """Bits Allocated, Bits Stored, Pixel Representation."""
        layout = self.layout or _U8
        return layout.allocated, layout.stored, int(layout.signed)

    def stored(self, number: int) -> NDArray[Any]:
        """Return the stored values of one image; where they are the values, the array itself."""
        image: NDArray[Any] = self.images[number]
        if self.layout is None:
            parts = [image[name] for name in image.dtype.names or ()]
            return np.stack(parts, axis=-1)
        rescale = self.rescales[number]
        if image.dtype.kind in 'biu' and rescale.is_identity:
            return image.astype(self.layout.dtype, copy=False)
        stored = _quantized(image, rescale)
        finite = np.isfinite(stored)
        if not finite.all():
            stored = np.where(finite, stored, 0)
        np.clip(stored, self.layout.low, self.layout.high, out=stored)
        if self.padding is not None:
            stored = np.where(finite, stored, self.padding)
        return stored.astype(self.layout.dtype)


def encode(
    images: NDArray[Any],
    sources: Sequence[StoredAs | None],
    allowed: Allowed = Allowed(),
    *,
    per_image: bool = False,
) -> Encoding:
    """Plan how a series is stored.

    Parameters
    ----------
    images : (n, rows, columns) ndarray
    sources : sequence of StoredAs or None
        How the source of each image stored its values.
    allowed : Allowed
        What the object allows.
    per_image : bool
        Whether each image may have a slope and intercept of its own, where scaling is needed.

    Raises
    ------
    WriteNotImplemented
        For values that DICOM images do not hold: complex numbers, texts, objects.
    """
    if images.dtype.names == ('R', 'G', 'B'):
        return Encoding(images, None, [Rescale()] * len(images), extremes=(0.0, 255.0))
    if images.dtype.kind == 'c':
        raise WriteNotImplemented(
            f'DICOM images hold no complex numbers ({images.dtype}): write abs(s) and the phase, '
            'or s.real and s.imag, as series of their own'
        )
    if images.dtype.kind not in 'biuf':
        raise WriteNotImplemented(f'DICOM images hold numbers or RGB, not {images.dtype}')
    survey = _survey(images)
    return (
        _as_source(images, survey, sources, allowed)
        or _as_integers(images, survey, allowed)
        or _scaled(images, survey, per_image, allowed)
    )


def _survey(images: NDArray[Any]) -> _Survey:
    lows, highs = [], []
    whole, gaps = True, 0
    for image in images:
        if image.dtype.kind == 'f':
            finite = np.isfinite(image)
            missing = image.size - int(np.count_nonzero(finite))
            gaps += missing
            image = image[finite] if missing else image
            whole = whole and bool((np.rint(image) == image).all())
        lows.append(image.min().item() if image.size else 0)
        highs.append(image.max().item() if image.size else 0)
    if not lows:
        lows, highs = [0], [0]
    return _Survey(lows, highs, whole, gaps)


def _extremes(survey: _Survey) -> tuple[float, float]:
    return float(survey.low), float(survey.high)


# --- as the source ---------------------------------------------------------------------------


def _as_source(
    images: NDArray[Any],
    survey: _Survey,
    sources: Sequence[StoredAs | None],
    allowed: Allowed,
) -> Encoding | None:
    """Return the encoding that the source images had, where it gives these values."""
    known = [source for source in sources if source is not None]
    if len(known) != len(images) or not known:
        return None
    if not allowed.intercept and any(source.intercept for source in known):
        return None
    low: int | None = None
    high = 0
    for number, (image, source) in enumerate(zip(images, known, strict=True)):
        ends = _source_range(image, source, survey, number)
        if ends is None:
            return None
        low = ends[0] if low is None else min(low, ends[0])
        high = max(high, ends[1]) if number else ends[1]
    assert low is not None
    first = known[0]
    layout = _fitting(first, low, high, allowed, spare=survey.gaps > 0)
    if layout is None:
        return None
    rescales = [Rescale(repr(s.slope), repr(s.intercept)) for s in known]
    same = layout == _Format(first.allocated, first.stored, first.signed) and all(
        (s.allocated, s.stored, s.signed) == (first.allocated, first.stored, first.signed)
        for s in known
    )
    padding = layout.spare(low, high) if survey.gaps else None
    return Encoding(
        images, layout, rescales, True, padding, survey.gaps, same_bits=same,
        extremes=_extremes(survey),
    )  # fmt: skip


def _source_range(
    image: NDArray[Any], source: StoredAs, survey: _Survey, number: int
) -> tuple[int, int] | None:
    """Return least and greatest stored value, None when the source's rescale gives others."""
    if source.slope == 1 and source.intercept == 0:
        return (int(survey.lows[number]), int(survey.highs[number])) if survey.whole else None
    ends = [
        (float(end) - source.intercept) / source.slope
        for end in (survey.lows[number], survey.highs[number])
    ]
    if not all(abs(end) <= _U32.high for end in ends):
        return None
    if image.dtype.kind in 'iu' and max(abs(survey.lows[number]), abs(survey.highs[number])) > _EXACT:
        return None
    values = image.astype(np.float64)
    if survey.gaps:
        values = values[np.isfinite(values)]
    stored = np.rint((values - source.intercept) / source.slope)
    scaled = stored * source.slope
    difference = np.abs(scaled + source.intercept - values)
    # The array's own type may have rounded the product and the sum.
    unit, least = 0.0, 0.0
    if image.dtype.kind == 'f':
        unit, least = float(np.finfo(image.dtype).eps), float(np.finfo(image.dtype).tiny)
    allowed = 2 * unit * (np.abs(values) + np.abs(scaled) + abs(source.intercept)) + least
    if not (difference <= allowed).all():
        return None
    return sorted((round(min(ends)), round(max(ends))))  # type: ignore[return-value]


def _fitting(
    source: StoredAs, low: int, high: int, allowed: Allowed, *, spare: bool
) -> _Format | None:
    """Return the source's bits, or more of them, that hold a range."""
    choices = []
    sizes = {16, 8 if allowed.narrow else 16, 32 if allowed.wide else 16}
    if source.allocated in sizes:
        choices.append(_Format(source.allocated, source.stored, source.signed))
    choices += [_I16, _U16] if source.signed else [_U16, _I16]
    if allowed.wide:
        choices += [_I32, _U32] if source.signed else [_U32, _I32]
    for layout in choices:
        if layout.holds(low, high) and not (spare and layout.spare(low, high) is None):
            return layout
    return None


# --- whole numbers ----------------------------------------------------------------------------


def _as_integers(images: NDArray[Any], survey: _Survey, allowed: Allowed) -> Encoding | None:
    """Return the encoding of whole numbers as they are, or shifted; None where neither fits."""
    if not survey.whole:
        return None
    in_bytes = images.dtype.kind in 'bu' and images.dtype.itemsize == 1
    layouts = [_U8] if allowed.narrow_first or (allowed.narrow and in_bytes) else []
    # A difference of two images is computed in their type: what was signed is not to wrap around at 0.
    words = [_I16, _U16] if images.dtype.kind == 'i' else [_U16, _I16]
    layouts += words if allowed.signed else [_U16]
    shifted = [_U16] if allowed.intercept else []
    if allowed.wide:
        return (
            _unshifted(images, survey, layouts)
            or _shifted(images, survey, shifted)
            or _unshifted(images, survey, [_U32, _I32] if allowed.signed else [_U32])
            or _shifted(images, survey, [_U32] if allowed.intercept else [])
        )
    return _unshifted(images, survey, layouts) or _shifted(images, survey, shifted)


def _unshifted(images: NDArray[Any], survey: _Survey, layouts: Sequence[_Format]) -> Encoding | None:
    low, high = int(survey.low), int(survey.high)
    for layout in layouts:
        padding = layout.spare(low, high) if survey.gaps else None
        if layout.holds(low, high) and not (survey.gaps and padding is None):
            return Encoding(
                images, layout, [Rescale()] * len(images), False, padding, survey.gaps,
                extremes=_extremes(survey),
            )  # fmt: skip
    return None


def _shifted(images: NDArray[Any], survey: _Survey, layouts: Sequence[_Format]) -> Encoding | None:
    low, high = int(survey.low), int(survey.high)
    for layout in layouts:
        fits = high - low <= layout.high - bool(survey.gaps) and len(str(low)) <= _DS_LENGTH
        if fits and max(abs(low), abs(high)) <= _EXACT:
            padding = layout.high if survey.gaps else None
            rescales = [Rescale('1', str(low))] * len(images)
            return Encoding(
                images, layout, rescales, False, padding, survey.gaps, extremes=_extremes(survey)
            )
    return None


# --- a straight line ----------------------------------------------------------------------------


def _scaled(images: NDArray[Any], survey: _Survey, per_image: bool, allowed: Allowed) -> Encoding:
    """Return the values on a straight line over 16 or 32 bits, with the greatest error measured."""
    if per_image:
        ends = list(zip(survey.lows, survey.highs, strict=True))
    else:
        ends = [(survey.low, survey.high)] * len(images)
    span = float(survey.high) - float(survey.low)
    signed = (not allowed.intercept and survey.low < 0) or not math.isfinite(span)
    if allowed.fine or (allowed.wide and survey.whole):
        layout = _I32 if signed else _U32
    else:
        layout = _I16 if signed else _U16
    padding = None
    if survey.gaps:
        padding = layout.low if signed else layout.high
    lines = {
        (low, high): _line(float(low), float(high), layout, intercept=allowed.intercept)
        for low, high in set(ends)
    }
    rescales = [lines[pair] for pair in ends]
    plan = Encoding(
        images, layout, rescales, False, padding, survey.gaps, extremes=_extremes(survey)
    )
    error = max((_error(plan, i) for i in range(len(images))), default=0.0)
    return replace(plan, error=error)


def _line(low: float, high: float, layout: _Format, *, intercept: bool) -> Rescale:
    """Return slope and intercept that take stored levels to `low` ... `high`.

    One level at the end of the range is left for padding: of 16 bits, signed levels are
    -32767 to 32767, unsigned ones 0 to 65534.
    """
    levels = layout.high if layout.signed else layout.high - 1
    if not intercept:
        return Rescale(_slope_text(max(abs(low), abs(high)) / levels, levels, 0.0), '0')
    if layout.signed:
        middle = ds_text(low / 2 + high / 2)
        slope = (high / 2 - low / 2) / levels
        return Rescale(_slope_text(slope, levels, abs(float(middle))), middle)
    first = _text_not_above(low)
    return Rescale(_slope_text((high - float(first)) / levels, levels, float(first)), first)


def _slope_text(slope: float, levels: int, intercept: float) -> str:
    """Return a slope as a text; 1 for a series of one value, which any slope serves.

    It is made smaller where rounding it up would take the last level beyond float64.
    """
    text = ds_text(slope)
    if math.isinf(float(text) * levels + intercept):
        text = ds_text(slope * (1 - 1e-8))
    return text if float(text) > 0 and math.isfinite(float(text)) else '1'


def _text_not_above(value: float) -> str:
    """Return a number as a Decimal String that is not above it, as near as may be."""
    text = ds_text(value)
    if float(text) <= value:
        return text
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 9)
    if math.isinf(value - step):
        return text
    below = ds_text(value - step)
    return below if float(below) <= value else text


def _quantized(image: NDArray[Any], rescale: Rescale) -> NDArray[Any]:
    """Return the nearest levels, as floats; values that are not finite stay so."""
    values: NDArray[Any] = image.astype(_exact(image.dtype), copy=False)
    with np.errstate(over='ignore', invalid='ignore'):
        levels = values - rescale.intercept
        levels /= rescale.slope
        if not np.isfinite(levels).all():
            apart = values / rescale.slope - rescale.intercept / rescale.slope
            levels = np.where(np.isfinite(levels) | ~np.isfinite(values), levels, apart)
    return np.rint(levels, out=levels)


def _exact(dtype: np.dtype[Any]) -> Any:
    """Return the first float type that holds all values of a type, or the longest."""
    return np.longdouble if dtype.itemsize > 4 and dtype != np.float64 else np.float64


def _error(plan: Encoding, number: int) -> float:
    """Return the greatest absolute error of one image, as a reader in float64 will see it."""
    image = plan.images[number]
    rescale = plan.rescales[number]
    read = plan.stored(number) * np.float64(rescale.slope)
    read += rescale.intercept
    difference = read.astype(_exact(image.dtype), copy=False)
    np.subtract(difference, image, out=difference)  # of near values: exact, or nearly
    if plan.gaps:
        difference = difference[np.isfinite(image)]
    return float(max(difference.max(), -difference.min())) if difference.size else 0.0
