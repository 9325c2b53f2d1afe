"""Files with voxels beside a header: which they are, and that they lie in its folder.

A header could name any file of the machine as its voxels. Only files in the folder of the header,
or below it, are read.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath

from ...errors import CorruptFileError
from ..contract import Source
from .plausible import check_metaimage

__all__ = ['companions']

_LONGEST = 1 << 26
"""Bytes of a header that are looked at."""

_FIRST = 1 << 16
"""Bytes that are read at first: most headers are shorter."""

_ENDS = {
    'MetaImage': re.compile(
        rb'^[ \t]*ElementDataFile[ \t]*=[ \t]*(?![ \t]|LIST)[^\r\n]+\n', re.MULTILINE | re.IGNORECASE
    ),
    'NRRD': re.compile(rb'\r?\n\r?\n'),
}
"""After which there are voxels; a list of files goes on to the end of its file."""


def companions(source: Source, kind: str) -> dict[str, Source]:
    """Return the files with the voxels of a header, by name; none where they are in the same file.

    Raises
    ------
    CorruptFileError
        When one is elsewhere, or is not there.
    """
    names = {'MetaImage': _of_metaimage, 'NRRD': _of_nrrd}.get(kind)
    if names is None:
        return {}
    block = _start(source, _ENDS[kind])
    return {name: _beside(source, name) for name in names(block, source)}


def _start(source: Source, end: re.Pattern[bytes]) -> bytes:
    """Return the start of a file, as far as its header goes at least: voxels are not read for it."""
    size = min(_LONGEST, source.size())
    with source.open() as file:
        block = file.read(min(_FIRST, size))
        while len(block) < size and not end.search(block):
            more = file.read(min(15 * len(block), size - len(block)))
            if not more:
                break
            block += more
    return block


def _beside(source: Source, name: str) -> Source:
    parts = PurePosixPath(name.replace('\\', '/')).parts
    if not name.isprintable() or len(name) > 255:
        raise CorruptFileError(f'{source.name}: its header names no file of voxels; it is damaged')
    if not parts or '..' in parts or parts[0] == '/' or PureWindowsPath(name).drive:
        raise CorruptFileError(
            f'{source.name}: its voxels should be in {name}, which is not in its folder: such files are not '
            'read; move it there, and correct the header'
        )
    found = source.beside(name)
    if found is None:
        raise CorruptFileError(f'{source.name}: its voxels should be in {name}, which is not there')
    return found


def _of_metaimage(block: bytes, source: Source) -> list[str]:
    """Return the files that `ElementDataFile`, the last line of a MetaImage header, names."""
    match = re.search(rb'^[ \t]*ElementDataFile[ \t]*=[ \t]*([^\r\n]*)\r?\n?', block, re.MULTILINE)
    if match is None:
        raise CorruptFileError(
            f'{source.name}: the MetaImage header has no line ElementDataFile: it is truncated'
        )
    check_metaimage(block[: match.start()], source)
    value = match[1].decode('utf-8', errors='replace').strip()
    if value.upper() == 'LOCAL':
        return []
    if value.upper().startswith('LIST'):
        return _lines(block[match.end() :])
    words = value.split()
    if len(words) > 1 and '%' in words[0]:
        return _numbered(words, source)
    return [value]


def _of_nrrd(block: bytes, source: Source) -> list[str]:
    """Return the files that the field `data file` of a NRRD header names."""
    end = re.search(rb'\r?\n\r?\n', block)
    header = block if end is None else block[: end.start()]
    match = re.search(rb'^data ?file:[ \t]*([^\r\n]*)\r?\n?', header, re.MULTILINE)
    if match is None:
        return []
    value = match[1].decode('utf-8', errors='replace').strip()
    if value.split()[:1] == ['LIST']:
        return _lines(header[match.end() :])
    words = value.split()
    if len(words) > 1 and '%' in words[0]:
        return _numbered(words, source)
    return [value]


def _lines(block: bytes) -> list[str]:
    return [line.strip() for line in block.decode('utf-8', errors='replace').splitlines() if line.strip()]


def _numbered(words: list[str], source: Source) -> list[str]:
    """Return the names of a pattern with first, last and step: `slice%03d.raw 1 20 1`."""
    match = re.fullmatch(r'([^%]*)%(0?\d*)d([^%]*)', words[0])
    try:
        first, last, step = (int(word) for word in (*words[1:4], *['1'] * (4 - len(words))))
        if match is None or step < 1 or not 0 <= last - first < 100_000:
            raise ValueError
    except ValueError:
        raise CorruptFileError(f'{source.name}: {" ".join(words)!r} does not name voxel files') from None
    return [f'{match[1]}{number:{match[2]}d}{match[3]}' for number in range(first, last + 1, step)]
