"""De-identification. Oracles: bytes of written files; PS3.15; pydicom; dciodvfy; source series."""

import json
import pickle
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dicomanonymizer
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from dicom_write_helpers import dciodvfy
from imagedata import Series, errors
from imagedata.anonymize import deidentification_report
from imagedata.collection import Cohort, Patient, Study
from imagedata.formats.dicom.deidentify import Options, Plan, deidentified
from imagedata.formats.dicom.deidentify.moments import moved_value
from imagedata.formats.dicom.deidentify.profile import Action, actions_of
from imagedata.image_data import conversion
from synthetic import save, stack, uid

VENDORS = (
    'siemens_mosaic_slice_order/ep2d_asc', 'siemens_xa10_enhanced/rest', 'ge_dwi/tensor_r2',
    'ge_dce/breast_dce_10_slices', 'philips_epi/magdeburg_fmri', 'philips_balls/T1',
    'toshiba_dwi/ortho_7006_first_3', 'uih_dwi/ap_134434_9', 'dicom2nifti_suite/hitachi_001',
    'pet_ct_mr_sts/sts002_pet',
)  # fmt: skip
MARK = "Zwvx"  # no word of any header
NAMES = {
    'PatientName': f'{MARK}name^Åse', 'PatientID': f'{MARK}-4711', 'PatientBirthDate': '19531127',
    'AccessionNumber': f'{MARK}acc', 'ReferringPhysicianName': f'{MARK}doc^Kim',
        'InstitutionName': f'{MARK} inst',
    'InstitutionAddress': f'{MARK} street 5', 'StationName': f'{MARK}stat', 'OperatorsName': f'{MARK}op',
    'PatientComments': f'{MARK} comment', 'DeviceSerialNumber': f'{MARK}123',
        'StudyDescription': f'{MARK} study',
    'SeriesDescription': f'{MARK} series', 'ProtocolName': f'{MARK} prot', 'ImageComments': f'{MARK} image',
    'OtherPatientIDs': f'{MARK}other', 'RequestedProcedureDescription': f'{MARK} req',
        'StudyID': f'{MARK}sid',
    'PatientAddress': f'{MARK} home', 'MedicalRecordLocator': f'{MARK}rec',
        'PerformedProcedureStepID': f'{MARK}pps',
    # Not in the profile's table: kept, but for what it says of the patient.
    'ScanOptions': 'FAST', 'SequenceName': 'ep2d', 'AcquisitionContrast': 'DIFFUSION',
    'CoilString': None, 'ManufacturerModelName': f'Model of {MARK}-4711',
}  # fmt: skip


def implanted(source: Path, folder: Path) -> Path:
    """Copy a series with identifiers in every place where they were found in practice."""
    folder.mkdir()
    files = sorted(p for p in source.rglob("*") if p.is_file())
    # A mosaic is a volume: two of them are enough.
    for number, path in enumerate(files[:2] if "mosaic" in str(source) or "uih" in str(source) else files):
        ds = pydicom.dcmread(path, force=True)
        if "PixelData" not in ds:
            continue
        ds.SpecificCharacterSet = "ISO_IR 192"
        for keyword, value in NAMES.items():
            if value is not None:
                setattr(ds, keyword, value)
        _mark_private(ds)
        item = Dataset()
        item.RequestedProcedureDescription = f"{MARK} nested"
        item.ScheduledProcedureStepDescription = f"{MARK} nested"
        item.RequestedProcedureID = f"{MARK}nested"
        inner = Dataset()
        inner.PatientName = f"{MARK}inner^Åse"
        inner.CodeMeaning = f"For {MARK}name"
        item.ScheduledProtocolCodeSequence = Sequence([inner])
        ds.RequestAttributesSequence = Sequence([item])
        kept = Dataset()
        kept.CodeValue, kept.CodingSchemeDesignator, kept.CodeMeaning = "T-1", "SRT", f"Head of {MARK}name"
        kept.PersonName = f"{MARK}deep"
        ds.AnatomicRegionSequence = Sequence([kept])
        block = ds.private_block(0x0029, "TESTER", create=True)
        block.add_new(1, "OB", f"blob {MARK}name ".encode("utf-16-le"))
        block.add_new(2, "SQ", Sequence([inner]))
        ds.save_as(folder / f"{number:04}.dcm")
    return folder


def _mark_private(ds: Dataset) -> None:
    """Put an identifier in every private text and blob, such as Siemens' CSA headers."""
    for element in ds:
        if element.tag.is_private_creator or not element.tag.is_private:
            continue
        if element.VR in ("LO", "SH", "LT", "ST", "UT", "PN") and isinstance(element.value, str):
            element.value = f"{MARK}name"
        elif element.VR in ("OB", "UN") and isinstance(element.value, bytes) and len(element.value) > 200:
            # At the end: what stands before is still parsed.
            element.value += f"{MARK}name ".encode()


def identifiers(folder: Path) -> set[str]:
    """Values that must not be found: UIDs, dates with their times, persons, and what was implanted."""
    found = {MARK, "Åse"}
    for path in folder.rglob("*"):
        if path.is_file():
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            found.update(_values(ds))
    return found


def _values(ds: Dataset) -> Iterator[str]:
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                yield from _values(item)
        elif element.VR in ("UI", "PN", "DA", "DT") and element.value:
            for value in [element.value] if element.VM == 1 else element.value:
                text = str(value)
                public = text.startswith('1.2.840.10008.') or element.keyword in (
                    'ImplementationClassUID', 'CodingSchemeUID', 'ContextUID', 'MappingResourceUID',
                    'CreatorVersionUID')  # fmt: skip
                if not public and len(text) >= 8 and not text.startswith(("1900", "1970")):
                    yield text
        elif (
            element.keyword in ("PatientID", "AccessionNumber", "DeviceSerialNumber")
            and len(str(element.value)) > 4
        ):
            yield str(element.value)


def assert_absent(folder: Path, texts: set[str]) -> None:
    content = b"\n".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    lower = content.lower()
    for text in sorted(texts):
        for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
            try:
                wanted = text.encode(encoding).lower()
            except UnicodeEncodeError:
                continue
            at = lower.find(wanted)
            assert at < 0, f"{text!r} in {encoding}: {content[max(0, at - 60) : at + 60]!r}"


# --- series of vendors --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "dates"), [*((name, "remove") for name in VENDORS), (VENDORS[2], "shift")])
def test_no_identifier_in_files(real_data: Path, tmp_path: Path, name: str, dates: str) -> None:
    series = Series(implanted(real_data / name, tmp_path / "in"))
    found = series.anonymize(dates=dates)
    found.write(tmp_path / "out", keep_uid=True)
    texts = identifiers(tmp_path / "in")
    assert len(texts) > 5
    assert_absent(tmp_path / "out", texts)
    again = Series(tmp_path / "out", series.input_order if series.input_order != "none" else "auto")
    assert (again.shape, again.dtype, again.input_order) == (series.shape, series.dtype, series.input_order)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(series))
    np.testing.assert_allclose(again.transformationMatrix, series.transformationMatrix, atol=1e-4)
    for order in series.header.tag_dims:
        old = np.array([*series.header.tag_axes[order].values], dtype=float)
        new = np.array([*again.header.tag_axes[order].values], dtype=float)
        np.testing.assert_allclose(new - new[0] if order == 'time' else new,
                                   old - old[0] if order == 'time' else old, atol=1e-4)  # fmt: skip
    if "b" in series.header.tag_dims:
        for old, new in zip(series.header.images.tags.get('bvector', np.empty(0)).flat,
                            again.header.images.tags.get('bvector', np.empty(0)).flat,
                                strict=True):  # fmt: skip
            np.testing.assert_allclose(new, old, atol=1e-6)


@pytest.mark.parametrize("name", ["siemens_prone/t1_hfp", VENDORS[2], VENDORS[4], VENDORS[8], VENDORS[9]])
def test_no_new_errors_of_conformance(real_data: Path, tmp_path: Path, name: str) -> None:
    series = Series(real_data / name)
    series.write(tmp_path / "plain", keep_uid=True)
    series.anonymize().write(tmp_path / "anonymous", keep_uid=True)
    first = [
        next(p for p in sorted((tmp_path / d).rglob("*")) if p.is_file()) for d in ("plain", "anonymous")
    ]
    assert dciodvfy(first[1]) <= dciodvfy(first[0])


def test_uptake_is_still_known(real_data: Path, tmp_path: Path) -> None:
    pet = real_data / "pet_ct_mr_sts/sts002_pet"
    Series(pet).anonymize(retain_patient=True).write(tmp_path / "out", keep_uid=True)
    options = {"scaling": "rescale"}
    old, new = Series(pet, **options), Series(tmp_path / "out", **options)
    np.testing.assert_allclose(np.asarray(new), np.asarray(old))
    weights = [s.getDicomAttribute("PatientWeight") for s in (old, new)]
    assert weights[0] == weights[1]
    spans = []
    for series in (old, new):
        drug = series.getDicomAttribute("RadiopharmaceuticalInformationSequence")[0]
        clocks = [
            str(v)[:6] for v in (series.getDicomAttribute("SeriesTime"), drug.RadiopharmaceuticalStartTime)
        ]
        moments = [datetime.strptime(c, "%H%M%S") for c in clocks]
        spans.append((moments[0] - moments[1]).seconds)
    assert spans[0] == spans[1] > 0


# --- one header ----------------------------------------------------------------------------------


def made(**elements: Any) -> Dataset:
    ds = Dataset()
    ds.StudyInstanceUID, ds.SOPInstanceUID, ds.SOPClassUID = (
        uid("study"),
        uid("image"),
        "1.2.840.10008.5.1.4.1.1.4",
    )
    ds.StudyDate, ds.StudyTime, ds.Modality = "20200229", "101112", "MR"
    ds.PatientName, ds.PatientID = "Bloggs^Josephine", "K-4711"
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def test_every_element_of_the_profile_is_treated() -> None:
    """Each element that PS3.15 lists loses its value, or is a date or UID that is moved."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    listed = [t for t in dicomfields_2026c.ALL_TAGS if len(t) == 2 and keyword_for_tag(t) and t[0] > 2]
    assert len(listed) > 600
    ds = made()
    values = {'UI': '1.2.3.4', 'DA': '20200301', 'TM': '091011', 'DT': '20200301091011', 'AS': '033Y',
        'DS': '7',
              'IS': '7', 'FD': 7.0, 'FL': 7.0, 'US': 7, 'SS': 7, 'UL': 7, 'SL': 7, 'OB': b'Zwvx',
                  'OW': b'Zwvx',
              'UN': b'Zwvx', 'AE': 'Zwvx', 'CS': 'ZWVX'}  # fmt: skip
    for tag in listed:
        vr = dictionary_VR(tag).split(" ")[0]
        item = Dataset()
        item.TextValue = "Zwvx"
        ds.add_new(tag, vr, [item] if vr == "SQ" else values.get(vr, "Zwvx"))
    before = str(ds)
    after = deidentified(ds, Plan())
    text = str(after)
    assert before.lower().count("zwvx") > 300
    # References to images are followed; what is in them beside UIDs is theirs.
    for keyword in ("ReferencedImageSequence", "SourceImageSequence"):
        if keyword in after:
            del after[keyword]
    text = str(after)
    assert "zwvx" not in text.lower()
    assert "1.2.3.4" not in text.replace("1.2.840", "")
    assert "20200301" not in text
    assert "033Y" not in text
    assert str(ds) == before, "the source is not changed"


def test_defaults_are_those_of_imagedata_3(tmp_path: Path) -> None:
    # As imagedata 3.10.0 gives them for a CT series.
    save(tmp_path / "in", stack([(0, 0, 3 * i) for i in range(3)]))
    found = Series(tmp_path / "in").anonymize()
    assert (found.patientName, found.patientID, found.patientBirthDate) == (
        "ANONYMOUS",
        "ANONYMOUS",
        "19000101",
    )
    assert found.getDicomAttribute("PatientSex") == "O"
    assert found.getDicomAttribute("PatientIdentityRemoved") == "YES"
    assert found.getDicomAttribute("DeidentificationMethod") == "imagedata"


def test_statement_of_method() -> None:
    found = deidentified(made(), Plan(Options(retain_uids=True, clean_descriptors=True, dates="shift")))
    # PS3.16 CID 7050
    codes = [(c.CodeValue, c.CodingSchemeDesignator) for c in found.DeidentificationMethodCodeSequence]
    assert codes == [(c, "DCM") for c in ("113100", "113105", "113107", "113110")]
    assert found.PatientIdentityRemoved == "YES"
    assert found.LongitudinalTemporalInformationModified == "MODIFIED"


def test_options_keep_what_they_name() -> None:
    ds = made(PatientAge='033Y', PatientWeight='71', DeviceSerialNumber='S-99', InstitutionName='Haukeland',
              SeriesDescription='t1 of Bloggs 2020-02-29', StudyDate='20200229',
                  PatientBirthDate='19870102')  # fmt: skip
    plain = deidentified(ds, Plan())
    assert "PatientAge" not in plain
    assert "InstitutionName" not in plain
    assert "SeriesDescription" not in plain
    assert plain.DeviceSerialNumber == "ANONYMIZED"
    assert plain.StudyDate == "19700101"
    options = Options(retain_uids=True, retain_device=True, retain_institution=True, retain_patient=True,
                      clean_descriptors=True, dates='keep')  # fmt: skip
    kept = deidentified(ds, Plan(options))
    assert (kept.PatientAge, str(kept.PatientWeight), kept.DeviceSerialNumber) == ("033Y", "71", "S-99")
    assert (kept.InstitutionName, kept.StudyDate, kept.StudyInstanceUID) == (
        "Haukeland",
        "20200229",
        uid("study"),
    )
    assert kept.SeriesDescription == "t1 of"
    assert kept.PatientBirthDate != "19870102"
    assert "Bloggs" not in str(kept)


def test_safe_private_elements_by_option() -> None:
    ds = made()
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x08, "CS", "Bloggs")
    assert not any(e.tag.is_private for e in deidentified(ds, Plan()))
    kept = deidentified(ds, Plan(Options(retain_safe_private=True)))
    block = kept.private_block(0x0019, "SIEMENS MR HEADER")
    assert 0x0C in block
    assert 0x08 not in block


def test_two_series_of_a_patient_still_belong_together(tmp_path: Path) -> None:
    common = {'StudyInstanceUID': uid('st'), 'FrameOfReferenceUID': uid('for'), 'PatientID': 'K-1',
              'StudyDate': '20200229', 'StudyTime': '120000'}  # fmt: skip
    for name, day in (("a", "20200229"), ("b", "20200302")):
        elements = {**common, "SeriesInstanceUID": uid(name), "SeriesDate": day}
        save(tmp_path / name, stack([(0, 0, 3 * i) for i in range(3)], **elements))
    for rules in ({"dates": "remove"}, {"dates": "shift"}):
        table: dict[str, str] = {}
        a, b = (Series(tmp_path / name).anonymize(table, **rules) for name in "ab")
        assert a.studyInstanceUID == b.studyInstanceUID != uid("st")
        assert a.frameOfReferenceUID == b.frameOfReferenceUID != uid("for")
        assert a.seriesInstanceUID != b.seriesInstanceUID
        assert table[uid("st")] == a.studyInstanceUID
        days = [datetime.strptime(s.seriesDate, "%Y%m%d") for s in (a, b)]
        assert (days[1] - days[0]).days == 2
        assert days[0].year != 2020
    # Nothing is shared behind the scenes.
    assert (
        Series(tmp_path / "a").anonymize().studyInstanceUID
        != Series(tmp_path / "a").anonymize().studyInstanceUID
    )


def test_rules_of_the_user(tmp_path: Path) -> None:
    elements = {
        "PatientName": "Bloggs",
        "StationName": "ST1",
        "InstitutionName": "Inst",
        "SeriesDescription": "d",
    }
    save(tmp_path / "in", stack([(0, 0, 0), (0, 0, 3)], **elements))
    series = Series(tmp_path / "in")
    before = dict(dicomanonymizer.simpledicomanonymizer.dictionary)
    found = series.anonymize(
        {}, {(0x0008, 0x1010): dicomanonymizer.keep, 'InstitutionName': lambda ds, tag: setattr(ds[tag],
            'value', 'X'),
             (0x0008, 0x0018): dicomanonymizer.simpledicomanonymizer.replace_UID},
        patientID='P7', seriesDescription=None, studyDescription='of study 7', PatientSex=lambda old: 'M',
    )  # fmt: skip
    assert found.getDicomAttribute("StationName") == "ST1"
    assert found.getDicomAttribute("InstitutionName") == "X"
    assert (found.patientID, found.seriesDescription) == ("P7", "")
    assert found.getDicomAttribute("StudyDescription") == "of study 7"
    assert found.getDicomAttribute("PatientSex") == "M"
    assert dicomanonymizer.simpledicomanonymizer.dictionary == before
    assert series.getDicomAttribute("InstitutionName") == "Inst"
    with pytest.raises(errors.UnknownTag, match="retain_uid"):
        series.anonymize(retain_uid=True)


def test_nothing_else_of_a_series_tells(tmp_path: Path) -> None:
    images = stack([(0, 0, 0), (0, 0, 3)], PatientName="Bloggs^Jo", PatientID="K-4711")
    folder = save(tmp_path / "Bloggs", images)
    series = Series(folder)
    series.setDicomAttribute("PatientComments", "Bloggs again")
    series.setDicomAttribute("EchoTime", 5.0)
    series.seriesDescription = "Bloggs knee"
    series.patientName = "Bloggs^Josephine"
    found = series.anonymize()
    found.setDicomAttribute("ImageComments", "of the user")
    told = [
        found.explain(),
        repr(found.header.attributes),
        repr(found.header.edits),
        str(found),
        str(found.dicomTemplate),
    ]
    pickled = pickle.dumps(found)
    for original in ("Bloggs", "K-4711", str(series.seriesInstanceUID), str(folder)):
        assert not any(original in text for text in told), original
        assert original.encode() not in pickled, original
    assert found.getDicomAttribute("EchoTime") == 5.0
    assert pickle.loads(pickled).patientID == "ANONYMOUS"
    found.write(tmp_path / "out.nii.gz")
    found.write(tmp_path / "out.mha")
    assert_absent(tmp_path, {"Zwvx"})
    import gzip

    assert b"Bloggs" not in gzip.decompress((tmp_path / "out.nii.gz").read_bytes())
    assert b"Bloggs" not in (tmp_path / "out.mha").read_bytes()
    assert series.patientName == "Bloggs^Josephine"


def test_array_without_headers() -> None:
    series = Series(np.zeros((3, 4, 4), np.uint16))
    series.patientName, series.seriesDescription, series.studyID = "Bloggs", "knee", "K7"
    found = series.anonymize()
    assert (found.patientName, found.patientID, found.seriesDescription, found.studyID) == (
        "ANONYMOUS",
        "ANONYMOUS",
        "",
        "",
    )
    assert found.studyInstanceUID != series.studyInstanceUID


def test_report(tmp_path: Path) -> None:
    elements = {
        "PatientName": "Bloggs",
        "BurnedInAnnotation": "YES",
        "BodyPartExamined": "HEAD",
        "ImageComments": "c",
    }
    save(tmp_path / "in", stack([(0, 0, 0), (0, 0, 3)], **elements))
    found = Series(tmp_path / "in").anonymize()
    report = deidentification_report(found)
    assert report.removed["ImageComments"] == 2
    assert report.changed["PatientName"] == 2
    assert report.kept["Modality"] == 2
    assert any("burned in" in text for text in report.to_look_at)
    assert any("face" in text for text in report.to_look_at)
    assert "Bloggs" not in str(report) + json.dumps(report.to_dict())
    assert "burned in" in found.explain()
    with pytest.raises(ValueError, match="anonymize"):
        deidentification_report(Series(tmp_path / "in"))


# --- dates ---------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.timedeltas())
def test_dates_move_as_python_moves_them(moment: datetime, shift: Any) -> None:
    from datetime import timedelta

    shift = timedelta(seconds=int(shift.total_seconds()) % (3 * 10**9) - 15 * 10**8)
    wanted = moment + shift
    day, clock = f"{moment:%Y%m%d}", f"{moment:%H%M%S.%f}"
    text = f"{wanted.year:04}{wanted:%m%d}"
    assert moved_value("DA", day, clock, shift) == text
    assert moved_value("TM", clock, day, shift) == f"{wanted:%H%M%S.%f}"
    assert moved_value("DT", day + clock, None, shift) == text + f"{wanted:%H%M%S.%f}"


def test_what_is_no_date_goes() -> None:
    from datetime import timedelta

    for vr, text in (("DA", "Bloggs"), ("TM", "99Bloggs"), ("DT", "x"), ("DA", "20201399")):
        assert moved_value(vr, text, None, timedelta(days=1)) == ""


def test_times_keep_their_order_over_midnight(tmp_path: Path) -> None:
    days = [("20200229", "235950"), ("20200301", "000010"), ("20200301", "000030")]
    headers = [{'AcquisitionDate': d, 'AcquisitionTime': t, 'StudyDate': '20200229', 'StudyTime': '235900',
                'InstanceNumber': 10 - i} for i, (d, t) in enumerate(days)]  # fmt: skip
    images = [i for n, h in enumerate(headers)
              for i in stack([(0, 0, 0), (0, 0, 3)], **h)]  # fmt: skip
    for n, image in enumerate(images):
        image.SOPInstanceUID = uid("image", n)
    save(tmp_path / "in", images)
    series = Series(tmp_path / "in", "time")
    for dates in ("remove", "shift"):
        found = series.anonymize(dates=dates)
        found.write(tmp_path / dates, keep_uid=True)
        again = Series(tmp_path / dates, "time")
        np.testing.assert_allclose(again.timeline, [0, 20, 40])
        np.testing.assert_allclose(found.timeline, [0, 20, 40])
        np.testing.assert_allclose(np.array(again.axes.time, float), np.array(found.axes.time, float))
    assert again.getDicomAttribute("AcquisitionDate", tag=1) > again.getDicomAttribute(
        "AcquisitionDate", tag=0
    )


# --- collections and the program -------------------------------------------------------------------


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for patient in ("Ann", "Bob"):
        for number in (1, 2):
            elements = {'PatientName': f'{patient}^Bloggs', 'PatientID': f'ID-{patient}',
                'SeriesNumber': number,
                        'StudyInstanceUID': uid(patient), 'SeriesInstanceUID': uid(patient, number),
                        'FrameOfReferenceUID': uid(patient, 'for'),
                            'SeriesDescription': 'Bloggs knee'}  # fmt: skip
            images = stack([(0, 0, 3 * i) for i in range(3)], **elements)
            for i, image in enumerate(images):
                image.SOPInstanceUID = uid(patient, number, i)
            save(tmp_path / "in" / f"{patient}{number}", images)
    return tmp_path / "in"


def test_collections(cohort: Path, tmp_path: Path) -> None:
    table: dict[str, str] = {}
    found = Cohort(cohort).anonymize(table)
    assert len(found) == 2
    assert len({*found.keys()}) == 2
    assert not any("ID" in key for key in found)
    told = repr(found) + repr(found.to_records()) + repr(list(found.keys()))
    assert not any(text in told for text in ("Ann", "Bob", "Bloggs", uid("Ann")))
    study = found[0][0]
    assert isinstance(study, Study)
    assert study.studyInstanceUID == table[uid("Ann")]
    assert study[0].frameOfReferenceUID == study[1].frameOfReferenceUID == table[uid("Ann", "for")]
    assert study[0].patientID == found[0].patientID == next(iter(found))
    found.write(tmp_path / "out", keep_uid=True)
    assert_absent(tmp_path / "out", {"Bloggs", "ID-Ann", uid("Ann"), uid("Bob", 2), uid("Ann", "for")})
    again = Cohort(tmp_path / "out")
    assert set(again) == set(found)
    assert [len(p[0]) for p in again.values()] == [2, 2]
    same = again[next(iter(found))][0]
    assert same.studyInstanceUID == study.studyInstanceUID
    np.testing.assert_array_equal(np.asarray(same[0]), np.asarray(Series(cohort / "Ann1")))
    one = Patient(cohort / "Ann1").anonymize(patientID="P1")
    assert one.patientID == "P1"
    assert one[0][0].patientID == "P1"
    with pytest.raises(errors.CollectionError, match="P1"):
        Cohort(cohort).anonymize(patientID="P1")


def test_study_of_series_in_memory(cohort: Path) -> None:
    study = Study([Series(cohort / "Ann1"), Series(cohort / "Ann2")])
    found = study.anonymize()
    assert (
        found[0].studyInstanceUID
        == found[1].studyInstanceUID
        == found.studyInstanceUID
        != study.studyInstanceUID
    )
    assert found.patientName == "ANONYMOUS"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_program(cohort: Path, tmp_path: Path, jobs: str) -> None:
    out, report = tmp_path / "out", tmp_path / "report.json"
    assert conversion(['--anonymize', '--retain', 'patient', '--dates', 'shift', '--deid_report', str(report),
                       '--jobs', jobs, str(out), str(cohort)]) == 0  # fmt: skip
    assert_absent(out, {"Bloggs", "ID-Ann", uid("Ann"), uid("Bob", 2)})
    again = Cohort(out)
    assert [len(p[0]) for p in again.values()] == [2, 2]
    assert all("Ann" not in str(p) for p in out.rglob("*"))
    told = json.loads(report.read_text())
    assert len(told) == 4
    assert all(entry["changed"]["PatientName"] == 3 for entry in told)
    assert "Bloggs" not in report.read_text()


def test_program_of_one_series(cohort: Path, tmp_path: Path) -> None:
    assert conversion(["--anonymize", str(tmp_path / "one.nii.gz"), str(cohort / "Ann1")]) == 0
    assert conversion(["--anonymize", str(tmp_path / "one"), str(cohort / "Ann1")]) == 0
    assert Series(tmp_path / "one").patientID == "ANONYMOUS"
    with pytest.raises(SystemExit):
        conversion(["--retain", "device", str(tmp_path / "two"), str(cohort / "Ann1")])


def test_missing_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    actions_of.cache_clear()
    monkeypatch.setitem(sys.modules, "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c", None)
    with pytest.raises(errors.MissingDependencyError, match=r"pip install 'imagedata\[deid\]'"):
        Series(np.zeros((2, 3, 3))).anonymize()
    actions_of.cache_clear()


def test_actions_are_whole() -> None:
    assert UID(Plan().uid("1.2.3")).is_valid
    assert Plan().uid("1.2.840.10008.1.2") == "1.2.840.10008.1.2"
    assert actions_of(Options()).of(0x60003000) is Action.REMOVE  # a repeating group
