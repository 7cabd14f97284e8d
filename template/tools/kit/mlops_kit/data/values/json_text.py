"""JSON with each number as it is written, and each name once."""

import json
from typing import Any

from mlops_kit.core.files import from_json

LITERALS = {True: "true", False: "false", None: None}


class Number(str):
    """A number as it is written."""


class Twice(ValueError):
    """A name stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Twice("a name stands twice in it")
    return found


# How JSON is read: numbers as they are written, each name once.
EXACTLY: dict[str, Any] = {
    "object_pairs_hook": _once,
    "parse_float": Number,
    "parse_int": Number,
    "parse_constant": Number,
}


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def parsed(text: str) -> Any:
    """Read a text of JSON; NaN and Infinity, which Python takes, are none.

    Raises
    ------
    ValueError
        When it is no JSON, or has a name twice.
    """
    return from_json(text, **EXACTLY | {"parse_constant": _refused})


def of_a_store(text: str | bytes) -> Any:
    """Read JSON that a store sends: fractions as they are written, each name once.

    Raises
    ------
    ValueError
        When it is none, or has a name twice.
    """
    return from_json(text, object_pairs_hook=_once, parse_float=Number)


def text_of(value: Any) -> str | None:
    """Return a value of JSON as it is written, a text without its quotes; None for null."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict | list):
        return compact(value)
    return LITERALS[value]


def document_of(value: Any) -> str | None:
    """Return a value of JSON as JSON; None for null."""
    return None if value is None else compact(value)


def compact(value: Any) -> str:
    """Write a value as JSON, numbers as they were."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)}: {compact(one)}" for key, one in value.items())
        return "{" + inside + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(compact, value))}]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
