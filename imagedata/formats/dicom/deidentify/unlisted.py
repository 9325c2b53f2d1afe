"""Elements that the profile does not list: what is done with them follows from what they can say.

Table E.1-1 of PS3.15 lists the elements that are known to identify. Others can hold the same: in texts
that people type, in UIDs of single objects, in what was retired, and in what no dictionary knows.
"""

from __future__ import annotations

from functools import cache

from .profile import Action, Options

__all__ = ['unlisted']

_TEMPORAL = frozenset(('DA', 'TM', 'DT'))
_FREE = frozenset(('ST', 'LT', 'UT'))
"""Texts without a vocabulary."""

_NO_OBJECTS = frozenset({
    'SOPClassUID', 'RelatedGeneralSOPClassUID', 'OriginalSpecializedSOPClassUID', 'SOPClassesInStudy',
    'ReferencedSOPClassUID', 'SOPClassesSupported', 'PertinentSOPClassesInStudy',
    'PertinentSOPClassesInSeries', 'CodingSchemeUID', 'ContextGroupExtensionCreatorUID', 'ContextUID',
    'MappingResourceUID', 'CreatorVersionUID', 'AvailableTransferSyntaxUID', 'FlowTransferSyntaxUID',
    'StoredInstanceTransferSyntaxUID', 'MACCalculationTransferSyntaxUID',
    'EncryptedContentTransferSyntaxUID',
})  # fmt: skip
"""UIDs of classes, codes and encodings. All others name one object, and lead to it."""

_TYPED = frozenset({
    'ResourceDescription', 'RequestedProcedureDescriptionTrial', 'PerformedProcedureTypeDescription',
    'ConfidentialityCode', 'CompletionFlagDescription', 'SubstanceAdministrationNotes', 'ContentDescription',
    'FrameOfReferenceTransformationComment', 'DoseComment', 'SystemStatusComment', 'TestResultComment',
    'FilmSessionLabel', 'ReasonForChannelOmissionDescription', 'PotentialReasonsForProcedure',
    'PotentialDiagnosticTasks',
})  # fmt: skip
"""Short texts of which the name says that people type them."""

_IDENTIFIERS = frozenset({
    'PatientBirthDateInAlternativeCalendar', 'PatientDeathDateInAlternativeCalendar',
    'BreedRegistrationNumber', 'StrainStockNumber', 'StrainSource', 'ComponentWelderIDs',
    'PlacerOrderNumberProcedure', 'FillerOrderNumberProcedure',
    'PlacerOrderNumberImagingServiceRequestRetired', 'FillerOrderNumberImagingServiceRequestRetired',
    'SubstanceAdministrationDeviceID', 'ProductLotIdentifier', 'ReferenceToRecordedSound', 'ImageID',
    'SourceImageIDs', 'HangingProtocolCreator', 'HangingProtocolUserGroupName', 'ContactDisplayName',
    'OwnerID', 'StorageMediaFileSetID', 'CompressionOriginator',
})  # fmt: skip
"""What numbers or names patients, persons, orders and images: no option keeps it."""

_OF_PERSONS = frozenset({
    'IssuerOfPatientIDQualifiersSequence', 'SourcePatientGroupIdentificationSequence', 'StrainStockSequence',
    'GroupOfPatientsIdentificationSequence', 'IssuerOfAccessionNumberSequence', 'ReferencedVisitSequence',
    'OrderPlacerIdentifierSequence', 'OrderFillerIdentifierSequence', 'AssigningFacilitySequence',
    'AssigningJurisdictionCodeSequence', 'AssigningAgencyOrDepartmentCodeSequence',
    'RequestingPhysicianIdentificationSequence', 'RequestingServiceCodeSequence',
    'HumanPerformerCodeSequence', 'ScheduledSpecimenSequence', 'AlternateContainerIdentifierSequence',
    'EncryptedAttributesSequence',
    'HangingProtocolUserIdentificationCodeSequence', 'AuthorIdentificationSequence',
    'AsserterIdentificationSequence', 'AssessmentRequesterSequence', 'ReferencedAccessionSequenceTrial',
    'DocumentingOrganizationIdentifierCodeSequenceTrial', 'DocumentIdentifierCodeSequenceTrial',
    'DocumentAuthorIdentifierCodeSequenceTrial', 'DocumentingObserverIdentifierCodeSequenceTrial',
    'IdentifierCodeSequenceTrial', 'ProcedureIdentifierCodeSequenceTrial', 'ScopeOfInventorySequence',
    'InventoryAccessEndPointsSequence', 'IncorporatedInventoryInstanceSequence', 'DICOMStorageSequence',
    'STOWRSStorageSequence', 'XDSStorageSequence', 'DICOMRetrievalSequence', 'DICOMMediaRetrievalSequence',
    'WADORetrievalSequence', 'XDSRetrievalSequence', 'WADORSRetrievalSequence',
    'ReferencedStorageMediaSequence',
})  # fmt: skip
"""Sequences whose codes and items are persons, offices, orders and stores."""

_BODY = frozenset({'PatientBodyMassIndex', 'MeasuredAPDimension', 'MeasuredLateralDimension'})
"""Numbers of the patient that go with weight and size."""

_PLACES = frozenset({'DeviceID', 'GridID', 'NTPSourceAddress', 'TimeSource', 'RadiationMachineName',
                     'PrinterName', 'AuthorizationEquipmentCertificationNumber'})  # fmt: skip
"""What tells the device, or its network."""

_CODES = frozenset({'URNCodeValue'})
_SECRETS = frozenset((0x0040, 0x0400))
"""Groups whose bytes are documents, signatures and encrypted elements."""

_OF_OTHERS = frozenset((0x0014, 0x4010))
"""Groups of other trades (testing of materials, security), with names of persons of their own."""


@cache
def unlisted(tag: int, vr: str, options: Options) -> Action:
    """Return what is done with an element that Table E.1-1 does not list.

    Parameters
    ----------
    tag : int
    vr : str
        That of the file, or of the dictionary where the file's says nothing.
    options : Options

    Examples
    --------
    >>> unlisted(0x00200242, 'UI', Options())     # SOP Instance UID of Concatenation Source
    <Action.UID: 'U'>
    >>> unlisted(0x00080016, 'UI', Options())     # SOP Class UID
    <Action.KEEP: 'K'>
    """
    from pydicom.datadict import keyword_for_tag

    keyword = keyword_for_tag(tag)
    # What no dictionary knows cannot be judged.
    if keyword in _CODES:
        return Action.KEEP
    told = keyword in _IDENTIFIERS or keyword in _OF_PERSONS
    if told or not keyword or vr in ('UN', 'UR') or tag >> 16 in _OF_OTHERS:
        return Action.REMOVE
    if vr in _TEMPORAL:
        return Action.MOVE
    if vr == 'UI':
        return Action.KEEP if keyword in _NO_OBJECTS or options.retain_uids else Action.UID
    if vr == 'PN':
        return Action.EMPTY
    if keyword in _PLACES:
        return Action.KEEP if options.retain_device else Action.REMOVE
    if keyword in _BODY:
        return Action.KEEP if options.retain_patient else Action.REMOVE
    if vr in _FREE or keyword in _TYPED:
        if options.clean_descriptors:
            return Action.CLEAN
        # Of type 1 in items of content (PS3.3 10.2) and in segments (C.8.20.2).
        return Action.DUMMY if keyword in ('TextValue', 'TrackingID') else Action.REMOVE
    return Action.REMOVE if vr in ('OB', 'OW') and tag >> 16 in _SECRETS else Action.KEEP
