"""How an element may be named, and what is no name of one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagedata import Series
from imagedata.errors import UnknownTag

SAME = [
    "Manufacturer", "manufacturer", "0008|0070", "(0008,0070)", "(0008, 0070)", "0008,0070", "00080070",
    "0x00080070", "(0x0008,0x0070)", " 0008|0070 ", 0x00080070, 0x80070, (0x8, 0x70), ("0008", "0070"),
    np.int64(0x00080070),
]  # fmt: skip


@pytest.mark.parametrize("name", SAME, ids=repr)
def test_names_of_one_element(name: Any, sample_data: Path) -> None:
    assert Series(sample_data / "ct").getDicomAttribute(name) == "imagedata phantom"


@pytest.mark.parametrize("name", [
    "Manufakturer", "", "0008|007", "0008|0070|1", "zzzz|0070", "0008 0070 1", None, 1.5, -1, 2**40, True,
    b"0008", (1, 2, 3), ("x", "y"),
], ids=repr)  # fmt: skip
def test_what_names_no_element(name: Any, sample_data: Path) -> None:
    with pytest.raises(UnknownTag) as caught:
        Series(sample_data / "ct").getDicomAttribute(name)
    assert isinstance(caught.value, ValueError)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["EchoTime", "0009|0010", 0x00180081])
def test_an_element_that_is_not_there_is_none(name: Any, sample_data: Path) -> None:
    assert Series(sample_data / "ct").getDicomAttribute(name) is None
