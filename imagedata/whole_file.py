"""One small file, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from os import PathLike
from pathlib import Path

from .errors import WriteError

__all__ = ['write_whole']


def write_whole(path: str | PathLike[str], content: bytes) -> None:
    """Write a file beside its target, and move it into place when it is complete.

    Raises
    ------
    WriteError
        When that fails; an old file is untouched.
    """
    target = Path(path)
    handle = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f'.{target.name}.', dir=target.parent)
        handle = Path(name)
        with os.fdopen(descriptor, 'wb') as file:
            file.write(content)
        mask = os.umask(0)
        os.umask(mask)
        handle.chmod(0o666 & ~mask)
        handle.replace(target)
    except OSError as error:
        if handle is not None:
            handle.unlink(missing_ok=True)
        raise WriteError(f'{target} cannot be written: {error.strerror or error}') from error
