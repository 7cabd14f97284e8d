"""What a result was made of: the commit, the team's code, the kit, the release, the data."""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import mlops_kit
from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml, sha256_of
from mlops_kit.core.programs import answer_of
from mlops_kit.core.settings import environment
from mlops_kit.core.zones import OPEN_ZONE

ANSWERS = Path(".copier-answers.yml")
DVC_LOCK = Path("dvc.lock")
INPUTS_FILE = Path("data/inputs.json")
# In an image, which has no history: the commit that it was built from, where its builder said so.
COMMIT = "MLOPS_COMMIT"
# What a result depends on, apart from data and the lock of the environment.
INPUTS = ("src", "params.yaml", "conf", "dvc.yaml", "uv.lock")
# What a decision depends on beside the team's code, by the name of its digest.
JUDGED = {
    "settings_sha256": Path("conf/compare.yaml"),
    "features_sha256": OPEN_ZONE / "features.parquet",
    "predictions_sha256": OPEN_ZONE / "predictions.parquet",
}


def documents_language() -> str:
    """Return the answer docs_language; en where none is stored."""
    return str(read_yaml(ANSWERS).get("docs_language", "en")) if ANSWERS.is_file() else "en"


def code_sha256(folder: Path) -> str:
    """Return one digest of all Python files below a folder, by name and content."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder).as_posix()
        # Line ends differ between clones; the code does not.
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def provenance() -> dict[str, Any]:
    """Say what the present result was made of.

    Returns
    -------
    dict
        `commit` (of git, else of the image; None where there is neither), `uncommitted` (whether
        code or settings differ from it), `code_sha256` of the team's package, `kit_sha256`,
        `release` of the template, `by` (whom git says that they are), and `data`: the digests that
        DVC keeps of the tables and features; `raw_sha256` of the list of this environment's raw
        files and `inputs_sha256` of what was read from outside (None where there is none); and
        `data_sha256`, one digest of `data`.
    """
    data = _data()
    commit = answer_of("git", "rev-parse", "HEAD")
    changed = answer_of("git", "status", "--porcelain", "--", *INPUTS)
    if commit is None and (commit := os.environ.get(COMMIT) or None):
        changed = ""  # each start of a container brings the image's code and settings back
    return {
        "commit": commit,
        "uncommitted": changed is None or bool(changed),
        "code_sha256": code_sha256(team.folder()),
        "kit_sha256": code_sha256(Path(mlops_kit.__file__).parent),
        "release": _release(),
        "by": answer_of("git", "config", "user.name") or None,
        "data": data,
        "data_sha256": hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest(),
        "inputs_sha256": _sha256(INPUTS_FILE),
        "raw_sha256": _sha256(raw_list(environment())),
    }


def judged_of() -> dict[str, str]:
    """Return the digests of what a decision is made of; of what is not here, none."""
    found = {name: sha256_of(file) for name, file in JUDGED.items() if file.is_file()}
    with contextlib.suppress(ImportError, MlopsError):
        found = {"code_sha256": code_sha256(team.folder()), **found}
    return found


def raw_list(name: str) -> Path:
    """Where the raw files of an environment are listed."""
    return Path(f"data/raw-{name}.json")


def _sha256(file: Path) -> str | None:
    return sha256_of(file) if file.is_file() else None


def _yaml(file: Path) -> dict[str, Any]:
    return read_yaml(file) if file.is_file() else {}


def _release() -> str | None:
    release = _yaml(ANSWERS).get("_commit")
    return None if release is None else str(release)


def _data() -> dict[str, str]:
    """By path: the digest that DVC keeps of what the last run wrote in the open zone."""
    stages = _yaml(DVC_LOCK).get("stages") or {}
    return {
        str(out["path"]): str(out["md5"])
        for stage in stages.values()
        for out in stage.get("outs", [])
        if str(out["path"]).startswith("data/open/") and "md5" in out
    }
