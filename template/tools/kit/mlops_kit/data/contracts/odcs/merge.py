"""What a contract declares, put into conf/sources.yaml beside what stands there already.

A contract is followed in what it says. What it is silent about stays: a range that the team has
declared is not lost because the contract has none.
"""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import scratch_beside, unified, write_text
from mlops_kit.data.config import SOURCES_FILE, Column, Landed, Sources, load_sources
from mlops_kit.data.contract import Contract
from mlops_kit.data.contracts.declared import referred
from mlops_kit.data.contracts.odcs.given import Given, given
from mlops_kit.data.contracts.odcs.sources_text import COLUMNS, changed
from mlops_kit.data.types import WITHOUT_ORDER, parse

# What a contract promises of a table that stands here already; where it lies is this project's.
OF_TABLE = ("time", "rows", "fresh_within", "key")


class Merged(NamedTuple):
    """The new text of conf/sources.yaml, how things were understood, and what is lost."""

    text: str
    said: list[str]
    lost: list[str]


class Imported(NamedTuple):
    """What came of a contract: `passed` is what else has no counterpart, by its key with places."""

    contract: str
    said: list[str]
    lost: list[str]
    passed: dict[str, list[str]]
    difference: str
    written: bool

    def shown(self) -> str:
        """Say it for a person."""
        lines = [f"contract   {self.contract}", *(f"read       {one}" for one in self.said)]
        lines += [f"unchecked  {one}" for one in self.lost]
        for key, places in self.passed.items():
            more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
            lines.append(f"not taken  {key} of {places[0]}{more}")
        if not self.difference:
            return "\n".join([*lines, f"{SOURCES_FILE.as_posix()} says all of this already"])
        done = f"wrote {SOURCES_FILE.as_posix()}" if self.written else (
            "nothing is written; with --write it is"
        )  # fmt: skip
        return "\n".join([*lines, self.difference.rstrip("\n"), done])


def imported(path: Path, source: str | None = None, write: bool = False) -> Imported:
    """Read a contract, and show what it changes in conf/sources.yaml, or write it.

    Raises
    ------
    MlopsError
        When it is no contract, its tables have no source, or the file would be refused.
    """
    found = given(path)
    config = load_sources()
    text = SOURCES_FILE.read_text(encoding="utf-8")
    made = merged(found, config, text, source)
    difference = unified(text, made.text, SOURCES_FILE)
    if write and difference:
        write_text(SOURCES_FILE, made.text)
    return Imported(
        found.title, made.said, made.lost, found.passed, difference, write and bool(difference)
    )


def merged(found: Given, config: Sources, text: str, source: str | None = None) -> Merged:
    """Put a contract into conf/sources.yaml.

    Parameters
    ----------
    config, text : Sources, str
        What conf/sources.yaml says, and its text.
    source : str, optional
        The source of tables that do not stand there yet.

    Raises
    ------
    MlopsError
        When new tables have no source, or the file would be refused.
    """
    import yaml

    there = yaml.safe_load(text)["tables"]
    said, lost = list(found.said), list(found.lost)
    tables: dict[str, dict[str, Any]] = {}
    for name, declared in found.tables.items():
        if not declared[COLUMNS]:
            lost.append(f"{name}: none of its columns can be read; the table is not taken")
        elif name in there:
            tables[name] = _existing(name, declared, there[name], said)
        else:
            tables[name] = _new(name, declared, config, source)
    _check_keys(tables, there, config, lost)
    _check_references(tables, there, lost)
    for name, declared in tables.items():
        old = there.get(name, {}).get(COLUMNS, {})
        for column, one in list(declared[COLUMNS].items()):
            before = old.get(column)
            new = _column(f"{name}.{column}", one)
            if before is not None and Column.model_validate(before) == new:
                del declared[COLUMNS][column]
            else:
                kept = new.model_dump(exclude_defaults=True)
                declared[COLUMNS][column] = {key: one[key] for key in one if key in kept}
    made = changed(text, tables)
    _check(made)
    return Merged(made, said, lost)


def _existing(
    name: str, declared: dict[str, Any], old: dict[str, Any], said: list[str]
) -> dict[str, Any]:
    table = {
        key: declared[key]
        for key in OF_TABLE
        if key in declared and declared[key] != old.get(key)
    }  # fmt: skip
    columns = {
        column: {**old[COLUMNS].get(column, {}), **_typed(one, old[COLUMNS].get(column))}
        for column, one in declared[COLUMNS].items()
    }
    if stay := [column for column in old[COLUMNS] if column not in columns]:
        said.append(f"{name}: not in the contract, and stays: {', '.join(stay)}")
    return table | {COLUMNS: columns}


def _typed(one: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """Return what is declared of a column, of its own only: of a new one it may be empty."""
    if old is None and "nullable" not in one:
        return one | {"nullable": True}  # the standard's default
    return one


def _new(
    name: str, declared: dict[str, Any], config: Sources, chosen: str | None
) -> dict[str, Any]:
    own = declared.get("source")
    source = chosen or (own if own in config.sources else None)
    known = ", ".join(config.sources)
    if source is None:
        raise MlopsError(
            f"{SOURCES_FILE.as_posix()} has no table {name}: say where it is read from by "
            f"--source; there are {known}."
        )
    if source not in config.sources:
        raise MlopsError(
            f"--source {source}: {SOURCES_FILE.as_posix()} declares none; there are {known}."
        )
    if config.sources[source].kind == "sample":
        declared = {key: one for key, one in declared.items() if key != "path"}
    columns = {column: _typed(one, None) for column, one in declared[COLUMNS].items()}
    return {"source": source, **{key: one for key, one in declared.items() if key != "source"},
            COLUMNS: columns}  # fmt: skip


def _check_keys(
    tables: dict[str, dict[str, Any]], there: dict[str, Any], config: Sources, lost: list[str]
) -> None:
    """Name keys of several columns where nothing here checks them: in files and the sample."""
    for name, declared in tables.items():
        source = declared.get("source") or there[name]["source"]
        if "key" in declared and not isinstance(config.sources[source], Landed):
            key = declared.pop("key")
            lost.append(f"{name}: primary key of several columns ({', '.join(key)})")


def _check_references(
    tables: dict[str, dict[str, Any]], there: dict[str, Any], lost: list[str]
) -> None:
    """Name foreign keys that cannot be checked: to no column, to another type, or in a circle."""
    types = {
        f"{name}.{column}": one["type"]
        for each in (there, tables)
        for name, declared in each.items()
        for column, one in declared[COLUMNS].items()
    }
    asked: dict[str, set[str]] = {
        name: {
            referred(one["references"])[0]
            for one in declared[COLUMNS].values()
            if one.get("references")
        }
        for name, declared in there.items()
    }
    for name, declared in tables.items():
        for column, one in declared[COLUMNS].items():
            if (reference := one.get("references")) is None:
                continue
            other = referred(reference)[0]
            here = f"{name}.{column}"
            why = None
            if parse(types[here]).name in WITHOUT_ORDER:
                why = f"of a {types[here]}"
            elif types.get(reference) != types[here]:
                why = f"{types[here]} there, {types.get(reference, 'not read')} here"
            elif other != name and _circle(asked, name, other):
                why = "tables refer to each other in a circle"
            if why is None:
                asked.setdefault(name, set()).add(other)
            else:
                del one["references"]
                lost.append(f"{here}: foreign key to {reference} ({why})")


def _circle(asked: dict[str, set[str]], name: str, other: str) -> bool:
    tried = {one: others - {one} for one, others in asked.items()}
    tried[name] = tried.get(name, set()) | {other}
    try:
        TopologicalSorter(tried).prepare()
    except CycleError:
        return True
    return False


def _column(place: str, one: dict[str, Any]) -> Column:
    from pydantic import ValidationError

    try:
        return Column.model_validate(one)
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise MlopsError(f"Nothing was written: with this contract, {place}: {said}.") from None


def _check(text: str) -> None:
    """Read the new text as the run will.

    Raises
    ------
    MlopsError
        When it is refused; in the words of the file itself.
    """
    with scratch_beside(SOURCES_FILE) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
        try:
            config = load_sources(Path(beside))
            for name, table in config.tables.items():
                Contract(name, table)
        except MlopsError as error:
            said = str(error).replace(beside.as_posix(), SOURCES_FILE.as_posix())
            raise MlopsError(f"Nothing was written: with this contract, {said}") from error
