"""Obtain a system's predictions for given rows, wherever the system lives."""

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dataset import NOT_FEATURES
from ..errors import MlopsError
from ..files import sha256_of, write_text
from ..training import predict
from .config import CompareConfig
from .external import ask_command, join_logged
from .registry import load_version, version_of
from .systems import Command, Logged, Mlflow, Rules, Sklearn, SystemSpec, Table, Trivial
from .trivial import trivial

if TYPE_CHECKING:
    import numpy
    import pandas

BASELINE_CODE = Path(__file__).parents[2] / "baseline.py"


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
        `seed` for what is random.

    Returns
    -------
    numpy.ndarray
        (n,) scores or predictions, or (n,) lists or (n, k) items, best first.

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
    return values


def systems_to_predict(config: CompareConfig) -> dict[str, SystemSpec]:
    """Name -> system, for all in the comparison except the model just trained and the oracle."""
    specs = [*config.candidate, config.incumbent]
    specs += [spec for spec in (config.trivial, config.oracle) if spec is not None]
    return {
        spec.name: spec
        for spec in specs
        if spec.kind != "table" or spec.name not in ("candidate", "oracle")
    }


def write_systems_record(path: Path, config: CompareConfig) -> None:
    """Write name -> digest of the systems that live outside the stages' dependencies.

    The train stage depends on this file, so that a new champion or another log of decisions is
    noticed.
    """
    record = {
        name: digest_of(spec)
        for name, spec in sorted(systems_to_predict(config).items())
        if spec.kind not in ("table", "trivial")
    }
    text = json.dumps(record, indent=2) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def digest_of(spec: SystemSpec) -> str:
    """Hexadecimal SHA-256 of what makes this system's predictions, as far as it can be read."""
    if isinstance(spec, Table):
        return sha256_of(BASELINE_CODE)
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
    function = _function("baseline.py", f"{_package()}.baseline.predict")
    return _called("baseline.py: predict()", function, train, rows)


def _rules(
    spec: Rules, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    function = _function(spec.name, spec.function)
    return _called(f"{spec.name}: {spec.function}()", function, train, rows)


def _package() -> str:
    return str(__package__).rsplit(".", 2)[0]


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
    where: str, function: Callable[..., Any], train: "pandas.DataFrame", rows: "pandas.DataFrame"
) -> "numpy.ndarray":
    import numpy as np

    features = _features(rows)
    try:
        needed = [
            p for p in inspect.signature(function).parameters.values() if p.default is p.empty
        ]
        learned = _features(train).assign(y_true=train["y_true"])
        values = function(learned, features) if len(needed) > 1 else function(features)
    except MlopsError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise MlopsError(
            f"{where} fails: {type(error).__name__}: {reason} "
            "(`uv run mlops --debug train` shows where)."
        ) from error
    return np.asarray(values)


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
    return ask_command(spec, rows, task)


def _sklearn(
    spec: Sklearn, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    import skops.io

    file = _existing(spec.name, spec.file)
    try:
        # What this project's own code defines is trusted: it is running already.
        own = [
            kind
            for kind in skops.io.get_untrusted_types(file=file)
            if kind.split(".")[0] in ("sklearn", "numpy", "scipy", _package().split(".")[0])
        ]
        estimator = skops.io.load(file, trusted=[*own, *spec.trusted])
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise MlopsError(
            f"{spec.name}: {file.as_posix()} cannot be loaded: {reason} If you trust the file, "
            "list its types under `trusted` in conf/compare.yaml."
        ) from error
    return _estimated(spec.name, estimator, rows, task)


def _mlflow(
    spec: Mlflow, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    return _estimated(spec.name, load_version(spec), rows, task)


def _estimated(name: str, estimator: Any, rows: "pandas.DataFrame", task: str) -> "numpy.ndarray":
    features = _features(rows)
    # An older model learned from other columns, perhaps fewer.
    learned = [str(column) for column in getattr(estimator, "feature_names_in_", features.columns)]
    if absent := [column for column in learned if column not in features.columns]:
        raise MlopsError(
            f'{name}: it was trained on the column "{absent[0]}", which features.py no longer '
            "gives: give it again, or compare with its logged decisions (kind: logged)."
        )
    try:
        return predict(estimator, features[learned], task)
    except MlopsError as error:
        raise MlopsError(f"{name}: {error}") from error


def _trivial(
    spec: Trivial, train: "pandas.DataFrame", rows: "pandas.DataFrame", task: str, params: Any
) -> "numpy.ndarray":
    return trivial(spec, train, rows, task, int(params.get("seed", 0)))


_ADAPTERS: dict[str, Callable[..., "numpy.ndarray"]] = {
    "table": _baseline,
    "rules": _rules,
    "logged": _logged,
    "command": _command,
    "sklearn": _sklearn,
    "mlflow": _mlflow,
    "trivial": _trivial,
}
