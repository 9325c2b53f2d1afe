"""MGH, PAR/REC, AFNI, MINC, ANALYZE and ECAT: values, places and axes as nibabel has them.

`test_every_sample_file` goes through all files that come with nibabel; what is done with the images among
them is asked of `test_nifti_samples`, and here.
"""

import gzip
import io
import shutil
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.freesurfer import MGHImage
from nibabel.parrec import ACQ_TO_PSL, PARRECHeader, PARRECImage

from formats_helpers import random_series
from imagedata import Series, errors
from imagedata.errors import CorruptFileError, ImagedataWarning, LossWarning, NotImageError
from imagedata.formats.contract import ReadRequest, Source
from imagedata.formats.nibabelplugin import NibabelPlugin
from strategies import KINDS

ROOT = Path(nibabel.__file__).parent
DATA = ROOT / 'tests' / 'data'
TO_LPS = np.array([-1.0, -1.0, 1.0])

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason='this nibabel comes without its test data')

IMAGES = (
    'test.mgz', 'tiny.mnc', 'minc1-no-att.mnc', 'minc1_1_scale.mnc', 'minc1_4d.mnc', 'minc2-4d-d.mnc',
    'minc2-no-att.mnc', 'minc2_1_scale.mnc', 'minc2_4d.mnc', 'minc2_baddim.mnc', 'small.mnc', 'tinypet.v',
    'example4d+orig.HEAD', 'example4d+orig.BRIK.gz', 'scaled+tlrc.HEAD', 'scaled+tlrc.BRIK',
    'phantom_EPI_asc_CLEAR_2_1.PAR', 'phantom_EPI_asc_CLEAR_2_1.REC', 'phantom_varscale.PAR',
    'phantom_varscale.REC', 'phantom_truncated.PAR', 'phantom_truncated.REC',
)  # fmt: skip
TRUNCATED = ('phantom_truncated', 'ADC_Map')
MIXED = 'NA.PAR'
"""Three orientations in one file, which nibabel refuses."""


def lone_headers() -> list[str]:
    """Names of PAR files that come without their voxels."""
    found = [p.name for p in DATA.glob('*.PAR') if not p.with_suffix('.REC').exists()]
    return sorted({*found} - {MIXED})


def loaded(name: str) -> Any:
    """The image as nibabel has it; volumes of PAR/REC in its strict order."""
    path = DATA / name
    # By their names, nibabel leaves some open.
    if path.suffix == '.v':
        holder = nibabel.FileHolder(fileobj=io.BytesIO(path.read_bytes()))
        return nibabel.ecat.EcatImage.from_file_map({'image': holder, 'header': holder})
    return par_rec(path) if path.suffix in ('.PAR', '.REC') else nibabel.load(path)


def par_rec(path: Path) -> Any:
    files = {
        'header': nibabel.FileHolder(fileobj=io.StringIO(path.with_suffix('.PAR').read_text())),
        'image': nibabel.FileHolder(fileobj=io.BytesIO(path.with_suffix('.REC').read_bytes())),
    }
    return PARRECImage.from_file_map(files, mmap=False, strict_sort=True, permit_truncated=True)


def options_of(name: str) -> dict[str, Any]:
    return {'permit_truncated': True} if name.startswith(TRUNCATED) else {}


@pytest.mark.filterwarnings('ignore:.*not complete')
@pytest.mark.parametrize('name', IMAGES)
def test_values_and_places(name: str) -> None:
    image = loaded(name)
    series = Series(DATA / name, **options_of(name))
    theirs = np.asarray(image.dataobj)
    ours = np.asarray(series)
    if name.endswith('.mnc'):
        # MINC counts as NumPy does; nibabel's matrix is that of the last three.
        np.testing.assert_array_equal(ours, theirs)
        ends = np.array([*np.ndindex(2, 2, 2)]) * (np.array(ours.shape[-3:]) - 1)
        ijk = ends
    else:
        volumes = theirs.reshape(*theirs.shape[:3], -1)
        np.testing.assert_array_equal(ours.reshape(-1, *ours.shape[-3:]), volumes.transpose(3, 2, 1, 0))
        ends = np.array([*np.ndindex(2, 2, 2)]) * (np.array(ours.shape[-3:]) - 1)
        ijk = ends[:, ::-1]
    world = nibabel.affines.apply_affine(image.affine, ijk) * TO_LPS
    np.testing.assert_allclose(series.header.geometry.to_world(ends), world, atol=1e-4)
    assert series.dtype.isnative
    assert series.header.geometry.assumed == ('no-att' in name or name.endswith('.v'))


AXES = {
    'minc1_4d.mnc': [('time', [0, 1])],
    'minc2-4d-d.mnc': [('time', [0, 1, 2, 3, 4])],
    'example4d+orig.HEAD': [('time', [0, 3, 6])],
    'phantom_EPI_asc_CLEAR_2_1.PAR': [('time', [0, 2, 4])],
    'T2_.PAR': [('time', [0, 2])],
    'T1_dual_echo.PAR': [('te', [2.3, 5.76])],
    'fieldmap.PAR': [('component', ['M', 'P'])],
    'T1_3echo_mag_real_imag_phase.PAR': [('component', ['M', 'R', 'I', 'P']), ('te', [1.29, 3.28, 5.27])],
    'ASL_3D_Multiecho.PAR': [('time', [0, 71.29]), ('label', [1, 2]), ('te', [1.42, 3.45, 5.49])],
    'DTIv40.PAR': [('b', [0] + [1000] * 7)],
    'T1.PAR': [],
    'tiny.mnc': [],
}  # fmt: skip
"""Read off the files."""


@pytest.mark.filterwarnings('ignore:.*not complete')
@pytest.mark.parametrize('name', AXES)
def test_axes(name: str) -> None:
    axes = Series(DATA / name, headers_only=True).axes[:-3]
    assert [(axis.name, list(axis.values)) for axis in axes] == AXES[name]


@pytest.mark.filterwarnings('ignore:.*not complete')
@pytest.mark.parametrize('name', lone_headers())
def test_headers_without_voxels(name: str) -> None:
    """The oracle of places is nibabel's matrix of the same header."""
    with pytest.raises(CorruptFileError, match=r'\.REC, which is not there'):
        Series(DATA / name)
    found = Series(DATA / name, headers_only=True, **options_of(name)).header
    with (DATA / name).open() as file:
        header = PARRECHeader.from_fileobj(file, permit_truncated=True, strict_sort=True)
    shape = header.get_data_shape()
    assert found.geometry.shape == shape[2::-1]
    ends = np.array([*np.ndindex(2, 2, 2)]) * (np.array(found.geometry.shape) - 1)
    world = nibabel.affines.apply_affine(header.get_affine(), ends[:, ::-1]) * TO_LPS
    np.testing.assert_allclose(found.geometry.to_world(ends), world, atol=1e-4)
    assert int(np.prod([len(axis) for axis in found.tag_axes.values()])) == int(np.prod(shape[3:]))


def test_directions_of_par() -> None:
    """nibabel gives them along the columns, rows and slices of an image that is not angulated."""
    series = Series(DATA / 'DTI.PAR', headers_only=True)
    with (DATA / 'DTI.PAR').open() as file:
        header = PARRECHeader.from_fileobj(file, strict_sort=True)
    b_values, vectors = header.get_bvals_bvecs()
    assert list(series.header.tag_axes['b'].values) == b_values.tolist()
    to_psl = ACQ_TO_PSL[header.get_slice_orientation()][:3, :3]
    for own, vector in zip(series.header.images.tags['bvector'][:, 0], vectors, strict=True):
        posterior, superior, left = to_psl @ vector
        np.testing.assert_allclose(own or (0, 0, 0), [left, posterior, superior], atol=1e-12)
    pairs = Series(DATA / 'DTI.PAR', 'dti', headers_only=True).header.tag_axes['dti'].values
    assert pairs[1] == (1000.0, (-0.333, -0.667, -0.667))


def test_orders() -> None:
    name = 'T1_3echo_mag_real_imag_phase.PAR'
    turned = Series(DATA / name, 'te,component', headers_only=True).header
    assert [axis.name for axis in turned.tag_axes.values()] == ['te', 'component']
    assert list(turned.tag_axes['te'].values) == [1.29, 3.28, 5.27]
    with pytest.raises(errors.OrderNotFoundError, match='names 1 dimensions'):
        Series(DATA / name, 'te', headers_only=True)
    frames = Series(DATA / 'test.mgz', 'time')
    assert list(frames.axes[0].values) == [0, 0.002]
    assert "input_order='time'" in Series(DATA / 'test.mgz').explain()
    with pytest.warns(ImagedataWarning, match="no values for axis 'te'"):
        assert list(Series(DATA / 'example4d+orig.HEAD', 'te').axes[0].values) == [0, 1, 2]


def test_order_turns_the_values(tmp_path: Path) -> None:
    """Voxels that are their number in the file: nothing but the order of the axes differs."""
    name = 'T1_3echo_mag_real_imag_phase.PAR'
    shutil.copy(DATA / name, tmp_path)
    np.arange(80 * 80 * 30 * 12, dtype='<u2').tofile(tmp_path / name.replace('PAR', 'REC'))
    usual = Series(tmp_path / name)
    assert usual.shape == (4, 3, 30, 80, 80)
    image = par_rec(tmp_path / name)
    np.testing.assert_array_equal(
        np.asarray(usual).reshape(12, 30, 80, 80), np.asarray(image.dataobj).transpose(3, 2, 1, 0)
    )
    turned = Series(tmp_path / name, 'te,component')
    np.testing.assert_array_equal(np.asarray(turned), np.asarray(usual).swapaxes(0, 1))


# --- ANALYZE -----------------------------------------------------------------------------------------


def analyze(folder: Path, kind: Any, origin: bool = False) -> tuple[Path, Any]:
    """A pair with all kinds of numbers; the affine of SPM's is oblique, and stands in a `.mat`."""
    values = np.random.default_rng(3).integers(-999, 999, (3, 4, 5)).astype('i2')
    affine = np.diag([-2.0, 3, 4, 1])
    if hasattr(kind.header_class, 'set_origin_from_affine'):
        affine = nibabel.affines.from_matvec(
            nibabel.eulerangles.euler2mat(0.1, 0.2, 0.3) @ np.diag([-2, 3, 4]), [7, -8, 9]
        )
    image = kind(values, affine)
    if origin:
        image.header['origin'][:3] = [2, 3, 1]
    nibabel.save(image, folder / 'a.img')
    return folder / 'a.hdr', values


def test_analyze_with_the_matrix_of_spm(tmp_path: Path) -> None:
    path, values = analyze(tmp_path, nibabel.Spm2AnalyzeImage)
    assert (tmp_path / 'a.mat').exists()
    image = nibabel.load(path)
    for name in ('a.hdr', 'a.img', ''):
        series = Series(tmp_path / name)  # no warning: left and right are known
        np.testing.assert_array_equal(series, values.transpose(2, 1, 0))
        assert not series.header.geometry.assumed
        world = nibabel.affines.apply_affine(image.affine, [2, 1, 3]) * TO_LPS
        np.testing.assert_allclose(series.header.geometry.to_world([3, 1, 2]), world, atol=1e-4)


@pytest.mark.parametrize('origin', [True, False])
def test_analyze_does_not_tell_left_from_right(tmp_path: Path, origin: bool) -> None:
    path, values = analyze(tmp_path, nibabel.Spm99AnalyzeImage, origin)
    (tmp_path / 'a.mat').unlink()
    with pytest.warns(ImagedataWarning, match='left from right'):
        series = Series(path)
    np.testing.assert_array_equal(series, values.transpose(2, 1, 0))
    world = nibabel.affines.apply_affine(nibabel.load(path).affine, [2, 1, 3]) * TO_LPS
    np.testing.assert_allclose(series.header.geometry.to_world([3, 1, 2]), world, atol=1e-4)
    assert series.header.geometry.assumed is not origin


@pytest.mark.filterwarnings('ignore:.*left from right')
def test_plain_analyze_beside_nifti(tmp_path: Path) -> None:
    """Pairs of both formats in one folder: each is read by its own plugin, whichever file is named."""
    path, values = analyze(tmp_path, nibabel.AnalyzeImage)
    nibabel.save(nibabel.Nifti1Pair(values + 1, np.diag([2, 3, 4, 1])), tmp_path / 'b.img')
    for name in ('a.hdr', 'a.img'):
        assert Series(tmp_path / name).input_format == 'nibabel'
    for name in ('b.hdr', 'b.img'):
        assert Series(tmp_path / name).input_format == 'nifti'
    with pytest.raises(errors.MultipleSeriesError):
        Series(tmp_path)
    np.testing.assert_array_equal(Series(path), values.transpose(2, 1, 0))
    with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as archive:
        archive.write(tmp_path / 'a.hdr', 'f/a.hdr')
        archive.write(tmp_path / 'a.img', 'f/a.img')
    np.testing.assert_array_equal(Series(f'{tmp_path}/x.zip?f'), values.transpose(2, 1, 0))
    np.testing.assert_array_equal(Series(f'{tmp_path}/x.zip?f/a.hdr'), values.transpose(2, 1, 0))


@pytest.mark.filterwarnings('ignore:.*left from right')
@given(data=st.data())
@settings(max_examples=settings.default.max_examples // 2)
def test_analyze_of_nibabel(data: st.DataObject) -> None:
    """All types, byte orders, dimensions and scalings that nibabel writes."""
    kinds = nibabel.AnalyzeImage, nibabel.Spm99AnalyzeImage, nibabel.Spm2AnalyzeImage
    kind = data.draw(st.sampled_from(kinds))
    header = kind.header_class(endianness=data.draw(st.sampled_from('<>')))
    dtype = data.draw(st.sampled_from(['u1', 'i2', 'i4', 'f4', 'f8', 'c8']))
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=5)))
    values = (np.random.default_rng(1).normal(size=shape) * 50).astype(dtype)
    header.set_data_dtype('i2' if kind.header_class.has_data_slope and dtype == 'f8' else dtype)
    with tempfile.TemporaryDirectory() as folder:
        nibabel.save(kind(values, np.diag([-2.0, 3, 4, 1]), header), Path(folder, 'a.img'))
        image = nibabel.Spm2AnalyzeImage.from_filename(Path(folder, 'a.img'), mmap=False)
        series = Series(Path(folder, 'a.img'))
        theirs = np.asarray(image.dataobj)
    theirs = theirs.reshape(theirs.shape + (1,) * (3 - theirs.ndim))
    theirs = theirs.transpose(*range(3, theirs.ndim), 2, 1, 0)
    assert series.shape == tuple(n for at, n in enumerate(theirs.shape) if n > 1 or at >= theirs.ndim - 3)
    np.testing.assert_array_equal(np.asarray(series), theirs.reshape(series.shape))
    assert series.dtype == theirs.dtype.newbyteorder('=')


def test_scales_of_sub_bricks(tmp_path: Path) -> None:
    """The oracle is the definition of BRICK_FLOAT_FACS: a factor for each sub-brick, 0 for none."""
    text = (DATA / 'example4d+orig.HEAD').read_text()
    head, mark, rest = text.partition('BRICK_FLOAT_FACS\ncount = 3\n')
    assert mark
    (tmp_path / 'a+orig.HEAD').write_text(head + mark + ' 0.5 0 2' + rest[rest.index('\n') :])
    shutil.copy(DATA / 'example4d+orig.BRIK.gz', tmp_path / 'a+orig.BRIK.gz')
    stored = np.asarray(Series(DATA / 'example4d+orig.HEAD'))
    scaled = stored * np.reshape([0.5, 1, 2], (3, 1, 1, 1))
    np.testing.assert_array_equal(Series(tmp_path / 'a+orig.HEAD'), scaled)


def test_analyze_header_alone() -> None:
    with pytest.raises(CorruptFileError, match=r'analyze\.img, which is not there'):
        Series(DATA / 'analyze.hdr')
    with pytest.warns(ImagedataWarning, match='left from right'):
        found = Series(DATA / 'analyze.hdr', headers_only=True).header.geometry
    affine = nibabel.load(DATA / 'analyze.hdr').affine
    np.testing.assert_allclose(found.to_world([1, 2, 3]), affine[:3] @ [3, 2, 1, 1] * TO_LPS)


# --- MGH ---------------------------------------------------------------------------------------------

HELD = {'bool': 'u1', 'u1': 'u1', 'i1': 'i2', 'i2': 'i2', 'u2': 'i4', 'i4': 'i4', 'f2': 'f4', 'f4': 'f4'}
"""Types that MGH holds exactly, and that of the file."""


@pytest.mark.parametrize('name', ['a.mgh', 'a.mgz', 'a.mgh.gz'])
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_mgh_is_what_was_held(name: str, data: st.DataObject) -> None:
    frames = data.draw(st.integers(0, 3))
    series = random_series(
        data.draw(st.sampled_from(sorted(HELD))),
        data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))),
        (frames,) if frames else (),
        data.draw(st.sampled_from(KINDS)),
        data.draw(st.integers(0, 1000)),
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore', LossWarning)
        path = Path(folder, name)
        series.write(path)
        found = Series(path)
        image = MGHImage.from_bytes(gzip.decompress(path.read_bytes()) if 'z' in name else path.read_bytes())
        theirs = np.asarray(image.dataobj)
    assert found.dtype == HELD[series.dtype.str.lstrip('<|').replace('b1', 'bool')]
    values = np.asarray(series).reshape(-1, *series.shape[-3:])
    np.testing.assert_array_equal(np.asarray(found).reshape(values.shape), values)
    np.testing.assert_array_equal(theirs.reshape(*theirs.shape[:3], -1), values.transpose(3, 2, 1, 0))
    index = np.array([*np.ndindex(2, 2, 2)]) * (np.array(series.shape[-3:]) - 1)
    world = series.header.geometry.to_world(index)
    np.testing.assert_allclose(found.header.geometry.to_world(index), world, atol=1e-3)
    theirs = nibabel.affines.apply_affine(image.affine, index[:, ::-1]) * TO_LPS
    np.testing.assert_allclose(theirs, world, atol=1e-3)


def test_mgh_of_nibabel(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    affine = nibabel.affines.from_matvec(rng.normal(size=(3, 3)), rng.normal(size=3))
    for dtype in ('u1', 'i2', 'i4', 'f4'):
        values = (rng.normal(size=(3, 4, 5, 2)) * 50).astype(dtype)
        nibabel.save(MGHImage(values, affine), tmp_path / 'a.mgz')
        series = Series(tmp_path / 'a.mgz')
        np.testing.assert_array_equal(series, values.transpose(3, 2, 1, 0))
        assert series.dtype == dtype
        np.testing.assert_allclose(
            series.header.geometry.to_world([1, 2, 3]), affine[:3] @ [3, 2, 1, 1] * TO_LPS, atol=1e-5
        )


def test_mgh_keeps_even_times_and_tells_the_rest(tmp_path: Path) -> None:
    series = Series(np.zeros((3, 2, 4, 5), 'f4'), 'time')
    series.axes = series.axes._replace(time=Series(DATA / 'example4d+orig.HEAD').axes[0])
    series.write(tmp_path / 'a.mgz')
    assert list(Series(tmp_path / 'a.mgz', 'time').axes[0].values) == [0, 3, 6]
    assert Series(tmp_path / 'a.mgz').header.geometry.assumed
    with pytest.warns(LossWarning, match="axis 'time' are not kept"):
        series[1:].write(tmp_path / 'b.mgz')
    with pytest.warns(LossWarning, match='rounded to float32, by'):
        Series(np.full((1, 2, 2), 0.1)).write(tmp_path / 'c.mgz')


@pytest.mark.parametrize(
    ('made', 'reason'),
    [(np.zeros((1, 2, 2), 'c8'), 'complex64'), (np.full((1, 2, 2), 1 << 40), 'integers from'),
     (np.full((1, 2, 2), 1e300), 'larger'), (np.zeros((2, 3, 1, 2, 2)), 'holds one axis'),
     (np.zeros((2, 3, 2, 2, 2)), '4 dimensions')],
)  # fmt: skip
@pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')
def test_what_mgh_cannot_hold(made: np.ndarray, reason: str, tmp_path: Path) -> None:
    with pytest.raises(errors.WriteNotImplemented, match=reason):
        Series(made).write(tmp_path / 'a.mgz')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', ['a.par', 'a.mnc', 'a+orig.HEAD', 'a.v'])
def test_what_is_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(errors.WriteNotImplemented, match='MGH alone is written'):
        Series(np.zeros((1, 2, 2), 'f4')).write(tmp_path / name)


# --- no image, and bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('name', 'reason'),
    [('tests/data/simple.trk', 'streamlines'), ('tests/data/standard.tck', 'streamlines'),
     ('gifti/tests/data/ascii.gii', 'surfaces'), ('gifti/tests/data/external.gii.gz', 'surfaces'),
     ('tests/data/row_major.dconn.nii', 'CIFTI')],
)  # fmt: skip
def test_what_is_no_image(name: str, reason: str) -> None:
    with pytest.raises(NotImageError, match=f'no image.*{reason}'):
        Series(ROOT / name)


@pytest.mark.parametrize('name', ['bad_attribute+orig.HEAD', 'bad_datatype+orig.HEAD', MIXED])
def test_headers_that_nibabel_refuses(name: str) -> None:
    with pytest.raises(CorruptFileError, match=name.replace('+', r'\+')):
        Series(DATA / name, headers_only=True)


SAMPLES = {
    'test.mgz': (), 'tiny.mnc': (), 'small.mnc': (), 'tinypet.v': (),
    'example4d+orig.HEAD': ('example4d+orig.BRIK.gz',),
    'phantom_EPI_asc_CLEAR_2_1.PAR': ('phantom_EPI_asc_CLEAR_2_1.REC',),
}  # fmt: skip


@pytest.mark.parametrize('name', SAMPLES)
def test_truncated(name: str, tmp_path: Path) -> None:
    """Wherever a file ends, or its voxels do: an error that names it, or its values."""
    for other in SAMPLES[name]:
        shutil.copy(DATA / other, tmp_path)
    wanted = np.asarray(Series(DATA / name))
    content = (DATA / name).read_bytes()
    for part in range(12):
        (tmp_path / name).write_bytes(content[: len(content) * part // 12])
        _damaged(tmp_path / name, wanted)
    (tmp_path / name).write_bytes(content)
    for other in SAMPLES[name]:
        voxels = (DATA / other).read_bytes()
        for part in (0, 1, 5, 11):
            (tmp_path / other).write_bytes(voxels[: len(voxels) * part // 12])
            with pytest.raises(CorruptFileError, match=tmp_path.name):
                Series(tmp_path / name)
        (tmp_path / other).unlink()
        with pytest.raises(CorruptFileError, match='not there'):
            Series(tmp_path / name)


def _damaged(path: Path, wanted: np.ndarray | None) -> None:
    """Read a damaged file: any error is ours, and names it."""
    said = ''
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            found = np.asarray(Series(path))
        except errors.ImagedataError as error:
            said = str(error)
    if said:
        assert path.parent.name in said
    elif wanted is not None:
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize('name', SAMPLES)
def test_flipped_bytes(name: str, tmp_path: Path) -> None:
    """Any byte of a header may be wrong: an error of ours, or an image."""
    for other in SAMPLES[name]:
        shutil.copy(DATA / other, tmp_path)
    rng = np.random.default_rng(len(name))
    content = np.frombuffer((DATA / name).read_bytes(), 'u1')
    for _ in range(40):
        changed = content.copy()
        changed[rng.integers(0, min(len(content), 4096), 3)] = rng.integers(0, 256, 3)
        (tmp_path / name).write_bytes(changed.tobytes())
        _damaged(tmp_path / name, None)


def test_sizes_are_not_believed(tmp_path: Path) -> None:
    """An MGH header of 30 bytes that claims terabytes, packed or not."""
    head = struct.pack('>7i', 1, 2000, 2000, 2000, 1, 3, 0).ljust(400, b'\0')
    for name, content in (('a.mgh', head), ('a.mgz', gzip.compress(head))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CorruptFileError, match='2000 x 2000'):
            Series(tmp_path / name)


def test_wrong_names(tmp_path: Path) -> None:
    """Content comes before names."""
    shutil.copy(DATA / 'test.mgz', tmp_path / 'a.nii.gz')
    shutil.copy(DATA / 'tiny.mnc', tmp_path / 'b.png')
    for name, wanted in (('a.nii.gz', 'test.mgz'), ('b.png', 'tiny.mnc')):
        np.testing.assert_array_equal(Series(tmp_path / name), Series(DATA / wanted))
    for name in ('c.mgz', 'd.par', 'e.mnc', 'f.head', 'g.v'):
        for content in (b'', b'something else'):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(errors.ImagedataError, match=name):
                Series(tmp_path / name)


def test_minc_that_points_elsewhere(tmp_path: Path) -> None:
    """Values in other files of the machine are not read."""
    h5py = pytest.importorskip('h5py')
    (tmp_path / 'secret.raw').write_bytes(bytes(4000))
    shutil.copy(DATA / 'minc2_1_scale.mnc', tmp_path / 'a.mnc')
    with h5py.File(tmp_path / 'a.mnc', 'r+') as file:
        group = file['minc-2.0/image/0']
        attributes = dict(group['image'].attrs)
        del group['image']
        made = group.create_dataset(
            'image', (10, 20, 20), 'u1', external=[(str(tmp_path / 'secret.raw'), 0, 4000)]
        )
        made.attrs.update(attributes)
    with pytest.raises(CorruptFileError, match='other files'):
        Series(tmp_path / 'a.mnc')


@pytest.mark.parametrize('name', ['test.mgz', 'tiny.mnc', 'small.mnc', 'tinypet.v', *list(SAMPLES)[-2:]])
def test_bytes_without_a_path(name: str) -> None:
    def in_memory(path: Path) -> Source:
        def neighbour(other: str) -> Source | None:
            return in_memory(path.with_name(other)) if path.with_name(other).is_file() else None

        return Source(f'x.zip?{path.name}', None, lambda: io.BytesIO(path.read_bytes()), neighbour)

    result = NibabelPlugin().read([in_memory(DATA / name)], ReadRequest('auto', {}))
    np.testing.assert_array_equal(result.series[0].array, Series(DATA / name))


# --- all that comes with nibabel -----------------------------------------------------------------------

NO_FORMAT = ('.m', '.rst', '.txt', '.bin', '.bin.gz', '.gitignore', '.ini', '.typed', '.nc', '.dat')
DAMAGED = {
    'bad_attribute+orig.HEAD', 'bad_datatype+orig.HEAD', 'no_magic_number.tck', 'external.gii.bz2',
    # Mosaics whose matrix their pixels do not have, and a header cut off before its pixels: nibabel's own
    # reader refuses them as well.
    '0.dcm', '1.dcm', 'csa_slice_norm.dcm',
}  # fmt: skip
HEADERS = {'nifti1.hdr', 'nifti2.hdr', 'analyze.hdr', MIXED, *(lone_headers() if DATA.is_dir() else [])}


@pytest.mark.filterwarnings('ignore:.*not complete')
def test_every_sample_file() -> None:
    """All that come with nibabel: images are read, and what is none says so. A new one is noticed."""
    unread = {}
    files = [p for p in sorted(ROOT.rglob('*')) if p.parent.name == 'data' and p.is_file()]
    assert len(files) > 80
    for path in files:
        if path.name.endswith((*NO_FORMAT, '.py')) or path.name in DAMAGED | HEADERS:
            continue
        try:
            series = Series(path, **options_of(path.name))
        except NotImageError:
            assert path.suffix in ('.trk', '.tck', '.gii', '.nii') or path.name.endswith('.gii.gz')
        except errors.ImagedataError as error:
            unread[path.name] = str(error)
        else:
            assert series.size > 0
    assert unread == {}


@pytest.mark.parametrize('name', ['philips_mprage.dcm.gz', 'siemens_dwi_0.dcm.gz', 'siemens_dwi_1000.dcm.gz'])
def test_compressed_dicom(name: str) -> None:
    """The oracle is the file unpacked by Python's own gzip."""
    path = ROOT / 'nicom' / 'tests' / 'data' / name
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, path.stem)
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        wanted = Series(plain)
        series = Series(path)
        np.testing.assert_array_equal(series, wanted)
        np.testing.assert_array_equal(series.transformationMatrix, wanted.transformationMatrix)
        np.testing.assert_array_equal(Series(f'{path}?{path.stem}'), wanted)
        one = wanted[0]
        one.write(f'{folder}/out.dcm.gz?x.dcm')
        np.testing.assert_array_equal(Series(f'{folder}/out.dcm.gz'), one)
        with pytest.raises(errors.WriteError, match='holds one file'):
            wanted[:2].write(f'{folder}/two.dcm.gz')
        content = path.read_bytes()
        Path(folder, 'cut.dcm.gz').write_bytes(content[: len(content) // 2])
        with pytest.raises(CorruptFileError, match=r'cut\.dcm\.gz'):
            Series(f'{folder}/cut.dcm.gz')
        with pytest.raises(CorruptFileError, match='archive_max_bytes'):
            Series(path, archive_max_bytes=1000)


def test_simpleitk_comes_without_images() -> None:
    """There is nothing to read in its wheel; where that changes, it is to be read here."""
    import SimpleITK

    folder = Path(SimpleITK.__file__).parent
    kinds = {p.suffix for p in folder.rglob('*') if p.is_file()}
    assert kinds <= {'.py', '.so', '.pyd', '.dylib', '.pyc', '.typed', '.pyi', '.txt', '.dll', ''}
