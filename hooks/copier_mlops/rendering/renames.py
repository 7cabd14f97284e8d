"""What a version says about paths, questions and choices of older versions: ``renames.yml``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from copier_mlops.errors import ToolError, last_line
from copier_mlops.git import path_in
from copier_mlops.rendering.tags import show
from copier_mlops.rendering.versions import Template

RENAMES_FILE = "renames.yml"


@dataclass(frozen=True)
class Renames:
    """See the comments in ``renames.yml``."""

    moved: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    questions: dict[str, str | None] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)


def renames_of(template: Template, commit: str, answers: Mapping[str, Any]) -> Renames:
    """Read the file of a version, with the answers put into its paths.

    Raises
    ------
    ToolError
        It is not what its comments say, or a path leaves the repository.
    """
    text = show(template.clone, commit, RENAMES_FILE) or "{}"
    try:
        found = Renames(**(yaml.safe_load(text) or {}))
        moved = {_path(old, answers): _path(new, answers) for old, new in found.moved.items()}
        removed = [_path(name, answers) for name in found.removed]
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        where = f"{RENAMES_FILE} of {template.source}"
        raise ToolError(f"{where} cannot be used: {last_line(error)}") from error
    # A path that moved twice goes straight to its last place.
    for old, new in moved.items():
        last, passed = new, {old}
        while last in moved and last not in passed:
            passed.add(last)
            last = moved[last]
        moved[old] = last
    return Renames(moved, removed, found.questions or {}, found.choices or {})


def migrate(answers: Mapping[str, Any], renames: Renames) -> dict[str, Any]:
    """Return old answers under their new names, with choices that went replaced."""
    migrated: dict[str, Any] = {}
    for name, value in answers.items():
        target = renames.questions.get(name, name)
        if target is None:
            continue
        choices = renames.choices.get(target, {})
        if isinstance(value, list):
            migrated[target] = list(dict.fromkeys(choices.get(item, item) for item in value))
        else:
            migrated[target] = choices.get(value, value)
    return migrated


def _path(text: str, answers: Mapping[str, Any]) -> str:
    """Return a path as rendered; only the package's name can vary, so no Jinja is run."""
    name = text.removeprefix("/").replace("{{ package_name }}", str(answers.get("package_name")))
    path_in(Path("/"), name)
    return name
