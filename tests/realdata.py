"""The real scanner data that tests read: where it is, what it holds, its NIfTI references.

The data is not part of the repository. It lies in `shared/data` beside the repository (zip files,
`unpack.py` and `CATALOGUE.tsv`), and is unpacked into `.real-data/` of the repository by the
fixture `real_data`. The environment variable IMAGEDATA_REAL_DATA names a folder where it is
unpacked already.

`catalogue()` and `classic()` need only the table, so that tests can be parametrized with them; they
are empty where there is no data::

    @pytest.mark.parametrize('row', classic(), ids=str)
    def test_read(row, real_data):
        Series(row.folder(real_data))
        for reference in row.references(real_data): ...
"""

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared" / "data"
UNPACKED = REPOSITORY / ".real-data"
VARIABLE = "IMAGEDATA_REAL_DATA"


@dataclass(frozen=True)
class Reference:
    """One NIfTI file made by others from a series: a row of `ref/INDEX.tsv`."""

    path: Path
    shape: tuple[int, ...]  # in NIfTI order: column, row, slice, volume
    dtype: str
    made_by: str
    scl_slope: float | None  # as in the file; Philips: private "precise" values
    scl_inter: float | None
    # By RescaleSlope and RescaleIntercept; None also where those give other stored voxels.
    rescale_slope: float | None
    rescale_inter: float | None

    def __str__(self) -> str:
        return self.path.name

    @property
    def by_dcm2niix(self) -> bool:
        return self.made_by.startswith("dcm2niix")

    def beside(self, suffix: str) -> Path | None:
        """The file of the same name that ends in `suffix`: '.bval', '.bvec', '.json'."""
        path = self.path.with_name(self.path.name.removesuffix(".nii.gz") + suffix)
        return path if path.exists() else None


@dataclass(frozen=True)
class CatalogueRow:
    """One series: a row of `CATALOGUE.tsv`."""

    dataset: str
    series: str
    files: int
    frames: int
    series_uids: int
    modality: str
    manufacturer: str
    kind: str
    transfer_syntax: str
    reference_files: int
    note: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.series}"

    def folder(self, real_data: Path) -> Path:
        """The folder of the series' files, under what the fixture `real_data` gives."""
        return real_data / self.dataset / self.series

    def references(self, real_data: Path) -> list[Reference]:
        """The NIfTI references of this series, in the order of `ref/INDEX.tsv`."""
        index = real_data / self.dataset / "ref" / "INDEX.tsv"
        if not index.exists():
            return []
        return [
            _reference(row, index.parent)
            for row in _table(index)
            if row["series"] == self.series and row["file"].endswith(".nii.gz")
        ]


@cache
def catalogue() -> tuple[CatalogueRow, ...]:
    """Every series of the catalogue; empty where there is no real data."""
    for folder in (_given(), SHARED):
        if folder is not None and (path := folder / "CATALOGUE.tsv").exists():
            return tuple(_catalogue_row(row) for row in _table(path))
    return ()


def classic() -> list[CatalogueRow]:
    """
    The series of kind `classic`: one frame in each file.

    One of them, non_image/spectroscopy_31, has no pixels.
    """
    return [row for row in catalogue() if row.kind == "classic"]


def locate() -> Path | None:
    """
    The folder of the unpacked data, made when needed; None where there is no data.

    Several processes may call this at once: the first one unpacks, the others wait for it.
    """
    given = _given()
    if given is not None:
        if not given.is_dir():
            raise NotADirectoryError(f"{VARIABLE} is {str(given)!r}, which is not a folder")
        return given
    if not (SHARED / "unpack.py").exists():
        return None
    UNPACKED.mkdir(exist_ok=True)
    with FileLock(UNPACKED / ".lock"):
        # Run again, it does nothing: it marks what it has laid out.
        subprocess.run(
            [sys.executable, str(SHARED / "unpack.py"), str(UNPACKED)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return UNPACKED


def _given() -> Path | None:
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _catalogue_row(row: dict[str, str]) -> CatalogueRow:
    return CatalogueRow(
        dataset=row["dataset"],
        series=row["series"],
        files=int(row["files"]),
        frames=int(row["frames"]),
        series_uids=int(row["series_uids"]),
        modality=row["modality"],
        manufacturer=row["manufacturer"],
        kind=row["kind"],
        transfer_syntax=row["transfer_syntax"],
        reference_files=int(row["reference_files"]),
        note=row["note"] or "",
    )


def _reference(row: dict[str, str], folder: Path) -> Reference:
    def number(column: str) -> float | None:
        text = row[column] or ""
        return None if text in ("", "other voxels") else float(text)

    return Reference(
        path=folder / row["file"],
        shape=tuple(int(n) for n in row["shape"].split("x")),
        dtype=row["dtype"],
        made_by=row["made_by"],
        scl_slope=number("scl_slope"),
        scl_inter=number("scl_inter"),
        rescale_slope=number("scl_slope_with_p_n"),
        rescale_inter=number("scl_inter_with_p_n"),
    )
