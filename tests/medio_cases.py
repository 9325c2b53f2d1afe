"""What is done with medio's interface, to be run with medio itself and with imagedata.medio.

    python medio_cases.py MODULE FOLDER RESULT

MODULE is `medio` or `imagedata.medio`; FOLDER holds the input that `test_medio_differential.py` made;
RESULT is a pickle: for each case what came out, or the built-in kinds of the error.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CODES = [
    "".join(code)
    for axes in itertools.permutations(("RL", "AP", "IS"))
    for code in itertools.product(*axes)
]
KINDS = (
    FileNotFoundError, FileExistsError, NotImplementedError, TypeError, ValueError, IndexError, LookupError,
)  # fmt: skip

Case = Callable[[Any, Path, Path], Any]


def described(array: np.ndarray, metadata: Any) -> dict[str, Any]:
    """What can be compared: values, type of values, affine, codes."""
    return {
        "array": np.array(array), "dtype": str(array.dtype), "affine": np.array(metadata.affine, float),
        "ornt": metadata.ornt if metadata.affine.shape == (4, 4) else None,
        "coord_sys": metadata.coord_sys, "spacing": np.array(metadata.spacing, float),
    }  # fmt: skip


def cases(folder: Path) -> Iterator[tuple[str, Case]]:
    """Name and function of each case."""
    volumes = sorted(p.name for p in folder.iterdir() if p.name.startswith("volume"))
    for name in volumes:
        for backend in (None, "itk", "nib", "pdcm"):
            if (backend == "nib") != (".nii" in name) and backend is not None:
                continue
            if backend == "pdcm" and "dicom" not in name:
                continue
            yield f"read {name} {backend}", lambda m, i, o, n=name, b=backend: described(
                *m.read_img(i / n, backend=b)
            )
            yield f"read {name} {backend} native", lambda m, i, o, n=name, b=backend: described(
                *m.read_img(i / n, backend=b, coord_sys=None)
            )
            for system, code in [("itk", c) for c in CODES[::5]] + [("nib", c) for c in CODES[::11]]:
                options = {"desired_ornt": code, "backend": backend, "coord_sys": system}
                yield f"read {name} {backend} {system} {code}", lambda m, i, o, n=name, k=options: described(
                    *m.read_img(i / n, **k)
                )
    for code in CODES:
        name = f"volume-{code}.nii"
        yield f"save {code} as nii", lambda m, i, o, n=name: saved(m, i / n, o / "out.nii")
        yield f"save {code} as nii.gz turned", lambda m, i, o, n=name: saved(
            m, i / n, o / "out.nii.gz", "SLP"
        )
        yield f"save {code} as nii turned, not back", lambda m, i, o, n=name: saved(
            m, i / n, o / "out.nii", "SLP", use_original_ornt=False
        )
        yield f"save {code} as dicom", lambda m, i, o, n=name: saved_dir(m, i / n, o / "out")
        yield f"save {code} as dicom, reoriented", lambda m, i, o, n=name: saved_dir(
            m, i / n, o / "out", allow_dcm_reorient=True
        )
    plain = "volume-RAI.nii"
    for name, key in {
        "slices": (slice(1, 3), slice(None, None, 2), slice(0, 4)), "ellipsis": (Ellipsis, slice(1, 4)),
        "fewer": (slice(1, 3),), "behind": (slice(-3, -1), slice(None), slice(-2, None)),
    }.items():  # fmt: skip
        yield f"cut {name}", lambda m, i, o, k=key: cut(m, i / plain, k)
    yield "absent", lambda m, i, o: m.read_img(i / "nothing.nii.gz")
    yield "absent dicom", lambda m, i, o: m.read_img(i / "nothing")
    yield "bad backend", lambda m, i, o: m.read_img(i / plain, backend="vtk")
    yield "bad coord_sys", lambda m, i, o: m.read_img(i / plain, coord_sys="lps")
    yield "several series", lambda m, i, o: m.read_img(i / "several")
    yield "several series, 0", lambda m, i, o: described(*m.read_img(i / "several", series=0))
    yield "several series, -1", lambda m, i, o: described(*m.read_img(i / "several", series=-1))
    yield "several series, 2", lambda m, i, o: m.read_img(i / "several", series=2)
    yield "several series, unknown", lambda m, i, o: m.read_img(i / "several", series="1.2.3")
    yield "uneven", lambda m, i, o: m.read_img(i / "uneven")
    yield "tilted", lambda m, i, o: m.read_img(i / "tilted")
    yield "tilted, dominant", lambda m, i, o: described(
        *m.read_img(i / "tilted", keep_dominant_geometry=True)
    )
    yield "folder exists", lambda m, i, o: m.save_dir(i / "several", *m.read_img(i / plain))
    yield "folder absent", lambda m, i, o: m.save_dir(o / "no" / "where", *m.read_img(i / plain))
    yield "parent absent", lambda m, i, o: m.save_img(o / "no" / "a.nii.gz", *m.read_img(i / plain))
    yield "metadata", lambda m, i, o: converted(m)


def saved(m: Any, source: Path, target: Path, code: str | None = None, **options: Any) -> Any:
    """Read, write, and read what was written."""
    array, metadata = m.read_img(source, code)
    m.save_img(target, array, metadata, **options)
    return described(*m.read_img(target))


def saved_dir(m: Any, source: Path, target: Path, **options: Any) -> Any:
    """The same, as a folder of DICOM files."""
    array, metadata = m.read_img(source)
    m.save_dir(target, array.astype(np.int16), metadata, **options)
    return described(*m.read_img(target))


def cut(m: Any, source: Path, key: Any) -> Any:
    """A part of an image."""
    part = m.MedImg.from_file(source)[key]
    return described(part.np_image, part.metadata)


def converted(m: Any) -> Any:
    """Metadata alone, in both systems."""
    found = []
    for code in CODES:
        affine = np.eye(4)
        for column, letter in enumerate(code):
            row = next(r for r, sides in enumerate(("RL", "AP", "IS")) if letter in sides)
            affine[:3, column] = 0
            affine[row, column] = 2 if letter in "RAI" else -2
        metadata = m.MetaData(affine, code, "itk")
        before = (metadata.ornt, bool(metadata.is_right_handed_ornt()))
        metadata.convert("nib")
        found.append((*before, metadata.ornt, metadata.orig_ornt, np.array(metadata.affine).tolist()))
    return {"found": found}


def main(name: str, folder: Path) -> dict[str, Any]:
    """Run each case; an error stands as the names of the built-in kinds that it is."""
    module = importlib.import_module(name)
    results: dict[str, Any] = {}
    for case, function in cases(folder):
        with tempfile.TemporaryDirectory() as output, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                results[case] = function(module, folder, Path(output))
            except Exception as error:  # noqa: BLE001 - whatever medio raises is the result
                kinds = [kind.__name__ for kind in KINDS if isinstance(error, kind)]
                results[case] = {"error": kinds, "text": str(error)[:300]}
    return results


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        outcome = main(sys.argv[1], Path(sys.argv[2]))
    Path(sys.argv[3]).write_bytes(pickle.dumps(outcome))
