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
    split: dict[str, list[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    questions: dict[str, str | None] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def main_places(self) -> dict[str, str]:
        """Where the name of a file that moved leads, also of one that was split."""
        return self.moved | {old: places[0] for old, places in self.split.items()}


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
        went = {_path(old, answers): [_path(new, answers)] for old, new in found.moved.items()}
        parts = {
            _path(old, answers): [_path(new, answers) for new in places]
            for old, places in found.split.items()
        }
        removed = [_path(name, answers) for name in found.removed]
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        where = f"{RENAMES_FILE} of {template.source}"
        raise ToolError(f"{where} cannot be used: {last_line(error)}") from error
    # A path that moved twice goes straight to its last places; one of several was split.
    last = {old: [*dict.fromkeys(_last_places(old, went | parts))] for old in (went | parts)}
    moved = {old: places[0] for old, places in last.items() if old in went and not places[1:]}
    split = {old: places for old, places in last.items() if old not in moved}
    return Renames(moved, split, removed, found.questions or {}, found.choices or {})


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


def _last_places(
    name: str, went: Mapping[str, list[str]], passed: frozenset[str] = frozenset()
) -> list[str]:
    """Return where a path ends up; one that comes back to where it was stays there."""
    if name in passed or name not in went:
        return [name]
    return [last for new in went[name] for last in _last_places(new, went, passed | {name})]


def _path(text: str, answers: Mapping[str, Any]) -> str:
    """Return a path as rendered; only the package's name can vary, so no Jinja is run."""
    name = text.removeprefix("/").replace("{{ package_name }}", str(answers.get("package_name")))
    path_in(Path("/"), name)
    return name
