"""Images over the network: DICOM's own protocol, DICOMweb, XNAT."""
