"""URLs as text: their scheme, and how they are shown without what is secret in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from urllib.parse import unquote

__all__ = ['basename', 'scheme_of', 'shown', 'without']

# One letter before a colon is a drive of Windows.
_SCHEME = re.compile(r'([A-Za-z][A-Za-z0-9+.-]+)(?:://|::)')
# Passwords may hold '@', and, though they should not, '/'; digits before that are a port.
_USER = re.compile(r'(?<=://)(?:[^/\s]*@|[^/@\s:]+:(?![:/]|\d+/)[^@\s]*@)')
_QUERY = re.compile(r'(?<=\?)[^\s\'"]*=[^\s\'"?]*')


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in small letters; 'file' for a path.

    Examples
    --------
    >>> scheme_of('S3://bucket/series'), scheme_of('folder/series'), scheme_of('simplecache::s3://b/x.nii')
    ('s3', 'file', 'simplecache')
    """
    found = _SCHEME.match(url)
    return found[1].lower() if found else 'file'


def shown(url: str) -> str:
    """Return a URL as it may be printed: without user, password, and query parameters.

    Links that are signed carry the right to read in their parameters.

    Examples
    --------
    >>> shown('sftp://anna:secret@host/series')
    'sftp://host/series'
    >>> shown('https://host/series.zip?X-Signature=abc&X-Expires=60')
    'https://host/series.zip?...'
    """
    if '://' not in url:
        return url
    return _QUERY.sub('...', _USER.sub('', url))


def without(text: str, urls: Iterable[str]) -> str:
    """Return a message of another library without what is secret in URLs."""
    for url in urls:
        if '://' not in url:
            continue
        text = text.replace(url, shown(url))
        for user in _USER.findall(url):
            secret = user[:-1]
            parts = (secret, secret.partition(':')[2])
            for part in (*parts, *map(unquote, parts)):
                text = text.replace(part, '***') if len(part) > 2 else text
        for query in _QUERY.findall(url):
            text = text.replace(query, '...')
    return text


def basename(url: str) -> str:
    """Return the last part of a path or URL, '' where it ends with '/'.

    A backslash divides paths on Windows, and is a character like any other elsewhere.
    """
    return url.rpartition('/')[2] if '://' in url else os.path.basename(url)
