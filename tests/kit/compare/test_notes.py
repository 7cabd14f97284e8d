"""What the train stage notes reaches the decision: copies, the clock of outcomes, the leak."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from mlops_kit.compare import pipeline as stage
from mlops_kit.compare.systems import adapters
from mlops_kit.train import stage as training
from mlops_kit.train.fitting.fit import Fitted

SOURCES = {
    "entity": {"table": "people", "column": "id"},
    "sources": {"shop": {"kind": "files", "folder": "raw"}},
    "tables": {
        "people": {"source": "shop", "path": "people.csv", "columns": {"id": {"type": "integer"}}},
        "orders": {
            "source": "shop",
            "path": "orders.csv",
            "time": "day",
            "columns": {"id": {"type": "integer"}, "day": {"type": "date"}},
        },
    },
}
SETTINGS: Any = SimpleNamespace(task="classification", project="p", business_metric="b")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose last order is of 31 March 2025; it is the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("conf", "models", "data/open/tables"):
        (tmp_path / name).mkdir(parents=True)
    params = {"seed": 1, "split": {"method": "time", "holdout": 0.5, "gap_days": 30}}
    params |= {"features": {"horizon_days": 30}, "model": {}}
    config = {"case": "B", "incumbent": "baseline", "primary": {"metric": "auc"}}
    for name, content in (("params", params), ("conf/sources", SOURCES), ("conf/compare", config)):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    days = pd.DataFrame({"id": [1, 2], "day": pd.to_datetime(["2025-01-01", "2025-03-31"])})
    days.to_parquet("data/open/tables/orders.parquet")
    pd.DataFrame({"id": [1, 2]}).to_parquet("data/open/tables/people.parquet")
    monkeypatch.setattr(adapters, "systems_to_predict", lambda config: {"baseline": None})
    monkeypatch.setattr(adapters, "digest_of", lambda spec: "")
    monkeypatch.setattr(training, "fit", lambda features, target, setting: Fitted(None, None))
    monkeypatch.setattr(training, "features_sha256", lambda: "")
    monkeypatch.setattr(training, "save_model", lambda model, path: path.write_bytes(b"model"))
    return tmp_path


def _features(last: str, n: int = 2000) -> pd.DataFrame:
    random = np.random.default_rng(8)
    signal = random.normal(0, 1, n)
    truth = (random.random(n) < 1 / (1 + np.exp(1 - signal))).astype(int)
    time = pd.Timestamp(last) - pd.to_timedelta(np.arange(n)[::-1] // 40, unit="D")
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "time": time,
            "y_true": truth,
            "signal": signal,
            "split": "holdout",
        }
    )


def _decided(
    rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, scores: Any = None
) -> dict[str, Any]:
    train = rows.assign(split="train")
    pd.concat([train, rows]).to_parquet("data/open/features.parquet")
    noise = np.random.default_rng(9).normal(0, 1, (2, len(rows)))
    candidate = rows["signal"].to_numpy() + 0.1 * noise[0] if scores is None else scores
    baseline = rows["signal"].to_numpy() + 2 * noise[1]
    monkeypatch.setattr(training, "predict", lambda *_: candidate)
    monkeypatch.setattr(adapters, "predict_with", lambda *_: baseline)
    training.train_and_predict(SETTINGS)
    stage.compare(SETTINGS)
    return json.loads(Path("reports/compare/decision.json").read_text(encoding="utf-8"))


def test_sound_rows_are_promoted_and_the_report_names_the_clock(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _decided(_features("2025-03-02"), monkeypatch)
    assert result["decision"] == "promote"
    assert result["safety"] == []
    assert result["outcomes"]["known_until"] == "2025-03-31"
    clock = "Outcomes need 30 days and are known until 2025-03-31 (the newest row of table orders)."
    report = (project / "reports/compare/report.md").read_text(encoding="utf-8")
    assert clock in report
    assert "**Of 1,000 people.**" in report


def test_rows_that_were_set_aside_and_gaps_are_told_in_decision_and_reports(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"files": ["a.csv", "b.csv"], "not_read": [], "rows": 50, "set_aside": 0}
    tables = {
        "people": read | {"kept": 50, "reasons": {}, "missing": {"age": {"NA": 4, "blank": 3}}},
        "orders": {
            "files": ["orders.csv"], "not_read": ["notes.txt"], "rows": 1000, "kept": 997,
            "set_aside": 3, "reasons": {"day: no date": 2, "id twice": 1}, "missing": {},
        },
    }  # fmt: skip
    Path("reports/data").mkdir(parents=True)
    content = json.dumps({"schema": 1, "tables": tables})
    Path("reports/data/reading.json").write_text(content, encoding="utf-8")
    Path("reports/privacy").mkdir(parents=True, exist_ok=True)
    hidden = {"suppressed": 4, "why": "fewer than 5 rows share sex, age", "generalised": {}}
    protected = {"tables": {"people": {"rows": 50, "anonymity": hidden}, "orders": {}}}
    Path("reports/privacy/protect.json").write_text(json.dumps(protected), encoding="utf-8")
    data = _decided(_features("2025-03-02"), monkeypatch)["data"]
    assert data["tables"]["orders"]["set_aside"] == 3
    assert data["tables"]["people"]["missing"] == {"age": 7}
    assert data["tables"]["people"]["left_out"] == {"fewer than 5 rows share sex, age": 4}
    assert (data["training_rows"], data["features"]) == (2000, 1)
    assert data["holdout_days"] == ["2025-01-12", "2025-03-02"]
    for name in ("report.md", "report.html"):
        text = (project / "reports/compare" / name).read_text(encoding="utf-8")
        assert "Set aside of orders: day: no date 2, id twice 1." in text
        assert "Not read for orders: notes.txt." in text
        left_out = "Left out of people after reading: 4 rows, as fewer than 5 rows share sex, age."
        assert left_out in text
        assert "3 (0.30%)" in text
        assert "age 7" in text
        assert "Learned from 2,000 rows with 1 feature, judged on 2,000 rows held back" in text


def test_rows_whose_window_is_still_open_are_told_by_the_newest_fact(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _decided(_features("2025-03-20"), monkeypatch)
    assert result["decision"] == "inconclusive"
    assert "can be judged from 2025-04-19 on" in result["reasons"][0]
    assert result["next"].startswith("Do what the reasons say, then compare again, from 2025-04-19")
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")) | {"features": {}}
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    unknown = _decided(_features("2025-03-20"), monkeypatch)
    assert unknown["decision"] == "promote"
    assert "params.yaml has no features.horizon_days" in unknown["outcomes"]["sentence"]


def test_copies_are_known_by_their_features_whatever_a_coarse_model_says(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _features("2025-03-02", 1000)
    coarse = np.round(rows["signal"].to_numpy())
    assert _decided(rows, monkeypatch, coarse)["safety"] == []
    again = np.repeat(np.arange(1000), np.random.default_rng(10).integers(1, 6, 1000))
    copied = rows.iloc[again].assign(id=np.arange(again.size)).reset_index(drop=True)
    result = _decided(copied, monkeypatch, coarse[again])
    assert result["decision"] == "inconclusive"
    assert f"Of {again.size:,} rows only 1,000 differ" in result["reasons"][0]
    assert "with the same outcome and features" in result["reasons"][0]


def test_the_feature_that_holds_the_outcome_is_named_where_a_score_is_perfect(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = _features("2025-03-02")
    rows["refunded"] = np.where(rows["y_true"] == 1, "no", "yes")
    result = _decided(rows, monkeypatch, np.where(rows["refunded"] == "no", 0.99, 0.01))
    assert result["decision"] == "inconclusive"
    assert 'Look at the feature "refunded" first: alone it tells the outcome.' in " ".join(
        result["reasons"]
    )
    config = yaml.safe_load(Path("conf/compare.yaml").read_text(encoding="utf-8"))
    config["acknowledged"] = {"perfect": {"reason": "a check digit", "until": "9999-12-31"}}
    Path("conf/compare.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    said = stage.compare(SETTINGS)
    assert said.startswith("promote: auc better by")
    # The whole sentence, with reason and day, is said once: by `mlops run` below its decision.
    assert said.endswith("; somebody vouches for: perfect score")


def test_a_model_card_of_an_older_version_is_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _decided(_features("2025-03-02"), monkeypatch)
    card = json.loads(Path("models/model.json").read_text(encoding="utf-8"))
    del card["holdout"]
    Path("models/model.json").write_text(json.dumps(card), encoding="utf-8")
    assert stage.compare(SETTINGS).startswith("promote")
