"""`mlops data describe`: from a file of one's own to the configuration that reads it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlops_kit
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import remove_leftovers, unified, write_texts
from mlops_kit.core.settings import load_settings, read_config
from mlops_kit.core.words import counted
from mlops_kit.data.config import SOURCES_FILE, Sources, Table
from mlops_kit.data.contract import Contract
from mlops_kit.data.describing import asked as questions
from mlops_kit.data.describing import first_code, sources_file
from mlops_kit.data.describing.asked import Asked
from mlops_kit.data.describing.kept import spaced
from mlops_kit.data.describing.table import Described, described
from mlops_kit.data.landing.described import files_in, landed_from
from mlops_kit.data.sources.ids import with_ids
from mlops_kit.room import Draft, Wanted, raw_zone, rooms

if TYPE_CHECKING:
    import polars

SEEDS = Path(mlops_kit.__file__).parents[1] / "seeds.json"
SAMPLE = 20_000
# What is declared of files that are rows: only new ones are looked at, and bad ones set aside.
OF_FILES = ("cursor=modified", "key=[path]", "state.type=string", "state.allowed=[ok]")


@dataclass
class Description:
    """What was found, the files that say it, and what a person has to do."""

    made: Described
    files: dict[Path, str]
    said: list[str]

    def record(self) -> dict[str, Any]:
        """Return counts, names and types; no value of any row."""
        made = self.made
        return {
            "table": made.name,
            "files": [file.name for file in made.files],
            "not_read": [file.name for file in made.not_read],
            "rows": made.rows,
            "written": {k: v for k, v in made.written.options.items() if k != "choices"},
            "keys": made.keys,
            "columns": {
                name: {
                    "type": None if one.left_out else one.type,
                    "missing": dict(one.missing.most_common()),
                    "distinct": one.distinct,
                    "evidence": one.left_out or one.evidence,
                    "questions": one.questions,
                    "notes": one.notes,
                }
                for name, one in made.columns.items()
            },
            "notes": made.notes,
            "unread": made.written.unread,
            "questions": made.asked(),
            "next": self.said,
        }


def describe(given: str | Path, settings: list[str], asked: Asked) -> Description:
    """Read all of a file, folder or table and make the texts of the files that describe it.

    Parameters
    ----------
    given : str or Path
        A file, a folder of files, or the address of a table in a database, which is landed.
    settings : list of str
        What a person declares: `option=value` of the table, `column.option=value` of a column.
    asked : Asked
        Target, id and time of the first features, if they are wanted.

    Raises
    ------
    MlopsError
        When it cannot be read, or is asked for what it does not have.
    """
    place, origin, landed = Path(given), None, None
    if "://" in str(given):
        landed = landed_from(str(given), questions.declared(settings)[1])
    elif not place.exists():
        raise MlopsError(f"{place.as_posix()} does not exist; give a file or a folder of files.")
    if place.is_absolute() and place.is_relative_to(Path.cwd()):
        place = place.relative_to(Path.cwd())
    given = place
    if place.is_dir():
        landed = files_in(place.as_posix())
    if landed:
        place, origin = landed
        if origin.path == ".":
            settings = [*OF_FILES, *settings]
            asked = replace(asked, id=asked.id or "path")
        settings = [*(f"{one}.type=string" for one in origin.texts), *settings]
    options, told = questions.declared(settings)
    with described(place, options, told, raw_zone(), asked.names) as (made, file):
        entity, ids, why = questions.identity(made, asked)
        known = questions.known(made, asked)
        group = questions.group(made, asked, entity)
        ids |= group.made if group is not None else {}
        text = sources_file.text(made, entity, ids, asked.time, known, why, origin)
        files = {SOURCES_FILE: text}
        sources = _checked(files[SOURCES_FILE], made)
        draft, said = Draft(), []
        if not made.asked():
            by = None if group is None else group.column
            target = questions.split_target(made, asked)[0] if asked.target else None
            draft = _drafts(sources, file, made, Wanted(asked.undecided, by, target, asked.time))
            files |= draft.files
        else:
            said.append(
                "answer each question with --set, or choose among the readings that stand as "
                "comments in conf/sources.yaml; the run refuses before"
            )
        said += draft.said
        if given.is_absolute() or ".." in given.parts:
            said.append(
                f"{given.as_posix()} is a place of this machine: put it under data/raw and "
                "describe it there, so that others can run this"
            )
        if asked.target:
            task = load_settings().task
            code, more = first_code.texts(
                made, asked, task, (entity, ids), group, draft.withheld, file
            )
            files |= code
            said += more
    return Description(made, files, said)


def write(description: Description, anyway: bool) -> list[str]:
    """Write the files, all or none, and nothing while something is to be asked, unless `anyway`.

    Raises
    ------
    MlopsError
        When one is there that somebody has changed since it was rendered, unless `anyway`.
    """
    if description.made.asked() and not anyway:
        return []
    seeds = json.loads(SEEDS.read_text(encoding="utf-8")) if SEEDS.is_file() else {}
    changed = [
        path
        for path, text in description.files.items()
        if path.is_file() and not _may_go(path, text, seeds)
    ]
    if changed and not anyway:
        names = ", ".join(path.as_posix() for path in changed)
        raise MlopsError(
            f"Nothing was written, because an earlier describe or somebody has worked in {names}: "
            "--update shows the difference, --write replaces it."
        )
    write_texts(description.files)
    # What a killed run left; another at work now has written its own within a minute.
    remove_leftovers(description.files, time.time() - 60)
    return [path.as_posix() for path in description.files]


def difference(description: Description) -> str:
    """Return what would change, as a unified diff."""
    return "".join(
        unified(path.read_text(encoding="utf-8") if path.is_file() else "", text, path)
        for path, text in description.files.items()
    )


def _may_go(path: Path, text: str, seeds: Mapping[str, str]) -> bool:
    """Whether a file is as it was rendered, or says already what is to be written."""
    import hashlib

    there = path.read_text(encoding="utf-8")
    return there == text or seeds.get(path.as_posix()) == hashlib.sha256(there.encode()).hexdigest()


def _checked(text: str, made: Described) -> Sources:
    """Read what was written as the run will; what it refuses is an error of ours."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sources.yaml"
        file.write_text(text, encoding="utf-8")
        return read_config(file, Sources)


def _drafts(sources: Sources, file: Path, made: Described, wanted: Wanted) -> Draft:
    """Let the rooms propose their files from evenly spaced rows of the table."""
    import tempfile

    contract = Contract(made.name, sources.tables[made.name])
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".describing.") as folder:
        typed = contract.check(_sampled(file, sources.tables[made.name], made.rows)).good
        typed.write_parquet(Path(folder) / f"{made.name}.parquet")
        found = [room.draft(sources, Path(folder), wanted) for room in rooms()]
    return Draft(
        {path: text for one in found for path, text in one.files.items()},
        {name: why for one in found for name, why in one.withheld.items()},
        [said for one in found for said in one.said],
    )


def _sampled(file: Path, table: Table, rows: int) -> "polars.DataFrame":
    read = list(table.read_columns)
    return with_ids(spaced(file, read, -(-rows // SAMPLE)), table, 0)


def show(description: Description) -> None:
    """Print what was found: a line a column, without a value of any row."""
    made = description.made
    parts = [f"{len(made.files)} file{'s' * (len(made.files) > 1)}", f"{counted(made.rows, 'row')}"]
    parts += [counted(len(made.columns), "column")]
    parts += [f"{key} {value!r}" for key, value in made.written.options.items() if key != "choices"]
    print(f"{made.name}: {', '.join(parts)}")
    width = min(max(map(len, made.columns), default=6), 32)
    print(f"{'column':<{width}}  {'type':<12} {'missing':>9} {'distinct':>9}  evidence")
    for name, one in made.columns.items():
        kind = "-" if one.left_out else one.type
        line = f"{name:<{width}}  {kind:<12} {one.missing.total():>9,} {one.distinct:>9,}  "
        print(line + (one.left_out or one.evidence))
    for name, reason in made.written.unread.items():
        print(f"not read   {name}: {reason}")
    if made.not_read:
        print(f"not read   {', '.join(one.name for one in made.not_read[:5])}")
    for note in made.notes:
        print(f"note       {note}")
    for one in made.columns.values():
        for note in one.notes:
            print(f"note       {one.name}: {note}")
    for question in made.asked():
        print(f"ask        {question}")
