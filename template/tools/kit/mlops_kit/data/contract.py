"""The contract of a table: casts, checks, and the rows set aside with their reasons."""

from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.utc import connect
from mlops_kit.data.sources.files import SOURCES_FILE, Column, Table

if TYPE_CHECKING:
    import pandera.polars
    import polars

SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "integers": "BIGINT[]",
}
MOMENTS = ("date", "datetime")
ZONE = "has words after its time: write a zone as an offset (+02:00 or Z), an hour as 0 to 23"
REASONS = {
    "not_nullable": "is empty",
    "field_uniqueness": "is not unique",
}


def validate(
    name: str, table: Table, frame: "polars.DataFrame"
) -> "tuple[polars.DataFrame, polars.DataFrame]":
    """Split a table into the rows that keep its contract and those that break it.

    Parameters
    ----------
    name : str
        The table's name, for messages.
    table : Table
        Its declaration in conf/sources.yaml.
    frame : polars.DataFrame
        The declared columns, as text or typed.

    Returns
    -------
    good, broken : polars.DataFrame
        `good` has the declared types. `broken` has the columns as they came and `reason`.

    Raises
    ------
    MlopsError
        When the table has no rows.
    """
    import polars as pl
    from pandera.errors import SchemaErrors

    if frame.is_empty():
        raise MlopsError(
            f'Table "{name}" of {SOURCES_FILE.as_posix()} has no rows; check its source.'
        )
    typed, failures = _cast(table, frame)
    uncast = {(row, column) for row, column, _ in failures}
    try:
        _schema(table).validate(typed, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases.select("index", "column", "check").unique()
        for row, column, check in cases.iter_rows():
            if row is None:  # the check itself failed: a pattern for numbers, a minimum for words
                raise MlopsError(
                    f"{SOURCES_FILE.as_posix()}: tables.{name}.columns.{column}: the check {check} "
                    f"does not fit the type {table.columns[column].type}; correct one of them."
                ) from errors
        failures += [
            (row, column, _reason(check))
            for row, column, check in cases.iter_rows()
            # An uncastable value is null by now; "is empty" would be a second, false reason.
            if (row, column) not in uncast
        ]
    if not failures:
        return typed, frame.clear().with_columns(pl.lit("").alias("reason"))
    reasons: dict[int, list[str]] = {}
    for row, column, reason in sorted(failures):
        reasons.setdefault(row, []).append(f"{column} {reason}")
    rows = list(reasons)
    broken = frame[rows].with_columns(
        pl.Series("reason", ["; ".join(reasons[row]) for row in rows], dtype=pl.String)
    )
    keep = pl.Series(range(frame.height)).is_in(rows).not_()
    return typed.filter(keep), broken


def _cast(
    table: Table, frame: "polars.DataFrame"
) -> "tuple[polars.DataFrame, list[tuple[int, str, str]]]":
    selected = ", ".join(
        f'{_cast_sql(column, contract.type, frame[column].dtype)} AS "{column}"'
        for column, contract in table.columns.items()
    )
    with connect() as connection:
        connection.register("incoming", frame)
        typed = connection.sql(f"SELECT {selected} FROM incoming").pl()
    failures = []
    for column, contract in table.columns.items():
        lost = typed[column].is_null() & frame[column].is_not_null()
        named = _names_a_zone(frame[column]) if contract.type in MOMENTS else None
        failures += [
            (
                row,
                column,
                ZONE if named is not None and named[row] else f"is not of type {contract.type}",
            )
            for row in lost.arg_true()
        ]
    return typed, failures


def _cast_sql(column: str, kind: str, came_as: "polars.DataType") -> str:
    import polars as pl

    if kind in MOMENTS and came_as == pl.String:
        return _moment_sql(column, kind)
    cast = f'try_cast("{column}" AS {SQL_TYPES[kind]})'
    if kind == "integer":  # a plain cast would round 3.7 to 4
        return f'CASE WHEN try_cast("{column}" AS DOUBLE) % 1 = 0 THEN {cast} END'
    if kind == "number":  # NaN and infinities are no measurements
        return f"CASE WHEN isfinite({cast}) THEN {cast} END"
    return cast


def _moment_sql(column: str, kind: str) -> str:
    """Read the text of a moment as DuckDB does, and take an offset that it holds to UTC.

    DuckDB alone drops the offset, and everything else that follows a space after the time.
    """
    text = f'upper(trim("{column}"))'
    # `+02:00`, `-0500`, `+05`, Z and UTC after a time of the day, with or without a space.
    text = f"regexp_replace({text}, '(:[0-9.]+) *(Z|UTC|GMT)$', '\\1+00')"
    text = f"regexp_replace({text}, '(:[0-9.]+) +([+-][0-9:]+)$', '\\1\\2')"
    moment = f"try_cast(try_cast({text} AS TIMESTAMPTZ) AS {SQL_TYPES[kind]})"
    plain = "^[0-9]+[-/][^A-Z+]*(T[^A-Z+]*)?([+-](0[0-9]|1[0-4])(:?[0-9]{2}){0,2})?$"
    return f"CASE WHEN regexp_matches({text}, '{plain}') THEN {moment} END"


def _names_a_zone(column: "polars.Series") -> "polars.Series | None":
    """Mark the texts that end with a word after a time of the day, such as PST or Europe/Paris."""
    import polars as pl

    if column.dtype != pl.String:
        return None
    return column.str.contains(r"\d:\d{2}[0-9:.+-]* ?\[?[A-Za-z][A-Za-z0-9_/+-]*\]?\s*$")


def _schema(table: Table) -> "pandera.polars.DataFrameSchema":
    import pandera.polars as pa

    return pa.DataFrameSchema(
        {
            name: pa.Column(checks=_checks(column), nullable=column.nullable, unique=column.unique)
            for name, column in table.columns.items()
        }
    )


def _checks(column: Column) -> "list[pandera.polars.Check]":
    import pandera.polars as pa

    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum))
    if column.allowed is not None:
        allowed = column.allowed
        # YAML reads [1, 2] as whole numbers, whatever the column's type is.
        if column.type == "number":
            allowed = [float(v) if isinstance(v, int) else v for v in allowed]
        elif column.type == "string":
            allowed = [str(v) for v in allowed]
        checks.append(pa.Check.isin(allowed))
    if column.pattern is not None:
        checks.append(pa.Check.str_matches(column.pattern))
    return checks


def _reason(check: str) -> str:
    return REASONS.get(check, f"breaks {check}")
