"""Contracts on the team's files: features.py, model.py and baseline.py fit into the pipeline."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mlops_kit.compare.systems.adapters import predict_with
from mlops_kit.compare.systems.spec import Table
from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import load_sources, uses_only_sample
from mlops_kit.data.ingest import ingest
from mlops_kit.data.sources import files as sources_module
from mlops_kit.train.classes import classes_of
from mlops_kit.train.features import NOT_FEATURES, build_features
from mlops_kit.train.predictions import predict
from mlops_kit.train.stage import fit

ROOT = team.project_folder() or Path(__file__).parents[3]
SMALL = {"customers": 600, "products": 60, "order_lines": 9_000}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with this project's settings and a small sample shop; None where the data is own."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLOPS_ENV", raising=False)
        patch.chdir(ROOT)
        if not uses_only_sample(load_sources()):
            yield None
            return
        shutil.copytree(ROOT / "conf", folder / "conf")
        shutil.copy(ROOT / "params.yaml", folder)
        patch.setenv(team.VARIABLE, team.required())
        patch.chdir(folder)
        shrink(folder / sources_module.SOURCES_FILE)
        ingest(load_settings(), folder / OPEN_ZONE / "tables", folder / "quarantine")
        build_features(load_settings())
        yield folder


@pytest.fixture(scope="module")
def rows(shop):
    """Feature rows of this project: of the small shop, or of the last run on its own data."""
    file = (shop or ROOT) / OPEN_ZONE / "features.parquet"
    if not file.is_file():
        pytest.skip("run `uv run mlops run` first: the data is not here")
    return pd.read_parquet(file)


def shrink(file):
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    for source in content["sources"].values():
        source.update(SMALL)
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.fixture
def project(monkeypatch):
    """The project's own folder as the cwd."""
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.chdir(ROOT)
    return load_settings()


def test_features_make_training_and_holdout_rows_that_are_unique(rows):
    assert {"train", "holdout"} <= set(rows["split"])
    keys = [name for name in ("id", "time") if name in rows]
    assert not rows.duplicated(keys).any()


def test_the_model_fits_and_predicts_each_row_as_the_task_says(rows, project):
    names = [name for name in rows.columns if name not in NOT_FEATURES]
    train, holdout = (rows[rows["split"] == part] for part in ("train", "holdout"))
    estimator = fit(train[names], train["y_true"]).estimator
    classes = classes_of(project.task, train, holdout)
    predicted = np.asarray(predict(estimator, holdout[names], project.task, classes))
    assert len(predicted) == len(holdout)
    if project.task == "classification":
        assert predicted.ndim == (1 if classes is None else 2)
        assert predicted.min() >= 0 and predicted.max() <= 1
    elif project.task == "regression":
        assert np.isfinite(predicted).all()
    else:
        assert predicted.ndim == 2
        assert all(len(set(row)) == len(row) for row in predicted)


def test_the_baseline_predicts_each_row(rows, project):
    train, holdout = (rows[rows["split"] == part] for part in ("train", "holdout"))
    known = {"classes": classes_of(project.task, train, holdout)}
    predicted = predict_with(Table(name="baseline"), train, holdout, project.task, known)
    assert len(predicted) == len(holdout)


def test_fitting_twice_gives_the_same_predictions(rows, project):
    names = [name for name in rows.columns if name not in NOT_FEATURES]
    train = rows[rows["split"] == "train"].head(2_000)
    asked = "predict_proba" if project.task == "classification" else "predict"
    first, second = (
        getattr(fit(train[names], train["y_true"]).estimator, asked)(train[names]) for _ in range(2)
    )
    assert np.array_equal(np.asarray(first), np.asarray(second))


def test_a_feature_that_sees_the_future_is_refused(shop, rows, monkeypatch):
    if shop is None:
        pytest.skip("on your own data `uv run mlops run` checks this at every run")
    monkeypatch.chdir(shop)
    seeds = team.module("features")
    keys = ", ".join(name for name in ("id", "time") if name in rows)
    honest = seeds.features

    def knowing(params):
        outcome = f"SELECT {keys}, y_true AS later FROM ({seeds.target(params)})"
        return f"SELECT * FROM ({honest(params)}) LEFT JOIN ({outcome}) USING ({keys})"

    monkeypatch.setattr(seeds, "features", knowing)
    with pytest.raises(MlopsError, match='column "later" (changes|is the outcome)'):
        build_features(load_settings())
