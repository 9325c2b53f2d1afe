"""What NIfTI files say beside values and place, and the options of reading and writing them."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagedata import Series
from imagedata.axis import VariableAxis
from imagedata.errors import CorruptFileError, DataTypeError, LossWarning, WriteNotImplemented

AFFINE = np.array([[-2.0, 0, 0, 30], [0, 3, 0, -40], [0, 0, 4, -10], [0, 0, 0, 1]])


def image_of(shape: tuple[int, ...] = (4, 5, 3), dtype: str = 'i2') -> nibabel.Nifti1Image:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return nibabel.Nifti1Image(values, AFFINE, dtype=dtype)


def saved(path: Path, image: nibabel.Nifti1Image) -> Path:
    nibabel.save(image, path)
    return path


# --- versions and pairs -------------------------------------------------------------------------


@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz', '.hdr', '.img', '.hdr.gz', '.img.gz'])
@settings(max_examples=8)
@given(
    shape=st.lists(st.integers(1, 4), min_size=3, max_size=7).map(tuple),
    dtype=st.sampled_from(['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f4', 'f8', 'c8', 'c16']),
    seed=st.integers(0, 1000),
)
def test_versions_and_pairs(tmp_path_factory, suffix, version, shape, dtype, seed):
    folder = tmp_path_factory.mktemp('pair')
    values = np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)
    series = Series(values, ','.join('abcd'[: len(shape) - 3]) or 'none')
    series.write(folder / f'x{suffix}', nifti_version=version)
    packed = '.gz' if suffix.endswith('.gz') else ''
    pair = '.hdr' in suffix or '.img' in suffix
    assert {p.name for p in folder.iterdir()} == (
        {f'x.hdr{packed}', f'x.img{packed}'} if pair else {f'x{suffix}'})
    image = nibabel.load(folder / (f'x.img{packed}' if pair else f'x{suffix}'))
    assert isinstance(image.header, (nibabel.Nifti1Header, nibabel.Nifti2Header)[version - 1])
    tags = len(shape) - 3
    theirs = np.asarray(image.dataobj)
    theirs = theirs.reshape((*theirs.shape, *[1] * 7)[: len(shape)])
    expected = values.transpose(*range(len(shape))[: tags - 1 if tags else None : -1], *range(tags))[:, ::-1]
    assert theirs.dtype == expected.dtype
    np.testing.assert_array_equal(theirs, expected)
    again = Series(folder / f'x{suffix}')  # of a pair, either file
    assert again.shape == shape
    np.testing.assert_array_equal(again, values)
    np.testing.assert_array_equal(Series(folder), values)


def test_options_that_are_none(tmp_path):
    series = Series(image_to_array())
    for option in ({'nifti_version': 3}, {'compresslevel': 9}, {'sform_code': 17}, {'sidecar': 'all'},
                   {'descrip': 'x' * 81}, {'intent_name': 'ü' * 9}, {'intent_code': 'label'}):  # fmt: skip
        with pytest.raises(WriteNotImplemented, match=next(iter(option))):
            placed(series).write(tmp_path / 'x.nii.gz', **option)
    assert not list(tmp_path.iterdir())
    with pytest.raises(WriteNotImplemented, match='32767'):
        Series(np.zeros((1, 1, 40000), 'u1')).write(tmp_path / 'x.nii', nifti_version=1)


def image_to_array() -> np.ndarray:
    return np.arange(60).reshape(3, 5, 4).astype('i2')


def placed(series: Series) -> Series:
    series.spacing = [4, 3, 2]
    return series


def test_compression_levels_give_the_same_voxels(tmp_path):
    values = np.tile(np.arange(4000, dtype='i4'), 60).reshape(60, 40, 100)
    sizes = []
    for level in range(4):
        Series(values).write(tmp_path / 'x.nii.gz', compresslevel=level)
        sizes.append((tmp_path / 'x.nii.gz').stat().st_size)
        np.testing.assert_array_equal(Series(tmp_path / 'x.nii.gz'), values)
    assert sizes[0] > sizes[3]


def test_types_of_other_machines(tmp_path):
    """Bytes of long double differ from machine to machine."""
    content = bytearray(saved(tmp_path / 'a.nii', image_of()).read_bytes())
    for code, bits in ((1536, 128), (2048, 256)):
        content[70:74] = np.array([code, bits], '<i2').tobytes()
        (tmp_path / 'b.nii').write_bytes(content)
        with pytest.raises(CorruptFileError, match=str(code)):
            Series(tmp_path / 'b.nii')


# --- place --------------------------------------------------------------------------------------


@pytest.mark.parametrize('codes', [(1, 1), (2, 1), (4, 4), (3, 0), (5, 2)])
def test_codes_are_kept(tmp_path, codes):
    image = image_of()
    image.set_sform(AFFINE, codes[0])
    image.set_qform(AFFINE, codes[1])
    series = Series(saved(tmp_path / 'a.nii', image))
    # Also of parts, and of computed values: they lie in the same space.
    for part, name in ((series, 'b.nii'), (series[1:, ::-1] * 2, 'c.nii')):
        part.write(tmp_path / name)
        header = nibabel.load(tmp_path / name).header
        assert (header['sform_code'], header['qform_code']) == codes
    series.write(tmp_path / 'd.nii', sform_code=2, qform_code=0)
    header = nibabel.load(tmp_path / 'd.nii').header
    assert (header['sform_code'], header['qform_code']) == (2, 0)
    np.testing.assert_allclose(nibabel.load(tmp_path / 'b.nii').affine, AFFINE, atol=1e-5)


def test_codes_follow_the_grid(tmp_path):
    """Values put on another grid lie in the space of that grid."""
    image = image_of()
    image.set_sform(AFFINE, 4)
    mni = Series(saved(tmp_path / 'a.nii', image))
    image.set_sform(AFFINE, 2)
    aligned = Series(saved(tmp_path / 'b.nii', image))
    Series(np.asarray(mni), geometry=aligned).write(tmp_path / 'c.nii')
    assert nibabel.load(tmp_path / 'c.nii').header['sform_code'] == 2
    mni.align(aligned, force=True).write(tmp_path / 'd.nii')
    assert nibabel.load(tmp_path / 'd.nii').header['sform_code'] == 2


def test_sform_or_qform(tmp_path):
    other = AFFINE.copy()
    other[:3, 3] += [10, 0, 0]
    image = image_of()
    image.set_sform(AFFINE, 4)
    image.set_qform(other, 1)
    path = saved(tmp_path / 'a.nii', image)
    first = Series(path)
    assert 'places the voxels otherwise' in first.explain()
    second = Series(path, form='qform')
    apart = np.asarray(second.getPositionForVoxel([0, 0, 0]) - first.getPositionForVoxel([0, 0, 0]))
    np.testing.assert_allclose(apart.ravel(), [0, 0, -10], atol=1e-5)
    # A place in MNI space is not claimed to be one in the scanner.
    first.write(tmp_path / 'b.nii')
    header = nibabel.load(tmp_path / 'b.nii').header
    assert (header['sform_code'], header['qform_code']) == (4, 4)


# --- fields and extensions ----------------------------------------------------------------------


def told(tmp_path: Path) -> Series:
    image = image_of()
    image.header['descrip'] = b'FSL 6.0'
    image.header['aux_file'] = b'atlas.txt'
    image.header.set_intent('label', (), name='tissue')
    image.header.set_dim_info(freq=0, phase=1, slice=2)
    image.header['slice_end'], image.header['slice_code'], image.header['slice_duration'] = 2, 3, 0.5
    image.header['cal_max'] = 50
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension('comment', b'made by hand'))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension('afni', b'<AFNI/>'))
    return Series(saved(tmp_path / 'a.nii', image))


def test_fields_and_extensions_come_back(tmp_path):
    told(tmp_path).write(tmp_path / 'b.nii')
    before, after = (nibabel.load(tmp_path / n).header for n in ('a.nii', 'b.nii'))
    for field in ('descrip', 'aux_file', 'intent_code', 'intent_name', 'dim_info', 'slice_end', 'slice_code',
                  'slice_duration', 'cal_max'):  # fmt: skip
        assert after[field] == before[field], field
    contents = [e.get_content().rstrip(b'\0') for e in after.extensions]
    assert contents == [b'made by hand', b'<AFNI/>']
    Series(tmp_path / 'b.nii').write(tmp_path / 'c.nii')
    assert (tmp_path / 'c.nii').read_bytes() == (tmp_path / 'b.nii').read_bytes()


def test_fields_that_no_longer_hold_are_gone(tmp_path):
    series = told(tmp_path)
    (series + 1).write(tmp_path / 'b.nii')
    header = nibabel.load(tmp_path / 'b.nii').header
    assert (header['descrip'], header['intent_code'], len(header.extensions)) == (b'', 0, 0)
    assert header['slice_code'] == 3  # The grid is the same.
    series[:, 1:].write(tmp_path / 'c.nii')
    header = nibabel.load(tmp_path / 'c.nii').header
    assert (header['slice_code'], header['dim_info'], len(header.extensions)) == (0, 0, 0)
    assert header['intent_name'] == b'tissue'


def test_fields_that_are_asked_for(tmp_path):
    Series(image_to_array()).write(
        tmp_path / 'a.nii', descrip='ours', intent_code=1002, intent_name='organs', aux_file='lut')
    header = nibabel.load(tmp_path / 'a.nii').header
    assert (header['descrip'], header['aux_file'], header['intent_name']) == (b'ours', b'lut', b'organs')
    assert header.get_intent() == ('label', (), 'organs')
    Series(image_to_array()).write(tmp_path / 'b.nii', intent_code=3, intent_p=[17.0])
    assert nibabel.load(tmp_path / 'b.nii').header.get_intent() == ('t test', (17.0,), '')


# --- dimensions ---------------------------------------------------------------------------------


def test_vectors_are_the_fifth_dimension(tmp_path):
    image = image_of((4, 5, 3, 1, 3), 'f4')
    image.header.set_intent('vector')
    series = Series(saved(tmp_path / 'a.nii', image))
    assert series.header.dims == ('vector', 'slice', 'row', 'column')
    np.testing.assert_array_equal(series[2, 1, 0, 3], image.dataobj[3, 4, 1, 0, 2])
    (series * 2).write(tmp_path / 'b.nii')
    again = nibabel.load(tmp_path / 'b.nii')
    assert again.shape == (4, 5, 3, 1, 3)
    assert again.header['intent_code'] == 1007
    np.testing.assert_array_equal(np.asarray(again.dataobj), 2 * np.asarray(image.dataobj))
    found = Series(tmp_path / 'b.nii')
    assert found.header.dims[-4:] == ('vector', 'slice', 'row', 'column')


def test_six_dimensions_with_their_values(tmp_path):
    names = ('time', 'te', 'component', 'region')
    values = ([0.0, 1.5], [2.0, 4.5, 7.0], ['M', 'P'], ['liver', 'spleen'])
    series = Series(np.arange(2 * 3 * 2 * 2 * 8).reshape(2, 3, 2, 2, 2, 2, 2), ','.join(names))
    series.axes = [*(VariableAxis(n, v) for n, v in zip(names, values, strict=True)), *series.axes[4:]]
    series.write(tmp_path / 'a.nii')
    again = Series(tmp_path / 'a.nii')
    assert [list(axis) for axis in again.axes[:4]] == [list(v) for v in values]
    np.testing.assert_array_equal(again, series)
    assert nibabel.load(tmp_path / 'a.nii').header['pixdim'][4] == 1.5


@pytest.mark.parametrize(('unit', 'factor'), [('sec', 1), ('msec', 1e-3), ('usec', 1e-6)])
def test_time_of_the_first_volume(tmp_path, unit, factor):
    image = image_of((4, 5, 3, 4))
    image.header.set_xyzt_units('mm', unit)
    image.header['pixdim'][4], image.header['toffset'] = 2.5 / factor, 10 / factor
    series = Series(saved(tmp_path / 'a.nii', image), 'time')
    np.testing.assert_allclose(list(series.axes.time), [10, 12.5, 15, 17.5])
    series.write(tmp_path / 'b.nii')
    header = nibabel.load(tmp_path / 'b.nii').header
    assert (header['toffset'], header['pixdim'][4]) == (10, 2.5)


# --- scaling and memory mapping -----------------------------------------------------------------


def scaled(path: Path) -> Path:
    image = image_of()
    image.header.set_slope_inter(0.5, 3)
    image.to_filename(path)
    content = bytearray(path.read_bytes())
    content[352:] = np.arange(60, dtype='<i2').tobytes()
    path.write_bytes(content)
    return path


def test_stored_values(tmp_path):
    path = scaled(tmp_path / 'a.nii')
    stored = Series(path, scaling='stored')
    assert stored.dtype == np.int16
    np.testing.assert_array_equal(np.asarray(stored) * 0.5 + 3, Series(path))


@pytest.mark.parametrize('endianness', ['<', '>'])
@pytest.mark.parametrize('suffix', ['.nii', '.hdr'])
@settings(max_examples=8)
@given(
    shape=st.lists(st.integers(1, 4), min_size=3, max_size=6).map(tuple),
    dtype=st.sampled_from(['u1', 'i2', 'f4', 'f8', 'c8', 'i8']),
)
def test_mapped_values_are_the_same(tmp_path_factory, suffix, endianness, shape, dtype):
    path = tmp_path_factory.mktemp('map') / f'a{suffix}'
    kind = nibabel.Nifti1Pair if suffix == '.hdr' else nibabel.Nifti1Image
    header = kind.header_class(endianness=endianness)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(endianness))
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    kind(values, AFFINE, header).to_filename(str(path))
    plain, mapped = Series(path), Series(path, mmap=True)
    np.testing.assert_array_equal(mapped, plain)
    assert mapped.same_geometry(plain)
    assert 'memory-mapped' in mapped.explain()
    base = mapped
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert base is not None, 'no memory map behind the values'


def test_mapped_values_leave_the_file_alone(tmp_path):
    path = saved(tmp_path / 'a.nii', image_of())
    before = path.read_bytes()
    fixed = Series(path, mmap=True)
    with pytest.raises(ValueError, match='read-only'):
        fixed[0, 0, 0] = 5
    changed = Series(path, mmap='c')
    changed[0, 0, 0] = 555
    assert changed[0, 0, 0] == 555
    assert path.read_bytes() == before
    # Written over its own file, it is whole: the new file stands beside until it is complete.
    changed.write(path)
    assert Series(path)[0, 0, 0] == 555
    assert changed[0, 0, 0] == 555


@pytest.mark.parametrize(
    ('make', 'options', 'reason'),
    [
        (lambda p: saved(p / 'a.nii.gz', image_of()), {}, 'compressed'),
        (lambda p: scaled(p / 'a.nii'), {}, 'scaled'),
        (lambda p: saved(p / 'a.nii', image_of()), {'dtype': 'f4'}, 'dtype'),
        (lambda p: saved(p / 'a.nii', image_of()), {'mmap': 'r+'}, 'read-only'),
    ],
)
def test_what_cannot_be_mapped(tmp_path, make, options, reason):
    path = make(tmp_path)
    with pytest.raises(DataTypeError, match=reason):
        Series(path, **{'mmap': True, **options})
    if reason == 'scaled':
        mapped = Series(path, mmap=True, scaling='stored')
        np.testing.assert_array_equal(mapped, Series(path, scaling='stored'))


def test_mapped_and_truncated(tmp_path):
    path = saved(tmp_path / 'a.nii', image_of())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptFileError, match='claims'):
        Series(path, mmap=True)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize('size', [0, 8, 15, 17, 2**31 - 1, 2**32 - 1, 1 << 20])
@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
def test_hostile_extension_sizes(tmp_path, size, suffix):
    image = image_of()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension('comment', b'x' * 40))
    content = bytearray(saved(tmp_path / 'a.nii', image).read_bytes())
    content[352:356] = size.to_bytes(4, 'little')
    path = tmp_path / f'b{suffix}'
    path.write_bytes(gzip.compress(content) if suffix.endswith('gz') else content)
    series = Series(path)
    np.testing.assert_array_equal(series, Series(tmp_path / 'a.nii'))


@pytest.mark.parametrize('suffix', ['.nii', '.nii.gz'])
@pytest.mark.parametrize('mmap', [False, True])
def test_four_gigabytes_of_nothing(tmp_path, suffix, mmap):
    content = bytearray(saved(tmp_path / 'a.nii', image_of()).read_bytes())
    content[42:48] = np.array([32767, 32767, 2], '<i2').tobytes()
    path = tmp_path / f'b{suffix}'
    path.write_bytes(gzip.compress(content) if suffix.endswith('gz') else content)
    with pytest.raises((CorruptFileError, DataTypeError)):
        Series(path, mmap=mmap)


def test_patient_names_as_tags_stay_out(tmp_path):
    series = Series(np.zeros((2, 1, 2, 2), 'u1'), 'PatientID')
    series.axes = [VariableAxis('PatientID', ['a1', 'b2']), *series.axes[1:]]
    with pytest.warns(LossWarning, match='PatientID'):
        series.write(tmp_path / 'a.nii')
    assert b'b2' not in (tmp_path / 'a.nii').read_bytes()
