"""What the command-line programs share: their options, and how they end.

`add_argparse_options` is public: programs of users give their own parser the same options, and
pass what it returns to `Series(..., opts=args)` and `series.write(..., opts=args)`.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn, TypeAlias

from .errors import ImagedataError, ImagedataWarning, MultipleSeriesError
from .progress import Bar, reporting

__all__ = [
    'ProgramParser', 'add_argparse_options', 'add_reading_options', 'add_telling_options', 'complain',
    'complain_of', 'given_options', 'reason', 'run_program', 'say', 'say_json',
]  # fmt: skip

DEBUG, INFO, WARNING = 10, 20, 30
"""Values of `args.loglevel`: those of the module `logging`."""

_Tell: TypeAlias = Callable[[str, str], None]
_tell: ContextVar[_Tell | None] = ContextVar('imagedata_tell', default=None)

_CODE = re.compile(r'[A-Z0-9_ ]{0,16}')
_UID = re.compile(r'(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+')


# --- options -----------------------------------------------------------------------------------


def add_argparse_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all programs have in common.

    Parameters
    ----------
    parser : argparse.ArgumentParser

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_argparse_options(parser)
    >>> args = parser.parse_args(['--order', 'time', '--of', 'nifti'])
    >>> args.input_order, args.output_format
    ('time', ['nifti'])
    """
    _add_reading(parser.add_argument_group('reading'))
    describing = parser.add_argument_group('what the images are')
    _add_places(describing)
    _add_describing(describing)
    writing = parser.add_argument_group('writing')
    _add_writing(writing)
    _add_dtype(writing)
    _add_telling(parser.add_argument_group('telling'))


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of programs that read images, and write none."""
    reading = parser.add_argument_group('reading')
    _add_reading(reading)
    _add_places(reading)
    _add_dtype(reading)
    _add_telling(parser.add_argument_group('telling'))


def add_telling_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of what a program says of its work."""
    _add_telling(parser.add_argument_group('telling'))


READING = (
    'input_serinsuid', 'input_stack', 'input_acquisition', 'input_echo', 'missing', 'headers_only', 'dtype',
    'template', 'geometry', 'correct_acq', 'calling_aet', 'input_shape', 'input_sort',
)  # fmt: skip
WRITING = (
    'output_sort', 'output_dir', 'frame', 'SOPClassUID', 'sernum', 'serdes', 'imagetype', 'keep_uid',
    'calling_aet',
)  # fmt: skip


def given_options(given: argparse.Namespace, names: Sequence[str] = READING) -> dict[str, Any]:
    """Return the options of those names that were given, and those of --input_options."""
    chosen = {name: getattr(given, name, None) for name in names}
    return {**{k: v for k, v in chosen.items() if v is not None}, 'input_options': given.input_options}


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--order', dest='input_order', type=_order, default='auto', metavar='ORDER',
        help='what the images of a slice are sorted on: auto, none, time, triggertime, b, fa, te, any DICOM '
        'keyword, or several separated by commas, slowest first (default: auto)',
    )  # fmt: skip
    group.add_argument('--input_serinsuid', metavar='UID', help='read the series of this Series Instance UID')
    group.add_argument(
        '--input_stack', type=int, metavar='N', help='read stack N of a series that has several (a localizer)'
    )
    group.add_argument('--input_acquisition', type=int, metavar='N', help='read acquisition number N')
    group.add_argument('--input_echo', type=int, metavar='N', help='read echo number N')
    group.add_argument(
        '--missing', choices=('error', 'fill', 'drop'),
        help='where images are missing: stop (the default), fill with empty ones, or go on without',
    )  # fmt: skip
    group.add_argument(
        '--input_options', action=_KeyValue, default={}, metavar='KEY=VALUE',
        help='any other option, the value as Python would write it or plain text; may be repeated',
    )  # fmt: skip
    group.add_argument('--headers_only', action='store_true', help='read no pixels')
    group.add_argument(
        '--correct_acq', action='store_true', default=None,
        help='give all slices of a volume the acquisition time of its earliest one',
    )  # fmt: skip
    group.add_argument('--calling_aet', metavar='AET', help='own title, for dicom:// addresses')
    group.add_argument(
        '--input_shape', metavar='(t)x(z)',
        help='of formats other than DICOM: how many times (or other tags, as --order names them) and slices '
        'the images are, such as 10x20',
    )  # fmt: skip
    group.add_argument(
        '--input_sort', type=_sort_on, metavar='{slice,tag}',
        help='with --input_shape: whether the slices of one time follow each other (the default), or the '
        'times of one slice',
    )  # fmt: skip
    # It has had no effect for long, and programs still pass it.
    group.add_argument('--psopt', metavar='TEXT', help='accepted, without effect')


def _add_places(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--template', metavar='PATH', help='DICOM series whose patient, study and acquisition these have'
    )
    group.add_argument('--geometry', metavar='PATH', help='series whose place in the patient these have')


def _add_describing(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--frame', type=_uid, metavar='UID', help='Frame of Reference UID')
    group.add_argument('--SOPClassUID', metavar='UID', help='kind of DICOM object: UID, CT, MR, PET or SC')
    group.add_argument('--sernum', type=_number, metavar='N', help='Series Number')
    group.add_argument(
        '--serdes', type=_description, metavar='TEXT', help='Series Description, at most 64 characters'
    )
    group.add_argument(
        '--imagetype', type=_image_type, metavar='A,B', help='Image Type: its values, separated by commas'
    )


def _add_writing(group: argparse._ArgumentGroup) -> None:
    from .formats import SORT_ON_SLICE

    group.add_argument(
        '--of', dest='output_format', action='append', metavar='FORMAT',
        help='format to write, by name or extension (dicom, nifti); may be repeated, with %%p in the output '
        'name for the name of each (default: by the extension of the output name, else dicom)',
    )  # fmt: skip
    group.add_argument(
        '--sort', dest='output_sort', type=_sort_on, default=SORT_ON_SLICE, metavar='{slice,tag}',
        help='what the files of DICOM output are sorted on (default: slice)',
    )  # fmt: skip
    group.add_argument(
        '--odir', dest='output_dir', choices=('single', 'multi'),
        help='DICOM output in a single folder, or in one for each time or tag',
    )  # fmt: skip
    group.add_argument(
        '--keep_uid', action='store_true', help='keep the UIDs of the series and its images in DICOM output'
    )


def _add_dtype(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--dtype', type=_dtype, metavar='TYPE',
        help='data type of the values: none, uint8, uint16, int16, int (int16), float (float64), float32, '
        'float64, double',
    )  # fmt: skip


def _add_telling(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '-v', '--verbose', dest='loglevel', action='store_const', const=INFO, default=WARNING,
        help='tell how the files were grouped, sorted and decoded',
    )  # fmt: skip
    group.add_argument(
        '-d', '--debug', dest='loglevel', action='store_const', const=DEBUG,
        help='the same, and where in the program an error came from',
    )  # fmt: skip
    group.add_argument(
        '-V', '--version', action=VersionAction, nargs=0, default=argparse.SUPPRESS,
        help='print the version of imagedata, and stop',
    )  # fmt: skip


class VersionAction(argparse.Action):
    """The version is looked up when it is asked for: that takes longer than the parsing."""

    def __call__(self, parser: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> NoReturn:
        from . import __version__

        say(f'{parser.prog} (imagedata) {__version__}')
        parser.exit()


class ProgramParser(argparse.ArgumentParser):
    """Parser of the library's own programs: what it does not understand is one line, and status 1."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault('formatter_class', argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)
        self.add_argument(
            '--completion', action=_Completion, choices=('bash', 'zsh'), default=argparse.SUPPRESS,
            help='print a script that completes the options of this program in that shell, and stop',
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Print the reason and stop."""
        told = ' '.join(message.split())
        self.exit(1, f'{self.prog}: error: {told} ({self.prog} --help lists the options)\n')


class _Completion(argparse.Action):
    """The script is made when it is asked for, of the options that the parser has then."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *args: Any) -> NoReturn:
        from .completion import script

        say(script(parser, str(values)))
        parser.exit()


class _KeyValue(argparse.Action):
    """KEY=VALUE, collected in a dict."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        key, equals, text = str(values).partition('=')
        if not equals or not key:
            raise argparse.ArgumentError(self, f'{values!r} is not of the form KEY=VALUE')
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            value = text
        # A new dict: the default is shared by everyone who parses.
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), key: value})


def _uid(text: str) -> str:
    """Return a UID that is one (DICOM PS3.5 section 9)."""
    if len(text) > 64 or not _UID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a UID: at most 64 digits and dots, such as 1.2.840.10008.5.1.4.1.1.4'
        )
    return text


def _order(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError('the order is empty: give auto, none, time, ...')
    return text


def _number(text: str) -> int:
    """Return a number that VR IS holds (PS3.5 6.2)."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is no whole number') from None
    if abs(number) >= 2**31:
        raise argparse.ArgumentTypeError(f'{text!r} is no number of 32 bits')
    return number


def _description(text: str) -> str:
    """Return a text that VR LO holds (PS3.5 6.2)."""
    if len(text) > 64:
        raise argparse.ArgumentTypeError(f'it has {len(text)} characters, and may have at most 64 characters')
    if '\\' in text or not text.isprintable():
        raise argparse.ArgumentTypeError('it must not have control characters or a backslash')
    return text


def _image_type(text: str) -> list[str]:
    """Return values of VR CS, separated by commas, or by backslashes as in DICOM (PS3.3 C.7.6.1.1.2)."""
    values = [part.strip() for part in re.split(r'[,\\]', text)]
    if len(values) < 2 or not all(values[:2]):
        raise argparse.ArgumentTypeError(f'{text!r} lacks the two values that it must have: ORIGINAL,PRIMARY')
    if not all(_CODE.fullmatch(value) for value in values):
        raise argparse.ArgumentTypeError(
            f'{text!r}: values have capital letters, digits, blanks and _, at most 16 of them'
        )
    return values


def _dtype(text: str) -> Any:
    from .formats import str_to_dtype

    try:
        return str_to_dtype(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _sort_on(text: str) -> int:
    from .formats import str_to_sort_on

    try:
        return str_to_sort_on(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


# --- running ----------------------------------------------------------------------------------


def run_program(name: str, job: Callable[[], object], *, debug: bool = False) -> int:
    """Do the job of a program, and return its exit status.

    Whatever goes wrong is told in one line on stderr, which begins with the name of the
    program; lines that follow it, if any, are indented (the series to choose from). Progress is
    shown where stderr is a terminal.

    Parameters
    ----------
    name : str
        The program's.
    job : callable
    debug : bool
        Whether errors also show their traceback.

    Returns
    -------
    int
        0, or 1 after an error or a complaint, or 128 and the number of the signal that ended it.
    """
    bar = Bar(sys.stderr) if _is_terminal() else None

    complaints = 0

    def tell(kind: str, text: str) -> None:
        nonlocal complaints
        complaints += kind == 'error'
        if bar is not None:
            bar.clear()
        print(f'{name}: {kind}: {text}', file=sys.stderr)

    token = _tell.set(tell)
    try:
        with _warnings_to(tell), _terminable(), reporting(bar):
            job()
        return 1 if complaints else 0
    except _Terminated as end:
        tell('error', 'terminated')
        return 128 + end.signal
    except KeyboardInterrupt:
        tell('error', 'interrupted')
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the last place where it can become a message
        if debug:
            traceback.print_exc()
        tell('error', reason(error))
        return 1
    finally:
        _tell.reset(token)
        if bar is not None:
            bar.clear()


def complain(text: str) -> None:
    """Tell of an error after which the program goes on; its exit status is 1 in the end."""
    tell = _tell.get()
    assert tell is not None, 'only within run_program'
    tell('error', _one_line(text))


def complain_of(name: str, error: Exception) -> None:
    """Tell of an error of one file, whose name may stand in its reason already."""
    text = reason(error)
    complain(text if name in text else f'{name}: {text}')


def say_json(value: Any) -> None:
    """Print a value as JSON (RFC 8259: NaN and infinity, which it has not, are null)."""
    import json

    say(json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float('inf'), float('-inf'))):
        return None
    return value


def say(text: str) -> None:
    """Print to stdout; nobody listening there (`| head`) is no reason to stop working."""
    stream = sys.stdout
    try:
        encoding = getattr(stream, 'encoding', None) or 'utf-8'
        # File names may hold bytes that are no text.
        print(text.encode(encoding, 'backslashreplace').decode(encoding), file=stream, flush=True)
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get('TERM', '') not in ('', 'dumb')


class _Terminated(BaseException):
    """SIGTERM, as an exception: so that what is half written is removed, as for Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception, where this is the thread that gets signals."""

    def stop(number: int, frame: Any) -> None:
        # Once is enough: a second one must not disturb the tidying up.
        signal.signal(number, signal.SIG_IGN)
        raise _Terminated(number)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _warnings_to(tell: Callable[[str, str], None]) -> Iterator[None]:
    """Print the library's warnings in one line each, once; those of other packages not at all."""
    told: set[str] = set()

    def show(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        text = _one_line(_in_options(str(message)))
        if text not in told:
            told.add(text)
            tell('warning', text)

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        warnings.simplefilter('always', ImagedataWarning)
        warnings.showwarning = show
        yield


def reason(error: Exception) -> str:
    """Return what to tell of an error, on one line where its kind allows."""
    if isinstance(error, MultipleSeriesError):
        # The one whose reason does not end with its line: what can be chosen follows.
        first, *rest = _in_options(str(error)).splitlines()
        return '\n'.join([first, *(f'  {line.strip()}' for line in rest)])
    if isinstance(error, ImagedataError):
        return _one_line(_in_options(str(error)) or type(error).__name__)
    if isinstance(error, OSError) and error.strerror:
        return _one_line(': '.join(filter(None, [str(error.filename or ''), error.strerror])))
    if isinstance(error, MemoryError):
        return _one_line(f'there is not enough memory: {error}')
    return _one_line(f'{type(error).__name__}: {error} (--debug tells where it came from)')


def _one_line(text: str) -> str:
    """Return a text on one line; a line that begins a sentence is told apart from the one before it."""
    found = ''
    for line in (' '.join(part.split()) for part in text.splitlines()):
        sentence = line[:1].isupper() and found and not found.endswith(('.', ':', ';', ','))
        found += f'{";" if sentence else ""}{" " if found and line else ""}{line}'
    return found


_OPTIONS = {
    'dtype': '--dtype', 'formats': '--of', 'geometry': '--geometry',
    'input_acquisition': '--input_acquisition', 'input_echo': '--input_echo', 'input_order': '--order',
    'input_serinsuid': '--input_serinsuid', 'input_shape': '--input_shape', 'input_stack': '--input_stack',
    'missing': '--missing', 'template': '--template',
    **{
        name: f'--input_options {name}='
        for name in (
            'accept_duplicate_tag', 'input_format', 'overwrite', 'scaling', 'skip_broken_series',
            'slice_tolerance', 'split_acquisitions', 'split_echo_numbers', 'transfer_syntax', 'variable',
        )
    },
}  # fmt: skip
_KEYWORD = re.compile(
    rf"(?<![\w/=])({'|'.join(_OPTIONS)})=(?:'([^']+)'|(<\w+>|-?\w[\w.+-]*(?<![.])|-?\w)|(?![\w'<]))"
)


def _in_options(text: str) -> str:
    """Return a message of the library with the options of programs in place of keywords.

    Examples
    --------
    >>> _in_options("read with missing='fill', or give geometry= as well")
    'read with --missing fill, or give --geometry as well'
    """

    def option(match: re.Match[str]) -> str:
        name, value = _OPTIONS[match[1]], match[2] or match[3] or ''
        return f'{name}{"" if name.endswith("=") or not value else " "}{value}'

    return _KEYWORD.sub(option, text)
