"""From scanner files to an array, to a research tool, and back to DICOM.

    python examples/demo.py

Reads the sample series of `data/dicom/time`: a fictional patient, 80 files in no order, one for
each slice and time of a dynamic MR examination. Writes into the folder `demo-output` only.
"""

import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from imagedata import Series
from imagedata.errors import LossWarning

SOURCE = Path(__file__).resolve().parent.parent / 'data' / 'dicom' / 'time'
OUTPUT = Path('demo-output')
ENHANCEMENT = OUTPUT / 'enhancement.nii.gz'
FITTED = OUTPUT / 'fitted.nii.gz'
FOR_PACS = OUTPUT / 'for_pacs'
PICTURE = OUTPUT / 'demo.png'

PLACES = {'vessel': (38.0, 30.0, -2.3), 'lesion': (38.0, -20.0, 17.0), 'body': (38.0, -20.0, -40.0)}
"""Where some things are in the patient of the sample data: z, y, x in mm (see data/README.md)."""


def main() -> None:
    started = time.perf_counter()
    OUTPUT.mkdir(exist_ok=True)
    for old in (ENHANCEMENT, FITTED, PICTURE):
        old.unlink(missing_ok=True)
    shutil.rmtree(FOR_PACS, ignore_errors=True)

    heading(f'1. Read {len(list(SOURCE.iterdir()))} unsorted DICOM files as a time series')
    # Signals are whole numbers in the files; as floats they can be subtracted without wrapping round.
    a = Series(SOURCE, 'time', dtype=np.float32)
    print(a)
    print(f'  patient {a.patientName} ({a.patientID}), one volume each '
          f'{np.diff(a.timeline).mean():.2f} s')  # fmt: skip

    heading('2. Compute the relative enhancement, as with any array, and write it for a research tool')
    # Air has no signal to be relative to: 0/0 there, for which 0 is put in.
    with np.errstate(divide='ignore', invalid='ignore'):
        enhancement = (a - a[0]) / a[0]
    undefined = ~np.isfinite(enhancement)
    enhancement[undefined] = 0
    print(enhancement)
    print(f'  {np.mean(undefined):.0%} of the voxels are air, where it is not defined: 0 there')
    enhancement.write(ENHANCEMENT)

    heading('3. The research tool: reads NIfTI, smooths each volume, writes NIfTI. It knows no patients')
    research_tool(ENHANCEMENT, FITTED)
    print(f'  {ENHANCEMENT} -> {FITTED}')

    heading('4. Back to DICOM: the template gives the result its patient, study and acquisition again')
    fitted = Series(FITTED, 'time', template=a)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', LossWarning)
        fitted.write(FOR_PACS, serdes='relative enhancement, smoothed', sernum=102)
    print(f'  {len(list(FOR_PACS.rglob("*.dcm")))} files in {FOR_PACS}/')
    for warning in caught:
        print(f'  {warning.message}')

    heading('5. Read that, and compare')
    back = Series(FOR_PACS, 'time')
    print(back)
    compare(a, fitted, back)

    picture(a, enhancement, back)
    heading(f'Done in {time.perf_counter() - started:.1f} s. The results:')
    for path, what in (
        (ENHANCEMENT, 'what was computed'),
        (FITTED, "the research tool's result"),
        (FOR_PACS, 'the same as a DICOM series of the same patient and study'),
        (PICTURE, 'a picture of all three: look at it'),
    ):
        print(f'  {path!s:34}{what}')


def heading(text: str) -> None:
    print(f'\n{text}')


def research_tool(source: Path, target: Path) -> None:
    """Stand for any program that reads NIfTI and writes NIfTI: knows nothing of imagedata."""
    import nibabel
    from scipy.ndimage import gaussian_filter

    image = nibabel.load(source)
    sigma = [3.0 / mm for mm in image.header.get_zooms()[:3]]
    smooth = gaussian_filter(image.get_fdata(dtype=np.float32), [*sigma, 0])
    nibabel.save(nibabel.Nifti1Image(smooth, image.affine), target)


def compare(original: Series, written: Series, back: Series) -> None:
    """Print what is the same, and fail if it is not."""
    for name in ('patientName', 'patientID', 'patientBirthDate', 'studyInstanceUID', 'frameOfReferenceUID'):
        check(f'same {name}', getattr(original, name) == getattr(back, name))
    check('same accession number', original.accessionNumber == back.accessionNumber)
    check('a new seriesInstanceUID', original.seriesInstanceUID != back.seriesInstanceUID)
    check('same axes', original.axes._fields == back.axes._fields and original.shape == back.shape)
    check('same times', np.allclose(original.timeline, back.timeline, atol=1e-3))

    corners = [(s, r, c) for s in (0, original.slices - 1) for r in (0, original.rows - 1)
               for c in (0, original.columns - 1)]  # fmt: skip
    apart = max(
        float(np.linalg.norm(original.getPositionForVoxel(v) - back.getPositionForVoxel(v))) for v in corners
    )
    check(f'every corner in its place ({apart:.1e} mm apart)', apart < 1e-3)
    error = float(np.max(np.abs(np.asarray(written) - np.asarray(back))))
    span = float(np.ptp(np.asarray(written)))
    check(f'same values, in steps of 16 bits (off by {error:.1e}, of {span:.3g})', error <= span / 65000)


def check(what: str, holds: bool) -> None:
    print(f'  {"yes" if holds else "NO "}  {what}')
    if not holds:
        raise SystemExit(f'the demo failed: {what}')


# --- the picture ---------------------------------------------------------------------------------


def picture(original: Series, enhancement: Series, back: Series) -> None:
    """Draw the three series in an axial slice and in a coronal cut, and their course in time."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    # Half-way both have contrast agent: the vessel still, the lesion already.
    at = len(original.timeline) // 2
    points = {name: voxel(original, place) for name, place in PLACES.items()}
    slice_, row, _ = points['lesion']
    peak = float(np.percentile(np.asarray(enhancement)[at], 99.9))
    columns = (
        (original, 'Scanner (DICOM)', 'signal', 'gray', 0.6 * float(np.asarray(original).max())),
        (enhancement, 'Computed (NIfTI)', 'relative enhancement', 'inferno', peak),
        (back, "Research tool's result (DICOM again)", 'relative enhancement', 'inferno', peak),
    )
    figure = plt.figure(figsize=(15, 6.2), facecolor='white', layout='constrained')
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.04)
    heights = [original.rows * original.spacing[1], original.slices * original.spacing[0]]
    grid = figure.add_gridspec(2, 4, width_ratios=[1, 1, 1, 1.1], height_ratios=heights)
    for number, (series, title, unit, colours, high) in enumerate(columns):
        look = {'cmap': colours, 'vmin': 0, 'vmax': high, 'interpolation': 'nearest'}
        top = figure.add_subplot(grid[0, number])
        top.imshow(np.asarray(series[at, slice_]), aspect=aspect(series, 1, 2), **look)
        top.set_title(title, fontsize=12)
        sides(top, series, 1, 2)
        cut = figure.add_subplot(grid[1, number])
        # Slices count towards the head here, which belongs at the top.
        cut_values = np.asarray(series[at, :, row])
        shown = cut.imshow(cut_values, aspect=aspect(series, 0, 2), origin='lower', **look)
        sides(cut, series, 0, 2, upwards=True)
        figure.colorbar(shown, ax=cut, location='bottom', shrink=0.9, label=unit)
        if number == 0:
            top.set_ylabel(f'slice {slice_}', fontsize=11)
            cut.set_ylabel(f'row {row}', fontsize=11)
    courses(figure.add_subplot(grid[:, 3]), enhancement, back, points, at)
    figure.suptitle(
        f'{original.seriesDescription}: {original.timeline[at]:.1f} s after the first of '
        f'{len(original.timeline)} volumes',
        fontsize=14,
    )
    figure.savefig(PICTURE, dpi=100)
    plt.close(figure)


def courses(ax: Any, enhancement: Series, back: Series, points: dict[str, list[int]], at: int) -> None:
    """Draw what was computed, and what was read back, at some voxels."""
    for (name, (s, r, c)), colour in zip(points.items(), ('tab:red', 'tab:orange', 'tab:blue'), strict=True):
        ax.plot(enhancement.timeline, np.asarray(enhancement[:, s, r, c]), 'o', color=colour, label=name)
        ax.plot(back.timeline, np.asarray(back[:, s, r, c]), '-', color=colour)
    ax.axvline(enhancement.timeline[at], color='0.7', linestyle=':', zorder=0)
    ax.set_title("dots: computed; lines: the tool's, smoothed", fontsize=11)
    ax.set_xlabel('time after the first volume (s)')
    ax.set_ylabel('relative enhancement')
    ax.legend(frameon=False, loc='upper left')
    ax.spines[['top', 'right']].set_visible(False)


def voxel(series: Series, place: tuple[float, float, float]) -> list[int]:
    """Return slice, row and column of a place in the patient (z, y, x in mm)."""
    return [int(i) for i in series.getVoxelForPosition(place).ravel()]


def aspect(series: Series, down: int, across: int) -> float:
    """Return how much longer a voxel is downwards than across."""
    return float(series.spacing[down] / series.spacing[across])


def sides(ax: Any, series: Series, down: int, across: int, *, upwards: bool = False) -> None:
    """Write at each edge of a picture which side of the patient it is."""
    from matplotlib.patheffects import withStroke

    matrix = np.asarray(series.transformationMatrix)[:3, :3]
    right, bottom = matrix[:, across], matrix[:, down] * (-1 if upwards else 1)
    ax.set_xticks([])
    ax.set_yticks([])
    edges = (
        (0.975, 0.5, 'right', 'center', right), (0.025, 0.5, 'left', 'center', -right),
        (0.5, 0.03, 'center', 'bottom', bottom), (0.5, 0.97, 'center', 'top', -bottom),
    )  # fmt: skip
    for x, y, ha, va, direction in edges:
        ax.text(
            x, y, side(direction), ha=ha, va=va, transform=ax.transAxes, color='white', fontsize=11,
            fontweight='bold', path_effects=[withStroke(linewidth=2.5, foreground='black')],
        )  # fmt: skip


def side(direction: np.ndarray) -> str:
    """Return the side of the patient that a direction (z, y, x; LPS) points to most: H, F, P, A, L or R."""
    most = int(np.argmax(np.abs(direction)))
    return ('HF', 'PA', 'LR')[most][int(direction[most] < 0)]


if __name__ == '__main__':
    main()
