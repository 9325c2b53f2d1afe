"""What headers say of patient, study and equipment: one value of several headers, as Python values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any, TypeAlias

from .errors import CollectionError, ImagedataWarning
from .header import ATTRIBUTES, Header
from .notices import warn_user

__all__ = [
    'PATIENT', 'STUDY', 'ClinicalTrialSubject', 'GeneralEquipment', 'Lookup', 'PatientAttributes',
    'described', 'lookup_of', 'warn_of_patients',
]  # fmt: skip

Lookup: TypeAlias = Callable[[str], Any]
"""Takes a DICOM keyword, and returns the value in one header, None without."""

STUDY: Mapping[str, str] = {
    'studyDate': 'StudyDate',
    'studyTime': 'StudyTime',
    'studyDescription': 'StudyDescription',
    'studyID': 'StudyID',
    'accessionNumber': 'AccessionNumber',
    'referringPhysiciansName': 'ReferringPhysicianName',
}
"""Attributes of a study, and their elements (DICOM PS3.3 C.7.2.1)."""

PATIENT: Mapping[str, str] = {
    'patientName': 'PatientName',
    'patientID': 'PatientID',
    'patientBirthDate': 'PatientBirthDate',
    'patientSex': 'PatientSex',
    'patientAge': 'PatientAge',
    'patientSize': 'PatientSize',
    'patientWeight': 'PatientWeight',
    'qualityControlSubject': 'QualityControlSubject',
    'patientIdentityRemoved': 'PatientIdentityRemoved',
    'deidentificationMethod': 'DeidentificationMethod',
}
"""Attributes of a patient, and their elements (PS3.3 C.7.1.1, C.7.2.2)."""

_CHANGING = {'PatientAge', 'PatientSize', 'PatientWeight'}
"""What differs between the studies of one patient, and is no contradiction."""


class PatientAttributes:
    """Attributes of collections of one patient; None where no header tells."""

    patientName: str | None
    patientID: str | None
    patientBirthDate: str | None
    patientSex: str | None
    patientAge: str | None
    patientSize: float | None
    patientWeight: float | None
    qualityControlSubject: str | None
    patientIdentityRemoved: str | None
    deidentificationMethod: str | None


@dataclass(frozen=True)
class GeneralEquipment:
    """The machine that the images of a study are from (PS3.3 C.7.5.1); None where it is not told."""

    manufacturer: str | None = None
    manufacturersModelName: str | None = None
    stationName: str | None = None
    deviceSerialNumber: str | None = None
    softwareVersions: str | None = None

    @property
    def defined(self) -> bool:
        """Whether anything is told."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    @classmethod
    def of(cls, lookup: Lookup) -> GeneralEquipment:
        """Return the equipment that a header tells."""
        keywords = (
            'Manufacturer', 'ManufacturerModelName', 'StationName', 'DeviceSerialNumber', 'SoftwareVersions'
        )  # fmt: skip
        return cls(*(_plain(keyword, lookup(keyword)) for keyword in keywords))


@dataclass(frozen=True)
class ClinicalTrialSubject:
    """The part of a patient in a clinical trial (PS3.3 C.7.1.3); None where it is not told."""

    clinicalTrialSponsorName: str | None = None
    clinicalTrialProtocolID: str | None = None
    clinicalTrialProtocolName: str | None = None
    clinicalTrialSiteID: str | None = None
    clinicalTrialSiteName: str | None = None
    clinicalTrialSubjectID: str | None = None
    clinicalTrialSubjectReadingID: str | None = None

    @property
    def defined(self) -> bool:
        """Whether anything is told."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    @classmethod
    def of(cls, lookup: Lookup) -> ClinicalTrialSubject:
        """Return the subject that a header tells."""
        keywords = [field.name[0].upper() + field.name[1:] for field in fields(cls)]
        return cls(*(_plain(keyword, lookup(keyword)) for keyword in keywords))


def lookup_of(header: Header) -> Lookup:
    """Return a function that looks a keyword up in the header of a Series, as the user set it."""
    names = {spec.keyword: name for name, spec in ATTRIBUTES.items()}

    def lookup(keyword: str) -> Any:
        if keyword in names:
            return header.attribute(names[keyword])
        from .dicom_elements import parse_tag

        wanted = str(parse_tag(keyword))
        for edit in reversed(header.edits):
            if edit.keyword == wanted and edit.images is None:
                return edit.value
        return header.element(keyword)

    return lookup


def described(lookups: Sequence[Lookup], names: Mapping[str, str], *, strict: bool) -> dict[str, Any]:
    """Return attributes that headers share: the first value that one of them has, else None.

    Raises
    ------
    CollectionError
        When `strict`, and two headers have different values.
    """
    found: dict[str, Any] = {}
    for name, keyword in names.items():
        values = [v for v in (_plain(keyword, lookup(keyword)) for lookup in lookups) if v is not None]
        if strict and keyword not in _CHANGING and any(v != values[0] for v in values):
            raise CollectionError(
                f'{keyword} has {len(set(map(str, values)))} different values in headers that should have '
                'one: they may be of several persons or studies; leave strict_values out to take the first'
            )
        found[name] = values[0] if values else None
    return found


def warn_of_patients(lookups: Sequence[Lookup], what: str) -> None:
    """Warn where headers that are taken for those of one patient have several Patient IDs."""
    known = {str(found) for lookup in lookups if (found := _plain('PatientID', lookup('PatientID')))}
    if len(known) > 1:
        warn_user(
            f'{what} has series of {len(known)} patients, and the attributes of the first: make a Cohort of '
            'them, or give strict_values=True to have an error',
            ImagedataWarning,
        )


def _plain(keyword: str, value: Any) -> Any:
    """Return the value of an element as a Python value; None where it is none, or empty."""
    if value is None or str(value).strip() == '':
        return None
    if keyword == 'StudyDate':
        return _date(str(value))
    if keyword == 'StudyTime':
        return _time(str(value))
    if keyword in ('PatientSize', 'PatientWeight'):
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    if keyword == 'SoftwareVersions' and not isinstance(value, str):
        return '\\'.join(map(str, value))
    return str(value)


def _date(text: str) -> datetime | None:
    """Return a DICOM date (DA, also as ACR-NEMA wrote it); None where it is none."""
    digits = text.strip().replace('.', '').replace('-', '')
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day)


def _time(text: str) -> time | None:
    """Return a DICOM time (TM); None where it is none."""
    digits, _, fraction = text.strip().replace(':', '').partition('.')
    try:
        parts = [int(digits[i : i + 2]) for i in range(0, len(digits), 2)][:3]
        hour, minute, second = (*parts, 0, 0)[:3]
        return time(hour, minute, second, int((fraction + '000000')[:6])) if parts else None
    except ValueError:
        return None
