"""Make the sample DICOM series of this folder from an analytic phantom.

    python data/generate.py [--out DIR]

The phantom is a function of place in the patient: `phantom` gives the label
at any point in LPS mm, `signal` what a series measures there. Each series
samples the two at its voxel centres, as its own headers place them, so the
same anatomy lies at the same place in all of them, and both functions are the
oracle for whatever reads, converts or resamples the files.

Nothing is random and no clock is read: a second run gives the same bytes.
`data/README.md` describes the series and lists the known values.
"""

import argparse
import hashlib
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

Floats = NDArray[np.float64]

# The phantom ------------------------------------------------------------------

CENTRE = (5.0, -8.0, 20.0)
"""Centre of the body (LPS mm). Not the origin: an axis mirrored about the
isocentre moves the body as well as what is in it."""

BODY_SEMI_AXES = (95.0, 72.0, 85.0)


class Tissue(NamedTuple):
    """What one label measures.

    `hu` in HU; `m0` relative; `t1`, `t2` in ms; `adc` in mm²/s. Contrast
    agent arrives at `arrival` (s), with `uptake` and `washout` rates (1/s)
    and amplitude `gain` relative to the signal before it.
    """

    name: str
    hu: int
    m0: float
    t1: float
    t2: float
    adc: float
    gain: float = 0.0
    arrival: float = 0.0
    uptake: float = 0.0
    washout: float = 0.0


TISSUES: tuple[Tissue, ...] = (
    Tissue("air", -1000, 0.00, 1000.0, 100.0, 0.0),
    Tissue("body", 40, 0.55, 900.0, 50.0, 1.5e-3, 0.15, 9.0, 0.05, 0.0),
    Tissue("L", 300, 0.95, 300.0, 120.0, 0.4e-3),
    Tissue("sphere", -100, 1.00, 2500.0, 400.0, 3.0e-3),
    Tissue("h", 700, 0.75, 500.0, 80.0, 0.8e-3),
    Tissue("vessel", 180, 0.80, 1600.0, 200.0, 2.2e-3, 4.00, 5.0, 0.50, 0.12),
    Tissue("lesion", 70, 0.65, 1200.0, 95.0, 0.9e-3, 1.50, 7.0, 0.15, 0.02),
)
"""Properties of each label; the label is the index."""

AIR, BODY, LETTER_L, SPHERE, LETTER_H, VESSEL, LESION = range(len(TISSUES))


def _between(x: Floats, low: float | Floats, high: float | Floats) -> NDArray[np.bool_]:
    return np.asarray((x >= low) & (x < high))


def phantom(xyz_lps_mm: ArrayLike) -> NDArray[np.uint8]:
    """Label of the phantom at points in the patient.

    Parameters
    ----------
    xyz_lps_mm : (..., 3) array-like, mm
        Points in patient coordinates: x to the left, y to the back, z to the
        head (DICOM PS3.3 C.7.6.2.1.1).

    Returns
    -------
    (...) ndarray of uint8
        Index into `TISSUES`.

    Examples
    --------
    >>> TISSUES[phantom([-15, -50, 8])].name
    'sphere'
    """
    xyz = np.asarray(xyz_lps_mm, dtype=np.float64) - CENTRE
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    label = np.zeros(x.shape, dtype=np.uint8)

    a, b, c = BODY_SEMI_AXES
    body = (x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 < 1
    label[body] = BODY

    # An upright L at the left, as an axial image is displayed. Its foot grows
    # towards the head, so no axial slice looks like another.
    foot_end = 55 + (z + 35) * (20 / 70)
    stroke = _between(x, 43, 53) & _between(y, -28, 28)
    foot = _between(x, 53, foot_end) & _between(y, 18, 28)
    label[(stroke | foot) & _between(z, -35, 35)] = LETTER_L

    # In front, and somewhat to the right.
    label[(x + 20) ** 2 + (y + 42) ** 2 + (z + 12) ** 2 < 18**2] = SPHERE

    # An upright lower-case h at the head end, on the right, as a coronal image
    # is displayed. A capital H would look the same after either flip.
    stem = _between(x, -47, -39) & _between(z, 5, 62)
    shoulder = _between(x, -39, -19) & _between(z, 28, 36)
    leg = _between(x, -27, -19) & _between(z, 5, 28)
    label[(stem | shoulder | leg) & _between(y, 0, 22)] = LETTER_H

    # A tube at the back that leans to the left as it goes up.
    label[body & ((x + 10 - 0.15 * z) ** 2 + (y - 38) ** 2 < 8**2)] = VESSEL

    lesion = ((x - 12) / 16) ** 2 + ((y + 12) / 11) ** 2 + ((z - 18) / 20) ** 2
    label[lesion < 1] = LESION
    return label


def interior(xyz_lps_mm: ArrayLike, margin: float = 0.01) -> NDArray[np.bool_]:
    """Whether the label stays the same within `margin` mm of each point.

    A point on a surface belongs to either side once its coordinates have been
    through float32. Comparisons that allow an error in place leave such
    points out.

    Parameters
    ----------
    xyz_lps_mm : (..., 3) array-like, mm
    margin : mm

    Returns
    -------
    (...) ndarray of bool
    """
    xyz = np.asarray(xyz_lps_mm, dtype=np.float64)
    label = phantom(xyz)
    same = np.ones(label.shape, dtype=bool)
    for corner in np.ndindex(2, 2, 2):
        same &= phantom(xyz + margin * (2 * np.array(corner) - 1)) == label
    return same


def coil(xyz_lps_mm: ArrayLike) -> Floats:
    """Relative sensitivity of the MR receive coil, linear in place.

    It gives neighbouring voxels of one tissue different values, so that a
    shift by one slice, row or column shows everywhere in the body.
    """
    xyz = np.asarray(xyz_lps_mm, dtype=np.float64)
    return np.asarray(1 + xyz @ np.array([1 / 1000, -1 / 1500, 1 / 2000]))


def enhancement(label: ArrayLike, t: float) -> Floats:
    """Relative enhancement by contrast agent, ``S(t) / S(0) - 1``.

    ``gain (1 - exp(-uptake tau)) exp(-washout tau)``, where tau is the time
    since arrival, and 0 before it.

    Parameters
    ----------
    label : (...) array-like of int
    t : s
        Time since the first time point of the series.
    """
    tau = np.maximum(0.0, t - _property("arrival", label))
    rise = 1 - np.exp(-_property("uptake", label) * tau)
    fall = np.exp(-_property("washout", label) * tau)
    return np.asarray(_property("gain", label) * rise * fall)


def signal(kind: str, xyz_lps_mm: ArrayLike, parameter: float | None = None) -> Floats:
    """What a series measures at points in the patient, before rounding.

    Parameters
    ----------
    kind : str
        ``'ct'``, ``'time'``, ``'b'``, ``'te'``, ``'fa'`` or ``'sagittal'``.
    xyz_lps_mm : (..., 3) array-like, mm
    parameter : s, s/mm², ms or degrees
        Seconds since the first time point, b value, echo time or flip angle,
        as `kind` says. None for ``'ct'`` and ``'sagittal'``.

    Returns
    -------
    (...) ndarray of float64
        HU for ``'ct'``; arbitrary units, 0 in air, for MR.

    Raises
    ------
    ValueError
        When `kind` needs a parameter that is not given, or is unknown.
    """
    label = phantom(xyz_lps_mm)
    if kind == "ct":
        return _property("hu", label)
    if kind not in SERIES:
        raise ValueError(f"no series {kind!r}; there are {', '.join(SERIES)}")
    density = SERIES[kind].scale * _property("m0", label) * coil(xyz_lps_mm)
    if kind == "sagittal":
        return density
    if parameter is None:
        raise ValueError(f"series {kind!r} needs a value of {kind}")
    return density * _weight(kind, label, parameter)


def _weight(kind: str, label: NDArray[np.uint8], parameter: float) -> Floats:
    """Signal per unit of density, by the model of the series."""
    if kind == "time":
        return 1 + enhancement(label, parameter)
    if kind == "b":
        return np.asarray(np.exp(-parameter * _property("adc", label)))
    if kind == "te":
        return np.asarray(np.exp(-parameter / _property("t2", label)))
    # Spoiled gradient echo in steady state (Ernst).
    alpha = np.deg2rad(parameter)
    e1 = np.exp(-SERIES["fa"].attributes["RepetitionTime"] / _property("t1", label))
    return np.asarray(np.sin(alpha) * (1 - e1) / (1 - e1 * np.cos(alpha)))


def expected(kind: str, xyz_lps_mm: ArrayLike, parameter: float | None = None) -> NDArray[np.int16]:
    """Value that a reader gives at points in the patient, after rescaling.

    `signal`, rounded to the integers that the files hold.
    """
    return np.rint(signal(kind, xyz_lps_mm, parameter)).astype(np.int16)


def _property(name: str, label: ArrayLike) -> Floats:
    table = np.array([getattr(tissue, name) for tissue in TISSUES], dtype=np.float64)
    return np.asarray(table[np.asarray(label)])


# The series -------------------------------------------------------------------

# Directions of increasing column index and of increasing row index (LPS).
_PLANES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
}


@dataclass(frozen=True)
class Spec:
    """One series: its grid in the patient, and how it was acquired.

    `shape` and `spacing` (mm) are in the order slice, row, column. `angles`
    (degrees) turn the plane about x, then y, then z. `parameters` are what
    `signal` takes, one per volume. Times are in s: `start` after midnight,
    `interval` from volume to volume, `slice_interval` from slice to slice in
    order of acquisition. `numbering` says how InstanceNumber runs.
    """

    number: int
    description: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    thickness: float
    centre: tuple[float, float, float]
    start: float
    plane: str = "axial"
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    modality: str = "MR"
    parameters: tuple[float | None, ...] = (None,)
    interval: float = 0.0
    slice_interval: float = 0.0
    numbering: str = "shuffled"
    scale: float = 1.0
    charset: str = "ISO_IR 100"
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def orientation(self) -> Floats:
        """(2, 3) direction cosines, as ImageOrientationPatient holds them."""
        x, y, z = np.deg2rad(self.angles)
        about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
        about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
        about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
        turn = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
        # A decimal string has 16 characters. Rounded first, the phantom is
        # sampled where the header says, not where it nearly says.
        return np.asarray(np.round(np.array(_PLANES[self.plane]) @ turn.T, 10) + 0.0)

    @property
    def normal(self) -> Floats:
        """(3,) direction from the first slice to the last."""
        return np.asarray(np.cross(*self.orientation))

    def corner(self, index: int) -> Floats:
        """(3,) ImagePositionPatient of slice `index`, in mm."""
        half = (np.array(self.shape) - 1) / 2
        step = np.array([index, 0, 0]) - half
        axes = np.stack([self.normal, self.orientation[1], self.orientation[0]])
        return np.asarray(np.round(self.centre + (step * self.spacing) @ axes, 6) + 0.0)

    def grid(self, index: int) -> Floats:
        """(rows, columns, 3) voxel centres of slice `index`, in LPS mm."""
        _, rows, columns = self.shape
        along_row, down_column = self.orientation
        r = np.arange(rows)[:, None, None] * self.spacing[1] * down_column
        c = np.arange(columns)[None, :, None] * self.spacing[2] * along_row
        return np.asarray(self.corner(index) + r + c)


def affine(kind: str) -> Floats:
    """(4, 4) matrix from (slice, row, column, 1) to (x, y, z, 1) in LPS mm.

    Slices count in the direction of ``row direction x column direction``.
    """
    spec = SERIES[kind]
    matrix = np.eye(4)
    matrix[:3, 0] = spec.normal * spec.spacing[0]
    matrix[:3, 1] = spec.orientation[1] * spec.spacing[1]
    matrix[:3, 2] = spec.orientation[0] * spec.spacing[2]
    matrix[:3, 3] = spec.corner(0)
    return matrix


def volume(kind: str, parameter: float | None = None) -> NDArray[np.int16]:
    """(slice, row, column) values of one volume, after rescaling."""
    spec = SERIES[kind]
    slices = [expected(kind, spec.grid(k), parameter) for k in range(spec.shape[0])]
    return np.stack(slices)


_STEP = 2.46  # s from time point to time point of the dynamic

SERIES: dict[str, Spec] = {
    "ct": Spec(
        number=1, description="CT 5.0 axial", modality="CT",
        shape=(32, 128, 160), spacing=(5.0, 1.5, 1.5), thickness=5.0,
        centre=(3.0, -10.0, 22.0), start=48_600.25, slice_interval=0.375,
    ),
    "time": Spec(
        number=2, description="MR dynamic",
        shape=(8, 80, 96), spacing=(9.0, 2.25, 2.25), thickness=8.0,
        centre=(6.0, -7.0, 36.0), angles=(8.0, 0.0, 3.0),
        # 13:59:50: the hour changes at the fifth time point.
        start=50_390.125, interval=_STEP, slice_interval=_STEP / 8,
        parameters=tuple(round(_STEP * k, 2) for k in range(10)),
        numbering="volumes", scale=1000.0,
        attributes={
            "ScanningSequence": "GR", "SequenceVariant": "SP", "SequenceName": "fl2d",
            "RepetitionTime": 24.6, "EchoTime": 1.35, "FlipAngle": 20,
            "EchoTrainLength": 1, "NumberOfTemporalPositions": 10,
            # The standard allows TriggerTime in gated acquisitions alone.
            "ScanOptions": "CG", "TemporalResolution": 2460, "ContrastBolusAgent": "Phantom agent",
            "ContrastBolusVolume": 6.5,
        },
    ),
    "b": Spec(
        number=3, description="MR diffusion", charset="ISO_IR 192",
        shape=(10, 96, 80), spacing=(7.0, 2.0, 2.5), thickness=6.0,
        centre=(4.0, -9.3, 35.0), angles=(0.0, -2.0, 0.0),
        start=50_700.5, interval=14.2, slice_interval=1.42,
        parameters=(0.0, 50.0, 400.0, 800.0), numbering="volumes", scale=3000.0,
        attributes={
            "ScanningSequence": ["SE", "EP"], "SequenceVariant": "SK",
            "SequenceName": "ep_b", "RepetitionTime": 14_200, "EchoTime": 62.5,
            "FlipAngle": 90, "EchoTrainLength": 48,
        },
    ),
    "te": Spec(
        number=4, description="MR multi echo", plane="coronal",
        shape=(8, 88, 100), spacing=(9.0, 2.2, 2.2), thickness=7.5,
        centre=(5.0, -6.0, 21.0), angles=(0.0, 0.0, 4.0),
        start=51_000.0, slice_interval=0.25, numbering="slices", scale=3000.0,
        parameters=(10.0, 25.5, 41.0, 60.25, 85.0, 120.0),
        attributes={
            "ScanningSequence": "SE", "SequenceVariant": "NONE",
            "SequenceName": "se2d6", "RepetitionTime": 8000, "FlipAngle": 90,
            "EchoTrainLength": 6,
        },
    ),
    "fa": Spec(
        number=5, description="MR flip angles",
        shape=(8, 72, 96), spacing=(9.0, 2.2, 2.2), thickness=9.0,
        centre=(5.0, -8.0, 34.0), angles=(-5.0, 4.0, -6.0),
        start=51_300.75, interval=31.5, scale=20_000.0,
        parameters=(2.0, 5.0, 10.0, 15.0, 25.0),
        attributes={
            "ScanningSequence": "GR", "SequenceVariant": "SP", "SequenceName": "fl3d",
            "MRAcquisitionType": "3D", "RepetitionTime": 12.0, "EchoTime": 1.4,
            "EchoTrainLength": 1,
        },
    ),
    "sagittal": Spec(
        number=6, description="MR oblique sagittal", plane="sagittal",
        shape=(24, 128, 112), spacing=(7.5, 1.4, 1.6), thickness=7.0,
        centre=(7.0, -9.0, 20.0), angles=(0.0, 9.0, 14.0),
        start=51_600.0, slice_interval=0.8, scale=3000.0,
        attributes={
            "ScanningSequence": "SE", "SequenceVariant": "SK",
            "SequenceName": "tse2d", "RepetitionTime": 3500, "EchoTime": 15.0,
            "FlipAngle": 90, "EchoTrainLength": 8,
        },
    ),
}  # fmt: skip
"""The sample series, by the name of their folder."""


# Headers ----------------------------------------------------------------------

DATE = "20260314"
MAKER = "imagedata phantom"
PRIVATE_GROUP = 0x0077
PRIVATE_CREATOR = "IMAGEDATA PHANTOM"


class Image(NamedTuple):
    """One file to write: which slice and which volume of series `kind`."""

    kind: str
    slice_index: int
    volume_index: int

    @property
    def spec(self) -> Spec:
        return SERIES[self.kind]

    @property
    def sop_class(self) -> UID:
        return CTImageStorage if self.spec.modality == "CT" else MRImageStorage

    @property
    def parameter(self) -> float | None:
        return self.spec.parameters[self.volume_index]

    @property
    def turn(self) -> int:
        """Place of this slice in the order of acquisition."""
        slices = self.spec.shape[0]
        if self.spec.modality == "CT":
            return self.slice_index
        # Even slices first, then odd ones, as two-dimensional MR does.
        return self.slice_index // 2 + (self.slice_index % 2) * ((slices + 1) // 2)

    @property
    def clock(self) -> float:
        """Time of acquisition, s after midnight."""
        spec = self.spec
        return spec.start + self.volume_index * spec.interval + self.turn * spec.slice_interval


def uid(*parts: object) -> UID:
    """UID under 2.25 (PS3.5 B.2), always the same for the same `parts`."""
    name = "/".join(["imagedata phantom", *map(str, parts)])
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}")


def file_name(image: Image) -> str:
    """Name that says nothing of what is in the file."""
    digest = hashlib.sha256(f"name {tuple(image)}".encode()).hexdigest()
    return digest[:8] + ("", "", ".dcm", ".IMA")[int(digest[-1], 16) % 4]


def instance_number(image: Image) -> int:
    """InstanceNumber: never in the order of slice position."""
    spec = image.spec
    slices, volumes = spec.shape[0], len(spec.parameters)
    if spec.numbering == "volumes":
        return image.volume_index * slices + image.turn + 1
    if spec.numbering == "slices":
        return image.turn * volumes + image.volume_index + 1

    def key(other: Image) -> str:
        return hashlib.sha256(f"number {tuple(other)}".encode()).hexdigest()

    return sorted(images(image.kind), key=key).index(image) + 1


def images(kind: str) -> Iterator[Image]:
    """All images of a series, volume by volume, slice by slice."""
    spec = SERIES[kind]
    for volume_index in range(len(spec.parameters)):
        for slice_index in range(spec.shape[0]):
            yield Image(kind, slice_index, volume_index)


def _time(seconds: float) -> str:
    """DICOM TM with its six decimals."""
    whole, micro = divmod(round(seconds * 1e6), 1_000_000)
    return f"{whole // 3600:02}{whole // 60 % 60:02}{whole % 60:02}.{micro:06}"


def _set(ds: Dataset, **attributes: Any) -> None:
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    _set(item, CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
    return item


def _patient_and_study(ds: Dataset, spec: Spec) -> None:
    # The same name in two encodings: ISO_IR 192 in one series, 100 in others.
    ds.SpecificCharacterSet = spec.charset
    _set(
        ds, PatientName="Prøve^Åse", PatientID="IMD-0001", PatientBirthDate="19660102",
        PatientSex="F", PatientAge="060Y", PatientSize=1.68, PatientWeight=64,
        PatientComments="Analytic phantom, no person", StudyInstanceUID=uid("study"),
        StudyDate=DATE, StudyTime="132500.000000", StudyID="IMD1", AccessionNumber="A0001",
        StudyDescription="Phantom study", ReferringPhysicianName="Lege^Øyvind",
        FrameOfReferenceUID=uid("frame of reference"), PositionReferenceIndicator="",
    )  # fmt: skip


def _series_and_equipment(ds: Dataset, image: Image) -> None:
    spec = image.spec
    _set(
        ds, Modality=spec.modality, SeriesInstanceUID=uid("series", image.kind),
        SeriesNumber=spec.number, SeriesDescription=spec.description, SeriesDate=DATE,
        SeriesTime=_time(spec.start), ProtocolName=spec.description, BodyPartExamined="ABDOMEN",
        PatientPosition="HFS", OperatorsName="Radiograf^Pål", PerformedProcedureStepID="IMD1",
        PerformedProcedureStepStartDate=DATE, PerformedProcedureStepStartTime="132500.000000",
        PerformedProcedureStepDescription="Phantom study", Manufacturer=MAKER,
        InstitutionName="imagedata", StationName="PHANTOM",
        ManufacturerModelName=f"Analytic {spec.modality}",
        DeviceSerialNumber=f"{spec.modality}-1", SoftwareVersions="4.0",
    )  # fmt: skip
    request = Dataset()
    _set(request, RequestedProcedureID="IMD1", ScheduledProcedureStepID="IMD1")
    request.ScheduledProcedureStepDescription = "Phantom study"
    ds.RequestAttributesSequence = [request]


def _image_and_plane(ds: Dataset, image: Image) -> None:
    spec, clock = image.spec, image.clock
    corner = spec.corner(image.slice_index)
    _set(
        ds, SOPClassUID=image.sop_class, SOPInstanceUID=uid("image", *image),
        InstanceNumber=instance_number(image),
        AcquisitionNumber=1 if image.kind == "te" else image.volume_index + 1,
        AcquisitionDate=DATE, AcquisitionTime=_time(clock), ContentDate=DATE,
        ContentTime=_time(clock + 1.5), InstanceCreationDate=DATE,
        InstanceCreationTime=_time(clock + 2.25), ImagePositionPatient=corner.tolist(),
        ImageOrientationPatient=spec.orientation.ravel().tolist(),
        SliceLocation=round(float(corner @ spec.normal), 6) + 0.0,
        PixelSpacing=list(spec.spacing[1:]), SliceThickness=spec.thickness,
    )  # fmt: skip


def _pixels(ds: Dataset, image: Image) -> None:
    spec = image.spec
    values = expected(image.kind, spec.grid(image.slice_index), image.parameter)
    stored = values.astype(np.int32) + (1024 if spec.modality == "CT" else 0)
    low, high = int(stored.min()), int(stored.max())
    if low < 0 or high > 4095:
        raise ValueError(f"{image}: stored values {low}..{high} are not 12 bit")
    _set(
        ds, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", Rows=spec.shape[1],
        Columns=spec.shape[2], BitsAllocated=16, BitsStored=12, HighBit=11, PixelRepresentation=0,
        SmallestImagePixelValue=low, LargestImagePixelValue=high,
        PixelData=stored.astype("<u2").tobytes(),
    )  # fmt: skip
    if spec.modality == "MR":
        ds.WindowCenter, ds.WindowWidth = (low + high + 1) / 2, max(1, high - low)


def _ct(ds: Dataset, image: Image) -> None:
    _set(
        ds, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], RescaleIntercept=-1024, RescaleSlope=1,
        RescaleType="HU", WindowCenter=[40, 400], WindowWidth=[400, 2000],
        WindowCenterWidthExplanation=["SOFT TISSUE", "BONE"], KVP=120, ScanOptions="AXIAL MODE",
        DataCollectionDiameter=500, ReconstructionDiameter=240, DistanceSourceToDetector=1040,
        DistanceSourceToPatient=570, GantryDetectorTilt=0, TableHeight=152.5,
        RotationDirection="CW", ExposureTime=500, FilterType="BODY",
        # The current follows the patient, so it differs from slice to slice.
        XRayTubeCurrent=180 + 3 * image.slice_index, Exposure=90 + image.slice_index,
        GeneratorPower=24, FocalSpots=1.2, ConvolutionKernel="PH30",
    )  # fmt: skip


def _mr(ds: Dataset, image: Image) -> None:
    spec = image.spec
    _set(
        ds, ImageType=["ORIGINAL", "PRIMARY", "M", "NORM"], ScanOptions="",
        MRAcquisitionType="2D", AngioFlag="N", MagneticFieldStrength=1.5,
        ImagingFrequency=63.682145, ImagedNucleus="1H", NumberOfAverages=1,
        NumberOfPhaseEncodingSteps=spec.shape[1], PercentSampling=100,
        PercentPhaseFieldOfView=100, PixelBandwidth=260, ReceiveCoilName="Body",
        TransmitCoilName="Body", AcquisitionMatrix=[0, spec.shape[2], spec.shape[1], 0],
        InPlanePhaseEncodingDirection="COL", VariableFlipAngleFlag="N",
        SpacingBetweenSlices=spec.spacing[0], EchoNumbers=1,
        SAR=round(0.4 + 0.01 * image.slice_index + 0.001 * image.volume_index, 3), dBdt=0,
    )  # fmt: skip
    _set(ds, **spec.attributes)
    if image.kind == "time":
        # Nominal, in ms: the same for all slices, unlike AcquisitionTime.
        ds.TriggerTime = round(1000 * float(image.parameter or 0), 3)
        ds.TemporalPositionIdentifier = image.volume_index + 1
    elif image.kind == "b":
        _diffusion(ds, image)
    elif image.kind == "te":
        ds.EchoTime, ds.EchoNumbers = image.parameter, image.volume_index + 1
    elif image.kind == "fa":
        ds.FlipAngle = image.parameter


_DIRECTIONS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.6, 0.8), (-0.48, 0.6, 0.64))


def _diffusion(ds: Dataset, image: Image) -> None:
    # dcm2niix takes InstanceNumber for the order of slices where no volume number
    # varies, and then writes them scrambled.
    ds.TemporalPositionIdentifier = image.volume_index + 1
    ds.DiffusionBValue = image.parameter
    ds.DiffusionDirectionality = "DIRECTIONAL" if image.volume_index else "NONE"
    if image.volume_index:
        ds.DiffusionGradientOrientation = list(_DIRECTIONS[image.volume_index])


def _private(ds: Dataset, image: Image) -> None:
    """Private block with a value of this image, text, and nested sequences."""
    value = 100.0 * image.volume_index + image.slice_index + 0.5
    item = Dataset()
    item.ConceptNameCodeSequence = [_code("N", "99IMAGEDATA", "Number of the image")]
    item.FloatingPointValue = value
    block = ds.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "FD", value)
    block.add_new(0x02, "LO", f"{image.kind} slice {image.slice_index} volume {image.volume_index}")
    block.add_new(0x10, "SQ", [item])


def dataset(image: Image) -> FileDataset:
    """One image as the DICOM file that holds it."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = image.sop_class
    meta.MediaStorageSOPInstanceUID = uid("image", *image)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # Given here, as pydicom's own would change the bytes with its version.
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = "IMD_PHANTOM_1"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    _patient_and_study(ds, image.spec)
    _series_and_equipment(ds, image)
    _image_and_plane(ds, image)
    (_ct if image.spec.modality == "CT" else _mr)(ds, image)
    _pixels(ds, image)
    _private(ds, image)
    return ds


PALETTE = np.array(
    [
        (0, 0, 0), (196, 164, 132), (230, 60, 50), (250, 220, 90),
        (70, 110, 220), (170, 20, 60), (80, 190, 120),
    ],
    np.uint8,
)  # fmt: skip
"""The colour of each label in `picture`."""


def picture() -> NDArray[np.uint8]:
    """Coronal section of the phantom in colour, (240, 200, 3): head up, the patient's left at the right.

    A stripe of brightness runs from the top to the bottom, so that each row differs.
    """
    z, x = np.meshgrid(np.linspace(140, -100, 240), np.linspace(-95, 105, 200), indexing="ij")
    label = phantom(np.stack([x, np.full_like(x, CENTRE[1] + 5), z], axis=-1))
    shade = np.linspace(1.0, 0.6, 240)[:, np.newaxis, np.newaxis]
    return np.asarray(np.rint(PALETTE[label] * shade), np.uint8)


def labels() -> tuple[NDArray[np.uint8], Floats]:
    """Label of each voxel of the CT, (slice, row, column), and the affine of that grid."""
    spec = SERIES["ct"]
    grid = np.stack([spec.grid(number) for number in range(spec.shape[0])])
    return phantom(grid), affine("ct")


def write(out: Path) -> int:
    """Write all series to ``out/dicom/<kind>/`` and return the bytes written.

    Raises
    ------
    FileExistsError
        When a folder holds a file that is not of this sample: a test that
        reads the folder would read it too.
    """
    total = 0
    for kind in SERIES:
        folder = out / "dicom" / kind
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {file_name(image): image for image in images(kind)}
        strange = sorted({path.name for path in folder.iterdir()} - set(wanted))
        if strange:
            raise FileExistsError(
                f"{folder} holds {len(strange)} file(s) that are not of this "
                f"sample, such as {strange[0]}; remove them, or give another --out"
            )
        for name, image in wanted.items():
            path = folder / name
            dataset(image).save_as(path, enforce_file_format=True)
            total += path.stat().st_size
    return total


def main(arguments: list[str] | None = None) -> int:
    """Command line: returns the exit status."""
    parser = argparse.ArgumentParser(description="Make the sample DICOM series.")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parent,
        help="folder to make dicom/ in (default: the folder of this file)",
    )
    out = parser.parse_args(arguments).out
    try:
        total = write(out)
    except OSError as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 1
    count = sum(1 for kind in SERIES for _ in images(kind))
    print(f"{count} files, {total / 1e6:.1f} MB in {out / 'dicom'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
