"""`mlops compare abtest`: judge a running A/B test at its planned looks, and only there."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import chdtrc, ndtri, stdtr

from mlops_kit.compare.systems.external import read_table
from mlops_kit.core.errors import INCONCLUSIVE, NEGATIVE, OK, MlopsError
from mlops_kit.core.files import write_json
from mlops_kit.core.settings import Section
from mlops_kit.core.words import acting, counted

if TYPE_CHECKING:
    import pandas

Floats = np.ndarray
# A chi-square this unlikely means that the assignment or the logging is broken.
SAMPLE_RATIO_ALPHA = 0.001
# Beyond this a square overflows: as unusable as infinity.
HUGE = 1e150
# Looks of which the sizes differ by less than this are the same look.
SAME = 1e-9


class ABTest(Section):
    """What conf/abtest.yaml may say: the columns, the plan, and what counts as a success."""

    units: int = Field(ge=20)
    """Planned number of units in both arms together."""
    looks: Annotated[tuple[float, ...], Field(min_length=1)] = (0.25, 0.5, 0.75, 1.0)
    """Shares of it at which the test is looked at; the last is 1."""
    unit: str = "unit"
    """Column of the unit."""
    arm: str = "arm"
    """Column of the arm."""
    outcome: str = "outcome"
    """Column of the outcome."""
    covariate: str | None = None
    """Column of a number from before the test, which sharpens the interval (CUPED)."""
    control: str = "control"
    """Name of the control arm."""
    treatment: str = "treatment"
    """Name of the treatment arm."""
    allocation: float = Field(0.5, gt=0, lt=1)
    """Share of the units in the treatment."""
    direction: Literal["higher", "lower"] = "higher"
    """Which outcomes are better."""
    min_effect: float = Field(0.0, allow_inf_nan=False)
    """Smallest gain that is worth a change."""
    alpha: float = Field(0.05, ge=1e-6, lt=0.5)
    """One-sided risk of error, over all looks together."""

    @model_validator(mode="after")
    def _looks_grow_to_one(self) -> Self:
        if list(self.looks) != sorted(set(self.looks)) or self.looks[0] <= 0 or self.looks[-1] != 1:
            raise ValueError("looks are growing shares of the planned units that end with 1")
        return self

    @model_validator(mode="after")
    def _names_different_things(self) -> Self:
        columns = [c for c in (self.unit, self.arm, self.outcome, self.covariate) if c is not None]
        if len(set(columns)) < len(columns) or self.control == self.treatment:
            raise ValueError("unit, arm, outcome, covariate, and the two arms need different names")
        return self


@dataclass(frozen=True)
class Arms:
    """One outcome per unit: shapes (n_control,) and (n_treatment,)."""

    control: Floats
    treatment: Floats
    reduction: float
    filled: int


def abtest(data: Path, config: ABTest, history: Path) -> tuple[int, dict[str, Any]]:
    """Look at the test with the data so far.

    The first look at or after each planned share is kept in `history`, so that looking again at
    the same data says the same, and looking in between says nothing: that is what a fixed
    overall risk costs.

    Returns
    -------
    tuple
        Exit code (0 promote, 1 reject, 2 continue) and the result as it is kept in `history`.

    Raises
    ------
    MlopsError
        When the data are unusable: a unit in both arms, an unknown arm, empty outcomes, or a
        sample ratio that chance does not explain (the test must stop then).
    """
    arms = _arms(read_table("abtest", data, config.unit), config)
    n = arms.control.size + arms.treatment.size
    _refuse_sample_ratio_mismatch(arms, config)
    plan = config.model_dump(mode="json")
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    past = _past_looks(history, plan)
    if past and past[-1]["data_sha256"] == digest:
        return _code(past[-1]), {"plan": plan, "looks": past}
    if past and past[-1]["decision"] != "continue":
        raise MlopsError(
            f"{history.as_posix()}: this test ended with {past[-1]['decision']}; remove the file "
            "to start another one."
        )
    fraction = n / config.units
    last = past[-1]["fraction"] if past else 0.0
    due = next(share for share in config.looks if share > last + SAME)
    if fraction < due - SAME:
        waiting = {
            "decision": "continue",
            "n_units": n,
            "next_look_at": math.ceil(due * config.units),
            "reasons": [
                f"{counted(n, 'unit')}: the next planned look is at "
                f"{math.ceil(due * config.units):,}; looking earlier would spend the risk that the "
                "plan keeps for it."
            ],
        }
        return INCONCLUSIVE, {"plan": plan, "looks": [*past, waiting]}
    look = _look(arms, config, [one["fraction"] for one in past], min(fraction, 1.0))
    look["data_sha256"] = digest
    result = {"schema": 1, "plan": plan, "looks": [*past, look]}
    write_json(history, result)
    return _code(look), result


def _code(look: dict[str, Any]) -> int:
    return {"promote": OK, "reject": NEGATIVE, "continue": INCONCLUSIVE}[look["decision"]]


def _arms(table: "pandas.DataFrame", config: ABTest) -> Arms:
    """Check the rows and average them per unit; with a covariate, take its part out (CUPED)."""
    columns = [config.unit, config.arm, config.outcome]
    columns += [config.covariate] if config.covariate else []
    for column in columns:
        if column not in table.columns:
            raise MlopsError(f'The data have no column "{column}": mend the file or the options.')
    table = table[columns]
    for column in (config.unit, config.arm, config.outcome):
        if empty := int(table[column].isna().sum()):
            raise MlopsError(f'{acting(empty, "row", "have")} no "{column}": fill or drop them.')
    arms = table[config.arm].astype(str)
    if unknown := sorted(set(arms) - {config.control, config.treatment}):
        raise MlopsError(
            f'Column "{config.arm}" holds "{unknown[0]}"; it may hold {config.control} and '
            f"{config.treatment} (options --control and --treatment)."
        )
    units = table.assign(**{config.arm: arms}).groupby(config.unit, sort=True)
    if mixed := int((units[config.arm].nunique() > 1).sum()):
        raise MlopsError(f"{acting(mixed, 'unit', 'were')} in both arms: the assignment is broken.")
    try:
        y = units[config.outcome].mean().to_numpy(np.float64)
        x = units[config.covariate].mean().to_numpy(np.float64) if config.covariate else None
    except (TypeError, ValueError) as error:
        raise MlopsError("Outcome and covariate must be numbers.") from error
    if not (np.abs(y) < HUGE).all():
        raise MlopsError(f'Column "{config.outcome}" holds infinite values: mend it.')
    treated = (units[config.arm].first() == config.treatment).to_numpy()
    filled, reduction = 0, 0.0
    if x is not None:
        y, reduction, filled = cuped(y, x)
    arms_of = Arms(y[~treated], y[treated], reduction, filled)
    if min(arms_of.control.size, arms_of.treatment.size) < 2:
        raise MlopsError("Each arm needs at least two units.")
    return arms_of


def cuped(outcome: Floats, covariate: Floats) -> tuple[Floats, float, int]:
    """Take out of the outcome what a pre-period covariate explains.

    Deng, Xu, Kohavi and Walker (2013), equation 4: y - theta * (x - mean(x)) with theta =
    cov(x, y) / var(x) over both arms. It leaves the effect's expectation as it is, because the
    covariate was measured before the assignment.

    Parameters
    ----------
    outcome, covariate : array, shape (n,)
        A unit without covariate (new users have no past) counts as average.

    Returns
    -------
    tuple
        Adjusted outcome (n,), share of the variance taken out, number of units without covariate.
    """
    missing = ~np.isfinite(covariate)
    if missing.all():
        raise MlopsError("No unit has a covariate: leave it out.")
    x = np.where(missing, covariate[~missing].mean(), covariate)
    centred = x - x.mean()
    spread = float(centred @ centred)
    if spread == 0:
        return outcome, 0.0, int(missing.sum())
    adjusted = outcome - float(centred @ outcome) / spread * centred
    before = float(outcome.var())
    reduction = 1 - float(adjusted.var()) / before if before > 0 else 0.0
    return adjusted, reduction, int(missing.sum())


def sample_ratio_p_value(n_control: int, n_treatment: int, allocation: float) -> float:
    """Chi-square p-value (one degree of freedom) of the arms' sizes under the allocation."""
    n = n_control + n_treatment
    expected = (n * (1 - allocation), n * allocation)
    found = (n_control, n_treatment)
    statistic = sum((f - e) ** 2 / e for f, e in zip(found, expected, strict=True))
    return float(chdtrc(1, statistic))


def _refuse_sample_ratio_mismatch(arms: Arms, config: ABTest) -> None:
    sizes = arms.control.size, arms.treatment.size
    p_value = sample_ratio_p_value(*sizes, config.allocation)
    if p_value < SAMPLE_RATIO_ALPHA:
        raise MlopsError(
            f"Sample ratio mismatch: {counted(sizes[0], 'unit')} in control and {sizes[1]:,} in "
            f"treatment (p = {p_value:.1g}) do not fit the planned {100 * config.allocation:g} %. "
            "Stop the test and find out whether the assignment or the logging loses units."
        )


def _past_looks(history: Path, plan: dict[str, Any]) -> list[dict[str, Any]]:
    if not history.is_file():
        return []
    try:
        kept = json.loads(history.read_text(encoding="utf-8"))
        looks, planned = kept["looks"], kept["plan"]
    except (OSError, ValueError, KeyError) as error:
        raise MlopsError(f"{history.as_posix()} is damaged: restore it from a copy.") from error
    if planned != plan:
        changed = sorted(key for key in plan if planned.get(key) != plan[key])
        raise MlopsError(
            f"The plan changed after a look ({', '.join(changed)}): go on with the plan that "
            f"{history.as_posix()} keeps, or remove that file and start another test."
        )
    return looks


def _look(arms: Arms, config: ABTest, past: list[float], fraction: float) -> dict[str, Any]:
    from mlops_kit.operate.experiments.sequential import boundaries

    sign = 1 if config.direction == "higher" else -1
    difference = sign * float(arms.treatment.mean() - arms.control.mean())
    parts = [a.var(ddof=1) / a.size for a in (arms.treatment, arms.control)]
    error = math.sqrt(sum(parts))
    bound = boundaries([*past, fraction], config.alpha)[-1]
    z = _standardised(difference - config.min_effect, error, parts, arms)
    harm = _standardised(difference, error, parts, arms)
    gain = f"The effect on {config.outcome}, {difference:+.4g},"
    final = fraction >= 1 - SAME
    if z >= bound:
        decision, why = "promote", f"{gain} is above {config.min_effect:g} beyond chance."
    elif harm <= -bound:
        decision, why = "reject", f"{gain} is harmful beyond chance: stop the test."
    elif final:
        decision = "reject"
        why = f"{gain} is not above {config.min_effect:g} beyond chance at the last look."
    else:
        decision, why = "continue", f"{gain} does not cross the boundary at this look: go on."
    return {
        "decision": decision,
        "reasons": [why],
        "fraction": fraction,
        "n_control": int(arms.control.size),
        "n_treatment": int(arms.treatment.size),
        "sample_ratio_p_value": sample_ratio_p_value(
            arms.control.size, arms.treatment.size, config.allocation
        ),
        "estimate": difference,
        "standard_error": error,
        # Repeated confidence bounds: they hold at all looks together.
        "lower": difference - bound * error if math.isfinite(bound) else None,
        "upper": difference + bound * error if math.isfinite(bound) else None,
        "z": z if math.isfinite(z) else None,
        "boundary": bound if math.isfinite(bound) else None,
        "variance_reduction": arms.reduction,
        "units_without_covariate": arms.filled,
    }


def _standardised(value: float, error: float, parts: list[float], arms: Arms) -> float:
    """Welch's statistic as the normal quantile of its p-value."""
    if error == 0:
        return math.copysign(math.inf, value) if value else 0.0
    sizes = (arms.treatment.size, arms.control.size)
    degrees = sum(parts) ** 2 / sum(p**2 / (n - 1) for p, n in zip(parts, sizes, strict=True))
    tail = float(stdtr(degrees, -abs(value / error)))
    # So far out that the tail underflows, the statistic itself is as good.
    z = -float(ndtri(tail)) if tail > 0 else abs(value / error)
    return math.copysign(z, value)
