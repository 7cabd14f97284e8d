"""The train stage: equal models are equal files, and wrong labels or shapes are one sentence."""

import os

import numpy as np
import pandas as pd
import pytest
import skops.io
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_text, written_beside
from mlops_kit.train import stage as training
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer


def fitted(seed):
    features = pd.DataFrame({"a": np.random.default_rng(seed).normal(size=50)})
    return LogisticRegression().fit(features, features["a"] > 0)


def test_an_equal_model_is_an_equal_file_and_another_is_not(tmp_path):
    files = [tmp_path / name for name in ("one.skops", "same.skops", "other.skops")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        training.save_model(fitted(seed), file)
    digests = [sha256_of(file) for file in files]
    assert digests[0] == digests[1] != digests[2]


def test_a_stored_model_predicts_as_before(tmp_path):
    model = fitted(1)
    training.save_model(model, tmp_path / "model.skops")
    rows = pd.DataFrame({"a": [-1.0, 0.1, 3.0]})
    loaded = training.load_model(tmp_path / "model.skops")
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_a_file_that_asks_for_a_strangers_type_is_not_loaded(tmp_path):
    file = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(os.system), file)
    with pytest.raises(MlopsError, match=r"asks for posix\.system|asks for nt\.system"):
        training.load_model(file)


@pytest.mark.parametrize("labels", [[1, 1], [0, 1, 2], [0.5, 1.0]])
def test_labels_that_are_not_both_0_and_1_are_refused(labels):
    with pytest.raises(MlopsError, match="needs both 0 and 1"):
        training._check_target("classification", pd.DataFrame({"y_true": labels}))


def test_a_system_must_predict_every_row():
    holdout = pd.DataFrame({"id": [1, 2], "y_true": [0, 1]})
    with pytest.raises(MlopsError, match="candidate: 1 predictions for 2 holdout rows"):
        training._long_table("classification", holdout, {"candidate": np.array([0.5])}, [])


def test_a_writer_that_fails_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "report.md"
    write_text(file, "whole")
    with pytest.raises(ZeroDivisionError), written_beside(file) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert file.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [file]
