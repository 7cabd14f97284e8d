"""What is logged to MLflow as the model, to load and serve where this project is not."""

import ast
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .settings import OPEN_ZONE
from .training import MODEL_FILE, PREDICTIONS, VALUE_COLUMN, trusted_types

if TYPE_CHECKING:
    import pandas
    from mlflow.models import Model, ModelSignature

PACKAGE = Path(__file__).parents[1]
SERVED = Path(__file__).with_name("served_model.py")
RUNTIME = ("scikit-learn", "skops", "numpy", "scipy", "pandas")
NOT_THE_TEAMS = ("mlops", "__pycache__", ".*", "*.pyc")


def log_model(card: dict[str, Any], name: str) -> str:
    """Log the model of the last run as code, and register it.

    `mlflow.pyfunc` and `mlflow models serve` answer what was judged; `mlflow.sklearn` gives the
    estimator itself.

    Parameters
    ----------
    card : dict
        What models/model.json says.
    name : str
        Of the registered model.

    Returns
    -------
    str
        The version in the registry.
    """
    from mlflow.models import Model

    features = _table(OPEN_ZONE / "features.parquet", card["features"])
    types = card["types"] if "types" in card else trusted_types(MODEL_FILE)
    logged = Model.log(
        artifact_path=None,
        name="model",
        flavor=SimpleNamespace(__name__="mlflow.pyfunc", save_model=save_model),
        registered_model_name=name,
        signature=signature_of(features, _judged(card["task"])),
        config=_config(card, types, features),
    )
    return str(logged.registered_model_version)


def save_model(path: str, mlflow_model: "Model", signature: Any, config: dict[str, Any]) -> None:
    """Write MLflow's folder of the model: this is the flavour that `log_model` logs.

    Parameters
    ----------
    signature : ModelSignature
        See `signature_of`.
    config : dict
        What served_model.py reads: `task`, `sha256`, `columns` (name and kind, in their order),
        `types` (the approved ones) and `package` (the team's, or "").
    """
    import mlflow.pyfunc

    types, package = config["types"], config["package"]
    mlflow_model.add_flavor(
        "sklearn",
        pickled_model="artifacts/" + MODEL_FILE.name,
        sklearn_version=version("scikit-learn"),
        serialization_format="skops",
        code="code" if package else None,
        skops_trusted_types=types,
    )
    with tempfile.TemporaryDirectory() as folder:
        theirs = Path(folder) / PACKAGE.name
        if package:
            shutil.copytree(PACKAGE, theirs, ignore=shutil.ignore_patterns(*NOT_THE_TEAMS))
        mlflow.pyfunc.save_model(
            path,
            mlflow_model=mlflow_model,
            python_model=str(SERVED),
            artifacts={"model": str(MODEL_FILE)},
            code_paths=[str(theirs)] if package else None,
            model_config=config,
            signature=signature,
            pip_requirements=requirements(types),
        )


def _config(card: dict[str, Any], types: list[str], features: "pandas.DataFrame") -> dict[str, Any]:
    from .served_model import kind_of

    return {
        "task": card["task"],
        "sha256": card["sha256"],
        # A list: MLflow sorts the keys of a mapping, and estimators know the order of columns.
        "columns": [[str(name), kind_of(features[name])] for name in features],
        "types": types,
        # A class of the team can only be loaded where its code is.
        "package": PACKAGE.name if any(_top(one) == PACKAGE.name for one in types) else "",
    }


def signature_of(features: "pandas.DataFrame", judged: Any) -> "ModelSignature":
    """Describe what the registered model takes and gives.

    MLflow's whole numbers refuse a missing value, its `double` refuses a table of whole numbers,
    and its server reads a missing yes or no as no: such columns, and lists, are declared as `any`
    and checked by the model itself.

    Parameters
    ----------
    features : DataFrame
        (n, p) the features as the model was trained on them.
    judged : numpy.ndarray
        (m,) or (m, k) what `predict` gave.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import Schema

    columns = [_column(features[name]) for name in features]
    outputs = infer_signature(model_input=None, model_output=judged).outputs
    return ModelSignature(inputs=Schema(columns), outputs=outputs)


def _column(column: "pandas.Series") -> Any:
    from mlflow.types import ColSpec, DataType
    from mlflow.types.schema import AnyType

    from .served_model import kind_of

    kinds = {
        "date": DataType.datetime,
        "text": DataType.string,
        "str": DataType.string,
    }
    letters = {"f": DataType.double, "M": DataType.datetime}
    named = kinds.get(kind_of(column), letters.get(column.dtype.kind))
    kind: Any = AnyType() if named is None else named
    return ColSpec(kind, name=str(column.name))


def requirements(types: list[str]) -> list[str]:
    """Pin what the stored types, and the team's modules that define them, import.

    Returns
    -------
    list of str
        `name==version`, in the order of the names.
    """
    tops = {_top(name) for name in types} - {PACKAGE.name}
    for module in {name.rsplit(".", 1)[0] for name in types}:
        if _top(module) == PACKAGE.name:
            tops |= _imports(module, set())
    known = packages_distributions()
    names = {*RUNTIME, *(name for top in tops for name in known.get(top, []))}
    return sorted(f"{name}=={version(name)}" for name in names if _is_installed(name))


def _imports(module: str, seen: set[str]) -> set[str]:
    """Top-level modules that a module of the team imports, itself or through the team's others."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if module in seen or not file.is_file() or f"{PACKAGE.name}.mlops" in f"{module}.":
        return set()
    seen.add(module)
    tops: set[str] = set()
    package = module if place.is_dir() else module.rpartition(".")[0]
    for name in _imported(ast.parse(file.read_bytes()), package):
        if _top(name) == PACKAGE.name:
            for end in range(1, name.count(".") + 2):
                tops |= _imports(".".join(name.split(".")[:end]), seen)
        else:
            tops.add(_top(name))
    return tops - set(sys.stdlib_module_names)


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Give the full names that `import` and `from` statements may mean."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield start
            if node.level or _top(start) == PACKAGE.name:
                yield from (f"{start}.{alias.name}" for alias in node.names)


def _top(name: str) -> str:
    return name.split(".")[0]


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _table(file: Path, columns: list[str] | None = None) -> "pandas.DataFrame":
    import pandas as pd

    return pd.read_parquet(file, columns=columns)


def _judged(task: str) -> Any:
    import numpy as np

    table = _table(OPEN_ZONE / PREDICTIONS, ["system", VALUE_COLUMN[task]])
    values = table.loc[table["system"] == "candidate", VALUE_COLUMN[task]].head(100)
    return np.stack(values.to_list()) if task == "recommendation" else values.to_numpy()
