"""The one way in which a document marks what a person must fill in, and when it is reviewed."""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

# [TO FILL, role: what]; in Spanish [COMPLETAR, rol: qué].
PLACEHOLDER = re.compile(r"\[(?:TO FILL|COMPLETAR), ([^:\[\]]+): ([^\[\]]+)\]")
REVIEW = re.compile(r"(?i)(?:review by|revisar antes del):\s*(\d{4}-\d{2}-\d{2})\b")
HEADING = re.compile(r"(?i)review by|revisar antes del")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
FENCE = re.compile(r"\s*(```|~~~)")


class Mark(NamedTuple):
    """A place in a document: its line, counted from 1, whose it is, and what stands there."""

    line: int
    owner: str
    what: str


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines outside of fenced blocks, with their numbers from 1."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def placeholders(text: str) -> list[Mark]:
    """Return every place that a person must fill in."""
    return [
        Mark(number, found[1].strip(), found[2].strip())
        for number, line in lines_of(text)
        for found in PLACEHOLDER.finditer(line)
    ]


def reviews(text: str) -> list[tuple[Mark, datetime.date | None]]:
    """Return the days of review: of `Review by: DAY`, and of tables with such a column.

    A text that only looks like a day, such as 2027-02-30, gives None.
    """
    found: list[tuple[Mark, datetime.date | None]] = []
    column: int | None = None
    for number, line in lines_of(text):
        for day in REVIEW.finditer(line):
            found.append((Mark(number, "", day[1]), _day(day[1])))
        if not line.lstrip().startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        headings = [at for at, cell in enumerate(cells) if HEADING.fullmatch(cell)]
        if headings:
            column = headings[0]
        elif column is not None and column < len(cells) and (day := DAY.search(cells[column])):
            found.append((Mark(number, "", day[0]), _day(day[0])))
    return found


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
