"""The errors whose kinds are those of nibabel and pydicom: imported when one is raised."""

from __future__ import annotations

from nibabel.filebasedimages import ImageFileError
from pydicom.errors import InvalidDicomError

from ...errors import CorruptFileError, InputNotFoundError

__all__ = ['NoNifti', 'UnreadableDicom', 'UnreadableNifti']


class UnreadableNifti(CorruptFileError, ImageFileError):
    """A file that the back end 'nib' cannot read."""


class NoNifti(InputNotFoundError, ImageFileError):
    """There is no such file, or none in the folder."""


class UnreadableDicom(CorruptFileError, InvalidDicomError):
    """A file that the back end 'pdcm' cannot read."""
