"""Stored values, modality tables, real-world maps, private scales and uptake values."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import PositronEmissionTomographyImageStorage

from imagedata import Series, errors
from synthetic import image, save, stack

STORED = np.array([[0, 1, 2], [3, 100, 4095]], np.uint16)


def item(**elements: object) -> DicomSequence:
    """Return a sequence of one item."""
    inner = Dataset()
    for keyword, value in elements.items():
        setattr(inner, keyword, value)
    return DicomSequence([inner])


def one(folder: Path, stored: np.ndarray = STORED, **elements: object) -> Path:
    return save(folder, [image(stored, (0, 0, 0), number=1, **elements)])


def test_stored_values_on_request(tmp_path: Path) -> None:
    folder = one(tmp_path, RescaleSlope=0.5, RescaleIntercept=-10)
    np.testing.assert_array_equal(Series(folder), STORED * 0.5 - 10)
    stored = Series(folder, scaling='stored')
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(stored, STORED)
    assert 'as stored' in stored.explain()
    with pytest.raises(errors.ScalingError, match="'real_world'"):
        Series(folder, scaling='another')


@pytest.mark.parametrize(('first', 'dtype'), [(0, np.uint16), (2, np.uint16), (-3, np.int16), (1, np.uint8)])
def test_modality_table(tmp_path: Path, first: int, dtype: type) -> None:
    """Equal to pydicom's: stored values outside of the table take its first or last value."""
    stored = np.array([[-5, -3, 0], [2, 4, 90]] if dtype == np.int16 else [[0, 1, 2], [3, 4, 90]], dtype)
    ds = image(stored, (0, 0, 0), number=1)
    ds.ModalityLUTSequence = item(LUTDescriptor=[6, first, 16], ModalityLUTType='US')
    ds.ModalityLUTSequence[0].add_new('LUTData', 'US', [10, 20, 40, 80, 160, 65535])
    ds.ModalityLUTSequence[0]['LUTDescriptor'].VR = 'SS' if first < 0 else 'US'
    expected = apply_modality_lut(stored, ds)
    np.testing.assert_array_equal(Series(save(tmp_path, [ds])), expected)
    np.testing.assert_array_equal(Series(tmp_path, scaling='stored'), stored)


def test_a_table_that_contradicts_itself(tmp_path: Path) -> None:
    ds = image(STORED, (0, 0, 0), number=1)
    ds.ModalityLUTSequence = item(LUTDescriptor=[6, 0, 16])
    ds.ModalityLUTSequence[0].add_new('LUTData', 'US', [1, 2, 3])
    with pytest.raises(errors.CorruptFileError, match='announces 6'):
        Series(save(tmp_path, [ds]))


def units(code: str) -> DicomSequence:
    return item(CodeValue=code, CodingSchemeDesignator='UCUM', CodeMeaning=code)


def test_real_world_map(tmp_path: Path) -> None:
    """The first map with units; stored values outside of its range have no real-world value."""
    ds = image(STORED, (0, 0, 0), number=1, RescaleSlope=3, RescaleIntercept=0)
    plain = item(RealWorldValueSlope=7.0, RealWorldValueIntercept=0.0)[0]
    with_units = item(
        RealWorldValueSlope=0.25, RealWorldValueIntercept=-1.0, LUTLabel='ADC',
        MeasurementUnitsCodeSequence=units('um2/s'),
    )[0]  # fmt: skip
    for mapping in (plain, with_units):
        mapping.add_new('RealWorldValueFirstValueMapped', 'US', 1)
        mapping.add_new('RealWorldValueLastValueMapped', 'US', 100)
    ds.RealWorldValueMappingSequence = DicomSequence([plain, with_units])
    series = Series(save(tmp_path, [ds]), scaling='real_world')
    expected = np.where((STORED < 1) | (STORED > 100), np.nan, STORED * 0.25 - 1)
    np.testing.assert_array_equal(series, expected)
    assert 'real-world values in um2/s (ADC)' in series.explain()


def test_real_world_table(tmp_path: Path) -> None:
    ds = image(STORED, (0, 0, 0), number=1)
    mapping = item(RealWorldValueLUTData=[0.5, 1.5, 4.0], MeasurementUnitsCodeSequence=units('1'))
    mapping[0].add_new('RealWorldValueFirstValueMapped', 'US', 1)
    mapping[0].add_new('RealWorldValueLastValueMapped', 'US', 3)
    ds.RealWorldValueMappingSequence = mapping
    series = Series(save(tmp_path, [ds]), scaling='real_world')
    np.testing.assert_array_equal(series, [[np.nan, 0.5, 1.5], [4, np.nan, np.nan]])
    ds.RealWorldValueMappingSequence[0].RealWorldValueLUTData = [0.5]
    with pytest.raises(errors.ScalingError, match='neither slope nor a table'):
        Series(save(tmp_path / 'short', [ds]), scaling='real_world')


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    folder = one(tmp_path)
    for scaling, name in (('real_world', 'Real World Value Mapping'), ('philips', '2005,100E')):
        with pytest.raises(errors.ScalingError, match=name):
            Series(folder, scaling=scaling)


def test_private_scale_of_philips(tmp_path: Path) -> None:
    ds = image(STORED, (0, 0, 0), number=1, RescaleSlope=2, RescaleIntercept=0)
    block = ds.private_block(0x2005, 'Philips MR Imaging DD 001', create=True)
    block.add_new(0x0D, 'FL', 8)
    block.add_new(0x0E, 'FL', 0.5)
    np.testing.assert_array_equal(Series(save(tmp_path, [ds]), scaling='philips'), (STORED - 8.0) / 0.5)


@pytest.mark.parametrize(
    ('name', 'file'),
    [('philips_dwi/vanderbilt_601', 'vanderbilt_601.nii.gz'), ('philips_balls/DTI', 'DTI.nii.gz')],
)
def test_private_scale_equals_that_of_dcm2niix(name: str, file: str, real_data: Path) -> None:
    """Its default are the same "precise" values: the largest ones agree to the digits of a float."""
    reference = nibabel.load(real_data / name.split('/')[0] / 'ref' / file)
    theirs = np.asarray(reference.dataobj)
    series = Series(real_data / name, scaling='philips')
    assert series.dtype == np.float64
    mine = np.asarray(series)[: theirs.shape[3]]
    assert float(mine.max()) == pytest.approx(float(theirs.max()), rel=1e-5)
    assert float(mine.mean()) == pytest.approx(float(theirs.mean()), rel=1e-4)


# --- uptake values ------------------------------------------------------------------------------

DRUG: dict[str, object] = {
    'RadionuclideTotalDose': 350e6,
    'RadionuclideHalfLife': 6586.2,
    'RadiopharmaceuticalStartTime': '090000',
}


def pet(change: dict[str, object] | None = None, drug: dict[str, object] | None = None) -> list[Dataset]:
    """Return three slices of PET, 70 kg, 350 MBq of F-18 one hour before; slopes 1, 0.5 and 2."""
    known = {k: v for k, v in {**DRUG, **(drug or {})}.items() if v is not None}
    fixed: dict[str, object] = {
        'SOPClassUID': PositronEmissionTomographyImageStorage, 'Modality': 'PT', 'Units': 'BQML',
        'CorrectedImage': ['DECY', 'ATTN'], 'DecayCorrection': 'START', 'PatientWeight': 70,
        'SeriesDate': '20240102', 'SeriesTime': '100000', 'AcquisitionDate': '20240102',
        'RescaleIntercept': 0,
        'RadiopharmaceuticalInformationSequence': item(**known), **(change or {}),
    }  # fmt: skip
    fixed = {k: v for k, v in fixed.items() if v is not None}

    def own(t: int, s: int) -> dict[str, object]:
        return {'RescaleSlope': [1, 0.5, 2][s], 'AcquisitionTime': f'100{s}00'}

    places = [(0, 0, 4 * s) for s in range(3)]
    return stack(places, 1, lambda t, s: {k: v for k, v in own(t, s).items() if k not in fixed}, **fixed)


STORED_PET = np.arange(12).reshape(4, 3) + 100 * np.arange(3)[:, np.newaxis, np.newaxis]
ACTIVITY = STORED_PET * np.array([1, 0.5, 2])[:, np.newaxis, np.newaxis]


def factor(hours: float) -> float:
    """Return grams by the dose after some hours, by hand."""
    return 70e3 / (350e6 * 0.5 ** (hours * 3600 / 6586.2))


@pytest.mark.parametrize(
    ('change', 'drug', 'expected'),
    [
        ({}, {}, factor(1)),
        ({'DecayCorrection': 'ADMIN'}, {'RadiopharmaceuticalStartTime': None}, factor(0)),
        ({}, {'RadiopharmaceuticalStartDateTime': '20240102080000.5'}, factor(2 - 0.5 / 3600)),
        # Without a date: the last nine at night before a scan at half past midnight.
        (
            {'SeriesTime': '003000', 'AcquisitionTime': '003000'},
            {'RadiopharmaceuticalStartTime': '233000'},
            factor(1),
        ),
        ({'Units': 'GML'}, {'RadionuclideTotalDose': None}, 1.0),
    ],
)
def test_uptake_values(
    tmp_path: Path, change: dict[str, object], drug: dict[str, object], expected: float
) -> None:
    series = Series(save(tmp_path, pet(change, drug)), suv='bw')
    assert series.dtype == np.float64
    np.testing.assert_allclose(series, ACTIVITY * expected, rtol=1e-12)
    assert 'SUV by body weight' in series.explain()


def test_uptake_values_of_philips_counts(tmp_path: Path) -> None:
    images = pet({'Units': 'CNTS'})
    for ds in images:
        block = ds.private_block(0x7053, 'Philips PET Private Group', create=True)
        block.add_new(0x09, 'DS', '2.5')
    series = Series(save(tmp_path / 'activity', images), suv='bw')
    np.testing.assert_allclose(series, ACTIVITY * 2.5 * factor(1), rtol=1e-12)
    for ds in images:
        ds.private_block(0x7053, 'Philips PET Private Group').add_new(0x00, 'DS', '0.004')
    np.testing.assert_allclose(Series(save(tmp_path / 'factor', images), suv='bw'), ACTIVITY * 0.004)


def test_a_later_reconstruction_of_ge_has_its_scan_time_apart(tmp_path: Path) -> None:
    images = pet({'SeriesTime': '150000'})
    with pytest.raises(errors.ScalingError, match='not those of the start'):
        Series(save(tmp_path / 'without', images), suv='bw')
    for ds in images:
        block = ds.private_block(0x0009, 'GEMS_PETD_01', create=True)
        block.add_new(0x0D, 'DT', '20240102100000.00')
    np.testing.assert_allclose(Series(save(tmp_path / 'ge', images), suv='bw'), ACTIVITY * factor(1))


@pytest.mark.parametrize(
    ('change', 'drug', 'named'),
    [
        ({'PatientWeight': None}, {}, "Patient's Weight is missing"),
        ({'PatientWeight': 0}, {}, "Patient's Weight is 0"),
        ({'Units': 'PROPCPS'}, {}, 'PROPCPS'),
        ({'Units': 'CNTS'}, {}, '7053,1000'),
        ({'Modality': 'CT'}, {}, 'modality CT'),
        ({'DecayCorrection': 'NONE'}, {}, 'Decay Correction NONE'),
        ({'CorrectedImage': ['DECY', 'NORM']}, {}, 'ATTN'),
        ({'RadiopharmaceuticalInformationSequence': None}, {}, 'Radiopharmaceutical Information'),
        ({'Units': 'GML', 'SUVType': 'LBM'}, {}, 'LBM'),
        ({}, {'RadionuclideTotalDose': None}, 'Total Dose is missing'),
        ({}, {'RadionuclideHalfLife': None}, 'Half Life is missing'),
        ({}, {'RadiopharmaceuticalStartTime': None}, 'Start Time'),
        ({}, {'RadiopharmaceuticalStartDateTime': '20240103'}, 'missing|after the start'),
    ],
)
def test_missing_parts_of_uptake_values_are_named(
    tmp_path: Path, change: dict[str, object], drug: dict[str, object], named: str
) -> None:
    folder = save(tmp_path, pet(change, drug))
    if drug.get('RadiopharmaceuticalStartDateTime'):
        # A date alone tells no time: the start time counts.
        np.testing.assert_allclose(Series(folder, suv='bw'), ACTIVITY * factor(1))
        return
    with pytest.raises(errors.ScalingError, match=named):
        Series(folder, suv='bw')


def test_only_uptake_by_body_weight(tmp_path: Path) -> None:
    folder = save(tmp_path, pet())
    with pytest.raises(errors.ScalingError, match="'bw'"):
        Series(folder, suv='lbm')
    with pytest.raises(errors.ScalingError, match='rescale'):
        Series(folder, suv='bw', scaling='stored')
