"""Notebooks of a course, made of docs/tutorial.rst: one for each lesson.

    python tools/notebooks.py [--check]

Text becomes Markdown, examples become cells, and figures the code that draws them. Nothing is written by
hand in docs/notebooks; --check tells whether they are those of the text.
"""

from __future__ import annotations

import argparse
import ast
import doctest
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / 'docs'
FOLDER = DOCS / 'notebooks'

HEAD = 'import numpy as np\n\nfrom imagedata import Series, samples'


@dataclass(frozen=True)
class Lesson:
    """A notebook: its name, the sections of the tutorial, and what they take from those before."""

    name: str
    sections: tuple[str, ...]
    needs: str = ''


LESSONS = (
    Lesson('1_pictures', ('A picture is an array',)),
    Lesson('2_volumes_and_headers', ('A volume, and its header',)),
    Lesson('3_dicom', ('A DICOM file', 'A folder of slices')),
    Lesson(
        '4_hounsfield_and_scrolling',
        ('Hounsfield units', 'Scrolling'),
        "folder = samples.unpack('ct', 'ct_files')\nfiles = sorted(folder.iterdir())\nct = Series(folder)",
    ),
    Lesson(
        '5_arithmetic_mask_and_writing',
        ('Arithmetic and a mask', 'Writing back'),
        "ct = samples.series('ct')\nlabels = samples.series('labels')",
    ),
)

Cell = tuple[str, str, str]
"""Kind, source, and the output that the text promises."""


def sections(text: str) -> dict[str, str]:
    """Return the text of each section by its title."""
    parts = re.split(r'^(.+)\n-{3,}\n', text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def cells(text: str) -> list[Cell]:
    """Return the cells of a section."""
    found: list[Cell] = []
    for block in re.split(r'\n\s*\n', without_directives(text).strip()):
        if block.startswith('>>> '):
            found += code_cells(block)
        elif block.startswith('.. plot:: '):
            found.append(('code', figure(block.split()[-1]), ''))
        elif block.strip():
            found.append(('markdown', markdown(block), ''))
    return merged(found)


def without_directives(text: str) -> str:
    """Return the text without what prepares its examples."""
    return re.sub(r'^\.\. testsetup::\n(\n| +.*\n)*', '', text, flags=re.MULTILINE)


def code_cells(block: str) -> list[Cell]:
    """Return a cell for each example that shows something, with those before it that do not."""
    found: list[Cell] = []
    lines: list[str] = []
    for example in doctest.DocTestParser().get_examples(block + '\n'):
        lines.append(example.source.rstrip())
        if example.want:
            found.append(('code', '\n'.join(lines), example.want))
            lines = []
    return found + ([('code', '\n'.join(lines), '')] if lines else [])


def figure(path: str) -> str:
    """Return the code of a figure, without its first line of description."""
    source = (DOCS / path).read_text(encoding='utf-8')
    first = ast.parse(source).body[0]
    return '\n'.join(source.splitlines()[first.end_lineno :]).strip()


def markdown(block: str) -> str:
    """Return a paragraph or a table of reStructuredText as Markdown."""
    if block.startswith('==='):
        return table(block)
    text = re.sub(r':doc:`(.+?)`', r'*\1*', block)
    return re.sub(r'``(.+?)``', r'`\1`', text)


def table(block: str) -> str:
    """Return a simple table."""
    rule, *lines = block.splitlines()
    at = [match.span() for match in re.finditer('=+', rule)]
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith('==='):
            continue
        parts = [line[start : end + 2].strip() for start, end in at]
        if parts[0] or not rows:
            rows.append(parts)
        else:
            rows[-1] = [f'{old} {new}'.strip() for old, new in zip(rows[-1], parts, strict=True)]
    rows.insert(1, ['---'] * len(at))
    return '\n'.join('| ' + ' | '.join(row).replace('``', '`') + ' |' for row in rows)


def merged(found: list[Cell]) -> list[Cell]:
    """Return cells with paragraphs that follow each other as one."""
    made: list[Cell] = []
    for cell in found:
        if made and cell[0] == made[-1][0] == 'markdown':
            made[-1] = ('markdown', f'{made[-1][1]}\n\n{cell[1]}', '')
        else:
            made.append(cell)
    return made


def lesson_cells(lesson: Lesson) -> list[Cell]:
    """Return all cells of a lesson."""
    known = sections((DOCS / 'tutorial.rst').read_text(encoding='utf-8'))
    found: list[Cell] = [
        ('markdown', f'# {" · ".join(lesson.sections)}\n\n'
         'From *A first hour with medical images* in the documentation of imagedata. All images come with '
         'the package and show a drawn phantom.', ''),
        ('code', f'{HEAD}\n\n{lesson.needs}'.strip(), ''),
    ]  # fmt: skip
    for title in lesson.sections:
        found += [('markdown', f'## {title}', '')] if len(lesson.sections) > 1 else []
        found += cells(known[title])
    return merged(found)


def notebook(lesson: Lesson) -> str:
    """Return the notebook of a lesson."""
    made: list[dict[str, Any]] = []
    for number, (kind, source, want) in enumerate(lesson_cells(lesson)):
        cell: dict[str, Any] = {'cell_type': kind, 'id': f'cell-{number}', 'metadata': {}}
        if kind == 'code':
            tags = {'tags': ['raises-exception']} if want.startswith('Traceback') else {}
            cell |= {'execution_count': None, 'outputs': [], 'metadata': tags}
        cell['source'] = source.splitlines(keepends=True)
        made.append(cell)
    content = {
        'cells': made,
        'metadata': {
            'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
            'language_info': {'name': 'python'},
        },
        'nbformat': 4,
        'nbformat_minor': 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + '\n'


def main() -> None:
    """Write the notebooks, or tell which differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='write nothing, tell which differ')
    given = parser.parse_args()
    made = {FOLDER / f'{lesson.name}.ipynb': notebook(lesson) for lesson in LESSONS}
    there = {path: path.read_text(encoding='utf-8') for path in FOLDER.glob('*.ipynb')}
    differ = sorted(path.name for path in made.keys() | there.keys() if made.get(path) != there.get(path))
    if given.check:
        sys.exit(f'run python tools/notebooks.py: {", ".join(differ)}' if differ else 0)
    FOLDER.mkdir(exist_ok=True)
    for path in there.keys() - made.keys():
        path.unlink()
    for path, text in made.items():
        path.write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main()
