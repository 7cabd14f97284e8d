"""What params.yaml and conf/compare.yaml say of the sample, made true of a table of one's own."""

import json
import re
from functools import cache
from pathlib import Path

from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.core.words import counted

PARAMS_FILE, COMPARE_FILE = Path("params.yaml"), Path("conf/compare.yaml")


def for_table(
    task: str, rows: int, timed: bool, group: tuple[str, str] | None, classes: int
) -> dict[Path, str]:
    """Return both files, all else in them as it is.

    Parameters
    ----------
    group : tuple of str, optional
        The column whose rows stay together, and why.
    classes : int
        Of the outcome; 0 where it is a number.
    """
    params, compare = (path.read_text(encoding="utf-8") for path in (PARAMS_FILE, COMPARE_FILE))
    return {
        PARAMS_FILE: _params(params, rows, timed, group),
        COMPARE_FILE: _compare(compare, task, classes),
    }


def _params(text: str, rows: int, timed: bool, group: tuple[str, str] | None) -> str:
    """Hold back by time, groups or hash, and ask for no parameters of the sample's features."""
    method, why = ("time", "as --time asks") if timed else ("hash", "rows have no time that counts")
    column = ""
    if group is not None and not timed:
        method, why = "group", group[1]
        column = f"\n  column: {json.dumps(group[0], ensure_ascii=False)}  # its rows stay together"
    line = f"  method: {method}  # {why}; docs/bring-your-own-data.md lists all{column}"
    text = re.sub(r"^  method: \w+.*$", lambda _: line, text, count=1, flags=re.M)
    text = re.sub(r"^features:.*\n(?:[ #].*\n)*", "features: {}\n", text, count=1, flags=re.M)
    leaf = max(5, rows // 50)

    def smaller(found: re.Match[str]) -> str:
        return (
            f"{found[1]}{leaf}  # of {counted(rows, 'row')}" if int(found[2]) > leaf else found[0]
        )

    return re.sub(r"^(  smallest_leaf: )(\d+).*$", smaller, text, count=1, flags=re.M)


def _compare(text: str, task: str, classes: int) -> str:
    """Take out what is true of the sample alone: its oracle, its vouchers, its unit of money."""
    text = re.sub(r"^oracle:.*\n", "", text, flags=re.M)
    text = re.sub(
        r"^# What somebody vouches for.*This one goes with the sample\.\n", "", text, flags=re.M
    )
    text = re.sub(r"^acknowledged: \{.*the sample is invented.*\n", "", text, flags=re.M)
    if task == "regression":
        gain = "  min_effect: 0  # smallest gain worth a change, in the target's unit: yours to say"
        text = re.sub(r"^  min_effect: .*$", gain, text, flags=re.M)
    if classes > 2:
        metric = f"  metric: auc  # of each of the {classes} classes against the others, averaged"
        text = re.sub(r"^  metric: auc.*$", metric, text, flags=re.M)
        prior = "incumbent: {kind: trivial, strategy: prior}  # must be beaten: the classes' shares"
        text = re.sub(r"^incumbent: baseline.*$", prior, text, flags=re.M)
    return text


def sql_name(name: str) -> str:
    """Write a name for SQL, plain where that is certain."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.casefold() not in _reserved():
        return name
    return quoted(name)


@cache
def _reserved() -> frozenset[str]:
    """Words of SQL that are no names."""
    words = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    with connect() as connection:
        return frozenset(word for (word,) in connection.execute(words).fetchall())
