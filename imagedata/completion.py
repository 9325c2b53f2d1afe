"""Scripts that complete the options of a program in a shell, made of its parser."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

__all__ = ['script']

_BASH = """\
# Completion of {prog}: source this, or put it into ~/.local/share/bash-completion/completions/{prog}
_{name}_completion() {{
    local IFS=$'\\n' current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    # Bash takes the = of --option=value for a word of its own.
    if [[ "$current" == "=" ]]; then
        current=""
    elif [[ "$previous" == "=" ]]; then
        previous="${{COMP_WORDS[COMP_CWORD-2]}}"
    fi
    case "$previous" in
{cases}
    esac
    if [[ "$current" == -* ]]; then
        COMPREPLY=($(compgen -W {options} -- "$current"))
        return
    fi
    COMPREPLY=($(compgen {arguments} -- "$current"))
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
    arguments = '-f'
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if not action.option_strings:
            if action.choices:
                arguments = f'-W {_words(_values(action))}'
            continue
        words += action.option_strings
        names = '|'.join(action.option_strings)
        values = _values(action)
        if values:
            cases.append(
                f'        {names}) COMPREPLY=($(compgen -W {_words(values)} -- "$current")); return ;;'
            )
        elif action.nargs != 0 and not _is_path(action):
            cases.append(f'        {names}) COMPREPLY=(); return ;;')
    text = _BASH.format(
        prog=parser.prog,
        name=''.join(c if c.isalnum() else '_' for c in parser.prog),
        cases='\n'.join(cases) or '        "") ;;',
        options=_words(words),
        arguments=arguments,
    )
    return text if shell == 'bash' else f'autoload -U +X bashcompinit && bashcompinit\n{text}'


def _words(words: Sequence[str]) -> str:
    """Return words as one of a shell's, a line each: names of files have blanks."""
    return "$'" + '\\n'.join(words) + "'"


def _values(action: argparse.Action) -> list[str]:
    """Return the values that an option takes, [] where there are too many to list."""
    if action.choices:
        return [str(choice) for choice in action.choices]
    metavar = action.metavar
    if isinstance(metavar, str) and metavar.startswith('{'):
        return metavar.strip('{}').split(',')
    if action.dest == 'output_format':
        return _formats()
    known = {
        'input_order': 'auto none time triggertime b fa te',
        'dtype': 'none uint8 uint16 int16 int float float32 float64 double',
    }
    return known.get(action.dest, '').split()


def _formats() -> list[str]:
    """Return names and extensions of the formats that can be written."""
    from .registry import formats

    able = [plugin for plugin in formats() if plugin.capabilities.writes]
    names = [plugin.name for plugin in able]
    return list(dict.fromkeys(names + [e.lstrip('.') for plugin in able for e in plugin.extensions]))


def _is_path(action: argparse.Action) -> bool:
    return action.metavar in ('PATH', 'FILE')
