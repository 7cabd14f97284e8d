"""Measure how tables of databases are landed: wall and CPU seconds and peak memory, by rows.

Run with `uv run --frozen python benchmarks/ingest.py [ROWS ...]`. PostgreSQL and MariaDB are
started here, on 127.0.0.1.

Each way is a process of its own, from a table of an id, a decimal(12,2), a double, a timestamp and
a text to one zstd parquet. The peers are connectorx's stream into pyarrow's writer, which makes
every decimal (38,10), and pandas' chunks through SQLAlchemy. `landed` reads the same without a
cursor; `keyed` by key in parts, which a broken read goes on from; `staged` is the data stage on the
snapshot: the contract is checked, too.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from measuring import machine

SUPPORT = Path(__file__).resolve().parents[1] / "tests" / "support"
sys.path.insert(0, str(SUPPORT))
from databases import BASE, DEV, PARAMS, VARIABLE  # noqa: E402
from mariadb_server import MariaDB  # noqa: E402
from tracking_server import PostgreSQL  # noqa: E402

COLUMNS = {
    "id": {"type": "integer", "unique": True},
    "price": {"type": "decimal(12,2)"},
    "amount": {"type": "number"},
    "at": {"type": "timestamp"},
    "note": {"type": "string"},
}
NAMES = ", ".join(("id", "price", "amount", "at", "note"))
WAYS = {
    "connectorx": """
import connectorx, pyarrow.parquet as pq
stream = connectorx.read_sql(ADDRESS, QUERY, return_type="arrow_stream", batch_size=131072)
with pq.ParquetWriter("out.parquet", stream.schema, compression="zstd") as writer:
    for batch in stream:
        writer.write_batch(batch)
""",
    "pandas": """
import pandas, pyarrow, pyarrow.parquet as pq, sqlalchemy
writer = None
with sqlalchemy.create_engine(ALCHEMY).connect().execution_options(stream_results=True) as one:
    for chunk in pandas.read_sql(sqlalchemy.text(QUERY), one, chunksize=100_000):
        table = pyarrow.Table.from_pandas(chunk, preserve_index=False)
        writer = writer or pq.ParquetWriter("out.parquet", table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema))
writer.close()
""",
    "landed": """
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import load_sources
from mlops_kit.data.landing.land import How, land
list(land(load_settings(), load_sources(), None, How(full=True)))
""",
    "staged": """
from pathlib import Path
from mlops_kit.core.settings import load_settings
from mlops_kit.data.ingest import ingest
ingest(load_settings(), Path("tables"), Path("quarantine"))
""",
}
WAYS["keyed"] = WAYS["landed"]
MEASURE = """
import json, resource, sys, time
start = time.perf_counter()
exec(sys.argv[1])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def ways() -> tuple[str, ...]:
    """Name the ways in the order of the table."""
    return ("connectorx", "pandas", "landed", "keyed", "staged")


def measured(folder: Path, way: str, known: dict[str, str], password: str) -> list[float]:
    """Return wall seconds, CPU seconds of the client, and its peak memory in MB."""
    code = "".join(f"{name} = {value!r}\n" for name, value in known.items()) + WAYS[way]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, code], cwd=folder, check=False, capture_output=True,
        text=True, env={**os.environ, VARIABLE: password},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{way}: {done.stderr[-2000:]}")
    wall, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    return [wall, cpu, peak / 1024]


def project(folder: Path, entry: dict[str, Any], keyed: bool) -> None:
    """Write what reads the table."""
    table: dict[str, Any] = {"source": "db", "path": "rows", "columns": COLUMNS}
    if keyed:
        table |= {"cursor": "at", "key": ["id"]}
    sources = {
        "entity": {"table": "lines", "column": "id"},
        "sources": {"db": {**entry, "password": {"env": VARIABLE}}},
        "tables": {"lines": table},
    }
    for name, text in {
        "conf/base.yaml": BASE, "conf/dev.yaml": DEV, "params.yaml": PARAMS,
        "conf/sources.yaml": yaml.safe_dump(sources, sort_keys=False),
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def show(server: str, rows: int, entry: dict[str, Any], known: dict[str, str], word: str) -> None:
    """Print a line a way."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = None
        for way in ways():
            if way == "pandas" and rows > 1_000_000:  # it only takes as many times as long
                continue
            project(folder, entry, way == "keyed")
            wall, cpu, peak = measured(folder, way, known, word)
            first = first or wall
            print(
                f"{server:<11} {rows:>11,} {way:<11} {wall:8.1f} {cpu:8.1f} {peak:8.0f} "
                f"{wall / first:6.2f}",
                flush=True,
            )


def main(sizes: list[int]) -> None:
    """Start both servers and measure each size."""
    from urllib.parse import quote

    print(machine())
    print(
        f"{'server':<11} {'rows':>11} {'way':<11} {'wall s':>8} {'CPU s':>8} {'MB':>8} {'ratio':>6}"
    )
    postgres, maria = PostgreSQL(), MariaDB()
    try:
        for rows in sizes:
            import psycopg

            address = postgres.uri().replace("+psycopg", "")
            with psycopg.connect(address, autocommit=True) as one:
                one.execute("DROP TABLE IF EXISTS rows")
                one.execute(
                    "CREATE TABLE rows AS SELECT g AS id, (g %% 100000 / 100.0)::numeric(12,2) "
                    "AS price, g / 7.0::float8 AS amount, timestamp '2020-01-01' + g * "
                    "interval '1 second' AS at, 'a note about row ' || g AS note "
                    "FROM generate_series(1, %s) g",
                    [rows],
                )
                one.execute("ALTER TABLE rows ADD PRIMARY KEY (id)")
            entry = {
                "kind": "postgresql",
                "address": f"postgresql://mlflow@127.0.0.1:{postgres.port}/mlflow",
            }
            query = f"SELECT {NAMES} FROM rows"  # noqa: S608
            known = {"ADDRESS": address, "ALCHEMY": postgres.uri(), "QUERY": query}
            show("postgresql", rows, entry, known, postgres.password)
            cursor = maria.owner().cursor()
            cursor.execute(
                "CREATE OR REPLACE TABLE `rows` (id int PRIMARY KEY, price decimal(12,2) NOT NULL, "
                "amount double, at datetime(6), note varchar(60)) AS SELECT seq AS id, "
                "seq % 100000 / 100 AS price, seq / 7e0 AS amount, TIMESTAMP '2020-01-01 00:00:00' "
                "+ INTERVAL seq SECOND AS at, concat('a note about row ', seq) AS note "
                "FROM " + f"seq_1_to_{int(rows)}"
            )
            place = f"owner:{quote(maria.password, safe='')}@127.0.0.1:{maria.port}/shop"
            entry = {"kind": "mysql", "address": f"mysql://owner@127.0.0.1:{maria.port}/shop"}
            known = {"ADDRESS": f"mysql://{place}", "ALCHEMY": f"mysql+pymysql://{place}",
                     "QUERY": query.replace("rows", "`rows`")}  # fmt: skip
            show("mariadb", rows, entry, known, maria.password)
    finally:
        maria.close()
        postgres.close()


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [1_000_000, 4_000_000])
