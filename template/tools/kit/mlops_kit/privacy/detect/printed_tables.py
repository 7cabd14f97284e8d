"""Tables that were printed as text: each value after the heading of its column.

A notebook, a log or a Markdown document shows `dni` once and numbers below it; without their
heading these would be any numbers.
"""

import re
from functools import lru_cache

from mlops_kit.privacy.detect.findings import LIKELY
from mlops_kit.privacy.detect.kinds.headers import entity_of, label_of

RULER = re.compile(r"[\s|:+=-]+")
MOST_CELLS, LONGEST = 60, 2_000  # of a line of headings
BORDER = re.compile(r"^\s*\||\|\s*$")


def under_headings(text: str) -> str:
    """Return the text with the heading of an identifier before each value in its column.

    Parameters
    ----------
    text : str
        Lines; a table is a line of headings and the lines below it that have as many cells, or
        one more (the number of the row). A line of another shape ends it.

    Returns
    -------
    str
        With the same lines, or the same text when no heading in it names an identifier.
    """
    lines: list[str] = []
    headings: dict[int, str] = {}
    width, changed = 0, False
    for line in text.split("\n"):
        cells = _cells(line)
        if headings and (len(cells) in (width, width + 1) or RULER.fullmatch(line)):
            shift = len(cells) - width
            for place, heading in headings.items():
                if 0 <= place + shift < len(cells) and cells[place + shift]:
                    cells[place + shift] = f"{label_of(heading)}: {cells[place + shift]}"
                    changed = True
            lines.append("\t".join(cells))
            continue
        width, headings = len(cells), {}
        if 1 < width <= MOST_CELLS and len(line) <= LONGEST:
            headings = {place: cell for place, cell in enumerate(cells) if _is_identifier(cell)}
        lines.append(line)
    return "\n".join(lines) if changed else text


def _cells(line: str) -> list[str]:
    if "|" in line:
        return [cell.strip() for cell in BORDER.sub("", line).split("|")]
    return line.split()


@lru_cache(maxsize=10_000)
def _is_identifier(cell: str) -> bool:
    if not cell or len(cell) > 40 or not cell[0].isalpha():
        return False
    entity, likelihood = entity_of(cell)
    return likelihood >= LIKELY and entity not in ("", "url", "username", "free_text", "credential")
