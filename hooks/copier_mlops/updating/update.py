"""Bring a rendered repository to another version of the template without losing a line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from copier_mlops.errors import ToolError, say, some
from copier_mlops.git import (
    ask_git,
    changed_paths,
    repository_at,
    run_git,
    tree_of,
)
from copier_mlops.rendering.refusals import SIGN_IN
from copier_mlops.rendering.renames import migrate, renames_of
from copier_mlops.rendering.tags import show
from copier_mlops.rendering.versions import (
    Rendered,
    Template,
    askable,
    opened,
    precedes,
    render,
    resolve,
    version_name,
)
from copier_mlops.rendering.workspace import (
    kit_of_workspace,
    refuse_taken_folders,
    refuse_unfit_kit,
    users_of_kit,
)
from copier_mlops.repository import snapshot
from copier_mlops.repository.one_run import only_one, refuse_read_only
from copier_mlops.repository.project import (
    ANSWERS_FILE,
    FIXED,
    KIT,
    ForeignAnswersError,
    Project,
    project_at,
    renders_own_code,
    shares_kit,
    without_stored_password,
)
from copier_mlops.updating.apply import LOCK, Plan, carry_out, diff_of
from copier_mlops.updating.merge import Merged, merge
from copier_mlops.updating.migration import (
    keep_old_names,
    leave_old_arrangement,
    moved_code,
)
from copier_mlops.updating.ours import read_ours
from copier_mlops.updating.proof import prove
from copier_mlops.updating.report import Report
from copier_mlops.updating.split import follow_split_files, waiting_patches

KIT_NAME = "mlops_kit"


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
    with only_one(project.repo):
        snapshot.refuse_interrupted(project.repo)
        if not check:
            refuse_read_only(project.repo.folder, project.repo.git_dir)
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
    with only_one(repo):
        return snapshot.abort(repo, "update")


def resume(path: Path) -> Report | None:
    """Run an interrupted update again from its start; close one that is complete (None).

    Raises
    ------
    ToolError
        There is none, or files are still unmerged, or patches still there.
    """
    repo = repository_at(path)
    with only_one(repo):
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
            if waiting := waiting_patches(repo.folder):
                raise ToolError(
                    f"Still to work in: {some(waiting)}; delete each when it is, then continue."
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
        names = tuple(version_name(template, one.commit, one.name) for one in (base, theirs))
    say("Merging")
    tree = tree_of(repo, "HEAD")
    ours = read_ours(repo, tree, base, theirs, renames)
    stored = ours.get(ANSWERS_FILE)
    if stored:  # Copier once stored addresses with the password in them.
        ours[ANSWERS_FILE] = without_stored_password(stored)
    labels = ("yours", f"template {names[0]}", f"template {names[1]}")
    merged = merge(base, theirs, ours, renames.moved, labels)
    waiting = waiting_patches(repo.folder)
    follow_split_files(merged, base, theirs, ours, renames.split, repo)
    keep_answers_readable(merged, theirs)
    keep_old_names(repo, tree, theirs, merged, renames.main_places)
    if stored != ours.get(ANSWERS_FILE):
        merged.files.setdefault(ANSWERS_FILE, ours[ANSWERS_FILE])
        if ANSWERS_FILE not in merged.changed:
            merged.changed.append(ANSWERS_FILE)
        merged.notes[ANSWERS_FILE] = (
            "_src_path held a password or token; it is out of the file, not out of git's history: "
            f"revoke it where it was made; {SIGN_IN}"
        )
    if users := users_of_kit(repo.folder):
        merged.notes[KIT] = f"{some(map(str, users))} has this kit too: update it after this"
    prove(repo, base, ours, merged, tree)
    if moved_code(base, theirs):
        leave_old_arrangement(base, ours, merged)
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
        moved_code=moved_code(base, theirs),
        waiting=waiting,
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
    if base.answers.get("package_name") == KIT_NAME:
        raise ToolError(
            f"The package is called {KIT_NAME}, and so is the template's code since it left the "
            f"package: one of them could not be imported. First, by hand: {FIXED['package_name']}."
        )
    answers = migrate(base.answers, renames) | kit_to_share(project, base)
    say(f"Rendering {to or 'the newest version'}")
    try:
        theirs = render(template, target, answers, given=given)
    except ToolError as error:
        reason = str(error).rstrip(".")
        raise ToolError(f"{reason}; give this version an answer with -d.") from error
    folder = project.repo.folder
    refuse_unfit_kit(template, target, theirs.name, theirs.answers, folder)
    refuse_taken_folders(folder, folders_of(theirs) - folders_of(base))
    return base, theirs, renames


def folders_of(rendered: Rendered) -> set[str]:
    """Return the folders of a render, and that of the kit of its workspace."""
    kit = {rendered.answers["kit"]} if shares_kit(rendered.answers) else set()
    return kit | {str(folder) for name in rendered.files for folder in Path(name).parents} - {"."}


def kit_to_share(project: Project, base: Rendered) -> dict[str, str]:
    """Return the answer that lets a project without a kit use the one that its workspace has."""
    has_one = any(name.startswith(KIT) for name in base.files) or shares_kit(base.answers)
    kit = None if has_one else kit_of_workspace(project.repo.folder)
    return {"kit": kit.seen_from(project.repo.folder)} if kit else {}


def render_recorded(template: Template, project: Project) -> Rendered:
    """Render the version and answers that the repository records.

    Raises
    ------
    ToolError
        The template does not have that version, or (``ForeignAnswersError``) is another one.
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
    try:
        rendered = render(template, commit, project.answers, name=project.version)
    except ToolError as error:
        reason = str(error).rstrip(".")
        raise ToolError(f"{reason}; mend it in {project.repo.folder / ANSWERS_FILE}.") from error
    if not renders_own_code(rendered):
        raise ForeignAnswersError(project.repo, template.source)
    return rendered


def keep_answers_readable(merged: Merged, theirs: Rendered) -> None:
    """Never leave conflict markers in the answers file: without it nothing can be updated."""
    if ANSWERS_FILE in merged.conflicts:
        yours = merged.conflicts.pop(ANSWERS_FILE)[2]
        merged.files[ANSWERS_FILE] = theirs.files[ANSWERS_FILE]
        theirs_lines = theirs.files[ANSWERS_FILE].content.splitlines()
        gone = [line for line in yours.content.splitlines() if line not in theirs_lines]
        text = b"; ".join(gone).decode("utf-8", "replace")
        merged.notes[ANSWERS_FILE] = f"it was edited by hand and is written anew; gone: {text}"
