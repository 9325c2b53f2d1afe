"""Generated Series, index expressions, and the oracle of the array tests.

The oracle: the value of each voxel of a generated Series is its number. After an operation that
moves voxels, the value tells where a voxel was, so that what the result claims of it (its place,
its tag values, its source image) can be compared with what was true before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from imagedata import Series
from imagedata.axis import SPATIAL, VariableAxis
from imagedata.geometry import Geometry
from imagedata.header import Header, Identity, Images

TAGS = ("time", "b", "te")


@dataclass(frozen=True)
class FakeRecords:
    """Headers of images that were never in a file."""

    count: int

    def __len__(self) -> int:
        return self.count

    def dataset(self, index: int) -> Dataset:
        ds = Dataset()
        ds.InstanceNumber = index + 1
        ds.PatientID = "generated"
        ds.WindowCenter, ds.WindowWidth = 40, 400
        return ds


def affine_of(kind: str, rng: np.random.Generator) -> np.ndarray:
    """An affine: 'axial', 'oblique', 'left-handed' or 'sheared'."""
    affine = np.eye(4)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    if kind == "axial":
        axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    else:
        axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        # Right-handed in the sense of DICOM: the slices follow the cross product.
        handed = np.dot(np.cross(axes[:, 2], axes[:, 1]), axes[:, 0])
        if (handed < 0) != (kind == "left-handed"):
            axes[:, 0] *= -1
    if kind == "sheared":
        axes[:, 0] += axes[:, 1] * rng.uniform(-0.4, 0.4)
    affine[:3, :3] = axes * rng.uniform(0.4, 6, 3)
    return affine


def make_series(
    shape: tuple[int, int, int] = (3, 4, 5),
    tags: tuple[int, ...] = (),
    kind: str = "oblique",
    seed: int = 0,
    *,
    uneven: bool = False,
    records: bool = True,
) -> Series:
    """A Series whose values are the numbers of its voxels."""
    rng = np.random.default_rng(seed)
    affine = affine_of(kind, rng)
    geometry = Geometry(affine, shape, "1.2.3.4")
    if uneven and shape[0] > 2:
        steps = np.cumsum(rng.uniform(0.5, 2, shape[0]))
        geometry = geometry.with_positions(affine[:3, 3] + steps[:, None] * affine[:3, 0])
    names = TAGS[: len(tags)]
    axes = {
        name: VariableAxis(name, np.round(np.cumsum(rng.uniform(0.1, 9, n)), 3).tolist())
        for name, n in zip(names, tags, strict=True)
    }
    images = None
    if records:
        ids = np.arange(int(np.prod((*tags, shape[0])))).reshape(*tags, shape[0])
        ids = rng.permutation(ids.ravel()).reshape(ids.shape)
        per_image = {name: rng.uniform(0, 100, ids.shape) for name in names}
        images = Images((*names, "slice"), ids, FakeRecords(ids.size), per_image)
    header = Header(dims=(*names, *SPATIAL), geometry=geometry, tag_axes=axes, images=images)
    array = np.arange(int(np.prod((*tags, *shape)))).reshape(*tags, *shape)
    series = array.view(Series)
    series.header = header
    series._identity = Identity("1.2.3.5")
    return series


KINDS = ("axial", "oblique", "left-handed", "sheared")


@st.composite
def series(draw: st.DrawFn, max_tags: int = 2, max_side: int = 5, min_side: int = 1) -> Series:
    """A Series of any shape, size-1 and cubic ones among them, anywhere in space."""
    side = st.integers(min_side, max_side)
    tags = tuple(draw(st.lists(st.integers(min_side, 4), max_size=max_tags)))
    if draw(st.booleans()):
        shape = (draw(side), draw(side), draw(side))
    else:
        shape = (draw(side),) * 3
        tags = tuple(shape[0] for _ in tags)
    made = make_series(
        shape, tags, draw(st.sampled_from(KINDS)), draw(st.integers(0, 1000)),
        uneven=draw(st.booleans()) and min_side > 0,
    )
    return made


def slices(n: int) -> st.SearchStrategy[slice]:
    """Slices of a dimension of length `n`, out of range ones among them."""
    end = st.none() | st.integers(-n - 3, n + 3)
    step = st.none() | st.integers(-3, 3).filter(bool)
    return st.builds(slice, end, end, step)


def lists(n: int) -> st.SearchStrategy[list[int]]:
    """Lists of indices of a dimension of length `n`."""
    if n == 0:
        return st.just([])
    return st.lists(st.integers(-n, n - 1), max_size=n + 1)


@st.composite
def basic_index(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """An index of integers, slices, Ellipsis and newaxis."""
    items: list[Any] = []
    used = draw(st.integers(0, len(shape)))
    dots = draw(st.none() | st.integers(0, used))
    at = 0
    for i in range(used):
        if i == dots:
            items.append(...)
            at = len(shape) - (used - i)
        if draw(st.integers(0, 9)) == 0:
            items.append(None)
        n = shape[at]
        whole = [st.integers(-n, n - 1), st.integers(-n, n - 1).map(np.int64)] if n else []
        items.append(draw(st.one_of(slices(n), *whole)))
        at += 1
    if len(items) == 1 and draw(st.booleans()):
        return items[0]
    return tuple(items)


@st.composite
def list_index(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """An index with one list or boolean array among integers and slices."""
    index = list(draw(basic_index(shape).filter(lambda key: isinstance(key, tuple))))
    places = [i for i, item in enumerate(index) if isinstance(item, (slice, int, np.integer))]
    if not places:
        return draw(lists(shape[0]))
    place = draw(st.sampled_from(places))
    before = [i for i in index[:place] if i is not None]
    if any(i is Ellipsis for i in before):
        axis = len(shape) - sum(1 for i in index[place:] if i is not None)
    else:
        axis = len(before)
    n = shape[axis]
    kind = draw(st.integers(0, 2))
    if kind == 0:
        index[place] = draw(lists(n))
    elif kind == 1:
        index[place] = np.array(draw(lists(n)), dtype=np.intp)
    else:
        index[place] = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool)
    return tuple(index)


# --- the oracle ---------------------------------------------------------------------------------


@dataclass
class Claims:
    """What a Series says of each of its voxels: arrays of its shape; None where it says nothing."""

    world: np.ndarray | None
    tags: dict[str, np.ndarray]
    images: np.ndarray | None
    image_tags: dict[str, np.ndarray]


def claims(series: Series) -> Claims:
    """Work out what the header of a Series says of each voxel."""
    header, shape = series.header, series.shape
    assert len(header.dims) == len(shape)
    assert len(set(header.dims)) == len(shape), header.dims
    grid = dict(zip(header.dims, np.indices(shape, sparse=True), strict=True))
    zero = np.zeros((1,) * len(shape), dtype=int)
    world = None
    if header.geometry is not None:
        counts = tuple(dict(zip(header.dims, shape, strict=True)).get(d, 1) for d in SPATIAL)
        assert header.geometry.shape == counts, (header.geometry.shape, counts)
        index = np.stack(
            [np.broadcast_to(grid.get(d, zero), shape) for d in SPATIAL], axis=-1
        )
        world = header.geometry.to_world(index)
    tags = {}
    for name, axis in header.tag_axes.items():
        assert name in header.dims, name
        assert len(axis) == shape[header.dims.index(name)], name
        values = np.asarray(axis.values, dtype=object)
        tags[name] = np.broadcast_to(values[grid[name]], shape)
    ids, image_tags = None, {}
    if header.images is not None and series.size:
        where = []
        for d, n in zip(header.images.dims, header.images.ids.shape, strict=True):
            if d in grid and n != 1:
                assert n == shape[header.dims.index(d)], (d, n, shape)
                where.append(np.broadcast_to(grid[d], shape))
            else:
                assert n == 1, (d, n)
                where.append(np.zeros(shape, dtype=int))
        if header.images.own:
            ids = header.images.ids[tuple(where)]
        image_tags = {k: v[tuple(where)] for k, v in header.images.tags.items()}
    # The properties that are made of these can be read.
    assert len(series.axes) == series.ndim
    assert series.tags is not None
    assert series.SOPInstanceUIDs is not None
    return Claims(world, tags, ids, image_tags)


def check(before: Series, after: Series, *, exact: bool = False, tags: bool = False) -> None:
    """Compare what `after` claims of its voxels with what was true of them in `before`.

    Parameters
    ----------
    before : Series
        From `make_series`: values are voxel numbers.
    after : Series
        Made of the same voxels.
    exact : bool
        Whether the geometry must be there.
    tags : bool
        Whether the axes of all tag dimensions that are left must be there.
    """
    true, said = claims(before), claims(after)
    number = np.asarray(after).astype(int)
    if exact and after.size:
        assert said.world is not None
    if tags:
        for name in before.header.tag_dims:
            assert name not in after.header.dims or name in said.tags, name
    if said.world is not None:
        np.testing.assert_allclose(said.world, true.world.reshape(-1, 3)[number], atol=1e-6)
    for name, values in said.tags.items():
        assert np.array_equal(values, true.tags[name].ravel()[number]), name
    if said.images is not None:
        assert np.array_equal(said.images, true.images.ravel()[number])
    for name, values in said.image_tags.items():
        assert np.array_equal(values, true.image_tags[name].ravel()[number]), name


def renamed_copy(series: Series, **parts: Any) -> Series:
    """The same values with parts of the header replaced."""
    other = series.copy()
    other.header = replace(series.header, **parts)
    return other
