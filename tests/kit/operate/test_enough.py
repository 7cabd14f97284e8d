"""The learning curve: what twice as many rows were worth, without a look at the holdout."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.experiments import enough as module
from mlops_kit.train.fitting.fit import Fitted
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

SETTINGS: Any = SimpleNamespace(task="classification")


def config(min_effect: float = 0.0) -> CompareConfig:
    primary = {"metric": "auc", "min_effect": min_effect}
    return CompareConfig.model_validate({"case": "B", "incumbent": "rules", "primary": primary})


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Return 4,000 training rows, ten a day, of 100 features that all count a little."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "data/open").mkdir(parents=True)
    split = {"method": "hash", "holdout": 0.25, "gap_days": 10}
    params = {"seed": 3, "split": split, "features": {}, "model": {}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    (tmp_path / "conf/compare.yaml").write_text(
        "case: B\nincumbent: rules\nprimary: {metric: auc}\n", encoding="utf-8"
    )

    def fitted(table: pd.DataFrame, truth: pd.Series) -> Fitted:
        return Fitted(LogisticRegression(C=100).fit(table, truth), None)

    monkeypatch.setattr(module, "fit", fitted)
    random = np.random.default_rng(5)
    features = random.normal(size=(4000, 100))
    chance = 1 / (1 + np.exp(-features @ random.normal(0, 0.2, 100)))
    table = pd.DataFrame(features, columns=[f"x{place}" for place in range(100)])
    times = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(4000) // 10, unit="D")
    return table.assign(
        id=np.arange(4000),
        time=times,
        y_true=(random.random(4000) < chance).astype(int),
        split="train",
    )


def curve(rows: pd.DataFrame, min_effect: float = 0.0) -> dict[str, Any]:
    rows.to_parquet("data/open/features.parquet")
    return module.enough(SETTINGS, config(min_effect))


def test_many_weak_features_need_more_rows(rows: pd.DataFrame) -> None:
    result = curve(rows)
    assert [step["rows"] for step in result["steps"]] == [375, 750, 1500, 3000]
    values = [step["value"] for step in result["steps"]]
    assert values == sorted(values)
    assert result["gain"]["estimate"] == pytest.approx(values[-1] - values[-2])
    assert (result["gain"]["lower"] > 0, result["verdict"]) == (True, "more rows")


def test_one_feature_is_learned_from_few_rows_and_needs_company(rows: pd.DataFrame) -> None:
    result = curve(rows[["id", "time", "y_true", "split", "x0"]], min_effect=0.02)
    assert result["verdict"] == "better model"
    assert "less than 0.02, the smallest useful gain" in result["sentence"]


def test_the_values_are_those_of_an_independent_computation(rows: pd.DataFrame) -> None:
    result = curve(rows)
    learn, judge = module._inner(rows, module.load_params())
    names = [name for name in map(str, rows) if name.startswith("x")]
    model = LogisticRegression(C=100).fit(learn[names], learn["y_true"])
    expected = roc_auc_score(judge["y_true"], model.predict_proba(judge[names])[:, 1])
    assert result["steps"][-1]["value"] == pytest.approx(expected, abs=1e-9)
    assert not set(learn["id"]) & set(judge["id"])


def test_the_holdout_is_not_looked_at(rows: pd.DataFrame) -> None:
    before = curve(rows)
    held = rows.head(400).assign(split="holdout", y_true=1, id=np.arange(400) + 5000)
    assert curve(pd.concat([rows, held])) == before


def test_by_time_the_latest_rows_judge_and_the_gap_is_left_out(rows: pd.DataFrame) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["split"]["method"] = "time"
    Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    learn, judge = module._inner(rows, module.load_params())
    assert len(judge) == 1000
    assert judge["time"].min() - learn["time"].max() > pd.Timedelta(days=10)


def test_groups_stay_whole(rows: pd.DataFrame) -> None:
    grouped = rows.assign(group=rows["id"] // 8)
    learn, judge = module._inner(grouped, module.load_params())
    assert not set(learn["group"]) & set(judge["group"])
    place = module._place_of_units(learn, module.load_params().split, 3)
    assert learn.assign(place=place).groupby("group")["place"].nunique().max() == 1


def test_copies_stay_whole_where_the_split_keeps_them_together(rows: pd.DataFrame) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["split"]["method"] = "copies"
    Path("params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    # Groups of its own, as rows() may give them, do not keep equal rows together.
    twice = pd.concat([rows, rows.assign(id=rows["id"] + 4000)], ignore_index=True)
    learn, judge = module._inner(twice.assign(group=twice["id"]), module.load_params())
    assert not set(learn["x0"]) & set(judge["x0"])
    assert len(learn) + len(judge) == len(twice)


def test_too_few_rows_and_no_features_are_one_sentence(rows: pd.DataFrame) -> None:
    with pytest.raises(MlopsError, match="run `uv run mlops run` first"):
        module.enough(SETTINGS, config())
    with pytest.raises(MlopsError, match=r"too few for a learning curve: 60 .* each needs 50"):
        curve(rows.head(80))
    content = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(content.replace("0.25", "0.5"), encoding="utf-8")
    with pytest.raises(MlopsError, match="75 training rows are too few to halve"):
        curve(rows.head(150))
