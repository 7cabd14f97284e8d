"""What running a system costs: latency measured in pairs, size, memory, and hard budgets."""

import math
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtrit

from mlops_kit.compare.checks.common import amount, entry, sure
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.criteria import Ops
from mlops_kit.compare.decision_schema import Check, Verdict

Floats = NDArray[np.float64]
WARM_UP = 5
RESAMPLES = 2000
MOST_PAIRS = 5000
TINY = 1e-6  # ms: no clock sees less


@dataclass(frozen=True)
class Measured:
    """What was measured; `latency_ms` holds paired times of one batch, by role."""

    latency_ms: dict[str, Floats] = field(default_factory=dict)
    batch_rows: int = 1
    size_mb: float | None = None
    memory_mb: float | None = None


def measure_pair(
    candidate: Callable[[Any], Any],
    incumbent: Callable[[Any], Any] | None,
    batches: list[Any],
) -> dict[str, Floats]:
    """Time both systems on the same batches, taking turns in who goes first.

    What slows the machine down for a while then slows both. None is a system that cannot be run.

    Returns
    -------
    dict
        Role -> milliseconds of each batch, shape (len(batches),).
    """
    pair = [("candidate", candidate)]
    if incumbent is not None:
        pair.append(("incumbent", incumbent))
    times: dict[str, list[float]] = {role: [] for role, _ in pair}
    for batch in batches[:WARM_UP]:
        for _, system in pair:
            system(batch)
    for place, batch in enumerate(batches):
        for role, system in pair if place % 2 == 0 else pair[::-1]:
            started = time.perf_counter_ns()
            system(batch)
            times[role].append((time.perf_counter_ns() - started) / 1e6)
    return {role: np.array(values) for role, values in times.items()}


def peak_memory_mb(work: Callable[[], Any]) -> float:
    """Most memory that `work` holds at once, in megabytes, as Python and numpy allocate it."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def ops_checks(measured: Measured, config: CompareConfig, alpha: float) -> dict[str, Check]:
    """Judge every budget that is set, by its name; what was not measured does not pass."""
    found = {}
    for name, budget in config.ops.budgets.items():
        figure = _figure(name, measured, config.ops, config.inference.seed, alpha)
        found[name] = _judged(name, figure, budget, alpha)
    return found


UNITS = {
    "p95_ms": "95 of 100 answers come within {} ms",
    "slowdown": "At the 95th percentile the candidate takes {} times as long as the incumbent",
    "size_mb": "The model's file has {} MB",
    "memory_mb": "The model holds {} MB of memory",
    "cost_per_thousand": "A thousand predictions cost {}",
}
NEXT = {
    "p95_ms": "make the model smaller or serve it in batches",
    "slowdown": "make the model smaller or serve it in batches",
    "size_mb": "make the model smaller",
    "memory_mb": "make the model smaller",
    "cost_per_thousand": "make the model cheaper or the machine smaller",
}

_BY_TABLE = "run `mlops run`, or give the table a column latency_ms"
_BY_RUN = "only `mlops run` in the project measures it, so run it or drop the budget"
MEASURED_BY = {
    "p95_ms": _BY_TABLE,
    "slowdown": "an incumbent that this project cannot run needs a column latency_ms in the table "
    "of both systems, above 0; or drop the budget",
    "size_mb": _BY_RUN,
    "memory_mb": _BY_RUN,
    "cost_per_thousand": _BY_TABLE,
}


def _figure(
    name: str, measured: Measured, ops: Ops, seed: int, alpha: float
) -> tuple[float, float, float] | None:
    """Estimate with its lower and upper bound, or None when it was not measured."""
    if name in ("size_mb", "memory_mb"):
        value = getattr(measured, name)
        return None if value is None else (value, value, value)
    times = measured.latency_ms.get("candidate")
    if times is None:
        return None
    if name == "p95_ms":
        return percentile_bounds(times, 0.95, alpha)
    if name == "slowdown":
        other = measured.latency_ms.get("incumbent")
        # Times that a coarse clock rounds to nothing have no ratio.
        if other is None or np.percentile(other, 95) == 0:
            return None
        return _slowdown(times, other, seed, alpha)
    assert ops.machine_per_hour is not None
    price = ops.machine_per_hour / 3.6e6 * 1000 / measured.batch_rows
    value, error = float(times.mean()), float(times.std(ddof=1)) / math.sqrt(times.size)
    reach = float(stdtrit(times.size - 1, 1 - alpha)) * error
    return value * price, max(value - reach, 0.0) * price, (value + reach) * price


def _slowdown(times: Floats, other: Floats, seed: int, alpha: float) -> tuple[float, float, float]:
    """Ratio of 95th percentiles with percentile bounds of a bootstrap over pairs."""
    # So many pairs leave no doubt; more, as in a table of a million rows, would only take memory.
    step = -(-times.size // MOST_PAIRS)
    times, other = times[::step], other[::step]
    random = np.random.default_rng(seed)
    ratios = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        drawn = random.integers(0, times.size, times.size)
        least = max(float(np.percentile(other[drawn], 95)), TINY)
        ratios[place] = np.percentile(times[drawn], 95) / least
    lower, upper = np.quantile(ratios, [alpha, 1 - alpha])
    value = np.percentile(times, 95) / np.percentile(other, 95)
    return float(value), float(lower), float(upper)


def percentile_bounds(values: Floats, level: float, alpha: float) -> tuple[float, float, float]:
    """Percentile with one-sided bounds from order statistics, whatever the distribution.

    Bounds are the ranks whose binomial tail is at most `alpha` (Hahn and Meeker 1991, 5.2); with
    too few values for an upper one it is infinite.
    """
    ordered, n = np.sort(values), values.size
    below = bdtr(np.arange(n), n, level)  # chance that at most k values lie below the percentile
    rank = int(np.searchsorted(below, alpha, "right")) - 1
    lower = float(ordered[rank]) if rank >= 0 else 0.0
    enough = np.flatnonzero(below >= 1 - alpha)
    upper = float(ordered[enough[0]]) if enough.size else math.inf
    # bdtr(k) covers ranks 0..k, so that rank k exceeds the percentile with that chance.
    return float(np.percentile(values, 100 * level)), lower, upper


def _judged(
    name: str, figure: tuple[float, float, float] | None, budget: float, alpha: float
) -> Check:
    if figure is None:
        sentence = f"{name} has a budget of {budget:g} but was not measured: {MEASURED_BY[name]}."
        return entry(name, name, None, "inconclusive", sentence, budget=budget)
    estimate, lower, upper = figure
    verdict: Verdict
    said = UNITS[name].format(amount(estimate))
    how = "" if lower == upper else f" ({sure(alpha)})"
    if upper <= budget:
        verdict, sentence = "pass", f"{said}, within the budget of {budget:g}{how}."
    elif lower > budget:
        verdict = "fail"
        sentence = f"{said}, more than the budget of {budget:g}{how}: {NEXT[name]}."
    else:
        verdict = "inconclusive"
        sentence = (
            f"{said}, but the budget of {budget:g} lies within what chance can do "
            f"({amount(lower)} to {amount(upper)}): measure more rounds (ops.rounds)."
        )
    known = entry(name, name, None, verdict, sentence, budget=budget)
    known["estimate"], known["lower"] = estimate, lower
    known["upper"] = upper if math.isfinite(upper) else None
    return known
