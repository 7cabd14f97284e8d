"""Stored models: equal models are equal files, and every reader trusts the same types."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import skops.io
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of
from mlops_kit.train import model_file
from mlops_kit.train.registered import Registered
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier


def fitted(seed):
    features = pd.DataFrame({"a": np.random.default_rng(seed).normal(size=50)})
    return LogisticRegression().fit(features, features["a"] > 0)


def test_an_equal_model_is_an_equal_file_and_another_is_not(tmp_path):
    files = [tmp_path / name for name in ("one.skops", "same.skops", "other.skops")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        model_file.save_model(fitted(seed), file)
    digests = [sha256_of(file) for file in files]
    assert digests[0] == digests[1] != digests[2]


def test_a_stored_model_predicts_as_before(tmp_path):
    model = fitted(1)
    model_file.save_model(model, tmp_path / "model.skops")
    rows = pd.DataFrame({"a": [-1.0, 0.1, 3.0]})
    loaded = model_file.load_model(tmp_path / "model.skops")
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_a_file_that_asks_for_a_strangers_type_is_not_loaded(tmp_path):
    file = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(os.system), file)
    with pytest.raises(MlopsError, match=r"asks for posix\.system|asks for nt\.system"):
        model_file.load_model(file)


def test_a_model_that_nobody_could_load_is_refused_before_it_replaces_one(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    assert model_file.save_model(fitted(1), file) == []
    before = file.read_bytes()
    with pytest.raises(MlopsError, match=r"model\.py: the model holds (posix|nt)\.system"):
        model_file.save_model(FunctionTransformer(os.system), file)
    assert file.read_bytes() == before


def test_a_model_of_types_of_pandas_loads_here_and_where_it_is_registered(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": [1.0, None, 2.0, None]})
    model = make_pipeline(FunctionTransformer(pd.isna), DecisionTreeClassifier())
    file = tmp_path / "model.skops"
    model_file.save_model(model.fit(rows, [0, 1, 0, 1]), file)
    assert "pandas" in {name.split(".")[0] for name in model_file.trusted_types(file)}
    registered = Registered()
    config = {
        "task": "classification",
        "features": [["a", "float64"]],
        "trusted_modules": model_file.trusted_modules(),
    }
    registered.load_context(SimpleNamespace(artifacts={"model": str(file)}, model_config=config))
    expected = [0.0, 1.0, 0.0, 1.0]
    assert model_file.load_model(file).predict_proba(rows)[:, 1].tolist() == expected
    assert registered.predict(None, rows).tolist() == expected


def test_a_type_that_a_person_names_is_trusted_and_no_other_one(tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(os.getcwd), FunctionTransformer(os.stat)), file)
    asked = skops.io.get_untrusted_types(file=file)
    assert len(asked) == 2
    assert model_file.trusted_types(file, asked) == asked
    with pytest.raises(MlopsError, match=asked[1].replace(".", r"\.")):
        model_file.load_model(file, asked[:1])
