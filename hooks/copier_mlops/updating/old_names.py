"""The template's modules under their old names. This file is yours: change it, or delete it.

The template's code is the package `mlops_kit` in tools/kit now. With this file, code that still
names this package finds the same modules there, and is warned. Let it import `mlops_kit`; when
nothing names this package any more, delete the file.
"""

import importlib
import importlib.abc
import importlib.util
import sys
import warnings
from functools import partial
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

from mlops_kit import load

__all__ = ["load"]

# Below this package, and below mlops_kit.
NEW_NAMES: dict[str, str] = {}


class _OldNames(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Import a module by its old name as the very object that `mlops_kit` has."""

    def find_spec(self, fullname: str, path: object = None, target: object = None):
        """Return how to import an old name; None for any other."""
        parent, _, name = fullname.partition(f"{__name__}.")
        if parent or name not in NEW_NAMES:
            return None
        is_package = any(other.startswith(f"{name}.") for other in NEW_NAMES)
        return ModuleSpec(fullname, self, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Put the new module in the place of the old one; a package only passes names on."""
        new = importlib.import_module(_new_name(module.__name__))
        if hasattr(module, "__path__"):
            vars(module)["__getattr__"] = partial(getattr, new)
        else:
            sys.modules[module.__name__] = new

    def get_code(self, fullname: str) -> CodeType | None:
        """Return what `python -m` runs."""
        new = _new_name(fullname)
        spec = importlib.util.find_spec(new)
        loader = spec.loader if spec else None
        return loader.get_code(new) if isinstance(loader, importlib.abc.InspectLoader) else None

    def get_source(self, fullname: str) -> str | None:
        """Return nothing: the source lies where the new name is."""


def _new_name(fullname: str) -> str:
    new = f"mlops_kit.{NEW_NAMES[fullname.removeprefix(f'{__name__}.')]}"
    warnings.warn(f"{fullname} is {new} now.", DeprecationWarning, stacklevel=3)
    return new


warnings.warn(f"{__name__} is mlops_kit now.", DeprecationWarning, stacklevel=2)
sys.meta_path.insert(0, _OldNames())
