"""Drawing PostScript pages with Ghostscript.

PostScript is a programming language. Ghostscript runs it with -dSAFER, which keeps it from files and
programs; it works on a copy in a folder of its own; time, memory and the size of files are limited.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CorruptFileError, MissingDependencyError, NotImageError
from ..contract import Source
from .read import MOST_PIXELS, REMEDY

__all__ = ['draw']

_PROGRAMS = ('gs', 'gswin64c', 'gswin32c')

_MEMORY = 4 << 20
"""kB of memory that Ghostscript may take."""

_INPUT = 'document.ps'

_OUTPUT = 'pages.ppm'
"""All pages in one file, so that its largest size limits them together."""

_HEADER = re.compile(rb'P6\s+(?:#[^\n]*\n\s*)*(\d{1,9})\s+(\d{1,9})\s+255\s')


def draw(
    source: Source, dpi: float, wanted: Sequence[int] | None, options: Mapping[str, Any]
) -> list[NDArray[np.uint8]]:
    """Return the pages as (rows, columns, 3) arrays."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        raise MissingDependencyError(
            f'{source.name}: PostScript documents need the program Ghostscript (gs): install it, for example '
            'with apt-get install ghostscript, or convert the document to PDF'
        )
    with source.open() as file:
        content = _postscript(file.read())
    with tempfile.TemporaryDirectory(prefix='imagedata-') as folder:
        _run(program, content, folder, dpi, source, float(options.get('timeout') or 60))
        drawn = Path(folder, _OUTPUT)
        pages = _pages(drawn.read_bytes() if drawn.exists() else b'', source)
    numbers = list(wanted) if wanted is not None else list(range(1, len(pages) + 1))
    if not numbers or max(numbers) > len(pages):
        raise NotImageError(
            f'{source.name} holds no image of page {max(numbers, default=1)}: it has {len(pages)} pages'
        )
    return [pages[number - 1] for number in numbers]


def _postscript(content: bytes) -> bytes:
    """Return the PostScript part of an EPS file with a preview (EPSF 3.0, appendix A)."""
    if not content.startswith(b'\xc5\xd0\xd3\xc6'):
        return content
    start, length = (int.from_bytes(content[at : at + 4], 'little') for at in (4, 8))
    return content[start : start + length]


def _run(program: str, content: bytes, folder: str, dpi: float, source: Source, timeout: float) -> None:
    """Run Ghostscript in a folder.

    Raises
    ------
    CorruptFileError
        When it fails, or takes too long.
    """
    command = [
        program, '-q', '-dSAFER', '-dBATCH', '-dNOPAUSE', '-dNOPROMPT', '-dEPSCrop', '-sDEVICE=ppmraw',
        '-dTextAlphaBits=4', '-dGraphicsAlphaBits=4', f'-r{dpi:g}', f'-sOutputFile={_OUTPUT}', _INPUT,
    ]  # fmt: skip
    shell = shutil.which('sh')
    if shell is not None:
        limits = f'ulimit -v {_MEMORY}; ulimit -f {MOST_PIXELS * 3 // 512}; ulimit -c 0; exec "$@"'
        command = [shell, '-c', limits, 'sh', *command]
    # Even -dSAFER allows all of the folder for temporary files: that is to be this one.
    env = {**os.environ, 'TMPDIR': folder, 'TEMP': folder, 'TMP': folder, 'GS_OPTIONS': ''}
    # As a file: what Ghostscript reads from a pipe goes on after an error.
    Path(folder, _INPUT).write_bytes(content)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, cwd=folder, env=env, capture_output=True, timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CorruptFileError(
            f'{source.name}: Ghostscript has not drawn it within {timeout:g} s: it may never end; allow more '
            'time with timeout=, or lower dpi='
        ) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode('utf-8', errors='replace')
        line = next((text.strip() for text in said.splitlines() if text.strip()), f'status {done.returncode}')
        raise CorruptFileError(f'{source.name}: Ghostscript cannot draw it ({line[:200]}); {REMEDY}')


def _pages(content: bytes, source: Source) -> list[NDArray[np.uint8]]:
    """Return the pages of Ghostscript's raw PNM."""
    pages: list[NDArray[np.uint8]] = []
    at = 0
    while at < len(content):
        match = _HEADER.match(content, at)
        columns, rows = (int(match[1]), int(match[2])) if match is not None else (0, 0)
        count = rows * columns * 3
        if match is None or not count or match.end() + count > len(content):
            raise CorruptFileError(f'{source.name}: Ghostscript has drawn page {len(pages) + 1} in part only')
        pages.append(np.frombuffer(content, np.uint8, count, match.end()).reshape(rows, columns, 3))
        at = match.end() + count
    return pages
