"""Scripts that complete the options of a program in a shell, made of its parser."""

from __future__ import annotations

import argparse
import shlex

__all__ = ['script']

_BASH = """\
# Completion of {prog}: source this, or put it into ~/.local/share/bash-completion/completions/{prog}
_{name}_completion() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    case "$previous" in
{cases}
    esac
    if [[ "$current" == -* ]]; then
        COMPREPLY=($(compgen -W {options} -- "$current"))
        return
    fi
    COMPREPLY=($(compgen -f -- "$current"))
}}
complete -o filenames -F _{name}_completion {prog}"""


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for 'bash' or 'zsh', which runs that for bash.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        With all options of the program.
    shell : str
    """
    words: list[str] = []
    cases: list[str] = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or not action.option_strings:
            continue
        words += action.option_strings
        names = '|'.join(action.option_strings)
        values = _values(action)
        if values:
            cases.append(
                f'        {names}) COMPREPLY=($(compgen -W {shlex.quote(" ".join(values))} -- "$current"));'
                ' return ;;'
            )
        elif action.nargs != 0 and not _is_path(action):
            cases.append(f'        {names}) COMPREPLY=(); return ;;')
    text = _BASH.format(
        prog=parser.prog,
        name=''.join(c if c.isalnum() else '_' for c in parser.prog),
        cases='\n'.join(cases) or '        "") ;;',
        options=shlex.quote(' '.join(words)),
    )
    return text if shell == 'bash' else f'autoload -U +X bashcompinit && bashcompinit\n{text}'


def _values(action: argparse.Action) -> list[str]:
    """Return the values that an option takes, [] where there are too many to list."""
    if action.choices:
        return [str(choice) for choice in action.choices]
    metavar = action.metavar
    if isinstance(metavar, str) and metavar.startswith('{'):
        return metavar.strip('{}').split(',')
    known = {
        'input_order': 'auto none time triggertime b fa te',
        'output_format': 'dicom nifti',
        'dtype': 'none uint8 uint16 int16 int float float32 float64 double',
    }
    return known.get(action.dest, '').split()


def _is_path(action: argparse.Action) -> bool:
    return action.metavar in ('PATH', 'FILE')
