"""HDF5 files may name values in other files of the machine: these are not read."""

from __future__ import annotations

from typing import Any

from ..errors import CorruptFileError
from .contract import Source

__all__ = ['check_inside', 'refuse_outside']


def refuse_outside(dataset: Any, source: Source) -> None:
    """Check that the values of a dataset lie in its own file.

    Raises
    ------
    CorruptFileError
    """
    if dataset.external or dataset.is_virtual:
        raise CorruptFileError(
            f'{source.name}: the values of {dataset.name} lie in other files, which are not read: '
            'save them in one file'
        )


def check_inside(h5py: Any, root: Any, path: str, source: Source) -> Any:
    """Return the dataset at a path whose groups, and values, all lie in the file.

    Raises
    ------
    CorruptFileError
        When a link on the way leads elsewhere, or the values lie elsewhere.
    KeyError
        When there is none.
    """
    member = root
    for name in path.split('/'):
        if not isinstance(member.get(name, getlink=True), h5py.HardLink):
            raise CorruptFileError(f'{source.name}: {path} is not in the file, or a link to another place')
        member = member[name]
    refuse_outside(member, source)
    return member
