"""The first features.py of one table, and what params.yaml and compare.yaml must say for it."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.sql import literal
from mlops_kit.data.config import MOMENTS, NUMBERS, PIPELINE
from mlops_kit.data.describing.column import OFTEN, Seen
from mlops_kit.data.describing.kept import spaced
from mlops_kit.data.describing.sample_files import for_table, sql_name
from mlops_kit.data.describing.table import Described, is_key_by_name

OWN_TEXTS = 0.9  # of the rows with a text of their own, from which it is no category
FEW_LEVELS = 50
WIDTH = 96


@dataclass(frozen=True)
class Asked:
    """What a person asks of the first features: see the options of `mlops data describe`."""

    target: str | None = None
    id: str | None = None
    time: str | None = None
    known: str | None = None
    undecided: str = "undecided"


def texts(
    made: Described,
    asked: Asked,
    task: str,
    identity: tuple[str, Mapping[str, dict[str, Any]]],
    withheld: Mapping[str, str],
    file: Path,
) -> tuple[dict[Path, str], list[str]]:
    """Write features.py, and adapt params.yaml and conf/compare.yaml from the sample to the table.

    Parameters
    ----------
    identity : tuple
        The column that identifies a row, and the contracts of columns that are made.
    withheld : mapping
        By table.column: why features cannot read it.
    file : Path
        The table as it is written in the file.

    Returns
    -------
    dict of Path to str, list of str
        The files, and what a person has to do besides.

    Raises
    ------
    MlopsError
        When the target is no outcome of the task.
    """
    entity, ids = identity
    target, outcome = _outcome(made, asked, task)
    excluded = _excluded(made, asked, entity, target, file) | {
        name: why for name in made.read if (why := withheld.get(f"{made.name}.{name}"))
    }
    if target in excluded and f"{made.name}.{target}" in withheld:
        raise MlopsError(
            f'"{target}" cannot be the target yet, because {excluded[target]}: describe without '
            "--target, decide about it there, and add features.py then."
        )
    features = [name for name in made.read if name not in (*excluded, entity, target, asked.time)]
    if not features:
        raise MlopsError("No column is left as a feature: " + "; ".join(
            f"{name}: {why}" for name, why in list(excluded.items())[:5]) + ".")  # fmt: skip
    excluded.pop(target, None)
    once = any(isinstance(one["made"], dict) for one in ids.values())
    code = _features_py(made, asked, (entity, target, outcome), features, excluded, once)
    files = {_package_file("features.py"): code}
    said = [f"{len(features)} features, {len(excluded)} columns left out: features.py says why"]
    files |= for_table(task, made.rows, timed=asked.time is not None)
    if asked.time is not None:
        said.append(
            "params.yaml: split.gap_days, the days until an outcome is known, is yours to say"
        )
    elif times := [one.name for one in made.read.values() if one.type in MOMENTS]:
        said.append(
            f"{', '.join(times[:3])}: without --time nothing is checked for looking into the future"
        )
    said.append(
        "conf/compare.yaml: primary.min_effect, the smallest gain worth a change, is yours to say"
    )
    return files, said


def check_column(made: Described, name: str, option: str) -> Seen:
    """Return a column that is read, or refuse."""
    one = made.columns.get(name)
    if one is None:
        raise MlopsError(f'{option}: {made.place.as_posix()} has no column "{name}".')
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


def _outcome(made: Described, asked: Asked, task: str) -> tuple[str, str]:
    """Return the column of the outcome, and the SQL that makes y_true of it."""
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
        return name, column
    if value is not None:
        if value not in one.levels:
            raise MlopsError(f'--target: no row has that value in "{name}", or it has too many.')
        written = value if one.type in NUMBERS else literal(value)
        return name, f"CAST({column} = {written} AS BIGINT)"
    if one.type == "boolean":
        return name, f"CAST({column} AS BIGINT)"
    if one.type in NUMBERS and one.levels and {float(level) for level in one.levels} <= {0.0, 1.0}:
        return name, f"CAST({column} AS BIGINT)" if one.type != "integer" else column
    shown = ""
    if one.distinct <= 20 and min(one.levels.values(), default=0) >= OFTEN:
        shown = f" ({', '.join(one.levels)})"
    raise MlopsError(
        f'--target: "{name}" has {one.distinct:,} values{shown}, and an outcome is 0 or 1: say '
        f"which value is 1, --target '{name}=VALUE'."
    )


def _excluded(
    made: Described, asked: Asked, entity: str, target: str, file: Path
) -> dict[str, str]:
    """Say of columns why they are no features."""
    known = {name.strip() for name in (asked.known or "").split(",")}
    spellings = _spellings(made, target, file)
    found: dict[str, str] = {}
    for name, one in made.read.items():
        texts = one.type == "string" and one.distinct >= OWN_TEXTS * (
            one.rows - one.missing.total()
        )
        if name in (entity, asked.time):
            continue
        if one.questions:
            found[name] = "it waits for an answer in conf/sources.yaml"
        elif one.distinct == 1 and not one.missing:
            found[name] = "the same in every row"
        elif "twin" in one.options:
            found[name] = f"equal to {one.options['twin']} in every row"
        elif name in spellings:
            found[name] = f"it tells {target} one to one: the outcome in another spelling"
        elif one.type in MOMENTS:
            found[name] = "a date or time, which no model reads: say what counts about it"
        elif one.type == "integers":
            found[name] = "a list: say what counts about it"
        elif texts and one.distinct > FEW_LEVELS:
            found[name] = "a text of its own in nearly every row"
        elif one.is_unique and is_key_by_name(name):
            found[name] = "it identifies rows, as its name says"
        elif asked.time and known != {"all"} and name not in known:
            found[name] = f"not known before {asked.time}, as far as --known says"
    return found


def _spellings(made: Described, target: str, file: Path) -> set[str]:
    """Columns that have one value for each value of the target, and the other way round."""
    levels = made.columns[target].distinct
    alike = [one.name for one in made.read.values()
             if one.distinct == levels and one.name != target]  # fmt: skip
    if not 2 <= levels <= FEW_LEVELS or not alike:
        return set()
    frame = spaced(file, [target, *alike], 1)
    return {name for name in alike if frame.select(target, name).drop_nulls().n_unique() == levels}


def _features_py(
    made: Described,
    asked: Asked,
    keys: tuple[str, str, str],
    features: list[str],
    excluded: Mapping[str, str],
    once: bool,
) -> str:
    entity, target, outcome = keys
    select = "SELECT DISTINCT" if once else "SELECT"
    key = f"{_as(entity, 'id')}" + (f", {_as(asked.time, 'time')}" if asked.time else "")
    columns = _wrapped([key, *(_feature(name) for name in features)], select)
    table = sql_name(made.name)
    there = (
        f"\n        WHERE {sql_name(target)} IS NOT NULL" if made.columns[target].missing else ""
    )
    reasons = "\n".join(
        textwrap.fill(f"{json.dumps(name, ensure_ascii=False)}: {why}", WIDTH,
                      initial_indent="# ", subsequent_indent="#   ")
        for name, why in excluded.items()
    )  # fmt: skip
    left_out = f"\n# Not among the features, and why:\n{reasons}\n" if excluded else ""
    return f'''"""Which rows are predicted, what is known about each, and what came true.

Written by `uv run mlops data describe` from one table; from here on it is yours. Each function
returns one SQL text that DuckDB runs over the tables of data/open; `params` is the `features:`
section of params.yaml.
"""
{left_out}

def rows(params: dict) -> str:
    """Select what is predicted: every row of the table."""
    return """
        {select} {_python(key)}
        FROM {_python(table)}
    """


def features(params: dict) -> str:
    """Select what is known of a row."""
    return """
{_python(columns)}
        FROM {_python(table)}
    """


def target(params: dict) -> str:
    """Select the outcome of a row."""
    return """
        {select} {_python(key)}, {_python(outcome)} AS y_true
        FROM {_python(table)}{_python(there)}
    """
'''


def _wrapped(parts: list[str], select: str) -> str:
    """Write what is selected in lines, each name whole."""
    lines = [f"        {select} {parts[0]}"]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 2 < WIDTH:
            lines[-1] += f", {part}"
        else:
            lines[-1] += ","
            lines.append(f"{'':15}{part}")
    return "\n".join(lines)


def _feature(name: str) -> str:
    return _as(name, name + "_") if name.casefold() in PIPELINE else sql_name(name)


def _as(name: str, other: str) -> str:
    return name if name == other else f"{sql_name(name)} AS {sql_name(other)}"


def _python(sql: str) -> str:
    """Write SQL inside of three quotes."""
    return sql.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _package_file(name: str) -> Path:
    """Return a file of the team's package, from the project's folder where it is inside."""
    folder, here = team.folder().resolve(), Path.cwd().resolve()
    return (folder.relative_to(here) if folder.is_relative_to(here) else folder) / name
