"""A model is compared with, whichever release registered it: the older ones logged an estimator."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlops_kit.compare.systems import adapters, registry
from mlops_kit.compare.systems import spec as systems
from mlops_kit.core.errors import MlopsError
from mlops_kit.train import model_file, tracking
from mlops_kit.train.predictions import predict
from sklearn.linear_model import LinearRegression, LogisticRegression

TASKS = {"classification": LogisticRegression, "regression": LinearRegression}
SHA = "1f" * 32
REQUIREMENTS = ["mlflow-skinny", "scikit-learn", "skops"]


@pytest.fixture
def rows() -> pd.DataFrame:
    random = np.random.default_rng(3)
    table = pd.DataFrame(random.normal(0, 1, (80, 2)), columns=["age", "visits"])
    return table.assign(id=np.arange(80), y_true=(table["age"] + table["visits"] > 0).astype(int))


def _as_released_before(task: str, rows: pd.DataFrame) -> Any:
    """Log a model as 0.1.0, 0.2.0 and 0.3.0 did (their tracking.py), and return its estimator."""
    import mlflow
    from mlflow.models import infer_signature

    example = rows[["age", "visits"]]
    estimator = TASKS[task]().fit(example, rows["y_true"])
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            estimator,
            name="model",
            signature=infer_signature(example, predict(estimator, example, task)),
            pip_requirements=REQUIREMENTS,
            skops_trusted_types=[],
            code_paths=[],
            registered_model_name="dev.club",
        )
    return estimator, str(logged.registered_model_version)


def _as_released_now(task: str, rows: pd.DataFrame, folder: Path) -> Any:
    """Log a model as this release does: a file of code beside the stored estimator."""
    import mlflow

    estimator = TASKS[task]().fit(rows[["age", "visits"]], rows["y_true"])
    stored = folder / model_file.MODEL_FILE.name
    model_file.save_model(estimator, stored)
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(tracking.REGISTERED_CODE),
            artifacts={"model": str(stored)},
            model_config={
                "task": task,
                "features": [],
                "trusted_modules": model_file.trusted_modules(),
            },
            pip_requirements=REQUIREMENTS,
            registered_model_name="dev.club",
        )
    return estimator, str(logged.registered_model_version)


@pytest.mark.parametrize("task", TASKS)
def test_versions_of_this_and_of_earlier_releases_predict_what_their_estimators_do(
    task: str, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # The template's own environment has no database for MLflow; folders do for one test.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "registry").as_uri()
    settings = SimpleNamespace(
        task=task,
        model_name="club",
        tracking=SimpleNamespace(uri=uri, registry_prefix="dev"),
    )
    monkeypatch.setattr(registry, "load_settings", lambda: settings)
    logged = {}
    with tracking.quiet_mlflow():
        import mlflow
        import mlflow.pyfunc
        import mlflow.sklearn

        mlflow.set_tracking_uri(uri)
        logged["champion"] = _as_released_before(task, rows)
        logged["challenger"] = _as_released_now(task, rows.assign(age=-rows["age"]), tmp_path)
        client = mlflow.MlflowClient()
        for alias, (_, version) in logged.items():
            client.set_registered_model_alias("dev.club", alias, version)
            client.set_model_version_tag("dev.club", version, "model_sha256", SHA)
    for alias, (estimator, version) in logged.items():
        spec = systems.Mlflow(kind="mlflow", alias=alias)
        found = adapters.predict_with(spec, rows, rows, task, {})
        expected = predict(estimator, rows[["age", "visits"]], task)
        np.testing.assert_array_equal(found, expected)
        assert np.unique(found).size > 2  # scores, not classes
        assert registry.version_of(spec) == (f"models:/dev.club/{version}", SHA)
        assert adapters.digest_of(spec) == SHA
    champion = systems.Mlflow(kind="mlflow", alias="champion")
    config: Any = SimpleNamespace(candidate=[], incumbent=champion, trivial=None, oracle=None)
    adapters.write_systems_record(tmp_path / "systems.json", config)
    assert json.loads((tmp_path / "systems.json").read_text()) == {"champion": SHA}


def test_an_alias_that_nothing_has_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tracked = SimpleNamespace(uri="sqlite:///none.db", registry_prefix="dev")
    settings = SimpleNamespace(model_name="club", tracking=tracked)
    monkeypatch.setattr(registry, "load_settings", lambda: settings)
    with pytest.raises(MlopsError, match=r"dev\.club has no version with"):
        registry.version_of(systems.Mlflow(kind="mlflow"))
    assert not Path("none.db").exists()
