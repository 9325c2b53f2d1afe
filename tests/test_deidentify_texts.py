"""Words of identifiers in texts. Oracle: what was written into the texts is not in them afterwards."""

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from imagedata import Series
from imagedata.formats.dicom.deidentify import Options, Plan, deidentified
from synthetic import save, stack

CLEAN = Plan(Options(clean_descriptors=True))


def cleaned(description: str, **elements: Any) -> str:
    ds = Dataset()
    ds.SpecificCharacterSet, ds.StudyInstanceUID = 'ISO_IR 192', '1.2.752.24.7.3004711'
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = 'Bloggs^Jo', 'K-4711', '19870229'
    ds.InstitutionName = 'Haukeland University Hospital'
    ds.SeriesDescription = description
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return str(deidentified(ds, CLEAN).SeriesDescription)


@pytest.mark.parametrize(('text', 'wanted'), [
    ('t1_Bloggs_knee', 't1_knee'), ('Bloggsknee', 'knee'), ('t2 BLOGGS, Jo', 't2 ,'), ('bloggs-jo', '-'),
    ('K4711 t1', 't1'), ('K_4711 t1', 't1'), ('id 4711k', 'id 4711k'),
    ('t1_2020-02-29', 't1'), ('29.02.20 t1', 't1'), ('t1 29feb2020', 't1'), ('t1_29_Feb_2020', 't1'),
    ('Feb 29, 2020 t1', 't1'), ('t1 2020_02_29', 't1'), ('29. Februar 2020 t1', 't1'), ('t1 20200229', 't1'),
    ('t1 12:30:10', 't1'), ('033Y t1', 't1'), ('t1 age 33y', 't1'), ('33 years old t1', 't1'),
    ('t1 555-555-1234', 't1'), ('for dr. Smith t1', 'for t1'), ('a@b.example t1', 't1'),
    ('t1 at Haukeland', 't1 at'), ('1.2.752.24.7.99.1 t1', 't1'),
])  # fmt: skip
def test_descriptions_lose_what_tells_the_patient(text: str, wanted: str) -> None:
    assert cleaned(text) == wanted


@pytest.mark.parametrize('text', [
    'TE 10 TR 2000 b 500 1000', 'ep2d_diff_b0_500_1000', 't1_mprage_sag_p2_iso_1.0', 'ADC (10^-6 mm2/s)',
    'dec 2 10', 'MD map', 'University protocol', 'ax T2 FSE 3mm', 'T1_3D_TFE_SENSE', 'arterial 35s',
])  # fmt: skip
def test_descriptions_of_a_measurement_stay(text: str) -> None:
    assert cleaned(text, PatientName='Bloggs^Jo^^Dr^MD', StudyID='10', AccessionNumber='2') == text


@pytest.mark.parametrize(('name', 'text'), [
    ('Wang^XiaoDong=王^小東=', '王小東 knee'), ('Wang^XiaoDong=王^小東=', '王 小東knee'),
    ('Åse^Brún', 'Ase Brun knee'),
    ('Ase^Brun', 'ÅSE brún knee'), ('Yamada^Tarou=山田^太郎=やまだ^たろう', '山田太郎 やまだ knee'),
    ('Hong^Gildong=洪^吉洞=홍^길동', '홍길동 knee'), ('สมชาย^ใจดี', 'kneeสมชาย'),
    ('Søren^Ærø', 'soren knee'), ('Hansen-Bloggs^Kai', 'hansen knee'), ('Bloggs^Mary Ann', 'mary knee'),
])  # fmt: skip
def test_names_of_other_scripts(name: str, text: str) -> None:
    assert cleaned(text, PatientName=name).strip(' -') == 'knee'


@pytest.mark.parametrize(('name', 'text'), [
    ('Hong^Gildong=洪^吉洞=홍^길동', '홍길동 knee'), ('สมชาย^ใจดี', 'knee สมชาย'),
    ('Wang^Xiao=王^小東=', '王小東knee'), ('Kim^Ji', 'Kim knee'), ('Berg^Ann', 'knee (Ann)'),
])  # fmt: skip
def test_names_of_other_scripts_in_all_texts(name: str, text: str) -> None:
    ds = Dataset()
    ds.SpecificCharacterSet, ds.PatientName, ds.SegmentLabel = 'ISO_IR 192', name, text
    assert deidentified(ds, Plan()).SegmentLabel.strip(' ()') == 'knee'


@given(st.text(string.ascii_letters, min_size=4, max_size=12), st.sampled_from(['', ' ', '_', '-', '.']),
       st.sampled_from(['t1', 'knee', '3mm']))  # fmt: skip
def test_no_name_stays(name: str, between: str, word: str) -> None:
    shout = name.upper()
    for text in (f'{word}{between}{name}', f'{name}{between}{word}', f'{word}{between}{shout}{between}x'):
        assert name.lower() not in cleaned(text, PatientName=name, InstitutionName='').lower()


def test_uids_in_texts_go() -> None:
    ds = Dataset()
    ds.StudyInstanceUID = '1.2.752.24.7.3004711'
    ds.SegmentLabel = 'of 1.2.752.24.7.3004711.2.9'
    ds.SoftwareVersions = '4.1.2.3'
    found = deidentified(ds, Plan())
    assert (found.SegmentLabel, found.SoftwareVersions) == ('of', '4.1.2.3')
    assert '752' in deidentified(ds, Plan(Options(retain_uids=True))).SegmentLabel


def test_names_of_the_user_are_written_whole(tmp_path: Path) -> None:
    """The character set of the source may lack their letters."""
    for number, code in enumerate(('ISO_IR 166', None, ['', 'ISO 2022 IR 87'])):
        images = stack([(0, 0, 0), (0, 0, 3)], SpecificCharacterSet=code or 'ISO_IR 6', StudyID='7')
        folder = save(tmp_path / f'in{number}', images)
        rules = {'StudyID': lambda ds, tag: setattr(ds[tag], 'value', 'Håkon')}
        found = Series(folder).anonymize({}, rules, patientName='Åse^Løken')
        found.write(tmp_path / f'out{number}', keep_uid=True)
        again = Series(tmp_path / f'out{number}')
        assert (again.patientName, again.getDicomAttribute('StudyID')) == ('Åse^Løken', 'Håkon')
