"""A contract of the Open Data Contract Standard 3 as declarations of conf/sources.yaml.

What has no counterpart is kept by name: promises that would go unchecked one by one, descriptions
by their kind.
"""

import copy
import re
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml
from mlops_kit.data.contracts.odcs.export import ENTITY, OF_COLUMNS, OF_TABLES, OURS, standard
from mlops_kit.data.contracts.odcs.rules import Promises, whole
from mlops_kit.data.contracts.odcs.types import USUAL, declared_of, strptime_of
from mlops_kit.data.types import MOMENTS, WITHOUT_ORDER, Type

# Nothing is said by these.
EMPTY = (None, False, "", -1, [], {})
OWN = {*OF_COLUMNS, *OF_TABLES, "format", "datetime", "references", ENTITY}
# What a contract may promise of a part of a list or an object, which nothing here checks.
CHECKED = ("required", "unique", "quality", "enum", "relationships")
# Who a contract is.
NAMES = ("kind", "apiVersion", "id", "name", "version", "status")


class Given(NamedTuple):
    """What a contract declares.

    Attributes
    ----------
    title : str
        Its name, version and id.
    tables : dict
        By name, as they would stand in conf/sources.yaml.
    said : list of str
        How something was understood.
    lost : list of str
        Promises that nothing here checks.
    passed : dict
        What else has no counterpart: by its key, the places where it stands.
    """

    title: str
    tables: dict[str, dict[str, Any]]
    said: list[str]
    lost: list[str]
    passed: dict[str, list[str]]


def given(path: Path) -> Given:
    """Read a contract.

    Raises
    ------
    MlopsError
        When it is no contract of version 3, or its parts do not have the standard's types.
    """
    from pydantic import ValidationError

    model = standard()
    contract = read_yaml(path)
    where = path.as_posix()
    version = str(contract.get("apiVersion", ""))
    if contract.get("kind") != "DataContract" or not version.startswith("v3."):
        raise MlopsError(
            f"{where} is no contract of the Open Data Contract Standard 3 (kind DataContract, "
            f"apiVersion v3...): it has kind {contract.get('kind')}, apiVersion {version or None}."
        )
    try:
        model.model_validate(contract)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise MlopsError(f"{where}: {place}: {first['msg']}; mend it there.") from None
    return _Reader(copy.deepcopy(contract)).read()


class _Reader:
    """Takes out of a contract what it understands; what is left is named."""

    def __init__(self, contract: dict[str, Any]) -> None:
        self.contract = contract
        self.promises = Promises()
        self.passed: dict[str, list[str]] = {}
        self.said: list[str] = []
        self.tables: dict[str, dict[str, Any]] = {}

    def read(self) -> Given:
        title = " ".join(
            str(one) for key in ("name", "version", "id") if (one := self.contract.get(key))
        )
        for key in NAMES:
            self.contract.pop(key, None)
        objects = self.contract.pop("schema", None) or []
        names = _names(objects)
        for number, one in enumerate(objects):
            self._table(one, f"schema[{number}]", names)
        for one in self.contract.pop("slaProperties", None) or []:
            self.promises.service_level(one, self.tables)
        self._own(self.contract).pop(ENTITY, None)
        self._leave(self.contract, "the contract")
        return Given(title, self.tables, self.said + self.promises.said, self.promises.lost,
                     self.passed)  # fmt: skip

    def _table(self, one: dict[str, Any], place: str, names: dict[str, str]) -> None:
        called = str(one.pop("name", None) or one.get("physicalName") or place)
        name = re.sub(r"\W+", "_", called)
        path = one.pop("physicalName", None) or called
        if name != called:
            self.said.append(f"{called}: its name here is {name}")
        if name in self.tables:
            self.promises.lost.append(f"{name}: stands twice; the second is not taken")
            return
        one.pop("physicalType", None)
        one.pop("logicalType", None)
        own = self._own(one)
        table: dict[str, Any] = {}
        if "query" not in own:
            table["path"] = path
        table |= own
        columns: dict[str, dict[str, Any]] = {}
        keys: list[tuple[int, str]] = []
        for each in one.pop("properties", None) or []:
            self._column(name, each, columns, keys, names)
        if len(keys) == 1:
            columns[keys[0][1]]["unique"] = True
        elif keys:
            table["key"] = [column for _, column in sorted(keys)]
        for each in one.pop("relationships", None) or []:
            self.promises.relationship(name, each, columns, names)
        for each in one.pop("quality", None) or []:
            self.promises.of_table(name, each, table, columns)
        self.tables[name] = table | {"columns": columns}
        self._leave(one, name)

    def _column(
        self,
        table: str,
        one: dict[str, Any],
        columns: dict[str, dict[str, Any]],
        keys: list[tuple[int, str]],
        names: dict[str, str],
    ) -> None:
        called = str(one.pop("name", None) or one.get("physicalName"))
        name = str(one.pop("physicalName", None) or called)
        place = f"{table}.{name}"
        if name != called:
            self.said.append(f"{table}.{called}: read by its physical name, {name}")
        own = self._own(one)
        logical, physical = one.get("logicalType"), one.get("physicalType")
        kind = declared_of(one)
        if kind is None:
            said = f"{logical or 'no logicalType'}, {physical or 'no physicalType'}"
            self.promises.lost.append(f"{place}: no type here is like it ({said}); it is not read")
            return
        options = one.pop("logicalTypeOptions", None) or {}
        self._parts(place, one)
        if physical == "datetime" and logical == "timestamp" and own.pop("datetime", False):
            kind = Type("datetime")
        if logical == "date" and kind.name != "date":
            self.said.append(f"{place}: a {kind}, as its physicalType is {physical}")
        column: dict[str, Any] = {"type": str(kind)} | own
        required, primary = one.pop("required", None), one.pop("primaryKey", None)
        if required is not None or primary:
            column["nullable"] = not (required or primary)
        if (unique := one.pop("unique", None)) is not None:
            column["unique"] = unique
        if primary:
            place_in_key = one.pop("primaryKeyPosition", None)
            keys.append((place_in_key if place_in_key not in EMPTY else len(keys) + 1, name))
        self._options(place, column, options)
        columns[name] = column
        for each in one.pop("relationships", None) or []:
            self.promises.relationship(table, {**each, "from": name}, columns, names)
        if values := [each.get("value") for each in one.pop("enum", None) or []]:
            column["allowed"] = values
        for each in one.pop("quality", None) or []:
            self.promises.of_column(place, each, column)
        if kind.name in WITHOUT_ORDER:
            for key in ("unique", "allowed", "references"):
                if column.pop(key, None):
                    self.promises.lost.append(f"{place}: {key} of a {kind.name}")
        self._leave(one, place)

    def _parts(self, place: str, one: dict[str, Any]) -> None:
        """Name what is said of the parts of a list or an object besides their types."""
        inner = one.pop("items", None)
        for part in [*(one.pop("properties", None) or []), *([inner] if inner else [])]:
            self._parts(place, part)
            options = part.pop("logicalTypeOptions", None) or {}
            options.pop("timezone", None)
            if said := {**options, **{key: part.pop(key) for key in CHECKED if part.get(key)}}:
                self.promises.lost.append(f"{place}, inside: {', '.join(said)}")
            self._leave(part, f"{place}, inside")

    def _options(self, place: str, column: dict[str, Any], options: dict[str, Any]) -> None:
        kind = column["type"].partition("(")[0]
        options.pop("timezone", None)  # false, or what the type says already
        form = options.pop("format", None) if kind in MOMENTS else None
        if form is not None:
            ours = strptime_of(str(form))
            zoned = {"timestamp": False, "timestamptz": True}.get(kind)
            if ours is None or zoned not in (None, "%z" in ours):
                self.promises.lost.append(f"{place}: format {form}")
            elif not USUAL.fullmatch(ours):
                column["format"] = ours
        if kind in ("integer", "number", "decimal"):
            for key, step in (("minimum", 1), ("maximum", -1)):
                if key in options:
                    column[key] = options.pop(key)
                strict = f"exclusive{key.title()}"
                if kind == "integer" and whole(options.get(strict)):
                    column[key] = options.pop(strict) + step
        if kind == "string":
            self.promises.text(place, column, options)
        for key, value in options.items():
            if value not in EMPTY:
                self.promises.lost.append(f"{place}: {key} {value}")

    def _own(self, one: dict[str, Any]) -> dict[str, Any]:
        """Take out what this command wrote itself; other custom properties stay."""
        found: dict[str, Any] = {}
        rest = []
        for each in one.get("customProperties") or []:
            value = each.get("value")
            if each.get("property") == OURS and isinstance(value, dict) and set(value) <= OWN:
                found |= value
            else:
                rest.append(each)
        one["customProperties"] = rest
        return found

    def _leave(self, one: dict[str, Any], place: str) -> None:
        for key, value in one.items():
            if not any(value is empty or value == empty for empty in EMPTY):
                self.passed.setdefault(key, []).append(place)


def _names(objects: list[dict[str, Any]]) -> dict[str, str]:
    """Return `table.column` as it is here by each way in which a contract may refer to it."""
    found = {}
    for one in objects:
        called = str(one.get("name") or one.get("physicalName"))
        table = re.sub(r"\W+", "_", called)
        for each in one.get("properties") or []:
            column = str(each.get("physicalName") or each.get("name"))
            here = f"{table}.{column}"
            found[f"{called}.{each.get('name')}"] = here
            found.setdefault(f"{one.get('physicalName')}.{column}", here)
            if one.get("id") and each.get("id"):
                found[f"schema/{one['id']}/properties/{each['id']}"] = here
    return found
