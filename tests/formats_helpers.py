"""What the tests of the file formats share: values of any type, and a comparison voxel by voxel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imagedata import Series
from strategies import make_series

RGB = np.dtype([('R', 'u1'), ('G', 'u1'), ('B', 'u1')])


def random_values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str | np.dtype) -> np.ndarray:
    """Values over the whole range of a type."""
    dtype = np.dtype(dtype)
    if dtype.names:
        return rng.integers(0, 256, (*shape, 3), dtype='u1').view(dtype)[..., 0]
    if dtype.kind in 'iu':
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if dtype.kind == 'b':
        return rng.random(shape) < 0.5
    if dtype.kind == 'c':
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def random_series(
    dtype: str | np.dtype = 'i2',
    shape: tuple[int, int, int] = (3, 4, 5),
    tags: tuple[int, ...] = (),
    kind: str = 'oblique',
    seed: int = 0,
    *,
    uneven: bool = False,
) -> Series:
    """A Series with a place and axes of its own; no two of its values need be the same."""
    like = make_series(shape, tags, kind, seed, uneven=uneven, records=False)
    made = random_values(np.random.default_rng(seed), like.shape, dtype).view(Series)
    made.header = like.header
    return made


def same(found: Series, wanted: Series, *, axes: bool = True) -> None:
    """Assert that values, places of all voxels and tag values are the same."""
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    index = np.stack(np.meshgrid(*map(np.arange, wanted.shape[-3:]), indexing='ij'), axis=-1)
    np.testing.assert_allclose(
        found.header.geometry.to_world(index), wanted.header.geometry.to_world(index), rtol=0, atol=1e-4
    )
    if axes:
        assert [a.name for a in found.axes] == [a.name for a in wanted.axes]
        for name in wanted.header.tag_dims:
            assert found.header.tag_axes[name].values == wanted.header.tag_axes[name].values


def debris(folder: Path) -> list[str]:
    """Names of what is in a folder."""
    return sorted(path.name for path in folder.rglob('*'))
