"""Leave the template: the team owns every file from here on."""

import re
from pathlib import Path

from . import snapshot
from .errors import ToolError, some
from .git import changed_paths, git, path_in, repository_at
from .project import ANSWERS_FILE, read_answers_file
from .report import REPORT_FILE, is_report

WORKFLOW = ".github/workflows/template.yml"
README = "README.md"


def eject(path: Path) -> list[str]:
    """Remove what only serves updates, note it in the README, and leave both staged.

    Works without the template: it may be gone.

    Returns
    -------
    list of str
        The paths that were removed or changed.

    Raises
    ------
    ToolError
        The folder was not rendered, or has uncommitted changes.
    """
    repo = repository_at(path)
    answers = read_answers_file(repo)
    with snapshot.only_one(repo):
        snapshot.refuse_interrupted(repo)
        if changed := changed_paths(repo):
            raise ToolError(f"Uncommitted changes: {some(changed)}; commit or stash them first.")
        gone = [name for name in (ANSWERS_FILE, WORKFLOW) if path_in(repo.folder, name).is_file()]
        if (repo.folder / REPORT_FILE).is_file() and is_report(repo.folder / REPORT_FILE):
            gone.append(REPORT_FILE)
        readme = path_in(repo.folder, README)
        plan: dict[str, bytes | None] = {repo.prefix + name: None for name in gone}
        if readme.is_file() or not any(repo.folder.glob("[Rr][Ee][Aa][Dd][Mm][Ee]*")):
            content = readme.read_bytes() if readme.is_file() else b""
            plan[repo.prefix + README] = noted(content, note(answers))
        index = snapshot.own_folder(repo) / "index"
        with snapshot.undone_on_error(repo, "eject", plan, {}):
            for name, planned in plan.items():
                snapshot.write(repo, name, planned)
            index.write_bytes((repo.git_dir / "index").read_bytes())
            names = "".join(f"{name}\0" for name in plan).encode()
            command = ("update-index", "--add", "--remove", "-z", "--stdin")
            git(*command, cwd=repo.top, data=names, environ={"GIT_INDEX_FILE": str(index)})
            index.replace(repo.git_dir / "index")
    return [name.removeprefix(repo.prefix) for name in plan]


def undo(path: Path) -> list[str]:
    """Return to the state before; return files with later edits, kept aside."""
    repo = repository_at(path)
    with snapshot.only_one(repo):
        return snapshot.abort(repo, "eject")


def noted(content: bytes, paragraph: str) -> bytes:
    """Return a text with a paragraph more at its end, in whatever line ends and encoding it has."""
    end = b"\r\n" if b"\r\n" in content else b"\n"
    gap = b"" if content.endswith(b"\n") or not content else end
    return content + gap + paragraph.encode().replace(b"\n", end)


def note(answers: dict[str, object]) -> str:
    """Return the paragraph for the README."""
    source = re.sub(r"//[^/@]*@", "//", str(answers.get("_src_path", "a template")))
    version, package = answers.get("_commit"), answers.get("package_name")
    return (
        "\n## Left the template\n\n"
        f"This repository followed {source} at version {version} "
        "and does so no longer: no updates come, and every file, also those in "
        f"`src/{package}/mlops/`, is the team's to change.\n"
    )
