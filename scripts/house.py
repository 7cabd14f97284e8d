"""Check the plan of the rooms: layers, cycles, and the sizes of folders and modules.

Run as part of ``make check``; every breach is a line, and any line fails it. Layers stand in
pyproject.toml (import-linter); the rest is here, for the kit and for the lifecycle tool.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "mlops_kit": ROOT / "template" / "tools" / "kit",
    "copier_mlops": ROOT / "hooks",
}
MOST_MODULES = 12
MOST_LINES = 300
# Registries of one file per entry.
REGISTRIES = ("kinds", "sources")
# What takes so long to import that a command loads it only when it is needed.
HEAVY = {
    "alembic",
    "av",
    "copier",
    "cryptography",
    "duckdb",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "PIL",
    "polars",
    "pyarrow",
    "pydantic",
    "pydantic_settings",
    "pypdfium2",
    "scipy",
    "sklearn",
    "skops",
    "spacy",
    "sqlalchemy",
    "stdnum",
    "tomlkit",
}


def modules_of(top: str, folder: Path) -> dict[str, Path]:
    """Return the files of a package by the full names of its modules."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((folder / top).rglob("*.py"))
    }


def imports_of(tree: ast.Module, *, at_import: bool) -> Iterator[tuple[int, str]]:
    """Yield line and name of what is imported when the module is, or only later, in functions."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in tree.body]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += [(each, inside) for each in node.orelse]
            continue
        later = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if at_import is not inside:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.lineno, node.module
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        waiting += [(each, later) for each in ast.iter_child_nodes(node)]


def breaches(top: str, folder: Path) -> Iterator[str]:
    """Yield a sentence for each breach of the plan in a package."""
    modules = modules_of(top, folder)
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    for name, path in modules.items():
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MOST_LINES:
            yield f"{name} has {lines} lines, more than {MOST_LINES}: split it."
    folders: dict[Path, int] = {}
    for path in modules.values():
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    for place, count in folders.items():
        if count > MOST_MODULES and place.name not in REGISTRIES:
            where = place.relative_to(folder).as_posix()
            yield f"{where}/ holds {count} modules, more than {MOST_MODULES}: give it a folder."
    graph = {
        name: {one for _, one in imports_of(tree, at_import=True) if one in modules} - {name}
        for name, tree in trees.items()
    }
    yield from cycles(graph)
    heavy = heavy_modules(graph, trees)
    for name, tree in trees.items():
        own = {(line, one) for line, one in imports_of(tree, at_import=False) if one in modules}
        for line, one in sorted(own):
            if one not in heavy and not {other for other in graph if other.startswith(f"{one}.")}:
                yield f"{name}:{line} imports {one} inside a function, though it is light."


def cycles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield one circle of imports, if there is any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"modules import one another in a circle: {' -> '.join(error.args[1])}."


def heavy_modules(graph: Mapping[str, set[str]], trees: Mapping[str, ast.Module]) -> set[str]:
    """Return the modules whose import loads a library that takes long, also through others."""
    heavy = {
        name
        for name, tree in trees.items()
        if any(one.split(".")[0] in HEAVY for _, one in imports_of(tree, at_import=True))
    }
    while grown := {name for name, needed in graph.items() if needed & heavy} - heavy:
        heavy |= grown
    return heavy


def main() -> int:
    """Print every breach of every package; return 1 where there is one."""
    found = [line for top, folder in PACKAGES.items() for line in breaches(top, folder)]
    print("\n".join(found) or "the plan of the rooms is kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
