"""How fast rows are scored from a file, beside the estimator on one frame, and how much memory.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/predict.py [ROWS ...]``.
A table of twenty features in the open zone, a fitted model of gradient-boosted trees, and a csv
that asks for all of its rows: `mlops predict` without its registry, and `predict_proba` called once
on a frame that is in memory already; each in a process of its own, imports left out.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from measuring import cpu_seconds, machine
from mlops_kit.train.model_file import load_model, save_model

ROWS = (200_000, 800_000)
NAMES = [f"f{number}" for number in range(20)]
FILES = {
    "conf/base.yaml": "project: P\nbusiness_metric: m\nmodel_name: p\ntask: classification\n"
    "functionality: new\n",
    "conf/dev.yaml": "dvc_remote: d\n"
    "tracking: {uri: 'sqlite:///m.db', experiment: p, registry_prefix: dev}\n",
    "conf/sources.yaml": "entity: {table: t, column: id}\n"
    "sources: {mine: {kind: files, folder: raw}}\n"
    "tables: {t: {source: mine, path: t.csv, columns: {id: {type: integer, unique: true}, "
    + ", ".join(f"{name}: {{type: number}}" for name in NAMES)
    + "}}}\n",
    "params.yaml": "seed: 1\nsplit: {method: hash, holdout: 0.3}\nfeatures: {}\nmodel: {}\n",
    "src/bench/__init__.py": "",
    "src/bench/features.py": "def features(params):\n    return 'FROM t'\n",
}


def prepare(folder: Path, rows: int) -> None:
    """Write the project, its open tables, the csv that asks for all rows, and a fitted model."""
    from mlops_kit.train.checks.skew import seen
    from sklearn.ensemble import HistGradientBoostingClassifier

    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    tables = folder / "data/open/tables"
    tables.mkdir(parents=True)
    drawn = "".join(f", random() * {place} AS {name}" for place, name in enumerate(NAMES, 1))
    with duckdb.connect() as connection:
        connection.execute("SET threads TO 1")
        connection.execute("SELECT setseed(0.5)").fetchall()
        made = connection.table_function("range", [rows]).project(f"range AS id{drawn}")
        made.write_parquet(str(tables / "t.parquet"))
        table = connection.read_parquet(str(tables / "t.parquet"))
        table.project("id, false AS held_out").write_parquet(str(tables / "entities.parquet"))
        table.project("id").write_csv(str(folder / "asked.csv"))
        train = table.limit(20_000).df()
    outcome = train["f0"] + train["f1"] > 1.5
    estimator = HistGradientBoostingClassifier(max_iter=100, random_state=0)
    estimator.fit(train[NAMES], outcome)
    save_model(estimator, folder / "model.skops")
    (folder / "seen.json").write_text(json.dumps(seen(train, NAMES)), encoding="utf-8")


def by_the_kit(folder: Path) -> dict[str, float]:
    """Score the csv as `mlops predict` does; return CPU seconds: all of it, features, scoring."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.predict import parts, predict
    from mlops_kit.operate.predict.scorer import Scorer
    from mlops_kit.train.tracking import quiet_mlflow

    with quiet_mlflow():
        from mlops_kit.train.registered import Registered
    estimator = load_model(folder / "model.skops")
    known = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    model: Any = Registered()
    model.estimator = estimator
    model.config = {
        "task": "classification",
        "features": [[name, "float64"] for name in NAMES],
        "training": {
            "keys": {"id": "BIGINT"},
            "types": dict.fromkeys(NAMES, "DOUBLE"),
            "features_sql": "",
            "seen": known,
        },
    }
    scorer = Scorer("bench", "1", "champion", "d", model.config, model)
    predict.scorer = lambda settings, alias: scorer
    spent = {"features": 0.0, "scoring": 0.0}
    for name, part in (
        ("featured", "features"),
        ("check_alone", "features"),
        ("_score", "scoring"),
    ):
        setattr(parts, name, timed(getattr(parts, name), spent, part))
    estimator.predict_proba(pd.DataFrame([dict.fromkeys(NAMES, 0.5)]))  # loads what is lazy
    before = cpu_seconds()
    predict.predict(load_settings(), Path("asked.csv"))
    return {"all": cpu_seconds() - before, **spent}


def timed(function: Callable[..., Any], spent: dict[str, float], part: str) -> Callable[..., Any]:
    """Add up the CPU seconds of a function."""

    def run(*given: Any) -> Any:
        before = cpu_seconds()
        try:
            return function(*given)
        finally:
            spent[part] += cpu_seconds() - before

    return run


def by_the_estimator(folder: Path) -> dict[str, float]:
    """Score all rows of a frame in memory at once."""
    estimator = load_model(folder / "model.skops")
    frame = pd.read_parquet(folder / "data/open/tables/t.parquet", columns=NAMES)
    estimator.predict_proba(frame[:10])
    before = cpu_seconds()
    estimator.predict_proba(frame)
    return {"scoring": cpu_seconds() - before}


WAYS = {"prepare": prepare, "kit": by_the_kit, "estimator": by_the_estimator}


def apart(way: str, folder: Path, *more: str) -> dict[str, float]:
    """Do one way in a process of its own; return CPU seconds and peak memory in MB."""
    command = [sys.executable, str(Path(__file__).resolve()), "--way", way, str(folder), *more]
    settings = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "MLOPS_PACKAGE": "bench"}
    done = subprocess.run(
        command, cwd=folder, env=settings, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def one_way(way: str, folder: Path, rows: list[int]) -> None:
    """Print what one way costs."""
    found = WAYS[way](folder, *rows) or {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak": peak}))


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=list(ROWS))
    print(machine())
    print("| rows | estimator, rows per CPU s | scoring | ratio | features, CPU s | all | MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for rows in parser.parse_args().rows:
        with tempfile.TemporaryDirectory(prefix="predict-") as scratch:
            folder = Path(scratch)
            apart("prepare", folder, str(rows))
            alone, ours = apart("estimator", folder), apart("kit", folder)
        ratio = alone["scoring"] / ours["scoring"]
        print(
            f"| {rows:,} | {rows / alone['scoring']:,.0f} | {rows / ours['scoring']:,.0f} | "
            f"{ratio:.2f} | {ours['features']:.1f} | {ours['all']:.1f} | {ours['peak']:.0f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        one_way(sys.argv[2], Path(sys.argv[3]), [int(each) for each in sys.argv[4:]])
    else:
        main()
