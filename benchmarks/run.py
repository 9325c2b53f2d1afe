"""All benchmarks in one run: this library beside others, as ratios, into benchmarks/RESULTS.md.

    python benchmarks/run.py [--quick] [--only NAME ...]

Makes its own data, once, in the work folder: from the header of a real file where `--data` has one. Installs
peers there as well, in environments of their own. Every program runs in a process of its own, once to warm
up, and then is timed; the programs take turns, and the median of all rounds counts. Where others use the
machine, ratios of processor time say more than those of the clock.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import programs as p

import data as made

HERE = Path(__file__).resolve().parent
PEERS = ("dicomsdl==0.109.4", "SimpleITK", "dcm2niix", "nibabel", "pydicom", "numpy")
INCUMBENT = "imagedata==3.10.0"
OTHERS = "\n## Programs of their own\n"
"""Heading of what stays as it is in the results."""

SCALES = (250, 500, 1000, 2000, 4000, 8000)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    dynamic: int
    ct: int
    compressed: int
    frames: int
    series: int
    most: int


FULL = Size(rounds=3, dynamic=2000, ct=300, compressed=300, frames=2000, series=200, most=8000)
QUICK = Size(rounds=1, dynamic=500, ct=60, compressed=30, frames=500, series=20, most=1000)


@dataclass
class Result:
    """Medians of one program."""

    seconds: float = math.nan
    worked: float = math.nan
    peak: float = math.nan


@dataclass
class Bench:
    """What all measurements share, and what they found."""

    work: Path
    data: Path
    size: Size
    only: tuple[str, ...]
    pythons: dict[str, str | None]
    found: dict[str, dict[str, Result]] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)
    operations: str = ""

    def wanted(self, name: str) -> bool:
        return not self.only or name in self.only

    # --- data ---------------------------------------------------------------------------------

    def folder(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a folder of data, made when it is not there."""
        return made.once(self.work / name, make)

    def dynamic(self, files: int) -> Path:
        """Return a folder of the first files of a dynamic."""
        most = max(self.size.most, self.size.dynamic)
        whole = self.folder(f"dynamic-{most}", lambda f: made.make_dynamic(f, self.data, most))

        def link(folder: Path) -> None:
            for path in sorted(whole.iterdir())[:files]:
                os.link(path, folder / path.name)

        return whole if files == most else self.folder(f"dynamic-{files}", link)

    def ct(self, files: int) -> Path:
        return self.folder(f"ct-{files}", lambda f: made.make_ct(f, self.data, files))

    def compressed(self, syntax: str) -> Path:
        count = self.size.compressed
        source = self.ct(count)
        return self.folder(f"{syntax}-{count}", lambda f: made.make_compressed(f, source, syntax))

    def enhanced(self) -> Path:
        frames = self.size.frames
        return self.folder(f"enhanced-{frames}", lambda f: made.make_enhanced(f, frames))

    def values(self) -> Path:
        times = self.size.dynamic // made.SLICES
        return self.folder(f"values-{self.size.dynamic}", lambda f: made.make_volume(f, times))

    # --- measuring -----------------------------------------------------------------------------

    def once(self, who: str, program: str, folder: Path) -> Result:
        """Run one program, in the environment of whom it is of."""
        python = self.pythons[who]
        if python is None:
            return Result()
        out = self.work / "out" / who
        command = [python, "-W", "ignore", "-c", p.BEGIN + program, str(folder), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.work)
        if done.returncode:
            print(f"{who}: {done.stderr.strip()[-400:]}", file=sys.stderr)
            return Result()
        return Result(*json.loads(done.stdout.splitlines()[-1]))

    def compare(self, name: str, folder: Path, entries: dict[str, tuple[str, str]]) -> None:
        """Run programs turn by turn: `entries` has, by their names, whose they are and their texts."""
        print(name, flush=True)
        results: dict[str, list[Result]] = {entry: [] for entry in entries}
        for _ in range(self.size.rounds):
            for entry, (who, program) in entries.items():
                results[entry].append(self.once(who, program, folder))
        self.found[name] = {entry: median(rows) for entry, rows in results.items()}
        for entry, row in self.found[name].items():
            print(f"  {entry:34}{row.seconds:9.3f} s{row.worked:9.3f} s{row.peak:7.0f} MB", flush=True)


def median(rows: list[Result]) -> Result:
    columns = zip(*((row.seconds, row.worked, row.peak) for row in rows), strict=True)
    return Result(*(statistics.median(column) for column in columns))


# --- what is measured ----------------------------------------------------------------------------


def ours(order: str) -> str:
    return p.IMAGEDATA.replace("ORDER", repr(order))


def readers(order: str) -> dict[str, tuple[str, str]]:
    """Return all that read a folder of single images."""
    return {
        "imagedata": ("imagedata", ours(order)),
        "dicomsdl": ("peers", p.DICOMSDL),
        "SimpleITK": ("peers", p.SIMPLEITK),
        "dcm2niix, uncompressed": ("peers", p.DCM2NIIX.replace("LEVEL", "n")),
        "pydicom": ("peers", p.PYDICOM),
        "incumbent": ("incumbent", ours(order)),
        "bytes read, nothing else": ("imagedata", p.BYTES),
    }


def read_dynamic(b: Bench) -> None:
    folder = b.dynamic(b.size.dynamic)
    b.compare("read the dynamic", folder, readers("time"))
    b.facts["unique"] = made.unique_bytes(folder) / 2**20
    b.facts["pixels"] = b.size.dynamic * 128 * 128 * 2 / 2**20


def read_ct(b: Bench) -> None:
    b.compare("read the CT", b.ct(b.size.ct), readers("none"))


def read_compressed(b: Bench) -> None:
    for syntax, called in {"jpeg2000": "JPEG 2000", "jpeg": "lossless JPEG"}.items():
        entries = readers("none")
        kept = ("imagedata", "SimpleITK", "dcm2niix, uncompressed")
        b.compare(f"read {called}", b.compressed(syntax), {name: entries[name] for name in kept})


def read_enhanced(b: Bench) -> None:
    entries = readers("time")
    b.compare("read the enhanced file", b.enhanced(), {name: entries[name] for name in
              ("imagedata", "pydicom", "bytes read, nothing else")})  # fmt: skip


def write_dicom(b: Bench) -> None:
    b.compare("write the dynamic as DICOM", b.dynamic(b.size.dynamic), {
        "imagedata": ("imagedata", p.WRITE),
        "incumbent": ("incumbent", p.WRITE),
        "pydicom, headers unchanged": ("peers", p.WRITE_PYDICOM),
        "bytes written, nothing else": ("imagedata", p.WRITE_BYTES),
    })  # fmt: skip


def convert(b: Bench) -> None:
    folders = (("dynamic", b.dynamic(b.size.dynamic), "time"), ("CT", b.ct(b.size.ct), "none"))
    for called, folder, order in folders:
        b.compare(f"convert the {called} to .nii.gz", folder, {
            "imagedata": ("imagedata", p.CONVERT.replace("ORDER", order)),
            "dcm2niix, its own gzip": ("peers", p.DCM2NIIX.replace("LEVEL", "i")),
        })  # fmt: skip


def nifti(b: Bench) -> None:
    folder = b.values()
    b.compare("write .nii.gz", folder, {
        "imagedata": ("imagedata", p.NIFTI_WRITE), "nibabel": ("peers", p.NIBABEL_WRITE),
    })  # fmt: skip
    sizes = [(folder / f"{name}.nii.gz").stat().st_size for name in ("ours", "theirs")]
    b.facts["larger"] = sizes[0] / sizes[1] - 1
    b.compare("read .nii.gz", folder, {
        "imagedata": ("imagedata", p.NIFTI_READ), "nibabel": ("peers", p.NIBABEL_READ),
    })  # fmt: skip


def catalogue(b: Bench) -> None:
    """Catalogue an archive, and a tenth of it: the difference tells memory per file."""
    sizes = (b.size.series // 10, b.size.series)
    for series in sizes:
        folder = b.folder(f"archive-{series}", lambda f, n=series: made.make_archive(f, b.data, n))
        b.compare(f"catalogue {100 * series} files", folder, {"imagedata": ("imagedata", p.CATALOGUE)})
    few, many = (b.found[f"catalogue {100 * n} files"]["imagedata"] for n in sizes)
    b.facts["files a second"] = 100 * b.size.series / many.seconds
    b.facts["KB a file"] = (many.peak - few.peak) * 1024 / (90 * b.size.series)


def start(b: Bench) -> None:
    def command(*words: str) -> tuple[str, str]:
        return "imagedata", p.STARTS.replace("COMMAND", repr(list(words)))

    python = sys.executable
    b.compare("start", b.work, {
        "import numpy": command(python, "-c", "import numpy"),
        "import imagedata": command(python, "-c", "import imagedata"),
        "image_data --help": command(str(Path(python).parent / "image_data"), "--help"),
    })  # fmt: skip


def scaling(b: Bench) -> None:
    """Read and write 250 to 8000 files."""
    for files in (n for n in SCALES if n <= b.size.most):
        b.compare(f"{files} files", b.dynamic(files), {
            "read": ("imagedata", ours("time")), "write": ("imagedata", p.WRITE),
        })  # fmt: skip


def operations(b: Bench) -> None:
    """Time operations on arrays, which have a program of their own."""
    command = [sys.executable, str(HERE / "overhead.py")]
    if b.pythons["incumbent"] is not None:
        command += ["--incumbent", b.pythons["incumbent"]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=b.work)
    print(done.stdout, flush=True)
    b.operations = done.stdout.strip()


CASES: dict[str, Callable[[Bench], None]] = {
    "dynamic": read_dynamic, "ct": read_ct, "compressed": read_compressed, "enhanced": read_enhanced,
    "write": write_dicom, "convert": convert, "nifti": nifti, "catalogue": catalogue, "start": start,
    "scaling": scaling, "operations": operations,
}  # fmt: skip


PROFILED: dict[str, Callable[[Bench], Path]] = {
    "read the dynamic": lambda b: b.dynamic(b.size.dynamic),
    "read JPEG 2000": lambda b: b.compressed("jpeg2000"),
    "read lossless JPEG": lambda b: b.compressed("jpeg"),
    "read the enhanced file": lambda b: b.enhanced(),
    "write the dynamic as DICOM": lambda b: b.dynamic(b.size.dynamic),
    "write .nii.gz": lambda b: b.values(),
}
"""Work whose profile is shown, and what it is done with."""


# --- what was to be reached -------------------------------------------------------------------------


@dataclass
class Row:
    """A target: what, how it is said, what came out, and whether that is enough."""

    work: str
    target: str
    reached: str
    met: bool


def targets(b: Bench) -> Iterator[Row]:
    """Yield a row for every target that was measured."""

    def limit(case: str, other: str, most: float) -> Iterator[Row]:
        """At most so many times as long as another."""
        if case in b.found:
            mine, theirs = b.found[case]["imagedata"], b.found[case][other]
            ratio, work = mine.seconds / theirs.seconds, mine.worked / theirs.worked
            text = f"× {ratio:.2f} (processors × {work:.2f})"
            yield Row(case, f"at most {most:g} × {other}", text, ratio <= most)

    def faster(case: str, other: str, least: float) -> Iterator[Row]:
        """At least so many times as fast as another."""
        if case in b.found:
            mine, theirs = b.found[case]["imagedata"], b.found[case][other]
            ratio, work = theirs.seconds / mine.seconds, theirs.worked / mine.worked
            said = "no slower than" if least == 1 else f"{least:g} × faster than"
            text = f"{ratio:.2f} × (processors {work:.2f} ×)"
            yield Row(case, f"{said} {other}", text, ratio >= least)

    def fact(name: str, work: str, target: str, unit: str, met: Callable[[float], bool]) -> Iterator[Row]:
        if name in b.facts:
            value = b.facts[name]
            yield Row(work, target, f"{value:,.2f} {unit}".strip(), met(value))

    yield from limit("read the dynamic", "dicomsdl", 1.5)
    yield from faster("read the dynamic", "incumbent", 12)
    yield from faster("read the dynamic", "SimpleITK", 8)
    yield from limit("read the CT", "dicomsdl", 1.5)
    yield from faster("read the CT", "SimpleITK", 4)
    for case in ("read JPEG 2000", "read lossless JPEG"):
        yield from faster(case, "SimpleITK", 1)
        yield from faster(case, "dcm2niix, uncompressed", 1)
    yield from limit("read the enhanced file", "bytes read, nothing else", 2)
    if "unique" in b.facts:
        allowed = b.facts["pixels"] + b.facts["unique"] + 120
        peak = b.found["read the dynamic"]["imagedata"].peak
        parts = f"pixels {b.facts['pixels']:.0f} + unique headers {b.facts['unique']:.0f} + 120"
        yield Row("peak memory, dynamic", f"{parts} = {allowed:.0f} MB", f"{peak:.0f} MB", peak <= allowed)
    yield from faster("write the dynamic as DICOM", "incumbent", 8)
    for called in ("dynamic", "CT"):
        yield from faster(f"convert the {called} to .nii.gz", "dcm2niix, its own gzip", 1)
    yield from faster("write .nii.gz", "nibabel", 5)
    target = "at most 0.1 of nibabel's more"
    yield from fact("larger", "size of .nii.gz", target, "of its size", lambda v: v <= 0.1)
    yield from faster("read .nii.gz", "nibabel", 1.3)
    target = "at least 5000 files a second"
    yield from fact("files a second", "catalogue", target, "files a second", lambda v: v >= 5000)
    yield from fact("KB a file", "memory of the catalogue", "at most 4 KB a file", "KB", lambda v: v <= 4)
    if "start" in b.found:
        times = {name: row.seconds for name, row in b.found["start"].items()}
        beyond = times["import imagedata"] - times["import numpy"]
        yield Row("import imagedata beyond NumPy", "0.10 s", f"{beyond:.3f} s", beyond <= 0.1)
        helped = times["image_data --help"]
        yield Row("image_data --help", "0.25 s", f"{helped:.3f} s", helped <= 0.25)


# --- profile, report ---------------------------------------------------------------------------------


def profile(b: Bench, what: str) -> list[tuple[str, int, float]]:
    """Return the functions that most of the time of some work is spent in itself."""
    program = p.PROFILE.replace("WHAT", what)
    folder, out = PROFILED[what](b), b.work / "out" / "profile"
    command = [sys.executable, "-c", p.BEGIN + program, str(folder), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=b.work)
    return [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]


def report(b: Bench, seconds: float) -> str:
    """Return the results as Markdown."""
    lines = ["# Results", ""]
    lines += ["Made by `make benchmarks` in one run. Ratios count: times are those of one machine.", ""]
    lines += [f"- {line}" for line in machine(b, seconds)]
    lines += ["", "## Targets", ""]
    rows = [(r.work, r.target, r.reached, "yes" if r.met else "**no**") for r in targets(b)]
    lines += table(("work", "target", "reached", "met"), rows)
    lines += ["", "## Times", ""]
    lines += ["Medians of the clock and of all processors; ratio: of the clock, imagedata is 1.", ""]
    for name, entries in b.found.items():
        if name.endswith(" files") and "read" in entries:
            continue
        own = entries.get("imagedata", Result()).seconds
        rows = [
            (who, f"{r.seconds:.3f} s", f"{r.worked:.3f} s", f"{r.peak:.0f} MB", f"{r.seconds / own:.2f}")
            for who, r in entries.items()
        ]
        head = ("program", "time", "processors", "peak", "ratio")
        lines += [f"### {name[0].upper()}{name[1:]}", "", *table(head, rows), ""]
    scales = [n for n in SCALES if f"{n} files" in b.found]
    if scales:
        lines += ["## Cost of one file", ""]
        lines += table(("files", "read", "write", "peak, reading"), scaled(b, scales))
        lines.append("")
    for what in PROFILED if b.wanted("profile") else ():
        lines += [f"## Where the time goes: {what}", ""]
        lines += ["Time in each function itself, as cProfile sees it in the main thread. Where that waits"]
        lines += ["for a lock, other threads decode or compress.", ""]
        rows = [(f"`{name}`", str(calls), f"{share:.0%}") for name, calls, share in profile(b, what)]
        lines += [*table(("function", "calls", "share"), rows), ""]
    if b.operations:
        lines += ["## Operations on a Series, beside its plain array", "", "```", b.operations, "```", ""]
    return "\n".join(lines)


def scaled(b: Bench, scales: list[int]) -> Iterator[tuple[str, ...]]:
    for files in scales:
        found = b.found[f"{files} files"]
        each = [f"{found[what].seconds / files * 1e3:.3f} ms" for what in ("read", "write")]
        yield str(files), *each, f"{found['read'].peak:.0f} MB"


def machine(b: Bench, seconds: float) -> list[str]:
    """Return what the numbers depend on."""
    names = ("imagedata", "numpy", "pydicom", "isal")
    own = ", ".join(f"{name} {version(name)}" for name in names)
    size = f"dynamic of {b.size.dynamic} files, CT of {b.size.ct} slices, {b.size.rounds} rounds"
    size += f", {seconds / 60:.0f} minutes"
    header = "a real file" if (b.data / "siemens_prone.zip").exists() else "a synthetic one"
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return [
        f"{system}, Python {platform.python_version()}", own, f"peers: {listed(b.pythons['peers'])}",
        f"incumbent: {INCUMBENT}", f"{size}; header of {header}",
        f"load of the machine when it ended: {os.getloadavg()[0]:.1f}",
    ]  # fmt: skip


def listed(python: str | None) -> str:
    """Return versions of the peers."""
    if python is None:
        return "none"
    names = [peer.partition("=")[0] for peer in PEERS]
    text = f"from importlib.metadata import version; print(', '.join(n + ' ' + version(n) for n in {names}))"
    return subprocess.run([python, "-c", text], capture_output=True, text=True, check=True).stdout.strip()


def environment(folder: Path, packages: tuple[str, ...]) -> str | None:
    """Return the Python of an environment with some packages; None where they cannot be installed."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing {', '.join(packages)}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        if subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=False).returncode:
            print(f"left out: {', '.join(packages)}", file=sys.stderr)
            return None
        (folder / "ready").touch()
    return str(python)


def main() -> None:
    """Make the data, run all cases, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parents[1] / "shared" / "data"
    parser.add_argument("--quick", action="store_true", help="few files, one round: 3 minutes in place of 15")
    cases = [*CASES, "profile"]
    parser.add_argument("--only", nargs="*", default=(), choices=cases, help="cases (default: all)")
    parser.add_argument("--data", type=Path, default=shared, help="zip files of real series")
    parser.add_argument("--work", type=Path, default=HERE / "made", help="for data and peers")
    parser.add_argument("--results", type=Path, default=HERE / "RESULTS.md", help="file to write")
    parser.add_argument("--peers", metavar="PYTHON", help="that of an environment with the peers")
    parser.add_argument("--incumbent", metavar="PYTHON", help=f"that of an environment with {INCUMBENT}")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    work = args.work.resolve()
    pythons = {
        "imagedata": sys.executable,
        "peers": args.peers or environment(work / "peers", PEERS),
        "incumbent": args.incumbent or environment(work / "incumbent", (INCUMBENT,)),
    }
    bench = Bench(work, args.data, QUICK if args.quick else FULL, tuple(args.only), pythons)
    began = time.perf_counter()
    for name, measure in CASES.items():
        if bench.wanted(name):
            measure(bench)
    text = report(bench, time.perf_counter() - began)
    shutil.rmtree(work / "out", ignore_errors=True)
    before = args.results.read_text(encoding="utf-8") if args.results.exists() else ""
    others = "".join(before.partition(OTHERS)[1:])  # of programs that are run by hand
    args.results.write_text(text + others, encoding="utf-8")
    print(f"results are in {args.results}")


if __name__ == "__main__":
    main()
