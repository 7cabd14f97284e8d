"""Say where a repository differs from what its recorded version and answers render."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from copier_mlops.git import Repository, ask_git, git
from copier_mlops.rendering.versions import File, Rendered, opened, precedes, resolve, version_name
from copier_mlops.repository.project import ANSWERS_FILE, Project, project_at
from copier_mlops.updating.merge import moved_by_owner
from copier_mlops.updating.update import render_recorded


@dataclass(frozen=True)
class Drift:
    """What differs. A missing seed is the team's choice; anything else is drift."""

    version: str
    newer: str | None
    """The newest release, if it is not this one."""
    edited: list[str]
    removed: list[str]
    moved: dict[str, str]
    seeds_missing: list[str]
    answers: list[str]
    """What was edited by hand in the answers file, in words."""

    @property
    def found(self) -> bool:
        """Tell whether the repository left the practice."""
        return bool(self.edited or self.removed or self.moved or self.answers)


def drift(path: Path) -> Drift:
    """Render the recorded version again and compare.

    Raises
    ------
    ToolError
        The repository or its template cannot be read.
    """
    project = project_at(path)
    with opened(project.source) as template:
        base = render_recorded(template, project)
        target = resolve(template, None)
        newer = next((v for v, commit in template.versions.items() if commit == target), target)
        is_newest = not precedes(template, base.commit, target)
        version = version_name(template, base.commit, base.name)
    repo = project.repo
    managed = sorted(base.files.keys() - base.seeded - {ANSWERS_FILE})
    gone = [name for name in managed if not (repo.folder / name).is_file()]
    moved = moved_by_owner(gone, base.files, perhaps_moved(repo, gone), base.files)
    edited = [name for name in managed if name not in gone and is_edited(repo, name, base)]
    seeds = [name for name in base.seeded if not (repo.folder / name).exists()]
    removed = [name for name in gone if name not in moved]
    return Drift(
        version=version,
        newer=None if is_newest else newer,
        edited=edited,
        removed=removed,
        moved=moved,
        seeds_missing=sorted(seeds),
        answers=edited_answers(project, base, has_drift=bool(edited or removed)),
    )


def perhaps_moved(repo: Repository, gone: Collection[str]) -> dict[str, File]:
    """Read the tracked files that have the kind of name that a missing one had."""
    kinds = {Path(name).suffix for name in gone}
    listed = git("ls-files", "-z", "--cached", cwd=repo.folder).split("\0") if gone else []
    paths = {name: repo.folder / name for name in listed if name and Path(name).suffix in kinds}
    return {
        name: File(path.read_bytes())
        for name, path in paths.items()
        if path.is_file() and not path.is_symlink()
    }


def is_edited(repo: Repository, name: str, base: Rendered) -> bool:
    """Tell whether a file's contents differ; line ends of a checkout do not count."""
    path, file = repo.folder / name, base.files[name]
    if path.is_symlink():
        return True
    return not is_same(path.read_bytes(), file)


def is_same(content: bytes, file: File) -> bool:
    """Tell whether contents are as rendered; line ends of a checkout do not count."""
    return content.replace(b"\r\n", b"\n") == file.content.replace(b"\r\n", b"\n")


def edited_answers(project: Project, base: Rendered, *, has_drift: bool) -> list[str]:
    """Say which answers cannot be what Copier wrote, or were changed without an update."""
    said = [
        f"{name} is no question of this version"
        for name in project.answers
        if name not in base.questions
    ]
    said += [
        f"{name} follows from other answers"
        for name in project.answers
        if name in base.questions and name not in base.answers
    ]
    said += [
        f"{name} is missing; it would be {value!r}"
        for name, value in base.answers.items()
        if name not in project.answers
    ]
    said += [
        f"{name} is {project.answers[name]!r} and means {value!r}"
        for name, value in base.answers.items()
        if name in project.answers and project.answers[name] != value
    ]
    return said + (changed_alone(project.repo) if has_drift else [])


def changed_alone(repo: Repository) -> list[str]:
    """Find answers whose last change came in a commit that changed nothing else."""
    log = ("log", "--max-count=20", "--format=%H", "--", ANSWERS_FILE)
    for commit in git(*log, cwd=repo.folder).splitlines():
        names = git("show", "--name-only", "--format=", commit, cwd=repo.top).split("\n")
        before, after = (answers_at(repo, revision) for revision in (f"{commit}^", commit))
        if before.get("_commit") != after.get("_commit"):
            break
        if names == [f"{repo.prefix}{ANSWERS_FILE}"]:
            return [
                f"{name} was changed by hand from {before.get(name)!r} to {after.get(name)!r}"
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name)
            ]
    return []


def answers_at(repo: Repository, revision: str) -> Mapping[str, Any]:
    """Return the answers file of a revision; empty if it cannot be read."""
    text = ask_git("show", f"{revision}:{repo.prefix}{ANSWERS_FILE}", cwd=repo.top) or ""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def drift_text(found: Drift) -> str:
    """Return what a person reads."""
    lines = [f"edited    {name}" for name in found.edited]
    lines += [f"removed   {name}" for name in found.removed]
    lines += [f"moved     {old} -> {new}" for old, new in found.moved.items()]
    lines += [f"answer    {said}" for said in found.answers]
    lines += [f"no seed   {name} (yours; only to know)" for name in found.seeds_missing]
    if not found.found:
        lines.append(f"No drift: every managed file is as version {found.version} renders it.")
    if found.newer:
        lines.append(f"Version {found.newer} exists; this is {found.version}: copier-mlops update.")
    return "\n".join(lines)
