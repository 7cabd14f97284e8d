"""`mlops compare shadow`: what two systems said to the same requests, and how fast they were."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from scipy.special import bdtr

from mlops_kit.compare.checks.flips import share_bounds
from mlops_kit.compare.systems.external import read_table
from mlops_kit.core.errors import INCONCLUSIVE, NEGATIVE, OK, MlopsError
from mlops_kit.core.settings import Section
from mlops_kit.core.words import acting

if TYPE_CHECKING:
    import pandas

MIN_ROWS = 20


class Shadow(Section):
    """Columns of the paired log, one row per request, and the budgets; null is not judged."""

    id: str = "id"
    """Column of the request's id."""
    incumbent: str = "incumbent"
    """Column of what the incumbent said."""
    candidate: str = "candidate"
    """Column of what the candidate said."""
    incumbent_ms: str = "incumbent_ms"
    """Column of the incumbent's time, in milliseconds."""
    candidate_ms: str = "candidate_ms"
    """Column of the candidate's time, in milliseconds."""
    y_true: str = "y_true"
    """Column of the outcome, where it is known."""
    threshold: float | None = Field(None, allow_inf_nan=False)
    """Scores decide from here; null compares decisions as they are."""
    alpha: float = Field(0.05, ge=1e-6, lt=0.5)
    """Risk of error of each budget."""
    max_disagreement: float | None = Field(None, gt=0, lt=1)
    """Largest share of requests that are answered otherwise."""
    max_negative_flips: float | None = Field(None, gt=0, lt=1)
    """Largest share of requests answered right before and wrong now."""
    max_p95_ms: float | None = Field(None, gt=0)
    """Milliseconds within which 95 % of the candidate's answers come."""
    max_slowdown_ms: float | None = Field(None, ge=0)
    """Median of what the candidate takes longer, request by request."""


def shadow(data: Path, config: Shadow) -> tuple[int, dict[str, Any]]:
    """Compare the paired log with the budgets.

    Returns
    -------
    tuple
        Exit code (0 every budget is kept beyond chance, 1 one is exceeded beyond chance,
        2 otherwise) and agreement, flips, latency and checks. Without any budget: 0.

    Raises
    ------
    MlopsError
        When the log is missing, damaged, too short, repeats a request, or lacks what a budget
        needs.
    """
    table = _log(data)
    for column in (config.id, config.incumbent, config.candidate):
        if column not in table.columns:
            raise MlopsError(f'{data.as_posix()} has no column "{column}": mend it or the options.')
        if empty := int(table[column].isna().sum()):
            raise MlopsError(f'{acting(empty, "request", "have")} no "{column}": log both answers.')
    if repeated := int(table[config.id].duplicated().sum()):
        raise MlopsError(
            f"{acting(repeated, 'request', 'stand')} more than once: pair the log by request."
        )
    if len(table) < MIN_ROWS:
        raise MlopsError(
            f"{acting(len(table), 'request', 'are')} too few to compare; log at least {MIN_ROWS}."
        )
    incumbent = _decisions(table[config.incumbent], config.threshold)
    candidate = _decisions(table[config.candidate], config.threshold)
    n, different = len(table), int((incumbent != candidate).sum())
    result: dict[str, Any] = {"n_requests": n, "agreement": 1 - different / n}
    checks = [_share("disagreement", different, n, config.max_disagreement, config.alpha)]
    if config.y_true in table.columns:
        truth = _decisions(table[config.y_true], config.threshold)
        known = table[config.y_true].notna().to_numpy()
        right, now = (incumbent == truth)[known], (candidate == truth)[known]
        lost, m = int((right & ~now).sum()), int(known.sum())
        result["flips"] = {"n_known": m, "negative": lost, "positive": int((~right & now).sum())}
        checks.append(_share("negative_flips", lost, m, config.max_negative_flips, config.alpha))
    elif config.max_negative_flips is not None:
        raise MlopsError(f'A budget of flips needs the truth in a column "{config.y_true}".')
    checks += _latency(table, config, result)
    result["checks"] = [check for check in checks if check["budget"] is not None]
    outcomes = {check["outcome"] for check in result["checks"]}
    code = NEGATIVE if "fail" in outcomes else INCONCLUSIVE if "unknown" in outcomes else OK
    result["decision"] = {OK: "pass", NEGATIVE: "fail", INCONCLUSIVE: "inconclusive"}[code]
    return code, result


def _log(data: Path) -> "pandas.DataFrame":
    """Read the log: one file, or a folder of parquet parts, as `mlops serve` writes them."""
    import pandas as pd

    if not data.is_dir():
        return read_table("shadow", data)
    parts = [part for part in sorted(data.rglob("*.parquet")) if not part.name.startswith(".")]
    if not parts:
        raise MlopsError(f"{data.as_posix()} holds no parquet file: nothing was shadowed yet.")
    return pd.concat([pd.read_parquet(part, partitioning=None) for part in parts])


def _decisions(column: "pandas.Series", threshold: float | None) -> Any:
    if threshold is None:
        values = column.to_numpy()
        # Spelt alike, so that 1 and 1.0 agree, as do a list of a parquet and its text in a csv.
        if values.dtype.kind in "iufb":
            return values.astype(np.float64)
        return np.array([str(list(v)) if isinstance(v, np.ndarray) else str(v) for v in values])
    try:
        return column.to_numpy(np.float64) >= threshold
    except (TypeError, ValueError) as error:
        raise MlopsError(f'A threshold needs numbers in column "{column.name}".') from error


def _share(name: str, count: int, n: int, budget: float | None, alpha: float) -> dict[str, Any]:
    found = count / n if n else math.nan
    lower, upper = share_bounds(found, n, alpha) if n else (0.0, 1.0)
    return _check(name, found, lower, upper, budget)


def _check(
    name: str, value: float, lower: float, upper: float, budget: float | None
) -> dict[str, Any]:
    outcome = "unknown"
    if budget is not None and upper <= budget:
        outcome = "pass"
    elif budget is not None and lower > budget:
        outcome = "fail"
    # JSON has no infinity: what is not known is null.
    bounds = {"value": value, "lower": lower, "upper": upper}
    known = {key: found if math.isfinite(found) else None for key, found in bounds.items()}
    return {"name": name, **known, "budget": budget, "outcome": outcome}


def _latency(
    table: "pandas.DataFrame", config: Shadow, result: dict[str, Any]
) -> list[dict[str, Any]]:
    columns = (config.incumbent_ms, config.candidate_ms)
    if not set(columns) <= set(table.columns):
        if config.max_p95_ms is not None or config.max_slowdown_ms is not None:
            raise MlopsError(f"A budget of latency needs the columns {' and '.join(columns)}.")
        return []
    try:
        old, new = (table[column].to_numpy(np.float64) for column in columns)
    except (TypeError, ValueError) as error:
        raise MlopsError(f"The columns {' and '.join(columns)} must hold numbers.") from error
    if not (np.isfinite(old).all() and np.isfinite(new).all() and min(old.min(), new.min()) >= 0):
        raise MlopsError(f"The columns {' and '.join(columns)} hold empty or negative values.")
    slower = new - old
    result["latency_ms"] = {
        name: {f"p{p}": float(np.quantile(values, p / 100)) for p in (50, 95)}
        for name, values in (("incumbent", old), ("candidate", new), ("paired_difference", slower))
    }
    return [
        _quantile("p95_ms", new, 0.95, config.max_p95_ms, config.alpha),
        _quantile("slowdown_ms", slower, 0.5, config.max_slowdown_ms, config.alpha),
    ]


def _quantile(
    name: str, values: Any, share: float, budget: float | None, alpha: float
) -> dict[str, Any]:
    """Bound a quantile by order statistics (Conover 1999, section 3.2): no shape is assumed."""
    ordered, n = np.sort(values), len(values)
    below = bdtr(np.arange(-1, n), n, share)
    low = int(np.searchsorted(below, alpha, "right")) - 1
    high = int(np.searchsorted(below[1:], 1 - alpha, "left"))
    lower = float(ordered[low - 1]) if low >= 1 else -math.inf
    upper = float(ordered[high]) if high < n else math.inf
    return _check(name, float(np.quantile(values, share)), lower, upper, budget)
