"""The console programs among bad files and bad wishes: nothing hangs, nothing that is read is replaced."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from imagedata import Series, image_data
from imagedata.errors import WriteError
from synthetic import save, stack, uid

SAMPLES = Path(__file__).resolve().parent.parent / 'data' / 'dicom'
CT, DYNAMIC, ECHOES = (str(SAMPLES / kind) for kind in ('ct', 'time', 'te'))
PLACES = [(0.0, 0.0, 3.0 * s) for s in range(3)]
Program = Callable[[Sequence[str]], int]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


# --- what is read stays as it is --------------------------------------------------------------


def test_input_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = tmp_path / 'x.nii.gz'
    nibabel.save(nibabel.Nifti1Image(np.arange(24, dtype='i2').reshape(2, 3, 4), np.eye(4)), foreign)
    save(tmp_path / 'own', stack(PLACES))
    assert image_data.conversion([str(tmp_path / 'dicom'), str(tmp_path / 'own')]) == 0
    assert image_data.conversion(['--order', 'time', str(tmp_path / 'dynamic'), DYNAMIC]) == 0
    before = contents(tmp_path)
    os.link(foreign, tmp_path / 'link.nii.gz')
    capsys.readouterr()
    for arguments in (
        [foreign, foreign],
        [tmp_path / 'link.nii.gz', foreign],
        ['--resume', tmp_path / 'ledger', foreign, foreign],
        [tmp_path / 'dicom', tmp_path / 'dicom'],
        [f'{tmp_path}/dicom/', tmp_path / 'dicom'],
        ['--serdes', 'other', tmp_path / 'dynamic', tmp_path / 'dynamic'],
        ['--anonymize', '--deid_report', foreign, tmp_path / 'new.nii.gz', foreign],
    ):
        assert image_data.conversion([str(a) for a in arguments]) == 1
        assert 'would take the place of what is read' in capsys.readouterr().err
    Series(CT)[0].to_png(tmp_path / 'picture.png')
    picture = (tmp_path / 'picture.png').read_bytes()
    assert image_data.show(['--out', str(tmp_path / 'picture.png'), str(tmp_path / 'picture.png')]) == 1
    assert (tmp_path / 'picture.png').read_bytes() == picture
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    # Beside what is read, and where it was asked for, there may be something new.
    assert image_data.conversion([str(tmp_path / 'dicom' / 'new.nii.gz'), str(tmp_path / 'dicom')]) == 0
    again = ['--input_options', 'overwrite=True', '--input_options', 'input_format=dicom', '--serdes', 'new']
    assert image_data.conversion([*again, str(tmp_path / 'dicom'), str(tmp_path / 'dicom')]) == 0
    assert Series(tmp_path / 'dicom', input_format='dicom').seriesDescription == 'new'


# --- what is no image ---------------------------------------------------------------------------


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """A series among a pipe, a link to nothing, an empty file, and a name that is no text."""
    folder = save(tmp_path / 'in', stack(PLACES))
    os.mkfifo(folder / 'pipe.dcm')
    (folder / 'gone.dcm').symlink_to('nowhere')
    (folder / 'empty.dcm').touch()
    shutil.move(folder / '00000', os.fsencode(folder) + b'/na\xefve\n\x1b[31m')
    return folder


def test_pipes_and_links_to_nothing(
    troubled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image_data.list(['--json', str(troubled)]) == 1
    captured = capsys.readouterr()
    assert [record['images'] for record in json.loads(captured.out)] == [3]
    assert captured.err.count('\n') == 2
    assert 'gone.dcm' in captured.err
    assert 'pipe.dcm' not in captured.err
    assert image_data.sort([str(tmp_path / 'sorted'), str(troubled)]) == 1
    captured = capsys.readouterr()
    assert captured.out == '5 files: 3 copied, 2 failed\n'
    assert image_data.conversion([str(tmp_path / 'out'), str(troubled)]) == 1
    assert capsys.readouterr().err.count('\n') == 1
    skipping = ['--input_options', 'skip_broken_series=True', '--of', 'nifti']
    assert image_data.conversion([*skipping, str(tmp_path / 'x'), str(troubled)]) == 0
    assert Series(tmp_path / 'x.nii.gz').shape == (3, 4, 3)
    assert image_data.list([str(troubled / 'pipe.dcm')]) == 1
    assert 'a pipe or a device' in capsys.readouterr().err


def test_nothing_left_to_convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ('a', 'b'):
        save(tmp_path / 'in' / name, stack(PLACES))
    skipping = ['--input_options', 'skip_broken_series=True']
    assert image_data.conversion([*skipping, str(tmp_path / 'out'), str(tmp_path / 'in')]) == 1
    assert 'no series is left to convert' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


# --- what is told -------------------------------------------------------------------------------


def test_warnings_name_their_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uneven = [(0.0, 0.0, z) for z in (0.0, 3.0, 10.0)]
    for name in ('one', 'two', 'three'):
        places = PLACES if name == 'three' else uneven
        save(tmp_path / 'in' / name, stack(places, series=name, SeriesInstanceUID=uid(name)))
    assert image_data.conversion(['--of', 'nifti', str(tmp_path / 'out'), str(tmp_path / 'in')]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if 'evenly' in line]
    assert len(lines) == 2
    for name in ('one', 'two'):
        assert any(f'warning: series {uid(name)}: NIfTI' in line for line in lines)


def test_records_are_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = {'seriesInstanceUID', 'stack', 'seriesNumber', 'seriesDescription', 'images', 'rows', 'columns'}
    for inputs in ([CT], [CT, ECHOES]):
        out = tmp_path / str(len(inputs))
        assert image_data.conversion(['--json', '--of', 'nifti', str(out), *inputs]) == 0
        for record in json.loads(capsys.readouterr().out):
            assert set(record) == common | {'target', 'status'}
            assert record['images'] in (32, 48)
    for program, more in ((image_data.statistics, {'mean', 'dtype'}), (image_data.timeline, {'timeline'})):
        assert program(['--json', '--order', 'time', DYNAMIC]) == 0
        (record,) = json.loads(capsys.readouterr().out)
        assert common | more | {'patientID', 'studyInstanceUID', 'input_order'} <= set(record)
        assert record['images'] == 80


def test_verbose_explains_each_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image_data.conversion(['-v', '--of', 'nifti', str(tmp_path / 'out'), CT, ECHOES]) == 0
    text = capsys.readouterr().out
    assert text.count('images, ') == 2
    assert '48 images' in text


def test_stacks_of_one_series_have_names_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sagittal = stack([(3.0 * s, 0, 0) for s in range(3)], orientation=(0, 1, 0, 0, 0, -1))
    for number, image in enumerate(sagittal):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uid('sagittal', number)
        image.InstanceNumber = 100 + number
    save(tmp_path / 'in', [*stack(PLACES), *sagittal])
    assert image_data.conversion(['--of', 'nifti', str(tmp_path / 'out'), str(tmp_path / 'in')]) == 0
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == ['1-stack0', '1-stack1']
    assert '[1] stack 1 no description' in capsys.readouterr().out


def test_timeline_advises_where_it_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = stack(PLACES, count=2, change=lambda t, s: {'EchoTime': 10 + t})[:-1]
    save(tmp_path / 'missing', images)
    assert image_data.timeline([CT]) == 1
    assert 'with --order' in capsys.readouterr().err
    assert image_data.timeline([str(tmp_path / 'missing')]) == 1
    told = capsys.readouterr().err
    assert 'missing' in told
    assert 'sort it on time' not in told


def test_statistics_of_several_patients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ('one', 'two'):
        own = {'StudyInstanceUID': uid(name), 'SeriesInstanceUID': uid(name)}
        save(tmp_path / name, stack(PLACES, PatientID=name, **own))
    assert image_data.statistics([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if line.startswith('Patient')]
    assert told == ['Patient one: Study', 'Patient two: Study']
    Series(np.full((2, 3, 4), 1j)).write(tmp_path / 'complex.npy')
    assert image_data.statistics([str(tmp_path / 'complex.npy')]) == 1
    assert 'complex' in capsys.readouterr().err


def test_lines_of_a_message_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = stack(PLACES, count=2, change=lambda t, s: {'AcquisitionNumber': t + 1})
    save(tmp_path / 'in', images)
    assert image_data.conversion(['--order', 'none', str(tmp_path / 'x'), str(tmp_path / 'in')]) == 1
    told = capsys.readouterr().err
    assert told.count('\n') == 1
    assert '; The images are of 2 acquisitions' in told


# --- wrong wishes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('program', 'arguments', 'told'),
    [
        (image_data.show, ['--out', 'x/', CT], 'names no file'),
        (image_data.show, ['--out', '', CT], 'names no file'),
        (image_data.show, ['--window', 'nan', CT], "'nan' is no number"),
        (image_data.show, ['--window', '0', CT], 'a width above 0'),
        (image_data.show, ['--window', '-5', CT], 'a width above 0'),
        (image_data.show, ['--level', 'inf', CT], "'inf' is no number"),
        (image_data.show, ['--colormap', 'bogus', CT], "no colour map 'bogus'"),
        (image_data.dump, ['--input_stack', '1', CT], '--input_stack divides'),
        (image_data.conversion, ['--sernum', '99999999999', 'x', CT], '32 bits'),
        (image_data.conversion, ['--serdes', 'x' * 65, 'x', CT], 'at most 64 characters'),
        (image_data.conversion, ['--serdes', 'a\nb', 'x', CT], 'control characters'),
        (image_data.conversion, ['--serdes', 'a\\b', 'x', CT], 'backslash'),
        (image_data.conversion, ['--imagetype', 'derived,x', 'x', CT], 'capital letters'),
        (image_data.conversion, ['--imagetype', '', 'x', CT], 'two values'),
        (image_data.conversion, ['--order', '', 'x', CT], 'empty'),
    ],
)
def test_wrong_values(
    program: Program, arguments: list[str], told: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        program(arguments)
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count('\n') == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('program', 'arguments', 'told'),
    [
        (image_data.show, ['--out', 'x.dcm', CT], 'pictures are'),
        (image_data.dump, ['--tag', 'PixelData', CT], 'pixels are not dumped'),
        (image_data.dump, ['--tag', '7fe00010', CT], 'pixels are not dumped'),
        (image_data.dump, ['--tag', '', CT], 'no DICOM keyword'),
        (image_data.dump, ['--input_serinsuid', '1.2.3', CT], 'none of 32 files has the series'),
        (image_data.list, ['--input_stack', '7', CT], 'stack number 7'),
        (image_data.conversion, ['--input_acquisition', '-1', 'x', CT], '--input_acquisition -1;'),
        (image_data.conversion, ['x.foo', CT], '--of dicom'),
        (image_data.conversion, ['--input_options', 'slice_tolerance=nan', 'x', CT], 'slice_tolerance'),
        (image_data.conversion, ['--input_options', 'slice_tolerance=-1', 'x', CT], 'slice_tolerance'),
        (image_data.conversion, ['--input_options', 'missing=banana', 'x', CT], 'banana is none of'),
        (image_data.sort, ['--pattern', '../{PatientID}', 'x', CT], "'..'"),
        (image_data.sort, ['--pattern', '{PatientID:99999999999}', 'x', CT], 'format'),
        (image_data.sort, ['--pattern', '{InstanceNumber:1000000000d}', 'x', CT], 'format'),
        (image_data.sort, ['--pattern', '{PixelData}', 'x', CT], 'no text'),
        (image_data.sort, ['--pattern', '{ReferencedImageSequence}', 'x', CT], 'no text'),
    ],
)
def test_wishes_that_cannot_be(
    program: Program, arguments: list[str], told: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert program(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ''
    assert told in captured.err
    assert captured.err.count('\n') == 1
    assert 'Traceback' not in captured.err
    assert '--debug' not in captured.err
    assert not list(tmp_path.iterdir())


def test_move_from_where_nothing_can_be_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.make_archive(str(tmp_path / 'in'), 'zip', CT)
    assert image_data.sort(['--move', str(tmp_path / 'out'), str(tmp_path / 'in.zip')]) == 1
    assert 'leave out --move' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_copy_of_what_stays_is_told_as_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == 'in':
            raise PermissionError(13, 'Permission denied', str(path))
        unlink(path, missing_ok)

    source = save(tmp_path / 'in', stack(PLACES))
    monkeypatch.setattr(Path, 'unlink', refused)
    assert image_data.sort(['--move', '--json', str(tmp_path / 'out'), str(source)]) == 1
    captured = capsys.readouterr()
    assert {record['status'] for record in json.loads(captured.out)} == {'copied'}
    assert captured.err.count('was copied, and cannot be removed: Permission denied') == 3


# --- closed streams, completion -----------------------------------------------------------------


@pytest.mark.parametrize('closed', ['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])
def test_closed_streams(closed: str) -> None:
    command = f'{sys.executable} -m imagedata.cli.listing {CT} {closed}'
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ''


def completed(script: str, words: Sequence[str], folder: Path) -> list[str]:
    """Return what bash completes the last of some words to."""
    name = words[0]
    line = ' '.join(f"'{word}'" for word in words)
    done = subprocess.run(
        ['bash', '-c', f'{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _{name}_completion; '
         'printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    assert done.stderr == ''
    return done.stdout.split('\n')[:-1]


def test_what_bash_completes(tmp_path: Path) -> None:
    (tmp_path / 'two words').mkdir()
    (tmp_path / 'two words.nii').touch()
    script = subprocess.run(
        [sys.executable, '-m', 'imagedata.cli.data', '--completion', 'bash'],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for words in (['image_data', 'two'], ['image_data', '--template', 'two']):
        assert sorted(completed(script, words, tmp_path)) == ['two words', 'two words.nii']
    assert completed(script, ['image_data', '--miss'], tmp_path) == ['--missing']
    assert completed(script, ['image_data', '--missing', 'f'], tmp_path) == ['fill']
    # Bash takes the = for a word of its own.
    assert completed(script, ['image_data', '--missing', '=', 'd'], tmp_path) == ['drop']
    assert completed(script, ['image_data', '--missing', '='], tmp_path) == ['error', 'fill', 'drop']
    assert completed(script, ['image_data', '--retain', 'ui'], tmp_path) == ['uids']
    assert 'nrrd' in completed(script, ['image_data', '--of', 'nr'], tmp_path)


def test_completion_of_the_table_of_commands(tmp_path: Path) -> None:
    program = [sys.executable, '-m', 'imagedata.cli.main']
    script = subprocess.run(
        [*program, '--completion', 'bash'], capture_output=True, text=True, check=True
    ).stdout
    assert completed(script, ['imagedata', 'plu'], tmp_path) == ['plugins']
    assert completed(script, ['imagedata', '--ver'], tmp_path) == ['--version']


# --- formats by extension -----------------------------------------------------------------------


def written(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file())


@pytest.mark.parametrize(
    ('wanted', 'out', 'expected'),
    [
        ('png', 'x', ['x/Image_00000.png', 'x/Image_00001.png', 'x/Image_00002.png']),
        ('.png', 'x/', ['x/Image_00000.png', 'x/Image_00001.png', 'x/Image_00002.png']),
        ('tiff', 'x', ['x.tiff']),
        ('pillow', 'x', ['x.tif']),
        ('nii', 'x', ['x.nii']),
        ('nii', 'x/', ['x/Image.nii']),
        ('nifti', 'x/', ['x/Image.nii.gz']),
        ('nrrd', 'x', ['x.nrrd']),
        ('itk', 'x', ['x.mha']),
        ('npy', 'x/', ['x/Image.npy', 'x/Image.npy.json']),
    ],
)
def test_format_by_extension(tmp_path: Path, wanted: str, out: str, expected: list[str]) -> None:
    image = Series(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    image.write(tmp_path / 'in.npz')
    (tmp_path / 'in').mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        image.write(f'{tmp_path}/in/{out}', formats=wanted)
    assert written(tmp_path / 'in') == expected
    assert image_data.conversion(['--of', wanted, f'{tmp_path}/{out}', str(tmp_path / 'in.npz')]) == 0
    assert [name for name in written(tmp_path) if not name.startswith('in')] == expected


def test_formats_of_several_series_by_extension(tmp_path: Path) -> None:
    for number in range(2):
        Series(np.arange(60, dtype=np.uint8).reshape(3, 4, 5)).write(tmp_path / 'in' / f's{number}.npz')
    for wanted, expected in (('nii', 's0/s0.nii'), ('png', 's0/Image_00002.png')):
        out = tmp_path / wanted
        assert image_data.conversion(['--of', wanted, str(out), str(tmp_path / 'in')]) == 0
        assert expected in written(out)
        assert len({name.split('/')[0] for name in written(out)}) == 2


@pytest.mark.parametrize(
    'options', [{'sernum': 2**31}, {'sernum': 'x'}, {'serdes': 'a\nb'}, {'serdes': 'a\\b'}, {'frame': '1..2'}]
)
def test_values_that_dicom_cannot_hold(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(WriteError, match=next(iter(options))):
        Series(CT).write(tmp_path / 'out', **options)
    assert not list(tmp_path.iterdir())


# --- real series in one folder ------------------------------------------------------------------


def test_mixed_real_folder_and_zip(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The values of each NIfTI file are those that pydicom finds in the files of its series."""
    names = ('ct_legacy_enhanced/classic', 'siemens_mosaic_orient/ax_asc_35', 'ge_dwi/tensor_r2',
             'ge_table/localizer_05', 'nm_multiframe/heart_13', 'pet_ct_mr_sts/sts002_pet')  # fmt: skip
    sums: dict[str, float] = {}
    for name in names:
        for path in (real_data / name).rglob('*'):
            try:
                dataset = pydicom.dcmread(path)
            except (OSError, pydicom.errors.InvalidDicomError):
                continue
            target = tmp_path / 'in' / f'{name.replace("/", "-")}-{path.name}'
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
            values = dataset.pixel_array * float(dataset.get('RescaleSlope') or 1)
            total = values.sum() + values.size * float(dataset.get('RescaleIntercept') or 0)
            sums[dataset.SeriesInstanceUID] = sums.get(dataset.SeriesInstanceUID, 0) + total
    shutil.make_archive(str(tmp_path / 'in'), 'zip', tmp_path / 'in')
    for source in ('in', 'in.zip'):
        out = tmp_path / f'out-{source}'
        assert image_data.conversion(['--json', '--of', 'nifti', str(out), str(tmp_path / source)]) == 0
        found: dict[str, float] = {}
        for record in json.loads(capsys.readouterr().out):
            assert record['status'] == 'written'
            total = nibabel.load(record['target']).get_fdata().sum()
            found[record['seriesInstanceUID']] = found.get(record['seriesInstanceUID'], 0) + total
        assert found == pytest.approx(sums)
        assert len(list(out.rglob('*.nii.gz'))) == 8
