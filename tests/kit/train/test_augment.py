"""`augment` of model.py changes what a model learns from, and nothing that is judged."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from mlops_kit.compare.pipeline import compare
from mlops_kit.core.settings import load_settings
from mlops_kit.train.stage import train_and_predict
from own_table import OwnTable

# Notes which rows it is given, by a number that each has, and shows every row once more.
HOOK = """

def augment(features, target, params):
    with open("given.txt", "a") as out:
        out.write(" ".join(str(int(mark)) for mark in features["mark"]) + "\\n")
    features.loc[:, "mark"] = 0  # a copy: nobody else sees it
    return pd.concat([features, features]), pd.concat([target, target])
"""


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, hook: str) -> OwnTable:
    random = np.random.default_rng(3)
    noise = random.normal(size=600)
    rows = pl.DataFrame(
        {
            "id": range(600),
            "mark": range(1000, 1600),
            "x": noise,
            "outcome": (noise > random.random(600)).astype(int),
        }
    )
    table = OwnTable(rows)
    table.featured(folder, monkeypatch)
    (model,) = (folder / "src").glob("*/model.py")
    model.write_text("import pandas as pd\n" + model.read_text(encoding="utf-8") + hook)
    return table


def test_no_row_that_is_judged_is_shown_to_augment_and_the_report_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, monkeypatch, HOOK)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["model"]["search"] = {"method": "grid", "space": {"leaves": [6, 4]}, "folds": 3}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    line = train_and_predict(load_settings())
    features = pl.read_parquet("data/open/features.parquet")
    train = features.filter(pl.col("split") == "train")
    held = set(features.filter(pl.col("split") == "holdout")["mark"])
    given = [list(map(int, one.split())) for one in Path("given.txt").read_text().splitlines()]
    assert len(given) == 2 * 3 + 1  # each fold of each setting, and the model itself
    assert not held & {mark for marks in given for mark in marks}
    assert sorted(given[-1]) == sorted(train["mark"])
    assert all(len(marks) < len(train) for marks in given[:-1])
    made = f"{2 * len(train):,} rows, which augment() of model.py made of {len(train):,} rows"
    assert made in line
    card = json.loads(Path("models/model.json").read_text())
    assert (card["augmented_rows"], card["training_rows"]) == (2 * len(train), len(train))
    assert card["training"]["seen"]["mark"]["minimum"] >= 1000  # not what augment made of it
    compare(load_settings())
    decision = json.loads(Path("reports/compare/decision.json").read_text())
    assert decision["data"]["augmented_rows"] == 2 * len(train)
    assert "augment() of model.py made" in Path("reports/compare/report.md").read_text()


def test_without_augment_nothing_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, monkeypatch, "")
    line = train_and_predict(load_settings())
    assert "augment" not in line
    assert "augmented_rows" not in json.loads(Path("models/model.json").read_text())
    compare(load_settings())
    assert "augment" not in Path("reports/compare/report.md").read_text()
