"""MATLAB 7.3: HDF5 behind a user block of 512 bytes, dimensions in reverse order.

Each variable is a dataset or group at the root with an attribute MATLAB_class. Complex numbers are
pairs `real` and `imag`; texts are uint16. A struct is a group, its fields the members.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..contract import ReadRequest, Source, require
from ..hdf5 import refuse_outside
from .layout import STRUCT
from .read import Variable, broken, check_size, choose

__all__ = ['read_file', 'write']

_CLASSES = {'f4': 'single', 'f8': 'double', 'b1': 'logical', 'c8': 'single', 'c16': 'double'}

_DENSEST = 1040

_USER_BLOCK = b'MATLAB 7.3 MAT-file, written by imagedata, HDF5 schema 1.00 .'.ljust(124) + b'\x00\x02IM'


def _h5py() -> Any:
    return require('h5py', 'imagedata[hdf5]', 'MATLAB 7.3 files')


def read_file(
    file: BinaryIO, source: Source, request: ReadRequest
) -> tuple[Variable, NDArray[Any] | None, dict[str, Any]]:
    """Return the image variable, its values, and the fields beside it."""
    h5py = _h5py()
    with broken(source, RuntimeError), h5py.File(file, 'r') as root:
        variables = [v for v in (_variable(h5py, root, name) for name in root) if v is not None]
        fields: dict[str, Any] = {}
        if any(v.name == STRUCT and v.kind == 'struct' for v in variables):
            fields = _fields(h5py, root[STRUCT])
        chosen = choose(variables, fields, source, request.options.get('variable'))
        dataset = root[chosen.name]
        refuse_outside(dataset, source)
        check_size(chosen, source, dataset.id.get_storage_size() * _DENSEST)
        if request.options.get('headers_only'):
            return chosen, None, fields
        return chosen, _values(dataset, chosen), fields


def _variable(h5py: Any, root: Any, name: str) -> Variable | None:
    """Return a member of the root as a variable; None for links to elsewhere and MATLAB's own groups."""
    if not isinstance(root.get(name, getlink=True), h5py.HardLink) or name.startswith('#'):
        return None
    member = root[name]
    kind = member.attrs.get('MATLAB_class', b'')
    kind = kind.decode('ascii', errors='replace') if isinstance(kind, bytes) else str(kind)
    if isinstance(member, h5py.Group):
        return Variable(name, (), kind or 'group')
    if member.attrs.get('MATLAB_empty', 0) or member.shape is None:
        return Variable(name, (0, 0), kind)
    return Variable(name, tuple(int(n) for n in member.shape[::-1]), kind)


def _values(dataset: Any, variable: Variable) -> NDArray[Any]:
    """Return the values, dimensions in MATLAB's order."""
    values = np.asarray(dataset[()])
    if values.dtype.names == ('real', 'imag'):
        pairs = values
        values = np.empty(pairs.shape, np.complex64 if variable.kind == 'single' else np.complex128)
        values.real, values.imag = pairs['real'], pairs['imag']
    if values.dtype.kind not in 'biufc':
        raise ValueError(f'variable {variable.name} holds values of type {values.dtype}')
    if variable.kind == 'logical':
        values = values.astype(bool)
    return values.T


def _fields(h5py: Any, group: Any) -> dict[str, Any]:
    """Return the fields of a struct: texts and numbers."""
    fields: dict[str, Any] = {}
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        member = group[name]
        if not isinstance(member, h5py.Dataset) or member.size is None or member.size > 1 << 26:
            continue
        if member.external or member.is_virtual:
            continue
        text = member.attrs.get('MATLAB_class', b'') in (b'char', 'char')
        if member.attrs.get('MATLAB_empty', 0):
            fields[name] = '' if text else np.zeros((0, 0))
        elif text:
            units = np.asarray(member[()]).T.ravel(order='F').astype('<u2')
            fields[name] = units.tobytes().decode('utf-16-le', errors='replace')
        else:
            fields[name] = np.asarray(member[()]).T
    return fields


# --- writing -----------------------------------------------------------------------------


def write(
    path: Path, variable: str, array: NDArray[Any], fields: Mapping[str, Any], *, compress: bool
) -> None:
    """Write a file of version 7.3.

    Parameters
    ----------
    path : Path
    variable : str
    array : ndarray
        Dimensions in MATLAB's order.
    fields : mapping
        Of the struct beside it.
    compress : bool
    """
    h5py = _h5py()
    with h5py.File(path, 'w', userblock_size=512, libver=('earliest', 'v108')) as root:
        _write_numbers(root, variable, array, compress=compress)
        group = root.create_group(STRUCT)
        group.attrs['MATLAB_class'] = np.bytes_('struct')
        for name, value in fields.items():
            if isinstance(value, str):
                _write_text(group, name, value)
            else:
                _write_numbers(group, name, np.atleast_2d(np.asarray(value)), compress=False)
    with path.open('r+b') as file:
        file.write(_USER_BLOCK)


def _write_numbers(group: Any, name: str, array: NDArray[Any], *, compress: bool) -> None:
    if not array.size:
        dataset = group.create_dataset(name, data=np.array(array.shape, dtype=np.uint64))
        dataset.attrs['MATLAB_empty'] = np.uint8(1)
        dataset.attrs['MATLAB_class'] = np.bytes_('double')
        return
    code = array.dtype.str[1:]
    kind = _CLASSES.get(code, array.dtype.name)
    values = array.T
    if array.dtype.kind == 'b':
        values = values.astype(np.uint8)
    if array.dtype.kind == 'c':
        part = 'f4' if kind == 'single' else 'f8'
        values = np.ascontiguousarray(values).view(np.dtype([('real', part), ('imag', part)]))
    dataset = group.create_dataset(name, data=values, **({'compression': 'gzip'} if compress else {}))
    dataset.attrs['MATLAB_class'] = np.bytes_(kind)
    if array.dtype.kind == 'b':
        dataset.attrs['MATLAB_int_decode'] = np.int32(1)


def _write_text(group: Any, name: str, text: str) -> None:
    units = np.frombuffer(text.encode('utf-16-le'), '<u2')
    if not units.size:
        dataset = group.create_dataset(name, data=np.array([0, 0], dtype=np.uint64))
        dataset.attrs['MATLAB_empty'] = np.uint8(1)
    else:
        dataset = group.create_dataset(name, data=units.reshape(-1, 1))
        dataset.attrs['MATLAB_int_decode'] = np.int32(2)
    dataset.attrs['MATLAB_class'] = np.bytes_('char')
