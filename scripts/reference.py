"""Write the reference that code tells: docs/reference/decision.md, from the keys of decision.json.

Run as ``make reference`` after changing them; tests/test_house.py says when it was forgotten.
"""

import json
from pathlib import Path
from typing import Any

from mlops_kit.compare.decision_file import json_schema

ROOT = Path(__file__).resolve().parents[1]
DECISION = ROOT / "docs" / "reference" / "decision.md"
HEAD = """# decision.json

What `mlops compare run` decides, as `reports/compare/decision.json` holds it. `make reference`
writes this page from `mlops_kit/compare/decision_schema.py`. Keys that are not always there are
missing where they say nothing, and in files of releases that did not know them. Unknown keys are
passed over: a release may add some without another number of `schema`.
"""


def decision_page() -> str:
    """Return the page: a table for each part, the whole file first, then its JSON schema."""
    schema = json_schema()
    parts = schema.pop("$defs")
    found = [HEAD, _part("decision.json", schema)]
    found += [_part(name, part) for name, part in parts.items()]
    whole = json.dumps(schema | {"$defs": parts}, indent=2)
    found.append(f"## JSON schema\n\n```json\n{whole}\n```\n")
    return "\n".join(found)


def _part(name: str, part: dict[str, Any]) -> str:
    required = part.get("required", [])
    lines = [
        f"## {name}\n",
        f"{part['description']}\n",
        "| key | holds | always | what |",
        "|---|---|---|---|",
    ]
    for key, one in part["properties"].items():
        always = "yes" if key in required else ""
        lines.append(f"| `{key}` | {_held(one)} | {always} | {one['description']} |")
    return "\n".join(lines) + "\n"


def _held(one: dict[str, Any]) -> str:
    """Say in a few words what a key may hold."""
    if "$ref" in one:
        name = one["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in one:
        return " or ".join(_held(each) for each in one["anyOf"])
    if "enum" in one or "const" in one:
        return ", ".join(f"`{json.dumps(each)}`" for each in one.get("enum", [one.get("const")]))
    if one["type"] == "array":
        return f"list of {_held(one['items'])}"
    if one["type"] == "object":
        return f"name → {_held(one['additionalProperties'])}"
    return one["type"]


def main() -> None:
    """Write every page of the reference."""
    DECISION.parent.mkdir(exist_ok=True)
    DECISION.write_text(decision_page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
