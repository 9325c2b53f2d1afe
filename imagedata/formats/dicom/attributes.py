"""Which attributes of a source image would be false in what is written, and why.

Everything that is not listed here is inherited: sequences and private blocks whole, in place.
What depends on the values, the grid or the identity of the new image is set elsewhere
(`describe`, `place`); this module only takes away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, auto
from functools import cache
from typing import TYPE_CHECKING, Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

if TYPE_CHECKING:
    from pydicom.tag import BaseTag

__all__ = ['PROTECTED', 'RULES', 'Rule', 'When', 'clone', 'inherited', 'is_private_scale']


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
    Rule(When.VALUES | When.STORED, 'statistics of the stored values of the source', (
        'SmallestImagePixelValue', 'LargestImagePixelValue', 'SmallestPixelValueInSeries',
        'LargestPixelValueInSeries', 'SmallestImagePixelValueInPlane',
        'LargestImagePixelValueInPlane', 'HistogramSequence', 'PerimeterValue',
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
    Rule(When.NEW_PIXELS, 'drawn, or measured, on the pixel grid of the source', (
        'PixelAspectRatio', 'PixelSpacingCalibrationType', 'PixelSpacingCalibrationDescription',
        'ImagerPixelSpacing', 'NominalScannedPixelSpacing', 'GraphicAnnotationSequence',
        'SequenceOfUltrasoundRegions', 'ShutterShape', 'ShutterLeftVerticalEdge',
        'ShutterRightVerticalEdge', 'ShutterUpperHorizontalEdge', 'ShutterLowerHorizontalEdge',
        'CenterOfCircularShutter', 'RadiusOfCircularShutter', 'VerticesOfThePolygonalShutter',
        'ShutterPresentationValue', 'ShutterOverlayGroup', 'MaskSubtractionSequence',
    )),
    Rule(When.NEW_PLANE | When.NO_PLACE, 'directions of the rows and columns of the source', (
        'PatientOrientation',
    )),
    Rule(When.NO_PLACE, 'the array says nothing of a place', (
        'ImagePositionPatient', 'ImageOrientationPatient', 'ImagePosition', 'ImageOrientation',
        'SliceLocation', 'SpacingBetweenSlices', 'SliceThickness', 'PixelSpacing', 'Location',
        'FrameOfReferenceUID', 'PositionReferenceIndicator', 'GantryDetectorTilt',
        'GantryDetectorSlew', 'PixelAspectRatio',
    )),
)  # fmt: skip
"""Elements that are taken away, when, and why."""

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

    Elements are shared with `source`, as they stand, parsed or not. Nothing that is done to
    the new dataset's own elements reaches the source.
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
    gone = removed(circumstances)
    other = When.OTHER_CLASS in circumstances
    kept = _tags(KEPT_IN_OTHER_CLASS)
    elements: dict[BaseTag, Any] = {}
    stale_scale = bool(circumstances & (When.STORED | When.COLOR))
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
        if stale_scale and group == 0x2005 and is_private_scale(source, tag):
            continue
        elements[tag] = element
    return elements


def _has_overlay_data(source: Dataset, group: int) -> bool:
    return (group << 16 | 0x3000) in source


def is_private_scale(source: Dataset, tag: BaseTag) -> bool:
    """Return whether an element is Philips' own slope or intercept of the stored values.

    Scale Intercept and Scale Slope, (2005,xx0D) and (2005,xx0E) of creator 'Philips MR Imaging
    DD 001', which tools read in place of Rescale Slope.
    """
    number = int(tag) & 0xFFFF
    if number & 0xFF not in (0x0D, 0x0E) or number < 0x1000:
        return False
    creator = (0x2005, number >> 8)
    return creator in source and str(source[creator].value).strip() == 'Philips MR Imaging DD 001'
