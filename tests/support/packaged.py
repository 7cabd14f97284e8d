"""Import the rendered package's modules from the template's folder, which no import can name."""

import importlib
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

SOURCE = Path(__file__).parents[2] / "template" / "src" / "{{ package_name }}"
NAME = "packaged_template"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    (Path(folder.name) / NAME).symlink_to(SOURCE, target_is_directory=True)
    sys.path.append(folder.name)
    return folder


def packaged(module: str) -> ModuleType:
    """Return a module of the rendered package, as `mlops.compare.metrics`."""
    _folder()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return importlib.import_module(f"{NAME}.{module}")
    finally:
        sys.dont_write_bytecode = before
