"""Commands of what watches: `mlops monitor` and `mlops feedback`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mlops_kit.compare.commands import Json
from mlops_kit.core.errors import NEGATIVE
from mlops_kit.core.files import write_text
from mlops_kit.core.words import counted
from mlops_kit.operate.monitor.issue import issue_text

AsOf = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day that is looked at.")
]
Model = Annotated[str, typer.Option(help="Alias of the registered version.")]


def look(
    context: typer.Context,
    model: Model = "champion",
    as_of: AsOf = None,
    issue: Annotated[
        Path | None, typer.Option(help="Write the alarms as the text of an issue.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look whether what is scored, and how well, is still what the model was made for.

    Exit codes: 0 quiet, 1 an alarm, 2 too little to say.
    """
    if context.invoked_subcommand is not None:
        return
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.monitor.monitor import REPORTS, monitor
    from mlops_kit.operate.monitor.page import WORDS, seen

    code, result = monitor(load_settings(), model, as_of.date() if as_of else None)
    if issue is not None and code == NEGATIVE:
        write_text(issue, issue_text(result))
    if as_json:
        print(json.dumps(result, indent=2))
        raise typer.Exit(code)
    print(f"{WORDS[result['verdict']].lower()}: {seen(result)}")
    for one in result["alarms"]:
        print(f"alarm      {one['key']}, since {one['since']}, likely {one['cause']}:")
        print(f"{'':10} {one['sentence']}")
        print(f"{'':10} {one['do']}")
    for word in ("opened", "cleared"):
        if result[word]:
            print(f"{word:<10} {', '.join(result[word])}")
    for note in result["notes"]:
        print(f"note       {note}")
    print(f"report     {(REPORTS / 'drift.html').as_posix()}")
    raise typer.Exit(code)


def calibrate(
    per_year: Annotated[
        float, typer.Option(min=0.01, help="False alarms a year that you would bear.")
    ] = 1.0,
    model: Model = "champion",
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Propose limits for conf/monitor.yaml from what was scored, at so many false alarms a year.

    Exit codes: 0 proposed, 2 too little history.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.monitor.calibrate import calibrate as propose

    code, result = propose(load_settings(), per_year, model, as_of.date() if as_of else None)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(f"# {result['sentence']}")
        print(result["yaml"], end="")
    raise typer.Exit(code)


def feedback(
    file: Annotated[Path, typer.Argument(help="Outcomes: csv, JSON lines or parquet.")],
    as_json: Json = False,
) -> None:
    """Take in outcomes of scored rows: `outcome`, and request_id, or the id and its time.

    Exit codes: 0 taken in, 1 some say otherwise than was known, and the first word stays.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.feedback.labels import take_in
    from mlops_kit.operate.monitor.labelled import known_classes

    settings = load_settings()
    classes = known_classes()
    result = take_in(file, settings.task, classes)
    none_of = ""
    if settings.task == "classification":
        none_of = f", or are none of {', '.join(map(str, classes or (0, 1)))[:200]}"
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"taken in   {result['new']:,} of {counted(result['read'], 'outcome')} of "
            f"{result['file']}"
        )
        for word, told in (
            ("known", "were known already"),
            ("broken", f"cannot be read{none_of}: they were left out"),
            ("conflicting", "say otherwise than what was known; the first word stays"),
        ):
            if result[word]:
                print(f"{word:<10} {result[word]:,} {told}")
        if result["conflicts"]:
            print(f"see        {result['conflicts']}")
    raise typer.Exit(NEGATIVE if result["conflicting"] else 0)
