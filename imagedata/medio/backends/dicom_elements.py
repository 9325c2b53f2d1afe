"""What a user of `save_dir` says of names of files and values of elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ...dicom_elements import parse_tag
from ...errors import GeometryError, UnknownTag
from ...header import ATTRIBUTES, Edit

__all__ = ['GivenElements', 'check_pattern', 'given_elements']

_CLASSES = {'CT': '1.2.840.10008.5.1.4.1.1.2', 'MR': '1.2.840.10008.5.1.4.1.1.4'}
_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'

_OF_THE_ARRAY = (
    'ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'SpacingBetweenSlices',
    'SliceLocation', 'InstanceNumber', 'SOPInstanceUID', 'FrameOfReferenceUID',
)  # fmt: skip
"""Elements that the array, its place or the number of the slice decide."""

_PROPERTIES = {known.keyword: name for name, known in ATTRIBUTES.items()}


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
