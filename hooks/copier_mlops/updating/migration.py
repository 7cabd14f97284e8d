"""Code of a team that names the template's old modules: find it, and keep it working."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import tomlkit

from copier_mlops.git import Entry, Repository, git, read_blobs
from copier_mlops.rendering.versions import File, Rendered
from copier_mlops.repository.project import CODE, KIT, code_of
from copier_mlops.updating.merge import Merged

PYPROJECT, CONFTEST = "pyproject.toml", "src/conftest.py"
QUIET_TESTS = '''"""A plain `pytest` stays what it was: your tests, and only those."""

# The template's own tests: uv run pytest src/{package}/mlops/tests
collect_ignore = ["{package}/mlops"]
'''
SOURCE = Path(__file__).with_name("old_names.py")
TABLE = "NEW_NAMES: dict[str, str] = {"
RUNS = {".py", ".ipynb", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".sh", ".mk", ""}
"""Suffixes of files that import modules or run commands."""
LARGEST = 1_000_000  # bytes


def moved_code(base: Rendered, theirs: Rendered) -> bool:
    """Tell whether an update takes the template's code out of the team's package."""
    package = theirs.answers.get("package_name")
    return code_of(theirs.files, package) == CODE != code_of(base.files, package)


def keep_old_names(
    repo: Repository,
    tree: Mapping[str, Entry],
    theirs: Rendered,
    merged: Merged,
    moved: Mapping[str, str],
) -> None:
    """Add one file with the old names to a merge, where files of the team need them.

    Nothing is added where a file of that path is, tracked or not, or will be.
    """
    package = str(theirs.answers.get("package_name"))
    names = new_names(theirs, moved, package)
    path = f"src/{package}/mlops/__init__.py"
    is_there = path in tree or os.path.lexists(repo.folder / path)
    stays = is_there and merged.files.get(path, path) is not None
    if not names or stays:
        return
    users = [*users_of(package, contents(repo, tree, merged)), *hooks_of(repo, package)]
    if not users:
        return
    lines = "".join(f'\n    "{old}": "{new}",' for old, new in sorted(names.items()))
    text = SOURCE.read_text(encoding="utf-8").replace(TABLE, f"{TABLE}{lines}\n")
    merged.files[path] = File(text.encode())
    merged.added.append(path)
    more = f" and {len(users) - 1} more" if users[1:] else ""
    merged.notes[path] = (
        f"written because {users[0]}{more} of yours names {package}.mlops, which is mlops_kit now; "
        "the file is yours: let them import mlops_kit, then delete it"
    )


def leave_old_arrangement(base: Rendered, ours: Mapping[str, File], merged: Merged) -> None:
    """Take out what adoption up to 0.3 arranged for code inside the package, value by value.

    Called after the proof that no line is lost: what goes is exactly what the tool wrote itself.
    """
    package = str(base.answers.get("package_name"))
    quiet = ours.get(CONFTEST)
    if quiet and quiet.content.decode("utf-8", "replace") == QUIET_TESTS.format(package=package):
        merged.files[CONFTEST] = None
        merged.dropped.append(CONFTEST)
    for name in (PYPROJECT, f"src/{PYPROJECT}"):
        file = merged.files.get(name) or ours.get(name)
        if file is None or name in merged.conflicts:
            continue
        try:
            document = tomlkit.parse(file.content.decode())
        except (ValueError, tomlkit.exceptions.TOMLKitError):
            continue
        project, uv = document.get("project", {}), document.get("tool", {}).get("uv", {})
        if project.get("scripts", {}).get("mlops") == f"{package}.mlops.cli:main":
            del project["scripts"]["mlops"]
            if not project["scripts"]:
                del project["scripts"]
        kit = uv.get("sources", {}).get("mlops-kit", {})
        if name != PYPROJECT and kit.get("path") == KIT.rstrip("/"):
            kit["path"] = f"../{KIT.rstrip('/')}"
        content = tomlkit.dumps(document).encode()
        if content != file.content:
            merged.files[name] = File(content, file.mode)
            if name not in merged.changed:
                merged.changed.append(name)


def new_names(theirs: Rendered, moved: Mapping[str, str], package: str) -> dict[str, str]:
    """Return the new name of each old module, below `mlops_kit` and below PACKAGE.mlops."""
    found = {}
    for old, new in moved.items():
        name = old.removeprefix(f"src/{package}/mlops/")
        if name != old and new.startswith(CODE) and new.endswith(".py") and new in theirs.files:
            found[dotted(name)] = dotted(new.removeprefix(CODE))
    found.pop("", None)
    return found


def dotted(path: str) -> str:
    """Return the name of the module in a file."""
    return path.removesuffix(".py").removesuffix("__init__").strip("/").replace("/", ".")


def contents(
    repo: Repository, tree: Mapping[str, Entry], merged: Merged
) -> Iterator[tuple[str, str]]:
    """Yield the text of each file outside the kit that may run code, as it is after a merge."""
    paths = {*tree, *merged.files} - {name for name, file in merged.files.items() if file is None}
    paths = {n for n in paths if PurePosixPath(n).suffix in RUNS and not n.startswith(KIT)}
    unread = {n: tree[n].oid for n in paths - merged.files.keys() if tree[n].mode.startswith("100")}
    blobs = read_blobs(repo, unread.values())
    for name in sorted(paths):
        file = merged.files.get(name)
        content = file.content if file else blobs.get(unread.get(name, ""), b"")
        if len(content) <= LARGEST and b"\0" not in content:
            yield name, content.decode("utf-8", "replace")


def users_of(package: str, texts: Iterable[tuple[str, str]]) -> list[str]:
    """Return the files that name PACKAGE.mlops, or what is left of it from inside PACKAGE."""
    name = re.escape(package)
    imported = r"\s+import\s+(\([^)]*|[^\n(#]*)\bmlops\b"
    outside = re.compile(rf"(?<![\w.]){name}\.mlops\b|\bfrom\s+{name}{imported}")
    inside = re.compile(rf"^\s*from\s+\.+(mlops\b|{imported})", re.MULTILINE)
    return [
        path
        for path, text in texts
        if outside.search(text)
        or (path.startswith(f"src/{package}/") and inside.search(text))
        or (path.startswith(f"src/{package}/mlops/") and path.endswith(".py"))
    ]


def hooks_of(repo: Repository, package: str) -> list[str]:
    """Return the git hooks of this clone that name PACKAGE.mlops."""
    # Those of core.hooksPath usually lie in the repository, and are read with its files.
    folder = repo.top / git("rev-parse", "--git-common-dir", cwd=repo.top) / "hooks"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    texts = (
        (f"the git hook {file.name}", file.read_text(encoding="utf-8", errors="replace"))
        for file in files
        if file.is_file() and file.suffix != ".sample" and file.stat().st_size <= LARGEST
    )
    return users_of(package, texts)
