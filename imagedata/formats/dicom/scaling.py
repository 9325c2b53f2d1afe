"""From stored values to those that mean something: slope and intercept, lookup tables, maps.

`scaling='rescale'`, the default, is the modality transformation (PS3.3 C.11.1): Rescale Slope and
Intercept, or the Modality LUT; in RT Dose, Dose Grid Scaling, which gives Gy. `'stored'` is none
of them. `'real_world'` is the Real World Value Mapping (PS3.3 C.7.6.16.2.11), which acts on stored
values. `'philips'` is the private scale of Philips MR. Padding values (PS3.3 C.7.5.1.1.2) are pixels
as any other: they are rescaled and stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFileError, ScalingError
from .vendor import philips
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .frames import Frame

__all__ = ['Scale', 'Table', 'modality_scale', 'rescaled', 'zero_slopes']


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A lookup table.

    Parameters
    ----------
    first : int
        Stored value of the first entry.
    values : (entries,) ndarray
        Stored values below the first entry take its value, those above the last one the last.
    """

    first: int
    values: NDArray[Any]

    def of(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return the values for stored ones."""
        index = np.clip(stored.astype(np.int64) - self.first, 0, len(self.values) - 1)
        return np.asarray(self.values[index])


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """How stored values become values: value = stored value x slope + intercept, or by a table.

    Parameters
    ----------
    slope, intercept : float
    table : Table or None
        Takes the place of slope and intercept.
    real : bool
        Whether the values are real numbers, also where they happen to be whole.
    valid : (float, float) or None
        First and last stored value that has a value at all; NaN stands for others.
    """

    slope: float = 1.0
    intercept: float = 0.0
    table: Table | None = None
    real: bool = False
    valid: tuple[float, float] | None = None

    @property
    def is_identity(self) -> bool:
        """Whether values are the stored ones."""
        return self.slope == 1 and self.intercept == 0 and not self.real and self.table is None

    @property
    def is_whole(self) -> bool:
        """Whether whole numbers become whole numbers."""
        # Beyond 2**30, products of 32 bit values leave what int64 holds.
        small = abs(self.slope) <= 2**30 and abs(self.intercept) <= 2**30
        exact = small and self.slope == int(self.slope) and self.intercept == int(self.intercept)
        return exact and not self.real

    def times(self, factor: float) -> Scale:
        """Return the scale followed by a factor; values are real then."""
        table = None if self.table is None else replace(self.table, values=self.table.values * factor)
        return replace(
            self, slope=self.slope * factor, intercept=self.intercept * factor, table=table, real=True
        )


def modality_scale(dataset: Dataset, name: str) -> Scale:
    """Return the modality transformation that a header describes.

    Raises
    ------
    CorruptFileError
        For a lookup table that contradicts itself, or numbers that are none.
    """
    if dataset.get('ModalityLUTSequence'):
        return Scale(table=_modality_table(name, dataset))
    dose = numbers(dataset.get('DoseGridScaling'))
    if dose and dose[0] != 0 and 'RescaleSlope' not in dataset:
        return Scale(slope=dose[0], real=True)
    if str(dataset.get('SegmentationType')) == 'FRACTIONAL':
        most = numbers(dataset.get('MaximumFractionalValue'))
        return Scale(slope=1 / (most[0] if most and most[0] > 0 else 255), real=True)
    slope = (numbers(dataset.get('RescaleSlope')) or [1.0])[0]
    intercept = (numbers(dataset.get('RescaleIntercept')) or [0.0])[0]
    if not np.isfinite([slope, intercept]).all():
        raise CorruptFileError(f'{name}: slope {slope} and intercept {intercept} are no finite numbers')
    return Scale(slope or 1.0, intercept)


def _modality_table(name: str, dataset: Dataset) -> Table:
    """Return the Modality LUT (PS3.3 C.11.1.1): LUT Descriptor is count, first value, bits."""
    item = dataset.ModalityLUTSequence[0]
    descriptor = [int(v) for v in numbers(item.get('LUTDescriptor'))]
    data: Any = item.get('LUTData')
    if len(descriptor) != 3 or data is None:
        raise CorruptFileError(f'{name}: its Modality LUT has no descriptor of 3 values, or no data')
    count, first, bits = descriptor
    count = count or 65536
    if first > 32767 and int(dataset.get('PixelRepresentation') or 0):
        first -= 65536
    if isinstance(data, bytes):
        order = '<' if getattr(dataset, 'original_encoding', (True, True))[1] is not False else '>'
        wide = len(data) >= 2 * count
        data = np.frombuffer(data, f'{order}u2' if wide else 'u1')
    values = np.asarray(data).ravel()[:count]
    if len(values) != count:
        raise CorruptFileError(f'{name}: its Modality LUT announces {count} entries and has {len(values)}')
    return Table(first, values.astype(np.uint8 if bits <= 8 else np.uint16))


# --- what the user asks for ---------------------------------------------------------------------


def rescaled(frames: Sequence[Frame], options: Mapping[str, Any]) -> list[str]:
    """Give frames the scale that the user asks for; return what is to be told about it.

    Options: `scaling` ('rescale', 'stored', 'real_world', 'philips') and `suv` ('bw').

    Raises
    ------
    ScalingError
        When the headers do not have what that needs.
    """
    wanted = options.get('scaling') or 'rescale'
    units = options.get('suv')
    if units:
        from .suv import suv_scale

        if wanted != 'rescale':
            raise ScalingError(f"suv={units!r} starts from activities: it goes with scaling='rescale' alone")
        return suv_scale(frames, units)
    if wanted == 'rescale':
        return []
    if wanted not in _SCALES:
        raise ScalingError(
            f"scaling={wanted!r} is none of 'rescale' (slope and intercept, or lookup table), 'stored', "
            "'real_world' and 'philips'"
        )
    told = dict.fromkeys(_SCALES[wanted](frame) for frame in frames)
    return [f'values: {text}' for text in told]


def zero_slopes(frames: Sequence[Frame], options: Mapping[str, Any]) -> list[str]:
    """Return the report of a Rescale Slope of 0, which would make all pixels alike: 1 stands for it."""
    if (options.get('scaling') or 'rescale') != 'rescale':
        return []
    names = [f.name for f in frames if numbers(f.dataset.get('RescaleSlope')) == [0.0]]
    more = f' and {len(names) - 1} more' if len(names) > 1 else ''
    return [f'{names[0]}{more}: Rescale Slope is 0, which no image can have: taken as 1'] if names else []


def _stored(frame: Frame) -> str:
    frame.scale = Scale()
    return 'as stored, without slope and intercept'


def _philips(frame: Frame) -> str:
    found = philips.private_scale(frame.dataset)
    if found is None:
        raise ScalingError(
            f"{frame.name} has no private scale of Philips, (2005,100E) of 'Philips MR Imaging DD 001': "
            "use scaling='rescale'"
        )
    frame.scale = Scale(*found, real=True)
    return 'private scale of Philips, (stored value - scale intercept) / scale slope'


def _real_world(frame: Frame) -> str:
    """Use the first real-world map that has units, else the first."""
    maps = list(frame.dataset.get('RealWorldValueMappingSequence') or [])
    if not maps:
        raise ScalingError(
            f"{frame.name} has no Real World Value Mapping Sequence: use scaling='rescale'"
        )
    chosen = next((m for m in maps if m.get('MeasurementUnitsCodeSequence')), maps[0])
    frame.scale = _map_scale(frame, chosen)
    units = chosen.get('MeasurementUnitsCodeSequence') or []
    unit = str(units[0].get('CodeValue') or '') if units else 'no units'
    label = str(chosen.get('LUTLabel') or chosen.get('LUTExplanation') or '').strip()
    more = f', the first of {len(maps)} maps with units' if len(maps) > 1 else ''
    return f'real-world values in {unit}{f" ({label})" if label else ""}{more}'


def _map_scale(frame: Frame, item: Dataset) -> Scale:
    """Return the scale of a real-world map."""
    ends = []
    for end in ('First', 'Last'):
        found = numbers(item.get(f'DoubleFloatRealWorldValue{end}ValueMapped'))
        if not found:
            found = numbers(item.get(f'RealWorldValue{end}ValueMapped'))
            if found and found[0] > 32767 and int(frame.dataset.get('PixelRepresentation') or 0):
                found = [found[0] - 65536]
        ends += found[:1]
    valid = (min(ends), max(ends)) if len(ends) == 2 else None
    slope = numbers(item.get('RealWorldValueSlope'))
    data = numbers(item.get('RealWorldValueLUTData'))
    if slope:
        intercept = (numbers(item.get('RealWorldValueIntercept')) or [0.0])[0]
        return Scale(slope[0], intercept, real=True, valid=valid)
    if data and valid and len(data) == valid[1] - valid[0] + 1:
        return Scale(table=Table(int(valid[0]), np.array(data)), real=True, valid=valid)
    raise ScalingError(
        f'{frame.name}: its real-world map has neither slope nor a table for the stored values that it '
        f'names ({valid}, {len(data)} entries)'
    )


_SCALES = {'stored': _stored, 'real_world': _real_world, 'philips': _philips}
