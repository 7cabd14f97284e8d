"""The template's versions: which there are, and what one of them renders for given answers."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version

from .answers import check_answers, refuse_unasked
from .errors import ToolError, say, some
from .git import ask_git, git
from .new import sentences
from .releases import commit_of, parsed, released

FILE, EXECUTABLE, LINK = "100644", "100755", "120000"


@dataclass(frozen=True)
class Template:
    """A scratch clone of the template with its whole history."""

    source: str
    """As stored in the answers file."""
    clone: Path
    versions: dict[str, str]
    """Commit by released version, oldest first."""
    candidates: dict[str, str] = field(default_factory=dict)
    """Commit by pre-release, oldest first; never taken unless it is named."""
    unread: tuple[str, ...] = ()
    """Tags that are not read as versions."""
    head: str = "HEAD"
    """The newest commit of the main branch; each render moves the clone's own HEAD."""


@dataclass(frozen=True)
class File:
    """One rendered file: its contents (of a link: its target) and git mode."""

    content: bytes
    mode: str = FILE


@dataclass(frozen=True)
class Rendered:
    """What one version renders for one set of answers."""

    name: str
    """The version as ``_commit`` stores it."""
    commit: str
    files: dict[str, File]
    seeded: frozenset[str]
    """Paths of ``files`` that ``_skip_if_exists`` leaves to the team; all others are managed."""
    answers: dict[str, Any]
    """As the answers file remembers them, without Copier's own entries."""
    questions: dict[str, dict[str, Any]]


@contextmanager
def opened(source: str) -> Iterator[Template]:
    """Clone a template into a scratch folder and find its versions.

    Raises
    ------
    ToolError
        It cannot be read, or has no git history.
    """
    from copier._vcs import get_repo

    with tempfile.TemporaryDirectory(prefix="copier-mlops-") as scratch, sentences(source):
        clone = Path(scratch) / "template"
        address = get_repo(source) or source
        if Path(address).expanduser().is_dir() and not (
            ask_git("rev-parse", "--git-dir", cwd=Path(address).expanduser())
        ):
            raise ToolError(f"The template {source} has no git history, so no versions.")
        # As _src_path comes from the repository, no helper protocol and nothing read as an option.
        git("clone", "--quiet", "--no-checkout", "--", address, clone, cwd=Path(scratch))
        head = commit_of(clone, "HEAD") or "HEAD"
        yield Template(source, clone, *released(clone), head)


def precedes(template: Template, one: str, other: str) -> bool:
    """Tell whether a commit is the older one: by version if both have one, else by history."""
    numbers = {
        commit: Version(version)
        for version, commit in sorted(
            [*template.versions.items(), *template.candidates.items()],
            key=lambda item: Version(item[0]),
        )
    }
    if one in numbers and other in numbers:
        return numbers[one] < numbers[other]
    asked = ("merge-base", "--is-ancestor", one, other)
    return one != other and ask_git(*asked, cwd=template.clone) is not None


def resolve(template: Template, version: str | None) -> str:
    """Return the commit of a version (default: the newest release, else the newest commit).

    Raises
    ------
    ToolError
        The template has no such version.
    """
    if version is None:
        commit, said = newest(template)
        say(said)
        return commit
    known = {**template.candidates, **template.versions}
    number = parsed(version)
    found = known.get(str(number)) or commit_of(
        template.clone, template.head if version == "HEAD" else version
    )
    if found is None and number is not None:
        found = next((known[name] for name in known if Version(name) == number), None)
    if found is None:
        listed = ", ".join(template.versions) or "none"
        raise ToolError(
            f"The template {template.source} has no version {version!r}; its releases are {listed}."
        )
    return found


def newest(template: Template) -> tuple[str, str]:
    """Return the commit of the newest release, else the newest commit, and say in words which."""
    names = [*template.versions]
    early = f"; candidates: {some(template.candidates)}" if template.candidates else ""
    unread = f"; tags not read as versions: {some(template.unread)}" if template.unread else ""
    if not names:
        commit = resolve(template, template.head)
        return commit, (
            f"The template has no release{early}{unread}. Taking its newest commit {commit[:12]}, "
            "which nobody released; name a tag or commit to take that one."
        )
    commit = template.versions[names[-1]]
    asked = ("merge-base", "--is-ancestor", commit, template.head)
    apart = ask_git(*asked, cwd=template.clone) is None
    aside = ", which is not in the history of the main branch" if apart else ""
    listed = ", ".join(names[-5:] if len(names) < 6 else ["...", *names[-5:]])
    said = f"Releases of the template: {listed}{early}{unread}. Taking {names[-1]}{aside}."
    return commit, said


def render(
    template: Template,
    commit: str,
    answers: Mapping[str, Any],
    *,
    given: Mapping[str, Any] | None = None,
    asking: bool = False,
) -> Rendered:
    """Render a version in memory: no tasks, no trust, nobody's defaults, no network.

    Parameters
    ----------
    template : Template
        From ``opened``.
    commit : str
        From ``resolve``.
    answers : mapping
        Stored answers; those to questions that this version does not have are left out.
    given : mapping, optional
        New answers; unknown, computed and unasked ones are refused.
    asking : bool
        Ask a person every question that ``given`` does not answer; ``answers`` are proposed.

    Raises
    ------
    ToolError
        The version wants to run code, or refuses an answer.
    """
    from copier._main import Worker
    from copier._settings import SettingsModel

    _check_out(template, commit)
    scratch = Path(tempfile.mkdtemp(prefix="copier-mlops-render-"))
    try:
        with (
            sentences(template.source),
            warnings.catch_warnings(),
            Worker(
                src_path=template.source,
                dst_path=scratch,
                vcs_ref=commit,
                defaults=not asking,
                quiet=True,
                settings=SettingsModel(),
            ) as worker,
        ):
            warnings.simplefilter("ignore")
            # Copier would clone again for each render; ours already stands at the commit.
            worker.template.__dict__.update(local_abspath=template.clone.resolve(), vcs="git")
            questions = worker.template.questions_data
            if not questions:
                raise ToolError(f"{template.source} has no copier.yml with questions at {commit}.")
            known = {name: value for name, value in answers.items() if askable(questions, name)}
            new = check_answers(questions, given or {})
            (worker.user_defaults if asking else worker.data).update(
                check_answers(questions, known)
            )
            worker.data.update(new)
            worker.run_copy()
            refuse_unasked(worker.answers.hidden, new)
            files = read_folder(scratch)
            return Rendered(
                name=str(worker.template.commit),
                commit=commit,
                files=files,
                seeded=frozenset(name for name in files if worker.match_skip(Path(name))),
                answers={
                    name: value
                    for name, value in worker._answers_to_remember().items()
                    if not name.startswith("_")
                },
                questions=questions,
            )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def askable(questions: Mapping[str, dict[str, Any]], name: str) -> bool:
    """Tell whether a version has a question of that name that people answer."""
    return name in questions and questions[name].get("when") is not False


def read_folder(folder: Path) -> dict[str, File]:
    """Return every file below a folder, but git's own, by its POSIX path."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == ".git":
            continue
        if path.is_symlink():
            files[name] = File(os.fsencode(path.readlink()), LINK)
        elif path.is_file():
            executable = path.stat().st_mode & 0o100
            files[name] = File(path.read_bytes(), EXECUTABLE if executable else FILE)
    return files


def _check_out(template: Template, commit: str) -> None:
    """Let the scratch clone stand at a commit."""
    if ask_git("rev-parse", "HEAD", cwd=template.clone) != commit or not any(
        path.name != ".git" for path in template.clone.iterdir()
    ):
        git("checkout", "--quiet", "--force", "--detach", commit, cwd=template.clone)
