"""Names of folders made of texts that stand in files: readable, and harmless on every system."""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ['printable', 'safe_name', 'unique_name']

LONGEST = 80
"""Bytes of a name (UTF-8): folders of patient, study and series together stay below 260."""

_FORBIDDEN = re.compile(r'[\\/:*?"<>|%{}$`~]+')
_DEVICES = re.compile(r'(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?', re.IGNORECASE)


def safe_name(text: object, fallback: str = 'unnamed') -> str:
    """Return a name for a file or folder made of a text that nobody has checked.

    It has no separators, blanks, control characters or wildcards, is no name of a device, begins with
    neither dot nor dash, does not end with a dot, and has at most 80 bytes.

    Examples
    --------
    >>> safe_name('../../etc/passwd')
    'etc_passwd'
    >>> safe_name('T1 MPRAGE (sag)')
    'T1_MPRAGE_(sag)'
    >>> safe_name('..', 'series')
    'series'
    >>> safe_name('con')
    '_con'
    """
    name = unicodedata.normalize('NFC', '' if text is None else str(text))
    # Lone surrogates are bytes that were no text.
    name = name.encode('utf-8', 'replace').decode('utf-8')
    name = re.sub(r'\s+', '_', name)
    # Also what turns the direction of writing, or has no width.
    name = ''.join(c if c.isprintable() else '_' for c in name)
    name = _FORBIDDEN.sub('_', name)
    name = re.sub(r'^[\s._-]+|[\s._]+$', '', name)
    name = name.encode()[:LONGEST].decode('utf-8', 'ignore').rstrip('_.')
    if _DEVICES.fullmatch(name):
        name = f'_{name}'
    return name or fallback


def unique_name(name: str, taken: set[str], uid: str) -> str:
    """Return the name, with a few digits of the UID's hash where it is taken; and take it.

    Names that differ in case only are one on some disks, and count as taken.

    Examples
    --------
    >>> taken = set()
    >>> unique_name('T1', taken, '1.2.3'), unique_name('t1', taken, '1.2.4')
    ('T1', 't1-30f3fa')
    """
    digest = hashlib.sha256(uid.encode('utf-8', 'replace')).hexdigest()
    chosen, length = name, 6
    while chosen.casefold() in taken:
        if length > len(digest):
            # The very same thing for the second time.
            digest = hashlib.sha256(f'{digest}{len(taken)}'.encode()).hexdigest()
            length = 6
        chosen = f'{name}-{digest[:length]}'
        length += 6
    taken.add(chosen.casefold())
    return chosen


def printable(text: object) -> str:
    """Return a text of a file on one line, without what would steer a terminal."""
    characters = ('' if text is None else str(text)).replace('\n', ' ').replace('\r', ' ')
    return ''.join(c if c.isprintable() else f'\\x{ord(c):02x}' for c in characters)
