"""`mlops data push|pull|diff|log`: DVC's own verbs, with the remote of the environment."""

import os
import re
import subprocess
import sys

from mlops_kit.core.errors import MlopsError, used_up, without_credentials
from mlops_kit.core.files import progress
from mlops_kit.core.programs import said_by
from mlops_kit.core.provenance import raw_list
from mlops_kit.core.settings import environment, load_settings
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import SOURCES_FILE, load_sources
from mlops_kit.data.lake import catalog
from mlops_kit.data.storage import apart, stores
from mlops_kit.data.storage.refusals import Store, reason

# What stores say first when they refuse; the rest of their sentences is about their own code.
WHY = re.compile(r"^(?:ERROR|error): (?:unexpected error - )?(.+)$", re.MULTILINE)
DONE = re.compile(r"^(?:\d+ files? \w+.*|Everything is up to date\.)$", re.MULTILINE)


def remotes() -> dict[str, str]:
    """Return the address of each DVC remote by its name."""
    return {name: str(options.get("url", "")) for name, options in stores.configured().items()}


def move(verb: str) -> str:
    """Push what the last run made to the environment's remote, or pull it; return what was done.

    What lies in the restricted zone has no copy in DVC's cache, and never moves; nor does what
    another environment made.

    Raises
    ------
    MlopsError
        One sentence, when there is no such remote, it refuses, or this must not move.
    """
    settings = load_settings()
    store = stores.remote(settings, environment())
    apart.check_remote(settings, store)
    apart.check_results(settings, whole=verb == "push")
    if verb == "push" and SOURCES_FILE.is_file():
        strict = settings.restricted is not None or raw_list(environment()).is_file()
        for told in apart.check_no_raw(load_sources(), strict):
            progress("data", told)
    stores.reach(store)
    done = _dvc(verb, "--remote", settings.dvc_remote)
    if done.returncode:
        raise _refused(verb, store, done.stderr)
    if verb == "pull" and (OPEN_ZONE / "tables").is_dir():
        catalog.written()
    told = DONE.findall(done.stdout)
    return (
        f"{told[-1] if told else 'done'} ({settings.dvc_remote}: {without_credentials(store.url)})"
    )


def _refused(verb: str, store: Store, said: str) -> MlopsError:
    """Say why DVC did not move something: the place knows better than DVC."""
    if full := used_up(OSError(said)):
        theirs = verb == "push" and not store.scheme
        return MlopsError(f"{store.shown} has no room: {full}" if theirs else full)
    try:
        stores.probe(store, write=verb == "push")
    except MlopsError as error:
        return error
    why = WHY.findall(said) or said.strip().splitlines()[-1:] or ["DVC does not say why"]
    if verb == "pull" and ("Checkout failed" in said or "missing" in said.lower()):
        return MlopsError(
            f"{store.shown} lacks what dvc.lock names here: push it where it was made "
            "(`uv run mlops data push`), or make it here (`uv run mlops run`)."
        )
    known = reason(" | ".join(why), store)
    shown = known or f"refuses: {without_credentials(why[0]).rstrip('.')}"
    return MlopsError(
        f"{store.shown} {shown}. "
        f"Nothing that was there is lost; `uv run mlops data {verb}` again goes on."
    )


def difference(since: str) -> str:
    """Say which data, models and reports differ from those of a commit."""
    done = _dvc("diff", since)
    if done.returncode:
        why = WHY.findall(done.stderr)
        raise MlopsError(f"dvc cannot compare with {since}: {why[0] if why else done.stderr}")
    return done.stdout.strip() or f"nothing differs from {since}"


def history() -> str:
    """List the commits that changed what the pipeline made, newest first."""
    listed = said_by("git", "log", "--date=short", "--format=%h %ad %s", "--", "dvc.lock")
    if listed.returncode:
        raise MlopsError(f"git cannot tell: {' '.join(listed.stderr.split())}")
    return listed.stdout.strip() or "dvc.lock was never committed: git add dvc.lock data/*.json"


def _dvc(*words: str) -> subprocess.CompletedProcess[str]:
    chosen = {stores.PLAIN_GCS[0]: stores.PLAIN_GCS[1], **os.environ}
    return said_by(sys.executable, "-m", "dvc", *words, environment=chosen)
