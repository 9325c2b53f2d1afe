"""Documents, page by page: PDF and PostScript drawn to known places; nothing unsafe is run."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from formats_helpers import debris
from imagedata import Series
from imagedata.errors import (
    CorruptFileError,
    ImagedataError,
    MissingDependencyError,
    NotImageError,
    WriteNotImplemented,
)

needs_gs = pytest.mark.skipif(shutil.which('gs') is None, reason='Ghostscript is not installed')

# An inch square, black from 18 to 54 points to the right, and from 36 points up to the top.
SQUARE = '18 36 36 36 rectfill showpage\n'
PS = '%!PS-Adobe-3.0\n<< /PageSize [72 72] >> setpagedevice\n'


def pdf(boxes: list[tuple[float, float]], drawing: str = '18 36 36 36 re f') -> bytes:
    """A PDF file with a page of each size, in points."""
    kids = ' '.join(f'{3 + 2 * i} 0 R' for i in range(len(boxes)))
    objects = ['<< /Type /Catalog /Pages 2 0 R >>', f'<< /Type /Pages /Kids [{kids}] /Count {len(boxes)} >>']
    for i, (width, height) in enumerate(boxes):
        objects.append(
            f'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {4 + 2 * i} 0 R >>'
        )
        objects.append(f'<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream')
    out = b'%PDF-1.4\n'
    places = []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f'{number} 0 obj\n{text}\nendobj\n'.encode()
    table = ''.join(f'{place:010d} 00000 n \n' for place in places)
    return out + (
        f'xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}'
        f'trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n'
    ).encode()


def check_square(series: Series, pages: int, dpi: int) -> None:
    assert series.shape == (pages, dpi, dpi)
    assert series.color
    wanted = np.full((dpi, dpi), 255)
    wanted[: dpi // 2, dpi // 4 : dpi * 3 // 4] = 0
    for page in np.asarray(series):
        for channel in 'RGB':
            # The edges may be a pixel wide.
            assert (np.abs(page[channel].astype(int) - wanted) > 8).mean() < 4 / dpi
    np.testing.assert_allclose(series.header.geometry.spacing[1:], 25.4 / dpi)


@pytest.mark.parametrize('dpi', [72, 144])
def test_pdf(dpi: int, tmp_path: Path) -> None:
    (tmp_path / 'a.pdf').write_bytes(pdf([(72, 72)] * 3))
    check_square(Series(tmp_path / 'a.pdf', dpi=dpi), 3, dpi)
    check_square(Series(tmp_path / 'a.pdf', dpi=dpi, pages='2-3'), 2, dpi)
    assert Series(tmp_path / 'a.pdf', headers_only=True).header.geometry.shape == (3, 150, 150)


def test_pdf_of_pillow(tmp_path: Path) -> None:
    Image.new('RGB', (40, 30), (200, 100, 50)).save(tmp_path / 'a.pdf', resolution=72)
    found = Series(tmp_path / 'a.pdf', dpi=72)
    assert found.shape == (1, 30, 40)
    np.testing.assert_allclose([int(v) for v in np.asarray(found)[0, 15, 20]], [200, 100, 50], atol=3)


def test_choice_of_pages(tmp_path: Path) -> None:
    (tmp_path / 'a.pdf').write_bytes(pdf([(72, 72), (100, 72)]))
    with pytest.raises(NotImageError, match=r'no image of one size.*pages='):
        Series(tmp_path / 'a.pdf')
    assert Series(tmp_path / 'a.pdf', pages='2', dpi=72).shape == (1, 72, 100)
    for pages in ('3', '0', 'x', '2-1'):
        with pytest.raises(NotImageError, match='page'):
            Series(tmp_path / 'a.pdf', pages=pages)
    for dpi in (0, -3, 'x', 1e9):
        with pytest.raises(NotImageError, match='dpi='):
            Series(tmp_path / 'a.pdf', dpi=dpi)


def test_pages_that_are_too_large_to_draw(tmp_path: Path) -> None:
    (tmp_path / 'a.pdf').write_bytes(pdf([(14_000, 14_000)]))
    with pytest.raises(CorruptFileError, match=r'pixels at 300 dpi.*lower dpi='):
        Series(tmp_path / 'a.pdf', dpi=300)


def test_documents_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(WriteNotImplemented, match='read'):
        Series(np.zeros((3, 4), 'u1')).write(tmp_path / 'a.pdf')


@pytest.mark.parametrize('content', [b'%PDF-1.4\n', b'%PDF-1.4\nnothing', b'', bytes(100), b'no document'])
def test_broken_pdf(content: bytes, tmp_path: Path) -> None:
    (tmp_path / 'bad.pdf').write_bytes(content)
    with pytest.raises(ImagedataError, match=r'bad\.pdf'):
        Series(tmp_path / 'bad.pdf')


@needs_gs
@pytest.mark.parametrize('dpi', [72, 144])
def test_postscript(dpi: int, tmp_path: Path) -> None:
    (tmp_path / 'a.ps').write_text(PS + SQUARE * 3)
    check_square(Series(tmp_path / 'a.ps', dpi=dpi), 3, dpi)
    check_square(Series(tmp_path / 'a.ps', dpi=dpi, pages='3'), 1, dpi)
    (tmp_path / 'a.eps').write_text('%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 72 72\n' + SQUARE)
    check_square(Series(tmp_path / 'a.eps', dpi=dpi), 1, dpi)
    inside = (tmp_path / 'a.eps').read_bytes()
    preview = b'\xc5\xd0\xd3\xc6' + (32).to_bytes(4, 'little') + len(inside).to_bytes(4, 'little') + bytes(20)
    (tmp_path / 'b.eps').write_bytes(preview + inside + b'preview')
    check_square(Series(tmp_path / 'b.eps', dpi=dpi), 1, dpi)


@needs_gs
@pytest.mark.parametrize(
    'program',
    [
        '(%s/made) (w) file closefile',
        '(%s/secret) (r) file 100 string readstring pop ==',
        '(%%pipe%%touch %s/made) (w) file',
        '(%s/secret) deletefile',
        '(%s/secret) run',
    ],
)
def test_postscript_reaches_no_files(program: str, tmp_path: Path) -> None:
    (tmp_path / 'secret').write_text('showpage')
    (tmp_path / 'a.ps').write_text(PS + program % tmp_path + '\n' + SQUARE)
    with pytest.raises(CorruptFileError, match=r'a\.ps: Ghostscript cannot draw it'):
        Series(tmp_path / 'a.ps')
    assert debris(tmp_path) == ['a.ps', 'secret']


@needs_gs
def test_postscript_without_end(tmp_path: Path) -> None:
    (tmp_path / 'a.ps').write_text(PS + '{ } loop\n')
    start = time.monotonic()
    with pytest.raises(CorruptFileError, match='within 1 s'):
        Series(tmp_path / 'a.ps', timeout=1)
    assert time.monotonic() - start < 30


@needs_gs
def test_postscript_without_bounds(tmp_path: Path) -> None:
    large = '<< /PageSize [200000 200000] >> setpagedevice showpage'
    for body in (large, '/a 2000000000 string def showpage', '{ showpage } loop'):
        (tmp_path / 'a.ps').write_text(f'%!PS\n{body}\n')
        with pytest.raises(ImagedataError, match=r'a\.ps'):
            Series(tmp_path / 'a.ps', timeout=1)


@needs_gs
def test_postscript_that_draws_nothing(tmp_path: Path) -> None:
    for content in ('%!PS\n', '%!PS\nthis is no program', '%!'):
        (tmp_path / 'a.ps').write_text(content)
        with pytest.raises(ImagedataError, match=r'a\.ps'):
            Series(tmp_path / 'a.ps')


def test_without_the_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'a.ps').write_text(PS + SQUARE)
    monkeypatch.setenv('PATH', '')
    with pytest.raises(MissingDependencyError, match='ghostscript'):
        Series(tmp_path / 'a.ps')
    (tmp_path / 'a.pdf').write_bytes(pdf([(72, 72)]))
    import sys

    monkeypatch.setitem(sys.modules, 'pypdfium2', None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'imagedata\[documents\]'"):
        Series(tmp_path / 'a.pdf')
