"""decision.md: the keys of decision.json, and its JSON schema."""

import json
from typing import Any

from mlops_kit.compare import decision_schema
from mlops_kit.compare.decision_file import json_schema
from mlops_kit.compare.explain import record
from mlops_kit.compare.holdout import background
from typing_extensions import is_typeddict

from pages.markdown import held, link, table
from pages.meanings import described

HEAD = """# decision.json

What `mlops compare run` decides, as `reports/compare/decision.json` holds it. `make reference`
writes this page from `mlops_kit/compare/decision_schema.py`. Keys that are not always there are
missing where they say nothing, and in files of releases that did not know them. Unknown keys are
passed over: a release may add some without another number of `schema`.
"""


def page() -> str:
    """Return the page: a table for each part, the whole file first, then its JSON schema."""
    modules = (decision_schema, background, record)
    known = [each for module in modules for each in vars(module).values()]
    schema = described(json_schema(), filter(is_typeddict, known))
    parts = schema.pop("$defs")
    found = [HEAD, _part("The whole file", schema)]
    found += [_part(name, part) for name, part in parts.items()]
    whole = json.dumps(schema | {"$defs": parts}, indent=2)
    found.append(f"## JSON schema\n\n```json\n{whole}\n```\n")
    return "\n".join(found)


def _part(name: str, part: dict[str, Any]) -> str:
    required = part.get("required", [])
    rows = [
        (
            f"`{key}`",
            held(one, lambda name: link(name, name)),
            "yes" if key in required else "",
            one["description"],
        )
        for key, one in part["properties"].items()
    ]
    about = "" if name == "The whole file" else f"{part['description']}\n\n"
    return f"## {name}\n\n{about}{table(('key', 'holds', 'always', 'what'), rows)}"
