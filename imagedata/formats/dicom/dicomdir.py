"""DICOMDIR: the files that a directory of a medium names (PS3.3 F; PS3.10 8).

A DICOMDIR that is given as the path stands for its files. In a folder that is read whole, it is
skipped: the files are there themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import CorruptFileError, InputNotFoundError
from ..contract import Source

__all__ = ['expanded']

_DIRECTORY = b'1.2.840.10008.1.3.10'
_BEGINNING = 1024


def expanded(sources: Sequence[Source], *, skip_broken: bool = False) -> tuple[list[Source], list[str]]:
    """Return the sources with every DICOMDIR that is given alone replaced by its files, and notes.

    Raises
    ------
    CorruptFileError
        For a DICOMDIR that cannot be read, or that names files outside of its folder.
    InputNotFoundError
        When a file that it names is not there, unless `skip_broken`.
    """
    found: dict[str, Source] = {}
    notes: list[str] = []
    for source in sources:
        files = _files(source) if _stands_alone(source, sources) else None
        if files is None or source.path is None:
            found.setdefault(source.name, source)
            continue
        folder = source.path.resolve().parent
        missing = []
        for parts in files:
            path = _inside(source, folder, parts)
            if path is None:
                missing.append('/'.join(parts))
            else:
                name = str(Path(source.name).parent.joinpath(*path.relative_to(folder).parts))
                found.setdefault(name, Source(name, path))
        if missing and (not skip_broken or len(missing) == len(files)):
            raise InputNotFoundError(
                f'{source.name} names {len(files)} files, and {len(missing)} of them are not there, such as '
                f'{missing[0]}: copy the whole medium, or read what is there with skip_broken_series=True'
            )
        notes.append(f'{source.name}: a DICOMDIR of {len(files)} files')
        notes += [f'left out: {name} is not there, and {source.name} names it' for name in missing]
    return list(found.values()), notes


def _stands_alone(source: Source, sources: Sequence[Source]) -> bool:
    """Return whether a file may be a DICOMDIR that was named for the files that it lists.

    When other files of its folder, or below it, are read as well, it adds nothing to them; nor
    in an archive, whose members are all read.
    """
    if source.path is None:
        return False
    if len(sources) == 1:
        return True
    folder = source.path.parent
    return source.basename.upper().startswith('DICOMDIR') and not any(
        other is not source and other.path is not None and folder in other.path.parents for other in sources
    )


def _files(source: Source) -> list[list[str]] | None:
    """Return the parts of the paths that a DICOMDIR names, None for another file."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    from .scan import PARSE_ERRORS

    # The SOP class stands in the meta information at the beginning.
    if _DIRECTORY not in source.head()[:_BEGINNING]:
        return None
    with source.open() as file:
        try:
            dataset = pydicom.dcmread(file)
            if dataset.file_meta.get('MediaStorageSOPClassUID') != _DIRECTORY.decode():
                return None
            records: Any = dataset.get('DirectoryRecordSequence') or []
            named = [record.get('ReferencedFileID') for record in records]
        except (*PARSE_ERRORS, InvalidDicomError) as error:
            raise CorruptFileError(
                f'{source.name} is a DICOMDIR and cannot be read ({error}): name its folder instead'
            ) from error
    return [[value] if isinstance(value, str) else [str(v) for v in value] for value in named if value]


def _inside(source: Source, folder: Path, parts: Sequence[str]) -> Path | None:
    """Return the file of a reference, None when it is not there.

    Names are upper case on the medium, and not always in a copy of it.

    Raises
    ------
    CorruptFileError
        When it is not below the folder of the DICOMDIR.
    """
    path = folder
    for part in parts:
        if part in ('', '.', '..') or set(part) & set('/\\:\0'):
            raise CorruptFileError(
                f'{source.name} names {"/".join(parts)!r}, which is no file below its folder'
            )
        if not (path / part).exists():
            same = [p for p in path.iterdir() if p.name.upper() == part.upper()] if path.is_dir() else []
            if not same:
                return None
            part = same[0].name
        path = path / part
    if not path.resolve().is_relative_to(folder):
        raise CorruptFileError(f'{source.name} names {"/".join(parts)!r}, a link to outside of its folder')
    return path.resolve() if path.is_file() else None
