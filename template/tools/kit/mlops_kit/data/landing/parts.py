"""Rows on their way to a file: cut into parts, and how high their cursor is."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mlops_kit.data.sources.base import Broken

if TYPE_CHECKING:
    import pyarrow

# Rows and bytes of a part: what a killed read loses at most.
PART = 1_000_000
BYTES = 256 << 20


class Highest:
    """The highest cursor of the rows that went by."""

    def __init__(self, cursor: str | None) -> None:
        self.cursor, self.value = cursor, None

    def noted(self, batches: "Iterable[pyarrow.RecordBatch]") -> "Iterator[pyarrow.RecordBatch]":
        import pyarrow.compute

        for batch in batches:
            if self.cursor is not None:
                found = pyarrow.compute.max(batch.column(self.cursor)).as_py()
                if found is not None and (self.value is None or found > self.value):
                    self.value = found
            yield batch

    @property
    def text(self) -> str | None:
        return text_of(self.value)


class Parts:
    """Batches cut into parts; an error is kept until the part before it is written."""

    def __init__(self, batches: "Iterator[pyarrow.RecordBatch]") -> None:
        self.batches = batches
        self.broke: Broken | None = None
        self.next: pyarrow.RecordBatch | None = None

    def more(self) -> bool:
        """Whether another part begins."""
        self.next = next(self.batches, None)
        return self.next is not None

    def part(self) -> "Iterator[pyarrow.RecordBatch]":
        """Give the batches of one part."""
        rows = size = 0
        while self.next is not None:
            yield self.next
            rows, size = rows + len(self.next), size + self.next.nbytes
            if rows >= PART or size >= BYTES:
                return
            try:
                self.next = next(self.batches, None)
            except Broken as error:
                self.broke = error
                return


def text_of(value: Any) -> str | None:
    """Write a cursor so that it can be read back exactly."""
    return (
        value.isoformat() if hasattr(value, "isoformat") else None if value is None else str(value)
    )


def value_of(text: str, kind: "pyarrow.DataType") -> Any:
    """Read a cursor, or what a person wrote for one, as its type."""
    import pyarrow

    return pyarrow.scalar(text).cast(kind).as_py()
