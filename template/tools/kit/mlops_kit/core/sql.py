"""Names and texts in SQL, and where it fails."""

import re
from itertools import pairwise


def quoted(name: str) -> str:
    """Write the name of a column or table for SQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text for SQL, whatever it holds."""
    return "'" + text.replace("'", "''") + "'"


def place_of(sql: str, first: str, rest: list[str]) -> list[str]:
    """Show where in a text of SQL an error of DuckDB is: its line and a caret under it, or [].

    Parameters
    ----------
    sql : str
        The text.
    first, rest : str, list of str
        The lines of the error.
    """
    for line, caret in pairwise(rest):
        if line.startswith("LINE ") and not caret.strip("^ "):
            return [line, caret]
    # For names that it does not know, DuckDB tells no place.
    told = re.search(r'"([^"]+)"|\bname ([^\s!]+)', first)
    found = told and re.search(rf"\b{re.escape(told[1] or told[2])}\b", sql)
    if not found:
        return []
    before = sql[: found.start()]
    start = f"LINE {before.count(chr(10)) + 1}: "
    at = len(before) - (before.rfind("\n") + 1)
    return [start + sql.splitlines()[before.count("\n")], " " * (len(start) + at) + "^"]
