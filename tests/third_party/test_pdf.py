"""The package imagedata-format-pdf, as it is on PyPI: it declares no extensions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagedata import Series, formats
from imagedata.errors import UnknownInputError, WriteNotImplemented

pytest.importorskip("imagedata_format_pdf", reason="pip install --no-deps imagedata-format-pdf")
pdfium = pytest.importorskip("pypdfium2", reason="pip install 'imagedata[documents]'")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Two pages of 2 x 3 inches: left half red, right half blue, and the other way round."""
    page = np.zeros((300, 200, 3), np.uint8)
    page[:, :100, 0] = page[:, 100:, 2] = 255
    pages = [Image.fromarray(page), Image.fromarray(page[:, ::-1].copy())]
    path = tmp_path / "pages.pdf"
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=100, title="Two", creator="a test")
    return path


def test_it_is_listed_beside_others_of_its_entry_point_name() -> None:
    table = formats.get_plugins_list()
    assert ("biffformat", "pdf") in [(entry, name) for entry, name, _ in table]


def test_pages_are_slices_in_colour(document: Path) -> None:
    series = Series(document, input_format="pdf")
    assert series.color
    width, height = pdfium.PdfDocument(document)[0].get_size()  # in 1/72 inch
    assert series.shape[0] == 2
    np.testing.assert_allclose(series.shape[1:], [height * 150 / 72, width * 150 / 72], atol=1)
    assert series.axes._fields == ("slice", "row", "column")
    # Channels as pdfium gives them, of which the package takes the first for red.
    assert [tuple(series[0, 225, x]) for x in (50, 250)] == [tuple(series[1, 225, x]) for x in (250, 50)]
    # JPEG in the document: nearly pure red and blue.
    assert sorted(tuple(int(v) > 250 for v in series[0, 225, x]) for x in (50, 250)) == [
        (False, False, True), (True, False, False)
    ]  # fmt: skip


def test_options(document: Path) -> None:
    series = Series(document, input_format="pdf", opts={"input_options": {"dpi": 100, "rotate": 0}})
    assert series.shape[2] == 200
    with pytest.raises(UnknownInputError, match="Unknown attribute colour"):
        Series(document, input_format="pdf", opts={"input_options": {"colour": 1}})


def test_place_and_elements(document: Path) -> None:
    series = Series(document, input_format="pdf")
    # Row cosine (z, y, x) 0, 1, 0 and column cosine -1, 0, 0.
    np.testing.assert_allclose(series.orientation, [0, 1, 0, -1, 0, 0])
    np.testing.assert_allclose(series.getPositionForVoxel((0, 2, 3)).ravel(), [-2, 3, 0])
    assert series.getDicomAttribute("DocumentTitle") == "Two"
    assert series.getDicomAttribute("Modality") == "DOC"


def test_encapsulated_document(document: Path) -> None:
    series = Series(document, input_format="pdf", opts={"input_options": {"encapsulate": True}})
    (dataset,) = series.header.datasets
    content = document.read_bytes()
    assert dataset.EncapsulatedDocument[: len(content)] == content
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.104.1"


def test_writing_is_refused_and_breaks_no_other_format(document: Path, tmp_path: Path) -> None:
    values = np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(WriteNotImplemented, match="PDF"):
        Series(values).write(tmp_path / "out", formats=["pdf"])
    Series(values).write(tmp_path / "out.nii.gz")
    assert Series(tmp_path / "out.nii.gz").shape == (2, 3, 4)


def test_bitmap_becomes_dicom(document: Path, tmp_path: Path) -> None:
    series = Series(document, input_format="pdf")
    series.write(tmp_path / "dicom/", formats=["dicom"])
    again = Series(tmp_path / "dicom")
    np.testing.assert_array_equal(np.asarray(again), np.asarray(series))
    assert again.getDicomAttribute("DocumentTitle") == "Two"


def test_other_content_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"no document")
    with pytest.raises(UnknownInputError, match="does not look like a PDF file"):
        Series(tmp_path / "a.pdf", input_format="pdf")
