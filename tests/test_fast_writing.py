"""Files written from a stencil are those that are written image by image, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ImplicitVRLittleEndian

from imagedata import Series
from imagedata.errors import ImagedataError, WriteError
from imagedata.formats.contract import natural_image
from imagedata.formats.dicom.compose import Composer
from imagedata.formats.dicom.packed import PackedHeader
from imagedata.formats.dicom.serialize import Serializer
from imagedata.formats.dicom.stencils import Stencils
from imagedata.header import Edit, Header, SeriesData
from realdata import catalogue
from synthetic import save, stack, uid

pytestmark = pytest.mark.filterwarnings('ignore::imagedata.errors.LossWarning')

KINDS = ('classic', 'enhanced', 'legacy converted enhanced')
"""Of real series."""

PLACES = [(0, 0, 3.0 * z) for z in range(4)]


def data_of(s: Series) -> SeriesData:
    return natural_image(SeriesData(np.asarray(s), s.header, s._get_identity()))


def slowly(composer: Composer, number: int) -> bytes:
    """Return the file of an image, which is made without regard to any other."""
    dataset = composer.image(number)
    dataset[0x7FE00010] = composer.pixels([number])
    return Serializer((), composer.frames.syntax).file(dataset)


def compared(
    data: SeriesData, options: dict[str, Any] | None = None, most: int = 12
) -> Iterator[bool]:
    """Yield for images of a series whether they were written from a stencil, after comparing them."""
    composer = Composer(data, options or {})
    serializer = Serializer(composer.common.values(), composer.frames.syntax)
    stencils = Stencils(composer, serializer)
    step = max(1, len(composer.indices) // most)
    for number in range(0, len(composer.indices), step):
        around = stencils.header(number)
        if around is not None:
            pixels = serializer.pixels(composer.pixel_vr, composer.pixel_value([number]))
            assert b''.join([around[0], *pixels, around[1]]) == slowly(composer, number)
        yield around is not None


def series(folder: Path, order: str = 'time', **fixed: object) -> Series:
    """Return a series of 3 times and 4 slices, read from files."""

    def change(tag: int, z: int) -> dict[str, object]:
        return {'AcquisitionTime': f'1200{tag:02d}', 'ImageComments': f'{tag} and {z} ' * (z + 1)}

    return Series(save(folder, stack(PLACES, 3, change, **fixed)), order)  # type: ignore[arg-type]


# --- real series ------------------------------------------------------------------------------


@pytest.mark.parametrize('row', [r for r in catalogue() if r.kind in KINDS and r.files <= 200], ids=str)
def test_real_files_are_the_same(row, real_data):
    try:
        s = Series(row.folder(real_data), 'auto', input_format='dicom')
        data = [(data_of(s), {'keep_uid': True}), (data_of(s + 1), {})]
    except ImagedataError as error:
        pytest.skip(f'not read: {type(error).__name__}')
    for given, options in data:
        try:
            used = list(compared(given, options, most=6))
        except WriteError as error:
            pytest.skip(f'not written: {error}')
        # Tiles of mosaics have headers that are made for each.
        packed = isinstance(given.header.images.first(), PackedHeader)
        assert set(used) == {packed}


# --- kinds of images ----------------------------------------------------------------------------


@pytest.mark.parametrize('options', [
    {}, {'keep_uid': True}, {'uid_seed': 'x'}, {'window': 'original'}, {'transfer_syntax': 'rle'},
], ids=str)  # fmt: skip
def test_all_images_are_written_from_a_stencil(tmp_path, options):
    s = series(tmp_path, WindowCenter=40, WindowWidth=400)
    assert all(compared(data_of(s), options))
    assert all(compared(data_of(s / 7), {**options, 'keep_uid': False}))


def test_three_bytes_a_frame_are_padded(tmp_path):
    datasets = stack(PLACES, shape=(3, 1), dtype=np.uint16)
    for dataset in datasets:
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelData = 7, bytes([1, 2, 3, 0])
    s = Series(save(tmp_path, datasets))
    assert s.dtype == np.uint8
    assert all(compared(data_of(s)))


def test_implicit_sources(tmp_path):
    datasets = stack(PLACES, 2, lambda tag, z: {'AcquisitionTime': f'1200{tag:02d}', 'EchoTime': 1.5 + z})
    for number, dataset in enumerate(datasets):
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.SmallestImagePixelValue = number  # US or SS, which implicit files do not tell
        dataset.private_block(0x0019, 'SOMEONE', create=True).add_new(1, 'LO', f'private {number}')
    s = Series(save(tmp_path, datasets), 'time')
    assert all(compared(data_of(s), {'keep_uid': True}))
    assert all(compared(data_of(s + 1)))


def test_sequences_that_vary_and_sources_that_refer_to_others(tmp_path):
    datasets = stack(PLACES)
    for number, dataset in enumerate(datasets):
        item, series_ = Dataset(), Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = dataset.SOPClassUID, uid('other', number)
        series_.SeriesInstanceUID, series_.ReferencedInstanceSequence = uid('others'), Items([item])
        dataset.ReferencedSeriesSequence = Items([series_])
        dataset.ReferencedImageSequence = Items([item])
        dataset['ReferencedImageSequence'].is_undefined_length = True
        dataset.ContributingEquipmentSequence = Items([Dataset()])
    s = Series(save(tmp_path, datasets))
    assert all(compared(data_of(s)))
    assert all(compared(data_of(s + 1)))


def test_elements_behind_the_pixels_and_odd_ones(tmp_path):
    datasets = stack(PLACES)
    for dataset in datasets:
        dataset.private_block(0x7FE1, 'SOMEONE', create=True).add_new(1, 'OB', b'behind')
    assert all(compared(data_of(Series(save(tmp_path, datasets)))))


def test_other_class_replaces_what_varies(tmp_path):
    s = series(tmp_path, ConversionType='WSD')
    s.SOPClassUID = 'SC'
    assert all(compared(data_of(s)))


def edited(s: Series, *edits: Edit) -> SeriesData:
    header: Header = replace(s.header, edits=edits)
    return replace(data_of(s), header=header)


def test_what_the_user_set(tmp_path):
    s = series(tmp_path)
    number = int(s.header.images.ids[1, 2])
    everywhere = Edit('ImageComments', 'the same')
    here = Edit('ImageComments', 'only here', frozenset({number}))
    assert all(compared(edited(s, everywhere)))
    assert list(compared(edited(s, here))) == [n != 6 for n in range(12)]
    assert all(compared(edited(s, Edit('ImageComments', None))))
    s.patientName = 'Æble^Pære'  # beyond the character set of the sources: each is encoded anew
    assert not any(compared(data_of(s)))


def test_arrays_without_sources(tmp_path):
    array = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    assert all(compared(data_of(Series(array))))


def test_written_files_are_read_back(tmp_path):
    s = series(tmp_path / 'in')
    (s + 1).write(tmp_path / 'out', formats=['dicom'])
    again = Series(tmp_path / 'out', 'time')
    np.testing.assert_array_equal(again, np.asarray(s) + 1)
    for index in np.ndindex(3, 4):
        comments = [x.getDicomAttribute('ImageComments', slice=index[1], tag=index[0]) for x in (s, again)]
        assert comments[0] == comments[1]
