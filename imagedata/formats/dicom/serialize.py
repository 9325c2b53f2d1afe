"""From a dataset to the bytes of a DICOM file (PS3.10), explicit VR little endian.

The bytes are those that `Dataset.save_as(enforce_file_format=True)` writes. Most elements of an
image are passed on from its source as they stand in a file, and most others are the same in all
images: copying the bytes of these is several times faster than encoding them again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from copy import copy
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.uid import UID
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .compress import EXPLICIT_LITTLE_ENDIAN

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['IMPLEMENTATION_CLASS_UID', 'IMPLEMENTATION_VERSION_NAME', 'Serializer']

IMPLEMENTATION_CLASS_UID = '2.25.256211297631433617869451062801202158585'
IMPLEMENTATION_VERSION_NAME = 'IMAGEDATA_4_0'

_LONG = frozenset(str(vr) for vr in EXPLICIT_VR_LENGTH_32)
_UNDEFINED = 0xFFFFFFFF
_SEQUENCE_END = b'\xfe\xff\xdd\xe0\0\0\0\0'


class Serializer:
    """Makes files of the images of one series.

    Parameters
    ----------
    shared : iterable of DataElement or None
        Elements that many images have in common, encoded once. They must outlive this object.
    syntax : str, optional
        UID of the transfer syntax, which the pixels are in already. All else is explicit VR
        little endian.
    """

    def __init__(self, shared: Iterable[Any] = (), syntax: str = EXPLICIT_LITTLE_ENDIAN) -> None:
        self._syntax = syntax
        self._shared = {id(element): element for element in shared if element is not None}
        self._bytes: dict[tuple[int, str], bytes] = {}

    def file(self, dataset: Dataset) -> bytes:
        """Return the file of an image.

        Raises
        ------
        ValueError, TypeError, NotImplementedError, AttributeError, KeyError
            As pydicom, when a value cannot be encoded.
        """
        plain = dataset.original_encoding == (False, True)
        charset = dataset._character_set
        if not plain or dataset.original_character_set != charset:
            return self._by_pydicom(dataset)
        encodings = dataset.get('SpecificCharacterSet', 'iso8859')
        parts = [self.meta(dataset.SOPClassUID, dataset.SOPInstanceUID)]
        elements = dataset._dict
        for tag in sorted(elements):
            if tag & 0xFFFF == 0 and tag >> 16 > 6:
                continue  # group length, retired
            element: Any = elements[tag]
            if element.is_raw and element.length != _UNDEFINED and not element.is_implicit_VR:
                parts.append(_raw(tag, element))
            elif id(element) in self._shared:
                key = (id(element), str(encodings))
                if key not in self._bytes:
                    self._bytes[key] = _encoded(element, encodings)
                parts.append(self._bytes[key])
            else:
                if len(element.VR) != 2:  # 'US or SS': made without knowing the pixels
                    element = correct_ambiguous_vr_element(copy(element), dataset, True)
                parts.append(_encoded(element, encodings))
        return b''.join(parts)

    def _by_pydicom(self, dataset: Dataset) -> bytes:
        """Return the file as pydicom writes it: from another encoding, or another character set."""
        meta = FileMetaDataset()
        meta.FileMetaInformationVersion = b'\0\1'
        meta.TransferSyntaxUID = UID(self._syntax)
        meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
        meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
        dataset.file_meta = meta
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    def element(self, element: Any, dataset: Dataset, source: Dataset | None = None) -> bytes:
        """Return an element of an image.

        Parameters
        ----------
        element : DataElement or RawDataElement
        dataset : Dataset
            An image that says how its elements are encoded.
        source : Dataset, optional
            The header that an unparsed element is of.
        """
        if element.is_raw:
            if element.length != _UNDEFINED and not element.is_implicit_VR:
                return _raw(element.tag, element)
            assert source is not None
            element = source[element.tag]
        if len(element.VR) != 2:
            element = correct_ambiguous_vr_element(copy(element), dataset, True)
        return _encoded(element, dataset.get('SpecificCharacterSet', 'iso8859'))

    def pixels(self, vr: str, value: bytes | memoryview) -> list[bytes | memoryview]:
        """Return Pixel Data in parts that follow each other, its value as it is."""
        compressed = self._syntax != EXPLICIT_LITTLE_ENDIAN
        length = _UNDEFINED if compressed else len(value)
        head = struct.pack('<HH2sHI', 0x7FE0, 0x0010, vr.encode('ascii'), 0, length)
        return [head, value, _SEQUENCE_END] if compressed else [head, value]

    def meta(self, sop_class: str, instance: str) -> bytes:
        """Return preamble, prefix and File Meta Information (PS3.10 7.1) of an image."""
        body = (
            b'\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01'
            + _short(0x0002, b'UI', str(sop_class))
            + _short(0x0003, b'UI', str(instance))
            + _short(0x0010, b'UI', self._syntax)
            + _short(0x0012, b'UI', IMPLEMENTATION_CLASS_UID)
            + _short(0x0013, b'SH', IMPLEMENTATION_VERSION_NAME)
        )
        length = struct.pack('<HH2sHI', 2, 0, b'UL', 4, len(body))
        return b'\0' * 128 + b'DICM' + length + body


def _short(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode('ascii')
    if len(value) % 2:
        value += b'\0' if vr == b'UI' else b' '
    return struct.pack('<HH2sH', 2, number, vr, len(value)) + value


def _raw(tag: int, element: Any) -> bytes:
    """Return an element as it stood in its file."""
    value = element.value or b''
    vr = element.VR.encode('ascii')
    if element.VR in _LONG:
        return struct.pack('<HH2sHI', tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value
    return struct.pack('<HH2sH', tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _encoded(element: Any, encodings: Any) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = False
    write_data_element(buffer, element, encodings)
    return buffer.getvalue()
