"""What is among DICOM files, by their headers: images that may form series, without reading pixels.

`Study`, `Patient`, `Cohort` and `dicom_sort` stand on it. Files are read one after the other. What is
kept of one is its source, and a tuple that is shared by all images that are alike: an archive may be
larger than memory.

A file that lies about its pixels is found out when it is read, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ...errors import ImagedataError
from ...progress import tracked
from ..contract import Source
from .frames import frames_of
from .group import Stack, stacks
from .kin import Kin, kin_of
from .scan import Scanner

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Catalogue', 'Listed', 'catalogue']

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
"""Elements that are kept of the first image of each series."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Images of one file that are alike: all of it, but for some objects of many frames.

    Parameters
    ----------
    source : Source
    instance_number : int
    kin : Kin
        What decides which stack they are of.
    count : int
        How many they are.
    """

    source: Source
    instance_number: int
    kin: Kin
    count: int

    @property
    def name(self) -> str:
        """The file, for messages."""
        return self.source.name


@dataclass(slots=True)
class Catalogue:
    """What is among some files.

    Parameters
    ----------
    images : list of Listed
        In the order of the files.
    others : dict of str to list of Source
        Study Instance UID to files of objects without pixels.
    headers : dict of tuple of str to Dataset
        Patient ID, Study and Series Instance UID to elements that describe the series: of its first file.
    left : list of (Source, str)
        Files that hold no images, with the reasons.
    broken : list of (str, ImagedataError)
        Names of files that cannot be read, with the reasons.
    """

    images: list[Listed] = field(default_factory=list)
    others: dict[str, list[Source]] = field(default_factory=dict)
    headers: dict[tuple[str, ...], Dataset] = field(default_factory=dict)
    left: list[tuple[Source, str]] = field(default_factory=list)
    broken: list[tuple[str, ImagedataError]] = field(default_factory=list)

    def stacks(self, options: Mapping[str, Any]) -> list[Stack[Listed]]:
        """Return the images that may form one array each; see `group.stacks`.

        Raises
        ------
        NoDataReadError
            When nothing is left of what the user chose.
        """
        return stacks(self.images, lambda listed: listed.kin, options) if self.images else []


def catalogue(
    sources: Sequence[Source], options: Mapping[str, Any] | None = None, *, skip_broken: bool = False
) -> Catalogue:
    """Return what is among files, without reading pixels.

    Parameters
    ----------
    sources : sequence of Source
    options : mapping, optional
        By which the user chooses images, or divides series; those of `Catalogue.stacks`.
    skip_broken : bool
        Whether files that cannot be read are listed in `broken`.

    Raises
    ------
    ImagedataError
        For a file that cannot be read, unless it is to be skipped.
    """
    found = Catalogue()
    collector = _Collector(found, options or {}, Scanner(headers_only=True))
    for source in tracked(sources, 'Cataloguing'):
        try:
            collector.add(source)
        except ImagedataError as error:
            if not skip_broken:
                raise
            found.broken.append((source.name, error))
    return found


@dataclass(slots=True)
class _Collector:
    """Puts files into a catalogue."""

    found: Catalogue
    options: Mapping[str, Any]
    scanner: Scanner
    kins: dict[Kin, Kin] = field(default_factory=dict)

    def add(self, source: Source) -> None:
        """Read the header of a file, and note what it is."""
        instance, reason = self.scanner.read(source)
        if reason:
            self.found.left.append((source, reason))
            if instance is not None:
                study = str(instance.dataset.get('StudyInstanceUID') or '')
                self.found.others.setdefault(study, []).append(source)
        elif instance is not None:
            for kin, alike in groupby(frames_of(instance), lambda frame: kin_of(frame, self.options)):
                numbers = [frame.instance_number for frame in alike]
                shared = self.kins.setdefault(kin, kin)
                self.found.images.append(Listed(source, min(numbers), shared, len(numbers)))
                if kin.identity not in self.found.headers:
                    self.found.headers[kin.identity] = _part(instance.dataset)


def _part(dataset: Dataset) -> Dataset:
    """Return a dataset with the elements of another one that describe its series."""
    from pydicom.dataset import Dataset

    part = Dataset()
    for keyword in _DESCRIPTIVE:
        if keyword in dataset:
            part[keyword] = dataset[keyword]
    return part
