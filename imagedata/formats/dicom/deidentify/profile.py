"""What is done with each element: the Basic Application Confidentiality Profile and its options.

The profile (PS3.15 Table E.1-1) is data of the package dicom-anonymizer. None of its functions are
used: they keep one map of UIDs for the whole process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Literal, TypeAlias

from ....errors import MissingDependencyError
from .standard import CLEANED_DESCRIPTORS, DEVICE, INSTITUTION, PATIENT, PATIENT_TEXTS

__all__ = ['Action', 'Actions', 'DateOption', 'Options', 'actions_of']

DateOption: TypeAlias = Literal['remove', 'shift', 'keep']

_DATABASE = 'dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c'


class Action(Enum):
    """Codes of PS3.15 Table E.1-1, each with one meaning."""

    REMOVE = 'X'
    EMPTY = 'Z'
    DUMMY = 'D'
    UID = 'U'
    KEEP = 'K'
    CLEAN = 'C'
    MOVE = 'M'
    """A date or time, moved with the others of its study or patient."""


_CATEGORIES = {
    # Elements of type 2 stay, empty; those that objects rarely require go.
    'X_TAGS': Action.REMOVE, 'Z_TAGS': Action.EMPTY, 'D_TAGS': Action.DUMMY, 'U_TAGS': Action.UID,
    'Z_D_TAGS': Action.EMPTY, 'X_Z_TAGS': Action.EMPTY, 'X_D_TAGS': Action.REMOVE,
    'X_Z_D_TAGS': Action.REMOVE, 'X_Z_U_STAR_TAGS': Action.UID,
}  # fmt: skip
_REQUIRED = {
    'DeviceSerialNumber': Action.DUMMY,  # of type 1 in enhanced objects (PS3.3 C.7.5.2)
    'ReferencedStudySequence': Action.REMOVE,  # one item or more, or none of it (C.7.2.1)
}
_REFERENCES = frozenset(('ReferencedStudySequence', 'ReferencedPerformedProcedureStepSequence'))
"""Sequences that the Retain UIDs Option keeps, for their UIDs."""

_OVERLAYS = (0x60000000, 0xFF000000, Action.REMOVE)
"""Without Overlay Data, which the profile removes, an overlay is not valid; its labels are texts."""

_NEVER_KEPT = {'PatientBirthDate', 'PatientBirthTime', 'PatientBirthDateInAlternativeCalendar',
               'PatientDeathDateInAlternativeCalendar', 'LastMenstrualDate'}  # fmt: skip
"""Dates that no option keeps: they describe the person, not what was done."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the Basic Application Confidentiality Profile (PS3.15 E.3).

    Parameters
    ----------
    retain_uids : bool
        Keep UIDs.
    retain_device : bool
        Keep what tells the scanner.
    retain_institution : bool
        Keep name and address of the institution.
    retain_patient : bool
        Keep sex, age, size, weight and the like.
    retain_safe_private : bool
        Keep private elements that are known to hold numbers of the acquisition.
    clean_descriptors : bool
        Keep descriptions, without the words of identifiers, and without dates and long numbers.
    dates : {'remove', 'shift', 'keep'}
        'remove': each study begins at noon of 1970-01-01, the time between images stays.
        'shift': all dates of a patient are moved by the same number of days. 'keep': as they are.
    """

    retain_uids: bool = False
    retain_device: bool = False
    retain_institution: bool = False
    retain_patient: bool = False
    retain_safe_private: bool = False
    clean_descriptors: bool = False
    dates: DateOption = 'remove'

    def __post_init__(self) -> None:
        if self.dates not in ('remove', 'shift', 'keep'):
            raise ValueError(f"dates= is 'remove', 'shift' or 'keep', got {self.dates!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is in force, as in `standard.CODES`."""
        chosen = {
            'descriptors': self.clean_descriptors, 'keep': self.dates == 'keep',
            'shift': self.dates == 'shift', 'patient': self.retain_patient, 'device': self.retain_device,
            'uids': self.retain_uids, 'private': self.retain_safe_private,
            'institution': self.retain_institution,
        }  # fmt: skip
        return ('basic', *(name for name, given in chosen.items() if given))


@dataclass(frozen=True, slots=True)
class Actions:
    """What is done with elements, by tag, and by tag and mask where groups repeat."""

    by_tag: Mapping[int, Action]
    by_mask: tuple[tuple[int, int, Action], ...]

    def of(self, tag: int) -> Action | None:
        """Return what is done with an element, None where nothing says so."""
        found = self.by_tag.get(tag)
        if found is None:
            matching = (action for wanted, mask, action in self.by_mask if tag & mask == wanted & mask)
            found = next(matching, None)
        return found


@cache
def actions_of(options: Options) -> Actions:
    """Return what the profile does with elements, with its options.

    Raises
    ------
    MissingDependencyError
        When dicom-anonymizer is not installed.
    """
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    by_tag: dict[int, Action] = {}
    by_mask: list[tuple[int, int, Action]] = [_OVERLAYS]
    for tag, action in _profile():
        number = tag[0] << 16 | tag[1]
        if len(tag) == 4:
            by_mask.append((number, tag[2] << 16 | tag[3], action))
            continue
        keyword = keyword_for_tag(number)
        vr = dictionary_VR(number) if keyword else ''
        by_tag[number] = _with_options(keyword, vr, _REQUIRED.get(keyword, action), options)
    return Actions(by_tag, tuple(by_mask))


def _profile() -> list[tuple[tuple[int, ...], Action]]:
    """Return tags, or tags and masks of repeating groups, with their actions."""
    from importlib import import_module

    try:
        database = import_module(_DATABASE)
    except ImportError as error:
        raise MissingDependencyError(
            "de-identification needs the rules of dicom-anonymizer 2.1: pip install 'imagedata[deid]'"
        ) from error
    return [(tag, action) for name, action in _CATEGORIES.items() for tag in getattr(database, name)]


def _with_options(keyword: str, vr: str, action: Action, options: Options) -> Action:
    """Return what is done with an element when some of the options hold."""
    if keyword == 'TimezoneOffsetFromUTC' and options.dates != 'remove':
        return Action.MOVE  # times without it are other times
    if vr in ('DA', 'TM', 'DT') and keyword not in _NEVER_KEPT:
        if options.dates == 'keep':
            return Action.KEEP
        goes = action is Action.REMOVE and options.dates == 'remove' and keyword not in _MEASURED
        return Action.REMOVE if goes else Action.MOVE
    if options.retain_uids and (action is Action.UID or keyword in _REFERENCES):
        return Action.KEEP
    for retained, kept in (
        (options.retain_device, DEVICE), (options.retain_institution, INSTITUTION),
        (options.retain_patient, PATIENT),
    ):  # fmt: skip
        if retained and keyword in kept:
            return Action.KEEP
    if options.retain_patient and keyword in PATIENT_TEXTS:
        return Action.CLEAN
    if options.clean_descriptors and keyword in CLEANED_DESCRIPTORS:
        return Action.CLEAN
    return action


_MEASURED = frozenset({
    'SeriesDate', 'SeriesTime', 'AcquisitionDate', 'AcquisitionTime', 'AcquisitionDateTime', 'ContentDate',
    'ContentTime', 'InstanceCreationDate', 'InstanceCreationTime', 'RadiopharmaceuticalStartTime',
    'RadiopharmaceuticalStopTime', 'RadiopharmaceuticalStartDateTime', 'RadiopharmaceuticalStopDateTime',
    'DecayCorrectionDateTime', 'FrameAcquisitionDateTime', 'FrameReferenceDateTime',
    'ContrastBolusStartTime', 'ContrastBolusStopTime', 'StartAcquisitionDateTime',
    'EndAcquisitionDateTime',
})  # fmt: skip
"""Moments of the measurement, which order images and correct for decay: moved, not removed."""
