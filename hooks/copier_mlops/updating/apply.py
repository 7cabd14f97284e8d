"""Carry an update out: files, index, lock and report; a kill at any moment can be undone."""

import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copier_mlops.addresses import without_credentials
from copier_mlops.errors import ToolError, say, some
from copier_mlops.git import (
    Repository,
    ask_git,
    changed_paths,
    git,
    run_git,
    store,
    unified_diff,
    update_index,
)
from copier_mlops.rendering.versions import FILE, File
from copier_mlops.rendering.workspace import workspace_of
from copier_mlops.repository import snapshot
from copier_mlops.repository.one_run import own_folder
from copier_mlops.repository.project import Project
from copier_mlops.repository.whole_files import write
from copier_mlops.updating.merge import Merged
from copier_mlops.updating.report import REPORT_FILE, Report, is_report, report_text
from copier_mlops.uv import for_uv, for_uv_with, told

PYPROJECT, LOCK = "pyproject.toml", "uv.lock"
APART, KIT_PYPROJECT = f"src/{PYPROJECT}", f"tools/kit/{PYPROJECT}"


@dataclass(frozen=True)
class Plan:
    """An update that was worked out and proven, with nothing written."""

    project: Project
    ours: dict[str, File]
    merged: Merged
    report: Report
    new_lock: bytes | None
    """The template's new lock, if the repository has the template's old one."""


def carry_out(plan: Plan, details: dict[str, Any]) -> None:
    """Write files, index, lock and report, in an order that can be undone at any moment."""
    repo, merged, prefix = plan.project.repo, plan.merged, plan.project.repo.prefix
    written = {prefix + name: file.content if file else None for name, file in merged.files.items()}
    reports = may_write_report(repo)
    touched = {**written, prefix + LOCK: plan.new_lock}
    touched |= {prefix + REPORT_FILE: None} if reports else {}
    index = next_index(repo, merged)
    if changed := changed_paths(repo):
        raise ToolError(f"{some(changed)} changed meanwhile; nothing was written, start again.")
    with snapshot.undone_on_error(repo, "update", touched, details):
        for name, file in merged.files.items():
            content, mode = (file.content, file.mode) if file else (None, FILE)
            write(repo, prefix + name, content, mode)
        put_index(repo, index)
        if details["lock"]:
            bring_lock_in_line(plan)
        if reports:
            text = without_credentials(report_text(plan.report)).encode("utf-8", "replace")
            write(repo, prefix + REPORT_FILE, text)
        else:
            say(f"{REPORT_FILE} is yours, or has your notes: it stays, and the report is printed.")


def may_write_report(repo: Repository) -> bool:
    """Tell whether nothing of a person's is lost where the report goes."""
    path = repo.folder / REPORT_FILE
    if not os.path.lexists(path) or snapshot.wrote(repo, repo.prefix + REPORT_FILE):
        return True
    if not (path.is_file() or path.is_symlink()):
        return True  # A folder, a pipe: beginning to write there is what refuses it.
    # An older one in the commit, as no tracked file has changes that are in no commit.
    tracked = ask_git("ls-files", "--error-unmatch", "--", REPORT_FILE, cwd=repo.folder)
    return tracked is not None and is_report(path)


def next_index(repo: Repository, merged: Merged) -> Path:
    """Return a copy of the index with the merge in it; conflicts as git itself records them."""
    staged = [
        (name, 0, file) for name, file in merged.files.items() if name not in merged.conflicts
    ]
    staged += [(name, n, file) for name, by in merged.conflicts.items() for n, file in by.items()]
    files = [(name, stage, file) for name, stage, file in staged if file]
    oids = store(repo, (file.content for _, _, file in files))
    zero = "0" * len(git("rev-parse", "HEAD", cwd=repo.top))
    entries = [("0", zero, 0, repo.prefix + name) for name in {*merged.files, *merged.conflicts}]
    entries += [(f.mode, oids[f.content], stage, repo.prefix + name) for name, stage, f in files]
    index = own_folder(repo) / "index"
    if (repo.git_dir / "index").exists():
        shutil.copyfile(repo.git_dir / "index", index)
    update_index(repo, index, entries)
    return index


def put_index(repo: Repository, index: Path) -> None:
    """Let git look at the written files once, then put the new index in place by a rename."""
    command = ("update-index", "-q", "--refresh", "--unmerged")
    run_git(*command, cwd=repo.top, environ={"GIT_INDEX_FILE": str(index)}, ok=(0, 1))
    index.replace(repo.git_dir / "index")


def bring_lock_in_line(plan: Plan) -> None:
    """Write ``uv.lock`` anew if what it locks changed; what fails is left to the person.

    That is pyproject.toml, and the kit's own, which holds the bounds of what the kit needs.
    """
    repo, report = plan.project.repo, plan.report
    lock = repo.folder / LOCK
    changed = {PYPROJECT, APART, KIT_PYPROJECT} & plan.merged.files.keys()
    # An adoption gave the template its own environment.
    if APART in changed or (KIT_PYPROJECT in changed and (repo.folder / APART).is_file()):
        report.lock = "run uv lock --project src"
        return
    if not changed:
        return
    if not lock.is_file():
        root = workspace_of(repo.folder)
        if root and (root / LOCK).is_file():
            report.lock = f"run uv lock in {root}, whose lock this project is in"
        return
    if lock.is_symlink():  # uv would write where it points, which may be anywhere.
        report.lock = f"run uv lock: {LOCK} is a symbolic link"
        return
    uv = shutil.which("uv")
    if PYPROJECT in plan.merged.conflicts or uv is None:
        report.lock = "run uv lock once pyproject.toml is resolved" if uv else "run uv lock"
        return
    if plan.new_lock is not None:
        write(repo, repo.prefix + LOCK, plan.new_lock)
    say("Checking uv.lock")
    indexes = re.findall(rb'registry = "([^"]+)"', lock.read_bytes())
    index = Counter(indexes).most_common(1)[0][0].decode() if indexes else None
    done = subprocess.run(
        [uv, "lock"],
        cwd=repo.folder,
        env=for_uv_with(os.environ, index) if index else for_uv(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        report.lock = f"uv lock failed, mend what it names and run it: {told(done.stderr)[:1500]}"
    else:
        git("add", "--", LOCK, cwd=repo.folder)


def diff_of(plan: Plan) -> str:
    """Return the changes of a plan as a diff."""
    before = {name: plan.ours[name].content for name in plan.merged.files if name in plan.ours}
    after = {name: file.content for name, file in plan.merged.files.items() if file}
    return unified_diff(before, after).decode("utf-8", "replace")
