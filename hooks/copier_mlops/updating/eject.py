"""Leave the template: the team owns every file from here on."""

import os
from collections.abc import Mapping
from pathlib import Path

from copier_mlops.addresses import without_credentials
from copier_mlops.errors import ToolError, say, some
from copier_mlops.git import Repository, changed_paths, git, path_in, repository_at
from copier_mlops.rendering.versions import File, opened
from copier_mlops.repository import snapshot
from copier_mlops.repository.one_run import only_one, own_folder, refuse_read_only
from copier_mlops.repository.project import (
    ANSWERS_FILE,
    CODE,
    KIT,
    ForeignAnswersError,
    has_own_code,
    project_at,
    read_answers_file,
)
from copier_mlops.repository.whole_files import write
from copier_mlops.updating.drift import is_same
from copier_mlops.updating.merge import BESIDE
from copier_mlops.updating.report import REPORT_FILE, is_report
from copier_mlops.updating.split import waiting_patches
from copier_mlops.updating.update import render_recorded

WORKFLOW = ".github/workflows/template.yml"
README = "README.md"


def eject(path: Path) -> list[str]:
    """Remove what only serves updates, note it in the README, and leave both staged.

    A file goes only if it is proven to be the template's: rendered again, from the recorded
    version and answers, it is the same. Without the template (it may be gone) it stays, and that
    is said. The answers file goes in any case, as soon as it is known to be this template's.

    Returns
    -------
    list of str
        The paths that were removed or changed.

    Raises
    ------
    ToolError
        The folder was not rendered from this template, or has uncommitted changes.
    """
    repo = repository_at(path)
    answers = read_answers_file(repo)
    with only_one(repo):
        snapshot.refuse_interrupted(repo)
        refuse_read_only(repo.folder, repo.git_dir)
        if changed := changed_paths(repo):
            raise ToolError(f"Uncommitted changes: {some(changed)}; commit or stash them first.")
        gone = [ANSWERS_FILE, *proven(repo, rendered_again(repo))]
        if snapshot.wrote(repo, repo.prefix + REPORT_FILE):
            gone.append(REPORT_FILE)
        elif is_report(repo.folder / REPORT_FILE):
            say(f"Kept {REPORT_FILE}: it may have notes of yours; delete it when you have read it.")
        for name in waiting_patches(repo.folder):
            say(f"Kept {name}: an edit of yours that nobody has worked in.")
        readme = path_in(repo.folder, README)
        plan: dict[str, bytes | None] = {repo.prefix + name: None for name in gone}
        if readme.is_symlink():
            say(f"{README} is a symbolic link and stays as it is. Note where people read:")
            say(note(repo, answers))
        elif readme.is_file() or not any(repo.folder.glob("[Rr][Ee][Aa][Dd][Mm][Ee]*")):
            content = readme.read_bytes() if readme.is_file() else b""
            plan[repo.prefix + README] = noted(content, note(repo, answers))
        index = own_folder(repo) / "index"
        with snapshot.undone_on_error(repo, "eject", plan, {}):
            for name, planned in plan.items():
                write(repo, name, planned)
            index.write_bytes((repo.git_dir / "index").read_bytes())
            names = "".join(f"{name}\0" for name in plan).encode()
            command = ("update-index", "--add", "--remove", "-z", "--stdin")
            git(*command, cwd=repo.top, data=names, environ={"GIT_INDEX_FILE": str(index)})
            index.replace(repo.git_dir / "index")
    return [name.removeprefix(repo.prefix) for name in plan]


def rendered_again(repo: Repository) -> Mapping[str, File] | None:
    """Render what the repository records; None where the template cannot be had any more.

    Raises
    ------
    ForeignAnswersError
        The answers are another template's.
    """
    try:
        project = project_at(repo.folder)
        say(f"Reading the template {project.source}")
        with opened(project.source) as template:
            return render_recorded(template, project).files
    except ForeignAnswersError:
        raise
    except ToolError as error:
        if not has_own_code(repo):
            # Nothing here but three answers would say that this file is ours to delete.
            raise ToolError(f"{error} Nothing else proves whose {ANSWERS_FILE} is.") from error
        say(f"The template cannot be compared with: {error}")
        return None


def proven(repo: Repository, files: Mapping[str, File] | None) -> list[str]:
    """Return the files for updates that are the template's, and tell of those that stay."""
    found = []
    for name in (WORKFLOW, f"{WORKFLOW}{BESIDE}"):
        path = path_in(repo.folder, name)
        if not os.path.lexists(path):
            continue
        file = (files or {}).get(WORKFLOW)
        if file and not path.is_symlink() and path.is_file() and is_same(path.read_bytes(), file):
            found.append(name)
        elif files is None:
            say(f"Kept {name}: whether it is the template's cannot be proven; delete it if it is.")
        else:
            say(f"Kept {name}: it is not as the template renders it, so it is yours.")
    return found


def undo(path: Path) -> list[str]:
    """Return to the state before; return files with later edits, kept aside."""
    repo = repository_at(path)
    with only_one(repo):
        return snapshot.abort(repo, "eject")


def noted(content: bytes, paragraph: str) -> bytes:
    """Return a text with a paragraph more at its end, in whatever line ends and encoding it has."""
    end = b"\r\n" if b"\r\n" in content else b"\n"
    gap = b"" if content.endswith(b"\n") or not content else end
    return content + gap + paragraph.encode().replace(b"\n", end)


def note(repo: Repository, answers: dict[str, object]) -> str:
    """Return the paragraph for the README."""
    source = without_credentials(str(answers.get("_src_path", "a template")))
    version, package = answers.get("_commit"), answers.get("package_name")
    old = not (repo.folder / CODE).is_dir() and "kit" not in answers
    code = f"src/{package}/mlops/" if old else answers.get("kit", KIT)
    return (
        "\n## Left the template\n\n"
        f"This repository followed {source} at version {version} "
        "and does so no longer: no updates come, and every file, also those in "
        f"`{code}`, is the team's to change.\n"
    )
