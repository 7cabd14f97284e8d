"""Bring a rendered repository to another version of the template without losing a line."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import snapshot
from .apply import LOCK, Plan, carry_out, diff_of
from .errors import ToolError, say, some
from .git import (
    Entry,
    Repository,
    ask_git,
    changed_paths,
    git,
    path_in,
    read_blobs,
    repository_at,
    run_git,
    tree_of,
)
from .merge import Merged, is_elsewhere, kind_of, lost_lines, merge
from .project import ANSWERS_FILE, Project, project_at
from .releases import show
from .renames import migrate, renames_of
from .report import Report
from .versions import (
    File,
    Rendered,
    Template,
    askable,
    opened,
    precedes,
    render,
    resolve,
)

SUBMODULE = "160000"
FIXED = {
    "package_name": "move src/<old> to src/<new>, replace the name in pyproject.toml, uv.lock, "
    "README.md and tests, and write it into .copier-answers.yml, all in one commit",
    "functionality": "render a new project with the other answer and copy its "
    "src/<package>/baseline.py and conf/compare.yaml by hand",
    "task": "render a new project with the other task and copy your features.py, tests and conf/ "
    "into it by hand",
}


def update(
    path: Path,
    *,
    to: str | None = None,
    given: Mapping[str, str] | None = None,
    check: bool = False,
    lock: bool = True,
) -> tuple[Report, str]:
    """Update a project and leave the result staged for review.

    Parameters
    ----------
    path : Path
        The folder that holds ``.copier-answers.yml``.
    to : str, optional
        A version; by default the newest release.
    given : mapping, optional
        Answers to change.
    check : bool
        Write nothing; return what would change.
    lock : bool
        Bring ``uv.lock`` in line with a changed ``pyproject.toml``.

    Returns
    -------
    report : Report
        What was done, and what is left to do.
    diff : str
        With ``check``, the changes as a diff.

    Raises
    ------
    ToolError
        Refused, with nothing written.
    """
    project = project_at(path)
    with snapshot.only_one(project.repo):
        snapshot.refuse_interrupted(project.repo)
        plan = work_out(project, to, given or {})
        if check:
            return plan.report, diff_of(plan)
        if plan.merged.files or plan.merged.conflicts:
            details = {"to": to, "given": dict(given or {}), "lock": lock}
            carry_out(plan, details)
    return plan.report, ""


def undo(path: Path) -> list[str]:
    """Return to the state before the last update; return files with later edits, kept aside."""
    repo = repository_at(path)
    with snapshot.only_one(repo):
        return snapshot.abort(repo, "update")


def resume(path: Path) -> Report | None:
    """Run an interrupted update again from its start; close one that is complete (None).

    Raises
    ------
    ToolError
        There is none, or files are still unmerged.
    """
    repo = repository_at(path)
    with snapshot.only_one(repo):
        before = snapshot.current(repo)
        if before is None or before.command != "update":
            raise ToolError(f"There is no update to continue in {repo.top}.")
        if before.phase == snapshot.DONE:
            if unmerged := run_git("ls-files", "--unmerged", "-z", cwd=repo.top)[1]:
                lines = [line for line in unmerged.split(b"\0") if line]
                names = {os.fsdecode(line.partition(b"\t")[2]) for line in lines}
                raise ToolError(
                    f"Still unmerged: {some(names)}; edit them, git add them, then continue."
                )
            snapshot.forget(repo)
            return None
        snapshot.abort(repo, "update")
    asked = before.details
    return update(path, to=asked["to"], given=asked["given"], lock=asked["lock"])[0]


def work_out(project: Project, to: str | None, given: Mapping[str, str]) -> Plan:
    """Render both versions, merge, and prove that nothing is lost.

    Raises
    ------
    ToolError
        Anything that would be lost, cannot be known, or cannot be done.
    """
    repo = project.repo
    if changed := changed_paths(repo):
        raise ToolError(
            f"Uncommitted changes in {repo.folder}: {some(changed)}; commit or stash them first."
        )
    say(f"Reading the template {project.source}")
    with opened(project.source) as template:
        base, theirs, renames = render_both(template, project, to, given)
        changelog = show(template.clone, theirs.commit, "CHANGELOG.md") or ""
        names = tuple(version_name(template, one) for one in (base, theirs))
    say("Merging")
    tree = tree_of(repo, "HEAD")
    ours = read_ours(repo, tree, base, theirs, renames.moved)
    labels = ("yours", f"template {names[0]}", f"template {names[1]}")
    merged = merge(base, theirs, ours, renames.moved, labels)
    keep_answers_readable(merged, theirs)
    prove(repo, base, ours, merged, tree)
    new = [name for name in theirs.questions if askable(theirs.questions, name)]
    report = Report(
        before=names[0],
        after=names[1],
        merged=merged,
        new_answers={
            name: theirs.answers[name]
            for name in new
            if name in theirs.answers and name not in base.answers and name not in given
        },
        changelog=changelog,
    )
    old_lock = base.files.get(LOCK)
    follows = old_lock is not None and ours.get(LOCK) == old_lock and LOCK in theirs.files
    return Plan(project, ours, merged, report, theirs.files[LOCK].content if follows else None)


def render_both(
    template: Template, project: Project, to: str | None, given: Mapping[str, str]
) -> tuple[Rendered, Rendered, Any]:
    """Render the recorded version with the recorded answers, and the wanted one with today's."""
    base = render_recorded(template, project)
    target = resolve(template, to)
    if precedes(template, target, base.commit):
        than = "what --to names" if to else "the newest release"
        raise ToolError(
            f"This repository is at {project.version}, newer than {than}; "
            "to go back, revert the commit of the update."
        )
    for name, steps in FIXED.items():
        if name in given and name in base.answers and given[name] != base.answers[name]:
            raise ToolError(
                f"{name} is fixed once rendered ({base.answers[name]!r}). By hand: {steps}."
            )
    renames = renames_of(template, target, base.answers)
    say(f"Rendering {to or 'the newest version'}")
    try:
        theirs = render(template, target, migrate(base.answers, renames), given=given)
    except ToolError as error:
        reason = str(error).rstrip(".")
        raise ToolError(f"{reason}; give this version an answer with -d.") from error
    return base, theirs, renames


def render_recorded(template: Template, project: Project) -> Rendered:
    """Render the version and answers that the repository records.

    Raises
    ------
    ToolError
        The template does not have that version.
    """
    try:
        commit = resolve(template, project.version)
    except ToolError as error:
        shallow = ask_git("rev-parse", "--is-shallow-repository", cwd=template.clone) == "true"
        hint = "it is a shallow clone" if shallow else "was its history rewritten?"
        raise ToolError(
            f"_commit {project.version} in {ANSWERS_FILE} is no version of {project.source} "
            f"({hint}); it has {', '.join(template.versions) or 'no releases'}."
        ) from error
    say(f"Rendering {project.version} again")
    return render(template, commit, project.answers)


def version_name(template: Template, rendered: Rendered) -> str:
    """Return the release's number, or git's description of the commit."""
    known = [*template.candidates.items(), *template.versions.items()]
    released = {commit: version for version, commit in known}
    return released.get(rendered.commit, rendered.name)


def read_ours(
    repo: Repository,
    tree: Mapping[str, Entry],
    base: Rendered,
    theirs: Rendered,
    moved: Mapping[str, str],
) -> dict[str, File]:
    """Read the tracked files that matter: rendered ones, and those that may be a moved one.

    Raises
    ------
    ToolError
        A submodule stands where the template has a file.
    """
    rendered = base.files.keys() | theirs.files.keys()
    for name in sorted(rendered & tree.keys()):
        if tree[name].mode == SUBMODULE:
            raise ToolError(f"{name} is a submodule, and the template has a file there.")
    ours = read_files(repo, tree, rendered & tree.keys())
    gone = {
        kind_of(name)
        for name, file in base.files.items()
        if theirs.files.get(moved.get(name, name), file) != file
        and is_elsewhere(name, ours.get(name), file, tree)
    }
    others = {name for name in tree.keys() - rendered if kind_of(name) in gone}
    return ours | read_files(repo, tree, others)


def read_files(
    repo: Repository, tree: Mapping[str, Entry], names: Iterable[str]
) -> dict[str, File]:
    """Read files of a commit, but no submodules."""
    wanted = sorted(name for name in names if tree[name].mode != SUBMODULE)
    blobs = read_blobs(repo, (tree[name].oid for name in wanted))
    return {name: File(blobs[tree[name].oid], tree[name].mode) for name in wanted}


def keep_answers_readable(merged: Merged, theirs: Rendered) -> None:
    """Never leave conflict markers in the answers file: without it nothing can be updated."""
    if ANSWERS_FILE in merged.conflicts:
        yours = merged.conflicts.pop(ANSWERS_FILE)[2]
        merged.files[ANSWERS_FILE] = theirs.files[ANSWERS_FILE]
        theirs_lines = theirs.files[ANSWERS_FILE].content.splitlines()
        gone = [line for line in yours.content.splitlines() if line not in theirs_lines]
        text = b"; ".join(gone).decode("utf-8", "replace")
        merged.notes[ANSWERS_FILE] = f"it was edited by hand and is written anew; gone: {text}"


def prove(
    repo: Repository,
    base: Rendered,
    ours: Mapping[str, File],
    merged: Merged,
    tree: Mapping[str, Entry],
) -> None:
    """Refuse a merge that would lose a line, or write over what git does not keep.

    Raises
    ------
    ToolError
        With the first few paths.
    """
    lost = {name for name, _ in lost_lines(base, ours, merged, ours) if name != ANSWERS_FILE}
    if lost:
        raise ToolError(f"The merge would lose lines of {some(lost)}; nothing was written.")
    in_the_way = []
    for name, file in merged.files.items():
        path = path_in(repo.folder, name)
        above = any((repo.folder / up).is_file() for up in Path(name).parents if up != Path())
        if file is not None and (
            above or path.is_dir() or (os.path.lexists(path) and name not in tree)
        ):
            in_the_way.append(name)
    if in_the_way:
        raise ToolError(
            f"The new version has {some(in_the_way)}, and files that git does not keep are there; "
            "move them away, or commit them."
        )
    flagged = git("ls-files", "-v", "-z", "--", ".", cwd=repo.folder)
    hidden = {line[2:] for line in flagged.split("\0") if line[:1] != "H" and line}
    if hidden := hidden & merged.files.keys():
        raise ToolError(
            f"git is told to ignore changes of {some(hidden)} (git ls-files -v); "
            "git update-index --no-assume-unchanged --no-skip-worktree shows them again."
        )
