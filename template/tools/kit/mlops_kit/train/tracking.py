"""What MLflow is told: one run per pipeline result, the model, and its place in the registry."""

import contextlib
import io
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError, refusal, without_credentials
from mlops_kit.core.files import progress, sha256_of, write_json
from mlops_kit.core.provenance import provenance
from mlops_kit.core.settings import Settings, environment
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.train.features import PARAMS_FILE, load_params
from mlops_kit.train.model_file import (
    MODEL_CARD,
    MODEL_FILE,
    given_bundle,
    read_card,
    trusted_modules,
)
from mlops_kit.train.packing import OURS, pack
from mlops_kit.train.splits.fits import LEARNED_UNTIL

if TYPE_CHECKING:
    import pyarrow
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, Array, DataType

DECISION_FILE = Path("reports/compare/decision.json")
REGISTRATION = Path("models/registration.json")
NO_TELEMETRY = ("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow reports its use unless told not to
# MLflow's own seven attempts take minutes, in which a person learns nothing.
FEWER_ATTEMPTS = ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
# A model that took pyproject.toml and uv.lock along would install the whole project to be served.
NO_PROJECT = ("MLFLOW_UV_AUTO_DETECT", "false")
# What a bundle needs besides: the card, the parameters, and what the result was made of.
BUNDLED, PROVENANCE = "bundle", "provenance.json"
# Tags of a run by which its code and data are found again.
VERSIONS = (
    *("commit", "release", "code_sha256", "data_sha256", "inputs_sha256", "raw_sha256"),
    *("judged_at", "judged_data_sha256", "judged_inputs_sha256"),
)
REGISTERED_CODE = Path(__file__).parent / "registered.py"


def register(
    settings: Settings,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    reason: str = "",
    seconds: float | None = None,
) -> dict[str, Any]:
    """Log the last run to MLflow and register its model with the alias `challenger`.

    A result that was registered before, in the same registry, is not registered again.

    Parameters
    ----------
    metrics, tags
        What the comparison found and decided; it stands above this room.
    reason : str
        Why it ran, kept with the run.
    seconds : float, optional
        How long the pipeline took that trained the model.

    Returns
    -------
    dict
        `name`, `version` and `run_id` of the registered model, kept in models/registration.json.
    """
    card = read_card()
    key = {
        "environment": environment(),
        "tracking_uri": without_credentials(settings.tracking.uri),
        "model_sha256": card["sha256"],
        "decision_sha256": sha256_of(DECISION_FILE),
    }
    known = _known(key, settings.tracking.uri)
    if known:
        return known
    told = {**tags, **({"reason": reason} if reason else {})}
    took = {} if seconds is None else {"seconds": round(seconds, 3)}
    registered = _log(settings, card, {**metrics, **took}, told, key["decision_sha256"])
    registered |= key | took
    write_json(REGISTRATION, registered)
    return registered


def registered_name(settings: Settings) -> str:
    """Name of the model in this environment's registry."""
    return f"{settings.tracking.registry_prefix}.{settings.model_name}"


def _known(key: dict[str, str], uri: str) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(REGISTRATION.read_text(encoding="utf-8"))
        database = uri.removeprefix("sqlite:///")
        lost = database != uri and not Path(database).is_file()
        if lost or any(found.get(name) != value for name, value in key.items()):
            return None
        if not uri.startswith(("http://", "https://")) or _is_there(found, uri):
            return found
    return None


def _is_there(found: dict[str, Any], uri: str) -> bool:
    """Ask a server whether it still has what this clone has registered there."""
    with quiet_mlflow():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            version = MlflowClient(uri).get_model_version(found["name"], found["version"])
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise MlopsError(refusal(error, uri)) from error
    return version.tags.get("model_sha256") == found["model_sha256"]


@contextlib.contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Hush MLflow and Alembic, which narrate on both streams; errors still come as exceptions."""
    for chosen in (NO_TELEMETRY, NO_PROJECT, FEWER_ATTEMPTS):
        os.environ.setdefault(*chosen)
    unheard = io.StringIO()
    with (
        contextlib.redirect_stdout(unheard),
        contextlib.redirect_stderr(unheard),
        warnings.catch_warnings(action="ignore"),
    ):
        hush_loggers()
        yield


def hush_loggers() -> None:
    """Turn the loggers of MLflow and Alembic down; errors come as exceptions, too."""
    import mlflow  # noqa: F401  (it sets them up)

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _log(
    settings: Settings,
    card: dict[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    decision_sha256: str,
) -> dict[str, Any]:
    logged: dict[str, Any] = {}
    with quiet_mlflow():
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            mlflow.set_tracking_uri(settings.tracking.uri)
            mlflow.set_experiment(settings.tracking.experiment)
            with mlflow.start_run() as run:
                mlflow.log_metrics(dict(metrics))
                mlflow.set_tags(dict(tags))
                told = {"decision": tags.get("decision"), "decision_sha256": decision_sha256}
                logged = _log_run(settings, card, run.info.run_id, told)
        except MlflowException as error:
            sentence = refusal(error, settings.tracking.uri)
            raise MlopsError(f"{sentence} The reports are written; then run again.") from error
    return logged


def _log_run(
    settings: Settings, card: dict[str, Any], run_id: str, told: Mapping[str, str | None]
) -> dict[str, Any]:
    import mlflow
    import mlflow.pyfunc

    params = load_params()
    sections = {"split": dict(params.split), "features": params.features, "model": card["params"]}
    named = {f"{part}.{key}": value for part in sections for key, value in sections[part].items()}
    mlflow.log_params({"seed": params.seed, **named})
    if found := card.get("search"):
        # All that was tried beside the number: the best of many is no news.
        told = {"method": found["method"], "metric": found["metric"], "fits": found["fits"]}
        mlflow.log_params(
            {f"search.{name}": value for name, value in told.items()}
            | {"search.settings": len(found["settings"])}
        )
        best = found["settings"][found["chosen"]]["value"]
        mlflow.log_metric(f"search_{found['metric']}", best)
        mlflow.log_dict(found, "search.json")
    mlflow.set_tags(
        {
            "model_sha256": card["sha256"],
            "features_sha256": sha256_of(OPEN_ZONE / "features.parquet"),
        }
    )
    mlflow.log_artifacts(str(DECISION_FILE.parent), "compare")
    for file in (MODEL_CARD, PARAMS_FILE):
        mlflow.log_artifact(str(file), BUNDLED)
    made_of = provenance()
    given = given_bundle()
    if given is not None:  # what was built elsewhere was built of what stands there
        judged = {"judged_at": made_of["commit"]}
        judged |= {f"judged_{name}": made_of[name] for name in ("data_sha256", "inputs_sha256")}
        made_of |= judged | given.facts["origin"]
        mlflow.set_tags({"bundle_sha256": given.sha256, "built_in": given.facts["environment"]})
    mlflow.log_dict(made_of, f"{BUNDLED}/{PROVENANCE}")
    mlflow.set_tags({key: made_of[key] for key in VERSIONS if made_of.get(key)})
    if made_of["by"]:
        mlflow.set_tag("built_by", made_of["by"])
    signature, dtypes = _signature(card)
    classes = {"classes": card["classes"]} if "classes" in card else {}
    with tempfile.TemporaryDirectory() as folder:
        packed = pack(card["types"], Path(folder), team.folder())
        if not packed.is_complete:
            progress(
                "register",
                f"model.py needs code of the template ({OURS}), which no other machine has: the "
                "registered model loads in this project only; move what it needs to the team's own",
            )
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(REGISTERED_CODE),
            artifacts={"model": str(MODEL_FILE)},
            model_config={
                "task": settings.task,
                "features": dtypes,
                "trusted_modules": trusted_modules(),
                **classes,
                "training": card["training"],
            },
            metadata=classes or None,
            signature=signature,
            pip_requirements=packed.requirements,
            code_paths=packed.code_paths or None,
            registered_model_name=registered_name(settings),
        )
    name = registered_name(settings)
    client = mlflow.MlflowClient()
    number = str(logged.registered_model_version)
    known = {
        "model_sha256": card["sha256"],
        "bundle_sha256": card.get("bundle"),
        LEARNED_UNTIL: card["training"].get(LEARNED_UNTIL),
        "commit": made_of["commit"],
        **told,
    }
    for tag, value in known.items():
        if value:
            client.set_model_version_tag(name, number, tag, value)
    client.set_registered_model_alias(name, "challenger", number)
    return {"name": name, "version": number, "run_id": run_id}


def _signature(card: dict[str, Any]) -> "tuple[ModelSignature, list[list[str]]]":
    """Describe what the model takes and gives, and name the pandas type of each feature.

    MLflow's whole numbers, dates and booleans refuse missing values, which any column of the table
    of features may have: they are declared as any value, and the model checks them itself.
    """
    import numpy as np
    import pandas as pd
    import pyarrow.parquet
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    features = card["features"]
    file = OPEN_ZONE / "features.parquet"
    kinds = pyarrow.parquet.read_schema(file)
    table = pd.read_parquet(file, columns=features)
    inputs = Schema([ColSpec(_spec(kinds.field(name).type), name=name) for name in features])
    outputs = Schema([TensorSpec(np.dtype(card["answers"]["dtype"]), card["answers"]["shape"])])
    # A list, because MLflow sorts the keys of a mapping.
    dtypes = [[str(name), str(dtype)] for name, dtype in table.dtypes.items()]
    return ModelSignature(inputs, outputs), dtypes


def _spec(kind: "pyarrow.DataType") -> "DataType | Array | AnyType":
    import pyarrow as pa
    from mlflow.types.schema import AnyType, Array, DataType

    if pa.types.is_float64(kind):
        return DataType.double
    if pa.types.is_float32(kind):
        return DataType.float
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return DataType.string
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return DataType.datetime
    if pa.types.is_list(kind) and pa.types.is_int64(kind.value_type):
        return Array(DataType.long)
    if pa.types.is_list(kind) and not pa.types.is_integer(kind.value_type):
        return Array(_spec(kind.value_type))
    return AnyType()
