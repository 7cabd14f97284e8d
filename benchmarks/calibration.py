"""How often the comparison promotes a candidate that is no better, and one that is.

Run as
``PYTHONPATH=tests/support uv run --frozen python benchmarks/calibration.py [REPLICATES] [--grid]``.
With ``--grid``: holdouts of groups over periods. A design whose share of wins may exceed 6.5 % (the
upper end of Wilson's 95 % interval) is drawn again five times as often, with another seed. With
``--forecasts``: holdouts of forecasts that overlap, where 5 % is that limit.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from functools import partial

from compare_scenarios import (
    ALPHA,
    SCENARIOS,
    SEVERAL,
    accuracy,
    blocked_by_slices,
    promotions,
    promotions_of_classes,
)
from forecast_scenarios import Forecasts, waits
from forecast_scenarios import wins as forecast_wins
from panel_scenarios import Panel, wins
from scipy.stats import binom, binomtest

REPLICATES = 2000
# The gain of each scenario's knob for the power column: noise taken away, or accuracy, or error.
GAINS = {
    "accuracy": 0.02,
    "AUC": 0.4,
    "RMSE, heavy tails": 0.2,
    "clustered users": 0.15,
    "AR(1) over time": 0.03,
}
DEPENDENT = ("clustered users", "AR(1) over time")
# Highest share of wins of equal systems that a design of the grid may have beyond doubt.
LIMIT = 0.065
SIZES = (
    (2, 52), (2, 104), (5, 30), (12, 52), (20, 104), (30, 16), (50, 40), (100, 20), (100, 52),
    (400, 30), (1000, 104), (2000, 16), (2000, 26),
)  # fmt: skip
WAITING = ((2, 12), (20, 26), (100, 2), (50, 3), (2000, 6), (2000, 12))
SHARED = ((0, 0), (0.1, 0), (0.1, 0.9), (0.3, 0.5), (0.3, 0.9), (1, 0), (1, 0.9))
LASTING = SHARED[2:]
OTHERS = (
    *(Panel(*size, *shared, metric=metric)
      for metric in ("right", "auc") for size in ((30, 52), (500, 24)) for shared in LASTING),
    *(Panel(*size, *shared, sizes=sizes)
      for sizes in ("uneven", "one") for size in ((50, 40), (300, 20)) for shared in LASTING),
    *(Panel(*size, 0.1, memory, 1, memory)
      for size in ((10, 40), (100, 26)) for memory in (0.5, 0.9)),
    *(Panel(*size, *shared, 0)
      for size in ((30, 30), (500, 16)) for shared in ((0, 0), (0.2, 0.9))),
)  # fmt: skip
# Forecasts: series, times, horizons, days from one time to the next.
SHAPES = (
    (1, 28, 14, 1), (1, 56, 28, 1), (1, 112, 56, 1), (1, 60, 7, 1), (1, 120, 14, 1),
    (1, 365, 28, 1), (1, 52, 28, 7), (5, 56, 28, 1), (5, 60, 14, 1), (20, 40, 14, 1),
    (40, 30, 7, 1), (40, 28, 14, 1), (100, 32, 7, 1), (40, 16, 7, 7),
)  # fmt: skip
ERRORS = ((0.5, 0), (0.8, 0), (0.5, 0.5), (0.8, 0.5))
FORECASTS = (
    *(Forecasts(*shape, *errors, kind, "mae", design)
      for shape in SHAPES for errors in ERRORS for kind in ("errors", "signals")
      for design in ("auto", "time") if shape[0] > 1 or (errors[1] == 0 and design == "auto")),
    *(Forecasts(*shape, *errors, "fitted", "mae", "time")
      for shape in ((1, 60, 7, 1), (1, 120, 14, 1), (5, 60, 14, 1), (40, 30, 7, 1))
      for errors in ERRORS if shape[0] > 1 or errors[1] == 0),
    *(Forecasts(*shape, 0.8, 0.5, "errors", metric, "time")
      for shape in ((5, 60, 14, 1), (40, 30, 7, 1))
      for metric in ("rmse", "mase", "wape", "pinball")),
)  # fmt: skip
# Gains that are worth finding, for the power beside that of ignoring the periods.
WORTH = (
    Panel(100, 52, gain=0.15), Panel(2000, 26, gain=0.06), Panel(2000, 16, 0, 0, 1, gain=0.1),
    Panel(100, 52, 0.1, gain=0.15), Panel(50, 40, 0.5, gain=0.4),
    Panel(100, 104, 0.3, 0.5, gain=0.3),
)  # fmt: skip


def rate(found: int, replicates: int) -> str:
    """Write a share with its 95 % Clopper-Pearson interval."""
    interval = binomtest(found, replicates).proportion_ci(0.95, "exact")
    share, low, high = (100 * x for x in (found / replicates, interval.low, interval.high))
    return f"{share:5.2f} % [{low:5.2f}, {high:5.2f}]"


def compatible(found: int, replicates: int, limit: float) -> bool:
    """Tell whether so many are no surprise (1 %) if the true rate is `limit`."""
    return float(binom.sf(found - 1, replicates, limit)) > 0.01


def main(replicates: int) -> int:
    """Print every figure and return how many of the promises do not hold."""
    broken: list[str] = []

    def promise(text: str, holds: bool) -> None:
        if not holds:
            broken.append(text)

    print(f"One-sided alpha {ALPHA:.0%}, {replicates} replicates, 95 % Clopper-Pearson intervals")
    print(f"{'scenario':<20} {'no effect':<24} {'design ignored':<24} with a gain")
    for seed, (name, scenario) in enumerate(SCENARIOS.items()):
        none = promotions(scenario, replicates, seed)
        promise(f"{name}: at most 5 % without an effect", compatible(none, replicates, ALPHA))
        ignored = ""
        if name in DEPENDENT:
            naive = promotions(scenario, replicates, seed, ignore_design=True)
            ignored = rate(naive, replicates)
            low = binomtest(naive, replicates).proportion_ci(0.95, "exact").low
            promise(f"{name}: the scenario bites", low > 0.1)
        gain = promotions(scenario, replicates, 100 + seed, effect=GAINS[name])
        print(f"{name:<20} {rate(none, replicates):<24} {ignored:<24} {rate(gain, replicates)}")
    print("Three classes, n = 2,000, equal systems:")
    for rare in (None, 0.05, 0.01):
        for place, name in enumerate(SEVERAL):
            none = promotions_of_classes(name, replicates, 400 + place, rare=rare)
            what = "alike" if rare is None else f"one of {rare:.0%}"
            print(f"  {name:<16} {what:<10} {rate(none, replicates)}", flush=True)
            promise(f"{name}, {what}: at most 5 %", compatible(none, replicates, ALPHA))
    print("Power at accuracy +2 pp, n = 2,000:")
    for discordant in (0.05, 0.1, 0.2):
        found = promotions(accuracy, replicates, 200, effect=0.02, discordant=discordant)
        error = math.sqrt((discordant - 0.02**2) / 2000)
        expected = 1 - 0.5 * math.erfc((0.02 / error - 1.6449) / math.sqrt(2))
        print(
            f"  {discordant:4.0%} discordant pairs: {rate(found, replicates)}"
            f"   (normal theory {expected:.1%})"
        )
        if discordant == 0.1:
            promise("power at least 80 %", found / replicates >= 0.8)
    for rows in (60, 300):
        with_holm = blocked_by_slices(replicates, 300, rows=rows)
        print(f"20 harmless slices of {rows} rows block, Holm: {rate(with_holm, replicates)}")
        promise("20 harmless slices block at most 7 %", with_holm / replicates <= 0.07)
    without = blocked_by_slices(replicates, 300, holm=False)
    print(f"20 harmless slices block, each for itself: {rate(without, replicates)}")
    print(json.dumps({"broken": broken}))
    return len(broken)


def wilson(found: int, replicates: int) -> float:
    """Upper end of Wilson's 95 % interval of a share."""
    return float(binomtest(found, replicates).proportion_ci(0.95, "wilson").high)


def settled(
    draw: Callable[[int, int], int], replicates: int, seed: int, limit: float
) -> tuple[int, int, str]:
    """Draw, and anew five times as often where the upper end is beyond the limit.

    Returns the wins, of how many, and a note of the first ones where there were others.
    """
    found = draw(replicates, seed)
    if (upper := wilson(found, replicates)) <= limit:
        return found, replicates, ""
    note = f" (first {100 * found / replicates:.2f} %, {100 * upper:.2f})"
    return draw(5 * replicates, 10_000 + seed), 5 * replicates, note


def forecasts(replicates: int) -> int:
    """Print the wins of equal forecasts in every design, and return how many are too often."""
    broken, worst = 0, 0.0
    print("series times horizons step memory common errors metric design | wins, upper end")
    for seed, setting in enumerate(FORECASTS):
        named = " ".join(f"{value!s:>7}" for value in setting[:-1])
        if waits(setting):
            print(f"{named} | waits")
            continue
        found, drawn, _ = settled(partial(forecast_wins, setting), replicates, seed, ALPHA)
        upper = wilson(found, drawn)
        worst = max(worst, upper)
        fails = upper > ALPHA
        broken += fails
        told = f"{100 * found / drawn:5.2f} %  {100 * upper:5.2f} of {drawn:,}"
        print(f"{named} | {told}{' TOO OFTEN' * fails}", flush=True)
    print("With a gain: found")
    for setting, gain in ((FORECASTS[4], 0.15), (FORECASTS[12], 0.15), (FORECASTS[-8], 0.15)):
        found = forecast_wins(setting._replace(gain=gain), replicates, 7)
        print(f"{setting} {gain}: {100 * found / replicates:.1f} %")
    print(json.dumps({"broken": broken, "largest upper end": round(worst, 4)}))
    return broken


def grid(replicates: int) -> int:
    """Print the wins of equal systems in every design, and return how many are too often."""
    designs = [Panel(*size, *shared) for size in (*SIZES, *WAITING) for shared in SHARED]
    broken = 0
    print(
        "groups periods shock memory group memory sizes metric | wins, upper end of Wilson's 95 %"
    )
    for seed, panel in enumerate([*designs, *OTHERS]):
        named = " ".join(f"{value!s:>6}" for value in panel[:-1])
        if panel.waits():
            print(f"{named} | waits")
            continue
        found, drawn, note = settled(partial(wins, panel), replicates, seed, LIMIT)
        upper = wilson(found, drawn)
        fails = upper > LIMIT
        broken += fails
        told = f"{100 * found / drawn:5.2f} %  {100 * upper:5.2f}{note}{' TOO OFTEN' * fails}"
        print(f"{named} | {told}", flush=True)
    print("With a gain: found with the periods, and by group alone")
    for seed, panel in enumerate(WORTH):
        both, alone = (wins(panel, replicates, seed, kind) for kind in ("two-way", "clustered"))
        named = " ".join(f"{value!s:>6}" for value in panel)
        print(f"{named} | {100 * both / replicates:5.1f} %  {100 * alone / replicates:5.1f} %")
    print(json.dumps({"broken": broken}))
    return broken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replicates", type=int, nargs="?", default=REPLICATES)
    parser.add_argument("--grid", action="store_true", help="groups over periods, about 15 minutes")
    parser.add_argument("--forecasts", action="store_true", help="forecasts with AR(1) errors")
    asked = parser.parse_args()
    chosen = forecasts if asked.forecasts else grid if asked.grid else main
    sys.exit(min(chosen(asked.replicates), 1))
