"""Which kinds of sources this repository was rendered with, besides files and the sample."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from mlops_kit.data.sources import kinds as folder
from mlops_kit.data.sources.base import Landed


@cache
def kinds() -> tuple[type[Landed], ...]:
    """Return the settings of each kind, which stand as `SOURCE` in its module of `kinds/`."""
    names = sorted(one.name for one in iter_modules(folder.__path__))
    return tuple(import_module(f"{folder.__name__}.{name}").SOURCE for name in names)
