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
        ('percentile(a, 500)', 'cannot be calculated'),
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
