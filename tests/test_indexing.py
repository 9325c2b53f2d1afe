"""Indexing: every voxel of what comes out is where, and what, it was."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagedata import Series
from imagedata.axis import SPATIAL
from imagedata.errors import AxisError
from strategies import basic_index, check, claims, list_index, make_series, series


@given(st.data())
def test_basic_index(data: st.DataObject) -> None:
    s = data.draw(series())
    key = data.draw(basic_index(s.shape))
    got, expected = s[key], np.asarray(s)[key]
    assert np.array_equal(got, expected)
    assert type(got) is (Series if isinstance(expected, np.ndarray) else type(expected))
    if isinstance(got, Series):
        check(s, got, exact=True, tags=True)


@given(st.data())
def test_one_list_among_integers_and_slices(data: st.DataObject) -> None:
    s = data.draw(series())
    key = data.draw(list_index(s.shape))
    got, expected = s[key], np.asarray(s)[key]
    assert np.array_equal(got, expected)
    assert got.shape == expected.shape
    check(s, got, tags=True)
    assert sum(d in s.header.dims for d in got.header.dims) == got.ndim - newaxes(key)


def newaxes(key: object) -> int:
    return sum(item is None for item in key) if isinstance(key, tuple) else 0


@given(st.data())
def test_index_of_an_index(data: st.DataObject) -> None:
    s = data.draw(series())
    got = s
    for _ in range(3):
        if not isinstance(got, Series):
            return
        got = got[data.draw(basic_index(got.shape) | list_index(got.shape) if got.ndim else basic_index(()))]
    if isinstance(got, Series):
        check(s, got)


@given(st.data())
def test_open_mesh(data: st.DataObject) -> None:
    s = data.draw(series(max_tags=1))
    parts = [data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n)) for n in s.shape[-3:]]
    mesh = np.ix_(*parts)
    got = s[(..., *mesh)]
    assert np.array_equal(got, np.asarray(s)[(..., *mesh)])
    assert got.header.dims == s.header.dims
    check(s, got, tags=True)


def test_boolean_mask_of_the_whole_shape_gives_values_without_axes() -> None:
    s = make_series((3, 4, 5), (2,))
    got = s[s > 50]
    assert got.shape == (69,)
    assert got.header.geometry is None
    assert got.header.dims == ("unknown0",)
    assert got.header.attribute("patientID") == "generated"


def test_boolean_list_along_a_tag_axis_is_exact() -> None:
    s = make_series((3, 4, 5), (4,))
    mask = np.array([True, False, False, True])
    got = s[mask]
    assert got.axes.time.values == [s.axes.time[0], s.axes.time[3]]
    assert got.header.geometry is s.header.geometry
    check(s, got, exact=True, tags=True)
    check(s, s[Series(mask)], exact=True, tags=True)


def test_even_list_along_rows_keeps_the_affine() -> None:
    s = make_series((3, 6, 5))
    got = s[:, [1, 3, 5]]
    assert got.spacing[1] == pytest.approx(2 * s.spacing[1])
    check(s, got, exact=True)
    assert s[:, [0, 1, 5]].header.geometry is None


def test_integer_remembers_the_plane() -> None:
    s = make_series((3, 4, 5))
    plane = s[2]
    assert plane.header.dims == ("row", "column")
    assert np.allclose(plane.getPositionForVoxel((0, 1, 2)), s.getPositionForVoxel((2, 1, 2)))


@pytest.mark.parametrize("key", [3, -4, (0, 9), (0, 0, 0, 0), 1.5, "R", ([0, 7],), (..., ...)])
def test_errors_are_those_of_numpy(key: object) -> None:
    s = make_series((3, 4, 5))
    with pytest.raises(IndexError) as expected:
        np.asarray(s)[key]
    with pytest.raises(IndexError) as got:
        s[key]
    assert str(got.value) == str(expected.value)


def test_a_list_that_changes_afterwards_changes_nothing() -> None:
    s = make_series((3, 4, 5), (4,))
    key = [0, 2]
    got = s[key]
    key[1] = 3
    assert got.axes.time.values == [s.axes.time[0], s.axes.time[2]]


def test_assignment() -> None:
    s = make_series((3, 4, 5))
    plain = np.array(s)
    other = make_series((3, 4, 5), seed=3)
    for target in (s, plain):
        target[0] = other[1] * 2
        target[np.asarray(other) > 40] = -1
        target[:, 1:3, ::2] += 7
        target[1, 2, 3] = 5
        target[..., [0, 2]] = 9
    assert np.array_equal(s, plain)
    masked = s.copy()
    masked[other > 40] = 0
    assert (np.asarray(masked)[np.asarray(other) > 40] == 0).all()


def test_slices_a_little_uneven_stay_where_they_are() -> None:
    s = make_series((6, 2, 2))
    places = s.header.geometry.slice_positions.copy()
    places[[1, 4]] += [[0.004, 0, 0], [0, 0.5, 0]]
    s.header = s.header.with_geometry(s.header.geometry.with_positions(places))
    assert not s.header.geometry.is_uniform
    for part in (s[:3], s[::-1], s[[0, 1, 3]], np.concatenate([s[:2], s[2:]]), np.flip(s[:4])):
        check(s, part, exact=True)


def test_iteration_gives_series() -> None:
    s = make_series((3, 4, 5), (2,))
    for i, volume in enumerate(s):
        assert volume.header.dims == ("slice", "row", "column")
        check(s, volume, exact=True)
        assert np.array_equal(volume, s[i])


def test_zero_dimensional_and_empty() -> None:
    s = make_series((3, 4, 5))
    scalar = s[1, 2, 3]
    assert type(scalar) is np.int64
    nothing = s[5:]
    assert nothing.shape == (0, 4, 5)
    assert len(nothing.axes.slice) == 0
    zero = s[1, 2, 3, ...]
    assert zero.shape == ()
    assert zero.header.dims == ()
    claims(zero)
    claims(nothing)


def test_flat_makes_no_claim() -> None:
    s = make_series((3, 3, 3))
    assert s.flat[3:6].header.geometry is None
    assert s.flat[4] == 4


def test_long_chain_of_slices() -> None:
    s = make_series((40, 4, 5))
    part = s
    for _ in range(39):
        part = part[1:]
    check(s, part, exact=True)


def test_isel() -> None:
    s = make_series((3, 4, 5), (4,))
    assert np.array_equal(s.isel(slice=1), np.asarray(s)[:, 1])
    assert np.array_equal(s.isel(time=-1, row=slice(1, 3)), np.asarray(s)[-1, :, 1:3])
    got = s.isel(time=[0, 2], slice=[2, 1], column=4)
    assert np.array_equal(got, np.asarray(s)[[0, 2]][:, [2, 1]][..., 4])
    check(s, got, exact=True, tags=True)
    assert np.array_equal(s.isel({"slice": 0}), np.asarray(s)[:, 0])
    with pytest.raises(AxisError, match="there is no axis 'te': the axes are time, slice"):
        s.isel(te=0)
    with pytest.raises(IndexError):
        s.isel(time=4)


def test_sel() -> None:
    s = make_series((3, 4, 5), (4,))
    times = s.axes.time.values
    assert np.array_equal(s.sel(time=times[2]), np.asarray(s)[2])
    assert np.array_equal(s.sel(time=times[2] + 1e-3, method="nearest"), np.asarray(s)[2])
    assert np.array_equal(s.sel(time=[times[3], times[0]]), np.asarray(s)[[3, 0]])
    assert np.array_equal(s.sel(time=slice(times[1], times[2])), np.asarray(s)[1:3])
    assert np.array_equal(s.sel(time=slice(None, times[0] + 1e-6)), np.asarray(s)[:1])
    check(s, s.sel(time=[times[3], times[0]]), exact=True, tags=True)
    with pytest.raises(KeyError, match="no time 1000"):
        s.sel(time=1000)
    with pytest.raises(KeyError, match="within"):
        s.sel(time=1000, method="nearest", tolerance=1.0)
    with pytest.raises(ValueError, match="method"):
        s.sel(time=1, method="linear")
    with pytest.raises(AxisError, match="no axis 'b'"):
        s.sel(b=800)


def test_sel_of_texts_tuples_and_repeated_values() -> None:
    from imagedata.axis import UniformLengthAxis, VariableAxis

    s = make_series((3, 4, 5), (4,))
    spatial = [UniformLengthAxis(n, 0, m) for n, m in zip(SPATIAL, s.shape[1:], strict=True)]
    s.axes = [VariableAxis("phase", ["in", "out", "in", "rest"]), *spatial]
    assert np.array_equal(s.sel(phase="out"), np.asarray(s)[1])
    assert np.array_equal(s.sel(phase=["in"]), np.asarray(s)[[0, 2]])
    s.axes = [VariableAxis("dir", [(1, 0), (0, 1), (1, 1), (0, 0)]), *spatial]
    assert np.array_equal(s.sel(dir=(1, 1)), np.asarray(s)[2])
    assert np.array_equal(s.sel(dir=[(1, 1), (0, 0)]), np.asarray(s)[2:])


# --- against plain arrays -------------------------------------------------------------------------


def random_key(rng: np.random.Generator, shape: tuple[int, ...]) -> object:
    """Any index at all, wrong ones among them."""

    def item(n: int) -> object:
        kind = rng.integers(0, 14)
        if kind < 4:
            ends = [None if rng.random() < 0.3 else int(rng.integers(-n - 2, n + 3)) for _ in "ab"]
            step = [None, 1, 2, -1, -2, 3][rng.integers(0, 6)]
            return slice(*ends, step)
        if kind < 7:
            return int(rng.integers(-n, n)) if n and rng.random() < 0.97 else int(rng.integers(-n - 2, n + 2))
        if kind == 7:
            return np.int16(rng.integers(-n, max(n, 1)))
        if kind == 8:
            return None
        if kind == 9:
            return ...
        if kind == 10:
            return rng.integers(-n, max(n, 1), rng.integers(0, 4)).tolist()
        if kind == 11:
            return rng.random(n if rng.random() < 0.95 else n + 1) < 0.5
        if kind == 12:
            return rng.integers(-n, max(n, 1), (2, 2)) if rng.random() < 0.5 else np.array(0)
        return [True, False, rng.random(shape[:2]) < 0.5, "x", 1.0][rng.integers(0, 5)]

    count = int(rng.integers(0, len(shape) + 1)) + (rng.random() < 0.03)
    key = tuple(item(shape[min(i, len(shape) - 1)]) for i in range(count))
    return key[0] if len(key) == 1 and rng.random() < 0.7 else key


def differ(count: int, seed: int, verify: int = 20) -> int:
    """Compare random indices with plain arrays; return how many raised. See benchmarks/overhead.py."""
    rng = np.random.default_rng(seed)
    pool = [
        make_series(shape, tags, seed=i)
        for i, (shape, tags) in enumerate(
            [((3, 4, 5), (2,)), ((3, 3, 3), ()), ((1, 4, 1), (3,)), ((2, 2, 2), (2, 2)), ((4, 1, 3), ())]
        )
    ]
    raised = 0
    for number in range(count):
        s = pool[number % len(pool)]
        plain = s.view(np.ndarray)
        key = random_key(rng, s.shape)
        try:
            expected = plain[key]
        except (IndexError, ValueError, TypeError) as error:
            raised += 1
            with pytest.raises(type(error), match=f"^{re.escape(str(error))}$"):
                s[key]
            continue
        got = s[key]
        if isinstance(expected, np.ndarray):
            assert type(got) is Series, key
            assert got.shape == expected.shape, key
            assert got.tobytes() == expected.tobytes(), key
            if number % verify == 0:
                check(s, got)
        else:
            assert type(got) is type(expected), key
            assert got == expected, key
    return raised


# Older NumPy warns of indices out of bounds that pick nothing.
@pytest.mark.filterwarnings("ignore:Out of bound index:DeprecationWarning")
def test_random_indices_do_as_plain_arrays() -> None:
    assert differ(6000, seed=1, verify=3) > 100
