"""The public interface is what docs/public_interface.txt says: nothing came or went by accident."""

import importlib
import subprocess
import sys

import pytest

import realdata

TOOL = realdata.REPOSITORY / "tools" / "public_interface.py"
sys.path.insert(0, str(TOOL.parent))
import public_interface  # noqa: E402


def test_listing_is_up_to_date() -> None:
    """A name or signature that changed is written down: `python tools/public_interface.py`."""
    run = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"run {TOOL.name}, and see whether the difference is meant:\n{run.stdout}"


@pytest.mark.parametrize("name", public_interface.MODULES)
def test_every_public_name_is_described(name: str) -> None:
    """Functions, classes and their members have docstrings."""
    import inspect

    module = importlib.import_module(name)
    assert module.__doc__
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{name}.{public} has no docstring"
