"""conf/sources.yaml as a contract of the Open Data Contract Standard 3."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section
from mlops_kit.data.config import OPTIONS, Sources, Table
from mlops_kit.data.contracts.declared import seconds_of
from mlops_kit.data.contracts.odcs.types import java_of, said_of
from mlops_kit.data.types import parse

VERSION_OF_STANDARD = "v3.1.0"
# The property, custom by the standard, in which stands what the standard has no word for.
OURS = "mlops"
# How a reference by names may be written.
SHORTHAND = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
OF_COLUMNS = ("nulls", "default_nulls", "years", "made", "known")
OF_TABLES = ("source", "time", "query", "cursor", "nulls", "left_out", *OPTIONS)
ENTITY = "entity"


def exported(config: Sources, project: str, version: str = "1.0.0") -> str:
    """Write the contract as YAML.

    Parameters
    ----------
    project : str
        Its name; its id is made of it.

    Raises
    ------
    MlopsError
        When the group `contracts` is not installed.
    """
    contract = standard().model_validate(
        {
            "version": version,
            "kind": "DataContract",
            "apiVersion": VERSION_OF_STANDARD,
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, project)),
            "name": project,
            "status": "active",
            "schema": [_table(config, name) for name in config.tables],
            "slaProperties": list(_fresh(config)) or None,
            "customProperties": [_custom({ENTITY: config.entity.model_dump()})],
        }
    )
    return str(contract.to_yaml())


def only_ours(config: Sources) -> Iterator[str]:
    """Say what other tools cannot read of it, because the standard has no word for it."""
    found: dict[str, list[str]] = {}
    for name, table in config.tables.items():
        for key in _own(table, OF_TABLES):
            found.setdefault(key, []).append(name)
        for column, one in table.columns.items():
            for key in _own(one, OF_COLUMNS):
                found.setdefault(key, []).append(f"{name}.{column}")
    for key, places in found.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        yield f"{key} of {places[0]}{more}: read by this command alone (customProperties: {OURS})"
    yield "sources: where tables are read from stays in conf/sources.yaml; no servers are written"


def standard() -> Any:
    """Return the model of the standard's own package.

    Raises
    ------
    MlopsError
        When the group is not installed.
    """
    try:
        from open_data_contract_standard.model import OpenDataContractStandard
    except ImportError:
        raise MlopsError(
            "Contracts need the group `contracts`: `uv run --group contracts mlops contract ...`."
        ) from None
    return OpenDataContractStandard


def _table(config: Sources, name: str) -> dict[str, Any]:
    table = config.tables[name]
    said: dict[str, Any] = {"name": name, "logicalType": "object"}
    if table.path is not None:
        said["physicalName"] = table.path
    said["properties"] = [_property(config, name, column) for column in table.columns]
    if rules := list(_rows(table)):
        said["quality"] = rules
    if own := _own(table, OF_TABLES):
        said["customProperties"] = [_custom(own)]
    return said


def _property(config: Sources, name: str, column: str) -> dict[str, Any]:
    table, one = config.tables[name], config.tables[name].columns[column]
    said: dict[str, Any] = {"name": column, **said_of(parse(one.type))}
    options = dict(said.pop("logicalTypeOptions", {}))
    if column in table.key:
        said |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column) + 1}
    said |= {"required": not one.nullable} | ({"unique": True} if one.unique else {})
    for key in ("minimum", "maximum"):
        if (bound := getattr(one, key)) is not None:
            options[key] = int(bound) if bound == int(bound) else bound
    if one.pattern is not None:
        options["pattern"] = f"^(?:{one.pattern})"
    own = _own(one, OF_COLUMNS) | ({"datetime": True} if one.type == "datetime" else {})
    if one.format is not None:
        if (java := java_of(one.format)) is not None:
            options["format"] = java
        else:
            own["format"] = one.format
    if options:
        said["logicalTypeOptions"] = options
    if one.references is not None and not SHORTHAND.fullmatch(one.references):
        own["references"] = one.references
    elif one.references is not None:
        said["relationships"] = [{"type": "foreignKey", "to": one.references}]
    if one.allowed is not None:
        said["quality"] = [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": one.allowed},
                "mustBe": 0,
            }
        ]
    if own:
        said["customProperties"] = [_custom(own)]
    return said


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    for bound, operator in (
        (table.rows.minimum, "mustBeGreaterOrEqualTo"),
        (table.rows.maximum, "mustBeLessOrEqualTo"),
    ):
        if bound is not None:
            yield {"type": "library", "metric": "rowCount", operator: bound, "unit": "rows"}


def _fresh(config: Sources) -> Iterator[dict[str, Any]]:
    for name, table in config.tables.items():
        if table.fresh_within is None:
            continue
        seconds = seconds_of(table.fresh_within)
        unit, each = next(
            (unit, each) for unit, each in (("d", 86_400), ("h", 3_600), ("minutes", 60))
            if seconds % each == 0
        )  # fmt: skip
        element = f"{name}.{table.time}"
        yield {"property": "latency", "value": seconds // each, "unit": unit, "element": element}


def _own(section: Section, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what is said and not the default, of some names."""
    said = section.model_dump(mode="json", exclude_defaults=True)
    return {name: said[name] for name in names if name in said}


def _custom(value: dict[str, Any]) -> dict[str, Any]:
    return {"property": OURS, "value": value}
