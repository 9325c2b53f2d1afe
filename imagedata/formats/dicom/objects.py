"""Which DICOM object a series becomes, and what an object without a past must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import WriteError
from .encode import Allowed
from .multiframe import FRAME_COUNTERS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'CAPTURES', 'CT', 'DOSE', 'IN_ONE_FILE', 'MR', 'NM', 'PET', 'PLACED', 'SC', 'SC_WORD', 'US',
    'US_FRAMES', 'allowed', 'blank_values', 'capture', 'class_uid', 'classic_blanks', 'is_enhanced',
    'limit', 'modality_of', 'other_class_values', 'written_class',
]  # fmt: skip

MR = '1.2.840.10008.5.1.4.1.1.4'
CT = '1.2.840.10008.5.1.4.1.1.2'
PET = '1.2.840.10008.5.1.4.1.1.128'
SC = '1.2.840.10008.5.1.4.1.1.7'
NM = '1.2.840.10008.5.1.4.1.1.20'
US = '1.2.840.10008.5.1.4.1.1.6.1'
US_FRAMES = '1.2.840.10008.5.1.4.1.1.3.1'
DOSE = '1.2.840.10008.5.1.4.1.1.481.2'
SC_BYTE = '1.2.840.10008.5.1.4.1.1.7.2'
SC_WORD = '1.2.840.10008.5.1.4.1.1.7.3'
SC_COLOR = '1.2.840.10008.5.1.4.1.1.7.4'

CAPTURES = frozenset({SC_BYTE, SC_WORD, SC_COLOR})
"""Multi-frame Secondary Capture (PS3.3 A.8.3 to A.8.5): all images of any series in one object."""

PLACED = frozenset({MR, CT, PET, DOSE})
"""Classes whose images must have a place (Image Plane module, PS3.3 C.7.6.2)."""

IN_ONE_FILE = CAPTURES | {NM, US_FRAMES, DOSE}
"""Classes whose images are frames of one object (PS3.3 A.5, A.7, A.8, A.18)."""

_CLASSIC: Mapping[str, str] = {
    '1.2.840.10008.5.1.4.1.1.4.1': MR,  # Enhanced MR
    '1.2.840.10008.5.1.4.1.1.4.3': MR,  # Enhanced MR Color
    '1.2.840.10008.5.1.4.1.1.4.4': MR,  # Legacy Converted Enhanced MR
    '1.2.840.10008.5.1.4.1.1.2.1': CT,  # Enhanced CT
    '1.2.840.10008.5.1.4.1.1.2.2': CT,  # Legacy Converted Enhanced CT
    '1.2.840.10008.5.1.4.1.1.130': PET,  # Enhanced PET
    '1.2.840.10008.5.1.4.1.1.128.1': PET,  # Legacy Converted Enhanced PET
}

_MODALITY: Mapping[str, str] = {
    MR: 'MR', CT: 'CT', PET: 'PT', NM: 'NM', US: 'US', US_FRAMES: 'US', DOSE: 'RTDOSE',
}  # fmt: skip

_NAMES: Mapping[str, str] = {
    'MR': MR, 'CT': CT, 'PT': PET, 'PET': PET, 'NM': NM, 'US': US, 'RTDOSE': DOSE, 'SC': SC,
}  # fmt: skip

_BLANK: Mapping[str, Any] = {
    'SpecificCharacterSet': 'ISO_IR 192',
    'AccessionNumber': '', 'ReferringPhysicianName': '', 'StudyDate': '', 'StudyTime': '',
    'StudyID': '', 'Manufacturer': '', 'PatientName': '', 'PatientID': '', 'PatientBirthDate': '',
    'PatientSex': '', 'SeriesNumber': '1', 'Laterality': '', 'PatientOrientation': '',
    'PhotometricInterpretation': 'MONOCHROME2',
}  # fmt: skip
"""Type 2 attributes of all images (PS3.3 A.8): there, and empty where nothing is known."""

_BLANK_OF: Mapping[str, Mapping[str, Any]] = {
    SC: {'ConversionType': 'WSD', 'Modality': 'OT', 'ImageType': ['DERIVED', 'SECONDARY']},
    MR: {
        'Modality': 'MR', 'ImageType': ['DERIVED', 'SECONDARY', 'OTHER'],
        'ScanningSequence': 'RM', 'SequenceVariant': 'NONE', 'ScanOptions': '',
        'MRAcquisitionType': '', 'RepetitionTime': '', 'EchoTime': '',
        'EchoTrainLength': '', 'PatientPosition': '', 'SliceThickness': '',
        'PositionReferenceIndicator': '',
    },
    CT: {
        'Modality': 'CT', 'ImageType': ['DERIVED', 'SECONDARY', 'AXIAL'], 'KVP': '',
        'AcquisitionNumber': '', 'PatientPosition': '', 'SliceThickness': '',
        'PositionReferenceIndicator': '', 'RescaleType': 'HU',
    },
}  # fmt: skip
_CAPTURE = {**_BLANK_OF[SC], 'BurnedInAnnotation': 'NO'}


def class_uid(given: Any) -> str:
    """Return the UID of a SOP class given as UID, name, keyword, or MR, CT, PET, NM, US, RTDOSE, SC.

    Raises
    ------
    WriteError
        When it is none of these.
    """
    from pydicom import uid
    from pydicom._uid_dict import UID_dictionary

    text = str(given).strip()
    if text.upper() in _NAMES:
        return _NAMES[text.upper()]
    if text and all(part.isdigit() for part in text.split('.')) and '.' in text:
        return text
    keyword = getattr(uid, text, None)
    if isinstance(keyword, str):
        return str(keyword)
    for number, entry in UID_dictionary.items():
        if entry[0] == text:
            return number
    raise WriteError(
        f'{given!r} is no SOP class: give its UID, its name as in PS3.6 (MR Image Storage), '
        'or MR, CT, PET, NM, US, RTDOSE or SC'
    )


def written_class(source: Dataset, tags: Sequence[str], *, straight: bool) -> str:
    """Return the class of the objects that images of a source are written as.

    Parameters
    ----------
    source : Dataset
        Header of the first image.
    tags : sequence of str
        Names of the tag axes.
    straight : bool
        Whether all slices have a place, one behind the other along the slice normal.

    Returns
    -------
    str
        The source's own class where it holds the images; for frames of enhanced objects the
        classic one; Secondary Capture for other multi-frame objects.
    """
    uid = str(source.get('SOPClassUID') or SC)
    if uid in _CLASSIC:
        return _CLASSIC[uid]
    if uid == DOSE:
        return DOSE if straight and not tags else SC
    if uid == NM:
        counted = any(keyword in source for keyword in FRAME_COUNTERS)
        return NM if not tags or (counted and set(tags) <= set(NM_AXES)) else SC
    if uid == US_FRAMES:
        return {(): US, ('time',): US_FRAMES}.get(tuple(tags), SC)
    frames = source.get('NumberOfFrames')
    several = frames not in (None, '') and int(frames) > 1
    return SC if several or 'FrameIncrementPointer' in source or uid in _ALWAYS_MULTI_FRAME else uid


NM_AXES: Mapping[str, str] = {
    'energywindow': 'EnergyWindowVector', 'detector': 'DetectorVector', 'phase': 'PhaseVector',
    'rotation': 'RotationVector', 'rrinterval': 'RRIntervalVector', 'timeslot': 'TimeSlotVector',
    'angularview': 'AngularViewVector', 'timeslice': 'TimeSliceVector',
}  # fmt: skip
"""Axes that frames of nuclear medicine count, and the elements that count them (PS3.3 C.8.4.8)."""

_ALWAYS_MULTI_FRAME = frozenset({
    '1.2.840.10008.5.1.4.1.1.66.4',  # Segmentation
    '1.2.840.10008.5.1.4.1.1.30',  # Parametric Map
})  # fmt: skip


def allowed(uid: str, bits: int | None) -> Allowed:
    """Return what images of a class may store.

    Parameters
    ----------
    uid : str
    bits : int or None
        Most bits allocated that the user wants: 16 or 32. None: 32 for whole numbers that need
        them, and for doses.

    Notes
    -----
    MR, CT and PET images have 16 bits allocated (PS3.3 C.8.3.1.1.4, C.8.2.1.1.4, C.8.9.4.1.3), NM
    images 8 or 16 (C.8.4.8.1.1), ultrasound 8 (C.8.5.6.1.11), RT Dose 16 or 32 (C.8.8.3.4.1).
    Secondary Capture has no such limit; that of many frames has whole numbers of 8 or 16 bits, none
    below 0 (A.8.3.4, A.8.4.4), and is taken to 32 bits for those that need it.
    Neither PET nor RT Dose has an intercept.
    """
    free = uid not in (MR, CT, PET, NM, US, US_FRAMES, DOSE)
    most = 32 if bits is None else bits
    wide = (uid in (DOSE, SC) or uid in CAPTURES) and most == 32
    return Allowed(
        narrow=uid in (NM, US, US_FRAMES) or free,
        narrow_first=uid in (US, US_FRAMES),
        wide=wide,
        fine=wide and (uid == DOSE or bits == 32),
        intercept=uid not in (PET, DOSE),
        signed=uid not in CAPTURES,
    )


def limit(uid: str, bits: tuple[int, int, int], *, color: bool, was_color: bool) -> str | None:
    """Return why images of a class do not hold some values; None where they do.

    Ultrasound has 8 bits; MR, CT, PET, NM and RT Dose have no colour. Sources that are
    coloured all the same are taken as they are.
    """
    if color:
        grey = uid in (MR, CT, PET, NM, DOSE)
        return 'has no colour' if grey and not was_color else None
    if uid in (US, US_FRAMES) and bits[0] != 8:
        return f"holds 8 bits, and these values take {bits[0]} (dtype='uint8' keeps the kind of object)"
    return None


def blank_values(uid: str, *, placed: bool) -> dict[str, Any] | None:
    """Return the attributes of an object without a past: keyword to value.

    Returns
    -------
    dict or None
        None for a class that this library does not make from nothing.
    """
    own = _CAPTURE if uid in CAPTURES else _BLANK_OF.get(uid)
    if own is None:
        return None
    values = {**_BLANK, **own, 'SOPClassUID': uid}
    if placed:
        values['PositionReferenceIndicator'] = ''
        if uid in PLACED:
            # Directions follow from the orientation then (PS3.3 C.7.6.1.1.1).
            values.pop('PatientOrientation')
    return values


def capture(bits: tuple[int, int, int], *, color: bool) -> str:
    """Return the class of Multi-frame Secondary Capture whose pixels are of some kind."""
    if color:
        return SC_COLOR
    return SC_BYTE if bits[0] == 8 else SC_WORD


def is_enhanced(source: Dataset) -> bool:
    """Return whether a header is that of a frame of an enhanced object that has a classic form."""
    return str(source.get('SOPClassUID') or '') in _CLASSIC


def classic_blanks(uid: str) -> dict[str, Any]:
    """Return what classic images must hold, and frames of enhanced ones may lack."""
    values = blank_values(uid, placed=True) or {}
    return {k: v for k, v in values.items() if k != 'Laterality'}


def other_class_values(uid: str, *, placed: bool) -> dict[str, Any]:
    """Return what an object needs beyond what a source of another class passes on."""
    values = blank_values(uid, placed=placed) or {}
    # Its own are right, also where they are absent.
    return {k: v for k, v in values.items() if k not in ('SpecificCharacterSet', 'Laterality')}


def modality_of(uid: str) -> str | None:
    """Return the modality that a class fixes, None where it does not."""
    return _MODALITY.get(uid)
