"""Which of NumPy's functions do what to the dimensions of their argument, in declared sets.

Every function that can be overridden is in exactly one set, and a test fails when a new NumPy has
one that is in none. Names that the installed NumPy does not have are passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    'BROADCASTING',
    'DELEGATED',
    'HANDLED',
    'IN_PLACE',
    'LIKE',
    'METHODS',
    'PLAIN',
    'QUANTILES',
    'REDUCTIONS',
    'SAME_SHAPE',
]

Functions: TypeAlias = frozenset[Callable[..., Any]]


def named(names: str, module: str = '') -> Functions:
    """Return the NumPy functions of these names, those that exist."""
    found: list[Any] = []
    for name in names.split():
        path = [*module.split('.'), name] if module else [name]
        try:
            found.append(reduce(getattr, path, np))
        except AttributeError:
            continue
    return frozenset(found)


REDUCTIONS: Functions = named(
    'sum mean std var min max amin amax prod any all median average ptp count_nonzero trapezoid '
    'nansum nanmean nanstd nanvar nanmin nanmax nanprod nanmedian'
)
"""Functions that drop the dimensions of their `axis`."""

QUANTILES: Functions = named('percentile quantile nanpercentile nanquantile')
"""Functions that drop the dimensions of `axis`, and put those of `q` in front."""

SAME_SHAPE: Functions = (
    named(
        'nan_to_num angle fix i0 sinc real_if_close iscomplex isreal isneginf isposinf isin unwrap '
        'zeros_like ones_like empty_like full_like cumulative_sum cumulative_prod nancumsum '
        'nancumprod piecewise interp tril triu'
    )
    | named('sqrt log log2 log10 arccos arcsin arctanh', 'emath')
)
"""Functions with a result for each voxel of their first argument, where the shape is the same."""

BROADCASTING: Functions = named('where clip isclose select') | named('power logn', 'emath')
"""Functions of several arrays that are broadcast against each other, as ufuncs do."""

METHODS: Functions = (
    named(
        'transpose swapaxes squeeze reshape ravel take compress repeat diagonal choose '
        'cumsum cumprod round around copy astype real imag matrix_transpose'
    )
    | named('matrix_transpose', 'linalg')
)
"""Functions that are methods of a Series as well."""

HANDLED: Functions = named(
    'moveaxis rollaxis flip flipud fliplr rot90 roll expand_dims atleast_1d atleast_2d atleast_3d '
    'broadcast_to broadcast_arrays concatenate append stack vstack hstack dstack column_stack pad '
    'tile delete insert sort partition gradient diff'
)
"""Functions with a rule of their own, in `moving` and `joining`."""

DELEGATED: Functions = named('split array_split hsplit vsplit dsplit unstack')
"""Functions that only slice: NumPy's own code runs on the Series."""

IN_PLACE: Functions = named('copyto put place putmask put_along_axis fill_diagonal')
"""Functions that change the values of their first argument."""

LIKE: Functions = named(
    'arange array asanyarray asarray ascontiguousarray asfortranarray empty eye frombuffer fromfile '
    'fromfunction fromiter fromstring full genfromtxt identity loadtxt ones require tri zeros'
)
"""Functions that are asked by `like=`: a result of that Series' shape lies in its place."""

PLAIN: Functions = (
    named(
        # Indices, counts, sets, and values in another order.
        'argmax argmin argsort argpartition argwhere nonzero flatnonzero nanargmax nanargmin '
        'searchsorted digitize in1d lexsort bincount histogram histogram2d histogramdd '
        'histogram_bin_edges unique unique_all unique_counts unique_inverse unique_values '
        'intersect1d setdiff1d setxor1d union1d extract take_along_axis sort_complex trim_zeros '
        'ediff1d ravel_multi_index unravel_index diag_indices_from tril_indices_from '
        'triu_indices_from ix_ resize block '
        # Products, statistics of variables, polynomials, signals.
        'dot inner outer vdot cross kron tensordot einsum einsum_path trace cov corrcoef '
        'correlate convolve poly polyadd polyder polydiv polyfit polyint polymul polysub polyval '
        'roots vander diag diagflat meshgrid linspace logspace geomspace '
        # Other functions are asked to work along an axis: what comes out is not known.
        'apply_along_axis apply_over_axes '
        # Bits, dates, texts, files, properties.
        'packbits unpackbits busday_count busday_offset is_busday datetime_as_string '
        'array2string array_repr array_str save savetxt savez savez_compressed '
        'allclose array_equal array_equiv can_cast common_type iscomplexobj isrealobj '
        'may_share_memory shares_memory min_scalar_type result_type ndim shape size'
    )
    | named('sliding_window_view', 'lib.stride_tricks')
    | named(
        'cholesky cond cross det diagonal eig eigh eigvals eigvalsh inv lstsq matmul matrix_norm '
        'matrix_power matrix_rank multi_dot norm outer pinv qr slogdet solve svd svdvals tensordot '
        'tensorinv tensorsolve trace vecdot vector_norm',
        'linalg',
    )
    | named(
        'fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft fftshift '
        'ifftshift',
        'fft',
    )
)
"""Functions whose result has no axes of a Series: plain arrays. So have functions in no set."""

RECORDS = (
    'append_fields apply_along_fields assign_fields_by_name drop_fields find_duplicates join_by '
    'merge_arrays rec_append_fields rec_drop_fields rec_join recursive_fill_fields rename_fields '
    'repack_fields require_fields stack_arrays structured_to_unstructured '
    'unstructured_to_structured'
)
"""Names in `numpy.lib.recfunctions`, which is not imported for this: plain arrays all."""

PLAIN_MODULES = ('numpy.polynomial', 'numpy.strings', 'numpy.char')
"""Modules whose functions know nothing of axes, and are not imported for this: plain arrays all."""
