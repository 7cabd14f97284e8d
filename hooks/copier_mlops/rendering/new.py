"""Start a repository: check the answers, render beside the destination, move it into place."""

import os
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
from copier_mlops.errors import ToolError, say
from copier_mlops.rendering.answers import check_answers, read_answers, refuse_unasked
from copier_mlops.rendering.refusals import sentences, tell_not_stored
from copier_mlops.rendering.template import profile_file, resolve_source
from copier_mlops.rendering.versions import newest, opened, resolve, stand_at
from copier_mlops.rendering.workspace import (
    OWN_KIT,
    kit_of_workspace,
    refuse_taken_folders,
    refuse_unfit_kit,
    shares_kit,
    workspace_of,
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

    kit = None if "kit" in given else kit_of_workspace(destination)

    # Copier takes half a second to import: only after everything cheap has passed.
    from copier._main import Worker
    from copier._vcs import get_repo

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
            number, commit, said = None, "", ""
            if versions:
                commit, said = (resolve(versions, vcs_ref), "") if vcs_ref else newest(versions)
                stand_at(worker, versions, commit)
                number = versions.numbers.get(commit) or worker.template.version
            questions = worker.template.questions_data
            if not questions:
                raise ToolError(f"{source} is not a template: it has no copier.yml with questions.")
            root = worker.template.local_abspath
            base = read_answers(profile_file(root, profile)) if profile else {}
            shared = {"kit": kit.seen_from(destination)} if kit and "kit" in questions else {}
            worker.data.update(check_answers(questions, {**base, **shared, **given}))
            worker.run_copy()
            refuse_unasked(worker.answers.hidden, given)
            stored = dict(worker._answers_to_remember())
            if versions:
                name = str(stored.get("_commit", ""))
                refuse_unfit_kit(versions, commit, name, stored, destination)
            folders = [path.relative_to(staging).as_posix() for path in staging.rglob("*/")]
            refuse_taken_folders(destination, [*folders, str(stored.get("kit", OWN_KIT))])
            worker.dst_path = destination
            project = NewProject(
                destination=str(destination),
                template=source,
                version=str(number) if number else None,
                commit=worker.template.commit,
                answers=stored,
                message=worker._render_string(worker.template.message_after_copy).strip("\n"),
            )
            destination.mkdir(parents=True, exist_ok=True)
            # Questions can take an hour, and a rename would write over what came meanwhile.
            if any(path != staging for path in destination.iterdir()):
                raise ToolError(f"{destination} was filled meanwhile; nothing was written there.")
            for path in staging.iterdir():
                path.rename(destination / path.name)
    if (root := workspace_of(destination)) and root != destination:
        (destination / "uv.lock").unlink(missing_ok=True)
        whose = stored["kit"] if shares_kit(stored) else "a kit of its own, the first there"
        say(f"It is a member of the uv workspace {root}, with {whose}: run uv lock in {root}.")
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
