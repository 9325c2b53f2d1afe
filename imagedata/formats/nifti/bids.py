"""The JSON file beside a NIfTI file: acquisition parameters, as BIDS names them.

Written from DICOM headers, with the fields that dcm2niix writes and that the Brain Imaging Data
Structure specification names; times in s, angles in degrees, lengths in mm. The DICOM decides: values
stand as the scanner wrote them. Fields that may tell who, where or on which machine are written on
request only. Read back, a field becomes the DICOM element that it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...axis import Axis
from ...errors import CorruptFileError, ImagedataWarning
from ...geometry import Geometry
from ...header import ATTRIBUTES, Edit, Header, SeriesData
from ...notices import warn_user
from ..contract import Source

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    'FIELDS', 'SIDECAR', 'Field', 'Sidecar', 'read_sidecar', 'restored', 'sidecar_text', 'volume_times',
]  # fmt: skip

SIDECAR = 'nifti_sidecar'
"""Name of the attribute of a `Header` that holds what was read from a JSON file."""

_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the JSON file, and the DICOM element that it is.

    Parameters
    ----------
    name : str
    keyword : str
        Of the element.
    kind : str
        'text', 'words' (texts joined by a backslash), 'texts' (a list), 'number', 'numbers', 'whole',
        'ms' (milliseconds there, seconds here), 'clock' (a time of day), or 'switch' (whether it
        is other than NONE).
    identifying : bool
        Whether it is written on request only.
    """

    name: str
    keyword: str
    kind: str = 'text'
    identifying: bool = False


def _fields(kind: str, names: str, *, identifying: bool = False) -> list[Field]:
    """Return fields from `name=keyword` pairs; the name alone where it is the keyword."""
    pairs = (pair.partition('=') for pair in names.split())
    return [Field(name, keyword or name, kind, identifying) for name, _, keyword in pairs]


FIELDS: tuple[Field, ...] = (
    *_fields('text', '''Modality Manufacturer ManufacturersModelName=ManufacturerModelName
        BodyPart=BodyPartExamined PatientPosition MRAcquisitionType SeriesDescription ProtocolName
        SequenceName ReceiveCoilName TransmitCoilName
        InPlanePhaseEncodingDirectionDICOM=InPlanePhaseEncodingDirection PartialFourierDirection
        ParallelAcquisitionTechnique ConvolutionKernel DecayCorrection Units
        RandomsCorrectionMethod ScatterCorrectionMethod AttenuationCorrectionMethod
        ReconstructionMethod'''),
    *_fields('words', 'SoftwareVersions ScanningSequence SequenceVariant ScanOptions'),
    *_fields('texts', 'ImageType'),
    *_fields('whole', '''SeriesNumber AcquisitionNumber EchoNumber=EchoNumbers EchoTrainLength
        PhaseEncodingSteps=NumberOfPhaseEncodingSteps'''),
    *_fields('number', '''MagneticFieldStrength ImagingFrequency SliceThickness SpacingBetweenSlices SAR
        NumberOfAverages FlipAngle PercentPhaseFOV=PercentPhaseFieldOfView PercentSampling PixelBandwidth
        ParallelReductionFactorInPlane ParallelReductionFactorOutOfPlane AcquisitionDuration XRayTubeCurrent
        XRayExposure=Exposure DoseCalibrationFactor'''),
    *_fields('ms', 'EchoTime RepetitionTime InversionTime ExposureTime'),
    *_fields('numbers', 'ImageOrientationPatientDICOM=ImageOrientationPatient'),
    *_fields('switch', 'MTState=MagnetizationTransfer SpoilingState=Spoiling'),
    *_fields('clock', 'AcquisitionTime'),
    *_fields('text', '''InstitutionName InstitutionalDepartmentName InstitutionAddress StationName
        DeviceSerialNumber ProcedureStepDescription=PerformedProcedureStepDescription StudyDescription
        ImageComments PatientName PatientID PatientBirthDate PatientSex PatientAge AccessionNumber StudyID
        ReferringPhysicianName StudyInstanceUID SeriesInstanceUID AcquisitionDate
        AcquisitionDateTime''', identifying=True),
    *_fields('number', 'PatientWeight PatientSize', identifying=True),
)  # fmt: skip

_ENHANCED = {
    'SequenceName': 'PulseSequenceName', 'ImagingFrequency': 'TransmitterFrequency',
    'NumberOfPhaseEncodingSteps': 'MRAcquisitionPhaseEncodingStepsInPlane',
}  # fmt: skip
"""Names in enhanced objects of elements that have another one in classic ones."""

_BY_NAME = {field.name: field for field in FIELDS}

_NOT_RESTORED = {
    'ImageOrientationPatientDICOM', 'StudyInstanceUID', 'SeriesInstanceUID', 'SpacingBetweenSlices',
    'SliceThickness', 'MTState', 'SpoilingState', 'AcquisitionTime', 'AcquisitionDate', 'AcquisitionDateTime',
}  # fmt: skip
"""Fields whose element follows from the array, its axes, its place, or its identity."""

_PER_VOLUME = {'EchoTime': 'te', 'FlipAngle': 'fa', 'InversionTime': 'ti'}
"""Fields that may differ from volume to volume, and the axis that says so."""

_OF_GRID = frozenset({
    'SliceTiming', 'PhaseEncodingDirection', 'PhaseEncodingAxis', 'SliceEncodingDirection',
    'ImageOrientationPatientDICOM', 'dcmmeta_shape', 'dcmmeta_affine',
})  # fmt: skip
"""Fields that hold for the grid that they came with."""

_OF_VOLUMES = frozenset({
    'AcquisitionTime', 'AcquisitionDateTime', 'VolumeTiming', 'FrameTimesStart', 'FrameDuration', 'ScanStart',
    'DecayCorrectionFactor', 'AcquisitionDuration', *_PER_VOLUME,
})  # fmt: skip
"""Fields that hold for the volumes that they came with."""


@dataclass(frozen=True)
class Sidecar:
    """What was read from a JSON file, for the grid and the volumes that it came with."""

    fields: Mapping[str, Any]
    geometry: Geometry | None
    tag_axes: Mapping[str, Axis]


# --- writing -----------------------------------------------------------------------------------


def sidecar_text(data: SeriesData, *, identifying: bool = False) -> str:
    """Return the JSON text for a series.

    Parameters
    ----------
    data : SeriesData
    identifying : bool
        Whether to write what may tell who was imaged, where, and on which machine.
    """
    from .echo_planar import encoding_fields, slice_timing

    header = data.header
    dataset = None if header.images is None else header.images.first()
    fields = _kept(data)
    for field in FIELDS:
        value = _value(field, header, dataset)
        if value is not None:
            fields[field.name] = value
    fields.update(_varying(header))
    if data.identity.values_changed and fields.get('ImageType'):
        fields['ImageType'] = ['DERIVED', *fields['ImageType'][1:]]
    if dataset is not None:
        if str(dataset.get('Modality')) == 'PT':
            fields.update(_tracer(dataset))
        fields.update(_private(dataset))
        fields.update(encoding_fields(dataset, header))
        fields.update(slice_timing(header, fields.get('RepetitionTime')))
    fields.update(_volume_times(header, fields.get('RepetitionTime')))
    if fields.keys() >= {'VolumeTiming', 'RepetitionTime'}:
        fields['RepetitionTimeExcitation'] = fields.pop('RepetitionTime')
    fields['ConversionSoftware'] = 'imagedata'
    if not identifying:
        fields = {k: v for k, v in fields.items() if k not in _BY_NAME or not _BY_NAME[k].identifying}
    return json.dumps(fields, indent=1, ensure_ascii=False) + '\n'


def _kept(data: SeriesData) -> dict[str, Any]:
    """Return the fields that were read, and hold still."""
    kept = data.header.attributes.get(SIDECAR)
    if not isinstance(kept, Sidecar):
        return {}
    header = data.header
    gone: frozenset[str] = frozenset()
    if kept.geometry is None or kept.geometry != header.geometry:
        gone |= _OF_GRID
    if dict(kept.tag_axes) != dict(header.tag_axes):
        gone |= _OF_VOLUMES
    return {k: v for k, v in kept.fields.items() if k not in gone}


def _value(field: Field, header: Header, dataset: Dataset | None) -> Any:
    """Return a field of the series: as set, else of its first image; None where it is not told."""
    raw = _raw(field.keyword, header, dataset)
    if raw is None or (isinstance(raw, (str, bytes)) and not raw):
        return None
    try:
        return _encoded(field.kind, raw)
    except (TypeError, ValueError):
        return None


def _raw(keyword: str, header: Header, dataset: Dataset | None) -> Any:
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    number = tag_for_keyword(keyword)
    if number is not None:
        for edit in reversed(header.edits):
            if edit.images is None and edit.keyword == str(Tag(number)):
                return edit.value
    for name, attribute in ATTRIBUTES.items():
        if attribute.keyword == keyword and name in header.attributes:
            return header.attributes[name]
    if dataset is None:
        return None
    value = dataset.get(keyword)
    return dataset.get(_ENHANCED[keyword]) if value is None and keyword in _ENHANCED else value


def _encoded(kind: str, raw: Any) -> Any:
    """Return the value of an element as it stands in the JSON file."""
    if kind in ('texts', 'words', 'numbers'):
        parts = list(raw) if not isinstance(raw, str) and hasattr(raw, '__iter__') else [raw]
        if kind == 'numbers':
            return [_number(part) for part in parts]
        texts = [str(part) for part in parts]
        return texts if kind == 'texts' else '\\'.join(texts)
    if kind == 'text':
        return str(raw)
    if kind == 'switch':
        return str(raw) != 'NONE'
    if kind == 'clock':
        text = str(raw)
        whole, _, part = text[4:].partition('.')
        return f'{text[:2]}:{text[2:4]}:{whole or "00"}.{part:0<6}' if len(text) >= 4 else None
    if not isinstance(raw, (str, bytes)) and hasattr(raw, '__iter__'):
        raw = next(iter(raw))
    value = _number(raw)
    if kind == 'ms':
        # 2.46 ms are 0.00246 s, not 0.0024600000000000004 s.
        return round(value / 1000, 12)
    return int(value) if kind == 'whole' else value


def _number(raw: Any) -> int | float:
    value = float(raw)
    if not np.isfinite(value):
        raise ValueError('not a finite number')
    return int(value) if value.is_integer() else value


def _varying(header: Header) -> dict[str, Any]:
    """Return the fields that have a value for each volume."""
    fields: dict[str, Any] = {}
    for name, axis in _PER_VOLUME.items():
        if axis in header.tag_axes and len(header.tag_axes[axis]) > 1:
            values = [float(v) for v in header.tag_axes[axis].values]
            fields[name] = [round(v / 1000, 12) for v in values] if _BY_NAME[name].kind == 'ms' else values
    return fields


def _volume_times(header: Header, repetition_time: float | None) -> dict[str, Any]:
    """Return the time from volume to volume, where the series has one that the header does not.

    BIDS means by RepetitionTime the time from volume to volume, and by RepetitionTimeExcitation that
    between excitations; DICOM's element is the latter, where a volume takes many of them.
    """
    from .write import even_step

    if header.tag_dims != ('time',) or len(header.tag_axes['time']) < 2:
        return {}
    step, off, tolerance = even_step(header.tag_axes['time'])
    if step is None:
        return {}
    if off > tolerance:
        times = [float(v) for v in header.tag_axes['time'].values]
        return {'VolumeTiming': [round(t - times[0], 6) for t in times]}
    if repetition_time is None:
        return {'RepetitionTime': round(step, 6)}
    if abs(step - repetition_time) <= max(0.005, 0.01 * repetition_time):
        return {}
    return {'RepetitionTime': round(step, 6), 'RepetitionTimeExcitation': repetition_time}


def _private(dataset: Dataset) -> dict[str, Any]:
    """Return what vendors write in elements of their own."""
    from ..dicom.vendor import ge, siemens

    fields: dict[str, Any] = {}
    maker = str(dataset.get('Manufacturer') or '').upper()
    factor, dwell = None, None
    if maker.startswith('SIEMENS'):
        factor, dwell = siemens.acceleration(dataset), siemens.dwell_time(dataset)
    elif maker.startswith('GE'):
        found = ge.echo_spacing(dataset)
        factor = found[1] if found else None
    if factor is not None and dataset.get('ParallelReductionFactorInPlane') is None:
        fields['ParallelReductionFactorInPlane'] = _number(factor)
    return {**fields, 'DwellTime': round(dwell, 12)} if dwell is not None else fields


def _tracer(dataset: Dataset) -> dict[str, Any]:
    """Return what BIDS names of a PET tracer (PS3.3 C.8.9.2)."""
    items = dataset.get('RadiopharmaceuticalInformationSequence')
    if not items:
        return {}
    item = items[0]
    fields: dict[str, Any] = {}
    if item.get('Radiopharmaceutical'):
        fields['TracerName'] = str(item.Radiopharmaceutical)
    codes = item.get('RadionuclideCodeSequence')
    if codes and codes[0].get('CodeMeaning'):
        fields['TracerRadionuclide'] = str(codes[0].CodeMeaning).strip('^')
    if item.get('RadionuclideTotalDose'):
        fields['InjectedRadioactivity'] = float(item.RadionuclideTotalDose) / 1e6
        fields['InjectedRadioactivityUnits'] = 'MBq'
    for name in ('RadionuclideHalfLife', 'RadionuclidePositronFraction'):
        if item.get(name):
            fields[name] = float(item.get(name))
    return fields


# --- reading -----------------------------------------------------------------------------------


def read_sidecar(source: Source, stem: str) -> tuple[str, dict[str, Any]] | None:
    """Return name and content of the JSON file beside an image; None where there is none.

    Raises
    ------
    CorruptFileError
        When it is no JSON.
    """
    file = source.beside(f'{stem}.json')
    if file is None:
        return None
    with file.open() as stream:
        content = stream.read(_LARGEST)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(
            f'{file.name}, beside the image, is no JSON ({error}): correct it, or read without it '
            '(sidecar=False)'
        ) from error
    return (file.name, found) if isinstance(found, dict) else None


def restored(header: Header, name: str, fields: dict[str, Any]) -> Header:
    """Return the header with the DICOM elements that the fields of a JSON file are.

    Warns
    -----
    ImagedataWarning
        When its repetition time and the times of the image disagree.
    """
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    by_keyword = {a.keyword: (n, a.kind) for n, a in ATTRIBUTES.items()}
    attributes: dict[str, Any] = {}
    edits: list[Edit] = []
    used = []
    # DICOM's element is the time between excitations.
    excitation = fields.get('RepetitionTimeExcitation')
    told = fields if excitation is None else {**fields, 'RepetitionTime': excitation}
    for key, value in told.items():
        field = _BY_NAME.get(key)
        if field is None or key in _NOT_RESTORED or _PER_VOLUME.get(key) in header.dims:
            continue
        known = _decoded(field.kind, value)
        if known is None:
            continue
        used.append(key)
        number = tag_for_keyword(field.keyword)
        if field.keyword in by_keyword:
            attribute, kind = by_keyword[field.keyword]
            attributes[attribute] = kind(known)
        elif number is not None:
            edits.append(Edit(str(Tag(number)), known))
    _check_times(header, name, fields)
    line = f'{name}: {", ".join(used)}' if used else f'{name} has no field that is known'
    sidecar = Sidecar(fields, header.geometry, header.tag_axes)
    return replace(
        header, attributes={**header.attributes, **attributes, SIDECAR: sidecar},
        edits=(*header.edits, *edits), report=(*header.report, line),
    )  # fmt: skip


def _decoded(kind: str, value: Any) -> Any:
    """Return the value of the element; None where the field holds something else."""
    if kind in ('number', 'whole', 'ms'):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            return None
        if kind == 'ms':
            return _number(round(value * 1000, 9))
        return int(value) if kind == 'whole' else value
    if kind == 'texts':
        return [str(v) for v in value] if isinstance(value, list) else None
    if not isinstance(value, str):
        return None
    if kind == 'words':
        return value.split('\\')
    return value.replace(':', '') if kind == 'clock' else value


def volume_times(fields: Mapping[str, Any], count: int) -> list[float] | None:
    """Return the times of `count` volumes in s by a JSON file, None where it does not tell."""
    timing = fields.get('VolumeTiming')
    if isinstance(timing, list) and len(timing) == count:
        times = [_decoded('number', t) for t in timing]
        return None if None in times else [float(t) for t in times]
    step = _decoded('number', fields.get('RepetitionTime'))
    return [i * float(step) for i in range(count)] if step else None


def _check_times(header: Header, name: str, fields: dict[str, Any]) -> None:
    """Warn where the times of the image are others than those of a JSON file."""
    axis = header.tag_axes.get('time')
    known = None if axis is None or len(axis) < 2 else volume_times(fields, len(axis))
    if axis is None or known is None:
        return
    ours, theirs = np.asarray(axis.values, dtype=float), np.asarray(known)
    off = float(np.max(np.abs((ours - ours[0]) - (theirs - theirs[0]))))
    if off > max(0.01 * float(np.ptp(theirs)), 0.005):
        warn_user(
            f'{name} and the times of the image differ by up to {off:.4g} s: those of the image are kept. '
            'Correct the one that is wrong',
            ImagedataWarning,
        )
