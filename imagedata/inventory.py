"""What series there are among many files: each with its files and a header, none of them read yet."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ImagedataError, NoDataReadError, NotImageError, UnknownInputError
from .formats.contract import Source
from .progress import reporting, tracked
from .reading import find_sources, read

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .formats.dicom.fastscan import FastReader
    from .formats.dicom.frames import Frame
    from .formats.dicom.scan import Instance
    from .header import SeriesData

__all__ = ['Entry', 'Inventory', 'SeriesUID', 'take_inventory']


class SeriesUID(NamedTuple):
    """What tells a series from all others.

    Acquisition and echo number stand only where the user divided series by them, the number of the
    stack where a series has several (a localizer).
    """

    patientID: str
    studyInstanceUID: str
    seriesInstanceUID: str
    acquisitionNumber: int | None = None
    echoNumber: int | None = None
    stack: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A series that is there, and how to read it.

    Parameters
    ----------
    key : SeriesUID
    sources : tuple of Source
        Its files, and those of objects without pixels of its study.
    options : mapping
        Options that choose it among the series of its sources.
    header : Dataset
        Elements that describe patient, study and series; of its first image.
    shape : tuple of int
        Numbers of images, rows and columns.
    format : str
    """

    key: SeriesUID
    sources: tuple[Source, ...]
    options: Mapping[str, Any]
    header: Dataset
    shape: tuple[int, int, int]
    format: str = 'dicom'


@dataclass(slots=True)
class Inventory:
    """What is among some files.

    Parameters
    ----------
    entries : list of Entry
        Series, in the order in which they were met.
    broken : list of (str, ImagedataError)
        Names of files that cannot be read, with the reasons.
    left : list of (Source, str)
        Files that are no images, with the reasons.
    """

    entries: list[Entry] = field(default_factory=list)
    broken: list[tuple[str, ImagedataError]] = field(default_factory=list)
    left: list[tuple[Source, str]] = field(default_factory=list)


def take_inventory(urls: Any, options: Mapping[str, Any] | None = None) -> Inventory:
    """Find the series among files, by their headers.

    Parameters
    ----------
    urls : str, path, Source, or list of them
    options : mapping, optional
        Those of reading. `skip_broken_series`: files that cannot be read are listed in `broken`.

    Raises
    ------
    ImagedataError
        For a file that cannot be read, unless it is to be skipped.
    """
    given = dict(options or {})
    wanted = given.get('input_format')
    found = Inventory(left=[(source, '') for source in find_sources(urls, given)])
    if wanted in (None, 'dicom'):
        _add_dicom(found, given)
    if wanted != 'dicom':
        _add_others(found, given)
    return found


# --- DICOM ------------------------------------------------------------------------------------

_DESCRIPTIVE = (
    'SpecificCharacterSet', 'PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'PatientAge',
    'PatientSize', 'PatientWeight', 'QualityControlSubject', 'PatientIdentityRemoved',
    'DeidentificationMethod', 'ClinicalTrialSponsorName', 'ClinicalTrialProtocolID',
    'ClinicalTrialProtocolName', 'ClinicalTrialSiteID', 'ClinicalTrialSiteName',
    'ClinicalTrialSubjectID', 'ClinicalTrialSubjectReadingID', 'StudyDate', 'StudyTime',
    'StudyDescription', 'StudyID', 'AccessionNumber', 'ReferringPhysicianName', 'Manufacturer',
    'ManufacturerModelName', 'StationName', 'DeviceSerialNumber', 'SoftwareVersions', 'SeriesNumber',
    'SeriesDescription', 'SeriesDate', 'SeriesTime', 'ProtocolName', 'Modality', 'BodyPartExamined',
    'SOPClassUID', 'ReferencedSeriesSequence', 'SegmentationType',
)  # fmt: skip
_GROUPING = (
    'PatientID', 'StudyInstanceUID', 'SeriesInstanceUID', 'AcquisitionNumber', 'EchoNumbers',
    'FrameOfReferenceUID', 'SamplesPerPixel', 'StackID', 'InstanceNumber', 'Rows', 'Columns',
)  # fmt: skip


def _add_dicom(found: Inventory, options: Mapping[str, Any]) -> None:
    """Move the DICOM files of an inventory from `left` to entries and `broken`."""
    from .formats.dicom.dicomdir import expanded
    from .formats.dicom.fastscan import FastReader
    from .formats.dicom.group import stacks

    sources, _ = expanded([s for s, _ in found.left], skip_broken=bool(options.get('skip_broken_series')))
    by_name = {source.name: source for source in sources}
    found.left = []
    frames: list[Frame] = []
    others: dict[str, list[Source]] = {}
    described: dict[tuple[str, ...], Dataset] = {}
    reader = FastReader(sources, headers_only=True)
    for source in tracked(sources, 'Cataloguing'):
        try:
            frames += _light_frames(source, reader, found, others, described)
        except ImagedataError as error:
            if not options.get('skip_broken_series'):
                raise
            found.broken.append((source.name, error))
    if not frames:
        return
    wanted = options.get('input_stack')
    count = len(found.entries)
    result = stacks(frames, {k: v for k, v in options.items() if k != 'input_stack'})
    per_series: dict[tuple[str, ...], list[set[str]]] = {}
    for stack in result:
        per_series.setdefault(_identity(stack.frames[0]), []).append({f.name for f in stack.frames})
    for stack in result:
        if wanted is not None and (stack.number or 0) != int(wanted):
            continue
        names = {frame.name for frame in stack.frames}
        siblings = per_series[_identity(stack.frames[0])]
        choice = dict(stack.choice)
        if sum(bool(names & other) for other in siblings) > 1:
            # Several stacks in one file: only all files of the series number them as here.
            names = set().union(*siblings)
        else:
            choice.clear()
        first = stack.frames[0].dataset
        study = str(first.get('StudyInstanceUID', ''))
        key = SeriesUID(
            str(first.get('PatientID') or ''), study, stack.series_uid,
            _number(stack.divided.get('input_acquisition')), _number(stack.divided.get('input_echo')),
            stack.number,
        )  # fmt: skip
        own = tuple(by_name[name] for name in sorted(names))
        header = described[_identity(stack.frames[0])]
        found.entries.append(Entry(
            key, own + tuple(others.get(study, ())), choice, header,
            (len(stack.frames), *stack.frames[0].size),
        ))  # fmt: skip
    if wanted is not None and len(found.entries) == count:
        raise NoDataReadError(f'no series has a stack number {wanted} (input_stack)')


def _identity(frame: Frame | Instance) -> tuple[str, ...]:
    keywords = ('PatientID', 'StudyInstanceUID', 'SeriesInstanceUID')
    return tuple(str(frame.dataset.get(keyword, '')) for keyword in keywords)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip('-').isdigit() else None


def _light_frames(
    source: Source,
    reader: FastReader,
    found: Inventory,
    others: dict[str, list[Source]],
    described: dict[tuple[str, ...], Dataset],
) -> list[Frame]:
    """Return the frames of one file, with those elements only that group them."""
    from .formats.dicom.frames import frames_of
    from .formats.dicom.scan import scan

    with reporting(None):
        scanned = scan([source], headers_only=True, reader=reader)
    for instance in scanned.others:
        others.setdefault(str(instance.dataset.get('StudyInstanceUID', '')), []).append(source)
    found.left += scanned.left
    frames = [frame for instance in scanned.instances for frame in frames_of(instance)]
    for instance in scanned.instances:
        dataset = instance.dataset
        if _identity(instance) not in described:
            described[_identity(instance)] = _part(dataset, _DESCRIPTIVE)
    return [replace(frame, dataset=_part(frame.dataset, _GROUPING), pixels=None) for frame in frames]  # type: ignore[arg-type]


def _part(dataset: Dataset, keywords: Sequence[str]) -> Dataset:
    """Return a dataset with some elements of another one."""
    from pydicom.dataset import Dataset

    part = Dataset()
    for keyword in keywords:
        if keyword in dataset:
            part[keyword] = dataset[keyword]
    return part


# --- other formats ------------------------------------------------------------------------------


def _add_others(found: Inventory, options: Mapping[str, Any]) -> None:
    """Move files of other formats from `left` to entries: each file is a series, or a folder of pictures."""
    left, found.left = found.left, []
    stacked: dict[tuple[str, str], list[Source]] = {}
    for source, why in left:
        if why not in ('', 'not DICOM'):
            found.left.append((source, why))
            continue
        extension = _picture_extension(source.basename)
        if extension:
            stacked.setdefault((source.name[: -len(source.basename)], extension), []).append(source)
        else:
            _add_series(found, [source], options)
    for pictures in stacked.values():
        _add_series(found, pictures, options)


def _picture_extension(name: str) -> str:
    """Return the extension of a file of one image, which may be a slice of a stack; '' for others."""
    from .registry import formats

    extensions = [e for plugin in formats() for e in getattr(plugin, 'one_image', ())]
    return next((e for e in extensions if name.lower().endswith(e)), '')


def _add_series(found: Inventory, sources: Sequence[Source], options: Mapping[str, Any]) -> None:
    """Add the series that files are together; or each of them by itself, where they are several."""
    try:
        series = read(sources, 'none', {**options, 'headers_only': True})
    except (UnknownInputError, NotImageError) as error:
        found.left += [(source, str(error)) for source in sources]
        return
    except ImagedataError as error:
        if len(sources) == 1:
            if not options.get('skip_broken_series'):
                raise
            found.broken.append((sources[0].name, error))
            return
        series = []
    if len(sources) > 1 and len(series) != 1:
        for source in sources:
            _add_series(found, [source], options)
        return
    found.entries += [_entry(data, sources) for data in series]


def _entry(data: SeriesData, sources: Sequence[Source]) -> Entry:
    """Return the entry of a series of another format than DICOM."""
    from pydicom.dataset import Dataset

    header = Dataset()
    header.SeriesDescription = data.header.attribute('seriesDescription') or _stem(sources)
    grid = data.header.geometry
    images = math.prod(len(data.header.tag_axes[dim]) for dim in data.header.tag_dims)
    counts = grid.shape if grid is not None else (1, 0, 0)
    return Entry(
        SeriesUID('', '', data.identity.uid), tuple(sources), {}, header,
        (images * counts[0], counts[1], counts[2]), str(data.header.attributes.get('input_format')),
    )  # fmt: skip


def _stem(sources: Sequence[Source]) -> str:
    """Return a name for a series: that of its file, or of the folder of its files."""
    first = sources[0]
    if len(sources) > 1:
        folder = re.split(r'[/\\?]', first.name)[-2:-1]
        return folder[0] if folder and folder[0] else 'pictures'
    return first.basename.split('.')[0] or first.basename
