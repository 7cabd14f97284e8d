"""The model that a registry's alias names: its version, and its estimator."""

import hashlib
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from mlops_kit.compare.systems.spec import Mlflow
from mlops_kit.core.errors import MlopsError, refusal
from mlops_kit.core.settings import load_settings
from mlops_kit.train.model_file import MODEL_FILE, load_model
from mlops_kit.train.splits.fits import LEARNED_UNTIL


def load_version(spec: Mlflow) -> Any:
    """Load the estimator of the aliased version, whichever release registered it.

    Raises
    ------
    MlopsError
        One sentence that names the system, when there is no such version or it cannot be read.
    """
    from mlops_kit.train.tracking import quiet_mlflow

    uri, _ = version_of(spec)
    with quiet_mlflow():
        from mlflow.exceptions import MlflowException

        try:
            return _estimator_at(uri)
        except MlflowException as error:
            reason = str(error).strip().splitlines()[0]
            raise MlopsError(f"{spec.name}: {uri} cannot be loaded: {reason}") from error


def version_of(spec: Mlflow) -> tuple[str, str]:
    """Return the address of the aliased version and the digest of its model; raises as _aliased."""
    model, version = _aliased(spec)
    unknown = hashlib.sha256(f"{model}/{version.version}".encode()).hexdigest()
    # The number, not the alias: another promotion may move it while this one is loaded.
    return f"models:/{model}/{version.version}", version.tags.get("model_sha256", unknown)


def refuse_learned_later(spec: Mlflow, first: Any) -> None:
    """Refuse a version that learned from outcomes of the time from `first` on, or may have.

    Raises
    ------
    MlopsError
        It would be judged on outcomes that it knows.
    """
    until = _aliased(spec)[1].tags.get(LEARNED_UNTIL)
    if until is not None and datetime.fromisoformat(until) <= first:
        return
    knows = f"learned from outcomes up to {until}" if until else "does not say what it learned from"
    raise MlopsError(
        f"{spec.name}: the version with the alias {spec.alias} {knows}, and the first cut-off is "
        f"{first}: it would be judged on outcomes that it knows. Compare with the forecasts that "
        "it made at the time (kind: logged), or let baseline.py fit its recipe on the training "
        "rows of each cut-off."
    )


def _aliased(spec: Mlflow) -> tuple[str, Any]:
    """Return the model's name and the aliased version.

    Raises
    ------
    MlopsError
        One sentence that names the system, when the registry has no such version or refuses.
    """
    from mlops_kit.train.tracking import quiet_mlflow, registered_name

    settings = load_settings()
    model = spec.model or registered_name(settings)
    missing = MlopsError(
        f"{spec.name}: {model} has no version with the alias {spec.alias}; promote one with "
        "`uv run mlops promote`, or compare with `incumbent: baseline` until there is one."
    )
    database = settings.tracking.uri.removeprefix("sqlite:///")
    if database != settings.tracking.uri and not Path(database).is_file():
        raise missing
    with quiet_mlflow():
        import mlflow
        from mlflow.exceptions import MlflowException

        mlflow.set_tracking_uri(settings.tracking.uri)
        try:
            return model, mlflow.MlflowClient().get_model_version_by_alias(model, spec.alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise missing from error
            raise MlopsError(f"{spec.name}: {refusal(error, settings.tracking.uri)}") from error


def _estimator_at(uri: str) -> Any:
    """Load the estimator of a registered version.

    Not through MLflow's pyfunc, which runs the code that lies beside a model: of this project's
    versions only the skops file is read.
    """
    import mlflow.sklearn
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    with tempfile.TemporaryDirectory() as folder:
        place = download_artifacts(artifact_uri=uri, dst_path=folder)
        if "sklearn" in Model.load(place).flavors:  # registered before 0.3.1, or by others
            return mlflow.sklearn.load_model(place)
        return load_model(Path(place) / "artifacts" / MODEL_FILE.name)
