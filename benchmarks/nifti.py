"""What reading and writing NIfTI costs, beside nibabel: time, size, and memory mapping.

    python benchmarks/nifti.py [--rounds COUNT]

The images are a dynamic series of 40 volumes of 50 x 128 x 128 voxels of 16 bits (66 MB), smooth with
noise as of a scanner, and the same as 32 bit floats. Programs take turns, round by round; a ratio is
one of medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from imagedata import Series

SHAPE = (40, 50, 128, 128)


def make_values() -> np.ndarray:
    """Return a head-like volume that changes in time, with noise and an empty background."""
    rng = np.random.default_rng(0)
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE[1:]], indexing="ij")
    inside = x**2 + y**2 + z**2 < 0.8
    volume = 800 * inside * (1 + 0.3 * np.sin(9 * x) * np.cos(7 * y))
    uptake = 1 + 0.3 * np.linspace(0, 1, SHAPE[0])[:, None, None, None]
    noise = rng.normal(0, 8, SHAPE)
    return np.abs(volume * uptake + noise).astype(np.int16)


def turns(rounds: int, **programs: Callable[[], Any]) -> dict[str, float]:
    """Return the median time of each program in s; they run turn by turn."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            if number:  # the first round warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def line(what: str, found: dict[str, float]) -> None:
    """Print the times of one piece of work, and their ratio."""
    ours, theirs = found["imagedata"], found["nibabel"]
    print(f"{what:34}{ours:9.3f} s{theirs:9.3f} s{theirs / ours:9.2f} x")


def measure(values: np.ndarray, folder: Path, rounds: int) -> None:
    """Time writing and reading of one array."""
    kind = values.dtype.name
    series = Series(values, "time")
    image = nibabel.Nifti1Image(values.T[:, ::-1].copy(order="F"), np.eye(4))
    for suffix in (".nii.gz", ".nii"):
        ours, theirs = folder / f"ours{suffix}", folder / f"theirs{suffix}"
        found = turns(
            rounds,
            imagedata=lambda path=ours: series.write(path),
            nibabel=lambda path=theirs: nibabel.save(image, path),
        )
        line(f"{kind}: write {suffix}", found)
        more = ours.stat().st_size / theirs.stat().st_size - 1
        print(f"{'':4}{ours.stat().st_size / 1e6:.1f} MB, {more:+.1%}")
        for name, path in (("its own file", ours), ("nibabel's file", theirs)):
            found = turns(
                rounds,
                imagedata=lambda path=path: Series(path, "time"),
                nibabel=lambda path=path: np.array(nibabel.load(path).dataobj),
            )
            line(f"{kind}: read {suffix}, {name}", found)
    mapped = turns(
        rounds,
        imagedata=lambda: Series(folder / "ours.nii", mmap=True)[3].max(),
        nibabel=lambda: np.asarray(nibabel.load(folder / "ours.nii").dataobj[..., 3]).max(),
    )
    line(f"{kind}: one volume, memory-mapped", mapped)


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="COUNT", help="turns of each (default: 5)")
    options = parser.parse_args()
    print(f"{'':34}{'imagedata':>11}{'nibabel':>11}{'ratio':>11}")
    values = make_values()
    for array in (values, values.astype(np.float32)):
        with tempfile.TemporaryDirectory() as folder:
            measure(array, Path(folder), options.rounds)


if __name__ == "__main__":
    main()
