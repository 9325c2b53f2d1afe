"""Write docs/conformance.md: every real series, against dcm2niix and against its stored references.

    python tools/conformance.py [--output FILE]

Each series is read with `auto` as the order and without options. The newest dcm2niix converts the
same files now; the references in the data were made by it and others before. Exit status 1 where
something differs and `tests/explained.py` does not tell why.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nibabel
import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / 'tests'))

import explained  # noqa: E402
import realdata  # noqa: E402
import reference  # noqa: E402
from imagedata import errors, reading  # noqa: E402
from imagedata.formats.dicom.criteria import CRITERIA, b_vector  # noqa: E402
from imagedata.formats.nifti.diffusion import fsl_directions  # noqa: E402
from imagedata.header import SeriesData  # noqa: E402

DERIVED = ('_Eq', '_Tilt')
"""In names of files by dcm2niix: resampled copies of what it writes beside them."""


@dataclass
class Line:
    """What is found of one series."""

    name: str
    shape: str = ''
    stored: str = ''
    values: str = ''
    place: str = ''
    b: str = ''
    directions: str = ''
    time: str = ''
    different: list[str] = field(default_factory=list)
    """Why it is not equal, by whom."""
    times_differ: bool = False

    def row(self) -> str:
        """Return the row of the table."""
        found = (self.shape, self.stored, self.values, self.place, self.b, self.directions, self.time)
        return f'| {" | ".join((self.name, *found))} |'


@dataclass
class Candidates:
    """Volumes that this project read, in order, with what is known of each."""

    volumes: list[reference.Volume]
    b: list[float | None]
    directions: list[tuple[float, ...]]
    """Of the diffusion gradient, in the patient (LPS); empty where there is none."""


def candidates(found: list[SeriesData]) -> Candidates:
    """Return all volumes of all series that were read."""
    result = Candidates([], [], [])
    for data in found:
        array = data.array
        geometry, images = data.header.geometry, data.header.images
        assert geometry is not None
        assert images is not None
        if array.dtype.names:
            array = np.stack([array[c] for c in array.dtype.names], axis=-1)
            rank = geometry_rank(data)
            array = array.reshape(-1, *((1,) * (3 - rank)), *array.shape[-rank - 1 :])
        else:
            array = array.reshape(-1, *(array.shape if array.ndim > 2 else (1, *array.shape))[-3:])
        result.volumes += [reference.Volume(volume, geometry.affine) for volume in array]
        for index in np.ndindex(images.ids.shape[:-1]):
            dataset = images.dataset(*index, 0)
            result.b.append(None if dataset is None else CRITERIA['b'](dataset))
            result.directions.append(() if dataset is None else b_vector(dataset))
    return result


@dataclass
class Gradients:
    """What the comparison with files of b values and directions found."""

    b_count: int = 0
    b_apart: float = 0.0
    count: int = 0
    angle: float = 0.0
    """Largest angle between the two, in degrees; diffusion does not know the sign of a direction."""
    missing: int = 0
    """Directions that one of the two has alone."""

    def compare(self, image: Path, have: Candidates, indices: Sequence[int]) -> None:
        """Compare the `.bval` and `.bvec` beside an image with volumes that were found to be its own."""
        stem = image.name.removesuffix('.gz').removesuffix('.nii')
        b_file, v_file = (image.with_name(f'{stem}.{kind}') for kind in ('bval', 'bvec'))
        if b_file.exists():
            theirs = np.loadtxt(b_file, ndmin=1)
            for want, index in zip(theirs, indices, strict=True):
                self.b_count += 1
                self.b_apart = max(self.b_apart, abs(want - (have.b[index] or 0.0)))
        if v_file.exists() and image.name not in explained.OTHER_DIRECTIONS:
            wanted = np.loadtxt(v_file, ndmin=2).T
            mine = fsl_directions([have.directions[i] for i in indices], nibabel.load(image).affine).T
            for want, got in zip(wanted, mine, strict=True):
                if want.any() and got.any():
                    cosine = abs(want @ got) / np.linalg.norm(want) / np.linalg.norm(got)
                    self.count += 1
                    self.angle = max(self.angle, float(np.degrees(np.arccos(min(cosine, 1.0)))))
                else:
                    self.missing += bool(want.any() or got.any())

    def told(self, line: Line) -> None:
        """Add what was found to the line of a series."""
        if self.b_count:
            line.b = f'{self.b_count}, at most {self.b_apart:.1f} apart'
        if self.count or self.missing:
            line.directions = f'{self.count}, at most {self.angle:.2f}°'
        if self.b_apart > 1:
            line.different.append(f'b values {self.b_apart} apart')
        if self.angle > 0.1:
            line.different.append(f'directions {self.angle} degrees apart')
        if self.missing:
            line.different.append(f'{self.missing} directions of one alone')


def geometry_rank(data: SeriesData) -> int:
    """Return the number of spatial dimensions of an array."""
    return sum(d in ('slice', 'row', 'column') for d in data.header.dims)


def program() -> str:
    """Return the path of dcm2niix: the one beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name('dcm2niix')
    path = str(beside) if beside.exists() else shutil.which('dcm2niix')
    if path is None:
        sys.exit('dcm2niix is not installed: pip install dcm2niix')
    return path


def version(path: str) -> str:
    """Return the version of dcm2niix."""
    out = subprocess.run([path, '--version'], capture_output=True, text=True, check=False).stdout
    return out.split()[-1]


def converted(path: str, source: Path, target: Path) -> list[list[Path]]:
    """Convert a series twice; return the files of each, in order.

    Once with the slopes of the modality LUT (-p n), once with those that dcm2niix prefers.
    """
    results = []
    for precise in 'ny':
        folder = target / precise
        folder.mkdir()
        command = [path, '-z', 'n', '-b', 'n', '-p', precise, '-f', 's', '-o', str(folder), str(source)]
        subprocess.run(command, capture_output=True, check=False)
        files = sorted(folder.glob('*.nii'))
        results.append([f for f in files if not any(part in f.stem for part in DERIVED)])
    return results


def compared(row: realdata.CatalogueRow, root: Path, path: str) -> Line:
    """Compare one series."""
    line = Line(str(row))
    with tempfile.TemporaryDirectory() as folder:
        outputs = converted(path, row.folder(root), Path(folder))
        try:
            found = reading.read(row.folder(root))
        except errors.ImagedataError as error:
            line.shape = f'refused: {type(error).__name__}'
            line.different.append('refused')
            if not isinstance(error, explained.REFUSED.get(line.name, ())):
                line.different.append('not expected')
            return line
        line.shape = '; '.join(_shown(data) for data in found)
        have = candidates(found)
        gradients = Gradients()
        _stored(line, row, root, have, gradients)
        _against_dcm2niix(line, outputs, have, found, gradients)
        gradients.told(line)
    return line


def _shown(data: SeriesData) -> str:
    names = ' x '.join(f'{d} {n}' for d, n in zip(data.header.dims, data.array.shape, strict=True) if d in
                       (*data.header.tag_dims, 'slice'))  # fmt: skip
    return names or 'one image'


def _stored(
    line: Line, row: realdata.CatalogueRow, root: Path, have: Candidates, gradients: Gradients
) -> None:
    """Compare with the stored references."""
    order = list(explained.OTHER_ORDER.get(line.name, range(len(have.volumes))))
    volumes = [have.volumes[i] for i in order]
    if line.name in explained.UNPLACED:
        theirs = reference.load_nifti(row.references(root)[0].path)[0]
        volumes = [reference.Volume(a, theirs.affine) for v, _ in volumes for a in (v, v[:, ::-1])]
    result = reference.compare_series(root, row, volumes)
    compared = [o for o in result.outcomes if 'not compared' not in o.reason]
    equal = [o for o in compared if o.matched]
    wanted = sum(len(o.indices) for o in equal)
    line.stored = f'{len(equal)} of {len(compared)} files, {wanted} volumes' if compared else 'none'
    folder = root / row.dataset / 'ref'
    for o in equal:
        if line.name not in explained.UNPLACED:
            gradients.compare(folder / o.file, have, [order[i] for i in o.indices])
        if o.file in explained.OTHER_DIRECTIONS:
            line.different.append(f'stored {o.file}: directions not compared')
    for o in result.outcomes:
        if not o.matched or 'not compared' in o.reason:
            line.different.append(f'stored {o.file}: {o.reason}')
    if line.name in explained.OTHER_ORDER or line.name in explained.UNPLACED:
        line.different.append('stored reference')


def _against_dcm2niix(
    line: Line,
    outputs: list[list[Path]],
    have: Candidates,
    found: list[SeriesData],
    gradients: Gradients,
) -> None:
    """Compare values, place, b values, directions and times with what dcm2niix makes now."""
    total, equal, farthest = 0, 0, 0.0
    steps = []
    mode = reference.FIRST if line.name == 'ct_ge_tilt/head' else reference.FULL
    order = explained.OTHER_ORDER.get(line.name, range(len(have.volumes)))
    for file, other in zip(*outputs, strict=True):
        wanted = reference.load_nifti(file)
        total += len(wanted)
        volumes = [have.volumes[i] for i in order]
        if line.name in explained.UNPLACED:
            volumes = [reference.Volume(a, wanted[0].affine) for v, _ in volumes for a in (v, v[:, ::-1])]
        outcome = reference.find(wanted, volumes, mode)
        if not outcome.matched:
            wanted = reference.load_nifti(other)
            outcome = reference.find(wanted, volumes, mode)
        if not outcome.matched and line.name in reference.STORED:
            stored = nibabel.load(file)
            slope, inter = stored.dataobj.slope, stored.dataobj.inter
            scaled = reference.load_nifti(file)
            plain = [reference.Volume(np.rint((a - inter) / slope), affine) for a, affine in scaled]
            outcome = reference.find(plain, volumes, mode)
            line.different.append('scaling')
        if not outcome.matched:
            line.different.append(f'dcm2niix {file.name}: {outcome.reason}')
            continue
        equal += len(wanted)
        if line.name not in explained.UNPLACED:
            for want, index in zip(wanted, outcome.indices, strict=True):
                farthest = max(farthest, distance(want, volumes[index], mode))
            gradients.compare(file, have, [list(order)[i] for i in outcome.indices])
        if len(wanted) > 1:
            steps.append(float(nibabel.load(file).header['pixdim'][4]))
    if mode == reference.FIRST:
        line.different.append('place')
    line.values = f'{equal} of {total} volumes' if total else 'makes nothing'
    if line.name in explained.UNPLACED:
        line.place = 'not in the files'
    elif equal:
        line.place = f'{farthest:.3f}'
    if steps:
        _times(line, steps, found)


def _times(line: Line, steps: list[float], found: list[SeriesData]) -> None:
    """Compare the steps of time: of this project, the mean of its time axis."""
    axes = [d.header.tag_axes[n] for d in found for n in ('time', 'triggertime') if n in d.header.tag_axes]
    mine = [np.diff([float(t) for t in axis.values]) for axis in axes if len(axis) > 1]
    if not mine:
        line.time = f'{steps[0]:.3f} / no time axis'
        return
    mean = float(np.mean(np.concatenate(mine)))
    line.time = f'{steps[0]:.3f} / {mean:.3f}'
    line.times_differ = abs(mean - steps[0]) > 0.01 * steps[0]


def distance(wanted: reference.Volume, volume: reference.Volume, mode: str) -> float:
    """Return the largest distance of corner voxels, mm."""
    order, signs = reference._axes(wanted.affine, volume.affine)
    turned = reference._orient(volume, order, signs)
    shape = list(wanted.array.shape[:3])
    if mode == reference.FIRST:
        shape[order.index(0)] = 1
    corners = reference._corners(turned, shape) - reference._corners(wanted, shape)
    return float(np.linalg.norm(corners, axis=1).max())


HEAD = """# Conformance

Every series of real scanner data that the project is tested with, read with `auto` as the order and
no options, against dcm2niix {version} on the same files, and against the reference conversions
that are stored with the data. This page is generated: `make conformance`.

- **read as**: tag axes and slices of what this project makes; several arrays are separated by semicolons.
- **stored references**: NIfTI files of which every volume is there, in its place, with its values, in order.
- **dcm2niix**: the same, for the volumes that it makes now. Its resampled copies (`_Eq`, `_Tilt`) are
  left out.
- **place**: largest distance of a corner voxel from that of dcm2niix, mm.
- **b values**: how many were compared (s/mm²), with the stored references and with dcm2niix.
- **b vectors**: the same for gradient directions, as they are exported: in the axes of the image, as FSL
  wants them. A direction and its opposite are the same.
- **time**: step from volume to volume in s, of dcm2niix (pixdim4) / of this project (mean of its time axis,
  from the times in the files).

| series | read as | stored references | dcm2niix | place | b values | b vectors | time |
|---|---|---|---|---|---|---|---|
"""


def page(lines: list[Line], dcm2niix: str) -> Iterator[str]:
    """Yield the text of the page."""
    yield HEAD.format(version=dcm2niix)
    for line in lines:
        yield line.row() + '\n'
    agree = sum(not line.different for line in lines)
    yield f'\n{agree} of {len(lines)} series agree in everything; the others are explained here.\n'
    yield '\n## Differences\n\n'
    for line in lines:
        if line.different:
            why = explained.reason(line.name) or 'NOT EXPLAINED: ' + '; '.join(line.different)
            yield f'- **{line.name}**: {why}\n'
    yield '\n## Times\n\n'
    yield (
        'Where dcm2niix gives the Repetition Time, and the files tell when each volume was acquired, the two '
        'may differ. Differences of more than 1 %:\n\n'
    )
    for line in lines:
        if line.times_differ:
            yield f'- **{line.name}** ({line.time}): {explained.TIMES.get(line.name, "NOT EXPLAINED")}\n'


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--output', type=Path, default=REPOSITORY / 'docs' / 'conformance.md')
    given = parser.parse_args()
    root = realdata.locate()
    if root is None:
        sys.exit(f'there is no real data: neither {realdata.SHARED} nor the variable {realdata.VARIABLE}')
    path = program()
    warnings.simplefilter('ignore')
    lines = [compared(row, root, path) for row in realdata.catalogue()]
    text = ''.join(page(lines, version(path)))
    given.output.write_text(text, encoding='utf-8')
    wrong = [line.name for line in lines if line.different and not explained.reason(line.name)]
    wrong += [line.name for line in lines if line.times_differ and line.name not in explained.TIMES]
    wrong += [line.name for line in lines if 'not expected' in line.different]
    for name in wrong:
        print(f'{name}: differs, and nothing explains it', file=sys.stderr)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
