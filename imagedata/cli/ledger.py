"""What a long conversion has done, in a file, so that it can go on after it was interrupted."""

from __future__ import annotations

import json
import os
from typing import Any

from ..errors import UnknownInputError

__all__ = ['Ledger']


class Ledger:
    """Series that were written, a line of JSON for each; kept on the disk line by line.

    Parameters
    ----------
    path : str or None
        None: nothing is noted.

    Raises
    ------
    UnknownInputError
        When the file is something else.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._done: set[tuple[str, str]] = set()
        if path is None or not os.path.exists(path):
            return
        with open(path, encoding='utf-8', errors='replace') as file:
            for line in file:
                # The last line may have been cut off.
                if line.endswith('\n'):
                    self._done.add(_read(path, line))

    def has(self, key: Any, target: str) -> bool:
        """Return whether a series was written to this place, and is still there."""
        return (str(key.seriesInstanceUID), os.path.abspath(target)) in self._done and os.path.exists(target)

    def add(self, key: Any, target: str) -> None:
        """Note that a series was written."""
        if self._path is None:
            return
        line = json.dumps({'series': str(key.seriesInstanceUID), 'target': os.path.abspath(target)})
        with open(self._path, 'a', encoding='utf-8') as file:
            file.write(line + '\n')
            file.flush()
            os.fsync(file.fileno())


def _read(path: str, line: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
        return str(entry['series']), str(entry['target'])
    except (ValueError, TypeError, KeyError) as error:
        raise UnknownInputError(
            f'{path} is no list of written series: give --resume a file of its own'
        ) from error
