"""`mlops run`: prepare the repository, run the pipeline, register its model, tell the decision."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.decision_file import read
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.systems.adapters import write_systems_record
from mlops_kit.core.errors import BAD_INPUT, MlopsError, StageError, used_up
from mlops_kit.core.files import progress, remove_leftovers
from mlops_kit.core.programs import said_by
from mlops_kit.core.settings import Settings, load_settings, read_config
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.contracts.kept import stale_tables
from mlops_kit.data.ingest import write_input_record
from mlops_kit.data.lake import catalog
from mlops_kit.data.reading import READING_FILE
from mlops_kit.data.storage.keeping import fetch
from mlops_kit.room import rooms
from mlops_kit.train.features import load_params
from mlops_kit.train.model_file import MODEL_FILE
from mlops_kit.train.tracking import DECISION_FILE, REGISTRATION, register

INPUTS = Path("data/inputs.json")
SYSTEMS = Path("data/systems.json")
LOCKS = Path(".dvc/tmp/rwlock")
# DVC writes it whatever happened, and it says nothing.
DVC_CHATTER = "Having any troubles?"
# Only what stages and samples write: the rest of data/ belongs to people.
RESULTS = tuple(
    map(
        Path,
        (
            "data/open",
            "data/quarantine",
            "data/restricted/tables",
            "data/restricted/quarantine",
            "data/restricted/samples",
            "data/inputs.json",
            "data/systems.json",
            "data/holdouts.json",
            "models",
            "reports",
        ),
    )
)


def run(force: bool = False, reason: str = "") -> dict[str, Any]:
    """Run everything that is not up to date and return what a person wants to know.

    Parameters
    ----------
    force : bool
        Run the rest, too.
    reason : str
        Why this run is made, such as drift; kept with the run in the registry.

    Returns
    -------
    dict
        decision, metric, candidate, incumbent, estimate, lower, upper, reports, model.

    Raises
    ------
    MlopsError
        With the failed stage's own sentence and exit code; earlier results stay as they were.
    """
    settings = load_settings()
    load_params()
    prepare_git()
    write_records()
    started = time.time()
    reproduce(force)
    seconds = time.time() - started
    # DVC ran every stage, so that nobody was writing what is older than that.
    remove_leftovers(RESULTS, started)
    # Where the data stage was up to date, it told nothing.
    if READING_FILE.is_file() and READING_FILE.stat().st_mtime < started:
        for line in stale_tables(load_sources()):
            progress("data", line)
    known = REGISTRATION.read_bytes() if REGISTRATION.is_file() else b""
    for room in rooms():
        room.clean_up()
    if not DECISION_FILE.is_file():
        raise MlopsError(
            "Every stage of dvc.yaml is done, and none writes reports/compare/decision.json, so "
            "that nothing can be decided or registered: take over the template's stages "
            "(dvc.yaml.template, where it was adopted), or compare a table of yours by `uv run "
            "mlops compare run --data FILE`."
        )
    decision = read(DECISION_FILE)
    trained = MODEL_FILE.is_file() and MODEL_FILE.stat().st_mtime >= started
    model = record(settings, decision, reason, seconds if trained else None)
    catalog.written()
    primary, decided = decision["primary"], decision["decision"]
    # What somebody vouches for is never silent.
    vouched = [each["sentence"] for each in decision["safety"] if "acknowledged" in each]
    return {
        "decision": decided,
        "reason": " ".join(dict.fromkeys([decision["reasons"][0], *vouched])),
        "metric": primary["metric"],
        "candidate": decision["candidate"].get("value"),
        "incumbent": decision["incumbent"].get("value"),
        "estimate": primary["estimate"],
        "lower": primary["lower"],
        "upper": primary["upper"],
        "report": (DECISION_FILE.parent / "report.html").as_posix(),
        "model": f"{model['name']} version {model['version']} ({_registered(known, decided)})",
    }


def write_records() -> None:
    """Note what the stages read from outside, so that DVC sees when it changes."""
    settings, sources = load_settings(), load_sources()
    if came := fetch(settings, sources):
        progress("data", f"{came:,} raw files came from restricted.url, by their hashes")
    write_input_record(INPUTS, sources, settings, room_inputs(sources))
    write_systems_record(SYSTEMS, read_config(COMPARE_FILE, CompareConfig))


def record(
    settings: Settings, decision: Decision, reason: str = "", seconds: float | None = None
) -> dict[str, Any]:
    """Register the model with what was decided about it; see `tracking.register`.

    `seconds` is how long the pipeline took that trained it, where it did.
    """
    primary = decision["primary"]
    metrics = {
        f"candidate_{primary['metric']}": decision["candidate"]["value"],
        f"incumbent_{primary['metric']}": decision["incumbent"]["value"],
        "difference": primary["estimate"],
        "difference_lower": primary["lower"],
        "difference_upper": primary["upper"],
    }
    tags = {"decision": decision["decision"], "holdout_sha256": decision["holdout_sha256"]}
    return register(settings, metrics, tags, reason, seconds)


def _registered(known: bytes, decision: str) -> str:
    """Say what is known without asking the registry: it may be champion by now."""
    if known == REGISTRATION.read_bytes():
        return "registered before"
    return f"registered as challenger; decision: {decision}"


def room_inputs(sources: Sources) -> dict[str, Any]:
    """What the rooms read from outside besides the tables, such as which key is in use."""
    found: dict[str, Any] = {}
    for room in rooms():
        found |= room.inputs(sources)
    return found


def prepare_git() -> None:
    """Make this folder a git repository unless it is in one; DVC needs it. Never commit."""
    if shutil.which("git") is None:
        raise MlopsError("The git program is not on the PATH; install git, then run this again.")
    inside = said_by("git", "rev-parse", "--is-inside-work-tree")
    if inside.returncode == 0:
        return
    if "not a git repository" not in inside.stderr:
        # There is one that git refuses (another owner, damaged): never make a second inside it.
        raise MlopsError(f"git cannot use this folder: {' '.join(inside.stderr.split())}")
    made = said_by("git", "init", "--quiet")
    if made.returncode != 0:
        raise MlopsError(f"git init fails here: {made.stderr.strip()}")
    print("git       made this folder a git repository (nothing is committed yet)", file=sys.stderr)


def remove_torn_locks() -> None:
    """Remove DVC's list of locks when a killed DVC left only a part of it, which DVC refuses."""
    for wait in (0.5, 0.0):  # a DVC at work may be writing it at this moment
        try:
            json.loads(LOCKS.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except ValueError:
            time.sleep(wait)
        else:
            return
    LOCKS.unlink(missing_ok=True)


def _busy(complaints: list[str]) -> bool:
    """Whether DVC says that another process of its kind has the folder."""
    said = " ".join(complaints)
    return "it is being blocked by" in said or "Unable to acquire lock" in said


def reproduce(force: bool = False) -> None:
    """Run `dvc repro -P`; stages speak for themselves, DVC only when it is DVC that fails."""
    environment = dict(os.environ)
    # The stages' commands are found beside this interpreter, whether or not it is activated.
    environment["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), environment.get("PATH", "")]
    )
    remove_torn_locks()
    command = [sys.executable, "-m", "dvc", "repro", "-P"] + ["--force"] * force
    complaints: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("ERROR: "):
                complaints.append(line.removeprefix("ERROR: ").strip())
            elif line.strip() and not _busy(complaints) and not line.startswith(DVC_CHATTER):
                print(line, end="", file=sys.stderr, flush=True)
    if process.returncode == 0:
        return
    if _busy(complaints):
        raise MlopsError(
            "Another `mlops run` or `dvc` is at work in this folder; wait until it is done, then "
            "run this again. Only what was up to date or complete was left behind."
        )
    stage = re.search(r"failed to reproduce '([^']+)'", " ".join(complaints))
    code = re.search(r"exited with (\d+)", " ".join(complaints))
    name = stage.group(1) if stage else "?"
    ran = re.search(r"failed to run: (.+), exited with", " ".join(complaints))
    if ran and not ran.group(1).startswith("mlops "):
        raise MlopsError(
            f"Stage {name} is your own, and `{ran.group(1)}` ended with {code and code.group(1)}; "
            "what it said stands above. `uv run mlops run` continues there."
        )
    if code and int(code.group(1)) in (1, 2, BAD_INPUT):
        # The stage has printed its own sentence.
        raise StageError(f"stage {name} stopped the pipeline", int(code.group(1)))
    said = complaints[-1].rstrip(".") if complaints else f"exit code {process.returncode}"
    if refused := used_up(OSError(said)):
        raise MlopsError(refused)
    where = f"stopped at stage {stage.group(1)}" if stage else "did not start"
    raise MlopsError(
        f"The pipeline {where}: {said}. What it wrote before stays; "
        "`uv run mlops run` continues there."
    )
