"""Read a rendered repository: where it came from, at which version, and what was answered."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from copier_mlops.addresses import without_credentials
from copier_mlops.errors import ToolError, no_yaml, say
from copier_mlops.git import Repository, path_in, repository_at
from copier_mlops.rendering.template import REMOTE
from copier_mlops.rendering.versions import File, Rendered
from copier_mlops.rendering.workspace import OWN_KIT, shares_kit

ANSWERS_FILE = ".copier-answers.yml"
# Questions of every version, in forks and mirrors too; no other template asks for all of them.
OWN_QUESTIONS = ("package_name", "task", "functionality")
FIXED = {
    "package_name": "move src/<old> to src/<new>, replace the name in pyproject.toml, uv.lock, "
    "README.md and tests, and write it into .copier-answers.yml, all in one commit",
    "functionality": "render a new project with the other answer and copy its "
    "src/<package>/baseline.py and conf/compare.yaml by hand",
    "task": "render a new project with the other task and copy your features.py, tests and conf/ "
    "into it by hand",
}
"""What an update cannot change, with what a person does instead."""
KIT = f"{OWN_KIT}/"
CODE = f"{KIT}mlops_kit/"
"""Where the template's own code lies; up to 0.3 it was inside the team's package."""
LARGEST_ANSWERS = 1_000_000  # bytes; ours have one thousand
LARGEST_ANSWER = 100_000  # characters; systems allow no longer argument of a command


class ForeignAnswersError(ToolError):
    """The answers file is another template's: whatever a command would do, it is not asked for."""

    def __init__(self, repo: Repository, source: object) -> None:
        super().__init__(
            f"{repo.folder / ANSWERS_FILE} belongs to another template "
            f"({source or 'no _src_path'}); nothing was done. To adopt the repository, rename the "
            "file, tell that template with copier update --answers-file, and run "
            "copier-mlops adopt."
        )


@dataclass(frozen=True)
class Project:
    """A rendered repository, or a rendered folder of one."""

    repo: Repository
    source: str
    """The template's URL or absolute path, as stored: an old one may hold a password."""
    version: str
    """What ``_commit`` says: a tag, or git's description of a commit."""
    answers: dict[str, Any]


def project_at(path: Path) -> Project:
    """Read the project in a folder.

    Raises
    ------
    ToolError
        No repository, no answers file, or one that nobody can update from.
    """
    repo = repository_at(path)
    answers = read_answers_file(repo)
    source, version = answers.pop("_src_path", None), answers.pop("_commit", None)
    where = f"{ANSWERS_FILE} in {repo.folder}"
    if not isinstance(source, str) or not source:
        raise ToolError(f"{where} does not say where the template is; add _src_path.")
    if not isinstance(version, str | int | float) or not str(version):
        raise ToolError(f"{where} does not say which version rendered it; add _commit.")
    if not REMOTE.match(source):
        if not Path(source).expanduser().is_absolute():
            raise ToolError(
                f"_src_path {source!r} in {where} is relative; "
                "write the template's URL or absolute path there."
            )
        if not Path(source).expanduser().exists():
            raise ToolError(f"There is no template at {source}; mend _src_path in {where}.")
    if source != without_credentials(source):
        say(
            f"{where} holds a password or token in _src_path, and so does git's history: revoke it "
            "where it was made. copier-mlops update takes it out of the file."
        )
    answers = {name: value for name, value in answers.items() if not name.startswith("_")}
    return Project(repo, source, str(version), answers)


def read_answers_file(repo: Repository) -> dict[str, Any]:
    """Return the entries of the answers file, text and lists of text only.

    Raises
    ------
    ToolError
        It is missing, a link, too large, not what Copier writes, or another template's.
    """
    path = path_in(repo.folder, ANSWERS_FILE)
    if path.is_symlink() or not path.is_file():
        raise ToolError(
            f"{repo.folder} has no {ANSWERS_FILE}: it was not rendered from the template "
            "(copier-mlops adopt brings it in)."
        )
    if path.stat().st_size > LARGEST_ANSWERS:
        raise ToolError(f"{path} is too large to be an answers file; restore it from git.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if re.search(rb"^<{7} ", path.read_bytes(), re.MULTILINE):
            raise ToolError(f"{path} has conflict markers; resolve them first.") from error
        raise ToolError(
            f"{path} is not YAML: {no_yaml(error)}; mend it, or restore it from git."
        ) from error
    if not isinstance(content, dict):
        raise ToolError(
            f"{path} must hold answers, one 'question: answer' a line; restore it from git."
        )
    if not is_own(repo, content):
        raise ForeignAnswersError(repo, content.get("_src_path"))
    for name, value in content.items():
        items = value if isinstance(value, list) else [value]
        plain = not any(isinstance(item, dict | list) or not is_text(item) for item in items)
        if not isinstance(name, str) or not plain:
            raise ToolError(f"{path}: {name} is not an answer; restore the file from git.")
    return content


def without_stored_password(file: File) -> File:
    """Return an answers file without user, password and token in the template's address."""
    lines = file.content.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    lines = [without_credentials(x) if x.startswith("_src_path:") else x for x in lines]
    return replace(file, content="".join(lines).encode("utf-8", "surrogateescape"))


def is_text(value: object) -> bool:
    """Tell whether a value can be handed to git and written as UTF-8; half a character cannot."""
    text = str(value)
    return len(text) <= LARGEST_ANSWER and not any("\ud800" <= sign <= "\udfff" for sign in text)


def is_own(repo: Repository, content: Mapping[str, Any]) -> bool:
    """Tell whether answers are to this template's questions; one may have been lost by hand."""
    found = [name for name in OWN_QUESTIONS if name in content]
    one_lost = len(found) == len(OWN_QUESTIONS) - 1
    return found == [*OWN_QUESTIONS] or (one_lost and has_own_code(repo))


def code_of(names: Container[str], package: object) -> str | None:
    """Return the folder that holds the template's own code among these paths, if there is one."""
    places = (CODE, f"src/{package}/mlops/")
    return next((place for place in places if f"{place}cli.py" in names), None)


def has_own_code(repo: Repository) -> bool:
    """Tell whether the template's own code stands in a project."""
    old = (repo.folder / "src").glob("*/mlops/cli.py")
    return (repo.folder / CODE / "cli.py").is_file() or any(old)


def renders_own_code(rendered: Rendered) -> bool:
    """Tell whether a template is this one or a fork of it, wherever it lies: by what it renders."""
    package = rendered.answers.get("package_name")
    own = all(name in rendered.questions for name in OWN_QUESTIONS)
    return own and (shares_kit(rendered.answers) or code_of(rendered.files, package) is not None)
