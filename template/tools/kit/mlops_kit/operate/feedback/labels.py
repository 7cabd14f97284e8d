"""Outcomes that arrive later: taken in once each, kept when late, told when they differ."""

import datetime
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import held, write_json, written_beside
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import Column, Files, Sources, Table, load_sources
from mlops_kit.data.contract import Contract
from mlops_kit.data.sources import files
from mlops_kit.data.values.cast import as_text
from mlops_kit.room import rooms

if TYPE_CHECKING:
    import polars

FEEDBACK = OPEN_ZONE / "feedback"
REPORT = Path("reports/monitor/feedback.json")
NAMES = ("outcome", "y_true", "label")
REQUEST = "request_id"
# What names a row: a request, and its place in one about several; or an id, with its time, and
# the horizon of a forecast.
KEYS = ("request", "row", "id", "time", "horizon")
PLACES = ("row", "horizon")  # whole numbers, which most rows do not have


def take_in(given: Path, task: str, classes: Any = None) -> dict[str, Any]:
    """Take in a file of outcomes.

    Parameters
    ----------
    given : Path
        csv, JSON lines or parquet with `outcome` (or y_true, label), and `request_id` (with `row`
        from 0 where a request asked about several), or the entity's column (or id) and, where rows
        have them, `time` and `horizon`.
    task : str
        What outcomes are: classes, numbers or lists of items.
    classes : sequence, optional
        The model's classes, where they are not 0 and 1.

    Returns
    -------
    dict
        Counts: `read`, `new`, `known` (the same again), `conflicting`, `broken` (among them those
        of another class); and `file`.

    Raises
    ------
    MlopsError
        When the file is missing, or lacks a column.
    """
    rows, broken = _read(given, task, classes)
    FEEDBACK.mkdir(parents=True, exist_ok=True)
    busy = "Another `mlops feedback` is at work; wait until it has ended."
    with held(FEEDBACK / ".lock", busy):
        new, known, conflicts = _sorted_out(rows, load())
        place = None
        if len(new):
            stamp = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
            told = new.with_columns(received=stamp)
            digest = hashlib.sha256(new.write_csv().encode()).hexdigest()
            place = FEEDBACK / f"{digest[:16]}.parquet"
            with written_beside(place) as beside:
                told.write_parquet(beside)
        aside = None
        if len(conflicts):
            aside = FEEDBACK / f"conflicts-{given.stem}.csv"
            with written_beside(aside) as beside:
                conflicts.write_csv(beside)
    result = {
        "schema": 1,
        "file": given.name,
        "read": len(rows) + broken,
        "new": len(new),
        "known": known,
        "conflicting": len(conflicts),
        "broken": broken,
        "kept": None if place is None else place.as_posix(),
        "conflicts": None if aside is None else aside.as_posix(),
    }
    write_json(REPORT, result)
    return result


def load(folder: Path = FEEDBACK) -> "polars.DataFrame":
    """Give all outcomes: KEYS and outcome (JSON), each key once."""
    import polars as pl

    schema: dict[str, Any] = dict.fromkeys((*KEYS, "outcome"), pl.String)
    schema |= {"time": pl.Datetime("us"), **dict.fromkeys(PLACES, pl.Int64)}
    parts = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    if not parts:
        return pl.DataFrame(schema=schema)
    try:
        # Parts of earlier releases have no places.
        frames = [
            pl.concat([pl.DataFrame(schema=schema), pl.read_parquet(part)], how="diagonal")
            for part in parts
        ]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise MlopsError(
            f"A part of {folder.as_posix()} is damaged: remove it, and give its file again."
        ) from error
    every = pl.concat(frames).sort("received", maintain_order=True)
    return every.unique(KEYS, keep="first", maintain_order=True).drop("received")


def _read(given: Path, task: str, classes: Any) -> "tuple[polars.DataFrame, int]":
    import polars as pl

    if not given.exists():
        raise MlopsError(f"{given.as_posix()} does not exist; correct the path.")
    sources: Sources = load_sources()
    entity = sources.entity
    table = Table(source="feedback", path=given.name, columns={"id": Column(type="string")})
    source = Files(kind="files", folder=given.parent)
    found = files.find(source, "feedback", table)
    wanted = list(dict.fromkeys([*NAMES, REQUEST, entity.column, "id", "time", *PLACES]))
    there = files.shown(found, table, wanted)
    outcome = next((name for name in NAMES if name in there), None)
    key = next((name for name in (REQUEST, entity.column, "id") if name in there), None)
    if outcome is None or key is None:
        lack = "outcome" if outcome is None else f"{REQUEST}, {entity.column} or id"
        raise MlopsError(f"{given.as_posix()} has no column {lack}; name it so.")
    own = sources.tables[entity.table].columns[entity.column]
    allowed = list(classes or (0, 1)) if task == "classification" else None
    columns = {outcome: Column(type=_type_of(task, classes), allowed=allowed)}
    opened = None
    if key == REQUEST:
        columns[key] = Column(type="string")
    else:
        opened = next((one for room in rooms() if (one := room.open_ids(sources))), None)
        columns[key] = own.model_copy(update={"unique": False, "nullable": True})
        if "time" in there:
            columns["time"] = Column(type="datetime")
    place = "row" if key == REQUEST else "horizon"
    if place in there and place != key:
        columns[place] = Column(type="integer", nullable=True, minimum=0)
    table = table.model_copy(update={"columns": columns})
    parts, broken = [], 0
    for _, frames in files.read(source, "feedback", table):
        for frame in frames:
            tokens = None
            if opened is not None:
                texts = as_text(frame[key]).str.strip_chars()
                mask = opened.is_one(texts)
                tokens = pl.select(pl.when(mask).then(texts)).to_series()
                frame = frame.with_columns(
                    pl.when(mask).then(None).otherwise(pl.col(key)).alias(key)
                )
            numbered = frame.with_row_index("_row")
            with_row = table.model_copy(
                update={"columns": {"_row": Column(type="integer"), **columns}}
            )
            checked = Contract("feedback", with_row).check(numbered)
            good = checked.good
            broken += len(frame) - len(good)
            ids = good[key]
            if opened is not None and tokens is not None:
                kept = tokens.gather(good["_row"].cast(pl.UInt32))
                ids = pl.select(pl.coalesce(kept, opened.made(ids))).to_series()
            ids = ids.cast(pl.String)
            nothing = pl.Series([None] * len(good), dtype=pl.String)
            other = {
                name: good[name] if name in good.columns else nothing for name in ("time", *PLACES)
            }
            part = pl.DataFrame(
                {
                    "request": ids if key == REQUEST else nothing,
                    "row": other["row"].cast(pl.Int64),
                    "id": nothing if key == REQUEST else ids,
                    "time": other["time"].cast(pl.Datetime("us")),
                    "horizon": other["horizon"].cast(pl.Int64),
                    "outcome": as_json(good[outcome], task),
                }
            )
            lost = part.filter(pl.coalesce("request", "id").is_null())
            broken += len(lost)
            parts.append(part.filter(pl.coalesce("request", "id").is_not_null()))
    if not parts or not sum(map(len, parts)):
        raise MlopsError(f"{given.as_posix()} has no usable row: {broken:,} are broken or none.")
    return pl.concat(parts), broken


def _type_of(task: str, classes: Any) -> str:
    if task == "regression":
        return "number"
    if task == "recommendation":
        return "integers"
    return "string" if classes and isinstance(classes[0], str) else "integer"


def as_json(values: "polars.Series", task: str) -> "polars.Series":
    """Write outcomes in one spelling, so that 1 and 1.0 are the same."""
    import polars as pl

    if task == "recommendation":
        texts = [None if one is None else json.dumps(sorted(map(str, one))) for one in values]
    elif task == "regression":
        texts = [None if one is None else json.dumps(float(one)) for one in values]
    else:
        texts = [
            None if one is None else str(int(one)) if isinstance(one, float) else str(one)
            for one in values
        ]
    return pl.Series("outcome", texts, dtype=pl.String)


def _sorted_out(
    rows: "polars.DataFrame", known: "polars.DataFrame"
) -> "tuple[polars.DataFrame, int, polars.DataFrame]":
    """Return new rows, how many were known, and those that say something else than is known."""
    import polars as pl

    keys = list(KEYS)
    first = pl.concat([known.select(*keys, "outcome"), rows]).unique(
        keys, keep="first", maintain_order=True
    )
    first = first.rename({"outcome": "first"})
    joined = rows.join(first, on=keys, how="left", nulls_equal=True, maintain_order="left")
    conflicts = joined.filter(pl.col("outcome") != pl.col("first"))
    same = joined.filter(pl.col("outcome") == pl.col("first")).drop("first")
    distinct = same.unique(keys, keep="first", maintain_order=True)
    new = distinct.join(known.select(keys), on=keys, how="anti", nulls_equal=True)
    return new, len(same) - len(new), conflicts
