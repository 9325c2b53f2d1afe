"""De-identification of what Table E.1-1 does not list. Oracles: the dictionary, and what was put in."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from imagedata import Series, errors
from imagedata.anonymize import deidentification_report
from imagedata.collection import Cohort
from imagedata.errors import ImagedataWarning
from imagedata.formats.dicom.checked import CheckedDataset
from imagedata.formats.dicom.deidentify import Account, Options, Plan, deidentified, findings
from synthetic import save, stack, uid


def header(**elements: Any) -> Dataset:
    ds = Dataset()
    ds.StudyInstanceUID, ds.SOPInstanceUID = '1.2.3.4', '1.2.3.5'
    ds.SOPClassUID, ds.StudyDate, ds.StudyTime = '1.2.840.10008.5.1.4.1.1.4', '20200229', '101112'
    ds.PatientName, ds.PatientID = 'Bloggs^Jo', 'K-4711'
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def with_bytes(tag: int, vr: str, value: bytes) -> Dataset:
    """Return a header with an element as a file may have it, whether it is valid or not."""
    ds = header()
    ds._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    return ds


@pytest.mark.parametrize(('keyword', 'value'), [
    ('PatientBirthDateInAlternativeCalendar', '5707-11-13'),
    ('PatientDeathDateInAlternativeCalendar', 'Heisei'),
    ('PlacerOrderNumberProcedure', 'A8812'), ('FillerOrderNumberImagingServiceRequestRetired', 'A8813'),
    ('CommentsOnTheScheduledProcedureStep', 'call Mrs Smith'), ('BreedRegistrationNumber', '771'),
    ('ContentDescription', 'for Dr Smith'), ('RetrieveURL', 'http://pacs.smith.example/7'),
    ('SubstanceAdministrationNotes', 'given by Smith'), ('DoseComment', 'Smith'), ('ImageID', 'Smith-7'),
    ('DeviceID', 'CT-Smith'), ('NTPSourceAddress', '10.1.2.3'), ('DocumentAuthorTrial', 'Smith^Ann'),
])  # fmt: skip
def test_texts_that_people_type_go(keyword: str, value: str) -> None:
    assert not deidentified(header(**{keyword: value}), Plan()).get(keyword)


@pytest.mark.parametrize('keyword', [
    'PatientBirthDateInAlternativeCalendar', 'PlacerOrderNumberProcedure', 'RetrieveURL', 'ImageID',
    'BreedRegistrationNumber', 'HangingProtocolCreator', 'DocumentAuthorTrial',
])  # fmt: skip
def test_no_option_keeps_what_numbers_persons(keyword: str) -> None:
    options = Options(clean_descriptors=True, retain_patient=True, retain_device=True,
                      retain_institution=True, retain_safe_private=True, dates='keep')  # fmt: skip
    assert not deidentified(header(**{keyword: '5707'}), Plan(options)).get(keyword)


@pytest.mark.parametrize('keyword', [
    'HumanPerformerCodeSequence', 'IssuerOfPatientIDQualifiersSequence',
    'AssigningAgencyOrDepartmentCodeSequence', 'RequestingServiceCodeSequence',
    'AuthorIdentificationSequence', 'EncryptedAttributesSequence',
])  # fmt: skip
def test_codes_of_persons_and_offices_go(keyword: str) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = 'Q4711', '99WARD', 'Smith^Ann'
    outer = Dataset()
    setattr(outer, keyword, [code])
    found = deidentified(header(**{keyword: [code]}, AnatomicRegionSequence=[outer]), Plan())
    assert 'Smith' not in str(found)
    assert 'Q4711' not in str(found)


def test_numbers_of_the_body_go_with_its_weight() -> None:
    ds = header(PatientWeight=71, PatientBodyMassIndex=23.5, MeasuredAPDimension=210)
    numbers = ('PatientWeight', 'PatientBodyMassIndex', 'MeasuredAPDimension')
    assert not any(keyword in deidentified(ds, Plan()) for keyword in numbers)
    kept = deidentified(ds, Plan(Options(retain_patient=True)))
    assert [kept[keyword].value for keyword in numbers] == [71, 23.5, 210]


@pytest.mark.parametrize('keyword', [
    'SOPInstanceUIDOfConcatenationSource', 'MultiFrameSourceSOPInstanceUID', 'TableFrameOfReferenceUID',
    'VolumeFrameOfReferenceUID', 'RadiopharmaceuticalAdministrationEventUID', 'RepositoryUniqueID',
])  # fmt: skip
def test_uids_of_objects_are_mapped(keyword: str) -> None:
    ds = header(**{keyword: '1.2.3.5'})
    found = deidentified(ds, Plan())
    assert found[keyword].value == found.SOPInstanceUID != '1.2.3.5'
    assert deidentified(ds, Plan(Options(retain_uids=True)))[keyword].value == '1.2.3.5'


def test_uids_of_classes_stay() -> None:
    classes = {'CodingSchemeUID': '1.2.276.9', 'ContextUID': '1.2.276.10',
               'ReferencedSOPClassUID': '1.3.12.2.1107.5.9.1'}  # fmt: skip
    found = deidentified(header(**classes), Plan())
    assert {keyword: str(found[keyword].value) for keyword in classes} == classes


def test_values_that_must_be_there_are_dummies() -> None:
    found = deidentified(header(TextValue='her son Tom', TrackingID='lesion of Smith'), Plan())
    assert (found.TextValue, found.TrackingID) == ('ANONYMIZED', 'ANONYMIZED')


@pytest.mark.parametrize(('tag', 'vr', 'value'), [
    (0x00189FFF, 'LO', b'Smith^Tom '),  # in no dictionary
    (0x00189FFE, 'OB', b'Smith^Tom '),
    (0x00180080, 'DS', b'Smith^Tom '),  # no number
    (0x00180080, 'UN', b'Smith^Tom '),
    (0x00200013, 'IS', b'7\\Smith '),
    (0x00180088, None, b'Smith '),
    (0x0040A160, 'UN', b'Smith ' + b'x' * 70000),  # pydicom leaves what is as long as this to be 'UN'
    (0x00204000, 'UN', b'Smith ' + b'x' * 70000),
    (0x00082218, 'UN', b'Smith ' + b'x' * 70000),
    (0x00082218, 'LO', b'Smith '),  # a sequence by the dictionary
    (0x00080022, 'LO', b'Smith '),  # a date by the dictionary
    (0x00080018, 'LO', b'Smith '),  # a UID by the dictionary
    (0x04000520, 'OB', b'Smith '),  # encrypted content
    (0x60020022, 'LO', b'Smith '),  # overlay description
    (0x00041500, 'CS', b'IMAGES\\Smith '),  # the file that a directory refers to
])  # fmt: skip
@pytest.mark.parametrize('options', [
    Options(), Options(clean_descriptors=True, retain_patient=True, retain_device=True, dates='shift'),
])  # fmt: skip
def test_what_is_not_of_its_type_goes(tag: int, vr: Any, value: bytes, options: Options) -> None:
    found = deidentified(with_bytes(tag, vr, value), Plan(options))
    held = found.get_item(tag)
    text = held.value if isinstance(held, RawDataElement) else str(held).encode()
    assert b'Smith' not in text


def test_bytes_are_not_cleaned_descriptors() -> None:
    ds = header(MakerNote=b'Exif of Smith ')
    assert 'MakerNote' not in deidentified(ds, Plan(Options(clean_descriptors=True)))


def test_types_are_judged_by_the_dictionary() -> None:
    """A date in a text stays a date; a text of unknown type loses words; numbers stay as they are."""
    shift = Plan(Options(dates='shift'))
    moved = deidentified(with_bytes(0x00080022, 'LO', b'20200229'), shift)
    assert moved.AcquisitionDate == deidentified(header(), shift).StudyDate
    found = deidentified(with_bytes(0x00189005, 'UN', b'ep2d of Bloggs'), Plan())
    assert found.PulseSequenceName == 'ep2d of'
    kept = deidentified(with_bytes(0x00180080, 'DS', b'2.5E3\\-1 '), Plan())
    assert list(kept.RepetitionTime) == [2500, -1]
    assert deidentified(with_bytes(0x00180015, 'CS', b'BLOGGS'), Plan()).BodyPartExamined == ''
    assert deidentified(with_bytes(0x00180080, 'UN', b'2.5 '), Plan()).RepetitionTime == 2.5


# --- maps, statements, report -----------------------------------------------------------------------


@pytest.mark.parametrize('dates', ['remove', 'shift'])
def test_what_was_de_identified_with_a_table_stays(dates: Any) -> None:
    table: dict[str, str] = {}
    plan = Plan(Options(dates=dates), table=table)
    once = deidentified(header(), plan)
    for again in (deidentified(once, plan), deidentified(once, Plan(Options(dates=dates), table=table))):
        for keyword in ('StudyInstanceUID', 'SOPInstanceUID', 'StudyDate', 'StudyTime'):
            assert again[keyword].value == once[keyword].value, keyword
    assert deidentified(once, Plan()).StudyInstanceUID != once.StudyInstanceUID


def test_series_of_a_study_are_moved_together_in_calls_of_their_own() -> None:
    """Modalities disagree on Study Time: the first decides, and the table remembers."""
    table: dict[str, str] = {}
    moments = {'AcquisitionDate': '20200301', 'AcquisitionTime': '080000'}
    first = deidentified(header(**moments), Plan(table=table))
    other = deidentified(header(**moments, StudyTime='120000', StudyDate='20200301'), Plan(table=table))
    assert other.AcquisitionDate + other.AcquisitionTime == first.AcquisitionDate + first.AcquisitionTime
    ids = [header(**moments), header(**moments, IssuerOfPatientID='ward')]
    shifted = [deidentified(ds, Plan(Options(dates='shift'), table=table)).AcquisitionDate for ds in ids]
    assert shifted[0] == shifted[1] != '20200301'


def test_pseudonyms_have_64_bits() -> None:
    plan = Plan()
    names = {plan.pseudonym(str(i)) for i in range(1000)}
    assert len(names) == 1000
    assert {len(name) for name in names} == {len('ANONYMOUS-') + 16}


def test_what_was_done_before_is_still_told() -> None:
    ds = header(DeidentificationMethod='CTP', LongitudinalTemporalInformationModified='REMOVED')
    codes = []
    for value, scheme in (('113101', 'DCM'), ('113100', 'DCM')):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, 'x'
        codes.append(item)
    ds.DeidentificationMethodCodeSequence = codes
    found = deidentified(ds, Plan(Options(dates='keep')))
    assert list(found.DeidentificationMethod) == ['CTP', 'imagedata']
    assert [c.CodeValue for c in found.DeidentificationMethodCodeSequence] == ['113101', '113100', '113106']
    assert found.LongitudinalTemporalInformationModified == 'MODIFIED'
    assert deidentified(header(), Plan()).DeidentificationMethod == 'imagedata'


def test_values_that_are_not_valid_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """pydicom warns of them with their values; warnings are errors here."""
    before = pydicom.config.settings.reading_validation_mode
    for tag, vr, value in ((0x00100030, 'DA', b'Smith^Tom '), (0x00200010, 'SH', b'of Smith, Tom, 2020 '),
                           (0x00080020, 'DA', b'Smith '), (0x00189005, 'SH', b'a name too long for SH'),
                           (0x00080018, 'UI', b'Smith^Tom ')):  # fmt: skip
        deidentified(with_bytes(tag, vr, value), Plan(Options(clean_descriptors=True)))
    assert 'Smith' not in caplog.text
    assert pydicom.config.settings.reading_validation_mode == before


def test_errors_of_damaged_elements_quote_nothing() -> None:
    ds = CheckedDataset('x.dcm')
    ds._dict[Tag(0x00280010)] = RawDataElement(Tag(0x00280010), 'US', 5, b'Smith', 0, False, True)
    with pytest.raises(errors.CorruptFileError, match=r'x\.dcm: element \(0028,0010\)') as told:
        _ = ds.Rows
    assert 'Smith' not in str(told.value)


def test_report_has_no_values() -> None:
    ds = header(SeriesDescription='knee', SegmentDescription='left')
    ds.private_block(0x0029, 'Bloggs^Jo', create=True).add_new(1, 'LO', 'x')
    ds.private_block(0x0019, 'SIEMENS MR HEADER', create=True).add_new(0x0C, 'IS', '1000')
    item = Dataset()
    item.ImageComments = 'deep'
    ds.AnatomicRegionSequence = [item]
    account, plan = Account(), Plan(Options(clean_descriptors=True))
    made = deidentified(ds, plan, account)
    assert '(0029,1001)' in account.removed
    assert '(0019,100C) SIEMENS MR HEADER' in account.removed
    assert 'Bloggs' not in str(account)
    told = ' '.join(findings(ds, made))
    assert 'ImageComments, SegmentDescription, SeriesDescription' in told
    assert 'deep' not in told


def test_references_to_studies_go_whole_or_stay() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = '1.2.840.10008.3.1.2.3.1', '1.2.3.4'
    ds = header(ReferencedStudySequence=[item], TimezoneOffsetFromUTC='+0100')
    assert 'ReferencedStudySequence' not in deidentified(ds, Plan())
    kept = deidentified(ds, Plan(Options(retain_uids=True, dates='keep')))
    assert kept.ReferencedStudySequence[0].ReferencedSOPInstanceUID == '1.2.3.4'
    assert kept.TimezoneOffsetFromUTC == '+0100'
    assert 'TimezoneOffsetFromUTC' not in deidentified(ds, Plan())
    for dates in ('shift', 'keep'):
        found = deidentified(header(TimezoneOffsetFromUTC='Smith'), Plan(Options(dates=dates)))
        assert found.TimezoneOffsetFromUTC == ''


# --- what readers need ------------------------------------------------------------------------------


@pytest.mark.parametrize(('order', 'wanted'), [('1', 'REVERSE_LINEAR'), ('0', 'LINEAR')])
def test_phase_direction_of_ge_does_not_turn(order: str, wanted: str) -> None:
    """The private protocol says how phase runs; without it the standard element would be believed."""
    block = gzip.compress(f'set VIEWORDER "{order}"\n'.encode())
    for given in ({'RectilinearPhaseEncodeReordering': 'LINEAR'}, {}):
        ds = header(Manufacturer='GE MEDICAL SYSTEMS', **given)
        ds.private_block(0x0025, 'GEMS_SERS_01', create=True).add_new(0x1B, 'OB', block)
        found = deidentified(ds, Plan())
        assert found.RectilinearPhaseEncodeReordering == wanted
        assert not any(element.tag.is_private for element in found)
    other = header(Manufacturer='GE MEDICAL SYSTEMS', RectilinearPhaseEncodeReordering='CENTRIC')
    other.private_block(0x0025, 'GEMS_SERS_01', create=True).add_new(0x1B, 'OB', block)
    assert deidentified(other, Plan()).RectilinearPhaseEncodeReordering == 'CENTRIC'


@pytest.mark.parametrize('name', ['ge_dwi/tensor_r2', 'ge_table/feet_first_02'])
def test_sidecars_of_ge_say_the_same_direction(real_data: Path, tmp_path: Path, name: str) -> None:
    series = Series(real_data / name)
    series.write(tmp_path / 'before.nii.gz', sidecar=True)
    series.anonymize().write(tmp_path / 'dicom', keep_uid=True)
    Series(tmp_path / 'dicom').write(tmp_path / 'after.nii.gz', sidecar=True)
    told = [json.loads((tmp_path / f'{when}.json').read_text()) for when in ('before', 'after')]
    assert told[0]['PhaseEncodingDirection'] == told[1]['PhaseEncodingDirection']


def test_safe_private_elements_keep_labels_of_spin_labelling(real_data: Path, tmp_path: Path) -> None:
    series = Series(real_data / 'philips_asl/pcasl3d_source_402')
    assert 'label' in series.header.tag_dims
    plain = series.anonymize()
    for told in (plain.explain(), str(deidentification_report(plain))):
        assert "axis 'label'" in told
    found = series.anonymize(retain_safe_private=True)
    assert "axis 'label'" not in found.explain()
    found.write(tmp_path, keep_uid=True)
    again = Series(tmp_path)
    assert again.header.tag_dims == series.header.tag_dims
    assert list(again.header.tag_axes['label'].values) == list(series.header.tag_axes['label'].values)


def test_safe_private_elements_have_no_names() -> None:
    plan = Plan(Options(retain_safe_private=True))
    for vr, value, stays in (('CS', 'LABEL', True), ('UN', b'BLOGGS', False), ('LO', 'of Bloggs', False)):
        ds = header()
        ds.private_block(0x2005, 'Philips MR Imaging DD 005', create=True).add_new(0x29, vr, value)
        assert ((0x2005, 0x1029) in deidentified(ds, plan)) is stays
    safe = header()
    safe.private_block(0x0019, 'SIEMENS MR HEADER', create=True).add_new(0x0C, 'SQ', [header()])
    assert (0x0019, 0x100C) not in deidentified(safe, plan)


def test_makers_stay_where_persons_are_called_after_them() -> None:
    named = {'Manufacturer': 'Philips', 'ManufacturerModelName': 'Achieva', 'BodyPartExamined': 'PHANTOM'}
    ds = header(**named, StationName='Achieva', InstitutionName='Philips')
    ds.PatientName = 'Philips^Phantom'
    found = deidentified(ds, Plan())
    assert {keyword: found[keyword].value for keyword in named} == named
    ds.PatientID = 'Achieva'
    assert deidentified(ds, Plan()).ManufacturerModelName == ''


# --- axes -------------------------------------------------------------------------------------------


def sorted_by(folder: Path, order: str) -> Series:
    """Return a series of three volumes that were taken on three days, for several criteria."""
    images = []
    for i, day in enumerate(('20200229', '20200301', '20200303')):
        elements = {'PatientWeight': 70 + i, 'PatientComments': f'Smith{i}', 'AcquisitionDate': day,
                    'AcquisitionTime': f'10111{i}', 'ContentDate': day, 'ContentTime': '235959',
                    'StudyDate': '20200229', 'StudyTime': '090000'}  # fmt: skip
        for z, image in enumerate(stack([(0, 0, 0), (0, 0, 3)], **elements)):
            image.InstanceNumber, image.SOPInstanceUID = 2 * i + z, uid(i, z)
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            images.append(image)
    return Series(save(folder, images), order)


@pytest.mark.parametrize('order', ['time', 'contenttime', 'ContentDate', 'PatientComments'])
def test_axes_say_what_the_files_say_afterwards(tmp_path: Path, order: str) -> None:
    series = sorted_by(tmp_path / 'in', order)
    found = series.anonymize()
    found.write(tmp_path / 'out', keep_uid=True)
    again = Series(tmp_path / 'out', order)
    name = series.header.tag_dims[0]
    old, new, read = (list(s.header.tag_axes[name].values) for s in (series, found, again))
    assert new == read != old
    assert again.shape == series.shape
    np.testing.assert_array_equal(np.asarray(again), np.asarray(series))


def test_times_of_a_function_of_the_user_are_moved(tmp_path: Path) -> None:
    sorted_by(tmp_path / 'in', 'time')
    series = Series(tmp_path / 'in', 'visit', visit=lambda ds: float(ds.ContentDate) * 86400 + 86399)
    found = series.anonymize()
    moved = np.subtract(found.header.tag_axes['visit'].values, series.header.tag_axes['visit'].values)
    # Study Time 09:00 becomes noon; whole days go as well.
    assert np.all(moved % 86400 == 3 * 3600)


def test_numbers_of_the_patient_are_no_axis(tmp_path: Path) -> None:
    series = sorted_by(tmp_path / 'in', 'PatientWeight')
    with pytest.raises(errors.AxisError, match='sorted by PatientWeight'):
        series.anonymize()
    kept = series.anonymize(retain_patient=True)
    assert list(kept.header.tag_axes['PatientWeight'].values) == [70, 71, 72]


# --- depths and references ---------------------------------------------------------------------------


def test_listed_elements_go_at_every_depth() -> None:
    """All of Table E.1-1, in an item of an item, beside what may stay there."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c

    inner = Dataset()
    for tag in (Tag(t) for t in dicomfields_2026c.ALL_TAGS if len(t) == 2 and t[0] > 2):
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else 'LO'
        if vr in ('LO', 'SH', 'LT', 'ST', 'UT', 'UC', 'PN', 'AE'):
            inner.add_new(tag, vr, 'Zwvx')
        elif vr in ('DA', 'DT'):
            inner.add_new(tag, vr, '19471103')
        elif vr == 'UI':
            inner.add_new(tag, vr, '1.9.77.1')
        elif vr in ('OB', 'UN'):
            inner.add_new(tag, vr, b'Zwvx')
    inner.TimezoneOffsetFromUTC = '+0100'  # stays with moved times
    inner.private_block(0x0029, 'TESTER', create=True).add_new(1, 'LO', 'Zwvx')
    outer = Dataset()
    outer.AnatomicRegionModifierSequence = [inner]
    outer.private_block(0x0029, 'TESTER', create=True).add_new(1, 'SQ', [inner])
    ds = header(AnatomicRegionSequence=[outer], SharedFunctionalGroupsSequence=[outer])
    assert str(ds).count('Zwvx') > 500
    for options in (Options(), Options(dates='shift', retain_safe_private=True)):
        text = str(deidentified(ds, Plan(options)))
        assert not any(each in text for each in ('Zwvx', '19471103', '1.9.77.1'))


def test_objects_go_on_referring_to_each_other() -> None:
    """Segmentations, structures and reports of a patient, by one plan."""
    plan = Plan()
    image = deidentified(header(SeriesInstanceUID='1.2.3.6', FrameOfReferenceUID='1.2.3.7'), plan)
    instance, series, study, frame = Dataset(), Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = '1.2.840.10008.5.1.4.1.1.4', '1.2.3.5'
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = '1.2.3.6', [instance]
    series.ContourImageSequence = [instance]
    study.ReferencedSOPInstanceUID, study.RTReferencedSeriesSequence = '1.2.3.4', [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = '1.2.3.7', [study]
    item = Dataset()
    item.SourceImageSequence = [instance]
    other = deidentified(header(SOPInstanceUID='1.2.3.99', ReferencedSeriesSequence=[series],
                                ReferencedFrameOfReferenceSequence=[frame], DerivationImageSequence=[item],
                                CurrentRequestedProcedureEvidenceSequence=[study]), plan)  # fmt: skip
    assert other.StudyInstanceUID == image.StudyInstanceUID
    found = other.ReferencedFrameOfReferenceSequence[0]
    assert found.FrameOfReferenceUID == image.FrameOfReferenceUID
    found = found.RTReferencedStudySequence[0]
    assert found.ReferencedSOPInstanceUID == image.StudyInstanceUID
    for each in (found.RTReferencedSeriesSequence[0], other.ReferencedSeriesSequence[0]):
        assert each.SeriesInstanceUID == image.SeriesInstanceUID
        assert each.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert each.ContourImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
        assert each.ContourImageSequence[0].ReferencedSOPClassUID == '1.2.840.10008.5.1.4.1.1.4'
    source = other.DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID


def test_overlays_in_unused_bits_go(tmp_path: Path) -> None:
    images = stack([(0, 0, 0), (0, 0, 3)], shape=(8, 8))
    for image in images:
        values = np.frombuffer(image.PixelData, np.uint16) % 4096
        image.BitsStored, image.HighBit = 12, 11
        image.PixelData = (values | np.uint16(1 << 13)).tobytes()
        for element, vr, value in ((0x10, 'US', 8), (0x11, 'US', 8), (0x40, 'CS', 'G'), (0x50, 'SS', [1, 1]),
                                   (0x100, 'US', 16), (0x102, 'US', 13), (0x22, 'LO', 'Smith')):  # fmt: skip
            image.add_new((0x6000, element), vr, value)
    found = Series(save(tmp_path / 'in', images)).anonymize()
    assert 'overlays' in found.explain()
    found.write(tmp_path / 'out', keep_uid=True)
    for path in (tmp_path / 'out').rglob('*.dcm'):
        ds = pydicom.dcmread(path)
        assert not any(0x6000 <= element.tag.group < 0x6100 for element in ds)
        assert np.frombuffer(ds.PixelData, np.uint16).max() < 4096


def test_two_persons_with_one_id_keep_their_pseudonyms(tmp_path: Path) -> None:
    """Also when the other is met first, or alone, another time with the same table."""
    names = {'a': 'Ann^Berg', 'b': 'Bob^Hill', 'c': 'Ann^Berg'}
    for folder, name in names.items():
        elements = {'PatientID': '7', 'PatientName': name, 'StudyInstanceUID': uid(name, 'st'),
                    'SeriesInstanceUID': uid(folder)}  # fmt: skip
        images = stack([(0, 0, 0), (0, 0, 3)], series=folder, **elements)
        save(tmp_path / 'one' / folder, images)
        save(tmp_path / 'two' / {'a': '3', 'b': '1', 'c': '2'}[folder], images)
        if folder == 'b':
            save(tmp_path / 'three' / folder, images)
    table: dict[str, str] = {}
    with pytest.warns(ImagedataWarning, match='two persons'):
        first = Cohort(tmp_path / 'one').anonymize(table)
    with pytest.warns(ImagedataWarning, match='two persons'):
        again = Cohort(tmp_path / 'two').anonymize(table)
    alone = Cohort(tmp_path / 'three').anonymize(table)

    def studies(cohort: Cohort) -> dict[str, str]:
        return {study.studyInstanceUID: key for key, patient in cohort.items() for study in patient.values()}

    assert len(first) == len(again) == 2
    assert studies(first) == studies(again)
    assert studies(alone).items() <= studies(first).items()
    assert not any(name in ' '.join(table.values()) for name in ('Ann', 'Berg', 'Bob'))


@pytest.mark.parametrize(('rule', 'error'), [('Q', ValueError), (5, TypeError), (None, TypeError)])
def test_rules_that_are_none(rule: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match='a rule is'):
        Series(np.zeros((2, 3, 3))).anonymize({}, {'StationName': rule})
