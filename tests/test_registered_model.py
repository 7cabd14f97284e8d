"""The model as MLflow loads it: every type of column, missing values, and what it refuses."""

import datetime as dt
import decimal
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model
from packaged import NAME, SOURCE, packaged
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

packaging = packaged("mlops.packaging")
training = packaged("mlops.training")
served = packaged("mlops.served_model")
ROWS = 6


def table() -> pd.DataFrame:
    """Every type that a features table can bring, with a missing value where it can have one."""
    days = [dt.date(2024, 1, day) for day in range(1, ROWS + 1)]
    return pd.DataFrame(
        {
            "whole": np.arange(ROWS),
            "small": np.arange(ROWS, dtype="int32"),
            "number": [0.1, np.nan, 2.5, 3.0, -1.0, 1e300],
            "yes": [True, False] * 3,
            "perhaps": pd.Series([True, None, False] * 2, dtype=object),
            "word": pd.Series(["ñ", None, "b", "a", "", "c"], dtype="str"),
            "kind": pd.Categorical(["x", "y", "x", None, "y", "x"]),
            "moment": pd.date_range("2024-01-01", periods=ROWS).astype("datetime64[us]"),
            "day": pd.Series([*days[:-1], None], dtype=object),
            "exact": pd.Series([decimal.Decimal("1.10")] * ROWS, dtype=object),
            "items": pd.Series([np.array([1, 2])] * ROWS, dtype=object),
        }
    )


class Spy:
    """An estimator that remembers what it was given."""

    given: pd.DataFrame

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Give zeros."""
        self.given = features
        return np.zeros(len(features))


def model_for(features: pd.DataFrame) -> tuple[Any, Spy]:
    """Return the model of a table's types, and the estimator inside, which only looks."""
    made = served.JudgedModel()
    made.task, made.estimator = "regression", Spy()
    made.columns = {str(name): served.kind_of(features[name]) for name in features}
    return made, made.estimator


def enforced(features: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Let MLflow check rows against the signature that is made for a table."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(features, packaging.signature_of(like, np.zeros(1)).inputs)


def test_rows_as_they_were_trained_on_arrive_unchanged() -> None:
    features = table()
    model, spy = model_for(features)
    model.predict(None, enforced(features, features)[list(reversed(list(features)))])
    pd.testing.assert_frame_equal(spy.given, features)


def test_rows_of_json_arrive_as_in_training() -> None:
    from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

    features = table()
    same = lambda value: value  # noqa: E731
    plain: dict[type, Any] = {
        pd.Timestamp: lambda value: value.isoformat(),
        dt.date: lambda value: value.isoformat(),
        decimal.Decimal: float,
        np.ndarray: lambda value: value.tolist(),
    }
    rows = [
        [
            None if np.ndim(value) == 0 and pd.isna(value) else plain.get(type(value), same)(value)
            for value in row
        ]
        for row in features.astype(object).to_numpy().tolist()
    ]
    rows = json.loads(json.dumps(rows))
    schema = packaging.signature_of(features, np.zeros(1)).inputs
    sent = dataframe_from_parsed_json({"columns": list(features), "data": rows}, "split", schema)
    model, spy = model_for(features)
    model.predict(None, enforced(sent, features))
    pd.testing.assert_frame_equal(
        spy.given.drop(columns="items"), features.drop(columns="items"), check_exact=True
    )
    assert [list(one) for one in spy.given["items"]] == [[1, 2]] * ROWS


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_a_whole_number_may_be_missing_and_the_others_stay_exact(missing: object) -> None:
    features = table()
    gaps = features.copy()
    gaps["whole"] = pd.Series([missing, *range(1, ROWS)], dtype=object)
    gaps["small"] = gaps["whole"].astype("Int64" if missing is pd.NA else "float64")
    model, spy = model_for(features)
    model.predict(None, enforced(gaps, features))
    for name in ("whole", "small"):
        assert spy.given[name].dtype == "float64"
        assert np.isnan(spy.given[name][0])
        assert spy.given[name][1:].tolist() == list(range(1, ROWS))


def test_a_fraction_among_whole_numbers_is_not_cut_off() -> None:
    features = table()
    model, spy = model_for(features)
    model.predict(None, enforced(features.assign(whole=[0.5, 1, 2, 3, 4, 5]), features))
    assert spy.given["whole"].tolist() == [0.5, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("name", "value"), [("whole", "a lot"), ("yes", 7), ("day", "soon")])
def test_a_value_of_another_type_is_refused_by_the_name_of_its_column(
    name: str, value: object
) -> None:
    features = table()
    model, _ = model_for(features)
    wrong = features.assign(**{name: pd.Series([value] * ROWS, dtype=object)})
    with pytest.raises(ValueError, match=f'column "{name}" holds a value that is no'):
        model.predict(None, wrong)
    with pytest.raises(ValueError, match=f'column "{name}" is missing'):
        model.predict(None, features.drop(columns=name))


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that fits and saves a model as it is registered, and gives its folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()

    def save(**changes: Any) -> tuple[Path, Any, pd.DataFrame]:
        features = pd.DataFrame({"b": np.arange(40.0), "a": np.arange(40) % 7})
        model = LogisticRegression().fit(features, features["a"] > 3)
        training.save_model(model, training.MODEL_FILE)
        card = {
            "task": "classification",
            "sha256": hashlib.sha256(training.MODEL_FILE.read_bytes()).hexdigest(),
        }
        types = training.trusted_types(training.MODEL_FILE)
        config = packaging._config(card | changes, types, features)
        judged = training.predict(model, features, "classification")
        signature = packaging.signature_of(features, judged)
        packaging.save_model("saved", Model(), signature, config)
        return tmp_path / "saved", judged, features

    return save


def test_both_flavours_of_a_saved_model_give_the_judged_probabilities(saved: Any) -> None:
    place, judged, features = saved()
    model = mlflow.pyfunc.load_model(str(place))
    assert np.array_equal(np.asarray(model.predict(features)), judged)
    native: Any = mlflow.sklearn.load_model(str(place))
    assert np.array_equal(native.predict_proba(features)[:, 1], judged)
    listed = (place / "requirements.txt").read_text(encoding="utf-8").split()
    assert {one.split("==")[0] for one in listed} >= {"mlflow", "scikit-learn", "skops"}
    assert not (place / "uv.lock").exists()


def test_another_file_in_place_of_the_judged_one_is_not_loaded(saved: Any) -> None:
    place, *_ = saved()
    file = place / "artifacts" / "model.skops"
    training.save_model(LogisticRegression(C=2).fit([[0.0], [1.0]], [0, 1]), file)
    with pytest.raises(Exception, match="not the file that was judged"):
        mlflow.pyfunc.load_model(str(place))


def test_a_type_that_was_not_approved_is_not_loaded(tmp_path: Path) -> None:
    import os
    from types import SimpleNamespace

    import skops.io
    from sklearn.preprocessing import FunctionTransformer
    from skops.io.exceptions import UntrustedTypesFoundException

    file = tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(os.system), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    config = {"sha256": digest, "package": "", "task": "regression", "columns": [], "types": []}
    context = SimpleNamespace(artifacts={"model": str(file)}, model_config=config)
    with pytest.raises(UntrustedTypesFoundException, match="system"):
        served.JudgedModel().load_context(context)


def test_the_served_file_imports_nothing_of_ours() -> None:
    file = SOURCE / "mlops" / "served_model.py"
    import ast

    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
    known = packaging._imported(ast.parse(file.read_text(encoding="utf-8")), NAME)
    outside = {name.split(".")[0] for name in known} - set(__import__("sys").stdlib_module_names)
    assert outside == {"mlflow", "pandas", "skops"}


def test_requirements_follow_the_imports_of_the_modules_that_define_the_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    files = {
        "__init__.py": "",
        "model.py": "import os\nimport scipy.sparse\nfrom .words import score\n",
        "words.py": "from shop import more\nimport hypothesis\n",
        "more.py": "def f():\n    import yaml\n",
        "features.py": "import duckdb\n",
    }
    for name, text in files.items():
        (package / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(packaging, "PACKAGE", package)
    pinned = packaging.requirements(["shop.model.ItemToItem", "polars.dataframe.frame.DataFrame"])
    names = {one.split("==")[0].lower() for one in pinned}
    assert names >= {"scipy", "hypothesis", "pyyaml", "polars", "scikit-learn"}
    assert "duckdb" not in names


def test_only_the_teams_files_go_with_a_model_of_their_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "src" / "packaged_shop"
    shutil.copytree(SOURCE / "mlops", package / "mlops")
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "words.txt").write_text("a word", encoding="utf-8")
    (package / "model.py").write_text(
        "from sklearn.base import BaseEstimator\n\n\nclass Fixed(BaseEstimator):\n"
        "    def fit(self, X, y):\n        return self\n\n"
        "    def predict(self, X):\n        return X['a'].to_numpy() * 2\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(packaging, "PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    import importlib

    fixed: BaseEstimator = importlib.import_module("packaged_shop.model").Fixed()
    training.save_model(fixed, training.MODEL_FILE)
    digest = hashlib.sha256(training.MODEL_FILE.read_bytes()).hexdigest()
    features = pd.DataFrame({"a": [1, 2]})
    card = {"task": "regression", "sha256": digest}
    config = packaging._config(card, ["packaged_shop.model.Fixed"], features)
    signature = packaging.signature_of(features, np.array([2, 4]))
    packaging.save_model("saved", Model(), signature, config)
    carried = {file.relative_to("saved").as_posix() for file in Path("saved/code").rglob("*.*")}
    assert carried == {f"code/packaged_shop/{n}" for n in ("__init__.py", "model.py", "words.txt")}
    answered: Any = mlflow.pyfunc.load_model("saved").predict(features)
    assert answered.tolist() == [2, 4]
