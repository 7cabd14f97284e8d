"""One table of a database that is read by a cursor of Python's database interface (PEP 249)."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import quoted as plainly_quoted
from mlops_kit.data.sources.base import Wanted
from mlops_kit.data.sources.sql.statement import (
    Dialect,
    Taken,
    newest,
    schema_of,
    select,
    sorted_as_here,
)
from mlops_kit.data.sources.unfit import Unfit

if TYPE_CHECKING:
    import pyarrow

    from mlops_kit.data.config import Table


def folded(name: str) -> str:
    """Write a name where the database keeps names in capitals: one in small letters stands so."""
    return plainly_quoted(name.upper() if name == name.lower() else name)


@dataclass(frozen=True)
class Paged:
    """An open connection for one table; see `Connection` of `sources/base.py`."""

    whose: str
    """The table and its source, for messages."""
    table: "Table"
    dialect: Dialect
    columns: list[Taken]
    cursor: Callable[[], Any]
    """Opens a cursor."""
    batch: int
    refusal: Callable[[Exception], MlopsError]
    """Makes an error of what the driver raises."""

    @property
    def schema(self) -> "pyarrow.Schema":
        """The columns that are read, with the types in which each batch comes."""
        return schema_of(self.columns)

    @property
    def ordered(self) -> bool:
        """Whether rows come by their key."""
        return sorted_as_here(self.columns, self.table)

    def newest(self) -> Any:
        """Return the highest cursor that the table has now."""
        taken, statement = newest(self.columns, self.table, self.dialect)
        try:
            with closing(self.cursor()) as cursor:
                cursor.execute(statement)
                value = cursor.fetchone()[0]
        except Exception as error:
            raise self.refusal(error) from None
        return self._array([value], taken)[0].as_py()

    def rows(self, wanted: Wanted) -> "Iterator[pyarrow.RecordBatch]":
        """Read rows, page by page."""
        import pyarrow

        statement = select(self.table, self.columns, wanted, self.dialect, self.ordered)
        try:
            with closing(self.cursor()) as cursor:
                cursor.arraysize = self.batch
                cursor.execute(statement)
                while page := cursor.fetchmany(self.batch):
                    arrays = [
                        self._array(list(values), one)
                        for values, one in zip(zip(*page, strict=True), self.columns, strict=True)
                    ]
                    yield pyarrow.RecordBatch.from_arrays(arrays, schema=self.schema)
        except (MlopsError, GeneratorExit, OSError):
            raise
        except Exception as error:
            raise self.refusal(error) from None

    def _array(self, values: list[Any], one: Taken) -> "pyarrow.Array":
        import pyarrow

        zoned = pyarrow.types.is_timestamp(one.type) and one.type.tz is not None
        naive = pyarrow.timestamp("us") if zoned else one.type
        try:
            made = pyarrow.array(values, naive)
            return made.cast(one.type) if zoned else made
        except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
            raise Unfit([one.name], self.whose, f"a value that is no {one.type}") from None
