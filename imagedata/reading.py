"""From what the user names to series: find the files, ask each format, and account for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from typing import Any

from .choosing import Choice
from .dividing import divided, wanted_shape
from .errors import (
    ImagedataWarning,
    InputNotFoundError,
    MultipleSeriesError,
    NoDataReadError,
    OrderNotFoundError,
)
from .formats import SORT_ON_TAG
from .formats.contract import ReadRequest, Source
from .header import Header, SeriesData
from .notices import warn_user
from .options import warn_of_misspelt
from .registry import format_for
from .urls import note, shown_all, sources, unpacked

__all__ = ['find_sources', 'read', 'read_series', 'read_template']


def find_sources(urls: Any, options: Mapping[str, Any] | None = None) -> list[Source]:
    """Return the files that paths, URLs, folders, patterns and archives name, each once.

    Sources that were found before are taken as they are; open files are read.

    Raises
    ------
    InputNotFoundError
        When one of them does not exist.
    NoDataReadError
        When there is no file at all.
    """
    given = list(urls) if isinstance(urls, (list, tuple)) else [urls]
    found: dict[str, Source] = {}
    for number, url in enumerate(given):
        if isinstance(url, Source):
            found.setdefault(url.name, url)
            continue
        if hasattr(url, 'read'):
            source = Source.of_stream(url)
            if any(source.name == name.partition('?')[0] for name in found):
                source = replace(source, name=f'{source.name} ({number + 1})')
            found |= {part.name: part for part in unpacked(source, options or {})}
            continue
        text = fspath(url)
        if not text:
            raise InputNotFoundError('an empty path was given: name a file or folder')
        for source in sources(text, options or {}, alone=len(given) == 1):
            found.setdefault(source.name, source)
    if not found:
        raise NoDataReadError(
            f'there is no file in {shown_all(given) or "an empty list"}, nor in folders below: '
            'name a file, or a folder with files, to read'
        )
    return list(found.values())


def read(urls: Any, order: str = 'auto', options: Mapping[str, Any] | None = None) -> list[SeriesData]:
    """Read every series that is found.

    Parameters
    ----------
    urls : str, path, Source, open binary file, or list of them
    order : str
        What to sort the images of one slice position on.
    options : mapping, optional
        Further options; 'input_format' names the only format to try.

    Raises
    ------
    UnknownInputError
        When no format knows the files.
    NotImageError
        When they are of a known format and hold no image.
    """
    given = dict(options or {})
    wanted = given.pop('input_format', None)
    warn_of_misspelt(given, order)
    shape = wanted_shape(given)
    found = find_sources(urls, given)
    try:
        choice = _chosen(found, wanted, order, given)
    except OrderNotFoundError:
        if shape is None:
            raise
        # The order names axes that the files have only when they are divided.
        choice = _chosen(found, wanted, 'none', given)
    if not choice.series:
        given_urls = urls if isinstance(urls, (list, tuple)) else [urls]
        names = [url if isinstance(url, (str, PathLike)) else getattr(url, 'name', '') for url in given_urls]
        raise choice.nothing_read(shown_all([name or 'the stream' for name in names]))
    series = choice.series
    if shape is not None:
        tags_first = given.get('input_sort') in (SORT_ON_TAG, 'tag')
        series = [divided(data, shape, order, tags_first=tags_first) for data in series]
    left = choice.left
    lines = tuple(f'left out: {source.name}: {reason}' for source, reason in left)
    _warn_of_stubs([source for source, _ in left])
    return [replace(s, header=replace(s.header, report=(*s.header.report, *lines))) for s in series]


def _chosen(sources: list[Source], wanted: Any, order: str, options: Mapping[str, Any]) -> Choice:
    """Return what the formats, or the one that is wanted, have read of the sources."""
    notes = {source.name: note(source) for source in sources}
    choice = Choice(sources, ReadRequest(order, options), notes)
    if wanted:
        choice.offer(format_for(wanted))
    else:
        choice.run()
    return choice


def _warn_of_stubs(sources: Sequence[Source]) -> None:
    """Warn of files beside images that may have been images: empty, or begun with zeros only."""
    stubs = [source.name for source in sources if _is_stub(source)]
    if stubs:
        more = f' and {len(stubs) - 1} more' if len(stubs) > 1 else ''
        warn_user(
            f'{stubs[0]}{more} is empty, and was left out: it may be what is left of an image; '
            'compare the number of files with the scanner, or remove it',
            ImagedataWarning,
        )


def _is_stub(source: Source) -> bool:
    return not source.head()[:512].strip(b'\0')


def read_series(urls: Any, order: str = 'auto', options: Mapping[str, Any] | None = None) -> SeriesData:
    """Read one series.

    Raises
    ------
    MultipleSeriesError
        When there are several; the message lists them and says how to choose.
    """
    found = read(urls, order, options)
    if len(found) == 1:
        return found[0]
    lines = '\n'.join(f'  {_describe(s)}' for s in found)
    raise MultipleSeriesError(
        f'{len(found)} series were found where one is wanted; choose one with input_serinsuid=<UID> '
        '(where they share it: input_stack=, input_acquisition= or input_echo=; of other formats than DICOM: '
        f'input_format=), or name its files:\n{lines}'
    )


def _describe(data: SeriesData) -> str:
    header = data.header
    number = header.attribute('seriesNumber')
    choices = [
        f', {name}={header.attributes[name]}'
        for name in ('input_acquisition', 'input_echo', 'input_stack')
        if header.attributes.get(name) not in (None, '')
    ]
    counts = ' x '.join(str(n) for n in data.array.shape)
    description = header.attribute('seriesDescription') or 'no description'
    text = f'{data.identity.uid} number {number}, {description!r}, {counts}'
    kind = header.attributes.get('input_format')
    return text + (f', {kind}' if kind not in (None, 'dicom') else '') + ''.join(choices)


def read_template(url: str | PathLike[str]) -> Header:
    """Read what a template or geometry says, without pixels."""
    try:
        return read_series(url, 'auto', {'headers_only': True}).header
    except MultipleSeriesError as error:
        raise MultipleSeriesError(
            f'{error}\nRead the one that is meant, and give that Series as template or geometry.'
        ) from error
