"""Start a repository: check the answers, render beside the destination, move it into place."""

import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copier_mlops.addresses import without_credentials
from copier_mlops.errors import ToolError, last_line, say
from copier_mlops.rendering.answers import check_answers, read_answers, refuse_unasked
from copier_mlops.rendering.template import profile_file, resolve_source

SIGN_IN = (
    "for updates give it to git: a credential helper, ~/.netrc, GIT_ASKPASS, or GIT_CONFIG_COUNT "
    "with http.extraHeader"
)
NOT_SIGNED_IN = re.compile(
    r"(?i)authentication failed|could not read (?:username|password)|permission denied"
    r"|terminal prompts disabled|returned error: 40[13]|access denied|not authorized"
)


@dataclass(frozen=True)
class NewProject:
    """What was rendered, from what, and what to do next."""

    destination: str
    template: str
    version: str | None
    commit: str | None
    answers: dict[str, Any]
    message: str


def create(
    destination: Path,
    *,
    template: str | None = None,
    profile: str | None = None,
    answers_file: Path | None = None,
    data: Mapping[str, Any] | None = None,
    vcs_ref: str | None = None,
    defaults: bool = False,
) -> NewProject:
    """Render the template into a new folder; on any failure nothing is left there.

    Parameters
    ----------
    destination : Path
        A folder that does not exist yet, or is empty.
    template : str, optional
        URL or path of the template; by default the address in the tool's metadata.
    profile : str, optional
        A profile that the template ships, for example ``poc``.
    answers_file : Path, optional
        YAML answers; they win over the profile.
    data : mapping, optional
        Single answers; they win over both.
    vcs_ref : str, optional
        A tag, branch or commit of the template; by default its newest version.
    defaults : bool
        Take the default for every other question instead of asking.

    Raises
    ------
    ToolError
        For anything a person can mend.
    """
    if not defaults and not sys.stdin.isatty():
        raise ToolError("Cannot ask questions here; add --defaults, or run in a terminal.")
    if shutil.which("git") is None:
        raise ToolError("git is needed to read the template, and it is not on PATH; install git.")
    destination = destination.expanduser().resolve()
    free = nearest_free_folder(destination)
    asked = resolve_source(template)
    given = {**(read_answers(answers_file) if answers_file else {}), **(data or {})}

    # Copier takes half a second to import: only after everything cheap has passed.
    from copier._main import Worker
    from copier._vcs import get_repo

    from copier_mlops.rendering.versions import newest, opened, resolve, stand_at

    source = without_credentials(asked)
    # A folder that is no repository has no versions; Copier renders it as it is.
    has_versions = get_repo(source) is not None
    with (
        staging_folder(free) as staging,
        opened(asked) if has_versions else nullcontext() as versions,
        sentences(source),
        warnings.catch_warnings(),
    ):
        tell_not_stored(asked)
        # What Copier would warn about (a dirty template) is refused above.
        warnings.simplefilter("ignore")
        with Worker(
            src_path=source, dst_path=staging, vcs_ref=vcs_ref, defaults=defaults, quiet=True
        ) as worker:
            number, said = None, ""
            if versions:
                commit, said = (resolve(versions, vcs_ref), "") if vcs_ref else newest(versions)
                stand_at(worker, versions, commit)
                number = versions.numbers.get(commit) or worker.template.version
            questions = worker.template.questions_data
            if not questions:
                raise ToolError(f"{source} is not a template: it has no copier.yml with questions.")
            root = worker.template.local_abspath
            base = read_answers(profile_file(root, profile)) if profile else {}
            worker.data.update(check_answers(questions, {**base, **given}))
            worker.run_copy()
            refuse_unasked(worker.answers.hidden, given)
            worker.dst_path = destination
            project = NewProject(
                destination=str(destination),
                template=source,
                version=str(number) if number else None,
                commit=worker.template.commit,
                answers=dict(worker._answers_to_remember()),
                message=worker._render_string(worker.template.message_after_copy).strip("\n"),
            )
            destination.mkdir(parents=True, exist_ok=True)
            # Questions can take an hour, and a rename would write over what came meanwhile.
            if any(path != staging for path in destination.iterdir()):
                raise ToolError(f"{destination} was filled meanwhile; nothing was written there.")
            for path in staging.iterdir():
                path.rename(destination / path.name)
    if said:  # A refusal is one sentence, so not before.
        say(said)
    return project


def nearest_free_folder(destination: Path) -> Path:
    """Return the existing folder that will hold the new one, or the destination if it is empty.

    Raises
    ------
    ToolError
        The destination holds something, or the folder cannot be written.
    """
    if os.path.lexists(destination) and not (
        destination.is_dir() and not any(destination.iterdir())
    ):
        raise ToolError(f"{destination} exists and is not an empty folder; choose another name.")
    # pathlib raises where nobody may look.
    free = next(path for path in (destination, *destination.parents) if os.path.lexists(path))
    if not free.is_dir() or not os.access(free, os.W_OK | os.X_OK):
        raise ToolError(f"Cannot write in {free}; choose another place or mend its permissions.")
    return free


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Give a folder on the destination's own disk, removed afterwards whatever happens."""
    staging = Path(tempfile.mkdtemp(prefix=".copier-mlops-", dir=parent))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def tell_not_stored(address: str) -> None:
    """Say that the password in an address that somebody typed serves this run alone."""
    if address != without_credentials(address):
        say(f"The password in the template's address is used once and not stored; {SIGN_IN}.")


@contextmanager
def sentences(source: str) -> Iterator[None]:
    """Turn what Copier and git raise into one sentence each."""
    from copier.errors import UnsafeTemplateError
    from plumbum.commands.processes import ProcessExecutionError

    try:
        yield
    except UnsafeTemplateError as error:
        raise ToolError(f"The template {source} wants to run code; not supported.") from error
    except ProcessExecutionError as error:
        raise ToolError(unread(source, last_line(error.stderr))) from error
    except (ValueError, TypeError) as error:
        # Copier wraps the sentence of the template's validator.
        reason = re.sub(r"^Validation error for question '(\w+)'", r"\1", last_line(error))
        raise ToolError(reason) from error


def unread(source: str, reason: str) -> str:
    """Return the sentence about a template that git could not read, and how git is let in."""
    cure = f". It wants to know who asks; {SIGN_IN}." if NOT_SIGNED_IN.search(reason) else ""
    return f"Cannot read the template {source}: {reason.rstrip('.') if cure else reason}{cure}"
