"""The program `image_statistics`: minimum, maximum, mean, standard deviation and median of series."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..cmdline import ProgramParser, add_reading_options, complain, reason, say, say_json
from ..errors import CollectionError, ImagedataError
from .common import (
    add_inputs,
    add_json,
    cohort_of,
    each_series,
    parsed,
    program_parser,
    run,
    series_count,
    series_record,
    told,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..series import Series

__all__ = ['main', 'parser']

NAMES = ('min', 'max', 'mean', 'std', 'median')


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'image_statistics',
        'in_dirs [in_dirs ...]',
        'Print minimum, maximum, mean, standard deviation and median of each series. NaN is left out, and '
        'counted.',
        'examples:\n  image_statistics dicom/\n  image_statistics --mask liver.nii.gz --json dicom/\n'
        '  eval "$(image_statistics --bash dicom/)"; echo $mean\n',
    )
    add_reading_options(made)
    made.add_argument(
        '--mask', metavar='PATH', help='series whose voxels other than 0 are counted, no others'
    )
    how = made.add_mutually_exclusive_group()
    how.add_argument('--bash', action='store_true', help='print the values of one series as shell variables')
    add_json(how, 'a record for each series')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.statistics`."""
    made = parser()
    return run(made, parsed(made, args, pixels_to='count'), _print)


def _print(given: argparse.Namespace) -> None:
    from ..contents import study_line
    from ..folders import printable
    from ..series import Series

    mask = Series(given.mask, 'auto') if given.mask is not None else None
    cohort = cohort_of(given)
    count = series_count(cohort)
    several = not given.bash and not given.json and len([study for _, study in cohort._studies()]) > 1
    before = None
    if given.bash and count > 1:
        raise CollectionError(
            f'--bash gives the values of one series, and there are {count}: choose with --input_serinsuid'
        )
    records = []
    for study, key, series in each_series(cohort):
        try:
            found = statistics_of(series, mask)
        except ImagedataError as error:
            complain(f'{told(key)}: {reason(error)}')
            continue
        record = {
            **series_record(study, key), 'shape': list(series.shape), 'dtype': str(series.dtype),
            'input_order': series.input_order, **found,
        }  # fmt: skip
        records.append(record)
        if several and study is not before:
            before = study
            say(f'Patient {printable(study.patientID) or "without ID"}: {study_line(study)}')
        if given.bash:
            for name in NAMES:
                say(f'{name}={record[name]}')
            say(f'export {" ".join(NAMES)}')
        elif not given.json:
            say(_text(record))
    if given.json:
        say_json(records)


def statistics_of(series: Series, mask: Series | None = None) -> dict[str, Any]:
    """Return min, max, mean, std, median of the values, and how many voxels there are and are not numbers.

    The standard deviation is that of the voxels, not an estimate from a sample (ddof 0).

    Raises
    ------
    ImagedataError
        When the mask does not lie on the grid of the series, leaves nothing, or it has colours.
    """
    import numpy as np

    if series.dtype.names:
        raise CollectionError('it is a colour image: its channels are no numbers to count together')
    values: NDArray[Any] = np.asarray(series)
    if values.dtype.kind == 'c':
        raise CollectionError('its values are complex: there is no least or greatest of them')
    if mask is not None:
        values = values[_mask_on(series, mask)]
    bad = np.isnan(values) if values.dtype.kind == 'f' else np.zeros((), dtype=bool)
    nan = int(bad.sum())
    if nan:
        values = values[~bad]
    if not values.size:
        raise CollectionError('there is no voxel to count')
    exact = values.astype(np.float64) if values.dtype == np.float32 else values
    found = (values.min(), values.max(), exact.mean(), exact.std(), np.median(exact))
    return {
        **{n: v.item() for n, v in zip(NAMES, found, strict=True)},
        'voxels': int(values.size),
        'nan': nan,
    }


def _mask_on(series: Series, mask: Series) -> Any:
    """Return which voxels of a series a mask chooses, of the shape of the series."""
    import numpy as np

    placed = mask
    known = (mask.header.geometry, series.header.geometry)
    spatial = series.ndim - len(series.header.tag_dims)
    if all(grid is not None and not grid.assumed for grid in known):
        if not mask.same_geometry(series) or mask.ndim < spatial:
            placed = mask.match_geometry(series)
    elif mask.shape[-spatial:] != series.shape[-spatial:]:
        raise CollectionError(
            f'the mask has the shape {mask.shape}, the series {series.shape}: they do not lie on one grid'
        )
    chosen = np.asarray(placed) != 0
    try:
        return np.broadcast_to(chosen, series.shape)
    except ValueError as error:
        raise CollectionError(
            f'the mask has the shape {mask.shape}, the series {series.shape}: they do not lie on one grid'
        ) from error


def _text(record: dict[str, Any]) -> str:
    from ..folders import printable

    number = '-' if record['seriesNumber'] is None else record['seriesNumber']
    stack = '' if record['stack'] is None else f' stack {record["stack"]}'
    shape = 'x'.join(map(str, record['shape']))
    described = printable(record['seriesDescription']) or 'no description'
    lines = [
        f'Series [{number}]{stack} {record["modality"] or ""}: {described}, '
        f'shape: {shape}, dtype: {record["dtype"]}, input order: {record["input_order"]}',
        f'  Min: {record["min"]}, max: {record["max"]}, mean: {record["mean"]} +/- {record["std"]}, '
        f'median: {record["median"]}',
    ]
    if record['nan']:
        lines.append(f'  {record["nan"]} voxels are no numbers, and are not counted')
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
