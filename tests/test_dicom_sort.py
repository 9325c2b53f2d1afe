"""The program dicom_sort."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest

from imagedata import Cohort
from imagedata.cli.sort import Sorter
from imagedata.errors import WriteError
from imagedata.formats.contract import Source
from imagedata.image_data import sort
from synthetic import save, stack, uid

PLACES = [(0.0, 0.0, 3.0 * s) for s in range(3)]


def volume(series: str, **elements: Any) -> list[pydicom.Dataset]:
    return stack(PLACES, series=series, SeriesInstanceUID=uid(series), **elements)


def contents(folder: Path) -> list[bytes]:
    return sorted(p.read_bytes() for p in folder.rglob('*') if p.is_file())


def report(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert sort(['--json', *map(str, arguments)]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_sample_data(tmp_path: Path, sample_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file stands where its own header says, with the very same bytes."""
    assert sort([str(tmp_path / 'out'), str(sample_data)]) == 0
    assert capsys.readouterr() == ('264 files: 264 copied\n', '')
    assert contents(tmp_path / 'out') == contents(sample_data)
    for path in (tmp_path / 'out').rglob('*.dcm'):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        patient, study, series, name = path.relative_to(tmp_path / 'out').parts
        assert patient == header.PatientID
        assert study == f'{header.StudyDate}-{header.StudyTime[:6]}_Phantom_study'
        assert series == f'{header.SeriesNumber}_{header.SeriesDescription.replace(" ", "_")}'
        assert name == f'{header.SOPInstanceUID}.dcm'
    times = {p.stat().st_mtime_ns for p in sample_data.rglob('*') if p.is_file()}
    assert {p.stat().st_mtime_ns for p in (tmp_path / 'out').rglob('*.dcm')} <= times


def test_again_copies_nothing(tmp_path: Path, sample_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sort([str(tmp_path / 'out'), str(sample_data / 'ct')]) == 0
    victims = sorted((tmp_path / 'out').rglob('*.dcm'))[:5]
    for path in victims:
        path.unlink()
    capsys.readouterr()
    assert sort([str(tmp_path / 'out'), str(sample_data / 'ct')]) == 0
    assert capsys.readouterr().out == '32 files: 5 copied, 27 present\n'
    assert contents(tmp_path / 'out') == contents(sample_data / 'ct')


def test_dry_run_says_what_would_be_done(
    tmp_path: Path, sample_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = report(['--dry-run', tmp_path / 'out', sample_data / 'te'], capsys)
    assert not (tmp_path / 'out').exists()
    done = report([tmp_path / 'out', sample_data / 'te'], capsys)
    assert [r['target'] for r in planned] == [r['target'] for r in done]
    assert {r['status'] for r in planned} == {'planned'}
    assert sort(['--dry-run', str(tmp_path / 'other'), str(sample_data / 'te')]) == 0
    assert capsys.readouterr().out.count('planned: ') == 48


def test_move(tmp_path: Path, sample_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(sample_data / 'ct', tmp_path / 'in')
    expected = contents(tmp_path / 'in')
    shutil.copy(next((tmp_path / 'in').iterdir()), tmp_path / 'in' / 'double')
    (tmp_path / 'in' / 'notes.txt').write_text('mine')
    records = report(['--move', tmp_path / 'out', tmp_path / 'in'], capsys)
    assert sorted({r['status'] for r in records}) == ['left', 'moved']
    assert [p.name for p in (tmp_path / 'in').iterdir()] == ['notes.txt']
    assert contents(tmp_path / 'out') == expected
    # Sorting in place: a file that is where it belongs is not its own copy.
    again = report(['--move', tmp_path / 'out', tmp_path / 'out'], capsys)
    assert {r['status'] for r in again} == {'present'}
    assert contents(tmp_path / 'out') == expected


@pytest.mark.parametrize(
    ('pattern', 'expected'),
    [
        ('{Modality}/{InstanceNumber:05d}.dcm', 'MR/00002.dcm'),
        ('all/{SeriesNumber:03d}-{InstanceNumber}', 'all/007-2'),
        ('{PatientName}/{Laterality}/x{SOPClassUID}.dcm', 'Test^Case/unknown/x1.2.840.10008.5.1.4.1.1.4.dcm'),
    ],
)
def test_pattern(tmp_path: Path, pattern: str, expected: str) -> None:
    save(tmp_path / 'in', volume('s1', SeriesNumber=7)[1:2])
    assert sort(['--pattern', pattern, str(tmp_path / 'out'), str(tmp_path / 'in')]) == 0
    assert (tmp_path / 'out' / expected).is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in', 'out']


@pytest.mark.parametrize(
    ('pattern', 'told'),
    [('plain', 'names no element'), ('{Banana}', 'Banana'), ('{PatientID', 'names no'),
     ('{PatientID}}', 'brace'), ('{Modality:05d}', "'MR'"),
     ('../{PatientID}/../../{InstanceNumber}.dcm', 'leaves the destination')],
)  # fmt: skip
def test_wrong_pattern(tmp_path: Path, pattern: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / 'in', volume('s1')[:1])
    assert sort(['--pattern', pattern, str(tmp_path / 'out'), str(tmp_path / 'in')]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / 'out').exists() or not list((tmp_path / 'out').iterdir())


def test_one_uid_with_different_contents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / 'a', volume('s1'))
    save(tmp_path / 'b', volume('s1', ImageComments='changed')[:1])
    expected = contents(tmp_path / 'a') + contents(tmp_path / 'b')
    for _ in range(2):  # the second time, everything is there, and the conflict is told again
        assert sort(['--json', str(tmp_path / 'out'), str(tmp_path / 'a'), str(tmp_path / 'b')]) == 0
        captured = capsys.readouterr()
        assert contents(tmp_path / 'out') == sorted(expected)
        assert 'both are kept' in captured.err
        (conflict,) = [r for r in json.loads(captured.out) if 'conflict' in r]
        assert conflict['conflict'] != conflict['target']
    # Alone in a later run, it is known by the file that has its name.
    assert sort(['--json', str(tmp_path / 'out'), str(tmp_path / 'b')]) == 0
    assert 'both are kept' in capsys.readouterr().err
    assert contents(tmp_path / 'out') == sorted(expected)


def test_one_name_for_several_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two acquisitions that count their images from 1: no file takes the place of another."""
    save(tmp_path / 'a', volume('s1', StudyInstanceUID=uid('study')))
    others = volume('s1', AcquisitionNumber=2)
    for number, dataset in enumerate(others):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid('other', number)
    save(tmp_path / 'b', others)
    arguments = [
        '--pattern',
        '{PatientID}/{InstanceNumber}.dcm',
        tmp_path / 'out',
        tmp_path / 'a',
        tmp_path / 'b',
    ]
    records = report(arguments, capsys)
    assert not any('conflict' in r for r in records)
    assert contents(tmp_path / 'out') == sorted(contents(tmp_path / 'a') + contents(tmp_path / 'b'))


def test_series_patients_and_studies_of_one_name(tmp_path: Path) -> None:
    named = {'SeriesNumber': 1, 'SeriesDescription': 'T1', 'StudyDate': '20260101', 'StudyTime': '10'}
    folders = ['s1', 's2', 's3', 's4']
    save(tmp_path / 's1', volume('s1', **named))
    save(tmp_path / 's2', volume('s2', **named | {'SeriesDescription': 't1'}))
    save(tmp_path / 's3', volume('s3', **named, StudyInstanceUID=uid('second')))
    save(tmp_path / 's4', volume('s4', **named, PatientName='Else^Someone', StudyInstanceUID=uid('third')))
    for _ in range(2):
        for folder in reversed(folders):  # one at a time: whose a folder is, is read from the disk
            assert sort([str(tmp_path / 'out'), str(tmp_path / folder)]) == 0
        assert len([p for p in (tmp_path / 'out').glob('*') if p.is_dir()]) == 2
        assert len(list((tmp_path / 'out').glob('*/*'))) == 3
        series = list((tmp_path / 'out').glob('*/*/*'))
        assert len(series) == 4
        assert all(len(list(folder.iterdir())) == 3 for folder in series)


def test_hostile_names(tmp_path: Path) -> None:
    names = ['../../up', '/etc', 'a\\b', 'nul', 'x' * 64, '.hidden', '-rf', '{0}', '$HOME', 'tab\tbell\a']
    for number, name in enumerate(names):
        save(tmp_path / 'in' / str(number), volume(f's{number}', SeriesDescription=name, PatientID=name,
                                                   StudyDescription=name, SeriesNumber=None))  # fmt: skip
    assert sort([str(tmp_path / 'out'), str(tmp_path / 'in')]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in', 'out']
    assert contents(tmp_path / 'out') == contents(tmp_path / 'in')
    for path in (tmp_path / 'out').rglob('*'):
        assert path.name.isprintable()
        assert path.name[0] not in '.-'
    assert len(Cohort(tmp_path / 'out').to_records()) == len(names)


def test_bad_files_among_good_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save(tmp_path / 'in', volume('s1'))
    whole = (folder / '00000').read_bytes()
    (folder / 'cut.dcm').write_bytes(whole[:500])
    (folder / 'empty.dcm').write_bytes(b'')
    (folder / 'notes.txt').write_text('nothing')
    before = contents(folder)
    assert sort(['--move', '--json', str(tmp_path / 'out'), str(folder)]) == 1
    captured = capsys.readouterr()
    records = json.loads(captured.out)
    assert sorted(r['status'] for r in records) == ['failed', 'failed', 'left', 'moved', 'moved', 'moved']
    assert captured.err.count('dicom_sort: error: ') == 2
    assert 'cut.dcm' in captured.err
    assert sorted(p.name for p in folder.iterdir()) == ['cut.dcm', 'empty.dcm', 'notes.txt']
    assert sorted(contents(folder) + contents(tmp_path / 'out')) == before


def test_objects_without_pixels_are_sorted_too(real_data: Path, tmp_path: Path) -> None:
    source = real_data / 'non_image'
    assert sort([str(tmp_path), str(source)]) == 0
    dicom = [p for p in source.rglob('*') if p.is_file() and pydicom.misc.is_dicom(p)]
    assert contents(tmp_path) == sorted(p.read_bytes() for p in dicom)


def test_a_copy_that_differs_is_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that turns a bit: the copy is not put in place, and the original not removed."""
    (path,) = save(tmp_path / 'in', volume('s1')[:1]).iterdir()
    real = shutil.copyfileobj

    def flip(source: Any, target: Any, length: int = 0) -> None:
        real(source, target)
        target.seek(400)
        target.write(b'\xff')

    monkeypatch.setattr(shutil, 'copyfileobj', flip)
    sorter = Sorter(tmp_path / 'out', move=True)
    with sorter.staging(), pytest.raises(WriteError, match='differs'):
        sorter.place(Source(str(path), path))
    assert path.is_file()
    assert contents(tmp_path / 'out') == []


def test_destination_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / 'in', volume('s1'))
    (tmp_path / 'file').write_text('mine')
    assert sort([str(tmp_path / 'file'), str(tmp_path / 'in')]) == 1
    assert sort([str(tmp_path / 'file' / 'below'), str(tmp_path / 'in')]) == 1
    assert capsys.readouterr().err.count('\n') == 2
    assert (tmp_path / 'file').read_text() == 'mine'


def test_interrupted_and_resumed(tmp_path: Path, sample_data: Path) -> None:
    """Ended by a signal after some files, it leaves whole files only; the second run completes them."""
    program = (
        'import os, signal, sys\n'
        'from imagedata.cli import sort\n'
        'real, done = sort.Sorter._copy, []\n'
        'def copy(*args):\n'
        '    real(*args); done.append(1)\n'
        '    if len(done) == 20: os.kill(os.getpid(), signal.SIGTERM)\n'
        'sort.Sorter._copy = copy\n'
        'sys.exit(sort.main(sys.argv[1:]))\n'
    )
    command = [sys.executable, '-c', program, str(tmp_path / 'out'), str(sample_data / 'te')]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr == 'dicom_sort: error: terminated\n'
    files = [p for p in (tmp_path / 'out').rglob('*') if p.is_file()]
    assert len(files) == 20
    assert all(p.suffix == '.dcm' for p in files)
    assert sort([str(tmp_path / 'out'), str(sample_data / 'te')]) == 0
    assert contents(tmp_path / 'out') == contents(sample_data / 'te')


def test_options(tmp_path: Path, sample_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sort(['-v', str(tmp_path), str(sample_data / 'ct')]) == 0
    assert capsys.readouterr().out.count('copied: ') == 32
    with pytest.raises(SystemExit) as end:
        sort([str(tmp_path)])
    assert end.value.code == 1
    assert 'in_dirs' in capsys.readouterr().err
    assert sort([str(tmp_path), str(tmp_path / 'gone')]) == 1
    assert 'gone' in capsys.readouterr().err


@pytest.mark.skipif(os.name == 'nt' or os.geteuid() == 0, reason='root may write everywhere')
def test_read_only_source_is_not_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save(tmp_path / 'in', volume('s1'))
    folder.chmod(0o500)
    assert sort(['--move', str(tmp_path / 'out'), str(folder)]) == 1
    folder.chmod(0o700)
    assert 'cannot be removed' in capsys.readouterr().err
    assert contents(tmp_path / 'out') == contents(folder)


def test_persons_with_one_id_beside_files_without_name(tmp_path: Path) -> None:
    """The first file has no name: the second person gets a folder of her own, also in a second run."""
    for number, name in enumerate(('', 'One^Person', 'Another^One')):
        own = {'StudyInstanceUID': uid(number), 'SeriesInstanceUID': uid('s', number)}
        images = stack(PLACES, series=str(number), PatientName=name, StudyDescription=str(number), **own)
        save(tmp_path / 'in' / str(number), images)
    for status in ('9 copied', '9 present'):
        assert sort([str(tmp_path / 'out'), str(tmp_path / 'in')]) == 0
        assert len(list((tmp_path / 'out').iterdir())) == 2, status
    names = [
        {str(pydicom.dcmread(p).PatientName) for p in folder.rglob('*.dcm')} - {''}
        for folder in (tmp_path / 'out').iterdir()
    ]
    assert sorted(map(sorted, names)) == [['Another^One'], ['One^Person']]
    assert len(list((tmp_path / 'out').rglob('*.dcm'))) == 9
