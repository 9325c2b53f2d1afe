"""The program `image_data`: images of one kind in, images of another kind out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from .cmdline import DEBUG, INFO, ProgramParser, add_argparse_options, run_program, say

__all__ = ['conversion']

_WRITING = ('output_sort', 'output_dir', 'frame', 'SOPClassUID', 'sernum', 'serdes', 'imagetype', 'keep_uid')
_READING = (
    'input_serinsuid', 'input_stack', 'input_acquisition', 'input_echo', 'missing', 'headers_only', 'dtype',
    'template', 'geometry', 'correct_acq',
)  # fmt: skip

_EPILOG = """\
examples:
  image_data --order time dynamic.nii.gz dicom/
  image_data --template dicom/ --serdes enhancement for_pacs/ fitted.nii.gz
"""


def conversion(args: Sequence[str] | None = None) -> int:
    """Read one series, and write it: the program `image_data`.

    Parameters
    ----------
    args : sequence of str, optional
        Command line; that of the process when not given.

    Returns
    -------
    int
        Exit status: 0, or 1 when it failed, with the reason on stderr.
    """
    parser = ProgramParser(
        'image_data',
        usage='%(prog)s [options] out_name in_dirs [in_dirs ...]',
        description='Convert one image series to another format, or describe it anew.',
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_argparse_options(parser)
    parser.add_argument('out_name', help='file, whose extension tells the format, or folder, to write')
    parser.add_argument(
        'in_dirs', nargs='+', help='files, folders or patterns, which together hold one series'
    )
    given = parser.parse_args(args)
    if given.headers_only:
        parser.error('--headers_only reads no pixels, and there would be nothing to write')
    return run_program('image_data', lambda: _convert(given), debug=given.loglevel <= DEBUG)


def _convert(given: argparse.Namespace) -> None:
    from .registry import format_for
    from .series import Series

    formats = given.output_format or _format_for_name(given.out_name)
    for name in formats:
        # Reading may take long: a format that is not there is told before.
        format_for(name)
    series = Series(given.in_dirs, given.input_order, _options(given, _READING))
    if given.loglevel <= INFO:
        say(f'{series}\n{series.explain()}')
    series.write(given.out_name, _options(given, _WRITING), formats)


def _options(given: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Return the options of those names that were given, and those of --input_options."""
    chosen = {name: getattr(given, name) for name in names}
    return {**{k: v for k, v in chosen.items() if v is not None}, 'input_options': given.input_options}


def _format_for_name(name: str) -> list[str]:
    """Return the format that the name of the output tells.

    Raises
    ------
    FormatPluginNotFound
        When the name has an extension that no format has: a folder of DICOM files of that name
        is hardly what was meant.
    """
    from .writing import format_of_name

    found = format_of_name(name)
    return [found.name] if found is not None else ['dicom']


if __name__ == '__main__':
    sys.exit(conversion())
