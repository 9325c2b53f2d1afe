"""Arithmetic over images, typed by a person: parsed and checked, node by node, and nothing else.

An expression has names of images, numbers, operators, indices, and those of NumPy's functions that are
named here. It is never handed to Python's `eval`: the tree is walked here, and a node that is not
known is an error. There are no attributes but `np.<function>`, no texts but names of axes, no
keywords but those listed.

Integer images are calculated with as int64, or as float64 where the result could be larger:
nothing wraps around. Truth values are 0 and 1 to arithmetic. Division by 0 is infinite, or no number.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ExpressionError

__all__ = ['FUNCTIONS', 'evaluate', 'names_in', 'parse']

_ARGUMENTS = {
    **dict.fromkeys((
        'abs', 'absolute', 'arccos', 'arccosh', 'arcsin', 'arcsinh', 'arctan', 'arctanh', 'cbrt', 'ceil',
        'conj', 'cos', 'cosh', 'deg2rad', 'exp', 'exp2', 'expm1', 'fabs', 'fix', 'floor', 'imag', 'isfinite',
        'isinf', 'isnan', 'log', 'log10', 'log1p', 'log2', 'logical_not', 'nan_to_num', 'negative',
        'ones_like', 'positive', 'rad2deg', 'real', 'reciprocal', 'rint', 'sign', 'sin', 'sinc', 'sinh',
        'sqrt', 'square', 'tan', 'tanh', 'trunc', 'zeros_like',
    ), (1, 1)),
    **dict.fromkeys((
        'add', 'arctan2', 'copysign', 'divide', 'equal', 'floor_divide', 'fmax', 'fmin', 'fmod', 'full_like',
        'greater', 'greater_equal', 'hypot', 'isclose', 'less', 'less_equal', 'logaddexp', 'logical_and',
        'logical_or', 'logical_xor', 'maximum', 'minimum', 'mod', 'multiply', 'not_equal', 'power',
        'remainder', 'subtract', 'true_divide',
    ), (2, 2)),
    **dict.fromkeys((
        'all', 'any', 'around', 'count_nonzero', 'cumsum', 'diff', 'flip', 'gradient', 'max',
        'mean', 'median', 'min', 'nanmax', 'nanmean', 'nanmedian', 'nanmin', 'nanstd', 'nansum', 'nanvar',
        'ptp', 'round', 'std', 'sum', 'var',
    ), (1, 2)),
    **dict.fromkeys(('nanpercentile', 'percentile', 'quantile'), (2, 3)),
    'average': (1, 3), 'clip': (1, 3), 'where': (3, 3),
}  # fmt: skip
"""Least and most arguments by position: what follows in NumPy is `out`, `dtype`, `copy` or `shape`."""

FUNCTIONS = frozenset(_ARGUMENTS)
"""Functions of NumPy that take and give numbers of the size of their arguments, or fewer."""

_WHOLE = frozenset((
    'abs', 'absolute', 'all', 'any', 'clip', 'count_nonzero', 'equal', 'flip', 'full_like', 'greater',
    'greater_equal', 'isfinite', 'isinf', 'isnan', 'less', 'less_equal', 'logical_and', 'logical_not',
    'logical_or', 'logical_xor', 'max', 'maximum', 'min', 'minimum', 'not_equal', 'ones_like', 'sign',
    'where', 'zeros_like',
))  # fmt: skip
"""Functions whose results are no larger than their arguments: integers stay integers."""

_KEYWORDS = frozenset(
    ('axis', 'keepdims', 'ddof', 'decimals', 'nan', 'posinf', 'neginf', 'rtol', 'atol', 'n')
)

_NUMBERS = {
    'diff': (1, 'n'), 'around': (1, 'decimals'), 'round': (1, 'decimals'), 'percentile': (1, 'q'),
    'nanpercentile': (1, 'q'), 'quantile': (1, 'q'),
}  # fmt: skip
"""Arguments that are one number, at most 100, by position and keyword: how often, or to which digit."""

_CONSTANTS = {'pi': np.pi, 'e': np.e, 'nan': np.nan, 'inf': np.inf}

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos, ast.USub: operator.neg, ast.Invert: operator.invert,
}  # fmt: skip
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip

MOST_CHARACTERS = 4096
MOST_NODES = 1000
DEEPEST = 60
_INT64 = 2**63 - 1
_ALL_FLOAT = 2.0**62
_MOST_TOGETHER = 2**28
_MOST_TIMES = 100


def parse(text: str) -> ast.expr:
    """Return the tree of an expression whose nodes are all known.

    Raises
    ------
    ExpressionError
        For anything but arithmetic; the message names the part.
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f'the expression has {len(text)} characters, more than {MOST_CHARACTERS}')
    try:
        tree = ast.parse(text.strip(), mode='eval').body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        told = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise ExpressionError(f'{text[:80]!r} is no expression: {told}') from error
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ExpressionError(f'the expression has more than {MOST_NODES} parts')
    _check(tree, 0)
    return tree


def evaluate(tree: ast.expr, images: Mapping[str, Any]) -> Any:
    """Return the value of a tree that `parse` has checked.

    Parameters
    ----------
    tree : ast.expr
    images : mapping of str to ndarray

    Raises
    ------
    ExpressionError
        When a name is none of an image, or the values do not go together.
    """
    try:
        with np.errstate(all='ignore'):
            return _value(tree, images)
    except ExpressionError:
        raise
    except (TypeError, ValueError, IndexError, ArithmeticError, MemoryError) as error:
        raise ExpressionError(f'it cannot be calculated: {error}') from error


def names_in(tree: ast.expr) -> set[str]:
    """Return the names of images in a tree."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {name for name in names if _is_image(name)}


# --- checking ---------------------------------------------------------------------------------


def _is_image(name: str) -> bool:
    """Return whether a name may be one of an image: a letter; `e` is Euler's number."""
    return len(name) == 1 and 'a' <= name <= 'z'


def _check(node: ast.AST, depth: int) -> None:
    """Raise for a node that is not arithmetic, or lies too deep."""
    if depth > DEEPEST:
        raise ExpressionError(f'the expression is nested more than {DEEPEST} deep')
    checker = _CHECKS.get(type(node))
    if checker is None:
        raise ExpressionError(_refused(node))
    for child in checker(node):
        _check(child, depth + 1)


def _refused(node: ast.AST) -> str:
    text = ast.unparse(node)[:60] if isinstance(node, (ast.expr, ast.slice)) else type(node).__name__
    hints = {
        ast.BoolOp: 'use & and | with brackets around comparisons',
        ast.IfExp: 'use where(condition, this, that)',
        ast.Attribute: 'use the function of NumPy by its name: sqrt(a)',
    }
    hint = hints.get(type(node), 'use numbers, images a, b, c, ..., operators and functions of NumPy')
    return f'{text!r} is not arithmetic ({type(node).__name__}): {hint}'


def _check_constant(node: ast.Constant) -> list[ast.AST]:
    # None is for bounds that are not there: clip(a, 0, None).
    if type(node.value) not in (int, float, bool, type(None)) or (
        type(node.value) is int and abs(node.value) > _INT64
    ):
        raise ExpressionError(f'{str(node.value)[:40]!r} is no number that can be calculated with')
    return []


def _check_name(node: ast.Name) -> list[ast.AST]:
    if not _is_image(node.id) and node.id not in _CONSTANTS:
        raise ExpressionError(
            f'{node.id!r} is not known: images are a, b, c, ..., constants {", ".join(_CONSTANTS)}'
        )
    return []


def _check_operator(node: ast.BinOp) -> list[ast.AST]:
    if type(node.op) not in _BINARY:
        raise ExpressionError(f'the operator {type(node.op).__name__} is not one of + - * / // % ** & | ^')
    return [node.left, node.right]


def _check_unary(node: ast.UnaryOp) -> list[ast.AST]:
    if type(node.op) not in _UNARY:
        raise ExpressionError("'not' is not for images: use ~ or logical_not")
    return [node.operand]


def _check_compare(node: ast.Compare) -> list[ast.AST]:
    if len(node.ops) != 1:
        raise ExpressionError('compare two things at a time: (1 < a) & (a < 5)')
    if type(node.ops[0]) not in _COMPARE:
        raise ExpressionError(f'the comparison {type(node.ops[0]).__name__} is not one of < <= > >= == !=')
    return [node.left, node.comparators[0]]


def _check_call(node: ast.Call) -> list[ast.AST]:
    name = _function_name(node.func)
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ExpressionError(f'{name}: arguments with * are not for images')
    least, most = _ARGUMENTS[name]
    if not least <= len(node.args) <= most:
        wanted = str(least) if least == most else f'{least} to {most}'
        raise ExpressionError(f'{name} takes {wanted} arguments without a name here, not {len(node.args)}')
    children: list[ast.AST] = list(node.args)
    for keyword in node.keywords:
        if keyword.arg not in _KEYWORDS:
            raise ExpressionError(
                f'{name} has no argument {keyword.arg!r} here: {", ".join(sorted(_KEYWORDS))}'
            )
        children += _check_argument(keyword)
    return children


def _check_argument(keyword: ast.keyword) -> list[ast.AST]:
    """Return what is left to check of a keyword argument: axes have names, or are several."""
    values = keyword.value.elts if isinstance(keyword.value, ast.Tuple) else [keyword.value]
    if keyword.arg != 'axis':
        return [keyword.value]
    named = [v for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return [value for value in values if value not in named]


def _function_name(node: ast.expr) -> str:
    """Return the name of a function: `sqrt`, `np.sqrt` or `numpy.sqrt`."""
    name = ''
    if isinstance(node, ast.Name):
        name = node.id
    elif (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ('np', 'numpy')
    ):
        name = node.attr
    if name not in FUNCTIONS:
        raise ExpressionError(f'{ast.unparse(node)[:60]!r} is no function that can be used on images')
    return name


def _check_subscript(node: ast.Subscript) -> list[ast.AST]:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for part in parts:
        bounds = [part.lower, part.upper, part.step] if isinstance(part, ast.Slice) else [part]
        for bound in bounds:
            if bound is not None and not _is_index(bound):
                raise ExpressionError(
                    f'{ast.unparse(part)[:60]!r} is no index: use whole numbers, and : for ranges'
                )
    return [node.value]


def _is_index(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and (
        node.value is Ellipsis or (type(node.value) is int and abs(node.value) < 2**31)
    )


_CHECKS: Mapping[type[ast.AST], Callable[[Any], list[ast.AST]]] = {
    ast.Constant: _check_constant, ast.Name: _check_name, ast.BinOp: _check_operator,
    ast.UnaryOp: _check_unary, ast.Compare: _check_compare, ast.Call: _check_call,
    ast.Subscript: _check_subscript,
}  # fmt: skip


# --- evaluating -------------------------------------------------------------------------------


def _value(node: ast.expr, images: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return _named(node.id, images)
        case ast.UnaryOp():
            operand = _value(node.operand, images)
            if isinstance(node.op, ast.USub) and _whole(operand):
                return _binary(ast.Sub, 0, operand)
            if isinstance(node.op, ast.Invert):
                operand = _as_bits(operand)
            return _UNARY[type(node.op)](operand)
        case ast.BinOp():
            return _binary(type(node.op), _value(node.left, images), _value(node.right, images))
        case ast.Compare():
            left, right = _value(node.left, images), _value(node.comparators[0], images)
            _check_size(left, right)
            return _COMPARE[type(node.ops[0])](left, right)
        case ast.Subscript():
            return _value(node.value, images)[_index(node.slice)]
        case ast.Call():
            return _call(node, images)
    raise ExpressionError(_refused(node))


def _named(name: str, images: Mapping[str, Any]) -> Any:
    if name in images:
        return images[name]
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    raise ExpressionError(
        f'there is no image {name!r}: {len(images)} were given, {", ".join(images) or "none"}'
    )


def _binary(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """Return the result of an operator; integers that may not fit become floats first."""
    _check_size(left, right)
    if kind in (ast.BitAnd, ast.BitOr, ast.BitXor):
        return _BINARY[kind](_as_bits(left), _as_bits(right))
    # Truth values count as 0 and 1, where NumPy would take + for "or".
    left, right = _as_number(left), _as_number(right)
    if _whole(left) and _whole(right):
        if kind in (ast.Add, ast.Sub, ast.Mult, ast.Pow) and _largest(kind, left, right) >= _ALL_FLOAT:
            left, right = _as_float(left), _as_float(right)
        elif kind is ast.Pow and np.min(right, initial=0) < 0:
            left = _as_float(left)
        elif kind in (ast.FloorDiv, ast.Mod) and not np.all(right):
            # NumPy's integers have no infinity: what is divided by 0 would be 0.
            left = np.asanyarray(_as_float(left))
    return _BINARY[kind](left, right)


def _check_size(*values: Any) -> None:
    """Raise where values of several shapes together make more than any of them is."""
    shapes = [np.shape(value) for value in values]
    largest = max(np.size(value) for value in values)
    try:
        together = math.prod(np.broadcast_shapes(*shapes))
    except ValueError as error:
        raise ExpressionError(f'shapes {" and ".join(map(str, shapes))} do not go together') from error
    if together > max(1, largest) and together > _MOST_TOGETHER:
        raise ExpressionError(
            f'values of the shapes {" and ".join(map(str, shapes))} would make {together} together'
        )


def _as_number(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.astype(np.int64) if value.dtype == bool else value
    return int(value) if isinstance(value, bool) else value


def _whole(value: Any) -> bool:
    return isinstance(value, (bool, int)) or np.asarray(value).dtype.kind in 'iub'


def _largest(kind: type[ast.operator], left: Any, right: Any) -> float:
    """Return a bound of the absolute values of a result."""
    x, y = _extent(left), _extent(right)
    if kind is ast.Mult:
        return x * y
    if kind is ast.Pow:
        return float('inf') if x > 1 and y * float(np.log2(x)) > 62 else max(x, 1.0) ** y
    return x + y


def _extent(value: Any) -> float:
    array = np.asarray(value)
    if not array.size:
        return 0.0
    return max(abs(float(array.min())), abs(float(array.max())))


def _as_float(value: Any) -> Any:
    return value.astype(np.float64) if isinstance(value, np.ndarray) else float(value)


def _as_bits(value: Any) -> Any:
    """Return booleans and integers as they are, for & | ^ ~."""
    if not _whole(value):
        raise ExpressionError(
            '& | ^ ~ are for comparisons and integer images: compare first, (a > 3) & (b > 3)'
        )
    return value


def _index(node: ast.expr) -> Any:
    if isinstance(node, ast.Tuple):
        return tuple(_index(part) for part in node.elts)
    if isinstance(node, ast.Slice):
        return slice(
            *(None if part is None else _index(part) for part in (node.lower, node.upper, node.step))
        )
    if isinstance(node, ast.UnaryOp):
        return -_index(node.operand)
    assert isinstance(node, ast.Constant)
    return node.value


def _call(node: ast.Call, images: Mapping[str, Any]) -> Any:
    name = _function_name(node.func)
    arguments = [_value(argument, images) for argument in node.args]
    keywords = {str(keyword.arg): _argument(keyword, images) for keyword in node.keywords}
    if name in _NUMBERS:
        position, keyword = _NUMBERS[name]
        _check_number(name, keyword, keywords.get(keyword, [*arguments, 0, 0][position]))
    elif _ARGUMENTS[name][0] > 1 or name == 'clip':
        _check_size(*(a for a in arguments if a is not None))
    if name not in _WHOLE or _may_not_fit(name, arguments):
        arguments = [
            _as_float(a) if isinstance(a, np.ndarray) and a.dtype.kind in 'iub' else a for a in arguments
        ]
        arguments = [float(a) if type(a) is int and name == 'power' else a for a in arguments]
    result = getattr(np, name)(*arguments, **keywords)
    if isinstance(result, (tuple, list)):
        raise ExpressionError(f'{name} gives {len(result)} arrays here: name one axis, {name}(a, axis=0)')
    return result


def _check_number(name: str, keyword: str, value: Any) -> None:
    """Raise for what is no single number, or a large one: it would take for ever."""
    if np.ndim(value) or not abs(value) <= _MOST_TIMES:
        told = f'of shape {np.shape(value)}' if np.ndim(value) else str(value)
        raise ExpressionError(f'{name}: {keyword} is {told}: give one number of at most {_MOST_TIMES}')


def _may_not_fit(name: str, arguments: Sequence[Any]) -> bool:
    """Return whether a function that keeps integers would cut or wrap these."""
    if name == 'full_like':
        return not _whole(arguments[1])
    return name in ('abs', 'absolute') and _whole(arguments[0]) and _extent(arguments[0]) >= _ALL_FLOAT


def _argument(keyword: ast.keyword, images: Mapping[str, Any]) -> Any:
    if keyword.arg != 'axis':
        return _value(keyword.value, images)
    values = keyword.value.elts if isinstance(keyword.value, ast.Tuple) else [keyword.value]
    axes = tuple(v.value if isinstance(v, ast.Constant) else _value(v, images) for v in values)
    return axes if isinstance(keyword.value, ast.Tuple) else axes[0]
