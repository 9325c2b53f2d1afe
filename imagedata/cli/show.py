"""The program `image_show`: images on the screen, or as a picture in a file."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cmdline import DEBUG, ProgramParser, add_reading_options, run_program
from ..errors import NoDataReadError, NoDisplayError, WriteError

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
    showing.add_argument(
        '--out', metavar='FILE', help='draw into this file (.png, .html), and open no window'
    )
    showing.add_argument(
        '--colormap', default='Greys_r', metavar='NAME', help='of matplotlib (default: Greys_r)'
    )
    showing.add_argument(
        '--norm', choices=('linear', 'log', 'sigmoid'), help='scale of values (default: what the header says)'
    )
    showing.add_argument('--colorbar', action='store_true', default=None, help='show the scale of values')
    showing.add_argument('--window', type=_width, metavar='N', help='width of the display window')
    showing.add_argument('--level', type=float, metavar='N', help='centre of the display window')
    showing.add_argument('--link', action='store_true', help='scroll all series together')
    made.add_argument('in_dirs', nargs='+', help='files, folders, archives, URLs or patterns to read')
    return made


def _width(text: str) -> float:
    width = float(text)
    if not 0 < width < math.inf:
        raise argparse.ArgumentTypeError(f'a window is a width above 0, got {text}')
    return width


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
    if given.out and Path(given.out).suffix.lower() == '.html':
        if others:
            raise WriteError(f'{given.out}: a page has one series, and there are {len(series)}')
        page = {name: options[name] for name in ('colormap', 'norm', 'window', 'level')}
        first.to_html(given.out, **page)
    elif given.out:
        _draw(given.out, first, others, options)
    else:
        try:
            first.show(others or None, **options)
        except NoDisplayError as error:
            raise NoDisplayError(
                'there is no screen to show a window on: --out FILE draws into a picture, '
                'or with the name FILE.html into a page for a browser'
            ) from error


def _draw(path: str, first: Any, others: Sequence[Any], options: dict[str, Any]) -> None:
    """Draw what a window would show into a file; that needs no screen."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ..whole_file import write_whole

    kind = Path(path).suffix[1:].lower() or 'png'
    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    if kind not in known:
        raise WriteError(f'{path} cannot be written: pictures are {", ".join(known)}, pages are html')
    figure = Figure(facecolor='black', layout='constrained')
    FigureCanvasAgg(figure)
    first.show(list(others) or None, fig=figure, **options)
    picture = io.BytesIO()
    figure.savefig(picture, format=kind, dpi=150)
    write_whole(path, picture.getvalue())


if __name__ == '__main__':
    sys.exit(main())
