"""Study, Patient and Cohort."""

import pickle
import shutil
import unicodedata
from datetime import datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sequence import Sequence as DicomSequence

from imagedata import Cohort, Patient, Series, Study
from imagedata.collection import SeriesUID
from imagedata.errors import (
    CollectionError,
    CorruptFileError,
    EntryNotFoundError,
    ImagedataWarning,
    MissingSliceError,
    UnknownOptionType,
)
from imagedata.folders import printable, safe_name, unique_name
from synthetic import save, stack, uid
from test_dicom_objects import MASKS, item, segmentation

PLACES = [(0.0, 0.0, 3.0 * s) for s in range(3)]


@pytest.fixture
def study(sample_data: Path) -> Study:
    return Study(sample_data)


def volume(series: str, **elements: Any) -> list[pydicom.Dataset]:
    return stack(PLACES, series=series, SeriesInstanceUID=uid(series), **elements)


def people(folder: Path) -> Path:
    """Two patients; the first has two studies, of which the first has two series."""
    first = {'StudyDate': '20260102', 'StudyTime': '101112', 'StudyDescription': 'Head'}
    later = {'StudyDate': '20260203', 'StudyTime': '131415', 'StudyInstanceUID': uid('later')}
    save(folder / 'a', volume('s1', SeriesNumber=3, SeriesDescription='T1', **first))
    save(folder / 'b', volume('s2', SeriesNumber=4, SeriesDescription='T2', **first))
    save(folder / 'c', volume('s3', SeriesNumber=1, SeriesDescription='T1', **later))
    other = {'PatientID': 'T2', 'PatientName': 'Other^One', 'StudyInstanceUID': uid('other')}
    save(folder / 'd', volume('s4', SeriesNumber=1, SeriesDescription='T1', **other))
    return folder


# --- what is there ---------------------------------------------------------------------------


def test_study_of_the_sample_data(study: Study, sample_data: Path) -> None:
    """Against what pydicom reads in each of the files."""
    expected: dict[str, pydicom.Dataset] = {}
    counts: dict[str, int] = {}
    for path in sample_data.rglob('*'):
        if path.is_file():
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            expected[dataset.SeriesInstanceUID] = dataset
            counts[dataset.SeriesInstanceUID] = counts.get(dataset.SeriesInstanceUID, 0) + 1
    assert {key.seriesInstanceUID for key in study} == set(expected)
    assert all(isinstance(key, SeriesUID) for key in study)
    for record in study.to_records():
        dataset = expected[record['seriesInstanceUID']]
        assert record['seriesNumber'] == dataset.SeriesNumber
        assert record['seriesDescription'] == dataset.SeriesDescription
        assert record['images'] == counts[record['seriesInstanceUID']]
        assert (record['rows'], record['columns']) == (dataset.Rows, dataset.Columns)
    anyone = next(iter(expected.values()))
    assert study.studyInstanceUID == anyone.StudyInstanceUID
    assert study.studyDate == datetime.strptime(anyone.StudyDate, '%Y%m%d')
    assert study.studyTime == time(13, 25)
    assert study.patientName == str(anyone.PatientName)
    assert study.patientWeight == float(anyone.PatientWeight)
    assert study.referringPhysiciansName == str(anyone.ReferringPhysicianName)
    assert study.generalEquipment.defined
    assert study.generalEquipment.manufacturer == anyone.Manufacturer


def test_series_are_those_that_series_reads(study: Study, sample_data: Path) -> None:
    for folder in sample_data.iterdir():
        alone = Series(folder)
        found = study[str(alone.seriesInstanceUID)]
        assert found.axes._fields == alone.axes._fields
        assert found.equals(alone)
        assert found.seriesInstanceUID == alone.seriesInstanceUID


def test_ways_to_ask(study: Study) -> None:
    numbers = [series.seriesNumber for series in study.values()]
    assert numbers == sorted(numbers)
    first = study[0]
    key = next(iter(study))
    for name in (key, key.seriesInstanceUID, first.seriesDescription, 0, -6):
        assert study[name] is first
        assert study.get(name) is first
    assert study.by_number(1) is first
    assert key in study
    assert key.seriesInstanceUID in study
    assert 'nothing' not in study
    assert study.get('nothing') is None
    assert [s.seriesNumber for s in study[1:3]] == [2, 3]
    assert len(study.values()) == len(study.items()) == len(study) == 6


@pytest.mark.parametrize('name', ['1.2.3', 99, -7])
def test_what_is_not_there(study: Study, name: Any) -> None:
    with pytest.raises(KeyError) as error:
        study[name]
    assert isinstance(error.value, IndexError)
    assert str(name) in str(error.value)


def test_several_of_one_name(tmp_path: Path) -> None:
    save(tmp_path / 'a', volume('s1', SeriesDescription='T1', SeriesNumber=3))
    save(tmp_path / 'b', volume('s2', SeriesDescription='T1', SeriesNumber=3))
    study = Study(tmp_path)
    with pytest.raises(EntryNotFoundError, match='position 0, 1'):
        study['T1']
    with pytest.raises(EntryNotFoundError, match='number 3'):
        study.by_number(3)


def test_nothing_is_read_before_it_is_used(tmp_path: Path, sample_data: Path) -> None:
    shutil.copytree(sample_data / 'ct', tmp_path / 'ct')
    study = Study(tmp_path)
    shutil.rmtree(tmp_path / 'ct')
    assert len(study.to_records()) == 1
    assert '32 images of 128 x 160' in repr(study)
    copied = pickle.loads(pickle.dumps(study))
    assert copied.studyDescription == study.studyDescription
    with pytest.raises(FileNotFoundError):
        study[0]


def test_what_was_used_is_kept_and_a_stream_keeps_nothing(study: Study) -> None:
    study[0].seriesDescription = 'changed'
    assert study[0].seriesDescription == 'changed'
    assert [series.seriesDescription for _, series in study.stream()][:2] == ['changed', 'MR dynamic']
    assert sum(isinstance(stored, Series) for stored in study._stored().values()) == 1
    assert dict(study)[next(iter(study))] is study[0]


def test_patients_and_studies(tmp_path: Path) -> None:
    cohort = Cohort(people(tmp_path))
    assert cohort.data == tmp_path
    assert list(cohort) == ['T1', 'T2']
    patient = cohort['T1']
    assert isinstance(patient, Patient)
    assert list(patient) == [uid('study'), uid('later')]
    assert patient.patientID == 'T1'
    assert patient['Head'] is patient[0]
    assert [s.seriesDescription for s in patient[0].values()] == ['T1', 'T2']
    assert not patient.clinicalTrialSubject.defined
    assert [r['patientID'] for r in cohort.to_records()] == ['T1', 'T1', 'T1', 'T2']
    with pytest.raises(CollectionError, match='2 patients'):
        Patient(tmp_path)
    with pytest.raises(CollectionError, match='3 studies'):
        Study(tmp_path)


def test_table_of_contents(tmp_path: Path) -> None:
    cohort = Cohort(people(tmp_path))
    assert cohort.to_text().splitlines() == [
        'Patient T1',
        '  Study 2026-01-02 10:11:12 Head',
        '    [3] MR T1: 3 images of 4 x 3',
        '    [4] MR T2: 3 images of 4 x 3',
        '  Study 2026-02-03 13:14:15',
        '    [1] MR T1: 3 images of 4 x 3',
        'Patient T2',
        '  Study',
        '    [1] MR T1: 3 images of 4 x 3',
    ]
    assert repr(cohort).startswith('<Cohort of 4 series>')
    assert 'Case' not in repr(cohort)
    pandas = pytest.importorskip('pandas')
    frame = cohort.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame['images']) == [3, 3, 3, 3]


def test_from_lists_and_dicts(study: Study) -> None:
    series = list(study.values())
    same = Study(series)
    assert list(same) == [str(s.seriesInstanceUID) for s in series]
    assert same.studyInstanceUID == study.studyInstanceUID
    assert same.studyDescription == study.studyDescription
    assert Study({'mine': series[0]})['mine'] is series[0]
    patient = Patient([same])
    assert patient.patientID == study.patientID
    cohort = Cohort([patient])
    assert cohort[study.patientID][0][0] is series[0]
    assert Patient({'one': same})['one'] is same
    assert len(Study()) == len(Patient()) == len(Cohort()) == 0
    assert repr(Study()) == '<Study of 0 series>\nStudy'
    with pytest.raises(CollectionError, match='called'):
        Study([series[0], series[0]])
    with pytest.raises(CollectionError, match='Study'):
        Patient([series[0]])
    with pytest.raises(UnknownOptionType):
        Study(series, 3)  # type: ignore[arg-type]


def test_what_the_user_set_counts(study: Study) -> None:
    series = study[0]
    series.patientID = 'ANON'
    assert Study([series]).patientID == 'ANON'


# --- orders ----------------------------------------------------------------------------------


def test_order_of_all_and_of_each(sample_data: Path) -> None:
    assert Study(sample_data / 'time', input_order='InstanceNumber')[0].input_order == 'InstanceNumber'
    orders = {'MR flip angles': 'FlipAngle', 2: 'AcquisitionTime'}
    study = Study(sample_data, {'input_order': orders})
    assert study['MR flip angles'].input_order == 'FlipAngle'
    assert study.by_number(2).input_order == 'AcquisitionTime'
    assert study.by_number(4).input_order == 'te'
    assert orders == {'MR flip angles': 'FlipAngle', 2: 'AcquisitionTime'}


def test_options_reach_the_series(sample_data: Path) -> None:
    assert Study(sample_data / 'ct', dtype=np.float32)[0].dtype == np.float32


# --- several in one series ---------------------------------------------------------------------


def test_stacks_of_a_localizer(real_data: Path) -> None:
    folder = real_data / 'ge_table' / 'localizer_05'
    study = Study(folder)
    assert [key.stack for key in study] == [0, 1, 2]
    for key, series in study.items():
        assert series.equals(Series(folder, input_stack=key.stack))
    assert list(Study(folder, input_stack=1)) == [list(study)[1]]
    assert Study(folder, input_stack=1)[0].equals(study[1])


def test_divided_series(tmp_path: Path) -> None:
    save(tmp_path, stack(PLACES, 2, lambda tag, _: {'EchoNumbers': tag + 1, 'EchoTime': 5.0 * tag + 5}))
    assert len(Study(tmp_path)) == 1
    study = Study(tmp_path, split_echo_numbers=True)
    assert [key.echoNumber for key in study] == [1, 2]
    assert [int(s.max()) for s in study.values()] == [211, 1211]
    assert Study(tmp_path, input_echo=2)[0].shape == (3, 4, 3)


def test_real_series_each_as_alone(real_data: Path) -> None:
    """A mixed folder: CT, PET and MR of a patient, with NIfTI beside."""
    folder = real_data / 'pet_ct_mr_sts'
    for key, series in Cohort(folder, input_format='dicom').stream():
        assert series.equals(Series(folder, input_serinsuid=key.seriesInstanceUID, input_format='dicom'))


def test_other_formats(tmp_path: Path, sample_data: Path) -> None:
    expected = Series(sample_data / 'ct')
    expected.write(tmp_path / 'liver.nii.gz')
    (tmp_path / 'notes.txt').write_text('nothing')
    study = Study(tmp_path)
    assert study[0].equals(expected)
    assert study[0].seriesInstanceUID == next(iter(study)).seriesInstanceUID


# --- segmentations ----------------------------------------------------------------------------


def test_segmentation_lies_on_the_grid_of_what_it_refers_to(tmp_path: Path) -> None:
    """The segmentation has the second to fourth of seven slices, the upper ones first."""
    places = [(1.0, 2.0, 3.0 * s) for s in range(-1, 6)]
    save(tmp_path / 'mr', stack(places, shape=(5, 3), SeriesDescription='volume'))
    seg = segmentation([(0, 3), (0, 2), (0, 1)], labels=['Tumour'])
    seg.StudyInstanceUID, seg.PatientID, seg.PatientName = uid('study'), 'T1', 'Test^Case'
    seg.FrameOfReferenceUID = uid('frame')
    seg.SeriesInstanceUID, seg.SeriesDescription = uid('seg'), 'tumour'
    seg.ReferencedSeriesSequence = item(SeriesInstanceUID=uid('series'))
    save(tmp_path / 'seg', [seg])
    study = Study(tmp_path)
    found, volume = study['tumour'], study['volume']
    assert found.same_geometry(volume)
    expected = np.zeros((7, 5, 3), np.uint8)
    expected[2:5] = MASKS[0, 1:4]
    np.testing.assert_array_equal(found, expected)
    assert found.seriesInstanceUID == uid('seg')
    assert 'grid of the series referred to' in found.explain()


def test_segmentation_that_does_not_fit(tmp_path: Path) -> None:
    save(tmp_path / 'mr', stack(PLACES, shape=(6, 6), SeriesDescription='volume', PixelSpacing=[1, 1]))
    seg = segmentation([(0, 0), (0, 1)], labels=['Tumour'])
    seg.StudyInstanceUID, seg.PatientID, seg.PatientName = uid('study'), 'T1', 'Test^Case'
    seg.FrameOfReferenceUID, seg.SeriesInstanceUID = uid('frame'), uid('seg')
    seg.SeriesDescription = 'tumour'
    seg.ReferencedSeriesSequence = DicomSequence(item(SeriesInstanceUID=uid('series')))
    save(tmp_path / 'seg', [seg])
    found = Study(tmp_path)['tumour']
    np.testing.assert_array_equal(found, MASKS[0, :2])
    assert 'geometry is its own' in found.explain()


# --- what is wrong ----------------------------------------------------------------------------


def test_broken_series_is_told_when_it_is_used(tmp_path: Path) -> None:
    people(tmp_path)
    (tmp_path / 'a' / '07919').unlink()  # the middle slice of three is no gap; the first volume of T1
    save(tmp_path / 'a', stack([(0, 0, 0), (0, 0, 3), (0, 0, 9)], series='s1', SeriesInstanceUID=uid('s1'),
                               SeriesNumber=3))  # fmt: skip
    cohort = Cohort(tmp_path)
    with pytest.raises(MissingSliceError):
        cohort['T1'][0][0]
    assert cohort['T1'][0][1].shape == (3, 4, 3)


def test_broken_series_is_set_aside(tmp_path: Path) -> None:
    people(tmp_path)
    gap = [(0, 0, 0), (0, 0, 3), (0, 0, 9)]
    shutil.rmtree(tmp_path / 'a')
    save(tmp_path / 'a', stack(gap, series='s1', SeriesInstanceUID=uid('s1'), SeriesNumber=3))
    whole = (tmp_path / 'b' / '00000').read_bytes()
    (tmp_path / 'b' / 'cut').write_bytes(whole[:600])
    with pytest.raises(CorruptFileError, match='cut'):
        Cohort(tmp_path)
    with pytest.warns(ImagedataWarning, match='set aside') as told:
        cohort = Cohort(tmp_path, skip_broken_series=True)
    assert len(told) == 2
    assert len(cohort.to_records()) == 3
    assert {type(e) for e in cohort.broken.values()} == {MissingSliceError, CorruptFileError}
    assert [s.seriesDescription for _, s in cohort.stream()] == ['T2', 'T1', 'T1']
    assert '2 set aside' in str(cohort)


def test_series_whose_pixels_cannot_be_read_is_set_aside_then(tmp_path: Path) -> None:
    people(tmp_path)
    study = Cohort(tmp_path, skip_broken_series=True)['T1'][0]
    for name in ('00000', '07919', '05831'):
        (tmp_path / 'a' / name).write_bytes((tmp_path / 'a' / name).read_bytes()[:-3])
    with pytest.warns(ImagedataWarning, match='set aside') as told:
        found = [s.seriesDescription for s in study.values()]
    assert found == ['T2']
    assert len(told) == 1
    assert len(study) == len(study.broken) == 1


def test_two_persons_with_one_id(tmp_path: Path) -> None:
    save(tmp_path / 'a', volume('s1', PatientBirthDate='19500101'))
    save(tmp_path / 'b', volume('s2', PatientName='TEST^CASE^', PatientBirthDate=''))
    save(tmp_path / 'c', volume('s3', PatientName='Else^Someone', StudyInstanceUID=uid('else')))
    with pytest.warns(ImagedataWarning, match='two persons') as told:
        cohort = Cohort(tmp_path)
    assert 'Someone' not in str(told[0].message)
    assert list(cohort) == ['T1', 'T1 (2)']
    assert [len(p[0]) for p in cohort.values()] == [2, 1]
    assert cohort['T1 (2)'].patientName == 'Else^Someone'
    assert len({name.casefold() for name in cohort.folder_names().values()}) == 2


def test_two_persons_beside_a_series_without_name(tmp_path: Path) -> None:
    save(tmp_path / 'a', volume('s1', PatientName='', SeriesNumber=1))
    save(tmp_path / 'b', volume('s2', PatientName='One^Person', SeriesNumber=2))
    save(tmp_path / 'c', volume('s3', PatientName='Another^One', SeriesNumber=3, StudyInstanceUID=uid('c')))
    with pytest.warns(ImagedataWarning, match='two persons'):
        cohort = Cohort(tmp_path)
    assert [{s.patientName for s in p[0].values()} - {''} for p in cohort.values()] == [
        {'One^Person'}, {'Another^One'},
    ]  # fmt: skip


@pytest.mark.parametrize('order', ['abc', 'cba', 'bca'])
def test_name_comes_with_the_date_of_birth(tmp_path: Path, order: str) -> None:
    """Of one series the name is known, of another the date of birth, which contradicts a third."""
    told = {
        'a': {'PatientName': 'One^Person', 'PatientBirthDate': '19500101'},
        'b': {'PatientName': '', 'PatientBirthDate': '19500101'},
        'c': {'PatientName': 'One^Person', 'PatientBirthDate': '19600202'},
    }
    for number, name in enumerate(order):
        save(tmp_path / str(number), volume(name, SeriesNumber=number, **told[name]))
    with pytest.warns(ImagedataWarning, match='two persons'):
        cohort = Cohort(tmp_path)
    assert sorted(len(patient[0]) for patient in cohort.values()) == [1, 2]


def test_patients_whose_uids_are_missing_or_the_same(tmp_path: Path) -> None:
    for name in ('one', 'two'):
        save(tmp_path / name, volume('same', PatientID=name, PatientName=f'{name}^x', SeriesDescription=name))
        images = volume('none', PatientID=f'{name}-none', PatientName=f'{name}^y', StudyInstanceUID=None)
        for image in images:
            del image.SeriesInstanceUID
        save(tmp_path / f'{name}-none', images)
    cohort = Cohort(tmp_path)
    assert {key: patient.patientName for key, patient in cohort.items()} == {
        'one': 'one^x', 'two': 'two^x', 'one-none': 'one^y', 'two-none': 'two^y',
    }  # fmt: skip
    assert [cohort[name][0][0].seriesDescription for name in ('one', 'two')] == ['one', 'two']
    assert cohort['two-none'][0][0].patientName == 'two^y'


def test_members_of_several_patients_are_told(tmp_path: Path) -> None:
    cohort = Cohort(people(tmp_path / 'in'))
    first, second = cohort['T1'][0], cohort['T2'][0]
    with pytest.warns(ImagedataWarning, match='series of 2 patients'):
        Study([first[0], second[0]])
    with pytest.warns(ImagedataWarning, match='series of 2 patients'):
        Patient([first, second])
    with pytest.raises(CollectionError):
        Study([first[0], second[0]], strict_values=True)


def test_positions_of_numpy(study: Study) -> None:
    assert study[np.int64(1)] is study[1]
    assert study[np.uint8(0)] is study[0]


def test_names_of_devices_are_none_of_windows() -> None:
    for name in ('con', 'COM1', 'com\u00b9', 'LPT\u00b3.txt', 'nul.tar.gz', 'aux.'):
        assert safe_name(name).startswith('_')


def test_names_that_are_one_on_some_disks(tmp_path: Path) -> None:
    texts = ['\u00e9', 'e\u0301', '\u00c9', 'dot', 'dot.', 'dot ', 'dot...', '.dot']
    for number, text in enumerate(texts):
        elements = {'SeriesDescription': text, 'SpecificCharacterSet': 'ISO_IR 192', 'SeriesNumber': None}
        save(tmp_path / 'in' / str(number), volume(f's{number}', **elements))
    study = Study(tmp_path / 'in')
    names = [unicodedata.normalize('NFC', name).casefold() for name in study.folder_names().values()]
    assert len(set(names)) == len(texts)
    study.write(tmp_path / 'out', formats='nifti')
    assert len(list((tmp_path / 'out').glob('*/*.nii.gz'))) == len(texts)


def test_fetched_series_is_not_kept(study: Study) -> None:
    key = next(iter(study))
    assert study.fetch(key) is not study.fetch(key)
    assert study.fetch(key, headers_only=True).rows == study[key].rows
    assert study.fetch(key) is study[key]


def test_strict_values(tmp_path: Path) -> None:
    save(tmp_path / 'a', volume('s1', PatientSex='F', SeriesNumber=1))
    save(tmp_path / 'b', volume('s2', PatientSex='M', SeriesNumber=2))
    assert Study(tmp_path).patientSex == 'F'
    with pytest.raises(ValueError, match='PatientSex') as error:
        Study(tmp_path, strict_values=True)
    assert isinstance(error.value, CollectionError)


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('nothing')
    with pytest.raises(ValueError, match=r'notes\.txt'):
        Cohort(tmp_path)


# --- writing ----------------------------------------------------------------------------------


def test_written_and_read_back(tmp_path: Path) -> None:
    cohort = Cohort(people(tmp_path / 'in'))
    cohort.write(tmp_path / 'out')
    folders = sorted(str(p.relative_to(tmp_path / 'out')) for p in (tmp_path / 'out').glob('*/*/*'))
    assert folders == [
        'T1/20260102-101112/3-T1', 'T1/20260102-101112/4-T2', 'T1/20260203-131415/1-T1', 'T2/study/1-T1',
    ]  # fmt: skip
    again = Cohort(tmp_path / 'out')
    for (_, before), (_, after) in zip(cohort.stream(), again.stream(), strict=True):
        assert after.equals(before)
        assert after.patientID == before.patientID
        assert after.studyInstanceUID == before.studyInstanceUID
    cohort['T1'].write(tmp_path / 'nifti', formats='nifti')
    assert (tmp_path / 'nifti' / '20260102-101112' / '3-T1' / '3-T1.nii.gz').is_file()


def test_hostile_names_stay_inside(tmp_path: Path) -> None:
    names = ['../../../up', 'a/b\\c', '..', '', 'x' * 300, 'x' * 299 + 'y', 'CON', 'T\u202e1', 'dup', 'DUP']
    for number, name in enumerate(names):
        save(tmp_path / 'in' / str(number), volume(f's{number}', SeriesDescription=name,
                                                   SeriesNumber=None, PatientID='../evil'))  # fmt: skip
    cohort = Cohort(tmp_path / 'in')
    cohort.write(tmp_path / 'out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in', 'out']
    (patient,) = (tmp_path / 'out').iterdir()
    assert patient.name == 'evil'
    assert len(list(patient.glob('*/*'))) == len(names)
    assert len(Cohort(tmp_path / 'out').to_records()) == len(names)


@given(st.text(max_size=400))
def test_names_are_safe(text: str) -> None:
    name = safe_name(text)
    assert name
    assert len(name.encode()) <= 81
    assert not set(name) & set('/\\:*?"<>|\0\n\r')
    assert name.isprintable()
    assert name[0] not in '.- '
    assert name[-1] not in '. '
    assert safe_name(name) == name
    assert printable(text).isprintable()


@given(st.lists(st.sampled_from(['a', 'A', 'b']), max_size=12))
def test_names_are_unique(names: list[str]) -> None:
    taken: set[str] = set()
    chosen = [unique_name(name, taken, str(i)) for i, name in enumerate(names)]
    assert len({name.casefold() for name in chosen}) == len(names)


# --- the dict -------------------------------------------------------------------------------------


def test_it_is_a_dict(study: Study) -> None:
    keys = list(study.keys())
    last = study[-1]
    assert study.popitem() == (keys[-1], last)
    first = study.pop(0)
    assert first.seriesDescription == 'CT 5.0 axial'
    assert study.pop('nothing', None) is None
    with pytest.raises(KeyError):
        study.pop('nothing')
    del study['MR dynamic']
    assert list(study) == keys[2:-1]
    study['mine'] = first
    assert study['mine'] is first
    assert len(study) == 4
    assert slice(0, 1) not in study
    assert {**study}['mine'] is first


def test_readdata(sample_data: Path, tmp_path: Path) -> None:
    from imagedata import plugins, readdata

    headers, arrays = readdata.read(sample_data / 'te', 'none', {'input_order': 'te'})
    (uid_read,) = headers
    expected = Series(sample_data / 'te', 'te')
    np.testing.assert_array_equal(arrays[uid_read], expected)
    assert headers[uid_read].input_order == 'te'
    readdata.write(expected, tmp_path / 'x', formats=['nifti'])
    assert (tmp_path / 'x.nii.gz').is_file()
    entries = list(reversed(plugins['format']))
    assert [e[2].name for e in readdata.sorted_plugins_dicom_first(entries)][:2] == ['dicom', 'nifti']
    assert [e[2].name for e in readdata.sorted_plugins_dicom_first(entries, 'nifti')] == ['nifti']
    nifti = readdata.sorted_plugins_dicom_first(entries, 'nifti')[0][2]
    assert readdata.plugin_supports_format(nifti, 'nii.gz')
    assert not readdata.plugin_supports_format(nifti, ['dicom'])
