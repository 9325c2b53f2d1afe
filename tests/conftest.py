"""Fixtures and Hypothesis profiles for all tests."""

import os
from pathlib import Path

import hypothesis
import pytest

import realdata
from orthanc_server import orthanc

__all__ = ["orthanc"]

# A program of its own, which opens a window when it is imported.
collect_ignore = ["window_on_screen.py"]

# Few examples, the same ones every time: for every run, and for CI.
hypothesis.settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, print_blob=True
)
# Many examples, new ones every time: HYPOTHESIS_PROFILE=nightly make test
hypothesis.settings.register_profile(
    "nightly", max_examples=1000, deadline=None, derandomize=False, print_blob=True
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let `-m "not real_data"` leave out what needs the real data."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real scanner files: `<dataset>/<series>/`, `<dataset>/ref/`."""
    folder = realdata.locate()
    if folder is None:
        pytest.skip(
            f"no real data: neither {realdata.SHARED} nor the variable {realdata.VARIABLE} is there"
        )
    return folder


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The sample series of the repository: `data/dicom`."""
    return realdata.REPOSITORY / "data" / "dicom"
