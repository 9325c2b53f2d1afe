"""Damaged DICOM files, and a program that reads them with bounded memory and time.

`run` reads cases in a process of its own; what it returns are the failures: any exception but an
ImagedataError that names the file, a wrong array, a crash, or too much time or memory.

As a program, the long form of what the tests do with some hundred cases::

    python tests/hostile.py --cases 10000 --seed 1
"""

import argparse
import contextlib
import faulthandler
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

REPOSITORY = Path(__file__).resolve().parent.parent
BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"

MEMORY = 4 << 30
"""Bytes of address space of the process that reads."""

SECONDS = 20
"""Longest time for one file."""

# Every thread of a mathematical library takes address space.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(REPOSITORY),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

SMALL = (
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "image_dfl.dcm",
    "rtdose.dcm",
    "rtdose_rle.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_rle_2frame.dcm",
    "liver_1frame.dcm",
    "liver.dcm",
    "CT_small.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
)
"""Files that come with pydicom."""

REAL = (
    "ct_legacy_enhanced/multiframe",
    "mr_digital_phantom/legacy_enhanced",
    "non_image/structured_report",
    "nm_multiframe/heart_13",
    "uih_dwi/ap_134434_9",
    "philips_balls/T1",
    "siemens_xa30_enhanced/relcbf_28",
    "siemens_mosaic_orient/ax_asc_35",
    "siemens_xa30_interop/asl_18001",
    "transfer_syntaxes/jpegll_dcmtk",
    "transfer_syntaxes_enhanced/emri_small_RLE",
    "transfer_syntaxes_enhanced/emri_small_jpeg_2k_lossless",
    "transfer_syntaxes_enhanced/emri_small_jpeg_ls_lossless",
    "transfer_syntaxes_enhanced/emri_small_big_endian",
    "pet_ct_mr_sts/sts002_pet",
    "philips_dwi/vanderbilt_601",
)
"""Series of the real data: enhanced, mosaic, compressed, of several vendors."""


def sources(real_data: Path | None) -> list[Path]:
    """Return files of every kind: one of each series."""
    samples = [min((REPOSITORY / "data" / "dicom" / kind).iterdir()) for kind in ("ct", "time")]
    bundled = [BUNDLED / name for name in SMALL if (BUNDLED / name).exists()]
    real: list[Path] = []
    if real_data is not None:
        real = [min(p for p in (real_data / name).rglob("*") if p.is_file()) for name in REAL]
    return samples + bundled + real


# --- damage --------------------------------------------------------------------------------------


def pixel_start(data: bytes) -> int:
    """Return where Pixel Data begins; the end of a file that has none."""
    at = max(data.rfind(b"\xe0\x7f\x10\x00"), data.rfind(b"\x7f\xe0\x00\x10"))
    return at if at > 0 else len(data)


def damaged(data: bytes, kind: str, number: int) -> bytes:
    """Return the bytes of a file damaged in one way; the same for the same number."""
    chance = random.Random(f"{kind}-{number}-{len(data)}")
    changed = bytearray(data)
    start = pixel_start(data)
    if kind == "cut":
        return data[:number]
    first, last = (132, start) if kind == "header" else (min(start + 12, len(data) - 1), len(data))
    if kind == "start":  # of a format other than DICOM
        first, last = 0, min(len(data), 400)
    if last <= first:
        first, last = 132, len(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        at = chance.randrange(first, last)
        changed[at] ^= 1 << chance.randrange(8) if chance.random() < 0.5 else chance.randrange(1, 256)
    return bytes(changed)


# --- reading in a process of its own -------------------------------------------------------------

Case = dict[str, Any]
"""file: path; kind, number: damage, none without; expect: 'same' where pixels must not differ."""


def run(cases: list[Case], *, seconds: float, memory: int = MEMORY) -> list[str]:
    """Read cases in another process; return what went wrong."""
    program = subprocess.Popen(
        [sys.executable, "-P", __file__, "--worker", str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        out, err = program.communicate(json.dumps(cases), timeout=seconds)
    except subprocess.TimeoutExpired:
        program.kill()
        out, err = program.communicate()
        return [f"not done after {seconds} s: {out[-500:]} {err[-1500:]}"]
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    failures = [line["failure"] for line in lines if "failure" in line]
    if program.returncode or not any("done" in line for line in lines):
        last = next((line["case"] for line in reversed(lines) if "case" in line), None)
        failures.append(f"crash with status {program.returncode} in {last}: {err[-2000:]}")
    return failures


def outcomes(cases: list[Case], *, seconds: float = 120) -> list[str]:
    """Read cases in another process; return the kind of error of each, '' where it was read."""
    program = subprocess.run(
        [sys.executable, "-P", __file__, "--worker", str(MEMORY)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=ENVIRONMENT,
    )
    lines = [json.loads(line) for line in program.stdout.splitlines() if line.startswith("{")]
    assert not [line for line in lines if "failure" in line], lines
    assert any("done" in line for line in lines), program.stderr[-2000:]
    return [line["outcome"] for line in lines if "outcome" in line]


def _worker(memory: int) -> None:
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _too_slow)
    warnings.simplefilter("ignore")
    pixels: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(BrokenPipeError):
        for number, case in enumerate(json.load(sys.stdin)):
            print(json.dumps({"case": case}), flush=True)
            path = Path(case["file"])
            if "kind" in case:
                target = Path(folder) / f"{number}_damaged"
                target.write_bytes(damaged(path.read_bytes(), case["kind"], case["number"]))
            else:
                target = path
            started = time.perf_counter()
            signal.alarm(SECONDS)
            try:
                outcome, digest = _outcome(target)
                if outcome == "" and case.get("expect") == "same":
                    original = pixels.setdefault(str(path), _outcome(path)[1])
                    if digest != original:
                        print(json.dumps({"failure": f"{case}: wrong array"}), flush=True)
                print(json.dumps({"outcome": outcome, "s": time.perf_counter() - started}), flush=True)
            except BaseException as error:  # noqa: BLE001 - anything else is what is looked for
                trace = traceback.extract_tb(error.__traceback__)
                ours = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in trace][-8:]
                text = f"{case}: {type(error).__name__}: {str(error)[:300]} {' < '.join(reversed(ours))}"
                print(json.dumps({"failure": text}), flush=True)
            finally:
                signal.alarm(0)
                if target != path:
                    target.unlink()
    print(json.dumps({"done": True}), flush=True)


class TooSlowError(BaseException):
    """One file took more than `SECONDS`."""


def _too_slow(*_: object) -> None:
    raise TooSlowError


def _outcome(path: Path) -> tuple[str, str]:
    """Read a file, and ask for everything; return the kind of error, and a digest of the pixels."""
    from imagedata import Series, errors, reading

    try:
        found = reading.read(path)
    except errors.ImagedataError as error:
        if str(path) not in str(error):
            raise AssertionError(f"the message does not name the file: {error}") from error
        return type(error).__name__, ""
    digest = hashlib.sha256()
    for data in found:
        array = data.array
        assert array.size > 0
        assert array.shape[-2:] == data.header.geometry.shape[1:], "shape and geometry differ"
        assert np.isfinite(data.header.geometry.affine).all(), "affine is not finite"
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    for number in range(min(len(found), 3)):
        options = {"input_stack": number} if len(found) > 1 else {}
        try:
            series = Series(path, **options)
        except errors.MultipleSeriesError:
            break
        _ask(series)
    return "", digest.hexdigest()


def _ask(series: Any) -> None:
    """Ask for all that is parsed late: each gives a value or says why it has none."""
    from imagedata import errors
    from imagedata.header import ATTRIBUTES

    asked = [
        "axes", "tags", "spacing", "orientation", "imagePositions", "sliceLocations", "timeline",
        "transformationMatrix", "frameOfReferenceUID", "bvalues", "windowCenter", "windowWidth",
        "color", "seriesInstanceUID", "SOPInstanceUIDs", *ATTRIBUTES,
    ]  # fmt: skip
    for name in asked:
        try:
            getattr(series, name)
        except errors.ImagedataError:
            pass
        except ValueError as error:
            if "is not set" not in str(error) and "not known" not in str(error):
                raise
    series.explain()
    str(series)
    if series.header.images is None:
        return
    dataset = series.header.images.first()
    for tag in list(dataset.keys()):
        with contextlib.suppress(errors.ImagedataError):
            series.getDicomAttribute(tag)


# --- many cases ----------------------------------------------------------------------------------


def flips(files: list[Path], count: int, seed: int) -> list[Case]:
    """Return cases of flipped bytes, half in headers, half in pixels, over all files."""
    return [
        {"file": str(files[i % len(files)]), "kind": ("header", "pixels")[(i // len(files)) % 2],
         "number": seed * 10**6 + i}
        for i in range(count)
    ]  # fmt: skip


def cuts(files: list[Path], most: int) -> list[Case]:
    """Return cases of files cut off at each multiple of 1 KiB, at most so many of each file."""
    cases = []
    for path in files:
        ends = range(0, path.stat().st_size, 1024)
        chosen = ends if len(ends) <= most else sorted({ends[i * len(ends) // most] for i in range(most)})
        cases += [{"file": str(path), "kind": "cut", "number": n, "expect": "same"} for n in chosen]
    return cases


def batches(cases: list[Case], size: int = 250) -> Iterator[list[Case]]:
    """Yield cases in lots, each for one process."""
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


def main() -> int:
    """Run many cases, and print what went wrong."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cuts", type=int, default=10**6, help="most places to cut a file at")
    given = parser.parse_args()
    if given.worker:
        _worker(given.worker)
        return 0
    import realdata

    files = sources(realdata.locate())
    cases = cuts(files, given.cuts) + flips(files, given.cases, given.seed)
    failures = []
    for lot in batches(cases):
        found = run(lot, seconds=1200)
        print(*found, sep="\n", end="\n" if found else "", flush=True)
        failures += found
    print(f"{len(cases)} cases, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
