"""The program `image_show`: images on the screen, or as a picture in a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cmdline import DEBUG, ProgramParser, add_reading_options, run_program
from ..errors import NoDataReadError, NoDisplayError

__all__ = ['main', 'parser']


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = ProgramParser(
        'image_show',
        usage='%(prog)s [options] in_dirs [in_dirs ...]',
        description='Show images, each series in a viewport of its own; or draw them into a picture.',
        epilog='examples:\n  image_show dicom/\n  image_show --link --order time dynamic/ fitted.nii.gz\n'
        '  image_show --out picture.png --window 400 --level 40 ct/\n',
    )
    add_reading_options(made)
    showing = made.add_argument_group('showing')
    showing.add_argument('--out', metavar='FILE', help='draw into this file (.png), and open no window')
    showing.add_argument(
        '--colormap', default='Greys_r', metavar='NAME', help='of matplotlib (default: Greys_r)'
    )
    showing.add_argument('--norm', choices=('linear', 'log'), default='linear', help='scale of values')
    showing.add_argument('--colorbar', action='store_true', default=None, help='show the scale of values')
    showing.add_argument('--window', type=float, metavar='N', help='width of the display window')
    showing.add_argument('--level', type=float, metavar='N', help='centre of the display window')
    showing.add_argument('--link', action='store_true', help='scroll all series together')
    made.add_argument('in_dirs', nargs='+', help='files, folders, archives, URLs or patterns to read')
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.show`."""
    made = parser()
    given = made.parse_args(args)
    if given.headers_only:
        made.error('--headers_only reads no pixels, and there would be nothing to show')
    return run_program('image_show', lambda: _show(given), debug=given.loglevel <= DEBUG)


def _show(given: argparse.Namespace) -> None:
    from .common import cohort_of, each_series

    series = [s for _, _, s in each_series(cohort_of(given))]
    if not series:
        raise NoDataReadError('there is no series to show')
    options: dict[str, Any] = {
        'colormap': given.colormap, 'norm': given.norm, 'colorbar': given.colorbar,
        'window': given.window, 'level': given.level, 'link': given.link,
    }  # fmt: skip
    first, others = series[0], series[1:]
    if given.out:
        _draw(given.out, first, others, options)
    else:
        try:
            first.show(others or None, **options)
        except NoDisplayError as error:
            raise NoDisplayError(
                'there is no screen to show a window on: --out FILE draws into a picture'
            ) from error


def _draw(path: str, first: Any, others: Sequence[Any], options: dict[str, Any]) -> None:
    """Draw what a window would show into a file; that needs no screen."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ..whole_file import write_whole

    figure = Figure(facecolor='black', layout='constrained')
    FigureCanvasAgg(figure)
    first.show(list(others) or None, fig=figure, **options)
    picture = io.BytesIO()
    figure.savefig(picture, format=Path(path).suffix[1:] or 'png', dpi=150)
    write_whole(path, picture.getvalue())


if __name__ == '__main__':
    sys.exit(main())
