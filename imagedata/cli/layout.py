"""Where `dicom_sort` puts a file: a pattern of elements, made a path that is safe and nobody else's.

A folder whose part of the pattern names elements of a patient, a study or a series belongs to that one:
another of the same name gets a folder with a few digits more. Whose a folder is that was there before
is told by a file in it, so that a second run decides as the first one did.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ImagedataError, UnknownTag
from ..folders import safe_name
from ..formats.contract import Source

__all__ = ['DEFAULT', 'Identity', 'Layout']

DEFAULT = (
    '{PatientID}/{StudyDate}-{StudyTime:.6}_{StudyDescription}/'
    '{SeriesNumber}_{SeriesDescription}/{SOPInstanceUID}.dcm'
)
"""Layout when none is asked for."""

_FIELD = re.compile(r'\{(\w+)(?::([^{}]*))?\}')
_FORMAT = re.compile(r'(.?[<>^=])?[-+ ]?0?\d{0,2}(\.\d{1,2})?[sdx]?')
_NO_TEXTS = ('SQ', 'OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'UN', 'OB or OW', 'US or OW')
_EXTENSION = re.compile(r'\.\w{1,6}$')
_PATIENT, _STUDY, _SERIES = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose a file is.

    Parameters
    ----------
    patient, name, birth, study, series, instance : str
        Patient ID, letters of the name, date of birth, and UIDs.
    """

    patient: str
    name: str
    birth: str
    study: str
    series: str
    instance: str

    @classmethod
    def of(cls, dataset: Any) -> Identity:
        """Return the identity that a header tells."""
        letters = ''.join(c for c in str(dataset.get('PatientName') or '').casefold() if c.isalnum())
        keywords = ('PatientBirthDate', 'StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID')
        rest = (str(dataset.get(keyword) or '') for keyword in keywords)
        return cls(str(dataset.get('PatientID') or ''), letters, *rest)

    def shares(self, other: Identity, level: int) -> bool:
        """Return whether two files are of one patient (1), study (2), series (3)."""
        if self.patient != other.patient:
            return False
        for mine, theirs in ((self.name, other.name), (self.birth, other.birth)):
            if mine and theirs and mine != theirs:
                return False
        return (level < _STUDY or self.study == other.study) and (
            level < _SERIES or self.series == other.series
        )

    @property
    def complete(self) -> bool:
        """Whether name and date of birth are told: nothing more can be learnt of the patient."""
        return bool(self.name and self.birth)

    def with_patient_of(self, other: Identity) -> Identity:
        """Return this identity with what another file tells of the same patient, and this one does not."""
        return replace(self, name=self.name or other.name, birth=self.birth or other.birth)

    def digest(self, level: int) -> str:
        """Return digits that tell a patient, study or series from others of its name."""
        parts = [self.patient, self.name, self.birth, self.study, self.series]
        return hashlib.sha256('\0'.join(parts[: 2 + level]).encode('utf-8', 'replace')).hexdigest()


class Layout:
    """The folders of a destination.

    Parameters
    ----------
    destination : Path
    pattern : str
        Keywords of elements in braces, `{SeriesNumber:03d}`, folders separated by `/`.

    Raises
    ------
    UnknownTag
        When the pattern names no element, or a keyword that there is not.
    """

    def __init__(self, destination: Path, pattern: str = DEFAULT) -> None:
        from pydicom.datadict import dictionary_VR

        from ..dicom_elements import parse_tag
        from ..formats.dicom.scan import Scanner

        self._destination = destination
        self._parts = [part for part in pattern.split('/') if part]
        fields = [match[1] for match in _FIELD.finditer(pattern)]
        if not fields:
            raise UnknownTag(f'the pattern {pattern!r} names no element, such as {{SOPInstanceUID}}')
        if '..' in self._parts:
            raise UnknownTag(f"the pattern {pattern!r} leaves the destination ('..'): name another one")
        for field in _FIELD.finditer(pattern):
            tag = parse_tag(field[1])
            if dictionary_VR(tag) in _NO_TEXTS:
                raise UnknownTag(f'{field[1]} is no text that a name could have: choose another element')
            if not _FORMAT.fullmatch(field[2] or ''):
                raise UnknownTag(
                    f'{field[0]} has a format that is none: give a width, digits, and s, d or x, such as :05d'
                )
        left = _FIELD.sub('', pattern)
        if '{' in left or '}' in left:
            raise UnknownTag(f'the pattern {pattern!r} has a brace too many: elements stand in {{ and }}')
        self._scanner = Scanner(headers_only=True)
        self._owners: dict[str, Identity] = {}

    def path(self, dataset: Any) -> Path:
        """Return where a file goes; another one may be there already.

        Raises
        ------
        UnknownTag
            When a value does not fit the format that the pattern gives it.
        """
        identity = Identity.of(dataset)
        folder = self._destination
        for part in self._parts[:-1]:
            name = safe_name(_filled(part, dataset), _fallback(part))
            folder = self._owned(folder, name, identity, _level(part))
        last = self._parts[-1]
        extension = _EXTENSION.search(_FIELD.sub('', last)[-7:])
        suffix = extension[0] if extension and last.endswith(extension[0]) else ''
        stem = safe_name(_filled(last.removesuffix(suffix), dataset), 'image')
        return folder / f'{stem}{suffix}'

    def _owned(self, parent: Path, name: str, identity: Identity, level: int) -> Path:
        """Return the folder of that name that is, or becomes, the file's patient's, study's or series'."""
        if not level:
            return parent / name
        digest = identity.digest(level)
        for length in (0, 6, 12, len(digest)):
            folder = parent / (f'{name}-{digest[:length]}' if length else name)
            # Names that differ in case only are one on some disks.
            key = str(folder).casefold()
            owner = self._owners.get(key) or self._owner_on_disk(folder)
            if owner is None or owner.shares(identity, level):
                # A file without a name must not make two persons one.
                self._owners[key] = (owner or identity).with_patient_of(identity)
                return folder
        return parent / f'{name}-{digest}'

    def header(self, source: Source) -> Any:
        """Return the header of a DICOM file, image or not; None for other files.

        Raises
        ------
        CorruptFileError
        """
        instance, _ = self._scanner.read(source)
        return None if instance is None else instance.dataset

    def _owner_on_disk(self, folder: Path) -> Identity | None:
        """Return whose a folder is that was there before: as the first DICOM file of each in it tells."""
        owner: Identity | None = None
        for root, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                path = Path(root, name)
                try:
                    dataset = self.header(Source(str(path), path))
                except (ImagedataError, OSError):
                    continue
                if dataset is not None:
                    found = Identity.of(dataset)
                    owner = found if owner is None else owner.with_patient_of(found)
                    break
            if owner is not None and owner.complete:
                break
        return owner


def _level(part: str) -> int:
    """Return what a part of the pattern is about: the finest of its elements."""
    found = [_level_of(match[1]) for match in _FIELD.finditer(part)]
    return max(found, default=0)


def _level_of(keyword: str) -> int:
    if keyword.startswith('Series') or keyword in ('ProtocolName', 'Modality'):
        return _SERIES if keyword.startswith('Series') else 0
    if keyword.startswith('Study') or keyword == 'AccessionNumber':
        return _STUDY
    return _PATIENT if keyword.startswith('Patient') else 0


def _fallback(part: str) -> str:
    return {_PATIENT: 'patient', _STUDY: 'study', _SERIES: 'series'}.get(_level(part), 'unknown')


def _filled(part: str, dataset: Any) -> str:
    """Return a part of the pattern with the values of elements."""

    def value(match: re.Match[str]) -> str:
        found = dataset.get(match[1])
        spec = match[2] or ''
        if found is None or str(found) == '':
            return ''
        if not isinstance(found, (str, int, float)):
            found = _joined(found)
        try:
            whole = int(found) if spec[-1:] in ('d', 'x') else str(found)
            return format(whole, spec)
        except (TypeError, ValueError) as error:
            raise UnknownTag(
                f'{match[1]} is {str(found)[:40]!r}, which does not fit {match[0]}: {error}'
            ) from error

    return _FIELD.sub(value, part)


def _joined(value: Any) -> str:
    """Return several values as one text."""
    return '_'.join(map(str, value)) if isinstance(value, Sequence) else str(value)
