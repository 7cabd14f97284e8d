"""Tables, links, and what a key of a JSON schema may hold, as Markdown for people."""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

# A limit that only keeps numbers finite says nothing to people.
MOST = 1e12
WORDS = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a cell may hold any text."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def link(text: str, heading: str) -> str:
    """Link to a heading of the same page."""
    return f"[{text}](#{anchor(heading)})"


def anchor(heading: str) -> str:
    """Return the name under which a heading is reached, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def code(value: object) -> str:
    """Write a value as it stands in YAML and JSON."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def held(one: dict[str, Any], part: Callable[[str], str]) -> str:
    """Say in a few words what a key may hold; `part` says it of a definition, by its name."""
    if "$ref" in one:
        return part(one["$ref"].rsplit("/", 1)[1])
    if branches := one.get("anyOf", one.get("oneOf")):
        return " or ".join(dict.fromkeys(held(each, part) for each in branches))
    if "enum" in one or "const" in one:
        return ", ".join(code(each) for each in one.get("enum", [one.get("const")]))
    kind = one.get("format", one.get("type", "anything"))
    if kind == "array":
        return f"list of {held(one['items'], part)}"
    if kind == "object":
        below = one.get("additionalProperties")
        return f"name → {held(below if isinstance(below, dict) else {}, part)}"
    return WORDS.get(kind, kind) + _limits(one)


def _limits(one: dict[str, Any]) -> str:
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    said = [
        text.format(f"{one[key]:f}".rstrip("0").rstrip("."))
        for key, text in words.items()
        if abs(one.get(key, math.inf)) < MOST
    ]
    return f" {' '.join(said)}" if said else ""
