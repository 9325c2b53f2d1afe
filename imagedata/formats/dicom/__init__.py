"""DICOM: scanning files, frames, sorting, pixels, and writing."""
