"""Names of files and folders."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path

from ...errors import FileAlreadyExistsError, InputNotFoundError, MultipleSeriesError

__all__ = [
    'check_dir', 'is_dicom', 'is_file_suffix', 'is_nifti', 'make_dir', 'make_empty_dir', 'parse_series_uids',
]  # fmt: skip

NIFTI = ('.nii.gz', '.nii', '.img.gz', '.img', '.hdr')
DICOM = ('.dcm', '.dicom')


def is_file_suffix(
    filename: str | PathLike[str], suffixes: tuple[str, ...], check_exist: bool = True
) -> bool:
    """Return whether a name has one of the suffixes, in upper or lower case.

    Parameters
    ----------
    filename : str or path
    suffixes : tuple of str
    check_exist : bool
        Whether it must be a file that exists.
    """
    named = fspath(filename).lower().endswith(tuple(suffix.lower() for suffix in suffixes))
    return named and (not check_exist or Path(filename).is_file())


def is_nifti(filename: str | PathLike[str], check_exist: bool = True) -> bool:
    """Return whether a file is named as NIfTI."""
    return is_file_suffix(filename, NIFTI, check_exist)


def is_dicom(filename: str | PathLike[str], check_exist: bool = True) -> bool:
    """Return whether a file is named as DICOM."""
    return is_file_suffix(filename, DICOM, check_exist)


def check_dir(dir_path: str | PathLike[str], parents: bool = False, exist_ok: bool = False) -> None:
    """Check that a folder can be made, or be taken as it is; see `make_dir`."""
    path = Path(dir_path)
    if path.is_dir():
        if not exist_ok and any(path.iterdir()):
            raise FileAlreadyExistsError(
                f'{path} is there and not empty: choose another folder, or give exist_ok=True'
            )
    elif path.exists():
        raise FileAlreadyExistsError(f'{path} is a file: choose another name for the folder')
    elif not parents and not path.absolute().parent.is_dir():
        raise InputNotFoundError(
            f'there is no folder {path.parent} to make {path.name} in: make it, or give parents=True'
        )


def make_dir(dir_path: str | PathLike[str], parents: bool = False, exist_ok: bool = False) -> None:
    """Make a folder.

    Parameters
    ----------
    dir_path : str or path
    parents : bool
        Make its ancestors too.
    exist_ok : bool
        Whether it may be there, with anything in it; else it must be empty.

    Raises
    ------
    FileExistsError
    FileNotFoundError
        When the folder above is not there, without `parents`.
    """
    check_dir(dir_path, parents, exist_ok)
    Path(dir_path).mkdir(parents=parents, exist_ok=True)


def make_empty_dir(dir_path: str | PathLike[str], parents: bool = False) -> None:
    """Make a folder, or take one that is empty; see `make_dir`."""
    make_dir(dir_path, parents)


def parse_series_uids(
    input_dir: str | PathLike[str],
    series_uids: Iterable[str],
    series: str | int | None = None,
    globber: str | None = None,
) -> str:
    """Return the one series that is meant.

    Parameters
    ----------
    input_dir : str or path
        For messages.
    series_uids : iterable of str
        Those that are there.
    series : str or int, optional
        A series instance UID, or an index in the sorted list of them. Ignored when there is one.
    globber : str, optional
        Which files were looked at, for messages.

    Raises
    ------
    FileNotFoundError
        When there is none.
    ValueError
        When there are several and none was chosen, or another one.
    IndexError
        When the index is outside of the list.
    """
    found = sorted(series_uids)
    if not found:
        where = f'{input_dir}' if globber is None else f'{input_dir} ({globber})'
        raise InputNotFoundError(f'there is no DICOM series in {where}: name a folder that has one')
    if len(found) == 1:
        return found[0]
    listed = '\n'.join(f'  {uid}' for uid in found)
    if series is None:
        raise MultipleSeriesError(
            f'{input_dir} has {len(found)} series: choose one with series=<UID or index>:\n{listed}'
        )
    if isinstance(series, str):
        if series not in found:
            raise MultipleSeriesError(f'{input_dir} has no series {series}; it has:\n{listed}')
        return series
    return found[series]
