"""The package imagedata-format-biff, as it is on PyPI: a format plugin written for imagedata 3."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from imagedata import Series, formats
from imagedata.errors import UnknownInputError, WriteNotImplemented

pytest.importorskip("imagedata_format_biff", reason="pip install --no-deps imagedata-format-biff")


def save(path: Path, bands: np.ndarray) -> np.ndarray:
    """Write a BIFF file of 16 bit bands, as Xite has them: blocks of 512 bytes."""
    n, rows, columns = bands.shape
    blocks = -(-rows * columns * 2 // 512)
    info = 1 + (n + 2) // 16
    head = struct.pack(">4s4s4i32s10i", b"BIFF", b"-UIO", info, n * blocks, 0, 0, b"title", *[0] * 9, n)
    head += struct.pack(">8i", 5 | 0x10000, columns, rows, 1, 1, 1, 1, 0) * n
    body = b"".join(band.astype("<u2").tobytes().ljust(blocks * 512, b"\0") for band in bands)
    path.write_bytes(head.ljust(info * 512, b"\0") + body)
    return bands


@pytest.fixture
def volumes(tmp_path: Path) -> np.ndarray:
    """Three files of four slices each, in the folder `time`."""
    (tmp_path / "time").mkdir()
    values = np.random.default_rng(5).integers(0, 60000, (3, 4, 6, 7), dtype=np.uint16)
    for i, volume in enumerate(values):
        save(tmp_path / "time" / f"time{i:02d}.biff", volume)
    return values


def test_it_is_listed() -> None:
    assert "biff" in [name for _, name, _ in formats.get_plugins_list()]
    assert type(formats.find_plugin("biff")).__name__ == "BiffPlugin"


def test_one_file(volumes: np.ndarray, tmp_path: Path) -> None:
    series = Series(tmp_path / "time" / "time01.biff")
    assert series.input_format == "biff"
    assert series.seriesDescription == "time01.biff"
    assert series.axes._fields == ("slice", "row", "column")
    assert series.dtype == np.uint16
    np.testing.assert_array_equal(series, volumes[1])


def test_a_folder_is_a_time_series(volumes: np.ndarray, tmp_path: Path) -> None:
    series = Series(tmp_path / "time", "time")
    assert series.axes._fields == ("time", "slice", "row", "column")
    np.testing.assert_array_equal(series, volumes)
    assert series.header.geometry is not None
    assert series.header.geometry.assumed


def test_name_does_not_matter(volumes: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "time" / "time00.biff").rename(tmp_path / "volume")
    np.testing.assert_array_equal(Series(tmp_path / "volume"), volumes[0])


def test_input_shape(tmp_path: Path) -> None:
    bands = save(tmp_path / "all.biff", np.arange(6 * 20, dtype=np.uint16).reshape(6, 4, 5))
    series = Series(tmp_path / "all.biff", "time", input_shape="2x3")
    np.testing.assert_array_equal(series, bands.reshape(2, 3, 4, 5))


def test_writing_and_back(volumes: np.ndarray, tmp_path: Path) -> None:
    Series(volumes[0]).write(tmp_path / "a.biff")
    np.testing.assert_array_equal(Series(tmp_path / "a.biff"), volumes[0])
    # Big endian header, little endian values: read without the plugin.
    data = (tmp_path / "a.biff").read_bytes()
    assert struct.unpack(">i", data[92:96])[0] == 4
    first = np.frombuffer(data[1 << 9 :][:84], "<u2").reshape(6, 7)
    np.testing.assert_array_equal(first, volumes[0, 0])


def test_four_dimensions_in_one_file(volumes: np.ndarray, tmp_path: Path) -> None:
    Series(volumes, "time").write(tmp_path / "biff" / "Image_%05d.us", formats=["biff"])
    assert [p.name for p in (tmp_path / "biff").iterdir()] == ["Image_00000.us"]
    again = Series(tmp_path / "biff", "time", opts={"input_shape": "3x4"})
    np.testing.assert_array_equal(again, volumes)


@pytest.mark.parametrize(
    ("sort", "count"), [(formats.SORT_ON_SLICE, 3), (formats.SORT_ON_TAG, 4)], ids=["slice", "tag"]
)
def test_a_file_for_each(sort: int, count: int, volumes: np.ndarray, tmp_path: Path) -> None:
    series = Series(tmp_path / "time", "time")
    (tmp_path / "out").mkdir()
    series.write(tmp_path / "out", formats="biff", opts={"output_dir": "multi", "output_sort": sort})
    assert len(list((tmp_path / "out").iterdir())) == count
    again = Series(tmp_path / "out", "time", opts={"input_sort": sort})
    np.testing.assert_array_equal(again, volumes)


def test_colour_is_refused(tmp_path: Path) -> None:
    colour = np.zeros((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(WriteNotImplemented, match="color BIFF"):
        Series(colour).write(tmp_path / "a.biff")
    assert not (tmp_path / "a.biff").exists()


def test_other_content_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.biff").write_bytes(b"RIFF" * 100)
    with pytest.raises(UnknownInputError, match="biff: File is not BIFF"):
        Series(tmp_path / "a.biff")


def test_dicom_template(volumes: np.ndarray, tmp_path: Path, sample_data: Path) -> None:
    template = Series(sorted(p for p in sample_data.iterdir() if p.is_dir())[0])
    template = template[(0,) * (template.ndim - 3)] if template.ndim > 3 else template
    bands = np.asarray(template).astype(np.uint16)
    save(tmp_path / "a.biff", bands)
    series = Series(tmp_path / "a.biff", template=template, geometry=template)
    np.testing.assert_array_equal(series, bands)
    np.testing.assert_allclose(series.transformationMatrix, template.transformationMatrix)
    assert series.patientID == template.patientID
