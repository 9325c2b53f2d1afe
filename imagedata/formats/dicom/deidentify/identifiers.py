"""Words that tell who a patient is, taken out of texts that are kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
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
    'FrameOfReferenceUID', 'StudyID', 'AdmissionID',
)  # fmt: skip
_OF_DEVICE = ('DeviceSerialNumber', 'StationName')
_OF_MAKERS = ('Manufacturer', 'ManufacturerModelName')
_OF_INSTITUTION = ('InstitutionName', 'InstitutionAddress', 'InstitutionalDepartmentName')

_COMPONENTS = 3
"""Family, given and middle name (PS3.5 6.2.1). Prefixes and suffixes, such as Dr and MD, tell nobody."""

_LEAST = 4
"""Letters of a number or word that is looked for in all texts, and within others."""

_LEAST_OF_NAMES = 3
"""Letters of a name that is looked for in all texts: shorter ones are words of any language."""

_ANYWHERE = frozenset((
    'hospital', 'university', 'clinic', 'center', 'centre', 'medical', 'department', 'radiology', 'institute',
    'institut', 'institution', 'universitat', 'klinik', 'klinikum', 'sykehus', 'sykehuset', 'imaging',
    'health', 'street', 'road', 'research', 'brain', 'heart', 'cancer', 'mri', 'magnetic', 'resonance',
))  # fmt: skip
"""Words of names of institutions that do not tell which one."""

_MONTH = (
    '(?:jan|feb|fev|mar|apr|avr|may|mai|jun|jul|jui|aug|aou|ago|sep|oct|okt|out|nov|dec|dez|des|dic)[a-z]{0,6}'
)
_APART = r'[\W_]{0,3}'
_BEFORE, _AFTER = r'(?<![^\W_])', r'(?![^\W_])'  # an underscore ends a word as a space does

_UID = r'(?<![\d.])[0-2](?:\.\d+){6,}'
"""What looks like the UID of an object: versions of software have fewer parts."""

_TELLING = re.compile('|'.join((
    r'\S+@\S+',
    r'\d+(?:\.\d+){3,}',  # UIDs, network addresses
    rf'(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?{_APART}{_MONTH}{_APART}(?:\d{{4}}|\d{{2}})(?!\d)',
    rf'(?<![a-z]){_MONTH}{_APART}\d{{1,2}}(?:st|nd|rd|th)?{_APART}\d{{4}}(?!\d)',
    rf'(?<![a-z]){_MONTH}{_APART}(?:19|20)\d{{2}}(?!\d)',
    rf'(?<!\d)\d{{4}}{_APART}{_MONTH}{_APART}\d{{1,2}}(?!\d)',
    r'(?<!\d)\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?!\d)',
    r'(?<!\d)(?:(?:19|20)\d\d_\d{1,2}_\d{1,2}|\d{1,2}_\d{1,2}_(?:19|20)\d\d)(?!\d)',
    r'(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)',
    r'\d{6,}',
    r'(?<!\d)\+?\d{2,4}[- ]\d{3,4}-\d{4}(?!\d)|(?<!\d)\d{3,}-\d{4,}(?!\d)',  # telephones
    rf'{_BEFORE}(?:age{_APART})?\d{{1,3}}[ _-]?(?:y|yo|y/o|yr|yrs|years?(?:[ _-]old)?|jahre){_AFTER}',
    rf'{_BEFORE}(?:mr|mrs|ms|miss|dr|prof|herr|frau|mme)[._ ]+[^\W\d_]+',
)))  # fmt: skip
"""Dates, times, ages, long numbers, addresses, and who is addressed by a title; in folded text."""

_SPACES = re.compile(r'([\s_])[\s_]*(?=\1)')


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the identifiers of one header.

    Parameters
    ----------
    any_text : Pattern or None
        Finds those that are looked for in every text.
    descriptions : Pattern or None
        Finds those that are looked for in descriptions as well: short names, and parts of words.
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
        return _taken_out(_TELLING, text)


def words_of(dataset: Dataset, options: Options) -> Words:
    """Return the words of the identifiers of a header that the options do not retain."""
    numbers: set[str] = set()
    for keyword in _NUMBERS:
        if ('UID' in keyword and options.retain_uids) or (keyword == 'StudyDate' and options.dates == 'keep'):
            continue
        # A short number is found in every description; a short Patient ID tells all the same.
        least = 1 if keyword == 'PatientID' else _LEAST
        numbers.update(value for value in _values(dataset, keyword) if len(value) >= least)
    places: set[str] = set()
    for keyword in (
        *(() if options.retain_device else _OF_DEVICE),
        *(() if options.retain_institution else _OF_INSTITUTION),
    ):
        places.update(_values(dataset, keyword))
    words = {word for place in places for word in re.split(r'[\W_]+', place) if len(word) >= _LEAST}
    words.update(word for home in _values(dataset, 'PatientAddress') for word in re.split(r'[\W_]+', home))
    # Stations and rooms are called after their scanner, hospitals of phantoms after who makes it.
    makers = {_folded(value) for keyword in _OF_MAKERS for value in _values(dataset, keyword)}
    places = {place for place in places if _folded(place) not in makers}
    words = {word for word in words if len(word) >= _LEAST and _folded(word) not in _ANYWHERE | makers}
    return _patterns(_runs(_names(dataset)), _runs(numbers | places), _runs(words), options.retain_uids)


def _names(dataset: Dataset) -> set[str]:
    """Return the words of the names of persons, and family and given name as they stand side by side."""
    found: set[str] = set()
    for keyword in _NAMES:
        for name in _values(dataset, keyword):
            for group in name.split('='):
                components = group.split('^')[:_COMPONENTS]
                words = [word for part in components for word in re.split(r'[\s,.;]+', part)]
                halves = [half for word in words for half in re.split(r'[-_]', word) if len(half) >= _LEAST]
                found.update((*words, *halves, ''.join(words[:2])))
    return found


@cache
def _fold_one(letter: str) -> str:
    """Return a letter without case and accents: always one."""
    if '\uac00' <= letter <= '\ud7a3':
        return letter  # a syllable of Hangul, which is no letter with accents
    first = unicodedata.normalize('NFKD', letter)[:1].casefold()[:1] or letter
    return {'ø': 'o', 'æ': 'a', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'ı': 'i', 'œ': 'o'}.get(first, first)


def _folded(text: str) -> str:
    """Return a text without case and accents, letter by letter."""
    return text.lower() if text.isascii() else ''.join(map(_fold_one, text))


def _runs(words: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """Return words as runs of letters and runs of digits: what stands between them varies."""
    return frozenset(tuple(re.findall(r'[^\W\d_]+|\d+', _folded(word))) for word in words) - {()}


@lru_cache(maxsize=64)
def _patterns(
    names: frozenset[tuple[str, ...]],
    others: frozenset[tuple[str, ...]],
    described: frozenset[tuple[str, ...]],
    retain_uids: bool,
) -> Words:
    """Return what finds words; the images of a series share it."""
    long = [run for run in names if _length(run) >= (2 if _dense(run) else _LEAST_OF_NAMES)]
    long += [run for run in others if _length(run) >= _LEAST]
    every = [run for run in names | others | described if _length(run) > 1 or _dense(run)]
    uids = [] if retain_uids else [_UID]
    return Words(
        _any_of([*uids, *map(_whole, sorted(long, key=_longest_first))]),
        _any_of([*uids, *(_inside(run) if _length(run) >= _LEAST else _whole(run)
                          for run in sorted(every, key=_longest_first))]),
    )  # fmt: skip


def _length(run: tuple[str, ...]) -> int:
    return len(''.join(run))


def _any_of(found: list[str]) -> re.Pattern[str] | None:
    return re.compile('|'.join(found)) if found else None


def _longest_first(run: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    return -_length(run), run  # the whole of an address before a word in it


def _dense(run: tuple[str, ...]) -> bool:
    """Return whether a word is of a script without spaces between words, where one letter is a name."""
    return any(letter >= '\u2e80' or '\u0e00' <= letter <= '\u109f' or '\u1780' <= letter <= '\u17ff'
               for letter in run[0])  # fmt: skip


def _whole(run: tuple[str, ...]) -> str:
    body = r'[\W_]*'.join(map(re.escape, run))
    return body if _dense(run) else f'{_BEFORE}{body}{_AFTER}'


def _inside(run: tuple[str, ...]) -> str:
    """Return what finds a word also within others; a number not within longer ones."""
    body = r'[\W_]*'.join(map(re.escape, run))
    before = r'(?<!\d)' if run[0].isdigit() else ''
    return f'{before}{body}' + (r'(?!\d)' if run[-1].isdigit() else '')


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value: Any = dataset.get(keyword)
    if value is None:
        return []
    if isinstance(value, (str, Mapping)) or not hasattr(value, '__iter__') or hasattr(value, 'components'):
        return [str(value)]
    return [str(part) for part in value]


def _taken_out(pattern: re.Pattern[str], text: str) -> str:
    folded = _folded(text)
    if pattern.search(folded) is None:
        return text
    left, at = [], 0
    for match in pattern.finditer(folded):
        left.append(text[at : match.start()])
        at = match.end()
    return _SPACES.sub('', ''.join([*left, text[at:]])).strip(' _')
