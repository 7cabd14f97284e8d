"""The train stage: fit the team's model, store it reproducibly, and predict the holdout."""

import io
import json
import re
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data.sources import Sample, load_sources
from .dataset import NOT_FEATURES, load_params
from .errors import MlopsError
from .evidence import notes, same_features
from .files import sha256_of, write_json, written_beside
from .settings import OPEN_ZONE, Settings, read_config
from .utc import connect

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow

    from .compare.config import CompareConfig

COMPARE_FILE = Path("conf/compare.yaml")
MODEL_FILE = Path("models/model.skops")
# Whose types a stored model may hold, besides this project's own.
TRUSTED_MODULES = ("sklearn", "numpy", "scipy", "pandas", "xgboost", "lightgbm", "catboost")
MODEL_CARD = Path("models/model.json")
PREDICTIONS = "predictions.parquet"
VALUE_COLUMN = {"classification": "score", "regression": "prediction", "recommendation": "items"}
ORACLE_COLUMN = {"classification": "probability", "regression": "spend", "recommendation": "items"}


def train_and_predict(settings: Settings) -> str:
    """Fit on the training rows, store the model, and write every system's holdout predictions.

    Writes `models/model.skops`, `models/model.json` and `predictions.parquet` in the open zone:
    the long table (id, y_true, system, score | prediction | items, group, time, same_features) that
    compare reads.

    Returns
    -------
    str
        One line about what was trained.
    """
    import pandas as pd

    from .compare.adapters import digest_of, predict_with, systems_to_predict
    from .compare.config import CompareConfig

    started = time.perf_counter()
    table = pd.read_parquet(OPEN_ZONE / "features.parquet")
    names = [name for name in table.columns if name not in NOT_FEATURES]
    train = table[table["split"] == "train"].reset_index(drop=True)
    holdout = table[table["split"] == "holdout"].reset_index(drop=True)
    _check_target(settings.task, train)
    estimator = fit(train[names], train["y_true"])
    config = read_config(COMPARE_FILE, CompareConfig)
    systems = {"candidate": predict(estimator, holdout[names], settings.task)}
    others = systems_to_predict(config)
    params = {"seed": load_params().seed}
    for name, spec in others.items():
        systems[name] = predict_with(spec, train, holdout, settings.task, params)
    oracle = _oracle(settings.task)
    if oracle is not None:
        systems["oracle"] = oracle
    compared = _compared_columns(config, holdout)
    long_table = _long_table(
        settings.task,
        holdout.assign(same_features=same_features(holdout, names)),
        systems,
        compared,
    )
    save_model(estimator, MODEL_FILE)
    import pyarrow.parquet

    with written_beside(OPEN_ZONE / PREDICTIONS) as beside:
        pyarrow.parquet.write_table(long_table, beside)
    card = {
        "sha256": sha256_of(MODEL_FILE),
        "systems": {"candidate": sha256_of(MODEL_FILE)}
        | {name: digest_of(spec) for name, spec in others.items()},
        "task": settings.task,
        "estimator": type(estimator).__name__,
        "features": names,
        "training_rows": len(train),
        "params": load_params().model,
        "holdout": notes(holdout, names, load_params().features.get("horizon_days")),
    }
    write_json(MODEL_CARD, card)
    seconds = time.perf_counter() - started
    return f"{type(estimator).__name__} on {len(train):,} rows ({seconds:.1f} s)"


def fit(features: "pandas.DataFrame", target: "pandas.Series") -> Any:
    """Build the team's estimator from params.yaml and fit it on the training rows."""
    from .. import model

    params = load_params()
    try:
        estimator: Any = model.build({**params.model, "seed": params.seed})
        return estimator.fit(features, target)
    except Exception as error:
        raise _team_error("model.py: building or fitting the model", error) from error


def predict(estimator: Any, features: "pandas.DataFrame", task: str) -> "numpy.ndarray":
    """Predict with a fitted estimator.

    Returns
    -------
    numpy.ndarray
        (n,) probabilities of class 1, (n,) predictions, or (n, k) items, best first.
    """
    try:
        if task == "classification":
            return estimator.predict_proba(features)[:, 1]
        return estimator.predict(features)
    except Exception as error:
        raise _team_error("model.py: predicting the holdout", error) from error


def save_model(estimator: Any, path: Path) -> None:
    """Store an estimator with skops so that equal models are equal files.

    skops writes memory addresses and times of day into its zip; both are replaced, so that the
    digest of a model says whether it changed.
    """
    import skops.io

    stored = zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator)))
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as out:
        schema = stored.read("schema.json").decode()
        order: dict[str, int] = {}
        names: dict[str, str] = {}
        for address in re.findall(r'"__id__": (\d+)', schema):
            order.setdefault(address, len(order))
        for position, name in enumerate(re.findall(r'"file": "([^"]+)"', schema)):
            names.setdefault(name, f"{position}{Path(name).suffix}")
        schema = re.sub(
            r'"__id__": (\d+)', lambda found: f'"__id__": {order[found.group(1)]}', schema
        )
        schema = re.sub(
            r'"file": "([^"]+)"', lambda found: f'"file": "{names[found.group(1)]}"', schema
        )
        out.writestr(zipfile.ZipInfo("schema.json"), schema)
        for name in names:
            out.writestr(zipfile.ZipInfo(names[name]), stored.read(name))


def load_model(path: Path = MODEL_FILE) -> Any:
    """Load the model of the last run: types of this project and of the libraries named here only.

    Raises
    ------
    MlopsError
        When there is no model, or the file asks for a type from anywhere else.
    """
    import skops.io

    if not path.is_file():
        raise MlopsError(f"{path.as_posix()} does not exist; run `uv run mlops run` first.")
    return skops.io.load(path, trusted=trusted_types(path))


def trusted_types(path: Path) -> list[str]:
    """Name the types of a stored model that skops asks about, or refuse those of strangers."""
    import skops.io

    asked = skops.io.get_untrusted_types(file=path)
    own = Path(__file__).parents[1].name
    strange = [name for name in asked if name.split(".")[0] not in (*TRUSTED_MODULES, own)]
    if strange:
        raise MlopsError(
            f"{path.as_posix()} asks for {strange[0]}, which is neither this project's nor one of "
            f"{', '.join(TRUSTED_MODULES)}: do not use the file if you do not know where it is "
            "from; a model may be made of the other types only."
        )
    return asked


def _check_target(task: str, train: "pandas.DataFrame") -> None:
    if task == "classification":
        labels = sorted(train["y_true"].unique().tolist())
        if labels != [0, 1]:
            raise MlopsError(
                f"features.py: target() gives the labels {labels[:5]} in the training rows; "
                "a classification needs both 0 and 1, and nothing else."
            )


def _oracle(task: str) -> "numpy.ndarray | None":
    """Best possible predictions for the holdout rows, when the sample publishes all of them."""
    sources = load_sources()
    table = sources.tables.get("oracle")
    file = OPEN_ZONE / "tables" / "oracle.parquet"
    if (
        table is None
        or not isinstance(sources.sources[table.source], Sample)
        or not file.is_file()
        or load_params().split.method != "time"
    ):
        return None
    column = ORACLE_COLUMN[task]
    features = OPEN_ZONE / "features.parquet"
    with connect() as connection:
        connection.read_parquet(str(file)).create_view("published")
        rows = connection.read_parquet(str(features)).filter("split = 'holdout'")
        rows.project("id, time, row_number() OVER () AS position").create_view("wanted")
        joined = connection.execute(
            f"""
            SELECT published."{column}" AS value FROM wanted LEFT JOIN published
            ON wanted.id = published."{sources.entity.column}" AND wanted.time = published.time
            ORDER BY position
            """
        ).fetchnumpy()["value"]
    import numpy as np

    if any(value is None for value in joined) or np.ma.is_masked(joined):
        return None
    return np.array(joined.tolist()) if task == "recommendation" else np.asarray(joined)


def _compared_columns(config: "CompareConfig", holdout: "pandas.DataFrame") -> list[str]:
    """Name the columns of features.py in whose parts the systems are compared."""
    wanted = [name for name in config.columns if name not in ("id", "group", "time")]
    if absent := [name for name in wanted if name not in holdout]:
        raise MlopsError(
            f'conf/compare.yaml: slices or fairness name the column "{absent[0]}", which '
            "features.py does not give: add it there."
        )
    return wanted


def _long_table(
    task: str,
    holdout: "pandas.DataFrame",
    systems: "dict[str, numpy.ndarray]",
    compared: Sequence[str] = (),
) -> "pyarrow.Table":
    import numpy as np
    import pyarrow as pa

    parts = []
    for system, values in systems.items():
        values = np.asarray(values)
        if len(values) != len(holdout):
            raise MlopsError(
                f"{system}: {len(values):,} predictions for {len(holdout):,} holdout rows; "
                "return one for each row, in their order."
            )
        columns = {
            "id": pa.array(holdout["id"]),
            "y_true": pa.array(holdout["y_true"]),
            "system": pa.array([system] * len(holdout)),
            VALUE_COLUMN[task]: pa.array(list(values) if values.ndim > 1 else values),
            "group": pa.array(holdout["group"] if "group" in holdout else holdout["id"]),
        }
        if "time" in holdout:
            columns["time"] = pa.array(holdout["time"])
        noted = ["same_features"] if "same_features" in holdout else []
        columns |= {name: pa.array(holdout[name]) for name in (*noted, *compared)}
        parts.append(pa.table(columns))
    return pa.concat_tables(parts, promote_options="permissive")


def _team_error(where: str, error: Exception) -> MlopsError:
    if isinstance(error, MlopsError):
        return error
    reason = " ".join(str(error).split())[:300]
    return MlopsError(
        f"{where} fails: {type(error).__name__}: {reason} "
        "(`uv run mlops --debug train` shows where)."
    )


def read_card() -> dict[str, Any]:
    """Return what models/model.json says about the model of the last run."""
    if not MODEL_CARD.is_file():
        raise MlopsError(f"{MODEL_CARD.as_posix()} does not exist; run `uv run mlops run` first.")
    return json.loads(MODEL_CARD.read_text(encoding="utf-8"))
