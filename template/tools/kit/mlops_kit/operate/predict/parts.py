"""Features and scores of the rows that are asked for, part by part, each whole or not there."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress, written_beside
from mlops_kit.core.settings import Settings
from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.data.config import Sources
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.data.parquet import Growing
from mlops_kit.operate.predict.logged import SUFFIX, row_log
from mlops_kit.operate.predict.scorer import Scorer
from mlops_kit.train.checks.rows import count
from mlops_kit.train.checks.skew import outside
from mlops_kit.train.features import features_of_rows, load_params
from mlops_kit.train.look_ahead import differs, open_tables, types_of
from mlops_kit.train.predictions import answers

if TYPE_CHECKING:
    import duckdb

PART = 262_144  # rows whose features are computed at once: each part reads the tables again
CELLS = 2_000_000  # values of features that are scored at once
COMPARED = 500  # rows whose features are computed again, with others beside them
COUNTS = b"mlops.outside"
OWN = ("place", "row")


def write_parts(
    settings: Settings, sources: Sources, scorer: Scorer, asked: Path, raw: bool, place: Path
) -> list[Path]:
    """Score every row of `asked` that features() gives, and write what is not written yet.

    Memory holds the features of one part, however many there are.

    Returns
    -------
    list of Path
        `place`, `row`, the keys and the answers, in the order of `place`; and in the file's
        metadata what skew is counted from.

    Raises
    ------
    MlopsError
        When features() fails, gives other columns than the model learned from, or gives a row
        something else when others are asked for beside it.
    """
    keys = list(scorer.config["training"]["keys"])
    done: list[Path] = []
    with connect(settings.data.threads, spill=place / "spilled") as connection:
        open_tables(connection, sources, before=None)
        connection.read_parquet(str(asked)).create_view("_asked")
        rows = count(connection, "SELECT count(*) FROM _asked")
        for start in range(0, rows, PART):
            part = place / f"part{start // PART:06d}.parquet"
            done.append(part)
            if part.is_file():
                continue
            features = featured(connection, keys, start)
            check_types(connection, features, scorer)
            if start == 0:
                check_alone(connection, keys, features)
            with written_beside(part.with_suffix(SUFFIX)) as log, written_beside(part) as beside:
                _score(connection, scorer, keys, raw, beside, log)
            if rows > PART:
                progress("predict", f"{min(start + PART, rows):,} of {counted(rows, 'row')}")
    return done


def counts_of(parts: list[Path]) -> dict[str, list[int]]:
    """Add up what skew is counted from."""
    import pyarrow.parquet

    total: dict[str, list[int]] = {}
    for part in parts:
        metadata = pyarrow.parquet.read_metadata(part).metadata
        for name, (missing, away) in json.loads(metadata[COUNTS]).items():
            known = total.get(name, [0, 0])
            total[name] = [known[0] + missing, known[1] + away]
    return total


def featured(connection: "duckdb.DuckDBPyConnection", keys: list[str], start: int) -> list[str]:
    """Compute the features of one part of the rows of `_asked`, into the table `features`."""
    named = ", ".join(keys)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE rows AS SELECT {named} FROM _asked "
        f"WHERE place >= {start} AND place < {start + PART} ORDER BY place"
    )
    return features_of_rows(connection, load_params(), named)


def check_types(
    connection: "duckdb.DuckDBPyConnection", features: list[str], scorer: Scorer
) -> None:
    """Refuse features of other names or types than those that the model learned from."""
    wanted, found = scorer.config["training"]["types"], types_of(connection, "features")
    features = [*features, *(name for name in found if name == "horizon" and name in wanted)]
    version = f"version {scorer.number} of {scorer.name}"
    mend = "train and promote a model of these features, or give the old ones again."
    for name in wanted:
        if name not in features:
            raise MlopsError(
                f'features.py: features() gives no column "{name}", from which {version} learned: '
                f"{mend}"
            )
        if found[name] != wanted[name]:
            raise MlopsError(
                f'features.py: column "{name}" is of type {found[name]}, and {version} learned '
                f"from {wanted[name]}: {mend}"
            )
    for name in features:
        if name not in wanted:
            raise MlopsError(
                f'features.py: features() gives a column "{name}", which {version} never saw: '
                f"{mend}"
            )


def check_alone(
    connection: "duckdb.DuckDBPyConnection", keys: list[str], features: list[str]
) -> None:
    """Refuse features that depend on which other rows are asked for: no batch is like training.

    Some rows of this part are computed again without the others, and with some that are not asked
    for.
    """
    named = ", ".join(keys)
    others = "".join(f", (SELECT {key} FROM _compared LIMIT 1)" for key in keys if key != "id")
    connection.execute("ALTER TABLE features RENAME TO seen")
    connection.execute("ALTER TABLE rows RENAME TO _part")
    connection.execute(
        f"CREATE TEMP TABLE _compared AS SELECT {named} FROM _asked WHERE place % 2 = 0 "
        f"LIMIT {COMPARED}"
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE rows AS FROM _compared UNION ALL SELECT {named} FROM (
            SELECT {quoted(_entity(connection))} AS id FROM {ENTITIES}
            WHERE id NOT IN (SELECT id FROM _part) LIMIT {COMPARED}){others}
        """
    )
    features_of_rows(connection, load_params(), named)
    types = types_of(connection, "seen")
    changed = [f"count(*) FILTER (WHERE {differs(name, types[name])})" for name in features]
    counts = connection.execute(
        f"SELECT {', '.join(changed)} FROM seen JOIN _compared USING ({named}) "
        f"LEFT JOIN features AS hidden USING ({named})"
    ).fetchall()[0]
    for name, rows in zip(features, counts, strict=True):
        if rows:
            raise MlopsError(
                f'features.py: column "{name}" changes for {counted(rows, "row")} when others '
                "are asked for beside them, so that no part of the rows gets what training saw: "
                "compute it from the tables, not from rows."
            )
    for table in ("features", "rows", "_compared"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("ALTER TABLE seen RENAME TO features")
    connection.execute("ALTER TABLE _part RENAME TO rows")


def _entity(connection: "duckdb.DuckDBPyConnection") -> str:
    return next(name for name in connection.table(ENTITIES).columns if name != "held_out")


def _score(
    connection: "duckdb.DuckDBPyConnection",
    scorer: Scorer,
    keys: list[str],
    raw: bool,
    target: Path,
    log: Path,
) -> None:
    """Write the answers for the rows of `features`, and these with them, some at a time."""
    import pyarrow as pa

    names = [name for name, _ in scorer.config["features"]]
    # A horizon is a feature beside what it is of a row.
    chosen = ", ".join(f"features.{quoted(name)} AS _{place}" for place, name in enumerate(names))
    on = " AND ".join(f"_asked.{key} = features.{key}" for key in keys)
    id_shown = "_asked.raw" if raw else "_asked.id"
    shown = "".join(f", _asked.{key}" for key in keys if key != "id")
    relation = connection.sql(
        f"SELECT _asked.place, _asked.row, {id_shown} AS id{shown}, _asked.id AS _open, {chosen} "
        f"FROM _asked JOIN features ON {on} ORDER BY _asked.place"
    )
    known = scorer.config["training"]["seen"]
    counts = {name: [0, 0] for name in known}
    own = 2 + len(keys)
    empty = relation.limit(0).to_arrow_table().select(range(own))
    with Growing(target) as written, Growing(log) as logged:
        for batch in relation.to_arrow_reader(max(1_000, CELLS // len(names))):
            table = pa.Table.from_batches([batch])
            features = table.select(range(own + 1, table.num_columns))
            frame = features.to_pandas().set_axis(names, axis=1)
            for name, more in outside(frame, known).items():
                counts[name] = [had + new for had, new in zip(counts[name], more, strict=True)]
            scored = table.select(range(own))
            given = pa.table(answers(scorer.config["task"], scorer.answers(frame)))
            rows = scored.drop_columns(list(OWN)).set_column(0, "id", table["_open"])
            told = row_log(rows, names, features, given)
            logged.add(told)
            for name in given.column_names:
                scored = scored.append_column(name, given[name])
            written.add(scored)
        for file in (written, logged):  # where no row came
            file.add(empty)
        written.says({COUNTS: json.dumps(counts)})
