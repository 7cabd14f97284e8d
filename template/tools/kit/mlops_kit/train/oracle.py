"""The best possible predictions, where the sample data publishes the probabilities it drew from."""

from typing import TYPE_CHECKING

from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.zones import open_table
from mlops_kit.data.config import Sample, load_sources
from mlops_kit.train.features import load_params
from mlops_kit.train.splits.split import IN_TIME

if TYPE_CHECKING:
    import numpy

ORACLE_COLUMN = {"classification": "probability", "regression": "spend", "recommendation": "items"}


def best_predictions(task: str) -> "numpy.ndarray | None":
    """Return the oracle's predictions of the holdout, when the sample publishes all of them."""
    sources = load_sources()
    table = sources.tables.get("oracle")
    file = open_table("oracle")
    if (
        table is None
        or not isinstance(sources.sources[table.source], Sample)
        or not file.is_file()
        or load_params().split.method not in IN_TIME
    ):
        return None
    column, entity = quoted(ORACLE_COLUMN[task]), quoted(sources.entity.column)
    features = open_table("features")
    with connect() as connection:
        connection.read_parquet(str(file)).create_view("published")
        rows = connection.read_parquet(str(features)).filter("split = 'holdout'")
        rows.project("id, time, row_number() OVER () AS position").create_view("wanted")
        joined = connection.execute(
            f"""
            SELECT published.{column} AS value FROM wanted LEFT JOIN published
            ON wanted.id = published.{entity} AND wanted.time = published.time
            ORDER BY position
            """
        ).fetchnumpy()["value"]
    import numpy as np

    if any(value is None for value in joined) or np.ma.is_masked(joined):
        return None
    return np.array(joined.tolist()) if task == "recommendation" else np.asarray(joined)
