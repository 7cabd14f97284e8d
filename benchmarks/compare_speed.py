"""Cost of four intervals (AUC, F1, log-loss, RMSE) against resampling peers, as ratios.

Run as
``PYTHONPATH=tests/support uv run --frozen python benchmarks/compare_speed.py [ROWS ...]``. Every
measurement runs in a process of its own with one thread. The peers run a few resamples, and their
cost for 2,000 is extrapolated from those, which each line says.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

ROWS = (10**5, 10**6)
RESAMPLES = 2000
THREADS = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def drawn(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw truth and two systems' probabilities, shape (n,) each."""
    random = np.random.default_rng(1)
    truth = (random.random(n) < 0.2).astype(np.float64)
    logit = 2 * truth - 2 + random.normal(0, 1, n)
    one, other = (1 / (1 + np.exp(-logit - random.normal(0, s, n))) for s in (0.5, 0.6))
    return truth, one, other


def closed_forms(n: int) -> Callable[[], Any]:
    """Give four paired effects with their intervals."""
    from importlib import import_module

    inference = import_module("mlops_kit.compare.inference.effect")
    named = import_module("mlops_kit.compare.metrics.registry").metric_named
    metrics = [named(name) for name in ("auc", "f1", "log_loss", "rmse")]
    truth, one, other = drawn(n)

    def run() -> list[Any]:
        return [
            inference.paired_effect(
                metric.function(truth, one), metric.function(truth, other), 1, inference.IID, 0.05
            )
            for metric in metrics
        ]

    return run


def two_way(n: int) -> Callable[[], Any]:
    """Give the paired effect of an AUC by customer (eight rows each) and by day (104)."""
    from importlib import import_module

    inference = import_module("mlops_kit.compare.inference.effect")
    metric = import_module("mlops_kit.compare.metrics.registry").metric_named("auc")
    truth, one, other = drawn(n)
    random = np.random.default_rng(3)
    design = inference.Design(
        "two-way", random.integers(0, max(n // 8, 2), n), random.integers(0, 104, n)
    )
    return lambda: inference.paired_effect(
        metric.function(truth, one), metric.function(truth, other), 1, design, 0.05
    )


def two_argsorts(n: int) -> Callable[[], Any]:
    """Give the cheapest thing that any AUC of two systems must do."""
    _, one, other = drawn(n)
    return lambda: (np.argsort(one), np.argsort(other))


def two_stable_argsorts(n: int) -> Callable[[], Any]:
    """Give the same with the sort that keeps ties in order, as scikit-learn's AUC uses."""
    _, one, other = drawn(n)
    return lambda: (np.argsort(one, kind="stable"), np.argsort(other, kind="stable"))


def _differences(n: int) -> list[Callable[[Any], float]]:
    from sklearn import metrics

    truth, one, other = drawn(n)

    def auc(rows: Any) -> float:
        first, second = (metrics.roc_auc_score(truth[rows], s[rows]) for s in (one, other))
        return float(first - second)

    def f1(rows: Any) -> float:
        first, second = (metrics.f1_score(truth[rows], s[rows] >= 0.5) for s in (one, other))
        return float(first - second)

    def log_loss(rows: Any) -> float:
        first, second = (metrics.log_loss(truth[rows], s[rows]) for s in (one, other))
        return float(first - second)

    def rmse(rows: Any) -> float:
        first, second = (
            metrics.root_mean_squared_error(truth[rows], s[rows]) for s in (one, other)
        )
        return float(first - second)

    return [auc, f1, log_loss, rmse]


def scipy_bootstrap(n: int, resamples: int) -> Callable[[], Any]:
    """Give scipy's percentile bootstrap, one resample at a time: its default batch needs 53 GB."""
    from scipy.stats import bootstrap

    differences, rows = _differences(n), np.arange(n)

    def run() -> list[Any]:
        return [
            bootstrap(
                (rows,),
                difference,
                vectorized=False,
                n_resamples=resamples,
                batch=1,
                method="percentile",
                rng=np.random.default_rng(2),
            )
            for difference in differences
        ]

    return run


def scikit_learn_loop(n: int, resamples: int) -> Callable[[], Any]:
    """Give the loop that everybody writes: draw rows, compute the four metrics, repeat."""
    differences, random = _differences(n), np.random.default_rng(2)

    def run() -> list[Any]:
        found = []
        for _ in range(resamples):
            rows = random.integers(0, n, n)
            found.append([difference(rows) for difference in differences])
        return found

    return run


def child(what: str, n: int) -> None:
    """Measure one method in this process and print it."""
    peers = {"scipy.stats.bootstrap": scipy_bootstrap, "scikit-learn loop": scikit_learn_loop}
    resamples, times = (10 if n <= 10**5 else 2), 1
    if what in peers:
        run, repeats = peers[what](n, resamples), 1
        times = RESAMPLES / resamples
    else:
        own = {
            "closed forms": closed_forms,
            "AUC in two ways": two_way,
            "two argsorts": two_argsorts,
            "two stable argsorts": two_stable_argsorts,
        }
        run, repeats = own[what](n), 5
    before, best = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, float("inf")
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    extrapolated = f"{resamples} resamples measured, {RESAMPLES} extrapolated" if times > 1 else ""
    print(
        json.dumps(
            {
                "seconds": best * times,
                "added": (peak - before) / 1024,
                "peak": peak / 1024,
                "note": extrapolated,
            }
        )
    )


def main(sizes: Sequence[int]) -> None:
    """Print one table for each number of rows."""
    for n in sizes:
        found = {}
        for what in (
            "closed forms",
            "AUC in two ways",
            "two argsorts",
            "two stable argsorts",
            "scikit-learn loop",
            "scipy.stats.bootstrap",
        ):
            command = [sys.executable, __file__, "--child", what, str(n)]
            done = subprocess.run(
                command, env=os.environ | THREADS, capture_output=True, text=True, check=True
            )
            found[what] = json.loads(done.stdout)
        ours = found["closed forms"]["seconds"]
        print(f"{n:,} rows          CPU seconds   ratio to ours    peak MB (added by the work)")
        for what, cost in found.items():
            print(
                f"  {what:<22}{cost['seconds']:>10.3f}{cost['seconds'] / ours:>14,.2f}"
                f"{cost['peak']:>14.0f} ({cost['added']:.0f})  {cost['note']}"
            )
        apart = found["AUC in two ways"]["seconds"] / found["two argsorts"]["seconds"]
        print(f"  AUC in two ways / two argsorts: {apart:.2f}")
        for sort in ("two argsorts", "two stable argsorts"):
            print(f"  ours / {sort}: {ours / found[sort]['seconds']:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("rows", type=int, nargs="*", default=ROWS, help="sizes of the tables")
        main(parser.parse_args().rows)
