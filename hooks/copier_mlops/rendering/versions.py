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

from copier_mlops.environment import signed_in
from copier_mlops.errors import ToolError, say, some
from copier_mlops.git import GitError, ask_git, git
from copier_mlops.rendering.answers import check_answers, refuse_unasked
from copier_mlops.rendering.refusals import sentences, unread
from copier_mlops.rendering.tags import commit_of, released

FILE, EXECUTABLE, LINK = "100644", "100755", "120000"


@dataclass(frozen=True)
class Template:
    """A scratch clone of the template with its whole history."""

    source: str
    """As stored in the answers file, without a user and password."""
    clone: Path
    head: str
    """The newest commit of its main branch; the clone's own HEAD is moved by each render."""
    versions: dict[str, str]
    """Commit by released version, oldest first."""
    numbers: dict[str, Version] = field(default_factory=dict)
    """Version by commit, release candidates too; of two on one commit the newer."""
    other_tags: tuple[str, ...] = ()
    """Tags that are not read as versions."""


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
def opened(asked: str) -> Iterator[Template]:
    """Clone a template into a scratch folder and find its versions.

    A user and password in its address serve this clone and are not in what is yielded.

    Raises
    ------
    ToolError
        It cannot be read, or has no git history.
    """
    from copier._vcs import get_repo

    with (
        tempfile.TemporaryDirectory(prefix="copier-mlops-") as scratch,
        signed_in(asked) as source,
        sentences(source),
    ):
        clone = Path(scratch) / "template"
        address = get_repo(source) or source
        if Path(address).expanduser().is_dir() and not (
            ask_git("rev-parse", "--git-dir", cwd=Path(address).expanduser())
        ):
            raise ToolError(f"The template {source} has no git history, so no versions.")
        # As _src_path comes from the repository, no helper protocol and nothing read as an option.
        try:
            git("clone", "--quiet", "--no-checkout", "--", address, clone, cwd=Path(scratch))
        except GitError as error:
            raise ToolError(unread(source, error.reason)) from error
        head = commit_of(clone, "HEAD")
        if head is None:
            raise ToolError(f"The template {source} has no commit on its main branch.")
        found, others = released(clone)
        final = {str(number): found[number] for number in found if not number.is_prerelease}
        numbers = {commit: number for number, commit in found.items()}
        yield Template(source, clone, head, final, numbers, tuple(others))


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
    name = template.head if version == "HEAD" else version
    found = template.versions.get(name.removeprefix("v")) or commit_of(template.clone, name)
    if found is None:
        known = ", ".join(template.versions) or "none"
        raise ToolError(
            f"The template {template.source} has no version {version!r}; its releases are {known}."
        )
    return found


def newest(template: Template) -> tuple[str, str]:
    """Return the commit of the newest release, and in words which that is and of which.

    Without any release it is the newest commit, which is announced.
    """
    others = f"; not read as versions: {some(template.other_tags)}" if template.other_tags else ""
    if template.versions:
        *older, last = template.versions
        said = f"Newest version: {last} (older: {', '.join(older[-5:]) or 'none'}{others})"
        return template.versions[last], said
    tags = f" (its tags {some(template.other_tags)} are none)" if template.other_tags else ""
    return template.head, (
        f"The template {template.source} has no version, which is a tag such as v1.2.0{tags}: its "
        f"newest commit, {template.head[:8]}, is taken, which nobody released."
    )


def precedes(template: Template, one: str, other: str) -> bool:
    """Tell whether a commit is the older one: by version if both have one, else by history."""
    if one in template.numbers and other in template.numbers:
        return template.numbers[one] < template.numbers[other]
    asked = ("merge-base", "--is-ancestor", one, other)
    return one != other and ask_git(*asked, cwd=template.clone) is not None


def stand_at(worker: Any, template: Template, commit: str, name: str = "") -> None:
    """Let Copier render our clone, which already stands at the commit, instead of cloning again.

    It names the commit as Copier would, but by a version: of the tags on one commit Copier takes
    the first by alphabet, and ``v2``, which moves, comes before ``v2.1.0``.
    """
    _check_out(template, commit)
    others = [f"--exclude={tag}" for tag in template.other_tags]
    name = name or git("describe", "--tags", "--always", *others, cwd=template.clone)
    worker.template.__dict__.update(
        local_abspath=template.clone.resolve(), vcs="git", commit=name.strip()
    )


def version_name(template: Template, commit: str, otherwise: str = "") -> str:
    """Return the release's number, or what else names the commit."""
    released = {commit: version for version, commit in template.versions.items()}
    return released.get(commit, otherwise)


def render(
    template: Template,
    commit: str,
    answers: Mapping[str, Any],
    *,
    given: Mapping[str, Any] | None = None,
    asking: bool = False,
    guessed: bool = False,
    name: str = "",
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
    guessed : bool
        Nobody gave ``answers``: a choice that this version does not have is left out, not refused.
    name : str, optional
        What ``_commit`` shall say; by default the version or git's description of the commit.

    Raises
    ------
    ToolError
        The version wants to run code, or refuses an answer.
    """
    from copier._main import Worker
    from copier._settings import SettingsModel

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
            stand_at(worker, template, commit, name)
            questions = worker.template.questions_data
            if not questions:
                raise ToolError(f"{template.source} has no copier.yml with questions at {commit}.")
            known = {name: value for name, value in answers.items() if askable(questions, name)}
            if guessed:
                known = {n: value for n, value in known.items() if _offered(questions[n], value)}
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


def _offered(question: Mapping[str, Any], value: Any) -> bool:
    """Tell whether a value is among the choices of a question, if it has any."""
    choices = question.get("choices")
    if not isinstance(choices, dict | list):
        return True
    offered = list(choices.values()) if isinstance(choices, dict) else choices
    return all(each in offered for each in (value if isinstance(value, list) else [value]))


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
