"""The same function on every series of a collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import CollectionError
from .inventory import Entry
from .parallel import Outcome, Scheduler, outcomes

if TYPE_CHECKING:
    from .series import Series

__all__ = ['MapReport', 'map_series']


@dataclass(frozen=True)
class MapReport:
    """What became of each series.

    Parameters
    ----------
    outcomes : dict of SeriesUID (or other key) to Outcome
        In the order of the collection.
    """

    outcomes: Mapping[Any, Outcome] = field(default_factory=dict)

    @property
    def values(self) -> dict[Any, Any]:
        """What the function returned, for each series that did not fail."""
        return {key: found.value for key, found in self.outcomes.items() if found.error is None}

    @property
    def failed(self) -> dict[Any, str]:
        """Why series failed."""
        return {key: found.error for key, found in self.outcomes.items() if found.error is not None}

    def __str__(self) -> str:
        retried = sum(found.attempts > 1 and found.error is None for found in self.outcomes.values())
        lines = [f'{len(self.values)} of {len(self.outcomes)} series done, {retried} of them not at once']
        lines += [f'{getattr(key, "seriesInstanceUID", key)}: {error}' for key, error in self.failed.items()]
        lines += [
            f'{getattr(key, "seriesInstanceUID", key)}: warning: {text}'
            for key, found in self.outcomes.items() for text in found.heard
        ]  # fmt: skip
        return '\n'.join(lines)


@dataclass(frozen=True, slots=True)
class _Task:
    """A function, and where the series stands that it is for."""

    function: Callable[[Series], Any]
    study: Any
    key: Any

    def __call__(self) -> Any:
        return self.function(self.study.fetch(self.key))


def _run(task: _Task) -> Any:
    return task()


def map_series(
    function: Callable[[Series], Any],
    studies: Iterable[tuple[Any, Any]],
    scheduler: Scheduler | None,
    *,
    jobs: int,
    retries: int,
) -> MapReport:
    """Call a function with each series of studies; see `Contents.map`."""
    tasks = [_Task(function, study._excerpt(key), key) for _, study in studies for key in study]
    if scheduler is not None or jobs > 1:
        for task in tasks:
            stored = task.study._stored()[task.key]
            if isinstance(stored, Entry) and any(source.path is None for source in stored.sources):
                raise CollectionError(
                    f'series {task.key.seriesInstanceUID} stands in an archive or behind a URL, which is '
                    'open in this process only: unpack it first, or leave out scheduler and jobs'
                )
    found = dict(outcomes(_run, tasks, jobs=jobs, scheduler=scheduler, retries=retries, what='Mapping'))
    return MapReport({tasks[number].key: found[number] for number in sorted(found)})
