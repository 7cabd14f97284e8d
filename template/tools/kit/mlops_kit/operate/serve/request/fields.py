"""Types of the fields of a request: by contract where a column has the name, or as training saw."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from mlops_kit.data.config import Column, Sources

if TYPE_CHECKING:
    import pyarrow

# Whole numbers that every caller's JSON, and a float of the model, holds exactly.
MOST_WHOLE = 2**53
# Larger amounts are slips, and products of them are no numbers any more.
MOST_NUMBER = 1e100
MOST_TEXT = 10_000
MOST_ITEMS = 10_000
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def _whole(given: Any) -> Any:
    return int(given) if isinstance(given, float) and given.is_integer() else given


# 7.0 is a whole number in JSON, and what many a caller sends for 7.
WHOLE = BeforeValidator(_whole)


def optional(kind: Any) -> Any:
    """Return the type of a field that may be left out."""
    return NotRequired[kind]  # type: ignore[invalid-annotation]


def mapping(name: str, fields: dict[str, Any]) -> Any:
    """Make a mapping with exactly these keys, whatever they are called."""
    made: Any = TypedDict(name, fields)  # type: ignore[misc]
    made.__pydantic_config__ = STRICT
    return made


def contract_of(name: str, sources: Sources) -> Column | None:
    """Return the contract of the only column that has the name of a feature, if there is one."""
    found = [table.columns[name] for table in sources.tables.values() if name in table.columns]
    return found[0] if len(found) == 1 else None


def kind_of(type_: "pyarrow.DataType", contract: Column | None) -> Any:
    """Return what a value may be: bounded, finite, and one of those that are allowed."""
    import pyarrow as pa

    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return Annotated[list[kind_of(type_.value_type, None)], Field(max_length=MOST_ITEMS)]  # type: ignore[misc]
    low = high = None
    if contract is not None:
        low, high = contract.minimum, contract.maximum
    if pa.types.is_integer(type_):
        bounds = _bounds(low, high, MOST_WHOLE)
        if contract is not None and contract.allowed and all(
            isinstance(one, int) for one in contract.allowed
        ):  # fmt: skip
            return Annotated[Literal[tuple(contract.allowed)], WHOLE]  # type: ignore[valid-type]
        return Annotated[int, Field(**bounds), WHOLE]
    if pa.types.is_floating(type_):
        return Annotated[float, Field(**_bounds(low, high, MOST_NUMBER))]
    if contract is not None and contract.allowed:
        return Literal[tuple(str(one) for one in contract.allowed)]  # type: ignore[valid-type]
    pattern = None if contract is None or contract.pattern is None else f"^(?:{contract.pattern})"
    return Annotated[str, Field(max_length=MOST_TEXT, pattern=pattern)]


def _bounds(low: float | None, high: float | None, most: float) -> dict[str, Any]:
    return {"ge": -most if low is None else low, "le": most if high is None else high}
