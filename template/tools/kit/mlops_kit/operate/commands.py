"""Commands of what follows a decision: promote, predict, and experiments on real users."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlops_kit.compare.commands import CONFIG, REPORTS, Config, Json, Out, Table
from mlops_kit.compare.report.wording import gained
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.operate.demo.commands import demo
from mlops_kit.operate.monitor import commands as watching
from mlops_kit.operate.promote import commands as delivery
from mlops_kit.operate.promote.registry import refused
from mlops_kit.room import Finding, Room
from mlops_kit.train.checks.skew import told
from mlops_kit.train.model_file import read_card
from mlops_kit.train.predictions import PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


def plan(
    data: Table = None,
    config: Config = CONFIG,
    out: Out = REPORTS,
    min_effect: Annotated[float | None, typer.Option(help="True gain to be found.")] = None,
    alpha: Annotated[float | None, typer.Option(help="One-sided risk of error.")] = None,
    power: Annotated[float | None, typer.Option(help="Chance to find the gain.")] = None,
    looks: Annotated[int, typer.Option(help="Planned looks at the A/B test.")] = 4,
    allocation: Annotated[float, typer.Option(help="Share of the treatment.")] = 0.5,
    per_day: Annotated[float | None, typer.Option(help="Units that arrive per day.")] = None,
    sd: Annotated[float | None, typer.Option(help="Spread of the metric per unit.")] = None,
    as_json: Json = False,
) -> None:
    """Say how many rows, users and days a decision needs."""
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.core.settings import load_settings, read_config
    from mlops_kit.operate.experiments.plan import Wish
    from mlops_kit.operate.experiments.plan import plan as write_plan

    chosen = read_config(config, CompareConfig)
    if data is None:
        chosen = chosen.with_classes(read_card().get("classes"))
    wish = Wish(
        chosen.primary.min_effect if min_effect is None else min_effect,
        chosen.inference.alpha if alpha is None else alpha,
        chosen.inference.power if power is None else power,
        looks,
        allocation,
        per_day,
        sd,
    )
    project = data.stem if data else load_settings().project
    result = write_plan(data or OPEN_ZONE / PREDICTIONS, chosen, wish, out, project)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    rows, test = result["offline"], result["ab_test"]
    groups = f" of {counted(rows['groups'], 'group')}" if "groups" in rows else ""
    days = f", {counted(test['days'], 'day')}" if "days" in test else ""
    print(
        f"offline    {counted(rows['rows'], 'row')}{groups} (the pilot had {rows['pilot_rows']:,})"
    )
    print(
        f"A/B test   {counted(test['units'], 'unit')} in both arms, {counted(looks, 'look')}{days}"
    )
    print(f"plan       {(out / 'plan.md').as_posix()}")


def enough(config: Config = CONFIG, as_json: Json = False) -> None:
    """Say whether more rows would help, or a better model: a learning curve of training rows."""
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.core.settings import load_settings, read_config
    from mlops_kit.operate.experiments.enough import enough as curve

    result = curve(load_settings(), read_config(config, CompareConfig))
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'rows':>10}  {result['metric']} ({result['direction']} is better)")
    for step in result["steps"]:
        print(f"{step['rows']:>10,}  {step['value']:.4f}")
    gain = result["gain"]
    print(f"last doubling: {gained(gain['estimate'], gain['lower'], gain['upper'])}")
    print(result["sentence"])


def abtest(
    data: Annotated[Path, typer.Option(help="One row per unit: csv or parquet.")],
    config: Annotated[Path, typer.Option(help="The test's plan.")] = Path("conf/abtest.yaml"),
    out: Out = REPORTS,
    units: Annotated[int | None, typer.Option(help="Planned units in both arms.")] = None,
    unit: Annotated[str | None, typer.Option(help="Column of the unit.")] = None,
    arm: Annotated[str | None, typer.Option(help="Column of the arm.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Column of the outcome.")] = None,
    covariate: Annotated[str | None, typer.Option(help="Column from before the test.")] = None,
    control: Annotated[str | None, typer.Option(help="Name of the control arm.")] = None,
    treatment: Annotated[str | None, typer.Option(help="Name of the treatment arm.")] = None,
    allocation: Annotated[float | None, typer.Option(help="Share of the treatment.")] = None,
    as_json: Json = False,
) -> None:
    """Look at an A/B test.

    Exit codes: 0 promote, 1 reject, 2 go on.
    """
    from mlops_kit.operate.experiments.abtest import ABTest
    from mlops_kit.operate.experiments.abtest import abtest as look_at

    given = {"units": units, "unit": unit, "arm": arm, "outcome": outcome}
    given |= {"covariate": covariate, "control": control, "treatment": treatment}
    plan = _configured(ABTest, config, given | {"allocation": allocation})
    code, result = look_at(data, plan, out / "abtest.json")
    look = result["looks"][-1]
    print(
        json.dumps(result, indent=2)
        if as_json
        else f"{look['decision']}: {' '.join(look['reasons'])}"
    )
    raise typer.Exit(code)


def shadow(
    data: Annotated[
        Path, typer.Option(help="One row per request: csv, parquet, or a folder of parquet parts.")
    ],
    config: Annotated[Path, typer.Option(help="Columns and budgets.")] = Path("conf/shadow.yaml"),
    threshold: Annotated[float | None, typer.Option(help="Scores decide from here.")] = None,
    max_disagreement: Annotated[float | None, typer.Option(help="Largest share.")] = None,
    max_negative_flips: Annotated[float | None, typer.Option(help="Largest share.")] = None,
    max_p95_ms: Annotated[float | None, typer.Option(help="Of the candidate.")] = None,
    max_slowdown_ms: Annotated[float | None, typer.Option(help="Median, paired.")] = None,
    as_json: Json = False,
) -> None:
    """Compare paired logs of candidate and incumbent with their budgets.

    Exit codes: 0 every budget is kept, 1 one is exceeded, 2 the log is too short to tell.
    """
    from mlops_kit.operate.experiments.shadow import Shadow
    from mlops_kit.operate.experiments.shadow import shadow as compare_logs

    given = {"threshold": threshold, "max_disagreement": max_disagreement}
    given |= {"max_negative_flips": max_negative_flips, "max_p95_ms": max_p95_ms}
    budgets = _configured(Shadow, config, given | {"max_slowdown_ms": max_slowdown_ms})
    code, result = compare_logs(data, budgets)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{result['decision']}: {result['agreement']:.2%} of {result['n_requests']:,} agree")
        for name, flips in result.get("flips", {}).items():
            print(f"flips      {name:<18} {flips:,}")
        for name, of in result.get("latency_ms", {}).items():
            print(f"latency    {name:<18} p50 {of['p50']:.1f} ms, p95 {of['p95']:.1f} ms")
        for one in result["checks"]:
            low, high = ("?" if one[b] is None else f"{one[b]:.4g}" for b in ("lower", "upper"))
            found = f"{low} to {high}, budget {one['budget']:g}"
            print(f"{one['outcome']:<10} {one['name']:<18} {found}")
    raise typer.Exit(code)


def predict(
    given: Annotated[
        Path, typer.Option("--input", help="Rows to score: csv, parquet or JSON lines.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="parquet or csv; data/open/scored when not given.")
    ] = None,
    model: Annotated[str, typer.Option(help="Alias of the registered version.")] = "champion",
    as_of: Annotated[
        str | None, typer.Option(help="Time of all rows, where the file has no column time.")
    ] = None,
    max_aside: Annotated[
        float | None,
        typer.Option(
            help="Largest share of rows that may be set aside; data.max_quarantined_share "
            "when not given.",
            min=0,
            max=1,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score rows without an outcome by a registered model.

    Exit codes: 0 scored.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.predict.predict import predict as score

    record = score(load_settings(), given, output, model, as_of, max_aside)
    if as_json:
        print(json.dumps(record, indent=2))
        return
    by = record["model"]
    print(
        f"scored     {record['rows']:,} of {counted(record['input']['rows'], 'row')} by version "
        f"{by['version']} of {by['name']} ({by['alias']})"
    )
    for reason, rows in record["set_aside"].items():
        print(f"set aside  {counted(rows, 'row')}: {reason}")
    for note in record["notes"]:
        print(f"note       {note}")
    for said in told(record["skew"])[:5]:
        print(f"skew       {said}")
    print(f"scores     {record['path']}")


def _configured(model: "type[BaseModel]", file: Path, given: dict[str, Any]) -> Any:
    """Read the file where there is one, with the options that were given over it."""
    from pydantic import ValidationError

    from mlops_kit.core.settings import read_config

    options = {key: value for key, value in given.items() if value is not None}
    if file.is_file():
        # Checked alone first when it is whole: its errors name its keys.
        content = read_yaml(file)
        if not options:
            return read_config(file, model)
        options = content | options
    try:
        return model.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the options"
        said = first["msg"].removeprefix("Value error, ")
        raise MlopsError(
            f"{name}: {said}; give it as an option or in {file.as_posix()}."
        ) from error


def examine() -> "Iterator[Finding]":
    """Look whether a registry that is a file opens, and what an environment lacks for delivery."""
    from mlops_kit.core.settings import environment, load_settings
    from mlops_kit.operate.promote.readiness import ready
    from mlops_kit.operate.promote.retire import left

    try:
        settings = load_settings()
    except MlopsError:  # told among the settings
        return
    uri = settings.tracking.uri
    if why := refused(uri):
        yield Finding("registry", "problem", *why)
    else:
        yield Finding("registry", "ok", uri)
    yield from left()
    if environment() != "dev":
        yield from ready(settings)


ROOM = Room(
    examine=examine,
    groups={
        "bundle": "Models in sealed files, from one environment to another.",
        "registry": "The registered versions of this environment, and the log of promotions.",
        "monitor": watching.look.__doc__ or "",
    },
    alone={"monitor": watching.look},
    commands={
        "data enough": enough,
        "compare plan": plan,
        "compare abtest": abtest,
        "compare shadow": shadow,
        "bundle export": delivery.export,
        "bundle verify": delivery.verify,
        "bundle import": delivery.take,
        "bundle drop": delivery.drop,
        "approve": delivery.approve,
        "promote": delivery.promote,
        "registry list": delivery.registry_list,
        "registry log": delivery.registry_log,
        "registry prune": delivery.registry_prune,
        "retire": delivery.retire,
        "predict": predict,
        "demo": demo,
        "monitor calibrate": watching.calibrate,
        "feedback": watching.feedback,
    },
)
