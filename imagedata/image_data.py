"""The console programs, under the names that their entry points have: each is in a module of `cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ['calculator', 'conversion', 'dump', 'list', 'show', 'sort', 'statistics', 'timeline']


def conversion(args: Sequence[str] | None = None) -> int:
    """Convert series to another format, or describe them anew: the program `image_data`.

    Parameters
    ----------
    args : sequence of str, optional
        Command line; that of the process when not given. So for all of these functions.

    Returns
    -------
    int
        Exit status: 0, or 1 when something failed, with the reason on stderr.
    """
    from .cli.data import main

    return main(args)


def calculator(args: Sequence[str] | None = None) -> int:
    """Calculate an image from others: the program `image_calculator`."""
    from .cli.calculator import main

    return main(args)


def statistics(args: Sequence[str] | None = None) -> int:
    """Print minimum, maximum, mean, standard deviation and median: the program `image_statistics`."""
    from .cli.statistics import main

    return main(args)


def show(args: Sequence[str] | None = None) -> int:
    """Show images: the program `image_show`."""
    from .cli.show import main

    return main(args)


def list(args: Sequence[str] | None = None) -> int:  # noqa: A001 - its name in imagedata 3
    """Print which series there are: the program `image_list`."""
    from .cli.listing import main

    return main(args)


def dump(args: Sequence[str] | None = None) -> int:
    """Print the elements of DICOM files: the program `dicom_dump`."""
    from .cli.dump import main

    return main(args)


def sort(args: Sequence[str] | None = None) -> int:
    """Copy DICOM files into folders of patients, studies and series: the program `dicom_sort`."""
    from .cli.sort import main

    return main(args)


def timeline(args: Sequence[str] | None = None) -> int:
    """Print the times of dynamic series: the program `timeline`."""
    from .cli.timeline import main

    return main(args)


if __name__ == '__main__':
    sys.exit(conversion())
