"""A project of which a run is told by files alone: what the room of govern reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

ANSWERS: dict[str, Any] = {
    "project_name": "Shop | <recommender>",
    "package_name": "shop",
    "functionality": "new",
    "business_metric": "Revenue from repeat purchases",
    "task": "classification",
    "stage": "production",
    "data_sources": ["sample"],
    "hosting": "on_premises",
    "serving": "batch",
    "personal_data": "pii",
    "jurisdictions": ["gdpr"],
    "owner": "Data science team",
    "description": "A model",
    "license": "proprietary",
    "docs_language": "en",
    "ci": "github",
    "kit": "tools/kit",
    "infrastructure": ["image"],
    "ai_governance": True,
}
CHECK = {"verdict": "pass", "estimate": 0.125, "lower": 0.0625, "upper": 0.1875}
FILES: dict[str, Any] = {
    "reports/compare/decision.json": {
        "schema": 1,
        "decision": "inconclusive",
        "case": "A",
        "reasons": ["The interval holds 0.15."],
        "next": "Get more rows.",
        "primary": {
            **CHECK,
            "metric": "auc",
            "min_effect": 0.15,
            "n_rows": 4321,
            "verdict": "inconclusive",
        },
        "guardrails": [{**CHECK, "name": "log_loss", "estimate": 0.011}],
        "slices": [],
        "fairness": [
            {
                **CHECK,
                "name": "gender: share that is picked",
                "candidate": 0.031,
                "incumbent": 0.029,
                "groups": [
                    {"name": "f", "rows": 2100, "candidate": 0.413, "incumbent": 0.397},
                    {"name": "m", "rows": 2221, "candidate": 0.444, "incumbent": 0.426},
                ],
            }
        ],
        "flips": [],
        "ops": {"p95_ms": {"verdict": "pass", "estimate": 7.25}},
        "safety": [],
        "needed": {"rows": 9876, "days": 55},
        "outcomes": {"horizon_days": 30, "known_until": "2026-10-31", "sentence": ""},
        "holdout_sha256": "f" * 64,
        "inference": {"alpha_used": 0.025, "look": 2},
        "candidate": {"name": "candidate", "digest": "a" * 64, "value": 0.7893},
        "incumbent": {"name": "baseline", "digest": "b" * 64, "value": 0.6643},
        "data": {"training_rows": 37111, "features": 11, "holdout_days": ["2026-07-01"]},
        "importance": {
            "metric": "auc",
            "weights": [{"feature": "orders", "estimate": 0.117, "lower": 0.109, "upper": 0.119}],
        },
    },
    "reports/data/reading.json": {
        "schema": 1,
        "tables": {
            "orders": {
                "files": [],
                "not_read": [],
                "rows": 60001,
                "kept": 59990,
                "set_aside": 11,
                "reasons": {"price": 11},
                "missing": {"city": {"NA": 613}},
            }
        },
        "shared": [
            {"first": "orders", "second": "old", "column": "id", "values": 17, "alike": True}
        ],
    },
    "reports/data/profile.json": {
        "rows": 47683,
        "of": {"sha256": "c" * 64},
        "repeated_rows": {"rows": 3},
        "outcome": {"commonest_share": 0.7317, "rarest_share": 0.2683},
        "columns": [{"name": "price", "missing_share": 0.0123}],
    },
    "reports/monitor/drift.json": {
        "verdict": "alarm",
        "as_of": "2026-11-29",
        "alarms": [{"key": "drift:price", "since": "2026-11-26", "sentence": "It moved by 0.31."}],
    },
    "reports/privacy/protect.json": {
        "gate": "open",
        "tables": {
            "customers": {
                "rows": 5000,
                "alone": {"all_columns": {"unique": 2875, "unique_share": 0.575}},
            }
        },
    },
    "models/model.json": {
        "sha256": "a" * 64,
        "estimator": "Pipeline",
        "features": ["orders"],
        "training_rows": 37111,
        "training": {"learned_until": "2026-06-01"},
    },
    "models/registration.json": {
        "name": "dev.shop",
        "version": "7",
        "decision_sha256": "d" * 64,
        "seconds": 7200.0,
    },
    "data/inputs.json": {"environment": "dev"},
    "data/holdouts.json": {"schema": 1, "holdouts": {}},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with every file that facts are read from, as its working directory."""
    monkeypatch.chdir(project_at(tmp_path))
    return tmp_path


def project_at(folder: Path) -> Path:
    """Write every file that facts are read from."""
    for name, content in FILES.items():
        write(folder / name, json.dumps(content))
    write(folder / ".copier-answers.yml", yaml.safe_dump(ANSWERS))
    write(folder / "conf/compare.yaml", "primary: {metric: auc, min_effect: 0.15}\n")
    write(folder / "conf/privacy.yaml", 'record: {legal_basis: "", retention: 5 years}\n')
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
