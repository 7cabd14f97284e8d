"""What a decision.json of the first release held."""

from typing import Any

PRIMARY: dict[str, Any] = {
    "metric": "auc",
    "direction": "higher",
    "estimate": 0.1,
    "lower": 0.05,
    "upper": 0.15,
    "standard_error": 0.03,
    "min_effect": 0.0,
    "alpha": 0.05,
    "design": "iid",
    "n_rows": 400,
    "n_groups": 400,
}
# What 0.1.0 wrote: its primary check had no name, verdict and sentence.
FIRST: dict[str, Any] = {
    "schema": 1,
    "decision": "promote",
    "case": "A",
    "reasons": ["auc is better by 0.1."],
    "primary": PRIMARY,
    "guardrails": [],
    "slices": [],
    "ops": {},
    "holdout_sha256": "0f" * 32,
    "candidate": {"name": "candidate", "digest": "1f" * 32, "value": 0.8},
    "incumbent": {"name": "baseline", "digest": "2f" * 32, "value": 0.7},
}
