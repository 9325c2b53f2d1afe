"""Format plugins of imagedata 3."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import CannotSort, ImagedataError, InputNotFoundError, MissingDependencyError
from ..formats.abstractplugin import AbstractPlugin, read_members
from ..formats.contract import Format, ReadRequest, ReadResult, Source, WriteRequest
from ..header import SeriesData
from .folders import FolderArchive, SourceArchive
from .header import PluginHeader, series_data

__all__ = ['LegacyFormat']


class LegacyFormat(Format):
    """A subclass of `AbstractPlugin`, or a class like one, as a format of this version.

    It does not tell its files by their content: it gets those with its extensions, and those
    that nobody else can read. Without `extensions`, its name counts as one.

    Parameters
    ----------
    plugin : type
    """

    last_resort = True
    options = None

    def __init__(self, plugin: type) -> None:
        self.plugin = plugin
        made = plugin()
        # Class attributes in the contract: here there is one object for each class.
        self.name = str(made.name).lower()
        self.description = str(getattr(made, 'description', ''))
        given = getattr(plugin, 'extensions', None) or (self.name,)
        self.extensions = tuple('.' + str(e).lower().lstrip('.') for e in given)

    def read(self, sources: Sequence[Source], request: ReadRequest) -> ReadResult:
        """Read one series from the files; those that the plugin does not know are left.

        Raises
        ------
        CannotSort, InputNotFoundError, MissingDependencyError
            As the plugin raises them. After any other error, the files are left, and it is
            told why.
        """
        plugin = self.plugin()
        hdr = PluginHeader(request.order, self.name)
        opts = {'input_options': {}, **request.options}
        archive = SourceArchive(sources)
        found = [{'archive': archive, 'files': archive.getnames()}]
        skipped: dict[str, str] = {}
        try:
            if getattr(type(plugin), 'read', None) in (None, AbstractPlugin.read):
                array, skipped = read_members(plugin, found, hdr, opts)
                read = [] if len(skipped) == len(sources) else [series_data(array, hdr)]
            else:
                headers, arrays = plugin.read(found, hdr, request.order, opts)
                read = [series_data(arrays.get(key), headers[key]) for key in headers]
        except (CannotSort, InputNotFoundError, MissingDependencyError):
            raise
        except Exception as error:  # noqa: BLE001 - a plugin raises what it likes for what it does not know
            why = str(error) if isinstance(error, ImagedataError) else f'{type(error).__name__}: {error}'
            return ReadResult([], [(source, f'{self.name}: {why}') for source in sources])
        finally:
            archive.close()
        left = [(s, f'{self.name}: {skipped[s.name]}') for s in sources if s.name in skipped]
        return ReadResult([_converted(data, request) for data in read], left)

    def write(self, data: SeriesData, request: WriteRequest) -> list[str]:
        """Write a series with the plugin's `write_3d_numpy` or `write_4d_numpy`."""
        # A plugin of imagedata 3 is handed a Series: the one place where a format sees it.
        from .written import written_series

        plugin = self.plugin()
        archive = FolderArchive(request.folder.resolve(), request.filename or '')
        series = written_series(data)
        opts = {**request.options, 'output_formats': [self.name]}
        destination = {'archive': archive, 'files': []}
        if series.ndim > 3 and series.shape[0] > 1:
            plugin.write_4d_numpy(series, destination, opts)
        else:
            if series.ndim > 3:
                series = series[(0,) * (series.ndim - 3)]
            plugin.write_3d_numpy(series, destination, opts)
        return archive.getnames()


def _converted(data: SeriesData, request: ReadRequest) -> SeriesData:
    """Return what was read with the type of values that the user wants, or without values."""
    from ..conversion import converted

    if request.options.get('headers_only'):
        return SeriesData(np.array(None, dtype=object), data.header, data.identity)
    dtype = request.options.get('dtype')
    if dtype is None or data.array.ndim == 0:
        return data
    return SeriesData(converted(data.array, np.dtype(dtype)), data.header, data.identity)
