"""Words that tell who a patient is, taken out of texts that are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .profile import Options

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Words', 'words_of']

_NAMES = (
    'PatientName', 'OtherPatientNames', 'PatientBirthName', 'PatientMotherBirthName',
    'ReferringPhysicianName', 'PerformingPhysicianName', 'OperatorsName',
    'NameOfPhysiciansReadingStudy', 'PhysiciansOfRecord',
    'RequestingPhysician', 'ResponsiblePerson', 'ConsultingPhysicianName',
)  # fmt: skip
_NUMBERS = (
    'PatientID', 'OtherPatientIDs', 'AccessionNumber', 'PatientBirthDate', 'StudyDate', 'PatientAddress',
    'PatientTelephoneNumbers', 'MedicalRecordLocator', 'StudyInstanceUID', 'SeriesInstanceUID',
)  # fmt: skip
_OF_DEVICE = ('DeviceSerialNumber', 'StationName')
_OF_INSTITUTION = ('InstitutionName', 'InstitutionAddress', 'InstitutionalDepartmentName')

_LEAST = 4
"""Letters of a word that is looked for in all texts: shorter ones are words of any language."""

_DATE_OR_NUMBER = re.compile(r'\b\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b|\d{6,}')
_SPACES = re.compile(r'\s{2,}')


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the identifiers of one header.

    Parameters
    ----------
    any_text : Pattern or None
        Finds those that are looked for in every text.
    descriptions : Pattern or None
        Finds those that are looked for in descriptions as well, short names too.
    """

    any_text: re.Pattern[str] | None
    descriptions: re.Pattern[str] | None

    def without(self, text: str) -> str:
        """Return a text without identifiers."""
        return text if self.any_text is None else _taken_out(self.any_text, text)

    def described(self, text: str) -> str:
        """Return a description without identifiers, dates and long numbers."""
        if self.descriptions is not None:
            text = _taken_out(self.descriptions, text)
        return _taken_out(_DATE_OR_NUMBER, text)


def words_of(dataset: Dataset, options: Options) -> Words:
    """Return the words of the identifiers of a header that the options do not retain."""
    parts: set[str] = set()
    for keyword in _NAMES:
        for name in _values(dataset, keyword):
            parts.update(re.split(r'[\^=\s,.;]+', name))
    whole = [*_NUMBERS, *(() if options.retain_device else _OF_DEVICE),
             *(() if options.retain_institution else _OF_INSTITUTION)]  # fmt: skip
    for keyword in whole:
        if 'UID' in keyword and options.retain_uids:
            continue
        if keyword == 'StudyDate' and options.dates == 'keep':
            continue
        parts.update(_values(dataset, keyword))
    found = {part.strip() for part in parts} - {''}
    return Words(_pattern(w for w in found if len(w) >= _LEAST), _pattern(w for w in found if len(w) > 1))


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value: Any = dataset.get(keyword)
    if value is None:
        return []
    if isinstance(value, (str, Mapping)) or not hasattr(value, '__iter__') or hasattr(value, 'components'):
        return [str(value)]
    return [str(part) for part in value]


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    # The longest first: the whole of an address before a word in it.
    escaped = [re.escape(word) for word in sorted(words, key=len, reverse=True)]
    return re.compile(rf'(?<!\w)(?:{"|".join(escaped)})(?!\w)', re.IGNORECASE) if escaped else None


def _taken_out(pattern: re.Pattern[str], text: str) -> str:
    if pattern.search(text) is None:
        return text
    return _SPACES.sub(' ', pattern.sub('', text)).strip()
