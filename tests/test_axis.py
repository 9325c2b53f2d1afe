"""Axes as values: indexing like a list of their values, and never changing."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagedata.axis import Axis, UniformAxis, UniformLengthAxis, VariableAxis, to_namedtuple
from imagedata.errors import AxisError

SLICES = st.builds(
    slice,
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(-3, 3).filter(bool),
)
AXES = [
    UniformLengthAxis('slice', -4.5, 6, 1.5),
    UniformLengthAxis('row', 3, 6, -2),
    VariableAxis('time', [0, 1.5, 1.5, 7, 20, 21]),
    VariableAxis('dti', [(0.0, ()), (1000.0, (1.0, 0.0, 0.0)), (1000.0, (0.0, 1.0, 0.0)), 1, 2, 3]),
    VariableAxis('label', list('abcdef')),
]


@pytest.mark.parametrize('axis', AXES, ids=lambda a: a.name)
@given(index=SLICES)
def test_slices_are_those_of_the_values(axis: Axis, index: slice) -> None:
    assert axis[index].values == axis.values[index]
    assert len(axis[index]) == len(axis.values[index])


@pytest.mark.parametrize('axis', AXES, ids=lambda a: a.name)
@given(i=st.integers(-6, 5))
def test_integers_are_those_of_the_values(axis: Axis, i: int) -> None:
    assert axis[i] == axis.values[i]


@pytest.mark.parametrize('axis', AXES, ids=lambda a: a.name)
@given(picked=st.lists(st.integers(-6, 5), max_size=6))
def test_lists_are_those_of_the_values(axis: Axis, picked: list[int]) -> None:
    assert axis[picked].values == [axis.values[i] for i in picked]


@pytest.mark.parametrize('i', [6, -7])
def test_out_of_range(i: int) -> None:
    with pytest.raises(IndexError, match='length 6'):
        AXES[0][i]


def test_even_slices_stay_uniform() -> None:
    axis = UniformLengthAxis('slice', 10, 8, 2.5)[1::3]
    assert isinstance(axis, UniformLengthAxis)
    assert (axis.start, axis.step, axis.n, axis.stop) == (12.5, 7.5, 3, 35)


def test_uniform_axis_counts_its_steps() -> None:
    assert len(UniformAxis('row', 0, 1, 0.1)) == 10
    assert len(UniformAxis('row', 0, 10, 3)) == len(range(0, 10, 3))
    assert len(UniformAxis('row', 10, 0, -3)) == len(range(10, 0, -3))
    with pytest.raises(AxisError, match='step 0'):
        UniformAxis('row', 0, 1, 0)


@pytest.mark.parametrize('axis', AXES, ids=lambda a: a.name)
def test_axes_do_not_change(axis: Axis) -> None:
    for name in ('name', 'start', 'values', '_name', 'anything'):
        with pytest.raises(AttributeError):
            setattr(axis, name, 1)
    axis.values.append('x')
    assert len(axis.values) == 6


@pytest.mark.parametrize('axis', AXES, ids=lambda a: a.name)
def test_pickle(axis: Axis) -> None:
    again = pickle.loads(pickle.dumps(axis))
    assert again == axis
    assert repr(again) == repr(axis)


def test_arithmetic_gives_arrays() -> None:
    axis = AXES[2]
    np.testing.assert_array_equal(axis + 1, np.array(axis.values) + 1)
    np.testing.assert_array_equal(1 - axis, 1 - np.array(axis.values))
    np.testing.assert_array_equal(2 * axis / 4, np.array(axis.values) / 2)


def test_append() -> None:
    joined = UniformLengthAxis('slice', 0, 3, 2).append(UniformLengthAxis('slice', 6, 2, 2))
    assert isinstance(joined, UniformLengthAxis)
    assert joined.values == [0, 2, 4, 6, 8]
    gap = UniformLengthAxis('slice', 0, 3, 2).append(UniformLengthAxis('slice', 7, 2, 2))
    assert gap.values == [0, 2, 4, 7, 9]
    with pytest.raises(AxisError, match='names differ'):
        AXES[0].append(AXES[1])


def test_step_and_copy() -> None:
    assert VariableAxis('time', [1, 3, 5]).step == 2
    assert VariableAxis('time', [1, 3, 6]).step is None
    assert VariableAxis('time', [1, 3, 5]).copy(n=5).values == [1, 3, 5, 7, 9]
    with pytest.raises(AxisError, match='not evenly spaced'):
        VariableAxis('time', [1, 3, 6]).copy(n=5)


def test_named_tuple() -> None:
    axes = to_namedtuple(AXES[:3])
    assert axes.time is AXES[2]
    assert axes._replace(row=AXES[4])[1] is AXES[4]
    with pytest.raises(AxisError, match='must differ'):
        to_namedtuple([AXES[0], AXES[0]])


def test_equality() -> None:
    axis = UniformAxis('time', 0, 6, 2)
    assert axis == UniformLengthAxis('time', 0, 3, 2) == VariableAxis('time', [0, 2, 4])
    assert axis != VariableAxis('b', [0, 2, 4])
    assert axis != VariableAxis('time', [0, 2])
    assert axis != VariableAxis('time', [0, 2, 5])
    assert axis.copy(stop=10) == VariableAxis('time', [0, 2, 4, 6, 8])
    assert axis.copy(start=1, n=2) == VariableAxis('time', [1, 3])
