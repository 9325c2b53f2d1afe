"""NIfTI: values and places of every voxel against nibabel, round trips, and broken files."""

import gzip
import json
import os
import resource
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from formats_helpers import random_values
from imagedata import Series
from imagedata.axis import UniformLengthAxis, VariableAxis
from imagedata.conversion import converted, smallest_integer
from imagedata.errors import (
    CorruptFileError,
    DataTypeError,
    ImagedataError,
    ImagedataWarning,
    LossWarning,
    OrderNotFoundError,
    WriteError,
    WriteNotImplemented,
)
from imagedata.formats.contract import ReadRequest, Source, WriteRequest
from imagedata.formats.niftiplugin import NiftiPlugin
from imagedata.geometry import Geometry, affine_from_parts
from imagedata.header import Header, Identity, Images, SeriesData
from realdata import CatalogueRow, catalogue

LPS = np.diag([-1.0, -1.0, 1.0])
RGB = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')])
NUMBERS = ['u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8', 'f4', 'f8', 'c8', 'c16']


def random_affine(rng: np.random.Generator, kind: str) -> np.ndarray:
    """An affine to RAS: oblique and right-handed, left-handed, or sheared."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn[:, 0] *= np.sign(np.linalg.det(turn)) * (-1 if kind == 'left-handed' else 1)
    affine = np.eye(4)
    affine[:3, :3] = turn * rng.uniform(0.3, 6, 3)
    if kind == 'sheared':
        affine[:3, 2] += affine[:3, 1] * 0.4
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return affine


def placed_values(image: nibabel.Nifti1Image) -> tuple[np.ndarray, np.ndarray]:
    """Place in LPS and value(s) of the voxels, by nibabel alone."""
    values = np.asanyarray(image.dataobj)
    values = values.reshape((*values.shape, 1, 1)[:3] + values.shape[3:])
    count = int(np.prod(values.shape[:3]))
    picked = np.arange(0, count, 1 + count // 1_000_000)  # Not every voxel of the largest files.
    index = np.stack(np.unravel_index(picked, values.shape[:3]), axis=1)
    places = nibabel.affines.apply_affine(image.affine, index) @ LPS
    return places, values[tuple(index.T)]


def same_voxels(series: Series, image: nibabel.Nifti1Image, tolerance: float = 1e-4) -> None:
    """Assert that every voxel of the image is in the Series at its place with its values."""
    places, values = placed_values(image)
    grid = series.header.geometry
    index = np.rint(grid.to_index(places)).astype(int)
    assert (index >= 0).all()
    assert (index < grid.shape).all()
    assert len(np.unique(np.ravel_multi_index(index.T, grid.shape))) == len(places)
    assert np.abs(grid.to_world(index) - places).max() <= tolerance
    array = np.asarray(series) if series.ndim > 2 else np.asarray(series)[np.newaxis]
    found = array[..., index[:, 0], index[:, 1], index[:, 2]]
    found = np.moveaxis(found, -1, 0)
    assert found.shape == values.shape
    if values.dtype.names:
        assert all((found[n] == values[n]).all() for n in 'RGB')
    elif values.dtype.kind == 'f' and found.dtype.kind in 'iu':
        assert np.array_equal(found.astype(float), values)
    else:
        np.testing.assert_array_equal(found, values)


def raw_file(path: Path, image: nibabel.Nifti1Image, **fields: object) -> Path:
    """Save an image, then change fields of its header in place."""
    nibabel.save(image, path)
    opener = gzip.open if path.suffix == '.gz' else open
    with opener(path, 'rb') as file:
        data = file.read()
    header = nibabel.Nifti1Header(data[:348], check=False)
    for name, value in fields.items():
        name, _, at = name.partition('__')
        if at:
            header[name][int(at)] = value
        else:
            header[name] = value
    with opener(path, 'wb') as file:
        file.write(header.binaryblock + data[348:])
    return path


def small_image(shape: tuple[int, ...] = (4, 5, 3), dtype: str = 'i2') -> nibabel.Nifti1Image:
    data = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = nibabel.Nifti1Image(data, np.diag([2.0, 3, 4, 1]))
    image.header.set_xyzt_units('mm', 'sec')
    return image


# --- reading: every voxel at its place -------------------------------------------------------


@pytest.mark.parametrize('form', ['sform', 'qform'])
@pytest.mark.parametrize('kind', ['right-handed', 'left-handed', 'sheared'])
@given(seed=st.integers(0, 10**6), suffix=st.sampled_from(['.nii', '.nii.gz']))
def test_places_and_values(tmp_path_factory, seed, suffix, kind, form):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 7, 3))
    image = nibabel.Nifti1Image(random_values(rng, shape, 'i2'), random_affine(rng, kind))
    image.set_sform(image.affine, code=1 if form == 'sform' else 0)
    image.set_qform(image.affine, code=1 if form == 'qform' else 0)
    path = tmp_path_factory.mktemp('n') / f'a{suffix}'
    nibabel.save(image, path)
    series = Series(path)
    assert series.shape == shape[::-1]
    assert any(form in line for line in series.header.report)
    same_voxels(series, nibabel.load(path))


@pytest.mark.parametrize('endianness', ['<', '>'])
@pytest.mark.parametrize('dtype', [*NUMBERS, RGB], ids=str)
def test_read_types(tmp_path, dtype, endianness):
    rng = np.random.default_rng(1)
    dtype = np.dtype(dtype)
    header = nibabel.Nifti1Header(endianness=endianness)
    header.set_data_dtype(dtype)
    image = nibabel.Nifti1Image(random_values(rng, (4, 3, 5, 2), dtype), random_affine(rng, ''), header)
    nibabel.save(image, tmp_path / 'a.nii.gz')
    series = Series(tmp_path / 'a.nii.gz')
    assert series.dtype == dtype
    assert series.dtype.isnative
    assert series.flags.c_contiguous
    same_voxels(series, nibabel.load(tmp_path / 'a.nii.gz'))


@pytest.mark.parametrize('shape', [(7,), (7, 3), (7, 3, 1), (7, 3, 2), (7, 3, 2, 4), (4, 3, 2, 2, 3)])
def test_read_dimensions(tmp_path, shape):
    image = small_image(shape)
    nibabel.save(image, tmp_path / 'a.nii')
    series = Series(tmp_path / 'a.nii')
    wide = (*shape, 1)[: max(2, len(shape))]
    tags, spatial = wide[3:], wide[:3]
    assert series.shape == (*tags, *spatial[::-1])
    assert [a.name for a in series.axes][-len(spatial) :] == ['slice', 'row', 'column'][-len(spatial) :]
    order = (*range(3, len(wide)), *range(len(spatial))[::-1])
    flipped = np.asarray(image.dataobj).reshape(wide).transpose(order)
    assert np.array_equal(series, flipped[..., ::-1, :])


def test_nifti_2_and_pairs(tmp_path):
    image = small_image()
    nibabel.save(nibabel.Nifti2Image(image.dataobj, image.affine), tmp_path / 'two.nii.gz')
    same_voxels(Series(tmp_path / 'two.nii.gz'), image)
    folder = tmp_path / 'pair'
    folder.mkdir()
    nibabel.save(nibabel.Nifti1Pair(image.dataobj, image.affine), folder / 'p.hdr')
    same_voxels(Series(folder), image)
    (folder / 'p.img').unlink()
    with pytest.raises(CorruptFileError, match=r'p\.img'):
        Series(folder / 'p.hdr')


def test_recognised_by_content(tmp_path):
    nibabel.save(small_image(), tmp_path / 'a.nii.gz')
    packed = (tmp_path / 'a.nii.gz').read_bytes()
    plain = tmp_path / 'b.nii.gz'  # The name says compressed, the content is not.
    plain.write_bytes(gzip.decompress(packed))
    same_voxels(Series(plain), small_image())
    (tmp_path / 'noname').write_bytes(packed)
    same_voxels(Series(tmp_path / 'noname'), small_image())
    (tmp_path / 'noname2').write_bytes(gzip.decompress(packed))
    same_voxels(Series(tmp_path / 'noname2'), small_image())


def test_left_to_others(tmp_path):
    (tmp_path / 'text.txt').write_text('no image')
    (tmp_path / 'zip.gz').write_bytes(gzip.compress(b'no image'))
    (tmp_path / 'broken.gz').write_bytes(gzip.compress(b'no image')[:-9])
    (tmp_path / 'empty').write_bytes(b'')
    analyze = small_image().header.binaryblock[:344] + b'\0\0\0\0'
    (tmp_path / 'old.hdr').write_bytes(analyze)
    nibabel.save(small_image(), tmp_path / 'a.nii')
    sources = [Source(p.name, p) for p in sorted(tmp_path.iterdir())]
    result = NiftiPlugin().read(sources, ReadRequest())
    assert len(result.series) == 1
    reasons = {source.name: reason for source, reason in result.left}
    assert set(reasons) == {'text.txt', 'zip.gz', 'broken.gz', 'empty', 'old.hdr'}
    # ANALYZE is another plugin's.
    with pytest.raises(CorruptFileError, match=r'old\.img, which is not there'):
        Series(tmp_path / 'old.hdr')


@pytest.mark.parametrize(('unit', 'mm'), [('meter', 1000), ('mm', 1), ('micron', 0.001), ('unknown', 1)])
@pytest.mark.parametrize(('time', 'seconds'), [('sec', 1), ('msec', 1e-3), ('usec', 1e-6)])
def test_units(tmp_path, unit, mm, time, seconds):
    image = small_image((4, 5, 3, 2))
    image.header.set_xyzt_units(unit, time)
    image.header['pixdim'][4] = 2.5
    nibabel.save(image, tmp_path / 'a.nii')
    series = Series(tmp_path / 'a.nii', 'time')
    np.testing.assert_allclose(series.spacing, np.array([4, 3, 2]) * mm, rtol=1e-6)
    np.testing.assert_allclose(series.axes.time.values, [0, 2.5 * seconds])


@pytest.mark.parametrize('form', ['neither', 'missing', 'broken sform', 'broken both'])
def test_unknown_place(tmp_path, form):
    image = small_image()
    image.set_sform(image.affine, code=1 if 'broken' in form else 0)
    image.set_qform(image.affine, code=1 if form == 'broken sform' else 0)
    fields = {} if form == 'missing' else {'pixdim__1': 2.5}
    if 'broken' in form:
        fields |= {'srow_x': np.zeros(4)}
        path = raw_file(tmp_path / 'a.nii', image, **fields)
        with pytest.warns(ImagedataWarning, match='sform'):
            series = Series(path)
    else:
        series = Series(raw_file(tmp_path / 'a.nii', image, **fields))
    geometry = series.header.geometry
    assert geometry.assumed == (form != 'broken sform')
    np.testing.assert_allclose(geometry.spacing, [4, 3, 2 if form == 'missing' else 2.5])
    if geometry.assumed:
        np.testing.assert_array_equal(geometry.origin, [0, 0, 0])


def test_single_slice_without_slice_direction(tmp_path):
    image = small_image((4, 5, 1))
    path = raw_file(tmp_path / 'a.nii', image, srow_z=np.array([0, 0, 0, 7.0]), sform_code=1)
    geometry = Series(path).header.geometry
    np.testing.assert_allclose(np.abs(geometry.affine[:3, 0]), [0, 0, 4])
    assert geometry.origin[2] == 7


# --- scaling and types on reading --------------------------------------------------------------


@pytest.mark.parametrize(
    ('dtype', 'slope', 'inter', 'expected'),
    [
        ('i2', 1, -1024, 'i2'),
        ('u2', 1, -1024, 'i4'),
        ('u1', 2, 0, 'u2'),
        ('u1', 1, -10, 'i2'),
        ('i2', -1, 0, 'i4'),
        ('i8', 2, 0, 'f8'),
        ('i2', 0.5, 0, 'f8'),
        ('i2', 1, 0.25, 'f8'),
        ('i2', 0, 5, 'i2'),
        ('i2', np.nan, np.nan, 'i2'),
        ('f4', 2, 1, 'f8'),
        ('c8', 2, 1, 'c16'),
    ],
)
def test_scaling(tmp_path, dtype, slope, inter, expected):
    values = random_values(np.random.default_rng(3), (6, 5, 4), dtype)
    if values.dtype.kind in 'iu':
        info = np.iinfo(dtype)
        values[0, 0, 0], values[1, 0, 0] = info.min, info.max
        if (dtype, inter) == ('i2', -1024):
            values = np.abs(values // 2)
    image = nibabel.Nifti1Image(values, np.eye(4), dtype=dtype)
    path = raw_file(tmp_path / 'a.nii', image, scl_slope=slope, scl_inter=inter)
    series = Series(path)
    assert series.dtype == expected
    assert (not np.isfinite(slope) or slope == 0) or any('slope' in r for r in series.header.report)
    array = np.asarray(series).transpose(2, 1, 0)[:, ::-1]
    if np.isfinite(slope) and slope:
        if np.dtype(expected).kind in 'iu':
            exact = values.astype(object) * int(slope) + int(inter)
            assert (array.astype(object) == exact).all()
        else:
            np.testing.assert_allclose(array, values.astype(expected) * slope + inter, rtol=1e-14)
    else:
        assert np.array_equal(array, values)


def test_broken_intercept(tmp_path):
    path = raw_file(tmp_path / 'a.nii', small_image(), scl_slope=2, scl_inter=np.nan)
    with pytest.raises(CorruptFileError, match='intercept'):
        Series(path)


@pytest.mark.parametrize('dtype', ['u1', 'i4', 'f4', 'f8', 'c16'])
@pytest.mark.parametrize('slope', [1, 2, 0.5])
def test_dtype_option(tmp_path, dtype, slope):
    path = raw_file(tmp_path / 'a.nii', small_image(), scl_slope=slope, scl_inter=0)
    series = Series(path, dtype=dtype)
    assert series.dtype == dtype
    expected = np.arange(60).reshape(4, 5, 3).transpose(2, 1, 0)[:, ::-1] * slope
    expected = np.rint(expected) if np.dtype(dtype).kind in 'iu' else expected
    assert np.array_equal(series, expected)


def test_dtype_that_does_not_hold_the_values(tmp_path):
    nibabel.save(small_image((20, 20, 2)), tmp_path / 'a.nii')
    with pytest.raises(DataTypeError, match='799'):
        Series(tmp_path / 'a.nii', dtype='u1')


def test_converted():
    assert converted(np.array([1.5, 2.4]), np.dtype('i2')).tolist() == [2, 2]
    for values, dtype in (
        ([np.nan], 'i2'), ([2.0**63], 'i8'), ([1e300], 'f4'), ([1j], 'f8'), ([-1], 'u8'), ([2**63], 'i8'),
    ):  # fmt: skip
        with pytest.raises(WriteError):
            converted(np.array(values), np.dtype(dtype))
    assert np.isinf(converted(np.array([np.inf]), np.dtype('f4')))[0]
    assert smallest_integer(-1, 2**63, np.dtype('u8')) is None


def test_headers_only(tmp_path):
    nibabel.save(small_image((4, 5, 3, 6)), tmp_path / 'a.nii.gz')
    request = ReadRequest('time', {'headers_only': True})
    data = NiftiPlugin().read([Source('a', tmp_path / 'a.nii.gz')], request).series[0]
    assert data.array.shape == ()
    assert data.array.dtype == object
    assert data.header.dims == ('time', 'slice', 'row', 'column')
    assert data.header.geometry.shape == (3, 5, 4)
    assert len(data.header.tag_axes['time']) == 6


# --- orders ------------------------------------------------------------------------------------


def test_orders(tmp_path):
    image = small_image((4, 5, 3, 2, 6))
    image.header['pixdim'][4:6] = 1.5, 0.1
    nibabel.save(image, tmp_path / 'a.nii')
    assert Series(tmp_path / 'a.nii').axes._fields[:2] == ('none', 'unknown1')
    series = Series(tmp_path / 'a.nii', 'faint,time')
    assert series.axes.time.values == [0.1 * i for i in range(6)]
    assert series.axes.faint.values == [0, 1]
    for wrong in ('time', 'time,te,b', 'time,time', 'time,row'):
        with pytest.raises(OrderNotFoundError):
            Series(tmp_path / 'a.nii', wrong)
    nibabel.save(small_image(), tmp_path / 'b.nii')
    with pytest.raises(OrderNotFoundError, match='has none'):
        Series(tmp_path / 'b.nii', 'time')


def test_dimensions_of_length_one(tmp_path):
    nibabel.save(small_image((4, 5, 3, 1, 6)), tmp_path / 'a.nii')
    assert Series(tmp_path / 'a.nii').shape == (6, 3, 5, 4)
    assert Series(tmp_path / 'a.nii', 'x').axes._fields[0] == 'x'
    assert Series(tmp_path / 'a.nii', 'x,y').shape == (1, 6, 3, 5, 4)
    nibabel.save(small_image((4, 5, 3, 1)), tmp_path / 'b.nii')
    assert Series(tmp_path / 'b.nii').shape == (3, 5, 4)


def test_b_values(tmp_path):
    path = tmp_path / 'dwi.nii.gz'
    nibabel.save(small_image((4, 5, 3, 4)), path)
    assert Series(path).axes[0].name == 'none'
    with pytest.warns(ImagedataWarning, match="'b'"):
        assert Series(path, 'b').axes.b.values == [0, 1, 2, 3]
    bval = tmp_path / 'dwi.bval'
    bval.write_text('0 1000 \t 500.5\n 1000\n')
    assert Series(path).axes.b.values == [0, 1000, 500.5, 1000]
    assert Series(path, 'b').axes.b.values == [0, 1000, 500.5, 1000]
    assert Series(path, 'none').axes[0].name == 'none'
    for wrong in ('0 1000', '', '0 a b c', '\0'):
        bval.write_text(wrong)
        assert Series(path).axes[0].name == 'none'
        with pytest.raises(OrderNotFoundError, match=r'dwi\.bval'):
            Series(path, 'b')


def test_order_without_times_warns(tmp_path):
    image = small_image((4, 5, 3, 2))
    image.header['pixdim'][4] = 0
    nibabel.save(image, tmp_path / 'a.nii')
    with pytest.warns(ImagedataWarning, match='no values for axis'):
        Series(tmp_path / 'a.nii', 'time')


@pytest.mark.parametrize(
    'text',
    [
        '{"imagedata":{"axes":[{"name":"time","values":[0,1,2]}]}}',
        '{"imagedata":{"axes":[{"name":"row","values":[0,1]}]}}',
        '{"imagedata":{"axes":[{"name":3,"values":[0,1]}]}}',
        '{"imagedata":{"axes":[{"name":"t","values":[{"array":[1,2],"dtype":"O"},1]}]}}',
        '{"imagedata":{"axes":[{"name":"t","values":[null,"b"]}]}}',
        '{"imagedata":{"axes":[{"name":"t","values":5}]}}',
        '{"imagedata":{"axes":5}}', '{"imagedata":5}', '[]', 'plain text', '', '[' * 5000,
        '{"imagedata":{"axes":[{"name":"t","values":[{"tuple":3},1]}]}}',
    ],
)  # fmt: skip
def test_extension_that_does_not_fit(tmp_path, text):
    image = small_image((4, 5, 3, 2))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension('comment', text.encode()))
    nibabel.save(image, tmp_path / 'a.nii')
    series = Series(tmp_path / 'a.nii')
    assert series.axes[0].name == 'none'
    assert np.array_equal(series[1, 0, 0, 0], image.dataobj[0, 4, 0, 1])


# --- writing -----------------------------------------------------------------------------------


def placed_series(rng: np.random.Generator, shape: tuple[int, ...], dtype: object, kind: str) -> Series:
    series = Series(random_values(rng, shape, dtype), ','.join(f'x{i}' for i in range(len(shape) - 3)))
    affine = random_affine(rng, kind)
    grid = (*(1, 1, 1), *shape)[-3:] if len(shape) < 3 else shape[-3:]
    series.header = _with_geometry(series, Geometry(affine, grid))
    return series


def _with_geometry(series: Series, geometry: Geometry | None) -> Header:
    return series.header.with_geometry(geometry)


@pytest.mark.parametrize('kind', ['right-handed', 'left-handed', 'sheared'])
@given(
    seed=st.integers(0, 10**6),
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=7).map(tuple),
    dtype=st.sampled_from([*NUMBERS, 'bool', 'f2', RGB]),
    suffix=st.sampled_from(['.nii', '.nii.gz']),
)
def test_round_trip(tmp_path_factory, seed, shape, dtype, suffix, kind):
    rng = np.random.default_rng(seed)
    series = placed_series(rng, shape, dtype, kind)
    path = tmp_path_factory.mktemp('n') / f'a{suffix}'
    series.write(path)
    back = Series(path)
    natural = shape if len(shape) > 2 else (1, *shape)
    assert back.shape == natural
    held = {np.dtype('bool'): np.dtype('u1'), np.dtype('f2'): np.dtype('f4')}
    assert back.dtype == held.get(series.dtype, series.dtype)
    assert np.array_equal(np.asarray(back), np.asarray(series).reshape(natural))
    assert back.header.tag_axes == series.header.tag_axes
    index = np.indices(natural[-3:]).reshape(3, -1).T
    apart = back.header.geometry.to_world(index) - series.header.geometry.to_world(index)
    assert np.abs(apart).max() <= 1e-4
    image = nibabel.load(path)
    if natural[:-3].count(1) == 0 and not np.dtype(dtype).names:
        same_voxels(back, image)
    codes = int(image.header['sform_code']), int(image.header['qform_code'])
    assert codes == (1, 1)
    assert image.header.get_xyzt_units() == ('mm', 'sec')
    if kind != 'sheared':
        np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=2e-3)
    np.testing.assert_allclose(image.header.get_zooms()[:3], series.header.geometry.spacing[::-1], rtol=1e-5)
    again = path.with_name(f'b{suffix}')
    back.write(again)
    second = nibabel.load(again)
    np.testing.assert_allclose(second.affine, image.affine, atol=1e-4)
    assert np.array_equal(np.asanyarray(second.dataobj), np.asanyarray(image.dataobj))


values = st.one_of(
    st.floats(allow_nan=False), st.integers(-(2**70), 2**70), st.booleans(),
    st.tuples(st.floats(allow_nan=False), st.integers(-5, 5)),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(np.array),
)  # fmt: skip


@given(
    names=st.lists(
        st.text(st.characters(categories=['L', 'N', 'P']), min_size=1, max_size=8),
        min_size=1, max_size=4, unique=True,
    ),
    data=st.data(),
)
def test_tag_values_come_back(tmp_path_factory, names, data):
    assume(not {'slice', 'row', 'column', 'time', 'triggertime'} & set(names))
    lengths = [data.draw(st.integers(1, 4)) for _ in names]
    series = Series(np.zeros((*lengths, 2, 2, 2), 'u1'))
    axes = [
        VariableAxis(name, data.draw(st.lists(values, min_size=n, max_size=n)))
        for name, n in zip(names, lengths, strict=True)
    ]
    header = series.header
    header = replace(header, dims=(*names, 'slice', 'row', 'column'), tag_axes={a.name: a for a in axes})
    folder = tmp_path_factory.mktemp('n')
    written = NiftiPlugin().write(
        SeriesData(np.asarray(series), header, Identity()), WriteRequest(folder, None, {})
    )
    assert written == ['Image.nii.gz']
    back = NiftiPlugin().read([Source('x', folder / 'Image.nii.gz')], ReadRequest()).series[0].header
    assert back.tag_dims == tuple(names)
    for axis in axes:
        assert back.tag_axes[axis.name] == axis
        kinds = [type(v) for v in axis.values]
        assert [type(v) for v in back.tag_axes[axis.name].values] == kinds


def timed(times: list[float], name: str = 'time') -> Series:
    series = Series(np.zeros((len(times), 2, 3, 4), 'u1'), name)
    series.axes = [VariableAxis(name, times), *series.axes[1:]]
    return series


@pytest.mark.parametrize('name', ['time', 'triggertime'])
def test_time_step(tmp_path, name):
    timed([36000 + 2.5 * i for i in range(4)], name).write(tmp_path / 'a.nii')
    image = nibabel.load(tmp_path / 'a.nii')
    assert image.header.get_zooms()[3] == 2.5
    assert list(Series(tmp_path / 'a.nii').axes[0]) == [36000 + 2.5 * i for i in range(4)]
    # What another program writes has the start and the step alone, or only the step.
    image.header.extensions.clear()
    nibabel.save(image, tmp_path / 'b.nii')
    assert list(Series(tmp_path / 'b.nii', name).axes[0]) == [36000, 36002.5, 36005, 36007.5]
    image.header['toffset'] = 0
    nibabel.save(image, tmp_path / 'c.nii')
    assert list(Series(tmp_path / 'c.nii', name).axes[0]) == [0, 2.5, 5, 7.5]


class OneImage:
    def __len__(self) -> int:
        return 1

    def dataset(self, index: int) -> Dataset:
        dataset = Dataset()
        dataset.RepetitionTime = 2500
        return dataset


@pytest.mark.parametrize(
    ('order', 'step'), [('none', 2.5), ('b', 2.5), ('InstanceNumber', 2.5), ('te', 0), ('time', 1), ('', 2.5)]
)
def test_repetition_time_where_there_are_no_times(tmp_path, order, step):
    series = Series(np.zeros((3, 2, 2, 2)[not order :], 'u1'), order or 'none')
    tags = series.header.tag_dims
    images = Images((*tags, 'slice'), np.zeros(series.shape[:-2], int), OneImage())
    series.header = replace(series.header, images=images)
    series.write(tmp_path / 'a.nii', formats='nifti')
    assert nibabel.load(tmp_path / 'a.nii').header['pixdim'][4] == step


def test_uneven_times(tmp_path):
    with pytest.warns(LossWarning, match=r'0\.25 s'):
        timed([0, 1, 2.25, 3, 4]).write(tmp_path / 'a.nii')
    assert nibabel.load(tmp_path / 'a.nii').header.get_zooms()[3] == 1
    assert Series(tmp_path / 'a.nii').axes.time.values == [0, 1, 2.25, 3, 4]
    timed([0, 1.004, 2, 3]).write(tmp_path / 'b.nii')  # Clocks do jitter: no warning.
    with pytest.warns(LossWarning):
        timed([3, 3.0, 1, 0]).write(tmp_path / 'c.nii')
    assert nibabel.load(tmp_path / 'c.nii').header.get_zooms()[3] == 0


def test_texts_stay_out_of_the_file(tmp_path):
    series = timed(['Doe^Jane', 'Roe^Richard'], 'PatientName')
    series.patientName = 'Doe^Jane'
    with pytest.warns(LossWarning, match='PatientName'):
        series.write(tmp_path / 'a.nii')
    assert b'Doe' not in (tmp_path / 'a.nii').read_bytes()
    assert Series(tmp_path / 'a.nii').axes[0].name == 'PatientName'


def test_uneven_slices(tmp_path):
    places = np.array([[0, 0, z] for z in (0, 1, 2, 5.0)])
    series = Series(np.zeros((4, 3, 3), 'u1'))
    geometry = Geometry.from_slices(places, [1, 0, 0, 0, 1, 0], [1, 1], (4, 3, 3))
    series.header = _with_geometry(series, geometry)
    with pytest.warns(LossWarning, match=r'up to 1\.333 mm'):
        series.write(tmp_path / 'a.nii')


def test_unknown_geometry(tmp_path):
    series = Series(np.zeros((4, 3, 3), 'u1'))
    series.write(tmp_path / 'a.nii')
    header = nibabel.load(tmp_path / 'a.nii').header
    assert (int(header['sform_code']), int(header['qform_code'])) == (0, 0)
    back = Series(tmp_path / 'a.nii')
    assert back.header.geometry.assumed
    np.testing.assert_array_equal(back.header.geometry.affine, series.header.geometry.affine)
    series.header = _with_geometry(series, None)
    with pytest.warns(LossWarning, match='place'):
        series.write(tmp_path / 'b.nii')
    assert Series(tmp_path / 'b.nii').header.geometry.assumed
    flat = Geometry(affine_from_parts([1, 0, 0, 0, 1, 0], [1, 1, 1], [0, 0, 0], [0.5, 0, 0]), (4, 3, 3))
    series.header = _with_geometry(series, flat)
    with pytest.warns(LossWarning, match='span'):
        series.write(tmp_path / 'c.nii')


def test_what_nifti_cannot_hold(tmp_path):
    if np.dtype(np.longdouble).itemsize > 8:
        with pytest.warns(LossWarning, match='float64'):
            Series(np.zeros((2, 2, 2), np.longdouble)).write(tmp_path / 'a.nii')
    for array in (np.zeros((2,) * 8), np.zeros((0, 2, 2)), np.zeros((2, 2, 2), 'U3')):
        data = SeriesData(array, Series(np.zeros(array.shape)).header, Identity())
        with pytest.raises(WriteNotImplemented):
            NiftiPlugin().write(data, WriteRequest(tmp_path, 'x.nii', {}))
    assert not (tmp_path / 'x.nii').exists()


def test_long_dimension_is_nifti_2(tmp_path):
    values = np.arange(40000, dtype='u2').reshape(1, 1, -1)
    Series(values).write(tmp_path / 'a.nii.gz')
    assert isinstance(nibabel.load(tmp_path / 'a.nii.gz'), nibabel.Nifti2Image)
    assert np.array_equal(Series(tmp_path / 'a.nii.gz'), values)


def test_views_and_byte_order(tmp_path):
    rng = np.random.default_rng(5)
    whole = placed_series(rng, (3, 6, 7, 8), 'i4', '').astype('>i4')
    part = whole[::2, ::-1, 1:, ::3]
    part.write(tmp_path / 'a.nii.gz')
    back = Series(tmp_path / 'a.nii.gz')
    assert np.array_equal(back, part)
    assert back.axes.x0 == part.axes.x0
    assert back.header.geometry.difference(part.header.geometry, 1e-4) is None


def test_slabs_and_volumes(tmp_path):
    # Volumes of more than one slab, in a file whose last slab is short.
    values = np.random.default_rng(0).integers(0, 999, (2, 3, 33, 300, 301), dtype='i2')
    Series(values, 'a,b1').write(tmp_path / 'a.nii.gz')
    assert np.array_equal(Series(tmp_path / 'a.nii.gz'), values)
    image = nibabel.load(tmp_path / 'a.nii.gz')
    assert np.array_equal(np.asarray(image.dataobj)[5, 299 - 7, 11, 1, 2], values[1, 2, 11, 7, 5])


# --- real files --------------------------------------------------------------------------------


@pytest.mark.parametrize('row', catalogue(), ids=str)
def test_references(row: CatalogueRow, real_data, tmp_path):
    for number, reference in enumerate(row.references(real_data)):
        image = nibabel.load(reference.path)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', ImagedataWarning)
            series = Series(reference.path)
        if not series.header.geometry.assumed:
            same_voxels(series, image, 2e-4)
        if not reference.by_dcm2niix:
            continue
        # What dcm2niix writes comes back as dcm2niix writes it.
        series.write(tmp_path / f'again{number}.nii.gz')
        again = nibabel.load(tmp_path / f'again{number}.nii.gz')
        shape = image.shape if len(image.shape) > 3 else (*image.shape, 1, 1)[:3]
        assert again.shape == shape
        first, second = np.asanyarray(image.dataobj), np.asanyarray(again.dataobj)
        assert np.array_equal(first.reshape(shape), second)
        assert (again.header['sform_code'] > 0) == (image.header['sform_code'] > 0)
        zooms = again.header.get_zooms()[:3], image.header.get_zooms()[:3]
        np.testing.assert_allclose(*zooms, rtol=1e-4)
        if not series.header.geometry.assumed:
            np.testing.assert_allclose(again.affine, image.affine, atol=1e-4)
            if image.header['qform_code'] > 0:
                np.testing.assert_allclose(again.get_qform(), image.get_qform(), atol=5e-3)
                assert again.header['pixdim'][0] == image.header['pixdim'][0]
        bval = reference.beside('.bval')
        if bval is not None and len(image.shape) > 3:
            assert series.axes[0].name == 'b'


# --- broken files ------------------------------------------------------------------------------


@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
def test_truncated_anywhere(tmp_path, suffix):
    rng = np.random.default_rng(0)
    image = nibabel.Nifti1Image(random_values(rng, (20, 20, 5), 'i2'), np.eye(4))
    nibabel.save(image, tmp_path / f'whole{suffix}')
    content = (tmp_path / f'whole{suffix}').read_bytes()
    path = tmp_path / f'cut{suffix}'
    for size in [*range(0, 400, 7), *range(400, len(content), 211), *range(len(content) - 9, len(content))]:
        path.write_bytes(content[:size])
        with pytest.raises(CorruptFileError, match='cut') as caught:
            Series(path)
        assert 'damaged' in str(caught.value)
    path.write_bytes(content)
    assert Series(path).shape == (5, 20, 20)


def test_flipped_bits_in_compressed_data(tmp_path):
    nibabel.save(small_image((20, 20, 5)), tmp_path / 'a.nii.gz')
    content = bytearray((tmp_path / 'a.nii.gz').read_bytes())
    for at in range(12, len(content), max(1, len(content) // 60)):
        broken = content.copy()
        broken[at] ^= 0x10
        (tmp_path / 'b.nii.gz').write_bytes(broken)
        with pytest.raises(CorruptFileError):
            Series(tmp_path / 'b.nii.gz')


@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
@pytest.mark.parametrize(
    'fields',
    [
        {'dim__0': 0}, {'dim__0': 8}, {'dim__0': -3}, {'dim__1': -4}, {'dim__2': 0}, {'dim__3': 4},
        {'dim': [7, *[32767] * 7]}, {'dim': [3, *[32767] * 3, 1, 1, 1, 1]},
        {'datatype': 64, 'bitpix': 64}, {'datatype': 0}, {'datatype': 1}, {'datatype': 77},
        {'datatype': 1536}, {'vox_offset': 400}, {'vox_offset': np.nan}, {'vox_offset': -5},
        {'vox_offset': 1e30}, {'vox_offset': 1e9}, {'magic': b'n+9'}, {'sizeof_hdr': 349},
    ],
    ids=str,
)  # fmt: skip
def test_header_that_lies(tmp_path, fields, suffix):
    path = raw_file(tmp_path / f'lie{suffix}', small_image(), **fields)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(CorruptFileError, match='lie') as caught:
        Series(path)
    assert resource.getrlimit(resource.RLIMIT_AS) == limits
    assert '\n' not in str(caught.value)


def test_size_is_named(tmp_path):
    path = raw_file(tmp_path / 'lie.nii', small_image(), dim__3=4)
    with pytest.raises(CorruptFileError, match='512 bytes in all, and the file has 472'):
        Series(path)


def test_more_than_the_header_says(tmp_path):
    path = raw_file(tmp_path / 'a.nii.gz', small_image(), dim__3=2)
    with pytest.warns(ImagedataWarning, match='40 bytes follow'):
        assert Series(path).shape == (2, 5, 4)


def test_offset_zero_means_after_the_header(tmp_path):
    path = raw_file(tmp_path / 'a.nii', small_image(), vox_offset=0)
    same_voxels(Series(path), small_image())


@pytest.mark.parametrize('content', [b'', b'\0' * 1000, b'text' * 200, b'\x1f\x8b' + b'\0' * 100])
@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
def test_no_nifti_of_that_name(tmp_path, content, suffix):
    (tmp_path / f'a{suffix}').write_bytes(content)
    with pytest.raises(CorruptFileError, match=r'a\.nii'):
        Series(tmp_path / f'a{suffix}')


@given(data=st.binary(min_size=0, max_size=348), at=st.integers(0, 351))
def test_any_header_bytes(tmp_path_factory, data, at):
    folder = tmp_path_factory.mktemp('n')
    nibabel.save(small_image(), folder / 'a.nii')
    content = bytearray((folder / 'a.nii').read_bytes())
    content[at : at + len(data)] = data[: 352 - at]
    (folder / 'a.nii').write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ImagedataWarning)
        try:
            series = Series(folder / 'a.nii')
        except ImagedataError:
            return
    assert series.size * series.dtype.itemsize < 10_000


# --- targets that cannot be written ------------------------------------------------------------


FULL = """
import resource, signal, sys
import numpy as np
from imagedata import Series
from imagedata.errors import WriteError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
values = np.random.default_rng(0).integers(0, 2**31, (40, 200, 200))
try:
    Series(values).write(sys.argv[1])
except WriteError as error:
    print(error)
"""


@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
def test_full_disk(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    path.write_bytes(b'old')
    done = subprocess.run(
        [sys.executable, '-c', FULL, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    assert str(path) in done.stdout
    assert 'unchanged' in done.stdout
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == [path.name]


def test_unwritable_target(tmp_path):
    (tmp_path / 'file').write_text('no folder')
    with pytest.raises(WriteError):
        Series(np.zeros((2, 2, 2))).write(tmp_path / 'file' / 'a.nii')
    assert os.listdir(tmp_path) == ['file']


def test_uniform_axis_values(tmp_path):
    series = Series(np.zeros((7, 2, 2, 2), 'u1'), 'time')
    series.axes = [UniformLengthAxis('time', 0.1, 7, 0.3), *series.axes[1:]]
    series.write(tmp_path / 'a.nii')
    assert Series(tmp_path / 'a.nii').axes.time == series.axes.time
    text = (tmp_path / 'a.nii').read_bytes()[360:].split(b'\0')[0]
    assert json.loads(text)['imagedata']['axes'][0]['name'] == 'time'
