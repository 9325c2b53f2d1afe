"""The console programs as a user runs them: on folders of many things, by every option."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from imagedata import Series, image_data
from imagedata.cli import calculator, data, dump, listing, show, sort, statistics, timeline
from synthetic import save, stack, uid

SAMPLES = Path(__file__).resolve().parent.parent / 'data' / 'dicom'
CT, DYNAMIC, ECHOES = (str(SAMPLES / kind) for kind in ('ct', 'time', 'te'))
PARSERS = {
    'dicom_dump': dump.parser, 'dicom_sort': sort.parser, 'image_calculator': calculator.parser,
    'image_data': data.parser, 'image_list': listing.parser, 'image_show': show.parser,
    'image_statistics': statistics.parser, 'timeline': timeline.parser,
}  # fmt: skip
REPORTING = [image_data.dump, image_data.list, image_data.statistics, image_data.timeline]
Program = Callable[[Sequence[str]], int]


def records(
    program: Program, arguments: Sequence[object], capsys: pytest.CaptureFixture[str], status: int = 0
) -> Any:
    assert program(['--json', *map(str, arguments)]) == status
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """One folder of two sample series, a NIfTI file, a text, and a broken file."""
    folder = tmp_path / 'mixed'
    for name in ('ct', 'te'):
        for path in (SAMPLES / name).iterdir():
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder / f'{name}-{path.name}')
    Series(SAMPLES / 'fa').write(folder / 'angles.nii.gz')
    (folder / 'notes.txt').write_text('nothing')
    return folder


# --- image_data: several series -----------------------------------------------------------------


@pytest.mark.parametrize('jobs', ['1', '2'])
def test_each_series_in_its_folder(tmp_path: Path, jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ['--of', 'nifti', '--jobs', jobs, str(tmp_path / 'out'), CT, ECHOES]
    assert image_data.conversion(arguments) == 0
    captured = capsys.readouterr()
    names = ['1-CT_5.0_axial', '4-MR_multi_echo']
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == names
    assert captured.err == ''
    assert captured.out.count('->') == 2
    for name, folder in zip(names, (CT, ECHOES), strict=True):
        assert [p.name for p in (tmp_path / 'out' / name).iterdir()] == [f'{name}.nii.gz']
        assert Series(tmp_path / 'out' / name / f'{name}.nii.gz').equals(Series(folder))


def test_mixed_folder_to_dicom(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = records(image_data.conversion, [tmp_path / 'out', mixed], capsys)
    assert sorted(r['status'] for r in found) == ['written'] * 3
    originals = {'CT 5.0 axial': Series(CT), 'MR multi echo': Series(ECHOES)}
    originals['angles'] = Series(SAMPLES / 'fa')
    for record in found:
        again = Series(record['target'])
        original = originals[record['seriesDescription']]
        np.testing.assert_array_equal(np.asarray(again), np.asarray(original))
        np.testing.assert_allclose(again.transformationMatrix, original.transformationMatrix, atol=1e-4)


def test_dry_run_writes_nothing(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = records(image_data.conversion, ['--dry-run', '--of', 'nifti', tmp_path / 'out', mixed], capsys)
    assert not (tmp_path / 'out').exists()
    done = records(image_data.conversion, ['--of', 'nifti', tmp_path / 'out', mixed], capsys)
    assert [r['target'] for r in planned] == [r['target'] for r in done]
    assert all(Path(r['target']).is_file() for r in done)
    assert image_data.conversion(['--dry-run', str(tmp_path / 'x.nii'), CT]) == 0
    assert capsys.readouterr().out == f'[1] CT 5.0 axial -> {tmp_path / "x.nii"}\n'


def test_order_is_honoured_for_each(tmp_path: Path) -> None:
    orders = ['--order', 'InstanceNumber', '--of', 'nifti']
    assert image_data.conversion([*orders, str(tmp_path / 'out'), DYNAMIC, ECHOES]) == 0
    for path in (tmp_path / 'out').rglob('*.nii.gz'):
        assert Series(path).input_order == 'InstanceNumber'


def test_several_series_do_not_fit_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image_data.conversion([str(tmp_path / 'x.nii'), CT, ECHOES]) == 1
    assert image_data.conversion(['--dry-run', str(tmp_path / 'x.nii'), CT, ECHOES]) == 1
    told = capsys.readouterr().err
    assert 'series' in told
    assert '--input_serinsuid' in told
    assert not list(tmp_path.iterdir())


def test_broken_series_does_not_keep_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gap = [(0, 0, 0), (0, 0, 3), (0, 0, 9)]
    save(tmp_path / 'in' / 'a', stack(gap, series='s1', SeriesInstanceUID=uid('s1'), SeriesNumber=1))
    save(tmp_path / 'in' / 'b', stack(gap[:2], series='s2', SeriesInstanceUID=uid('s2'), SeriesNumber=2))
    assert image_data.conversion(['--json', str(tmp_path / 'out'), str(tmp_path / 'in')]) == 1
    captured = capsys.readouterr()
    assert [r['status'] for r in json.loads(captured.out)] == ['failed', 'written']
    assert uid('s1') in captured.err
    assert 'missing' in captured.err
    assert [p.name for p in (tmp_path / 'out').iterdir()] == ['2']
    arguments = ['--missing', 'drop', '--of', 'nifti', str(tmp_path / 'all'), str(tmp_path / 'in')]
    assert image_data.conversion(arguments) == 0
    assert len(list((tmp_path / 'all').rglob('*.nii.gz'))) == 2


def test_unreadable_file_stops_before_anything_is_written(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mixed / 'cut.dcm').write_bytes(next(mixed.glob('ct-*')).read_bytes()[:700])
    assert image_data.conversion([str(tmp_path / 'out'), str(mixed)]) == 1
    told = capsys.readouterr().err
    assert 'cut.dcm' in told
    assert '--input_options skip_broken_series=True' in told
    assert not (tmp_path / 'out').exists()
    skip = ['--input_options', 'skip_broken_series=True', '--of', 'nifti']
    assert image_data.conversion([*skip, str(tmp_path / 'out'), str(mixed)]) == 0
    assert 'cut.dcm is set aside' in capsys.readouterr().err
    assert len(list((tmp_path / 'out').rglob('*.nii.gz'))) == 3


def test_patients_and_studies_in_folders(tmp_path: Path) -> None:
    place = [(0, 0, 0), (0, 0, 3)]
    for number, (patient, study) in enumerate([('P1', 'x'), ('P1', 'y'), ('../P2', 'z')]):
        name = f's{number}'
        elements = {'PatientID': patient, 'StudyInstanceUID': uid(study), 'StudyDate': f'2026010{number + 1}'}
        save(tmp_path / 'in' / name, stack(place, series=name, SeriesInstanceUID=uid(name), **elements))
    assert image_data.conversion([str(tmp_path / 'out'), str(tmp_path / 'in')]) == 0
    folders = sorted(str(p.relative_to(tmp_path / 'out')) for p in (tmp_path / 'out').glob('*/*/*'))
    assert folders == ['P1/20260101-000000/1', 'P1/20260102-000000/1', 'P2/20260103-000000/1']
    two = [str(tmp_path / 'in' / 's0'), str(tmp_path / 'in' / 's1')]
    assert image_data.conversion([str(tmp_path / 'one'), *two]) == 0
    assert sorted(p.name for p in (tmp_path / 'one').iterdir()) == ['20260101-000000', '20260102-000000']


@pytest.mark.parametrize('options', [['--jobs', '0'], ['--jobs', 'many'], ['--headers_only']])
def test_wrong_options(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        image_data.conversion([*options, 'out', CT])
    assert end.value.code == 1
    assert capsys.readouterr().err.count('\n') == 1


# --- image_statistics ---------------------------------------------------------------------------


def test_statistics(capsys: pytest.CaptureFixture[str]) -> None:
    """Against pydicom's pixels and NumPy."""
    files = [pydicom.dcmread(p) for p in Path(CT).iterdir()]
    values = np.stack([f.pixel_array * float(f.RescaleSlope) + float(f.RescaleIntercept) for f in files])
    (found,) = records(image_data.statistics, [CT], capsys)
    expected = [values.min(), values.max(), values.mean(), values.std(), np.median(values)]
    np.testing.assert_allclose(
        [found[n] for n in ('min', 'max', 'mean', 'std', 'median')], expected, rtol=1e-12
    )
    assert (found['voxels'], found['nan']) == (values.size, 0)
    assert image_data.statistics([CT]) == 0
    text = capsys.readouterr().out
    assert 'Min: -1000, max: 700' in text
    assert 'shape: 32x128x160, dtype: int16, input order: none' in text
    assert image_data.statistics(['--dtype', 'float32', '--order', 'none', CT]) == 0
    assert 'dtype: float32' in capsys.readouterr().out


def test_statistics_for_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert image_data.statistics(['--bash', CT]) == 0
    done = subprocess.run(
        ['bash', '-c', capsys.readouterr().out + 'env'], capture_output=True, text=True, check=True
    )
    assert {'min=-1000', 'max=700', 'median=-1000.0'} <= set(done.stdout.splitlines())
    assert image_data.statistics(['--bash', CT, ECHOES]) == 1
    assert '--input_serinsuid' in capsys.readouterr().err


def test_statistics_within_a_mask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series = Series(DYNAMIC, 'time')
    mask = np.asarray(series)[0] > 800
    chosen = np.asarray(series)[:, mask]
    whole = series[0].with_data(mask.astype(np.uint8))
    whole.write(tmp_path / 'mask.nii.gz')
    # A part of the volume, turned over: the same voxels, found by their places.
    whole[::-1, 5:].write(tmp_path / 'part.nii.gz')
    assert not mask[:, :5].any()
    for name in ('mask.nii.gz', 'part.nii.gz'):
        (found,) = records(image_data.statistics, ['--mask', tmp_path / name, DYNAMIC], capsys)
        assert found['voxels'] == chosen.size
        np.testing.assert_allclose(found['mean'], chosen.mean(), rtol=1e-12)
    assert image_data.statistics(['--mask', str(tmp_path / 'mask.nii.gz'), CT]) == 1
    assert 'image_statistics: error: series' in capsys.readouterr().err


def test_statistics_without_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    values[0, 0, :2] = np.nan
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / 'x.nii')
    (found,) = records(image_data.statistics, [tmp_path / 'x.nii'], capsys)
    assert (found['nan'], found['voxels']) == (2, 22)
    assert found['mean'] == pytest.approx(np.nanmean(values))
    assert image_data.statistics([str(tmp_path / 'x.nii')]) == 0
    assert '2 voxels are no numbers' in capsys.readouterr().out


# --- timeline -----------------------------------------------------------------------------------


def test_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    times = sorted({float(pydicom.dcmread(p).AcquisitionTime) for p in Path(DYNAMIC).iterdir()})
    (found,) = records(image_data.timeline, ['--order', 'time', DYNAMIC], capsys)
    assert len(found['timeline']) == 10
    assert image_data.timeline([DYNAMIC]) == 0
    assert capsys.readouterr().out == f'Timeline:\n{found["timeline"]}\n'
    assert image_data.timeline(['-1', DYNAMIC]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 't [s]'
    assert [float(line) for line in lines[1:]] == found['timeline']
    assert found['timeline'][0] == 0
    # All lie within one minute of the day, as the headers write them.
    assert found['timeline'][-1] == pytest.approx(times[-1] - times[0], abs=0.5 * times[-1])


def test_no_timeline(capsys: pytest.CaptureFixture[str]) -> None:
    assert image_data.timeline([CT, DYNAMIC]) == 1
    captured = capsys.readouterr()
    assert 'there is no time axis' in captured.err
    assert captured.err.count('\n') == 1
    assert captured.out.startswith('Series 2.25.')


# --- image_list ---------------------------------------------------------------------------------


def test_list(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mixed / 'cut.dcm').write_bytes(b'\0' * 40)
    (mixed / 'below').mkdir()
    shutil.copytree(SAMPLES / 'sagittal', mixed / 'below' / 'deep')
    found = records(image_data.list, [mixed], capsys, status=1)
    assert [(r['seriesNumber'], r['modality'], r['format']) for r in found] == [
        (None, None, 'nifti'), (1, 'CT', 'dicom'), (4, 'MR', 'dicom'),
    ]  # fmt: skip
    assert 'shape' not in found[1]
    deep = records(image_data.list, ['-r', mixed], capsys, status=1)
    assert [r['seriesNumber'] for r in deep] == [None, 1, 4, 6]
    (mixed / 'cut.dcm').unlink()
    sorted_on = records(image_data.list, ['-v', mixed], capsys)
    assert [r['shape'] for r in sorted_on][1:] == [[32, 128, 160], [6, 8, 88, 100]]
    assert sorted_on[2]['axes'] == ['te', 'slice', 'row', 'column']
    assert image_data.list(['--order', 'te', str(mixed)]) == 1
    text, told = capsys.readouterr()
    assert told.count('image_list: error: ') == 1  # a CT has no echo time
    assert '[1] CT CT 5.0 axial: 32 images of 128 x 160' in text
    assert '6 x 8 x 88 x 100 (te, slice, row, column)' in text
    assert image_data.list([str(SAMPLES)]) == 1
    assert '--recursive' in capsys.readouterr().err


def test_list_of_a_real_archive(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every series that pydicom finds in the folder, and no other."""
    folder = real_data / 'pet_ct_mr_sts'
    expected = set()
    for path in folder.rglob('*'):
        if path.is_file() and pydicom.misc.is_dicom(path):
            expected.add(str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID))
    found = records(image_data.list, ['-r', folder], capsys)
    assert {r['seriesInstanceUID'] for r in found if r['format'] == 'dicom'} == expected


# --- dicom_dump ---------------------------------------------------------------------------------


def test_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(Path(ECHOES).iterdir())
    (found,) = records(image_data.dump, [path], capsys)
    assert found['file'] == str(path)
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    assert (
        pydicom.Dataset.from_json({k: v for k, v in found['elements'].items() if k[:4] != '0002'}) == dataset
    )
    assert image_data.dump([str(path)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f'# {path}\n')
    for line in str(dataset).splitlines():
        assert line in text
    assert 'Pixel Data' not in text


def test_dump_of_single_elements(capsys: pytest.CaptureFixture[str]) -> None:
    assert image_data.dump(['--tag', 'EchoTime', '--tag', '0010,0020', '--tag', 'Laterality', ECHOES]) == 0
    text = capsys.readouterr().out
    assert text.count('Echo Time') == text.count("'IMD-0001'") == text.count('is not there') == 48
    found = records(image_data.dump, ['--tag', 'EchoTime', '--input_echo', '2', ECHOES], capsys)
    assert len(found) == 8
    assert all(set(r['elements']) == {'00180081'} for r in found)
    assert image_data.dump(['--tag', 'Banana', ECHOES]) == 1
    assert 'Banana' in capsys.readouterr().err


def test_dump_of_bad_files(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mixed / 'cut.dcm').write_bytes(next(mixed.glob('ct-*')).read_bytes()[:700])
    assert len(records(image_data.dump, [mixed], capsys, status=1)) == 80
    assert image_data.dump([str(mixed / 'notes.txt')]) == 1
    assert 'none of 1 files is DICOM' in capsys.readouterr().err
    hostile = stack([(0, 0, 0)], ImageComments='bell\a \x1b[31mred')
    save(tmp_path / 'h', hostile)
    assert image_data.dump([str(tmp_path / 'h')]) == 0
    assert '\x1b' not in capsys.readouterr().out


# --- image_show ---------------------------------------------------------------------------------


def test_show(tmp_path: Path) -> None:
    options = [
        '--colormap',
        'gray',
        '--norm',
        'linear',
        '--colorbar',
        '--window',
        '400',
        '--level',
        '40',
        '--link',
    ]
    status = image_data.show(['--out', str(tmp_path / 'x.png'), *options, CT, ECHOES])
    assert status == 0
    assert (tmp_path / 'x.png').read_bytes().startswith(b'\x89PNG')


def test_show_into_a_page_and_what_it_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / 'x.html'
    assert image_data.show(['--out', str(page), '--window', '400', '--level', '40', CT]) == 0
    assert '"low":-160.0,"high":240.0' in page.read_text(encoding='utf-8')
    assert image_data.show(['--out', str(tmp_path / 'y.html'), CT, ECHOES]) == 1
    assert 'a page has one series, and there are 2' in capsys.readouterr().err
    assert image_data.show(['--out', str(tmp_path / 'y.xyz'), CT]) == 1
    assert 'y.xyz cannot be written: pictures are' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        image_data.show(['--window', '-3', CT])
    assert 'a width above 0, got -3' in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ['x.html']


# --- what they share ----------------------------------------------------------------------------


@pytest.mark.parametrize('program', PARSERS)
def test_help_version_and_completion(program: str, tmp_path: Path) -> None:
    """As installed, by their own names."""
    command = Path(sys.executable).with_name(program)
    shown = subprocess.run([command, '--help'], capture_output=True, text=True, timeout=60, check=True).stdout
    for action in PARSERS[program]()._actions:
        assert all(option in shown for option in action.option_strings)
    version = subprocess.run([command, '-V'], capture_output=True, text=True, timeout=60, check=True).stdout
    assert version.startswith(f'{program} (imagedata) ')


@pytest.mark.parametrize('program', PARSERS)
def test_completion(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        PARSERS[program]().parse_args(['--completion', 'bash'])
    assert end.value.code == 0
    script = capsys.readouterr().out
    function = f'_{program}_completion'
    assert completed(script, function, program, '--ver') == ['--verbose', '--version']
    if program == 'image_data':
        assert completed(script, function, program, '--missing', '') == ['error', 'fill', 'drop']
        assert completed(script, function, program, '--order', 't') == ['time', 'triggertime', 'te']
        assert completed(script, function, program, '--of', 'nif') == ['nifti']
        assert completed(script, function, program, '--sernum', '') == []
    with pytest.raises(SystemExit):
        PARSERS[program]().parse_args(['--completion', 'zsh'])
    assert capsys.readouterr().out.startswith('autoload -U +X bashcompinit')


def completed(script: str, function: str, *words: str) -> list[str]:
    """What bash offers for a command line."""
    line = ' '.join(f"'{word}'" for word in words)
    state = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}'
    program = f'{script}\n{state}; {function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(['bash', '-c', program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


@pytest.mark.parametrize('program', REPORTING, ids=lambda p: p.__name__)
def test_input_that_is_not_there(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program([str(tmp_path / 'gone')]) == 1
    captured = capsys.readouterr()
    assert captured.out == ''
    assert 'gone' in captured.err
    assert captured.err.count('\n') == 1


@pytest.mark.parametrize('program', REPORTING, ids=lambda p: p.__name__)
def test_url_of_a_file(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program([DYNAMIC]) == 0
    plain = capsys.readouterr().out
    assert program([Path(DYNAMIC).as_uri()]) == 0
    assert capsys.readouterr().out == plain


@pytest.mark.parametrize('program', REPORTING, ids=lambda p: p.__name__)
def test_choosing_a_series(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = str(Series(DYNAMIC).seriesInstanceUID)
    arguments = ['-r'] if program is image_data.list else []
    found = records(program, [*arguments, '--input_serinsuid', chosen, str(SAMPLES)], capsys)
    assert len(found) == (80 if program is image_data.dump else 1)


def test_read_only_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made, changed or removed where the input is."""
    folder = tmp_path / 'in'
    shutil.copytree(CT, folder)
    before = sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir())
    for path in (*folder.iterdir(), folder):
        path.chmod(path.stat().st_mode & ~0o222)
    os.chdir(tmp_path)
    for program in REPORTING:
        assert program([str(folder)]) == (1 if program is image_data.timeline else 0)
    assert image_data.conversion([str(tmp_path / 'x.nii'), str(folder)]) == 0
    assert image_data.sort([str(tmp_path / 'out'), str(folder)]) == 0
    assert sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in', 'out', 'x.nii']
    folder.chmod(0o755)


# --- manual pages -------------------------------------------------------------------------------


@pytest.mark.parametrize('program', PARSERS)
def test_manual_page_has_every_option(program: str) -> None:
    page = (SAMPLES.parent.parent / 'docs' / 'programs' / f'{program}.rst').read_text()
    assert f'"{program}": ' in (SAMPLES.parent.parent / 'docs' / 'conf.py').read_text()
    parser = PARSERS[program]()
    for action in parser._actions:
        for option in action.option_strings:
            assert f'``{option}' in page or f', {option}' in page
        if action.help and action.option_strings:
            assert ' '.join((action.help % vars(action)).split())[:40] in page
    written = subprocess.run(
        [sys.executable, '-c', f'import program_pages; print(program_pages.page({program!r}), end="")'],
        capture_output=True, text=True, timeout=60, check=True, cwd=SAMPLES.parent.parent / 'tools',
    ).stdout  # fmt: skip
    assert written == page, 'run tools/program_pages.py'


# --- archives -----------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the sample series in one zip."""
    folder = tmp_path_factory.mktemp('zip')
    for name in ('ct', 'time'):
        shutil.copytree(SAMPLES / name, folder / 'in' / name)
    return Path(shutil.make_archive(str(folder / 'study'), 'zip', folder / 'in'))


@pytest.mark.parametrize('program', REPORTING, ids=lambda p: p.__name__)
def test_report_on_a_zip(program: Program, zipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = 1 if program is image_data.timeline else 0  # a CT has no times
    found = records(program, [zipped], capsys, status)
    assert program(['--json', CT, DYNAMIC]) == status
    plain = json.loads(capsys.readouterr().out)
    for record in (*found, *plain):
        record.pop('file', None)
    assert sorted(map(str, found)) == sorted(map(str, plain))


def test_writing_from_a_zip(zipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image_data.conversion(['--of', 'nifti', '--jobs', '2', str(tmp_path / 'out'), str(zipped)]) == 0
    assert len(list((tmp_path / 'out').rglob('*.nii.gz'))) == 2
    assert image_data.calculator([str(tmp_path / 'x.nii'), 'a * 2', f'{zipped}?ct']) == 0
    np.testing.assert_array_equal(np.asarray(Series(tmp_path / 'x.nii')), np.asarray(Series(CT)) * 2)
    assert image_data.sort([str(tmp_path / 'sorted'), str(zipped)]) == 0
    originals = [*Path(CT).iterdir(), *Path(DYNAMIC).iterdir()]
    copies = [p.read_bytes() for p in (tmp_path / 'sorted').rglob('*.dcm')]
    assert sorted(copies) == sorted(p.read_bytes() for p in originals)
    capsys.readouterr()
    assert image_data.sort(['--move', str(tmp_path / 'sorted'), str(zipped)]) == 1
    assert 'cannot be moved' in capsys.readouterr().err
    assert zipped.is_file()
