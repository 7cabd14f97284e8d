"""The registered model as MLflow loads and serves it: it answers what was judged, no class instead.

MLflow runs a copy of this file ("models from code") beside models/model.skops and the team's own
files, wherever the model is used. So it may import only what the model's requirements list, and
nothing of this project: `packaging.py` logs it.
"""

import datetime
import decimal
import hashlib
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class JudgedModel(PythonModel):
    """The estimator of models/model.skops, asked as the comparison asked it."""

    def load_context(self, context: Any) -> None:
        """Load the estimator, if it is the judged file and made of the approved types only.

        Raises
        ------
        ValueError
            When the file is another one than was judged.
        skops.io.exceptions.UntrustedTypesFoundException
            When it holds a type that was not approved when it was registered.
        """
        import skops.io

        config, file = context.model_config, Path(context.artifacts["model"])
        if hashlib.sha256(file.read_bytes()).hexdigest() != config["sha256"]:
            raise ValueError(
                f"{file.name} is not the file that was judged and registered; "
                "download this version again, or use another one."
            )
        if config["package"]:
            # The team's files come first, from beside this one. Where the whole project is
            # installed too, the rest of its package can still be imported.
            package = importlib.import_module(config["package"])
            package.__path__ = pkgutil.extend_path(package.__path__, package.__name__)
        self.task, self.columns = config["task"], dict(config["columns"])
        self.estimator = skops.io.load(file, trusted=config["types"])

    # Without annotations, which MLflow would take for the signature.
    def predict(self, context, model_input, params=None):
        """Predict rows of features; other columns are ignored.

        Returns
        -------
        numpy.ndarray
            (n,) probabilities of class 1, (n,) predictions, or (n, k) items, best first.
        """
        rows = pd.DataFrame(model_input)
        if missing := [name for name in self.columns if name not in rows]:
            raise ValueError(f'The column "{missing[0]}" is missing; give every feature.')
        features = pd.DataFrame(
            {name: as_trained(rows[name], kind) for name, kind in self.columns.items()}
        )
        if self.task == "classification":
            return self.estimator.predict_proba(features)[:, 1]
        return self.estimator.predict(features)


def as_trained(column: pd.Series, kind: str) -> pd.Series:
    """Give a column the type that it had in training; a missing value stays missing.

    Parameters
    ----------
    column : Series
        (n,) values as JSON or a table brings them.
    kind : str
        A dtype of pandas, or what Python objects hold: `date`, `decimal`, `text`, `truth`
        (yes or no), `values` (a list each, or anything else).

    Raises
    ------
    ValueError
        When a value cannot be of that type; the sentence names the column, not the value.
    """
    if kind == "values":
        return column
    try:
        given = _objects(column)
        if kind == "date":
            return _objects(pd.to_datetime(given).dt.date)
        if kind == "decimal":
            return _objects(given, lambda value: decimal.Decimal(str(value)))
        if kind == "text":
            return given
        dtype = pd.api.types.pandas_dtype("bool" if kind == "truth" else kind)
        if dtype.kind in "iuf":
            numbers = pd.to_numeric(given)
            if dtype.kind != "f" and (numbers.isna() | (numbers % 1 != 0)).any():
                return numbers.astype("float64")  # as in a table with a missing value
            return numbers.astype(dtype)
        if dtype.kind == "b":
            if not given.map(lambda value: value in (None, True, False)).all():
                raise ValueError
            return given if kind == "truth" or column.isna().any() else given.astype(dtype)
        if dtype.kind == "M":
            return pd.to_datetime(given).astype(dtype)
        return column.astype(dtype)
    except (TypeError, ValueError, decimal.InvalidOperation) as error:
        raise ValueError(f'The column "{column.name}" holds a value that is no {kind}.') from error


def _objects(column: pd.Series, change: Any = lambda value: value) -> pd.Series:
    """Give the values as Python objects, changed, and None for what is missing."""
    values = [None if gone else change(v) for v, gone in zip(column, column.isna(), strict=True)]
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def kind_of(column: pd.Series) -> str:
    """Name the type of a training column for `as_trained`."""
    if column.dtype != object:
        return str(column.dtype)
    known = column.dropna()
    first = known.iloc[0] if len(known) else None
    if isinstance(first, datetime.date):
        return "date"
    if isinstance(first, decimal.Decimal):
        return "decimal"
    if isinstance(first, bool):
        return "truth"
    return "text" if isinstance(first, str) else "values"


set_model(JudgedModel())
