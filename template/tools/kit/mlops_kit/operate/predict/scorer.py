"""The registered model that scores: what an alias names, and what it learned from."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.systems.adapters import systems_to_predict
from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError, refusal
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.words import counted
from mlops_kit.train.model_file import MODEL_FILE, load_model
from mlops_kit.train.tracking import hush_loggers, quiet_mlflow, registered_name

if TYPE_CHECKING:
    import numpy
    import pandas
    from mlflow import MlflowClient

SERVED = "an alias in conf/serve.yaml"
AGAIN = "run `uv run mlops run`, then `uv run mlops promote`"


class Scorer(NamedTuple):
    """A version of the registry.

    Attributes
    ----------
    name, number, alias, digest : str
        Which it is; the digest is of its model.
    config : dict
        What was registered with it: `task`, `features` (name and dtype), `training`.
    model : object
        Answers for rows of features as the registered model does where it is served.
    """

    name: str
    number: str
    alias: str
    digest: str
    config: dict[str, Any]
    model: Any

    def answers(self, features: "pandas.DataFrame") -> "numpy.ndarray":
        """Score rows; the model is never fitted.

        Returns
        -------
        numpy.ndarray
            (n,) probabilities of class 1, (n,) predictions, or (n, k) items, best first.

        Raises
        ------
        MlopsError
            When it fails, or answers with what is no number.
        """
        import numpy as np

        try:
            found = np.asarray(self.model.predict(None, features))
        except Exception as error:
            raise team.failure(f"version {self.number} of {self.name}", error) from error
        if len(found) != len(features):
            raise MlopsError(
                f"Version {self.number} of {self.name} gives {len(found):,} answers for "
                f"{counted(len(features), 'row')}: mend predict() of model.py."
            )
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            lost = int((~np.isfinite(found)).sum())
            raise MlopsError(
                f"Version {self.number} of {self.name} gives {lost:,} answers that are no numbers; "
                "give it features that it can score, or another model."
            )
        return found


def scorer(settings: Settings, alias: str) -> Scorer:
    """Load the version that an alias names.

    Raises
    ------
    MlopsError
        One sentence, when there is no such version, the registry refuses, or the version does not
        say what it learned from.
    """
    uri, name = settings.tracking.uri, registered_name(settings)
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():
        raise MlopsError(f"{database} does not exist, so that no model is registered: {AGAIN}.")
    with quiet_mlflow():
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            mlflow.set_tracking_uri(uri)
            number = _number(mlflow.MlflowClient(), name, alias)
            return _loaded(name, number, alias)
        except MlflowException as error:
            raise MlopsError(f"{refusal(error, uri)} Then run this again.") from error


def number_of(settings: Settings, alias: str) -> str:
    """Ask the registry which version an alias names, without loading it.

    Raises
    ------
    MlopsError
        When it does not answer, or there is no such version.
    """
    hush_loggers()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri, name = settings.tracking.uri, registered_name(settings)
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():
        raise MlopsError(f"{database} does not exist, so that no model is registered: {AGAIN}.")
    try:
        return _number(MlflowClient(uri), name, alias, SERVED)
    except MlflowException as error:
        raise MlopsError(refusal(error, uri)) from error


def _number(client: "MlflowClient", name: str, alias: str, said: str = "--model") -> str:
    from mlflow.exceptions import MlflowException

    try:
        known = dict(client.get_registered_model(name).aliases)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        known = {}
    if alias in known:
        return str(known[alias])
    there = ", ".join(f"{one} (version {number})" for one, number in sorted(known.items()))
    others = systems_to_predict(read_config(COMPARE_FILE, CompareConfig))
    if alias in others:
        raise MlopsError(
            f'"{alias}" of {COMPARE_FILE.as_posix()} is of kind {others[alias].kind} and in no '
            "registry: only registered models score other rows than the holdout. It predicts that "
            f"in the train stage (data/open/predictions.parquet); {said} takes "
            f"{there or 'an alias'}."
        )
    mend = f"use {said} with one of {there}" if there else AGAIN
    if there and alias == "champion":
        mend = f"promote one with `uv run mlops promote`, or {mend}"
    raise MlopsError(f"{name} has no version with the alias {alias}: {mend}.")


def _loaded(name: str, number: str, alias: str) -> Scorer:
    import mlflow
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    from mlops_kit.train.registered import Registered

    tags = mlflow.MlflowClient().get_model_version(name, number).tags
    with tempfile.TemporaryDirectory() as folder:
        # The number, not the alias: another promotion may move it while this one is loaded.
        place = download_artifacts(artifact_uri=f"models:/{name}/{number}", dst_path=folder)
        flavor = Model.load(place).flavors.get("python_function", {})
        config = dict(flavor.get("config") or {})
        if "training" not in config:
            raise MlopsError(
                f"Version {number} of {name} was registered by a release that did not note what "
                f"the model learned from, so that its features cannot be checked: {AGAIN}."
            )
        model = Registered()
        # Not load_context(), which trusts what lies beside the model to say whom to trust.
        model.estimator = load_model(Path(place) / "artifacts" / MODEL_FILE.name)
        model.config = config
    return Scorer(name, number, alias, tags.get("model_sha256", ""), config, model)
