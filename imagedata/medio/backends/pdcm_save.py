"""Writing an array in place of the pixels of a DICOM file."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...conversion import converted
from ...errors import BadShapeGiven, DataTypeError
from ...header import new_uid
from ...urls import address
from .volumes import Array

__all__ = ['save_in_template']


def save_in_template(
    target: str | PathLike[str],
    template: str | PathLike[str],
    array: Array,
    dtype: DTypeLike | None,
    *,
    keep_rescale: bool,
) -> None:
    """Write a file; see `PdcmIO.save_arr2dcm_file`."""
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRLittleEndian

    from ..metadata.pdcm_ds import remove_rescale

    values = np.asarray(array) if dtype is None else converted(np.asarray(array), np.dtype(dtype))
    if values.dtype.kind not in 'iu' or values.itemsize > 4:
        raise DataTypeError(f'a DICOM file stores integers of 8 to 32 bits, not {values.dtype}: give dtype=')
    dataset: Any = dcmread(template)
    _check_shape(values, dataset, template)
    little = values.astype(values.dtype.newbyteorder('<'), copy=False)
    bits = values.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(values.dtype.kind == 'i')
    if int(dataset.SamplesPerPixel) > 1:
        dataset.PlanarConfiguration = 0
    content = little.tobytes()
    dataset.PixelData = content + b'\0' * (len(content) % 2)
    dataset['PixelData'].VR = 'OB' if bits == 8 else 'OW'
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = new_uid()
    for keyword in ('SmallestImagePixelValue', 'LargestImagePixelValue', 'PixelPaddingValue'):
        if keyword in dataset:
            del dataset[keyword]
    if not keep_rescale:
        remove_rescale(dataset)
    place = address(fspath(target))
    with place.transport.staged(place.url, False, {}) as staging:
        name = place.url.replace('\\', '/').rsplit('/', 1)[-1]
        dataset.save_as(staging.folder / name, little_endian=True, implicit_vr=False)
        staging.commit([name])


def _check_shape(values: Array, dataset: Any, template: str | PathLike[str]) -> None:
    frames = int(dataset.get('NumberOfFrames') or 1)
    samples = int(dataset.SamplesPerPixel)
    wanted = (*((frames,) if frames > 1 else ()), int(dataset.Rows), int(dataset.Columns))
    wanted += (samples,) if samples > 1 else ()
    if values.shape != wanted:
        raise BadShapeGiven(
            f'the array is {values.shape}, and the pixels of {fspath(template)} are {wanted}: (frames,) '
            'rows, columns (, samples)'
        )
