"""One table of a database that is read by connectorx."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources.base import Wanted
from mlops_kit.data.sources.sql import stream
from mlops_kit.data.sources.sql.statement import Dialect, Taken, newest, schema_of, select
from mlops_kit.data.sources.unfit import Unfit

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table

# By what connectorx says: a part of the type that such a column has, and what it holds.
UNFIT = {
    "NaN": ("decimal", "a number that is NaN, which no decimal can be"),
    "Couldn't convert the value": (
        "[", "a date or time that is none, such as 0000-00-00, or a time beyond a day"),
    "too many dimensions": ("list", "an array of several dimensions"),
}  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """An open connection for one table; see `Connection` of `sources/base.py`."""

    whose: str
    """The table and its source, for messages."""
    table: "Table"
    dialect: Dialect
    columns: list[Taken]
    ordered: bool
    one_value: Callable[[str], Any]
    """Runs a statement and gives the one value of its result."""
    address: str
    """With the password, for connectorx alone."""
    batch: int
    refusal: Callable[[str], MlopsError]
    """Makes an error of what connectorx says."""

    @property
    def schema(self) -> "pyarrow.Schema":
        """The columns that are read, with the types in which each batch comes."""
        return schema_of(self.columns)

    def newest(self) -> Any:
        """Return the highest cursor that the table has now."""
        import pyarrow

        cursor, statement = newest(self.columns, self.table, self.dialect)
        value = self.one_value(statement)
        if isinstance(value, int) and pyarrow.types.is_timestamp(cursor.type):
            return pyarrow.scalar(value, pyarrow.int64()).cast(cursor.type).as_py()
        return value

    def rows(self, wanted: Wanted) -> "Iterator[pyarrow.RecordBatch]":
        """Read rows, some at a time."""
        statement = select(self.table, self.columns, wanted, self.dialect, self.ordered)
        return stream.rows(
            self.address, statement, self.columns, self.batch, self.whose, self._broke
        )

    def _broke(self, said: str) -> MlopsError:
        """Name the columns that may hold what connectorx cannot take; it does not say which."""
        as_they_are = [
            one for one in self.columns if one.expression == self.dialect.quoted(one.name)
        ]
        for words, (kind, what) in UNFIT.items():
            may = [one.name for one in as_they_are if kind in str(one.type)]
            if words in said and may:
                return Unfit(may, self.whose, what)
        return self.refusal(said)
