"""Erase one person: find their rows by a token, remove them everywhere, and tell what remembers."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import NEGATIVE, MlopsError
from mlops_kit.core.settings import load_settings
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE
from mlops_kit.data.config import Files, Landed, Sources, load_sources
from mlops_kit.data.landing.snapshot import parts_of
from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.sources.files import Found, find, format_of
from mlops_kit.data.sources.tables import read
from mlops_kit.data.storage.bringing import coming
from mlops_kit.data.storage.keeping import rewritten
from mlops_kit.privacy.people.links import follow
from mlops_kit.privacy.people.raw_files import Mark, Written, remove_rows
from mlops_kit.privacy.people.reidentify import ANSWERS, LOG
from mlops_kit.privacy.people.scores import remove_scores, scored_elsewhere
from mlops_kit.privacy.people.subjects import (
    Named,
    about_rows,
    naming_columns,
    note_tokens,
    rows_of,
    rows_of_erased,
)
from mlops_kit.privacy.people.traces import files_with, history, holds, models_trained_on
from mlops_kit.privacy.policy.load import load_privacy
from mlops_kit.privacy.protect.keys import privacy_key
from mlops_kit.privacy.protect.sort import frames_of
from mlops_kit.privacy.protect.stage import protect
from mlops_kit.privacy.protect.staging import finish
from mlops_kit.privacy.protect.tokens import TOKEN, check_token


def erase(subject: str, dry_run: bool = False, leave_shared: bool = False) -> dict[str, Any]:
    """Remove a person from raw files, restricted tables, the open zone and what is derived from it.

    Parameters
    ----------
    subject : str
        A token of the person, of any domain, made with today's key.
    dry_run : bool
        Only list.
    leave_shared : bool
        Whether somebody has decided that rows may stay in which only an identifier that others
        have too names the person.

    Returns
    -------
    dict
        `rows`: how many are removed, by file; `reached`: which other tokens are the person's, and
        how they were found; `left`: what was not followed and which rows stay; `models`: which
        learned from the person; `history`: what keeps old versions, in sentences; `next`: what to
        do now.

    Raises
    ------
    MlopsError
        When the token is of another key, of nobody here, or of several people; when rows would
        stay about which somebody has to decide.
    """
    sources, settings = load_sources(), load_settings()
    _check_ids(sources)
    policy = load_privacy(sources)
    key = privacy_key(sources, policy)
    subject = check_token(subject, key)
    finish()
    every = naming_columns(sources, policy)
    names = about_rows(every)
    folder = RESTRICTED_ZONE / "tables"
    tables = {name: folder / f"{name}.parquet" for name in sources.tables}
    if missing := [file for file in tables.values() if not file.is_file()]:
        raise MlopsError(f"{missing[0].as_posix()} does not exist; run `uv run mlops run` first.")
    entity = sources.entity
    found = follow(subject, tables, names, (entity.table, entity.column), key)
    if found.contested and not (dry_run or leave_shared):
        raise MlopsError(
            f"Nothing was erased: {found.contested[0]}"
            + (f" and {len(found.contested) - 1} more" if found.contested[1:] else "")
            + " would stay, since others have that identifier too: look at --dry-run, then erase "
            "the rest with --leave-shared, or those rows by their own tokens first.",
            NEGATIVE,
        )
    subjects = found.subjects
    raw = list(_raw_files(sources))
    files = [file for _, found in raw for file in found.files]
    mine = [one for one in names[entity.table] if one.column == entity.column]
    # Last the tables that tell which identifiers are one person's: a killed run can be repeated.
    telling = sorted(tables, key=lambda name: (name == entity.table, len(names[name])))
    places = [
        *(
            (file, names[name], Written(sources.tables[name], found.format))
            for name, found in raw
            for file in found.files
        ),
        *((file, names[name], None) for name, file in parts_of(sources)),
        *((file, named, None) for file, named in _quarantined(names)),
        (folder / "entities.parquet", mine, None),
        *((tables[name], names[name], None) for name in telling),
    ]
    rows: dict[str, int] = {}
    models = models_trained_on(subjects, settings)
    mentions = list(_mentions(every, tables, subjects, key))
    known = any(_remove(*place, subjects, key, True) for place in places)
    if known and not dry_run:  # before anything goes: a killed run must not let them come back
        note_tokens(subjects, key)
    rows |= remove_scores(mine, subjects, key, dry_run) if mine else {}
    for file in sorted(set(OPEN_ZONE.rglob("*.parquet")) - set(map(Path, rows))):
        columns = _text_columns(file)
        mark: Mark = lambda frame: holds(frame, subjects)  # noqa: E731
        rows[file.as_posix()] = remove_rows(file, columns, mark, dry_run) if columns else 0
    for file in _answers(subjects) if known else []:
        rows[file.as_posix()] = 1
        if not dry_run:
            file.unlink()
    if known and not dry_run:
        for name, table in sources.tables.items():
            if isinstance(source := sources.sources[table.source], Landed):
                source.forget(name, table)
    by = "mlops privacy erase"
    with contextlib.nullcontext() if dry_run else rewritten(settings, sources, files, by):
        for place in places:
            rows[place[0].as_posix()] = _remove(*place, subjects, key, dry_run)
    rows = {place: count for place, count in rows.items() if count}
    if not rows:
        raise MlopsError("This token is of nobody in the restricted or the open zone; check it.")
    told = {
        "dry_run": dry_run,
        "rows": rows,
        "reached": found.reached,
        "left": [
            *found.shared,
            *(
                f"{rows_left} stay: nothing else says whose they are"
                for rows_left in found.contested
            ),
            *mentions,
        ],
        "models": models,
        "history": [
            *_not_cleaned(subjects, dry_run, rows),
            *_beside(sources),
            *history(subjects, files),
        ],
        "next": "uv run mlops run  (trains again, without this person)",
    }
    if not dry_run:
        _check_gone(sources, names, subjects, key)
        try:  # rows that no token marks, such as those of a table whose naming column is dropped
            protect()
        except MlopsError as error:
            told["history"].insert(0, f"data/open/tables could not be made again: {error}")
    return told


def _mentions(
    every: dict[str, list[Named]], tables: dict[str, Path], subjects: set[str], key: bytes
) -> Iterator[str]:
    """Rows of other people that name the person, as `referred_by` does."""
    for table, named in every.items():
        for one in named:
            frames = () if one.about else frames_of(tables[table])
            if count := sum(int(rows_of(frame, [one], subjects, key).sum()) for frame in frames):
                yield (
                    f"{table} names this person in {counted(count, 'row')} of other people, as "
                    f"{one.column}: empty that field in the source"
                )


def _remove(
    file: Path,
    named: list[Named],
    written: Written | None,
    subjects: set[str],
    key: bytes,
    dry_run: bool,
) -> int:
    if not named or not file.is_file():
        return 0
    columns = [one.column for one in named]
    mark: Mark = lambda frame: rows_of(frame, named, subjects, key)  # noqa: E731
    return remove_rows(file, columns, mark, dry_run, written)


def _check_ids(sources: Sources) -> None:
    """Refuse where an id is made when a table is read: no row of its files says whose it is."""
    for name, table in sources.tables.items():
        if made := [column for column, one in table.columns.items() if one.made is not None]:
            raise MlopsError(
                f"Nothing was erased: {name}.{made[0]} is made when the table is read, so that its "
                "files do not say whose a row is; remove the person's rows there yourself, and run "
                "`uv run mlops run`."
            )


def remove_erased(sources: Sources, name: str, file: Path) -> int:
    """Take people who were erased out of a file that was just brought; return how many rows."""
    gone, names = rows_of_erased(sources)
    columns = [one.column for one in names.get(name, ())]
    table = sources.tables[name]
    kind = table.format or format_of(file)
    if not columns or kind is None:
        return 0
    return remove_rows(file, columns, lambda rows: gone(name, rows), False, Written(table, kind))


def _raw_files(sources: Sources) -> Iterator[tuple[str, Found]]:
    for name, table in sources.tables.items():
        source = sources.sources[table.source]
        if isinstance(source, Files):
            yield name, find(source, name, table)
        if isinstance(source, Fetched) and (came := list(coming(source, name, table))):
            kind = table.format or format_of(came[0])
            assert kind is not None  # others are not brought
            yield name, Found(came, kind, [])


def _quarantined(names: dict[str, list[Named]]) -> list[tuple[Path, list[Named]]]:
    folder = RESTRICTED_ZONE / "quarantine"
    return [(folder / f"{name}.parquet", named) for name, named in names.items()]


def _answers(subjects: set[str]) -> list[Path]:
    """Answers about the person, and those to encrypted values, which may be theirs."""
    codes = {
        file: json.loads(file.read_text(encoding="utf-8"))["code"] for file in ANSWERS.glob("*")
    }
    return [file for file, code in codes.items() if code in subjects or not TOKEN.fullmatch(code)]


def _text_columns(file: Path) -> list[str]:
    import polars as pl

    schema = pl.read_parquet_schema(file)
    return [name for name, kind in schema.items() if kind in (pl.String, pl.List(pl.String))]


def _not_cleaned(subjects: set[str], dry_run: bool, rows: dict[str, int]) -> list[str]:
    """Other files of the open zone that name the person: written by the team, for it to clean."""
    found = [file.as_posix() for file in files_with([OPEN_ZONE], subjects)]
    left = [file for file in found if not (dry_run and file in rows)]
    told = [f"{file} names this person's token and was not changed: clean it." for file in left]
    if LOG.is_file() and any(one in LOG.read_text(encoding="utf-8") for one in subjects):
        told.append(
            f"{LOG.as_posix()} names the token: the record of who looked stays, on purpose."
        )
    told += [
        f"{sample.as_posix()} was drawn from a file as it came and was not searched: delete it."
        for sample in sorted((RESTRICTED_ZONE / "samples").glob("*.parquet"))
    ]
    return [*told, *scored_elsewhere()]


def _beside(sources: Sources) -> list[str]:
    used = {table.source for table in sources.tables.values()}
    every = [(name, sources.sources[name]) for name in sorted(used)]
    return [said for name, one in every if isinstance(one, Landed) and (said := one.beside(name))]


def _check_gone(
    sources: Sources, names: dict[str, list[Named]], subjects: set[str], key: bytes
) -> None:
    """Read the files again as the pipeline does, and find nobody."""
    for name, table in sources.tables.items():
        source = sources.sources[table.source]
        frames = read(sources, name) if isinstance(source, Files) else ()
        if left := sum(int(rows_of(frame, names[name], subjects, key).sum()) for frame in frames):
            raise MlopsError(
                f"The files of table {name}, as the pipeline reads them, still have "
                f"{counted(left, 'row')} of this person; remove by hand and run this again."
            )
