"""NumPy's functions and methods: the header of the result is right, or says nothing."""

import copy
import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.polynomial  # registers functions of its own
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import recfunctions
from numpy.testing.overrides import get_overridable_numpy_array_functions

from imagedata import Series
from imagedata.axis import VariableAxis
from imagedata.errors import AxisError, BadShapeGiven, GeometryMismatchWarning
from imagedata.numpy_functions import median as medians
from imagedata.numpy_functions import sets
from imagedata.numpy_functions.dispatch import HANDLERS
from strategies import KINDS, FakeRecords, check, claims, make_series, series

plain = np.asarray

SETS = {
    name: getattr(sets, name)
    for name in sets.__all__
}


def agree(a: Any, b: Any) -> None:
    """Two forms of one operation: same type, values, and claims."""
    assert type(a) is type(b)
    np.testing.assert_array_equal(plain(a), plain(b))
    if isinstance(a, Series):
        assert a.header.dims == b.header.dims
        one, two = claims(a), claims(b)
        assert (one.world is None) == (two.world is None)
        if one.world is not None:
            np.testing.assert_allclose(one.world, two.world)
        assert one.tags.keys() == two.tags.keys()


# --- coverage ---------------------------------------------------------------------------------------


def test_every_function_is_in_one_set() -> None:
    records = {getattr(recfunctions, name) for name in sets.RECORDS.split()}
    declared = frozenset().union(*SETS.values()) | records
    everything = get_overridable_numpy_array_functions()
    # Functions with `like=` are there twice, under their public name and as NumPy's internal one.
    missing = sorted(
        f"{f.__module__}.{f.__name__}"
        for f in everything - declared
        if getattr(np, f.__name__, None) not in sets.LIKE and not f.__module__.startswith(sets.PLAIN_MODULES)
    )
    assert not missing, "add these to a set in imagedata/numpy_functions/sets.py"
    names = sorted(SETS)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert not SETS[one] & SETS[other], (one, other)


def test_every_handled_function_has_a_handler() -> None:
    assert set(HANDLERS) == sets.HANDLED


PLAIN_CALLS: list[Callable[[Any], Any]] = [
    np.argmax, np.argwhere, np.nonzero, np.unique, lambda s: np.histogram(s)[0], np.linalg.norm,
    lambda s: np.einsum("...ij->...ji", s), lambda s: np.tensordot(s, s, 0), np.fft.fftn,
    lambda s: np.lib.stride_tricks.sliding_window_view(s, (1, 1, 1)), lambda s: np.outer(s, s),
    lambda s: np.searchsorted(np.arange(9), s), lambda s: np.digitize(s, [3, 5]),
    lambda s: s @ s, lambda s: np.matmul(s, s), lambda s: np.linalg.inv(s + np.eye(3) * 1000),
    lambda s: np.add.outer(s, s), lambda s: s.argsort(0), lambda s: s.argmax(1), lambda s: s.dot(s),
    lambda s: np.take_along_axis(s, np.zeros((1, 3, 3), int), 0), lambda s: s.nonzero()[0],
    lambda s: np.apply_along_axis(np.sum, 0, s), lambda s: np.block([s, s]), np.ascontiguousarray,
    lambda s: np.array(s), lambda s: np.cross(s, s), lambda s: np.resize(s, (2, 3)), lambda s: s.trace(),
    lambda s: np.meshgrid(s)[0], lambda s: np.zeros_like(s, subok=False), lambda s: s.argpartition(1),
    lambda s: np.zeros_like(s, shape=(3, 3)), lambda s: np.asarray([1, 2], like=s),
]  # fmt: skip


@pytest.mark.parametrize("call", PLAIN_CALLS)
def test_plain_results(call: Callable[[Any], Any]) -> None:
    s = make_series((3, 3, 3)).astype(float)
    got = call(s)
    assert not isinstance(got, Series)
    np.testing.assert_array_equal(got, call(plain(s)) if call is not PLAIN_CALLS[-1] else [1, 2])


# --- functions that move voxels ------------------------------------------------------------------------

MOVES: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "transpose": (lambda s: s.T, np.transpose, lambda s: s.transpose(), lambda s: s.transpose(None),
                  lambda s: np.permute_dims(s)),
    "transpose order": (lambda s: s.transpose(*np.roll(range(s.ndim), 1)),
                        lambda s: np.transpose(s, np.roll(range(s.ndim), 1).tolist())),
    "mT": (lambda s: s.mT, np.matrix_transpose, np.linalg.matrix_transpose),
    "swapaxes": (lambda s: s.swapaxes(0, -1), lambda s: np.swapaxes(s, 0, -1),
                 lambda s: s.swapaxes(s.header.dims[0] if isinstance(s, Series) else 0, -1)),
    "moveaxis": (lambda s: np.moveaxis(s, -1, 0), lambda s: np.rollaxis(s, -1)),
    "moveaxis 2": (lambda s: np.moveaxis(s, (0, 1), (-1, -2)),),
    "rollaxis": (lambda s: np.rollaxis(s, 0, s.ndim), lambda s: np.moveaxis(s, 0, -1)),
    "flip": (np.flip, lambda s: s[(slice(None, None, -1),) * s.ndim]),
    "flip one": (lambda s: np.flip(s, -2), lambda s: s[..., ::-1, :]),
    "flip two": (lambda s: np.flip(s, (0, -1)), lambda s: s[::-1, ..., ::-1]),
    "flipud": (np.flipud, lambda s: s[::-1]),
    "fliplr": (np.fliplr, lambda s: s[:, ::-1]),
    "rot90": (np.rot90,),
    "rot90 2": (lambda s: np.rot90(s, 2, (0, -1)),),
    "rot90 3": (lambda s: np.rot90(s, 3, (-1, 1)), lambda s: np.rot90(s, -1, (-1, 1))),
    "rot90 4": (lambda s: np.rot90(s, 4),),
    "squeeze": (np.squeeze, lambda s: s.squeeze()),
    "expand": (lambda s: np.expand_dims(s, 1), lambda s: s[:, None]),
    "expand 2": (lambda s: np.expand_dims(s, (0, -1)), lambda s: s[None, ..., None]),
    "take": (lambda s: s.take([0, -1], 0), lambda s: np.take(s, [0, -1], axis=0), lambda s: s[[0, -1]]),
    "take one": (lambda s: s.take(0, -3), lambda s: np.take(s, 0, -3), lambda s: s[..., 0, :, :]),
    "take clip": (lambda s: np.take(s, [0, 99], 0, mode="clip"), lambda s: s[[0, -1]]),
    "take wrap": (lambda s: s.take([-1], -1, mode="wrap"), lambda s: s[..., [-1]]),
    "compress": (lambda s: s.compress([True] + [False] * (s.shape[-1] - 1), -1),
                 lambda s: np.compress([True] + [False] * (s.shape[-1] - 1), s, axis=-1)),
    "delete": (lambda s: np.delete(s, 0, 0), lambda s: s[1:]),
    "copy": (np.copy, lambda s: s.copy(), copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s)),
             lambda s: s.view(), lambda s: s.astype(s.dtype), lambda s: s.astype(s.dtype, copy=False),
             lambda s: s[...], lambda s: s.reshape(s.shape), lambda s: np.reshape(s, s.shape),
             lambda s: s.view(s.dtype.newbyteorder("=")), lambda s: s.real, np.real,
             lambda s: np.positive(s), lambda s: s + 0, lambda s: s.round(), np.round, lambda s: s.clip(0),
             lambda s: np.clip(s, 0, None), lambda s: np.where(s >= 0, s, 0), lambda s: np.atleast_3d(s),
             lambda s: np.nan_to_num(s), lambda s: np.roll(s, 0, 0), lambda s: np.roll(s, s.shape[-1], -1),
             lambda s: np.astype(s, s.dtype), lambda s: s.conj(), lambda s: np.repeat(s, 1, 0),
             lambda s: np.tile(s, 1), lambda s: np.pad(s, 0), lambda s: np.diff(s, 0),
             lambda s: np.broadcast_to(s, s.shape), lambda s: np.concatenate([s]),
             lambda s: s.transpose(range(s.ndim)),
             lambda s: s.byteswap().byteswap(), lambda s: np.require(s), lambda s: np.asanyarray(s)),
    "split": (lambda s: np.array_split(s, 2)[0], lambda s: s[: (s.shape[0] + 1) // 2]),
    "split last": (lambda s: np.array_split(s, 2, -1)[1], lambda s: s[..., (s.shape[-1] + 1) // 2 :]),
    "unstack": (lambda s: np.unstack(s, axis=1)[0] if hasattr(np, "unstack") else s[:, 0], lambda s: s[:, 0]),
    "tile tags": (lambda s: np.tile(s[None, 0], (2,) + (1,) * s[None, 0].ndim),),
    "broadcast": (lambda s: np.broadcast_to(s, (2, *s.shape)), lambda s: np.tile(s, (2,) + (1,) * s.ndim)),
}  # fmt: skip

NOT_ALWAYS_THERE = {"delete", "take", "take clip", "compress", "split last", "split", "tile tags"}


@pytest.mark.parametrize("name", MOVES)
@given(st.data())
def test_moves(name: str, data: st.DataObject) -> None:
    s = data.draw(series())
    forms = MOVES[name]
    if name == "squeeze" and s.size == 1:
        return
    for form in forms:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GeometryMismatchWarning)
            got = form(s)
        assert type(got) is Series
        np.testing.assert_array_equal(plain(got), plain(form(plain(s).copy())))
        check(s, got, exact=name not in NOT_ALWAYS_THERE)
    for other in forms[1:]:
        one, two = forms[0](s), other(s)
        assert one.header.dims == two.header.dims
        if name not in NOT_ALWAYS_THERE:
            agree(one, two)


UNKNOWN: list[Callable[[Any], Any]] = [
    lambda s: s.reshape(-1), lambda s: np.reshape(s, (-1, 3)), lambda s: s.ravel(), np.ravel,
    lambda s: s.flatten(), lambda s: s.diagonal(), np.diagonal, lambda s: np.roll(s, 1),
    lambda s: s.take([0, 5, 7]), lambda s: s.repeat(2), lambda s: s.compress([True]),
    lambda s: s.take([[0, 1], [1, 2]], 0), lambda s: np.delete(s, 0), lambda s: s.cumsum(),
    lambda s: s.view(np.int32), lambda s: s[s > 3], lambda s: s[[0, 1], [1, 2]],
    lambda s: s.view(np.int8), lambda s: s.ravel("F"), lambda s: np.take(s, [2]),
]  # fmt: skip


@pytest.mark.parametrize("call", UNKNOWN)
def test_dimensions_without_meaning(call: Callable[[Any], Any]) -> None:
    s = make_series((3, 3, 3))
    got = call(s)
    np.testing.assert_array_equal(plain(got), call(plain(s)))
    assert got.header.geometry is None
    assert all(d.startswith("unknown") for d in got.header.dims)
    assert got.patientID == "generated"


# --- reductions --------------------------------------------------------------------------------------

REDUCTIONS = ["sum", "mean", "std", "var", "min", "max", "prod", "any", "all"]
UFUNCS = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum, "all": np.logical_and,
          "any": np.logical_or}  # fmt: skip


@given(st.data())
@pytest.mark.parametrize("name", REDUCTIONS)
def test_method_function_and_ufunc_agree(name: str, data: st.DataObject) -> None:
    s = data.draw(series())
    ndim = s.ndim
    axis = data.draw(
        st.integers(-ndim, ndim - 1) | st.none()
        | st.lists(st.integers(0, ndim - 1), unique=True).map(tuple)
    )
    keepdims = data.draw(st.booleans())
    method = getattr(s, name)(axis, keepdims=keepdims)
    function = getattr(np, name)(s, axis, keepdims=keepdims)
    agree(method, function)
    np.testing.assert_array_equal(plain(method), getattr(plain(s), name)(axis, keepdims=keepdims))
    if name in UFUNCS:
        agree(method, UFUNCS[name].reduce(s, axis, keepdims=keepdims) if name not in ("any", "all")
              else UFUNCS[name].reduce(s, axis=axis, keepdims=keepdims))  # fmt: skip
    numbers = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    names = {s.header.dims[i] for i in numbers}
    by_name = getattr(s, name)(axis=tuple(names), keepdims=keepdims)
    agree(method, by_name)
    agree(method, getattr(np, name)(s, axis=tuple(names), keepdims=keepdims))
    if not isinstance(method, Series):
        return
    assert method.header.dims == tuple(d for d in s.header.dims if keepdims or d not in names)
    if not names & {"slice", "row", "column"}:
        assert method.header.geometry is s.header.geometry
    elif not keepdims:
        assert method.header.geometry is None
    claims(method)


def test_reduced_voxels_cover_what_they_are_of() -> None:
    for kind in KINDS:
        s = make_series((3, 4, 5), (2,), kind)
        thick = s.mean(axis=("slice", "column"), keepdims=True)
        assert np.allclose(thick.spacing, s.spacing * [3, 1, 5])
        middle = claims(s).world[0].mean(axis=(0, 2))
        assert np.allclose(claims(thick).world[0, 0, :, 0], middle)


OTHER_REDUCTIONS: list[Callable[..., Any]] = [
    np.median, np.average, np.ptp, np.count_nonzero, np.nansum, np.nanmean, np.nanstd, np.nanvar,
    np.nanmin, np.nanmax, np.nanprod, np.nanmedian, np.trapezoid, np.amax,
]  # fmt: skip


@pytest.mark.parametrize("function", OTHER_REDUCTIONS)
def test_other_reductions(function: Callable[..., Any]) -> None:
    s = make_series((3, 4, 5), (2,))
    for axis in (0, -1, 1):
        got = function(s, axis=axis)
        np.testing.assert_array_equal(plain(got), function(plain(s), axis=axis))
        name = s.header.dims[axis]
        assert got.header.dims == tuple(d for d in s.header.dims if d != name)
        agree(got, function(s, axis=name))
        assert (got.header.geometry is None) == (axis != 0)
    if function is not np.trapezoid:
        assert isinstance(function(s), np.generic | int)


def test_quantiles_and_weights() -> None:
    s = make_series((3, 4, 5), (2,))
    got = np.percentile(s, [5, 95], axis="time")
    assert got.header.dims == ("unknown0", "slice", "row", "column")
    assert got.header.geometry is s.header.geometry
    assert np.quantile(s, 0.5, axis=0).header.dims == ("slice", "row", "column")
    mean, weight = np.average(s, axis=0, weights=[1, 2], returned=True)
    assert mean.header.geometry is weight.header.geometry is s.header.geometry
    kept = np.percentile(s, 50, axis=(0, 1), keepdims=True)
    assert kept.header.dims == s.header.dims
    out = np.empty((3, 4, 5))
    assert np.median(s, axis=0, out=out) is out
    into = make_series((3, 4, 5), seed=5).astype(float)
    before = into.header
    assert np.mean(s, axis=0, out=into) is into
    assert into.header is before
    assert np.array_equal(into, plain(s).mean(0))


def test_out_by_its_place() -> None:
    s = make_series((3, 4, 5), (2,))
    values = np.empty((3, 4, 5))
    assert np.median(s, 0, values) is values
    for function, arguments in [(np.median, (0,)), (np.sum, (0, None)), (np.any, (0,)), (np.nanmax, (0,))]:
        into = make_series((3, 4, 5), seed=5).astype(float)
        into.windowCenter, into.windowWidth = 40, 400
        before = into.header.geometry
        assert function(s, *arguments, into) is into
        assert into.header.geometry is before
        assert "windowCenter" not in into.header.attributes
        assert np.array_equal(into, function(plain(s), *arguments))


MEDIANS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "g", ">i2", ">f4", "?", "c8"]


@pytest.mark.parametrize("dtype", MEDIANS)
def test_fast_medians_are_those_of_numpy(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medians, "FEWEST", 1)
    monkeypatch.setattr(medians, "SHORTEST", 1)
    rng = np.random.default_rng(8)
    kind = np.dtype(dtype)
    for block, shape in [(1, (4, 3, 5, 2)), (7, (5, 4, 6, 3)), (64, (6, 5, 4, 7)), (10**6, (1, 9, 8, 2))]:
        monkeypatch.setattr(medians, "BLOCK", block)
        if kind.kind in "iu":
            least, most = np.iinfo(kind).min, np.iinfo(kind).max
            values = rng.integers(least, most, shape, kind.newbyteorder("="), endpoint=True).astype(kind)
        else:
            values = rng.normal(0, 100, shape)
            values = (values > 0 if kind.kind == "b" else values).astype(kind)
            if kind.kind == "f":
                values.flat[::23] = np.nan
                values.flat[5::17] = np.inf
                values.flat[6::19] = -np.inf
        for array in (values, values.transpose(2, 0, 3, 1), values[:, ::-1, ::2]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # infinity minus infinity
                _same_medians(array, rng)


def _same_medians(array: Any, rng: np.random.Generator) -> None:
    before = array.copy()
    s = Series(array)
    for axis in (None, 0, 1, 2, 3, -1, (0, 1), (0, -1)):
        for keepdims in (False, True):
            wanted = np.median(array, axis, keepdims=keepdims)
            got = np.median(s, axis, keepdims=keepdims)
            assert got.dtype == wanted.dtype
            assert type(got) is Series or axis is None
            np.testing.assert_array_equal(plain(got), wanted, strict=True)
            out = np.empty_like(wanted)
            assert np.median(s, axis, out=out, keepdims=keepdims) is out
            np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(array, before)
    name = s.header.dims[1]
    np.testing.assert_array_equal(plain(np.median(s, name)), np.median(array, 1))
    copied = Series(array.copy())
    np.testing.assert_array_equal(plain(np.median(copied, 0, overwrite_input=True)), np.median(array, 0))


def test_fast_medians_leave_errors_to_numpy() -> None:
    s = Series(np.zeros((8, 20, 20, 20), np.int16))
    for wrong in ({"axis": 4}, {"axis": -5}, {"axis": 0, "out": np.zeros(3)}, {"axis": 0.5}):
        with pytest.raises((ValueError, TypeError)) as ours:
            np.median(s, **wrong)
        with pytest.raises((ValueError, TypeError)) as theirs:
            np.median(plain(s), **wrong)
        assert type(ours.value) is type(theirs.value)
        assert "axis" not in wrong or "out" in wrong or str(ours.value) == str(theirs.value)


def test_where_argument_and_series_in_other_places() -> None:
    s = make_series((3, 4, 5), (2,))
    mask = s > 50
    agree(np.sum(s, axis=0, where=mask), s.sum(axis=0, where=mask))
    assert type(np.sum(plain(s), axis=0, where=mask)) is np.ndarray
    assert np.interp(s, [0, 119], [0, 1]).header.geometry is s.header.geometry
    assert type(np.interp([1.0], plain(s).ravel(), s.ravel())) is np.ndarray
    assert np.isin(s, [3, 4]).header.geometry is s.header.geometry


# --- larger and smaller arrays --------------------------------------------------------------------------


@given(series(), st.data())
def test_pad(s: Series, data: st.DataObject) -> None:
    width = [(data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))) for _ in range(s.ndim)]
    mode = data.draw(st.sampled_from(["constant", "edge"]))
    got = np.pad(s, width, mode=mode)
    np.testing.assert_array_equal(plain(got), np.pad(plain(s), width, mode=mode))
    inside = got[tuple(slice(a, a + n) for (a, _), n in zip(width, s.shape, strict=True))]
    check(s, inside, exact=True, tags=True)
    claims(got)
    if s.header.geometry.is_uniform:
        assert np.allclose(got.header.geometry.spacing, s.header.geometry.spacing)
    agree(np.pad(s, {s.header.dims[0]: (1, 0)}), np.pad(s, [(1, 0), *[(0, 0)] * (s.ndim - 1)]))


def test_padded_slices_have_the_times_of_the_axis() -> None:
    s = make_series((3, 4, 5), (2,))
    got = np.pad(s, {"slice": (1, 0)})
    assert [t[0] for t in got.tags[0]] == s.axes.time.values
    assert [t[0] for t in got.tags[1]] == [t[0] for t in s.tags[0]]
    assert (got.header.images.ids[:, 0] == -1).all()
    later = np.pad(s, {"time": (0, 2)})
    step = s.axes.time.step
    assert np.allclose(later.timeline, np.arange(4) * step)
    three = make_series((3, 4, 5), (3,))
    assert np.isnan(np.pad(three, {"time": (1, 0)}).axes.time.values[0])


@given(series(), st.integers(1, 3), st.data())
def test_repeat(s: Series, count: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, s.ndim - 1))
    got = s.repeat(count, axis)
    agree(got, np.repeat(s, count, axis=axis))
    np.testing.assert_array_equal(plain(got), plain(s).repeat(count, axis))
    true, said = claims(s), claims(got)
    if said.world is not None:
        # The voxels that one was made into lie around its centre.
        shape = (*s.shape[:axis], s.shape[axis], count, *s.shape[axis + 1 :], 3)
        assert np.allclose(said.world.reshape(shape).mean(axis=axis + 1), true.world, atol=1e-6)
    else:
        assert s.header.dims[axis] == "slice"
        assert not s.header.geometry.is_uniform
    for name, values in said.tags.items():
        assert np.array_equal(values, np.repeat(true.tags[name], count, axis))
    uneven = s.repeat(list(range(s.shape[axis])), axis)
    check(s, uneven)


@given(series(min_side=2), st.integers(1, 2), st.data())
def test_diff(s: Series, order: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, s.ndim - 1))
    got = np.diff(s, order, axis=axis)
    np.testing.assert_array_equal(plain(got), np.diff(plain(s), order, axis=axis))
    agree(got, np.diff(s, order, axis=s.header.dims[axis]))
    true, said = claims(s), claims(got)

    def between(values: np.ndarray) -> np.ndarray:
        for _ in range(order):
            n = values.shape[axis]
            values = (values.take(range(n - 1), axis) + values.take(range(1, n), axis)) / 2
        return values

    if got.size:
        assert np.allclose(said.world, between(true.world), atol=1e-6)
        for name, values in said.tags.items():
            assert np.allclose(values.astype(float), between(true.tags[name].astype(float)))


@given(series(), st.data())
def test_roll(s: Series, data: st.DataObject) -> None:
    axes = data.draw(st.lists(st.integers(0, s.ndim - 1), min_size=1, max_size=3))
    shifts = [data.draw(st.integers(-4, 4)) for _ in axes]
    got = np.roll(s, shifts, axes)
    np.testing.assert_array_equal(plain(got), np.roll(plain(s), shifts, axes))
    check(s, got, tags=True)
    if all(s.header.dims[a] not in ("slice", "row", "column") for a in axes):
        assert got.header.geometry is s.header.geometry


@given(series(min_side=2), st.data())
def test_split_and_concatenate(s: Series, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, s.ndim - 1))
    at = data.draw(st.integers(1, s.shape[axis] - 1))
    parts = np.split(s, [at], axis)
    got = np.concatenate(parts, axis)
    np.testing.assert_array_equal(plain(got), plain(s))
    uniform = s.header.geometry.is_uniform
    check(s, got, exact=uniform or s.header.dims[axis] == "slice", tags=True)
    agree(got, np.concatenate(parts, axis=s.header.dims[axis]))
    agree(got, np.append(*parts, axis=axis))
    check(s, np.concatenate(parts[::-1], axis), tags=True)


def test_concatenate_without_one_grid() -> None:
    a, b = make_series((3, 4, 5), (2,)), make_series((3, 4, 5), (2,), seed=1)
    with pytest.warns(GeometryMismatchWarning, match="voxels up to"):
        got = np.concatenate([a, b])
    assert got.header.geometry is a.header.geometry
    assert got.axes.time.values == [*a.axes.time.values, *b.axes.time.values]
    assert np.concatenate([a, b], axis=1).header.geometry is None
    assert np.concatenate([a, a], axis=1).header.geometry is None
    assert np.concatenate([a, a], axis=2).header.geometry is None
    mixed = np.concatenate([a, plain(b)])
    assert mixed.header.dims == ("unknown0", "slice", "row", "column")
    assert mixed.header.geometry is a.header.geometry
    assert np.concatenate([plain(a), a], axis=3).header.geometry is None
    got = np.stack([a[0], a[1]], axis=-1)
    assert got.header.dims == ("slice", "row", "column", "unknown0")
    check(a, np.stack([a[0], a[1]]), exact=True)
    check(a, np.vstack([a[:1], a[1:]]), exact=True, tags=True)
    check(a, np.hstack([a[:, :1], a[:, 1:]]), exact=True, tags=True)
    check(a, np.dstack([a[..., :1, :], a[..., 1:, :]]), exact=True, tags=True)
    planes = np.dstack([a[0, 0], a[1, 0]])
    assert planes.header.dims == ("row", "column", "unknown0")
    check(a, planes, exact=True)
    assert type(np.vstack([np.arange(3), np.arange(3)])) is np.ndarray


def test_gradient() -> None:
    s = make_series((3, 4, 5), (2,))
    for got, axis in zip(np.gradient(s), range(4), strict=True):
        assert got.header.geometry is s.header.geometry
        agree(got, np.gradient(s, axis=axis))
    agree(np.gradient(s, axis="row"), np.gradient(s, axis=2))


def test_sort_takes_the_meaning_of_its_axis() -> None:
    s = make_series((3, 4, 5), (2,))
    for got in (np.sort(s, axis=0), np.sort(s, axis="time"), np.partition(s, 0, axis=0)):
        assert got.header.dims == ("unknown0", "slice", "row", "column")
        assert got.header.geometry is s.header.geometry
    assert np.sort(s).header.geometry is None
    t = s.copy()
    t.sort(axis="time")
    assert t.header.dims == ("unknown0", "slice", "row", "column")
    assert s.header.dims == ("time", "slice", "row", "column")
    t = s.copy()
    t.partition(1)
    assert t.header.geometry is None
    assert np.insert(s, 1, 0, axis=0).header.dims[0] == "unknown0"


def test_like_functions() -> None:
    s = make_series((3, 4, 5))
    for got in (np.zeros_like(s), np.full_like(s, 3), np.ones_like(s, dtype=float),
                np.zeros((3, 4, 5), like=s), np.asarray(plain(s), like=s)):  # fmt: skip
        assert got.header.geometry is s.header.geometry
    assert type(np.zeros((2, 2), like=s)) is np.ndarray


def test_functions_that_change_their_argument() -> None:
    for change in (
        lambda s: np.copyto(s, 0), lambda s: np.put(s, [0, 3], 7), lambda s: np.putmask(s, s > 4, -1),
        lambda s: np.place(s, s > 4, [1]), lambda s: np.fill_diagonal(s, 3), lambda s: s.fill(4),
        lambda s: np.put_along_axis(s, np.zeros((1, 3, 3), int), 5, 0), lambda s: s.put([1], 3),
    ):  # fmt: skip
        s = make_series((3, 3, 3))
        expected = np.array(s)
        header = s.header
        change(s)
        change(expected)
        assert np.array_equal(s, expected)
        assert s.header is header


def test_functions_of_several_series() -> None:
    s = make_series((3, 4, 5), (2,))
    got = np.where(s[0] > 5, s, 0)
    assert got.header.dims == s.header.dims
    assert got.header.geometry is s.header.geometry
    assert isinstance(np.where(s > 5), tuple)
    assert np.select([s > 5, s > 2], [s, -s]).header.geometry is s.header.geometry
    assert np.isclose(s, s[0]).header.dims == s.header.dims
    assert np.choose(s % 2, [0, 1]).header.geometry is s.header.geometry
    a, b = np.broadcast_arrays(s, np.ones(5))
    assert a.header.geometry is s.header.geometry
    assert type(b) is np.ndarray
    one, _ = np.atleast_3d(s[0, 0], np.ones(2))
    assert one.header.dims == ("row", "column", "unknown0")
    assert np.array_equal(s, s)
    assert np.allclose(s, s)


# --- identity, independence -----------------------------------------------------------------------------

def test_joined_series_keep_what_was_set_for_each() -> None:
    a, b = make_series((3, 4, 5), (2,)), make_series((3, 4, 5), (2,))
    b.header = replace(b.header, images=replace(b.header.images, records=FakeRecords(6)))
    a.setDicomAttribute("EchoTime", 3)
    b.setDicomAttribute("EchoTime", 5)
    b.setDicomAttribute("FlipAngle", 15, slice=1, tag=0)
    got = np.concatenate([a, b])
    assert [got.getDicomAttribute("EchoTime", 0, t) for t in range(4)] == [3, 3, 5, 5]
    assert [got.getDicomAttribute("FlipAngle", 1, t) for t in range(4)] == [None, None, 15, None]
    assert got.getDicomAttribute("FlipAngle", 0, 2) is None
    assert len(got.header.images.records) == 12
    assert got.header.images.dataset(3, 1).InstanceNumber == b.header.images.dataset(1, 1).InstanceNumber


def _tuples() -> np.ndarray:
    tags = np.empty(2, dtype=object)
    tags[:] = [(1,), (2,)]
    return tags


CHANGES: dict[str, Any] = {
    "spacing": (9, 8, 7), "orientation": (0, 1, 0, 0, 0, 1), "imagePositions": {0: np.array([1, 2, 3])},
    "transformationMatrix": np.diag([3, 2, 1, 1]), "sliceLocations": [4, 9, 15],
    "patientName": "A", "patientID": "B",
    "patientBirthDate": "19000101", "seriesNumber": 8, "seriesDescription": "C", "imageType": ["D"],
    "studyInstanceUID": "1.2", "studyID": "E", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "accessionNumber": "F",
    "modality": "MR", "laterality": "L", "bodyPartExamined": "G", "patientPosition": "HFS",
    "protocolName": "H",
    "seriesDate": "20200101", "seriesTime": "101010", "photometricInterpretation": "MONOCHROME1",
    "acquisitionNumber": 4, "echoNumbers": 2, "windowCenter": 5, "windowWidth": 6, "input_order": "te",
    "input_format": "nifti", "input_sort": 1, "frameOfReferenceUID": "1.2.9", "seriesInstanceUID": "1.2.8",
    "tags": {i: _tuples() for i in range(3)},
}  # fmt: skip

COPIES: list[Callable[[Series], Series]] = [
    lambda s: s.copy(), copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s)), lambda s: s[:],
    lambda s: s.view(), lambda s: s + 1, lambda s: s.astype(float), lambda s: Series(s), np.copy,
    lambda s: s.with_data(s), lambda s: s.reshape(s.shape), lambda s: np.concatenate([s]),
]  # fmt: skip


def state(s: Series) -> list[Any]:
    names = [*CHANGES, "axes", "SOPInstanceUIDs"]
    values = []
    for name in names:
        try:
            values.append(getattr(s, name))
        except ValueError as error:
            values.append(str(error))
    return [repr(v) for v in values] + [repr(s.getDicomAttribute("EchoTime")), s.tobytes()]


@pytest.mark.parametrize("make", COPIES)
def test_nothing_done_to_a_copy_shows_in_its_source(make: Callable[[Series], Series]) -> None:
    s = make_series((3, 4, 5), (2,))
    before = state(s)
    other = make(s)
    untouched = state(other)
    shares = np.shares_memory(s, other)
    for name, value in CHANGES.items():
        setattr(other, name, value)
    other.axes = [VariableAxis("fa", [1, 2]), *other.axes[1:]]
    other.setDicomAttribute("EchoTime", 7)
    if other.dicomTemplate is not None:
        other.dicomTemplate.PatientID = "leaked"
    positions = other.imagePositions
    positions[0][:] = 1000
    other.tags[0][0] = None
    if not shares:
        other[...] = 0
    other.sort()
    if not shares:
        assert state(s) == before
    else:
        assert state(s)[:-1] == before[:-1]
    # And the other way round.
    s = make_series((3, 4, 5), (2,))
    other = make(s)
    for name, value in CHANGES.items():
        setattr(s, name, value)
    now = state(other)
    volatile = [i for i, name in enumerate([*CHANGES, "axes", "SOPInstanceUIDs"])
                if name in ("seriesInstanceUID", "SOPInstanceUIDs")]  # fmt: skip
    for i, (a, b) in enumerate(zip(now, untouched, strict=True)):
        assert i in volatile or a == b


def test_a_pickle_is_complete() -> None:
    s = make_series((3, 4, 5), (2,), uneven=True)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        t = pickle.loads(pickle.dumps(s[:, 1:], protocol))
        agree(t, s[:, 1:])
        assert t.seriesInstanceUID == s.seriesInstanceUID
        assert t.dicomTemplate == s[:, 1:].dicomTemplate
    assert pickle.loads(pickle.dumps(s.ravel())).patientID == "generated"


def test_identity() -> None:
    s = make_series((3, 4, 5), (2,))
    assert s[0].seriesInstanceUID == s.seriesInstanceUID == s.T.seriesInstanceUID
    assert (s + 1).seriesInstanceUID != s.seriesInstanceUID
    assert s.copy().seriesInstanceUID != s.seriesInstanceUID
    assert s.mean(0).seriesInstanceUID != s.seriesInstanceUID


def test_window_of_new_values() -> None:
    s = make_series((3, 4, 5), (2,))
    assert s.windowCenter == s[0].windowCenter == 40
    assert (s * 2).windowCenter == 119
    s.windowCenter, s.windowWidth = 7, 8
    assert s[0].windowCenter == s.copy().windowCenter == s.T.windowCenter == 7
    for new in (s * 2, s[0] * 2, s.mean(0), np.mean(s, 0), np.where(s > 0, s, 0), s.with_data(s)):
        assert new.windowCenter != 7


def test_types_and_attributes_that_are_set() -> None:
    s = make_series((3, 4, 5))
    with pytest.raises(IndexError, match="reshape"):
        s.shape = (5, 4, 3)
    z = s.astype(complex)
    assert z.imag.header.geometry is z.real.header.geometry is s.header.geometry
    z.imag = s
    assert np.array_equal(z.imag, s)
    z.real[0] = 3
    assert (plain(z)[0].real == 3).all()
    assert np.angle(z).header.geometry is s.header.geometry
    assert type(s.view(np.ndarray)) is np.ndarray
    bare = plain(s).view(Series)
    assert bare.header.geometry is None
    with pytest.raises(BadShapeGiven):
        s.with_data(np.zeros((2, 2)))
    for wrong in (lambda: s.mean(axis="time"), lambda: np.median(s, axis="b"), lambda: np.flip(s, "te")):
        with pytest.raises(AxisError, match="the axes are slice, row, column"):
            wrong()
    with pytest.raises(np.exceptions.AxisError):
        s.sum(axis=5)
    with pytest.raises(TypeError):
        s.sum(1, 2, 3, 4, 5, 6, 7)


def test_resize_and_dtype_in_place() -> None:
    s = pickle.loads(pickle.dumps(make_series((3, 4, 5))))
    if s.flags.owndata:
        s.resize((2, 3), refcheck=False)
        assert s.header.geometry is None
        assert s.header.dims == ("unknown0", "unknown1")
