"""Tables and settings whose reports show much: what test_report.py and test_spanish.py render."""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from mlops_kit.compare.config import CompareConfig

# Slices of more than 200 rows: smaller ones would be bootstrapped, which takes long.
N = 6000
NASTY = (
    '<script>alert("1")</script> | $word `x` [a](b) <img src="http://x.example/a.png"> & Ñandú 🛒'
)
CONTEXT = {"project": NASTY, "business_metric": NASTY}
METRIC = {"score": "auc", "prediction": "rmse", "items": "ndcg_at_10"}
EVERYTHING = {
    "data": {"threshold": 0.5},
    "guardrails": [{"metric": "log_loss", "margin": 0.2}, {"metric": "brier", "margin": 0.1}],
    "slices": {"columns": ["region"], "margin": 0.3},
    "fairness": {"columns": ["sex"], "margin": 0.5},
    "flips": {"budget": 0.5},
    "ops": {"p95_ms": 50},
    "oracle": "oracle",
    "deprecation": {"consumers": ["call centre", NASTY], "fixed_thresholds": True},
    "rollout": {"rollback": NASTY},
}


def config_of(case: str, metric: str, **other: Any) -> Any:
    primary = {"metric": metric} | other.pop("primary", {})
    return CompareConfig.model_validate({"case": case, "primary": primary} | other)


def table_of(column: str, noise: dict[str, float], seed: int = 5, **columns: Any) -> pa.Table:
    """Predictions of each system, the further from the truth the larger its noise."""
    random = np.random.default_rng(seed)
    truth: Any = random.normal(50, 10, N)
    values: dict[str, Any] = {s: truth + random.normal(0, size, N) for s, size in noise.items()}
    if column == "score":
        values = {s: 1 / (1 + np.exp((50 - v) / 5)) for s, v in values.items()}
        truth = (truth + random.normal(0, 2, N) > 50).astype(np.int64)
    elif column == "items":
        values = {s: [[i] for i in (np.abs(v - truth) > 5).astype(int)] for s, v in values.items()}
        truth = [[0]] * N
    shared = {"id": range(N), "y_true": truth} | columns
    return pa.concat_tables(
        pa.table(shared | {"system": [s] * N, column: v}) for s, v in values.items()
    )


@cache
def everything() -> tuple[pa.Table, Any]:
    random = np.random.default_rng(1)
    table = table_of(
        "score",
        {"candidate": 3, "baseline": 9, "oracle": 0},
        region=random.choice([NASTY, *"abcdefghijklmnopqrst"], N),
        sex=random.choice(["f", "m"], N),
        latency_ms=random.uniform(1, 9, N),
    )
    return table, config_of("C", "auc", **EVERYTHING)
