"""What a person asks of `mlops data describe`, checked against the table."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal
from mlops_kit.core.words import counted
from mlops_kit.data.config import Column, Table
from mlops_kit.data.describing.columns.column import OFTEN, Seen
from mlops_kit.data.describing.related import Group, group_of
from mlops_kit.data.describing.sample_files import sql_name
from mlops_kit.data.describing.table import Described, is_key_by_name
from mlops_kit.data.sources.missing import no_column
from mlops_kit.data.types import NUMBERS

ROW = "row_id"
FEW_LEVELS = 50
LISTS = ("nulls", "allowed")  # of which one value is meant where no list is written
# Of a column by its type: more whole numbers are an amount.
MOST_CLASSES = Counter({"string": FEW_LEVELS, "integer": 20})


@dataclass(frozen=True)
class Asked:
    """What a person asks of the first features: see the options of `mlops data describe`."""

    target: str | None = None
    id: str | None = None
    time: str | None = None
    known: str | None = None
    undecided: str = "undecided"
    group: str | None = None

    @property
    def names(self) -> set[str]:
        """What may name a column: each text, its parts, and what stands before an `=`."""
        texts = [text for text in (self.id, self.target, self.time, self.known, self.group) if text]
        parts = [part.strip() for text in texts for part in text.split(",")]
        return {*texts, *parts, (self.target or "").rpartition("=")[0]}


def declared(settings: list[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Take what is declared apart, into options of the table and of columns."""
    options: dict[str, Any] = {}
    given: dict[str, dict[str, Any]] = {}
    of_tables = set(Table.model_fields) - {"source", "path", "time", "columns"}
    for setting in settings:
        key, equals, text = setting.partition("=")
        column, _, option = key.rpartition(".")
        if not equals or not (key in of_tables or (column and option in Column.model_fields)):
            raise MlopsError(
                f'--set "{setting}" is not understood: write option=value for the table '
                f"({', '.join(sorted(of_tables))}), or column.option=value "
                f"({', '.join(Column.model_fields)})."
            )
        value = _value(text)
        if (key if key in of_tables else option) in LISTS and not isinstance(value, list):
            value = [value]
        (options if key in of_tables else given.setdefault(column, {}))[
            key if key in of_tables else option
        ] = value
    for rule in given.values():
        if "format" in rule and "type" not in rule:
            form = str(rule["format"])
            clock = any(code in form for code in ("%H", "%I", "%T", "%R"))
            rule["type"] = "timestamptz" if "%z" in form else "timestamp" if clock else "date"
    _check(Table, {"source": "mine", "columns": {"x": {"type": "string"}}} | options, "")
    for column, rule in given.items():
        _check(Column, {"type": "string"} | rule, f"{column}.")
    return options, given


def _check(model: type[Table] | type[Column], rule: dict[str, Any], whose: str) -> None:
    from pydantic import ValidationError

    try:
        model.model_validate(rule)
    except ValidationError as error:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        option = ".".join(map(str, first["loc"])) or next(iter(rule))
        raise MlopsError(f"--set {whose}{option}: {said}.") from None


def _value(text: str) -> Any:
    import yaml

    if len(text) < 2 and not text.isdigit():
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def identity(made: Described, asked: Asked) -> tuple[str, dict[str, dict[str, Any]], str]:
    """Find what identifies a row: as asked, a key by its name, or a number that is given to it."""
    if asked.id is not None:
        names = [name.strip() for name in asked.id.split(",")]
        for name in names:
            check_column(made, name, "--id")
        if len(names) == 1:
            return names[0], {}, "as asked"
        return ROW, {ROW: {"type": "string", "made": {"hash": names}}}, "a code of what was asked"
    found = [name for name in made.keys if is_key_by_name(name)]
    if len(found) == 1:
        return found[0], {}, f"no value of it stands twice in {counted(made.rows, 'row')}"
    name = ROW
    while name.casefold() in {one.casefold() for one in made.written.names}:
        name += "_"
    why = f"{len(made.keys)} columns have no value twice, none of them an id by its name"
    if found:
        why = f"{', '.join(found)} could all be it: say which by --id"
    return name, {name: {"type": "integer", "unique": True, "made": "row_number"}}, why


def group(made: Described, asked: Asked, entity: str) -> Group | None:
    """Find whose rows belong together, where there are features to be written."""
    if not asked.target:
        if asked.group is not None:
            raise MlopsError("--group is for the split of a --target; name that too.")
        return None
    target = split_target(made, asked)[0]
    others = tuple(filter(None, (entity, target, asked.time)))
    return group_of(made, asked.group, others, check_column)


def known(made: Described, asked: Asked) -> dict[str, str]:
    """Return which columns are known before the time of their row."""
    if asked.time is None:
        return {}
    seen = check_column(made, asked.time, "--time")
    if seen.type not in ("date", "timestamp", "timestamptz", "datetime"):
        raise MlopsError(f'--time: "{asked.time}" is of type {seen.type}, which is no time.')
    if asked.known is None and asked.target:
        raise MlopsError(
            f"--time: say which columns are known before {asked.time}, or nothing of a row may be "
            "a feature of it: --known all, or --known with their names and a comma between."
        )
    names = [name.strip() for name in (asked.known or "").split(",") if name.strip()]
    if names == ["all"]:
        target = split_target(made, asked)[0] if asked.target else None
        names = [name for name in made.read if name != target]
    for name in names:
        check_column(made, name, "--known")
    return dict.fromkeys([asked.time, *names], "in_advance") if names else {}


def check_column(made: Described, name: str, option: str) -> Seen:
    """Return a column that is read, or refuse."""
    one = made.columns.get(name)
    if one is None:
        whose = f"{option}: {made.place.as_posix()}"
        raise MlopsError(f"{no_column(whose, name, list(made.columns))}.")
    if one.left_out:
        raise MlopsError(f'{option}: "{name}" cannot be used: {one.left_out}.')
    return one


def split_target(made: Described, asked: Asked) -> tuple[str, str | None]:
    """Take COLUMN or COLUMN=VALUE apart; a column may have that name itself."""
    target = asked.target or ""
    if target in made.columns or "=" not in target:
        return target, None
    column, _, value = target.rpartition("=")
    return column, value


def outcome_of(made: Described, asked: Asked, task: str) -> tuple[str, str, int]:
    """Return the column of the outcome, the SQL that makes y_true of it, and how many classes."""
    name, value = split_target(made, asked)
    one = check_column(made, name, "--target")
    column = sql_name(name)
    if task == "recommendation":
        raise MlopsError("--target is for one outcome a row; a recommendation has lists of items.")
    if task == "regression":
        if one.type.partition("(")[0] not in NUMBERS:
            raise MlopsError(
                f'--target: "{name}" is of type {one.type}, and regression takes numbers.'
            )
        return name, column, 0
    if value is not None:
        # As files with a blank after each comma have it, and a person does not type it.
        alike = [level for level in one.levels if level.strip() == value.strip()]
        if value not in one.levels and len(alike) != 1:
            raise MlopsError(f'--target: no row has that value in "{name}", or it has too many.')
        value = value if value in one.levels else alike[0]
        written = value if one.type in NUMBERS else literal(value)
        return name, f"CAST({column} = {written} AS BIGINT)", 2
    if one.type == "boolean":
        return name, f"CAST({column} AS BIGINT)", 2
    if one.type in NUMBERS and one.levels and {float(level) for level in one.levels} <= {0.0, 1.0}:
        return name, f"CAST({column} AS BIGINT)" if one.type != "integer" else column, 2
    if 2 < one.distinct <= MOST_CLASSES[one.type]:
        return name, column, one.distinct
    shown = ""
    if one.distinct <= 20 and min(one.levels.values(), default=0) >= OFTEN:
        shown = f" ({', '.join(one.levels)})"
    raise MlopsError(
        f'--target: "{name}" has {counted(one.distinct, "value")}{shown}, and an outcome is 0 or '
        f"1, or one of three classes or more: say which value is 1, --target '{name}=VALUE'."
    )
