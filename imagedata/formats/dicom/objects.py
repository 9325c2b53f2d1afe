"""Which DICOM object a series becomes, and what an object without a past must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import WriteError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['CT', 'MR', 'PET', 'PLACED', 'SC', 'blank_values', 'class_uid', 'single_frame_class']

MR = '1.2.840.10008.5.1.4.1.1.4'
CT = '1.2.840.10008.5.1.4.1.1.2'
PET = '1.2.840.10008.5.1.4.1.1.128'
SC = '1.2.840.10008.5.1.4.1.1.7'

PLACED = frozenset({MR, CT, PET})
"""Classes whose images must have a place (Image Plane module, PS3.3 C.7.6.2)."""

_CLASSIC: Mapping[str, str] = {
    '1.2.840.10008.5.1.4.1.1.4.1': MR,  # Enhanced MR
    '1.2.840.10008.5.1.4.1.1.4.3': MR,  # Enhanced MR Color
    '1.2.840.10008.5.1.4.1.1.4.4': MR,  # Legacy Converted Enhanced MR
    '1.2.840.10008.5.1.4.1.1.2.1': CT,  # Enhanced CT
    '1.2.840.10008.5.1.4.1.1.2.2': CT,  # Legacy Converted Enhanced CT
    '1.2.840.10008.5.1.4.1.1.130': PET,  # Enhanced PET
    '1.2.840.10008.5.1.4.1.1.128.1': PET,  # Legacy Converted Enhanced PET
}

_MODALITY: Mapping[str, str] = {MR: 'MR', CT: 'CT', PET: 'PT'}

_NAMES: Mapping[str, str] = {'MR': MR, 'CT': CT, 'PT': PET, 'PET': PET, 'SC': SC}

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


def class_uid(given: Any) -> str:
    """Return the UID of a SOP class given as UID, name, keyword, or MR, CT, PET, SC.

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
        'or MR, CT or SC'
    )


def single_frame_class(source: Dataset) -> str:
    """Return the class of single-frame images that holds what an image of `source` shows.

    Multi-frame objects that have no such counterpart become Secondary Capture.
    """
    uid = str(source.get('SOPClassUID') or SC)
    if uid in _CLASSIC:
        return _CLASSIC[uid]
    frames = source.get('NumberOfFrames')
    several = frames not in (None, '') and int(frames) > 1
    multi_frame = several or 'FrameIncrementPointer' in source or uid in _ALWAYS_MULTI_FRAME
    return SC if multi_frame else uid


_ALWAYS_MULTI_FRAME = frozenset({
    '1.2.840.10008.5.1.4.1.1.20',  # NM
    '1.2.840.10008.5.1.4.1.1.481.2',  # RT Dose
    '1.2.840.10008.5.1.4.1.1.3.1',  # US Multi-frame
    '1.2.840.10008.5.1.4.1.1.66.4',  # Segmentation
    '1.2.840.10008.5.1.4.1.1.30',  # Parametric Map
})  # fmt: skip


def blank_values(uid: str, *, placed: bool) -> dict[str, Any] | None:
    """Return the attributes of an object without a past: keyword to value.

    Returns
    -------
    dict or None
        None for a class that this library does not make from nothing.
    """
    if uid not in _BLANK_OF:
        return None
    values = {**_BLANK, **_BLANK_OF[uid], 'SOPClassUID': uid}
    if placed:
        values['PositionReferenceIndicator'] = ''
        if uid in PLACED:
            # Directions follow from the orientation then (PS3.3 C.7.6.1.1.1).
            values.pop('PatientOrientation')
    return values


def other_class_values(uid: str, *, placed: bool) -> dict[str, Any]:
    """Return what an object needs beyond what a source of another class passes on."""
    values = blank_values(uid, placed=placed) or {}
    # Its own are right, also where they are absent.
    return {k: v for k, v in values.items() if k not in ('SpecificCharacterSet', 'Laterality')}


def modality_of(uid: str) -> str | None:
    """Return the modality that a class fixes, None where it does not."""
    return _MODALITY.get(uid)
