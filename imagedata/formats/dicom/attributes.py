"""Which attributes of a source image would be false in what is written, and why.

Everything that is not listed here is inherited: sequences and private blocks whole, in place.
What depends on the values, the grid or the identity of the new image is set elsewhere
(`describe`, `place`); this module only takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from functools import cache
from typing import TYPE_CHECKING, Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from .vendor import canon, siemens
from .vendor.diffusion import VENDORS

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

__all__ = ['PRIVATE_RULES', 'PROTECTED', 'RULES', 'PrivateRule', 'Rule', 'When', 'clone', 'inherited']


class When(Flag):
    """Circumstances under which attributes of the source no longer hold."""

    ALWAYS = auto()
    NEW_IMAGE = auto()
    """The image is a new one: all but those written unchanged under their own UID."""
    VALUES = auto()
    """The pixel values are not those of the source."""
    STORED = auto()
    """The stored integers, or what leads from them to values, are not the source's."""
    NO_PLACE = auto()
    """The array has no geometry."""
    NEW_PLANE = auto()
    """Image planes are not those of the source."""
    NEW_PIXELS = auto()
    """Rows, columns or their distance are not the source's."""
    COLOR = auto()
    """The image is, or was, in colour: grey-scale transformations do not apply."""
    NO_DIFFUSION = auto()
    """The image was computed over several b values or gradient directions: it has none."""
    OTHER_CLASS = auto()
    """The object is of another SOP class than the source."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Elements that are taken away under some circumstances.

    Parameters
    ----------
    when : When
        Any of these circumstances.
    reason : str
    keywords : tuple of str
    """

    when: When
    reason: str
    keywords: tuple[str, ...]


RULES: tuple[Rule, ...] = (
    Rule(When.ALWAYS, 'the pixels are written anew, uncompressed, one frame a file', (
        'PixelData', 'FloatPixelData', 'DoubleFloatPixelData', 'ExtendedOffsetTable',
        'ExtendedOffsetTableLengths', 'NumberOfFrames', 'FrameIncrementPointer',
        'PixelDataProviderURL', 'PlanarConfiguration', 'EncapsulatedPixelDataValueTotalLength',
        'DataSetTrailingPadding',
    )),
    Rule(When.ALWAYS, 'functional groups and dimensions describe frames of a multi-frame object', (
        'SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence',
        'DimensionOrganizationSequence', 'DimensionIndexSequence', 'DimensionOrganizationType',
        'ConcatenationUID', 'ConcatenationFrameOffsetNumber', 'InConcatenationNumber',
        'InConcatenationTotalNumber', 'SOPInstanceUIDOfConcatenationSource',
        'RepresentativeFrameNumber', 'StackID', 'InStackPositionNumber',
    )),
    Rule(When.ALWAYS, 'a signature or a checksum holds for the very bytes that were signed', (
        'MACParametersSequence', 'DigitalSignaturesSequence', 'EncryptedAttributesSequence',
        'OriginalAttributesSequence',
    )),
    Rule(When.ALWAYS, 'colours are looked up and stored as RGB', (
        'RedPaletteColorLookupTableDescriptor', 'GreenPaletteColorLookupTableDescriptor',
        'BluePaletteColorLookupTableDescriptor', 'PaletteColorLookupTableUID',
        'RedPaletteColorLookupTableData', 'GreenPaletteColorLookupTableData',
        'BluePaletteColorLookupTableData', 'SegmentedRedPaletteColorLookupTableData',
        'SegmentedGreenPaletteColorLookupTableData', 'SegmentedBluePaletteColorLookupTableData',
    )),
    Rule(When.ALWAYS, 'the modality transformation is linear in what is written', (
        'ModalityLUTSequence',
    )),
    Rule(When.ALWAYS, 'the icon shows other pixels, and is made by whoever needs it', (
        'IconImageSequence',
    )),
    Rule(When.NEW_IMAGE, 'says what the source was derived from; the source stands there now', (
        'SourceImageSequence', 'DerivationDescription', 'DerivationCodeSequence',
    )),
    Rule(When.ALWAYS, 'the object is new: it has no past in archives', (
        'InstanceCreatorUID', 'StorageMediaFileSetID', 'StorageMediaFileSetUID',
        'RetrieveAETitle', 'InstanceAvailability', 'NumberOfStudyRelatedInstances',
        'NumberOfSeriesRelatedInstances', 'NumberOfStudyRelatedSeries', 'ImagesInAcquisition',
        'RelatedSeriesSequence', 'ConversionSourceAttributesSequence',
    )),
    Rule(When.VALUES | When.STORED | When.NEW_PIXELS, 'statistics of the stored values of the source', (
        'SmallestImagePixelValue', 'LargestImagePixelValue', 'SmallestPixelValueInSeries',
        'LargestPixelValueInSeries', 'SmallestImagePixelValueInPlane',
        'LargestImagePixelValueInPlane', 'HistogramSequence', 'PerimeterValue',
    )),
    Rule(When.VALUES, 'volumes and norms of the doses of the source', (
        'DVHSequence', 'DVHNormalizationPoint', 'DVHNormalizationDoseValue',
    )),
    Rule(When.VALUES | When.STORED, 'new values may equal the padding of the source by chance', (
        'PixelPaddingValue', 'PixelPaddingRangeLimit',
    )),
    Rule(When.VALUES, 'display of other values', (
        'WindowCenter', 'WindowWidth', 'WindowCenterWidthExplanation', 'VOILUTFunction',
        'RecommendedViewingMode', 'PresentationLUTSequence',
    )),
    Rule(When.VALUES | When.STORED, 'maps stored values of the source', (
        'VOILUTSequence', 'RealWorldValueMappingSequence', 'RescaleSlope', 'RescaleIntercept',
    )),
    Rule(When.COLOR, 'grey-scale display and values', (
        'WindowCenter', 'WindowWidth', 'WindowCenterWidthExplanation', 'VOILUTFunction',
        'VOILUTSequence', 'RescaleSlope', 'RescaleIntercept', 'RescaleType', 'PresentationLUTShape',
        'RealWorldValueMappingSequence', 'PixelPaddingValue', 'PixelPaddingRangeLimit',
        'SmallestImagePixelValue', 'LargestImagePixelValue', 'ICCProfile', 'ColorSpace',
    )),
    Rule(When.NO_DIFFUSION, 'of one of the images that it was computed from', (
        'DiffusionBValue', 'DiffusionGradientOrientation', 'DiffusionDirectionality',
        'DiffusionBMatrixSequence', 'DiffusionGradientDirectionSequence',
    )),
    Rule(When.NEW_PIXELS, 'drawn, or measured, on the pixel grid of the source', (
        'PixelAspectRatio', 'PixelSpacingCalibrationType', 'PixelSpacingCalibrationDescription',
        'ImagerPixelSpacing', 'NominalScannedPixelSpacing', 'GraphicAnnotationSequence',
        'SequenceOfUltrasoundRegions', 'ShutterShape', 'ShutterLeftVerticalEdge',
        'ShutterRightVerticalEdge', 'ShutterUpperHorizontalEdge', 'ShutterLowerHorizontalEdge',
        'CenterOfCircularShutter', 'RadiusOfCircularShutter', 'VerticesOfThePolygonalShutter',
        'ShutterPresentationValue', 'ShutterOverlayGroup', 'MaskSubtractionSequence',
    )),
    Rule(When.NEW_PLANE | When.NO_PLACE, 'directions of the rows and columns of the source', (
        'PatientOrientation', 'InPlanePhaseEncodingDirection',
    )),
    Rule(When.NO_PLACE, 'the array says nothing of a place', (
        'ImagePositionPatient', 'ImageOrientationPatient', 'ImagePosition', 'ImageOrientation',
        'SliceLocation', 'SpacingBetweenSlices', 'SliceThickness', 'PixelSpacing', 'Location',
        'FrameOfReferenceUID', 'PositionReferenceIndicator', 'GantryDetectorTilt',
        'GantryDetectorSlew', 'PixelAspectRatio',
    )),
)  # fmt: skip
"""Elements that are taken away, when, and why."""

@dataclass(frozen=True, slots=True)
class PrivateRule:
    """Private elements that are taken away under some circumstances.

    Parameters
    ----------
    when : When
    reason : str
    group : int
    creator : str
        Private creator of the block.
    elements : tuple of int
        Numbers in the block, the last two digits of the element.
    """

    when: When
    reason: str
    group: int
    creator: str
    elements: tuple[int, ...]


_NEW_VALUES = When.VALUES | When.STORED | When.COLOR

PRIVATE_RULES: tuple[PrivateRule, ...] = (
    PrivateRule(When.STORED | When.COLOR, 'scale of the stored values, read in place of Rescale Slope',
                0x2005, 'Philips MR Imaging DD 001', (0x0D, 0x0E)),
    PrivateRule(_NEW_VALUES, 'scale of the stored values before reconstruction',
                0x2005, 'Philips MR Imaging DD 001', (0x09, 0x0A, 0x0B, 0x0C)),
    PrivateRule(When.VALUES | When.COLOR, 'display of other values',
                0x2005, 'Philips MR Imaging DD 001', (0x0F, 0x10)),
    PrivateRule(When.VALUES | When.COLOR, 'display of other values',
                0x2001, 'Philips Imaging DD 001', (0x74, 0x75)),
    PrivateRule(_NEW_VALUES, 'least and greatest value', 0x0029, 'PHILIPS MR/LAST', (0x10, 0x20)),
    PrivateRule(_NEW_VALUES, 'range of the stored values', 0x0029, 'GEMS_IMPS_01',
                (*range(0x04, 0x0B), 0x15, 0x16, 0x17, 0x18)),
    PrivateRule(_NEW_VALUES, 'range of the stored values', 0x0029, 'GEMS_IMAG_01', (0x15, 0x16, 0x17, 0x18)),
    PrivateRule(_NEW_VALUES, 'histogram of the values', 0x0043, 'GEMS_PARM_01', (0x29,)),
    PrivateRule(When.NEW_IMAGE, 'checksum of the record', 0x0021, 'GEMS_RELA_01', (0x07, 0x19)),
    PrivateRule(_NEW_VALUES, 'least and greatest value', 0x7FE3, 'SIEMENS MED NM', (0x14, 0x15, 0x1F, 0x20)),
    PrivateRule(_NEW_VALUES, 'scale of the stored values', 0x0057, 'SIEMENS MED NM', (0x06, 0x07)),
    PrivateRule(When.VALUES | When.COLOR, 'display of other values', 0x0019, 'SIEMENS SMS-AX  VIEW 1.0',
                (0x1C, 0x1D)),
    PrivateRule(When.ALWAYS, 'number of slices in a mosaic, which are written as images of their own',
                0x0019, 'SIEMENS MR HEADER', (0x0A,)),
    *(
        PrivateRule(When.NEW_PLANE, 'gradient direction in the axes of the image',
                    *vendor.DIFFUSION.direction)
        for vendor in VENDORS
        if vendor.DIFFUSION.direction is not None and vendor.DIFFUSION.axes is not None
    ),
    *(
        PrivateRule(When.NO_DIFFUSION, 'b value or direction of one of the images that it was computed from',
                    *elements)
        for vendor in VENDORS
        for elements in vendor.DIFFUSION.elements
    ),
    PrivateRule(When.VALUES | When.COLOR, 'display of other values', 0x0029, 'MEDIFACE', (0x10, 0x11)),
    PrivateRule(_NEW_VALUES, 'least and greatest value', 0x0025, 'FDMS 1.0', (0x16, 0x17)),
)  # fmt: skip
"""Private elements that are taken away: statistics, scales and windows of other pixels.

Names and numbers: the private dictionary of pydicom, which is that of DCMTK and GDCM. Those of diffusion
stand with each vendor (`vendor.diffusion`).
"""

KEPT_IN_OTHER_CLASS = (
    # Patient
    'PatientName', 'PatientID', 'IssuerOfPatientID', 'IssuerOfPatientIDQualifiersSequence',
    'PatientBirthDate', 'PatientBirthTime', 'PatientSex', 'OtherPatientIDsSequence',
    'OtherPatientNames', 'EthnicGroup', 'PatientComments', 'PatientSpeciesDescription',
    'PatientIdentityRemoved', 'DeidentificationMethod', 'DeidentificationMethodCodeSequence',
    # Study
    'StudyInstanceUID', 'StudyDate', 'StudyTime', 'ReferringPhysicianName', 'StudyID',
    'AccessionNumber', 'IssuerOfAccessionNumberSequence', 'StudyDescription',
    'PhysiciansOfRecord', 'ProcedureCodeSequence', 'ReferencedStudySequence',
    'AdmittingDiagnosesDescription', 'PatientAge', 'PatientSize', 'PatientWeight', 'Occupation',
    'AdditionalPatientHistory', 'LongitudinalTemporalInformationModified',
    'ConsultingPhysicianName', 'NameOfPhysiciansReadingStudy',
    # Series
    'Modality', 'SeriesNumber', 'SeriesDescription', 'Laterality', 'BodyPartExamined',
    'ProtocolName', 'PatientPosition', 'PerformingPhysicianName', 'OperatorsName',
    'RequestAttributesSequence', 'PerformedProcedureStepID', 'PerformedProcedureStepStartDate',
    'PerformedProcedureStepStartTime', 'PerformedProcedureStepDescription',
    # Frame of reference and equipment
    'FrameOfReferenceUID', 'PositionReferenceIndicator', 'Manufacturer', 'InstitutionName',
    'InstitutionAddress', 'InstitutionalDepartmentName', 'StationName',
    'ManufacturerModelName', 'DeviceSerialNumber', 'SoftwareVersions',
    'ContributingEquipmentSequence',
    # General image and SOP common
    'SpecificCharacterSet', 'TimezoneOffsetFromUTC', 'AcquisitionDate', 'AcquisitionTime',
    'AcquisitionDateTime', 'AcquisitionNumber', 'ImageComments', 'QualityControlImage',
    'BurnedInAnnotation', 'RecognizableVisualFeatures', 'LossyImageCompression',
    'LossyImageCompressionRatio', 'LossyImageCompressionMethod', 'SliceThickness',
    'SpacingBetweenSlices', 'SliceLocation', 'ImageType', 'SOPClassUID', 'SOPInstanceUID',
    'ImagePositionPatient', 'ImageOrientationPatient', 'PixelSpacing', 'WindowCenter',
    'WindowWidth', 'WindowCenterWidthExplanation', 'RescaleSlope', 'RescaleIntercept',
    'RescaleType', 'PhotometricInterpretation', 'DiffusionBValue', 'SeriesDate', 'SeriesTime',
)  # fmt: skip
"""What an object of another class than its source inherits: the modules that all have."""

PROTECTED: frozenset[str] = frozenset({
    'Rows', 'Columns', 'BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation',
    'SamplesPerPixel', 'PixelData', 'PlanarConfiguration', 'NumberOfFrames', 'FloatPixelData',
    'DoubleFloatPixelData', 'RescaleSlope', 'RescaleIntercept', 'PhotometricInterpretation',
    'SpecificCharacterSet', 'SOPInstanceUID', 'SOPClassUID', 'SeriesInstanceUID',
})  # fmt: skip
"""Elements that follow from the array and its identity, and cannot be set to something else."""


@cache
def _tags(keywords: tuple[str, ...]) -> frozenset[int]:
    # Keywords that this version of pydicom does not know cannot be told apart in files either.
    found = (tag_for_keyword(keyword) for keyword in keywords)
    return frozenset(int(tag) for tag in found if tag is not None)


@cache
def removed(circumstances: When) -> frozenset[int]:
    """Return the tags of what does not hold under given circumstances."""
    applied = [rule for rule in RULES if rule.when & (circumstances | When.ALWAYS)]
    return frozenset().union(*(_tags(rule.keywords) for rule in applied))


def clone(source: Dataset, elements: Mapping[Any, Any]) -> Dataset:
    """Return a dataset of the elements, which are in the encoding of `source`.

    Elements are shared with `source`, as they stand, parsed or not. To change one, put another in
    its place (`made[tag] = element`), which does not reach the source. `made.Keyword = value`
    would: pydicom then changes the element that is there.
    """
    copied = Dataset(dict(elements))
    implicit, little = source.original_encoding
    copied.set_original_encoding(implicit, little, source.original_character_set or 'iso8859')
    return copied


def inherited(source: Dataset, circumstances: When) -> dict[BaseTag, Any]:
    """Return the elements that the image of a source passes on, each shared with the source.

    Overlays (groups 6000 to 601E) are drawn on the rows and columns of the source, and may lie
    in unused bits of its pixels: they go with a new grid, or when they have no data of
    their own.
    """
    gone = removed(circumstances) | _private_removed(source, circumstances)
    other = When.OTHER_CLASS in circumstances
    kept = _tags(KEPT_IN_OTHER_CLASS)
    elements: dict[BaseTag, Any] = {}
    overlays = not circumstances & (When.NEW_PIXELS | When.NEW_PLANE | When.NO_PLACE)
    for tag, element in source.items():
        number = int(tag)
        group = number >> 16
        if number in gone or group <= 2 or (number & 0xFFFF == 0) or group in (0x5400, 0xFFFA):
            continue
        if other and number not in kept:
            continue
        if 0x6000 <= group <= 0x60FF and not (overlays and _has_overlay_data(source, group)):
            continue
        elements[tag] = element
    _divide_mosaic(source, elements)
    if When.NO_DIFFUSION in circumstances:
        _change_csa(source, elements, siemens.without_diffusion)
        comment, tag = canon.without_diffusion(source), Tag('ImageComments')
        if comment is not None and tag in elements:
            elements[tag] = DataElement(tag, 'LT', comment)
    return elements


def _divide_mosaic(source: Dataset, elements: dict[BaseTag, Any]) -> None:
    """Take from a private header of Siemens what describes all slices of a mosaic: each is an image now."""
    _change_csa(source, elements, siemens.of_one_slice)
    for block in _blocks(source, 0x0019, 'SIEMENS MR HEADER'):
        tag = Tag(0x0019, block << 8 | 0x29)
        if elements.pop(tag, None) is not None:
            time = siemens.slice_time(source)
            if time is not None:
                elements[tag] = DataElement(tag, 'FD', time * 1000)


def _change_csa(
    source: Dataset, elements: dict[BaseTag, Any], change: Callable[[bytes], bytes]
) -> None:
    """Change the CSA image header of Siemens, where there is one."""
    for block in _blocks(source, 0x0029, 'SIEMENS CSA HEADER'):
        tag = Tag(0x0029, block << 8 | 0x10)
        element: Any = elements.get(tag)
        value = None if element is None else element.value
        if isinstance(value, bytes) and change(value) is not value:
            elements[tag] = DataElement(tag, element.VR or 'OB', change(value))


def _has_overlay_data(source: Dataset, group: int) -> bool:
    return (group << 16 | 0x3000) in source


def _private_removed(source: Dataset, circumstances: When) -> set[int]:
    """Return the tags of private elements that do not hold: each block stands where its creator says."""
    gone: set[int] = set()
    for rule in PRIVATE_RULES:
        if not rule.when & (circumstances | When.ALWAYS):
            continue
        for block in _blocks(source, rule.group, rule.creator):
            gone.update(rule.group << 16 | block << 8 | element for element in rule.elements)
    return gone


def _blocks(source: Dataset, group: int, creator: str) -> list[int]:
    """Return the numbers of the blocks that a private creator reserved (PS3.5 7.8.1)."""
    first, last = group << 16 | 0x10, group << 16 | 0xFF
    return [
        int(tag) & 0xFF
        for tag in source.keys()  # noqa: SIM118 (elements stay unparsed)
        if first <= int(tag) <= last and str(source[tag].value).strip() == creator
    ]
