"""`mlops promote`: make the challenger the champion, only as the decision says."""

import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.decision_file import read
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.gate import check
from mlops_kit.core.errors import OK, MlopsError
from mlops_kit.core.files import sha256_of
from mlops_kit.core.settings import Settings, environment
from mlops_kit.operate.promote.approval import demanded
from mlops_kit.operate.promote.log import ALIASES, aliases_of, move, moves_of, settle
from mlops_kit.train.tracking import quiet_mlflow, registered_name

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
        model or holdout differ, when there is a champion and the decision is not about it, when
        the decision is too old or the approval that the environment demands is missing, or when
        somebody else moved the registry in between.
    """
    code, sentence = check(decision)
    if code != OK:
        raise MlopsError(f"Nothing is promoted: {sentence}", code)
    verdict = read(decision)
    digest = verdict["candidate"].get("digest") or ""
    with registry_of(settings) as (client, name):
        completed, last, aliases = _current(client, name)
        champion = aliases.get("champion")
        if champion and _digest(client, name, champion) == digest:
            return _result("done", name, aliases, completed)
        version = _matching_challenger(client, name, aliases, verdict)
        _refuse_another_incumbent(client, name, champion, verdict)
        _refuse_the_stale(settings, version)
        subject = version.tags.get("bundle_sha256") or digest
        built_by = _tags_of_its_run(client, version).get("built_by")
        approval = demanded(settings.promotion, environment(), subject, built_by)
        approved = {} if approval is None else {
            "approved_by": approval.by, "approval_commit": approval.commit,
            "approval_reason": approval.reason, "approval_signed": str(approval.signed).lower(),
        }  # fmt: skip
        challenger = str(version.version)
        move(
            client,
            name,
            last,
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
        completed, last, aliases = _current(client, name)
        if not aliases.get("previous"):
            raise MlopsError(f"{name} has no previous version: there is nothing to roll back to.")
        back = {"champion": aliases["previous"], "previous": "", "retired": aliases["champion"]}
        move(client, name, last, "rollback", back, {"from": aliases["champion"], "reason": reason})
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


@contextlib.contextmanager
def registry_of(settings: Settings) -> Iterator[tuple["MlflowClient", str]]:
    """Give a client and the model's name; what MLflow refuses becomes one sentence."""
    uri, name = settings.tracking.uri, registered_name(settings)
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():
        raise MlopsError(f"{database} does not exist: `uv run mlops run` registers a challenger.")
    with quiet_mlflow():
        from mlflow import MlflowClient, set_tracking_uri
        from mlflow.exceptions import MlflowException

        try:
            set_tracking_uri(uri)
            client = MlflowClient(uri)
            yield client, name
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                sentence = f"{name} is not in the registry at {uri}: run `uv run mlops run` first."
                raise MlopsError(sentence) from error
            reason = str(error).strip().splitlines()[0]
            raise MlopsError(
                f"MLflow at tracking.uri ({uri}) refuses: {reason} Run `uv run mlops promote` "
                "again when it answers: it completes what was begun."
            ) from error


def _current(client: "MlflowClient", name: str) -> tuple[bool, int, dict[str, str]]:
    """Finish what was interrupted; return whether it was, the last entry and the aliases."""
    completed = settle(client, name)
    moves = moves_of(client, name)
    return completed, moves[-1].number if moves else 0, aliases_of(client, name)


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


def _refuse_the_stale(settings: Settings, version: "ModelVersion") -> None:
    """What was true of the data of last year may not be true of today's."""
    most = settings.promotion.decision_days
    age = timedelta(seconds=time.time() - version.creation_timestamp / 1000)
    if age > timedelta(days=most):
        raise MlopsError(
            f"Nothing is promoted: the decision is {age.days} days old; {environment()} follows "
            f"one for {most} days (promotion.decision_days): bring newer data in, then `mlops run`."
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
        "the champion: write `incumbent: {kind: mlflow}` in conf/compare.yaml, which fetches the "
        "champion, run `uv run mlops run`, then promote what it decides about."
    )


def _result(status: str, name: str, aliases: dict[str, str], completed: bool) -> dict[str, Any]:
    places = {alias: aliases.get(alias) for alias in reversed(ALIASES)}
    return {"status": status, "name": name, **places, "completed": completed}
