"""Bring a repository that was never rendered under the template, without losing a line of it."""

import posixpath
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from copier_mlops.adopting.arrangements import Arrangement, arrangements
from copier_mlops.adopting.builds import member_below, workspace_obstacle
from copier_mlops.adopting.evidence import Evidence, facts, infer, package_beside
from copier_mlops.adopting.existing import Existing, read_existing
from copier_mlops.adopting.fitting import ADDED, LEFT, Change
from copier_mlops.adopting.locking import Settled, settle
from copier_mlops.adopting.lost_answers import adoption_again, managed_package, recover
from copier_mlops.adopting.plan import lock_change, plan
from copier_mlops.adopting.pyproject_merge import PYPROJECT
from copier_mlops.adopting.report import (
    BRANCH,
    GIVEN,
    HEADING,
    REPORT,
    Adoption,
    environment_notes,
    explained,
    report,
    report_change,
    show,
)
from copier_mlops.errors import ToolError
from copier_mlops.git import (
    Repository,
    ask_git,
    changed_paths,
    git,
    identity,
    refuse_busy,
    repository_at,
    store,
    update_index,
)
from copier_mlops.rendering.answers import read_answers
from copier_mlops.rendering.refusals import tell_not_stored
from copier_mlops.rendering.template import resolve_source
from copier_mlops.rendering.versions import File, Rendered, opened, render, resolve
from copier_mlops.rendering.workspace import (
    OWN_KIT,
    kit_of_workspace,
    refuse_unfit_kit,
    shares_kit,
)
from copier_mlops.repository.one_run import only_one, refuse_read_only
from copier_mlops.repository.project import ANSWERS_FILE, CODE, KIT, read_answers_file
from copier_mlops.repository.snapshot import (
    abort,
    record_commits,
    refuse_interrupted,
    undone_on_error,
)
from copier_mlops.repository.whole_files import write

FIRST = "chore: adopt the copier-mlops template"
SECOND = "chore: record the answers that the next template update starts from"


def adopt(
    path: Path,
    *,
    template: str | None = None,
    version: str | None = None,
    answers_file: Path | None = None,
    data: Mapping[str, Any] | None = None,
    defaults: bool = False,
    dry_run: bool = False,
    lock: bool = True,
) -> Adoption:
    """Adopt the repository (or a folder of it) on a new branch, in two commits.

    Parameters
    ----------
    path : Path
        The repository, or the folder of a project in it.
    template, version, answers_file, data, defaults
        As for ``new``; ``version`` is a release, by default the newest.
    dry_run : bool
        Return the plan and write nothing.
    lock : bool
        Ask uv to lock (in a scratch copy); False leaves uv.lock to the person.

    Raises
    ------
    ToolError
        For anything a person can mend; nothing was written then.
    """
    if not (defaults or dry_run or sys.stdin.isatty()):
        raise ToolError("Cannot ask questions here; add --defaults, or run in a terminal.")
    repo = repository_at(path)
    source = resolve_source(template)
    tell_not_stored(source)
    if done := _follows(repo):
        return done
    _refuse_unsafe(repo, dry_run)
    existing = read_existing(repo)
    for place in ("src/", KIT):
        if why := existing.obstacle(f"{place}any"):
            raise ToolError(f"The template's {place} has no room: {why}; move what is there.")
    given = {**(read_answers(answers_file) if answers_file else {}), **(data or {})}
    with opened(source) as opened_template:
        package = managed_package(existing)
        if package and version is None:
            found = recover(existing, package)
            if child := adoption_again(opened_template, existing, found, given):
                return child if dry_run else _apply(existing, child, {})
        found = infer(existing)
        kit = None if "kit" in given else kit_of_workspace(repo.folder)
        if kit:
            found["kit"] = Evidence(kit.seen_from(repo.folder), "the kit of your uv workspace")
        if asking := not (defaults or dry_run):
            show(found, facts(existing))
        commit = resolve(opened_template, version)
        inferred = {question: evidence.answer for question, evidence in found.items()}
        rendered = render(
            opened_template, commit, inferred, given=given, asking=asking, guessed=True
        )
        refuse_unfit_kit(opened_template, commit, rendered.name, rendered.answers, repo.folder)
        if not shares_kit(rendered.answers) and f"{CODE}cli.py" not in rendered.files:
            raise ToolError(
                f"{rendered.name} has its code inside the package, which this tool no longer does; "
                "adopt with a newer version, or with the tool of that one."
            )
        settled = _settle(existing, rendered, lock)
        theirs = rendered.answers["package_name"] in existing.source_packages
        if settled.arrangement.mode == "apart" and (theirs or shares_kit(rendered.answers)):
            # Its environment is not the workspace's.
            answers = {**rendered.answers, "kit": OWN_KIT}
            found.pop("kit", None)
            if theirs:
                # There, the template's command would import what it does not install.
                found["package_name"] = package_beside(existing)
                answers["package_name"] = found["package_name"].answer
            rendered = render(opened_template, commit, answers, given=given)
            ways = _arrangements(existing, rendered)
            apart = settle(existing, ways[-1:], rendered.files, wanted=lock)
            why = replace(apart.arrangement, note=settled.arrangement.note)
            settled = replace(apart, arrangement=why, said=settled.said)
    return _adopt(existing, rendered, settled, explained(rendered, found, given), dry_run, lock)


def undo(path: Path) -> list[str]:
    """Bring back the state before the last adoption, interrupted or not."""
    repo = repository_at(path)
    with only_one(repo):
        return abort(repo, "adopt")


def _settle(existing: Existing, rendered: Rendered, lock: bool) -> Settled:
    """Choose the arrangement, unless the package's place is taken."""
    package = rendered.answers["package_name"]
    if shadowed := [n for n in existing.entries if n.startswith((f"{package}/", f"{package}.py"))]:
        raise ToolError(f"package_name={package} would hide your {shadowed[0]}; choose another.")
    if why := workspace_obstacle(existing, package):
        raise ToolError(f"uv could no longer read your workspace: {why}.")
    ways = _arrangements(existing, rendered)
    settled = settle(existing, ways, rendered.files, wanted=lock)
    if settled.arrangement.mode == "apart" and (member := member_below(existing, "src")):
        # Between the member and its workspace, uv would find the template's own project.
        raise ToolError(
            f"uv could no longer read your workspace: its member {member} lies where the "
            f"template's src/pyproject.toml goes; adopt a member instead, for example {member}."
        )
    return settled


def _arrangements(existing: Existing, rendered: Rendered) -> list[Arrangement]:
    pyproject = rendered.files[PYPROJECT].content.decode()
    return arrangements(existing, pyproject, rendered.answers["package_name"])


def _adopt(
    existing: Existing,
    rendered: Rendered,
    settled: Settled,
    answers: dict[str, Evidence],
    dry_run: bool,
    lock: bool,
) -> Adoption:
    known = "license" in answers and answers["license"].because == GIVEN
    changes = plan(existing, rendered.files, settled.arrangement, known)
    _refuse_incomplete(changes, rendered.answers["package_name"], settled.arrangement)
    folder = existing.repo.prefix or "."
    for name, content in settled.locks.items():
        changes.append(lock_change(existing, posixpath.relpath(name, folder), content))
    known_facts = facts(existing)
    text = report(existing, changes, settled, answers, known_facts, rendered.name)
    changes.append(report_change(existing, text, "this report"))
    adoption = Adoption(
        version=rendered.name,
        answers=answers,
        facts=known_facts,
        changes=changes,
        run=settled.arrangement.runs,
        notes=environment_notes(settled),
        unlocked=lock and bool(settled.unlocked),
    )
    return adoption if dry_run else _apply(existing, adoption, rendered.files)


def _follows(repo: Repository) -> Adoption | None:
    """Return an adoption when it was done before; refuse when the repository came otherwise."""
    path = repo.folder / ANSWERS_FILE
    if not path.is_symlink() and not path.exists():
        return None
    stored = read_answers_file(repo)  # refuses another template's
    subjects = ask_git("log", "--format=%s", "--", ANSWERS_FILE, cwd=repo.folder) or ""
    earlier = repo.folder / REPORT
    adopted = earlier.is_file() and earlier.read_bytes().startswith(HEADING.encode())
    if adopted or SECOND in subjects.splitlines():
        return Adoption(done_before=True, version=str(stored.get("_commit", "")))
    raise ToolError(f"{repo.folder} already follows the template; use copier-mlops update.")


def _refuse_unsafe(repo: Repository, dry_run: bool) -> None:
    """Refuse a repository whose state could not be given back, or in which git is at work."""
    if not dry_run:
        refuse_read_only(repo.folder, repo.git_dir)
    refuse_interrupted(repo)
    refuse_busy(repo)
    if ask_git("symbolic-ref", "--quiet", "HEAD", cwd=repo.top) is None:
        raise ToolError(f"{repo.top} is on no branch (detached HEAD); run git switch first.")
    if changed := changed_paths(replace(repo, prefix="")):
        raise ToolError(
            f"{repo.top} has uncommitted changes ({changed[0]}, {len(changed)} in all); "
            "commit or stash them first."
        )
    if not dry_run and ask_git("rev-parse", "--verify", f"refs/heads/{BRANCH}", cwd=repo.top):
        raise ToolError(
            f"A branch {BRANCH} exists from an earlier adoption; switch to it, or delete it with "
            f"git branch -D {BRANCH}."
        )


def _refuse_incomplete(changes: list[Change], package: str, arrangement: Arrangement) -> None:
    """Refuse when something stands where the template's own code must be."""
    needed = {name for name in arrangement.files if name != PYPROJECT}
    for change in changes:
        must = change.path.startswith(KIT) or change.path in needed
        seed = change.path.startswith(f"src/{package}/")
        if (must and change.action != ADDED) or (seed and change.action == LEFT):
            # Where src itself is no folder, another package has no room either.
            elsewhere = seed and not change.why.startswith("`src` ")
            cure = ", or choose another -d package_name=NAME" if elsewhere else ""
            raise ToolError(
                f"The template's {change.path} has no room: {change.why}; move what is there{cure}."
            )


def _apply(existing: Existing, adoption: Adoption, files: Mapping[str, File]) -> Adoption:
    """Write the two commits, then the files, then move to the branch; every step can be undone."""
    repo = existing.repo
    first = {
        posixpath.normpath(f"{repo.prefix}{change.path}"): change.file
        for change in adoption.changes
        if change.file is not None
    }
    name = f"{repo.prefix}{ANSWERS_FILE}"
    last = {name: first.pop(name, None) or files[ANSWERS_FILE]}
    branch = git("branch", "--show-current", cwd=repo.top)
    with only_one(repo):
        contents = {path: file.content for path, file in {**first, **last}.items()}
        merged = _commit(repo, "HEAD", first, FIRST)
        answered = _commit(repo, merged, last, SECOND)
        with undone_on_error(repo, "adopt", contents, {}):
            record_commits(repo, BRANCH, [merged, answered])
            git("update-index", "-q", "--refresh", cwd=repo.top)
            # The index first: git refuses to exchange entries of files that are already new.
            git("read-tree", "-m", answered, cwd=repo.top)
            for path, file in {**first, **last}.items():
                write(repo, path, file.content, file.mode)
            git("update-ref", f"refs/heads/{BRANCH}", answered, "", cwd=repo.top)
            # The note is what lets `git switch -` lead back.
            note = f"checkout: moving from {branch} to {BRANCH}"
            git("symbolic-ref", "-m", note, "HEAD", f"refs/heads/{BRANCH}", cwd=repo.top)
            git("update-index", "-q", "--refresh", cwd=repo.top)
    return adoption


def _commit(repo: Repository, parent: str, files: Mapping[str, File], message: str) -> str:
    """Make a commit with these files over a parent, without touching index or files."""
    with tempfile.TemporaryDirectory(prefix="copier-mlops-index-") as scratch:
        index = Path(scratch) / "index"
        environ = {"GIT_INDEX_FILE": str(index)}
        git("read-tree", parent, cwd=repo.top, environ=environ)
        oids = store(repo, (file.content for file in files.values()))
        update_index(repo, index, ((f.mode, oids[f.content], 0, n) for n, f in files.items()))
        tree = git("write-tree", cwd=repo.top, environ=environ)
    command = ("commit-tree", tree, "-p", parent, "-F", "-")
    said, who = f"{message}\n".encode(), identity(repo.top)
    return git(*command, cwd=repo.top, data=said, environ=who)
