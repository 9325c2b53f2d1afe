"""A real PACS takes what is written, and shows it under the study of the template.

Oracle: Orthanc's own database, over its REST API.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from pynetdicom import AE

from imagedata import Series
from orthanc_server import CLIENT, Orthanc


def files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file()]


def stored(server: Orthanc, paths: list[Path]) -> list[int]:
    """Send files by C-STORE; return the status of each."""
    datasets = [pydicom.dcmread(p) for p in paths]
    ae = AE(CLIENT)
    for kind in {(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in datasets}:
        ae.add_requested_context(*kind)
    association = ae.associate(server.host, server.port, ae_title=server.aet)
    assert association.is_established
    try:
        return [int(association.send_c_store(d).Status) for d in datasets]
    finally:
        association.release()


@pytest.mark.parametrize("how", ["HTTP", "C-STORE"])
def test_result_stands_beside_the_original(
    orthanc: Orthanc, sample_data: Path, tmp_path: Path, how: str
) -> None:
    orthanc.clear()
    source = Series(sample_data / "time", "time")
    result = Series(np.asarray(source.max(axis=0)) // 2, template=source)
    result.seriesNumber, result.seriesDescription = 901, "Half of the greatest"
    result.write(tmp_path / "out")
    originals, written = files(sample_data / "time")[:12], files(tmp_path / "out")
    if how == "HTTP":
        assert all(orthanc.add(p)["Status"] == "Success" for p in originals + written)
    else:
        assert set(stored(orthanc, originals + written)) == {0}

    (study,) = orthanc.find("Study")
    assert study["MainDicomTags"]["StudyInstanceUID"] == source.studyInstanceUID
    assert study["PatientMainDicomTags"]["PatientID"] == source.patientID
    assert len(study["Series"]) == 2
    (new,) = orthanc.find("Series", SeriesNumber="901")
    assert new["MainDicomTags"]["SeriesDescription"] == "Half of the greatest"
    assert new["MainDicomTags"]["Modality"] == "MR"
    assert new["ParentStudy"] == study["ID"]
    assert len(new["Instances"]) == source.shape[1] == len(written)

    back = [pydicom.dcmread(BytesIO(orthanc.file(i))) for i in new["Instances"]]
    back.sort(key=lambda d: int(d.InstanceNumber))
    np.testing.assert_array_equal(np.stack([d.pixel_array for d in back]), result)


@pytest.mark.parametrize(
    ("name", "syntax"),
    [("rle", RLELossless), ("jpeg-ls", JPEGLSLossless), ("jpeg2000", JPEG2000Lossless)],
)
def test_compressed_series_is_taken(
    orthanc: Orthanc, sample_data: Path, tmp_path: Path, name: str, syntax: str
) -> None:
    orthanc.clear()
    source = Series(sample_data / "ct")[:3]
    source.write(tmp_path / "out", transfer_syntax=name)
    assert set(stored(orthanc, files(tmp_path / "out"))) == {0}
    (series,) = orthanc.find("Series")
    for number, instance in enumerate(sorted(series["Instances"], key=lambda i: _number(orthanc, i))):
        dataset = pydicom.dcmread(BytesIO(orthanc.file(instance)))
        assert dataset.file_meta.TransferSyntaxUID == syntax
        values = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
        np.testing.assert_array_equal(values, source[number])


def _number(server: Orthanc, instance: str) -> int:
    return int(server.request(f"/instances/{instance}")["MainDicomTags"]["InstanceNumber"])
