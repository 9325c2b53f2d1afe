"""Configuration of Sphinx. `make docs` builds the site into docs/_build/html."""

import doctest
from importlib.metadata import version as version_of
from pathlib import Path

project = "imagedata"
author = "the imagedata developers"
copyright = "2026, the imagedata developers"
release = version_of("imagedata")
version = ".".join(release.split(".")[:2])

# No intersphinx: the build needs no network.
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = False
default_role = "literal"

html_theme = "furo"
html_title = f"imagedata {release}"
html_copy_source = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_ivar = True
napoleon_use_rtype = False

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

plot_include_source = False
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 120)]

# The same as in pyproject.toml for pytest.
doctest_default_flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Examples of the pages run in a folder of their own that holds the sample data as `data`.
_repository = Path(__file__).resolve().parent.parent
doctest_global_setup = f"""
import os as _os, tempfile as _tempfile
_before = _os.getcwd()
_folder = _tempfile.TemporaryDirectory()
_os.chdir(_folder.name)
_os.symlink({str(_repository / "data")!r}, 'data')
example_source = {str(_repository / "examples/imagedata-format-example/src")!r}
"""
doctest_global_cleanup = """
_os.chdir(_before)
_folder.cleanup()
"""

# `python -m sphinx -b man docs docs/_build/man`: a page for each console program.
man_pages = [
    (f"programs/{program}", program, told, ["imagedata"], 1)
    for program, told in {
        "image_data": "convert medical images",
        "image_calculator": "calculate an image from others",
        "image_statistics": "minimum, maximum, mean, standard deviation and median",
        "image_show": "show medical images",
        "image_list": "list patients, studies and series",
        "timeline": "times of dynamic series",
        "dicom_dump": "elements of DICOM files",
        "dicom_sort": "sort DICOM files into folders",
    }.items()
]
