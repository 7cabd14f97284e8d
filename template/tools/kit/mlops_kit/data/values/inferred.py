"""Which type of a contract takes all values of a typed file, or all texts of JSON, exactly."""

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mlops_kit.data.types import Type, list_of, struct_of
from mlops_kit.data.values.json_text import Number, parsed

if TYPE_CHECKING:
    import polars

MOST_FIELDS = 50  # above it names are values, as in a map
WHOLE = re.compile(r"-?\d+")
LARGEST = 2**63
UNSIGNED = "decimal(20,0)"  # takes every whole number of 64 bits without a sign


def of_typed(kind: "polars.DataType") -> Type | None:
    """Return the type that takes values of a type of polars; None where there is none."""
    import polars as pl

    if isinstance(kind, pl.List | pl.Array):
        item = of_typed(kind.inner)  # type: ignore[arg-type]
        return None if item is None else list_of(item)
    if isinstance(kind, pl.Struct):
        fields = {field.name: of_typed(field.dtype) for field in kind.fields}  # type: ignore[arg-type]
        known = {name: one for name, one in fields.items() if one is not None}
        return struct_of(known) if known and len(known) == len(fields) else None
    if isinstance(kind, pl.Decimal):
        return Type("decimal", (kind.precision or 38, kind.scale))
    if isinstance(kind, pl.Datetime):
        return Type("timestamptz" if kind.time_zone else "timestamp")
    if kind.is_numeric():
        return Type("integer" if kind.is_integer() else "number")
    names = {
        pl.Boolean: "boolean",
        pl.Date: "date",
        pl.Time: "time",
        pl.Binary: "binary",
        pl.String: "string",
        pl.Categorical: "string",
        pl.Enum: "string",
        pl.Null: "string",
    }
    name = next((name for one, name in names.items() if kind == one), None)
    return None if name is None else Type(name)


def of_documents(texts: "polars.Series") -> Type | None:
    """Return the type that takes all texts of JSON, arrays or objects; None if one is neither."""
    if not texts.str.contains(r"^[\[{]").all():
        return None
    try:
        values = [parsed(text) for text in texts.to_list()]
    except ValueError:
        return None
    return _of_values(values)


def _of_values(values: list[Any]) -> Type:
    there = [one for one in values if one is not None]
    if there and all(isinstance(one, bool) for one in there):
        return Type("boolean")
    if there and all(isinstance(one, Number) for one in there):
        return _of_numbers(there)
    if there and all(isinstance(one, str) and not isinstance(one, Number) for one in there):
        return Type("string")
    if there and all(isinstance(one, list) for one in there):
        return list_of(_of_values([part for one in there for part in one]))
    if there and all(isinstance(one, dict) for one in there):
        names = list(dict.fromkeys(name for one in there for name in one))
        if 0 < len(names) <= MOST_FIELDS:
            return struct_of({name: _of_values([one.get(name) for one in there]) for name in names})
    return Type("json")


def _of_numbers(texts: list[str]) -> Type:
    if all(WHOLE.fullmatch(one) and -LARGEST <= int(one) < LARGEST for one in texts):
        return Type("integer")
    exact = all(Decimal(repr(float(one))) == Decimal(one) for one in texts)
    return Type("number" if exact else "json")
