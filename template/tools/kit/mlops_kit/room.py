"""The rooms that this repository was rendered with; each brings its commands and its checks."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


def rooms() -> Iterator[ModuleType]:
    """Import `commands.py` of every room, in the order of their names; they import light."""
    for file in sorted(Path(__file__).parent.glob("*/commands.py")):
        yield importlib.import_module(f".{file.parent.name}.commands", __package__)
