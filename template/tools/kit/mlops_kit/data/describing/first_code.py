"""The first features.py of one table, and what params.yaml and compare.yaml must say for it."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_kit.core import team
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import PIPELINE
from mlops_kit.data.describing.asked import FEW_LEVELS, Asked, outcome_of
from mlops_kit.data.describing.kept import spaced
from mlops_kit.data.describing.related import Group, alike_neighbours, alike_outcomes, years_of
from mlops_kit.data.describing.sample_files import for_table, sql_name
from mlops_kit.data.describing.table import Described, is_key_by_name
from mlops_kit.data.types import MOMENTS, parse

# What no model reads, by the type of its column, and what to do instead.
NO_FEATURE = {
    "time": "a time of day, which no model reads: say what counts about it, such as its hour",
    "binary": "bytes, which no model reads: say what counts about them, such as octet_length",
    "json": "JSON, which no model reads: say what counts about it, such as json_extract",
    **dict.fromkeys(("integers", "list"), "a list: say what counts about it"),
    "struct": "a struct: say which of its fields count",
}
OWN_TEXTS = 0.9  # of the rows with a text of their own, from which it is no category
WIDTH = 96


def texts(
    made: Described,
    asked: Asked,
    task: str,
    identity: tuple[str, Mapping[str, dict[str, Any]]],
    group: Group | None,
    withheld: Mapping[str, str],
    file: Path,
) -> tuple[dict[Path, str], list[str]]:
    """Write features.py, and adapt params.yaml and conf/compare.yaml from the sample to the table.

    Parameters
    ----------
    identity : tuple
        The column that identifies a row, and the contracts of columns that are made.
    group : Group, optional
        The column whose rows stay together.
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
    target, outcome, classes = outcome_of(made, asked, task)
    excluded = _excluded(made, asked, entity, target, file) | {
        name: why for name in made.read if (why := withheld.get(f"{made.name}.{name}"))
    }
    if group is not None and group.column in made.read:
        excluded.setdefault(group.column, "its rows stay together, and new ones have new values")
    features = [name for name in made.read if name not in (*excluded, entity, target, asked.time)]
    if not features:
        raise MlopsError(_no_features(made, excluded, task, (target, asked.time)))
    excluded.pop(target, None)
    once = isinstance(ids.get(entity, {}).get("made"), dict)
    shown = group is not None and f"{made.name}.{group.column}" not in withheld
    together = group.column if group is not None and shown else None
    code = _features_py(made, asked, (entity, target, outcome), features, excluded, once, together)
    files = {_package_file("features.py"): code}
    said = [
        f"{len(features)} feature{'s' * (len(features) > 1)}; features.py says of each other "
        "column why it is none"
    ]
    for name, what in ((target, "the outcome"), (asked.time, "the time of a row")):
        if why := withheld.get(f"{made.name}.{name}"):
            said.append(f"{name} is {what}, and {why}: the run refuses until you let it pass there")
    by = None if group is None else (group.column, group.why)
    files |= for_table(task, made.rows, asked.time is not None, by, classes)
    if group is not None:
        said.append(
            f"rows of one {group.column} stay on one side of the split ({group.why})"
            if asked.time is None
            else f"rows of one {group.column} count together in the interval ({group.why})"
        )
    elif asked.group is None and asked.time is None and once is False:
        parts = {entity: 0, target: 0}
        told = [alike_neighbours(made, file, parts), alike_outcomes(made, file, target, parts)]
        said += filter(None, told)
    if group is not None and not shown:
        said.append(
            f"rows() does not give {group.column}, because "
            f"{withheld[f'{made.name}.{group.column}']}: the interval counts rows, not its values, "
            "and is too narrow until it passes as a token"
        )
    if asked.time is not None:
        said.append(
            "params.yaml: split.gap_days, the days until an outcome is known, is yours to say"
        )
    elif times := [one.name for one in made.read.values() if one.type in MOMENTS]:
        said.append(
            f"{', '.join(times[:3])}: without --time nothing is checked for looking into the "
            "future; describe again with --time and --known, and with --write"
        )
    elif years := years_of(made):
        said.append(
            f"{years} tells when a row is: --set '{years}.format=%Y' --time '{years}' tries the "
            "model on later years; without, rows of each year are on both sides of the split"
        )
    said.append(
        "conf/compare.yaml: primary.min_effect, the smallest gain worth a change, is yours to say"
    )
    return files, said


def _no_features(
    made: Described, excluded: Mapping[str, str], task: str, asked: tuple[str, str | None]
) -> str:
    """Say why nothing is left, and what a series of its own past needs."""
    besides = " and ".join(filter(None, asked))
    why = "; ".join(f"{name}: {said}" for name, said in list(excluded.items())[:5])
    times = [one.name for one in made.read.values() if one.type in MOMENTS]
    series = task == "regression" and times
    more = ": a series is forecast from its own past, docs/forecasting.md shows how"
    because = f" ({why})" if why else ""
    return f"No column is left as a feature besides {besides}{because}{more if series else ''}."


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
        elif said := NO_FEATURE.get(parse(one.type).name):
            found[name] = said
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
    group: str | None,
) -> str:
    entity, target, outcome = keys
    select = "SELECT DISTINCT" if once else "SELECT"
    key = f"{_as(entity, 'id')}" + (f", {_as(asked.time, 'time')}" if asked.time else "")
    with_group = key + (f", {_as(group, 'group')}" if group else "")
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
        {select} {_python(with_group)}
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
