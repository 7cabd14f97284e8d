"""Examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import mlops_kit
import pytest

KIT = Path(mlops_kit.__file__).parent
MODULES = [
    ".".join(file.relative_to(KIT.parent).with_suffix("").parts)
    for file in sorted(KIT.rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_an_example_gives_what_it_says(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried and not failed
