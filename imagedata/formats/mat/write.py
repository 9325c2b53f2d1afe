"""Writing MATLAB files."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import LossWarning, WriteError, WriteNotImplemented
from ...header import SeriesData
from ...notices import warn_user
from ..contract import WriteRequest
from ..described import RGB
from .layout import STRUCT, VARIABLE, struct_of

__all__ = ['write_file']

_LARGEST = 2**31 - 1
"""Bytes of a variable in version 7."""


def write_file(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write one file into `request.folder`; see `MatPlugin.write`."""
    name = request.filename or f'Image{request.extension or ".mat"}'
    options = request.options
    variable = str(options.get('variable') or VARIABLE)
    if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]{0,62}', variable) or variable == STRUCT:
        raise WriteError(f'variable={variable!r} is no name for a MATLAB variable: use letters and digits')
    version = str(options.get('mat_version') or '7')
    if version not in ('7', '7.3'):
        raise WriteError(f"mat_version={version!r} cannot be written: choose '7' or '7.3'")
    array = _supported(data.array.view(np.ndarray))
    if not array.size:
        raise WriteNotImplemented(f'an array of shape {array.shape} has no voxels to write')
    colour = array.dtype.names is not None
    if data.header.geometry is None:
        warn_user('MATLAB: the place of the voxels is not known, and not written', LossWarning)
    fields = struct_of(data.header, array.shape, variable, colour)
    values = _matlab_order(array)
    compress = bool(options.get('compression', True))
    path = request.folder / name
    if version == '7.3':
        from .hdf5 import write

        write(path, variable, values, fields, compress=compress)
        return [name]
    if values.nbytes > _LARGEST:
        raise WriteNotImplemented(
            f'MATLAB 7 holds variables of 2 GB at most, and this has {values.nbytes} bytes: '
            "write with mat_version='7.3'"
        )
    from scipy.io import savemat

    with path.open('wb') as file:
        savemat(file, {variable: values, STRUCT: fields}, do_compression=compress)
    return [name]


def _supported(array: NDArray[Any]) -> NDArray[Any]:
    """Return values of a type that MATLAB has."""
    dtype = array.dtype
    if dtype.names:
        if dtype == RGB:
            return array
        raise WriteNotImplemented(f'MATLAB cannot hold values of type {dtype}: select one field')
    if dtype == np.float16:
        return array.astype(np.float32)
    if dtype.kind in 'fc' and dtype.itemsize > (8 if dtype.kind == 'f' else 16):
        target = np.dtype('f8' if dtype.kind == 'f' else 'c16')
        warn_user(f'MATLAB: values of type {dtype} are written as {target}', LossWarning)
        return array.astype(target)
    if dtype.kind not in 'biufc':
        raise WriteNotImplemented(f'MATLAB cannot hold values of type {dtype}: convert them with astype()')
    return array.astype(dtype.newbyteorder('='), copy=False)


def _matlab_order(array: NDArray[Any]) -> NDArray[Any]:
    """Return the dimensions (row, column, slice, tags..., colour)."""
    tags = array.ndim - 3
    turned = array.transpose(tags + 1, tags + 2, tags, *range(tags))
    if not array.dtype.names:
        return turned
    return np.stack([turned[channel] for channel in RGB.names or ()], axis=-1)
