"""What a format plugin is: a small subclass of `Format` with a name, extensions, `read` and `write`.

A plugin is found by an entry point in the group `imagedata_plugins`. It deals in plain values
(`SeriesData`: an array and a `Header`) and never imports `Series`. Its module must be cheap to
import: import heavy libraries in the functions that use them (`require` does it for those that
may not be installed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from io import SEEK_END, BytesIO
from os import PathLike
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Protocol

import numpy as np

from ..errors import (
    FileAccessError,
    ImagedataError,
    InputNotFoundError,
    MissingDependencyError,
    WriteNotImplemented,
)
from ..header import Header, SeriesData

__all__ = [
    'HEAD',
    'Capabilities',
    'Format',
    'Made',
    'ReadRequest',
    'ReadResult',
    'Source',
    'WriteRequest',
    'check_capable',
    'is_location',
    'natural_image',
    'require',
]

HEAD = 4096
"""Number of bytes, from the beginning of a file, that `identifies` gets: fewer if it is shorter."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: on the local disk, in an archive, or behind a URL.

    Parameters
    ----------
    name : str
        What messages call it: its path or URL.
    path : Path or None
        Where it is on the local disk; None: it is not a file there.
    opener : function or None
        Opens it for reading bytes, where it has no path.
    neighbour : function or None
        Takes a file name, and returns the source of that name in the same folder or None,
        where it has no path.
    """

    name: str
    path: Path | None = None
    opener: Callable[[], BinaryIO] | None = None
    neighbour: Callable[[str], Source | None] | None = None
    _seen: list[bytes] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of_stream(cls, stream: BinaryIO) -> Source:
        """Return the bytes of an open binary file, from where it stands; it is read, and not closed.

        Its name, where it has one, is that of the source.

        Raises
        ------
        TypeError
            When the file was opened as text.
        """
        content = stream.read()
        if not isinstance(content, bytes):
            raise TypeError(f'{stream!r} gives {type(content).__name__}: open the file with mode "rb"')
        name = getattr(stream, 'name', None)
        return cls(name if isinstance(name, str) else '<stream>', opener=lambda: BytesIO(content))

    def head(self) -> bytes:
        """Return the first `HEAD` bytes, fewer if it is shorter; the file is read for them once.

        Raises
        ------
        InputNotFoundError, FileAccessError
            When it cannot be opened, or read.
        """
        if not self._seen:
            try:
                with self.open() as file:
                    self.remember(file.read(HEAD))
            except OSError as error:
                if isinstance(error, ImagedataError):
                    raise
                raise self.unreadable(error) from (error if self.path is not None else None)
        return self._seen[0]

    def unreadable(self, error: OSError) -> ImagedataError:
        """Return what is told of the file where the system does not let it be read."""
        remedy = 'or leave it out with skip_broken_series=True'
        if isinstance(error, FileNotFoundError):
            linked = self.path is not None and self.path.is_symlink()
            what = 'is a link to a file that is not there' if linked else 'is not there any more'
            return InputNotFoundError(f'{self.name} {what}: copy it anew, {remedy}')
        why = error.strerror or type(error).__name__
        return FileAccessError(f'{self.name} cannot be read ({why}): get permission, copy it anew, {remedy}')

    def remember(self, head: bytes) -> None:
        """Keep the first `HEAD` bytes, which somebody has read, for those who ask for them later."""
        self._seen[:] = [head]

    @property
    def seen(self) -> bytes | None:
        """The first `HEAD` bytes where somebody has read them, else None."""
        return self._seen[0] if self._seen else None

    @property
    def basename(self) -> str:
        """File name without folders, such as 'image.nii.gz'."""
        if self.path is not None:
            return self.path.name
        return re.split(r'[/\\?]', self.name)[-1]

    def open(self) -> BinaryIO:
        """Open the file for reading bytes, with `seek`."""
        if self.path is not None:
            return self.path.open('rb')
        if self.opener is None:
            raise InputNotFoundError(f'{self.name} has neither a path nor an opener')
        return self.opener()

    def size(self) -> int:
        """Return the number of bytes."""
        if self.path is not None:
            return self.path.stat().st_size
        with self.open() as file:
            return file.seek(0, SEEK_END)

    def beside(self, filename: str) -> Source | None:
        """Return the file of a name in the same folder, or below it with '/'; None where there is none."""
        if self.path is not None:
            other = self.path.parent / filename
            return Source(str(other), other) if other.is_file() else None
        return self.neighbour(filename) if self.neighbour is not None else None

    @contextmanager
    def local(self, *beside: str) -> Iterator[Path]:
        """Give the path of a local file with these bytes, for libraries that take paths only.

        A file that is not on the local disk is copied into a temporary folder, under its own
        name, with those of the files `beside` it that there are, under theirs; gone afterwards.
        """
        if self.path is not None:
            yield self.path
            return
        with TemporaryDirectory(prefix='imagedata-') as folder:
            others = {name: self.beside(name) for name in beside}
            for name, source in {**others, self.basename: self}.items():
                if source is None:
                    continue
                place = Path(folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                with source.open() as file, place.open('wb') as copy:
                    copyfileobj(file, copy)
            yield Path(folder, self.basename)


def is_location(data: Any) -> bool:
    """Return whether something says where to read: path, URL, `Source`, open file, or a list of them."""
    if isinstance(data, (list, tuple)):
        return bool(data) and all(_is_place(item) for item in data)
    return _is_place(data)


def _is_place(data: Any) -> bool:
    return isinstance(data, (str, PathLike, Source)) or (hasattr(data, 'read') and hasattr(data, 'seek'))


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """How the user wants it read.

    Parameters
    ----------
    order : str
        'auto', 'none', or names of sort criteria separated by commas.
    options : mapping
        Further options, by name: `dtype`, `headers_only`, and those of one format.
    """

    order: str = 'auto'
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a plugin made of the sources.

    Parameters
    ----------
    series : sequence of SeriesData
    left : sequence of (Source, str)
        Sources that are not of this format, each with the reason, for the next plugin.
    used : collection of str
        Names of further files that belong to these series, and were read with them: the pixels
        beside a header, a table of b values. They are not reported as left out.
    """

    series: Sequence[SeriesData]
    left: Sequence[tuple[Source, str]] = ()
    used: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """How, and in what, a Series is to be written.

    Parameters
    ----------
    folder : Path
        An existing empty folder to write into: staging, whose files are moved into place
        together when all are written. No file is to be written elsewhere.
    filename : str or None
        Name that the user gave the file; None: the plugin chooses names.
    options : mapping
        Further options, by name.
    extension : str or None
        Extension of the names that the plugin chooses, where the user asked for one: '.png'.
    """

    folder: Path
    filename: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is encoded when it is asked for, to be sent somewhere, and not kept.

    Parameters
    ----------
    name : str
        What messages call it: the path that it would have in a folder.
    head : function
        Opens it for reading what stands before its pixels, at least.
    content : function
        Returns all of its bytes.
    """

    name: str
    head: Callable[[], BinaryIO]
    content: Callable[[], bytes]

    @classmethod
    def at(cls, path: Path) -> Made:
        """Return a file of the local disk."""
        return cls(str(path), lambda: path.open('rb'), path.read_bytes)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a format can hold. What is not declared has no limit.

    A series beyond `writes`, `dimensions` or `colour` is refused before the plugin sees it.
    `dtypes` only informs: a plugin converts other types, and warns of what is lost.

    Parameters
    ----------
    writes : bool
        False: the format is read only.
    dimensions : int or None
        Most dimensions that one series may have, slice, row and column among them.
    dtypes : tuple of str
        Types of values that it stores as they are, by NumPy's names.
    colour : bool
        Whether it has colour images (structured values R, G, B).
    geometry : bool
        Whether it stores where the voxels are.
    """

    writes: bool = True
    dimensions: int | None = None
    dtypes: tuple[str, ...] = ()
    colour: bool = True
    geometry: bool = True


class Format(Protocol):
    """A format plugin. Subclass it: what has a value here is optional.

    Attributes
    ----------
    name : str
        What `input_format=` and `formats=` call it, in small letters.
    description : str
        A few words for `imagedata plugins`.
    extensions : tuple of str
        With the dot, in small letters: ('.nii.gz', '.nii'). The first is given to a file name
        that has none.
    single_file : bool
        Whether a series is one file; else it is a folder of files.
    one_image : tuple of str
        Extensions of files that hold one image all the same: a series of several is a folder of them.
    capabilities : Capabilities
    requires : mapping of str to str
        Modules that may not be installed, each with what pip is to install:
        {'h5py': 'imagedata[hdf5]'}.
    options : tuple of str or None
        Names of the options of reading and writing that it knows beside the general ones
        (`dtype`, `headers_only`); others are warned of. None: it may know any.
    last_resort : bool
        Whether it is tried on files that neither content nor name tell to be its own, when
        nothing else was read.
    """

    plugin_type: ClassVar[str] = 'format'
    name: ClassVar[str]
    description: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    single_file: ClassVar[bool] = True
    one_image: ClassVar[tuple[str, ...]] = ()
    capabilities: ClassVar[Capabilities] = Capabilities()
    requires: ClassVar[Mapping[str, str]] = MappingProxyType({})
    options: ClassVar[tuple[str, ...] | None] = ()
    last_resort: ClassVar[bool] = False

    def identifies(self, name: str, head: bytes) -> bool:
        """Return whether the content shows that a file is of this format.

        The file is then read by this plugin, whatever its name says. Must not need anything in
        `requires`. Without it, files are recognised by their extension alone.

        Parameters
        ----------
        name : str
            File name, with or without folders: for formats whose content is ambiguous alone.
        head : bytes
            The first `HEAD` bytes.
        """
        return False

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read the series in `sources`, all those that are this plugin's by content or name.

        Raises
        ------
        ImagedataError
            For a file that is of this format, and cannot be read: no other plugin is tried.
        """
        ...

    def companions(self, name: str) -> Sequence[str]:
        """Return the names of files that are read with one of a name, where they lie beside it.

        They are refused where they belong to an older file of that name, and are not written anew.
        """
        return ()

    def wrote(self, path: Path) -> bool:
        """Return whether a file was written by this plugin before, and may be replaced.

        Asked for formats of many files only: one that the user named always may.
        """
        return True

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series into `request.folder`, and return the relative paths of the files.

        Parameters
        ----------
        data : SeriesData
            Dimensions (tags..., slice, row, column), whatever the user's array was.
        request : WriteRequest
        """
        raise WriteNotImplemented(f'format {self.name} is read only: choose another with formats=')

    def made(self, data: SeriesData, options: Mapping[str, Any]) -> Sequence[Made]:
        """Return the files of a series without writing them, each encoded when it is asked for.

        For servers of images, which take what is sent. What cannot be encoded is an error here,
        before the first one is sent. Optional.

        Parameters
        ----------
        data, options
            As `write` has them.
        """
        raise WriteNotImplemented(f'format {self.name} is written to files, not sent to servers of images')


def require(module: str, install: str, purpose: str) -> Any:
    """Import a module that may not be installed, and return it.

    Parameters
    ----------
    module : str
        'h5py'.
    install : str
        What pip is to install: 'imagedata[hdf5]'.
    purpose : str
        What it is for: 'MATLAB 7.3 files'.

    Raises
    ------
    MissingDependencyError
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split('.')[0]:
            raise
        raise MissingDependencyError(f"{purpose} need {module}: run pip install '{install}'") from error


def check_capable(plugin: Format, data: SeriesData) -> None:
    """Check that a format can hold a series.

    Raises
    ------
    WriteNotImplemented
        When it declares that it cannot.
    """
    able = plugin.capabilities
    dimensions = sum(n > 1 for n in data.array.shape[:-2]) + 2
    if not able.writes:
        problem = 'is read only'
    elif able.dimensions is not None and dimensions > able.dimensions:
        problem = f'holds {able.dimensions} dimensions at most, not {dimensions}'
    elif not able.colour and data.array.dtype.names:
        problem = 'has no colour images'
    else:
        return
    raise WriteNotImplemented(f'format {plugin.name} {problem}: choose another with formats=')


def natural_image(data: SeriesData) -> SeriesData:
    """Return the data with dimensions (tags..., slice, row, column), as formats write them.

    A spatial dimension that the array does not have gets length 1.

    Raises
    ------
    WriteNotImplemented
        When the array has no rows and columns.
    """
    from dataclasses import replace

    from ..axis import SPATIAL
    from ..indexing import canonical_order

    header = data.header
    if 'row' not in header.dims and 'column' not in header.dims:
        raise WriteNotImplemented(
            f'an image needs rows and columns; this array of shape {data.array.shape} has the '
            f'dimensions {", ".join(header.dims) or "none"}: assign series.axes to name them'
        )
    order = canonical_order(header.dims)
    array = np.transpose(data.array, order)
    tags = header.tag_dims
    for at, name in enumerate(SPATIAL):
        if name not in header.dims:
            array = np.expand_dims(array, len(tags) + at)
    natural: Header = replace(header, dims=(*tags, *SPATIAL))
    return SeriesData(array, natural, data.identity)
