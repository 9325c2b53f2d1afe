"""What decides which images may form one array: their series, matrix, plane and space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .frames import Frame
from .packed import remembered

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ['Kin', 'kin_of']

class Kin(NamedTuple):
    """Images that have the same are of one stack; two of them may still be close enough to be of one.

    Parameters
    ----------
    identity : tuple of str
        Patient ID, Study and Series Instance UID.
    space : tuple of str or None
        Frame of Reference UID, Samples per Pixel, Stack ID.
    acquisition, echo : str or None
        Acquisition Number and Echo Number(s), where the user chooses by them or divides series by them.
    size : (int, int)
        Number of rows and columns.
    placed : bool
        Whether they have an Image Position (Patient).
    run : str
        The file of a cine without a place: each has a clock of its own.
    orientation : tuple of 6 floats or None
    spacing : tuple of 2 floats or None
        mm.
    """

    identity: tuple[str, ...]
    space: tuple[str | None, ...]
    acquisition: str | None
    echo: str | None
    size: tuple[int, int]
    placed: bool
    run: str
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None


def kin_of(frame: Frame, options: Mapping[str, Any]) -> Kin:
    """Return what decides which stack an image is of.

    Parameters
    ----------
    frame : Frame
    options : mapping
        Elements by which the user neither chooses nor divides are not looked at.
    """
    dataset = frame.dataset
    placed = frame.position is not None
    return Kin(
        remembered(_identity, dataset),
        remembered(_space, dataset),
        _asked(dataset, 'AcquisitionNumber', options, 'input_acquisition', 'split_acquisitions'),
        _asked(dataset, 'EchoNumbers', options, 'input_echo', 'split_echo_numbers'),
        frame.size,
        placed,
        frame.name if not placed and hasattr(dataset, 'frame_seconds') else '',
        None if frame.orientation is None else tuple(frame.orientation.tolist()),
        None if frame.spacing is None else tuple(frame.spacing.tolist()),
    )


def _identity(dataset: Dataset) -> tuple[str, ...]:
    keywords = ('PatientID', 'StudyInstanceUID', 'SeriesInstanceUID')
    return tuple(str(dataset.get(keyword) or '') for keyword in keywords)


def _space(dataset: Dataset) -> tuple[str | None, ...]:
    return (
        _text(dataset.get('FrameOfReferenceUID')),
        _text(dataset.get('SamplesPerPixel', 1)),
        _text(dataset.get('StackID')),
    )


def _asked(
    dataset: Dataset, keyword: str, options: Mapping[str, Any], choosing: str, dividing: str
) -> str | None:
    """Return the value of an element as text, where the user chooses or divides by it."""
    if options.get(choosing) is None and not options.get(dividing):
        return None
    return _text(dataset.get(keyword))


def _text(value: Any) -> str | None:
    """Return a value as text, several as DICOM writes them."""
    if value is None or isinstance(value, str) or not hasattr(value, '__iter__'):
        return None if value is None else str(value)
    return '\\'.join(map(str, value))
