"""The program `image_show`: images on the screen, or as a picture in a file."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cmdline import ProgramParser, add_reading_options
from ..errors import NoDataReadError, NoDisplayError, WriteError
from .common import add_inputs, check_apart, cohort_of, each_series, parsed, program_parser, run

__all__ = ['main', 'parser']


def parser() -> ProgramParser:
    """Return the parser of the command line."""
    made = program_parser(
        'image_show',
        'in_dirs [in_dirs ...]',
        'Show images, each series in a viewport of its own; or draw them into a picture.',
        'examples:\n  image_show dicom/\n  image_show --link --order time dynamic/ fitted.nii.gz\n'
        '  image_show --out picture.png --window 400 --level 40 ct/\n',
    )
    add_reading_options(made)
    showing = made.add_argument_group('showing')
    showing.add_argument(
        '--out', type=_picture, metavar='FILE', help='draw into this file (.png, .html), and open no window'
    )
    showing.add_argument(
        '--colormap', type=_colormap, default='Greys_r', metavar='NAME',
        help='of matplotlib, or navia, lipari (default: Greys_r)',
    )  # fmt: skip
    showing.add_argument(
        '--norm', choices=('linear', 'log', 'sigmoid'), help='scale of values (default: what the header says)'
    )
    showing.add_argument('--colorbar', action='store_true', default=None, help='show the scale of values')
    showing.add_argument('--window', type=_width, metavar='N', help='width of the display window')
    showing.add_argument('--level', type=_finite, metavar='N', help='centre of the display window')
    showing.add_argument('--link', action='store_true', help='scroll all series together')
    add_inputs(made)
    return made


def main(args: Sequence[str] | None = None) -> int:
    """Run the program; see `imagedata.image_data.show`."""
    made = parser()
    return run(made, parsed(made, args, pixels_to='show'), _show)


def _show(given: argparse.Namespace) -> None:
    cohort = cohort_of(given)
    if given.out:
        for _, study in cohort._studies():
            for entry in study._stored().values():
                check_apart(given.out, entry.sources)
    series = [s for _, _, s in each_series(cohort)]
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


def _picture(name: str) -> str:
    """Return the name of a file."""
    if not Path(name).name or name.endswith(('/', os.sep)):
        raise argparse.ArgumentTypeError(f'{name!r} names no file')
    return name


def _colormap(name: str) -> str:
    """Return the name of a colour map that there is; matplotlib is asked for other names than its usual."""
    from ..colour import colour_map

    try:
        if name != 'Greys_r':
            colour_map(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f'{text!r} is no number')
    return number


def _width(text: str) -> float:
    number = _finite(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f'a window is a width above 0, got {text}')
    return number


if __name__ == '__main__':
    sys.exit(main())
