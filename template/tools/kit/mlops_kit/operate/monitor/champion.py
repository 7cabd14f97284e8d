"""The model that is looked at: what it learned from, and how good it was when it was judged."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Settings
from mlops_kit.train.model_file import MODEL_CARD, read_card
from mlops_kit.train.tracking import quiet_mlflow, registered_name

if TYPE_CHECKING:
    import numpy
    import polars

AGAIN = "run `uv run mlops run`, then `uv run mlops promote`"


class Champion(NamedTuple):
    """A model as a monitor needs it.

    Attributes
    ----------
    name, version : str
        Which; the version is empty where it is not registered.
    learned : dict
        Its summary of training, see `train.checks.reference`.
    classes : list or None
        Of more than 0 and 1.
    before : float or None
        The primary metric when it was judged.
    notes : list of str
    """

    name: str
    version: str
    learned: dict[str, Any]
    classes: Any
    before: float | None
    notes: list[str]


def champion(settings: Settings, alias: str, metric: str) -> Champion:
    """Find the model of an alias in the registry; without a registry, that of models/model.json.

    Raises
    ------
    MlopsError
        When there is none, or it was made by a release that kept no summary.
    """
    uri, name = settings.tracking.uri, registered_name(settings)
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).is_file():
        return _of_card(name, f"{database} does not exist")
    with quiet_mlflow():
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            mlflow.set_tracking_uri(uri)
            client = mlflow.MlflowClient()
            try:
                aliases = dict(client.get_registered_model(name).aliases)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                aliases = {}
            if alias not in aliases:
                return _of_card(name, f"{name} has no {alias}")
            number = str(aliases[alias])
            version = client.get_model_version(name, number)
            info = mlflow.models.get_model_info(f"models:/{name}/{number}")
            config = dict(info.flavors.get("python_function", {}).get("config") or {})
            metrics = client.get_run(str(version.run_id)).data.metrics if version.run_id else {}
        except MlflowException as error:
            reason = str(error).strip().splitlines()[0]
            raise MlopsError(
                f"MLflow at tracking.uri ({uri}) refuses: {reason} Run this again when it answers."
            ) from error
    learned = config.get("training", {}).get("reference")
    if learned is None:
        raise MlopsError(
            f"Version {number} of {name} was registered by a release that kept no summary of what "
            f"it learned from, so that nothing can be set against it: {AGAIN}."
        )
    before = metrics.get(f"candidate_{metric}")
    return Champion(name, number, learned, config.get("classes"), before, [])


def _of_card(name: str, why: str) -> Champion:
    if not MODEL_CARD.is_file():
        raise MlopsError(f"{why}, and {MODEL_CARD.as_posix()} is not there either: {AGAIN}.")
    card = read_card()
    learned = card["training"].get("reference")
    if learned is None:
        raise MlopsError(f"{MODEL_CARD.as_posix()} keeps no summary of training: {AGAIN}.")
    told = f"{why}: {MODEL_CARD.as_posix()} is looked at"
    return Champion(name, "", learned, card.get("classes"), None, [told])


def of_version(frame: "polars.DataFrame", version: str | None) -> "numpy.ndarray":
    """Which rows a version scored, shape (n,): all of them where rows do not say whose they are."""
    import numpy as np

    if version is None or "version" not in frame.columns:
        return np.ones(len(frame), bool)
    return (frame["version"].cast(str) == version).fill_null(False).to_numpy()
