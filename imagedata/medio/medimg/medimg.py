"""An image and its metadata, as one object."""

from __future__ import annotations

from os import PathLike
from types import EllipsisType
from typing import Any, Self

import numpy as np

from ...errors import ImagedataError
from ...notices import warn_user
from ..backends.volumes import Array
from ..metadata.affine import Affine
from ..metadata.metadata import MetaData
from ..read_save import read_img, save_img
from ..utils.explicit_slicing import explicit_inds

__all__ = ['MedImg']

Index = int | slice | EllipsisType


class MedImg:
    """An array and its metadata, which follow each other when it is cut.

    Parameters
    ----------
    np_image : (x, y, z, ...) array or None
    metadata : MetaData or None
    filename : str or path, optional
        Deprecated: use `from_file`.
    **kwargs
        For `read_img`.
    """

    def __init__(
        self,
        np_image: Array | None,
        metadata: MetaData[Any] | None,
        filename: str | PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if filename is not None:
            warn_user('MedImg(filename=...) is deprecated: use MedImg.from_file', DeprecationWarning)
            np_image, metadata = read_img(filename, **kwargs)
        if np_image is None or metadata is None:
            raise MedImgError('a MedImg needs an array and metadata: give both, or use MedImg.from_file')
        self.np_image = np_image
        self.metadata = metadata

    @classmethod
    def from_file(cls, filename: str | PathLike[str], **kwargs: Any) -> Self:
        """Read an image; `kwargs` are those of `read_img`."""
        return cls(*read_img(filename, **kwargs))

    def save(self, filename: str | PathLike[str], **kwargs: Any) -> None:
        """Write the image; `kwargs` are those of `save_img`."""
        save_img(filename, self.np_image, self.metadata, **kwargs)

    def __getitem__(self, key: Index | tuple[Index, ...]) -> Self:
        """Return a part, as a view that knows where it lies.

        An integer leaves an axis of length 1, so that the affine still fits: a slice of a volume
        is a volume of one slice. Axes after the spatial ones (time, channels) lose theirs.

        Raises
        ------
        NotImplementedError
            For an index that is neither integer, slice nor ellipsis.
        """
        keys = key if isinstance(key, tuple) else (key,)
        dims = self.metadata.affine.dim
        start, stop, step = explicit_inds(keys, self.np_image.shape)
        cut: list[int | slice] = []
        for axis, (first, end, stride) in enumerate(zip(start, stop, step, strict=True)):
            if axis >= dims and _is_integer(keys, axis, self.np_image.ndim):
                cut.append(first)
            else:
                # An end of -1 is that before index 0, not the last.
                cut.append(slice(first, None if end < 0 else end, stride))
        affine = self.metadata.affine
        matrix = np.array(affine)
        matrix[:-1, -1] = affine.index2coord(start[:dims])
        matrix[:-1, :-1] *= step[:dims]
        metadata = self.metadata.clone()
        metadata.affine = Affine(matrix)
        metadata.spatial_shape = None
        return type(self)(self.np_image[tuple(cut)], metadata)


class MedImgError(ImagedataError, ValueError):
    """A MedImg without image or metadata."""


def _is_integer(keys: tuple[Index, ...], axis: int, ndim: int) -> bool:
    """Return whether the index of an axis, the ellipsis being filled in, is an integer."""
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys = (*keys[:at], *[slice(None)] * (ndim - len(keys) + 1), *keys[at + 1 :])
    return axis < len(keys) and not isinstance(keys[axis], slice)
