"""What a user says of names of files and values of elements, and what the header of an image says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ...dicom_elements import parse_tag
from ...errors import GeometryError, UnknownTag
from ...header import ATTRIBUTES, Edit

__all__ = [
    'GivenElements', 'check_pattern', 'frame_of_reference', 'given_elements', 'kept_elements', 'kept_texts',
]  # fmt: skip

_CLASSES = {'CT': '1.2.840.10008.5.1.4.1.1.2', 'MR': '1.2.840.10008.5.1.4.1.1.4'}
_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'

_OF_THE_ARRAY = (
    'ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SpacingBetweenSlices',
    'SliceLocation', 'InstanceNumber', 'SOPInstanceUID', 'FrameOfReferenceUID',
)  # fmt: skip
"""Elements that the array, its place or the number of the slice decide."""

_PROPERTIES = {known.keyword: name for name, known in ATTRIBUTES.items()}


_KEPT = (
    'AccessionNumber', 'BodyPartExamined', 'InstitutionName', 'Laterality', 'Manufacturer',
    'ManufacturerModelName', 'Modality', 'PatientPosition', 'ProtocolName', 'ReferringPhysicianName',
    'SeriesDescription', 'StationName', 'StudyDate', 'StudyDescription', 'StudyID', 'StudyInstanceUID',
    'StudyTime',
)  # fmt: skip
"""Elements of `MetaData.header` that stay true of an array that was computed: of the study and of where
it was made. Those of the patient (group 0010) are kept as well; those of one image are not."""

_NUMBER = re.compile(r'\(?([0-9a-f]{4})(?:\||, )([0-9a-f]{4})\)?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GivenElements:
    """Values of elements, as the writer takes them.

    Parameters
    ----------
    attributes : dict
        By names of properties.
    edits : tuple of Edit
        All others.
    series_uid : str or None
    """

    attributes: dict[str, Any]
    edits: tuple[Edit, ...]
    series_uid: str | None


def given_elements(metadata_dict: Mapping[str, str], *, color: bool) -> GivenElements:
    """Return elements by what they are to the writer.

    An image is CT where nothing else is said. A modality says the kind of object as well: CT, MR, or
    Secondary Capture for all others, and for colour.

    Parameters
    ----------
    metadata_dict : mapping of str to str
        'gggg|eeee', or a keyword, to a value.
    color : bool

    Raises
    ------
    ValueError
        For something that is no element, or one that the array decides.
    """
    from pydicom.datadict import keyword_for_tag

    attributes: dict[str, Any] = {}
    edits, series_uid = [], None
    for name, value in metadata_dict.items():
        tag = parse_tag(name)
        keyword = keyword_for_tag(tag)
        if keyword in _OF_THE_ARRAY:
            raise UnknownTag(
                f'{name} ({keyword}) follows from the array and its affine, and cannot be {value!r}: change '
                'those'
            )
        if keyword == 'SeriesInstanceUID':
            series_uid = str(value)
        elif keyword in _PROPERTIES:
            attributes[_PROPERTIES[keyword]] = value.split('\\') if keyword == 'ImageType' else value
        else:
            edits.append(Edit(str(tag), value))
    modality = attributes.get('modality', 'OT' if color else 'CT')
    attributes.setdefault('SOPClassUID', _CAPTURE if color else _CLASSES.get(modality, _CAPTURE))
    attributes['modality'] = modality
    return GivenElements(attributes, tuple(edits), series_uid)


def kept_elements(header: Any) -> dict[str, str]:
    """Return the elements of a header that are written with the image: of patient, study and equipment.

    Parameters
    ----------
    header : mapping or None
        As `read_img(..., header=True)` gives it, by the back end 'itk' or 'pdcm'.

    Returns
    -------
    dict
        'gggg|eeee' to a text.
    """
    from pydicom.datadict import keyword_for_tag

    return {
        f'{group}|{element}': text
        for group, element, text in _texts(header)
        if group == '0010' or keyword_for_tag(int(group + element, 16)) in _KEPT
    }


def frame_of_reference(header: Any) -> str | None:
    """Return the Frame of Reference UID of a header: to what the places of the image refer."""
    found = {group + element: text for group, element, text in _texts(header)}
    return found.get('00200052')


def kept_texts(header: Any) -> dict[str, str]:
    """Return what else a header says, as texts: that of MetaImage or NRRD."""
    if not isinstance(header, Mapping) or 'sizeof_hdr' in header:
        return {}  # NIfTI's describes its file
    return {k: v for k, v in header.items() if isinstance(v, str) and not _NUMBER.fullmatch(k)}


def _texts(header: Any) -> Iterator[tuple[str, str, str]]:
    """Yield group, element and text of the DICOM elements of a header."""
    for name, value in header.items() if isinstance(header, Mapping) else ():
        number = _NUMBER.fullmatch(name)
        if number is None or getattr(value, 'VR', '') in ('SQ', 'OB', 'OW', 'UN'):
            continue
        held = getattr(value, 'value', value)
        parts = list(held) if isinstance(held, Sequence) and not isinstance(held, str) else [held]
        text = '\\'.join('' if part is None else str(part) for part in parts).strip()
        if text:
            yield number[1].lower(), number[2].lower(), text


def check_pattern(pattern: str) -> None:
    """Check that a pattern gives each slice a file name of its own.

    Raises
    ------
    ValueError
    """
    try:
        names = pattern.format(1), pattern.format(2)
    except (LookupError, ValueError) as error:
        raise GeometryError(
            f'pattern {pattern!r} cannot be filled with a number ({error}): put {{}} or {{:03d}} where '
            'it goes'
        ) from error
    if names[0] == names[1]:
        raise GeometryError(f'pattern {pattern!r} gives all slices one name: put {{}} where the number goes')
    if PurePath(names[0]).name != names[0] or '\\' in names[0]:
        raise GeometryError(f'pattern {pattern!r} names folders: give the name of a file')
