"""The team's package: which it is, and its modules; the only place where the kit meets it."""

import importlib
import importlib.util
import os
import sys
import tomllib
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from mlops_kit.core.errors import MlopsError

VARIABLE = "MLOPS_PACKAGE"
SEEDS = ("features.py", "model.py", "baseline.py")


def package() -> str | None:
    """Return the name of the team's package, or None where there is no project.

    `MLOPS_PACKAGE` wins, then `[tool.mlops] package` in the pyproject.toml of the project around
    the working directory, then the only folder there that holds the team's three files.

    Raises
    ------
    MlopsError
        When several packages could be meant and none is named, or a file cannot be read.
    """
    if named := os.environ.get(VARIABLE):
        return named
    folder = project_folder()
    return None if folder is None else _package_in(folder)


def module(name: str) -> ModuleType:
    """Import a module of the team's package, such as `features`.

    Raises
    ------
    MlopsError
        When there is no project here.
    ModuleNotFoundError
        When the package has no such module, or one that it imports is missing.
    """
    return importlib.import_module(f"{_importable()}.{name}")


def required() -> str:
    """Return the name of the team's package, or refuse where there is no project."""
    if found := package():
        return found
    raise MlopsError(
        "No project is here; run this in a project's folder, or name the team's package in "
        f"{VARIABLE}."
    )


def folder() -> Path:
    """Return the folder of the team's package as Python imports it."""
    found = importlib.import_module(_importable())
    return Path(str(found.__file__)).parent


def failure(where: str, error: Exception) -> MlopsError:
    """Return the sentence about an exception that the team's code raised; ours stay as they are."""
    if isinstance(error, MlopsError):
        return error
    reason = " ".join(str(error).split())[:300]
    return MlopsError(
        f"{where} fails: {type(error).__name__}: {reason} "
        "(`uv run mlops --debug train` shows where)."
    )


def project_folder() -> Path | None:
    """Return the nearest folder, from the working directory upwards, that is a project."""
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / "conf" / "base.yaml").is_file() or "mlops" in _tools(candidate):
            return candidate
    return None


def _importable() -> str:
    """Return the package's name; where no distribution installs it, put its folder on the path.

    So it is in a repository that adopted the template: its own build knows nothing of the package.
    """
    name = required()
    if importlib.util.find_spec(name) is None and (project := project_folder()):
        sys.path += [str(place) for place in (project / "src", project) if (place / name).is_dir()]
    return name


@lru_cache(maxsize=64)
def _package_in(project: Path) -> str | None:
    named = _tools(project).get("mlops", {}).get("package")
    if named is not None:
        if not (isinstance(named, str) and named.isidentifier()):
            raise MlopsError(
                f"pyproject.toml: [tool.mlops] package is {named!r}; write the name of the folder "
                "that holds features.py."
            )
        return named
    holders = sorted(
        place.parent.name
        for place in (*project.glob("src/*/features.py"), *project.glob("*/features.py"))
        if all((place.parent / name).is_file() for name in SEEDS)
    )
    if len(holders) > 1:
        raise MlopsError(
            f"{' and '.join(holders)} both hold {', '.join(SEEDS)}; name the one that is meant: "
            "[tool.mlops] package in pyproject.toml."
        )
    return holders[0] if holders else None


def _tools(project: Path) -> dict[str, dict[str, object]]:
    file = project / "pyproject.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise MlopsError(f"{file.as_posix()} cannot be read: {error}.") from error
