"""What classic MR and CT images must say, and enhanced ones say in other words.

Sources: PS3.3 C.8.3.1 (MR Image module), C.8.13.4 (MR Pulse Sequence module), C.8.13.5.3 (MR Modifier
macro: what each term means).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import objects
from .vendor.values import numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['classic_values']

_PAIRED = frozenset({
    'ORBIT', 'EYE', 'EAR', 'BREAST', 'SHOULDER', 'UPPERARM', 'ELBOW', 'FOREARM', 'WRIST', 'HAND', 'HIP',
    'THIGH', 'KNEE', 'LEG', 'ANKLE', 'FOOT', 'KIDNEY',
})  # fmt: skip
"""Body parts of which there are two (PS3.16 Annex L)."""

_NONE = ('', 'NONE', 'NO')


def classic_values(source: Dataset, sop_class: str) -> dict[str, Any]:
    """Return what a classic image needs of the frame of an enhanced one: keyword to value.

    Parameters
    ----------
    source : Dataset
        Header of the frame, its functional groups lifted to the top level.
    sop_class : str
        What it becomes.

    Returns
    -------
    dict of str to object
        None removes. Empty for other sources.
    """
    if not objects.is_enhanced(source):
        return {}
    # How colours are shown is said by what replaces them.
    values: dict[str, Any] = {'PixelPresentation': None}
    paired = str(source.get('BodyPartExamined') or '') in _PAIRED
    if paired and 'Laterality' not in source and 'ImageLaterality' not in source:
        values['Laterality'] = ''  # type 2C of paired parts (PS3.3 C.7.3.1): empty where nothing is said
    if 'AnatomicRegionSequence' in source and not source.AnatomicRegionSequence:
        values['AnatomicRegionSequence'] = None
    if sop_class == objects.MR:
        values |= _pulse_sequence(source)
        if str(source.get('InPlanePhaseEncodingDirection')) == 'COLUMN':
            values['InPlanePhaseEncodingDirection'] = 'COL'
    return values


def _pulse_sequence(source: Dataset) -> dict[str, Any]:
    """Return Scanning Sequence and Sequence Variant, RM (research mode) and NONE where nothing is said."""
    values: dict[str, Any] = {}
    kinds = [str(part) for part in _list(source.get('ScanningSequence'))]
    if not kinds:
        echo = str(source.get('EchoPulseSequence') or '')
        kinds = {'SPIN': ['SE'], 'GRADIENT': ['GR'], 'BOTH': ['SE', 'GR']}.get(echo, [])
        kinds += ['EP'] if str(source.get('EchoPlanarPulseSequence')) == 'YES' else []
    times = [t for t in numbers(source.get('InversionTime')) if t > 0]
    if times and 'IR' not in kinds:
        kinds.append('IR')
    if 'IR' not in kinds:
        values['InversionTime'] = None
    values['ScanningSequence'] = kinds or ['RM']
    if not _list(source.get('SequenceVariant')):
        values['SequenceVariant'] = _variants(source) or ['NONE']
    return values


def _variants(source: Dataset) -> list[str]:
    """Return the variants that an enhanced header names."""
    steady = str(source.get('SteadyStatePulseSequence') or '')
    found = {
        'SK': str(source.get('SegmentedKSpaceTraversal') or 'SINGLE') != 'SINGLE',
        'MTC': str(source.get('MagnetizationTransfer') or '') not in _NONE,
        'SS': steady not in (*_NONE, 'TIME_REVERSED'),
        'TRSS': steady == 'TIME_REVERSED',
        'SP': str(source.get('Spoiling') or '') not in _NONE,
        'OSP': str(source.get('OversamplingPhase') or '') not in _NONE,
    }
    return [name for name, there in found.items() if there]


def _list(value: Any) -> list[Any]:
    if value is None or value == '':
        return []
    return [value] if isinstance(value, str) else list(value)
