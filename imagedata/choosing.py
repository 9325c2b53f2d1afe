"""Which format reads which file: by content first, then by name.

DICOM looks at every file itself, so that a folder of ten thousand images is opened once. Of what
it leaves, each file goes to the format that identifies its content; that one reads it, or says
what is wrong with it, and nobody else guesses. Files that no content tells apart go by their
extension. Only where nothing at all was read so far, plugins that can tell no file from another
(those of imagedata 3) try the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .conversion import converted
from .errors import CorruptFileError, DataTypeError, ImagedataError, NotImageError, UnknownInputError
from .formats.contract import Format, ReadRequest, ReadResult, Source
from .header import SeriesData
from .registry import formats, missing_modules

__all__ = ['Choice', 'identify']


def identify(name: str, head: bytes) -> list[Format]:
    """Return the formats that a file is of by its content.

    Parameters
    ----------
    name : str
    head : bytes
        The first `contract.HEAD` bytes.
    """
    return [plugin for plugin in formats() if plugin.identifies(name, head)]


class Choice:
    """Files on their way to the formats that read them.

    Parameters
    ----------
    sources : sequence of Source
    request : ReadRequest
    notes : mapping of str to str
        What is known of some of them beforehand, by their names.

    Attributes
    ----------
    series : list of SeriesData
        What was read so far.
    left : list of (Source, str)
        What nobody read so far, each with the reasons.
    """

    def __init__(
        self, sources: Sequence[Source], request: ReadRequest, notes: Mapping[str, str] | None = None
    ) -> None:
        self.request = request
        self.series: list[SeriesData] = []
        self._reasons: dict[str, list[str]] = {source.name: [] for source in sources}
        for name, why in (notes or {}).items():
            self._reasons[name] += [why] if why else []
        self._left = {source.name: source for source in sources}
        self._tried: list[Format] = []

    @property
    def left(self) -> list[tuple[Source, str]]:
        """Sources that nobody read, each with the reasons."""
        unknown = 'no format knows its content or its name'
        reasons = {name: '; '.join(dict.fromkeys(why)) for name, why in self._reasons.items()}
        return [(source, reasons[name] or unknown) for name, source in self._left.items()]

    def run(self) -> None:
        """Offer the files to all formats, in the order that the module describes."""
        dicom, *others = self._tried = list(formats())
        self._offer_to_dicom(dicom)
        self._by_content(others)
        for plugin in others:
            self.offer(plugin, [s for s in self._left.values() if _is_named(s, plugin)])
        for plugin in others:
            if not self.series and plugin.last_resort:
                self.offer(plugin, [s for s in self._left.values() if not _is_named(s, plugin)])

    def offer(self, plugin: Format, sources: Sequence[Source] | None = None) -> None:
        """Let a format read those of some files that are its own; all that are left by default."""
        offered = list(self._left.values()) if sources is None else list(sources)
        if not offered:
            return
        if plugin not in self._tried:
            self._tried.append(plugin)
        result = self._read(plugin, offered)
        unmapped = plugin.options is not None and 'mmap' not in plugin.options
        if result.series and unmapped and self.request.options.get('mmap'):
            raise DataTypeError(
                f'files of the format {plugin.name} cannot be memory-mapped: leave out mmap, or write an '
                'uncompressed .nii or .mha first'
            )
        self.series += [_completed(data, plugin, self.request) for data in result.series]
        for source in offered:
            self._left.pop(source.name, None)
        for source, why in result.left:
            self._left[source.name] = source
            self._reasons[source.name].append(why)
        for name in result.used:
            self._left.pop(name, None)

    def _read(self, plugin: Format, sources: Sequence[Source]) -> ReadResult:
        """Return what a format makes of files; what a plugin of others ends with is an error about them."""
        try:
            return plugin.read(sources, self.request)
        except (ImagedataError, OSError, MemoryError, Warning):
            raise
        except Exception as error:
            if type(plugin).__module__.partition('.')[0] == 'imagedata':
                raise
            more = f' or one of {len(sources) - 1} more' if len(sources) > 1 else ''
            raise CorruptFileError(
                f'{sources[0].name}{more} is damaged, or the plugin {plugin.name} has a fault, which ended '
                f'with {type(error).__name__}: {error}; read the file elsewhere to see which, or leave it out'
            ) from error

    def _offer_to_dicom(self, dicom: Format) -> None:
        """Offer all files to DICOM, without those that only their name makes DICOM.

        They are an error to it, as files that lost their beginning are. So it is only then that
        their content is asked.
        """
        try:
            self.offer(dicom)
        except CorruptFileError:
            named = [source for source in self._left.values() if _is_named(source, dicom)]
            others = {s.name for s in named if (f := identify(s.basename, s.head())) and dicom not in f}
            if not others:
                raise
            self.offer(dicom, [s for name, s in self._left.items() if name not in others])

    def _by_content(self, plugins: Sequence[Format]) -> None:
        """Offer each file to the formats that identify it."""
        claims: dict[str, list[Format]] = {}
        for name, source in self._left.items():
            claims[name] = identify(source.basename, source.head())
        for plugin in plugins:
            if not any(plugin in claims[name] for name in self._left):
                continue
            # Together with those whose name alone tells: they may belong to one stack.
            self.offer(plugin, [
                source for name, source in self._left.items()
                if plugin in claims[name] or (not claims[name] and _is_named(source, plugin))
            ])  # fmt: skip

    def nothing_read(self, names: str) -> Exception:
        """Return the error for files of which none was read.

        Parameters
        ----------
        names : str
            What the user named.
        """
        left = self.left
        shown = [f'{source.name}: {reason}' for source, reason in left[:3]]
        more = f' (and {len(left) - 3} more)' if len(left) > 3 else ''
        if any('no image' in reason for _, reason in left):
            return NotImageError(
                f'{names} holds no image: {"; ".join(shown)}{more}; name a file or folder with images'
            )
        tried = ', '.join(plugin.name for plugin in self._tried)
        return UnknownInputError(
            f'{names} is of no format that is installed (tried: {tried}): '
            f'{"; ".join(shown)}{more}; {self._remedy([source for source, _ in left])}'
        )

    def _remedy(self, sources: Sequence[Source]) -> str:
        """Return what to install for the files, where a format with their extension lacks something."""
        installs = {
            install: plugin.name
            for plugin in formats()
            for install in missing_modules(plugin).values()
            if any(_is_named(source, plugin) for source in sources)
        }
        if not installs:
            return 'name other files, or install a plugin for these'
        lines = ' or '.join(f"pip install '{install}' ({name})" for install, name in installs.items())
        return f'these may be read after {lines}'


def _completed(data: SeriesData, plugin: Format, request: ReadRequest) -> SeriesData:
    """Return a series with what every reading has, where a plugin left it out: format, report, type."""
    header = data.header
    if not header.report:
        header = replace(header, report=(f'read by the format {plugin.name}, which tells nothing more',))
    if 'input_format' not in header.attributes:
        header = replace(header, attributes={**header.attributes, 'input_format': plugin.name})
    array = data.array
    wanted = None if request.options.get('dtype') is None else np.dtype(request.options['dtype'])
    if wanted is not None and array.ndim and array.dtype != wanted:
        array = converted(array, wanted, DataTypeError)
    if header is data.header and array is data.array:
        return data
    return SeriesData(array, header, data.identity)


def _is_named(source: Source, plugin: Format) -> bool:
    return source.basename.lower().endswith(plugin.extensions)
