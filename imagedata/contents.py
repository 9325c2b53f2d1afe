"""The table of contents of a collection: as text, as records, as a frame of pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .described import Lookup
from .folders import printable
from .grouping import whole_number
from .inventory import Entry

if TYPE_CHECKING:
    from .mapping import MapReport
    from .parallel import Scheduler
    from .series import Series

__all__ = ['Contents', 'series_line', 'series_record', 'study_line']

_MOST_LINES = 60
"""Lines of a `repr`."""


class Contents:
    """What collections of series say of what is in them."""

    def _studies(self) -> Iterator[tuple[str | None, Any]]:
        """Yield each study, with the key of its patient where the collection has several."""
        raise NotImplementedError

    def map(
        self,
        function: Callable[[Series], Any],
        scheduler: Scheduler | None = None,
        *,
        jobs: int = 1,
        retries: int = 1,
    ) -> MapReport:
        """Call a function with each series, and return what became of each.

        A series is read when its turn comes, and forgotten afterwards: a cohort may be larger than memory.
        One that fails is reported, and the others are done.

        Parameters
        ----------
        function : callable
            Of a Series. What it returns should be small, or be written to the disk.
        scheduler : str or distributed.Client, optional
            A Dask cluster ('tcp://host:8786') whose workers see the same disk. Without, the work is done
            on this machine.
        jobs : int
            Number of processes of this machine. With several, the function has to be defined in a module
            that they can import.
        retries : int
            How often a series that failed is tried again.

        Returns
        -------
        MapReport

        Raises
        ------
        MissingDependencyError
            When a scheduler is given and Dask is not installed.
        SchedulerError
            When it cannot be reached.
        """
        from .mapping import map_series

        return map_series(function, self._studies(), scheduler, jobs=jobs, retries=retries)

    def to_records(self) -> list[dict[str, Any]]:
        """Return a dict for each series: patient, study, series, and numbers of images.

        Nothing is read for it. None stands for what a header does not tell.
        """
        return [
            {
                'patientKey': study.patientID if patient is None else patient,
                'patientID': study.patientID,
                'patientName': study.patientName,
                'studyInstanceUID': study.studyInstanceUID,
                'studyDate': _iso(study.studyDate, 10),
                'studyTime': _iso(study.studyTime, 8),
                'studyDescription': study.studyDescription,
                **series_record(stored),
            }
            for patient, study in self._studies()
            for stored in study._stored().values()
        ]

    def to_frame(self) -> Any:
        """Return the records as a frame of pandas.

        Raises
        ------
        MissingDependencyError
            When pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            from .errors import MissingDependencyError

            raise MissingDependencyError('pandas is not installed: pip install pandas') from error
        return pandas.DataFrame(self.to_records())

    def to_text(self) -> str:
        """Return the table of contents, a line for each patient, study and series.

        Patients stand there by their keys; names are in the records.
        """
        lines: list[str] = []
        patient: Any = None
        for key, study in self._studies():
            if key is not None and key != patient:
                patient = key
                lines.append(f'Patient {printable(key) or "without ID"}')
            indent = '  ' if key is not None else ''
            lines.append(indent + study_line(study))
            records = map(series_record, study._stored().values())
            lines += [f'{indent}  {series_line(record)}' for record in records]
        broken = getattr(self, 'broken', {})
        if broken:
            lines.append(f'{len(broken)} set aside: see .broken')
        return '\n'.join(lines)

    def __repr__(self) -> str:
        lines = self.to_text().splitlines()
        if len(lines) > _MOST_LINES:
            lines = [*lines[:_MOST_LINES], f'... and {len(lines) - _MOST_LINES} lines more']
        counts = f'<{type(self).__name__} of {len(self.to_records())} series>'
        return '\n'.join([counts, *lines])

    def __str__(self) -> str:
        return self.to_text()


def study_line(study: Any) -> str:
    """Return the line of a study in a table of contents: date, time and description."""
    parts = [_iso(study.studyDate, 10), _iso(study.studyTime, 8), printable(study.studyDescription)]
    return ' '.join(['Study', *(part for part in parts if part)])


def series_line(record: Mapping[str, Any]) -> str:
    """Return the line of a series: number, modality, description, and numbers of images."""
    number = '-' if record['seriesNumber'] is None else record['seriesNumber']
    stack = '' if record['stack'] is None else f' stack {record["stack"]}'
    counts = f'{record["images"]} images of {record["rows"]} x {record["columns"]}'
    described = printable(record['seriesDescription']) or 'no description'
    return f'[{number}] {record["modality"] or record["format"]}{stack} {described}: {counts}'


def series_record(stored: Any) -> dict[str, Any]:
    """Return what is known of a series, read or not."""
    from .described import lookup_of

    lookup: Lookup = stored.header.get if isinstance(stored, Entry) else lookup_of(stored.header)
    if isinstance(stored, Entry):
        uid, stack, images = stored.key.seriesInstanceUID, stored.key.stack, stored.shape
        form = stored.format
    else:
        uid, stack = str(stored.seriesInstanceUID), stored.header.attributes.get('input_stack')
        counts = dict(zip(stored.header.dims, stored._shape, strict=True))
        rows, columns = counts.pop('row', 1), counts.pop('column', 1)
        total = 1
        for count in counts.values():
            total *= count
        images, form = (total, rows, columns), stored.input_format or 'array'
    return {
        'seriesInstanceUID': uid,
        'seriesNumber': whole_number(lookup('SeriesNumber')),
        'stack': stack,
        'modality': _text(lookup('Modality')),
        'seriesDescription': _text(lookup('SeriesDescription')),
        'images': images[0],
        'rows': images[1],
        'columns': images[2],
        'format': form,
    }


def _text(value: Any) -> str | None:
    return None if value in (None, '') else str(value)


def _iso(value: Any, length: int) -> str | None:
    return None if value is None else value.isoformat()[:length]
