"""Files are asked for before they are read, where the disk keeps their reader waiting."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagedata.formats.contract import Source
from imagedata.formats.dicom import ahead
from imagedata.formats.dicom.ahead import read_ahead

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system takes no advice")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(ahead, "_ask_for", lambda source: found.append(source.name))
    monkeypatch.setattr(ahead, "ThreadPoolExecutor", AtOnce)
    return found


class AtOnce:
    """A pool that does what it is asked when it is asked."""

    def __init__(self, threads: int) -> None:
        pass

    def submit(self, function: Callable[[Source], None], source: Source) -> None:
        function(source)

    def shutdown(self, *, cancel_futures: bool) -> None:
        pass


def sources(count: int) -> list[Source]:
    return [Source(str(number), Path(f"/nowhere/{number}")) for number in range(count)]


def waiting(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Have the files that are looked at keep their reader waiting so often in all."""
    counts: Iterator[int] = iter((5, 5 + times))
    monkeypatch.setattr(ahead, "_waits", lambda: next(counts))


def test_each_file_that_follows_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    waiting(monkeypatch, 12)
    given = sources(100)
    assert list(read_ahead(given, given)) == given
    assert sorted(asked, key=int) == [str(number) for number in range(16, 100)]


def test_no_more_is_asked_for_than_memory_may_hold(
    monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    waiting(monkeypatch, 12)
    given = sources(1000)
    reader = read_ahead(given, given)
    for number, _ in zip(range(200), reader, strict=False):
        assert all(int(name) <= max(number, 16) + ahead._WINDOW for name in asked)
    reader.close()  # type: ignore[attr-defined]
    assert len(asked) < 300


@pytest.mark.parametrize(("count", "times"), [(100, 0), (100, 11), (20, 12)])
def test_nothing_is_asked_for_where_nothing_waits_or_little_is_left(
    monkeypatch: pytest.MonkeyPatch, asked: list[str], count: int, times: int
) -> None:
    waiting(monkeypatch, times)
    given = sources(count)
    assert list(read_ahead(given, given)) == given
    assert asked == []


def test_what_cannot_be_opened_is_left_to_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 12)
    given = sources(100)
    assert list(read_ahead(iter(given), given)) == given
    ahead._ask_for(Source("member", None, lambda: pytest.fail("opened")))
