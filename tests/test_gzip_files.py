"""Files that several threads compress: zlib is the judge of what they hold."""

import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagedata.formats.nifti import packing
from imagedata.formats.nifti.packing import PackedFile


def unpacked(content: bytes) -> bytes:
    """Return what a file holds, which must be one whole member of gzip and nothing else."""
    machine = zlib.decompressobj(31)
    held = machine.decompress(content) + machine.flush()
    assert machine.eof
    assert machine.unused_data == b""
    return held


@given(
    lengths=st.lists(st.integers(0, 400), max_size=12), level=st.integers(0, 3),
    threads=st.integers(1, 4), seed=st.integers(0, 99),
)  # fmt: skip
def test_what_was_written_is_held(
    lengths: list[int], level: int, threads: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Pieces of any length, shorter and longer than a block, from memory that changes afterwards."""
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("gzip") / "a.gz"
    given_bytes = b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "_BLOCK", 100)
        with PackedFile(path, level, threads) as file:
            for length in lengths:
                piece = rng.integers(0, 9, length, dtype=np.uint8)
                given_bytes += piece.tobytes()
                file.write(piece)
                piece[:] = 255
    assert unpacked(path.read_bytes()) == given_bytes


def test_blocks_of_full_size(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 50, (3, 700, 1000), dtype=np.int16)
    with PackedFile(tmp_path / "a.gz", 2) as file:
        for slab in values:
            file.write(slab)
    assert unpacked((tmp_path / "a.gz").read_bytes()) == values.tobytes()


def test_an_interruption_leaves_no_thread(tmp_path: Path) -> None:
    def interrupted() -> None:
        with PackedFile(tmp_path / "a.gz", 2) as file:
            file.write(bytes(9 << 20))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not [t for t in threading.enumerate() if t.name.startswith("gzip")]
