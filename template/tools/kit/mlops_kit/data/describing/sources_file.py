"""conf/sources.yaml of a described table, each guess with its evidence beside it."""

from collections.abc import Mapping
from typing import Any

from mlops_kit.core.files import flow
from mlops_kit.core.words import counted
from mlops_kit.data.config import Column
from mlops_kit.data.describing.columns.column import Seen
from mlops_kit.data.describing.table import TYPES_OF_KEYS, Described
from mlops_kit.data.landing.described import Origin

KNOWN = ("type", *Column.model_fields)


def text(
    made: Described, entity: str, ids: Mapping[str, dict[str, Any]], time: str | None,
    known: Mapping[str, str], why: str, origin: Origin | None = None,
) -> str:  # fmt: skip
    """Write the file.

    Parameters
    ----------
    entity : str
        Column that identifies a row.
    ids : mapping
        Contracts of columns that are made when the table is read.
    known : mapping
        By column: when it is known.
    why : str
        Why the entity is that column.
    origin : Origin, optional
        The database that the table is from.
    """
    if origin is None:
        folder = {"kind": "files", "folder": made.place.parent.as_posix()}
        origin = Origin("mine", folder, made.place.name)
    options = {key: value for key, value in made.written.options.items() if key != "choices"}
    lines = [
        f"# Described by `uv run mlops data describe` from all {counted(made.rows, 'row')} of "
        f"{len(made.files)} {'file' if len(made.files) == 1 else 'files'}.",
        "# Each guess has its evidence beside it: read it, and correct what is wrong.",
        *(f"# {said}" for said in made.written.said),
        f"# Not read in the folder: {_names(made)}." if made.not_read else None,
        "",
        f"entity: {flow({'table': made.name, 'column': entity})} # {why}",
        "",
        "sources:",
        f"  {flow(origin.name)}: {flow(origin.source)}",
        "",
        "tables:",
        f"  {flow(made.name)}:",
        f"    source: {flow(origin.name)}",
        f"    path: {flow(origin.path)}",
        *(f"    {key}: {flow(value)}" for key, value in options.items()),
        *_choices(made.written.options.get("choices")),
        f"    time: {flow(time)} # as asked" if time else None,
        "    columns:",
        *(f"      {flow(name)}: {flow(contract)} # {_consequence(contract, name == entity)}"
          for name, contract in ids.items()),
        *(line for one in made.columns.values() for line in _column(one, entity, known)),
        *(f"      # {flow(name)}: not read: {reason}"
          for name, reason in made.written.unread.items()),
    ]  # fmt: skip
    return "\n".join(line for line in lines if line is not None) + "\n"


def contract(one: Seen, entity: str, known: Mapping[str, str]) -> dict[str, Any]:
    """Return what is declared of a column."""
    found: dict[str, Any] = {"type": one.type}
    found |= {key: value for key, value in one.options.items() if key in KNOWN}
    if one.name == entity and one.is_unique:
        found["unique"] = True
    if one.name in known:
        found["known"] = known[one.name]
    return found


def _column(one: Seen, entity: str, known: Mapping[str, str]) -> list[str]:
    name = flow(one.name)
    if one.left_out:
        return [f"      # {name}: not read: {one.left_out}"]
    said = [one.evidence]
    if one.missing:
        markers = ", ".join(f"{marker} {count:,}" for marker, count in one.missing.most_common(4))
        said.append(f"missing: {markers}")
    if one.is_unique and one.name != entity and one.type in TYPES_OF_KEYS:
        said.append("no value stands twice")
    if "twin" in one.options:
        said.append(f"equal to {one.options['twin']} in every row")
    lines = [
        f"      {name}: {flow(contract(one, entity, known))} # {'; '.join(filter(None, said))}"
    ]
    lines += [f"      # ask: {question}" for question in one.questions]
    for form in one.options.get("choices", []):
        chosen = contract(one, entity, known) | {"format": form}
        lines.append(f"      # {name}: {flow(chosen)}")
    lines += [f"      # note: {note}" for note in one.notes]
    return lines


def _choices(choices: list[dict[str, str]] | None) -> list[str]:
    """Write the ways of writing numbers that are possible, for a person to take one."""
    if not choices:
        return []
    lines = ["    # ask: numbers have these readings, and the run refuses until one is chosen:"]
    for number, choice in enumerate(choices, 1):
        lines += [f"    # {key}: {flow(value)} # reading {number}" for key, value in choice.items()]
    return lines


def _consequence(contract: Mapping[str, Any], is_id: bool) -> str:
    if contract["made"] == "row_number":
        return (
            "the number of the row: keep the order of the file, or ids and the split change; rows "
            "of one person are strangers to each other, and copies may fall on both sides"
        )
    if not is_id:
        return "a code of these columns: rows equal in them belong together"
    return "a code of these columns: rows equal in them share it, count once, and stay on one side"


def _names(made: Described) -> str:
    return ", ".join(one.name for one in made.not_read[:5])
