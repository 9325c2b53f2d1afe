"""From files to DICOM datasets: each file is opened once and read once.

A file that is DICOM and cannot be read as DICOM is an error about that file. A file that is
not DICOM is left for other formats.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import CorruptFileError, ImagedataError
from ...progress import tracked
from ..contract import HEAD, Source
from .ahead import read_ahead
from .inflate import DEFLATED_FRAMES, inflated
from .plausible import DEFLATED, check_deflated, check_numbers, check_pixels

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from .arena import Arena
    from .checked import CheckedDataset
    from .items import FrameItem

__all__ = [
    'PARSE_ERRORS', 'Instance', 'Scan', 'Scanner', 'checked', 'no_image', 'scan',
]  # fmt: skip

_DIRECTORY = '1.2.840.10008.1.3.10'
"""Media Storage Directory: a DICOMDIR."""

_A_DICOMDIR = 'a DICOMDIR, no image itself'

EXPLICIT = '1.2.840.10008.1.2.1'
"""Explicit VR Little Endian."""

PARSE_ERRORS = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError,
    OverflowError, RecursionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom raises for bytes that are not what they should be."""

_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, double float and integer Pixel Data."""


@dataclass(slots=True)
class Instance:
    """One DICOM object.

    Parameters
    ----------
    name : str
        Its file, for messages.
    dataset : CheckedDataset
        Its header, without pixels.
    pixels : bytes or memoryview or None
        Value of Pixel Data as it stands in the file; None when it was not read.
    pixel_tag : int
        Which kind of Pixel Data: integer (7FE0,0010), float (7FE0,0008) or double (7FE0,0009).
    pixel_vr : str
        Its value representation: in big endian files, bytes of OW are swapped, of OB not.
    slot : (Arena, int) or None
        Where the pixels lie among those of other files of their size.
    frames : list of FrameItem
        What varies in the functional groups of its frames; empty where nothing is known of them.
    """

    name: str
    dataset: CheckedDataset
    pixels: bytes | memoryview | None = None
    pixel_tag: int = 0x7FE00010
    pixel_vr: str = 'OW'
    slot: tuple[Arena, int] | None = None
    frames: list[FrameItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found.

    Parameters
    ----------
    instances : list of Instance
        Objects with pixels.
    left : list of (Source, str)
        Files that are not DICOM, or hold no image, each with the reason.
    notes : list of str
        Files that were left out because the user wanted broken ones skipped.
    others : list of Instance
        Objects without pixels; their files are among `left` as well.
    """

    instances: list[Instance]
    left: list[tuple[Source, str]]
    notes: list[str]
    others: list[Instance] = field(default_factory=list)


def scan(sources: Sequence[Source], *, headers_only: bool = False, skip_broken: bool = False) -> Scan:
    """Read the DICOM files among `sources`.

    Raises
    ------
    CorruptFileError
        For a DICOM file that is truncated or cannot be parsed, unless `skip_broken`.
    """
    found = Scan([], [], [])
    scanner = Scanner(sources, headers_only=headers_only)
    items = tracked(sources, 'Reading')
    for source in items if headers_only else read_ahead(items, sources):
        try:
            instance, reason = scanner.read(source)
        except ImagedataError as error:
            if not skip_broken:
                raise
            found.notes.append(f'left out: {error}')
            continue
        if reason:
            found.left.append((source, reason))
            if instance is not None:
                found.others.append(instance)
        elif instance is not None:
            found.instances.append(instance)
    return found


class Scanner:
    """Reads files one after the other, and remembers how the headers of those before lay.

    Parameters
    ----------
    sources : sequence of Source
        All that will be read: as many images there are at most.
    headers_only : bool
    """

    def __init__(self, sources: Sequence[Source] = (), *, headers_only: bool) -> None:
        from .fastscan import FastReader

        self._headers_only = headers_only
        self._fast = FastReader(sources, headers_only=headers_only)

    def read(self, source: Source) -> tuple[Instance | None, str]:
        """Return the DICOM object of a file, None where there is none, and why it is no image, '' for one.

        Raises
        ------
        CorruptFileError
            For a DICOM file that is truncated or cannot be parsed.
        InputNotFoundError, FileAccessError
            When it cannot be opened, or read.
        """
        try:
            return self._read(source)
        except OSError as error:
            if isinstance(error, ImagedataError):
                raise
            raise source.unreadable(error) from (error if source.path is not None else None)

    def _read(self, source: Source) -> tuple[Instance | None, str]:
        if source.seen is not None and not is_dicom(source.seen):
            check_name(source)
            return None, 'not DICOM'
        # Each file is opened once: without a buffer for the fast way, with one for the other.
        with io.FileIO(source.path) if source.path is not None else source.open() as file:
            # What is in memory, as images of a PACS are, is read in the same way.
            instance = None
            if isinstance(file, (io.FileIO, io.BytesIO)):
                instance = self._fast.read(source.name, file)
            if instance is not None:
                return instance, ''
            file.seek(0)
            head = file.read(HEAD)
            if not is_dicom(head):
                source.remember(head)
                check_name(source)
                return None, 'not DICOM'
            instance = _read(source.name, file, self._headers_only)
        reason = no_image(instance, self._headers_only)
        return (None if reason == _A_DICOMDIR else instance), reason


def is_dicom(head: bytes) -> bool:
    """Return whether the first bytes are those of DICOM: by the prefix, or by an element that fits.

    Files of old archives lack the preamble; they begin with an element of group 0002 or 0008.
    """
    if head[128:132] == b'DICM':
        return True
    if len(head) < 16:
        return False
    group, element = struct.unpack('<HH', head[:4])
    if group not in (0x0002, 0x0008) or element > 0x0060:
        return False
    if head[4:6].isalpha() and head[4:6].isupper():
        return True
    return bool(struct.unpack('<I', head[4:8])[0] <= 256)


def check_name(source: Source) -> None:
    """Raise for a file that is not DICOM where its name says so: it lost its beginning, or all.

    Names that begin with a dot are notes of file systems (`._1.dcm` of macOS), not images.
    """
    name = source.basename.lower()
    if name.endswith(('.dcm', '.ima', '.dicom')) and not name.startswith('.'):
        raise CorruptFileError(
            f'{source.name} is not DICOM, as its name says ({source.size()} bytes, no prefix): '
            'copy it anew, remove it, or leave it out with skip_broken_series=True'
        )


def _read(name: str, file: BinaryIO | io.FileIO, headers_only: bool) -> Instance:
    import pydicom
    from pydicom.errors import BytesLengthException
    from pydicom.uid import UID

    file.seek(0)
    data = file.read()
    try:
        if DEFLATED.encode() in data[:4096]:
            check_deflated(name, io.BytesIO(data))
        parsed = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=headers_only, force=True)
        _check_whole(name, parsed, len(data))
        for element in parsed.file_meta:  # parses it
            del element
        dataset = checked(name, parsed)
        if 'Rows' in dataset:
            check_numbers(name, dataset)
        pixels, kind, vr = None, _PIXELS[-1], 'OW'
        for tag in _PIXELS:
            if tag in dataset:
                raw: Any = dataset.get_item(tag)
                value, vr = raw.value, raw.VR or 'OW'
                pixels = value if isinstance(value, bytes) else bytes(dataset[tag].value)
                kind = tag
                del dataset[tag]
                if 'Rows' in dataset:
                    if str(dataset.file_meta.get('TransferSyntaxUID', '')) == DEFLATED_FRAMES:
                        pixels, vr = inflated(name, dataset, pixels), 'OW'
                        dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
                        check_pixels(name, dataset, pixels, kind, undefined_length=False)
                        continue
                    fragments = getattr(raw, 'length', 0) == 0xFFFFFFFF
                    check_pixels(name, dataset, pixels, kind, undefined_length=fragments)
        return Instance(name, dataset, pixels, kind, vr)
    except ImagedataError:
        raise
    except (*PARSE_ERRORS, BytesLengthException) as error:
        raise CorruptFileError(
            f'{name} is DICOM and cannot be read ({type(error).__name__}: {error}): '
            'the file is damaged; replace it, or leave it out with skip_broken_series=True'
        ) from error


def checked(name: str, parsed: FileDataset) -> CheckedDataset:
    """Return a dataset with the elements of another one, parsed or not, whose errors tell the file."""
    from .checked import CheckedDataset

    header = CheckedDataset(name)
    header._dict = parsed._dict
    header._private_blocks = parsed._private_blocks
    implicit, little = parsed.original_encoding
    header.set_original_encoding(implicit, little, parsed.original_character_set)
    header._parent_encoding = parsed._parent_encoding
    header.file_meta = parsed.file_meta
    return header


@cache
def _representations() -> frozenset[str | None]:
    """Return all value representations; None is that of files that do not write them."""
    from pydicom.valuerep import VR

    return frozenset((None, *VR))


def _check_whole(name: str, dataset: FileDataset, size: int) -> None:
    """Raise when the last element is shorter than its length says: the file is cut off."""
    tags = list(dataset.keys())
    if not tags:
        raise CorruptFileError(
            f'{name} has no DICOM elements after its prefix, and {size} bytes in all: the file is cut off; '
            'copy it anew, or leave it out with skip_broken_series=True'
        )
    known = _representations()
    strange = [e for e in dataset.values() if e.VR not in known and not e.tag.is_private]
    if strange:
        # It would be an error in whatever asks for the element: better one here, with the file's name.
        raise CorruptFileError(
            f'{name}: element {strange[0].tag} has the value representation {strange[0].VR!r}, and there is '
            'none of that name: the file is damaged; copy it anew, or leave it out with '
            'skip_broken_series=True'
        )
    last: Any = dataset.get_item(tags[-1])
    length = getattr(last, 'length', 0xFFFFFFFF)
    value = last.value
    if length != 0xFFFFFFFF and isinstance(value, bytes) and len(value) < length:
        raise CorruptFileError(
            f'{name} is cut off: element {last.tag} has {len(value)} of {length} bytes, the file ends '
            f'at byte {size}; copy it anew, or leave it out with skip_broken_series=True'
        )


def no_image(instance: Instance, headers_only: bool) -> str:
    """Return why an object is not an image, '' when it is one.

    Raises
    ------
    CorruptFileError
        For an image whose pixels are missing.
    """
    from pydicom.uid import UID

    dataset = instance.dataset
    sop_class = UID(str(dataset.get('SOPClassUID', '')))
    if dataset.file_meta.get('MediaStorageSOPClassUID') == _DIRECTORY:
        return _A_DICOMDIR
    if 'Rows' in dataset and (instance.pixels is not None or (headers_only and 'BitsAllocated' in dataset)):
        return ''
    kind = sop_class.name if sop_class else 'no SOP class'
    if 'Image Storage' in kind:
        raise CorruptFileError(
            f'{instance.name} is of {kind} and has no pixels: the file is cut off; '
            'copy it anew, or leave it out with skip_broken_series=True'
        )
    return f'DICOM of {kind}: no image'
