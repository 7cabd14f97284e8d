"""`mlops compare plan`: how many rows, users and days a decision needs, and the test's plan."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.special import ndtri

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.holdout.holdout import Holdout, read_holdout
from mlops_kit.compare.inference.bootstrap import effect_of
from mlops_kit.compare.inference.effect import design_of_groups, single_effect
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_json, write_text
from mlops_kit.core.words import counted
from mlops_kit.operate.experiments.sequential import boundaries, inflation

# Behaviour differs by day of the week: a test lasts whole weeks, and two to see one repeat.
WEEK = 7
FEWEST_WEEKS = 2
# Requests after which a share is known within one percentage point, whatever it is (95 %).
SHADOW_REQUESTS = 9604


@dataclass(frozen=True)
class Wish:
    """What the test shall be able to show, and what is known about the traffic.

    `min_effect` is the true gain, in units of the metric, that shall be found with chance `power`
    while nothing is found with chance `alpha` (one-sided). `spread` is the standard deviation of
    the business metric per unit; without it the pilot's own metric stands in.
    """

    min_effect: float
    alpha: float = 0.05
    power: float = 0.8
    looks: int = 4
    allocation: float = 0.5
    units_per_day: float | None = None
    spread: float | None = None

    def __post_init__(self) -> None:
        for right, what in (
            (1e-15 < self.min_effect < 1e15, "--min-effect above 0"),
            (1e-6 <= self.alpha < 0.5, "--alpha from 0.000001 to 0.5"),
            (self.alpha < self.power < 1, "--power between alpha and 1"),
            (1 <= self.looks <= 20, "--looks from 1 to 20"),
            (0 < self.allocation < 1, "--allocation between 0 and 1"),
            (self.units_per_day is None or 0 < self.units_per_day < 1e15, "--per-day above 0"),
            (self.spread is None or 0 < self.spread < 1e15, "--sd above 0"),
        ):
            if not right:
                raise MlopsError(f"plan needs {what}: give it, or set it in conf/compare.yaml.")


def plan(pilot: Path, config: CompareConfig, wish: Wish, out: Path, project: str) -> dict[str, Any]:
    """Write plan.md and plan.json in `out` and return what the latter holds.

    Parameters
    ----------
    pilot : Path
        Predictions of candidate and incumbent, as the comparison reads them.

    Raises
    ------
    MlopsError
        When the pilot cannot be compared or the two systems predict the same.
    """
    holdout = read_holdout(pilot, config)
    result = {
        "schema": 1,
        "metric": config.primary.metric,
        "min_effect": wish.min_effect,
        "alpha": wish.alpha,
        "power": wish.power,
        "offline": offline(holdout, wish, config.inference.seed),
        "ab_test": ab_test(holdout, wish),
        "shadow": {"days": config.rollout.shadow_days, "requests": SHADOW_REQUESTS},
        "guardrails": [guardrail.model_dump(mode="json") for guardrail in config.guardrails],
    }
    write_json(out / "plan.json", result)
    write_text(out / "plan.md", markdown(result, config, project))
    return result


def offline(holdout: Holdout, wish: Wish, seed: int) -> dict[str, Any]:
    """Rows of a paired holdout on which a true gain of `min_effect` is told from none."""
    effect = effect_of(
        holdout.metric,
        holdout.truth_of(holdout.metric),
        holdout.predictions["candidate"],
        holdout.predictions["incumbent"],
        holdout.design,
        wish.alpha,
        seed,
    )
    if effect.standard_error == 0:
        raise MlopsError(
            "Candidate and incumbent predict the same in the pilot: there is no variance to plan "
            "with. Plan again when the candidate differs."
        )
    factor = effect.rows_factor(0.0, wish.power, wish.min_effect)
    assert factor is not None  # the wished effect is above zero
    found: dict[str, Any] = {
        "pilot_rows": holdout.n_rows,
        "pilot_standard_error": effect.standard_error,
        "design": holdout.design.kind,
        "factor": factor,
        "rows": max(2, math.ceil(factor * holdout.n_rows)),
    }
    if holdout.design.kind == "clustered":
        found["groups"] = max(2, math.ceil(factor * effect.n_units))
    if holdout.days:
        found["days"] = math.ceil(factor * holdout.days)
    return found


def ab_test(holdout: Holdout, wish: Wish) -> dict[str, Any]:
    """Units in both arms together, looks and boundary of a test between independent arms."""
    # What one unit (a user, else a row) adds to the variance of each arm's value.
    spreads = {}
    for role in ("candidate", "incumbent"):
        if wish.spread is not None:
            spreads[role] = wish.spread
            continue
        design = design_of_groups(holdout.groups)
        estimate = holdout.metric.function(
            holdout.truth_of(holdout.metric), holdout.predictions[role]
        )
        if estimate.influence is None:
            raise MlopsError(
                "A custom metric has no variance per unit: give --sd, the standard deviation of "
                "the business metric per user."
            )
        effect = single_effect(estimate, design, wish.alpha)
        spreads[role] = effect.standard_error * math.sqrt(effect.n_units)
    shares = [(look + 1) / wish.looks for look in range(wish.looks)]
    variance = spreads["candidate"] ** 2 / wish.allocation + spreads["incumbent"] ** 2 / (
        1 - wish.allocation
    )
    z = float(ndtri(1 - wish.alpha) + ndtri(wish.power))
    extra = inflation(shares, wish.alpha, wish.power) if wish.looks > 1 else 1.0
    units = max(20, math.ceil(variance * (z / wish.min_effect) ** 2 * extra))
    found: dict[str, Any] = {
        "units": units,
        "allocation": wish.allocation,
        "spread": spreads,
        "inflation": extra,
        "looks": [
            {
                "share": share,
                "units": math.ceil(share * units),
                "boundary": bound if math.isfinite(bound) else None,
            }
            for share, bound in zip(shares, boundaries(shares, wish.alpha), strict=True)
        ],
    }
    if wish.units_per_day is not None:
        weeks = math.ceil(units / wish.units_per_day / WEEK)
        found["days"] = WEEK * max(FEWEST_WEEKS, weeks)
    return found


def markdown(result: dict[str, Any], config: CompareConfig, project: str) -> str:
    """Write plan.md: what to collect, the A/B plan and the shadow plan, ready to be agreed on."""
    rows, test, shadow = result["offline"], result["ab_test"], result["shadow"]
    effect = f"{result['min_effect']:g} in {result['metric']}"
    unit = "group (user)" if rows["design"] == "clustered" else "unit of the rows"
    enough = "the pilot had enough" if rows["factor"] <= 1 else "collect more before deciding"
    offline_text = f"{counted(rows['rows'], 'row')}"
    offline_text += f" of {counted(rows['groups'], 'group')}" if "groups" in rows else ""
    if "days" in rows:
        offline_text += f", about {rows['days']:,} day{'s' if rows['days'] > 1 else ''}"
    looks = "\n".join(
        f"| {number} | {look['units']:,} | {look['share']:.0%} | {_bound(look['boundary'])} |"
        for number, look in enumerate(test["looks"], start=1)
    )
    guards = (
        "\n".join(
            f"- {g['metric']}: worse by less than {g['margin']:g}" for g in result["guardrails"]
        )
        or "- none is configured: name what must not suffer"
    )
    days = f" That is {counted(test['days'], 'day')}, in whole weeks." if "days" in test else ""
    shares = ", ".join(f"{look['share']:g}" for look in test["looks"])
    beside, requests = counted(shadow["days"], "day"), counted(shadow["requests"], "request")
    return f"""# Plan: {" ".join(project.split())}

A true gain of {effect} shall be found with a chance of {100 * result["power"]:g} %, and no gain
be taken for one with a chance of at most {100 * result["alpha"]:g} %.

## Offline comparison

{offline_text}: {enough} (it had {counted(rows["pilot_rows"], "row")}, {rows["design"]}).

## A/B test

- Unit of randomisation: the {unit}; the same unit always sees the same system.
- Allocation: {100 * test["allocation"]:g} % treatment, the rest control.
- Size: {counted(test["units"], "unit")} in both arms together.{days}
- Sample ratio: checked at every look; below p = 0.001 the test stops and the cause is found first.
- Stop for success when the standardised effect reaches the boundary of its look; stop for harm when
  it falls below the negative boundary. Nobody reads the effect between looks.

| look | units | share | boundary |
|---:|---:|---:|---:|
{looks}

Guardrails, each at the end of the test:

{guards}

Put this into conf/abtest.yaml, then run `uv run mlops compare abtest --data FILE` at each look:

```yaml
units: {test["units"]}
looks: [{shares}]
allocation: {test["allocation"]:g}
direction: {config.primary.found().direction}
alpha: {result["alpha"]:g}
```

## Shadow run

- {beside} beside what is in force; its answers are logged and shown to nobody.
- At least {requests}: then each share is known within one percentage point.
- Log id, incumbent, candidate, incumbent_ms, candidate_ms, and y_true when it becomes known.
- `uv run mlops compare shadow --data FILE` tells agreement, flips and latency.
"""


def _bound(value: float | None) -> str:
    return "none yet" if value is None else f"{value:.3f}"
