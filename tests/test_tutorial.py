"""The tutorial: its text, its figures and its notebook run as they are."""

import doctest
import importlib.util
import runpy
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import realdata
from imagedata.errors import LossWarning

DOCS = realdata.REPOSITORY / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.filterwarnings(f"ignore::{LossWarning.__module__}.{LossWarning.__name__}")
@pytest.mark.parametrize("page", ["tutorial.rst", "medio.rst"])
def test_text_runs_as_written(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(realdata.REPOSITORY / "data")
    matplotlib.use("Agg")
    found = doctest.testfile(str(DOCS / page), module_relative=False, optionflags=FLAGS)
    assert found.attempted > 10
    assert not found.failed


@pytest.mark.parametrize("figure", sorted(p.stem for p in (DOCS / "figures").glob("tutorial_*.py")))
def test_figures_show_something(figure: str) -> None:
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    runpy.run_path(str(DOCS / "figures" / f"{figure}.py"))
    fig = plt.gcf()
    fig.canvas.draw()
    pixels = np.asarray(fig.canvas.buffer_rgba())
    assert len(fig.axes) >= 2
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 50
    plt.close("all")


def tool() -> object:
    """The module `tools/notebooks.py`."""
    path = realdata.REPOSITORY / "tools" / "notebooks.py"
    spec = importlib.util.spec_from_file_location("notebooks", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


LESSONS = tool().LESSONS


def test_notebooks_are_those_of_the_text() -> None:
    """`python tools/notebooks.py` makes them; every section is in one of them."""
    made = {f"{lesson.name}.ipynb": tool().notebook(lesson) for lesson in LESSONS}
    there = (DOCS / "notebooks").glob("*.ipynb")
    assert made == {path.name: path.read_text(encoding="utf-8") for path in there}
    titles = [title for lesson in LESSONS for title in lesson.sections]
    assert titles == list(tool().sections((DOCS / "tutorial.rst").read_text(encoding="utf-8")))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_notebooks_run_and_show_what_the_text_says(
    lesson: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kernel takes what the environment says for what its pictures are drawn with.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    content = nbformat.read(DOCS / "notebooks" / f"{lesson.name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(content, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    wanted = [want for _, _, want in tool().lesson_cells(lesson)]
    for cell, want in zip(content.cells, wanted, strict=True):
        if not want:
            continue
        shown = "".join(text_of(output) for output in cell.outputs)
        if want.startswith("Traceback"):
            name, _, message = want.splitlines()[-1].rpartition(".errors.")[2].partition(": ")
            assert doctest.OutputChecker().check_output(f"{name}: {message}", shown, FLAGS), (want, shown)
        else:
            assert doctest.OutputChecker().check_output(want, shown + "\n", FLAGS), (want, shown)
    drawn = [o for cell in content.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    figures = (DOCS / "tutorial.rst").read_text(encoding="utf-8").count(".. plot::")
    assert drawn or lesson.name.startswith(("2", "3"))
    assert figures == 3


def text_of(output: dict) -> str:
    """What an output of a cell says as text."""
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    if output.output_type == "stream":
        return output.text if output.name == "stdout" else ""
    return output.get("data", {}).get("text/plain", "") if output.output_type == "execute_result" else ""
