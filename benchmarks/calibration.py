"""How often the comparison promotes a candidate that is no better, and one that is.

Run as ``PYTHONPATH=tests uv run --frozen python benchmarks/calibration.py [REPLICATES]``.
"""

import argparse
import json
import math
import sys

from compare_scenarios import ALPHA, SCENARIOS, accuracy, blocked_by_slices, promotions
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replicates", type=int, nargs="?", default=REPLICATES)
    sys.exit(min(main(parser.parse_args().replicates), 1))
