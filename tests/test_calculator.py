"""The program image_calculator, and what it takes for arithmetic."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagedata import Series
from imagedata.cli.expressions import evaluate, parse
from imagedata.errors import ExpressionError
from imagedata.image_data import calculator
from synthetic import save, stack, uid

SAMPLES = Path(__file__).resolve().parent.parent / 'data' / 'dicom'
CT, DYNAMIC = str(SAMPLES / 'ct'), str(SAMPLES / 'time')

A = np.array([[1, 2, 3], [4, 5, 6]])
B = np.array([[2.0, 0.5, -1.0], [0.0, 3.0, 9.0]])


def value(text: str, **images: object) -> object:
    return evaluate(parse(text), images or {'a': A, 'b': B})


# --- arithmetic -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('1', 1),
        ('a', A),
        ('a*2', A * 2),
        ('a+b', A + B),
        ('a - b / 2', A - B / 2),
        ('a // 2 + a % 2', A // 2 + A % 2),
        ('a ** 2', A**2),
        ('2 ** a', 2**A),
        ('a ** -1', 1 / A),
        ('-a + +b', -A + B),
        ('a > 2', A > 2),
        ('(a >= 2) & (b != 3)', (A >= 2) & (B != 3)),
        ('(a < 2) | (b == 3) ^ (a <= 1)', (A < 2) | (B == 3) ^ (A <= 1)),
        ('~(a > 2)', ~(A > 2)),
        ('sqrt(a)', np.sqrt(A)),
        ('np.sqrt(a)', np.sqrt(A)),
        ('numpy.hypot(a, b)', np.hypot(A, B)),
        ('where(a > 2, a, 0)', np.where(A > 2, A, 0)),
        ('clip(a, 2, 4)', np.clip(A, 2, 4)),
        ('clip(a, None, 4)', np.clip(A, None, 4)),
        ('maximum(a, b)', np.maximum(A, B)),
        ('mean(a, axis=0)', A.mean(axis=0)),
        ('sum(a, axis=(0, 1))', A.sum()),
        ('std(b, axis=1, ddof=1, keepdims=True)', B.std(axis=1, ddof=1, keepdims=True)),
        ('percentile(a, 25)', np.percentile(A, 25)),
        ('a[0] + a[-1]', A[0] + A[-1]),
        ('a[..., 1:]', A[..., 1:]),
        ('a[:, ::-1]', A[:, ::-1]),
        ('exp(log(a)) * pi / e', A * np.pi / np.e),
        (
            'nan_to_num(b / (a - 1), nan=7, posinf=3)',
            np.nan_to_num(B / np.where(A == 1, np.nan, A - 1), nan=3),
        ),
    ],
)
def test_value(text: str, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(value(text)), expected)


@given(
    st.recursive(
        st.sampled_from(['a', 'b', '2', '0.5', 'pi']),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from('+-*'), inner).map(lambda p: f'({p[0]} {p[1]} {p[2]})'),
            st.tuples(st.sampled_from(['sin', 'abs', 'square', 'negative']), inner).map(
                lambda p: f'{p[0]}({p[1]})'
            ),
        ),
        max_leaves=8,
    )
)
def test_any_expression_is_what_numpy_says(text: str) -> None:
    names = {'a': A.astype(float), 'b': B, 'pi': np.pi, '__builtins__': {}}
    names |= {name: getattr(np, name) for name in ('sin', 'abs', 'square', 'negative')}
    with np.errstate(all='ignore'):
        expected = eval(text, names)
    np.testing.assert_allclose(value(text), expected, rtol=1e-12)


def test_integers_do_not_wrap_around() -> None:
    large = np.array([2**62, 3, -(2**40)])
    for text, expected in (
        ('a + a', 2.0**63),
        ('a * 4', 2.0**64),
        ('a ** 3', 2.0**186),
        ('a - (0 - a)', 2.0**63),
    ):
        assert np.asarray(value(text, a=large))[0] == expected
    assert np.asarray(value('square(a)', a=large))[0] == 2.0**124
    assert np.asarray(value('sum(a) + sum(a)', a=large)) == 2.0 * (2**62 + 3 - 2**40)


# --- what is no arithmetic --------------------------------------------------------------------

ESCAPES = [
    '__import__("os")',
    '__import__("os").system("true")',
    'import os',
    'from os import system',
    'exec("1")',
    'eval("1")',
    'compile("1", "x", "eval")',
    'open("/etc/passwd")',
    'open("/etc/passwd").read()',
    'a.__class__',
    'a.__class__.__mro__[1].__subclasses__()',
    '().__class__.__bases__[0].__subclasses__()',
    '"".__class__',
    'a.tofile("/tmp/x")',
    'a.dump("/tmp/x")',
    'a.write("/tmp/x")',
    'a.header',
    'a.ctypes.data',
    'a.__array_interface__',
    'np.load("x.npy")',
    'np.save("x.npy", a)',
    'np.savetxt("x", a)',
    'np.fromfile("/etc/passwd")',
    'np.genfromtxt("/etc/passwd")',
    'np.memmap("x", mode="w+", shape=(9,))',
    'np.lib.npyio.os.system("true")',
    'np.__builtins__',
    'np.core.multiarray',
    'np.ctypeslib.load_library("c", "/lib")',
    'np.frompyfunc(a, 1, 1)',
    'np.vectorize(a)',
    'np.apply_along_axis(a, 0, a)',
    'np.f2py',
    'np.show_config()',
    'np.zeros(10**12)',
    'np.ones((99999, 99999, 99999))',
    'np.tile(a, 10**9)',
    'lambda: 1',
    '(lambda x: x)(a)',
    '[x for x in (1, 2)]',
    '{x: 1 for x in (1, 2)}',
    '(x := 3)',
    'a if a else b',
    'a and b',
    'not a',
    'a is b',
    'f"{a}"',
    '"text" * 9999999999',
    'b"bytes"',
    '9 ** 9 ** 9 ** 9 if 1 else 2',
    'globals()',
    'getattr(a, "dtype")',
    'a @ b',
    'a << 999999999999',
    '*a',
    'sum(*a)',
    'sum(**{"a": 1})',
    'sum(a, out=a)',
    'sum(a, dtype="object")',
    'sqrt(a, where=b)',
    'a[b]',
    'a["R"]',
    'a[None]',
    'a[[0, 1]]',
    'await a',
    'yield a',
    'a; b',
    'a = 3',
    '1j',
    '1' * 60,
    '(' * 500 + 'a' + ')' * 500,
    '-' * 500 + 'a',
    'a' + '+a' * 5000,
    'a\0b',
    '\u2170',
    'axis',
    'print(a)',
    'breakpoint()',
    'input()',
    'sqrt.__self__',
    'np.sqrt.__class__',
    '(np).sqrt.reduce(a)',
    'np["load"]',
    'sqrt',
    '',
    '   ',
    '#',
]


@pytest.mark.parametrize('text', ESCAPES)
def test_escape(text: str) -> None:
    assert len(ESCAPES) >= 50
    with pytest.raises(ExpressionError):
        value(text)


@pytest.mark.parametrize('text', ['9**9**9**9', '2**a**a**a**99', '9223372036854775807**99'])
def test_powers_are_bounded(text: str) -> None:
    """They take no time, and no memory: floats, at most infinite, or an error that says so."""
    try:
        result = value(text)
    except ExpressionError:
        return
    assert np.asarray(result).dtype.kind == 'f'


def test_axis_is_the_only_text() -> None:
    assert parse('mean(a, axis="time")') is not None
    for text in ('mean("time")', 'clip(a, "x", 1)', 'mean(a, keepdims="time")', 'mean(a, axis=open("x"))'):
        with pytest.raises(ExpressionError):
            parse(text)


# --- the program ------------------------------------------------------------------------------


def test_result_lies_where_a_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'x.nii.gz'
    assert calculator([str(out), '(a + 1000) * 3', CT]) == 0
    assert capsys.readouterr() == ('', '')
    image, original = Series(out), Series(CT)
    np.testing.assert_array_equal(image, (np.asarray(original).astype(int) + 1000) * 3)
    assert nibabel.load(out).get_data_dtype() == np.int16
    np.testing.assert_allclose(image.transformationMatrix, original.transformationMatrix, atol=1e-4)


def test_dicom_result(tmp_path: Path) -> None:
    options = ['--order', 'time', '--serdes', 'difference', '--sernum', '44']
    assert calculator([*options, str(tmp_path / 'x'), 'a - a[0]', DYNAMIC]) == 0
    result, original = Series(tmp_path / 'x', 'time'), Series(DYNAMIC, 'time')
    values = np.asarray(original).astype(int)
    np.testing.assert_array_equal(result, values - values[0])
    assert (result.seriesNumber, result.seriesDescription) == (44, 'difference')
    assert result.patientID == original.patientID
    assert result.studyInstanceUID == original.studyInstanceUID
    assert result.seriesInstanceUID != original.seriesInstanceUID
    np.testing.assert_allclose(result.timeline, original.timeline, atol=1e-4)
    np.testing.assert_allclose(result.transformationMatrix, original.transformationMatrix, atol=1e-4)


def test_reduced_and_constant(tmp_path: Path) -> None:
    assert calculator([str(tmp_path / 'mean.nii'), 'mean(a, axis="time")', DYNAMIC]) == 0
    original = Series(DYNAMIC, 'time')
    mean = Series(tmp_path / 'mean.nii')
    np.testing.assert_allclose(mean, np.asarray(original).mean(axis=0))
    np.testing.assert_allclose(mean.transformationMatrix, original.transformationMatrix, atol=1e-4)
    assert calculator([str(tmp_path / 'one.nii'), '1', CT]) == 0
    one = Series(tmp_path / 'one.nii')
    assert one.shape == Series(CT).shape
    assert (np.asarray(one) == 1).all()


def test_mask_of_two(tmp_path: Path) -> None:
    save(tmp_path / 'a', stack([(0, 0, 0), (0, 0, 3)], SeriesInstanceUID=uid('a')))
    save(tmp_path / 'b', stack([(0, 0, 0), (0, 0, 3)], SeriesInstanceUID=uid('b'), dtype=np.uint8))
    text = '(a > 5) & (b < 105)'
    arguments = [str(tmp_path / 'x.nii'), text, str(tmp_path / 'a'), str(tmp_path / 'b')]
    assert calculator(arguments) == 0
    values = np.asarray(Series(tmp_path / 'a'))
    result = Series(tmp_path / 'x.nii')
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, (values > 5) & (values < 105))


def test_data_type_and_format(tmp_path: Path) -> None:
    assert calculator(['--of', 'nifti', '--dtype', 'float', str(tmp_path / 'x'), 'a', CT]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ['x.nii.gz']
    assert nibabel.load(tmp_path / 'x.nii.gz').get_data_dtype() == np.float64


def test_dry_run_and_verbose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calculator(['--dry-run', str(tmp_path / 'x'), 'a / 2', CT]) == 0
    assert '(32, 128, 160) float64' in capsys.readouterr().out
    assert calculator(['-v', str(tmp_path / 'x.nii'), 'a', CT]) == 0
    assert 'a = ' in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ['x.nii']


@pytest.mark.parametrize(
    ('expression', 'told'),
    [
        ('a + c', "'c' is no input"),
        ('a.max()', 'no function'),
        ('a.dtype', 'not arithmetic'),
        ('percentile(a, 500)', 'at most 100'),
        ('a[99]', 'cannot be calculated'),
        ('a[:, 0, 0]', 'rows and columns'),
    ],
)
def test_wrong_expression(
    tmp_path: Path, expression: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calculator([str(tmp_path / 'x.nii'), expression, CT]) == 1
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.startswith('image_calculator: error: ')
    assert captured.err.count('\n') == 1
    assert told in captured.err
    assert not list(tmp_path.iterdir())


def test_output_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'x.nii').write_text('mine')
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'file').write_text('mine')
    (tmp_path / 'empty').mkdir()
    assert calculator([str(tmp_path / 'x.nii'), 'a', CT]) == 1
    assert calculator([str(tmp_path / 'full'), 'a', CT]) == 1
    assert 'is there already' in capsys.readouterr().err
    assert (tmp_path / 'x.nii').read_text() == 'mine'
    assert calculator([str(tmp_path / 'empty'), 'a', CT]) == 0


def test_colours_are_refused(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calculator([str(tmp_path / 'x'), 'a * 2', str(real_data / 'dicom2nifti_suite' / 'rgb_001')]) == 1
    assert 'colour' in capsys.readouterr().err


# --- what must not be quiet -------------------------------------------------------------------

BOMBS = [
    'diff(a, 1000000000000)',
    'diff(a, n=1000000000000)',
    'diff(a, n=a)',
    'round(a, 2147483647)',
    'round(a, decimals=2147483647)',
    'around(a, -2147483647)',
    'ones_like(a, None, None, True, 1000000000000)',
    'zeros_like(a, None, None, True, 1000000000000)',
    'full_like(a, 1, None, None, True, 1000000000000)',
    'percentile(b, b)',
    'quantile(b, b[0] / 100, 0)',
    'maximum(a, a, a)',
    'add(a, a, a)',
    'abs(a, a)',
    'clip(a, 1, 2, a)',
    'sum(a, 0, 1, b)',
    'nan_to_num(b, False)',
    'isclose(a, b, 0, 0, True)',
    'where(a)',
    'average(a, None, a, True)',
    'np.ｌｏａｄ("x")',
    '__ｉｍｐｏｒｔ__("os")',
    '\u0430 + 1',
    '-' * 4000 + 'a',
    'not ' * 1000 + 'a',
    'np.memmap(a)',
    'np.add.outer(a, a)',
    'np.add.at(a, 0, 1)',
    'np.set_printoptions(a)',
    'np.random.rand(9)',
    'np.linspace(0, 1, 1000000000000)',
    'np.outer(a, a)',
    'sum([a, b])',
    'sum(a for a in b)',
    'mean(a, axis=(x for x in a))',
    'mean(a, axis=b"time")',
    'max(a, initial=3)',
    'a[-...] if a else b',
    'np',
    '...',
]


@pytest.mark.parametrize('text', BOMBS)
def test_nothing_large_nothing_long_nothing_written_to(text: str) -> None:
    images = {'a': A.copy(), 'b': B.copy()}
    with pytest.raises(ExpressionError):
        evaluate(parse(text), images)
    np.testing.assert_array_equal(images['a'], A)
    np.testing.assert_array_equal(images['b'], B)


def test_shapes_that_grow_together() -> None:
    column, row = np.ones((200_000, 1)), np.ones((1, 200_000))
    for text in ('a + b', 'a > b', 'maximum(a, b)', 'where(a > 0, a, b)'):
        with pytest.raises(ExpressionError, match='40000000000'):
            value(text, a=column, b=row)


def test_truth_values_count_as_numbers() -> None:
    a = np.array([0, 2, 5])
    for text in ('(a > 1) + (a > 3)', 'add(a > 1, a > 3)', '1 + (a > 3) - (a < 1)'):
        np.testing.assert_array_equal(value(text, a=a), [0, 1, 2])
    np.testing.assert_array_equal(value('-(a > 1)', a=a), [0, -1, -1])


def test_division_by_zero_is_not_zero() -> None:
    a = np.array([-3, 0, 4])
    np.testing.assert_array_equal(value('a // (a - a)', a=a), [-np.inf, np.nan, np.inf])
    assert np.isnan(np.asarray(value('a % 0', a=a))).all()
    assert np.asarray(value('a // 2', a=a)).dtype.kind == 'i'


def test_constants_are_not_cut_to_integers() -> None:
    assert np.asarray(value('full_like(a, 2.7)')).max() == 2.7
    assert np.isnan(np.asarray(value('full_like(a, nan)'))).all()
    assert np.asarray(value('full_like(a, 2)')).dtype.kind == 'i'
    least = np.array([-(2**63)])
    assert np.asarray(value('-a', a=least))[0] == np.asarray(value('abs(a)', a=least))[0] == 2.0**63


@pytest.mark.parametrize('kind', ['u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8'])
def test_differences_of_integer_images(kind: str, tmp_path: Path) -> None:
    limits = np.iinfo(kind)
    small, large = np.full((2, 3, 4), limits.min, kind), np.full((2, 3, 4), limits.max // 2, kind)
    Series(small).write(tmp_path / 'a.npy')
    Series(large).write(tmp_path / 'b.npy')
    inputs = [str(tmp_path / 'a.npy'), str(tmp_path / 'b.npy')]
    assert calculator([str(tmp_path / 'x.npy'), 'a - b', *inputs]) == 0
    # Beyond 64 bits it is a float.
    assert float(np.load(tmp_path / 'x.npy').flat[0]) == float(limits.min - limits.max // 2)


def test_voxels_of_a_flipped_result_stay_where_they_were(tmp_path: Path) -> None:
    original = Series(CT)
    for number, text in enumerate(('a[:, ::-1]', 'flip(a, axis=0)', 'a[::-1] + 0', 'a[2:, :, ::-1]')):
        assert calculator([str(tmp_path / f'{number}.nii'), text, CT]) == 0
        result = Series(tmp_path / f'{number}.nii')
        for voxel in ((0, 0, 0), (3, 5, 7)):
            there = original.getVoxelForPosition(result.getPositionForVoxel(voxel))
            assert result[voxel] == original[tuple(np.ravel(there))]


def test_times_of_a_turned_result(tmp_path: Path) -> None:
    assert calculator(['--order', 'time', str(tmp_path / 'x.nii'), 'a[::-1]', DYNAMIC]) == 0
    original, result = Series(DYNAMIC, 'time'), Series(tmp_path / 'x.nii')
    steps = np.diff(np.asarray(result.axes[0].values, dtype=float))
    np.testing.assert_allclose(steps, -np.diff(np.asarray(original.axes[0].values))[::-1], atol=1e-3)
    np.testing.assert_array_equal(result, np.asarray(original)[::-1])


def test_two_patients_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / 'a', stack([(0, 0, 0), (0, 0, 3)], PatientID='one'))
    save(tmp_path / 'b', stack([(0, 0, 0), (0, 0, 3)], PatientID='two'))
    assert calculator([str(tmp_path / 'x'), 'a + b', str(tmp_path / 'a'), str(tmp_path / 'b')]) == 0
    assert 'b: of another patient than a' in capsys.readouterr().err
    assert Series(tmp_path / 'x').patientID == 'one'
    save(tmp_path / 'c', stack([(0, 0, 30), (0, 0, 33)], PatientID='two'))
    assert calculator([str(tmp_path / 'y'), 'b * 2', str(tmp_path / 'a'), str(tmp_path / 'c')]) == 1
    assert 'name that input first' in capsys.readouterr().err
    assert not (tmp_path / 'y').exists()


def test_result_without_voxels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calculator([str(tmp_path / 'x'), 'a[0:0]', CT]) == 1
    assert 'no voxels' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
