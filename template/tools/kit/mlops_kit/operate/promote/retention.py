"""What the registry keeps: its versions at a glance, its log, and which versions may go."""

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlops_kit.core.settings import Settings
from mlops_kit.core.words import counted
from mlops_kit.operate.promote.log import ALIASES, aliases_of, last_champion, moves_of
from mlops_kit.operate.promote.registry import registry_of, unless_gone, versions_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

EPOCH = datetime(1970, 1, 1)  # in UTC, as MLflow counts
DAY = 86_400_000  # of MLflow's milliseconds


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Say of every version, the newest first, what it is and why it is kept.

    Returns
    -------
    list of dict
        `version`, `aliases`, `registered` (day, UTC), `age_days`, `decision`, `model_sha256`,
        `bundle_sha256`, `commit` (None where a release did not keep it), and `kept`: the reason,
        or None where the rule of retention lets it go.
    """
    with registry_of(settings) as (client, name):
        return _listed(client, name, settings)


def _listed(client: "MlflowClient", name: str, settings: Settings) -> list[dict[str, Any]]:
    rule = settings.registry
    aliases: dict[str, list[str]] = {}
    for alias, number in aliases_of(client, name).items():
        aliases.setdefault(number, []).append(alias)
    moves = moves_of(client, name)
    # What the last entry names is set or will be.
    named = {moves[-1].aliases[alias] for alias in ALIASES} if moves else set()
    back = last_champion(moves)
    found = []
    for place, version in enumerate(versions_of(client, name)):
        number, tags = str(version.version), version.tags
        age = (time.time() * 1000 - version.creation_timestamp) / DAY
        kept = None
        if number in aliases:
            kept = f"alias {', '.join(sorted(aliases[number]))}"
        elif number in named:
            kept = "the last entry of the log names it"
        elif number == back:
            kept = "a rollback leads to it"
        elif place < rule.keep_versions:
            kept = f"one of the newest {rule.keep_versions}"
        elif age <= rule.keep_days:
            kept = f"not older than {counted(rule.keep_days, 'day')}"
        made = EPOCH + timedelta(milliseconds=version.creation_timestamp)
        found.append({
            "version": number, "aliases": sorted(aliases.get(number, [])),
            "registered": made.date().isoformat(), "age_days": int(age),
            **{key: tags.get(key) for key in ("decision", "model_sha256", "bundle_sha256",
                                              "commit")},
            "kept": kept,
        })  # fmt: skip
    return found


def prune(settings: Settings, *, really: bool) -> dict[str, Any]:
    """Delete the versions that the rule of retention lets go, with their runs; by default only say.

    MLflow keeps a deleted run until `mlflow gc`, which also frees the space of its files.

    Parameters
    ----------
    really : bool
        Delete; otherwise nothing changes.

    Returns
    -------
    dict
        `name`, `rule`, `deleted` (whether that was done), `versions` (those that go) and `kept`
        (how many stay).
    """
    with registry_of(settings) as (client, name):
        known = _listed(client, name, settings)
        going = [one for one in known if one["kept"] is None]
        if really:
            for one in going:
                run = client.get_model_version(name, one["version"]).run_id
                # The run first: of a version that is gone nobody would find it again.
                if run:
                    with unless_gone():
                        client.delete_run(run)
                client.delete_model_version(name, one["version"])
        return {
            "name": name,
            "rule": settings.registry.model_dump(),
            "deleted": really,
            "versions": going,
            "kept": len(known) - len(going),
        }


def history(settings: Settings) -> list[dict[str, Any]]:
    """Return the log of promotions, oldest first: what was done, when, by whom, and why."""
    with registry_of(settings) as (client, name):
        return [
            {
                "entry": one.number, "kind": one.kind, "at": one.tags["at"],
                "who": one.tags["who"], "from": one.tags.get("from") or None,
                **{alias: one.aliases[alias] or None for alias in reversed(ALIASES)},
                "carried_out": one.applied, "reason": one.tags.get("reason", ""),
                "approved_by": one.tags.get("approved_by"),
                "system": one.tags.get("system"),
                **{key: one.tags.get(key) for key in ("model_sha256", "decision_sha256")},
            }
            for one in moves_of(client, name)
        ]  # fmt: skip
