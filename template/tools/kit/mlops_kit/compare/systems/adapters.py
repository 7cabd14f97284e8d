"""Obtain a system's predictions for given rows, wherever the system lives."""

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.systems.external import ask_command, join_logged
from mlops_kit.compare.systems.registry import (
    load_version,
    refuse_learned_later,
    version_of,
)
from mlops_kit.compare.systems.seasonal import scale_of
from mlops_kit.compare.systems.spec import (
    Command,
    Logged,
    Mlflow,
    Rules,
    Sklearn,
    SystemSpec,
    Table,
    Trivial,
)
from mlops_kit.compare.systems.trivial import trivial, trivial_classes
from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_text
from mlops_kit.core.settings import read_config
from mlops_kit.room import Systems
from mlops_kit.train.classes import Classes, as_table
from mlops_kit.train.features import NOT_FEATURES
from mlops_kit.train.model_file import given_bundle, load_model
from mlops_kit.train.predictions import predict
from mlops_kit.train.splits.split import CUTOFF

if TYPE_CHECKING:
    import numpy
    import pandas


def predict_with(
    spec: SystemSpec,
    train: "pandas.DataFrame",
    rows: "pandas.DataFrame",
    task: str,
    params: dict[str, Any],
) -> "numpy.ndarray":
    """Predict `rows` with the system that `spec` describes.

    Parameters
    ----------
    train : DataFrame
        Training rows with id, y_true, the feature columns, and time and group where there are.
    rows : DataFrame
        The rows to predict, with the same columns; no system is shown their y_true.
    params : dict
        `seed` for what is random; `classes` in their order, when they are more than 0 and 1;
        `known`, every outcome with the time from which it is known, for trivial systems alone.

    Returns
    -------
    numpy.ndarray
        (n,) scores or predictions, (n, n_classes) probabilities, or (n,) lists or (n, k) items,
        best first.

    Raises
    ------
    MlopsError
        One sentence that names the system and what it lacks, or how it failed.
    """
    rows = rows.drop(columns=["y_true", "split"], errors="ignore")
    values = _ADAPTERS[spec.kind](spec, train, rows, task, params)
    if len(values) != len(rows):
        raise MlopsError(
            f"{spec.name}: {len(values):,} predictions for {len(rows):,} holdout rows; "
            "return one for each row, in their order."
        )
    classes = params.get("classes")
    return values if classes is None else as_table(spec.name, values, classes)


def systems_to_predict(config: CompareConfig) -> dict[str, SystemSpec]:
    """Name -> system, for all in the comparison except the model just trained and the oracle."""
    specs = [*config.candidate, config.incumbent]
    specs += [spec for spec in (config.trivial, config.oracle) if spec is not None]
    return {
        spec.name: spec
        for spec in specs
        if spec.kind != "table" or spec.name not in ("candidate", "oracle")
    }


def systems_of_config(
    task: str,
    train: "pandas.DataFrame",
    holdout: "pandas.DataFrame",
    seed: int,
    classes: Classes | None = None,
    known: "pandas.DataFrame | None" = None,
) -> Systems:
    """Let every system of conf/compare.yaml predict the holdout."""
    config = read_config(COMPARE_FILE, CompareConfig)
    others = systems_to_predict(config)
    wanted = [name for name in config.columns if name not in ("id", "group", "time")]
    if absent := [name for name in wanted if name not in holdout]:
        raise MlopsError(
            f'conf/compare.yaml: slices or fairness name the column "{absent[0]}", which '
            f"features.py does not give ({', '.join(holdout.columns)}): correct the name, or add "
            "it there."
        )
    params = {"seed": seed, "classes": classes, "known": known}
    predictions = {
        name: predict_with(spec, train, holdout, task, params) for name, spec in others.items()
    }
    digests = {name: digest_of(spec) for name, spec in others.items()}
    return Systems(predictions, digests, wanted, scale_of(config, train, holdout))


def write_systems_record(path: Path, config: CompareConfig) -> None:
    """Write name -> digest of the systems that live outside the stages' dependencies.

    The train stage depends on this file, so that a new champion, another log of decisions, or a
    bundle in place of a model that is fitted here is noticed.
    """
    record = {
        name: digest_of(spec)
        for name, spec in sorted(systems_to_predict(config).items())
        if spec.kind not in ("table", "trivial")
    }
    if (given := given_bundle()) is not None:
        record["the bundle"] = given.sha256
    text = json.dumps(record, indent=2) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def digest_of(spec: SystemSpec) -> str:
    """Hexadecimal SHA-256 of what makes this system's predictions, as far as it can be read."""
    if isinstance(spec, Table):
        return sha256_of(team.folder() / "baseline.py")
    if isinstance(spec, Rules):
        return sha256_of(_code_of(spec))
    if isinstance(spec, Logged | Sklearn):
        return sha256_of(_existing(spec.name, spec.file))
    if isinstance(spec, Mlflow):
        return version_of(spec)[1]
    text = spec.model_dump_json()
    if isinstance(spec, Command):
        text += "".join(sha256_of(Path(word)) for word in spec.command if Path(word).is_file())
    return hashlib.sha256(text.encode()).hexdigest()


def _features(table: "pandas.DataFrame") -> "pandas.DataFrame":
    return table[[name for name in table.columns if name not in NOT_FEATURES]]


def _baseline(
    spec: Table, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    if spec.name != "baseline":
        raise MlopsError(
            f'conf/compare.yaml: the pipeline makes no system "{spec.name}"; say where it comes '
            "from with `kind`, or use baseline."
        )
    function = _function("baseline.py", f"{team.required()}.baseline.predict")
    return _called("baseline.py: predict()", function, train, rows, params)


def _rules(
    spec: Rules, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    function = _function(spec.name, spec.function)
    return _called(f"{spec.name}: {spec.function}()", function, train, rows, params)


def _function(name: str, dotted: str) -> Callable[..., Any]:
    module, _, function = dotted.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise MlopsError(f"{name}: there is no function {dotted}: {error}.") from error
    if not callable(found):
        raise MlopsError(f"{name}: {dotted} is not a function.")
    return found


def _called(
    where: str,
    function: Callable[..., Any],
    train: "pandas.DataFrame",
    rows: "pandas.DataFrame",
    params: dict[str, Any],
) -> "numpy.ndarray":
    import numpy as np

    features, classes = _features(rows), params.get("classes")
    try:
        needed = [
            p for p in inspect.signature(function).parameters.values() if p.default is p.empty
        ]
        learned = _features(train).assign(y_true=train["y_true"])
        values = function(learned, features) if len(needed) > 1 else function(features)
    except Exception as error:
        if classes is not None:
            where += f", asked for one of {len(classes)} classes or the probability of each,"
        raise team.failure(where, error) from error
    # Of several classes, the columns of a data frame may say which is which.
    return np.asarray(values) if classes is None else values


def _code_of(spec: Rules) -> Path:
    _function(spec.name, spec.function)
    return Path(str(sys.modules[spec.function.rpartition(".")[0]].__file__))


def _existing(name: str, file: Path) -> Path:
    if not file.is_file():
        raise MlopsError(f"{name}: {file.as_posix()} does not exist; mend conf/compare.yaml.")
    return file


def _logged(
    spec: Logged, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    return join_logged(spec, rows, task)


def _command(
    spec: Command, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    return ask_command(spec, rows, task, params.get("classes") is not None)


def _sklearn(
    spec: Sklearn, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    file = _existing(spec.name, spec.file)
    try:
        estimator = load_model(file, also=spec.trusted)
    except MlopsError as error:
        raise MlopsError(
            f"{spec.name}: {error} If you trust it, list it under `trusted` in conf/compare.yaml."
        ) from error
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise MlopsError(f"{spec.name}: {file.as_posix()} cannot be loaded: {reason}") from error
    return _estimated(spec.name, estimator, rows, task, params)


def _mlflow(
    spec: Mlflow, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    if CUTOFF in rows:
        refuse_learned_later(spec, rows[CUTOFF].min())
    return _estimated(spec.name, load_version(spec), rows, task, params)


def _estimated(
    name: str, estimator: Any, rows: "pandas.DataFrame", task: str, params: dict[str, Any]
) -> "numpy.ndarray":
    features = _features(rows)
    # An older model learned from other columns, perhaps fewer.
    learned = [str(column) for column in getattr(estimator, "feature_names_in_", features.columns)]
    if absent := [column for column in learned if column not in features.columns]:
        raise MlopsError(
            f'{name}: it was trained on the column "{absent[0]}", which features.py no longer '
            "gives: give it again, or compare with its logged decisions (kind: logged)."
        )
    try:
        return predict(estimator, features[learned], task, params.get("classes"))
    except MlopsError as error:
        raise MlopsError(f"{name}: {error}") from error


def _trivial(
    spec: Trivial, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    seed, classes = int(params.get("seed", 0)), params.get("classes")
    if classes is not None:
        return trivial_classes(spec, train, rows, classes, seed)
    return trivial(spec, train, rows, task, seed, params.get("known"))


_ADAPTERS: dict[str, Callable[..., "numpy.ndarray"]] = {
    "table": _baseline,
    "rules": _rules,
    "logged": _logged,
    "command": _command,
    "sklearn": _sklearn,
    "mlflow": _mlflow,
    "trivial": _trivial,
}
