"""Bundles of models: from a registry to a file, and from a file to where it is judged again."""

import json
import tempfile
from pathlib import Path
from typing import Any

import mlops_kit
from mlops_kit.compare.gate import check
from mlops_kit.core import team
from mlops_kit.core.bundle import SHORT, Bundle, opened, seal
from mlops_kit.core.errors import OK, MlopsError
from mlops_kit.core.files import progress, written_beside
from mlops_kit.core.provenance import code_sha256
from mlops_kit.core.settings import Settings, environment
from mlops_kit.operate.promote.log import Move, moves_of
from mlops_kit.operate.promote.registry import registry_of, version_of
from mlops_kit.train.features import features_sha256
from mlops_kit.train.model_file import GIVEN, IN_BUNDLE, MODEL_FILE, trusted_types
from mlops_kit.train.tracking import BUNDLED, PROVENANCE

DIST = Path("dist")
LET_IN = ("at", "who", "reason", "approved_by", "approval_commit", "approval_reason",
          "approval_signed")  # fmt: skip
REPORTS = ("report.md", "report.html")
BY_RUN = {IN_BUNDLE["card"]: f"{BUNDLED}/model.json", IN_BUNDLE["params"]: f"{BUNDLED}/params.yaml",
          IN_BUNDLE["decision"]: "compare/decision.json",
          **{f"decision/{name}": f"compare/{name}" for name in REPORTS}}  # fmt: skip


def export(settings: Settings, which: str, output: Path | None) -> Bundle:
    """Seal one version: model, decision, reports, parameters, its origin, and who let it in.

    Parameters
    ----------
    which : str
        An alias, the version's number, or at least eight digits of its model's SHA-256.

    Raises
    ------
    MlopsError
        When there is no such version, it was registered by a release that did not keep what a
        bundle needs, it is in force without the approval that this environment demands, or its
        own decision is not to promote.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    with registry_of(settings) as (client, name), tempfile.TemporaryDirectory() as scratch:
        version = version_of(client, name, which)
        approval = _let_in(settings, moves_of(client, name), str(version.version), name)
        place = Path(download_artifacts(artifact_uri=f"models:/{name}/{version.version}",
                                        dst_path=f"{scratch}/model"))  # fmt: skip
        run_id = version.run_id or ""
        kept = {one.path for one in client.list_artifacts(run_id, BUNDLED)} if run_id else set()
        if f"{BUNDLED}/{PROVENANCE}" not in kept:
            raise MlopsError(
                f"Version {version.version} of {name} was registered by a release that kept less "
                "than a bundle needs: run `uv run mlops run --force`, then export."
            )
        run = Path(client.download_artifacts(run_id, "", scratch))
        files = {IN_BUNDLE["model"]: (place / "artifacts" / "model.skops").read_bytes()}
        files |= {inside: (run / outside).read_bytes() for inside, outside in BY_RUN.items()}
        origin = json.loads((run / BUNDLED / PROVENANCE).read_text(encoding="utf-8"))
        signature = Model.load(str(place)).signature
        tags = {key: value for key, value in client.get_run(run_id).data.tags.items()
                if not key.startswith("mlflow.")}  # fmt: skip
    card = json.loads(files[IN_BUNDLE["card"]])
    facts = {
        "model": settings.model_name, "task": settings.task, "model_sha256": card["sha256"],
        "environment": environment(), "registered": f"version {version.version} of {name}",
        "origin": origin, "tags": tags, "built_by": origin.get("by"),
        "signature": signature.to_dict() if signature else None, "approval": approval,
    }  # fmt: skip
    target = output or DIST / f"{settings.model_name}-{card['sha256'][:SHORT]}.bundle"
    bundle = seal(target, files, facts)
    try:
        verify(target)
    except MlopsError:
        target.unlink()
        raise
    return bundle


def _let_in(settings: Settings, moves: list[Move], number: str, name: str) -> dict[str, str] | None:
    """What the log says of how a version became champion here; None when it never did."""
    found = [one for one in moves if one.kind == "promote" and one.aliases["champion"] == number]
    if not found:
        return None
    told = {key: found[-1].tags[key] for key in LET_IN if found[-1].tags.get(key)}
    if settings.promotion.approval and "approved_by" not in told:
        raise MlopsError(
            f"Version {number} of {name} became champion without an approval, and {environment()} "
            "demands one now, so that there is none to seal: promote it anew, then export."
        )
    return {"environment": environment(), **told}


def verify(path: Path) -> Bundle:
    """Open a bundle and see that its parts are about one model, which was found worth promoting.

    Raises
    ------
    MlopsError
        When the seal is broken, with 3; when the decision is not to promote, with its exit code.
    """
    bundle = opened(path)
    if lacking := set(IN_BUNDLE.values()) - bundle.files.keys():
        raise MlopsError(f"{path.as_posix()} has no {min(lacking)}: it is no bundle of a model.")
    if more := bundle.files.keys() - {IN_BUNDLE["model"], *BY_RUN}:
        raise MlopsError(
            f"{path.as_posix()} holds {min(more)} besides a model and its reports: no data travels "
            "in a bundle; take one that `mlops bundle export` wrote."
        )
    card, decision = (json.loads(bundle.read(IN_BUNDLE[name])) for name in ("card", "decision"))
    digests = {bundle.files[IN_BUNDLE["model"]], bundle.facts["model_sha256"], card["sha256"],
               decision["candidate"].get("digest")}  # fmt: skip
    if len(digests) > 1:
        raise MlopsError(f"{path.as_posix()}: model and decision are not about the same model.")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "decision.json"
        file.write_bytes(bundle.read(IN_BUNDLE["decision"]))
        code, sentence = check(file)
    if code != OK:
        raise MlopsError(
            f"{path.as_posix()}: only what was found worth promoting travels, and where it was "
            f"built the decision is another: {sentence}",
            code,
        )
    return bundle


def take(settings: Settings, path: Path) -> Bundle:
    """Put a bundle where the next run takes its model instead of fitting one.

    Raises
    ------
    MlopsError
        When it is about another model or task, or this clone's code is not what it was built of.
    """
    bundle = verify(path)
    facts = bundle.facts
    if (facts["model"], facts["task"]) != (settings.model_name, settings.task):
        raise MlopsError(
            f"{path.as_posix()} holds {facts['model']} ({facts['task']}), and this project is "
            f"{settings.model_name} ({settings.task})."
        )
    origin = facts["origin"]
    at = f"`git checkout {origin['commit']}`" if origin["commit"] else "take its code"
    if origin["code_sha256"] != code_sha256(team.folder()):
        raise MlopsError(
            f"{path.as_posix()} was built of other code than src/ holds here, so that what is "
            f"judged would not be what was built: {at}, then import it again."
        )
    card = json.loads(bundle.read(IN_BUNDLE["card"]))
    if card["training"]["features_sql"] != features_sha256():
        raise MlopsError(
            f"{path.as_posix()} was built with other parameters of features.py than params.yaml "
            f"holds here: {at}, then import it again."
        )
    with tempfile.TemporaryDirectory() as scratch:
        stored = Path(scratch) / MODEL_FILE.name
        stored.write_bytes(bundle.read(IN_BUNDLE["model"]))
        trusted_types(stored)  # refuses those of strangers, whatever the card says
    if origin["kit_sha256"] != code_sha256(Path(mlops_kit.__file__).parent):
        progress("bundle", "it was built with another version of tools/kit: its figures may differ")
    with written_beside(GIVEN) as beside:
        beside.write_bytes(path.read_bytes())
        opened(beside)  # what was copied is what was verified
    return bundle


def drop() -> bool:
    """Take the bundle away, so that the next run fits a model; return whether one was there."""
    there = GIVEN.is_file()
    GIVEN.unlink(missing_ok=True)
    return there


def said(bundle: Bundle) -> dict[str, Any]:
    """Return what a person wants to know of a bundle."""
    origin = bundle.facts["origin"]
    return {
        "bundle": bundle.path.as_posix(),
        "sha256": bundle.sha256,
        "model": bundle.facts["model"],
        "model_sha256": bundle.facts["model_sha256"],
        "environment": bundle.facts["environment"],
        "registered": bundle.facts["registered"],
        "commit": origin["commit"],
        "uncommitted": origin["uncommitted"],
        "built_by": bundle.facts["built_by"],
        "approval": bundle.facts.get("approval"),
    }
