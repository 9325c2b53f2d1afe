"""Universal functions in all their forms, and two Series in one operation."""

import asyncio
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imagedata
from imagedata import Series
from imagedata.axis import UniformLengthAxis
from imagedata.errors import AxisError, GeometryMismatchError, GeometryMismatchWarning
from strategies import check, claims, make_series, series

plain = np.asarray
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


@given(series())
def test_elementwise_keeps_everything(s: Series) -> None:
    for got in (s + 0, 0 + s, s * np.int8(1), np.add(s, np.zeros(s.shape, int)),
                np.zeros(s.shape[-1:], int) + s,
                np.maximum(s, 0), +s, abs(s), s // 1):  # fmt: skip
        assert type(got) is Series
        check(s, got, exact=True, tags=True)
    for got in (s > 3, ~(s > 3), np.isfinite(s), s == s):
        assert got.dtype == bool
        assert got.header is s.header


def test_results_in_pairs() -> None:
    s = make_series((3, 4, 5))
    for got in (*np.modf(s * 0.5), *divmod(s, 3), *np.frexp(s)):
        assert got.header.geometry is s.header.geometry
    out = np.empty(s.shape), make_series((3, 4, 5)).astype(float)
    got = np.modf(s * 0.5, out=out)
    assert got[0] is out[0]
    assert got[1] is out[1]
    first, second = np.divmod(s, 3, out=(np.empty_like(plain(s)), None))
    assert type(first) is np.ndarray
    assert np.array_equal(second, plain(s) % 3)


def test_out_keeps_its_own_header() -> None:
    s = make_series((3, 4, 5))
    out = make_series((3, 4, 5), records=False)
    header, uid = out.header, out.seriesInstanceUID
    assert np.add(s, 1, out=out) is out
    assert out.header is header
    assert out.seriesInstanceUID != uid
    assert np.array_equal(out, plain(s) + 1)
    into = np.empty((3, 4, 5), int)
    assert np.add(s, 1, out=into) is into
    assert np.add(plain(s), 1, out=out) is out
    total = np.zeros((4, 5), int)
    assert np.add.reduce(s, axis="slice", out=total) is total
    assert s.sum(axis=0, out=total) is total


def test_where_dtype_and_casting() -> None:
    s = make_series((3, 4, 5))
    mask = s > 30
    got = np.add(s, 100, where=mask, out=s.copy())
    assert np.array_equal(got, np.where(plain(mask), plain(s) + 100, plain(s)))
    assert np.add(s, 1, dtype=float).header.geometry is s.header.geometry
    small = s.astype(np.uint8)
    with pytest.raises(TypeError, match="same_kind"):
        small += 1.5
    assert np.add.reduce(s, axis=0, where=mask).header.dims == ("row", "column")


def test_in_place() -> None:
    s = make_series((3, 4, 5))
    same, header, uid = s, s.header, s.seriesInstanceUID
    s += 1
    s[0] *= 2
    assert s is same
    assert s.header is header
    assert s.seriesInstanceUID != uid
    a = np.ones((3, 4, 5))
    a += s
    assert type(a) is np.ndarray
    part = s[1:]
    part -= 1
    assert np.shares_memory(part, s)
    check(make_series((3, 4, 5)), part, exact=True)


def test_methods_of_ufuncs() -> None:
    s = make_series((3, 4, 5), (4,))
    grown = np.add.accumulate(s, axis="time")
    assert grown.header.dims == s.header.dims
    assert np.array_equal(grown, np.cumsum(plain(s), 0))
    binned = np.add.reduceat(s, [0, 2], axis=0)
    assert binned.header.dims == ("unknown0", "slice", "row", "column")
    assert binned.header.geometry is s.header.geometry
    assert np.add.reduceat(s, [0, 2], axis=-1).header.geometry is None
    assert type(np.multiply.outer(s, [1, 2])) is np.ndarray
    changed = s.copy()
    assert np.add.at(changed, ([0, 0], 1), 5) is None
    assert np.array_equal(changed[0, 1], plain(s)[0, 1] + 10)
    assert isinstance(np.add.reduce(s, axis=None), np.int64)
    assert s.cumsum("time").header.dims == s.header.dims
    assert type(np.matmul(s, np.ones((5, 4)))) is np.ndarray
    assert type(s @ s.swapaxes(-1, -2)) is np.ndarray
    assert type(np.add.reduce(plain(s), axis=0)) is np.ndarray


@given(series(max_tags=2), st.data())
def test_broadcasting(s: Series, data: st.DataObject) -> None:
    lead = data.draw(st.integers(0, s.ndim - 2))
    part = s[(0,) * lead]
    two = np.ones((2, *[1] * (s.ndim + 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for got in (s * part, part * s, s - s.mean(axis=0, keepdims=True), s + two):
            claims(got)
    assert (part * s).header.dims == s.header.dims
    big = part + np.zeros((2, *part.shape), int)
    if part.shape[0] != 2 or part.ndim > 2:
        assert big.header.dims[1:] == part.header.dims
        check(s, big, exact=True)
    wide = s[..., :1] + np.zeros(s.shape[-1], int)
    check(s, wide)


def test_bad_shapes_and_arguments() -> None:
    s = make_series((3, 4, 5))
    wrongs = (
        lambda a: a + np.ones(7),
        lambda a: np.add(a, a, out=np.ones(3)),
        lambda a: a.dot(np.ones(9)),
    )
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r".") as expected:
            wrong(plain(s))
        with pytest.raises(ValueError, match=r".") as got:
            wrong(s)
        assert str(got.value) == str(expected.value)
    assert type(np.add(s, 1, subok=False)) is np.ndarray
    masked = s.masked(s > 30)
    assert isinstance(masked, np.ma.MaskedArray)
    assert masked.sum() == plain(s)[plain(s) <= 30].sum()
    assert np.shares_memory(masked.data, s)
    with pytest.raises(AxisError, match="axis 'slice' has 2 values for a dimension of length 3"):
        s.axes = [UniformLengthAxis("slice", 0, 2), *s.axes[1:]]
    with pytest.raises(AxisError, match="3 dimensions need as many axes, got 2"):
        s.axes = s.axes[:2]
    with pytest.raises(AxisError, match="must differ"):
        s.axes = [s.axes[1].copy(n=3), *s.axes[1:]]


def test_scalars_stay_scalars() -> None:
    s = make_series((3, 4, 5))
    assert type(s[0, 0, 0] + 1) is np.int64
    assert type(s.sum()) is np.int64
    assert type(np.mean(s)) is np.float64
    assert isinstance(float(s[0, 0, ...].max()), float)


# --- two Series ------------------------------------------------------------------------------------------


def test_first_of_the_shape_gives_the_header() -> None:
    a = make_series((3, 4, 5), (2,))
    b = make_series((3, 4, 5), (2,), records=False)
    assert (b + a).header is b.header
    assert (a[0] + b).header is b.header
    assert (plain(a) + b).header is b.header


@pytest.mark.parametrize("operation", [
    lambda a, b: a + b, lambda a, b: np.add(a, b), lambda a, b: np.where(a > 3, a, b),
    lambda a, b: np.clip(a, b, 100), lambda a, b: np.hypot(a, b), lambda a, b: a > b,
])  # fmt: skip
def test_different_places_are_told(operation: object) -> None:
    a, b = make_series((3, 4, 5)), make_series((3, 4, 5), seed=4)
    with pytest.warns(GeometryMismatchWarning, match=r"differ in geometry: voxels up to \d") as caught:
        got = operation(a, b)
    assert caught[0].filename == __file__
    assert got.header.geometry is a.header.geometry
    assert len(caught) == 1


def test_in_place_forms_are_compared_before_anything_changes() -> None:
    a, b = make_series((3, 4, 5)), make_series((3, 4, 5), seed=4)
    before = np.array(a)
    with pytest.warns(GeometryMismatchWarning) as caught:
        a += b
    assert caught[0].filename == __file__
    with pytest.warns(GeometryMismatchWarning):
        np.add(b, 1, out=a)
    a[...] = before
    with imagedata.strict(), pytest.raises(GeometryMismatchError):
        a *= b
    assert np.array_equal(a, before)


def test_what_differs_is_said() -> None:
    a = make_series((3, 4, 5))
    other_frame = a.copy()
    other_frame.frameOfReferenceUID = "1.9.9"
    with pytest.warns(GeometryMismatchWarning, match="frames of reference 1.2.3.4 and 1.9.9"):
        a + other_frame
    cube = make_series((3, 3, 3))
    with pytest.warns(GeometryMismatchWarning, match="axis column of the one meets axis slice"):
        cube + cube.T
    near = a.copy()
    affine = a.header.geometry.affine.copy()
    affine[0, 3] += 1e-5
    near.header = replace(a.header, geometry=a.header.geometry.with_affine(affine))
    a + near
    a + a[:1]
    a + Series(plain(a))


def test_strict_mode() -> None:
    a, b = make_series((3, 4, 5)), make_series((3, 4, 5), seed=4)
    with imagedata.strict():
        with pytest.raises(GeometryMismatchError, match="voxels up to"):
            a + b
        with imagedata.strict(False), pytest.warns(GeometryMismatchWarning):
            a + b
        a + a
    with pytest.warns(GeometryMismatchWarning):
        a + b
    imagedata.set_options(geometry_mismatch="error")
    try:
        with pytest.raises(GeometryMismatchError):
            a + b
        imagedata.set_options(geometry_mismatch="ignore")
        a + b
    finally:
        imagedata.set_options(geometry_mismatch="warn")
    with pytest.raises(ValueError, match="one of warn, error, ignore"):
        imagedata.set_options(geometry_mismatch="loud")


def test_strict_mode_concerns_one_thread_and_one_task() -> None:
    a, b = make_series((3, 4, 5)), make_series((3, 4, 5), seed=4)
    seen: list[str] = []

    def other() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            a + b
        seen.append("thread")

    async def strict_task() -> None:
        with imagedata.strict():
            await asyncio.sleep(0.01)
            with pytest.raises(GeometryMismatchError):
                a + b
        seen.append("strict")

    async def loose_task() -> None:
        await asyncio.sleep(0.005)
        with pytest.warns(GeometryMismatchWarning):
            a + b
        seen.append("loose")

    async def both() -> None:
        await asyncio.gather(strict_task(), loose_task())

    with imagedata.strict():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    asyncio.run(both())
    assert sorted(seen) == ["loose", "strict", "thread"]


# --- other array types -----------------------------------------------------------------------------------


class Foreign:
    """An array type with a protocol of its own."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: object) -> str:
        return "theirs"


def test_other_types_decide_for_themselves() -> None:
    s = make_series((3, 4, 5))
    assert s + Foreign() == "theirs"
    assert Foreign() * s == "theirs"
    masked = np.ma.masked_greater(plain(s), 30)
    got = s + masked
    assert isinstance(got, np.ma.MaskedArray)
    assert got.mask.sum() == (plain(s) > 30).sum()
    assert np.add(s, [1, 2, 3, 4, 5]).header is s.header
    assert ([1, 2, 3, 4, 5] * s).header is s.header


# --- colour ------------------------------------------------------------------------------------------------


def colour() -> Series:
    s = make_series((3, 4, 5), (2,))
    values = np.zeros(s.shape, RGB)
    for i, name in enumerate("RGB"):
        values[name] = (plain(s) * (i + 1)) % 256
    made = values.view(Series)
    made.header = s.header
    return made


def test_colour_fields() -> None:
    rgb = colour()
    assert rgb.color
    red = rgb["R"]
    assert type(red) is Series
    assert red.dtype == np.uint8
    assert red.header is rgb.header
    assert not red.color
    assert rgb[["R", "B"]].header is rgb.header
    red[0] = 7
    assert (plain(rgb)["R"][0] == 7).all()
    rgb["G"] = 5
    assert (plain(rgb)["G"] == 5).all()
    assert isinstance(rgb[0, 0, 0, 0], np.void)
    assert tuple(rgb[1, 2, 3, 4]) == tuple(plain(rgb)[1, 2, 3, 4])
    with pytest.raises(ValueError, match="no field of name X"):
        rgb["X"]


def test_colour_moves_as_any_array() -> None:
    rgb = colour()
    s = make_series((3, 4, 5), (2,))
    for move in (lambda a: a[1, ::-1, 1:], lambda a: a.T, lambda a: np.flip(a, -1), lambda a: np.pad(a, 1),
                 lambda a: np.concatenate([a[:1], a[1:]]), lambda a: a[[1, 0]], lambda a: a.copy(),
                 lambda a: np.rot90(a), lambda a: np.repeat(a, 2, -1),
                 lambda a: np.where(plain(s) > 3, a, a)):  # fmt: skip
        got, number = move(rgb), move(s)
        assert got.color
        assert np.array_equal(plain(got)["B"], move(plain(rgb))["B"])
        assert got.header.dims == number.header.dims
        np.testing.assert_allclose(claims(got).world, claims(number).world)
    assert (rgb == rgb).header is rgb.header
    assert rgb.view(np.dtype("u1"), np.ndarray).shape[-1] == 15


def test_colour_computes_by_channel() -> None:
    rgb = colour()
    got = rgb + np.uint8(1)
    assert got.color
    assert np.array_equal(got["G"], rgb["G"] + np.uint8(1))
    assert got.header is rgb.header
    half = np.multiply(rgb, 0.5)
    assert half.dtype.names == ("R", "G", "B")
    assert not half.color
    assert np.allclose(half["B"], plain(rgb)["B"] / 2)
    with pytest.raises(TypeError):
        rgb + np.zeros(rgb.shape, [("X", "u1")])
    with pytest.raises(TypeError):
        rgb.sum(axis=0)
