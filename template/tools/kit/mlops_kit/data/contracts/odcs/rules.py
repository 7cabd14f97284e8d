"""Rules of a contract of the Open Data Contract Standard 3: quality, relationships, service levels.

Each is taken where something here checks the same, or is named as lost.
"""

import json
from typing import Any

from mlops_kit.data.contracts.odcs.types import unwrapped

# Of a unit of time, as people write it, what a length of time has here.
UNITS = {
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("min", "minute", "minutes"), "m"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
OPERATORS = (
    *("mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan"),
    *("mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"),
)
AGES = ("latency", "ly", "freshness")


class Promises:
    """Takes rules, and keeps those that it cannot take."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.said: list[str] = []

    def of_column(self, place: str, rule: dict[str, Any], column: dict[str, Any]) -> None:
        """Take a rule about the values of a column."""
        metric, arguments = _metric(rule), rule.get("arguments") or {}
        if _none_may(rule) and metric == "nullValues":
            column["nullable"] = False
        elif _none_may(rule) and metric == "duplicateValues":
            column["unique"] = True
        elif _none_may(rule) and metric == "invalidValues" and set(arguments) <= {
            "validValues", "pattern"
        } and arguments:  # fmt: skip
            if (values := arguments.get("validValues")) is not None:
                column["allowed"] = [one for one in _listed(values) if one is not None]
            if (pattern := arguments.get("pattern")) is not None:
                self.text(place, column, {"pattern": pattern})
        elif _none_may(rule) and metric == "missingValues":
            column["nullable"] = False
            given = _listed(arguments.get("missingValues"))
            markers = [one for one in given if one not in (None, "")]
            if markers:
                column["nulls"] = markers
        else:
            self.lost.append(f"{place}: {_rule(rule)}")

    def of_table(
        self,
        place: str,
        rule: dict[str, Any],
        table: dict[str, Any],
        columns: dict[str, dict[str, Any]],
    ) -> None:
        """Take a rule about a table."""
        metric, arguments = _metric(rule), rule.get("arguments") or {}
        asked = [str(one) for one in _listed(arguments.get("properties"))]
        alone = len(asked) == 1 and asked[0] in columns
        if metric == "duplicateValues" and _none_may(rule) and alone:
            columns[asked[0]]["unique"] = True
            return
        if metric == "rowCount" and rule.get("unit") in (None, "rows"):
            bounds = _bounds(rule)
            if bounds:
                table["rows"] = table.get("rows", {}) | bounds
                return
        self.lost.append(f"{place}: {_rule(rule)}")

    def text(self, place: str, column: dict[str, Any], options: dict[str, Any]) -> None:
        """Take the pattern of a text, or its length where there is no pattern."""
        least, most = options.get("minLength"), options.get("maxLength")
        if (pattern := options.pop("pattern", None)) is not None:
            ours = unwrapped(str(pattern))
            if not _readable(ours):
                self.lost.append(f"{place}: pattern {pattern}, which the engine here cannot read")
                return
            if not ours.startswith("^") and ours == pattern:
                self.said.append(f"{place}: its pattern has no ^, and is matched from the start")
            column["pattern"] = ours
        elif least is not None or most is not None:
            options.pop("minLength", None)
            options.pop("maxLength", None)
            times = f"{least or 0},{'' if most is None else most}"
            column["pattern"] = "(?s:.{" + times + "})$"

    def relationship(
        self,
        table: str,
        one: dict[str, Any],
        columns: dict[str, dict[str, Any]],
        names: dict[str, str],
    ) -> None:
        """Take a foreign key of one column."""
        ours, theirs = one.get("from"), one.get("to")
        said = f"{table}: relationship from {ours} to {theirs}"
        if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs) == 1:
            ours, theirs = ours[0], theirs[0]
        if not isinstance(ours, str) or one.get("type", "foreignKey") != "foreignKey":
            self.lost.append(said)
            return
        ours = names.get(ours, ours).rpartition(".")[2]
        if not isinstance(theirs, str) or theirs not in names or ours not in columns:
            self.lost.append(said)
            return
        columns[ours]["references"] = names[theirs]

    def service_level(self, one: dict[str, Any], tables: dict[str, dict[str, Any]]) -> None:
        """Take how old the newest row may be."""
        property_, value, unit = one.get("property"), one.get("value"), one.get("unit")
        said = f"service level {property_}: {value} {unit or ''}".rstrip()
        table, _, column = str(one.get("element") or "").partition(".")
        if not column and len(tables) == 1:
            table, column = next(iter(tables)), table
        declared = tables.get(table, {})
        kind = declared.get("columns", {}).get(column, {}).get("type")
        if (
            str(property_).lower() not in AGES
            or not whole(value)
            or unit not in UNITS
            or kind not in ("date", "timestamp", "timestamptz", "datetime")
            or declared.get("time", column) != column
        ):
            self.lost.append(said + (f" of {one['element']}" if one.get("element") else ""))
            return
        if "time" not in declared:
            self.said.append(f"{table}: {column} says when its rows happened (time), for its age")
        declared |= {"time": column, "fresh_within": f"{int(value)}{UNITS[unit]}"}  # type: ignore[arg-type]


def whole(value: Any) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0


def _listed(value: Any) -> list[Any]:
    """Return a list as it is, and a single value as a list of it."""
    return value if isinstance(value, list) else [value]


def _metric(rule: dict[str, Any]) -> str | None:
    return rule.get("metric") or rule.get("rule")


def _none_may(rule: dict[str, Any]) -> bool:
    """Whether not one row may be found."""
    asked = {key: rule[key] for key in OPERATORS if rule.get(key) is not None}
    return rule.get("type", "library") in (None, "library") and (
        asked in ({"mustBe": 0}, {"mustBeLessThan": 1}, {"mustBeLessOrEqualTo": 0})
        and (rule.get("unit") in (None, "rows") or asked != {"mustBeLessThan": 1})
    )


def _bounds(rule: dict[str, Any]) -> dict[str, int]:
    asked = {key: rule[key] for key in OPERATORS if rule.get(key) is not None}
    found: dict[str, int] = {}
    for key, value in asked.items():
        values = _listed(value)
        if not all(map(whole, values)):
            return {}
        low, high = int(values[0]), int(values[-1])
        if key in ("mustBe", "mustBeBetween"):
            found |= {"minimum": low, "maximum": high}
        elif key in ("mustBeGreaterThan", "mustBeGreaterOrEqualTo"):
            found["minimum"] = low + (key == "mustBeGreaterThan")
        elif key in ("mustBeLessThan", "mustBeLessOrEqualTo"):
            found["maximum"] = high - (key == "mustBeLessThan")
        else:
            return {}
    # No table has fewer rows than none.
    return {key: value for key, value in found.items() if value > 0 or key == "maximum"}


def _rule(rule: dict[str, Any]) -> str:
    """Write a rule in a line."""
    what = _metric(rule) or rule.get("type") or "rule"
    asked = ", ".join(f"{key} {json.dumps(rule[key])}" for key in OPERATORS if key in rule)
    unit = f" {rule['unit']}" if rule.get("unit") else ""
    told = rule.get("query") or rule.get("engine") or rule.get("description") or ""
    return " ".join(f"quality {what} {asked}{unit} {' '.join(str(told).split())[:80]}".split())


def _readable(pattern: str) -> bool:
    import polars as pl

    try:
        pl.Series([""]).str.contains(f"^(?:{pattern})")
    except pl.exceptions.PolarsError:
        return False
    return True
