"""`mlflow models serve` in an environment of the model's own requirements gives what was judged."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from listening import free_port, gives, listening
from running import Project, first_and_repetitions, new_project, replace

VALUES = {"classification": "score", "regression": "prediction", "recommendation": "items"}
ROWS = 50
SMALL = "customers: 600, products: 60, order_lines: 9000"


@contextmanager
def served(model: Path, folder: Path) -> Iterator[int]:
    """Serve a stored model with its requirements and MLflow, and nothing of the project."""
    environment = folder / "venv"
    install = ["uv", "pip", "install", "--quiet", "--python", str(environment)]
    for command in (
        ["uv", "venv", "--quiet", "--python", sys.executable, str(environment)],
        [*install, "mlflow==3.17.2", "--requirement", str(model / "requirements.txt")],
    ):
        subprocess.run(command, check=True, cwd=folder)
    port = free_port()
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW", "VIRTUAL"))
    }
    own = {
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    log = folder / "server.log"
    serve = [str(environment / "bin" / "mlflow"), "models", "serve", "--model-uri", str(model)]
    serve += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    with listening(serve, folder, gives(f"http://127.0.0.1:{port}/ping"), log, kept | own):
        yield port


def ask(port: int, method: str, path: str, body: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def predicted(port: int, rows: pd.DataFrame) -> list[Any]:
    table = json.loads(rows.to_json(orient="split", index=False))
    status, text = ask(port, "POST", "/invocations", json.dumps({"dataframe_split": table}))
    assert status == 200, text
    return json.loads(text)["predictions"]


def registered(project: Project) -> Path:
    (found,) = project.path.glob("mlruns/*/models/*/artifacts")
    return found


@pytest.mark.parametrize("task", first_and_repetitions(*VALUES))
def test_the_served_model_gives_the_judged_predictions(task: str, tmp_path: Path) -> None:
    project = new_project(tmp_path / "shop", {"task": task, "personal_data": "none"})
    size = "customers: 5000, products: 300, order_lines: 60000"
    replace(project.path / "conf" / "sources.yaml", size, SMALL)
    project.mlops("run")
    table = pd.read_parquet(project.path / "data/open/features.parquet")
    predictions = pd.read_parquet(project.path / "data/open/predictions.parquet")
    judged = predictions[predictions["system"] == "candidate"][VALUES[task]].tolist()[:ROWS]
    known = ["id", "time", "group", "y_true", "split"]
    holdout = table[table["split"] == "holdout"].drop(columns=known, errors="ignore").head(ROWS)
    with served(registered(project), tmp_path) as port:
        given = predicted(port, holdout)
        assert np.abs(np.array(given, float) - np.array(judged, float)).max() <= 1e-12
        if task == "classification":  # 0.3.0 answered 0 and 1
            assert 0 < min(given) < max(given) < 1
        if task != "recommendation":
            # What the table of features may lack, a request may lack.
            whole = next(name for name, kind in holdout.dtypes.items() if kind.kind == "i")
            lacking = holdout.astype({whole: "Int64"}).head(2)
            lacking.loc[lacking.index[0], whole] = pd.NA
            some = predicted(port, lacking)
            assert some[1] == pytest.approx(judged[1], abs=1e-12)
            assert np.isfinite(some[0])
