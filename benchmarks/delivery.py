"""What export, import, promotion and rollback cost beside MLflow's own calls for the same.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/delivery.py [--server VENV]``.
The peer does the least that moves a model with MLflow alone: it downloads the version and its run
(export), logs the files again and registers them (import), sets one alias (promote, rollback).
Models of growing size, registries with a growing number of versions; CPU seconds of this process,
imports left out, the middle one of three. With a server (an environment of the group `server`)
they are the client's alone.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
from measuring import cost_of, machine
from mlops_kit.core.settings import load_settings
from mlops_kit.operate.promote.bundle import export, take
from mlops_kit.operate.promote.promote import promote, rollback
from mlops_kit.train.features import features_sha256
from mlops_kit.train.model_file import MODEL_CARD, MODEL_FILE, save_model
from mlops_kit.train.tracking import quiet_mlflow, register, registered_name

TREES = (10, 100, 1000)
VERSIONS = (1, 10, 100)
DECISION = Path("reports/compare/decision.json")
FILES = {
    "conf/base.yaml": "project: P\nbusiness_metric: m\nmodel_name: p\ntask: regression\n"
    "functionality: new\n",
    "conf/dev.yaml": "dvc_remote: d\n"
    "tracking: {uri: 'sqlite:///m.db', experiment: p, registry_prefix: dev}\n",
    "params.yaml": "seed: 1\nsplit: {method: hash, holdout: 0.3}\nfeatures: {}\nmodel: {}\n",
    "src/bench/__init__.py": "",
    "src/bench/features.py": "def features(params):\n    return 'FROM t'\n",
    "pyproject.toml": '[project]\nname = "bench"\nversion = "0"\n[tool.mlops]\npackage = "bench"\n',
}


def prepare(trees: int) -> None:
    """Write a project with a fitted model and a decision to promote it."""
    import numpy as np
    from mlops_kit.core.files import sha256_of
    from sklearn.ensemble import RandomForestRegressor

    for name, text in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    rows = np.random.default_rng(1).normal(size=(500, 5))
    names = [f"f{number}" for number in range(5)]
    Path("data/open").mkdir(parents=True)
    pl.DataFrame(rows, schema=names, orient="row").write_parquet("data/open/features.parquet")
    model = RandomForestRegressor(trees, random_state=1).fit(rows, rows.sum(axis=1))
    types = save_model(model, MODEL_FILE)
    card = {
        "sha256": sha256_of(MODEL_FILE), "types": types, "features": names, "params": {},
        "training": {"features_sql": features_sha256()},
        "answers": {"dtype": "<f8", "shape": [-1]},
    }  # fmt: skip
    MODEL_CARD.write_text(json.dumps(card), encoding="utf-8")
    DECISION.parent.mkdir(parents=True)
    for name in ("report.md", "report.html"):
        (DECISION.parent / name).write_text("A report.\n" * 1000, encoding="utf-8")
    decide("rules", "")


def decide(against: str, digest: str) -> None:
    """Write a decision to promote the model, compared with what is in force."""
    card = json.loads(MODEL_CARD.read_text(encoding="utf-8"))
    decision = {
        "schema": 1, "decision": "promote", "case": "A", "reasons": ["It is better."],
        "primary": {"metric": "rmse", "estimate": 0.2, "lower": 0.1, "upper": 0.3,
                    "min_effect": 0.0},
        "holdout_sha256": "holdout", "candidate": {"name": "candidate", "digest": card["sha256"]},
        "incumbent": {"name": against, "digest": digest},
    }  # fmt: skip
    DECISION.write_text(json.dumps(decision), encoding="utf-8")


def fill(client: Any, name: str, versions: int) -> None:
    """Add versions before the one that moves; the last of them is the champion."""
    experiment = client.create_experiment(f"others {name}")
    client.create_registered_model(name)
    for number in range(versions):
        run = client.create_run(experiment).info
        tags = {"model_sha256": f"{number:064x}"}
        source = f"{run.artifact_uri}/model"
        client.create_model_version(name, source, run.run_id, tags=tags, await_creation_for=0)
    client.set_registered_model_alias(name, "champion", str(versions))


def theirs(client: Any, name: str, number: str) -> dict[str, Callable[[], Any]]:
    """Return MLflow's own calls for the same."""
    import mlflow
    from mlflow.artifacts import download_artifacts

    target = Path("theirs")
    other = f"{name}.theirs"

    def out() -> None:
        shutil.rmtree(target, ignore_errors=True)
        uri = f"models:/{name}/{number}"
        download_artifacts(artifact_uri=uri, dst_path=str(target / "model"))
        run = client.get_model_version(name, number).run_id
        client.download_artifacts(run, "", str(target))

    def into() -> None:
        with contextlib.suppress(mlflow.exceptions.MlflowException):
            client.create_registered_model(other)
        run = client.create_run("0").info
        client.log_artifacts(run.run_id, str(target))
        source = f"{run.artifact_uri}/model"
        made = client.create_model_version(other, source, run.run_id, await_creation_for=0)
        client.set_registered_model_alias(other, "challenger", made.version)

    def alias() -> None:
        client.set_registered_model_alias(other, "champion", "1")

    return {"export": out, "import": into, "promote": alias, "rollback": alias}


def measured(trees: int, versions: int, uri: str | None) -> dict[str, Any]:
    """Measure one case in a folder and a registry of its own."""
    prefix = uuid4().hex[:8]
    os.environ["MLOPS_TRACKING__URI"] = uri or f"sqlite:///{Path.cwd() / 'm.db'}"
    os.environ["MLOPS_TRACKING__REGISTRY_PREFIX"] = prefix
    prepare(trees)
    settings = load_settings()
    name = registered_name(settings)
    costs: dict[str, list[float]] = {}
    with quiet_mlflow():
        from mlflow import MlflowClient, set_tracking_uri

        set_tracking_uri(settings.tracking.uri)
        client = MlflowClient(settings.tracking.uri)
        fill(client, name, versions)
        decide("champion", f"{versions - 1:064x}")
        tags = {"decision": "promote", "holdout_sha256": "holdout"}
        number = register(settings, {}, tags)["version"]
    file = Path("a.bundle")
    peer = theirs(client, name, number)
    ours: dict[str, Callable[[], Any]] = {
        "export": lambda: export(settings, number, file),
        "import": lambda: take(settings, file),
        "promote": lambda: promote(settings, DECISION),
        "rollback": lambda: rollback(settings),
    }

    def again() -> None:
        client.set_registered_model_alias(name, "challenger", number)

    for _ in range(3):
        for step, act in ours.items():
            if step == "promote":
                again()
            with quiet_mlflow():
                costs.setdefault(f"their {step}", []).append(cost_of(peer[step]).cpu)
            costs.setdefault(step, []).append(cost_of(act).cpu)
    found = {key: round(statistics.median(values), 3) for key, values in costs.items()}
    return {"trees": trees, "versions": versions, "server": uri is not None,
            "mb": round(MODEL_FILE.stat().st_size / 1e6, 2), **found}  # fmt: skip


@contextlib.contextmanager
def server(environment: Path | None) -> Iterator[str | None]:
    """Start a server where one is asked for, and sign in there."""
    if environment is None:
        yield None
        return
    from tracking_server import tracking_server

    with tracking_server(environment) as running:
        os.environ.update(running.sign_in())
        yield running.uri


def main() -> None:
    """Measure each case and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=Path, help="an environment with the group `server`")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    found, about = [], machine()
    cases = [(trees, 1) for trees in TREES] + [(TREES[0], count) for count in VERSIONS[1:]]
    with server(arguments.server) as uri:
        for trees, versions in cases:
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                found.append(measured(trees, versions, uri))
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    print(about)
    steps = ("export", "import", "promote", "rollback")
    print(f"{'MB':>7} {'versions':>8}" + "".join(f" {step:>9} {'theirs':>7}" for step in steps))
    for one in found:
        line = "".join(f" {one[step]:>9.2f} {one[f'their {step}']:>7.2f}" for step in steps)
        print(f"{one['mb']:>7} {one['versions']:>8}{line}")


if __name__ == "__main__":
    main()
