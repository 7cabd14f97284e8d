"""The uv workspace around a folder, and the kit that is there: two cannot be installed together."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from copier_mlops.errors import ToolError
from copier_mlops.rendering.versions import Template, render

OWN_KIT, KIT_NAME = "tools/kit", "mlops-kit"
PYPROJECT = "pyproject.toml"
SHARED = re.compile(r"(\.\./)*([\w][\w.-]*/)*tools/kit", re.ASCII)
"""What the question ``kit`` accepts."""


@dataclass(frozen=True)
class WorkspaceKit:
    """The kit of another project in the same uv workspace."""

    folder: Path

    @property
    def owner(self) -> Path:
        """The project whose updates bring the kit's new versions."""
        return self.folder.parent.parent

    @property
    def version(self) -> str | None:
        """The version of the template that its owner records."""
        answers = self.owner / ".copier-answers.yml"
        text = answers.read_text("utf-8", "replace") if answers.is_file() else ""
        found = re.search(r"^_commit: *[\"']?v?([^\s\"']+)", text, re.MULTILINE)
        return found[1] if found else None

    def seen_from(self, project: Path) -> str:
        """Return the answer to ``kit`` of another project."""
        return Path(os.path.relpath(self.folder, project)).as_posix()


def workspace_of(project: Path) -> Path | None:
    """Return the root of the uv workspace that a folder is, or would be, a member of."""
    for root in (project, *project.parents):
        workspace = uv_table(root).get("workspace")
        if not isinstance(workspace, dict):
            continue
        here = project.relative_to(root).as_posix()
        taken, left = (
            any(matches(here, glob) for glob in workspace.get(key) or ())
            for key in ("members", "exclude")
        )
        return root if root == project or (taken and not left) else None
    return None


def kit_of_workspace(project: Path) -> WorkspaceKit | None:
    """Return the kit that another project of a folder's workspace installs, if there is one."""
    root = workspace_of(project)
    own = project / OWN_KIT
    for user, folder in kits_of(root) if root else ():
        if folder == own or workspace_of(user) != root:
            continue
        kit = WorkspaceKit(folder)
        if SHARED.fullmatch(kit.seen_from(project)):
            return kit
    return None


def users_of_kit(project: Path) -> list[Path]:
    """Return the other projects of a workspace that install a project's kit."""
    root, own = workspace_of(project), project / OWN_KIT
    users = [user for user, kit in kits_of(root) if kit == own] if root else []
    return [user for user in users if user not in (project, own)]


def shares_kit(answers: Mapping[str, Any]) -> bool:
    """Tell whether a project uses the kit of another project in its uv workspace."""
    return answers.get("kit", OWN_KIT) != OWN_KIT


def refuse_unfit_kit(
    template: Template, commit: str, name: str, answers: Mapping[str, Any], project: Path
) -> None:
    """Refuse to share a kit of another version, or one without a room that the answers ask for.

    Parameters
    ----------
    template, commit, name
        What the project is rendered from, and what its ``_commit`` says.
    answers : mapping
        The project's; without a kit of another project among them, nothing is refused.
    project : Path
        Its folder.
    """
    if not shares_kit(answers):
        return
    kit, version = WorkspaceKit((project / answers["kit"]).resolve()), name.removeprefix("v")
    if not (kit.folder / PYPROJECT).is_file():
        raise ToolError(
            f"There is no kit in {kit.folder}: -d kit={OWN_KIT} gives this project one of its own."
        )
    if (kit.version or "") != version:
        raise ToolError(
            f"One uv workspace has one kit. That in {kit.folder} is of version "
            f"{kit.version or 'unknown'}, not {version or 'unknown'}: first copier-mlops update "
            f"{kit.owner}, or take the version that it has."
        )
    alone = render(template, commit, {**answers, "kit": OWN_KIT})
    needed = sorted(name for name in alone.files if name.startswith(f"{OWN_KIT}/"))
    if missing := [name for name in needed if not (kit.owner / name).is_file()]:
        raise ToolError(
            f"One uv workspace has one kit. {kit.owner / missing[0]} is not there, and your "
            f"answers need it: answer as {kit.owner} does, or change its answers first "
            "(copier-mlops update -d question=answer)."
        )


def refuse_taken_folders(project: Path, folders: Iterable[str]) -> None:
    """Refuse a place where a workspace would take one of a project's folders for a member.

    Parameters
    ----------
    project : Path
        The project, which may not be there yet.
    folders : iterable of str
        The folders that come, seen from the project. A kit is refused only to a project that is a
        member itself: it names the kit by its path, which uv allows for what is no member.
    """
    inside = workspace_of(project)
    for folder in sorted(folders, key=lambda name: (name.count("/"), name)):
        place = Path(os.path.normpath(project / folder))
        root = workspace_of(place)
        is_kit = folder.endswith(OWN_KIT)
        if root is None or place.name.startswith(".") or (is_kit and root != inside):
            continue  # uv passes hidden folders over.
        raise ToolError(
            f"uv could not read the workspace {root}: its `members` would take "
            f"{place.relative_to(root).as_posix()}/ for one; list the members one by one, or name "
            "that folder in `exclude` of [tool.uv.workspace]."
        )


def kits_of(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each project of a workspace that names a kit, or is one, and the kit's folder."""
    workspace = uv_table(root).get("workspace") or {}
    # "." is the root once more, which pathlib does not look for.
    globs = [glob for glob in workspace.get("members") or () if PurePosixPath(glob).parts]
    members = [path for glob in globs for path in sorted(root.glob(glob))]
    for folder in (root, *members):
        if read(folder).get("project", {}).get("name") == KIT_NAME:
            yield folder, folder
        sources = uv_table(folder).get("sources")
        source = sources.get(KIT_NAME) if isinstance(sources, dict) else None
        path = source.get("path") if isinstance(source, dict) else None
        if isinstance(path, str) and (kit := (folder / path).resolve() / PYPROJECT).is_file():
            yield folder, kit.parent


def uv_table(folder: Path) -> dict[str, Any]:
    """Return [tool.uv] of a folder's pyproject.toml; empty when there is none."""
    table = read(folder).get("tool", {}).get("uv", {})
    return table if isinstance(table, dict) else {}


def read(folder: Path) -> dict[str, Any]:
    """Return a folder's pyproject.toml; empty when there is none that can be read."""
    try:
        return tomllib.loads((folder / PYPROJECT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def matches(folder: str, glob: str) -> bool:
    """Tell whether uv's glob names this folder; a single star stops at a slash."""
    path, pattern = PurePosixPath(folder), PurePosixPath(glob)
    if "**" in pattern.parts:
        return fnmatchcase(folder, pattern.as_posix())
    return len(path.parts) == len(pattern.parts) and path.match(glob)
