"""What a repository's own build, Python versions and uv workspace leave room for."""

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from copier_mlops.adopting.existing import OLDEST_PYTHON, RUNNERS, Existing
from copier_mlops.adopting.pyproject_merge import quoted
from copier_mlops.git import ask_git
from copier_mlops.rendering.workspace import matches, workspace_of

FOLDERS = ("conf", "data", "docs", "models", "notebooks", "reports", "tests", "tools")
"""The template's."""


def apart_because(existing: Existing) -> tuple[str, str] | None:
    """Say why one environment would break something of theirs, and what to do to have one."""
    if runs_older_python(existing):
        older = f"3.{OLDEST_PYTHON}"
        cause = f"uv runs your project with Python versions older than {older} too"
        return cause, f"ask for {older} (requires-python, .python-version)"
    scripts = [table.get("scripts") or {} for _, table in existing.metadata()]
    legacy = existing.texts.get("setup.cfg", "") + existing.texts.get("setup.py", "")
    if any("mlops" in names for names in scripts) or re.search(r"\bmlops *= *\w", legacy):
        return "your project has a command `mlops` too", "give yours another name"
    return None


def runs_older_python(existing: Existing) -> bool:
    """Tell whether uv runs it, or would, with a Python on which the template's code fails."""
    pin = existing.texts.get(".python-version", "").strip()
    if re.match(r"(3\.([0-9]|10)|2)(\.|$)", pin):
        return True
    by_uv = "uv.lock" in existing.entries or any(
        re.search(r"\buv (run|sync)\b", text)
        for name, text in existing.texts.items()
        if RUNNERS.fullmatch(name)
    )
    declared = existing.requires_python is not None
    return by_uv and declared and any(map(existing.supports, range(6, OLDEST_PYTHON)))


def builds_what_it_finds(existing: Existing) -> bool:
    """Tell whether its build takes every package that it finds where the template's code goes."""
    backend = existing.pyproject.get("build-system", {}).get("build-backend", "")
    looks = backend == "pdm.backend" or backend.startswith("setuptools")
    described = existing.is_legacy or "project" in existing.pyproject
    if not described or not (looks or (existing.is_legacy and not backend)):
        return False
    setup = existing.texts.get("setup.py", "")
    finds = re.search(r"\bfind_(namespace_)?packages\(", setup)
    named = isinstance(existing.tools.get("setuptools", {}).get("packages"), list)
    named = named or ("packages" in existing.setup_py and not finds)
    if existing.setup_cfg.has_option("options", "packages"):
        named = named or not existing.setup_cfg["options"]["packages"].startswith("find")
    namespaces = "find_namespace" in setup + existing.texts.get("setup.cfg", "")
    if taken_at_top(existing, "x"):
        return True
    package = r"src/(\w+/)?\w+\.py" if namespaces else r"src/(\w+/)?__init__\.py"
    return not named and any(re.fullmatch(package, name) for name in existing.entries)


def exclude_package(existing: Existing, package: str) -> dict[str, str]:
    """Return what keeps the template's packages out of a build that looks for packages."""
    if package in existing.source_packages:
        return {}
    find = _find_table(existing)
    taken = taken_at_top(existing, package)
    if find is not None and "src" in find.get("where", []):
        taken = [package, *taken]
    if find is None or not taken:
        return {}
    left_out = quoted([pattern for name in taken for pattern in (name, f"{name}.*")])
    return {"tool.setuptools.packages.find": f"exclude = {left_out}\n"}


def taken_at_top(existing: Existing, package: str) -> list[str]:
    """Return what of the template setuptools takes for packages where it looks at the top.

    There, every folder is one, with or without an ``__init__.py``, unless ``namespaces`` is false.
    """
    find = _find_table(existing)
    if find is None:
        legacy = r"find_namespace_packages\(\s*(exclude|\))|^packages *= *find_namespace: *$"
        texts = existing.texts.get("setup.py", "") + "\n" + existing.texts.get("setup.cfg", "")
        where = existing.setup_cfg.has_option("options.packages.find", "where")
        if where or not re.search(legacy, texts, re.MULTILINE):
            return []
        find = {}
    if "." not in find.get("where", ["."]) or find.get("namespaces") is False:
        return []
    tests = [] if existing.has_tests else ["tests"]
    known, left_out = find.get("include", ["*"]), find.get("exclude", [])
    return [
        name
        for name in (f"src.{package}", "tools.kit", *tests)
        if any(fnmatchcase(name, glob) for glob in known)
        and not any(fnmatchcase(name, glob) for glob in left_out)
    ]


def _find_table(existing: Existing) -> dict[str, Any] | None:
    """Return what pyproject.toml says about where setuptools looks for packages."""
    packages = existing.tools.get("setuptools", {}).get("packages")
    find = packages.get("find") if isinstance(packages, dict) else None
    return find if isinstance(find, dict) else None


def keep_packages_found(existing: Existing) -> dict[str, str]:
    """Return what keeps a build that looks for its packages finding them beside a new src/."""
    backend = existing.pyproject.get("build-system", {}).get("build-backend", "")
    if any(name.startswith("src/") for name in existing.entries) or not (
        existing.is_legacy or "project" in existing.pyproject
    ):
        return {}
    if backend == "pdm.backend":
        return {"tool.pdm.build": 'package-dir = "."\n'}
    named = {"packages", "py-modules", "package-dir"} & set(existing.tools.get("setuptools", {}))
    options = existing.setup_cfg["options"] if existing.setup_cfg.has_section("options") else {}
    named |= {"packages", "py_modules", "package_dir"} & ({*options} | {*existing.setup_py})
    if named or not (backend.startswith("setuptools") or (not backend and existing.is_legacy)):
        return {}
    wanted = canonicalize_name(existing.name).replace("-", "_")
    tops = {n.split("/")[0] for n in existing.entries if re.fullmatch(r"\w+/.*\.py", n)}
    modules = {n[:-3] for n in existing.entries if re.fullmatch(r"\w+\.py", n)} - {"setup"}
    other = {"test", "tests", "docs", "doc", "examples", "scripts", "tools", "benchmarks", "build"}
    tops = {wanted} if wanted in tops else tops - other
    if len(tops) == 1:
        top = tops.pop()
        return {"tool.setuptools.packages.find": f"include = {quoted([top, f'{top}.*'])}\n"}
    if not tops and len(modules) == 1:
        return {"tool.setuptools": f"py-modules = {quoted(sorted(modules))}\n"}
    return {}


def takes_for_member(existing: Existing, folder: str) -> bool:
    """Tell whether the workspace in which the project is takes this folder for a member."""
    top = workspace_of(existing.repo.folder)
    return top is not None and workspace_of((existing.repo.folder / folder).resolve()) == top


def member_below(existing: Existing, folder: str) -> str | None:
    """Return a member of their workspace below a folder, if there is one."""
    if "workspace" not in existing.tools.get("uv", {}):
        return None
    projects = (n for n in existing.entries if n.endswith("/pyproject.toml"))
    found = (n for n in projects if n.startswith(f"{folder}/") and n.count("/") > 1)
    return next((str(PurePosixPath(name).parent) for name in found), None)


def workspace_obstacle(existing: Existing, package: str) -> str | None:
    """Say why uv could not read their workspace any more with the template's folders in it."""
    workspace = existing.tools.get("uv", {}).get("workspace", {})
    for place, taking in [("", workspace), *_workspaces_above(existing)]:
        members, excluded = taking.get("members", []), taking.get("exclude", [])
        for folder in (*FOLDERS, f"src/{package}"):
            known = any(name.startswith(f"{folder}/") for name in existing.entries)
            takes = [glob for glob in members if matches(place + folder, glob)]
            left = any(matches(place + folder, glob) for glob in excluded)
            if takes and not left and not known:
                return (
                    f"`{takes[0]}` takes the template's {place}{folder}/ for a member; list "
                    "the members one by one, or exclude that folder"
                )
    return None


def _workspaces_above(existing: Existing) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each workspace above the folder, with the folder's path from there."""
    folder = PurePosixPath(existing.repo.prefix)
    for parent in folder.parents if existing.repo.prefix else ():
        text = ask_git("show", f"HEAD:{parent / 'pyproject.toml'}", cwd=existing.repo.top)
        try:
            table = tomllib.loads(text or "").get("tool", {}).get("uv", {}).get("workspace", {})
        except tomllib.TOMLDecodeError:
            continue
        yield f"{folder.relative_to(parent)}/", table
