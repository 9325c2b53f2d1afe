"""Axes: what one dimension of an array means, as immutable values.

A spatial axis (`slice`, `row`, `column`) is uniform, in mm. A tag axis (`time`, `b`, `te`, ...)
has one value an index: a number, a text, or a tuple or array of numbers.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .errors import AxisError

__all__ = [
    'SPATIAL',
    'Axis',
    'UniformAxis',
    'UniformLengthAxis',
    'VariableAxis',
    'to_namedtuple',
]

SPATIAL = ('slice', 'row', 'column')
"""Names of the spatial axes, in the order of the array."""

_UNITS = {
    'slice': 'mm', 'row': 'mm', 'column': 'mm',
    'time': 's', 'triggertime': 's', 'b': 's/mm2', 'te': 'ms', 'ti': 'ms', 'fa': 'degrees',
}  # fmt: skip


class Axis:
    """One named dimension.

    Parameters
    ----------
    name : str
        What the dimension is: `slice`, `row`, `column`, or the name of a sort order.

    Notes
    -----
    Axes never change; `copy`, `append` and indexing give new ones. Two axes are equal when
    their names and values are.
    """

    __slots__ = ('_name',)

    _name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, '_name', str(name))

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError(
            f'axis {self._name!r} cannot be changed (attribute {key!r}): '
            'make a new one with copy() and assign it to series.axes'
        )

    @property
    def name(self) -> str:
        """Name of the axis."""
        return self._name

    @property
    def unit(self) -> str | None:
        """Unit of the values ('mm', 's', 'ms', 's/mm2', 'degrees'), None where there is none."""
        return _UNITS.get(self._name)

    @property
    def values(self) -> list[Any]:
        """The value at each index."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def take(self, index: slice | range | Sequence[int] | NDArray[np.integer[Any]]) -> Axis:
        """Return the axis of the given indices, in their order."""
        raise NotImplementedError

    @overload
    def __getitem__(self, item: int | np.integer[Any]) -> Any: ...
    @overload
    def __getitem__(self, item: slice | Sequence[int] | NDArray[Any]) -> Axis: ...
    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, (int, np.integer)):
            n = len(self)
            if not -n <= item < n:
                raise IndexError(f'index {item} is out of range for axis {self.name!r} of length {n}')
            return self._value(int(item) % n)
        return self.take(item)

    def _value(self, index: int) -> Any:
        return self.values[index]

    def renamed(self, name: str) -> Axis:
        """Return the same values under another name."""
        return VariableAxis(name, self.values)

    def append(self, other: Axis) -> Axis:
        """Return this axis followed by the values of `other`.

        Raises
        ------
        AxisError
            When the names differ.
        """
        if other.name != self.name:
            raise AxisError(f'axis {other.name!r} cannot follow axis {self.name!r}: the names differ')
        return VariableAxis(self.name, [*self.values, *other.values])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        values = self.values
        if values and isinstance(values[0], (tuple, np.ndarray)):
            array = np.empty(len(values), dtype=object)
            array[:] = values
            return array
        return np.asarray(values, dtype=dtype)

    def __add__(self, other: Any) -> NDArray[Any]:
        return np.asarray(np.add(np.asarray(self), other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> NDArray[Any]:
        return np.asarray(np.subtract(np.asarray(self), other))

    def __rsub__(self, other: Any) -> NDArray[Any]:
        return np.asarray(np.subtract(other, np.asarray(self)))

    def __mul__(self, other: Any) -> NDArray[Any]:
        return np.asarray(np.multiply(np.asarray(self), other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> NDArray[Any]:
        return np.asarray(np.true_divide(np.asarray(self), other))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        if self is other:
            return True
        if self.name != other.name or len(self) != len(other):
            return False
        return all(_equal(a, b) for a, b in zip(self.values, other.values, strict=True))

    def __hash__(self) -> int:
        return hash((self.name, len(self)))

    def __str__(self) -> str:
        return f'{self.name}: {len(self)}'


class UniformAxis(Axis):
    """An axis of evenly spaced numbers, from `start` up to but not including `stop`.

    Parameters
    ----------
    name : str
    start, stop, step : float
        Values as in `range`, not necessarily whole numbers; a negative step counts down.
    """

    __slots__ = ('_n', '_start', '_step')

    _start: float
    _n: int
    _step: float

    def __init__(self, name: str, start: float, stop: float, step: float = 1) -> None:
        if step == 0:
            raise AxisError(f'axis {name!r} has step 0: give a step that is not zero')
        # A stop that misses a whole number of steps by rounding alone counts as whole.
        n = max(0, int(np.ceil((stop - start) / step - 1e-9)))
        self._set(name, start, n, step)

    def _set(self, name: str, start: float, n: int, step: float) -> None:
        super().__init__(name)
        object.__setattr__(self, '_start', start)
        object.__setattr__(self, '_n', n)
        object.__setattr__(self, '_step', step)

    @property
    def start(self) -> float:
        """First value."""
        return self._start

    @property
    def step(self) -> float:
        """Difference of neighbouring values."""
        return self._step

    @property
    def stop(self) -> float:
        """Value one step past the last."""
        return self._start + self._n * self._step

    @property
    def n(self) -> int:
        """Number of values."""
        return self._n

    @property
    def slice(self) -> tuple[float, float, float]:
        """`(start, stop, step)`."""
        return self.start, self.stop, self.step

    @property
    def values(self) -> list[Any]:
        """The value at each index."""
        return [self._value(i) for i in range(self._n)]

    def __len__(self) -> int:
        return self._n

    def _value(self, index: int) -> float:
        return self._start + index * self._step

    def take(self, index: Any) -> Axis:
        """Return the axis of the given indices, in their order."""
        picked = _as_range(index, self._n)
        if isinstance(picked, range):
            return UniformLengthAxis(
                self._name, self._value(picked.start), len(picked), self._step * picked.step
            )
        return VariableAxis(self._name, [self._value(i) for i in picked])

    def renamed(self, name: str) -> Axis:
        """Return the same values under another name."""
        return UniformLengthAxis(name, self._start, self._n, self._step)

    def copy(
        self,
        name: str | None = None,
        start: float | None = None,
        stop: float | None = None,
        step: float | None = None,
        n: int | None = None,
    ) -> UniformAxis:
        """Return a copy, with the given fields replaced."""
        start = self._start if start is None else start
        step = self._step if step is None else step
        name = self._name if name is None else name
        if stop is not None:
            return UniformAxis(name, start, stop, step)
        return UniformLengthAxis(name, start, self._n if n is None else n, step)

    def append(self, other: Axis) -> Axis:
        """Return this axis followed by `other`; uniform when `other` goes on evenly."""
        if (
            isinstance(other, UniformAxis)
            and other.name == self.name
            and np.isclose(other.step, self._step)
            and np.isclose(other.start, self.stop)
        ):
            return UniformLengthAxis(self._name, self._start, self._n + len(other), self._step)
        return super().append(other)

    def __repr__(self) -> str:
        return f'UniformAxis({self._name!r}, start={self._start}, stop={self.stop}, step={self._step})'

    def __reduce__(self) -> tuple[Any, ...]:
        return UniformLengthAxis, (self._name, self._start, self._n, self._step)


class UniformLengthAxis(UniformAxis):
    """An axis of `n` evenly spaced numbers.

    Parameters
    ----------
    name : str
    start : float
        First value.
    n : int
        Number of values, 0 or more.
    step : float
        Difference of neighbouring values.
    """

    __slots__ = ()

    def __init__(self, name: str, start: float, n: int, step: float = 1) -> None:
        if n < 0:
            raise AxisError(f'axis {name!r} cannot have {n} values')
        self._set(name, start, int(n), step)

    def copy(  # type: ignore[override]
        self,
        name: str | None = None,
        start: float | None = None,
        n: int | None = None,
        step: float | None = None,
    ) -> UniformLengthAxis:
        """Return a copy, with the given fields replaced."""
        return UniformLengthAxis(
            self._name if name is None else name,
            self._start if start is None else start,
            self._n if n is None else n,
            self._step if step is None else step,
        )

    def __repr__(self) -> str:
        return f'UniformLengthAxis({self._name!r}, start={self._start}, n={self._n}, step={self._step})'


class VariableAxis(Axis):
    """An axis with a value of its own at each index.

    Parameters
    ----------
    name : str
    values : sequence
        Numbers, texts, tuples, or arrays of numbers.
    """

    __slots__ = ('_values',)

    _values: tuple[Any, ...]

    def __init__(self, name: str, values: Iterable[Any]) -> None:
        super().__init__(name)
        plain = (v.item() if isinstance(v, np.generic) else v for v in values)
        object.__setattr__(self, '_values', tuple(plain))

    @property
    def values(self) -> list[Any]:
        """The value at each index."""
        return list(self._values)

    @property
    def step(self) -> float | None:
        """Common difference of neighbouring values, None when they are not evenly spaced."""
        try:
            steps = np.diff(np.asarray(self._values, dtype=float))
        except (TypeError, ValueError):
            return None
        if len(steps) == 0 or not np.allclose(steps, steps[0], rtol=1e-5, atol=1e-8):
            return None
        return float(steps[0])

    def __len__(self) -> int:
        return len(self._values)

    def _value(self, index: int) -> Any:
        return self._values[index]

    def take(self, index: Any) -> VariableAxis:
        """Return the axis of the given indices, in their order."""
        return VariableAxis(self._name, [self._values[i] for i in _as_range(index, len(self))])

    def renamed(self, name: str) -> VariableAxis:
        """Return the same values under another name."""
        return VariableAxis(name, self._values)

    def copy(self, name: str | None = None, n: int | None = None) -> VariableAxis:
        """Return a copy with `n` values: the first ones, or continued evenly past the last."""
        values = list(self._values)
        if n is not None and n > len(values):
            step = self.step
            if step is None:
                raise AxisError(
                    f'axis {self._name!r} is not evenly spaced: it cannot be continued '
                    f'from {len(values)} to {n} values'
                )
            values += [values[-1] + step * (i + 1) for i in range(n - len(values))]
        return VariableAxis(self._name if name is None else name, values[:n])

    def __repr__(self) -> str:
        shown = list(self._values) if len(self) <= 8 else [*self._values[:4], '...', *self._values[-2:]]
        return f'VariableAxis({self._name!r}, [{", ".join(map(str, shown))}])'

    def __reduce__(self) -> tuple[Any, ...]:
        return VariableAxis, (self._name, self._values)


def _equal(a: Any, b: Any) -> bool:
    """Return whether two values of an axis are the same; NaN is the same as NaN."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(a, b))
    return bool(a == b or (a != a and b != b))


def _as_range(index: Any, n: int) -> range | list[int]:
    """Return the indices that `index` picks of `n`: a range, also for evenly stepping lists."""
    if isinstance(index, range):
        return index
    if isinstance(index, slice):
        return range(n)[index]
    if len(index) == 0:
        return range(0)
    picked: list[int] = np.arange(n)[np.asarray(index)].tolist()
    if len(picked) > 1:
        step = picked[1] - picked[0]
        if step and picked == list(range(picked[0], picked[-1] + (1 if step > 0 else -1), step)):
            return range(picked[0], picked[-1] + (1 if step > 0 else -1), step)
    elif len(picked) == 1:
        return range(picked[0], picked[0] + 1)
    return picked


def to_namedtuple(axes: Iterable[Axis]) -> Any:
    """Return `axes` as a named tuple `Axes` whose fields are the axis names.

    Raises
    ------
    AxisError
        When two axes have one name.
    """
    axes = tuple(axes)
    names = [axis.name for axis in axes]
    if len(set(names)) != len(names):
        raise AxisError(f'axis names must differ, got {names}')
    return namedtuple('Axes', names, rename=True)(*axes)
