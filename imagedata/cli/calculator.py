"""The program `image_calculator`: an image calculated from others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cmdline import INFO, WRITING, ProgramParser, add_argparse_options, given_options, say
from ..errors import ExpressionError, FileAlreadyExistsError, ImagedataWarning
from ..notices import warn_user
from .common import parsed, program_parser, run

if TYPE_CHECKING:
    from ..series import Series

__all__ = ['main', 'parser']

_EPILOG = """\
Inputs are called a, b, c, ... in the order given. Operators: + - * / // % ** & | ^ ~ < <= > >= == !=;
indices such as a[0]; NumPy's functions of numbers, with or without np. before them; pi, e (where
fewer than five inputs are given), nan, inf. Integers do not overflow; truth values are 0 and 1;
division by 0 gives inf or nan.

examples:
  image_calculator doubled/ 'a * 2' dicom/
  image_calculator --order time enhancement.nii.gz '(a - a[0]) / clip(a[0], 1, None)' dynamic/
  image_calculator --of nifti mask 'where((a > 100) & (b < 5), 1, 0)' first/ second/
  image_calculator mean/ 'mean(a, axis=0)' dynamic/
"""


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'image_calculator',
        'out_name expression in_dirs [in_dirs ...]',
        'Calculate an image from others, voxel by voxel. The result has the place, the patient '
        'and the study of the first input; voxels that were flipped or cut out keep their own place.',
        _EPILOG,
    )
    add_argparse_options(made)
    made.add_argument(
        '--dry-run', action='store_true', help='calculate, print what would be written, and stop'
    )
    made.add_argument(
        'out_name', help='file, whose extension tells the format, or folder, to write: a new one'
    )
    made.add_argument('expression', help='what to calculate, of a, b, c, ...')
    made.add_argument('in_dirs', nargs='+', help='inputs a, b, c, ..., each of them one series')
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.calculator`."""
    made = parser()
    return run(made, parsed(made, args, pixels_to='calculate'), _calculate)


def _calculate(given: argparse.Namespace) -> None:
    from ..registry import format_for
    from ..series import Series
    from ..writing import format_of_name
    from .expressions import names_in, parse

    tree = parse(given.expression)
    formats = given.output_format
    if not formats:
        found = format_of_name(given.out_name)
        formats = [found.name if found is not None else 'dicom']
    for name in formats:
        format_for(name)
    _check_new(given.out_name)
    letters = 'abcdefghijklmnopqrstuvwxyz'
    if len(given.in_dirs) > len(letters):
        raise ExpressionError(f'{len(given.in_dirs)} inputs are more than the letters a to z')
    names = dict(zip(letters, given.in_dirs, strict=False))
    missing = sorted(names_in(tree) - set(names) - {'e'})
    if missing:
        raise ExpressionError(f'{missing[0]!r} is no input: {len(names)} are given, {", ".join(names)}')
    # The type of the result is asked for, not that of the inputs.
    options = {k: v for k, v in given_options(given).items() if k != 'dtype'}
    images = {name: Series(url, given.input_order, options) for name, url in names.items()}
    result = calculated(tree, images)
    if given.loglevel <= INFO or given.dry_run:
        for name, image in images.items():
            say(f'{name} = {names[name]} {image.shape} {image.dtype}')
        say(f'{given.out_name} = {given.expression} {result.shape} {result.dtype}')
    if given.dry_run:
        return
    writing = given_options(given, WRITING)
    if given.dtype is not None:
        writing['dtype'] = given.dtype
    result.write(given.out_name, writing, formats)


def calculated(tree: Any, images: dict[str, Series]) -> Series:
    """Return the value of an expression, at the places of the first image.

    Raises
    ------
    ExpressionError
        When the result is no image, or for colour images.
    """
    import numpy as np

    from ..series import Series
    from .expressions import evaluate

    first = next(iter(images.values()))
    for name, image in images.items():
        if image.dtype.names:
            raise ExpressionError(f'{name} is a colour image: there is no arithmetic of colours')
    _tell_of_patients(images)
    values = evaluate(tree, {name: _wide(image) for name, image in images.items()})
    whole = np.asarray(values)
    if whole.dtype.kind not in 'biufc':
        raise ExpressionError(f'the result is no image, but of type {whole.dtype}')
    if not whole.size:
        raise ExpressionError(f'the result of shape {whole.shape} has no voxels')
    whole = _fitting(whole, [image.dtype for image in images.values()])
    if whole.ndim == 0:
        whole = np.broadcast_to(whole, first.shape).copy()
    if isinstance(values, Series) and not _lies_as(values, first):
        # Flipped, or a part: each voxel stays where it was, and keeps its time.
        if not _is_of(values, first):
            raise ExpressionError(
                'the result lies where another input does, of another patient than a: name that input first'
            )
        return values.with_data(whole)
    if whole.shape == first.shape:
        return first.with_data(whole)
    raise ExpressionError(
        f'the result of shape {whole.shape} does not lie on the grid of a, {first.shape}, nor on a part of it'
    )


def _wide(image: Series) -> Series:
    """Return integers as int64, and as float64 those that do not fit: differences are negative."""
    import numpy as np

    if image.dtype.kind not in 'iu':
        return image
    large = image.dtype == np.uint64 and int(np.asarray(image).max(initial=0)) > np.iinfo(np.int64).max
    wide: Series = image.astype(np.float64 if large else np.int64)
    return wide


def _is_of(image: Series, other: Series) -> bool:
    """Return whether two images may be of one patient, as far as their headers tell."""
    mine, theirs = (str(each.header.attribute('patientID') or '') for each in (image, other))
    return not mine or not theirs or mine == theirs


def _tell_of_patients(images: dict[str, Series]) -> None:
    """Warn of images of several patients: the result is of one."""
    first = next(iter(images.values()))
    others = [name for name, image in images.items() if not _is_of(image, first)]
    if others:
        warn_user(
            f'{" and ".join(others)}: of another patient than a, of whom the result will be', ImagedataWarning
        )


def _lies_as(values: Series, first: Series) -> bool:
    """Return whether a result has the axes and the place of an image."""
    mine, theirs = values.header, first.header
    if mine.dims != theirs.dims or mine.tag_axes != theirs.tag_axes:
        return False
    return mine.geometry is None or theirs.geometry is None or values.same_geometry(first)


def _fitting(values: Any, inputs: Sequence[Any]) -> Any:
    """Return whole numbers in the type of an input, or the smallest, that holds them; others as they are."""
    import numpy as np

    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind not in 'iu' or not values.size:
        return values
    low, high = int(values.min()), int(values.max())
    integers = [np.dtype(t) for t in inputs if np.dtype(t).kind in 'iu']
    for dtype in (*integers, *map(np.dtype, ('uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64'))):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return values.astype(dtype)
    return values


def _check_new(name: str) -> None:
    """Raise when the output is there already.

    Raises
    ------
    FileAlreadyExistsError
    """
    path = Path(name)
    if '://' in name or not path.exists():
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    raise FileAlreadyExistsError(f'{name} is there already: name a new file or folder')


if __name__ == '__main__':
    sys.exit(main())
