"""Run the kit's commands on a rendered project without `uv run`, DVC and a fresh interpreter.

Most of a stage's time is importing scikit-learn, DuckDB and their like. A server process imports
them once, and each command is a fork of it with the project's folder and variables, so that no
command sees what another one has loaded of the team's code. The kit is the project's own.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from running import Project

FORKS = get_context("forkserver")
# Libraries alone: a module of ours would keep what it has read of one project for the next one.
LIBRARIES = ("duckdb", "pandas", "polars", "pyarrow.parquet", "pydantic", "scipy.stats", "skops.io")
FORKS.set_forkserver_preload([*LIBRARIES, "typer"])


def command(project: Project, words: str | Sequence[str]) -> CompletedProcess[str]:
    """Run one command of `mlops`; the exit code and what it printed are the real ones."""
    separate = words.split() if isinstance(words, str) else list(words)
    return _fork(project, " ".join(separate), _command, separate)


def pipeline(project: Project) -> None:
    """Run the stages of dvc.yaml in their order, each whether or not it is up to date.

    What `mlops run` adds is not done: DVC's cache and dvc.lock, and the registration.
    """
    declared = yaml.safe_load((project.path / "dvc.yaml").read_text(encoding="utf-8"))
    stages = (stage["cmd"].removeprefix("mlops ") for stage in declared["stages"].values())
    _check(_fork(project, "the records", _records))
    for stage in stages:
        _check(command(project, stage))


def _check(done: CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise AssertionError(f"{done.args} exited with {done.returncode}: {done.stderr}")


def served(project: Project) -> dict[str, Any]:
    """Register the last run's model as `mlops run` does; return what it answers for the holdout.

    `served` by MLflow, and `compared` as an incumbent; `classes` and `shape` as it is described.
    """
    with TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.json"
        _fork(project, "register", _register_and_ask, answers).check_returncode()
        return json.loads(answers.read_text(encoding="utf-8"))


def registered(project: Project, alias: str = "champion") -> None:
    """Register the last run's model as `mlops run` does, and give it an alias."""
    _check(_fork(project, "register", _register, alias))


def _fork(
    project: Project, name: str, target: Callable[..., None], *given: Any
) -> CompletedProcess[str]:
    with TemporaryDirectory() as folder:
        streams = (Path(folder) / "stdout", Path(folder) / "stderr")
        surroundings = (project.path, project.environment(), streams)
        fork = FORKS.Process(target=_main, args=(surroundings, target, *given))
        fork.start()
        fork.join()
        said = [stream.read_text(encoding="utf-8") for stream in streams]
    assert fork.exitcode is not None
    return CompletedProcess(name, fork.exitcode, *said)


def _main(
    surroundings: tuple[Path, dict[str, str], tuple[Path, Path]],
    target: Callable[..., None],
    *given: Any,
) -> None:
    folder, environment, streams = surroundings
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, str(folder / "tools/kit"))
    with (
        streams[0].open("w", encoding="utf-8") as out,
        streams[1].open("w", encoding="utf-8") as err,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        target(*given)


def _command(words: list[str]) -> None:
    from mlops_kit.cli import main

    sys.argv = ["mlops", *words]
    main()


def _register_and_ask(answers: Path) -> None:
    import pandas as pd
    from mlops_kit.compare import decision_file
    from mlops_kit.compare.systems import spec
    from mlops_kit.compare.systems.adapters import predict_with
    from mlops_kit.core.settings import load_settings
    from mlops_kit.run import record
    from mlops_kit.train.model_file import read_card
    from mlops_kit.train.tracking import DECISION_FILE, quiet_mlflow

    settings = load_settings()
    known = record(settings, decision_file.read(DECISION_FILE))
    table = pd.read_parquet("data/open/features.parquet")
    rows = table[table["split"] == "holdout"].reset_index(drop=True)
    with quiet_mlflow():
        import mlflow.pyfunc

        model: Any = mlflow.pyfunc.load_model(f"models:/{known['name']}/{known['version']}")
        said = model.predict(rows[read_card()["features"]])
    classes = (model.metadata.metadata or {}).get("classes")
    incumbent = spec.Mlflow(kind="mlflow", alias="challenger")
    compared = predict_with(incumbent, table, rows, settings.task, {"classes": classes})
    content = {"classes": classes, "served": said.tolist(), "compared": compared.tolist()}
    content["shape"] = list(model.metadata.signature.outputs.inputs[0].shape)
    answers.write_text(json.dumps(content), encoding="utf-8")


def _register(alias: str) -> None:
    from mlops_kit.compare import decision_file
    from mlops_kit.core.settings import load_settings
    from mlops_kit.run import record
    from mlops_kit.train.tracking import DECISION_FILE, quiet_mlflow

    known = record(load_settings(), decision_file.read(DECISION_FILE))
    with quiet_mlflow():
        from mlflow import MlflowClient

        MlflowClient().set_registered_model_alias(known["name"], alias, known["version"])


def _records() -> None:
    from mlops_kit.run import write_records

    write_records()
