"""Reading decision.json, of this release or an earlier one, and only where its layout holds."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.decision_schema import Decision

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA = 1


class UnknownSchemaError(ValueError):
    """The file is of a layout that only a later release knows."""


def read(path: Path) -> Decision:
    """Read a decision.json of this release or of an earlier one.

    Raises
    ------
    UnknownSchemaError
        When its schema is none of this release.
    OSError, ValueError, RecursionError
        When there is no such file, or it is not laid out as a decision.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
        raise UnknownSchemaError(f"{path.as_posix()}: schema {content['schema']}")
    return validated(content)


def validated(content: Any) -> Decision:
    """Return the content itself, in its own order, once every known key holds what it should.

    Raises
    ------
    ValueError
        The first key that does not.
    """
    _adapter().validate_python(content, strict=True)
    return content


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of decision.json."""
    return _adapter().json_schema()


@cache
def _adapter() -> "TypeAdapter[Decision]":
    from pydantic import TypeAdapter

    return TypeAdapter(Decision)
