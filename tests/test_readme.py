"""The README: its examples run, its commands exist, its links lead somewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import readme_examples
from realdata import REPOSITORY

README = REPOSITORY / "README.rst"


def test_examples_run(tmp_path: Path, sample_data: Path) -> None:
    shutil.copytree(sample_data, tmp_path / "data" / "dicom")
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, readme_examples.__file__, str(README)],
        cwd=tmp_path,
        env={**os.environ, "PATH": scripts},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_python_and_shell_blocks_are_found() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    languages = [language for language, _, _ in readme_examples.blocks(lines)]
    assert "python" in languages
    assert "sh" in languages


def test_a_wrong_example_fails(tmp_path: Path) -> None:
    wrong = tmp_path / "README.rst"
    wrong.write_text(".. code-block:: python\n\n   >>> 1 + 1\n   3\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, readme_examples.__file__, str(wrong)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "README.rst:2" in done.stderr


def test_first_screen_has_the_two_commands() -> None:
    first_screen = README.read_text(encoding="utf-8").splitlines()[:40]
    assert any(re.fullmatch(r" +make demo\b.*", line) for line in first_screen)
    assert any(re.fullmatch(r" +make test\b.*", line) for line in first_screen)


def test_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    used = re.findall(r"^ +make (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    assert set(used) <= set(targets)


def test_relative_links_lead_to_files() -> None:
    links = re.findall(r"`[^`<]*<([^>]+)>`_", README.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (REPOSITORY / link).exists()]
    assert links
    assert not missing
