"""`mlops data sample`: draw samples of params.yaml, each with a card that says what it is."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_json, written_beside
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.sql import literal, quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE, open_table
from mlops_kit.data.config import Sources, load_sources
from mlops_kit.data.sampling.definition import PARAMS_FILE, Sample, Samples, check_name
from mlops_kit.data.sampling.draw import PROBABILITY, check_free, draw
from mlops_kit.data.sampling.stream import reservoir
from mlops_kit.room import raw_zone

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

FOLDER = "samples"
SOURCES = {
    "hash": "Bernoulli sampling by a hash of the key (Brewer, Early and Joyce 1972: permanent "
    "random numbers)",
    "random": "simple random sampling without replacement (Cochran 1977, chapter 2)",
    "systematic": "systematic sampling from a random start (Madow and Madow 1944)",
    "stratified": "stratified random sampling (Neyman 1934)",
    "weighted": "unequal chances without replacement, systematic in random order (Madow 1949; "
    "Hartley and Rao 1962)",
    "reservoir": "reservoir sampling in one pass (Vitter 1985)",
    "quota": "quota sampling (Moser and Stuart 1953)",
    "judgement": "judgement sampling: chosen by a person (Deming 1950)",
    "convenience": "convenience sampling: what was at hand",
    "snowball": "snowball sampling (Goodman 1961)",
}
UNKNOWN = (
    "Nobody knows how likely each row was to come in: use it to look at examples, not to estimate "
    "anything about the whole."
)


def sampled(names: list[str], over: dict[str, Any], settings: Settings) -> Iterator[dict[str, Any]]:
    """Draw samples and write each beside its card; all of params.yaml where none is named.

    Parameters
    ----------
    names : list of str
        Names of samples.
    over : dict
        Keys of a sample that stand over params.yaml, for one name.
    settings : Settings
        How many threads may be used.

    Yields
    ------
    dict
        The card of each, when it is written.

    Raises
    ------
    MlopsError
        When a sample is not defined, before any is drawn, or when one cannot be drawn.
    """
    config = read_config(PARAMS_FILE, Samples)
    chosen = {name: _defined(config, name, over) for name in names or config.samples}
    if not chosen:
        raise MlopsError(
            "params.yaml defines no samples: write `samples: {few_orders: {table: orders, share: "
            "0.01}}` there, or ask for one by --set, such as `mlops data sample few_orders --set "
            "table=orders --set share=0.01`."
        )
    sources = load_sources()
    for name, sample in chosen.items():
        seed = config.seed if sample.seed is None else sample.seed
        yield _drawn(name, sample, seed, sources, settings)


def said(card: dict[str, Any]) -> list[str]:
    """Say in a few lines what was drawn, and what it is good for."""
    of, unit = card["of"], card["asked"].get("unit")
    what = f"values of {unit}" if unit else "rows"
    rows = f", {counted(card['rows'], 'row')}" if unit else ""
    lines = [
        f"{card['name']:<12} {card['drawn']:,} of {card['population']:,} {what} of {of['name']}"
        f"{rows}: {card['file']}",
        f"  {card['method']}",
    ]
    for name, one in card.get("strata", {}).items():
        if one["drawn"] < one.get("asked", 0):
            lines.append(f"  {name}: {one['drawn']:,} of the {one['asked']:,} asked for are there")
    if "waves" in card:
        lines.append(f"  by wave: {', '.join(f'{rows:,}' for rows in card['waves'])}")
    if never := card.get("never"):
        lines.append(f"  {never:,} with a weight of 0 can never come in")
    if chance := card["chance"]:
        lowest, highest = chance["lowest"], chance["highest"]
        each = f"{lowest:.4g}" if lowest == highest else f"{lowest:.4g} to {highest:.4g}"
        weights = "" if lowest == highest else (
            f"; weigh each row by 1 / {PROBABILITY}, which leaves as much as "
            f"{card['effective']:,.0f} rows of equal chance"
        )  # fmt: skip
        lines.append(f"  chance of each: {each}{weights}")
    else:
        lines.append(f"  {UNKNOWN}")
    return lines


def given(settings: list[str], names: list[str]) -> dict[str, Any]:
    """Read `key=value` of the command line, for the one sample that is named.

    Raises
    ------
    MlopsError
        When it is no such text, or not one sample is named.
    """
    import yaml

    if settings and len(names) != 1:
        raise MlopsError("--set is about one sample: name it before --set.")
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or key not in Sample.model_fields:
            raise MlopsError(
                f'--set "{setting}" is not understood: write key=value, with one of '
                f"{', '.join(Sample.model_fields)}."
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        as_text = Sample.model_fields[key].annotation == (str | None)
        found[key] = text if as_text else value
    for key in ("by", "order_by"):
        if isinstance(found.get(key), str):
            found[key] = [name.strip() for name in found[key].split(",")]
    return found


def _defined(config: Samples, name: str, over: dict[str, Any]) -> Sample:
    """Return a sample as params.yaml and the command define it."""
    check_name("samples", name)
    if not over:
        if name not in config.samples:
            known = ", ".join(config.samples) or "none"
            raise MlopsError(f'samples: params.yaml defines no "{name}"; it defines: {known}.')
        return config.samples[name]
    defined = config.samples.get(name)
    base = defined.model_dump(exclude_unset=True) if defined is not None else {}
    try:
        return Sample.model_validate(base | over)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        told = first["msg"].removeprefix("Value error, ")
        raise MlopsError(f"--set: {key + ': ' if key else ''}{told}.") from error


def _drawn(
    name: str, sample: Sample, seed: int, sources: Sources, settings: Settings
) -> dict[str, Any]:
    file = sample.file
    # What was never protected stays where such rows lie.
    zone = OPEN_ZONE if file is None or raw_zone() == Path("data") else raw_zone()
    output = zone / FOLDER / f"{name}.parquet"
    place = _place(sample, sources)
    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        # What a killed one leaves is cleared away by the next run of the pipeline.
        TemporaryDirectory(prefix=f".{name}.", suffix=".tmp", dir=output.parent) as spill,
        connect(settings.data.threads, spill=Path(spill)) as connection,
    ):
        if file is not None:
            rows, population = reservoir(file, sample.size or 0, seed)
            if rows.num_rows < (sample.size or 0):
                raise MlopsError(
                    f"samples: {sample.size:,} are asked for and {file.as_posix()} has "
                    f"{counted(population, 'row')}: ask for fewer."
                )
            check_free(rows.column_names, {PROBABILITY}, file.as_posix())
            facts: dict[str, Any] = {"population": population, "drawn": rows.num_rows}
            connection.register("drawn", _with_chance(rows, population))
            facts["rows"] = rows.num_rows
            of = {"name": file.name, "sha256": sha256_of(file)}
            order = ""
        else:
            _open(connection, sample, sources)
            facts = draw(connection, sample, seed, _key(connection, sample, sources))
            of = {"name": str(sample.table), "sha256": sha256_of(place)}
            order = "ORDER BY ALL"  # the same bytes, however the rows came
        with written_beside(output) as beside:
            target = literal(beside.as_posix())
            connection.execute(f"COPY (SELECT * FROM drawn {order}) TO {target} (FORMAT parquet)")
        ((lowest, highest, total, squares),) = connection.execute(
            f"""SELECT min({PROBABILITY}), max({PROBABILITY}), sum(1 / {PROBABILITY}),
                       sum(1 / {PROBABILITY} ** 2) FROM drawn"""
        ).fetchall()
    known = lowest is not None
    card = {
        "name": name,
        "of": of,
        "asked": sample.said(),
        "seed": seed,
        "method": SOURCES[sample.method],
        **facts,
        "chance": {"lowest": lowest, "highest": highest} if known else None,
        # Kish 1965: rows of equal chance that would estimate a mean as well.
        "effective": total**2 / squares if known else None,
        "estimates": known,
        "file": output.as_posix(),
        "sha256": sha256_of(output),
    }
    write_json(output.with_suffix(".sample.json"), card)
    return card


def _with_chance(rows: "pa.Table", population: int) -> "pa.Table":
    import numpy as np
    import pyarrow as pa

    chance = np.full(rows.num_rows, rows.num_rows / max(population, 1))
    return rows.append_column(PROBABILITY, pa.array(chance))


def _place(sample: Sample, sources: Sources) -> Path:
    """Return the file that is drawn from, when it is there."""
    return sample.file if sample.file is not None else _table(str(sample.table), sources)


def _table(name: str, sources: Sources) -> Path:
    if name not in {*sources.tables, "features"}:
        known = ", ".join([*sources.tables, "features"])
        raise MlopsError(f'samples: there is no table "{name}"; there are: {known}.')
    place = open_table(name)
    if not place.is_file():
        raise MlopsError(f"samples: {place.as_posix()} is not there yet; first: uv run mlops run.")
    return place


def _open(connection: "duckdb.DuckDBPyConnection", sample: Sample, sources: Sources) -> None:
    """Make the views that a sample reads."""
    views = {"source": str(sample.table)}
    views |= {"edges": sample.edges.table} if sample.edges is not None else {}
    for view, table in views.items():
        read = f"read_parquet({literal(_table(table, sources).as_posix())})"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {read}")
    if sample.edges is not None:
        columns = [name for name, *_ in connection.execute("DESCRIBE edges").fetchall()]
        for one in (sample.edges.of, sample.edges.to):
            if one not in columns:
                raise MlopsError(
                    f'samples: {sample.edges.table} has no column "{one}"; its columns: '
                    f"{', '.join(columns)}."
                )


def _key(connection: "duckdb.DuckDBPyConnection", sample: Sample, sources: Sources) -> str | None:
    """Return what names a row: the entity's column, another unique one, or none."""
    table = sources.tables.get(str(sample.table))
    columns = [name for name, *_ in connection.execute("DESCRIBE source").fetchall()]
    unique = [name for name, one in table.columns.items() if one.unique] if table else []
    if sample.table == sources.entity.table:
        unique.insert(0, sources.entity.column)
    for name in unique:
        one = quoted(name)
        count = f"SELECT count(*) = count(DISTINCT {one}) FROM source"
        # Tokens and other protected values may no longer be unique.
        if name in columns and connection.execute(count).fetchall() == [(True,)]:
            return name
    if sample.method == "snowball":
        raise MlopsError(
            f"samples: {sample.table} has no column that names a row, to which the edges could "
            "lead: let it be the entity's table, or declare a column unique in conf/sources.yaml."
        )
    return None
