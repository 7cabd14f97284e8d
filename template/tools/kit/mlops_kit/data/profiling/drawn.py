"""Some rows of a table, drawn by a code of their number: the same on every machine."""

from typing import TYPE_CHECKING

from mlops_kit.data.profiling.opened import NUMBER, Column, Opened

if TYPE_CHECKING:
    import polars

MOST_ROWS = 50_000
# Columns whose relations are looked at.
MOST_RELATED = 300


def drawn(table: Opened, columns: list[Column], rows: int = MOST_ROWS) -> "polars.DataFrame":
    """Draw rows; times are seconds, numbers that are not finite are missing.

    Returns
    -------
    polars.DataFrame, shape (at most about `rows`, len(columns) + 1)
        The columns by their names, and NUMBER.
    """
    chosen = [f"{one.value} AS {one.at}" for one in columns] + [NUMBER]
    # By the golden section (Knuth 1973, 6.4): evenly over the table, in step with no period of it.
    code = f"({NUMBER} * 2654435761) % 4294967296"
    limit = int(4294967296 * min(rows / table.rows, 1.0))
    frame = table.connection.sql(
        f"SELECT {', '.join(chosen)} FROM numbered WHERE {code} < {limit} ORDER BY {NUMBER}"
    ).pl()
    return frame.rename({one.at: one.name for one in columns})
