"""Work on every series of a collection: here, in processes, on Dask. Oracle: the same done plainly."""

import json
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

import map_functions
from imagedata import Series, errors
from imagedata.collection import Cohort, Study
from imagedata.image_data import conversion
from imagedata.parallel import outcomes
from synthetic import save, stack, uid

SERIES = 6


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(SERIES):
        elements = {'PatientID': f'P{number // 2}', 'StudyInstanceUID': uid('study', number // 2),
                    'SeriesNumber': number,
                    'SeriesInstanceUID': uid('series', number)}  # fmt: skip
        images = stack([(0, 0, 3 * i) for i in range(3)], **elements)
        for i, image in enumerate(images):
            image.SOPInstanceUID = uid(number, i)
            image.PixelData = (np.frombuffer(image.PixelData, np.uint16) + number).tobytes()
        save(tmp_path / "in" / str(number), images)
    return tmp_path / "in"


def means(folder: Path) -> dict[str, float]:
    return {uid("series", n): float(np.mean(np.asarray(Series(folder / str(n))))) for n in range(SERIES)}


@pytest.mark.parametrize("jobs", [1, 2])
def test_map_on_this_machine(cohort: Path, jobs: int) -> None:
    found = Cohort(cohort).map(map_functions.mean, jobs=jobs)
    assert {key.seriesInstanceUID: value for key, value in found.values.items()} == means(cohort)
    assert not found.failed
    assert str(found).startswith(f"{SERIES} of {SERIES} series done")


def test_map_holds_one_series_at_a_time(cohort: Path) -> None:
    import weakref

    alive: list[weakref.ref[np.ndarray]] = []
    most = []

    def count(series: Series) -> None:
        alive.append(weakref.ref(series))
        most.append(sum(ref() is not None for ref in alive))

    Cohort(cohort).map(count)
    assert len(most) == SERIES
    assert max(most) <= 2


def test_a_series_that_fails_is_tried_again_and_told(cohort: Path) -> None:
    calls: list[int] = []

    def fail(series: Series) -> int:
        calls.append(series.seriesNumber)
        if series.seriesNumber == 3 or (series.seriesNumber == 1 and calls.count(1) == 1):
            raise RuntimeError("no luck")
        return series.seriesNumber

    found = Cohort(cohort).map(fail, retries=2)
    assert calls.count(3) == 3
    assert calls.count(1) == 2
    assert calls.count(0) == 1
    assert list(found.failed.values()) == ["RuntimeError: no luck"]
    assert sorted(found.values.values()) == [0, 1, 2, 4, 5]
    assert "1 of them not at once" in str(found)


def test_processes_that_end_do_not_take_others_with_them() -> None:
    found = dict(outcomes(map_functions.end_on_three, range(6), jobs=2))
    assert {n: o.value for n, o in found.items() if o.error is None} == {n: n * n for n in range(6) if n != 3}
    assert "process ended" in str(found[3].error)


def test_work_that_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who no longer wants outcomes does not wait for them, even where the work does not listen."""
    monkeypatch.setattr("imagedata.parallel._GRACE", 0.2)
    found = outcomes(map_functions.deaf, range(2), jobs=2)
    assert next(found)[0] == 0
    found.close()
    assert not active_children()


def test_map_of_a_study_in_memory(cohort: Path) -> None:
    study = Study([Series(cohort / "0"), Series(cohort / "1")])
    assert list(study.map(map_functions.mean).values.values()) == list(means(cohort).values())[:2]


def test_archives_stay_in_this_process(cohort: Path, tmp_path: Path) -> None:
    import shutil

    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", cohort)
    assert len(Cohort(packed).map(map_functions.mean).values) == SERIES
    with pytest.raises(errors.CollectionError, match="unpack"):
        Cohort(packed).map(map_functions.mean, jobs=2)


# --- cluster -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> object:
    import dask
    from distributed import LocalCluster

    with dask.config.set({"distributed.worker.daemon": True, "distributed.comm.timeouts.connect": "30s"}):
        local = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0")
        try:
            yield local
        finally:
            local.close()


def test_one_worker_is_killed_in_the_middle(cohort: Path, tmp_path: Path, cluster: object) -> None:
    """The work of a worker that is killed is done by the other one."""
    first = tmp_path / "first"
    study = Cohort(cohort)
    work = map_functions.KilledOnce(str(first))
    found = study.map(work, scheduler=cluster.scheduler_address)
    assert first.exists(), "a worker was killed"
    assert {key.seriesInstanceUID: value for key, value in found.values.items()} == means(cohort)
    assert not found.failed


def test_program_on_a_cluster(cohort: Path, tmp_path: Path, cluster: object) -> None:
    out = tmp_path / "out"
    assert conversion(["--scheduler", cluster.scheduler_address, "--of", "nifti", str(out), str(cohort)]) == 0
    written = sorted(out.rglob("*.nii.gz"))
    assert len(written) == SERIES
    assert sorted(float(np.mean(np.asarray(Series(p)))) for p in written) == sorted(means(cohort).values())


def converted_on(
    cluster: object, patch: object, flag: Path, cohort: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, object]]:
    """Convert with workers that are changed before, and return what the program reports."""
    from distributed import Client

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        client.run(patch, str(flag))
    arguments = ["--scheduler", cluster.scheduler_address, "--retries", "1", "--json", "--of", "dicom"]
    assert conversion([*arguments, str(out), str(cohort)]) == (1 if (cohort / "bad").exists() else 0)
    assert flag.exists(), "the worker was changed"
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_program_whose_worker_is_killed(
    cohort: Path, tmp_path: Path, cluster: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed with one of three files in place: another worker completes the series."""
    out = tmp_path / "out"
    patch = map_functions.killed_while_writing
    records = converted_on(cluster, patch, tmp_path / "flag", cohort, out, capsys)
    assert [r["status"] for r in records] == ["written"] * SERIES
    folders = {path.parent for path in out.rglob("*.dcm")}
    found = [Series(folder) for folder in folders]
    assert sorted(float(np.mean(np.asarray(s))) for s in found) == sorted(means(cohort).values())
    assert len([path for path in out.rglob("*") if path.is_file()]) == 3 * SERIES
    assert not list(out.rglob(".*"))


def test_program_on_a_cluster_tells_what_failed(
    cohort: Path, tmp_path: Path, cluster: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that failed once is tried again; a series without its pixels is told."""
    bad = stack([(0, 0, 3 * i) for i in range(3)], SeriesNumber=9, SeriesInstanceUID=uid("bad"))
    save(cohort / "bad", bad)
    path = sorted((cohort / "bad").iterdir())[1]
    path.write_bytes(path.read_bytes()[:-20])
    out = tmp_path / "out"
    records = converted_on(cluster, map_functions.failing_at_first, tmp_path / "flag", cohort, out, capsys)
    status = {r["seriesNumber"]: r["status"] for r in records}
    assert status == {**dict.fromkeys(range(SERIES), "written"), 9: "failed"}
    (failed,) = [r for r in records if r["status"] == "failed"]
    assert path.name in str(failed["error"])
    assert len(list(out.rglob("*.dcm"))) == 3 * SERIES


def test_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagedata.parallel._PATIENCE", 1)
    with pytest.raises(errors.SchedulerError, match='no Dask scheduler'):
        list(outcomes(map_functions.mean, [1], scheduler="tcp://127.0.0.1:1"))


def test_retries_option(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        conversion(["--retries", "-1", str(tmp_path / "out"), str(cohort)])
    assert conversion(["--retries", "2", str(tmp_path / "out"), str(cohort)]) == 0
