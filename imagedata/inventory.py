"""What series there are among many files: each with its files and a header, none of them read yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ImagedataError, NotImageError, UnknownInputError
from .formats.contract import Source
from .reading import find_sources, read

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .formats.dicom.catalogue import Catalogue, Listed
    from .formats.dicom.group import Stack

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

def _add_dicom(found: Inventory, options: Mapping[str, Any]) -> None:
    """Move the DICOM files of an inventory from `left` to entries and `broken`."""
    from .formats.dicom.catalogue import catalogue
    from .formats.dicom.dicomdir import expanded

    skip = bool(options.get('skip_broken_series'))
    sources, _ = expanded([source for source, _ in found.left], skip_broken=skip)
    listed = catalogue(sources, options, skip_broken=skip)
    found.left = listed.left
    found.broken += listed.broken
    wanted = options.get('input_stack')
    stacks = listed.stacks({k: v for k, v in options.items() if k != 'input_stack'})
    own = [{image.name: image.source for image in stack.frames} for stack in stacks]
    whole: dict[tuple[str, ...], dict[str, Source]] = {}
    holders: Counter[tuple[tuple[str, ...], str]] = Counter()
    for stack, files in zip(stacks, own, strict=True):
        whole.setdefault(stack.kin.identity, {}).update(files)
        holders.update((stack.kin.identity, name) for name in files)
    for stack, files in zip(stacks, own, strict=True):
        if wanted is not None and (stack.number or 0) != int(wanted):
            continue
        choice: Mapping[str, Any] = {}
        if any(holders[stack.kin.identity, name] > 1 for name in files):
            # Several stacks in one file: only all files of the series number them as here.
            files, choice = whole[stack.kin.identity], stack.choice
        found.entries.append(_entry(listed, stack, files, choice))


def _entry(
    listed: Catalogue, stack: Stack[Listed], files: Mapping[str, Source], choice: Mapping[str, Any]
) -> Entry:
    """Return the entry of a stack."""
    patient, study, series = stack.kin.identity
    key = SeriesUID(
        patient, study, series, _number(stack.divided.get('input_acquisition')),
        _number(stack.divided.get('input_echo')), stack.number,
    )  # fmt: skip
    return Entry(
        key,
        (*(files[name] for name in sorted(files)), *listed.others.get(study, ())),
        choice,
        listed.headers[stack.kin.identity],
        (sum(image.count for image in stack.frames), *stack.kin.size),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip('-').isdigit() else None


# --- other formats ------------------------------------------------------------------------------


def _add_others(found: Inventory, options: Mapping[str, Any]) -> None:
    """Move files of other formats from `left` to entries: each file is a series."""
    from pydicom.dataset import Dataset

    left, found.left = found.left, []
    for source, why in left:
        if why not in ('', 'not DICOM'):
            found.left.append((source, why))
            continue
        try:
            series = read([source], 'none', {**options, 'headers_only': True})
        except (UnknownInputError, NotImageError) as error:
            found.left.append((source, str(error)))
            continue
        except ImagedataError as error:
            if not options.get('skip_broken_series'):
                raise
            found.broken.append((source.name, error))
            continue
        for data in series:
            header = Dataset()
            header.SeriesDescription = data.header.attribute('seriesDescription') or _stem(source)
            grid = data.header.geometry
            images = 1
            for dim in data.header.tag_dims:
                images *= len(data.header.tag_axes[dim])
            counts = grid.shape if grid is not None else (1, 0, 0)
            found.entries.append(Entry(
                SeriesUID('', '', data.identity.uid), (source,), {}, header,
                (images * counts[0], counts[1], counts[2]), str(data.header.attributes.get('input_format')),
            ))  # fmt: skip


def _stem(source: Source) -> str:
    return source.basename.split('.')[0] or source.basename
