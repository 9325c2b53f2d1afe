"""What an archive of DICOM files holds, from the beginnings of their headers: its series, and their files.

Of each file as much is read as its first elements need, up to Columns (0028,0011): pixels, and the
large private elements behind them, stay where they are. What is kept of a file is its name, and
the values that the caller asks for.

    found = catalogue(files_in('/archive'))
    for series in found.series:
        print(series.patient_id, series.series_number, series.series_description, len(series.files))

A file that lies about its pixels is found out when it is read, not here.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any, BinaryIO, overload

from ...errors import CorruptFileError, ImagedataError
from ..contract import Source
from .lengths import TooShort, Unusual, Walk, walk

__all__ = ['Catalogue', 'CatalogueSeries', 'Files', 'LeftFile', 'catalogue', 'files_in']

_COLUMNS = 0x00280011

_FIRST_READ = 4096
"""Bytes that are read of a file at first: a page."""

_LARGEST = 1 << 26
"""Bytes of a header that are read in search of its end."""

_TEXTS = {
    'patient_id': 'PatientID', 'patient_name': 'PatientName', 'patient_birth_date': 'PatientBirthDate',
    'patient_sex': 'PatientSex', 'study_uid': 'StudyInstanceUID', 'study_id': 'StudyID',
    'study_date': 'StudyDate', 'study_time': 'StudyTime', 'study_description': 'StudyDescription',
    'accession_number': 'AccessionNumber', 'referring_physician': 'ReferringPhysicianName',
    'series_uid': 'SeriesInstanceUID', 'series_description': 'SeriesDescription',
    'series_date': 'SeriesDate', 'series_time': 'SeriesTime', 'modality': 'Modality',
    'protocol_name': 'ProtocolName', 'body_part': 'BodyPartExamined', 'manufacturer': 'Manufacturer',
    'sop_class_uid': 'SOPClassUID', 'frame_of_reference_uid': 'FrameOfReferenceUID',
}  # fmt: skip
"""Attribute of a series to keyword, of what is a text."""

_KEY = (0x00100020, 0x0020000D, 0x0020000E)
"""Patient ID, Study and Series Instance UID: files with the same ones are of one series."""


class Files(Sequence[str]):
    """Names of files, each kept as its folder's number and its own name.

    Each is as the source was called: its path, where it is on the local disk.
    """

    def __init__(self, folders: list[str] | None = None) -> None:
        self._folders: list[str] = [] if folders is None else folders
        self._folder = array('L')
        self._names: list[str] = []
        self._others: dict[int, Source] = {}

    def _add(self, source: Source, numbers: dict[str, int]) -> None:
        if source.path is None:
            self._others[len(self._names)] = source
            folder, name = '', source.name
        else:
            folder, name = os.path.split(source.path)
        number = numbers.get(folder)
        if number is None:
            number = numbers[folder] = len(self._folders)
            self._folders.append(folder)
        self._folder.append(number)
        self._names.append(name)

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return os.path.join(self._folders[self._folder[index]], self._names[index])

    def sources(self) -> Iterator[Source]:
        """Yield the files as sources, to be read."""
        for i, name in enumerate(self):
            other = self._others.get(i)
            yield other if other is not None else Source(name, Path(name))

    def __repr__(self) -> str:
        return f'<{len(self)} files>'


@dataclass(slots=True)
class CatalogueSeries:
    """One series: the files that share Patient ID, Study and Series Instance UID.

    Texts are those of its first file, '' where that has none; dates and times are as DICOM writes
    them (YYYYMMDD, HHMMSS.FFFFFF). Several values of an element are separated by backslashes.

    Parameters
    ----------
    patient_id, patient_name, patient_birth_date, patient_sex : str
    study_uid, study_id, study_date, study_time, study_description : str
    accession_number, referring_physician : str
    series_uid, series_description, series_date, series_time : str
    modality, protocol_name, body_part, manufacturer : str
    sop_class_uid, frame_of_reference_uid : str
    series_number : int or None
    rows, columns : int
        Of the first image; 0 where the objects are no images.
    images : int
        Number of frames in all files; each object without pixels counts as 0.
    mixed : bool
        Whether its files are of several SOP classes or matrices.
    files : Files
        In the order in which they were met.
    values : dict of str to list of str
        For each keyword that the caller asked for, the text of each file's value, '' where it has none.
    """

    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    study_uid: str
    study_id: str
    study_date: str
    study_time: str
    study_description: str
    accession_number: str
    referring_physician: str
    series_uid: str
    series_description: str
    series_date: str
    series_time: str
    modality: str
    protocol_name: str
    body_part: str
    manufacturer: str
    sop_class_uid: str
    frame_of_reference_uid: str
    series_number: int | None
    rows: int
    columns: int
    images: int = 0
    mixed: bool = False
    files: Files = field(default_factory=Files)
    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_image(self) -> bool:
        """Whether its objects have pixels: they have rows and columns."""
        return self.rows > 0 and self.columns > 0


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file that is in no series.

    Parameters
    ----------
    source : Source
    reason : str
        Why, in words.
    broken : bool
        Whether it is DICOM, or says so, and cannot be read.
    """

    source: Source
    reason: str
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is in an archive.

    Parameters
    ----------
    series : list of CatalogueSeries
        In the order in which their first files were met.
    left : list of LeftFile
        Files that are not DICOM, hold no instance (a DICOMDIR), or are broken.
    """

    series: list[CatalogueSeries] = field(default_factory=list)
    left: list[LeftFile] = field(default_factory=list)


def files_in(folder: str | Path, *, hidden: bool = False) -> Iterator[Source]:
    """Yield the files in a folder and those within it, in the order of their names.

    Parameters
    ----------
    folder : path
    hidden : bool
        Whether files and folders count whose names begin with a dot.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith('.') and not hidden:
            continue
        if entry.is_dir():
            # A link to a folder may lead to one that it is in.
            if not entry.is_symlink():
                yield from files_in(entry.path, hidden=hidden)
        elif entry.is_file():
            yield Source(entry.path, Path(entry.path))


def catalogue(sources: Iterable[Source], elements: Sequence[str] = ()) -> Catalogue:
    """Return the series among files, without reading their pixels.

    Parameters
    ----------
    sources : iterable of Source
        Taken one after the other: none is kept, but for those that are left or not on the local disk.
    elements : sequence of str
        Keywords of elements up to Columns (0028,0011) whose values are wanted for each file:
        'InstanceNumber', 'SOPInstanceUID'.

    Raises
    ------
    ValueError
        When an element is no keyword, or stands behind Columns.
    """
    return _Collector(elements).collect(sources)


# --- one file -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Beginning:
    """Values of the first elements of a file, as bytes."""

    values: dict[int, bytes]
    little: bool = True

    def number(self, tag: int) -> int:
        """Return an unsigned short, 0 without."""
        value = self.values.get(tag, b'')
        return int.from_bytes(value[:2], 'little' if self.little else 'big') if len(value) >= 2 else 0


def _quick(file: BinaryIO | FileIO, size: int, wanted: frozenset[int], guess: int) -> tuple[_Beginning, int]:
    """Return the values of elements, and up to where the file was needed.

    Raises
    ------
    Unusual
        As `walk` does.
    """
    data = file.read(guess)
    while True:
        try:
            walked: Walk = walk(data, size, _COLUMNS)
            break
        except TooShort:
            more = file.read(len(data))
            if not more or len(data) > _LARGEST:
                raise Unusual('header') from None
            data += more
    found = {e.tag: data[e.start : e.stop] for e in walked.elements if e.tag in wanted}
    return _Beginning(found), walked.elements[-1].end


def _by_pydicom(source: Source, file: Any, wanted: frozenset[int]) -> _Beginning:
    """Return the values of elements of a file that is out of the ordinary.

    Raises
    ------
    CorruptFileError
    """
    import pydicom
    from pydicom.errors import BytesLengthException

    from .plausible import DEFLATED, check_deflated
    from .scan import PARSE_ERRORS

    head = file.read(4096)
    file.seek(0)
    try:
        if DEFLATED.encode() in head:
            check_deflated(source.name, BytesIO(file.read()))
            file.seek(0)
        tags: Any = list(wanted)
        parsed = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags, force=True)
        if not len(parsed):
            raise CorruptFileError(f'{source.name} has none of the elements that all DICOM objects have')
        values: dict[int, bytes] = {}
        for dataset in (parsed.file_meta, parsed):
            for tag in dataset.keys():  # noqa: SIM118 - a dataset yields its elements, parsed
                raw: Any = dataset.get_item(tag)
                value = raw.value
                if isinstance(value, (bytes, type(None))):
                    values[int(tag)] = value or b''
                else:
                    values[int(tag)] = str(value).encode('ascii', 'replace')
        little = parsed.original_encoding[1] is not False
        return _Beginning(values, little)
    except ImagedataError:
        raise
    except (*PARSE_ERRORS, BytesLengthException) as error:
        raise CorruptFileError(
            f'{source.name} is DICOM and cannot be read ({type(error).__name__}: {error}): replace the file'
        ) from error


class _Texts:
    """Texts of elements, each decoded once for all files that have it."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], str] = {}

    def of(self, value: bytes, charset: bytes) -> str:
        """Return the text of a value, without padding; what no character stands for is replaced."""
        if value.isascii() and b'\x1b' not in value:
            return value.decode('ascii').strip(' \0')
        key = (value, charset)
        if key not in self._known:
            self._known[key] = self._decoded(value, charset)
        return self._known[key]

    def _decoded(self, value: bytes, charset: bytes) -> str:
        from pydicom.charset import convert_encodings, decode_bytes
        from pydicom.valuerep import TEXT_VR_DELIMS

        names: Any = charset.decode('ascii', 'replace').strip(' \0').split('\\')
        try:
            return decode_bytes(value, convert_encodings(names), TEXT_VR_DELIMS).strip(' \0')
        except (LookupError, ValueError):
            return value.decode('latin-1').strip(' \0')


# --- all files ----------------------------------------------------------------------------------


class _Collector:
    def __init__(self, elements: Sequence[str]) -> None:
        from pydicom.datadict import tag_for_keyword

        def tag_of(keyword: str) -> int:
            tag = tag_for_keyword(keyword)
            if tag is None or tag > _COLUMNS:
                raise ValueError(
                    f'{keyword!r} is no DICOM keyword of an element up to Columns (0028,0011): the catalogue '
                    'reads no further'
                )
            return int(tag)

        self._asked = {keyword: tag_of(keyword) for keyword in elements}
        self._texts_of = {name: tag_of(keyword) for name, keyword in _TEXTS.items()}
        self._wanted = frozenset((
            *self._asked.values(), *self._texts_of.values(),
            0x00020002, 0x00080005, 0x00200011, 0x00280008, 0x00280010, _COLUMNS,
        ))  # fmt: skip
        self._texts = _Texts()
        self._folders: list[str] = []
        self._numbers: dict[str, int] = {}
        self._series: dict[tuple[bytes, ...], CatalogueSeries] = {}
        self._kinds: dict[tuple[bytes, ...], tuple[bytes, int, int]] = {}
        self._guess = _FIRST_READ

    def collect(self, sources: Iterable[Source]) -> Catalogue:
        """Return the catalogue of files."""
        from .scan import PREAMBLE, check_name, is_dicom

        found = Catalogue()
        for source in sources:
            try:
                with FileIO(source.path) if source.path is not None else source.open() as file:
                    beginning = self._begun(file)
                    if beginning is None:
                        file.seek(0)
                        if not is_dicom(file.read(PREAMBLE)):
                            check_name(source)
                            found.left.append(LeftFile(source, 'not DICOM'))
                            continue
                        file.seek(0)
                        beginning = _by_pydicom(source, file, self._wanted)
                reason = self._add(source, beginning)
            except (ImagedataError, OSError) as error:
                found.left.append(LeftFile(source, str(error), broken=True))
                continue
            if reason:
                found.left.append(LeftFile(source, reason))
        found.series.extend(self._series.values())
        return found

    def _begun(self, file: BinaryIO | FileIO) -> _Beginning | None:
        """Return the values of a file, None where it is out of the ordinary."""
        try:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            beginning, needed = _quick(file, size, self._wanted, self._guess)
        except Unusual:
            return None
        self._guess = max(_FIRST_READ, min(needed + 512, 1 << 18))
        return beginning

    def _add(self, source: Source, beginning: _Beginning) -> str:
        """Put a file into its series; return why it is in none, '' when it is."""
        values = beginning.values
        if values.get(0x00020002, b'').rstrip(b'\0 ') == b'1.2.840.10008.1.3.10':
            return 'a DICOMDIR'
        if not values.get(0x0020000E) and not values.get(0x00080016):
            return 'DICOM without Series Instance UID and SOP Class UID: no instance'
        charset = values.get(0x00080005, b'')
        key = tuple(values.get(tag, b'').strip(b'\0 ') for tag in _KEY)
        series = self._series.get(key)
        rows, columns = beginning.number(0x00280010), beginning.number(_COLUMNS)
        kind = (values.get(0x00080016, b''), rows, columns)
        if series is None:
            series = self._series[key] = self._begin(values, charset, rows, columns)
            self._kinds[key] = kind
        elif kind != self._kinds[key]:
            series.mixed = True
            if not series.is_image:
                series.rows, series.columns = rows, columns
        series.files._add(source, self._numbers)
        if rows and columns:
            series.images += max(1, _whole(self._texts.of(values.get(0x00280008, b''), b'')) or 1)
        for keyword, tag in self._asked.items():
            series.values[keyword].append(self._texts.of(values.get(tag, b''), charset))
        return ''

    def _begin(
        self, values: dict[int, bytes], charset: bytes, rows: int, columns: int
    ) -> CatalogueSeries:
        texts: Any = {
            name: self._texts.of(values.get(tag, b''), charset) for name, tag in self._texts_of.items()
        }
        return CatalogueSeries(
            **texts,
            series_number=_whole(self._texts.of(values.get(0x00200011, b''), b'')),
            rows=rows,
            columns=columns,
            files=Files(self._folders),
            values={keyword: [] for keyword in self._asked},
        )


def _whole(text: str) -> int | None:
    """Return an integer string as a number, None when it is none."""
    try:
        return int(text)
    except ValueError:
        return None
