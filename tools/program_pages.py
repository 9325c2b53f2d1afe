"""Write the manual pages of the console programs, docs/programs/*.rst, from their parsers.

    python tools/program_pages.py

A test fails when a page is not what this writes. `python -m sphinx -b man docs docs/_build/man` makes
pages for `man` of them.
"""

import argparse
from importlib import import_module
from pathlib import Path

PROGRAMS = {
    'image_data': 'data',
    'image_calculator': 'calculator',
    'image_statistics': 'statistics',
    'image_show': 'show',
    'image_list': 'listing',
    'timeline': 'timeline',
    'dicom_dump': 'dump',
    'dicom_sort': 'sort',
}
"""Program to module of `imagedata.cli`."""

FOLDER = Path(__file__).resolve().parent.parent / 'docs' / 'programs'


def page(program: str) -> str:
    """Return the manual page of a program."""
    parser = import_module(f'imagedata.cli.{PROGRAMS[program]}').parser()
    usage = parser.format_usage().removeprefix('usage: ').strip()
    lines = [program, '=' * len(program), '', parser.description, '']
    lines += ['.. code-block:: text', '', f'   {usage}', '']
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if a.help != argparse.SUPPRESS]
        if not actions:
            continue
        title = {'options': 'other options'}.get(group.title, group.title)
        title = title[0].upper() + title[1:]
        lines += [title, '-' * len(title), '']
        for action in actions:
            lines += [f'``{_called(action)}``', f'   {_told(parser, action)}', '']
    if parser.epilog:
        lines += ['Notes', '-----', '', '.. code-block:: text', '']
        lines += [f'   {line}'.rstrip() for line in parser.epilog.strip().splitlines()]
        lines.append('')
    lines += [
        'Exit status', '-----------', '',
        '0, or 1 when something failed: the reason is one line on stderr. 128 and the number of the signal,',
        'when one ended it.', '',
    ]  # fmt: skip
    return '\n'.join(lines)


def _called(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.dest)
    value = ''
    if action.nargs != 0:
        choices = '{' + ','.join(action.choices) + '}' if action.choices else action.dest.upper()
        value = f' {action.metavar or choices}'
    return ', '.join(f'{option}{value}' for option in action.option_strings)


def _told(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = (action.help or '') % {'prog': parser.prog, **vars(action)}
    return text.replace('\\', '\\\\').replace('*', '\\*').replace('`', '\\`')


if __name__ == '__main__':
    FOLDER.mkdir(exist_ok=True)
    for name in PROGRAMS:
        (FOLDER / f'{name}.rst').write_text(page(name), encoding='utf-8')
