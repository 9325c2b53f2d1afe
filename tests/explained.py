"""Where this project and the conversions by others differ, and why this project is right.

Used by the tests of the real series and by `tools/conformance.py`.
"""

from imagedata import errors

REFUSED = {
    'dicom2nifti_suite/failing_sliceincrement_001': errors.MissingSliceError,
    'siemens_qt2/echoes': errors.MissingImageError,
    'non_image/spectroscopy_31': errors.NotImageError,
    'non_image/presentation_state': errors.NotImageError,
    'non_image/raw_data': errors.NotImageError,
    'non_image/structured_report': errors.NotImageError,
}
"""Series that are not read as they are: two are incomplete, the others hold no image."""

OTHER_ORDER = {
    # The files put b = 0 first, by frame number and by Dimension Index Values (b value index 1);
    # the reference puts it behind the directions.
    'philips_balls/DTI': [1, 2, 3, 4, 5, 6, 0, 7],
}

UNPLACED = {
    # No position in the files: the place in the reference is dcm2niix's own choice.
    'nm_multiframe/heart_13',
    'transfer_syntaxes_enhanced/emri_small',
    'transfer_syntaxes_enhanced/emri_small_RLE',
    'transfer_syntaxes_enhanced/emri_small_big_endian',
    'transfer_syntaxes_enhanced/emri_small_jpeg_2k_lossless',
    'transfer_syntaxes_enhanced/emri_small_jpeg_ls_lossless',
}

NOT_THE_FILES = {
    # The scanner's own NIfTI lies 1.35 mm from the positions in the DICOM that it exported with
    # it; dcm2niix and this project follow the positions.
    'T1.scanner_export.nii.gz',
    'T2-interleaved.scanner_export.nii.gz',
    'fieldmap.scanner_export.nii.gz',
}

OTHER_DIRECTIONS = {
    # dicom2nifti writes the first in patient axes, and the second for rows in the opposite order:
    # turned into the patient by its own image, neither is the direction in the files.
    'philips_dti_001.dicom2nifti.nii.gz',
    'siemens_dti_classic_001.dicom2nifti.nii.gz',
}
"""References whose gradient directions do not fit their own image."""

REASONS = {
    'dicom2nifti_suite/failing_sliceincrement_001': (
        'A slice is missing: positions 0, 5, 10 and 20 mm. dcm2niix writes evenly spaced slices, with the '
        "last one in a wrong place. This project refuses, and reads it with `missing='fill'` or `'drop'`."
    ),
    'siemens_qt2/echoes': (
        'Two of the nine images are missing: the second and the third echo of one slice. dcm2niix makes a '
        "file of whatever slices an echo has. This project refuses, and reads it with `missing='fill'` or "
        "`'drop'`."
    ),
    'non_image/spectroscopy_31': 'Spectroscopy: the files hold no Pixel Data.',
    'non_image/presentation_state': 'A presentation state: the files hold no Pixel Data.',
    'non_image/raw_data': 'Raw data: the files hold no Pixel Data.',
    'non_image/structured_report': 'Structured reports: the files hold no Pixel Data.',
    'philips_balls/DTI': (
        'The files put b = 0 first, by frame number and by Dimension Index Values (b value index 1); '
        'dcm2niix puts it behind the directions. Each volume is the same, with its own b value.'
    ),
    'nm_multiframe/heart_13': (
        'The files tell no position: the place in the NIfTI is a choice of dcm2niix. '
        'This project gives voxel sizes and says that the place is not known.'
    ),
    'transfer_syntaxes_enhanced': (
        'The files tell no position: the place in the NIfTI is a choice of dcm2niix. This project gives '
        'voxel sizes and says that the place is not known. Values are the same.'
    ),
    'philips_balls': (
        "The scanner's own NIfTI lies 1.35 mm from the positions in the DICOM that it exported with it; "
        'dcm2niix and this project follow the positions.'
    ),
    'ct_ge_tilt/head': (
        'The gantry is tilted, and the slice distance has three values. dcm2niix writes steps of the first '
        'distance, and a resampled copy beside it; here each slice stays at the position in its header. '
        'Values and the place of the first slice are the same.'
    ),
    'philips_epi/func_task_4_volumes': (
        'The files have no Rescale Slope, only a real-world and a private one. This project gives the values '
        'of the modality LUT, which are the stored ones; dcm2niix applies another of the slopes.'
    ),
    'dicom2nifti_suite/philips_dti_001': (
        'The `.bvec` of the second reference, by dicom2nifti, holds patient axes, not those of its image: '
        'turned into the patient by the affine beside it, it is 1.5° from the direction in the files. It is '
        'not compared; that of dcm2niix agrees.'
    ),
    'dicom2nifti_suite/siemens_dti_classic_001': (
        'The `.bvec` of the second reference, by dicom2nifti, is for rows in the opposite order: turned '
        'into the patient by the affine beside it, it is 68.7° from the direction in the files. It is not '
        'compared; that of dcm2niix agrees.'
    ),
    'dicom2nifti_suite/philips_enh_fmri_001': (
        'The second reference is by dicom2nifti, which scales enhanced images of Philips for display: '
        'it is not compared.'
    ),
}
"""Why a series, or all series of a dataset, differ from what another program made."""

TIMES = {
    'ge_dce/breast_dce_10_slices': (
        'pixdim4 is the Repetition Time (8.2 ms), not the time from volume to volume. The Acquisition Times '
        'in the files are some six minutes apart.'
    ),
    'philips_asl/pcasl3d_source_402': (
        'The series has two tag axes, time and label. dcm2niix counts both as one; its step is that from one '
        'image to the next, this project gives that from one time to the next.'
    ),
}
"""Why the steps of time differ."""


def reason(series: str) -> str:
    """Return why a series may differ, '' where it may not."""
    return REASONS.get(series) or REASONS.get(series.split('/')[0], '')
