"""Headers of frames that are kept as what varies are those that pydicom's parsing gives."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from copy import copy, deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage

from imagedata import Series
from imagedata.errors import ImagedataError
from imagedata.formats.contract import Source
from imagedata.formats.dicom import multiframe, scan
from imagedata.formats.dicom.frameheaders import FrameHeader
from imagedata.formats.dicom.frames import Frame, frames_of
from imagedata.formats.dicom.lengths import Unusual
from synthetic import save
from test_dicom_objects import item, multi_frame
from test_fast_reading import alike, outcome

PER_FRAME = 'PerFrameFunctionalGroupsSequence'

# --- both ways agree ------------------------------------------------------------------------------


def frames(source: Source, *, fast: bool) -> list[Frame]:
    """Return the frames of an enhanced object, [] of others; each parsed by itself where not fast."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        if not fast:
            patch.setattr(multiframe, '_alike', lambda *args: (_ for _ in ()).throw(Unusual('not asked')))
        for instance in scan.scan([source], headers_only=True).instances:
            if PER_FRAME in instance.dataset:
                found += frames_of(instance)
    return found


def differences(fast: Frame, slow: Frame) -> Iterator[str]:
    """Yield what two readings of one frame differ in."""
    one, other = fast.dataset, slow.dataset
    for tag in list(other.keys()):
        wanted, found = other[tag], one[tag]
        same = found.VR == wanted.VR and alike(found.value, wanted.value) and tag in one
        same &= found.is_undefined_length == wanted.is_undefined_length
        if found.keyword:
            same &= alike(one.get(found.keyword), other.get(found.keyword)) and found.keyword in one
        if not same:
            yield f'{tag}: {found!r}, {wanted!r}'
    if isinstance(one, FrameHeader):
        assert one.whole is None
    for name in ('position', 'orientation', 'spacing', 'scale', 'instance_number', 'key', 'size'):
        a, b = getattr(fast, name), getattr(slow, name)
        if name == 'scale':
            a, b = (a.slope, a.intercept), (b.slope, b.intercept)
        if not np.array_equal(a, b):
            yield f'{name}: {a}, {b}'
    if sorted(one.keys()) != sorted(other.keys()):
        yield f'elements {set(one.keys()) ^ set(other.keys())}'
    if list(one) != list(other):
        yield 'elements one after the other'


def compare(path: Path, most: int = 24) -> int:
    """Read a file in both ways; return how many frames were read in the fast one."""
    source = Source(str(path), path)
    fast, slow = (outcome(lambda s, way=way: frames(s, fast=way), source) for way in (True, False))
    if isinstance(fast, str) or isinstance(slow, str):
        assert fast == slow, path
        return 0
    assert isinstance(fast, list)
    assert isinstance(slow, list)
    assert len(fast) == len(slow)
    for a, b in list(zip(fast, slow, strict=True))[:: max(1, len(fast) // most)]:
        assert list(differences(a, b)) == [], path
    return sum(isinstance(frame.dataset, FrameHeader) for frame in fast)


def test_pydicom_files() -> None:
    """Some in big endian, or damaged: both ways tell the same."""
    folder = Path(pydicom.__file__).parent / 'data' / 'test_files'
    for path in [*folder.glob('liver*.dcm'), *folder.glob('emri_small*.dcm')]:
        compare(path)


def test_real_files(real_data: Path) -> None:
    folders = ('philips_enhanced', 'siemens_xa*', 'ct_*enhanced', 'canon_dwi/enhanced*', '*/legacy_enhanced',
               'dicom2nifti_suite/philips_enh*', 'ct_digital_phantom/*')  # fmt: skip
    parents = {p.parent: p for name in folders for p in sorted(real_data.glob(f'{name}/**/*')) if p.is_file()}
    counts = {path: compare(path, most=8) for folder, path in parents.items() if 'ref' not in folder.parts}
    assert sum(count > 0 for count in counts.values()) > 10


# --- objects of any kind --------------------------------------------------------------------------


kinds = st.fixed_dictionaries(
    {},
    optional={
        'FrameAcquisitionDateTime': st.sampled_from(
            ['20240101101010.25', '20240101101011', '20240101235959.999999', '20240101101010.25+0100',
             '2024', '']
        ),
        'FrameReferenceDateTime': st.just('20240101'),
        'TemporalPositionIndex': st.integers(1, 9),
        'StackID': st.sampled_from(['1', 'A b']),
        'DimensionIndexValues': st.lists(st.integers(1, 300), min_size=1, max_size=3),
        'FrameComments': st.text('Aé ', max_size=5),
        'EffectiveEchoTime': st.sampled_from([2.5, 4.9, 1 / 3]),
        'EchoTime': st.sampled_from(['2', '3']),
        'InversionTimes': st.lists(st.sampled_from([100.0, 2500.0]), min_size=1, max_size=2),
        'InversionTime': st.just('7'),
        'RescaleSlope': st.sampled_from(['1', '0.5', '2e0']),
        'AcquisitionDateTime': st.just('20230101101010'),
        'directions': st.lists(st.sampled_from([0.0, 1.0, -0.6]), min_size=3, max_size=3),
        'own': st.integers(0, 999),
        'unknown': st.binary(min_size=2, max_size=5),
        'source': st.sampled_from(['1.2', '1.2.345']),
        'InstanceNumber': st.integers(1, 5),
    },
)
"""Elements of the functional groups of a frame."""

_OF_CONTENT = ('FrameAcquisitionDateTime', 'FrameReferenceDateTime', 'TemporalPositionIndex', 'StackID',
               'DimensionIndexValues', 'FrameComments')  # fmt: skip


def described(kind: dict[str, object], index: int, *, undefined: bool) -> Dataset:
    """Return an item of functional groups."""
    ds = Dataset()

    def only(*names: str) -> dict[str, object]:
        return {name: kind[name] for name in names if name in kind}

    ds.PlanePositionSequence = item(ImagePositionPatient=[0, 0, 2.5 * index])
    ds.FrameContentSequence = item(**only(*_OF_CONTENT))
    if timing := only('EffectiveEchoTime', 'EchoTime'):
        ds.MREchoSequence = item(**timing)
    if timing := only('InversionTimes', 'InversionTime'):
        ds.MRModifierSequence = item(**timing)
    if 'RescaleSlope' in kind:
        slope = only('RescaleSlope')
        ds.PixelValueTransformationSequence = item(RescaleIntercept='0', RescaleType='US', **slope)
    if 'directions' in kind:
        direction = item(DiffusionGradientOrientation=kind['directions'])
        ds.MRDiffusionSequence = item(
            DiffusionBValue=500.0 * index, DiffusionGradientDirectionSequence=direction
        )
    if 'source' in kind:
        ds.ReferencedImageSequence = item(ReferencedSOPInstanceUID=kind['source'])
    if private := only('AcquisitionDateTime', 'InstanceNumber', 'EchoTime'):
        ds.UnassignedPerFrameConvertedAttributesSequence = item(**private)
    if 'own' in kind or 'unknown' in kind:
        inner = Dataset()
        block = inner.private_block(0x21, 'MAKER', create=True)
        block.add_new(1, 'IS', kind.get('own', 1))
        if 'unknown' in kind:
            siemens = inner.private_block(0x19, 'SIEMENS MR HEADER', create=True)
            siemens.add_new(0x0C, 'UN', kind['unknown'])
        inner.EchoTime = '99'
        ds.private_block(0x21, 'MAKER', create=True).add_new(0xFE, 'SQ', Items([inner]))
    ds.is_undefined_length_sequence_item = undefined
    return ds


def enhanced(described_frames: Sequence[Dataset], *, undefined: bool = False) -> Dataset:
    count = len(described_frames)
    ds = multi_frame(np.zeros((count, 2, 3), np.uint16), EnhancedMRImageStorage, range(count))
    ds.SpecificCharacterSet = 'ISO_IR 100'
    ds.PerFrameFunctionalGroupsSequence = Items(described_frames)
    for ds_or_item in ([ds, *described_frames] if undefined else []):
        for element in ds_or_item:
            if element.VR == 'SQ':
                element.is_undefined_length = True
    return ds


@settings(max_examples=50)
@given(st.lists(kinds, min_size=1, max_size=3), st.data(), st.booleans())
def test_objects_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory,
    chosen: list[dict[str, object]],
    data: st.DataObject,
    undefined: bool,
) -> None:
    """Frames that have the same groups with other values, and frames that have other groups."""
    path = tmp_path_factory.mktemp('any') / 'a.dcm'
    made = []
    for index in range(5):
        kind = dict(data.draw(st.sampled_from(chosen)))
        if data.draw(st.booleans()):
            kind.update({k: v for k, v in data.draw(kinds).items() if k in kind})
        made.append(described(kind, index, undefined=undefined))
    enhanced(made, undefined=undefined).save_as(path, enforce_file_format=True)
    compare(path)


@pytest.mark.parametrize('undefined', [False, True])
def test_bytes_changed(tmp_path: Path, undefined: bool) -> None:
    """What is damaged is told in the same way, at the same time."""
    full = {'FrameAcquisitionDateTime': '20240101101010.25', 'EffectiveEchoTime': 2.5, 'RescaleSlope': '1',
            'directions': [0.0, 1.0, 0.0], 'own': 5, 'source': '1.2'}  # fmt: skip
    made = [described({**full, 'own': i, 'source': f'1.2.{i}'}, i, undefined=undefined) for i in range(4)]
    path = next(iter(save(tmp_path, [enhanced(made, undefined=undefined)]).iterdir()))
    data = path.read_bytes()
    assert compare(path) == 4
    first, last = data.index(b'\x00\x52\x30\x92'), data.rindex(b'\xe0\x7f\x10\x00')
    rng = np.random.default_rng(5)
    for _ in range(80):
        changed = bytearray(data)
        changed[rng.integers(first, last)] = rng.choice([0, 1, 0x20, 0x2E, 0x39, 0x5C, 0x41, 0xFF])
        path.write_bytes(changed)
        compare(path)


def test_headers_of_frames_are_independent(tmp_path: Path) -> None:
    made = [described({'own': i, 'FrameComments': f'frame {i}'}, i, undefined=False) for i in range(4)]
    series = Series(save(tmp_path, [enhanced(made)]))
    headers = [series.header.images.records.dataset(i) for i in range(4)]
    assert all(isinstance(header, FrameHeader) for header in headers)
    for other in (copy(headers[2]), deepcopy(headers[2]), pickle.loads(pickle.dumps(headers[2]))):
        assert other == headers[2]
        other.FrameComments = 'changed'
    headers[1].FrameComments = 'changed'
    again = [series.header.images.records.dataset(i).FrameComments for i in range(4)]
    assert again == [f'frame {i}' for i in range(4)]


def test_announced_frames_that_are_not_described(tmp_path: Path) -> None:
    ds = enhanced([described({}, i, undefined=False) for i in range(3)])
    del ds.PerFrameFunctionalGroupsSequence[1]
    with pytest.raises(ImagedataError, match='announces 3 frames and describes 2'):
        Series(save(tmp_path, [ds]))
