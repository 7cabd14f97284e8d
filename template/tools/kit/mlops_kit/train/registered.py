"""The model as the registry keeps it: one file that MLflow stores and runs (models from code).

It imports nothing of this project, because it is loaded where this project is not. It answers what
the pipeline's `predict` answers, so that what is served is what was judged.
"""

from typing import TYPE_CHECKING, Any

import mlflow
from mlflow.pyfunc import PythonModel

if TYPE_CHECKING:
    import numpy
    import pandas


class Registered(PythonModel):
    """A stored estimator that answers with probabilities, predictions or items.

    The model's configuration holds `task`, `features` (pairs of name and dtype, as in training),
    `trusted_modules` (whose types the stored file may hold), `training`, which `mlops predict`
    reads (what the model learned from), and, when there are more than 0 and 1, `classes` in their
    order.
    """

    def load_context(self, context: Any) -> None:
        """Load the estimator from `model.skops`; types of strangers are refused."""
        import skops.io

        file = context.artifacts["model"]
        self.config = dict(context.model_config)
        asked = skops.io.get_untrusted_types(file=file)
        trusted = self.config["trusted_modules"]
        strange = [name for name in asked if name.split(".")[0] not in trusted]
        if strange:
            raise ValueError(
                f"The stored model asks for {strange[0]}, which is of none of "
                f"{', '.join(trusted)}: do not use it if you do not know where it is from."
            )
        self.estimator = skops.io.load(file, trusted=asked)

    # MLflow's own method is not typed, and gives nothing.
    def predict(  # type: ignore[override]
        self, context: Any, model_input: "pandas.DataFrame", params: dict[str, Any] | None = None
    ) -> "numpy.ndarray":
        """Predict rows of features.

        Returns
        -------
        numpy.ndarray
            (n,) probabilities of class 1, (n, n_classes) probabilities in the order of `classes`,
            (n,) predictions, or (n, k) items, best first.
        """
        features = self._as_in_training(model_input)
        if self.config["task"] != "classification":
            return self.estimator.predict(features)
        chances = self.estimator.predict_proba(features)
        classes = self.config.get("classes")
        if classes is None:
            return chances[:, 1]
        known = list(getattr(self.estimator, "classes_", classes))
        ordered = chances[:, [known.index(each) for each in classes]]
        exact = ordered.astype("float64")
        # As the pipeline does: single precision adds up to 1 too coarsely.
        return exact / exact.sum(axis=1, keepdims=True) if ordered.dtype == "float32" else exact

    def _as_in_training(self, table: "pandas.DataFrame") -> "pandas.DataFrame":
        """Give each column the type that the estimator learned from; missing values may remain."""
        import pandas as pd

        columns = {}
        for name, kind in self.config["features"]:
            values = table[name]
            if kind.startswith(("int", "uint", "float", "bool")):
                values = _numbers(values, kind)
            elif kind.startswith("datetime64") and str(values.dtype) != kind:
                values = pd.to_datetime(values).astype(kind)
            elif kind == "str" and str(values.dtype) != kind:
                values = values.astype("str")
            columns[name] = values
        return pd.DataFrame(columns, index=table.index)


def _numbers(values: "pandas.Series", kind: Any) -> "pandas.Series":
    """Return numbers of a type; with missing values, whole numbers become floats as in pandas."""
    import pandas as pd

    if str(values.dtype) == kind:
        return values
    missing = values.isna()
    if kind == "bool":
        if not values[~missing].isin([True, False]).all():
            raise ValueError(f'Column "{values.name}" must hold true and false.')
        if not missing.any():
            return values.astype("bool")
        # As pandas reads a table: objects, None where something is missing.
        known = [
            None if empty else bool(value) for value, empty in zip(values, missing, strict=True)
        ]
        return pd.Series(known, values.index, dtype=object, name=values.name)
    try:
        numbers = pd.to_numeric(values)
        if kind.startswith("float") or missing.any():
            return numbers.astype(kind if kind.startswith("float") else "float64")
        whole = numbers.astype(kind)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f'Column "{values.name}" must hold numbers.') from error
    if not (whole == numbers).all():
        raise ValueError(f'Column "{values.name}" must hold whole numbers.')
    return whole


mlflow.models.set_model(Registered())
