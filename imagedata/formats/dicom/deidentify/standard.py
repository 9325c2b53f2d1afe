"""What PS3.15 Annex E says of its options: columns of Table E.1-1, Table E.3.10-1, codes of CID 7050."""

from __future__ import annotations

from collections.abc import Mapping

from ..vendor.diffusion import VENDORS

__all__ = [
    'BODY_PARTS', 'CLEANED_DESCRIPTORS', 'CODES', 'DEVICE', 'DUMMY_TEXT', 'INSTITUTION', 'PATIENT',
    'PATIENT_TEXTS', 'SAFE_PRIVATE',
]  # fmt: skip

BODY_PARTS: frozenset[str] = frozenset((
    'ABDOMEN', 'ANKLE', 'AORTA', 'ARM', 'BRAIN', 'BREAST', 'CHEST', 'CLAVICLE', 'CSPINE', 'ELBOW',
    'EXTREMITY', 'EYE', 'FEMUR', 'FINGER', 'FOOT', 'HAND', 'HEAD', 'HEADNECK', 'HEART', 'HIP', 'HUMERUS',
    'KIDNEY', 'KNEE', 'LEG', 'LIVER', 'LSPINE', 'LUNG', 'NECK', 'PANCREAS', 'PELVIS', 'PHANTOM', 'PROSTATE',
    'RIB', 'SHOULDER', 'SKULL', 'SPINE', 'SPLEEN', 'SSPINE', 'STERNUM', 'TOE', 'TSPINE', 'UTERUS',
    'WHOLEBODY', 'WRIST',
))  # fmt: skip
"""Common terms of Body Part Examined (PS3.16 Annex L): also patients are called after them, in phantoms."""

DUMMY_TEXT = 'ANONYMIZED'
"""What stands for texts that an object has to have."""

DEVICE: frozenset[str] = frozenset({
    'BeamHoldTransitionDateTime', 'CalibrationDate', 'CalibrationDateTime', 'CalibrationTime',
    'CassetteID', 'DateOfInstallation', 'DateOfLastCalibration', 'DateOfLastDetectorCalibration',
    'DateOfManufacture', 'DateTimeOfLastCalibration', 'DetectorID', 'DeviceDescription',
    'DeviceLabel', 'DeviceSerialNumber', 'DeviceUID', 'GantryID', 'GeneratorID', 'LensMake',
    'LensModel', 'LensSerialNumber', 'LensSpecification', 'ManufacturerDeviceClassUID',
    'ManufacturerDeviceIdentifier', 'ModifyingDeviceID', 'ModifyingSystem',
    'PerformedStationGeographicLocationCodeSequence', 'PerformedStationName',
    'PerformedStationNameCodeSequence', 'PlateID', 'ScheduledProcedureStepLocation',
    'ScheduledStationGeographicLocationCodeSequence', 'ScheduledStationName',
    'ScheduledStationNameCodeSequence', 'ScheduledStudyLocation', 'SourceManufacturer',
    'SourceSerialNumber', 'StationName', 'TimeOfLastCalibration', 'TimeOfLastDetectorCalibration',
    'TransducerIdentificationSequence', 'TreatmentMachineName', 'UDISequence',
    'UniqueDeviceIdentifier', 'XRayDetectorID', 'XRayDetectorLabel', 'XRaySourceID',
})  # fmt: skip
"""Kept by the Retain Device Identity Option (E.3.9). AE titles, which are to be cleaned, are not kept."""

INSTITUTION: frozenset[str] = frozenset({
    'ClinicalTrialCoordinatingCenterName', 'ClinicalTrialProtocolEthicsCommitteeName',
    'ClinicalTrialSiteID', 'ClinicalTrialSiteName', 'InstitutionAddress', 'InstitutionCodeSequence',
    'InstitutionName', 'InstitutionalDepartmentName', 'InstitutionalDepartmentTypeCodeSequence',
    'SourceOfPreviousValues',
})  # fmt: skip
"""Kept by the Retain Institution Identity Option (E.3.11)."""

PATIENT: frozenset[str] = frozenset({
    'EthnicGroup', 'EthnicGroupCodeSequence', 'PatientAge', 'PatientSex', 'PatientSexNeutered',
    'PatientSize', 'PatientWeight', 'PregnancyStatus', 'SelectorASValue', 'SmokingStatus',
})  # fmt: skip
"""Kept by the Retain Patient Characteristics Option (E.3.7)."""

PATIENT_TEXTS: frozenset[str] = frozenset({
    'Allergies', 'PatientState', 'PreMedication', 'SpecialNeeds',
})  # fmt: skip
"""Texts that the Retain Patient Characteristics Option keeps, cleaned."""

CLEANED_DESCRIPTORS: frozenset[str] = frozenset({
    'AcquisitionComments', 'AcquisitionDeviceProcessingDescription', 'AcquisitionFieldOfViewLabel',
    'AcquisitionProtocolDescription', 'AdditionalPatientHistory', 'AdmittingDiagnosesCodeSequence',
    'AdmittingDiagnosesDescription', 'Allergies', 'AnnotationGroupDescription',
    'AnnotationGroupLabel', 'BeamDescription', 'BolusDescription', 'ClinicalTrialSeriesDescription',
    'ClinicalTrialTimePointDescription', 'CommentsOnRadiationDose',
    'CommentsOnThePerformedProcedureStep', 'CompensatorDescription',
    'ConceptualVolumeCombinationDescription', 'ConceptualVolumeDescription', 'ContainerDescription',
    'ContrastBolusAgent', 'ContributionDescription', 'DecompositionDescription',
    'DerivationDescription', 'DeviceSettingDescription', 'DischargeDiagnosisDescription',
    'DisplacementReferenceLabel', 'DoseReferenceDescription', 'EntityDescription', 'EntityLabel',
    'EntityLongLabel', 'EntityName', 'EquipmentFrameOfReferenceDescription',
    'FilterLookupTableDescription', 'FixationDeviceDescription', 'FractionGroupDescription',
    'FractionationNotes', 'FrameComments', 'IdentifyingComments', 'ImageComments',
    'ImagingServiceRequestComments', 'Impressions', 'InterlockDescription',
    'InterlockOriginDescription', 'InterpretationDiagnosisDescription', 'InterpretationText',
    'LabelText', 'LongDeviceDescription', 'MakerNote', 'MedicalAlerts',
    'MultienergyAcquisitionDescription', 'Occupation', 'PatientComments',
    'PatientSetupPhotoDescription', 'PatientState', 'PatientTreatmentPreparationMethodDescription',
    'PatientTreatmentPreparationProcedureParameterDescription', 'PerformedProcedureStepDescription',
    'PositionAcquisitionTemplateDescription', 'PositionAcquisitionTemplateName',
    'PrescriptionDescription', 'PrescriptionNotes', 'PrescriptionNotesSequence',
    'PriorTreatmentDoseDescription', 'ProtocolName', 'PyramidDescription', 'PyramidLabel',
    'ROIDescription', 'ROIGenerationDescription', 'ROIName', 'ROIObservationDescription',
    'ROIObservationLabel', 'RTPhysicianIntentNarrative', 'RTPlanDescription', 'RTPlanLabel',
    'RTPlanName', 'RTPrescriptionLabel', 'RTToleranceSetLabel', 'RTTreatmentApproachLabel',
    'RadiationDoseIdentificationLabel', 'RadiationDoseInVivoMeasurementLabel',
    'RadiationGenerationModeDescription', 'RadiationGenerationModeLabel',
    'ReasonForOmissionDescription', 'ReasonForRequestedProcedureCodeSequence', 'ReasonForStudy',
    'ReasonForSuperseding', 'ReasonForTheAttributeModification',
    'ReasonForTheImagingServiceRequest', 'ReasonForTheRequestedProcedure', 'ReasonForVisit',
    'ReasonForVisitCodeSequence', 'RequestAttributesSequence', 'RequestedContrastAgent',
    'RequestedProcedureComments', 'RequestedProcedureDescription', 'RequestedSeriesDescription',
    'RespiratoryMotionCompensationTechniqueDescription', 'ResultsComments',
    'ScheduledProcedureStepDescription', 'SelectorLOValue', 'SelectorLTValue', 'SelectorSHValue',
    'SelectorSTValue', 'SelectorUTValue', 'SeriesDescription', 'ServiceEpisodeDescription',
    'SetupTechniqueDescription', 'ShieldingDeviceDescription', 'SpecimenDetailedDescription',
    'SpecimenShortDescription', 'StructureSetDescription', 'StructureSetLabel', 'StructureSetName',
    'StudyComments', 'StudyDescription', 'TreatmentPositionGroupLabel', 'TreatmentSite',
    'TreatmentSites', 'TreatmentTechniqueNotes', 'TreatmentToleranceViolationDescription',
    'UserContentLabel', 'UserContentLongLabel', 'VisitComments', 'WaveformFilterDescription',
})  # fmt: skip
"""Kept, cleaned, by the Clean Descriptors Option (E.3.5)."""

_SAFE_PRIVATE: Mapping[str, frozenset[tuple[int, int]]] = {
    'Philips PET Private Group': frozenset({(0x7053, 0x00), (0x7053, 0x09)}),
    'ELSCINT1': frozenset({
        (0x00E1, 0x21), (0x01E1, 0x26), (0x01E1, 0x50), (0x01F1, 0x01), (0x01F1, 0x07), (0x01F1, 0x26),
        (0x01F1, 0x27),
    }),
    'GEMS_ACQU_01': frozenset({(0x0019, 0x23), (0x0019, 0x24), (0x0019, 0x27), (0x0019, 0x9E)}),
    'GEMS_SERS_01': frozenset({(0x0025, 0x07)}),
    'GEMS_PARM_01': frozenset({(0x0043, 0x27), (0x0043, 0x2C), (0x0043, 0x6F), (0x0043, 0x83)}),
    'GEMS_HELIOS_01': frozenset({(0x0045, 0x01), (0x0045, 0x02)}),
    'SIEMENS MR HEADER': frozenset({
        (0x0019, 0x0A), (0x0019, 0x0B), (0x0019, 0x18), (0x0019, 0x28), (0x0019, 0x29),
    }),
    'SIEMENS MR SDI 02': frozenset({(0x0021, 0x1C), (0x0021, 0x53)}),
    'Philips Imaging DD 001': frozenset({(0x2001, 0x08), (0x2001, 0x13), (0x2001, 0x22)}),
    'Philips MR Imaging DD 001': frozenset({(0x2005, 0x0D), (0x2005, 0x0E), (0x2005, 0x11)}),
    'Philips MR Imaging DD 005': frozenset({(0x2005, 0x29)}),
}  # fmt: skip


def _with_diffusion(
    listed: Mapping[str, frozenset[tuple[int, int]]],
) -> Mapping[str, frozenset[tuple[int, int]]]:
    """Return a table of safe elements with those of diffusion of all vendors."""
    found = dict(listed)
    for vendor in VENDORS:
        for group, creator, elements in vendor.DIFFUSION.elements:
            found[creator] = found.get(creator, frozenset()) | {(group, element) for element in elements}
    return found


SAFE_PRIVATE = _with_diffusion(_SAFE_PRIVATE)
"""Creator to (group, element without its block): numbers of the acquisition (E.3.10, Retain Safe Private).

Those of Table E.3.10-1 that tell how values were measured, and the numbers and codes of vendors that
readers of this library use (`formats.dicom.vendor` says what each is, and where that is written; those of
diffusion are taken from there).
"""

CODES: Mapping[str, tuple[str, str]] = {
    'basic': ('113100', 'Basic Application Confidentiality Profile'),
    'descriptors': ('113105', 'Clean Descriptors Option'),
    'keep': ('113106', 'Retain Longitudinal Temporal Information Full Dates Option'),
    'shift': ('113107', 'Retain Longitudinal Temporal Information Modified Dates Option'),
    'patient': ('113108', 'Retain Patient Characteristics Option'),
    'device': ('113109', 'Retain Device Identity Option'),
    'uids': ('113110', 'Retain UIDs Option'),
    'private': ('113111', 'Retain Safe Private Option'),
    'institution': ('113112', 'Retain Institution Identity Option'),
}
"""Option to code value and meaning, of scheme DCM (PS3.16 CID 7050)."""
