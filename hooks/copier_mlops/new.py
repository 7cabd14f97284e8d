"""Start a repository: check the answers, render beside the destination, move it into place."""

import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .answers import check_answers, read_answers, refuse_unasked
from .errors import ToolError, last_line, say
from .template import profile_file, resolve_source


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
    source = resolve_source(template)
    given = {**(read_answers(answers_file) if answers_file else {}), **(data or {})}

    # Copier takes half a second to import: only after everything cheap has passed.
    from copier._main import Worker
    from copier._vcs import get_repo

    said = ""
    if vcs_ref is None and get_repo(source):
        from .versions import newest, opened

        try:
            with opened(source) as versions:
                vcs_ref, said = newest(versions)
        except ToolError as error:
            raise ToolError(f"Cannot read the template {source}: {error}") from error

    with staging_folder(free) as staging, sentences(source), warnings.catch_warnings():
        # What Copier would warn about (a dirty template) is refused above.
        warnings.simplefilter("ignore")
        with Worker(
            src_path=source, dst_path=staging, vcs_ref=vcs_ref, defaults=defaults, quiet=True
        ) as worker:
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
                version=str(worker.template.version) if worker.template.version else None,
                commit=worker.template.commit,
                answers=dict(worker._answers_to_remember()),
                message=worker._render_string(worker.template.message_after_copy).strip("\n"),
            )
            destination.mkdir(parents=True, exist_ok=True)
            for path in staging.iterdir():
                path.rename(destination / path.name)
    if said:
        say(said)
    return project


def nearest_free_folder(destination: Path) -> Path:
    """Return the existing folder that will hold the new one, or the destination if it is empty.

    Raises
    ------
    ToolError
        The destination holds something, or the folder cannot be written.
    """
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise ToolError(f"{destination} exists and is not an empty folder; choose another name.")
    free = next(path for path in (destination, *destination.parents) if path.exists())
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
        reason = last_line(error.stderr)
        raise ToolError(f"Cannot read the template {source}: {reason}") from error
    except (ValueError, TypeError) as error:
        # Copier wraps the sentence of the template's validator.
        reason = re.sub(r"^Validation error for question '(\w+)'", r"\1", last_line(error))
        raise ToolError(reason) from error
