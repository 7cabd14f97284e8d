"""Commands of the compare room: `mlops compare run`, `check`, `report`, `mlops data profile`."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_kit.compare.holdout.background import today
from mlops_kit.compare.report.language.say import readable
from mlops_kit.compare.stage import check as checked
from mlops_kit.compare.stage import context_of, run_table
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.room import Room, Systems, Yardstick
from mlops_kit.train.model_file import MODEL_CARD, read_card
from mlops_kit.train.predictions import PREDICTIONS

if TYPE_CHECKING:
    import pandas

REPORTS = Path("reports/compare")
CONFIG = Path("conf/compare.yaml")
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Config = Annotated[Path, typer.Option(help="What is compared, and how.")]
Out = Annotated[Path, typer.Option(help="Folder of what is written.")]
Table = Annotated[Path | None, typer.Option(help="Predictions, csv or parquet.")]


def run(
    data: Table = None,
    config: Config = CONFIG,
    out: Out = REPORTS,
    horizon: Annotated[int | None, typer.Option(min=1, help="Days until an outcome.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day outcomes were read.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Stage, or any table with --data: decide and report."""
    if data is not None:
        result = run_table(data, config, out, horizon, as_of.date() if as_of else None)
        if as_json:
            print(json.dumps(result, indent=2))
            return
        print(f"{result['decision']}: {' '.join(result['reasons'])} {result['next']}")
        print(result["outcomes"]["sentence"])
        return
    from mlops_kit.compare.pipeline import compare
    from mlops_kit.core.settings import load_settings

    if (config, out) != (CONFIG, REPORTS):
        raise MlopsError("--config and --out go with --data; the pipeline's own paths are fixed.")
    if horizon is not None or as_of is not None:
        raise MlopsError(
            "--horizon and --as-of go with --data; the pipeline reads features.horizon_days of "
            "params.yaml and its own tables."
        )
    progress("compare", compare(load_settings()))
    if as_json:
        print((REPORTS / "decision.json").read_text(encoding="utf-8"), end="")


def check(
    decision: Annotated[Path, typer.Argument(help="The decision to check.")] = REPORTS
    / "decision.json",
) -> None:
    """Say as the gate whether the candidate may replace what is in force.

    Exit codes: 0 promote, 1 reject, 2 inconclusive, 3 there is no decision about this model.
    """
    code, sentence = checked(decision, MODEL_CARD)
    print(readable(sentence))
    raise typer.Exit(code)


def report(data: Table = None, config: Config = CONFIG, out: Out = REPORTS) -> None:
    """Write the reports of the last decision again."""
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.compare.pipeline import context_of_project
    from mlops_kit.compare.report.markdown import rewrite
    from mlops_kit.core.settings import load_settings, read_config

    chosen = read_config(config, CompareConfig)
    if data is None:
        settings, chosen = load_settings(), chosen.with_classes(read_card().get("classes"))
        context = context_of_project(settings)
    else:
        context = context_of(data)
    print(rewrite(data or OPEN_ZONE / PREDICTIONS, chosen, out, context).as_posix())


def profile(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(help="Tables of the open zone, or files; features and all tables without."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of the outcome, if known.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Another table or file to set it against.")
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Look at these alone, with commas.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="How a file is written, as of describe: encoding=cp1252."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at tables: distributions, outliers, what goes together, leaks, copies; json and a page.

    What was never protected is written to the restricted zone, and printed without values.
    """
    from mlops_kit.compare.profile import written
    from mlops_kit.data.describing.asked import declared
    from mlops_kit.data.profiling.opened import Asked

    chosen = [name.strip() for name in (columns or "").split(",") if name.strip()]
    options, _ = declared(settings or [])
    asked = [Asked(one, target, chosen, options) for one in subjects or []]
    if not asked and (target or chosen or against or settings):
        raise MlopsError("--target, --columns, --against and --set are about a table: name it.")
    results = []
    for result in written.profiled(asked, against):
        if as_json:
            results.append(written.for_machines(result))
        else:
            print("\n".join(written.said(result)), flush=True)
    if as_json:
        print(json.dumps(results, indent=2, ensure_ascii=False))


def _classes() -> Sequence[str | int] | None:
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.core.settings import read_config

    return read_config(CONFIG, CompareConfig).data.classes


def _yardstick(task: str, classes: Sequence[str | int] | None) -> Yardstick:
    from mlops_kit.compare.holdout.yardstick import yardstick_of_config

    return yardstick_of_config(task, classes)


def _systems(
    task: str,
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    seed: int,
    classes: list[str | int] | None,
    known: "pandas.DataFrame | None",
) -> Systems:
    from mlops_kit.compare.systems.adapters import systems_of_config

    return systems_of_config(task, train, holdout, seed, classes, known)


def _vouches(finding: str) -> bool:
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.core.settings import read_config

    if not CONFIG.is_file():
        return False
    return read_config(CONFIG, CompareConfig).acknowledged.covers(finding, today())


ROOM = Room(
    commands={
        "compare run": run,
        "compare check": check,
        "compare report": report,
        "data profile": profile,
    },  # fmt: skip
    classes=_classes,
    yardstick=_yardstick,
    systems=_systems,
    vouches=_vouches,
    groups={"compare": "Compare the candidate with what is in force."},
)
