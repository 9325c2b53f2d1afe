"""The tutorial: its text, its figures and its notebook run as they are."""

import doctest
import runpy
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


@pytest.mark.parametrize("notebook", sorted(p.name for p in (DOCS / "notebooks").glob("*.ipynb")))
def test_notebooks_run(notebook: str, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    content = nbformat.read(DOCS / "notebooks" / notebook, as_version=4)
    assert not any(cell.get("outputs") for cell in content.cells)  # they are made by running it
    client = nbclient.NotebookClient(content, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    shown = [o for cell in content.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert shown
