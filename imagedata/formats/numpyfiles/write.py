"""Writing `.npy` and `.npz`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import LossWarning, WriteNotImplemented
from ...header import SeriesData
from ...notices import warn_user
from ..contract import WriteRequest
from ..described import RGB, described
from .read import DESCRIPTION

__all__ = ['write_file']


def write_file(data: SeriesData, request: WriteRequest) -> list[str]:
    """Write one file into `request.folder`, and for `.npy` its description beside it."""
    name = request.filename or f'Image{request.extension or ".npz"}'
    array: Any = np.ascontiguousarray(data.array.view(np.ndarray))
    if array.dtype.names and array.dtype != RGB:
        raise WriteNotImplemented(f'values of type {array.dtype} are no numbers: select one field')
    if not array.dtype.names and array.dtype.kind not in 'biufc':
        raise WriteNotImplemented(f'values of type {array.dtype} are no numbers: convert them with astype()')
    if not array.size:
        raise WriteNotImplemented(f'an array of shape {array.shape} has no voxels to write')
    if data.header.geometry is None:
        warn_user('NumPy: the place of the voxels is not known, and not written', LossWarning)
    text = described(data.header, array.shape, 'NumPy')
    path = request.folder / name
    if name.lower().endswith('.npy'):
        with path.open('wb') as file:
            np.save(file, array, allow_pickle=False)
        (request.folder / f'{name}.json').write_text(text, encoding='utf-8')
        return [name, f'{name}.json']
    save: Any = np.savez_compressed if request.options.get('compression', True) else np.savez
    with path.open('wb') as file:
        save(file, array=array, **{DESCRIPTION: np.array(text)})
    return [name]
