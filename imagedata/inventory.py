"""What series there are among many files: each with its files and a header, none of them read yet."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ImagedataError, NoDataReadError, NotImageError, UnknownInputError
from .formats.contract import Source
from .reading import find_sources, read

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from .formats.dicom.catalogue import Catalogue, Listed
    from .formats.dicom.group import Stack
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
    if wanted is not None and stacks and not found.entries:
        raise NoDataReadError(f'no series has a stack number {wanted} (input_stack)')


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
    found.entries += [_file_entry(data, sources) for data in series]


def _file_entry(data: SeriesData, sources: Sequence[Source]) -> Entry:
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
