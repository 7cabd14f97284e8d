"""settings.md: every key of the configuration files, from the models that read them."""

from collections.abc import Iterator
from typing import Any, get_args

from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.settings import Settings
from mlops_kit.data.config import Sources
from mlops_kit.govern.config import Governance
from mlops_kit.govern.costs.config import Costs
from mlops_kit.operate.experiments.abtest import ABTest
from mlops_kit.operate.experiments.shadow import Shadow
from mlops_kit.operate.serve.config import Serve
from mlops_kit.privacy.policy.schema import Privacy
from mlops_kit.train.features import Params
from pydantic import BaseModel

from pages.markdown import code, held, link, table
from pages.meanings import described

HEAD = """# Settings

Every key of the configuration files of a rendered repository, with what it may hold, what holds
without it, and what it means. `make reference` writes this page from the models that read the
files. A key that is not listed is refused, with the nearest that is. NAME stands for a name that
you choose.
"""
FILES: dict[str, tuple[type[BaseModel], str]] = {
    "base.yaml": (
        Settings,
        "What holds in every environment, in `conf/base.yaml`; `conf/dev.yaml`, `staging.yaml` and "
        "`prod.yaml` go over it, as `MLOPS_ENV` says, and environment variables over both: "
        "`MLOPS_TRACKING__URI` is `tracking.uri`.",
    ),
    "sources.yaml": (Sources, "Where data come from and what each table promises."),
    "privacy.yaml": (
        Privacy,
        "What may leave the restricted zone, and in which form. A column that is not named stays "
        "behind.",
    ),
    "compare.yaml": (CompareConfig, "Which systems are compared and when the candidate wins."),
    "abtest.yaml": (
        ABTest,
        "The plan of an A/B test; `mlops compare plan` prints one, and options of "
        "`mlops compare abtest` go over it.",
    ),
    "shadow.yaml": (
        Shadow,
        "The paired log of a shadow run and its budgets; options of `mlops compare shadow` go over "
        "it. A budget that is null is not judged.",
    ),
    "serve.yaml": (
        Serve,
        "How models answer requests (`serving: online` or `both`): `mlops serve` and `mlops "
        "snapshot`.",
    ),
    "governance.yaml": (
        Governance,
        "What laws and standards ask and only people can answer (`ai_governance: true`, or `mlops "
        "docs add governance`).",
    ),
    "costs.yaml": (
        Costs,
        "Prices and use, from which `mlops costs` reckons (`mlops docs add costs`).",
    ),
    "params.yaml": (
        Params,
        "In the project's folder, not in `conf/`: what stages of the pipeline depend on. Other "
        "keys belong to the team's own stages.",
    ),
}


def page() -> str:
    """Return the page: a part for each file, and in it a table for each mapping."""
    found = [HEAD]
    for file, (model, about) in FILES.items():
        schema = described(model.model_json_schema(), _models(model))
        parts = schema.pop("$defs", {})
        headings = {
            name: _heading(file, parts[name], places)
            for name, places in _places(schema, parts).items()
        }
        found.append(f"## {file}\n\n{about}\n\n{_table(schema, headings)}")
        for name, heading in headings.items():
            said = parts[name]["description"]
            found.append(f"### {heading}\n\n{said}\n\n{_table(parts[name], headings)}")
    return "\n".join(found)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the models that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for part in get_args(annotation):
        yield from _models(part)


def _heading(file: str, part: dict[str, Any], places: list[str]) -> str:
    """Name a part by file and place, and where one of several kinds stands there, by its kind."""
    kind = part["properties"].get("kind", {}).get("const")
    return f"{file}: {', '.join(dict.fromkeys(places))}" + (f" of kind {kind}" if kind else "")


def _table(part: dict[str, Any], headings: dict[str, str]) -> str:
    def linked(name: str) -> str:
        kind = headings[name].partition(" of kind ")[2]
        return link(kind or "keys", headings[name])

    rows = []
    for key, one in part["properties"].items():
        nothing = " or null" if one.get("default", "") is None else ""
        holds = held(one, linked).removesuffix(nothing)
        means = "Says which kind it is." if "const" in one and key == "kind" else one["description"]
        rows.append((f"`{key}`", holds, _default(one, key in part.get("required", [])), means))
    return table(("key", "holds", "default", "meaning"), rows)


def _default(one: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    if "$ref" in one:
        return "of each key"
    return "nothing" if one["default"] in (None, "", [], {}) else code(one["default"])


def _places(part: dict[str, Any], parts: dict[str, Any], above: str = "") -> dict[str, list[str]]:
    """Name each part by the keys under which it stands, an outer one before what is in it."""
    places: dict[str, list[str]] = {}
    for key, one in part["properties"].items():
        for name, place in _inside(one, f"{above}{key}"):
            places.setdefault(name, []).append(place)
            for inner, found in _places(parts[name], parts, f"{place}.").items():
                places.setdefault(inner, []).extend(found)
    return places


def _inside(one: dict[str, Any], place: str) -> list[tuple[str, str]]:
    """Find the parts that a key may hold, and where they stand."""
    if "$ref" in one:
        return [(one["$ref"].rsplit("/", 1)[1], place)]
    below = [(each, place) for each in one.get("anyOf", one.get("oneOf", []))]
    below += [(one["items"], place)] if "items" in one else []
    if isinstance(one.get("additionalProperties"), dict):
        below.append((one["additionalProperties"], f"{place}.NAME"))
    return [found for each, where in below for found in _inside(each, where)]
