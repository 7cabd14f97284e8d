"""Commands of the way to production: `mlops bundle ...`, `approve`, `promote`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_kit.compare.commands import REPORTS, Json
from mlops_kit.compare.report.wording import gained
from mlops_kit.core.bundle import SHORT
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import environments, use_environment
from mlops_kit.core.words import counted

To = Annotated[str | None, typer.Option(help="Environment; MLOPS_ENV, or dev, when not given.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the log.")]
File = Annotated[Path, typer.Argument(help="The bundle.")]


def export(
    alias: Annotated[str, typer.Option(help="Alias of the version to take.")] = "challenger",
    version: Annotated[
        str | None, typer.Option(help="Its number, or digits of its model's SHA-256, instead.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File; dist/ when not given.")] = None,
    as_json: Json = False,
) -> None:
    """Seal a registered model with its decision into one file that can be brought elsewhere.

    Exit codes: 0 sealed, 1 its decision is to reject, 2 it is inconclusive.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote import bundle

    sealed = bundle.said(bundle.export(load_settings(), version or alias, output))
    _show(sealed, as_json)


def verify(file: File, as_json: Json = False) -> None:
    """See that a bundle is whole, and what is in it.

    Exit codes: 0 whole, 1 its decision is to reject, 2 it is inconclusive.
    """
    from mlops_kit.operate.promote import bundle

    _show(bundle.said(bundle.verify(file)), as_json)


def take(file: File, to: To = None, as_json: Json = False) -> None:
    """Bring a bundle in: the next run judges its model on the data of this environment.

    Exit codes: 0 it is in.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote import bundle

    here = use_environment(to)
    taken = bundle.said(bundle.take(load_settings(), file)) | {"into": here}
    _show(taken, as_json)
    if not as_json:
        print(f"next       MLOPS_ENV={here} uv run mlops run: judges it on the data of {here}")


def drop() -> None:
    """Take the bundle away: the next run fits a model here again."""
    from mlops_kit.operate.promote import bundle

    print("dropped" if bundle.drop() else "there was no bundle")


def approve(
    to: Annotated[str, typer.Option(help="Environment that the model may go to.")],
    reason: Annotated[str, typer.Option(help="Why it may; it is kept.")],
    file: Annotated[
        Path | None, typer.Argument(help="The bundle; the challenger of --to when not given.")
    ] = None,
) -> None:
    """Write down that you let a model into an environment; your commit of the file proves it."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote import approval, bundle

    if file is not None:
        if to not in environments():
            raise MlopsError(f"There is no environment {to}: {', '.join(environments())}.")
        sealed = bundle.verify(file)
        subject, what = sealed.sha256, f"bundle of {sealed.facts['model']}"
    else:
        from mlops_kit.operate.promote.promote import challenger

        use_environment(to)
        subject, what = challenger(load_settings())
    written = approval.approve(to, subject, what, reason)
    print(f"wrote      {written.as_posix()}: {what} {subject[:SHORT]} may go to {to}")
    print(f"next       git add {written.as_posix()} && git commit: your commit is the approval")


def promote(
    decision: Annotated[Path, typer.Argument(help="The decision to follow.")] = REPORTS
    / "decision.json",
    back: Annotated[bool, typer.Option("--rollback", help="Return to the previous one.")] = False,
    to: To = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Make the challenger the champion, or take that back.

    Exit codes: 0 done, 1 the decision is to reject, 2 it is inconclusive.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote.promote import BEAT_IT, promote, rollback

    use_environment(to)
    settings = load_settings()
    result = rollback(settings, reason) if back else promote(settings, decision, reason)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    done = f"version {result['champion']} of {result['name']} is champion"
    done += f", version {result['previous']} previous" if result["previous"] else ""
    finished = " (an interrupted promotion was completed)" if result["completed"] else ""
    print(f"{result['status']}: {done}{finished}")
    if result.get("approved_by"):
        print(f"approved   by {result['approved_by']}: {result['approval_reason']}")
    if result["status"] == "promoted" and not result["previous"]:
        print(f"next       the next model has to beat this one: write {BEAT_IT}")


def _show(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print(f"bundle     {told['bundle']}")
    who = f" by {told['built_by']}" if told["built_by"] else ""
    where = f"{told['registered']}, built in {told['environment']}{who}"
    print(f"sealed     {told['sha256'][:SHORT]}, {where}")
    commit = (told["commit"] or "no commit")[:SHORT]
    more = " with changes that are not committed" if told["uncommitted"] else ""
    print(f"code       {commit}{more}")
    if let_in := told["approval"]:
        by = let_in.get("approved_by")
        print(f"champion   of {let_in['environment']}" + (f", approved by {by}" if by else ""))


def registry_list(to: To = None, as_json: Json = False) -> None:
    """List the versions of the registry: what each is, and why it is kept."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote.retention import listed

    use_environment(to)
    versions = listed(load_settings())
    if as_json:
        print(json.dumps(versions, indent=2))
        return
    print(f"{'version':>7}  {'registered':<10}  {'decision':<12}  {'model':<{SHORT}}  kept as")
    for one in versions:
        model, decided = (one["model_sha256"] or "?")[:SHORT], one["decision"] or "?"
        kept = one["kept"] or "nothing: mlops registry prune would delete it"
        print(f"{one['version']:>7}  {one['registered']}  {decided:<12}  {model:<{SHORT}}  {kept}")


def registry_log(to: To = None, as_json: Json = False) -> None:
    """Show who made which version the champion, took it back or retired it, when and why."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote.retention import history

    use_environment(to)
    entries = history(load_settings())
    if as_json:
        print(json.dumps(entries, indent=2, ensure_ascii=False))
        return
    for one in entries:
        what = one["system"] or f"{one['from'] or 'none'} -> {one['champion'] or 'none'}"
        why = f": {one['reason']}" if one["reason"] else ""
        approved = f", approved by {one['approved_by']}" if one["approved_by"] else ""
        begun = "" if one["carried_out"] else " (begun; the next promote completes it)"
        print(f"{one['at']}  {one['kind']:<8}  {what}, by {one['who']}{approved}{why}{begun}")


def registry_prune(
    to: To = None,
    really: Annotated[bool, typer.Option("--yes", help="Delete; else it is only said.")] = False,
    as_json: Json = False,
) -> None:
    """Delete old versions that no alias and no rollback needs; without --yes only say which.

    Exit codes: 0 done, or nothing to do.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote.retention import prune

    use_environment(to)
    result = prune(load_settings(), really=really)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    done = "deleted" if really else "would delete"
    for one in result["versions"]:
        print(
            f"{done} version {one['version']}, {counted(one['age_days'], 'day')} old, "
            f"{one['decision']}"
        )
    rule = result["rule"]
    said = (
        f"the newest {rule['keep_versions']} and all of the last "
        f"{counted(rule['keep_days'], 'day')}"
    )
    print(f"{done} {len(result['versions'])} of {result['name']}; {result['kept']} stay ({said}, "
          "what an alias names, what a rollback needs)")  # fmt: skip
    if result["versions"]:
        print("next       mlflow gc, where the server runs, frees the space" if really else
              "next       the same with --yes")  # fmt: skip


def retire(
    system: Annotated[str, typer.Argument(help="A name of conf/compare.yaml, or a version.")],
    to: To = None,
    reason: Reason = "",
    on: Annotated[str | None, typer.Option(help="First day of removal, 2027-01-31.")] = None,
    traffic: Annotated[float | None, typer.Option(help="Share it still answers, 0 to 1.")] = None,
    without_successor: Annotated[
        bool, typer.Option("--without-successor", help="Nothing does its job afterwards.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Retire a model or the rules: into the log, and a list of what to remove into git."""
    from datetime import date

    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.promote.retire import Wish
    from mlops_kit.operate.promote.retire import retire as retire_system

    use_environment(to)
    try:
        day = None if on is None else date.fromisoformat(on)
    except ValueError as error:
        raise MlopsError(f'--on takes a day such as 2027-01-31, and not "{on}".') from error
    wish = Wish(system, reason, day, traffic, without_successor)
    result = retire_system(load_settings(), wish)
    if as_json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
        return
    print(f"{result['status']:<10} {result['system']} ({result['kind']}), may be removed from "
          f"{result['remove_from']} on")  # fmt: skip
    print(f"successor  {result['successor'] or 'none'}")
    compared = result["comparison"]
    if compared:
        found = gained(compared["estimate"], compared["lower"], compared["upper"])
        print(f"compared   {compared['metric']} of {compared['with']}: {found}")
    else:
        print("compared   with nothing that came after it")
    if not result["in_log"]:
        print("log        no entry: no version is champion in the registry; the file is the record")
    points = counted(len(result["checklist"]), "point")
    print(f"next       git add {result['file']} && git commit; then work through its {points}, "
          "`uv run mlops doctor` shows the first")  # fmt: skip
