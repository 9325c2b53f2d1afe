"""Run the examples of README.rst in their order, in the current folder, which holds a copy of `data`.

    python readme_examples.py path/to/README.rst

Blocks `.. code-block:: python` are run, with what they print compared where they have `>>>`. Of
shell blocks, the lines that call a command of the package are run. The comment `.. not run` on the
line before a block (blank lines between do not count) leaves it out.

`test_readme.py` runs this with the tests, and `.ci/run` with the built wheel.
"""

import doctest
import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator

SHELL = {"sh", "shell", "bash", "console", "shell-session"}
COMMAND = re.compile(r"(?:\$ )?((?:dicom_|image_)\w+\b.*|timeline\b.*)")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DIRECTIVE = re.compile(r"( *)\.\. code(?:-block)?:: *(\S*)")


def blocks(lines: list[str]) -> Iterator[tuple[str, int, str]]:
    """Give (language, line number, text) of every block that is to be run."""
    for number, line in enumerate(lines):
        directive = DIRECTIVE.match(line)
        if not directive:
            continue
        before = [text.strip() for text in lines[:number] if text.strip()]
        if before and before[-1] == ".. not run":
            continue
        body: list[str] = []
        for text in lines[number + 1 :]:
            if text.strip() and len(text) - len(text.lstrip()) <= len(directive[1]):
                break
            body.append("" if re.match(r" +:[\w-]+:", text) and not any(body) else text)
        yield directive[2], number + 2, textwrap.dedent("\n".join(body))


def run_python(text: str, number: int, names: dict[str, object]) -> None:
    """Run a block; exit when it prints something else than it says."""
    if ">>>" not in text:
        exec(compile("\n" * (number - 1) + text, "README.rst", "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(text, {}, "README", "README.rst", number - 1)
    test.globs = names
    if doctest.DocTestRunner(optionflags=FLAGS).run(test, clear_globs=False).failed:
        sys.exit(f"README.rst:{number}: the example gives something else")


def run_shell(text: str) -> int:
    """Run the lines that call a command of the package, and return how many."""
    ran = 0
    for line in text.replace("\\\n", " ").splitlines():
        if command := COMMAND.fullmatch(line.strip()):
            print("$", command[1], flush=True)
            subprocess.run(command[1], shell=True, check=True)
            ran += 1
    return ran


def main(readme: str) -> None:
    """Run all examples."""
    names: dict[str, object] = {"__name__": "readme"}
    python = commands = 0
    for language, number, text in blocks(pathlib.Path(readme).read_text(encoding="utf-8").splitlines()):
        if language == "python":
            run_python(text, number, names)
            python += 1
        elif language in SHELL:
            commands += run_shell(text)
    if not python:
        sys.exit("README.rst has no Python example that was run")
    print(f"{python} Python examples and {commands} commands ran")


if __name__ == "__main__":
    main(sys.argv[1])
