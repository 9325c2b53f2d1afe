"""Connections to stores through fsspec: made late, patient for a while, and silent about secrets."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from errno import EACCES, ENOENT
from types import NoneType
from typing import Any, TypeVar

from ..errors import ImagedataError, InputNotFoundError, MissingDependencyError, UnknownOptionType
from .address import scheme_of, shown, without

__all__ = ['BACKENDS', 'Store', 'StoreError']

T = TypeVar('T')

BACKENDS = {
    'http': 'http', 'https': 'http',
    's3': 's3', 's3a': 's3',
    'gs': 'gcs', 'gcs': 'gcs',
    'sftp': 'sftp', 'ssh': 'sftp',
    'smb': 'smb',
    'ftp': '', 'memory': '',
    'simplecache': '', 'filecache': '', 'blockcache': '',
}  # fmt: skip
"""Schemes, and the extra of this package that brings what each needs ('': nothing)."""

CACHES = ('simplecache', 'filecache', 'blockcache')

_ERRORS = (
    ('aiohttp', 'ClientError'),
    ('botocore.exceptions', 'BotoCoreError'),
    ('botocore.exceptions', 'ClientError'),
    ('paramiko.ssh_exception', 'SSHException'),
    ('smbprotocol.exceptions', 'SMBException'),
    ('gcsfs.retry', 'HttpError'),
    ('google.auth.exceptions', 'GoogleAuthError'),
    ('ftplib', 'Error'),
)
"""What the libraries below fsspec raise, other than what the system raises."""

_FINAL = (
    FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError,
    NotImplementedError, ValueError, ImagedataError,
)  # fmt: skip
"""Errors that trying again does not help."""


class StoreError(ImagedataError, OSError):
    """A store cannot be reached, or refuses; the message holds no credentials."""


def _timeouts(protocol: str, seconds: float, retries: int) -> dict[str, Any]:
    """Return how the library of a protocol is told how long to wait."""
    if protocol in ('http', 'https'):
        import aiohttp

        # From ~/.netrc and the proxies of the environment: `trust_env`.
        waits = aiohttp.ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds)
        return {'client_kwargs': {'timeout': waits, 'trust_env': True}}
    if protocol in ('s3', 's3a'):
        attempts = {'max_attempts': retries + 1, 'mode': 'standard'}
        return {'config_kwargs': {'connect_timeout': seconds, 'read_timeout': seconds, 'retries': attempts}}
    if protocol in ('gs', 'gcs'):
        return {'requests_timeout': seconds}
    if protocol in ('sftp', 'ssh'):
        return {'timeout': seconds, 'banner_timeout': seconds, 'auth_timeout': seconds}
    if protocol == 'ftp':
        # Its listings would not show what was uploaded since.
        return {'timeout': seconds, 'use_listings_cache': False}
    return {'timeout': seconds} if protocol == 'smb' else {}


class Store:
    """One store, and the path in it that a URL names.

    Parameters
    ----------
    url : str
    options : mapping
        `timeout`: seconds without an answer after which a try is given up, 30 where it is not
        given. `retries`: how often it is tried again, 3. `storage_options`: arguments for the
        file system of fsspec.

    Raises
    ------
    MissingDependencyError
        When the package for the scheme is not installed.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        self.shown = shown(url)
        self.scheme = scheme_of(url)
        self.timeout = _number(options, 'timeout', 30)
        self.retries = int(_number(options, 'retries', 3))
        given = options.get('storage_options') or {}
        if not isinstance(given, Mapping):
            raise UnknownOptionType(f'storage_options is a dict, got {type(given).__name__}')
        self._given = given
        self._fs: Any = None
        self.path = self._path()

    @property
    def is_web(self) -> bool:
        """Whether it is a web server: without folders, and not written to."""
        return self.scheme in ('http', 'https')

    def _protocols(self) -> list[str]:
        return [scheme_of(part if '://' in part else f'{part}://') for part in self.url.split('::')]

    def _path(self) -> str:
        from fsspec.core import strip_protocol

        if self.scheme in CACHES:
            return self.url.rpartition('::')[2]
        return str(self._guarded(lambda: strip_protocol(self.url)))

    def _connect(self) -> Any:
        """Return a file system; libraries are imported here."""
        from fsspec.core import url_to_fs

        protocols = self._protocols()
        options = {p: _timeouts(p, self.timeout, self.retries) for p in protocols}
        if len(protocols) > 1:
            arguments: dict[str, Any] = {p: {**o, **self._given.get(p, {})} for p, o in options.items()}
        else:
            arguments = {**options[self.scheme], **self._given, 'skip_instance_cache': True}
        if self.scheme in ('sftp', 'ssh'):
            return _secure_shell(self.url, arguments)
        if self.scheme in ('gs', 'gcs') and len(protocols) == 1:
            return _google(arguments)
        fs, self.path = url_to_fs(self.url, **arguments)
        return fs

    def call(self, action: Callable[[Any], T]) -> T:
        """Return what a function of the file system returns; it is tried again where that may help.

        Raises
        ------
        InputNotFoundError
            When the store has no such file.
        StoreError
            When it cannot be reached, or refuses.
        """
        for attempt in range(self.retries + 1):
            try:
                return self._guarded(lambda: action(self._connected()))
            except _Transient as failure:
                self._fs = None
                if attempt == self.retries:
                    tries = f' ({attempt + 1} times)' if attempt else ''
                    raise StoreError(
                        f'{self.shown} cannot be reached{tries}: {failure}; see whether the server and '
                        'the network are up, or give it more time with the options timeout= and retries='
                    ) from None
            # Not all at once, where many wait for the same server.
            time.sleep(min(5.0, 0.1 * 2**attempt) * random.uniform(0.5, 1.0))
        raise AssertionError('unreachable')

    def _connected(self) -> Any:
        if self._fs is None:
            self._fs = self._connect()
        return self._fs

    def _guarded(self, action: Callable[[], T]) -> T:
        """Return what a function returns, with the errors of all libraries made ours.

        The error behind is left out: its text may hold the URL as it is.
        """
        try:
            return action()
        except ImportError as error:
            extra = BACKENDS.get(self._protocols()[-1], '')
            raise MissingDependencyError(
                f"{self.shown} needs a package that is not installed: pip install 'imagedata[{extra}]' "
                f'({self.text(error)})'
            ) from None
        except _known_errors() as error:
            raise self._translated(_behind(error)) from None

    def _translated(self, error: BaseException) -> Exception:
        if isinstance(error, ImagedataError):
            return error
        status = _status(error)
        number = getattr(error, 'errno', None)
        if status in (404, 410) or isinstance(error, FileNotFoundError) or number == ENOENT:
            return InputNotFoundError(f'there is no {self.shown}: correct the URL')
        if status in (401, 403) or isinstance(error, PermissionError) or number == EACCES or _is_login(error):
            return StoreError(
                f'{self.shown} refuses access ({self.text(error)}): put your credentials where its tools '
                'look for them (~/.netrc, ~/.aws, ~/.ssh, environment), or pass storage_options='
            )
        if isinstance(error, _FINAL) or (status is not None and status < 500 and status != 429):
            return StoreError(f'{self.shown}: {self.text(error)}')
        return _Transient(self.text(error))

    def text(self, error: BaseException) -> str:
        """Return what an error says, without secrets."""
        said = without(' '.join(str(error).split()), [self.url])
        for value in _secrets(self._given):
            said = said.replace(value, '***')
        return f'{type(error).__name__}: {said}' if said else type(error).__name__


class _Transient(Exception):
    """What may be over when it is tried again."""


def _number(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError(f'{name} is a number, 0 or more, got {value!r}')
    return float(value)


def _known_errors() -> tuple[Any, ...]:
    """Return the errors of the system, and those of the libraries that are in use."""
    modules = ((sys.modules.get(module), name) for module, name in _ERRORS)
    found = [getattr(module, name) for module, name in modules if module is not None]
    return OSError, EOFError, TimeoutError, ValueError, NotImplementedError, *found


def _behind(error: BaseException) -> BaseException:
    """Return the error that fsspec calls a missing file, for web servers that do not answer.

    Behind a file that a table or listing does not have are errors which say no more.
    """
    cause = error.__cause__
    if not isinstance(error, FileNotFoundError) or isinstance(
        cause, (NoneType, KeyError, IndexError, StopIteration)
    ):
        return error
    return cause


_FTP = {'530': 401, '532': 401, '550': 404}
"""Replies of FTP servers (RFC 959), and what HTTP says for the same."""


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of an error."""
    if type(error).__name__ == 'error_perm':
        # 550 is also what is refused.
        refused = 'permission' in str(error).lower() or 'denied' in str(error).lower()
        return 403 if refused else _FTP.get(str(error)[:3], 400)
    response = getattr(error, 'response', None)
    if isinstance(response, Mapping):
        status = response.get('ResponseMetadata', {}).get('HTTPStatusCode')
    else:
        status = getattr(error, 'status', None) or getattr(error, 'code', None)
    return status if isinstance(status, int) else None


def _is_login(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {'AuthenticationException', 'NoCredentialsError', 'BadHostKeyException',
                         'GoogleAuthError', 'LogonFailure', 'UnknownHost'})  # fmt: skip


_KEYS = ('pass', 'secret', 'token', 'key')


def _secrets(options: Mapping[str, Any]) -> list[str]:
    """Return the texts among options that are no settings, but keys."""
    found: list[str] = []
    for name, value in options.items():
        if isinstance(value, Mapping):
            found += _secrets(value)
        elif isinstance(value, str) and len(value) > 2 and any(word in name.lower() for word in _KEYS):
            found.append(value)
    return found


def _google(arguments: dict[str, Any]) -> Any:
    """Return a file system of Google Cloud Storage, over its JSON interface.

    The class that fsspec would take asks by gRPC what kind of bucket it is, and tries for a minute
    where nobody answers.
    """
    import logging

    from gcsfs.core import GCSFileSystem

    # Where a program has set up no logging, Python would print its tracebacks.
    logger = logging.getLogger('gcsfs')
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return GCSFileSystem(**arguments)


def _secure_shell(url: str, arguments: dict[str, Any]) -> Any:
    """Return a file system over SSH that knows whom it talks to.

    That of fsspec accepts every host; here one must be in `known_hosts`, as for the program ssh.
    """
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    known_hosts = arguments.pop('known_hosts', None)
    arguments.pop('skip_instance_cache', None)
    timeout = arguments['timeout']

    class Known(SFTPFileSystem):  # type: ignore[misc]
        cachable = False

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys(known_hosts)
            self.client.set_missing_host_key_policy(_RefuseUnknown())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()
            channel = self.ftp.get_channel()
            if channel is not None:
                channel.settimeout(timeout)

    class _RefuseUnknown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            raise UnknownHost(
                f'the host key of {hostname} is not among the known hosts: log in once with ssh to see and '
                'accept it'
            )

    return Known(**{**Known._get_kwargs_from_urls(url), **arguments})


class UnknownHost(PermissionError):
    """A host whose key is not known."""
