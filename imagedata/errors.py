"""The errors and warnings of the library: one tree under `ImagedataError`.

Every class is also the built-in kind that fits, so that `except FileNotFoundError` or
`except ValueError` in a program works as expected. The modules that raise an error also
export it (`imagedata.formats.CannotSort`, `imagedata.series.MultipleSeriesError`, ...).
"""

__all__ = [
    'ArchivePluginNotFound',
    'AxisError',
    'BadShapeGiven',
    'CannotSort',
    'CollectionError',
    'CorruptFileError',
    'DataTypeError',
    'DoNotSetSlicesError',
    'DuplicateImageError',
    'EmptyImageError',
    'EntryNotFoundError',
    'ExpressionError',
    'FileAccessError',
    'FileAlreadyExistsError',
    'FormatPluginNotFound',
    'GeometryError',
    'GeometryMismatchError',
    'GeometryMismatchWarning',
    'ImagedataError',
    'ImagedataWarning',
    'IncompleteError',
    'InputNotFoundError',
    'LossWarning',
    'MissingDependencyError',
    'MissingImageError',
    'MissingSliceError',
    'MultipleSeriesError',
    'NetworkError',
    'NetworkTimeoutError',
    'NoArchiveError',
    'NoDataReadError',
    'NoDisplayError',
    'NoTransportError',
    'NotImageError',
    'NotTimeOrder',
    'OrderNotFoundError',
    'PixelDecodeError',
    'PluginWarning',
    'SOPInstanceUIDNotFound',
    'ScalingError',
    'SchedulerError',
    'TemplateMismatchError',
    'TransferError',
    'TransportPluginNotFound',
    'UnknownInputError',
    'UnknownOptionType',
    'UnknownTag',
    'WriteError',
    'WriteNotImplemented',
]


class ImagedataError(Exception):
    """Base of every error that this library raises on purpose."""

    def __str__(self) -> str:
        # KeyError and OSError would show their message quoted or as a tuple.
        return str(self.args[0]) if self.args else ''


# --- finding and identifying input -------------------------------------------------------


class InputNotFoundError(ImagedataError, FileNotFoundError):
    """A path or URL to read does not exist."""


class NoDataReadError(ImagedataError, ValueError):
    """The input exists, and holds nothing that could be read (an empty folder)."""


class UnknownInputError(ImagedataError, ValueError):
    """No format plugin knows the input."""


class NotImageError(ImagedataError, ValueError):
    """The input is known, and is not an image."""


class EmptyImageError(ImagedataError, ValueError):
    """The image has no pixels."""


class CorruptFileError(ImagedataError, ValueError):
    """A file of a known format is truncated or contradicts itself."""


class FileAccessError(ImagedataError, OSError):
    """A file or folder is there, and the system does not let it be read."""


class PixelDecodeError(CorruptFileError):
    """The pixel data of a file cannot be decoded."""


class MissingDependencyError(ImagedataError, ImportError):
    """An optional package is needed; the message gives the `pip install` line."""


class NoTransportError(ImagedataError, ValueError):
    """No transport plugin handles the scheme of a URL."""


class NoArchiveError(ImagedataError, ValueError):
    """No archive plugin handles the input."""


class FormatPluginNotFound(ImagedataError, LookupError):
    """No format plugin of that name is installed."""


class ArchivePluginNotFound(ImagedataError, LookupError):
    """No archive plugin of that name is installed."""


class TransportPluginNotFound(ImagedataError, LookupError):
    """No transport plugin of that name is installed."""


class UnknownOptionType(ImagedataError, TypeError):
    """Options are neither a dict nor a namespace."""


# --- network -----------------------------------------------------------------------------


class NetworkError(ImagedataError, ConnectionError):
    """A server is not there, refuses, breaks off, or answers with a failure."""


class NetworkTimeoutError(NetworkError, TimeoutError):
    """A server does not answer in time."""


class IncompleteError(NetworkError):
    """Not all images that a server has arrived here; those that did are not kept.

    Attributes
    ----------
    arrived : tuple of str
        SOP Instance UIDs of those that did.
    missing : dict of str to str
        SOP Instance UIDs of the others, each with the reason.
    """

    def __init__(
        self, message: str, arrived: tuple[str, ...] = (), missing: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.arrived = arrived
        self.missing = missing or {}


# --- collections and programs ------------------------------------------------------------


class CollectionError(ImagedataError, ValueError):
    """The series do not form one study, patient or cohort."""


class EntryNotFoundError(ImagedataError, KeyError, IndexError):
    """A collection has nothing of that key, or several things."""


class SchedulerError(ImagedataError, ConnectionError):
    """A cluster that was to do the work cannot be reached."""


class ExpressionError(ImagedataError, ValueError):
    """An expression to calculate is not arithmetic over images."""


# --- grouping and sorting ----------------------------------------------------------------


class MultipleSeriesError(ImagedataError, ValueError):
    """The input holds more than one series where one is wanted."""


class CannotSort(ImagedataError, ValueError):
    """The images do not form a complete grid of slices and tags."""


class MissingSliceError(CannotSort):
    """A slice position is missing from an otherwise even stack."""


class MissingImageError(CannotSort):
    """Some slices have fewer images than others (a time point without all its slices)."""


class DuplicateImageError(CannotSort):
    """Two images claim the same place in the sorted grid."""


class OrderNotFoundError(CannotSort):
    """The series does not have the attribute that it should be sorted on."""


class UnknownTag(ImagedataError, ValueError):
    """A sort criterion or tag name is not known."""


class NotTimeOrder(ImagedataError, ValueError):
    """A time line was asked of a series that has no time axis."""


class SOPInstanceUIDNotFound(ImagedataError, LookupError):
    """No SOP instance UID is known for an image."""


class ScalingError(ImagedataError, ValueError):
    """The header does not say how to scale the pixels as asked: no map, no weight, no dose."""


# --- array and geometry ------------------------------------------------------------------


class AxisError(ImagedataError, ValueError, IndexError):
    """An axis does not exist, or does not fit the array."""


class DataTypeError(ImagedataError, ValueError):
    """A data type that was asked for cannot hold the values that are read."""


class GeometryError(ImagedataError, ValueError):
    """There is no geometry, or it does not allow what was asked."""


class GeometryMismatchError(GeometryError):
    """Two Series do not occupy the same places."""


class BadShapeGiven(ImagedataError, ValueError):
    """A shape does not fit the data."""


class DoNotSetSlicesError(ImagedataError, AttributeError):
    """The number of slices follows from the array and cannot be set."""


# --- looking ------------------------------------------------------------------------------


class NoDisplayError(ImagedataError, RuntimeError):
    """There is no screen to show a window on; the message tells how to view without one."""


# --- writing -----------------------------------------------------------------------------


class WriteError(ImagedataError, OSError):
    """Writing failed; what was there before is untouched."""


class FileAlreadyExistsError(WriteError, FileExistsError):
    """The target exists and must not be replaced."""


class TransferError(NetworkError, WriteError):
    """Not all images arrived at a server.

    Attributes
    ----------
    stored : tuple of str
        SOP Instance UIDs of those that did.
    failed : dict of str to str
        SOP Instance UIDs of the others, each with the reason.
    """

    def __init__(
        self, message: str, stored: tuple[str, ...] = (), failed: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.stored = stored
        self.failed = failed or {}


class WriteNotImplemented(ImagedataError, NotImplementedError):
    """The format cannot hold data of this kind."""


class TemplateMismatchError(ImagedataError, ValueError):
    """A template or geometry does not fit the data that it is given for."""


# --- warnings ----------------------------------------------------------------------------


class ImagedataWarning(UserWarning):
    """Base of every warning of this library."""


class GeometryMismatchWarning(ImagedataWarning):
    """Two Series with different geometry met in one operation."""


class LossWarning(ImagedataWarning):
    """Something is not, or not exactly, kept in what is written."""


class PluginWarning(ImagedataWarning):
    """A plugin was skipped."""
