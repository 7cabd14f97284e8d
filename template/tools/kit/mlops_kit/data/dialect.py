"""How a csv is written, what its columns are called, and whether its quotes are in place."""

import csv
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.opened import byte_lines

if TYPE_CHECKING:  # the hook of git reads csv files by this module, and loads nothing heavy
    from mlops_kit.data.config import Table

BLOCK = 2**24  # bytes that are looked at once
NO_NAME = "no name"
REPEATED = re.compile(r" \((\d+) of (\d+)\)$")


@dataclass(frozen=True)
class Dialect:
    """How a csv is written, as far as it is declared; what is not follows RFC 4180."""

    delimiter: str | None = None
    quote: str = '"'
    escape: str | None = None
    encoding: str = "utf-8"
    compression: str | None = None
    names: tuple[str, ...] | None = None
    """Of the columns of a file without a header line."""
    labels: int = 0
    """Records under the header line that are no rows."""

    def parameters(self, delimiter: str) -> dict[str, Any]:
        """What Python's csv module must be told."""
        return {
            "delimiter": delimiter,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
        }


RFC_4180 = Dialect()


def own_names(cells: Iterable[str]) -> tuple[str, ...]:
    """Give each column of a header line a name of its own.

    A name that stands there several times is told apart by its place among those, and the number
    of them is part of it: with one more or less, no column is taken for another. Blank names are
    equal too.
    """
    names = [cell or NO_NAME for cell in cells]
    while len(set(names)) < len(names):
        often, seen = Counter(names), Counter[str]()
        for at, name in enumerate(names):
            if often[name] > 1:
                seen[name] += 1
                names[at] = f"{name} ({seen[name]} of {often[name]})"
    return tuple(names)


def without_place(name: str) -> str:
    """Return what the header line calls a column."""
    return REPEATED.sub("", name)


def dialect_of(table: "Table") -> Dialect:
    """What a table declares about its csv."""
    names = table.file_columns
    return Dialect(
        table.delimiter,
        table.quote,
        table.escape,
        table.encoding,
        table.compression,
        None if names is None else tuple(names),
        table.labels,
    )


def check_quotes(
    file: Path,
    opened: Callable[[], AbstractContextManager[IO[bytes]]],
    delimiter: str,
    dialect: Dialect,
) -> None:
    """Refuse what readers take in different ways: text after a closing quote, or none closing.

    Parameters
    ----------
    opened : callable
        Opens the records, which are read once, or twice where something looks odd.
    """
    if not dialect.quote:
        return
    if not dialect.escape:
        with opened() as stream:
            if _is_clean(stream, delimiter, dialect.quote):
                return
    with opened() as stream:
        reader = csv.reader(byte_lines(stream), strict=True, **dialect.parameters(delimiter))
        csv.field_size_limit(sys.maxsize)
        try:
            for _ in reader:
                pass
        except csv.Error as error:
            raise MlopsError(
                f"{file.as_posix()} cannot be read as csv (a quote before line "
                f"{reader.line_num:,} of the records is not closed, or text follows it): write a "
                'quote inside of a value twice (""), as RFC 4180 asks, or declare `escape` or '
                "another `quote` at its table."
            ) from error


def _is_clean(stream: IO[bytes], delimiter: str, quote: str) -> bool:
    """Whether each quote stands where RFC 4180 has one; if not, a slower reader looks closer.

    Before an opening quote stands the beginning of a cell, behind a closing one its end, and two
    side by side are one inside of a value, which closes and opens again.
    """
    import numpy as np

    beside = np.zeros(256, bool)
    beside[[ord(delimiter), ord("\n"), ord("\r"), ord(quote)]] = True
    inside, left = 0, b"\n"
    ended = False
    while not ended:
        block = stream.read(BLOCK)
        ended = not block
        part = np.frombuffer(left + (block or b"\n"), np.uint8)
        quotes = np.flatnonzero(part[1:-1] == ord(quote)) + 1
        opening, closing = quotes[inside::2], quotes[1 - inside :: 2]
        if not (beside[part[opening - 1]].all() and beside[part[closing + 1]].all()):
            return False
        inside = (inside + len(quotes)) % 2
        left = part[-2:].tobytes()
    return not inside
