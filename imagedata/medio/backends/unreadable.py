"""Errors of files that cannot be read, of the kinds by which programs of medio know them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import CorruptFileError, InputNotFoundError, NoDataReadError, NotImageError, UnknownInputError

__all__ = ['UnreadableError', 'as_itk', 'as_nibabel', 'as_pydicom']

_UNREADABLE = (CorruptFileError, UnknownInputError, NotImageError, NoDataReadError)


class UnreadableError(CorruptFileError, RuntimeError):
    """A file that the back end 'itk' cannot read: ITK's errors are RuntimeErrors."""


@contextmanager
def as_itk() -> Iterator[None]:
    """Raise what cannot be read as a RuntimeError."""
    try:
        yield
    except _UNREADABLE as error:
        raise UnreadableError(str(error)) from error


@contextmanager
def as_nibabel() -> Iterator[None]:
    """Raise what cannot be read as nibabel's ImageFileError, which a folder without files is as well."""
    try:
        yield
    except (*_UNREADABLE, InputNotFoundError) as error:
        from .unreadable_kinds import NoNifti, UnreadableNifti

        if not isinstance(error, InputNotFoundError):
            raise UnreadableNifti(str(error)) from error
        raise NoNifti(str(error)) from error


@contextmanager
def as_pydicom() -> Iterator[None]:
    """Raise what cannot be read as pydicom's InvalidDicomError."""
    try:
        yield
    except _UNREADABLE as error:
        from .unreadable_kinds import UnreadableDicom

        raise UnreadableDicom(str(error)) from error
