"""Sort criteria: of every vendor, by name, by tag, and what cannot be sorted on."""

import copy
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from imagedata import Series, errors
from imagedata.apps import diffusion as app
from imagedata.formats.dicom import vendor
from imagedata.formats.dicom.attributes import When, clone, inherited
from imagedata.formats.dicom.criteria import b_value, b_vector, criterion, order_names
from imagedata.formats.dicom.deidentify import Options, Plan, deidentified
from imagedata.formats.dicom.vendor.diffusion import VENDORS
from synthetic import image, save, stack

FOUR = [(0, 0, 3 * i) for i in range(4)]

DIFFUSION = {
    'canon_dwi/enhanced_sag_9000': 'enhanced_sag_9000',
    'canon_dwi/ortho_9000': 'ortho_9000',
    'ge_dwi/tensor_r2': 'tensor_r2',
    'philips_balls/DTI': 'DTI',
    'siemens_mosaic_dwi/dti_pitch': 'dti_pitch',
    'siemens_xa60_enhanced/diff_14': 'diff_14',
    'toshiba_dwi/ortho_7006_first_3': 'ortho_7006_first_3',
    'uih_dwi/ap_134434_9': 'ap_134434_9',
    'dicom2nifti_suite/ge_dti_001': 'ge_dti_001',
    'dicom2nifti_suite/philips_dti_001': 'philips_dti_001',
    'dicom2nifti_suite/siemens_dti_classic_001': 'siemens_dti_classic_001',
    'philips_dwi/vanderbilt_601': 'vanderbilt_601',
}


def fsl(series: Series, vector: np.ndarray) -> np.ndarray:
    """Return a direction (LPS) relative to the image axes, as FSL wants it.

    Along columns, against rows (the reference stores rows bottom-up) and along the slices, the
    first component negated where the axes of the image are right-handed in RAS: that is, always
    a left-handed frame in the end, whatever the order of the slices.
    """
    row, column = series.header.geometry.orientation.reshape(2, 3)
    return np.array([row @ vector, -(column @ vector), np.cross(row, column) @ vector])


@pytest.mark.parametrize('name', DIFFUSION)
def test_b_values_and_directions_equal_the_reference(name: str, real_data: Path) -> None:
    """Those of dcm2niix, up to the sign of a direction, which diffusion does not know."""
    reference = real_data / name.split('/')[0] / 'ref' / DIFFUSION[name]
    values = np.loadtxt(reference.with_suffix('.bval'), ndmin=1)
    vectors = np.loadtxt(reference.with_suffix('.bvec'), ndmin=2).T
    series = Series(real_data / name, 'dti')
    pairs = list(series.axes.dti)
    assert [b for b, _ in pairs] == sorted(b for b, _ in pairs)
    found = [(b, fsl(series, np.array(v)) if len(v) else np.zeros(3)) for b, v in pairs]
    order = np.argsort(values, kind='stable')
    if len(values) != len(found):
        # Derived volumes have a file of their own in the reference.
        found = found[: len(values)]
    np.testing.assert_allclose([b for b, _ in found], values[order], rtol=1e-4, atol=0.01)
    for (b, mine), theirs in zip(found, vectors[order], strict=True):
        if b == 0:
            assert not mine.any()
            continue
        if not theirs.any():
            continue
        assert np.linalg.norm(mine) == pytest.approx(1, abs=5e-3)
        cosine = abs(mine @ theirs) / np.linalg.norm(theirs) / np.linalg.norm(mine)
        assert cosine == pytest.approx(1, abs=1e-5)


def ge(orientation: list[float], encoding: str, vector: tuple[float, float, float]) -> np.ndarray:
    """Return the direction read from a GE header."""
    ds = Dataset()
    ds.Manufacturer = 'GE MEDICAL SYSTEMS'
    ds.ImageOrientationPatient, ds.InPlanePhaseEncodingDirection = orientation, encoding
    acquisition = ds.private_block(0x19, 'GEMS_ACQU_01', create=True)
    for element, value in zip((0xBB, 0xBC, 0xBD), vector, strict=True):
        acquisition.add_new(element, 'DS', f'{value:.6f}')
    ds.private_block(0x43, 'GEMS_PARM_01', create=True).add_new(0x39, 'IS', [1000001000, 8, 0, 0])
    assert b_value(ds) == 1000
    return np.array(b_vector(ds))


# Frequency, phase and slice as patient directions, up to a common sign.
R, A, S = np.array([-1.0, 0, 0]), np.array([0, -1.0, 0]), np.array([0, 0, 1.0])


@pytest.mark.parametrize(
    ('orientation', 'encoding', 'axes'),
    [
        ([1, 0, 0, 0, 1, 0], 'COL', (R, A, S)),
        ([1, 0, 0, 0, 1, 0], 'ROW', (-A, R, S)),
        ([0, 1, 0, 0, 0, -1], 'COL', (A, S, R)),
        ([0, 1, 0, 0, 0, -1], 'ROW', (-S, A, R)),
        ([1, 0, 0, 0, 0, -1], 'COL', (-R, S, A)),
        ([1, 0, 0, 0, 0, -1], 'ROW', (S, R, A)),
    ],
)
def test_ge_directions_follow_frequency_phase_and_slice(
    orientation: list[float], encoding: str, axes: tuple[np.ndarray, ...]
) -> None:
    for one, axis in zip(np.eye(3), axes, strict=True):
        np.testing.assert_allclose(ge(orientation, encoding, tuple(one)), axis, atol=1e-12)


CORONAL, ALONG = [1, 0, 0, 0, 0, -1], [0.6, 0, -0.8]
"""An image, and the direction that lies 0.6 along its rows and 0.8 along its columns."""


def of_vendors() -> dict[str, Dataset]:
    """Return a header of each vendor, with b = 700 and the direction `ALONG`, as it writes them."""
    found = {}
    for maker in ('SIEMENS', 'GE MEDICAL SYSTEMS', 'Philips', 'UIH', 'CANON_MEC'):
        found[maker] = ds = Dataset()
        ds.Manufacturer, ds.ImageOrientationPatient = maker, CORONAL
    siemens, ge, philips, uih, canon = found.values()
    block = siemens.private_block(0x19, 'SIEMENS MR HEADER', create=True)
    block.add_new(0x0C, 'IS', 700)
    block.add_new(0x0E, 'FD', ALONG)
    ge.private_block(0x43, 'GEMS_PARM_01', create=True).add_new(0x39, 'IS', [700, 8, 0, 0])
    block = ge.private_block(0x19, 'GEMS_ACQU_01', create=True)
    for element, value in zip((0xBB, 0xBC, 0xBD), ('0.6', '-0.8', '0'), strict=True):
        block.add_new(element, 'DS', value)  # frequency to the left, phase to the head
    philips.private_block(0x2001, 'Philips Imaging DD 001', create=True).add_new(3, 'FL', 700)
    block = philips.private_block(0x2005, 'Philips MR Imaging DD 001', create=True)
    for element, value in zip((0xB0, 0xB1, 0xB2), ALONG, strict=True):
        block.add_new(element, 'FL', value)
    block = uih.private_block(0x65, 'Image Private Header', create=True)
    block.add_new(0x09, 'FD', 700)
    block.add_new(0x37, 'FD', [0.6, 0.8, 0])
    canon.ImageComments = 'b=700(-0.800,-0.600,0.000)'
    return found


VENDOR_HEADERS = pytest.mark.parametrize('ds', of_vendors().values(), ids=of_vendors().keys())


def test_each_vendor_is_asked_and_tested() -> None:
    """A module with b values that is not in `VENDORS` would never be asked."""
    modules = {info.name for info in pkgutil.iter_modules(vendor.__path__)}
    with_b = {
        module for name in modules - {'diffusion'}
        if hasattr(module := importlib.import_module(f'{vendor.__name__}.{name}'), 'b_value')
    }
    assert with_b == set(VENDORS), 'a module with b values is not in VENDORS, or one there has none'
    for module in VENDORS:
        own = [ds for ds in of_vendors().values() if module.b_value(ds) is not None]
        assert len(own) == 1, f'{module} needs a header of its own in `of_vendors`'


@VENDOR_HEADERS
def test_directions_of_each_vendor_in_the_patient_frame(ds: Dataset) -> None:
    standard = Dataset()
    standard.DiffusionBValue, standard.DiffusionGradientOrientation = 700, ALONG
    for each in (ds, standard):
        assert b_value(each) == 700
        np.testing.assert_allclose(b_vector(each), ALONG, atol=1e-6)


@VENDOR_HEADERS
def test_what_was_computed_over_several_has_no_diffusion(ds: Dataset) -> None:
    made = clone(ds, inherited(ds, When.NO_DIFFUSION))
    assert (b_value(made), b_vector(made)) == (None, ())
    assert b_value(ds) == 700


@VENDOR_HEADERS
def test_directions_in_the_axes_of_an_image_go_with_it(ds: Dataset) -> None:
    """What stays is true in any image; `compose` writes the standard element for the others."""
    made = clone(ds, inherited(copy.deepcopy(ds), When.NEW_PLANE))
    made.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    if ds.Manufacturer != 'CANON_MEC':  # a comment stays
        assert b_vector(made) in ((), b_vector(ds))


@VENDOR_HEADERS
def test_diffusion_stays_without_the_patient(ds: Dataset) -> None:
    ds = copy.deepcopy(ds)
    ds.PatientName, ds.PatientID, ds.SOPInstanceUID, ds.SOPClassUID = 'A^B', '1', '1.2', MRImageStorage
    for safe in (False, True):
        made = deidentified(ds, Plan(Options(retain_safe_private=safe)))
        assert b_value(made) == 700
        np.testing.assert_allclose(b_vector(made), ALONG, atol=1e-6)
        del made.DiffusionBValue, made.DiffusionGradientOrientation
        private = any(tag.is_private for tag in ds.keys())  # noqa: SIM118 (tags)
        assert b_value(made) == (700 if safe and private else None)


@VENDOR_HEADERS
def test_private_elements_are_set_with_the_standard_ones(ds: Dataset) -> None:
    ds = copy.deepcopy(ds)
    private = any(tag.is_private for tag in ds.keys())  # noqa: SIM118 (tags)
    app.set_ds_b_value(ds, 123)
    app.set_ds_b_vector(ds, [0, 0.6, 0.8])
    assert b_value(ds) == 123
    np.testing.assert_allclose(b_vector(ds), [0, 0.6, 0.8], atol=1e-6)
    del ds.DiffusionBValue, ds.DiffusionGradientOrientation
    if private:  # a comment is not written anew
        assert b_value(ds) == 123
        np.testing.assert_allclose(b_vector(ds), [0, 0.6, 0.8], atol=1e-6)


DIRECTIONS = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.6, 0.8)]


def diffusion(t: int, s: int) -> dict[str, object]:
    """Return two b0 images and three directions; the second b0 comes last."""
    if t in (0, 4):
        return {'DiffusionBValue': 0.0}
    return {'DiffusionBValue': 1000.0, 'DiffusionGradientOrientation': list(DIRECTIONS[t - 1])}


def test_dti_and_bvector_axes(tmp_path: Path) -> None:
    folder = save(tmp_path, stack(FOUR, 5, diffusion))
    dti = Series(folder, 'dti')
    b0: tuple[float, tuple[float, ...]] = (0.0, ())
    assert list(dti.axes.dti) == [b0, b0, *((1000.0, d) for d in DIRECTIONS)]
    assert dti[:, 0, 0, 0].tolist() == [0, 4000, 1000, 2000, 3000]
    vectors = Series(folder, 'bvector')
    assert [v.tolist() for v in vectors.axes.bvector] == [[], *map(list, DIRECTIONS), []]
    assert vectors[:, 3, 0, 0].tolist() == [300, 1300, 2300, 3300, 4300]


def test_directions_agree_from_slice_to_slice(tmp_path: Path) -> None:
    """Instance numbers count directions the other way round in every other slice."""

    def change(t: int, s: int) -> dict[str, object]:
        number = s * 5 + (t if s % 2 else 4 - t)
        return {**diffusion(t, s), 'InstanceNumber': number}

    series = Series(save(tmp_path, stack(FOUR, 5, change)), 'dti')
    first = [tag[0] for tag in series.tags[0]]
    for s in range(4):
        assert [tag[0] for tag in series.tags[s]] == first
        assert set(series[2:, s, 0, 0].tolist()) == {1000 + 100 * s, 2000 + 100 * s, 3000 + 100 * s}
    assert (np.diff(series[2:, :, 0, 0], axis=1) == 100).all()


@pytest.mark.parametrize(
    ('order', 'keyword', 'values', 'axis'),
    [
        ('echo', 'EchoNumbers', [1, 2, 3], [1, 2, 3]),
        ('cardiacphase', 'NominalPercentageOfCardiacPhase', [0.0, 33.0, 66.0], [0, 33, 66]),
        ('temporalposition', 'TemporalPositionIdentifier', [1, 2, 10], [1, 2, 10]),
        ('framereferencetime', 'FrameReferenceTime', [500, 1500, 10500], [0.5, 1.5, 10.5]),
        ('stack', 'StackID', ['1', '2', '10'], [1, 2, 10]),
        ('stack', 'StackID', ['a', 'b', 'c'], ['a', 'b', 'c']),
        ('acquisition', 'AcquisitionNumber', [1, 2, 3], [1, 2, 3]),
        ('ProtocolName', 'ProtocolName', ['first', 'second', 'third'], ['first', 'second', 'third']),
        ('ScanningSequence', 'ScanningSequence', [['GR', 'IR'], ['GR', 'SE'], 'SE'], None),
        ('ContentTime', 'ContentTime', ['095959.5', '100000', '100001'], [35999.5, 36000, 36001]),
        ('AcquisitionDateTime', 'AcquisitionDateTime', ['20240101', '20240102', '20240103'], None),
        ('OperatorsName', 'OperatorsName', ['A^B', 'C^D', 'E^F'], ['A^B', 'C^D', 'E^F']),
        ('(0018,0081)', 'EchoTime', [1.5, 2.5, 10], [1.5, 2.5, 10]),
        ('0018,0081', 'EchoTime', [1.5, 2.5, 10], [1.5, 2.5, 10]),
    ],
)
def test_orders_by_name_keyword_and_tag(
    tmp_path: Path, order: str, keyword: str, values: list[object], axis: list[object] | None
) -> None:
    series = Series(save(tmp_path, stack(FOUR, 3, lambda t, s: {keyword: values[2 - t]})), order)
    assert series.input_order == order
    if axis is not None:
        assert list(series.axes[0]) == axis
    assert series[:, 1, 0, 0].tolist() == [2100, 1100, 100]


def test_a_time_offset_is_a_time(tmp_path: Path) -> None:
    images = stack(FOUR, 3, lambda t, s: {'TemporalPositionTimeOffset': [0.0, 0.5, 1.5][t]})
    series = Series(save(tmp_path, images))
    assert series.input_order == 'time'
    assert series.timeline.tolist() == [0, 0.5, 1.5]


def with_private(creator: str, block: int) -> list[Dataset]:
    images = stack(FOUR, 3, lambda t, s: {})
    for i, ds in enumerate(images):
        if block > 0x10:
            ds.add_new((0x2001, 0x10), 'LO', 'somebody else')
        ds.add_new((0x2001, block), 'LO', creator)
        ds.add_new((0x2001, (block << 8) | 8), 'IS', 30 - i // 4 * 10)
    return images


@pytest.mark.parametrize('order', ['(2001,1008)', '2001,1008', '(2001,1008,"Maker")', '(2001,xx08,Maker)'])
def test_private_elements_by_number_and_creator(tmp_path: Path, order: str) -> None:
    series = Series(save(tmp_path, with_private('Maker', 0x10)), order)
    assert list(series.axes[0]) == [10, 20, 30]
    assert series[:, 0, 0, 0].tolist() == [2000, 1000, 0]


def test_private_elements_in_another_block_are_found_by_creator(tmp_path: Path) -> None:
    folder = save(tmp_path, with_private('Maker', 0x11))
    with pytest.raises(errors.OrderNotFoundError):
        Series(folder, '(2001,1008)')
    for option in ('(2001,1008,"Maker")', (0x2001, 0x08, 'Maker'), ('2001', '1008', 'Maker')):
        assert list(Series(folder, 'phase', phase=option).axes.phase) == [10, 20, 30]
    with pytest.raises(errors.OrderNotFoundError, match='creator'):
        Series(folder, '(2001,xx08)')


def test_orders_with_tags_in_them() -> None:
    assert order_names('time,(2001,1008,"a, b"),te') == ('time', '(2001,1008,"a, b")', 'te')
    assert order_names('2001,1008') == ('2001,1008',)
    assert order_names('time') == ('time',)


@pytest.mark.parametrize('order', ['faulty'])
def test_orders_without_a_meaning_need_one(tmp_path: Path, order: str) -> None:
    folder = save(tmp_path, stack(FOUR, 2, lambda t, s: {'EchoTime': 10 * (t + 1)}))
    with pytest.raises(errors.OrderNotFoundError, match=f'{order}=<'):
        Series(folder, order)
    assert list(Series(folder, order, **{order: 'EchoTime'}).axes[0]) == [10, 20]


def test_restriction_spectrum_imaging(tmp_path: Path) -> None:
    """Two shells, acquired in turns: b values rising, the directions of each as they were acquired."""
    pairs = [(0.0, None), (2000.0, DIRECTIONS[1]), (500.0, DIRECTIONS[2]), (2000.0, DIRECTIONS[0])]

    def change(t: int, s: int) -> dict[str, object]:
        b, vector = pairs[t]
        return {'DiffusionBValue': b} | ({'DiffusionGradientOrientation': list(vector)} if vector else {})

    series = Series(save(tmp_path / 'rsi', stack(FOUR, 4, change)), 'rsi')
    assert series.input_order == 'rsi'
    assert [b for b, _ in series.axes.rsi.values] == [0, 500, 2000, 2000]
    assert [tuple(v) for _, v in series.axes.rsi.values] == [(), *(DIRECTIONS[i] for i in (2, 1, 0))]
    assert series[:, 0, 0, 0].tolist() == [0, 2000, 1000, 3000]
    plain = save(tmp_path / 'te', stack(FOUR, 2, lambda t, s: {'EchoTime': 10 * (t + 1)}))
    with pytest.raises(errors.OrderNotFoundError, match=r'no b value.*rsi=<'):
        Series(plain, 'rsi')
    assert list(Series(plain, 'rsi', rsi='EchoTime').axes.rsi.values) == [10, 20]


@pytest.mark.parametrize('order', ['PixelData', 'SharedFunctionalGroupsSequence', 'nothing'])
def test_what_cannot_be_sorted_on(order: str) -> None:
    with pytest.raises(errors.OrderNotFoundError, match=order):
        criterion(order, {})


def test_auto_sort_names_what_auto_may_choose(tmp_path: Path) -> None:
    def change(t: int, s: int) -> dict[str, object]:
        return {'EchoTime': 10 * (t + 1), 'TriggerTime': 100 * (2 - t), 'AcquisitionTime': f'10000{t}'}

    folder = save(tmp_path, stack(FOUR, 3, change))
    assert Series(folder).input_order == 'te'
    assert Series(folder, auto_sort=['triggertime', 'te']).input_order == 'te'
    assert Series(folder, auto_sort=['triggertime']).input_order == 'triggertime'
    assert Series(folder, auto_sort='time,triggertime').input_order == 'time'


def test_sort_on_slice_location(tmp_path: Path) -> None:
    images = stack(FOUR)
    for ds, location in zip(images, (4, 3, 2, 1), strict=True):
        ds.SliceLocation = location
    folder = save(tmp_path, images)
    series = Series(folder, sort_on_slice_location=True)
    assert series[:, 0, 0].tolist() == [300, 200, 100, 0]
    np.testing.assert_allclose(series.getPositionForVoxel([0, 0, 0]).ravel(), [9, 0, 0])
    del images[2].SliceLocation
    with pytest.raises(errors.CannotSort, match='Slice Location'):
        Series(save(tmp_path / 'without', images), sort_on_slice_location=True)


def test_correct_acq_gives_each_volume_one_time(tmp_path: Path) -> None:
    def times(t: int, s: int) -> dict[str, object]:
        return {'AcquisitionTime': f'1000{10 + 2.5 * t + 0.25 * (3 - s):09.6f}'}

    folder = save(tmp_path, stack(FOUR, 3, times))
    series = Series(folder, 'time', correct_acq=True)
    for s in range(4):
        assert [tag[0] for tag in series.tags[s]] == [36010, 36012.5, 36015]
    assert 'correct_acq' in series.explain()


def test_dropping_loses_as_few_images_as_can_be(tmp_path: Path) -> None:
    """Slice 3 has 1 of 4 times: without it 12 of 13 images stay, with whole times alone 4."""
    images = stack(FOUR, 4, lambda t, s: {'AcquisitionTime': f'10000{t}'})
    images = [ds for i, ds in enumerate(images) if i % 4 != 3 or i == 3]
    series = Series(save(tmp_path, images), 'time', missing='drop')
    assert series.shape[:2] == (4, 3)
    assert series[:, 2, 0, 0].tolist() == [200, 1200, 2200, 3200]
    assert 'slice 3 left out, with 1 images that there are' in series.explain()


def test_holes_of_integers_take_the_padding_value(tmp_path: Path) -> None:
    images = stack(FOUR, 2, lambda t, s: {'AcquisitionTime': f'10000{t}'}, PixelPaddingValue=63000)
    del images[5]
    series = Series(save(tmp_path, images), 'time', missing='fill')
    assert (np.asarray(series[1, 1]) == 63000).all()


def test_an_image_alone_needs_no_order(tmp_path: Path) -> None:
    one = image(np.ones((2, 2), np.uint16), (0, 0, 0), number=1)
    assert Series(save(tmp_path, [one])).shape == (2, 2)
