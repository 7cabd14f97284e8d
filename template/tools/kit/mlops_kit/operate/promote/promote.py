"""`mlops promote`: make the challenger the champion, only as the decision says."""

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.decision_file import read
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.gate import changed_since, check
from mlops_kit.compare.report.language.say import readable
from mlops_kit.core.errors import OK, MlopsError
from mlops_kit.core.files import sha256_of
from mlops_kit.core.settings import Settings, environment
from mlops_kit.core.words import counted
from mlops_kit.operate.promote.approval import CLOCKS, demanded, refuse_other_rules
from mlops_kit.operate.promote.log import (
    ALIASES,
    Move,
    aliases_of,
    last_champion,
    move,
    moves_of,
    settle,
)
from mlops_kit.operate.promote.registry import registry_of

# What conf/compare.yaml has to say once there is a champion.
BEAT_IT = (
    "`incumbent: {kind: mlflow}` in conf/compare.yaml, which fetches the champion, and as "
    "min_effect the gain over it that is worth a change"
)
DRIFT = "drift"  # the one reason that can take the place of an approval

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def promote(settings: Settings, decision: Path, reason: str = "") -> dict[str, Any]:
    """Make the challenger the champion, the champion previous, and the previous one retired.

    Parameters
    ----------
    decision : Path
        decision.json, which must say promote about exactly the registered challenger.
    reason : str
        Kept in the log.

    Returns
    -------
    dict
        `status` (promoted, or done when the candidate is the champion already), `name`,
        `champion`, `previous` and `retired` (version or None), `completed` (an interrupted
        promotion was finished first).

    Raises
    ------
    MlopsError
        With the gate's exit code when the decision is not promote; with 3 when the digests of
        model, holdout, code or inputs differ, when there is a champion and the decision is not
        about it, when the decision is too old or the approval that the environment demands is
        missing, or when somebody else moved the registry in between.
    """
    code, sentence = check(decision)
    if code != OK:
        raise MlopsError(f"Nothing is promoted: {readable(sentence)}", code)
    verdict = read(decision)
    if other := changed_since(verdict):
        raise MlopsError(f"Nothing is promoted: {other}")
    digest = verdict["candidate"].get("digest") or ""
    with registry_of(settings) as (client, name):
        completed, moves, aliases = _current(client, name)
        champion = aliases.get("champion")
        if champion and _digest(client, name, champion) == digest:
            return _result("done", name, aliases, completed)
        version = _matching_challenger(client, name, aliases, verdict)
        _refuse_an_edited_one(version, decision)
        _refuse_another_incumbent(client, name, champion, verdict)
        _refuse_the_stale(settings, version)
        subject = version.tags.get("bundle_sha256") or digest
        approved = _approved(settings, subject, version, _tags_of_its_run(client, version), moves)
        challenger = str(version.version)
        move(
            client,
            name,
            _last(moves),
            "promote",
            {
                "champion": challenger,
                "previous": champion or "",
                "retired": aliases.get("previous") or aliases.get("retired", ""),
            },
            {
                "from": champion or "",
                "decision_sha256": sha256_of(decision),
                "model_sha256": digest,
                "holdout_sha256": verdict["holdout_sha256"],
                "subject_sha256": subject,
                "reason": reason,
                **approved,
            },
        )
        return _result("promoted", name, aliases_of(client, name), completed) | approved


def rollback(settings: Settings, reason: str = "") -> dict[str, Any]:
    """Make the previous version the champion again and retire the present one; see promote()."""
    with registry_of(settings) as (client, name):
        completed, moves, aliases = _current(client, name)
        champion = aliases.get("champion", "")
        to = aliases.get("previous", "")
        if not champion and moves and moves[-1].kind == "retire":
            to = last_champion(moves)
        if not to:
            alone = (
                f" `uv run mlops retire {champion} --to {environment()} --without-successor "
                '--reason "..."` takes the champion out of force.'
            )
            raise MlopsError(
                f"{name} has no previous version: there is nothing to roll back "
                f"to.{alone if champion else ''}"
            )
        back = {"champion": to, "previous": "", "retired": champion}
        evidence = {"from": champion, "reason": reason}
        move(client, name, _last(moves), "rollback", back, evidence)
        return _result("rolled back", name, aliases_of(client, name), completed)


def challenger(settings: Settings) -> tuple[str, str]:
    """Return what an approval of the challenger names: a digest, and what it is."""
    with registry_of(settings) as (client, name):
        number = aliases_of(client, name).get("challenger")
        if number is None:
            raise MlopsError(f"{name} has no challenger: `uv run mlops run` registers one.")
        tags = client.get_model_version(name, number).tags
        if "bundle_sha256" in tags:
            return tags["bundle_sha256"], f"bundle in version {number} of {name}"
        return tags["model_sha256"], f"model of version {number} of {name}"


def _current(client: "MlflowClient", name: str) -> tuple[bool, list[Move], dict[str, str]]:
    """Finish what was interrupted; return whether it was, the log and the aliases."""
    completed = settle(client, name)
    return completed, moves_of(client, name), aliases_of(client, name)


def _last(moves: list[Move]) -> int:
    return moves[-1].number if moves else 0


def _approved(
    settings: Settings, subject: str, version: "ModelVersion", run: dict[str, str],
    moves: list[Move],
) -> dict[str, str]:  # fmt: skip
    """Return what the log keeps of the approval, or of what stands in its place."""
    asked = settings.promotion
    refuse_other_rules(asked)
    # What came in a bundle says itself why it was built, and anybody can make a bundle.
    drifted = run.get("reason") == DRIFT and "bundle_sha256" not in version.tags
    if asked.approval and asked.automatic and drifted:
        return {"approved_by": "promotion.automatic", "approval_reason": DRIFT}
    used = {one.tags.get("approval_sha256", "") for one in moves}
    approval = demanded(asked, environment(), subject, run.get("built_by"), used)
    if approval is None:
        return {}
    return {
        "approved_by": approval.by, "approval_commit": approval.commit,
        "approval_reason": approval.reason, "approval_signed": str(approval.signed).lower(),
        "approval_sha256": approval.sha256,
    }  # fmt: skip


def _digest(client: "MlflowClient", name: str, number: str) -> str | None:
    return client.get_model_version(name, number).tags.get("model_sha256")


def _matching_challenger(
    client: "MlflowClient", name: str, aliases: dict[str, str], verdict: Decision
) -> "ModelVersion":
    again = "run `uv run mlops run` again, then promote what it decides about."
    if "challenger" not in aliases:
        raise MlopsError(f"{name} has no challenger: {again}")
    version = client.get_model_version(name, aliases["challenger"])
    who = f"The challenger, version {version.version} of {name},"
    if version.tags.get("model_sha256") != verdict["candidate"].get("digest"):
        raise MlopsError(f"{who} is not the model that decision.json is about: {again}")
    judged = _tags_of_its_run(client, version)
    if judged.get("holdout_sha256") != verdict["holdout_sha256"]:
        raise MlopsError(f"{who} was judged on another holdout than decision.json: {again}")
    if judged.get("decision") != verdict["decision"]:
        raise MlopsError(
            f"{who} was registered with the decision {judged.get('decision')}, and decision.json "
            f"says {verdict['decision']}: {again}"
        )
    return version


def _refuse_an_edited_one(version: "ModelVersion", decision: Path) -> None:
    """What the registry was told is what counts; a file can be edited."""
    known = version.tags.get("decision_sha256")
    if known is not None and known != sha256_of(decision):
        raise MlopsError(
            f"{decision.as_posix()} is not the decision with which version {version.version} was "
            "registered: run `uv run mlops run` again, then promote what it decides about."
        )


def _refuse_the_stale(settings: Settings, version: "ModelVersion") -> None:
    """What was true of the data of last year may not be true of today's."""
    most = settings.promotion.decision_days
    age = timedelta(seconds=time.time() - version.creation_timestamp / 1000)
    if age < timedelta(seconds=-CLOCKS):
        raise MlopsError(
            "Nothing is promoted: the decision is of the future by this machine's clock, so that "
            "its age cannot be told: set the clock (NTP)."
        )
    if age > timedelta(days=most):
        raise MlopsError(
            f"Nothing is promoted: the decision is {counted(age.days, 'day')} old; {environment()} "
            f"follows one for {counted(most, 'day')} (promotion.decision_days): bring newer data "
            "in, then `mlops run`."
        )


def _tags_of_its_run(client: "MlflowClient", version: "ModelVersion") -> dict[str, str]:
    return dict(client.get_run(version.run_id).data.tags) if version.run_id else {}


def _refuse_another_incumbent(
    client: "MlflowClient", name: str, champion: str | None, verdict: Decision
) -> None:
    """Whoever is better than the rules may still be worse than the champion: ask against it."""
    if champion is None:
        return
    incumbent = verdict["incumbent"]
    digest = incumbent.get("digest")
    if digest is not None and digest == _digest(client, name, champion):
        return
    raise MlopsError(
        f'decision.json compares with "{incumbent["name"]}", but version {champion} of {name} is '
        f"the champion: write {BEAT_IT}, run `uv run mlops run`, then promote what it decides "
        "about."
    )


def _result(status: str, name: str, aliases: dict[str, str], completed: bool) -> dict[str, Any]:
    places = {alias: aliases.get(alias) for alias in reversed(ALIASES)}
    return {"status": status, "name": name, **places, "completed": completed}
