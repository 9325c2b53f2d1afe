"""MetaImage, NRRD and the others against SimpleITK, in both directions; hostile and broken headers."""

import contextlib
import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - as its documentation calls it
from hypothesis import given, settings
from hypothesis import strategies as st

from formats_helpers import RGB, random_series, random_values, same
from imagedata import Series
from imagedata.errors import (
    CorruptFileError,
    ImagedataError,
    ImagedataWarning,
    LossWarning,
    OrderNotFoundError,
    UnknownInputError,
)

FORMATS = ['mha', 'mhd', 'nrrd', 'nhdr', 'h5']


def sitk_image(
    rng: np.random.Generator, ndim: int, dtype: str, components: int = 1, *, sheared: bool = False
) -> sitk.Image:
    """An image of SimpleITK, anywhere in space."""
    shape = tuple(int(n) for n in rng.integers(1, 5, ndim))
    values = random_values(rng, shape + ((components,) if components > 1 else ()), dtype)
    image = sitk.GetImageFromArray(values, isVector=components > 1)
    direction = np.eye(ndim)
    space = min(3, ndim)
    turn = np.linalg.qr(rng.normal(size=(space, space)))[0]
    if sheared and space == 3:
        turn[:, 2] += 0.3 * turn[:, 1]
        turn[:, 2] /= np.linalg.norm(turn[:, 2])
    direction[:space, :space] = turn
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin(rng.uniform(-200, 200, ndim).tolist())
    image.SetSpacing(rng.uniform(0.3, 5, ndim).tolist())
    return image


def same_as_sitk(series: Series, image: sitk.Image) -> None:
    """Assert that each voxel of the image is in the Series: its place by SimpleITK, its value."""
    ndim, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    grid = series.header.geometry
    array = np.asarray(series)
    for at in np.ndindex(*image.GetSize()):
        place = image.TransformIndexToPhysicalPoint([int(i) for i in at])
        x, y, z = (*place, 0.0)[:3]
        wanted = image.GetPixel([int(i) for i in at])
        index = np.rint(grid.to_index([x, y, z])).astype(int)
        np.testing.assert_allclose(grid.to_world(index), [x, y, z], atol=1e-4)
        spatial = tuple(index) if ndim > 2 else tuple(index[1:])
        tags = (at[3],) if ndim == 4 else ()
        if ndim == 4:
            assert series.axes[0].values[at[3]] == pytest.approx(place[3], abs=1e-6)
        if components > 1 and array.dtype.names is None:
            assert array[(*tags, slice(None), *spatial)].tolist() == list(wanted)
        else:
            found = array[(*tags, *spatial)]
            assert (tuple(int(v) for v in found) if array.dtype.names else found) == wanted


@pytest.mark.parametrize('name', FORMATS)
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_files_of_simpleitk(name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp('sitk') / f'a.{name}'
    dtype = data.draw(st.sampled_from(['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8']))
    image = sitk_image(
        np.random.default_rng(data.draw(st.integers(0, 1000))), data.draw(st.integers(2, 4)), dtype,
        data.draw(st.sampled_from([1, 1, 3, 5])), sheared=data.draw(st.booleans()),
    )  # fmt: skip
    sitk.WriteImage(image, str(path), data.draw(st.booleans()))
    same_as_sitk(Series(path), image)


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.parametrize('kind', ['axial', 'oblique', 'left-handed', 'sheared'])
def test_simpleitk_reads_ours(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f'a.{name}'
    for dtype in ('i2', 'f8', RGB):
        series = random_series(dtype, kind=kind)
        series.write(path)
        same_as_sitk(series, sitk.ReadImage(str(path)))


def test_four_dimensions_are_in_time(tmp_path: Path) -> None:
    image = sitk_image(np.random.default_rng(1), 4, 'i2')
    sitk.WriteImage(image, str(tmp_path / 'a.nrrd'))
    for order in ('auto', 'time'):
        assert Series(tmp_path / 'a.nrrd', order).axes[0].name == 'time'
    with pytest.raises(OrderNotFoundError, match='names 2 dimensions'):
        Series(tmp_path / 'a.nrrd', 'time,te')


@pytest.mark.parametrize('name', FORMATS)
def test_components(name: str, tmp_path: Path) -> None:
    image = sitk_image(np.random.default_rng(2), 4, 'f4', 6)
    sitk.WriteImage(image, str(tmp_path / f'a.{name}'))
    series = Series(tmp_path / f'a.{name}')
    assert [axis.name for axis in series.axes] == ['time', 'component', 'slice', 'row', 'column']
    series.write(tmp_path / f'b.{name}')
    back = sitk.ReadImage(str(tmp_path / f'b.{name}'))
    assert back.GetNumberOfComponentsPerPixel() == 6
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))


@pytest.mark.parametrize('name', FORMATS)
def test_three_bytes_that_are_components_are_no_colour(name: str, tmp_path: Path) -> None:
    series = random_series('u1', tags=(3,))
    series.axes = [series.axes[0].renamed('component'), *series.axes[1:]]
    series.write(tmp_path / f'a.{name}')
    same(Series(tmp_path / f'a.{name}'), series)


@pytest.mark.parametrize('name', FORMATS)
def test_metadata_are_kept(name: str, tmp_path: Path) -> None:
    image = sitk_image(np.random.default_rng(3), 3, 'i2')
    image.SetMetaData('Tracer', 'FDG, 300 MBq')
    image.SetMetaData('0018|0050', '2.5')
    sitk.WriteImage(image, str(tmp_path / f'a.{name}'))
    series = Series(tmp_path / f'a.{name}')
    assert series.header.attributes['itk_metadata'] == {'Tracer': 'FDG, 300 MBq', '0018|0050': '2.5'}
    series.write(tmp_path / f'b.{name}')
    back = sitk.ReadImage(str(tmp_path / f'b.{name}'))
    assert (back.GetMetaData('Tracer'), back.GetMetaData('0018|0050')) == ('FDG, 300 MBq', '2.5')
    with pytest.warns(LossWarning) as caught:
        series.write(tmp_path / 'c.vtk')
    assert 'metadata 0018|0050, Tracer are not kept' in str(caught[-1].message)


def test_gradients_that_are_left_out_are_not_claimed(tmp_path: Path) -> None:
    image = sitk_image(np.random.default_rng(4), 3, 'i2', 6)
    for number in range(6):
        image.SetMetaData(f'DWMRI_gradient_{number:04d}', '1 0 0')
    sitk.WriteImage(image, str(tmp_path / 'a.nrrd'))
    series = Series(tmp_path / 'a.nrrd')
    series.write(tmp_path / 'b.nrrd')
    assert 'DWMRI_gradient_0005' in sitk.ReadImage(str(tmp_path / 'b.nrrd')).GetMetaDataKeys()
    for other in (series[1:4], series[::-1], series[[0, 2, 1, 3, 4, 5]]):
        with pytest.warns(LossWarning, match='6 gradients'):
            other.write(tmp_path / 'c.nrrd')
        assert 'DWMRI_gradient_0000' not in sitk.ReadImage(str(tmp_path / 'c.nrrd')).GetMetaDataKeys()


def test_other_hdf5_files_are_left(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['x'] = np.zeros((3, 4))
    with pytest.raises(UnknownInputError, match=r'a\.h5'):
        Series(tmp_path / 'a.h5')


def test_compression(tmp_path: Path) -> None:
    series = random_series('u2', (20, 20, 20)) // 4096
    series.write(tmp_path / 'a.mha')
    series.write(tmp_path / 'b.mha', compression=True)
    assert (tmp_path / 'b.mha').stat().st_size < (tmp_path / 'a.mha').stat().st_size / 2
    same(Series(tmp_path / 'b.mha'), series)
    series.write(tmp_path / 'c.mhd', compression=True)
    assert sorted(p.name for p in tmp_path.glob('c.*')) == ['c.mhd', 'c.zraw']


def test_a_folder_with_header_and_voxels_is_one_series(tmp_path: Path) -> None:
    series = random_series('u2')
    series.write(tmp_path / 'a.mhd')
    found = Series(tmp_path)
    same(found, series)
    assert 'a.raw' not in found.explain()


def test_lost_directions_are_told(tmp_path: Path) -> None:
    for name in ('a.vtk', 'a.mrc', 'a.gipl'):
        with pytest.warns(LossWarning, match=r'place of the voxels is not kept.*up to [0-9.]+ mm'):
            random_series('u2').write(tmp_path / name)
    with pytest.warns(LossWarning, match='not evenly spaced'):
        random_series('u2', uneven=True).write(tmp_path / 'a.nrrd')


def test_an_axis_of_texts_keeps_its_name(tmp_path: Path) -> None:
    from imagedata.axis import VariableAxis

    series = random_series('u2', tags=(2,))
    series.axes = [VariableAxis('label', ['liver', 'spleen']), *series.axes[1:]]
    with pytest.warns(LossWarning, match="'label'"):
        series.write(tmp_path / 'a.nrrd')
    assert Series(tmp_path / 'a.nrrd').axes[0].name == 'label'


def test_ras_nrrd_and_other_spaces(tmp_path: Path) -> None:
    """NRRD's `space` turns the axes of the patient; the oracle is its definition."""
    values = np.arange(24, dtype='<i2')
    header = (
        'NRRD0004\ntype: short\ndimension: 3\nspace: right-anterior-superior\nsizes: 4 3 2\n'
        'space directions: (2,0,0) (0,3,0) (0,0,5)\nspace origin: (10,20,30)\nendian: little\n'
        'encoding: raw\n\n'
    )
    (tmp_path / 'a.nrrd').write_bytes(header.encode() + values.tobytes())
    series = Series(tmp_path / 'a.nrrd')
    np.testing.assert_allclose(series.header.geometry.to_world([1, 2, 3]), [-16, -26, 35])
    assert series[1, 2, 3] == 1 * 12 + 2 * 4 + 3


def nrrd(path: Path, fields: str) -> Series:
    header = 'NRRD0005\ntype: short\ndimension: 4\nsizes: 4 3 2 2\nencoding: raw\nendian: little\n'
    path.write_bytes(f'{header}{fields}\n\n'.encode() + np.arange(48, dtype='<i2').tobytes())
    return Series(path)


def test_units_of_nrrd(tmp_path: Path) -> None:
    """The oracle is the definition of "space units" and "units" in NRRD 5."""
    series = nrrd(
        tmp_path / 'a.nrrd',
        'space: right-anterior-superior-time\nspace origin: (1000,2000,3000,500)\n'
        'space directions: (500,0,0,0) (0,500,0,0) (0,0,1000,0) (0,0,0,250)\n'
        'space units: "um" "um" "um" "ms"',
    )
    np.testing.assert_allclose(series.header.geometry.to_world([1, 2, 3]), [-2.5, -3, 4])
    assert series.axes[0].values == [0.5, 0.75]
    series = nrrd(tmp_path / 'b.nrrd', 'spacings: 1 1 1 20\nunits: "cm" "cm" "mm" "msec"')
    assert series.spacing.tolist() == [1, 10, 10]
    assert series.axes[0].values == [0, 0.02]
    series = nrrd(
        tmp_path / 'd.nrrd', 'kinds: domain domain list domain\nspacings: 1 2 nan 3\nunits: "m" "cm" "" "um"'
    )
    assert series.axes[0].name == 'component'
    np.testing.assert_allclose(series.spacing, [0.003, 20, 1000])
    with pytest.warns(ImagedataWarning, match="'parsec' is not known"):
        nrrd(tmp_path / 'c.nrrd', 'spacings: 1 1 1 20\nunits: "parsec" "mm" "mm" "s"')


GRADIENTS = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0, 0)]


def weighted(path: Path, fields: str = '', gradients: str | None = None) -> Series:
    """A diffusion image as NA-MIC describes it: a list of five images, the fastest axis being the first."""
    header = (
        'NRRD0005\ntype: short\ndimension: 4\nsizes: 5 4 3 2\nencoding: raw\nendian: little\n'
        f'kinds: list space space space\n{fields}\nspace directions: none (2,0,0) (0,3,0) (0,0,5)\n'
        'space origin: (10,20,30)\nmodality:=DWMRI\nDWMRI_b-value:=1000\n'
    )
    keys = [f'DWMRI_gradient_{i:04d}:={v[0]} {v[1]} {v[2]}' for i, v in enumerate(GRADIENTS)]
    keys = keys if gradients is None else [gradients]
    path.write_bytes(f'{header}{chr(10).join(keys)}\n\n'.encode() + np.arange(120, dtype='<i2').tobytes())
    return Series(path)


@pytest.mark.parametrize(
    ('space', 'frame', 'matrix'),
    [('left-posterior-superior', '', np.eye(3)),
     ('RAS', '', np.diag([-1.0, -1, 1])),
     # The second axis of the gradients is the first of the space, and the other way round.
     ('LAS', '(0,1,0) (1,0,0) (0,0,1)', np.diag([1.0, -1, 1]) @ [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
     ('right-anterior-superior', '(0,0,1) (1,0,0) (0,1,0)',
      np.diag([-1.0, -1, 1]) @ np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]).T)],
)  # fmt: skip
def test_diffusion_in_nrrd(space: str, frame: str, matrix: np.ndarray, tmp_path: Path) -> None:
    fields = f'space: {space}' + (f'\nmeasurement frame: {frame}' if frame else '')
    series = weighted(tmp_path / 'a.nrrd', fields)
    assert series.axes._fields == ('b', 'slice', 'row', 'column')
    assert list(series.axes.b.values) == [0, 1000, 1000, 1000, 250]
    np.testing.assert_array_equal(series, np.arange(120).reshape(2, 3, 4, 5).transpose(3, 0, 1, 2))
    wanted = [() if not any(g) else tuple(matrix @ np.array(g) / np.linalg.norm(g)) for g in GRADIENTS]
    for found, vector in zip(series.header.images.tags['bvector'][:, 0], wanted, strict=True):
        np.testing.assert_allclose(found, vector, atol=1e-12)
    # The same as FSL's tables beside NIfTI, which nibabel and dcm2niix have been compared with.
    series.write(tmp_path / 'b.nii.gz')
    again = Series(tmp_path / 'b.nii.gz')
    for a, b in zip(again.header.images.tags['bvector'][:, 0], wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    series.write(tmp_path / 'c.nrrd')
    image = sitk.ReadImage(str(tmp_path / 'c.nrrd'))
    assert image.GetNumberOfComponentsPerPixel() == 5
    assert float(image.GetMetaData('DWMRI_b-value')) == 1000
    length = np.linalg.norm([float(v) for v in image.GetMetaData('DWMRI_gradient_0004').split()])
    np.testing.assert_allclose(length, 0.5)
    same(Series(tmp_path / 'c.nrrd'), series)
    series[1:3].write(tmp_path / 'd.nrrd')
    part = Series(tmp_path / 'd.nrrd', 'dti')
    assert [b for b, _ in part.axes.dti.values] == [1000, 1000]
    np.testing.assert_allclose([v for _, v in part.axes.dti.values], wanted[1:3], atol=1e-12)


def test_gradients_that_do_not_fit_nrrd(tmp_path: Path) -> None:
    series = weighted(tmp_path / 'a.nrrd', 'space: LPS', 'DWMRI_gradient_0000:=1 0 0\nDWMRI_NEX_0000:=5')
    assert list(series.axes.b.values) == [1000] * 5
    with pytest.warns(ImagedataWarning, match='gradients .* left out'):
        series = weighted(
            tmp_path / 'b.nrrd',
            'space: LPS\nmeasurement frame: (1,0,0) (0,1,0) (0,0,1)',
            'DWMRI_gradient_0000:=1 0 0',
        )
    assert series.axes._fields[0] == 'component'
    assert not series.header.attributes.get('itk_metadata', {}).get('DWMRI_gradient_0000')


@pytest.mark.parametrize('space', ['space dimension: 3', 'space: scanner-xyz', 'space: 3D-right-handed'])
def test_nrrd_that_is_placed_in_no_patient(space: str, tmp_path: Path) -> None:
    fields = f'{space}\nspace directions: (2,0,0) (0,3,0) (0,0,5)\nspace origin: (1,2,3)'
    header = f'NRRD0005\ntype: short\ndimension: 3\nsizes: 4 3 2\nencoding: raw\nendian: little\n{fields}\n\n'
    (tmp_path / 'a.nrrd').write_bytes(header.encode() + np.arange(24, dtype='<i2').tobytes())
    with pytest.warns(ImagedataWarning, match='not those of a patient'):
        series = Series(tmp_path / 'a.nrrd')
    assert series.header.geometry.assumed
    assert series.spacing.tolist() == [5, 3, 2]
    # As a picture with a resolution: nothing but a spacing is told, and nothing is warned of.
    assert nrrd(tmp_path / 'b.nrrd', 'spacings: 2 3 5 1').header.geometry.assumed


def test_unit_of_metaimage(tmp_path: Path) -> None:
    header = meta_header(DistanceUnits='um', Offset='1000 2000 3000', ElementSpacing='500 600 700')
    (tmp_path / 'a.mha').write_bytes(header + np.arange(24, dtype='<i2').tobytes())
    grid = Series(tmp_path / 'a.mha').header.geometry
    np.testing.assert_allclose(grid.to_world([1, 2, 3]), [2.5, 3.2, 3.7])


def test_times_of_a_file_are_no_b_values(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.zeros((3, 2, 3, 4), 'i2'), isVector=False)
    image.SetSpacing([1, 1, 1, 2.5])
    sitk.WriteImage(image, str(tmp_path / 'a.mha'))
    assert Series(tmp_path / 'a.mha', 'triggertime').axes[0].values == [0, 2.5, 5]
    with pytest.warns(ImagedataWarning, match="no values for axis 'b'"):
        assert Series(tmp_path / 'a.mha', 'b').axes[0].values == [0, 1, 2]


def test_minc_of_itk(tmp_path: Path) -> None:
    """Read by nibabel; the oracle is SimpleITK, which gives MINC's RAS as if it were LPS."""
    image = sitk_image(np.random.default_rng(5), 3, 'i2')
    sitk.WriteImage(image, str(tmp_path / 'a.mnc'))
    written = sitk.ReadImage(str(tmp_path / 'a.mnc'))
    series = Series(tmp_path / 'a.mnc')
    np.testing.assert_allclose(series, sitk.GetArrayFromImage(written), atol=1e-3)
    world = np.array(written.TransformIndexToPhysicalPoint([1, 1, 1])) * [-1, -1, 1]
    np.testing.assert_allclose(series.header.geometry.to_world([1, 1, 1]), world, atol=1e-4)


@pytest.mark.parametrize('name', ['a.mhd', 'a.nhdr'])
def test_voxels_in_a_folder_below(name: str, tmp_path: Path) -> None:
    series = random_series('i2')
    series.write(tmp_path / name)
    (tmp_path / 'below').mkdir()
    (tmp_path / 'a.raw').rename(tmp_path / 'below' / 'a.raw')
    header = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(header.replace(b'a.raw', b'below/a.raw'))
    same(Series(tmp_path), series)
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        for member in (name, 'below/a.raw'):
            archive.write(tmp_path / member, f'patient/{member}')
    same(Series(tmp_path / 'a.zip'), series)


# --- hostile and broken -------------------------------------------------------------------


def meta_header(**changes: str) -> bytes:
    fields = {
        'ObjectType': 'Image', 'NDims': '3', 'BinaryData': 'True', 'BinaryDataByteOrderMSB': 'False',
        'CompressedData': 'False', 'TransformMatrix': '1 0 0 0 1 0 0 0 1', 'Offset': '0 0 0',
        'ElementSpacing': '1 2 3', 'DimSize': '4 3 2', 'ElementType': 'MET_SHORT', **changes,
    }  # fmt: skip
    fields['ElementDataFile'] = fields.pop('ElementDataFile', 'LOCAL')
    return ''.join(f'{key} = {value}\n' for key, value in fields.items()).encode()


@pytest.mark.parametrize(
    'name', ['/etc/passwd', '../secret.raw', 'a/../../b.raw', 'C:\\secret.raw', '..\\b.raw']
)
@pytest.mark.parametrize('kind', ['mhd', 'mhd list', 'nhdr', 'nhdr list'])
def test_voxels_elsewhere_are_not_read(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / 'secret.raw').write_bytes(bytes(48))
    folder = tmp_path / 'in'
    folder.mkdir()
    path = folder / f'a.{kind.split()[0]}'
    if kind.startswith('mhd'):
        path.write_bytes(meta_header(ElementDataFile=f'LIST\n{name}' if 'list' in kind else name))
    else:
        data = f'LIST\n{name}' if 'list' in kind else name
        path.write_text(
            'NRRD0004\ntype: short\ndimension: 3\nsizes: 4 3 2\nendian: little\nencoding: raw\n'
            f'data file: {data}\n'
        )
    with pytest.raises(CorruptFileError, match='not in its folder'):
        Series(path)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'DimSize': '4000000 3000000 2000000'}, r'claims 4000000 x|larger|big|exceed|alloc|fail'),
        ({'DimSize': '40 30 20'}, 'not all there'),
        ({'DimSize': '4 3 0'}, 'DimSize'),
        ({'ElementDataFile': 'gone.raw'}, 'gone.raw, which is not there'),
        ({'ElementDataFile': 'x%03d.raw 1 900000 1'}, 'does not name voxel files'),
        ({'NDims': '0'}, 'NDims = 0'),
        # SimpleITK itself ends the process on this one.
        ({'NDims': '-1'}, 'NDims = -1'),
        ({'NDims': '99'}, 'NDims = 99'),
        ({'DimSize': '4 3'}, 'DimSize = 4 3'),
        ({'Offset': '0 0'}, 'Offset = 0 0, where 3 numbers'),
        ({'ElementSpacing': '1 x 3'}, 'ElementSpacing'),
        ({'ElementNumberOfChannels': '-3'}, 'channels'),
        ({'HeaderSize': 'x'}, 'HeaderSize'),
        ({'ElementType': 'MET_NOTHING'}, 'a.mha'),
        ({'TransformMatrix': '0 0 0 0 0 0 0 0 0'}, 'a.mha'),
    ],
)
def test_headers_that_claim_what_is_not_there(fields: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / 'a.mha').write_bytes(meta_header(**fields) + bytes(48))
    with pytest.raises(ImagedataError, match=message) as caught:
        Series(tmp_path / 'a.mha')
    assert 'a.mha' in str(caught.value)


@pytest.mark.parametrize('name', ['mha', 'nrrd', 'vtk', 'mrc', 'gipl', 'gipl.gz', 'h5'])
@pytest.mark.parametrize('compression', [False, True])
@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
def test_truncated(name: str, compression: bool, tmp_path: Path) -> None:
    """SimpleITK takes truncated GIPL, VTK and MRC files, and fills them with what was in memory."""
    random_series('u2', (6, 20, 20), kind='axial').write(tmp_path / f'a.{name}', compression=compression)
    content = (tmp_path / f'a.{name}').read_bytes()
    for length in (len(content) - 1, len(content) // 2, 400, 100, 20, 1):
        bad = tmp_path / f'bad.{name}'
        bad.write_bytes(content[:length])
        if length == len(content) - 1 and (compression or name == 'gipl.gz'):
            # Of gzip, the last bytes are a checksum: all values may be there.
            with contextlib.suppress(CorruptFileError):
                np.testing.assert_array_equal(Series(bad), Series(tmp_path / f'a.{name}'))
            continue
        with pytest.raises(ImagedataError, match=f'bad.{name}'):
            Series(bad)


def test_gzip_that_hides_less_than_it_claims(tmp_path: Path) -> None:
    with pytest.warns(LossWarning):
        random_series('u2', (6, 20, 20)).write(tmp_path / 'a.gipl')
    (tmp_path / 'b.gipl.gz').write_bytes(gzip.compress((tmp_path / 'a.gipl').read_bytes()[:-2]))
    with pytest.raises(CorruptFileError, match=r'b.gipl.gz: the header claims'):
        Series(tmp_path / 'b.gipl.gz')


def test_ascii_vtk_that_ends_early(tmp_path: Path) -> None:
    text = (
        '# vtk DataFile Version 3.0\nx\nASCII\nDATASET STRUCTURED_POINTS\nDIMENSIONS 2 2 2\nSPACING 1 1 1\n'
        'ORIGIN 0 0 0\nPOINT_DATA 8\nSCALARS scalars short 1\nLOOKUP_TABLE default\n'
    )
    (tmp_path / 'a.vtk').write_text(text + '1 2 3 4 5 6 7 8\n')
    assert Series(tmp_path / 'a.vtk').ravel().tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    (tmp_path / 'a.vtk').write_text(text + '1 2 3 4 5 6 7\n')
    with pytest.raises(CorruptFileError, match='the header claims'):
        Series(tmp_path / 'a.vtk')


def test_space_mixed_with_time(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.zeros((2, 2, 2, 2), 'u1'), isVector=False)
    direction = np.eye(4)
    direction[:2, :2] = direction[2:, 2:] = [[0.8, -0.6], [0.6, 0.8]]
    image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / 'a.nrrd'))
    with pytest.raises(CorruptFileError, match='mix space with the dimension after the third'):
        Series(tmp_path / 'a.nrrd')


def test_other_content_than_the_name_says(tmp_path: Path) -> None:
    series = random_series('u2')
    series.write(tmp_path / 'a.nrrd')
    (tmp_path / 'a.mha').write_bytes((tmp_path / 'a.nrrd').read_bytes())
    same(Series(tmp_path / 'a.mha'), series)
    for name in ('b.mha', 'b.nrrd', 'b.vtk', 'b.mrc', 'b.gipl'):
        for content in (b'', b'no image at all', bytes(5000)):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ImagedataError, match=name):
                Series(tmp_path / name)


def test_dicom_and_nifti_do_not_come_here(sample_data: Path, tmp_path: Path) -> None:
    dicom = next(p for p in sorted((sample_data / 'ct').rglob('*')) if p.is_file())
    with pytest.raises((UnknownInputError, CorruptFileError)):
        Series(dicom, input_format='itk')
    random_series('u2').write(tmp_path / 'a.nii')
    with pytest.raises((UnknownInputError, CorruptFileError)):
        Series(tmp_path / 'a.nii', input_format='itk')


def test_components_that_were_named_so_stay_components(tmp_path: Path) -> None:
    """Gradients that fit make no axis b of what this library wrote as components."""
    image = sitk_image(np.random.default_rng(4), 3, 'i2', 3)
    for number, vector in enumerate(('1 0 0', '0 1 0', '0 0 1')):
        image.SetMetaData(f'DWMRI_gradient_{number:04d}', vector)
    sitk.WriteImage(image, str(tmp_path / 'a.nrrd'))
    series = Series(tmp_path / 'a.nrrd')
    series.header.attributes['itk_metadata']['DWMRI_b-value'] = '1000'
    series.write(tmp_path / 'b.nrrd')
    again = Series(tmp_path / 'b.nrrd')
    assert again.axes._fields[0] == 'component'
    assert again.header.attributes['itk_metadata']['DWMRI_gradient_0002'] == '0 0 1'


@pytest.mark.parametrize('dtype', ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8'])
@pytest.mark.parametrize(
    'form', ['a.mha', 'a.mhd', 'packed.mha', 'big.mha', 'four.mha', 'flat.mha', 'rgb.mha']
)
def test_voxels_read_at_once_are_those_of_simpleitk(dtype: str, form: str, tmp_path: Path) -> None:
    """Whether they lie in the file as they are, or not."""
    shape = {'four.mha': (2, 3, 4, 5), 'flat.mha': (4, 5)}.get(form, (3, 4, 5))
    values = (np.arange(np.prod(shape)) * 3 - 20).reshape(shape).astype(dtype)
    vector = form == 'rgb.mha'
    if vector:
        values = np.stack([values, values + 1, values + 2], axis=-1).astype(dtype)
    image = sitk.GetImageFromArray(values, isVector=vector)
    path = tmp_path / form
    sitk.WriteImage(image, path, useCompression=form == 'packed.mha')
    if form == 'big.mha':
        head, mark, body = path.read_bytes().partition(b'ElementDataFile = LOCAL\n')
        head = head.replace(b'ByteOrderMSB = False', b'ByteOrderMSB = True')
        path.write_bytes(head + mark + np.frombuffer(body, dtype).byteswap().tobytes())
    read = Series(path)
    expected = sitk.GetArrayFromImage(sitk.ReadImage(path))
    np.testing.assert_array_equal(expected, values)
    if vector:
        parts = [read[c] for c in 'RGB'] if dtype == 'u1' else list(np.asarray(read))
        found = np.stack(parts, axis=-1)
    else:
        found = np.asarray(read)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)
    assert repr(read.dtype) == repr(np.dtype(dtype)) or vector
    assert read.flags.writeable
