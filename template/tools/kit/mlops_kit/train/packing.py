"""What a registered model takes along: the team's own modules that it needs, and its libraries."""

import ast
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import NamedTuple

OURS = "mlops_kit"
RUNTIME = ("mlflow-skinny", "scikit-learn", "skops", "numpy", "scipy", "pandas")


def modules_needed(types: list[str], root: Path) -> tuple[list[Path], set[str]]:
    """Follow the imports of the modules in which a model's own types are defined.

    Parameters
    ----------
    types : list of str
        Dotted names of types, such as `shop.model.ItemToItem`; those of others are passed over.
    root : Path
        Folder of the team's package.

    Returns
    -------
    files : list of Path
        The package's modules that are needed.
    others : set of str
        Top-level names of the other modules that they import, ours among them.
    """
    package = root.name
    waiting = [name for name in types if name.split(".")[0] == package]
    files: dict[Path, None] = {}
    others: set[str] = set()
    while waiting:
        for file in _files_of(waiting.pop().split(".")[1:], root):
            if file in files:
                continue
            files[file] = None
            for name in _imports(file, root):
                if name.split(".")[0] == package:
                    waiting.append(name)
                else:
                    others.add(name.split(".")[0])
    return sorted(files), others


class Packed(NamedTuple):
    """What goes with a model.

    Attributes
    ----------
    code_paths : list of str
        The copy of the team's package, or nothing for a model without types of its own.
    requirements : list of str
        `name==version` of the libraries that loading it needs.
    is_complete : bool
        Whether it loads elsewhere: no module of the team's that it needs imports this package.
    """

    code_paths: list[str]
    requirements: list[str]
    is_complete: bool


def pack(types: list[str], folder: Path, root: Path) -> Packed:
    """Copy the team's modules that a model of these types needs below a folder."""
    files, others = modules_needed(types, root)
    for file in files:
        place = folder / root.name / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    foreign = {name.split(".")[0] for name in types} | others
    needed = dict.fromkeys(RUNTIME)
    if foreign := foreign - {root.name, OURS} - set(sys.stdlib_module_names):
        known = packages_distributions()
        needed |= dict.fromkeys(sorted(name for one in foreign for name in known.get(one, [])))
    requirements = [f"{name}=={version(name)}" for name in needed]
    code_paths = [str(folder / root.name)] if files else []
    return Packed(code_paths, requirements, is_complete=OURS not in others)


def _files_of(parts: list[str], root: Path) -> Iterator[Path]:
    """Return the files that importing a dotted name runs: the packages on the way, the module."""
    place = root
    for part in ["", *parts]:
        place = place / part
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file() and root in file.parents:
                yield file


def _imports(file: Path, root: Path) -> Iterator[str]:
    """Return the full names that a module imports, anywhere in it."""
    inside = [root.name, *file.relative_to(root).with_suffix("").parts]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = inside[: len(inside) - node.level] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            # What is imported from a package may be a module of it.
            yield from (f"{module}.{alias.name}" for alias in node.names)
