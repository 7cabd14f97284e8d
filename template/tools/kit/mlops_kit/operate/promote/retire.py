"""`mlops retire`: what was in force leaves, with a date, a record and a list of what to remove.

The registry's log says that it was retired, as it says who was promoted; the file in git is the
list that a person works through. What is retired is a version of the registry, or a system that
never stood there: rules, a program, a log of decisions, baseline.py.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.systems.adapters import systems_to_predict
from mlops_kit.compare.systems.spec import Command, Logged, Rules, Sklearn, SystemSpec
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml, write_text
from mlops_kit.core.settings import Settings, environment, read_config
from mlops_kit.core.utc import today
from mlops_kit.core.words import counted
from mlops_kit.operate.promote.log import ALIASES, Move, aliases_of, move, moves_of, settle
from mlops_kit.operate.promote.registry import (
    EmptyRegistryError,
    registry_of,
    unless_gone,
    version_of,
    versions_of,
)
from mlops_kit.room import Finding

if TYPE_CHECKING:
    from mlflow import MlflowClient

FOLDER = Path("retired")
LOOKED_AT = 20  # promotions, from the last one back, for a comparison with what is retired


@dataclass(frozen=True)
class Wish:
    """What a person says about a retirement; `traffic` is a share from 0 to 1, None: unknown."""

    system: str
    reason: str = ""
    on: date | None = None
    traffic: float | None = None
    without_successor: bool = False


def retire(settings: Settings, wish: Wish) -> dict[str, Any]:
    """Retire a system: record it in the registry's log, and write the list of what to remove.

    Returns
    -------
    dict
        `status` (retired, or done when the log has it already), `system`, `file`, `remove_from`
        (the day), `traffic`, `successor` (None without one), `comparison` (the last one with what
        came after it; None when there is none), `checklist`, `in_log`.

    Raises
    ------
    MlopsError
        When there is no such system, it has no successor and --without-successor with a reason was
        not given, it was never in force, or the day is over.
    """
    if wish.traffic is not None and not 0 <= wish.traffic <= 1:
        raise MlopsError("--traffic is a share of all requests, from 0 to 1.")
    if wish.without_successor and not wish.reason.strip():
        raise MlopsError("Without a successor nothing does the job any more: say why in --reason.")
    config = read_config(COMPARE_FILE, CompareConfig)
    due = wish.on or today() + timedelta(days=config.deprecation.keep_warm_days)
    if due < today():
        raise MlopsError(f"--on {due} is over: give the first day on which it may be removed.")
    outside = systems_to_predict(config).get(wish.system)
    if outside is not None and outside.kind == "mlflow":
        outside = None
    try:
        with registry_of(settings) as (client, name):
            settle(client, name)
            if outside is None:
                told = _version(client, name, wish)
            else:
                told = _system(client, name, wish, outside)
            return _recorded(client, name, wish, due, config, told)
    except EmptyRegistryError:
        if outside is None:
            raise
    if not wish.without_successor:
        raise MlopsError(_alone(wish.system, "no model is registered here"))
    told = {"system": wish.system, "kind": outside.kind, "successor": None, "comparison": None,
            "aliases": None, "remove": [*_of_system(outside)], "from": ""}  # fmt: skip
    return _known(wish, wish.system) or _written(wish, due, config, told)


def _alone(system: str, why: str) -> str:
    return (
        f"{system} has no successor ({why}), so that nothing would do its job: promote one first "
        "(`uv run mlops promote`), or say --without-successor and --reason."
    )


def _version(client: "MlflowClient", name: str, wish: Wish) -> dict[str, Any]:
    """Say what retiring a registered version means."""
    version = version_of(client, name, wish.system)
    number, aliases = str(version.version), aliases_of(client, name)
    champion = aliases.get("champion", "")
    moves = moves_of(client, name)
    in_force = {one.aliases["champion"] for one in moves}
    in_force |= {aliases.get(alias) for alias in ALIASES}
    if number not in in_force:
        raise MlopsError(
            f"Version {number} of {name} was never in force: there is nothing to retire."
        )
    if number == champion and not wish.without_successor:
        raise MlopsError(_alone(f"Version {number} of {name}", "it is the champion"))
    after = {
        "champion": "" if number == champion else champion,
        "previous": "" if number in (champion, aliases.get("previous")) else
        aliases.get("previous", ""),
        "retired": number,
    }  # fmt: skip
    successor = None if number == champion or not champion else f"version {champion} of {name}"
    remove = [
        f"keep version {number} of {name} until that day: `uv run mlops promote --rollback` "
        "returns to what was champion before",
        "services and batch jobs that name its number, and not the alias champion",
        f"then its files: `uv run mlops registry prune`, which registry.keep_days in "
        f"conf/{environment()}.yaml steers",
    ]
    compared = _comparison(client, name, {version.tags.get("model_sha256", "?")}, {"champion"})
    return {"system": f"version {number}", "kind": "model", "successor": successor,
            "comparison": compared, "aliases": after, "remove": remove,
            "from": champion or number}  # fmt: skip


def _system(client: "MlflowClient", name: str, wish: Wish, spec: SystemSpec) -> dict[str, Any]:
    """Say what retiring rules, or another system outside of the registry, means."""
    aliases = aliases_of(client, name)
    champion = aliases.get("champion", "")
    if not champion and not wish.without_successor:
        raise MlopsError(_alone(wish.system, f"{name} has no champion"))
    kept = {alias: aliases.get(alias, "") for alias in ("champion", "previous", "retired")}
    return {
        "system": wish.system, "kind": spec.kind,
        "successor": f"version {champion} of {name}" if champion else None,
        "comparison": _comparison(client, name, set(), {wish.system}),
        "aliases": kept if champion else None, "remove": [*_of_system(spec)], "from": champion,
    }  # fmt: skip


def _of_system(spec: SystemSpec) -> Iterator[str]:
    """What a repository holds of a system that is no version of its registry."""
    if isinstance(spec, Rules):
        yield f"the code of {spec.function}() and its tests"
    elif isinstance(spec, Logged | Sklearn):
        yield f"the file {spec.file.as_posix()} and what writes it"
    elif isinstance(spec, Command):
        yield f"the program `{' '.join(spec.command)}`, where it runs and what it needs"
    else:
        yield "baseline.py may stay as what a next model must beat, but nothing may serve it"
    yield "rules that the law or safety asks for stay: write them as checks after the model"
    yield "one rule for when the model gives no answer"
    yield f"its name in {COMPARE_FILE.as_posix()}: write " + "`incumbent: {kind: mlflow}`"
    yield "its switches, jobs, tables, dashboards, alarms and secrets"


def _comparison(
    client: "MlflowClient", name: str, digests: set[str], names: set[str]
) -> dict[str, Any] | None:
    """Find the last promotion that was decided against what is retired."""
    promoted = [one for one in reversed(moves_of(client, name)) if one.kind == "promote"]
    there = {str(version.version): version for version in versions_of(client, name)}
    for one in promoted[:LOOKED_AT]:
        version = there.get(one.aliases["champion"])
        if version is None or not version.run_id:  # pruned, or registered by hand
            continue
        decision = _decision(client, version.run_id)
        against = decision.get("incumbent", {})
        if (against.get("digest") in digests) if digests else (against.get("name") in names):
            primary = decision["primary"]
            return {
                "with": f"version {version.version} of {name}", "promoted": one.tags["at"],
                "decision": decision["decision"], "metric": primary["metric"],
                **{key: primary[key] for key in ("estimate", "lower", "upper")},
            }  # fmt: skip
    return None


def _decision(client: "MlflowClient", run_id: str) -> dict[str, Any]:
    """Return what a run was decided by; nothing where it kept none, or is gone itself."""
    with tempfile.TemporaryDirectory() as scratch, unless_gone():
        if any(one.path.endswith("decision.json")
               for one in client.list_artifacts(run_id, "compare")):  # fmt: skip
            place = client.download_artifacts(run_id, "compare/decision.json", scratch)
            return json.loads(Path(place).read_text(encoding="utf-8"))
    return {}


def _recorded(
    client: "MlflowClient",
    name: str,
    wish: Wish,
    due: date,
    config: CompareConfig,
    told: dict[str, Any],
) -> dict[str, Any]:
    moves, aliases = moves_of(client, name), told["aliases"]
    in_log = _is_retired(moves, told["system"])
    if (in_log or aliases is None) and (known := _known(wish, told["system"])):
        return known
    # The file first: it is made again by a repetition, and an entry of the log is not.
    written = _written(wish, due, config, told)
    if aliases is not None and not in_log:
        evidence = {"from": told["from"], "system": told["system"], "reason": wish.reason,
                    "successor": told["successor"] or "",
                    "remove_from": due.isoformat()}  # fmt: skip
        move(client, name, moves[-1].number if moves else 0, "retire", aliases, evidence)
    return written


def _known(wish: Wish, system: str) -> dict[str, Any] | None:
    """Return what was written before, unless somebody now says otherwise, which would be lost."""
    file = place(system)
    if not file.is_file():
        return None
    told = read_yaml(file)
    on = None if wish.on is None else wish.on.isoformat()
    said = {"remove_from": on, "traffic": wish.traffic, "reason": wish.reason.strip() or None}
    other = [key for key, value in said.items() if value is not None and value != told.get(key)]
    if other:
        raise MlopsError(
            f"{system} was retired on {told.get('retired')}, and what you say now would be lost: "
            f"write {', '.join(other)} into {file.as_posix()}, and commit."
        )
    return {**told, "file": file.as_posix(), "status": "done"}


def _is_retired(moves: list[Move], system: str) -> bool:
    """Whether the log has it, and nothing has brought it back since."""
    for one in reversed(moves):
        if one.kind == "retire" and one.tags.get("system") == system:
            return True
        if f"version {one.aliases['champion']}" == system:
            return False
    return False


def place(system: str) -> Path:
    """Where the list of what to remove stands."""
    slug = re.sub(r"[^a-z0-9]+", "-", system.casefold()).strip("-") or "system"
    return FOLDER / environment() / f"{slug}.yaml"


def _written(wish: Wish, due: date, config: CompareConfig, told: dict[str, Any]) -> dict[str, Any]:
    import yaml

    consumers = config.deprecation.consumers
    left = "unknown: measure it" if wish.traffic is None else f"{wish.traffic:.1%} are left"
    todo = [f"agreed by {each}" for each in consumers] or [
        "ask who uses it, and name them in deprecation.consumers of conf/compare.yaml"
    ]
    if wish.traffic != 0:
        todo.append(f"no request and no batch is answered by it ({left})")
    if told["comparison"] is None:
        todo.append("nobody has compared it with what comes after it: do, or say why not")
    todo += told["remove"]
    content = {
        "system": told["system"], "kind": told["kind"], "environment": environment(),
        "retired": today().isoformat(), "remove_from": due.isoformat(), "traffic": wish.traffic,
        "reason": wish.reason.strip(), "successor": told["successor"],
        "comparison": told["comparison"], "in_log": told["aliases"] is not None,
        "checklist": [{"todo": each, "done": False} for each in todo],
    }  # fmt: skip
    head = "# Write `done: true` at what is done, and commit; `mlops doctor` shows what is left.\n"
    text = head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    write_text(place(told["system"]), text)
    return {**content, "file": place(told["system"]).as_posix(), "status": "retired"}


def left() -> Iterator[Finding]:
    """Say what is retired in this environment and not yet removed."""
    for file in sorted((FOLDER / environment()).glob("*.yaml")):
        told = read_yaml(file)
        todo = [each for each in told.get("checklist") or [] if isinstance(each, dict)]
        waiting = [str(each.get("todo")) for each in todo if each.get("done") is not True]
        if waiting:
            message = (
                f"{told.get('system')} was retired on {told.get('retired')} and may be removed "
                f"from {told.get('remove_from')} on; left of {counted(len(todo), 'point')}: "
                f"{len(waiting)}, the first: {waiting[0]}"
            )
            mend = f"do it, write done: true in {file.as_posix()}, and commit"
            yield Finding("retired", "note", message, mend)
