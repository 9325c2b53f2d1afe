"""The public interface is what docs/public_interface.txt says: nothing came or went by accident."""

import ast
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


def test_modules_use_public_names_of_each_other() -> None:
    """No module imports what another one keeps to itself, by a name with an underscore."""
    package = realdata.REPOSITORY / "imagedata"
    found = [
        f"{path.relative_to(package)}:{node.lineno}: {name.name} of {node.module}"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
        for name in node.names
        if any(part.startswith("_") for part in [name.name, *(node.module or "").split(".")])
        and not name.name.startswith("__")
    ]
    assert not found
