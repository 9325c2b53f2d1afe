"""What every store is to do, as a folder on the disk does: reading, writing, and failing half-way."""

import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagedata import Series, errors
from imagedata.reading import find_sources
from imagedata.transports import connect, remote
from imagedata.transports.address import shown

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "dicom"


def served_folder(root: Path) -> Path:
    """Fill a folder that is to be served: a series, and the same in an archive and as NIfTI."""
    ct = Series(SAMPLES / "ct")[:8]
    ct.write(root / "deep" / "ct")
    (root / "deep" / "ct" / ".x.0123abcd.part").mkdir()
    (root / "deep" / "ct" / ".x.0123abcd.part" / "half.dcm").write_bytes(b"half")
    ct.write(root / "ct.nii.gz")
    with zipfile.ZipFile(root / "ct.zip", "w") as archive:
        for path in sorted((root / "deep" / "ct").glob("*.dcm")):
            archive.write(path, f"f/{path.name}")
    return root


def assert_same(a: Series, b: Series) -> None:
    assert a.dtype == b.dtype
    assert a.axes._fields == b.axes._fields
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    np.testing.assert_allclose(a.transformationMatrix, b.transformationMatrix, atol=1e-4)


def assert_all_readings(root: str, ct: Series, **options: Any) -> None:
    """Everything that can be named below a root is read as the folder on the disk."""
    assert_same(Series(f"{root}/deep/ct/", **options), ct)
    assert_same(Series(f"{root}/deep/", **options), ct)
    assert_same(Series(f"{root}/ct.zip", **options), ct)
    assert_same(Series(f"{root}/ct.zip?f", **options), ct)
    assert_same(Series(f"zip://f/*::{root}/ct.zip", **options), ct)
    np.testing.assert_array_equal(Series(f"{root}/ct.nii.gz", **options), ct)
    picked = {"Image_00001.dcm", "Image_00003.dcm"}
    found = find_sources(f"{root}/deep/*/*[13].dcm", options)
    assert {source.basename for source in found} == picked
    assert {source.name for source in found} == {f"{shown(root)}/deep/ct/{name}" for name in picked}
    for name in ("none", "none/", "none/*.dcm", "deep/ct/*.none"):
        with pytest.raises(errors.InputNotFoundError, match=re.escape(shown(root))):
            find_sources(f"{root}/{name}", options)


def assert_all_writings(
    root: str, ct: Series, listing: Callable[[str], dict[str, bytes]], **options: Any
) -> None:
    """What is written below a root is whole, keeps its rules, and leaves no debris."""
    ct[:4].write(f"{root}/new/out", **options)
    expected = {f"Image_{n:05d}.dcm" for n in range(4)}
    assert listing("new").keys() == {f"out/{name}" for name in expected}
    assert_same(Series(f"{root}/new/out", **options), ct[:4])
    before = listing("new")
    with pytest.raises(errors.FileAlreadyExistsError, match="another series"):
        ct[:2].write(f"{root}/new/out", **options)
    assert listing("new") == before
    ct[:4].write(f"{root}/new/out", **options)  # a whole series of our own is replaced
    assert listing("new").keys() == before.keys()
    ct[:2].write(f"{root}/new/out", overwrite=True, **options)
    assert len(listing("new")) == 4
    ct.write(f"{root}/new/x.nii.gz", **options)
    ct.write(f"{root}/new/x.nii.gz", **options)
    np.testing.assert_array_equal(Series(f"{root}/new/x.nii.gz", **options), ct)
    ct.write(f"{root}/new/x.tar.gz", **options)
    np.testing.assert_array_equal(Series(f"{root}/new/x.tar.gz", **options), ct)
    with pytest.raises(errors.FileAlreadyExistsError):
        ct[:2].write(f"{root}/new/x.tar.gz", **options)
    assert {name.partition("/")[0] for name in listing("new")} == {"out", "x.nii.gz", "x.tar.gz"}


def assert_failure_changes_nothing(
    root: str,
    ct: Series,
    listing: Callable[[str], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    moves: Iterable[int],
    **options: Any,
) -> None:
    """Whichever move fails, of an old file or a new: what was there is back, and nothing else is there."""
    ct[:3].write(f"{root}/fail/out", **options)
    before = listing("fail")
    real = remote.RemoteStaging._move
    for at in moves:
        calls = iter(range(1000))

        def move(self: Any, source: str, target: str, at: int = at, calls: Any = calls) -> None:
            if next(calls) == at:
                raise connect.StoreError("the connection is lost")
            real(self, source, target)

        monkeypatch.setattr(remote.RemoteStaging, "_move", move)
        with pytest.raises(errors.WriteError, match="connection is lost; what was there is unchanged"):
            ct[4:7].write(f"{root}/fail/out", **options)
        monkeypatch.setattr(remote.RemoteStaging, "_move", real)
        assert {n: d for n, d in listing("fail").items() if n.startswith("out/")} == before
        assert not [n for n in listing("fail") if ".part" in n]


def files_below(folder: Path) -> Callable[[str], dict[str, bytes]]:
    def listing(below: str) -> dict[str, bytes]:
        root = folder / below
        return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    return listing
